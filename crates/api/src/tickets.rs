//! Tickets, plans and reconciling.

use chrono::{DateTime, Utc};
use model::following::RepairKind;
use model::{
    AttachmentId, AuditId, CommentId, ConnectionId, DestinationId, FindingId, RuleId, Status, TicketId,
    WorkItemId,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{Cause, Named};

/// How a ticket is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TicketHealth {
    /// Both sides agree.
    InStep,
    /// A change waits to be carried over.
    Waiting,
    /// The work item is not created yet.
    Pending,
    /// More work items are wanted than the destination may get today.
    OverBudget,
    /// A person decided otherwise on a field; both values are shown.
    Conflict,
    /// The last try failed; it will be tried again.
    Retrying,
    /// It failed too often, or in a way that only a person can mend.
    Parked,
    /// More would happen at once, or more often, than usual: a person should look first.
    Held,
    /// The work item can no longer be read; Azure DevOps does not say why.
    Missing,
    /// The work item lies in the recycle bin.
    Deleted,
    /// The work item was deleted for good.
    Destroyed,
    /// The work item is in another project.
    Moved,
    /// The work item has another type.
    TypeChanged,
    /// People closed the work item as a duplicate of another one.
    Merged,
    /// Other work items carry the ticket's key: copies, or one that it had before.
    Copied,
    /// The ticket has ended: nothing is written for it any more, and its findings have none.
    Released,
    /// All its findings are closed, and so is the work item.
    Closed,
}

/// Filters of `GET /api/v1/tickets`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TicketFilter {
    /// Healths, separated by commas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<String>,
    /// Only tickets of this destination.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination: Option<DestinationId>,
    /// Only tickets whose work item is assigned to somebody with this in their name or sign-in name; `-` for nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignee: Option<String>,
    /// Text in the title, or the number of a work item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub q: Option<String>,
    /// Where the page starts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Size of the page, 1 to 200, 50 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// Our record of a work item.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Ticket {
    /// Identity.
    pub id: TicketId,
    /// Title.
    pub title: String,
    /// How it is.
    pub health: TicketHealth,
    /// What is wrong, in plain words.
    pub problem: Option<String>,
    /// What to do about it.
    pub next_step: Option<String>,
    /// Mends that are offered for it as it is: `POST /api/v1/tickets/{id}/repair`.
    pub repairs: Vec<RepairKind>,
    /// A mend that was asked for and is not carried out yet.
    pub asked: Option<RepairKind>,
    /// Numbers of other live work items that carry its key.
    pub copies: Vec<WorkItemId>,
    /// What its findings say together.
    pub status: Status,
    /// Connection.
    pub connection: Named<ConnectionId>,
    /// Destination.
    pub destination: Named<DestinationId>,
    /// The rules that make it what it is, the leading one first; none if people made it.
    pub rules: Vec<Named<RuleId>>,
    /// The work item as last read.
    pub work_item: Option<WorkItemShown>,
    /// Number of findings.
    pub findings: u64,
    /// Fields on which both sides differ, because a person decided so on the board.
    pub conflicts: Vec<Conflict>,
    /// Failed tries since the last success.
    pub attempts: u32,
    /// When it is tried next.
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// When both sides were last compared.
    pub synced_at: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// A work item as last read.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct WorkItemShown {
    /// Number.
    pub id: WorkItemId,
    /// Revision.
    pub revision: i64,
    /// Page for people.
    pub url: String,
    /// Type.
    pub work_item_type: String,
    /// State.
    pub state: String,
    /// Board column.
    pub column: Option<String>,
    /// Lane.
    pub lane: Option<String>,
    /// Who works on it.
    pub assignee: Option<String>,
    /// Iteration path.
    pub iteration: String,
    /// When it is due, where the type has such a date.
    pub due_date: Option<DateTime<Utc>>,
    /// Number of comments.
    pub comments: i64,
}

/// A field on which both sides differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Conflict {
    /// Field, for people.
    pub field: String,
    /// The word for it in `POST /api/v1/tickets/{id}/conflicts/{field}`.
    pub key: String,
    /// What Lockstep would write.
    pub ours: String,
    /// What stands on the board and is left alone.
    pub theirs: String,
}

/// Whose value a person decides for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConflictChoice {
    /// Lockstep's value is written.
    Ours,
    /// The board's value stays; nobody is asked again until either side changes.
    Theirs,
}

/// Body of `POST /api/v1/tickets/{id}/conflicts/{field}`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ConflictDecision {
    /// Whose value counts.
    pub take: ConflictChoice,
}

/// Where a comment was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CommentSide {
    /// By a person in Lockstep.
    Here,
    /// By a person on the board.
    Board,
    /// By Lockstep, to explain a change of the work item.
    Explanation,
}

