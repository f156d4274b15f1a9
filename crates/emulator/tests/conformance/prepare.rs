//! Makes what an exchange needs: names of projects and teams that are there, and work items with the fields that
//! the recording shows of them. Answers are never seeded: what a request changes is left out.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::{
    names::{Kind, is_guid},
    recording::Exchange,
    replay::{Replay, encoded},
};

/// Learns the guids of seeded projects and teams, and says what a seed cannot.
pub fn projects(replay: &mut Replay) {
    let projects = std::mem::take(&mut replay.facts.projects);
    let ours = replay.make("GET", "_apis/projects?$top=1000", &Value::Null);
    for project in &projects {
        let found = ours["value"].as_array().into_iter().flatten().find(|p| p["name"] == project.name.as_str());
        let Some(own) = found.and_then(|p| p["id"].as_str()) else { continue };
        if let Some(guid) = &project.guid {
            replay.names.same_guid(guid, own);
        }
        if project.description.is_some() || project.visibility.is_some() {
            let mut body = Map::new();
            let members = [("description", &project.description), ("visibility", &project.visibility)];
            for (name, value) in members {
                if let Some(value) = value {
                    body.insert(name.into(), value.clone().into());
                }
            }
            replay.try_make("PATCH", &format!("_apis/projects/{own}"), &body.into());
        }
        let teams = replay.make("GET", &format!("_apis/projects/{own}/teams?$top=1000"), &Value::Null);
        for team in &project.teams {
            let found = teams["value"].as_array().into_iter().flatten().find(|t| t["name"] == team.name.as_str());
            let Some(own_team) = found.and_then(|t| t["id"].as_str()) else { continue };
            if let Some(guid) = &team.guid {
                replay.names.same_guid(guid, own_team);
            }
            if let Some(description) = &team.description {
                let body = json!({"description": description});
                replay.try_make("PATCH", &format!("_apis/projects/{own}/teams/{own_team}"), &body);
            }
        }
    }
    replay.facts.projects = projects;
}

pub fn exchange(replay: &mut Replay, at: usize) {
    let exchange = &replay.recording.exchanges[at];
    let words = exchange.address.words();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let missing = exchange.status == 404;
    if missing {
        return;
    }
    match words.as_slice() {
        ["wit", "workitems", kind, ..] if kind.starts_with('$') => {}
        ["wit", "workitems", id, ..] => {
            let id = id.parse().ok().or_else(|| exchange.response_body["id"].as_i64());
            if let Some(id) = id {
                item(replay, id, at);
            }
        }
        ["wit", "workitems" | "workitemsbatch"] => {
            let listed = exchange.address.query("ids").unwrap_or_default();
            let mut ids: Vec<i64> = listed.split(',').filter_map(|id| id.trim().parse().ok()).collect();
            ids.extend(exchange.request_body["ids"].as_array().into_iter().flatten().filter_map(Value::as_i64));
            ids.into_iter().for_each(|id| item(replay, id, at));
        }
        ["wit", "wiql", ..] => {
            let found = exchange.response_body["workItems"].as_array().into_iter().flatten();
            let ids: Vec<i64> = found.filter_map(|w| w["id"].as_i64()).collect();
            ids.into_iter().for_each(|id| item(replay, id, at));
            if let ["wit", "wiql", guid] = words.as_slice() {
                kept_query(replay, guid, at);
            }
        }
        _ => {}
    }
    mentioned(replay, &replay.recording.exchanges[at].request_body, at);
}

/// A query whose id the recording uses without showing its text: one that selects and sorts by the recorded columns,
/// over the items that were found.
fn kept_query(replay: &mut Replay, guid: &str, at: usize) {
    if !is_guid(guid) || replay.knows(guid) {
        return;
    }
    let exchange = &replay.recording.exchanges[at];
    let body = &exchange.response_body;
    let names = |list: &Value, inside: &str| -> Vec<String> {
        let list = list.as_array().into_iter().flatten();
        let name = |e: &Value| if inside.is_empty() { e["referenceName"].clone() } else { e[inside]["referenceName"].clone() };
        list.filter_map(|e| name(e).as_str().map(|n| format!("[{n}]"))).collect()
    };
    let found = body["workItems"].as_array().into_iter().flatten();
    let ids: Vec<String> =
        found.filter_map(|w| replay.names.number(Kind::Item, w["id"].as_i64()?)).map(|n| n.to_string()).collect();
    let order = names(&body["sortColumns"], "field");
    let columns = names(&body["columns"], "").join(", ");
    let mut wiql = if body["workItemRelations"].is_array() {
        format!("SELECT {columns} FROM WorkItemLinks WHERE [System.Links.LinkType] = 'System.LinkTypes.Hierarchy-Forward'")
    } else {
        format!("SELECT {columns} FROM WorkItems WHERE [System.Id] IN (0, {})", ids.join(", ").trim_end_matches(", "))
    };
    if ids.is_empty() {
        wiql = wiql.replace("(0, )", "(0)");
    }
    if !order.is_empty() {
        wiql = format!("{wiql} ORDER BY {}", order.join(", "));
    }
    if body["workItemRelations"].is_array() {
        wiql = format!("{wiql} MODE (Recursive)");
    }
    let scope = exchange.address.scope.first().cloned();
    let Some(project) = scope.or_else(|| replay.facts.projects.first().map(|p| p.name.clone())) else { return };
    let path = format!("{}/_apis/wit/queries/Shared%20Queries", encoded(&project));
    let made = replay.make("POST", &path, &json!({"name": guid, "wiql": wiql}));
    if let Some(own) = made["id"].as_str() {
        replay.names.same_guid(guid, own);
    }
}

