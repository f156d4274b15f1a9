//! Which findings of an asset are about the same vulnerability in the same component.
//!
//! Each key of [`model::correlation::keys`] belongs to one correlation. A finding whose keys belong to several shows that
//! they are one: they are made one, and stay it.

use std::collections::BTreeSet;

use model::{AssetId, CorrelationId, FindingId};

use crate::views::Statement;
use crate::{Result, Tx, args};

/// The correlation of what has these keys: the one that is `known`, or that findings with one of the keys have, else a
/// new one, called as the finding. None without keys.
///
/// # Errors
/// If the database refuses.
pub async fn of(
    tx: &mut Tx,
    asset: AssetId,
    finding: FindingId,
    known: Option<CorrelationId>,
    keys: &[String],
) -> Result<Option<CorrelationId>> {
    if keys.is_empty() {
        return Ok(known);
    }
    let mut statement =
        Statement::new("SELECT correlation_key, correlation_id FROM correlation_key WHERE asset_id = ");
    statement.bind(asset).push(" AND correlation_key IN ").bind_list(keys.iter().map(String::as_str));
    let mut found: BTreeSet<CorrelationId> = known.into_iter().collect();
    let mut there = BTreeSet::new();
    for row in statement.all(tx).await? {
        there.insert(row.text("correlation_key")?);
        found.insert(row.id("correlation_id")?);
    }
    let mut found = found.into_iter();
    // The oldest stays: ids are in the order of their times.
    let correlation = found.next().unwrap_or(CorrelationId(finding.0));
    for other in found {
        for table in ["correlation_key", "finding"] {
            let sql = format!("UPDATE {table} SET correlation_id = $2 WHERE correlation_id = $1");
            tx.execute(crate::Composed(sql), args![other, correlation]).await?;
        }
    }
    for key in keys.iter().filter(|key| !there.contains(*key)) {
        tx.execute(
            "INSERT INTO correlation_key (asset_id, correlation_key, correlation_id) VALUES ($1, $2, $3)",
            args![asset, key, correlation],
        )
        .await?;
    }
    Ok(Some(correlation))
}

/// The correlation that a finding has.
///
/// # Errors
/// If the database refuses.
pub async fn known(tx: &mut Tx, finding: FindingId) -> Result<Option<CorrelationId>> {
    let row = tx.first("SELECT correlation_id FROM finding WHERE id = $1", args![finding]).await?;
    row.map_or(Ok(None), |row| row.opt_id("correlation_id"))
}

/// The finding has this correlation from now on.
///
/// # Errors
/// If the database refuses.
pub async fn save(tx: &mut Tx, finding: FindingId, correlation: Option<CorrelationId>) -> Result<()> {
    tx.execute("UPDATE finding SET correlation_id = $2 WHERE id = $1", args![finding, correlation]).await?;
    Ok(())
}
