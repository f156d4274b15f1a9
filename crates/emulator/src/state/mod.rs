//! The emulated service as a value: requests go in, answers and due deliveries come out.
//!
//! Promises: no I/O, no clock, no async and no randomness of the system. The same seed and the same requests
//! at the same times give the same answers, byte for byte. Left to others: sockets, waiting, delivering hooks
//! and faults (`http`).

mod access;
mod areas;
mod attachments;
mod batch;
mod boards;
mod build;
mod call;
mod classification;
mod comments;
mod controls;
mod core;
mod definitions;
mod draft;
mod edition;
mod enumerations;
mod errors;
mod feed;
mod graph;
mod hooks;
mod html;
mod identities;
mod items;
mod iterations;
mod journal;
mod links;
mod locations;
mod model;
mod patch;
mod picklists;
mod projects;
mod queries;
mod recycle;
mod render;
mod router;
mod rules;
mod save;
mod server;
mod teams;
mod version;
mod wiql;

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use self::call::{decode, encode};
pub use self::{
    access::{
        ApplicationChange, AreaChange, MemberChange, NewPat, OrganizationChange, RefreshEnd, SignInChange,
    },
    controls::ApplicationView,
    graph::GraphChange,
    hooks::{Delivery, DeliveryId, DeliveryOutcome, HookKnobs},
    journal::{Counters, Family, LogEntry},
};
use self::{
    access::{Caller, Entra, Place, Refusal, Scopes, Standing},
    call::{Reply, World},
    errors::ApiError,
    journal::Journal,
    locations::Level,
    model::Organization,
    version::Version,
};
pub(crate) use self::{
    access::{is_known_code, rate_headers, throttled},
    graph::throttled as graph_throttled,
};
use crate::seed::Seed;

/// An HTTP request without the transport.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// Upper-case method.
    pub method: String,
    /// Path as sent, still percent-encoded, with the leading slash.
    pub path: String,
    /// Query as sent, without the question mark.
    pub query: String,
    /// Header names and values; names are compared without case.
    pub headers: Vec<(String, String)>,
    /// Body bytes.
    pub body: Vec<u8>,
}

impl Request {
    /// A request from a method and a path that may carry a query.
    pub fn new(method: &str, target: &str) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        Self { method: method.into(), path: path.into(), query: query.into(), ..Self::default() }
    }

    /// The same request with one more header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// The same request with a body and its content type.
    pub fn body(self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { body: body.into(), ..self }.header("Content-Type", content_type)
    }

    /// The first value of a header.
    pub fn header_value(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }
}

/// An HTTP answer without the transport.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// Status code.
    pub status: u16,
    /// Header names and values.
    pub headers: Vec<(String, String)>,
    /// Body bytes.
    pub body: Vec<u8>,
}

impl Response {
    /// The first value of a header.
    pub fn header_value(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    /// How long the service held the answer back before it sent it (`X-RateLimit-Delay`). The state is not
    /// asynchronous: whoever carries the answer waits.
    pub fn held(&self) -> std::time::Duration {
        let seconds = self.header_value("X-RateLimit-Delay").and_then(|v| v.parse::<f64>().ok());
        std::time::Duration::try_from_secs_f64(seconds.unwrap_or_default()).unwrap_or_default()
    }

    /// The body as JSON; null when it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// Makes GUIDs from the seed's number and a counter.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Ids {
    number: u64,
    used: u64,
}

impl Ids {
    pub(crate) fn guid(&mut self) -> Uuid {
        self.used += 1;
        let high = mix(self.number.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ self.used);
        let low = mix(high ^ self.used.rotate_left(32));
        uuid::Builder::from_random_bytes((u128::from(high) << 64 | u128::from(low)).to_be_bytes()).into_uuid()
    }

    /// A word for secrets that are handed out, such as access tokens.
    pub(crate) fn word(&mut self) -> String {
        self.guid().simple().to_string()
    }
}

fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

/// The whole emulated service.
#[derive(Debug, Serialize, Deserialize)]
pub struct State {
    base_url: String,
    allow_local_hooks: bool,
    ids: Ids,
    /// By lower-case name.
    organizations: BTreeMap<String, Organization>,
    #[serde(default)]
    entra: Entra,
    #[serde(default)]
    graph: graph::Graph,
    /// Added to every time that comes in.
    clock_offset_ms: i64,
    journal: Journal,
    /// Counts changes, so that a caller can tell whether saving is needed.
    changes: u64,
}

impl State {
    /// Builds the state a seed describes. `now` dates everything that the seed makes.
    pub fn new(seed: &Seed, now: DateTime<Utc>) -> Self {
        build::state(seed, now)
    }

