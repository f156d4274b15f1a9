//! The emulator as a value in this process, with faults, and the people who work on its board.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use azure::{Clock, Request, Response, Transport, TransportError};
use bytes::Bytes;
use chrono::Duration;
use emulator::seed::{ProcessKind, ProjectSeed, Seed};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::exchange::Spoilt;
use crate::{HandClock, exchange};

/// What happens to one write instead of a plain answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// None: it is carried out as ever.
    Nothing,
    /// It is lost on the way there.
    LostBefore,
    /// It is applied; the answer is lost.
    LostAfter,
    /// The connection is cut; it is applied so much later.
    AppliedLater(Duration),
    /// It is refused with this status and nothing is applied.
    Answered(u16),
    /// Of a request with many writes, the first is refused with this status; the others are applied.
    FirstAnswered(u16),
    /// It is applied; an automation of the board puts the card back to New before the answer.
    PutBack,
}

/// The board of a story.
pub struct Board {
    state: Mutex<emulator::State>,
    clock: Arc<HandClock>,
    faults: Mutex<VecDeque<Fault>>,
    late: Mutex<Vec<(chrono::DateTime<chrono::Utc>, emulator::Request)>>,
    unreachable: Mutex<bool>,
    rejecting: Mutex<bool>,
    /// The next call of this kind stands still.
    stop_at: Mutex<Option<Halt>>,
    amendments: Mutex<Vec<Amendment>>,
    stands: Notify,
    goes_on: Notify,
}

/// Part of an address, and how what is read there is changed.
type Amendment = (String, Box<dyn Fn(&mut Value) + Send + Sync>);

/// Where a call stands still until it is let go: a process that is frozen for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Halt {
    /// A read of work items, after the board has answered.
    AfterRead,
    /// A read of the comments of a work item, after the board has answered.
    AfterComments,
    /// A write, before it leaves.
    BeforeWrite,
    /// A write, after the board has carried it out.
    AfterWrite,
}

/// The organization, project and team of the demo.
const ORGANIZATION: &str = "contoso";

/// The other project of a story's organization, with the Scrum process.
pub const OTHER_PROJECT: &str = "Backoffice";

/// Sign-in name of Lockstep's own identity.
const OURSELVES: &str = "service@contoso.example";

impl Board {
    /// The demo's board.
    pub fn demo(clock: Arc<HandClock>) -> Self {
        let mut seed = Seed::demo();
        // Somewhere else to take work items to, with another workflow.
        seed.organizations[0].projects.push(ProjectSeed::new(OTHER_PROJECT, ProcessKind::Scrum));
        let mut state = emulator::State::new(&seed, clock.now());
        state.set_base_url("https://boards.example");
        state.set_allow_local_hooks(true);
        Self {
            state: Mutex::new(state),
            clock,
            faults: Mutex::default(),
            late: Mutex::default(),
            unreachable: Mutex::default(),
            rejecting: Mutex::default(),
            stop_at: Mutex::default(),
            amendments: Mutex::default(),
            stands: Notify::new(),
            goes_on: Notify::new(),
        }
    }

    /// Looks at the service behind the board, or changes it, as its own administrators would.
    pub fn with_state<T>(&self, act: impl FnOnce(&mut emulator::State) -> T) -> T {
        act(&mut self.state.lock().unwrap())
    }

    /// The next call of this kind stands still.
    pub fn halt_next(&self, halt: Halt) {
        *self.stop_at.lock().unwrap() = Some(halt);
    }

    /// Waits until a call stands still.
    pub async fn stands_still(&self) {
        tokio::time::timeout(std::time::Duration::from_secs(20), self.stands.notified())
            .await
            .expect("a call stands still");
    }

    /// Lets the call that stands still go on.
    pub fn let_go(&self) {
        self.goes_on.notify_one();
    }

    async fn halt(&self, here: Halt) {
        let stops = self.stop_at.lock().unwrap().take_if(|halt| *halt == here).is_some();
        if stops {
            self.stands.notify_one();
            self.goes_on.notified().await;
        }
    }

    /// The next writes meet these faults, one each.
    pub fn fail_writes(&self, faults: impl IntoIterator<Item = Fault>) {
        self.faults.lock().unwrap().extend(faults);
    }

    /// Nobody answers, or everybody does again.
    pub fn set_unreachable(&self, unreachable: bool) {
        *self.unreachable.lock().unwrap() = unreachable;
    }

