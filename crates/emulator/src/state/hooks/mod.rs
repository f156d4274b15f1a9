//! Service hooks: who is subscribed to what (`subscriptions`), what an event says (`events`), and here when it
//! is delivered, retried and given up (azure-devops.md section 9). Sending is left to the HTTP front.

mod catalogue;
mod events;
mod notifications;
mod subscriptions;

use std::collections::BTreeMap;

use base64::{Engine, prelude::BASE64_STANDARD};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

pub(crate) use self::events::Event;
use super::{
    call::{Answer, World},
    errors::ApiError,
    model::Organization,
};

/// Waits before the retries of a transient failure, in seconds.
const RETRIES: [i64; 8] = [1, 2, 4, 8, 16, 32, 60, 60];
/// Waits before the retries of a subscription on probation, in minutes.
const PROBATION: [i64; 7] = [20, 40, 80, 160, 320, 640, 900];
/// How long the history is kept.
const HISTORY_DAYS: i64 = 7;

/// How deliveries are disturbed. All off in a new state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct HookKnobs {
    /// Milliseconds between a change and the delivery of its event; the real service takes 6 to 12 s.
    pub delay_ms: i64,
    /// Up to so many milliseconds more, by chance: with a delay of 6,400 and a spread of 5,100 it is as measured.
    pub spread_ms: u32,
    /// This many of the next notifications are lost.
    pub drop_next: u32,
    /// This many of the next notifications are delivered twice.
    pub duplicate_next: u32,
    /// This many of the next notifications arrive in reverse order, a quarter of a second apart.
    pub reorder_next: u32,
}

/// Names a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryId {
    /// The organization it comes from.
    pub organization: Uuid,
    /// Counts within the organization.
    pub number: u64,
}

/// A notification on its way to a receiver.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    /// Name it with this when it is finished.
    pub id: DeliveryId,
    /// The subscription it belongs to.
    pub subscription: Uuid,
    /// Number of the notification in its subscription.
    pub notification: i64,
    /// Where it goes.
    pub url: String,
    /// Headers, authorization included.
    pub headers: Vec<(String, String)>,
    /// JSON body.
    pub body: String,
    /// Attempts so far.
    pub attempts: u32,
    /// When it is due, in the emulator's time.
    pub due: DateTime<Utc>,
    /// Handed out and not yet reported.
    in_flight: bool,
    /// Retries of the probation ladder so far.
    probation: u32,
}

