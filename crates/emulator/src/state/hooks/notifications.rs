//! What became of events: the history of seven days, its queries, and test notifications
//! (azure-devops.md section 9.4).

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    super::{
        call::{Answer, World, collection, ok, time},
        errors::ApiError,
    },
    Delivery, DeliveryId, HISTORY_DAYS, Notification, Status, Subscription,
    catalogue::EVENTS,
    events,
    subscriptions::{check_receiver, masked},
};

impl Notification {
    fn result(&self) -> &'static str {
        match self.succeeded {
            None => "pending",
            Some(true) => "succeeded",
            Some(false) => "failed",
        }
    }

    fn status(&self) -> &'static str {
        match (self.completed, self.attempts) {
            (true, _) => "completed",
            (false, 0) => "queued",
            (false, _) => "requestInProgress",
        }
    }
}

fn notification_json(world: &World, n: &Notification, details: bool) -> Value {
    let mut body = json!({
        "id": n.id,
        "subscriptionId": n.subscription,
        "subscriberId": Uuid::nil(),
        "eventId": n.event,
        "status": n.status(),
        "result": n.result(),
        "createdDate": time(n.created),
        "modifiedDate": time(n.modified),
    });
    if details {
        let subscription = world.org.subscriptions.get(&n.subscription);
        let taken = n.taken.map(time);
        let seconds = n.taken.map(|at| (n.modified - at).as_seconds_f64().max(0.0));
        body["details"] = json!({
            "eventType": n.event_type,
            "event": serde_json::from_str::<Value>(&n.request).unwrap_or_default(),
            "publisherId": "tfs",
            "publisherInputs": subscription.map(|s| s.publisher_inputs.clone()),
            "consumerId": "webHooks",
            "consumerActionId": "httpRequest",
            "consumerInputs": subscription.map(|s| masked(&s.consumer_inputs)),
            "request": n.request,
            "response": n.response.map(|s| format!("Status Code: {s}")),
            "requestAttempts": n.attempts,
            "requestDuration": seconds.unwrap_or_default(),
            "errorMessage": n.error,
            "errorDetail": n.error,
            "queuedDate": time(n.created),
            "dequeuedDate": taken,
            "processedDate": taken,
            "completedDate": n.completed.then(|| time(n.modified)),
        });
    }
    body
}

/// The history, newest first, without what is too old.
fn remembered<'a>(world: &'a World) -> impl Iterator<Item = &'a Notification> {
    let oldest = world.call.now - TimeDelta::days(HISTORY_DAYS);
    world.org.notifications.iter().rev().filter(move |n| n.created >= oldest)
}

fn same(asked: Option<&str>, value: &str) -> bool {
    asked.is_none_or(|asked| asked.is_empty() || asked.eq_ignore_ascii_case(value))
}

/// `GET …/subscriptions/{id}/notifications?maxResults&status&result`.
pub(super) fn history(world: &World, subscription: Uuid) -> Answer {
    let query = &world.call.query;
    let most = query.number("maxResults")?.and_then(|n| usize::try_from(n).ok()).unwrap_or(100);
    let all = remembered(world)
        .filter(|n| n.subscription == subscription)
        .filter(|n| same(query.get("status"), n.status()) && same(query.get("result"), n.result()))
        .map(|n| notification_json(world, n, query.flag("includeDetails")))
        .take(most)
        .collect();
    ok(collection(all))
}

/// `GET …/subscriptions/{id}/notifications/{number}`, with its details.
pub(super) fn one(world: &World, subscription: Uuid, number: &str) -> Answer {
    let found = remembered(world).find(|n| n.subscription == subscription && n.id.to_string() == number);
    found.map_or_else(|| Err(ApiError::no_subscription(number)), |n| ok(notification_json(world, n, true)))
}

