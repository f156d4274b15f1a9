//! Files that people attach to a ticket as evidence. The synchronisation carries them to the work item; private ones stay here.

use model::attachment::{MOST, NAME_LIMIT, SIZE_LIMIT, file_name};
use model::{AttachmentId, TicketId};
use store::Tx;
use store::attachments::Attachment;
use store::audit::{Cause, CauseKind};

use crate::engine::{Engine, EventKind};
use crate::{Actor, Refusal};

/// A file to be attached.
#[derive(Clone, Debug)]
pub struct NewAttachment {
    /// Name; folders in it are left out.
    pub name: String,
    /// The bytes, at most [`SIZE_LIMIT`].
    pub content: Vec<u8>,
    /// For people here only. It cannot be made public later, nor the other way round.
    pub is_private: bool,
}

impl Engine {
    /// Attaches a file to a ticket. If it is not private it is attached to the work item, too.
    ///
    /// # Errors
    /// If there is no such ticket, it has too many files, or the file is empty, too long or has no name.
    pub async fn attach(
        &self,
        ticket: TicketId,
        new: NewAttachment,
        by: &Actor,
    ) -> Result<AttachmentId, Refusal> {
        let refused = |detail: String, next_step: String| {
            Refusal::invalid("attachment", "The file cannot be attached", detail, next_step)
        };
        let Some(name) = file_name(&new.name) else {
            return Err(refused(
                "The file has no name.".into(),
                format!("Give it a name of 1 to {NAME_LIMIT} characters."),
            ));
        };
        let mebibytes = SIZE_LIMIT / 1024 / 1024;
        if new.content.is_empty() || new.content.len() > SIZE_LIMIT {
            return Err(refused(
                format!("The file {name} has {} bytes.", new.content.len()),
                format!("Attach a file of 1 byte to {mebibytes} MiB."),
            ));
        }
        let mut tx = self.inner.db.begin().await?;
        let Some(known) = store::tickets::get(&mut tx, ticket).await? else {
            return Err(Refusal::not_found("ticket", ticket));
        };
        let files = store::attachments::of_ticket(&mut tx, ticket).await?;
        if files.iter().filter(|file| file.deleted_at.is_none()).count() >= MOST {
            return Err(refused(
                format!("The ticket has {MOST} files, and more are not taken."),
                "Delete one first, or put several into one archive.".into(),
            ));
        }
        let file = Attachment {
            id: self.inner.world.id(),
            ticket_id: ticket,
            author: by.name.clone(),
            name,
            size: i64::try_from(new.content.len()).unwrap_or(i64::MAX),
            is_private: new.is_private,
            work_item: None,
            board_id: None,
            is_attached: false,
            in_doubt: false,
            is_over: false,
            problem: None,
            attempts: 0,
            added_at: self.inner.world.now(),
            deleted_at: None,
        };
        store::attachments::add(&mut tx, &file, new.content).await?;
        let how = if file.is_private { "for people here only" } else { "to the ticket" };
        self.note_file(&mut tx, &file, by, format!("{} attached the file {} {how}.", by.name, file.name))
            .await?;
        tx.commit().await?;
        self.announce(EventKind::Ticket, ticket.0);
        self.wake_board(known.connection_id);
        Ok(file.id)
    }

    /// Deletes a file of a ticket, also from the work item.
    ///
    /// # Errors
    /// If there is no such file.
    pub async fn delete_attachment(
        &self,
        ticket: TicketId,
        id: AttachmentId,
        by: &Actor,
    ) -> Result<(), Refusal> {
        let mut tx = self.inner.db.begin().await?;
        let file = store::attachments::get(&mut tx, id).await?;
        let Some(mut file) = file.filter(|file| file.ticket_id == ticket && file.deleted_at.is_none()) else {
            return Err(Refusal::not_found("attachment", id));
        };
        file.deleted_at = Some(self.inner.world.now());
        (file.attempts, file.problem) = (0, None);
        store::attachments::save(&mut tx, &file).await?;
        self.note_file(&mut tx, &file, by, format!("{} deleted the file {}.", by.name, file.name)).await?;
        tx.commit().await?;
        self.announce(EventKind::Ticket, ticket.0);
        self.wake_all_boards();
        Ok(())
    }

    async fn note_file(
        &self,
        tx: &mut Tx,
        file: &Attachment,
        by: &Actor,
        what: String,
    ) -> Result<(), Refusal> {
        if !file.is_private {
            store::comments::talk_at(tx, file.ticket_id, Some(self.inner.world.now())).await?;
        }
        let cause = Cause::new(CauseKind::Person, by.name.clone());
        self.note_talk(tx, file.ticket_id, &cause, what).await
    }
}
