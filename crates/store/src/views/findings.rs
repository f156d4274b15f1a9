//! Findings in lists and one finding in full. Worst first, then newest first.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use model::assessment::AssessmentState;
use model::board::WorkItem;
use model::priority::{self, Exploit, Priority, Probability, Risk, SlaState};
use model::status::{DetectionState, Triage};
use model::{
    AcceptanceId, AssessmentId, AssetId, CorrelationId, FindingId, FindingKind, Impact, Observation,
    Severity, Status, SuppressionId, TicketId, WorkItemId,
};

use super::{OPEN, Statement, contains, severity, severity_number};
use crate::acceptances::{self, Acceptance};
use crate::exploits::{self, KevEntry};
use crate::findings::{OnBranch, SEEN_BY_NEWEST};
use crate::{Result, Row, Tx, suppressions};

/// Which findings. Empty lists and `None` do not restrict.
#[derive(Clone, Debug, Default)]
pub struct FindingFilter {
    /// One of these displayed statuses.
    pub statuses: Vec<Status>,
    /// One of these severities.
    pub severities: Vec<Severity>,
    /// Of this asset.
    pub asset: Option<AssetId>,
    /// Of this ticket.
    pub ticket: Option<TicketId>,
    /// Of this assessment.
    pub assessment: Option<AssessmentId>,
    /// Accepted, or not.
    pub accepted: Option<bool>,
    /// Covered by this acceptance now.
    pub acceptance: Option<AcceptanceId>,
    /// Its acceptance ends by then.
    pub acceptance_ends_by: Option<DateTime<Utc>>,
    /// Suppressed by this rule now.
    pub suppressed_by: Option<SuppressionId>,
    /// Seen on this branch now; empty for scans that named none. Only with an asset or a ticket.
    pub seen_on: Option<String>,
    /// Not seen on this branch now. Only with an asset or a ticket.
    pub not_seen_on: Option<String>,
    /// One of these: how it stands to its due date at `now`. Only of open findings.
    pub sla: Vec<SlaState>,
    /// The moment for which is asked.
    pub now: DateTime<Utc>,
    /// One of these: how it stands to the newest scans of tracked branches.
    pub detection: Vec<DetectionState>,
    /// First seen by this scanner, without regard to case.
    pub scanner: Option<String>,
    /// Of assets for which this person or team answers, without regard to case.
    pub owner: Option<String>,
    /// Of assets with one of these business impacts.
    pub impacts: Vec<Impact>,
    /// Of what scanners report of one vulnerability in one component, only what the scanner reports that was the first.
    pub correlated_as_one: bool,
    /// About the same vulnerability in the same component as this finding, which is left out.
    pub correlated_with: Option<FindingId>,
    /// Known to be exploited, or not.
    pub known_exploited: Option<bool>,
    /// At least this risk score.
    pub least_risk: Option<Risk>,
    /// At least this EPSS score.
    pub least_epss: Option<Probability>,
    /// In which order.
    pub order: FindingOrder,
    /// With this text in title, vulnerability or place, without regard to case. Not served by an index.
    pub text: Option<String>,
}

/// In which order findings stand; newest first among equals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FindingOrder {
    /// Worst severity first.
    #[default]
    Severity,
    /// Highest risk score first.
    Risk,
}

/// The last finding of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FindingKey {
    /// Its place in the order: the number of its severity, or its risk score.
    pub rank: i64,
    /// Its identity.
    pub id: FindingId,
}

/// A finding in a list.
#[derive(Clone, Debug)]
pub struct FindingRow {
    /// Identity.
    pub id: FindingId,
    /// Asset.
    pub asset_id: AssetId,
    /// Name of the asset.
    pub asset_name: String,
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
    /// How often it came back.
    pub regressed: u32,
    /// Since when it has been open without a break.
    pub open_since: DateTime<Utc>,
    /// Risk and due date.
    pub priority: Priority,
    /// What was decided.
    pub triage: Triage,
    /// How it stands to the newest scans; none for what no scan of a tracked branch saw.
    pub detection: Option<DetectionState>,
    /// What other scanners report of the same vulnerability in the same component: scanner and findings.
    pub correlated: Vec<(String, u64)>,
    /// Its ticket: the newest live one, else the newest. One that was released is none.
    pub ticket: Option<TicketOfFinding>,
}

