//! What can be subscribed to and who can be told: the work item events of the publisher `tfs` and the web hook
//! consumer.

use serde_json::{Value, json};

use super::super::{
    call::{Answer, World, collection, ok},
    errors::ApiError,
};

/// Event types with their names and the inputs beyond those that all have.
pub(super) const EVENTS: [(&str, &str, &[&str]); 5] = [
    ("workitem.created", "Work item created", &["linksChanged"]),
    ("workitem.updated", "Work item updated", &["changedFields", "linksChanged"]),
    ("workitem.commented", "Work item commented on", &["commentPattern"]),
    ("workitem.deleted", "Work item deleted", &[]),
    ("workitem.restored", "Work item restored", &[]),
];

/// Inputs of every work item event.
pub(super) const COMMON_INPUTS: [&str; 6] =
    ["projectId", "areaPath", "workItemType", "tag", "subscriberId", "teamId"];

/// Resource versions that are delivered.
pub(super) const VERSIONS: [&str; 7] =
    ["1.0", "1.0-preview.1", "1.0-preview.2", "3.1-preview.3", "5.1-preview.3", "latest", ""];

/// Inputs of the web hook action.
pub(super) const CONSUMER_INPUTS: [&str; 9] = [
    "url",
    "acceptUntrustedCerts",
    "basicAuthUsername",
    "basicAuthPassword",
    "httpHeaders",
    "resourceDetailsToSend",
    "messagesToSend",
    "detailedMessagesToSend",
    "businessJustification",
];

/// Inputs that are never shown again.
pub(super) const CONFIDENTIAL: [&str; 2] = ["basicAuthPassword", "httpHeaders"];

fn input(id: &str) -> Value {
    let confidential = CONFIDENTIAL.contains(&id);
    json!({
        "id": id,
        "name": id,
        "inputMode": if confidential { "passwordBox" } else { "textBox" },
        "isConfidential": confidential,
        "useInDefaultDescription": false,
        "validation": {"dataType": if id == "url" { "uri" } else { "string" }, "isRequired": id == "url"},
        "values": {"inputId": id, "defaultValue": "", "possibleValues": []},
    })
}

fn event_json(world: &World, (id, name, inputs): &(&str, &str, &[&str])) -> Value {
    let descriptors: Vec<Value> = COMMON_INPUTS.iter().chain(*inputs).map(|i| input(i)).collect();
    json!({
        "publisherId": "tfs",
        "id": id,
        "url": world.call.org_url(&format!("_apis/hooks/publishers/tfs/eventTypes/{id}")),
        "name": name,
        "description": name,
        "supportedResourceVersions": ["1.0", "1.0-preview.1", "1.0-preview.2", "3.1-preview.3", "5.1-preview.3"],
        "inputDescriptors": descriptors,
    })
}

fn publisher_json(world: &World) -> Value {
    json!({
        "id": "tfs",
        "url": world.call.org_url("_apis/hooks/publishers/tfs"),
        "name": "Azure DevOps Services",
        "description": "Publishes Azure DevOps Services events",
        "supportedEvents": EVENTS.iter().map(|e| event_json(world, e)).collect::<Vec<_>>(),
        "inputDescriptors": [input("projectId")],
    })
}

pub(super) fn publishers(world: &World) -> Answer {
    ok(collection(vec![publisher_json(world)]))
}

pub(super) fn publisher(world: &World) -> Answer {
    ok(publisher_json(world))
}

pub(super) fn event_types(world: &World) -> Answer {
    ok(collection(EVENTS.iter().map(|e| event_json(world, e)).collect()))
}

pub(super) fn event_type(world: &World, name: &str) -> Answer {
    let found = EVENTS.iter().find(|(id, ..)| id.eq_ignore_ascii_case(name));
    found.map_or_else(
        || Err(ApiError::subscription_invalid(format!("Event type {name} does not exist."))),
        |e| ok(event_json(world, e)),
    )
}

fn consumer_json(world: &World) -> Value {
    let url = world.call.org_url("_apis/hooks/consumers/webHooks");
    json!({
        "id": "webHooks",
        "url": url,
        "name": "Web Hooks",
        "description": "Provides event communication via HTTP",
        "authenticationType": "none",
        "inputDescriptors": [],
        "actions": [{
            "consumerId": "webHooks",
            "id": "httpRequest",
            "url": format!("{url}/actions/httpRequest"),
            "name": "Post via HTTP",
            "description": "Post the event via HTTP",
            "supportedEventTypes": ["*"],
            "inputDescriptors": CONSUMER_INPUTS.iter().map(|i| input(i)).collect::<Vec<_>>(),
        }],
    })
}

pub(super) fn consumers(world: &World) -> Answer {
    ok(collection(vec![consumer_json(world)]))
}

pub(super) fn consumer(world: &World) -> Answer {
    ok(consumer_json(world))
}
