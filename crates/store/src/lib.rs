//! Lockstep's database.
//!
//! One [`Db`] over SQLite and PostgreSQL; each statement is written once. A file per aggregate holds the statements of
//! that aggregate and nothing decides here: decisions are values from `model`, computed by `engine`. Transactions are
//! short and are never open across a network call.

pub mod acceptances;
pub mod alarms;
pub mod applies;
pub mod assessments;
pub mod assets;
pub mod attachments;
pub mod audit;
pub mod breakers;
pub mod commands;
pub mod comments;
pub mod connections;
pub mod correlations;
mod db;
pub mod destinations;
pub mod exploits;
pub mod failpoint;
pub mod findings;
pub mod inbox;
pub mod jobs;
pub mod merging;
pub mod pending_sign_ins;
mod pieces;
pub mod presence;
pub mod rules;
pub mod scans;
pub mod secrets;
pub mod sessions;
pub mod sla;
pub mod sources;
pub mod suppressions;
pub mod taking_effect;
pub mod templates;
pub mod tickets;
pub mod tokens;
pub mod users;
pub mod views;

pub use db::{Arg, Composed, Db, Error, Result, Row, Tx};
pub use pieces::Pieces;
