//! What can be subscribed to and who can be told: the work item events of the publisher `tfs` and the web hook
//! consumer, with their inputs in the shape that was recorded (azure-devops.md section 9.1).

use serde_json::{Value, json};

use super::super::{
    call::{Answer, World, collection, ok},
    errors::ApiError,
    model::{Node, Project},
};
use crate::processes::fields;

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

/// Name, how it is asked for, and what a value must be.
fn described(id: &str) -> (&'static str, &'static str, Value) {
    let text = json!({"dataType": "string"});
    let guid = json!({"dataType": "guid"});
    let credential = json!({"dataType": "string", "pattern": "^[\\S]+$", "minLength": 1, "maxLength": 256});
    match id {
        "projectId" => ("Project", "combo", guid),
        "areaPath" => ("Area path", "combo", text),
        "workItemType" => ("Work item type", "combo", text),
        "tag" => ("Tag", "textBox", text),
        "subscriberId" => ("Subscriber", "none", guid),
        "teamId" => ("Team", "none", guid),
        "changedFields" => ("Field", "combo", text),
        "linksChanged" => ("Links are added or removed", "checkBox", json!({"dataType": "boolean"})),
        "commentPattern" => (
            "Contains string",
            "textBox",
            json!({"dataType": "string", "pattern": "^\\s*[^\\s&<>'\"][^&<>'\"]*$", "minLength": 1, "maxLength": 1024}),
        ),
        "url" => ("URL", "textBox", json!({"dataType": "uri", "isRequired": true})),
        "acceptUntrustedCerts" => {
            ("Accept untrusted SSL certificates", "checkBox", json!({"dataType": "boolean"}))
        }
        "basicAuthUsername" => ("Basic authentication username", "textBox", credential),
        "basicAuthPassword" => ("Basic authentication password", "passwordBox", credential),
        "httpHeaders" => ("HTTP headers", "textArea", text),
        "resourceDetailsToSend" => ("Resource details to send", "combo", text),
        "messagesToSend" => ("Messages to send", "combo", text),
        "detailedMessagesToSend" => ("Detailed messages to send", "combo", text),
        _ => ("Business justification", "textBox", text),
    }
}

fn choices(all: &[(&str, &str)]) -> Vec<Value> {
    all.iter().map(|(value, shown)| json!({"value": value, "displayValue": shown})).collect()
}

const ANY: (&str, &str) = ("", "[Any]");

fn input(id: &str) -> Value {
    let (name, mode, validation) = described(id);
    let dynamic = matches!(id, "projectId" | "areaPath" | "workItemType" | "changedFields");
    let messages =
        [("", "All"), ("text", "Text"), ("html", "HTML"), ("markdown", "Markdown"), ("none", "None")];
    let possible = match id {
        "resourceDetailsToSend" => choices(&[("", "All"), ("minimal", "Minimal"), ("none", "None")]),
        "messagesToSend" | "detailedMessagesToSend" => choices(&messages),
        _ if dynamic => choices(&[ANY]),
        _ => Vec::new(),
    };
    let mut values = json!({"inputId": id, "defaultValue": "", "possibleValues": possible});
    if mode == "combo" {
        values["isLimitedToPossibleValues"] = true.into();
    }
    let mut descriptor = json!({
        "id": id,
        "name": name,
        "description": name,
        "inputMode": mode,
        "isConfidential": CONFIDENTIAL.contains(&id),
        "useInDefaultDescription": false,
        "validation": validation,
        "values": values,
    });
    if dynamic {
        descriptor["hasDynamicValueInformation"] = true.into();
    }
    match id {
        "areaPath" | "workItemType" => descriptor["dependencyInputIds"] = json!(["projectId"]),
        "changedFields" => descriptor["dependencyInputIds"] = json!(["projectId", "workItemType"]),
        _ => {}
    }
    descriptor
}

fn event_json(world: &World, (id, name, inputs): &(&str, &str, &[&str])) -> Value {
    let descriptors: Vec<Value> = COMMON_INPUTS.iter().chain(*inputs).map(|i| input(i)).collect();
    json!({
        "publisherId": "tfs",
        "id": id,
        "url": world.call.org_url(&format!("_apis/hooks/publishers/tfs/eventTypes/{id}")),
        "name": name,
        "description": name,
        "supportedResourceVersions": VERSIONS[..5],
        "inputDescriptors": descriptors,
    })
}

fn publisher_json(world: &World) -> Value {
    let url = world.call.org_url("_apis/hooks/publishers/tfs");
    json!({
        "id": "tfs",
        "url": url,
        "name": "Azure DevOps Services",
        "description": "Publishes Azure DevOps Services events",
        "supportedEvents": EVENTS.iter().map(|e| event_json(world, e)).collect::<Vec<_>>(),
        "inputDescriptors": [input("projectId")],
        "_links": {"self": {"href": url}},
    })
}

pub(super) fn publishers(world: &World) -> Answer {
    ok(collection(vec![publisher_json(world)]))
}

/// `publishers/{name}` and what is below it.
pub(super) fn publisher(world: &World, method: &str, name: &str, rest: &[&str]) -> Answer {
    if !name.eq_ignore_ascii_case("tfs") {
        return Err(ApiError::not_in_catalogue("Publisher", name));
    }
    match (method, rest) {
        ("GET", []) => ok(publisher_json(world)),
        ("GET", ["eventtypes"]) => ok(collection(EVENTS.iter().map(|e| event_json(world, e)).collect())),
        ("GET", ["eventtypes", event]) => {
            let found = EVENTS.iter().find(|(id, ..)| id.eq_ignore_ascii_case(event));
            found.map_or_else(
                || Err(ApiError::not_in_catalogue("EventType", event)),
                |e| ok(event_json(world, e)),
            )
        }
        ("POST", ["inputvaluesquery"]) => input_values(world),
        _ => Err(ApiError::no_controller(&world.call.raw_path)),
    }
}

