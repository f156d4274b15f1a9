//! The whole of Lockstep in one process with one seed: real engines on a real database, the emulator behind bad weather,
//! developers, people on both sides, processes that die or stand still anywhere. Then everything comes to rest, and what
//! must hold is checked (design.md section 4, told in `laws.rs`).
//!
//! The same seed gives the same run.

mod approvals;
mod by_hand;
mod code;
mod evidence;
pub mod fidelity;
mod following;
mod guards;
mod laws;
mod people;
mod replica;
mod talk;
mod tally;
mod users;
mod wanderers;
mod wire;

use std::collections::BTreeMap;
use std::sync::Arc;

use azure::Clock;
use chrono::Duration;
use emulator::seed::DEMO_PAT;
use engine::{
    Actor, Engine, ImportRequest, NewConnection, NewDestination, Refusal, Settings, SignInMethod, World,
};
use model::configuration::Configuration;
use model::following::DeletionPolicy;
use model::guard::{Farewell, Limits};
use model::map::{SeverityMap, StatusMap};
use model::process::WorkItemType;
use model::routing::Binding;
use model::rule::Grouping;
use model::{ConnectionId, DestinationId, RuleId, Severity};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use secrecy::SecretString;
use store::args;
use store::connections::Mode;
use store::secrets::Keys;
use store::tickets::Ticket;
use uuid::Uuid;

use crate::{HandClock, SeededChance, TestDatabase};
use code::{ASSETS, Code};
use replica::{Ended, Fate, Frozen};
pub use tally::Tally;
use wire::Wire;

/// A law that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which one.
    pub law: &'static str,
    /// What stands against it.
    pub what: String,
}

/// What a run has shown.
#[derive(Debug)]
pub struct Outcome {
    /// The law that does not hold, if any.
    pub violation: Option<Violation>,
    /// What happened, in order.
    pub trace: Vec<String>,
}

/// Deeds before everything comes to rest.
const DEEDS: u32 = 130;
/// Processes on one database.
const REPLICAS: usize = 2;

/// Runs one seed.
pub async fn run(seed: u64, tally: &Arc<Tally>) -> Outcome {
    let mut sim = Simulation::begin(seed, tally.clone()).await;
    sim.first_findings().await;
    let mut violation = None;
    for _ in 0..DEEDS {
        sim.do_something().await;
        violation = laws::check_always(&sim).await.err();
        if violation.is_none() {
            violation = guards::check_always(&sim).await.err();
        }
        if violation.is_some() {
            sim.tell_tickets().await;
            return Outcome { violation, trace: sim.trace };
        }
    }
    sim.come_to_rest().await;
    if violation.is_none() {
        violation = laws::check(&sim).await.err();
    }
    if violation.is_none() {
        violation = guards::check(&sim).await.err();
    }
    if violation.is_none() {
        violation = sim.stays_quiet().await.err();
    }
    if violation.is_some() {
        sim.tell_tickets().await;
    }
    Outcome { violation, trace: sim.trace }
}

pub(crate) struct Simulation {
    seed: u64,
    chance: StdRng,
    clock: Arc<HandClock>,
    pub(crate) wire: Arc<Wire>,
    database: TestDatabase,
    folder: tempfile::TempDir,
    replicas: Vec<Engine>,
    /// Work of a replica that stands still.
    frozen: Vec<Option<Frozen>>,
    /// What stands still does so for so many more acts at least.
    asleep: [u32; REPLICAS],
    births: u64,
    pub(crate) code: Code,
    /// Deliveries of service hooks that are on their way.
    hooks: Vec<(String, Option<String>, String)>,
    connection: ConnectionId,
    destination: DestinationId,
    /// In another project, for what people move there.
    elsewhere: DestinationId,
    /// What is known of the destinations.
    pub(crate) homes: BTreeMap<DestinationId, Home>,
    /// The configuration as it was once written to a file.
    filed: Option<Configuration>,
    /// Somebody changed what says where a card belongs: one that nobody moved may stand elsewhere then.
    states_said_otherwise: bool,
    /// When the connection was switched to shadow mode, while it is.
    shadow_since: Option<chrono::DateTime<chrono::Utc>>,
    rule: RuleId,
    grouping: Grouping,
    on_deletion: DeletionPolicy,
    tally: Arc<Tally>,
    trace: Vec<String>,
}

