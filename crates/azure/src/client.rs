//! The client: one organization, one identity. Each call is sent at most once.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use chrono::{DateTime, Duration, Utc};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_RANGE, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use serde::de::DeserializeOwned;
use url::Url;

use crate::answer::{self, Effect, header};
use crate::clock::Clock;
use crate::credential::{Credential, TokenSource};
use crate::definitions::{Definitions, Keep};
use crate::error::Error;
use crate::refusal::Outage;
use crate::route::{Generation, Route, Version};
use crate::throttle::Throttle;
use crate::transport::{Request, Response, Transport, TransportError};

/// What a client needs to know.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// Address before the organization; for a server of one's own up to the collection.
    pub instance: Url,
    /// Organization, or collection of a server of one's own.
    pub organization: String,
    /// Who the client is.
    pub credential: Credential,
    /// Sign-in service of Entra.
    pub authority: Url,
    /// Calls under way at the same time; the service likes few (azure-devops.md section 12).
    pub max_concurrency: usize,
    /// Longest wait for one answer.
    pub request_timeout: std::time::Duration,
}

impl ClientConfig {
    /// Settings for the hosted service: a few calls at a time, each at most a minute.
    pub fn hosted(organization: impl Into<String>, credential: Credential) -> Self {
        let url = |text: &str| Url::parse(text).expect("the address is a constant");
        Self {
            instance: url("https://dev.azure.com"),
            organization: organization.into(),
            credential,
            authority: url("https://login.microsoftonline.com"),
            max_concurrency: 4,
            request_timeout: std::time::Duration::from_secs(60),
        }
    }
}

/// Calls made since the client exists.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    /// Calls that read, sent or tried.
    pub reads: u64,
    /// Calls that write, sent or tried.
    pub writes: u64,
    /// Calls that ended with [`Error::Throttled`].
    pub throttled: u64,
    /// Sum of what the service said they cost, in TSTU.
    pub cost: f64,
}

#[derive(Default)]
struct Counters {
    reads: AtomicU64,
    writes: AtomicU64,
    throttled: AtomicU64,
    cost: Mutex<f64>,
}

/// A client of one organization with one identity. It keeps nothing but a token, counters, the throttle and
/// definitions that were read lately, so any number of them may exist; share one to share its throttle.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
    /// Set for a handle made by [`Client::metered`].
    meter: Option<Arc<Counters>>,
}

struct Inner {
    instance: Url,
    base: Url,
    organization: String,
    request_timeout: Duration,
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
    tokens: TokenSource,
    throttle: Throttle,
    counters: Counters,
    definitions: Definitions,
    /// The server said that it does not know our version.
    is_server_2022: AtomicBool,
    /// The service refused to take many writes in one request: until then it is not asked again.
    no_batch_until: Mutex<DateTime<Utc>>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("base", &self.inner.base.as_str()).finish_non_exhaustive()
    }
}

/// Body of a request with its kind.
#[derive(Clone)]
pub(crate) enum Body {
    None,
    Json(serde_json::Value),
    Patch(Vec<serde_json::Value>),
    /// A file, or a piece of one.
    File {
        bytes: Bytes,
        /// `bytes from-to/all` of a piece.
        range: Option<String>,
    },
}

/// What a good answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// JSON, or nothing.
    Json,
    /// The content of a file, whatever it is; a page is a sign-in page all the same.
    File,
}

/// One call, before it is sent.
#[derive(Clone)]
pub(crate) struct Call {
    /// Continues the sentence "Could not …".
    pub(crate) operation: String,
    pub(crate) method: Method,
    pub(crate) route: Route,
    pub(crate) body: Body,
    pub(crate) wanted: Wanted,
    /// Set for writes: nothing leaves at or after it. Reads have none.
    pub(crate) deadline: Option<DateTime<Utc>>,
}

impl Call {
    pub(crate) fn get(operation: impl Into<String>, route: Route) -> Self {
        Self {
            operation: operation.into(),
            method: Method::GET,
            route,
            body: Body::None,
            wanted: Wanted::Json,
            deadline: None,
        }
    }

    /// A POST that only asks.
    pub(crate) fn ask(operation: impl Into<String>, route: Route, body: serde_json::Value) -> Self {
        Self {
            operation: operation.into(),
            method: Method::POST,
            route,
            body: Body::Json(body),
            wanted: Wanted::Json,
            deadline: None,
        }
    }

