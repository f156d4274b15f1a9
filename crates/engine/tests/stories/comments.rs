//! Stories of what people say to each other, here and on the board.

use chrono::Duration;
use engine::{Actor, NewComment};
use model::CommentId;
use model::following::Repair;
use model::merge::comments::Side;
use serde_json::{Value, json};
use store::comments::Comment;
use store::connections::Mode;
use testkit::{Fault, Halt, Story, weakness};

fn by(name: &str) -> Actor {
    Actor { name: name.into() }
}

async fn story() -> Story {
    let story = Story::sqlite().await;
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.settle().await;
    story
}

async fn write(story: &Story, text: &str, is_private: bool) -> CommentId {
    let new = NewComment { text: text.into(), is_private };
    story.engine.write_comment(story.ticket().await.id, new, &by("Ada")).await.unwrap()
}

/// What the ticket shows, oldest first, without what was deleted.
async fn shown(story: &Story) -> Vec<Comment> {
    let mut tx = story.engine.db().read().await.unwrap();
    let ticket = story.ticket().await.id;
    let all = store::comments::of_ticket(&mut tx, ticket).await.unwrap();
    all.into_iter().filter(|comment| comment.deleted_at.is_none()).collect()
}

async fn texts(story: &Story) -> Vec<String> {
    shown(story).await.into_iter().map(|comment| format!("{}: {}", comment.author, comment.text)).collect()
}

const API: &str = "api-version=7.1-preview.4";

fn on_board(story: &Story) -> Vec<Value> {
    let path = format!("Webshop/_apis/wit/workItems/{}/comments?{API}&order=asc", story.work_item());
    story.board.act("GET", &path, "application/json", &Value::Null)["comments"].as_array().unwrap().clone()
}

fn say(story: &Story, text: &str) -> i64 {
    let path = format!("Webshop/_apis/wit/workItems/{}/comments?{API}", story.work_item());
    story.board.act("POST", &path, "application/json", &json!({ "text": text }))["id"].as_i64().unwrap()
}

fn change(story: &Story, number: i64, text: &str) {
    let path = format!("Webshop/_apis/wit/workItems/{}/comments/{number}?{API}", story.work_item());
    story.board.act("PATCH", &path, "application/json", &json!({ "text": text }));
}

fn remove(story: &Story, number: i64) {
    let path = format!("Webshop/_apis/wit/workItems/{}/comments/{number}?{API}", story.work_item());
    story.board.act("DELETE", &path, "application/json", &Value::Null);
}

#[tokio::test]
async fn a_comment_written_here_is_on_the_board_once_with_its_edits_and_is_gone_when_it_is_deleted() {
    let story = story().await;
    let id = write(&story, "Is this <b>reachable</b>?", false).await;
    story.settle().await;
    let there = on_board(&story);
    assert_eq!(there.len(), 1);
    let text = there[0]["text"].as_str().unwrap();
    assert!(
        text.contains("Is this &lt;b&gt;reachable&lt;/b&gt;?") && text.contains("Ada in Lockstep"),
        "{text}"
    );
    story.sweep().await;
    assert_eq!(
        texts(&story).await,
        ["Ada: Is this <b>reachable</b>?"],
        "ours coming back is not shown twice"
    );

    let ticket = story.ticket().await.id;
    story.engine.edit_comment(ticket, id, "Is it reachable?", &by("Ada")).await.unwrap();
    story.settle().await;
    let there = on_board(&story);
    assert_eq!((there.len(), &there[0]["version"]), (1, &json!(2)));
    assert!(there[0]["text"].as_str().unwrap().contains("Is it reachable?"));

    story.engine.delete_comment(ticket, id, &by("Ada")).await.unwrap();
    story.settle().await;
    assert_eq!((on_board(&story).len(), texts(&story).await.len()), (0, 0));
    let before = story.board.writes();
    story.sweep().await;
    assert_eq!(story.board.writes(), before);
}

