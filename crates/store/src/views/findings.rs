//! Findings in lists and one finding in full. Worst first, then newest first.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use model::board::WorkItem;
use model::status::Triage;
use model::{AssetId, FindingId, FindingKind, Observation, Severity, Status, TicketId, WorkItemId};

use super::{Statement, contains, severity, severity_number};
use crate::{Result, Row, Tx};

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
    /// With this text in title, vulnerability or place, without regard to case. Not served by an index.
    pub text: Option<String>,
}

/// The last finding of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FindingKey {
    /// Its severity.
    pub severity: Severity,
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
    /// What was decided.
    pub triage: Triage,
    /// Its ticket: the newest live one, else the newest. One that was released is none.
    pub ticket: Option<TicketOfFinding>,
}

impl FindingRow {
    /// Where a page that ends with this row ends.
    pub fn key(&self) -> FindingKey {
        FindingKey { severity: self.severity, id: self.id }
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
     f.vulnerability_id, f.place, f.scanner, f.first_seen_at, f.last_seen_at, f.regressed, f.triage";

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
    if filter.asset.is_some() || filter.ticket.is_some() {
        keys_of_owner(tx, filter, after, limit).await
    } else {
        keys_of_all(tx, filter, after, limit).await
    }
}

/// The ids of these keys.
pub fn ids(keys: &[FindingKey]) -> Vec<FindingId> {
    keys.iter().map(|key| key.id).collect()
}

/// Keys among the findings of one asset or ticket: few enough to be sorted.
async fn keys_of_owner(
    tx: &mut Tx,
    filter: &FindingFilter,
    after: Option<FindingKey>,
    limit: u32,
) -> Result<Vec<FindingKey>> {
    let mut statement = Statement::new("SELECT f.id, f.severity FROM finding f WHERE 1 = 1");
    if let Some(asset) = filter.asset {
        statement.push(" AND f.asset_id = ").bind(asset);
    }
    if let Some(ticket) = filter.ticket {
        statement
            .push(" AND f.id IN (SELECT finding_id FROM ticket_finding WHERE ticket_id = ")
            .bind(ticket)
            .push(")");
    }
    if !filter.statuses.is_empty() {
        statement.push(" AND f.status IN ").bind_list(filter.statuses.iter().map(|status| status.as_str()));
    }
    if !filter.severities.is_empty() {
        statement
            .push(" AND f.severity IN ")
            .bind_list(filter.severities.iter().copied().map(severity_number));
    }
    if let Some(text) = &filter.text {
        statement.push(" AND f.search LIKE ").bind(contains(text)).push(" ESCAPE '\\'");
    }
    if let Some(after) = after {
        let number = severity_number(after.severity);
        statement
            .push(" AND (f.severity < ")
            .bind(number)
            .push(" OR (f.severity = ")
            .bind(number)
            .push(" AND f.id < ")
            .bind(after.id)
            .push("))");
    }
    statement.push(" ORDER BY f.severity DESC, f.id DESC LIMIT ").bind(limit);
    let rows = statement.all(tx).await?;
    rows.iter()
        .map(|row| Ok(FindingKey { severity: severity(row, "severity")?, id: row.id("id")? }))
        .collect()
}

/// Keys among all findings, walked along the indexes: one severity after the other, one branch for each status.
/// A single query with `IN` and the order of the list would read every closed finding on the way.
async fn keys_of_all(
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
        let passed = after.is_some_and(|after| wanted > after.severity);
        if passed || !(filter.severities.is_empty() || filter.severities.contains(&wanted)) {
            continue;
        }
        let before = after.filter(|after| after.severity == wanted).map(|after| after.id);
        let mut statement = Statement::new("SELECT id FROM (");
        let branches: Vec<Option<Status>> = if filter.statuses.is_empty() {
            vec![None]
        } else {
            filter.statuses.iter().copied().map(Some).collect()
        };
        for (position, status) in branches.into_iter().enumerate() {
            statement.push(if position == 0 { "SELECT id FROM (" } else { " UNION ALL SELECT id FROM (" });
            statement.push("SELECT id FROM finding WHERE severity = ").bind(severity_number(wanted));
            if let Some(status) = status {
                statement.push(" AND status = ").bind(status.as_str());
            }
            if let Some(before) = before {
                statement.push(" AND id < ").bind(before);
            }
            if let Some(text) = &filter.text {
                statement.push(" AND search LIKE ").bind(contains(text)).push(" ESCAPE '\\'");
            }
            statement.push(" ORDER BY id DESC LIMIT ").bind(left).push(") AS branch");
        }
        statement.push(") AS found ORDER BY id DESC LIMIT ").bind(left);
        for row in statement.all(tx).await? {
            keys.push(FindingKey { severity: wanted, id: row.id("id")? });
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
    let mut found = HashMap::new();
    for row in statement.all(tx).await? {
        let id: FindingId = row.id("id")?;
        found.insert(id, summary(&row, tickets.remove(&id))?);
    }
    Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
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

fn summary(row: &Row, ticket: Option<TicketOfFinding>) -> Result<FindingRow> {
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
        triage: row.json("triage")?,
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
        "SELECT f.id, f.fingerprint, f.detail, a.tracked_branches FROM finding f JOIN asset a ON a.id = f.asset_id \
         WHERE f.id IN ",
    );
    statement.bind_list(ids.iter().copied());
    let mut rows: HashMap<FindingId, Row> = HashMap::new();
    for row in statement.all(tx).await? {
        rows.insert(row.id("id")?, row);
    }
    let mut found = Vec::with_capacity(summaries.len());
    for summary in summaries {
        let Some(row) = rows.remove(&summary.id) else { continue };
        found.push(FindingDetail {
            fingerprint: row.text("fingerprint")?,
            observation: row.json("detail")?,
            tracked_branches: row.json("tracked_branches")?,
            detections: detections.remove(&summary.id).unwrap_or_default(),
            summary,
        });
    }
    Ok(found)
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
