//! A report becomes findings.
//!
//! 1. [`submit`](crate::Engine::submit_import) reads it through once, refuses what is broken before anything is written,
//!    and stores scans and job in one transaction.
//! 2. The job stages the observations in a stream; it goes on where it was after a crash.
//! 3. One transaction finds renamed files, matches the observations, decides what absence proves, and puts the scans
//!    into effect. Only then are tickets marked. All of it or nothing.

mod commit;
mod renames;
mod stage;
mod submit;

pub(crate) use submit::ImportOrder;
pub use submit::ImportRequest;
