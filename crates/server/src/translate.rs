//! From rows of the database to what the API says, word for word.

use api::{
    AcceptanceRef, AdoptionRow, AssessmentRef, Asset, Attachment, Attention, Cause, Comment, CommentSide,
    Conflict, Correlated, Detection, FieldChange, Finding, FindingPriority, FindingSummary, HistoryEntry,
    Job, JobKind, KevEntry, KnownExploit, MatchedBy, Named, Plan, PlanAction, Problem, Scan, SeverityCounts,
    SuppressionRef, Ticket, TicketHealth, TicketLogEntry, TicketPlan, TicketRef, WorkItemShown,
};
use chrono::{DateTime, Utc};
use model::board::WorkItem;
use model::merge::Field;
use model::merge::comments::Side;
use model::priority::Exploit;
use model::status::Decision;
use model::{Severity, SlaState};
use serde::de::DeserializeOwned;
use serde::de::value::{Error as WordError, StrDeserializer};
use store::views;

use crate::problem::Answer;

/// A stored word as one of the API's words.
pub(crate) fn word<T: DeserializeOwned>(what: &'static str, value: &str) -> Answer<T> {
    parse_word(value).ok_or_else(|| store::Error::Word { what, value: value.to_owned() }.into())
}

/// A word as one of the API's words, if it is one.
pub(crate) fn parse_word<T: DeserializeOwned>(value: &str) -> Option<T> {
    T::deserialize(StrDeserializer::<WordError>::new(value)).ok()
}

/// The word of one of the API's unit variants.
pub(crate) fn word_of<T: serde::Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        // Only called with enums whose variants carry nothing.
        other => unreachable!("a word was expected, not {other:?}"),
    }
}

fn document<T: DeserializeOwned>(what: &'static str, text: Option<&str>) -> Answer<Option<T>> {
    text.map(|text| {
        serde_json::from_str(text).map_err(|source| store::Error::Document { what, source }.into())
    })
    .transpose()
}

/// The same numbers, as the API says them.
pub(crate) fn severity_counts(of: engine::SeverityCounts) -> SeverityCounts {
    let engine::SeverityCounts { critical, high, medium, low, info } = of;
    SeverityCounts { critical, high, medium, low, info }
}

pub(crate) fn counts(by_severity: impl IntoIterator<Item = (Severity, u64)>) -> SeverityCounts {
    let mut counts = SeverityCounts::default();
    for (severity, number) in by_severity {
        counts.add(severity, number);
    }
    counts
}

