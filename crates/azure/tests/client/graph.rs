//! The reader of Azure Resource Graph, over the emulator's.

#![expect(clippy::unwrap_used, reason = "a test fails where something unexpected happens")]

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use azure::{
    AddressPolicy, Clock, Graph, GraphConfig, GraphError, HttpTransport, Request, Response, SystemClock,
    Transport, TransportError,
};
use chrono::{DateTime, Duration, Utc};
use emulator::{GraphChange, Options, Running};
use serde_json::{Value, json};
use url::Url;

const QUERY: &str = "securityresources | where type =~ 'microsoft.security/assessments/subassessments' | project id, type, properties | order by id asc";
const SUBSCRIPTION: &str = "aaaaaaaa-1111-4111-8111-111111111111";

/// The machine's clock, which remembers how long it was slept for, and does not sleep: the emulator's clock is moved.
struct Hurried {
    running: Running,
    ahead: Mutex<Duration>,
    slept: Mutex<Vec<Duration>>,
}

#[async_trait]
impl Clock for Hurried {
    fn now(&self) -> DateTime<Utc> {
        Utc::now() + *self.ahead.lock().unwrap()
    }

    async fn sleep_until(&self, at: DateTime<Utc>) {
        let wait = at - self.now();
        self.slept.lock().unwrap().push(wait);
        *self.ahead.lock().unwrap() += wait;
        self.running.with_state(|state| state.advance(wait));
    }
}

/// Real HTTP, with deadlines of a clock that is ahead put back to the machine's.
struct Behind {
    http: HttpTransport,
    clock: Arc<Hurried>,
}

#[async_trait]
impl Transport for Behind {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let ahead = *self.clock.ahead.lock().unwrap();
        self.http.send(Request { deadline: request.deadline - ahead, ..request }).await
    }
}

struct Service {
    clock: Arc<Hurried>,
    graph: Graph,
}

fn row(number: usize) -> Value {
    json!({
        "id": format!("/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Security/assessments/key/subAssessments/{number:05}"),
        "type": "microsoft.security/assessments/subassessments",
        "properties": {"displayName": format!("row {number}")},
    })
}

impl Service {
    async fn with(rows: usize, change: impl FnOnce(&mut GraphConfig)) -> Self {
        let running = emulator::start(Options::default()).await.unwrap();
        let url: Url = running.base_url.parse().unwrap();
        let (client, tenant) = running.with_state(|state| {
            state
                .set_graph(GraphChange { tenant: None, rows: (0..rows).map(row).collect(), readers: None })
                .unwrap();
            let application = &state.applications()[0];
            (application.client_id.to_string(), application.tenant.to_string())
        });
        let mut config = GraphConfig {
            endpoint: url.clone(),
            authority: url.clone(),
            page_size: 10,
            ..GraphConfig::public(tenant, client, "demo-client-secret".into())
        };
        change(&mut config);
        let clock =
            Arc::new(Hurried { running, ahead: Mutex::new(Duration::zero()), slept: Mutex::default() });
        let policy = AddressPolicy::public_only().allowing(&url);
        let http = HttpTransport::new(policy, Arc::new(SystemClock)).unwrap();
        let transport = Arc::new(Behind { http, clock: Arc::clone(&clock) });
        Self { graph: Graph::new(config, transport, Arc::clone(&clock) as _), clock }
    }

    async fn read(&self) -> Result<Vec<Value>, GraphError> {
        let mut pages = self.graph.read(QUERY);
        let mut rows = Vec::new();
        while let Some(page) = pages.next().await? {
            assert!(!page.moved);
            rows.extend(page.rows);
        }
        Ok(rows)
    }

    async fn will(&self, times: u32, action: Value) {
        let fault = json!({"match": {"family": "resourceGraph"}, "times": times, "action": action});
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let url = format!("{}/_emulator/faults", self.clock.running.base_url);
        assert!(client.post(url).json(&fault).send().await.unwrap().status().is_success());
    }

    fn queries(&self, status: u16) -> usize {
        self.clock.running.with_state(|state| {
            state
                .log(0)
                .iter()
                .filter(|entry| entry.path.contains("ResourceGraph") && entry.status == status)
                .count()
        })
    }

    fn slept(&self) -> Duration {
        self.clock.slept.lock().unwrap().iter().fold(Duration::zero(), |sum, wait| sum + *wait)
    }
}

#[tokio::test]
async fn every_row_comes_once_over_several_pages() {
    let service = Service::with(47, |_| {}).await;
    let rows = service.read().await.unwrap();
    assert_eq!(rows, (0..47).map(row).collect::<Vec<_>>());
    assert_eq!((service.queries(200), service.slept()), (5, Duration::zero()));
}

