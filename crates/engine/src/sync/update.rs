//! A work item that exists: what is decided about it, in one transaction and without sending anything. See `send.rs`.

use azure::{Item, ItemShape};
use chrono::{DateTime, Utc};
use model::Status;
use model::approval::Approval;
use model::board::WorkItem;
use model::following::{Repair, Standing};
use model::lifecycle::{Circumstances, Giver, command_of};
use model::map::Meaning;
use model::merge::{Base, Desired, FieldChange, Outcome, Rules, UpdateIntent, merge};
use store::Tx;
use store::audit::{Cause, CauseKind, Entry, Subject};
use store::connections::Mode;
use store::destinations::Destination;
use store::tickets::{Health, Intent, Ticket};

use crate::engine::Engine;
use crate::sync::create::as_created;
use crate::sync::feed::lost_our_link;
use crate::sync::following::{rules_for, standing_of};
use crate::sync::guards::Wish;
use crate::sync::parting::Parting;
use crate::sync::pass::{Decided, Pass, Seen};
use crate::sync::repair::{AnnouncedWrite, is_marked};
use crate::sync::send::AnnouncedUpdate;
use crate::triage::Followed;
use crate::{ReconcileResult, Refusal};

impl Engine {
    /// Decides what a ticket that has a work item needs: follows the card, stores what is agreed on, and announces what
    /// is to be sent before `deadline`. Nothing is sent here.
    #[expect(clippy::too_many_arguments, reason = "what was read of the board, and for when it is decided")]
    pub(crate) async fn decide_update(
        &self,
        tx: &mut Tx,
        pass: &Pass<'_>,
        ticket: Ticket,
        item: Option<&Item>,
        seen: Seen<'_>,
        deadline: DateTime<Utc>,
        result: &mut ReconcileResult,
    ) -> Result<Decided<AnnouncedWrite>, Refusal> {
        let Some((destination, shape)) = pass.destination(&ticket) else { return Ok(Decided::Rest) };
        let (mark, approval, home) = (ticket.mark, ticket.following.approval, ticket.destination_id);
        let had = ticket.work_item_id;
        let Some(mut ticket) = store::tickets::get(tx, ticket.id).await? else { return Ok(Decided::Rest) };
        if ticket.health == Health::Released {
            return Ok(Decided::Rest);
        }
        // A reason that came after the board was read is a reason to read it again.
        let marked = std::mem::replace(&mut ticket.mark, mark);
        if ticket.following.approval != approval
            || ticket.destination_id != home
            || ticket.work_item_id != had
        {
            // Somebody approved it, moved it, or gave it another work item after the board was read: what was seen says
            // nothing about that, and it has its turn by itself.
            return Ok(Decided::Rest);
        }
        if self.must_wait(tx, &mut ticket).await? {
            return Ok(Decided::Rest);
        }
        let Some(item) = item.filter(|item| ticket.work_item_id == Some(item.id())) else {
            return self.decide_gone(tx, pass, ticket, seen, deadline).await;
        };
        let abroad = pass.foreign.of(destination, item);
        let view = item.view(abroad.map_or(shape, |abroad| &abroad.shape));
        if ticket.base.as_ref().is_some_and(|base| base.revision > view.revision) {
            // Read before the last write, or from a copy that lags behind: it would look as if people had undone it.
            ticket.next_attempt_at = self.inner.world.now() + chrono::Duration::seconds(5);
            store::tickets::save(tx, &ticket).await?;
            return Ok(Decided::Rest);
        }
        let now = self.inner.world.now();
        store::comments::noticed(tx, ticket.id, view.revision, view.comment_count, now).await?;
        let findings = store::findings::of_ticket(tx, ticket.id).await?;
        let mut desired = self.desired(tx, destination, Some(&ticket), &findings).await?;
        let mut base = match (ticket.base.take(), ticket.following.unread.take()) {
            (Some(base), _) => base,
            (None, Some(unread)) => {
                let created = as_created(&view, &unread.draft, destination);
                Base::of_created(&created, &unread.wanted, &ticket.token)
            }
            // Nobody knows what was agreed on: what it says now is where both sides begin.
            (None, None) => Base::of_created(&view, &desired, &ticket.token),
        };
        let unsettled = ticket.following.unsettled.clone();
        let update = match ticket.intent.clone() {
            Some(Intent::Update { update, .. }) => Some(update),
            Some(
                Intent::Restore { .. }
                | Intent::Delete { .. }
                | Intent::Create { .. }
                | Intent::Comment { .. }
                | Intent::Attachment { .. },
            )
            | None => unsettled,
        };
        if let Some(update) = update.filter(|update| view.revision > update.revision) {
            let Some(revisions) = seen.traces.of(&ticket) else {
                // Its time to wait ended only while other tickets had their turn, or the board did not tell.
                ticket.base = Some(base);
                ticket.next_attempt_at = self.inner.world.now() + chrono::Duration::seconds(5);
                store::tickets::save(tx, &ticket).await?;
                return Ok(Decided::Rest);
            };
            let shape = abroad.map_or(shape, |abroad| &abroad.shape);
            let own = pass.connection.identity.as_ref().map(|own| &own.id);
            // Each step carried the revision before it as its condition: the first that is not ours ended the way.
            let ours = revisions
                .iter()
                .map(|item| item.view(shape))
                .zip(update.revision + 1..)
                .take_while(|(item, next)| item.revision == *next && Some(&item.changed_by.id) == own);
            if let Some((reached, _)) = ours.last() {
                base.absorb(&update, &reached, &ticket.token);
                let (id, revision) = (view.id, reached.revision);
                let what = format!("Work item {id} changed (revision {revision}); the answer was lost.");
                self.note_write(tx, &ticket, what, &[]).await?;
                if ticket.following.approval.is_some() {
                    // What was approved is settled; what is left to do has a turn of its own.
                    let steps = i64::try_from(update.positions.len()).unwrap_or(i64::MAX);
                    ticket.intent = None;
                    ticket.following.unsettled = None;
                    ticket.work_item = Some(reached);
                    ticket.base = Some(base);
                    ticket.next_attempt_at = now;
                    if revision >= update.revision.saturating_add(steps) {
                        self.approval_done(tx, &mut ticket, Some(id), Some(revision)).await?;
                    } else {
                        let why = format!("Work item {id} was moved a part of the way only.");
                        self.approval_failed(tx, &mut ticket, &why).await?;
                    }
                    store::tickets::save(tx, &ticket).await?;
                    return Ok(Decided::Rest);
                }
            }
        }
        ticket.intent = None;
        ticket.following.unsettled = None;
        let own = pass.connection.identity.as_ref().map(|own| &own.id);
        let is_new = ticket.work_item.as_ref().is_none_or(|known| known.revision < view.revision);
        if is_new && view.revision > base.revision && Some(&view.changed_by.id) != own {
            // The board's clock may be ahead of ours.
            let lag = (now - view.changed_at).num_milliseconds().max(0);
            pass.lags.lock().await.push(lag);
        }

        if let Some((approval, apply)) = Self::undo_of(&ticket) {
            let known = ticket.clone();
            let place =
                (abroad.map_or(shape, |abroad| &abroad.shape), rules_for(destination, &known, abroad));
            let undo = (&approval, apply);
            // Rare and large: it is not a part of every turn's future.
            let decision = self.decide_undo(tx, pass, ticket, undo, base, desired, &view, place, deadline);
            return Box::pin(decision).await;
        }
        if ticket.is_missing() {
            // What was said meanwhile waited for it.
            store::comments::talk_at(tx, ticket.id, Some(self.inner.world.now())).await?;
        }
        ticket.following.was_recycled = false;
        let order = ticket.following.order.clone();
        if let Some(order) = order {
            ticket.base = Some(base.clone());
            match order.repair {
                Repair::Bind { .. } => {
                    self.bind(tx, pass, &mut ticket, &order, seen.named).await?;
                    return Ok(Decided::Rest);
                }
                Repair::Replace => {
                    self.replace(tx, &mut ticket, &order).await?;
                    return Ok(Decided::Rest);
                }
                // It lives.
                Repair::Restore => ticket.following.order = None,
                // A write comes first, see below.
                Repair::MergeInto { .. } | Repair::MoveTo { .. } => {}
                Repair::Release | Repair::FollowThere | Repair::HandOver { .. } | Repair::Ignore => {
                    self.carry_out_here(tx, &mut ticket, &order).await?;
                    // The next turn sees it as it is then.
                    ticket.next_attempt_at = self.inner.world.now();
                    store::tickets::save(tx, &ticket).await?;
                    return Ok(Decided::Rest);
                }
            }
        }
        match standing_of(destination, item, &view, abroad) {
            Standing::Merged(into) if !ticket.following.merge_ignored && desired.status.is_open() => {
                ticket.base = Some(base);
                ticket.status = desired.status;
                self.say_merged(tx, &mut ticket, &view, into).await?;
                return Ok(Decided::Rest);
            }
            Standing::Merged(_) => {}
            Standing::Home | Standing::Moved | Standing::Retyped => ticket.following.merge_ignored = false,
        }
        if is_marked(item, &ticket.token) {
            ticket.following.unmarked = false;
        }

        if !base.position.state.eq_ignore_ascii_case(&view.state) {
            // Somebody on the board moved the card: that counts, and not what was chosen here before.
            ticket.following.chosen = None;
        }
        ticket.following.outgrow_choice(desired.status);
        let mut own_marks = 0;
        let known = ticket.clone();
        let rules = rules_for(destination, &known, abroad);
        let mut outcome = merge(&base, &desired, &view, rules);
        if outcome.follow.is_some()
            && !pass.is_rehearsal
            && ticket.following.approval.is_none()
            && store::connections::mode(tx, ticket.connection_id).await? == Mode::Shadow
        {
            self.shadow_follow(tx, &mut ticket, base, &view).await?;
            return Ok(Decided::Rest);
        }
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
            desired = self.desired(tx, destination, Some(&ticket), &findings).await?;
            let mut base = outcome.base;
            // A claim that a scan has refuted by the time it is read was said all the same: the evidence beats it.
            let said =
                if followed == Followed::Refuted { Status::AwaitingValidation } else { desired.status };
            base.status = Some(said);
            outcome = merge(&base, &desired, &view, rules);
        }
        ticket.mark += own_marks;
        if lost_our_link(&ticket, item) {
            self.note_lost_link(tx, &ticket, &view).await?;
        }
        if ticket.following.unmarked {
            // The marks go alone; whatever else there is to do or to say has its turn after them.
            if !outcome.writes.is_empty() || !outcome.conflicts.is_empty() {
                store::tickets::mark(tx, ticket.id).await?;
            }
            self.mark_adopted(&ticket, destination, &desired, &view, &mut outcome);
        }
        ticket.title.clone_from(&view.title);
        ticket.status = desired.status;
        ticket.work_item = Some(view.clone());
        if let Parting::Done =
            self.wishes_by_hand(tx, destination, &mut ticket, item, &view, &mut outcome).await?
        {
            return Ok(Decided::Rest);
        }
        if outcome.writes.is_empty() {
            self.agreed(tx, pass, &mut ticket, &desired, &outcome).await?;
            return Ok(Decided::Rest);
        }
        if self.is_held(tx, pass, destination, &mut ticket, &Wish::Update(&desired, &outcome)).await? {
            ticket.base = Some(outcome.base);
            store::tickets::save(tx, &ticket).await?;
            return Ok(Decided::Rest);
        }
        let shape = abroad.map_or(shape, |abroad| &abroad.shape);
        self.announce_update(tx, pass, shape, ticket, desired, outcome, deadline).await
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

