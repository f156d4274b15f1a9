//! The reader under every JSON format.
//!
//! It hands the document to the parser byte by byte, so that the position is exact, except for results: each is cut out
//! whole, laid into the [`Exchange`], and the parser above sees `null` in its place. A result is then parsed from
//! memory, which is several times faster than from a stream, and is gone before the next one is read.

use std::io::{self, BufRead, BufReader, Read};

use serde::de::IgnoredAny;

use super::lexer::{Bulk, Lexer};
use super::{Exchange, place_of};
use crate::ReadSeek;
use crate::error::{Error, ErrorKind, Place};
use crate::limits::Limits;

/// What the parser sees instead of a result.
const PLACEHOLDER: &[u8] = b"null";

/// One result as it stands in the file, texts that are too long excepted.
#[derive(Default)]
pub(super) struct Element {
    pub(super) bytes: Vec<u8>,
    /// Of the byte before it: the column is 0 if that ended a line.
    pub(super) place: Place,
}

pub(super) struct Guard<'a> {
    input: BufReader<&'a mut dyn ReadSeek>,
    lexer: Lexer<'a>,
    limits: &'a Limits,
    exchange: &'a Exchange,
    checks_results: bool,
    /// What is left of the placeholder.
    queued: &'static [u8],
    pub(super) failure: Option<Error>,
}

impl<'a> Guard<'a> {
    /// At the start of the file, behind a byte order mark. `checks_results`: nobody parses them in this pass, so the
    /// guard itself makes sure that each is JSON.
    pub(super) fn new(
        input: &'a mut dyn ReadSeek,
        limits: &'a Limits,
        bulk: Bulk,
        exchange: &'a Exchange,
        checks_results: bool,
    ) -> io::Result<Self> {
        input.seek(io::SeekFrom::Start(0))?;
        let mut input = BufReader::with_capacity(64 << 10, input);
        let mut lexer = Lexer::new(limits, bulk);
        if input.fill_buf()?.starts_with(b"\xEF\xBB\xBF") {
            input.consume(3);
            lexer.skipped_mark();
        }
        Ok(Self { input, lexer, limits, exchange, checks_results, queued: &[], failure: None })
    }

    pub(super) fn lexer(&self) -> &Lexer<'a> {
        &self.lexer
    }

    /// Whether the file ends here although the JSON does not.
    pub(super) fn ends_unfinished(&mut self) -> bool {
        self.lexer.is_open() && matches!(self.next_byte(), Ok(None))
    }

    fn stop(&mut self, kind: ErrorKind) -> io::Error {
        self.failure = Some(Error::at(kind, self.lexer.place(false)));
        io::Error::other("stopped")
    }

    fn next_byte(&mut self) -> io::Result<Option<u8>> {
        if self.failure.is_some() {
            return Err(io::Error::other("stopped"));
        }
        if let Some((first, rest)) = self.queued.split_first() {
            self.queued = rest;
            return Ok(Some(*first));
        }
        loop {
            let Some(&byte) = self.input.fill_buf()?.first() else {
                return self.lexer.finish().map(|()| None).map_err(|kind| self.stop(kind));
            };
            if matches!(byte, b'{' | b'[') && self.lexer.before_result() {
                self.cut_out()?;
                self.queued = &PLACEHOLDER[1..];
                return Ok(Some(PLACEHOLDER[0]));
            }
            self.input.consume(1);
            if self.lexer.follow(byte).map_err(|kind| self.stop(kind))? {
                return Ok(Some(byte));
            }
        }
    }

    /// Reads one result to its closing bracket.
    fn cut_out(&mut self) -> io::Result<()> {
        let mut element = self.exchange.spare();
        element.place = Place { column: self.lexer.column(), ..self.lexer.place(false) };
        let depth = self.lexer.depth();
        self.fill(&mut element.bytes, depth)?;
        if self.checks_results
            && let Err(error) = serde_json::from_slice::<IgnoredAny>(&element.bytes)
        {
            let place = place_of(&element, &error, self.limits);
            let reason = super::reason(&error);
            let kind = ErrorKind::Syntax { reason: format!("not valid JSON: {reason}") };
            self.failure = Some(Error::at(kind, place));
            return Err(io::Error::other("stopped"));
        }
        self.exchange.lay(element);
        Ok(())
    }

    fn fill(&mut self, bytes: &mut Vec<u8>, depth: usize) -> io::Result<()> {
        loop {
            let chunk = self.input.fill_buf()?;
            if chunk.is_empty() {
                let inside = if self.lexer.inside_text() { "a text" } else { "the JSON" };
                let kind = ErrorKind::Truncated { inside: inside.to_owned() };
                let kind = self.lexer.finish().err().unwrap_or(kind);
                return Err(self.stop(kind));
            }
            let mut used = 0;
            let mut followed = Ok(true);
            let mut whole = false;
            while used < chunk.len() && followed.is_ok() && !whole {
                let run = self.lexer.plain_run(&chunk[used..]);
                if run > 0 {
                    bytes.extend_from_slice(&chunk[used..used + run]);
                    followed = self.lexer.follow_plain(run).map(|()| true);
                    used += run;
                    continue;
                }
                let byte = chunk[used];
                used += 1;
                followed = self.lexer.follow(byte);
                if matches!(followed, Ok(true)) {
                    bytes.push(byte);
                }
                whole = self.lexer.just_closed() && self.lexer.depth() == depth + 1;
            }
            self.input.consume(used);
            followed.map_err(|kind| self.stop(kind))?;
            if whole {
                return Ok(());
            }
        }
    }
}

impl Read for Guard<'_> {
    /// One byte at a time: what has been handed out is what the parser has seen.
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
