//! Putting back what an apply wrote, where the board still allows it: only while the work item stands at the revision that
//! the apply left. An undone ticket waits for a person; else the next pass would do at once what was undone.

use azure::ItemShape;
use chrono::{DateTime, Utc};
use model::approval::{Approval, ApprovedDeed};
use model::board::WorkItem;
use model::content;
use model::following::{Order, Repair};
use model::merge::{Base, Desired, Outcome, Rules};
use model::{PlanApplyId, WorkItemId};
use store::applies::Written;
use store::audit::{Cause, CauseKind};
use store::connections::Mode;
use store::tickets::{Health, Intent, Ticket};
use store::{Tx, failpoint};

use crate::engine::Engine;
use crate::sync::following::Whereabouts;
use crate::sync::pass::{Decided, Pass, Turn};
use crate::sync::repair::AnnouncedWrite;
use crate::{ReconcileResult, Refusal};

/// A work item that an apply created, and that is to go into the recycle bin.
pub(crate) struct AnnouncedDeletion {
    ticket: model::TicketId,
    pub(crate) work_item: WorkItemId,
    pub(crate) revision: i64,
    project: String,
}

impl Engine {
    /// Decides how what an apply wrote on a work item is put back.
    #[expect(
        clippy::too_many_arguments,
        reason = "a branch of decide_update, split off to be read by itself"
    )]
    pub(crate) async fn decide_undo(
        &self,
        tx: &mut Tx,
        pass: &Pass<'_>,
        mut ticket: Ticket,
        (approval, apply): (&Approval, PlanApplyId),
        base: Base,
        desired: Desired,
        view: &WorkItem,
        (shape, rules): (&ItemShape, Rules<'_>),
        deadline: DateTime<Utc>,
    ) -> Result<Decided<AnnouncedWrite>, Refusal> {
        if store::connections::mode(tx, ticket.connection_id).await? == Mode::Paused {
            return Ok(Decided::Refused("The connection is paused.".into()));
        }
        if approval.moved(Some(view.revision)).is_some() {
            return Ok(Decided::Refused(format!(
                "Work item {} was changed since, last by {} (revision {}): that stays.",
                view.id, view.changed_by.display_name, view.revision
            )));
        }
        let row = store::applies::ticket(tx, apply, ticket.id).await?;
        if let Some(row) = row.as_ref().filter(|row| row.work_item != ticket.work_item_id) {
            return Ok(Decided::Refused(not_its_any_more(row.work_item)));
        }
        ticket.work_item = Some(view.clone());
        match row.and_then(|row| row.written) {
            Some(Written::Created) => {
                ticket.base = Some(base);
                self.announce_deletion(tx, pass, ticket, view, deadline).await
            }
            Some(Written::Changed { before, changes, .. }) => {
                let undo = match model::merge::undo(&before, view, &changes, rules, &approval.by) {
                    Ok(undo) => undo,
                    Err(why) => {
                        return Ok(Decided::Refused(format!("Work item {} stays as it is: {why}.", view.id)));
                    }
                };
                let mut writes = undo.writes;
                if let Some(last) = writes.last_mut() {
                    let words = format!("{} undid what was applied before.", approval.by);
                    last.comment = Some(content::explanation(&content::comment(&[words]), &ticket.token));
                }
                let outcome = Outcome {
                    follow: None,
                    writes,
                    positions: undo.positions,
                    fields: undo.fields,
                    conflicts: ticket.conflicts.clone(),
                    base: Base { revision: view.revision, ..base },
                    unreachable: None,
                };
                self.announce_update(tx, pass, shape, ticket, desired, outcome, deadline).await
            }
            Some(Written::Restored) | None => Ok(Decided::Refused(format!(
                "Work item {} was taken out of the recycle bin: delete it on the board if it shall be there again.",
                view.id
            ))),
        }
    }

    /// The same for a work item that a read did not give: it may be our own deletion whose answer was lost.
    pub(crate) async fn decide_undo_of_gone(
        &self,
        tx: &mut Tx,
        mut ticket: Ticket,
        whereabouts: &Whereabouts,
        apply: PlanApplyId,
    ) -> Result<Decided<AnnouncedWrite>, Refusal> {
        let row = store::applies::ticket(tx, apply, ticket.id).await?;
        if let Some(row) = row.as_ref().filter(|row| row.work_item != ticket.work_item_id) {
            return Ok(Decided::Refused(not_its_any_more(row.work_item)));
        }
        let written = row.and_then(|row| row.written);
        if let (Some(Written::Created), Whereabouts::Recycled { revision, .. }) = (written, whereabouts) {
            // Whoever deleted it: it is where the undo wants it.
            ticket.intent = None;
            let id = ticket.work_item_id;
            self.approval_done(tx, &mut ticket, id, Some(*revision)).await?;
            store::tickets::save(tx, &ticket).await?;
            return Ok(Decided::Rest);
        }
        let id = ticket.work_item_id.map(|id| id.to_string()).unwrap_or_default();
        Ok(Decided::Refused(format!("Work item {id} cannot be read any more: it was deleted or moved away.")))
    }

    /// The service takes no revision as the condition of a deletion: between the look and the call somebody may have
    /// written. It goes into the recycle bin, so nothing of that is lost.
    async fn announce_deletion(
        &self,
        tx: &mut Tx,
        pass: &Pass<'_>,
        mut ticket: Ticket,
        view: &WorkItem,
        deadline: DateTime<Utc>,
    ) -> Result<Decided<AnnouncedWrite>, Refusal> {
        ticket.intent = Some(Intent::Delete { deadline });
        ticket.health = Health::Waiting;
        store::tickets::save(tx, &ticket).await?;
        // Said before it is done: whoever restores it would else leave a deletion that nobody can explain.
        if let Some(approval) = &ticket.following.approval {
            let what = format!(
                "Work item {} is to be moved into the recycle bin of {}, after revision {}; what was applied is undone.",
                view.id, view.project, view.revision
            );
            self.note_on_ticket(tx, &ticket, &Cause::new(CauseKind::Person, approval.cause()), what).await?;
        }
        if !self.holds_until(tx, pass, deadline).await? {
            return Ok(Decided::TakenOver);
        }
        Ok(Decided::Announced(AnnouncedWrite::Delete(AnnouncedDeletion {
            ticket: ticket.id,
            work_item: view.id,
            revision: view.revision,
            project: view.project.clone(),
        })))
    }

    /// Moves work items into their recycle bins, each sent once. What is not known to have happened is read from the board.
    pub(crate) async fn send_deletions(
        &self,
        pass: &Pass<'_>,
        announced: Vec<AnnouncedDeletion>,
        deadline: DateTime<Utc>,
        result: &mut ReconcileResult,
    ) -> Result<Turn, Refusal> {
        for deletion in announced {
            failpoint::reached("before delete").await;
            let answer = pass.board.client.delete(&deletion.project, deletion.work_item, deadline).await;
            failpoint::reached("after delete").await;
            let mut tx = self.inner.db.begin().await?;
            let Some(mut ticket) = store::tickets::get(&mut tx, deletion.ticket).await? else { continue };
            if ticket.intent.as_ref().map(Intent::deadline) != Some(deadline) {
                // This process stood still for so long that another one took over and knows better.
                return Ok(Turn::Stop);
            }
            let Err(error) = answer else {
                ticket.intent = None;
                self.approval_done(&mut tx, &mut ticket, Some(deletion.work_item), Some(deletion.revision))
                    .await?;
                store::tickets::save(&mut tx, &ticket).await?;
                tx.commit().await?;
                result.updated += 1;
                continue;
            };
            result.failed += 1;
            if let Turn::Stop = self.sent_alone_and_failed(pass, tx, ticket, &error).await? {
                return Ok(Turn::Stop);
            }
        }
        Ok(Turn::Done)
    }

    /// What an apply wrote is put back: both sides agree on what they agreed on before, and the ticket waits for a person.
    /// A work item that was created is given up like one that is replaced: if the ticket is tried again, the new one has a
    /// key of its own, and whoever restores the old one is recognised.
    pub(crate) async fn was_put_back(
        &self,
        tx: &mut Tx,
        ticket: &mut Ticket,
        apply: PlanApplyId,
        approval: &Approval,
    ) -> Result<(), Refusal> {
        let row = store::applies::ticket(tx, apply, ticket.id).await?;
        match row.and_then(|row| row.written) {
            Some(Written::Created) => {
                let order = Order::of_person(Repair::Replace, approval.cause());
                self.replace(tx, ticket, &order).await?;
            }
            Some(Written::Changed { before, base, .. }) => {
                if let Some(now) = &ticket.work_item {
                    ticket.base = Some(base.put_back(&before, now));
                }
            }
            Some(Written::Restored) | None => {}
        }
        store::applies::was_undone(tx, apply, ticket.id, approval.apply).await?;
        ticket.parked = true;
        ticket.health = Health::Parked;
        ticket.following.undone_by = Some(approval.by.clone());
        ticket.problem = Some(format!("Undone by {}.", approval.by));
        ticket.next_step = Some("Retry the ticket to do it again.".into());
        ticket.synced_mark = ticket.mark - 1;
        ticket.attempts = 0;
        Ok(())
    }

    /// The undo that was approved for a ticket, if one was.
    pub(crate) fn undo_of(ticket: &Ticket) -> Option<(Approval, PlanApplyId)> {
        let approval = ticket.following.approval.clone()?;
        match approval.deed {
            ApprovedDeed::Undo { apply } => Some((approval, apply)),
            ApprovedDeed::Write { .. } => None,
        }
    }
}

/// Why what was written to a work item is not undone: the ticket has another one now, or none.
pub(crate) fn not_its_any_more(work_item: Option<WorkItemId>) -> String {
    match work_item {
        Some(id) => format!("Work item {id} is not the ticket's work item any more: that stays."),
        None => "The ticket has another work item now: that stays.".into(),
    }
}
