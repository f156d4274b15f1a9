//! How connections sign in, told over the API: a person through a browser, a machine, a workload.

use crate::support::{Session, on_every_database, problem};
use crate::work::until;
use api::{Connection, ConnectionCheck, Page, Role, SignInBegun, SignInOptions, SignInProgress, SignInShown};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use emulator::seed::{FederatedCredentialSeed, ManagedIdentity, Seed, ServicePrincipalSeed};
use reqwest::{Method, StatusCode, Url};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use server::{IdentityEndpoint, Settings};
use uuid::Uuid;

pub(crate) const ADA: &str = "ada.marsh@contoso.example";
pub(crate) const CLIENT: Uuid = Uuid::from_u128(0x1111_1111_1111_4111_8111_1111_1111_1111);
const MACHINE: Uuid = Uuid::from_u128(0x2222_2222_2222_4222_8222_2222_2222_2222);
pub(crate) const TENANT: Uuid = Uuid::from_u128(0x3333_3333_3333_4333_8333_3333_3333_3333);
const ISSUER: &str = "https://oidc.cluster.example/";
const SUBJECT: &str = "system:serviceaccount:lockstep:server";

#[expect(clippy::unwrap_used, reason = "test support")]
pub(crate) async fn entra(change: impl FnOnce(&mut Seed)) -> emulator::Running {
    let mut seed = Seed::demo();
    seed.automatic_sign_in = true;
    let contoso = &mut seed.organizations[0];
    contoso.tenant = Some(TENANT);
    let application = &mut contoso.service_principals[0];
    application.redirect_uris = vec!["http://127.0.0.1/connections/callback".into()];
    application.federated_credentials = vec![FederatedCredentialSeed {
        issuer: ISSUER.into(),
        subject: SUBJECT.into(),
        audience: "api://AzureADTokenExchange".into(),
    }];
    let role = application.role;
    contoso.service_principals.push(ServicePrincipalSeed {
        name: "The machine".into(),
        client_id: MACHINE,
        role,
        managed_identity: Some(ManagedIdentity::SystemAssigned),
        ..ServicePrincipalSeed::default()
    });
    change(&mut seed);
    let options = emulator::Options { seed, allow_local_hooks: true, ..emulator::Options::default() };
    emulator::start(options).await.unwrap()
}

#[expect(clippy::unwrap_used, reason = "test support")]
pub(crate) fn beside(board: &emulator::Running) -> impl FnOnce(&mut Settings) + use<> {
    let origin: Url = board.base_url.parse().unwrap();
    move |settings| {
        settings.allowed_origins = vec![origin.clone()];
        settings.entra_authority = Some(origin);
        settings.pace.poll_interval = Some(chrono::Duration::milliseconds(200));
    }
}

#[expect(clippy::unwrap_used, reason = "test support")]
pub(crate) async fn control(board: &emulator::Running, path: &str, body: Value) {
    let url = format!("{}/_emulator/{path}", board.base_url.trim_end_matches('/'));
    let done = reqwest::Client::new().post(url).json(&body).send().await.unwrap();
    assert!(done.status().is_success(), "{path}: {}", done.status());
}

#[expect(clippy::unwrap_used, reason = "test support")]
pub(crate) async fn ok<T: DeserializeOwned>(
    session: &Session<'_>,
    method: Method,
    path: &str,
    body: Value,
) -> T {
    let mut request = session.call(method, path);
    if !body.is_null() {
        request = request.json(&body);
    }
    let response = request.send().await.unwrap();
    let (status, text) = (response.status(), response.text().await.unwrap());
    assert!(status.is_success(), "{path}: {status} {text}");
    serde_json::from_str(&text).unwrap()
}

pub(crate) fn new_connection(board: &emulator::Running, organization: Option<&str>) -> Value {
    json!({
        "name": "Contoso", "instance_url": board.base_url, "organization": organization,
        "application": { "tenant": TENANT, "client_id": CLIENT, "client_secret": "demo-client-secret" }
    })
}

/// What a browser does: goes to Microsoft as a person, comes back with something in the address.
#[expect(clippy::unwrap_used, reason = "test support")]
pub(crate) async fn browse(authorize_url: &str, person: &str) -> Value {
    let mut url: Url = authorize_url.parse().unwrap();
    url.query_pairs_mut().append_pair("login_hint", person);
    let browser = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let answer = browser.get(url).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::FOUND, "{}", answer.text().await.unwrap());
    let back: Url = answer.headers()["location"].to_str().unwrap().parse().unwrap();
    assert!(back.path().ends_with("/connections/callback"));
    let brought: serde_json::Map<String, Value> = back
        .query_pairs()
        .filter(|(name, _)| matches!(&**name, "state" | "code" | "error" | "error_description"))
        .map(|(name, value)| (name.into_owned(), value.into_owned().into()))
        .collect();
    brought.into()
}

