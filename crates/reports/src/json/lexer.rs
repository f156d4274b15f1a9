//! Follows JSON byte by byte: line, column and path, depth, and which bytes belong to the results.
//!
//! It follows strings and brackets only; whether the text is JSON is decided by the parser above. In return every error
//! of every format has byte, line, column and path, and no single text, nesting or header can grow without bound.

use crate::encoding::Utf8;
use crate::error::{ErrorKind, Place};
use crate::limits::Limits;

/// The lists (or maps) whose elements are results: streamed one by one, and no part of the header.
#[derive(Clone, Copy)]
pub(crate) struct Bulk {
    /// Keys of the lists.
    pub(crate) keys: &'static [&'static str],
    /// How many brackets at least are open around such a key; the same key further out means something else.
    pub(crate) depth: usize,
    /// What stands at the top of the file.
    pub(crate) top: Top,
}

/// What stands at the top of a file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Top {
    /// An object or list whose members are header, unless a key says otherwise.
    Header,
    /// If it is a list, its elements are results.
    Elements,
    /// One value after the other (JSON Lines), each a result.
    Documents,
}

/// What an object takes in memory beside its text, in bytes: an empty one is three bytes in a file, and all the fields
/// of its kind once it is read.
pub(super) const OBJECT_COST: u64 = 256;
/// The same of any other element of a list.
const ELEMENT_COST: u64 = 24;

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
    /// Where this level's key begins in [`Lexer::keys`].
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

