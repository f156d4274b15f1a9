//! The feeds and queries: how a client learns what changed.

use serde_json::{Value, json};

use crate::common::World;

async fn feed(world: &World, query: &str) -> Value {
    world.get(&format!("_apis/wit/reporting/workitemrevisions?{query}")).await.good()
}

fn ids(batch: &Value) -> Vec<i64> {
    batch["values"].as_array().unwrap().iter().map(|v| v["id"].as_i64().unwrap()).collect()
}

#[tokio::test]
async fn the_feed_is_read_in_pages_and_goes_on_from_its_token() {
    let world = World::demo().await;
    for title in ["A", "B", "C"] {
        world.bug(title).await;
    }
    let first = feed(&world, "$maxPageSize=2").await;
    assert_eq!((ids(&first), &first["isLastBatch"]), (vec![1, 2], &json!(false)));
    let token = first["continuationToken"].as_str().unwrap().to_owned();
    let second = feed(&world, &format!("continuationToken={token}")).await;
    assert_eq!((ids(&second), &second["isLastBatch"]), (vec![3], &json!(true)));
    let token = second["continuationToken"].as_str().unwrap().to_owned();
    assert!(ids(&feed(&world, &format!("continuationToken={token}")).await).is_empty());
    world.change(2, json!({"System.Title": "B2"})).await.good();
    let news = feed(&world, &format!("continuationToken={token}")).await;
    assert_eq!(news["values"][0]["fields"]["System.Title"], "B2");
    assert_eq!(news["values"][0]["rev"], 2);
}

#[tokio::test]
async fn only_the_latest_revision_is_shown_when_asked_and_deleted_items_are_marked() {
    let world = World::demo().await;
    let id = world.bug("A").await;
    world.change(id, json!({"System.Title": "B"})).await.good();
    assert_eq!(ids(&feed(&world, "").await), [id, id]);
    let latest = feed(&world, "includeLatestOnly=true").await;
    assert_eq!(latest["values"][0]["rev"], 2);
    assert_eq!(latest["values"].as_array().unwrap().len(), 1);
    assert!(latest["values"][0]["fields"]["System.ChangedBy"].is_string(), "text without includeIdentityRef");
    world.call("DELETE", &format!("_apis/wit/workitems/{id}"), Value::Null).await.good();
    assert!(ids(&feed(&world, "includeLatestOnly=true").await).is_empty());
    let deleted = feed(&world, "includeLatestOnly=true&includeDeleted=true&includeIdentityRef=true").await;
    assert_eq!(deleted["values"][0]["fields"]["System.IsDeleted"], true);
    assert_eq!(deleted["values"][0]["fields"]["System.ChangedBy"]["displayName"], "Lockstep Service");
}

#[tokio::test]
async fn long_texts_are_left_out_of_the_feed_unless_expanded() {
    let world = World::demo().await;
    let fields = json!({"System.Title": "A", "Microsoft.VSTS.TCM.ReproSteps": "<p>x</p>"});
    world.create("Webshop", "Bug", fields).await;
    let short = feed(&world, "").await;
    assert!(short["values"][0]["fields"].get("Microsoft.VSTS.TCM.ReproSteps").is_none());
    let long = feed(&world, "$expand=fields").await;
    assert_eq!(long["values"][0]["fields"]["Microsoft.VSTS.TCM.ReproSteps"], "<p>x</p>");
}

