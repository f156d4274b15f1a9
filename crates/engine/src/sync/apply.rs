//! Carrying out what a person approved of a plan, and undoing it. Each ticket gets an approval and a turn; the turn decides
//! anew by the same code, and what is not what was approved is refused with the reason (`approval.rs`). What is announced
//! goes out like every other write.
//!
//! Where another replica drives the connection, or this process dies, the approvals stand on the tickets and the normal
//! passes take them up, for ten minutes.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use model::approval::{Approval, ApprovedDeed};
use model::{ConnectionId, PlanApplyId, TicketId, WorkItemId};
use store::Tx;
use store::applies::{Applied, Apply, State};
use store::connections::Mode;
use store::tickets::{Health, Ticket};

use crate::engine::{Engine, EventKind};
use crate::results::Plan;
use crate::sync::pass::Turns;
use crate::sync::undo::not_its_any_more;
use crate::{Actor, Refusal};

/// Tickets that have their turn together.
const STEP: usize = 200;

/// Applies that are listed.
const LATEST: i64 = 50;

/// A write of a plan that a person approved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApprovedTicket {
    /// Ticket.
    pub ticket: TicketId,
    /// The revision of its work item in the plan; none for a new one.
    pub revision: Option<i64>,
    /// The fingerprint in the plan.
    pub fingerprint: String,
}

/// What became of an apply so far.
#[derive(Clone, Debug, PartialEq)]
pub struct ApplyReport {
    /// Who, when, and what it undoes.
    pub apply: Apply,
    /// Ticket by ticket, as they were approved.
    pub tickets: Vec<Applied>,
}

impl ApplyReport {
    /// How many tickets are in a state.
    pub fn count(&self, state: State) -> usize {
        self.tickets.iter().filter(|ticket| ticket.state == state).count()
    }
}

/// An apply in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApplySummary {
    /// Who, when, and what it undoes.
    pub apply: Apply,
    /// Tickets that were written.
    pub applied: u64,
    /// Tickets that were refused.
    pub refused: u64,
    /// Tickets whose outcome is not known yet.
    pub waiting: u64,
}

/// What is asked for one ticket.
struct Wish {
    ticket: TicketId,
    title: String,
    /// What is undone was written to this one.
    work_item: Option<WorkItemId>,
    revision: Option<i64>,
    deed: ApprovedDeed,
}

impl Engine {
    /// Carries out exactly these writes of a plan, each if it still is what was planned.
    ///
    /// # Errors
    /// If there are none or too many of them, or a connection they need is paused or refused by its board. What becomes of
    /// a ticket is an answer.
    pub async fn apply(&self, approved: &[ApprovedTicket], by: &Actor) -> Result<ApplyReport, Refusal> {
        let different: BTreeSet<TicketId> = approved.iter().map(|one| one.ticket).collect();
        if approved.is_empty() || approved.len() > Plan::MOST_LISTED || different.len() < approved.len() {
            return Err(Refusal::invalid(
                "apply_invalid",
                "This cannot be applied",
                format!(
                    "An apply is about 1 to {} different tickets; these are {}, of which {} are different.",
                    Plan::MOST_LISTED,
                    approved.len(),
                    different.len()
                ),
                "Make a plan, and apply rows of it that have a fingerprint, each once.",
            ));
        }
        let wishes = approved.iter().map(|one| Wish {
            ticket: one.ticket,
            title: String::new(),
            work_item: None,
            revision: one.revision,
            deed: ApprovedDeed::Write { fingerprint: one.fingerprint.clone() },
        });
        let what = format!("Applied a plan of {} tickets.", approved.len());
        self.carry_out_approved(wishes.collect(), None, by, &what).await
    }

    /// Puts back what an apply wrote, wherever the work item still stands as it was left.
    ///
    /// # Errors
    /// If there is no such apply, it is an undo itself, or there is nothing left to undo; those of [`Engine::apply`].
    pub async fn undo_apply(&self, id: PlanApplyId, by: &Actor) -> Result<ApplyReport, Refusal> {
        let before = self.apply_report(id).await?;
        let wishes: Vec<Wish> = before
            .tickets
            .into_iter()
            .filter(|row| row.state == State::Applied && row.undone_by.is_none())
            .map(|row| Wish {
                ticket: row.ticket,
                title: row.title,
                work_item: row.work_item,
                revision: row.revision,
                deed: ApprovedDeed::Undo { apply: id },
            })
            .collect();
        if before.apply.undoes.is_some() || wishes.is_empty() {
            return Err(Refusal::conflict(
                "nothing_to_undo",
                "There is nothing to undo",
                match before.apply.undoes {
                    Some(of) => format!("The apply {id} is an undo itself, of {of}."),
                    None => {
                        format!("Nothing is left that the apply {id} wrote, or everything of it was undone.")
                    }
                },
                "Look at what became of it. To do again what was undone, retry the tickets.",
            ));
        }
        let what = format!("Undid the apply {id} of {}, {} tickets.", before.apply.by, wishes.len());
        self.carry_out_approved(wishes, Some(id), by, &what).await
    }

    /// What became of an apply so far.
    ///
    /// # Errors
    /// If there is no such apply.
    pub async fn apply_report(&self, id: PlanApplyId) -> Result<ApplyReport, Refusal> {
        let mut tx = self.inner.db.read().await?;
        let Some(apply) = store::applies::get(&mut tx, id).await? else {
            return Err(Refusal::not_found("apply", id));
        };
        Ok(ApplyReport { apply, tickets: store::applies::tickets(&mut tx, id).await? })
    }

