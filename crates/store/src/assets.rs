//! Assets and the configurations of their scanners.

use chrono::{DateTime, Utc};
use model::{AssetId, Impact};
use uuid::Uuid;

use crate::db::to_json;
use crate::{Result, Row, Tx, args};

/// What is scanned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asset {
    /// Identity.
    pub id: AssetId,
    /// Name.
    pub name: String,
    /// Tags.
    pub tags: Vec<String>,
    /// Branches whose scans decide the status of findings.
    pub tracked_branches: Vec<String>,
    /// Who answers for it; empty if nobody was named.
    pub owner: String,
    /// How much the business depends on it.
    pub impact: Impact,
    /// It is laid aside: its findings make no tickets.
    pub archived: bool,
}

impl Asset {
    /// Scans of this branch decide the status of findings; those without a branch (empty) always do.
    pub fn tracks(&self, branch: &str) -> bool {
        branch.is_empty() || self.tracked_branches.iter().any(|tracked| tracked == branch)
    }
}

const SELECT: &str = "SELECT id, name, tags, tracked_branches, owner, impact, archived_at FROM asset";

fn asset(row: &Row) -> Result<Asset> {
    Ok(Asset {
        id: row.id("id")?,
        name: row.text("name")?,
        tags: row.json("tags")?,
        tracked_branches: row.json("tracked_branches")?,
        owner: row.text("owner")?,
        impact: row.word("impact")?,
        archived: row.opt_int("archived_at")?.is_some(),
    })
}

/// The asset of that name, or that one of that name was merged into; made if there is none. Names compare without case.
///
/// # Errors
/// If the database refuses.
pub async fn find_or_create(tx: &mut Tx, id: AssetId, name: &str, now: DateTime<Utc>) -> Result<Asset> {
    if let Some(known) = by_name(tx, name).await? {
        return Ok(known);
    }
    tx.execute(
        "INSERT INTO asset (id, name, name_folded, tags, tracked_branches, created_at)
         VALUES ($1, $2, $3, '[]', $4, $5) ON CONFLICT (name_folded) DO NOTHING",
        args![id, name, name.to_lowercase(), to_json(&["main", "master"]), now],
    )
    .await?;
    let row = tx
        .first(crate::Composed(format!("{SELECT} WHERE name_folded = $1")), args![name.to_lowercase()])
        .await?;
    // It was inserted above or was there before; assets are never deleted in the same transaction.
    asset(&row.expect("the asset exists"))
}

/// The asset of that name, or that one of that name was merged into. Names compare without case.
///
/// # Errors
/// If the database refuses.
pub async fn by_name(tx: &mut Tx, name: &str) -> Result<Option<Asset>> {
    tx.first(
        crate::Composed(format!(
            "{SELECT} WHERE name_folded = $1 OR id = (SELECT asset_id FROM asset_alias WHERE name_folded = $1)
             ORDER BY CASE WHEN name_folded = $1 THEN 0 ELSE 1 END LIMIT 1"
        )),
        args![name.to_lowercase()],
    )
    .await?
    .map(|row| asset(&row))
    .transpose()
}

/// The asset.
///
/// # Errors
/// If the database refuses.
pub async fn get(tx: &mut Tx, id: AssetId) -> Result<Option<Asset>> {
    tx.first(crate::Composed(format!("{SELECT} WHERE id = $1")), args![id])
        .await?
        .map(|row| asset(&row))
        .transpose()
}

/// Holds the asset until the end of the transaction: imports of one asset follow one another.
///
/// # Errors
/// If the database refuses.
pub async fn hold(tx: &mut Tx, id: AssetId) -> Result<()> {
    tx.execute("UPDATE asset SET name = name WHERE id = $1", args![id]).await?;
    Ok(())
}

/// Stores tags, tracked branches, owner and impact.
///
/// # Errors
/// If the database refuses.
pub async fn save(tx: &mut Tx, asset: &Asset) -> Result<()> {
    tx.execute(
        "UPDATE asset SET tags = $2, tracked_branches = $3, owner = $4, impact = $5 WHERE id = $1",
        args![
            asset.id,
            to_json(&asset.tags),
            to_json(&asset.tracked_branches),
            &asset.owner,
            asset.impact.as_str()
        ],
    )
    .await?;
    Ok(())
}

/// Gives the asset another name.
///
/// # Errors
/// If the database refuses; a duplicate if another asset has the name.
pub async fn rename(tx: &mut Tx, id: AssetId, name: &str) -> Result<()> {
    tx.execute(
        "UPDATE asset SET name = $2, name_folded = $3 WHERE id = $1",
        args![id, name, name.to_lowercase()],
    )
    .await?;
    Ok(())
}

/// Lays the asset aside, or takes it up again.
///
/// # Errors
/// If the database refuses.
pub async fn set_archived(tx: &mut Tx, id: AssetId, since: Option<DateTime<Utc>>) -> Result<()> {
    tx.execute("UPDATE asset SET archived_at = $2 WHERE id = $1", args![id, since]).await?;
    Ok(())
}

/// Remembers the start of the latest scan.
///
/// # Errors
/// If the database refuses.
pub async fn scanned(tx: &mut Tx, id: AssetId, at: DateTime<Utc>) -> Result<()> {
    tx.execute(
        "UPDATE asset SET last_scan_at = $2 WHERE id = $1 AND (last_scan_at IS NULL OR last_scan_at < $2)",
        args![id, at],
    )
    .await?;
    Ok(())
}

/// The configuration of a scanner on an asset, if there is one.
///
/// # Errors
/// If the database refuses.
pub async fn known_configuration(
    tx: &mut Tx,
    asset: AssetId,
    scanner: &str,
    name: &str,
) -> Result<Option<Uuid>> {
    let row = tx
        .first(
            "SELECT id FROM configuration WHERE asset_id = $1 AND scanner = $2 AND name = $3",
            args![asset, scanner, name],
        )
        .await?;
    row.map(|row| row.uuid("id")).transpose()
}

/// The configuration of a scanner on an asset; made if there is none.
///
/// # Errors
/// If the database refuses.
pub async fn configuration(tx: &mut Tx, id: Uuid, asset: AssetId, scanner: &str, name: &str) -> Result<Uuid> {
    tx.execute(
        "INSERT INTO configuration (id, asset_id, scanner, name) VALUES ($1, $2, $3, $4)
         ON CONFLICT (asset_id, scanner, name) DO NOTHING",
        args![id, asset, scanner, name],
    )
    .await?;
    let row = tx
        .first(
            "SELECT id FROM configuration WHERE asset_id = $1 AND scanner = $2 AND name = $3",
            args![asset, scanner, name],
        )
        .await?;
    // It was inserted above or was there before.
    row.expect("the configuration exists").uuid("id")
}
