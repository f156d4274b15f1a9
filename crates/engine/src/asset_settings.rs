//! What people say about an asset: its tags, tracked branches, owner and business impact.

use model::{AssetId, Impact};
use store::audit::{Cause, CauseKind};
use uuid::Uuid;

use crate::engine::{Engine, EventKind};
use crate::{Actor, Refusal};

/// Longest name of an owner, in characters.
const LONGEST_OWNER: usize = 200;

/// What is to be changed about an asset; what is `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AssetSettings {
    /// All tags that it shall have.
    pub tags: Option<Vec<String>>,
    /// All branches whose scans shall decide the status of its findings.
    pub tracked_branches: Option<Vec<String>>,
    /// Who answers for it; empty for nobody.
    pub owner: Option<String>,
    /// How much the business depends on it.
    pub impact: Option<Impact>,
}

impl Engine {
    /// Changes what people say about an asset. The rules look at its findings again.
    ///
    /// # Errors
    /// If there is no such asset, or the owner has too long a name.
    pub async fn change_asset(
        &self,
        id: AssetId,
        settings: AssetSettings,
        by: &Actor,
    ) -> Result<(), Refusal> {
        let AssetSettings { tags, tracked_branches, owner, impact } = settings;
        if owner.as_ref().is_some_and(|owner| owner.trim().chars().count() > LONGEST_OWNER) {
            return Err(Refusal::invalid(
                "owner_too_long",
                "The owner has too long a name",
                format!("An owner has at most {LONGEST_OWNER} characters."),
                "Give a shorter name.",
            ));
        }
        let mut tx = self.inner.db.begin().await?;
        let Some(mut asset) = store::assets::get(&mut tx, id).await? else {
            return Err(Refusal::not_found("asset", id));
        };
        let clean = |names: Vec<String>| {
            let mut names: Vec<String> = names
                .into_iter()
                .map(|name| name.trim().to_owned())
                .filter(|name| !name.is_empty())
                .collect();
            names.sort();
            names.dedup();
            names
        };
        if let Some(tags) = tags {
            asset.tags = clean(tags);
        }
        let branches_changed = tracked_branches.is_some();
        if let Some(branches) = tracked_branches {
            asset.tracked_branches = clean(branches);
        }
        if let Some(owner) = owner {
            owner.trim().clone_into(&mut asset.owner);
        }
        asset.impact = impact.unwrap_or(asset.impact);
        store::assets::save(&mut tx, &asset).await?;
        if branches_changed {
            self.derive_statuses(&mut tx, &asset, by).await?;
        }
        self.rules_changed(
            &mut tx,
            id.0,
            by,
            "Tags, tracked branches, owner or impact of the asset changed.",
        )
        .await?;
        tx.commit().await?;
        self.announce(EventKind::Finding, None);
        self.configuration_changed();
        Ok(())
    }

    /// Derives the statuses of an asset's findings again: which branches decide has changed.
    async fn derive_statuses(
        &self,
        tx: &mut store::Tx,
        asset: &store::assets::Asset,
        by: &Actor,
    ) -> Result<(), Refusal> {
        let cause = Cause::new(CauseKind::Person, by.name.clone());
        let mut after = Uuid::nil();
        loop {
            let page = store::findings::of_asset_after(tx, asset.id, after, 200).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.id.0;
            for known in page {
                let detections = store::findings::detections(tx, known.id).await?;
                let status =
                    store::findings::facts(&known, &detections, asset).status(self.inner.settings.grace);
                if status != known.status {
                    let mut finding = known.clone();
                    finding.set_status(status, self.inner.world.now());
                    store::findings::save(tx, &finding, status.is_open()).await?;
                    store::tickets::mark_of_finding(tx, finding.id).await?;
                    let what = "The tracked branches of the asset changed.".to_owned();
                    self.note(tx, &finding, Some(known.status), &cause, what).await?;
                }
            }
        }
    }
}