/// Work items and attachments that a body points to.
fn mentioned(replay: &mut Replay, body: &Value, at: usize) {
    match body {
        Value::Object(members) => members.values().for_each(|v| mentioned(replay, v, at)),
        Value::Array(list) => list.iter().for_each(|v| mentioned(replay, v, at)),
        Value::String(text) => {
            let path = text.split('?').next().unwrap_or(text);
            let Some((head, last)) = path.rsplit_once('/') else { return };
            let head = head.to_lowercase();
            if head.ends_with("/workitems") && let Ok(id) = last.parse::<i64>() {
                item(replay, id, at);
            } else if head.ends_with("/attachments") && is_guid(last) && !replay.knows(last) {
                attachment(replay, last, text);
            }
        }
        _ => {}
    }
}

fn attachment(replay: &mut Replay, guid: &str, url: &str) {
    let name = url.split_once("fileName=").map_or("file.txt", |(_, name)| name).to_owned();
    let made = replay.make("POST", &format!("_apis/wit/attachments?fileName={name}"), &json!({"some": "content"}));
    if let Some(own) = made["id"].as_str() {
        replay.names.same_guid(guid, own);
    }
}

/// Fields that follow from others or that only the service sets.
fn derived(name: &str) -> bool {
    const DERIVED: [&str; 20] = [
        "System.Id",
        "System.Rev",
        "System.AreaId",
        "System.NodeName",
        "System.IterationId",
        "System.TeamProject",
        "System.WorkItemType",
        "System.AuthorizedDate",
        "System.AuthorizedAs",
        "System.RevisedDate",
        "System.PersonId",
        "System.Watermark",
        "System.CommentCount",
        "System.History",
        "System.Parent",
        "System.BoardColumn",
        "System.BoardColumnDone",
        "System.BoardLane",
        "System.IsDeleted",
        "System.ChangedBy",
    ];
    DERIVED.contains(&name)
        || name.starts_with("WEF_")
        || name.starts_with("System.AreaLevel")
        || name.starts_with("System.IterationLevel")
        || name.ends_with("Count")
}

/// What the recording shows of an item from exchange `at` on.
#[derive(Default)]
struct Seen {
    fields: BTreeMap<String, Value>,
    relations: Vec<Value>,
    rev: Option<i64>,
}

fn seen(replay: &Replay, id: i64, at: usize) -> Seen {
    let mut seen = Seen::default();
    for exchange in &replay.recording.exchanges[at..] {
        let words = exchange.address.words();
        let own = words.get(1).is_some_and(|w| w == "workitems" || w == "recyclebin")
            && words.get(2).is_some_and(|w| w.parse() == Ok(id) || w == "{id}");
        let writes = exchange.method != "GET" && own;
        let mut written = Vec::new();
        let (mut revises, mut added) = (exchange.method == "DELETE", Vec::new());
        if writes {
            for operation in exchange.request_body.as_array().into_iter().flatten() {
                let path = operation["path"].as_str().unwrap_or_default();
                if let Some(field) = path.strip_prefix("/fields/") {
                    written.push(field.to_owned());
                    revises = true;
                }
                if path.eq_ignore_ascii_case("/relations/-") {
                    let rel = operation["value"]["rel"].as_str().unwrap_or_default();
                    revises |= ["AttachedFile", "ArtifactLink", "Hyperlink"].contains(&rel);
                    added.push(operation["value"].clone());
                }
            }
        }
        let state_written = written.iter().any(|f| f == "System.State");
        sighting(&exchange.response_body, id, &mut |object| {
            let before = object["rev"].as_i64().map(|rev| if writes && revises { rev - 1 } else { rev });
            seen.rev = seen.rev.or(before);
            let fields = object["fields"].as_object().into_iter().flatten();
            for (name, value) in fields {
                let follows = state_written && (name == "System.Reason" || name.starts_with("Microsoft.VSTS.Common.") && name.ends_with("Date"));
                if !derived(name) && !written.contains(name) && !follows {
                    seen.fields.entry(name.clone()).or_insert_with(|| value.clone());
                }
                if name == "System.WorkItemType" || name == "System.TeamProject" {
                    seen.fields.entry(name.clone()).or_insert_with(|| value.clone());
                }
            }
            if seen.relations.is_empty() {
                let target = |r: &Value| r["url"].as_str().and_then(|u| u.split('?').next()).and_then(|u| u.rsplit('/').next()).map(str::to_lowercase);
                let relations = object["relations"].as_array().into_iter().flatten();
                seen.relations.extend(relations.filter(|r| !added.iter().any(|a| a["rel"] == r["rel"] && target(a) == target(r))).cloned());
            }
        });
        if writes {
            break;
        }
    }
    seen
}

