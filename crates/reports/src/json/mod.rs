//! Reading JSON formats as a stream: one pass over the file with a seed that takes what it needs.

mod guard;
pub(crate) mod lenient;
mod lexer;
pub(crate) mod seeds;

use std::cell::RefCell;
use std::io::Read;

use serde::de::DeserializeSeed;
use serde_json::error::Category;

use crate::ReadSeek;
use crate::error::{Error, ErrorKind, Place};
use crate::limits::Limits;
use guard::{Element, Guard};
pub(crate) use lexer::Bulk;
use lexer::Lexer;

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
    let mut guard = Guard::new(&mut *input, limits, bulk, exchange, checks_results).map_err(ErrorKind::Io)?;
    let mut parser = serde_json::Deserializer::from_reader(&mut guard);
    let result = seed.deserialize(&mut parser).and_then(|value| parser.end().map(|()| value));
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
    let mut lexer = Lexer::new(limits, Bulk { keys: &[], depth: 0 });
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
    let joint = if inner.path.is_empty() || inner.path.starts_with('[') { "" } else { "." };
    Place {
        byte: outer.byte + inner.byte,
        line: outer.line + inner.line - 1,
        column: if inner.line == 1 { outer.column + inner.column } else { inner.column },
        path: format!("{}{joint}{}", outer.path, inner.path),
    }
}
