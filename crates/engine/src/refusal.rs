//! Why something that was asked for is not done: one text for command line, API and UI.

use std::fmt;

/// What sort of refusal; decides the HTTP status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalKind {
    /// There is no such thing.
    NotFound,
    /// What was given makes no sense.
    Invalid,
    /// It contradicts what is there.
    Conflict,
    /// The board refused or cannot be reached.
    Board,
    /// Our own fault; the log has the chain of causes.
    Internal,
}

/// Something is not done, and why.
#[derive(Debug)]
pub struct Refusal {
    /// What sort.
    pub kind: RefusalKind,
    /// Stable word for programs.
    pub code: &'static str,
    /// Short summary that is the same each time.
    pub title: &'static str,
    /// What happened, to what and why.
    pub detail: String,
    /// What to do next.
    pub next_step: String,
    /// Wrong fields, by JSON pointer.
    pub fields: Vec<(String, String)>,
    /// Cause, for the log only.
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl std::error::Error for Refusal {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

impl Refusal {
    pub(crate) fn not_found(what: &str, id: impl fmt::Display) -> Self {
        Self {
            kind: RefusalKind::NotFound,
            code: "not_found",
            title: "There is no such thing",
            detail: format!("There is no {what} {id}."),
            next_step: format!("List what there is; the {what} may have been deleted."),
            fields: Vec::new(),
            source: None,
        }
    }

    pub(crate) fn invalid(
        code: &'static str,
        title: &'static str,
        detail: impl Into<String>,
        next_step: impl Into<String>,
    ) -> Self {
        Self {
            kind: RefusalKind::Invalid,
            code,
            title,
            detail: detail.into(),
            next_step: next_step.into(),
            fields: Vec::new(),
            source: None,
        }
    }

    pub(crate) fn conflict(
        code: &'static str,
        title: &'static str,
        detail: impl Into<String>,
        next_step: impl Into<String>,
    ) -> Self {
        Self { kind: RefusalKind::Conflict, ..Self::invalid(code, title, detail, next_step) }
    }

    pub(crate) fn field(mut self, pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        self.fields.push((pointer.into(), detail.into()));
        self
    }
}

impl From<store::Error> for Refusal {
    fn from(error: store::Error) -> Self {
        Self {
            kind: RefusalKind::Internal,
            code: "internal",
            title: "Lockstep could not do it",
            detail: format!("{error}."),
            next_step: "Try again; if it stays, look into the log of the server.".into(),
            fields: Vec::new(),
            source: Some(Box::new(error)),
        }
    }
}

impl From<azure::Error> for Refusal {
    fn from(error: azure::Error) -> Self {
        let kind = match error {
            azure::Error::NotFound { .. } => RefusalKind::NotFound,
            azure::Error::Rejected { .. } => RefusalKind::Invalid,
            _ => RefusalKind::Board,
        };
        Self {
            kind,
            code: "board",
            title: "Azure DevOps did not do it",
            detail: format!("{}.", error.message().trim_end_matches('.')),
            next_step: error.next_step(),
            fields: Vec::new(),
            source: Some(Box::new(error)),
        }
    }
}