impl FindingRow {
    /// Where a page in this order ends that ends with this row.
    pub fn key(&self, order: FindingOrder) -> FindingKey {
        let rank = match order {
            FindingOrder::Severity => severity_number(self.severity),
            FindingOrder::Risk => i64::from(self.priority.risk.score()),
        };
        FindingKey { rank, id: self.id }
    }
}

/// A ticket as a finding shows it.
#[derive(Clone, Debug)]
pub struct TicketOfFinding {
    /// Identity.
    pub id: TicketId,
    /// Number of the work item.
    pub work_item_id: Option<WorkItemId>,
    /// How it is, as the API words it.
    pub health: String,
    /// The work item as last read.
    pub work_item: Option<WorkItem>,
}

/// One finding in full.
#[derive(Clone, Debug)]
pub struct FindingDetail {
    /// What the list shows.
    pub summary: FindingRow,
    /// Identity across scans.
    pub fingerprint: String,
    /// The latest observation.
    pub observation: Observation,
    /// Branches of its asset that are tracked.
    pub tracked_branches: Vec<String>,
    /// What each configuration says on each branch.
    pub detections: Vec<DetectionRow>,
    /// Who answers for the asset.
    pub asset_owner: String,
    /// How much the business depends on the asset.
    pub impact: Impact,
    /// What the world knows about each of its CVEs, with what the KEV catalogue asks for.
    pub exploits: Vec<(String, Exploit, String)>,
    /// Assessments that it belongs to.
    pub assessments: Vec<AssessmentOfFinding>,
    /// The acceptance that covers it.
    pub acceptance: Option<Acceptance>,
    /// Name of the rule that suppresses it.
    pub suppression: Option<String>,
}

/// An assessment that a finding belongs to.
#[derive(Clone, Debug)]
pub struct AssessmentOfFinding {
    /// Identity.
    pub id: AssessmentId,
    /// Name.
    pub name: String,
    /// How far it is.
    pub state: AssessmentState,
}

/// What scans of one configuration on one branch say about a finding.
#[derive(Clone, Debug)]
pub struct DetectionRow {
    /// Scanner.
    pub scanner: String,
    /// Configuration.
    pub configuration: String,
    /// Branch; empty if the scans name none.
    pub branch: String,
    /// Start of the latest scan that saw it.
    pub last_seen_at: DateTime<Utc>,
    /// Start of the latest scan that covered the place and did not see it.
    pub last_absent_at: Option<DateTime<Utc>>,
}

const COLUMNS: &str = "SELECT f.id, f.asset_id, a.name AS asset_name, f.title, f.severity, f.status, f.kind, \
     f.vulnerability_id, f.place, f.scanner, f.first_seen_at, f.last_seen_at, f.regressed, f.triage, \
     f.open_since, f.epss, f.known_exploited, f.risk, f.warn_at, f.due_at, \
     f.correlation_id, a.tracked_branches";

/// A page of findings after `after`, at most `limit`.
///
/// # Errors
/// If the database refuses or a stored value cannot be read.
pub async fn page(
    tx: &mut Tx,
    filter: &FindingFilter,
    after: Option<FindingKey>,
    limit: u32,
) -> Result<Vec<FindingRow>> {
    let keys = keys(tx, filter, after, limit).await?;
    by_ids(tx, &ids(&keys)).await
}

