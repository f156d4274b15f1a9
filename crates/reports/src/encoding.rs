//! UTF-8 or a sentence that says what the file is instead.

/// Follows a stream of bytes and says whether it is UTF-8 (RFC 3629: no surrogates, no overlong forms).
#[derive(Default)]
pub(crate) struct Utf8 {
    first: u8,
    left: u8,
    low: u8,
    high: u8,
}

impl Utf8 {
    pub(crate) fn inside(&self) -> bool {
        self.left > 0
    }

    pub(crate) fn follow(&mut self, byte: u8) -> Result<(), String> {
        if self.left > 0 {
            if !(self.low..=self.high).contains(&byte) {
                return Err(not_utf8(self.first));
            }
            self.left -= 1;
            (self.low, self.high) = (0x80, 0xBF);
            return Ok(());
        }
        self.first = byte;
        (self.left, self.low, self.high) = match byte {
            0..=0x7F => (0, 0, 0),
            0xC2..=0xDF => (1, 0x80, 0xBF),
            0xE0 => (2, 0xA0, 0xBF),
            0xED => (2, 0x80, 0x9F),
            0xE1..=0xEF => (2, 0x80, 0xBF),
            0xF0 => (3, 0x90, 0xBF),
            0xF1..=0xF3 => (3, 0x80, 0xBF),
            0xF4 => (3, 0x80, 0x8F),
            _ => return Err(not_utf8(byte)),
        };
        Ok(())
    }

    pub(crate) fn finish(&self) -> Result<(), String> {
        if self.left > 0 { Err("the file ends in the middle of a character".to_owned()) } else { Ok(()) }
    }
}

fn not_utf8(byte: u8) -> String {
    format!("byte 0x{byte:02X} is not UTF-8 (the text looks like Latin-1 or Windows-1252)")
}

/// The name of an encoding that the first bytes show and that is not UTF-8.
pub(crate) fn other_encoding(head: &[u8]) -> Option<String> {
    let name = match head {
        [0xFF, 0xFE, 0, 0, ..] | [0, 0, 0xFE, 0xFF, ..] => "UTF-32",
        [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => "UTF-16",
        // Every format starts with two ASCII characters, so a zero among them tells UTF-16 without its mark (RFC 4627).
        [0, second, ..] if *second != 0 => "UTF-16",
        [first, 0, ..] if *first != 0 => "UTF-16",
        _ => return None,
    };
    Some(format!("the file is {name}, not UTF-8"))
}
