//! Assets that get another name, or are merged into another one, and what becomes of their tickets.

use model::status::Decision;
use model::{AssetId, Status, correlation};
use store::Tx;
use store::assets::Asset;
use store::audit::{Cause, CauseKind};
use store::findings::{Finding, facts};
use uuid::Uuid;

use crate::engine::{Engine, EventKind};
use crate::{Actor, Refusal};

/// Findings that are looked at in one step.
const STEP: i64 = 200;

/// What merging an asset into another one did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Merged {
    /// Findings that went over.
    pub moved: u64,
    /// Findings that the other asset had as well.
    pub same: u64,
}

impl Engine {
    /// Gives an asset another name. The work items of its findings say the new one where they say the old one.
    ///
    /// # Errors
    /// If there is no such asset, or another one has the name.
    pub async fn rename_asset(&self, id: AssetId, name: &str, by: &Actor) -> Result<(), Refusal> {
        let name = name.trim();
        if name.is_empty() || name.chars().count() > 200 {
            return Err(Refusal::invalid(
                "asset_invalid",
                "The asset makes no sense",
                "The asset needs a name of 1 to 200 characters.",
                "Give it a short name.",
            )
            .field("/name", "1 to 200 characters"));
        }
        let mut tx = self.inner.db.begin().await?;
        let Some(asset) = store::assets::get(&mut tx, id).await? else {
            return Err(Refusal::not_found("asset", id));
        };
        if asset.name == name {
            return Ok(());
        }
        store::assets::rename(&mut tx, id, name).await.map_err(|error| {
            if error.is_duplicate() {
                Refusal::conflict(
                    "asset_taken",
                    "There is such an asset already",
                    format!("Another asset has the name {name}."),
                    "Choose another name.",
                )
            } else {
                error.into()
            }
        })?;
        store::tickets::mark_of_asset(&mut tx, id).await?;
        let what = format!("Renamed from {} to {name}.", asset.name);
        self.note_configuration(&mut tx, "asset", id.0, by, &what).await?;
        tx.commit().await?;
        self.announce(EventKind::Finding, None);
        self.configuration_changed();
        Ok(())
    }

    /// Merges an asset into another one, for good: its findings, scans and destination go over, and reports that name it
    /// are about the other one from now on. A finding that both have is one: what scans and people said of it is kept, and
    /// its ticket is handed over, or, where both have one, closed as a duplicate.
    ///
    /// # Errors
    /// If one of them does not exist, they are the same, a report about the first is being imported, or each has a
    /// destination of its own.
    pub async fn merge_asset(&self, id: AssetId, into: AssetId, by: &Actor) -> Result<Merged, Refusal> {
        let impossible = |why: String, next_step: &str| {
            Refusal::conflict("merge_impossible", "The assets cannot be merged", why, next_step)
        };
        if id == into {
            return Err(impossible("An asset cannot be merged into itself.".into(), "Name another one."));
        }
        let mut tx = self.inner.db.begin().await?;
        // Always in the same order: two merges of the same assets do not wait for each other.
        for held in [id.min(into), id.max(into)] {
            store::assets::hold(&mut tx, held).await?;
        }
        let Some(from) = store::assets::get(&mut tx, id).await? else {
            return Err(Refusal::not_found("asset", id));
        };
        let Some(to) = store::assets::get(&mut tx, into).await? else {
            return Err(Refusal::not_found("asset", into));
        };
        if store::merging::is_imported(&mut tx, id).await? {
            let why = format!("A report about {} is being imported.", from.name);
            return Err(impossible(why, "Try again when the import is done."));
        }
        if !store::merging::move_destinations(&mut tx, id, into).await? {
            let why = format!(
                "{} and {} each have a destination of their own, or for the same branch.",
                from.name, to.name
            );
            return Err(impossible(why, "Delete one of the destinations, or bind it to another asset."));
        }
        let mut configurations = Vec::new();
        for (old, scanner, name) in store::merging::configurations(&mut tx, id).await? {
            let new = self.inner.world.id();
            let new = store::assets::configuration(&mut tx, new, into, &scanner, &name).await?;
            store::merging::move_configuration(&mut tx, old, new, into).await?;
            configurations.push((old, new));
        }
        let cause = Cause::new(CauseKind::Person, by.name.clone());
        let mut done = Merged::default();
        let mut after = Uuid::nil();
        loop {
            let page = store::findings::of_asset_after(&mut tx, id, after, STEP).await?;
            let Some(last) = page.last() else { break };
            after = last.id.0;
            for finding in page {
                let same = store::merging::counterpart(&mut tx, into, &finding.fingerprint).await?;
                let is_same = same.is_some();
                let gone = self.take_in(&mut tx, finding, same, &from, &to, &configurations, &cause).await?;
                done.same += u64::from(is_same);
                done.moved += u64::from(!gone);
            }
        }
        let what = format!(
            "{} was merged into it: {} findings went over, {} it had as well.",
            from.name, done.moved, done.same
        );
        self.note_configuration(&mut tx, "asset", into.0, by, &what).await?;
        store::merging::forget(&mut tx, id, &from.name, into).await?;
        store::tickets::mark_of_asset(&mut tx, into).await?;
        store::rules::begin_walk(&mut tx).await?;
        tx.commit().await?;
        self.announce(EventKind::Finding, None);
        self.configuration_changed();
        Ok(done)
    }

