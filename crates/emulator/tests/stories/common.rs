//! Verbs for the stories: a running emulator, and a client that speaks plain HTTP to it.

use std::time::{Duration, Instant};

use emulator::{Options, Running, Seed, seed::DEMO_PAT};
use serde_json::{Value, json};

/// An answer with its headers and JSON body.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
    pub text: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default()
    }

    /// The body of a good answer.
    #[track_caller]
    pub fn good(self) -> Value {
        assert!((200..300).contains(&self.status), "{} {}", self.status, self.text);
        self.body
    }

    /// The type key of a refusal with this status.
    #[track_caller]
    pub fn refused(&self, status: u16) -> &str {
        assert_eq!(self.status, status, "{}", self.text);
        self.body["typeKey"].as_str().unwrap_or_default()
    }
}

/// An emulator in this process, and who is calling it.
pub struct World {
    pub running: Running,
    pub client: reqwest::Client,
    pub pat: String,
}

pub const ORG: &str = "contoso";

impl World {
    pub async fn demo() -> Self {
        Self::with(Options::default()).await
    }

    pub async fn seeded(seed: Seed) -> Self {
        Self::with(Options { seed, ..Options::default() }).await
    }

    pub async fn with(options: Options) -> Self {
        let running = emulator::start(options).await.unwrap();
        // Cut connections must not be retried on a pooled one.
        let client = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).build().unwrap();
        Self { running, client, pat: DEMO_PAT.to_owned() }
    }

    pub fn url(&self, path: &str) -> String {
        let separator = if path.contains('?') { '&' } else { '?' };
        let version =
            if path.contains("api-version") { String::new() } else { format!("{separator}api-version=7.1") };
        format!("{}/{ORG}/{path}{version}", self.running.base_url)
    }

    pub async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let answer = request.send().await.unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let text = answer.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or_default();
        Answer { status, headers, body, text }
    }

    pub fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        self.client
            .request(method.parse().unwrap(), self.url(path))
            .basic_auth("", Some(&self.pat))
            .header("X-TFS-FedAuthRedirect", "Suppress")
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request("GET", path)).await
    }

    pub async fn call(&self, method: &str, path: &str, body: Value) -> Answer {
        self.send(self.request(method, path).json(&body)).await
    }

    pub async fn patch(&self, method: &str, path: &str, operations: Value) -> Answer {
        let request = self.request(method, path).header("Content-Type", "application/json-patch+json");
        self.send(request.body(operations.to_string())).await
    }

    /// Makes an item with these fields.
    pub async fn create(&self, project: &str, kind: &str, fields: Value) -> Value {
        self.try_create(project, kind, fields).await.good()
    }

    pub async fn try_create(&self, project: &str, kind: &str, fields: Value) -> Answer {
        self.patch("POST", &format!("{project}/_apis/wit/workitems/${kind}"), set(fields)).await
    }

    /// A bug on the board of the team Payments.
    pub async fn bug(&self, title: &str) -> i64 {
        let fields = json!({"System.Title": title, "System.AreaPath": "Webshop\\Payments"});
        self.create("Webshop", "Bug", fields).await["id"].as_i64().unwrap()
    }

    pub async fn change(&self, id: i64, fields: Value) -> Answer {
        self.patch("PATCH", &format!("_apis/wit/workitems/{id}"), set(fields)).await
    }

    pub async fn item(&self, id: i64) -> Value {
        self.get(&format!("_apis/wit/workitems/{id}?$expand=all")).await.good()
    }

    pub async fn wiql(&self, query: &str) -> Vec<i64> {
        let found = self.call("POST", "Webshop/_apis/wit/wiql", json!({"query": query})).await.good();
        found["workItems"].as_array().unwrap().iter().map(|w| w["id"].as_i64().unwrap()).collect()
    }

    /// Uses the control API.
    pub async fn control(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        let request = self
            .client
            .request(method.parse().unwrap(), format!("{}/_emulator/{path}", self.running.base_url));
        self.send(match body {
            Some(body) => request.json(&body),
            None => request,
        })
        .await
    }
}

/// `add` operations for fields.
pub fn set(fields: Value) -> Value {
    let operations = fields.as_object().unwrap().iter();
    operations
        .map(|(name, value)| json!({"op": "add", "path": format!("/fields/{name}"), "value": value}))
        .collect()
}

/// Waits until a condition holds, at most ten seconds.
pub async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(started.elapsed() < Duration::from_secs(10), "{what} did not happen");
        tokio::task::yield_now().await;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