/// What is known of a destination.
pub(crate) struct Home {
    pub(crate) project: String,
    pub(crate) status_map: StatusMap,
    pub(crate) work_item_type: WorkItemType,
}

/// The process of a number, for leases.
fn owner(number: usize) -> Uuid {
    Uuid::from_u128(number as u128 + 1)
}

fn by(name: &str) -> Actor {
    Actor { name: name.into() }
}

impl Simulation {
    async fn begin(seed: u64, tally: Arc<Tally>) -> Self {
        let mut chance = StdRng::seed_from_u64(seed);
        let clock = Arc::new(HandClock::default());
        let mut state = emulator::State::new(&wanderers::seed(), clock.now());
        state.set_base_url("https://boards.example");
        state.set_allow_local_hooks(true);
        let wire = Arc::new(Wire::new(state, clock.clone(), tally.clone(), seed));
        let database = TestDatabase::sqlite().await;
        let folder = tempfile::tempdir().unwrap();
        let mut sim = Self {
            seed,
            clock,
            wire,
            database,
            folder,
            replicas: Vec::new(),
            frozen: (0..REPLICAS).map(|_| None).collect(),
            asleep: [0; REPLICAS],
            births: 0,
            code: Code::default(),
            hooks: Vec::new(),
            connection: ConnectionId(Uuid::nil()),
            destination: DestinationId(Uuid::nil()),
            elsewhere: DestinationId(Uuid::nil()),
            homes: BTreeMap::new(),
            filed: None,
            states_said_otherwise: false,
            shadow_since: None,
            rule: RuleId(Uuid::nil()),
            grouping: Grouping::PerFinding,
            on_deletion: DeletionPolicy::Ask,
            tally,
            trace: Vec::new(),
            chance: StdRng::seed_from_u64(0),
        };
        for number in 0..REPLICAS {
            let engine = sim.born(number);
            sim.replicas.push(engine);
        }
        let grouping =
            if chance.random_bool(0.5) { Grouping::PerFinding } else { Grouping::PerVulnerabilityAndAsset };
        let by_column = chance.random_bool(0.5);
        sim.on_deletion = wanderers::policy(&mut chance);
        sim.chance = chance;
        sim.set_up(grouping, by_column).await.unwrap();
        if sim.chance.random_bool(0.15) {
            // Some try it out first.
            sim.tally.count("shadow mode begins");
            sim.switch(0, Mode::Shadow).await;
        }
        sim
    }

    /// A process starts: it knows nothing but what is in the database.
    fn born(&mut self, number: usize) -> Engine {
        self.births += 1;
        self.clock.advance(Duration::milliseconds(1));
        let chance = SeededChance::new(self.seed.wrapping_mul(1_000_003).wrapping_add(self.births));
        let world = World::new(self.clock.clone(), Arc::new(chance));
        let mut settings =
            Settings::new(self.folder.path().to_owned(), "https://lockstep.example/".parse().unwrap());
        // Reports are small here, and take effect in several pieces nevertheless.
        settings.import_piece = 2;
        Engine::assemble(
            settings,
            self.database.db.clone(),
            Keys::new([7; 32]),
            world,
            self.wire.clone(),
            owner(number),
        )
    }