/// `POST publishersquery`: the publishers of these ids, or all.
pub(super) fn publishers_query(world: &World) -> Answer {
    let sent: Value = world.call.json("query")?;
    let ids = sent["publisherIds"].as_array().cloned().unwrap_or_default();
    let named = |id: &Value| id.as_str().is_some_and(|id| id.eq_ignore_ascii_case("tfs"));
    let wanted = ids.is_empty() || ids.iter().any(named);
    let mut body = sent.clone();
    body["results"] = if wanted { json!([publisher_json(world)]) } else { json!([]) };
    ok(body)
}

fn action_json(world: &World) -> Value {
    json!({
        "id": "httpRequest",
        "consumerId": "webHooks",
        "url": world.call.org_url("_apis/hooks/consumers/webHooks/actions/httpRequest"),
        "name": "Post via HTTP",
        "description": "Posts a JSON object that represents the event to the URL.",
        "supportedEventTypes": ["*"],
        "supportedResourceVersions": {},
        "allowResourceVersionOverride": true,
        "inputDescriptors": CONSUMER_INPUTS.iter().map(|i| input(i)).collect::<Vec<_>>(),
    })
}

fn consumer_json(world: &World) -> Value {
    let url = world.call.org_url("_apis/hooks/consumers/webHooks");
    json!({
        "id": "webHooks",
        "url": url,
        "name": "Web Hooks",
        "description": "Provides event communication via HTTP",
        "informationUrl": "https://go.microsoft.com/fwlink/?LinkID=390531",
        "authenticationType": "none",
        "inputDescriptors": [],
        "actions": [action_json(world)],
        "_links": {"self": {"href": url}},
    })
}

pub(super) fn consumers(world: &World) -> Answer {
    ok(collection(vec![consumer_json(world)]))
}

/// `consumers/{name}` and its actions.
pub(super) fn consumer(world: &World, name: &str, rest: &[&str]) -> Answer {
    if !name.eq_ignore_ascii_case("webHooks") {
        return Err(ApiError::not_in_catalogue("Consumer", name));
    }
    match rest {
        [] => ok(consumer_json(world)),
        ["actions"] => ok(collection(vec![action_json(world)])),
        ["actions", action] if action.eq_ignore_ascii_case("httpRequest") => ok(action_json(world)),
        ["actions", action] => Err(ApiError::not_in_catalogue("ConsumerAction", action)),
        _ => Err(ApiError::no_controller(&world.call.raw_path)),
    }
}

/// `POST publishers/tfs/inputValuesQuery`: choices for inputs, where other inputs have these values.
fn input_values(world: &World) -> Answer {
    let sent: Value = world.call.json("inputValuesQuery")?;
    let current = |name: &str| sent["currentValues"][name].as_str().unwrap_or_default();
    let project = current("projectId");
    let project = world.org.projects.iter().find(|p| p.id.to_string().eq_ignore_ascii_case(project));
    let answers: Vec<Value> = sent["inputValues"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|asked| {
            let id = asked["inputId"].as_str().unwrap_or_default();
            let found = possible_values(world, id, project, current("workItemType"));
            let pairs: Vec<(&str, &str)> = found.iter().map(|(v, s)| (v.as_str(), s.as_str())).collect();
            let mut possible = choices(&[ANY]);
            possible.extend(choices(&pairs));
            json!({"inputId": id, "defaultValue": "", "possibleValues": possible, "isLimitedToPossibleValues": true})
        })
        .collect();
    let mut body = sent.clone();
    body["inputValues"] = answers.into();
    ok(body)
}

/// Values and how they are shown.
fn possible_values(
    world: &World,
    input: &str,
    project: Option<&Project>,
    kind: &str,
) -> Vec<(String, String)> {
    let same = |name: &String| (name.clone(), name.clone());
    let Some(project) = project else {
        let all = world.org.projects.iter().map(|p| (p.id.to_string(), p.name.clone()));
        return if input == "projectId" { all.collect() } else { Vec::new() };
    };
    let types = &project.definition().types;
    match input {
        "projectId" => world.org.projects.iter().map(|p| (p.id.to_string(), p.name.clone())).collect(),
        "workItemType" => types.iter().map(|t| same(&t.name)).collect(),
        "areaPath" => {
            let mut paths = Vec::new();
            area_paths(&project.areas, "", &mut paths);
            paths.iter().map(same).collect()
        }
        "tag" => project.tags.iter().map(|t| same(&t.name)).collect(),
        "teamId" => project.teams.iter().map(|t| (t.id.to_string(), t.name.clone())).collect(),
        "changedFields" => {
            let of_kind = |name: &str| {
                types
                    .iter()
                    .filter(|t| kind.is_empty() || t.name.eq_ignore_ascii_case(kind))
                    .any(|t| t.field(name).is_some())
            };
            let mut found: Vec<(String, String)> = fields()
                .values()
                .filter(|f| f.reference_name.starts_with("System.") || of_kind(&f.reference_name))
                .map(|f| (f.reference_name.clone(), f.name.clone()))
                .collect();
            found.sort();
            found
        }
        _ => Vec::new(),
    }
}

fn area_paths(node: &Node, above: &str, all: &mut Vec<String>) {
    let path = if above.is_empty() { node.name.clone() } else { format!("{above}\\{}", node.name) };
    all.push(path.clone());
    for child in &node.children {
        area_paths(child, &path, all);
    }
}
