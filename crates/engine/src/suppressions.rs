//! Suppression rules: what they do to findings, what a change of them would do, and how people change them.
//!
//! They are asked where the ticketing rules are asked, and before them: about findings that changed, and on the same walk
//! through all findings when a rule changed. Findings that an import sees first are asked about within the import, so that
//! nothing that is suppressed counts as new.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use model::rule::RuleProblem;
use model::suppression::{CONFIRM_PERCENT, MOST_RULES, SuppressionSettings, needs_confirmation};
use model::{FindingId, Severity, SuppressionId, lifecycle};
use store::Tx;
use store::audit::{Cause, CauseKind};
use store::findings::facts;
use store::suppressions::SuppressionRule;
use uuid::Uuid;

use crate::engine::{Engine, EventKind};
use crate::results::SeverityCounts;
use crate::ticketing::{Assets, Page};
use crate::{Actor, Refusal};

/// Findings of one page of a preview.
const STEP: i64 = 1_000;

/// Examples that a preview shows.
const EXAMPLES: usize = 10;

/// What shall become of the suppression rules.
#[derive(Clone, Debug)]
pub enum SuppressionChange {
    /// There is one more, behind the others.
    Add(SuppressionSettings),
    /// One is changed.
    Set(SuppressionId, SuppressionSettings),
    /// One goes.
    Remove(SuppressionId),
}

/// What a change of the suppression rules would do now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SuppressionPlan {
    /// Findings that are open now.
    pub open: u64,
    /// Open findings that would be suppressed.
    pub suppress: SeverityCounts,
    /// Suppressed findings that would come back.
    pub come_back: SeverityCounts,
    /// Findings that the rules match and that a person decided about: they stay as they are.
    pub decided_by_people: u64,
    /// Tickets whose findings would all be closed.
    pub tickets_closing: u64,
    /// Some of those that would be suppressed.
    pub examples: Vec<SuppressionExample>,
    /// So much would be suppressed that it has to be confirmed.
    pub needs_confirmation: bool,
}

/// A finding that would be suppressed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SuppressionExample {
    /// Finding.
    pub id: FindingId,
    /// Its title.
    pub title: String,
    /// Its severity.
    pub severity: Severity,
    /// Its asset.
    pub asset: String,
}

/// What a rule says about the finding of a page.
struct Verdict {
    index: usize,
    /// The rule that suppresses it, by its place among the rules.
    rule: Option<usize>,
}

/// Refuses the settings of a suppression rule if anything is wrong with them: every problem at its field.
///
/// # Errors
/// If there are problems.
pub fn refuse_suppression(problems: &[RuleProblem]) -> Result<(), Refusal> {
    let Some(first) = problems.first() else { return Ok(()) };
    let mut refusal = Refusal::invalid(
        "suppression_invalid",
        "The suppression rule makes no sense",
        format!("{}: {}.", first.at, first.message),
        crate::destinations::sentence(&format!("{}.", first.mend)),
    );
    for problem in problems {
        refusal = refusal.field(problem.at.clone(), format!("{}; {}", problem.message, problem.mend));
    }
    Err(refusal)
}

impl Engine {
    /// Adds a suppression rule behind the others. What it matches is suppressed soon after, page by page.
    ///
    /// # Errors
    /// If the settings make no sense, or it would suppress a large share of what is open and that is not `confirmed`.
    pub async fn create_suppression(
        &self,
        settings: SuppressionSettings,
        confirmed: bool,
        by: &Actor,
    ) -> Result<SuppressionId, Refusal> {
        self.refuse_unconfirmed(&SuppressionChange::Add(settings.clone()), confirmed).await?;
        let mut tx = self.inner.db.begin().await?;
        let id = self.create_suppression_in(&mut tx, settings, by).await?;
        tx.commit().await?;
        self.configuration_changed();
        Ok(id)
    }

