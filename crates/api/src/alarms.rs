//! Alarms and where they are sent.

use chrono::{DateTime, Utc};
use model::guard::Stroke;
use model::{AlarmId, AlarmTargetId, BreakerId, DestinationId, TicketId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::Named;

/// Sorts of alarms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AlarmKind {
    /// More than usual would be created, closed or reopened at a destination: it waits for a person.
    BreakerTripped,
    /// The board refuses the sign-in of a connection.
    CredentialDead,
    /// Service hooks do not deliver and could not be mended.
    HooksSilent,
    /// A rule does nothing any more.
    RuleStopped,
    /// Somebody on the board asks for a decision that is not theirs.
    RequestWaiting,
    /// Tickets of a destination wait for a person.
    TicketParked,
    /// A ticket was moved back and forth too often.
    Flapping,
    /// More than one work item carries the token of a ticket.
    DuplicateWorkItems,
    /// The process of a project changed: maps may not fit any more.
    ProcessChanged,
    /// A destination got all the work items it may get in a day.
    BudgetUsedUp,
    /// A scan saw suspiciously few findings.
    ScanQuarantined,
    /// Findings are past their due date.
    SlaBreached,
    /// An address of EPSS or KEV could not be fetched.
    ExploitDataMissing,
    /// Acceptances have ended, and their findings were kept accepted.
    AcceptanceEnded,
    /// A source could not be fetched.
    SourceFailing,
}

/// What a person should know. One stays open until its cause is gone, however often it is met.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Alarm {
    /// Identity.
    pub id: AlarmId,
    /// Sort.
    pub kind: AlarmKind,
    /// What is the matter.
    pub what: String,
    /// What to do about it.
    pub next_step: String,
    /// Page that shows it, as a path.
    pub link: String,
    /// When it was raised first.
    pub raised_at: DateTime<Utc>,
    /// When its cause was met last.
    pub last_raised_at: DateTime<Utc>,
    /// How often its cause was met.
    pub count: u64,
    /// Who has seen it.
    pub acknowledged_by: Option<String>,
    /// When.
    pub acknowledged_at: Option<DateTime<Utc>>,
    /// When its cause was gone; absent while it is open.
    pub cleared_at: Option<DateTime<Utc>>,
}

/// Query of `GET /api/v1/alarms`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AlarmFilter {
    /// Also those that are over. The last 30 days are kept.
    #[serde(default)]
    pub all: bool,
    /// Where the page starts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Size of the page, 1 to 200, 50 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// Answer of `GET /api/v1/alarms/count`: for badges and monitoring.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AlarmCounts {
    /// Open alarms.
    pub open: u64,
    /// Of these, how many nobody has acknowledged.
    pub unseen: u64,
    /// Open alarms by kind.
    pub by_kind: Vec<AlarmKindCount>,
}

/// Open alarms of a kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AlarmKindCount {
    /// Kind.
    pub kind: AlarmKind,
    /// How many.
    pub open: u64,
}

/// How a target is reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "way", rename_all = "snake_case")]
pub enum AlarmWay {
    /// A POST with a JSON body, signed in the header `X-Lockstep-Signature`.
    Webhook {
        /// Address.
        url: String,
    },
    /// A mail.
    Mail {
        /// Name of the SMTP server.
        host: String,
        /// Port.
        #[serde(default = "submission")]
        port: u16,
        /// TLS from the first byte; otherwise STARTTLS is demanded.
        #[serde(default)]
        implicit_tls: bool,
        /// Who signs in at the SMTP server; nobody if blank.
        #[serde(default)]
        user: String,
        /// Sender.
        from: String,
        /// Receivers.
        to: Vec<String>,
    },
}

/// The port for handing in mail (RFC 6409).
fn submission() -> u16 {
    587
}

/// Body of `POST /api/v1/alarm-targets`.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct NewAlarmTarget {
    /// Name.
    pub name: String,
    /// How it is reached.
    #[serde(flatten)]
    pub way: AlarmWay,
    /// Password of the SMTP server, or the key that webhooks are signed with. For a webhook one is made if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

/// Where alarms are sent. Secrets are never returned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AlarmTarget {
    /// Identity.
    pub id: AlarmTargetId,
    /// Name.
    pub name: String,
    /// How it is reached.
    #[serde(flatten)]
    pub way: AlarmWay,
    /// Why the latest message did not arrive, if so.
    pub problem: Option<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// Answer of `POST /api/v1/alarm-targets`.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct CreatedAlarmTarget {
    /// The target.
    #[serde(flatten)]
    pub target: AlarmTarget,
    /// The key that was made for a webhook: this is the only time it is shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

/// More would happen at a destination at once than usual: it waits for a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Breaker {
    /// Identity.
    pub id: BreakerId,
    /// Destination.
    pub destination: Named<DestinationId>,
    /// What would happen.
    pub stroke: Stroke,
    /// To so many tickets.
    pub tickets: u64,
    /// So many would have gone through.
    pub bound: u64,
    /// Some of the tickets.
    pub some: Vec<Named<TicketId>>,
    /// Since when it waits.
    pub tripped_at: DateTime<Utc>,
    /// Who decided to leave the tickets as they are; absent while nobody has decided.
    pub dismissed_by: Option<String>,
}
