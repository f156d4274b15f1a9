//! The creation of a work item: announced, sent once, looked up in doubt.

use azure::{Error, Item, Write};
use chrono::{DateTime, Datelike, Duration, TimeZone, Utc};
use model::board::{Draft, Hyperlink, ItemLink, WorkItem};
use model::fields::IterationPolicy;
use model::following::{Repair, Unread};
use model::merge::{Base, Desired};
use store::audit::{Cause, CauseKind, Entry, Subject};
use store::destinations::Destination;
use store::tickets::{Health, Intent, Ticket};
use store::{Pieces, Tx, failpoint};

use crate::engine::Engine;
use crate::sync::desired::FieldValues;
use crate::sync::guards::Wish;
use crate::sync::lookup::{Answers, Found};
use crate::sync::pass::{Decided, Pass, Turn};
use crate::sync::report::Reach;
use crate::sync::undo::not_its_any_more;
use crate::{ReconcileResult, Refusal};

/// How long the next look at an area that may not be seen is put off.
const UNSEEN: Duration = Duration::minutes(10);

/// A creation that is stored as the intent of its ticket and not sent yet.
#[derive(Debug)]
pub(crate) struct AnnouncedCreation {
    ticket: Ticket,
    draft: Draft,
    wanted: Box<Desired>,
    announced_at: DateTime<Utc>,
}

impl AnnouncedCreation {
    /// What the work item makes come true.
    pub(crate) fn wanted(&self) -> &Desired {
        &self.wanted
    }

    /// What is sent.
    pub(crate) fn draft(&self) -> &Draft {
        &self.draft
    }
}

