//! Many tickets are closed with one state. What the state says through the status map becomes of the findings, so that both
//! sides mean the same; the cards follow by the one loop.

use model::TicketId;
use model::acceptance::Terms;
use model::following::ChosenState;
use model::lifecycle::command_of;
use model::offer::{self, OfferedState};
use store::Tx;
use store::audit::{Cause, CauseKind};
use store::destinations::Destination;
use store::findings::Finding;
use store::tickets::{Health, Ticket};

use super::{offered_state, refused};
use crate::engine::{Engine, EventKind};
use crate::sync::home;
use crate::{Actor, Refusal};

/// Tickets that are handled at once.
const MOST_TICKETS: usize = 200;

/// Tickets of one project and type, and the states in which all of them can be closed.
#[derive(Clone, Debug)]
pub struct ClosingGroup {
    /// Project.
    pub project: String,
    /// Work item type.
    pub work_item_type: String,
    /// The tickets.
    pub tickets: Vec<TicketId>,
    /// States that all of them share, in the order of the process.
    pub states: Vec<OfferedState>,
    /// Why some state that one of them has is not offered; none if all have the same.
    pub differing: Option<String>,
}

/// In which states tickets can be closed.
#[derive(Clone, Debug, Default)]
pub struct ClosingOffer {
    /// By project and type.
    pub groups: Vec<ClosingGroup>,
    /// States that all groups share: one choice for everything.
    pub shared: Vec<String>,
    /// Tickets that cannot be closed by hand, and why.
    pub refused: Vec<Handled>,
}

/// Which tickets are closed with which state.
#[derive(Clone, Debug)]
pub struct ClosingChoice {
    /// Tickets.
    pub tickets: Vec<TicketId>,
    /// State.
    pub state: String,
}

/// What became of one of many tickets.
#[derive(Clone, Debug)]
pub struct Handled {
    /// The ticket.
    pub ticket: TicketId,
    /// Its title.
    pub title: String,
    /// Why it was not done; none if it is on its way.
    pub refused: Option<String>,
}

/// Why a ticket cannot be closed by hand as it is.
fn why_not_closable(ticket: &Ticket, destination: &Destination) -> Option<String> {
    let Some(item) = &ticket.work_item else {
        return Some("it has no work item yet; release it instead".into());
    };
    if matches!(ticket.health, Health::Released | Health::Deleted | Health::Destroyed | Health::Missing) {
        return Some(format!("it is {}", ticket.health.as_str()));
    }
    if ticket.following.order.is_some() {
        return Some("something else was asked for and is not carried out yet".into());
    }
    if !home(destination).is_same(&item.project, &item.work_item_type) {
        return Some(
            "its work item is of another project or type than its destination; mend that first".into(),
        );
    }
    if ticket.health == Health::Closed {
        return Some("it is closed already".into());
    }
    None
}

async fn offers(
    tx: &mut Tx,
    ticket: &Ticket,
    destination: &Destination,
) -> Result<Vec<OfferedState>, Refusal> {
    let from = ticket.work_item.as_ref().map_or("", |item| item.state.as_str());
    let (map, of) = (&destination.settings.status_map, &destination.process.work_item_type);
    let status = Engine::together(&store::findings::of_ticket(tx, ticket.id).await?);
    Ok(match status.is_open() {
        true => offer::for_closing(map, of, from),
        false => offer::for_closed(map, of, from, status),
    })
}

fn checked_count(count: usize) -> Result<(), Refusal> {
    if (1..=MOST_TICKETS).contains(&count) {
        return Ok(());
    }
    Err(Refusal::invalid(
        "tickets_count",
        "That is no choice of tickets",
        format!("{count} tickets were chosen."),
        format!("Choose 1 to {MOST_TICKETS} tickets at a time."),
    )
    .field("/tickets", format!("1 to {MOST_TICKETS} tickets")))
}

