//! The reader under every XML format: bytes of the file become UTF-8, bounded and with their position.

use std::io::{self, BufRead, Read};

use crate::ReadSeek;
use crate::encoding::Utf8;
use crate::error::{ErrorKind, Place};
use crate::limits::Limits;

/// Bytes read at once.
const CHUNK: usize = 64 << 10;

/// How the characters of the file are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Utf8,
    /// ISO-8859-1, read as Windows-1252, as browsers do: programs that name the first mean the second.
    Latin1,
    Utf16 {
        big_endian: bool,
    },
}

/// Windows-1252 from 0x80 to 0x9F; the five places without a character stand for themselves.
const WINDOWS_1252: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8D}', 'Ž', '\u{8F}', '\u{90}',
    '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9D}', 'ž', 'Ÿ',
];

/// The encoding that the first bytes show or declare, and how many of them are the byte order mark.
///
/// # Errors
///
/// The name of an encoding that is not read.
pub(super) fn of_head(head: &[u8]) -> Result<(Encoding, usize), String> {
    match head {
        [0xFF, 0xFE, 0, 0, ..] | [0, 0, 0xFE, 0xFF, ..] => return Err("UTF-32".to_owned()),
        [0xFF, 0xFE, ..] => return Ok((Encoding::Utf16 { big_endian: false }, 2)),
        [0xFE, 0xFF, ..] => return Ok((Encoding::Utf16 { big_endian: true }, 2)),
        [b'<', 0, ..] => return Ok((Encoding::Utf16 { big_endian: false }, 0)),
        [0, b'<', ..] => return Ok((Encoding::Utf16 { big_endian: true }, 0)),
        _ => {}
    }
    let mark = if head.starts_with(b"\xEF\xBB\xBF") { 3 } else { 0 };
    let start = head[mark..].trim_ascii_start();
    let declaration = start.strip_prefix(b"<?xml").and_then(|rest| rest.split(|byte| *byte == b'>').next());
    let declaration = String::from_utf8_lossy(
        &declaration.unwrap_or_default()[..declaration.map_or(0, <[u8]>::len).min(400)],
    )
    .into_owned();
    let declared = declaration.split_once("encoding").and_then(|(_, rest)| {
        let rest = rest.trim_start().strip_prefix('=')?.trim_start();
        let quote = rest.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
        Some(rest[1..].split(quote).next()?.trim().to_ascii_lowercase())
    });
    match declared.as_deref() {
        None | Some("utf-8" | "utf8" | "us-ascii" | "ascii" | "") => Ok((Encoding::Utf8, mark)),
        // The mark is stronger than the word.
        Some(_) if mark > 0 => Ok((Encoding::Utf8, mark)),
        Some(
            "iso-8859-1" | "iso8859-1" | "iso_8859-1" | "latin1" | "latin-1" | "windows-1252" | "cp1252",
        ) => Ok((Encoding::Latin1, mark)),
        // Converted by somebody who left the declaration as it was: the bytes were readable as ASCII so far.
        Some("utf-16" | "utf-16le" | "utf-16be" | "unicode") => Ok((Encoding::Utf8, mark)),
        Some(other) => Err(crate::text::shorten(other, 40)),
    }
}

/// Turns pieces of a file into UTF-8.
pub(super) struct Decoder {
    encoding: Encoding,
    utf8: Utf8,
    /// Bytes of a UTF-16 character that the next piece completes.
    rest: Vec<u8>,
}

impl Decoder {
    pub(super) fn new(encoding: Encoding) -> Self {
        Self { encoding, utf8: Utf8::default(), rest: Vec::new() }
    }

    /// Appends the text of `bytes` to `out`.
    ///
    /// # Errors
    ///
    /// What is wrong with them.
    pub(super) fn decode(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
        match self.encoding {
            Encoding::Utf8 => {
                if self.utf8.inside() || !bytes.is_ascii() {
                    bytes.iter().try_for_each(|byte| self.utf8.follow(*byte))?;
                }
                out.extend_from_slice(bytes);
            }
            Encoding::Latin1 => {
                for byte in bytes {
                    let character = match byte {
                        0x80..=0x9F => WINDOWS_1252[usize::from(*byte) - 0x80],
                        other => char::from(*other),
                    };
                    out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                }
            }
            Encoding::Utf16 { big_endian } => {
                self.rest.extend_from_slice(bytes);
                let mut whole = self.rest.len() & !1;
                let unit = |pair: &[u8]| match (big_endian, pair) {
                    (true, pair) => u16::from_be_bytes([pair[0], pair[1]]),
                    (false, pair) => u16::from_le_bytes([pair[0], pair[1]]),
                };
                // The first half of a pair waits for the second.
                if whole >= 2 && (0xD800..0xDC00).contains(&unit(&self.rest[whole - 2..whole])) {
                    whole -= 2;
                }
                for decoded in char::decode_utf16(self.rest[..whole].chunks_exact(2).map(unit)) {
                    let character = decoded.map_err(|_| "half a character of UTF-16".to_owned())?;
                    out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                }
                self.rest.drain(..whole);
            }
        }
        Ok(())
    }

