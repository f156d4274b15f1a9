//! Ticketing rules, as people change them.

use model::RuleId;
use model::rule::{Criteria, Grouping};
use store::audit::{Cause, CauseKind, Entry, Subject};
use store::rules::Rule;
use uuid::Uuid;

use crate::engine::{Engine, EventKind};
use crate::{Actor, Refusal};

/// What a person decides about a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleSettings {
    /// Name.
    pub name: String,
    /// It is in effect.
    pub enabled: bool,
    /// Which findings.
    pub criteria: Criteria,
    /// Which findings share a ticket.
    pub grouping: Grouping,
}

impl RuleSettings {
    pub(crate) fn check(&self) -> Result<(), Refusal> {
        if self.name.trim().is_empty() || self.name.chars().count() > 200 {
            return Err(Refusal::invalid(
                "rule_invalid",
                "The rule makes no sense",
                "The rule has no name, or one of more than 200 characters.",
                "Give it a short name: it is shown as the cause of its tickets.",
            )
            .field("/name", "1 to 200 characters"));
        }
        Ok(())
    }
}

impl Engine {
    /// Adds a rule after the others. Its tickets are made at once, within the budgets.
    ///
    /// # Errors
    /// If the settings make no sense.
    pub async fn create_rule(&self, settings: RuleSettings, by: &Actor) -> Result<RuleId, Refusal> {
        settings.check()?;
        let rule = Rule {
            id: self.inner.world.id(),
            name: settings.name,
            enabled: settings.enabled,
            version: 1,
            settings: store::rules::Settings { criteria: settings.criteria, grouping: settings.grouping },
            created_at: self.inner.world.now(),
        };
        let mut tx = self.inner.db.begin().await?;
        store::rules::add(&mut tx, &rule).await?;
        self.rules_changed(&mut tx, rule.id.0, by, "Rule made.").await?;
        tx.commit().await?;
        self.configuration_changed();
        Ok(rule.id)
    }

    /// Changes a rule. Tickets that exist stay.
    ///
    /// # Errors
    /// If there is no such rule, or the settings make no sense.
    pub async fn change_rule(&self, id: RuleId, settings: RuleSettings, by: &Actor) -> Result<(), Refusal> {
        settings.check()?;
        let mut tx = self.inner.db.begin().await?;
        let Some(mut rule) = store::rules::get(&mut tx, id).await? else {
            return Err(Refusal::not_found("rule", id));
        };
        rule.name = settings.name;
        rule.enabled = settings.enabled;
        rule.version += 1;
        rule.settings = store::rules::Settings { criteria: settings.criteria, grouping: settings.grouping };
        store::rules::save(&mut tx, &rule).await?;
        self.rules_changed(&mut tx, id.0, by, "Rule changed.").await?;
        tx.commit().await?;
        self.configuration_changed();
        Ok(())
    }

    /// Deletes a rule. Its tickets stay.
    ///
    /// # Errors
    /// If there is no such rule.
    pub async fn delete_rule(&self, id: RuleId, by: &Actor) -> Result<(), Refusal> {
        let mut tx = self.inner.db.begin().await?;
        if store::rules::get(&mut tx, id).await?.is_none() {
            return Err(Refusal::not_found("rule", id));
        }
        store::rules::delete(&mut tx, id).await?;
        self.rules_changed(&mut tx, id.0, by, "Rule deleted.").await?;
        tx.commit().await?;
        self.configuration_changed();
        Ok(())
    }

    async fn rules_changed(
        &self,
        tx: &mut store::Tx,
        id: Uuid,
        by: &Actor,
        what: &str,
    ) -> Result<(), Refusal> {
        store::findings::reconsider_all(tx).await?;
        self.note_configuration(tx, "rule", id, by, what).await
    }

    pub(crate) async fn note_configuration(
        &self,
        tx: &mut store::Tx,
        word: &'static str,
        id: Uuid,
        by: &Actor,
        what: &str,
    ) -> Result<(), Refusal> {
        let cause = Cause::new(CauseKind::Person, by.name.clone());
        let entry = Entry {
            id: self.inner.world.id(),
            at: self.inner.world.now(),
            subject: Subject::Other(word, id),
            cause: &cause,
            what: what.to_owned(),
            statuses: None,
            fields: &[],
        };
        store::audit::add(tx, entry).await?;
        Ok(())
    }

    pub(crate) fn configuration_changed(&self) {
        self.announce(EventKind::Configuration, None);
        self.inner.ticketing.notify_one();
        self.wake_all_boards();
    }

    /// Changes tags and tracked branches of an asset. The rules look at its findings again.
    ///
    /// # Errors
    /// If there is no such asset.
    pub async fn change_asset(
        &self,
        id: model::AssetId,
        tags: Option<Vec<String>>,
        tracked_branches: Option<Vec<String>>,
        by: &Actor,
    ) -> Result<(), Refusal> {
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
        store::assets::save(&mut tx, &asset).await?;
        if branches_changed {
            self.derive_statuses(&mut tx, &asset, by).await?;
        }
        self.rules_changed(&mut tx, id.0, by, "Tags or tracked branches of the asset changed.").await?;
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
                    let finding = store::findings::Finding { status, ..known.clone() };
                    store::findings::save(tx, &finding, status.is_open()).await?;
                    store::tickets::mark_of_finding(tx, finding.id).await?;
                    let what = "The tracked branches of the asset changed.".to_owned();
                    self.note(tx, &finding, Some(known.status), &cause, what).await?;
                }
            }
        }
    }
}
