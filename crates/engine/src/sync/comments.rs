//! Comments both ways. What people wrote on the board is read when there is news; what people wrote here is announced,
//! sent once, and looked up in doubt, like any other write. The comment's token is what it is found by.
//!
//! A ticket has one outstanding write at most, a comment or a change: a revision that a comment made can never be
//! mistaken for the one of a change.

use azure::{CommentText, Error};
use chrono::{DateTime, Duration, Utc};
use model::merge::comments::{Deed, Known, Read, Side, next_deed, read};
use model::{CommentId, TicketId, WorkItemId, block, board, content};
use store::Tx;
use store::audit::{Cause, CauseKind, Entry, Subject};
use store::comments::Comment;
use store::failpoint;
use store::tickets::{Intent, Ticket};

use crate::Refusal;
use crate::connections::Board;
use crate::engine::{Engine, EventKind};
use crate::sync::desired::backoff;
use crate::sync::pass::{Pass, Turn};
use crate::sync::report::Reach;

/// Tickets whose comments are looked at in one go.
const STEP: i64 = 200;
/// In place of the text that was carried over: one may have been, and has to be looked for first.
const IN_DOUBT: i64 = -1;
/// Tries after which a comment waits for a person.
const MOST_ATTEMPTS: u32 = 12;
/// Tries after which a comment that the board refuses waits for a person.
const MOST_REJECTIONS: u32 = 3;

impl Engine {
    /// Looks at the comments of tickets where there is a reason. Answers at how many.
    pub(crate) async fn talk(&self, board: &Board) -> Result<u64, Refusal> {
        let _alone = board.gate.lock().await;
        let now = self.inner.world.now();
        let mut tx = self.inner.db.read().await?;
        let due = store::comments::due(&mut tx, board.id, now, STEP).await?;
        if due.is_empty() {
            return Ok(0);
        }
        let Some(pass) = self.prepare(&mut tx, board).await? else { return Ok(0) };
        drop(tx);
        if pass.connection.blocked_until > now || !self.hold_lease(board).await? {
            return Ok(0);
        }
        let mut looked_at = 0;
        for ticket in due {
            looked_at += 1;
            match self.talk_turn(&pass, ticket).await {
                Ok(Turn::Done) => {}
                Ok(Turn::Stop) => return Ok(0),
                Err(refusal) => {
                    tracing::error!(%ticket, error = &refusal as &dyn std::error::Error, "the comments of a ticket failed");
                    let mut tx = self.inner.db.begin().await?;
                    let again = self.inner.world.now() + Duration::minutes(5);
                    store::comments::talk_at(&mut tx, ticket, Some(again)).await?;
                    tx.commit().await?;
                }
            }
        }
        self.announce(EventKind::Ticket, None);
        Ok(looked_at)
    }

    pub(super) async fn later(&self, id: TicketId, at: Option<DateTime<Utc>>) -> Result<Turn, Refusal> {
        let mut tx = self.inner.db.begin().await?;
        store::comments::talk_at(&mut tx, id, at).await?;
        tx.commit().await?;
        Ok(Turn::Done)
    }

