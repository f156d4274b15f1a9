//! Mends of a ticket whose work item is not as it should be. What a person or a policy asked for is stored as an order;
//! the next pass carries it out, once nothing of the ticket is under way any more.

use azure::Item;
use chrono::{DateTime, Utc};
use model::block;
use model::board::{Change, Draft, Hyperlink, WorkItem};
use model::following::{ChosenState, Following, Order, Place, Repair};
use model::map::Position;
use model::merge::{Agreed, Base, Desired, FieldChange, Outcome, UpdateIntent};
use model::process::StateCategory;
use model::{DestinationId, WorkItemId};
use store::Tx;
use store::alarms::Kind;
use store::audit::{Cause, CauseKind};
use store::connections::Mode;
use store::destinations::Destination;
use store::failpoint;
use store::tickets::{Health, Intent, Ticket};

use crate::alarms::About;
use crate::engine::{Engine, EventKind};
use crate::sync::desired::carries;
use crate::sync::following::{Whereabouts, home, offered};
use crate::sync::pass::{Decided, Pass, Seen, Turn};
use crate::sync::report::Reach;
use crate::sync::send::AnnouncedUpdate;
use crate::sync::undo::AnnouncedDeletion;
use crate::{Actor, ReconcileResult, Refusal};

/// What was announced for a ticket that has a work item, and is not sent yet.
pub(crate) enum AnnouncedWrite {
    /// A change of it.
    Update(Box<AnnouncedUpdate>),
    /// Taking it out of the recycle bin.
    Restore(AnnouncedRestoration),
    /// Moving it into the recycle bin.
    Delete(AnnouncedDeletion),
}

/// A work item that is to be taken out of the recycle bin.
pub(crate) struct AnnouncedRestoration {
    ticket: model::TicketId,
    pub(crate) work_item: WorkItemId,
    pub(crate) project: String,
    /// Its revision in the recycle bin.
    pub(crate) revision: i64,
    /// The destination's policy asked for it, not a person.
    by_policy: bool,
}

/// Who asked, for the log.
pub(crate) fn cause_of(order: &Order) -> Cause {
    if order.by_policy {
        Cause::new(CauseKind::Rule, format!("policy of the destination {}", order.by))
    } else {
        Cause::new(CauseKind::Person, order.by.clone())
    }
}

/// An item carries a token, in a link or in a long text, wherever its type keeps it.
pub(crate) fn is_marked(item: &Item, token: &str) -> bool {
    let texts = ["System.Description", "Microsoft.VSTS.TCM.ReproSteps"];
    item.hyperlinks().iter().any(|link| carries(link, token))
        || texts.iter().any(|field| item.text(field).is_some_and(|text| block::words(text, token).is_some()))
}

/// Why an existing work item cannot be used for a ticket of a destination. `None`: it can.
pub(crate) async fn why_not(
    tx: &mut Tx,
    destination: &Destination,
    ticket: Option<&Ticket>,
    item: &Item,
    view: &WorkItem,
) -> Result<Option<String>, Refusal> {
    let owner = store::tickets::of_work_item(tx, destination.connection_id, item.id()).await?;
    if let Some(owner) = owner {
        return Ok(Some(match ticket {
            Some(ticket) if ticket.id == owner => "it is the work item of this ticket already".into(),
            _ => format!("it belongs to the ticket {owner}"),
        }));
    }
    let home = home(destination);
    if !home.is_same(&view.project, &view.work_item_type) {
        return Ok(Some(format!(
            "it is a {} of the project {}, and the destination {} has {} of {}",
            view.work_item_type, view.project, destination.settings.name, home.work_item_type, home.project
        )));
    }
    let is_over = destination
        .process
        .work_item_type
        .state(&view.state)
        .is_some_and(|state| matches!(state.category, StateCategory::Completed | StateCategory::Removed));
    if is_over {
        return Ok(Some(format!("it is closed ({})", view.state)));
    }
    let tokens = crate::sync::copies::tokens_in(item);
    for token in tokens {
        let of = store::tickets::of_token(tx, destination.connection_id, &token).await?;
        if let Some((owner, _)) = of
            && ticket.is_none_or(|ticket| ticket.id != owner)
        {
            return Ok(Some(format!("it carries the key of the ticket {owner}")));
        }
    }
    Ok(None)
}

