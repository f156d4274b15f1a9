//! Stories of a process that changes under a destination: it is said, it stops only what it affects, and it is mended by
//! saving the destination or by the board becoming as it was.

use chrono::Duration;
use engine::{Actor, NewDestination};
use model::Status;
use model::fields::{FieldSettings, FieldValue, IterationPolicy};
use model::map::{StatusEntry, StatusMap, Target};
use serde_json::{Value, json};
use store::args;
use store::destinations::{Destination, Settings};
use store::tickets::Health;
use testkit::{Story, TestDatabase, weakness};

const COLUMNS: &str = "Webshop/Payments/_apis/work/boards/Stories/columns?api-version=7.1";
const AREAS: &str = "Webshop/Payments/_apis/work/teamsettings/teamfieldvalues?api-version=7.1";

fn ada() -> Actor {
    Actor { name: "Ada".into() }
}

async fn destination(story: &Story) -> Destination {
    let mut tx = story.engine.db().read().await.unwrap();
    store::destinations::get(&mut tx, story.destination).await.unwrap().unwrap()
}

/// What does not fit any more, and whether nothing is created.
async fn drifted(story: &Story) -> Option<(String, bool)> {
    destination(story).await.drift.map(|drift| (drift.what(), drift.creates_nothing))
}

async fn alarms(story: &Story) -> Vec<String> {
    let mut tx = story.engine.db().read().await.unwrap();
    let rows = tx
        .all("SELECT what FROM alarm WHERE kind = 'process_changed' AND cleared_at IS NULL", args![])
        .await
        .unwrap();
    rows.iter().map(|row| row.text("what").unwrap()).collect()
}

/// A day later, when the board is compared again.
async fn next_day(story: &Story) {
    story.wait(Duration::hours(25));
    story.settle().await;
}

async fn save(story: &Story, change: impl FnOnce(&mut Settings)) -> Result<(), engine::Refusal> {
    let mut settings = destination(story).await.settings;
    change(&mut settings);
    let new = NewDestination { connection_id: story.connection, binding: Default::default(), settings };
    story.engine.change_destination(story.destination, new, &ada()).await
}

