//! A real process is killed, really killed, before and after every commit and every call to the board while it creates
//! 50 work items. However often and wherever that happens: 50 work items, each once.
//!
//! Each run begins with 50 tickets that have no work item yet. The process stops itself at the n-th place (see
//! `store::failpoint`), is killed there, and is started again without a stop. The places are enumerated: all of them are
//! tried. Further runs hold the answer back, drop it, or have the board apply the creations late.

#![expect(clippy::unwrap_used, reason = "a test fails where something unexpected happens")]

use std::collections::{BTreeMap, HashSet};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use store::{Db, args};

const ITEMS: usize = 50;
/// Runs side by side: most of their time is waiting for deadlines.
const WORKERS: usize = 6;
const LIMIT: Duration = Duration::from_secs(60);

/// A process of Lockstep that is killed when it is dropped.
struct Process {
    child: Child,
    stderr: mpsc::Receiver<String>,
}

impl Process {
    fn start(data: &Path, board: &str, halt_at: Option<u64>, log: bool) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lockstep"));
        command
            .args(["serve", "--bind", "127.0.0.1:0", "--write-deadline", "1", "--settle-time", "1"])
            .args(["--poll-interval", "3600", "--sweep-interval", "7200", "--allow-origin", board, "--data"])
            .arg(data)
            .env("LOCKSTEP_LOG", "info")
            .env_remove("LOCKSTEP_HALT_AT")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        if let Some(at) = halt_at {
            command.env("LOCKSTEP_HALT_AT", at.to_string());
        }
        if log {
            command.env("LOCKSTEP_HALT_LOG", "1");
        }
        let mut child = command.spawn().unwrap();
        let (sender, stderr) = mpsc::channel();
        let lines = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Self { child, stderr }
    }

    /// SIGKILL: nothing of the process runs any more when this returns.
    fn kill(mut self) -> Vec<String> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.stderr.iter().collect()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A board of its own and a data folder from which every run begins.
