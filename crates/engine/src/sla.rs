//! The SLA matrix, as people change it.

use model::priority::{SlaMatrix, SlaState};
use store::sla::Counts;
use uuid::Uuid;

use crate::destinations::sentence;
use crate::engine::Engine;
use crate::{Actor, Refusal};

/// Findings that are read at a time.
const STEP: i64 = 5_000;

impl Engine {
    /// Decides how long findings may stay open. Due dates follow at once, those of the oldest findings first.
    ///
    /// # Errors
    /// If the matrix makes no sense; each problem stands at its cell.
    pub async fn set_sla_matrix(&self, matrix: SlaMatrix, by: &Actor) -> Result<(), Refusal> {
        let mut tx = self.inner.db.begin().await?;
        self.set_sla_matrix_in(&mut tx, matrix, by).await?;
        tx.commit().await?;
        self.configuration_changed();
        Ok(())
    }

    /// How open findings would stand under another matrix.
    ///
    /// # Errors
    /// If the matrix makes no sense.
    pub async fn preview_sla_matrix(&self, matrix: &SlaMatrix) -> Result<Counts, Refusal> {
        refuse(matrix)?;
        let now = self.inner.world.now();
        let mut counts = Counts::default();
        let mut after = Uuid::nil();
        let mut tx = self.inner.db.read().await?;
        loop {
            let page = store::sla::open_after(&mut tx, after, STEP).await?;
            let Some(last) = page.last() else { return Ok(counts) };
            after = last.id.0;
            for one in page {
                let sla = matrix.sla(one.severity, one.impact, one.known_exploited, one.open_since);
                *match SlaState::of(sla, now) {
                    SlaState::Breached => &mut counts.breached,
                    SlaState::Approaching => &mut counts.approaching,
                    SlaState::OnTrack => &mut counts.on_track,
                    SlaState::NotCovered => &mut counts.not_covered,
                } += 1;
            }
        }
    }

    /// The part of [`Self::set_sla_matrix`] that is one with what else is in the transaction.
    pub(crate) async fn set_sla_matrix_in(
        &self,
        tx: &mut store::Tx,
        matrix: SlaMatrix,
        by: &Actor,
    ) -> Result<(), Refusal> {
        refuse(&matrix)?;
        if store::sla::matrix(tx).await?.0 == matrix {
            return Ok(());
        }
        store::sla::save(tx, &matrix).await?;
        store::rules::begin_walk(tx).await?;
        self.note_configuration(tx, "sla", Uuid::nil(), by, "SLA matrix changed.").await
    }
}

fn refuse(matrix: &SlaMatrix) -> Result<(), Refusal> {
    let problems = matrix.problems();
    let Some(first) = problems.first() else { return Ok(()) };
    let mut refusal = Refusal::invalid(
        "sla_invalid",
        "The SLA matrix makes no sense",
        format!("{}.", sentence(&first.message)),
        sentence(&format!("{}.", first.mend)),
    );
    for problem in &problems {
        refusal = refusal.field(problem.at.clone(), format!("{}; {}", problem.message, problem.mend));
    }
    Err(refusal)
}
