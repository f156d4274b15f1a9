//! Cards on boards: state and column move together.

use serde_json::{Value, json};

use crate::common::World;

struct Fields {
    column: String,
    done: String,
    lane: String,
}

async fn stories(world: &World, team: &str) -> (Value, Fields) {
    let board = world.get(&format!("Webshop/{team}/_apis/work/boards/Stories")).await.good();
    let name = |key: &str| board["fields"][key]["referenceName"].as_str().unwrap().to_owned();
    let fields = Fields { column: name("columnField"), done: name("doneField"), lane: name("rowField") };
    (board, fields)
}

#[tokio::test]
async fn the_board_shows_its_columns_lanes_and_fields() {
    let world = World::demo().await;
    let (board, fields) = stories(&world, "Payments").await;
    let columns: Vec<&str> =
        board["columns"].as_array().unwrap().iter().map(|c| c["name"].as_str().unwrap()).collect();
    assert_eq!(columns, ["New", "Active", "In Review", "Resolved", "Closed"]);
    assert_eq!(board["columns"][2]["isSplit"], true);
    assert_eq!(board["columns"][2]["stateMappings"], json!({"Bug": "Active", "User Story": "Active"}));
    assert_eq!(board["rows"][0], json!({"id": "00000000-0000-0000-0000-000000000000", "name": null}));
    assert_eq!(board["rows"][1]["name"], "Expedite");
    let wef = fields.column.strip_prefix("WEF_").unwrap().strip_suffix("_Kanban.Column").unwrap();
    assert!(wef.len() == 32 && wef.chars().all(|c| c.is_ascii_digit() || c.is_ascii_uppercase()));
    assert_ne!(board["id"].as_str().unwrap().replace('-', "").to_uppercase(), wef);
}

#[tokio::test]
async fn moving_a_card_sets_the_state_and_setting_the_state_moves_the_card() {
    let world = World::demo().await;
    let (_, fields) = stories(&world, "Payments").await;
    let id = world.bug("A").await;
    let moved = world
        .change(id, json!({&fields.column: "In Review", &fields.done: true, &fields.lane: "Expedite"}))
        .await
        .good();
    assert_eq!(moved["rev"], 2, "one revision for the whole move");
    assert_eq!(moved["fields"]["System.State"], "Active");
    assert_eq!(moved["fields"]["System.BoardColumn"], "In Review");
    assert_eq!(moved["fields"]["System.BoardColumnDone"], true);
    assert_eq!(moved["fields"]["System.BoardLane"], "Expedite");
    let resolved = world.change(id, json!({"System.State": "Resolved"})).await.good();
    assert_eq!(resolved["fields"][&fields.column], "Resolved");
    assert_eq!(resolved["fields"]["System.BoardColumnDone"], false);
    assert_eq!(resolved["fields"]["System.BoardLane"], "Expedite", "the lane stays");
}

#[tokio::test]
async fn a_column_that_does_not_exist_or_contradicts_the_state_is_an_error_on_the_state() {
    let world = World::demo().await;
    let (_, fields) = stories(&world, "Payments").await;
    let id = world.bug("A").await;
    for wrong in
        [json!({&fields.column: "Nowhere"}), json!({&fields.column: "Closed", "System.State": "Active"})]
    {
        let answer = world.change(id, wrong).await;
        assert_eq!(answer.refused(400), "RuleValidationException");
        assert!(answer.text.contains("TF401320"));
        assert_eq!(
            answer.body["customProperties"]["RuleValidationErrors"][0]["fieldReferenceName"],
            "System.State"
        );
    }
    assert_eq!(world.item(id).await["rev"], 1);
}

#[tokio::test]
async fn an_item_carries_the_fields_of_every_board_that_shows_it() {
    let world = World::demo().await;
    let (_, payments) = stories(&world, "Payments").await;
    let (_, storefront) = stories(&world, "Storefront").await;
    let id = world.bug("A").await;
    let item = world.item(id).await;
    assert_eq!(item["fields"][&payments.column], "New");
    assert!(item["fields"].get(&storefront.column).is_none());
    let moved = world.change(id, json!({"System.AreaPath": "Webshop\\Storefront"})).await.good();
    assert!(moved["fields"].get(&payments.column).is_none());
    assert_eq!(moved["fields"][&storefront.column], "New");
}