/// What both sides agree on when a ticket takes over a work item that people made: what stands there is theirs. `known` is
/// what was agreed on about the one before it, and `unsettled` a change of that one whose outcome nobody knows.
fn base_of_adopted(
    view: &WorkItem,
    desired: &Desired,
    destination: &Destination,
    token: &str,
    known: Option<&Base>,
    unsettled: Option<&UpdateIntent>,
) -> Base {
    let mut base = Base::of_created(view, desired, token);
    base.title.touched = true;
    base.priority = Agreed { touched: view.priority.is_some(), ..base.priority };
    base.severity = Agreed { touched: view.severity.is_some(), ..base.severity };
    base.tags = Vec::new();
    base.tags_left = desired
        .tags
        .iter()
        .filter(|tag| view.tags.iter().any(|other| other.eq_ignore_ascii_case(tag)))
        .cloned()
        .collect();
    if let Some(stands) = &base.block.theirs {
        let is = |wanted: &Desired| *stands == block::normalised(&block::wrap(token, &wanted.block));
        base.block = match known {
            // A copy, with our block as it was: it is still ours, or still edited.
            Some(known) if known.block.theirs.as_ref() == Some(stands) => known.block.clone(),
            _ if is(desired) => base.block,
            _ => match unsettled.map(|update| &update.wanted).filter(|wanted| is(wanted)) {
                Some(wanted) => Agreed { ours: Some(block::normalised(&wanted.block)), ..base.block },
                // Nobody knows whether people edited it, or whether it is an old one of ours.
                None => Agreed { ours: None, touched: true, ..base.block },
            },
        };
    }
    base.lane_waits = false;
    // Where the card stands is what people say: it reads as a move from where new ones start.
    if let Some(initial) = &destination.process.work_item_type.initial_state {
        base.position = Position { state: initial.clone(), column: None, column_done: None };
    }
    // That the findings are closed by now is news to whoever chose it.
    if !desired.status.is_open() {
        base.status = None;
    }
    base
}

/// What is written on a work item that people made, so that it is known as ours, from what a new one would be.
fn marking(draft: Draft, token: &str, view: &WorkItem) -> (Change, Vec<FieldChange>) {
    let mut change = Change::default();
    let mut fields = Vec::new();
    let mut field = |name: &str, to: &str| {
        fields.push(FieldChange {
            field: name.into(),
            from: String::new(),
            to: to.into(),
            reason: "the work item is used for this ticket".into(),
            decided_by: None,
        });
    };
    let text = view.description.as_deref().unwrap_or_default();
    // Our block is HTML; a field that people turned into Markdown is left to them.
    if !view.description_is_markdown && block::words(text, token).is_none() {
        change.description = Some(format!("{text}{}", draft.description));
        field("Description", "our block after the text that stands there");
    }
    let stands = |tag: &String| view.tags.iter().any(|other| other.eq_ignore_ascii_case(tag));
    let ours: Vec<String> = draft.tags.into_iter().filter(|tag| !stands(tag)).collect();
    if !ours.is_empty() {
        field("Tags", &ours.join("; "));
        change.tags = Some(view.tags.iter().cloned().chain(ours).collect());
    }
    if !view.hyperlinks.iter().any(|link| carries(link, token)) {
        change.add_hyperlink = draft.hyperlinks.into_iter().next();
        field("Link", "to the ticket");
    }
    (change, fields)
}

