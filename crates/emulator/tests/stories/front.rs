//! The front: faults, the log, restarts and the people of the board page.

use std::time::{Duration, Instant};

use emulator::{Options, Seed};
use serde_json::{Value, json};

use crate::common::{World, eventually, set};

async fn fault(world: &World, fault: Value) {
    world.control("POST", "faults", Some(fault)).await.good();
}

#[tokio::test]
async fn a_lost_answer_has_been_applied_and_a_lost_request_has_not() {
    let world = World::demo().await;
    fault(&world, json!({"match": {"family": "workItems", "method": "POST"}, "times": 1, "action": {"kind": "dropAfter"}})).await;
    fault(&world, json!({"match": {"family": "workItems", "method": "POST"}, "times": 1, "action": {"kind": "dropBefore"}})).await;
    for title in ["kept", "lost"] {
        let path = "Webshop/_apis/wit/workitems/$Bug";
        let request = world.request("POST", path).header("Content-Type", "application/json-patch+json");
        let cut = request.body(set(json!({"System.Title": title})).to_string()).send().await;
        assert!(cut.is_err(), "the connection is cut");
    }
    let read = world.get("_apis/wit/workitems?ids=1,2&errorPolicy=omit").await.good();
    assert_eq!(read["value"][0]["fields"]["System.Title"], "kept");
    assert_eq!(read["value"][1], Value::Null);
}

#[tokio::test]
async fn a_late_request_is_applied_after_the_caller_gave_up() {
    let world = World::demo().await;
    fault(&world, json!({"match": {"method": "POST"}, "times": 1, "action": {"kind": "applyLate", "milliseconds": 150}})).await;
    let request = world
        .request("POST", "Webshop/_apis/wit/workitems/$Bug")
        .header("Content-Type", "application/json-patch+json");
    assert!(request.body(set(json!({"System.Title": "late"})).to_string()).send().await.is_err());
    assert_eq!(world.get("_apis/wit/workitems/1").await.status, 404);
    eventually("the late request", async || {
        (world.get("_apis/wit/workitems/1").await.status == 200).then_some(())
    })
    .await;
}

#[tokio::test]
async fn throttling_and_gateway_trouble_come_on_demand() {
    let world = World::demo().await;
    fault(&world, json!({"times": 1, "action": {"kind": "throttle", "retryAfterSeconds": 7}})).await;
    fault(&world, json!({"times": 1, "action": {"kind": "unavailable"}})).await;
    fault(&world, json!({"times": 1, "action": {"kind": "signInPage"}})).await;
    fault(&world, json!({"times": 1, "action": {"kind": "unauthorized"}})).await;
    fault(&world, json!({"times": 1, "action": {"kind": "slowDown", "retryAfterSeconds": 3}})).await;
    let throttled = world.get("_apis/projects").await;
    assert_eq!((throttled.status, throttled.header("retry-after")), (429, "7"));
    assert!(throttled.text.contains("TF400733"));
    let gateway = world.get("_apis/projects").await;
    assert_eq!((gateway.status, gateway.header("content-type")), (503, "text/html"));
    assert_eq!(world.get("_apis/projects").await.status, 203);
    assert_eq!(world.get("_apis/projects").await.status, 401);
    let slow = world.get("_apis/projects").await;
    assert_eq!((slow.status, slow.header("retry-after")), (200, "3"));
    assert_eq!(world.get("_apis/projects").await.header("retry-after"), "");
}

#[tokio::test]
async fn an_answer_can_be_held_back() {
    let world = World::demo().await;
    fault(&world, json!({"times": 1, "action": {"kind": "hold", "milliseconds": 120}})).await;
    let started = Instant::now();
    world.get("_apis/projects").await.good();
    assert!(started.elapsed() >= Duration::from_millis(120));
}

#[tokio::test]
async fn a_stopped_organization_says_so() {
    let world = World::demo().await;
    world.control("POST", "organizations/contoso", Some(json!({"stopped": true}))).await.good();
    let answer = world.get("_apis/projects").await;
    assert_eq!(answer.refused(503), "VssServiceException");
    world.control("POST", "organizations/contoso", Some(json!({"stopped": false}))).await.good();
    world.get("_apis/projects").await.good();
}

