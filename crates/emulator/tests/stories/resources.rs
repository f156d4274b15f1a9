//! What Microsoft's libraries ask before anything else: which resources there are, and where.

use serde_json::{Value, json};

use crate::common::World;

fn named<'a>(list: &'a Value, key: &str, value: &str) -> &'a Value {
    list["value"].as_array().unwrap().iter().find(|entry| entry[key] == value).unwrap_or(&Value::Null)
}

#[tokio::test]
async fn an_organization_lists_its_resources_with_routes_and_versions() {
    let world = World::demo().await;
    let answer = world.send(world.request("OPTIONS", "_apis?allHostTypes=True&api-version=5.0")).await;
    assert_eq!(answer.header("content-type"), "application/json; charset=utf-8");
    let all = answer.good();
    assert_eq!(all["count"], all["value"].as_array().unwrap().len());
    assert_eq!(
        *named(&all, "id", "72c7ddf8-2cdc-4f60-90cd-ab71c14a399b"),
        json!({
            "id": "72c7ddf8-2cdc-4f60-90cd-ab71c14a399b", "area": "wit", "resourceName": "workItems",
            "routeTemplate": "{project}/_apis/{area}/{resource}/{id}", "resourceVersion": 3,
            "minVersion": "1.0", "maxVersion": "7.2", "releasedVersion": "7.1",
        })
    );
    assert_eq!(named(&all, "resourceName", "comments")["releasedVersion"], "0.0");
    let hooks = world.send(world.request("OPTIONS", "_apis/hooks")).await.good();
    assert!(hooks["value"].as_array().unwrap().iter().all(|location| location["area"] == "hooks"));
    assert_eq!(named(&hooks, "resourceName", "subscriptions")["maxVersion"], "7.2");
    assert_eq!(world.send(world.request("OPTIONS", "_apis/nothing")).await.good()["count"], 0);
}

#[tokio::test]
async fn areas_are_found_at_the_address_of_this_emulator() {
    let world = World::demo().await;
    let home = format!("{}/contoso/", world.running.base_url);
    let areas = world.get("_apis/resourceAreas?api-version=7.2-preview.1").await;
    assert!(areas.header("content-type").ends_with("api-version=7.2-preview.1"));
    let areas = areas.good();
    for name in ["core", "wit", "work", "IMS", "Location Service"] {
        assert_eq!(named(&areas, "name", name)["locationUrl"], home, "{name}");
    }
    let wit = "_apis/ResourceAreas/5264459E-E5E0-4BD8-B118-0985E68A4EC5?api-version=7.1-preview.1";
    assert_eq!(world.get(wit).await.good()["name"], "wit");
}

#[tokio::test]
async fn what_belongs_to_no_organization_is_found_without_one_and_without_signing_in() {
    let world = World::demo().await;
    let base = &world.running.base_url;
    let ask = |method: &str, path: &str| {
        world.send(world.client.request(method.parse().unwrap(), format!("{base}/_apis{path}")))
    };
    let listed = ask("OPTIONS", "").await.good();
    assert_eq!(named(&listed, "area", "Account")["routeTemplate"], "_apis/{resource}/{accountId}");
    assert_eq!(*named(&listed, "area", "wit"), Value::Null);
    let profile = ask("GET", "/resourceAreas/8ccfef3d-2b87-4e99-8ccb-66e343d2daa8").await.good();
    assert_eq!(profile["locationUrl"], format!("{base}/"));
    let core = "/resourceAreas/79134c72-4a58-4b42-976c-04e7115f32bf?organizationName=Contoso";
    assert_eq!(ask("GET", core).await.good()["locationUrl"], format!("{base}/contoso/"));
}

#[tokio::test]
async fn a_resource_that_is_not_listed_does_not_exist() {
    let world = World::demo().await;
    for path in ["_apis/wit/workItemIcons", "_apis/git/repositories", "Webshop/_apis/wit"] {
        let answer = world.get(path).await;
        assert_eq!(answer.status, 404, "{path}");
        assert!(answer.text.starts_with("The controller for path"), "{}", answer.text);
    }
}

#[tokio::test]
async fn numbers_stand_for_the_words_of_an_enumeration() {
    let world = World::demo().await;
    let id = world.bug("A").await;
    let all = world.get(&format!("_apis/wit/workitems/{id}?$expand=4")).await.good();
    assert!(all["fields"]["System.AreaId"].is_number());
    let omitted = world.get(&format!("_apis/wit/workitems?ids={id},999&errorPolicy=2")).await.good();
    assert_eq!(omitted["value"][1], Value::Null);
    assert_eq!(world.get(&format!("_apis/wit/workitems/{id}?$expand=9")).await.status, 400);
}
