//! A person signs in with Microsoft: the browser goes to Entra and comes back with a code (authorization code with
//! PKCE), and a connection is made or gets a new sign-in.
//!
//! What is needed to go on (the verifier, what the form said) stays here, sealed, for ten minutes; the browser carries
//! only a random state. Only the session that began can go on, and only once; any replica can take it up.

use azure::{Organization, PersonSignIn, explain_browser_error};
use chrono::{DateTime, Duration, Utc};
use model::ConnectionId;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use store::connections::SignIn;
use store::pending_sign_ins::{self, PendingSignIn};
use url::Url;

use crate::connections::{ConnectionFacts, invalid};
use crate::engine::Engine;
use crate::sign_in::{Keeper, Kept, given};
use crate::{Actor, Refusal};

/// A person has this long to sign in.
const PATIENCE: Duration = Duration::minutes(10);

/// Longest wait for the sign-in service, once the browser is back.
const REDEEM: Duration = Duration::seconds(30);

/// Path of the page that the browser comes back to, under the public address.
const CALLBACK: &str = "connections/callback";

/// An application of Entra with which people sign in, as somebody gives it.
#[derive(Clone, Debug)]
pub struct SignInApplication {
    /// Tenant; any work or school account if blank.
    pub tenant: String,
    /// Application (client) id.
    pub client_id: String,
    /// Its secret, if the redirect address is registered under "Web".
    pub client_secret: Option<SecretString>,
}

/// What the sign-in is for.
#[derive(Clone, Debug)]
pub enum SignInTarget {
    /// A new connection. The organization may be chosen after the sign-in.
    New {
        /// Name; "Azure" if blank.
        name: String,
        /// Remark.
        description: String,
        /// Instance; the public service if blank.
        instance_url: String,
        /// Organization, if it is known already.
        organization: Option<String>,
    },
    /// A connection that is there.
    Existing(ConnectionId),
}

/// A sign-in that began.
#[derive(Clone, Debug)]
pub struct SignInBegun {
    /// Where the browser must go.
    pub authorize_url: Url,
    /// Until when it must be back.
    pub expires_at: DateTime<Utc>,
}

/// What the browser brought back.
#[derive(Clone, Debug)]
pub enum BrowserAnswer {
    /// A code that Entra exchanges once.
    Code(SecretString),
    /// An error in place of a code.
    Refused {
        /// Entra's word.
        error: String,
        /// Entra's sentence.
        description: String,
    },
}

/// How a sign-in went on.
#[derive(Clone, Debug)]
pub enum SignInProgress {
    /// The connection is there.
    Connected(ConnectionId),
    /// The organization must be named.
    Choose {
        /// What [`Engine::choose_organization`] wants to see.
        state: String,
        /// Organizations that the person is a member of; empty if they cannot be listed.
        organizations: Vec<Organization>,
    },
}

/// What is kept while the browser is away.
#[derive(Serialize, Deserialize)]
struct Pending {
    target: Target,
    tenant: String,
    client_id: String,
    client_secret: Option<String>,
    step: Step,
}

#[derive(Serialize, Deserialize)]
enum Target {
    New(ConnectionFacts),
    Existing(ConnectionId),
}

#[derive(Serialize, Deserialize)]
enum Step {
    /// The browser brings a code for this verifier.
    Code { verifier: String },
    /// The person names the organization.
    Organization { refresh_token: String },
}

impl Pending {
    fn application(&self, engine: &Engine) -> PersonSignIn {
        let secret = self.client_secret.clone().map(SecretString::from);
        engine.application(&self.tenant, &self.client_id, secret)
    }
}

fn row(state: &str) -> String {
    format!("pending_sign_in/{}", hex::encode(store::secrets::hash(state)))
}

fn unknown_sign_in() -> Refusal {
    Refusal::conflict(
        "sign_in_unknown",
        "There is no such sign-in under way",
        "This sign-in was not begun in this session, was used already, or is more than ten minutes old.",
        "Begin it again from the connection.",
    )
}

