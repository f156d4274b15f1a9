//! Azure Resource Graph, read page by page (azure-devops.md section 13).
//!
//! Reading changes nothing, so a page may be asked for again: after 429 and 5xx, when the service says so, a few times.
//! Whoever reads gets every row or an error; that rows moved between two pages is told with the page
//! ([`GraphPage::moved`]), because then a row that is missing proves nothing.

use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Duration, Utc};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use crate::answer::{header, is_json, retry_at};
use crate::clock::Clock;
use crate::credential::{Credential, TokenSource};
use crate::error::Error;
use crate::transport::{Request, Response, Transport, TransportError};

/// Rows of a page: the most that the service gives.
const PAGE: usize = 1000;
/// A page is asked for so often before the reading is given up.
const TRIES: u32 = 4;
/// Rest after a failure that names no time.
const REST: Duration = Duration::seconds(5);
/// Nobody waits longer than this for one page; the next reading comes by itself.
const LONGEST_WAIT: Duration = Duration::minutes(2);
/// Longest piece of an answer that is shown to people.
const SHOWN_TEXT: usize = 300;

/// What a reader of the graph needs to know.
#[derive(Clone, Debug)]
pub struct GraphConfig {
    /// Address of Azure Resource Manager.
    pub endpoint: Url,
    /// Sign-in service of Entra.
    pub authority: Url,
    /// Directory, by id or domain.
    pub tenant: String,
    /// Application (client) id; it needs the role Security Reader (or Reader) on the subscriptions.
    pub client_id: String,
    /// Value of the application's secret.
    pub client_secret: SecretString,
    /// Subscriptions to read; everything the application may read if empty.
    pub subscriptions: Vec<String>,
    /// Longest wait for one answer.
    pub request_timeout: Duration,
    /// Rows that are asked for at once, 1 to 1,000.
    pub page_size: usize,
    /// More pages than this are not read.
    pub most_pages: usize,
}

impl GraphConfig {
    /// Settings for the public cloud: pages of 1,000 rows, at most half a million rows, a minute for an answer.
    pub fn public(tenant: impl Into<String>, client_id: impl Into<String>, secret: SecretString) -> Self {
        let url = |text: &str| Url::parse(text).expect("the address is a constant");
        Self {
            endpoint: url("https://management.azure.com"),
            authority: url("https://login.microsoftonline.com"),
            tenant: tenant.into(),
            client_id: client_id.into(),
            client_secret: secret,
            subscriptions: Vec::new(),
            request_timeout: Duration::seconds(60),
            page_size: PAGE,
            most_pages: 500,
        }
    }
}

/// Why the graph could not be read. `Display` is one sentence for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GraphError {
    /// The sign-in service gave no token.
    #[error("{0}")]
    SignIn(Error),
    /// 401: the token is not taken.
    #[error("Azure Resource Graph does not take the token of this application: {0}")]
    TokenRefused(String),
    /// 403: the application may not read there.
    #[error("the application may not read these subscriptions: {0}")]
    Forbidden(String),
    /// The service asks to wait longer than anybody waits.
    #[error("Azure Resource Graph asks to wait until {}", .0.format("%H:%M:%S UTC"))]
    Throttled(DateTime<Utc>),
    /// No answer, or one that says that the service cannot answer now.
    #[error("Azure Resource Graph does not answer: {0}")]
    Unavailable(String),
    /// It refuses the question.
    #[error("Azure Resource Graph refuses the query: {0}")]
    Refused(String),
    /// An answer that does not have the expected shape.
    #[error("the answer of Azure Resource Graph cannot be read: {0}")]
    Unreadable(String),
    /// There is more, and no way to it.
    #[error("only {read} of {total} rows came, and no way to the rest")]
    Incomplete {
        /// Rows that came.
        read: u64,
        /// Rows there are.
        total: u64,
    },
    /// More rows than are taken in at once.
    #[error("there are {total} rows, more than the {most} that are read at once")]
    TooMany {
        /// Rows there are.
        total: u64,
        /// Rows that are read at most.
        most: u64,
    },
}

impl GraphError {
    /// What a person can do about it, one sentence.
    pub fn next_step(&self) -> String {
        match self {
            Self::SignIn(error) => error.next_step(),
            Self::TokenRefused(_) => "Check tenant and client id of the source.".into(),
            Self::Forbidden(_) => {
                "Give the application the role Security Reader on the subscriptions, or name other subscriptions."
                    .into()
            }
            Self::Throttled(_) | Self::Unavailable(_) => "Nothing to do: it is tried again by itself.".into(),
            Self::Refused(_) => "Check the subscriptions of the source: each is the id of one.".into(),
            Self::Unreadable(_) | Self::Incomplete { .. } => {
                "It is tried again by itself; report it with the text above if it stays.".into()
            }
            Self::TooMany { .. } => "Divide the subscriptions among several sources.".into(),
        }
    }
}

/// A reader of the graph. It keeps nothing but a token.
pub struct Graph {
    config: GraphConfig,
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
    tokens: TokenSource,
}

