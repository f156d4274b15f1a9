//! Hands on the results of a document one by one, wherever in it their lists stand.
//!
//! For formats whose results need to know of their surroundings no more than the keys and positions above them.

use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::guard::Element;
use super::{Bulk, Exchange, Top, kind_of, place_of, run};
use crate::ReadSeek;
use crate::error::{Error, ErrorKind, Place};
use crate::limits::Limits;

/// Where in the document a result stands.
#[derive(Default)]
pub(crate) struct Trail {
    keys: Vec<String>,
    positions: Vec<usize>,
}

impl Trail {
    /// Key of the list that holds the result; empty for a list at the top.
    pub(crate) fn list(&self) -> &str {
        self.keys.last().map_or("", String::as_str)
    }

    /// Positions in the lists from the outermost to that of the result.
    pub(crate) fn positions(&self) -> &[usize] {
        &self.positions
    }
}

/// One result, not yet parsed.
pub(crate) struct Row<'a>(&'a [u8]);

impl Row<'_> {
    /// Parses an object.
    ///
    /// # Errors
    ///
    /// It is none, or not a `T`; the walk tells where.
    pub(crate) fn read<T: for<'de> Deserialize<'de>>(&self) -> Result<T, Refused> {
        // Derived readers take a list for the fields in their order.
        if self.0.first() != Some(&b'{') {
            return Err(ErrorKind::invalid("a result must be an object").into());
        }
        self.read_any()
    }

    /// Parses an object or a list.
    pub(crate) fn read_any<T: for<'de> Deserialize<'de>>(&self) -> Result<T, Refused> {
        serde_json::from_slice(self.0).map_err(Refused::Parser)
    }
}

/// What all results of a report say alike, if they do: its branch, for example.
#[derive(Default)]
pub(crate) struct Agreed(Option<Option<String>>);

impl Agreed {
    /// Takes what one result says; a result that says nothing disagrees with nobody.
    pub(crate) fn hear(&mut self, said: Option<String>) {
        match (&self.0, said) {
            (_, None) => {}
            (None, said) => self.0 = Some(said),
            (Some(before), said) if *before != said => self.0 = Some(None),
            _ => {}
        }
    }

    /// What they agree on.
    pub(crate) fn on(self) -> Option<String> {
        self.0.flatten()
    }
}

/// Why a result was refused.
pub(crate) enum Refused {
    /// The parser's words, with a position inside of the result.
    Parser(serde_json::Error),
    /// Of the reader of the format.
    Kind(ErrorKind),
}

impl From<ErrorKind> for Refused {
    fn from(kind: ErrorKind) -> Self {
        Self::Kind(kind)
    }
}

/// What takes the results.
pub(crate) type Take<'a> = &'a mut dyn FnMut(&Trail, Row<'_>) -> Result<(), Refused>;

/// Reads the file and hands each result in the lists of `bulk` to `take`.
///
/// # Errors
///
/// The JSON is broken, a limit is exceeded, or `take` refused a result; with the place.
pub(crate) fn each_result(
    input: &mut dyn ReadSeek,
    limits: &Limits,
    bulk: Bulk,
    take: Take<'_>,
) -> Result<(), Error> {
    let exchange = Exchange::default();
    let mut walk = Walk { exchange: &exchange, limits, trail: Trail::default(), take };
    run(input, limits, bulk, &exchange, false, |parser| {
        if bulk.top != Top::Documents {
            return Step(&mut walk).deserialize(&mut *parser).and_then(|()| parser.end());
        }
        while parser.end().is_err() {
            Step(&mut walk).deserialize(&mut *parser)?;
        }
        Ok(())
    })
}

struct Walk<'a, 'x> {
    exchange: &'x Exchange,
    limits: &'x Limits,
    trail: Trail,
    take: Take<'a>,
}

impl Walk<'_, '_> {
    fn take<E: serde::de::Error>(&mut self, element: Element) -> Result<(), E> {
        let (kind, place) = match (self.take)(&self.trail, Row(&element.bytes)) {
            Ok(()) => {
                *self.exchange.spare.borrow_mut() = Some(element);
                return Ok(());
            }
            Err(Refused::Parser(error)) => (kind_of(&error), place_of(&element, &error, self.limits)),
            Err(Refused::Kind(kind)) => {
                (kind, Place { column: element.place.column + 1, ..element.place.clone() })
            }
        };
        let refused = E::custom(&kind);
        *self.exchange.failure.borrow_mut() = Some((kind, Some(place)));
        Err(refused)
    }
}

/// Any value: the walk goes into objects and lists and finds the results there.
struct Step<'w, 'a, 'x>(&'w mut Walk<'a, 'x>);

impl<'de> DeserializeSeed<'de> for Step<'_, '_, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Step<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a report")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            self.0.trail.keys.push(key);
            map.next_value_seed(Step(self.0))?;
            self.0.trail.keys.pop();
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        for position in 0.. {
            self.0.trail.positions.push(position);
            let more = seq.next_element_seed(Step(self.0))?;
            self.0.trail.positions.pop();
            if more.is_none() {
                break;
            }
        }
        Ok(())
    }

    /// The placeholder of a result, or a null of the report.
    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        let element = self.0.exchange.element.borrow_mut().take();
        element.map_or(Ok(()), |element| self.0.take(element))
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }
}

/// A list of results as the header pass sees it: `None` where the key is absent or null.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rows(pub(crate) Option<usize>);

impl Rows {
    /// Whether the list is there, perhaps empty.
    pub(crate) fn is_there(self) -> bool {
        self.0.is_some()
    }
}

impl<'de> Deserialize<'de> for Rows {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Results are nulls in this pass, so anything else in the list is no result.
        let placeholders = Option::<Vec<()>>::deserialize(deserializer)?;
        Ok(Self(placeholders.map(|rows| rows.len())))
    }
}

/// A document that is either an object `T` or a bare list of results.
pub(crate) struct ObjectOrList<T> {
    /// The object; its default for a list.
    pub(crate) object: T,
    /// The list, if it is one.
    pub(crate) list: Rows,
}

impl<'de, T: Deserialize<'de> + Default> Deserialize<'de> for ObjectOrList<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de> + Default> Visitor<'de> for Either<T> {
            type Value = ObjectOrList<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object, or a list of objects")
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                let object = T::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
                Ok(ObjectOrList { object, list: Rows(None) })
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut rows = 0;
                while seq.next_element::<()>()?.is_some() {
                    rows += 1;
                }
                Ok(ObjectOrList { object: T::default(), list: Rows(Some(rows)) })
            }
        }
        deserializer.deserialize_any(Either(std::marker::PhantomData))
    }
}