impl Engine {
    /// Asks for a mend of a ticket. It is carried out by the next pass.
    ///
    /// # Errors
    /// If there is no such ticket, the mend is not offered for it as it is, or what it leads to cannot be used.
    pub async fn repair_ticket(
        &self,
        id: model::TicketId,
        repair: Repair,
        by: &Actor,
    ) -> Result<(), Refusal> {
        let mut tx = self.inner.db.read().await?;
        let Some(ticket) = store::tickets::get(&mut tx, id).await? else {
            return Err(Refusal::not_found("ticket", id));
        };
        drop(tx);
        let impossible = |why: String, next_step: &str| {
            Refusal::conflict("repair_impossible", "The ticket cannot be mended like this", why, next_step)
        };
        if !offered(ticket.health, ticket.work_item_id.is_some()).contains(&repair.kind()) {
            return Err(impossible(
                format!("The ticket is {}: this mend is not for it.", ticket.health.as_str()),
                "Look at the ticket again; it may have changed. It says what is offered.",
            ));
        }
        if let Repair::Bind { work_item } = repair
            && let Some(why) = self.look_at_for_binding(&ticket, work_item).await?
        {
            return Err(impossible(
                format!("Work item {work_item} cannot be used: {why}."),
                "Choose another work item.",
            ));
        }
        let mut tx = self.inner.db.begin().await?;
        let Some(mut ticket) = store::tickets::get(&mut tx, id).await? else {
            return Err(Refusal::not_found("ticket", id));
        };
        if let Repair::HandOver { destination } = repair {
            self.check_hand_over(&mut tx, &ticket, destination).await?;
        }
        self.order(&mut tx, &mut ticket, repair, None, by).await?;
        tx.commit().await?;
        self.announce(EventKind::Ticket, id.0);
        self.wake_board(ticket.connection_id);
        Ok(())
    }

    /// Stores what a person asked for; what needs nothing of the board is done at once.
    pub(crate) async fn order(
        &self,
        tx: &mut Tx,
        ticket: &mut Ticket,
        repair: Repair,
        farewell: Option<ChosenState>,
        by: &Actor,
    ) -> Result<(), Refusal> {
        let was_released = ticket.has_ended();
        let order = Order { farewell, was_released, ..Order::of_person(repair, &by.name) };
        let what = format!("Asked to {}.", repair.wish());
        self.note_on_ticket(tx, ticket, &cause_of(&order), what).await?;
        if order.farewell.is_some() {
            // A person has looked at this very one.
            store::breakers::forget_ticket(tx, ticket.id).await?;
        }
        ticket.following.order = Some(order.clone());
        ticket.unpark();
        if ticket.health == Health::Released {
            ticket.health = if ticket.work_item_id.is_some() { Health::Waiting } else { Health::Pending };
        }
        if ticket.intent.is_none() {
            ticket.next_attempt_at = self.inner.world.now();
            // Also while the board cannot be reached.
            self.carry_out_here(tx, ticket, &order).await?;
        }
        store::tickets::save(tx, ticket).await?;
        if ticket.health != Health::Released {
            store::tickets::mark(tx, ticket.id).await?;
        }
        Ok(())
    }

    /// Reads a work item that a person named. Answers why it cannot be used.
    async fn look_at_for_binding(&self, ticket: &Ticket, id: WorkItemId) -> Result<Option<String>, Refusal> {
        let Some(board) = self.board(ticket.connection_id).await? else {
            return Err(Refusal::not_found("connection", ticket.connection_id));
        };
        let Some(item) = board.client.read(&[id]).await?.pop() else {
            return Ok(Some("it was deleted, or this connection may not read it".into()));
        };
        let mut tx = self.inner.db.read().await?;
        let Some(pass) = self.prepare(&mut tx, &board).await? else {
            return Err(Refusal::not_found("connection", ticket.connection_id));
        };
        let Some((destination, shape)) = pass.destination(ticket) else {
            return Err(Refusal::not_found("destination", ticket.destination_id));
        };
        why_not(&mut tx, destination, Some(ticket), &item, &item.view(shape)).await
    }

    async fn check_hand_over(
        &self,
        tx: &mut Tx,
        ticket: &Ticket,
        to: model::DestinationId,
    ) -> Result<(), Refusal> {
        let Some(destination) = store::destinations::get(tx, to).await? else {
            return Err(Refusal::not_found("destination", to));
        };
        let impossible = |why: String| {
            Refusal::conflict(
                "repair_impossible",
                "The ticket cannot be mended like this",
                format!("The ticket cannot be handed over to {}: {why}.", destination.settings.name),
                "Choose a destination of the same connection, with the project and the type that the work item has.",
            )
        };
        if destination.connection_id != ticket.connection_id {
            return Err(impossible("it belongs to another connection".into()));
        }
        let place = ticket.work_item.as_ref().map(Place::of);
        if !place.is_some_and(|place| home(&destination).is_same(&place.project, &place.work_item_type)) {
            return Err(impossible("its work items are of another project or type".into()));
        }
        if store::tickets::of_groups(tx, to, &[ticket.group_key.as_str()])
            .await?
            .contains_key(&ticket.group_key)
        {
            return Err(impossible("it has a ticket for these findings already".into()));
        }
        Ok(())
    }

