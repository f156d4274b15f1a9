//! Stories of statuses that end by themselves: tickets follow, and the log names the clock.

use chrono::Duration;
use engine::{Actor, StatusChange};
use model::Status;
use model::status::FallBack;
use store::args;
use testkit::{Story, weakness};

fn ada() -> Actor {
    Actor { name: "Ada".into() }
}

async fn set(story: &Story, status: Status, days: i64, then: FallBack) -> Result<(), engine::Refusal> {
    let temporary = Some((story.now() + Duration::days(days), then));
    let change = StatusChange { status, reason: Some("until the release".into()), temporary };
    story.engine.set_status(story.finding().await, change, &ada()).await
}

async fn begin() -> (Story, i64) {
    let story = Story::sqlite().await;
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.settle().await;
    let item = story.work_item();
    (story, item)
}

#[tokio::test]
async fn a_status_until_a_day_falls_back_to_the_one_that_was_named_and_the_card_goes_along() {
    let (story, item) = begin().await;
    set(&story, Status::FalsePositive, 30, FallBack::InProgress).await.unwrap();
    story.settle().await;
    assert_eq!((story.status().await, story.board.state_of(item)), (Status::FalsePositive, "Closed".into()));
    story.wait(Duration::days(31));
    story.settle().await;
    assert_eq!((story.status().await, story.board.state_of(item)), (Status::InProgress, "Active".into()));

    let mut tx = story.engine.db().read().await.unwrap();
    let rows =
        tx.all("SELECT cause, what FROM audit WHERE subject = 'finding' ORDER BY id", args![]).await.unwrap();
    let ended = rows.iter().position(|row| row.text("cause").unwrap() == "clock").unwrap();
    assert!(rows[ended].text("what").unwrap().starts_with("False Positive was temporary, until "));
    let before = rows[ended - 1].text("what").unwrap();
    assert!(before.contains(", then In Progress by Ada: until the release"), "{before}");
}

#[tokio::test]
async fn what_a_scan_or_a_card_says_meanwhile_ends_what_was_temporary() {
    let (story, item) = begin().await;
    set(&story, Status::Waiting, 30, FallBack::Created).await.unwrap();
    story.settle().await;
    story.board.move_card(item, "Resolved");
    story.settle().await;
    assert_eq!(story.status().await, Status::AwaitingValidation);
    story.wait(Duration::days(31));
    story.settle().await;
    assert_eq!(story.status().await, Status::AwaitingValidation, "a claim has no end");
}

#[tokio::test]
async fn a_finding_that_was_fixed_meanwhile_stays_fixed_when_its_time_is_over() {
    let (story, item) = begin().await;
    set(&story, Status::Waiting, 30, FallBack::Identified).await.unwrap();
    story.scan(&[]).await;
    story.settle().await;
    story.wait(Duration::days(31));
    story.settle().await;
    assert_eq!((story.status().await, story.board.state_of(item)), (Status::Fixed, "Closed".into()));
}

#[tokio::test]
async fn a_day_that_is_over_or_in_another_age_is_refused_and_nothing_changes() {
    let (story, _) = begin().await;
    for days in [-1, 5000] {
        let refused = set(&story, Status::Waiting, days, FallBack::Identified).await.unwrap_err();
        assert_eq!(refused.code, "status_impossible");
    }
    assert_eq!(story.status().await, Status::Identified);
}
