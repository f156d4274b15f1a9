//! Announced changes of work items are sent, many in one request, and what came of each is stored.
//!
//! Each ticket's change was announced with the same deadline; what is not known to have happened or not stays announced
//! and is looked at later, one ticket at a time.

use azure::{Error, ItemShape, Walk, Write};
use chrono::{DateTime, Utc};
use model::WorkItemId;
use model::board::ItemLink;
use model::map::Position;
use model::merge::{Outcome, UpdateIntent};
use store::tickets::{Intent, Ticket};
use store::{Pieces, Tx, failpoint};

use crate::engine::Engine;
use crate::sync::pass::{Pass, Turn};
use crate::sync::report::Reach;
use crate::sync::update::health;
use crate::{ReconcileResult, Refusal};

/// A change that is stored as the intent of its ticket and not sent yet.
#[derive(Debug)]
pub(crate) struct AnnouncedUpdate {
    /// The ticket as it was stored, but for its mark: the one that the read of the board answers.
    pub(crate) ticket: Ticket,
    /// Its work item.
    pub(crate) id: WorkItemId,
    /// What was announced.
    pub(crate) intent: UpdateIntent,
    /// What was decided.
    pub(crate) outcome: Outcome,
    /// Shape of the type that the work item has.
    pub(crate) shape: ItemShape,
}

/// Why the way of a work item ended before its end.
struct Failure {
    error: Error,
    /// It befell the whole request and says nothing about this ticket.
    of_all: bool,
}