    async fn talk_turn(&self, pass: &Pass<'_>, id: TicketId) -> Result<Turn, Refusal> {
        let mut tx = self.inner.db.read().await?;
        let Some(ticket) = store::tickets::get(&mut tx, id).await? else { return Ok(Turn::Done) };
        let (revision, count) = store::comments::last_read(&mut tx, id).await?;
        let rows = store::comments::of_ticket(&mut tx, id).await?;
        drop(tx);
        if ticket.has_ended() {
            // Nothing is written there any more.
            return self.later(id, None).await;
        }
        // It may have been deleted before it was ever read.
        let Some(item) = ticket.work_item.as_ref().filter(|_| !ticket.is_missing()) else {
            return self.item_is_gone(id).await;
        };
        let in_doubt = match &ticket.intent {
            None => rows.iter().any(|row| row.carried == IN_DOUBT),
            Some(intent) => {
                let until = intent.deadline() + self.inner.settings.settle;
                if until > self.inner.world.now() {
                    return self.later(id, Some(until)).await;
                }
                match intent {
                    Intent::Comment { .. } => true,
                    Intent::Attachment { .. } => return self.settle_attachment(pass, &ticket, item).await,
                    // The board is looked at first, for the change that is in doubt.
                    Intent::Create { .. }
                    | Intent::Update { .. }
                    | Intent::Restore { .. }
                    | Intent::Delete { .. } => {
                        return self.later(id, Some(self.inner.world.now() + Duration::seconds(5))).await;
                    }
                }
            }
        };
        let is_news = item.revision > revision && (item.comment_count > 0 || count > 0);
        if in_doubt || is_news {
            failpoint::reached("before comments").await;
            let answer = pass.board.client.comments(&item.project, item.id).await;
            failpoint::reached("after comments").await;
            match answer {
                Ok(comments) => {
                    if !self.take_over(pass, &ticket, (revision, count), &comments).await? {
                        return self.later(id, Some(self.inner.world.now())).await;
                    }
                }
                Err(Error::NotFound { .. }) => return self.item_is_gone(id).await,
                Err(error) => {
                    let now = self.inner.world.now();
                    if let Reach::Connection(until) = self.reach(&error) {
                        self.block(pass.board, &error, until).await?;
                        self.later(id, Some(until)).await?;
                        return Ok(Turn::Stop);
                    }
                    return self.later(id, Some(now + backoff(4, self.inner.world.chance.bits()))).await;
                }
            }
        }
        while let Some(turn) = self.carry_one(pass, id).await? {
            if let Turn::Stop = turn {
                return Ok(Turn::Stop);
            }
        }
        Ok(Turn::Done)
    }

    /// The work item was deleted, or may not be read any more. Whether a comment had arrived there before can only be seen
    /// when it comes back.
    pub(super) async fn item_is_gone(&self, id: TicketId) -> Result<Turn, Refusal> {
        let now = self.inner.world.now();
        let mut tx = self.inner.db.begin().await?;
        let Some(mut ticket) = store::tickets::get(&mut tx, id).await? else { return Ok(Turn::Done) };
        if let Some(intent @ (Intent::Comment { .. } | Intent::Attachment { .. })) = ticket.intent.clone() {
            match intent {
                Intent::Comment { comment, deed: Deed::Add, .. } => {
                    if let Some(mut row) = store::comments::get(&mut tx, comment).await? {
                        row.carried = IN_DOUBT;
                        store::comments::save(&mut tx, &row).await?;
                    }
                }
                Intent::Attachment { attachment, .. } => {
                    if let Some(mut file) = store::attachments::get(&mut tx, attachment).await? {
                        file.in_doubt = !file.is_attached;
                        store::attachments::save(&mut tx, &file).await?;
                    }
                }
                _ => {}
            }
            ticket.intent = None;
            ticket.next_attempt_at = now;
            store::tickets::save(&mut tx, &ticket).await?;
        }
        let rows = store::comments::of_ticket(&mut tx, id).await?;
        let files = store::attachments::of_ticket(&mut tx, id).await?;
        let mut rows = rows.iter().filter(|row| row.is_of(ticket.work_item_id));
        let mut files = files.iter().filter(|file| file.is_of(ticket.work_item_id));
        let waits = rows.any(|row| row.carried == IN_DOUBT || next_deed(row.standing()).is_some())
            || files.any(|file| model::attachment::next_deed(file.standing()).is_some());
        store::comments::talk_at(&mut tx, id, waits.then_some(now + Duration::hours(1))).await?;
        tx.commit().await?;
        Ok(Turn::Done)
    }

