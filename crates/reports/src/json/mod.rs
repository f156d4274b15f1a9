//! Reading JSON formats as a stream: one pass over the file with a seed that takes what it needs.

mod guard;
pub(crate) mod lenient;
mod lexer;
pub(crate) mod seeds;
pub(crate) mod walk;
pub(crate) mod ways;

use std::cell::RefCell;
use std::io::{Read, SeekFrom};

use serde::de::DeserializeSeed;
use serde_json::error::Category;

use crate::error::{Error, ErrorKind, Place};
use crate::limits::Limits;
use crate::{HEAD_BYTES, ReadSeek};
use guard::{Element, Guard};
use lexer::Lexer;
pub(crate) use lexer::{Bulk, Top};

/// What guard, parser and seeds hand each other: the result that comes next, and typed errors past the parser, which
/// knows texts only.
#[derive(Default)]
pub(crate) struct Exchange {
    failure: RefCell<Option<(ErrorKind, Option<Place>)>>,
    element: RefCell<Option<Element>>,
    spare: RefCell<Option<Element>>,
}

impl Exchange {
    /// Makes an error of the parser's kind that stands for `kind`.
    pub(crate) fn raise<E: serde::de::Error>(&self, kind: ErrorKind) -> E {
        let error = E::custom(&kind);
        *self.failure.borrow_mut() = Some((kind, None));
        error
    }

    fn lay(&self, element: Element) {
        let before = self.element.borrow_mut().replace(element);
        if before.is_some() {
            *self.spare.borrow_mut() = before;
        }
    }

    /// An element whose memory can be used again.
    fn spare(&self) -> Element {
        let mut element = self.spare.borrow_mut().take().unwrap_or_default();
        element.bytes.clear();
        element
    }
}

/// What nobody but the guard looks at in the first pass of a format.
pub(crate) fn header_pass<S, T>(
    input: &mut dyn ReadSeek,
    limits: &Limits,
    bulk: Bulk,
    seed: S,
) -> Result<T, Error>
where
    S: for<'de> DeserializeSeed<'de, Value = T>,
{
    pass(input, limits, bulk, &Exchange::default(), true, seed)
}

/// Reads a file of JSON values one after the other (JSON Lines), each as a result with the seed that `each` gives.
pub(crate) fn documents_pass<S>(
    input: &mut dyn ReadSeek,
    limits: &Limits,
    exchange: &Exchange,
    mut each: impl FnMut() -> S,
) -> Result<(), Error>
where
    S: for<'de> DeserializeSeed<'de, Value = ()>,
{
    let bulk = Bulk { keys: &[], depth: 0, top: Top::Documents };
    run(input, limits, bulk, exchange, false, |parser| {
        // The end is only looked at, so a failure of it is met again by the seed.
        while parser.end().is_err() {
            seeds::OneResult { exchange, limits, seed: each() }.deserialize(&mut *parser)?;
        }
        Ok(())
    })
}

/// Whether the first byte of the document, white space and a byte order mark aside, is this one.
pub(crate) fn starts_with(input: &mut dyn ReadSeek, byte: u8) -> Result<bool, Error> {
    let mut head = Vec::new();
    input.seek(SeekFrom::Start(0)).map_err(ErrorKind::Io)?;
    (&mut *input).take(HEAD_BYTES as u64).read_to_end(&mut head).map_err(ErrorKind::Io)?;
    let text = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&head);
    Ok(text.trim_ascii_start().first() == Some(&byte))
}

/// Streams the results through the seeds.
pub(crate) fn result_pass<S>(
    input: &mut dyn ReadSeek,
    limits: &Limits,
    bulk: Bulk,
    exchange: &Exchange,
    seed: S,
) -> Result<(), Error>
where
    S: for<'de> DeserializeSeed<'de, Value = ()>,
{
    pass(input, limits, bulk, exchange, false, seed)
}

fn pass<S, T>(
    input: &mut dyn ReadSeek,
    limits: &Limits,
    bulk: Bulk,
    exchange: &Exchange,
    checks_results: bool,
    seed: S,
) -> Result<T, Error>
where
    S: for<'de> DeserializeSeed<'de, Value = T>,
{
    run(input, limits, bulk, exchange, checks_results, |parser| {
        let value = seed.deserialize(&mut *parser)?;
        parser.end().map(|()| value)
    })
}

