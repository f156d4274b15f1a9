//! The way between the engine and the board, and its weather: requests that are lost on the way there or back, arrive
//! late, are refused, or are overtaken by a person.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use azure::{Clock, Request, Response, Transport, TransportError};
use bytes::Bytes;
use chrono::{DateTime, Duration, Utc};
use http::{HeaderMap, HeaderValue, StatusCode};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use store::failpoint;

use crate::HandClock;
use crate::exchange::{self, Spoilt};
use crate::sim::tally::Tally;

/// The longest time after which the service still applies what was sent before: less than the settle time.
const LATEST: i64 = 35;

/// What the weather does to one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// Nobody listens there.
    Unreachable,
    /// It is lost on the way there.
    LostBefore,
    /// It is carried out; the answer is lost.
    LostAfter,
    /// The connection is cut; it is carried out later.
    AppliedLate,
    /// 429 with `Retry-After`.
    Throttled,
    /// 503 with a page.
    Unavailable,
    /// 500 that says nothing, carried out or not.
    Broken,
    /// 203 with a sign-in page.
    SignInPage,
    /// Carried out and answered, but slowly.
    Slow,
    /// Carried out and answered, with a word to come back later.
    AskedToWait,
    /// A person changes the same work item just before.
    Overtaken,
    /// Of the writes in one request some are refused, and of some it cannot be told.
    InPart,
    /// The service does not take many writes in one request.
    NoBatch,
}

impl Fault {
    const ALL: [Self; 13] = [
        Self::Unreachable,
        Self::LostBefore,
        Self::LostAfter,
        Self::AppliedLate,
        Self::Throttled,
        Self::Unavailable,
        Self::Broken,
        Self::SignInPage,
        Self::Slow,
        Self::AskedToWait,
        Self::Overtaken,
        Self::InPart,
        Self::NoBatch,
    ];

    /// What befalls writes more often than the others: what is worst for them, and what fits few of them.
    const OFTEN: [Self; 5] =
        [Self::AppliedLate, Self::AppliedLate, Self::InPart, Self::NoBatch, Self::NoBatch];

    /// A read that comes late or overtaken is a read like any other.
    fn is_for_reads(self) -> bool {
        !matches!(self, Self::AppliedLate | Self::Overtaken) && !self.is_for_batches()
    }

    fn is_for_batches(self) -> bool {
        matches!(self, Self::InPart | Self::NoBatch)
    }
}

/// Names of everything that the weather can do.
pub(crate) fn faults() -> Vec<String> {
    let writes = Fault::ALL.iter().map(|fault| format!("fault: write {fault:?}"));
    let reads =
        Fault::ALL.iter().filter(|fault| fault.is_for_reads()).map(|fault| format!("fault: read {fault:?}"));
    writes.chain(reads).collect()
}

/// The way to the board.
pub(crate) struct Wire {
    state: Mutex<emulator::State>,
    clock: Arc<HandClock>,
    tally: Arc<Tally>,
    weather: Mutex<Weather>,
    hidden_areas: Mutex<BTreeSet<String>>,
    hidden_away: Mutex<BTreeSet<i64>>,
    /// Areas to which people moved work items last.
    put: Mutex<BTreeMap<i64, String>>,
    /// Work items that people deleted, ever.
    deleted: Mutex<BTreeSet<i64>>,
    /// Names of files that people took away from work items.
    taken: Mutex<BTreeSet<String>>,
    late: Mutex<Vec<(DateTime<Utc>, emulator::Request)>>,
    rejecting: AtomicBool,
}

struct Weather {
    chance: StdRng,
    /// How many of a hundred calls meet a fault.
    storm: u32,
}

impl Wire {
    pub(crate) fn new(state: emulator::State, clock: Arc<HandClock>, tally: Arc<Tally>, seed: u64) -> Self {
        let chance = StdRng::seed_from_u64(seed ^ 0x77ea_7e12);
        Self {
            state: Mutex::new(state),
            clock,
            tally,
            weather: Mutex::new(Weather { chance, storm: 0 }),
            hidden_areas: Mutex::default(),
            hidden_away: Mutex::default(),
            put: Mutex::default(),
            deleted: Mutex::default(),
            taken: Mutex::default(),
            late: Mutex::default(),
            rejecting: AtomicBool::new(false),
        }
    }

    /// A person deleted a work item.
    pub(crate) fn was_deleted(&self, id: i64) {
        self.deleted.lock().unwrap().insert(id);
    }

    /// Work items that people deleted, ever.
    pub(crate) fn deleted(&self) -> BTreeSet<i64> {
        self.deleted.lock().unwrap().clone()
    }

    /// A person took a file away from a work item.
    pub(crate) fn was_taken(&self, file: &str) {
        self.taken.lock().unwrap().insert(file.to_owned());
    }

