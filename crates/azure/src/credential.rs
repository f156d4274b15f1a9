//! How the client proves who it is: a personal access token, or a token that Entra gives for a client secret.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chrono::{DateTime, Duration, Utc};
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::sync::Mutex;
use url::Url;

use crate::clock::Clock;
use crate::error::{Error, SignInFailure};
use crate::transport::{Request, Transport, TransportError};

/// Scope of Azure DevOps in Entra (azure-devops.md section 4.1).
const SCOPE: &str = "499b84ac-1321-427f-aa17-267ca6975798/.default";
/// A token is renewed this long before it ends, so that it does not end on the way.
const RENEW_EARLY: Duration = Duration::minutes(5);

/// Who the client is.
#[derive(Clone, Debug)]
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
}

struct Token {
    header: HeaderValue,
    renew_at: DateTime<Utc>,
}

/// Gives the `Authorization` header, and renews what is behind it.
pub(crate) struct TokenSource {
    credential: Credential,
    authority: Url,
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
    // Held while a token is fetched: everybody else waits for the same one.
    token: Mutex<Option<Token>>,
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    #[serde(default)]
    expires_in: serde_json::Value,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Refused {
    error: String,
    error_description: String,
}

impl TokenSource {
    pub(crate) fn new(
        credential: Credential,
        authority: Url,
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { credential, authority, transport, clock, token: Mutex::new(None) }
    }

    pub(crate) fn is_fetched(&self) -> bool {
        matches!(self.credential, Credential::ClientSecret { .. })
    }

    /// The header for a call that must be over by `deadline`.
    pub(crate) async fn authorization(
        &self,
        operation: &str,
        deadline: DateTime<Utc>,
    ) -> Result<HeaderValue, Error> {
        let (tenant, client_id, client_secret, authority) = match &self.credential {
            Credential::PersonalAccessToken(token) => {
                let basic = STANDARD.encode(format!(":{}", token.expose_secret().trim()));
                return sensitive(operation, &format!("Basic {basic}"));
            }
            Credential::ClientSecret { tenant, client_id, client_secret, authority } => {
                (tenant, client_id, client_secret, authority.as_ref().unwrap_or(&self.authority))
            }
        };
        let mut cached = self.token.lock().await;
        if let Some(token) = cached.as_ref().filter(|token| self.clock.now() < token.renew_at) {
            return Ok(token.header.clone());
        }
        let form = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "client_credentials")
            .append_pair("client_id", client_id.trim())
            .append_pair("client_secret", client_secret.expose_secret())
            .append_pair("scope", SCOPE)
            .finish();
        let token = self.fetch(operation, authority, tenant, form, deadline).await?;
        let header = token.header.clone();
        *cached = Some(token);
        Ok(header)
    }

    /// Forgets the token, after the service did not accept it.
    pub(crate) async fn forget(&self) {
        *self.token.lock().await = None;
    }

    async fn fetch(
        &self,
        operation: &str,
        authority: &Url,
        tenant: &str,
        form: String,
        deadline: DateTime<Utc>,
    ) -> Result<Token, Error> {
        let not_sent = |reason: String| Error::NotSent { operation: operation.to_owned(), reason };
        let mut url = authority.clone();
        url.path_segments_mut()
            .map_err(|()| not_sent(format!("{authority} is not the address of a sign-in service")))?
            .pop_if_empty()
            .extend([tenant.trim(), "oauth2", "v2.0", "token"]);
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let asked_at = self.clock.now();
        let request = Request { method: Method::POST, url, headers, body: Bytes::from(form), deadline };
        // A token request changes nothing: whatever goes wrong here, the call itself was not sent.
        let response = self.transport.send(request).await.map_err(|error| match error {
            TransportError::NotSent(reason) | TransportError::NoAnswer(reason) => {
                not_sent(format!("the sign-in service could not be asked for a token: {reason}"))
            }
        })?;
        if !response.status.is_success() {
            if response.status.is_server_error() || response.status.as_u16() == 429 {
                return Err(Error::Unavailable {
                    operation: operation.to_owned(),
                    why: crate::refusal::Outage::Service,
                    status: Some(response.status.as_u16()),
                    message: "the sign-in service cannot give a token now".into(),
                    retry_at: crate::answer::retry_at(&response.headers, asked_at),
                });
            }
            let refused: Refused = serde_json::from_slice(&response.body).unwrap_or_default();
            return Err(Error::SignIn { operation: operation.to_owned(), why: explain(&refused) });
        }
        let granted: Granted = serde_json::from_slice(&response.body).map_err(|_| Error::SignIn {
            operation: operation.to_owned(),
            why: SignInFailure::Entra("its answer holds no token".into()),
        })?;
        let lifetime = match &granted.expires_in {
            serde_json::Value::Number(seconds) => seconds.as_i64(),
            serde_json::Value::String(seconds) => seconds.parse().ok(),
            _ => None,
        };
        let lifetime = Duration::seconds(lifetime.unwrap_or(3600).clamp(0, 86_400));
        // A token that lives shorter than the margin is still used for half its life.
        let usable = (lifetime - RENEW_EARLY).max(lifetime / 2);
        Ok(Token {
            header: sensitive(operation, &format!("Bearer {}", granted.access_token))?,
            renew_at: asked_at + usable,
        })
    }
}

/// Entra's error by its AADSTS code; the text behind the code changes and holds trace ids.
fn explain(refused: &Refused) -> SignInFailure {
    let code = refused
        .error_description
        .split_once("AADSTS")
        .map(|(_, rest)| rest.chars().take_while(char::is_ascii_digit).collect::<String>());
    match code.as_deref() {
        Some("7000215") => SignInFailure::WrongSecret,
        Some("7000222") => SignInFailure::SecretExpired,
        Some("700016") => SignInFailure::UnknownApplication,
        Some("90002" | "900023" | "900021") => SignInFailure::UnknownTenant,
        Some("53003") => SignInFailure::ConditionalAccess,
        Some(_) => SignInFailure::Entra(
            refused.error_description.lines().next().unwrap_or_default().chars().take(300).collect(),
        ),
        None if refused.error.is_empty() => SignInFailure::Entra("it gave no reason".into()),
        None => SignInFailure::Entra(refused.error.chars().take(100).collect()),
    }
}

fn sensitive(operation: &str, value: &str) -> Result<HeaderValue, Error> {
    let mut header = HeaderValue::from_str(value).map_err(|_| Error::NotSent {
        operation: operation.to_owned(),
        reason: "the credential holds characters that no credential has".into(),
    })?;
    header.set_sensitive(true);
    Ok(header)
}
