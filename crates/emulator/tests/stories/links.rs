//! Relations, comments, the recycle bin, batches and attachments.

use serde_json::{Value, json};

use crate::common::World;

fn add(rel: &str, url: &str) -> Value {
    json!([{"op": "add", "path": "/relations/-", "value": {"rel": rel, "url": url, "attributes": {"comment": "c"}}}])
}

async fn link(world: &World, from: i64, rel: &str, to: i64) -> crate::common::Answer {
    let url = world.url(&format!("_apis/wit/workItems/{to}"));
    world.patch("PATCH", &format!("_apis/wit/workitems/{from}"), add(rel, &url)).await
}

#[tokio::test]
async fn a_work_item_link_shows_on_both_sides_and_makes_no_revision() {
    let world = World::demo().await;
    let (parent, child) = (world.bug("P").await, world.bug("C").await);
    let linked = link(&world, parent, "System.LinkTypes.Hierarchy-Forward", child).await.good();
    assert_eq!(linked["rev"], 1);
    assert_eq!(linked["relations"][0]["attributes"]["name"], "Child");
    let other = world.item(child).await;
    assert_eq!((&other["rev"], &other["relations"][0]["attributes"]["name"]), (&json!(1), &json!("Parent")));
    let updates = world.get(&format!("_apis/wit/workitems/{child}/updates")).await.good();
    assert_eq!(updates["value"][1]["id"], 2);
    assert_eq!(updates["value"][1]["rev"], 1);
    assert_eq!(updates["value"][1]["relations"]["added"][0]["rel"], "System.LinkTypes.Hierarchy-Reverse");
    let twice = link(&world, parent, "System.LinkTypes.Hierarchy-Forward", child).await;
    assert_eq!(twice.refused(400), "RelationAlreadyExistsException");
    let circle = link(&world, child, "System.LinkTypes.Hierarchy-Forward", parent).await;
    assert_eq!(circle.status, 400);
    let feed = world.get("_apis/wit/reporting/workitemlinks").await.good();
    assert_eq!(feed["values"].as_array().unwrap().len(), 2);
    let remove = json!([{"op": "remove", "path": "/relations/0"}]);
    let bare = world.patch("PATCH", &format!("_apis/wit/workitems/{parent}"), remove).await.good();
    assert!(bare.get("relations").is_none());
    assert!(world.item(child).await.get("relations").is_none());
}

#[tokio::test]
async fn a_hyperlink_makes_a_revision_and_the_same_one_twice_is_refused() {
    let world = World::demo().await;
    let id = world.bug("A").await;
    let path = format!("_apis/wit/workitems/{id}");
    let linked = world.patch("PATCH", &path, add("Hyperlink", "https://app.example/f/1")).await.good();
    assert_eq!(linked["rev"], 2);
    assert_eq!(linked["relations"][0]["url"], "https://app.example/f/1");
    assert_eq!(linked["relations"][0]["attributes"]["comment"], "c");
    let twice = world.patch("PATCH", &path, add("Hyperlink", "https://app.example/f/1")).await;
    assert_eq!(twice.refused(400), "RelationAlreadyExistsException");
    let plain = world.get(&path).await.good();
    assert!(plain.get("relations").is_none(), "relations only when expanded");
}

