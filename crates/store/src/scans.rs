//! Scans and their staged observations.

use chrono::{DateTime, Utc};
use model::{AssessmentId, AssetId, Coverage, JobId, Observation, ScanId};
use uuid::Uuid;

use crate::db::to_json;
use crate::{Result, Row, Tx, args};

/// A scan as the import knows it.
#[derive(Clone, Debug)]
pub struct Scan {
    /// Identity.
    pub id: ScanId,
    /// The import it came with.
    pub job_id: JobId,
    /// Which run of the report, from 0.
    pub run_number: u32,
    /// Asset.
    pub asset_id: AssetId,
    /// Configuration.
    pub configuration_id: Uuid,
    /// Scanner.
    pub scanner: String,
    /// Branch; empty if none.
    pub branch: String,
    /// Commit.
    pub commit: Option<String>,
    /// Version of the scanner.
    pub scanner_version: Option<String>,
    /// Format of the report.
    pub format: String,
    /// What makes it the same scan again.
    pub identity: String,
    /// When the scanner started.
    pub started_at: DateTime<Utc>,
    /// What it covered.
    pub coverage: Coverage,
    /// Results in the report.
    pub observations: u64,
    /// Name of the file.
    pub filename: Option<String>,
    /// The assessment that it belongs to.
    pub assessment: Option<AssessmentId>,
}

const SELECT: &str =
    "SELECT s.id, s.job_id, s.run_number, s.asset_id, s.configuration_id, c.scanner, s.branch, s.commit_id,
        s.scanner_version, s.format, s.identity, s.started_at, s.coverage, s.observations, s.filename, s.assessment_id
 FROM scan s JOIN configuration c ON c.id = s.configuration_id";

fn scan(row: &Row) -> Result<Scan> {
    Ok(Scan {
        id: row.id("id")?,
        job_id: row.id("job_id")?,
        run_number: u32::try_from(row.int("run_number")?).unwrap_or(0),
        asset_id: row.id("asset_id")?,
        configuration_id: row.uuid("configuration_id")?,
        scanner: row.text("scanner")?,
        branch: row.text("branch")?,
        commit: row.opt_text("commit_id")?,
        scanner_version: row.opt_text("scanner_version")?,
        format: row.text("format")?,
        identity: row.text("identity")?,
        started_at: row.time("started_at")?,
        coverage: row.json("coverage")?,
        observations: row.count("observations")?,
        filename: row.opt_text("filename")?,
        assessment: row.opt_id("assessment_id")?,
    })
}

/// The import of the same scan, if there is one that did not fail.
///
/// # Errors
/// If the database refuses.
pub async fn same(
    tx: &mut Tx,
    configuration: Uuid,
    branch: &str,
    identity: &str,
) -> Result<Option<(ScanId, JobId)>> {
    let row = tx
        .first(
            "SELECT id, job_id FROM scan
             WHERE configuration_id = $1 AND branch = $2 AND identity = $3 AND state <> 'failed'",
            args![configuration, branch, identity],
        )
        .await?;
    row.map(|row| Ok((row.id("id")?, row.id("job_id")?))).transpose()
}

/// Adds a scan whose report is still to be read in.
///
/// # Errors
/// If the database refuses; a duplicate if the same scan is there already.
pub async fn add(tx: &mut Tx, scan: &Scan, now: DateTime<Utc>) -> Result<()> {
    tx.execute(
        "INSERT INTO scan (id, job_id, run_number, asset_id, configuration_id, branch, commit_id, scanner_version, format,
                           identity, started_at, imported_at, state, coverage, observations, filename, assessment_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 'staging', $13, $14, $15, $16)",
        args![
            scan.id,
            scan.job_id,
            scan.run_number,
            scan.asset_id,
            scan.configuration_id,
            &scan.branch,
            scan.commit.as_deref(),
            scan.scanner_version.as_deref(),
            &scan.format,
            &scan.identity,
            scan.started_at,
            now,
            to_json(&scan.coverage),
            i64::try_from(scan.observations).unwrap_or(i64::MAX),
            scan.filename.as_deref(),
            scan.assessment,
        ],
    )
    .await?;
    Ok(())
}

