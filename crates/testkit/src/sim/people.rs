//! People who work on the board, by all of its rules. What the board refuses them they leave.

use std::sync::Arc;

use emulator::{Request, State};
use model::content::clip;
use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::sim::tally::Tally;
use crate::sim::wanderers;
use crate::sim::wire::Wire;

/// Unique name of the identity of Lockstep in the demo.
pub(crate) const LOCKSTEP: &str = "service@contoso.example";

/// Everything that a person can do on the board.
pub(crate) const DEEDS: &[&str] = &[
    "adds a tag",
    "asks for something in a comment",
    "changes a title",
    "changes a type",
    "changes priority or severity",
    "changes a comment",
    "comments",
    "copies a work item",
    "deletes",
    "deletes a comment",
    "destroys",
    "edits our block",
    "hides an area",
    "makes a work item",
    "merges a duplicate",
    "moves a card to a column",
    "moves a card to a state",
    "moves to another area",
    "moves to another project",
    "removes the text",
    "restores",
    "shows an area",
    "takes a file away",
    "takes our tag away",
    "writes around our block",
];

/// Somebody who works on the board.
pub(crate) fn a_person(state: &State) -> Option<Uuid> {
    state.directory().into_iter().flat_map(|organization| organization.people).next().map(|person| person.id)
}

/// A request of a person; `None` if the board refuses.
pub(crate) fn ask(wire: &Wire, method: &str, path: &str, body: &Value) -> Option<Value> {
    let answer = wire.board(|state, now| {
        let person = a_person(state)?;
        let kind = if body.is_array() { "application/json-patch+json" } else { "application/json" };
        let mut request = Request::new(method, &format!("/contoso/{path}"));
        if !body.is_null() {
            request = request.body(kind, body.to_string());
        }
        let answer = state.handle_as(now, person, request);
        (200..300).contains(&answer.status).then(|| answer.json())
    });
    let id = path.split('?').next().and_then(|path| path.rsplit('/').next()?.parse().ok());
    let area = answer.as_ref().and_then(|answer| answer["fields"]["System.AreaPath"].as_str());
    let is_move = method == "PATCH" && body.to_string().contains("System.AreaPath");
    if let (true, Some(id), Some(area)) = (is_move, id, area) {
        wire.was_put(id, area);
    }
    if let ("DELETE", Some(id), true) = (method, id, answer.is_some()) {
        wire.was_deleted(id);
    }
    answer
}

/// A work item as a person sees it.
pub(crate) fn item(wire: &Wire, id: i64) -> Option<Value> {
    ask(wire, "GET", &format!("_apis/wit/workitems/{id}?$expand=all&api-version=7.1"), &Value::Null)
}

/// What each revision of a work item changed, in a line.
pub(crate) fn tell_revisions(wire: &Wire, id: i64) -> Vec<String> {
    let revisions = revisions(wire, id);
    let before = std::iter::once(None).chain(revisions.iter().map(Some));
    let told = revisions.iter().zip(before).map(|(revision, before)| {
        let fields = revision["fields"].as_object().into_iter().flatten();
        let changed: Vec<String> = fields
            .filter(|(name, value)| before.is_none_or(|before| before["fields"][name.as_str()] != **value))
            .filter(|(name, _)| !name.starts_with("System.Changed") && !name.starts_with("WEF_"))
            .map(|(name, value)| {
                format!("{} = {}", name.rsplit('.').next().unwrap_or_default(), clip(&value.to_string(), 60))
            })
            .collect();
        let by = revision["fields"]["System.ChangedBy"]["displayName"].as_str().unwrap_or_default();
        format!("    revision {} by {by}: {}", revision["rev"], changed.join(", "))
    });
    told.collect()
}

/// All revisions of a work item, oldest first.
pub(crate) fn revisions(wire: &Wire, id: i64) -> Vec<Value> {
    let path = format!("_apis/wit/workItems/{id}/revisions?$expand=all&api-version=7.1");
    let answer = ask(wire, "GET", &path, &Value::Null).unwrap_or_default();
    answer["value"].as_array().cloned().unwrap_or_default()
}

/// Numbers of all work items that are not deleted.
pub(crate) fn live(wire: &Wire) -> Vec<i64> {
    let query = json!({ "query": "SELECT [System.Id] FROM WorkItems ORDER BY [System.Id]" });
    let answer = ask(wire, "POST", "_apis/wit/wiql?api-version=7.1", &query).unwrap_or_default();
    answer["workItems"].as_array().into_iter().flatten().filter_map(|item| item["id"].as_i64()).collect()
}