struct Bench {
    runtime: tokio::runtime::Runtime,
    board: Option<emulator::Running>,
    http: reqwest::Client,
    template: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let board = runtime.block_on(emulator::start(emulator::Options::default())).unwrap();
        let template = tempfile::tempdir().unwrap();
        let bench = Self { runtime, board: Some(board), http: reqwest::Client::new(), template };
        bench.prepare();
        bench
    }

    fn url(&self) -> String {
        self.board.as_ref().unwrap().base_url.clone()
    }

    /// Connection, destination and rule are made and a report with 50 findings is imported while the connection is
    /// paused: 50 tickets wait for their work items.
    fn prepare(&self) {
        let data = self.template.path();
        let url = self.url();
        self.runtime.block_on(async {
            let mut settings = server::Settings::new(data.to_owned());
            settings.bind = "127.0.0.1:0".parse().unwrap();
            settings.allowed_origins = vec![url.parse().unwrap()];
            let running = server::start(settings).await.unwrap();
            let password = running.first_password.clone().unwrap();
            let api = Api { http: reqwest::Client::builder().cookie_store(true).build().unwrap(), base: running.url.to_string() };
            api.post("session", json!({ "username": "admin", "password": password })).await;
            let connection = api
                .post(
                    "connections",
                    json!({
                        "organization": "contoso",
                        "instance_url": url,
                        "sign_in": { "method": "personal_access_token", "token": emulator::seed::DEMO_PAT },
                    }),
                )
                .await;
            let id = connection["id"].as_str().unwrap().to_owned();
            api.post(
                "destinations",
                json!({
                    "connection_id": id, "binding": { "kind": "default" }, "project": "Webshop", "team": "Payments",
                    "work_item_type": "Bug", "daily_budget": 1000,
                }),
            )
            .await;
            api.patch(&format!("connections/{id}"), json!({ "mode": "paused" })).await;
            api.post("rules", json!({ "name": "All", "criteria": {}, "grouping": "per_finding" })).await;
            let findings: Vec<Value> = (0..ITEMS)
                .map(|n| json!({ "id": format!("RULE-{n}"), "title": format!("Weakness {n}"), "severity": "high", "path": "a.js", "start_line": n + 1 }))
                .collect();
            let report = json!({ "lockstep": 1, "scanner": { "name": "killtest" }, "findings": findings });
            api.post("imports?asset=shop", report).await;
            wait_for("the tickets", || async { api.get("tickets?limit=200").await["items"].as_array().map_or(0, Vec::len) == ITEMS }).await;
            running.stop().await;

            // Un-paused behind the server's back: the next process begins to create at once.
            let db = Db::open(&format!("sqlite:{}", data.join("lockstep.db").display())).await.unwrap();
            let mut tx = db.begin().await.unwrap();
            tx.execute("UPDATE connection SET mode = 'active', feed_due_at = 9000000000000000, sweep_due_at = 9000000000000000", args![]).await.unwrap();
            tx.execute("UPDATE ticket SET next_attempt_at = 0", args![]).await.unwrap();
            tx.commit().await.unwrap();
            db.close().await;
        });
    }

    /// A fresh copy of the beginning, and an empty board.
    fn begin(&self) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        copy(self.template.path(), folder.path());
        self.control("reset", None);
        folder
    }

    fn control(&self, path: &str, body: Option<Value>) -> Value {
        self.runtime.block_on(async {
            let url = format!("{}/_emulator/{path}", self.url());
            let request = self.http.post(url);
            let request = match body {
                Some(body) => request.json(&body),
                None => request,
            };
            let answer = request.send().await.unwrap();
            assert!(answer.status().is_success(), "{path}: {}", answer.status());
            answer.json().await.unwrap_or(Value::Null)
        })
    }

    fn fault(&self, creation: usize, action: Value) {
        let fault = json!({ "match": { "method": "POST", "path": "wit/\\$batch" }, "skip": creation, "times": 1, "action": action });
        self.control("faults", Some(fault));
    }

    /// Titles of all bugs on the board, with their number.
    fn bugs(&self) -> BTreeMap<String, usize> {
        self.board.as_ref().unwrap().with_state(|state| {
            let organization = &state.directory()[0];
            let person = organization.people[0].id;
            let ask = |state: &mut emulator::State, method: &str, path: &str, body: Value| {
                let request = emulator::Request::new(method, &format!("/contoso/{path}"))
                    .body("application/json", body.to_string());
                state.handle_as(chrono::Utc::now(), person, request).json()
            };
            let found = ask(
                state,
                "POST",
                "_apis/wit/wiql?api-version=7.1",
                json!({ "query": "SELECT [System.Id] FROM WorkItems" }),
            );
            let ids: Vec<i64> = found["workItems"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|item| item["id"].as_i64())
                .collect();
            let mut titles = BTreeMap::new();
            for ids in ids.chunks(200) {
                let body = json!({ "ids": ids, "fields": ["System.Title"] });
                let items = ask(state, "POST", "_apis/wit/workitemsbatch?api-version=7.1", body);
                for item in items["value"].as_array().into_iter().flatten() {
                    let title = item["fields"]["System.Title"].as_str().unwrap_or_default().to_owned();
                    *titles.entry(title).or_insert(0) += 1;
                }
            }
            titles
        })
    }

    /// Starts the process again and waits until every ticket is in step; then looks at the board.
    fn finish(&self, data: &Path, what: &str) {
        let url = self.url();
        let process = Process::start(data, &url, None, false);
        let db = self
            .runtime
            .block_on(Db::open(&format!("sqlite:{}", data.join("lockstep.db").display())))
            .unwrap();
        let begin = Instant::now();
        loop {
            let in_step = self.runtime.block_on(async {
                let mut tx = db.read().await.unwrap();
                tx.count(
                    "SELECT COUNT(*) AS n FROM ticket WHERE health = 'in_step' AND intent IS NULL",
                    args![],
                )
                .await
                .unwrap()
            });
            if in_step == ITEMS as u64 {
                break;
            }
            if begin.elapsed() > LIMIT {
                let log = process.kill().join("\n");
                panic!(
                    "{what}: only {in_step} tickets are in step, {} bugs on the board\n{log}",
                    self.bugs().len()
                );
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        self.runtime.block_on(db.close());
        process.kill();
        let bugs = self.bugs();
        let doubled: Vec<_> = bugs.iter().filter(|(_, number)| **number > 1).collect();
        assert!(doubled.is_empty(), "{what}: more than one work item for {doubled:?}");
        assert_eq!(bugs.len(), ITEMS, "{what}");
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        if let Some(board) = self.board.take() {
            let _ = self.runtime.block_on(board.stop());
        }
    }
}

struct Api {
    http: reqwest::Client,
    base: String,
}

impl Api {
    async fn send(&self, request: reqwest::RequestBuilder) -> Value {
        let answer = request.header("X-Lockstep", "1").send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "{status} {text}");
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    async fn get(&self, path: &str) -> Value {
        self.send(self.http.get(format!("{}api/v1/{path}", self.base))).await
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        self.send(self.http.post(format!("{}api/v1/{path}", self.base)).json(&body)).await
    }

    async fn patch(&self, path: &str, body: Value) -> Value {
        self.send(self.http.patch(format!("{}api/v1/{path}", self.base)).json(&body)).await
    }
}

async fn wait_for<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let begin = Instant::now();
    while !holds().await {
        assert!(begin.elapsed() < LIMIT, "waited too long for {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target: PathBuf = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// What is done to one run.
#[derive(Clone, Debug)]
enum Blow {
    /// Killed at the n-th place.
    KillAt(u64),
    /// The answer to the n-th request with creations is held back; killed meanwhile.
    Held(usize),
    /// The answer to the n-th request is lost, the creations are not; killed right after.
    Dropped(usize),
    /// The n-th request is applied only after the connection was cut; killed right after.
    Late(usize),
}

fn strike(bench: &Bench, blow: &Blow, hit: &Mutex<HashSet<String>>) {
    let folder = bench.begin();
    let data = folder.path();
    match blow {
        Blow::KillAt(place) => {
            let process = Process::start(data, &bench.url(), Some(*place), false);
            let begin = Instant::now();
            loop {
                match process.stderr.recv_timeout(Duration::from_millis(100)) {
                    Ok(line) if line.starts_with("halted at") => {
                        let name = line.splitn(4, ' ').nth(3).unwrap_or_default().to_owned();
                        hit.lock().unwrap().insert(name);
                        break;
                    }
                    // The number of places varies a little with timing; the last ones may not be reached.
                    _ if begin.elapsed() > Duration::from_secs(20) => break,
                    _ => {}
                }
            }
            process.kill();
        }
        Blow::Held(creation) | Blow::Dropped(creation) | Blow::Late(creation) => {
            let (action, name) = match blow {
                Blow::Held(_) => (json!({ "kind": "hold", "milliseconds": 800 }), "answer held back"),
                Blow::Dropped(_) => (json!({ "kind": "dropAfter" }), "answer dropped"),
                _ => (json!({ "kind": "applyLate", "milliseconds": 900 }), "applied late"),
            };
            bench.fault(*creation, action);
            let process = Process::start(data, &bench.url(), None, false);
            let begin = Instant::now();
            // Killed as soon as the fault has acted.
            loop {
                let faults = bench.runtime.block_on(async {
                    let answer =
                        bench.http.get(format!("{}/_emulator/faults", bench.url())).send().await.unwrap();
                    answer.text().await.unwrap()
                });
                if !faults.contains("batch") {
                    hit.lock().unwrap().insert(name.to_owned());
                    break;
                }
                assert!(begin.elapsed() < LIMIT, "{blow:?}: the fault did not act: {faults}");
                std::thread::sleep(Duration::from_millis(5));
            }
            process.kill();
        }
    }
    bench.finish(data, &format!("{blow:?}"));
}

#[test]
fn fifty_work_items_are_created_exactly_once_wherever_the_process_is_killed() {
    let first = Bench::new();
    // The places are enumerated by a run that is left alone.
    let folder = first.begin();
    let process = Process::start(folder.path(), &first.url(), None, true);
    let begin = Instant::now();
    while first.bugs().len() < ITEMS {
        assert!(
            begin.elapsed() < LIMIT,
            "the run that is left alone does not end: {}",
            process.kill().join("\n")
        );
        std::thread::sleep(Duration::from_millis(50));
    }
    std::thread::sleep(Duration::from_millis(500));
    let places = process.kill().iter().filter(|line| line.starts_with("reached ")).count() as u64;
    assert!(places >= 6, "only {places} places");
    first.finish(folder.path(), "left alone");

    let mut blows: Vec<Blow> = (1..=places).map(Blow::KillAt).collect();
    // All of them travel in one request.
    for creation in 0..1 {
        blows.extend([Blow::Held(creation), Blow::Dropped(creation), Blow::Late(creation)]);
    }
    let number = blows.len();
    println!("{places} places, {number} runs");
    let hit = Arc::new(Mutex::new(HashSet::new()));
    let next = Arc::new(AtomicUsize::new(0));
    let blows = Arc::new(blows);
    let workers: Vec<_> = (0..WORKERS)
        .map(|_| {
            let (hit, next, blows) = (hit.clone(), next.clone(), blows.clone());
            std::thread::spawn(move || {
                let bench = Bench::new();
                while let Some(blow) = blows.get(next.fetch_add(1, Ordering::SeqCst)).cloned() {
                    strike(&bench, &blow, &hit);
                }
            })
        })
        .collect();
    for worker in workers {
        if let Err(panic) = worker.join() {
            std::panic::resume_unwind(panic);
        }
    }
    let mut hit: Vec<String> = hit.lock().unwrap().iter().cloned().collect();
    hit.sort();
    println!("{number} runs in {} s, killed at: {}", begin.elapsed().as_secs(), hit.join(", "));
    for place in [
        "before commit",
        "after commit",
        "before create",
        "after create",
        "answer held back",
        "answer dropped",
        "applied late",
    ] {
        assert!(hit.iter().any(|name| name == place), "nobody was killed {place}");
    }
}
