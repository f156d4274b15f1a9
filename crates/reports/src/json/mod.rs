//! Reading JSON formats as a stream: one pass over the file with a seed that takes what it needs.

mod guard;
pub(crate) mod lenient;
pub(crate) mod seeds;

use std::cell::RefCell;
use std::io::{Read, SeekFrom};

use serde::de::DeserializeSeed;
use serde_json::error::Category;

use crate::ReadSeek;
use crate::error::{Error, ErrorKind};
use crate::limits::Limits;
use guard::Guard;

/// Carries a typed error past the parser, which knows texts only.
#[derive(Default)]
pub(crate) struct Failure(RefCell<Option<ErrorKind>>);

impl Failure {
    pub(crate) fn raise<E: serde::de::Error>(&self, kind: ErrorKind) -> E {
        let error = E::custom(&kind);
        *self.0.borrow_mut() = Some(kind);
        error
    }
}

/// Reads the whole file once. `bulk`: keys whose values are streamed or skipped, and so are no header.
pub(crate) fn pass<S, T>(
    input: &mut dyn ReadSeek,
    limits: &Limits,
    bulk: &'static [&'static str],
    failure: &Failure,
    seed: S,
) -> Result<T, Error>
where
    S: for<'de> DeserializeSeed<'de, Value = T>,
{
    let mut guard = open(&mut *input, limits, bulk)?;
    let mut parser = serde_json::Deserializer::from_reader(&mut guard);
    let result = seed.deserialize(&mut parser).and_then(|value| parser.end().map(|()| value));
    drop(parser);
    let error = match result {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    let stopped = guard.failure.take();
    let typed = failure.0.borrow_mut().take();
    let (place, inside_text) = (guard.place(false), guard.inside_text());
    drop(guard);
    if let Some(kind) = stopped {
        return Err(Error::at(kind, place));
    }
    let full = error.to_string();
    let reason = full.rsplit_once(" at line ").map_or(full.as_str(), |(reason, _)| reason).to_owned();
    let kind = match (typed, error.classify()) {
        (Some(kind), _) => kind,
        (None, Category::Io) => return Err(ErrorKind::Io(std::io::Error::from(error)).into()),
        (None, Category::Eof) => {
            let inside = if inside_text { "a text" } else { "the JSON" };
            return Err(Error::at(ErrorKind::Truncated { inside: inside.to_owned() }, place));
        }
        (None, Category::Syntax) => ErrorKind::Syntax { reason: format!("not valid JSON: {reason}") },
        (None, Category::Data) => {
            ErrorKind::invalid(format!("{reason}; the report does not follow its format"))
        }
    };
    let mut guard = open(input, limits, bulk)?;
    find(&mut guard, error.line(), error.column())?;
    let place = guard.place(reason.starts_with("missing field") || guard.just_closed());
    if matches!(kind, ErrorKind::Syntax { .. }) && guard.ends_unfinished() {
        return Err(Error::at(ErrorKind::Truncated { inside: "the JSON".to_owned() }, place));
    }
    Err(Error::at(kind, place))
}

fn open<'a>(
    input: &'a mut dyn ReadSeek,
    limits: &'a Limits,
    bulk: &'static [&'static str],
) -> Result<Guard<'a>, Error> {
    input.seek(SeekFrom::Start(0)).map_err(ErrorKind::Io)?;
    let mut guard = Guard::new(input, limits, bulk);
    guard.skip_mark().map_err(ErrorKind::Io)?;
    Ok(guard)
}

/// Reads again up to where the parser made its error. The parser goes on reading a little after that, so where the
/// first reading ended is not where the error is; its own count knows neither path nor texts that were cut.
fn find(guard: &mut Guard<'_>, line: usize, column: usize) -> Result<(), Error> {
    let (mut at_line, mut at_column) = (1, 0);
    let mut byte = [0];
    while (at_line, at_column) < (line, column) && guard.read(&mut byte).map_err(ErrorKind::Io)? == 1 {
        if byte == *b"\n" {
            (at_line, at_column) = (at_line + 1, 0);
        } else {
            at_column += 1;
        }
    }
    Ok(())
}
