//! What people do with tickets by hand: make them from findings, add to them, split, merge, move, release and close them.
//!
//! Nothing here writes to a board. Each is an intention that is stored with the ticket, in one transaction with what it
//! changes among the findings; the next pass carries it out, like everything else.

mod close;
mod join;

use model::board::{ItemLink, ItemLinkKind};
use model::following::ChosenState;
use model::lifecycle::{Circumstances, Command, Giver, command_of};
use model::map::Meaning;
use model::offer::{self, OfferedState};
use model::{DestinationId, FindingId, Status, TicketId};
use store::Tx;
use store::audit::{Cause, CauseKind};
use store::destinations::Destination;
use store::findings::Finding;
use store::tickets::{Health, Ticket};

use crate::engine::{Engine, EventKind};
use crate::routing::Routes;
use crate::{Actor, Refusal};

pub use close::{ClosingChoice, ClosingGroup, ClosingOffer, Handled};

/// Findings that one ticket is made from by hand.
const MOST_FINDINGS: usize = 200;

/// A ticket that a person wants.
#[derive(Clone, Debug, Default)]
pub struct NewTicket {
    /// Findings for it, 1 to 200, all open and without a ticket.
    pub findings: Vec<FindingId>,
    /// Where it goes; where the findings belong if absent.
    pub destination: Option<DestinationId>,
    /// State of the new work item, one of those that are offered; as the status map says if absent.
    pub state: Option<String>,
}

fn refused(code: &'static str, detail: String, next_step: &str) -> Refusal {
    Refusal::conflict(code, "That is not possible with this ticket", detail, next_step)
}

impl Engine {
    /// The states that a new work item of a destination may be given.
    ///
    /// # Errors
    /// If there is no such destination.
    pub async fn initial_states(&self, id: DestinationId) -> Result<Vec<OfferedState>, Refusal> {
        let mut tx = self.inner.db.read().await?;
        let Some(destination) = store::destinations::get(&mut tx, id).await? else {
            return Err(Refusal::not_found("destination", id));
        };
        Ok(offer::for_new(&destination.settings.status_map, &destination.process.work_item_type))
    }

    /// Makes one ticket for chosen findings.
    ///
    /// # Errors
    /// If a finding is closed or has a ticket, no one destination is for all of them, or the state is not offered.
    pub async fn create_ticket(&self, new: NewTicket, by: &Actor) -> Result<TicketId, Refusal> {
        let mut tx = self.inner.db.begin().await?;
        let findings = self.free_findings(&mut tx, &new.findings).await?;
        let destination = self.destination_for(&mut tx, &findings, new.destination).await?;
        let ticket = self.new_by_hand(&mut tx, &destination, findings, new.state.as_deref(), by).await?;
        tx.commit().await?;
        self.changed_by_hand(&ticket);
        Ok(ticket.id)
    }

    /// Adds findings to a ticket.
    ///
    /// # Errors
    /// If there is no such ticket, it has ended, or a finding is closed or has a ticket.
    pub async fn add_findings(
        &self,
        id: TicketId,
        findings: &[FindingId],
        by: &Actor,
    ) -> Result<(), Refusal> {
        let mut tx = self.inner.db.begin().await?;
        let ticket = self.living(&mut tx, id).await?;
        let findings = self.free_findings(&mut tx, findings).await?;
        let cause = Cause::new(CauseKind::Person, by.name.clone());
        for finding in &findings {
            store::tickets::add_finding(&mut tx, id, finding.id).await?;
            let what = format!("Finding added: {}", finding.detail.title);
            self.note_on_ticket(&mut tx, &ticket, &cause, what).await?;
        }
        store::tickets::mark(&mut tx, id).await?;
        tx.commit().await?;
        self.changed_by_hand(&ticket);
        Ok(())
    }

    /// Gives some findings of a ticket a ticket of their own, at the same destination. Both work items say so and are
    /// linked.
    ///
    /// # Errors
    /// If there is no such ticket, a finding is not of it, none would be left, or the state is not offered.
    pub async fn split_ticket(
        &self,
        id: TicketId,
        chosen: &[FindingId],
        state: Option<&str>,
        reason: &str,
        by: &Actor,
    ) -> Result<TicketId, Refusal> {
        let mut tx = self.inner.db.begin().await?;
        let new = self.split(&mut tx, id, chosen, state, reason, by).await?;
        tx.commit().await?;
        self.changed_by_hand(&new);
        Ok(new.id)
    }

