//! Lockstep's own formats: one JSON, one CSV, with the same names for the same facts.
//!
//! They are for people who convert a report of a tool that is not known here, so they are strict: an unknown name is an
//! error that says which name was probably meant, because a misspelt field that is skipped is found months later.
//! Names that begin with `x-` or `x_` are the writer's own and skipped. Described in `docs/formats/generic-json.md` and
//! `generic-csv.md`.

pub(crate) mod csv;
mod finding;
pub(crate) mod json;
pub(crate) mod mapped;
mod names;
