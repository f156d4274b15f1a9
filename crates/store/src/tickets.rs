//! Tickets: our record of work items, what was agreed on, and writes whose outcome is not known yet.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use model::board::{Draft, WorkItem};
use model::following::Following;
use model::merge::comments::Deed;
use model::merge::{Base, Conflict, Desired, UpdateIntent};
use model::{
    AssetId, AttachmentId, CommentId, ConnectionId, DestinationId, FindingId, RuleId, Status, TicketId,
    WorkItemId,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::db::to_json;
use crate::views::Statement;
use crate::{Result, Row, Tx, args};

/// How the group of a ticket begins that a person made: no rule has a group like it.
pub const BY_HAND: &str = "by-hand/";

/// A write that was announced before it was sent. It stays until its outcome is known for certain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "write", rename_all = "snake_case")]
pub enum Intent {
    /// Creation of the work item.
    Create {
        /// When it was announced.
        announced_at: DateTime<Utc>,
        /// It is never sent at or after this.
        deadline: DateTime<Utc>,
        /// What is created.
        draft: Box<Draft>,
        /// What it makes come true.
        wanted: Box<Desired>,
    },
    /// Change of the work item.
    Update {
        /// It is never sent at or after this.
        deadline: DateTime<Utc>,
        /// The change.
        update: Box<UpdateIntent>,
    },
    /// A comment that people wrote here is carried to the work item.
    Comment {
        /// It is never sent at or after this.
        deadline: DateTime<Utc>,
        /// Which one.
        comment: CommentId,
        /// What is done with it.
        deed: Deed,
        /// The revision of its text that is sent.
        revision: i64,
        /// What is sent.
        html: String,
    },
    /// A file that people attached here is attached to the work item, or taken away from it.
    Attachment {
        /// It is never sent at or after this.
        deadline: DateTime<Utc>,
        /// Which one.
        attachment: AttachmentId,
    },
    /// Taking the work item out of the recycle bin.
    Restore {
        /// It is never sent at or after this.
        deadline: DateTime<Utc>,
    },
    /// Moving the work item into the recycle bin: its creation is undone.
    Delete {
        /// It is never sent at or after this.
        deadline: DateTime<Utc>,
    },
}

impl Intent {
    /// The write is never sent at or after this.
    pub fn deadline(&self) -> DateTime<Utc> {
        match self {
            Self::Create { deadline, .. }
            | Self::Update { deadline, .. }
            | Self::Restore { deadline }
            | Self::Delete { deadline }
            | Self::Attachment { deadline, .. }
            | Self::Comment { deadline, .. } => *deadline,
        }
    }
}

/// How a ticket is, as stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// Both sides agree.
    InStep,
    /// A change waits to be carried over.
    Waiting,
    /// The work item is not created yet.
    Pending,
    /// The destination's budget for today is used up.
    OverBudget,
    /// A person decided otherwise on a field.
    Conflict,
    /// The last try failed; it will be tried again.
    Retrying,
    /// Only a person can mend it.
    Parked,
    /// More would happen at once, or more often, than usual: a person should look first.
    Held,
    /// The work item can no longer be read, and the board does not say why.
    Missing,
    /// The work item lies in the recycle bin.
    Deleted,
    /// The work item was deleted for good.
    Destroyed,
    /// The work item is in another project.
    Moved,
    /// The work item has another type.
    TypeChanged,
    /// People closed the work item as a duplicate of another one.
    Merged,
    /// Other work items carry its key.
    Copied,
    /// It has ended: nothing is written for it any more.
    Released,
    /// All its findings are closed, and so is the work item.
    Closed,
}

impl Health {
    /// The word in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InStep => "in_step",
            Self::Waiting => "waiting",
            Self::Pending => "pending",
            Self::OverBudget => "over_budget",
            Self::Conflict => "conflict",
            Self::Retrying => "retrying",
            Self::Parked => "parked",
            Self::Held => "held",
            Self::Missing => "missing",
            Self::Deleted => "deleted",
            Self::Destroyed => "destroyed",
            Self::Moved => "moved",
            Self::TypeChanged => "type_changed",
            Self::Merged => "merged",
            Self::Copied => "copied",
            Self::Released => "released",
            Self::Closed => "closed",
        }
    }
}

