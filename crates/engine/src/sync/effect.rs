//! What a change of settings would do to the work items that are there: what a plan says with it, and does not say without.
//! The change is made in the transactions of the plan, and thrown away with them.

use std::collections::{HashMap, HashSet};

use model::rule::RuleSettings;
use model::{DestinationId, RuleId, TicketId};
use store::Tx;
use store::tickets::Ticket;

use crate::connections::Board;
use crate::destinations::NewDestination;
use crate::engine::Engine;
use crate::results::{Plan, PlanAction, TicketPlan};
use crate::sync::plan::Draft;
use crate::{Actor, Refusal};

/// What a plan takes for given.
pub(crate) enum Supposed {
    /// Everything is as it is.
    Nothing,
    /// A rule has these settings.
    Rule(RuleId, Box<RuleSettings>),
    /// A destination has these settings, which fit the board.
    Destination(DestinationId, Box<(NewDestination, model::process::Process)>),
}

impl Engine {
    /// What the settings of a destination would do to its work items.
    ///
    /// # Errors
    /// If there is no such destination, the settings do not fit the board, or the board cannot be read.
    pub async fn plan_destination(&self, id: DestinationId, new: NewDestination) -> Result<Plan, Refusal> {
        let (settings, process) = self.checked_for_saving(new.clone()).await?;
        let supposed = Supposed::Destination(id, Box::new((NewDestination { settings, ..new }, process)));
        self.effect_of(&supposed).await
    }

    /// What would be done with the change and would not be done without, or the other way round. All is counted; as many
    /// are listed as people read.
    pub(crate) async fn effect_of(&self, supposed: &Supposed) -> Result<Plan, Refusal> {
        let mut tx = self.inner.db.read().await?;
        let of_rule: HashSet<TicketId> = match supposed {
            Supposed::Rule(rule, _) => store::rules::tickets(&mut tx, *rule).await?.into_iter().collect(),
            Supposed::Nothing | Supposed::Destination(..) => HashSet::new(),
        };
        drop(tx);
        let concerns = |ticket: &Ticket| match supposed {
            Supposed::Nothing => false,
            Supposed::Rule(..) => of_rule.contains(&ticket.id),
            Supposed::Destination(id, _) => ticket.destination_id == *id,
        };
        let mut effect = Draft::listing(Plan::LISTED);
        for id in self.connection_ids().await? {
            if matches!(supposed, Supposed::Destination(_, new) if new.0.connection_id != id) {
                continue;
            }
            let Some(board) = self.board(id).await? else { continue };
            let now = self.rehearsed(&board, &Supposed::Nothing, &concerns).await?;
            let then = self.rehearsed(&board, supposed, &concerns).await?;
            compare(now, then, &mut effect);
        }
        Ok(effect.plan)
    }

    async fn rehearsed(
        &self,
        board: &Board,
        supposed: &Supposed,
        concerns: &(dyn Fn(&Ticket) -> bool + Send + Sync),
    ) -> Result<Plan, Refusal> {
        let mut draft = Draft::listing(usize::MAX);
        let mut tx = self.supposing(supposed).await?;
        let Some(mut pass) = self.prepare(&mut tx, board).await? else { return Ok(draft.plan) };
        pass.is_rehearsal = true;
        pass.allowed = self.count_strokes_in(&mut tx, &pass).await?;
        drop(tx);
        self.rehearse_updates(&mut pass, &mut draft, supposed, concerns).await?;
        Ok(draft.plan)
    }

    /// A transaction in which what is supposed is so. It must not be committed.
    pub(super) async fn supposing(&self, supposed: &Supposed) -> Result<Tx, Refusal> {
        let by = Actor { name: "a plan".into() };
        let mut tx = self.inner.db.begin().await?;
        match supposed {
            Supposed::Nothing => {}
            Supposed::Rule(id, settings) => {
                self.change_rule_in(&mut tx, *id, (**settings).clone(), &by).await?;
            }
            Supposed::Destination(id, new) => {
                let (new, process) = (**new).clone();
                self.change_destination_in(&mut tx, *id, new, process, &by).await?;
            }
        }
        Ok(tx)
    }
}

/// Lists what differs.
fn compare(now: Plan, then: Plan, effect: &mut Draft) {
    let mut now: HashMap<Option<TicketId>, TicketPlan> =
        now.tickets.into_iter().map(|row| (row.ticket_id, row)).collect();
    effect.plan.nothing += then.nothing;
    for row in then.tickets {
        match now.remove(&row.ticket_id) {
            // It is due anyway.
            Some(known) if known == row => effect.plan.nothing += 1,
            _ => effect.list(row),
        }
    }
    let mut not_any_more: Vec<TicketPlan> = now.into_values().collect();
    not_any_more.sort_by_key(|row| row.ticket_id);
    for row in not_any_more {
        effect.plan.nothing = effect.plan.nothing.saturating_sub(1);
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
}
