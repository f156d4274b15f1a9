//! Rate limits: held back first, refused later, and counted truthfully.

use chrono::TimeDelta;
use emulator::{Response, seed::RateLimits};
use serde_json::json;

use crate::{
    common::World,
    entra::{Directory, seed},
};

/// A route that costs 1.12 TSTU.
const DEAR: &str = "/contoso/Webshop/_apis/wit/workitemtypes/Bug/fields?$expand=all";

fn limited(tstu: f64) -> Directory {
    let mut seed = seed();
    seed.organizations[0].limits = Some(RateLimits { tstu, ..RateLimits::default() });
    Directory::seeded(&seed)
}

fn number(response: &Response, name: &str) -> Option<f64> {
    response.header_value(name).map(|v| v.parse().unwrap())
}

#[test]
fn near_the_budget_it_is_said_over_it_answers_are_held_and_far_over_it_they_are_refused() {
    let mut directory = limited(11.2);
    let start = directory.now.timestamp();
    let answers: Vec<Response> = (0..16).map(|_| directory.service("GET", DEAR)).collect();
    // Ten calls spend the budget, fifteen one and a half times as much.
    assert_eq!(number(&answers[7], "X-RateLimit-Remaining"), None, "far from it nothing is said");
    assert_eq!(number(&answers[8], "X-RateLimit-Remaining"), Some(1.0));
    assert_eq!(number(&answers[9], "X-RateLimit-Remaining"), Some(0.0));
    assert_eq!(answers[9].header_value("Retry-After"), None);
    let held = &answers[12];
    assert_eq!((held.status, number(held, "Retry-After")), (200, Some(300.0)));
    let delay = number(held, "X-RateLimit-Delay").unwrap();
    assert!((11.0..13.0).contains(&delay), "{delay}");
    assert_eq!(held.held().as_millis(), (delay * 1000.0).round() as u128);
    assert!(answers[11].held() < held.held() && held.held() < answers[14].held());
    let refused = &answers[15];
    assert_eq!((refused.status, refused.json()["typeKey"].clone()), (429, json!("RequestBlockedException")));
    assert!(refused.json()["message"].as_str().unwrap().starts_with("TF400733"));
    assert_eq!(number(refused, "Retry-After"), Some(300.0));
    assert_eq!(number(refused, "X-RateLimit-Limit"), Some(11.2));
    assert_eq!(number(refused, "X-RateLimit-Reset"), Some((start + 300) as f64));
}

#[test]
fn the_window_slides_and_everybody_has_a_budget_of_their_own() {
    let mut directory = limited(2.0);
    for _ in 0..2 {
        assert_eq!(directory.service("GET", DEAR).status, 200);
        directory.pass(100);
    }
    let token = directory.application_token();
    assert_eq!(directory.bearer(&token, "GET", DEAR).header_value("X-RateLimit-Limit"), None, "another one");
    let held = directory.service("GET", DEAR);
    assert_eq!(number(&held, "Retry-After"), Some(200.0), "when enough has left the window");
    assert_eq!(directory.service("GET", DEAR).status, 429);
    directory.now += TimeDelta::seconds(300);
    assert_eq!(directory.service("GET", DEAR).header_value("X-RateLimit-Limit"), None);
}

#[test]
fn what_was_spent_survives_a_restart() {
    let mut directory = limited(1.0);
    for _ in 0..2 {
        directory.service("GET", DEAR);
    }
    let saved = serde_json::to_string(&directory.state).unwrap();
    let mut again = Directory { state: serde_json::from_str(&saved).unwrap(), now: directory.now };
    assert_eq!(again.service("GET", DEAR).status, 429);
}

#[tokio::test]
async fn limits_are_switched_on_and_off_through_the_control_api() {
    let world = World::demo().await;
    let limits = json!({"tstu": 0.01, "longestDelayMs": 5, "blockAt": 2.5});
    world.control("POST", "limits/contoso", Some(limits)).await.good();
    let statuses = [
        world.get("_apis/projects").await,
        world.get("_apis/projects").await,
        world.get("_apis/projects").await,
        world.get("_apis/projects").await,
    ];
    assert_eq!(statuses.each_ref().map(|a| a.status), [200, 200, 200, 429]);
    assert_eq!(statuses[1].header("x-ratelimit-delay"), "0.001");
    world.control("POST", "limits/contoso", Some(json!(null))).await.good();
    world.get("_apis/projects").await.good();
    assert_eq!(world.control("POST", "limits/contoso", Some(json!({"tstu": 0}))).await.status, 400);
}

#[tokio::test]
async fn more_requests_at_once_than_allowed_are_refused() {
    let world = World::demo().await;
    world.control("POST", "limits/contoso", Some(json!({"concurrency": 1}))).await.good();
    let fault = json!({"times": 1, "action": {"kind": "hold", "milliseconds": 400}});
    world.control("POST", "faults", Some(fault)).await.good();
    let (first, second) = tokio::join!(world.get("_apis/projects"), world.get("_apis/projects"));
    let mut statuses = [first.status, second.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 429]);
    let refused = if first.status == 429 { first } else { second };
    assert!(refused.text.contains("resource 'Concurrency'"), "{}", refused.text);
    world.get("_apis/projects").await.good();
}
