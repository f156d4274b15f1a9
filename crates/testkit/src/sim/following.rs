//! Laws of work items that were replaced, released or copied.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use model::{TicketId, WorkItemId};
use store::args;
use store::tickets::{Health, Ticket};

use crate::sim::Simulation;
use crate::sim::laws::{Checked, broken, created_with};
use crate::sim::people::{LOCKSTEP, item, live, revisions};

/// The work items that tickets had before.
pub(crate) struct Formers(BTreeSet<(TicketId, i64)>);

impl Formers {
    pub(crate) fn has(&self, ticket: TicketId, id: i64) -> bool {
        self.0.contains(&(ticket, id))
    }
}

pub(crate) async fn formers(sim: &Simulation) -> Formers {
    let mut tx = sim.db().read().await.unwrap();
    let rows = tx.all("SELECT ticket_id, work_item_id FROM ticket_former", args![]).await.unwrap();
    Formers(rows.iter().map(|row| (row.id("ticket_id").unwrap(), row.int("work_item_id").unwrap())).collect())
}

/// Since when a ticket uses a work item that a person chose for it.
pub(crate) async fn used_since(sim: &Simulation, ticket: &Ticket) -> Option<DateTime<Utc>> {
    let mut tx = sim.db().read().await.unwrap();
    let row = tx
        .first(
            "SELECT at FROM audit WHERE subject = 'ticket' AND subject_id = $1 AND what LIKE '%is used for this ticket from now on.' ORDER BY id DESC LIMIT 1",
            args![ticket.id],
        )
        .await
        .unwrap()?;
    Some(row.time("at").unwrap())
}

pub(crate) async fn check(sim: &Simulation, tickets: &[Ticket], formers: &Formers) -> Checked {
    for ticket in tickets {
        nothing_is_written_after_the_end(sim, ticket).await?;
        copies_are_named(sim, ticket, formers)?;
    }
    only_what_was_deleted_is_replaced(sim).await
}

/// A released ticket has ended: its work item belongs to people alone.
async fn nothing_is_written_after_the_end(sim: &Simulation, ticket: &Ticket) -> Checked {
    let (Health::Released, Some(WorkItemId(id))) = (ticket.health, ticket.work_item_id) else {
        return Ok(());
    };
    let mut tx = sim.db().read().await.unwrap();
    let row = tx
        .first(
            "SELECT at FROM audit WHERE subject = 'ticket' AND subject_id = $1 AND what LIKE 'Ticket released%' ORDER BY id DESC LIMIT 1",
            args![ticket.id],
        )
        .await
        .unwrap();
    let law = "nothing is written to a released ticket";
    let Some(row) = row else { return broken(law, format!("{} was released without a word", ticket.token)) };
    let released = row.time("at").unwrap();
    for revision in revisions(&sim.wire, id) {
        let at =
            revision["fields"]["System.ChangedDate"].as_str().and_then(|at| at.parse::<DateTime<Utc>>().ok());
        if revision["fields"]["System.ChangedBy"]["uniqueName"] == LOCKSTEP && at > Some(released) {
            return broken(law, format!("revision {} of {id} was written after {released}", revision["rev"]));
        }
    }
    Ok(())
}

/// A second live work item with a ticket's key is named on it, as far as our tag tells of it.
fn copies_are_named(sim: &Simulation, ticket: &Ticket, formers: &Formers) -> Checked {
    let known = ticket.work_item_id.map(|id| id.0);
    for id in live(&sim.wire) {
        let Some(other) = item(&sim.wire, id) else { continue };
        let is_tagged = other["fields"]["System.Tags"]
            .as_str()
            .is_some_and(|tags| tags.split("; ").any(|tag| tag.eq_ignore_ascii_case("lockstep")));
        let following = &ticket.following;
        let is_named =
            following.copies.contains(&WorkItemId(id)) || following.known_copies.contains(&WorkItemId(id));
        // Only a whole block or our link makes it one: of a text that people cut up nothing is said.
        let is_whole = other["relations"].as_array().into_iter().flatten().any(|relation| {
            relation["attributes"]["comment"].as_str().is_some_and(|text| text.contains(&ticket.token))
        });
        if Some(id) != known
            && is_tagged
            && is_whole
            && created_with(&other, &ticket.token)
            && !is_named
            && !formers.has(ticket.id, id)
        {
            return broken(
                "copies are named",
                format!(
                    "{id} carries the key of {} ({known:?}), and the ticket does not say so",
                    ticket.token
                ),
            );
        }
    }
    Ok(())
}

/// By itself Lockstep makes a new work item only in place of one that people deleted.
async fn only_what_was_deleted_is_replaced(sim: &Simulation) -> Checked {
    let mut tx = sim.db().read().await.unwrap();
    let rows = tx
        .all("SELECT what FROM audit WHERE subject = 'ticket' AND cause = 'rule' AND what LIKE '%is given up%'", args![])
        .await
        .unwrap();
    let deleted = sim.wire.deleted();
    for row in rows {
        let what = row.text("what").unwrap();
        let id: i64 = what.split_whitespace().nth(2).and_then(|word| word.parse().ok()).unwrap_or_default();
        if !deleted.contains(&id) {
            return broken("only what was deleted is replaced", format!("{what} Nobody had deleted it."));
        }
    }
    Ok(())
}
