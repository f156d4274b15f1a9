//! Azure Resource Graph, as Defender for Cloud is read through it.

use reqwest::RequestBuilder;
use serde_json::{Value, json};

use crate::common::{Answer, World};

const QUERY: &str = "securityresources | where type =~ 'microsoft.security/assessments/subassessments' | project id, type, name, properties | order by id asc";
const SUBSCRIPTION: &str = "aaaaaaaa-1111-4111-8111-111111111111";

fn row(number: usize, kind: &str) -> Value {
    let id = format!(
        "/subscriptions/{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.Security/assessments/key/subAssessments/{number:04}"
    );
    json!({"id": id, "type": kind, "name": format!("{number:04}"), "properties": {}})
}

/// The demo with that many sub-assessments and one assessment, and the word of a token for the graph.
async fn world(rows: usize) -> (World, String) {
    let world = World::demo().await;
    let mut all: Vec<Value> =
        (0..rows).rev().map(|n| row(n, "Microsoft.Security/assessments/subAssessments")).collect();
    all.push(row(9999, "microsoft.security/assessments"));
    world.control("POST", "resource-graph", Some(json!({"rows": all}))).await.good();
    let token = token(&world, "https://management.azure.com/.default").await.good();
    let word = token["access_token"].as_str().unwrap().to_owned();
    (world, word)
}

async fn token(world: &World, scope: &str) -> Answer {
    let applications = world.control("GET", "applications", None).await.good();
    let application = &applications["applications"][0];
    let url =
        format!("{}/{}/oauth2/v2.0/token", world.running.base_url, application["tenant"].as_str().unwrap());
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", application["clientId"].as_str().unwrap()),
        ("client_secret", "demo-client-secret"),
        ("scope", scope),
    ];
    world.send(world.client.post(url).form(&form)).await
}

fn ask(world: &World, version: &str, body: &Value) -> RequestBuilder {
    let url = format!("{}/providers/Microsoft.ResourceGraph/resources{version}", world.running.base_url);
    world.client.post(url).json(body)
}

async fn query(world: &World, word: &str, body: &Value) -> Answer {
    world.send(ask(world, "?api-version=2022-10-01", body).bearer_auth(word)).await
}

#[tokio::test]
async fn rows_come_in_pages_and_in_the_order_of_their_ids() {
    let (world, word) = world(7).await;
    let mut ids = Vec::new();
    let mut options = json!({"$top": 3});
    for (expected, truncated) in [(3, "true"), (3, "true"), (1, "false")] {
        let body = json!({"subscriptions": [SUBSCRIPTION], "query": QUERY, "options": options});
        let page = query(&world, &word, &body).await.good();
        assert_eq!((page["totalRecords"].as_u64(), page["count"].as_u64()), (Some(7), Some(expected)));
        assert_eq!(page["resultTruncated"], truncated, "a string, not a boolean");
        ids.extend(
            page["data"].as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap().to_owned()),
        );
        options = json!({"$top": 3, "$skipToken": page["$skipToken"]});
    }
    assert_eq!(ids, ["0000", "0001", "0002", "0003", "0004", "0005", "0006"]);
    assert_eq!(options["$skipToken"], Value::Null, "the last page has no token");
}

#[tokio::test]
async fn a_token_belongs_to_its_query_and_a_limited_query_has_none() {
    let (world, word) = world(3).await;
    let first = query(&world, &word, &json!({"query": QUERY, "options": {"$top": 1}})).await.good();
    let other = QUERY.replace("asc", "desc");
    let body = json!({"query": other, "options": {"$top": 1, "$skipToken": first["$skipToken"]}});
    assert_eq!(query(&world, &word, &body).await.status, 400);
    let body = json!({"query": format!("{QUERY} | take 2"), "options": {"$top": 1}});
    let limited = query(&world, &word, &body).await.good();
    assert_eq!((&limited["$skipToken"], &limited["resultTruncated"]), (&Value::Null, &json!("true")));
    assert_eq!(query(&world, &word, &json!({"query": QUERY, "options": {"$top": 1001}})).await.status, 400);
}

#[tokio::test]
async fn fifteen_queries_pass_in_five_seconds_and_the_next_has_to_wait() {
    let (world, word) = world(1).await;
    let body = json!({"query": QUERY});
    for left in (0..15).rev() {
        let answer = query(&world, &word, &body).await;
        assert_eq!(answer.header("x-ms-user-quota-remaining"), left.to_string());
        assert!(answer.header("x-ms-user-quota-resets-after").starts_with("00:00:0"));
        answer.good();
    }
    let throttled = query(&world, &word, &body).await;
    assert_eq!((throttled.status, &throttled.body["error"]["code"]), (429, &json!("RateLimiting")));
    let wait: u64 = throttled.header("retry-after").parse().unwrap();
    assert!((1..=5).contains(&wait), "{wait}");
    world.control("POST", "time", Some(json!({"advanceSeconds": 5}))).await.good();
    query(&world, &word, &body).await.good();
}

#[tokio::test]
async fn a_token_for_one_service_is_none_for_the_other() {
    let (world, word) = world(1).await;
    let devops = token(&world, "499b84ac-1321-427f-aa17-267ca6975798/.default").await.good();
    let refused = query(&world, devops["access_token"].as_str().unwrap(), &json!({"query": QUERY})).await;
    assert_eq!(
        (refused.status, &refused.body["error"]["code"]),
        (401, &json!("InvalidAuthenticationTokenAudience"))
    );
    let projects = world.client.get(world.url("_apis/projects")).bearer_auth(&word);
    let answer = world.send(projects.header("X-TFS-FedAuthRedirect", "Suppress")).await;
    assert_eq!(answer.status, 401);
    let anonymous = world.send(ask(&world, "?api-version=2022-10-01", &json!({"query": QUERY}))).await;
    assert_eq!((anonymous.status, &anonymous.body["error"]["code"]), (401, &json!("AuthenticationFailed")));
    let unversioned = world.send(ask(&world, "", &json!({"query": QUERY})).bearer_auth(&word)).await;
    assert_eq!(unversioned.body["error"]["code"], "MissingApiVersionParameter");
}

#[tokio::test]
async fn an_application_without_a_role_reads_nothing() {
    let (world, word) = world(1).await;
    let change = json!({"rows": [row(1, "microsoft.security/assessments")], "readers": []});
    world.control("POST", "resource-graph", Some(change)).await.good();
    let refused = query(&world, &word, &json!({"query": QUERY})).await;
    assert_eq!((refused.status, &refused.body["error"]["code"]), (403, &json!("AuthorizationFailed")));
    let nameless = world.control("POST", "resource-graph", Some(json!({"rows": [{}]}))).await;
    assert_eq!((nameless.status, &nameless.body["message"]), (400, &json!("Row 0 has no id.")));
}

#[tokio::test]
async fn faults_hit_the_graph_like_everything_else() {
    let (world, word) = world(1).await;
    let fault = json!({"match": {"family": "resourceGraph"}, "times": 1, "action": {"kind": "throttle", "retryAfterSeconds": 7}});
    world.control("POST", "faults", Some(fault)).await.good();
    let throttled = query(&world, &word, &json!({"query": QUERY})).await;
    assert_eq!((throttled.status, throttled.header("retry-after")), (429, "7"));
    assert_eq!(throttled.body["error"]["code"], "RateLimiting");
    query(&world, &word, &json!({"query": QUERY})).await.good();
}
