//! Ways to get a token: people with a code, applications, workloads and machines.

use emulator::{ApplicationChange, RefreshEnd, Request, SignInChange, seed::Consent};
use serde_json::json;

use crate::entra::*;

#[test]
fn a_person_signs_in_with_a_code_that_works_once_and_gets_a_token_for_more_than_an_hour() {
    let mut directory = Directory::new();
    let scope = format!("{SCOPE}/.default offline_access");
    let code = directory.code(&scope);
    let answer = directory.redeem(&code);
    assert_eq!(answer.status, 200);
    let body = answer.json();
    let lifetime = body["expires_in"].as_i64().unwrap();
    assert!((70 * 60..=85 * 60).contains(&lifetime), "{lifetime}");
    assert_eq!(body["scope"], format!("{SCOPE}/.default"));
    let token = body["access_token"].as_str().unwrap();
    let who = directory.bearer(token, "GET", "/contoso/_apis/connectionData").json();
    assert_eq!(who["authenticatedUser"]["providerDisplayName"], "Ada Marsh");
    assert_eq!(refused(&directory.redeem(&code)), (400, "invalid_grant".into(), 54_005));
    directory.pass(lifetime);
    assert_eq!(directory.bearer(token, "GET", "/contoso/_apis/connectionData").status, 401);
}

#[test]
fn a_code_is_bound_to_its_verifier_its_address_its_client_and_ten_minutes() {
    let mut directory = Directory::new();
    let scope = format!("{SCOPE}/user_impersonation");
    let attempt = |directory: &mut Directory, name: &str, value: &str| {
        let code = directory.code(&scope);
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("client_id", SIGN_IN),
            ("client_secret", "web-secret"),
            ("code", &code),
            ("redirect_uri", REDIRECT),
            ("code_verifier", VERIFIER),
        ];
        form.iter_mut().find(|(n, _)| *n == name).unwrap().1 = value;
        refused(&directory.token(&form)).2
    };
    assert_eq!(attempt(&mut directory, "code_verifier", &"x".repeat(43)), 501_481);
    assert_eq!(attempt(&mut directory, "redirect_uri", "http://localhost/back"), 500_112);
    assert_eq!(attempt(&mut directory, "client_secret", "wrong"), 7_000_215);
    assert_eq!(attempt(&mut directory, "code", "unknown"), 9_002_313);
    let code = directory.code(&scope);
    directory.pass(601);
    assert_eq!(refused(&directory.redeem(&code)), (400, "invalid_grant".into(), 70_008));
}

#[test]
fn the_state_comes_back_and_without_offline_access_there_is_no_refresh_token() {
    let mut directory = Directory::new();
    let back = directory.authorize(&[
        ("client_id", SIGN_IN),
        ("response_type", "code"),
        ("redirect_uri", "http://localhost:43210/back"),
        ("scope", &format!("{SCOPE}/vso.work_write")),
        ("state", "s t/1&x"),
        ("login_hint", ADA),
    ]);
    assert!(back.header_value("Location").unwrap().starts_with("http://localhost:43210/back?code="));
    assert_eq!(parameter(&back, "state"), "s t/1&x");
    let body = directory.token(&[
        ("grant_type", "authorization_code"),
        ("client_id", SIGN_IN),
        ("client_secret", "web-secret"),
        ("code", &parameter(&back, "code")),
        ("redirect_uri", "http://localhost:43210/back"),
    ]);
    assert!(body.json()["access_token"].is_string());
    assert_eq!(body.json().get("refresh_token"), None);
}