    /// Carries out an order that changes nothing on the board. Answers whether it was one; saves nothing.
    ///
    /// Only while no write is under way for the ticket.
    pub(crate) async fn carry_out_here(
        &self,
        tx: &mut Tx,
        ticket: &mut Ticket,
        order: &Order,
    ) -> Result<bool, Refusal> {
        match order.repair {
            Repair::Release => self.release(tx, ticket, order).await?,
            Repair::FollowThere => {
                ticket.following.agreed_place = ticket.work_item.as_ref().map(Place::of);
            }
            Repair::Ignore => {
                ticket.following.merge_ignored = ticket.health == Health::Merged;
                ticket.following.known_copies.clone_from(&ticket.following.copies);
                self.clear(tx, Kind::DuplicateWorkItems, About::Ticket(ticket.id)).await?;
            }
            Repair::HandOver { destination } => {
                // It may have been taken in the meantime.
                if self.check_hand_over(tx, ticket, destination).await.is_ok() {
                    rehome(tx, ticket, destination).await?;
                    ticket.following.agreed_place = None;
                }
            }
            Repair::MergeInto { .. } if ticket.work_item_id.is_none() => {
                self.release(tx, ticket, order).await?
            }
            Repair::MoveTo { destination } if ticket.work_item_id.is_none() => {
                rehome(tx, ticket, destination).await?;
            }
            Repair::Replace if ticket.work_item_id.is_none() => {}
            Repair::Restore
            | Repair::Replace
            | Repair::Bind { .. }
            | Repair::MergeInto { .. }
            | Repair::MoveTo { .. } => return Ok(false),
        }
        ticket.following.order = None;
        Ok(true)
    }

    pub(super) async fn release(
        &self,
        tx: &mut Tx,
        ticket: &mut Ticket,
        order: &Order,
    ) -> Result<(), Refusal> {
        let id =
            ticket.work_item_id.map(|id| format!("; work item {id} is left as it is")).unwrap_or_default();
        self.note_unsettled(tx, ticket).await?;
        self.note_on_ticket(tx, ticket, &cause_of(order), format!("Ticket released{id}.")).await?;
        ticket.conflicts.clear();
        ticket.health = Health::Released;
        ticket.unpark();
        ticket.attempts = 0;
        ticket.problem = Some(
            "This ticket has ended: nothing is written for it any more, and its findings have none.".into(),
        );
        ticket.next_step = Some(
            "Use another work item, or make a new one, if its findings shall have a ticket again.".into(),
        );
        ticket.synced_mark = ticket.mark;
        Ok(())
    }

    /// The ticket leaves its work item while nobody knows whether our last change of it was carried out.
    async fn note_unsettled(&self, tx: &mut Tx, ticket: &Ticket) -> Result<(), Refusal> {
        let (Some(update), Some(id)) = (&ticket.following.unsettled, ticket.work_item_id) else {
            return Ok(());
        };
        let what = format!(
            "Work item {id} was to be changed, after revision {}; whether that was done was never known.",
            update.revision
        );
        self.note_write(tx, ticket, what, &[]).await
    }