    pub(crate) fn write(
        operation: impl Into<String>,
        method: Method,
        route: Route,
        body: Body,
        deadline: DateTime<Utc>,
    ) -> Self {
        Self {
            operation: operation.into(),
            method,
            route,
            body,
            wanted: Wanted::Json,
            deadline: Some(deadline),
        }
    }

    fn effect(&self) -> Effect {
        if self.deadline.is_some() { Effect::Write } else { Effect::Read }
    }
}

impl Client {
    /// A client; nothing is sent yet.
    pub fn new(config: ClientConfig, transport: Arc<dyn Transport>, clock: Arc<dyn Clock>) -> Self {
        let mut instance = config.instance;
        instance.set_query(None);
        instance.set_fragment(None);
        let mut base = instance.clone();
        if let Ok(mut path) = base.path_segments_mut() {
            path.pop_if_empty().push(config.organization.trim());
        }
        let tokens =
            TokenSource::new(config.credential, config.authority, Arc::clone(&transport), Arc::clone(&clock));
        Self {
            inner: Arc::new(Inner {
                instance,
                base,
                organization: config.organization.trim().to_owned(),
                request_timeout: Duration::from_std(config.request_timeout).unwrap_or(Duration::seconds(60)),
                transport,
                throttle: Throttle::new(config.max_concurrency, Arc::clone(&clock)),
                clock,
                tokens,
                counters: Counters::default(),
                definitions: Definitions::default(),
                is_server_2022: AtomicBool::new(false),
                no_batch_until: Mutex::new(DateTime::<Utc>::MIN_UTC),
            }),
            meter: None,
        }
    }

    /// The same client, counting anew: its [`Client::usage`] tells the calls made through it (for one ticket, say),
    /// which count in the original's too. Token, throttle and definitions are shared.
    pub fn metered(&self) -> Self {
        Self { inner: Arc::clone(&self.inner), meter: Some(Arc::default()) }
    }

    /// Calls and cost so far: of all handles, or, for a [`Client::metered`] one, its own.
    pub fn usage(&self) -> Usage {
        let counters = self.meter.as_deref().unwrap_or(&self.inner.counters);
        Usage {
            reads: counters.reads.load(Ordering::Relaxed),
            writes: counters.writes.load(Ordering::Relaxed),
            throttled: counters.throttled.load(Ordering::Relaxed),
            cost: *counters.cost.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }

    /// Address of the organization as it is called.
    pub fn base(&self) -> &Url {
        &self.inner.base
    }

    /// Address before the organization.
    pub(crate) fn instance(&self) -> &Url {
        &self.inner.instance
    }

    pub(crate) fn organization(&self) -> &str {
        &self.inner.organization
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.inner.clock.now()
    }

    /// Deadline of a write whose caller set none.
    pub(crate) fn soon(&self) -> DateTime<Utc> {
        self.now() + self.inner.request_timeout
    }

    pub(crate) fn route(&self, segments: &[&str], version: Version) -> Route {
        // The organization is a segment like the others: one named `..` must not lead anywhere else.
        let all: Vec<&str> = std::iter::once(self.organization()).chain(segments.iter().copied()).collect();
        Route::new(&self.inner.instance, &all, version)
    }

    /// Fetches a token if the credential has to be exchanged for one, and says who gave it.
    pub(crate) async fn fetch_token(&self, operation: &str) -> Result<Option<&'static str>, Error> {
        let Some(giver) = self.inner.tokens.giver() else { return Ok(None) };
        self.inner.tokens.authorization(operation, self.soon()).await.map(|_| Some(giver))
    }

    /// Whether the service may be asked to take many writes in one request.
    pub(crate) fn takes_batches(&self) -> bool {
        *self.inner.no_batch_until.lock().unwrap_or_else(PoisonError::into_inner) <= self.now()
    }

    /// It refused to.
    pub(crate) fn refused_a_batch(&self, ask_again_at: DateTime<Utc>) {
        *self.inner.no_batch_until.lock().unwrap_or_else(PoisonError::into_inner) = ask_again_at;
    }

