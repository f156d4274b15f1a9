//! Stories of what stands between a decision and its write: breakers, damping, switches, and the alarms they raise.

use std::io::Write;
use std::sync::{Arc, Mutex};

use chrono::Duration;
use engine::{Actor, ClosingChoice, ConnectionChange, NewDestination, SignInMethod, StatusChange};
use model::guard::{Limits, Stroke};
use model::{BreakerId, Status};
use secrecy::SecretString;
use serde_json::Value;
use store::alarms::{Alarm, Kind};
use store::args;
use store::connections::Mode;
use store::tickets::Health;
use testkit::{Fault, Story, TestDatabase, weakness};

fn ada() -> Actor {
    Actor { name: "Ada".into() }
}

fn findings(numbers: std::ops::Range<u32>) -> Vec<Value> {
    numbers.map(|number| weakness(&format!("w{number:02}"), &format!("{number}.js"), 1)).collect()
}

async fn alarms(story: &Story) -> Vec<Alarm> {
    let mut tx = story.engine.db().read().await.unwrap();
    store::alarms::page(&mut tx, false, None, 100).await.unwrap()
}

async fn kinds(story: &Story) -> Vec<Kind> {
    alarms(story).await.into_iter().map(|alarm| alarm.kind).collect()
}

async fn breaker(story: &Story) -> store::breakers::Breaker {
    let mut tx = story.engine.db().read().await.unwrap();
    let mut found = store::breakers::holding(&mut tx).await.unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

fn open_cards(story: &Story) -> usize {
    story.board.work_items().into_iter().filter(|id| story.board.state_of(*id) != "Closed").count()
}

async fn log_of_tickets(story: &Story) -> Vec<String> {
    story.log_of_tickets().await.into_iter().map(|(what, _)| what).collect()
}

async fn set(story: &Story, status: Status) {
    let change = StatusChange { status, reason: Some("so it was decided".into()), temporary: None };
    story.engine.set_status(story.finding().await, change, &ada()).await.unwrap();
}

async fn switch(story: &Story, mode: Mode) {
    let change = ConnectionChange { mode: Some(mode), ..ConnectionChange::default() };
    story.engine.change_connection(story.connection, change, &ada()).await.unwrap();
}

#[tokio::test]
async fn when_more_would_be_closed_than_usual_it_waits_for_a_person_and_the_rest_goes_on() {
    let mut story = Story::sqlite().await;
    story.scan(&findings(0..13)).await;
    story.settle().await;
    assert_eq!(open_cards(&story), 13);

    let mut left = findings(12..13);
    left[0]["severity"] = "critical".into();
    story.scan(&left).await;
    story.settle().await;
    assert_eq!(open_cards(&story), 13, "twelve at once are more than ten");
    let held = story.tickets().await.into_iter().filter(|ticket| ticket.health == Health::Held).count();
    assert_eq!(held, 12);
    let changed = *story.board.work_items().last().unwrap();
    assert_eq!(story.board.fields(changed)["Microsoft.VSTS.Common.Severity"], "1 - Critical");
    let open = alarms(&story).await;
    assert_eq!(open.len(), 1, "{open:?}");
    assert!(open[0].what.contains("would close 12 work items at once"), "{open:?}");

    // Neither time, nor another process, nor another replica lets it through.
    story.wait(Duration::hours(3));
    story.restart();
    story.settle().await;
    story.another_replica().step().await.unwrap();
    assert_eq!((open_cards(&story), alarms(&story).await.len()), (13, 1));

    let waiting = breaker(&story).await;
    assert_eq!((waiting.stroke, waiting.tickets, waiting.bound), (Stroke::Close, 12, 10));
    story.engine.approve_breaker(waiting.id, &ada()).await.unwrap();
    story.settle().await;
    assert_eq!(open_cards(&story), 1);
    assert_eq!(alarms(&story).await, []);

    // It was let through once, not for ever.
    story.scan(&findings(0..13)).await;
    story.settle().await;
    assert_eq!(breaker(&story).await.stroke, Stroke::Reopen);
    assert_eq!(open_cards(&story), 1);
}

#[tokio::test]
async fn what_a_person_does_not_let_through_stays_until_the_findings_say_something_else() {
    let limits = Limits { moves_at_once: 2, ..Limits::default() };
    let story = Story::on(TestDatabase::sqlite().await).limits(limits).begin().await;
    story.scan(&findings(0..3)).await;
    story.settle().await;
    story.scan(&[]).await;
    story.settle().await;
    let waiting = breaker(&story).await;
    story.engine.dismiss_breaker(waiting.id, &ada()).await.unwrap();
    story.sweep().await;
    assert_eq!(
        (open_cards(&story), kinds(&story).await),
        (3, vec![]),
        "left as they are, and nobody is asked again"
    );
    assert!(story.engine.dismiss_breaker(waiting.id, &ada()).await.is_err(), "it was decided");
    // One of them is seen again: nothing is wanted of it any more.
    story.scan(&findings(0..1)).await;
    story.wait(Duration::hours(1));
    story.settle().await;
    let held = story.tickets().await.into_iter().filter(|ticket| ticket.health == Health::Held).count();
    assert_eq!(held, 2);
    story.engine.approve_breaker(waiting.id, &ada()).await.unwrap();
    story.settle().await;
    assert_eq!(open_cards(&story), 1, "let through after all");
}

/// Found by the simulation, seed 755.
#[tokio::test]
async fn what_a_person_closes_one_by_one_is_held_by_no_breaker_any_more() {
    let limits = Limits { moves_at_once: 2, ..Limits::default() };
    let story = Story::on(TestDatabase::sqlite().await).limits(limits).begin().await;
    story.scan(&findings(0..4)).await;
    story.settle().await;
    story.scan(&[]).await;
    story.settle().await;
    assert_eq!(breaker(&story).await.tickets, 4);
    let tickets = story.tickets().await;
    story.engine.merge_tickets(tickets[0].id, tickets[1].id, &ada()).await.unwrap();
    let choice = ClosingChoice { tickets: vec![tickets[2].id], state: "Closed".into() };
    let rows = story.engine.close_tickets(&[choice], None, &ada()).await.unwrap();
    assert!(rows.iter().all(|row| row.refused.is_none()), "{rows:?}");
    assert_eq!(breaker(&story).await.tickets, 2, "the others still wait");
    story.settle().await;
    story.settle().await;
    assert_eq!(open_cards(&story), 2);
}

#[tokio::test]
async fn cards_that_people_closed_already_are_not_counted() {
    let limits = Limits { moves_at_once: 2, ..Limits::default() };
    let story = Story::on(TestDatabase::sqlite().await).limits(limits).begin().await;
    story.scan(&findings(0..4)).await;
    story.settle().await;
    for item in story.board.work_items() {
        story.board.move_card(item, "Closed");
    }
    story.settle().await;
    story.scan(&[]).await;
    story.settle().await;
    assert_eq!(kinds(&story).await, []);
    assert!(story.tickets().await.iter().all(|ticket| ticket.health == Health::Closed));
}

#[tokio::test]
async fn a_flood_of_new_work_items_waits_for_a_person() {
    let limits = Limits { creations_at_once: 3, ..Limits::default() };
    let story = Story::on(TestDatabase::sqlite().await).limits(limits).begin().await;
    story.scan(&findings(0..5)).await;
    story.settle().await;
    assert_eq!(story.board.work_items().len(), 0);
    let waiting = breaker(&story).await;
    assert_eq!((waiting.stroke, waiting.tickets), (Stroke::Create, 5));
    // What comes later waits too, and is not let through with the others unseen.
    story.engine.approve_breaker(waiting.id, &ada()).await.unwrap();
    story.settle().await;
    assert_eq!(story.board.work_items().len(), 5);
    story.scan(&findings(0..7)).await;
    story.settle().await;
    assert_eq!(story.board.work_items().len(), 7, "two are not many");
}

#[tokio::test]
async fn a_breaker_whose_cause_is_gone_asks_nobody_any_more() {
    let limits = Limits { moves_at_once: 2, ..Limits::default() };
    let story = Story::on(TestDatabase::sqlite().await).limits(limits).begin().await;
    story.scan(&findings(0..3)).await;
    story.settle().await;
    story.scan(&[]).await;
    story.settle().await;
    assert_eq!(kinds(&story).await, [Kind::BreakerTripped]);
    story.scan(&findings(0..3)).await;
    story.settle().await;
    assert_eq!(kinds(&story).await, []);
    assert!(story.tickets().await.iter().all(|ticket| ticket.health == Health::InStep));
}

#[tokio::test]
async fn nobody_can_decide_about_a_breaker_that_is_not_there() {
    let story = Story::sqlite().await;
    let nothing = BreakerId(uuid::Uuid::from_u128(9));
    assert!(story.engine.approve_breaker(nothing, &ada()).await.is_err());
}

#[tokio::test]
async fn a_card_that_lockstep_moved_four_times_in_a_day_stays_until_a_day_or_a_person_says_so() {
    let story = Story::sqlite().await;
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.settle().await;
    let item = story.work_item();
    for status in [Status::InProgress, Status::Identified, Status::InProgress, Status::Identified] {
        set(&story, status).await;
        story.settle().await;
        story.wait(Duration::minutes(5));
    }
    assert_eq!((story.board.state_of(item), kinds(&story).await), ("New".into(), vec![]));
    set(&story, Status::InProgress).await;
    story.settle().await;
    let ticket = story.ticket().await;
    assert_eq!((story.board.state_of(item), ticket.health), ("New".into(), Health::Held));
    assert!(ticket.problem.unwrap().contains("4 times within 24 hours"));
    assert_eq!(kinds(&story).await, [Kind::Flapping]);
    story.sweep().await;
    assert_eq!(story.board.state_of(item), "New");
    story.engine.retry_ticket(ticket.id, &ada()).await.unwrap();
    story.settle().await;
    assert_eq!((story.board.state_of(item), kinds(&story).await), ("Active".into(), vec![]));

    for status in [Status::Identified, Status::InProgress, Status::Identified, Status::InProgress] {
        set(&story, status).await;
        story.settle().await;
    }
    assert_eq!(story.ticket().await.health, Health::Held);
    story.wait(Duration::hours(25));
    story.settle().await;
    assert_eq!((story.ticket().await.health, kinds(&story).await), (Health::InStep, vec![]));
}

#[tokio::test]
async fn a_connection_in_shadow_mode_says_once_what_it_would_do_and_does_nothing() {
    let story = Story::sqlite().await;
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.settle().await;
    let item = story.work_item();
    switch(&story, Mode::Shadow).await;
    let writes = story.board.writes();

    story.scan(&[weakness("b", "b.js", 1)]).await;
    for _ in 0..3 {
        story.sweep().await;
    }
    let log = log_of_tickets(&story).await;
    let would: Vec<&String> = log.iter().filter(|what| what.starts_with("Would have")).collect();
    assert_eq!(would.len(), 2, "{log:?}");
    assert!(
        would.iter().any(|what| what.contains("created a Bug") && what.contains("b in b.js")),
        "{would:?}"
    );
    assert!(would.iter().any(|what| what.contains("State to Closed")), "{would:?}");

    // A card is not followed either, until the mode ends.
    story.scan(&[weakness("a", "a.js", 1), weakness("b", "b.js", 1)]).await;
    story.board.move_card(item, "Active");
    let people = story.board.writes();
    story.sweep().await;
    assert!(story.statuses().await.iter().all(|(_, status)| *status == Status::Identified));
    assert!(log_of_tickets(&story).await.iter().any(|what| what.contains("Would have followed")));
    assert_eq!(story.board.writes(), people);
    assert!(people <= writes + 1);
    assert_eq!(story.engine.plan().await.unwrap().create, 1, "the plan says what the end of the mode brings");

    switch(&story, Mode::Active).await;
    story.settle().await;
    assert_eq!(story.board.work_items().len(), 2);
    let statuses: Vec<Status> = story.statuses().await.into_iter().map(|(_, status)| status).collect();
    assert_eq!(statuses, [Status::InProgress, Status::Identified]);
    assert!(story.tickets().await.iter().all(|ticket| ticket.health == Health::InStep));
}

#[tokio::test]
async fn breakers_apply_when_shadow_mode_ends() {
    let limits = Limits { creations_at_once: 3, ..Limits::default() };
    let story = Story::on(TestDatabase::sqlite().await).limits(limits).begin().await;
    switch(&story, Mode::Shadow).await;
    story.scan(&findings(0..5)).await;
    story.settle().await;
    assert_eq!(kinds(&story).await, [], "nothing waits while nothing is written");
    switch(&story, Mode::Active).await;
    story.settle().await;
    assert_eq!((story.board.work_items().len(), kinds(&story).await), (0, vec![Kind::BreakerTripped]));
}

#[tokio::test]
async fn a_refused_credential_stops_the_connection_with_one_alarm_until_it_is_renewed() {
    let story = Story::sqlite().await;
    story.scan(&findings(0..4)).await;
    story.board.reject_sign_ins(true);
    story.settle().await;
    let open = alarms(&story).await;
    assert_eq!(
        open.iter().map(|alarm| (alarm.kind, alarm.count)).collect::<Vec<_>>(),
        [(Kind::CredentialDead, 1)]
    );
    let asked = story.board.requests();
    for _ in 0..20 {
        story.wait(Duration::hours(1));
        story.engine.step().await.unwrap();
    }
    assert_eq!(story.board.requests(), asked, "nothing is asked of a board that refuses us");
    assert_eq!(alarms(&story).await.len(), 1);
    story.board.reject_sign_ins(false);
    let renewed = SignInMethod::PersonalAccessToken(SecretString::from(emulator::seed::DEMO_PAT));
    let change = ConnectionChange { sign_in: Some(renewed), ..ConnectionChange::default() };
    story.engine.change_connection(story.connection, change, &ada()).await.unwrap();
    story.settle().await;
    assert_eq!((story.board.work_items().len(), alarms(&story).await), (4, vec![]));
}

#[tokio::test]
async fn a_parked_ticket_is_one_alarm_for_its_destination_and_goes_on_when_a_person_says_so() {
    let story = Story::sqlite().await;
    story.scan(&findings(0..3)).await;
    while story.engine.make_tickets().await.unwrap() > 0 {}
    let mut parked = story.tickets().await;
    assert_eq!(parked.len(), 3);
    let mut tx = story.engine.db().begin().await.unwrap();
    for ticket in &mut parked {
        (ticket.parked, ticket.health) = (true, Health::Parked);
        store::tickets::save(&mut tx, ticket).await.unwrap();
    }
    tx.commit().await.unwrap();
    story.settle().await;
    assert_eq!(story.board.work_items().len(), 0, "a parked ticket waits for a person");
    let open = alarms(&story).await;
    assert_eq!(open.len(), 1, "{open:?}");
    assert!(open[0].what.contains("3 tickets failed too often"), "{open:?}");
    for ticket in parked {
        story.engine.retry_ticket(ticket.id, &ada()).await.unwrap();
    }
    story.settle().await;
    assert_eq!((story.board.work_items().len(), alarms(&story).await), (3, vec![]));
}

#[tokio::test]
async fn a_ticket_whose_record_is_broken_keeps_no_other_from_its_turn() {
    let story = Story::sqlite().await;
    story.scan(&findings(0..3)).await;
    story.settle().await;
    let broken = story.tickets().await[1].id;
    let mut tx = story.engine.db().begin().await.unwrap();
    tx.execute("UPDATE ticket SET base = '{\"revision\":' WHERE id = $1", args![broken]).await.unwrap();
    tx.commit().await.unwrap();
    let mut worse = findings(0..3);
    for finding in &mut worse {
        finding["severity"] = "critical".into();
    }
    story.scan(&worse).await;
    story.sweep().await;
    let severities: Vec<Value> = story
        .board
        .work_items()
        .into_iter()
        .map(|id| story.board.fields(id)["Microsoft.VSTS.Common.Severity"].clone())
        .collect();
    assert_eq!(severities, ["1 - Critical", "2 - High", "1 - Critical"]);
    let mut tx = story.engine.db().read().await.unwrap();
    let row =
        tx.first("SELECT parked, problem FROM ticket WHERE id = $1", args![broken]).await.unwrap().unwrap();
    assert!(row.bool("parked").unwrap());
    assert!(row.text("problem").unwrap().contains("base"), "{:?}", row.text("problem"));
}

/// Keeps everything that is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_secret_gets_into_the_log_however_much_is_logged() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    // Also what other tests of this file and other threads say.
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let story = Story::sqlite().await;
    let ways = store::alarms::Way::Webhook { url: "https://alarms.example/in".into() };
    let target = engine::NewAlarmTarget {
        name: "chat".into(),
        way: ways,
        secret: Some(SecretString::from("the-key-of-the-signature")),
    };
    assert!(story.engine.create_alarm_target(target, &ada()).await.is_err(), "nobody allowed that address");
    let secret = SignInMethod::ClientSecret {
        tenant: "contoso.example".into(),
        client_id: "11111111-2222-3333-4444-555555555555".into(),
        client_secret: SecretString::from("the-client-secret-of-the-app"),
        authority: None,
    };
    let change = ConnectionChange { sign_in: Some(secret), ..ConnectionChange::default() };
    assert!(story.engine.change_connection(story.connection, change, &ada()).await.is_err());
    story.engine.subscribe_hooks(story.connection, &ada()).await.unwrap();
    story.scan(&findings(0..3)).await;
    story.board.fail_writes([Fault::LostAfter, Fault::Answered(500)]);
    story.settle().await;
    story.board.reject_sign_ins(true);
    story.wait(Duration::minutes(3));
    story.settle().await;
    story.board.reject_sign_ins(false);
    story.deliver_hooks(&story.board.deliveries()).await;
    story.sweep().await;
    let mut tx = story.engine.db().read().await.unwrap();
    let connection = store::connections::get(&mut tx, story.connection).await.unwrap().unwrap();
    let hook = story.engine.hook_url(&connection).unwrap();
    let hook_secret = hook.path_segments().unwrap().next_back().unwrap().to_owned();
    let text = String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned();
    assert!(text.contains("the connection waits"), "something was logged: {} bytes", text.len());
    for secret in [
        emulator::seed::DEMO_PAT,
        hook_secret.as_str(),
        "the-client-secret-of-the-app",
        "the-key-of-the-signature",
    ] {
        assert!(!text.contains(secret), "a secret was logged");
    }
}

