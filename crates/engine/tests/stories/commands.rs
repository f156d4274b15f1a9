//! Commands in comments of work items: who may, once each, answered in a comment.

use chrono::Duration;
use model::role::Role;
use model::{Status, UserId};
use serde_json::json;
use testkit::{Story, TestDatabase, databases, weakness};
use uuid::Uuid;

/// Somebody with this role here is who acts on the board of the story.
pub(crate) async fn known_as(story: &Story, role: Role) {
    let id = story.board.bug("who am I");
    let who = story.board.fields(id)["System.CreatedBy"]["uniqueName"].as_str().unwrap().to_owned();
    story.board.delete(id);
    let user = store::users::User {
        id: UserId(Uuid::from_u128(77)),
        name: "Dana".into(),
        role: role.as_str().into(),
        address: Some(who),
        board_identity: None,
        created_at: story.now(),
    };
    let mut tx = story.engine.db().begin().await.unwrap();
    store::users::create(&mut tx, &user, "no password").await.unwrap();
    tx.commit().await.unwrap();
}

fn say(story: &Story, item: i64, text: &str) -> i64 {
    let path = format!("Webshop/_apis/wit/workItems/{item}/comments?api-version=7.1-preview.4");
    story.board.act("POST", &path, "application/json", &json!({ "text": text }))["id"].as_i64().unwrap()
}

async fn hear(story: &Story) {
    story.sweep().await;
    story.settle().await;
}

async fn one(role: Role) -> (Story, i64) {
    one_on(TestDatabase::sqlite().await, role).await
}

async fn one_on(database: TestDatabase, role: Role) -> (Story, i64) {
    let story = Story::on(database).grouped().begin().await;
    known_as(&story, role).await;
    story.scan(&[weakness("a", "a.js", 1), weakness("a", "b.js", 2)]).await;
    story.settle().await;
    let item = story.work_item();
    (story, item)
}

#[tokio::test]
async fn an_analyst_accepts_a_risk_in_a_comment_once_and_is_answered() {
    for database in databases().await {
        let (story, item) = one_on(database, Role::Analyst).await;
        let day = (story.now() + Duration::days(30)).format("%Y-%m-%d");
        say(&story, item, &format!("/lockstep accept until {day} The WAF stops it."));
        hear(&story).await;
        for (_, status) in story.statuses().await {
            assert_eq!(status, Status::RiskAccepted);
        }
        let said = story.board.comments(item).join("|");
        assert!(said.contains(&format!("the risk of 2 findings is accepted until {day}")), "{said}");
        assert!(said.contains("The WAF stops it."), "{said}");
        let (comments, writes) = (story.board.comments(item).len(), story.board.writes());
        hear(&story).await;
        assert_eq!((story.board.comments(item).len(), story.board.writes()), (comments, writes));
        story.wait(Duration::days(31));
        story.engine.step().await.unwrap();
        for (_, status) in story.statuses().await {
            assert_eq!(status, Status::Identified, "it ends on its day");
        }
    }
}

#[tokio::test]
async fn a_developer_may_only_ask_and_a_reader_not_even_that() {
    let (story, item) = one(Role::Developer).await;
    say(&story, item, "/lockstep false-positive This is test code.");
    hear(&story).await;
    let said = story.board.comments(item).join("|");
    assert!(said.contains("asked for 2 findings: somebody with the right decides"), "{said}");
    for (_, status) in story.statuses().await {
        assert_eq!(status, Status::Identified);
    }
    say(&story, item, "/lockstep retest");
    hear(&story).await;
    for (_, status) in story.statuses().await {
        assert_eq!(status, Status::AwaitingValidation, "that it is fixed may be said by who fixed it");
    }

    let (story, item) = one(Role::Reader).await;
    say(&story, item, "/lockstep retest");
    hear(&story).await;
    let said = story.board.comments(item).join("|");
    assert!(said.contains("Dana has the role reader, which may not retest."), "{said}");
    for (_, status) in story.statuses().await {
        assert_eq!(status, Status::Identified);
    }
}

#[tokio::test]
async fn somebody_unknown_changes_nothing_and_is_told_how_to_become_known() {
    let story = Story::sqlite().await;
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.settle().await;
    let item = story.work_item();
    say(&story, item, "/lockstep false-positive no");
    say(&story, item, "Somebody should say /lockstep retest here");
    hear(&story).await;
    assert_eq!(story.status().await, Status::Identified);
    let answers: Vec<String> =
        story.board.comments(item).into_iter().filter(|text| text.contains("is not known here")).collect();
    assert_eq!(answers.len(), 1, "{answers:?}");
}

#[tokio::test]
async fn a_command_that_makes_no_sense_is_answered_and_obeyed_once_it_is_mended() {
    let (story, item) = one(Role::Developer).await;
    let comment = say(&story, item, "/lockstep split 9");
    hear(&story).await;
    let said = story.board.comments(item).join("|");
    assert!(said.contains("This work item has 2 findings: give places from 1 to 2."), "{said}");
    let path = format!("Webshop/_apis/wit/workItems/{item}/comments/{comment}?api-version=7.1-preview.4");
    story.board.act("PATCH", &path, "application/json", &json!({ "text": "/lockstep split 2 another team" }));
    hear(&story).await;
    assert_eq!(story.tickets().await.len(), 2, "the new version of the comment is a new command");
    assert_eq!(story.board.work_items().len(), 2);
    let said = story.board.comments(item).join("|");
    assert!(said.contains("go on in a work item of their own"), "{said}");
    hear(&story).await;
    assert_eq!(story.tickets().await.len(), 2);
}

#[tokio::test]
async fn somebody_who_edits_the_comment_of_another_speaks_for_themselves() {
    let story = Story::sqlite().await;
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.settle().await;
    let item = story.work_item();
    let there = format!("Webshop/_apis/wit/workItems/{item}/comments");
    // Given: an analyst wrote a comment, and an administrator of the board, whom nobody knows here, made it a command.
    let text = json!({ "text": "The WAF may stop this." });
    let path = format!("{there}?api-version=7.1-preview.4");
    let comment = story.board.act_as(1, "POST", &path, "application/json", &text);
    let analyst = store::users::User {
        id: UserId(Uuid::from_u128(78)),
        name: "Ben".into(),
        role: Role::Analyst.as_str().into(),
        address: Some(comment["createdBy"]["uniqueName"].as_str().unwrap().to_owned()),
        board_identity: None,
        created_at: story.now(),
    };
    let mut tx = story.engine.db().begin().await.unwrap();
    store::users::create(&mut tx, &analyst, "no password").await.unwrap();
    tx.commit().await.unwrap();
    let text = json!({ "text": "/lockstep accept I may not say so." });
    let path = format!("{there}/{}?api-version=7.1-preview.4", comment["id"]);
    story.board.act("PATCH", &path, "application/json", &text);

    hear(&story).await;

    assert_eq!(story.status().await, Status::Identified);
    assert!(story.board.comments(item).join("|").contains("is not known here"));
}
