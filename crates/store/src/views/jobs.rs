//! Jobs.

use chrono::{DateTime, Utc};
use model::{JobId, ScanId};

use super::Statement;
use crate::{Result, Row, Tx};

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

const COLUMNS: &str = "SELECT j.id, j.kind, j.state, j.done, j.total, j.message, j.problem, j.result, j.created_at, j.finished_at";

fn job(row: &Row) -> Result<JobRow> {
    Ok(JobRow {
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
    })
}

/// One job.
///
/// # Errors
/// If the database refuses.
pub async fn one(tx: &mut Tx, id: JobId) -> Result<Option<JobRow>> {
    let mut statement = Statement::new(COLUMNS);
    statement.push(" FROM job j WHERE j.id = ").bind(id);
    statement.first(tx).await?.as_ref().map(job).transpose()
}

/// The jobs that imported these scans, oldest first.
///
/// # Errors
/// If the database refuses.
pub async fn of_scans(tx: &mut Tx, scans: &[ScanId]) -> Result<Vec<JobRow>> {
    if scans.is_empty() {
        return Ok(Vec::new());
    }
    let mut statement = Statement::new(COLUMNS);
    statement
        .push(" FROM job j WHERE j.id IN (SELECT s.job_id FROM scan s WHERE s.id IN ")
        .bind_list(scans.iter().copied())
        .push(") ORDER BY j.id");
    statement.all(tx).await?.iter().map(job).collect()
}
