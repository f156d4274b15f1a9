//! Microsoft Entra as far as a client of Azure DevOps meets it: applications, signing people in, tokens, and
//! the managed identity of a machine (azure-devops.md section 4.1).
//!
//! Promises: tokens are opaque words tied to a tenant, an application or a person, and scopes; errors have the
//! AADSTS codes that Entra documents. Left out: signatures (assertions are read, their signature is not
//! checked), identity tokens, and everything that is not for Azure DevOps, but an application's token for Azure
//! Resource Manager.

mod authorize;
mod errors;
mod federation;
mod managed;
mod token;

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

pub(crate) use self::errors::{is_known as is_known_code, refuse_on_demand};
use super::{super::State, Request, Response, json_response, refusals::authority, scopes::Scopes};
use crate::seed::{Consent, FederatedCredentialSeed, ManagedIdentity, OrganizationSeed, Seed};

/// The resource clients ask a token for: Azure DevOps.
const RESOURCE: &str = "499b84ac-1321-427f-aa17-267ca6975798";
/// The other one: Azure Resource Manager, of which there is the resource graph.
const MANAGEMENT: &str = "https://management.azure.com";
/// How long an application's token lives, in seconds.
const APPLICATION_TOKEN: i64 = 3_599;
/// How long a managed identity's token lives, in seconds: about a day, as the metadata service documents.
const MANAGED_TOKEN: i64 = 86_399;
/// How long an authorization code can be redeemed.
const CODE_MINUTES: i64 = 10;
/// A refresh token that is not used for so long is dead.
const REFRESH_DAYS: i64 = 90;

/// What Entra knows and has handed out.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Entra {
    applications: Vec<Application>,
    /// Access tokens by their text.
    tokens: BTreeMap<String, Token>,
    /// Authorization codes by their text; redeemed ones stay until they would have expired.
    codes: BTreeMap<String, Code>,
    refresh_tokens: BTreeMap<String, RefreshToken>,
    /// A person named by `login_hint` is signed in without a page.
    automatic: bool,
    /// How long a refresh token works on after it was used; as long as any when absent.
    refresh_grace_seconds: Option<i64>,
    /// What `X-IDENTITY-HEADER` must say.
    identity_header: String,
}

/// An application registration with its enterprise application in one tenant.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Application {
    tenant: Uuid,
    client_id: Uuid,
    name: String,
    /// Empty when it has none.
    secret: String,
    secret_expired: bool,
    disabled: bool,
    public_client: bool,
    redirect_uris: Vec<String>,
    federated: Vec<FederatedCredentialSeed>,
    consent: Consent,
    managed: Option<ManagedIdentity>,
}

/// Whom a token speaks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Holder {
    /// The application itself, by its client id.
    Application(Uuid),
    /// A person, by unique name, through the application.
    Person { unique_name: String, client_id: Uuid },
}

/// What a token is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Audience {
    #[default]
    AzureDevOps,
    ResourceManager,
}

/// An access token that was issued.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Token {
    pub(crate) tenant: Uuid,
    pub(crate) holder: Holder,
    #[serde(default)]
    pub(crate) audience: Audience,
    pub(crate) scopes: Scopes,
    expires: DateTime<Utc>,
    /// The `nbf` claim that the token was requested with, in seconds of the epoch.
    pub(crate) claims: Option<i64>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Code {
    tenant: Uuid,
    client_id: Uuid,
    unique_name: String,
    redirect_uri: String,
    granted: Granted,
    /// PKCE challenge and whether it is a hash (S256) or plain.
    challenge: Option<(String, bool)>,
    expires: DateTime<Utc>,
    redeemed: bool,
    claims: Option<i64>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct RefreshToken {
    tenant: Uuid,
    client_id: Uuid,
    unique_name: String,
    granted: Granted,
    issued: DateTime<Utc>,
    expires: DateTime<Utc>,
    /// When it was first exchanged for a newer one.
    used: Option<DateTime<Utc>>,
    revoked: Option<DateTime<Utc>>,
}

/// The scopes of a request, read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Granted {
    scopes: Scopes,
    /// As they are echoed in the answer.
    text: String,
    /// `offline_access` was among them: there is a refresh token.
    offline: bool,
}

