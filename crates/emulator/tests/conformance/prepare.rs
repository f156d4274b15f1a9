//! Makes what an exchange needs: names of projects and teams that are there, and work items with the fields that
//! the recording shows of them. Answers are never seeded: what a request changes is left out.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::{
    compare,
    names::{Kind, is_guid},
    recording::Exchange,
    replay::{Replay, encoded},
    things,
};

/// Learns the guids of seeded projects and teams, and says what a seed cannot.
pub fn projects(replay: &mut Replay) {
    for (guid, list) in std::mem::take(&mut replay.facts.picklists) {
        let field = replay.make("GET", &format!("_apis/wit/fields/{}", list.field), &Value::Null);
        if let Some(own) = field["picklistId"].as_str() {
            replay.names.same_guid(&guid, own);
        }
    }
    let projects = std::mem::take(&mut replay.facts.projects);
    let ours = replay.make("GET", "_apis/projects?$top=1000", &Value::Null);
    for project in &projects {
        let found =
            ours["value"].as_array().into_iter().flatten().find(|p| p["name"] == project.name.as_str());
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
            let found =
                teams["value"].as_array().into_iter().flatten().find(|t| t["name"] == team.name.as_str());
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
        ["wit", "workitems", id, "revisions" | "updates", ..] => {
            if let Ok(id) = id.parse() {
                things::history(replay, id, at);
            }
        }
        ["wit", "workitems", id, rest @ ..] => {
            let shown = exchange.response_body["value"].as_array().into_iter().flatten();
            let ids: Vec<i64> = match id.parse() {
                Ok(id) => vec![id],
                Err(_) => shown.chain([&exchange.response_body]).filter_map(|i| i["id"].as_i64()).collect(),
            };
            for id in ids {
                item(replay, id, at);
                if rest.first() == Some(&"comments") {
                    things::comments(replay, id, at);
                }
            }
        }
        // A recording with several exchanges makes its nodes itself.
        ["wit", "reporting", ..] => {
            for shown in exchange.response_body["values"].as_array().cloned().into_iter().flatten() {
                let Some(id) = shown["id"].as_i64() else { continue };
                item_as(replay, id, at, &shown, shown["rev"].as_i64().unwrap_or(1));
                let own = replay.names.number(Kind::Item, id).unwrap_or_default();
                let made =
                    replay.make("GET", &format!("_apis/wit/workitems/{own}?$expand=all"), &Value::Null);
                let watermark = made["fields"]["System.Watermark"].as_i64().unwrap_or(1) - 1;
                replay.feed_from = replay.feed_from.min(watermark);
            }
        }
        ["wit", "classificationnodes", ..] if replay.recording.exchanges.len() == 1 => {
            things::nodes(replay, at)
        }
        ["wit", "recyclebin", ..] => things::recycled(replay, at),
        ["wit", "tags", _] => things::tag(replay, at),
        ["wit", "$batch"] => {
            things::recycled(replay, at);
            batched(replay, at);
        }
        ["wit", "attachments", guid] if is_guid(guid) && !replay.knows(guid) => {
            let chunked = if exchange.method == "PUT" { "&uploadType=chunked" } else { "" };
            attachment(replay, guid, &format!("?fileName=file.txt{chunked}"));
        }
        ["work", "boards", _, ..] => things::board(replay, at),
        ["work", "teamsettings", "iterations", _, ..] => things::iteration(replay, at, true),
        ["work", "teamsettings", "iterations"] if exchange.method == "POST" && exchange.status < 300 => {
            things::iteration(replay, at, false);
        }
        ["work", "teamsettings"] => {
            for name in ["defaultIteration", "backlogIteration"] {
                let shown = &exchange.response_body[name];
                let path = format!("P{}", shown["path"].as_str().unwrap_or_default());
                if let Some(guid) = shown["id"].as_str().filter(|g| !g.starts_with("00000000")) {
                    things::iteration_at(replay, at, guid, &path);
                }
            }
        }
        ["wit", "workitems" | "workitemsbatch"] => {
            let listed = exchange.address.query("ids").unwrap_or_default();
            let mut ids: Vec<i64> = listed.split(',').filter_map(|id| id.trim().parse().ok()).collect();
            ids.extend(
                exchange.request_body["ids"].as_array().into_iter().flatten().filter_map(Value::as_i64),
            );
            ids.into_iter().for_each(|id| item(replay, id, at));
        }
        ["wit", "wiql", ..] => {
            let found = exchange.response_body["workItems"].as_array().into_iter().flatten();
            let ids: Vec<i64> = found.filter_map(|w| w["id"].as_i64()).collect();
            ids.into_iter().for_each(|id| item(replay, id, at));
            linked(replay, at);
            if let ["wit", "wiql", guid] = words.as_slice() {
                kept_query(replay, guid, at);
            }
        }
        _ => {}
    }
    mentioned(replay, &replay.recording.exchanges[at].request_body, at);
}

