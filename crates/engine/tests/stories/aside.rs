//! Stories of what is laid aside or goes for good: archived assets, deleted branches and findings, merged assets.

use chrono::Duration;
use engine::{Actor, AssetSettings, StatusChange};
use model::following::Repair;
use model::{AssetId, FindingId, Status};
use serde_json::Value;
use store::args;
use store::tickets::Health;
use testkit::{Fault, Report, Story, TestDatabase, databases, weakness};

fn ada() -> Actor {
    Actor { name: "Ada".into() }
}

/// A scan of a branch that starts now.
async fn scan_of(story: &Story, branch: &str, findings: &[Value]) {
    story.wait(Duration::minutes(1));
    story.import("shop", &Report::of(story.now(), findings).with("branch", branch)).await;
}

async fn named(story: &Story, name: &str) -> AssetId {
    let mut tx = story.engine.db().read().await.unwrap();
    store::assets::by_name(&mut tx, name).await.unwrap().unwrap().id
}

/// The finding of an asset whose title begins so.
async fn finding_of(story: &Story, asset: AssetId, title: &str) -> FindingId {
    let mut tx = story.engine.db().read().await.unwrap();
    let row = tx
        .first(
            "SELECT id FROM finding WHERE asset_id = $1 AND title LIKE $2 AND status <> 'duplicate'",
            args![asset, format!("{title} %")],
        )
        .await
        .unwrap();
    row.unwrap().id("id").unwrap()
}

pub(crate) async fn asset(story: &Story) -> model::AssetId {
    let mut tx = story.engine.db().read().await.unwrap();
    tx.first("SELECT id FROM asset", args![]).await.unwrap().unwrap().id("id").unwrap()
}

#[tokio::test]
async fn the_tickets_of_an_archived_asset_are_closed_with_the_reason_and_come_back_with_it() {
    let story = Story::sqlite().await;
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.settle().await;
    let item = story.work_item();
    let asset = asset(&story).await;
    story.engine.archive_asset(asset, &ada()).await.unwrap();
    story.settle().await;
    assert_eq!((story.board.state_of(item), story.ticket().await.health), ("Closed".into(), Health::Closed));
    assert!(story.board.comments(item).iter().any(|text| text.contains("archived by Ada")));
    // A pipeline that still scans it makes no new tickets.
    story.scan(&[weakness("a", "a.js", 1), weakness("b", "b.js", 1)]).await;
    story.sweep().await;
    assert_eq!((story.board.work_items().len(), story.board.state_of(item)), (1, "Closed".into()));
    story.engine.restore_asset(asset, &ada()).await.unwrap();
    story.sweep().await;
    assert_eq!((story.board.work_items().len(), story.board.state_of(item)), (2, "New".into()));
}

#[tokio::test]
async fn a_destination_may_release_the_tickets_of_an_archived_asset() {
    let story = Story::on(TestDatabase::sqlite().await).releasing().begin().await;
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.settle().await;
    let (item, writes) = (story.work_item(), story.board.writes());
    story.engine.archive_asset(asset(&story).await, &ada()).await.unwrap();
    story.sweep().await;
    assert_eq!((story.ticket().await.health, story.board.writes()), (Health::Released, writes));
    assert_eq!(story.board.state_of(item), "New");
    story.board.edit(item, &[("System.Title", "We went on with it".into())]);

    story.engine.restore_asset(asset(&story).await, &ada()).await.unwrap();
    story.sweep().await;
    let ticket = story.ticket().await;
    assert_eq!((ticket.health, ticket.work_item_id.map(|id| id.0)), (Health::InStep, Some(item)));
    assert_eq!(story.board.work_items(), [item], "the same one goes on");
    assert_eq!(story.board.fields(item)["System.Title"], "We went on with it");
}

#[tokio::test]
async fn what_was_written_without_an_answer_before_a_release_is_no_edit_of_people_after_it() {
    let story = Story::on(TestDatabase::sqlite().await).releasing().begin().await;
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.settle().await;
    let (item, asset) = (story.work_item(), asset(&story).await);
    let text = || story.board.fields(item)["Microsoft.VSTS.TCM.ReproSteps"].to_string();
    let before = text();
    story.board.fail_writes([Fault::LostAfter]);
    story.scan(&[weakness("a", "a.js", 20)]).await;
    story.engine.step().await.unwrap();
    assert_ne!(text(), before, "it was applied, and nobody knows");
    // It lies in the recycle bin, so that the outcome cannot be looked up, and the ticket is released.
    let text_in_bin = text();
    story.board.delete(item);
    story.sweep().await;
    story.engine.archive_asset(asset, &ada()).await.unwrap();
    story.sweep().await;
    assert_eq!(story.ticket().await.health, Health::Released);

    // What is to be said changes meanwhile.
    story.scan(&[weakness("a", "a.js", 30)]).await;
    story.board.restore(item);
    story.engine.restore_asset(asset, &ada()).await.unwrap();
    story.sweep().await;
    let ticket = story.ticket().await;
    assert_eq!((ticket.health, ticket.conflicts), (Health::InStep, vec![]));
    assert_ne!(text(), text_in_bin, "our block is still ours");
}

