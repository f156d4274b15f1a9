//! Rules turn findings into tickets. A ticket here is an intention: the work item is created by [`crate::sync`], within
//! the destination's budget.

use std::collections::BTreeSet;

use model::rule::{Candidate, Grouping};
use model::{RuleId, Status, lifecycle};
use store::Tx;
use store::audit::{Cause, CauseKind, Entry, Subject};
use store::destinations::Destination;
use store::findings::Finding;
use store::rules::Rule;
use store::tickets::{Health, Ticket};
use uuid::Uuid;

use crate::engine::{Engine, EventKind};
use crate::results::{Plan, PlanAction, TicketPlan};
use crate::routing::Routes;
use crate::{Refusal, RuleSettings};

/// Findings that are looked at in one transaction.
const STEP: i64 = 200;

/// What the rules need to know, read once for many findings.
pub(crate) struct Routing {
    rules: Vec<Rule>,
    routes: Routes,
}

impl Routing {
    pub(crate) async fn load(tx: &mut Tx) -> Result<Self, Refusal> {
        Ok(Self { rules: store::rules::all(tx).await?, routes: Routes::load(tx).await? })
    }

    /// The first rule that is about a finding.
    fn rule(&self, finding: &Finding, asset_tags: &[String]) -> Option<&Rule> {
        let candidate = Candidate { severity: finding.severity, asset_tags };
        self.rules.iter().find(|rule| rule.enabled && rule.settings.criteria.matches(candidate))
    }
}

/// A rule that would make tickets and has nowhere to make them.
pub(crate) struct StoppedRule {
    pub(crate) id: RuleId,
    pub(crate) name: String,
    /// Assets whose findings wait, by name.
    pub(crate) assets: BTreeSet<String>,
}

/// Rules with findings that no destination takes: none is bound to the asset, and no connection has a default one.
pub(crate) async fn stopped_rules(tx: &mut Tx) -> Result<Vec<StoppedRule>, Refusal> {
    let routing = Routing::load(tx).await?;
    if routing.routes.take_everything() || !routing.rules.iter().any(|rule| rule.enabled) {
        return Ok(Vec::new());
    }
    let mut stopped: Vec<StoppedRule> = Vec::new();
    for finding in store::findings::without_destination(tx, STEP).await? {
        let Some(asset) = store::assets::get(tx, finding.asset_id).await? else { continue };
        let Some(rule) = routing.rule(&finding, &asset.tags) else { continue };
        if routing.routes.of_finding(tx, &finding, &asset).await?.is_some() {
            continue;
        }
        match stopped.iter_mut().find(|known| known.id == rule.id) {
            Some(known) => {
                known.assets.insert(asset.name);
            }
            None => stopped.push(StoppedRule {
                id: rule.id,
                name: rule.name.clone(),
                assets: BTreeSet::from([asset.name]),
            }),
        }
    }
    Ok(stopped)
}

/// Tickets are made from Identified on, and never for what is closed.
fn is_ticketable(status: Status) -> bool {
    status.is_open() && status != Status::Created
}

impl Engine {
    /// Looks at findings that the rules have not seen since they changed. Answers how many it looked at.
    ///
    /// # Errors
    /// If the database refuses.
    pub async fn make_tickets(&self) -> Result<usize, Refusal> {
        let mut tx = self.inner.db.begin().await?;
        let findings = store::findings::undecided(&mut tx, STEP).await?;
        if findings.is_empty() {
            return Ok(0);
        }
        let routing = Routing::load(&mut tx).await?;
        let mut made = false;
        for finding in &findings {
            store::findings::decided(&mut tx, finding.id).await?;
            made |= self.make_ticket(&mut tx, finding, &routing).await?;
        }
        tx.commit().await?;
        if made {
            self.announce(EventKind::Ticket, None);
            self.wake_all_boards();
        }
        Ok(findings.len())
    }

    async fn make_ticket(&self, tx: &mut Tx, finding: &Finding, routing: &Routing) -> Result<bool, Refusal> {
        if !is_ticketable(finding.status) || !store::tickets::of_finding(tx, finding.id).await?.is_empty() {
            return Ok(false);
        }
        let Some(asset) = store::assets::get(tx, finding.asset_id).await? else { return Ok(false) };
        let tracked =
            store::findings::detections(tx, finding.id).await?.iter().any(|d| asset.tracks(&d.branch));
        if !tracked || asset.archived {
            return Ok(false);
        }
        let Some(rule) = routing.rule(finding, &asset.tags) else { return Ok(false) };
        let Some(destination) = routing.routes.of_finding(tx, finding, &asset).await? else {
            return Ok(false);
        };
        let world = &self.inner.world;
        let now = world.now();
        let key = rule.settings.grouping.key(finding.id, &finding.detail.vulnerability.id, finding.asset_id);
        let cause = Cause::new(CauseKind::Rule, format!("{} (version {})", rule.name, rule.version));
        let (ticket, what) = match store::tickets::of_group(tx, destination.id, &key).await? {
            Some(ticket) => (ticket, format!("Finding added: {}", finding.detail.title)),
            None => {
                let ticket =
                    Ticket { rule_id: Some(rule.id), ..self.blank_ticket(destination, finding, key) };
                store::tickets::add(tx, &ticket).await?;
                (ticket, format!("Ticket made for the destination {}.", destination.settings.name))
            }
        };
        store::tickets::add_finding(tx, ticket.id, finding.id).await?;
        store::tickets::mark(tx, ticket.id).await?;
        let entry = Entry {
            id: world.id(),
            at: now,
            subject: Subject::Ticket(ticket.id),
            cause: &cause,
            what,
            statuses: None,
            fields: &[],
        };
        store::audit::add(tx, entry).await?;
        Ok(true)
    }

