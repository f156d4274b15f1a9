//! Stories of creations that are cut short, delayed, doubled or raced: one ticket, one work item.

use chrono::Duration;
use engine::Actor;
use model::Status;
use model::following::Repair;
use serde_json::json;
use store::tickets::{Health, Intent};
use testkit::{Fault, Halt, OTHER_PROJECT, Story, weakness};

#[tokio::test]
async fn a_process_that_dies_anywhere_on_the_way_makes_one_work_item() {
    // A future that is dropped at one of its waits is a process that dies there.
    for waits in (1..200).step_by(3) {
        let mut story = Story::sqlite().await;
        story.scan(&[weakness("a", "a.js", 1)]).await;
        let died = dies_after(waits, story.engine.step()).await;
        story.restart();
        for _ in 0..3 {
            story.wait(Duration::minutes(1));
            story.settle().await;
        }
        let item = story.work_item();
        let ticket = story.ticket().await;
        assert_eq!(ticket.work_item_id.map(|id| id.0), Some(item), "after {waits} waits");
        assert_eq!(ticket.health, Health::InStep, "after {waits} waits: {:?}", ticket.problem);
        if !died {
            return;
        }
    }
}

/// Drives a future until it has waited so often, then drops it. Answers whether it was cut short.
async fn dies_after(waits: usize, future: impl Future<Output = Result<(), engine::Refusal>>) -> bool {
    let mut future = Box::pin(future);
    let mut left = waits;
    std::future::poll_fn(|context| match future.as_mut().poll(context) {
        std::task::Poll::Ready(done) => {
            assert!(done.is_ok(), "{done:?}");
            std::task::Poll::Ready(false)
        }
        std::task::Poll::Pending => {
            left -= 1;
            if left == 0 { std::task::Poll::Ready(true) } else { std::task::Poll::Pending }
        }
    })
    .await
}

#[tokio::test]
async fn an_outcome_that_becomes_askable_during_a_pass_is_asked_before_anything_is_created() {
    let story = Story::sqlite().await;
    // A ticket whose creation took place, but nobody knows; another one whose turn comes before it.
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.board.fail_writes([Fault::LostAfter]);
    story.engine.step().await.unwrap();
    let lost = story.ticket().await;
    story.scan(&[weakness("a", "a.js", 1), weakness("b", "b.js", 1)]).await;
    while story.engine.make_tickets().await.unwrap() > 0 {}
    // It is due, as after a crash, and its time to wait ends a second after the pass began.
    let mut ticket = lost.clone();
    let Some(Intent::Create { deadline, .. }) = &mut ticket.intent else { panic!("{lost:?}") };
    *deadline = story.now() - Duration::seconds(39);
    ticket.next_attempt_at = story.now() - Duration::hours(1);
    let mut tx = story.engine.db().begin().await.unwrap();
    store::tickets::save(&mut tx, &ticket).await.unwrap();
    tx.commit().await.unwrap();
    story.board.halt_next(Halt::AfterWrite);
    let engine = story.engine.clone();
    let step = tokio::spawn(async move { engine.step().await });
    story.board.stands_still().await;
    story.wait(Duration::seconds(5));
    story.board.let_go();
    step.await.unwrap().unwrap();
    story.settle().await;
    assert_eq!(story.board.work_items().len(), 2, "one for each ticket");
}

#[tokio::test]
async fn a_replica_that_was_frozen_sends_nothing_late_and_leaves_the_other_ones_try_alone() {
    let story = Story::sqlite().await;
    let other = story.another_replica();
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.board.halt_next(Halt::BeforeWrite);
    let engine = story.engine.clone();
    let frozen = tokio::spawn(async move { engine.step().await });
    story.board.stands_still().await;
    // The lease and the time to wait are over: the other one looks, finds nothing, and creates; its answer is lost.
    story.wait(Duration::minutes(2));
    story.board.fail_writes([Fault::LostAfter]);
    other.step().await.unwrap();
    assert_eq!(story.board.work_items().len(), 1);
    story.board.let_go();
    frozen.await.unwrap().unwrap();
    assert!(story.ticket().await.intent.is_some(), "the outcome of the other one's try is still not known");
    for _ in 0..4 {
        story.wait(Duration::minutes(1));
        other.step().await.unwrap();
        story.engine.step().await.unwrap();
    }
    assert_eq!(story.ticket().await.work_item_id.map(|id| id.0), Some(story.work_item()));
}

