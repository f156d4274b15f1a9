//! One pass over the tickets of a connection that have a reason to be looked at.

use std::collections::HashMap;
use std::time::Duration;

use azure::{Item, ItemShape};
use chrono::{DateTime, Duration as Span, Utc};
use model::following::Repair;
use model::{TicketId, WorkItemId};
use store::connections::{Connection, Mode};
use store::destinations::Destination;
use store::tickets::{Health, Intent, Ticket};
use store::{Pieces, Tx, failpoint};
use tokio::sync::Mutex;

use crate::connections::Board;
use crate::engine::{Engine, EventKind};
use crate::sync::breakers::Allowed;
use crate::sync::following::{Foreign, Whereabouts};
use crate::sync::lookup::{Answers, Traces};
use crate::sync::repair::AnnouncedWrite;
use crate::sync::report::Reach;
use crate::{ReconcileResult, Refusal};

/// Tickets that are looked at in one pass: what one read of the board may hold (azure-devops.md section 7.4).
const PASS: i64 = 200;

/// What a pass knows.
pub(crate) struct Pass<'a> {
    pub(crate) board: &'a Board,
    pub(crate) connection: Connection,
    pub(super) destinations: HashMap<model::DestinationId, (Destination, ItemShape)>,
    /// What the breakers let through in this pass.
    pub(crate) allowed: Allowed,
    /// Where new work items go whose destination wants the current iteration of its team.
    pub(crate) current_iterations: HashMap<model::DestinationId, String>,
    /// Nothing of it is kept, and nothing sent: what would be is told. Switches of the connection do not count.
    pub(crate) is_rehearsal: bool,
    /// Types of work items that are not at home.
    pub(crate) foreign: Foreign,
    /// How long changes of people that are followed in this pass had to wait, in milliseconds.
    pub(crate) lags: Mutex<Vec<i64>>,
}

impl Pass<'_> {
    pub(crate) fn destination(&self, ticket: &Ticket) -> Option<(&Destination, &ItemShape)> {
        self.destination_by_id(ticket.destination_id)
    }

    pub(crate) fn destination_by_id(&self, id: model::DestinationId) -> Option<(&Destination, &ItemShape)> {
        self.destinations.get(&id).map(|(destination, shape)| (destination, shape))
    }

    /// The destination of that id.
    pub(crate) fn destination_of(&self, id: model::DestinationId) -> Option<&Destination> {
        self.destinations.get(&id).map(|(destination, _)| destination)
    }

    /// Nothing may be written: the connection is paused, or runs in shadow mode.
    pub(crate) fn writes_nothing(&self) -> bool {
        self.connection.mode != Mode::Active
    }
}

/// What was read of the board for a pass.
pub(super) struct Looked {
    pub(super) items: HashMap<WorkItemId, Item>,
    /// Where the work items are that the read did not give.
    lost: HashMap<model::TicketId, Whereabouts>,
    /// What became of changes whose outcome is not known.
    traces: Traces,
    /// Work items that were asked for.
    read: u64,
}

impl Looked {
    /// What was seen for a ticket beside its own work item.
    pub(super) fn seen(&self, ticket: &Ticket) -> Seen<'_> {
        Seen { lost: self.lost.get(&ticket.id), named: self.named(ticket), traces: &self.traces }
    }

    pub(super) fn named(&self, ticket: &Ticket) -> Option<&Item> {
        named_work_item(ticket).and_then(|id| self.items.get(&id))
    }
}

/// What was seen of the board beside the ticket's own work item.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen<'a> {
    /// Where the work item is that a read did not give.
    pub(crate) lost: Option<&'a Whereabouts>,
    /// The work item that a person named for the ticket.
    pub(crate) named: Option<&'a Item>,
    /// What became of changes whose outcome is not known.
    pub(crate) traces: &'a Traces,
}

/// The work item that a person named for a ticket, to be used in place of its own or of a new one.
fn named_work_item(ticket: &Ticket) -> Option<WorkItemId> {
    match ticket.following.order.as_ref()?.repair {
        Repair::Bind { work_item } => Some(work_item),
        _ => None,
    }
}