    /// Takes over what the board's comments say. An outstanding comment is decided by it. Answers `false` if another process was at
    /// it meanwhile: they have to be read again.
    async fn take_over(
        &self,
        pass: &Pass<'_>,
        seen: &Ticket,
        read_before: (i64, i64),
        board: &[board::Comment],
    ) -> Result<bool, Refusal> {
        let now = self.inner.world.now();
        let mut tx = self.inner.db.begin().await?;
        let Some(mut ticket) = store::tickets::get(&mut tx, seen.id).await? else { return Ok(true) };
        let has_another = ticket.work_item_id != seen.work_item_id;
        if has_another || store::comments::last_read(&mut tx, seen.id).await? != read_before {
            // Another process has read them meanwhile, and this answer may be the older one, or the newer.
            return Ok(false);
        }
        if ticket.intent.as_ref().map(Intent::deadline) != seen.intent.as_ref().map(Intent::deadline) {
            // Another process took over and knows better.
            return Ok(false);
        }
        let intent = ticket.intent.take();
        let item = seen.work_item.as_ref().map(|item| item.id);
        let mut rows = store::comments::of_ticket(&mut tx, seen.id).await?;
        rows.retain(|row| row.is_of(item));
        let announced = |id: CommentId| match &intent {
            Some(Intent::Comment { comment, html, revision, .. }) if *comment == id => {
                Some((block::normalised(html), *revision))
            }
            _ => None,
        };
        let ours: Vec<Vec<String>> = rows
            .iter()
            .map(|row| {
                let said = block::normalised(&content::spoken(&row.text, &row.author, &row.token));
                std::iter::once(said).chain(announced(row.id).map(|(words, _)| words)).collect()
            })
            .collect();
        let known: Vec<Known<'_>> = rows
            .iter()
            .zip(&ours)
            .map(|(row, ours)| Known {
                side: row.side,
                board_id: row.board_id,
                words: row.board_words.as_deref(),
                version: row.board_version,
                token: &row.token,
                ours: ours.clone(),
                is_gone: row.deleted_at.is_some() && row.is_over,
            })
            .collect();
        let own = pass.connection.identity.as_ref().map(|own| own.id.as_str());
        let says = read(&known, board, own, &ticket.token);
        drop(known);
        let mut news = 0_u32;
        let mut new: Vec<&board::Comment> = Vec::new();
        for say in says {
            match say {
                Read::New(comment) => {
                    news += 1;
                    new.push(comment);
                    store::comments::add(&mut tx, &self.as_written(seen, Side::Board, comment)).await?;
                }
                Read::Explanation(comment) => {
                    store::comments::add(&mut tx, &self.as_written(seen, Side::Explanation, comment)).await?;
                }
                Read::Arrived(place, comment) => {
                    let row = &mut rows[place];
                    if row.side == Side::Here {
                        let words = block::normalised(&comment.text);
                        let announced = announced(row.id);
                        // Its work item was gone when it should have been looked up.
                        let was_in_doubt = row.carried == IN_DOUBT;
                        row.carried = match &announced {
                            Some((sent, revision)) if words == *sent => *revision,
                            _ if ours[place].first() == Some(&words) => row.revision,
                            Some((_, revision)) => *revision,
                            None => row.carried.max(1),
                        };
                        if announced.is_some() || was_in_doubt {
                            self.note_comment(&mut tx, &ticket, row, "carried to", comment.version).await?;
                        }
                    }
                    stand(row, comment, item);
                    store::comments::save(&mut tx, row).await?;
                }
                Read::Edited(place, comment) => {
                    news += 1;
                    let row = &mut rows[place];
                    if row.side == Side::Board {
                        new.push(comment);
                    }
                    row.text = shown(comment);
                    row.edited_at = Some(comment.modified_at);
                    // What a person made of ours is theirs.
                    row.is_over = true;
                    stand(row, comment, item);
                    store::comments::save(&mut tx, row).await?;
                }
                Read::Gone(place) => {
                    news += 1;
                    let row = &mut rows[place];
                    row.deleted_at = row.deleted_at.or(Some(now));
                    row.is_over = true;
                    if let Some(Intent::Comment { comment, deed: Deed::Delete, .. }) = &intent
                        && *comment == row.id
                    {
                        self.note_comment(&mut tx, &ticket, row, "deleted from", row.board_version).await?;
                    }
                    store::comments::save(&mut tx, row).await?;
                }
            }
        }
        // What was in doubt and is not there was never written.
        for row in rows.iter_mut().filter(|row| row.carried == IN_DOUBT && row.board_id.is_none()) {
            row.carried = 0;
            store::comments::save(&mut tx, row).await?;
        }
        if news > 0 {
            let item = seen.work_item.as_ref();
            let cause = Cause::new(
                CauseKind::WorkItem,
                item.map(|item| format!("work item {}", item.id)).unwrap_or_default(),
            );
            let what = format!("{news} comments were written, changed or deleted on the board.");
            self.note_talk(&mut tx, seen.id, &cause, what).await?;
        }
        if intent.is_some() {
            ticket.next_attempt_at = now;
            store::tickets::save(&mut tx, &ticket).await?;
        }
        if let Some(item) = &seen.work_item {
            store::comments::were_read(&mut tx, seen.id, item.revision, item.comment_count).await?;
        }
        for comment in new {
            self.obey(&mut tx, &ticket, comment, &shown(comment)).await?;
        }
        tx.commit().await?;
        Ok(true)
    }

