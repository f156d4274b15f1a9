//! One pass over the tickets of a connection that have a reason to be looked at.

use std::collections::HashMap;
use std::time::Duration;

use azure::{Item, ItemShape};
use chrono::{DateTime, Duration as Span, Utc};
use model::WorkItemId;
use store::connections::Connection;
use store::destinations::Destination;
use store::tickets::{Health, Intent, Ticket};
use store::{Pieces, Tx, failpoint};

use crate::connections::Board;
use crate::engine::{Engine, EventKind};
use crate::sync::lookup::Answers;
use crate::sync::report::Reach;
use crate::{ReconcileResult, Refusal};

/// Tickets that are looked at in one pass: what one read of the board may hold (azure-devops.md section 7.4).
const PASS: i64 = 200;

/// What a pass knows.
pub(crate) struct Pass<'a> {
    pub(crate) board: &'a Board,
    pub(crate) connection: Connection,
    destinations: HashMap<model::DestinationId, (Destination, ItemShape)>,
}

impl Pass<'_> {
    pub(crate) fn destination(&self, ticket: &Ticket) -> Option<(&Destination, &ItemShape)> {
        self.destinations.get(&ticket.destination_id).map(|(destination, shape)| (destination, shape))
    }

    /// How an error of one ticket goes on: the whole connection may have to wait.
    pub(crate) fn is_paused(&self) -> bool {
        self.connection.paused
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
    /// Another replica holds the connection: nothing that was decided may be stored.
    TakenOver,
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
        Ok(Some(Pass { board, connection, destinations }))
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
        if connection.sweep_due_at <= world.now() {
            self.sweep(board).await?;
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
        let _alone = board.gate.lock().await;
        let mut result = ReconcileResult::default();
        if !self.hold_lease(board).await? {
            return Ok(result);
        }
        let now = self.inner.world.now();
        let mut tx = self.inner.db.read().await?;
        let Some(pass) = self.prepare(&mut tx, board).await? else { return Ok(result) };
        if pass.connection.blocked_until > now {
            return Ok(result);
        }
        let tickets = store::tickets::due(&mut tx, board.id, now, PASS).await?;
        drop(tx);
        if tickets.is_empty() {
            return Ok(result);
        }
        let (with_item, without): (Vec<_>, Vec<_>) =
            tickets.into_iter().partition(|ticket| ticket.work_item_id.is_some());

        let ids: Vec<WorkItemId> = with_item.iter().filter_map(|ticket| ticket.work_item_id).collect();
        let mut items: HashMap<WorkItemId, Item> = HashMap::new();
        if !ids.is_empty() {
            failpoint::reached("before read").await;
            match board.client.read(&ids).await {
                Ok(found) => items = found.into_iter().map(|item| (item.id(), item)).collect(),
                Err(error) => {
                    let until = match self.reach(&error) {
                        Reach::Connection(until) => until,
                        Reach::Ticket => now + Span::seconds(15),
                    };
                    self.block(board, &error, until).await?;
                    return Ok(result);
                }
            }
            failpoint::reached("after read").await;
            result.read += ids.len() as u64;
        }
        if let Turn::Stop = self.update_all(&pass, with_item, items, &mut result).await? {
            return Ok(result);
        }
        let found = match self.look_up(&pass, &without).await? {
            Some(found) => found,
            None => return Ok(result),
        };
        if let Turn::Stop = self.create_all(&pass, without, &found, &mut result).await? {
            return Ok(result);
        }
        self.announce(EventKind::Ticket, None);
        if result.followed > 0 {
            self.announce(EventKind::Finding, None);
        }
        Ok(result)
    }

    /// Decides for all tickets that have a work item, then sends for all of them.
    async fn update_all(
        &self,
        pass: &Pass<'_>,
        tickets: Vec<Ticket>,
        mut items: HashMap<WorkItemId, Item>,
        result: &mut ReconcileResult,
    ) -> Result<Turn, Refusal> {
        let deadline = self.inner.world.now() + self.inner.settings.write_deadline;
        let mut announced = Vec::new();
        let mut pieces = Pieces::new(&self.inner.db);
        for ticket in tickets {
            result.tickets += 1;
            let id = ticket.id;
            let item = ticket.work_item_id.and_then(|id| items.remove(&id));
            let tx = pieces.begin().await?;
            match self.decide_update(tx, pass, ticket, item, deadline, result).await {
                Ok(Decided::Rest) => pieces.keep().await?,
                Ok(Decided::Announced(update)) => {
                    pieces.keep().await?;
                    announced.push(update);
                }
                Ok(Decided::TakenOver) => return Ok(Turn::Stop),
                Err(refusal) => self.put_off(&mut pieces, id, &refusal, result).await?,
            }
        }
        pieces.finish().await?;
        self.send_updates(pass, announced, deadline, result).await
    }

    /// Decides for all tickets that have none yet, then sends for all of them.
    async fn create_all(
        &self,
        pass: &Pass<'_>,
        tickets: Vec<Ticket>,
        found: &Answers,
        result: &mut ReconcileResult,
    ) -> Result<Turn, Refusal> {
        let deadline = self.inner.world.now() + self.inner.settings.write_deadline;
        let mut announced = Vec::new();
        let mut pieces = Pieces::new(&self.inner.db);
        for ticket in tickets {
            result.tickets += 1;
            let id = ticket.id;
            let tx = pieces.begin().await?;
            match self.decide_creation(tx, pass, ticket, found, deadline, result).await {
                Ok(Decided::Rest) => pieces.keep().await?,
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
        board: &Board,
        deadline: DateTime<Utc>,
    ) -> Result<bool, Refusal> {
        let now = self.inner.world.now();
        let until = (deadline + Span::seconds(5)).max(now);
        Ok(store::connections::lease(tx, board.id, self.inner.owner, now, until).await?)
    }

    /// The intent of a ticket may still be under way: nothing is decided before its outcome can be known.
    ///
    /// Answers `true`, and puts the ticket off, while that is so.
    pub(crate) async fn must_wait(&self, tx: &mut Tx, ticket: &mut Ticket) -> Result<bool, Refusal> {
        let Some(intent) = &ticket.intent else { return Ok(false) };
        let until = intent.deadline() + self.inner.settings.settle;
        let now = self.inner.world.now();
        // A comment that is in doubt is looked up with the comments; until then nothing else is sent.
        let is_comment = matches!(intent, Intent::Comment { .. });
        if until <= now && !is_comment {
            return Ok(false);
        }
        ticket.next_attempt_at = until.max(now + Span::seconds(5));
        if ticket.health != Health::Retrying {
            ticket.health = match intent {
                Intent::Create { .. } => Health::Pending,
                Intent::Update { .. } | Intent::Comment { .. } => Health::Waiting,
            };
        }
        store::tickets::save(tx, ticket).await?;
        Ok(true)
    }
}
