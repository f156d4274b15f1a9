//! What people asked for by hand and a write must carry out: another state, another area, a farewell to a work item whose
//! findings went on to another one.

use azure::{Item, LinkKind, LinkTarget};
use model::WorkItemId;
use model::board::{Change, ItemLink, ItemLinkKind, WorkItem};
use model::content;
use model::following::{Order, Repair};
use model::map::Position;
use model::merge::{Base, FieldChange, Outcome};
use model::process::StateCategory;
use store::Tx;
use store::destinations::Destination;
use store::tickets::{Health, Ticket};

use crate::Refusal;
use crate::engine::Engine;
use crate::sync::repair::{cause_of, rehome};

/// How long a work item waits for the one that it is merged into.
const WAIT: chrono::Duration = chrono::Duration::seconds(15);

/// Whether the turn of a ticket is over.
pub(crate) enum Parting {
    /// The ticket is stored; there is nothing to send.
    Done,
    /// The turn goes on.
    GoesOn,
}

/// The last change that is sent; an empty one if there was none.
fn last_write<'o>(outcome: &'o mut Outcome, view: &WorkItem) -> Option<&'o mut Change> {
    if outcome.writes.is_empty() {
        outcome.writes.push(Change::default());
        outcome.positions.push(Position::of(view));
    }
    outcome.writes.last_mut()
}

fn is_closed(destination: &Destination, view: &WorkItem) -> bool {
    destination
        .process
        .work_item_type
        .state(&view.state)
        .is_some_and(|state| matches!(state.category, StateCategory::Completed | StateCategory::Removed))
}

fn is_linked(item: &Item, to: WorkItemId) -> bool {
    item.links()
        .iter()
        .any(|link| link.target == LinkTarget::WorkItem { kind: LinkKind::DuplicateOf, id: to })
}

