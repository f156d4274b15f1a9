//! Stories of files that people attach to tickets as evidence.

use chrono::Duration;
use engine::{Actor, NewAttachment};
use model::AttachmentId;
use model::following::Repair;
use serde_json::Value;
use store::attachments::Attachment;
use testkit::{Fault, Halt, Story, TestDatabase, databases, weakness};

fn ada() -> Actor {
    Actor { name: "Ada".into() }
}

async fn begin(database: TestDatabase) -> Story {
    let story = Story::on(database).begin().await;
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.settle().await;
    story
}

async fn attach(story: &Story, name: &str, is_private: bool) -> AttachmentId {
    let new = NewAttachment { name: name.into(), content: b"what was seen".to_vec(), is_private };
    story.engine.attach(story.ticket().await.id, new, &ada()).await.unwrap()
}

async fn files(story: &Story) -> Vec<Attachment> {
    let ticket = story.ticket().await.id;
    let mut tx = story.engine.db().read().await.unwrap();
    let all = store::attachments::of_ticket(&mut tx, ticket).await.unwrap();
    all.into_iter().filter(|file| file.deleted_at.is_none()).collect()
}

/// Places and names of the files of the work item.
fn on_board(story: &Story) -> Vec<(usize, String)> {
    let path = format!("_apis/wit/workitems/{}?$expand=relations&api-version=7.1", story.work_item());
    let item = story.board.act("GET", &path, "application/json", &Value::Null);
    let relations = item["relations"].as_array().cloned().unwrap_or_default();
    relations
        .iter()
        .enumerate()
        .filter(|(_, link)| link["rel"] == "AttachedFile")
        .map(|(place, link)| (place, link["attributes"]["name"].as_str().unwrap_or_default().to_owned()))
        .collect()
}

fn names(story: &Story) -> Vec<String> {
    on_board(story).into_iter().map(|(_, name)| name).collect()
}

async fn for_a_while(story: &Story) {
    for _ in 0..6 {
        story.settle().await;
        story.wait(Duration::seconds(40));
    }
    story.sweep().await;
}

#[tokio::test]
async fn a_file_is_attached_to_the_work_item_once_and_taken_away_when_it_is_deleted_here() {
    for database in databases().await {
        let story = begin(database).await;
        let id = attach(&story, "shots/proof.png", false).await;
        story.settle().await;
        assert_eq!(names(&story), ["proof.png"]);
        let writes = story.board.writes();
        story.sweep().await;
        assert_eq!((names(&story).len(), story.board.writes()), (1, writes), "nothing more is written");

        let ticket = story.ticket().await.id;
        story.engine.delete_attachment(ticket, id, &ada()).await.unwrap();
        story.settle().await;
        assert_eq!((names(&story).len(), files(&story).await.len()), (0, 0));
        let writes = story.board.writes();
        story.sweep().await;
        assert_eq!(story.board.writes(), writes);
    }
}

#[tokio::test]
async fn a_private_file_never_leaves() {
    let story = begin(TestDatabase::sqlite().await).await;
    let writes = story.board.writes();
    attach(&story, "customer.log", true).await;
    story.settle().await;
    assert_eq!(story.board.writes(), writes, "nothing was even uploaded");
    story.engine.retry_ticket(story.ticket().await.id, &ada()).await.unwrap();
    attach(&story, "public.log", false).await;
    for_a_while(&story).await;
    assert_eq!(names(&story), ["public.log"]);
}

#[tokio::test]
async fn a_file_whose_outcome_is_unknown_is_looked_for_and_attached_once() {
    for fault in [
        Fault::LostBefore,
        Fault::LostAfter,
        Fault::AppliedLater(Duration::seconds(30)),
        Fault::Answered(500),
    ] {
        // The first write is the upload, the second one attaches it.
        for before in [&[][..], &[Fault::Nothing][..]] {
            let story = begin(TestDatabase::sqlite().await).await;
            story.board.fail_writes(before.iter().copied().chain([fault]));
            attach(&story, "proof.png", false).await;
            for_a_while(&story).await;
            assert_eq!(names(&story), ["proof.png"], "{fault:?} after {before:?}");
            assert!(files(&story).await.iter().all(|file| file.is_attached && file.problem.is_none()));
        }
    }
}

#[tokio::test]
async fn what_a_person_took_away_on_the_board_stays_away() {
    let story = begin(TestDatabase::sqlite().await).await;
    attach(&story, "proof.png", false).await;
    story.settle().await;
    let (place, _) = on_board(&story).remove(0);
    let path = format!("_apis/wit/workitems/{}?api-version=7.1", story.work_item());
    let remove = serde_json::json!([{ "op": "remove", "path": format!("/relations/{place}") }]);
    story.board.act("PATCH", &path, "application/json-patch+json", &remove);
    let writes = story.board.writes();
    for_a_while(&story).await;
    assert_eq!((names(&story).len(), story.board.writes()), (0, writes));
    assert_eq!(files(&story).await.len(), 1, "it is still there for people here");
}

#[tokio::test]
async fn what_is_attached_while_the_work_item_is_gone_arrives_when_it_is_back() {
    let story = begin(TestDatabase::sqlite().await).await;
    let item = story.work_item();
    story.board.delete(item);
    attach(&story, "proof.png", false).await;
    for_a_while(&story).await;
    story.board.restore(item);
    for _ in 0..3 {
        story.wait(Duration::hours(1));
        story.sweep().await;
        story.settle().await;
    }
    assert_eq!(names(&story), ["proof.png"]);
}