    fn as_written(&self, ticket: &Ticket, side: Side, comment: &board::Comment) -> Comment {
        let author = &comment.author;
        let name = if author.display_name.is_empty() { &author.unique_name } else { &author.display_name };
        Comment {
            id: self.inner.world.id(),
            ticket_id: ticket.id,
            side,
            author: if side == Side::Explanation { "Lockstep".into() } else { name.clone() },
            text: shown(comment),
            is_private: false,
            token: String::new(),
            revision: 1,
            carried: 1,
            work_item: ticket.work_item.as_ref().map(|item| item.id),
            board_id: Some(comment.id),
            board_version: comment.version,
            board_words: Some(block::normalised(&comment.text)),
            is_over: false,
            problem: None,
            attempts: 0,
            created_at: comment.created_at,
            edited_at: (comment.version > 1).then_some(comment.modified_at),
            deleted_at: None,
        }
    }

    /// Carries the next comment to the board, or the next file if there is none. `None`: nothing more is to be done now.
    async fn carry_one(&self, pass: &Pass<'_>, id: TicketId) -> Result<Option<Turn>, Refusal> {
        let world = &self.inner.world;
        let mut tx = self.inner.db.begin().await?;
        let Some(mut ticket) = store::tickets::get(&mut tx, id).await? else { return Ok(None) };
        // It may have ended, or another process be at it, since the pass began. Without another time it would be due
        // again at once, for ever.
        let again = ticket.intent.as_ref().map(|intent| intent.deadline() + self.inner.settings.settle);
        if again.is_some() || ticket.has_ended() {
            store::comments::talk_at(&mut tx, id, again).await?;
            tx.commit().await?;
            return Ok(None);
        }
        let rows = store::comments::of_ticket(&mut tx, id).await?;
        let next = rows
            .into_iter()
            .filter(|row| row.problem.is_none() && row.is_of(ticket.work_item_id))
            .find_map(|row| next_deed(row.standing()).map(|deed| (row, deed)));
        let Some(item) = ticket.work_item.clone() else {
            store::comments::talk_at(&mut tx, id, None).await?;
            tx.commit().await?;
            return Ok(None);
        };
        let now = world.now();
        // As it is now: this process may have stood still since the pass began.
        let is_active = store::connections::mode(&mut tx, ticket.connection_id).await?
            == store::connections::Mode::Active;
        let next = match next {
            None => return self.carry_file(tx, pass, ticket, &item, is_active).await,
            next => next.filter(|_| is_active),
        };
        let Some((row, deed)) = next else {
            store::comments::talk_at(&mut tx, id, Some(now + Duration::minutes(5))).await?;
            tx.commit().await?;
            return Ok(None);
        };
        let deadline = now + self.inner.settings.write_deadline;
        let html = content::spoken(&row.text, &row.author, &row.token);
        let revision = row.revision;
        ticket.intent =
            Some(Intent::Comment { deadline, comment: row.id, deed, revision, html: html.clone() });
        store::tickets::save(&mut tx, &ticket).await?;
        store::comments::talk_at(&mut tx, id, Some(deadline + self.inner.settings.settle)).await?;
        let until = deadline + Duration::seconds(5);
        if !store::connections::lease(&mut tx, pass.board.id, self.inner.owner, now, until).await? {
            return Ok(Some(Turn::Stop));
        }
        tx.commit().await?;

        let client = &pass.board.client;
        let text = CommentText::Html(&html);
        failpoint::reached("before comment").await;
        let answer = match (deed, row.board_id) {
            (Deed::Edit, Some(number)) => {
                client.edit_comment(&item.project, item.id, number, text, deadline).await.map(Some)
            }
            (Deed::Delete, Some(number)) => {
                client.delete_comment(&item.project, item.id, number, deadline).await.map(|()| None)
            }
            _ => client.add_comment(&item.project, item.id, text, deadline).await.map(Some),
        };
        failpoint::reached("after comment").await;

        let mut tx = self.inner.db.begin().await?;
        let Some(mut stored) = store::tickets::get(&mut tx, id).await? else { return Ok(None) };
        let Some(mut row) = store::comments::get(&mut tx, row.id).await? else { return Ok(None) };
        if stored.intent.as_ref().map(Intent::deadline) != Some(deadline) {
            // This process stood still for so long that another one took over and knows better.
            return Ok(Some(Turn::Stop));
        }
        let error = match answer {
            Ok(comment) => {
                let (words, version) = match &comment {
                    Some(comment) => {
                        row.carried = revision;
                        stand(&mut row, comment, Some(item.id));
                        ("carried to", comment.version)
                    }
                    None => {
                        row.is_over = true;
                        ("deleted from", row.board_version)
                    }
                };
                (row.attempts, row.problem) = (0, None);
                store::comments::save(&mut tx, &row).await?;
                stored.intent = None;
                store::tickets::save(&mut tx, &stored).await?;
                self.note_comment(&mut tx, &stored, &row, words, version).await?;
                tx.commit().await?;
                return Ok(Some(Turn::Done));
            }
            Err(error) => error,
        };
        if error.is_certain_not_applied() {
            stored.intent = None;
            store::tickets::save(&mut tx, &stored).await?;
        }
        row.attempts += 1;
        row.problem = given_up(&error, row.attempts);
        store::comments::save(&mut tx, &row).await?;
        let again = match &stored.intent {
            Some(intent) => intent.deadline() + self.inner.settings.settle,
            None => world.now() + backoff(row.attempts, world.chance.bits()),
        };
        store::comments::talk_at(&mut tx, id, Some(again)).await?;
        tx.commit().await?;
        if let Reach::Connection(until) = self.reach(&error) {
            self.block(pass.board, &error, until).await?;
            return Ok(Some(Turn::Stop));
        }
        Ok(None)
    }