/// A change to an application registration through the control API; what is absent stays.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct ApplicationChange {
    /// Redirect addresses, all of them.
    pub redirect_uris: Option<Vec<String>>,
    /// A new client secret, valid again.
    pub client_secret: Option<String>,
    /// The secret has expired (AADSTS7000222).
    pub secret_expired: Option<bool>,
    /// The application is disabled (AADSTS7000112).
    pub disabled: Option<bool>,
    /// Consent of people or of the administrator.
    pub consent: Option<Consent>,
    /// Credentials of other token services that are believed, all of them.
    pub federated_credentials: Option<Vec<FederatedCredentialSeed>>,
}

/// How people are signed in; what is absent stays.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct SignInChange {
    /// A person named by `login_hint` is signed in without a page.
    pub automatic: Option<bool>,
    /// Seconds for which a refresh token works on after it was used; 0 for none, null for as long as any.
    #[serde(deserialize_with = "present")]
    pub refresh_grace_seconds: Option<Option<i64>>,
}

/// Tells null from absent.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Option<i64>>, D::Error> {
    Deserialize::deserialize(deserializer).map(Some)
}

/// What happens to tokens that were handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RefreshEnd {
    /// Not used for too long: AADSTS700082.
    Expire,
    /// Revoked by an administrator, or the password changed: AADSTS50173.
    Revoke,
}

impl Entra {
    pub(crate) fn new(seed: &Seed) -> Self {
        Self {
            automatic: seed.automatic_sign_in,
            refresh_grace_seconds: seed.refresh_grace_seconds,
            identity_header: seed.identity_header.clone(),
            ..Self::default()
        }
    }

    /// Registers the applications of an organization's seed in its tenant; one that the tenant already has
    /// stays as it is.
    pub(crate) fn register(&mut self, seed: &OrganizationSeed, tenant: Uuid) {
        for principal in &seed.service_principals {
            if self.applications.iter().any(|a| a.tenant == tenant && a.client_id == principal.client_id) {
                continue;
            }
            self.applications.push(Application {
                tenant,
                client_id: principal.client_id,
                name: principal.name.clone(),
                secret: principal.client_secret.clone(),
                secret_expired: false,
                disabled: false,
                public_client: principal.public_client,
                redirect_uris: principal.redirect_uris.clone(),
                federated: principal.federated_credentials.clone(),
                consent: principal.consent,
                managed: principal.managed_identity,
            });
        }
    }

    /// A token that is known and has not expired.
    pub(crate) fn token(&self, text: &str, now: DateTime<Utc>) -> Option<&Token> {
        self.tokens.get(text).filter(|token| token.expires > now)
    }

    /// Every access token issued so far stops working.
    pub(crate) fn expire_tokens(&mut self) {
        self.tokens.clear();
    }

    /// Ends the refresh tokens of a person, or of all.
    pub(crate) fn end_refresh_tokens(
        &mut self,
        end: RefreshEnd,
        unique_name: Option<&str>,
        now: DateTime<Utc>,
    ) {
        let theirs = |token: &&mut RefreshToken| {
            unique_name.is_none_or(|name| name.eq_ignore_ascii_case(&token.unique_name))
        };
        for token in self.refresh_tokens.values_mut().filter(theirs) {
            match end {
                RefreshEnd::Expire => token.expires = now,
                RefreshEnd::Revoke => token.revoked = token.revoked.or(Some(now)),
            }
        }
    }

    pub(crate) fn change_sign_in(&mut self, change: &SignInChange) {
        self.automatic = change.automatic.unwrap_or(self.automatic);
        self.refresh_grace_seconds = change.refresh_grace_seconds.unwrap_or(self.refresh_grace_seconds);
    }

    /// Changes an application in every tenant that has it; false when none has.
    pub(crate) fn change_application(&mut self, client_id: Uuid, change: &ApplicationChange) -> bool {
        let mut found = false;
        for application in self.applications.iter_mut().filter(|a| a.client_id == client_id) {
            found = true;
            if let Some(uris) = &change.redirect_uris {
                application.redirect_uris.clone_from(uris);
            }
            if let Some(secret) = &change.client_secret {
                application.secret.clone_from(secret);
                application.secret_expired = false;
            }
            application.secret_expired = change.secret_expired.unwrap_or(application.secret_expired);
            application.disabled = change.disabled.unwrap_or(application.disabled);
            application.consent = change.consent.unwrap_or(application.consent);
            if let Some(federated) = &change.federated_credentials {
                application.federated.clone_from(federated);
            }
        }
        found
    }

