//! Every situation of azure-devops.md section 4.3, each by what leads to it.

use base64::{Engine, prelude::*};
use emulator::{
    MemberChange, NewPat, OrganizationChange, Request, Seed,
    seed::{DEMO_PAT, PatSeed, Role},
};
use serde_json::{Value, json};

use crate::{
    common::World,
    entra::{ADA, DEVICE, Directory, SCOPE, SIGN_IN, TENANT, VERIFIER, seed},
};

const PROJECTS: &str = "/contoso/_apis/projects";

fn message(response: &emulator::Response) -> String {
    response.json()["message"].as_str().unwrap_or_default().to_owned()
}

fn challenges(response: &emulator::Response) -> Vec<&str> {
    let named = |(name, _): &&(String, String)| name.eq_ignore_ascii_case("www-authenticate");
    response.headers.iter().filter(named).map(|(_, value)| value.as_str()).collect()
}

#[test]
fn without_a_credential_a_browser_is_redirected_a_client_gets_a_page_and_a_polite_client_a_challenge() {
    let mut directory = Directory::new();
    let browser = Request::new("GET", PROJECTS).header("Accept", "text/html,application/xhtml+xml");
    let redirect = directory.send(browser.clone());
    assert_eq!(redirect.status, 302);
    let to = redirect.header_value("Location").unwrap().to_owned();
    assert!(to.starts_with("http://emulator.example/_signin?") && to.contains("reply_to="), "{to}");
    let page = directory.send(Request::new("GET", PROJECTS));
    assert_eq!((page.status, page.header_value("content-type")), (203, Some("text/html; charset=utf-8")));
    let polite = directory.send(browser.header("X-TFS-FedAuthRedirect", "Suppress"));
    assert_eq!((polite.status, polite.body.len()), (401, 0));
    assert_eq!(challenges(&polite), ["Basic realm=\"http://emulator.example/\""]);
}

#[test]
fn an_expired_token_gets_a_page_and_a_patch_with_it_a_refusal_without_a_name() {
    let mut directory = Directory::new();
    let token = directory.application_token();
    directory.pass(3_600);
    let call =
        |method: &str| Request::new(method, PROJECTS).header("Authorization", &format!("Bearer {token}"));
    assert_eq!(directory.send(call("GET")).status, 203);
    let patch = directory.send(call("PATCH"));
    assert_eq!(patch.status, 401);
    assert!(message(&patch).starts_with("TF400813: The user '' is not authorized"), "{}", message(&patch));
}

#[test]
fn who_lost_access_is_told_so_with_the_headers_that_were_recorded() {
    let mut directory = Directory::new();
    let (token, _) = directory.signed_in(&format!("{SCOPE}/.default"));
    let removed = MemberChange { member: ADA.into(), role: Role::None };
    assert!(directory.state.change_member("contoso", &removed));
    let answer = directory.bearer(&token, "GET", PROJECTS);
    assert_eq!(answer.status, 401);
    assert_eq!(answer.json()["typeKey"], "UnauthorizedRequestException");
    assert_eq!(answer.json()["eventId"], 3000);
    assert!(message(&answer).starts_with(&format!("TF400813: The user '{TENANT}\\{ADA}'")));
    let bearer = format!("Bearer authorization_uri=http://emulator.example/{TENANT}");
    assert_eq!(challenges(&answer), [bearer.as_str(), "TFS-Federated"]);
    for name in [
        "x-tfs-fedauthissuer",
        "x-tfs-fedauthrealm",
        "x-tfs-fedauthredirect",
        "x-vss-authenticateerror",
        "x-vss-authorizationendpoint",
        "x-vss-resourcetenant",
        "x-vss-s2stargetservice",
        "x-vss-userdata",
    ] {
        assert!(answer.header_value(name).is_some(), "{name}");
    }
    let back = MemberChange { member: ADA.into(), role: Role::Contributor };
    assert!(directory.state.change_member("contoso", &back));
    assert_eq!(directory.bearer(&token, "GET", PROJECTS).status, 200);
}

