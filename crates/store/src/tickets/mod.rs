//! Tickets: our record of work items, what was agreed on, and writes whose outcome is not known yet.

mod members;
mod turns;

use chrono::{DateTime, Utc};
use model::board::{Draft, WorkItem};
use model::following::Following;
use model::merge::comments::Deed;
use model::merge::{Base, Conflict, Desired, UpdateIntent};
use model::{AttachmentId, CommentId, ConnectionId, DestinationId, Status, TicketId, WorkItemId};
use serde::{Deserialize, Serialize};

use crate::db::to_json;
use crate::views::Statement;
use crate::{Result, Row, Tx, args};

pub use members::{
    Group, Held, add_finding, of_finding, of_findings, of_groups, open_members, remove_finding, retire_group,
};
pub(crate) use turns::MARK;
pub use turns::{
    count_pending, due, live_after, mark, mark_of_asset, mark_of_destination, mark_of_finding,
    mark_of_work_item, next_due, park_damaged, pending, put_off, retry, retry_all, retry_of_destination,
    to_sweep,
};

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
