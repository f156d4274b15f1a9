//! Assets in lists and one asset, by name.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use model::{AssetId, Impact, Status};

use super::{BySeverity, OPEN, Statement, contains, severity};
use crate::{Result, Row, Tx};

/// An asset.
#[derive(Clone, Debug)]
pub struct AssetRow {
    /// Identity.
    pub id: AssetId,
    /// Name.
    pub name: String,
    /// Name without case: the key of the list.
    pub name_folded: String,
    /// Tags.
    pub tags: Vec<String>,
    /// Branches that decide.
    pub tracked_branches: Vec<String>,
    /// Who answers for it; empty if nobody was named.
    pub owner: String,
    /// How much the business depends on it.
    pub impact: Impact,
    /// It is laid aside.
    pub archived: bool,
    /// Since when it is known.
    pub created_at: DateTime<Utc>,
    /// Start of the latest scan.
    pub last_scan_at: Option<DateTime<Utc>>,
    /// Open findings.
    pub open: BySeverity,
}

const SELECT: &str = "SELECT id, name, name_folded, tags, tracked_branches, owner, impact, archived_at, created_at, last_scan_at FROM asset WHERE 1 = 1";

fn asset(row: &Row) -> Result<AssetRow> {
    Ok(AssetRow {
        id: row.id("id")?,
        name: row.text("name")?,
        name_folded: row.text("name_folded")?,
        tags: row.json("tags")?,
        tracked_branches: row.json("tracked_branches")?,
        owner: row.text("owner")?,
        impact: row.word("impact")?,
        archived: row.opt_int("archived_at")?.is_some(),
        created_at: row.time("created_at")?,
        last_scan_at: row.opt_time("last_scan_at")?,
        open: Vec::new(),
    })
}

async fn with_open_findings(tx: &mut Tx, mut assets: Vec<AssetRow>) -> Result<Vec<AssetRow>> {
    if assets.is_empty() {
        return Ok(assets);
    }
    let mut statement =
        Statement::new("SELECT asset_id, severity, COUNT(*) AS n FROM finding WHERE asset_id IN ");
    statement
        .bind_list(assets.iter().map(|asset| asset.id))
        .push(" AND status IN ")
        .bind_list(OPEN.map(Status::as_str))
        .push(" GROUP BY asset_id, severity");
    let mut counts: HashMap<AssetId, BySeverity> = HashMap::new();
    for row in statement.all(tx).await? {
        counts.entry(row.id("asset_id")?).or_default().push((severity(&row, "severity")?, row.count("n")?));
    }
    for asset in &mut assets {
        asset.open = counts.remove(&asset.id).unwrap_or_default();
    }
    Ok(assets)
}

/// A page of assets whose folded name comes after `after`, at most `limit`; those with `text` in the name.
///
/// # Errors
/// If the database refuses or a stored value cannot be read.
pub async fn page(tx: &mut Tx, text: Option<&str>, after: Option<&str>, limit: u32) -> Result<Vec<AssetRow>> {
    let mut statement = Statement::new(SELECT);
    if let Some(text) = text {
        statement.push(" AND name_folded LIKE ").bind(contains(text)).push(" ESCAPE '\\'");
    }
    if let Some(after) = after {
        statement.push(" AND name_folded > ").bind(after);
    }
    statement.push(" ORDER BY name_folded LIMIT ").bind(limit);
    let assets = statement.all(tx).await?.iter().map(asset).collect::<Result<Vec<_>>>()?;
    with_open_findings(tx, assets).await
}

/// One asset.
///
/// # Errors
/// If the database refuses or a stored value cannot be read.
pub async fn one(tx: &mut Tx, id: AssetId) -> Result<Option<AssetRow>> {
    let mut statement = Statement::new(SELECT);
    statement.push(" AND id = ").bind(id);
    let Some(row) = statement.first(tx).await? else { return Ok(None) };
    Ok(with_open_findings(tx, vec![asset(&row)?]).await?.pop())
}
