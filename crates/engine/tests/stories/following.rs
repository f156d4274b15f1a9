//! Stories of cards that people move while something else happens.

use chrono::Duration;
use model::Status;
use model::map::{StatusEntry, StatusMap, Target};
use store::args;
use store::tickets::Health;
use testkit::{Fault, Halt, Report, Story, TestDatabase, weakness};

#[tokio::test]
async fn a_claim_and_a_scan_that_refutes_it_end_the_same_whichever_is_read_first() {
    let mut ends = Vec::new();
    for card_is_read_first in [true, false] {
        let story = Story::sqlite().await;
        let found = [weakness("a", "a.js", 1)];
        story.scan(&found).await;
        story.settle().await;
        let item = story.work_item();
        story.board.move_card(item, "Active");
        story.settle().await;
        story.board.move_card(item, "Closed");
        if card_is_read_first {
            story.settle().await;
            assert_eq!(story.status().await, Status::AwaitingValidation);
        }
        story.scan(&found).await;
        story.settle().await;
        story.settle().await;
        let told = story.board.comments(item).iter().any(|text| text.contains("Still seen by testscan"));
        ends.push((story.status().await, story.board.state_of(item), story.ticket().await.health, told));
    }
    assert_eq!(ends[0], (Status::Identified, "New".to_owned(), Health::InStep, true));
    assert_eq!(ends[1], ends[0]);
}

#[tokio::test]
async fn a_scan_that_started_before_the_card_was_moved_does_not_refute_the_claim() {
    let story = Story::sqlite().await;
    let found = [weakness("a", "a.js", 1)];
    story.scan(&found).await;
    story.settle().await;
    let item = story.work_item();
    story.wait(Duration::minutes(5));
    let started = story.now();
    story.wait(Duration::minutes(5));
    story.board.move_card(item, "Closed");
    story.wait(Duration::minutes(5));
    // The slow scan ends after the move; the card is read after that.
    story.import("shop", &Report::of(started, &found)).await;
    story.settle().await;
    assert_eq!(story.status().await, Status::AwaitingValidation);
    assert_eq!(story.board.state_of(item), "Closed");
}

#[tokio::test]
async fn a_card_that_is_moved_between_our_read_and_our_write_is_followed() {
    let story = Story::sqlite().await;
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.settle().await;
    let item = story.work_item();
    let mut worse = weakness("a", "a.js", 1);
    worse["severity"] = "critical".into();
    story.scan(&[worse]).await;
    story.board.halt_next(Halt::AfterRead);
    let engine = story.engine.clone();
    let step = tokio::spawn(async move { engine.step().await });
    story.board.stands_still().await;
    story.board.edit(item, &[("System.State", "Active".into()), ("System.Title", "Ours".into())]);
    story.board.let_go();
    step.await.unwrap().unwrap();
    story.settle().await;
    assert_eq!(story.status().await, Status::InProgress);
    let fields = story.board.fields(item);
    assert_eq!(fields["System.Title"], "Ours");
    assert_eq!(fields["System.State"], "Active");
    assert_eq!(fields["Microsoft.VSTS.Common.Severity"], "1 - Critical", "and ours arrives too");
}

#[tokio::test]
async fn a_hint_that_comes_after_the_board_was_read_is_not_lost() {
    let story = Story::sqlite().await;
    story.engine.subscribe_hooks(story.connection, &engine::Actor { name: "Ada".into() }).await.unwrap();
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.settle().await;
    let item = story.work_item();
    story.board.edit(item, &[("System.Tags", "lockstep; x".into())]);
    story.wait(Duration::seconds(20));
    story.deliver_hooks(&story.board.deliveries()).await;
    // Only what hooks say is looked at: the feed is not due for a while.
    let mut tx = story.engine.db().begin().await.unwrap();
    let later = (story.now() + Duration::days(1)).timestamp_micros();
    tx.execute("UPDATE connection SET feed_due_at = $1, sweep_due_at = $1", store::args![later])
        .await
        .unwrap();
    tx.commit().await.unwrap();
    story.board.halt_next(Halt::AfterRead);
    let engine = story.engine.clone();
    let step = tokio::spawn(async move { engine.step().await });
    story.board.stands_still().await;
    story.board.move_card(item, "Active");
    story.wait(Duration::seconds(20));
    story.deliver_hooks(&story.board.deliveries()).await;
    story.board.let_go();
    step.await.unwrap().unwrap();
    story.engine.step().await.unwrap();
    assert_eq!(story.status().await, Status::InProgress);
}

#[tokio::test]
async fn a_scan_that_commits_while_we_write_is_not_forgotten() {
    let story = Story::sqlite().await;
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.settle().await;
    let item = story.work_item();
    story.scan(&[weakness("a", "a.js", 50)]).await;
    story.board.halt_next(Halt::AfterWrite);
    let engine = story.engine.clone();
    let step = tokio::spawn(async move { engine.step().await });
    story.board.stands_still().await;
    let other = story.another_replica();
    story.wait(Duration::seconds(5));
    let started = story.now();
    story.submit("shop", &Report::of(started, &[])).await.unwrap();
    while story.engine.run_next_job().await.unwrap() {}
    drop(other);
    story.board.let_go();
    step.await.unwrap().unwrap();
    story.settle().await;
    assert_eq!(story.status().await, Status::Fixed);
    assert_eq!(story.board.state_of(item), "Closed");
}