impl Engine {
    /// The address to register in Entra as redirect address.
    ///
    /// # Errors
    /// If the public address of the server makes none.
    pub fn redirect_uri(&self) -> Result<Url, Refusal> {
        self.inner.settings.public_url.join(CALLBACK).map_err(|error| {
            invalid("/public_url", format!("the public address cannot be used: {error}"), "Set --public-url.")
        })
    }

    /// Begins a sign-in with a browser. Without an `application`, that of the connection is taken.
    ///
    /// # Errors
    /// If something is missing or makes no address, or there is no such connection.
    pub async fn begin_sign_in(
        &self,
        target: SignInTarget,
        application: Option<SignInApplication>,
        session_hash: &[u8],
    ) -> Result<SignInBegun, Refusal> {
        let known = match (&target, application) {
            (_, Some(application)) => application,
            (SignInTarget::Existing(id), None) => self.known_application(*id).await?,
            (SignInTarget::New { .. }, None) => {
                return Err(invalid("/application", "the application is missing", "Give its client id."));
            }
        };
        let target = match target {
            SignInTarget::Existing(id) => {
                self.known(id).await?;
                Target::Existing(id)
            }
            SignInTarget::New { name, description, instance_url, organization } => {
                let facts = ConnectionFacts { name, description, instance_url, organization: String::new() };
                let organization = given(organization.as_deref()).unwrap_or_default();
                Target::New(ConnectionFacts { organization, ..facts }.filled_in())
            }
        };
        let client_id = given(Some(&known.client_id))
            .ok_or_else(|| invalid("/application/client_id", "the client id is missing", "Fill it in."))?;
        let verifier = self.inner.world.secret();
        let state = self.inner.world.secret();
        let pending = Pending {
            target,
            tenant: given(Some(&known.tenant)).unwrap_or_else(|| "organizations".into()),
            client_id,
            client_secret: given(known.client_secret.as_ref().map(ExposeSecret::expose_secret)),
            step: Step::Code { verifier: verifier.clone() },
        };
        let authorize_url = pending.application(self).authorize_url(
            &self.redirect_uri()?,
            &state,
            &SecretString::from(verifier),
        )?;
        let expires_at = self.keep_pending(&state, &pending, session_hash).await?;
        Ok(SignInBegun { authorize_url, expires_at })
    }

    async fn known_application(&self, id: ConnectionId) -> Result<SignInApplication, Refusal> {
        let mut tx = self.inner.db.read().await?;
        let found = store::connections::get(&mut tx, id).await?;
        drop(tx);
        let connection = found.ok_or_else(|| Refusal::not_found("connection", id))?;
        match &connection.sign_in {
            SignIn::Person { tenant, client_id } => Ok(SignInApplication {
                tenant: tenant.clone(),
                client_id: client_id.clone(),
                client_secret: self.opened(&connection)?.application_secret()?,
            }),
            _ => Err(invalid(
                "/application",
                "the connection does not sign in as a person, so its application is not known",
                "Give the client id of the application.",
            )),
        }
    }

    async fn keep_pending(
        &self,
        state: &str,
        pending: &Pending,
        session_hash: &[u8],
    ) -> Result<DateTime<Utc>, Refusal> {
        let now = self.inner.world.now();
        let text = serde_json::to_string(pending).expect("strings make a document");
        let kept = PendingSignIn {
            state_hash: store::secrets::hash(state),
            session_hash: session_hash.to_vec(),
            sealed: self.inner.keys.seal(&row(state), &SecretString::from(text)),
            expires_at: now + PATIENCE,
        };
        let mut tx = self.inner.db.begin().await?;
        pending_sign_ins::delete_expired(&mut tx, now).await?;
        pending_sign_ins::add(&mut tx, &kept).await?;
        tx.commit().await?;
        Ok(kept.expires_at)
    }