fn columns(story: &Story) -> Vec<Value> {
    story.board.act("GET", COLUMNS, "application/json", &Value::Null)["value"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_column_that_is_gone_stops_only_the_status_that_is_said_with_it() {
    let mut map = StatusMap::default();
    map.0.insert(Status::Identified, StatusEntry::to(Target::state("New")));
    map.0.insert(Status::InProgress, StatusEntry::to(Target::column("In Review")));
    map.0.insert(Status::Fixed, StatusEntry::to(Target::state("Closed")));
    let story = Story::on(TestDatabase::sqlite().await).map(map).begin().await;
    let before = columns(&story);
    let without: Vec<&Value> = before.iter().filter(|column| column["name"] != "In Review").collect();
    story.board.act("PUT", COLUMNS, "application/json", &json!(without));
    next_day(&story).await;
    let (what, creates_nothing) = drifted(&story).await.unwrap();
    assert_eq!((what.as_str(), creates_nothing), ("the board Stories has no column 'In Review'", false));
    assert_eq!(alarms(&story).await.len(), 1);

    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.settle().await;
    assert_eq!(story.ticket().await.health, Health::InStep, "new work items have their place");

    story.board.act("PUT", COLUMNS, "application/json", &json!(before));
    next_day(&story).await;
    assert_eq!((drifted(&story).await, alarms(&story).await.len()), (None, 0), "the board is as it was");
}

#[tokio::test]
async fn an_area_that_the_team_gave_up_stops_creation_until_the_destination_is_mended() {
    let story = Story::sqlite().await;
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.settle().await;
    let item = story.work_item();
    let others = json!({ "defaultValue": "Webshop\\Storefront", "values": [{ "value": "Webshop\\Storefront", "includeChildren": true }] });
    story.board.act("PATCH", AREAS, "application/json", &others);
    next_day(&story).await;
    let (what, creates_nothing) = drifted(&story).await.unwrap();
    assert!(what.contains("does not belong to the team Payments") && creates_nothing, "{what}");

    story.scan(&[weakness("b", "b.js", 1)]).await;
    story.settle().await;
    assert_eq!(story.tickets().await.len(), 1, "the rule has stopped");
    assert_eq!(story.board.work_items().len(), 1);
    assert_eq!(
        story.board.state_of(item),
        "Closed",
        "what is there goes on: the scan did not see it any more"
    );

    save(&story, |settings| settings.area.clear()).await.unwrap();
    story.settle().await;
    assert_eq!((drifted(&story).await, alarms(&story).await.len()), (None, 0));
    assert_eq!(story.board.work_items().len(), 2);
}

#[tokio::test]
async fn a_state_that_was_renamed_is_seen_as_soon_as_the_board_is_compared_and_saved_anew() {
    let story = Story::sqlite().await;
    let rename = |answer: &mut Value| {
        let text = answer.to_string().replace("\"Resolved\"", "\"Verified\"");
        *answer = serde_json::from_str(&text).unwrap();
    };
    story.board.amend("/_apis/wit/workitemtypes", rename);
    next_day(&story).await;
    let (what, creates_nothing) = drifted(&story).await.unwrap();
    assert_eq!((what.as_str(), creates_nothing), ("Bug has no state 'Resolved'", false));
    let refused = save(&story, |_| {}).await.unwrap_err();
    assert!(refused.fields.iter().any(|(row, _)| row == "/status_map/awaiting_validation"), "{refused:?}");
    story.board.amend_nothing();
    story.engine.check_connection(story.connection).await.unwrap();
    story.wait(Duration::minutes(2));
    story.settle().await;
    assert_eq!(drifted(&story).await, None, "checking the connection compares at once");
}

#[tokio::test]
async fn a_field_that_became_required_is_asked_for_and_creation_waits_for_it() {
    let story = Story::sqlite().await;
    story.board.amend("/workitemtypes/Bug/fields", |answer| {
        for field in answer["value"].as_array_mut().unwrap() {
            if field["referenceName"] == "Microsoft.VSTS.TCM.SystemInfo" {
                field["alwaysRequired"] = true.into();
            }
        }
    });
    next_day(&story).await;
    let (what, creates_nothing) = drifted(&story).await.unwrap();
    assert_eq!((what.as_str(), creates_nothing), ("Bug requires the field System Info", true));
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.settle().await;
    assert_eq!(story.board.work_items(), [0_i64; 0]);
    let value = FieldValue::Constant("found by a scanner".into());
    save(&story, |settings| {
        settings.fields.values.insert("Microsoft.VSTS.TCM.SystemInfo".into(), value);
    })
    .await
    .unwrap();
    story.settle().await;
    let item = story.work_item();
    assert_eq!(story.board.fields(item)["Microsoft.VSTS.TCM.SystemInfo"], "found by a scanner");
}

#[tokio::test]
async fn a_required_field_whose_template_makes_nothing_keeps_its_ticket_waiting_until_it_is_mended() {
    let story = Story::sqlite().await;
    story.board.amend("/workitemtypes/Bug/fields", |answer| {
        for field in answer["value"].as_array_mut().unwrap() {
            if field["referenceName"] == "Microsoft.VSTS.TCM.SystemInfo" {
                field["alwaysRequired"] = true.into();
            }
        }
    });
    let give = async |template: &str| {
        let value = FieldValue::Template(template.into());
        save(&story, |settings| {
            settings.fields.values.insert("Microsoft.VSTS.TCM.SystemInfo".into(), value);
        })
        .await
        .unwrap();
    };
    give("{% if first.severity == 'low' %}low{% endif %}").await;
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.settle().await;
    assert_eq!(story.board.work_items(), [0_i64; 0]);
    let problem = story.ticket().await.problem.unwrap();
    assert!(problem.ends_with(": the field System Info has a blank value."), "{problem}");
    give("{{ first.severity }}").await;
    story.settle().await;
    assert_eq!(story.board.fields(story.work_item())["Microsoft.VSTS.TCM.SystemInfo"], "high");
}

#[tokio::test]
async fn new_work_items_hang_under_the_parent_and_lie_in_the_current_iteration_of_the_team() {
    let fields = FieldSettings::default();
    let story = Story::on(TestDatabase::sqlite().await).fields(fields).begin().await;
    let parent = story.board.bug("All of security");
    save(&story, |settings| {
        settings.fields.parent = Some(model::WorkItemId(parent));
        settings.iteration = IterationPolicy::Current;
    })
    .await
    .unwrap();
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.settle().await;
    let item = story.board.work_items().into_iter().find(|item| *item != parent).unwrap();
    assert_eq!(story.board.fields(item)["System.Parent"], parent);
    let current = "Webshop/Payments/_apis/work/teamsettings/iterations?$timeframe=current&api-version=7.1";
    let current = story.board.act("GET", current, "application/json", &Value::Null);
    let path = current["value"][0]["path"].as_str().unwrap_or("Webshop");
    assert_eq!(story.board.fields(item)["System.IterationPath"], path);

    let refused = save(&story, |settings| settings.fields.parent = Some(model::WorkItemId(9999))).await;
    assert!(refused.unwrap_err().detail.contains("there is no work item 9999"));
    let nowhere = IterationPolicy::Path { path: "Webshop\\Nowhere".into() };
    let refused = save(&story, |settings| settings.iteration = nowhere).await;
    assert!(refused.unwrap_err().detail.contains("no iteration 'Webshop\\Nowhere'"));
}

#[tokio::test]
async fn a_value_that_the_type_does_not_take_is_refused_at_its_row() {
    let story = Story::sqlite().await;
    for (field, value, message) in [
        ("Custom.Nothing", "x", "Bug has no field Custom.Nothing"),
        ("System.Title", "x", "the field Title is written by Lockstep itself"),
        ("Microsoft.VSTS.Scheduling.StoryPoints", "many", "does not take 'many'"),
    ] {
        let constant = FieldValue::Constant(value.into());
        let refused = save(&story, |settings| {
            settings.fields.values.insert(field.into(), constant);
        })
        .await
        .unwrap_err();
        let (row, said) = &refused.fields[0];
        assert_eq!(row, &format!("/fields/values/{field}"));
        assert!(said.contains(message), "{said}");
    }
}