    async fn set_up(&mut self, grouping: Grouping, by_column: bool) -> Result<(), Refusal> {
        let engine = self.replicas[0].clone();
        let connection = NewConnection {
            name: String::new(),
            description: String::new(),
            instance_url: "https://boards.example".into(),
            organization: "contoso".into(),
            sign_in: SignInMethod::PersonalAccessToken(SecretString::from(DEMO_PAT)),
        };
        self.connection = engine.create_connection(connection, &by("Ada")).await?;
        let map = users::status_map(by_column);
        let moves_at_once = [0, 1, 2, 2][self.chance.random_range(0..4)];
        let creations_at_once = [1, 2, 1000, 1000, 1000, 1000][self.chance.random_range(0..6)];
        let farewell = if self.chance.random_bool(0.3) { Farewell::Release } else { Farewell::Close };
        let destination = NewDestination {
            connection_id: self.connection,
            binding: Default::default(),
            settings: store::destinations::Settings {
                name: String::new(),
                project: "Webshop".into(),
                team: "Payments".into(),
                board: String::new(),
                lane: if by_column { "Expedite".into() } else { String::new() },
                work_item_type: "Bug".into(),
                area: String::new(),
                iteration: Default::default(),
                tags: vec!["security".into()],
                severity_map: SeverityMap::default(),
                status_map: map,
                daily_budget: 1000,
                fields: Default::default(),
                limits: Limits { moves_at_once, creations_at_once, ..Limits::default() },
                when_archived: farewell,
                on_deletion: self.on_deletion,
            },
        };
        self.destination = engine.create_destination(destination.clone(), &by("Ada")).await?;
        let elsewhere = NewDestination {
            binding: Binding::Asset { asset: "nothing that is scanned".into() },
            settings: store::destinations::Settings {
                name: "Elsewhere".into(),
                project: wanderers::ELSEWHERE.into(),
                team: "Backoffice Team".into(),
                lane: String::new(),
                status_map: StatusMap::default(),
                ..destination.settings
            },
            ..destination
        };
        self.elsewhere = engine.create_destination(elsewhere, &by("Ada")).await?;
        self.somebody_is_known().await;
        self.rule =
            engine.create_rule(users::rule(grouping.clone(), true, Severity::Low), &by("Ada")).await?;
        engine.subscribe_hooks(self.connection, &by("Ada")).await?;
        self.grouping = grouping;
        self.read_destinations().await;
        Ok(())
    }

    /// What the destinations' maps say now.
    async fn read_destinations(&mut self) {
        let mut tx = self.database.db.read().await.unwrap();
        for saved in store::destinations::all(&mut tx).await.unwrap() {
            let home = Home {
                project: saved.settings.project,
                status_map: saved.settings.status_map,
                work_item_type: saved.process.work_item_type,
            };
            self.homes.insert(saved.id, home);
        }
    }

    /// What is decided about the destination of everything that is scanned.
    async fn settings(&self) -> store::destinations::Settings {
        let mut tx = self.database.db.read().await.unwrap();
        store::destinations::get(&mut tx, self.destination).await.unwrap().unwrap().settings
    }

    pub(crate) fn db(&self) -> &store::Db {
        &self.database.db
    }

    pub(crate) async fn tickets(&self) -> Vec<Ticket> {
        let mut tx = self.db().read().await.unwrap();
        let rows = tx.all("SELECT id FROM ticket", args![]).await.unwrap();
        let ids: Vec<_> = rows.iter().map(|row| row.id("id").unwrap()).collect();
        let mut tickets = store::tickets::of_ids(&mut tx, &ids).await.unwrap().tickets;
        assert_eq!(tickets.len(), ids.len(), "every ticket can be read");
        tickets.sort_by_key(|ticket| (ticket.created_at, ticket.id));
        tickets
    }

    /// Some work items are there before anything goes wrong; in every second run the first of them meet a storm.
    async fn first_findings(&mut self) {
        if self.chance.random_bool(0.5) {
            self.wire.set_storm(25);
        }
        for asset in ASSETS {
            self.code.change(&mut self.chance);
            self.clock.advance(Duration::minutes(1));
            let scan = self.code.scan(asset, self.clock.now(), true, &mut self.chance);
            self.hand_in(0, Fate::Lives, &scan).await;
        }
        self.on(0, Fate::Lives, "works", |engine| async move { engine.step().await }).await;
    }

