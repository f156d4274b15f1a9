//! Verbs for stories about Entra: a state stepped by hand, with an application that signs people in, one with
//! federated credentials and two managed identities.

use base64::{Engine, prelude::*};
use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use emulator::{
    Request, Response, Seed, State,
    seed::{
        Consent, DEMO_PAT, FederatedCredentialSeed, ManagedIdentity, OrganizationSeed, Role,
        ServicePrincipalSeed, UserSeed,
    },
};
use serde_json::Value;
use uuid::Uuid;

pub const TENANT: &str = "aaaaaaaa-0000-4000-8000-000000000001";
pub const SIGN_IN: &str = "22222222-2222-4222-8222-222222222222";
pub const DEVICE: &str = "33333333-3333-4333-8333-333333333333";
pub const WORKLOAD: &str = "44444444-4444-4444-8444-444444444444";
pub const MACHINE: &str = "55555555-5555-4555-8555-555555555555";
pub const REDIRECT: &str = "https://lockstep.example/callback";
pub const ADA: &str = "ada.marsh@contoso.example";
pub const SCOPE: &str = "499b84ac-1321-427f-aa17-267ca6975798";
/// A verifier and its S256 challenge.
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

pub struct Directory {
    pub state: State,
    pub now: DateTime<Utc>,
}

fn application(id: &str, name: &str) -> ServicePrincipalSeed {
    ServicePrincipalSeed {
        name: name.into(),
        client_id: id.parse().unwrap(),
        role: Role::None,
        ..ServicePrincipalSeed::default()
    }
}

/// Two organizations of one tenant and one of another.
pub fn seed() -> Seed {
    let mut seed = Seed::demo();
    seed.automatic_sign_in = true;
    seed.identity_header = "app-service-secret".into();
    let tenant: Uuid = TENANT.parse().unwrap();
    let contoso = &mut seed.organizations[0];
    contoso.tenant = Some(tenant);
    contoso.service_principals.push(ServicePrincipalSeed {
        client_secret: "web-secret".into(),
        redirect_uris: vec![REDIRECT.into(), "http://localhost/back".into()],
        ..application(SIGN_IN, "Lockstep Sign-in")
    });
    contoso.service_principals.push(ServicePrincipalSeed {
        public_client: true,
        redirect_uris: vec!["http://localhost".into()],
        ..application(DEVICE, "Command line")
    });
    contoso.service_principals.push(ServicePrincipalSeed {
        role: Role::Contributor,
        federated_credentials: vec![FederatedCredentialSeed {
            issuer: "https://issuer.example/".into(),
            subject: "system:serviceaccount:apps:lockstep".into(),
            audience: "api://AzureADTokenExchange".into(),
        }],
        ..application(WORKLOAD, "Workload")
    });
    contoso.service_principals.push(ServicePrincipalSeed {
        role: Role::Contributor,
        managed_identity: Some(ManagedIdentity::SystemAssigned),
        ..application(MACHINE, "Machine")
    });
    contoso
        .users
        .push(UserSeed { never_signed_in: true, ..UserSeed::person("Eve Late", "eve.late@contoso.example") });
    seed.organizations.push(OrganizationSeed {
        name: "fabrikam".into(),
        tenant: Some(tenant),
        users: vec![UserSeed::person("Ada Marsh", ADA)],
        ..OrganizationSeed::default()
    });
    seed.organizations.push(OrganizationSeed {
        name: "other".into(),
        users: vec![UserSeed::person("Oli Other", "oli@other.example")],
        ..OrganizationSeed::default()
    });
    seed
}

impl Directory {
    pub fn new() -> Self {
        Self::seeded(&seed())
    }

    pub fn seeded(seed: &Seed) -> Self {
        let now = Utc.with_ymd_and_hms(2026, 3, 1, 9, 0, 0).unwrap();
        let mut state = State::new(seed, now);
        state.set_base_url("http://emulator.example");
        Self { state, now }
    }

    pub fn pass(&mut self, seconds: i64) {
        self.now += TimeDelta::seconds(seconds);
    }

    pub fn send(&mut self, request: Request) -> Response {
        self.state.handle(self.now, request)
    }

    /// Posts a form to the token endpoint of the tenant.
    pub fn token(&mut self, form: &[(&str, &str)]) -> Response {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = Request::new("POST", &format!("/{TENANT}/oauth2/v2.0/token"));
        self.send(request.body("application/x-www-form-urlencoded", body))
    }

