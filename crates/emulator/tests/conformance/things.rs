//! Makes what is no work item: nodes, iterations of teams, boards, tags, attachments, comments, deleted items and
//! the history of an item, so far as an exchange needs them and the recording shows what they are.

use serde_json::{Value, json};

use crate::{
    names::{Kind, is_guid},
    prepare,
    replay::{Replay, encoded},
};

/// The part of an address before `_apis`, in our words.
fn scope(replay: &Replay, at: usize, parts: usize) -> String {
    let scope = replay.recording.exchanges[at].address.scope.iter().take(parts);
    scope.map(|s| encoded(&replay.names.translated(s, "")) + "/").collect()
}

/// Nodes on the way of the address, below the shown node, and those that numbers name.
pub fn nodes(replay: &mut Replay, at: usize) {
    let recording = replay.recording;
    let exchange = &recording.exchanges[at];
    let root = format!("{}_apis/wit/classificationnodes", scope(replay, at, 1));
    let group = exchange.address.path.get(2).cloned().unwrap_or_default();
    let segments: Vec<String> = exchange
        .address
        .path
        .iter()
        .skip(3)
        .flat_map(|s| s.split(['\\', '/']).map(str::to_owned).collect::<Vec<_>>())
        .filter(|s| !s.is_empty())
        .collect();
    if exchange.method != "POST" {
        let mut path = format!("{root}/{group}");
        for segment in &segments {
            replay.try_make("POST", &path, &json!({"name": segment}));
            path = format!("{path}/{}", encoded(segment));
        }
        if exchange.method == "GET" && exchange.address.query("ids").is_none() {
            below(replay, &path, &exchange.response_body);
        }
        if !segments.is_empty() && exchange.method != "DELETE" {
            let sent = &exchange.request_body["attributes"];
            let dates =
                if sent.is_null() { exchange.response_body["attributes"].clone() } else { Value::Null };
            if !dates.is_null() && exchange.method == "GET" {
                replay.try_make("PATCH", &path, &json!({"attributes": dates}));
            }
        }
    } else if let Some((_, above)) = segments.split_last().filter(|_| exchange.request_body["id"].is_null()) {
        let mut path = format!("{root}/{group}");
        for segment in above {
            replay.try_make("POST", &path, &json!({"name": segment}));
            path = format!("{path}/{}", encoded(segment));
        }
    }
    if let Some(id) = exchange.address.query("$reclassifyId").and_then(|n| n.parse().ok()) {
        let own = replay.make("GET", &format!("{root}/{group}"), &Value::Null);
        if let Some(own) = own["id"].as_i64().filter(|_| replay.names.number(Kind::Node, id).is_none()) {
            replay.names.same_number(Kind::Node, id, own);
        }
    }
    if exchange.address.query("ids").is_some() {
        for node in exchange.response_body["value"].as_array().into_iter().flatten() {
            named_node(replay, &root, node);
        }
    }
}

/// Children of a node, and of theirs.
fn below(replay: &mut Replay, path: &str, node: &Value) {
    for child in node["children"].as_array().into_iter().flatten() {
        let Some(name) = child["name"].as_str() else { continue };
        replay.try_make("POST", path, &json!({"name": name, "attributes": child["attributes"]}));
        below(replay, &format!("{path}/{}", encoded(name)), child);
    }
    if node["hasChildren"] == true && node["children"].is_null() {
        replay.try_make("POST", path, &json!({"name": "A child"}));
    }
}

/// A node that is asked for by its number.
fn named_node(replay: &mut Replay, root: &str, node: &Value) {
    let Some(id) = node["id"].as_i64().filter(|id| replay.names.number(Kind::Node, *id).is_none()) else {
        return;
    };
    let group = if node["structureType"] == "iteration" { "iterations" } else { "areas" };
    let path = node["path"].as_str().unwrap_or_default();
    let mut route = format!("{root}/{group}");
    for segment in path.split('\\').filter(|s| !s.is_empty()).skip(2) {
        replay.try_make("POST", &route, &json!({"name": segment}));
        route = format!("{route}/{}", encoded(segment));
    }
    below(replay, &route, node);
    let own = replay.make("GET", &route, &Value::Null);
    if let Some(own) = own["id"].as_i64() {
        replay.names.same_number(Kind::Node, id, own);
    }
}