#[tokio::test]
async fn a_team_that_keeps_bugs_off_its_board_has_no_card_for_them() {
    let world = World::demo().await;
    let (_, fields) = stories(&world, "Payments").await;
    let off = json!({"bugsBehavior": "off"});
    world.call("PATCH", "Webshop/Payments/_apis/work/teamsettings", off).await.good();
    let id = world.bug("A").await;
    let item = world.item(id).await;
    assert!(item["fields"].get(&fields.column).is_none());
    assert!(item["fields"].get("System.BoardColumn").is_none());
}

#[tokio::test]
async fn columns_are_replaced_as_a_whole() {
    let world = World::demo().await;
    let path = "Webshop/Payments/_apis/work/boards/Stories/columns";
    let mut columns = world.get(path).await.good()["value"].clone();
    columns[1]["name"] = "Doing".into();
    let changed = world.call("PUT", path, columns).await.good();
    assert_eq!(changed["value"][1]["name"], "Doing");
    assert_eq!(world.call("PUT", path, json!([])).await.status, 400);
    let id = world.bug("A").await;
    let active = world.change(id, json!({"System.State": "Active"})).await.good();
    assert_eq!(active["fields"]["System.BoardColumn"], "Doing");
}

#[tokio::test]
async fn lanes_are_replaced_as_a_whole() {
    let world = World::demo().await;
    let path = "Webshop/Payments/_apis/work/boards/Stories/rows";
    let mut rows = world.get(path).await.good()["value"].clone();
    let first = rows[1]["id"].clone();
    rows[1]["name"] = "Urgent".into();
    rows.as_array_mut().unwrap().push(json!({"name": "Later"}));
    let changed = world.call("PUT", path, rows).await.good();
    assert_eq!((&changed["value"][1]["name"], &changed["value"][1]["id"]), (&json!("Urgent"), &first));
    assert_eq!(changed["value"][2]["name"], "Later");
    assert!(changed["value"][2]["id"].is_string(), "a new lane gets an id");
}

#[tokio::test]
async fn discovery_answers_for_teams_types_and_areas() {
    let world = World::demo().await;
    let project = world.get("_apis/projects/webshop?includeCapabilities=true").await.good();
    assert_eq!(project["capabilities"]["processTemplate"]["templateName"], "Agile");
    assert_eq!(project["defaultTeam"]["name"], "Webshop Team");
    let teams = world.get("_apis/projects/Webshop/teams").await.good();
    assert_eq!(teams["count"], 3);
    let members = world.get("_apis/projects/Webshop/teams/Payments/members").await.good();
    assert_eq!(members["value"][0]["identity"]["displayName"], "Ada Marsh");
    let areas = world.get("Webshop/Payments/_apis/work/teamsettings/teamfieldvalues").await.good();
    assert_eq!(areas["defaultValue"], "Webshop\\Payments");
    let settings = world.get("Webshop/Payments/_apis/work/teamsettings").await.good();
    assert_eq!(settings["bugsBehavior"], "asRequirements");
    let levels = world.get("Webshop/Payments/_apis/work/backlogconfiguration").await.good();
    assert_eq!(levels["requirementBacklog"]["name"], "Stories");
    let tree = world.get("Webshop/_apis/wit/classificationnodes/Areas?$depth=2").await.good();
    assert_eq!(tree["children"][0]["path"], "\\Webshop\\Area\\Payments");
    let made = world
        .call("POST", "Webshop/_apis/wit/classificationnodes/Areas/Payments", json!({"name": "Cards"}))
        .await;
    assert_eq!(made.status, 201);
    let twice = world
        .call("POST", "Webshop/_apis/wit/classificationnodes/Areas/Payments", json!({"name": "cards"}))
        .await;
    assert_eq!(twice.status, 409);
    let fields = world.get("Webshop/_apis/wit/workitemtypes/Bug/fields?$expand=all").await.good();
    let severity = fields["value"].as_array().unwrap().iter().find(|f| f["name"] == "Severity").unwrap();
    assert_eq!(severity["allowedValues"][0], "1 - Critical");
    assert_eq!(severity["defaultValue"], "3 - Medium");
}