#[tokio::test]
async fn a_comment_of_the_board_comes_with_its_writer_its_edits_and_its_end_and_is_never_touched() {
    let story = story().await;
    let number = say(&story, "<div>We look<br>into it.<img src=x onerror=alert(1)></div>");
    story.settle().await;
    let comments = shown(&story).await;
    assert_eq!((comments.len(), comments[0].side), (1, Side::Board));
    assert_eq!(comments[0].text, "We look\ninto it.");
    assert!(!comments[0].author.is_empty() && comments[0].author != "Lockstep");
    let own = story.engine.edit_comment(comments[0].ticket_id, comments[0].id, "x", &by("Ada")).await;
    assert_eq!(own.unwrap_err().code, "comment_not_yours");
    change(&story, number, "We will not.");
    story.settle().await;
    assert_eq!(shown(&story).await[0].text, "We will not.");
    let before = story.board.writes();
    remove(&story, number);
    story.settle().await;
    assert_eq!((texts(&story).await.len(), story.board.writes()), (0, before));
}

#[tokio::test]
async fn a_private_note_never_leaves_whatever_happens_to_it() {
    let story = story().await;
    let id = write(&story, "Customer X is hit", true).await;
    story.settle().await;
    let ticket = story.ticket().await.id;
    story.engine.edit_comment(ticket, id, "Customer X is hit hard", &by("Ada")).await.unwrap();
    story.sweep().await;
    write(&story, "We are on it", false).await;
    story.board.fail_writes([Fault::LostBefore]);
    story.settle().await;
    story.wait(Duration::minutes(3));
    story.settle().await;
    story.engine.retry_ticket(ticket, &by("Ada")).await.unwrap();
    story.sweep().await;
    let there: String = on_board(&story).iter().map(Value::to_string).collect();
    assert!(!there.contains("Customer") && there.contains("We are on it"), "{there}");
    assert_eq!(texts(&story).await.len(), 2);
}

#[tokio::test]
async fn a_comment_whose_outcome_is_unknown_is_looked_up_and_there_once() {
    for fault in [
        Fault::LostBefore,
        Fault::LostAfter,
        Fault::AppliedLater(Duration::seconds(30)),
        Fault::Answered(500),
    ] {
        let story = story().await;
        story.board.fail_writes([fault]);
        write(&story, "Once", false).await;
        for _ in 0..6 {
            story.settle().await;
            story.wait(Duration::seconds(40));
        }
        assert_eq!(on_board(&story).len(), 1, "{fault:?}");
        story.sweep().await;
        assert_eq!(
            (on_board(&story).len(), texts(&story).await),
            (1, vec!["Ada: Once".to_owned()]),
            "{fault:?}"
        );
    }
}

#[tokio::test]
async fn a_process_that_dies_after_it_sent_a_comment_finds_it_again() {
    let mut story = story().await;
    write(&story, "Once", false).await;
    story.board.halt_next(Halt::AfterWrite);
    let engine = story.engine.clone();
    let step = tokio::spawn(async move { engine.step().await });
    story.board.stands_still().await;
    step.abort();
    let _ = step.await;
    story.restart();
    for _ in 0..4 {
        story.wait(Duration::minutes(1));
        story.settle().await;
    }
    assert_eq!((on_board(&story).len(), texts(&story).await.len()), (1, 1));
}

/// Found by the simulation, seed 9258.
#[tokio::test]
async fn an_answer_that_a_frozen_process_got_takes_no_comment_away_that_came_since() {
    let story = story().await;
    let other = story.another_replica();
    say(&story, "First");
    story.wait(Duration::minutes(1));
    story.board.halt_next(Halt::AfterComments);
    let engine = story.engine.clone();
    let frozen = tokio::spawn(async move { engine.step().await });
    story.board.stands_still().await;
    say(&story, "Second");
    story.wait(Duration::minutes(2));
    other.step().await.unwrap();
    assert_eq!(texts(&story).await.len(), 2);
    story.board.let_go();
    frozen.await.unwrap().unwrap();
    story.settle().await;
    assert_eq!(texts(&story).await.len(), 2);
}