/// The deleted work items, as the recycle bins show them, each with its project.
pub(crate) fn recycled(wire: &Wire) -> Vec<(&'static str, Value)> {
    let mut items = Vec::new();
    for project in ["Webshop", wanderers::ELSEWHERE] {
        let bin = format!("{project}/_apis/wit/recyclebin");
        let list = ask(wire, "GET", &format!("{bin}?api-version=7.1"), &Value::Null).unwrap_or_default();
        for entry in list["value"].as_array().into_iter().flatten() {
            let id = entry["id"].as_i64().or_else(|| entry["id"].as_str()?.parse().ok());
            let path = format!("{bin}/{}?api-version=7.1", id.unwrap_or_default());
            items.extend(
                ask(wire, "GET", &path, &Value::Null).map(|entry| (project, entry["resource"].clone())),
            );
        }
    }
    items
}

fn restore(wire: &Wire, project: &str, id: &Value) -> bool {
    let path = format!("{project}/_apis/wit/recyclebin/{id}?api-version=7.1");
    ask(wire, "PATCH", &path, &json!({ "isDeleted": false })).is_some()
}

/// Restores everything that was deleted.
pub(crate) fn restore_all(wire: &Wire) {
    for (project, item) in recycled(wire) {
        restore(wire, project, &item["id"]);
    }
}

fn edit(wire: &Wire, id: i64, patch: Value) -> bool {
    ask(wire, "PATCH", &format!("_apis/wit/workitems/{id}?api-version=7.1"), &patch).is_some()
}

fn set(field: &str, value: impl Into<Value>) -> Value {
    json!([{ "op": "replace", "path": format!("/fields/{field}"), "value": value.into() }])
}

fn column_field(wire: &Wire) -> Option<String> {
    let board = ask(wire, "GET", "Webshop/Payments/_apis/work/boards/Stories?api-version=7.1", &Value::Null)?;
    board["fields"]["columnField"]["referenceName"].as_str().map(str::to_owned)
}

