//! Plans that people applied, and undid: what became of each ticket, and what stood there before, so that it can be put back.

use chrono::{DateTime, Utc};
use model::board::{Change, WorkItem};
use model::merge::Base;
use model::{PlanApplyId, TicketId, WorkItemId};
use serde::{Deserialize, Serialize};

use crate::db::to_json;
use crate::views::Statement;
use crate::{Result, Row, Tx, args};

/// A plan that a person applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Apply {
    /// Identity.
    pub id: PlanApplyId,
    /// When.
    pub at: DateTime<Utc>,
    /// Who.
    pub by: String,
    /// The apply that this one undoes.
    pub undoes: Option<PlanApplyId>,
}

/// What became of one ticket of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It has not had its turn, or its outcome is not known yet.
    Waiting,
    /// It was written.
    Applied,
    /// Nothing was written for it.
    Refused,
}

impl State {
    /// The word in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Applied => "applied",
            Self::Refused => "refused",
        }
    }
}

impl std::str::FromStr for State {
    type Err = ();

    fn from_str(s: &str) -> std::result::Result<Self, ()> {
        [Self::Waiting, Self::Applied, Self::Refused].into_iter().find(|state| state.as_str() == s).ok_or(())
    }
}

/// What was announced for a ticket, and what stood there before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "written", rename_all = "snake_case")]
pub enum Written {
    /// A new work item.
    Created,
    /// Changes of the work item.
    Changed {
        /// The work item before.
        before: Box<WorkItem>,
        /// What both sides agreed on before.
        base: Box<Base>,
        /// What was sent.
        changes: Vec<Change>,
    },
    /// It was taken out of the recycle bin.
    Restored,
}

/// One ticket of an apply.
#[derive(Clone, Debug, PartialEq)]
pub struct Applied {
    /// Ticket.
    pub ticket: TicketId,
    /// Its title when it was applied.
    pub title: String,
    /// What became of it.
    pub state: State,
    /// Why it was refused, or what is to be known about it.
    pub reason: Option<String>,
    /// Work item.
    pub work_item: Option<WorkItemId>,
    /// Revision at which it left the work item.
    pub revision: Option<i64>,
    /// What was announced.
    pub written: Option<Written>,
    /// The apply that undid it.
    pub undone_by: Option<PlanApplyId>,
}

fn apply(row: &Row) -> Result<Apply> {
    Ok(Apply {
        id: row.id("id")?,
        at: row.time("at")?,
        by: row.text("by_name")?,
        undoes: row.opt_id("undoes")?,
    })
}

fn ticket_row(row: &Row) -> Result<Applied> {
    Ok(Applied {
        ticket: row.id("ticket_id")?,
        title: row.text("title")?,
        state: row.word("state")?,
        reason: row.opt_text("reason")?,
        work_item: row.opt_int("work_item_id")?.map(WorkItemId),
        revision: row.opt_int("revision")?,
        written: row.opt_json("written")?,
        undone_by: row.opt_id("undone_by")?,
    })
}

/// The apply.
///
/// # Errors
/// If the database refuses.
pub async fn get(tx: &mut Tx, id: PlanApplyId) -> Result<Option<Apply>> {
    tx.first("SELECT id, at, by_name, undoes FROM plan_apply WHERE id = $1", args![id])
        .await?
        .map(|row| apply(&row))
        .transpose()
}

/// The latest applies, newest first.
///
/// # Errors
/// If the database refuses.
pub async fn latest(tx: &mut Tx, limit: i64) -> Result<Vec<Apply>> {
    tx.all("SELECT id, at, by_name, undoes FROM plan_apply ORDER BY at DESC, id DESC LIMIT $1", args![limit])
        .await?
        .iter()
        .map(apply)
        .collect()
}

/// Adds an apply without tickets.
///
/// # Errors
/// If the database refuses.
pub async fn add(tx: &mut Tx, apply: &Apply) -> Result<()> {
    tx.execute(
        "INSERT INTO plan_apply (id, at, by_name, undoes) VALUES ($1, $2, $3, $4)",
        args![apply.id, apply.at, &apply.by, apply.undoes],
    )
    .await?;
    Ok(())
}

/// Adds a ticket to an apply, at this place.
///
/// # Errors
/// If the database refuses.
pub async fn add_ticket(tx: &mut Tx, apply: PlanApplyId, position: i64, row: &Applied) -> Result<()> {
    tx.execute(
        "INSERT INTO plan_apply_ticket (apply_id, ticket_id, position, title, state, reason, work_item_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        args![
            apply,
            row.ticket,
            position,
            &row.title,
            row.state.as_str(),
            row.reason.as_deref(),
            row.work_item
        ],
    )
    .await?;
    Ok(())
}