pub(crate) const BEGIN: &str = "/api/v1/connections/sign-in";
pub(crate) const FINISH: &str = "/api/v1/connections/sign-in/finish";

#[expect(clippy::unwrap_used, reason = "test support")]
async fn sign_in(session: &Session<'_>, begin: Value) -> Connection {
    let begun: SignInBegun = ok(session, Method::POST, BEGIN, begin).await;
    let brought = browse(&begun.authorize_url, ADA).await;
    let progress: SignInProgress = ok(session, Method::POST, FINISH, brought).await;
    progress.connection.unwrap()
}

async fn check(session: &Session<'_>, connection: &Connection) -> ConnectionCheck {
    ok(session, Method::POST, &format!("/api/v1/connections/{}/check", connection.id), Value::Null).await
}

#[test]
fn a_person_signs_in_with_microsoft_and_stays_signed_in_over_a_restart() {
    on_every_database(|server| async move {
        // A refresh token that was used is refused at once: whoever loses the newest is signed out.
        let board = entra(|seed| seed.refresh_grace_seconds = Some(0)).await;
        let server = server.restarted(beside(&board)).await;
        let session = server.session().await;
        let options: SignInOptions = ok(&session, Method::GET, BEGIN, Value::Null).await;
        assert_eq!(options.redirect_uri, server.url("/connections/callback"));
        assert!(!options.managed_identity && !options.workload_identity);

        let connection = sign_in(&session, new_connection(&board, Some("contoso"))).await;
        assert_eq!(
            connection.sign_in,
            SignInShown::Person {
                tenant: TENANT.to_string(),
                client_id: CLIENT.to_string(),
                name: "Ada Marsh".into()
            }
        );
        assert!(check(&session, &connection).await.ok);
        control(&board, "tokens/expire", Value::Null).await;
        let checked = check(&session, &connection).await;
        assert!(checked.ok, "{checked:?}");

        let listed =
            session.call(Method::GET, "/api/v1/connections").send().await.unwrap().text().await.unwrap();
        assert!(!listed.contains("demo-client-secret") && !listed.contains("refresh"), "{listed}");

        let server = server.restarted(beside(&board)).await;
        let session = server.session().await;
        let checked = check(&session, &connection).await;
        assert!(checked.ok, "{checked:?}");
        board.stop().await.unwrap();
    });
}

#[test]
fn a_state_works_once_and_only_in_the_session_that_began() {
    on_every_database(|server| async move {
        let board = entra(|_| {}).await;
        let server = server.restarted(beside(&board)).await;
        let (session, other) = (server.session().await, server.session().await);
        let begun: SignInBegun =
            ok(&session, Method::POST, BEGIN, new_connection(&board, Some("contoso"))).await;
        let brought = browse(&begun.authorize_url, ADA).await;

        let mut forged = brought.clone();
        forged["state"] = "0".repeat(64).into();
        for (by, body) in [(&session, &forged), (&other, &brought)] {
            let refused = by.call(Method::POST, FINISH).json(body).send().await.unwrap();
            assert_eq!(refused.status(), StatusCode::CONFLICT);
            assert_eq!(problem(refused).await.code, "sign_in_unknown");
        }
        let _: SignInProgress = ok(&session, Method::POST, FINISH, brought.clone()).await;
        let again = session.call(Method::POST, FINISH).json(&brought).send().await.unwrap();
        assert_eq!(problem(again).await.code, "sign_in_unknown");
        let connections: Page<Connection> =
            ok(&session, Method::GET, "/api/v1/connections", Value::Null).await;
        assert_eq!(connections.items.len(), 1);
        board.stop().await.unwrap();
    });
}

#[test]
fn a_state_is_forgotten_after_ten_minutes() {
    on_every_database(|server| async move {
        let board = entra(|_| {}).await;
        let server = server.restarted(beside(&board)).await;
        let session = server.session().await;
        let begun: SignInBegun =
            ok(&session, Method::POST, BEGIN, new_connection(&board, Some("contoso"))).await;
        let brought = browse(&begun.authorize_url, ADA).await;
        // Time cannot be moved in a whole server, so what it waits for is.
        server.sql("UPDATE pending_sign_in SET expires_at = expires_at - 600000000", vec![]).await;
        let late = session.call(Method::POST, FINISH).json(&brought).send().await.unwrap();
        assert_eq!(problem(late).await.code, "sign_in_unknown");
        board.stop().await.unwrap();
    });
}

