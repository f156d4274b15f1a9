//! Connections, what they reach, and destinations.

use chrono::{DateTime, Utc};
use model::fields::{FieldSettings, IterationPolicy};
use model::following::DeletionPolicy;
use model::guard::{Farewell, Limits};
use model::map::{MapProblem, SeverityMap, StatusMap};
use model::process::{BoardLayout, FieldDefinition, WorkItemType};
use model::{AssetId, ConnectionId, DestinationId, FindingId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{Named, SignInMethod, SignInShown};

/// Credentials and organization of one Azure DevOps. Secrets are never returned.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Connection {
    /// Identity.
    pub id: ConnectionId,
    /// Name.
    pub name: String,
    /// Remark.
    pub description: String,
    /// Instance, without the organization: `https://dev.azure.com`.
    pub instance_url: String,
    /// Organization (or collection).
    pub organization: String,
    /// How it signs in, without secrets.
    pub sign_in: SignInShown,
    /// Whether it writes.
    pub mode: ConnectionMode,
    /// Why it does nothing at the moment, if so.
    pub problem: Option<String>,
    /// Address to paste into a service hook by hand.
    pub hook_url: String,
    /// How changes on the board reach Lockstep.
    pub hooks: HookState,
    /// What is wrong with the service hooks and could not be mended; sweeps find every change all the same.
    pub hook_problems: Vec<String>,
    /// How severities are said where a destination says nothing; absent until a person decided.
    pub severity_map: Option<SeverityMap>,
    /// When the board was last read without error.
    pub last_contact_at: Option<DateTime<Utc>>,
    /// What the feed of changes is read of.
    pub feed: FeedReach,
    /// How long the latest changes of people on the board took to be followed here; absent before the first one.
    pub lag: Option<Lag>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// What the feed of changes is read of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FeedReach {
    /// The organization.
    Organization,
    /// Each project of a destination: more is not allowed. A work item that is moved to another project is noticed by the
    /// next sweep.
    Projects,
}

/// How long changes of people on the board took to be followed, from the board's own time of the change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Lag {
    /// Changes that were measured, at most the latest 50.
    pub changes: u64,
    /// The latest, in milliseconds.
    pub last_ms: i64,
    /// Half of them took no longer, in milliseconds.
    pub median_ms: i64,
    /// The longest, in milliseconds.
    pub longest_ms: i64,
}

impl Lag {
    /// Of the single lags in milliseconds, oldest first; none of none.
    pub fn of(lags: &[i64]) -> Option<Self> {
        let mut sorted = lags.to_vec();
        sorted.sort_unstable();
        Some(Self {
            changes: lags.len() as u64,
            last_ms: *lags.last()?,
            median_ms: *sorted.get(sorted.len() / 2)?,
            longest_ms: *sorted.last()?,
        })
    }
}

/// Whether a connection writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionMode {
    /// Reads and writes.
    Active,
    /// Reads and follows cards, writes nothing.
    Paused,
    /// Reads, and says what it would do: it neither writes nor follows.
    Shadow,
}

/// State of our service-hook subscriptions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum HookState {
    /// None were made: the board is polled.
    None,
    /// Made by Lockstep.
    Subscribed,
}

/// Body of `POST /api/v1/connections` and `POST /api/v1/connections/verify`.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct NewConnection {
    /// Name; "Azure" if left blank.
    #[serde(default)]
    pub name: String,
    /// Remark.
    #[serde(default)]
    pub description: String,
    /// Instance; `https://dev.azure.com` if left blank.
    #[serde(default)]
    pub instance_url: String,
    /// Organization (or collection).
    pub organization: String,
    /// How it signs in.
    pub sign_in: SignInMethod,
}

/// Body of `PATCH /api/v1/connections/{id}`.
#[derive(Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct ConnectionChange {
    /// New name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// New remark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// New sign-in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sign_in: Option<SignInMethod>,
    /// How severities are said where a destination says nothing. Rows that are absent have the usual values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity_map: Option<SeverityMap>,
    /// Pause or go on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<ConnectionMode>,
}

/// One step of a check of a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CheckStep {
    /// What was tried.
    pub name: String,
    /// How it went.
    pub outcome: CheckOutcome,
    /// What was found, or what went wrong.
    pub message: String,
    /// What to do if it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_step: Option<String>,
}

/// How a step went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckOutcome {
    /// As it should.
    Ok,
    /// Not as it should.
    Failed,
    /// Not tried, because an earlier step failed.
    Skipped,
}

/// Answer of a check: green if every step is ok.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConnectionCheck {
    /// Every step is ok.
    pub ok: bool,
    /// The steps in order.
    pub steps: Vec<CheckStep>,
}

/// A project of the organization. `GET /api/v1/connections/{id}/projects`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct BoardProject {
    /// Identity.
    pub id: String,
    /// Name.
    pub name: String,
}

/// A team. `GET /api/v1/connections/{id}/projects/{project}/teams`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct BoardTeam {
    /// Identity.
    pub id: String,
    /// Name.
    pub name: String,
    /// The project's default team.
    pub is_default: bool,
}

/// Boards of a team. `GET /api/v1/connections/{id}/projects/{project}/teams/{team}/boards`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct TeamBoards {
    /// The boards, from the level of requirements up.
    pub boards: Vec<BoardLayout>,
}

/// Work item types of a project. `GET /api/v1/connections/{id}/projects/{project}/types`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ProjectTypes {
    /// The types.
    pub types: Vec<WorkItemType>,
}

/// Fields of a work item type. `GET /api/v1/connections/{id}/projects/{project}/types/{type}/fields`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct TypeFields {
    /// The fields, in the order of the process.
    pub fields: Vec<FieldDefinition>,
}

