//! What arrives at the hook receiver, and what becomes of our subscriptions.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use chrono::Duration;
use engine::{Actor, HookAnswer};
use model::WorkItemId;
use serde_json::{Value, json};
use store::connections::{Connection, OwnSubscription};
use store::tickets::Ticket;
use testkit::{Story, weakness};

/// The work item that each payload of the shared folder marks; none for those that Azure DevOps sends as a test.
const PAYLOADS: [(&str, Option<i64>); 12] = [
    // No subscription: tests.
    ("aspnetwebhooks-workitem.commented.json", None),
    ("aspnetwebhooks-workitem.created.json", None),
    ("aspnetwebhooks-workitem.deleted.json", None),
    ("aspnetwebhooks-workitem.restored.json", None),
    ("aspnetwebhooks-workitem.updated.json", None),
    // Real ones: 8 and 2 are the numbers of the updates, not of the items.
    ("automate-state-workitem.updated-post-task.json", Some(197)),
    ("automate-state-workitem.updated-post-userstory.json", Some(194)),
    // As documented, without the subscription; `updated` is of item 0.
    ("docs2018-workitem.commented.json", Some(5)),
    ("docs2018-workitem.created.json", Some(5)),
    ("docs2018-workitem.deleted.json", Some(5)),
    ("docs2018-workitem.restored.json", Some(5)),
    ("docs2018-workitem.updated.json", None),
];

async fn connection(story: &Story) -> Connection {
    let mut tx = story.engine.db().read().await.unwrap();
    store::connections::get(&mut tx, story.connection).await.unwrap().unwrap()
}

/// The secret part of the address that hooks are sent to.
async fn secret(story: &Story) -> String {
    let url = story.engine.hook_url(&connection(story).await).unwrap();
    url.path().rsplit('/').next().unwrap().to_owned()
}

/// A story with tickets whose work items have these numbers.
async fn with_work_items(ids: &[i64]) -> Story {
    let story = Story::sqlite().await;
    let names: Vec<String> = (0..ids.len()).map(|i| format!("finding {i}")).collect();
    let found: Vec<Value> = names.iter().map(|name| weakness(name, &format!("{name}.js"), 1)).collect();
    story.scan(&found).await;
    story.settle().await;
    let tickets = story.tickets().await;
    assert_eq!(tickets.len(), ids.len());
    let mut tx = story.engine.db().begin().await.unwrap();
    // Out of the way first: the emulator's own numbers may be among the wanted ones.
    for offset in [1_000_000, 0] {
        for (ticket, id) in tickets.iter().zip(ids) {
            let moved = Ticket { work_item_id: Some(WorkItemId(id + offset)), ..ticket.clone() };
            store::tickets::save(&mut tx, &moved).await.unwrap();
        }
    }
    tx.commit().await.unwrap();
    story
}

async fn marks(story: &Story) -> BTreeMap<i64, i64> {
    story.tickets().await.into_iter().map(|ticket| (ticket.work_item_id.unwrap().0, ticket.mark)).collect()
}

/// Sends a body to the receiver; the numbers of the work items whose tickets it marked.
async fn marked_by(story: &Story, body: &Value) -> BTreeSet<i64> {
    let before = marks(story).await;
    let answer = story.engine.receive_hook(&secret(story).await, None, body.to_string().as_bytes()).await;
    assert_eq!(answer.unwrap(), HookAnswer::Accepted, "{body}");
    let after = marks(story).await;
    after.into_iter().filter(|(id, mark)| before[id] != *mark).map(|(id, _)| id).collect()
}

#[tokio::test]
async fn every_shared_payload_is_accepted_and_marks_exactly_the_work_item_it_is_about() {
    let folder: PathBuf =
        [env!("CARGO_MANIFEST_DIR"), "../../../shared/fixtures/azure-devops/webhooks"].iter().collect();
    let Ok(entries) = std::fs::read_dir(&folder) else {
        println!("skipped: no webhook payloads beside the repository");
        return;
    };
    let files: BTreeSet<String> = entries
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| name.ends_with(".json"))
        .collect();
    let known: BTreeSet<String> = PAYLOADS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(files, known, "the table names every payload");
    let mut accepted = 0;
    for (name, expected) in PAYLOADS {
        // The samples of the documents share their event ids: each has a receiver of its own.
        let story = with_work_items(&[2, 5, 8, 194, 197]).await;
        let file: Value = serde_json::from_slice(&std::fs::read(folder.join(name)).unwrap()).unwrap();
        let marked = marked_by(&story, &file["payload"]).await;
        assert_eq!(marked, expected.into_iter().collect(), "{name}");
        accepted += 1;
        if expected.is_some() {
            assert_eq!(marked_by(&story, &file["payload"]).await, BTreeSet::new(), "{name}: doubled");
        }
    }
    println!("{accepted} payloads accepted");
}