/// What became of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeliveryOutcome {
    /// The receiver answered with this status.
    Answered(u16),
    /// No answer: refused, timed out, cut. Treated like 503.
    Failed(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Status {
    Enabled,
    OnProbation,
    DisabledByUser,
    DisabledBySystem,
    DisabledByInactiveIdentity,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Subscription {
    id: Uuid,
    event_type: String,
    resource_version: String,
    publisher_inputs: BTreeMap<String, String>,
    consumer_inputs: BTreeMap<String, String>,
    status: Status,
    created_by: Uuid,
    created: DateTime<Utc>,
    modified_by: Uuid,
    modified: DateTime<Utc>,
    probation_retries: u32,
    last_notification: i64,
}

/// An entry of the history.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Notification {
    id: i64,
    subscription: Uuid,
    event: Uuid,
    event_type: String,
    created: DateTime<Utc>,
    modified: DateTime<Utc>,
    completed: bool,
    succeeded: Option<bool>,
    attempts: u32,
    request: String,
    response: Option<u16>,
    error: Option<String>,
    /// When the last attempt began.
    #[serde(default)]
    taken: Option<DateTime<Utc>>,
}

impl Subscription {
    fn publisher(&self, name: &str) -> &str {
        self.publisher_inputs.get(name).map_or("", String::as_str)
    }

    fn consumer(&self, name: &str) -> &str {
        self.consumer_inputs.get(name).map_or("", String::as_str)
    }

    fn headers(&self) -> Vec<(String, String)> {
        let mut headers = vec![
            ("Content-Type".to_owned(), "application/json; charset=utf-8".to_owned()),
            ("User-Agent".to_owned(), "VSServices/19.250.0.0 (TfsJobAgent.exe)".to_owned()),
        ];
        let (user, password) = (self.consumer("basicAuthUsername"), self.consumer("basicAuthPassword"));
        if !user.is_empty() || !password.is_empty() {
            let word = BASE64_STANDARD.encode(format!("{user}:{password}"));
            headers.push(("Authorization".into(), format!("Basic {word}")));
        }
        for line in self.consumer("httpHeaders").lines() {
            if let Some((name, value)) = line.split_once(':') {
                headers.push((name.trim().to_owned(), value.trim().to_owned()));
            }
        }
        headers
    }
}

/// Tells all matching subscriptions of an event.
pub(crate) fn raise(world: &mut World, event: Event) {
    let matching: Vec<Uuid> = world
        .org
        .subscriptions
        .values()
        // A subscription on probation gets nothing new until its retry succeeds.
        .filter(|s| s.status == Status::Enabled && events::matches(world, s, &event))
        .map(|s| s.id)
        .collect();
    if matching.is_empty() {
        return;
    }
    let event_id = world.ids.guid();
    for subscription in matching {
        let knobs = world.org.hook_knobs.clone();
        let spread = match knobs.spread_ms {
            0 => 0,
            most => i64::from(world.ids.guid().as_fields().0 % (most + 1)),
        };
        let wait = knobs.delay_ms + spread + i64::from(knobs.reorder_next) * 250;
        world.org.hook_knobs.reorder_next = knobs.reorder_next.saturating_sub(1);
        let due = world.call.now + TimeDelta::milliseconds(wait);
        let payload = events::payload(world, subscription, &event, event_id, due);
        let Some(notification) = enqueue(world.org, subscription, event_id, event.name(), payload, due)
        else {
            continue;
        };
        if knobs.drop_next > 0 {
            // Lost on the way: the service believes it was delivered.
            world.org.hook_knobs.drop_next -= 1;
            world.org.deliveries.remove(&notification);
        } else if knobs.duplicate_next > 0 {
            world.org.hook_knobs.duplicate_next -= 1;
            if let Some(mut again) = world.org.deliveries.get(&notification).cloned() {
                world.org.last_delivery += 1;
                again.id.number = world.org.last_delivery;
                world.org.deliveries.insert(again.id.number, again);
            }
        }
    }
}

/// Puts a notification into history and queue; the number of its delivery.
fn enqueue(
    org: &mut Organization,
    subscription: Uuid,
    event: Uuid,
    event_type: &str,
    mut payload: Value,
    due: DateTime<Utc>,
) -> Option<u64> {
    let entry = org.subscriptions.get_mut(&subscription)?;
    entry.last_notification += 1;
    let number = entry.last_notification;
    payload["notificationId"] = number.into();
    let body = payload.to_string();
    let (url, headers) = (entry.consumer("url").to_owned(), entry.headers());
    org.notifications.push(Notification {
        id: number,
        subscription,
        event,
        event_type: event_type.to_owned(),
        created: due,
        modified: due,
        completed: false,
        succeeded: None,
        attempts: 0,
        request: body.clone(),
        response: None,
        error: None,
        taken: None,
    });
    let oldest = due - TimeDelta::days(HISTORY_DAYS);
    org.notifications.retain(|n| n.created >= oldest);
    org.last_delivery += 1;
    let id = org.last_delivery;
    let delivery = Delivery {
        id: DeliveryId { organization: org.id, number: id },
        subscription,
        notification: number,
        url,
        headers,
        body,
        attempts: 0,
        due,
        in_flight: false,
        probation: 0,
    };
    org.deliveries.insert(id, delivery);
    Some(id)
}

pub(crate) fn take_due(org: &mut Organization, now: DateTime<Utc>) -> Vec<Delivery> {
    let mut due: Vec<Delivery> = org
        .deliveries
        .values_mut()
        .filter(|d| !d.in_flight && d.due <= now)
        .map(|d| {
            d.in_flight = true;
            d.attempts += 1;
            d.clone()
        })
        .collect();
    due.sort_by_key(|d| (d.due, d.id.number));
    for delivery in &due {
        let same =
            |n: &&mut Notification| n.subscription == delivery.subscription && n.id == delivery.notification;
        if let Some(entry) = org.notifications.iter_mut().rev().find(same) {
            entry.taken = Some(now);
        }
    }
    due
}

pub(crate) fn next_due(org: &Organization) -> Option<DateTime<Utc>> {
    org.deliveries.values().filter(|d| !d.in_flight).map(|d| d.due).min()
}

/// After a restart nothing is on its way any more.
pub(crate) fn forget_in_flight(org: &mut Organization) {
    for delivery in org.deliveries.values_mut() {
        delivery.in_flight = false;
    }
}

pub(crate) fn finished(org: &mut Organization, id: u64, outcome: &DeliveryOutcome, now: DateTime<Utc>) {
    let Some(mut delivery) = org.deliveries.remove(&id) else { return };
    if !delivery.in_flight {
        org.deliveries.insert(id, delivery);
        return;
    }
    delivery.in_flight = false;
    let (status, error) = match outcome {
        DeliveryOutcome::Answered(status) => (Some(*status), None),
        DeliveryOutcome::Failed(text) => (None, Some(text.clone())),
    };
    let success = status.is_some_and(|s| (200..300).contains(&s));
    let transient = status.is_none_or(|s| matches!(s, 408 | 502 | 503 | 504));
    let gone = status == Some(410);
    let mut next = None;
    let Some(subscription) = org.subscriptions.get_mut(&delivery.subscription) else { return };
    if success {
        if subscription.status == Status::OnProbation {
            subscription.status = Status::Enabled;
            subscription.probation_retries = 0;
        }
    } else if gone {
        subscription.status = Status::DisabledBySystem;
    } else if let Some(seconds) =
        RETRIES.get(delivery.attempts as usize - 1).filter(|_| transient && delivery.probation == 0)
    {
        next = Some(now + TimeDelta::seconds(*seconds));
    } else if let Some(minutes) = PROBATION.get(delivery.probation as usize) {
        subscription.status = Status::OnProbation;
        delivery.probation += 1;
        subscription.probation_retries = delivery.probation;
        next = Some(now + TimeDelta::minutes(*minutes));
    } else {
        subscription.status = Status::DisabledBySystem;
    }
    if let Some(entry) = org
        .notifications
        .iter_mut()
        .rev()
        .find(|n| n.subscription == delivery.subscription && n.id == delivery.notification)
    {
        entry.attempts = delivery.attempts;
        entry.response = status;
        entry.error = error.or_else(|| (!success).then(|| format!("Error {}", status.unwrap_or_default())));
        entry.modified = now;
        entry.completed = next.is_none();
        entry.succeeded = next.is_none().then_some(success);
    }
    if subscription_is_disabled(org, delivery.subscription) {
        org.deliveries.retain(|_, d| d.subscription != delivery.subscription);
    } else if let Some(due) = next {
        delivery.due = due;
        org.deliveries.insert(id, delivery);
    }
}

/// The creator of subscriptions lost access: these are disabled, and what waited for them is gone.
pub(crate) fn creator_left(org: &mut Organization, creator: Uuid) {
    let theirs = |s: &&mut Subscription| {
        s.created_by == creator && matches!(s.status, Status::Enabled | Status::OnProbation)
    };
    for subscription in org.subscriptions.values_mut().filter(theirs) {
        subscription.status = Status::DisabledByInactiveIdentity;
    }
    let subscriptions = &org.subscriptions;
    org.deliveries.retain(|_, d| {
        subscriptions.get(&d.subscription).is_none_or(|s| s.status != Status::DisabledByInactiveIdentity)
    });
}

fn subscription_is_disabled(org: &Organization, id: Uuid) -> bool {
    org.subscriptions.get(&id).is_some_and(|s| !matches!(s.status, Status::Enabled | Status::OnProbation))
}

pub(crate) fn route(world: &mut World, method: &str, rest: &[&str]) -> Answer {
    match (method, rest) {
        ("GET", ["publishers"]) => catalogue::publishers(world),
        ("POST", ["publishersquery"]) => catalogue::publishers_query(world),
        ("GET" | "POST", ["publishers", name, rest @ ..]) => catalogue::publisher(world, method, name, rest),
        ("GET", ["consumers"]) => catalogue::consumers(world),
        ("GET", ["consumers", name, rest @ ..]) => catalogue::consumer(world, name, rest),
        _ => {
            if !world.is_administrator() {
                let permission = if method == "GET" { "View Subscriptions" } else { "Edit Subscription" };
                return Err(ApiError::hooks_denied(&world.actor().name, permission));
            }
            subscriptions::route(world, method, rest)
        }
    }
}
