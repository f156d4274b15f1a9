//! How long a move of a card by a person takes until the finding says so.
//!
//! Method: the real engine with its background tasks and an SQLite file, and the emulator, over HTTP on this machine. A
//! person moves a card; from the moment in which the board has carried that out, the finding is read from the database
//! every millisecond until it is Awaiting Validation. With hooks, the emulator delivers the event over HTTP as soon as it
//! happens; the real service takes some seconds to do so (azure-devops.md section 9.4), which is not ours to measure or
//! to mend. Without hooks, the feed is polled; each move is made soon after the poll that saw the one before, so
//! that nearly the whole interval is waited for.
//!
//! `cargo bench -p engine --bench latency` prints 50%, 95% and the longest, and fails where a limit is broken.

#![expect(clippy::unwrap_used, reason = "a measurement that cannot be made fails")]
#![expect(clippy::print_stdout, reason = "what was measured is printed")]

use std::time::{Duration, Instant};

use model::map::StatusMap;
use model::{Status, WorkItemId};
use store::tickets::Health;
use testkit::Served;

/// The limit with hooks.
const WITH_HOOKS: Duration = Duration::from_secs(1);
/// How often the feed is read where there are no hooks.
const POLL: Duration = Duration::from_secs(2);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Hooks,
    Polls,
}

async fn measure(way: Way, moves: usize) -> Vec<Duration> {
    let served = Served::begin("", StatusMap::default(), |settings| {
        settings.poll_interval = match way {
            Way::Hooks => chrono::Duration::hours(1),
            Way::Polls => chrono::Duration::from_std(POLL).unwrap(),
        };
    })
    .await;
    if way == Way::Hooks {
        served.subscribe().await;
    }
    served.scan(moves).await;
    served.engine.start().await.unwrap();
    let begun = Instant::now();
    let tickets = loop {
        let tickets = served.tickets().await;
        if tickets.len() == moves && tickets.iter().all(|ticket| ticket.health == Health::InStep) {
            break tickets;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "the work items are created");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    // The hooks of the creations are delivered and looked at.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut took = Vec::new();
    for ticket in tickets {
        let finding = served.finding_of(&ticket).await;
        let WorkItemId(id) = ticket.work_item_id.unwrap();
        served.move_card(id, "Resolved");
        let moved = Instant::now();
        while served.status_of(finding).await != Status::AwaitingValidation {
            assert!(moved.elapsed() < Duration::from_secs(30), "the finding follows");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        took.push(moved.elapsed());
        // Never the same moment after what went before.
        tokio::time::sleep(Duration::from_millis(37 + id.unsigned_abs() % 11 * 13)).await;
    }
    served.end().await;
    took.sort();
    took
}

fn report(what: &str, took: &[Duration], limit: Duration) {
    let at = |share: usize| took[(took.len() - 1) * share / 100].as_millis();
    let longest = took.last().unwrap();
    println!(
        "{what}: {} moves, 50% within {} ms, 95% within {} ms, longest {} ms (limit {} ms)",
        took.len(),
        at(50),
        at(95),
        longest.as_millis(),
        limit.as_millis()
    );
    assert!(*longest <= limit, "{what}: the limit is broken");
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        report("with hooks", &measure(Way::Hooks, 60).await, WITH_HOOKS);
        // Reading the page and the work item takes its time too.
        report("without hooks", &measure(Way::Polls, 20).await, POLL + Duration::from_millis(500));
    });
}
