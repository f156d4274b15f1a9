//! Replays one recording against an emulator of its own: requests in our words, in the recorded order, at the
//! recorded times. What a request needs and the recording did not make is made just before it (`prepare`).

use std::collections::BTreeMap;

use base64::{Engine, prelude::BASE64_STANDARD};
use chrono::{DateTime, TimeDelta, Utc};
use emulator::{Request, Response, State};
use serde_json::{Value, json};

use crate::{
    compare::{self, Comparison, Difference},
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
    /// The watermark before the newest revisions that a feed shows.
    pub feed_from: i64,
    /// The relations of an item as they were recorded last, by the recorded number.
    pub relations: BTreeMap<i64, Vec<Value>>,
    /// What could not be prepared.
    problems: Vec<Difference>,
}

/// Who changed the first item that a body shows.
fn author(body: &Value) -> Option<String> {
    match body {
        Value::Object(members) => {
            if let Some(by) = members.get("System.ChangedBy") {
                let text = by["uniqueName"].as_str().or(by.as_str())?;
                return Some(text.rsplit('<').next()?.trim_end_matches('>').to_owned());
            }
            members.values().find_map(author)
        }
        Value::Array(list) => list.iter().find_map(author),
        _ => None,
    }
}

/// The differences of every exchange.
pub fn run(recording: &Recording) -> Vec<Vec<Difference>> {
    let facts = Facts::of(recording);
    let now = recording.exchanges.first().map_or_else(Utc::now, |e| e.time) - TimeDelta::hours(1);
    let state = State::new(&facts.seed(), now);
    let mut callers =
        recording.exchanges.iter().filter_map(Exchange::caller).map(|(_, mail)| mail.to_owned());
    let author = recording.exchanges.iter().find_map(|e| author(&e.response_body));
    let known =
        author.filter(|mail| facts.people.contains_key(mail)).or_else(|| facts.people.keys().next().cloned());
    let usual_caller = callers.next_back().or(known).unwrap_or_default();
    let mut replay = Replay {
        recording,
        facts,
        state,
        names: Names::default(),
        now,
        usual_caller,
        feed_from: i64::MAX,
        relations: BTreeMap::new(),
        problems: Vec::new(),
    };
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
        let version =
            if path.contains("api-version") { String::new() } else { format!("{separator}api-version=7.1") };
        let target = format!("/{}/{path}{version}", self.facts.organization);
        let mut request =
            Request::new(method, &target).header("Authorization", &basic(&token(&self.usual_caller)));
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
        let request =
            if exchange.method == "PATCH" { self.with_own_places(exchange, request) } else { request };
        self.now = self.now.max(exchange.time);
        let answer = self.state.handle(self.now, request);
        let mut differences = std::mem::take(&mut self.problems);
        if answer.status != exchange.status {
            let body = String::from_utf8_lossy(&answer.body);
            let body: String = body.chars().take(200).collect();
            differences.push(Difference::new(
                "status",
                format!("recorded {}, ours {} {body}", exchange.status, answer.status),
            ));
            return differences;
        }
        headers(exchange, &answer, &mut differences);
        let mut comparison = Comparison { names: &mut self.names, differences, recorded: exchange.month };
        match &exchange.response_body {
            Value::Null if answer.body.is_empty() => {}
            // The content of files was not recorded.
            Value::Null if answer.header_value("content-type") == Some("application/octet-stream") => {}
            Value::Null => comparison.differences.push(Difference::new("$", "recorded no body")),
            Value::String(text) if !answer.body.starts_with(b"\"") => {
                let ours = String::from_utf8_lossy(&answer.body);
                let html = exchange.header("content-type").is_some_and(|t| t.contains("html"));
                if !html && !comparison.names.same_text(text, &ours) {
                    comparison
                        .differences
                        .push(Difference::new("$", format!("recorded {text:?}, ours {ours:?}")));
                }
            }
            recorded => comparison.body(recorded, &answer.json()),
        }
        let differences = comparison.differences;
        self.remember_relations(&exchange.response_body);
        differences
    }

    fn remember_relations(&mut self, body: &Value) {
        match body {
            Value::Object(members) => {
                let id = members.get("id").and_then(Value::as_i64);
                if let (Some(id), Some(Value::Array(relations))) = (id, members.get("relations")) {
                    self.relations.insert(id, relations.clone());
                }
                members.values().for_each(|v| self.remember_relations(v));
            }
            Value::Array(list) => list.iter().for_each(|v| self.remember_relations(v)),
            _ => {}
        }
    }

    /// The order of relations is the service's own affair (section 7.8), so a recorded index means the relation that
    /// stood there, wherever ours has it.
    fn with_own_places(&mut self, exchange: &Exchange, mut request: Request) -> Request {
        let number = exchange.address.path.get(2).and_then(|n| n.parse::<i64>().ok());
        let recorded = number.and_then(|n| self.relations.get(&n).cloned());
        let own = number.and_then(|n| self.names.number(Kind::Item, n));
        let (Some(recorded), Some(own)) = (recorded, own) else { return request };
        let item = self
            .try_make("GET", &format!("_apis/wit/workitems/{own}?$expand=relations"), &Value::Null)
            .json();
        let ours: Vec<Option<String>> =
            item["relations"].as_array().into_iter().flatten().map(|r| compare::key(r, None)).collect();
        let mut operations: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        for operation in operations.as_array_mut().into_iter().flatten() {
            let path = operation["path"].as_str().unwrap_or_default().to_owned();
            let mut parts: Vec<&str> = path.split('/').collect();
            let Some(index) =
                parts.get(2).and_then(|n| n.parse::<usize>().ok()).filter(|_| parts[1] == "relations")
            else {
                continue;
            };
            let wanted = recorded.get(index).and_then(|r| compare::key(r, Some(&self.names)));
            let place = wanted.and_then(|wanted| ours.iter().position(|own| own.as_ref() == Some(&wanted)));
            if let Some(place) = place.map(|p| p.to_string()) {
                parts[2] = &place;
                operation["path"] = parts.join("/").into();
            }
        }
        if operations.is_array() {
            request.body = operations.to_string().into_bytes();
        }
        request
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
                    // Tokens are opaque; ours starts where the recorded one stood: before the shown items.
                    "continuationtoken" if words.contains(&"reporting".to_owned()) => {
                        self.feed_from.to_string()
                    }
                    _ => self.translated(value),
                };
                format!("{}={}", encoded(name), encoded(&value))
            })
            .collect();
        let mut request = Request::new(&exchange.method, &path);
        request.query = query.join("&");
        let caller =
            exchange.caller().map(|(_, mail)| mail).filter(|mail| self.facts.people.contains_key(*mail));
        let caller = caller.unwrap_or(&self.usual_caller);
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
                    let item = |kind, v: &Value| {
                        v.as_i64()
                            .and_then(|n| self.names.number(kind, n))
                            .map_or_else(|| v.clone(), Value::from)
                    };
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
            differences
                .push(Difference::new("header content-type", format!("recorded {recorded}, ours {ours}")));
        }
    }
    if exchange.response_headers.is_null() || exchange.response_headers == json!({}) {
        return;
    }
    for name in ["x-ms-continuationtoken", "www-authenticate"] {
        let scheme = |text: &str| text.split_whitespace().next().unwrap_or_default().to_owned();
        let (recorded, ours) = (exchange.header(name).map(scheme), answer.header_value(name).map(scheme));
        let same =
            if name == "www-authenticate" { recorded == ours } else { recorded.is_some() == ours.is_some() };
        if !same {
            differences.push(Difference::new(
                &format!("header {name}"),
                format!("recorded {recorded:?}, ours {ours:?}"),
            ));
        }
    }
}