    /// Gives up the work item of a ticket and lets a new one be made, with a new key: the look-up of its creation cannot
    /// take the old one for it. The old key is kept, so that whoever restores the old one is recognised.
    pub(crate) async fn replace(
        &self,
        tx: &mut Tx,
        ticket: &mut Ticket,
        order: &Order,
    ) -> Result<(), Refusal> {
        let Some(old) = ticket.work_item_id else { return Ok(()) };
        store::tickets::remember_former(tx, ticket.id, old, &ticket.token).await?;
        self.note_unsettled(tx, ticket).await?;
        let what = format!("Work item {old} is given up; a new one is made in its place.");
        self.note_on_ticket(tx, ticket, &cause_of(order), what).await?;
        ticket.token = self.inner.world.token();
        ticket.work_item_id = None;
        ticket.work_item = None;
        ticket.base = None;
        ticket.intent = None;
        ticket.conflicts.clear();
        ticket.following = Following {
            copies: std::mem::take(&mut ticket.following.copies),
            known_copies: std::mem::take(&mut ticket.following.known_copies),
            by_policy: ticket.following.by_policy + u32::from(order.by_policy),
            ..Following::default()
        };
        ticket.health = Health::Pending;
        ticket.problem = None;
        ticket.next_step = None;
        ticket.attempts = 0;
        ticket.next_attempt_at = self.inner.world.now();
        ticket.synced_mark = ticket.mark - 1;
        store::tickets::save(tx, ticket).await?;
        store::comments::begin_anew(tx, ticket.id, self.inner.world.now()).await?;
        Ok(())
    }

    /// Lets a ticket follow an existing work item from now on. Answers why not, if it cannot be used. Saves the ticket.
    pub(crate) async fn bind(
        &self,
        tx: &mut Tx,
        pass: &Pass<'_>,
        ticket: &mut Ticket,
        order: &Order,
        item: Option<&Item>,
    ) -> Result<(), Refusal> {
        let Repair::Bind { work_item } = order.repair else { return Ok(()) };
        let Some((destination, shape)) = pass.destination(ticket) else { return Ok(()) };
        ticket.following.order = None;
        let why = match item {
            Some(item) => why_not(tx, destination, Some(ticket), item, &item.view(shape)).await?,
            None => Some("it was deleted, or this connection may not read it".to_owned()),
        };
        let (Some(item), None) = (item, &why) else {
            let why = why.unwrap_or_default();
            self.note_on_ticket(
                tx,
                ticket,
                &cause_of(order),
                format!("Work item {work_item} is not used: {why}."),
            )
            .await?;
            if order.was_released {
                self.release(tx, ticket, order).await?;
            }
            store::tickets::save(tx, ticket).await?;
            return Ok(());
        };
        let view = item.view(shape);
        let findings = store::findings::of_ticket(tx, ticket.id).await?;
        let desired = self.desired(tx, destination, Some(ticket), &findings).await?;
        let mut known_copies = std::mem::take(&mut ticket.following.known_copies);
        if let Some(old) = ticket.work_item_id {
            self.note_unsettled(tx, ticket).await?;
            store::tickets::remember_former(tx, ticket.id, old, &ticket.token).await?;
            known_copies.push(old);
            if !is_marked(item, &ticket.token) {
                // The old one may live on, with the old key in it.
                ticket.token = self.inner.world.token();
            }
        }
        let mut copies = std::mem::take(&mut ticket.following.copies);
        copies.retain(|copy| *copy != work_item);
        let unsettled = ticket.following.unsettled.take();
        ticket.following = Following {
            copies,
            known_copies,
            unmarked: !is_marked(item, &ticket.token),
            by_policy: ticket.following.by_policy,
            ..Following::default()
        };
        let known = ticket.base.take();
        ticket.base = Some(base_of_adopted(
            &view,
            &desired,
            destination,
            &ticket.token,
            known.as_ref(),
            unsettled.as_deref(),
        ));
        ticket.work_item_id = Some(work_item);
        ticket.title.clone_from(&view.title);
        ticket.work_item = Some(view);
        ticket.intent = None;
        ticket.conflicts.clear();
        ticket.attempts = 0;
        ticket.health = Health::Waiting;
        ticket.problem = None;
        ticket.next_step = None;
        ticket.next_attempt_at = self.inner.world.now();
        ticket.synced_mark = ticket.mark - 1;
        let what = format!("Work item {work_item} is used for this ticket from now on.");
        self.note_on_ticket(tx, ticket, &cause_of(order), what).await?;
        store::tickets::save(tx, ticket).await?;
        store::comments::begin_anew(tx, ticket.id, self.inner.world.now()).await?;
        Ok(())
    }

