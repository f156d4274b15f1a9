//! The detector: other live work items that carry the key of a ticket, because people copied or split the one we know,
//! restored one that was replaced, or because two were made after all. The one we know is kept, the others are named.
//!
//! With each sweep, one query tells which work items with our tag changed since the last time; only those that belong
//! to no ticket are read. Copies that are known are read again, so that a deleted one is not named for ever.

use azure::{Error, Item, READ_BATCH};
use chrono::{DateTime, Duration, Utc};
use model::{TicketId, WorkItemId};
use store::Tx;
use store::alarms::Kind;
use store::audit::{Cause, CauseKind};

use crate::Refusal;
use crate::alarms::About;
use crate::connections::Board;
use crate::engine::{Engine, EventKind};
use crate::sync::repair::is_marked;
use crate::sync::report::Reach;

/// The tag that every work item of ours is created with, and that copies take along.
const TAG: &str = "lockstep";

/// What one query may find (azure-devops.md section 7.4).
const MOST_FOUND: u32 = 20_000;

/// Strangers with our tag that are read with one sweep. The others are read with the next.
const MOST_READ: usize = 2_000;

/// Tickets with known copies that are looked at again with one sweep.
const MOST_COPIED: i64 = 1_000;

/// How far the board's clock may be behind ours.
const SKEW: Duration = Duration::minutes(10);

/// The keys that a work item carries, by what they look like.
pub(crate) fn tokens_in(item: &Item) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut texts: Vec<String> = ["System.Description", "Microsoft.VSTS.TCM.ReproSteps"]
        .iter()
        .filter_map(|field| item.text(field).map(str::to_owned))
        .collect();
    for link in item.hyperlinks() {
        texts.push(link.url);
        texts.push(link.comment);
    }
    for text in &texts {
        for (at, _) in text.match_indices("LS-") {
            let token: String = text[at..].chars().take(3 + 16).collect::<String>().to_ascii_uppercase();
            let is_whole = token.len() == 19 && token[3..].bytes().all(|byte| byte.is_ascii_alphanumeric());
            if is_whole && !tokens.contains(&token) && is_marked(item, &token) {
                tokens.push(token);
            }
        }
    }
    tokens
}

impl Engine {
    /// Looks for other work items with our keys. Answers how many were read.
    pub(crate) async fn detect_copies(&self, board: &Board) -> Result<u64, Refusal> {
        if !self.hold_lease(board).await? {
            return Ok(0);
        }
        let begun = self.inner.world.now();
        match self.look_for_copies(board, begun).await {
            Ok(read) => Ok(read?),
            Err(error) => {
                // A query that the board refuses is tried again with the next sweep; what concerns all stops all.
                match self.reach(&error) {
                    Reach::Connection(until) => self.block(board, &error, until).await?,
                    Reach::Ticket => tracing::warn!(
                        connection = %board.id, error = &error as &dyn std::error::Error, "copies could not be looked for"
                    ),
                }
                Ok(0)
            }
        }
    }