#[tokio::test]
async fn comments_are_paged_edited_and_deleted_and_each_makes_a_revision() {
    let world = World::demo().await;
    let id = world.bug("A").await;
    let path = |rest: &str| {
        let separator = if rest.contains('?') { '&' } else { '?' };
        format!("Webshop/_apis/wit/workItems/{id}/comments{rest}{separator}api-version=7.1-preview.4")
    };
    let first = world.call("POST", &path(""), json!({"text": "<p>one</p><script>x</script>"})).await.good();
    assert_eq!(
        (&first["text"], &first["format"], &first["version"]),
        (&json!("<p>one</p>"), &json!("html"), &json!(1))
    );
    let second = world.call("POST", &path("?format=markdown"), json!({"text": "**two**"})).await.good();
    assert_eq!(second["renderedText"], "<p><strong>two</strong></p>\n");
    world.change(id, json!({"System.History": "three"})).await.good();
    let page = world.get(&path("?$top=2&order=asc")).await.good();
    assert_eq!((&page["totalCount"], &page["count"]), (&json!(3), &json!(2)));
    assert_eq!(page["comments"][0]["renderedText"], "", "empty unless expanded");
    let token = page["continuationToken"].as_str().unwrap();
    let rest = world.get(&path(&format!("?order=asc&continuationToken={token}"))).await.good();
    assert_eq!(rest["comments"][0]["text"], "three");
    let number = &first["id"];
    let edited = world.call("PATCH", &path(&format!("/{number}")), json!({"text": "one!"})).await.good();
    assert_eq!(edited["version"], 2);
    assert_eq!(world.call("DELETE", &path(&format!("/{number}")), Value::Null).await.status, 204);
    assert_eq!(world.get(&path(&format!("/{number}"))).await.status, 404);
    let item = world.item(id).await;
    assert_eq!((&item["rev"], &item["fields"]["System.CommentCount"]), (&json!(6), &json!(2)));
}

#[tokio::test]
async fn a_deleted_item_looks_missing_and_comes_back_from_the_bin() {
    let world = World::demo().await;
    let id = world.bug("A").await;
    let gone = world.call("DELETE", &format!("Webshop/_apis/wit/workitems/{id}"), Value::Null).await.good();
    assert_eq!((&gone["code"], &gone["resource"]["rev"]), (&json!(200), &json!(2)));
    let date = gone["deletedDate"].as_str().unwrap();
    assert!(date.ends_with("AM") || date.ends_with("PM"), "{date}");
    assert_eq!(gone["deletedBy"], "Lockstep Service <service@contoso.example>");
    let missing = world.get(&format!("_apis/wit/workitems/{id}")).await;
    assert_eq!(missing.refused(404), "WorkItemUnauthorizedAccessException");
    assert_eq!(world.change(id, json!({"System.Title": "B"})).await.status, 404);
    assert!(world.wiql("SELECT [System.Id] FROM WorkItems").await.is_empty());
    let bin = world.get("Webshop/_apis/wit/recyclebin").await.good();
    assert_eq!(bin["value"][0]["id"], id.to_string());
    let path = format!("Webshop/_apis/wit/recyclebin/{id}");
    world.call("PATCH", &path, json!({"isDeleted": false})).await.good();
    assert_eq!(world.item(id).await["rev"], 3);
    world.call("DELETE", &format!("_apis/wit/workitems/{id}"), Value::Null).await.good();
    assert_eq!(world.call("DELETE", &path, Value::Null).await.status, 204);
    assert_eq!(world.get(&path).await.status, 404);
}

#[tokio::test]
async fn a_batch_makes_and_links_items_and_reports_each_outcome() {
    let world = World::demo().await;
    let id = world.bug("Old").await;
    let create = |temporary: &str, title: &str, relations: Value| {
        let mut body = vec![
            json!({"op": "add", "path": "/id", "value": temporary}),
            json!({"op": "add", "path": "/fields/System.Title", "value": title}),
        ];
        body.extend(relations.as_array().cloned().unwrap_or_default());
        json!({"method": "PATCH", "uri": "/Webshop/_apis/wit/workItems/$Bug?api-version=7.1",
            "headers": {"Content-Type": "application/json-patch+json"}, "body": body})
    };
    let child = json!([{"op": "add", "path": "/relations/-", "value": {"rel": "System.LinkTypes.Hierarchy-Reverse", "url": "https://dev.azure.com/x/_apis/wit/workItems/-1"}}]);
    let stale = json!({"method": "PATCH", "uri": format!("/_apis/wit/workItems/{id}?api-version=7.1"), "headers": {},
        "body": [{"op": "test", "path": "/rev", "value": 7}, {"op": "add", "path": "/fields/System.Title", "value": "x"}]});
    let batch = json!([create("-1", "Parent", json!([])), create("-2", "Child", child), stale]);
    let answer = world.call("POST", "_apis/wit/$batch", batch).await.good();
    let codes: Vec<i64> =
        answer["value"].as_array().unwrap().iter().map(|v| v["code"].as_i64().unwrap()).collect();
    assert_eq!(codes, [200, 200, 412]);
    let body: Value = serde_json::from_str(answer["value"][1]["body"].as_str().unwrap()).unwrap();
    assert_eq!(body["relations"][0]["attributes"]["name"], "Parent");
    assert_eq!(world.item(id).await["fields"]["System.Title"], "Old");
}

