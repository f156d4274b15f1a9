//! Rules turn findings into tickets. A ticket here is an intention: the work item is created by [`crate::sync`], within
//! the destination's budget.

use std::collections::{BTreeSet, HashMap, HashSet};

use model::assessment::InAssessment;
use model::rule::{Candidate, Grouping, LateMember, Tending};
use model::status::{DetectionState, RequestKind};
use model::{AssetId, DestinationId, FindingId, RuleId, Status, lifecycle};
use store::Tx;
use store::assets::Asset;
use store::audit::{Cause, CauseKind, Entry, Subject};
use store::destinations::Destination;
use store::findings::{Finding, OnBranch};
use store::rules::Rule;
use store::suppressions::SuppressionRule;
use store::tickets::{Group, Health, Held, Ticket};

use crate::Refusal;
use crate::engine::{Engine, EventKind};
use crate::priorities::{Exploits, Reckoned};
use crate::routing::Routes;
use crate::suppressions;

/// Findings that are looked at in one transaction.
const STEP: i64 = 200;

/// Findings without a ticket that are looked at for rules that have stopped.
const MOST_STOPPED: i64 = 1_000;

/// What the rules need to know, read once for many findings.
pub(crate) struct Routing {
    pub(crate) rules: Vec<Rule>,
    pub(crate) routes: Routes,
}

/// One destination for a finding, and the rules that say so.
pub(crate) struct Place<'r> {
    pub(crate) destination: &'r Destination,
    /// In their order; the first leads: it says which findings share a ticket.
    pub(crate) rules: Vec<&'r Rule>,
}

impl Place<'_> {
    /// Whether a finding joins the ticket that its group has, or gets a new one.
    pub(crate) fn joins(&self, group: &Group) -> bool {
        let tending = Tending::of(self.rules.iter().map(|rule| &rule.settings));
        group.work_item.is_none()
            || match tending.late_member {
                LateMember::Reopen => true,
                LateMember::AddToOpen => !group.is_closed,
                LateMember::NewItem => false,
            }
    }
}

/// Why a rule makes no ticket of a finding that it matches.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stop {
    /// Nothing is bound to the asset, and there is no default destination.
    NoDestination,
    /// The destination that it names was deleted.
    Gone,
    /// The destination has a problem of its own.
    Broken(String),
    /// The rule names a state that does not fit the destination any more: what is wrong.
    State(String),
}

impl std::fmt::Display for Stop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoDestination => f.write_str("there is no destination for its asset and no default one"),
            Self::Gone => f.write_str("the destination that the rule names was deleted"),
            Self::Broken(name) => write!(f, "the destination {name} does not fit its board any more"),
            Self::State(why) => f.write_str(why),
        }
    }
}

/// What rules say about one finding.
#[derive(Default)]
pub(crate) struct Decision<'r> {
    pub(crate) places: Vec<Place<'r>>,
    pub(crate) stopped: Vec<(&'r Rule, Stop)>,
}

impl<'r> Decision<'r> {
    /// The places where the finding still needs a ticket. A ticket that people made, or whose rules do not match any more,
    /// is enough.
    pub(crate) fn open_places(self, held: &[Held]) -> Vec<Place<'r>> {
        let is_ruled = |held: &Held| {
            let mut rules = self.places.iter().flat_map(|place| &place.rules);
            rules.any(|rule| held.rules.contains(&rule.id))
        };
        if !held.iter().all(is_ruled) {
            return Vec::new();
        }
        // A ticket that was handed over is one of its rules wherever it is.
        let is_open = |place: &Place<'r>| {
            held.iter().all(|held| {
                let serves = place.rules.iter().any(|rule| held.rules.contains(&rule.id));
                held.destination != place.destination.id && !serves
            })
        };
        self.places.into_iter().filter(is_open).collect()
    }
}

impl Routing {
    pub(crate) async fn load(tx: &mut Tx) -> Result<Self, Refusal> {
        Ok(Self { rules: store::rules::all(tx).await?, routes: Routes::load(tx).await? })
    }

    /// Where a rule sends a finding.
    fn way(&self, rule: &Rule, looked: &Looked<'_>) -> Result<&Destination, Stop> {
        let found = match rule.settings.destination {
            Some(id) => self.routes.all().iter().find(|known| known.id == id).ok_or(Stop::Gone)?,
            None => self.routes.of(looked.asset, looked.home).ok_or(Stop::NoDestination)?,
        };
        if found.takes_nothing() {
            return Err(Stop::Broken(found.settings.name.clone()));
        }
        let settings = &found.settings;
        let of = &found.process.work_item_type;
        match rule.settings.state_problems(&settings.name, &settings.status_map, of).into_iter().next() {
            Some(problem) => Err(Stop::State(problem.message)),
            None => Ok(found),
        }
    }