type Parser<'g, 'a> = serde_json::Deserializer<serde_json::de::IoRead<&'g mut Guard<'a>>>;

fn run<T>(
    input: &mut dyn ReadSeek,
    limits: &Limits,
    bulk: Bulk,
    exchange: &Exchange,
    checks_results: bool,
    parse: impl FnOnce(&mut Parser<'_, '_>) -> Result<T, serde_json::Error>,
) -> Result<T, Error> {
    let mut guard = Guard::new(&mut *input, limits, bulk, exchange, checks_results).map_err(ErrorKind::Io)?;
    let mut parser = serde_json::Deserializer::from_reader(&mut guard);
    let result = parse(&mut parser);
    drop(parser);
    let error = match result {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    if let Some(error) = guard.failure.take() {
        return Err(error);
    }
    let end = (guard.lexer().place(false), guard.lexer().inside_text());
    drop(guard);
    let typed = exchange.failure.borrow_mut().take();
    let kind = match (typed, error.classify()) {
        (Some((kind, Some(place))), _) => return Err(Error::at(kind, place)),
        (Some((kind, None)), _) => kind,
        (None, Category::Io) => return Err(ErrorKind::Io(std::io::Error::from(error)).into()),
        (None, Category::Eof) => {
            let inside = if end.1 { "a text" } else { "the JSON" };
            return Err(Error::at(ErrorKind::Truncated { inside: inside.to_owned() }, end.0));
        }
        (None, _) => kind_of(&error),
    };
    let again = Exchange::default();
    let mut guard = Guard::new(input, limits, bulk, &again, false).map_err(ErrorKind::Io)?;
    find(&mut guard, &error)?;
    let place = guard.lexer().place(means_whole(&error, guard.lexer()));
    if matches!(kind, ErrorKind::Syntax { .. }) && guard.ends_unfinished() {
        return Err(Error::at(ErrorKind::Truncated { inside: "the JSON".to_owned() }, place));
    }
    Err(Error::at(kind, place))
}

/// The parser's words without its position, which does not know about texts that were cut.
fn reason(error: &serde_json::Error) -> String {
    let full = error.to_string();
    full.rsplit_once(" at line ").map_or(full.as_str(), |(reason, _)| reason).to_owned()
}

fn kind_of(error: &serde_json::Error) -> ErrorKind {
    let reason = reason(error);
    match error.classify() {
        Category::Data => ErrorKind::invalid(format!("{reason}; the report does not follow its format")),
        _ => ErrorKind::Syntax { reason: format!("not valid JSON: {reason}") },
    }
}

/// Whether an error is about an object as a whole, not about its last member.
fn means_whole(error: &serde_json::Error, lexer: &Lexer<'_>) -> bool {
    lexer.just_closed() || reason(error).starts_with("missing field")
}

/// Reads again up to where the parser made its error. The parser goes on reading a little after that, so where the
/// first reading ended is not where the error is; its own count knows neither path nor texts that were cut.
fn find(reader: &mut dyn Read, error: &serde_json::Error) -> Result<(), Error> {
    let target = (error.line(), error.column());
    let mut at = (1, 0);
    let mut byte = [0];
    while at < target && reader.read(&mut byte).map_err(ErrorKind::Io)? == 1 {
        at = if byte == *b"\n" { (at.0 + 1, 0) } else { (at.0, at.1 + 1) };
    }
    Ok(())
}

/// Where in the file an error inside one result is.
fn place_of(element: &Element, error: &serde_json::Error, limits: &Limits) -> Place {
    let mut lexer = Lexer::new(limits, Bulk { keys: &[], depth: 0, top: Top::Header });
    let target = (error.line(), error.column());
    let mut at = (1, 0);
    for byte in &element.bytes {
        if at >= target || lexer.follow(*byte).is_err() {
            break;
        }
        at = if *byte == b'\n' { (at.0 + 1, 0) } else { (at.0, at.1 + 1) };
    }
    let inner = lexer.place(means_whole(error, &lexer));
    let outer = &element.place;
    let joined = inner.path.is_empty() || outer.path.is_empty() || inner.path.starts_with('[');
    let joint = if joined { "" } else { "." };
    Place {
        byte: outer.byte + inner.byte,
        line: outer.line + inner.line - 1,
        column: if inner.line == 1 { outer.column + inner.column } else { inner.column },
        path: format!("{}{joint}{}", outer.path, inner.path),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::io::Cursor;

    use super::lexer::OBJECT_COST;
    use super::seeds::{Elements, Members, OneResult, Value};
    use super::*;

    /// The `n` of each document.
    fn numbers(text: &str, limits: &Limits) -> Result<Vec<u64>, Error> {
        let (exchange, seen) = (Exchange::default(), RefCell::new(Vec::new()));
        let each = || {
            Value::new(&exchange, |one: std::collections::BTreeMap<String, u64>| {
                seen.borrow_mut().extend(one.get("n"));
                Ok(())
            })
        };
        documents_pass(&mut Cursor::new(text), limits, &exchange, each)?;
        Ok(seen.into_inner())
    }

    #[test]
    fn documents_are_read_one_after_the_other_however_they_are_set_apart() {
        let limits = Limits { max_header_bytes: 10, max_result_bytes: 30 + OBJECT_COST, ..Limits::default() };
        for text in ["{\"n\":1}\n{\"n\":2}\n\n", "{\"n\":1}{\"n\":2}", "{\n \"n\": 1\n}\r\n{\n \"n\": 2\n}"] {
            assert_eq!(numbers(text, &limits).unwrap(), [1, 2], "{text}");
        }
        let many = "{\"n\": 7}\n".repeat(10_000);
        assert_eq!(numbers(&many, &limits).unwrap().len(), 10_000, "the limits count for each document");
        let error = numbers(&format!("{{\"n\":1}}\n{{\"n\":{}2}}", " ".repeat(40)), &limits).unwrap_err();
        assert!(
            matches!(error.kind, ErrorKind::LimitExceeded { bound, .. } if bound == 30 + OBJECT_COST),
            "{error}"
        );
    }

    #[test]
    fn a_broken_document_is_told_with_its_line() {
        for (text, told) in [
            ("{\"n\":1}\n{\"n\":\"x\"}", "line 2, column 8 (byte 16), at n: invalid type"),
            ("{\"n\":1}\n{\"n\"", "the file ends in the middle of the JSON"),
            ("{\"n\":1}\n5", "a result must be an object"),
            ("{\"n\":1},\n{\"n\":2}", "not valid JSON"),
        ] {
            let error = numbers(text, &Limits::default()).unwrap_err().to_string();
            assert!(error.contains(told), "{text}: {error}");
        }
    }

    #[test]
    fn the_elements_of_a_list_at_the_top_and_the_members_of_a_map_are_results() {
        // Of the object around the map and of the map itself.
        let limits = Limits { max_header_bytes: 12 + 2 * OBJECT_COST, ..Limits::default() };
        let (exchange, seen) = (Exchange::default(), RefCell::new(Vec::new()));
        let take = |name: String| {
            let seen = &seen;
            let seed = Value::new(&exchange, move |one: serde_json::Value| {
                seen.borrow_mut().push(format!("{name}{one}"));
                Ok(())
            });
            OneResult { exchange: &exchange, limits: &limits, seed }
        };
        let bulk = Bulk { keys: &["map"], depth: 1, top: Top::Elements };
        let list = Elements(|index: usize| take(index.to_string()));
        result_pass(&mut Cursor::new("[{\"a\": [1]}, {\"b\": {\"c\": 2}}]"), &limits, bulk, &exchange, list)
            .unwrap();
        let map =
            seeds::Keys(|key: &str| (key == "map").then_some(Members(|name: &str| take(name.to_owned()))));
        result_pass(
            &mut Cursor::new("{\"map\": {\"k\": {\"d\": 3}, \"l\": {}}}"),
            &limits,
            bulk,
            &exchange,
            map,
        )
        .unwrap();
        assert_eq!(seen.into_inner(), ["0{\"a\":[1]}", "1{\"b\":{\"c\":2}}", "k{\"d\":3}", "l{}"]);
    }
}
