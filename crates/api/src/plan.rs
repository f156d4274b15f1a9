//! Plans, applying them, and undoing that.

use chrono::{DateTime, Utc};
use model::{PlanApplyId, TicketId, WorkItemId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::FieldChange;

/// Query of `POST /api/v1/plan`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PlanQuery {
    /// So many tickets are listed one by one, 1 to 5000, 500 if absent. All are counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// Answer of `POST /api/v1/plan`: what would happen now, compared with the live board.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Plan {
    /// One entry for each ticket for which something would happen, as many as were asked for.
    pub tickets: Vec<TicketPlan>,
    /// Work items that would be created.
    pub create: u64,
    /// Work items that would be changed.
    pub update: u64,
    /// Tickets whose findings would follow a move on the board.
    pub follow: u64,
    /// Tickets for which nothing would happen.
    pub nothing: u64,
    /// Work items that wait for another day or a person, because of the budget.
    pub over_budget: u64,
}

/// What would happen for one ticket.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct TicketPlan {
    /// The ticket; absent if it would be made first.
    pub ticket_id: Option<TicketId>,
    /// The work item.
    pub work_item_id: Option<WorkItemId>,
    /// Title.
    pub title: String,
    /// Destination.
    pub destination: String,
    /// What would happen.
    pub action: PlanAction,
    /// Field by field.
    pub fields: Vec<FieldChange>,
    /// Why.
    pub reason: String,
    /// Revision of the work item that this was decided on; absent for a new one, and where nothing would be written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<i64>,
    /// SHA-256 of everything that would be written. Rows that have one can be applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
}

/// What would happen for a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PlanAction {
    /// A work item is created.
    Create,
    /// The work item is changed.
    Update,
    /// The work item is closed.
    Close,
    /// The work item is opened again.
    Reopen,
    /// The work item is taken out of the recycle bin.
    Restore,
    /// The findings follow the card.
    Follow,
    /// Findings join a ticket that exists.
    Join,
    /// It waits: budget, breaker, or an unknown outcome of an earlier try.
    Wait,
}

/// Body of `POST /api/v1/plan/applies`: rows of a plan that shall be carried out, at most 5000, each ticket once.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ApplyRequest {
    /// The rows.
    pub tickets: Vec<ApprovedTicket>,
}

/// A row of a plan, as it stood there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ApprovedTicket {
    /// The ticket.
    pub ticket_id: TicketId,
    /// The row's revision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<i64>,
    /// The row's fingerprint.
    pub fingerprint: String,
}

/// What became of a plan that was applied, or of an undo.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Apply {
    /// Identity.
    pub id: PlanApplyId,
    /// When it was asked for.
    pub at: DateTime<Utc>,
    /// Who asked.
    pub by: String,
    /// The apply that this one undoes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undoes: Option<PlanApplyId>,
    /// Ticket by ticket, in the order in which they were asked for.
    pub tickets: Vec<AppliedTicket>,
}

/// What became of one ticket of an apply.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct AppliedTicket {
    /// The ticket.
    pub ticket_id: TicketId,
    /// Its work item.
    pub work_item_id: Option<WorkItemId>,
    /// Its title when it was asked for.
    pub title: String,
    /// What became of it.
    pub state: ApplyState,
    /// Why it was refused.
    pub reason: Option<String>,
    /// The apply that undid it.
    pub undone_by: Option<PlanApplyId>,
}

/// What became of a ticket of an apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ApplyState {
    /// It has not had its turn, or its outcome is not known yet.
    Waiting,
    /// It was written.
    Applied,
    /// Nothing was written for it; the reason says why.
    Refused,
}

/// An apply in a list.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ApplySummary {
    /// Identity.
    pub id: PlanApplyId,
    /// When it was asked for.
    pub at: DateTime<Utc>,
    /// Who asked.
    pub by: String,
    /// The apply that this one undoes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undoes: Option<PlanApplyId>,
    /// Tickets that were written.
    pub applied: u64,
    /// Tickets that were refused.
    pub refused: u64,
    /// Tickets whose outcome is not known yet.
    pub waiting: u64,
}
