//! Who may call, with which credential and version, and what everybody else gets.

use emulator::{
    Options, Seed,
    seed::{Role, UserSeed},
};
use serde_json::json;

use crate::common::World;

#[tokio::test]
async fn a_wrong_token_gets_an_empty_401_or_a_sign_in_page() {
    let world = World::demo().await;
    let wrong = world.client.get(world.url("_apis/projects")).basic_auth("", Some("wrong"));
    let suppressed = world.send(wrong.try_clone().unwrap().header("X-TFS-FedAuthRedirect", "Suppress")).await;
    assert_eq!((suppressed.status, suppressed.text.as_str()), (401, ""));
    assert!(suppressed.header("www-authenticate").starts_with("Basic realm="));
    let page = world.send(wrong).await;
    assert_eq!(page.status, 203);
    assert!(page.header("content-type").starts_with("text/html"));
}

#[tokio::test]
async fn a_known_identity_without_access_is_told_so_and_a_reader_may_not_write() {
    let mut seed = Seed::demo();
    let users = &mut seed.organizations[0].users;
    users
        .push(UserSeed::person("Guest", "guest@contoso.example").with_role(Role::None).with_pat("guest-pat"));
    users.push(
        UserSeed::person("Reader", "reader@contoso.example").with_role(Role::Reader).with_pat("reader-pat"),
    );
    let mut world = World::seeded(seed).await;
    let id = world.bug("A").await;
    world.pat = "guest-pat".into();
    let refused = world.get("_apis/projects").await;
    assert_eq!(refused.refused(401), "UnauthorizedRequestException");
    assert!(refused.text.contains("TF400813"));
    assert!(refused.header("www-authenticate").starts_with("Bearer authorization_uri="));
    world.pat = "reader-pat".into();
    world.get(&format!("_apis/wit/workitems/{id}")).await.good();
    assert!(world.change(id, json!({"System.Title": "B"})).await.text.contains("TF237111"));
    assert_eq!(world.get("_apis/hooks/subscriptions").await.status, 403);
}

#[tokio::test]
async fn an_application_gets_a_token_and_works_with_it_until_it_expires() {
    let world = World::demo().await;
    let tenant = world.get("_apis/connectionData?api-version=7.1-preview.1").await.good();
    let descriptor = tenant["authenticatedUser"]["descriptor"].as_str().unwrap();
    let tenant = descriptor.split(';').nth(1).unwrap().split('\\').next().unwrap().to_owned();
    let ask = |secret: &str| {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", "11111111-1111-4111-8111-111111111111"),
            ("client_secret", secret),
            ("scope", "499b84ac-1321-427f-aa17-267ca6975798/.default"),
        ];
        world.client.post(format!("{}/{tenant}/oauth2/v2.0/token", world.running.base_url)).form(&form)
    };
    let refused = world.send(ask("wrong")).await;
    assert_eq!(refused.status, 401);
    assert_eq!(refused.body["error"], "invalid_client");
    assert!(refused.body["error_description"].as_str().unwrap().starts_with("AADSTS7000215: "));
    let token = world.send(ask("demo-client-secret")).await.good();
    let bearer = token["access_token"].as_str().unwrap().to_owned();
    let read = || {
        let request = world.client.get(world.url("_apis/projects")).bearer_auth(&bearer);
        world.send(request.header("X-TFS-FedAuthRedirect", "Suppress"))
    };
    assert_eq!(read().await.good()["value"][0]["name"], "Webshop");
    world.control("POST", "time", Some(json!({"advanceSeconds": 4000}))).await.good();
    assert_eq!(read().await.status, 401);
}