    pub(crate) async fn split(
        &self,
        tx: &mut Tx,
        id: TicketId,
        chosen: &[FindingId],
        state: Option<&str>,
        reason: &str,
        by: &Actor,
    ) -> Result<Ticket, Refusal> {
        let ticket = self.living(tx, id).await?;
        let (gone, left): (Vec<Finding>, Vec<Finding>) = store::findings::of_ticket(tx, id)
            .await?
            .into_iter()
            .partition(|finding| chosen.contains(&finding.id));
        if let Some(foreign) = chosen.iter().find(|id| !gone.iter().any(|finding| finding.id == **id)) {
            return Err(refused(
                "finding_not_of_ticket",
                format!("The finding {foreign} does not belong to this ticket."),
                "Choose findings of the ticket.",
            ));
        }
        if gone.is_empty() || left.is_empty() {
            return Err(refused(
                "nothing_to_split",
                "A ticket is split into two with at least one finding each.".into(),
                "Choose some of its findings, and not all of them.",
            ));
        }
        let Some(destination) = store::destinations::get(tx, ticket.destination_id).await? else {
            return Err(Refusal::not_found("destination", ticket.destination_id));
        };
        for finding in &gone {
            store::tickets::remove_finding(tx, id, finding.id).await?;
        }
        let why = if reason.trim().is_empty() { String::new() } else { format!(" {}", reason.trim()) };
        let titles: Vec<String> =
            gone.iter().take(10).map(|finding| format!("- {}", finding.detail.title)).collect();
        let count = gone.len();
        let mut new = self.new_by_hand(tx, &destination, gone, state, by).await?;
        if let Some(number) = ticket.work_item_id {
            new.following.links = vec![ItemLink { kind: ItemLinkKind::Related, to: number }];
            store::tickets::save(tx, &new).await?;
            let text = format!("Split off from work item {number}.{why}");
            self.speak(tx, &new, &text, by).await?;
        }
        let went = if count == 1 { "1 finding has".to_owned() } else { format!("{count} findings have") };
        let text = format!(
            "{went} a work item of their own now: {}{why}\n\n{}",
            self.page(&format!("tickets/{}", new.id)),
            titles.join("\n")
        );
        self.speak(tx, &ticket, &text, by).await?;
        let cause = Cause::new(CauseKind::Person, by.name.clone());
        let what = format!("{count} findings were split off into a ticket of their own.");
        self.note_on_ticket(tx, &ticket, &cause, what).await?;
        store::tickets::mark(tx, id).await?;
        Ok(new)
    }

    /// A ticket that has not ended.
    async fn living(&self, tx: &mut Tx, id: TicketId) -> Result<Ticket, Refusal> {
        let Some(ticket) = store::tickets::get(tx, id).await? else {
            return Err(Refusal::not_found("ticket", id));
        };
        if ticket.health == Health::Released {
            return Err(refused(
                "ticket_ended",
                "The ticket has ended: nothing is written for it any more.".into(),
                "Choose another ticket, or let this one make a new work item first.",
            ));
        }
        Ok(ticket)
    }

    /// Findings that can be put into a ticket: open, and in none that is alive.
    async fn free_findings(&self, tx: &mut Tx, ids: &[FindingId]) -> Result<Vec<Finding>, Refusal> {
        if ids.is_empty() || ids.len() > MOST_FINDINGS {
            return Err(Refusal::invalid(
                "findings_count",
                "That is no choice of findings",
                format!("{} findings were chosen.", ids.len()),
                format!("Choose 1 to {MOST_FINDINGS} findings."),
            )
            .field("/findings", format!("1 to {MOST_FINDINGS} findings")));
        }
        let mut findings: Vec<Finding> = Vec::new();
        for id in ids {
            if findings.iter().any(|known| known.id == *id) {
                continue;
            }
            let Some(finding) = store::findings::get(tx, *id).await? else {
                return Err(Refusal::not_found("finding", id));
            };
            if !finding.status.is_open() {
                return Err(refused(
                    "finding_closed",
                    format!("The finding '{}' is {}.", finding.detail.title, finding.status.label()),
                    "Choose open findings.",
                ));
            }
            for ticket in store::tickets::of_finding(tx, *id).await? {
                let known = store::tickets::get(tx, ticket).await?;
                if known.is_some_and(|known| known.health == Health::Released) {
                    store::tickets::remove_finding(tx, ticket, *id).await?;
                    continue;
                }
                return Err(refused(
                    "finding_has_ticket",
                    format!("The finding '{}' has the ticket {ticket} already.", finding.detail.title),
                    "Split that ticket, or merge it into another one.",
                ));
            }
            findings.push(finding);
        }
        findings.sort_by(|one, two| two.severity.cmp(&one.severity).then(one.id.cmp(&two.id)));
        Ok(findings)
    }