#[test]
fn the_organization_can_be_chosen_after_signing_in_and_a_wrong_name_corrected() {
    on_every_database(|server| async move {
        let board = entra(|_| {}).await;
        let server = server.restarted(beside(&board)).await;
        let session = server.session().await;
        let begun: SignInBegun = ok(&session, Method::POST, BEGIN, new_connection(&board, None)).await;
        let brought = browse(&begun.authorize_url, ADA).await;
        let progress: SignInProgress = ok(&session, Method::POST, FINISH, brought).await;
        let names: Vec<&str> = progress.organizations.iter().map(|found| found.name.as_str()).collect();
        assert_eq!((progress.connection.is_none(), names), (true, vec!["contoso"]));
        let choose = |organization: &str| {
            session
                .call(Method::POST, "/api/v1/connections/sign-in/organization")
                .json(&json!({ "state": progress.state, "organization": organization }))
                .send()
        };
        let wrong = choose("no-such-organization").await.unwrap();
        assert!(wrong.status().is_client_error() || wrong.status() == StatusCode::BAD_GATEWAY);
        let made = choose("contoso").await.unwrap();
        assert_eq!(made.status(), StatusCode::CREATED);
        let used_up = choose("contoso").await.unwrap();
        assert_eq!(problem(used_up).await.code, "sign_in_unknown");
        board.stop().await.unwrap();
    });
}

#[test]
fn a_sign_in_that_was_withdrawn_is_said_in_plain_words_and_mended_with_one_click() {
    on_every_database(|server| async move {
        let board = entra(|_| {}).await;
        let server = server.restarted(beside(&board)).await;
        let session = server.session().await;
        let connection = sign_in(&session, new_connection(&board, Some("contoso"))).await;
        let path = format!("/api/v1/connections/{}", connection.id);
        // A token that is refused when it was fetched this moment is not asked about again: it is used once first.
        let _: Connection =
            until(&session, &path, |shown: &Connection| shown.last_contact_at.is_some()).await;
        control(&board, "refresh-tokens", json!({ "end": "revoke" })).await;
        control(&board, "tokens/expire", Value::Null).await;
        let checked = check(&session, &connection).await;
        let failed = checked.steps.iter().find_map(|step| step.next_step.clone()).unwrap();
        assert!(failed.contains("sign in with Microsoft again"), "{checked:?}");
        let shown: Connection = until(&session, &path, |shown: &Connection| shown.problem.is_some()).await;
        let waiting = shown.problem.unwrap();
        assert!(
            waiting.contains("AADSTS50173") && waiting.contains("sign in with Microsoft again"),
            "{waiting}"
        );

        let mended = sign_in(&session, json!({ "connection_id": connection.id })).await;
        assert_eq!((mended.id, mended.problem.as_deref()), (connection.id, None));
        let checked = check(&session, &connection).await;
        assert!(checked.ok, "{checked:?}");
        board.stop().await.unwrap();
    });
}

#[test]
fn what_microsoft_refuses_is_explained_and_makes_no_connection() {
    on_every_database(|server| async move {
        let board = entra(|seed| {
            seed.organizations[0].service_principals[0].consent =
                emulator::seed::Consent::AdministratorMissing;
        })
        .await;
        let server = server.restarted(beside(&board)).await;
        let session = server.session().await;
        let begun: SignInBegun =
            ok(&session, Method::POST, BEGIN, new_connection(&board, Some("contoso"))).await;
        let brought = browse(&begun.authorize_url, ADA).await;
        let refused = session.call(Method::POST, FINISH).json(&brought).send().await.unwrap();
        let said = problem(refused).await;
        assert!(
            said.detail.contains("AADSTS90094") && said.next_step.contains("Grant admin consent"),
            "{said:?}"
        );
        let connections: Page<Connection> =
            ok(&session, Method::GET, "/api/v1/connections", Value::Null).await;
        assert!(connections.items.is_empty());
        board.stop().await.unwrap();
    });
}

#[test]
fn only_an_administrator_with_a_browser_signs_in_for_a_connection() {
    on_every_database(|server| async move {
        let board = entra(|_| {}).await;
        let server = server.restarted(beside(&board)).await;
        for role in [Role::Analyst, Role::Administrator] {
            let token = server.token(role).await;
            let refused = server
                .call(Method::POST, BEGIN)
                .bearer_auth(token)
                .json(&new_connection(&board, None))
                .send()
                .await
                .unwrap();
            assert_eq!(refused.status(), StatusCode::FORBIDDEN, "{role:?}");
        }
        board.stop().await.unwrap();
    });
}

