//! Findings, their history, and the overview.

use chrono::{DateTime, Utc};
use model::status::{DetectionState, FallBack, Manual, Request, Verdict};
use model::{
    AcceptanceId, AssessmentId, AssetId, AuditId, Component, FindingId, FindingKind, Impact, Location,
    Severity, Status, SuppressionId, TicketId, Vulnerability, WorkItemId,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    AcceptanceRef, AssessmentRef, Cause, FindingPriority, KnownExploit, Named, Scan, SeverityCounts,
    SlaCounts, SuppressionRef, TicketHealth,
};

/// Filters of `GET /api/v1/findings` and `GET /api/v1/findings/export`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct FindingFilter {
    /// Statuses, separated by commas; `open` stands for all open ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Severities, separated by commas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<String>,
    /// Only findings of this asset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asset: Option<AssetId>,
    /// Only findings of this ticket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<TicketId>,
    /// Only findings that belong to this assessment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assessment: Option<AssessmentId>,
    /// Only findings that are seen on this branch now; blank for scans that named none. Needs `asset`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// Only findings that are not seen on this branch now; blank for scans that named none. Needs `asset`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_on_branch: Option<String>,
    /// Only findings whose risk is accepted, or is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted: Option<bool>,
    /// Only findings that this acceptance covers now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acceptance: Option<AcceptanceId>,
    /// Only findings whose acceptance ends within so many days, or has ended: 0 to 3650.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acceptance_ends_in: Option<u32>,
    /// Only findings that this suppression rule suppresses now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suppressed_by: Option<SuppressionId>,
    /// Text in title, vulnerability or place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub q: Option<String>,
    /// Only open findings that stand so to their due date: `breached`, `approaching`, `on_track`, `not_covered`, separated by commas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sla: Option<String>,
    /// Only findings whose vulnerability is known to be exploited (KEV), or is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_exploited: Option<bool>,
    /// Only findings with at least this EPSS score, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_epss: Option<f64>,
    /// Only findings with at least this risk score, 0 to 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_risk: Option<u8>,
    /// Only findings that stand so to the newest scans: `detected`, `not_covered`, `no_longer_detected`, separated by commas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detection: Option<String>,
    /// Only findings that this scanner saw first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scanner: Option<String>,
    /// Only findings of assets for which this person or team answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Only findings of assets with these business impacts, separated by commas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub impact: Option<String>,
    /// Of what several scanners report of one vulnerability in one component, only what the first of them reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlated_as_one: Option<bool>,
    /// Only findings about the same vulnerability in the same component as this one, without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlated_with: Option<FindingId>,
    /// In which order; `severity` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(inline)]
    pub order: Option<FindingOrder>,
}

/// In which order findings stand; newest first among equals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FindingOrder {
    /// Worst severity first.
    #[default]
    Severity,
    /// Highest risk score first.
    Risk,
}

/// Query of `GET /api/v1/findings/export`, beside the filters.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ExportOptions {
    /// What the file is to be.
    pub format: ExportFormat,
}

/// Formats of files that findings are exported as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExportFormat {
    /// A table: RFC 4180 in UTF-8; no cell is read as a formula.
    Csv,
    /// A list of findings in full, as `GET /api/v1/findings/{id}` answers each.
    Json,
    /// SARIF 2.1.0 of the open findings.
    Sarif,
    /// OpenVEX 0.2.0: what was decided about vulnerabilities.
    Openvex,
    /// CycloneDX VEX 1.6 as JSON: the same.
    Cyclonedx,
}