    /// Every counter that this handle feeds.
    fn count(&self, add: impl Fn(&Counters)) {
        add(&self.inner.counters);
        if let Some(meter) = self.meter.as_deref() {
            add(meter);
        }
    }

    /// Forgets everything that was kept of projects, types, boards and fields: the next look is at the service. To be
    /// called before something is decided for good; a change that the client sees by itself needs no call.
    pub fn forget_definitions(&self) {
        self.inner.definitions.forget();
    }

    /// Reads a definition, or takes it from what was read not long ago.
    pub(crate) async fn definition<T: DeserializeOwned>(
        &self,
        operation: impl Into<String>,
        route: Route,
        keep: Keep,
    ) -> Result<T, Error> {
        let operation = operation.into();
        let definitions = &self.inner.definitions;
        let key = route.clone().finish(self.generation()).ok().map(String::from);
        if let Some(body) = key.as_deref().and_then(|key| definitions.get(key, self.now())) {
            return decode(operation, Effect::Read, &body);
        }
        let asked = definitions.edition();
        let response = self.send(Call::get(operation.clone(), route)).await?;
        let decoded = decode(operation, Effect::Read, &response.body)?;
        if let Some(key) = key {
            definitions.put(key, response.body, keep, asked, self.now());
        }
        Ok(decoded)
    }

    /// Sends, and gives the answer's body as it is.
    pub(crate) async fn bytes(&self, call: Call) -> Result<Bytes, Error> {
        self.send(call).await.map(|response| response.body)
    }

    /// Sends, and decodes the answer.
    pub(crate) async fn json<T: DeserializeOwned>(&self, call: Call) -> Result<T, Error> {
        let (operation, effect) = (call.operation.clone(), call.effect());
        let response = self.send(call).await?;
        decode(operation, effect, &response.body)
    }

    /// Sends, and only looks whether it worked.
    pub(crate) async fn done(&self, call: Call) -> Result<(), Error> {
        self.send(call).await.map(|_| ())
    }

    /// Sends once; a second time only to a server that refused the first because of its version (section 2), which
    /// it does before it looks at anything else.
    async fn send(&self, call: Call) -> Result<Response, Error> {
        let generation = self.generation();
        let held_token = self.inner.tokens.holds_token().await;
        let mut result = self.send_once(call.clone()).await;
        if held_token && call.effect() == Effect::Read && is_token_refused(&result) {
            // It ended before its time. A read is asked again with a new one; a write is for the caller to plan again.
            self.inner.tokens.forget().await;
            result = self.send_once(call.clone()).await;
        }
        if generation == Generation::Current && is_version_refused(&result) {
            self.inner.is_server_2022.store(true, Ordering::Relaxed);
            result = self.send_once(call).await;
        }
        match &result {
            Err(Error::Throttled { .. }) => {
                self.count(|counters| {
                    counters.throttled.fetch_add(1, Ordering::Relaxed);
                });
            }
            Err(Error::SignIn { .. }) => self.inner.tokens.forget().await,
            // A rule that contradicts what we knew: the process is not the one we read.
            Err(Error::Rejected { .. }) => self.forget_definitions(),
            _ => {}
        }
        result
    }

    pub(crate) fn generation(&self) -> Generation {
        match self.inner.is_server_2022.load(Ordering::Relaxed) {
            true => Generation::Server2022,
            false => Generation::Current,
        }
    }

