//! The subscription routes: create, read, change, delete, query, history, test notifications.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};
use url::{Host, Url};
use uuid::Uuid;

use super::{
    super::{
        call::{Answer, Reply, World, collection, ok, time},
        errors::ApiError,
    },
    Status, Subscription,
    catalogue::{COMMON_INPUTS, CONFIDENTIAL, CONSUMER_INPUTS, EVENTS, VERSIONS},
    notifications,
};

const STARS: &str = "********";

pub(super) fn route(world: &mut World, method: &str, rest: &[&str]) -> Answer {
    match (method, rest) {
        ("POST", ["subscriptions"]) => create(world),
        ("GET", ["subscriptions"]) => list(world),
        ("GET", ["subscriptions", id]) => {
            let id = find(world, id)?;
            ok(subscription_json(world, &world.org.subscriptions[&id]))
        }
        ("PUT", ["subscriptions", id]) => replace(world, id),
        ("PUT", ["subscriptions"]) => {
            let sent: Value = world.call.json("subscription")?;
            replace(world, sent["id"].as_str().unwrap_or_default())
        }
        ("DELETE", ["subscriptions", id]) => {
            let id = find(world, id)?;
            world.org.subscriptions.remove(&id);
            world.org.deliveries.retain(|_, d| d.subscription != id);
            world.org.notifications.retain(|n| n.subscription != id);
            world.wrote = true;
            Ok(Reply::Empty(204))
        }
        ("POST", ["subscriptionsquery"]) => query(world),
        ("GET", ["subscriptions", id, "notifications"]) => notifications::history(world, find(world, id)?),
        ("GET", ["subscriptions", id, "notifications", number]) => {
            notifications::one(world, find(world, id)?, number)
        }
        ("POST", ["notificationsquery"]) => notifications::query(world),
        ("POST", ["testnotifications"]) => notifications::test(world),
        _ => Err(ApiError::no_controller(&world.call.raw_path)),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sent {
    publisher_id: String,
    event_type: String,
    resource_version: Option<String>,
    consumer_id: String,
    consumer_action_id: String,
    #[serde(default)]
    publisher_inputs: BTreeMap<String, Option<String>>,
    #[serde(default)]
    consumer_inputs: BTreeMap<String, Option<String>>,
    status: Option<Status>,
}

fn filled(inputs: &BTreeMap<String, Option<String>>) -> BTreeMap<String, String> {
    inputs.iter().map(|(k, v)| (k.clone(), v.clone().unwrap_or_default())).collect()
}

fn create(world: &mut World) -> Answer {
    let sent: Sent = world.call.json("subscription")?;
    let mut publisher_inputs = filled(&sent.publisher_inputs);
    let consumer_inputs = filled(&sent.consumer_inputs);
    check(world, &sent, &publisher_inputs, &consumer_inputs)?;
    publisher_inputs.insert("hostId".into(), world.org.id.to_string());
    publisher_inputs.insert("tfsSubscriptionId".into(), world.ids.guid().to_string());
    let id = world.ids.guid();
    let (now, actor) = (world.call.now, world.call.actor);
    let subscription = Subscription {
        id,
        event_type: sent.event_type,
        resource_version: sent.resource_version.filter(|v| !v.is_empty()).unwrap_or_else(|| "latest".into()),
        publisher_inputs,
        consumer_inputs,
        status: Status::Enabled,
        created_by: actor,
        created: now,
        modified_by: actor,
        modified: now,
        probation_retries: 0,
        last_notification: 0,
    };
    world.org.subscriptions.insert(id, subscription);
    world.wrote = true;
    ok(subscription_json(world, &world.org.subscriptions[&id]))
}

fn replace(world: &mut World, id: &str) -> Answer {
    let id = find(world, id)?;
    let sent: Sent = world.call.json("subscription")?;
    let old = world.org.subscriptions[&id].clone();
    let mut publisher_inputs = filled(&sent.publisher_inputs);
    let mut consumer_inputs = filled(&sent.consumer_inputs);
    for (name, value) in &mut consumer_inputs {
        // What was masked on the way out is kept when it comes back.
        if CONFIDENTIAL.contains(&name.as_str()) && value == STARS {
            old.consumer(name).clone_into(value);
        }
    }
    check(world, &sent, &publisher_inputs, &consumer_inputs)?;
    for name in ["hostId", "tfsSubscriptionId"] {
        publisher_inputs.insert(name.into(), old.publisher(name).to_owned());
    }
    let (now, actor) = (world.call.now, world.call.actor);
    let subscription = world.org.subscriptions.get_mut(&id).expect("found just now");
    subscription.event_type = sent.event_type;
    if let Some(version) = sent.resource_version {
        subscription.resource_version = version;
    }
    subscription.publisher_inputs = publisher_inputs;
    subscription.consumer_inputs = consumer_inputs;
    subscription.modified_by = actor;
    subscription.modified = now;
    match sent.status {
        Some(Status::Enabled) => {
            subscription.status = Status::Enabled;
            subscription.probation_retries = 0;
        }
        Some(Status::DisabledByUser) => subscription.status = Status::DisabledByUser,
        _ => {}
    }
    world.wrote = true;
    ok(subscription_json(world, &world.org.subscriptions[&id]))
}

fn find(world: &World, id: &str) -> Result<Uuid, ApiError> {
    let parsed = Uuid::parse_str(id).ok().filter(|id| world.org.subscriptions.contains_key(id));
    parsed.ok_or_else(|| ApiError::no_subscription(id))
}

/// Checks a subscription as the service does before it takes it.
fn check(
    world: &World,
    sent: &Sent,
    publisher: &BTreeMap<String, String>,
    consumer: &BTreeMap<String, String>,
) -> Result<(), ApiError> {
    let invalid = |text: String| Err(ApiError::subscription_invalid(text));
    if sent.publisher_id != "tfs" {
        return invalid(format!("Publisher {} does not exist.", sent.publisher_id));
    }
    let Some((_, _, own_inputs)) = EVENTS.iter().find(|(id, ..)| *id == sent.event_type) else {
        return invalid(format!("Event type {} does not exist for publisher tfs.", sent.event_type));
    };
    if sent.consumer_id != "webHooks" || sent.consumer_action_id != "httpRequest" {
        return invalid(format!("Consumer {} has no action {}.", sent.consumer_id, sent.consumer_action_id));
    }
    let version = sent.resource_version.as_deref().unwrap_or_default();
    if !VERSIONS.contains(&version) {
        return invalid(format!("Resource version {version} is not supported for {}.", sent.event_type));
    }
    let known = |name: &str| {
        COMMON_INPUTS.contains(&name)
            || own_inputs.contains(&name)
            || ["hostId", "tfsSubscriptionId"].contains(&name)
    };
    if let Some(name) = publisher.keys().find(|name| !known(name)) {
        return invalid(format!("The input {name} does not exist for event type {}.", sent.event_type));
    }
    if let Some(name) = consumer.keys().find(|name| !CONSUMER_INPUTS.contains(&name.as_str())) {
        return invalid(format!("The input {name} does not exist for consumer webHooks."));
    }
    let value = |inputs: &BTreeMap<String, String>, name: &str| inputs.get(name).cloned().unwrap_or_default();
    let project = value(publisher, "projectId");
    if !project.is_empty()
        && !world.org.projects.iter().any(|p| p.id.to_string().eq_ignore_ascii_case(&project))
    {
        return invalid(format!("The project {project} does not exist."));
    }
    let pattern = value(publisher, "commentPattern");
    if pattern.chars().count() > 1_024 || pattern.contains(['&', '<', '>', '\'', '"']) {
        return invalid("The value of commentPattern is not valid.".into());
    }
    check_receiver(world, consumer)
}

pub(super) fn check_receiver(world: &World, consumer: &BTreeMap<String, String>) -> Result<(), ApiError> {
    let invalid = |text: &str| Err(ApiError::subscription_invalid(text));
    let value = |name: &str| consumer.get(name).map_or("", String::as_str);
    let Ok(url) = Url::parse(value("url")) else { return invalid("The value of url is not a valid URI.") };
    if !matches!(url.scheme(), "http" | "https") {
        return invalid("The value of url must be an http or https address.");
    }
    let (user, password) = (value("basicAuthUsername"), value("basicAuthPassword"));
    for text in [user, password] {
        if text.chars().count() > 256 || text.chars().any(char::is_whitespace) {
            return invalid("User name and password have 1 to 256 characters and no white space.");
        }
    }
    for line in value("httpHeaders").lines().filter(|l| !l.trim().is_empty()) {
        let fits = line.split_once(':').is_some_and(|(name, text)| {
            !name.trim().is_empty() && !text.trim().is_empty() && !text.trim().contains(char::is_whitespace)
        });
        if !fits {
            return invalid(
                "The value of httpHeaders must be lines of Key:Value without white space in the value.",
            );
        }
    }
    if world.call.allow_local_hooks {
        return Ok(());
    }
    if url.scheme() == "http" && !(user.is_empty() && password.is_empty()) {
        return invalid("HTTPS is required for the URL when basic authentication is used.");
    }
    if is_special(&url) {
        return invalid("The URL must not be localhost or an address of a special range.");
    }
    Ok(())
}

/// Addresses that the service does not deliver to.
fn is_special(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => {
            ip.is_loopback()
                || ip.is_private()
                || ip.is_link_local()
                || ip.is_unspecified()
                || ip.is_broadcast()
                || ip.is_multicast()
        }
        Some(Host::Ipv6(ip)) => {
            let first = ip.segments()[0];
            let mapped = ip
                .to_ipv4_mapped()
                .is_some_and(|v4| v4.is_loopback() || v4.is_private() || v4.is_link_local());
            ip.is_loopback()
                || ip.is_unspecified()
                || ip.is_multicast()
                || mapped
                || first & 0xfe00 == 0xfc00
                || first & 0xffc0 == 0xfe80
        }
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.').to_ascii_lowercase();
            name == "localhost" || name.ends_with(".localhost")
        }
        None => true,
    }
}

