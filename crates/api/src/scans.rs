//! Assets, imports, scans and jobs.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use model::ingest::LeftOutReason;
use model::{AssetId, Coverage, Impact, JobId, ScanId, Severity};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{DestinationShare, Named, Plan, Problem};

/// What is scanned.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Asset {
    /// Identity.
    pub id: AssetId,
    /// Name, unique.
    pub name: String,
    /// Tags.
    pub tags: Vec<String>,
    /// Branches whose scans decide the status of findings and make tickets. Scans without a branch always do.
    pub tracked_branches: Vec<String>,
    /// Who answers for it; empty if nobody was named.
    pub owner: String,
    /// How much the business depends on it.
    pub impact: Impact,
    /// Since when it is known.
    pub created_at: DateTime<Utc>,
    /// It is laid aside.
    pub archived: bool,
    /// Start of the latest scan.
    pub last_scan_at: Option<DateTime<Utc>>,
    /// Open findings by severity.
    pub open: SeverityCounts,
}

/// A branch of an asset.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Branch {
    /// Name; none for scans that named no branch.
    pub name: Option<String>,
    /// Its scans decide the status of findings and make tickets.
    pub tracked: bool,
    /// Start of the latest scan of it.
    pub last_scan_at: Option<DateTime<Utc>>,
    /// Open findings that are seen there now, by severity.
    pub open: SeverityCounts,
}

/// Query of `GET /api/v1/assets/{id}/comparison`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ComparedBranches {
    /// The branch that is compared with; blank for scans that named none.
    pub base: String,
    /// The branch that is looked at; blank for scans that named none.
    pub head: String,
}

/// How two branches of an asset differ: open findings by severity. The findings themselves: `GET /api/v1/findings` with `asset`,
/// `branch` and `not_on_branch`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct BranchComparison {
    /// Seen on `head` only: what it brings.
    pub only_head: SeverityCounts,
    /// Seen on `base` only: what it takes away.
    pub only_base: SeverityCounts,
    /// Seen on both.
    pub both: SeverityCounts,
}

/// Body of `PATCH /api/v1/assets/{id}`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct AssetChange {
    /// Another name; work items that show the old one show the new one then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Lay it aside (`true`): its findings are suppressed, their tickets closed or released as the destination says; or take it
    /// up again (`false`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived: Option<bool>,
    /// All tags the asset shall have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
    /// All branches that shall be tracked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracked_branches: Option<Vec<String>>,
    /// Who answers for it, at most 200 characters; empty for nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// How much the business depends on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub impact: Option<Impact>,
}

/// Body of `POST /api/v1/assets/{id}/merge`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct MergeAsset {
    /// The asset that stays.
    pub into: AssetId,
}

/// What merging an asset into another one did.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
pub struct AssetMerged {
    /// Findings that went over.
    pub moved: u64,
    /// Findings that the other asset had as well.
    pub same: u64,
}

/// Body of `POST /api/v1/assets/{id}/delete-branch`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct DeleteBranch {
    /// The branch that is gone.
    pub branch: String,
}

/// Numbers by severity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SeverityCounts {
    /// Critical.
    pub critical: u64,
    /// High.
    pub high: u64,
    /// Medium.
    pub medium: u64,
    /// Low.
    pub low: u64,
    /// Info.
    pub info: u64,
}

impl SeverityCounts {
    /// The number for one severity.
    pub fn of(&self, severity: Severity) -> u64 {
        match severity {
            Severity::Critical => self.critical,
            Severity::High => self.high,
            Severity::Medium => self.medium,
            Severity::Low => self.low,
            Severity::Info => self.info,
        }
    }

    /// Counts further ones.
    pub fn add(&mut self, severity: Severity, number: u64) {
        *match severity {
            Severity::Critical => &mut self.critical,
            Severity::High => &mut self.high,
            Severity::Medium => &mut self.medium,
            Severity::Low => &mut self.low,
            Severity::Info => &mut self.info,
        } += number;
    }

    /// All together.
    pub fn total(&self) -> u64 {
        Severity::WORST_FIRST.into_iter().map(|severity| self.of(severity)).sum()
    }
}

/// Query of `POST /api/v1/imports`; the body is the report itself.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ImportOptions {
    /// Name of the asset. Made on first use. Absent if a source is named.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub asset: String,
    /// Name of the source whose ingest rules say what is taken in and which assets it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Tags for the asset, separated by commas; added to those it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<String>,
    /// Branch that was scanned. Overrides what the report says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// Name of the configuration. Overrides what the report says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub configuration: Option<String>,
    /// When the scan started. Overrides what the report says; the time of arrival if neither says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<DateTime<Utc>>,
    /// Format by its name, as `docs/formats` lists them; recognised from the content if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// Name of the file, for messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filename: Option<String>,
    /// Name of the assessment that the scan belongs to; it has to be there and not completed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assessment: Option<String>,
    /// `true`: the scan looked only at a part; absence closes nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partial: Option<bool>,
}