    /// The part of [`Self::create_suppression`] that is one with what else is in the transaction.
    pub(crate) async fn create_suppression_in(
        &self,
        tx: &mut Tx,
        settings: SuppressionSettings,
        by: &Actor,
    ) -> Result<SuppressionId, Refusal> {
        let settings = checked(settings)?;
        let known = store::suppressions::all(tx).await?;
        refuse_taken(&known, &settings, None)?;
        if known.len() >= MOST_RULES {
            return Err(Refusal::conflict(
                "suppressions_full",
                "There are too many suppression rules",
                format!(
                    "There are {MOST_RULES} suppression rules already; each finding is asked about by all of them."
                ),
                "Delete rules that are switched off, or join some with 'any'.",
            ));
        }
        let now = self.inner.world.now();
        let rule = SuppressionRule {
            id: self.inner.world.id(),
            version: 1,
            look_again_at: settings.look_again(now),
            settings,
            created_by: by.name.clone(),
            created_at: now,
        };
        store::suppressions::add(tx, &rule).await?;
        self.suppressions_changed(tx, rule.id, by, "Suppression rule made.").await?;
        Ok(rule.id)
    }

    /// Changes a suppression rule. What it suppressed and matches no more comes back.
    ///
    /// # Errors
    /// If there is no such rule, the settings make no sense, or it would suppress a large share of what is open and that is
    /// not `confirmed`.
    pub async fn change_suppression(
        &self,
        id: SuppressionId,
        settings: SuppressionSettings,
        confirmed: bool,
        by: &Actor,
    ) -> Result<(), Refusal> {
        self.refuse_unconfirmed(&SuppressionChange::Set(id, settings.clone()), confirmed).await?;
        let mut tx = self.inner.db.begin().await?;
        self.change_suppression_in(&mut tx, id, settings, by).await?;
        tx.commit().await?;
        self.configuration_changed();
        Ok(())
    }

    /// The part of [`Self::change_suppression`] that is one with what else is in the transaction.
    pub(crate) async fn change_suppression_in(
        &self,
        tx: &mut Tx,
        id: SuppressionId,
        settings: SuppressionSettings,
        by: &Actor,
    ) -> Result<(), Refusal> {
        let settings = checked(settings)?;
        let known = store::suppressions::all(tx).await?;
        let Some(rule) = known.iter().find(|rule| rule.id == id) else {
            return Err(Refusal::not_found("suppression rule", id));
        };
        refuse_taken(&known, &settings, Some(id))?;
        let changed = SuppressionRule {
            version: rule.version + 1,
            look_again_at: settings.look_again(self.inner.world.now()),
            settings,
            ..rule.clone()
        };
        store::suppressions::save(tx, &changed).await?;
        self.suppressions_changed(tx, id, by, "Suppression rule changed.").await
    }

    /// Deletes a suppression rule. What it suppressed comes back, unless another rule matches it.
    ///
    /// # Errors
    /// If there is no such rule.
    pub async fn delete_suppression(&self, id: SuppressionId, by: &Actor) -> Result<(), Refusal> {
        let mut tx = self.inner.db.begin().await?;
        self.delete_suppression_in(&mut tx, id, by).await?;
        tx.commit().await?;
        self.configuration_changed();
        Ok(())
    }

    /// The part of [`Self::delete_suppression`] that is one with what else is in the transaction.
    pub(crate) async fn delete_suppression_in(
        &self,
        tx: &mut Tx,
        id: SuppressionId,
        by: &Actor,
    ) -> Result<(), Refusal> {
        if store::suppressions::get(tx, id).await?.is_none() {
            return Err(Refusal::not_found("suppression rule", id));
        }
        store::suppressions::delete(tx, id).await?;
        self.suppressions_changed(tx, id, by, "Suppression rule deleted.").await
    }

