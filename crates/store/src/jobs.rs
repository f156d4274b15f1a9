//! Jobs: long work that survives a crash. One replica works on a job at a time, by a lease that is checked when it commits.

use chrono::{DateTime, Utc};
use model::JobId;
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::db::to_json;
use crate::{Result, Tx, args};

/// A job that was claimed.
#[derive(Clone, Debug)]
pub struct Claimed {
    /// Identity.
    pub id: JobId,
    /// `import` or `reconcile`.
    pub kind: String,
    /// How often it was claimed, this time included.
    pub attempts: u32,
    /// What to do (JSON).
    payload: String,
}

impl Claimed {
    /// What to do.
    ///
    /// # Errors
    /// If the stored document does not have the shape of `T`.
    pub fn payload<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_str(&self.payload).map_err(|source| crate::Error::Document { what: "job", source })
    }
}

/// Adds a job. With `only_owner`, no other replica may claim it: what it needs lies there.
///
/// # Errors
/// If the database refuses.
pub async fn add(
    tx: &mut Tx,
    id: JobId,
    kind: &'static str,
    payload: &impl Serialize,
    only_owner: Option<Uuid>,
    now: DateTime<Utc>,
) -> Result<()> {
    tx.execute(
        "INSERT INTO job (id, kind, state, payload, only_owner, created_at)
         VALUES ($1, $2, 'queued', $3, $4, $5)",
        args![id, kind, to_json(payload), only_owner, now],
    )
    .await?;
    Ok(())
}

/// Claims the oldest job for this owner that waits, or whose worker has not been heard of since its lease ran out, and whose
/// scans are of no asset that another worker is at.
///
/// # Errors
/// If the database refuses.
pub async fn claim(
    tx: &mut Tx,
    owner: Uuid,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<Option<Claimed>> {
    let row = tx
        .first(
            "UPDATE job SET state = 'running', lease_owner = $1, lease_until = $3, attempts = attempts + 1
             WHERE id = (SELECT id FROM job own WHERE (state = 'queued' OR (state = 'running' AND lease_until < $2))
                           AND (only_owner IS NULL OR only_owner = $1)
                           AND NOT EXISTS (
                                SELECT 1 FROM job other
                                JOIN scan theirs ON theirs.job_id = other.id
                                JOIN scan ours ON ours.asset_id = theirs.asset_id
                                WHERE ours.job_id = own.id AND other.state = 'running' AND other.lease_until >= $2)
                         ORDER BY created_at LIMIT 1)
             RETURNING id, kind, attempts, payload",
            args![owner, now, until],
        )
        .await?;
    row.map(|row| {
        Ok(Claimed {
            id: row.id("id")?,
            kind: row.text("kind")?,
            attempts: u32::try_from(row.int("attempts")?).unwrap_or(u32::MAX),
            payload: row.text("payload")?,
        })
    })
    .transpose()
}

/// What a job was to do, if there is one.
///
/// # Errors
/// If the stored document does not have the shape of `T`.
pub async fn payload<T: DeserializeOwned>(tx: &mut Tx, id: JobId) -> Result<Option<T>> {
    let row = tx.first("SELECT payload FROM job WHERE id = $1", args![id]).await?;
    row.map(|row| row.json("payload")).transpose()
}

/// Gives back what this owner held when it stopped in an orderly way, or was killed and started again with its name.
///
/// # Errors
/// If the database refuses.
pub async fn release(tx: &mut Tx, owner: Uuid) -> Result<()> {
    tx.execute(
        "UPDATE job SET state = 'queued', lease_owner = NULL, lease_until = NULL
         WHERE state = 'running' AND lease_owner = $1",
        args![owner],
    )
    .await?;
    Ok(())
}

/// Reports progress and keeps the lease. Answers `false` if another replica has taken over.
///
/// # Errors
/// If the database refuses.
pub async fn progress(
    tx: &mut Tx,
    id: JobId,
    owner: Uuid,
    done: u64,
    total: Option<u64>,
    message: &str,
    until: DateTime<Utc>,
) -> Result<bool> {
    let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    let touched = tx
        .execute(
            "UPDATE job SET done = $3, total = $4, message = $5, lease_until = $6
             WHERE id = $1 AND lease_owner = $2 AND state = 'running'",
            args![id, owner, number(done), total.map(number), message, until],
        )
        .await?;
    Ok(touched == 1)
}

/// Lets a job rest until then, when it is claimed anew: what failed was here, and passes. Answers `false` if another
/// replica has taken over.
///
/// # Errors
/// If the database refuses.
pub async fn put_off(
    tx: &mut Tx,
    id: JobId,
    owner: Uuid,
    message: &str,
    until: DateTime<Utc>,
) -> Result<bool> {
    let touched = tx
        .execute(
            "UPDATE job SET message = $3, lease_until = $4 WHERE id = $1 AND lease_owner = $2 AND state = 'running'",
            args![id, owner, message, until],
        )
        .await?;
    Ok(touched == 1)
}

/// Ends a job well. Answers `false` if another replica has taken over: then nothing of this transaction may last.
///
/// # Errors
/// If the database refuses.
pub async fn succeed(
    tx: &mut Tx,
    id: JobId,
    owner: Uuid,
    result: &impl Serialize,
    now: DateTime<Utc>,
) -> Result<bool> {
    let touched = tx
        .execute(
            "UPDATE job SET state = 'succeeded', result = $3, finished_at = $4, message = 'done'
             WHERE id = $1 AND lease_owner = $2 AND state = 'running'",
            args![id, owner, to_json(result), now],
        )
        .await?;
    Ok(touched == 1)
}

/// Adds a job that is done already.
///
/// # Errors
/// If the database refuses.
pub async fn add_done(
    tx: &mut Tx,
    id: JobId,
    kind: &'static str,
    result: &impl Serialize,
    now: DateTime<Utc>,
) -> Result<()> {
    tx.execute(
        "INSERT INTO job (id, kind, state, payload, result, message, created_at, finished_at)
         VALUES ($1, $2, 'succeeded', '{}', $3, 'nothing to do', $4, $4)",
        args![id, kind, to_json(result), now],
    )
    .await?;
    Ok(())
}

/// Ends a job without effect.
///
/// # Errors
/// If the database refuses.
pub async fn fail(
    tx: &mut Tx,
    id: JobId,
    owner: Uuid,
    problem: &impl Serialize,
    now: DateTime<Utc>,
) -> Result<bool> {
    let touched = tx
        .execute(
            "UPDATE job SET state = 'failed', problem = $3, finished_at = $4
             WHERE id = $1 AND lease_owner = $2 AND state = 'running'",
            args![id, owner, to_json(problem), now],
        )
        .await?;
    Ok(touched == 1)
}