    /// Names of files that people took away from work items, ever.
    pub(crate) fn taken(&self) -> BTreeSet<String> {
        self.taken.lock().unwrap().clone()
    }

    /// Lockstep may, or may not, see an area from now on.
    pub(crate) fn area_was_hidden(&self, area: &str, hidden: bool) {
        let mut areas = self.hidden_areas.lock().unwrap();
        if hidden {
            areas.insert(area.to_owned());
            let put = self.put.lock().unwrap();
            let there = put.iter().filter(|(_, of)| *of == area).map(|(id, _)| *id);
            self.hidden_away.lock().unwrap().extend(there);
        } else {
            areas.remove(area);
        }
    }

    /// Areas that Lockstep may not see now.
    pub(crate) fn hidden_areas(&self) -> BTreeSet<String> {
        self.hidden_areas.lock().unwrap().clone()
    }

    /// A person moved a work item to an area; it may be one that Lockstep may not see.
    pub(crate) fn was_put(&self, id: i64, area: &str) {
        self.put.lock().unwrap().insert(id, area.to_owned());
        if self.hidden_areas.lock().unwrap().contains(area) {
            self.hidden_away.lock().unwrap().insert(id);
        }
    }

    /// Work items that people moved to where Lockstep could not see them then or later, ever.
    pub(crate) fn hidden_away(&self) -> BTreeSet<i64> {
        self.hidden_away.lock().unwrap().clone()
    }

    /// So many of a hundred calls meet a fault from now on.
    pub(crate) fn set_storm(&self, per_cent: u32) {
        self.weather.lock().unwrap().storm = per_cent;
    }

    /// Our credential was revoked, or is accepted again.
    pub(crate) fn reject_sign_ins(&self, rejected: bool) {
        self.rejecting.store(rejected, Ordering::SeqCst);
    }

    /// Our credential is revoked.
    pub(crate) fn rejects_sign_ins(&self) -> bool {
        self.rejecting.load(Ordering::SeqCst)
    }

    /// The board itself, after what was held back and is due was carried out.
    pub(crate) fn board<T>(&self, act: impl FnOnce(&mut emulator::State, DateTime<Utc>) -> T) -> T {
        self.apply_late();
        act(&mut self.state.lock().unwrap(), self.clock.now())
    }

    fn apply_late(&self) {
        let now = self.clock.now();
        let mut late = self.late.lock().unwrap();
        let (due, waiting): (Vec<_>, Vec<_>) = late.drain(..).partition(|(at, _)| *at <= now);
        *late = waiting;
        drop(late);
        for (_, request) in due {
            let status = self.state.lock().unwrap().handle(now, request).status;
            self.tally.count(format!(
                "late request carried out ({})",
                if status < 300 { "done" } else { "refused" }
            ));
        }
    }

    fn draw(&self, is_write: bool, is_batch: bool, is_file: bool) -> Option<Fault> {
        let mut weather = self.weather.lock().unwrap();
        // There are few writes among many reads, and few of files among those.
        let often = if is_file { 6 } else { 3 };
        let storm = if is_write { weather.storm * often } else { weather.storm }.min(80);
        if storm == 0 || weather.chance.random_range(0..100) >= storm {
            return None;
        }
        let often = if is_write { Fault::OFTEN.len() } else { 0 };
        let number = weather.chance.random_range(0..Fault::ALL.len() + often);
        let fault = *Fault::ALL.get(number).unwrap_or(&Fault::OFTEN[number % Fault::OFTEN.len()]);
        let fits = (is_write || fault.is_for_reads()) && (is_batch || !fault.is_for_batches());
        fits.then_some(fault)
    }

    fn seconds(&self, most: i64) -> i64 {
        self.weather.lock().unwrap().chance.random_range(1..=most)
    }

    fn carry_out(&self, request: emulator::Request) -> emulator::Response {
        let now = self.clock.now();
        self.state.lock().unwrap().handle(now, request)
    }

    /// Some of the writes of a batch go wrong, each in its own way.
    fn carry_out_in_part(&self, request: emulator::Request) -> emulator::Response {
        let mut spoilt = Vec::new();
        for place in 0..exchange::batch_size(&request) {
            match self.seconds(6) {
                1 => spoilt.push(Spoilt { place, code: 400, is_carried_out: false }),
                2 => spoilt.push(Spoilt { place, code: 500, is_carried_out: false }),
                3 => spoilt.push(Spoilt { place, code: 500, is_carried_out: true }),
                _ => {}
            }
        }
        exchange::carry_out_in_part(request, &spoilt, |request| self.carry_out(request))
    }

