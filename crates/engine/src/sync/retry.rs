//! A person asks for another try.

use crate::Refusal;
use crate::engine::Engine;

impl Engine {
    /// Lets a ticket that waits or is parked be tried at once.
    ///
    /// # Errors
    /// If there is no such ticket.
    pub async fn retry_ticket(&self, id: model::TicketId, by: &crate::Actor) -> Result<(), Refusal> {
        let mut tx = self.inner.db.begin().await?;
        let Some(ticket) = store::tickets::get(&mut tx, id).await? else {
            return Err(Refusal::not_found("ticket", id));
        };
        store::tickets::retry(&mut tx, id).await?;
        store::comments::retry(&mut tx, id, self.inner.world.now()).await?;
        self.note_configuration(&mut tx, "ticket", id.0, by, "Asked to be tried again.").await?;
        tx.commit().await?;
        self.wake_board(ticket.connection_id);
        Ok(())
    }
}
