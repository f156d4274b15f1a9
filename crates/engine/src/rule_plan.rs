//! What rules would do before they are saved, and how many findings they are about. Nothing is written here; everything
//! is read page by page.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, NaiveTime, Utc};
use model::guard::Stroke;
use model::rule::{Criteria, RuleSettings};
use model::{DestinationId, RuleId};
use store::Tx;
use store::destinations::Destination;
use store::findings::Finding;
use store::rules::Rule;
use uuid::Uuid;

use crate::Refusal;
use crate::engine::Engine;
use crate::results::{Plan, PlanAction, TicketPlan};
use crate::rules::{problems, refuse_rule, tends_otherwise_than};
use crate::sync::effect::Supposed;
use crate::ticketing::{Assets, Page, Place, Routing};

/// Findings of one page.
const STEP: i64 = 1_000;

/// What saving a rule would do now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RulePlan {
    /// Open findings that it matches, whatever other rules say.
    pub matching: u64,
    /// Those of them that have their ticket already.
    pub with_ticket: u64,
    /// Those of them about which a rule before it decides.
    pub taken: u64,
    /// Ticket by ticket.
    pub plan: Plan,
    /// What the change would do to the work items of the rule that are there; nothing for a new rule.
    pub existing: Plan,
    /// Why that cannot be said.
    pub existing_unknown: Option<String>,
    /// Destination by destination, in the order in which they come up.
    pub destinations: Vec<DestinationShare>,
}

/// What saving a rule would do at one destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DestinationShare {
    /// Destination; none for findings that nothing takes.
    pub destination: Option<DestinationId>,
    /// Its name.
    pub name: String,
    /// Findings that would get a ticket.
    pub findings: u64,
    /// Work items that would be created today.
    pub create: u64,
    /// Tickets that findings would join.
    pub join: u64,
    /// Work items, or findings without a destination, that would wait.
    pub wait: u64,
    /// Why they would wait.
    pub why: Option<String>,
}

/// How much a destination can take.
struct Room {
    left: u64,
    /// So many at once before a person is asked.
    bound: u64,
    budget: u64,
    wanted: u64,
}

impl Engine {
    /// How many open findings these criteria match.
    ///
    /// # Errors
    /// If the database refuses.
    pub async fn count_matches(&self, criteria: &Criteria) -> Result<u64, Refusal> {
        let now = self.inner.world.now();
        let mut matching = 0;
        let mut tx = self.inner.db.read().await?;
        let mut walk = Walk::default();
        while let Some(page) = walk.next(&mut tx).await? {
            let candidates = page.candidates(&walk.assets, now);
            matching += candidates.filter(|looked| criteria.matches(&looked.candidate)).count() as u64;
        }
        Ok(matching)
    }

    /// How many open findings each rule matches, whatever the others say.
    ///
    /// # Errors
    /// If the database refuses.
    pub async fn count_rules(&self) -> Result<HashMap<RuleId, u64>, Refusal> {
        let now = self.inner.world.now();
        let mut tx = self.inner.db.read().await?;
        let rules = store::rules::all(&mut tx).await?;
        let mut counts: HashMap<RuleId, u64> = rules.iter().map(|rule| (rule.id, 0)).collect();
        let mut walk = Walk::default();
        while let Some(page) = walk.next(&mut tx).await? {
            for looked in page.candidates(&walk.assets, now) {
                let candidate = &looked.candidate;
                for rule in rules.iter().filter(|rule| rule.settings.criteria.matches(candidate)) {
                    *counts.entry(rule.id).or_default() += 1;
                }
            }
        }
        Ok(counts)
    }

    /// What saving a rule would do now, without saving it: `id` is the rule that would be changed, none a new one.
    ///
    /// # Errors
    /// If the settings make no sense, or there is no such rule.
    pub async fn plan_rule(&self, settings: &RuleSettings, id: Option<RuleId>) -> Result<RulePlan, Refusal> {
        let now = self.inner.world.now();
        let mut tx = self.inner.db.read().await?;
        refuse_rule(&problems(&mut tx, settings).await?)?;
        let mut routing = Routing::load(&mut tx).await?;
        let mut tends_otherwise = false;
        let id = match id {
            Some(id) => {
                let Some(known) = routing.rules.iter_mut().find(|rule| rule.id == id) else {
                    return Err(Refusal::not_found("rule", id));
                };
                tends_otherwise = tends_otherwise_than(&known.settings, settings);
                *known = self.changed(known, settings.clone());
                id
            }
            None => {
                let rule = Rule {
                    id: self.inner.world.id(),
                    version: 1,
                    settings: settings.clone(),
                    since: now,
                    look_again_at: None,
                    created_at: now,
                };
                let id = rule.id;
                routing.rules.push(rule);
                id
            }
        };
        // A rule that begins later is shown as it will begin.
        let begins = settings.from.map(|from| from.and_time(NaiveTime::MIN).and_utc());
        let at = begins.filter(|begins| *begins > now).unwrap_or(now);
        let mut planner = Planner::default();
        let mut walk = Walk::default();
        while let Some(page) = walk.next(&mut tx).await? {
            planner.look_at(&mut tx, &routing, id, &page, &walk.assets, at).await?;
        }
        let mut plan = planner.finish();
        drop(tx);
        if tends_otherwise {
            // What cannot be read must not keep anybody from switching something off.
            match self.effect_of(&Supposed::Rule(id, Box::new(settings.clone()))).await {
                Ok(existing) => plan.existing = existing,
                Err(refusal) => plan.existing_unknown = Some(refusal.detail),
            }
        }
        if at > now
            && let Some(from) = settings.from
        {
            plan.hold(None, &format!("the rule begins on {from}"));
        }
        Ok(plan)
    }