/// Rows as they came.
#[derive(Clone, Debug, PartialEq)]
pub struct GraphPage {
    /// The rows.
    pub rows: Vec<Value>,
    /// The table has another number of rows than when the reading began: one may have been missed.
    pub moved: bool,
}

/// The answers to one query, one after the other.
pub struct GraphPages<'a> {
    graph: &'a Graph,
    query: String,
    next: Next,
    not_before: DateTime<Utc>,
    first_total: Option<u64>,
    read: u64,
    pages: usize,
}

enum Next {
    First,
    After(String),
    Nothing,
}

#[derive(Deserialize)]
struct Answered {
    data: Vec<Value>,
    #[serde(rename = "totalRecords")]
    total: u64,
    #[serde(rename = "$skipToken", default)]
    skip_token: Option<String>,
    /// `"true"` or `"false"`: a string.
    #[serde(rename = "resultTruncated", default)]
    truncated: Value,
}

#[derive(Default, Deserialize)]
struct Fault {
    #[serde(default)]
    error: FaultText,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct FaultText {
    code: String,
    message: String,
    details: Vec<FaultText>,
}

impl Graph {
    /// A reader that goes through `transport`, which decides what addresses may be called.
    pub fn new(config: GraphConfig, transport: Arc<dyn Transport>, clock: Arc<dyn Clock>) -> Self {
        let application = Credential::ClientSecret {
            tenant: config.tenant.clone(),
            client_id: config.client_id.clone(),
            client_secret: config.client_secret.clone(),
            authority: None,
        };
        let tokens = TokenSource::for_graph(
            application,
            config.authority.clone(),
            Arc::clone(&transport),
            Arc::clone(&clock),
        );
        Self { config, transport, clock, tokens }
    }

    /// Asks a question. It has to project `id` and to be ordered, or the service gives no way to the next page.
    pub fn read(&self, query: impl Into<String>) -> GraphPages<'_> {
        GraphPages {
            graph: self,
            query: query.into(),
            next: Next::First,
            not_before: DateTime::<Utc>::MIN_UTC,
            first_total: None,
            read: 0,
            pages: 0,
        }
    }

    fn url(&self) -> Result<Url, GraphError> {
        let mut url = self.config.endpoint.clone();
        url.set_query(Some("api-version=2022-10-01"));
        url.set_fragment(None);
        url.path_segments_mut()
            .map_err(|()| GraphError::Refused(format!("{} is not an address", self.config.endpoint)))?
            .pop_if_empty()
            .extend(["providers", "Microsoft.ResourceGraph", "resources"]);
        Ok(url)
    }

    async fn send(&self, url: &Url, body: &Bytes) -> Result<Response, Sent> {
        let deadline = self.clock.now() + self.config.request_timeout;
        let authorization = self
            .tokens
            .authorization("sign in to Azure Resource Graph", deadline)
            .await
            .map_err(|error| Sent::Failed(GraphError::SignIn(error)))?;
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, authorization);
        headers.insert(USER_AGENT, HeaderValue::from_static("Lockstep"));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let request =
            Request { method: Method::POST, url: url.clone(), headers, body: body.clone(), deadline };
        self.transport.send(request).await.map_err(|error| match error {
            // Refused here, or nobody listens: that does not pass within seconds.
            TransportError::NotSent(why) => Sent::Failed(GraphError::Unavailable(why)),
            TransportError::NoAnswer(why) => Sent::NoAnswer(why),
        })
    }
}

enum Sent {
    Failed(GraphError),
    NoAnswer(String),
}