    /// Puts the suppression rules into this order: the first that matches a finding is the one that suppresses it.
    ///
    /// # Errors
    /// If these are not all rules, each once.
    pub async fn reorder_suppressions(&self, order: &[SuppressionId], by: &Actor) -> Result<(), Refusal> {
        let mut tx = self.inner.db.begin().await?;
        let known = store::suppressions::all(&mut tx).await?;
        if known.len() != order.len() || known.iter().any(|rule| !order.contains(&rule.id)) {
            return Err(Refusal::conflict(
                "suppressions_changed",
                "The order does not name every suppression rule once",
                format!("The order names {} suppression rules; there are {}.", order.len(), known.len()),
                "Read the rules again, and name each of them once.",
            ));
        }
        store::suppressions::reorder(&mut tx, order).await?;
        for (rule, id) in known.iter().zip(order) {
            if rule.id != *id {
                self.suppressions_changed(&mut tx, *id, by, "Place among the suppression rules changed.")
                    .await?;
            }
        }
        tx.commit().await?;
        self.configuration_changed();
        Ok(())
    }

    async fn suppressions_changed(
        &self,
        tx: &mut Tx,
        id: SuppressionId,
        by: &Actor,
        what: &str,
    ) -> Result<(), Refusal> {
        store::rules::begin_walk(tx).await?;
        self.note_configuration(tx, "suppression", id.0, by, what).await
    }

    /// What a change of the suppression rules would do now, without making it.
    ///
    /// # Errors
    /// If the settings make no sense, or there is no such rule.
    pub async fn plan_suppression(&self, change: &SuppressionChange) -> Result<SuppressionPlan, Refusal> {
        let mut tx = self.inner.db.read().await?;
        let mut rules = store::suppressions::all(&mut tx).await?;
        let now = self.inner.world.now();
        let place = |rules: &[SuppressionRule], id: &SuppressionId| {
            let place = rules.iter().position(|rule| rule.id == *id);
            place.ok_or_else(|| Refusal::not_found("suppression rule", id))
        };
        match change {
            SuppressionChange::Add(settings) => {
                let settings = checked(settings.clone())?;
                refuse_taken(&rules, &settings, None)?;
                rules.push(SuppressionRule {
                    id: SuppressionId(Uuid::nil()),
                    version: 1,
                    settings,
                    look_again_at: None,
                    created_by: String::new(),
                    created_at: now,
                });
            }
            SuppressionChange::Set(id, settings) => {
                let settings = checked(settings.clone())?;
                let at = place(&rules, id)?;
                refuse_taken(&rules, &settings, Some(*id))?;
                rules[at].settings = settings;
            }
            SuppressionChange::Remove(id) => {
                let at = place(&rules, id)?;
                rules.remove(at);
            }
        }
        self.plan_suppressions(&mut tx, &rules).await
    }

    /// What these rules would do now if they were all there are.
    pub(crate) async fn plan_suppressions(
        &self,
        tx: &mut Tx,
        rules: &[SuppressionRule],
    ) -> Result<SuppressionPlan, Refusal> {
        let now = self.inner.world.now();
        let mut plan = SuppressionPlan::default();
        let mut closing: HashSet<FindingId> = HashSet::new();
        let mut assets = Assets::default();
        let mut after = Uuid::nil();
        loop {
            let findings = store::findings::ruled_after(tx, &[], after, STEP).await?;
            let Some(last) = findings.last() else { break };
            after = last.id.0;
            plan.open += findings.iter().filter(|finding| finding.status.is_open()).count() as u64;
            let page = Page::read(tx, findings, &mut assets).await?;
            for looked in page.ruled(&assets, now) {
                let finding = looked.finding;
                let matches = rules.iter().any(|rule| rule.settings.applies(&looked.candidate));
                match (finding.triage.suppressed_by.is_some(), matches) {
                    (false, true) if is_undecided(finding) => {
                        plan.suppress.add(finding.severity);
                        closing.insert(finding.id);
                        if plan.examples.len() < EXAMPLES {
                            plan.examples.push(SuppressionExample {
                                id: finding.id,
                                title: finding.detail.title.clone(),
                                severity: finding.severity,
                                asset: looked.asset.name.clone(),
                            });
                        }
                    }
                    (false, true) => plan.decided_by_people += 1,
                    (true, false) => plan.come_back.add(finding.severity),
                    (true, true) | (false, false) => {}
                }
            }
        }
        plan.tickets_closing = tickets_closing(tx, &closing).await?;
        plan.needs_confirmation = needs_confirmation(plan.suppress.total(), plan.open);
        Ok(plan)
    }