impl Engine {
    /// Sends what was announced, and stores what came of it. The next steps of all cards travel in one request.
    pub(crate) async fn send_updates(
        &self,
        pass: &Pass<'_>,
        announced: Vec<AnnouncedUpdate>,
        deadline: DateTime<Utc>,
        result: &mut ReconcileResult,
    ) -> Result<Turn, Refusal> {
        let client = &pass.board.client;
        let mut ways: Vec<(&AnnouncedUpdate, Walk<'_>, Option<Failure>)> = announced
            .iter()
            .map(|update| {
                let (writes, revision) = (&update.outcome.writes, update.intent.revision);
                (update, client.walk(update.id, revision, &update.shape, writes, deadline), None)
            })
            .collect();
        loop {
            let writes: Vec<Write<'_>> = ways.iter().filter_map(|(_, way, _)| way.next_write()).collect();
            if writes.is_empty() {
                break;
            }
            failpoint::reached("before update").await;
            let answers = client.write_batch(&writes, deadline).await;
            failpoint::reached("after update").await;
            let mut answers = match answers {
                Ok(answers) => Ok(answers.into_iter()),
                Err(error) => Err(error),
            };
            for (_, way, failure) in ways.iter_mut().filter(|(_, way, _)| !way.is_over()) {
                let (answer, of_all) = match &mut answers {
                    Ok(answers) => match answers.next() {
                        Some(answer) => (answer, false),
                        None => break,
                    },
                    Err(error) => (Err(error.clone()), true),
                };
                *failure = way.took(answer).err().map(|error| Failure { error, of_all });
            }
        }

        let mut pieces = Pieces::new(&self.inner.db);
        let mut turn = Turn::Done;
        let mut wait: Option<(Error, DateTime<Utc>)> = None;
        for (update, way, failure) in ways {
            if let Some(Failure { error, .. }) = &failure
                && let Reach::Connection(until) = self.reach(error)
            {
                wait = Some((error.clone(), until));
            }
            let tx = pieces.begin().await?;
            match self.was_sent(tx, pass, update, &way, failure, deadline, result).await {
                Ok(Turn::Done) => pieces.keep().await?,
                Ok(Turn::Stop) => {
                    pieces.undo().await?;
                    turn = Turn::Stop;
                }
                Err(refusal) => self.put_off(&mut pieces, update.ticket.id, &refusal, result).await?,
            }
        }
        pieces.finish().await?;
        if let Some((error, until)) = wait {
            self.block(pass.board, &error, until).await?;
            turn = Turn::Stop;
        }
        Ok(turn)
    }

    /// Stores what stands on the board after a way, and whether it led to its end.
    #[expect(
        clippy::too_many_arguments,
        reason = "the end of send_updates for one ticket, split off to be read by itself"
    )]
    async fn was_sent(
        &self,
        tx: &mut Tx,
        pass: &Pass<'_>,
        update: &AnnouncedUpdate,
        way: &Walk<'_>,
        failure: Option<Failure>,
        deadline: DateTime<Utc>,
        result: &mut ReconcileResult,
    ) -> Result<Turn, Refusal> {
        let AnnouncedUpdate { ticket, id, intent, outcome, shape } = update;
        let revision = way.revision();
        let Some(mut stored) = store::tickets::get(tx, ticket.id).await? else { return Ok(Turn::Done) };
        if stored.intent.as_ref().map(Intent::deadline) != Some(deadline) {
            // This process stood still for so long that another one took over and knows better.
            return Ok(Turn::Stop);
        }
        let mut base = outcome.base.clone();
        if let Some(item) = way.item() {
            let mut view = item.view(shape);
            if view.hyperlinks.is_empty() {
                // Answers to many writes in one request may lack the links; our changes take none away.
                view.hyperlinks = stored.work_item.take().map(|known| known.hyperlinks).unwrap_or_default();
            }
            let from = intent.revision;
            store::comments::wrote(tx, ticket.id, from, view.revision, view.comment_count).await?;
            if failure.is_none() {
                base.absorb(intent, &view, &ticket.token);
            } else if matches!(failure, Some(Failure { error: Error::Misplaced { .. }, .. })) {
                // Everything but the place is agreed on; that is tried again, a few times.
                base.absorb(intent, &view, &ticket.token);
                base.status = outcome.base.status;
                let what = format!("Work item {id} changed (revision {revision}), and stands elsewhere.");
                self.note_write(tx, &stored, what, &outcome.fields).await?;
            } else {
                // Only steps on the way were taken: the card stands where we put it, nothing else is changed yet.
                base.revision = view.revision;
                base.position = Position::of(&view);
                let what = format!("Work item {id} moved a part of the way (revision {revision}).");
                self.note_write(tx, &stored, what, &[]).await?;
            }
            stored.work_item = Some(view);
        }
        stored.base = Some(base);
        if matches!(failure, Some(Failure { error: Error::Misplaced { .. }, .. })) {
            // It was written, as approved; that the card stands elsewhere is told on the ticket.
            self.approval_done(tx, &mut stored, Some(*id), Some(revision)).await?;
        }
        if let Some(Failure { error, of_all }) = failure {
            result.failed += 1;
            if error.is_certain_not_applied() {
                stored.intent = None;
            }
            let links: Vec<ItemLink> =
                outcome.writes.iter().flat_map(|write| write.add_links.iter().copied()).collect();
            self.leave_out_links(tx, &mut stored, &error, &links).await?;
            let reach = self.reach(&error);
            let waits = of_all && matches!(reach, Reach::Connection(_)) && way.item().is_none();
            self.approval_refused_by_board(tx, &mut stored, &error, waits).await?;
            match reach {
                Reach::Connection(until) if of_all => {
                    // The connection waits; a ticket that was on its way with others is not to blame.
                    stored.next_attempt_at = until;
                    store::tickets::save(tx, &stored).await?;
                }
                _ => self.failed(tx, &mut stored, &error).await?,
            }
            return Ok(Turn::Done);
        }
        stored.intent = None;
        stored.synced_mark = ticket.mark;
        stored.attempts = 0;
        stored.synced_at = Some(self.inner.world.now());
        stored.problem = None;
        stored.next_step = None;
        let agreed = stored.base.as_ref().and_then(|base| base.status);
        let closed = agreed.is_some_and(|status| !status.is_open());
        stored.health = health(outcome, closed);
        self.name_standing(pass, &mut stored);
        let what = format!("Work item {id} changed (revision {revision}).");
        self.note_write(tx, &stored, what, &outcome.fields).await?;
        if let Some(apply) = stored.following.created_by {
            store::applies::completed(tx, apply, stored.id, intent.revision, revision).await?;
        }
        self.approval_done(tx, &mut stored, Some(*id), Some(revision)).await?;
        store::tickets::save(tx, &stored).await?;
        result.updated += 1;
        Ok(Turn::Done)
    }
}