impl Engine {
    async fn with_destination(&self, tx: &mut Tx, id: TicketId) -> Result<(Ticket, Destination), Refusal> {
        let Some(ticket) = store::tickets::get(tx, id).await? else {
            return Err(Refusal::not_found("ticket", id));
        };
        let Some(destination) = store::destinations::get(tx, ticket.destination_id).await? else {
            return Err(Refusal::not_found("destination", ticket.destination_id));
        };
        Ok((ticket, destination))
    }

    /// In which states these tickets can be closed, grouped by project and type.
    ///
    /// # Errors
    /// If there is no such ticket, or none or more than 200 are named.
    pub async fn closing_states(&self, ids: &[TicketId]) -> Result<ClosingOffer, Refusal> {
        checked_count(ids.len())?;
        let mut tx = self.inner.db.read().await?;
        let mut offer = ClosingOffer::default();
        for id in ids {
            let (ticket, destination) = self.with_destination(&mut tx, *id).await?;
            if let Some(why) = why_not_closable(&ticket, &destination) {
                offer.refused.push(Handled { ticket: *id, title: ticket.title, refused: Some(why) });
                continue;
            }
            let states = offers(&mut tx, &ticket, &destination).await?;
            let place = home(&destination);
            let known =
                offer.groups.iter_mut().find(|group| place.is_same(&group.project, &group.work_item_type));
            let Some(group) = known else {
                offer.groups.push(ClosingGroup {
                    project: place.project,
                    work_item_type: place.work_item_type,
                    tickets: vec![*id],
                    states,
                    differing: None,
                });
                continue;
            };
            group.tickets.push(*id);
            let missing: Vec<String> = group
                .states
                .iter()
                .filter(|state| !states.contains(state))
                .chain(states.iter().filter(|state| !group.states.contains(state)))
                .map(|state| state.state.clone())
                .collect();
            if !missing.is_empty() {
                group.differing = Some(format!(
                    "{} cannot be reached by all of them, or means something else at one of their destinations",
                    missing.join(", ")
                ));
            }
            group.states.retain(|state| states.contains(state));
        }
        if let Some((first, others)) = offer.groups.split_first() {
            let is_shared = |state: &&OfferedState| {
                others.iter().all(|group| {
                    group.states.iter().any(|other| other.state.eq_ignore_ascii_case(&state.state))
                })
            };
            offer.shared = first.states.iter().filter(is_shared).map(|state| state.state.clone()).collect();
        }
        Ok(offer)
    }

    /// Closes many tickets, each with the state that was chosen for it. One that cannot be closed keeps none from it.
    ///
    /// # Errors
    /// If none or more than 200 tickets are named, or the database refuses.
    pub async fn close_tickets(
        &self,
        choices: &[ClosingChoice],
        reason: Option<&str>,
        by: &Actor,
    ) -> Result<Vec<Handled>, Refusal> {
        checked_count(choices.iter().map(|choice| choice.tickets.len()).sum())?;
        let reason = reason.map(str::trim).filter(|reason| !reason.is_empty());
        let mut rows = Vec::new();
        for choice in choices {
            for id in &choice.tickets {
                let mut tx = self.inner.db.begin().await?;
                let (ticket, _) = self.with_destination(&mut tx, *id).await?;
                let refused = match self.close_one(&mut tx, *id, &choice.state, reason, by).await {
                    Ok(()) => {
                        tx.commit().await?;
                        None
                    }
                    Err(refusal) if refusal.kind == crate::RefusalKind::Internal => return Err(refusal),
                    Err(refusal) => Some(format!("{} {}", refusal.detail, refusal.next_step)),
                };
                rows.push(Handled { ticket: *id, title: ticket.title, refused });
            }
        }
        self.announce(EventKind::Ticket, None);
        self.announce(EventKind::Finding, None);
        self.wake_all_boards();
        Ok(rows)
    }

