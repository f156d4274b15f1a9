//! What the service is asked for, counted by the emulator over real HTTP, against the bounds of the design ("Azure DevOps
//! economics"). `cargo test -p engine --test stories economy -- --nocapture` prints the table of docs/economy.md.

#![expect(clippy::print_stdout, reason = "what was counted is printed")]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use emulator::{Family, LogEntry};
use model::map::StatusMap;
use model::{Status, WorkItemId};
use store::tickets::Health;
use testkit::{Served, of_family};

/// Work items that are read or written in one call.
const BATCH: usize = 200;

/// Calls of a run that are no part of its size: a page of the feed that is the last, and one to spare.
const MORE: usize = 2;

fn tell(what: &str, work_items: usize, asked: &[LogEntry], since: Instant) {
    let mut families = BTreeMap::new();
    for entry in asked {
        *families.entry(format!("{:?}", entry.family)).or_insert(0) += 1;
    }
    let calls = asked.len();
    let writes = asked.iter().filter(|entry| entry.write).count();
    let each = calls as f64 / work_items as f64;
    let took = since.elapsed().as_millis();
    println!(
        "{what:<44} {work_items:>6} work items {calls:>5} calls {each:>8.4} each {writes:>4} writes {took:>6} ms  {families:?}"
    );
}

/// The calls that were no page of the feed: what the feed tells is one page for each 200 changes, whoever made them.
fn without_the_feed(asked: &[LogEntry]) -> usize {
    asked.len() - of_family(asked, Family::Reporting)
}

