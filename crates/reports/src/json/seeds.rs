//! Building blocks to walk into a JSON document and stream the elements of an array.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{Exchange, kind_of, place_of};
use crate::error::ErrorKind;
use crate::limits::Limits;

/// An object of which some keys are read, each with the seed that `choose` gives for it; the rest is skipped.
pub(crate) struct Keys<F>(pub(crate) F);

impl<'de, F, S> DeserializeSeed<'de> for Keys<F>
where
    F: FnMut(&str) -> Option<S>,
    S: DeserializeSeed<'de, Value = ()>,
{
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, F, S> Visitor<'de> for Keys<F>
where
    F: FnMut(&str) -> Option<S>,
    S: DeserializeSeed<'de, Value = ()>,
{
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            match (self.0)(&key) {
                Some(seed) => map.next_value_seed(seed)?,
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

/// An array (or null, which is read as empty) whose elements are read one after the other with the seed of their position.
pub(crate) struct Elements<F>(pub(crate) F);

impl<'de, F, S> DeserializeSeed<'de> for Elements<F>
where
    F: FnMut(usize) -> S,
    S: DeserializeSeed<'de, Value = ()>,
{
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, F, S> Visitor<'de> for Elements<F>
where
    F: FnMut(usize) -> S,
    S: DeserializeSeed<'de, Value = ()>,
{
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<(), A::Error> {
        let mut position = 0;
        while seq.next_element_seed((self.0)(position))?.is_some() {
            position += 1;
        }
        Ok(())
    }
}

/// An object (or null, which is read as empty) of which each member is read with the seed of its key.
#[cfg_attr(not(test), expect(dead_code, reason = "the first format whose results are a map removes this"))]
pub(crate) struct Members<F>(pub(crate) F);

impl<'de, F, S> DeserializeSeed<'de> for Members<F>
where
    F: FnMut(&str) -> S,
    S: DeserializeSeed<'de, Value = ()>,
{
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, F, S> Visitor<'de> for Members<F>
where
    F: FnMut(&str) -> S,
    S: DeserializeSeed<'de, Value = ()>,
{
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            map.next_value_seed((self.0)(&key))?;
        }
        Ok(())
    }
}

/// A `T` that is written as an object. (What is derived for a struct takes a list too, field by field.)
pub(crate) struct Object<T>(PhantomData<T>);

/// The seed of an object.
pub(crate) fn object<T>() -> Object<T> {
    Object(PhantomData)
}

impl<'de, T: Deserialize<'de>> DeserializeSeed<'de> for Object<T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for Object<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map))
    }
}

/// One result: the placeholder in the stream, behind which the seed reads the result itself.
pub(crate) struct OneResult<'x, S> {
    pub(crate) exchange: &'x Exchange,
    pub(crate) limits: &'x Limits,
    pub(crate) seed: S,
}

impl<'de, S> DeserializeSeed<'de> for OneResult<'_, S>
where
    S: for<'e> DeserializeSeed<'e, Value = ()>,
{
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        IgnoredAny::deserialize(deserializer)?;
        let Some(element) = self.exchange.element.borrow_mut().take() else {
            return Err(self.exchange.raise(ErrorKind::invalid("a result must be an object")));
        };
        let mut parser = serde_json::Deserializer::from_slice(&element.bytes);
        match self.seed.deserialize(&mut parser).and_then(|()| parser.end()) {
            Ok(()) => {
                *self.exchange.spare.borrow_mut() = Some(element);
                Ok(())
            }
            Err(error) => {
                let typed = self.exchange.failure.borrow_mut().take();
                let kind = typed.map_or_else(|| kind_of(&error), |(kind, _)| kind);
                let refused = serde::de::Error::custom(&kind);
                let place = place_of(&element, &error, self.limits);
                *self.exchange.failure.borrow_mut() = Some((kind, Some(place)));
                Err(refused)
            }
        }
    }
}

/// One value of type `T`, handed to a function that may refuse it.
pub(crate) struct Value<'x, T, F> {
    exchange: &'x Exchange,
    take: F,
    kind: PhantomData<T>,
}

impl<'x, T, F: FnOnce(T) -> Result<(), ErrorKind>> Value<'x, T, F> {
    pub(crate) fn new(exchange: &'x Exchange, take: F) -> Self {
        Self { exchange, take, kind: PhantomData }
    }
}

impl<'de, T, F> DeserializeSeed<'de> for Value<'_, T, F>
where
    T: Deserialize<'de>,
    F: FnOnce(T) -> Result<(), ErrorKind>,
{
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let value = T::deserialize(deserializer)?;
        (self.take)(value).map_err(|kind| self.exchange.raise(kind))
    }
}
