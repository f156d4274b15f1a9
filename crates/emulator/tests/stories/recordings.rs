//! Recorded answers of the real service and ours have the same members. The recordings are not part of this
//! repository; without them the tests say so.

use std::collections::BTreeSet;

use emulator::{
    Seed,
    seed::{ProcessKind, ProjectSeed},
};
use serde_json::{Value, json};

use crate::common::{Answer, World, set};

const WEBHOOKS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/fixtures/azure-devops/webhooks");
const RECORDINGS: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/fixtures/azure-devops/recordings");

/// The recorded answer of the first exchange that fits, or None without recordings.
#[expect(clippy::print_stdout, reason = "a skipped test says so")]
fn recorded(file: &str, method: &str, part: &str) -> Option<Value> {
    let Ok(entries) = std::fs::read_dir(RECORDINGS) else {
        println!("skipped: {RECORDINGS} is not there");
        return None;
    };
    let path = entries
        .map(|e| e.unwrap().path())
        .find(|p| p.file_name().unwrap().to_string_lossy().starts_with(file))
        .unwrap_or_else(|| panic!("no recording {file}"));
    let recording: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let found = recording["exchanges"].as_array().unwrap().iter().find(|e| {
        e["method"] == method
            && e["url"].as_str().unwrap().contains(part)
            && e["status"].as_i64().unwrap() < 300
    });
    Some(found.unwrap_or_else(|| panic!("no {method} {part} in {file}"))["response_body"].clone())
}

/// Every member of `theirs` is in `ours`, down to the leaves; lists are compared by their first entries.
fn missing(theirs: &Value, ours: &Value, at: &str, all: &mut BTreeSet<String>) {
    match theirs {
        Value::Object(members) => {
            for (name, value) in members {
                match ours.get(name) {
                    Some(own) => missing(value, own, &format!("{at}.{name}"), all),
                    None => {
                        all.insert(format!("{at}.{name}"));
                    }
                }
            }
        }
        Value::Array(list) => {
            if let (Some(first), Some(own)) = (list.first(), ours.get(0)) {
                missing(first, own, &format!("{at}[]"), all);
            }
        }
        _ if theirs.is_null() || ours.is_null() => {}
        _ if std::mem::discriminant(theirs) != std::mem::discriminant(ours) => {
            all.insert(format!("{at}: {theirs} is another type than {ours}"));
        }
        _ => {}
    }
}

#[track_caller]
fn assert_has_all(theirs: &Value, ours: &Value, but: &[&str]) {
    let mut all = BTreeSet::new();
    missing(theirs, ours, "", &mut all);
    all.retain(|path| !but.contains(&path.as_str()));
    assert!(all.is_empty(), "missing: {all:#?}");
}

async fn basic() -> World {
    let mut seed = Seed::demo();
    seed.organizations[0].projects.push(ProjectSeed::new("Basic One", ProcessKind::Basic));
    World::seeded(seed).await
}

async fn task(world: &World, title: &str) -> Value {
    world.create("Basic%20One", "Task", json!({"System.Title": title})).await
}

#[tokio::test]
async fn creating_linking_reading_and_deleting_answer_with_the_recorded_members() {
    let file = "cli-boards_releations_create_remove-2025-01-16";
    let Some(theirs) = recorded(file, "POST", "workItems/$Task") else { return };
    let world = basic().await;
    let made = task(&world, "Task_0").await;
    assert_has_all(&theirs, &made, &[]);
    let child = task(&world, "Task_1").await["id"].as_i64().unwrap();
    let id = made["id"].as_i64().unwrap();
    let relation = json!({"rel": "System.LinkTypes.Hierarchy-Forward", "url": world.url(&format!("_apis/wit/workItems/{child}"))});
    let linked = world
        .patch(
            "PATCH",
            &format!("_apis/wit/workitems/{id}"),
            json!([{"op": "add", "path": "/relations/-", "value": relation}]),
        )
        .await
        .good();
    assert_has_all(&recorded(file, "PATCH", "workItems/").unwrap(), &linked, &[]);
    let read = world.item(id).await;
    assert_has_all(&recorded(file, "GET", "workItems/").unwrap(), &read, &[]);
    let query =
        json!({"query": "SELECT [System.Id] FROM WorkItems WHERE ([System.Id] = 1 OR [System.Id] = 2)"});
    let found = world.call("POST", "_apis/wit/wiql", query).await.good();
    assert_has_all(&recorded(file, "POST", "wiql").unwrap(), &found, &[]);
    let project = world.get("_apis/projects/Basic%20One?includeCapabilities=true").await.good();
    assert_has_all(&recorded(file, "GET", "includeCapabilities=true").unwrap(), &project, &[]);
    let types = world.get("_apis/wit/workitemrelationtypes").await.good();
    assert_has_all(&recorded(file, "GET", "workItemRelationTypes").unwrap(), &types, &[]);
}