/// The keys of a page of findings after `after`, at most `limit`. Fewer than `limit` are there only if no more follow.
///
/// # Errors
/// If the database refuses or a stored value cannot be read.
pub async fn keys(
    tx: &mut Tx,
    filter: &FindingFilter,
    after: Option<FindingKey>,
    limit: u32,
) -> Result<Vec<FindingKey>> {
    let of_one = filter.asset.is_some()
        || filter.ticket.is_some()
        || filter.assessment.is_some()
        || filter.acceptance.is_some()
        || filter.suppressed_by.is_some()
        || filter.correlated_with.is_some();
    if of_one {
        return keys_of_owner(tx, filter, after, limit).await;
    }
    match filter.order {
        FindingOrder::Severity => keys_by_severity(tx, filter, after, limit).await,
        FindingOrder::Risk => keys_by_risk(tx, filter, after, limit).await,
    }
}

/// The ids of these keys.
pub fn ids(keys: &[FindingKey]) -> Vec<FindingId> {
    keys.iter().map(|key| key.id).collect()
}

/// The column of an order.
const fn column(order: FindingOrder) -> &'static str {
    match order {
        FindingOrder::Severity => "severity",
        FindingOrder::Risk => "risk",
    }
}

/// What no index serves: text, due date, exploits, risk.
fn push_rest(statement: &mut Statement, filter: &FindingFilter) {
    if !filter.sla.is_empty() {
        statement.push(" AND status IN ").bind_list(OPEN.map(|status| status.as_str())).push(" AND (");
        for (position, state) in filter.sla.iter().enumerate() {
            statement.push(if position == 0 { "(" } else { " OR (" });
            match state {
                SlaState::Breached => statement.push("due_at <= ").bind(filter.now),
                SlaState::Approaching => {
                    statement.push("due_at > ").bind(filter.now).push(" AND warn_at <= ").bind(filter.now)
                }
                SlaState::OnTrack => statement.push("warn_at > ").bind(filter.now),
                SlaState::NotCovered => statement.push("due_at IS NULL"),
            };
            statement.push(")");
        }
        statement.push(")");
    }
    if let Some(wanted) = filter.accepted {
        statement.push(if wanted { " AND acceptance_id IS NOT NULL" } else { " AND acceptance_id IS NULL" });
    }
    if let Some(acceptance) = filter.acceptance {
        statement.push(" AND acceptance_id = ").bind(acceptance);
    }
    if let Some(by) = filter.acceptance_ends_by {
        statement.push(" AND acceptance_id IN (SELECT id FROM acceptance WHERE until <= ").bind(by).push(")");
    }
    if let Some(rule) = filter.suppressed_by {
        statement.push(" AND suppressed_by = ").bind(rule);
    }
    if let Some(wanted) = filter.known_exploited {
        statement.push(" AND known_exploited = ").bind(wanted);
    }
    if let Some(least) = filter.least_risk {
        statement.push(" AND risk >= ").bind(i64::from(least.score()));
    }
    if let Some(least) = filter.least_epss {
        statement.push(" AND epss >= ").bind(i64::from(least.millionths()));
    }
    if let Some(scanner) = &filter.scanner {
        // SQLite folds ASCII only: what is written alike has to match all the same.
        statement.push(" AND (scanner = ").bind(scanner);
        statement.push(" OR LOWER(scanner) = ").bind(scanner.to_lowercase()).push(")");
    }
    if let Some(owner) = &filter.owner {
        statement
            .push(" AND asset_id IN (SELECT a.id FROM asset a WHERE a.owner = ")
            .bind(owner)
            .push(" OR LOWER(a.owner) = ")
            .bind(owner.to_lowercase())
            .push(")");
    }
    if !filter.impacts.is_empty() {
        statement
            .push(" AND asset_id IN (SELECT a.id FROM asset a WHERE a.impact IN ")
            .bind_list(filter.impacts.iter().map(|impact| impact.as_str()))
            .push(")");
    }
    push_detection(statement, &filter.detection);
    if let Some(text) = &filter.text {
        statement.push(" AND search LIKE ").bind(contains(text)).push(" ESCAPE '\\'");
    }
}