/// An iteration that the address or the body names by its identifier.
pub fn iteration(replay: &mut Replay, at: usize, chosen: bool) {
    let recording = replay.recording;
    let exchange = &recording.exchanges[at];
    let body = &exchange.response_body;
    let named = exchange.address.path.get(3).map(String::as_str).or(exchange.request_body["id"].as_str());
    let Some(guid) = named.filter(|g| is_guid(g)) else { return };
    let path = body["path"].as_str().unwrap_or("P\\An iteration").to_owned();
    iteration_at(replay, at, guid, &path);
    let own = replay.names.guid(guid).unwrap_or_default().to_owned();
    let route = format!("{}_apis/work/teamsettings/iterations", scope(replay, at, 2));
    if chosen {
        replay.make("POST", &route, &json!({"id": own}));
    } else {
        replay.try_make("DELETE", &format!("{route}/{own}"), &Value::Null);
    }
}

/// The node behind an identifier, at a path that starts with the project.
pub fn iteration_at(replay: &mut Replay, at: usize, guid: &str, path: &str) {
    if replay.knows(guid) {
        return;
    }
    let mut route = format!("{}_apis/wit/classificationnodes/iterations", scope(replay, at, 1));
    for segment in path.split('\\').skip(1).filter(|s| !s.is_empty()) {
        replay.try_make("POST", &route, &json!({"name": segment}));
        route = format!("{route}/{}", encoded(segment));
    }
    let node = replay.make("GET", &route, &Value::Null);
    if let Some(own) = node["identifier"].as_str() {
        replay.names.same_guid(guid, own);
    }
}

/// A board by its id, with the recorded columns and rows: what a team decides about its board.
pub fn board(replay: &mut Replay, at: usize) {
    let recording = replay.recording;
    let exchange = &recording.exchanges[at];
    let route = format!("{}_apis/work/boards", scope(replay, at, 2));
    let boards = replay.make("GET", &route, &Value::Null);
    let named = exchange.address.path.get(2).cloned().unwrap_or_default();
    let name = exchange.response_body["name"].as_str().unwrap_or("Backlog items").to_owned();
    let all = boards["value"].as_array().cloned().unwrap_or_default();
    let wanted = if is_guid(&named) { name.as_str() } else { named.as_str() };
    let found = all.iter().find(|b| b["name"] == wanted).or(all.last());
    let Some(own) = found.and_then(|b| b["id"].as_str()) else { return };
    if is_guid(&named) {
        replay.names.same_guid(&named, own);
    }
    let listed = |word: &str| {
        let last = exchange.address.path.last().is_some_and(|s| s.eq_ignore_ascii_case(word));
        if last { exchange.response_body["value"].clone() } else { exchange.response_body[word].clone() }
    };
    for word in ["columns", "rows"] {
        let mut all = listed(word);
        for entry in all
            .as_array_mut()
            .into_iter()
            .flatten()
            .filter(|e| e["id"] != "00000000-0000-0000-0000-000000000000")
        {
            entry["id"] = Value::Null;
        }
        if all.is_array() && exchange.method == "GET" {
            replay.try_make("PUT", &format!("{route}/{own}/{word}"), &all);
        }
    }
}

/// A tag by its id.
pub fn tag(replay: &mut Replay, at: usize) {
    let exchange = &replay.recording.exchanges[at];
    let Some(guid) = exchange.address.path.get(2).filter(|g| is_guid(g)).cloned() else { return };
    let name = exchange.response_body["name"].as_str().unwrap_or("a tag").to_owned();
    let project = scope(replay, at, 1);
    let patch = json!([
        {"op": "add", "path": "/fields/System.Title", "value": "Tagged"},
        {"op": "add", "path": "/fields/System.Tags", "value": name},
    ]);
    replay.make("POST", &format!("{project}_apis/wit/workitems/$Bug"), &patch);
    let tags = replay.make("GET", &format!("{project}_apis/wit/tags"), &Value::Null);
    if let Some(own) = tags["value"][0]["id"].as_str() {
        replay.names.same_guid(&guid, own);
    }
}

