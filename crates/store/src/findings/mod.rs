//! Findings: what is found, and what was decided about it.

mod detections;

use chrono::{DateTime, Utc};
use model::priority::{Priority, Probability, Risk, Sla};
use model::status::{RequestKind, Triage};
use model::{AssetId, CorrelationId, FindingId, FindingKind, Observation, Severity, Status, TicketId};
use uuid::Uuid;

use crate::db::to_json;
use crate::views::Statement;
use crate::{Result, Row, Tx, args};

pub(crate) use detections::SEEN_BY_NEWEST;
pub use detections::{
    InVanishedFile, OnBranch, StoredDetection, branches, detections, detections_of, facts, forget_branch,
    in_vanished_files, on_branch, present, save_detection, unseen,
};

/// A finding as it is stored, with what scans say.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Identity.
    pub id: FindingId,
    /// Asset.
    pub asset_id: AssetId,
    /// Versioned identity across scans.
    pub fingerprint: String,
    /// Place.
    pub place_key: String,
    /// Sort of weakness.
    pub kind: FindingKind,
    /// Severity.
    pub severity: Severity,
    /// Displayed status as stored.
    pub status: Status,
    /// What was decided.
    pub triage: Triage,
    /// How often it came back.
    pub regressed: u32,
    /// Start of the first scan that saw it.
    pub first_seen_at: DateTime<Utc>,
    /// Start of the latest scan that saw it.
    pub last_seen_at: DateTime<Utc>,
    /// Since when it has been open without a break.
    pub open_since: DateTime<Utc>,
    /// Risk and due date, as far as they were reckoned. Stored by [`save_priority`] alone.
    pub priority: Priority,
    /// Scanner that saw it first.
    pub scanner: String,
    /// What it shares with findings of other scanners. Stored by [`add`] and by [`crate::correlations`] alone.
    pub correlation: Option<CorrelationId>,
    /// The latest observation.
    pub detail: Observation,
}

impl Finding {
    /// It has this status from then on. What was closed and is open again has been open since then.
    pub fn set_status(&mut self, status: Status, at: DateTime<Utc>) {
        if status.is_open() && !self.status.is_open() {
            self.open_since = at;
        }
        self.status = status;
    }
}

/// The stored number of a severity.
pub(crate) const fn severity_rank(severity: Severity) -> i64 {
    severity as i64
}

/// The severity of a stored number.
pub(crate) fn severity_of(rank: i64) -> Severity {
    match rank {
        4 => Severity::Critical,
        3 => Severity::High,
        2 => Severity::Medium,
        1 => Severity::Low,
        _ => Severity::Info,
    }
}

const SELECT: &str = "SELECT f.id, f.asset_id, f.fingerprint, f.place_key, f.kind, f.severity, f.status, f.triage, f.regressed,
        f.first_seen_at, f.last_seen_at, f.open_since, f.epss, f.known_exploited, f.risk, f.warn_at, f.due_at, f.scanner, f.correlation_id, f.detail
     FROM finding f";

fn finding(row: &Row) -> Result<Finding> {
    Ok(Finding {
        id: row.id("id")?,
        asset_id: row.id("asset_id")?,
        fingerprint: row.text("fingerprint")?,
        place_key: row.text("place_key")?,
        kind: row.word("kind")?,
        severity: severity_of(row.int("severity")?),
        status: row.word("status")?,
        triage: row.json("triage")?,
        regressed: u32::try_from(row.int("regressed")?).unwrap_or(0),
        first_seen_at: row.time("first_seen_at")?,
        last_seen_at: row.time("last_seen_at")?,
        open_since: row.time("open_since")?,
        priority: priority(row)?,
        scanner: row.text("scanner")?,
        correlation: row.opt_id("correlation_id")?,
        detail: row.json("detail")?,
    })
}

pub(crate) fn priority(row: &Row) -> Result<Priority> {
    let epss = row.opt_int("epss")?.and_then(|millionths| u32::try_from(millionths).ok());
    let sla = (row.opt_time("warn_at")?, row.opt_time("due_at")?);
    Ok(Priority {
        epss: epss.map(Probability::from_millionths),
        known_exploited: row.bool("known_exploited")?,
        risk: Risk::new(u8::try_from(row.int("risk")?).unwrap_or(u8::MAX)),
        sla: match sla {
            (Some(warn_at), Some(due_at)) => Some(Sla { warn_at, due_at }),
            _ => None,
        },
    })
}