fn some_text(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

pub(crate) fn asset(row: views::assets::AssetRow) -> Answer<Asset> {
    Ok(Asset {
        id: row.id,
        name: row.name,
        tags: row.tags,
        tracked_branches: row.tracked_branches,
        owner: row.owner,
        impact: row.impact,
        archived: row.archived,
        created_at: row.created_at,
        last_scan_at: row.last_scan_at,
        open: counts(row.open),
    })
}

pub(crate) fn scan(row: views::scans::ScanRow) -> Answer<Scan> {
    Ok(Scan {
        id: row.id,
        asset: Named { id: row.asset_id, name: row.asset_name },
        scanner: row.scanner,
        scanner_version: row.scanner_version,
        format: row.format,
        configuration: row.configuration,
        branch: some_text(row.branch),
        commit: row.commit,
        started_at: row.started_at,
        imported_at: row.imported_at,
        state: word("state of a scan", &row.state)?,
        coverage: row.coverage,
        observations: row.observations,
        new: row.new,
        regressed: row.regressed,
        fixed: row.fixed,
        filename: row.filename,
    })
}

pub(crate) fn finding_summary(
    row: views::findings::FindingRow,
    now: DateTime<Utc>,
) -> Answer<FindingSummary> {
    Ok(FindingSummary {
        id: row.id,
        asset: Named { id: row.asset_id, name: row.asset_name },
        title: row.title,
        severity: row.severity,
        status: row.status,
        kind: row.kind,
        vulnerability_id: row.vulnerability_id,
        place: row.place,
        scanner: row.scanner,
        first_seen_at: row.first_seen_at,
        last_seen_at: row.last_seen_at,
        regressed: row.regressed,
        request: row.triage.request,
        temporary_until: row.triage.temporary.map(|temporary| temporary.until),
        detection: row.detection,
        correlated: row
            .correlated
            .into_iter()
            .map(|(scanner, findings)| Correlated { scanner, findings })
            .collect(),
        ticket: row.ticket.map(ticket_ref).transpose()?,
        priority: FindingPriority {
            risk: row.priority.risk.score(),
            epss: row.priority.epss.map(|epss| epss.as_f64()),
            known_exploited: row.priority.known_exploited,
            due_at: row.priority.sla.map(|sla| sla.due_at),
            sla: row.status.is_open().then(|| SlaState::of(row.priority.sla, now)),
        },
    })
}

fn ticket_ref(row: views::findings::TicketOfFinding) -> Answer<TicketRef> {
    let item = row.work_item;
    Ok(TicketRef {
        id: row.id,
        work_item_id: row.work_item_id,
        health: word("health of a ticket", &row.health)?,
        url: item.as_ref().and_then(|item| some_text(item.web_url.clone())),
        state: item.as_ref().map(|item| item.state.clone()),
        column: item.as_ref().and_then(|item| item.column.clone()),
        assignee: item.and_then(|item| item.assignee).and_then(|person| some_text(person.display_name)),
    })
}

pub(crate) fn finding(detail: views::findings::FindingDetail, now: DateTime<Utc>) -> Answer<Finding> {
    let reason = detail.summary.triage.reason.clone();
    let manual = detail.summary.triage.manual.clone();
    let duplicate_of = match detail.summary.triage.decision {
        Decision::Duplicate(of) => Some(of),
        _ => None,
    };
    let temporary_then = detail.summary.triage.temporary.map(|temporary| temporary.then);
    let suppressed_by =
        detail.summary.triage.suppressed_by.map(|id| SuppressionRef { id, name: detail.suppression.clone() });
    let observation = detail.observation;
    let tracked = detail.tracked_branches;
    Ok(Finding {
        open_since: detail.summary.open_since,
        summary: finding_summary(detail.summary, now)?,
        asset_owner: detail.asset_owner,
        impact: detail.impact,
        exploits: detail.exploits.into_iter().map(known_exploit).collect(),
        assessments: detail
            .assessments
            .into_iter()
            .map(|one| AssessmentRef { id: one.id, name: one.name, state: one.state })
            .collect(),
        acceptance: detail.acceptance.map(|known| AcceptanceRef {
            id: known.id,
            reason: known.terms.reason,
            evidence: known.terms.evidence,
            link: known.terms.link,
            approver: known.approver,
            until: known.terms.until,
        }),
        manual,
        duplicate_of,
        suppressed_by,
        vulnerability: observation.vulnerability,
        message: observation.message,
        location: observation.location,
        related_locations: observation.related_locations,
        component: observation.component,
        scanner_severity: observation.scanner_severity,
        fingerprint: detail.fingerprint,
        temporary_then,
        reason,
        detections: detail
            .detections
            .into_iter()
            .map(|row| Detection {
                scanner: row.scanner,
                configuration: row.configuration,
                tracked: row.branch.is_empty() || tracked.contains(&row.branch),
                branch: some_text(row.branch),
                last_seen_at: row.last_seen_at,
                last_absent_at: row.last_absent_at,
            })
            .collect(),
    })
}

fn known_exploit((cve, exploit, required_action): (String, Exploit, String)) -> KnownExploit {
    KnownExploit {
        cve,
        epss: exploit.epss.map(|epss| epss.score.as_f64()),
        percentile: exploit.epss.map(|epss| epss.percentile.as_f64()),
        kev: exploit.kev.map(|kev| KevEntry {
            added_on: kev.added_on,
            due_on: kev.due_on,
            ransomware: kev.ransomware,
            required_action,
        }),
    }
}

pub(crate) fn history_entry(row: views::history::HistoryRow) -> Answer<HistoryEntry> {
    Ok(HistoryEntry {
        id: row.id,
        at: row.at,
        cause: Cause { kind: word("cause", &row.cause)?, label: row.cause_label },
        what: row.what,
        from: row.from_status,
        to: row.to_status,
    })
}

pub(crate) fn ticket_log_entry(row: views::history::HistoryRow) -> Answer<TicketLogEntry> {
    Ok(TicketLogEntry {
        id: row.id,
        at: row.at,
        cause: Cause { kind: word("cause", &row.cause)?, label: row.cause_label },
        what: row.what,
        fields: row
            .fields
            .into_iter()
            .map(|field| FieldChange {
                field: field.field,
                from: field.from,
                to: field.to,
                reason: field.reason,
            })
            .collect(),
    })
}

pub(crate) fn ticket(row: views::tickets::TicketRow) -> Answer<Ticket> {
    Ok(Ticket {
        id: row.id,
        title: row.title,
        health: word("health of a ticket", &row.health)?,
        problem: row.problem,
        next_step: row.next_step,
        repairs: row
            .health
            .parse()
            .map(|health| engine::offered(health, row.work_item_id.is_some()).to_vec())
            .unwrap_or_default(),
        asked: row.following.order.as_ref().map(|order| order.repair.kind()),
        copies: row.following.copies.clone(),
        status: row.status,
        connection: Named { id: row.connection_id, name: row.connection_name },
        destination: Named { id: row.destination_id, name: row.destination_name },
        rules: row.rules.into_iter().map(|(id, name)| Named { id, name }).collect(),
        work_item: row.work_item.map(work_item),
        findings: row.findings,
        conflicts: row
            .conflicts
            .into_iter()
            .map(|conflict| Conflict {
                key: conflict
                    .field
                    .parse::<Field>()
                    .map_or_else(|()| conflict.field.clone(), |field| field.word().to_owned()),
                field: conflict.field,
                ours: conflict.ours,
                theirs: conflict.theirs,
            })
            .collect(),
        attempts: row.attempts,
        next_attempt_at: row.next_attempt_at,
        synced_at: row.synced_at,
        created_at: row.created_at,
    })
}

pub(crate) fn comment(row: store::comments::Comment) -> Comment {
    Comment {
        id: row.id,
        side: match row.side {
            Side::Here => CommentSide::Here,
            Side::Board => CommentSide::Board,
            Side::Explanation => CommentSide::Explanation,
        },
        author: row.author,
        text: row.text,
        private: row.is_private,
        on_board: row.board_id.is_some() && row.carried >= row.revision,
        problem: row.problem,
        created_at: row.created_at,
        edited_at: row.edited_at,
    }
}

/// Files of a ticket, and those of its work item that came from elsewhere.
pub(crate) fn attachments(
    rows: Vec<store::attachments::Attachment>,
    on_board: &[model::board::AttachedFile],
) -> Vec<Attachment> {
    let is_ours = |there: &model::board::AttachedFile| {
        rows.iter().any(|row| row.board_id.as_ref().is_some_and(|id| id.eq_ignore_ascii_case(&there.id)))
    };
    let theirs: Vec<Attachment> = on_board
        .iter()
        .filter(|there| !is_ours(there))
        .map(|there| Attachment {
            id: None,
            name: there.name.clone(),
            size: None,
            author: None,
            private: false,
            on_board: true,
            taken_away: false,
            problem: None,
            added_at: None,
        })
        .collect();
    let ours = rows.into_iter().filter(|row| row.deleted_at.is_none()).map(|row| Attachment {
        id: Some(row.id),
        name: row.name,
        size: Some(row.size),
        author: Some(row.author),
        private: row.is_private,
        on_board: row.is_attached,
        taken_away: row.is_over,
        problem: row.problem,
        added_at: Some(row.added_at),
    });
    ours.chain(theirs).collect()
}

fn work_item(item: WorkItem) -> WorkItemShown {
    WorkItemShown {
        id: item.id,
        revision: item.revision,
        url: item.web_url,
        work_item_type: item.work_item_type,
        state: item.state,
        column: item.column,
        lane: item.lane,
        assignee: item.assignee.and_then(|person| some_text(person.display_name)),
        iteration: item.iteration,
        due_date: item.due_date,
        comments: item.comment_count,
    }
}

/// What the engine keeps of why a job failed.
#[derive(serde::Deserialize)]
struct StoredProblem {
    code: String,
    title: String,
    detail: String,
    #[serde(default)]
    next_step: String,
}

pub(crate) fn job(row: views::jobs::JobRow) -> Answer<Job> {
    let kind: JobKind = word("kind of a job", &row.kind)?;
    let problem: Option<StoredProblem> = document("problem of a job", row.problem.as_deref())?;
    let result = row.result.as_deref();
    Ok(Job {
        id: row.id,
        kind,
        state: word("state of a job", &row.state)?,
        done: row.done,
        total: row.total,
        message: row.message,
        problem: problem.map(|problem| Problem {
            kind: format!("urn:lockstep:problem:{}", problem.code),
            code: problem.code,
            status: 422,
            title: problem.title,
            detail: problem.detail,
            next_step: problem.next_step,
            fields: Vec::new(),
        }),
        import: match kind {
            JobKind::Import => document("result of an import", result)?,
            JobKind::Reconcile => None,
        },
        reconcile: match kind {
            JobKind::Reconcile => document("result of a reconcile", result)?,
            JobKind::Import => None,
        },
        created_at: row.created_at,
        finished_at: row.finished_at,
    })
}

pub(crate) fn import_result(result: engine::ImportResult) -> api::ImportResult {
    api::ImportResult {
        scans: result.scans,
        already_imported: result.already_imported,
        observations: result.observations,
        new: severity_counts(result.new),
        regressed: severity_counts(result.regressed),
        still_open: severity_counts(result.still_open),
        fixed: severity_counts(result.fixed),
        quarantined: result.quarantined,
        left_out: result.left_out,
    }
}

pub(crate) fn plan(plan: engine::Plan) -> Plan {
    Plan {
        tickets: plan.tickets.into_iter().map(ticket_plan).collect(),
        create: plan.create,
        update: plan.update,
        follow: plan.follow,
        nothing: plan.nothing,
        over_budget: plan.over_budget,
    }
}

pub(crate) fn adoption_row(row: engine::AdoptionRow) -> AdoptionRow {
    AdoptionRow {
        finding: row.finding,
        finding_title: row.finding_title,
        ticket: row.ticket,
        work_item: row.work_item,
        work_item_title: row.work_item_title,
        state: row.state,
        url: row.url.and_then(some_text),
        matched_by: row.matched_by.map(|by| match by {
            engine::MatchedBy::Number => MatchedBy::Number,
            engine::MatchedBy::FindingId => MatchedBy::FindingId,
            engine::MatchedBy::Fingerprint => MatchedBy::Fingerprint,
            engine::MatchedBy::Title => MatchedBy::Title,
        }),
        fields: row
            .fields
            .into_iter()
            .map(|field| FieldChange {
                field: field.field,
                from: field.from,
                to: field.to,
                reason: field.reason,
            })
            .collect(),
        refused: row.refused,
    }
}

fn ticket_plan(ticket: engine::TicketPlan) -> TicketPlan {
    TicketPlan {
        ticket_id: ticket.ticket_id,
        work_item_id: ticket.work_item_id,
        title: ticket.title,
        destination: ticket.destination,
        action: match ticket.action {
            engine::PlanAction::Create => PlanAction::Create,
            engine::PlanAction::Update => PlanAction::Update,
            engine::PlanAction::Restore => PlanAction::Restore,
            engine::PlanAction::Close => PlanAction::Close,
            engine::PlanAction::Reopen => PlanAction::Reopen,
            engine::PlanAction::Follow => PlanAction::Follow,
            engine::PlanAction::Join => PlanAction::Join,
            engine::PlanAction::Wait => PlanAction::Wait,
        },
        fields: ticket
            .fields
            .into_iter()
            .map(|field| FieldChange {
                field: field.field,
                from: field.from,
                to: field.to,
                reason: field.reason,
            })
            .collect(),
        reason: ticket.reason,
        revision: ticket.revision,
        fingerprint: ticket.fingerprint,
    }
}

pub(crate) fn apply(report: engine::ApplyReport) -> api::Apply {
    api::Apply {
        id: report.apply.id,
        at: report.apply.at,
        by: report.apply.by,
        undoes: report.apply.undoes,
        tickets: report
            .tickets
            .into_iter()
            .map(|row| api::AppliedTicket {
                ticket_id: row.ticket,
                work_item_id: row.work_item,
                title: row.title,
                state: match row.state {
                    store::applies::State::Waiting => api::ApplyState::Waiting,
                    store::applies::State::Applied => api::ApplyState::Applied,
                    store::applies::State::Refused => api::ApplyState::Refused,
                },
                reason: row.reason,
                undone_by: row.undone_by,
            })
            .collect(),
    }
}

pub(crate) fn apply_summary(summary: engine::ApplySummary) -> api::ApplySummary {
    api::ApplySummary {
        id: summary.apply.id,
        at: summary.apply.at,
        by: summary.apply.by,
        undoes: summary.apply.undoes,
        applied: summary.applied,
        refused: summary.refused,
        waiting: summary.waiting,
    }
}

/// What tickets of one health ask of a person, if anything.
pub(crate) fn ticket_attention(health: TicketHealth, count: u64) -> Option<Attention> {
    let tickets = if count == 1 { "1 ticket".to_owned() } else { format!("{count} tickets") };
    let (message, next_step) = match health {
        TicketHealth::Parked => (
            format!("{tickets} failed too often and wait for you."),
            "Read the error on the ticket, mend its cause, then retry.",
        ),
        TicketHealth::Held => (
            format!("{tickets} wait because more would happen than usual."),
            "Look at what waits on the page Alarms, and let it through or leave it.",
        ),
        TicketHealth::Missing => (
            format!("The work item of {tickets} can no longer be read."),
            "Give the connection the right to read it, or choose one of the mends on the ticket.",
        ),
        TicketHealth::Deleted | TicketHealth::Destroyed => (
            format!("The work item of {tickets} was deleted on the board."),
            "Choose on the ticket what becomes of it, or set a policy at the destination.",
        ),
        TicketHealth::Moved | TicketHealth::TypeChanged => (
            format!("The work item of {tickets} was moved to another project or made another type."),
            "Say on the ticket that it is right there, or hand the ticket over.",
        ),
        TicketHealth::Merged => (
            format!("The work item of {tickets} was closed as a duplicate."),
            "Choose on the ticket whether the other work item is followed.",
        ),
        TicketHealth::Copied => (
            format!("Other work items carry the key of {tickets}."),
            "Compare them on the board; only the one on the ticket is kept in step.",
        ),
        TicketHealth::Conflict => (
            format!("Somebody on the board decided otherwise on {tickets}."),
            "Compare both values on the ticket.",
        ),
        TicketHealth::OverBudget => (
            format!("{tickets} wait because the destination got all the work items it may get today."),
            "Raise the destination's daily budget, or wait until midnight UTC.",
        ),
        TicketHealth::InStep
        | TicketHealth::Waiting
        | TicketHealth::Pending
        | TicketHealth::Retrying
        | TicketHealth::Released
        | TicketHealth::Closed => return None,
    };
    Some(Attention {
        message,
        next_step: next_step.to_owned(),
        link: format!("/tickets?health={}", word_of(&health)),
    })
}

/// What rules would do at one destination.
pub(crate) fn share(share: engine::DestinationShare) -> api::DestinationShare {
    api::DestinationShare {
        id: share.destination,
        name: share.name,
        findings: share.findings,
        create: share.create,
        join: share.join,
        wait: share.wait,
        why: share.why,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_lead_back_to_what_they_stand_for() {
        for health in [TicketHealth::InStep, TicketHealth::OverBudget, TicketHealth::Closed] {
            assert_eq!(parse_word::<TicketHealth>(&word_of(&health)), Some(health));
        }
        assert_eq!(parse_word::<TicketHealth>("broken"), None);
    }
}