/// Only what stands so to the newest scans of the tracked branches, as [`DetectionState::of`] says it.
fn push_detection(statement: &mut Statement, wanted: &[DetectionState]) {
    // The list of tracked branches is JSON: one that it names stands in it in quotes.
    const ON_TRACKED: &str = "EXISTS (SELECT 1 FROM detection d JOIN asset a ON a.id = finding.asset_id \
         WHERE d.finding_id = finding.id AND (d.branch = '' \
             OR REPLACE(a.tracked_branches, '\"' || d.branch || '\"', '') <> a.tracked_branches)";
    const STILL_SEEN: &str = " AND (d.last_absent_at IS NULL OR d.last_absent_at <= d.last_seen_at)";
    if wanted.is_empty() {
        return;
    }
    for (position, state) in wanted.iter().enumerate() {
        statement.push(if position == 0 { " AND ((" } else { " OR (" });
        match state {
            DetectionState::Detected => {
                statement.push(ON_TRACKED).push(STILL_SEEN).push(" AND ").push(SEEN_BY_NEWEST).push(")")
            }
            DetectionState::NotCovered => statement
                .push(ON_TRACKED)
                .push(STILL_SEEN)
                .push(") AND NOT ")
                .push(ON_TRACKED)
                .push(STILL_SEEN)
                .push(" AND ")
                .push(SEEN_BY_NEWEST)
                .push(")"),
            DetectionState::NoLongerDetected => {
                statement.push(ON_TRACKED).push(") AND NOT ").push(ON_TRACKED).push(STILL_SEEN).push(")")
            }
        };
        statement.push(")");
    }
    statement.push(")");
}

/// Of findings that correlate and fit the filter, only those of the scanner whose finding is the oldest. Two of one scanner
/// are at two places: neither stands for the other.
fn push_correlated_as_one(statement: &mut Statement, filter: &FindingFilter) {
    if !filter.correlated_as_one {
        return;
    }
    let fitting = |statement: &mut Statement| {
        statement.push("(SELECT id, scanner, correlation_id FROM finding WHERE correlation_id IS NOT NULL");
        push_owner(statement, filter);
        push_statuses(statement, filter);
        push_severities(statement, filter);
        push_rest(statement, filter);
        statement.push(")");
    };
    statement.push(" AND NOT EXISTS (SELECT 1 FROM ");
    fitting(statement);
    statement.push(
        " AS older WHERE older.correlation_id = finding.correlation_id AND older.scanner <> finding.scanner \
         AND older.id < finding.id AND NOT EXISTS (SELECT 1 FROM ",
    );
    fitting(statement);
    statement.push(
        " AS own WHERE own.correlation_id = older.correlation_id AND own.scanner = finding.scanner AND own.id < older.id))",
    );
}

/// Only what stands behind a key of this order.
fn push_after(statement: &mut Statement, order: FindingOrder, after: Option<FindingKey>) {
    if let Some(after) = after {
        statement.push(" AND (").push(column(order)).push(" < ").bind(after.rank);
        statement.push(" OR (").push(column(order)).push(" = ").bind(after.rank);
        statement.push(" AND id < ").bind(after.id).push("))");
    }
}

fn key(row: &Row) -> Result<FindingKey> {
    Ok(FindingKey { rank: row.int("place_in_order")?, id: row.id("id")? })
}

/// Keys among the findings of one asset, ticket, assessment, acceptance or suppression rule: few enough to be sorted.
async fn keys_of_owner(
    tx: &mut Tx,
    filter: &FindingFilter,
    after: Option<FindingKey>,
    limit: u32,
) -> Result<Vec<FindingKey>> {
    let mut statement = Statement::new("SELECT id, ");
    statement.push(column(filter.order)).push(" AS place_in_order FROM finding WHERE 1 = 1");
    push_owner(&mut statement, filter);
    push_statuses(&mut statement, filter);
    push_severities(&mut statement, filter);
    push_rest(&mut statement, filter);
    push_correlated_as_one(&mut statement, filter);
    push_after(&mut statement, filter.order, after);
    statement.push(" ORDER BY ").push(column(filter.order)).push(" DESC, id DESC LIMIT ").bind(limit);
    statement.all(tx).await?.iter().map(key).collect()
}

