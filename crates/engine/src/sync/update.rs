//! A work item that exists: merged with what is wanted, followed, and changed.

use azure::{Error, Item};
use model::Status;
use model::board::WorkItem;
use model::lifecycle::{Circumstances, Giver, command_of};
use model::map::{Meaning, Position};
use model::merge::{Authorship, Base, Desired, FieldChange, Outcome, Rules, UpdateIntent, merge};
use store::Tx;
use store::audit::{Cause, CauseKind, Entry, Subject};
use store::destinations::Destination;
use store::failpoint;
use store::tickets::{Health, Intent, Ticket};

use crate::engine::Engine;
use crate::sync::pass::{Pass, Turn};
use crate::sync::report::Reach;
use crate::triage::Followed;
use crate::{ReconcileResult, Refusal};

impl Engine {
    /// The turn of a ticket that has a work item.
    pub(crate) async fn update_turn(
        &self,
        pass: &Pass<'_>,
        ticket: Ticket,
        item: Option<Item>,
        result: &mut ReconcileResult,
    ) -> Result<Turn, Refusal> {
        let Some((destination, shape)) = pass.destination(&ticket) else { return Ok(Turn::Done) };
        let mut tx = self.inner.db.begin().await?;
        let mark = ticket.mark;
        let Some(mut ticket) = store::tickets::get(&mut tx, ticket.id).await? else { return Ok(Turn::Done) };
        // A reason that came after the board was read is a reason to read it again.
        ticket.mark = mark;
        if self.must_wait(&mut tx, &mut ticket).await? {
            tx.commit().await?;
            return Ok(Turn::Done);
        }
        let Some(item) = item else {
            self.missing(&mut tx, &mut ticket).await?;
            tx.commit().await?;
            return Ok(Turn::Done);
        };
        let view = item.view(shape);
        if ticket.base.as_ref().is_some_and(|base| base.revision > view.revision) {
            // Read before the last write, or from a copy that lags behind: it would look as if people had undone it.
            ticket.next_attempt_at = self.inner.world.now() + chrono::Duration::seconds(5);
            store::tickets::save(&mut tx, &ticket).await?;
            tx.commit().await?;
            return Ok(Turn::Done);
        }
        let findings = store::findings::of_ticket(&mut tx, ticket.id).await?;
        let mut desired = self.desired(&mut tx, destination, &findings).await?;
        let mut base = match ticket.base.take() {
            Some(base) => base,
            // It was found in the recycle bin and restored: what it says now is where both sides begin.
            None => Base::of_created(&view, &desired, &ticket.token),
        };
        if let Some(Intent::Update { update, .. }) = ticket.intent.take() {
            let ours = pass.connection.identity.as_ref().is_some_and(|own| own.id == view.changed_by.id);
            let next = view.revision > update.revision
                && view.revision <= update.revision + i64::try_from(update.positions.len()).unwrap_or(0);
            let by = if ours && next { Authorship::Ours } else { Authorship::InDoubt };
            base.absorb(&update, &view, &ticket.token, by);
            if view.revision > update.revision {
                let what = match by {
                    Authorship::Ours => {
                        format!(
                            "Work item {} changed (revision {}); the answer was lost.",
                            view.id, view.revision
                        )
                    }
                    Authorship::InDoubt => format!(
                        "Work item {} was to be changed after revision {}; the answer was lost, and somebody has changed it since.",
                        view.id, update.revision
                    ),
                };
                self.note_write(&mut tx, &ticket, what, &[]).await?;
            }
        }

        let rules = rules(destination, &ticket);
        let mut outcome = merge(&base, &desired, &view, rules);
        if let Some(meaning) = outcome.follow {
            let followed = self.follow_card(&mut tx, pass, &ticket, meaning, &view).await?;
            if followed == Followed::Yes {
                result.followed += 1;
            }
            let findings = store::findings::of_ticket(&mut tx, ticket.id).await?;
            desired = self.desired(&mut tx, destination, &findings).await?;
            let mut base = outcome.base;
            // A claim that a scan has refuted by the time it is read was said all the same: the evidence beats it.
            let said =
                if followed == Followed::Refuted { Status::AwaitingValidation } else { desired.status };
            base.status = Some(said);
            outcome = merge(&base, &desired, &view, rules);
        }
        ticket.title.clone_from(&view.title);
        ticket.status = desired.status;
        ticket.work_item = Some(view.clone());
        if outcome.writes.is_empty() {
            self.agreed(&mut tx, &mut ticket, &outcome).await?;
            tx.commit().await?;
            return Ok(Turn::Done);
        }
        if pass.is_paused() {
            ticket.base = Some(outcome.base);
            ticket.health = Health::Waiting;
            ticket.problem = Some("The connection is paused: a change waits.".into());
            ticket.next_step = Some("Resume the connection.".into());
            ticket.next_attempt_at = self.inner.world.now() + chrono::Duration::minutes(5);
            store::tickets::save(&mut tx, &ticket).await?;
            tx.commit().await?;
            return Ok(Turn::Done);
        }
        self.write(tx, pass, ticket, desired, outcome, view.revision, result).await
    }

