//! Tickets in lists and one ticket. Newest first.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use model::board::WorkItem;
use model::following::Following;
use model::{ConnectionId, DestinationId, RuleId, Status, TicketId, WorkItemId};
use serde::{Deserialize, Serialize};

use super::{Statement, contains};
use crate::{Result, Row, Tx};

/// Which tickets. Empty lists and `None` do not restrict.
#[derive(Clone, Debug, Default)]
pub struct TicketFilter {
    /// One of these healths, as the API words them.
    pub healths: Vec<String>,
    /// Of this destination.
    pub destination: Option<DestinationId>,
    /// Assigned to somebody with this in their name or sign-in name; `-` for nobody.
    pub assignee: Option<String>,
    /// With this text in the title (without regard to case, not served by an index), or with this work item number.
    pub text: Option<String>,
}

/// A ticket.
#[derive(Clone, Debug)]
pub struct TicketRow {
    /// Identity.
    pub id: TicketId,
    /// Title.
    pub title: String,
    /// How it is, as the API words it.
    pub health: String,
    /// What is wrong.
    pub problem: Option<String>,
    /// What to do about it.
    pub next_step: Option<String>,
    /// What its findings say together.
    pub status: Status,
    /// Connection.
    pub connection_id: ConnectionId,
    /// Name of the connection.
    pub connection_name: String,
    /// Destination.
    pub destination_id: DestinationId,
    /// Name of the destination.
    pub destination_name: String,
    /// Its rules with their names, the leading one first.
    pub rules: Vec<(RuleId, String)>,
    /// Number of the work item.
    pub work_item_id: Option<WorkItemId>,
    /// The work item as last read.
    pub work_item: Option<WorkItem>,
    /// What is remembered to follow its work item.
    pub following: Following,
    /// Number of findings.
    pub findings: u64,
    /// Fields on which both sides differ.
    pub conflicts: Vec<StoredConflict>,
    /// Failed tries since the last success.
    pub attempts: u32,
    /// When it is tried next, if a try is due.
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// When both sides were last compared.
    pub synced_at: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// A field on which both sides differ, as stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredConflict {
    /// Field.
    pub field: String,
    /// What Lockstep would write.
    pub ours: String,
    /// What stands on the board.
    pub theirs: String,
}

const SELECT: &str = "SELECT t.id, t.title, t.health, t.problem, t.next_step, t.status, t.connection_id, \
     c.name AS connection_name, t.destination_id, d.name AS destination_name, \
     t.work_item_id, t.work_item, t.following, t.conflicts, t.attempts, t.next_attempt_at, t.parked, t.synced_at, t.created_at, \
     (SELECT COUNT(*) FROM ticket_finding tf WHERE tf.ticket_id = t.id) AS findings \
     FROM ticket t JOIN connection c ON c.id = t.connection_id JOIN destination d ON d.id = t.destination_id \
     WHERE t.id IN ";

fn ticket(row: &Row) -> Result<TicketRow> {
    let attempts = u32::try_from(row.count("attempts")?).unwrap_or(u32::MAX);
    let waits_for_a_try = attempts > 0 && !row.bool("parked")?;
    Ok(TicketRow {
        id: row.id("id")?,
        title: row.text("title")?,
        health: row.text("health")?,
        problem: row.opt_text("problem")?,
        next_step: row.opt_text("next_step")?,
        status: row.word("status")?,
        connection_id: row.id("connection_id")?,
        connection_name: row.text("connection_name")?,
        destination_id: row.id("destination_id")?,
        destination_name: row.text("destination_name")?,
        rules: Vec::new(),
        work_item_id: row.opt_int("work_item_id")?.map(WorkItemId),
        work_item: row.opt_json("work_item")?,
        following: row.json("following")?,
        findings: row.count("findings")?,
        conflicts: row.json("conflicts")?,
        attempts,
        next_attempt_at: if waits_for_a_try { Some(row.time("next_attempt_at")?) } else { None },
        synced_at: row.opt_time("synced_at")?,
        created_at: row.time("created_at")?,
    })
}