#[tokio::test]
async fn test_notifications_mark_nothing_whatever_number_they_carry() {
    let story = with_work_items(&[5, 197]).await;
    let zeros = "00000000-0000-0000-0000-000000000000";
    let real = "2ea3f99e-4f4e-40ba-8711-8777c5002913";
    let event = |subscription: &str, event: &str, resource: Value| json!({"subscriptionId": subscription, "id": resource.to_string() + event, "eventType": event, "resource": resource});
    for body in [
        event(zeros, "workitem.created", json!({"id": 5, "rev": 1})),
        event(zeros, "workitem.updated", json!({"id": 2, "workItemId": 197})),
        event(zeros, "workitem.updated", json!({"id": "2", "workItemId": "197", "rev": "2"})),
        event(real, "workitem.updated", json!({"id": 5, "workItemId": 0, "rev": "2"})),
        event(real, "workitem.updated", json!({"id": "5", "workItemId": "0"})),
        event(real, "workitem.created", json!({"id": "0"})),
        event(real, "build.complete", json!({"id": 5})),
    ] {
        assert_eq!(marked_by(&story, &body).await, BTreeSet::new(), "{body}");
    }
    let real = event(real, "workitem.created", json!({"id": "5"}));
    assert_eq!(marked_by(&story, &real).await, BTreeSet::from([5]), "a number may be text in a real one too");
}

async fn subscribed() -> Story {
    let story = Story::sqlite().await;
    story.engine.subscribe_hooks(story.connection, &Actor { name: "Ada".into() }).await.unwrap();
    story
}

fn problems(subscriptions: &[OwnSubscription]) -> Vec<&str> {
    subscriptions.iter().filter_map(|own| own.problem.as_deref()).collect()
}

fn live(story: &Story) -> Vec<Value> {
    let path = "_apis/hooks/subscriptions?api-version=7.1";
    story.board.act("GET", path, "application/json", &Value::Null)["value"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_service_hook_that_azure_devops_disabled_is_made_anew_with_the_next_sweep() {
    let story = subscribed().await;
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.settle().await;
    story.wait(Duration::minutes(5));
    // Something in between says that nobody is here any more.
    assert!(!story.board.deliveries_answered(410).is_empty());
    let before = connection(&story).await.subscriptions;
    assert!(live(&story).iter().any(|one| one["status"] == "disabledBySystem"));

    story.sweep().await;
    let after = connection(&story).await.subscriptions;
    assert_eq!(problems(&after), Vec::<&str>::new());
    assert_ne!(after, before);
    let there = live(&story);
    assert_eq!(there.len(), 5, "none is left behind");
    assert!(there.iter().all(|one| one["status"] == "enabled"), "{there:?}");
    let ids: BTreeSet<&str> = there.iter().map(|one| one["id"].as_str().unwrap()).collect();
    assert_eq!(ids, after.iter().map(|own| own.id.as_str()).collect());
    let mut tx = story.engine.db().read().await.unwrap();
    let sql = "SELECT what FROM audit WHERE subject = 'connection' ORDER BY id";
    let rows = tx.all(sql, store::args![]).await.unwrap();
    let told: Vec<String> = rows.iter().map(|row| row.text("what").unwrap()).collect();
    assert!(
        told.iter().any(|what| what.contains("disabled by Azure DevOps") && what.contains("410")),
        "{told:?}"
    );
    drop(tx);

    // And they deliver again.
    let item = story.work_item();
    story.board.move_card(item, "Active");
    story.wait(Duration::minutes(1));
    story.deliver_hooks(&story.board.deliveries()).await;
}

#[tokio::test]
async fn a_service_hook_that_somebody_deleted_is_made_again_and_one_switched_off_stays_off_and_is_told() {
    let story = subscribed().await;
    let own = connection(&story).await.subscriptions;
    let path = |own: &OwnSubscription| format!("_apis/hooks/subscriptions/{}?api-version=7.1", own.id);
    story.board.act("DELETE", &path(&own[0]), "application/json", &Value::Null);
    let mut off = live(&story).into_iter().find(|one| one["id"] == own[1].id.as_str()).unwrap();
    off["status"] = "disabledByUser".into();
    story.board.act("PUT", &path(&own[1]), "application/json", &off);

    story.sweep().await;
    let after = connection(&story).await.subscriptions;
    assert_ne!(after[0].id, own[0].id);
    assert_eq!(after[1].id, own[1].id);
    let told = problems(&after);
    assert!(told.len() == 1 && told[0].contains("switched off"), "{told:?}");
    assert_eq!(live(&story).len(), 5);

    off["status"] = "enabled".into();
    story.board.act("PUT", &path(&own[1]), "application/json", &off);
    story.sweep().await;
    assert_eq!(problems(&connection(&story).await.subscriptions), Vec::<&str>::new());
}

#[tokio::test]
async fn service_hooks_in_order_are_left_alone_and_a_paused_connection_mends_nothing() {
    let story = subscribed().await;
    let own = connection(&story).await.subscriptions;
    let writes = story.board.writes();
    story.sweep().await;
    assert_eq!(connection(&story).await.subscriptions, own);
    let path = format!("_apis/hooks/subscriptions/{}?api-version=7.1", own[0].id);
    story.board.act("DELETE", &path, "application/json", &Value::Null);
    let pause = |paused| engine::ConnectionChange { mode: Some(mode(paused)), ..Default::default() };
    let ada = Actor { name: "Ada".into() };
    story.engine.change_connection(story.connection, pause(true), &ada).await.unwrap();
    let paused = story.board.writes();
    story.sweep().await;
    assert_eq!((live(&story).len(), story.board.writes()), (4, paused));
    assert!(paused >= writes);
    story.engine.change_connection(story.connection, pause(false), &ada).await.unwrap();
    story.sweep().await;
    assert_eq!(live(&story).len(), 5);
}

fn mode(paused: bool) -> store::connections::Mode {
    if paused { store::connections::Mode::Paused } else { store::connections::Mode::Active }
}