async fn in_step(served: &Served) -> usize {
    served.tickets().await.iter().filter(|ticket| ticket.health == Health::InStep).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_items_are_created_changed_and_swept_by_the_hundred() {
    let mut served = Served::begin("", StatusMap::default(), |settings| {
        settings.poll_interval = chrono::Duration::zero();
    })
    .await;
    served.engine.step().await.unwrap();
    let (_, since) = served.asked(0);

    let begun = Instant::now();
    served.scan(1000).await;
    served.engine.step().await.unwrap();
    let (asked, since) = served.asked(since);
    tell("create, no placement", 1000, &asked, begun);
    assert_eq!(in_step(&served).await, 1000);
    assert_eq!(served.work_items().len(), 1000);
    assert!(without_the_feed(&asked) <= 1000 / BATCH + MORE, "{asked:#?}");
    assert_eq!(of_family(&asked, Family::Batch), 1000 / BATCH);

    served.tag_everything("from-the-second-team").await;
    let (_, since) = served.asked(since);
    let begun = Instant::now();
    served.engine.step().await.unwrap();
    let (asked, since) = served.asked(since);
    tell("change", 1000, &asked, begun);
    assert_eq!(in_step(&served).await, 1000);
    assert!(without_the_feed(&asked) <= 2 * 1000 / BATCH + MORE, "{asked:#?}");
    assert_eq!(of_family(&asked, Family::Batch), 1000 / BATCH);

    let begun = Instant::now();
    served.scan(10_000).await;
    served.engine.step().await.unwrap();
    let (asked, since) = served.asked(since);
    tell("create, no placement", 9000, &asked, begun);
    assert_eq!(in_step(&served).await, 10_000);

    // What the feed has to say of our own changes is read before.
    served.engine.step().await.unwrap();
    let (_, since) = served.asked(since);
    let begun = Instant::now();
    served.sweep().await;
    let (asked, since) = served.asked(since);
    tell("sweep, nothing changed", 10_000, &asked, begun);
    assert!(asked.len() <= 10_000 / BATCH + MORE, "{asked:#?}");
    assert_eq!(asked.iter().filter(|entry| entry.write).count(), 0);

    let ticket = served.tickets().await.swap_remove(17);
    let finding = served.finding_of(&ticket).await;
    let Some(WorkItemId(id)) = ticket.work_item_id else { panic!("it has a work item") };
    served.move_card(id, "Resolved");
    let (_, since) = served.asked(since);
    let begun = Instant::now();
    served.engine.step().await.unwrap();
    let (asked, _) = served.asked(since);
    tell("one move on the board", 1, &asked, begun);
    assert_eq!(served.status_of(finding).await, Status::AwaitingValidation);
    assert_eq!(without_the_feed(&asked), 1, "one read: {asked:#?}");
    assert_eq!(asked.iter().filter(|entry| entry.write).count(), 0);
    served.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cards_that_belong_into_a_lane_cost_one_placement_pass() {
    let served = Served::begin("Expedite", StatusMap::default(), |_| {}).await;
    served.engine.step().await.unwrap();
    let (_, since) = served.asked(0);
    let begun = Instant::now();
    served.scan(1000).await;
    served.engine.step().await.unwrap();
    let (asked, _) = served.asked(since);
    tell("create, with a lane", 1000, &asked, begun);
    assert_eq!(in_step(&served).await, 1000);
    for ticket in served.tickets().await {
        let item = ticket.work_item.expect("it was read");
        assert_eq!(item.lane.as_deref(), Some("Expedite"));
    }
    assert!(without_the_feed(&asked) <= 3 * 1000 / BATCH + MORE, "{asked:#?}");
    served.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_the_answer_to_a_request_with_two_hundred_creations_is_lost_each_is_still_made_once() {
    let served = Served::begin("", StatusMap::default(), |settings| {
        settings.write_deadline = chrono::Duration::seconds(5);
        settings.settle = chrono::Duration::seconds(1);
    })
    .await;
    served.engine.step().await.unwrap();
    let (_, since) = served.asked(0);
    served.fault("wit/\\$batch", "dropAfter").await;
    let begun = Instant::now();
    served.scan(1000).await;
    while in_step(&served).await < 1000 {
        assert!(begun.elapsed() < Duration::from_secs(60), "they are all in step in the end");
        served.engine.step().await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let (asked, _) = served.asked(since);
    tell("create, one answer lost", 1000, &asked, begun);
    assert_eq!(served.work_items().len(), 1000);
    // The look-up is a query and the reads of what it finds.
    assert!(without_the_feed(&asked) <= 2 * 1000 / BATCH + 2 * MORE, "{asked:#?}");
    served.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_move_by_a_person_causes_no_write_with_hooks_feed_and_sweeps_all_on() {
    let served = Served::begin("", StatusMap::default(), |settings| {
        settings.poll_interval = chrono::Duration::seconds(1);
        settings.sweep_interval = chrono::Duration::seconds(1);
    })
    .await;
    served.subscribe().await;
    served.scan(20).await;
    served.engine.start().await.unwrap();
    until("all are in step", async || in_step(&served).await == 20).await;
    let quiet = async || served.emulator.with_state(|board| board.next_due()).is_none();
    until("the hooks of our own writes are delivered", quiet).await;

    let ticket = served.tickets().await.swap_remove(3);
    let finding = served.finding_of(&ticket).await;
    let Some(WorkItemId(id)) = ticket.work_item_id else { panic!("it has a work item") };
    served.move_card(id, "Resolved");
    let moved = served.counters().writes;
    let claimed = async || served.status_of(finding).await == Status::AwaitingValidation;
    until("the finding follows", claimed).await;
    until("its hooks are delivered", quiet).await;
    for _ in 0..10 {
        served.sweep().await;
    }
    assert_eq!(served.counters().writes, moved, "the map demands no write");

    // A scan that still sees it is evidence against the claim: the map demands that the card is moved back, once.
    served.scan(20).await;
    let refuted =
        async || served.status_of(finding).await == Status::Identified && in_step(&served).await == 20;
    until("the claim is refuted and the card is back", refuted).await;
    until("its hooks are delivered", quiet).await;
    for _ in 0..10 {
        served.sweep().await;
    }
    assert_eq!(served.counters().writes, moved + 1, "one write, and no echo of it");
    served.end().await;
}

async fn until(what: &str, holds: impl AsyncFn() -> bool) {
    let begun = Instant::now();
    while !holds().await {
        assert!(begun.elapsed() < Duration::from_secs(30), "waited too long: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
