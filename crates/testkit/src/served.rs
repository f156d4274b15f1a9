//! A whole engine against the emulator over real HTTP, on real time: for what has to be counted or measured.

use std::sync::Arc;

use azure::{AddressPolicy, Clock as _, HttpTransport, SystemClock, Transport as _};
use chrono::Duration;
use emulator::seed::DEMO_PAT;
use emulator::{Counters, Family, HookKnobs, LogEntry, Options, Running};
use engine::{
    Actor, Engine, HookAnswer, ImportRequest, NewConnection, NewDestination, OsChance, Settings,
    SignInMethod, World,
};
use model::map::{SeverityMap, StatusMap};
use model::rule::{Criteria, RuleSettings};
use model::{ConnectionId, DestinationId, FindingId, Severity, Status};
use secrecy::SecretString;
use serde_json::{Value, json};
use store::args;
use store::secrets::Keys;
use store::tickets::Ticket;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use uuid::Uuid;

use crate::{Report, TestDatabase};

/// An engine, its database, and an emulator that listens.
pub struct Served {
    /// The engine; nothing runs by itself before [`Engine::start`].
    pub engine: Engine,
    /// The board.
    pub emulator: Running,
    /// The connection to it.
    pub connection: ConnectionId,
    /// The default destination: bugs of the team Payments.
    pub destination: DestinationId,
    settings: store::destinations::Settings,
    database: TestDatabase,
    folder: tempfile::TempDir,
    receiver: tokio::task::JoinHandle<()>,
}

fn by(name: &str) -> Actor {
    Actor { name: name.into() }
}

impl Served {
    /// Connects an empty board. `lane` and `map` say where cards belong; both may be empty. The usual settings are
    /// changed by `set`.
    pub async fn begin(lane: &str, map: StatusMap, set: impl FnOnce(&mut Settings)) -> Self {
        let options = Options { allow_local_hooks: true, ..Options::default() };
        let emulator = emulator::start(options).await.unwrap();
        // What the demo's board makes a delivery wait is not what is measured here.
        emulator.with_state(|state| state.set_hook_knobs("contoso", HookKnobs::default()));
        let board: url::Url = emulator.base_url.parse().unwrap();
        let database = TestDatabase::sqlite().await;
        let folder = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let public = format!("http://{}/", listener.local_addr().unwrap());
        let mut settings = Settings::new(folder.path().to_owned(), public.parse().unwrap());
        settings.allowed_origins = vec![board.clone()];
        set(&mut settings);
        let policy = AddressPolicy::public_only().allowing(&board);
        let transport = HttpTransport::new(policy, Arc::new(SystemClock)).unwrap();
        let world = World::new(Arc::new(SystemClock), Arc::new(OsChance));
        let engine = Engine::assemble(
            settings,
            database.db.clone(),
            Keys::new([7; 32]),
            world,
            Arc::new(transport),
            Uuid::from_u128(1),
        );
        let receiver = tokio::spawn(receive_hooks(listener, engine.clone()));
        let new = NewConnection {
            name: String::new(),
            description: String::new(),
            instance_url: emulator.base_url.clone(),
            organization: "contoso".into(),
            sign_in: SignInMethod::PersonalAccessToken(SecretString::from(DEMO_PAT)),
        };
        let connection = engine.create_connection(new, &by("Ada")).await.unwrap();
        let settings = store::destinations::Settings {
            name: String::new(),
            project: "Webshop".into(),
            team: "Payments".into(),
            board: String::new(),
            lane: lane.into(),
            work_item_type: "Bug".into(),
            area: String::new(),
            iteration: Default::default(),
            tags: Vec::new(),
            severity_map: SeverityMap::default(),
            status_map: map,
            daily_budget: 100_000,
            fields: Default::default(),
            limits: model::guard::Limits {
                creations_at_once: 100_000,
                moves_at_once: 100_000,
                ..Default::default()
            },
            when_archived: Default::default(),
            on_deletion: Default::default(),
        };
        let new = NewDestination {
            connection_id: connection,
            binding: Default::default(),
            settings: settings.clone(),
        };
        let destination = engine.create_destination(new, &by("Ada")).await.unwrap();
        let rule = RuleSettings::new("Everything", Criteria::severity_at_least(Severity::Low));
        engine.create_rule(rule, &by("Ada")).await.unwrap();
        Self { engine, emulator, connection, destination, settings, database, folder, receiver }
    }

    /// Takes in a report with so many weaknesses, numbered from 0; carries out nothing but the import and the rules.
    pub async fn scan(&self, weaknesses: usize) {
        let found: Vec<Value> =
            (0..weaknesses).map(|number| crate::weakness(&format!("w{number}"), "a.js", 1)).collect();
        let path = self.folder.path().join(Uuid::new_v4().to_string());
        std::fs::write(&path, Report::of(SystemClock.now(), &found).bytes()).unwrap();
        let request = ImportRequest { asset: "webshop".into(), ..ImportRequest::default() };
        self.engine.submit_import(request, path, &by("pipeline")).await.unwrap();
        while self.engine.run_next_job().await.unwrap() {}
    }

    /// Gives every work item of the destination another tag.
    pub async fn tag_everything(&mut self, tag: &str) {
        self.settings.tags = vec![tag.into()];
        let settings = self.settings.clone();
        let new = NewDestination { connection_id: self.connection, binding: Default::default(), settings };
        self.engine.change_destination(self.destination, new, &by("Ada")).await.unwrap();
    }

    /// Asks for a comparison of every live ticket with the board, and carries it out.
    pub async fn sweep(&self) {
        self.engine.request_reconcile(None, true, &by("Ada")).await.unwrap();
        while self.engine.run_next_job().await.unwrap() {}
    }