/// Of one asset, ticket, assessment, or what another finding correlates with, and on which branches.
fn push_owner(statement: &mut Statement, filter: &FindingFilter) {
    if let Some(asset) = filter.asset {
        statement.push(" AND asset_id = ").bind(asset);
    }
    if let Some(ticket) = filter.ticket {
        statement
            .push(" AND id IN (SELECT finding_id FROM ticket_finding WHERE ticket_id = ")
            .bind(ticket)
            .push(")");
    }
    if let Some(assessment) = filter.assessment {
        statement
            .push(" AND id IN (SELECT finding_id FROM assessment_finding WHERE assessment_id = ")
            .bind(assessment)
            .push(")");
    }
    for (wanted, branch) in [(true, &filter.seen_on), (false, &filter.not_seen_on)] {
        if let Some(branch) = branch {
            statement
                .push(if wanted { " AND EXISTS" } else { " AND NOT EXISTS" })
                .push(" (SELECT 1 FROM detection d WHERE d.finding_id = finding.id AND d.branch = ")
                .bind(branch)
                .push(" AND (d.last_absent_at IS NULL OR d.last_absent_at <= d.last_seen_at))");
        }
    }
    if let Some(with) = filter.correlated_with {
        statement
            .push(" AND correlation_id = (SELECT other.correlation_id FROM finding other WHERE other.id = ")
            .bind(with)
            .push(") AND id <> ")
            .bind(with);
    }
}

fn push_statuses(statement: &mut Statement, filter: &FindingFilter) {
    if !filter.statuses.is_empty() {
        statement.push(" AND status IN ").bind_list(filter.statuses.iter().map(|status| status.as_str()));
    }
}

fn push_severities(statement: &mut Statement, filter: &FindingFilter) {
    if !filter.severities.is_empty() {
        let wanted = filter.severities.iter().copied().map(severity_number);
        statement.push(" AND severity IN ").bind_list(wanted);
    }
}

/// Keys among all findings by risk, walked along the index of each status.
async fn keys_by_risk(
    tx: &mut Tx,
    filter: &FindingFilter,
    after: Option<FindingKey>,
    limit: u32,
) -> Result<Vec<FindingKey>> {
    let statuses = match filter.statuses.as_slice() {
        [] => &Status::ALL[..],
        some => some,
    };
    let mut statement = Statement::new("SELECT id, place_in_order FROM (");
    for (position, status) in statuses.iter().enumerate() {
        statement.push(if position == 0 { "SELECT * FROM (" } else { " UNION ALL SELECT * FROM (" });
        statement
            .push("SELECT id, risk AS place_in_order FROM finding WHERE status = ")
            .bind(status.as_str());
        push_severities(&mut statement, filter);
        push_rest(&mut statement, filter);
        push_correlated_as_one(&mut statement, filter);
        push_after(&mut statement, filter.order, after);
        statement.push(" ORDER BY risk DESC, id DESC LIMIT ").bind(limit).push(") AS branch");
    }
    statement.push(") AS found ORDER BY place_in_order DESC, id DESC LIMIT ").bind(limit);
    statement.all(tx).await?.iter().map(key).collect()
}

