//! People who use Lockstep: they decide on findings, change rules and maps, and turn the connection off and on.

use azure::Clock;
use chrono::Duration;
use emulator::seed::DEMO_PAT;
use engine::{ConnectionChange, NewDestination, SignInMethod, StatusChange};
use model::guard::Limits;
use model::map::{SeverityTarget, StatusEntry, StatusMap, Target};
use model::role::Role;
use model::rule::{AppliesTo, AutoClose, CloseWhen, Criteria, Grouping, LateMember, OnMatch, RuleSettings};
use model::status::FallBack;
use model::{DestinationId, FindingId, Severity, Status, UserId};
use rand::RngExt;
use rand::rngs::StdRng;
use secrecy::SecretString;
use store::args;
use store::connections::Mode;
use store::destinations::Settings;
use uuid::Uuid;

use crate::sim::code::ASSETS;
use crate::sim::replica::Fate;
use crate::sim::{Simulation, by};

/// How statuses are said: with columns or with states.
pub(crate) fn status_map(by_column: bool) -> StatusMap {
    let mut map = StatusMap::default();
    if by_column {
        for (status, column) in [
            (Status::Identified, "New"),
            (Status::InProgress, "Active"),
            (Status::Waiting, "In Review"),
            (Status::AwaitingValidation, "Resolved"),
            (Status::Fixed, "Closed"),
        ] {
            map.0.insert(status, StatusEntry::to(Target::column(column)));
        }
    }
    map
}

/// The second rule, while there is one.
const SECOND: &str = "Second";

/// How a rule of chance works.
fn any_rule(name: &str, elsewhere: DestinationId, chance: &mut StdRng) -> RuleSettings {
    let coin = |chance: &mut StdRng, odds| chance.random_bool(odds);
    let groupings = [
        Grouping::PerFinding,
        Grouping::PerFinding,
        Grouping::PerVulnerabilityAndAsset,
        Grouping::PerVulnerability,
        Grouping::PerFix,
        Grouping::PerAsset,
    ];
    let least = [Severity::Low, Severity::Critical][chance.random_range(0..2)];
    RuleSettings {
        enabled: coin(chance, 0.7),
        grouping: groupings[chance.random_range(0..groupings.len())].clone(),
        on_match: if coin(chance, 0.5) { OnMatch::Stop } else { OnMatch::GoOn },
        applies_to: if coin(chance, 0.8) { AppliesTo::AllFindings } else { AppliesTo::NewFindings },
        destination: coin(chance, 0.15).then_some(elsewhere),
        initial_state: coin(chance, 0.1).then(|| "New".to_owned()),
        auto_close: AutoClose {
            enabled: coin(chance, 0.8),
            when: if coin(chance, 0.8) { CloseWhen::AllClosed } else { CloseWhen::AllFixed },
            state: None,
            not_for_temporary: coin(chance, 0.3),
        },
        late_member: [LateMember::Reopen, LateMember::Reopen, LateMember::AddToOpen, LateMember::NewItem]
            [chance.random_range(0..4)],
        ..RuleSettings::new(name, Criteria::severity_at_least(least))
    }
}

pub(crate) fn rule(grouping: Grouping, enabled: bool, least: Severity) -> RuleSettings {
    RuleSettings { enabled, grouping, ..RuleSettings::new("Everything", Criteria::severity_at_least(least)) }
}

