//! Streams the results that stand at known places of a document, so that a format need not walk there itself.

use std::cell::RefCell;
use std::fmt;

use serde::de::{
    Deserialize, DeserializeOwned, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

use super::seeds::{OneResult, Value};
use super::{Bulk, Exchange, result_pass};
use crate::ReadSeek;
use crate::error::{Error, ErrorKind};
use crate::limits::Limits;

/// Where a result stands.
#[derive(Clone, Debug, Default)]
pub(crate) struct At {
    /// Which of the given ways led to it.
    pub(crate) way: usize,
    /// Positions in the lists on the way, from the outside.
    pub(crate) positions: Vec<usize>,
    /// The key of the last `*` on the way.
    pub(crate) key: Option<String>,
}

/// Hands each result at one of `ways` to `take`, in the order of the file.
///
/// A way is written as in [`crate::outline::Outline`], but `[]` stands for every element and `*` for every member:
/// `[].results.failed_checks[]`. Null and absent places hold no results; another value where a list or object is
/// expected is an error. Each way must end at results of `bulk`.
pub(crate) fn results<T: DeserializeOwned>(
    input: &mut dyn ReadSeek,
    limits: &Limits,
    bulk: Bulk,
    ways: &[&str],
    take: impl FnMut(&At, T) -> Result<(), ErrorKind>,
) -> Result<(), Error> {
    let steps: Vec<Vec<Step<'_>>> = ways.iter().map(|way| steps(way)).collect();
    let exchange = Exchange::default();
    let shared = Shared {
        steps: &steps,
        exchange: &exchange,
        limits,
        take: RefCell::new(take),
        kind: std::marker::PhantomData,
    };
    let open = (0..ways.len()).collect();
    let walk = Walk { shared: &shared, open, depth: 0, at: At::default() };
    result_pass(input, limits, bulk, &exchange, walk)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Step<'a> {
    Key(&'a str),
    AnyKey,
    Each,
}

fn steps(way: &str) -> Vec<Step<'_>> {
    let mut steps = Vec::new();
    for part in way.split('.') {
        let key = part.trim_end_matches("[]");
        match key {
            "" => {}
            "*" => steps.push(Step::AnyKey),
            key => steps.push(Step::Key(key)),
        }
        steps.extend((0..(part.len() - key.len()) / 2).map(|_| Step::Each));
    }
    steps
}

struct Shared<'a, T, F> {
    steps: &'a [Vec<Step<'a>>],
    exchange: &'a Exchange,
    limits: &'a Limits,
    take: RefCell<F>,
    kind: std::marker::PhantomData<T>,
}

struct Walk<'a, T, F> {
    shared: &'a Shared<'a, T, F>,
    /// The ways that lead here.
    open: Vec<usize>,
    /// How many steps of each were taken.
    depth: usize,
    at: At,
}

impl<'a, T, F> Walk<'a, T, F> {
    /// The ways that go on with a step.
    fn onward(&self, fits: impl Fn(Step<'a>) -> bool) -> Vec<usize> {
        let next = |way: &usize| self.shared.steps[*way].get(self.depth).is_some_and(|step| fits(*step));
        self.open.iter().copied().filter(next).collect()
    }

    fn step(&self, open: Vec<usize>, at: At) -> Self {
        Walk { shared: self.shared, open, depth: self.depth + 1, at }
    }

    fn finished(&self) -> Option<usize> {
        self.open.iter().copied().find(|way| self.shared.steps[*way].len() == self.depth)
    }
}

impl<'de, T, F> DeserializeSeed<'de> for Walk<'_, T, F>
where
    T: DeserializeOwned,
    F: FnMut(&At, T) -> Result<(), ErrorKind>,
{
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let Some(way) = self.finished() else { return deserializer.deserialize_any(self) };
        let Shared { exchange, limits, take, .. } = self.shared;
        let at = At { way, ..self.at };
        OneResult {
            exchange,
            limits,
            seed: Taken { at: &at, exchange, take, kind: std::marker::PhantomData },
        }
        .deserialize(deserializer)
    }
}