#[tokio::test]
async fn the_log_shows_what_was_asked_and_what_was_written() {
    let world = World::demo().await;
    let id = world.bug("A").await;
    world.change(id, json!({"System.Title": "A"})).await.good();
    world.change(id, json!({"System.Title": "B"})).await.good();
    world.item(id).await;
    let log = world.control("GET", "log", None).await.good();
    let writes: Vec<bool> =
        log["entries"].as_array().unwrap().iter().map(|e| e["write"].as_bool().unwrap()).collect();
    assert_eq!(writes, [true, false, true, false], "an update without a change is no write");
    assert_eq!(log["entries"][2]["workItems"], json!([id]));
    let since = world.control("GET", "log?since=3", None).await.good();
    assert_eq!(since["entries"].as_array().unwrap().len(), 1);
    let counters = world.control("GET", "counters", None).await.good();
    assert_eq!((&counters["writes"], &counters["families"]["workItems"]), (&json!(2), &json!(4)));
}

#[tokio::test]
async fn a_person_of_the_board_page_acts_by_the_same_rules_under_their_own_name() {
    let world = World::demo().await;
    let id = world.bug("A").await;
    let directory = world.control("GET", "directory", None).await.good();
    let person = directory["organizations"][0]["people"][0]["id"].as_str().unwrap().to_owned();
    let url = format!(
        "{}/_emulator/act/{person}/contoso/_apis/wit/workitems/{id}?api-version=7.1",
        world.running.base_url
    );
    let act = |fields: Value| {
        let request = world.client.patch(&url).header("Content-Type", "application/json-patch+json");
        world.send(request.body(set(fields).to_string()))
    };
    let changed = act(json!({"System.State": "Active"})).await.good();
    assert_eq!(changed["fields"]["System.ChangedBy"]["displayName"], "Ada Marsh");
    assert_eq!(act(json!({"System.State": "Nonsense"})).await.refused(400), "RuleValidationException");
    let log = world.control("GET", "log", None).await.good();
    assert_eq!(log["entries"].as_array().unwrap().len(), 1, "the log is about clients");
}

#[tokio::test]
async fn the_pages_are_there_and_load_nothing_from_elsewhere() {
    let world = World::demo().await;
    for path in [
        "/",
        "/_emulator/board/contoso/Webshop/Payments",
        "/_emulator/assets/board.js",
        "/_emulator/assets/emulator.css",
    ] {
        let page = world.send(world.client.get(format!("{}{path}", world.running.base_url))).await;
        assert_eq!(page.status, 200, "{path}");
        assert!(page.header("content-security-policy").starts_with("default-src 'none'"));
        assert!(!page.text.contains("http://") && !page.text.contains("https://"), "{path}");
    }
    let id = world.bug("A").await;
    let link = world.item(id).await["_links"]["html"]["href"].as_str().unwrap().to_owned();
    let no_follow = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let answer = no_follow.get(link).send().await.unwrap();
    let to = answer.headers()["location"].to_str().unwrap();
    assert_eq!(to, format!("/_emulator/board/contoso/Webshop/Payments#{id}"));
}

#[tokio::test]
async fn the_state_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { state_file: Some(folder.path().join("state.json")), ..Options::default() };
    let world = World::with(options.clone()).await;
    let id = world.bug("A").await;
    world.change(id, json!({"System.History": "<p>hello</p>"})).await.good();
    let before = world.item(id).await;
    world.running.stop().await.unwrap();
    let world = World::with(options.clone()).await;
    let after = world.item(id).await;
    assert_eq!(after["fields"]["System.Watermark"], before["fields"]["System.Watermark"]);
    assert_eq!(after["fields"]["System.ChangedBy"]["id"], before["fields"]["System.ChangedBy"]["id"]);
    assert_eq!(world.bug("B").await, id + 1);
    world.running.stop().await.unwrap();
    std::fs::write(folder.path().join("state.json"), "not a state").unwrap();
    assert!(emulator::start(options).await.is_err(), "a file that is no state is not overwritten");
}

#[tokio::test]
async fn a_reset_goes_back_to_the_seed_or_to_a_new_one() {
    let world = World::demo().await;
    world.bug("A").await;
    world.control("POST", "reset", None).await.good();
    assert_eq!(world.get("_apis/wit/workitems/1").await.status, 404);
    let mut seed = Seed::demo();
    seed.organizations[0].projects[0].name = "Other".into();
    world.control("POST", "reset", Some(serde_json::to_value(seed).unwrap())).await.good();
    assert_eq!(world.get("_apis/projects").await.good()["value"][0]["name"], "Other");
}