    /// What all rules would do now with open findings, as they are in this transaction.
    pub(crate) async fn plan_all_rules(&self, tx: &mut Tx) -> Result<Vec<DestinationShare>, Refusal> {
        let now = self.inner.world.now();
        let routing = Routing::load(tx).await?;
        let mut planner = Planner::default();
        let mut walk = Walk::default();
        while let Some(page) = walk.next(tx).await? {
            planner.look_at_all(tx, &routing, &page, &walk.assets, now).await?;
        }
        Ok(planner.finish().destinations)
    }
}

/// All open findings, page by page.
#[derive(Default)]
struct Walk {
    after: Uuid,
    assets: Assets,
}

impl Walk {
    async fn next(&mut self, tx: &mut Tx) -> Result<Option<Page>, Refusal> {
        let findings = store::findings::open_after(tx, &[], self.after, STEP).await?;
        let Some(last) = findings.last() else { return Ok(None) };
        self.after = last.id.0;
        Page::read(tx, findings, &mut self.assets).await.map(Some)
    }
}

/// Counts and lists what rules would do, page by page.
#[derive(Default)]
pub(crate) struct Planner {
    plan: RulePlan,
    rooms: HashMap<DestinationId, Room>,
    /// Groups that were counted already.
    groups: HashSet<(DestinationId, String)>,
}

impl Planner {
    async fn look_at(
        &mut self,
        tx: &mut Tx,
        routing: &Routing,
        id: RuleId,
        page: &Page,
        assets: &Assets,
        at: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        let Some(rule) = routing.rules.iter().find(|rule| rule.id == id) else { return Ok(()) };
        let held = store::tickets::of_findings(tx, &page.ids()).await?;
        let mut wanted = Vec::new();
        for looked in page.candidates(assets, at) {
            let finding = looked.finding;
            if !rule.settings.criteria.matches(&looked.candidate) {
                continue;
            }
            self.plan.matching += 1;
            let decision = routing.decide(&looked);
            if let Some((_, why)) = decision.stopped.iter().find(|(stopped, _)| stopped.id == id) {
                let held = held.contains_key(&finding.id);
                if held {
                    self.plan.with_ticket += 1;
                } else {
                    self.wait_without_place(finding.detail.title.clone(), why.to_string());
                }
                continue;
            }
            let is_ours = decision.places.iter().any(|place| place.rules.iter().any(|rule| rule.id == id));
            if !is_ours {
                // Switched off, over, or about new findings only: nobody took it.
                if !decision.places.is_empty() {
                    self.plan.taken += 1;
                }
                continue;
            }
            let held = held.get(&finding.id).map_or(&[][..], Vec::as_slice);
            let places = decision.open_places(held);
            let ours = places.into_iter().find(|place| place.rules.iter().any(|rule| rule.id == id));
            let Some(place) = ours else {
                self.plan.with_ticket += 1;
                self.plan.plan.nothing += 1;
                continue;
            };
            let Some(leading) = place.rules.first() else { continue };
            wanted.push((finding, leading.settings.grouping.key(&looked.candidate), place));
        }
        self.take(tx, routing, wanted, at).await
    }

    /// What all rules together would do with the findings of a page.
    pub(crate) async fn look_at_all(
        &mut self,
        tx: &mut Tx,
        routing: &Routing,
        page: &Page,
        assets: &Assets,
        at: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        let held = store::tickets::of_findings(tx, &page.ids()).await?;
        let mut wanted = Vec::new();
        for looked in page.candidates(assets, at) {
            let finding = looked.finding;
            let held = held.get(&finding.id).map_or(&[][..], Vec::as_slice);
            let decision = routing.decide(&looked);
            if held.is_empty()
                && decision.places.is_empty()
                && let Some((_, why)) = decision.stopped.first()
            {
                self.wait_without_place(finding.detail.title.clone(), why.to_string());
            }
            for place in decision.open_places(held) {
                let Some(leading) = place.rules.first() else { continue };
                wanted.push((finding, leading.settings.grouping.key(&looked.candidate), place));
            }
        }
        self.take(tx, routing, wanted, at).await
    }

