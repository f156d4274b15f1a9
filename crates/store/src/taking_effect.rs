//! A scan takes effect in pieces, each of which is a transaction: how far it is, and what has to wait until it is through.

use chrono::{DateTime, Utc};
use model::{AssetId, FindingId, JobId, Observation, ScanId, TicketId};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::db::to_json;
use crate::{Composed, Result, Tx, args};

/// What a piece of a scan changed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Effect {
    /// Findings it saw first.
    pub new: u64,
    /// Findings it saw again after they were fixed.
    pub regressed: u64,
    /// Findings it proved fixed.
    pub fixed: u64,
}

/// Adds to what a scan has changed so far.
///
/// # Errors
/// If the database refuses.
pub async fn add(tx: &mut Tx, id: ScanId, effect: Effect) -> Result<()> {
    let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    tx.execute(
        "UPDATE scan SET new_findings = new_findings + $2, regressed_findings = regressed_findings + $3,
                fixed_findings = fixed_findings + $4 WHERE id = $1",
        args![id, number(effect.new), number(effect.regressed), number(effect.fixed)],
    )
    .await?;
    Ok(())
}

/// How far the scans of an import have taken effect, those that began to, oldest start first.
///
/// # Errors
/// If the database refuses, or what is stored cannot be read.
pub async fn progress<T: DeserializeOwned>(tx: &mut Tx, job: JobId) -> Result<Vec<(ScanId, T)>> {
    tx.all(
        "SELECT id, progress FROM scan WHERE job_id = $1 AND progress IS NOT NULL ORDER BY started_at, run_number",
        args![job],
    )
    .await?
    .iter()
    .map(|row| Ok((row.id("id")?, row.json("progress")?)))
    .collect()
}

/// How far a scan has taken effect, if it began to.
///
/// # Errors
/// If the database refuses, or what is stored cannot be read.
pub async fn progress_of<T: DeserializeOwned>(tx: &mut Tx, id: ScanId) -> Result<Option<T>> {
    let row = tx.first("SELECT progress FROM scan WHERE id = $1 AND progress IS NOT NULL", args![id]).await?;
    row.map(|row| row.json("progress")).transpose()
}

/// Stores how far a scan has taken effect.
///
/// # Errors
/// If the database refuses.
pub async fn save_progress(tx: &mut Tx, id: ScanId, progress: &impl Serialize) -> Result<()> {
    tx.execute("UPDATE scan SET progress = $2 WHERE id = $1", args![id, to_json(progress)]).await?;
    Ok(())
}

/// Assets about which a report takes effect at this moment, or as soon as somebody goes on with it.
///
/// # Errors
/// If the database refuses.
pub async fn assets(tx: &mut Tx, now: DateTime<Utc>) -> Result<Vec<AssetId>> {
    tx.all(
        "SELECT DISTINCT s.asset_id FROM job j JOIN scan s ON s.job_id = j.id AND s.progress IS NOT NULL
         WHERE j.state = 'queued' OR (j.state = 'running' AND j.lease_until > $1)",
        args![now],
    )
    .await?
    .iter()
    .map(|row| row.id("asset_id"))
    .collect()
}

/// The next places of a scan after a given one, in order. (Those before it are gone; a database that only marks what it
/// deleted would go over all of them.)
///
/// # Errors
/// If the database refuses.
pub async fn places(tx: &mut Tx, id: ScanId, after: &str, limit: u32) -> Result<Vec<String>> {
    tx.all(
        "SELECT DISTINCT place_key FROM observation WHERE scan_id = $1 AND place_key > $2 ORDER BY place_key LIMIT $3",
        args![id, after, limit],
    )
    .await?
    .iter()
    .map(|row| row.text("place_key"))
    .collect()
}