/// Items that a batch changes; its answers are JSON inside text.
fn batched(replay: &mut Replay, at: usize) {
    let exchange = &replay.recording.exchanges[at];
    let answers = exchange.response_body["value"].as_array().cloned().unwrap_or_default();
    let mut links = Vec::new();
    for (operation, answer) in exchange.request_body.as_array().into_iter().flatten().zip(answers) {
        let uri = operation["uri"].as_str().unwrap_or_default().split('?').next().unwrap_or_default();
        let Some(id) = uri.to_lowercase().split_once("workitems/").and_then(|(_, id)| id.parse::<i64>().ok())
        else {
            continue;
        };
        let body: Value =
            answer["body"].as_str().and_then(|b| serde_json::from_str(b).ok()).unwrap_or_default();
        let rev = body["rev"].as_i64().unwrap_or(2) - 1;
        let mut before = body;
        for change in operation["body"].as_array().into_iter().flatten() {
            if let Some(name) = change["path"].as_str().and_then(|p| p.strip_prefix("/fields/")) {
                before["fields"].as_object_mut().map(|f| f.remove(name));
            }
        }
        before["fields"].as_object_mut().map(|f| f.remove("System.Reason"));
        let relations = before["relations"].take();
        item_as(replay, id, at, &before, rev);
        links.push((id, relations));
    }
    for (id, relations) in links {
        let own = replay.names.number(Kind::Item, id).unwrap_or_default();
        relate(replay, own, &relations.as_array().cloned().unwrap_or_default(), at);
    }
}

