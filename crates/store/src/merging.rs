//! Everything of one asset becomes another one's.

use model::{AssetId, FindingId};
use uuid::Uuid;

use crate::destinations;
use crate::findings::Finding;
use crate::{Result, Tx, args};

/// A report about the asset is being taken in.
///
/// # Errors
/// If the database refuses.
pub async fn is_imported(tx: &mut Tx, asset: AssetId) -> Result<bool> {
    let row = tx
        .first("SELECT id FROM scan WHERE asset_id = $1 AND state = 'staging' LIMIT 1", args![asset])
        .await?;
    Ok(row.is_some())
}

/// The destinations that are bound to the asset, or to a branch of it, are bound to the other one. Answers `false`, and
/// does nothing, if another destination is bound to the same already.
///
/// # Errors
/// If the database refuses.
pub async fn move_destinations(tx: &mut Tx, asset: AssetId, into: AssetId) -> Result<bool> {
    let mut moved = destinations::all(tx).await?;
    moved.retain(|destination| destination.binding.asset() == Some(&asset));
    for destination in &mut moved {
        destination.binding = destination.binding.telling(|_| into);
        let (binding, connection) = (&destination.binding, destination.connection_id);
        if destinations::bound_to(tx, binding, connection).await?.is_some() {
            return Ok(false);
        }
    }
    for destination in &moved {
        destinations::save(tx, destination).await?;
    }
    Ok(true)
}

/// Configurations of the asset: identity, scanner, name.
///
/// # Errors
/// If the database refuses.
pub async fn configurations(tx: &mut Tx, asset: AssetId) -> Result<Vec<(Uuid, String, String)>> {
    tx.all("SELECT id, scanner, name FROM configuration WHERE asset_id = $1 ORDER BY id", args![asset])
        .await?
        .iter()
        .map(|row| Ok((row.uuid("id")?, row.text("scanner")?, row.text("name")?)))
        .collect()
}

/// The scans of a configuration become those of another one. Of a scan that both had, both are kept in the history.
///
/// # Errors
/// If the database refuses.
pub async fn move_configuration(tx: &mut Tx, old: Uuid, new: Uuid, into: AssetId) -> Result<()> {
    tx.execute(
        "UPDATE scan SET identity = identity || ' (merged)'
         WHERE configuration_id = $1 AND state <> 'failed'
           AND EXISTS (SELECT 1 FROM scan other WHERE other.configuration_id = $2 AND other.branch = scan.branch
                         AND other.identity = scan.identity AND other.state <> 'failed')",
        args![old, new],
    )
    .await?;
    tx.execute(
        "UPDATE scan SET configuration_id = $2, asset_id = $3 WHERE configuration_id = $1",
        args![old, new, into],
    )
    .await?;
    Ok(())
}

/// The finding of an asset with this fingerprint.
///
/// # Errors
/// If the database refuses.
pub async fn counterpart(tx: &mut Tx, asset: AssetId, fingerprint: &str) -> Result<Option<Finding>> {
    let row = tx
        .first("SELECT id FROM finding WHERE asset_id = $1 AND fingerprint = $2", args![asset, fingerprint])
        .await?;
    match row {
        Some(row) => crate::findings::get(tx, row.id("id")?).await,
        None => Ok(None),
    }
}

/// A finding becomes one of another asset, with what scans said about it; `configurations` are those of old and new.
///
/// # Errors
/// If the database refuses.
pub async fn move_finding(
    tx: &mut Tx,
    finding: FindingId,
    into: AssetId,
    configurations: &[(Uuid, Uuid)],
) -> Result<()> {
    tx.execute("UPDATE finding SET asset_id = $2, correlation_id = NULL WHERE id = $1", args![finding, into])
        .await?;
    for (old, new) in configurations {
        for table in ["detection", "presence"] {
            tx.execute(
                crate::Composed(format!(
                    "UPDATE {table} SET configuration_id = $3 WHERE finding_id = $1 AND configuration_id = $2"
                )),
                args![finding, *old, *new],
            )
            .await?;
        }
    }
    Ok(())
}

/// The tickets of a finding become those of another one, if that has none.
///
/// # Errors
/// If the database refuses.
pub async fn hand_over_tickets(tx: &mut Tx, from: FindingId, to: FindingId) -> Result<()> {
    tx.execute(
        "UPDATE ticket_finding SET finding_id = $2
         WHERE finding_id = $1 AND NOT EXISTS (SELECT 1 FROM ticket_finding own WHERE own.finding_id = $2)",
        args![from, to],
    )
    .await?;
    Ok(())
}

/// A finding that another one stands for now goes over as history: no scan recognises it any more.
///
/// # Errors
/// If the database refuses.
pub async fn set_aside(tx: &mut Tx, finding: FindingId, into: AssetId) -> Result<()> {
    tx.execute("DELETE FROM detection WHERE finding_id = $1", args![finding]).await?;
    tx.execute("DELETE FROM presence WHERE finding_id = $1", args![finding]).await?;
    let name = format!("merged:{finding}");
    tx.execute(
        "UPDATE finding SET asset_id = $2, fingerprint = $3, place_key = $3, correlation_id = NULL WHERE id = $1",
        args![finding, into, name],
    )
    .await?;
    Ok(())
}

/// The asset is gone; reports that name it are about another one, also those that named one that was merged into it.
///
/// # Errors
/// If the database refuses.
pub async fn forget(tx: &mut Tx, asset: AssetId, name: &str, into: AssetId) -> Result<()> {
    tx.execute("UPDATE asset_alias SET asset_id = $2 WHERE asset_id = $1", args![asset, into]).await?;
    tx.execute("DELETE FROM asset WHERE id = $1", args![asset]).await?;
    tx.execute(
        "INSERT INTO asset_alias (name_folded, asset_id) VALUES ($1, $2)",
        args![name.to_lowercase(), into],
    )
    .await?;
    Ok(())
}