    /// Findings get their tickets, one for each group.
    async fn take(
        &mut self,
        tx: &mut Tx,
        routing: &Routing,
        wanted: Vec<(&Finding, String, Place<'_>)>,
        at: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        let mut known = HashMap::new();
        for destination in routing.routes.all() {
            let of_it = wanted.iter().filter(|(_, _, place)| place.destination.id == destination.id);
            let keys: Vec<&str> = of_it.map(|(_, key, _)| key.as_str()).collect();
            if !keys.is_empty() {
                known.insert(destination.id, store::tickets::of_groups(tx, destination.id, &keys).await?);
            }
        }
        for (finding, key, place) in wanted {
            let destination = place.destination;
            self.make_room(tx, destination, at).await?;
            let is_new = self.groups.insert((destination.id, key.clone()));
            self.share(destination).findings += 1;
            if !is_new {
                continue;
            }
            let group = known.get(&destination.id).and_then(|groups| groups.get(&key));
            let group = group.filter(|group| place.joins(group));
            let (action, reason) = match group {
                Some(_) => (PlanAction::Join, "the finding joins its ticket".to_owned()),
                None => self.create(destination, finding.severity),
            };
            match action {
                PlanAction::Join => self.share(destination).join += 1,
                PlanAction::Create => self.share(destination).create += 1,
                _ => {
                    let share = self.share(destination);
                    share.wait += 1;
                    share.why = Some(reason.clone());
                }
            }
            self.plan.plan.list(
                TicketPlan {
                    ticket_id: group.map(|group| group.ticket),
                    work_item_id: group.and_then(|group| group.work_item),
                    title: finding.detail.title.clone(),
                    destination: destination.settings.name.clone(),
                    action,
                    fields: Vec::new(),
                    reason,
                    revision: None,
                    fingerprint: None,
                },
                Plan::LISTED,
            );
        }
        Ok(())
    }

    /// Learns how much a destination can take, once.
    async fn make_room(&mut self, tx: &mut Tx, to: &Destination, now: DateTime<Utc>) -> Result<(), Refusal> {
        if self.rooms.contains_key(&to.id) {
            return Ok(());
        }
        let spent = store::destinations::spent(tx, to.id, now).await?;
        let pending = store::tickets::count_pending(tx, to.id).await?;
        let (open, _) = store::breakers::live(tx, to.id).await?;
        let room = Room {
            left: to.settings.daily_budget.saturating_sub(spent).saturating_sub(pending),
            bound: to.settings.limits.bound(Stroke::Create, open),
            budget: to.settings.daily_budget,
            wanted: pending,
        };
        self.rooms.insert(to.id, room);
        Ok(())
    }

    fn create(&mut self, to: &Destination, severity: model::Severity) -> (PlanAction, String) {
        let Some(room) = self.rooms.get_mut(&to.id) else {
            return (PlanAction::Wait, "its destination is not known".into());
        };
        room.wanted += 1;
        if room.left > 0 {
            room.left -= 1;
            (PlanAction::Create, format!("{severity} finding without a ticket"))
        } else {
            (PlanAction::Wait, format!("the budget of {} a day is used up", room.budget))
        }
    }

    fn share(&mut self, to: &Destination) -> &mut DestinationShare {
        self.plan.share(Some(to.id), &to.settings.name)
    }

    fn wait_without_place(&mut self, title: String, reason: String) {
        let share = self.plan.share(None, "");
        share.findings += 1;
        share.wait += 1;
        share.why = Some(reason.clone());
        self.plan.plan.list(
            TicketPlan {
                ticket_id: None,
                work_item_id: None,
                title,
                destination: String::new(),
                action: PlanAction::Wait,
                fields: Vec::new(),
                reason,
                revision: None,
                fingerprint: None,
            },
            Plan::LISTED,
        );
    }

    /// Where more would be created at once than usual, all of it waits for a person.
    pub(crate) fn finish(mut self) -> RulePlan {
        for (id, room) in &self.rooms {
            if room.wanted > room.bound {
                let why = format!(
                    "{} new work items at once are more than {}: a person is asked first",
                    room.wanted, room.bound
                );
                self.plan.hold(Some(*id), &why);
            }
        }
        self.plan
    }
}

impl RulePlan {
    fn share(&mut self, id: Option<DestinationId>, name: &str) -> &mut DestinationShare {
        let at = self.destinations.iter().position(|share| share.destination == id);
        let at = at.unwrap_or_else(|| {
            self.destinations.push(DestinationShare {
                destination: id,
                name: name.to_owned(),
                findings: 0,
                create: 0,
                join: 0,
                wait: 0,
                why: None,
            });
            self.destinations.len() - 1
        });
        &mut self.destinations[at]
    }

    /// What would be created at one destination, or at all of them, waits.
    fn hold(&mut self, only: Option<DestinationId>, why: &str) {
        for share in &mut self.destinations {
            if only.is_some() && share.destination != only {
                continue;
            }
            for row in &mut self.plan.tickets {
                if row.destination == share.name && row.action == PlanAction::Create {
                    row.action = PlanAction::Wait;
                    row.reason = why.to_owned();
                }
            }
            self.plan.create -= share.create;
            self.plan.over_budget += share.create;
            share.wait += share.create;
            share.create = 0;
            share.why = Some(why.to_owned());
        }
    }
}
