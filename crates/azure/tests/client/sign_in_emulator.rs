//! Every way to sign in, over the emulator's Entra: it checks what it is sent and knows nothing of this client.

use std::sync::{Arc, Mutex};

use azure::{
    Clock as _, Credential, Error, IdentityEndpoint, ManagedIdentity, PersonSignIn, Request, SignInFailure,
    Transport as _,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::Duration;
use emulator::seed::{FederatedCredentialSeed, ManagedIdentity as Managed, Seed, ServicePrincipalSeed};
use emulator::{ApplicationChange, OrganizationChange, RefreshEnd};
use secrecy::SecretString;
use serde_json::json;
use url::Url;
use uuid::Uuid;

use crate::against_emulator::{TENANT, connect};
use crate::in_process::InProcess;
use crate::sign_in_ways::Shelf;
use crate::support::ManualClock;

const CLIENT: Uuid = Uuid::from_u128(0x1111_1111_1111_4111_8111_1111_1111_1111);
const MACHINE: Uuid = Uuid::from_u128(0x2222_2222_2222_4222_8222_2222_2222_2222);
const REDIRECT: &str = "https://lockstep.example.com/connections/callback";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

struct Cloud {
    transport: Arc<InProcess>,
    clock: Arc<ManualClock>,
}

impl Cloud {
    fn new() -> Self {
        let clock = ManualClock::at_noon();
        let mut seed = Seed::demo();
        seed.automatic_sign_in = true;
        seed.refresh_grace_seconds = Some(0);
        seed.identity_header = "853b9a84".into();
        let contoso = &mut seed.organizations[0];
        contoso.tenant = Some(TENANT);
        let application = &mut contoso.service_principals[0];
        application.redirect_uris = vec![REDIRECT.into()];
        application.federated_credentials = vec![FederatedCredentialSeed {
            issuer: "https://issuer.example/".into(),
            subject: "workload".into(),
            audience: "api://AzureADTokenExchange".into(),
        }];
        let role = application.role;
        contoso.service_principals.push(ServicePrincipalSeed {
            name: "The machine".into(),
            client_id: MACHINE,
            role,
            managed_identity: Some(Managed::SystemAssigned),
            ..ServicePrincipalSeed::default()
        });
        let mut state = emulator::State::new(&seed, clock.now());
        state.set_base_url("http://emulator.example");
        let transport = Arc::new(InProcess { state: Mutex::new(state), clock: Arc::clone(&clock) });
        Self { transport, clock }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, emulator::State> {
        self.transport.state.lock().unwrap()
    }

    fn client(&self, credential: Credential) -> azure::Client {
        connect(&self.transport, &self.clock, credential, "contoso")
    }

    fn application(&self) -> PersonSignIn {
        PersonSignIn {
            tenant: TENANT.to_string(),
            client_id: CLIENT.to_string(),
            client_secret: Some("demo-client-secret".into()),
            authority: "http://emulator.example".parse().unwrap(),
        }
    }

    /// What the browser of a person brings back: the query of the redirect address.
    async fn browse(&self, person: &str) -> Vec<(String, String)> {
        let redirect = REDIRECT.parse().unwrap();
        let mut url = self.application().authorize_url(&redirect, "state-1", &VERIFIER.into()).unwrap();
        url.query_pairs_mut().append_pair("login_hint", person);
        let request = Request {
            method: http::Method::GET,
            url,
            headers: http::HeaderMap::new(),
            body: bytes::Bytes::new(),
            deadline: self.clock.now() + Duration::seconds(30),
        };
        let answer = self.transport.send(request).await.unwrap();
        let back: Url = answer.headers["location"].to_str().unwrap().parse().unwrap();
        back.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
    }

    async fn redeem(&self, code: &str, verifier: &str) -> Result<SecretString, Error> {
        let (redirect, verifier) = (REDIRECT.parse().unwrap(), SecretString::from(verifier));
        let deadline = self.clock.now() + Duration::seconds(30);
        self.application().redeem(code, &redirect, &verifier, &*self.transport, &*self.clock, deadline).await
    }
}

fn value(brought: &[(String, String)], name: &str) -> String {
    brought.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone()).unwrap_or_default()
}

fn why(error: &Error) -> &SignInFailure {
    match error {
        Error::SignIn { why, .. } => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_person_signs_in_once_and_the_newest_refresh_token_goes_on() {
    use secrecy::ExposeSecret as _;
    let cloud = Cloud::new();
    let brought = cloud.browse("ada.marsh@contoso.example").await;
    assert_eq!(value(&brought, "state"), "state-1");
    let code = value(&brought, "code");
    let other = cloud.redeem(&code, &VERIFIER.replace('d', "e")).await.unwrap_err();
    assert!(why(&other).needs_a_person(), "{other:?}");
    let first = cloud.redeem(&code, VERIFIER).await.unwrap();
    let twice = cloud.redeem(&code, VERIFIER).await.unwrap_err();
    assert_eq!(*why(&twice), SignInFailure::SignInAgain("AADSTS54005".into()));

    let shelf = Shelf::with(first.expose_secret());
    let credential = || Credential::Person { application: cloud.application(), tokens: shelf.clone() };
    let client = cloud.client(credential());
    assert_eq!(client.check().await.unwrap().display_name, "Ada Marsh");
    assert_ne!(shelf.stored(), first.expose_secret());
    for _ in 0..3 {
        cloud.clock.advance(Duration::hours(2));
        client.projects().await.expect("renewed by itself");
    }
    // Another replica has the stored one only.
    cloud.client(credential()).projects().await.unwrap();

    cloud.state().end_refresh_tokens(RefreshEnd::Revoke, None, cloud.clock.now());
    cloud.clock.advance(Duration::hours(2));
    let ended = cloud.client(credential()).projects().await.unwrap_err();
    assert_eq!(*why(&ended), SignInFailure::SignInAgain("AADSTS50173".into()));
}

#[tokio::test]
async fn organizations_of_a_person_are_listed() {
    use secrecy::ExposeSecret as _;
    let cloud = Cloud::new();
    let code = value(&cloud.browse("ada.marsh@contoso.example").await, "code");
    let shelf = Shelf::with(cloud.redeem(&code, VERIFIER).await.unwrap().expose_secret());
    let credential = Credential::Person { application: cloud.application(), tokens: shelf };
    let client = connect(&cloud.transport, &cloud.clock, credential, "");
    let names: Vec<String> = client.organizations().await.unwrap().into_iter().map(|of| of.name).collect();
    assert_eq!(names, ["contoso"]);
}

#[tokio::test]
async fn consent_that_is_missing_comes_back_with_the_browser() {
    let cloud = Cloud::new();
    let change = ApplicationChange {
        consent: Some(emulator::seed::Consent::AdministratorMissing),
        ..ApplicationChange::default()
    };
    assert!(cloud.state().change_application(CLIENT, &change));
    let brought = cloud.browse("ada.marsh@contoso.example").await;
    let explained =
        azure::explain_browser_error(&value(&brought, "error"), &value(&brought, "error_description"));
    assert_eq!(explained, SignInFailure::ConsentMissing("AADSTS90094".into()));
}

#[tokio::test]
async fn the_machine_signs_in_through_both_kinds_of_endpoint() {
    let cloud = Cloud::new();
    let address: Url = "http://emulator.example".parse().unwrap();
    let app_service = address.join("msi/token").unwrap();
    for endpoint in [
        IdentityEndpoint::InstanceMetadata { address: address.clone() },
        IdentityEndpoint::AppService { address: app_service, header: "853b9a84".into() },
    ] {
        for client_id in [None, Some(MACHINE.to_string())] {
            let identity = ManagedIdentity::through(endpoint.clone(), cloud.transport.clone());
            let client = cloud.client(Credential::ManagedIdentity { client_id, identity });
            assert_eq!(client.check().await.unwrap().display_name, "The machine");
        }
    }
    let identity =
        ManagedIdentity::through(IdentityEndpoint::InstanceMetadata { address }, cloud.transport.clone());
    let client_id = Some(CLIENT.to_string());
    let error = cloud.client(Credential::ManagedIdentity { client_id, identity }).check().await.unwrap_err();
    assert!(matches!(why(&error), SignInFailure::ManagedIdentityMissing(_)), "{error:?}");
}

#[tokio::test]
async fn a_workload_signs_in_and_each_mismatch_is_told() {
    let cloud = Cloud::new();
    let file = tempfile::NamedTempFile::new().unwrap();
    let part = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let write = |subject: &str, seconds: i64| {
        let now = cloud.clock.now().timestamp();
        let claims = json!({"iss": "https://issuer.example/", "sub": subject,
            "aud": "api://AzureADTokenExchange", "nbf": now - 7200, "exp": now + seconds});
        let text = format!("{}.{}.x", part(json!({"alg": "RS256"})), part(claims));
        std::fs::write(file.path(), text).unwrap();
    };
    let client = cloud.client(Credential::Federated {
        tenant: TENANT.to_string(),
        client_id: CLIENT.to_string(),
        assertion_file: file.path().to_owned(),
    });
    write("somebody", 3600);
    let error = client.check().await.unwrap_err();
    assert_eq!(*why(&error), SignInFailure::FederationMismatch("AADSTS700213".into()));
    write("workload", -3600);
    let error = client.check().await.unwrap_err();
    assert_eq!(*why(&error), SignInFailure::AssertionExpired);
    write("workload", 3600);
    assert_eq!(client.check().await.unwrap().display_name, "Lockstep Application");
}

#[tokio::test]
async fn a_withdrawn_token_is_replaced_by_one_with_the_claims_that_were_demanded() {
    let cloud = Cloud::new();
    let client = cloud.client(Credential::ClientSecret {
        tenant: TENANT.to_string(),
        client_id: CLIENT.to_string(),
        client_secret: "demo-client-secret".into(),
        authority: None,
    });
    client.projects().await.unwrap();
    cloud.clock.advance(Duration::minutes(1));
    let change = OrganizationChange { claims_required: Some(true), ..OrganizationChange::default() };
    let now = cloud.clock.now();
    assert!(cloud.state().change_organization("contoso", &change, now));
    cloud.clock.advance(Duration::minutes(1));
    client.projects().await.expect("the claims went along");
}