    /// One finding of a merged asset. Answers whether it is a duplicate of one that was there.
    #[expect(clippy::too_many_arguments, reason = "one step of merge_asset, split off to be read by itself")]
    async fn take_in(
        &self,
        tx: &mut Tx,
        mut finding: Finding,
        same: Option<Finding>,
        from: &Asset,
        to: &Asset,
        configurations: &[(Uuid, Uuid)],
        cause: &Cause,
    ) -> Result<bool, Refusal> {
        let grace = self.inner.settings.grace;
        let was = finding.status;
        let detections = store::findings::detections(tx, finding.id).await?;
        let Some(mut same) = same else {
            let known = store::correlations::known(tx, finding.id).await?;
            store::merging::move_finding(tx, finding.id, to.id, configurations).await?;
            let names = correlation::keys(&finding.detail);
            finding.correlation = store::correlations::of(tx, to.id, finding.id, known, &names).await?;
            store::correlations::save(tx, finding.id, finding.correlation).await?;
            let detections = store::findings::detections(tx, finding.id).await?;
            finding.asset_id = to.id;
            finding.set_status(facts(&finding, &detections, to).status(grace), self.inner.world.now());
            store::findings::save(tx, &finding, finding.status.is_open()).await?;
            let what = format!("The asset {} was merged into {}.", from.name, to.name);
            self.note(tx, &finding, Some(was), cause, what).await?;
            return Ok(false);
        };
        for mut detection in detections {
            let new = configurations.iter().find(|(old, _)| *old == detection.configuration_id);
            detection.finding_id = same.id;
            detection.configuration_id = new.map_or(detection.configuration_id, |(_, new)| *new);
            let known = store::findings::detections(tx, same.id).await?;
            let own = known.iter().find(|known| {
                known.configuration_id == detection.configuration_id && known.branch == detection.branch
            });
            if let Some(own) = own {
                detection.last_absent_at = detection.last_absent_at.max(own.last_absent_at);
                if own.last_seen_at >= detection.last_seen_at {
                    let last_absent_at = detection.last_absent_at;
                    detection = store::findings::StoredDetection { last_absent_at, ..own.clone() };
                }
            }
            store::findings::save_detection(tx, &detection).await?;
        }
        // What people decided is not lost; where they decided twice, what stands at the asset that stays holds.
        let was_same = same.status;
        if same.triage.decision == Decision::default() && same.triage.claim.is_none() {
            same.triage = finding.triage.clone();
            if let Some(acceptance) = same.triage.acceptance {
                let then = store::acceptances::fall_back(tx, acceptance, finding.id).await?;
                store::acceptances::cover(tx, acceptance, same.id, then).await?;
            }
        }
        same.first_seen_at = same.first_seen_at.min(finding.first_seen_at);
        same.last_seen_at = same.last_seen_at.max(finding.last_seen_at);
        let detections = store::findings::detections(tx, same.id).await?;
        if same.status.is_open() && finding.status.is_open() {
            same.open_since = same.open_since.min(finding.open_since);
        }
        same.set_status(facts(&same, &detections, to).status(grace), self.inner.world.now());
        store::findings::save(tx, &same, same.status.is_open()).await?;
        let what = format!("The same finding of the asset {} was merged into it.", from.name);
        self.note(tx, &same, Some(was_same), cause, what).await?;
        store::merging::hand_over_tickets(tx, finding.id, same.id).await?;
        store::tickets::mark_of_finding(tx, same.id).await?;

        store::merging::set_aside(tx, finding.id, to.id).await?;
        finding.triage.decision = Decision::Duplicate(same.id);
        finding.triage.reason = Some(format!("The asset {} was merged into {}", from.name, to.name));
        finding.triage.temporary = None;
        finding.triage.acceptance = None;
        finding.triage.suppressed_by = None;
        finding.status = Status::Duplicate;
        store::findings::save(tx, &finding, false).await?;
        store::tickets::mark_of_finding(tx, finding.id).await?;
        let what = format!("The asset {} was merged into {}, which has this finding.", from.name, to.name);
        self.note(tx, &finding, Some(was), cause, what).await?;
        Ok(true)
    }
}