/// `POST …/notificationsquery`: the same question with results and a summary per subscription.
pub(super) fn query(world: &World) -> Answer {
    let sent: Value = world.call.json("query")?;
    let ids: Vec<String> = sent["subscriptionIds"]
        .as_array()
        .map(|list| list.iter().filter_map(Value::as_str).map(str::to_lowercase).collect())
        .unwrap_or_default();
    let date = |name: &str| -> Result<Option<DateTime<Utc>>, ApiError> {
        let Some(text) = sent[name].as_str().filter(|t| !t.is_empty()) else { return Ok(None) };
        let parsed = DateTime::parse_from_rfc3339(text);
        let parsed = parsed.map_err(|_| ApiError::argument(format!("The value of {name} is not a date.")))?;
        Ok(Some(parsed.to_utc()))
    };
    let (from, until) = (date("minCreatedDate")?, date("maxCreatedDate")?);
    let number = |name: &str| sent[name].as_u64().and_then(|n| usize::try_from(n).ok());
    let most = number("maxResults").unwrap_or(100);
    let each = number("maxResultsPerSubscription").unwrap_or(usize::MAX);
    let details = sent["includeDetails"].as_bool().unwrap_or(false);
    let fitting: Vec<&Notification> = remembered(world)
        .filter(|n| ids.is_empty() || ids.contains(&n.subscription.to_string()))
        .filter(|_| same(sent["publisherId"].as_str(), "tfs"))
        .filter(|n| {
            same(sent["status"].as_str(), n.status()) && same(sent["resultType"].as_str(), n.result())
        })
        .filter(|n| from.is_none_or(|at| n.created >= at) && until.is_none_or(|at| n.created <= at))
        .collect();
    let mut counts: BTreeMap<Uuid, BTreeMap<&str, usize>> = BTreeMap::new();
    let mut results = Vec::new();
    for n in fitting {
        let counted = counts.entry(n.subscription).or_default();
        let before: usize = counted.values().sum();
        *counted.entry(n.result()).or_default() += 1;
        if before < each && results.len() < most {
            results.push(notification_json(world, n, details));
        }
    }
    let summary: Vec<Value> = counts
        .iter()
        .map(|(id, counted)| {
            let results: Vec<Value> = counted
                .iter()
                .map(|(result, count)| json!({"result": result, "notificationCount": count}))
                .collect();
            json!({"subscriptionId": id, "results": results})
        })
        .collect();
    let mut body = sent.clone();
    body["results"] = results.into();
    body["summary"] = summary.into();
    ok(body)
}

/// `POST …/testnotifications?useRealData=…`: an event goes to the receiver once and belongs to no subscription.
/// With real data it is the newest event of the type that any subscription got (a guess), else a sample.
pub(super) fn test(world: &mut World) -> Answer {
    let sent: Value = world.call.json("notification")?;
    let details = &sent["details"];
    let event_type = details["eventType"].as_str().unwrap_or_default().to_owned();
    if !EVENTS.iter().any(|(id, ..)| *id == event_type) {
        return Err(ApiError::subscription_invalid(format!(
            "Event type {event_type} does not exist for publisher tfs."
        )));
    }
    let consumer: BTreeMap<String, String> = details["consumerInputs"]
        .as_object()
        .map(|o| o.iter().map(|(k, v)| (k.clone(), v.as_str().unwrap_or_default().to_owned())).collect())
        .unwrap_or_default();
    check_receiver(world, &consumer)?;
    let (event, now) = (world.ids.guid(), world.call.now);
    let scratch = Subscription {
        id: Uuid::nil(),
        event_type: event_type.clone(),
        resource_version: "1.0".into(),
        publisher_inputs: BTreeMap::new(),
        consumer_inputs: consumer,
        status: Status::Enabled,
        created_by: world.call.actor,
        created: now,
        modified_by: world.call.actor,
        modified: now,
        probation_retries: 0,
        last_notification: 0,
    };
    let real = remembered(world)
        .find(|n| n.event_type == event_type)
        .filter(|_| world.call.query.flag("useRealData"))
        .and_then(|n| serde_json::from_str::<Value>(&n.request).ok());
    let mut payload = real.unwrap_or_else(|| events::sample(world, &event_type, "1.0", event, now));
    payload["subscriptionId"] = Uuid::nil().to_string().into();
    payload["notificationId"] = 1.into();
    payload["id"] = event.to_string().into();
    events::reduce(&mut payload, &scratch);
    world.org.last_delivery += 1;
    let id = world.org.last_delivery;
    let delivery = Delivery {
        id: DeliveryId { organization: world.org.id, number: id },
        subscription: Uuid::nil(),
        notification: 1,
        url: scratch.consumer("url").to_owned(),
        headers: scratch.headers(),
        body: payload.to_string(),
        attempts: 0,
        due: now,
        in_flight: false,
        probation: 0,
    };
    world.org.deliveries.insert(id, delivery);
    world.wrote = true;
    ok(json!({
        "id": 1,
        "subscriptionId": Uuid::nil(),
        "subscriberId": Uuid::nil(),
        "eventId": event,
        "status": "queued",
        "result": "pending",
        "createdDate": time(now),
        "modifiedDate": time(now),
        "details": {
            "eventType": event_type,
            "event": payload,
            "publisherId": "tfs",
            "consumerId": "webHooks",
            "consumerActionId": "httpRequest",
            "consumerInputs": masked(&scratch.consumer_inputs),
            "request": payload.to_string(),
            "requestAttempts": 0,
            "requestDuration": 0.0,
            "queuedDate": time(now),
        },
    }))
}
