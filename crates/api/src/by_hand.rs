//! What people do with tickets by hand.

use model::offer::OfferedState;
use model::{DestinationId, FindingId, TicketId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Body of `POST /api/v1/tickets`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct NewTicket {
    /// Findings for it, 1 to 200, all open and without a ticket.
    pub findings: Vec<FindingId>,
    /// Where it goes; where the findings belong if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination: Option<DestinationId>,
    /// State of the new work item, one of `GET /api/v1/destinations/{id}/initial-states`; as the status map says if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
}

/// Answer of `GET /api/v1/destinations/{id}/initial-states`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct InitialStates {
    /// States that a new work item may be given, in the order of the process.
    pub states: Vec<OfferedState>,
}

/// Body of `POST /api/v1/tickets/{id}/findings`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct AddFindings {
    /// Findings, 1 to 200, all open and without a ticket.
    pub findings: Vec<FindingId>,
}

/// Body of `POST /api/v1/tickets/{id}/split`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SplitTicket {
    /// Findings of the ticket that get a ticket of their own; not all of them.
    pub findings: Vec<FindingId>,
    /// State of the new work item; as the status map says if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Why, for the comments on both work items.
    #[serde(default)]
    pub reason: String,
}

/// Body of `POST /api/v1/tickets/{id}/merge`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct MergeTicket {
    /// The ticket that gets the findings and stays.
    pub into: TicketId,
}

/// Body of `POST /api/v1/tickets/{id}/move`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct MoveTicket {
    /// Where it goes, a destination of the same connection.
    pub destination: DestinationId,
}

/// Body of `POST /api/v1/tickets/closing-states` and `POST /api/v1/tickets/push`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ChosenTickets {
    /// Tickets, 1 to 200.
    pub tickets: Vec<TicketId>,
}

/// Answer of `POST /api/v1/tickets/closing-states`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ClosingStates {
    /// The tickets by project and type, each with the states that all of them share.
    pub groups: Vec<ClosingGroup>,
    /// States that all groups share: one choice for everything.
    pub shared: Vec<String>,
    /// Tickets that cannot be closed by hand, and why.
    pub refused: Vec<HandledTicket>,
}

/// Tickets of one project and type.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ClosingGroup {
    /// Project.
    pub project: String,
    /// Work item type.
    pub work_item_type: String,
    /// The tickets.
    pub tickets: Vec<TicketId>,
    /// States in which all of them can be closed.
    pub states: Vec<OfferedState>,
    /// Why some state is not offered that one of them could have.
    pub differing: Option<String>,
}

/// Body of `POST /api/v1/tickets/close`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct CloseTickets {
    /// Which tickets get which state; together 1 to 200 tickets.
    pub choices: Vec<ClosingChoice>,
    /// Why; needed for states that accept a risk or say that it is no weakness.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Tickets and the state with which they are closed.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ClosingChoice {
    /// Tickets.
    pub tickets: Vec<TicketId>,
    /// State, one of those that are offered.
    pub state: String,
}

/// Answer of what is done to many tickets at once.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct HandledTickets {
    /// One entry for each ticket.
    pub tickets: Vec<HandledTicket>,
}

/// What became of one of many tickets.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct HandledTicket {
    /// The ticket.
    pub id: TicketId,
    /// Its title.
    pub title: String,
    /// Why it was not done; absent if it is on its way.
    pub refused: Option<String>,
}
