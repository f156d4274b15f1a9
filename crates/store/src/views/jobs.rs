//! One job.

use chrono::{DateTime, Utc};
use model::JobId;

use super::Statement;
use crate::{Result, Tx};

/// A job. Problem and result are documents whose shape depends on the kind of job.
#[derive(Clone, Debug)]
pub struct JobRow {
    /// Identity.
    pub id: JobId,
    /// What it does, as the API words it.
    pub kind: String,
    /// How far it is, as the API words it.
    pub state: String,
    /// Done so far.
    pub done: u64,
    /// All there is to do, if known.
    pub total: Option<u64>,
    /// What it is doing.
    pub message: String,
    /// Why it failed (JSON).
    pub problem: Option<String>,
    /// What it did (JSON).
    pub result: Option<String>,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
}

/// One job.
///
/// # Errors
/// If the database refuses.
pub async fn one(tx: &mut Tx, id: JobId) -> Result<Option<JobRow>> {
    let mut statement = Statement::new(
        "SELECT id, kind, state, done, total, message, problem, result, created_at, finished_at FROM job WHERE id = ",
    );
    statement.bind(id);
    let Some(row) = statement.first(tx).await? else { return Ok(None) };
    Ok(Some(JobRow {
        id: row.id("id")?,
        kind: row.text("kind")?,
        state: row.text("state")?,
        done: row.count("done")?,
        total: row.opt_int("total")?.and_then(|total| u64::try_from(total).ok()),
        message: row.text("message")?,
        problem: row.opt_text("problem")?,
        result: row.opt_text("result")?,
        created_at: row.time("created_at")?,
        finished_at: row.opt_time("finished_at")?,
    }))
}
