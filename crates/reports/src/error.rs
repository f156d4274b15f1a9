//! Why a report was refused: where, in plain words, and what to do about it.

use std::fmt;
use std::io;

/// Error of the sink that was given to [`crate::read`].
pub type SinkError = Box<dyn std::error::Error + Send + Sync>;

/// Where in the file reading stopped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Bytes read, from 0.
    pub byte: u64,
    /// Line, from 1; 0 if only the path is known.
    pub line: u64,
    /// Column in characters, from 1.
    pub column: u64,
    /// JSON path (`runs[0].results[12].locations`) or name of the CSV column. Empty at the top of the file.
    pub path: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "line {}, column {} (byte {})", self.line, self.column, self.byte)?;
        }
        match (self.line > 0, self.path.is_empty()) {
            (_, true) => {}
            (true, false) => write!(f, ", at {}", self.path)?,
            (false, false) => write!(f, "at {}", self.path)?,
        }
        Ok(())
    }
}

/// A report that cannot be read. The text names position, reason and next step; the caller puts the file's name before it.
#[derive(Debug)]
pub struct Error {
    /// What is wrong.
    pub kind: ErrorKind,
    /// Where, unless the whole file is meant.
    pub place: Option<Place>,
}

impl Error {
    pub(crate) fn whole_file(kind: ErrorKind) -> Self {
        Self { kind, place: None }
    }

    /// An error of a value whose path is known, but not where in the file it stands.
    pub(crate) fn at_path(kind: ErrorKind, path: impl Into<String>) -> Self {
        Self::at(kind, Place { path: path.into(), ..Place::default() })
    }

    pub(crate) fn at(kind: ErrorKind, place: Place) -> Self {
        Self { kind, place: Some(place) }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Some(place) if *place != Place::default() => write!(f, "{place}: {}", self.kind),
            _ => self.kind.fmt(f),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&self.kind)
    }
}

impl From<ErrorKind> for Error {
    fn from(kind: ErrorKind) -> Self {
        Self::whole_file(kind)
    }
}

/// What is wrong with a report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// No byte, or white space only.
    #[error("the file is empty; check that the scanner finished and wrote its report")]
    Empty,
    /// The text is not UTF-8.
    #[error("{found}; save the report as UTF-8 and upload it again")]
    WrongEncoding {
        /// What was found instead.
        found: String,
    },
    /// No format fits the content.
    #[error("this is no report that can be read here: {seen}; known formats are {}", crate::Format::list())]
    UnknownFormat {
        /// What the file looks like.
        seen: String,
    },
    /// The file ends in the middle.
    #[error("the file ends in the middle of {inside}; it was cut off, so create or upload it again")]
    Truncated {
        /// What is not closed.
        inside: String,
    },
    /// The text breaks the rules of JSON or CSV.
    #[error("{reason}; the file is damaged or was not written by a scanner")]
    Syntax {
        /// The rule that is broken.
        reason: String,
    },
    /// Well-formed, but a value is not what the format says.
    #[error("{reason}")]
    Invalid {
        /// What was found, what was expected, and what to do.
        reason: String,
    },
    /// The report itself says that the scan did not work.
    #[error(
        "{scanner} says that its run failed: {message}; fix the scan and upload a report of a run that succeeded"
    )]
    RunFailed {
        /// Name of the scanner.
        scanner: String,
        /// Its own words.
        message: String,
    },
    /// A report without any run says nothing about any scan.
    #[error("the report holds no run of a scanner; check how the scanner was called")]
    NoRun,
    /// More than [`crate::Limits`] allow.
    #[error(
        "{what} exceeds the limit of {bound}; split the report, or raise the limit if the file is trusted"
    )]
    LimitExceeded {
        /// What was counted, with its unit.
        what: &'static str,
        /// The limit.
        bound: u64,
    },
    /// The file could not be read.
    #[error("the file could not be read")]
    Io(#[source] io::Error),
    /// The receiver of the observations stopped.
    #[error("reading was stopped by the receiver")]
    Sink(#[source] SinkError),
}

impl ErrorKind {
    pub(crate) fn invalid(reason: impl Into<String>) -> Self {
        Self::Invalid { reason: reason.into() }
    }
}