#[test]
fn what_is_wrong_with_the_application_stays_on_a_page_and_everything_else_goes_back_to_it() {
    let mut directory = Directory::new();
    let scope = format!("{SCOPE}/.default");
    let ask = |directory: &mut Directory, client: &str, redirect: &str, more: &[(&str, &str)]| {
        let mut all = vec![
            ("client_id", client),
            ("redirect_uri", redirect),
            ("state", "7"),
            ("response_type", "code"),
        ];
        all.extend_from_slice(more);
        directory.authorize(&all)
    };
    let page = ask(&mut directory, SIGN_IN, "https://evil.example/", &[("scope", &scope)]);
    assert_eq!((page.status, page.header_value("Location")), (400, None));
    assert!(String::from_utf8_lossy(&page.body).contains("AADSTS50011"));
    let unknown = ask(&mut directory, TENANT, REDIRECT, &[("scope", &scope)]);
    assert!(String::from_utf8_lossy(&unknown.body).contains("AADSTS700016"));
    type Case<'a> = (&'a [(&'a str, &'a str)], &'a str, &'a str);
    let cases: [Case; 5] = [
        (&[], "invalid_request", "AADSTS90014"),
        (&[("scope", "https://graph.example/.default")], "invalid_resource", "AADSTS500011"),
        (&[("scope", &scope), ("login_hint", "nobody@contoso.example")], "invalid_grant", "AADSTS50034"),
        (&[("scope", &scope), ("prompt", "none")], "login_required", "AADSTS50058"),
        (&[("scope", &scope), ("emulator_consent", "cancel")], "access_denied", "AADSTS65004"),
    ];
    for (parameters, error, code) in cases {
        let back = ask(&mut directory, SIGN_IN, REDIRECT, parameters);
        assert_eq!(parameter(&back, "error"), error, "{parameters:?}");
        assert!(parameter(&back, "error_description").starts_with(code));
        assert_eq!(parameter(&back, "state"), "7");
    }
    let open = ask(&mut directory, DEVICE, "http://localhost", &[("scope", &scope), ("login_hint", ADA)]);
    assert!(parameter(&open, "error_description").contains("Proof Key for Code Exchange"));
}

#[test]
fn a_person_picks_an_account_on_a_page_and_is_asked_for_consent_once() {
    let mut seed = with_consent(Consent::Missing);
    seed.automatic_sign_in = false;
    let mut directory = Directory::seeded(&seed);
    let target = format!(
        "/{TENANT}/oauth2/v2.0/authorize?client_id={SIGN_IN}&response_type=code&redirect_uri={REDIRECT}&scope={SCOPE}/.default&login_hint={ADA}"
    );
    let follow = |directory: &mut Directory, target: &str, link: &str| {
        let page = directory.send(Request::new("GET", target));
        let text = String::from_utf8_lossy(&page.body).replace("&amp;", "&");
        let link =
            text.split("href=\"").find(|l| l.contains(link)).unwrap_or_else(|| panic!("{link}: {text}"));
        link.split('"').next().unwrap().to_owned()
    };
    let chosen = follow(&mut directory, &target, "ada%2Emarsh");
    let accepted = follow(&mut directory, &chosen, "emulator_consent=accept");
    let back = directory.send(Request::new("GET", &accepted));
    assert!(!parameter(&back, "code").is_empty());
    let again = directory.send(Request::new("GET", &chosen));
    assert!(!parameter(&again, "code").is_empty(), "not asked a second time");
}

#[test]
fn consent_that_is_missing_is_said_when_signing_in_and_when_it_is_taken_back_when_refreshing() {
    for (consent, error, code) in [
        (Consent::Missing, "consent_required", 65_001),
        (Consent::AdministratorMissing, "access_denied", 90_094),
    ] {
        let mut directory = Directory::seeded(&with_consent(consent));
        let back = directory.authorize(&[
            ("client_id", SIGN_IN),
            ("response_type", "code"),
            ("redirect_uri", REDIRECT),
            ("scope", &format!("{SCOPE}/.default")),
            ("login_hint", ADA),
        ]);
        assert_eq!(parameter(&back, "error"), error);
        let mut directory = Directory::new();
        let (_, refresh) = directory.signed_in(&format!("{SCOPE}/.default offline_access"));
        let change = ApplicationChange { consent: Some(consent), ..ApplicationChange::default() };
        assert!(directory.state.change_application(SIGN_IN.parse().unwrap(), &change));
        assert_eq!(refused(&directory.refresh(&refresh)).2, code);
    }
}

#[test]
fn a_refresh_token_gives_a_newer_one_and_the_old_one_works_on_for_a_while() {
    let mut directory = Directory::new();
    let (_, first) = directory.signed_in(&format!("{SCOPE}/.default offline_access"));
    let second = directory.refresh(&first).json()["refresh_token"].as_str().unwrap().to_owned();
    assert_ne!(first, second);
    assert_eq!(directory.refresh(&first).status, 200, "as long as any, by default");
    directory
        .state
        .change_sign_in(&SignInChange { refresh_grace_seconds: Some(Some(60)), ..SignInChange::default() });
    assert_eq!(directory.refresh(&first).status, 200);
    directory.pass(61);
    assert_eq!(refused(&directory.refresh(&first)), (400, "invalid_grant".into(), 70_008));
    assert_eq!(directory.refresh(&second).status, 200);
}

