//! Replays one recording against an emulator of its own: requests in our words, in the recorded order, at the
//! recorded times. What a request needs and the recording did not make is made just before it (`prepare`).

use base64::{Engine, prelude::BASE64_STANDARD};
use chrono::{DateTime, TimeDelta, Utc};
use emulator::{Request, Response, State};
use serde_json::{Value, json};

use crate::{
    compare::{Comparison, Difference},
    facts::{Facts, OUTSIDER, token},
    names::{Kind, Names, is_guid},
    prepare,
    recording::{Exchange, Recording},
};

pub const BASE: &str = "https://dev.azure.com";

pub struct Replay<'a> {
    pub recording: &'a Recording,
    pub facts: Facts,
    pub state: State,
    pub names: Names,
    pub now: DateTime<Utc>,
    /// Who calls when the recording does not say.
    pub usual_caller: String,
    /// What could not be prepared.
    problems: Vec<Difference>,
}

/// The differences of every exchange.
pub fn run(recording: &Recording) -> Vec<Vec<Difference>> {
    let facts = Facts::of(recording);
    let now = recording.exchanges.first().map_or_else(Utc::now, |e| e.time) - TimeDelta::hours(1);
    let state = State::new(&facts.seed(), now);
    let callers = recording.exchanges.iter().filter_map(Exchange::caller).map(|(_, mail)| mail.to_owned());
    let usual_caller = callers.last().or_else(|| facts.people.keys().next().cloned()).unwrap_or_default();
    let mut replay = Replay { recording, facts, state, names: Names::default(), now, usual_caller, problems: Vec::new() };
    prepare::projects(&mut replay);
    (0..recording.exchanges.len()).map(|at| replay.exchange(at)).collect()
}

