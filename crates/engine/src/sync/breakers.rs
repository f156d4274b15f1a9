//! Breakers: before a pass acts, it is counted what would happen to all tickets with a reason to be looked at, from the
//! database alone. Where that is unusually much, everything of its sort waits for a person (design: "Nothing floods").
//!
//! What is allowed is decided once, at the beginning of a pass, ticket by ticket. A turn that finds it would do more than
//! was counted leaves it to the next pass: no pass closes, reopens or creates more than was looked at.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};

use model::guard::Stroke;
use model::map::Position;
use model::{BreakerId, DestinationId, Status, TicketId, lifecycle};
use store::Tx;
use store::alarms::Kind;
use store::breakers::{Breaker, Verdict};
use store::destinations::Destination;

use crate::alarms::About;
use crate::connections::Board;
use crate::engine::{Engine, EventKind};
use crate::sync::pass::Pass;
use crate::{Actor, Refusal};

/// What may happen in a pass, as far as breakers count it.
#[derive(Debug, Default)]
pub(crate) struct Allowed {
    counted: BTreeSet<(TicketId, Stroke)>,
    /// Of what was counted and is not decided about; `None` where it is too much already.
    undecided: BTreeMap<(DestinationId, Stroke), Option<u64>>,
    /// What came up since, and was let through.
    since: Mutex<BTreeMap<(DestinationId, Stroke), u64>>,
}

impl Allowed {
    /// It was counted, and it was not too much.
    pub(crate) fn has(&self, ticket: TicketId, stroke: Stroke) -> bool {
        self.counted.contains(&(ticket, stroke))
    }

    /// How much it would be with one more that came up since it was counted. `None`: it is too much already.
    fn with_one_more(&self, of: (DestinationId, Stroke)) -> Option<u64> {
        let since = self.since.lock().unwrap_or_else(PoisonError::into_inner).get(&of).copied();
        let counted = self.undecided.get(&of).copied().unwrap_or(Some(0))?;
        Some(counted + since.unwrap_or(0) + 1)
    }

    fn let_through(&self, of: (DestinationId, Stroke)) {
        *self.since.lock().unwrap_or_else(PoisonError::into_inner).entry(of).or_default() += 1;
    }
}

/// Tickets of one destination to which the same would happen.
type Wishes = BTreeMap<(DestinationId, Stroke), BTreeSet<TicketId>>;

impl Engine {
    /// Counts what would happen now, lets the breakers trip that must, and answers what may go on.
    pub(crate) async fn count_strokes(&self, pass: &Pass<'_>) -> Result<Allowed, Refusal> {
        let mut tx = self.inner.db.begin().await?;
        let allowed = self.count_strokes_in(&mut tx, pass).await?;
        tx.commit().await?;
        Ok(allowed)
    }

    /// The same, as a part of a transaction that may be thrown away.
    pub(crate) async fn count_strokes_in(&self, tx: &mut Tx, pass: &Pass<'_>) -> Result<Allowed, Refusal> {
        let board = pass.board;
        let (wishes, under_way) = wishes(tx, board).await?;
        let mut standings: HashMap<(TicketId, Stroke), Vec<(BreakerId, Verdict)>> = HashMap::new();
        for standing in store::breakers::standings(tx, board.id).await? {
            let wanted = wishes.iter().any(|((_, stroke), tickets)| {
                *stroke == standing.stroke && tickets.contains(&standing.ticket)
            });
            if wanted {
                standings
                    .entry((standing.ticket, standing.stroke))
                    .or_default()
                    .push((standing.breaker, standing.verdict));
            } else {
                // It happened, or is not wanted any more.
                store::breakers::remove_ticket(tx, standing.breaker, standing.ticket).await?;
            }
        }
        let has = |ticket: TicketId, stroke: Stroke, verdict: Verdict| {
            standings
                .get(&(ticket, stroke))
                .is_some_and(|said| said.iter().any(|(_, known)| *known == verdict))
        };
        // What was announced was let through before; it may turn out that it did not happen.
        let mut allowed: BTreeSet<_> = under_way.into_iter().map(|ticket| (ticket, Stroke::Create)).collect();
        let mut waiting: HashMap<(DestinationId, Stroke), Breaker> =
            store::breakers::waiting_at(tx, board.id)
                .await?
                .into_iter()
                .map(|breaker| ((breaker.destination_id, breaker.stroke), breaker))
                .collect();
        let mut known = BTreeMap::new();
        for ((id, stroke), tickets) in &wishes {
            let Some(destination) = pass.destination_of(*id) else { continue };
            let mut undecided = BTreeSet::new();
            for ticket in tickets {
                if has(*ticket, *stroke, Verdict::Approved) {
                    allowed.insert((*ticket, *stroke));
                } else if !has(*ticket, *stroke, Verdict::Dismissed) {
                    undecided.insert(*ticket);
                }
            }
            let bound = self.bound(tx, destination, *stroke, undecided.len()).await?;
            let counted = if undecided.len() as u64 > bound {
                moving(self, tx, destination, *stroke, &undecided).await?
            } else {
                undecided.clone()
            };
            if counted.len() as u64 > bound {
                let breaker = waiting.remove(&(*id, *stroke));
                self.hold_back(tx, destination, *stroke, bound, &counted, breaker).await?;
                known.insert((*id, *stroke), None);
            } else {
                known.insert((*id, *stroke), Some(counted.len() as u64));
                allowed.extend(undecided.into_iter().map(|ticket| (ticket, *stroke)));
            }
        }
        // What is left is not too much any more, and nobody needs to decide about it.
        for breaker in waiting.into_values() {
            let now = self.inner.world.now();
            if store::breakers::decide(tx, breaker.id, Verdict::Over, None, now).await? {
                self.clear(tx, Kind::BreakerTripped, About::Breaker(breaker.id)).await?;
            }
        }
        Ok(Allowed { counted: allowed, undecided: known, since: Mutex::default() })
    }

