//! The reader under every CSV format: bounds the file and each row, refuses what is not UTF-8, and knows the position.

use std::cell::RefCell;
use std::io::{self, BufRead, BufReader, Read, SeekFrom};
use std::rc::Rc;

use crate::encoding::Utf8;
use crate::error::{Error, ErrorKind, Place};
use crate::limits::Limits;
use crate::{HEAD_BYTES, ReadSeek};

/// Most cells of one row: each costs memory beside its text.
const MAX_CELLS: u64 = 10_000;

/// How far the file was read, shared with the reader that owns the guard.
#[derive(Default)]
pub(crate) struct Progress {
    byte: u64,
    line: u64,
    row_bytes: u64,
    cells: u64,
    /// Whether the last byte is inside a quoted cell.
    pub(crate) in_quotes: bool,
    just_closed: bool,
    pub(crate) delimiter: u8,
    last: u8,
    /// Whether the last byte is a line break.
    pub(crate) ends_a_line: bool,
    /// Whether the file ends behind the last byte.
    pub(crate) ended: bool,
    utf8: Utf8,
    failure: Option<ErrorKind>,
}

impl Progress {
    pub(crate) fn place(&self) -> Place {
        Place { byte: self.byte, line: self.line + 1, column: self.row_bytes + 1, path: String::new() }
    }
}

/// Bounds the file and each row, and refuses what is not UTF-8, before the CSV reader sees it.
pub(crate) struct Guard<'a> {
    input: BufReader<&'a mut dyn ReadSeek>,
    limits: &'a Limits,
    progress: Rc<RefCell<Progress>>,
}

impl<'a> Guard<'a> {
    /// At the start of the file.
    pub(crate) fn new(
        input: &'a mut dyn ReadSeek,
        limits: &'a Limits,
        progress: &Rc<RefCell<Progress>>,
    ) -> Result<Self, ErrorKind> {
        input.seek(SeekFrom::Start(0)).map_err(ErrorKind::Io)?;
        Ok(Self { input: BufReader::with_capacity(HEAD_BYTES, input), limits, progress: Rc::clone(progress) })
    }

    /// The first line, which stays to be read. Also skips the byte order mark.
    pub(crate) fn header(&mut self) -> Result<String, Error> {
        if self.input.fill_buf().map_err(ErrorKind::Io)?.starts_with(b"\xEF\xBB\xBF") {
            self.input.consume(3);
            self.progress.borrow_mut().byte = 3;
        }
        let start = self.input.fill_buf().map_err(ErrorKind::Io)?;
        let line =
            start.split(|byte| matches!(byte, b'\n' | b'\r')).find(|line| !line.trim_ascii().is_empty());
        Ok(String::from_utf8_lossy(line.unwrap_or_default()).into_owned())
    }
}

impl Progress {
    fn follow(&mut self, byte: u8, limits: &Limits) -> Result<(), ErrorKind> {
        self.byte += 1;
        self.row_bytes += 1;
        if byte >= 0x80 || self.utf8.inside() {
            self.utf8.follow(byte).map_err(|found| ErrorKind::WrongEncoding { found })?;
        }
        if self.byte > limits.max_bytes {
            return Err(ErrorKind::LimitExceeded {
                what: "size of the file in bytes",
                bound: limits.max_bytes,
            });
        }
        if self.row_bytes > limits.max_result_bytes {
            let bound = limits.max_result_bytes;
            let what = "size of one row in bytes (a quote that is not closed, perhaps)";
            return Err(ErrorKind::LimitExceeded { what, bound });
        }
        // A quote opens a cell only at its start; two quotes inside a cell close and open it again (RFC 4180).
        let starts_cell =
            self.last == self.delimiter || matches!(self.last, 0 | b'\n' | b'\r') || self.just_closed;
        self.just_closed = false;
        match byte {
            byte if byte == self.delimiter && !self.in_quotes => {
                self.cells += 1;
                if self.cells > MAX_CELLS {
                    return Err(ErrorKind::LimitExceeded {
                        what: "number of cells in one row",
                        bound: MAX_CELLS,
                    });
                }
            }
            b'"' if self.in_quotes => (self.in_quotes, self.just_closed) = (false, true),
            b'"' if starts_cell => self.in_quotes = true,
            b'\n' => {
                self.line += 1;
                if !self.in_quotes {
                    (self.row_bytes, self.cells) = (0, 0);
                }
            }
            _ => {}
        }
        self.last = byte;
        self.ends_a_line = byte == b'\n';
        Ok(())
    }
}

impl Read for Guard<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(buffer)?;
        let mut progress = self.progress.borrow_mut();
        let followed = buffer[..count].iter().try_for_each(|byte| progress.follow(*byte, self.limits));
        if let Err(kind) = followed {
            progress.failure = Some(kind);
            return Err(io::Error::other("stopped"));
        }
        progress.ended = count == 0;
        if count == 0
            && let Err(found) = progress.utf8.finish()
        {
            progress.failure = Some(ErrorKind::WrongEncoding { found });
            return Err(io::Error::other("stopped"));
        }
        Ok(count)
    }
}

/// The error of the CSV reader, or what made the guard stop it.
pub(crate) fn refuse(error: ::csv::Error, progress: &RefCell<Progress>) -> Error {
    let mut progress = progress.borrow_mut();
    let place = progress.place();
    if let Some(kind) = progress.failure.take() {
        return Error::at(kind, place);
    }
    match error.into_kind() {
        ::csv::ErrorKind::Io(error) => ErrorKind::Io(error).into(),
        other => Error::at(ErrorKind::Syntax { reason: format!("not valid CSV: {other:?}") }, place),
    }
}
