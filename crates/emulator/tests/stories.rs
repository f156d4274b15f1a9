//! Everyday stories over real HTTP.

mod common;

use common::{World, set};
use serde_json::json;

#[tokio::test]
async fn a_bug_is_created_read_changed_and_found() {
    let world = World::demo().await;
    let created = world
        .create(
            "webshop",
            "Bug",
            json!({"System.Title": "Old library", "System.AreaPath": "Webshop\\Payments"}),
        )
        .await;
    assert_eq!(created["rev"], 1);
    assert_eq!(created["fields"]["System.State"], "New");
    assert_eq!(created["fields"]["System.Reason"], "New");
    assert_eq!(created["fields"]["Microsoft.VSTS.Common.Severity"], "3 - Medium");
    assert_eq!(created["fields"]["System.CreatedBy"]["displayName"], "Lockstep Service");
    assert_eq!(created["fields"]["System.BoardColumn"], "New");
    let id = created["id"].as_i64().unwrap();

    let changed = world.change(id, json!({"System.State": "Active"})).await.good();
    assert_eq!(changed["rev"], 2);
    assert_eq!(changed["fields"]["System.Reason"], "Approved");
    assert_eq!(
        changed["fields"]["Microsoft.VSTS.Common.ActivatedBy"]["uniqueName"],
        "service@contoso.example"
    );

    let found = world.wiql("SELECT [System.Id] FROM WorkItems WHERE [System.TeamProject] = @project AND [System.State] = 'active'").await;
    assert_eq!(found, [id]);
    let read = world.item(id).await;
    assert_eq!(read["fields"]["System.Rev"], 2);
    assert!(read["url"].as_str().unwrap().ends_with(&format!("/_apis/wit/workItems/{id}")));
    assert!(!read["url"].as_str().unwrap().contains("ebshop"), "links carry the project's GUID");
}

#[tokio::test]
async fn a_stale_revision_is_refused_before_any_rule_is_looked_at() {
    let world = World::demo().await;
    let id = world.bug("A").await;
    world.change(id, json!({"System.Title": "B"})).await.good();
    let operations = json!([
        {"op": "test", "path": "/rev", "value": 1},
        {"op": "add", "path": "/fields/System.State", "value": "Nonsense"},
    ]);
    let answer = world.patch("PATCH", &format!("_apis/wit/workitems/{id}"), operations).await;
    assert_eq!(answer.refused(412), "TestPatchOperationFailedException");
    let message = answer.body["message"].as_str().unwrap();
    assert_eq!(
        message,
        "VS403351: Test Operation for path /rev failed, value 2 was not equal to test value 1."
    );
    assert_eq!(world.item(id).await["fields"]["System.Title"], "B");
}

#[tokio::test]
async fn an_update_that_changes_nothing_makes_no_revision() {
    let world = World::demo().await;
    let id = world.bug("A").await;
    let again = world.change(id, json!({"System.Title": "A"})).await.good();
    assert_eq!(again["rev"], 1);
    let checked = world
        .patch(
            "PATCH",
            &format!("_apis/wit/workitems/{id}?validateOnly=true"),
            set(json!({"System.Title": "C"})),
        )
        .await;
    assert_eq!(checked.good()["fields"]["System.Title"], "C");
    assert_eq!(world.item(id).await["fields"]["System.Title"], "A");
}
