//! The recorded exchanges as they lie in the fixtures, with their addresses taken apart.

use std::{fs, path::Path};

use chrono::{DateTime, Datelike, TimeDelta, TimeZone, Utc};
use percent_encoding::percent_decode_str;
use serde_json::Value;

/// One file: exchanges in the order in which they happened.
pub struct Recording {
    /// File name without `.json`.
    pub name: String,
    pub exchanges: Vec<Exchange>,
}

/// One request with its answer.
pub struct Exchange {
    pub method: String,
    pub address: Address,
    pub request_headers: Value,
    pub request_body: Value,
    pub status: u16,
    pub response_headers: Value,
    pub response_body: Value,
    /// When the service answered; made up for recordings without headers.
    pub time: DateTime<Utc>,
    /// Year and month of the answer, if it says.
    pub month: Option<(i32, u32)>,
}

/// A request address without host and organization; segments are decoded.
#[derive(Debug)]
pub struct Address {
    pub organization: String,
    /// Project and team, as far as they were sent.
    pub scope: Vec<String>,
    /// What follows `_apis`.
    pub path: Vec<String>,
    pub query: Vec<(String, String)>,
}

impl Exchange {
    pub fn header(&self, name: &str) -> Option<&str> {
        match &self.response_headers[name] {
            Value::Array(all) => all.first().and_then(Value::as_str),
            other => other.as_str(),
        }
    }

    /// The guid and the e-mail address of the caller, which the service names in every answer.
    pub fn caller(&self) -> Option<(&str, &str)> {
        self.header("x-vss-userdata")?.split_once(':')
    }
}

/// All recordings by name, or None when the fixtures are not there.
pub fn all(folder: &str) -> Option<Vec<Recording>> {
    let mut files: Vec<_> = fs::read_dir(folder).ok()?.map(|entry| entry.unwrap().path()).collect();
    files.retain(|p| {
        p.extension().is_some_and(|e| e == "json") && p.file_stem().is_some_and(|s| s != "index")
    });
    files.sort();
    Some(files.iter().map(|path| read(path)).collect())
}

fn read(path: &Path) -> Recording {
    let text = fs::read_to_string(path).unwrap();
    let file: Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let is_example = path.file_stem().is_some_and(|name| name.to_string_lossy().starts_with("example71-"));
    let mut last: Option<DateTime<Utc>> = None;
    let exchanges = file["exchanges"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| {
            let sent = e["response_headers"]["date"].as_str();
            let answered = sent.and_then(|d| DateTime::parse_from_rfc2822(d).ok()).map(|d| d.to_utc());
            // Time never stands still or runs back, also where several answers came in one second.
            let next = last.map(|time| time + TimeDelta::milliseconds(7));
            let unknown = || Utc.with_ymd_and_hms(2024, 1, 1, 0, 0, 0).unwrap();
            let time = answered.max(next).unwrap_or_else(unknown);
            last = Some(time);
            Exchange {
                method: e["method"].as_str().unwrap().to_owned(),
                address: Address::parse(e["url"].as_str().unwrap(), is_example),
                request_headers: e["request_headers"].clone(),
                request_body: repaired(&e["request_body"]),
                status: e["status"].as_u64().and_then(|s| u16::try_from(s).ok()).unwrap(),
                response_headers: e["response_headers"].clone(),
                response_body: e["response_body"].clone(),
                time,
                month: answered.map(|d| (d.year(), d.month())),
            }
        })
        .collect();
    Recording { name: path.file_stem().unwrap().to_string_lossy().into_owned(), exchanges }
}

/// Some recorders wrote a JSON body as text, a few of them as the Python text of bytes (`b'{…}'`), even twice.
fn repaired(body: &Value) -> Value {
    let Some(text) = body.as_str() else { return body.clone() };
    let mut text = text.to_owned();
    while let Some(inner) = text.strip_prefix("b'").and_then(|t| t.strip_suffix('\'')) {
        text = unescaped(inner);
    }
    serde_json::from_str(&text).unwrap_or(Value::String(text))
}

fn unescaped(text: &str) -> String {
    let mut plain = String::new();
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        match characters.peek() {
            Some('\\' | '\'' | '"') if c == '\\' => plain.extend(characters.next()),
            _ => plain.push(c),
        }
    }
    plain
}

impl Address {
    fn parse(url: &str, is_example: bool) -> Self {
        // A few examples hold the address as an object in text.
        let wrapped: Option<Value> = serde_json::from_str(url).ok();
        let url = wrapped.as_ref().and_then(|w| w["url"].as_str()).unwrap_or(url).trim();
        let (address, query) = url.split_once('?').unwrap_or((url, ""));
        let (host, path) = address
            .split_once("://")
            .map_or(("dev.azure.com", address), |(_, rest)| rest.split_once('/').unwrap_or((rest, "")));
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let mut segments: Vec<String> = path.split('/').filter(|s| !s.is_empty()).map(decoded).collect();
        let organization = match host.strip_suffix(".visualstudio.com") {
            Some("app.vssps") => String::new(),
            Some(name) => name.split('.').next().unwrap_or(name).to_owned(),
            None if host == "localhost" => "localhost".to_owned(),
            None => segments.remove(0),
        };
        if segments.first().is_some_and(|s| s.eq_ignore_ascii_case("DefaultCollection")) {
            segments.remove(0);
        }
        let at = segments.iter().position(|s| s.eq_ignore_ascii_case("_apis"));
        let path = at.map(|at| segments.split_off(at)[1..].to_vec()).unwrap_or_default();
        let mut query: Vec<(String, String)> = query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(name, value)| (decoded(name), decoded(value)))
            .collect();
        // Examples stand in the documents of 7.1, whatever version their addresses once had.
        if is_example {
            query.retain(|(name, _)| name != "api-version");
            query.push(("api-version".into(), "7.1-preview".into()));
        }
        Self { organization, scope: segments, path, query }
    }

    pub fn query(&self, name: &str) -> Option<&str> {
        let bare = |n: &str| n.trim_start_matches('$').to_ascii_lowercase();
        self.query.iter().find(|(n, _)| bare(n) == bare(name)).map(|(_, value)| value.as_str())
    }

    /// The path in lower case, for matching.
    pub fn words(&self) -> Vec<String> {
        self.path.iter().map(|s| s.to_lowercase()).collect()
    }
}
