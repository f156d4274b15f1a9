//! Subscriptions as they are asked for, queried and ended, with the clock moved by hand.

use base64::{Engine, prelude::*};
use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use emulator::{
    DeliveryOutcome, HookKnobs, MemberChange, Request, Response, Seed, State,
    seed::{DEMO_PAT, Role},
};
use serde_json::{Value, json};

use crate::common::set;

struct Hooks {
    state: State,
    now: DateTime<Utc>,
}

const ALL: &str = "/contoso/_apis/hooks/subscriptions?api-version=7.1";

impl Hooks {
    fn new() -> Self {
        let now = Utc.with_ymd_and_hms(2026, 3, 1, 9, 0, 0).unwrap();
        let mut state = State::new(&Seed::demo(), now);
        state.set_allow_local_hooks(true);
        Self { state, now }
    }

    fn send(&mut self, method: &str, target: &str, body: &Value) -> Response {
        let word = BASE64_STANDARD.encode(format!(":{DEMO_PAT}"));
        let request = Request::new(method, target).header("Authorization", &format!("Basic {word}"));
        self.state.handle(self.now, request.body("application/json", body.to_string()))
    }

    fn get(&mut self, path: &str) -> Value {
        let answer = self.send("GET", &format!("/contoso/_apis/hooks/{path}"), &Value::Null);
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        answer.json()
    }

    fn post(&mut self, path: &str, body: &Value) -> Value {
        let target = format!("/contoso/_apis/hooks/{path}?api-version=7.1");
        let answer = self.send("POST", &target, body);
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        answer.json()
    }

    fn subscribe(&mut self, event: &str, publisher: Value, consumer: Value) -> String {
        let mut inputs = json!({"url": "http://127.0.0.1:9/x"});
        inputs.as_object_mut().unwrap().extend(consumer.as_object().unwrap().clone());
        let body = json!({
            "publisherId": "tfs", "eventType": event, "consumerId": "webHooks",
            "consumerActionId": "httpRequest", "publisherInputs": publisher, "consumerInputs": inputs,
        });
        self.send("POST", ALL, &body).json()["id"].as_str().unwrap().to_owned()
    }

    fn bug(&mut self, area: &str) -> i64 {
        let target = "/contoso/Webshop/_apis/wit/workitems/$Bug?api-version=7.1";
        let fields = json!({"System.Title": "A", "System.AreaPath": area});
        self.send("POST", target, &set(fields)).json()["id"].as_i64().unwrap()
    }

    fn change(&mut self, id: i64, fields: Value) {
        let target = format!("/contoso/_apis/wit/workitems/{id}?api-version=7.1");
        assert_eq!(self.send("PATCH", &target, &set(fields)).status, 200);
    }

    /// Delivers all that is due with one outcome; the bodies.
    fn deliver(&mut self, outcome: &DeliveryOutcome) -> Vec<Value> {
        let due = self.state.take_due_deliveries(self.now);
        due.iter().for_each(|d| self.state.delivery_finished(d.id, outcome, self.now));
        due.iter().map(|d| serde_json::from_str(&d.body).unwrap()).collect()
    }

    fn status(&mut self, id: &str) -> Value {
        self.get(&format!("subscriptions/{id}"))["status"].clone()
    }
}

#[test]
fn subscriptions_of_somebody_who_left_are_disabled_until_they_are_enabled_again() {
    let mut hooks = Hooks::new();
    let id = hooks.subscribe("workitem.created", json!({}), json!({}));
    let all = hooks.get("subscriptions");
    assert_eq!(all["count"], 1);
    hooks.bug("Webshop");
    // Ada, an administrator, removes the service account that made it.
    let service = "service@contoso.example";
    let change = |role| MemberChange { member: service.into(), role };
    assert!(hooks.state.change_member("contoso", &change(Role::None)));
    assert_eq!(hooks.state.next_due(), None, "what waited is gone");
    hooks.state.change_member("contoso", &change(Role::Administrator));
    assert_eq!(hooks.status(&id), "disabledByInactiveIdentity");
    hooks.bug("Webshop");
    assert_eq!(hooks.state.next_due(), None);
    let mut body = hooks.get(&format!("subscriptions/{id}"));
    body["status"] = "enabled".into();
    let target = format!("/contoso/_apis/hooks/subscriptions/{id}?api-version=7.1");
    assert_eq!(hooks.send("PUT", &target, &body).json()["status"], "enabled");
    hooks.bug("Webshop");
    assert_eq!(hooks.deliver(&DeliveryOutcome::Answered(200)).len(), 1);
}