    async fn close_one(
        &self,
        tx: &mut Tx,
        id: TicketId,
        state: &str,
        reason: Option<&str>,
        by: &Actor,
    ) -> Result<(), Refusal> {
        let (ticket, destination) = self.with_destination(tx, id).await?;
        if let Some(why) = why_not_closable(&ticket, &destination) {
            return Err(refused(
                "ticket_not_closable",
                format!("The ticket is not closed: {why}."),
                "Look at the ticket.",
            ));
        }
        let offers = offers(tx, &ticket, &destination).await?;
        let chosen = offered_state(offers, state, &destination.process.work_item_type.name)?;
        let why = reason.map_or_else(|| ".".to_owned(), |reason| format!(": {reason}"));
        let what = format!("{} closed the ticket with the state {}{why}", by.name, chosen.state);
        let findings = store::findings::of_ticket(tx, id).await?;
        let open: Vec<Finding> = findings.into_iter().filter(|finding| finding.status.is_open()).collect();
        let acceptance = match chosen.means {
            model::map::Meaning::AcceptanceRequested if !open.is_empty() => {
                let terms = Terms { reason: reason.unwrap_or_default().to_owned(), ..Terms::default() };
                Some(self.new_acceptance(tx, terms, &open, by).await?)
            }
            _ => None,
        };
        for finding in &open {
            if let Some(acceptance) = &acceptance {
                let cause = Cause::new(CauseKind::Person, by.name.clone());
                let followed = self.accept(tx, finding, acceptance, by, &cause, what.clone()).await?;
                if let Err(illegal) = followed {
                    return Err(refused(
                        "status_impossible",
                        format!("The finding '{}' cannot follow: {illegal}.", finding.detail.title),
                        "Choose another state.",
                    ));
                }
                continue;
            }
            let Some(command) = person_command(chosen.means) else {
                return Err(refused(
                    "ticket_not_closable",
                    format!("The state {} says nothing about findings.", chosen.state),
                    "Choose another state.",
                ));
            };
            self.command(tx, finding, &command, reason, by, what.clone()).await?;
        }
        // What the findings became has marked the ticket and may have touched it.
        let (mut ticket, _) = self.with_destination(tx, id).await?;
        let says = Some(Self::together(&store::findings::of_ticket(tx, id).await?));
        ticket.following.chosen = Some(ChosenState { state: chosen.state, by: by.name.clone(), says });
        // A person has looked at this very one.
        store::breakers::forget_ticket(tx, id).await?;
        ticket.unpark();
        if ticket.intent.is_none() {
            ticket.next_attempt_at = self.inner.world.now();
        }
        store::tickets::save(tx, &ticket).await?;
        store::tickets::mark(tx, id).await?;
        let cause = Cause::new(CauseKind::Person, by.name.clone());
        self.note_on_ticket(tx, &ticket, &cause, what).await
    }

    /// Lets many tickets be looked at and tried at once.
    ///
    /// # Errors
    /// If none or more than 200 tickets are named, or the database refuses.
    pub async fn push_tickets(&self, ids: &[TicketId], by: &Actor) -> Result<Vec<Handled>, Refusal> {
        checked_count(ids.len())?;
        let mut rows = Vec::new();
        for id in ids {
            let mut tx = self.inner.db.read().await?;
            let (ticket, _) = self.with_destination(&mut tx, *id).await?;
            drop(tx);
            let refused = match ticket.health {
                Health::Released => Some("it has ended: nothing is written for it any more".to_owned()),
                _ => {
                    self.retry_ticket(*id, by).await?;
                    None
                }
            };
            rows.push(Handled { ticket: *id, title: ticket.title, refused });
        }
        self.announce(EventKind::Ticket, None);
        Ok(rows)
    }
}

/// What a person decides by choosing a state: what a card could only ask for, a person here may do.
fn person_command(means: model::map::Meaning) -> Option<model::lifecycle::Command> {
    use model::lifecycle::Command;
    use model::map::Meaning;
    match means {
        // It is no command of one finding: one acceptance covers all of the ticket.
        Meaning::AcceptanceRequested => None,
        Meaning::FalsePositiveRequested => Some(Command::DismissAsFalsePositive),
        means => command_of(means),
    }
}