impl Simulation {
    /// Somebody decides what becomes of a finding.
    pub(crate) async fn somebody_decides(&mut self) {
        let mut tx = self.db().read().await.unwrap();
        let rows = tx
            .all(
                "SELECT f.id FROM finding f JOIN asset a ON a.id = f.asset_id ORDER BY a.name, f.title",
                args![],
            )
            .await
            .unwrap();
        drop(tx);
        if rows.is_empty() {
            return;
        }
        let id: FindingId = rows[self.chance.random_range(0..rows.len())].id("id").unwrap();
        let status = [
            Status::Created,
            Status::Identified,
            Status::InProgress,
            Status::Waiting,
            Status::AwaitingValidation,
            Status::RiskAccepted,
            Status::FalsePositive,
            Status::Suppressed,
        ][self.chance.random_range(0..8)];
        let until = self.clock.now() + Duration::hours(self.chance.random_range(1..40));
        let then = if self.chance.random_bool(0.5) { FallBack::Identified } else { FallBack::Created };
        let change = StatusChange {
            status,
            reason: Some("so it was decided".into()),
            temporary: self.chance.random_bool(0.3).then_some((until, then)),
        };
        let Some(number) = self.somebody_awake() else { return };
        let fate = match status {
            Status::RiskAccepted => self.fate_at(&[
                "before INSERT INTO acceptance",
                "before INSERT INTO acceptance",
                "before INSERT INTO acceptance_finding",
            ]),
            _ => self.fate_at(&["before UPDATE finding", "before INSERT INTO audit", "before UPDATE ticket"]),
        };
        self.tally.count(format!("somebody sets {status}"));
        self.on(number, fate, &format!("sets a finding to {status}"), |engine| async move {
            engine.set_status(id, change, &by("Ada")).await
        })
        .await;
    }

    /// Somebody changes how Lockstep works.
    pub(crate) async fn somebody_turns_a_knob(&mut self) {
        let Some(number) = self.somebody_awake() else { return };
        // What keeps everything from being written is ended before long: there is little to see meanwhile.
        let mut tx = self.db().read().await.unwrap();
        let mode = store::connections::mode(&mut tx, self.connection).await.unwrap();
        drop(tx);
        if mode != Mode::Active && self.chance.random_bool(0.4) {
            let was_shadow = mode == Mode::Shadow;
            self.tally.count(if was_shadow { "shadow mode ends" } else { "a connection is resumed" });
            return self.switch(number, Mode::Active).await;
        }
        if self.wire.rejects_sign_ins() && self.chance.random_bool(0.4) {
            self.tally.count("the credential is renewed");
            self.wire.reject_sign_ins(false);
            return self.renew_the_credential(number).await;
        }
        match self.chance.random_range(0..18) {
            14 | 17 => self.a_second_rule(number).await,
            15 | 16 => self.somebody_uses_a_file(number).await,
            13 => {
                let only = self.chance.random_bool(0.5);
                self.tally.count(if only {
                    "the feed of the organization is forbidden"
                } else {
                    "the feed of the organization is allowed"
                });
                self.note(format!("the feed of the organization is forbidden: {only}"));
                let change =
                    emulator::OrganizationChange { project_feeds_only: Some(only), ..Default::default() };
                self.wire.board(|state, now| state.change_organization("contoso", &change, now));
            }
            9 => {
                let shadow = self.chance.random_bool(0.6);
                self.tally.count(if shadow { "shadow mode begins" } else { "shadow mode ends" });
                self.switch(number, if shadow { Mode::Shadow } else { Mode::Active }).await;
            }
            11 => {
                self.tally.count("the limits change");
                let limits = Limits {
                    moves_at_once: [0, 1, 2][self.chance.random_range(0..3)],
                    creations_at_once: [1, 1000, 1000, 1000][self.chance.random_range(0..4)],
                    ..Limits::default()
                };
                self.change_destination(number, |settings| settings.limits = limits).await;
            }
            10 | 12 => self.somebody_lays_an_asset_aside(number).await,
            0 => {
                let paused = self.chance.random_bool(0.4);
                self.tally.count(if paused { "a connection is paused" } else { "a connection is resumed" });
                self.switch(number, if paused { Mode::Paused } else { Mode::Active }).await;
            }
            1 => {
                let sweep = self.chance.random_bool(0.5);
                self.tally.count("a reconcile is asked for");
                self.on(number, Fate::Lives, "is asked for a reconcile", |engine| async move {
                    engine.request_reconcile(None, sweep, &by("Ada")).await.map(|_| ())
                })
                .await;
            }
            2 => {
                self.tally.count("a ticket is pushed");
                let tickets = self.tickets().await;
                if tickets.is_empty() {
                    return;
                }
                let ticket = tickets[self.chance.random_range(0..tickets.len())].id;
                self.on(number, Fate::Lives, "is asked to push a ticket", |engine| async move {
                    engine.request_reconcile(Some(ticket), false, &by("Ada")).await.map(|_| ())
                })
                .await;
            }
            3 => {
                self.tally.count("the destination's tags change");
                let tag = format!("area-{}", self.chance.random_range(0..3));
                self.change_destination(number, |settings| settings.tags = vec![tag]).await;
            }
            4 => {
                self.says_states_otherwise("the status map changes");
                let by_column = self.chance.random_bool(0.5);
                self.change_destination(number, |settings| settings.status_map = status_map(by_column)).await;
            }
            5 => {
                self.tally.count("the severity map changes");
                let priority = self.chance.random_range(1..5);
                let severity = Some("2 - High".to_owned());
                self.change_destination(number, |settings| {
                    for target in settings.severity_map.0.values_mut() {
                        *target = SeverityTarget { priority, severity: severity.clone() };
                    }
                })
                .await;
            }
            6 => {
                self.tally.count("the daily budget changes");
                let budget = [0, 2, 1000, 1000][self.chance.random_range(0..4)];
                self.change_destination(number, |settings| settings.daily_budget = budget).await;
            }
            7 => {
                self.says_states_otherwise("the rule changes");
                let settings = any_rule("Everything", self.elsewhere, &mut self.chance);
                let (id, fate) =
                    (self.rule, self.fate_at(&["before UPDATE rule", "before INSERT INTO audit"]));
                self.on(number, fate, "changes the rule", |engine| async move {
                    engine.change_rule(id, settings, &by("Ada")).await
                })
                .await;
            }
            _ => {
                let rejected = self.chance.random_bool(0.5);
                self.tally.count(if rejected {
                    "the credential is revoked"
                } else {
                    "the credential is renewed"
                });
                self.wire.reject_sign_ins(rejected);
                if !rejected {
                    self.renew_the_credential(number).await;
                }
            }
        }
    }