    fn application(&self, tenant: Uuid, client_id: &str) -> Option<&Application> {
        let same = |a: &&Application| a.tenant == tenant && a.is(client_id);
        self.applications.iter().find(same)
    }

    /// Forgets what can no longer be asked for.
    fn prune(&mut self, now: DateTime<Utc>) {
        self.tokens.retain(|_, token| token.expires > now);
        // An expired code is told from an unknown one for a day.
        self.codes.retain(|_, code| code.expires + TimeDelta::days(1) > now);
    }
}

impl Application {
    fn is(&self, client_id: &str) -> bool {
        self.client_id.to_string().eq_ignore_ascii_case(client_id)
    }

    /// The id of the enterprise application: what an organization adds, and not the client id.
    fn object_id(&self) -> Uuid {
        object_id(self.client_id)
    }
}

/// The enterprise application's object id of a client id.
pub(crate) fn object_id(client_id: Uuid) -> Uuid {
    Uuid::from_u128(client_id.as_u128().rotate_left(64) ^ 0x0b1e_c700_0000_4000_8000_0000_0000_0001)
}

/// Reads the scopes of a request for Azure DevOps; the error is what is wrong.
fn read_scopes(scope: &str) -> Result<Granted, errors::Refused> {
    const OPENID: [&str; 4] = ["openid", "profile", "email", "offline_access"];
    let mut words = Vec::new();
    let mut everything = false;
    for word in scope.split_whitespace() {
        if OPENID.contains(&word) {
            continue;
        }
        let (resource, permission) = word.rsplit_once('/').unwrap_or(("", word));
        if !resource.eq_ignore_ascii_case(RESOURCE) {
            return Err(errors::unknown_resource(if resource.is_empty() { word } else { resource }));
        }
        match permission {
            ".default" | "user_impersonation" => everything = true,
            _ if permission.starts_with("vso.") => words.push(permission.to_owned()),
            _ => return Err(errors::bad_scope(scope)),
        }
    }
    if !everything && words.is_empty() {
        return Err(errors::bad_scope(scope));
    }
    if scope.contains("/.default") && !words.is_empty() {
        return Err(errors::bad_scope(scope));
    }
    let offline = scope.split_whitespace().any(|w| w == "offline_access");
    // The answer names what the token is for; offline_access is not echoed.
    let text: Vec<&str> = scope.split_whitespace().filter(|w| *w != "offline_access").collect();
    let scopes = if everything { Scopes::Everything } else { Scopes::Only(words) };
    Ok(Granted { scopes, text: text.join(" "), offline })
}

/// The `nbf` that a `claims` parameter asks for.
fn read_claims(text: Option<&str>) -> Result<Option<i64>, errors::Refused> {
    let Some(text) = text.filter(|t| !t.is_empty()) else { return Ok(None) };
    let claims: serde_json::Value = serde_json::from_str(text).map_err(|_| errors::malformed())?;
    let value = &claims["access_token"]["nbf"]["value"];
    Ok(value.as_i64().or_else(|| value.as_str().and_then(|t| t.parse().ok())))
}

/// Answers what belongs to Entra or to the machine's metadata service; None when the path is neither's.
pub(crate) fn route(
    state: &mut State,
    now: DateTime<Utc>,
    segments: &[String],
    request: &Request,
) -> Option<Response> {
    let words: Vec<String> = segments.iter().map(|s| s.to_ascii_lowercase()).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let tenant = segments.first().map_or("", String::as_str);
    Some(match words.as_slice() {
        [_, "oauth2", "v2.0", "token"] => token::answer(state, now, tenant, request),
        [_, "oauth2", "v2.0", "authorize"] => authorize::answer(state, now, tenant, request),
        [_, "v2.0", ".well-known", "openid-configuration"] | [_, ".well-known", "openid-configuration"] => {
            configuration(state, now, tenant)
        }
        [_, "discovery", "v2.0", "keys"] => json_response(200, &json!({"keys": []})),
        ["metadata", "identity", "oauth2", "token"] => managed::instance_metadata(state, now, request),
        ["msi", "token"] => managed::app_service(state, now, request),
        _ => return None,
    })
}