    /// Announces the writes, sends them one after the other, and stores what stands on the board then.
    #[expect(clippy::too_many_arguments, reason = "the end of update_turn, split off to be read by itself")]
    async fn write(
        &self,
        mut tx: Tx,
        pass: &Pass<'_>,
        mut ticket: Ticket,
        desired: Desired,
        outcome: Outcome,
        revision: i64,
        result: &mut ReconcileResult,
    ) -> Result<Turn, Refusal> {
        let Some((_, shape)) = pass.destination(&ticket) else { return Ok(Turn::Done) };
        let Some(id) = ticket.work_item_id else { return Ok(Turn::Done) };
        let now = self.inner.world.now();
        let deadline = now + self.inner.settings.write_deadline;
        let intent = UpdateIntent {
            revision,
            positions: outcome.positions.clone(),
            change: outcome.writes.last().cloned().unwrap_or_default(),
            wanted: desired,
        };
        ticket.base = Some(outcome.base.clone());
        ticket.conflicts.clone_from(&outcome.conflicts);
        ticket.intent = Some(Intent::Update { deadline, update: Box::new(intent.clone()) });
        ticket.health = Health::Waiting;
        store::tickets::save(&mut tx, &ticket).await?;
        let until = deadline + chrono::Duration::seconds(5);
        if !store::connections::lease(&mut tx, pass.board.id, self.inner.owner, now, until).await? {
            return Ok(Turn::Stop);
        }
        tx.commit().await?;

        let mut walk = pass.board.client.walk(id, revision, shape, &outcome.writes, deadline);
        let mut failure = None;
        while !walk.is_over() {
            failpoint::reached("before update").await;
            failure = walk.step().await.err();
            failpoint::reached("after update").await;
        }
        let revision = walk.revision();

        let mut tx = self.inner.db.begin().await?;
        let Some(mut stored) = store::tickets::get(&mut tx, ticket.id).await? else { return Ok(Turn::Done) };
        if stored.intent.as_ref().map(Intent::deadline) != Some(deadline) {
            // This process stood still for so long that another one took over and knows better.
            return Ok(Turn::Stop);
        }
        let mut base = outcome.base.clone();
        if let Some(item) = walk.item() {
            let view = item.view(shape);
            if failure.is_none() {
                base.absorb(&intent, &view, &ticket.token, Authorship::Ours);
            } else if matches!(failure, Some(Error::Misplaced { .. })) {
                // Everything but the place is agreed on; that is tried again, a few times.
                base.absorb(&intent, &view, &ticket.token, Authorship::Ours);
                base.status = outcome.base.status;
                let what = format!("Work item {id} changed (revision {revision}), and stands elsewhere.");
                self.note_write(&mut tx, &stored, what, &outcome.fields).await?;
            } else {
                // Only steps on the way were taken: the card stands where we put it, nothing else is changed yet.
                base.revision = view.revision;
                base.position = Position::of(&view);
                let what = format!("Work item {id} moved a part of the way (revision {revision}).");
                self.note_write(&mut tx, &stored, what, &[]).await?;
            }
            stored.work_item = Some(view);
        }
        stored.base = Some(base);
        if let Some(error) = failure {
            result.failed += 1;
            if error.is_certain_not_applied() {
                stored.intent = None;
            }
            self.failed(&mut tx, &mut stored, &error).await?;
            tx.commit().await?;
            if let Reach::Connection(until) = self.reach(&error) {
                self.block(pass.board, &error, until).await?;
                return Ok(Turn::Stop);
            }
            return Ok(Turn::Done);
        }
        stored.intent = None;
        stored.synced_mark = ticket.mark;
        stored.attempts = 0;
        stored.synced_at = Some(self.inner.world.now());
        stored.problem = None;
        stored.next_step = None;
        let closed = !stored.status.is_open();
        stored.health = health(&outcome, closed);
        let what = format!("Work item {id} changed (revision {revision}).");
        self.note_write(&mut tx, &stored, what, &outcome.fields).await?;
        store::tickets::save(&mut tx, &stored).await?;
        tx.commit().await?;
        result.updated += 1;
        Ok(Turn::Done)
    }