    async fn change_destination(&mut self, number: usize, change: impl FnOnce(&mut Settings)) {
        let (destination, connection_id) = (self.destination, self.connection);
        let mut settings = self.settings().await;
        change(&mut settings);
        let fate =
            self.fate_at(&["before UPDATE destination", "before UPDATE ticket", "a read was answered"]);
        self.on(number, fate, "changes the destination", |engine| async move {
            let new = NewDestination { connection_id, binding: Default::default(), settings };
            engine.change_destination(destination, new, &by("Ada")).await.map(|_| ())
        })
        .await;
    }

    async fn rules(&self) -> Vec<store::rules::Rule> {
        let mut tx = self.db().read().await.unwrap();
        store::rules::all(&mut tx).await.unwrap()
    }

    /// A second rule is made, changed or deleted.
    async fn a_second_rule(&mut self, number: usize) {
        let settings = any_rule(SECOND, self.elsewhere, &mut self.chance);
        let fate =
            self.fate_at(&["before UPDATE rule", "before INSERT INTO rule", "before INSERT INTO audit"]);
        let known =
            self.rules().await.into_iter().find(|rule| rule.settings.name == SECOND).map(|rule| rule.id);
        match known {
            None => {
                self.says_states_otherwise("a second rule comes");
                self.on(number, fate, "is given a second rule", |engine| async move {
                    engine.create_rule(settings, &by("Ada")).await.map(drop)
                })
                .await;
            }
            Some(id) if self.chance.random_bool(0.5) => {
                self.says_states_otherwise("a second rule changes");
                self.on(number, fate, "changes the second rule", |engine| async move {
                    engine.change_rule(id, settings, &by("Ada")).await
                })
                .await;
            }
            Some(id) => {
                self.says_states_otherwise("a second rule goes");
                let fate = self.fate_at(&["before DELETE FROM rule"]);
                self.on(number, fate, "deletes the second rule", |engine| async move {
                    engine.delete_rule(id, &by("Ada")).await
                })
                .await;
            }
        }
    }

