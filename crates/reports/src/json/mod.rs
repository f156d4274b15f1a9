//! Reading JSON formats as a stream: one pass over the file with a seed that takes what it needs.

mod guard;
pub(crate) mod lenient;
pub(crate) mod seeds;

use std::cell::RefCell;
use std::io::SeekFrom;

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
    input.seek(SeekFrom::Start(0)).map_err(ErrorKind::Io)?;
    let mut guard = Guard::new(input, limits, bulk);
    guard.skip_mark().map_err(ErrorKind::Io)?;
    let mut parser = serde_json::Deserializer::from_reader(&mut guard);
    let result = seed.deserialize(&mut parser).and_then(|value| parser.end().map(|()| value));
    drop(parser);
    result.map_err(|error| explain(error, guard, failure))
}

fn explain(error: serde_json::Error, mut guard: Guard<'_>, failure: &Failure) -> Error {
    if let Some(kind) = failure.0.borrow_mut().take().or_else(|| guard.failure.take()) {
        return Error::at(kind, guard.place(guard.just_closed()));
    }
    let category = error.classify();
    if category == Category::Io {
        return ErrorKind::Io(std::io::Error::from(error)).into();
    }
    let full = error.to_string();
    // The parser's own position does not know about texts that were cut; ours does.
    let reason = full.rsplit_once(" at line ").map_or(full.as_str(), |(reason, _)| reason).to_owned();
    let place = guard.place(reason.starts_with("missing field"));
    let kind = match category {
        Category::Eof if guard.inside_text() => ErrorKind::Truncated { inside: "a text".to_owned() },
        Category::Eof => ErrorKind::Truncated { inside: "the JSON".to_owned() },
        Category::Syntax => ErrorKind::Syntax { reason: format!("not valid JSON: {reason}") },
        Category::Data | Category::Io => {
            ErrorKind::invalid(format!("{reason}; the report does not follow its format"))
        }
    };
    Error::at(kind, place)
}
