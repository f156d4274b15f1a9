//! Azure Resource Graph as far as Defender for Cloud is read through it: `POST providers/Microsoft.ResourceGraph/resources`
//! (azure-devops.md section 13).
//!
//! Promises: rows in the order of their ids; pages by `$top` and `$skipToken`; `resultTruncated` as a string; quota
//! headers, and 429 after 15 queries of a caller in 5 seconds. Of the query language only the types in quotes are
//! understood (`type =~ '…'`, `type in~ ('…', '…')`), and that `take` and `limit` end the paging; everything else is
//! taken as it comes. Which columns are projected does not matter either: rows are given out as they were put in.

use std::collections::{BTreeMap, VecDeque};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{
    Request, Response, State,
    access::{GraphCaller, graph_caller, json_response},
    call::Query,
};

/// Queries that a caller may make in [`WINDOW`].
const QUOTA: usize = 15;
/// The seconds that the quota counts.
const WINDOW: i64 = 5;
/// Rows of a page unless the request says otherwise.
const DEFAULT_TOP: usize = 100;
/// Rows of the largest page.
const MOST_TOP: usize = 1000;
/// Versions of the API that are answered.
const VERSIONS: [&str; 2] = ["2021-03-01", "2022-10-01"];

/// What the graph holds, and who asked lately.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Graph {
    /// Rows of each tenant, by lower-case id.
    tenants: BTreeMap<Uuid, BTreeMap<String, Value>>,
    /// Applications that may read; all of the tenant when absent.
    readers: BTreeMap<Uuid, Vec<Uuid>>,
    asked: BTreeMap<String, VecDeque<DateTime<Utc>>>,
}

/// What the graph of a tenant shall hold.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GraphChange {
    /// The tenant; that of the first organization when absent.
    pub tenant: Option<Uuid>,
    /// Rows, all of them: assessments and sub-assessments as the table `securityresources` has them, each with its `id`.
    pub rows: Vec<Value>,
    /// Client ids of the applications that may read the subscriptions; every one of the tenant when absent.
    pub readers: Option<Vec<Uuid>>,
}

impl State {
    /// Puts rows into the graph in place of what a tenant had there.
    ///
    /// # Errors
    /// A row has no id, or there is no such tenant; the text says which.
    pub fn set_graph(&mut self, change: GraphChange) -> Result<(), String> {
        let mut tenants = self.organizations.values().map(|org| org.tenant);
        let tenant = match change.tenant {
            Some(named) => tenants.find(|tenant| *tenant == named),
            None => tenants.next(),
        };
        let tenant = tenant.ok_or("There is no such tenant.")?;
        let mut rows = BTreeMap::new();
        for (number, row) in change.rows.into_iter().enumerate() {
            let id = row["id"].as_str().ok_or_else(|| format!("Row {number} has no id."))?.to_lowercase();
            rows.insert(id, row);
        }
        self.graph.tenants.insert(tenant, rows);
        match change.readers {
            Some(readers) => self.graph.readers.insert(tenant, readers),
            None => self.graph.readers.remove(&tenant),
        };
        self.changes += 1;
        Ok(())
    }
}

/// Whether a path is the graph's.
pub(crate) fn is_graph(segments: &[String]) -> bool {
    let words: Vec<String> = segments.iter().map(|s| s.to_ascii_lowercase()).collect();
    matches!(
        words.iter().map(String::as_str).collect::<Vec<_>>().as_slice(),
        ["providers", "microsoft.resourcegraph", "resources"]
    )
}

#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    subscriptions: Option<Vec<String>>,
    query: String,
    #[serde(default)]
    options: Options,
}

#[derive(Default, Deserialize)]
struct Options {
    #[serde(rename = "$top")]
    top: Option<i64>,
    #[serde(rename = "$skipToken")]
    skip_token: Option<String>,
    #[serde(rename = "resultFormat")]
    result_format: Option<String>,
}

pub(crate) fn answer(state: &mut State, now: DateTime<Utc>, request: &Request) -> Response {
    if request.method != "POST" {
        return error(405, "MethodNotAllowed", "The requested resource does not support this http method.");
    }
    match Query::parse(&request.query).get("api-version") {
        None => {
            let text = "The api-version query parameter (?api-version=) is required for all requests.";
            return error(400, "MissingApiVersionParameter", text);
        }
        Some(version) if !VERSIONS.contains(&version) => {
            let text = format!(
                "The resource type could not be found in the namespace 'Microsoft.ResourceGraph' for api version '{version}'. The supported api-versions are '{}'.",
                VERSIONS.join(",")
            );
            return error(400, "InvalidResourceType", &text);
        }
        Some(_) => {}
    }
    let caller = match graph_caller(state, request, now) {
        Ok(caller) => caller,
        Err(refused) => return refused,
    };
    let quota = match spend(&mut state.graph, &caller, now) {
        Ok(headers) => headers,
        Err(wait) => return throttled(wait),
    };
    let mut response = match query(&state.graph, &caller, request) {
        Ok(body) => json_response(200, &body),
        Err(refused) => *refused,
    };
    response.headers.extend(quota);
    response
}