    /// Each ticket with its log, for whoever looks for the reason of a broken law.
    async fn tell_tickets(&mut self) {
        for ticket in self.tickets().await {
            let mut tx = self.db().read().await.unwrap();
            let log = tx
                .all(
                    "SELECT at, what FROM audit WHERE subject = 'ticket' AND subject_id = $1 ORDER BY id",
                    args![ticket.id],
                )
                .await
                .unwrap();
            drop(tx);
            let (number, health) = (ticket.work_item_id, ticket.health.as_str());
            self.trace.push(format!(
                "{} {number:?}: {health}, {}, {:?}, {:?}",
                ticket.token, ticket.status, ticket.problem, ticket.following
            ));
            for conflict in &ticket.conflicts {
                self.trace.push(format!("    conflict {conflict:?}"));
            }
            if let Some(model::WorkItemId(id)) = number {
                self.trace.extend(people::tell_revisions(&self.wire, id));
            }
            for entry in log {
                let at = entry.time("at").unwrap().format("%d %H:%M:%S");
                self.trace.push(format!("    {at} {}", entry.text("what").unwrap()));
            }
        }
    }

    /// Map or rules are changed.
    fn says_states_otherwise(&mut self, how: &'static str) {
        self.tally.count(how);
        self.states_said_otherwise = true;
    }

    fn note(&mut self, what: impl Into<String>) {
        let at = self.clock.now().format("%d %H:%M:%S");
        self.trace.push(format!("{at} {}", what.into()));
    }

    async fn do_something(&mut self) {
        self.clock.advance(Duration::milliseconds(1));
        for sleep in &mut self.asleep {
            *sleep = sleep.saturating_sub(1);
        }
        if self.shadow_since.is_some() && self.chance.random_bool(0.15) {
            // That is what they run it for.
            return self.somebody_approves().await;
        }
        match self.chance.random_range(0..100) {
            0..35 => self.a_replica_works().await,
            35..44 => self.time_passes(),
            44..58 => {
                let what = people::do_something(&self.wire, &mut self.chance, &self.tally);
                self.note(what);
            }
            58..64 => self.a_scan_arrives().await,
            64..67 => self.somebody_decides().await,
            67..69 => self.somebody_looks_at_breakers().await,
            69..75 => self.somebody_mends().await,
            75..79 => self.somebody_works_by_hand().await,
            79..83 => self.somebody_brings_evidence().await,
            83..85 => self.somebody_says_something().await,
            85..88 => self.somebody_approves().await,
            88..90 => self.hooks_arrive().await,
            90..93 => self.the_weather_changes(),
            _ => self.somebody_turns_a_knob().await,
        }
    }

    fn time_passes(&mut self) {
        let by = match self.chance.random_range(0..10) {
            0 => Duration::hours(self.chance.random_range(1..30)),
            1..4 => Duration::minutes(self.chance.random_range(1..20)),
            _ => Duration::seconds(self.chance.random_range(1..60)),
        };
        self.clock.advance(by);
        self.note(format!("{} s pass", by.num_seconds()));
    }

    fn the_weather_changes(&mut self) {
        let storm = [0, 5, 25, 60][self.chance.random_range(0..4)];
        self.wire.set_storm(storm);
        self.note(format!("of a hundred calls {storm} meet a fault"));
    }

