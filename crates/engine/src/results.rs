//! What long work did, and what work would do. The server shows these as they are.

use std::collections::BTreeMap;

use model::ingest::LeftOutReason;
use model::merge::FieldChange;
use model::{FindingId, ScanId, Severity, TicketId, WorkItemId};
use serde::{Deserialize, Serialize};

use crate::Refusal;

/// Numbers by severity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Counts one more.
    pub fn add(&mut self, severity: Severity) {
        *match severity {
            Severity::Critical => &mut self.critical,
            Severity::High => &mut self.high,
            Severity::Medium => &mut self.medium,
            Severity::Low => &mut self.low,
            Severity::Info => &mut self.info,
        } += 1;
    }

    /// Counts one less.
    pub fn take(&mut self, severity: Severity) {
        let count = match severity {
            Severity::Critical => &mut self.critical,
            Severity::High => &mut self.high,
            Severity::Medium => &mut self.medium,
            Severity::Low => &mut self.low,
            Severity::Info => &mut self.info,
        };
        *count = count.saturating_sub(1);
    }

    /// All together.
    pub fn total(&self) -> u64 {
        self.critical + self.high + self.medium + self.low + self.info
    }
}

/// What an import did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportResult {
    /// The scans in the report.
    pub scans: Vec<ScanId>,
    /// The same scan was imported before: nothing changed.
    pub already_imported: bool,
    /// Results read.
    pub observations: u64,
    /// Findings seen for the first time.
    pub new: SeverityCounts,
    /// Findings that came back.
    pub regressed: SeverityCounts,
    /// Findings that were there before and still are.
    pub still_open: SeverityCounts,
    /// Findings proved fixed.
    pub fixed: SeverityCounts,
    /// Absences wait for a person: suspiciously many findings are gone.
    pub quarantined: bool,
    /// Results that ingest rules left out, by reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub left_out: BTreeMap<LeftOutReason, u64>,
    /// Findings that were added since suppression rules were asked last.
    #[serde(skip)]
    pub(crate) unasked: Vec<FindingId>,
}

impl std::ops::AddAssign for SeverityCounts {
    fn add_assign(&mut self, other: Self) {
        self.critical += other.critical;
        self.high += other.high;
        self.medium += other.medium;
        self.low += other.low;
        self.info += other.info;
    }
}

impl std::ops::AddAssign for ImportResult {
    fn add_assign(&mut self, other: Self) {
        self.scans.extend(other.scans);
        self.already_imported |= other.already_imported;
        self.observations += other.observations;
        self.new += other.new;
        self.regressed += other.regressed;
        self.still_open += other.still_open;
        self.fixed += other.fixed;
        self.quarantined |= other.quarantined;
        for (reason, count) in other.left_out {
            *self.left_out.entry(reason).or_default() += count;
        }
    }
}

/// What a reconcile did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Tickets with an error.
    pub failed: u64,
}

impl std::ops::AddAssign for ReconcileResult {
    fn add_assign(&mut self, other: Self) {
        self.tickets += other.tickets;
        self.read += other.read;
        self.created += other.created;
        self.updated += other.updated;
        self.followed += other.followed;
        self.failed += other.failed;
    }
}

/// What would happen for a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    /// It waits.
    Wait,
}

/// What would happen for one ticket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TicketPlan {
    /// The ticket; none if it would be made first.
    pub ticket_id: Option<TicketId>,
    /// The work item.
    pub work_item_id: Option<WorkItemId>,
    /// Title.
    pub title: String,
    /// Name of the destination.
    pub destination: String,
    /// What would happen.
    pub action: PlanAction,
    /// Field by field.
    pub fields: Vec<FieldChange>,
    /// Why.
    pub reason: String,
    /// Revision of the work item that this was decided on; none for a new one, and where nothing would be written.
    pub revision: Option<i64>,
    /// Tells everything that would be written; none where nothing would be.
    pub fingerprint: Option<String>,
}

/// What would happen now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Tickets for which something would happen, as many as were asked for.
    pub tickets: Vec<TicketPlan>,
    /// Work items that would be created.
    pub create: u64,
    /// Work items that would be changed.
    pub update: u64,
    /// Tickets whose findings would follow a move on the board.
    pub follow: u64,
    /// Tickets for which nothing would happen.
    pub nothing: u64,
    /// Work items that would wait because of the budget.
    pub over_budget: u64,
}

impl Plan {
    /// So many tickets are listed for people; all are counted.
    pub const LISTED: usize = 500;
    /// Most tickets that a plan can list, and that one apply can be about.
    pub const MOST_LISTED: usize = 5_000;

    pub(crate) fn list(&mut self, ticket: TicketPlan, most: usize) {
        match ticket.action {
            PlanAction::Create => self.create += 1,
            PlanAction::Follow => self.follow += 1,
            PlanAction::Wait => self.over_budget += 1,
            PlanAction::Update
            | PlanAction::Close
            | PlanAction::Reopen
            | PlanAction::Restore
            | PlanAction::Join => self.update += 1,
        }
        if self.tickets.len() < most {
            self.tickets.push(ticket);
        }
    }
}

/// Why a job failed, as stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Stable word for programs.
    pub code: String,
    /// Short summary.
    pub title: String,
    /// What happened.
    pub detail: String,
    /// What to do next.
    pub next_step: String,
}

impl From<&Refusal> for Problem {
    fn from(refusal: &Refusal) -> Self {
        Self {
            code: refusal.code.to_owned(),
            title: refusal.title.to_owned(),
            detail: refusal.detail.clone(),
            next_step: refusal.next_step.clone(),
        }
    }
}