/// Found by the simulation, seed 6618.
#[tokio::test]
async fn what_a_frozen_replica_created_is_not_taken_once_it_was_given_up() {
    let story = Story::sqlite().await;
    let other = story.another_replica();
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.board.halt_next(Halt::AfterWrite);
    let engine = story.engine.clone();
    let frozen = tokio::spawn(async move { engine.step().await });
    story.board.stands_still().await;
    story.wait(Duration::minutes(2));
    other.step().await.unwrap();
    let first = story.ticket().await.work_item_id.unwrap();
    story.board.delete(first.0);
    story.wait(Duration::hours(2));
    other.step().await.unwrap();
    let ada = engine::Actor { name: "Ada".into() };
    other.repair_ticket(story.ticket().await.id, Repair::Replace, &ada).await.unwrap();
    story.board.fail_writes([Fault::LostBefore]);
    other.step().await.unwrap();
    assert_eq!(story.ticket().await.work_item_id, None, "a new one is to be made");

    story.board.let_go();
    frozen.await.unwrap().unwrap();
    assert_ne!(story.ticket().await.work_item_id, Some(first));
    story.wait(Duration::minutes(5));
    story.settle().await;
    assert_eq!(story.ticket().await.work_item_id.map(|id| id.0), Some(story.work_item()));
}

#[tokio::test]
async fn a_person_who_edits_the_item_before_its_number_is_known_is_not_overruled() {
    let story = Story::sqlite().await;
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.board.fail_writes([Fault::LostAfter]);
    story.engine.step().await.unwrap();
    let item = story.work_item();
    story.board.edit(
        item,
        &[("System.Title", "Ours".into()), ("System.State", "Active".into()), ("System.Tags", "team".into())],
    );
    story.wait(Duration::minutes(2));
    story.settle().await;
    assert_eq!(story.status().await, Status::InProgress, "the card was moved by a person");
    assert_eq!(story.board.state_of(item), "Active");
    // And later changes of ours do not take the title back.
    let mut other = weakness("a", "a.js", 1);
    other["title"] = "another title".into();
    story.scan(&[other]).await;
    story.settle().await;
    let fields = story.board.fields(item);
    assert_eq!(fields["System.Title"], "Ours");
    assert_eq!(fields["System.Tags"], "team");
    assert_eq!(story.board.work_items(), [item]);
}

#[tokio::test]
async fn two_items_with_one_key_keep_the_lowest_number_and_say_so() {
    let story = Story::sqlite().await;
    story.scan(&[weakness("a", "a.js", 1)]).await;
    // The first one is applied far too late, when the board was asked already and a second one is on its way.
    story.board.fail_writes([Fault::AppliedLater(Duration::minutes(2)), Fault::LostAfter]);
    story.engine.step().await.unwrap();
    story.wait(Duration::seconds(61));
    story.engine.step().await.unwrap();
    story.wait(Duration::minutes(3));
    story.settle().await;
    let items = story.board.work_items();
    assert_eq!(items.len(), 2, "no client can prevent that");
    let ticket = story.ticket().await;
    assert_eq!(ticket.work_item_id.map(|id| id.0), items.first().copied());
    let problem = ticket.problem.unwrap_or_default();
    assert!(problem.contains(&items[1].to_string()), "{problem}");
    assert!(ticket.next_step.is_some());
}