    #[expect(clippy::too_many_arguments, reason = "the end of decide_update, split off to be read by itself")]
    /// Stores what is about to be sent. Nobody else may act on this connection before the deadline is over.
    pub(crate) async fn announce_update(
        &self,
        tx: &mut Tx,
        pass: &Pass<'_>,
        shape: &ItemShape,
        mut ticket: Ticket,
        desired: Desired,
        outcome: Outcome,
        deadline: DateTime<Utc>,
    ) -> Result<Decided<AnnouncedWrite>, Refusal> {
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
        if !self.holds_until(tx, pass, deadline).await? {
            return Ok(Decided::TakenOver);
        }
        let update = AnnouncedUpdate { ticket, id, intent, outcome, shape: shape.clone() };
        Ok(Decided::Announced(AnnouncedWrite::Update(Box::new(update))))
    }

    /// Both sides agree, or differ where a person decided so.
    async fn agreed(
        &self,
        tx: &mut Tx,
        pass: &Pass<'_>,
        ticket: &mut Ticket,
        desired: &Desired,
        outcome: &Outcome,
    ) -> Result<(), Refusal> {
        ticket.base = Some(outcome.base.clone());
        ticket.conflicts.clone_from(&outcome.conflicts);
        ticket.synced_mark = ticket.mark;
        ticket.synced_at = Some(self.inner.world.now());
        ticket.attempts = 0;
        ticket.problem = None;
        ticket.next_step = None;
        // What a rule leaves open is not closed, whatever its findings are.
        let closed = outcome.base.status.is_some_and(|status| !status.is_open());
        ticket.health = health(outcome, closed);
        if let Some(why) = &outcome.unreachable {
            ticket.health = Health::Conflict;
            ticket.problem = Some(format!("The card cannot be moved: {why}."));
            ticket.next_step = Some("Move it by hand, or change the status map of the destination.".into());
        } else if let Some(problem) = &desired.problem {
            ticket.problem =
                Some(format!("A template failed, and the standard one was used instead: {problem}"));
            ticket.next_step = Some("Mend the templates of the destination.".into());
        }
        self.name_standing(pass, ticket);
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
        let desired = self.desired(tx, destination, Some(ticket), &findings).await?;
        ticket.following.outgrow_choice(desired.status);
        let outcome = merge(&base, &desired, view, rules(destination, ticket));
        // The board may add its fields a moment after creation; the lane is set on the next look.
        let lane_waits =
            desired.lane.is_some() && view.column.is_none() && destination.process.board.is_some();
        // What a person asked for meanwhile has its own turn.
        let is_asked = ticket.following.order.is_some();
        if outcome.writes.is_empty() && outcome.follow.is_none() && !lane_waits && !is_asked {
            self.agreed(tx, pass, ticket, &desired, &outcome).await?;
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
        let findings = store::findings::of_ticket(tx, ticket.id).await?;
        let mut circumstances = Circumstances {
            giver: Giver::Card,
            by: by.to_owned(),
            // When it was said, not when we read it: a scan in between may have looked at the fix already.
            at: view.changed_at.min(self.inner.world.now()),
            reason: None,
            temporary: None,
            grace: self.inner.settings.grace,
        };
        let what = format!("{by} moved work item {} to {place} in {}.", view.id, pass.connection.name);
        // Who claims a fix does not validate it, also under another name here.
        if findings.iter().any(|finding| finding.triage.manual.is_some())
            && let Some(user) =
                store::users::on_board(tx, &view.changed_by.id, &view.changed_by.unique_name).await?
        {
            circumstances.by = user.name;
        }
        let mut changed = Followed::No;
        for finding in findings {
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

    /// Says in the log that we changed the work item, and why.
    pub(crate) async fn note_write(
        &self,
        tx: &mut Tx,
        ticket: &Ticket,
        what: String,
        fields: &[FieldChange],
    ) -> Result<(), Refusal> {
        let decided_by = fields.iter().find_map(|field| field.decided_by.clone());
        let approved_by = ticket.following.approval.as_ref().map(Approval::cause);
        let cause = match approved_by.or(decided_by) {
            Some(by) => Cause::new(CauseKind::Person, by),
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
        chosen: ticket.following.wanted_state(),
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
