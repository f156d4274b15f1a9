//! How the client proves who it is, one file for each way, and the access token that all calls share.
//!
//! Access tokens are opaque: they are never looked into. One is fetched at a time, renewed before it ends, and
//! forgotten as soon as the service does not accept it. If it cannot be renewed early, the old one is used to its end.

mod challenge;
mod exchange;
mod failure;
mod federation;
mod managed_identity;
mod person;

use std::path::PathBuf;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Duration, Utc};
use http::{HeaderMap, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;
use url::Url;

use self::exchange::{Exchange, Granted};
use self::failure::Whose;
use crate::clock::Clock;
use crate::error::Error;
use crate::transport::Transport;

pub use self::failure::SignInFailure;
pub use self::managed_identity::{IdentityEndpoint, ManagedIdentity};
pub use self::person::{PersonSignIn, RefreshTokens, explain_browser_error};

/// Azure DevOps in Entra (azure-devops.md section 4.1).
const RESOURCE: &str = "499b84ac-1321-427f-aa17-267ca6975798";
/// What an application asks for: everything it was allowed there.
const SCOPE: &str = "499b84ac-1321-427f-aa17-267ca6975798/.default";
/// What an application asks for to read Azure Resource Graph (section 13).
const GRAPH_SCOPE: &str = "https://management.azure.com/.default";
/// A token is renewed this long before it ends, so that it does not end on the way.
const RENEW_EARLY: Duration = Duration::minutes(5);
/// After a renewal that failed while the old token still works.
const RENEW_AGAIN: Duration = Duration::seconds(30);
/// An old token is not used when it ends within this time.
const LAST_USE: Duration = Duration::seconds(30);

/// Who the client is.
#[derive(Clone)]
pub enum Credential {
    /// A personal access token of Azure DevOps.
    PersonalAccessToken(SecretString),
    /// An application of Entra with a secret; its service principal must be a member of the organization.
    ClientSecret {
        /// Directory, by id or domain.
        tenant: String,
        /// Application (client) id.
        client_id: String,
        /// Value of the secret.
        client_secret: SecretString,
        /// Sign-in service to ask instead of [`crate::ClientConfig::authority`] (national clouds).
        authority: Option<Url>,
    },
    /// An application of Entra that trusts the platform this process runs on; nothing secret is stored.
    Federated {
        /// Directory, by id or domain.
        tenant: String,
        /// Application (client) id.
        client_id: String,
        /// File with the platform's token (`AZURE_FEDERATED_TOKEN_FILE`), read for each renewal.
        assertion_file: PathBuf,
    },
    /// The identity that Azure gave this machine.
    ManagedIdentity {
        /// Client id of a user-assigned identity; the machine's own if none.
        client_id: Option<String>,
        /// Where to ask.
        identity: ManagedIdentity,
    },
    /// A person who signed in with a browser.
    Person {
        /// The application they signed in with.
        application: PersonSignIn,
        /// Where the refresh token is kept.
        tokens: Arc<dyn RefreshTokens>,
    },
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = match self {
            Self::PersonalAccessToken(_) => "PersonalAccessToken",
            Self::ClientSecret { .. } => "ClientSecret",
            Self::Federated { .. } => "Federated",
            Self::ManagedIdentity { .. } => "ManagedIdentity",
            Self::Person { .. } => "Person",
        };
        f.debug_struct(name).finish_non_exhaustive()
    }
}

struct Token {
    header: HeaderValue,
    renew_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
}

#[derive(Default)]
struct Kept {
    token: Option<Token>,
    /// What the service demanded of the next token (section 4.3, continuous access evaluation).
    claims: Option<String>,
}

/// Gives the `Authorization` header, and renews what is behind it.
pub(crate) struct TokenSource {
    credential: Credential,
    authority: Url,
    /// What an application asks a token for.
    scope: &'static str,
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
    // Held while a token is fetched: everybody else waits for the same one.
    kept: Mutex<Kept>,
}

impl TokenSource {
    pub(crate) fn new(
        credential: Credential,
        authority: Url,
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { credential, authority, scope: SCOPE, transport, clock, kept: Mutex::default() }
    }

    /// The same for an application that reads the resource graph: no other credential is taken there.
    pub(crate) fn for_graph(
        application: Credential,
        authority: Url,
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { scope: GRAPH_SCOPE, ..Self::new(application, authority, transport, clock) }
    }