/// What somebody said about a ticket or its work item. Deleted comments are not shown.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Comment {
    /// Identity.
    pub id: CommentId,
    /// Where it was written.
    pub side: CommentSide,
    /// Who wrote it.
    pub author: String,
    /// Plain text, whatever it was on the board.
    pub text: String,
    /// For people here only: it never leaves Lockstep.
    pub private: bool,
    /// It is on the board as it is shown.
    pub on_board: bool,
    /// Why it could not be carried to the board.
    pub problem: Option<String>,
    /// When it was written.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub edited_at: Option<DateTime<Utc>>,
}

/// Body of `POST /api/v1/tickets/{id}/comments`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct NewComment {
    /// Plain text, at most 10,000 characters.
    pub text: String,
    /// `true`: for people here only. It cannot be made public later.
    #[serde(default)]
    pub private: bool,
}

/// Body of `PATCH /api/v1/tickets/{id}/comments/{comment}`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct CommentChange {
    /// The new text.
    pub text: String,
}

/// A file that people attached to a ticket, or to its work item. Deleted ones are not shown.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Attachment {
    /// Identity; absent for what was attached on the board.
    pub id: Option<AttachmentId>,
    /// Name of the file.
    pub name: String,
    /// Length, in bytes; absent for what was attached on the board.
    pub size: Option<i64>,
    /// Who attached it here.
    pub author: Option<String>,
    /// For people here only: it never leaves Lockstep.
    pub private: bool,
    /// It is attached to the work item.
    pub on_board: bool,
    /// Somebody took it away from the work item, and it stays away.
    pub taken_away: bool,
    /// Why it could not be carried to the board.
    pub problem: Option<String>,
    /// When it was attached here.
    pub added_at: Option<DateTime<Utc>>,
}

/// What is said about a file that is sent. Query of `POST /api/v1/tickets/{id}/attachments`.
#[derive(Clone, Debug, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AttachmentOptions {
    /// Name of the file; folders in it are left out.
    pub name: String,
    /// `true`: for people here only. It cannot be made public later.
    #[serde(default)]
    pub private: bool,
}

/// Which existing work items to use for which findings. Body of `POST /api/v1/adoptions/plan`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum AdoptionRequest {
    /// These.
    Pairs {
        /// Each a finding and a work item, at most 200.
        pairs: Vec<AdoptionPair>,
    },
    /// Those that a query finds, at most 1,000, for the open findings that they are recognised to be about.
    Query {
        /// Connection.
        connection: ConnectionId,
        /// Text in the service's query language.
        query: String,
    },
    /// Those that a saved query finds.
    SavedQuery {
        /// Connection.
        connection: ConnectionId,
        /// Address of the query's page, or `project/id`.
        query: String,
    },
}

/// A finding and the existing work item for it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct AdoptionPair {
    /// Finding.
    pub finding: FindingId,
    /// Number of the work item, or the address of its page.
    pub work_item: String,
}

/// Body of `POST /api/v1/adoptions`: rows of a plan that a person agreed to.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct NewAdoptions {
    /// Each a finding and a work item, at most 200.
    pub pairs: Vec<AdoptionPair>,
}

/// Answer of `POST /api/v1/adoptions/plan` and `POST /api/v1/adoptions`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct AdoptionPlan {
    /// One for each work item.
    pub rows: Vec<AdoptionRow>,
}

/// What would happen, or does, with one work item.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct AdoptionRow {
    /// Finding; absent if none fits.
    pub finding: Option<FindingId>,
    /// Its title.
    pub finding_title: Option<String>,
    /// Its ticket; absent if one is made first.
    pub ticket: Option<TicketId>,
    /// Number of the work item.
    pub work_item: Option<WorkItemId>,
    /// Its title.
    pub work_item_title: Option<String>,
    /// Its state.
    pub state: Option<String>,
    /// Its page.
    pub url: Option<String>,
    /// How both were brought together.
    pub matched_by: Option<MatchedBy>,
    /// What is written on the work item, field by field. What people wrote stays.
    pub fields: Vec<FieldChange>,
    /// Why it cannot be used for it; absent if it can.
    pub refused: Option<String>,
}

/// How a finding and a work item were brought together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MatchedBy {
    /// A person named both.
    Number,
    /// The finding's id stands in the work item.
    FindingId,
    /// The finding's fingerprint stands in the work item.
    Fingerprint,
    /// They have the same title.
    Title,
}

/// One entry of a ticket's log.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct TicketLogEntry {
    /// Identity.
    pub id: AuditId,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// Who or what caused it.
    pub cause: Cause,
    /// What happened, in one sentence.
    pub what: String,
    /// Field by field.
    pub fields: Vec<FieldChange>,
}

/// A change of one field of a work item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldChange {
    /// Field.
    pub field: String,
    /// What stands there.
    pub from: String,
    /// What shall stand there.
    pub to: String,
    /// Why.
    pub reason: String,
}

/// Body of `POST /api/v1/reconcile`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct ReconcileRequest {
    /// Only this ticket; parked tickets are tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<TicketId>,
    /// `true`: compare every live ticket with the board, not only those known to have changed.
    #[serde(default)]
    pub sweep: bool,
}

/// Page of a list.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// Where the page starts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Size of the page, 1 to 200, 50 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}