    /// Our credential was revoked, or is accepted again.
    pub fn reject_sign_ins(&self, rejected: bool) {
        *self.rejecting.lock().unwrap() = rejected;
    }

    /// Applies what was held back and is due.
    fn apply_late(&self) {
        let now = self.clock.now();
        let due: Vec<_> = {
            let mut late = self.late.lock().unwrap();
            let (due, waiting) = late.drain(..).partition(|(at, _)| *at <= now);
            *late = waiting;
            due
        };
        for (_, request) in due {
            self.state.lock().unwrap().handle(now, request);
        }
    }

    /// How many writes of Lockstep the board has carried out.
    pub fn writes(&self) -> u64 {
        self.apply_late();
        self.state.lock().unwrap().counters().writes
    }

    /// How many requests the board has seen.
    pub fn requests(&self) -> u64 {
        self.state.lock().unwrap().counters().requests
    }

    /// Something a person does on the board, by all of its rules.
    pub fn act(&self, method: &str, path: &str, content_type: &str, body: &Value) -> Value {
        self.act_as(0, method, path, content_type, body)
    }

    /// The same, as the person at a place of the directory.
    ///
    /// # Panics
    /// If the emulator refuses, or nobody is there.
    pub fn act_as(&self, place: usize, method: &str, path: &str, content_type: &str, body: &Value) -> Value {
        self.apply_late();
        let mut state = self.state.lock().unwrap();
        let person = state
            .directory()
            .into_iter()
            .flat_map(|organization| organization.people)
            .nth(place)
            .expect("the demo has so many people")
            .id;
        let request = emulator::Request::new(method, &format!("/{ORGANIZATION}/{path}"))
            .body(content_type, body.to_string());
        let answer = state.handle_as(self.clock.now(), person, request);
        assert!((200..300).contains(&answer.status), "{method} {path}: {} {}", answer.status, answer.json());
        answer.json()
    }

    /// From now on what is read at addresses with `part` in them reads differently: the process of a project changed in a
    /// way that the local Azure DevOps does not know.
    pub fn amend(&self, part: &str, how: impl Fn(&mut Value) + Send + Sync + 'static) {
        self.amendments.lock().unwrap().push((part.to_lowercase(), Box::new(how)));
    }

    /// Everything reads again as it is.
    pub fn amend_nothing(&self) {
        self.amendments.lock().unwrap().clear();
    }

    /// A person changes fields of a work item.
    pub fn edit(&self, id: i64, fields: &[(&str, Value)]) -> Value {
        let patch: Vec<Value> = fields
            .iter()
            .map(
                |(name, value)| json!({ "op": "replace", "path": format!("/fields/{name}"), "value": value }),
            )
            .collect();
        self.act(
            "PATCH",
            &format!("_apis/wit/workitems/{id}?api-version=7.1"),
            "application/json-patch+json",
            &Value::Array(patch),
        )
    }

    /// A person moves a card to a state.
    pub fn move_card(&self, id: i64, state: &str) {
        self.edit(id, &[("System.State", state.into())]);
    }

    /// A person deletes a work item.
    pub fn delete(&self, id: i64) {
        self.act(
            "DELETE",
            &format!("Webshop/_apis/wit/workitems/{id}?api-version=7.1"),
            "application/json",
            &Value::Null,
        );
    }

    /// A person deletes a work item for good.
    pub fn destroy(&self, id: i64) {
        self.act(
            "DELETE",
            &format!("Webshop/_apis/wit/workitems/{id}?destroy=true&api-version=7.1"),
            "application/json",
            &Value::Null,
        );
    }

    /// A person empties the recycle bin of one work item.
    pub fn destroy_recycled(&self, id: i64) {
        let path = format!("/{ORGANIZATION}/Webshop/_apis/wit/recyclebin/{id}?api-version=7.1");
        let mut state = self.state.lock().unwrap();
        let person = state.directory().remove(0).people.remove(0).id;
        let answer = state.handle_as(self.clock.now(), person, emulator::Request::new("DELETE", &path));
        assert_eq!(answer.status, 204);
    }

    /// A person moves a work item to another project, in a state that both have.
    pub fn move_to_project(&self, id: i64, project: &str) {
        self.edit(
            id,
            &[
                ("System.TeamProject", project.into()),
                ("System.AreaPath", project.into()),
                ("System.IterationPath", project.into()),
            ],
        );
    }

