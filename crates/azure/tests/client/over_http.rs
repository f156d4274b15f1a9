//! The same client over real HTTP, while the service misbehaves.

use std::sync::Arc;

use azure::{
    AddressPolicy, Author, Client, ClientConfig, Credential, Error, HttpTransport, Item, ItemShape,
    SignInFailure, SystemClock,
};
use chrono::{Duration, Utc};
use emulator::seed::DEMO_PAT;
use emulator::{Fault, Options, Running};
use model::board::{Change, Draft};
use serde_json::{Value, json};
use url::Url;

struct Service {
    running: Running,
    client: Client,
}

impl Service {
    async fn start() -> Self {
        let running = emulator::start(Options::default()).await.unwrap();
        let url: Url = running.base_url.parse().unwrap();
        let clock = Arc::new(SystemClock);
        let transport =
            HttpTransport::new(AddressPolicy::public_only().allowing(&url), Arc::clone(&clock) as _).unwrap();
        let config = ClientConfig {
            instance: url,
            ..ClientConfig::hosted("contoso", Credential::PersonalAccessToken(DEMO_PAT.into()))
        };
        let client = Client::new(config, Arc::new(transport), clock);
        Self { running, client }
    }

    /// The next matching request is treated like that.
    async fn will(&self, action: Value) {
        let fault = json!({"match": {}, "times": 1, "action": action});
        let _: Fault = serde_json::from_value(fault.clone()).unwrap();
        let answer = reqwest::Client::builder()
            .no_proxy()
            .build()
            .unwrap()
            .post(format!("{}/_emulator/faults", self.running.base_url.trim_end_matches('/')))
            .json(&fault)
            .send()
            .await
            .unwrap();
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    }

    async fn create(&self, patience: Duration) -> Result<Item, Error> {
        let draft = Draft { title: "A".into(), ..Draft::default() };
        let shape = ItemShape::plain("Webshop", "Task");
        self.client.create("Webshop", &shape, &draft, Utc::now() + patience).await
    }

    /// How many items there are by now.
    async fn count(&self) -> usize {
        self.client.created_since(&Author::Me, Utc::now() - Duration::hours(1)).await.unwrap().len()
    }

    /// How many creations arrived at the service.
    fn creations_seen(&self) -> usize {
        self.running
            .with_state(|state| state.log(0).iter().filter(|entry| entry.path.contains("$Task")).count())
    }
}

fn patient() -> Duration {
    Duration::seconds(20)
}

#[tokio::test]
async fn a_creation_whose_answer_was_lost_is_unknown_and_was_sent_once() {
    let service = Service::start().await;
    service.will(json!({"kind": "dropAfter"})).await;
    let error = service.create(patient()).await.unwrap_err();
    assert!(matches!(error, Error::UnknownOutcome { .. }), "{error:?}");
    assert_eq!((service.count().await, service.creations_seen()), (1, 1));
}

#[tokio::test]
async fn a_creation_that_was_lost_on_the_way_is_just_as_unknown() {
    let service = Service::start().await;
    service.will(json!({"kind": "dropBefore"})).await;
    let error = service.create(patient()).await.unwrap_err();
    assert!(matches!(error, Error::UnknownOutcome { .. }), "{error:?}");
    assert_eq!(service.count().await, 0);
}

#[tokio::test]
async fn a_creation_may_be_applied_after_its_connection_is_gone() {
    let service = Service::start().await;
    service.will(json!({"kind": "applyLate", "milliseconds": 200})).await;
    let error = service.create(patient()).await.unwrap_err();
    assert!(matches!(error, Error::UnknownOutcome { .. }), "{error:?}");
    for _ in 0..200 {
        if service.count().await == 1 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    panic!("the creation was never applied");
}

#[tokio::test]
async fn a_creation_that_is_answered_too_late_is_unknown() {
    let service = Service::start().await;
    service.will(json!({"kind": "hold", "milliseconds": 5000})).await;
    let error = service.create(Duration::milliseconds(1500)).await.unwrap_err();
    assert!(matches!(error, Error::UnknownOutcome { .. }), "{error:?}");
    assert_eq!(service.count().await, 1);
}

#[tokio::test]
async fn a_gateway_page_is_unknown_for_a_write_and_unavailable_for_a_read() {
    let service = Service::start().await;
    service.will(json!({"kind": "unavailable"})).await;
    let error = service.create(patient()).await.unwrap_err();
    assert!(matches!(error, Error::UnknownOutcome { .. }), "{error:?}");
    service.will(json!({"kind": "unavailable"})).await;
    let error = service.client.projects().await.unwrap_err();
    assert!(matches!(error, Error::Unavailable { status: Some(503), .. }), "{error:?}");
}

#[tokio::test]
async fn an_expired_sign_in_is_never_taken_for_success() {
    let service = Service::start().await;
    service.will(json!({"kind": "signInPage"})).await;
    let error = service.create(patient()).await.unwrap_err();
    assert!(matches!(error, Error::SignIn { why: SignInFailure::SignInPage, .. }), "{error:?}");
    service.will(json!({"kind": "unauthorized"})).await;
    let error = service.client.projects().await.unwrap_err();
    assert!(matches!(error, Error::SignIn { why: SignInFailure::CredentialRefused, .. }), "{error:?}");
    assert_eq!(service.count().await, 0);
}

#[tokio::test]
async fn whoever_is_asked_to_wait_stays_away() {
    for kind in ["throttle", "slowDown"] {
        let service = Service::start().await;
        service.will(json!({"kind": kind, "retryAfterSeconds": 30})).await;
        let first = service.client.projects().await;
        assert_eq!(first.is_err(), kind == "throttle", "{first:?}");
        let error = service.create(Duration::seconds(5)).await.unwrap_err();
        let Error::Throttled { retry_at, .. } = error else { panic!("{error:?}") };
        assert!(retry_at > Utc::now() + Duration::seconds(20));
        assert_eq!(service.creations_seen(), 0);
    }
}

#[tokio::test]
async fn changes_and_stale_changes_are_told_apart_and_costs_are_counted() {
    let service = Service::start().await;
    let made = service.create(patient()).await.unwrap();
    let shape = ItemShape::plain("Webshop", "Task");
    let change = Change { title: Some("B".into()), ..Change::default() };
    let deadline = Utc::now() + patient();
    let update = || service.client.update(made.id(), made.revision(), &shape, &change, deadline);
    assert_eq!(update().await.unwrap().revision(), made.revision() + 1);
    assert!(matches!(update().await, Err(Error::RevisionMoved { .. })));
    let usage = service.client.usage();
    assert_eq!((usage.writes, usage.cost > 0.0), (3, true), "{usage:?}");
}

#[tokio::test]
async fn a_service_that_is_switched_off_got_nothing() {
    let service = Service::start().await;
    let Service { running, client } = service;
    running.stop().await.unwrap();
    let draft = Draft { title: "A".into(), ..Draft::default() };
    let shape = ItemShape::plain("Webshop", "Task");
    let error = client.create("Webshop", &shape, &draft, Utc::now() + patient()).await.unwrap_err();
    assert!(matches!(error, Error::NotSent { .. }) && error.is_certain_not_applied(), "{error:?}");
}