/// The scans of an import, oldest start first.
///
/// # Errors
/// If the database refuses.
pub async fn of_job(tx: &mut Tx, job: JobId) -> Result<Vec<Scan>> {
    tx.all(
        crate::Composed(format!(
            "{SELECT} WHERE s.job_id = $1 AND s.state = 'staging' ORDER BY s.started_at, s.run_number"
        )),
        args![job],
    )
    .await?
    .iter()
    .map(scan)
    .collect()
}

/// The scan, with the word for its state.
///
/// # Errors
/// If the database refuses.
pub async fn get(tx: &mut Tx, id: ScanId) -> Result<Option<(Scan, String)>> {
    let Some(row) = tx.first(crate::Composed(format!("{SELECT} WHERE s.id = $1")), args![id]).await? else {
        return Ok(None);
    };
    let state = tx.first("SELECT state FROM scan WHERE id = $1", args![id]).await?;
    state.map(|state| Ok((scan(&row)?, state.text("state")?))).transpose()
}

/// The scan of the same configuration on the same branch that started last before this one and is in effect.
///
/// # Errors
/// If the database refuses.
pub async fn before(tx: &mut Tx, scan: &Scan) -> Result<Option<ScanId>> {
    let row = tx
        .first(
            "SELECT id FROM scan WHERE configuration_id = $1 AND branch = $2 AND started_at < $3
               AND state IN ('committed', 'quarantined') ORDER BY started_at DESC, id DESC LIMIT 1",
            args![scan.configuration_id, &scan.branch, scan.started_at],
        )
        .await?;
    row.map(|row| row.id("id")).transpose()
}

/// Coverage and start of committed scans of a configuration on a branch that started later, latest first, at most 20.
///
/// # Errors
/// If the database refuses.
pub async fn later(
    tx: &mut Tx,
    configuration: Uuid,
    branch: &str,
    than: DateTime<Utc>,
) -> Result<Vec<(DateTime<Utc>, Coverage)>> {
    tx.all(
        "SELECT started_at, coverage FROM scan
         WHERE configuration_id = $1 AND branch = $2 AND state = 'committed' AND started_at > $3
         ORDER BY started_at DESC LIMIT 500",
        args![configuration, branch, than],
    )
    .await?
    .iter()
    .map(|row| Ok((row.time("started_at")?, row.json("coverage")?)))
    .collect()
}

/// How many observations of a scan are staged already.
///
/// # Errors
/// If the database refuses.
pub async fn staged(tx: &mut Tx, id: ScanId) -> Result<u64> {
    tx.count("SELECT COALESCE(MAX(seq) + 1, 0) AS n FROM observation WHERE scan_id = $1", args![id]).await
}

/// Stages an observation.
///
/// # Errors
/// If the database refuses.
pub async fn stage(
    tx: &mut Tx,
    id: ScanId,
    seq: u64,
    place_key: &str,
    observation: &Observation,
) -> Result<()> {
    tx.execute(
        "INSERT INTO observation (scan_id, seq, place_key, path, body) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (scan_id, seq) DO NOTHING",
        args![
            id,
            i64::try_from(seq).unwrap_or(i64::MAX),
            place_key,
            &observation.location.path,
            to_json(observation)
        ],
    )
    .await?;
    Ok(())
}

/// The next files of a scan, after a given one and in order, in which the configuration sees nothing on the branch so far.
///
/// # Errors
/// If the database refuses.
pub async fn unknown_files(
    tx: &mut Tx,
    id: ScanId,
    configuration: Uuid,
    branch: &str,
    after: &str,
    limit: i64,
) -> Result<Vec<String>> {
    tx.all(
        "SELECT DISTINCT path FROM observation WHERE scan_id = $1 AND path > $4
           AND path NOT IN (SELECT path FROM detection WHERE configuration_id = $2 AND branch = $3
                              AND (last_absent_at IS NULL OR last_absent_at <= last_seen_at))
         ORDER BY path LIMIT $5",
        args![id, configuration, branch, after, limit],
    )
    .await?
    .iter()
    .map(|row| row.text("path"))
    .collect()
}

/// The observations of a scan in a file, in the order of the report.
///
/// # Errors
/// If the database refuses.
pub async fn observations_in(tx: &mut Tx, id: ScanId, path: &str) -> Result<Vec<Observation>> {
    tx.all("SELECT body FROM observation WHERE scan_id = $1 AND path = $2 ORDER BY seq", args![id, path])
        .await?
        .iter()
        .map(|row| row.json("body"))
        .collect()
}
