//! How a connection signs in: what a person gives, what is stored openly, what is sealed, and what the client gets.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use async_trait::async_trait;
use azure::{Credential, PersonSignIn, RefreshTokens};
use model::ConnectionId;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use store::connections::{Connection, SignIn};
use url::Url;

use crate::connections::{invalid, parse_url, secret_row};
use crate::engine::{Engine, Inner};
use crate::refusal::Refusal;

/// How a connection signs in, as somebody gives it. A person signs in with a browser: see
/// [`Engine::begin_sign_in`].
#[derive(Clone, Debug)]
pub enum SignInMethod {
    /// Personal access token.
    PersonalAccessToken(SecretString),
    /// Microsoft Entra application with a client secret.
    ClientSecret {
        /// Tenant.
        tenant: String,
        /// Application.
        client_id: String,
        /// The secret's value.
        client_secret: SecretString,
        /// Where tokens are issued; the server's setting if absent.
        authority: Option<String>,
    },
    /// The identity that Azure gave the machine of the server. Only if its operator allows it.
    ManagedIdentity {
        /// Client id of a user-assigned identity; the machine's own if absent.
        client_id: Option<String>,
    },
    /// Microsoft Entra application that trusts the platform of the server. Only if its operator names the file.
    WorkloadIdentity {
        /// Tenant.
        tenant: String,
        /// Application.
        client_id: String,
    },
}

/// A sign-in in two parts: what may be read by anybody, and what is sealed.
#[derive(Clone)]
pub(crate) struct Kept {
    pub(crate) sign_in: SignIn,
    pub(crate) secret: SecretString,
}

/// What is sealed of the sign-in of a person.
#[derive(Serialize, Deserialize)]
struct PersonSecret {
    refresh_token: String,
    #[serde(default)]
    client_secret: Option<String>,
}

/// Where the refresh token of a person lives while a client uses it. Of no meaning for other sign-ins.
pub(crate) enum Keeper {
    /// In the row of the connection.
    Row(ConnectionId),
    /// In memory, until there is a row.
    Memory(Arc<HeldToken>),
}

impl SignInMethod {
    /// In two parts.
    ///
    /// # Errors
    /// Something that the method needs is missing.
    pub(crate) fn kept(&self) -> Result<Kept, Refusal> {
        let filled = |pointer: &str, value: &str, what: &str| -> Result<String, Refusal> {
            match value.trim() {
                "" => Err(invalid(pointer, format!("the {what} is missing"), "Fill it in.")),
                value => Ok(value.to_owned()),
            }
        };
        let secret = |value: &SecretString| -> Result<SecretString, Refusal> {
            match value.expose_secret().trim() {
                "" => Err(invalid("/sign_in", "the token or secret is missing", "Paste it again.")),
                value => Ok(SecretString::from(value)),
            }
        };
        Ok(match self {
            Self::PersonalAccessToken(token) => {
                Kept { sign_in: SignIn::PersonalAccessToken, secret: secret(token)? }
            }
            Self::ClientSecret { tenant, client_id, client_secret, authority } => Kept {
                sign_in: SignIn::ClientSecret {
                    tenant: tenant.trim().to_owned(),
                    client_id: client_id.trim().to_owned(),
                    authority: given(authority.as_deref()),
                },
                secret: secret(client_secret)?,
            },
            Self::ManagedIdentity { client_id } => Kept {
                sign_in: SignIn::ManagedIdentity { client_id: given(client_id.as_deref()) },
                secret: SecretString::default(),
            },
            Self::WorkloadIdentity { tenant, client_id } => Kept {
                sign_in: SignIn::WorkloadIdentity {
                    tenant: filled("/sign_in/tenant", tenant, "tenant")?,
                    client_id: filled("/sign_in/client_id", client_id, "client id")?,
                },
                secret: SecretString::default(),
            },
        })
    }
}

/// A text that somebody gave, and not only blanks.
pub(crate) fn given(text: Option<&str>) -> Option<String> {
    text.map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
}