    async fn refuse_unconfirmed(&self, change: &SuppressionChange, confirmed: bool) -> Result<(), Refusal> {
        if confirmed {
            return Ok(());
        }
        let plan = self.plan_suppression(change).await?;
        refuse_wide(&plan)
    }

    /// Lets the suppression rules decide about the findings of a page, which change in it. Answers whether any did.
    pub(crate) async fn suppress_page(
        &self,
        tx: &mut Tx,
        rules: &[SuppressionRule],
        page: &mut Page,
        assets: &Assets,
    ) -> Result<bool, Refusal> {
        let now = self.inner.world.now();
        let verdicts = verdicts(rules, page, assets, now);
        if verdicts.is_empty() {
            return Ok(false);
        }
        let grace = self.inner.settings.grace;
        let ids: Vec<FindingId> = verdicts.iter().map(|verdict| page.findings[verdict.index].id).collect();
        let detections = store::findings::detections_of(tx, &ids).await?;
        let mut changed = false;
        for verdict in verdicts {
            let finding = &mut page.findings[verdict.index];
            let Some(asset) = assets.get(finding.asset_id) else { continue };
            let before = facts(finding, &detections, asset);
            let rule = verdict.rule.map(|place| &rules[place]);
            let matching = rule.map(|rule| (rule.id, rule.settings.reason.as_str()));
            let Some(after) = lifecycle::after_suppression_rules(&before, matching, grace) else { continue };
            let was = finding.status;
            let (cause, what) = match rule {
                Some(rule) => {
                    let name = &rule.settings.name;
                    let cause = Cause::new(CauseKind::Rule, format!("{name} (version {})", rule.version));
                    (cause, format!("Suppressed by the rule {name}: {}", rule.settings.reason))
                }
                None => {
                    let by = finding.triage.suppressed_by;
                    let named = rules.iter().find(|rule| by == Some(rule.id));
                    let (label, what) = match named {
                        Some(rule) => {
                            let name = &rule.settings.name;
                            let label = format!("{name} (version {})", rule.version);
                            (label, format!("The rule {name} does not suppress it any more."))
                        }
                        None => (
                            "suppression rules".to_owned(),
                            "The rule that suppressed it was deleted.".to_owned(),
                        ),
                    };
                    (Cause::new(CauseKind::Rule, label), what)
                }
            };
            finding.triage = after.triage.clone();
            finding.set_status(after.status(grace), now);
            store::findings::save(tx, finding, false).await?;
            store::tickets::mark_of_finding(tx, finding.id).await?;
            self.note(tx, finding, Some(was), &cause, what).await?;
            changed = true;
        }
        Ok(changed)
    }

    /// Lets the suppression rules decide about findings that an import has just added. Answers those that are suppressed.
    pub(crate) async fn suppress_new(
        &self,
        tx: &mut Tx,
        rules: &[SuppressionRule],
        ids: &[FindingId],
    ) -> Result<Vec<Severity>, Refusal> {
        if rules.is_empty() || ids.is_empty() {
            return Ok(Vec::new());
        }
        let findings = store::findings::of_ids(tx, ids).await?;
        let was_open: HashSet<FindingId> =
            findings.iter().filter(|one| one.status.is_open()).map(|one| one.id).collect();
        let mut assets = Assets::default();
        let mut page = Page::read(tx, findings, &mut assets).await?;
        if self.suppress_page(tx, rules, &mut page, &assets).await? {
            self.announce(EventKind::Finding, None);
        }
        let closed = page.findings.iter().filter(|one| was_open.contains(&one.id) && !one.status.is_open());
        Ok(closed.map(|finding| finding.severity).collect())
    }

    /// Rules that ask about everything again because time has passed are given their next moment. Answers whether there
    /// were any.
    pub(crate) async fn wind_suppressions(
        &self,
        tx: &mut Tx,
        rules: &[SuppressionRule],
        now: DateTime<Utc>,
    ) -> Result<bool, Refusal> {
        let mut any = false;
        for rule in rules.iter().filter(|rule| is_due(rule, now)) {
            let mut rule = rule.clone();
            rule.look_again_at = rule.settings.look_again(now);
            store::suppressions::save(tx, &rule).await?;
            store::rules::begin_walk(tx).await?;
            any = true;
        }
        Ok(any)
    }
}