    /// The latest applies, newest first.
    ///
    /// # Errors
    /// If the database refuses.
    pub async fn applies(&self) -> Result<Vec<ApplySummary>, Refusal> {
        let mut tx = self.inner.db.read().await?;
        let applies = store::applies::latest(&mut tx, LATEST).await?;
        let ids: Vec<PlanApplyId> = applies.iter().map(|apply| apply.id).collect();
        let counts = store::applies::counts(&mut tx, &ids).await?;
        let count = |id: PlanApplyId, state: State| {
            let found = counts.iter().find(|(of, in_state, _)| *of == id && *in_state == state);
            found.map_or(0, |(.., count)| *count)
        };
        Ok(applies
            .into_iter()
            .map(|apply| ApplySummary {
                applied: count(apply.id, State::Applied),
                refused: count(apply.id, State::Refused),
                waiting: count(apply.id, State::Waiting),
                apply,
            })
            .collect())
    }

    async fn carry_out_approved(
        &self,
        wishes: Vec<Wish>,
        undoes: Option<PlanApplyId>,
        by: &Actor,
        what: &str,
    ) -> Result<ApplyReport, Refusal> {
        let now = self.inner.world.now();
        let apply = Apply { id: self.inner.world.id(), at: now, by: by.name.clone(), undoes };
        let id = apply.id;
        let mut tx = self.inner.db.begin().await?;
        store::applies::add(&mut tx, &apply).await?;
        self.note_configuration(&mut tx, "plan_apply", id.0, by, what).await?;
        let mut asked: BTreeMap<ConnectionId, Vec<TicketId>> = BTreeMap::new();
        for (position, wish) in wishes.into_iter().enumerate() {
            let ticket = store::tickets::get(&mut tx, wish.ticket).await?;
            let why_not = why_not_asked(ticket.as_ref(), &wish);
            let row = Applied {
                ticket: wish.ticket,
                title: ticket.as_ref().map_or(wish.title, |ticket| ticket.title.clone()),
                state: if why_not.is_some() { State::Refused } else { State::Waiting },
                reason: why_not,
                work_item: ticket.as_ref().and_then(|ticket| ticket.work_item_id),
                revision: None,
                written: None,
                undone_by: None,
            };
            let position = i64::try_from(position).unwrap_or(i64::MAX);
            store::applies::add_ticket(&mut tx, id, position, &row).await?;
            let Some(mut ticket) = ticket.filter(|_| row.state == State::Waiting) else { continue };
            ticket.following.approval = Some(Approval {
                apply: id,
                by: by.name.clone(),
                until: self.approved_until(),
                revision: wish.revision,
                deed: wish.deed,
            });
            ticket.next_attempt_at = now;
            store::tickets::save(&mut tx, &ticket).await?;
            store::tickets::mark(&mut tx, ticket.id).await?;
            asked.entry(ticket.connection_id).or_default().push(ticket.id);
        }
        for connection in asked.keys() {
            self.refuse_if_it_cannot_write(&mut tx, *connection, now).await?;
        }
        tx.commit().await?;
        for (connection, mut tickets) in asked {
            let Some(board) = self.board(connection).await? else { continue };
            // As passes and plans go through them: what one turn changes for another is the same.
            tickets.sort_unstable();
            for tickets in tickets.chunks(STEP) {
                Box::pin(self.pass_over(&board, Turns::Approved(tickets))).await?;
            }
            // Whoever drives it takes up what is left.
            self.wake_board(connection);
        }
        self.announce(EventKind::Ticket, None);
        self.apply_report(id).await
    }

    async fn refuse_if_it_cannot_write(
        &self,
        tx: &mut Tx,
        id: ConnectionId,
        now: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        let Some(connection) = store::connections::get(tx, id).await? else { return Ok(()) };
        if connection.mode == Mode::Paused {
            return Err(Refusal::conflict(
                "connection_paused",
                "The connection is paused",
                format!("The connection {} is paused: nothing is written to its board.", connection.name),
                "Resume the connection, or switch it to shadow mode, and apply again.",
            ));
        }
        if connection.blocked_until > now {
            return Err(Refusal::conflict(
                "connection_waits",
                "The connection cannot write now",
                format!(
                    "The connection {} waits: {}",
                    connection.name,
                    connection.problem.as_deref().unwrap_or("its board asked to be left alone for a while.")
                ),
                "Mend the connection, or wait a little; then apply again.",
            ));
        }
        Ok(())
    }
}

/// Why nothing can be asked of a ticket.
fn why_not_asked(ticket: Option<&Ticket>, wish: &Wish) -> Option<String> {
    let Some(ticket) = ticket else { return Some("There is no such ticket any more.".into()) };
    if matches!(wish.deed, ApprovedDeed::Undo { .. }) && ticket.work_item_id != wish.work_item {
        return Some(not_its_any_more(wish.work_item));
    }
    if let Some(approval) = &ticket.following.approval {
        return Some(format!("What {} approved for it is being carried out.", approval.by));
    }
    if ticket.health == Health::Released {
        return Some("The ticket has ended: nothing is written for it any more.".into());
    }
    if ticket.intent.is_some() {
        return Some("The outcome of an earlier write is not known yet.".into());
    }
    ticket.parked.then(|| {
        let problem = ticket.problem.clone().unwrap_or_else(|| "It failed too often.".into());
        format!("The ticket waits for a person: {problem}")
    })
}
