//! Each way to sign in: what is asked, of whom, and what becomes of the answer.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use azure::{
    CheckOutcome, Clock as _, Credential, Error, IdentityEndpoint, ManagedIdentity, PersonSignIn,
    RefreshTokens, SignInFailure,
};
use chrono::Duration;
use model::WorkItemId;
use model::board::Change;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use crate::sign_in::{nothing, token};
use crate::support::{Answer, Bench, answer, bug_shape, json, ok};

fn machine(endpoint: IdentityEndpoint, client_id: Option<&str>, answers: Vec<Answer>) -> Bench {
    let client_id = client_id.map(str::to_owned);
    Bench::with_own(
        |script| Credential::ManagedIdentity {
            client_id,
            identity: ManagedIdentity::through(endpoint, script),
        },
        answers,
    )
}

#[tokio::test]
async fn instance_metadata_is_asked_as_azure_wants_to_be_asked() {
    // All values are in quotes there.
    let given = ok(json!({"access_token": "one", "expires_in": "86399", "expires_on": "1775044800",
        "resource": "499b84ac-1321-427f-aa17-267ca6975798", "token_type": "Bearer"}));
    let bench =
        machine(IdentityEndpoint::instance_metadata(), Some("a7bc"), vec![given, nothing(), nothing()]);
    bench.client.read(&[WorkItemId(1)]).await.unwrap();
    bench.clock.advance(Duration::hours(20));
    bench.client.read(&[WorkItemId(1)]).await.unwrap();
    let sent = bench.script.sent();
    assert_eq!(
        sent[0].url,
        "http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01\
         &resource=499b84ac-1321-427f-aa17-267ca6975798&client_id=a7bc"
    );
    assert_eq!((sent[0].method.as_str(), &sent[0].headers["metadata"]), ("GET", &"true".parse().unwrap()));
    assert!(sent[0].headers.get("authorization").is_none());
    assert_eq!(sent[2].headers["authorization"], "Bearer one");
}

#[tokio::test]
async fn app_service_is_asked_with_its_header_and_says_only_when_a_token_ends() {
    let endpoint = IdentityEndpoint::AppService {
        address: "http://127.0.0.1:41741/msi/token?x=y".parse().unwrap(),
        header: "853b9a84".into(),
    };
    let ends = (crate::support::noon() + Duration::hours(1)).timestamp();
    let given = |text: &str, ends: i64| {
        ok(json!({"access_token": text, "expires_on": ends.to_string(), "token_type": "Bearer"}))
    };
    let answers = vec![given("one", ends), nothing(), given("two", ends + 7200), nothing()];
    let bench = machine(endpoint.clone(), None, answers);
    bench.client.read(&[WorkItemId(1)]).await.unwrap();
    bench.clock.advance(Duration::minutes(56));
    bench.client.read(&[WorkItemId(1)]).await.unwrap();
    let sent = bench.script.sent();
    assert!(
        sent[0].url.starts_with("http://127.0.0.1:41741/msi/token?x=y&api-version=2019-08-01&resource=499b"),
        "{}",
        sent[0].url
    );
    assert_eq!(sent[0].headers["x-identity-header"], "853b9a84");
    assert!(sent[0].headers.get("metadata").is_none());
    assert_eq!(sent[3].headers["authorization"], "Bearer two");
    assert!(!format!("{endpoint:?} {:?}", sent[0].headers).contains("853b9a84"));
}

#[tokio::test]
async fn a_machine_without_an_identity_is_told_so_and_one_outside_of_azure_too() {
    let none = json(400, json!({"error": "invalid_request", "error_description": "Identity not found"}));
    let bench = machine(IdentityEndpoint::instance_metadata(), None, vec![none]);
    let error = bench.client.check().await.unwrap_err();
    assert!(
        matches!(&error, Error::SignIn { why: SignInFailure::ManagedIdentityMissing(said), .. } if said == "Identity not found"),
        "{error:?}"
    );
    let nobody = Err(azure::TransportError::NotSent("no route to host".into()));
    let bench = machine(IdentityEndpoint::instance_metadata(), None, vec![nobody]);
    let steps = bench.client.verify(None).await;
    let CheckOutcome::Failed { message, next_step } = &steps[0].outcome else { panic!("{steps:?}") };
    assert!(message.contains("does not answer: no route to host"), "{message}");
    assert!(next_step.contains("works only in Azure"), "{next_step}");
}

#[tokio::test]
async fn metadata_that_is_being_updated_is_asked_again() {
    let updating = || answer(410, &[], "");
    let bench = machine(
        IdentityEndpoint::instance_metadata(),
        None,
        vec![updating(), answer(404, &[], ""), token("one"), nothing()],
    );
    bench.client.read(&[WorkItemId(1)]).await.unwrap();
    assert_eq!(bench.clock.now() - crate::support::noon(), Duration::seconds(4), "with pauses");
}

