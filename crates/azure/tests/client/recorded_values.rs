//! Every recorded good answer of a call that the client makes loses nothing of what Lockstep uses: each value that
//! comes out is compared with the JSON that went in, read here by other means.

use std::collections::{BTreeMap, BTreeSet};

use azure::{Author, CommentText, Write};
use model::WorkItemId;
use model::board::Change;
use serde_json::{Value, json};

use crate::comparison::{self, Check};
use crate::recordings::{Recorded, recordings};
use crate::support::{Answer, Bench, bug_shape, noon, ok};

/// The calls whose answers are recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Call {
    AddComment,
    Area,
    Attachment,
    Batch,
    Board,
    Boards,
    Categories,
    Check,
    Comments,
    Delete,
    DeleteComment,
    EditComment,
    Feed,
    Fields,
    Item,
    Items,
    Members,
    Nodes,
    Organizations,
    Piece,
    Profile,
    Project,
    Projects,
    Query,
    Recycled,
    Restore,
    Subscriptions,
    Tags,
    TeamAreas,
    TeamSettings,
    Teams,
    TypeFields,
    Types,
    Updates,
}

/// Which call of ours would get this answer; none if we make no such call.
fn call_of(recorded: &Recorded) -> Option<Call> {
    let (_, route) = recorded.path.split_once("/_apis/")?;
    let route: Vec<&str> = route.trim_matches('/').split('/').collect();
    let body = &recorded.body;
    Some(match (recorded.method.as_str(), route.as_slice()) {
        ("GET", ["connectiondata"]) => Call::Check,
        ("GET", ["accounts"]) => Call::Organizations,
        // One sample holds several profiles in a list of its own making.
        ("GET", ["profile", "profiles", "me"]) if body.is_object() => Call::Profile,
        ("GET", ["projects"]) => Call::Projects,
        ("GET", ["projects", _]) => Call::Project,
        ("GET", ["projects", _, "teams"]) => Call::Teams,
        ("GET", ["projects", _, "teams", _, "members"]) => Call::Members,
        ("GET", ["work", "teamsettings"]) => Call::TeamSettings,
        ("GET", ["work", "teamsettings", "teamfieldvalues"]) => Call::TeamAreas,
        ("GET", ["work", "boards"]) => Call::Boards,
        ("GET", ["work", "boards", _]) => Call::Board,
        ("GET", ["wit", "workitemtypes"]) => Call::Types,
        ("GET", ["wit", "workitemtypes", _, "fields"]) => Call::TypeFields,
        ("GET", ["wit", "workitemtypecategories"]) => Call::Categories,
        ("GET", ["wit", "fields"]) => Call::Fields,
        // Some nodes by their ids, in place of the two trees.
        ("GET", ["wit", "classificationnodes"]) if !are_two_trees(body) => return None,
        ("GET", ["wit", "classificationnodes"]) => Call::Nodes,
        ("GET", ["wit", "classificationnodes", "areas"]) => Call::Area,
        // The list had another address then, and the same answer.
        ("GET", ["tagging", "scopes", _, "tags"] | ["wit", "tags"]) => Call::Tags,
        ("POST" | "PATCH", ["wit", "$batch"]) => Call::Batch,
        ("POST", ["wit", "wiql"]) => Call::Query,
        ("GET" | "POST", ["wit", "reporting", "workitemrevisions"]) => Call::Feed,
        ("GET", ["wit", "recyclebin"]) => Call::Recycled,
        ("PATCH", ["wit", "recyclebin", _]) => Call::Restore,
        ("DELETE", ["wit", "workitems", _]) => Call::Delete,
        // A template of an item that does not exist.
        ("GET", ["wit", "workitems", kind]) if kind.starts_with('$') => return None,
        ("GET" | "POST", ["wit", "workitemsbatch"]) | ("GET", ["wit", "workitems"]) => Call::Items,
        ("GET" | "POST" | "PATCH", ["wit", "workitems", _]) => match body["value"].is_array() {
            true => Call::Items,
            false => Call::Item,
        },
        ("GET", ["wit", "workitems", _, "updates"]) => Call::Updates,
        // Versions before 5.0 knew comments by revision, with a field of another name; we speak none of them.
        ("GET", ["wit", "workitems", _, "comments"]) if body["comments"].is_array() => Call::Comments,
        ("POST", ["wit", "workitems", _, "comments"]) => Call::AddComment,
        ("PATCH", ["wit", "workitems", _, "comments", _]) => Call::EditComment,
        ("DELETE", ["wit", "workitems", _, "comments", _]) => Call::DeleteComment,
        ("POST", ["wit", "attachments"]) => Call::Attachment,
        ("PUT", ["wit", "attachments", _]) => Call::Piece,
        ("GET", ["hooks", "subscriptions"]) => Call::Subscriptions,
        _ => return None,
    })
}