#[tokio::test]
async fn queries_compare_as_the_service_does() {
    let world = World::demo().await;
    let a = world.bug("It's an old library").await;
    let b = world.bug("Something else").await;
    world.change(a, json!({"System.Tags": "security; old", "System.AssignedTo": "Ada Marsh"})).await.good();
    world.change(b, json!({"Microsoft.VSTS.Common.Priority": 1, "Microsoft.VSTS.TCM.ReproSteps": "<p>token <b>ABC-123</b> here</p>"})).await.good();
    let cases: [(&str, &[i64]); 13] = [
        ("[System.Title] = 'it''s an OLD library'", &[a]),
        ("[System.Title] CONTAINS 'something'", &[b]),
        ("[System.Tags] CONTAINS 'old'", &[a]),
        ("[System.Tags] CONTAINS 'secu'", &[]),
        ("[System.AssignedTo] = 'ada.marsh@contoso.example'", &[a]),
        ("[System.AssignedTo] = ''", &[b]),
        ("[System.CreatedBy] = @me AND NOT [System.Id] = 1", &[b]),
        ("[System.AreaPath] UNDER 'Webshop' AND [Microsoft.VSTS.Common.Priority] < 2", &[b]),
        ("[System.State] IN ('New', 'Active') AND ([System.Id] = 1 OR [System.Id] = 2)", &[a, b]),
        ("[Microsoft.VSTS.TCM.ReproSteps] CONTAINS WORDS 'ABC-123'", &[b]),
        ("[System.CreatedDate] >= @today", &[a, b]),
        ("[System.CreatedDate] > @today + 1", &[]),
        ("[System.WorkItemType] <> 'Bug'", &[]),
    ];
    for (filter, expected) in cases {
        let found = world.wiql(&format!("SELECT [System.Id] FROM WorkItems WHERE {filter}")).await;
        assert_eq!(found, expected, "{filter}");
    }
    let sorted = world.wiql("SELECT [System.Id] FROM WorkItems ORDER BY [System.Id] DESC").await;
    assert_eq!(sorted, [b, a]);
}

#[tokio::test]
async fn a_query_with_a_time_needs_time_precision() {
    let world = World::demo().await;
    let id = world.bug("A").await;
    let query = json!({"query": "SELECT [System.Id] FROM WorkItems WHERE [System.ChangedDate] > '2001-01-01T10:00:00Z'"});
    assert_eq!(world.call("POST", "_apis/wit/wiql", query.clone()).await.status, 400);
    let found = world.call("POST", "_apis/wit/wiql?timePrecision=true", query).await.good();
    assert_eq!(found["workItems"][0]["id"], id);
    let unknown = json!({"query": "SELECT [System.Id] FROM WorkItems WHERE [Nothing.Here] = 1"});
    assert!(world.call("POST", "_apis/wit/wiql", unknown).await.text.contains("TF51005"));
    let no_project =
        json!({"query": "SELECT [System.Id] FROM WorkItems WHERE [System.TeamProject] = @project"});
    assert_eq!(world.call("POST", "_apis/wit/wiql", no_project).await.status, 400);
}

#[tokio::test]
async fn the_discussions_are_the_revisions_that_carry_a_comment() {
    let world = World::demo().await;
    let first = world.bug("A").await;
    let second = world.bug("B").await;
    world.change(first, json!({"System.Title": "A2"})).await.good();
    world.change(first, json!({"System.History": "seen"})).await.good();
    let path = format!("Webshop/_apis/wit/workItems/{second}/comments?api-version=7.1-preview.4");
    world.call("POST", &path, json!({"text": "also seen"})).await.good();
    let ask = "_apis/wit/reporting/workItemRevisions/discussions";
    let page = world.get(&format!("{ask}?$maxPageSize=1")).await.good();
    assert_eq!((ids(&page), &page["isLastBatch"]), (vec![first], &json!(false)));
    assert_eq!(
        (&page["values"][0]["rev"], &page["values"][0]["fields"]["System.History"]),
        (&json!(3), &json!("seen"))
    );
    let token = page["continuationToken"].as_str().unwrap();
    let rest = world.get(&format!("{ask}?continuationToken={token}")).await.good();
    assert_eq!((ids(&rest), &rest["isLastBatch"]), (vec![second], &json!(true)));
    assert_eq!(rest["values"][0]["fields"]["System.History"], "also seen");
}
