//! Two tickets become one, and a ticket goes to another destination. The work item that is left behind is closed, linked and
//! says why.

use model::following::{ChosenState, Repair};
use model::offer;
use model::{DestinationId, TicketId};
use store::Tx;
use store::audit::{Cause, CauseKind};
use store::destinations::Destination;
use store::tickets::Ticket;

use super::refused;
use crate::engine::Engine;
use crate::sync::home;
use crate::{Actor, Refusal};

impl Engine {
    /// Puts the findings of a ticket into another one. Its work item is closed as a duplicate of the other's, with a
    /// comment; then the ticket ends.
    ///
    /// # Errors
    /// If there is no such ticket, one of them has ended, or they belong to different connections.
    pub async fn merge_tickets(&self, id: TicketId, into: TicketId, by: &Actor) -> Result<(), Refusal> {
        let mut tx = self.inner.db.begin().await?;
        let mut ticket = self.living(&mut tx, id).await?;
        let target = self.living(&mut tx, into).await?;
        if id == into {
            return Err(refused(
                "same_ticket",
                "A ticket cannot be merged into itself.".into(),
                "Name two tickets.",
            ));
        }
        if ticket.connection_id != target.connection_id {
            return Err(refused(
                "other_connection",
                "The tickets belong to different connections: their work items cannot be linked.".into(),
                "Choose tickets of one connection.",
            ));
        }
        if matches!(
            target.following.order.as_ref().map(|order| order.repair),
            Some(Repair::MergeInto { .. } | Repair::Release)
        ) {
            return Err(refused(
                "ticket_is_ending",
                "The other ticket is about to end itself.".into(),
                "Choose another ticket.",
            ));
        }
        let findings = store::findings::of_ticket(&mut tx, id).await?;
        for finding in &findings {
            store::tickets::remove_finding(&mut tx, id, finding.id).await?;
            store::tickets::add_finding(&mut tx, into, finding.id).await?;
        }
        store::tickets::retire_group(&mut tx, id).await?;
        let farewell = self.farewell(&mut tx, &ticket, by).await?;
        self.order(&mut tx, &mut ticket, Repair::MergeInto { ticket: into }, farewell, by).await?;
        let cause = Cause::new(CauseKind::Person, by.name.clone());
        let number = ticket.work_item_id.map(|id| format!(" of work item {id}")).unwrap_or_default();
        let what = format!(
            "{} findings came here from the ticket{number}, which was merged into this one.",
            findings.len()
        );
        self.note_on_ticket(&mut tx, &target, &cause, what).await?;
        store::tickets::mark(&mut tx, into).await?;
        tx.commit().await?;
        self.changed_by_hand(&target);
        Ok(())
    }

    /// Moves a ticket to another destination of its connection. In the same project and type the work item stays and gets
    /// the other area; else it is closed, and a new one is made there, linked to it.
    ///
    /// # Errors
    /// If there is no such ticket or destination, it is there already, or that destination has a ticket for its group.
    pub async fn move_ticket(&self, id: TicketId, to: DestinationId, by: &Actor) -> Result<(), Refusal> {
        let mut tx = self.inner.db.begin().await?;
        self.carry_to(&mut tx, id, to, by).await?;
        tx.commit().await?;
        Ok(())
    }

    pub(crate) async fn carry_to(
        &self,
        tx: &mut Tx,
        id: TicketId,
        to: DestinationId,
        by: &Actor,
    ) -> Result<(), Refusal> {
        let mut ticket = self.living(tx, id).await?;
        let Some(target) = store::destinations::get(tx, to).await? else {
            return Err(Refusal::not_found("destination", to));
        };
        let name = &target.settings.name;
        if ticket.destination_id == to {
            return Err(refused(
                "already_there",
                format!("The ticket is at the destination {name} already."),
                "Choose another destination.",
            ));
        }
        if ticket.connection_id != target.connection_id {
            return Err(refused(
                "other_connection",
                format!("The destination {name} belongs to another connection."),
                "Release the ticket, and make a new one for its findings there.",
            ));
        }
        let key = ticket.group_key.as_str();
        if store::tickets::of_groups(tx, to, &[key]).await?.contains_key(key) {
            return Err(refused(
                "group_taken",
                format!("The destination {name} has a ticket for these findings already."),
                "Merge this ticket into that one.",
            ));
        }
        let stays = ticket
            .work_item
            .as_ref()
            .is_some_and(|item| home(&target).is_same(&item.project, &item.work_item_type));
        let (repair, farewell) = if stays {
            ticket.following.area =
                Some(ChosenState { state: target.settings.area.clone(), by: by.name.clone(), says: None });
            (Repair::HandOver { destination: to }, None)
        } else {
            (Repair::MoveTo { destination: to }, self.farewell(tx, &ticket, by).await?)
        };
        self.order(tx, &mut ticket, repair, farewell, by).await?;
        self.changed_by_hand(&ticket);
        Ok(())
    }

    /// Ends a ticket: its work item is left as it is, and its findings have none from then on.
    ///
    /// # Errors
    /// If there is no such ticket, or it has ended.
    pub async fn release_ticket(&self, id: TicketId, by: &Actor) -> Result<(), Refusal> {
        let mut tx = self.inner.db.begin().await?;
        let mut ticket = self.living(&mut tx, id).await?;
        self.order(&mut tx, &mut ticket, Repair::Release, None, by).await?;
        tx.commit().await?;
        self.changed_by_hand(&ticket);
        Ok(())
    }

    /// The closed state in which the work item shall end that is left behind, if there is one.
    async fn farewell(
        &self,
        tx: &mut Tx,
        ticket: &Ticket,
        by: &Actor,
    ) -> Result<Option<ChosenState>, Refusal> {
        let Some(item) = &ticket.work_item else { return Ok(None) };
        let destination: Option<Destination> = store::destinations::get(tx, ticket.destination_id).await?;
        let state = destination.and_then(|destination| {
            let process = &destination.process;
            offer::farewell(&destination.settings.status_map, &process.work_item_type, &item.state)
        });
        let Some(state) = state else {
            return Err(refused(
                "no_closed_state",
                format!("No closed state can be reached from '{}' on the board.", item.state),
                "Move the card to a state from which it can be closed, then try again.",
            ));
        };
        Ok(Some(ChosenState { state, by: by.name.clone(), says: None }))
    }
}
