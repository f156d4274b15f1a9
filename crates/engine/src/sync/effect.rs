//! What a change of settings, or an import, would do to the work items that are there: what a plan says with it, and does not
//! say without. The change is made in the transactions of the plan, and thrown away with them.

use std::collections::HashMap;

use model::rule::RuleSettings;
use model::{ConnectionId, DestinationId, RuleId, TicketId};
use store::Tx;
use store::destinations::Process;
use store::tickets::Health;

use crate::Refusal;
use crate::connections::Board;
use crate::destinations::{NewDestination, stays_with};
use crate::engine::{Engine, unheard};
use crate::ingest::SupposedImport;
use crate::results::{Plan, PlanAction, TicketPlan};
use crate::sync::pass::Pass;
use crate::sync::plan::{Draft, unread};

/// Tickets that are looked at in one go.
const STEP: usize = 200;
/// Tickets that are compared while somebody waits: more are read at leisure, on the page of the plan.
const MOST: usize = 10_000;

/// What a plan takes for given.
pub(crate) enum Supposed {
    /// Everything is as it is.
    Nothing,
    /// A rule has these settings.
    Rule(RuleId, Box<RuleSettings>),
    /// A destination has these settings, which fit the board.
    Destination(DestinationId, Box<(NewDestination, Process)>),
    /// The rules have decided about everything that is left to them.
    Decided,
    /// After that, a report was imported, and the rules decided about what it left to them.
    Import(Box<SupposedImport>),
}

impl Supposed {
    /// What is so anyway, sooner or later.
    fn anyway(&self) -> Self {
        match self {
            Self::Import(_) | Self::Decided => Self::Decided,
            Self::Nothing | Self::Rule(..) | Self::Destination(..) => Self::Nothing,
        }
    }

    /// Tickets that are compared while somebody waits. An import keeps other writers waiting, too.
    fn most(&self) -> usize {
        match self {
            Self::Import(_) => 1_000,
            _ => MOST,
        }
    }

    /// Tickets that are looked at in one go. An import is done anew for each: there is one.
    fn step(&self) -> usize {
        match self {
            Self::Import(_) => self.most(),
            _ => STEP,
        }
    }

    /// Turns that may fail before it is given up: after each, what is supposed is done anew.
    pub(super) fn most_failures(&self) -> usize {
        match self {
            Self::Import(_) => 3,
            _ => usize::MAX,
        }
    }
}

impl Engine {
    /// What the settings of a destination would do to its work items.
    ///
    /// # Errors
    /// If there is no such destination, the settings do not fit the board, it has more than 10,000 work items, or the board
    /// cannot be read.
    pub async fn plan_destination(&self, id: DestinationId, new: NewDestination) -> Result<Plan, Refusal> {
        let mut tx = self.inner.db.read().await?;
        let Some(known) = store::destinations::get(&mut tx, id).await? else {
            return Err(Refusal::not_found("destination", id));
        };
        drop(tx);
        stays_with(&known, new.connection_id)?;
        let (settings, process) = self.checked_for_saving(new.clone()).await?;
        let supposed = Supposed::Destination(id, Box::new((NewDestination { settings, ..new }, process)));
        self.effect_of(&supposed).await
    }

    /// What would be done with the change and would not be done without, or the other way round. All is counted; as many
    /// are listed as people read.
    pub(crate) async fn effect_of(&self, supposed: &Supposed) -> Result<Plan, Refusal> {
        let mut tx = self.inner.db.read().await?;
        let tickets = match supposed {
            Supposed::Nothing | Supposed::Decided | Supposed::Import(_) => Vec::new(),
            Supposed::Rule(rule, _) => store::rules::tickets(&mut tx, *rule).await?,
            Supposed::Destination(id, _) => store::tickets::ids_of_destination(&mut tx, *id).await?,
        };
        drop(tx);
        self.effect_on(supposed, &tickets).await
    }

    /// The same for chosen tickets.
    pub(crate) async fn effect_on(&self, supposed: &Supposed, tickets: &[TicketId]) -> Result<Plan, Refusal> {
        // Those that would be made first are not there.
        let mut tx = self.inner.db.read().await?;
        let mut there = store::tickets::of_ids(&mut tx, tickets).await?.tickets;
        drop(tx);
        there.retain(|ticket| ticket.work_item_id.is_some() && ticket.health != Health::Released);
        let most = supposed.most();
        if there.len() > most {
            return Err(Refusal::conflict(
                "effect_too_large",
                "There are too many work items",
                format!("It concerns {} work items; {most} are compared while somebody waits.", there.len()),
                "Pause the connection, make the change, and look at the plan before it goes on.",
            ));
        }
        let mut effect = Draft::listing(Plan::LISTED);
        for id in self.connection_ids().await? {
            let of_it = there.iter().filter(|ticket| ticket.connection_id == id);
            let of_it: Vec<TicketId> = of_it.map(|ticket| ticket.id).collect();
            if !of_it.is_empty() {
                self.effect_at(id, supposed, &of_it, &mut effect).await?;
            }
        }
        Ok(effect.plan)
    }

