//! The whole loop, both directions, over real HTTP: Lockstep and the local Azure DevOps in processes of their own, driven
//! by the command line and by people on the board.
#![expect(clippy::unwrap_used, reason = "a test fails where something unexpected happens")]

mod support;

use serde_json::{Value, json};
use support::{Stage, sarif};

/// People on the board, and what the board has seen.
struct Board<'a> {
    stage: &'a Stage,
    runtime: tokio::runtime::Runtime,
    person: String,
}

impl<'a> Board<'a> {
    fn of(stage: &'a Stage) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut board = Self { stage, runtime, person: String::new() };
        let directory = board.ask("GET", "_emulator/directory", "application/json", Value::Null);
        board.person = directory["organizations"][0]["people"][0]["id"].as_str().unwrap().to_owned();
        board
    }

    fn ask(&self, method: &str, path: &str, content_type: &str, body: Value) -> Value {
        self.runtime.block_on(async {
            let request = reqwest::Client::new()
                .request(method.parse().unwrap(), format!("{}/{path}", self.stage.board))
                .header("Content-Type", content_type);
            let request = if body.is_null() { request } else { request.body(body.to_string()) };
            let answer = request.send().await.unwrap();
            let status = answer.status();
            let text = answer.text().await.unwrap();
            assert!(status.is_success(), "{method} {path}: {status} {text}");
            serde_json::from_str(&text).unwrap_or(Value::Null)
        })
    }

    fn act(&self, method: &str, path: &str, content_type: &str, body: Value) -> Value {
        self.ask(method, &format!("_emulator/act/{}/contoso/{path}", self.person), content_type, body)
    }

    fn move_card(&self, id: i64, state: &str) {
        let patch = json!([{ "op": "replace", "path": "/fields/System.State", "value": state }]);
        let path = format!("_apis/wit/workitems/{id}?api-version=7.1");
        self.act("PATCH", &path, "application/json-patch+json", patch);
    }

    fn state(&self, id: i64) -> String {
        let path = format!("_apis/wit/workitems/{id}?api-version=7.1");
        let item = self.act("GET", &path, "application/json", Value::Null);
        item["fields"]["System.State"].as_str().unwrap().to_owned()
    }

    fn comments(&self, id: i64) -> String {
        let path = format!("Webshop/_apis/wit/workItems/{id}/comments?api-version=7.1-preview.4");
        self.act("GET", &path, "application/json", Value::Null).to_string()
    }

    fn writes(&self) -> u64 {
        self.ask("GET", "_emulator/counters", "application/json", Value::Null)["writes"].as_u64().unwrap()
    }
}

/// Which way changes on the board reach Lockstep.
#[derive(Clone, Copy, PartialEq)]
enum Reach {
    Hooks,
    SweepsOnly,
}

fn play(reach: Reach) {
    let stage = Stage::set();
    stage.connect();
    if reach == Reach::Hooks {
        stage.lockstep(&["connection", "hooks", "Azure", "subscribe"]).ends_with(0);
    }
    stage.lockstep(&["rule", "add", "--name", "all", "--yes"]).ends_with(0);
    let board = Board::of(&stage);
    let scan = |name: &str, results: &[(&str, &str)]| {
        let now = chrono::Utc::now().to_rfc3339();
        let file = stage.file(&format!("{name}.sarif"), &sarif(name, &now, results));
        stage.lockstep(&["import", &file, "--asset", "shop", "--wait"]).ends_with(0);
    };
    let finding_is = |status: &str| {
        if reach == Reach::SweepsOnly {
            stage.lockstep(&["reconcile", "--sweep", "--wait"]).ends_with(0);
        }
        stage.until(&["findings", "list", "--status", status, "--json"], |out| out.contains("\"sql\""));
    };
    let card_is = |number: i64, state: &str| {
        stage
            .until(&["tickets", "show", &number.to_string()], |out| out.contains(&format!("state\t{state}")));
        assert_eq!(board.state(number), state);
    };

    // A weakness is found: a bug on the board.
    scan("first", &[("sql", "error")]);
    let tickets = stage.until(&["tickets", "list", "--json"], |out| out.contains("\"in_step\"")).json();
    let number = tickets[0]["work_item"]["id"].as_i64().unwrap();
    assert_eq!(board.state(number), "New");

    // Somebody works on it and closes the card: a claim.
    board.move_card(number, "Active");
    finding_is("in_progress");
    board.move_card(number, "Closed");
    finding_is("awaiting_validation");

    // A rescan still sees it: reopened, with the evidence.
    scan("still-there", &[("sql", "error")]);
    finding_is("identified");
    card_is(number, "New");
    assert!(board.comments(number).contains("Still seen by Storyteller"), "{}", board.comments(number));

    // Closed again; a clean rescan proves the fix.
    board.move_card(number, "Resolved");
    finding_is("awaiting_validation");
    scan("clean", &[]);
    finding_is("fixed");
    card_is(number, "Closed");

    // It comes back: the same work item.
    scan("back", &[("sql", "error")]);
    finding_is("identified");
    card_is(number, "New");
    let tickets = stage.lockstep(&["tickets", "list", "--json"]).ends_with(0).json();
    assert_eq!(tickets.as_array().unwrap().len(), 1);
    assert_eq!(tickets[0]["work_item"]["id"].as_i64(), Some(number));

    // Quiet: ten more sweeps write nothing.
    let writes = board.writes();
    for _ in 0..10 {
        stage.lockstep(&["reconcile", "--sweep", "--wait"]).ends_with(0);
    }
    assert_eq!(board.writes(), writes);
}

#[test]
fn the_whole_loop_with_service_hooks() {
    play(Reach::Hooks);
}

#[test]
fn the_whole_loop_without_any_inbound_network() {
    play(Reach::SweepsOnly);
}
