//! A collection of an Azure DevOps Server: other versions, other challenges, one address.

use chrono::{DateTime, Utc};
use emulator::{
    Request, Response, Seed, State,
    seed::{DEMO_PAT, ServerVersion},
};
use serde_json::{Value, json};

use crate::common::set;

struct Server {
    state: State,
}

fn noon() -> DateTime<Utc> {
    "2026-03-31T12:00:00Z".parse().unwrap()
}

impl Server {
    fn of(version: ServerVersion) -> Self {
        let mut seed = Seed::demo();
        seed.organizations[0].name = "DefaultCollection".into();
        seed.organizations[0].server = Some(version);
        let mut state = State::new(&seed, noon());
        state.set_base_url("https://tfs.example.com");
        state.set_allow_local_hooks(true);
        Self { state }
    }

    fn send(&mut self, request: Request) -> Response {
        self.state.handle(noon(), request)
    }

    /// Asks the collection with a personal access token.
    fn ask(&mut self, method: &str, path: &str, body: Option<Value>) -> Response {
        use base64::{Engine, prelude::BASE64_STANDARD};
        let credential = format!("Basic {}", BASE64_STANDARD.encode(format!(":{DEMO_PAT}")));
        let request = Request::new(method, &format!("/tfs/DefaultCollection/{path}"))
            .header("Authorization", &credential);
        self.send(match body {
            Some(body) if body.is_array() => request.body("application/json-patch+json", body.to_string()),
            Some(body) => request.body("application/json", body.to_string()),
            None => request,
        })
    }

    #[track_caller]
    fn good(&mut self, method: &str, path: &str, body: Option<Value>) -> Value {
        let answer = self.ask(method, path, body);
        assert!(answer.status < 300, "{} {}", answer.status, answer.json());
        answer.json()
    }

    #[track_caller]
    fn refused(&mut self, method: &str, path: &str, body: Option<Value>) -> String {
        let answer = self.ask(method, path, body);
        assert_eq!(answer.status, 400, "{}", answer.json());
        answer.json()["typeKey"].as_str().unwrap_or_default().to_owned()
    }

    fn bug(&mut self) -> Value {
        let fields = set(json!({"System.Title": "A"}));
        self.good("POST", "Webshop/_apis/wit/workitems/$Bug?api-version=7.0", Some(fields))
    }
}

fn challenges(answer: &Response) -> Vec<&str> {
    let named = answer.headers.iter().filter(|(name, _)| name == "WWW-Authenticate");
    named.map(|(_, value)| value.split(' ').next().unwrap()).collect()
}

#[test]
fn a_server_says_that_it_is_one_and_lists_no_areas() {
    let mut server = Server::of(ServerVersion::V2022);
    let data = server.good("GET", "_apis/connectionData?api-version=7.0-preview.1", None);
    assert_eq!(data["deploymentType"], "onPremises");
    let descriptor = data["authenticatedUser"]["descriptor"].as_str().unwrap();
    assert!(descriptor.starts_with("System.Security.Principal.WindowsIdentity;"), "{descriptor}");
    assert_eq!(server.good("GET", "_apis/resourceAreas", None), json!({"count": 0, "value": null}));
    let found =
        server.good("GET", "_apis/identities?searchFilter=General&filterValue=Ada&api-version=7.0", None);
    assert_eq!(found["value"][0]["providerDisplayName"], "Ada Marsh", "at the collection's own address");
}

#[test]
fn a_version_above_the_servers_own_is_out_of_range() {
    let mut old = Server::of(ServerVersion::V2022);
    assert_eq!(old.refused("GET", "_apis/projects?api-version=7.1", None), "VssVersionOutOfRangeException");
    assert_eq!(old.good("GET", "_apis/projects?api-version=7.0", None)["count"], 1);
    let echo = old.ask("GET", "_apis/projects?api-version=6.0", None);
    assert!(echo.header_value("content-type").unwrap().ends_with("api-version=6.0"));
    let mut new = Server::of(ServerVersion::V2022_1);
    assert_eq!(new.good("GET", "_apis/projects?api-version=7.1", None)["count"], 1);
    assert_eq!(
        new.refused("GET", "_apis/projects?api-version=7.2-preview.4", None),
        "VssVersionOutOfRangeException"
    );
    let listed = old.good("OPTIONS", "_apis/wit", None);
    let names = |list: &Value| {
        list["value"].as_array().unwrap().iter().map(|l| l["resourceName"].clone()).collect::<Vec<_>>()
    };
    assert!(!names(&listed).contains(&json!("workItemsDelete")));
    assert!(listed["value"].as_array().unwrap().iter().all(|l| l["maxVersion"] == "7.0"));
    assert!(names(&new.good("OPTIONS", "_apis/wit", None)).contains(&json!("workItemsDelete")));
}