#[tokio::test]
async fn a_link_pasted_into_another_tickets_item_does_not_stop_anything() {
    let story = Story::sqlite().await;
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.settle().await;
    let first = story.work_item();
    story.scan(&[weakness("a", "a.js", 1), weakness("b", "b.js", 1)]).await;
    story.board.fail_writes([Fault::LostBefore]);
    story.engine.step().await.unwrap();
    let tickets = story.tickets().await;
    let token = &tickets.iter().find(|ticket| ticket.work_item_id.is_none()).unwrap().token;
    let link = json!([{
        "op": "add",
        "path": "/relations/-",
        "value": { "rel": "Hyperlink", "url": format!("https://lockstep.example/tickets/x?key={token}") }
    }]);
    story.board.act(
        "PATCH",
        &format!("_apis/wit/workitems/{first}?api-version=7.1"),
        "application/json-patch+json",
        &link,
    );
    story.wait(Duration::minutes(2));
    story.settle().await;
    assert_eq!(story.board.work_items().len(), 2);
    assert!(story.tickets().await.iter().all(|ticket| ticket.work_item_id.is_some()));
}

#[tokio::test]
async fn what_certainly_did_not_happen_costs_no_budget() {
    let story = Story::on(testkit::TestDatabase::sqlite().await).budget(1).begin().await;
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.board.fail_writes([Fault::Answered(400), Fault::LostBefore]);
    for _ in 0..4 {
        story.wait(Duration::minutes(2));
        story.settle().await;
    }
    assert_eq!(story.board.work_items().len(), 1);
}

#[tokio::test]
async fn a_destination_that_is_deleted_with_a_creation_under_way_stops_nothing() {
    let story = Story::sqlite().await;
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.board.halt_next(Halt::AfterWrite);
    let engine = story.engine.clone();
    let step = tokio::spawn(async move { engine.step().await });
    story.board.stands_still().await;
    let ada = engine::Actor { name: "Ada".into() };
    story.engine.delete_destination(story.destination, &ada).await.unwrap();
    story.board.let_go();
    step.await.unwrap().unwrap();
    story.settle().await;
    assert!(story.tickets().await.is_empty());
    assert_eq!(story.board.work_items().len(), 1, "it stays as it is");
}

#[tokio::test]
async fn a_ticket_whose_record_is_damaged_does_not_stop_the_others() {
    let story = Story::sqlite().await;
    story.scan(&[weakness("a", "a.js", 1), weakness("b", "b.js", 1), weakness("c", "c.js", 1)]).await;
    while story.engine.make_tickets().await.unwrap() > 0 {}
    let mut tx = story.engine.db().begin().await.unwrap();
    tx.execute("UPDATE finding SET detail = '{}' WHERE title LIKE 'a in%'", vec![]).await.unwrap();
    tx.commit().await.unwrap();
    story.settle().await;
    assert_eq!(story.board.work_items().len(), 2);
    let damaged = story.tickets().await.into_iter().find(|ticket| ticket.work_item_id.is_none()).unwrap();
    assert_eq!(damaged.health, Health::Retrying);
    assert!(damaged.problem.is_some_and(|problem| problem.contains("damaged")));
}

/// A creation whose answer was lost: it took place, and nobody knows. Answers the number of the work item.
async fn created_unknown(story: &Story) -> i64 {
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.board.fail_writes([Fault::LostAfter]);
    story.engine.step().await.unwrap();
    assert!(matches!(story.ticket().await.intent, Some(Intent::Create { .. })));
    story.work_item()
}

/// Looks once more some minutes later.
async fn look_again(story: &Story) {
    for _ in 0..3 {
        story.wait(Duration::minutes(2));
        story.settle().await;
    }
}

#[tokio::test]
async fn an_item_that_was_moved_to_another_project_and_deleted_before_its_number_was_known_is_found() {
    let story = Story::sqlite().await;
    let item = created_unknown(&story).await;
    story.board.move_to_project(item, OTHER_PROJECT);
    story.board.edit(item, &[("System.Title", "Nobody knows me".into())]);
    let path = format!("{OTHER_PROJECT}/_apis/wit/workitems/{item}?api-version=7.1");
    story.board.act("DELETE", &path, "application/json", &serde_json::Value::Null);
    look_again(&story).await;
    let ticket = story.ticket().await;
    assert_eq!((ticket.work_item_id.map(|id| id.0), ticket.health), (Some(item), Health::Deleted));
    assert_eq!(story.board.work_items(), [] as [i64; 0], "no second one");
}

