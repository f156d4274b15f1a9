//! The truth behind the hints: the feed tells what changed since a cursor; the sweep compares every live ticket.

use std::collections::{BTreeSet, HashMap};

use azure::{FeedChange, Item};
use chrono::{DateTime, Duration, Utc};
use model::WorkItemId;
use store::alarms::Kind;
use store::connections::Feed;
use store::tickets::Ticket;
use uuid::Uuid;

use crate::Refusal;
use crate::alarms::About;
use crate::connections::Board;
use crate::engine::{Engine, EventKind};
use crate::sync::desired::carries;
use crate::sync::report::Reach;

/// Live tickets that are compared in one read.
const STEP: i64 = 200;

/// The board's clock may be behind ours when the feed is read for the first time.
const SKEW: Duration = Duration::minutes(10);

impl Engine {
    /// Reads the feed from where it was left, and marks the tickets whose work items changed. Answers `false` if the board
    /// could not be read.
    pub(crate) async fn read_feed(&self, board: &Board) -> Result<bool, Refusal> {
        if !self.hold_lease(board).await? {
            return Ok(true);
        }
        loop {
            let mut tx = self.inner.db.read().await?;
            let Some(connection) = store::connections::get(&mut tx, board.id).await? else { return Ok(true) };
            let destinations = store::destinations::all(&mut tx).await?;
            drop(tx);
            let mut feed = connection.feed.clone();
            let since = connection.last_contact_at.unwrap_or(connection.created_at) - SKEW;
            let projects = destinations
                .into_iter()
                .filter(|destination| destination.connection_id == board.id)
                .map(|destination| destination.settings.project)
                .collect();
            let (changes, is_last) = match next_page(board, &mut feed, since, &projects).await {
                Ok(page) => page,
                Err(error) => {
                    let now = self.inner.world.now();
                    let until = match self.reach(&error) {
                        Reach::Connection(until) => until,
                        Reach::Ticket => now + self.inner.settings.poll_interval,
                    };
                    self.block(board, &error, until).await?;
                    return Ok(false);
                }
            };
            let now = self.inner.world.now();
            // A page that was full is followed at once.
            let due = if is_last { now + self.inner.settings.poll_interval } else { now };
            let had_problem = connection.problem.is_some();
            let mut tx = self.inner.db.begin().await?;
            for change in &changes {
                store::tickets::mark_of_work_item(&mut tx, board.id, change.id, Some(change.revision))
                    .await?;
            }
            store::connections::feed_read(&mut tx, board.id, &feed, now, due).await?;
            if had_problem {
                self.clear(&mut tx, Kind::CredentialDead, About::Connection(board.id)).await?;
            }
            tx.commit().await?;
            if had_problem || connection.last_contact_at.is_none() {
                self.announce(EventKind::Connection, board.id.0);
            }
            if is_last {
                return Ok(true);
            }
        }
    }

