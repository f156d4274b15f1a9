//! What people do with tickets by hand: they make, split, merge, move, close, release and adopt.

use engine::{Adoption, AdoptionPair, ClosingChoice, NewTicket};
use model::FindingId;
use rand::RngExt;
use rand::seq::IndexedRandom;
use store::args;
use store::tickets::Ticket;

use crate::sim::people::live;
use crate::sim::{Simulation, by};

/// What people do with tickets by hand, as it is counted when it was not refused.
pub(crate) const ACTS: &[&str] = &[
    "somebody adds findings to a ticket",
    "somebody adopts a work item",
    "somebody closes tickets with one state",
    "somebody makes a ticket",
    "somebody merges two tickets",
    "somebody moves a ticket to another destination",
    "somebody releases a ticket",
    "somebody splits a ticket",
];

/// Places that such deeds come to.
const PLACES: [&str; 7] = [
    "before DELETE FROM ticket_finding",
    "before DELETE FROM ticket_finding",
    "before INSERT INTO audit",
    "before INSERT INTO ticket",
    "before INSERT INTO ticket_finding",
    "before UPDATE ticket",
    "before commit",
];

impl Simulation {
    /// Open findings that are in no ticket.
    async fn free_findings(&self) -> Vec<FindingId> {
        let mut tx = self.db().read().await.unwrap();
        let rows = tx
            .all(
                "SELECT f.id FROM finding f JOIN asset a ON a.id = f.asset_id
                 WHERE f.status IN ('identified', 'in_progress', 'waiting', 'awaiting_validation')
                 AND NOT EXISTS (SELECT 1 FROM ticket_finding tf JOIN ticket t ON t.id = tf.ticket_id
                                 WHERE tf.finding_id = f.id AND t.health <> 'released')
                 ORDER BY a.name, f.title",
                args![],
            )
            .await
            .unwrap();
        rows.iter().map(|row| row.id("id").unwrap()).collect()
    }

    async fn findings_of(&self, ticket: &Ticket) -> Vec<FindingId> {
        let mut tx = self.db().read().await.unwrap();
        let mut findings = store::findings::of_ticket(&mut tx, ticket.id).await.unwrap();
        findings.sort_by(|one, two| one.detail.title.cmp(&two.detail.title));
        findings.iter().map(|finding| finding.id).collect()
    }

    /// A ticket with several findings, if there is one; else any.
    async fn a_big_ticket(&mut self, tickets: &[Ticket]) -> Option<(Ticket, Vec<FindingId>)> {
        let mut big = Vec::new();
        for ticket in tickets {
            let findings = self.findings_of(ticket).await;
            if findings.len() > 1 {
                big.push((ticket.clone(), findings));
            }
        }
        big.choose(&mut self.chance).cloned()
    }

    /// Somebody does something with tickets that no rule asks for.
    pub(crate) async fn somebody_works_by_hand(&mut self) {
        let Some(number) = self.somebody_awake() else { return };
        let tickets = self.tickets().await;
        let fate = self.fate_at(&PLACES);
        let free = self.free_findings().await;
        let any = |sim: &mut Self| tickets.choose(&mut sim.chance).cloned();
        // There are seldom findings without a ticket: then they are used.
        let deed = if !free.is_empty() && self.chance.random_bool(0.5) {
            [0, 3][self.chance.random_range(0..2)]
        } else {
            self.chance.random_range(0..ACTS.len())
        };
        let ada = by("Ada");
        let done = match deed {
            0 => {
                let Some(ticket) = any(self) else { return };
                let what = format!("is told to add findings to {}", ticket.token);
                self.on(number, fate, &what, |engine| async move {
                    engine.add_findings(ticket.id, &free[..free.len().min(2)], &ada).await
                })
                .await
            }
            1 => {
                let is_used = |id: &i64| tickets.iter().any(|t| t.work_item_id.is_some_and(|of| of.0 == *id));
                let items: Vec<i64> = live(&self.wire).into_iter().filter(|id| !is_used(id)).collect();
                let mut findings = free;
                for ticket in tickets.iter().filter(|ticket| ticket.work_item_id.is_none()) {
                    findings.extend(self.findings_of(ticket).await);
                }
                let Some(finding) = findings.choose(&mut self.chance).copied() else { return };
                let items: Vec<i64> = items.sample(&mut self.chance, 6).copied().collect();
                let mut usable = None;
                for item in items {
                    let pairs = vec![AdoptionPair { finding, work_item: item.to_string() }];
                    let plan = self.replicas[number].plan_adoptions(&Adoption::Pairs(pairs.clone())).await;
                    if plan.is_ok_and(|rows| rows.iter().all(|row| row.refused.is_none())) {
                        usable = Some((item, pairs));
                    }
                }
                let Some((item, pairs)) = usable else { return };
                self.on(number, fate, &format!("is told to use {item}"), |engine| async move {
                    engine.adopt_work_items(pairs, &ada).await.map(drop)
                })
                .await
            }
            2 => {
                let ids: Vec<_> = tickets.iter().map(|ticket| ticket.id).take(6).collect();
                let Ok(offer) = self.replicas[number].closing_states(&ids).await else { return };
                let Some(group) = offer.groups.choose(&mut self.chance) else { return };
                let Some(state) = group.states.choose(&mut self.chance) else { return };
                let choice = ClosingChoice { tickets: group.tickets.clone(), state: state.state.clone() };
                let what = format!("is told to close {} tickets with {}", choice.tickets.len(), choice.state);
                self.on(number, fate, &what, |engine| async move {
                    engine.close_tickets(&[choice], Some("so it was decided"), &ada).await.map(drop)
                })
                .await
            }
            3 => {
                let destination = [None, None, Some(self.destination), Some(self.elsewhere)]
                    [self.chance.random_range(0..4)];
                let offered = self.replicas[number].initial_states(destination.unwrap_or(self.destination));
                let states = offered.await.unwrap_or_default();
                let state = states.choose(&mut self.chance).map(|offer| offer.state.clone());
                let new = NewTicket { findings: free.into_iter().take(3).collect(), destination, state };
                self.on(number, fate, "is told to make a ticket", |engine| async move {
                    engine.create_ticket(new, &ada).await.map(drop)
                })
                .await
            }
            4 => {
                let (Some(one), Some(other)) = (any(self), any(self)) else { return };
                let what = format!("is told to merge {} into {}", one.token, other.token);
                self.on(number, fate, &what, |engine| async move {
                    engine.merge_tickets(one.id, other.id, &ada).await
                })
                .await
            }
            5 => {
                let Some(ticket) = any(self) else { return };
                let to =
                    if ticket.destination_id == self.destination { self.elsewhere } else { self.destination };
                let what = format!("is told to move {} to {to}", ticket.token);
                self.on(
                    number,
                    fate,
                    &what,
                    |engine| async move { engine.move_ticket(ticket.id, to, &ada).await },
                )
                .await
            }
            6 => {
                let Some(ticket) = any(self) else { return };
                let what = format!("is told to release {}", ticket.token);
                self.on(
                    number,
                    fate,
                    &what,
                    |engine| async move { engine.release_ticket(ticket.id, &ada).await },
                )
                .await
            }
            _ => {
                let Some((ticket, findings)) = self.a_big_ticket(&tickets).await else { return };
                let first = findings[..1].to_vec();
                let what = format!("is told to split {}", ticket.token);
                self.on(number, fate, &what, |engine| async move {
                    engine.split_ticket(ticket.id, &first, None, "so it was decided", &ada).await.map(drop)
                })
                .await
            }
        };
        if done {
            self.tally.count(ACTS[deed]);
        }
    }
}