#[test]
fn only_408_502_503_and_504_are_tried_again_soon() {
    for (status, soon) in [(408, true), (502, true), (503, true), (504, true), (500, false), (404, false)] {
        let mut hooks = Hooks::new();
        let id = hooks.subscribe("workitem.created", json!({}), json!({}));
        hooks.bug("Webshop");
        hooks.deliver(&DeliveryOutcome::Answered(status));
        let wait = hooks.state.next_due().unwrap() - hooks.now;
        let expected = if soon { TimeDelta::seconds(1) } else { TimeDelta::minutes(20) };
        assert_eq!(wait, expected, "{status}");
        assert_eq!(hooks.status(&id), if soon { "enabled" } else { "onProbation" });
    }
}

#[test]
fn every_filter_of_the_publisher_is_obeyed() {
    let mut hooks = Hooks::new();
    let projects = hooks.send("GET", "/contoso/_apis/projects/Webshop/teams", &Value::Null).json();
    let team = projects["value"].as_array().unwrap().iter().find(|t| t["name"] == "Payments").unwrap();
    for (event, filter) in [
        ("workitem.updated", json!({"changedFields": "System.State"})),
        ("workitem.updated", json!({"tag": "security"})),
        ("workitem.updated", json!({"teamId": team["id"]})),
        ("workitem.updated", json!({"areaPath": "Webshop\\Payments", "workItemType": "Bug"})),
        ("workitem.updated", json!({"linksChanged": "true"})),
    ] {
        hooks.subscribe(event, filter, json!({}));
    }
    let seen = |hooks: &mut Hooks, id: i64, fields: Value| {
        hooks.change(id, fields);
        hooks.deliver(&DeliveryOutcome::Answered(200)).len()
    };
    let (inside, outside) = (hooks.bug("Webshop\\Payments"), hooks.bug("Webshop\\Storefront"));
    assert_eq!(seen(&mut hooks, outside, json!({"System.Title": "B"})), 0);
    assert_eq!(seen(&mut hooks, outside, json!({"System.State": "Active"})), 1);
    assert_eq!(seen(&mut hooks, outside, json!({"System.Tags": "Security; x"})), 1);
    assert_eq!(seen(&mut hooks, inside, json!({"System.Title": "B"})), 2, "team and area");
    let link = json!([{"op": "add", "path": "/relations/-", "value": {
        "rel": "System.LinkTypes.Related",
        "url": format!("https://dev.azure.com/contoso/_apis/wit/workItems/{outside}"),
    }}]);
    let target = format!("/contoso/_apis/wit/workitems/{inside}?api-version=7.1");
    assert_eq!(hooks.send("PATCH", &target, &link).status, 200);
    let bodies = hooks.deliver(&DeliveryOutcome::Answered(200));
    assert!(bodies.iter().any(|b| b["resource"]["relations"]["added"].is_array()), "{bodies:?}");
}

#[test]
fn a_subscription_gets_as_much_detail_as_it_asked_for() {
    let mut hooks = Hooks::new();
    hooks.subscribe(
        "workitem.created",
        json!({}),
        json!({"resourceDetailsToSend": "minimal", "messagesToSend": "text", "detailedMessagesToSend": "none"}),
    );
    let id = hooks.bug("Webshop");
    let body = hooks.deliver(&DeliveryOutcome::Answered(200)).remove(0);
    assert_eq!((&body["resource"]["id"], &body["resource"]["fields"]), (&json!(id), &Value::Null));
    assert_eq!(body["message"].as_object().unwrap().len(), 1);
    assert_eq!(body["detailedMessage"], Value::Null);
    let test = json!({"details": {"eventType": "workitem.created", "consumerInputs": {
        "url": "http://127.0.0.1:9/x", "resourceDetailsToSend": "none"}}});
    hooks.post("testnotifications", &test);
    let sample = hooks.deliver(&DeliveryOutcome::Answered(200)).remove(0);
    assert_eq!(sample["resource"], Value::Null);
    assert_eq!(sample["subscriptionId"], "00000000-0000-0000-0000-000000000000");
}