    /// The fate of a process at work.
    fn fate(&mut self) -> Fate {
        match self.chance.random_range(0..26) {
            0 => Fate::Dies(self.chance.random_range(1..60)),
            1 => Fate::Dies(self.chance.random_range(1..400)),
            2..11 => Fate::IsInDanger(self.chance.random()),
            14 => Fate::IsRefused(self.chance.random_range(1..300), self.chance.random_bool(0.5)),
            15 => {
                let nth = self.chance.random_range(1..6);
                Fate::IsRefusedAt("before UPDATE ticket", nth, self.chance.random_bool(0.5))
            }
            18 | 19 => Fate::FreezesAt("a write was lost"),
            16 => Fate::Freezes(self.chance.random_range(1..5)),
            17 | 11 | 12 => Fate::FreezesAtWrite(self.chance.random_range(1..4)),
            20 | 22 => Fate::DiesAt("after restore", 1),
            // Announced, and not sent.
            23 | 24 => Fate::FreezesAt("before create"),
            // They seldom come there: nearly all of them live.
            _ => Fate::DiesAt("before restore", 1),
        }
    }

    /// The fate of a process that goes about its work. It seldom comes to the look-up of a file: when it will, it is there
    /// that it may die.
    async fn fate_of_work(&mut self) -> Fate {
        if self.a_file_is_in_doubt().await {
            match self.chance.random_range(0..4) {
                0 => return Fate::DiesAt("before attachment look-up", 1),
                1 => return Fate::DiesAt("after attachment look-up", 1),
                _ => {}
            }
        }
        self.fate()
    }

    /// Nobody knows whether a file was attached or taken away, and it is time to look.
    async fn a_file_is_in_doubt(&self) -> bool {
        let mut tx = self.db().read().await.unwrap();
        let due =
            "SELECT 1 AS one FROM ticket WHERE talk_at <= $1 AND intent LIKE '%\"attachment\"%' LIMIT 1";
        tx.first(due, args![self.clock.now()]).await.unwrap().is_some()
    }