#[test]
fn the_environment_of_app_service_wins_over_instance_metadata() {
    let of = |pairs: &'static [(&str, &str)]| {
        IdentityEndpoint::of_environment(|name| {
            pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    };
    assert!(matches!(
        of(&[]),
        Ok(IdentityEndpoint::InstanceMetadata { address }) if address.as_str() == "http://169.254.169.254/"
    ));
    let both = of(&[("IDENTITY_ENDPOINT", "http://127.0.0.1:4/msi/token"), ("IDENTITY_HEADER", "h")]);
    assert!(matches!(both, Ok(IdentityEndpoint::AppService { .. })));
    assert!(of(&[("IDENTITY_ENDPOINT", "http://127.0.0.1:4/msi/token")]).is_err());
    assert!(of(&[("IDENTITY_ENDPOINT", "not one"), ("IDENTITY_HEADER", "h")]).is_err());
}

#[tokio::test]
async fn the_assertion_of_a_workload_is_read_anew_for_each_token() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "first.assertion\n").unwrap();
    let credential = Credential::Federated {
        tenant: "t".into(),
        client_id: "app".into(),
        assertion_file: file.path().to_owned(),
    };
    let bench = Bench::with(credential, [token("one"), nothing(), token("two"), nothing()]);
    bench.client.read(&[WorkItemId(1)]).await.unwrap();
    std::fs::write(file.path(), "second.assertion").unwrap();
    bench.clock.advance(Duration::hours(1));
    bench.client.read(&[WorkItemId(1)]).await.unwrap();
    let sent = bench.script.sent();
    assert_eq!(sent[0].url, "https://login.microsoftonline.com/t/oauth2/v2.0/token");
    for (sent, assertion) in [(&sent[0], "first.assertion"), (&sent[2], "second.assertion")] {
        let value = |name| sent.form(name).unwrap();
        assert_eq!(value("client_assertion"), assertion);
        assert_eq!(value("client_assertion_type"), "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
        assert_eq!((value("grant_type"), value("client_id")), ("client_credentials".into(), "app".into()));
        assert_eq!(value("scope"), "499b84ac-1321-427f-aa17-267ca6975798/.default");
        assert_eq!(sent.form("client_secret"), None);
    }
}

#[tokio::test]
async fn a_workload_without_a_usable_assertion_asks_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let (missing, empty, long) =
        (folder.path().join("missing"), folder.path().join("empty"), folder.path().join("binary"));
    std::fs::write(&empty, " \n").unwrap();
    std::fs::write(&long, [0xff; 32]).unwrap();
    for file in [missing, empty, long] {
        let credential =
            Credential::Federated { tenant: "t".into(), client_id: "app".into(), assertion_file: file };
        let bench = Bench::with(credential, []);
        let error = bench.client.check().await.unwrap_err();
        assert!(
            matches!(error, Error::SignIn { why: SignInFailure::AssertionUnreadable(_), .. }),
            "{error:?}"
        );
    }
}

/// What is stored, and everything that happened to it. It can be told to fail, or to be changed by another replica.
#[derive(Default)]
pub(crate) struct Shelf {
    stored: Mutex<String>,
    fails: Mutex<bool>,
    /// What another replica stores as soon as this token was read.
    meanwhile: Mutex<Option<String>>,
}

impl Shelf {
    pub(crate) fn with(token: &str) -> Arc<Self> {
        Arc::new(Self { stored: Mutex::new(token.into()), ..Self::default() })
    }

    pub(crate) fn stored(&self) -> String {
        self.stored.lock().unwrap().clone()
    }
}

#[async_trait]
impl RefreshTokens for Shelf {
    async fn newest(&self) -> Result<SecretString, String> {
        let read = self.stored();
        if let Some(next) = self.meanwhile.lock().unwrap().take() {
            *self.stored.lock().unwrap() = next;
        }
        Ok(read.into())
    }

    async fn replace(&self, used: &SecretString, next: &SecretString) -> Result<(), String> {
        if *self.fails.lock().unwrap() {
            return Err("the database is not there".into());
        }
        let mut stored = self.stored.lock().unwrap();
        if *stored == used.expose_secret() {
            *stored = next.expose_secret().to_owned();
        }
        Ok(())
    }
}

fn application() -> PersonSignIn {
    PersonSignIn {
        tenant: "organizations".into(),
        client_id: "app".into(),
        client_secret: None,
        authority: "https://login.microsoftonline.com".parse().unwrap(),
    }
}

fn person(shelf: &Arc<Shelf>) -> Credential {
    Credential::Person { application: application(), tokens: shelf.clone() }
}

