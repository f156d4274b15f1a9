//! The reader under every JSON format: knows where it is, and stops or shortens what would fill memory.
//!
//! It follows strings and brackets only; whether the text is JSON is decided by the parser above. In return every error
//! of every format has byte, line, column and path, and no single text, nesting or header can grow without bound.

use std::io::{self, BufRead, BufReader, Read};

use crate::error::{ErrorKind, Place};
use crate::limits::Limits;
use crate::{ReadSeek, encoding::Utf8};

/// Longest part of a key that is kept for the path, in bytes.
const KEPT_KEY: usize = 80;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Nest {
    Object,
    Array,
}

struct Level {
    nest: Nest,
    /// Position in an array.
    index: u64,
    /// Where this level's key begins in [`Guard::keys`].
    key_start: usize,
}

/// What the last byte does to the path. Applied with the next byte, so that a parser that looks one byte ahead
/// still reports the value it was reading.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pending {
    Nothing,
    Next,
    Close,
}

enum Text {
    Outside,
    Plain,
    Escape,
    /// Hexadecimal digits still to come, and the value so far.
    Unicode(u8, u16),
}

pub(crate) struct Guard<'a> {
    input: BufReader<&'a mut dyn ReadSeek>,
    limits: &'a Limits,
    bulk: &'static [&'static str],
    byte: u64,
    line: u64,
    column: u64,
    utf8: Utf8,
    levels: Vec<Level>,
    keys: Vec<u8>,
    pending: Pending,
    text: Text,
    reads_key: bool,
    expects_key: bool,
    kept: usize,
    cut: bool,
    after_high_surrogate: bool,
    bulk_level: Option<usize>,
    header_bytes: u64,
    result_bytes: u64,
    pub(crate) failure: Option<ErrorKind>,
}