    async fn take_pending(&self, state: &str, session_hash: &[u8]) -> Result<Pending, Refusal> {
        let mut tx = self.inner.db.begin().await?;
        let hash = store::secrets::hash(state);
        let taken = pending_sign_ins::take(&mut tx, &hash, session_hash, self.inner.world.now()).await?;
        tx.commit().await?;
        let sealed = taken.ok_or_else(unknown_sign_in)?;
        let text = self.inner.keys.open(&row(state), &sealed)?;
        // What cannot be read was sealed by another version; the person begins again.
        serde_json::from_str(text.expose_secret()).map_err(|_| unknown_sign_in())
    }

    /// Goes on once the browser is back. The state is used up, whatever comes of it.
    ///
    /// # Errors
    /// If this session began no such sign-in, Entra refuses, or the board does.
    pub async fn finish_sign_in(
        &self,
        state: &str,
        answer: BrowserAnswer,
        session_hash: &[u8],
        by: &Actor,
    ) -> Result<SignInProgress, Refusal> {
        let pending = self.take_pending(state, session_hash).await?;
        let Step::Code { verifier } = &pending.step else { return Err(unknown_sign_in()) };
        let code = match answer {
            BrowserAnswer::Code(code) => code,
            BrowserAnswer::Refused { error, description } => {
                let why = explain_browser_error(&error, &description);
                return Err(azure::Error::SignIn { operation: "sign in with Microsoft".into(), why }.into());
            }
        };
        let application = pending.application(self);
        let clock = &*self.inner.world.clock;
        let refresh_token = application
            .redeem(
                code.expose_secret(),
                &self.redirect_uri()?,
                &SecretString::from(verifier.as_str()),
                &*self.inner.transport,
                clock,
                clock.now() + REDEEM,
            )
            .await?;
        let kept = Kept::of_person(&application, refresh_token.expose_secret());
        match &pending.target {
            Target::Existing(id) => {
                self.replace_sign_in(*id, &kept, by).await?;
                Ok(SignInProgress::Connected(*id))
            }
            Target::New(facts) if !facts.organization.is_empty() => {
                let id = self.connect(facts.clone(), &kept, &kept.held()?, by).await?;
                Ok(SignInProgress::Connected(id))
            }
            Target::New(facts) => {
                let held = kept.held()?;
                let keeper = Keeper::Memory(held.clone());
                let client = self.client(&facts.instance_url, "", &kept, keeper)?;
                // Where they cannot be listed, the person types the name.
                let organizations = client.organizations().await.unwrap_or_default();
                let refresh_token = held.token().expose_secret().to_owned();
                let state = self.inner.world.secret();
                let pending = Pending { step: Step::Organization { refresh_token }, ..pending };
                self.keep_pending(&state, &pending, session_hash).await?;
                Ok(SignInProgress::Choose { state, organizations })
            }
        }
    }

    /// Names the organization of a sign-in that asked for it, and makes the connection. If the board refuses, another
    /// organization can be named with the same state.
    ///
    /// # Errors
    /// If this session has no such sign-in, or the board refuses.
    pub async fn choose_organization(
        &self,
        state: &str,
        organization: &str,
        session_hash: &[u8],
        by: &Actor,
    ) -> Result<ConnectionId, Refusal> {
        let mut pending = self.take_pending(state, session_hash).await?;
        let (Step::Organization { refresh_token }, Target::New(facts)) = (&pending.step, &pending.target)
        else {
            return Err(unknown_sign_in());
        };
        let application = pending.application(self);
        let kept = Kept::of_person(&application, refresh_token);
        let facts = ConnectionFacts { organization: organization.to_owned(), ..facts.clone() };
        let held = kept.held()?;
        let made = self.connect(facts, &kept, &held, by).await;
        if made.is_err() {
            pending.step = Step::Organization { refresh_token: held.token().expose_secret().to_owned() };
            self.keep_pending(state, &pending, session_hash).await?;
        }
        made
    }
}
