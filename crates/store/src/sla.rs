//! How long findings may stay open, and how many are late.

use chrono::{DateTime, Utc};
use model::priority::SlaMatrix;
use model::{FindingId, Impact, Severity};
use uuid::Uuid;

use crate::db::to_json;
use crate::findings::severity_of;
use crate::{Result, Tx, args};

/// The matrix and its version, which counts up with each change; the usual one, version 0, if nobody has decided.
///
/// # Errors
/// If the database refuses.
pub async fn matrix(tx: &mut Tx) -> Result<(SlaMatrix, u32)> {
    let row = tx.first("SELECT version, matrix FROM sla WHERE id = 1", args![]).await?;
    row.map_or_else(
        || Ok((SlaMatrix::default(), 0)),
        |row| Ok((row.json("matrix")?, u32::try_from(row.int("version")?).unwrap_or(u32::MAX))),
    )
}

/// Stores the matrix as the next version.
///
/// # Errors
/// If the database refuses.
pub async fn save(tx: &mut Tx, matrix: &SlaMatrix) -> Result<()> {
    tx.execute(
        "INSERT INTO sla (id, version, matrix) VALUES (1, 1, $1)
         ON CONFLICT (id) DO UPDATE SET version = sla.version + 1, matrix = excluded.matrix",
        args![to_json(matrix)],
    )
    .await?;
    Ok(())
}

/// Open findings by how they stand to their due dates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Their due date has passed.
    pub breached: u64,
    /// Their due date is near.
    pub approaching: u64,
    /// There is time.
    pub on_track: u64,
    /// The matrix says nothing about them.
    pub not_covered: u64,
}

/// How open findings stand now.
///
/// # Errors
/// If the database refuses.
pub async fn counts(tx: &mut Tx, now: DateTime<Utc>) -> Result<Counts> {
    let row = tx
        .first(
            "SELECT COUNT(*) AS open, COUNT(due_at) AS covered,
                    COUNT(CASE WHEN due_at <= $1 THEN 1 END) AS breached,
                    COUNT(CASE WHEN due_at > $1 AND warn_at <= $1 THEN 1 END) AS approaching
             FROM finding WHERE status IN ('created', 'identified', 'in_progress', 'waiting', 'awaiting_validation')",
            args![now],
        )
        .await?;
    let Some(row) = row else { return Ok(Counts::default()) };
    let (open, covered) = (row.count("open")?, row.count("covered")?);
    let (breached, approaching) = (row.count("breached")?, row.count("approaching")?);
    Ok(Counts {
        breached,
        approaching,
        on_track: covered - breached - approaching,
        not_covered: open - covered,
    })
}

/// Open findings, as far as a matrix asks about them.
#[derive(Clone, Copy, Debug)]
pub struct Open {
    /// Finding.
    pub id: FindingId,
    /// Severity.
    pub severity: Severity,
    /// Business impact of its asset.
    pub impact: Impact,
    /// It is known to be exploited.
    pub known_exploited: bool,
    /// Since when it has been open without a break.
    pub open_since: DateTime<Utc>,
}

/// Open findings after one, in the order of their ids.
///
/// # Errors
/// If the database refuses.
pub async fn open_after(tx: &mut Tx, after: Uuid, limit: i64) -> Result<Vec<Open>> {
    tx.all(
        "SELECT f.id, f.severity, f.known_exploited, f.open_since, a.impact FROM finding f JOIN asset a ON a.id = f.asset_id
         WHERE f.id > $1 AND f.status IN ('created', 'identified', 'in_progress', 'waiting', 'awaiting_validation')
         ORDER BY f.id LIMIT $2",
        args![after, limit],
    )
    .await?
    .iter()
    .map(|row| {
        Ok(Open {
            id: row.id("id")?,
            severity: severity_of(row.int("severity")?),
            impact: row.word("impact")?,
            known_exploited: row.bool("known_exploited")?,
            open_since: row.time("open_since")?,
        })
    })
    .collect()
}

/// How many open findings are past their due date, and since when the first of them is.
///
/// # Errors
/// If the database refuses.
pub async fn breached(tx: &mut Tx, now: DateTime<Utc>) -> Result<Option<(u64, DateTime<Utc>)>> {
    let row = tx
        .first(
            "SELECT COUNT(*) AS n, MIN(due_at) AS first FROM finding
             WHERE due_at <= $1 AND due_at IS NOT NULL
               AND status IN ('created', 'identified', 'in_progress', 'waiting', 'awaiting_validation')",
            args![now],
        )
        .await?;
    let Some(row) = row else { return Ok(None) };
    row.opt_time("first")?.map(|first| Ok((row.count("n")?, first))).transpose()
}