/// A finding in a list.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct FindingSummary {
    /// Identity.
    pub id: FindingId,
    /// Asset.
    pub asset: Named<AssetId>,
    /// One line that names it.
    pub title: String,
    /// Severity.
    pub severity: Severity,
    /// Displayed status.
    pub status: Status,
    /// Sort of weakness.
    pub kind: FindingKind,
    /// Id of the vulnerability.
    pub vulnerability_id: String,
    /// Where, in one line.
    pub place: String,
    /// Scanner that saw it first.
    pub scanner: String,
    /// Start of the first scan that saw it.
    pub first_seen_at: DateTime<Utc>,
    /// Start of the latest scan that saw it.
    pub last_seen_at: DateTime<Utc>,
    /// How often it came back after it was fixed.
    pub regressed: u32,
    /// What is asked for.
    pub request: Option<Request>,
    /// Until when the status holds, if it is temporary.
    pub temporary_until: Option<DateTime<Utc>>,
    /// How it stands to the newest scans of tracked branches; absent if none of them saw it.
    pub detection: Option<DetectionState>,
    /// What other scanners report of the same vulnerability in the same component.
    pub correlated: Vec<Correlated>,
    /// Its ticket.
    pub ticket: Option<TicketRef>,
    /// Risk and due date.
    #[serde(flatten)]
    pub priority: FindingPriority,
}

/// What another scanner reports of the same vulnerability in the same component.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Correlated {
    /// Scanner.
    pub scanner: String,
    /// Number of findings.
    pub findings: u64,
}

/// A ticket, pointed to from a finding.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct TicketRef {
    /// Identity.
    pub id: TicketId,
    /// Number of the work item, once it exists.
    pub work_item_id: Option<WorkItemId>,
    /// Page of the work item.
    pub url: Option<String>,
    /// How it is.
    pub health: TicketHealth,
    /// State of the work item, as last read.
    pub state: Option<String>,
    /// Board column, as last read.
    pub column: Option<String>,
    /// Who works on it, as last read.
    pub assignee: Option<String>,
}

/// One finding in full.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Finding {
    /// What the list shows.
    #[serde(flatten)]
    pub summary: FindingSummary,
    /// Definition.
    pub vulnerability: Vulnerability,
    /// What the scanner said about this one.
    pub message: Option<String>,
    /// Place.
    pub location: Location,
    /// Further places.
    pub related_locations: Vec<Location>,
    /// Vulnerable component.
    pub component: Option<Component>,
    /// The scanner's own word for the severity.
    pub scanner_severity: Option<String>,
    /// Versioned identity across scans.
    pub fingerprint: String,
    /// What follows `temporary_until`.
    pub temporary_then: Option<FallBack>,
    /// Why the status is what it is, in the words of who decided.
    pub reason: Option<String>,
    /// What each configuration says on each branch.
    pub detections: Vec<Detection>,
    /// Who answers for the asset; empty if nobody was named.
    pub asset_owner: String,
    /// How much the business depends on the asset.
    pub impact: Impact,
    /// Since when it has been open without a break; the due date counts from then.
    pub open_since: DateTime<Utc>,
    /// What the world knows about the exploitation of its CVEs.
    pub exploits: Vec<KnownExploit>,
    /// Assessments that it belongs to.
    pub assessments: Vec<AssessmentRef>,
    /// The finding that goes on, if this one is its duplicate.
    pub duplicate_of: Option<FindingId>,
    /// A person wrote it down; this is how it stands. Absent if scans see it.
    pub manual: Option<Manual>,
    /// The acceptance that covers it.
    pub acceptance: Option<AcceptanceRef>,
    /// The rule that suppresses it.
    pub suppressed_by: Option<SuppressionRef>,
}

/// What scans of one configuration on one branch say about a finding.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Detection {
    /// Scanner.
    pub scanner: String,
    /// Configuration.
    pub configuration: String,
    /// Branch.
    pub branch: Option<String>,
    /// The branch decides status and tickets.
    pub tracked: bool,
    /// Start of the latest scan that saw it.
    pub last_seen_at: DateTime<Utc>,
    /// Start of the latest scan that covered the place and did not see it.
    pub last_absent_at: Option<DateTime<Utc>>,
}

/// One entry of a history: what happened, when, and why.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct HistoryEntry {
    /// Identity.
    pub id: AuditId,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// Who or what caused it.
    pub cause: Cause,
    /// What happened, in one sentence.
    pub what: String,
    /// Status before.
    pub from: Option<Status>,
    /// Status after.
    pub to: Option<Status>,
}