    async fn destination_for(
        &self,
        tx: &mut Tx,
        findings: &[Finding],
        chosen: Option<DestinationId>,
    ) -> Result<Destination, Refusal> {
        if let Some(id) = chosen {
            let destination = store::destinations::get(tx, id).await?;
            return destination.ok_or_else(|| Refusal::not_found("destination", id));
        }
        let routes = Routes::load(tx).await?;
        let mut found: Option<&Destination> = None;
        for finding in findings {
            let asset = store::assets::get(tx, finding.asset_id).await?;
            let Some(asset) = asset else { return Err(Refusal::not_found("asset", finding.asset_id)) };
            let Some(destination) = routes.of_finding(tx, finding, &asset).await? else {
                return Err(refused(
                    "no_destination",
                    "No destination is bound to where the finding is, and there is no default one.".into(),
                    "Choose a destination, or make one.",
                ));
            };
            if found.is_some_and(|known| known.id != destination.id) {
                return Err(refused(
                    "several_destinations",
                    "The findings belong to different destinations.".into(),
                    "Choose a destination, or make a ticket for each.",
                ));
            }
            found = Some(destination);
        }
        found.cloned().ok_or_else(|| Refusal::not_found("destination", "for these findings"))
    }

    /// A new ticket for these findings, in a state that a person chose.
    async fn new_by_hand(
        &self,
        tx: &mut Tx,
        destination: &Destination,
        findings: Vec<Finding>,
        state: Option<&str>,
        by: &Actor,
    ) -> Result<Ticket, Refusal> {
        let chosen = state.map(str::trim).filter(|state| !state.is_empty());
        let chosen = match chosen {
            Some(state) => Some(offered_state(
                offer::for_new(&destination.settings.status_map, &destination.process.work_item_type),
                state,
                &destination.process.work_item_type.name,
            )?),
            None => None,
        };
        let Some(worst) = findings.first() else {
            return Err(Refusal::not_found("finding", "for the ticket"));
        };
        let mut ticket = self.blank_ticket(destination, worst, String::new());
        ticket.group_key = format!("{}{}", store::tickets::BY_HAND, ticket.id);
        store::tickets::add(tx, &ticket).await?;
        let cause = Cause::new(CauseKind::Person, by.name.clone());
        let what = format!("Ticket made by hand for the destination {}.", destination.settings.name);
        self.note_on_ticket(tx, &ticket, &cause, what).await?;
        for finding in &findings {
            store::tickets::add_finding(tx, ticket.id, finding.id).await?;
            store::findings::decided(tx, &[finding.id]).await?;
        }
        if let Some(chosen) = chosen {
            // What the state says is what the findings are from now on, as if somebody had moved the card there.
            if let Some(command) = command_of(chosen.means) {
                let what = format!("{} chose the state {} for the new work item.", by.name, chosen.state);
                let begins =
                    |finding: &&Finding| matches!(finding.status, Status::Created | Status::Identified);
                for finding in
                    findings.iter().filter(|one| chosen.means != Meaning::Identified || !begins(one))
                {
                    self.command(tx, finding, &command, None, by, what.clone()).await?;
                }
            }
            let says = Some(Self::together(&store::findings::of_ticket(tx, ticket.id).await?));
            ticket.following.chosen = Some(ChosenState { state: chosen.state, by: by.name.clone(), says });
            store::tickets::save(tx, &ticket).await?;
        }
        store::tickets::mark(tx, ticket.id).await?;
        Ok(ticket)
    }

    /// Gives a finding a command in the name of a person. What is not possible is refused.
    async fn command(
        &self,
        tx: &mut Tx,
        finding: &Finding,
        command: &Command,
        reason: Option<&str>,
        by: &Actor,
        what: String,
    ) -> Result<(), Refusal> {
        let circumstances = Circumstances {
            giver: Giver::Person,
            by: by.name.clone(),
            at: self.inner.world.now(),
            reason: reason.map(str::to_owned),
            temporary: None,
            grace: self.inner.settings.grace,
        };
        let cause = Cause::new(CauseKind::Person, by.name.clone());
        let followed = self.follow(tx, finding, command, &circumstances, &cause, what).await?;
        followed.map(drop).map_err(|illegal| {
            refused(
                "status_impossible",
                format!("The finding '{}' cannot follow: {illegal}.", finding.detail.title),
                "Choose another state, or give what is missing.",
            )
        })
    }

    fn changed_by_hand(&self, ticket: &Ticket) {
        self.announce(EventKind::Ticket, None);
        self.announce(EventKind::Finding, None);
        self.wake_board(ticket.connection_id);
    }
}

/// The offered state of that name.
fn offered_state(
    offers: Vec<OfferedState>,
    state: &str,
    work_item_type: &str,
) -> Result<OfferedState, Refusal> {
    let names: Vec<String> = offers.iter().map(|offer| offer.state.clone()).collect();
    offers.into_iter().find(|offer| offer.state.eq_ignore_ascii_case(state)).ok_or_else(|| {
        Refusal::invalid(
            "state_not_offered",
            "The state cannot be chosen",
            format!("A {work_item_type} cannot be put into the state '{state}' here."),
            match names.is_empty() {
                true => "Leave the state to the status map.".to_owned(),
                false => format!("Choose one of: {}.", names.join(", ")),
            },
        )
        .field("/state", "not among the states that are offered")
    })
}