/// The tenant a path names: by its id, or none for `common` and `organizations`.
fn tenant_of(state: &State, word: &str) -> Result<Option<Uuid>, errors::Refused> {
    if ["common", "organizations"].iter().any(|shared| word.eq_ignore_ascii_case(shared)) {
        return Ok(None);
    }
    let known =
        state.organizations.values().map(|org| org.tenant).find(|t| t.to_string().eq_ignore_ascii_case(word));
    known.map(Some).ok_or_else(|| errors::no_tenant(word))
}

/// A person of the directory, by unique name: one of the people of the tenant's organizations.
fn person(state: &State, tenant: Option<Uuid>, unique_name: &str) -> Option<(Uuid, String)> {
    people(state, tenant)
        .into_iter()
        .find(|p| p.unique_name.eq_ignore_ascii_case(unique_name))
        .map(|p| (p.tenant, p.unique_name))
}

struct Person {
    tenant: Uuid,
    name: String,
    unique_name: String,
}

fn people(state: &State, tenant: Option<Uuid>) -> Vec<Person> {
    let mut all: Vec<Person> = Vec::new();
    for org in state.organizations.values().filter(|org| tenant.is_none_or(|t| t == org.tenant)) {
        for identity in org.identities.iter().filter(|i| !i.application) {
            if !all.iter().any(|p| p.tenant == org.tenant && p.unique_name == identity.unique_name) {
                all.push(Person {
                    tenant: org.tenant,
                    name: identity.name.clone(),
                    unique_name: identity.unique_name.clone(),
                });
            }
        }
    }
    all
}

/// `GET /{tenant}/v2.0/.well-known/openid-configuration`.
fn configuration(state: &mut State, now: DateTime<Utc>, tenant: &str) -> Response {
    let id = match tenant_of(state, tenant) {
        Ok(Some(id)) => id.to_string(),
        Ok(None) => tenant.to_lowercase(),
        Err(refused) => return refused.answer(state.ids.guid(), now),
    };
    let base = format!("{}/{id}", authority(&state.base_url));
    let issuer = if Uuid::parse_str(&id).is_ok() { id } else { "{tenantid}".into() };
    json_response(
        200,
        &json!({
            "token_endpoint": format!("{base}/oauth2/v2.0/token"),
            "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
            "jwks_uri": format!("{base}/discovery/v2.0/keys"),
            "response_modes_supported": ["query", "fragment"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "response_types_supported": ["code"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "issuer": format!("{}/{issuer}/v2.0", authority(&state.base_url)),
            "request_uri_parameter_supported": false,
            "authorization_endpoint": format!("{base}/oauth2/v2.0/authorize"),
            "http_logout_supported": true,
            "tenant_region_scope": "EU",
            "cloud_instance_name": "microsoftonline.com",
        }),
    )
}

/// Hands out an access token for Azure DevOps.
fn issue(
    state: &mut State,
    now: DateTime<Utc>,
    tenant: Uuid,
    holder: Holder,
    scopes: Scopes,
    lifetime: i64,
    claims: Option<i64>,
) -> String {
    state.entra.prune(now);
    let audience = Audience::AzureDevOps;
    let expires = now + TimeDelta::seconds(lifetime);
    hand_out(state, Token { tenant, holder, audience, scopes, expires, claims })
}

/// Hands an application a token for Azure Resource Manager.
fn issue_for_management(state: &mut State, now: DateTime<Utc>, tenant: Uuid, holder: Holder) -> String {
    state.entra.prune(now);
    let (audience, scopes) = (Audience::ResourceManager, Scopes::Everything);
    let expires = now + TimeDelta::seconds(APPLICATION_TOKEN);
    hand_out(state, Token { tenant, holder, audience, scopes, expires, claims: None })
}

fn hand_out(state: &mut State, token: Token) -> String {
    let text = format!("{}.{}.{}", state.ids.word(), state.ids.word(), state.ids.word());
    state.entra.tokens.insert(text.clone(), token);
    state.changes += 1;
    text
}
