//! The emulator in this process: no sockets, and the time of the test. Beside the client's requests it takes requests
//! of the test, which then is somebody else who works with the same organization.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use azure::{Client, ClientConfig, Clock, Credential, Request, Response, Transport, TransportError};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use emulator::seed::{DEMO_PAT, Seed};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::Value;

use crate::support::ManualClock;

/// Where the service says it is.
const HERE: &str = "http://emulator.example";

pub(crate) struct InProcess {
    pub(crate) state: Mutex<emulator::State>,
    pub(crate) clock: Arc<ManualClock>,
}

#[async_trait]
impl Transport for InProcess {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let headers = request
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect();
        let asked = emulator::Request {
            method: request.method.to_string(),
            path: request.url.path().to_owned(),
            query: request.url.query().unwrap_or_default().to_owned(),
            headers,
            body: request.body.to_vec(),
        };
        Ok(answer(&self.state.lock().unwrap().handle(self.clock.now(), asked)))
    }
}

fn answer(given: &emulator::Response) -> Response {
    let mut headers = HeaderMap::new();
    for (name, value) in &given.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        headers.append(name, HeaderValue::from_str(value).unwrap());
    }
    let status = StatusCode::from_u16(given.status).unwrap();
    Response { status, headers, body: Bytes::from(given.body.clone()) }
}

impl InProcess {
    pub(crate) fn new(seed: &Seed) -> Arc<Self> {
        let clock = ManualClock::at_noon();
        let mut state = emulator::State::new(seed, clock.now());
        state.set_base_url(HERE);
        Arc::new(Self { state: Mutex::new(state), clock })
    }

    /// A client of this organization.
    pub(crate) fn client(self: &Arc<Self>, organization: &str, credential: Credential) -> Client {
        self.client_over(organization, credential, Arc::clone(self) as _)
    }

    /// A client whose requests something stands in the way of.
    pub(crate) fn client_over(
        self: &Arc<Self>,
        organization: &str,
        credential: Credential,
        transport: Arc<dyn Transport>,
    ) -> Client {
        let here = url::Url::parse(HERE).unwrap();
        let config = ClientConfig {
            instance: here.clone(),
            authority: here,
            ..ClientConfig::hosted(organization, credential)
        };
        Client::new(config, transport, Arc::clone(&self.clock) as _)
    }

    /// A request of the administrator, with what came back.
    #[track_caller]
    pub(crate) fn ask(&self, method: &str, target: &str, body: &Value) -> Value {
        let word = BASE64_STANDARD.encode(format!(":{DEMO_PAT}"));
        let kind = if body.is_array() && !target.contains("_apis/work/") {
            "application/json-patch+json"
        } else {
            "application/json"
        };
        let separator = if target.contains('?') { '&' } else { '?' };
        let target = format!("/contoso/{target}{separator}api-version=7.1");
        let request =
            emulator::Request::new(method, &target).header("Authorization", &format!("Basic {word}"));
        let given = self.state.lock().unwrap().handle(self.clock.now(), request.body(kind, body.to_string()));
        assert!((200..300).contains(&given.status), "{method} {target}: {}", given.json());
        given.json()
    }

    pub(crate) fn soon(&self) -> chrono::DateTime<chrono::Utc> {
        self.clock.now() + chrono::Duration::seconds(30)
    }
}