/// One tree of areas and one of iterations.
fn are_two_trees(body: &Value) -> bool {
    let trees = body["value"].as_array().cloned().unwrap_or_default();
    let kinds: BTreeSet<&str> = trees.iter().filter_map(|tree| tree["structureType"].as_str()).collect();
    trees.len() == 2 && kinds.len() == 2
}

fn list(values: Value) -> Answer {
    ok(json!({"count": 1, "value": values}))
}

fn project() -> Answer {
    ok(json!({"id": "p1", "name": "Fabrikam"}))
}

fn bug() -> Answer {
    list(json!([{"name": "Bug", "referenceName": "Bug", "fields": []}]))
}

async fn compare(call: Call, recorded: &Recorded) -> usize {
    let mut check = Check { recorded, values: 0 };
    let body = &recorded.body;
    let value = body["value"].as_array().cloned().unwrap_or_default();
    let answers = match call {
        Call::Check => vec![recorded.answer(), list(json!([]))],
        Call::Teams => vec![project(), recorded.answer()],
        Call::Organizations => vec![ok(json!({"id": "me"})), recorded.answer()],
        Call::Profile => vec![recorded.answer(), list(json!([]))],
        Call::TeamSettings => {
            vec![project(), bug(), list(json!([])), ok(json!({"values": []})), recorded.answer()]
        }
        Call::Board => vec![
            project(),
            bug(),
            list(json!([])),
            ok(json!({"values": []})),
            ok(json!({})),
            recorded.answer(),
            list(json!([{"id": "b", "name": "B"}])),
            recorded.answer(),
        ],
        Call::Boards => std::iter::once(recorded.answer())
            .chain(value.iter().map(|board| ok(json!({"name": board["name"], "columns": []}))))
            .collect(),
        Call::Categories => {
            let hidden = "Code Review Request";
            vec![list(json!([{"name": "Bug"}, {"name": hidden}, {"name": "Task"}])), recorded.answer()]
        }
        Call::Types => vec![recorded.answer(), list(json!([]))],
        Call::TypeFields => vec![recorded.answer(), list(json!([]))],
        Call::Fields => {
            let own: Vec<Value> =
                value.iter().map(|field| json!({"referenceName": field["referenceName"]})).collect();
            vec![list(json!(own)), recorded.answer()]
        }
        Call::Area => vec![
            ok(json!({"authenticatedUser": {"id": "0a1b", "providerDisplayName": "S"}})),
            list(json!([])),
            project(),
            bug(),
            list(json!([])),
            recorded.answer(),
            ok(json!({"evaluations": []})),
            ok(json!({"evaluations": []})),
            ok(json!({"evaluations": []})),
        ],
        _ => vec![recorded.answer()],
    };
    let bench = Bench::new(answers);
    let client = &bench.client;
    let soon = bench.soon();
    let name = recorded.name();
    let change = Change { title: Some("x".into()), ..Change::default() };
    match call {
        Call::Item => {
            let item = client.update(WorkItemId(1), 1, &bug_shape(), &change, soon).await;
            check.item(&item.unwrap_or_else(|error| panic!("{name}: {error}")), body);
        }
        Call::Items => {
            let items = client.read(&[WorkItemId(1), WorkItemId(2)]).await.unwrap();
            assert_eq!(items.len(), value.len(), "{name}");
            items.iter().zip(&value).for_each(|(item, body)| check.item(item, body));
        }
        Call::Batch => {
            let shape = bug_shape();
            let update = Write::Update { id: WorkItemId(1), revision: 1, shape: &shape, change: &change };
            let results = client.write_batch(&vec![update; value.len()], soon).await.unwrap();
            for (result, theirs) in results.iter().zip(&value) {
                let body: Value = serde_json::from_str(theirs["body"].as_str().unwrap()).unwrap();
                match result {
                    Ok(item) => check.item(item, &body),
                    // Restoring was sent through a batch once: its answer is no work item.
                    Err(_) => assert!(recorded.file.contains("recycleBin"), "{name}: {result:?}"),
                }
            }
        }
        Call::Delete => {
            client.delete("P", WorkItemId(1), soon).await.unwrap();
            let bench = Bench::new([recorded.answer()]);
            let found = bench.client.read_recycled("P", WorkItemId(1)).await.unwrap().unwrap();
            check.item(&found.item, &body["resource"]);
            check.same_text("deletedBy", &found.deleted_by, &body["deletedBy"]);
        }
        Call::Restore => {
            client.restore("P", WorkItemId(1), soon).await.unwrap();
            check.values += 1;
        }
        Call::Recycled => {
            let ids = client.recycled("P").await.unwrap();
            let theirs: Vec<Value> = body.as_array().unwrap().iter().map(|one| one["id"].clone()).collect();
            check.same(
                "ids",
                json!(ids.iter().map(|id| id.0.to_string()).collect::<Vec<_>>()),
                &json!(theirs),
            );
        }
        Call::Query => {
            let ids = client.created_since(&Author::Me, noon()).await.unwrap();
            let theirs = body["workItems"].as_array().cloned().unwrap_or_default();
            assert_eq!(ids.len(), theirs.len(), "{name}");
            ids.iter().zip(&theirs).for_each(|(id, item)| check.same("id", json!(id.0), &item["id"]));
            check.values += 1;
        }
        Call::Feed => {
            let page = client.changes(Some("1"), None).await.unwrap();
            let theirs = body["values"].as_array().unwrap();
            assert_eq!(page.changes.len(), theirs.len(), "{name}");
            for (ours, theirs) in page.changes.iter().zip(theirs) {
                check.same("id", json!(ours.id.0), &theirs["id"]);
                check.same("rev", json!(ours.revision), &theirs["rev"]);
                check.same(
                    "deleted",
                    json!(ours.deleted),
                    &json!(theirs["fields"]["System.IsDeleted"] == true),
                );
                check.same_person("changer", &ours.changed_by, &theirs["fields"]["System.ChangedBy"]);
            }
            let next = body["nextLink"].as_str().unwrap();
            assert!(next.contains(page.cursor.as_deref().unwrap()), "{name}: {:?}", page.cursor);
            check.same("isLastBatch", json!(page.is_last), &body["isLastBatch"]);
        }
        Call::Updates => {
            let updates = client.updates(WorkItemId(1), 0).await.unwrap();
            assert_eq!(updates.len(), value.len(), "{name}");
            for (ours, theirs) in updates.iter().zip(&value) {
                check.same("id", json!(ours.id), &theirs["id"]);
                check.same("rev", json!(ours.revision), &theirs["rev"]);
                assert!(!ours.by.display_name.is_empty(), "{name}");
                let id = &theirs["revisedBy"]["id"];
                assert!(ours.by.id.is_empty() || id == ours.by.id.as_str(), "{name}");
                let none = serde_json::Map::new();
                let fields = theirs["fields"].as_object().unwrap_or(&none);
                assert_eq!(ours.fields.len(), fields.len(), "{name}");
                for (field, change) in fields {
                    let own = &ours.fields[field];
                    check.same(field, own.old_value.clone().unwrap_or_default(), &change["oldValue"]);
                    check.same(field, own.new_value.clone().unwrap_or_default(), &change["newValue"]);
                }
                match fields.get("System.ChangedDate") {
                    Some(changed) => check.same_moment("changed", ours.at.unwrap(), &changed["newValue"]),
                    None => check.same_moment(
                        "changed",
                        ours.at.unwrap_or_default(),
                        &match ours.at {
                            Some(_) => theirs["revisedDate"].clone(),
                            None => Value::Null,
                        },
                    ),
                }
                let links = |kind: &str| theirs["relations"][kind].as_array().cloned().unwrap_or_default();
                let (added, removed) = (links("added"), links("removed"));
                assert_eq!(
                    (ours.links_added.len(), ours.links_removed.len()),
                    (added.len(), removed.len()),
                    "{name}"
                );
                ours.links_added.iter().zip(&added).for_each(|(ours, theirs)| check.link(ours, theirs));
                ours.links_removed.iter().zip(&removed).for_each(|(ours, theirs)| check.link(ours, theirs));
            }
        }
        Call::Comments => {
            let theirs = body["comments"].as_array().unwrap();
            let mut one_page = body.clone();
            one_page.as_object_mut().unwrap().remove("continuationToken");
            let comments = Bench::new([ok(one_page)]).client.comments("P", WorkItemId(1)).await.unwrap();
            let live = theirs.iter().filter(|comment| comment["isDeleted"] != true);
            assert_eq!(comments.len(), live.clone().count(), "{name}");
            comments.iter().zip(live).for_each(|(ours, theirs)| check.comment(ours, theirs));
        }
        Call::AddComment => {
            let comment = client.add_comment("P", WorkItemId(1), CommentText::Html("x"), soon).await.unwrap();
            check.comment(&comment, body);
        }
        Call::EditComment => {
            let text = CommentText::Html("x");
            let comment = client.edit_comment("P", WorkItemId(1), 1, text, soon).await.unwrap();
            check.comment(&comment, body);
        }
        Call::DeleteComment => {
            client.delete_comment("P", WorkItemId(1), 1, soon).await.unwrap();
            check.values += 1;
        }
        Call::Attachment => {
            let file = client.upload("P", "a.txt", 1, &b"a"[..], soon).await.unwrap();
            check.same_text("id", &file.id, &body["id"]);
        }
        Call::Piece => {
            let made = ok(json!({"id": body["id"]}));
            let bench = Bench::new([made, recorded.answer(), recorded.answer()]);
            let content = vec![0; azure::ATTACHMENT_PIECE + 1];
            let length = content.len() as u64;
            let file = bench.client.upload("P", "a.txt", length, &content[..], soon).await.unwrap();
            check.same_text("id", &file.id, &body["id"]);
        }
        Call::Projects => {
            let mut projects = client.projects().await.unwrap();
            let mut theirs = value;
            assert_eq!(projects.len(), theirs.len(), "{name}");
            projects.sort_by(|a, b| a.id.cmp(&b.id));
            theirs.sort_by_key(|project| project["id"].as_str().unwrap().to_owned());
            for (ours, theirs) in projects.iter().zip(&theirs) {
                check.same_text("id", &ours.id, &theirs["id"]);
                check.same_text("name", &ours.name, &theirs["name"]);
            }
            check.values += 1;
        }
        Call::Project => {
            let project = client.project("P").await.unwrap();
            check.same_text("id", &project.id, &body["id"]);
            check.same_text("name", &project.name, &body["name"]);
            let bench = Bench::new([recorded.answer(), list(json!([body["defaultTeam"]]))]);
            if body["defaultTeam"].is_object() {
                let teams = bench.client.teams("P").await.unwrap();
                assert!(teams[0].is_default, "{name}");
                check.same_text("defaultTeam", &teams[0].id, &body["defaultTeam"]["id"]);
            }
        }
        Call::Teams => {
            let teams: BTreeSet<_> =
                client.teams("P").await.unwrap().into_iter().map(|team| (team.id, team.name)).collect();
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            let theirs: BTreeSet<_> =
                value.iter().map(|team| (text(&team["id"]), text(&team["name"]))).collect();
            assert_eq!(teams, theirs, "{name}");
            check.values += 2 * value.len();
        }
        Call::Members => {
            let members = client.team_members("P", "T").await.unwrap();
            assert_eq!(members.len(), value.len(), "{name}");
            for (ours, theirs) in members.iter().zip(&value) {
                check.same_person("member", ours, theirs.get("identity").unwrap_or(theirs));
            }
        }
        Call::TeamAreas => {
            let areas = client.team_areas("P", "T").await.unwrap();
            check.same_text(
                "defaultValue",
                areas.default.as_deref().unwrap_or_default(),
                &body["defaultValue"],
            );
            let theirs = body["values"].as_array().unwrap();
            assert_eq!(areas.areas.len(), theirs.len(), "{name}");
            for (ours, theirs) in areas.areas.iter().zip(theirs) {
                check.same_text("value", &ours.path, &theirs["value"]);
                check.same("includeChildren", json!(ours.includes_children), &theirs["includeChildren"]);
            }
        }
        Call::TeamSettings => {
            let shape = client.item_shape("P", "T", None, "Bug").await.unwrap();
            let iteration = &body["backlogIteration"];
            let is_none = iteration["id"].as_str().is_none_or(|id| id.starts_with("00000000-0000"));
            let below = iteration["path"].as_str().unwrap_or_default().trim_start_matches('\\');
            let expected = match below {
                "" => "Fabrikam".to_owned(),
                _ if is_none => "Fabrikam".to_owned(),
                path => format!("Fabrikam\\{path}"),
            };
            check.same("backlogIteration", json!(shape.default_iteration), &json!(expected));
        }
        Call::Board => {
            let shape = client.item_shape("P", "T", Some("B"), "Bug").await.unwrap();
            let columns = body["columns"].as_array().unwrap();
            for (ours, field) in [
                (&shape.column_field, "columnField"),
                (&shape.lane_field, "rowField"),
                (&shape.done_field, "doneField"),
            ] {
                check.same(field, json!(ours), &body["fields"][field]["referenceName"]);
            }
            let boards = client.boards("P", "T").await.unwrap();
            check.same_text("name", &boards[0].name, &body["name"]);
            assert_eq!(boards[0].columns.len(), columns.len());
            for (ours, theirs) in boards[0].columns.iter().zip(columns) {
                check.same_text("column", &ours.name, &theirs["name"]);
                check.same("mappings", json!(ours.states), &theirs["stateMappings"]);
                check.same("isSplit", json!(ours.is_split), &json!(theirs["isSplit"] == true));
            }
            let lanes: Vec<Value> =
                body["rows"].as_array().unwrap().iter().map(|row| row["name"].clone()).collect();
            check.same(
                "lanes",
                json!(boards[0].lanes),
                &json!(lanes.iter().filter(|name| !name.is_null()).collect::<Vec<_>>()),
            );
        }
        Call::Boards => {
            let boards = client.boards("P", "T").await.unwrap();
            assert_eq!(boards.len(), value.len());
            boards
                .iter()
                .zip(&value)
                .for_each(|(ours, theirs)| check.same_text("name", &ours.name, &theirs["name"]));
            let sent = bench.script.sent();
            assert!(
                value
                    .iter()
                    .zip(&sent[1..])
                    .all(|(board, sent)| sent.url.contains(board["id"].as_str().unwrap()))
            );
        }
        Call::Types => {
            let types = client.work_item_types("P").await.unwrap();
            let offered: Vec<&Value> = value.iter().filter(|kind| kind["isDisabled"] != true).collect();
            assert_eq!(types.len(), offered.len(), "{name}");
            for (ours, theirs) in types.iter().zip(offered) {
                check.same_text("name", &ours.name, &theirs["name"]);
                check.same_text("referenceName", &ours.reference_name, &theirs["referenceName"]);
                let states = theirs["states"].as_array().cloned().unwrap_or_default();
                assert_eq!(ours.states.len(), states.len(), "{name}");
                for (ours, theirs) in ours.states.iter().zip(&states) {
                    check.same_text("state", &ours.name, &theirs["name"]);
                    check.same("category", json!(format!("{:?}", ours.category)), &theirs["category"]);
                }
                let transitions = theirs["transitions"].as_object().cloned().unwrap_or_default();
                for (from, to) in &transitions {
                    let to: BTreeSet<&str> =
                        to.as_array().unwrap().iter().map(|one| one["to"].as_str().unwrap()).collect();
                    if from.is_empty() {
                        check.same("initial", json!(ours.initial_state), &json!(to.first()));
                    } else {
                        let own: BTreeSet<&str> = ours.transitions[from].iter().map(String::as_str).collect();
                        let to: BTreeSet<&str> = to.into_iter().filter(|to| to != from).collect();
                        check.same(from, json!(own), &json!(to));
                    }
                }
                let names = |group: &str| {
                    let list = theirs[group].as_array().cloned().unwrap_or_default();
                    list.into_iter()
                        .filter_map(|field| Some(field["referenceName"].as_str()?.to_owned()))
                        .collect::<Vec<_>>()
                };
                let all: BTreeSet<String> =
                    names("fields").into_iter().chain(names("fieldInstances")).collect();
                check.same("fields", json!(ours.fields), &json!(all));
            }
        }
        Call::Categories => {
            let names: Vec<String> =
                client.work_item_types("P").await.unwrap().into_iter().map(|kind| kind.name).collect();
            assert_eq!(names, ["Bug", "Task"], "{name}: the hidden type is left out");
            check.values += 1;
        }
        Call::TypeFields => {
            let fields = client.fields("P", "Bug").await.unwrap();
            assert_eq!(fields.len(), value.len(), "{name}");
            for (ours, theirs) in fields.iter().zip(&value) {
                check.same_text("referenceName", &ours.reference_name, &theirs["referenceName"]);
                check.same_text("name", &ours.name, &theirs["name"]);
                check.same(
                    "alwaysRequired",
                    json!(ours.is_required),
                    &json!(theirs["alwaysRequired"] == true),
                );
                check.same_text(
                    "default",
                    ours.default.as_deref().unwrap_or_default(),
                    &theirs["defaultValue"],
                );
                let allowed = theirs["allowedValues"].as_array().cloned().unwrap_or_default();
                check.same("allowed", json!(ours.allowed), &json!(allowed));
            }
        }
        Call::Fields => {
            let fields = client.fields("P", "Bug").await.unwrap();
            assert_eq!(fields.len(), value.len(), "{name}");
            for (ours, theirs) in fields.iter().zip(&value) {
                check.same("readOnly", json!(ours.is_read_only), &theirs["readOnly"]);
                use model::process::FieldKind::*;
                let expected = match theirs["type"].as_str().unwrap() {
                    _ if theirs["isIdentity"] == true => Person,
                    "string" => Text,
                    "plainText" => PlainText,
                    "html" => RichText,
                    "integer" => Integer,
                    "double" => Number,
                    "dateTime" => Date,
                    "boolean" => Boolean,
                    "treePath" => Path,
                    "history" | "guid" => Other,
                    kind => panic!("{name} has a field of the type {kind}"),
                };
                assert_eq!(ours.kind, expected, "{name}: {}", ours.reference_name);
            }
        }
        Call::Nodes => {
            let (areas, iterations) =
                (client.areas("P").await.unwrap(), client.iterations("P").await.unwrap());
            for tree in &value {
                let mut theirs = Vec::new();
                comparison::paths(tree, "", &mut theirs);
                let paths: Vec<&String> = theirs.iter().map(|(path, _)| path).collect();
                if tree["structureType"] == "area" {
                    check.same("areas", json!(areas), &json!(paths));
                } else {
                    check.same(
                        "iterations",
                        json!(iterations.iter().map(|one| &one.path).collect::<Vec<_>>()),
                        &json!(paths),
                    );
                    for (ours, (_, attributes)) in iterations.iter().zip(&theirs) {
                        check.same_moment("start", ours.starts.unwrap_or_default(), &attributes["startDate"]);
                        check.same_moment("finish", ours.ends.unwrap_or_default(), &attributes["finishDate"]);
                    }
                }
            }
        }
        Call::Area => {
            client.verify(Some("P")).await;
            let token = format!("vstfs:///Classification/Node/{}", body["identifier"].as_str().unwrap());
            let sent = bench.script.sent();
            check.same("identifier", sent[6].json()["evaluations"][0]["token"].clone(), &json!(token));
        }
        Call::Tags => {
            let tags = client.tags("P").await.unwrap();
            let theirs: Vec<&Value> = value.iter().map(|tag| &tag["name"]).collect();
            check.same("tags", json!(tags), &json!(theirs));
        }
        Call::Subscriptions => {
            let ours = client.subscriptions().await.unwrap();
            let theirs: Vec<&Value> = value
                .iter()
                .filter(|one| {
                    one["consumerId"] == "webHooks"
                        && one["eventType"].as_str().unwrap().starts_with("workitem.")
                })
                .collect();
            assert_eq!(ours.len(), theirs.len(), "{name}");
            for (ours, theirs) in ours.iter().zip(theirs) {
                check.same_text("id", &ours.id, &theirs["id"]);
                check.same_text("event", ours.event.as_str(), &theirs["eventType"]);
                check.same_text("url", &ours.url, &theirs["consumerInputs"]["url"]);
                check.same_text("project", &ours.project_id, &theirs["publisherInputs"]["projectId"]);
            }
            check.values += 1;
        }
        Call::Organizations => {
            let mut ours = client.organizations().await.unwrap();
            // An old version gave the list without its frame.
            let mut theirs = body.as_array().cloned().unwrap_or(value);
            assert_eq!(ours.len(), theirs.len(), "{name}");
            ours.sort_by(|a, b| a.name.cmp(&b.name));
            theirs.sort_by_key(|one| one["accountName"].as_str().unwrap().to_owned());
            for (ours, theirs) in ours.iter().zip(&theirs) {
                check.same_text("id", &ours.id, &theirs["accountId"]);
                check.same_text("name", &ours.name, &theirs["accountName"]);
            }
        }
        Call::Profile => {
            client.organizations().await.unwrap();
            let asked = &bench.script.sent()[1].url;
            let member = asked.split("memberId=").nth(1).and_then(|rest| rest.split('&').next());
            check.same_text("id", member.unwrap(), &body["id"]);
        }
        Call::Check => {
            let identity = client.check().await.unwrap();
            let user = &body["authenticatedUser"];
            check.same_text("id", &identity.id, &user["id"]);
            check.same_text("instanceId", &identity.organization_id, &body["instanceId"]);
            check.same_text(
                "account",
                &identity.unique_name,
                user.pointer("/properties/Account/$value").unwrap_or(&Value::Null),
            );
            let custom = &user["customDisplayName"];
            let shown = if custom.as_str().is_some_and(|name| !name.is_empty()) {
                custom
            } else {
                &user["providerDisplayName"]
            };
            check.same_text("name", &identity.display_name, shown);
            check.same(
                "deployment",
                json!(format!("{:?}", identity.deployment).to_lowercase()),
                &json!(body["deploymentType"].as_str().unwrap_or("hosted").to_lowercase()),
            );
        }
    }
    check.values
}

#[tokio::test]
async fn every_recorded_answer_of_our_calls_is_read_without_loss() {
    if recordings().is_empty() {
        return;
    }
    let mut score: BTreeMap<Call, (usize, usize)> = BTreeMap::new();
    for recorded in recordings().iter().filter(|recorded| (200..300).contains(&recorded.status)) {
        // A body that was not kept tells nothing; downloads have none.
        if let Some(call) = call_of(recorded).filter(|_| !recorded.body.is_null()) {
            let values = compare(call, recorded).await;
            let entry = score.entry(call).or_default();
            *entry = (entry.0 + 1, entry.1 + values);
        }
    }
    for (call, (answers, values)) in &score {
        println!("  {answers:4} answers, {values:6} values compared  {call:?}");
    }
    let (answers, values) = score.values().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    println!("  {answers:4} answers, {values:6} values in all");
    assert!(answers > 590 && values > 20_000, "too few to be all: {answers} answers, {values} values");
    let quiet: Vec<_> = score.iter().filter(|(_, (_, values))| *values == 0).collect();
    assert!(quiet.is_empty(), "nothing was compared: {quiet:?}");
}