/// What goes with a connection when it is deleted. `GET /api/v1/connections/{id}/deletion`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Deletion {
    /// Destinations that go with it.
    pub destinations: Vec<String>,
    /// Tickets that go with it.
    pub tickets: u64,
    /// Work items that stay on the board and that nobody keeps in step any more.
    pub work_items: u64,
    /// Of them, those that are still open.
    pub open_work_items: u64,
}

/// Where work items go.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Destination {
    /// Identity.
    pub id: DestinationId,
    /// Connection.
    pub connection: Named<ConnectionId>,
    /// What it is bound to.
    pub binding: Binding,
    /// The asset that the binding names.
    pub asset: Option<Named<AssetId>>,
    /// Settings.
    #[serde(flatten)]
    pub settings: DestinationSettings,
    /// Work items created here since midnight UTC.
    pub created_today: u64,
    /// The board has changed, and does not fit any more.
    pub drift: Option<Drift>,
}

/// The board has changed, and does not fit the destination any more. Saving the destination mends it, and so does a board
/// that becomes as it was.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Drift {
    /// What does not fit.
    pub problems: Vec<MapProblem>,
    /// No work item is created here until it is mended.
    pub creates_nothing: bool,
}

/// What a destination is bound to. The more specific one takes a finding: a branch before its asset, the asset before a
/// group, a group before the default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Binding {
    /// Everything that no other destination takes. At most one for each connection.
    Default,
    /// The assets that have every one of these tags; of two groups the one with more tags is the more specific.
    Group {
        /// 1 to 20 tags, compared without case.
        tags: Vec<String>,
    },
    /// One asset.
    Asset {
        /// Its name. It may be bound before its first scan.
        asset: String,
    },
    /// Branches of one asset.
    Branch {
        /// Its name.
        asset: String,
        /// A branch, or a pattern in which `*` stands for any letters (`release/*`). Compared with case.
        branch: String,
    },
}

/// Query of `GET /api/v1/destinations`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DestinationFilter {
    /// Those of this connection.
    pub connection: Option<ConnectionId>,
    /// Text in the name, or in that of the asset.
    pub q: Option<String>,
    /// Where the page starts.
    pub cursor: Option<String>,
    /// Size of the page, 1 to 200, 50 if absent.
    pub limit: Option<u32>,
}

/// Query of `GET /api/v1/routing`: give a finding, or an asset with or without a branch.
#[derive(Clone, Debug, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RouteQuery {
    /// The finding.
    pub finding: Option<FindingId>,
    /// The asset.
    pub asset: Option<AssetId>,
    /// One of its branches.
    pub branch: Option<String>,
}

/// Where the work items of a finding, or of the findings of an asset, go, and why. `GET /api/v1/routing`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Route {
    /// The branch that decided, if any could: of a finding, the first of the asset's tracked branches that has it.
    pub branch: Option<String>,
    /// Who takes it; absent if no destination does.
    pub taken_by: Option<RouteStep>,
    /// Who would take it, were the others not more specific; the most specific first.
    pub others: Vec<RouteStep>,
}

/// A destination, and why it fits.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RouteStep {
    /// Destination.
    pub destination: Named<DestinationId>,
    /// Why it fits, as the end of a sentence that begins with its name.
    pub reason: String,
}

/// What a person decides about a destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DestinationSettings {
    /// Name; made from project, team and type if left blank.
    #[serde(default)]
    pub name: String,
    /// Project.
    pub project: String,
    /// Team; the project's default team if left blank.
    #[serde(default)]
    pub team: String,
    /// Board of the team; the one that shows the type if left blank.
    #[serde(default)]
    pub board: String,
    /// Lane for new work items; the default lane if left blank.
    #[serde(default)]
    pub lane: String,
    /// Work item type.
    pub work_item_type: String,
    /// Area path; the team's default area if left blank.
    #[serde(default)]
    pub area: String,
    /// Into which iteration new work items go.
    #[serde(default)]
    pub iteration: IterationPolicy,
    /// Tags for new work items, beside our own.
    #[serde(default)]
    pub tags: Vec<String>,
    /// How severities are said. Rows that are absent are filled in with those of the connection, else with the usual ones.
    #[serde(default = "SeverityMap::blank")]
    pub severity_map: SeverityMap,
    /// How statuses are said. Made from the type's states if empty.
    #[serde(default)]
    pub status_map: StatusMap,
    /// Work items that may be created here in a day (UTC).
    #[serde(default = "default_daily_budget")]
    pub daily_budget: u64,
    /// Whose value counts, due dates, assignee.
    #[serde(default)]
    pub fields: FieldSettings,
    /// How much may happen at once before it waits for a person. The usual values if absent.
    #[serde(default)]
    pub limits: Limits,
    /// What becomes of a ticket when the asset of its findings is archived.
    #[serde(default)]
    pub when_archived: Farewell,
    /// What becomes of a ticket whose work item was deleted on the board. A person is asked if absent.
    #[serde(default)]
    pub on_deletion: DeletionPolicy,
}

/// Work items that a destination may get in a day if nobody says otherwise.
pub fn default_daily_budget() -> u64 {
    200
}

/// Body of `POST /api/v1/destinations`, `PUT /api/v1/destinations/{id}` and `POST /api/v1/destinations/check`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct NewDestination {
    /// Connection.
    pub connection_id: ConnectionId,
    /// What it is bound to. No two destinations are bound to the same.
    pub binding: Binding,
    /// Settings.
    #[serde(flatten)]
    pub settings: DestinationSettings,
}

/// Answer of `POST /api/v1/destinations/check`: how the settings read once blanks are filled in, and what is wrong with them.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct DestinationCheck {
    /// The settings with blanks filled in.
    pub settings: DestinationSettings,
    /// What is wrong; empty if it can be saved.
    pub problems: Vec<MapProblem>,
}