impl GraphPages<'_> {
    /// The next page; none after the last one.
    ///
    /// # Errors
    /// [`GraphError`]; what came before is then no whole answer.
    pub async fn next(&mut self) -> Result<Option<GraphPage>, GraphError> {
        let token = match &self.next {
            Next::Nothing => return Ok(None),
            Next::First => None,
            Next::After(token) => Some(token.clone()),
        };
        let answered = self.ask(token.as_deref()).await?;
        let config = &self.graph.config;
        let total = *self.first_total.get_or_insert(answered.total);
        let most = (config.most_pages * config.page_size) as u64;
        if answered.total > most {
            return Err(GraphError::TooMany { total: answered.total, most });
        }
        self.read += answered.data.len() as u64;
        self.pages += 1;
        let more = answered.skip_token.filter(|token| !token.is_empty());
        let truncated = match &answered.truncated {
            Value::String(word) => word.eq_ignore_ascii_case("true"),
            Value::Bool(truncated) => *truncated,
            _ => false,
        };
        self.next = match more {
            // A token that leads back to itself, or a page with nothing in it, would be read for ever.
            Some(next) if Some(&next) == token.as_ref() || answered.data.is_empty() => {
                return Err(GraphError::Incomplete { read: self.read, total: answered.total });
            }
            Some(_) if self.pages >= config.most_pages => {
                return Err(GraphError::TooMany { total: answered.total, most });
            }
            Some(next) => Next::After(next),
            None if truncated || self.read < total.min(answered.total) => {
                return Err(GraphError::Incomplete { read: self.read, total: answered.total });
            }
            None => Next::Nothing,
        };
        Ok(Some(GraphPage { rows: answered.data, moved: answered.total != total }))
    }

    async fn ask(&mut self, token: Option<&str>) -> Result<Answered, GraphError> {
        let graph = self.graph;
        let url = graph.url()?;
        let mut body = json!({
            "query": self.query,
            "options": {"$top": graph.config.page_size.clamp(1, PAGE), "resultFormat": "objectArray"},
        });
        if let Some(token) = token {
            body["options"]["$skipToken"] = token.into();
        }
        if !graph.config.subscriptions.is_empty() {
            body["subscriptions"] = graph.config.subscriptions.clone().into();
        }
        let body = Bytes::from(body.to_string());
        let patience = graph.clock.now() + LONGEST_WAIT;
        let mut renewed = false;
        let mut tries = 0;
        loop {
            self.wait(patience).await?;
            tries += 1;
            let (error, retry) = match graph.send(&url, &body).await {
                Ok(response) => {
                    let now = graph.clock.now();
                    let asked = retry_at(&response.headers, now);
                    let quota = quota_spent(&response.headers, now);
                    self.not_before = self.not_before.max(asked.unwrap_or(now)).max(quota.unwrap_or(now));
                    match response.status {
                        status if status.is_success() => return read(&response),
                        // It ended before its time: once with a new one.
                        StatusCode::UNAUTHORIZED if !renewed => {
                            renewed = true;
                            graph.tokens.forget().await;
                            graph.tokens.heed(&response.headers).await;
                            continue;
                        }
                        StatusCode::TOO_MANY_REQUESTS => {
                            let at = asked.unwrap_or(now + REST);
                            (GraphError::Throttled(at), Some(at))
                        }
                        status if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT => {
                            (GraphError::Unavailable(said(&response)), asked)
                        }
                        StatusCode::UNAUTHORIZED => return Err(GraphError::TokenRefused(said(&response))),
                        StatusCode::FORBIDDEN => return Err(GraphError::Forbidden(said(&response))),
                        _ => return Err(GraphError::Refused(said(&response))),
                    }
                }
                Err(Sent::Failed(error)) => return Err(error),
                Err(Sent::NoAnswer(why)) => (GraphError::Unavailable(why), None),
            };
            if tries >= TRIES {
                return Err(error);
            }
            let rest = REST * i32::try_from(tries).unwrap_or(1);
            self.not_before = self.not_before.max(retry.unwrap_or(graph.clock.now() + rest));
        }
    }

    /// Waits for the moment the service asked for.
    async fn wait(&self, patience: DateTime<Utc>) -> Result<(), GraphError> {
        if self.not_before > patience {
            return Err(GraphError::Throttled(self.not_before));
        }
        if self.not_before > self.graph.clock.now() {
            self.graph.clock.sleep_until(self.not_before).await;
        }
        Ok(())
    }
}

fn read(response: &Response) -> Result<Answered, GraphError> {
    if !is_json(&response.headers) {
        return Err(GraphError::Unreadable("a page came back in place of data".into()));
    }
    let mut reader = serde_json::Deserializer::from_slice(&response.body);
    serde_path_to_error::deserialize(&mut reader)
        .map_err(|error| GraphError::Unreadable(format!("at {}: {}", error.path(), error.inner())))
}

/// When the next query may be sent, if this one was the last of its quota: `hh:mm:ss` from now.
fn quota_spent(headers: &HeaderMap, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let remaining: i64 = header(headers, "x-ms-user-quota-remaining")?.trim().parse().ok()?;
    let mut parts = header(headers, "x-ms-user-quota-resets-after")?.trim().splitn(3, ':');
    let mut next =
        || parts.next().and_then(|part| part.parse::<f64>().ok()).filter(|n| (0.0..100.0).contains(n));
    let (hours, minutes, seconds) = (next()?, next()?, next()?);
    let wait = Duration::milliseconds(((hours * 3600.0 + minutes * 60.0 + seconds) * 1000.0) as i64);
    (remaining <= 0).then_some(now + wait)
}

/// What the service says about it, in one line.
fn said(response: &Response) -> String {
    let fault: Fault = serde_json::from_slice(&response.body).unwrap_or_default();
    let inner = fault.error.details.into_iter().next();
    let (code, message) = match inner {
        Some(inner) if !inner.message.is_empty() => (inner.code, inner.message),
        _ => (fault.error.code, fault.error.message),
    };
    let text = match (code.as_str(), message.as_str()) {
        ("", "") => format!("status {}", response.status.as_u16()),
        ("", message) => message.to_owned(),
        (code, "") => code.to_owned(),
        (code, message) => format!("{message} ({code})"),
    };
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(SHOWN_TEXT).collect();
    line.trim().trim_end_matches('.').to_owned()
}