impl<'a> Guard<'a> {
    /// `bulk` names the keys whose values do not count as header: they are streamed or skipped, never held.
    pub(crate) fn new(
        input: &'a mut dyn ReadSeek,
        limits: &'a Limits,
        bulk: &'static [&'static str],
    ) -> Self {
        Self {
            input: BufReader::with_capacity(64 << 10, input),
            limits,
            bulk,
            byte: 0,
            line: 1,
            column: 0,
            utf8: Utf8::default(),
            levels: Vec::new(),
            keys: Vec::new(),
            pending: Pending::Nothing,
            text: Text::Outside,
            reads_key: false,
            expects_key: false,
            kept: 0,
            cut: false,
            after_high_surrogate: false,
            bulk_level: None,
            header_bytes: 0,
            result_bytes: 0,
            failure: None,
        }
    }

    /// Skips a byte order mark.
    pub(crate) fn skip_mark(&mut self) -> io::Result<()> {
        if self.input.fill_buf()?.starts_with(b"\xEF\xBB\xBF") {
            self.input.consume(3);
            self.byte = 3;
        }
        Ok(())
    }

    /// Whether the file ended inside a text.
    pub(crate) fn inside_text(&self) -> bool {
        !matches!(self.text, Text::Outside)
    }

    /// Whether the last byte closed an object or a list: what is wrong then concerns it as a whole.
    pub(crate) fn just_closed(&self) -> bool {
        self.pending == Pending::Close
    }

    /// Whether the file ends here although the JSON does not.
    pub(crate) fn ends_unfinished(&mut self) -> bool {
        let open = self.levels.len() - usize::from(self.just_closed() && !self.levels.is_empty());
        open > 0 && matches!(self.next_byte(), Ok(None))
    }

    /// Where the last byte was read. `whole_object` leaves out the last key: the object as a whole is meant.
    pub(crate) fn place(&self, whole_object: bool) -> Place {
        let mut path = String::new();
        for (position, level) in self.levels.iter().enumerate() {
            let last = position + 1 == self.levels.len();
            match level.nest {
                Nest::Array if last && whole_object => {}
                Nest::Array => path.push_str(&format!("[{}]", level.index)),
                Nest::Object if last && whole_object => {}
                Nest::Object => {
                    let end = self.levels.get(position + 1).map_or(self.keys.len(), |next| next.key_start);
                    let key = String::from_utf8_lossy(&self.keys[level.key_start..end]);
                    if key.is_empty() {
                        continue;
                    }
                    if !path.is_empty() {
                        path.push('.');
                    }
                    path.push_str(&key);
                }
            }
        }
        Place { byte: self.byte, line: self.line, column: self.column.max(1), path }
    }

    fn stop(&mut self, kind: ErrorKind) -> io::Error {
        self.failure = Some(kind);
        io::Error::other("stopped")
    }

    fn apply_pending(&mut self) {
        match std::mem::replace(&mut self.pending, Pending::Nothing) {
            Pending::Nothing => return,
            Pending::Next => {
                if let Some(level) = self.levels.last_mut() {
                    level.index += 1;
                    self.keys.truncate(level.key_start);
                    self.expects_key = level.nest == Nest::Object;
                    if self.bulk_level.is_some_and(|bulk| self.levels.len() == bulk + 2) {
                        self.result_bytes = 0;
                    }
                }
            }
            Pending::Close => {
                if let Some(level) = self.levels.pop() {
                    self.keys.truncate(level.key_start);
                }
                self.expects_key = false;
            }
        }
        if self.bulk_level.is_some_and(|level| self.levels.len() <= level + 1) {
            self.bulk_level = None;
        }
    }

    fn open(&mut self, nest: Nest) -> io::Result<()> {
        self.levels.push(Level { nest, index: 0, key_start: self.keys.len() });
        self.expects_key = nest == Nest::Object;
        if self.levels.len() > self.limits.max_depth {
            let bound = self.limits.max_depth as u64;
            return Err(self.stop(ErrorKind::LimitExceeded { what: "nesting of the JSON in levels", bound }));
        }
        Ok(())
    }

    fn outside(&mut self, byte: u8) -> io::Result<()> {
        self.apply_pending();
        match byte {
            b'"' => {
                self.text = Text::Plain;
                self.reads_key = self.expects_key;
                self.kept = 0;
                self.cut = false;
                self.after_high_surrogate = false;
            }
            b'{' => self.open(Nest::Object)?,
            b'[' => self.open(Nest::Array)?,
            b'}' | b']' => self.pending = Pending::Close,
            b',' => self.pending = Pending::Next,
            b':' => self.expects_key = false,
            _ => {}
        }
        Ok(())
    }

    fn key_ends(&mut self) {
        let Some(level) = self.levels.last() else { return };
        if self.bulk_level.is_none()
            && self.bulk.iter().any(|name| name.as_bytes() == &self.keys[level.key_start..])
        {
            self.bulk_level = Some(self.levels.len() - 1);
            self.result_bytes = 0;
        }
    }

    /// Follows a byte inside a text; `false`: the byte is dropped because the text is too long.
    fn inside(&mut self, byte: u8) -> bool {
        // A cut may only come between characters: not inside UTF-8, an escape or a pair of surrogates.
        let boundary = matches!(self.text, Text::Plain) && byte & 0xC0 != 0x80;
        if boundary && self.kept >= self.limits.max_string && !self.after_high_surrogate {
            self.cut = true;
        }
        match self.text {
            Text::Plain if byte == b'"' => {
                self.text = Text::Outside;
                if self.reads_key {
                    self.key_ends();
                }
                return true;
            }
            Text::Plain if byte == b'\\' => self.text = Text::Escape,
            Text::Plain => self.after_high_surrogate = false,
            Text::Escape if byte == b'u' => self.text = Text::Unicode(4, 0),
            Text::Escape => {
                self.text = Text::Plain;
                self.after_high_surrogate = false;
            }
            Text::Unicode(left, value) => {
                let digit = (byte as char).to_digit(16).unwrap_or(0) as u16;
                let value = (value << 4) | digit;
                if left > 1 {
                    self.text = Text::Unicode(left - 1, value);
                } else {
                    self.text = Text::Plain;
                    self.after_high_surrogate = (0xD800..0xDC00).contains(&value);
                }
            }
            Text::Outside => {}
        }
        if self.cut {
            return false;
        }
        self.kept += 1;
        if self.reads_key
            && self.keys.len() - self.levels.last().map_or(self.keys.len(), |level| level.key_start)
                < KEPT_KEY
        {
            self.keys.push(byte);
        }
        true
    }

    fn count(&mut self) -> io::Result<()> {
        let (count, bound, what) = match self.bulk_level {
            None => {
                let what = "size in bytes of what is not a result (rules, artifacts)";
                (&mut self.header_bytes, self.limits.max_header_bytes, what)
            }
            Some(_) => (&mut self.result_bytes, self.limits.max_result_bytes, "size of one result in bytes"),
        };
        *count += 1;
        if *count > bound {
            return Err(self.stop(ErrorKind::LimitExceeded { what, bound }));
        }
        Ok(())
    }

    fn next_byte(&mut self) -> io::Result<Option<u8>> {
        if self.failure.is_some() {
            return Err(io::Error::other("stopped"));
        }
        loop {
            let Some(&byte) = self.input.fill_buf()?.first() else {
                return match self.utf8.finish() {
                    Ok(()) => Ok(None),
                    Err(found) => Err(self.stop(ErrorKind::WrongEncoding { found })),
                };
            };
            self.input.consume(1);
            self.byte += 1;
            if byte & 0xC0 != 0x80 {
                self.column += 1;
            }
            if (byte >= 0x80 || self.utf8.inside())
                && let Err(found) = self.utf8.follow(byte)
            {
                return Err(self.stop(ErrorKind::WrongEncoding { found }));
            }
            if self.byte > self.limits.max_bytes {
                let bound = self.limits.max_bytes;
                return Err(self.stop(ErrorKind::LimitExceeded { what: "size of the file in bytes", bound }));
            }
            self.count()?;
            let passes = match self.text {
                Text::Outside => {
                    self.outside(byte)?;
                    true
                }
                _ => self.inside(byte),
            };
            if byte == b'\n' {
                self.line += 1;
                self.column = 0;
            }
            if passes {
                return Ok(Some(byte));
            }
        }
    }
}

impl Read for Guard<'_> {
    /// One byte at a time: what has been handed out is what the parser has seen, so the position is exact.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(first) = buffer.first_mut() else { return Ok(0) };
        match self.next_byte()? {
            Some(byte) => {
                *first = byte;
                Ok(1)
            }
            None => Ok(0),
        }
    }
}