/// The inputs as they may be shown.
pub(super) fn masked(inputs: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    inputs
        .iter()
        .map(|(name, value)| {
            let hidden = CONFIDENTIAL.contains(&name.as_str()) && !value.is_empty();
            (name.clone(), if hidden { STARS.to_owned() } else { value.clone() })
        })
        .collect()
}

fn subscription_json(world: &World, s: &Subscription) -> Value {
    let base = &world.call.base;
    let masked = masked(&s.consumer_inputs);
    let host =
        Url::parse(s.consumer("url")).ok().and_then(|u| u.host_str().map(str::to_owned)).unwrap_or_default();
    let kind = s.publisher("workItemType");
    let described =
        if kind.is_empty() { "Any work item".to_owned() } else { format!("Work item type {kind}") };
    json!({
        "id": s.id,
        "url": world.call.org_url(&format!("_apis/hooks/subscriptions/{}", s.id)),
        "status": s.status,
        "publisherId": "tfs",
        "eventType": s.event_type,
        "subscriber": null,
        "resourceVersion": s.resource_version,
        "eventDescription": described,
        "consumerId": "webHooks",
        "consumerActionId": "httpRequest",
        "actionDescription": format!("To host {host}"),
        "probationRetries": s.probation_retries,
        "createdBy": world.org.identity(s.created_by).object(base),
        "createdDate": time(s.created),
        "modifiedBy": world.org.identity(s.modified_by).object(base),
        "modifiedDate": time(s.modified),
        "publisherInputs": s.publisher_inputs,
        "consumerInputs": masked,
        "_links": {
            "self": {"href": world.call.org_url(&format!("_apis/hooks/subscriptions/{}", s.id))},
            "consumer": {"href": world.call.org_url("_apis/hooks/consumers/webHooks")},
            "notifications": {"href": world.call.org_url(&format!("_apis/hooks/subscriptions/{}/notifications", s.id))},
        },
    })
}

