//! Suppression rules.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use model::SuppressionId;
use model::suppression::SuppressionSettings;

use crate::db::to_json;
use crate::views::Statement;
use crate::{Result, Row, Tx, args};

/// A rule that says which findings are not to be looked at.
#[derive(Clone, Debug)]
pub struct SuppressionRule {
    /// Identity.
    pub id: SuppressionId,
    /// Counts up with each change.
    pub version: u32,
    /// What a person decided.
    pub settings: SuppressionSettings,
    /// When everything is asked about again because time has passed.
    pub look_again_at: Option<DateTime<Utc>>,
    /// Who made it.
    pub created_by: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

const SELECT: &str = "SELECT id, version, settings, look_again_at, created_by, created_at FROM suppression";

fn rule(row: &Row) -> Result<SuppressionRule> {
    Ok(SuppressionRule {
        id: row.id("id")?,
        version: u32::try_from(row.int("version")?).unwrap_or(1),
        settings: row.json("settings")?,
        look_again_at: row.opt_time("look_again_at")?,
        created_by: row.text("created_by")?,
        created_at: row.time("created_at")?,
    })
}

/// All suppression rules in their order.
///
/// # Errors
/// If the database refuses.
pub async fn all(tx: &mut Tx) -> Result<Vec<SuppressionRule>> {
    let rows = tx.all(crate::Composed(format!("{SELECT} ORDER BY position, id")), args![]).await?;
    rows.iter().map(rule).collect()
}

/// The rule.
///
/// # Errors
/// If the database refuses.
pub async fn get(tx: &mut Tx, id: SuppressionId) -> Result<Option<SuppressionRule>> {
    let row = tx.first(crate::Composed(format!("{SELECT} WHERE id = $1")), args![id]).await?;
    row.map(|row| rule(&row)).transpose()
}

/// Adds a rule behind the others.
///
/// # Errors
/// If the database refuses; a duplicate if there is one of that name.
pub async fn add(tx: &mut Tx, new: &SuppressionRule) -> Result<()> {
    tx.execute(
        "INSERT INTO suppression (id, position, name, name_folded, version, settings, look_again_at, created_by, created_at)
         VALUES ($1, (SELECT COALESCE(MAX(position), 0) + 1 FROM suppression), $2, $3, $4, $5, $6, $7, $8)",
        args![
            new.id,
            &new.settings.name,
            new.settings.name.to_lowercase(),
            new.version,
            to_json(&new.settings),
            new.look_again_at,
            &new.created_by,
            new.created_at,
        ],
    )
    .await?;
    Ok(())
}

/// Stores a changed rule. Its place among the others stays.
///
/// # Errors
/// If the database refuses; a duplicate if there is another one of that name.
pub async fn save(tx: &mut Tx, known: &SuppressionRule) -> Result<()> {
    tx.execute(
        "UPDATE suppression SET name = $2, name_folded = $3, version = $4, settings = $5, look_again_at = $6 WHERE id = $1",
        args![
            known.id,
            &known.settings.name,
            known.settings.name.to_lowercase(),
            known.version,
            to_json(&known.settings),
            known.look_again_at,
        ],
    )
    .await?;
    Ok(())
}

/// Puts rules into this order.
///
/// # Errors
/// If the database refuses.
pub async fn reorder(tx: &mut Tx, order: &[SuppressionId]) -> Result<()> {
    for (position, id) in (1_i64..).zip(order) {
        tx.execute("UPDATE suppression SET position = $2 WHERE id = $1", args![*id, position]).await?;
    }
    Ok(())
}

/// Deletes a rule.
///
/// # Errors
/// If the database refuses.
pub async fn delete(tx: &mut Tx, id: SuppressionId) -> Result<()> {
    tx.execute("DELETE FROM suppression WHERE id = $1", args![id]).await?;
    Ok(())
}

/// How many findings each rule suppresses now; rules that suppress none are left out.
///
/// # Errors
/// If the database refuses.
pub async fn counts(tx: &mut Tx) -> Result<HashMap<SuppressionId, u64>> {
    tx.all(
        "SELECT suppressed_by, COUNT(*) AS n FROM finding WHERE suppressed_by IS NOT NULL GROUP BY suppressed_by",
        args![],
    )
    .await?
    .iter()
    .map(|row| Ok((row.id("suppressed_by")?, row.count("n")?)))
    .collect()
}

/// Id and name of some rules; those that were deleted are left out.
///
/// # Errors
/// If the database refuses.
pub async fn names(tx: &mut Tx, ids: &[SuppressionId]) -> Result<HashMap<SuppressionId, String>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let mut statement = Statement::new("SELECT id, name FROM suppression WHERE id IN ");
    statement.bind_list(ids.iter().copied());
    statement.all(tx).await?.iter().map(|row| Ok((row.id("id")?, row.text("name")?))).collect()
}