    /// What the rules say about a finding: the first that matches decides, and those behind it as long as they are asked to
    /// go on. There is one place for each destination.
    pub(crate) fn decide(&self, looked: &Looked<'_>) -> Decision<'_> {
        let mut decision = Decision::default();
        for rule in self.rules.iter().filter(|rule| rule.settings.applies(rule.since, &looked.candidate)) {
            match self.way(rule, looked) {
                Ok(destination) => {
                    match decision.places.iter_mut().find(|place| place.destination.id == destination.id) {
                        Some(place) => place.rules.push(rule),
                        None => decision.places.push(Place { destination, rules: vec![rule] }),
                    }
                }
                Err(stop) => decision.stopped.push((rule, stop)),
            }
            if rule.settings.on_match == model::rule::OnMatch::Stop {
                break;
            }
        }
        decision
    }
}

/// Findings with everything that rules ask about them, read with a query for each kind of thing.
pub(crate) struct Page {
    pub(crate) findings: Vec<Finding>,
    seen: HashMap<FindingId, Seen>,
    exploits: Exploits,
    assessments: HashMap<FindingId, Vec<InAssessment>>,
    /// Those that an acceptance covered once and none covers now.
    accepted_before: HashSet<FindingId>,
    /// Whose priority is another than the stored one.
    reckoned: Vec<Reckoned>,
    matrix_version: u32,
}

struct Seen {
    branches: Vec<String>,
    /// On a branch that decides, or by a person.
    is_tracked: bool,
    /// The branch by which it finds its destination.
    home: Option<String>,
    /// How it stands to the newest scans.
    detection: Option<DetectionState>,
}

/// A finding that may have a ticket, as rules look at it.
pub(crate) struct Looked<'a> {
    pub(crate) finding: &'a Finding,
    pub(crate) asset: &'a Asset,
    /// The branch by which it finds its destination.
    home: Option<&'a str>,
    pub(crate) candidate: Candidate<'a>,
}

/// Findings about which the rules can decide now.
pub(crate) struct Readied {
    pub(crate) page: Page,
    pub(crate) assets: Assets,
    /// Some were suppressed, or are not any more.
    suppressed: bool,
}

/// Assets that were read already.
#[derive(Default)]
pub(crate) struct Assets(HashMap<AssetId, Asset>);

impl Assets {
    /// The asset, if it was read.
    pub(crate) fn get(&self, id: AssetId) -> Option<&Asset> {
        self.0.get(&id)
    }
}

impl Page {
    pub(crate) async fn read(
        tx: &mut Tx,
        mut findings: Vec<Finding>,
        assets: &mut Assets,
    ) -> Result<Self, Refusal> {
        for finding in &findings {
            if !assets.0.contains_key(&finding.asset_id)
                && let Some(asset) = store::assets::get(tx, finding.asset_id).await?
            {
                assets.0.insert(asset.id, asset);
            }
        }
        let ids: Vec<FindingId> = findings.iter().map(|finding| finding.id).collect();
        let mut branches = store::findings::branches(tx, &ids).await?;
        let mut seen = HashMap::new();
        for finding in &findings {
            let branches = branches.remove(&finding.id).unwrap_or_default();
            let Some(asset) = assets.0.get(&finding.asset_id) else { continue };
            let known: Vec<(&str, bool)> =
                branches.iter().map(|on| (on.branch.as_str(), on.is_gone)).collect();
            let home = model::routing::home_branch(&asset.tracked_branches, &known).map(str::to_owned);
            let is_tracked =
                finding.triage.manual.is_some() || branches.iter().any(|on| asset.tracks(&on.branch));
            let detection = OnBranch::state(&branches, |branch| asset.tracks(branch));
            let branches = branches.into_iter().map(|on| on.branch);
            let branches = branches.filter(|branch| !branch.is_empty()).collect();
            seen.insert(finding.id, Seen { branches, is_tracked, home, detection });
        }
        let exploits = Exploits::of(tx, &findings).await?;
        let (matrix, matrix_version) = store::sla::matrix(tx).await?;
        let mut reckoned = Vec::new();
        for finding in &mut findings {
            let Some(asset) = assets.0.get(&finding.asset_id) else { continue };
            let exploit = exploits.of_finding(finding);
            reckoned.extend(Reckoned::of(finding, asset, &exploit, &matrix));
        }
        let assessments = store::assessments::of_findings(tx, &ids).await?;
        let accepted_before = store::acceptances::covered_before(tx, &ids).await?.into_iter().collect();
        Ok(Self { findings, seen, exploits, assessments, accepted_before, reckoned, matrix_version })
    }

