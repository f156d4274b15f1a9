//! Comments that people write here. The synchronisation carries them to the work item; private notes stay here.

use model::merge::comments::Side;
use model::{CommentId, TicketId, content};
use store::Tx;
use store::audit::{Cause, CauseKind, Entry, Subject};
use store::comments::Comment;
use store::tickets::Ticket;

use crate::engine::{Engine, EventKind};
use crate::{Actor, Refusal};

/// A comment to be written.
#[derive(Clone, Debug)]
pub struct NewComment {
    /// Plain text, at most [`content::COMMENT_LIMIT`] characters.
    pub text: String,
    /// For people here only. It cannot be made public later, nor the other way round.
    pub is_private: bool,
}

impl Engine {
    /// Writes a comment on a ticket. If it is not private it appears on the work item.
    ///
    /// # Errors
    /// If there is no such ticket, or the text is empty or too long.
    pub async fn write_comment(
        &self,
        ticket: TicketId,
        new: NewComment,
        by: &Actor,
    ) -> Result<CommentId, Refusal> {
        let text = checked(&new.text)?;
        let mut tx = self.inner.db.begin().await?;
        let Some(known) = store::tickets::get(&mut tx, ticket).await? else {
            return Err(Refusal::not_found("ticket", ticket));
        };
        let comment = self.new_comment(ticket, text, new.is_private, by);
        store::comments::add(&mut tx, &comment).await?;
        let what = if new.is_private { "wrote a private note" } else { "commented" };
        self.said(&mut tx, &comment, by, what).await?;
        tx.commit().await?;
        self.announce(EventKind::Ticket, ticket.0);
        self.wake_board(known.connection_id);
        Ok(comment.id)
    }

    fn new_comment(&self, ticket: TicketId, text: String, is_private: bool, by: &Actor) -> Comment {
        let world = &self.inner.world;
        Comment {
            id: world.id(),
            ticket_id: ticket,
            side: Side::Here,
            author: by.name.clone(),
            text,
            is_private,
            token: world.token().replacen("LS-", "LC-", 1),
            revision: 1,
            carried: 0,
            work_item: None,
            board_id: None,
            board_version: 0,
            board_words: None,
            is_over: false,
            problem: None,
            attempts: 0,
            created_at: world.now(),
            edited_at: None,
            deleted_at: None,
        }
    }

    /// Says something on a ticket in the name of a person, as part of what that person did.
    pub(crate) async fn speak(
        &self,
        tx: &mut Tx,
        ticket: &Ticket,
        text: &str,
        by: &Actor,
    ) -> Result<(), Refusal> {
        let text = content::clip(text, content::COMMENT_LIMIT);
        let comment = self.new_comment(ticket.id, text, false, by);
        store::comments::add(tx, &comment).await?;
        self.said(tx, &comment, by, "commented").await
    }

    /// Changes the text of a comment that the same person wrote here.
    ///
    /// # Errors
    /// If there is no such comment, it is somebody else's, or a person changed it on the board.
    pub async fn edit_comment(
        &self,
        ticket: TicketId,
        id: CommentId,
        text: &str,
        by: &Actor,
    ) -> Result<(), Refusal> {
        let text = checked(text)?;
        let mut tx = self.inner.db.begin().await?;
        let mut comment = self.own_comment(&mut tx, ticket, id, by).await?;
        if comment.text == text {
            return Ok(());
        }
        comment.text = text;
        comment.revision += 1;
        comment.edited_at = Some(self.inner.world.now());
        (comment.attempts, comment.problem) = (0, None);
        store::comments::save(&mut tx, &comment).await?;
        self.said(&mut tx, &comment, by, "changed a comment").await?;
        tx.commit().await?;
        self.announce(EventKind::Ticket, ticket.0);
        self.wake_all_boards();
        Ok(())
    }

    /// Deletes a comment that the same person wrote here, also on the board.
    ///
    /// # Errors
    /// If there is no such comment, it is somebody else's, or a person changed it on the board.
    pub async fn delete_comment(&self, ticket: TicketId, id: CommentId, by: &Actor) -> Result<(), Refusal> {
        let mut tx = self.inner.db.begin().await?;
        let mut comment = self.own_comment(&mut tx, ticket, id, by).await?;
        comment.deleted_at = Some(self.inner.world.now());
        (comment.attempts, comment.problem) = (0, None);
        store::comments::save(&mut tx, &comment).await?;
        self.said(&mut tx, &comment, by, "deleted a comment").await?;
        tx.commit().await?;
        self.announce(EventKind::Ticket, ticket.0);
        self.wake_all_boards();
        Ok(())
    }

    async fn own_comment(
        &self,
        tx: &mut Tx,
        ticket: TicketId,
        id: CommentId,
        by: &Actor,
    ) -> Result<Comment, Refusal> {
        let comment = store::comments::get(tx, id).await?;
        let Some(comment) = comment.filter(|c| c.ticket_id == ticket && c.deleted_at.is_none()) else {
            return Err(Refusal::not_found("comment", id));
        };
        if comment.side != Side::Here || comment.author != by.name {
            return Err(Refusal::conflict(
                "comment_not_yours",
                "Only who wrote a comment may change it",
                format!("{} wrote this comment.", comment.author),
                "Write a comment of your own; what was written on the board is changed there.",
            ));
        }
        if comment.is_over {
            return Err(Refusal::conflict(
                "comment_changed_on_board",
                "The comment was changed on the board",
                "Somebody changed this comment on the board, and it is left to them.",
                "Change it on the board, or write another one.",
            ));
        }
        Ok(comment)
    }

    async fn said(&self, tx: &mut Tx, comment: &Comment, by: &Actor, what: &str) -> Result<(), Refusal> {
        let now = self.inner.world.now();
        if !comment.is_private {
            store::comments::talk_at(tx, comment.ticket_id, Some(now)).await?;
        }
        let cause = Cause::new(CauseKind::Person, by.name.clone());
        let entry = Entry {
            id: self.inner.world.id(),
            at: now,
            subject: Subject::Ticket(comment.ticket_id),
            cause: &cause,
            what: format!("{} {what}.", by.name),
            statuses: None,
            fields: &[],
        };
        store::audit::add(tx, entry).await?;
        Ok(())
    }
}

fn checked(text: &str) -> Result<String, Refusal> {
    let text = text.replace("\r\n", "\n").trim().to_owned();
    let wrong = |detail: String| {
        Refusal::invalid(
            "comment_text",
            "The text is no comment",
            detail,
            format!("Write 1 to {} characters.", content::COMMENT_LIMIT),
        )
    };
    match text.chars().count() {
        0 => Err(wrong("The comment is empty.".into())),
        length if length > content::COMMENT_LIMIT => {
            Err(wrong(format!("The comment has {length} characters.")))
        }
        _ => Ok(text),
    }
}