#[tokio::test]
async fn more_pages_than_the_quota_wait_by_its_headers_and_are_never_refused() {
    let service = Service::with(390, |_| {}).await;
    assert_eq!(service.read().await.unwrap().len(), 390);
    assert_eq!((service.queries(200), service.queries(429)), (39, 0), "it waited before it was told to");
    assert!(service.slept() >= Duration::seconds(4), "{:?}", service.slept());
}

#[tokio::test]
async fn a_refusal_to_go_on_is_waited_for_as_long_as_it_says() {
    let service = Service::with(25, |_| {}).await;
    service.will(2, json!({"kind": "throttle", "retryAfterSeconds": 11})).await;
    assert_eq!(service.read().await.unwrap().len(), 25);
    assert_eq!((service.queries(200), service.queries(429)), (3, 2));
    assert!(service.slept() >= Duration::seconds(21), "{:?}", service.slept());
}

#[tokio::test]
async fn a_good_answer_that_asks_to_wait_is_obeyed_too() {
    let service = Service::with(15, |_| {}).await;
    service.will(1, json!({"kind": "slowDown", "retryAfterSeconds": 9})).await;
    assert_eq!(service.read().await.unwrap().len(), 15);
    assert!(service.slept() >= Duration::seconds(8), "{:?}", service.slept());
}

#[tokio::test]
async fn a_wait_that_is_too_long_ends_the_reading_and_says_until_when() {
    let service = Service::with(5, |_| {}).await;
    service.will(1, json!({"kind": "throttle", "retryAfterSeconds": 900})).await;
    let error = service.read().await.unwrap_err();
    assert!(
        matches!(&error, GraphError::Throttled(at) if *at > Utc::now() + Duration::minutes(14)),
        "{error}"
    );
}

#[tokio::test]
async fn a_gateway_that_fails_for_a_moment_is_asked_again_and_one_that_stays_down_is_not_believed() {
    let service = Service::with(12, |_| {}).await;
    service.will(2, json!({"kind": "unavailable"})).await;
    service.will(1, json!({"kind": "dropAfter"})).await;
    assert_eq!(service.read().await.unwrap().len(), 12);
    service.will(9, json!({"kind": "unavailable"})).await;
    let error = service.read().await.unwrap_err();
    assert!(matches!(error, GraphError::Unavailable(_)), "{error}");
    assert_eq!(service.queries(503), 6, "four times, and no more");
}

#[tokio::test]
async fn a_token_that_ended_early_is_renewed_once() {
    let service = Service::with(25, |_| {}).await;
    let mut pages = service.graph.read(QUERY);
    assert_eq!(pages.next().await.unwrap().unwrap().rows.len(), 10);
    service.clock.running.with_state(|state| state.expire_tokens());
    assert_eq!(pages.next().await.unwrap().unwrap().rows.len(), 10);
    assert_eq!(service.queries(401), 1);
}

#[tokio::test]
async fn rows_that_move_between_two_pages_are_told() {
    let service = Service::with(25, |_| {}).await;
    let mut pages = service.graph.read(QUERY);
    assert!(!pages.next().await.unwrap().unwrap().moved);
    service.clock.running.with_state(|state| {
        let rows = (0..24).map(row).collect();
        state.set_graph(GraphChange { tenant: None, rows, readers: None }).unwrap();
    });
    assert!(pages.next().await.unwrap().unwrap().moved);
}

#[tokio::test]
async fn more_rows_than_the_limit_are_refused_before_they_are_read() {
    let service = Service::with(25, |config| config.most_pages = 2).await;
    assert_eq!(service.read().await.unwrap_err(), GraphError::TooMany { total: 25, most: 20 });
    assert_eq!(service.queries(200), 1);
}

#[tokio::test]
async fn what_the_application_may_not_do_is_said_in_words() {
    let service = Service::with(1, |_| {}).await;
    service.clock.running.with_state(|state| {
        let change = GraphChange { tenant: None, rows: vec![row(1)], readers: Some(Vec::new()) };
        state.set_graph(change).unwrap();
    });
    let error = service.read().await.unwrap_err();
    assert!(error.next_step().contains("Security Reader"), "{error:?}");
    let wrong = Service::with(1, |config| config.client_secret = "wrong".into()).await;
    let error = wrong.read().await.unwrap_err();
    assert!(error.to_string().contains("AADSTS7000215"), "{error}");
    let blocked = Service::with(1, |config| config.endpoint = "http://127.0.0.1:9".parse().unwrap()).await;
    let error = blocked.read().await.unwrap_err();
    assert!(error.to_string().contains("administrator allowed"), "{error}");
}

#[tokio::test]
async fn only_the_named_subscriptions_are_asked_for() {
    let service =
        Service::with(3, |config| config.subscriptions = vec!["bbbbbbbb-1111-4111-8111-111111111111".into()])
            .await;
    assert_eq!(service.read().await.unwrap(), Vec::<Value>::new());
}