#[test]
fn identities_are_text_or_objects_by_the_version_of_the_resource() {
    for (version, text) in [("1.0", true), ("latest", true), ("5.1-preview.3", false)] {
        let mut hooks = Hooks::new();
        let body = json!({
            "publisherId": "tfs", "eventType": "workitem.created", "consumerId": "webHooks",
            "consumerActionId": "httpRequest", "resourceVersion": version,
            "consumerInputs": {"url": "http://127.0.0.1:9/x"},
        });
        assert_eq!(hooks.send("POST", ALL, &body).status, 200);
        hooks.bug("Webshop");
        let body = hooks.deliver(&DeliveryOutcome::Answered(200)).remove(0);
        let by = &body["resource"]["fields"]["System.CreatedBy"];
        assert_eq!((by.is_string(), by["displayName"].is_string()), (text, !text), "{version}");
    }
}

#[test]
fn the_history_is_queried_by_state_and_time_and_is_seven_days_long() {
    let mut hooks = Hooks::new();
    let id = hooks.subscribe("workitem.created", json!({}), json!({"basicAuthPassword": "secret"}));
    hooks.bug("Webshop");
    hooks.deliver(&DeliveryOutcome::Answered(200));
    hooks.now += TimeDelta::days(1);
    hooks.bug("Webshop");
    hooks.deliver(&DeliveryOutcome::Answered(500));
    let listed = hooks.get(&format!("subscriptions/{id}/notifications?result=succeeded"));
    assert_eq!((&listed["count"], &listed["value"][0]["id"]), (&json!(1), &json!(1)));
    let one = hooks.get(&format!("subscriptions/{id}/notifications/2"));
    assert_eq!(one["details"]["errorMessage"], "Error 500");
    assert_eq!(one["details"]["requestAttempts"], 1);
    assert_eq!(one["details"]["consumerInputs"]["basicAuthPassword"], "********");
    let asked =
        json!({"subscriptionIds": [id], "minCreatedDate": "2026-03-02T00:00:00Z", "includeDetails": true});
    let found = hooks.post("notificationsquery", &asked);
    assert_eq!(found["results"].as_array().unwrap().len(), 1);
    assert_eq!(found["results"][0]["status"], "requestInProgress");
    assert_eq!(found["summary"][0]["results"], json!([{"result": "pending", "notificationCount": 1}]));
    let limited = hooks.post("notificationsquery", &json!({"maxResultsPerSubscription": 1}));
    assert_eq!(limited["results"][0]["id"], 2, "the newest");
    hooks.now += TimeDelta::days(6) + TimeDelta::seconds(1);
    assert_eq!(hooks.get(&format!("subscriptions/{id}/notifications"))["count"], 1);
}