/// A page of tickets older than `before`, at most `limit`.
///
/// # Errors
/// If the database refuses or a stored value cannot be read.
pub async fn page(
    tx: &mut Tx,
    filter: &TicketFilter,
    before: Option<TicketId>,
    limit: u32,
) -> Result<Vec<TicketRow>> {
    let healths: Vec<Option<&String>> =
        if filter.healths.is_empty() { vec![None] } else { filter.healths.iter().map(Some).collect() };
    // One branch for each health, so that each walks the index (health, id) and stops at the limit.
    let mut statement = Statement::new("SELECT id FROM (");
    for (position, health) in healths.into_iter().enumerate() {
        statement.push(if position == 0 { "SELECT id FROM (" } else { " UNION ALL SELECT id FROM (" });
        statement.push("SELECT id FROM ticket WHERE 1 = 1");
        if let Some(health) = health {
            statement.push(" AND health = ").bind(health);
        }
        if let Some(destination) = filter.destination {
            statement.push(" AND destination_id = ").bind(destination);
        }
        match filter.assignee.as_deref() {
            Some("-") => {
                statement.push(" AND assignee = '' AND work_item_id IS NOT NULL");
            }
            Some(name) => {
                statement.push(" AND assignee LIKE ").bind(contains(name)).push(" ESCAPE '\\'");
            }
            None => {}
        }
        if let Some(before) = before {
            statement.push(" AND id < ").bind(before);
        }
        if let Some(text) = &filter.text {
            statement.push(" AND (lower(title) LIKE ").bind(contains(text)).push(" ESCAPE '\\'");
            if let Ok(number) = text.trim().trim_start_matches('#').parse::<i64>() {
                statement.push(" OR work_item_id = ").bind(number);
            }
            statement.push(")");
        }
        statement.push(" ORDER BY id DESC LIMIT ").bind(limit).push(") AS branch");
    }
    statement.push(") AS found ORDER BY id DESC LIMIT ").bind(limit);
    let mut ids: Vec<TicketId> = Vec::new();
    for row in statement.all(tx).await? {
        ids.push(row.id("id")?);
    }
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    read(tx, &ids).await
}

/// Tickets with the names of what belongs to them, newest first.
async fn read(tx: &mut Tx, ids: &[TicketId]) -> Result<Vec<TicketRow>> {
    let mut statement = Statement::new(SELECT);
    statement.bind_list(ids.iter().copied()).push(" ORDER BY t.id DESC");
    let mut rows = statement.all(tx).await?.iter().map(ticket).collect::<Result<Vec<_>>>()?;
    let mut rules = crate::rules::names_of_tickets(tx, ids).await?;
    for row in &mut rows {
        row.rules = rules.remove(&row.id).unwrap_or_default();
    }
    Ok(rows)
}

/// Which of these work items of a connection have a ticket.
///
/// # Errors
/// If the database refuses.
pub async fn bound(tx: &mut Tx, connection: ConnectionId, ids: &[WorkItemId]) -> Result<HashSet<WorkItemId>> {
    let mut found = HashSet::new();
    for ids in ids.chunks(500) {
        let mut statement = Statement::new("SELECT work_item_id FROM ticket WHERE connection_id = ");
        statement.bind(connection).push(" AND work_item_id IN ").bind_list(ids.iter().map(|id| id.0));
        for row in statement.all(tx).await? {
            found.insert(WorkItemId(row.int("work_item_id")?));
        }
    }
    Ok(found)
}

/// One ticket.
///
/// # Errors
/// If the database refuses or a stored value cannot be read.
pub async fn one(tx: &mut Tx, id: TicketId) -> Result<Option<TicketRow>> {
    Ok(read(tx, &[id]).await?.pop())
}