    async fn effect_at(
        &self,
        connection: ConnectionId,
        supposed: &Supposed,
        tickets: &[TicketId],
        effect: &mut Draft,
    ) -> Result<(), Refusal> {
        let Some(board) = self.board(connection).await? else { return Ok(()) };
        let anyway = supposed.anyway();
        let Some(mut pass) = self.prepare_supposing(&anyway, &board).await? else { return Ok(()) };
        let Some(mut other) = self.prepare_supposing(supposed, &board).await? else { return Ok(()) };
        for ids in tickets.chunks(supposed.step()) {
            let mut tx = self.inner.db.read().await?;
            let mut tickets = store::tickets::of_ids(&mut tx, ids).await?.tickets;
            drop(tx);
            tickets.retain(|ticket| ticket.work_item_id.is_some());
            if tickets.is_empty() {
                continue;
            }
            // Both see the same board: what people do meanwhile is no effect of the change.
            let Some(looked) = self.observe(&mut pass, &tickets, &[]).await? else {
                return Err(unread(pass.board));
            };
            let number = tickets.len() as u64;
            let mut now = Draft::listing(usize::MAX);
            self.rehearse(&pass, tickets.clone(), &looked, &anyway, &mut now).await?;
            if let Supposed::Destination(..) = supposed {
                // A change of its destination is a reason to try again.
                tickets.iter_mut().for_each(store::tickets::Ticket::unpark);
            }
            let mut then = Draft::listing(usize::MAX);
            change_sides(&mut pass, &mut other);
            let rehearsed = self.rehearse(&pass, tickets, &looked, supposed, &mut then).await;
            change_sides(&mut pass, &mut other);
            rehearsed?;
            compare(number, now.plan.tickets, then.plan.tickets, effect);
        }
        Ok(())
    }

    /// A pass as it would be, with what it may do.
    async fn prepare_supposing<'a>(
        &self,
        supposed: &Supposed,
        board: &'a Board,
    ) -> Result<Option<Pass<'a>>, Refusal> {
        unheard(async {
            let mut tx = self.supposing(supposed).await?;
            let Some(mut pass) = self.prepare(&mut tx, board).await? else { return Ok(None) };
            pass.is_rehearsal = true;
            pass.allowed = self.count_strokes_in(&mut tx, &pass).await?;
            Ok(Some(pass))
        })
        .await
    }

    /// A transaction in which what is supposed is so. It must not be committed.
    pub(super) async fn supposing(&self, supposed: &Supposed) -> Result<Tx, Refusal> {
        let mut tx = self.inner.db.begin().await?;
        match supposed {
            Supposed::Nothing => {}
            Supposed::Rule(id, settings) => {
                if let Some(known) = store::rules::get(&mut tx, *id).await? {
                    store::rules::save(&mut tx, &self.changed(&known, (**settings).clone())).await?;
                }
            }
            Supposed::Destination(id, new) => {
                if let Some(mut known) = store::destinations::get(&mut tx, *id).await? {
                    (known.settings, known.process) = (new.0.settings.clone(), new.1.clone());
                    known.drift = None;
                    store::destinations::save(&mut tx, &known).await?;
                }
            }
            Supposed::Decided => Box::pin(self.suppose_decided(&mut tx)).await?,
            Supposed::Import(import) => Box::pin(self.suppose_import(&mut tx, import)).await?,
        }
        Ok(tx)
    }
}

/// What passes decide by beside what they saw.
fn change_sides<'a>(pass: &mut Pass<'a>, other: &mut Pass<'a>) {
    std::mem::swap(&mut pass.destinations, &mut other.destinations);
    std::mem::swap(&mut pass.allowed, &mut other.allowed);
}

/// The rows of each ticket: there may be two, when it follows the board and writes.
fn by_ticket(rows: Vec<TicketPlan>) -> HashMap<Option<TicketId>, Vec<TicketPlan>> {
    let mut all: HashMap<Option<TicketId>, Vec<TicketPlan>> = HashMap::new();
    for row in rows {
        all.entry(row.ticket_id).or_default().push(row);
    }
    all
}

/// Lists what differs for these tickets, of which there are so many.
fn compare(number: u64, now: Vec<TicketPlan>, then: Vec<TicketPlan>, effect: &mut Draft) {
    let mut now = by_ticket(now);
    let then = by_ticket(then);
    let mut tickets: Vec<Option<TicketId>> = now.keys().chain(then.keys()).copied().collect();
    tickets.sort_unstable();
    tickets.dedup();
    let mut changed = 0;
    let mut then = then;
    for ticket in tickets {
        let now = now.remove(&ticket).unwrap_or_default();
        let then = then.remove(&ticket).unwrap_or_default();
        // What the destination is called is no effect on a work item.
        let told =
            |row: &TicketPlan| (row.action, row.fields.clone(), row.reason.clone(), row.fingerprint.clone());
        if now.iter().map(told).eq(then.iter().map(told)) {
            // It is due anyway.
            continue;
        }
        changed += 1;
        if then.is_empty() {
            for row in now {
                let reason = format!("what is due now would not be done any more: {}", row.reason);
                effect.list(TicketPlan {
                    action: PlanAction::Wait,
                    fields: Vec::new(),
                    reason,
                    revision: None,
                    fingerprint: None,
                    ..row
                });
            }
            continue;
        }
        for row in then {
            if !now.iter().any(|known| told(known) == told(&row)) {
                effect.list(row);
            }
        }
    }
    effect.plan.nothing += number.saturating_sub(changed);
}