impl Replay<'_> {
    pub fn base(&self) -> String {
        format!("{BASE}/{}", self.facts.organization)
    }

    /// Sends a request that belongs to the preparation; that it is refused becomes a difference of the exchange.
    pub fn make(&mut self, method: &str, path: &str, body: &Value) -> Value {
        let answer = self.try_make(method, path, body);
        if answer.status >= 300 {
            let said = String::from_utf8_lossy(&answer.body);
            let what = format!("{method} {path} {body}: {} {said}", answer.status);
            self.problems.push(Difference::new("preparation", what));
        }
        answer.json()
    }

    pub fn try_make(&mut self, method: &str, path: &str, body: &Value) -> Response {
        let separator = if path.contains('?') { '&' } else { '?' };
        let target = format!("/{}/{path}{separator}api-version=7.1", self.facts.organization);
        let mut request = Request::new(method, &target).header("Authorization", &basic(&token(&self.usual_caller)));
        if !body.is_null() {
            let kind = if body.is_array() { "application/json-patch+json" } else { "application/json" };
            request = request.body(kind, body.to_string());
        }
        self.now += TimeDelta::milliseconds(1);
        self.state.handle(self.now, request)
    }

    fn exchange(&mut self, at: usize) -> Vec<Difference> {
        let exchange = &self.recording.exchanges[at];
        self.now = self.now.max(exchange.time - TimeDelta::milliseconds(500));
        let refused = exchange.status == 401 || exchange.status == 503;
        if !refused {
            prepare::exchange(self, at);
        }
        let request = self.request(exchange);
        self.now = self.now.max(exchange.time);
        let answer = self.state.handle(self.now, request);
        let mut differences = std::mem::take(&mut self.problems);
        if answer.status != exchange.status {
            let body = String::from_utf8_lossy(&answer.body);
            let body: String = body.chars().take(200).collect();
            differences.push(Difference::new("status", format!("recorded {}, ours {} {body}", exchange.status, answer.status)));
            return differences;
        }
        headers(exchange, &answer, &mut differences);
        let mut comparison = Comparison { names: &mut self.names, differences, recorded: exchange.month };
        match &exchange.response_body {
            Value::Null if answer.body.is_empty() => {}
            Value::Null => comparison.differences.push(Difference::new("$", "recorded no body")),
            Value::String(text) if !answer.body.starts_with(b"\"") => {
                let ours = String::from_utf8_lossy(&answer.body);
                let html = exchange.header("content-type").is_some_and(|t| t.contains("html"));
                if !html && !comparison.names.same_text(text, &ours) {
                    comparison.differences.push(Difference::new("$", format!("recorded {text:?}, ours {ours:?}")));
                }
            }
            recorded => comparison.body(recorded, &answer.json()),
        }
        comparison.differences
    }

    /// The recorded request in our words.
    fn request(&self, exchange: &Exchange) -> Request {
        let address = &exchange.address;
        let words = address.words();
        let nodes = words.get(1).is_some_and(|w| w == "classificationnodes");
        let mut path = String::new();
        if !address.organization.is_empty() {
            path.push_str(&format!("/{}", address.organization));
        }
        for segment in &address.scope {
            path.push_str(&format!("/{}", encoded(&self.translated(segment))));
        }
        path.push_str("/_apis");
        for (index, segment) in address.path.iter().enumerate() {
            let before = index.checked_sub(1).map_or("", |i| words[i].as_str());
            let kind = match before {
                "workitems" | "recyclebin" => Some(Kind::Item),
                "comments" => Some(Kind::Comment),
                _ => None,
            };
            let number = kind.zip(segment.parse().ok()).and_then(|(kind, n)| self.names.number(kind, n));
            let segment = number.map_or_else(|| self.translated(segment), |n| n.to_string());
            path.push_str(&format!("/{}", encoded(&segment)));
        }
        let numbers = |text: &str, kind| {
            let one = |part: &str| {
                let known = part.trim().parse().ok().and_then(|n| self.names.number(kind, n));
                known.map_or_else(|| part.to_owned(), |n| n.to_string())
            };
            text.split(',').map(one).collect::<Vec<_>>().join(",")
        };
        let query: Vec<String> = address
            .query
            .iter()
            .map(|(name, value)| {
                let value = match name.to_lowercase().trim_start_matches('$') {
                    "ids" if nodes => numbers(value, Kind::Node),
                    "ids" => numbers(value, Kind::Item),
                    "reclassifyid" => numbers(value, Kind::Node),
                    _ => self.translated(value),
                };
                format!("{}={}", encoded(name), encoded(&value))
            })
            .collect();
        let mut request = Request::new(&exchange.method, &path);
        request.query = query.join("&");
        let caller = exchange.caller().map_or(self.usual_caller.as_str(), |(_, mail)| mail);
        let credential = match exchange.status {
            401 if exchange.response_body.is_null() => "no token that is known".to_owned(),
            401 => token(OUTSIDER),
            _ => token(caller),
        };
        request = request.header("Authorization", &basic(&credential));
        let mut content_type = None;
        for name in ["accept", "content-type", "x-tfs-fedauthredirect", "x-tfs-session"] {
            if let Some(value) = exchange.request_headers[name].as_str() {
                request = request.header(name, value);
                content_type = content_type.or((name == "content-type").then_some(value));
            }
        }
        let body = self.translated_body(&exchange.request_body, nodes);
        request.body = match &body {
            Value::Null => Vec::new(),
            Value::String(text) => text.clone().into_bytes(),
            other => other.to_string().into_bytes(),
        };
        if !request.body.is_empty() && content_type.is_none() {
            let kind = if body.is_array() { "application/json-patch+json" } else { "application/json" };
            request = request.header("content-type", kind);
        }
        request
    }

    fn translated(&self, text: &str) -> String {
        self.names.translated(text, &self.base())
    }

    fn translated_body(&self, body: &Value, nodes: bool) -> Value {
        match body {
            Value::Object(members) => members
                .iter()
                .map(|(name, value)| {
                    let item = |kind, v: &Value| v.as_i64().and_then(|n| self.names.number(kind, n)).map_or_else(|| v.clone(), Value::from);
                    let value = match (name.as_str(), value) {
                        ("query" | "wiql", Value::String(text)) => {
                            self.names.translated_query(text, &self.base()).into()
                        }
                        ("ids", Value::Array(ids)) => ids.iter().map(|id| item(Kind::Item, id)).collect(),
                        ("id", Value::Number(_)) if nodes => item(Kind::Node, value),
                        _ => self.translated_body(value, nodes),
                    };
                    (name.clone(), value)
                })
                .collect::<serde_json::Map<_, _>>()
                .into(),
            Value::Array(list) => list.iter().map(|v| self.translated_body(v, nodes)).collect(),
            Value::String(text) => self.translated(text).into(),
            other => other.clone(),
        }
    }

    /// The guid of a recorded thing is known, or the text is a name.
    pub fn knows(&self, name: &str) -> bool {
        !is_guid(name) || self.names.guid(name).is_some()
    }
}

fn basic(token: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!(":{token}")))
}

pub fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// Headers that clients read.
fn headers(exchange: &Exchange, answer: &Response, differences: &mut Vec<Difference>) {
    let parts = |text: &str| {
        let mut parts: Vec<String> = text.split(';').map(|p| p.trim().to_lowercase()).collect();
        parts.sort();
        parts
    };
    if let Some(recorded) = exchange.header("content-type") {
        let ours = answer.header_value("content-type").unwrap_or_default();
        if parts(recorded) != parts(ours) {
            differences.push(Difference::new("header content-type", format!("recorded {recorded}, ours {ours}")));
        }
    }
    if exchange.response_headers.is_null() || exchange.response_headers == json!({}) {
        return;
    }
    for name in ["x-ms-continuationtoken", "www-authenticate"] {
        let scheme = |text: &str| text.split_whitespace().next().unwrap_or_default().to_owned();
        let (recorded, ours) = (exchange.header(name).map(scheme), answer.header_value(name).map(scheme));
        let same = if name == "www-authenticate" { recorded == ours } else { recorded.is_some() == ours.is_some() };
        if !same {
            differences.push(Difference::new(&format!("header {name}"), format!("recorded {recorded:?}, ours {ours:?}")));
        }
    }
}