/// Stores what follows for a finding.
///
/// # Errors
/// If the database refuses.
pub async fn save_priority(tx: &mut Tx, id: FindingId, priority: &Priority) -> Result<()> {
    tx.execute(
        "UPDATE finding SET epss = $2, known_exploited = $3, risk = $4, warn_at = $5, due_at = $6 WHERE id = $1",
        args![
            id,
            priority.epss.map(|epss| i64::from(epss.millionths())),
            priority.known_exploited,
            i64::from(priority.risk.score()),
            priority.sla.map(|sla| sla.warn_at),
            priority.sla.map(|sla| sla.due_at),
        ],
    )
    .await?;
    Ok(())
}

/// The finding.
///
/// # Errors
/// If the database refuses.
pub async fn get(tx: &mut Tx, id: FindingId) -> Result<Option<Finding>> {
    tx.first(crate::Composed(format!("{SELECT} WHERE f.id = $1")), args![id])
        .await?
        .map(|row| finding(&row))
        .transpose()
}

/// Whether a configuration has seen something at a place on a branch.
///
/// # Errors
/// If the database refuses.
pub async fn is_known_at(tx: &mut Tx, configuration: Uuid, branch: &str, place_key: &str) -> Result<bool> {
    let sql =
        "SELECT 1 AS n FROM detection WHERE configuration_id = $1 AND branch = $2 AND place_key = $3 LIMIT 1";
    Ok(tx.first(sql, args![configuration, branch, place_key]).await?.is_some())
}

/// The findings of an asset that a configuration knows, or would know, at a place on a branch: those it saw there last,
/// and those that are there for others and that it never saw.
///
/// # Errors
/// If the database refuses.
pub async fn at_place(
    tx: &mut Tx,
    asset: AssetId,
    configuration: Uuid,
    branch: &str,
    place_key: &str,
) -> Result<Vec<Finding>> {
    tx.all(
        crate::Composed(format!(
            "{SELECT} WHERE f.id IN (
                 SELECT finding_id FROM detection WHERE configuration_id = $2 AND branch = $3 AND place_key = $4
                 UNION ALL
                 SELECT id FROM finding WHERE asset_id = $1 AND place_key = $4 AND NOT EXISTS (
                     SELECT 1 FROM detection d
                     WHERE d.finding_id = finding.id AND d.configuration_id = $2 AND d.branch = $3))
             ORDER BY f.id"
        )),
        args![asset, configuration, branch, place_key],
    )
    .await?
    .iter()
    .map(finding)
    .collect()
}

/// The findings, in the order of their ids.
///
/// # Errors
/// If the database refuses.
pub async fn of_ids(tx: &mut Tx, ids: &[FindingId]) -> Result<Vec<Finding>> {
    let mut findings = Vec::with_capacity(ids.len());
    for ids in ids.chunks(500) {
        let mut statement = Statement::new(SELECT);
        statement.push(" WHERE f.id IN ");
        statement.bind_list(ids.iter().copied());
        for row in statement.all(tx).await? {
            findings.push(finding(&row)?);
        }
    }
    findings.sort_by_key(|finding| finding.id);
    Ok(findings)
}

/// The finding is at another place from now on: its file was renamed.
///
/// # Errors
/// If the database refuses.
pub async fn move_to(tx: &mut Tx, finding: &Finding, place_key: &str) -> Result<()> {
    tx.execute("UPDATE finding SET place_key = $2 WHERE id = $1", args![finding.id, place_key]).await?;
    Ok(())
}

/// The findings of a ticket, worst first.
///
/// # Errors
/// If the database refuses.
pub async fn of_ticket(tx: &mut Tx, ticket: TicketId) -> Result<Vec<Finding>> {
    tx.all(
        crate::Composed(format!(
            "{SELECT} JOIN ticket_finding tf ON tf.finding_id = f.id WHERE tf.ticket_id = $1 ORDER BY f.severity DESC, f.id"
        )),
        args![ticket],
    )
    .await?
    .iter()
    .map(finding)
    .collect()
}

/// Findings that the rules have not looked at since they changed, but for those of these assets.
///
/// # Errors
/// If the database refuses.
pub async fn undecided(tx: &mut Tx, but_of: &[AssetId], limit: i64) -> Result<Vec<Finding>> {
    let mut statement = Statement::new(SELECT);
    statement.push(" WHERE f.undecided");
    if !but_of.is_empty() {
        statement.push(" AND f.asset_id NOT IN ").bind_list(but_of.iter().copied());
    }
    statement.push(" ORDER BY f.id LIMIT ").bind(limit);
    statement.all(tx).await?.iter().map(finding).collect()
}