    /// Sets `scheme://host[:port]`, the start of all links; the service's own address unless set.
    pub fn set_base_url(&mut self, base_url: &str) {
        base_url.trim_end_matches('/').clone_into(&mut self.base_url);
    }

    /// Lets hooks go to this machine and over plain http with basic authentication, which the service refuses.
    pub fn set_allow_local_hooks(&mut self, allow: bool) {
        self.allow_local_hooks = allow;
    }

    /// Moves the emulator's clock forward (or back) against the times given from now on.
    pub fn advance(&mut self, by: TimeDelta) {
        self.clock_offset_ms += by.num_milliseconds();
    }

    /// The emulator's time at a moment of the caller's clock.
    pub fn time(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        now + TimeDelta::milliseconds(self.clock_offset_ms)
    }

    /// Grows whenever anything but the log changed.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// The log of API requests.
    pub fn log(&self, since: u64) -> &[LogEntry] {
        self.journal.since(since)
    }

    /// Requests by route family and the number of writes.
    pub fn counters(&self) -> Counters {
        self.journal.counters()
    }

    /// Notes a request that never reached the service, such as one that a fault swallowed.
    pub fn log_unapplied(&mut self, now: DateTime<Utc>, request: &Request, status: u16) {
        let now = self.time(now);
        let organization = organization_of(request);
        self.journal.record(now, request, organization, status, false, &[]);
    }

    /// Answers a request and remembers it in the log.
    pub fn handle(&mut self, now: DateTime<Utc>, request: Request) -> Response {
        self.answer(now, &request, None)
    }

    /// Answers a request as one of the organization's identities, whatever credential it carries: the way of
    /// the board page. All rules apply as they would for that person. It is not in the log, which shows what
    /// clients do.
    pub fn handle_as(&mut self, now: DateTime<Utc>, identity: Uuid, request: Request) -> Response {
        self.answer(now, &request, Some(identity))
    }

    fn answer(&mut self, now: DateTime<Utc>, request: &Request, as_identity: Option<Uuid>) -> Response {
        let now = self.time(now);
        let mut noted = Noted::default();
        let mut response = self.route(now, request, as_identity, &mut noted);
        if noted.wrote {
            self.changes += 1;
        }
        // All three are one id in recordings, unless the client has named its session.
        let activity = self.ids.guid().to_string();
        let session = request.header_value("x-tfs-session").unwrap_or(&activity).to_owned();
        response.headers.push(("X-TFS-Session".into(), session));
        response.headers.push(("X-VSS-E2EID".into(), activity.clone()));
        response.headers.push(("ActivityId".into(), activity));
        if as_identity.is_none() {
            let organization = organization_of(request);
            self.journal.record(now, request, organization, response.status, noted.wrote, &noted.touched);
        }
        response
    }

    fn route(
        &mut self,
        now: DateTime<Utc>,
        request: &Request,
        as_identity: Option<Uuid>,
        noted: &mut Noted,
    ) -> Response {
        let segments: Vec<String> = request.path.split('/').filter(|s| !s.is_empty()).map(decode).collect();
        if let Some(response) = access::outside(self, now, &segments, request) {
            return response;
        }
        // Server installations have `/tfs/{collection}`, the service other hosts for identities and members.
        let segments = match segments.split_first() {
            Some((first, rest)) if is_prefix(first) => rest,
            _ => segments.as_slice(),
        };
        if let [apis, rest @ ..] = segments
            && apis.eq_ignore_ascii_case("_apis")
            && let Some(response) = areas::beside_organizations(self, request, rest)
        {
            return response;
        }
        let Some((name, rest)) = segments.split_first() else {
            return plain_error(&ApiError::no_controller(&request.path));
        };
        let Some(mut organization) = self.organizations.remove(&name.to_lowercase()) else {
            // What the service answers here is not known for certain: the reading is that of a bad sign-in.
            let place = Place { base_url: &self.base_url, organization: name, tenant: Uuid::nil() };
            return Refusal::SignIn.answer(&place, request);
        };
        let response = match server::refuse(organization.edition, request) {
            Some(refused) if as_identity.is_none() => refused,
            _ => self.in_organization(now, request, as_identity, rest, &mut organization, noted),
        };
        let response = server::adapted(organization.edition, response, &self.base_url);
        self.organizations.insert(name.to_lowercase(), organization);
        response
    }