    /// A person copies a work item with everything that tools copy: our block, our tag and our link.
    pub fn copy(&self, id: i64) -> i64 {
        let path = format!("_apis/wit/workitems/{id}?$expand=relations&api-version=7.1");
        let item = self.act("GET", &path, "application/json", &Value::Null);
        let mut patch = Vec::new();
        for field in ["System.Title", "Microsoft.VSTS.TCM.ReproSteps", "System.Tags", "System.AreaPath"] {
            let value = &item["fields"][field];
            patch.push(json!({ "op": "add", "path": format!("/fields/{field}"), "value": value }));
        }
        for link in item["relations"].as_array().into_iter().flatten() {
            let value = json!({ "rel": link["rel"], "url": link["url"], "attributes": { "comment": link["attributes"]["comment"] } });
            patch.push(json!({ "op": "add", "path": "/relations/-", "value": value }));
        }
        self.make(&Value::Array(patch))
    }

    /// A person makes a bug of the team Payments.
    pub fn bug(&self, title: &str) -> i64 {
        let set = |field: &str, value: &str| json!({ "op": "add", "path": format!("/fields/{field}"), "value": value });
        self.make(&json!([set("System.Title", title), set("System.AreaPath", "Webshop\\Payments")]))
    }

    fn make(&self, patch: &Value) -> i64 {
        let path = "Webshop/_apis/wit/workitems/$Bug?api-version=7.1";
        let made = self.act("POST", path, "application/json-patch+json", patch);
        made["id"].as_i64().expect("a new work item has a number")
    }

    /// A person closes a work item as a duplicate of another one.
    pub fn merge_into(&self, id: i64, into: i64) {
        let url = format!("https://boards.example/contoso/_apis/wit/workItems/{into}");
        let link = json!({ "rel": "System.LinkTypes.Duplicate-Reverse", "url": url });
        self.act(
            "PATCH",
            &format!("_apis/wit/workitems/{id}?api-version=7.1"),
            "application/json-patch+json",
            &json!([
                { "op": "add", "path": "/relations/-", "value": link },
                { "op": "add", "path": "/fields/System.State", "value": "Closed" },
            ]),
        );
    }

    /// Lockstep may not see the work items of an area any more, or may again.
    pub fn hide_area(&self, area: &str, hidden: bool) {
        let change = emulator::AreaChange { member: OURSELVES.into(), area: area.into(), hidden };
        assert!(self.state.lock().unwrap().change_area(ORGANIZATION, &change));
    }

    /// Who asks may read the feed of one project at a time only, or that of the organization again.
    pub fn forbid_feed_of_organization(&self, forbidden: bool) {
        let change =
            emulator::OrganizationChange { project_feeds_only: Some(forbidden), ..Default::default() };
        let now = self.clock.now();
        assert!(self.state.lock().unwrap().change_organization(ORGANIZATION, &change, now));
    }

    /// Long text, tags and links of a work item.
    pub fn marks(&self, id: i64) -> (String, String, usize) {
        let path = format!("_apis/wit/workitems/{id}?$expand=relations&api-version=7.1");
        let item = self.act("GET", &path, "application/json", &Value::Null);
        let text = |name: &str| item["fields"][name].as_str().unwrap_or_default().to_owned();
        let links = item["relations"].as_array().map_or(0, Vec::len);
        (text("Microsoft.VSTS.TCM.ReproSteps"), text("System.Tags"), links)
    }

    /// A person restores a work item.
    pub fn restore(&self, id: i64) {
        self.act(
            "PATCH",
            &format!("Webshop/_apis/wit/recyclebin/{id}?api-version=7.1"),
            "application/json",
            &json!({ "isDeleted": false }),
        );
    }

    /// Fields of a work item.
    pub fn fields(&self, id: i64) -> Value {
        self.act(
            "GET",
            &format!("_apis/wit/workitems/{id}?api-version=7.1"),
            "application/json",
            &Value::Null,
        )["fields"]
            .clone()
    }

    /// State of a work item.
    pub fn state_of(&self, id: i64) -> String {
        self.fields(id)["System.State"].as_str().unwrap_or_default().to_owned()
    }