#[tokio::test]
async fn where_only_the_feeds_of_projects_may_be_read_such_an_item_is_found_all_the_same() {
    let story = Story::sqlite().await;
    story.board.forbid_feed_of_organization(true);
    let item = created_unknown(&story).await;
    story.board.move_to_project(item, OTHER_PROJECT);
    story.board.edit(item, &[("System.Title", "Nobody knows me".into())]);
    let path = format!("{OTHER_PROJECT}/_apis/wit/workitems/{item}?api-version=7.1");
    story.board.act("DELETE", &path, "application/json", &serde_json::Value::Null);
    look_again(&story).await;
    let ticket = story.ticket().await;
    assert_eq!((ticket.work_item_id.map(|id| id.0), ticket.health), (Some(item), Health::Deleted));
    assert_eq!(story.board.work_items(), [] as [i64; 0], "no second one");
}

#[tokio::test]
async fn an_item_that_people_took_every_mark_of_ours_from_before_its_number_was_known_is_found() {
    for deleted in [false, true] {
        let story = Story::sqlite().await;
        let item = created_unknown(&story).await;
        let marks = json!([
            { "op": "remove", "path": "/relations/0" },
            { "op": "add", "path": "/fields/Microsoft.VSTS.TCM.ReproSteps", "value": "" },
            { "op": "add", "path": "/fields/System.Title", "value": "Nobody knows me" },
        ]);
        let path = format!("_apis/wit/workitems/{item}?api-version=7.1");
        story.board.act("PATCH", &path, "application/json-patch+json", &marks);
        if deleted {
            story.board.delete(item);
        }
        look_again(&story).await;
        assert_eq!(story.ticket().await.work_item_id.map(|id| id.0), Some(item), "deleted: {deleted}");
        assert_eq!(story.board.work_items().len(), usize::from(!deleted), "no second one");
    }
}

#[tokio::test]
async fn while_the_area_may_not_be_seen_nothing_is_created_in_doubt() {
    let story = Story::sqlite().await;
    let item = created_unknown(&story).await;
    let area = story.board.fields(item)["System.AreaPath"].as_str().unwrap().to_owned();
    story.board.hide_area(&area, true);
    look_again(&story).await;
    let ticket = story.ticket().await;
    assert_eq!(ticket.health, Health::Retrying);
    assert!(ticket.problem.is_some_and(|problem| problem.contains(&area)));
    story.board.hide_area(&area, false);
    story.wait(Duration::minutes(11));
    look_again(&story).await;
    assert_eq!(story.ticket().await.work_item_id.map(|id| id.0), Some(item));
    assert_eq!(story.board.work_items(), [item]);
}

/// Found by the simulation, seed 6957.
#[tokio::test]
async fn a_replica_that_saw_the_old_work_item_gone_says_nothing_about_the_new_one() {
    let story = Story::sqlite().await;
    let other = story.another_replica();
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.settle().await;
    let (old, ticket) = (story.work_item(), story.ticket().await.id);
    story.board.delete(old);
    story.sweep().await;
    // One looks for the work item and stands still; a new one is made in its place, and the answer is lost.
    story.scan(&[weakness("a", "a.js", 50)]).await;
    story.board.halt_next(Halt::AfterRead);
    let engine = story.engine.clone();
    let frozen = tokio::spawn(async move { engine.step().await });
    story.board.stands_still().await;
    story.wait(Duration::minutes(2));
    other.repair_ticket(ticket, Repair::Replace, &Actor { name: "Ada".into() }).await.unwrap();
    story.board.fail_writes([Fault::LostAfter]);
    other.step().await.unwrap();
    assert_eq!(story.board.work_items().len(), 1, "it was carried out");
    story.wait(Duration::minutes(2));
    story.board.let_go();
    frozen.await.unwrap().unwrap();
    for _ in 0..3 {
        story.wait(Duration::minutes(2));
        story.settle().await;
    }
    assert_eq!(story.board.work_items().len(), 1);
}