#[tokio::test]
async fn a_deletion_answers_with_the_recorded_members() {
    let Some(theirs) =
        recorded("cli-workItemCreateShowUpdateDelete-2021-09-07-f5d9bf56", "DELETE", "workItems/6")
    else {
        return;
    };
    let world = World::demo().await;
    let id = world.create("Webshop", "Bug", json!({"System.Title": "samplebug"})).await["id"].clone();
    let path = format!("_apis/wit/workitems/{id}");
    world.patch("PATCH", &path, set(json!({"System.State": "Resolved"}))).await.good();
    let gone = world.call("DELETE", &format!("Webshop/{path}"), Value::Null).await.good();
    assert_has_all(&theirs, &gone, &[]);
}

#[tokio::test]
async fn teams_and_areas_answer_with_the_recorded_members() {
    let file = "cli-boards_areas-2025-01-09";
    let Some(theirs) = recorded(file, "GET", "teamfieldvalues") else { return };
    let world = World::demo().await;
    let good = async |path: &str| -> Value { Answer::good(world.get(path).await) };
    assert_has_all(
        &theirs,
        &good("Webshop/Payments/_apis/work/teamsettings/teamfieldvalues").await,
        &["._links.areaPathClassificationNodes"],
    );
    let areas = good("Webshop/_apis/wit/classificationnodes/areas?$depth=1").await;
    assert_has_all(&recorded(file, "GET", "classificationNodes/areas").unwrap(), &areas, &[]);
    let settings = recorded("docs-work-teamsettings-GET-work-teamsettings", "GET", "teamsettings").unwrap();
    let but = [
        "._links.teamIterations",
        "._links.teamFieldValues",
        "._links.classificationNode",
        "._links.teamSettings",
    ];
    assert_has_all(&settings, &good("Webshop/Payments/_apis/work/teamsettings").await, &but);
    let board = recorded("docs-work-GET-work-boards-boardId.json", "GET", "boards").unwrap();
    let own = good("Webshop/Payments/_apis/work/boards/Stories").await;
    let product = |path: &str| format!("{path}.Product Backlog Item");
    let other_process: Vec<String> = [
        ".columns[].stateMappings",
        ".allowedMappings.Incoming",
        ".allowedMappings.InProgress",
        ".allowedMappings.Outgoing",
    ]
    .map(product)
    .to_vec();
    let but: Vec<&str> = other_process.iter().map(String::as_str).collect();
    assert_has_all(&board, &own, &but);
    let kinds = recorded("vsteam-get-vsteamworkitemtype", "GET", "workitemtypes").unwrap();
    assert_has_all(
        &kinds["value"][0],
        &good("Webshop/_apis/wit/workitemtypes/Bug").await,
        &[".fields[].helpText", ".fieldInstances[].helpText"],
    );
}

/// Members of the organization where the delivery was captured, and not of the service.
fn belongs_to_the_capture(path: &str) -> bool {
    path.contains(".WEF_") || path.contains(".relations") || path.ends_with(".scope")
}

#[test]
fn deliveries_have_the_members_that_were_captured() {
    use crate::stepping::Stepped;
    let cases = [
        ("automate-state-workitem.updated-post-userstory", "workitem.updated"),
        ("docs2018-workitem.created", "workitem.created"),
        ("docs2018-workitem.commented", "workitem.commented"),
        ("docs2018-workitem.deleted", "workitem.deleted"),
        ("docs2018-workitem.restored", "workitem.restored"),
    ];
    let mut stepped = Stepped::new();
    for (_, event) in cases {
        stepped.subscribe(event);
    }
    let id = stepped
        .create("User%20Story", &json!({"System.Title": "A", "System.AreaPath": "Webshop\\Payments"}))["id"]
        .clone();
    let bug = stepped.create("Bug", &json!({"System.Title": "A"}))["id"].clone();
    let patch = |fields: Value| set(fields);
    let item = format!("/contoso/_apis/wit/workitems/{id}?api-version=7.1");
    stepped.pass(1);
    stepped.send("PATCH", &item, &patch(json!({"System.State": "Active"})));
    let other = format!("/contoso/_apis/wit/workitems/{bug}?api-version=7.1");
    stepped.send("PATCH", &other, &patch(json!({"System.History": "words"})));
    stepped.send("DELETE", &other, &Value::Null);
    stepped.send(
        "PATCH",
        &format!("/contoso/_apis/wit/recyclebin/{bug}?api-version=7.1"),
        &json!({"isDeleted": false}),
    );
    let bodies: Vec<Value> = stepped.due().iter().map(|d| serde_json::from_str(&d.body).unwrap()).collect();
    for (file, event) in cases {
        let Ok(text) = std::fs::read_to_string(format!("{WEBHOOKS}/{file}.json")) else {
            println!("skipped: {WEBHOOKS} is not there");
            return;
        };
        let captured: Value = serde_json::from_str(&text).unwrap();
        let wanted = if event == "workitem.updated" { &id } else { &bug };
        let ours = bodies
            .iter()
            .find(|b| {
                b["eventType"] == event
                    && (b["resource"]["id"] == *wanted || b["resource"]["workItemId"] == *wanted)
            })
            .unwrap_or_else(|| panic!("no {event} was delivered"));
        let mut all = BTreeSet::new();
        missing(&captured["payload"], ours, "", &mut all);
        all.retain(|path| !belongs_to_the_capture(path) && !path.ends_with(".workItemHistory"));
        assert!(all.is_empty(), "{event} lacks {all:#?}");
    }
}
