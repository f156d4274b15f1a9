//! Which format a file has, told from its first bytes and never from its name.

use std::collections::BTreeMap;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::encoding::other_encoding;
use crate::error::{Error, ErrorKind, Place};
use crate::format::Format;
use crate::generic;
use crate::json::lenient::Words;
use crate::text::shorten;

/// How many bytes of a file are enough to tell its format: 64 KiB.
pub const HEAD_BYTES: usize = 64 << 10;

/// Tells the format from the beginning of a file, of which at most [`HEAD_BYTES`] are looked at.
///
/// A byte order mark, white space and the order of keys do not matter.
///
/// # Errors
///
/// [`ErrorKind::Empty`], [`ErrorKind::WrongEncoding`], [`ErrorKind::Syntax`] or [`ErrorKind::Truncated`] if the JSON
/// breaks before it tells anything, [`ErrorKind::UnknownFormat`] with what was seen.
pub fn detect(head: &[u8]) -> Result<Format, Error> {
    look(&head[..head.len().min(HEAD_BYTES)])
}

impl Error {
    /// Nothing, or not UTF-8: wrong whatever format the caller names.
    pub(crate) fn whatever_the_format(&self) -> bool {
        matches!(self.kind, ErrorKind::Empty | ErrorKind::WrongEncoding { .. })
    }
}

pub(crate) fn look(head: &[u8]) -> Result<Format, Error> {
    if let Some(found) = other_encoding(head) {
        return Err(ErrorKind::WrongEncoding { found }.into());
    }
    let text = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head);
    let Some(start) = text.iter().position(|byte| !byte.is_ascii_whitespace()) else {
        return Err(ErrorKind::Empty.into());
    };
    match &text[start..] {
        [b'{', ..] | [b'[', ..] => json(text, head.len() < HEAD_BYTES),
        other => not_json(other),
    }
}

fn unknown(seen: impl Into<String>) -> Error {
    ErrorKind::UnknownFormat { seen: seen.into() }.into()
}

fn not_json(text: &[u8]) -> Result<Format, Error> {
    let seen = match text {
        [b'P', b'K', 3, 4, ..] => "a ZIP archive; unpack it first".to_owned(),
        [0x1F, 0x8B, ..] => "a gzip archive; unpack it first".to_owned(),
        [b'%', b'P', b'D', b'F', ..] => "a PDF document".to_owned(),
        _ => {
            let line: &[u8] = text.split(|byte| matches!(byte, b'\n' | b'\r')).next().unwrap_or_default();
            let line = String::from_utf8_lossy(line);
            if generic::csv::is_header(&line) {
                return Ok(Format::GenericCsv);
            }
            let lower = line.to_ascii_lowercase();
            if lower.starts_with("<!doctype html") || lower.starts_with("<html") {
                "an HTML page (an error page or a login page, perhaps)".to_owned()
            } else if lower.starts_with('<') {
                format!("XML that begins with {}", shorten(&line, 80))
            } else {
                format!("its first line is '{}'", shorten(&line, 80))
            }
        }
    };
    Err(unknown(seen))
}

/// Top-level keys with the short texts among their values; for a list, those of its first object.
#[derive(Default)]
struct Outline {
    list: bool,
    keys: BTreeMap<String, Option<String>>,
}

impl Outline {
    fn has(&self, key: &str) -> bool {
        self.keys.contains_key(key)
    }

    fn text(&self, key: &str) -> Option<&str> {
        self.keys.get(key)?.as_deref()
    }

    fn format(&self) -> Option<Format> {
        let has_any = |keys: &[&str]| keys.iter().any(|key| self.has(key));
        let results = ["Vulnerabilities", "Misconfigurations", "Secrets", "Licenses", "Class", "Type"];
        if self.list {
            return (self.has("Target") && has_any(&results)).then_some(Format::Trivy);
        }
        if self.has("lockstep") {
            return Some(Format::GenericJson);
        }
        let names_sarif = self.text("$schema").is_some_and(|schema| schema.contains("sarif"));
        if names_sarif || self.has("runs") {
            return Some(Format::Sarif);
        }
        let trivy = (self.has("SchemaVersion")
            && has_any(&["ArtifactName", "ArtifactType", "Results", "ClusterName"]))
            || (self.has("ArtifactName") && self.has("Results"))
            || (self.has("ClusterName")
                && has_any(&["Resources", "Findings", "Vulnerabilities", "Misconfigurations"]));
        trivy.then_some(Format::Trivy)
    }
}

struct Fill<'a>(&'a mut Outline);

impl<'de> DeserializeSeed<'de> for Fill<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Fill<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object or a list of objects")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            let key = shorten(&key, 80);
            self.0.keys.insert(key.clone(), None);
            if key == "$schema" || key == "version" {
                let value: Words = map.next_value()?;
                self.0.keys.insert(key, value.first().map(|text| shorten(text, 200)));
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        self.0.list = true;
        seq.next_element_seed(Fill(self.0))?;
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }
}

fn json(text: &[u8], whole: bool) -> Result<Format, Error> {
    let mut outline = Outline::default();
    let end = Fill(&mut outline).deserialize(&mut serde_json::Deserializer::from_slice(text));
    if let Some(format) = outline.format() {
        return Ok(format);
    }
    if let Err(error) = end {
        let place =
            Place { byte: 0, line: error.line() as u64, column: error.column() as u64, path: String::new() };
        match error.classify() {
            serde_json::error::Category::Eof if whole => {
                return Err(ErrorKind::Truncated { inside: "the JSON".to_owned() }.into());
            }
            serde_json::error::Category::Syntax if whole => {
                let byte = text.split_inclusive(|byte| *byte == b'\n').take(error.line().saturating_sub(1));
                let byte = byte.map(<[u8]>::len).sum::<usize>() + error.column();
                let full = error.to_string();
                let reason = full.rsplit_once(" at line ").map_or(full.as_str(), |(reason, _)| reason);
                let kind = ErrorKind::Syntax { reason: format!("not valid JSON: {reason}") };
                return Err(Error::at(kind, Place { byte: byte as u64, ..place }));
            }
            _ => {}
        }
    }
    let keys: Vec<&str> = outline.keys.keys().map(String::as_str).take(8).collect();
    let what = if outline.list { "a JSON list of objects" } else { "a JSON object" };
    Err(unknown(match keys.as_slice() {
        [] if outline.list => "an empty JSON list, or a list of something else than objects".to_owned(),
        [] => "an empty JSON object".to_owned(),
        keys => format!("{what} with the keys {}", keys.join(", ")),
    }))
}