    async fn look_for_copies(
        &self,
        board: &Board,
        begun: DateTime<Utc>,
    ) -> Result<Result<u64, Refusal>, Error> {
        let known = async {
            let mut tx = self.inner.db.read().await?;
            let seen = store::connections::copies_seen_until(&mut tx, board.id).await?;
            let connection = store::connections::get(&mut tx, board.id).await?;
            let created_at = connection.map_or(begun, |connection| connection.created_at);
            let copied = store::tickets::with_copies(&mut tx, board.id, MOST_COPIED).await?;
            let seen = seen.unwrap_or(created_at).max(created_at);
            // Once a day from the beginning: rights that come back show old work items that nobody changed.
            let since = if seen.date_naive() < begun.date_naive() { created_at } else { seen };
            Ok::<_, Refusal>((since - SKEW, copied))
        };
        let (since, copied) = match known.await {
            Ok(known) => known,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let mut read = 0;
        let found = board.client.tagged_since(TAG, since, MOST_FOUND).await?;
        let strangers = async {
            let mut tx = self.inner.db.read().await?;
            let bound = store::views::tickets::bound(&mut tx, board.id, &found).await?;
            Ok::<_, Refusal>(found.iter().filter(|id| !bound.contains(id)).copied().collect::<Vec<_>>())
        };
        let strangers: Vec<WorkItemId> = match strangers.await {
            Ok(strangers) => strangers,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let is_cut = strangers.len() > MOST_READ || found.len() >= MOST_FOUND as usize;
        let mut until = begun;
        for batch in strangers[..strangers.len().min(MOST_READ)].chunks(READ_BATCH) {
            for item in board.client.read(batch).await? {
                read += 1;
                if is_cut {
                    // The next look goes back by the skew, and shall not begin with the same ones.
                    until = changed_at(&item).unwrap_or(since) + SKEW;
                }
                if let Err(refusal) = self.name_copy(board, &item).await {
                    return Ok(Err(refusal));
                }
            }
        }
        // Copies that are gone by now, or do not carry our key any more.
        let mut known: Vec<WorkItemId> =
            copied.iter().flat_map(|ticket| ticket.following.copies.clone()).collect();
        known.sort_unstable();
        known.dedup();
        let mut live = Vec::new();
        for batch in known.chunks(READ_BATCH) {
            live.extend(board.client.read(batch).await?);
            read += batch.len() as u64;
        }
        let settle = async {
            let mut tx = self.inner.db.begin().await?;
            for ticket in &copied {
                let Some(mut ticket) = store::tickets::get(&mut tx, ticket.id).await? else { continue };
                let before = ticket.following.copies.clone();
                let mut kept = Vec::new();
                for copy in before.iter().copied() {
                    if !known.contains(&copy) {
                        kept.push(copy);
                        continue;
                    }
                    let Some(item) = live.iter().find(|item| item.id() == copy) else { continue };
                    for token in tokens_in(item) {
                        let of = store::tickets::of_token(&mut tx, board.id, &token).await?;
                        if of.is_some_and(|(of, _)| of == ticket.id) && ticket.work_item_id != Some(copy) {
                            kept.push(copy);
                            break;
                        }
                    }
                }
                if kept != before {
                    ticket.following.known_copies.retain(|copy| kept.contains(copy));
                    if kept.is_empty() {
                        self.clear(&mut tx, Kind::DuplicateWorkItems, About::Ticket(ticket.id)).await?;
                    }
                    ticket.following.copies = kept;
                    store::tickets::save(&mut tx, &ticket).await?;
                    store::tickets::mark(&mut tx, ticket.id).await?;
                }
            }
            store::connections::copies_seen(&mut tx, board.id, until).await?;
            tx.commit().await?;
            Ok::<_, Refusal>(())
        };
        Ok(settle.await.map(|()| read))
    }

    /// Tells people that several work items carry the key of a ticket.
    pub(crate) async fn alarm_of_copies(
        &self,
        tx: &mut Tx,
        ticket: TicketId,
        what: &str,
    ) -> Result<(), Refusal> {
        let next_step = "Open the ticket and say which work item counts; delete the other one on the board.";
        self.raise(tx, Kind::DuplicateWorkItems, About::Ticket(ticket), what, next_step).await
    }

    /// Names a work item on the tickets whose keys it carries.
    async fn name_copy(&self, board: &Board, item: &Item) -> Result<(), Refusal> {
        let tokens = tokens_in(item);
        if tokens.is_empty() {
            return Ok(());
        }
        let id = item.id();
        let mut tx = self.inner.db.begin().await?;
        let ours =
            store::connections::get(&mut tx, board.id).await?.and_then(|connection| connection.identity);
        let creator = item.field("System.CreatedBy").and_then(|by| by.get("id")).and_then(|id| id.as_str());
        let by_us = ours.is_some_and(|ours| Some(ours.id.as_str()) == creator);
        let mut named = None;
        for token in tokens {
            let Some((ticket, is_now)) = store::tickets::of_token(&mut tx, board.id, &token).await? else {
                continue;
            };
            let Some(mut ticket) = store::tickets::get(&mut tx, ticket).await? else { continue };
            // It may be the very one whose creation is not settled: the look-up decides about that.
            let is_it = ticket.work_item_id == Some(id) || (ticket.work_item_id.is_none() && is_now && by_us);
            if is_it || ticket.following.copies.contains(&id) || ticket.following.known_copies.contains(&id) {
                continue;
            }
            let what = if is_now {
                format!("Work item {id} carries the key of this ticket, too.")
            } else {
                format!("Work item {id}, which this ticket had before, is there.")
            };
            tracing::error!(ticket = %ticket.id, kept = ?ticket.work_item_id, copy = %id, "more than one work item carries the same token");
            let cause =
                Cause::new(CauseKind::WorkItem, format!("work item {id} revision {}", item.revision()));
            self.alarm_of_copies(&mut tx, ticket.id, &what).await?;
            self.note_on_ticket(&mut tx, &ticket, &cause, what).await?;
            ticket.following.copies.push(id);
            ticket.following.copies.sort_unstable();
            store::tickets::save(&mut tx, &ticket).await?;
            store::tickets::mark(&mut tx, ticket.id).await?;
            named = Some(ticket.id);
        }
        tx.commit().await?;
        if let Some(ticket) = named {
            self.announce(EventKind::Ticket, ticket.0);
        }
        Ok(())
    }
}

fn changed_at(item: &Item) -> Option<DateTime<Utc>> {
    let text = item.text("System.ChangedDate")?;
    DateTime::parse_from_rfc3339(text).ok().map(|at| at.with_timezone(&Utc))
}
