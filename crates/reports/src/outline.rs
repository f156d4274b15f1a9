//! The shape of a JSON document's beginning: enough to tell formats apart, whatever their keys' order.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::text::shorten;

/// How deep is looked. No format needs more to be told from the others.
const MAX_DEPTH: usize = 7;

/// What stands in one place of the document.
///
/// Places are named by a path: keys with dots between them, `[]` for the first element of a list, `*` for the first
/// member of an object whatever its key. `results[].packages[].package` asks for the first package of the first result.
/// A file of several documents (JSON Lines) is judged by its first.
#[derive(Debug, Default)]
pub(crate) enum Outline {
    /// Null, or not read yet when the beginning of the file ended.
    #[default]
    Nothing,
    /// A text (its first 200 characters), number or truth value.
    Word(String),
    /// Members by their key.
    Object(BTreeMap<String, Outline>),
    /// The first element, if there is one.
    List(Option<Box<Outline>>),
    /// Too deep to be looked at.
    Deep,
}

impl Outline {
    /// Shape of the first JSON value in `text`, and how its reading ended. What was read before an error is kept.
    pub(crate) fn of(text: &[u8]) -> (Self, Result<(), serde_json::Error>) {
        let mut outline = Self::default();
        let mut parser = serde_json::Deserializer::from_slice(text);
        let end = Fill { outline: &mut outline, depth: 0 }.deserialize(&mut parser);
        (outline, end)
    }

    /// What stands at `path`.
    pub(crate) fn at(&self, path: &str) -> Option<&Self> {
        path.split('.').filter(|part| !part.is_empty()).try_fold(self, |here, part| {
            let key = part.trim_end_matches("[]");
            let here = match (here, key) {
                (_, "") => here,
                (Self::Object(members), "*") => members.values().next()?,
                (Self::Object(members), key) => members.get(key)?,
                _ => return None,
            };
            (0..(part.len() - key.len()) / 2).try_fold(here, |here, _| match here {
                Self::List(first) => first.as_deref(),
                _ => None,
            })
        })
    }

    /// Whether there is something at `path`, null included.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.at(path).is_some()
    }

    /// Whether there is something at each of `paths`.
    pub(crate) fn has_all(&self, paths: &[&str]) -> bool {
        paths.iter().all(|path| self.has(path))
    }

    /// Whether there is something at one of `paths`.
    pub(crate) fn has_any(&self, paths: &[&str]) -> bool {
        paths.iter().any(|path| self.has(path))
    }

    /// The text or number at `path`; empty if there is none.
    pub(crate) fn word(&self, path: &str) -> &str {
        match self.at(path) {
            Some(Self::Word(word)) => word,
            _ => "",
        }
    }

    /// Whether a list is at `path`, perhaps an empty one.
    pub(crate) fn is_list(&self, path: &str) -> bool {
        matches!(self.at(path), Some(Self::List(_)))
    }

    /// Keys of the object at the top, or of the first object of the list at the top.
    pub(crate) fn keys(&self) -> Vec<&str> {
        match self {
            Self::Object(members) => members.keys().map(String::as_str).collect(),
            Self::List(Some(first)) => first.keys(),
            _ => Vec::new(),
        }
    }
}

struct Fill<'a> {
    outline: &'a mut Outline,
    depth: usize,
}

impl Fill<'_> {
    fn word<E>(self, word: impl fmt::Display) -> Result<(), E> {
        *self.outline = Outline::Word(word.to_string());
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Fill<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.depth < MAX_DEPTH {
            return deserializer.deserialize_any(self);
        }
        *self.outline = Outline::Deep;
        deserializer.deserialize_ignored_any(IgnoredAny).map(|_| ())
    }
}

impl<'de> Visitor<'de> for Fill<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.word(value)
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.word(value)
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.word(value)
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        self.word(value)
    }

    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        self.word(shorten(value, 200))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        *self.outline = Outline::Object(BTreeMap::new());
        while let Some(key) = map.next_key::<String>()? {
            let Outline::Object(members) = self.outline else { return Ok(()) };
            let member = members.entry(shorten(&key, 80)).or_default();
            map.next_value_seed(Fill { outline: member, depth: self.depth + 1 })?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        // Whether there is a first element is known only after it was asked for.
        *self.outline = Outline::List(Some(Box::default()));
        let Outline::List(Some(first)) = self.outline else { return Ok(()) };
        if seq.next_element_seed(Fill { outline: first, depth: self.depth + 1 })?.is_none() {
            *self.outline = Outline::List(None);
        }
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_leads_through_objects_lists_and_any_member() {
        let text =
            br#"{"a": {"x": [{"b": 1}, {"c": 2}]}, "any": {"k1": {"name": "n"}}, "empty": [], "none": null}"#;
        let (outline, end) = Outline::of(text);
        assert!(end.is_ok());
        assert_eq!(outline.word("a.x[].b"), "1");
        assert!(!outline.has("a.x[].c"), "only the first element is looked at");
        assert_eq!(outline.word("any.*.name"), "n");
        assert!(outline.is_list("empty") && !outline.has("empty[]") && outline.has("none"));
        let (list, _) = Outline::of(br#"[{"a": [[3]]}]"#);
        assert_eq!((list.word("[].a[][]"), list.keys()), ("3", vec!["a"]));
    }

    #[test]
    fn what_stands_before_a_break_is_kept() {
        let (outline, end) = Outline::of(br#"{"a": {"b": "c", "d": [{"e": "f", "g"#);
        assert!(end.is_err());
        assert!(outline.has_all(&["a.b", "a.d[].e"]));
    }

    #[test]
    fn the_first_of_several_documents_counts() {
        let (outline, end) = Outline::of(b"{\"a\": 1}\n{\"b\": 2}\n");
        assert!(end.is_ok());
        assert!(outline.has("a") && !outline.has("b"));
    }
}
