//! Findings that people write down: drafted, published, changed, and judged by a validator, who stands where scans stand for
//! other findings.

use model::lifecycle::{Circumstances, Command, Giver};
use model::priority::Priority;
use model::status::{Manual, Triage, Verdict};
use model::{FindingId, Observation, Status, content, correlation};
use store::Tx;
use store::audit::{Cause, CauseKind};
use store::findings::{Finding, facts};

use crate::engine::{Engine, EventKind};
use crate::{Actor, Refusal};

/// What stands in place of a scanner.
const SCANNER: &str = "manual";

/// A finding that a person writes down.
#[derive(Clone, Debug)]
pub struct NewManual {
    /// Name of the asset. Made on first use.
    pub asset: String,
    /// The finding, in the fields of the generic JSON.
    pub finding: serde_json::Value,
    /// It is not published yet.
    pub draft: bool,
    /// Name of the assessment that it belongs to; it has to be there and not completed.
    pub assessment: Option<String>,
}

impl Engine {
    /// Adds a finding by hand. Tickets are made for it like for any other once it is published.
    ///
    /// # Errors
    /// If a field makes no sense, or there is no such assessment.
    pub async fn create_manual(&self, new: NewManual, by: &Actor) -> Result<FindingId, Refusal> {
        let detail = read(&new.finding)?;
        crate::ingest::check_asset_name(&new.asset)?;
        let world = &self.inner.world;
        let now = world.now();
        let id: FindingId = world.id();
        let mut tx = self.inner.db.begin().await?;
        let asset = store::assets::find_or_create(&mut tx, world.id(), new.asset.trim(), now).await?;
        if asset.archived {
            return Err(Refusal::conflict(
                "asset_archived",
                "The asset is archived",
                format!("The asset {} is archived; nothing is added to it.", asset.name),
                "Restore it first, or name another.",
            ));
        }
        let assessment = self.open_assessment(&mut tx, new.assessment.as_deref()).await?;
        let (manual, kept_open) = match new.draft {
            true => (Manual::Draft, false),
            // Somebody wrote it down to be looked at: no rule suppresses it.
            false => (Manual::Published, true),
        };
        let triage = Triage { manual: Some(manual), kept_open, ..Triage::default() };
        let mut finding = Finding {
            id,
            asset_id: asset.id,
            // No scan ever matches it.
            fingerprint: format!("manual:{id}"),
            place_key: format!("manual:{id}"),
            kind: detail.kind,
            severity: detail.severity,
            status: Status::Draft,
            triage,
            regressed: 0,
            first_seen_at: now,
            last_seen_at: now,
            open_since: now,
            priority: Priority::default(),
            scanner: SCANNER.into(),
            correlation: None,
            detail,
        };
        finding.status = facts(&finding, &[], &asset).status(self.inner.settings.grace);
        let names = correlation::keys(&finding.detail);
        finding.correlation = store::correlations::of(&mut tx, asset.id, id, None, &names).await?;
        store::findings::add(&mut tx, &finding, finding.status.is_open()).await?;
        if let Some(assessment) = assessment {
            store::assessments::add_finding(&mut tx, assessment, id).await?;
        }
        let cause = Cause::new(CauseKind::Person, by.name.clone());
        let what = match new.draft {
            true => format!("Drafted by {}.", by.name),
            false => format!("Written down by {}.", by.name),
        };
        self.note(&mut tx, &finding, None, &cause, what).await?;
        tx.commit().await?;
        self.manual_changed(id);
        Ok(id)
    }

    /// Changes what a manual finding says. Its vulnerability and its kind stay: another one is another finding.
    ///
    /// # Errors
    /// If there is no such finding, scans see it, or a field makes no sense.
    pub async fn change_manual(
        &self,
        id: FindingId,
        said: &serde_json::Value,
        by: &Actor,
    ) -> Result<(), Refusal> {
        let detail = read(said)?;
        let mut tx = self.inner.db.begin().await?;
        let mut finding = self.manual(&mut tx, id).await?;
        if detail.kind != finding.kind || detail.vulnerability.id != finding.detail.vulnerability.id {
            return Err(Refusal::invalid(
                "finding_invalid",
                "Vulnerability and kind of a finding stay",
                "The id of the vulnerability or the kind of the finding would be another.".to_owned(),
                "Write down another finding, and delete this one.",
            ));
        }
        let changed = differences(&finding.detail, &detail);
        if changed.is_empty() {
            return Ok(());
        }
        let now = self.inner.world.now();
        finding.severity = detail.severity;
        finding.detail = detail;
        finding.last_seen_at = now;
        store::findings::save(&mut tx, &finding, finding.status.is_open()).await?;
        self.correlate(&mut tx, &finding, &correlation::keys(&finding.detail)).await?;
        store::tickets::mark_of_finding(&mut tx, id).await?;
        let cause = Cause::new(CauseKind::Person, by.name.clone());
        let what = format!("Changed by {}: {}.", by.name, changed.join(", "));
        self.note(&mut tx, &finding, Some(finding.status), &cause, what).await?;
        tx.commit().await?;
        self.manual_changed(id);
        Ok(())
    }