#[tokio::test]
async fn an_attachment_is_uploaded_attached_and_read_back() {
    let world = World::demo().await;
    let id = world.bug("A").await;
    let upload =
        world.request("POST", "Webshop/_apis/wit/attachments?fileName=report.json&uploadType=simple");
    let made = world.send(upload.header("Content-Type", "application/octet-stream").body("{}")).await;
    assert_eq!(made.status, 201);
    let url = made.body["url"].as_str().unwrap().to_owned();
    let linked =
        world.patch("PATCH", &format!("_apis/wit/workitems/{id}"), add("AttachedFile", &url)).await.good();
    assert_eq!(linked["rev"], 2);
    let relation = &linked["relations"][0];
    assert!(!relation["url"].as_str().unwrap().contains("fileName"), "the service drops the name");
    assert_eq!(
        (&relation["attributes"]["resourceSize"], &relation["attributes"]["name"]),
        (&json!(2), &json!("report.json"))
    );
    let read = world.send(world.client.get(&url).basic_auth("", Some(&world.pat))).await;
    assert_eq!(read.text, "{}");
    assert_eq!(world.send(world.client.get(&url)).await.status, 203, "downloads need a credential too");
}

#[tokio::test]
async fn a_comment_keeps_its_versions() {
    let world = World::demo().await;
    let id = world.bug("A").await;
    let path = |rest: &str| format!("Webshop/_apis/wit/workItems/{id}/comments{rest}");
    let preview = "?api-version=7.1-preview.4";
    let made = world.call("POST", &path(preview), json!({"text": "one"})).await.good();
    let number = &made["id"];
    world.call("PATCH", &path(&format!("/{number}{preview}")), json!({"text": "two"})).await.good();
    let all = world.get(&path(&format!("/{number}/versions?api-version=7.1-preview.1"))).await.good();
    let told: Vec<(i64, &str)> = all["value"]
        .as_array()
        .unwrap()
        .iter()
        .map(|v| (v["version"].as_i64().unwrap(), v["text"].as_str().unwrap()))
        .collect();
    assert_eq!(told, [(1, "one"), (2, "two")]);
    assert_eq!(all["value"][1]["modifiedBy"]["displayName"], "Lockstep Service");
    let missing = world.get(&path("/999/versions?api-version=7.1-preview.1")).await;
    assert_eq!(missing.status, 404);
}

#[tokio::test]
async fn several_items_are_deleted_at_once_and_each_has_its_outcome() {
    let world = World::demo().await;
    let (a, b) = (world.bug("A").await, world.bug("B").await);
    let asked = json!({"ids": [a, 99, b], "destroy": false});
    let answer = world.call("POST", "Webshop/_apis/wit/workitemsdelete", asked).await.good();
    let codes: Vec<&Value> = answer["results"].as_array().unwrap().iter().map(|r| &r["code"]).collect();
    assert_eq!(codes, [&json!(200), &json!(404), &json!(200)]);
    let kept = world.get(&format!("Webshop/_apis/wit/recyclebin/{a}")).await.good();
    assert_eq!((&kept["id"], &kept["name"]), (&json!(a), &json!("A")));
    assert_eq!(world.get(&format!("_apis/wit/workitems/{b}")).await.status, 404);
}

#[tokio::test]
async fn a_batch_is_also_sent_with_patch() {
    let world = World::demo().await;
    let id = world.bug("A").await;
    let one = json!({"method": "PATCH", "uri": format!("/_apis/wit/workItems/{id}?api-version=7.1"),
        "headers": {"Content-Type": "application/json-patch+json"},
        "body": [{"op": "add", "path": "/fields/System.Title", "value": "B"}]});
    let answer = world.call("PATCH", "_apis/wit/$batch", json!([one])).await.good();
    assert_eq!(answer["value"][0]["code"], 200);
    assert_eq!(world.item(id).await["fields"]["System.Title"], "B");
}