/// How the turn of tickets ended.
pub(crate) enum Turn {
    /// The next may be looked at.
    Done,
    /// The connection waits, or another replica took over: nothing more in this pass.
    Stop,
}

/// What was decided about a ticket.
pub(crate) enum Decided<T> {
    /// There is nothing to send.
    Rest,
    /// This was announced, and is to be sent.
    Announced(T),
    /// What a person approved is not done, and why: nothing that was decided may be stored.
    Refused(String),
    /// Another replica holds the connection: nothing that was decided may be stored.
    TakenOver,
}

/// Which tickets have their turn in a pass.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Turns<'a> {
    /// Those that are due.
    Due,
    /// These, if they wait for something that a person approved.
    Approved(&'a [TicketId]),
}

impl Engine {
    pub(crate) async fn prepare<'a>(
        &self,
        tx: &mut Tx,
        board: &'a Board,
    ) -> Result<Option<Pass<'a>>, Refusal> {
        let Some(connection) = store::connections::get(tx, board.id).await? else { return Ok(None) };
        let mut destinations = HashMap::new();
        for destination in store::destinations::all(tx).await? {
            if destination.connection_id == board.id {
                let shape = serde_json::from_value(destination.process.shape.clone())
                    .map_err(|source| store::Error::Document { what: "shape", source })?;
                destinations.insert(destination.id, (destination, shape));
            }
        }
        Ok(Some(Pass {
            board,
            connection,
            destinations,
            allowed: Allowed::default(),
            current_iterations: HashMap::new(),
            is_rehearsal: false,
            foreign: Foreign::default(),
            lags: Mutex::default(),
        }))
    }

    /// Keeps a connection in step: feed, sweep, then everything that is due. Answers how long nothing will be due.
    pub(crate) async fn keep_in_step(&self, board: &Board) -> Result<Duration, Refusal> {
        let world = &self.inner.world;
        let mut tx = self.inner.db.read().await?;
        let Some(connection) = store::connections::get(&mut tx, board.id).await? else {
            return Ok(Duration::ZERO);
        };
        drop(tx);
        if connection.blocked_until > world.now() {
            return Ok((connection.blocked_until - world.now()).to_std().unwrap_or_default());
        }
        if connection.feed_due_at <= world.now() && !self.read_feed(board).await? {
            return Ok(Duration::from_secs(1));
        }
        if connection.process_due_at <= world.now() && self.hold_lease(board).await? {
            self.look_for_drift(board).await?;
        }
        if connection.sweep_due_at <= world.now() {
            self.sweep(board).await?;
            self.detect_copies(board).await?;
            self.tend_hooks(board).await?;
        }
        loop {
            while self.pass(board).await?.tickets > 0 && !self.inner.stop.is_cancelled() {}
            if self.talk(board).await? == 0 || self.inner.stop.is_cancelled() {
                break;
            }
        }
        let mut tx = self.inner.db.read().await?;
        let next = store::tickets::next_due(&mut tx, board.id).await?;
        let talk = store::comments::next_due(&mut tx, board.id).await?;
        let connection = store::connections::get(&mut tx, board.id).await?;
        let due =
            connection.map(|connection| connection.feed_due_at).into_iter().chain(next).chain(talk).min();
        let wait = due.map_or(Span::seconds(5), |due| due - world.now());
        Ok(wait.to_std().unwrap_or_default().max(Duration::from_millis(50)))
    }

    /// Takes or keeps the lease of a connection for long enough to finish a write.
    pub(crate) async fn hold_lease(&self, board: &Board) -> Result<bool, Refusal> {
        let now = self.inner.world.now();
        let until = now + self.inner.settings.write_deadline + Span::seconds(30);
        let mut tx = self.inner.db.begin().await?;
        let held = store::connections::lease(&mut tx, board.id, self.inner.owner, now, until).await?;
        tx.commit().await?;
        Ok(held)
    }

    /// Looks at up to 200 tickets that are due. Answers what it did; no tickets means nothing is due.
    ///
    /// # Errors
    /// If the database refuses. What the board refuses is kept on its ticket or on the connection.
    pub(crate) async fn pass(&self, board: &Board) -> Result<ReconcileResult, Refusal> {
        self.pass_over(board, Turns::Due).await
    }

    /// The same for chosen tickets.
    ///
    /// # Errors
    /// As of [`Engine::pass`].
    pub(crate) async fn pass_over(
        &self,
        board: &Board,
        turns: Turns<'_>,
    ) -> Result<ReconcileResult, Refusal> {
        let _alone = board.gate.lock().await;
        let mut result = ReconcileResult::default();
        if !self.hold_lease(board).await? {
            return Ok(result);
        }
        let now = self.inner.world.now();
        let mut tx = self.inner.db.read().await?;
        let Some(mut pass) = self.prepare(&mut tx, board).await? else { return Ok(result) };
        if pass.connection.blocked_until > now {
            return Ok(result);
        }
        let store::tickets::Read { tickets, damaged } = match turns {
            Turns::Due => store::tickets::due(&mut tx, board.id, now, PASS).await?,
            Turns::Approved(ids) => {
                let mut read = store::tickets::of_ids(&mut tx, ids).await?;
                read.tickets.retain(|ticket| ticket.following.approval.is_some());
                read
            }
        };
        drop(tx);
        self.park_damaged(&damaged).await?;
        if tickets.is_empty() {
            return Ok(result);
        }
        if !pass.writes_nothing() {
            pass.allowed = self.count_strokes(&pass).await?;
        } else if tickets.iter().any(|ticket| ticket.following.approval.is_some()) {
            // Nothing waits for a person while nothing is written by itself: it is counted, and no breaker trips.
            let mut tx = self.inner.db.begin().await?;
            pass.allowed = self.count_strokes_in(&mut tx, &pass).await?;
        }
        let (with_item, without): (Vec<_>, Vec<_>) =
            tickets.into_iter().partition(|ticket| ticket.work_item_id.is_some());

        let Some(looked) = self.observe(&mut pass, &with_item, &without).await? else { return Ok(result) };
        result.read += looked.read;
        if let Turn::Stop = self.update_all(&pass, with_item, &looked, &mut result).await? {
            return Ok(result);
        }
        if !self.learn_iterations(&mut pass, &without).await? {
            return Ok(result);
        }
        let found = match self.look_up(&pass, &without).await? {
            Some(found) => found,
            None => return Ok(result),
        };
        if let Turn::Stop = self.create_all(&pass, without, &found, &looked, &mut result).await? {
            return Ok(result);
        }
        let lags = pass.lags.lock().await.split_off(0);
        if !lags.is_empty() {
            let mut tx = self.inner.db.begin().await?;
            store::connections::followed(&mut tx, board.id, &lags).await?;
            tx.commit().await?;
            self.announce(EventKind::Connection, board.id.0);
        }
        self.announce(EventKind::Ticket, None);
        if result.followed > 0 {
            self.announce(EventKind::Finding, None);
        }
        Ok(result)
    }

    /// Reads what the turns of these tickets need of the board. `None`: it could not be asked, and the connection waits.
    pub(super) async fn observe(
        &self,
        pass: &mut Pass<'_>,
        with_item: &[Ticket],
        without: &[Ticket],
    ) -> Result<Option<Looked>, Refusal> {
        let mut ids: Vec<WorkItemId> = with_item.iter().filter_map(|ticket| ticket.work_item_id).collect();
        // Work items that people named for a ticket are looked at with the others.
        let named = with_item.iter().chain(without).filter_map(named_work_item);
        ids.extend(named.collect::<Vec<_>>());
        ids.sort_unstable();
        ids.dedup();
        let mut items: HashMap<WorkItemId, Item> = HashMap::new();
        if !ids.is_empty() {
            failpoint::reached("before read").await;
            match pass.board.client.read(&ids).await {
                Ok(found) => items = found.into_iter().map(|item| (item.id(), item)).collect(),
                Err(error) => {
                    let until = match self.reach(&error) {
                        Reach::Connection(until) => until,
                        Reach::Ticket => self.inner.world.now() + Span::seconds(15),
                    };
                    self.block(pass.board, &error, until).await?;
                    return Ok(None);
                }
            }
            failpoint::reached("after read").await;
        }
        let Some(lost) = self.look_around(pass, with_item, &items).await? else { return Ok(None) };
        let Some(traces) = self.look_back(pass, with_item, &items).await? else { return Ok(None) };
        Ok(Some(Looked { items, lost, traces, read: ids.len() as u64 }))
    }

    /// Reads what the turns of these tickets need beside the work items: where the lost ones are, and the types of those
    /// that are not at home. `None`: the board could not be asked, and the connection waits.
    async fn look_around(
        &self,
        pass: &mut Pass<'_>,
        tickets: &[Ticket],
        items: &HashMap<WorkItemId, Item>,
    ) -> Result<Option<HashMap<model::TicketId, Whereabouts>>, Refusal> {
        let item_of = |ticket: &Ticket| ticket.work_item_id.and_then(|id| items.get(&id));
        let lost: Vec<&Ticket> = tickets.iter().filter(|ticket| item_of(ticket).is_none()).collect();
        let here = tickets.iter().filter_map(|ticket| item_of(ticket).map(|item| (ticket, item)));
        let asked = async {
            let foreign = self.learn_abroad(pass, here).await?;
            Ok::<_, azure::Error>((foreign, self.trace(pass, &lost).await?))
        };
        match asked.await {
            Ok((foreign, found)) => {
                pass.foreign = foreign;
                Ok(Some(found))
            }
            Err(error) => {
                let until = match self.reach(&error) {
                    Reach::Connection(until) => until,
                    Reach::Ticket => self.inner.world.now() + Span::seconds(15),
                };
                self.block(pass.board, &error, until).await?;
                Ok(None)
            }
        }
    }

    /// Decides for all tickets that have a work item, then sends for all of them.
    async fn update_all(
        &self,
        pass: &Pass<'_>,
        tickets: Vec<Ticket>,
        looked: &Looked,
        result: &mut ReconcileResult,
    ) -> Result<Turn, Refusal> {
        let deadline = self.inner.world.now() + self.inner.settings.write_deadline;
        let (mut announced, mut restorations, mut deletions) = (Vec::new(), Vec::new(), Vec::new());
        let mut pieces = Pieces::new(&self.inner.db);
        for ticket in tickets {
            result.tickets += 1;
            let (id, approval) = (ticket.id, ticket.following.approval.clone());
            let item = ticket.work_item_id.and_then(|id| looked.items.get(&id));
            let seen = looked.seen(&ticket);
            let tx = pieces.begin().await?;
            if let Some(why) = self.is_over(&ticket) {
                self.refuse_turn(&mut pieces, id, &why).await?;
                continue;
            }
            let decided = self.decide_update(tx, pass, ticket, item, seen, deadline, result).await;
            match self.hold_to_approval(tx, id, approval.as_ref(), decided).await {
                Ok(Decided::Rest) => pieces.keep().await?,
                Ok(Decided::Refused(why)) => self.refuse_turn(&mut pieces, id, &why).await?,
                Ok(Decided::Announced(AnnouncedWrite::Update(update))) => {
                    pieces.keep().await?;
                    announced.push(*update);
                }
                Ok(Decided::Announced(AnnouncedWrite::Restore(restoration))) => {
                    pieces.keep().await?;
                    restorations.push(restoration);
                }
                Ok(Decided::Announced(AnnouncedWrite::Delete(deletion))) => {
                    pieces.keep().await?;
                    deletions.push(deletion);
                }
                Ok(Decided::TakenOver) => return Ok(Turn::Stop),
                Err(refusal) => self.put_off(&mut pieces, id, &refusal, result).await?,
            }
        }
        pieces.finish().await?;
        if let Turn::Stop = self.send_updates(pass, announced, deadline, result).await? {
            return Ok(Turn::Stop);
        }
        if let Turn::Stop = self.send_restorations(pass, restorations, deadline, result).await? {
            return Ok(Turn::Stop);
        }
        self.send_deletions(pass, deletions, deadline, result).await
    }

    /// Decides for all tickets that have none yet, then sends for all of them.
    async fn create_all(
        &self,
        pass: &Pass<'_>,
        tickets: Vec<Ticket>,
        found: &Answers,
        looked: &Looked,
        result: &mut ReconcileResult,
    ) -> Result<Turn, Refusal> {
        let deadline = self.inner.world.now() + self.inner.settings.write_deadline;
        let mut announced = Vec::new();
        let mut pieces = Pieces::new(&self.inner.db);
        for ticket in tickets {
            result.tickets += 1;
            let (id, named) = (ticket.id, looked.named(&ticket));
            let approval = ticket.following.approval.clone();
            let tx = pieces.begin().await?;
            if let Some(why) = self.is_over(&ticket) {
                self.refuse_turn(&mut pieces, id, &why).await?;
                continue;
            }
            let decided = self.decide_creation(tx, pass, ticket, found, named, deadline, result).await;
            match self.hold_to_approval(tx, id, approval.as_ref(), decided).await {
                Ok(Decided::Rest) => pieces.keep().await?,
                Ok(Decided::Refused(why)) => self.refuse_turn(&mut pieces, id, &why).await?,
                Ok(Decided::Announced(creation)) => {
                    pieces.keep().await?;
                    announced.push(creation);
                }
                Ok(Decided::TakenOver) => return Ok(Turn::Stop),
                Err(refusal) => self.put_off(&mut pieces, id, &refusal, result).await?,
            }
        }
        pieces.finish().await?;
        self.send_creations(pass, announced, deadline, result).await
    }

    /// A turn that failed here, not at the board, is undone and put off: it must not keep the others from theirs. Only if
    /// not even that can be written down the pass ends.
    pub(crate) async fn put_off(
        &self,
        pieces: &mut Pieces<'_>,
        id: model::TicketId,
        refusal: &Refusal,
        result: &mut ReconcileResult,
    ) -> Result<(), Refusal> {
        tracing::error!(ticket = %id, error = refusal as &dyn std::error::Error, "the turn of a ticket failed");
        result.failed += 1;
        pieces.undo().await?;
        let again = self.inner.world.now() + Span::minutes(5);
        let tx = pieces.begin().await?;
        store::tickets::put_off(tx, id, &refusal.detail, &refusal.next_step, again).await?;
        pieces.keep().await?;
        Ok(())
    }

    /// Makes sure that the lease of a connection is ours for as long as an announced write may leave.
    pub(crate) async fn holds_until(
        &self,
        tx: &mut Tx,
        pass: &Pass<'_>,
        deadline: DateTime<Utc>,
    ) -> Result<bool, Refusal> {
        if pass.is_rehearsal {
            return Ok(true);
        }
        let now = self.inner.world.now();
        let until = (deadline + Span::seconds(5)).max(now);
        Ok(store::connections::lease(tx, pass.board.id, self.inner.owner, now, until).await?)
    }

    /// The intent of a ticket may still be under way: nothing is decided before its outcome can be known.
    ///
    /// Answers `true`, and puts the ticket off, while that is so.
    pub(crate) async fn must_wait(&self, tx: &mut Tx, ticket: &mut Ticket) -> Result<bool, Refusal> {
        let Some(intent) = &ticket.intent else { return Ok(false) };
        let until = intent.deadline() + self.inner.settings.settle;
        let now = self.inner.world.now();
        // A comment or a file that is in doubt is looked up with the comments; until then nothing else is sent.
        let is_said = matches!(intent, Intent::Comment { .. } | Intent::Attachment { .. });
        if until <= now && !is_said {
            return Ok(false);
        }
        ticket.next_attempt_at = until.max(now + Span::seconds(5));
        if ticket.health != Health::Retrying {
            ticket.health = match intent {
                Intent::Create { .. } => Health::Pending,
                Intent::Update { .. }
                | Intent::Comment { .. }
                | Intent::Attachment { .. }
                | Intent::Restore { .. }
                | Intent::Delete { .. } => Health::Waiting,
            };
        }
        store::tickets::save(tx, ticket).await?;
        Ok(true)
    }
}