    fn in_organization(
        &mut self,
        now: DateTime<Utc>,
        request: &Request,
        as_identity: Option<Uuid>,
        segments: &[String],
        organization: &mut Organization,
        noted: &mut Noted,
    ) -> Response {
        organization.settle(now);
        if organization.stopped {
            return plain_error(&ApiError::stopped(&organization.name));
        }
        let caller = match as_identity {
            Some(id) if organization.identities.iter().any(|i| i.id == id) => {
                Ok(Caller { identity: id, scopes: Scopes::Everything })
            }
            Some(_) => Err(Refusal::SignIn),
            None => access::authenticate(&self.entra, organization, request, now),
        };
        let refuse = |refusal: &Refusal, organization: &Organization| {
            let place = Place {
                base_url: &self.base_url,
                organization: &organization.name,
                tenant: organization.tenant,
            };
            refusal.answer(&place, request)
        };
        let Caller { identity: actor, scopes } = match caller {
            Ok(caller) => caller,
            Err(refusal) => {
                let base_url = &self.base_url;
                let answer = access::anonymous_connection(organization, base_url, request, segments, now);
                return answer.unwrap_or_else(|| refuse(&refusal, organization));
            }
        };
        let standing = match as_identity {
            None => organization.gate.standing(actor, now),
            Some(_) => Standing::Free,
        };
        if standing == Standing::Blocked {
            return access::throttled(organization.gate.headers(actor, &standing, now), None);
        }
        // Links start as the request did.
        let prefix = if is_under_tfs(request) { "/tfs" } else { "" };
        let base = format!("{}{prefix}/{}", self.base_url, encode(&organization.name));
        if request.method == "OPTIONS"
            && let [apis, area @ ..] = segments
            && apis.eq_ignore_ascii_case("_apis")
            && area.len() <= 1
        {
            return locations::answer(Level::Organization(organization.edition), area.first());
        }
        let mut response = match router::prepare(
            now,
            request,
            actor,
            segments,
            organization,
            base,
            self.allow_local_hooks,
        ) {
            Ok(call) if !scopes.allow(&call.method, &call.path) => {
                let refusal = access::not_authorized(organization, organization.identity(actor));
                return refuse(&refusal, organization);
            }
            Ok(call) => {
                let cost = router::cost(&call);
                let mut world = World {
                    org: organization,
                    ids: &mut self.ids,
                    call: &call,
                    wrote: false,
                    touched: Vec::new(),
                };
                let answer = router::dispatch(&mut world);
                noted.wrote |= world.wrote;
                noted.touched.append(&mut world.touched);
                let mut response = finish(answer, &call.version);
                response.headers.push(("x-ratelimit-cost".into(), format!("{cost}")));
                if as_identity.is_none() {
                    organization.gate.spend(actor, cost, now);
                }
                response
            }
            Err(error) => plain_error(&error),
        };
        response.headers.extend(organization.gate.headers(actor, &standing, now));
        let me = organization.identity(actor);
        response.headers.push(("X-VSS-UserData".into(), format!("{}:{}", me.id, me.unique_name)));
        response
    }

    /// Forgets which deliveries were handed out: after loading a saved state nothing is on its way any more.
    pub fn resume(&mut self) {
        for org in self.organizations.values_mut() {
            hooks::forget_in_flight(org);
        }
    }

    /// Service hook deliveries whose time has come; each must be reported with [`State::delivery_finished`].
    pub fn take_due_deliveries(&mut self, now: DateTime<Utc>) -> Vec<Delivery> {
        let now = self.time(now);
        let due: Vec<Delivery> =
            self.organizations.values_mut().flat_map(|org| hooks::take_due(org, now)).collect();
        self.changes += due.len() as u64;
        due
    }

    /// Tells what became of a delivery; decides about retries, probation and disabling.
    pub fn delivery_finished(&mut self, delivery: DeliveryId, outcome: &DeliveryOutcome, now: DateTime<Utc>) {
        let now = self.time(now);
        self.changes += 1;
        if let Some(org) = self.organizations.values_mut().find(|org| org.id == delivery.organization) {
            hooks::finished(org, delivery.number, outcome, now);
        }
    }

    /// When the next delivery is due, on the caller's clock.
    pub fn next_due(&self) -> Option<DateTime<Utc>> {
        let due = self.organizations.values().filter_map(hooks::next_due).min()?;
        Some(due - TimeDelta::milliseconds(self.clock_offset_ms))
    }

    /// Changes how hooks of an organization are delivered; the name ignores case. False if there is none.
    pub fn set_hook_knobs(&mut self, organization: &str, knobs: HookKnobs) -> bool {
        match self.organizations.get_mut(&organization.to_lowercase()) {
            Some(org) => {
                org.hook_knobs = knobs;
                true
            }
            None => false,
        }
    }