/// Items that a query over links shows, of a type that stands on a backlog, and their links.
fn linked(replay: &mut Replay, at: usize) {
    let exchange = &replay.recording.exchanges[at];
    let shown = exchange.response_body["workItemRelations"].as_array().cloned().unwrap_or_default();
    let number = |end: &Value| end["id"].as_i64();
    for id in shown.iter().filter_map(|r| number(&r["target"])) {
        let kind = json!({"fields": {"System.WorkItemType": "Product Backlog Item"}});
        item_as(replay, id, at, &kind, 1);
    }
    for relation in &shown {
        let (Some(from), Some(to)) = (number(&relation["source"]), number(&relation["target"])) else {
            continue;
        };
        let own = |id| replay.names.number(Kind::Item, id);
        let (Some(from), Some(to)) = (own(from), own(to)) else { continue };
        let url = format!("{}/_apis/wit/workItems/{to}", replay.base());
        let value = json!({"rel": relation["rel"], "url": url});
        let patch = json!([{"op": "add", "path": "/relations/-", "value": value}]);
        replay.make("PATCH", &format!("_apis/wit/workitems/{from}"), &patch);
    }
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
        let name = |e: &Value| {
            if inside.is_empty() { e["referenceName"].clone() } else { e[inside]["referenceName"].clone() }
        };
        list.filter_map(|e| name(e).as_str().map(|n| format!("[{n}]"))).collect()
    };
    let found = body["workItems"].as_array().into_iter().flatten();
    let ids: Vec<String> = found
        .filter_map(|w| replay.names.number(Kind::Item, w["id"].as_i64()?))
        .map(|n| n.to_string())
        .collect();
    let order = names(&body["sortColumns"], "field");
    let columns = names(&body["columns"], "").join(", ");
    let mut wiql = if body["workItemRelations"].is_array() {
        format!(
            "SELECT {columns} FROM WorkItemLinks WHERE [System.Links.LinkType] = 'System.LinkTypes.Hierarchy-Forward'"
        )
    } else {
        format!(
            "SELECT {columns} FROM WorkItems WHERE [System.Id] IN (0, {})",
            ids.join(", ").trim_end_matches(", ")
        )
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
    let Some(project) = scope.or_else(|| replay.facts.projects.first().map(|p| p.name.clone())) else {
        return;
    };
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
            if head.ends_with("/workitems")
                && let Ok(id) = last.parse::<i64>()
            {
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
    let content = if name.contains("chunked") { Value::Null } else { json!({"some": "content"}) };
    let made = replay.make("POST", &format!("_apis/wit/attachments?fileName={name}"), &content);
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
    comments: Option<i64>,
    /// Relations that the item was made with.
    first_relations: Vec<Value>,
    /// The comment that the newest revision holds.
    history: Option<String>,
}

fn seen(replay: &Replay, id: i64, at: usize) -> Seen {
    let mut seen = Seen::default();
    for exchange in &replay.recording.exchanges[at..] {
        let words = exchange.address.words();
        let own = words.get(1).is_some_and(|w| w == "workitems" || w == "recyclebin")
            && words.get(2).is_some_and(|w| w.parse() == Ok(id) || w == "{id}");
        let writes = exchange.method != "GET" && own;
        if writes && exchange.status >= 400 {
            // What exists already was there before.
            if exchange.response_body["typeKey"] == "RelationAlreadyExistsException" {
                let sent = exchange.request_body.as_array().into_iter().flatten();
                seen.relations.extend(sent.map(|o| o["value"].clone()).filter(|v| v["rel"].is_string()));
            }
            continue;
        }
        let mut written = Vec::new();
        let (mut revises, mut added) = (exchange.method == "DELETE", Vec::new());
        let mut gone = None;
        let mut tags_added = None;
        if writes {
            for operation in exchange.request_body.as_array().into_iter().flatten() {
                let path = operation["path"].as_str().unwrap_or_default();
                if let Some(field) = path.strip_prefix("/fields/") {
                    if field == "System.Tags" && (operation["op"] == "add" || operation["op"] == 0) {
                        tags_added = operation["value"].as_str().map(str::to_owned);
                    }
                    written.push(field.to_owned());
                    revises = true;
                }
                if path == "/rev" {
                    seen.rev = seen.rev.or(operation["value"].as_i64());
                }
                let index = path.strip_prefix("/relations/").and_then(|n| n.parse::<usize>().ok());
                gone = gone.or(index.filter(|_| operation["op"] == "remove" || operation["op"] == 1));
                if path.eq_ignore_ascii_case("/relations/-") {
                    let rel = operation["value"]["rel"].as_str().unwrap_or_default();
                    revises |= ["AttachedFile", "ArtifactLink", "Hyperlink"].contains(&rel);
                    added.push(operation["value"].clone());
                }
            }
        }
        let state_written = written.iter().any(|f| f == "System.State");
        sighting(&exchange.response_body, id, &mut |object| {
            if let (Some(rev), Some(before)) = (object["rev"].as_i64(), seen.rev.filter(|_| writes)) {
                revises |= rev > before;
            }
            let before = object["rev"].as_i64().map(|rev| if writes && revises { rev - 1 } else { rev });
            seen.rev = seen.rev.or(before);
            let commented = written.iter().any(|f| f == "System.History");
            let count = object["fields"]["System.CommentCount"].as_i64();
            seen.comments = seen.comments.or(count.map(|n| if commented { n - 1 } else { n }));
            let fields = object["fields"].as_object().into_iter().flatten();
            for (name, value) in fields {
                if name == "System.History"
                    && !written.contains(name)
                    && seen.rev.is_some()
                    && seen.history.is_none()
                {
                    seen.history = value.as_str().map(str::to_owned);
                }
                if name == "System.Tags" && tags_added.is_some() {
                    let sent: Vec<&str> =
                        tags_added.iter().flat_map(|t| t.split(';')).map(str::trim).collect();
                    let kept = value.as_str().unwrap_or_default().split("; ").filter(|t| !sent.contains(t));
                    let kept = kept.collect::<Vec<_>>().join("; ");
                    if !kept.is_empty() {
                        seen.fields.entry(name.clone()).or_insert_with(|| kept.into());
                    }
                }
                let follows = state_written
                    && (name == "System.Reason"
                        || name.starts_with("Microsoft.VSTS.Common.") && name.ends_with("Date"));
                if !derived(name) && !written.contains(name) && !follows {
                    seen.fields.entry(name.clone()).or_insert_with(|| value.clone());
                }
                if name == "System.WorkItemType" || name == "System.TeamProject" {
                    seen.fields.entry(name.clone()).or_insert_with(|| value.clone());
                }
            }
            if seen.relations.is_empty() {
                let target = |r: &Value| {
                    r["url"]
                        .as_str()
                        .and_then(|u| u.split('?').next())
                        .and_then(|u| u.rsplit('/').next())
                        .map(str::to_lowercase)
                };
                let relations = object["relations"].as_array().into_iter().flatten();
                let kind = |r: &Value| r["rel"].as_str().map(str::to_lowercase);
                let is_new = |r: &Value| added.iter().any(|a| kind(a) == kind(r) && target(a) == target(r));
                seen.relations.extend(relations.filter(|r| !is_new(r)).cloned());
                // What the request takes away was there: a link to another item if that made no revision.
                if let Some(at) = gone.take().filter(|at| *at >= seen.relations.len()) {
                    let mut lost =
                        json!({"rel": "Hyperlink", "url": "https://example.com/", "attributes": {}});
                    if !revises {
                        lost["rel"] = "System.LinkTypes.Related".into();
                        lost["url"] = "https://dev.azure.com/fabrikam/_apis/wit/workItems/987654".into();
                    }
                    seen.relations.resize(at, lost.clone());
                    seen.relations.push(lost);
                }
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
            let is_item = members.contains_key("fields") && !members.contains_key("revisedBy");
            if members.get("id").and_then(Value::as_i64) == Some(id) && is_item {
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
    if replay.names.number(Kind::Item, id).is_none() {
        let seen = seen(replay, id, at);
        make_item(replay, id, at, &seen);
    }
}

/// Makes the item with the fields and relations of a snapshot, unless there is one already.
pub fn item_as(replay: &mut Replay, id: i64, at: usize, shown: &Value, rev: i64) {
    if replay.names.number(Kind::Item, id).is_some() {
        return;
    }
    let fields = shown["fields"].as_object().into_iter().flatten();
    let relations = shown["relations"].as_array().cloned().unwrap_or_default();
    let kept = |name: &str| !derived(name) || name == "System.WorkItemType" || name == "System.TeamProject";
    let seen = Seen {
        fields: fields.filter(|(n, v)| kept(n) && **v != "").map(|(n, v)| (n.clone(), v.clone())).collect(),
        relations: if shown["partial"].is_null() { relations.clone() } else { Vec::new() },
        first_relations: if shown["partial"].is_null() { Vec::new() } else { relations },
        rev: Some(rev),
        comments: None,
        history: shown["fields"]["System.History"].as_str().map(str::to_owned),
    };
    make_item(replay, id, at, &seen);
}

/// Saves what differs between two snapshots of an item.
pub fn change(replay: &mut Replay, own: i64, before: &Value, after: &Value, at: usize) {
    let mut patch = Vec::new();
    let fields = after["fields"].as_object().into_iter().flatten();
    for (name, value) in fields {
        let written = !derived(name) || name == "System.History";
        if written && before["fields"][name] != *value {
            let value = value["uniqueName"].as_str().map_or_else(|| value.clone(), Value::from);
            patch.push(json!({"op": "replace", "path": format!("/fields/{name}"), "value": value}));
        }
    }
    let whole = after["partial"].is_null();
    for name in before["fields"].as_object().into_iter().flatten().map(|(name, _)| name) {
        if whole && !derived(name) && after["fields"][name].is_null() {
            patch.push(json!({"op": "remove", "path": format!("/fields/{name}")}));
        }
    }
    let removed = after["removed"].as_array().cloned().unwrap_or_default();
    if !removed.is_empty() {
        let item = replay.make("GET", &format!("_apis/wit/workitems/{own}?$expand=relations"), &Value::Null);
        let keys: Vec<Option<String>> =
            item["relations"].as_array().into_iter().flatten().map(|r| compare::key(r, None)).collect();
        for relation in &removed {
            let wanted = compare::key(relation, Some(&replay.names));
            if let Some(place) = keys.iter().position(|k| *k == wanted) {
                patch.push(json!({"op": "remove", "path": format!("/relations/{place}")}));
            }
        }
    }
    for relation in after["relations"].as_array().into_iter().flatten() {
        patch.push(added(replay, relation, at));
    }
    if !patch.is_empty() {
        replay.make("PATCH", &format!("_apis/wit/workitems/{own}?bypassRules=true"), &patch.into());
    }
}

/// The operation that adds a recorded relation.
fn added(replay: &mut Replay, relation: &Value, at: usize) -> Value {
    mentioned(replay, &relation["url"], at);
    let url = relation["url"].as_str().unwrap_or_default();
    let url = replay.names.translated(url, &replay.base());
    let attributes = &relation["attributes"];
    let value = json!({"rel": relation["rel"], "url": url, "attributes": {"name": attributes["name"], "comment": attributes["comment"]}});
    json!({"op": "add", "path": "/relations/-", "value": value})
}

fn make_item(replay: &mut Replay, id: i64, at: usize, seen: &Seen) {
    let text = |name: &str| seen.fields.get(name).and_then(Value::as_str).map(str::to_owned);
    let exchange: &Exchange = &replay.recording.exchanges[at];
    let scope = exchange.address.scope.first().map(|name| replay.names.translated(name, ""));
    let known =
        replay.facts.queried.clone().or_else(|| replay.facts.projects.first().map(|p| p.name.clone()));
    let project =
        text("System.TeamProject").or(scope).or(known).unwrap_or_else(|| panic!("no project for {id}"));
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
    let resources = seen
        .relations
        .iter()
        .filter(|r| !r["url"].as_str().is_some_and(|u| u.to_lowercase().contains("/workitems/")));
    let fillers = rev - 1 - i64::try_from(resources.count()).unwrap_or(0);
    set("System.Title", if fillers > 0 { format!("{title} 1").into() } else { title.clone().into() });
    if let Some(history) = seen.history.as_ref().filter(|_| fillers <= 0) {
        set("System.History", history.clone().into());
    }
    if let Some(date) = text("System.ChangedDate").or(text("System.CreatedDate")) {
        operations.retain(|o| o["path"] != "/fields/System.ChangedDate");
        operations.push(json!({"op": "add", "path": "/fields/System.ChangedDate", "value": text("System.CreatedDate").unwrap_or(date)}));
    }
    // Updates show the links that an item was made with; other preparations link later.
    for relation in seen.first_relations.iter() {
        operations.push(added(replay, relation, at));
    }
    let path = format!("{}/_apis/wit/workitems/${}?bypassRules=true", encoded(&project), encoded(&kind));
    let made = replay.make("POST", &path, &operations.into());
    let Some(own) = made["id"].as_i64() else { return };
    replay.names.same_number(Kind::Item, id, own);
    relate(replay, own, &seen.relations, at);
    replay.relations.entry(id).or_insert_with(|| seen.relations.clone());
    let mut current = replay.make("GET", &format!("_apis/wit/workitems/{own}"), &Value::Null)["rev"]
        .as_i64()
        .unwrap_or(rev);
    let mut comments = seen.comments.unwrap_or(0);
    while current < rev {
        current += 1;
        let title = if current == rev { title.clone() } else { format!("{title} {current}") };
        let mut patch = vec![json!({"op": "add", "path": "/fields/System.Title", "value": title})];
        if let Some(history) = seen.history.as_ref().filter(|_| current == rev) {
            patch.push(json!({"op": "add", "path": "/fields/System.History", "value": history}));
        } else if comments > i64::from(seen.history.is_some()) {
            comments -= 1;
            patch.push(json!({"op": "add", "path": "/fields/System.History", "value": "A comment"}));
        }
        for name in ["System.ChangedDate", "System.ChangedBy"] {
            let value = seen.fields.get(name);
            if let Some(value) =
                value.map(|v| v["uniqueName"].as_str().map_or_else(|| v.clone(), Value::from))
            {
                patch.push(json!({"op": "add", "path": format!("/fields/{name}"), "value": value}));
            }
        }
        replay.make("PATCH", &format!("_apis/wit/workitems/{own}?bypassRules=true"), &patch.into());
    }
}

fn relate(replay: &mut Replay, own: i64, relations: &[Value], at: usize) {
    for relation in relations.iter().rev() {
        let operation = added(replay, relation, at);
        // Both ends may show the same link.
        replay.try_make("PATCH", &format!("_apis/wit/workitems/{own}"), &json!([operation]));
    }
}
