//! Service hooks that really deliver.

use std::sync::{Arc, Mutex};

use emulator::Options;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::common::{World, eventually};

/// A receiver that keeps what it gets and answers with a status that can be changed.
struct Receiver {
    url: String,
    got: Arc<Mutex<Vec<(String, Value)>>>,
    status: Arc<Mutex<u16>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Receiver {
    async fn listen() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/in/secret", listener.local_addr().unwrap());
        let got: Arc<Mutex<Vec<(String, Value)>>> = Arc::default();
        let status = Arc::new(Mutex::new(200));
        let task = tokio::spawn({
            let (got, status) = (Arc::clone(&got), Arc::clone(&status));
            async move {
                while let Ok((mut stream, _)) = listener.accept().await {
                    let mut bytes = Vec::new();
                    let (head, body) = loop {
                        let mut piece = [0; 4096];
                        let n = stream.read(&mut piece).await.unwrap_or(0);
                        bytes.extend_from_slice(&piece[..n]);
                        let text = String::from_utf8_lossy(&bytes).into_owned();
                        let whole = text.split_once("\r\n\r\n").filter(|(head, body)| {
                            let length = head.lines().find_map(|l| {
                                l.to_lowercase().strip_prefix("content-length: ")?.parse().ok()
                            });
                            body.len() >= length.unwrap_or(0)
                        });
                        match whole {
                            Some((head, body)) => break (head.to_owned(), body.to_owned()),
                            None if n == 0 => break (String::new(), String::new()),
                            None => {}
                        }
                    };
                    let code = *status.lock().unwrap();
                    got.lock().unwrap().push((head, serde_json::from_str(&body).unwrap_or_default()));
                    let answer =
                        format!("HTTP/1.1 {code} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                    let _sent = stream.write_all(answer.as_bytes()).await;
                }
            }
        });
        Self { url, got, status, task }
    }

    async fn events(&self, count: usize) -> Vec<(String, Value)> {
        eventually("the deliveries", async || {
            let got = self.got.lock().unwrap();
            (got.len() >= count).then(|| got.clone())
        })
        .await
    }

    fn answer_with(&self, status: u16) {
        *self.status.lock().unwrap() = status;
    }
}

async fn local() -> World {
    World::with(Options { allow_local_hooks: true, ..Options::default() }).await
}

fn subscription(url: &str, event: &str, inputs: Value) -> Value {
    json!({
        "publisherId": "tfs", "eventType": event, "resourceVersion": "1.0",
        "consumerId": "webHooks", "consumerActionId": "httpRequest", "publisherInputs": inputs,
        "consumerInputs": {"url": url, "basicAuthUsername": "ado", "basicAuthPassword": "secret", "httpHeaders": "X-Token: abc"},
    })
}

async fn subscribe(world: &World, url: &str, event: &str, inputs: Value) -> Value {
    world.call("POST", "_apis/hooks/subscriptions", subscription(url, event, inputs)).await.good()
}

#[tokio::test]
async fn an_update_is_delivered_in_the_shape_that_was_captured() {
    let world = local().await;
    let receiver = Receiver::listen().await;
    let project = world.get("_apis/projects/Webshop").await.good()["id"].clone();
    let made = subscribe(&world, &receiver.url, "workitem.updated", json!({"projectId": project})).await;
    assert_eq!(made["status"], "enabled");
    assert_eq!(made["consumerInputs"]["basicAuthPassword"], "********");
    assert!(made["publisherInputs"]["tfsSubscriptionId"].is_string());
    let id = world.bug("A").await;
    world.change(id, json!({"System.State": "Active"})).await.good();
    let (head, body) = receiver.events(1).await.remove(0);
    assert!(head.to_lowercase().contains("authorization: basic ywrvonnly3jlda=="), "{head}");
    assert!(head.to_lowercase().contains("x-token: abc"));
    assert_eq!(body["eventType"], "workitem.updated");
    assert_eq!(body["subscriptionId"], made["id"]);
    assert_eq!(body["resourceContainers"]["project"]["id"], project);
    let resource = &body["resource"];
    assert_eq!(
        (&resource["id"], &resource["workItemId"], &resource["rev"]),
        (&json!(2), &json!(id), &json!(2))
    );
    assert_eq!(resource["fields"]["System.State"], json!({"oldValue": "New", "newValue": "Active"}));
    assert!(resource["fields"].get("System.Title").is_none(), "only what changed");
    assert_eq!(resource["revision"]["fields"]["System.Title"], "A");
    assert_eq!(
        resource["revision"]["fields"]["System.ChangedBy"],
        "Lockstep Service <service@contoso.example>"
    );
    assert_eq!(resource["revisedBy"]["displayName"], "Lockstep Service");
}

#[tokio::test]
async fn filters_decide_which_events_go_out() {
    let world = local().await;
    let receiver = Receiver::listen().await;
    subscribe(
        &world,
        &receiver.url,
        "workitem.created",
        json!({"workItemType": "Bug", "areaPath": "Webshop\\Payments"}),
    )
    .await;
    subscribe(&world, &receiver.url, "workitem.commented", json!({"commentPattern": "please"})).await;
    world.create("Webshop", "Task", json!({"System.Title": "no bug"})).await;
    world.create("Webshop", "Bug", json!({"System.Title": "elsewhere"})).await;
    let id = world.bug("here").await;
    world.change(id, json!({"System.History": "nothing"})).await.good();
    world.change(id, json!({"System.History": "Please look"})).await.good();
    let events = receiver.events(2).await;
    let mut seen: Vec<(&str, &Value)> =
        events.iter().map(|(_, b)| (b["eventType"].as_str().unwrap(), &b["resource"]["id"])).collect();
    seen.sort_by_key(|(kind, _)| *kind);
    assert_eq!(seen, [("workitem.commented", &json!(id)), ("workitem.created", &json!(id))]);
    let comment = events.iter().find(|(_, b)| b["eventType"] == "workitem.commented").unwrap();
    assert_eq!(comment.1["resource"]["fields"]["System.History"], "Please look");
    assert!(comment.1["resource"]["commentVersionRef"]["commentId"].is_number());
}

#[tokio::test]
async fn receivers_on_this_machine_and_open_passwords_are_refused_by_default() {
    let world = World::demo().await;
    for url in ["http://localhost:1/x", "https://127.0.0.1/x", "https://10.0.0.1/x", "https://[::1]/x"] {
        let mut body = subscription(url, "workitem.updated", json!({}));
        body["consumerInputs"] = json!({"url": url});
        assert_eq!(world.call("POST", "_apis/hooks/subscriptions", body).await.status, 400, "{url}");
    }
    let open = subscription("http://app.example/x", "workitem.updated", json!({}));
    assert!(world.call("POST", "_apis/hooks/subscriptions", open).await.text.contains("HTTPS is required"));
    let good = subscription("https://app.example/x", "workitem.updated", json!({}));
    let id =
        world.call("POST", "_apis/hooks/subscriptions", good).await.good()["id"].as_str().unwrap().to_owned();
    let path = format!("_apis/hooks/subscriptions/{id}");
    assert_eq!(world.call("DELETE", &path, Value::Null).await.status, 204);
    assert_eq!(world.get(&path).await.status, 404);
}

#[tokio::test]
async fn a_failing_receiver_puts_the_subscription_on_probation_until_it_answers_again() {
    let world = local().await;
    let receiver = Receiver::listen().await;
    receiver.answer_with(500);
    let made = subscribe(&world, &receiver.url, "workitem.created", json!({})).await;
    let path = format!("_apis/hooks/subscriptions/{}", made["id"].as_str().unwrap());
    world.bug("A").await;
    let has = async |status: &str| (world.get(&path).await.good()["status"] == status).then_some(());
    eventually("probation", async || has("onProbation").await).await;
    receiver.answer_with(200);
    world.control("POST", "time", Some(json!({"advanceSeconds": 21 * 60}))).await.good();
    eventually("the retry", async || has("enabled").await).await;
    let history = world.get(&format!("{path}/notifications")).await.good();
    assert_eq!(history["value"][0]["result"], "succeeded");
    receiver.answer_with(410);
    world.bug("B").await;
    eventually("the end", async || has("disabledBySystem").await).await;
}

#[tokio::test]
async fn deliveries_are_dropped_doubled_and_reordered_on_demand() {
    let world = local().await;
    let receiver = Receiver::listen().await;
    subscribe(&world, &receiver.url, "workitem.created", json!({})).await;
    world.control("POST", "hooks/contoso", Some(json!({"dropNext": 1, "duplicateNext": 1}))).await.good();
    world.bug("dropped").await;
    let doubled = world.bug("doubled").await;
    let events = receiver.events(2).await;
    assert!(events.iter().all(|(_, b)| b["resource"]["id"] == doubled));
    assert_eq!(events[0].1["id"], events[1].1["id"], "the same event twice");
    world.control("POST", "hooks/contoso", Some(json!({"reorderNext": 2}))).await.good();
    let (first, second) = (world.bug("first").await, world.bug("second").await);
    let events = receiver.events(4).await;
    let order: Vec<i64> = events[2..].iter().map(|(_, b)| b["resource"]["id"].as_i64().unwrap()).collect();
    assert_eq!(order, [second, first]);
}

#[tokio::test]
async fn a_test_notification_belongs_to_no_subscription() {
    let world = local().await;
    let receiver = Receiver::listen().await;
    let body = json!({"details": {"eventType": "workitem.updated", "publisherId": "tfs", "consumerId": "webHooks",
        "consumerActionId": "httpRequest", "publisherInputs": {}, "consumerInputs": {"url": receiver.url}}});
    world.call("POST", "_apis/hooks/testnotifications?useRealData=false", body).await.good();
    let (_, event) = receiver.events(1).await.remove(0);
    assert_eq!(event["subscriptionId"], "00000000-0000-0000-0000-000000000000");
    assert_eq!(event["resource"]["workItemId"], 0);
}

#[tokio::test]
async fn masked_secrets_that_come_back_keep_their_value() {
    let world = local().await;
    let receiver = Receiver::listen().await;
    let made = subscribe(&world, &receiver.url, "workitem.created", json!({})).await;
    let path = format!("_apis/hooks/subscriptions/{}", made["id"].as_str().unwrap());
    world.call("PUT", &path, made.clone()).await.good();
    world.bug("A").await;
    let (head, _) = receiver.events(1).await.remove(0);
    assert!(head.to_lowercase().contains("authorization: basic ywrvonnly3jlda=="));
}