    /// Compares every live ticket with its work item, and marks those that differ. Answers how many work items were read.
    pub(crate) async fn sweep(&self, board: &Board) -> Result<u64, Refusal> {
        if !self.hold_lease(board).await? {
            return Ok(0);
        }
        let mut after = Uuid::nil();
        let mut read = 0;
        let closed_before = self.inner.world.now() - self.inner.settings.sweep_closed_for;
        loop {
            let mut tx = self.inner.db.read().await?;
            let page = store::tickets::to_sweep(&mut tx, board.id, after, closed_before, STEP).await?;
            drop(tx);
            let Some(last) = page.last() else { break };
            after = last.0;
            // A damaged one is parked when it has its turn.
            let tickets = page.tickets;
            let ids: Vec<WorkItemId> = tickets.iter().filter_map(|ticket| ticket.work_item_id).collect();
            let items = match board.client.read(&ids).await {
                Ok(items) => items,
                Err(error) => {
                    let now = self.inner.world.now();
                    let until = match self.reach(&error) {
                        Reach::Connection(until) => until,
                        Reach::Ticket => now + self.inner.settings.poll_interval,
                    };
                    self.block(board, &error, until).await?;
                    return Ok(read);
                }
            };
            read += ids.len() as u64;
            let items: HashMap<WorkItemId, Item> = items.into_iter().map(|item| (item.id(), item)).collect();
            let mut tx = self.inner.db.begin().await?;
            for ticket in &tickets {
                let Some(id) = ticket.work_item_id else { continue };
                let known = ticket.base.as_ref().map(|base| base.revision);
                let differs = match items.get(&id) {
                    // Whether a link alone makes a revision is not certain (azure-devops.md section 7.2).
                    Some(item) => {
                        known != Some(item.revision()) || ticket.is_missing() || lost_our_link(ticket, item)
                    }
                    // What was deleted may be restored, destroyed, or handled by a policy that changed.
                    None => true,
                };
                if differs {
                    store::tickets::mark(&mut tx, ticket.id).await?;
                }
            }
            tx.commit().await?;
        }
        let mut tx = self.inner.db.begin().await?;
        let due = self.inner.world.now() + self.inner.settings.sweep_interval;
        store::connections::swept(&mut tx, board.id, due).await?;
        // Rights may have come back; if not, it costs one call to learn so.
        store::connections::try_feed_of_organization(&mut tx, board.id).await?;
        tx.commit().await?;
        Ok(read)
    }
}

/// The next changes after where the feed was left, and whether that is the end for now. Where the feed of the
/// organization may not be read, those of the destinations' projects are: what is moved to another project is then
/// noticed by the sweep.
async fn next_page(
    board: &Board,
    feed: &mut Feed,
    since: DateTime<Utc>,
    projects: &BTreeSet<String>,
) -> Result<(Vec<FeedChange>, bool), azure::Error> {
    let first = |cursor: Option<&str>| cursor.is_none().then_some(since);
    if feed.projects.is_none() {
        let cursor = feed.organization.as_deref();
        match board.client.changes(cursor, first(cursor)).await {
            Ok(page) => {
                feed.organization = page.cursor.or(feed.organization.take());
                return Ok((page.changes, page.is_last));
            }
            Err(error @ (azure::Error::Forbidden { .. } | azure::Error::NotFound { .. })) => {
                tracing::warn!(connection = %board.id, error = &error as &dyn std::error::Error,
                    "the feed of the organization may not be read: those of the projects are");
            }
            Err(error) => return Err(error),
        }
    }
    let cursors = feed.projects.get_or_insert_default();
    cursors.retain(|project, _| projects.contains(project));
    let (mut changes, mut is_last) = (Vec::new(), true);
    for project in projects {
        let cursor = cursors.get(project).map(String::as_str);
        match board.client.changes_in(project, cursor, first(cursor)).await {
            Ok(page) => {
                changes.extend(page.changes);
                is_last &= page.is_last;
                if let Some(cursor) = page.cursor {
                    cursors.insert(project.clone(), cursor);
                }
            }
            // A project that is gone does not keep the others from being read; its tickets learn of it by themselves.
            Err(error @ (azure::Error::Forbidden { .. } | azure::Error::NotFound { .. })) => {
                tracing::warn!(connection = %board.id, project, error = &error as &dyn std::error::Error,
                    "the feed of a project cannot be read");
            }
            Err(error) => return Err(error),
        }
    }
    Ok((changes, is_last))
}

/// Our link stood there when the work item was last read, and does not any more.
pub(crate) fn lost_our_link(ticket: &Ticket, item: &Item) -> bool {
    let stood = ticket
        .work_item
        .as_ref()
        .is_some_and(|known| known.hyperlinks.iter().any(|link| carries(link, &ticket.token)));
    stood && !item.hyperlinks().iter().any(|link| carries(link, &ticket.token))
}