/// Keys among all findings by severity, walked along the indexes: one severity after the other, one branch for each status.
/// A single query with `IN` and the order of the list would read every closed finding on the way.
async fn keys_by_severity(
    tx: &mut Tx,
    filter: &FindingFilter,
    after: Option<FindingKey>,
    limit: u32,
) -> Result<Vec<FindingKey>> {
    let mut keys = Vec::new();
    for wanted in Severity::WORST_FIRST {
        let left = limit.saturating_sub(u32::try_from(keys.len()).unwrap_or(u32::MAX));
        if left == 0 {
            break;
        }
        let rank = severity_number(wanted);
        let passed = after.is_some_and(|after| rank > after.rank);
        if passed || !(filter.severities.is_empty() || filter.severities.contains(&wanted)) {
            continue;
        }
        let before = after.filter(|after| after.rank == rank).map(|after| after.id);
        let mut statement = Statement::new("SELECT id FROM (");
        let branches: Vec<Option<Status>> = if filter.statuses.is_empty() {
            vec![None]
        } else {
            filter.statuses.iter().copied().map(Some).collect()
        };
        for (position, status) in branches.into_iter().enumerate() {
            statement.push(if position == 0 { "SELECT id FROM (" } else { " UNION ALL SELECT id FROM (" });
            statement.push("SELECT id FROM finding WHERE severity = ").bind(rank);
            if let Some(status) = status {
                statement.push(" AND status = ").bind(status.as_str());
            }
            if let Some(before) = before {
                statement.push(" AND id < ").bind(before);
            }
            push_rest(&mut statement, filter);
            push_correlated_as_one(&mut statement, filter);
            statement.push(" ORDER BY id DESC LIMIT ").bind(left).push(") AS branch");
        }
        statement.push(") AS found ORDER BY id DESC LIMIT ").bind(left);
        for row in statement.all(tx).await? {
            keys.push(FindingKey { rank, id: row.id("id")? });
        }
    }
    Ok(keys)
}

/// The findings with these ids, in this order; those that are gone are left out.
///
/// # Errors
/// If the database refuses or a stored value cannot be read.
pub async fn by_ids(tx: &mut Tx, ids: &[FindingId]) -> Result<Vec<FindingRow>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut statement = Statement::new(COLUMNS);
    statement
        .push(" FROM finding f JOIN asset a ON a.id = f.asset_id WHERE f.id IN ")
        .bind_list(ids.iter().copied());
    let mut tickets = tickets_of(tx, ids).await?;
    let branches = crate::findings::branches(tx, ids).await?;
    let mut found = HashMap::new();
    let mut correlations: HashMap<CorrelationId, Vec<FindingId>> = HashMap::new();
    for row in statement.all(tx).await? {
        let id: FindingId = row.id("id")?;
        let tracked: Vec<String> = row.json("tracked_branches")?;
        let tracks = |branch: &str| branch.is_empty() || tracked.iter().any(|known| known == branch);
        let detection = branches.get(&id).and_then(|on| OnBranch::state(on, tracks));
        found.insert(id, summary(&row, detection, tickets.remove(&id))?);
        if let Some(correlation) = row.opt_id("correlation_id")? {
            correlations.entry(correlation).or_default().push(id);
        }
    }
    for (correlation, scanner, findings) in scanners_of(tx, correlations.keys().copied()).await? {
        for id in correlations.get(&correlation).into_iter().flatten() {
            if let Some(row) = found.get_mut(id).filter(|row| row.scanner != scanner) {
                row.correlated.push((scanner.clone(), findings));
            }
        }
    }
    Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
}

/// How many findings of each scanner these correlations have.
async fn scanners_of(
    tx: &mut Tx,
    correlations: impl Iterator<Item = CorrelationId>,
) -> Result<Vec<(CorrelationId, String, u64)>> {
    let correlations: Vec<CorrelationId> = correlations.collect();
    if correlations.is_empty() {
        return Ok(Vec::new());
    }
    let mut statement =
        Statement::new("SELECT correlation_id, scanner, COUNT(*) AS n FROM finding WHERE correlation_id IN ");
    statement.bind_list(correlations);
    statement.push(" GROUP BY correlation_id, scanner ORDER BY scanner");
    let rows = statement.all(tx).await?;
    rows.iter().map(|row| Ok((row.id("correlation_id")?, row.text("scanner")?, row.count("n")?))).collect()
}