impl Engine {
    /// Adds to a change what people asked for. What is there already is not written again.
    pub(crate) async fn wishes_by_hand(
        &self,
        tx: &mut Tx,
        destination: &Destination,
        ticket: &mut Ticket,
        item: &Item,
        view: &WorkItem,
        outcome: &mut Outcome,
    ) -> Result<Parting, Refusal> {
        if ticket
            .following
            .chosen
            .as_ref()
            .is_some_and(|chosen| chosen.state.eq_ignore_ascii_case(&view.state))
        {
            ticket.following.chosen = None;
        }
        if let Some(area) = ticket.following.area.clone() {
            if area.state.eq_ignore_ascii_case(&view.area) {
                ticket.following.area = None;
            } else if let Some(change) = last_write(outcome, view) {
                // Whether it went there is looked at after the write.
                store::tickets::mark(tx, ticket.id).await?;
                change.area = Some(area.state.clone());
                outcome.fields.push(FieldChange {
                    field: "Area".into(),
                    from: view.area.clone(),
                    to: area.state,
                    reason: "the ticket was moved to another destination".into(),
                    decided_by: Some(area.by),
                });
            }
        }
        let Some(order) = ticket.following.order.clone() else { return Ok(Parting::GoesOn) };
        let moves = outcome.writes.last().is_some_and(|last| last.state.is_some() || last.column.is_some());
        match order.repair {
            Repair::MergeInto { ticket: into } => {
                let into = store::tickets::get(tx, into).await?;
                let Some(into) = into.filter(|into| into.health != Health::Released) else {
                    return self.drop_order(tx, ticket, &order, &outcome.base, "that ticket has ended").await;
                };
                let findings = store::findings::of_ticket(tx, into.id).await?;
                let is_undone = into.following.undone_by.is_some();
                if into.work_item_id.is_none() && !is_undone && Self::together(&findings).is_open() {
                    ticket.health = Health::Waiting;
                    ticket.problem =
                        Some("The ticket that this one is merged into has no work item yet.".into());
                    ticket.next_step = Some("Look at the other ticket.".into());
                    ticket.next_attempt_at = self.inner.world.now() + WAIT;
                    ticket.base = Some(outcome.base.clone());
                    store::tickets::save(tx, ticket).await?;
                    return Ok(Parting::Done);
                }
                // Nothing may be left to do there before there was a work item, or a person undid it: there is nothing to
                // link to.
                let to = into.work_item_id.filter(|to| !ticket.following.unlinkable.contains(to));
                let linked = to.is_some_and(|to| is_linked(item, to));
                let there = to.map_or_else(|| "another ticket".to_owned(), |to| format!("{to}"));
                if (linked || to.is_none()) && !moves {
                    // It is closed, or it cannot be from where it stands.
                    ticket.base = Some(outcome.base.clone());
                    self.carry_out_here(tx, ticket, &Order { repair: Repair::Release, ..order }).await?;
                    let there = to
                        .map_or_else(|| "another one".to_owned(), |to| format!("the one of work item {to}"));
                    ticket.problem = Some(format!("This ticket was merged into {there}."));
                    ticket.next_step = Some("Look at the other ticket.".into());
                    store::tickets::save(tx, ticket).await?;
                    return Ok(Parting::Done);
                }
                let words =
                    format!("{} merged this work item into {there}: its findings are there now.", order.by);
                if let Some(change) = last_write(outcome, view) {
                    let new = to.filter(|_| !linked);
                    change.add_links.extend(new.map(|to| ItemLink { kind: ItemLinkKind::DuplicateOf, to }));
                    // Also where it is linked: somebody moved it since, and is told why it is closed.
                    say(change, &words, &ticket.token);
                }
            }
            Repair::MoveTo { destination: to } => {
                let Some(target) = store::destinations::get(tx, to).await? else {
                    let why = "there is no such destination any more";
                    return self.drop_order(tx, ticket, &order, &outcome.base, why).await;
                };
                if is_closed(destination, view) {
                    self.replace(tx, ticket, &order).await?;
                    rehome(tx, ticket, to).await?;
                    ticket.following.links = vec![ItemLink { kind: ItemLinkKind::Related, to: view.id }];
                    store::tickets::save(tx, ticket).await?;
                    return Ok(Parting::Done);
                }
                let words = format!(
                    "{} moved this to {}: a new work item is made there, linked to this one.",
                    order.by, target.settings.name
                );
                match outcome.writes.last_mut().filter(|_| moves) {
                    Some(change) => say(change, &words, &ticket.token),
                    None => {
                        let why = "its card cannot be closed from where it stands";
                        return self.drop_order(tx, ticket, &order, &outcome.base, why).await;
                    }
                }
            }
            _ => {}
        }
        if ticket.following.order.is_some() {
            // The rest of it has its turn after the write.
            store::tickets::mark(tx, ticket.id).await?;
        }
        Ok(Parting::GoesOn)
    }

    /// What was ordered cannot be done. A ticket that had ended before has ended again: nobody asked for anything else.
    async fn drop_order(
        &self,
        tx: &mut Tx,
        ticket: &mut Ticket,
        order: &Order,
        base: &Base,
        why: &str,
    ) -> Result<Parting, Refusal> {
        ticket.following.order = None;
        let what = format!("It was not possible to {}: {why}.", order.repair.wish());
        self.note_on_ticket(tx, ticket, &cause_of(order), what).await?;
        if !order.was_released {
            return Ok(Parting::GoesOn);
        }
        ticket.base = Some(base.clone());
        self.release(tx, ticket, order).await?;
        store::tickets::save(tx, ticket).await?;
        Ok(Parting::Done)
    }
}

/// Adds words to the comment of a change.
fn say(change: &mut Change, words: &str, token: &str) {
    let words = content::comment(&[words.to_owned()]);
    change.comment = Some(match &change.comment {
        Some(comment) => format!("{words}{comment}"),
        None => content::explanation(&words, token),
    });
}