/// Somebody does something on the board. Answers what, for the trace.
pub(crate) fn do_something(wire: &Wire, chance: &mut StdRng, tally: &Arc<Tally>) -> String {
    let items = live(wire);
    let deed = chance.random_range(0..20);
    if deed == 0 {
        let Some((project, gone)) = recycled(wire).into_iter().next() else {
            return "nothing to restore".into();
        };
        let done = restore(wire, project, &gone["id"]);
        return told(tally, "restores", done, format!("restores {}", gone["id"]));
    }
    if deed == 19 {
        let title = format!("Found by hand {}", chance.random_range(0..1000));
        let patch = json!([{ "op": "add", "path": "/fields/System.Title", "value": title }]);
        let done = ask(wire, "POST", "Webshop/_apis/wit/workitems/$Bug?api-version=7.1", &patch).is_some();
        return told(tally, "makes a work item", done, format!("makes a work item: {title}"));
    }
    if items.is_empty() {
        return "nobody has anything to do".into();
    }
    let id = items[chance.random_range(0..items.len())];
    let Some(item) = item(wire, id) else { return format!("cannot read {id}") };
    let fields = &item["fields"];
    let text = |name: &str| fields[name].as_str().unwrap_or_default().to_owned();
    let number: u32 = chance.random_range(1..1000);
    match deed {
        14..16 => wanderers::befall(wire, &item, &items, chance, tally),
        16 => {
            let command = [
                "accept until 2031-01-31 The WAF stops it.",
                "accept",
                "false-positive This is test code.",
                "retest",
                "split 1 That is for others.",
                "reassign elsewhere",
                "sing",
            ][chance.random_range(0..7)];
            let path = format!(
                "{}/_apis/wit/workItems/{id}/comments?api-version=7.1-preview.4",
                text("System.TeamProject")
            );
            let said = json!({ "text": format!("/lockstep {command}") });
            let done = ask(wire, "POST", &path, &said).is_some();
            told(tally, "asks for something in a comment", done, format!("asks on {id}: {command}"))
        }
        17 => {
            // There are few: the first that has one.
            let with_file = items.iter().find_map(|id| {
                let item = self::item(wire, *id)?;
                let relations = item["relations"].as_array()?;
                let at = relations.iter().position(|relation| relation["rel"] == "AttachedFile")?;
                let name = relations[at]["attributes"]["name"].as_str().unwrap_or_default().to_owned();
                Some((*id, at, name))
            });
            let Some((id, at, name)) = with_file else { return "nobody has a file to take away".into() };
            let done = edit(wire, id, json!([{ "op": "remove", "path": format!("/relations/{at}") }]));
            if done {
                wire.was_taken(&name);
            }
            told(tally, "takes a file away", done, format!("takes {name} away from {id}"))
        }
        1..=4 => {
            let state = ["New", "Active", "Resolved", "Closed"][chance.random_range(0..4)];
            let done = text("System.State") != state && edit(wire, id, set("System.State", state));
            told(tally, "moves a card to a state", done, format!("moves {id} to {state}"))
        }
        5 => {
            let column = ["New", "Active", "In Review", "Resolved", "Closed"][chance.random_range(0..5)];
            let done = column_field(wire).is_some_and(|field| edit(wire, id, set(&field, column)));
            told(tally, "moves a card to a column", done, format!("moves {id} to column {column}"))
        }
        6 => {
            let done = edit(wire, id, set("System.Title", format!("Our title {number}")));
            told(tally, "changes a title", done, format!("renames {id}"))
        }
        7 => {
            let (field, value) = match number % 2 {
                0 => ("Microsoft.VSTS.Common.Priority", json!(number % 4 + 1)),
                _ => ("Microsoft.VSTS.Common.Severity", json!("4 - Low")),
            };
            let done = fields[field] != value && edit(wire, id, set(field, value.clone()));
            told(tally, "changes priority or severity", done, format!("sets {field} of {id} to {value}"))
        }
        8 => {
            let done = edit(
                wire,
                id,
                json!([{ "op": "add", "path": "/fields/System.Tags", "value": format!("team-{}", number % 5) }]),
            );
            told(tally, "adds a tag", done, format!("tags {id} with team-{}", number % 5))
        }
        9 => {
            let tags = text("System.Tags");
            let kept: Vec<&str> = tags.split("; ").filter(|tag| *tag != "lockstep").collect();
            let done = tags.contains("lockstep") && edit(wire, id, set("System.Tags", kept.join("; ")));
            told(tally, "takes our tag away", done, format!("takes our tag from {id}"))
        }
        10 => {
            let field = "Microsoft.VSTS.TCM.ReproSteps";
            let old = text(field);
            let (what, new) = match number % 4 {
                0 => ("removes the text", String::new()),
                1 => ("edits our block", old.replace("src/", "the folder src/")),
                _ => ("writes around our block", format!("<div>Note {number}.</div>{old}")),
            };
            let done = new != old && edit(wire, id, set(field, new));
            told(tally, what, done, format!("{what} of {id}"))
        }
        11 | 18 => {
            let path =
                |of: &str| format!("Webshop/_apis/wit/workItems/{id}/comments{of}?api-version=7.1-preview.4");
            let all = ask(wire, "GET", &path(""), &Value::Null).unwrap_or_default();
            let mut theirs = all["comments"].as_array().into_iter().flatten();
            let own = theirs.rfind(|said| said["createdBy"]["uniqueName"] != LOCKSTEP);
            if let Some(own) = own.filter(|_| !number.is_multiple_of(3)) {
                let path = path(&format!("/{}", own["id"]));
                if number % 3 == 1 {
                    let done = ask(wire, "DELETE", &path, &Value::Null).is_some();
                    return told(tally, "deletes a comment", done, format!("deletes a comment of {id}"));
                }
                let text = json!({ "text": format!("What about {number} then?") });
                let done = ask(wire, "PATCH", &path, &text).is_some();
                return told(tally, "changes a comment", done, format!("changes a comment of {id}"));
            }
            let path = path("");
            let done =
                ask(wire, "POST", &path, &json!({ "text": format!("What about {number}?") })).is_some();
            told(tally, "comments", done, format!("comments on {id}"))
        }
        12 => {
            let done = ask(
                wire,
                "DELETE",
                &format!("{}/_apis/wit/workitems/{id}?api-version=7.1", text("System.TeamProject")),
                &Value::Null,
            )
            .is_some();
            told(tally, "deletes", done, format!("deletes {id}"))
        }
        _ => match number % 2 {
            0 => {
                let area = ["Webshop\\Payments", "Webshop\\Storefront"][chance.random_range(0..2)];
                let done = text("System.AreaPath") != area && edit(wire, id, set("System.AreaPath", area));
                told(tally, "moves to another area", done, format!("moves {id} to {area}"))
            }
            _ => told(tally, "copies a work item", copy(wire, &item), format!("copies {id}")),
        },
    }
}

/// A copy with everything that people's tools copy: our block and our link too.
fn copy(wire: &Wire, item: &Value) -> bool {
    let mut patch =
        vec![json!({ "op": "add", "path": "/fields/System.Title", "value": item["fields"]["System.Title"] })];
    for field in ["Microsoft.VSTS.TCM.ReproSteps", "System.Tags", "System.AreaPath"] {
        if let Some(value) = item["fields"].get(field) {
            patch.push(json!({ "op": "add", "path": format!("/fields/{field}"), "value": value }));
        }
    }
    for relation in item["relations"].as_array().into_iter().flatten() {
        if relation["rel"] == "Hyperlink" {
            let value = json!({ "rel": "Hyperlink", "url": relation["url"], "attributes": { "comment": relation["attributes"]["comment"] } });
            patch.push(json!({ "op": "add", "path": "/relations/-", "value": value }));
        }
    }
    ask(wire, "POST", "Webshop/_apis/wit/workitems/$Bug?api-version=7.1", &Value::Array(patch)).is_some()
}

pub(crate) fn told(tally: &Arc<Tally>, deed: &str, done: bool, trace: String) -> String {
    if done {
        tally.count(format!("a person {deed}"));
        format!("a person {trace}")
    } else {
        format!("a person cannot: {trace}")
    }
}
