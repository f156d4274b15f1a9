//! Sets of templates: what work items say.

use chrono::{DateTime, Utc};
use model::TemplateSetId;
use model::content::TemplateSet;

use crate::db::to_json;
use crate::{Result, Row, Tx, args};

/// A stored set of templates.
#[derive(Clone, Debug)]
pub struct Stored {
    /// Identity.
    pub id: TemplateSetId,
    /// Counts up with each change.
    pub version: u32,
    /// The set.
    pub set: TemplateSet,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub changed_at: DateTime<Utc>,
}

const SELECT: &str = "SELECT id, version, settings, created_at, changed_at FROM template_set";

fn stored(row: &Row) -> Result<Stored> {
    Ok(Stored {
        id: row.id("id")?,
        version: version_in(row)?,
        set: row.json("settings")?,
        created_at: row.time("created_at")?,
        changed_at: row.time("changed_at")?,
    })
}

fn version_in(row: &Row) -> Result<u32> {
    Ok(u32::try_from(row.int("version")?).unwrap_or(1))
}

/// All sets by name.
///
/// # Errors
/// If the database refuses.
pub async fn all(tx: &mut Tx) -> Result<Vec<Stored>> {
    tx.all(crate::Composed(format!("{SELECT} ORDER BY name_folded")), args![])
        .await?
        .iter()
        .map(stored)
        .collect()
}

/// The set.
///
/// # Errors
/// If the database refuses.
pub async fn get(tx: &mut Tx, id: TemplateSetId) -> Result<Option<Stored>> {
    tx.first(crate::Composed(format!("{SELECT} WHERE id = $1")), args![id])
        .await?
        .map(|row| stored(&row))
        .transpose()
}

/// The version of a set, without reading it.
///
/// # Errors
/// If the database refuses.
pub async fn version(tx: &mut Tx, id: TemplateSetId) -> Result<Option<u32>> {
    tx.first("SELECT version FROM template_set WHERE id = $1", args![id])
        .await?
        .map(|row| version_in(&row))
        .transpose()
}

/// Adds a set.
///
/// # Errors
/// If the name is taken ([`crate::Error::is_duplicate`]) or the database refuses.
pub async fn add(tx: &mut Tx, set: &Stored) -> Result<()> {
    tx.execute(
        "INSERT INTO template_set (id, name_folded, version, settings, created_at, changed_at)
         VALUES ($1, $2, $3, $4, $5, $6)",
        args![
            set.id,
            set.set.name.to_lowercase(),
            set.version,
            to_json(&set.set),
            set.created_at,
            set.changed_at,
        ],
    )
    .await?;
    Ok(())
}

/// Stores a changed set.
///
/// # Errors
/// If the name is taken ([`crate::Error::is_duplicate`]) or the database refuses.
pub async fn save(tx: &mut Tx, set: &Stored) -> Result<()> {
    tx.execute(
        "UPDATE template_set SET name_folded = $2, version = $3, settings = $4, changed_at = $5 WHERE id = $1",
        args![set.id, set.set.name.to_lowercase(), set.version, to_json(&set.set), set.changed_at],
    )
    .await?;
    Ok(())
}

/// Deletes a set.
///
/// # Errors
/// If the database refuses.
pub async fn delete(tx: &mut Tx, id: TemplateSetId) -> Result<()> {
    tx.execute("DELETE FROM template_set WHERE id = $1", args![id]).await?;
    Ok(())
}