impl<'de, T, F> Visitor<'de> for Walk<'_, T, F>
where
    T: DeserializeOwned,
    F: FnMut(&At, T) -> Result<(), ErrorKind>,
{
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = !self.onward(|step| step == Step::Each).is_empty();
        let object = !self.onward(|step| step != Step::Each).is_empty();
        f.write_str(match (list, object) {
            (true, true) => "an object or a list",
            (true, false) => "a list",
            _ => "an object",
        })
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        if self.onward(|step| step != Step::Each).is_empty() {
            return Err(serde::de::Error::invalid_type(serde::de::Unexpected::Map, &self));
        }
        while let Some(key) = map.next_key::<String>()? {
            let open = self.onward(|step| step == Step::Key(&key) || step == Step::AnyKey);
            if open.is_empty() {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let any = open.iter().any(|way| self.shared.steps[*way].get(self.depth) == Some(&Step::AnyKey));
            let key = if any { Some(key) } else { self.at.key.clone() };
            map.next_value_seed(self.step(open, At { key, ..self.at.clone() }))?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let open = self.onward(|step| step == Step::Each);
        if open.is_empty() {
            return Err(serde::de::Error::invalid_type(serde::de::Unexpected::Seq, &self));
        }
        for position in 0.. {
            let mut at = self.at.clone();
            at.positions.push(position);
            if seq.next_element_seed(self.step(open.clone(), at))?.is_none() {
                break;
            }
        }
        Ok(())
    }
}

struct Taken<'a, T, F> {
    at: &'a At,
    exchange: &'a Exchange,
    take: &'a RefCell<F>,
    kind: std::marker::PhantomData<T>,
}

impl<'de, T, F> DeserializeSeed<'de> for Taken<'_, T, F>
where
    T: DeserializeOwned,
    F: FnMut(&At, T) -> Result<(), ErrorKind>,
{
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let Self { at, exchange, take, .. } = self;
        Value::<T, _>::new(exchange, |one| (take.borrow_mut())(at, one)).deserialize(deserializer)
    }
}

/// The heads of a report that is one object or a list of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct OneOrMany<T> {
    /// Whether it is a list.
    pub(crate) list: bool,
    /// In the order of the file; a result in the list (null to this pass) is an empty head.
    pub(crate) all: Vec<T>,
}

impl<'de, T: Deserialize<'de> + Default> Deserialize<'de> for OneOrMany<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de> + Default> Visitor<'de> for Collect<T> {
            type Value = OneOrMany<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object or a list of objects")
            }
            /// An empty list, as Go writes one that was never made.
            fn visit_unit<E>(self) -> Result<OneOrMany<T>, E> {
                Ok(OneOrMany { list: true, all: Vec::new() })
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<OneOrMany<T>, A::Error> {
                let one = T::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
                Ok(OneOrMany { list: false, all: vec![one] })
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<OneOrMany<T>, A::Error> {
                let mut all = Vec::new();
                while let Some(one) = seq.next_element::<Option<T>>()? {
                    all.push(one.unwrap_or_default());
                }
                Ok(OneOrMany { list: true, all })
            }
        }
        deserializer.deserialize_any(Collect(std::marker::PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::json::Top;

    const BULK: Bulk = Bulk { keys: &["a", "b"], depth: 1, top: Top::Elements };

    fn seen(text: &str, ways: &[&str]) -> Result<Vec<String>, Error> {
        let mut seen = Vec::new();
        results(
            &mut Cursor::new(text),
            &Limits::default(),
            BULK,
            ways,
            |at: &At, one: serde_json::Value| {
                seen.push(format!("{}{:?}{}={one}", at.way, at.positions, at.key.as_deref().unwrap_or("-")));
                Ok(())
            },
        )?;
        Ok(seen)
    }

    #[test]
    fn every_way_leads_to_its_results() {
        let text = r#"{"b": null, "x": [{"a": [{"n": 1}, {"n": 2}]}, {"a": []}], "a": {"k": {"n": 3}}}"#;
        let found = seen(text, &["x[].a[]", "a.*", "b[]"]).unwrap();
        assert_eq!(found, [r#"0[0, 0]-={"n":1}"#, r#"0[0, 1]-={"n":2}"#, r#"1[]k={"n":3}"#]);
        assert_eq!(seen(r#"[{"n": 1}]"#, &["[]", "a[]"]).unwrap(), [r#"0[0]-={"n":1}"#]);
    }

    #[test]
    fn another_shape_is_an_error() {
        let error = seen(r#"{"a": {"k": {}}}"#, &["a[]"]).unwrap_err().to_string();
        assert!(error.contains("at a: invalid type: map, expected a list"), "{error}");
        let error = seen(r#"{"a": 5}"#, &["a[]", "[]"]).unwrap_err().to_string();
        assert!(error.contains("invalid type: integer `5`, expected a list"), "{error}");
    }
}