    /// Subscribes to the hooks of the board.
    pub async fn subscribe(&self) {
        self.engine.subscribe_hooks(self.connection, &by("Ada")).await.unwrap();
    }

    /// All tickets, oldest first.
    pub async fn tickets(&self) -> Vec<Ticket> {
        let mut tx = self.database.db.read().await.unwrap();
        let ids = tx.all("SELECT id FROM ticket ORDER BY created_at, id", args![]).await.unwrap();
        let mut tickets = Vec::with_capacity(ids.len());
        for row in ids {
            tickets.push(store::tickets::get(&mut tx, row.id("id").unwrap()).await.unwrap().unwrap());
        }
        tickets
    }

    /// The finding of a ticket.
    pub async fn finding_of(&self, ticket: &Ticket) -> FindingId {
        let mut tx = self.database.db.read().await.unwrap();
        store::findings::of_ticket(&mut tx, ticket.id).await.unwrap()[0].id
    }

    /// What a finding says now.
    pub async fn status_of(&self, finding: FindingId) -> Status {
        let mut tx = self.database.db.read().await.unwrap();
        store::findings::get(&mut tx, finding).await.unwrap().unwrap().status
    }

    /// A person moves a card.
    pub fn move_card(&self, id: i64, state: &str) {
        self.emulator.with_state(|board| {
            let person = board.directory()[0].people[0].id;
            let patch = json!([{ "op": "replace", "path": "/fields/System.State", "value": state }]);
            let path = format!("/contoso/_apis/wit/workitems/{id}?api-version=7.1");
            let request =
                emulator::Request::new("PATCH", &path).body("application/json-patch+json", patch.to_string());
            let answer = board.handle_as(SystemClock.now(), person, request);
            assert_eq!(answer.status, 200, "{}", answer.json());
        });
    }

    /// Numbers of all work items on the board.
    pub fn work_items(&self) -> Vec<i64> {
        self.emulator.with_state(|board| {
            let person = board.directory()[0].people[0].id;
            let query = json!({ "query": "SELECT [System.Id] FROM WorkItems ORDER BY [System.Id]" });
            let request = emulator::Request::new("POST", "/contoso/_apis/wit/wiql?api-version=7.1")
                .body("application/json", query.to_string());
            let answer = board.handle_as(SystemClock.now(), person, request).json();
            answer["workItems"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|item| item["id"].as_i64())
                .collect()
        })
    }

    /// The next request whose path matches meets a fault of the emulator (see its control API).
    pub async fn fault(&self, path: &str, kind: &str) {
        let fault = json!({ "match": { "path": path }, "times": 1, "action": { "kind": kind } });
        let url: url::Url = format!("{}/_emulator/faults", self.emulator.base_url).parse().unwrap();
        let policy = AddressPolicy::public_only().allowing(&url);
        let mut headers = http::HeaderMap::new();
        headers.insert("content-type", http::HeaderValue::from_static("application/json"));
        let request = azure::Request {
            method: http::Method::POST,
            url,
            headers,
            body: fault.to_string().into(),
            deadline: SystemClock.now() + Duration::seconds(10),
        };
        let transport = HttpTransport::new(policy, Arc::new(SystemClock)).unwrap();
        let answer = transport.send(request).await.unwrap();
        assert!(answer.status.is_success(), "{}", answer.status);
    }

    /// What the board has been asked since the `since`-th request, and the number of the last.
    pub fn asked(&self, since: u64) -> (Vec<LogEntry>, u64) {
        self.emulator.with_state(|board| {
            let entries = board.log(since).to_vec();
            let last = entries.last().map_or(since, |entry| entry.seq);
            (entries, last)
        })
    }

    /// All counters of the board.
    pub fn counters(&self) -> Counters {
        self.emulator.with_state(|board| board.counters())
    }

    /// Stops everything.
    pub async fn end(self) {
        self.engine.stop().await;
        self.receiver.abort();
        self.emulator.stop().await.unwrap();
    }
}

/// How many of the requests were of a family.
pub fn of_family(entries: &[LogEntry], family: Family) -> usize {
    entries.iter().filter(|entry| entry.family == family).count()
}

/// Takes in the deliveries of hooks: as much of HTTP as the emulator's client speaks.
async fn receive_hooks(listener: TcpListener, engine: Engine) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(receive(stream, engine.clone()));
    }
}

async fn receive(mut stream: TcpStream, engine: Engine) -> Option<()> {
    let mut read = Vec::new();
    loop {
        let (head, length) = loop {
            if let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n") {
                let head = String::from_utf8_lossy(&read[..end]).into_owned();
                let value = |name: &str| {
                    head.lines().find_map(|line| {
                        let (key, value) = line.split_once(':')?;
                        key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
                    })
                };
                let length: usize = value("content-length")?.parse().ok()?;
                if read.len() >= end + 4 + length {
                    let authorization = value("authorization");
                    break ((head.clone(), authorization, end + 4), length);
                }
            }
            if stream.read_buf(&mut read).await.ok()? == 0 {
                return None;
            }
        };
        let (head, authorization, start) = head;
        let body: Vec<u8> = read[start..start + length].to_vec();
        read.drain(..start + length);
        let secret = head.split_whitespace().nth(1)?.rsplit('/').next()?.to_owned();
        let answer = engine.receive_hook(&secret, authorization.as_deref(), &body).await.ok()?;
        let status = if answer == HookAnswer::Accepted { "200 OK" } else { "404 Not Found" };
        let text = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
        stream.write_all(text.as_bytes()).await.ok()?;
    }
}
