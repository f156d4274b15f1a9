//! A clock that is moved by hand, a transport that answers from a list, and words to write tests with.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use azure::{
    Client, ClientConfig, Clock, Credential, ItemShape, Request, Response, Transport, TransportError,
};
use bytes::Bytes;
use chrono::{DateTime, Duration, TimeZone, Utc};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::Value;

/// Noon of some day.
pub(crate) fn noon() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 3, 31, 12, 0, 0).unwrap()
}

/// Time stands still, except that whoever sleeps moves it.
pub(crate) struct ManualClock(Mutex<DateTime<Utc>>);

impl ManualClock {
    pub(crate) fn at_noon() -> Arc<Self> {
        Arc::new(Self(Mutex::new(noon())))
    }

    pub(crate) fn advance(&self, by: Duration) {
        *self.0.lock().unwrap() += by;
    }
}

#[async_trait]
impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }

    async fn sleep_until(&self, at: DateTime<Utc>) {
        // Others get their turn first, as with a real clock.
        tokio::task::yield_now().await;
        let mut now = self.0.lock().unwrap();
        *now = (*now).max(at);
    }
}

pub(crate) type Answer = Result<Response, TransportError>;

/// What was sent, in a form that tests can look at.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
    pub(crate) deadline: DateTime<Utc>,
}

impl Sent {
    /// A member of a form.
    pub(crate) fn form(&self, name: &str) -> Option<String> {
        url::form_urlencoded::parse(self.body.as_bytes())
            .find_map(|(key, value)| (key == name).then(|| value.into_owned()))
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// Answers in the order they were given; what is asked beyond that fails the test.
pub(crate) struct Script {
    clock: Arc<ManualClock>,
    takes: Mutex<Duration>,
    answers: Mutex<VecDeque<Answer>>,
    sent: Mutex<Vec<Sent>>,
}

impl Script {
    /// From now on each answer takes this long.
    pub(crate) fn take_time(&self, takes: Duration) {
        *self.takes.lock().unwrap() = takes;
    }

    pub(crate) fn sent(&self) -> Vec<Sent> {
        self.sent.lock().unwrap().clone()
    }
}

#[async_trait]
impl Transport for Script {
    async fn send(&self, request: Request) -> Answer {
        self.sent.lock().unwrap().push(Sent {
            method: request.method.to_string(),
            url: request.url.to_string(),
            headers: request.headers,
            body: String::from_utf8(request.body.to_vec()).unwrap(),
            deadline: request.deadline,
        });
        self.clock.advance(*self.takes.lock().unwrap());
        let next = self.answers.lock().unwrap().pop_front();
        next.unwrap_or_else(|| panic!("nobody expected {} {}", request.method, request.url))
    }
}

pub(crate) struct Bench {
    pub(crate) client: Client,
    pub(crate) script: Arc<Script>,
    pub(crate) clock: Arc<ManualClock>,
}

impl Bench {
    /// A client with a personal access token and these answers to come.
    pub(crate) fn new(answers: impl IntoIterator<Item = Answer>) -> Self {
        Self::with(Credential::PersonalAccessToken("secret-token".into()), answers)
    }

    pub(crate) fn with(credential: Credential, answers: impl IntoIterator<Item = Answer>) -> Self {
        Self::with_own(|_| credential, answers)
    }

    /// As [`Bench::with`], for a credential that asks through the same script.
    pub(crate) fn with_own(
        credential: impl FnOnce(Arc<dyn Transport>) -> Credential,
        answers: impl IntoIterator<Item = Answer>,
    ) -> Self {
        let clock = ManualClock::at_noon();
        let script = Arc::new(Script {
            clock: Arc::clone(&clock),
            takes: Mutex::new(Duration::zero()),
            answers: Mutex::new(answers.into_iter().collect()),
            sent: Mutex::default(),
        });
        let transport: Arc<dyn Transport> = Arc::clone(&script) as _;
        let credential = credential(Arc::clone(&transport));
        let client =
            Client::new(ClientConfig::hosted("contoso", credential), transport, Arc::clone(&clock) as _);
        Self { client, script, clock }
    }

    pub(crate) fn clock_now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    pub(crate) fn soon(&self) -> DateTime<Utc> {
        self.clock.now() + Duration::seconds(30)
    }
}

pub(crate) fn ok(body: Value) -> Answer {
    json(200, body)
}

pub(crate) fn json(status: u16, body: Value) -> Answer {
    answer(status, &[("content-type", "application/json; charset=utf-8; api-version=7.1")], &body.to_string())
}

pub(crate) fn html(status: u16) -> Answer {
    answer(status, &[("content-type", "text/html; charset=utf-8")], "<html><body>Sign in</body></html>")
}

pub(crate) fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap());
    }
    Ok(Response {
        status: StatusCode::from_u16(status).unwrap(),
        headers: map,
        body: Bytes::from(body.to_owned()),
    })
}

/// A Bug of the Agile process on the board "Stories".
pub(crate) fn bug_shape() -> ItemShape {
    ItemShape {
        work_item_type: "Bug".into(),
        description_field: "Microsoft.VSTS.TCM.ReproSteps".into(),
        severity_field: Some("Microsoft.VSTS.Common.Severity".into()),
        severities: vec!["1 - Critical".into(), "2 - High".into()],
        priority_field: Some("Microsoft.VSTS.Common.Priority".into()),
        due_date_field: None,
        priorities: vec![1, 2, 3, 4],
        column_field: Some("WEF_0123_Kanban.Column".into()),
        lane_field: Some("WEF_0123_Kanban.Lane".into()),
        done_field: Some("WEF_0123_Kanban.Column.Done".into()),
        split_columns: vec!["Active".into()],
        default_area: "Fabrikam\\Web".into(),
        default_iteration: "Fabrikam".into(),
    }
}