/// Items that lie in the recycle bin: those that the address, the answer or a batch name.
pub fn recycled(replay: &mut Replay, at: usize) {
    let exchange = &replay.recording.exchanges[at];
    let number = |v: &Value| v.as_i64().or_else(|| v.as_str().and_then(|t| t.parse().ok()));
    let recording = replay.recording;
    let body = &recording.exchanges[at].response_body;
    let mut entries: Vec<Value> = body.as_array().or(body["value"].as_array()).cloned().unwrap_or_default();
    // The answers of a batch are JSON inside text.
    for entry in &mut entries {
        if let Some(inside) = entry["body"].as_str().and_then(|b| serde_json::from_str(b).ok()) {
            *entry = inside;
        }
    }
    if let Some(id) = exchange.address.path.get(2).and_then(|n| n.parse::<i64>().ok()) {
        entries = vec![if body.is_object() { body.clone() } else { json!({"id": id}) }];
    }
    for entry in entries.iter().filter(|e| e["fields"].is_null()) {
        let Some(id) = number(&entry["id"]).filter(|id| replay.names.number(Kind::Item, *id).is_none())
        else {
            continue;
        };
        let mut fields = entry["resource"]["fields"].clone();
        if fields.is_null() {
            fields = json!({"System.Title": entry["name"], "System.WorkItemType": entry["type"]});
        }
        let rev = entry["resource"]["rev"].as_i64().map_or(1, |rev| (rev - 2).max(1));
        prepare::item_as(replay, id, at, &json!({"fields": fields}), rev);
        let own = replay.names.number(Kind::Item, id).unwrap_or_default();
        replay.make("DELETE", &format!("_apis/wit/workitems/{own}"), &Value::Null);
    }
}

/// Comments of an item, in the order of their numbers.
pub fn comments(replay: &mut Replay, id: i64, at: usize) {
    let recording = replay.recording;
    let exchange = &recording.exchanges[at];
    let body = &exchange.response_body;
    let mut shown: Vec<&Value> = body["comments"].as_array().into_iter().flatten().collect();
    if shown.is_empty() && body["workItemId"].is_i64() && exchange.method != "POST" {
        shown.push(body);
    }
    let number = |c: &Value| c["id"].as_i64().or(c["commentId"].as_i64());
    let named = exchange.address.path.get(4).and_then(|n| n.parse().ok());
    let mut wanted: Vec<(i64, String)> = shown
        .iter()
        .filter_map(|c| Some((number(c)?, c["text"].as_str().unwrap_or("A comment").to_owned())))
        .collect();
    if wanted.is_empty() {
        wanted.extend(named.map(|n| (n, "A comment".to_owned())));
    }
    wanted.sort();
    let Some(own) = replay.names.number(Kind::Item, id) else { return };
    let project = replay.make("GET", &format!("_apis/wit/workitems/{own}"), &Value::Null);
    let project = encoded(project["fields"]["System.TeamProject"].as_str().unwrap_or_default());
    for (number, text) in wanted {
        if replay.names.number(Kind::Comment, number).is_some() {
            continue;
        }
        let route = format!("{project}/_apis/wit/workItems/{own}/comments");
        let made = replay.make("POST", &format!("{route}?api-version=7.1-preview.4"), &json!({"text": text}));
        if let Some(own) = made["id"].as_i64() {
            replay.names.same_number(Kind::Comment, number, own);
        }
    }
}

/// The past of an item: one save for every recorded revision.
pub fn history(replay: &mut Replay, id: i64, at: usize) {
    if replay.names.number(Kind::Item, id).is_some() {
        return;
    }
    let recording = replay.recording;
    let body = &recording.exchanges[at].response_body;
    let revisions: Vec<Value> = match body["value"].as_array() {
        Some(list) if list.iter().all(|r| r["fields"].is_object() && r["revisedBy"].is_null()) => {
            list.clone()
        }
        Some(list) => list.iter().map(snapshot).collect(),
        None => vec![body.clone()],
    };
    let first = revisions.iter().filter_map(|r| r["rev"].as_i64()).min().unwrap_or(1);
    prepare::item_as(replay, id, at, revisions.first().unwrap_or(body), first);
    let Some(own) = replay.names.number(Kind::Item, id) else { return };
    for pair in revisions.windows(2) {
        prepare::change(replay, own, &pair[0], &pair[1], at);
    }
}

/// What an update says about the state of the item after it.
fn snapshot(update: &Value) -> Value {
    let mut after = json!({"id": update["workItemId"], "rev": update["rev"], "fields": {}});
    for (name, change) in update["fields"].as_object().into_iter().flatten() {
        after["fields"][name] = change["newValue"].clone();
    }
    after["relations"] = update["relations"]["added"].clone();
    after["removed"] = update["relations"]["removed"].clone();
    after["partial"] = true.into();
    after
}