    /// Makes a draft a finding like any other.
    ///
    /// # Errors
    /// If there is no such finding, or it is no draft.
    pub async fn publish_manual(&self, id: FindingId, by: &Actor) -> Result<(), Refusal> {
        self.command_manual(id, &Command::Publish, None, format!("Published by {}.", by.name), by).await
    }

    /// Follows what a validator found: fixed, or still there.
    ///
    /// # Errors
    /// If there is no such finding, scans see it, there is no reason, nobody claims a fix that is refuted, or the validator
    /// is who claims it.
    pub async fn judge_manual(
        &self,
        id: FindingId,
        verdict: Verdict,
        reason: &str,
        by: &Actor,
    ) -> Result<(), Refusal> {
        let found = match verdict {
            Verdict::Fixed => "Found fixed",
            Verdict::StillThere => "Still there, found",
        };
        let what = format!("{found} by {}: {}", by.name, reason.trim());
        self.command_manual(id, &Command::Judge(verdict), Some(reason), what, by).await
    }

    async fn command_manual(
        &self,
        id: FindingId,
        command: &Command,
        reason: Option<&str>,
        what: String,
        by: &Actor,
    ) -> Result<(), Refusal> {
        let mut tx = self.inner.db.begin().await?;
        let finding = self.manual(&mut tx, id).await?;
        let circumstances = Circumstances {
            giver: Giver::Person,
            by: by.name.clone(),
            at: self.inner.world.now(),
            reason: reason.map(|reason| reason.trim().to_owned()),
            temporary: None,
            grace: self.inner.settings.grace,
        };
        let cause = Cause::new(CauseKind::Person, by.name.clone());
        let followed = self.follow(&mut tx, &finding, command, &circumstances, &cause, what).await?;
        followed.map_err(|illegal| {
            Refusal::conflict(
                "status_impossible",
                "That cannot be done with the finding",
                format!("Nothing is changed: {illegal}."),
                "Look at the finding's status, or give what is missing.",
            )
        })?;
        tx.commit().await?;
        self.manual_changed(id);
        Ok(())
    }

    async fn manual(&self, tx: &mut Tx, id: FindingId) -> Result<Finding, Refusal> {
        let known = store::findings::get(tx, id).await?.ok_or_else(|| Refusal::not_found("finding", id))?;
        if known.triage.manual.is_none() {
            return Err(Refusal::conflict(
                "finding_not_manual",
                "Scans see this finding",
                format!("The finding comes from {}; what it says is what its scans say.", known.scanner),
                "Decide about it by its status.",
            ));
        }
        Ok(known)
    }

    fn manual_changed(&self, id: FindingId) {
        self.announce(EventKind::Finding, id.0);
        self.inner.ticketing.notify_one();
        self.wake_all_boards();
    }
}

/// The finding that a person describes; without an id of its own it is called by its kind.
fn read(said: &serde_json::Value) -> Result<Observation, Refusal> {
    let mut said = said.clone();
    if let Some(fields) = said.as_object_mut() {
        let has_id = fields.get("id").and_then(|id| id.as_str()).is_some_and(|id| !id.trim().is_empty());
        if !has_id {
            fields.insert("id".into(), SCANNER.into());
        }
    }
    reports::read_finding(&said).map_err(|error| {
        Refusal::invalid(
            "finding_invalid",
            "The finding makes no sense",
            format!("The finding: {error}."),
            "Look at the fields of docs/formats/generic-json.md, and try again.",
        )
    })
}

/// What is said otherwise, in words.
fn differences(before: &Observation, after: &Observation) -> Vec<String> {
    let place = |detail: &Observation| content::place(&detail.location, detail.component.as_ref());
    let mut changed = Vec::new();
    if before.severity != after.severity {
        changed.push(format!("severity {} instead of {}", after.severity, before.severity));
    }
    if before.title != after.title {
        changed.push(format!("the title was '{}'", before.title));
    }
    if place(before) != place(after) {
        changed.push(format!("the place was {}", place(before)));
    }
    if changed.is_empty() && before != after {
        changed.push("what is said about it".into());
    }
    changed
}
