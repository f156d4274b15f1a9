//! What a scan did not see: what that proves, and how much of it is too much to be believed.

use model::ScanId;
use model::lifecycle::{ScanEffect, after_scan};
use store::Tx;
use store::assets::Asset;
use store::audit::Cause;
use store::findings::{StoredDetection, facts};
use store::scans::Scan;
use store::taking_effect::Effect;
use uuid::Uuid;

use crate::engine::{Engine, EventKind};
use crate::ingest::ImportOrder;
use crate::ingest::commit::{cause_of, covers};
use crate::ingest::divide::Divided;
use crate::{Actor, ImportResult, Refusal};

/// Absences that are counted in one step.
const STEP: u32 = 500;

impl Engine {
    /// How many findings people see as open would be closed by this scan.
    pub(super) async fn count_absences(
        &self,
        tx: &mut Tx,
        asset: &Asset,
        scan: &Scan,
        divided: Option<&Divided>,
    ) -> Result<u64, Refusal> {
        let mut gone = 0;
        let mut after = Uuid::nil();
        loop {
            let page = store::findings::unseen(
                tx,
                scan.configuration_id,
                &scan.branch,
                scan.started_at,
                after,
                STEP,
            )
            .await?;
            let Some(last) = page.last() else { break };
            after = last.finding_id.0;
            gone += page.iter().filter(|d| asset.tracks(&d.branch) && looked_for(scan, divided, d)).count()
                as u64;
        }
        Ok(gone)
    }

    /// Lets the next absences count, from a finding on. Answers where to go on, if there are more.
    #[expect(clippy::too_many_arguments, reason = "one step of a piece, split off to be read by itself")]
    pub(super) async fn apply_absences(
        &self,
        tx: &mut Tx,
        asset: &Asset,
        scan: &Scan,
        divided: Option<&Divided>,
        after: Uuid,
        cause: &Cause,
        result: &mut ImportResult,
    ) -> Result<Option<Uuid>, Refusal> {
        let grace = self.inner.settings.grace;
        let mut effect = Effect::default();
        let piece = self.inner.settings.import_piece;
        let page =
            store::findings::unseen(tx, scan.configuration_id, &scan.branch, scan.started_at, after, piece)
                .await?;
        let last = page.last().map(|last| last.finding_id.0);
        for mut absent in page {
            if !looked_for(scan, divided, &absent) {
                continue;
            }
            let Some(known) = store::findings::get(tx, absent.finding_id).await? else { continue };
            let mut detections = store::findings::detections(tx, known.id).await?;
            let before = facts(&known, &detections, asset);
            absent.last_absent_at = Some(scan.started_at);
            store::findings::save_detection(tx, &absent).await?;
            store::presence::ends(tx, &absent).await?;
            for detection in &mut detections {
                if detection.configuration_id == absent.configuration_id && detection.branch == absent.branch
                {
                    detection.last_absent_at = absent.last_absent_at;
                }
            }
            let (facts, scan_effect) =
                after_scan(&before, facts(&known, &detections, asset).detections, grace);
            let mut finding = known.clone();
            finding.triage = facts.triage.clone();
            finding.set_status(facts.status(grace), scan.started_at);
            if finding.status == known.status {
                continue;
            }
            store::findings::save(tx, &finding, false).await?;
            store::taking_effect::concerns(tx, scan.id, finding.id).await?;
            let what = format!(
                "Not seen any more by {} (scan of {}), which covered its place.",
                scan.scanner,
                scan.started_at.format("%Y-%m-%d %H:%M UTC")
            );
            self.note(tx, &finding, Some(known.status), cause, what).await?;
            if scan_effect == ScanEffect::Fixed {
                effect.fixed += 1;
                result.fixed.add(finding.severity);
            }
        }
        store::taking_effect::add(tx, scan.id, effect).await?;
        Ok(last)
    }

    /// Lets the absences of a quarantined scan count: a person has looked at them. If it breaks off, what counted counts,
    /// and the scan waits to be confirmed again.
    ///
    /// # Errors
    /// If there is no such scan, or it is not quarantined.
    pub async fn confirm_scan(&self, id: ScanId, by: &Actor) -> Result<(), Refusal> {
        let mut after = Uuid::nil();
        loop {
            let mut tx = self.inner.db.begin().await?;
            let Some((scan, state)) = store::scans::get(&mut tx, id).await? else {
                return Err(Refusal::not_found("scan", id));
            };
            if state != "quarantined" {
                return Err(Refusal::conflict(
                    "scan_not_quarantined",
                    "The scan does not wait for anybody",
                    format!("Scan {id} is {state}, not quarantined."),
                    "Nothing to do.",
                ));
            }
            let Some(asset) = store::assets::get(&mut tx, scan.asset_id).await? else {
                return Err(Refusal::not_found("asset", scan.asset_id));
            };
            let Some(order) = store::jobs::payload::<ImportOrder>(&mut tx, scan.job_id).await? else {
                return Err(Refusal::not_found("job", scan.job_id));
            };
            let divided = order.divided()?;
            let mut cause = cause_of(&scan);
            cause.label.push_str(&format!(", confirmed by {}", by.name));
            let next = self
                .apply_absences(
                    &mut tx,
                    &asset,
                    &scan,
                    divided.as_ref(),
                    after,
                    &cause,
                    &mut ImportResult::default(),
                )
                .await?;
            // Nobody has to confirm it again: tickets hear at once of what counts already.
            store::taking_effect::tell_tickets(&mut tx, id).await?;
            if next.is_none() {
                store::taking_effect::finish(&mut tx, id, "committed").await?;
            }
            tx.commit().await?;
            let Some(next) = next else { break };
            after = next;
        }
        self.announce(EventKind::Scan, id.0);
        self.announce(EventKind::Finding, None);
        self.wake_all_boards();
        Ok(())
    }
}

/// The scan looked for what it did not see.
fn looked_for(scan: &Scan, divided: Option<&Divided>, absent: &StoredDetection) -> bool {
    covers(&scan.coverage, &absent.rule_id, &absent.path)
        && divided.is_none_or(|divided| divided.gives(scan.id, &absent.path))
}