    /// The board page of the work item that `/{org}/{project}/_workitems/edit/{id}` names.
    pub fn board_of(&self, path: &str) -> Option<String> {
        let segments: Vec<String> = path.split('/').filter(|s| !s.is_empty()).map(decode).collect();
        let [name, .., pages, edit, id] = segments.as_slice() else { return None };
        if pages != "_workitems" || edit != "edit" {
            return None;
        }
        let org = self.organizations.get(&name.to_lowercase())?;
        let item = org.items.get(&id.parse().ok()?)?;
        let project = org.project_by_id(item.project);
        let area = item.text("System.AreaPath");
        // The default team often has the root with everything below it; a team of its own is closer.
        let team = project
            .teams
            .iter()
            .filter(|t| t.owns_area(area))
            .max_by_key(|t| t.areas.iter().map(|(path, _)| path.len()).max())
            .or_else(|| project.teams.iter().find(|t| t.id == project.default_team))?;
        let [org, project, team] = [&org.name, &project.name, &team.name].map(|n| encode(n));
        Some(format!("/_emulator/board/{org}/{project}/{team}#{}", item.id))
    }

    /// Organizations, projects, teams and people, for the pages.
    pub fn directory(&self) -> Vec<OrganizationView> {
        self.organizations
            .values()
            .map(|org| OrganizationView {
                name: org.name.clone(),
                people: org
                    .identities
                    .iter()
                    .filter(|i| i.human)
                    .map(|i| PersonView {
                        id: i.id,
                        name: i.name.clone(),
                        unique_name: i.unique_name.clone(),
                    })
                    .collect(),
                projects: org
                    .projects
                    .iter()
                    .map(|p| ProjectView {
                        name: p.name.clone(),
                        process: p.definition().name.clone(),
                        teams: p.teams.iter().map(|t| t.name.clone()).collect(),
                    })
                    .collect(),
            })
            .collect()
    }
}

/// What a request did, for the log.
#[derive(Default)]
struct Noted {
    wrote: bool,
    touched: Vec<i64>,
}

/// An organization as the pages show it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OrganizationView {
    /// Canonical name.
    pub name: String,
    /// People one can act as.
    pub people: Vec<PersonView>,
    /// Its projects.
    pub projects: Vec<ProjectView>,
}

/// A person as the pages show them.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PersonView {
    /// Identity id.
    pub id: Uuid,
    /// Display name.
    pub name: String,
    /// Unique name.
    pub unique_name: String,
}

/// A project as the pages show it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProjectView {
    /// Name.
    pub name: String,
    /// Name of the process.
    pub process: String,
    /// Team names.
    pub teams: Vec<String>,
}

/// Server installations often have `/tfs/{collection}`.
fn is_under_tfs(request: &Request) -> bool {
    request.path.split('/').find(|s| !s.is_empty()).is_some_and(|first| first.eq_ignore_ascii_case("tfs"))
}

fn organization_of(request: &Request) -> String {
    let mut segments = request.path.split('/').filter(|s| !s.is_empty());
    let first = segments.next().map(decode).unwrap_or_default();
    if is_prefix(&first) { segments.next().map(decode).unwrap_or_default() } else { first }
}

/// What may stand before the organization in a path.
fn is_prefix(segment: &str) -> bool {
    ["tfs", "vssps", "vsaex"].iter().any(|prefix| segment.eq_ignore_ascii_case(prefix))
}

/// A refusal on demand: the answer that the service would give.
pub(crate) fn refusal(code: crate::faults::RefusalCode) -> Response {
    plain_error(&ApiError::on_demand(code))
}

fn plain_error(error: &ApiError) -> Response {
    let mut headers = vec![("Content-Type".into(), error.content_type().into())];
    if error.is_plain_text() {
        headers.push(("x-tfs-serviceerror".into(), encode(&error.message)));
    }
    Response { status: error.status, headers, body: error.body() }
}

fn finish(answer: call::Answer, version: &Version) -> Response {
    let json = format!("application/json; charset=utf-8; api-version={}", version.echo());
    let response = |status, content_type: String, body: Vec<u8>| Response {
        status,
        headers: vec![("Content-Type".into(), content_type)],
        body,
    };
    match answer {
        Ok(Reply::Json(status, value)) => response(status, json, value.to_string().into_bytes()),
        Ok(Reply::JsonWith(value, headers)) => {
            let mut answer = response(200, json, value.to_string().into_bytes());
            answer.headers.extend(headers);
            answer
        }
        Ok(Reply::Reporting(value)) => {
            let content_type = format!("application/json; api-version={}", version.echo());
            response(200, content_type, value.to_string().into_bytes())
        }
        Ok(Reply::Unversioned(value)) => {
            response(200, "application/json; charset=utf-8".into(), value.to_string().into_bytes())
        }
        Ok(Reply::Empty(status)) => Response { status, headers: Vec::new(), body: Vec::new() },
        Ok(Reply::File { name, content, download }) => {
            let mut answer = response(200, "application/octet-stream".into(), content);
            if download {
                let disposition = format!("attachment; filename*=UTF-8''{}", encode(&name));
                answer.headers.push(("Content-Disposition".into(), disposition));
            }
            answer
        }
        Err(error) => plain_error(&error),
    }
}
