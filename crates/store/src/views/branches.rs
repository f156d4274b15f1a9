//! Branches of an asset: what is seen on each, and how two of them differ.

use chrono::{DateTime, Utc};
use model::{AssetId, Status};

use super::{BySeverity, OPEN, Statement, severity};
use crate::{Result, Tx};

/// A branch of an asset.
#[derive(Clone, Debug)]
pub struct BranchRow {
    /// Name; empty for scans that named none.
    pub name: String,
    /// Start of the latest scan of it.
    pub last_scan_at: Option<DateTime<Utc>>,
    /// Open findings that are seen there.
    pub open: BySeverity,
}

/// The branches that scans of an asset named, by name.
///
/// # Errors
/// If the database refuses or a stored value cannot be read.
pub async fn of_asset(tx: &mut Tx, asset: AssetId) -> Result<Vec<BranchRow>> {
    let mut statement =
        Statement::new("SELECT branch, MAX(started_at) AS latest FROM scan WHERE asset_id = ");
    statement.bind(asset).push(" AND state IN ('committed', 'quarantined') GROUP BY branch ORDER BY branch");
    let mut branches: Vec<BranchRow> = Vec::new();
    for row in statement.all(tx).await? {
        branches.push(BranchRow {
            name: row.text("branch")?,
            last_scan_at: row.opt_time("latest")?,
            open: Vec::new(),
        });
    }
    let mut statement = Statement::new(
        "SELECT d.branch, f.severity, COUNT(DISTINCT f.id) AS n FROM finding f JOIN detection d ON d.finding_id = f.id
         WHERE (d.last_absent_at IS NULL OR d.last_absent_at <= d.last_seen_at) AND f.asset_id = ",
    );
    statement.bind(asset).push(" AND f.status IN ").bind_list(OPEN.map(Status::as_str));
    statement.push(" GROUP BY d.branch, f.severity");
    for row in statement.all(tx).await? {
        let name = row.text("branch")?;
        if let Some(branch) = branches.iter_mut().find(|branch| branch.name == name) {
            branch.open.push((severity(&row, "severity")?, row.count("n")?));
        }
    }
    Ok(branches)
}

/// How two branches differ: open findings that are seen on one of them or both.
#[derive(Clone, Debug, Default)]
pub struct Comparison {
    /// On the first only.
    pub only_base: BySeverity,
    /// On the second only.
    pub only_head: BySeverity,
    /// On both.
    pub both: BySeverity,
}

/// Compares two branches of an asset.
///
/// # Errors
/// If the database refuses or a stored value cannot be read.
pub async fn compare(tx: &mut Tx, asset: AssetId, base: &str, head: &str) -> Result<Comparison> {
    let mut statement = Statement::new(
        "SELECT severity, on_base, on_head, COUNT(*) AS n FROM (SELECT f.id, f.severity, \
         CAST(MAX(CASE WHEN d.branch = ",
    );
    statement.bind(base).push(" THEN 1 ELSE 0 END) AS BIGINT) AS on_base, CAST(MAX(CASE WHEN d.branch = ");
    statement.bind(head).push(
        " THEN 1 ELSE 0 END) AS BIGINT) AS on_head FROM finding f JOIN detection d ON d.finding_id = f.id \
         WHERE (d.last_absent_at IS NULL OR d.last_absent_at <= d.last_seen_at) AND f.asset_id = ",
    );
    statement.bind(asset).push(" AND f.status IN ").bind_list(OPEN.map(Status::as_str));
    statement.push(" AND d.branch IN ").bind_list([base, head]);
    statement.push(" GROUP BY f.id, f.severity) AS seen GROUP BY severity, on_base, on_head");
    let mut comparison = Comparison::default();
    for row in statement.all(tx).await? {
        let counted = (severity(&row, "severity")?, row.count("n")?);
        match (row.int("on_base")? > 0, row.int("on_head")? > 0) {
            (true, true) => comparison.both.push(counted),
            (true, false) => comparison.only_base.push(counted),
            (false, _) => comparison.only_head.push(counted),
        }
    }
    Ok(comparison)
}