/// What a person writes down about a finding: the fields of the generic JSON (docs/formats/generic-json.md).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ManualFinding {
    /// CVE, GHSA, or a word of your own; `manual` if absent. It stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// One line for people.
    pub title: String,
    /// Severity; absent if the CVSS vector or score says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// Sort of weakness; `component` if one is named, else `code`. It stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<FindingKind>,
    /// What was seen, and how to see it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Path in the asset, or an address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// First line, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_line: Option<u32>,
    /// Last line, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_line: Option<u32>,
    /// The lines themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snippet: Option<String>,
    /// Name of the vulnerable component.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub component: Option<String>,
    /// Its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub component_version: Option<String>,
    /// First version without the weakness.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fixed_version: Option<String>,
    /// Name of the vulnerability.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it is, as Markdown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What to do about it, as Markdown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remediation: Option<String>,
    /// CWEs, such as `CWE-79`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cwes: Vec<String>,
    /// CVSS vector.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cvss_vector: Option<String>,
    /// CVSS score, 0 to 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cvss_score: Option<f64>,
    /// Pages to read on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<String>,
    /// Words to group by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
}

/// Body of `POST /api/v1/findings`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewFinding {
    /// Name of the asset. Made on first use.
    pub asset: String,
    /// What is written down.
    pub finding: ManualFinding,
    /// It is not published yet: no ticket is made for it.
    #[serde(default)]
    pub draft: bool,
    /// Name of the assessment that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assessment: Option<String>,
}

/// Body of `POST /api/v1/findings/{id}/verdict`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GiveVerdict {
    /// What was found.
    pub verdict: Verdict,
    /// How it was looked at; it stands in the history.
    pub reason: String,
}

/// Body of `POST /api/v1/findings/{id}/duplicate`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MarkDuplicate {
    /// The finding that goes on. If it is a duplicate itself, the one that that is a duplicate of.
    pub of: FindingId,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Body of `POST /api/v1/findings/{id}/status`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SetStatus {
    /// `created`, `identified`, `in_progress`, `waiting`, `awaiting_validation`, `risk_accepted`, `false_positive` or `suppressed`.
    /// A person never sets `fixed`: only a scan proves that.
    pub status: Status,
    /// Why. Required for `risk_accepted`, `false_positive` and `suppressed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Until when it holds, at most ten years from now; then `then` follows. Any status may be temporary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<DateTime<Utc>>,
    /// What follows `until`.
    #[serde(default)]
    pub then: FallBack,
}

/// Body of `POST /api/v1/findings/{id}/refuse`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct RefuseRequest {
    /// Why; it stands in the comment on the work item.
    #[serde(default)]
    pub reason: String,
}

/// Answer of `GET /api/v1/overview`: what somebody needs to see first.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Overview {
    /// Open findings by severity.
    pub open: SeverityCounts,
    /// Findings by displayed status, in the order of the statuses, without empty ones.
    pub by_status: Vec<StatusCount>,
    /// Open findings by how they stand to their due dates.
    pub sla: SlaCounts,
    /// Open findings whose vulnerability is known to be exploited.
    pub known_exploited: u64,
    /// Tickets by health, without empty ones.
    pub tickets: Vec<HealthCount>,
    /// Number of assets.
    pub assets: u64,
    /// The latest scans.
    pub recent_scans: Vec<Scan>,
    /// What waits for a person.
    pub attention: Vec<Attention>,
}

/// A number of findings.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct StatusCount {
    /// Status.
    pub status: Status,
    /// How many.
    pub count: u64,
}

/// A number of tickets.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct HealthCount {
    /// Health.
    pub health: TicketHealth,
    /// How many.
    pub count: u64,
}

/// Something that waits for a person.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Attention {
    /// What, in one sentence.
    pub message: String,
    /// What to do.
    pub next_step: String,
    /// Page in the UI, such as `/tickets?health=broken`.
    pub link: String,
}