impl std::str::FromStr for Health {
    type Err = ();

    fn from_str(s: &str) -> std::result::Result<Self, ()> {
        [
            Self::InStep,
            Self::Waiting,
            Self::Pending,
            Self::OverBudget,
            Self::Conflict,
            Self::Retrying,
            Self::Parked,
            Self::Held,
            Self::Missing,
            Self::Deleted,
            Self::Destroyed,
            Self::Moved,
            Self::TypeChanged,
            Self::Merged,
            Self::Copied,
            Self::Released,
            Self::Closed,
        ]
        .into_iter()
        .find(|health| health.as_str() == s)
        .ok_or(())
    }
}

/// Our record of a work item.
#[derive(Clone, Debug)]
pub struct Ticket {
    /// Identity.
    pub id: TicketId,
    /// Connection.
    pub connection_id: ConnectionId,
    /// Destination.
    pub destination_id: DestinationId,
    /// Findings with the same key share it.
    pub group_key: String,
    /// Stands inside the work item and nowhere else.
    pub token: String,
    /// Title.
    pub title: String,
    /// What its findings say together.
    pub status: Status,
    /// How it is.
    pub health: Health,
    /// Number of the work item. Once stored, it is the identity.
    pub work_item_id: Option<WorkItemId>,
    /// The work item as last read.
    pub work_item: Option<WorkItem>,
    /// What both sides last agreed on.
    pub base: Option<Base>,
    /// A write whose outcome is not known yet.
    pub intent: Option<Intent>,
    /// The ticket of the same group that it comes after.
    pub comes_after: Option<TicketId>,
    /// What is remembered to follow its work item wherever it goes.
    pub following: Following,
    /// Fields on which both sides differ.
    pub conflicts: Vec<Conflict>,
    /// Counts up with each reason to look again.
    pub mark: i64,
    /// The mark that was looked at last.
    pub synced_mark: i64,
    /// Failed tries since the last success.
    pub attempts: u32,
    /// Not tried before.
    pub next_attempt_at: DateTime<Utc>,
    /// Waits for a person.
    pub parked: bool,
    /// When we moved the card within the last day, oldest first.
    pub moves: Vec<DateTime<Utc>>,
    /// What is wrong.
    pub problem: Option<String>,
    /// What to do about it.
    pub next_step: Option<String>,
    /// When both sides were last compared.
    pub synced_at: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

impl Ticket {
    /// Nothing is written to its work item any more, though it may be about to get another one.
    pub fn has_ended(&self) -> bool {
        let order = self.following.order.as_ref();
        self.health == Health::Released || order.is_some_and(|order| order.was_released)
    }

    /// Its work item was not found when it was looked for last.
    pub fn is_missing(&self) -> bool {
        matches!(self.health, Health::Missing | Health::Deleted | Health::Destroyed)
            || self.following.was_recycled
    }

