//! Ticketing rules.

use chrono::{DateTime, Utc};
use model::RuleId;
use model::rule::{Criteria, Grouping};
use serde::{Deserialize, Serialize};

use crate::db::to_json;
use crate::{Result, Row, Tx, args};

/// A ticketing rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Identity.
    pub id: RuleId,
    /// Name.
    pub name: String,
    /// It is in effect.
    pub enabled: bool,
    /// Counts up with each change.
    pub version: u32,
    /// Settings.
    pub settings: Settings,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// What a rule says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Which findings.
    pub criteria: Criteria,
    /// Which findings share a ticket.
    pub grouping: Grouping,
}

fn rule(row: &Row) -> Result<Rule> {
    Ok(Rule {
        id: row.id("id")?,
        name: row.text("name")?,
        enabled: row.bool("enabled")?,
        version: u32::try_from(row.int("version")?).unwrap_or(1),
        settings: row.json("settings")?,
        created_at: row.time("created_at")?,
    })
}

/// All rules in their order: the first that matches a finding makes its ticket.
///
/// # Errors
/// If the database refuses.
pub async fn all(tx: &mut Tx) -> Result<Vec<Rule>> {
    tx.all(
        "SELECT id, name, enabled, version, settings, created_at FROM rule ORDER BY position, created_at, id",
        args![],
    )
    .await?
    .iter()
    .map(rule)
    .collect()
}

/// The rule.
///
/// # Errors
/// If the database refuses.
pub async fn get(tx: &mut Tx, id: RuleId) -> Result<Option<Rule>> {
    tx.first("SELECT id, name, enabled, version, settings, created_at FROM rule WHERE id = $1", args![id])
        .await?
        .map(|row| rule(&row))
        .transpose()
}

/// Adds a rule after the others.
///
/// # Errors
/// If the database refuses.
pub async fn add(tx: &mut Tx, rule: &Rule) -> Result<()> {
    tx.execute(
        "INSERT INTO rule (id, position, name, enabled, version, settings, created_at)
         VALUES ($1, (SELECT COALESCE(MAX(position), 0) + 1 FROM rule), $2, $3, $4, $5, $6)",
        args![rule.id, &rule.name, rule.enabled, rule.version, to_json(&rule.settings), rule.created_at],
    )
    .await?;
    Ok(())
}

/// Stores a changed rule.
///
/// # Errors
/// If the database refuses.
pub async fn save(tx: &mut Tx, rule: &Rule) -> Result<()> {
    tx.execute(
        "UPDATE rule SET name = $2, enabled = $3, version = $4, settings = $5 WHERE id = $1",
        args![rule.id, &rule.name, rule.enabled, rule.version, to_json(&rule.settings)],
    )
    .await?;
    Ok(())
}

/// Deletes a rule. Its tickets stay.
///
/// # Errors
/// If the database refuses.
pub async fn delete(tx: &mut Tx, id: RuleId) -> Result<()> {
    tx.execute("DELETE FROM rule WHERE id = $1", args![id]).await?;
    Ok(())
}