    /// Opens the authorize endpoint.
    pub fn authorize(&mut self, parameters: &[(&str, &str)]) -> Response {
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
        self.send(Request::new("GET", &format!("/{TENANT}/oauth2/v2.0/authorize?{query}")))
    }

    /// Signs Ada in to the web application and gets the code.
    pub fn code(&mut self, scope: &str) -> String {
        let back = self.authorize(&[
            ("client_id", SIGN_IN),
            ("response_type", "code"),
            ("redirect_uri", REDIRECT),
            ("scope", scope),
            ("state", "s t/1"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
            ("login_hint", ADA),
        ]);
        assert_eq!(back.status, 302, "{}", String::from_utf8_lossy(&back.body));
        parameter(&back, "code")
    }

    /// Redeems a code with everything right.
    pub fn redeem(&mut self, code: &str) -> Response {
        self.token(&[
            ("grant_type", "authorization_code"),
            ("client_id", SIGN_IN),
            ("client_secret", "web-secret"),
            ("code", code),
            ("redirect_uri", REDIRECT),
            ("code_verifier", VERIFIER),
        ])
    }

    /// Ada's tokens: access and refresh.
    pub fn signed_in(&mut self, scope: &str) -> (String, String) {
        let code = self.code(scope);
        let body = self.redeem(&code).json();
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        (text("access_token"), text("refresh_token"))
    }

    pub fn refresh(&mut self, token: &str) -> Response {
        self.token(&[
            ("grant_type", "refresh_token"),
            ("client_id", SIGN_IN),
            ("client_secret", "web-secret"),
            ("refresh_token", token),
        ])
    }

    /// An application's token by its secret.
    pub fn application_token(&mut self) -> String {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", "11111111-1111-4111-8111-111111111111"),
            ("client_secret", "demo-client-secret"),
            ("scope", &format!("{SCOPE}/.default")),
        ];
        let answer = self.token(&form);
        answer.json()["access_token"].as_str().unwrap().to_owned()
    }

    pub fn assertion(&self, change: impl FnOnce(&mut Value)) -> String {
        let mut claims = serde_json::json!({
            "iss": "https://issuer.example/",
            "sub": "system:serviceaccount:apps:lockstep",
            "aud": ["api://AzureADTokenExchange"],
            "exp": self.now.timestamp() + 600,
        });
        change(&mut claims);
        let word = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
        format!("{}.{}.sig", word(r#"{"alg":"RS256"}"#), word(&claims.to_string()))
    }

    pub fn with_assertion(&mut self, assertion: &str) -> Response {
        self.token(&[
            ("grant_type", "client_credentials"),
            ("client_id", WORKLOAD),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", assertion),
            ("scope", &format!("{SCOPE}/.default")),
        ])
    }

    pub fn bearer(&mut self, token: &str, method: &str, target: &str) -> Response {
        let request = Request::new(method, target).header("Authorization", &format!("Bearer {token}"));
        self.send(request.header("X-TFS-FedAuthRedirect", "Suppress"))
    }

    pub fn pat(&mut self, pat: &str, method: &str, target: &str) -> Response {
        let word = BASE64_STANDARD.encode(format!(":{pat}"));
        let request = Request::new(method, target).header("Authorization", &format!("Basic {word}"));
        self.send(request.header("X-TFS-FedAuthRedirect", "Suppress"))
    }

    pub fn service(&mut self, method: &str, target: &str) -> Response {
        self.pat(DEMO_PAT, method, target)
    }
}

/// A parameter of the address somebody is redirected to.
pub fn parameter(response: &Response, name: &str) -> String {
    let location = response.header_value("Location").unwrap_or_default().replace('#', "?");
    let url = url::Url::parse(&location).unwrap();
    url.query_pairs().find(|(n, _)| n == name).map(|(_, v)| v.into_owned()).unwrap_or_default()
}

/// The AADSTS code of a refusal by the token endpoint.
#[track_caller]
pub fn refused(response: &Response) -> (u16, String, i64) {
    let body = response.json();
    let code = body["error_codes"][0].as_i64().unwrap_or_default();
    assert!(body["error_description"].as_str().unwrap().starts_with(&format!("AADSTS{code}: ")));
    (response.status, body["error"].as_str().unwrap().to_owned(), code)
}

pub fn with_consent(consent: Consent) -> Seed {
    let mut seed = seed();
    let id: Uuid = SIGN_IN.parse().unwrap();
    let all = &mut seed.organizations[0].service_principals;
    all.iter_mut().find(|a| a.client_id == id).unwrap().consent = consent;
    seed
}
