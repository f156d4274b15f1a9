//! Ticketing rules, and their way through the findings.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use model::rule::RuleSettings;
use model::{FindingId, RuleId, TicketId};
use uuid::Uuid;

use crate::db::to_json;
use crate::{Result, Row, Tx, args};

/// A ticketing rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Identity.
    pub id: RuleId,
    /// Counts up with each change.
    pub version: u32,
    /// What a person decided.
    pub settings: RuleSettings,
    /// When it was saved, or began to be about new findings only: these are what was first seen since.
    pub since: DateTime<Utc>,
    /// When everything is asked about again because time has passed.
    pub look_again_at: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

const SELECT: &str = "SELECT id, version, settings, since, look_again_at, created_at FROM rule";

pub(crate) fn rule(row: &Row) -> Result<Rule> {
    Ok(Rule {
        id: row.id("id")?,
        version: u32::try_from(row.int("version")?).unwrap_or(1),
        settings: row.json("settings")?,
        since: row.time("since")?,
        look_again_at: row.opt_time("look_again_at")?,
        created_at: row.time("created_at")?,
    })
}

/// All rules in their order.
///
/// # Errors
/// If the database refuses.
pub async fn all(tx: &mut Tx) -> Result<Vec<Rule>> {
    tx.all(crate::Composed(format!("{SELECT} ORDER BY position, id")), args![])
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
    tx.first(crate::Composed(format!("{SELECT} WHERE id = $1")), args![id])
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
        "INSERT INTO rule (id, position, name, version, settings, since, look_again_at, created_at)
         VALUES ($1, (SELECT COALESCE(MAX(position), 0) + 1 FROM rule), $2, $3, $4, $5, $6, $7)",
        args![
            rule.id,
            &rule.settings.name,
            rule.version,
            to_json(&rule.settings),
            rule.since,
            rule.look_again_at,
            rule.created_at
        ],
    )
    .await?;
    Ok(())
}

/// Stores a changed rule. Its place among the others stays.
///
/// # Errors
/// If the database refuses.
pub async fn save(tx: &mut Tx, rule: &Rule) -> Result<()> {
    tx.execute(
        "UPDATE rule SET name = $2, version = $3, settings = $4, since = $5, look_again_at = $6 WHERE id = $1",
        args![
            rule.id,
            &rule.settings.name,
            rule.version,
            to_json(&rule.settings),
            rule.since,
            rule.look_again_at
        ],
    )
    .await?;
    Ok(())
}

/// Puts rules into this order.
///
/// # Errors
/// If the database refuses.
pub async fn reorder(tx: &mut Tx, order: &[RuleId]) -> Result<()> {
    for (position, id) in (1_i64..).zip(order) {
        tx.execute("UPDATE rule SET position = $2 WHERE id = $1", args![*id, position]).await?;
    }
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

/// Sends the rules once more through all open findings, from the first: rules, destinations or tags changed. Costs the same
/// however many findings there are.
///
/// # Errors
/// If the database refuses.
pub async fn begin_walk(tx: &mut Tx) -> Result<()> {
    tx.execute("UPDATE rule_walk SET walked_to = $1", args![Uuid::nil()]).await?;
    Ok(())
}

/// Holds the rules' way until the end of the transaction, so that no two replicas make tickets at once. Answers the finding
/// up to which they have come; `None` if they are not on their way.
///
/// # Errors
/// If the database refuses.
pub async fn hold_walk(tx: &mut Tx) -> Result<Option<Uuid>> {
    tx.execute("UPDATE rule_walk SET walked_to = walked_to", args![]).await?;
    walk(tx).await
}

/// The finding up to which the rules have come; `None` if they are not on their way.
///
/// # Errors
/// If the database refuses.
pub async fn walk(tx: &mut Tx) -> Result<Option<Uuid>> {
    tx.first("SELECT walked_to FROM rule_walk", args![])
        .await?
        .map_or(Ok(None), |row| row.opt_uuid("walked_to"))
}

/// The rules have come so far; `None`: to the end.
///
/// # Errors
/// If the database refuses.
pub async fn walked(tx: &mut Tx, to: Option<FindingId>) -> Result<()> {
    tx.execute("UPDATE rule_walk SET walked_to = $1", args![to.map(|id| id.0)]).await?;
    Ok(())
}

/// A ticket is one of a rule's. The first that is named leads.
///
/// # Errors
/// If the database refuses.
pub async fn add_ticket(tx: &mut Tx, ticket: TicketId, rule: RuleId) -> Result<()> {
    tx.execute(
        "INSERT INTO ticket_rule (ticket_id, rule_id, position)
         VALUES ($1, $2, (SELECT COUNT(*) FROM ticket_rule WHERE ticket_id = $1))
         ON CONFLICT (ticket_id, rule_id) DO NOTHING",
        args![ticket, rule],
    )
    .await?;
    Ok(())
}

/// Tickets of a rule.
///
/// # Errors
/// If the database refuses.
pub async fn tickets(tx: &mut Tx, rule: RuleId) -> Result<Vec<TicketId>> {
    tx.all("SELECT ticket_id FROM ticket_rule WHERE rule_id = $1", args![rule])
        .await?
        .iter()
        .map(|row| row.id("ticket_id"))
        .collect()
}

/// The rules of a ticket, the leading one first.
///
/// # Errors
/// If the database refuses.
pub async fn of_ticket(tx: &mut Tx, ticket: TicketId) -> Result<Vec<Rule>> {
    tx.all(
        "SELECT r.id, r.version, r.settings, r.since, r.look_again_at, r.created_at
         FROM ticket_rule tr JOIN rule r ON r.id = tr.rule_id WHERE tr.ticket_id = $1 ORDER BY tr.position, r.id",
        args![ticket],
    )
    .await?
    .iter()
    .map(rule)
    .collect()
}

/// Id and name of the rules of some tickets, the leading one first.
///
/// # Errors
/// If the database refuses.
pub async fn names_of_tickets(
    tx: &mut Tx,
    tickets: &[TicketId],
) -> Result<HashMap<TicketId, Vec<(RuleId, String)>>> {
    let mut named: HashMap<TicketId, Vec<(RuleId, String)>> = HashMap::new();
    if tickets.is_empty() {
        return Ok(named);
    }
    let mut statement = crate::views::Statement::new(
        "SELECT tr.ticket_id, r.id, r.name FROM ticket_rule tr JOIN rule r ON r.id = tr.rule_id WHERE tr.ticket_id IN ",
    );
    statement.bind_list(tickets.iter().copied()).push(" ORDER BY tr.position, r.id");
    for row in statement.all(tx).await? {
        named.entry(row.id("ticket_id")?).or_default().push((row.id("id")?, row.text("name")?));
    }
    Ok(named)
}

/// Gives all tickets of a rule a reason to be looked at: it says something else about their work items.
///
/// # Errors
/// If the database refuses.
pub async fn mark_tickets(tx: &mut Tx, rule: RuleId) -> Result<u64> {
    tx.execute(
        "UPDATE ticket SET mark = mark + 1 WHERE id IN (SELECT ticket_id FROM ticket_rule WHERE rule_id = $1)",
        args![rule],
    )
    .await
}
