//! People who have a plan carried out, whole or in part, and undo it again.

use engine::{ApprovedTicket, Engine, Plan};
use rand::RngExt;

use crate::sim::replica::Fate;
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
        if self.chance.random_bool(0.5) && self.somebody_undoes(number).await {
            return;
        }
        let Ok(plan) = self.replicas[number].plan().await else { return };
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
        let fate = self.fate_at(&[
            "before INSERT INTO plan_apply",
            "before INSERT INTO plan_apply_ticket",
            "before UPDATE plan_apply_ticket",
            "before UPDATE ticket",
        ]);
        let what = format!("is told to apply {} rows of a plan", rows.len());
        let done = self
            .on(number, fate, &what, |engine| async move { engine.apply(&rows, &by("Ada")).await.map(drop) })
            .await;
        if done {
            self.tally.count(ACTS[0]);
            if self.chance.random_bool(0.5) {
                // It was not what they wanted.
                self.somebody_undoes(number).await;
            }
        }
    }

    /// Somebody undoes what was applied, if there is something.
    async fn somebody_undoes(&mut self, number: usize) -> bool {
        let mut applies = self.replicas[number].applies().await.unwrap_or_default();
        let undone: Vec<_> = applies.iter().filter_map(|known| known.apply.undoes).collect();
        applies.retain(|known| known.applied > 0 && known.apply.undoes.is_none());
        // Most undo what was not undone yet.
        applies.retain(|known| !undone.contains(&known.apply.id) || self.chance.random_bool(0.1));
        let Some(last) = applies.first() else { return false };
        let id = last.apply.id;
        // Few of them delete anything.
        let fate = match self.chance.random_range(0..8) {
            0 | 1 => Fate::DiesAt("before delete", 1),
            2..5 => Fate::DiesAt("after delete", 1),
            5 => self.fate_at(&["before UPDATE plan_apply_ticket"]),
            _ => Fate::Lives,
        };
        let what = format!("is told to undo {id}");
        let undoes = |engine: Engine| async move { engine.undo_apply(id, &by("Ada")).await.map(drop) };
        if self.on(number, fate, &what, undoes).await {
            self.tally.count(ACTS[1]);
        }
        true
    }
}