#[test]
fn an_application_that_was_not_added_is_told_to_sign_in_first_until_it_is_added_by_its_object_id() {
    let mut directory = Directory::new();
    let token = directory.application_token();
    let projects = "/fabrikam/_apis/projects";
    let answer = directory.bearer(&token, "GET", projects);
    assert_eq!(answer.status, 401);
    assert!(message(&answer).starts_with("TF401444: Please sign-in at least once"), "{}", message(&answer));
    // Ada is an administrator of contoso only; the people of fabrikam must add it themselves.
    let make = MemberChange { member: ADA.into(), role: Role::Administrator };
    directory.state.change_member("fabrikam", &make);
    let (ada, _) = directory.signed_in(&format!("{SCOPE}/.default"));
    let client = "11111111-1111-4111-8111-111111111111";
    let all = directory.state.applications();
    let object = all.iter().find(|a| a.client_id.to_string() == client).unwrap().object_id;
    let add = |directory: &mut Directory, id: &str| {
        let body = json!({
            "accessLevel": {"accountLicenseType": "express"},
            "servicePrincipal": {"origin": "aad", "originId": id, "subjectKind": "servicePrincipal"},
        });
        let target = "/vsaex/fabrikam/_apis/serviceprincipalentitlements?api-version=7.1-preview.1";
        let request = Request::new("POST", target).header("Authorization", &format!("Bearer {ada}"));
        directory.send(request.body("application/json", body.to_string())).json()
    };
    assert_eq!(add(&mut directory, client)["isSuccess"], false, "the client id is not the object id");
    assert_eq!(directory.bearer(&token, "GET", projects).status, 401);
    assert_eq!(add(&mut directory, &object.to_string())["isSuccess"], true);
    assert_eq!(directory.bearer(&token, "GET", projects).status, 200);
}

#[test]
fn a_person_who_never_came_and_one_of_another_tenant_are_refused_differently() {
    let mut directory = Directory::new();
    let sign_in = |directory: &mut Directory, name: &str| {
        let back = directory.authorize(&[
            ("client_id", DEVICE),
            ("response_type", "code"),
            ("redirect_uri", "http://localhost:5/"),
            ("scope", &format!("{SCOPE}/.default")),
            ("code_challenge", crate::entra::CHALLENGE),
            ("code_challenge_method", "S256"),
            ("login_hint", name),
        ]);
        let code = crate::entra::parameter(&back, "code");
        let form = [
            ("grant_type", "authorization_code"),
            ("client_id", DEVICE),
            ("code", &code),
            ("redirect_uri", "http://localhost:5/"),
            ("code_verifier", VERIFIER),
        ];
        directory.token(&form).json()["access_token"].as_str().unwrap().to_owned()
    };
    let eve = sign_in(&mut directory, "eve.late@contoso.example");
    assert!(message(&directory.bearer(&eve, "GET", PROJECTS)).starts_with("TF401444"));
    let ada = sign_in(&mut directory, ADA);
    assert!(message(&directory.bearer(&ada, "GET", "/other/_apis/projects")).starts_with("TF400813"));
}

#[test]
fn policies_refuse_good_credentials() {
    let mut directory = Directory::new();
    let (person, _) = directory.signed_in(&format!("{SCOPE}/.default"));
    let application = directory.application_token();
    let change = |directory: &mut Directory, change: Value| {
        let change: OrganizationChange = serde_json::from_value(change).unwrap();
        assert!(directory.state.change_organization("Contoso", &change, directory.now));
    };
    change(&mut directory, json!({"thirdPartyAccess": false}));
    assert!(message(&directory.bearer(&person, "GET", PROJECTS)).starts_with("TF400813"));
    assert_eq!(directory.bearer(&application, "GET", PROJECTS).status, 200);
    change(&mut directory, json!({"thirdPartyAccess": true, "conditionalAccess": true}));
    let answer = directory.bearer(&application, "GET", PROJECTS);
    assert_eq!(answer.status, 401);
    assert!(message(&answer).starts_with("VS403463"));
    change(&mut directory, json!({"conditionalAccess": false, "stopped": true}));
    let stopped = directory.bearer(&application, "GET", PROJECTS);
    assert_eq!((stopped.status, stopped.json()["typeKey"].clone()), (503, json!("VssServiceException")));
    assert!(message(&stopped).starts_with("TF24668"));
}

