//! Lockstep's centre: values and functions, no I/O, no clock, no async.
//!
//! Everything that decides lives here, so that it can be read in an afternoon and tested without mocks. Time, chance
//! and what the board says come in as arguments.

pub mod acceptance;
pub mod approval;
pub mod assessment;
pub mod attachment;
pub mod block;
pub mod board;
pub mod command;
pub mod configuration;
pub mod content;
pub mod correlation;
pub mod fields;
pub mod following;
pub mod guard;
pub mod identity;
pub mod ids;
mod impact;
pub mod ingest;
pub mod lifecycle;
pub mod map;
pub mod merge;
pub mod observation;
pub mod offer;
pub mod priority;
pub mod process;
pub mod renames;
pub mod role;
pub mod routing;
pub mod rule;
mod severity;
pub mod status;
pub mod suppression;
pub mod way;

pub use ids::*;
pub use impact::{Impact, UnknownImpact};
pub use observation::{
    Component, Coverage, CoverageExtent, FindingKind, Location, Observation, ReportedSuppression, ScanRun,
    Vulnerability,
};
pub use priority::{Priority, Probability, Risk, SlaState};
pub use severity::{Severity, UnknownSeverity};
pub use status::Status;