/// Calls back for every object of a body that shows the item.
fn sighting(body: &Value, id: i64, found: &mut dyn FnMut(&Value)) {
    match body {
        Value::Object(members) => {
            if members.get("id").and_then(Value::as_i64) == Some(id) && members.contains_key("fields") {
                found(body);
            }
            members.values().for_each(|v| sighting(v, id, found));
        }
        Value::Array(list) => list.iter().for_each(|v| sighting(v, id, found)),
        _ => {}
    }
}

/// Makes the item, unless there is one already.
pub fn item(replay: &mut Replay, id: i64, at: usize) {
    if replay.names.number(Kind::Item, id).is_some() {
        return;
    }
    let seen = seen(replay, id, at);
    let text = |name: &str| seen.fields.get(name).and_then(Value::as_str).map(str::to_owned);
    let exchange: &Exchange = &replay.recording.exchanges[at];
    let scope = exchange.address.scope.first().map(|name| replay.names.translated(name, ""));
    let known = replay.facts.projects.first().map(|p| p.name.clone());
    let project = text("System.TeamProject").or(scope).or(known).unwrap_or_else(|| panic!("no project for {id}"));
    let kind = text("System.WorkItemType").unwrap_or_else(|| "Task".into());
    let title = text("System.Title").unwrap_or_else(|| format!("Item {id}"));
    let rev = seen.rev.unwrap_or(1);
    let mut operations = Vec::new();
    let mut set = |name: &str, value: Value| {
        operations.push(json!({"op": "add", "path": format!("/fields/{name}"), "value": value}));
    };
    for (name, value) in &seen.fields {
        let person = value["uniqueName"].as_str();
        let value = person.map_or_else(|| value.clone(), Value::from);
        if !["System.Title", "System.TeamProject", "System.WorkItemType"].contains(&name.as_str()) {
            set(name, value);
        }
    }
    set("System.Title", if rev > 1 { format!("{title} 1").into() } else { title.clone().into() });
    if let Some(date) = text("System.ChangedDate").or(text("System.CreatedDate")) {
        operations.retain(|o| o["path"] != "/fields/System.ChangedDate");
        operations.push(json!({"op": "add", "path": "/fields/System.ChangedDate", "value": text("System.CreatedDate").unwrap_or(date)}));
    }
    let path = format!("{}/_apis/wit/workitems/${}?bypassRules=true", encoded(&project), encoded(&kind));
    let made = replay.make("POST", &path, &operations.into());
    let Some(own) = made["id"].as_i64() else { return };
    replay.names.same_number(Kind::Item, id, own);
    relate(replay, own, &seen.relations, at);
    let mut current = replay.make("GET", &format!("_apis/wit/workitems/{own}"), &Value::Null)["rev"].as_i64().unwrap_or(rev);
    while current < rev {
        current += 1;
        let title = if current == rev { title.clone() } else { format!("{title} {current}") };
        let mut patch = vec![json!({"op": "add", "path": "/fields/System.Title", "value": title})];
        for name in ["System.ChangedDate", "System.ChangedBy"] {
            let value = seen.fields.get(name);
            if let Some(value) = value.map(|v| v["uniqueName"].as_str().map_or_else(|| v.clone(), Value::from)) {
                patch.push(json!({"op": "add", "path": format!("/fields/{name}"), "value": value}));
            }
        }
        replay.make("PATCH", &format!("_apis/wit/workitems/{own}?bypassRules=true"), &patch.into());
    }
}

fn relate(replay: &mut Replay, own: i64, relations: &[Value], at: usize) {
    for relation in relations.iter().rev() {
        mentioned(replay, &relation["url"], at);
        let url = relation["url"].as_str().unwrap_or_default();
        let url = replay.names.translated(url, &replay.base());
        let value = json!({"rel": relation["rel"], "url": url, "attributes": {"name": relation["attributes"]["name"], "comment": relation["attributes"]["comment"]}});
        // Both ends may show the same link.
        replay.try_make("PATCH", &format!("_apis/wit/workitems/{own}"), &json!([{"op": "add", "path": "/relations/-", "value": value}]));
    }
}