#[tokio::test]
async fn a_replica_that_read_the_board_before_the_last_write_does_not_undo_it() {
    let story = Story::sqlite().await;
    let other = story.another_replica();
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.settle().await;
    let item = story.work_item();
    story.scan(&[]).await;
    // One reads the open card and stands still; the other closes it by the evidence.
    story.board.halt_next(Halt::AfterRead);
    let engine = story.engine.clone();
    let frozen = tokio::spawn(async move { engine.step().await });
    story.board.stands_still().await;
    story.wait(Duration::minutes(2));
    other.step().await.unwrap();
    assert_eq!(story.board.state_of(item), "Closed");
    story.board.let_go();
    frozen.await.unwrap().unwrap();
    for _ in 0..3 {
        story.wait(Duration::minutes(2));
        story.engine.step().await.unwrap();
        other.step().await.unwrap();
    }
    assert_eq!(story.status().await, Status::Fixed);
    assert_eq!(story.board.state_of(item), "Closed");
    assert_eq!(story.ticket().await.health, Health::Closed);
}

#[tokio::test]
async fn a_card_moves_every_finding_it_may_and_no_other() {
    let story = Story::on(TestDatabase::sqlite().await).grouped().begin().await;
    let all = ["a.js", "b.js", "c.js"].map(|path| weakness("sql", path, 1));
    story.scan(&all).await;
    story.settle().await;
    let item = story.work_item();
    // One is accepted by a person, one is proved fixed, one is left.
    let mut tx = story.engine.db().read().await.unwrap();
    let row = tx.first("SELECT id FROM finding ORDER BY title", vec![]).await.unwrap().unwrap();
    let first = row.id("id").unwrap();
    drop(tx);
    let accepted =
        engine::StatusChange { status: Status::RiskAccepted, reason: Some("known".into()), temporary: None };
    story.engine.set_status(first, accepted, &engine::Actor { name: "Ada".into() }).await.unwrap();
    story.scan(&[all[0].clone(), all[2].clone()]).await;
    story.settle().await;
    story.board.move_card(item, "Active");
    story.settle().await;
    let statuses: Vec<Status> = story.statuses().await.into_iter().map(|(_, status)| status).collect();
    assert_eq!(statuses, [Status::RiskAccepted, Status::Fixed, Status::InProgress]);
    assert_eq!(story.board.state_of(item), "Active");
}

#[tokio::test]
async fn a_card_that_asks_for_an_acceptance_stays_where_it_is_until_a_person_decides() {
    let entry = |state: &str| StatusEntry::to(Target::state(state));
    let map = StatusMap(
        [(Status::Identified, "New"), (Status::RiskAccepted, "Resolved"), (Status::Fixed, "Closed")]
            .map(|(status, state)| (status, entry(state)))
            .into(),
    );
    let story = Story::on(TestDatabase::sqlite().await).map(map).begin().await;
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.settle().await;
    let item = story.work_item();
    story.board.move_card(item, "Resolved");
    story.sweep().await;
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.sweep().await;
    assert_eq!(story.status().await, Status::Identified, "asking decides nothing");
    assert_eq!(story.board.state_of(item), "Resolved");
    let accepted =
        engine::StatusChange { status: Status::RiskAccepted, reason: Some("known".into()), temporary: None };
    let ada = engine::Actor { name: "Ada".into() };
    story.engine.set_status(story.finding().await, accepted, &ada).await.unwrap();
    story.sweep().await;
    assert_eq!(story.board.state_of(item), "Resolved", "the card stands there already");
    assert_eq!(story.ticket().await.health, Health::Closed);
}

#[tokio::test]
async fn a_card_that_the_board_puts_elsewhere_waits_for_a_person_and_every_try_is_in_the_log() {
    let story = Story::sqlite().await;
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.settle().await;
    let item = story.work_item();
    story.board.fail_writes([Fault::PutBack; 3]);
    story.scan(&[]).await;
    for _ in 0..4 {
        story.settle().await;
        story.wait(Duration::minutes(5));
    }
    assert_eq!((story.status().await, story.board.state_of(item)), (Status::Fixed, "New".into()));
    let ticket = story.ticket().await;
    assert_eq!(ticket.health, Health::Parked, "{:?}", ticket.problem);
    let mut tx = story.engine.db().read().await.unwrap();
    let log = tx.all("SELECT what FROM audit WHERE subject = 'ticket'", args![]).await.unwrap();
    let tries = log.iter().filter(|row| row.text("what").unwrap().contains("stands elsewhere")).count();
    assert_eq!(tries, 3);
}

#[tokio::test]
async fn a_link_of_ours_that_a_person_takes_away_stays_away_and_is_told() {
    let story = Story::sqlite().await;
    story.scan(&[weakness("a", "a.js", 1), weakness("b", "b.js", 1)]).await;
    story.settle().await;
    let item = story.board.work_items()[0];
    let patch = serde_json::json!([{ "op": "remove", "path": "/relations/0" }]);
    let path = format!("_apis/wit/workitems/{item}?api-version=7.1");
    story.board.act("PATCH", &path, "application/json-patch+json", &patch);
    let before = story.board.writes();
    story.sweep().await;
    story.settle().await;
    story.sweep().await;
    story.settle().await;
    assert_eq!(story.board.writes(), before, "it is not added again");
    let mut tx = story.engine.db().read().await.unwrap();
    let told =
        tx.all("SELECT what FROM audit WHERE what LIKE 'The link to Lockstep was taken off%'", args![]);
    assert_eq!(told.await.unwrap().len(), 1, "it is said once");
}