#[test]
fn the_managed_identity_of_the_machine_is_used_only_where_the_operator_allows_it() {
    on_every_database(|server| async move {
        let board = entra(|_| {}).await;
        let server = server.restarted(beside(&board)).await;
        let session = server.session().await;
        let new = json!({ "organization": "contoso", "instance_url": board.base_url,
            "sign_in": { "method": "managed_identity" } });
        let refused = session.call(Method::POST, "/api/v1/connections").json(&new).send().await.unwrap();
        assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY);
        assert!(problem(refused).await.next_step.contains("--allow-managed-identity"));

        let address: Url = board.base_url.parse().unwrap();
        let allow = beside(&board);
        let server = server
            .restarted(|settings| {
                allow(settings);
                settings.managed_identity = Some(IdentityEndpoint::InstanceMetadata { address });
            })
            .await;
        let session = server.session().await;
        let made: Connection = ok(&session, Method::POST, "/api/v1/connections", new).await;
        assert_eq!(made.sign_in, SignInShown::ManagedIdentity { client_id: None });
        assert!(check(&session, &made).await.ok);

        // Nobody collects the machine's token by typing an address.
        for instance in ["https://dev.azure.com.evil.example", "https://evil.example", "http://dev.azure.com"]
        {
            let thief = json!({ "organization": "contoso", "instance_url": instance,
                "sign_in": { "method": "managed_identity" } });
            let refused =
                session.call(Method::POST, "/api/v1/connections/verify").json(&thief).send().await.unwrap();
            assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY, "{instance}");
        }
        // Allowing the identity opens its address to nothing else.
        let metadata = json!({ "organization": "metadata", "instance_url": "http://169.254.169.254",
            "sign_in": { "method": "personal_access_token", "token": "x" } });
        let checked: ConnectionCheck =
            ok(&session, Method::POST, "/api/v1/connections/verify", metadata).await;
        assert!(!checked.ok);
        board.stop().await.unwrap();
    });
}

fn assertion(subject: &str) -> String {
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let claims = json!({ "iss": ISSUER, "sub": subject, "aud": ["api://AzureADTokenExchange"],
        "nbf": 0, "exp": 4_102_444_800_i64 });
    format!("{}.{}.signature", part(json!({ "alg": "RS256" })), part(claims))
}

#[test]
fn a_workload_signs_in_with_the_assertion_of_its_platform() {
    on_every_database(|server| async move {
        let board = entra(|_| {}).await;
        let file = server.data.path().join("assertion");
        std::fs::write(&file, assertion("somebody:else")).unwrap();
        let allow = beside(&board);
        let server = server
            .restarted(|settings| {
                allow(settings);
                settings.federated_token_file = Some(file.clone());
            })
            .await;
        let session = server.session().await;
        let sign_in = json!({ "method": "workload_identity", "tenant": TENANT, "client_id": CLIENT });
        let new = json!({ "organization": "contoso", "instance_url": board.base_url, "sign_in": sign_in });
        let refused = session.call(Method::POST, "/api/v1/connections").json(&new).send().await.unwrap();
        let said = problem(refused).await;
        assert!(said.detail.contains("AADSTS700213") && said.next_step.contains("subject"), "{said:?}");

        std::fs::write(&file, assertion(SUBJECT)).unwrap();
        let made: Connection = ok(&session, Method::POST, "/api/v1/connections", new).await;
        assert_eq!(
            made.sign_in,
            SignInShown::WorkloadIdentity { tenant: TENANT.to_string(), client_id: CLIENT.to_string() }
        );
        assert!(check(&session, &made).await.ok);
        board.stop().await.unwrap();
    });
}

#[test]
fn organizations_are_listed_for_sign_ins_of_entra_and_asked_for_otherwise() {
    on_every_database(|server| async move {
        let board = entra(|_| {}).await;
        let server = server.restarted(beside(&board)).await;
        let session = server.session().await;
        let list = |sign_in: Value| json!({ "instance_url": board.base_url, "sign_in": sign_in });
        let path = "/api/v1/connections/organizations";
        let secret = json!({ "method": "client_secret", "tenant": TENANT, "client_id": CLIENT,
            "client_secret": "demo-client-secret" });
        let found: Page<api::BoardOrganization> = ok(&session, Method::POST, path, list(secret)).await;
        assert_eq!(found.items[0].name, "contoso");
        let pat = json!({ "method": "personal_access_token", "token": emulator::seed::DEMO_PAT });
        let refused = session.call(Method::POST, path).json(&list(pat)).send().await.unwrap();
        assert!(problem(refused).await.next_step.contains("Type the name"));
        board.stop().await.unwrap();
    });
}
