//! A work item that exists: what is decided about it, in one transaction and without sending anything. See `send.rs`.

use azure::Item;
use chrono::{DateTime, Utc};
use model::Status;
use model::board::WorkItem;
use model::lifecycle::{Circumstances, Giver, command_of};
use model::map::Meaning;
use model::merge::{Authorship, Base, Desired, FieldChange, Outcome, Rules, UpdateIntent, merge};
use store::Tx;
use store::audit::{Cause, CauseKind, Entry, Subject};
use store::destinations::Destination;
use store::tickets::{Health, Intent, Ticket};

use crate::engine::Engine;
use crate::sync::feed::lost_our_link;
use crate::sync::pass::{Decided, Pass};
use crate::sync::send::AnnouncedUpdate;
use crate::triage::Followed;
use crate::{ReconcileResult, Refusal};

impl Engine {
    /// Decides what a ticket that has a work item needs: follows the card, stores what is agreed on, and announces what
    /// is to be sent before `deadline`. Nothing is sent here.
    pub(crate) async fn decide_update(
        &self,
        tx: &mut Tx,
        pass: &Pass<'_>,
        ticket: Ticket,
        item: Option<Item>,
        deadline: DateTime<Utc>,
        result: &mut ReconcileResult,
    ) -> Result<Decided<AnnouncedUpdate>, Refusal> {
        let Some((destination, shape)) = pass.destination(&ticket) else { return Ok(Decided::Rest) };
        let mark = ticket.mark;
        let Some(mut ticket) = store::tickets::get(tx, ticket.id).await? else { return Ok(Decided::Rest) };
        // A reason that came after the board was read is a reason to read it again.
        let marked = std::mem::replace(&mut ticket.mark, mark);
        if self.must_wait(tx, &mut ticket).await? {
            return Ok(Decided::Rest);
        }
        let Some(item) = item else {
            self.missing(tx, &mut ticket).await?;
            return Ok(Decided::Rest);
        };
        let view = item.view(shape);
        if ticket.base.as_ref().is_some_and(|base| base.revision > view.revision) {
            // Read before the last write, or from a copy that lags behind: it would look as if people had undone it.
            ticket.next_attempt_at = self.inner.world.now() + chrono::Duration::seconds(5);
            store::tickets::save(tx, &ticket).await?;
            return Ok(Decided::Rest);
        }
        let now = self.inner.world.now();
        store::comments::noticed(tx, ticket.id, view.revision, view.comment_count, now).await?;
        let findings = store::findings::of_ticket(tx, ticket.id).await?;
        let mut desired = self.desired(tx, destination, &findings).await?;
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
                self.note_write(tx, &ticket, what, &[]).await?;
            }
        }

        let mut own_marks = 0;
        let rules = rules(destination, &ticket);
        let mut outcome = merge(&base, &desired, &view, rules);
        if let Some(meaning) = outcome.follow {
            let followed = self.follow_card(tx, pass, &ticket, meaning, &view).await?;
            if followed == Followed::Yes {
                result.followed += 1;
            }
            // The findings that followed have marked their ticket, and what they say now is looked at right here. Where
            // there is one writer, nobody else can have marked it since.
            let alone = matches!(tx, Tx::Sqlite(_));
            if alone && let Some(now) = store::tickets::get(tx, ticket.id).await? {
                own_marks = now.mark - marked;
            }
            let findings = store::findings::of_ticket(tx, ticket.id).await?;
            desired = self.desired(tx, destination, &findings).await?;
            let mut base = outcome.base;
            // A claim that a scan has refuted by the time it is read was said all the same: the evidence beats it.
            let said =
                if followed == Followed::Refuted { Status::AwaitingValidation } else { desired.status };
            base.status = Some(said);
            outcome = merge(&base, &desired, &view, rules);
        }
        ticket.mark += own_marks;
        if lost_our_link(&ticket, &item) {
            self.note_lost_link(tx, &ticket, &view).await?;
        }
        ticket.title.clone_from(&view.title);
        ticket.status = desired.status;
        ticket.work_item = Some(view.clone());
        if outcome.writes.is_empty() {
            self.agreed(tx, &mut ticket, &outcome).await?;
            return Ok(Decided::Rest);
        }
        if pass.is_paused() {
            ticket.base = Some(outcome.base);
            ticket.health = Health::Waiting;
            ticket.problem = Some("The connection is paused: a change waits.".into());
            ticket.next_step = Some("Resume the connection.".into());
            ticket.next_attempt_at = self.inner.world.now() + chrono::Duration::minutes(5);
            store::tickets::save(tx, &ticket).await?;
            return Ok(Decided::Rest);
        }
        self.announce_update(tx, pass, ticket, desired, outcome, deadline).await
    }

    /// Links are a set: what a person took away stays away. The number of the work item is its identity, so nothing else
    /// changes.
    async fn note_lost_link(&self, tx: &mut Tx, ticket: &Ticket, view: &WorkItem) -> Result<(), Refusal> {
        let cause =
            Cause::new(CauseKind::WorkItem, format!("work item {} revision {}", view.id, view.revision));
        let entry = Entry {
            id: self.inner.world.id(),
            at: self.inner.world.now(),
            subject: Subject::Ticket(ticket.id),
            cause: &cause,
            what: format!("The link to Lockstep was taken off work item {}; it is not added again.", view.id),
            statuses: None,
            fields: &[],
        };
        store::audit::add(tx, entry).await?;
        Ok(())
    }

    /// Stores what is about to be sent. Nobody else may act on this connection before the deadline is over.
    async fn announce_update(
        &self,
        tx: &mut Tx,
        pass: &Pass<'_>,
        mut ticket: Ticket,
        desired: Desired,
        outcome: Outcome,
        deadline: DateTime<Utc>,
    ) -> Result<Decided<AnnouncedUpdate>, Refusal> {
        let Some(id) = ticket.work_item_id else { return Ok(Decided::Rest) };
        let intent = UpdateIntent {
            revision: outcome.base.revision,
            positions: outcome.positions.clone(),
            change: outcome.writes.last().cloned().unwrap_or_default(),
            wanted: desired,
        };
        ticket.base = Some(outcome.base.clone());
        ticket.conflicts.clone_from(&outcome.conflicts);
        ticket.intent = Some(Intent::Update { deadline, update: Box::new(intent.clone()) });
        ticket.health = Health::Waiting;
        store::tickets::save(tx, &ticket).await?;
        if !self.holds_until(tx, pass.board, deadline).await? {
            return Ok(Decided::TakenOver);
        }
        Ok(Decided::Announced(AnnouncedUpdate { ticket, id, intent, outcome }))
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
    pub(crate) async fn note_write(
        &self,
        tx: &mut Tx,
        ticket: &Ticket,
        what: String,
        fields: &[FieldChange],
    ) -> Result<(), Refusal> {
        let cause = match fields.iter().find_map(|field| field.decided_by.as_ref()) {
            Some(by) => Cause::new(CauseKind::Person, by.clone()),
            None => self.cause_of_write(tx, ticket).await?,
        };
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
        owners: destination.settings.fields.owners,
    }
}

pub(crate) fn health(outcome: &Outcome, closed: bool) -> Health {
    if !outcome.conflicts.is_empty() {
        Health::Conflict
    } else if closed {
        Health::Closed
    } else {
        Health::InStep
    }
}