#[tokio::test]
async fn a_card_that_asks_for_what_is_refused_goes_back_with_the_reason() {
    use model::map::{StatusEntry, StatusMap, Target};
    let mut map = StatusMap::default();
    for (status, state) in [
        (Status::Identified, "New"),
        (Status::InProgress, "Active"),
        (Status::RiskAccepted, "Resolved"),
        (Status::Fixed, "Closed"),
    ] {
        map.0.insert(status, StatusEntry::to(Target::state(state)));
    }
    let story = Story::on(TestDatabase::sqlite().await).map(map).begin().await;
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.settle().await;
    let item = story.work_item();
    story.board.move_card(item, "Resolved");
    story.settle().await;
    assert_eq!(kinds(&story).await, [Kind::RequestWaiting]);
    assert_eq!((story.status().await, story.board.state_of(item)), (Status::Identified, "Resolved".into()));
    let finding = story.finding().await;
    story.engine.refuse_request(finding, "it is reachable from outside", &ada()).await.unwrap();
    story.settle().await;
    assert_eq!((story.board.state_of(item), kinds(&story).await), ("New".into(), vec![]));
    let comments = story.board.comments(item);
    assert!(comments.iter().any(|text| text.contains("it is reachable from outside")), "{comments:?}");
    assert!(story.engine.refuse_request(finding, "", &ada()).await.is_err(), "nothing is asked for any more");
    story.sweep().await;
    assert_eq!(story.ticket().await.health, Health::InStep);
}

#[tokio::test]
async fn a_rule_whose_findings_no_destination_takes_is_an_alarm_until_one_does() {
    let story = Story::sqlite().await;
    let mut tx = story.engine.db().read().await.unwrap();
    let settings = store::destinations::get(&mut tx, story.destination).await.unwrap().unwrap().settings;
    drop(tx);
    story.engine.delete_destination(story.destination, &ada()).await.unwrap();
    story.scan(&findings(0..2)).await;
    story.settle().await;
    let open = alarms(&story).await;
    assert_eq!(
        open.iter().map(|alarm| (alarm.kind, alarm.count)).collect::<Vec<_>>(),
        [(Kind::RuleStopped, 1)]
    );
    assert!(open[0].what.contains("no destination"), "{}", open[0].what);
    story.settle().await;
    assert_eq!(alarms(&story).await.len(), 1, "it is said once");

    let again = NewDestination { connection_id: story.connection, binding: Default::default(), settings };
    story.engine.create_destination(again, &ada()).await.unwrap();
    story.settle().await;
    assert_eq!((story.board.work_items().len(), alarms(&story).await), (2, vec![]));
}