async fn tickets_of(tx: &mut Tx, ids: &[FindingId]) -> Result<HashMap<FindingId, TicketOfFinding>> {
    let mut statement = Statement::new(
        "SELECT tf.finding_id, t.id, t.work_item_id, t.health, t.work_item FROM ticket_finding tf \
         JOIN ticket t ON t.id = tf.ticket_id WHERE t.health <> 'released' AND tf.finding_id IN ",
    );
    statement.bind_list(ids.iter().copied());
    // The last one wins below.
    statement.push(" ORDER BY CASE WHEN t.health = 'closed' THEN 0 ELSE 1 END, t.id");
    let mut tickets = HashMap::new();
    for row in statement.all(tx).await? {
        let ticket = TicketOfFinding {
            id: row.id("id")?,
            work_item_id: row.opt_int("work_item_id")?.map(WorkItemId),
            health: row.text("health")?,
            work_item: row.opt_json("work_item")?,
        };
        tickets.insert(row.id::<FindingId>("finding_id")?, ticket);
    }
    Ok(tickets)
}

fn summary(
    row: &Row,
    detection: Option<DetectionState>,
    ticket: Option<TicketOfFinding>,
) -> Result<FindingRow> {
    Ok(FindingRow {
        id: row.id("id")?,
        asset_id: row.id("asset_id")?,
        asset_name: row.text("asset_name")?,
        title: row.text("title")?,
        severity: severity(row, "severity")?,
        status: row.word("status")?,
        kind: row.word("kind")?,
        vulnerability_id: row.text("vulnerability_id")?,
        place: row.text("place")?,
        scanner: row.text("scanner")?,
        first_seen_at: row.time("first_seen_at")?,
        last_seen_at: row.time("last_seen_at")?,
        regressed: u32::try_from(row.count("regressed")?).unwrap_or(u32::MAX),
        open_since: row.time("open_since")?,
        priority: crate::findings::priority(row)?,
        triage: row.json("triage")?,
        detection,
        correlated: Vec::new(),
        ticket,
    })
}

/// One finding in full.
///
/// # Errors
/// If the database refuses or a stored value cannot be read.
pub async fn one(tx: &mut Tx, id: FindingId) -> Result<Option<FindingDetail>> {
    Ok(in_full(tx, &[id]).await?.into_iter().next())
}