    /// The write that puts our key, block and tags into a work item that people made. Their text stays around it.
    pub(crate) fn mark_adopted(
        &self,
        ticket: &Ticket,
        destination: &Destination,
        desired: &Desired,
        view: &WorkItem,
        outcome: &mut Outcome,
    ) {
        let draft = self.draft(ticket, destination, desired, Default::default(), None);
        let (change, fields) = marking(draft, &ticket.token, view);
        outcome.writes = vec![change];
        outcome.positions = vec![Position::of(view)];
        outcome.fields = fields;
        outcome.conflicts.clear();
    }

    /// The same for people, before there is a ticket.
    pub(crate) fn fields_of_adoption(
        &self,
        destination: &Destination,
        desired: &Desired,
        view: &WorkItem,
    ) -> Vec<FieldChange> {
        let draft = Draft {
            description: block::wrap("", &desired.block),
            tags: desired.tags.clone(),
            hyperlinks: vec![Hyperlink { url: destination.settings.name.clone(), comment: String::new() }],
            ..Draft::default()
        };
        marking(draft, "", view).1
    }

    /// Decides what becomes of a ticket whose work item a read did not give.
    pub(crate) async fn decide_gone(
        &self,
        tx: &mut Tx,
        pass: &Pass<'_>,
        mut ticket: Ticket,
        seen: Seen<'_>,
        deadline: DateTime<Utc>,
    ) -> Result<Decided<AnnouncedWrite>, Refusal> {
        let Some((destination, _)) = pass.destination(&ticket) else { return Ok(Decided::Rest) };
        let Some(whereabouts) = seen.lost else {
            // It got another work item while others had their turn: the next pass looks at that.
            ticket.next_attempt_at = self.inner.world.now();
            store::tickets::save(tx, &ticket).await?;
            return Ok(Decided::Rest);
        };
        let findings = store::findings::of_ticket(tx, ticket.id).await?;
        ticket.status = Self::together(&findings);
        if let Some(Intent::Restore { .. }) = ticket.intent {
            // It did not happen, or somebody deleted it again.
            ticket.intent = None;
        }
        if let Some((_, apply)) = Self::undo_of(&ticket) {
            return Box::pin(self.decide_undo_of_gone(tx, ticket, whereabouts, apply)).await;
        }
        self.say_gone(tx, &mut ticket, whereabouts).await?;
        let order = self.next_about_gone(&ticket, destination, whereabouts);
        let Some(order) = order.filter(|order| !order.by_policy || ticket.status.is_open()) else {
            return Ok(Decided::Rest);
        };
        match (order.repair, whereabouts) {
            (Repair::Restore, Whereabouts::Recycled { project, revision, .. }) => {
                // This process may have stood still since the pass began: what is stored now counts.
                let is_asked_for = pass.is_rehearsal || ticket.following.approval.is_some();
                let may_write = match store::connections::mode(tx, ticket.connection_id).await? {
                    Mode::Active => true,
                    Mode::Shadow => is_asked_for,
                    Mode::Paused => pass.is_rehearsal,
                };
                if !may_write {
                    ticket.next_step = Some("It is restored once the connection may write again.".into());
                    ticket.next_attempt_at = self.inner.world.now() + chrono::Duration::minutes(5);
                    ticket.synced_mark = ticket.mark - 1;
                    store::tickets::save(tx, &ticket).await?;
                    return Ok(Decided::Rest);
                }
                return self
                    .announce_restoration(tx, pass, ticket, order, project, *revision, deadline)
                    .await;
            }
            (Repair::Replace, _) => self.replace(tx, &mut ticket, &order).await?,
            (Repair::MoveTo { destination }, _) => {
                self.replace(tx, &mut ticket, &order).await?;
                rehome(tx, &mut ticket, destination).await?;
                store::tickets::save(tx, &ticket).await?;
            }
            (Repair::MergeInto { .. }, _) => {
                self.carry_out_here(tx, &mut ticket, &Order { repair: Repair::Release, ..order }).await?;
                store::tickets::save(tx, &ticket).await?;
            }
            (Repair::Bind { .. }, _) => self.bind(tx, pass, &mut ticket, &order, seen.named).await?,
            (Repair::Release, _) => {
                self.carry_out_here(tx, &mut ticket, &order).await?;
                store::tickets::save(tx, &ticket).await?;
            }
            (Repair::Restore | Repair::FollowThere | Repair::HandOver { .. } | Repair::Ignore, _) => {
                // Nothing of it is possible any more.
                ticket.following.order = None;
                store::tickets::save(tx, &ticket).await?;
            }
        }
        Ok(Decided::Rest)
    }