    /// Who gives the tokens; none if the credential is used as it is.
    pub(crate) fn giver(&self) -> Option<&'static str> {
        match self.credential {
            Credential::PersonalAccessToken(_) => None,
            Credential::ManagedIdentity { .. } => Some("the managed identity service of this machine"),
            Credential::ClientSecret { .. } | Credential::Federated { .. } | Credential::Person { .. } => {
                Some("Entra")
            }
        }
    }

    /// The header for a call that must be over by `deadline`.
    pub(crate) async fn authorization(
        &self,
        operation: &str,
        deadline: DateTime<Utc>,
    ) -> Result<HeaderValue, Error> {
        if let Credential::PersonalAccessToken(token) = &self.credential {
            let basic = STANDARD.encode(format!(":{}", clean(token)));
            return sensitive(operation, &format!("Basic {basic}"));
        }
        let mut kept = self.kept.lock().await;
        let asked_at = self.clock.now();
        if let Some(token) = kept.token.as_ref().filter(|token| asked_at < token.renew_at) {
            return Ok(token.header.clone());
        }
        let still_works = kept.token.as_ref().is_some_and(|token| asked_at + LAST_USE < token.ends_at);
        let exchange = Exchange {
            operation,
            transport: match &self.credential {
                Credential::ManagedIdentity { identity, .. } => identity.transport(),
                _ => &*self.transport,
            },
            clock: &*self.clock,
            deadline,
            patient: !still_works,
        };
        let granted = match self.fetch(&exchange, kept.claims.as_deref()).await {
            Ok(granted) => granted,
            Err(error) => {
                // A refusal is believed; a failure that may pass is not worth losing a token that works.
                let passes = matches!(error, Error::Unavailable { .. } | Error::NotSent { .. });
                return match kept.token.as_mut().filter(|_| still_works && passes) {
                    Some(old) => {
                        old.renew_at = self.clock.now() + RENEW_AGAIN;
                        Ok(old.header.clone())
                    }
                    None => Err(error),
                };
            }
        };
        let header = sensitive(operation, &format!("Bearer {}", granted.access_token.expose_secret()))?;
        // A token that lives shorter than the margin is still used for half its life.
        let usable = (granted.lifetime - RENEW_EARLY).max(granted.lifetime / 2);
        let token = Token {
            header: header.clone(),
            renew_at: asked_at + usable,
            ends_at: asked_at + granted.lifetime,
        };
        *kept = Kept { token: Some(token), claims: None };
        Ok(header)
    }

    /// Whether the next call uses a token that was fetched before.
    pub(crate) async fn holds_token(&self) -> bool {
        let now = self.clock.now();
        self.kept.lock().await.token.as_ref().is_some_and(|token| now < token.renew_at)
    }

    /// Forgets the token, after the service did not accept it.
    pub(crate) async fn forget(&self) {
        self.kept.lock().await.token = None;
    }

    /// Keeps what a refusal demands of the next token, if it demands something.
    pub(crate) async fn heed(&self, refusal: &HeaderMap) {
        if let Some(claims) = challenge::claims(refusal) {
            self.kept.lock().await.claims = Some(claims);
        }
    }

    async fn fetch(&self, exchange: &Exchange<'_>, claims: Option<&str>) -> Result<Granted, Error> {
        match &self.credential {
            // Used as it is, before anything is fetched.
            Credential::PersonalAccessToken(_) => {
                Err(exchange.not_sent("a personal access token is not exchanged".into()))
            }
            Credential::ClientSecret { tenant, client_id, client_secret, authority } => {
                let proof = [("client_secret", clean(client_secret))];
                let authority = authority.as_ref().unwrap_or(&self.authority);
                let whom = (authority, tenant.as_str(), client_id.as_str());
                ask_as_application(exchange, whom, self.scope, &proof, claims).await
            }
            Credential::Federated { tenant, client_id, assertion_file } => {
                let assertion = federation::read_assertion(exchange.operation, assertion_file).await?;
                let proof = [
                    ("client_assertion_type", federation::ASSERTION_TYPE),
                    ("client_assertion", assertion.expose_secret()),
                ];
                let whom = (&self.authority, tenant.as_str(), client_id.as_str());
                ask_as_application(exchange, whom, self.scope, &proof, claims).await
            }
            Credential::ManagedIdentity { client_id, identity } => {
                identity.ask(exchange, client_id.as_deref()).await
            }
            Credential::Person { application, tokens } => {
                application.renew(exchange, &**tokens, claims).await
            }
        }
    }
}

/// The client credentials flow, with what proves that we are the application.
async fn ask_as_application(
    exchange: &Exchange<'_>,
    (authority, tenant, client_id): (&Url, &str, &str),
    scope: &str,
    proof: &[(&str, &str)],
    claims: Option<&str>,
) -> Result<Granted, Error> {
    let mut form =
        vec![("grant_type", "client_credentials"), ("client_id", client_id.trim()), ("scope", scope)];
    form.extend_from_slice(proof);
    form.extend(claims.map(|claims| ("claims", claims)));
    exchange.ask_entra(authority, tenant, &form, Whose::Application).await
}

/// A secret as it was pasted, without the line end that came along.
fn clean(secret: &SecretString) -> &str {
    secret.expose_secret().trim()
}

fn sensitive(operation: &str, value: &str) -> Result<HeaderValue, Error> {
    let mut header = HeaderValue::from_str(value).map_err(|_| Error::NotSent {
        operation: operation.to_owned(),
        reason: "the credential holds characters that no credential has".into(),
    })?;
    header.set_sensitive(true);
    Ok(header)
}