#[tokio::test]
async fn a_ticket_that_a_person_released_does_not_come_back_with_the_asset() {
    let story = Story::on(TestDatabase::sqlite().await).releasing().begin().await;
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.settle().await;
    let item = story.work_item();
    story.board.delete(item);
    story.sweep().await;
    story.engine.repair_ticket(story.ticket().await.id, Repair::Release, &ada()).await.unwrap();
    story.settle().await;
    let asset = asset(&story).await;
    story.engine.archive_asset(asset, &ada()).await.unwrap();
    story.engine.restore_asset(asset, &ada()).await.unwrap();
    story.sweep().await;
    assert_eq!(story.ticket().await.health, Health::Released);
    assert_eq!(story.board.work_items(), [] as [i64; 0]);
}

#[tokio::test]
async fn a_deleted_finding_closes_its_ticket_and_comes_back_when_a_scan_sees_it() {
    let story = Story::sqlite().await;
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.settle().await;
    let item = story.work_item();
    story.engine.delete_finding(story.finding().await, &ada()).await.unwrap();
    story.settle().await;
    assert_eq!((story.status().await, story.board.state_of(item)), (Status::Suppressed, "Closed".into()));
    assert!(story.board.comments(item).iter().any(|text| text.contains("Deleted by Ada")));
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.settle().await;
    assert_eq!((story.status().await, story.board.state_of(item)), (Status::Identified, "New".into()));
    assert!(story.board.comments(item).iter().any(|text| text.contains("was deleted; seen again")));
    assert_eq!(story.board.work_items(), [item]);
}

#[tokio::test]
async fn what_was_seen_on_a_deleted_branch_only_is_laid_aside_and_the_rest_is_not() {
    let story = Story::sqlite().await;
    scan_of(&story, "main", &[weakness("a", "a.js", 1)]).await;
    let asset = asset(&story).await;
    let tracked = Some(vec!["main".into(), "release".into()]);
    story
        .engine
        .change_asset(asset, AssetSettings { tracked_branches: tracked, ..Default::default() }, &ada())
        .await
        .unwrap();
    scan_of(&story, "release", &[weakness("a", "a.js", 1), weakness("b", "b.js", 1)]).await;
    story.settle().await;
    assert_eq!(story.board.work_items().len(), 2);
    story.engine.delete_branch(asset, "release", &ada()).await.unwrap();
    story.settle().await;
    let statuses: Vec<Status> = story.statuses().await.into_iter().map(|(_, status)| status).collect();
    assert_eq!(statuses, [Status::Identified, Status::Suppressed]);
    let refusal = story.engine.delete_branch(asset, "release", &ada()).await.unwrap_err();
    assert_eq!(refusal.code, "branch_unknown");
    scan_of(&story, "main", &[weakness("a", "a.js", 1), weakness("b", "b.js", 1)]).await;
    story.settle().await;
    let statuses: Vec<Status> = story.statuses().await.into_iter().map(|(_, status)| status).collect();
    assert_eq!(statuses, [Status::Identified, Status::Identified]);
    assert_eq!(story.board.work_items().len(), 2, "its own work item comes back");
}

#[tokio::test]
async fn a_merged_asset_hands_its_findings_and_tickets_over() {
    for database in databases().await {
        let story = Story::on(database).begin().await;
        let both = weakness("a", "a.js", 1);
        story.import("old", &Report::of(story.now(), &[both.clone(), weakness("b", "b.js", 1)])).await;
        story.settle().await;
        let items = story.board.work_items();
        story.import("new", &Report::of(story.now(), std::slice::from_ref(&both))).await;
        story.settle().await;
        assert_eq!((items.len(), story.board.work_items().len()), (2, 3));
        let (old, new) = (named(&story, "old").await, named(&story, "new").await);
        let accepted =
            StatusChange { status: Status::RiskAccepted, reason: Some("internal".into()), temporary: None };
        let of_old = finding_of(&story, old, "a").await;
        story.engine.set_status(of_old, accepted, &ada()).await.unwrap();

        let done = story.engine.merge_asset(old, new, &ada()).await.unwrap();
        assert_eq!((done.moved, done.same), (1, 1));
        story.settle().await;
        let kept = finding_of(&story, new, "a").await;
        let mut tx = story.engine.db().read().await.unwrap();
        let kept = store::findings::get(&mut tx, kept).await.unwrap().unwrap();
        let duplicate = store::findings::get(&mut tx, of_old).await.unwrap().unwrap();
        drop(tx);
        assert_eq!((kept.status, duplicate.status), (Status::RiskAccepted, Status::Duplicate));

        // The name leads to the asset that stays, and nothing is made twice.
        story.wait(Duration::minutes(1));
        story.import("old", &Report::of(story.now(), &[both.clone(), weakness("b", "b.js", 1)])).await;
        story.sweep().await;
        assert_eq!(story.board.work_items().len(), 3);
        let refusal = story.engine.merge_asset(new, new, &ada()).await.unwrap_err();
        assert_eq!(refusal.code, "merge_impossible");
    }
}

#[tokio::test]
async fn an_asset_that_is_renamed_is_named_so_on_its_work_items() {
    let story = Story::sqlite().await;
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.settle().await;
    let item = story.work_item();
    let text = |story: &Story| story.board.fields(item)["Microsoft.VSTS.TCM.ReproSteps"].to_string();
    assert!(text(&story).contains("shop"), "{}", text(&story));
    story.engine.rename_asset(asset(&story).await, "storefront", &ada()).await.unwrap();
    story.settle().await;
    assert!(text(&story).contains("storefront"), "{}", text(&story));
    assert_eq!(story.ticket().await.health, Health::InStep);
    assert!(story.engine.rename_asset(asset(&story).await, "  ", &ada()).await.is_err());
}