    /// Those that may have a ticket, as rules look at them.
    pub(crate) fn candidates<'a>(
        &'a self,
        assets: &'a Assets,
        now: chrono::DateTime<chrono::Utc>,
    ) -> impl Iterator<Item = Looked<'a>> {
        self.ruled(assets, now).filter(|looked| is_ticketable(looked.finding.status))
    }

    /// Those about which rules may be asked, whatever their status. One that a rule suppresses is shown as it would be
    /// without: else a rule that asks for the status would never come to rest.
    pub(crate) fn ruled<'a>(
        &'a self,
        assets: &'a Assets,
        now: chrono::DateTime<chrono::Utc>,
    ) -> impl Iterator<Item = Looked<'a>> {
        self.findings.iter().filter_map(move |finding| {
            let asset = assets.0.get(&finding.asset_id).filter(|asset| !asset.archived)?;
            let seen = self.seen.get(&finding.id).filter(|seen| seen.is_tracked)?;
            let candidate = Candidate {
                finding: finding.id,
                asset: asset.id,
                now,
                severity: finding.severity,
                status: match finding.triage.suppressed_by {
                    Some(_) => Status::Identified,
                    None => finding.status,
                },
                first_seen_at: finding.first_seen_at,
                scanner: &finding.scanner,
                detail: &finding.detail,
                asset_name: &asset.name,
                asset_tags: &asset.tags,
                asset_owner: &asset.owner,
                impact: asset.impact,
                branches: &seen.branches,
                assessments: self.assessments.get(&finding.id).map_or(&[], Vec::as_slice),
                exploit: self.exploits.of_finding(finding),
                priority: finding.priority,
                accepted_before: self.accepted_before.contains(&finding.id),
                detection: seen.detection,
                correlation: finding.correlation,
                acceptance_requested: finding
                    .triage
                    .request
                    .as_ref()
                    .is_some_and(|request| request.kind == RequestKind::RiskAcceptance),
            };
            Some(Looked { finding, asset, home: seen.home.as_deref(), candidate })
        })
    }

    pub(crate) fn ids(&self) -> Vec<FindingId> {
        self.findings.iter().map(|finding| finding.id).collect()
    }
}

/// A rule that would make tickets and does not.
pub(crate) struct StoppedRule {
    pub(crate) id: RuleId,
    pub(crate) name: String,
    pub(crate) why: Stop,
    /// Assets whose findings wait, by name.
    pub(crate) assets: BTreeSet<String>,
}