    /// Something came up since it was counted. Answers whether it is not too much, together with what was; it counts then.
    pub(crate) async fn is_usual(
        &self,
        tx: &mut Tx,
        pass: &Pass<'_>,
        destination: &Destination,
        stroke: Stroke,
    ) -> Result<bool, Refusal> {
        let of = (destination.id, stroke);
        let Some(wanted) = pass.allowed.with_one_more(of) else { return Ok(false) };
        let many = usize::try_from(wanted).unwrap_or(usize::MAX);
        if self.bound(tx, destination, stroke, many).await? < wanted {
            return Ok(false);
        }
        pass.allowed.let_through(of);
        Ok(true)
    }

    async fn bound(
        &self,
        tx: &mut Tx,
        destination: &Destination,
        stroke: Stroke,
        wanted: usize,
    ) -> Result<u64, Refusal> {
        let limits = &destination.settings.limits;
        let least = limits.bound(stroke, 0);
        if wanted as u64 <= least {
            return Ok(least);
        }
        let (open, closed) = store::breakers::live(tx, destination.id).await?;
        // What is opened again is compared with everything that was closed too.
        Ok(limits.bound(stroke, if stroke == Stroke::Reopen { open + closed } else { open }))
    }

    /// The breaker trips, or holds what has come to it since.
    async fn hold_back(
        &self,
        tx: &mut Tx,
        destination: &Destination,
        stroke: Stroke,
        bound: u64,
        tickets: &BTreeSet<TicketId>,
        known: Option<Breaker>,
    ) -> Result<(), Refusal> {
        let (id, before) = match known {
            Some(breaker) => (breaker.id, breaker.tickets),
            None => {
                let id = self.inner.world.id();
                let now = self.inner.world.now();
                if !store::breakers::trip(tx, id, destination.id, stroke, bound, now).await? {
                    // Another replica was faster; the next pass holds what it holds.
                    return Ok(());
                }
                (id, 0)
            }
        };
        for ticket in tickets {
            store::breakers::add_ticket(tx, id, *ticket, self.inner.world.now()).await?;
        }
        if before != tickets.len() as u64 {
            let what = format!(
                "{} would {} {} work items at once; up to {bound} are usual. Nothing of that is done before a person has looked.",
                destination.settings.name,
                verb(stroke),
                tickets.len(),
            );
            let next_step = "Look at the plan; then let these through, or leave them as they are.";
            self.raise(tx, Kind::BreakerTripped, About::Breaker(id), &what, next_step).await?;
        }
        Ok(())
    }

    /// Lets through exactly the tickets that a breaker holds, once.
    ///
    /// # Errors
    /// If there is no such breaker, or it holds nothing any more.
    pub async fn approve_breaker(&self, id: BreakerId, by: &Actor) -> Result<(), Refusal> {
        self.decide_breaker(id, Verdict::Approved, by).await
    }

    /// Leaves the tickets that a breaker holds as they are: nothing of that sort is done to them until their findings
    /// say something else, or somebody lets them through after all.
    ///
    /// # Errors
    /// If there is no such breaker, or it holds nothing any more.
    pub async fn dismiss_breaker(&self, id: BreakerId, by: &Actor) -> Result<(), Refusal> {
        self.decide_breaker(id, Verdict::Dismissed, by).await
    }

