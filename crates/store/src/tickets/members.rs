//! Which findings a ticket is about, and which tickets findings may join.

use std::collections::HashMap;

use model::{DestinationId, FindingId, RuleId, Status, TicketId, WorkItemId};

use crate::views::Statement;
use crate::{Result, Tx, args};

/// A ticket that findings with its key may join.
#[derive(Clone, Debug)]
pub struct Group {
    /// Ticket.
    pub ticket: TicketId,
    /// What findings of the group have in common.
    pub key: String,
    /// Number of the work item.
    pub work_item: Option<WorkItemId>,
    /// The work item was closed when both sides last agreed.
    pub is_closed: bool,
}

/// The tickets of some groups at a destination, by their keys.
///
/// # Errors
/// If the database refuses.
pub async fn of_groups(
    tx: &mut Tx,
    destination: DestinationId,
    keys: &[&str],
) -> Result<HashMap<String, Group>> {
    let mut groups = HashMap::new();
    for keys in keys.chunks(500) {
        let mut statement = Statement::new(
            "SELECT t.id, t.group_key, t.work_item_id, t.agreed_status FROM ticket t WHERE t.destination_id = ",
        );
        statement.bind(destination).push(" AND t.group_key IN ").bind_list(keys.iter().copied());
        for row in statement.all(tx).await? {
            let group = Group {
                ticket: row.id("id")?,
                key: row.text("group_key")?,
                work_item: row.opt_int("work_item_id")?.map(WorkItemId),
                is_closed: match row.opt_text("agreed_status")? {
                    None => false,
                    Some(_) => !row.word::<Status>("agreed_status")?.is_open(),
                },
            };
            groups.insert(group.key.clone(), group);
        }
    }
    Ok(groups)
}

/// A ticket that a finding has.
#[derive(Clone, Debug)]
pub struct Held {
    /// Ticket.
    pub ticket: TicketId,
    /// Its destination.
    pub destination: DestinationId,
    /// Its rules; none if people made it.
    pub rules: Vec<RuleId>,
}

/// How many open findings each of these tickets has; tickets without any, and released ones, are left out.
///
/// # Errors
/// If the database refuses.
pub async fn open_members(tx: &mut Tx, tickets: &[TicketId]) -> Result<HashMap<TicketId, u64>> {
    let mut all = HashMap::new();
    for tickets in tickets.chunks(500) {
        let mut statement = Statement::new(
            "SELECT tf.ticket_id, COUNT(*) AS n FROM ticket_finding tf JOIN finding f ON f.id = tf.finding_id
             JOIN ticket t ON t.id = tf.ticket_id
             WHERE t.health <> 'released'
               AND f.status IN ('created', 'identified', 'in_progress', 'waiting', 'awaiting_validation') AND tf.ticket_id IN ",
        );
        statement.bind_list(tickets.iter().copied()).push(" GROUP BY tf.ticket_id");
        for row in statement.all(tx).await? {
            all.insert(row.id("ticket_id")?, row.count("n")?);
        }
    }
    Ok(all)
}

/// The tickets of some findings.
///
/// # Errors
/// If the database refuses.
pub async fn of_findings(tx: &mut Tx, findings: &[FindingId]) -> Result<HashMap<FindingId, Vec<Held>>> {
    let mut all: HashMap<FindingId, Vec<Held>> = HashMap::new();
    for findings in findings.chunks(500) {
        let mut statement = Statement::new(
            "SELECT tf.finding_id, t.id, t.destination_id, tr.rule_id FROM ticket_finding tf
             JOIN ticket t ON t.id = tf.ticket_id LEFT JOIN ticket_rule tr ON tr.ticket_id = t.id
             WHERE tf.finding_id IN ",
        );
        statement.bind_list(findings.iter().copied()).push(" ORDER BY t.id, tr.position");
        for row in statement.all(tx).await? {
            let held = all.entry(row.id("finding_id")?).or_default();
            let ticket: TicketId = row.id("id")?;
            if held.last().is_none_or(|last| last.ticket != ticket) {
                held.push(Held { ticket, destination: row.id("destination_id")?, rules: Vec::new() });
            }
            if let (Some(rule), Some(last)) = (row.opt_id("rule_id")?, held.last_mut()) {
                last.rules.push(rule);
            }
        }
    }
    Ok(all)
}

/// The tickets of a finding.
///
/// # Errors
/// If the database refuses.
pub async fn of_finding(tx: &mut Tx, finding: FindingId) -> Result<Vec<TicketId>> {
    tx.all("SELECT ticket_id FROM ticket_finding WHERE finding_id = $1 ORDER BY ticket_id", args![finding])
        .await?
        .iter()
        .map(|row| row.id("ticket_id"))
        .collect()
}

/// Nothing joins a ticket any more: its group begins anew.
///
/// # Errors
/// If the database refuses.
pub async fn retire_group(tx: &mut Tx, id: TicketId) -> Result<()> {
    tx.execute("UPDATE ticket SET group_key = group_key || '~' || token WHERE id = $1", args![id]).await?;
    Ok(())
}

/// Adds a finding to a ticket.
///
/// # Errors
/// If the database refuses.
pub async fn add_finding(tx: &mut Tx, ticket: TicketId, finding: FindingId) -> Result<()> {
    tx.execute(
        "INSERT INTO ticket_finding (ticket_id, finding_id) VALUES ($1, $2) ON CONFLICT (finding_id, ticket_id) DO NOTHING",
        args![ticket, finding],
    )
    .await?;
    Ok(())
}

/// Takes a finding away from a ticket.
///
/// # Errors
/// If the database refuses.
pub async fn remove_finding(tx: &mut Tx, ticket: TicketId, finding: FindingId) -> Result<()> {
    tx.execute("DELETE FROM ticket_finding WHERE ticket_id = $1 AND finding_id = $2", args![ticket, finding])
        .await?;
    Ok(())
}