    #[expect(clippy::too_many_arguments, reason = "the end of decide_gone, split off to be read by itself")]
    async fn announce_restoration(
        &self,
        tx: &mut Tx,
        pass: &Pass<'_>,
        mut ticket: Ticket,
        order: Order,
        project: &str,
        revision: i64,
        deadline: DateTime<Utc>,
    ) -> Result<Decided<AnnouncedWrite>, Refusal> {
        let Some(work_item) = ticket.work_item_id else { return Ok(Decided::Rest) };
        ticket.intent = Some(Intent::Restore { deadline });
        ticket.synced_mark = ticket.mark - 1;
        let what = format!(
            "Work item {work_item} is to be taken out of the recycle bin, after revision {revision}; then it is followed again."
        );
        self.note_on_ticket(tx, &ticket, &cause_of(&order), what).await?;
        store::tickets::save(tx, &ticket).await?;
        if !self.holds_until(tx, pass, deadline).await? {
            return Ok(Decided::TakenOver);
        }
        let restoration = AnnouncedRestoration {
            ticket: ticket.id,
            work_item,
            project: project.to_owned(),
            revision,
            by_policy: order.by_policy,
        };
        Ok(Decided::Announced(AnnouncedWrite::Restore(restoration)))
    }

    /// Takes work items out of their recycle bins, each sent once. Whether it worked is read from the board.
    pub(crate) async fn send_restorations(
        &self,
        pass: &Pass<'_>,
        announced: Vec<AnnouncedRestoration>,
        deadline: DateTime<Utc>,
        result: &mut ReconcileResult,
    ) -> Result<Turn, Refusal> {
        for restoration in announced {
            let AnnouncedRestoration { ticket, work_item, project, by_policy, .. } = restoration;
            failpoint::reached("before restore").await;
            let answer = pass.board.client.restore(&project, work_item, deadline).await;
            failpoint::reached("after restore").await;
            let mut tx = self.inner.db.begin().await?;
            let Some(mut ticket) = store::tickets::get(&mut tx, ticket).await? else { continue };
            if ticket.intent.as_ref().map(Intent::deadline) != Some(deadline) {
                // This process stood still for so long that another one took over and knows better.
                return Ok(Turn::Stop);
            }
            if answer.as_ref().err().is_none_or(|error| !error.is_certain_not_applied()) {
                ticket.following.by_policy += u32::from(by_policy);
            }
            let Err(error) = answer else {
                ticket.intent = None;
                ticket.following.order = None;
                ticket.next_attempt_at = self.inner.world.now();
                self.approval_done(&mut tx, &mut ticket, Some(work_item), None).await?;
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

    /// Stores what became of a write that went out by itself, not with others in one request, and was not carried out for
    /// all that is known.
    pub(crate) async fn sent_alone_and_failed(
        &self,
        pass: &Pass<'_>,
        mut tx: Tx,
        mut ticket: Ticket,
        error: &azure::Error,
    ) -> Result<Turn, Refusal> {
        if error.is_certain_not_applied() {
            ticket.intent = None;
        }
        let reach = self.reach(error);
        let waits = matches!(reach, Reach::Connection(_));
        self.approval_refused_by_board(&mut tx, &mut ticket, error, waits).await?;
        self.failed(&mut tx, &mut ticket, error).await?;
        tx.commit().await?;
        if let Reach::Connection(until) = reach {
            self.block(pass.board, error, until).await?;
            return Ok(Turn::Stop);
        }
        Ok(Turn::Done)
    }
}

/// The ticket belongs to another destination from now on; the caller stores it.
pub(crate) async fn rehome(tx: &mut Tx, ticket: &mut Ticket, to: DestinationId) -> Result<(), Refusal> {
    store::breakers::forget_ticket(tx, ticket.id).await?;
    ticket.destination_id = to;
    if ticket.work_item_id.is_none() {
        // It was one of the states of the old home; the new one's process need not have it.
        ticket.following.chosen = None;
    }
    Ok(())
}