#[test]
fn refresh_tokens_end_by_time_by_revocation_and_by_force() {
    let mut directory = Directory::new();
    let scope = format!("{SCOPE}/.default offline_access");
    let (_, idle) = directory.signed_in(&scope);
    directory.pass(90 * 24 * 3600);
    assert_eq!(refused(&directory.refresh(&idle)), (400, "invalid_grant".into(), 700_082));
    let (_, token) = directory.signed_in(&scope);
    directory.state.end_refresh_tokens(RefreshEnd::Revoke, Some("somebody@contoso.example"), directory.now);
    assert_eq!(directory.refresh(&token).status, 200, "somebody else's");
    directory.state.end_refresh_tokens(RefreshEnd::Revoke, Some(ADA), directory.now);
    assert_eq!(refused(&directory.refresh(&token)), (400, "invalid_grant".into(), 50_173));
    let (_, token) = directory.signed_in(&scope);
    directory.state.end_refresh_tokens(RefreshEnd::Expire, None, directory.now);
    assert_eq!(refused(&directory.refresh(&token)).2, 700_082);
}

#[test]
fn a_token_without_the_write_scope_only_reads() {
    let mut directory = Directory::new();
    let (reader, _) = directory.signed_in(&format!("{SCOPE}/vso.work {SCOPE}/vso.project"));
    assert_eq!(directory.bearer(&reader, "GET", "/contoso/_apis/projects").status, 200);
    let target = "/contoso/Webshop/_apis/wit/workitems/$Bug?api-version=7.1";
    let refused = directory.bearer(&reader, "POST", target);
    assert_eq!(refused.json()["typeKey"], "UnauthorizedRequestException");
    assert!(refused.json()["message"].as_str().unwrap().starts_with("TF400813"));
    let (writer, _) = directory.signed_in(&format!("{SCOPE}/vso.work_write"));
    assert_eq!(directory.bearer(&writer, "POST", target).status, 400, "let in, and the patch is missing");
    assert_eq!(directory.bearer(&writer, "GET", "/contoso/_apis/projects").status, 401);
}

#[test]
fn a_workload_shows_the_token_of_its_own_issuer_in_place_of_a_secret() {
    let mut directory = Directory::new();
    let good = directory.assertion(|_| {});
    let token = directory.with_assertion(&good).json()["access_token"].as_str().unwrap().to_owned();
    let who = directory.bearer(&token, "GET", "/contoso/_apis/connectionData").json();
    assert_eq!(who["authenticatedUser"]["providerDisplayName"], "Workload");
    let cases = [
        (directory.assertion(|c| c["exp"] = json!(c["exp"].as_i64().unwrap() - 1000)), 700_024),
        (directory.assertion(|c| c["iss"] = json!("https://ISSUER.example/")), 700_211),
        (directory.assertion(|c| c["sub"] = json!("system:serviceaccount:apps:other")), 700_213),
        (directory.assertion(|c| c["aud"] = json!("https://elsewhere.example")), 700_212),
        ("no.token".to_owned(), 50_027),
    ];
    for (assertion, code) in cases {
        assert_eq!(refused(&directory.with_assertion(&assertion)), (401, "invalid_client".into(), code));
    }
    let none = ApplicationChange { federated_credentials: Some(Vec::new()), ..ApplicationChange::default() };
    directory.state.change_application(WORKLOAD.parse().unwrap(), &none);
    assert_eq!(refused(&directory.with_assertion(&good)).2, 70_025);
}