/// Open findings after a given one, in the order of their ids: for looking at all of them page by page. Those of some
/// assets are left out as long as the rules have not looked at them since they changed.
///
/// # Errors
/// If the database refuses.
pub async fn open_after(tx: &mut Tx, but_of: &[AssetId], after: Uuid, limit: i64) -> Result<Vec<Finding>> {
    let open = "f.status IN ('created', 'identified', 'in_progress', 'waiting', 'awaiting_validation')";
    page_after(tx, open, but_of, after, limit).await
}

/// Like [`open_after`], for all that rules decide about: what is open, and what a rule suppresses.
///
/// # Errors
/// If the database refuses.
pub async fn ruled_after(tx: &mut Tx, but_of: &[AssetId], after: Uuid, limit: i64) -> Result<Vec<Finding>> {
    let ruled = "(f.status IN ('created', 'identified', 'in_progress', 'waiting', 'awaiting_validation')
                  OR f.suppressed_by IS NOT NULL)";
    page_after(tx, ruled, but_of, after, limit).await
}

async fn page_after(
    tx: &mut Tx,
    condition: &'static str,
    but_of: &[AssetId],
    after: Uuid,
    limit: i64,
) -> Result<Vec<Finding>> {
    let mut statement = Statement::new(SELECT);
    statement.push(" WHERE f.id > ").bind(after).push(" AND ").push(condition);
    if !but_of.is_empty() {
        statement
            .push(" AND NOT (f.undecided AND f.asset_id IN ")
            .bind_list(but_of.iter().copied())
            .push(")");
    }
    statement.push(" ORDER BY f.id LIMIT ").bind(limit);
    statement.all(tx).await?.iter().map(finding).collect()
}

/// The worst open findings, newest first among equals.
///
/// # Errors
/// If the database refuses.
pub async fn worst_open(tx: &mut Tx, limit: i64) -> Result<Vec<Finding>> {
    tx.all(
        crate::Composed(format!(
            "{SELECT} WHERE f.status IN ('created', 'identified', 'in_progress', 'waiting', 'awaiting_validation')
             ORDER BY f.severity DESC, f.id DESC LIMIT $1"
        )),
        args![limit],
    )
    .await?
    .iter()
    .map(finding)
    .collect()
}

/// Findings whose temporary decision has ended.
///
/// # Errors
/// If the database refuses.
pub async fn expired(tx: &mut Tx, now: DateTime<Utc>, limit: i64) -> Result<Vec<Finding>> {
    tx.all(
        crate::Composed(format!(
            "{SELECT} WHERE f.until IS NOT NULL AND f.until <= $1 ORDER BY f.until LIMIT $2"
        )),
        args![now, limit],
    )
    .await?
    .iter()
    .map(finding)
    .collect()
}

/// Adds a finding. Answers `false`, and adds nothing, if the fingerprint is taken on this asset.
///
/// # Errors
/// If the database refuses.
pub async fn add(tx: &mut Tx, finding: &Finding, undecided: bool) -> Result<bool> {
    let place = model::content::place(&finding.detail.location, finding.detail.component.as_ref());
    let added = tx
        .execute(
            "INSERT INTO finding (id, asset_id, fingerprint, place_key, kind, severity, title, vulnerability_id, place, scanner,
                                  status, triage, until, regressed, first_seen_at, last_seen_at, detail, search, undecided, request, open_since,
                                  acceptance_id, suppressed_by, correlation_id)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24)
             ON CONFLICT (asset_id, fingerprint) DO NOTHING",
            args![
                finding.id,
                finding.asset_id,
                &finding.fingerprint,
                &finding.place_key,
                finding.kind.as_str(),
                severity_rank(finding.severity),
                &finding.detail.title,
                &finding.detail.vulnerability.id,
                &place,
                &finding.scanner,
                finding.status.as_str(),
                to_json(&finding.triage),
                finding.triage.temporary.map(|temporary| temporary.until),
                finding.regressed,
                finding.first_seen_at,
                finding.last_seen_at,
                to_json(&finding.detail),
                search(&finding.detail, &place),
                undecided,
                request(finding),
                finding.open_since,
                finding.triage.acceptance,
                finding.triage.suppressed_by,
                finding.correlation,
            ],
        )
        .await?;
    Ok(added == 1)
}

/// The decision that is asked for, as far as anybody can still take it.
fn request(finding: &Finding) -> Option<&'static str> {
    let request = finding.triage.request.as_ref().filter(|_| finding.status.is_open())?;
    Some(match request.kind {
        RequestKind::RiskAcceptance => "risk_acceptance",
        RequestKind::FalsePositive => "false_positive",
    })
}