    /// A ticket of a finding at a destination, without a rule and without a work item.
    fn blank_ticket(&self, destination: &Destination, finding: &Finding, group_key: String) -> Ticket {
        let world = &self.inner.world;
        Ticket {
            id: world.id(),
            connection_id: destination.connection_id,
            destination_id: destination.id,
            rule_id: None,
            group_key,
            token: world.token(),
            title: finding.detail.title.clone(),
            status: finding.status,
            health: Health::Pending,
            work_item_id: None,
            work_item: None,
            base: None,
            intent: None,
            following: Default::default(),
            conflicts: Vec::new(),
            mark: 0,
            synced_mark: 0,
            attempts: 0,
            next_attempt_at: world.now(),
            parked: false,
            moves: Vec::new(),
            problem: None,
            next_step: None,
            synced_at: None,
            created_at: world.now(),
        }
    }

    /// Makes the ticket of one finding because somebody asked for it, whatever the rules say.
    pub(crate) async fn ticket_by_hand(
        &self,
        tx: &mut Tx,
        finding: &Finding,
        destination: &Destination,
        cause: &Cause,
    ) -> Result<Ticket, Refusal> {
        let key = Grouping::PerFinding.key(finding.id, &finding.detail.vulnerability.id, finding.asset_id);
        let ticket = self.blank_ticket(destination, finding, key);
        store::tickets::add(tx, &ticket).await?;
        store::tickets::add_finding(tx, ticket.id, finding.id).await?;
        let what = format!("Ticket made for the destination {}.", destination.settings.name);
        self.note_on_ticket(tx, &ticket, cause, what).await?;
        Ok(ticket)
    }

    /// What saving a rule would do now, without saving it: tickets for open findings that have none.
    ///
    /// # Errors
    /// If the database refuses.
    pub async fn plan_rule(&self, settings: &RuleSettings) -> Result<Plan, Refusal> {
        settings.check()?;
        let mut plan = Plan::default();
        if !settings.enabled {
            return Ok(plan);
        }
        let now = self.inner.world.now();
        let mut tx = self.inner.db.read().await?;
        let routing = Routing::load(&mut tx).await?;
        let mut left = std::collections::HashMap::new();
        for destination in routing.routes.all() {
            let spent = store::destinations::spent(&mut tx, destination.id, now).await?;
            left.insert(destination.id, destination.settings.daily_budget.saturating_sub(spent));
        }
        let mut groups = std::collections::HashSet::new();
        let mut assets = std::collections::HashMap::new();
        let mut after = Uuid::nil();
        loop {
            let page = store::findings::open_after(&mut tx, after, STEP).await?;
            let Some(last) = page.last() else { break };
            after = last.id.0;
            for finding in page {
                let asset = match assets.get(&finding.asset_id) {
                    Some(asset) => asset,
                    None => {
                        let Some(asset) = store::assets::get(&mut tx, finding.asset_id).await? else {
                            continue;
                        };
                        assets.entry(finding.asset_id).or_insert(asset)
                    }
                };
                let candidate = Candidate { severity: finding.severity, asset_tags: &asset.tags };
                if !is_ticketable(finding.status) || !settings.criteria.matches(candidate) {
                    continue;
                }
                if !store::tickets::of_finding(&mut tx, finding.id).await?.is_empty() {
                    plan.nothing += 1;
                    continue;
                }
                let Some(destination) = routing.routes.of_finding(&mut tx, &finding, asset).await? else {
                    plan.list(TicketPlan {
                        ticket_id: None,
                        work_item_id: None,
                        title: finding.detail.title.clone(),
                        destination: String::new(),
                        action: PlanAction::Wait,
                        fields: Vec::new(),
                        reason: "no destination is bound to where it is, and there is no default one".into(),
                    });
                    continue;
                };
                let key =
                    settings.grouping.key(finding.id, &finding.detail.vulnerability.id, finding.asset_id);
                if !groups.insert((destination.id, key.clone())) {
                    continue;
                }
                let existing = store::tickets::of_group(&mut tx, destination.id, &key).await?;
                let budget = left.entry(destination.id).or_insert(0);
                let (action, reason) = if existing.is_some() {
                    (PlanAction::Update, "the finding joins its ticket".to_owned())
                } else if *budget > 0 {
                    *budget -= 1;
                    (PlanAction::Create, format!("{} finding without a ticket", finding.severity))
                } else {
                    (
                        PlanAction::Wait,
                        format!("the budget of {} a day is used up", destination.settings.daily_budget),
                    )
                };
                plan.list(TicketPlan {
                    ticket_id: existing.as_ref().map(|ticket| ticket.id),
                    work_item_id: existing.as_ref().and_then(|ticket| ticket.work_item_id),
                    title: finding.detail.title.clone(),
                    destination: destination.settings.name.clone(),
                    action,
                    fields: Vec::new(),
                    reason,
                });
            }
        }
        Ok(plan)
    }

    /// What the findings of a ticket say together; `Fixed` for a ticket that lost all its findings.
    pub(crate) fn together(findings: &[Finding]) -> Status {
        lifecycle::together(findings.iter().map(|finding| finding.status)).unwrap_or(Status::Fixed)
    }
}