fn list(world: &World) -> Answer {
    let query = &world.call.query;
    let fits = |name: &str, value: &str| {
        query.get(name).is_none_or(|q| q.is_empty() || q.eq_ignore_ascii_case(value))
    };
    let all = world
        .org
        .subscriptions
        .values()
        .filter(|s| {
            fits("publisherId", "tfs")
                && fits("eventType", &s.event_type)
                && fits("consumerId", "webHooks")
                && fits("consumerActionId", "httpRequest")
        })
        .map(|s| subscription_json(world, s))
        .collect();
    ok(collection(all))
}

/// `POST …/subscriptionsquery` with all its filters; in a group of conditions all must hold, and one group of
/// each kind is enough. That a filter on a confidential input sees its stars is a guess.
fn query(world: &World) -> Answer {
    let sent: Value = world.call.json("query")?;
    let fits = |name: &str, value: &str| {
        sent[name].as_str().is_none_or(|q| q.is_empty() || q.eq_ignore_ascii_case(value))
    };
    let subscriber = |s: &Subscription| {
        sent["subscriberId"].as_str().is_none_or(|id| {
            id.is_empty() || Uuid::parse_str(id).is_ok_and(|id| id.is_nil() || id == s.created_by)
        })
    };
    let results: Vec<Value> = world
        .org
        .subscriptions
        .values()
        .filter(|s| {
            fits("publisherId", "tfs")
                && fits("eventType", &s.event_type)
                && fits("consumerId", "webHooks")
                && fits("consumerActionId", "httpRequest")
                && subscriber(s)
                && holds(&sent["publisherInputFilters"], &s.publisher_inputs)
                && holds(&sent["consumerInputFilters"], &masked(&s.consumer_inputs))
        })
        .map(|s| subscription_json(world, s))
        .collect();
    let mut body = sent.clone();
    body["results"] = results.into();
    ok(body)
}

fn holds(groups: &Value, inputs: &BTreeMap<String, String>) -> bool {
    let Some(groups) = groups.as_array().filter(|g| !g.is_empty()) else { return true };
    groups.iter().any(|group| {
        group["conditions"].as_array().is_some_and(|conditions| {
            conditions.iter().all(|condition| {
                let text = |name: &str| condition[name].as_str().unwrap_or_default();
                let input = inputs.get(text("inputId")).map_or("", String::as_str);
                let same = if condition["caseSensitive"].as_bool().unwrap_or(false) {
                    input == text("inputValue")
                } else {
                    input.eq_ignore_ascii_case(text("inputValue"))
                };
                same != text("operator").eq_ignore_ascii_case("notEquals")
            })
        })
    })
}