#[test]
fn what_came_later_is_not_there() {
    let mut old = Server::of(ServerVersion::V2022);
    let id = old.bug()["id"].clone();
    let many =
        old.ask("POST", "Webshop/_apis/wit/workitemsdelete?api-version=7.0", Some(json!({"ids": [id]})));
    assert_eq!(many.status, 404);
    assert!(many.header_value("content-type").unwrap().starts_with("text/plain"));
    let comments = format!("Webshop/_apis/wit/workItems/{id}/comments?api-version=7.0-preview");
    assert_eq!(old.refused("GET", &format!("{comments}.4"), None), "VssVersionOutOfRangeException");
    let made = old.good("POST", &format!("{comments}.3&format=markdown"), Some(json!({"text": "**x**"})));
    assert_eq!((&made["format"], &made["renderedText"]), (&Value::Null, &Value::Null));
    assert_eq!(old.good("GET", &format!("{comments}.3"), None)["comments"][0]["text"], "**x**");
}

#[test]
fn long_texts_are_html() {
    for version in [ServerVersion::V2022, ServerVersion::V2022_1] {
        let mut server = Server::of(version);
        let made = server.bug();
        assert_eq!(made["multilineFieldsFormat"], Value::Null);
        let markdown = json!([
            {"op": "add", "path": "/fields/System.Description", "value": "**x**"},
            {"op": "add", "path": "/multilineFieldsFormat/System.Description", "value": "Markdown"},
        ]);
        let path = format!("_apis/wit/workitems/{}?api-version=7.0", made["id"]);
        server.refused("PATCH", &path, Some(markdown));
    }
}

#[test]
fn who_is_not_known_gets_401_with_the_windows_challenges_and_a_page() {
    let mut server = Server::of(ServerVersion::V2022_1);
    let path = "/DefaultCollection/_apis/projects?api-version=7.1";
    let asked = [
        Request::new("GET", path),
        Request::new("GET", path).header("Accept", "text/html"),
        Request::new("GET", path).header("X-TFS-FedAuthRedirect", "Suppress"),
        Request::new("GET", path).header("Authorization", "Basic Ondyb25n"),
        Request::new("GET", path).header("Authorization", "Bearer a.token.of.Entra"),
        Request::new("GET", path).header("Authorization", "Negotiate TlRMTVNTUAAB"),
    ];
    for request in asked {
        let answer = server.send(request);
        assert_eq!(answer.status, 401);
        assert_eq!(challenges(&answer), ["Basic", "Negotiate", "NTLM"]);
        assert_eq!(answer.header_value("content-type"), Some("text/html"));
        assert!(answer.header_value("location").is_none());
    }
}

#[test]
fn links_stand_on_the_address_that_was_asked() {
    let mut server = Server::of(ServerVersion::V2022);
    let made = server.bug();
    assert!(made["url"].as_str().unwrap().starts_with("https://tfs.example.com/tfs/DefaultCollection/"));
    let answer = server.ask("GET", "_apis/projects?api-version=7.0", None);
    assert_eq!(answer.header_value("x-ratelimit-cost"), None, "usage is the service's affair");
}

#[test]
fn a_hook_of_a_server_names_the_server_and_not_an_account() {
    let mut server = Server::of(ServerVersion::V2022);
    let subscription = json!({
        "publisherId": "tfs", "eventType": "workitem.created", "resourceVersion": "1.0",
        "consumerId": "webHooks", "consumerActionId": "httpRequest", "publisherInputs": {},
        "consumerInputs": {"url": "http://127.0.0.1:9/"},
    });
    server.good("POST", "_apis/hooks/subscriptions?api-version=7.0", Some(subscription));
    server.bug();
    let later = noon() + chrono::TimeDelta::minutes(5);
    let delivery = server.state.take_due_deliveries(later).pop().expect("an event was made");
    let payload: Value = serde_json::from_str(&delivery.body).unwrap();
    let containers = payload["resourceContainers"].as_object().unwrap();
    assert_eq!(containers.keys().collect::<Vec<_>>(), ["collection", "project", "server"]);
    assert_eq!(containers["server"]["baseUrl"], "https://tfs.example.com/tfs/DefaultCollection/");
}