const OF_APPLY: &str = "SELECT ticket_id, title, state, reason, work_item_id, revision, written, undone_by FROM plan_apply_ticket";

/// The tickets of an apply, in their order.
///
/// # Errors
/// If the database refuses.
pub async fn tickets(tx: &mut Tx, id: PlanApplyId) -> Result<Vec<Applied>> {
    tx.all(crate::Composed(format!("{OF_APPLY} WHERE apply_id = $1 ORDER BY position")), args![id])
        .await?
        .iter()
        .map(ticket_row)
        .collect()
}

/// One ticket of an apply.
///
/// # Errors
/// If the database refuses.
pub async fn ticket(tx: &mut Tx, id: PlanApplyId, ticket: TicketId) -> Result<Option<Applied>> {
    tx.first(crate::Composed(format!("{OF_APPLY} WHERE apply_id = $1 AND ticket_id = $2")), args![id, ticket])
        .await?
        .map(|row| ticket_row(&row))
        .transpose()
}

/// How many tickets of each of these applies are in each state.
///
/// # Errors
/// If the database refuses.
pub async fn counts(tx: &mut Tx, applies: &[PlanApplyId]) -> Result<Vec<(PlanApplyId, State, u64)>> {
    if applies.is_empty() {
        return Ok(Vec::new());
    }
    let mut statement =
        Statement::new("SELECT apply_id, state, COUNT(*) AS n FROM plan_apply_ticket WHERE apply_id IN ");
    statement.bind_list(applies.iter().copied()).push(" GROUP BY apply_id, state ORDER BY apply_id, state");
    statement
        .all(tx)
        .await?
        .iter()
        .map(|row| Ok((row.id("apply_id")?, row.word("state")?, row.count("n")?)))
        .collect()
}

/// What is about to be sent for a ticket, and what stands there before.
///
/// # Errors
/// If the database refuses.
pub async fn announced(tx: &mut Tx, apply: PlanApplyId, ticket: TicketId, written: &Written) -> Result<()> {
    tx.execute(
        "UPDATE plan_apply_ticket SET written = $3 WHERE apply_id = $1 AND ticket_id = $2",
        args![apply, ticket, to_json(written)],
    )
    .await?;
    Ok(())
}

/// It was written, and left its work item at this revision.
///
/// # Errors
/// If the database refuses.
pub async fn was_applied(
    tx: &mut Tx,
    apply: PlanApplyId,
    ticket: TicketId,
    work_item: Option<WorkItemId>,
    revision: Option<i64>,
) -> Result<()> {
    tx.execute(
        "UPDATE plan_apply_ticket SET state = 'applied', work_item_id = $3, revision = $4
         WHERE apply_id = $1 AND ticket_id = $2",
        args![apply, ticket, work_item, revision],
    )
    .await?;
    Ok(())
}

/// Nothing was written, and why.
///
/// # Errors
/// If the database refuses.
pub async fn was_refused(tx: &mut Tx, apply: PlanApplyId, ticket: TicketId, reason: &str) -> Result<()> {
    tx.execute(
        "UPDATE plan_apply_ticket SET state = 'refused', reason = $3 WHERE apply_id = $1 AND ticket_id = $2",
        args![apply, ticket, reason],
    )
    .await?;
    Ok(())
}

/// What an apply wrote for a ticket was put back by another one.
///
/// # Errors
/// If the database refuses.
pub async fn was_undone(tx: &mut Tx, apply: PlanApplyId, ticket: TicketId, by: PlanApplyId) -> Result<()> {
    tx.execute(
        "UPDATE plan_apply_ticket SET undone_by = $3 WHERE apply_id = $1 AND ticket_id = $2",
        args![apply, ticket, by],
    )
    .await?;
    Ok(())
}

/// A write of our own completed a work item that an apply had created, and nobody else touched it in between.
///
/// # Errors
/// If the database refuses.
pub async fn completed(tx: &mut Tx, apply: PlanApplyId, ticket: TicketId, from: i64, to: i64) -> Result<()> {
    tx.execute(
        "UPDATE plan_apply_ticket SET revision = $4 WHERE apply_id = $1 AND ticket_id = $2 AND revision = $3",
        args![apply, ticket, from, to],
    )
    .await?;
    Ok(())
}
