//! A person signs in with a browser (authorization code with PKCE), and Lockstep goes on with refresh tokens
//! (azure-devops.md section 4.1).
//!
//! A refresh token is replaced each time it is used. The newest is stored before the access token that came with it is
//! used, so that a crash loses nothing. Several replicas may renew at once: each starts from what is stored, and only
//! replaces what it started from; one that lost the race reads again before it gives up.

use std::fmt;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use url::Url;

use super::clean;
use super::exchange::{Exchange, Granted, endpoint};
use super::failure::{Refused, Whose, explain};
use crate::clock::Clock;
use crate::error::{Error, SignInFailure};
use crate::transport::Transport;

/// What is asked for: everything the application was allowed for Azure DevOps, and a refresh token.
const SCOPES: &str = "499b84ac-1321-427f-aa17-267ca6975798/.default offline_access";

/// Where the refresh token of a sign-in is kept. An error is a reason in words for people.
#[async_trait]
pub trait RefreshTokens: Send + Sync {
    /// The newest token that is stored, read anew.
    async fn newest(&self) -> Result<SecretString, String>;

    /// Stores `next` in place of `used`; does nothing if another one is stored by now. It must be durable on return.
    async fn replace(&self, used: &SecretString, next: &SecretString) -> Result<(), String>;
}

/// An application with which people sign in.
#[derive(Clone)]
pub struct PersonSignIn {
    /// Directory, by id or domain; `organizations` for any work or school account.
    pub tenant: String,
    /// Application (client) id.
    pub client_id: String,
    /// Secret of the application, if its redirect address is registered under "Web".
    pub client_secret: Option<SecretString>,
    /// Sign-in service of Entra.
    pub authority: Url,
}

impl fmt::Debug for PersonSignIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PersonSignIn")
            .field("tenant", &self.tenant)
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

impl PersonSignIn {
    /// The address to send a browser to. It comes back to `redirect` with `state` and a code, or an error.
    /// `verifier` is 43 to 128 random letters and digits that only the server knows.
    ///
    /// # Errors
    /// [`Error::NotSent`] if authority or tenant make no address.
    pub fn authorize_url(&self, redirect: &Url, state: &str, verifier: &SecretString) -> Result<Url, Error> {
        let mut url = endpoint(&self.authority, &self.tenant, "authorize")
            .map_err(|reason| Error::NotSent { operation: "begin to sign in".into(), reason })?;
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.expose_secret().as_bytes()));
        url.query_pairs_mut()
            .append_pair("client_id", self.client_id.trim())
            .append_pair("response_type", "code")
            .append_pair("response_mode", "query")
            .append_pair("redirect_uri", redirect.as_str())
            .append_pair("scope", SCOPES)
            .append_pair("state", state)
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256")
            // Who administers Lockstep is often signed in with another account than the one to connect with.
            .append_pair("prompt", "select_account");
        Ok(url)
    }

    /// Exchanges the code that the browser brought for the first refresh token.
    ///
    /// # Errors
    /// [`Error::SignIn`] if Entra refuses, also if it gives no refresh token.
    pub async fn redeem(
        &self,
        code: &str,
        redirect: &Url,
        verifier: &SecretString,
        transport: &dyn Transport,
        clock: &dyn Clock,
        deadline: DateTime<Utc>,
    ) -> Result<SecretString, Error> {
        let operation = "sign in with Microsoft";
        // A code works once: if the answer is lost, asking again is refused, and the person begins again.
        let exchange = Exchange { operation, transport, clock, deadline, patient: false };
        let grant = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", redirect.as_str()),
            ("code_verifier", verifier.expose_secret()),
        ];
        let granted = self.ask(&exchange, &grant, None).await?;
        granted
            .refresh_token
            .ok_or_else(|| Error::SignIn { operation: operation.into(), why: SignInFailure::NoRefreshToken })
    }

    /// A new access token, with what is stored as the refresh token.
    pub(super) async fn renew(
        &self,
        exchange: &Exchange<'_>,
        tokens: &dyn RefreshTokens,
        claims: Option<&str>,
    ) -> Result<Granted, Error> {
        let newest = async || tokens.newest().await.map_err(|reason| exchange.not_sent(reason));
        let mut used = newest().await?;
        let mut renewed = self.refresh(exchange, &used, claims).await;
        if let Err(Error::SignIn { why: SignInFailure::SignInAgain(_), .. }) = &renewed {
            let stored = newest().await?;
            if stored.expose_secret() != used.expose_secret() {
                used = stored;
                renewed = self.refresh(exchange, &used, claims).await;
            }
        }
        let granted = renewed?;
        if let Some(next) = &granted.refresh_token
            && next.expose_secret() != used.expose_secret()
        {
            tokens.replace(&used, next).await.map_err(|reason| exchange.not_sent(reason))?;
        }
        Ok(granted)
    }

    async fn refresh(
        &self,
        exchange: &Exchange<'_>,
        token: &SecretString,
        claims: Option<&str>,
    ) -> Result<Granted, Error> {
        let grant = [("grant_type", "refresh_token"), ("refresh_token", token.expose_secret())];
        self.ask(exchange, &grant, claims).await
    }

    async fn ask(
        &self,
        exchange: &Exchange<'_>,
        grant: &[(&str, &str)],
        claims: Option<&str>,
    ) -> Result<Granted, Error> {
        let secret = self.client_secret.as_ref().map(clean).filter(|secret| !secret.is_empty());
        let mut form = vec![("client_id", self.client_id.trim()), ("scope", SCOPES)];
        form.extend_from_slice(grant);
        form.extend(secret.map(|secret| ("client_secret", secret)));
        form.extend(claims.map(|claims| ("claims", claims)));
        exchange.ask_entra(&self.authority, &self.tenant, &form, Whose::Person).await
    }
}

/// What the error means that a browser brings back in place of a code.
pub fn explain_browser_error(error: &str, description: &str) -> SignInFailure {
    let refused =
        Refused { error: error.to_owned(), error_description: description.to_owned(), ..Refused::default() };
    explain(&refused, Whose::Person)
}