fn renewed(access: &str, refresh: &str) -> Answer {
    ok(json!({"token_type": "Bearer", "expires_in": 4500, "access_token": access, "refresh_token": refresh}))
}

fn ended(code: i64) -> Answer {
    json(
        400,
        json!({"error": "invalid_grant", "error_codes": [code], "error_description": format!("AADSTS{code}: x")}),
    )
}

#[tokio::test]
async fn each_renewal_uses_the_newest_refresh_token_and_stores_the_next() {
    let shelf = Shelf::with("r1");
    let answers = [renewed("one", "r2"), nothing(), renewed("two", "r3"), nothing()];
    let bench = Bench::with(person(&shelf), answers);
    bench.client.read(&[WorkItemId(1)]).await.unwrap();
    bench.clock.advance(Duration::minutes(72));
    bench.client.read(&[WorkItemId(1)]).await.unwrap();
    let sent = bench.script.sent();
    assert_eq!(sent[0].url, "https://login.microsoftonline.com/organizations/oauth2/v2.0/token");
    assert_eq!(sent[0].form("grant_type").unwrap(), "refresh_token");
    assert_eq!(
        sent[0].form("scope").unwrap(),
        "499b84ac-1321-427f-aa17-267ca6975798/.default offline_access"
    );
    assert_eq!(sent[0].form("client_secret"), None, "the application is a public one");
    assert_eq!(
        [sent[0].form("refresh_token"), sent[2].form("refresh_token")].map(Option::unwrap),
        ["r1", "r2"]
    );
    assert_eq!(shelf.stored(), "r3");
}

#[tokio::test]
async fn a_token_is_not_relied_on_before_the_refresh_token_that_came_with_it_is_stored() {
    let shelf = Shelf::with("r1");
    *shelf.fails.lock().unwrap() = true;
    let bench = Bench::with(
        person(&shelf),
        [renewed("one", "r2"), renewed("two", "r3"), ok(json!({"id": 1, "rev": 2, "fields": {}}))],
    );
    let change = Change { title: Some("New".into()), ..Change::default() };
    let error = bench.client.update(WorkItemId(1), 1, &bug_shape(), &change, bench.soon()).await.unwrap_err();
    assert!(matches!(&error, Error::NotSent { reason, .. } if reason.contains("database")), "{error:?}");
    assert!(bench.script.sent().iter().all(|sent| sent.method == "POST"), "the write was not sent");
    *shelf.fails.lock().unwrap() = false;
    bench.client.update(WorkItemId(1), 1, &bug_shape(), &change, bench.soon()).await.unwrap();
    assert_eq!(shelf.stored(), "r3");
}

#[tokio::test]
async fn a_refresh_token_that_another_replica_replaced_meanwhile_is_read_once_more() {
    let shelf = Shelf::with("r1");
    *shelf.meanwhile.lock().unwrap() = Some("r2".into());
    let bench = Bench::with(person(&shelf), [ended(50_173), renewed("one", "r3"), nothing()]);
    bench.client.read(&[WorkItemId(1)]).await.unwrap();
    let used: Vec<_> = bench.script.sent().iter().filter_map(|sent| sent.form("refresh_token")).collect();
    assert_eq!((used, shelf.stored().as_str()), (vec!["r1".into(), "r2".into()], "r3"));
}

#[tokio::test]
async fn a_renewal_that_lost_the_race_leaves_what_the_winner_stored() {
    let shelf = Shelf::with("r1");
    *shelf.meanwhile.lock().unwrap() = Some("winner".into());
    let bench = Bench::with(person(&shelf), [renewed("one", "loser"), nothing()]);
    bench.client.read(&[WorkItemId(1)]).await.expect("both tokens are good");
    assert_eq!(shelf.stored(), "winner");
}

#[tokio::test]
async fn a_sign_in_that_has_ended_for_good_asks_for_the_person_once() {
    for code in [70_008, 700_082, 50_173, 70_043, 54_005, 99_999] {
        let shelf = Shelf::with("r1");
        let bench = Bench::with(person(&shelf), [ended(code)]);
        let error = bench.client.check().await.unwrap_err();
        let Error::SignIn { why, .. } = &error else { panic!("{error:?}") };
        assert!(why.needs_a_person() && matches!(why, SignInFailure::SignInAgain(_)), "{why:?}");
        assert!(error.next_step().contains("sign in with Microsoft again"), "{error:?}");
        assert_eq!(shelf.stored(), "r1");
    }
}