impl Engine {
    /// Decides what a ticket that has no work item yet needs: adopts what an earlier try created, or announces a creation
    /// that is to be sent before `deadline`. Nothing is sent here.
    #[expect(clippy::too_many_arguments, reason = "one step of a pass, split off to be read by itself")]
    pub(crate) async fn decide_creation(
        &self,
        tx: &mut Tx,
        pass: &Pass<'_>,
        ticket: Ticket,
        found: &Answers,
        named: Option<&Item>,
        deadline: DateTime<Utc>,
        result: &mut ReconcileResult,
    ) -> Result<Decided<AnnouncedCreation>, Refusal> {
        let world = &self.inner.world;
        let Some((destination, _)) = pass.destination(&ticket) else { return Ok(Decided::Rest) };
        let (approval, home) = (ticket.following.approval, ticket.destination_id);
        let Some(mut ticket) = store::tickets::get(tx, ticket.id).await? else { return Ok(Decided::Rest) };
        if ticket.following.approval != approval || ticket.destination_id != home {
            // Somebody approved it, or moved it, after the board was read: that has its turn by itself.
            return Ok(Decided::Rest);
        }
        if ticket.work_item_id.is_some() || ticket.health == Health::Released {
            return Ok(Decided::Rest);
        }
        if let Some((_, apply)) = Self::undo_of(&ticket) {
            // It was given up after the undo was asked for.
            let row = store::applies::ticket(tx, apply, ticket.id).await?;
            return Ok(Decided::Refused(not_its_any_more(row.and_then(|row| row.work_item))));
        }
        if self.must_wait(tx, &mut ticket).await? {
            return Ok(Decided::Rest);
        }
        if let Some(Intent::Create { announced_at, draft, wanted, .. }) = ticket.intent.clone() {
            let mut free = Vec::new();
            if let Some(Found::Live(items)) = found.of(&ticket) {
                for item in items {
                    // Somebody may have pasted our link into another ticket's work item.
                    let owner = store::tickets::of_work_item(tx, ticket.connection_id, item.id()).await?;
                    if owner.is_none() {
                        free.push(item.clone());
                    }
                }
            }
            let recycled_is_free = match found.of(&ticket) {
                Some(Found::Recycled { id, .. }) => {
                    store::tickets::of_work_item(tx, ticket.connection_id, *id).await?.is_none()
                }
                _ => false,
            };
            match found.of(&ticket) {
                None => {
                    ticket.next_attempt_at = world.now();
                    store::tickets::save(tx, &ticket).await?;
                    return Ok(Decided::Rest);
                }
                Some(Found::Live(_)) if !free.is_empty() => {
                    self.adopt(tx, pass, ticket, &free, result).await?;
                    return Ok(Decided::Rest);
                }
                Some(Found::Recycled { id, project }) if recycled_is_free => {
                    ticket.work_item_id = Some(*id);
                    ticket.intent = None;
                    // Once it can be read, what people and scans changed since is compared with this.
                    ticket.following.unread = Some(Box::new(Unread { draft: *draft, wanted: *wanted }));
                    let cause = Cause::new(CauseKind::Rule, "a rule asked for a work item");
                    let created_in = &destination.settings.project;
                    let moved = match project.eq_ignore_ascii_case(created_in) || project.is_empty() {
                        true => String::new(),
                        false => format!(", moved to {project}"),
                    };
                    let what = format!(
                        "Work item {id} was created in {created_in}{moved}, and deleted on the board since."
                    );
                    self.note_on_ticket(tx, &ticket, &cause, what).await?;
                    self.approval_done(tx, &mut ticket, Some(*id), None).await?;
                    // The next pass finds it there, and what becomes of it is said or done.
                    ticket.next_attempt_at = world.now();
                    store::tickets::save(tx, &ticket).await?;
                    return Ok(Decided::Rest);
                }
                Some(Found::Hidden { area }) => {
                    ticket.health = Health::Retrying;
                    ticket.problem = Some(format!(
                        "Nobody knows whether the work item was created: no answer came back, and the identity of the connection may not see the work items of the area {area}."
                    ));
                    ticket.next_step = Some(
                        "Allow it 'View work items in this node' (Project settings > Project configuration > Areas > Security)."
                            .into(),
                    );
                    ticket.next_attempt_at = world.now() + UNSEEN;
                    store::tickets::save(tx, &ticket).await?;
                    return Ok(Decided::Rest);
                }
                Some(Found::Live(_) | Found::Recycled { .. } | Found::Nothing) => {
                    // The look-up was carried out and found nothing: it certainly did not happen.
                    ticket.intent = None;
                    store::destinations::give_back(tx, destination.id, announced_at).await?;
                }
            }
        }

        if let Some(order) = ticket.following.order.clone() {
            // Nothing is under way any more: what a person asked for comes before a new work item.
            if matches!(order.repair, Repair::Bind { .. }) {
                self.bind(tx, pass, &mut ticket, &order, named).await?;
                return Ok(Decided::Rest);
            }
            self.carry_out_here(tx, &mut ticket, &order).await?;
            ticket.following.order = None;
            if ticket.destination_id != home {
                // What is made there is decided by what is known of there.
                ticket.next_attempt_at = world.now();
            }
            if ticket.health == Health::Released || ticket.destination_id != home {
                store::tickets::save(tx, &ticket).await?;
                return Ok(Decided::Rest);
            }
        }
        let findings = store::findings::of_ticket(tx, ticket.id).await?;
        let desired = self.desired(tx, destination, Some(&ticket), &findings).await?;
        ticket.title.clone_from(&desired.title);
        ticket.status = desired.status;
        let now = world.now();
        if !desired.status.is_open() {
            // Nothing to do any more before anything was created.
            ticket.health = Health::Closed;
            (ticket.problem, ticket.next_step) = (None, None);
            ticket.synced_mark = ticket.mark;
            ticket.synced_at = Some(now);
            store::tickets::save(tx, &ticket).await?;
            return Ok(Decided::Rest);
        }
        if let Some(drift) = destination.drift.as_ref().filter(|drift| drift.creates_nothing) {
            // Once the destination is saved, or the board is as it was, everything that waits is tried again.
            ticket.health = Health::Pending;
            ticket.problem = Some(format!(
                "Nothing is created at the destination {}: {}.",
                destination.settings.name,
                drift.what()
            ));
            ticket.next_step = Some(format!("Open the destination and mend it: {}.", drift.mend()));
            ticket.next_attempt_at = now + Duration::hours(1);
            store::tickets::save(tx, &ticket).await?;
            return Ok(Decided::Rest);
        }
        let FieldValues { values, unfit } = self.field_values(tx, destination, &ticket, &findings).await?;
        if let Some(unfit) = unfit.iter().find(|unfit| unfit.is_required) {
            ticket.health = Health::Pending;
            ticket.problem = Some(format!(
                "Nothing can be created at the destination {}: {}.",
                destination.settings.name, unfit.what
            ));
            ticket.next_step = Some(format!("Open the destination and mend it: {}.", unfit.mend));
            ticket.next_attempt_at = now + Duration::hours(1);
            store::tickets::save(tx, &ticket).await?;
            return Ok(Decided::Rest);
        }
        if self.is_held(tx, pass, destination, &mut ticket, &Wish::Create(&desired)).await? {
            store::tickets::save(tx, &ticket).await?;
            return Ok(Decided::Rest);
        }
        if !store::destinations::spend(tx, destination.id, destination.settings.daily_budget, now).await? {
            ticket.health = Health::OverBudget;
            ticket.problem = Some(format!(
                "The destination {} may get {} work items a day, and has got them today.",
                destination.settings.name, destination.settings.daily_budget
            ));
            ticket.next_step = Some("It is created tomorrow (UTC); or raise the daily budget.".into());
            ticket.next_attempt_at = tomorrow(now);
            store::tickets::save(tx, &ticket).await?;
            return Ok(Decided::Rest);
        }
        let current = pass.current_iterations.get(&destination.id);
        let mut draft = self.draft(&ticket, destination, &desired, values, current);
        for unfit in unfit {
            let cause = Cause::new(CauseKind::Rule, "a template of the destination");
            let what = format!("A field is left out: {} ({}).", unfit.what, unfit.mend);
            self.note_on_ticket(tx, &ticket, &cause, what).await?;
        }
        draft.hyperlinks.extend(earlier(tx, &ticket).await?);
        ticket.intent = Some(Intent::Create {
            announced_at: now,
            deadline,
            draft: Box::new(draft.clone()),
            wanted: Box::new(desired.clone()),
        });
        ticket.health = Health::Pending;
        store::tickets::save(tx, &ticket).await?;
        // Nobody else may act on this connection before the deadline is over.
        if !self.holds_until(tx, pass, deadline).await? {
            return Ok(Decided::TakenOver);
        }
        Ok(Decided::Announced(AnnouncedCreation {
            ticket,
            draft,
            wanted: Box::new(desired),
            announced_at: now,
        }))
    }