/// The findings with these ids in full, in this order; those that are gone are left out.
///
/// # Errors
/// If the database refuses or a stored value cannot be read.
pub async fn in_full(tx: &mut Tx, ids: &[FindingId]) -> Result<Vec<FindingDetail>> {
    let summaries = by_ids(tx, ids).await?;
    if summaries.is_empty() {
        return Ok(Vec::new());
    }
    let mut detections = detections_of(tx, ids).await?;
    let mut statement = Statement::new(
        "SELECT f.id, f.fingerprint, f.detail, a.tracked_branches, a.owner, a.impact FROM finding f JOIN asset a ON a.id = f.asset_id \
         WHERE f.id IN ",
    );
    statement.bind_list(ids.iter().copied());
    let mut rows: HashMap<FindingId, Row> = HashMap::new();
    for row in statement.all(tx).await? {
        rows.insert(row.id("id")?, row);
    }
    let mut assessments = assessments_of(tx, ids).await?;
    let mut accepted = HashMap::new();
    let ids: BTreeSet<AcceptanceId> =
        summaries.iter().filter_map(|summary| summary.triage.acceptance).collect();
    for id in ids {
        accepted.extend(acceptances::get(tx, id).await?.map(|acceptance| (id, acceptance)));
    }
    let rules: Vec<SuppressionId> =
        summaries.iter().filter_map(|summary| summary.triage.suppressed_by).collect();
    let rules = suppressions::names(tx, &rules).await?;
    let mut found = Vec::with_capacity(summaries.len());
    for summary in summaries {
        let Some(row) = rows.remove(&summary.id) else { continue };
        found.push(FindingDetail {
            fingerprint: row.text("fingerprint")?,
            observation: row.json("detail")?,
            tracked_branches: row.json("tracked_branches")?,
            detections: detections.remove(&summary.id).unwrap_or_default(),
            asset_owner: row.text("owner")?,
            impact: row.word("impact")?,
            exploits: Vec::new(),
            assessments: assessments.remove(&summary.id).unwrap_or_default(),
            acceptance: summary.triage.acceptance.and_then(|id| accepted.get(&id).cloned()),
            suppression: summary.triage.suppressed_by.and_then(|id| rules.get(&id).cloned()),
            summary,
        });
    }
    let named = |detail: &FindingDetail| priority::cves(&detail.observation.vulnerability);
    let mut cves: Vec<String> = found.iter().flat_map(named).collect();
    cves.sort();
    cves.dedup();
    if !cves.is_empty() {
        let known = exploits::of(tx, &cves).await?;
        let asked: HashMap<String, KevEntry> = exploits::catalogue(tx, &cves).await?.into_iter().collect();
        for detail in &mut found {
            let known = named(detail).into_iter().filter_map(|cve| known.get(&cve).map(|it| (cve, *it)));
            let told = known.map(|(cve, exploit)| {
                let action = asked.get(&cve).map(|(_, action)| action.clone()).unwrap_or_default();
                (cve, exploit, action)
            });
            detail.exploits = told.collect();
        }
    }
    Ok(found)
}

async fn assessments_of(
    tx: &mut Tx,
    ids: &[FindingId],
) -> Result<HashMap<FindingId, Vec<AssessmentOfFinding>>> {
    let mut statement = Statement::new(
        "SELECT af.finding_id, a.id, a.name, a.state FROM assessment_finding af \
         JOIN assessment a ON a.id = af.assessment_id WHERE af.finding_id IN ",
    );
    statement.bind_list(ids.iter().copied()).push(" ORDER BY a.name_folded");
    let mut all: HashMap<FindingId, Vec<AssessmentOfFinding>> = HashMap::new();
    for row in statement.all(tx).await? {
        let one =
            AssessmentOfFinding { id: row.id("id")?, name: row.text("name")?, state: row.word("state")? };
        all.entry(row.id("finding_id")?).or_default().push(one);
    }
    Ok(all)
}

async fn detections_of(tx: &mut Tx, ids: &[FindingId]) -> Result<HashMap<FindingId, Vec<DetectionRow>>> {
    // A finding lives on few configurations and branches; the bound is there for the one that does not.
    let mut statement = Statement::new(
        "SELECT finding_id, scanner, name, branch, last_seen_at, last_absent_at FROM ( \
         SELECT d.finding_id, c.scanner, c.name, d.branch, d.last_seen_at, d.last_absent_at, \
         ROW_NUMBER() OVER (PARTITION BY d.finding_id ORDER BY d.last_seen_at DESC, c.scanner, c.name, d.branch) \
         AS position FROM detection d JOIN configuration c ON c.id = d.configuration_id WHERE d.finding_id IN ",
    );
    statement
        .bind_list(ids.iter().copied())
        .push(") AS ordered WHERE position <= 500 ORDER BY finding_id, position");
    let mut detections: HashMap<FindingId, Vec<DetectionRow>> = HashMap::new();
    for row in statement.all(tx).await? {
        detections.entry(row.id("finding_id")?).or_default().push(DetectionRow {
            scanner: row.text("scanner")?,
            configuration: row.text("name")?,
            branch: row.text("branch")?,
            last_seen_at: row.time("last_seen_at")?,
            last_absent_at: row.opt_time("last_absent_at")?,
        });
    }
    Ok(detections)
}
