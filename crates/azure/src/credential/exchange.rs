//! One question to a service that gives tokens. Asking changes nothing, so it may be asked again; whatever goes wrong
//! here, the call that needed the token was not sent.

use bytes::Bytes;
use chrono::{DateTime, Duration, Utc};
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::failure::{Refused, Whose, explain};
use crate::clock::Clock;
use crate::error::{Error, SignInFailure};
use crate::refusal::Outage;
use crate::transport::{Request, Response, Transport, TransportError};

/// Pauses between tries.
const PAUSES: [Duration; 2] = [Duration::seconds(1), Duration::seconds(3)];

/// What a question goes through, and how patient it is.
pub(super) struct Exchange<'a> {
    pub(super) operation: &'a str,
    pub(super) transport: &'a dyn Transport,
    pub(super) clock: &'a dyn Clock,
    /// Nothing is sent or waited for after it.
    pub(super) deadline: DateTime<Utc>,
    /// Whether a failure that may pass is worth a pause: not while an older token still works.
    pub(super) patient: bool,
}

/// A token as it was given.
pub(super) struct Granted {
    pub(super) access_token: SecretString,
    pub(super) refresh_token: Option<SecretString>,
    pub(super) lifetime: Duration,
}

#[derive(Deserialize)]
struct RawGranted {
    access_token: String,
    #[serde(default)]
    refresh_token: Option<String>,
    /// A number, or one in quotes (instance metadata).
    #[serde(default)]
    expires_in: Value,
    /// Seconds since 1970, also in quotes; App Service gives only this one.
    #[serde(default)]
    expires_on: Value,
}

impl Exchange<'_> {
    /// Asks an Entra token endpoint. `form` is the body; `claims` are what the service demanded of the next token.
    pub(super) async fn ask_entra(
        &self,
        authority: &Url,
        tenant: &str,
        form: &[(&str, &str)],
        whose: Whose,
    ) -> Result<Granted, Error> {
        let url = endpoint(authority, tenant, "token").map_err(|reason| self.not_sent(reason))?;
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        self.ask(Method::POST, &url, &headers, Bytes::from(body), whose).await
    }

    /// Asks until there is an answer that says yes or no.
    pub(super) async fn ask(
        &self,
        method: Method,
        url: &Url,
        headers: &HeaderMap,
        body: Bytes,
        whose: Whose,
    ) -> Result<Granted, Error> {
        let mut pauses = PAUSES.iter().filter(|_| self.patient);
        loop {
            let asked_at = self.clock.now();
            let request = Request {
                method: method.clone(),
                url: url.clone(),
                headers: headers.clone(),
                body: body.clone(),
                deadline: self.deadline,
            };
            let failed = match self.transport.send(request).await {
                Ok(response) if !passes(&response, whose) => return self.read(&response, asked_at, whose),
                Ok(response) => {
                    let retry_at = crate::answer::retry_at(&response.headers, asked_at);
                    (self.unavailable(&response, whose, retry_at), retry_at)
                }
                Err(TransportError::NoAnswer(reason)) => (self.unreachable(reason, whose), None),
                // It is refused here, or nobody listens: that does not pass within seconds.
                Err(TransportError::NotSent(reason)) => return Err(self.unreachable(reason, whose)),
            };
            let Some(pause) = pauses.next() else { return Err(failed.0) };
            let next = (self.clock.now() + *pause).max(failed.1.unwrap_or(asked_at));
            if next >= self.deadline {
                return Err(failed.0);
            }
            self.clock.sleep_until(next).await;
        }
    }

    fn read(&self, response: &Response, asked_at: DateTime<Utc>, whose: Whose) -> Result<Granted, Error> {
        let refuse = |why| Error::SignIn { operation: self.operation.to_owned(), why };
        if !response.status.is_success() {
            let refused: Refused = serde_json::from_slice(&response.body).unwrap_or_default();
            return Err(refuse(explain(&refused, whose)));
        }
        let granted: RawGranted = serde_json::from_slice(&response.body)
            .map_err(|_| refuse(SignInFailure::Entra("its answer holds no token".into())))?;
        let ends = number(&granted.expires_on).map(|at| at - asked_at.timestamp());
        let seconds = number(&granted.expires_in).or(ends).unwrap_or(3600).clamp(0, 86_400);
        Ok(Granted {
            access_token: SecretString::from(granted.access_token),
            refresh_token: granted
                .refresh_token
                .filter(|token| !token.trim().is_empty())
                .map(SecretString::from),
            lifetime: Duration::seconds(seconds),
        })
    }

    pub(super) fn not_sent(&self, reason: String) -> Error {
        Error::NotSent { operation: self.operation.to_owned(), reason }
    }

    fn unreachable(&self, reason: String, whose: Whose) -> Error {
        match whose {
            Whose::Machine => Error::SignIn {
                operation: self.operation.to_owned(),
                why: SignInFailure::ManagedIdentityUnreachable(reason),
            },
            Whose::Application | Whose::Person => {
                self.not_sent(format!("the sign-in service could not be asked for a token: {reason}"))
            }
        }
    }

    fn unavailable(&self, response: &Response, whose: Whose, retry_at: Option<DateTime<Utc>>) -> Error {
        let who = match whose {
            Whose::Machine => "the managed identity service",
            Whose::Application | Whose::Person => "the sign-in service",
        };
        Error::Unavailable {
            operation: self.operation.to_owned(),
            why: Outage::Service,
            status: Some(response.status.as_u16()),
            message: format!("{who} cannot give a token now"),
            retry_at,
        }
    }
}

/// Whether the answer is about the service and not about us. Instance metadata says 404 and 410 while it is being
/// updated (Microsoft's "How to use managed identities … to acquire an access token", error handling).
fn passes(response: &Response, whose: Whose) -> bool {
    let status = response.status.as_u16();
    let says_so = || {
        serde_json::from_slice::<Refused>(&response.body)
            .is_ok_and(|refused| refused.error == "temporarily_unavailable")
    };
    response.status.is_server_error()
        || matches!(status, 408 | 429)
        || (whose == Whose::Machine && matches!(status, 404 | 410))
        || (status == 400 && says_so())
}

/// `{authority}/{tenant}/oauth2/v2.0/{last}`. The tenant is a segment: it leads nowhere else.
pub(super) fn endpoint(authority: &Url, tenant: &str, last: &str) -> Result<Url, String> {
    let refused = || format!("{authority} is not the address of a sign-in service");
    let tenant = tenant.trim();
    if matches!(tenant, "" | "." | "..") {
        return Err(format!("'{tenant}' is not a tenant"));
    }
    if !matches!(authority.scheme(), "https" | "http") {
        return Err(refused());
    }
    let mut url = authority.clone();
    url.set_query(None);
    url.set_fragment(None);
    url.path_segments_mut().map_err(|()| refused())?.pop_if_empty().extend([tenant, "oauth2", "v2.0", last]);
    Ok(url)
}

fn number(value: &Value) -> Option<i64> {
    match value {
        Value::Number(seconds) => seconds.as_i64(),
        Value::String(seconds) => seconds.trim().parse().ok(),
        _ => None,
    }
}