    /// Comments of a work item, oldest first.
    pub fn comments(&self, id: i64) -> Vec<String> {
        let path = format!("Webshop/_apis/wit/workItems/{id}/comments?api-version=7.1-preview.4&order=asc");
        self.act("GET", &path, "application/json", &Value::Null)["comments"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|comment| comment["text"].as_str().map(str::to_owned))
            .collect()
    }

    /// Numbers of all work items of the organization.
    pub fn work_items(&self) -> Vec<i64> {
        let query = json!({ "query": "SELECT [System.Id] FROM WorkItems ORDER BY [System.Id]" });
        self.act("POST", "_apis/wit/wiql?api-version=7.1", "application/json", &query)["workItems"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|item| item["id"].as_i64())
            .collect()
    }

    /// Deliveries of service hooks that are due: address, authorization and body. They count as taken in.
    pub fn deliveries(&self) -> Vec<(String, Option<String>, String)> {
        self.deliveries_answered(200)
    }

    /// The same, but the receiver answered with this status, as the service sees it.
    pub fn deliveries_answered(&self, status: u16) -> Vec<(String, Option<String>, String)> {
        let now = self.clock.now();
        let mut state = self.state.lock().unwrap();
        let due = state.take_due_deliveries(now);
        for delivery in &due {
            state.delivery_finished(delivery.id, &emulator::DeliveryOutcome::Answered(status), now);
        }
        due.into_iter()
            .map(|delivery| {
                let authorization = delivery
                    .headers
                    .iter()
                    .find(|(name, _)| name.eq_ignore_ascii_case("authorization"))
                    .map(|(_, value)| value.clone());
                (delivery.url, authorization, delivery.body)
            })
            .collect()
    }
}

#[async_trait]
impl Transport for Board {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let path = request.url.path().to_ascii_lowercase();
        let is_write = exchange::is_write(&request);
        let reads_items = path.ends_with("workitemsbatch");
        if is_write {
            self.halt(Halt::BeforeWrite).await;
        }
        self.apply_late();
        let now = self.clock.now();
        if now >= request.deadline {
            return Err(TransportError::NotSent("it was too late".into()));
        }
        if *self.unreachable.lock().unwrap() {
            return Err(TransportError::NotSent("nobody listens there".into()));
        }
        if *self.rejecting.lock().unwrap() {
            // What a revoked token gets (azure-devops.md section 4).
            let (status, body) = (StatusCode::UNAUTHORIZED, Bytes::new());
            return Ok(Response { status, headers: HeaderMap::new(), body });
        }
        let asked = exchange::asked(&request);
        let fault = if is_write { self.faults.lock().unwrap().pop_front() } else { None };
        let lost = || TransportError::NoAnswer("the connection was cut".into());
        match fault {
            Some(Fault::LostBefore) => return Err(lost()),
            Some(Fault::AppliedLater(after)) => {
                self.late.lock().unwrap().push((now + after, asked));
                return Err(lost());
            }
            Some(Fault::Answered(status)) => {
                let status = StatusCode::from_u16(status).unwrap();
                return Ok(Response { status, headers: HeaderMap::new(), body: Bytes::new() });
            }
            Some(Fault::FirstAnswered(code)) => {
                let first = Spoilt { place: 0, code, is_carried_out: false };
                let carry_out = |request| self.state.lock().unwrap().handle(now, request);
                return Ok(exchange::answered(exchange::carry_out_in_part(asked, &[first], carry_out)));
            }
            Some(Fault::Nothing | Fault::LostAfter | Fault::PutBack) | None => {}
        }
        let mut answer = self.state.lock().unwrap().handle(now, asked);
        if fault == Some(Fault::PutBack) {
            let id = answer.json()["id"].as_i64().expect("a work item was written");
            answer.body = self.edit(id, &[("System.State", "New".into())]).to_string().into_bytes();
        }
        for (part, how) in &*self.amendments.lock().unwrap() {
            if !is_write && path.contains(part) && answer.status == 200 {
                let mut body = answer.json();
                how(&mut body);
                answer.body = body.to_string().into_bytes();
            }
        }
        if is_write {
            self.halt(Halt::AfterWrite).await;
        } else if reads_items {
            self.halt(Halt::AfterRead).await;
        } else if path.ends_with("/comments") {
            self.halt(Halt::AfterComments).await;
        }
        if fault == Some(Fault::LostAfter) {
            return Err(lost());
        }
        Ok(exchange::answered(answer))
    }
}
