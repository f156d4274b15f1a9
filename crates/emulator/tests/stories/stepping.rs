//! The state alone, stepped by hand with a clock of its own.

use base64::{Engine, prelude::BASE64_STANDARD};
use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use emulator::{Delivery, DeliveryOutcome, Request, Response, Seed, State, seed::DEMO_PAT};
use serde_json::{Value, json};

use crate::common::set;

/// A state and the clock that it sees.
pub struct Stepped {
    state: State,
    now: DateTime<Utc>,
}

impl Stepped {
    pub fn new() -> Self {
        let now = Utc.with_ymd_and_hms(2026, 3, 1, 9, 0, 0).unwrap();
        let mut state = State::new(&Seed::demo(), now);
        state.set_allow_local_hooks(true);
        Self { state, now }
    }

    pub fn pass(&mut self, seconds: i64) {
        self.now += TimeDelta::seconds(seconds);
    }

    pub fn send(&mut self, method: &str, target: &str, body: &Value) -> Response {
        let word = BASE64_STANDARD.encode(format!(":{DEMO_PAT}"));
        let request = Request::new(method, target).header("Authorization", &format!("Basic {word}"));
        self.state.handle(self.now, request.body("application/json", body.to_string()))
    }

    pub fn create(&mut self, kind: &str, fields: &Value) -> Value {
        let target = format!("/contoso/Webshop/_apis/wit/workitems/${kind}?api-version=7.1");
        self.send("POST", &target, &set(fields.clone())).json()
    }

    fn bug(&mut self, title: &str) -> Value {
        self.create("Bug", &json!({"System.Title": title}))
    }

    pub fn subscribe(&mut self, event: &str) -> String {
        let body = json!({
            "publisherId": "tfs", "eventType": event, "consumerId": "webHooks",
            "consumerActionId": "httpRequest", "consumerInputs": {"url": "http://127.0.0.1:9/x"},
        });
        let made = self.send("POST", "/contoso/_apis/hooks/subscriptions?api-version=7.1", &body);
        made.json()["id"].as_str().unwrap().to_owned()
    }

    /// The deliveries that are due now.
    pub fn due(&mut self) -> Vec<Delivery> {
        self.state.take_due_deliveries(self.now)
    }

    fn status(&mut self, subscription: &str) -> Value {
        self.send("GET", &format!("/contoso/_apis/hooks/subscriptions/{subscription}"), &Value::Null).json()["status"].clone()
    }

    /// Lets the next delivery fall due and reports its outcome; how long it took to fall due.
    fn deliver(&mut self, outcome: &DeliveryOutcome) -> TimeDelta {
        let due = self.state.next_due().unwrap();
        let waited = due - self.now;
        self.now = due;
        let taken = self.state.take_due_deliveries(self.now);
        assert_eq!(taken.len(), 1);
        self.state.delivery_finished(taken[0].id, outcome, self.now);
        waited
    }
}

#[test]
fn the_same_requests_at_the_same_times_give_the_same_bytes() {
    let run = || {
        let mut stepped = Stepped::new();
        let mut answers = Vec::new();
        for title in ["A", "B"] {
            stepped.pass(1);
            answers.push(stepped.bug(title));
        }
        answers
            .push(stepped.send("GET", "/contoso/_apis/wit/reporting/workitemrevisions", &Value::Null).json());
        let saved = serde_json::to_string(&stepped.state).unwrap();
        (answers, saved)
    };
    assert_eq!(run(), run());
}

#[test]
fn a_state_that_was_saved_and_loaded_goes_on_as_if_nothing_happened() {
    let mut stepped = Stepped::new();
    stepped.subscribe("workitem.created");
    stepped.bug("A");
    let saved = serde_json::to_string(&stepped.state).unwrap();
    let mut again = Stepped { state: serde_json::from_str(&saved).unwrap(), now: stepped.now };
    assert_eq!(stepped.bug("B"), again.bug("B"));
    assert_eq!(stepped.state.next_due(), again.state.next_due());
}

#[test]
fn a_transient_failure_is_retried_on_the_ladder_and_then_puts_the_subscription_on_probation() {
    let mut stepped = Stepped::new();
    let subscription = stepped.subscribe("workitem.created");
    stepped.bug("A");
    let failed = DeliveryOutcome::Failed("refused".into());
    let waits: Vec<i64> = (0..9).map(|_| stepped.deliver(&failed).num_seconds()).collect();
    assert_eq!(waits, [0, 1, 2, 4, 8, 16, 32, 60, 60]);
    assert_eq!(stepped.status(&subscription), "onProbation");
    let waits: Vec<i64> = (0..7).map(|_| stepped.deliver(&failed).num_minutes()).collect();
    assert_eq!(waits, [20, 40, 80, 160, 320, 640, 900]);
    assert_eq!(stepped.status(&subscription), "disabledBySystem");
    assert_eq!(stepped.state.next_due(), None);
}

#[test]
fn a_receiver_that_is_gone_disables_the_subscription_at_once() {
    let mut stepped = Stepped::new();
    let subscription = stepped.subscribe("workitem.created");
    stepped.bug("A");
    stepped.bug("B");
    let taken = stepped.state.take_due_deliveries(stepped.now);
    assert_eq!(taken.len(), 2);
    stepped.state.delivery_finished(taken[0].id, &DeliveryOutcome::Answered(410), stepped.now);
    assert_eq!(stepped.status(&subscription), "disabledBySystem");
    assert_eq!(stepped.state.next_due(), None);
}