/// Where a stream of JSON stands.
pub(super) struct Lexer<'a> {
    limits: &'a Limits,
    bulk: Bulk,
    byte: u64,
    line: u64,
    /// Bytes before the line, and bytes in it that only continue a character: the column follows from both.
    line_start: u64,
    continued: u64,
    /// The byte behind which a limit is exceeded.
    stop_at: u64,
    /// What the header, and the result that is being read, take beside their text.
    header_cost: u64,
    result_cost: u64,
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
    /// How many brackets are open around a result, where results are.
    bulk_depth: Option<usize>,
    /// Bytes of results before the current list of them.
    bulk_bytes: u64,
    bulk_start: u64,
    result_start: u64,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(limits: &'a Limits, bulk: Bulk) -> Self {
        let mut lexer = Self {
            limits,
            bulk,
            byte: 0,
            line: 1,
            line_start: 0,
            continued: 0,
            stop_at: 0,
            header_cost: 0,
            result_cost: 0,
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
            bulk_depth: (bulk.top == Top::Documents).then_some(0),
            bulk_bytes: 0,
            bulk_start: 0,
            result_start: 0,
        };
        lexer.set_stop();
        lexer
    }

    /// A byte order mark of three bytes was skipped.
    pub(super) fn skipped_mark(&mut self) {
        self.byte = 3;
        self.line_start = 3;
    }

    /// Whether the file ended inside a text.
    pub(super) fn inside_text(&self) -> bool {
        !matches!(self.text, Text::Outside)
    }

    /// Whether the last byte closed an object or a list: what is wrong then concerns it as a whole.
    pub(super) fn just_closed(&self) -> bool {
        self.pending == Pending::Close
    }

    /// Whether brackets are open.
    pub(super) fn is_open(&self) -> bool {
        self.levels.len() > usize::from(self.just_closed())
    }

    /// How many brackets are open, the one that the last byte closed included.
    pub(super) fn depth(&self) -> usize {
        self.levels.len()
    }

    /// Whether a bracket that comes now would open a result.
    pub(super) fn before_result(&mut self) -> bool {
        if self.bulk_depth.is_none() || self.inside_text() {
            return false;
        }
        self.apply_pending();
        self.bulk_depth == Some(self.levels.len())
    }

    /// Column of the last byte, from 1; 0 at the start of a line.
    pub(super) fn column(&self) -> u64 {
        (self.byte - self.line_start).saturating_sub(self.continued)
    }

    /// Where the last byte was read. `whole_object` leaves out the last key: the object as a whole is meant.
    pub(super) fn place(&self, whole_object: bool) -> Place {
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
        Place { byte: self.byte, line: self.line, column: self.column().max(1), path }
    }

    fn apply_pending(&mut self) {
        match std::mem::replace(&mut self.pending, Pending::Nothing) {
            Pending::Nothing => return,
            Pending::Next => {
                if let Some(level) = self.levels.last_mut() {
                    level.index += 1;
                    self.keys.truncate(level.key_start);
                    self.expects_key = level.nest == Nest::Object;
                    if self.bulk_depth == Some(self.levels.len()) {
                        self.result_begins();
                    } else if self.levels.last().is_some_and(|level| level.nest == Nest::Array) {
                        self.charge(ELEMENT_COST);
                    }
                }
            }
            Pending::Close => {
                if let Some(level) = self.levels.pop() {
                    self.keys.truncate(level.key_start);
                }
                self.expects_key = false;
                if self.levels.is_empty() && self.bulk_depth == Some(0) {
                    self.result_begins();
                }
            }
        }
        if self.bulk_depth.is_some_and(|depth| self.levels.len() < depth) {
            self.bulk_depth = None;
            self.bulk_bytes += self.byte - self.bulk_start;
            self.set_stop();
        }
    }

    fn open(&mut self, nest: Nest) -> Result<(), ErrorKind> {
        self.levels.push(Level { nest, index: 0, key_start: self.keys.len() });
        self.expects_key = nest == Nest::Object;
        if nest == Nest::Object {
            self.charge(OBJECT_COST);
        }
        if self.bulk.top == Top::Elements && nest == Nest::Array && self.levels.len() == 1 {
            self.bulk_begins(1);
        }
        if self.levels.len() > self.limits.max_depth {
            let bound = self.limits.max_depth as u64;
            return Err(ErrorKind::LimitExceeded { what: "nesting of the JSON in levels", bound });
        }
        Ok(())
    }

    fn outside(&mut self, byte: u8) -> Result<(), ErrorKind> {
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
        if self.bulk_depth.is_none()
            && self.levels.len() >= self.bulk.depth
            && self.bulk.keys.iter().any(|name| name.as_bytes() == &self.keys[level.key_start..])
        {
            self.bulk_begins(self.levels.len() + 1);
        }
    }

    fn bulk_begins(&mut self, depth: usize) {
        self.bulk_depth = Some(depth);
        self.bulk_start = self.byte;
        self.result_begins();
    }

    fn result_begins(&mut self) {
        self.result_start = self.byte;
        self.result_cost = 0;
        self.set_stop();
    }

    fn charge(&mut self, bytes: u64) {
        match self.bulk_depth {
            None => self.header_cost += bytes,
            Some(_) => self.result_cost += bytes,
        }
        self.set_stop();
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

    /// The position up to which no limit needs to be looked at.
    fn set_stop(&mut self) {
        let (bound, cost, start) = match self.bulk_depth {
            None => (self.limits.max_header_bytes, self.header_cost, self.bulk_bytes),
            Some(_) => (self.limits.max_result_bytes, self.result_cost, self.result_start),
        };
        let part = bound.saturating_sub(cost).saturating_add(start);
        self.stop_at = part.min(self.limits.max_bytes);
    }

    #[cold]
    fn exceeded(&self) -> ErrorKind {
        let (what, bound) = if self.byte > self.limits.max_bytes {
            ("size of the file in bytes", self.limits.max_bytes)
        } else if self.bulk_depth.is_some() {
            ("size of one result in bytes", self.limits.max_result_bytes)
        } else {
            ("size in bytes of what is not a result (rules, artifacts)", self.limits.max_header_bytes)
        };
        ErrorKind::LimitExceeded { what, bound }
    }

    /// Follows one byte; `false`: drop it, because its text is too long.
    ///
    /// # Errors
    ///
    /// A limit, or a byte that is not UTF-8.
    #[inline]
    pub(super) fn follow(&mut self, byte: u8) -> Result<bool, ErrorKind> {
        self.byte += 1;
        if byte >= 0x80 || self.utf8.inside() {
            self.continued += u64::from(byte & 0xC0 == 0x80);
            self.utf8.follow(byte).map_err(|found| ErrorKind::WrongEncoding { found })?;
        }
        if self.byte > self.stop_at {
            return Err(self.exceeded());
        }
        let passes = match self.text {
            Text::Outside => {
                self.outside(byte)?;
                true
            }
            _ => self.inside(byte),
        };
        if byte == b'\n' {
            self.line += 1;
            self.line_start = self.byte;
            self.continued = 0;
        }
        Ok(passes)
    }

    /// How many of these bytes are the middle of a text that is kept, so that nothing but their number matters.
    pub(super) fn plain_run(&self, bytes: &[u8]) -> usize {
        if !matches!(self.text, Text::Plain) || self.reads_key || self.cut || self.after_high_surrogate {
            return 0;
        }
        let room = self.limits.max_string.saturating_sub(self.kept);
        let bytes = &bytes[..bytes.len().min(room)];
        let special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..=0x1F | 0x80..);
        bytes.iter().position(special).unwrap_or(bytes.len())
    }

    /// Follows as many bytes as [`Self::plain_run`] said.
    pub(super) fn follow_plain(&mut self, count: usize) -> Result<(), ErrorKind> {
        self.kept += count;
        self.byte += count as u64;
        if self.byte > self.stop_at { Err(self.exceeded()) } else { Ok(()) }
    }

    /// # Errors
    ///
    /// The file ends inside a character.
    pub(super) fn finish(&self) -> Result<(), ErrorKind> {
        self.utf8.finish().map_err(|found| ErrorKind::WrongEncoding { found })
    }
}