#[tokio::test]
async fn consent_that_was_taken_back_and_a_second_factor_are_not_confused_with_an_end() {
    for (code, expected) in [
        (65_001, SignInFailure::ConsentMissing("AADSTS65001".into())),
        (50_076, SignInFailure::MoreProofRequired("AADSTS50076".into())),
        (7_000_218, SignInFailure::SecretRequired),
        (50_105, SignInFailure::NotAssigned),
    ] {
        let bench = Bench::with(person(&Shelf::with("r1")), [ended(code)]);
        let error = bench.client.check().await.unwrap_err();
        assert!(matches!(&error, Error::SignIn { why, .. } if *why == expected), "{error:?}");
    }
}

const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

#[test]
fn the_browser_is_sent_away_with_a_challenge_and_never_with_the_verifier() {
    let redirect = "https://lockstep.example.com/connections/callback".parse().unwrap();
    let url = application().authorize_url(&redirect, "state-1", &VERIFIER.into()).unwrap();
    assert!(
        url.as_str().starts_with("https://login.microsoftonline.com/organizations/oauth2/v2.0/authorize?")
    );
    let value = |name: &str| {
        url.query_pairs().find_map(|(key, value)| (key == name).then(|| value.into_owned())).unwrap()
    };
    // The pair of RFC 7636, appendix B.
    assert_eq!(value("code_challenge"), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    assert_eq!((value("code_challenge_method"), value("response_type")), ("S256".into(), "code".into()));
    assert_eq!(value("redirect_uri"), redirect.as_str());
    assert_eq!(value("scope"), "499b84ac-1321-427f-aa17-267ca6975798/.default offline_access");
    assert_eq!(value("state"), "state-1");
    assert!(!url.as_str().contains(VERIFIER));
}

#[test]
fn a_tenant_or_an_authority_cannot_lead_elsewhere() {
    let redirect = "https://lockstep.example.com/cb".parse().unwrap();
    for (tenant, authority) in [
        ("..", "https://login.example.com"),
        ("", "https://login.example.com"),
        ("t", "javascript:alert(1)"),
        ("t", "data:text/html,x"),
    ] {
        let application =
            PersonSignIn { tenant: tenant.into(), authority: authority.parse().unwrap(), ..application() };
        assert!(application.authorize_url(&redirect, "s", &VERIFIER.into()).is_err(), "{tenant} {authority}");
    }
    let slashed = PersonSignIn { tenant: "a/../b?c".into(), ..application() };
    let url = slashed.authorize_url(&redirect, "s", &VERIFIER.into()).unwrap();
    assert_eq!(url.path(), "/a%2F..%2Fb%3Fc/oauth2/v2.0/authorize");
}

#[tokio::test]
async fn a_code_is_exchanged_once_with_its_verifier() {
    let redirect = "https://lockstep.example.com/cb".parse().unwrap();
    let redeem = async |application: PersonSignIn, given: Answer| {
        let bench = Bench::new([given]);
        let made = application
            .redeem("the-code", &redirect, &VERIFIER.into(), &*bench.script, &*bench.clock, bench.soon())
            .await;
        (made.map(|token| token.expose_secret().to_owned()), bench.script.sent())
    };
    let with_secret = PersonSignIn { client_secret: Some("s&cret\n".into()), ..application() };
    let (made, sent) = redeem(with_secret, renewed("one", "r1")).await;
    assert_eq!(made.unwrap(), "r1");
    let value = |name| sent[0].form(name).unwrap();
    assert_eq!((value("grant_type"), value("code")), ("authorization_code".into(), "the-code".into()));
    assert_eq!(
        (value("code_verifier"), value("redirect_uri")),
        (VERIFIER.into(), "https://lockstep.example.com/cb".into())
    );
    assert_eq!(value("client_secret"), "s&cret");

    let (made, _) = redeem(application(), token("only an access token")).await;
    assert!(matches!(made, Err(Error::SignIn { why: SignInFailure::NoRefreshToken, .. })), "{made:?}");
    let (made, sent) = redeem(application(), ended(9_002_327)).await;
    assert!(
        matches!(&made, Err(Error::SignIn { why: SignInFailure::SinglePageRedirect(_), .. })),
        "{made:?}"
    );
    assert_eq!(sent.len(), 1);
    let lost = Err(azure::TransportError::NoAnswer("cut".into()));
    let (made, sent) = redeem(application(), lost).await;
    assert!(matches!(made, Err(Error::NotSent { .. })) && sent.len() == 1);
}

#[test]
fn credentials_of_every_kind_show_no_secret() {
    let shown = format!(
        "{:?} {:?} {:?}",
        person(&Shelf::with("r1")),
        PersonSignIn { client_secret: Some("s3cret".into()), ..application() },
        Credential::PersonalAccessToken("pat-value".into()),
    );
    assert!(!shown.contains("r1") && !shown.contains("s3cret") && !shown.contains("pat-value"), "{shown}");
}