/// The quota headers of a query that is let through; else the seconds until one is.
fn spend(graph: &mut Graph, caller: &GraphCaller, now: DateTime<Utc>) -> Result<Vec<(String, String)>, i64> {
    let window = TimeDelta::seconds(WINDOW);
    let asked = graph.asked.entry(caller.key.clone()).or_default();
    while asked.front().is_some_and(|at| *at + window <= now) {
        asked.pop_front();
    }
    let resets = asked.front().map_or(window, |first| *first + window - now);
    // Whole seconds, and never none: the header has no room for less.
    let resets = (resets.num_milliseconds() + 999).div_euclid(1000).max(1);
    if asked.len() >= QUOTA {
        return Err(resets);
    }
    asked.push_back(now);
    Ok(quota_headers(QUOTA - asked.len(), resets))
}

fn quota_headers(remaining: usize, resets: i64) -> Vec<(String, String)> {
    vec![
        ("x-ms-user-quota-remaining".into(), remaining.to_string()),
        ("x-ms-user-quota-resets-after".into(), format!("00:00:{resets:02}")),
    ]
}

/// 429 as the graph says it.
pub(crate) fn throttled(retry_after_seconds: i64) -> Response {
    let text = "Client application has been throttled and should not attempt to repeat the request until an amount of time has elapsed. Please see https://aka.ms/resourcegraph-throttling for help.";
    let body = json!({"error": {
        "code": "RateLimiting",
        "message": "Please provide below info when asking for support.",
        "details": [{"code": "RateLimiting", "message": text}],
    }});
    let mut response = json_response(429, &body);
    response.headers.push(("Retry-After".into(), retry_after_seconds.to_string()));
    response.headers.extend(quota_headers(0, retry_after_seconds.min(59)));
    response
}

fn query(graph: &Graph, caller: &GraphCaller, request: &Request) -> Result<Value, Box<Response>> {
    let bad = |text: &str| Box::new(error(400, "BadRequest", text));
    let asked: Asked = serde_json::from_slice(&request.body)
        .map_err(|error| bad(&format!("The request content is not valid: {error}")))?;
    let table = asked.query.split('|').next().unwrap_or_default().trim();
    if !table.eq_ignore_ascii_case("securityresources") {
        return Err(bad("Query is invalid. Only the table 'securityresources' is here."));
    }
    if asked.options.result_format.as_deref().is_some_and(|format| format != "objectArray") {
        return Err(bad("Only the result format 'objectArray' is here."));
    }
    let top = match asked.options.top {
        None => DEFAULT_TOP,
        Some(top) => usize::try_from(top)
            .ok()
            .filter(|top| (1..=MOST_TOP).contains(top))
            .ok_or_else(|| bad("The option '$top' must be between 1 and 1000."))?,
    };
    if graph.readers.get(&caller.tenant).is_some_and(|readers| !readers.contains(&caller.client_id)) {
        // The words are the service's; that it does not answer with no rows is a guess.
        let text = "The client does not have authorization to read the given subscriptions.";
        return Err(Box::new(error(403, "AuthorizationFailed", text)));
    }
    let types = types(&asked.query);
    let wanted = |id: &str, row: &Value| {
        let kind = row["type"].as_str().unwrap_or_default().to_lowercase();
        let subscription = id.split('/').nth(2).unwrap_or_default();
        (types.is_empty() || types.contains(&kind))
            && asked
                .subscriptions
                .as_ref()
                .is_none_or(|all| all.iter().any(|one| one.eq_ignore_ascii_case(subscription)))
    };
    let rows: Vec<&Value> = graph
        .tenants
        .get(&caller.tenant)
        .into_iter()
        .flatten()
        .filter(|(id, row)| wanted(id, row))
        .map(|(_, row)| row)
        .collect();
    let question = question(&asked);
    let start = match &asked.options.skip_token {
        Some(token) => {
            read_token(token, &question).ok_or_else(|| bad("The '$skipToken' is not of this query."))?
        }
        None => 0,
    };
    let page: Vec<&Value> = rows.iter().copied().skip(start).take(top).collect();
    let next = start + page.len();
    let limited = ["take", "limit"].iter().any(|word| has_operator(&asked.query, word));
    let more = next < rows.len();
    let mut body = json!({
        "totalRecords": rows.len(),
        "count": page.len(),
        "data": page,
        "facets": [],
        // A string, as the service has it.
        "resultTruncated": if more { "true" } else { "false" },
    });
    if more && !limited && asked.query.contains("id") {
        body["$skipToken"] = token(next, &question).into();
    }
    Ok(body)
}

/// The types in quotes, in lower case.
fn types(query: &str) -> Vec<String> {
    query
        .split('\'')
        .skip(1)
        .step_by(2)
        .map(str::to_lowercase)
        .filter(|word| word.starts_with("microsoft."))
        .collect()
}

fn has_operator(query: &str, operator: &str) -> bool {
    query
        .split('|')
        .any(|part| part.split_whitespace().next().is_some_and(|w| w.eq_ignore_ascii_case(operator)))
}

/// What a token belongs to: query and subscriptions.
fn question(asked: &Asked) -> String {
    let mut sha = Sha256::new();
    sha.update(&asked.query);
    for subscription in asked.subscriptions.iter().flatten() {
        sha.update([0]);
        sha.update(subscription.to_lowercase());
    }
    sha.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

fn token(next: usize, question: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(format!("{question}:{next}"))
}

fn read_token(token: &str, question: &str) -> Option<usize> {
    let text = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
    let (of, next) = text.split_once(':')?;
    (of == question).then(|| next.parse().ok()).flatten()
}

pub(crate) fn error(status: u16, code: &str, message: &str) -> Response {
    json_response(status, &json!({"error": {"code": code, "message": message}}))
}
