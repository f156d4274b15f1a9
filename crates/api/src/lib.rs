//! What travels over `/api/v1`. The server translates between these and the engine; the command line reads the same.
//!
//! Times are RFC 3339 in UTC. Lists are paged by an opaque cursor. Errors are [`Problem`]s.

mod acceptances;
mod access;
mod alarms;
mod assessments;
mod boards;
mod by_hand;
mod comparisons;
mod configuration;
mod findings;
mod plan;
mod priority;
mod problem;
mod rules;
mod scans;
mod sign_in;
mod sources;
mod suppressions;
mod templates;
mod tickets;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use acceptances::*;
pub use access::*;
pub use alarms::*;
pub use assessments::*;
pub use boards::*;
pub use by_hand::*;
pub use comparisons::*;
pub use configuration::*;
pub use findings::*;
pub use plan::*;
pub use priority::*;
pub use problem::*;
pub use rules::*;
pub use scans::*;
pub use sign_in::*;
pub use sources::*;
pub use suppressions::*;
pub use templates::*;
pub use tickets::*;

/// One page of a list.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    /// The entries.
    pub items: Vec<T>,
    /// Give this back as `cursor` for the next page; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// Something with a name, pointed to from elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Named<Id> {
    /// Identity.
    pub id: Id,
    /// Name for people.
    pub name: String,
}

/// Who or what caused a change. Every change has one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Cause {
    /// What sort of cause.
    pub kind: CauseKind,
    /// In words: name of the person, number of the work item and its revision, scanner and start of the scan.
    pub label: String,
}

/// Sorts of causes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CauseKind {
    /// A scan.
    Scan,
    /// A rule.
    Rule,
    /// A person here.
    Person,
    /// A revision of a work item: somebody on the board.
    WorkItem,
    /// Time passed.
    Clock,
}

/// Answer of `GET /api/v1/version`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Version {
    /// Version of the server.
    pub version: String,
    /// `sqlite` or `postgres`.
    pub database: String,
}

/// A change that others may want to read again. Sent as server-sent events by `GET /api/v1/events`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LiveEvent {
    /// What changed.
    pub kind: LiveEventKind,
    /// Which one; absent if many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<uuid::Uuid>,
}

/// Kinds of things that change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LiveEventKind {
    /// Findings.
    Finding,
    /// Tickets.
    Ticket,
    /// Scans.
    Scan,
    /// A job.
    Job,
    /// A connection.
    Connection,
    /// A destination or a rule.
    Configuration,
    /// An alarm, or where alarms are sent.
    Alarm,
}
