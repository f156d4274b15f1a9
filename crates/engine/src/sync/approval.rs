//! The turn of a ticket for which a person approved a write: what would be announced is compared with what was approved, and
//! nothing else is announced. Whatever pass takes the turn keeps to it, so the approval survives the process that was asked.

use azure::Error;
use chrono::{DateTime, Utc};
use model::approval::{Approval, ApprovedDeed, fingerprint};
use model::{TicketId, WorkItemId};
use serde::Serialize;
use store::applies::{State, Written};
use store::audit::{Cause, CauseKind};
use store::tickets::{Health, Ticket};
use store::{Pieces, Tx};

use crate::Refusal;
use crate::engine::Engine;
use crate::sync::create::AnnouncedCreation;
use crate::sync::pass::Decided;
use crate::sync::repair::AnnouncedWrite;

/// What was announced, as an approval and a plan see it.
pub(crate) trait Announced {
    /// The revision of the work item that it was decided on.
    fn revision(&self) -> Option<i64>;
    /// Tells everything that it sends.
    fn fingerprint(&self) -> String;
    /// What is kept of it, so that it can be undone.
    fn written(&self) -> Written;
}

/// What a write sends to the board.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Sent<'a> {
    Create(&'a model::board::Draft),
    Update(WorkItemId, &'a [model::board::Change]),
    Restore(WorkItemId, &'a str),
    Delete(WorkItemId),
}

impl Announced for AnnouncedCreation {
    fn revision(&self) -> Option<i64> {
        None
    }

    fn fingerprint(&self) -> String {
        fingerprint(&Sent::Create(self.draft()))
    }

    fn written(&self) -> Written {
        Written::Created
    }
}

impl Announced for AnnouncedWrite {
    fn revision(&self) -> Option<i64> {
        match self {
            Self::Update(update) => Some(update.intent.revision),
            Self::Restore(restoration) => Some(restoration.revision),
            Self::Delete(deletion) => Some(deletion.revision),
        }
    }

    fn fingerprint(&self) -> String {
        match self {
            Self::Update(update) => fingerprint(&Sent::Update(update.id, &update.outcome.writes)),
            Self::Restore(restoration) => {
                fingerprint(&Sent::Restore(restoration.work_item, &restoration.project))
            }
            Self::Delete(deletion) => fingerprint(&Sent::Delete(deletion.work_item)),
        }
    }

    fn written(&self) -> Written {
        let Self::Update(update) = self else { return Written::Restored };
        match &update.ticket.work_item {
            Some(before) => Written::Changed {
                before: Box::new(before.clone()),
                base: Box::new(update.outcome.base.clone()),
                changes: update.outcome.writes.clone(),
            },
            None => Written::Restored,
        }
    }
}

/// Why a ticket at rest does nothing, for whoever approved that it does.
fn why_at_rest(ticket: &Ticket, approval: &Approval) -> String {
    if let (Health::Deleted | Health::Destroyed | Health::Missing | Health::Closed, Some(problem)) =
        (ticket.health, &ticket.problem)
    {
        // Its work item cannot be read: what is known of its revision is old. (What is closed and gone is told as closed.)
        return problem.clone();
    }
    if let Some(why) = approval.moved(ticket.work_item.as_ref().map(|item| item.revision)) {
        return why;
    }
    let is_kept = !matches!(ticket.health, Health::InStep | Health::Closed);
    match ticket.problem.clone().filter(|_| is_kept) {
        Some(problem) => problem,
        None => "There is nothing to do any more.".into(),
    }
}

impl Engine {
    /// Why the turn of a ticket does not even begin. `None`: it does.
    pub(crate) fn is_over(&self, ticket: &Ticket) -> Option<String> {
        let approval = ticket.following.approval.as_ref()?;
        let is_late = ticket.intent.is_none() && approval.until <= self.inner.world.now();
        is_late.then(|| "It did not have its turn in time, and was given up.".into())
    }

    /// Holds what was decided to what a person approved. What they did not approve becomes a refusal; the turn is thrown
    /// away then.
    pub(crate) async fn hold_to_approval<T: Announced>(
        &self,
        tx: &mut Tx,
        id: TicketId,
        approval: Option<&Approval>,
        decided: Result<Decided<T>, Refusal>,
    ) -> Result<Decided<T>, Refusal> {
        let decided = decided?;
        let Some(approval) = approval else { return Ok(decided) };
        match decided {
            Decided::Announced(write) => match &approval.deed {
                ApprovedDeed::Undo { .. } => Ok(Decided::Announced(write)),
                ApprovedDeed::Write { .. } => {
                    if let Some(why) = approval.differs(write.revision(), &write.fingerprint()) {
                        return Ok(Decided::Refused(why));
                    }
                    store::applies::announced(tx, approval.apply, id, &write.written()).await?;
                    Ok(Decided::Announced(write))
                }
            },
            Decided::Rest => {
                let Some(after) = store::tickets::get(tx, id).await? else { return Ok(Decided::Rest) };
                let row = store::applies::ticket(tx, approval.apply, id).await?;
                // Its outcome is waited for, or became known in this very turn.
                let is_open = row.is_some_and(|row| row.state == State::Waiting);
                if !is_open || (after.intent.is_some() && after.following.approval.is_some()) {
                    return Ok(Decided::Rest);
                }
                Ok(Decided::Refused(why_at_rest(&after, approval)))
            }
            Decided::Refused(_) | Decided::TakenOver => Ok(decided),
        }
    }

    /// Throws the turn at hand away, and says why nothing is written.
    pub(crate) async fn refuse_turn(
        &self,
        pieces: &mut Pieces<'_>,
        id: TicketId,
        why: &str,
    ) -> Result<(), Refusal> {
        pieces.undo().await?;
        let tx = pieces.begin().await?;
        if let Some(mut ticket) = store::tickets::get(tx, id).await? {
            self.approval_failed(tx, &mut ticket, why).await?;
            store::tickets::save(tx, &ticket).await?;
        }
        pieces.keep().await?;
        Ok(())
    }

    /// Nothing was written, and it is not tried again for the sake of this approval. Saves nothing of the ticket.
    pub(crate) async fn approval_failed(
        &self,
        tx: &mut Tx,
        ticket: &mut Ticket,
        why: &str,
    ) -> Result<(), Refusal> {
        let Some(approval) = ticket.following.approval.take() else { return Ok(()) };
        store::applies::was_refused(tx, approval.apply, ticket.id, why).await?;
        let what = match approval.deed {
            ApprovedDeed::Write { .. } => format!("Not applied: {why}"),
            ApprovedDeed::Undo { .. } => format!("Not undone: {why}"),
        };
        self.note_on_ticket(tx, ticket, &Cause::new(CauseKind::Person, approval.cause()), what).await
    }

    /// The board refused the write, or could not be asked. Where the whole connection waits the approval is kept: it is
    /// tried again as long as it counts.
    pub(crate) async fn approval_refused_by_board(
        &self,
        tx: &mut Tx,
        ticket: &mut Ticket,
        error: &Error,
        connection_waits: bool,
    ) -> Result<(), Refusal> {
        if connection_waits || !error.is_certain_not_applied() {
            return Ok(());
        }
        let why = format!("{}.", error.message().trim_end_matches('.'));
        self.approval_failed(tx, ticket, &why).await
    }

    /// What was approved stands on the board. Saves nothing of the ticket.
    pub(crate) async fn approval_done(
        &self,
        tx: &mut Tx,
        ticket: &mut Ticket,
        work_item: Option<WorkItemId>,
        revision: Option<i64>,
    ) -> Result<(), Refusal> {
        let Some(approval) = ticket.following.approval.take() else { return Ok(()) };
        store::applies::was_applied(tx, approval.apply, ticket.id, work_item, revision).await?;
        if let ApprovedDeed::Undo { apply } = approval.deed {
            // Rare and large: it is not a part of every turn's future.
            Box::pin(self.was_put_back(tx, ticket, apply, &approval)).await?;
        }
        Ok(())
    }

    /// Until when something approved now may be announced.
    pub(crate) fn approved_until(&self) -> DateTime<Utc> {
        self.inner.world.now() + chrono::Duration::minutes(10)
    }
}