    /// Reads the current iterations that the creations of this pass need. Answers `false` if the board could not be asked;
    /// the connection waits then.
    pub(crate) async fn learn_iterations(
        &self,
        pass: &mut Pass<'_>,
        tickets: &[Ticket],
    ) -> Result<bool, Refusal> {
        let mut wanted: Vec<(model::DestinationId, String, String)> = tickets
            .iter()
            .filter_map(|ticket| pass.destination_of(ticket.destination_id))
            .filter(|destination| destination.settings.iteration == IterationPolicy::Current)
            .map(|destination| {
                let settings = &destination.settings;
                (destination.id, settings.project.clone(), settings.team.clone())
            })
            .collect();
        wanted.sort();
        wanted.dedup();
        for (id, project, team) in wanted {
            match pass.board.client.current_iteration(&project, &team).await {
                Ok(Some(path)) => {
                    pass.current_iterations.insert(id, path);
                }
                // Between two sprints, and for a team that is gone, the backlog has to do.
                Ok(None) | Err(Error::NotFound { .. }) => {}
                Err(error) => {
                    let until = match self.reach(&error) {
                        Reach::Connection(until) => until,
                        Reach::Ticket => self.inner.world.now() + Duration::seconds(15),
                    };
                    self.block(pass.board, &error, until).await?;
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// Sends what was announced in one request, and stores what came of each.
    pub(crate) async fn send_creations(
        &self,
        pass: &Pass<'_>,
        announced: Vec<AnnouncedCreation>,
        deadline: DateTime<Utc>,
        result: &mut ReconcileResult,
    ) -> Result<Turn, Refusal> {
        let writes: Vec<Write<'_>> = announced
            .iter()
            .filter_map(|creation| {
                let (destination, shape) = pass.destination(&creation.ticket)?;
                let project = destination.settings.project.as_str();
                Some(Write::Create { project, shape, draft: &creation.draft })
            })
            .collect();
        if writes.is_empty() {
            return Ok(Turn::Done);
        }
        failpoint::reached("before create").await;
        let answers = pass.board.client.write_batch(&writes, deadline).await;
        failpoint::reached("after create").await;
        let (answers, of_all) = match answers {
            Ok(answers) => (answers, false),
            Err(error) => (announced.iter().map(|_| Err(error.clone())).collect(), true),
        };
        let mut pieces = Pieces::new(&self.inner.db);
        let mut turn = Turn::Done;
        let mut wait: Option<(Error, DateTime<Utc>)> = None;
        for (creation, answer) in announced.into_iter().zip(answers) {
            let id = creation.ticket.id;
            if let Err(error) = &answer
                && let Reach::Connection(until) = self.reach(error)
            {
                wait = Some((error.clone(), until));
            }
            let tx = pieces.begin().await?;
            let stored = match answer {
                Ok(item) => self
                    .adopt(tx, pass, creation.ticket, std::slice::from_ref(&item), result)
                    .await
                    .map(|()| Turn::Done),
                Err(error) => self.was_not_created(tx, creation, &error, of_all, result).await,
            };
            match stored {
                Ok(Turn::Done) => pieces.keep().await?,
                Ok(Turn::Stop) => {
                    pieces.undo().await?;
                    turn = Turn::Stop;
                }
                Err(refusal) => self.put_off(&mut pieces, id, &refusal, result).await?,
            }
        }
        pieces.finish().await?;
        if let Some((error, until)) = wait {
            self.block(pass.board, &error, until).await?;
            turn = Turn::Stop;
        }
        Ok(turn)
    }

    async fn was_not_created(
        &self,
        tx: &mut Tx,
        creation: AnnouncedCreation,
        error: &Error,
        of_all: bool,
        result: &mut ReconcileResult,
    ) -> Result<Turn, Refusal> {
        result.failed += 1;
        let announced = creation.ticket.intent.as_ref().map(Intent::deadline);
        let Some(mut ticket) = store::tickets::get(tx, creation.ticket.id).await? else {
            return Ok(Turn::Done);
        };
        if ticket.intent.as_ref().map(Intent::deadline) != announced {
            // This process stood still for so long that another one took over: what is outstanding is not ours.
            return Ok(Turn::Stop);
        }
        if error.is_certain_not_applied() {
            ticket.intent = None;
            store::destinations::give_back(tx, ticket.destination_id, creation.announced_at).await?;
        }
        // A parent that is gone is a matter of the destination.
        let links: Vec<ItemLink> = ticket.following.links.clone();
        self.leave_out_links(tx, &mut ticket, error, &links).await?;
        let reach = self.reach(error);
        let waits = of_all && matches!(reach, Reach::Connection(_));
        self.approval_refused_by_board(tx, &mut ticket, error, waits).await?;
        match reach {
            Reach::Connection(until) if of_all => {
                // The connection waits; a ticket that was on its way with others is not to blame.
                ticket.next_attempt_at = until;
                store::tickets::save(tx, &ticket).await?;
            }
            _ => self.failed(tx, &mut ticket, error).await?,
        }
        Ok(Turn::Done)
    }

    /// The work item of a ticket is known from now on.
    async fn adopt(
        &self,
        tx: &mut Tx,
        pass: &Pass<'_>,
        ticket: Ticket,
        items: &[Item],
        result: &mut ReconcileResult,
    ) -> Result<(), Refusal> {
        let (Some((destination, shape)), Some(item), Some(Intent::Create { wanted, draft, .. })) =
            (pass.destination(&ticket), items.first(), ticket.intent)
        else {
            return Ok(());
        };
        let token = ticket.token;
        let Some(mut ticket) = store::tickets::get(tx, ticket.id).await? else { return Ok(()) };
        if ticket.token != token {
            // While this process stood still another one learned of it, and it was given up since.
            return Ok(());
        }
        if let Some(known) = ticket.work_item_id {
            if known != item.id() {
                // Another replica took over while this one stood still, and both were carried out.
                self.more_than_one(tx, &mut ticket, known, &[item.id()]).await?;
                ticket.synced_mark = ticket.mark - 1;
                store::tickets::save(tx, &ticket).await?;
            }
            return Ok(());
        }
        let mut view = item.view(shape);
        if view.hyperlinks.is_empty() && view.revision <= 1 {
            // Answers to many writes in one request may lack the links.
            view.hyperlinks.clone_from(&draft.hyperlinks);
        }
        result.created += 1;
        ticket.base = Some(Base::of_created(&as_created(&view, &draft, destination), &wanted, &ticket.token));
        ticket.work_item_id = Some(view.id);
        ticket.intent = None;
        ticket.attempts = 0;
        ticket.next_attempt_at = self.inner.world.now();
        ticket.health = Health::Waiting;
        ticket.problem = None;
        ticket.next_step = None;
        if items.len() > 1 {
            let others: Vec<model::WorkItemId> = items.iter().skip(1).map(Item::id).collect();
            self.more_than_one(tx, &mut ticket, view.id, &others).await?;
        }
        let cause = match &ticket.following.approval {
            Some(approval) => Cause::new(CauseKind::Person, approval.cause()),
            None => Cause::new(CauseKind::Rule, "a rule asked for a work item"),
        };
        let entry = Entry {
            id: self.inner.world.id(),
            at: self.inner.world.now(),
            subject: Subject::Ticket(ticket.id),
            cause: &cause,
            what: format!("Work item {} created in {}.", view.id, view.project),
            statuses: None,
            fields: &[],
        };
        store::audit::add(tx, entry).await?;
        ticket.work_item = Some(view.clone());
        ticket.following.links.clear();
        ticket.following.created_by = ticket.following.approval.as_ref().map(|approval| approval.apply);
        self.approval_done(tx, &mut ticket, Some(view.id), Some(view.revision)).await?;
        store::tickets::save(tx, &ticket).await?;
        let now = self.inner.world.now();
        store::comments::has_work_item(tx, ticket.id, now).await?;
        // One that was looked up may have been talked about since.
        store::comments::noticed(tx, ticket.id, view.revision, view.comment_count, now).await?;
        // The card may have to be placed at once; what was just read is good enough to decide that.
        self.settle_created(tx, pass, &mut ticket, &view).await?;
        Ok(())
    }

    /// Remembers, for people and in the log, that other work items carry the ticket's token too.
    async fn more_than_one(
        &self,
        tx: &mut Tx,
        ticket: &mut Ticket,
        kept: model::WorkItemId,
        others: &[model::WorkItemId],
    ) -> Result<(), Refusal> {
        tracing::error!(ticket = %ticket.id, %kept, ?others, "more than one work item carries the same token");
        ticket.following.copies.extend(others);
        ticket.following.copies.sort_unstable();
        ticket.following.copies.dedup();
        let names: Vec<String> = others.iter().map(ToString::to_string).collect();
        let what =
            format!("Work item {kept} is kept; {} carries the key of its ticket, too.", names.join(", "));
        self.alarm_of_copies(tx, ticket.id, &what).await
    }
}

/// The work item as our creation left it. One that is found by a look-up may have been changed by people since: they are
/// found out by comparing it with this.
pub(crate) fn as_created(view: &WorkItem, draft: &Draft, destination: &Destination) -> WorkItem {
    let mut item = view.clone();
    if view.revision <= 1 {
        return item;
    }
    draft.title.trim().clone_into(&mut item.title);
    // A type without the field shows none, whatever was sent.
    item.priority = view.priority.and(draft.priority.or(view.priority));
    item.severity = view.severity.as_ref().and(draft.severity.as_ref().or(view.severity.as_ref())).cloned();
    item.due_date = view.due_date.and(draft.due_date.or(view.due_date));
    item.description = Some(draft.description.clone());
    if let Some(initial) = &destination.process.work_item_type.initial_state {
        item.state.clone_from(initial);
        item.column = None;
        item.column_done = None;
    }
    item
}

/// Midnight UTC.
fn tomorrow(now: chrono::DateTime<Utc>) -> chrono::DateTime<Utc> {
    let next = now.date_naive() + chrono::Days::new(1);
    Utc.with_ymd_and_hms(next.year(), next.month(), next.day(), 0, 0, 0).single().unwrap_or(now)
}

/// The work item that a new one comes after, as a link.
async fn earlier(tx: &mut Tx, ticket: &Ticket) -> Result<Option<Hyperlink>, Refusal> {
    let Some(before) = ticket.comes_after else { return Ok(None) };
    let before = store::tickets::get(tx, before).await?;
    Ok(before.and_then(|before| before.work_item).map(|item| Hyperlink {
        url: item.web_url.clone(),
        comment: format!("Comes after work item {}", item.id),
    }))
}
