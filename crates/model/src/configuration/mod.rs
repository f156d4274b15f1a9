//! Configuration as a document that people keep in files: what it may say, what is wrong with it, and what differs between
//! two of them.
//!
//! Things are told by name, never by id, so that a file reads the same on every instance. Secrets are not part of it. What
//! carries a document out, and how it is written in a file, is the business of others.
//!
//! | file | subject |
//! |---|---|
//! | `document` | what may be said |
//! | `sound` | names, references and criteria put into one form, with every problem at its place |
//! | `compare` | what differs between what is stored and what is wanted |
//! | `order` | where new rules stand among those that are there |

mod compare;
mod document;
mod order;
mod sound;

pub use compare::{Change, ChangeAction, ChangedThing, FieldChange, compare};
pub use document::{
    Configuration, Connection, ConnectionMode, Destination, DestinationBinding, Fields, Place, Rule, SignIn,
    StatusPlaces, Suppression, VERSION,
};
pub use order::place;
pub use sound::Problem;