    pub(super) fn finish(&self) -> Result<(), String> {
        if !self.rest.is_empty() {
            return Err("the file ends in the middle of a character".to_owned());
        }
        self.utf8.finish()
    }
}

/// The file as UTF-8. Counts lines of what was consumed; stops at the limits.
pub(super) struct Source<'a> {
    input: &'a mut dyn ReadSeek,
    limits: &'a Limits,
    decoder: Decoder,
    raw: Vec<u8>,
    text: Vec<u8>,
    used: usize,
    raw_bytes: u64,
    byte: u64,
    line: u64,
    column: u64,
    /// Where the piece of XML began that is being read.
    piece: u64,
    ended: bool,
    pub(super) failure: Option<ErrorKind>,
}

impl<'a> Source<'a> {
    /// At the start of the file, behind a byte order mark.
    pub(super) fn new(input: &'a mut dyn ReadSeek, limits: &'a Limits) -> Result<Self, ErrorKind> {
        input.seek(io::SeekFrom::Start(0)).map_err(ErrorKind::Io)?;
        let mut head = Vec::new();
        input.take(1024).read_to_end(&mut head).map_err(ErrorKind::Io)?;
        let (encoding, mark) = of_head(&head)
            .map_err(|name| ErrorKind::WrongEncoding { found: format!("the file is {name}, not UTF-8") })?;
        input.seek(io::SeekFrom::Start(mark as u64)).map_err(ErrorKind::Io)?;
        Ok(Self {
            input,
            limits,
            decoder: Decoder::new(encoding),
            raw: vec![0; CHUNK],
            text: Vec::with_capacity(CHUNK * 2),
            used: 0,
            raw_bytes: mark as u64,
            byte: mark as u64,
            line: 1,
            column: 1,
            piece: mark as u64,
            ended: false,
            failure: None,
        })
    }

    /// Where reading stands. The byte counts the text as UTF-8.
    pub(super) fn place(&self) -> Place {
        Place { byte: self.byte, line: self.line, column: self.column, path: String::new() }
    }

    /// A new piece of XML (tag, text, comment) begins here.
    pub(super) fn begin_piece(&mut self) {
        self.piece = self.byte;
    }

    /// Bytes of the current piece.
    pub(super) fn piece_bytes(&self) -> u64 {
        self.byte - self.piece
    }

    pub(super) fn ended(&self) -> bool {
        self.ended && self.used == self.text.len()
    }

    fn stop(&mut self, kind: ErrorKind) -> io::Error {
        self.failure = Some(kind);
        io::Error::other("stopped")
    }
}

impl Read for Source<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let count = available.len().min(buffer.len());
        buffer[..count].copy_from_slice(&available[..count]);
        self.consume(count);
        Ok(count)
    }
}

impl BufRead for Source<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.failure.is_some() {
            return Err(io::Error::other("stopped"));
        }
        while self.used == self.text.len() && !self.ended {
            if self.byte - self.piece > self.limits.max_result_bytes {
                let bound = self.limits.max_result_bytes;
                return Err(
                    self.stop(ErrorKind::LimitExceeded { what: "size of one tag or text in bytes", bound })
                );
            }
            self.text.clear();
            self.used = 0;
            let count = self.input.read(&mut self.raw)?;
            self.raw_bytes += count as u64;
            if self.raw_bytes > self.limits.max_bytes {
                let bound = self.limits.max_bytes;
                return Err(self.stop(ErrorKind::LimitExceeded { what: "size of the file in bytes", bound }));
            }
            self.ended = count == 0;
            let decoded = match count {
                0 => self.decoder.finish(),
                count => self.decoder.decode(&self.raw[..count], &mut self.text),
            };
            if let Err(found) = decoded {
                return Err(self.stop(ErrorKind::WrongEncoding { found }));
            }
        }
        Ok(&self.text[self.used..])
    }

    fn consume(&mut self, count: usize) {
        for byte in &self.text[self.used..self.used + count] {
            match byte {
                b'\n' => (self.line, self.column) = (self.line + 1, 1),
                // Bytes that only continue a character are no column.
                0x80..=0xBF => {}
                _ => self.column += 1,
            }
        }
        self.used += count;
        self.byte += count as u64;
    }
}