/// Found by the simulation, seed 938.
#[tokio::test]
async fn a_file_that_a_person_took_away_before_anybody_knew_it_had_arrived_is_in_the_log() {
    let story = begin(TestDatabase::sqlite().await).await;
    // The upload is answered, attaching it is not.
    story.board.fail_writes([Fault::Nothing, Fault::LostAfter]);
    let file = attach(&story, "proof.png", false).await;
    story.engine.step().await.unwrap();
    let (place, _) = on_board(&story).remove(0);
    let path = format!("_apis/wit/workitems/{}?api-version=7.1", story.work_item());
    let remove = serde_json::json!([{ "op": "remove", "path": format!("/relations/{place}") }]);
    story.board.act("PATCH", &path, "application/json-patch+json", &remove);
    story.engine.delete_attachment(story.ticket().await.id, file, &ada()).await.unwrap();
    for_a_while(&story).await;
    let log = story.log_of_tickets().await;
    let told = "The file proof.png of Ada was to be attached to work item 1, and the answer was lost: it is not there.";
    assert!(log.contains(&(told.into(), "Ada".into())), "{log:?}");
    assert_eq!(names(&story).len(), 0);
}

/// Found by the simulation, seed 515.
#[tokio::test]
async fn a_file_whose_arrival_nobody_knew_when_its_work_item_went_is_taken_away_when_both_are_over() {
    let story = begin(TestDatabase::sqlite().await).await;
    let item = story.work_item();
    let file = attach(&story, "proof.png", false).await;
    // The bytes arrive; then it is attached, and the answer is lost.
    story.board.fail_writes([Fault::Nothing, Fault::LostAfter]);
    story.engine.step().await.unwrap();
    assert_eq!(names(&story), ["proof.png"]);
    story.board.delete(item);
    story.sweep().await;
    story.engine.delete_attachment(story.ticket().await.id, file, &ada()).await.unwrap();
    story.sweep().await;
    story.board.restore(item);
    for_a_while(&story).await;
    assert_eq!(names(&story).len(), 0);
}

/// Found by the simulation, seed 596.
#[tokio::test]
async fn nothing_is_uploaded_for_a_work_item_that_is_known_to_be_gone() {
    let story = begin(TestDatabase::sqlite().await).await;
    let item = story.work_item();
    story.board.delete(item);
    story.sweep().await;
    attach(&story, "proof.png", false).await;
    let writes = story.board.writes();
    for _ in 0..3 {
        story.wait(Duration::hours(2));
        story.settle().await;
    }
    assert_eq!(story.board.writes(), writes);
    story.board.restore(item);
    story.sweep().await;
    story.settle().await;
    assert_eq!(names(&story), ["proof.png"], "it does not wait for another hour");
}

/// Found by the simulation, seed 6075.
#[tokio::test]
async fn nothing_is_attached_once_the_ticket_was_released_while_its_bytes_were_on_the_way() {
    let story = begin(TestDatabase::sqlite().await).await;
    attach(&story, "proof.png", false).await;
    story.board.halt_next(Halt::AfterWrite);
    let engine = story.engine.clone();
    let frozen = tokio::spawn(async move { engine.step().await });
    story.board.stands_still().await;
    story.engine.release_ticket(story.ticket().await.id, &ada()).await.unwrap();
    story.board.let_go();
    frozen.await.unwrap().unwrap();
    story.settle().await;
    assert_eq!(names(&story), Vec::<String>::new());
}

#[tokio::test]
async fn a_file_without_name_or_bytes_and_one_too_many_are_refused() {
    let story = begin(TestDatabase::sqlite().await).await;
    let ticket = story.ticket().await.id;
    let of = |name: &str, length: usize| NewAttachment {
        name: name.into(),
        content: vec![0; length],
        is_private: true,
    };
    for (name, length, why) in [
        ("..", 1, "The file has no name."),
        ("empty.txt", 0, "The file empty.txt has 0 bytes."),
        ("long.bin", model::attachment::SIZE_LIMIT + 1, "The file long.bin has 10485761 bytes."),
    ] {
        let refused = story.engine.attach(ticket, of(name, length), &ada()).await.unwrap_err();
        assert_eq!(refused.detail, why);
    }
    for number in 0..model::attachment::MOST {
        story.engine.attach(ticket, of(&format!("{number}.txt"), 1), &ada()).await.unwrap();
    }
    let refused = story.engine.attach(ticket, of("more.txt", 1), &ada()).await.unwrap_err();
    assert_eq!(refused.detail, "The ticket has 20 files, and more are not taken.");
}

/// Found after seed 3106 of the simulation.
#[tokio::test]
async fn what_was_said_and_attached_after_a_ticket_had_ended_goes_to_its_next_work_item() {
    for database in databases().await {
        let story = begin(database).await;
        let (old, ticket) = (story.work_item(), story.ticket().await.id);
        attach(&story, "first.png", false).await;
        for_a_while(&story).await;
        story.engine.release_ticket(ticket, &ada()).await.unwrap();
        attach(&story, "proof.png", false).await;
        for_a_while(&story).await;
        assert_eq!(names(&story), ["first.png"], "nothing is written for a ticket that has ended");
        story.engine.repair_ticket(ticket, Repair::Replace, &ada()).await.unwrap();
        for _ in 0..6 {
            story.settle().await;
            story.wait(Duration::seconds(40));
        }
        let new = story.ticket().await.work_item_id.unwrap().0;
        assert_ne!(new, old);
        let there = |item| {
            let path = format!("_apis/wit/workitems/{item}?$expand=relations&api-version=7.1");
            story.board.act("GET", &path, "application/json", &Value::Null)["relations"].to_string()
        };
        assert!(there(new).contains("proof.png") && !there(new).contains("first.png"), "{}", there(new));
        assert!(there(old).contains("first.png") && !there(old).contains("proof.png"), "{}", there(old));
    }
}
