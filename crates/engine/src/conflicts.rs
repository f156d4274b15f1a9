//! A person decides a conflict: Lockstep's value is written, or the board's is agreed on.

use model::TicketId;
use model::merge::{self, Choice, Field};
use store::audit::{Cause, CauseKind, Entry, Subject};

use crate::engine::{Engine, EventKind};
use crate::{Actor, Refusal};

/// What a person decided about a conflict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// Lockstep's value is written.
    TakeOurs,
    /// The board's value stays. Nobody is asked again until either side changes.
    KeepTheirs,
}

impl Engine {
    /// Decides a conflict of a ticket as it is shown there now.
    ///
    /// # Errors
    /// If there is no such ticket or conflict, or what Lockstep would write cannot be written.
    pub async fn resolve_conflict(
        &self,
        id: TicketId,
        field: Field,
        resolution: Resolution,
        by: &Actor,
    ) -> Result<(), Refusal> {
        let mut tx = self.inner.db.begin().await?;
        let Some(mut ticket) = store::tickets::get(&mut tx, id).await? else {
            return Err(Refusal::not_found("ticket", id));
        };
        let gone = || {
            Refusal::conflict(
                "no_such_conflict",
                "There is no such conflict",
                format!("Both sides do not differ on {} any more.", field.label()),
                "Look at the ticket again.",
            )
        };
        let place = ticket.conflicts.iter().position(|conflict| conflict.field == field.label());
        let known = ticket.clone();
        let (Some(place), Some(base), Some(item)) = (place, ticket.base.as_mut(), ticket.work_item.as_ref())
        else {
            return Err(gone());
        };
        if ticket.intent.is_some() {
            return Err(Refusal::conflict(
                "write_under_way",
                "A write is on its way",
                "A change of this work item is on its way, and its outcome is not known yet.",
                "Try again in a minute.",
            ));
        }
        let Some(destination) = store::destinations::get(&mut tx, ticket.destination_id).await? else {
            return Err(Refusal::not_found("destination", ticket.destination_id));
        };
        let findings = store::findings::of_ticket(&mut tx, id).await?;
        let desired = self.desired(&mut tx, &destination, Some(&known), &findings).await?;
        let (choice, words) = match resolution {
            Resolution::TakeOurs => (Choice::Ours, "Lockstep's value counts"),
            Resolution::KeepTheirs => (Choice::Theirs, "the board's value stays"),
        };
        merge::resolve(base, field, choice, &by.name, &desired, item).map_err(|why| {
            Refusal::conflict(
                "ours_cannot_be_written",
                "Lockstep's value cannot be written",
                format!("It cannot be written: {why}."),
                "Keep the board's value, or turn the field back into HTML on the board.",
            )
        })?;
        let conflict = ticket.conflicts.remove(place);
        store::tickets::save(&mut tx, &ticket).await?;
        store::tickets::retry(&mut tx, id).await?;
        let cause = Cause::new(CauseKind::Person, by.name.clone());
        let fields = [merge::FieldChange {
            field: conflict.field,
            from: conflict.theirs,
            to: conflict.ours,
            reason: format!("{} decided: {words}", by.name),
            decided_by: Some(by.name.clone()),
        }];
        let entry = Entry {
            id: self.inner.world.id(),
            at: self.inner.world.now(),
            subject: Subject::Ticket(id),
            cause: &cause,
            what: format!("{} decided the conflict on {}: {words}.", by.name, field.label()),
            statuses: None,
            fields: &fields,
        };
        store::audit::add(&mut tx, entry).await?;
        tx.commit().await?;
        self.announce(EventKind::Ticket, id.0);
        self.wake_board(ticket.connection_id);
        Ok(())
    }
}