#[tokio::test]
async fn our_explanation_of_a_move_is_shown_as_ours_and_a_move_alone_costs_no_reading_of_comments() {
    let story = story().await;
    story.scan(&[]).await;
    story.settle().await;
    assert_eq!(on_board(&story).len(), 1, "the move is explained");
    assert_eq!(texts(&story).await.len(), 0, "our own write is no reason to read comments");
    say(&story, "Thank you");
    story.settle().await;
    let sides: Vec<Side> = shown(&story).await.iter().map(|comment| comment.side).collect();
    assert_eq!(sides, [Side::Explanation, Side::Board]);
}

#[tokio::test]
async fn a_comment_of_ours_that_was_deleted_on_the_board_stays_deleted() {
    let story = story().await;
    write(&story, "Once", false).await;
    story.settle().await;
    let number = on_board(&story)[0]["id"].as_i64().unwrap();
    remove(&story, number);
    story.sweep().await;
    story.sweep().await;
    assert_eq!((on_board(&story).len(), texts(&story).await.len()), (0, 0));
}

#[tokio::test]
async fn a_paused_connection_keeps_a_comment_until_it_is_resumed() {
    let story = story().await;
    let into = |mode| engine::ConnectionChange { mode: Some(mode), ..Default::default() };
    story.engine.change_connection(story.connection, into(Mode::Paused), &by("Ada")).await.unwrap();
    write(&story, "Later", false).await;
    story.sweep().await;
    assert_eq!(on_board(&story).len(), 0);
    story.engine.change_connection(story.connection, into(Mode::Active), &by("Ada")).await.unwrap();
    story.sweep().await;
    assert_eq!(on_board(&story).len(), 1);
}

#[tokio::test]
async fn what_is_said_while_a_work_item_is_gone_that_was_never_read_goes_out_when_it_is_back() {
    let story = Story::sqlite().await;
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.board.fail_writes([Fault::LostAfter]);
    story.engine.step().await.unwrap();
    let item = story.work_item();
    story.board.delete(item);
    for _ in 0..3 {
        story.wait(Duration::minutes(2));
        story.settle().await;
    }
    assert!(story.ticket().await.work_item.is_none());
    write(&story, "Is it gone for good?", false).await;
    story.settle().await;
    story.board.restore(item);
    story.sweep().await;
    assert_eq!(on_board(&story).len(), 1, "{:?}", on_board(&story));
}

/// Found by reading what lay beside seed 3106 of the simulation.
#[tokio::test]
async fn people_are_heard_on_a_new_work_item_and_what_they_said_on_the_old_one_stays_said() {
    let story = story().await;
    let (old, ticket) = (story.work_item(), story.ticket().await.id);
    let ours = write(&story, "Please look at it.", false).await;
    story.settle().await;
    for number in 0..5 {
        say(&story, &format!("word {number}"));
    }
    story.sweep().await;
    assert_eq!(texts(&story).await.len(), 6);
    story.board.delete(old);
    story.sweep().await;
    story.engine.repair_ticket(ticket, Repair::Replace, &by("Ada")).await.unwrap();
    story.settle().await;
    let new = story.ticket().await.work_item_id.unwrap().0;
    assert_ne!(new, old);
    story.board.edit(new, &[("System.History", "And here?".into())]);
    story.sweep().await;
    story.settle().await;
    let said = texts(&story).await;
    assert!(said.last().unwrap().ends_with("And here?"), "{said:?}");
    assert_eq!(said.len(), 7, "nobody deleted anything: {said:?}");
    // What is changed here now is not carried to where the ticket is no more.
    story.engine.edit_comment(ticket, ours, "Look at it soon.", &by("Ada")).await.unwrap();
    let writes = story.board.writes();
    for _ in 0..3 {
        story.wait(Duration::minutes(5));
        story.settle().await;
    }
    assert_eq!(story.board.writes(), writes);
}