impl Kept {
    /// The sign-in of a person who came back with a refresh token.
    pub(crate) fn of_person(application: &PersonSignIn, refresh_token: &str) -> Self {
        Self {
            sign_in: SignIn::Person {
                tenant: application.tenant.clone(),
                client_id: application.client_id.clone(),
            },
            secret: sealed_text(&PersonSecret {
                refresh_token: refresh_token.to_owned(),
                client_secret: application
                    .client_secret
                    .as_ref()
                    .map(|secret| secret.expose_secret().to_owned()),
            }),
        }
    }

    fn is_person(&self) -> bool {
        matches!(self.sign_in, SignIn::Person { .. })
    }

    /// The secret of the application that a person signs in with, if it has one.
    pub(crate) fn application_secret(&self) -> Result<Option<SecretString>, Refusal> {
        Ok(person_secret(&self.secret)?.client_secret.map(SecretString::from))
    }

    /// Holds the refresh token, if there is one, while a client that is not saved yet uses it.
    pub(crate) fn held(&self) -> Result<Arc<HeldToken>, Refusal> {
        let token = match self.is_person() {
            true => person_secret(&self.secret)?.refresh_token,
            false => String::new(),
        };
        Ok(Arc::new(HeldToken { token: Mutex::new(SecretString::from(token)) }))
    }

    /// The same sign-in with what became of its refresh token meanwhile.
    pub(crate) fn renewed(&self, held: &HeldToken) -> Result<Self, Refusal> {
        let secret = match self.is_person() {
            true => with_refresh_token(&self.secret, &held.token())?,
            false => self.secret.clone(),
        };
        Ok(Self { sign_in: self.sign_in.clone(), secret })
    }
}

fn sealed_text(secret: &PersonSecret) -> SecretString {
    SecretString::from(serde_json::to_string(secret).expect("two strings make a document"))
}

fn person_secret(secret: &SecretString) -> Result<PersonSecret, Refusal> {
    serde_json::from_str(secret.expose_secret()).map_err(|_| {
        // The cause is left out: it would quote the secret.
        Refusal::conflict(
            "sign_in_unreadable",
            "The stored sign-in cannot be read",
            "What is stored of the person's sign-in cannot be read.",
            "Sign in with Microsoft again.",
        )
    })
}

fn with_refresh_token(secret: &SecretString, token: &SecretString) -> Result<SecretString, Refusal> {
    let old = person_secret(secret)?;
    Ok(sealed_text(&PersonSecret { refresh_token: token.expose_secret().to_owned(), ..old }))
}

impl Engine {
    /// What the client signs in with.
    ///
    /// # Errors
    /// If an address makes no sense, or this server does not allow the method.
    pub(crate) fn credential(&self, kept: &Kept, keeper: Keeper) -> Result<Credential, Refusal> {
        let settings = &self.inner.settings;
        Ok(match &kept.sign_in {
            SignIn::PersonalAccessToken => Credential::PersonalAccessToken(kept.secret.clone()),
            SignIn::ClientSecret { tenant, client_id, authority } => Credential::ClientSecret {
                tenant: tenant.clone(),
                client_id: client_id.clone(),
                client_secret: kept.secret.clone(),
                authority: authority
                    .as_deref()
                    .map(|text| parse_url("/sign_in/authority", text))
                    .transpose()?,
            },
            SignIn::ManagedIdentity { client_id } => Credential::ManagedIdentity {
                client_id: client_id.clone(),
                identity: settings.managed_identity.clone().ok_or_else(|| {
                    invalid(
                        "/sign_in/method",
                        "this server does not let connections use its managed identity",
                        "Ask who operates the server to start it with --allow-managed-identity.",
                    )
                })?,
            },
            SignIn::WorkloadIdentity { tenant, client_id } => Credential::Federated {
                tenant: tenant.clone(),
                client_id: client_id.clone(),
                assertion_file: settings.federated_token_file.clone().ok_or_else(|| {
                    invalid(
                        "/sign_in/method",
                        "this server has no assertion of its platform to sign in with",
                        "Ask who operates the server to start it with --federated-token-file.",
                    )
                })?,
            },
            SignIn::Person { tenant, client_id } => {
                let tokens: Arc<dyn RefreshTokens> = match keeper {
                    Keeper::Memory(held) => held,
                    Keeper::Row(id) => Arc::new(StoredToken { engine: Arc::downgrade(&self.inner), id }),
                };
                let application = self.application(tenant, client_id, kept.application_secret()?);
                Credential::Person { application, tokens }
            }
        })
    }

