//! What is learned of a project, its teams and boards.

use azure::{Error, TeamArea, TeamAreas};
use serde_json::{Value, json};

use crate::support::{Answer, Bench, ok};

fn project() -> Answer {
    ok(json!({"id": "p1", "name": "Fabrikam", "defaultTeam": {"id": "t1", "name": "Fabrikam Team"}}))
}

fn types() -> Answer {
    let fields = |names: &[&str]| -> Vec<Value> {
        names.iter().map(|name| json!({"referenceName": name, "name": name})).collect()
    };
    ok(json!({"count": 3, "value": [
        {"name": "Bug", "referenceName": "Microsoft.VSTS.WorkItemTypes.Bug", "states": [], "transitions": {"": [{"to": "New"}]},
            "fields": fields(&["Microsoft.VSTS.TCM.ReproSteps", "System.Description",
                "Microsoft.VSTS.Common.Severity", "Microsoft.VSTS.Common.Priority"])},
        {"name": "Task", "referenceName": "T", "fields": fields(&["System.Description"])},
        {"name": "Old", "referenceName": "O", "isDisabled": true}]}))
}

fn no_categories() -> Answer {
    ok(json!({"count": 0, "value": []}))
}

fn allowed_values() -> Answer {
    ok(json!({"count": 2, "value": [
        {"referenceName": "Microsoft.VSTS.Common.Severity", "allowedValues": ["1 - Critical", "2 - High"]},
        {"referenceName": "Microsoft.VSTS.Common.Priority", "allowedValues": ["1", 2, "3"]}]}))
}

fn areas(default: Value) -> Answer {
    let values: Vec<Value> =
        default.as_str().map(|path| json!({"value": path, "includeChildren": true})).into_iter().collect();
    ok(json!({"defaultValue": default, "values": values}))
}

fn backlog_iteration(id: &str, path: Value) -> Answer {
    ok(json!({"backlogIteration": {"id": id, "path": path}, "bugsBehavior": "asRequirements"}))
}

fn board() -> Answer {
    ok(json!({"id": "b1", "name": "Stories",
        "columns": [
            {"name": "New", "columnType": "incoming", "stateMappings": {"Bug": "New"}},
            {"name": "In Review", "isSplit": true, "stateMappings": {"Bug": "Active"}}],
        "rows": [{"id": "0", "name": null}, {"id": "1", "name": "Expedite"}],
        "fields": {"columnField": {"referenceName": "WEF_A_Kanban.Column"}, "rowField": {"referenceName": "WEF_A_Kanban.Lane"},
            "doneField": {"referenceName": "WEF_A_Kanban.Column.Done"}}}))
}

#[tokio::test]
async fn the_shape_of_a_bug_knows_its_long_text_its_values_and_its_board() {
    let bench = Bench::new([
        project(),
        types(),
        no_categories(),
        allowed_values(),
        areas(json!("Fabrikam\\Web")),
        backlog_iteration("7c3a", json!("\\Release 1")),
        board(),
    ]);
    let shape = bench.client.item_shape("fabrikam", "Fabrikam Team", Some("Stories"), "bug").await.unwrap();
    assert_eq!(shape.work_item_type, "Bug", "in the project's own spelling");
    assert_eq!(shape.description_field, "Microsoft.VSTS.TCM.ReproSteps");
    assert_eq!(shape.severities, ["1 - Critical", "2 - High"]);
    assert_eq!(shape.priorities, [1, 2, 3]);
    assert_eq!(shape.column_field.as_deref(), Some("WEF_A_Kanban.Column"));
    assert_eq!(shape.done_field.as_deref(), Some("WEF_A_Kanban.Column.Done"));
    assert_eq!(shape.split_columns, ["In Review"]);
    assert_eq!(shape.default_area, "Fabrikam\\Web");
    assert_eq!(shape.default_iteration, "Fabrikam\\Release 1");
}

#[tokio::test]
async fn a_type_without_cards_on_the_board_has_no_board_fields() {
    let bench = Bench::new([
        project(),
        types(),
        no_categories(),
        areas(Value::Null),
        backlog_iteration("00000000-0000-0000-0000-000000000000", Value::Null),
        board(),
    ]);
    let shape = bench.client.item_shape("Fabrikam", "New Team", Some("Stories"), "Task").await.unwrap();
    assert_eq!((shape.column_field, shape.lane_field, shape.done_field), (None, None, None));
    assert_eq!((shape.severity_field, shape.priority_field), (None, None));
    assert_eq!(shape.description_field, "System.Description");
    assert_eq!(shape.default_area, "Fabrikam", "a new team has no area");
    assert_eq!(shape.default_iteration, "Fabrikam", "and no iteration");
}

#[tokio::test]
async fn a_type_that_is_unknown_or_disabled_is_not_found() {
    for name in ["Story", "Old"] {
        let bench = Bench::new([project(), types(), no_categories()]);
        let error = bench.client.item_shape("Fabrikam", "T", None, name).await.unwrap_err();
        assert!(matches!(error, Error::NotFound { .. }), "{error:?}");
        assert!(error.message().contains(name) && error.next_step().contains("type"), "{error}");
    }
}

#[tokio::test]
async fn all_pages_of_projects_are_read() {
    let page = |from: usize, count: usize| {
        let projects: Vec<Value> =
            (from..from + count).map(|i| json!({"id": format!("{i}"), "name": format!("P{i:03}")})).collect();
        ok(json!({"count": count, "value": projects}))
    };
    let bench = Bench::new([page(0, 200), page(200, 3)]);
    assert_eq!(bench.client.projects().await.unwrap().len(), 203);
    assert!(bench.script.sent()[1].url.contains("skip=200"));
}

#[tokio::test]
async fn the_organization_is_spelled_as_the_service_spells_it() {
    let user = json!({"authenticatedUser": {"id": "0a1b", "providerDisplayName": "Sync",
        "properties": {"Account": {"$type": "System.String", "$value": "sync@example.com"}}},
        "instanceId": "org-guid", "deploymentType": "hosted"});
    let projects =
        json!({"value": [{"id": "p", "name": "P", "url": "https://dev.azure.com/Contoso/_apis/projects/p"}]});
    let bench = Bench::new([ok(user), ok(projects)]);
    let identity = bench.client.check().await.unwrap();
    assert_eq!(identity.organization, "Contoso");
    assert_eq!(identity.organization_url, "https://dev.azure.com/Contoso");
    assert_eq!(identity.unique_name, "sync@example.com");
}

#[test]
fn an_area_belongs_to_a_team_by_path_and_not_by_the_beginning_of_a_name() {
    let area = |path: &str, includes_children| TeamArea { path: path.into(), includes_children };
    let areas = TeamAreas { default: None, areas: vec![area("P\\Web", true), area("P\\Core", false)] };
    assert!(areas.contains("P\\Web") && areas.contains("p\\web\\Shop"));
    assert!(!areas.contains("P\\Website"));
    assert!(areas.contains("P\\Core") && !areas.contains("P\\Core\\Db"));
}
