//! What a client finds out about an organization beside teams and boards: states, tags and picklists.

use emulator::{
    Seed,
    seed::{PicklistKind, PicklistSeed},
};
use serde_json::{Value, json};

use crate::common::World;

#[tokio::test]
async fn the_states_of_a_type_come_with_their_categories() {
    let world = World::demo().await;
    // Agile has the category Resolved for bugs only.
    let states = world.get("Webshop/_apis/wit/workitemtypes/User%20Story/states").await.good();
    let listed: Vec<(&str, &str)> = states["value"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| (s["name"].as_str().unwrap(), s["category"].as_str().unwrap()))
        .collect();
    let expected = [
        ("New", "Proposed"),
        ("Active", "InProgress"),
        ("Resolved", "InProgress"),
        ("Closed", "Completed"),
        ("Removed", "Removed"),
    ];
    assert_eq!(listed, expected);
    assert!(states["value"][0]["color"].is_string() && states["value"][0].get("transitions").is_none());
    assert_eq!(world.get("Webshop/_apis/wit/workitemtypes/Incident/states").await.status, 404);
}

#[tokio::test]
async fn a_project_lists_its_tags_until_they_are_deleted() {
    let world = World::demo().await;
    let id = world.bug("A").await;
    assert_eq!(world.get("Webshop/_apis/wit/tags").await.good()["count"], 0);
    world.change(id, json!({"System.Tags": "security; sast"})).await.good();
    let tags = world.get("Webshop/_apis/wit/tags").await.good();
    let names: Vec<&str> =
        tags["value"].as_array().unwrap().iter().map(|t| t["name"].as_str().unwrap()).collect();
    assert_eq!(names.len(), 2, "{tags}");
    assert!(names.contains(&"security") && names.contains(&"sast"), "{tags}");
    let url = tags["value"][0]["url"].as_str().unwrap();
    assert!(url.contains("/_apis/wit/tags/"), "{url}");
    assert_eq!(world.call("DELETE", "Webshop/_apis/wit/tags/sast", Value::Null).await.status, 204);
    assert_eq!(world.get("Webshop/_apis/wit/tags").await.good()["value"][0]["name"], "security");
}

fn with_lists() -> Seed {
    let mut seed = Seed::demo();
    seed.organizations[0].picklists = vec![
        PicklistSeed {
            field: "Custom.Exposure".into(),
            name: "Exposure".into(),
            items: vec!["Internal".into(), "Public".into()],
            ..PicklistSeed::default()
        },
        PicklistSeed {
            field: "Custom.Score".into(),
            name: "Score".into(),
            kind: PicklistKind::Integer,
            items: vec!["1".into(), "10".into()],
            suggested: true,
        },
    ];
    seed
}

#[tokio::test]
async fn a_field_leads_to_its_picklist_and_the_list_to_its_values() {
    let world = World::seeded(with_lists()).await;
    let field = world.get("_apis/wit/fields/custom.exposure").await.good();
    assert_eq!((&field["isPicklist"], &field["isPicklistSuggested"]), (&json!(true), &json!(false)));
    let id = field["picklistId"].as_str().unwrap();
    let list = world.get(&format!("_apis/work/processes/lists/{id}")).await.good();
    assert_eq!(list["items"], json!(["Internal", "Public"]));
    assert_eq!((&list["type"], &list["isSuggested"]), (&json!("String"), &json!(false)));
    assert!(list["name"].as_str().unwrap().starts_with("picklist_"), "{list}");
    let all = world.get("_apis/work/processes/lists").await.good();
    assert_eq!((&all["count"], &all["value"][1]["type"]), (&json!(2), &json!("Integer")));
    assert!(all["value"][0].get("items").is_none(), "the lists come without their values");
    let plain = world.get("_apis/wit/fields/System.Title").await.good();
    assert_eq!((&plain["isPicklist"], plain.get("picklistId")), (&json!(false), None));
    let own = "Webshop/_apis/wit/workitemtypes/Bug/fields/Custom.Exposure?$expand=allowedValues";
    assert_eq!(world.get(own).await.good()["allowedValues"], json!(["Internal", "Public"]));
    let missing = "_apis/work/processes/lists/00000000-0000-0000-0000-000000000001";
    assert_eq!(world.get(missing).await.status, 404);
}

#[tokio::test]
async fn a_picklist_refuses_other_values_unless_it_only_suggests() {
    let world = World::seeded(with_lists()).await;
    let id = world.bug("A").await;
    let good = world.change(id, json!({"Custom.Exposure": "Public", "Custom.Score": 7})).await.good();
    assert_eq!(
        (&good["fields"]["Custom.Exposure"], &good["fields"]["Custom.Score"]),
        (&json!("Public"), &json!(7))
    );
    let refused = world.change(id, json!({"Custom.Exposure": "Secret"})).await;
    assert_eq!(refused.refused(400), "RuleValidationException");
    assert!(refused.text.contains("Custom.Exposure"), "{}", refused.text);
    let found = world.wiql("SELECT [System.Id] FROM WorkItems WHERE [Custom.Exposure] = 'Public'").await;
    assert_eq!(found, [id]);
    let cleared = world.change(id, json!({"Custom.Exposure": ""})).await.good();
    assert!(cleared["fields"].get("Custom.Exposure").is_none());
}