#[test]
fn continuous_access_evaluation_wants_a_token_that_was_asked_for_with_its_claims() {
    let mut directory = Directory::new();
    let (access, refresh) = directory.signed_in(&format!("{SCOPE}/.default offline_access"));
    let change = OrganizationChange { claims_required: Some(true), ..OrganizationChange::default() };
    directory.state.change_organization("contoso", &change, directory.now);
    let answer = directory.bearer(&access, "GET", PROJECTS);
    assert_eq!((answer.status, answer.body.len()), (401, 0));
    let challenge = challenges(&answer)[0].to_owned();
    assert!(challenge.contains("error=\"insufficient_claims\""), "{challenge}");
    let word = challenge.split("claims=\"").nth(1).unwrap().trim_end_matches('"');
    let claims = String::from_utf8(BASE64_STANDARD.decode(word).unwrap()).unwrap();
    let plain = directory.refresh(&refresh).json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(directory.bearer(&plain, "GET", PROJECTS).status, 401, "a newer token alone is not enough");
    let form = [
        ("grant_type", "refresh_token"),
        ("client_id", SIGN_IN),
        ("client_secret", "web-secret"),
        ("refresh_token", refresh.as_str()),
        ("claims", claims.as_str()),
    ];
    let good = directory.token(&form).json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(directory.bearer(&good, "GET", PROJECTS).status, 200);
    assert_eq!(directory.service("GET", PROJECTS).status, 200, "PATs have no claims");
    directory.pass(10);
    directory.state.change_organization("contoso", &change, directory.now);
    assert_eq!(directory.bearer(&good, "GET", PROJECTS).status, 401, "those claims are too old now");
}

#[test]
fn a_pat_has_scopes_an_end_and_84_characters() {
    let mut seed = seed();
    seed.organizations[0].users[0].tokens = vec![
        PatSeed { token: "reader".into(), scopes: vec!["vso.work".into()], ..PatSeed::default() },
        PatSeed { token: "short".into(), expires_in_seconds: Some(60), ..PatSeed::default() },
        PatSeed { token: "asleep".into(), inactive: true, ..PatSeed::default() },
    ];
    let mut directory = Directory::seeded(&seed);
    let types = "/contoso/Webshop/_apis/wit/workitemtypes";
    assert_eq!(directory.pat("reader", "GET", types).status, 200);
    assert!(message(&directory.pat("reader", "GET", PROJECTS)).starts_with("TF400813"));
    assert_eq!(directory.pat("short", "GET", PROJECTS).status, 200);
    directory.pass(60);
    assert_eq!(directory.pat("short", "GET", PROJECTS).status, 401);
    let asleep = directory.pat("asleep", "GET", PROJECTS);
    assert_eq!((asleep.status, asleep.body.len()), (401, 0));
    let new = NewPat { person: ADA.into(), ..NewPat::default() };
    let made = directory.state.create_pat("contoso", &new, directory.now).unwrap();
    assert_eq!((made.len(), &made[76..80]), (84, "AZDO"));
    assert_eq!(directory.pat(&made, "GET", PROJECTS).status, 200);
    assert!(directory.state.end_pats("contoso", ADA, true));
    assert_eq!(directory.pat(&made, "GET", PROJECTS).status, 401);
}

#[test]
fn profile_and_organizations_take_entra_tokens_only() {
    let mut directory = Directory::new();
    let me = "/_apis/profile/profiles/me?api-version=7.1-preview.3";
    let refused = directory.pat(DEMO_PAT, "GET", me);
    assert_eq!((refused.status, refused.body.len()), (401, 0));
    assert!(challenges(&refused)[0].starts_with("Basic realm="));
    let (token, _) = directory.signed_in(&format!("{SCOPE}/.default"));
    let profile = directory.bearer(&token, "GET", me).json();
    assert_eq!(profile["emailAddress"], ADA);
    let id = profile["id"].as_str().unwrap().to_owned();
    let who = directory.bearer(&token, "GET", "/contoso/_apis/connectionData").json();
    assert_eq!(who["authenticatedUser"]["id"], id, "one id in the whole tenant");
    let accounts = format!("/_apis/accounts?memberId={id}&api-version=7.1-preview.1");
    let listed = directory.bearer(&token, "GET", &accounts).json();
    let names: Vec<&str> =
        listed["value"].as_array().unwrap().iter().map(|a| a["accountName"].as_str().unwrap()).collect();
    assert_eq!(names, ["contoso", "fabrikam"]);
    let own = directory.pat(DEMO_PAT, "GET", "/vssps/contoso/_apis/profile/profiles/me").json();
    assert_eq!(own["displayName"], "Lockstep Service");
}