    /// The configuration is written to a file, or what was written once is applied.
    async fn somebody_uses_a_file(&mut self, number: usize) {
        let Some(filed) = self.filed.clone().filter(|_| self.chance.random_bool(0.5)) else {
            self.tally.count("the configuration is written to a file");
            match self.replicas[number].configuration().await {
                Ok(configuration) => self.filed = Some(configuration),
                Err(refusal) => self.note(format!("the configuration cannot be told: {}", refusal.detail)),
            }
            return;
        };
        self.says_states_otherwise("an older configuration is applied");
        let prune = self.chance.random_bool(0.5);
        let fate = self.fate_at(&["before UPDATE destination", "before UPDATE rule", "before commit"]);
        self.on(number, fate, "applies an older configuration", |engine| async move {
            engine.apply_configuration(filed, prune, None, &by("Ada")).await.map(drop)
        })
        .await;
        self.see_the_mode().await;
    }

    /// The person who works on the board is a user here, in some runs.
    pub(crate) async fn somebody_is_known(&mut self) {
        let role = [None, Some(Role::Developer), Some(Role::Analyst), Some(Role::Analyst)]
            [self.chance.random_range(0..4)];
        let Some(role) = role else { return };
        let user = store::users::User {
            id: UserId(Uuid::from_u128(77)),
            name: "Ada Marsh".into(),
            role: role.as_str().into(),
            address: Some("ada.marsh@contoso.example".into()),
            board_identity: None,
            created_at: self.clock.now(),
        };
        let mut tx = self.db().begin().await.unwrap();
        store::users::create(&mut tx, &user, "no password").await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn assets(&self) -> Vec<store::assets::Asset> {
        let mut tx = self.db().read().await.unwrap();
        let mut assets = Vec::new();
        for name in ASSETS {
            assets.extend(store::assets::by_name(&mut tx, name).await.unwrap());
        }
        assets
    }

    /// An asset is archived, or taken up again.
    async fn somebody_lays_an_asset_aside(&mut self, number: usize) {
        let assets = self.assets().await;
        if assets.is_empty() {
            return;
        }
        let asset = &assets[self.chance.random_range(0..assets.len())];
        let (id, archived) = (asset.id, asset.archived);
        let what = if archived { "an asset is taken up again" } else { "an asset is archived" };
        self.tally.count(what);
        let fate = self.fate_at(&["before UPDATE asset", "before UPDATE finding", "before UPDATE ticket"]);
        self.on(number, fate, &format!("is told that {what}"), |engine| async move {
            if archived {
                engine.restore_asset(id, &by("Ada")).await
            } else {
                engine.archive_asset(id, &by("Ada")).await
            }
        })
        .await;
    }

    pub(crate) async fn renew_the_credential(&mut self, number: usize) {
        let connection = self.connection;
        let sign_in = SignInMethod::PersonalAccessToken(SecretString::from(DEMO_PAT));
        let change = ConnectionChange { sign_in: Some(sign_in), ..ConnectionChange::default() };
        self.on(number, Fate::Lives, "signs in anew", |engine| async move {
            engine.change_connection(connection, change, &by("Ada")).await.map(|_| ())
        })
        .await;
    }

    /// Whatever was turned off or made narrow is as it was in the beginning.
    pub(crate) async fn everything_is_as_it_was_set_up(&mut self) {
        self.wire.reject_sign_ins(false);
        self.renew_the_credential(0).await;
        self.switch(0, Mode::Active).await;
        for asset in self.assets().await.into_iter().filter(|asset| asset.archived) {
            self.on(0, Fate::Lives, "takes an asset up again", |engine| async move {
                engine.restore_asset(asset.id, &by("Ada")).await
            })
            .await;
        }
        let first = self.rule;
        for other in self.rules().await.into_iter().filter(|rule| rule.id != first) {
            self.on(0, Fate::Lives, "loses its second rule", |engine| async move {
                engine.delete_rule(other.id, &by("Ada")).await
            })
            .await;
        }
        let mut settings = self.settings().await;
        settings.daily_budget = 1000;
        settings.limits = Limits { creations_at_once: 1000, ..Limits::default() };
        let (destination, connection_id) = (self.destination, self.connection);
        let (id, grouping) = (self.rule, self.grouping.clone());
        self.on(0, Fate::Lives, "sets everything up again", |engine| async move {
            let new = NewDestination { connection_id, binding: Default::default(), settings };
            engine.change_destination(destination, new, &by("Ada")).await?;
            engine.change_rule(id, rule(grouping, true, Severity::Low), &by("Ada")).await
        })
        .await;
        self.read_destinations().await;
    }
}