/// Takes the observations of a scan at a place out of the stage, in the order of the report.
///
/// # Errors
/// If the database refuses.
pub async fn take(tx: &mut Tx, id: ScanId, place_key: &str) -> Result<Vec<Observation>> {
    let observations = tx
        .all(
            "SELECT body FROM observation WHERE scan_id = $1 AND place_key = $2 ORDER BY seq",
            args![id, place_key],
        )
        .await?
        .iter()
        .map(|row| row.json("body"))
        .collect();
    tx.execute("DELETE FROM observation WHERE scan_id = $1 AND place_key = $2", args![id, place_key]).await?;
    observations
}

/// Remembers that what is known about a finding is seen at this place now, because its file was renamed.
///
/// # Errors
/// If the database refuses.
pub async fn renames(tx: &mut Tx, id: ScanId, place_key: &str, finding: FindingId) -> Result<()> {
    tx.execute(
        "INSERT INTO scan_renamed (scan_id, place_key, finding_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        args![id, place_key, finding],
    )
    .await?;
    Ok(())
}

/// The findings that are at this place now, because their file was renamed.
///
/// # Errors
/// If the database refuses.
pub async fn renamed_to(tx: &mut Tx, id: ScanId, place_key: &str) -> Result<Vec<FindingId>> {
    tx.all(
        "SELECT finding_id FROM scan_renamed WHERE scan_id = $1 AND place_key = $2 ORDER BY finding_id",
        args![id, place_key],
    )
    .await?
    .iter()
    .map(|row| row.id("finding_id"))
    .collect()
}

/// The tickets of a finding will have a reason to be looked at.
///
/// # Errors
/// If the database refuses.
pub async fn concerns(tx: &mut Tx, id: ScanId, finding: FindingId) -> Result<()> {
    tx.execute(
        "INSERT INTO scan_ticket (scan_id, ticket_id)
         SELECT s.id, t.ticket_id FROM scan s, ticket_finding t WHERE s.id = $1 AND t.finding_id = $2
         ON CONFLICT DO NOTHING",
        args![id, finding],
    )
    .await?;
    Ok(())
}

/// The tickets that will have a reason to be looked at.
///
/// # Errors
/// If the database refuses.
pub async fn concerned(tx: &mut Tx, id: ScanId) -> Result<Vec<TicketId>> {
    tx.all("SELECT ticket_id FROM scan_ticket WHERE scan_id = $1 ORDER BY ticket_id", args![id])
        .await?
        .iter()
        .map(|row| row.id("ticket_id"))
        .collect()
}

/// Observations that one statement deletes: SQLite holds the row ids of a whole statement in memory.
const DELETED_AT_ONCE: usize = 10_000;

/// A scan is in effect (`committed`, `quarantined`) or never will be (`failed`): what was kept to get there goes.
///
/// # Errors
/// If the database refuses.
pub async fn finish(tx: &mut Tx, id: ScanId, state: &'static str) -> Result<()> {
    tx.execute("UPDATE scan SET state = $2 WHERE id = $1", args![id, state]).await?;
    tx.execute("DELETE FROM scan_renamed WHERE scan_id = $1", args![id]).await?;
    let staged = crate::scans::staged(tx, id).await?;
    for from in (0..staged).step_by(DELETED_AT_ONCE) {
        let bound = i64::try_from(from + DELETED_AT_ONCE as u64).unwrap_or(i64::MAX);
        tx.execute("DELETE FROM observation WHERE scan_id = $1 AND seq < $2", args![id, bound]).await?;
    }
    Ok(())
}

/// Gives the tickets that a scan changed something for their reason to be looked at.
///
/// # Errors
/// If the database refuses.
pub async fn tell_tickets(tx: &mut Tx, id: ScanId) -> Result<()> {
    tx.execute(
        Composed(format!(
            "{} WHERE id IN (SELECT ticket_id FROM scan_ticket WHERE scan_id = $1)",
            crate::tickets::MARK
        )),
        args![id],
    )
    .await?;
    tx.execute("DELETE FROM scan_ticket WHERE scan_id = $1", args![id]).await?;
    tx.execute("UPDATE scan SET progress = NULL WHERE id = $1", args![id]).await?;
    Ok(())
}