    /// Says in the log of the ticket what became of a comment on the board.
    async fn note_comment(
        &self,
        tx: &mut Tx,
        ticket: &Ticket,
        row: &Comment,
        what: &str,
        version: i64,
    ) -> Result<(), Refusal> {
        let item = ticket.work_item_id.map(|id| id.to_string()).unwrap_or_default();
        let cause = Cause::new(CauseKind::Person, row.author.clone());
        let what = format!(
            "A comment of {} ({}, version {version}) was {what} work item {item}.",
            row.author, row.token
        );
        self.note_talk(tx, ticket.id, &cause, what).await
    }

    pub(crate) async fn note_talk(
        &self,
        tx: &mut Tx,
        id: TicketId,
        cause: &Cause,
        what: String,
    ) -> Result<(), Refusal> {
        let entry = Entry {
            id: self.inner.world.id(),
            at: self.inner.world.now(),
            subject: Subject::Ticket(id),
            cause,
            what,
            statuses: None,
            fields: &[],
        };
        store::audit::add(tx, entry).await?;
        Ok(())
    }
}

/// Why it is not tried again after so many failed tries, and what a person can do; `None` while it is.
pub(super) fn given_up(error: &Error, attempts: u32) -> Option<String> {
    let rejected = matches!(error, Error::Rejected { .. } | Error::Forbidden { .. } | Error::NotFound { .. });
    (attempts >= MOST_ATTEMPTS || (rejected && attempts >= MOST_REJECTIONS)).then(|| {
        let message = error.message();
        format!("{}. {}", message.trim_end_matches('.'), error.next_step())
    })
}

/// A comment of the board as plain text.
fn shown(comment: &board::Comment) -> String {
    if comment.is_markdown {
        content::clip(&comment.text, content::COMMENT_LIMIT)
    } else {
        content::plain(&comment.text)
    }
}

/// What stands on the board is known now.
fn stand(row: &mut Comment, comment: &board::Comment, on: Option<WorkItemId>) {
    row.work_item = on;
    row.board_id = Some(comment.id);
    row.board_version = comment.version;
    row.board_words = Some(block::normalised(&comment.text));
}