    /// Both sides agree, or differ where a person decided so.
    async fn agreed(&self, tx: &mut Tx, ticket: &mut Ticket, outcome: &Outcome) -> Result<(), Refusal> {
        ticket.base = Some(outcome.base.clone());
        ticket.conflicts.clone_from(&outcome.conflicts);
        ticket.synced_mark = ticket.mark;
        ticket.synced_at = Some(self.inner.world.now());
        ticket.attempts = 0;
        ticket.problem = None;
        ticket.next_step = None;
        ticket.health = health(outcome, !ticket.status.is_open());
        if let Some(why) = &outcome.unreachable {
            ticket.health = Health::Conflict;
            ticket.problem = Some(format!("The card cannot be moved: {why}."));
            ticket.next_step = Some("Move it by hand, or change the status map of the destination.".into());
        }
        store::tickets::save(tx, ticket).await?;
        Ok(())
    }

    /// Places a card that was just created, unless it stands where it should.
    pub(crate) async fn settle_created(
        &self,
        tx: &mut Tx,
        pass: &Pass<'_>,
        ticket: &mut Ticket,
        view: &WorkItem,
    ) -> Result<(), Refusal> {
        let (Some((destination, _)), Some(base)) = (pass.destination(ticket), ticket.base.clone()) else {
            return Ok(());
        };
        let findings = store::findings::of_ticket(tx, ticket.id).await?;
        let desired = self.desired(tx, destination, &findings).await?;
        let outcome = merge(&base, &desired, view, rules(destination, ticket));
        // The board may add its fields a moment after creation; the lane is set on the next look.
        let lane_waits =
            desired.lane.is_some() && view.column.is_none() && destination.process.board.is_some();
        if outcome.writes.is_empty() && outcome.follow.is_none() && !lane_waits {
            let problem = (ticket.problem.clone(), ticket.next_step.clone());
            self.agreed(tx, ticket, &outcome).await?;
            if problem.0.is_some() {
                (ticket.problem, ticket.next_step) = problem;
                store::tickets::save(tx, ticket).await?;
            }
        }
        Ok(())
    }