    /// The fate of a process that does what somebody asks for, and comes to these places with it.
    fn fate_at(&mut self, places: &[&'static str]) -> Fate {
        match self.chance.random_range(0..12) {
            0 => Fate::Dies(self.chance.random_range(1..30)),
            1..6 => Fate::DiesAt(places[self.chance.random_range(0..places.len())], 1),
            6 => Fate::Freezes(self.chance.random_range(1..5)),
            _ => Fate::Lives,
        }
    }

    /// A replica that does not stand still.
    fn somebody_awake(&mut self) -> Option<usize> {
        let awake: Vec<usize> = (0..REPLICAS).filter(|number| self.frozen[*number].is_none()).collect();
        if awake.is_empty() { None } else { Some(awake[self.chance.random_range(0..awake.len())]) }
    }

    async fn on<F, W>(&mut self, number: usize, fate: Fate, what: &str, work: W) -> bool
    where
        W: FnOnce(Engine) -> F,
        F: Future<Output = Result<(), Refusal>> + Send + 'static,
    {
        // Nothing that people and processes do takes no time at all: the log is in the order of its times.
        self.clock.advance(Duration::milliseconds(1));
        let ended = replica::live(&self.replicas[number], fate, &self.tally, work).await;
        self.ended(number, what, ended)
    }

    fn ended(&mut self, number: usize, what: &str, ended: Ended) -> bool {
        match ended {
            Ended::Done(Ok(())) => {
                self.note(format!("replica {number} {what}"));
                true
            }
            Ended::Done(Err(refusal)) => {
                self.note(format!("replica {number} {what}: refused, {}", refusal.detail));
                false
            }
            Ended::Died => {
                self.note(format!("replica {number} {what}: died"));
                self.replicas[number] = self.born(number);
                false
            }
            Ended::Froze(frozen) => {
                self.note(format!("replica {number} {what}: stands still"));
                self.frozen[number] = Some(frozen);
                self.asleep[number] =
                    if self.chance.random_bool(0.5) { self.chance.random_range(10..60) } else { 0 };
                false
            }
        }
    }

    async fn a_replica_works(&mut self) {
        let number = self.chance.random_range(0..REPLICAS);
        if self.frozen[number].is_some() && self.asleep[number] > 0 {
            return;
        }
        if let Some(frozen) = self.frozen[number].take() {
            if frozen.at_write && self.holder_of_the_lease().await != Some(owner(number)) {
                self.tally.count("the holder of the lease stood still in a write, and another one took over");
            }
            let fate = match self.fate() {
                Fate::Freezes(_) | Fate::FreezesAtWrite(_) => Fate::Lives,
                other => other,
            };
            let ended = replica::thaw(frozen, fate).await;
            self.tally.count("a replica that stood still went on");
            self.ended(number, "goes on", ended);
            return;
        }
        let fate = self.fate_of_work().await;
        self.on(number, fate, "works", |engine| async move { engine.step().await }).await;
    }

    async fn holder_of_the_lease(&self) -> Option<Uuid> {
        let mut tx = self.db().read().await.unwrap();
        let row = tx.first("SELECT lease_owner FROM connection", args![]).await.unwrap()?;
        row.opt_id("lease_owner").unwrap()
    }

    async fn a_scan_arrives(&mut self) {
        if self.chance.random_bool(0.6) {
            self.code.change(&mut self.chance);
        }
        let asset = ASSETS[self.chance.random_range(0..ASSETS.len())];
        let kind = self.chance.random_range(0..10);
        let scan = match kind {
            // A report that was handed in before comes once more, or one that was kept back comes late.
            0 | 1 if !self.code.scans.is_empty() => {
                self.tally.count("a scan comes again");
                let number = self.chance.random_range(0..self.code.scans.len());
                self.code.scans[number].clone()
            }
            2 => {
                self.tally.count("a partial scan comes");
                self.code.scan(asset, self.clock.now(), false, &mut self.chance)
            }
            3 => {
                self.tally.count("a scan is kept back");
                let scan = self.code.scan(asset, self.clock.now(), true, &mut self.chance);
                self.note(format!("a scan of {} saw {:?} and is kept back", scan.asset, scan.seen));
                return;
            }
            _ => {
                self.tally.count("a scan comes");
                self.code.scan(asset, self.clock.now(), true, &mut self.chance)
            }
        };
        let Some(number) = self.somebody_awake() else { return };
        let fate = self.fate_at(&[
            "before INSERT INTO configuration",
            "before INSERT INTO job",
            "before INSERT INTO scan",
            "before commit",
            "after commit",
        ]);
        self.hand_in(number, fate, &scan).await;
    }

    async fn hand_in(&mut self, number: usize, fate: Fate, scan: &code::Scan) -> bool {
        let path = self.folder.path().join(format!("upload-{}", self.trace.len()));
        std::fs::write(&path, scan.report().bytes()).unwrap();
        let request = ImportRequest { asset: scan.asset.into(), ..ImportRequest::default() };
        let what = format!(
            "takes in a scan of {} of {} that saw {:?}{}",
            scan.asset,
            scan.started_at.format("%d %H:%M:%S"),
            scan.seen,
            if scan.is_full { "" } else { " in a part" }
        );
        self.on(number, fate, &what, |engine| async move {
            engine.submit_import(request, path, &by("pipeline")).await.map(|_| ())
        })
        .await
    }

    async fn hooks_arrive(&mut self) {
        let due = self.wire.board(|state, now| {
            let due = state.take_due_deliveries(now);
            for delivery in &due {
                state.delivery_finished(delivery.id, &emulator::DeliveryOutcome::Answered(200), now);
            }
            due
        });
        for delivery in due {
            let authorization = delivery
                .headers
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case("authorization"))
                .map(|(_, value)| value.clone());
            self.hooks.push((delivery.url, authorization, delivery.body));
        }
        let mut arriving = Vec::new();
        for _ in 0..self.hooks.len().min(6) {
            let number = self.chance.random_range(0..self.hooks.len());
            match self.chance.random_range(0..6) {
                0 => {
                    self.tally.count("a hook is lost");
                    self.hooks.remove(number);
                }
                1 => {
                    self.tally.count("a hook comes twice");
                    arriving.push(self.hooks[number].clone());
                }
                2 => self.tally.count("a hook is late"),
                3 => {
                    self.tally.count("a hook is forged");
                    let (url, authorization, _) = self.hooks[number].clone();
                    let forged = serde_json::json!({
                        "id": Uuid::from_u128(self.chance.random()), "subscriptionId": Uuid::from_u128(7), "eventType": "workitem.updated",
                        "resource": { "workItemId": self.chance.random_range(1..9), "rev": 99,
                            "fields": { "System.State": { "newValue": "Closed" } } } });
                    arriving.push((url, authorization, forged.to_string()));
                }
                _ => {
                    self.tally.count("a hook comes");
                    arriving.push(self.hooks.remove(number));
                }
            }
            if self.hooks.is_empty() {
                break;
            }
        }
        for (url, authorization, body) in arriving {
            let Some(number) = self.somebody_awake() else { return };
            let secret = url.rsplit('/').next().unwrap_or_default().to_owned();
            let fate = self.fate();
            self.on(number, fate, "takes in a hook", |engine| async move {
                engine.receive_hook(&secret, authorization.as_deref(), body.as_bytes()).await.map(|_| ())
            })
            .await;
        }
    }