    /// It does not wait for a person any more.
    pub fn unpark(&mut self) {
        self.parked = false;
        self.following.undone_by = None;
    }
}

const SELECT: &str = "SELECT t.id, t.connection_id, t.destination_id, t.group_key, t.comes_after, t.token, t.title, t.status, t.health,
        t.work_item_id, t.work_item, t.base, t.intent, t.following, t.conflicts, t.mark, t.synced_mark, t.attempts,
        t.next_attempt_at, t.parked, t.moves, t.problem, t.next_step, t.synced_at, t.created_at FROM ticket t";

fn ticket(row: &Row) -> Result<Ticket> {
    Ok(Ticket {
        id: row.id("id")?,
        connection_id: row.id("connection_id")?,
        destination_id: row.id("destination_id")?,
        group_key: row.text("group_key")?,
        comes_after: row.opt_id("comes_after")?,
        token: row.text("token")?,
        title: row.text("title")?,
        status: row.word("status")?,
        health: row.word("health")?,
        work_item_id: row.opt_int("work_item_id")?.map(WorkItemId),
        work_item: row.opt_json("work_item")?,
        base: row.opt_json("base")?,
        intent: row.opt_json("intent")?,
        following: row.json("following")?,
        conflicts: row.json("conflicts")?,
        mark: row.int("mark")?,
        synced_mark: row.int("synced_mark")?,
        attempts: u32::try_from(row.int("attempts")?).unwrap_or(0),
        next_attempt_at: row.time("next_attempt_at")?,
        parked: row.bool("parked")?,
        moves: row.json("moves")?,
        problem: row.opt_text("problem")?,
        next_step: row.opt_text("next_step")?,
        synced_at: row.opt_time("synced_at")?,
        created_at: row.time("created_at")?,
    })
}

/// The ticket.
///
/// # Errors
/// If the database refuses.
pub async fn get(tx: &mut Tx, id: TicketId) -> Result<Option<Ticket>> {
    tx.first(crate::Composed(format!("{SELECT} WHERE t.id = $1")), args![id])
        .await?
        .map(|row| ticket(&row))
        .transpose()
}

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

/// The ticket of a work item.
///
/// # Errors
/// If the database refuses.
pub async fn of_work_item(
    tx: &mut Tx,
    connection: ConnectionId,
    work_item: WorkItemId,
) -> Result<Option<TicketId>> {
    tx.first(
        "SELECT id FROM ticket WHERE connection_id = $1 AND work_item_id = $2",
        args![connection, work_item],
    )
    .await?
    .map(|row| row.id("id"))
    .transpose()
}

/// Tickets as they were read; those whose record is damaged stand apart, so that they keep no other from its turn.
#[derive(Debug, Default)]
pub struct Read {
    /// Tickets.
    pub tickets: Vec<Ticket>,
    /// Tickets that cannot be read, and why.
    pub damaged: Vec<(TicketId, String)>,
}

impl Read {
    /// The largest id among all of them, for reading on behind it.
    pub fn last(&self) -> Option<TicketId> {
        let whole = self.tickets.iter().map(|ticket| ticket.id);
        whole.chain(self.damaged.iter().map(|(id, _)| *id)).max()
    }
}

fn readable(rows: &[Row]) -> Result<Read> {
    let mut read = Read::default();
    for row in rows {
        match ticket(row) {
            Ok(ticket) => read.tickets.push(ticket),
            Err(error @ (crate::Error::Document { .. } | crate::Error::Word { .. })) => {
                read.damaged.push((row.id("id")?, error.to_string()));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(read)
}

/// A ticket whose record is damaged waits for a person.
///
/// # Errors
/// If the database refuses.
pub async fn park_damaged(tx: &mut Tx, id: TicketId, why: &str) -> Result<()> {
    tx.execute(
        "UPDATE ticket SET parked = TRUE, health = 'parked', problem = $2, next_step = $3 WHERE id = $1",
        args![
            id,
            format!("The ticket cannot be read: {why}."),
            "Restore the database from a backup, or delete the ticket."
        ],
    )
    .await?;
    Ok(())
}

/// The ticket whose key this is, or was: keys of work items that it had before lead to it, too. The flag tells whether it
/// is the key of now.
///
/// # Errors
/// If the database refuses.
pub async fn of_token(
    tx: &mut Tx,
    connection: ConnectionId,
    token: &str,
) -> Result<Option<(TicketId, bool)>> {
    let now = tx
        .first("SELECT id FROM ticket WHERE token = $1 AND connection_id = $2", args![token, connection])
        .await?;
    if let Some(row) = now {
        return Ok(Some((row.id("id")?, true)));
    }
    tx.first(
        "SELECT f.ticket_id FROM ticket_former f JOIN ticket t ON t.id = f.ticket_id
         WHERE f.token = $1 AND t.connection_id = $2",
        args![token, connection],
    )
    .await?
    .map(|row| Ok((row.id("ticket_id")?, false)))
    .transpose()
}

/// Remembers the work item that a ticket has and is about to give up, with the key that stands in it.
///
/// # Errors
/// If the database refuses.
pub async fn remember_former(
    tx: &mut Tx,
    ticket: TicketId,
    work_item: WorkItemId,
    token: &str,
) -> Result<()> {
    tx.execute(
        "INSERT INTO ticket_former (ticket_id, work_item_id, token) VALUES ($1, $2, $3)
         ON CONFLICT (ticket_id, work_item_id) DO NOTHING",
        args![ticket, work_item, token],
    )
    .await?;
    Ok(())
}

/// Numbers of the work items that a ticket had before.
///
/// # Errors
/// If the database refuses.
pub async fn formers(tx: &mut Tx, ticket: TicketId) -> Result<Vec<WorkItemId>> {
    tx.all("SELECT work_item_id FROM ticket_former WHERE ticket_id = $1 ORDER BY work_item_id", args![ticket])
        .await?
        .iter()
        .map(|row| row.int("work_item_id").map(WorkItemId))
        .collect()
}

/// Tickets of a connection for which other live work items with their key are known.
///
/// # Errors
/// If the database refuses.
pub async fn with_copies(tx: &mut Tx, connection: ConnectionId, limit: i64) -> Result<Vec<Ticket>> {
    let rows = tx
        .all(
            crate::Composed(format!(
                "{SELECT} WHERE t.connection_id = $1 AND t.has_copies ORDER BY t.id LIMIT $2"
            )),
            args![connection, limit],
        )
        .await?;
    Ok(readable(&rows)?.tickets)
}

/// Tickets of a connection that have a reason to be looked at and may be tried now.
///
/// # Errors
/// If the database refuses.
pub async fn due(tx: &mut Tx, connection: ConnectionId, now: DateTime<Utc>, limit: i64) -> Result<Read> {
    let rows = tx.all(
        crate::Composed(format!(
            "{SELECT} WHERE t.connection_id = $1 AND t.mark <> t.synced_mark AND NOT t.parked AND t.next_attempt_at <= $2
               AND t.health <> 'released'
             ORDER BY t.next_attempt_at, t.id LIMIT $3"
        )),
        args![connection, now, limit],
    )
    .await?;
    readable(&rows)
}

/// These tickets, in the order of their ids.
///
/// # Errors
/// If the database refuses.
pub async fn of_ids(tx: &mut Tx, ids: &[TicketId]) -> Result<Read> {
    let mut read = Read::default();
    for ids in ids.chunks(500) {
        let mut statement = Statement::new(SELECT);
        statement.push(" WHERE t.id IN ").bind_list(ids.iter().copied()).push(" ORDER BY t.id");
        let found = readable(&statement.all(tx).await?)?;
        read.tickets.extend(found.tickets);
        read.damaged.extend(found.damaged);
    }
    Ok(read)
}

/// When the next waiting ticket of a connection may be tried.
///
/// # Errors
/// If the database refuses.
pub async fn next_due(tx: &mut Tx, connection: ConnectionId) -> Result<Option<DateTime<Utc>>> {
    tx.first(
        "SELECT MIN(next_attempt_at) AS at FROM ticket WHERE connection_id = $1 AND mark <> synced_mark AND NOT parked
           AND health <> 'released'",
        args![connection],
    )
    .await?
    .map_or(Ok(None), |row| row.opt_time("at"))
}

/// Tickets of a connection with a work item, page by page, for a sweep or a plan. Without those that were released.
///
/// # Errors
/// If the database refuses.
pub async fn live_after(
    tx: &mut Tx,
    connection: ConnectionId,
    after: Uuid,
    limit: i64,
) -> Result<Vec<Ticket>> {
    let rows = tx.all(
        crate::Composed(format!(
            "{SELECT} WHERE t.connection_id = $1 AND t.work_item_id IS NOT NULL AND t.id > $2 AND t.health <> 'released'
             ORDER BY t.id LIMIT $3"
        )),
        args![connection, after, limit],
    )
    .await?;
    Ok(readable(&rows)?.tickets)
}

/// Tickets of a destination with a work item, in the order of their ids. Without those that were released.
///
/// # Errors
/// If the database refuses.
pub async fn ids_of_destination(tx: &mut Tx, destination: DestinationId) -> Result<Vec<TicketId>> {
    tx.all(
        "SELECT id FROM ticket WHERE destination_id = $1 AND work_item_id IS NOT NULL AND health <> 'released' ORDER BY id",
        args![destination],
    )
    .await?
    .iter()
    .map(|row| row.id("id"))
    .collect()
}

/// Tickets of a connection that a sweep compares, page by page: those with a work item, but for what was closed on both
/// sides and has not been looked at since `closed_before`.
///
/// # Errors
/// If the database refuses.
pub async fn to_sweep(
    tx: &mut Tx,
    connection: ConnectionId,
    after: Uuid,
    closed_before: DateTime<Utc>,
    limit: i64,
) -> Result<Read> {
    let rows = tx
        .all(
            crate::Composed(format!(
                "{SELECT} WHERE t.connection_id = $1 AND t.work_item_id IS NOT NULL AND t.id > $2
                 AND (t.health <> 'closed' OR t.mark <> t.synced_mark OR t.synced_at IS NULL OR t.synced_at > $3)
                 ORDER BY t.id LIMIT $4"
            )),
            args![connection, after, closed_before, limit],
        )
        .await?;
    readable(&rows)
}

/// Tickets of a connection without a work item, oldest first. Without those that were released.
///
/// # Errors
/// If the database refuses.
pub async fn pending(tx: &mut Tx, connection: ConnectionId, limit: i64) -> Result<Vec<Ticket>> {
    let rows = tx
        .all(
            crate::Composed(format!(
                "{SELECT} WHERE t.connection_id = $1 AND t.work_item_id IS NULL AND t.health <> 'released'
                 ORDER BY t.id LIMIT $2"
            )),
            args![connection, limit],
        )
        .await?;
    Ok(readable(&rows)?.tickets)
}

/// Nothing joins a ticket any more: its group begins anew.
///
/// # Errors
/// If the database refuses.
pub async fn retire_group(tx: &mut Tx, id: TicketId) -> Result<()> {
    tx.execute("UPDATE ticket SET group_key = group_key || '~' || token WHERE id = $1", args![id]).await?;
    Ok(())
}

/// How many tickets of a destination wait for their work item.
///
/// # Errors
/// If the database refuses.
pub async fn count_pending(tx: &mut Tx, destination: DestinationId) -> Result<u64> {
    tx.count(
        "SELECT COUNT(*) AS n FROM ticket WHERE destination_id = $1 AND work_item_id IS NULL
           AND health NOT IN ('released', 'closed')",
        args![destination],
    )
    .await
}

/// Adds a ticket without a work item.
///
/// # Errors
/// If the database refuses; a duplicate if the group has a ticket at the destination.
pub async fn add(tx: &mut Tx, ticket: &Ticket) -> Result<()> {
    tx.execute(
        "INSERT INTO ticket (id, connection_id, destination_id, group_key, token, title, status, health, mark,
                             synced_mark, parked, created_at, comes_after)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, FALSE, $11, $12)",
        args![
            ticket.id,
            ticket.connection_id,
            ticket.destination_id,
            &ticket.group_key,
            &ticket.token,
            &ticket.title,
            ticket.status.as_str(),
            ticket.health.as_str(),
            ticket.mark,
            ticket.synced_mark,
            ticket.created_at,
            ticket.comes_after,
        ],
    )
    .await?;
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

/// Stores everything about a ticket but its mark, its group and its rules.
///
/// # Errors
/// If the database refuses; a duplicate if another ticket has the work item.
pub async fn save(tx: &mut Tx, ticket: &Ticket) -> Result<()> {
    tx.execute(
        "UPDATE ticket SET title = $2, status = $3, health = $4, work_item_id = $5, work_item = $6, base = $7, intent = $8,
                conflicts = $9, attempts = $10, next_attempt_at = $11, parked = $12, problem = $13, next_step = $14,
                synced_at = $15, synced_mark = $16, assignee = $17, moves = $18, agreed_status = $19, following = $20,
                has_copies = $21, token = $22, destination_id = $23, undone = $24 WHERE id = $1",
        args![
            ticket.id,
            &ticket.title,
            ticket.status.as_str(),
            ticket.health.as_str(),
            ticket.work_item_id,
            ticket.work_item.as_ref().map(to_json),
            ticket.base.as_ref().map(to_json),
            ticket.intent.as_ref().map(to_json),
            to_json(&ticket.conflicts),
            ticket.attempts,
            ticket.next_attempt_at,
            ticket.parked,
            ticket.problem.as_deref(),
            ticket.next_step.as_deref(),
            ticket.synced_at,
            ticket.synced_mark,
            assigned_to(ticket),
            to_json(&ticket.moves),
            ticket.base.as_ref().and_then(|base| base.status).map(Status::as_str),
            to_json(&ticket.following),
            !ticket.following.copies.is_empty(),
            &ticket.token,
            ticket.destination_id,
            ticket.following.undone_by.is_some(),
        ],
    )
    .await?;
    Ok(())
}

/// Whom the work item is assigned to, for searching: name and sign-in name in lower case.
fn assigned_to(ticket: &Ticket) -> String {
    let person = ticket.work_item.as_ref().and_then(|item| item.assignee.as_ref());
    person.map_or_else(String::new, |who| format!("{} {}", who.display_name, who.unique_name).to_lowercase())
}

/// Puts a ticket off because of an error, without touching anything else about it.
///
/// # Errors
/// If the database refuses.
pub async fn put_off(
    tx: &mut Tx,
    id: TicketId,
    problem: &str,
    next_step: &str,
    until: DateTime<Utc>,
) -> Result<()> {
    tx.execute(
        "UPDATE ticket SET health = $2, problem = $3, next_step = $4, next_attempt_at = $5, attempts = attempts + 1
         WHERE id = $1",
        args![id, Health::Retrying.as_str(), problem, next_step, until],
    )
    .await?;
    Ok(())
}

/// Gives a ticket a reason to be looked at.
///
/// # Errors
/// If the database refuses.
pub async fn mark(tx: &mut Tx, id: TicketId) -> Result<()> {
    tx.execute("UPDATE ticket SET mark = mark + 1 WHERE id = $1", args![id]).await?;
    Ok(())
}

/// Gives tickets a reason to be looked at whose findings changed. What is held back may not be wanted any more: it is
/// looked at again at once.
pub(crate) const MARK: &str = "UPDATE ticket SET mark = mark + 1,
     next_attempt_at = CASE WHEN health = 'held' THEN 0 ELSE next_attempt_at END";

/// Gives all tickets of a finding a reason to be looked at.
///
/// # Errors
/// If the database refuses.
pub async fn mark_of_finding(tx: &mut Tx, finding: FindingId) -> Result<u64> {
    tx.execute(
        crate::Composed(format!(
            "{MARK} WHERE id IN (SELECT ticket_id FROM ticket_finding WHERE finding_id = $1)"
        )),
        args![finding],
    )
    .await
}

/// Gives all tickets with findings of an asset a reason to be looked at: it has another name.
///
/// # Errors
/// If the database refuses.
pub async fn mark_of_asset(tx: &mut Tx, asset: AssetId) -> Result<u64> {
    tx.execute(
        "UPDATE ticket SET mark = mark + 1 WHERE id IN
            (SELECT tf.ticket_id FROM ticket_finding tf JOIN finding f ON f.id = tf.finding_id WHERE f.asset_id = $1)",
        args![asset],
    )
    .await
}

/// Gives all tickets of a destination a reason to be looked at: what they say changed.
///
/// # Errors
/// If the database refuses.
pub async fn mark_of_destination(tx: &mut Tx, destination: DestinationId) -> Result<u64> {
    tx.execute("UPDATE ticket SET mark = mark + 1 WHERE destination_id = $1", args![destination]).await
}

/// Lets all tickets of a destination be looked at again, also those that wait for another try or for a person: what kept
/// them may be mended. What a person undid stays undone.
///
/// # Errors
/// If the database refuses.
pub async fn retry_of_destination(tx: &mut Tx, destination: DestinationId) -> Result<u64> {
    tx.execute(
        "UPDATE ticket SET mark = mark + 1, parked = undone, attempts = 0,
                next_attempt_at = CASE WHEN intent IS NULL THEN 0 ELSE next_attempt_at END
         WHERE destination_id = $1",
        args![destination],
    )
    .await
}

/// How many tickets of a destination have a work item.
///
/// # Errors
/// If the database refuses.
pub async fn live_of_destination(tx: &mut Tx, destination: DestinationId) -> Result<u64> {
    tx.count(
        "SELECT COUNT(*) AS n FROM ticket WHERE destination_id = $1 AND work_item_id IS NOT NULL AND health <> 'released'",
        args![destination],
    )
    .await
}

/// The latest ticket that has several findings.
///
/// # Errors
/// If the database refuses.
pub async fn latest_with_several(tx: &mut Tx) -> Result<Option<TicketId>> {
    tx.first(
        "SELECT ticket_id FROM ticket_finding GROUP BY ticket_id HAVING COUNT(*) > 1 ORDER BY ticket_id DESC LIMIT 1",
        args![],
    )
    .await?
    .map(|row| row.id("ticket_id"))
    .transpose()
}

/// Gives the ticket of a work item a reason to be looked at. Nothing happens if there is no such ticket, or if
/// `revision` is what was agreed on already: that is our own write coming back.
///
/// # Errors
/// If the database refuses.
pub async fn mark_of_work_item(
    tx: &mut Tx,
    connection: ConnectionId,
    work_item: WorkItemId,
    revision: Option<i64>,
) -> Result<bool> {
    if let Some(revision) = revision {
        let known = tx
            .first(
                "SELECT base FROM ticket WHERE connection_id = $1 AND work_item_id = $2",
                args![connection, work_item],
            )
            .await?;
        let Some(known) = known else { return Ok(false) };
        let base: Option<Base> = known.opt_json("base")?;
        if base.is_some_and(|base| base.revision >= revision) {
            return Ok(false);
        }
    }
    let touched = tx
        .execute(
            "UPDATE ticket SET mark = mark + 1 WHERE connection_id = $1 AND work_item_id = $2",
            args![connection, work_item],
        )
        .await?;
    Ok(touched > 0)
}

/// Lets a parked or waiting ticket be tried at once, also one that a person undid.
///
/// # Errors
/// If the database refuses.
pub async fn retry(tx: &mut Tx, id: TicketId) -> Result<()> {
    if let Some(mut ticket) = get(tx, id).await?
        && ticket.following.undone_by.take().is_some()
    {
        (ticket.problem, ticket.next_step) = (None, None);
        ticket.health = if ticket.work_item_id.is_some() { Health::Waiting } else { Health::Pending };
        save(tx, &ticket).await?;
    }
    tx.execute(
        "UPDATE ticket SET mark = mark + 1, parked = FALSE, attempts = 0, moves = '[]',
                next_attempt_at = CASE WHEN intent IS NULL THEN 0 ELSE next_attempt_at END WHERE id = $1",
        args![id],
    )
    .await?;
    Ok(())
}

/// Lets all tickets of a connection that wait for another try be tried at once: what kept them was mended. What a person
/// undid stays undone.
///
/// # Errors
/// If the database refuses.
pub async fn retry_all(tx: &mut Tx, connection: ConnectionId) -> Result<u64> {
    tx.execute(
        "UPDATE ticket SET mark = mark + 1, parked = FALSE, attempts = 0, next_attempt_at = 0
         WHERE connection_id = $1 AND intent IS NULL AND (parked OR mark <> synced_mark) AND NOT undone",
        args![connection],
    )
    .await
}