#[test]
fn subscriptions_are_found_by_their_inputs() {
    let mut hooks = Hooks::new();
    let bugs = hooks.subscribe("workitem.created", json!({"workItemType": "Bug"}), json!({}));
    hooks.subscribe("workitem.updated", json!({}), json!({"url": "http://127.0.0.1:9/other"}));
    let find = |hooks: &mut Hooks, query: Value| {
        let found = hooks.post("subscriptionsquery", &query);
        let ids = found["results"].as_array().unwrap().iter();
        ids.map(|s| s["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let condition = |input: &str, operator: &str, value: &str| json!([{"conditions": [{"inputId": input, "operator": operator, "inputValue": value}]}]);
    let by_type = json!({"publisherInputFilters": condition("workItemType", "equals", "bug")});
    assert_eq!(find(&mut hooks, by_type), std::slice::from_ref(&bugs));
    let by_url = json!({"consumerInputFilters": condition("url", "notEquals", "http://127.0.0.1:9/other")});
    assert_eq!(find(&mut hooks, by_url), [bugs]);
    assert_eq!(find(&mut hooks, json!({"publisherId": "tfs"})).len(), 2);
    assert!(find(&mut hooks, json!({"consumerId": "zapier"})).is_empty());
}

#[test]
fn the_catalogue_says_what_can_be_subscribed_to_with_which_values() {
    let mut hooks = Hooks::new();
    let event = hooks.get("publishers/tfs/eventTypes/workitem.commented");
    let inputs = event["inputDescriptors"].as_array().unwrap();
    let pattern = inputs.iter().find(|i| i["id"] == "commentPattern").unwrap();
    assert_eq!(pattern["validation"]["maxLength"], 1024);
    let action = hooks.get("consumers/webHooks/actions/httpRequest");
    let inputs = action["inputDescriptors"].as_array().unwrap();
    let details = inputs.iter().find(|i| i["id"] == "resourceDetailsToSend").unwrap();
    assert_eq!(details["values"]["possibleValues"][1]["value"], "minimal");
    assert_eq!(hooks.get("consumers/webHooks/actions")["count"], 1);
    let missing = hooks.send("GET", "/contoso/_apis/hooks/consumers/nobody", &Value::Null);
    assert_eq!(
        (missing.status, missing.json()["typeKey"].clone()),
        (404, json!("ConsumerNotFoundException"))
    );
    let publisher = hooks.get("publishers/tfs");
    let events = publisher["supportedEvents"].as_array().unwrap();
    assert!(events.iter().any(|e| e["id"] == "workitem.deleted"), "{publisher}");
    let found = hooks.post("publishersquery", &json!({"publisherIds": ["tfs"]}));
    assert_eq!(found["results"][0]["id"], "tfs");
    let project = hooks.send("GET", "/contoso/_apis/projects/Webshop", &Value::Null).json()["id"].clone();
    let asked = json!({"inputValues": [{"inputId": "areaPath"}, {"inputId": "changedFields"}], "currentValues": {"projectId": project, "workItemType": "Bug"}});
    let answer = hooks.post("publishers/tfs/inputValuesQuery", &asked);
    let values = |at: usize| {
        let all = answer["inputValues"][at]["possibleValues"].as_array().unwrap().iter();
        all.map(|v| v["value"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(values(0)[..3], ["", "Webshop", "Webshop\\Payments"]);
    assert!(values(1).contains(&"System.State".to_owned()));
}

#[test]
fn deliveries_take_as_long_as_was_measured_when_asked_to() {
    let mut hooks = Hooks::new();
    let knobs = HookKnobs { delay_ms: 6_400, spread_ms: 5_100, ..HookKnobs::default() };
    assert!(hooks.state.set_hook_knobs("contoso", knobs));
    hooks.subscribe("workitem.created", json!({}), json!({}));
    for _ in 0..20 {
        hooks.bug("Webshop");
    }
    let first = hooks.state.next_due().unwrap() - hooks.now;
    assert!(first >= TimeDelta::milliseconds(6_400), "{first}");
    assert!(hooks.deliver(&DeliveryOutcome::Answered(200)).is_empty());
    hooks.now += TimeDelta::milliseconds(11_500);
    assert_eq!(hooks.deliver(&DeliveryOutcome::Answered(200)).len(), 20);
}

#[test]
fn a_test_with_real_data_sends_the_newest_event_of_its_kind() {
    let mut hooks = Hooks::new();
    hooks.subscribe("workitem.created", json!({}), json!({}));
    let id = hooks.bug("Webshop");
    hooks.deliver(&DeliveryOutcome::Answered(200));
    let body = json!({"details": {"eventType": "workitem.created", "consumerInputs": {"url": "http://127.0.0.1:9/x"}}});
    let target = "/contoso/_apis/hooks/testnotifications?useRealData=true&api-version=7.1";
    assert_eq!(hooks.send("POST", target, &body).status, 200);
    let sent = hooks.deliver(&DeliveryOutcome::Answered(200)).remove(0);
    assert_eq!(sent["resource"]["id"], id);
    assert_eq!(sent["subscriptionId"], "00000000-0000-0000-0000-000000000000");
}