#[test]
fn an_anonymous_caller_of_an_organization_with_public_projects_only_learns_that_it_is_anonymous() {
    let mut seed = seed();
    seed.organizations[0].public = true;
    let mut directory = Directory::seeded(&seed);
    let answer = directory.send(Request::new("GET", "/contoso/_apis/connectionData"));
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["authenticatedUser"]["providerDisplayName"], "Anonymous");
    assert!(answer.json()["instanceId"].is_string());
    assert_eq!(directory.send(Request::new("GET", PROJECTS)).status, 203);
    let wrong = directory.pat("wrong", "GET", "/contoso/_apis/connectionData");
    assert_eq!(wrong.status, 401, "a wrong credential is worse than none");
}

#[tokio::test]
async fn each_refusal_comes_on_demand_as_a_fault() {
    let world = World::seeded(Seed::demo()).await;
    for (kind, status, text) in [
        ("redirectToSignIn", 302, ""),
        ("signInPage", 203, "Sign In"),
        ("unauthorized", 401, ""),
        ("notAuthorized", 401, "TF400813: The user '"),
        ("neverSignedIn", 401, "TF401444"),
        ("conditionalAccess", 401, "VS403463"),
        ("claimsChallenge", 401, ""),
        ("stopped", 503, "TF24668"),
    ] {
        let fault = json!({"times": 1, "match": {"path": "_apis/projects"}, "action": {"kind": kind}});
        world.control("POST", "faults", Some(fault)).await.good();
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let request = client.get(world.url("_apis/projects")).basic_auth("", Some(DEMO_PAT));
        let answer = world.send(request).await;
        assert_eq!(answer.status, status, "{kind}");
        assert!(answer.text.contains(text), "{kind}: {}", answer.text);
    }
    world.get("_apis/projects").await.good();
    let fault =
        json!({"times": 1, "match": {"family": "token"}, "action": {"kind": "refuseSignIn", "code": 50076}});
    world.control("POST", "faults", Some(fault)).await.good();
    let url = format!("{}/{TENANT}/oauth2/v2.0/token", world.running.base_url);
    let answer = world.send(world.client.post(url)).await;
    assert_eq!((answer.status, answer.body["error_codes"][0].as_i64()), (400, Some(50_076)));
    assert_eq!(answer.body["suberror"], "basic_action");
    let unknown = json!({"action": {"kind": "refuseSignIn", "code": 1}});
    assert_eq!(world.control("POST", "faults", Some(unknown)).await.status, 400);
}

#[tokio::test]
async fn credentials_are_made_and_ended_through_the_control_api() {
    let world = World::seeded(seed()).await;
    let made = world.control("POST", "pats/contoso", Some(json!({"person": ADA}))).await.good();
    let pat = made["token"].as_str().unwrap().to_owned();
    let members =
        |role: &str| world.control("POST", "members/contoso", Some(json!({"member": ADA, "role": role})));
    let status =
        world.send(world.client.get(world.url("_apis/projects")).basic_auth("", Some(&pat))).await.status;
    assert_eq!(status, 200);
    members("none").await.good();
    let gone = world.client.get(world.url("_apis/projects")).basic_auth("", Some(&pat));
    assert_eq!(world.send(gone).await.refused(401), "UnauthorizedRequestException");
    members("reader").await.good();
    world.control("DELETE", "pats/contoso", Some(json!({"person": ADA, "inactive": true}))).await.good();
    let asleep = world.client.get(world.url("_apis/projects")).basic_auth("", Some(&pat));
    assert_eq!(world.send(asleep).await.status, 203);
    let listed = world.control("GET", "applications", None).await.good();
    assert_eq!(listed["applications"].as_array().unwrap().len(), 5);
    let change = json!({"secretExpired": true});
    world.control("POST", &format!("applications/{SIGN_IN}"), Some(change)).await.good();
    world
        .control("POST", "sign-in", Some(json!({"automatic": false, "refreshGraceSeconds": null})))
        .await
        .good();
    world.control("POST", "refresh-tokens", Some(json!({"end": "revoke"}))).await.good();
    let missing = world.control("POST", &format!("applications/{TENANT}"), Some(json!({}))).await;
    assert_eq!(missing.status, 404);
    let wrong = world.control("POST", "organizations/contoso", Some(json!({"stoped": true}))).await;
    assert_eq!(wrong.status, 400);
}