/// Time has passed since it was asked about everything.
pub(crate) fn is_due(rule: &SuppressionRule, now: DateTime<Utc>) -> bool {
    rule.look_again_at.is_some_and(|at| at <= now)
}

/// Refuses what would suppress a large share of the open findings.
pub(crate) fn refuse_wide(plan: &SuppressionPlan) -> Result<(), Refusal> {
    if !plan.needs_confirmation {
        return Ok(());
    }
    Err(Refusal::conflict(
        "suppression_wide",
        "So much would be suppressed that it has to be confirmed",
        format!(
            "{} of {} open findings would be suppressed, which is more than {CONFIRM_PERCENT} %.",
            plan.suppress.total(),
            plan.open
        ),
        "Look at the preview; narrow the criteria, or confirm.",
    ))
}

/// Nobody has decided about an open finding, as far as what is stored says.
fn is_undecided(finding: &store::findings::Finding) -> bool {
    let triage = finding.triage.clone();
    let facts = model::status::Facts { detections: Vec::new(), triage, regressed: finding.regressed };
    finding.status.is_open() && lifecycle::may_be_suppressed(&facts, chrono::Duration::zero())
}

/// What the rules say about those findings of a page about which they say something else than before.
fn verdicts(rules: &[SuppressionRule], page: &Page, assets: &Assets, now: DateTime<Utc>) -> Vec<Verdict> {
    let concerns_any = page.findings.iter().any(|finding| finding.triage.suppressed_by.is_some());
    if rules.is_empty() && !concerns_any {
        return Vec::new();
    }
    let places: HashMap<FindingId, usize> =
        page.findings.iter().enumerate().map(|(index, finding)| (finding.id, index)).collect();
    page.ruled(assets, now)
        .filter_map(|looked| {
            let rule = rules.iter().position(|rule| rule.settings.applies(&looked.candidate));
            let by = looked.finding.triage.suppressed_by;
            (rule.is_some() || by.is_some())
                .then(|| places.get(&looked.finding.id).map(|index| Verdict { index: *index, rule }))
                .flatten()
        })
        .collect()
}

/// How many live tickets have open findings, all of which are among these.
async fn tickets_closing(tx: &mut Tx, findings: &HashSet<FindingId>) -> Result<u64, Refusal> {
    let ids: Vec<FindingId> = findings.iter().copied().collect();
    let mut tickets: HashMap<model::TicketId, u64> = HashMap::new();
    for held in store::tickets::of_findings(tx, &ids).await?.into_values().flatten() {
        *tickets.entry(held.ticket).or_default() += 1;
    }
    let named: Vec<model::TicketId> = tickets.keys().copied().collect();
    let open = store::tickets::open_members(tx, &named).await?;
    Ok(tickets.iter().filter(|(ticket, closed)| open.get(*ticket) == Some(*closed)).count() as u64)
}

fn checked(mut settings: SuppressionSettings) -> Result<SuppressionSettings, Refusal> {
    settings.name = settings.name.trim().to_owned();
    settings.reason = settings.reason.trim().to_owned();
    refuse_suppression(&settings.problems())?;
    Ok(settings)
}

fn refuse_taken(
    known: &[SuppressionRule],
    settings: &SuppressionSettings,
    own: Option<SuppressionId>,
) -> Result<(), Refusal> {
    let folded = settings.name.to_lowercase();
    let is_taken =
        known.iter().any(|rule| Some(rule.id) != own && rule.settings.name.to_lowercase() == folded);
    if !is_taken {
        return Ok(());
    }
    Err(Refusal::conflict(
        "suppression_exists",
        "There is a suppression rule of that name",
        format!("Another suppression rule is called '{}'.", settings.name),
        "Choose another name.",
    )
    .field("/name", "it is taken"))
}
