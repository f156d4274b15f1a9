//! Where findings come from, and what is taken in.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use model::ingest::{IngestRule, LeftOutReason};
use model::{JobId, SourceId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Where findings come from, with its ingest rules. A secret is never given out.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Source {
    /// Identity.
    pub id: SourceId,
    /// Name. Imports name it, and the configurations of its scans begin with it.
    pub name: String,
    /// What Defender for Cloud it is fetched from; absent if its reports are uploaded.
    pub fetch: Option<Fetch>,
    /// What is taken in and which asset it belongs to: the first rule that is about the place of a result decides.
    pub rules: Vec<IngestRule>,
    /// It is fetched by itself.
    pub enabled: bool,
    /// Counts up with each change.
    pub version: u32,
    /// Somebody fetches it now.
    pub running: bool,
    /// When it is fetched next; absent if it is not.
    pub due_at: Option<DateTime<Utc>>,
    /// The last run that was taken in.
    pub last_run: Option<SourceRun>,
    /// What went wrong since.
    pub problem: Option<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// A Defender for Cloud, without the secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Fetch {
    /// Tenant of Microsoft Entra, by id or domain.
    pub tenant: String,
    /// Application (client) id; it needs the role Security Reader on the subscriptions.
    pub client_id: String,
    /// Ids of subscriptions; everything that the application may read if empty.
    #[serde(default)]
    pub subscriptions: Vec<String>,
    /// Minutes from one run to the next, 15 to 40,320.
    pub every_minutes: u32,
    /// Address of Azure Resource Manager in place of that of the public cloud, for rehearsals.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
}

/// A run that was taken in.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SourceRun {
    /// When it began: the start of its scans.
    pub started_at: DateTime<Utc>,
    /// Rows that were fetched.
    pub rows: u64,
    /// Its import.
    pub job: JobId,
}

/// A Defender for Cloud, with the secret.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct NewFetch {
    /// Tenant, application, subscriptions and interval.
    #[serde(flatten)]
    pub fetch: Fetch,
    /// Value of the application's client secret. On a change it stays if absent; another tenant, application or address needs
    /// it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<String>,
}

/// Body of `POST /api/v1/sources`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct NewSource {
    /// Name, unique but for case. It stays.
    pub name: String,
    /// What it is fetched from; absent if its reports are uploaded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fetch: Option<NewFetch>,
    /// The rules, 1 to 100.
    pub rules: Vec<IngestRule>,
    /// It is fetched by itself, at once and then as often as it says.
    #[serde(default)]
    pub enabled: bool,
}

/// Body of `PATCH /api/v1/sources/{id}`; what is absent stays.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct ChangeSource {
    /// What it is fetched from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fetch: Option<NewFetch>,
    /// The rules, all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules: Option<Vec<IngestRule>>,
    /// Whether it is fetched by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// The version that the change was made on: it is refused if there is a newer one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
}

/// Query of `POST /api/v1/sources/{id}/preview`; the body is a report, or empty to look at what the source finds now.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PreviewOptions {
    /// Rules to try in place of those of the source: a list as JSON, at most 16 KiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules: Option<String>,
    /// Format by its name; recognised from the content if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
}

/// What ingest rules would make of a report.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct IngestPreview {
    /// Results in the report.
    pub results: u64,
    /// Results that would be taken in.
    pub taken: u64,
    /// Results that the rules leave out, by reason.
    pub left_out: BTreeMap<LeftOutReason, u64>,
    /// Titles of the first results that no rule is about.
    pub nobodys: Vec<String>,
    /// Results that the report itself says are no weakness now, by reason in words.
    pub not_seen: BTreeMap<String, u64>,
    /// The assets, the one with most results first; at most 200.
    pub assets: Vec<PreviewedAsset>,
    /// How many assets there are.
    pub assets_total: u64,
    /// All of it was looked at: of what a source finds now, only the first pages are.
    pub whole: bool,
}

/// What would become of an asset.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PreviewedAsset {
    /// Name.
    pub name: String,
    /// There is one of that name.
    pub exists: bool,
    /// It would be made.
    pub created: bool,
    /// Results that would be taken in.
    pub taken: u64,
    /// Results that the rules leave out, by reason.
    pub left_out: BTreeMap<LeftOutReason, u64>,
    /// Tags that it gets, if it does not have them.
    pub tags: Vec<String>,
    /// Titles of the first results.
    pub examples: Vec<String>,
}
