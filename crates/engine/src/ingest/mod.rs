//! A report becomes findings.
//!
//! 1. [`submit`](crate::Engine::submit_import) reads it through once, refuses what is broken before anything is written,
//!    and stores scans and job in one transaction.
//! 2. The job stages the observations in a stream; it goes on where it was after a crash.
//! 3. Piece by piece it finds renamed files, matches the observations, and decides what absence proves; after a crash it
//!    goes on with the next piece. Only when all of it is in effect do rules and tickets look at it.
//!
//! [`plan_import`](crate::Engine::plan_import) does the same in a transaction that is thrown away.

mod absences;
mod commit;
pub(crate) mod divide;
mod effect;
mod plan;
mod renames;
mod stage;
mod submit;

pub use plan::ImportPlan;
pub(crate) use plan::SupposedImport;
pub use submit::ImportRequest;
pub(crate) use submit::{Fetched, ImportOrder, Ruled, check_asset_name, named_format};