/// Findings that wait for a decision that somebody asked for, oldest first.
///
/// # Errors
/// If the database refuses.
pub async fn requested(tx: &mut Tx, limit: i64) -> Result<Vec<Finding>> {
    tx.all(
        crate::Composed(format!("{SELECT} WHERE f.request IS NOT NULL ORDER BY f.id LIMIT $1")),
        args![limit],
    )
    .await?
    .iter()
    .map(finding)
    .collect()
}

/// Findings that could have a ticket and have none, oldest first.
///
/// # Errors
/// If the database refuses.
pub async fn without_ticket(tx: &mut Tx, limit: i64) -> Result<Vec<Finding>> {
    tx.all(
        crate::Composed(format!(
            "{SELECT} WHERE f.status IN ('identified', 'in_progress', 'waiting', 'awaiting_validation')
             AND NOT EXISTS (SELECT 1 FROM ticket_finding tf WHERE tf.finding_id = f.id)
             AND NOT EXISTS (SELECT 1 FROM asset a WHERE a.id = f.asset_id AND a.archived_at IS NOT NULL)
             ORDER BY f.id LIMIT $1"
        )),
        args![limit],
    )
    .await?
    .iter()
    .map(finding)
    .collect()
}

fn search(detail: &Observation, place: &str) -> String {
    format!("{}\n{}\n{place}", detail.title, detail.vulnerability.id).to_lowercase()
}

/// Stores what a scan, a decision or the clock changed. `undecided` asks the rules to look at it again.
///
/// # Errors
/// If the database refuses.
pub async fn save(tx: &mut Tx, finding: &Finding, undecided: bool) -> Result<()> {
    let place = model::content::place(&finding.detail.location, finding.detail.component.as_ref());
    tx.execute(
        "UPDATE finding SET severity = $2, title = $3, place = $4, status = $5, triage = $6, until = $7, regressed = $8,
                last_seen_at = $9, detail = $10, search = $11, undecided = undecided OR $12,
                request = $13, open_since = $14, acceptance_id = $15, suppressed_by = $16 WHERE id = $1",
        args![
            finding.id,
            severity_rank(finding.severity),
            &finding.detail.title,
            &place,
            finding.status.as_str(),
            to_json(&finding.triage),
            finding.triage.temporary.map(|temporary| temporary.until),
            finding.regressed,
            finding.last_seen_at,
            to_json(&finding.detail),
            search(&finding.detail, &place),
            undecided,
            request(finding),
            finding.open_since,
            finding.triage.acceptance,
            finding.triage.suppressed_by,
        ],
    )
    .await?;
    Ok(())
}

/// The rules shall look at those of these again that are open, or suppressed by a rule.
///
/// # Errors
/// If the database refuses.
pub async fn undecide(tx: &mut Tx, ids: &[FindingId]) -> Result<()> {
    for ids in ids.chunks(500) {
        let mut statement = Statement::new(UNDECIDE);
        statement.push("id IN ").bind_list(ids.iter().copied());
        statement.execute(tx).await?;
    }
    Ok(())
}

/// The same for all findings of an asset.
///
/// # Errors
/// If the database refuses.
pub async fn undecide_asset(tx: &mut Tx, asset: AssetId) -> Result<()> {
    let mut statement = Statement::new(UNDECIDE);
    statement.push("asset_id = ").bind(asset);
    statement.execute(tx).await?;
    Ok(())
}

const UNDECIDE: &str = "UPDATE finding SET undecided = TRUE
     WHERE (status IN ('created', 'identified', 'in_progress', 'waiting', 'awaiting_validation')
            OR suppressed_by IS NOT NULL) AND ";

/// The rules have looked at them.
///
/// # Errors
/// If the database refuses.
pub async fn decided(tx: &mut Tx, ids: &[FindingId]) -> Result<()> {
    for ids in ids.chunks(500) {
        let mut statement = Statement::new("UPDATE finding SET undecided = FALSE WHERE undecided AND id IN ");
        statement.bind_list(ids.iter().copied());
        statement.execute(tx).await?;
    }
    Ok(())
}

/// Findings of an asset after a given one, in the order of their ids.
///
/// # Errors
/// If the database refuses.
pub async fn of_asset_after(tx: &mut Tx, asset: AssetId, after: Uuid, limit: i64) -> Result<Vec<Finding>> {
    tx.all(
        crate::Composed(format!("{SELECT} WHERE f.asset_id = $1 AND f.id > $2 ORDER BY f.id LIMIT $3")),
        args![asset, after, limit],
    )
    .await?
    .iter()
    .map(finding)
    .collect()
}