#[tokio::test]
async fn versions_are_checked_and_echoed() {
    let world = World::demo().await;
    let good = world.get("_apis/projects?api-version=7.1").await;
    assert_eq!(good.header("content-type"), "application/json; charset=utf-8; api-version=7.1");
    let too_high = world.get("_apis/wit/workitems?ids=1&api-version=7.2-preview.4").await;
    assert_eq!(too_high.refused(400), "VssVersionOutOfRangeException");
    assert_eq!(
        world.get("_apis/projects?api-version=8.0").await.refused(400),
        "VssVersionOutOfRangeException"
    );
    let preview = world.get("Webshop/_apis/wit/workItems/1/comments?api-version=7.1").await;
    assert_eq!(preview.refused(400), "VssInvalidPreviewVersionException");
    let query = world.client.post(format!("{}/contoso/_apis/wit/wiql", world.running.base_url));
    let missing = world.send(query.basic_auth("", Some(&world.pat)).json(&json!({"query": ""}))).await;
    assert_eq!(missing.refused(400), "VssVersionNotSpecifiedException");
    let accept = world.client.get(format!("{}/contoso/_apis/projects", world.running.base_url));
    let accept = accept.basic_auth("", Some(&world.pat)).header("Accept", "application/json;api-version=6.0");
    assert!(world.send(accept).await.header("content-type").ends_with("api-version=6.0"));
}

#[tokio::test]
async fn names_are_found_in_any_case_and_paths_without_a_controller_are_plain_text() {
    let world = World::with(Options::default()).await;
    let url = format!("{}/CONTOSO/wEBSHOP/_apis/wit/workitemtypes?api-version=7.1", world.running.base_url);
    assert!(
        world.send(world.client.get(url).basic_auth("", Some(&world.pat))).await.good()["count"]
            .as_u64()
            .unwrap()
            > 3
    );
    let zero = world.get("_apis/wit/workitems/0").await;
    assert_eq!(zero.status, 404);
    assert!(zero.header("content-type").starts_with("text/plain"));
    assert!(zero.text.starts_with("The controller for path"));
    let unknown = world.client.get(format!("{}/fabrikam/_apis/projects", world.running.base_url));
    assert_eq!(world.send(unknown.header("X-TFS-FedAuthRedirect", "Suppress")).await.status, 401);
}

#[tokio::test]
async fn permissions_can_be_asked_for_beforehand() {
    let world = World::demo().await;
    let body = json!({"evaluations": [
        {"securityNamespaceId": "83e28ad4-2d72-4ceb-97b0-c7726d5502c3", "token": "vstfs:///Classification/Node/x", "permissions": 32},
    ]});
    let answer = world.call("POST", "_apis/security/permissionevaluationbatch", body).await.good();
    assert_eq!(answer["evaluations"][0]["value"], true);
}

#[tokio::test]
async fn work_items_of_a_hidden_area_are_as_if_they_were_not_there() {
    let world = World::demo().await;
    let id = world.bug("A").await;
    let area = |hidden: bool| {
        let url = format!("{}/_emulator/areas/contoso", world.running.base_url);
        let change = json!({ "member": "service@contoso.example", "area": "Webshop\\Pay", "hidden": hidden });
        let whole =
            json!({ "member": "service@contoso.example", "area": "webshop\\payments", "hidden": hidden });
        (world.client.post(url.clone()).json(&change), world.client.post(url).json(&whole))
    };
    let seen = async || {
        let read = world.get(&format!("_apis/wit/workitems/{id}")).await.status;
        let listed = world.wiql("SELECT [System.Id] FROM WorkItems").await.contains(&id);
        let feed = world.get("_apis/wit/reporting/workitemrevisions").await.good();
        let told = feed["values"].as_array().unwrap().iter().any(|entry| entry["id"] == id);
        (read, listed, told)
    };
    let (beginning_of_its_name, itself) = area(true);
    assert_eq!(world.send(beginning_of_its_name).await.status, 204);
    assert_eq!(seen().await, (200, true, true));
    assert_eq!(world.send(itself).await.status, 204);
    assert_eq!(seen().await, (404, false, false));
    assert_eq!(world.send(area(false).1).await.status, 204);
    assert_eq!(seen().await, (200, true, true));
}