    /// A person changes the work item that the request is about, or one of them.
    fn overtake(&self, path: &str, body: &[u8]) {
        let number = |path: &str| path.split('?').next()?.rsplit('/').next()?.parse::<i64>().ok();
        let id = number(path).or_else(|| {
            let writes: Vec<serde_json::Value> = serde_json::from_slice(body).ok()?;
            let ids: Vec<i64> = writes.iter().filter_map(|write| number(write["uri"].as_str()?)).collect();
            ids.get(self.seconds(200) as usize % ids.len().max(1)).copied()
        });
        let Some(id) = id else { return };
        let (field, value) = match self.seconds(5) {
            1 => ("System.History", "Looking at it."),
            2 => ("System.Title", "Renamed in the last moment"),
            3 => ("System.Tags", "last-moment"),
            4 => ("System.State", "Active"),
            _ => ("Microsoft.VSTS.TCM.ReproSteps", "<p>Written in the last moment.</p>"),
        };
        let now = self.clock.now();
        let mut state = self.state.lock().unwrap();
        let Some(person) = super::people::a_person(&state) else { return };
        let patch = serde_json::json!([{ "op": "add", "path": format!("/fields/{field}"), "value": value }]);
        let request =
            emulator::Request::new("PATCH", &format!("/contoso/_apis/wit/workitems/{id}?api-version=7.1"))
                .body("application/json-patch+json", patch.to_string());
        state.handle_as(now, person, request);
    }
}

#[async_trait]
impl Transport for Wire {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let path = request.url.path().to_ascii_lowercase();
        let is_write = exchange::is_write(&request);
        let kind = if is_write { "write" } else { "read" };
        failpoint::reached(if is_write { "a write leaves" } else { "a read leaves" }).await;
        self.apply_late();
        if self.clock.now() >= request.deadline {
            return Err(TransportError::NotSent("it was too late".into()));
        }
        let page = |status: u16| {
            let mut headers = HeaderMap::new();
            headers.insert("content-type", HeaderValue::from_static("text/html; charset=utf-8"));
            let body = Bytes::from_static(b"<!DOCTYPE html><html><body>Sign in, or come back.</body></html>");
            Response { status: StatusCode::from_u16(status).unwrap(), headers, body }
        };
        if self.rejecting.load(Ordering::SeqCst) {
            self.tally.count("a call with a revoked credential");
            return Ok(page(401));
        }
        let is_batch = exchange::is_batch(&request);
        let is_file = request.url.query().is_some_and(|query| query.contains("expand=relations"));
        let fault = self.draw(is_write, is_batch, is_write && is_file);
        if let Some(fault) = fault {
            self.tally.count(format!("fault: {kind} {fault:?}"));
        }
        let asked = exchange::asked(&request);
        let lost = || TransportError::NoAnswer("the connection was cut".into());
        match fault {
            Some(Fault::Unreachable) => return Err(TransportError::NotSent("nobody listens there".into())),
            Some(Fault::LostBefore) => return Err(lost()),
            Some(Fault::AppliedLate) => {
                let at = self.clock.now() + Duration::seconds(self.seconds(LATEST));
                // Somebody may be quicker.
                if self.seconds(3) == 1 {
                    self.overtake(&path, &asked.body);
                }
                self.late.lock().unwrap().push((at, asked));
                failpoint::reached(if is_write { "a write was lost" } else { "a read was lost" }).await;
                return Err(lost());
            }
            Some(Fault::Throttled) => {
                let mut answer = page(429);
                let seconds = self.seconds(20);
                answer.headers.insert("retry-after", HeaderValue::from(seconds));
                return Ok(answer);
            }
            Some(Fault::Unavailable) => return Ok(page(503)),
            Some(Fault::SignInPage) => return Ok(page(203)),
            Some(Fault::Broken) => {
                if self.seconds(2) == 1 {
                    self.carry_out(asked);
                }
                return Ok(page(500));
            }
            Some(Fault::NoBatch) => return Ok(page(404)),
            Some(Fault::Overtaken) => self.overtake(&path, &asked.body),
            Some(Fault::LostAfter | Fault::Slow | Fault::AskedToWait | Fault::InPart) | None => {}
        }
        let answer = match fault {
            Some(Fault::InPart) => self.carry_out_in_part(asked),
            _ => self.carry_out(asked),
        };
        failpoint::reached(if is_write { "a write was carried out" } else { "a read was answered" }).await;
        if fault == Some(Fault::LostAfter) {
            return Err(lost());
        }
        if fault == Some(Fault::Slow) {
            self.clock.advance(Duration::seconds(self.seconds(40)));
            if self.clock.now() >= request.deadline {
                return Err(TransportError::NoAnswer("no answer came in time".into()));
            }
        }
        let mut answer = exchange::answered(answer);
        if fault == Some(Fault::AskedToWait) {
            answer.headers.insert("retry-after", HeaderValue::from(self.seconds(20)));
        }
        Ok(answer)
    }
}