    async fn decide_breaker(&self, id: BreakerId, verdict: Verdict, by: &Actor) -> Result<(), Refusal> {
        let mut tx = self.inner.db.begin().await?;
        let Some(breaker) = store::breakers::get(&mut tx, id).await? else {
            return Err(Refusal::not_found("breaker", id));
        };
        if !store::breakers::decide(&mut tx, id, verdict, Some(&by.name), self.inner.world.now()).await? {
            return Err(Refusal::conflict(
                "breaker_decided",
                "The breaker does not wait for anybody",
                "Somebody has decided about it, or its cause was gone.",
                "List the breakers that wait now.",
            ));
        }
        self.clear(&mut tx, Kind::BreakerTripped, About::Breaker(id)).await?;
        store::breakers::wake_tickets(&mut tx, id).await?;
        let what = match verdict {
            Verdict::Approved => {
                format!("Let through: {} {} work items.", verb(breaker.stroke), breaker.tickets)
            }
            _ => format!("Not let through: {} {} work items.", verb(breaker.stroke), breaker.tickets),
        };
        self.note_configuration(&mut tx, "destination", breaker.destination_id.0, by, &what).await?;
        tx.commit().await?;
        self.announce(EventKind::Ticket, None);
        self.wake_all_boards();
        Ok(())
    }

    /// Why a ticket may not do something in this pass. `None`: it was not counted yet; the next pass counts it.
    pub(crate) async fn held_by(
        &self,
        tx: &mut Tx,
        ticket: TicketId,
        destination: &Destination,
        stroke: Stroke,
    ) -> Result<Option<(String, String)>, Refusal> {
        let said = store::breakers::standing(tx, ticket, stroke).await?;
        if said == Some(Verdict::Approved) {
            return Ok(None);
        }
        if said == Some(Verdict::Dismissed) {
            return Ok(Some((
                format!("Somebody decided not to {} this work item together with many others.", verb(stroke)),
                "Let it through on the page Alarms, or leave it.".to_owned(),
            )));
        }
        let breaker = store::breakers::waiting(tx, destination.id, stroke).await?;
        Ok(breaker.map(|breaker| {
            (
                format!(
                    "{} would {} {} work items at once, more than the usual {}: it waits for a person.",
                    destination.settings.name,
                    verb(stroke),
                    breaker.tickets,
                    breaker.bound
                ),
                "Let these through on the page Alarms, or leave them as they are.".to_owned(),
            )
        }))
    }
}

/// What would happen to the tickets of a connection that have a reason to be looked at, and whose creation was announced.
async fn wishes(tx: &mut Tx, board: &Board) -> Result<(Wishes, Vec<TicketId>), Refusal> {
    let rows = store::breakers::dirty(tx, board.id).await?;
    let mut wishes = Wishes::new();
    let mut under_way = Vec::new();
    for group in rows.chunk_by(|one, next| one.ticket == next.ticket) {
        let Some(first) = group.first() else { continue };
        let statuses = group.iter().filter_map(|row| row.finding);
        let wanted = lifecycle::together(statuses).unwrap_or(Status::Fixed);
        let stroke = if first.has_work_item {
            Stroke::between(first.agreed, wanted)
        } else if first.is_under_way {
            under_way.push(first.ticket);
            None
        } else {
            // Whoever made a ticket by hand has looked.
            (wanted.is_open() && !first.by_hand).then_some(Stroke::Create)
        };
        if let Some(stroke) = stroke {
            wishes.entry((first.destination, stroke)).or_default().insert(first.ticket);
        }
    }
    Ok((wishes, under_way))
}

/// Those whose card would really be moved: it may stand in a fitting place already, for instance because the people who
/// fixed it closed it.
async fn moving(
    engine: &Engine,
    tx: &mut Tx,
    destination: &Destination,
    stroke: Stroke,
    tickets: &BTreeSet<TicketId>,
) -> Result<BTreeSet<TicketId>, Refusal> {
    if stroke == Stroke::Create {
        return Ok(tickets.clone());
    }
    let map = &destination.settings.status_map;
    let mut counted = BTreeSet::new();
    for ticket in tickets {
        let base = match store::breakers::base(tx, *ticket).await {
            Ok(Some(base)) => base,
            Ok(None) => continue,
            // Its record is damaged: it will wait for a person anyway.
            Err(store::Error::Document { .. }) => continue,
            Err(error) => return Err(error.into()),
        };
        let by_hand = store::tickets::get(tx, *ticket).await?;
        if by_hand.is_some_and(|ticket| ticket.following.wanted_state().is_some()) {
            continue;
        }
        let findings = store::findings::of_ticket(tx, *ticket).await?;
        let status = Engine::together(&findings);
        let place: &Position = &base.position;
        let places = engine.places(tx, destination, *ticket, &findings).await?;
        let of = &destination.process.work_item_type;
        if places.target(status, map).is_some() && !places.accepts(status, place, map, of) {
            counted.insert(*ticket);
        }
    }
    Ok(counted)
}

pub(crate) fn verb(stroke: Stroke) -> &'static str {
    match stroke {
        Stroke::Create => "create",
        Stroke::Close => "close",
        Stroke::Reopen => "open again",
    }
}
