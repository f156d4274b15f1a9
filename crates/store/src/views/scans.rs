//! Scans in lists and one scan. Latest arrival first.

use chrono::{DateTime, Utc};
use model::{AssetId, Coverage, ScanId};

use super::Statement;
use crate::{Result, Row, Tx};

/// A scan.
#[derive(Clone, Debug)]
pub struct ScanRow {
    /// Identity.
    pub id: ScanId,
    /// Asset.
    pub asset_id: AssetId,
    /// Name of the asset.
    pub asset_name: String,
    /// Scanner.
    pub scanner: String,
    /// Its version.
    pub scanner_version: Option<String>,
    /// Format of the report.
    pub format: String,
    /// Configuration.
    pub configuration: String,
    /// Branch; empty if the scan names none.
    pub branch: String,
    /// Commit.
    pub commit: Option<String>,
    /// When the scanner started.
    pub started_at: DateTime<Utc>,
    /// When the report arrived.
    pub imported_at: DateTime<Utc>,
    /// How far it is, as the API words it.
    pub state: String,
    /// What it covered.
    pub coverage: Coverage,
    /// Results in the report.
    pub observations: u64,
    /// Findings it saw first.
    pub new: u64,
    /// Findings it saw again after they were fixed.
    pub regressed: u64,
    /// Findings it proved fixed.
    pub fixed: u64,
    /// Name of the file.
    pub filename: Option<String>,
}

const SELECT: &str = "SELECT s.id, s.asset_id, a.name AS asset_name, c.scanner, s.scanner_version, s.format, \
     c.name AS configuration, s.branch, s.commit_id, s.started_at, s.imported_at, s.state, s.coverage, \
     s.observations, s.new_findings, s.regressed_findings, s.fixed_findings, s.filename \
     FROM scan s JOIN asset a ON a.id = s.asset_id JOIN configuration c ON c.id = s.configuration_id WHERE 1 = 1";

fn scan(row: &Row) -> Result<ScanRow> {
    Ok(ScanRow {
        id: row.id("id")?,
        asset_id: row.id("asset_id")?,
        asset_name: row.text("asset_name")?,
        scanner: row.text("scanner")?,
        scanner_version: row.opt_text("scanner_version")?,
        format: row.text("format")?,
        configuration: row.text("configuration")?,
        branch: row.text("branch")?,
        commit: row.opt_text("commit_id")?,
        started_at: row.time("started_at")?,
        imported_at: row.time("imported_at")?,
        state: row.text("state")?,
        coverage: row.json("coverage")?,
        observations: row.count("observations")?,
        new: row.count("new_findings")?,
        regressed: row.count("regressed_findings")?,
        fixed: row.count("fixed_findings")?,
        filename: row.opt_text("filename")?,
    })
}

/// A page of scans that arrived before `before`, at most `limit`; of one asset or of all.
///
/// # Errors
/// If the database refuses or a stored value cannot be read.
pub async fn page(
    tx: &mut Tx,
    asset: Option<AssetId>,
    before: Option<ScanId>,
    limit: u32,
) -> Result<Vec<ScanRow>> {
    let mut statement = Statement::new(SELECT);
    if let Some(asset) = asset {
        statement.push(" AND s.asset_id = ").bind(asset);
    }
    if let Some(before) = before {
        statement.push(" AND s.id < ").bind(before);
    }
    statement.push(" ORDER BY s.id DESC LIMIT ").bind(limit);
    statement.all(tx).await?.iter().map(scan).collect()
}

/// One scan.
///
/// # Errors
/// If the database refuses or a stored value cannot be read.
pub async fn one(tx: &mut Tx, id: ScanId) -> Result<Option<ScanRow>> {
    let mut statement = Statement::new(SELECT);
    statement.push(" AND s.id = ").bind(id);
    statement.first(tx).await?.as_ref().map(scan).transpose()
}
