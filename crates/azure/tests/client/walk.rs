//! Walking a card step by step: what the client does with each answer on the way.

use azure::{Error, Walk};
use chrono::Duration;
use model::WorkItemId;
use model::board::Change;
use serde_json::{Value, json};

use crate::support::{Answer, Bench, bug_shape, json, ok};

fn item(revision: i64, state: &str, column: &str) -> Answer {
    ok(json!({"id": 7, "rev": revision, "fields": {
        "System.State": state, "WEF_0123_Kanban.Column": column, "WEF_0123_Kanban.Column.Done": false}}))
}

fn to_state(name: &str) -> Change {
    Change { state: Some(name.into()), ..Change::default() }
}

fn to_column(name: &str) -> Change {
    Change { column: Some(name.into()), ..Change::default() }
}

/// Takes all steps; how many, and what stopped them.
async fn walk(walk: &mut Walk<'_>) -> (usize, Option<Error>) {
    let (mut taken, mut failure) = (0, None);
    while !walk.is_over() {
        failure = walk.step().await.err();
        taken += 1;
    }
    (taken, failure)
}

fn tested(sent: &Value) -> Option<i64> {
    sent.as_array()?.iter().find(|operation| operation["op"] == "test")?["value"].as_i64()
}

#[tokio::test]
async fn each_step_is_sent_on_the_revision_that_the_step_before_made() {
    let bench = Bench::new([item(4, "New", "New"), item(6, "Active", "Active"), item(7, "Active", "Review")]);
    let (shape, steps) = (bug_shape(), [to_state("New"), to_state("Active"), to_column("Review")]);
    let mut way = bench.client.walk(WorkItemId(7), 3, &shape, &steps, bench.soon());
    assert_eq!(walk(&mut way).await, (3, None));
    assert_eq!(way.revision(), 7);
    let revisions: Vec<_> = bench.script.sent().iter().map(|sent| tested(&sent.json()).unwrap()).collect();
    assert_eq!(revisions, [3, 4, 6]);
}

#[tokio::test]
async fn a_step_to_where_the_card_stands_already_is_not_sent_unless_it_says_more() {
    let bench = Bench::new([item(4, "New", "Inbox"), item(5, "New", "Inbox")]);
    let shape = bug_shape();
    let steps = [to_state("New"), to_column("inbox")];
    let mut way = bench.client.walk(WorkItemId(7), 3, &shape, &steps, bench.soon());
    assert_eq!(walk(&mut way).await, (1, None));
    let steps = [Change { comment: Some("<p>Fixed</p>".into()), ..to_column("Inbox") }];
    let mut way = bench.client.walk(WorkItemId(7), 4, &shape, &steps, bench.soon());
    assert_eq!(walk(&mut way).await, (1, None));
}

#[tokio::test]
async fn a_card_that_ends_elsewhere_is_told_with_where_it_stands_and_nothing_more_is_sent() {
    let bench = Bench::new([item(4, "Active", "Doing")]);
    let (shape, steps) = (bug_shape(), [to_column("Review"), to_state("Resolved")]);
    let mut way = bench.client.walk(WorkItemId(7), 3, &shape, &steps, bench.soon());
    let (taken, failure) = walk(&mut way).await;
    let error = failure.unwrap();
    assert!(taken == 1 && matches!(error, Error::Misplaced { .. }), "{error:?}");
    assert_eq!(
        error.message(),
        "Could not move work item 7 to the column Review: Azure DevOps took the update, but the card stands elsewhere (state Active, column Doing)"
    );
    assert_eq!((way.revision(), way.item().map(azure::Item::revision)), (4, Some(4)));
}

#[tokio::test]
async fn somebody_elses_change_stops_the_walk_and_the_steps_before_it_stand() {
    let moved = json!({"message": "VS403351: Test Operation for path /rev failed, value 6 was not equal to test value 4.",
        "typeKey": "TestPatchOperationFailedException"});
    let bench = Bench::new([item(4, "Active", "Doing"), json(412, moved)]);
    let (shape, steps) = (bug_shape(), [to_state("Active"), to_state("Resolved"), to_state("Closed")]);
    let mut way = bench.client.walk(WorkItemId(7), 3, &shape, &steps, bench.soon());
    let (taken, failure) = walk(&mut way).await;
    assert!(taken == 2 && matches!(failure, Some(Error::RevisionMoved { .. })), "{failure:?}");
    assert_eq!(way.item().map(azure::Item::revision), Some(4));
    assert_eq!(way.step().await, Ok(()), "a stopped walk does nothing more");
    assert_eq!(bench.script.sent().len(), 2);
}

#[tokio::test]
async fn no_step_leaves_after_the_deadline_of_the_whole_way() {
    let bench = Bench::new([item(4, "Active", "Doing")]);
    bench.script.take_time(Duration::seconds(31));
    let (shape, steps) = (bug_shape(), [to_state("Active"), to_state("Resolved")]);
    let mut way = bench.client.walk(WorkItemId(7), 3, &shape, &steps, bench.soon());
    let (taken, failure) = walk(&mut way).await;
    assert!(taken == 2 && matches!(failure, Some(Error::DeadlinePassed { .. })), "{failure:?}");
    assert_eq!(bench.script.sent().len(), 1);
}