#[test]
fn an_application_is_told_what_is_wrong_with_it() {
    let mut directory = Directory::new();
    let ask = |directory: &mut Directory, change: &[(&str, &str)]| {
        let scope = format!("{SCOPE}/.default");
        let mut form = vec![
            ("grant_type", "client_credentials"),
            ("client_id", SIGN_IN),
            ("client_secret", "web-secret"),
            ("scope", scope.as_str()),
        ];
        for (name, value) in change {
            form.retain(|(n, _)| n != name);
            form.push((name, value));
        }
        form.retain(|(_, v)| !v.is_empty());
        directory.token(&form)
    };
    assert_eq!(ask(&mut directory, &[]).status, 200);
    for (change, status, error, code) in [
        ([("client_secret", "")], 401, "invalid_client", 7_000_218),
        ([("client_id", TENANT)], 400, "unauthorized_client", 700_016),
        ([("client_id", DEVICE)], 401, "invalid_client", 700_025),
        ([("scope", "https://management.example/.default")], 400, "invalid_resource", 500_011),
        ([("scope", "499b84ac-1321-427f-aa17-267ca6975798/vso.work")], 400, "invalid_scope", 70_011),
        ([("grant_type", "password")], 400, "unsupported_grant_type", 70_003),
    ] {
        assert_eq!(refused(&ask(&mut directory, &change)), (status, error.to_owned(), code));
    }
    let wrong = directory.send(Request::new("POST", &format!("/{SIGN_IN}/oauth2/v2.0/token")));
    assert_eq!(refused(&wrong).2, 90_002);
    let id = SIGN_IN.parse().unwrap();
    let expired = ApplicationChange { secret_expired: Some(true), ..ApplicationChange::default() };
    directory.state.change_application(id, &expired);
    assert_eq!(refused(&ask(&mut directory, &[])), (401, "invalid_client".into(), 7_000_222));
    let disabled = ApplicationChange { disabled: Some(true), ..ApplicationChange::default() };
    directory.state.change_application(id, &disabled);
    assert_eq!(refused(&ask(&mut directory, &[])).2, 7_000_112);
}

#[test]
fn a_machine_gets_a_token_from_its_metadata_service() {
    let mut directory = Directory::new();
    let target = format!("/metadata/identity/oauth2/token?api-version=2018-02-01&resource={SCOPE}");
    let bare = directory.send(Request::new("GET", &target));
    assert_eq!((bare.status, bare.json()["error"].clone()), (400, json!("invalid_request")));
    let ask = |directory: &mut Directory, more: &str| {
        directory.send(Request::new("GET", &format!("{target}{more}")).header("Metadata", "true"))
    };
    let body = ask(&mut directory, "").json();
    assert_eq!(body["client_id"], MACHINE);
    assert!(body["expires_in"].is_string() && body["expires_on"].is_string(), "numbers are text here");
    let token = body["access_token"].as_str().unwrap().to_owned();
    assert_eq!(directory.bearer(&token, "GET", "/contoso/_apis/projects").status, 200);
    assert_eq!(ask(&mut directory, &format!("&client_id={MACHINE}")).status, 200);
    assert_eq!(ask(&mut directory, &format!("&client_id={WORKLOAD}")).status, 400);
    let forwarded = Request::new("GET", &target).header("Metadata", "true").header("X-Forwarded-For", "x");
    assert_eq!(directory.send(forwarded).status, 400);
}

#[test]
fn an_app_service_proves_itself_with_its_header() {
    let mut directory = Directory::new();
    let target = format!("/msi/token?api-version=2019-08-01&resource={SCOPE}");
    assert_eq!(directory.send(Request::new("GET", &target)).status, 401);
    let request = Request::new("GET", &target).header("X-IDENTITY-HEADER", "app-service-secret");
    assert_eq!(directory.send(request).json()["client_id"], MACHINE);
}

#[test]
fn the_configuration_names_the_endpoints_of_this_very_emulator() {
    let mut directory = Directory::new();
    let target = format!("/{TENANT}/v2.0/.well-known/openid-configuration");
    let body = directory.send(Request::new("GET", &target)).json();
    assert_eq!(body["token_endpoint"], format!("http://emulator.example/{TENANT}/oauth2/v2.0/token"));
    assert_eq!(body["issuer"], format!("http://emulator.example/{TENANT}/v2.0"));
}

#[test]
fn sign_in_survives_a_restart() {
    let mut directory = Directory::new();
    let (access, refresh) = directory.signed_in(&format!("{SCOPE}/.default offline_access"));
    let code = directory.code(&format!("{SCOPE}/.default"));
    let saved = serde_json::to_string(&directory.state).unwrap();
    let mut again = Directory { state: serde_json::from_str(&saved).unwrap(), now: directory.now };
    assert_eq!(again.bearer(&access, "GET", "/contoso/_apis/projects").status, 200);
    assert_eq!(again.refresh(&refresh).status, 200);
    assert_eq!(again.redeem(&code).status, 200);
}