/// Long work with progress. `GET /api/v1/jobs/{id}`; changes are announced by `GET /api/v1/events`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Job {
    /// Identity.
    pub id: JobId,
    /// What it does.
    pub kind: JobKind,
    /// How far it is.
    pub state: JobState,
    /// Done so far, in units of `total`.
    pub done: u64,
    /// All there is to do, if known.
    pub total: Option<u64>,
    /// What it is doing, in words.
    pub message: String,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
    /// What an import did, once it succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub import: Option<ImportResult>,
    /// What a reconcile did, once it succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reconcile: Option<ReconcileResult>,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
}

/// Kinds of jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobKind {
    /// Import of a report.
    Import,
    /// Reconcile of tickets.
    Reconcile,
}

/// States of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// Not begun.
    Queued,
    /// At work.
    Running,
    /// Ended well.
    Succeeded,
    /// Ended without effect.
    Failed,
}

/// What an import did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImportResult {
    /// The scans in the report; one for each run.
    pub scans: Vec<ScanId>,
    /// The same report was imported before: nothing changed.
    pub already_imported: bool,
    /// Results read.
    pub observations: u64,
    /// Findings seen for the first time, by severity.
    pub new: SeverityCounts,
    /// Findings that came back, by severity.
    pub regressed: SeverityCounts,
    /// Findings that were open before and still are, by severity.
    pub still_open: SeverityCounts,
    /// Findings that this scan proved fixed, by severity.
    pub fixed: SeverityCounts,
    /// The scan waits for a person before it closes anything: suspiciously many findings are gone.
    pub quarantined: bool,
    /// Results that ingest rules left out, by reason.
    #[serde(default)]
    pub left_out: BTreeMap<LeftOutReason, u64>,
}

/// Answer of `POST /api/v1/imports/plan`: what importing the report would do now.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ImportPlan {
    /// What becomes of its findings. There are no scans yet, so that `scans` is empty; if all were imported before, these are
    /// the scans and the numbers of then.
    pub import: ImportResult,
    /// What the rules do with the findings that it leaves to them, destination by destination.
    pub destinations: Vec<DestinationShare>,
    /// What it does to work items that are there.
    pub existing: Plan,
    /// Why that cannot be said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub existing_unknown: Option<String>,
    /// What the rules do, ticket by ticket.
    #[serde(flatten)]
    pub plan: Plan,
}

/// What a reconcile did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReconcileResult {
    /// Tickets looked at.
    pub tickets: u64,
    /// Work items read.
    pub read: u64,
    /// Work items created.
    pub created: u64,
    /// Work items changed.
    pub updated: u64,
    /// Tickets whose findings followed a move on the board.
    pub followed: u64,
    /// Tickets with an error, kept on the ticket.
    pub failed: u64,
}

/// One execution of a scanner.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Scan {
    /// Identity.
    pub id: ScanId,
    /// What was scanned.
    pub asset: Named<AssetId>,
    /// Scanner.
    pub scanner: String,
    /// Its version.
    pub scanner_version: Option<String>,
    /// Format of the report.
    pub format: String,
    /// Configuration.
    pub configuration: String,
    /// Branch.
    pub branch: Option<String>,
    /// Commit.
    pub commit: Option<String>,
    /// When the scanner started.
    pub started_at: DateTime<Utc>,
    /// When the report arrived.
    pub imported_at: DateTime<Utc>,
    /// How far it is.
    pub state: ScanState,
    /// What it covered.
    pub coverage: Coverage,
    /// Results in the report.
    pub observations: u64,
    /// Findings it saw first.
    pub new: u64,
    /// Findings it saw again after they were fixed.
    pub regressed: u64,
    /// Findings it proved fixed.
    pub fixed: u64,
    /// Name of the file, if known.
    pub filename: Option<String>,
}

/// States of a scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScanState {
    /// Being read; nothing is changed yet.
    Staging,
    /// In effect.
    Committed,
    /// In effect for what it saw; its absences wait for a person.
    Quarantined,
    /// Not in effect.
    Failed,
}

/// Filters of `GET /api/v1/scans`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ScanFilter {
    /// Only scans of this asset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asset: Option<AssetId>,
    /// Where the page starts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Size of the page, 1 to 200, 50 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}
