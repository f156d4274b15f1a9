//! People who have a plan carried out, whole or in part, and undo it again.

use engine::{ApprovedTicket, Plan};
use rand::RngExt;
use rand::seq::IndexedRandom;

use crate::sim::{Simulation, by};

/// What people do with plans, as it is counted when it was not refused.
pub(crate) const ACTS: &[&str] = &["somebody applies a plan", "somebody undoes an apply"];

/// Everything of a plan that can be applied.
pub(crate) fn approved(plan: &Plan) -> Vec<ApprovedTicket> {
    let rows = plan.tickets.iter().filter_map(|row| {
        Some(ApprovedTicket {
            ticket: row.ticket_id?,
            revision: row.revision,
            fingerprint: row.fingerprint.clone()?,
        })
    });
    rows.collect()
}

impl Simulation {
    /// Somebody looks at a plan and applies some of it, or undoes what was applied once.
    pub(crate) async fn somebody_approves(&mut self) {
        let Some(number) = self.somebody_awake() else { return };
        let engine = self.replicas[number].clone();
        let places =
            ["before INSERT INTO plan_apply", "before UPDATE plan_apply_ticket", "before UPDATE ticket"];
        let fate = self.fate_at(&places);
        let applies = engine.applies().await.unwrap_or_default();
        if let Some(last) = applies.choose(&mut self.chance).filter(|_| self.chance.random_bool(0.6)) {
            let id = last.apply.id;
            let what = format!("is told to undo {id}");
            if self
                .on(
                    number,
                    fate,
                    &what,
                    |engine| async move { engine.undo_apply(id, &by("Ada")).await.map(drop) },
                )
                .await
            {
                self.tally.count(ACTS[1]);
            }
            return;
        }
        let Ok(plan) = engine.plan().await else { return };
        let mut rows = approved(&plan);
        let part = self.chance.random_bool(0.3);
        rows.retain(|_| !part || self.chance.random_bool(0.5));
        if rows.is_empty() {
            return;
        }
        if self.chance.random_bool(0.3) {
            // They take their time.
            self.time_passes();
        }
        let what = format!("is told to apply {} rows of a plan", rows.len());
        if self
            .on(number, fate, &what, |engine| async move { engine.apply(&rows, &by("Ada")).await.map(drop) })
            .await
        {
            self.tally.count(ACTS[0]);
        }
    }
}