    /// The application that people sign in with. Where they do is for the operator to say: a browser is sent there.
    pub(crate) fn application(
        &self,
        tenant: &str,
        client_id: &str,
        client_secret: Option<SecretString>,
    ) -> PersonSignIn {
        PersonSignIn {
            tenant: tenant.to_owned(),
            client_id: client_id.to_owned(),
            client_secret,
            authority: self.authority(),
        }
    }

    /// Entra's sign-in service where a connection names none.
    pub(crate) fn authority(&self) -> Url {
        self.inner
            .settings
            .authority
            .clone()
            .unwrap_or_else(|| Url::parse(PUBLIC_AUTHORITY).expect("the address is a constant"))
    }

    /// What is stored of a connection's sign-in.
    pub(crate) fn opened(&self, connection: &Connection) -> Result<Kept, Refusal> {
        let secret = self.inner.keys.open(&secret_row(connection.id), &connection.secret)?;
        Ok(Kept { sign_in: connection.sign_in.clone(), secret })
    }
}

const PUBLIC_AUTHORITY: &str = "https://login.microsoftonline.com";

/// A refresh token in memory, for a sign-in that has no row yet.
pub(crate) struct HeldToken {
    token: Mutex<SecretString>,
}

impl HeldToken {
    pub(crate) fn token(&self) -> SecretString {
        self.token.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl RefreshTokens for HeldToken {
    async fn newest(&self) -> Result<SecretString, String> {
        Ok(self.token())
    }

    async fn replace(&self, _: &SecretString, next: &SecretString) -> Result<(), String> {
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = next.clone();
        Ok(())
    }
}

/// The refresh token in the row of a connection. The engine owns the clients, so they hold it weakly.
struct StoredToken {
    engine: Weak<Inner>,
    id: ConnectionId,
}

impl StoredToken {
    fn engine(&self) -> Result<Engine, String> {
        let inner = self.engine.upgrade().ok_or("the server is stopping")?;
        Ok(Engine { inner })
    }

    fn open(&self, engine: &Engine, connection: &Connection) -> Result<SecretString, String> {
        if !matches!(connection.sign_in, SignIn::Person { .. }) {
            return Err("the connection signs in another way by now".into());
        }
        Ok(engine.opened(connection).map_err(said)?.secret)
    }
}

fn said(refusal: Refusal) -> String {
    format!("the stored sign-in could not be used: {}", refusal.detail.trim_end_matches('.'))
}

fn failed(error: store::Error) -> String {
    said(error.into())
}

#[async_trait]
impl RefreshTokens for StoredToken {
    async fn newest(&self) -> Result<SecretString, String> {
        let engine = self.engine()?;
        let mut tx = engine.inner.db.read().await.map_err(failed)?;
        let found = store::connections::get(&mut tx, self.id).await.map_err(failed)?;
        drop(tx);
        let connection = found.ok_or("the connection was deleted")?;
        let secret = self.open(&engine, &connection)?;
        Ok(SecretString::from(person_secret(&secret).map_err(said)?.refresh_token))
    }

    async fn replace(&self, used: &SecretString, next: &SecretString) -> Result<(), String> {
        let engine = self.engine()?;
        let mut tx = engine.inner.db.begin().await.map_err(failed)?;
        let found = store::connections::get(&mut tx, self.id).await.map_err(failed)?;
        let connection = found.ok_or("the connection was deleted")?;
        let secret = self.open(&engine, &connection)?;
        if person_secret(&secret).map_err(said)?.refresh_token != used.expose_secret() {
            // Another replica, or a person who signed in again, was faster: theirs stays.
            return Ok(());
        }
        let secret = with_refresh_token(&secret, next).map_err(said)?;
        let sealed = engine.inner.keys.seal(&secret_row(self.id), &secret);
        store::connections::replace_secret(&mut tx, self.id, &connection.secret, sealed)
            .await
            .map_err(failed)?;
        tx.commit().await.map_err(failed)
    }
}