    /// The order matters: wait, fetch a token, and only then look at the deadline for the last time.
    async fn send_once(&self, call: Call) -> Result<Response, Error> {
        let inner = &*self.inner;
        let effect = call.effect();
        let Call { operation, method, route, body, wanted, deadline } = call;
        let url = match route.finish(self.generation()) {
            Ok(url) => url,
            Err(reason) => return Err(Error::NotSent { operation, reason }),
        };
        if deadline.is_some_and(|deadline| inner.clock.now() >= deadline) {
            return Err(Error::DeadlinePassed { operation });
        }
        let _slot = match inner.throttle.admit(deadline).await {
            Ok(slot) => slot,
            Err(come_back) => return Err(Error::Throttled { operation, retry_at: come_back.0 }),
        };
        let timeout = inner.clock.now() + inner.request_timeout;
        let until = deadline.map_or(timeout, |deadline| deadline.min(timeout));
        let authorization = inner.tokens.authorization(&operation, until).await?;
        let (headers, body) = pack(authorization, wanted, body);
        let now = inner.clock.now();
        if deadline.is_some_and(|deadline| now >= deadline) {
            return Err(Error::DeadlinePassed { operation });
        }
        let timeout = now + inner.request_timeout;
        let until = deadline.map_or(timeout, |deadline| deadline.min(timeout));
        self.count(|counters| {
            match effect {
                Effect::Read => counters.reads.fetch_add(1, Ordering::Relaxed),
                Effect::Write => counters.writes.fetch_add(1, Ordering::Relaxed),
            };
        });
        let sent = inner.transport.send(Request { method, url, headers, body, deadline: until }).await;
        let response = match sent {
            Ok(response) => response,
            Err(TransportError::NotSent(reason)) => return Err(Error::NotSent { operation, reason }),
            Err(TransportError::NoAnswer(reason)) => {
                return Err(match effect {
                    Effect::Write => {
                        Error::UnknownOutcome { operation, reason: format!("no answer came back ({reason})") }
                    }
                    Effect::Read => {
                        let why = Outage::NoAnswer;
                        Error::Unavailable { operation, why, status: None, message: reason, retry_at: None }
                    }
                });
            }
        };
        inner.throttle.learn(&response.headers);
        if let Some(cost) =
            header(&response.headers, "x-ratelimit-cost").and_then(|text| text.trim().parse::<f64>().ok())
        {
            self.count(|counters| {
                *counters.cost.lock().unwrap_or_else(PoisonError::into_inner) += cost.max(0.0);
            });
        }
        if wanted == Wanted::File && answer::is_file(&response) {
            return Ok(response);
        }
        if response.status == StatusCode::UNAUTHORIZED {
            inner.tokens.heed(&response.headers).await;
        }
        let judged = answer::judge(&operation, effect, response, inner.clock.now());
        if let Err(Error::Throttled { retry_at, .. }) = &judged {
            inner.throttle.hold_until(*retry_at);
        }
        judged
    }
}

fn decode<T: DeserializeOwned>(operation: String, effect: Effect, body: &[u8]) -> Result<T, Error> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = match error.path().to_string() {
            path if path == "." => "its start".to_owned(),
            path => path,
        };
        let reason = error.into_inner().to_string();
        match effect {
            Effect::Read => Error::Decode { operation, path, reason },
            Effect::Write => Error::UnknownOutcome {
                operation,
                reason: format!("the answer could not be read at {path}: {reason}"),
            },
        }
    })
}

/// A server is asked for a version that it does not know, or knows only as a preview (section 2).
pub(crate) fn is_version_refused<T>(result: &Result<T, Error>) -> bool {
    matches!(result, Err(Error::Rejected { type_key: Some(key), .. })
        if key == "VssVersionOutOfRangeException" || key == "VssInvalidPreviewVersionException")
}

fn is_token_refused(result: &Result<Response, Error>) -> bool {
    matches!(result, Err(Error::SignIn { why, .. }) if why.is_about_the_token())
}

/// Headers that every call carries (azure-devops.md section 3), and the body as bytes.
fn pack(authorization: HeaderValue, wanted: Wanted, body: Body) -> (HeaderMap, Bytes) {
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, authorization);
    let accept = match wanted {
        Wanted::Json => "application/json",
        Wanted::File => "application/octet-stream",
    };
    headers.insert(ACCEPT, HeaderValue::from_static(accept));
    headers.insert(USER_AGENT, HeaderValue::from_static(concat!("Lockstep/", env!("CARGO_PKG_VERSION"))));
    // Without it, a failed sign-in is answered with a page.
    headers.insert(HeaderName::from_static("x-tfs-fedauthredirect"), HeaderValue::from_static("Suppress"));
    let (kind, body) = match body {
        Body::None => return (headers, Bytes::new()),
        Body::Json(value) => ("application/json", value),
        Body::Patch(operations) => ("application/json-patch+json", serde_json::Value::Array(operations)),
        Body::File { bytes, range } => {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
            if let Some(range) = range.and_then(|range| HeaderValue::from_str(&range).ok()) {
                headers.insert(CONTENT_RANGE, range);
            }
            return (headers, bytes);
        }
    };
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    (headers, Bytes::from(body.to_string()))
}