    /// The weather is good, everybody is awake, what was deleted is restored, everything is scanned once more; then time
    /// passes until nothing happens any more.
    async fn come_to_rest(&mut self) {
        self.note("everything comes to rest");
        self.wire.set_storm(0);
        for number in 0..REPLICAS {
            if let Some(frozen) = self.frozen[number].take() {
                let ended = replica::thaw(frozen, Fate::Lives).await;
                self.ended(number, "goes on", ended);
            }
        }
        self.everything_is_as_it_was_set_up().await;
        if self.chance.random_bool(0.5) {
            people::restore_all(&self.wire);
        }
        wanderers::show_everything(&self.wire);
        self.clock.advance(Duration::hours(50));
        for asset in ASSETS {
            let scan = self.code.scan(asset, self.clock.now(), true, &mut self.chance);
            assert!(self.hand_in(0, Fate::Lives, &scan).await, "the last scan is taken in");
        }
        let tickets = self.tickets().await;
        for ticket in tickets.iter().filter(|ticket| ticket.parked) {
            let id = ticket.id;
            self.on(0, Fate::Lives, "takes up a parked ticket", |engine| async move {
                engine.request_reconcile(Some(id), false, &by("Ada")).await.map(|_| ())
            })
            .await;
        }
        for _ in 0..12 {
            self.everything_is_let_through().await;
            for number in 0..REPLICAS {
                self.clock.advance(Duration::minutes(3));
                self.on(number, Fate::Lives, "works", |engine| async move { engine.step().await }).await;
            }
        }
        self.clock.advance(Duration::hours(2));
        self.on(0, Fate::Lives, "sweeps", |engine| async move { engine.step().await }).await;
        self.clock.advance(Duration::minutes(3));
        self.on(0, Fate::Lives, "works", |engine| async move { engine.step().await }).await;
    }

    /// After the last real change, the number of writes goes to zero.
    async fn stays_quiet(&mut self) -> Result<(), Violation> {
        let before = self.writes();
        for turn in 0..10 {
            self.clock.advance(Duration::minutes(65));
            let number = turn % REPLICAS;
            self.on(number, Fate::Lives, "sweeps", |engine| async move { engine.step().await }).await;
        }
        let after = self.writes();
        if before == after {
            return Ok(());
        }
        let what = self.wire.board(|state, _| {
            let log = state.log(0);
            let last: Vec<String> = log
                .iter()
                .rev()
                .filter(|entry| entry.write)
                .take(3)
                .map(|entry| format!("{} {} {:?}", entry.method, entry.path, entry.work_items))
                .collect();
            format!("{} writes in ten sweeps, the last: {last:?}", after - before)
        });
        Err(Violation { law: "nothing is written when nothing changes", what })
    }

    fn writes(&self) -> u64 {
        self.wire.board(|state, _| state.counters().writes)
    }
}
