//! What findings are worth: exploit data, risk and due dates.

use chrono::{DateTime, NaiveDate, Utc};
use model::SlaState;
use model::priority::SlaMatrix;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Risk and due date of a finding, as lists show them.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct FindingPriority {
    /// Risk score, 0 to 100. How it comes about: docs/priority.md.
    pub risk: u8,
    /// EPSS: likelihood of exploitation in the next 30 days, 0 to 1; the highest of its CVEs.
    pub epss: Option<f64>,
    /// One of its CVEs is in the KEV catalogue.
    pub known_exploited: bool,
    /// When it is due; none if the SLA matrix does not cover it.
    pub due_at: Option<DateTime<Utc>>,
    /// How it stands to its due date now; none if it is closed.
    pub sla: Option<SlaState>,
}

/// What the world knows about the exploitation of one vulnerability.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct KnownExploit {
    /// The vulnerability.
    pub cve: String,
    /// EPSS: likelihood of exploitation in the next 30 days, 0 to 1.
    pub epss: Option<f64>,
    /// Share of all scored vulnerabilities that are as likely or less likely, 0 to 1.
    pub percentile: Option<f64>,
    /// Its entry in the KEV catalogue.
    pub kev: Option<KevEntry>,
}

/// An entry of CISA's catalogue of known exploited vulnerabilities.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct KevEntry {
    /// Since when it has been in the catalogue.
    pub added_on: NaiveDate,
    /// By when agencies of the United States have to act.
    pub due_on: Option<NaiveDate>,
    /// It is known to be used by ransomware campaigns.
    pub ransomware: bool,
    /// What they are asked to do.
    pub required_action: String,
}

/// Sources of exploit data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExploitSource {
    /// EPSS scores of FIRST.
    Epss,
    /// CISA's catalogue of known exploited vulnerabilities.
    Kev,
}

/// One of the sources, as it stands here.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ExploitData {
    /// Which.
    pub source: ExploitSource,
    /// What was loaded last.
    pub loaded: Option<LoadedExploitData>,
    /// The address that it is fetched from daily, if the operator of the server named one.
    pub url: Option<String>,
    /// What went wrong with the address the last time.
    pub problem: Option<String>,
}

/// What was loaded of a source.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct LoadedExploitData {
    /// When it was published.
    pub published_at: DateTime<Utc>,
    /// When it was loaded.
    pub loaded_at: DateTime<Utc>,
    /// Version of the model or the catalogue.
    pub version: Option<String>,
    /// Vulnerabilities in it.
    pub records: u64,
    /// The file or the address that it came from.
    pub origin: String,
    /// Who loaded it.
    pub loaded_by: String,
}

/// Query of `POST /api/v1/exploit-data`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ExploitDataOptions {
    /// Name of the file, for messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filename: Option<String>,
}

/// Answer of `POST /api/v1/exploit-data`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ExploitDataLoad {
    /// What the file is.
    pub source: ExploitSource,
    /// When it was published.
    pub published_at: DateTime<Utc>,
    /// Vulnerabilities in it.
    pub records: u64,
    /// The same was loaded before: nothing has changed.
    pub unchanged: bool,
}

/// Answer of `GET /api/v1/sla`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Sla {
    /// How long findings may stay open.
    pub matrix: SlaMatrix,
    /// Counts up with each change; 0 if nobody has changed it.
    pub version: u32,
    /// How open findings stand.
    pub counts: SlaCounts,
}

/// Open findings by how they stand to their due dates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SlaCounts {
    /// Their due date has passed.
    pub breached: u64,
    /// Their due date is near.
    pub approaching: u64,
    /// There is time.
    pub on_track: u64,
    /// The matrix says nothing about them.
    pub not_covered: u64,
}