    /// A person moved the card: every finding for which that is legal follows. Answers whether any status changed, or
    /// whether a scan has refuted the move for any of them already.
    async fn follow_card(
        &self,
        tx: &mut Tx,
        pass: &Pass<'_>,
        ticket: &Ticket,
        meaning: Meaning,
        view: &WorkItem,
    ) -> Result<Followed, Refusal> {
        let Some(command) = command_of(meaning) else { return Ok(Followed::No) };
        let by =
            if view.changed_by.display_name.is_empty() { "somebody" } else { &view.changed_by.display_name };
        let place = view.column.as_ref().filter(|column| **column != view.state);
        let place = place.map_or_else(|| view.state.clone(), |column| format!("{} ({column})", view.state));
        let cause = Cause::new(
            CauseKind::WorkItem,
            format!("work item {} revision {} by {by}", view.id, view.revision),
        );
        let circumstances = Circumstances {
            giver: Giver::Card,
            by: by.to_owned(),
            // When it was said, not when we read it: a scan in between may have looked at the fix already.
            at: view.changed_at.min(self.inner.world.now()),
            reason: None,
            temporary: None,
            grace: self.inner.settings.grace,
        };
        let what = format!("{by} moved work item {} to {place} in {}.", view.id, pass.connection.name);
        let mut changed = Followed::No;
        for finding in store::findings::of_ticket(tx, ticket.id).await? {
            match self.follow(tx, &finding, &command, &circumstances, &cause, what.clone()).await? {
                Ok(Followed::Refuted) => changed = Followed::Refuted,
                Ok(Followed::Yes) if changed == Followed::No => changed = Followed::Yes,
                // Illegal for this one: a card changes only what it may, the others follow.
                Ok(Followed::Yes | Followed::No) | Err(_) => {}
            }
        }
        let entry = Entry {
            id: self.inner.world.id(),
            at: self.inner.world.now(),
            subject: Subject::Ticket(ticket.id),
            cause: &cause,
            what,
            statuses: None,
            fields: &[],
        };
        store::audit::add(tx, entry).await?;
        Ok(changed)
    }

    async fn missing(&self, tx: &mut Tx, ticket: &mut Ticket) -> Result<(), Refusal> {
        let id = ticket.work_item_id.map(|id| id.to_string()).unwrap_or_default();
        if ticket.health != Health::Missing {
            let cause = Cause::new(CauseKind::WorkItem, format!("work item {id}"));
            let entry = Entry {
                id: self.inner.world.id(),
                at: self.inner.world.now(),
                subject: Subject::Ticket(ticket.id),
                cause: &cause,
                what: format!("Work item {id} was deleted, or may no longer be read."),
                statuses: None,
                fields: &[],
            };
            store::audit::add(tx, entry).await?;
        }
        ticket.health = Health::Missing;
        ticket.problem =
            Some(format!("Work item {id} was deleted, or this connection may no longer read it."));
        ticket.next_step =
            Some("Restore it from the recycle bin, or give the connection the right to read it.".into());
        ticket.synced_mark = ticket.mark;
        ticket.synced_at = Some(self.inner.world.now());
        store::tickets::save(tx, ticket).await?;
        Ok(())
    }

    /// Says in the log that we changed the work item, and why.
    async fn note_write(
        &self,
        tx: &mut Tx,
        ticket: &Ticket,
        what: String,
        fields: &[FieldChange],
    ) -> Result<(), Refusal> {
        let cause = self.cause_of_write(tx, ticket).await?;
        let entry = Entry {
            id: self.inner.world.id(),
            at: self.inner.world.now(),
            subject: Subject::Ticket(ticket.id),
            cause: &cause,
            what,
            statuses: None,
            fields,
        };
        store::audit::add(tx, entry).await?;
        Ok(())
    }

    /// What caused our write: the latest change of the ticket's findings.
    async fn cause_of_write(&self, tx: &mut Tx, ticket: &Ticket) -> Result<Cause, Refusal> {
        let mut latest = None;
        for finding in store::findings::of_ticket(tx, ticket.id).await? {
            if let Some(change) = store::audit::latest_status_change(tx, finding.id).await?
                && latest.as_ref().is_none_or(|(at, _)| change.at > *at)
            {
                latest = Some((change.at, change.cause));
            }
        }
        Ok(latest
            .map_or_else(|| Cause::new(CauseKind::Rule, "the destination's settings"), |(_, cause)| cause))
    }
}

pub(crate) fn rules<'a>(destination: &'a Destination, ticket: &'a Ticket) -> Rules<'a> {
    Rules {
        status_map: &destination.settings.status_map,
        work_item_type: &destination.process.work_item_type,
        board: destination.process.board.as_ref(),
        token: &ticket.token,
    }
}

fn health(outcome: &Outcome, closed: bool) -> Health {
    if !outcome.conflicts.is_empty() {
        Health::Conflict
    } else if closed {
        Health::Closed
    } else {
        Health::InStep
    }
}