/// Rules that make no tickets although they match findings: nothing takes them, or their destination broke.
pub(crate) async fn stopped_rules(
    tx: &mut Tx,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<Vec<StoppedRule>, Refusal> {
    let routing = Routing::load(tx).await?;
    let active = || routing.rules.iter().filter(|rule| rule.settings.is_in_effect(now));
    let is_sound = |destination: &Destination| !destination.takes_nothing();
    let takes_all = routing.routes.take_everything() && routing.routes.all().iter().all(is_sound);
    let is_pinned_well = |rule: &Rule| {
        let known = |id| routing.routes.all().iter().any(|known| known.id == id);
        rule.settings.destination.is_none_or(known)
    };
    let names_no_state =
        |rule: &Rule| rule.settings.initial_state.is_none() && rule.settings.auto_close.state.is_none();
    let is_well = |rule: &Rule| is_pinned_well(rule) && names_no_state(rule);
    if takes_all && active().all(is_well) || active().next().is_none() {
        return Ok(Vec::new());
    }
    let mut stopped: Vec<StoppedRule> = Vec::new();
    let mut assets = Assets::default();
    let findings = store::findings::without_ticket(tx, MOST_STOPPED).await?;
    let page = Page::read(tx, findings, &mut assets).await?;
    for looked in page.candidates(&assets, now) {
        let asset = looked.asset;
        for (rule, why) in routing.decide(&looked).stopped {
            match stopped.iter_mut().find(|known| known.id == rule.id) {
                Some(known) => {
                    known.assets.insert(asset.name.clone());
                }
                None => stopped.push(StoppedRule {
                    id: rule.id,
                    name: rule.settings.name.clone(),
                    why,
                    assets: BTreeSet::from([asset.name.clone()]),
                }),
            }
        }
    }
    Ok(stopped)
}

/// Tickets are made from Identified on, and never for what is closed.
fn is_ticketable(status: Status) -> bool {
    status.is_open() && status != Status::Created
}

/// The tickets that findings of a page may join.
#[derive(Default)]
struct Groups(HashMap<(DestinationId, String), Group>);

impl Groups {
    async fn read(tx: &mut Tx, wanted: &[(DestinationId, String)]) -> Result<Self, Refusal> {
        let mut groups = Self::default();
        let destinations: BTreeSet<DestinationId> = wanted.iter().map(|(id, _)| *id).collect();
        for id in destinations {
            let keys: BTreeSet<&str> =
                wanted.iter().filter(|(of, _)| *of == id).map(|(_, key)| key.as_str()).collect();
            let keys: Vec<&str> = keys.into_iter().collect();
            for (key, group) in store::tickets::of_groups(tx, id, &keys).await? {
                groups.0.insert((id, key), group);
            }
        }
        Ok(groups)
    }
}

impl Engine {
    /// Looks at findings that changed, then goes on with the way of changed rules through all of them. Answers how many it
    /// looked at.
    ///
    /// # Errors
    /// If the database refuses.
    pub async fn make_tickets(&self) -> Result<usize, Refusal> {
        let now = self.inner.world.now();
        let mut tx = self.inner.db.read().await?;
        let is_due = |rule: &Rule| rule.look_again_at.is_some_and(|at| at <= now);
        let in_the_making = self.assets_in_the_making(&mut tx).await?;
        let has_work = store::rules::walk(&mut tx).await?.is_some()
            || !store::findings::undecided(&mut tx, &in_the_making, 1).await?.is_empty()
            || store::rules::all(&mut tx).await?.iter().any(is_due)
            || store::suppressions::all(&mut tx).await?.iter().any(|rule| suppressions::is_due(rule, now));
        drop(tx);
        if !has_work {
            return Ok(0);
        }
        let mut tx = self.inner.db.begin().await?;
        let mut walked_to = store::rules::hold_walk(&mut tx).await?;
        let routing = Routing::load(&mut tx).await?;
        for rule in routing.rules.iter().filter(|rule| is_due(rule)) {
            let mut rule = rule.clone();
            rule.look_again_at = rule.settings.look_again(now);
            store::rules::save(&mut tx, &rule).await?;
            store::rules::begin_walk(&mut tx).await?;
            walked_to = Some(uuid::Uuid::nil());
        }
        let suppressions = store::suppressions::all(&mut tx).await?;
        if self.wind_suppressions(&mut tx, &suppressions, now).await? {
            walked_to = Some(uuid::Uuid::nil());
        }
        let in_the_making = self.assets_in_the_making(&mut tx).await?;
        let mut findings = store::findings::undecided(&mut tx, &in_the_making, STEP).await?;
        if findings.is_empty() {
            let Some(after) = walked_to else { return Ok(0) };
            findings = store::findings::ruled_after(&mut tx, &in_the_making, after, STEP).await?;
            store::rules::walked(&mut tx, findings.last().map(|finding| finding.id)).await?;
        }
        let looked_at = findings.len();
        let Readied { page, assets, suppressed } = self.ready_page(&mut tx, &suppressions, findings).await?;
        let made = self.make_tickets_of(&mut tx, &routing, &page, &assets).await?;
        let reckoned = !page.reckoned.is_empty();
        tx.commit().await?;
        if suppressed || reckoned {
            self.announce(EventKind::Finding, None);
        }
        if made {
            self.announce(EventKind::Ticket, None);
        }
        if made || suppressed || reckoned {
            self.wake_all_boards();
        }
        Ok(looked_at)
    }

    /// Findings get ready for the rules: what they are worth, and what is suppressed, is stored before they decide.
    pub(crate) async fn ready_page(
        &self,
        tx: &mut Tx,
        suppressions: &[SuppressionRule],
        findings: Vec<Finding>,
    ) -> Result<Readied, Refusal> {
        let mut assets = Assets::default();
        let mut page = Page::read(tx, findings, &mut assets).await?;
        store::findings::decided(tx, &page.ids()).await?;
        self.store_priorities(tx, &page.reckoned, page.matrix_version).await?;
        // Rules of this kind are few, and what they need is large: it is not a part of every walk's future.
        let suppressed = Box::pin(self.suppress_page(tx, suppressions, &mut page, &assets)).await?;
        Ok(Readied { page, assets, suppressed })
    }

    /// Makes the tickets of a page of findings, or lets them join those of their groups. Answers whether there were any.
    pub(crate) async fn make_tickets_of(
        &self,
        tx: &mut Tx,
        routing: &Routing,
        page: &Page,
        assets: &Assets,
    ) -> Result<bool, Refusal> {
        let held = store::tickets::of_findings(tx, &page.ids()).await?;
        let mut wanted = Vec::new();
        for looked in page.candidates(assets, self.inner.world.now()) {
            let held = held.get(&looked.finding.id).map_or(&[][..], Vec::as_slice);
            for place in routing.decide(&looked).open_places(held) {
                let Some(leading) = place.rules.first() else { continue };
                let key = leading.settings.grouping.key(&looked.candidate);
                wanted.push((looked.finding, key, place));
            }
        }
        let keys: Vec<_> = wanted.iter().map(|(_, key, place)| (place.destination.id, key.clone())).collect();
        let mut groups = Groups::read(tx, &keys).await?;
        let made = !wanted.is_empty();
        for (finding, key, place) in wanted {
            self.join_or_make(tx, finding, key, &place, &mut groups).await?;
        }
        Ok(made)
    }

    async fn join_or_make(
        &self,
        tx: &mut Tx,
        finding: &Finding,
        key: String,
        place: &Place<'_>,
        groups: &mut Groups,
    ) -> Result<(), Refusal> {
        let world = &self.inner.world;
        let destination = place.destination;
        let named: Vec<String> = place
            .rules
            .iter()
            .map(|rule| format!("{} (version {})", rule.settings.name, rule.version))
            .collect();
        let cause = Cause::new(CauseKind::Rule, named.join(", "));
        let group = groups.0.get(&(destination.id, key.clone()));
        let (id, what) = match group.filter(|group| place.joins(group)) {
            Some(group) => (group.ticket, format!("Finding added: {}", finding.detail.title)),
            None => {
                let mut ticket = self.blank_ticket(destination, finding, key.clone());
                let mut what = format!("Ticket made for the destination {}", destination.settings.name);
                if let Some(old) = group {
                    store::tickets::retire_group(tx, old.ticket).await?;
                    ticket.comes_after = Some(old.ticket);
                    let number = old.work_item.map(|id| id.to_string()).unwrap_or_default();
                    what = format!("{what}, after work item {number}");
                }
                store::tickets::add(tx, &ticket).await?;
                let group = Group { ticket: ticket.id, key: key.clone(), work_item: None, is_closed: false };
                groups.0.insert((destination.id, key), group);
                (ticket.id, format!("{what}."))
            }
        };
        for rule in &place.rules {
            store::rules::add_ticket(tx, id, rule.id).await?;
        }
        store::tickets::add_finding(tx, id, finding.id).await?;
        store::tickets::mark(tx, id).await?;
        let entry = Entry {
            id: world.id(),
            at: world.now(),
            subject: Subject::Ticket(id),
            cause: &cause,
            what,
            statuses: None,
            fields: &[],
        };
        store::audit::add(tx, entry).await?;
        Ok(())
    }

    /// A ticket of a finding at a destination, without a rule and without a work item.
    pub(crate) fn blank_ticket(
        &self,
        destination: &Destination,
        finding: &Finding,
        group_key: String,
    ) -> Ticket {
        let world = &self.inner.world;
        Ticket {
            id: world.id(),
            connection_id: destination.connection_id,
            destination_id: destination.id,
            group_key,
            token: world.token(),
            title: finding.detail.title.clone(),
            status: finding.status,
            health: Health::Pending,
            comes_after: None,
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
        let key = Grouping::of_finding(finding.id);
        let ticket = self.blank_ticket(destination, finding, key);
        store::tickets::add(tx, &ticket).await?;
        store::tickets::add_finding(tx, ticket.id, finding.id).await?;
        let what = format!("Ticket made for the destination {}.", destination.settings.name);
        self.note_on_ticket(tx, &ticket, cause, what).await?;
        Ok(ticket)
    }

    /// What the findings of a ticket say together; `Fixed` for a ticket that lost all its findings.
    pub(crate) fn together(findings: &[Finding]) -> Status {
        lifecycle::together(findings.iter().map(|finding| finding.status)).unwrap_or(Status::Fixed)
    }
}
