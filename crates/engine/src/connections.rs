//! Connections: made, checked, changed, and the clients that go with them.

use std::sync::Arc;

use azure::{CheckStep, Client, ClientConfig, Credential};
use model::ConnectionId;
use model::process::{BoardLayout, WorkItemType};
use secrecy::{ExposeSecret, SecretString};
use store::connections::{Connection, OwnIdentity, SignIn};
use tokio::sync::Notify;
use url::Url;

use crate::engine::{Engine, EventKind};
use crate::{Actor, Refusal};

/// A connection at work: its client, and what keeps two tasks of this process apart.
pub(crate) struct Board {
    pub(crate) id: ConnectionId,
    pub(crate) client: Client,
    /// Wakes the task that keeps the connection in step.
    pub(crate) wake: Arc<Notify>,
    /// Held while tickets of the connection are worked on.
    pub(crate) gate: Arc<tokio::sync::Mutex<()>>,
}

/// How a connection signs in, with the secret.
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
        /// Where tokens are issued; the public service if absent.
        authority: Option<String>,
    },
}

/// A connection to be made or checked.
#[derive(Clone, Debug)]
pub struct NewConnection {
    /// Name; "Azure" if blank.
    pub name: String,
    /// Remark.
    pub description: String,
    /// Instance; the public service if blank.
    pub instance_url: String,
    /// Organization.
    pub organization: String,
    /// How it signs in.
    pub sign_in: SignInMethod,
}

/// What to change on a connection.
#[derive(Clone, Debug, Default)]
pub struct ConnectionChange {
    /// New name.
    pub name: Option<String>,
    /// New remark.
    pub description: Option<String>,
    /// New sign-in.
    pub sign_in: Option<SignInMethod>,
    /// Pause (`true`) or go on.
    pub paused: Option<bool>,
}

const PUBLIC_SERVICE: &str = "https://dev.azure.com";

fn secret_row(id: ConnectionId) -> String {
    format!("connection/{id}/secret")
}

fn hook_row(id: ConnectionId) -> String {
    format!("connection/{id}/hook")
}

/// What is stored openly and what is sealed of a sign-in.
fn split(method: &SignInMethod) -> (SignIn, &SecretString) {
    match method {
        SignInMethod::PersonalAccessToken(token) => (SignIn::PersonalAccessToken, token),
        SignInMethod::ClientSecret { tenant, client_id, client_secret, authority } => (
            SignIn::ClientSecret {
                tenant: tenant.clone(),
                client_id: client_id.clone(),
                authority: authority.clone(),
            },
            client_secret,
        ),
    }
}

fn join(sign_in: &SignIn, secret: SecretString) -> SignInMethod {
    match sign_in {
        SignIn::PersonalAccessToken => SignInMethod::PersonalAccessToken(secret),
        SignIn::ClientSecret { tenant, client_id, authority } => SignInMethod::ClientSecret {
            tenant: tenant.clone(),
            client_id: client_id.clone(),
            client_secret: secret,
            authority: authority.clone(),
        },
    }
}

fn invalid(pointer: &str, detail: impl Into<String>, next_step: &str) -> Refusal {
    let detail = detail.into();
    Refusal::invalid("connection_invalid", "The connection makes no sense", format!("{detail}."), next_step)
        .field(pointer.to_owned(), detail)
}

impl NewConnection {
    fn filled_in(mut self) -> Result<Self, Refusal> {
        let blank = |text: &str| text.trim().is_empty();
        if blank(&self.name) {
            self.name = "Azure".into();
        }
        if blank(&self.instance_url) {
            self.instance_url = PUBLIC_SERVICE.into();
        }
        self.organization = self.organization.trim().to_owned();
        if self.organization.is_empty() || self.organization.contains(['/', '?', '#']) {
            return Err(invalid(
                "/organization",
                "the organization is missing or is not a name",
                "It is the part after the host in the address of Azure DevOps: dev.azure.com/<organization>.",
            ));
        }
        if split(&self.sign_in).1.expose_secret().trim().is_empty() {
            return Err(invalid("/sign_in", "the token or secret is missing", "Paste it again."));
        }
        Ok(self)
    }
}

impl Engine {
    fn client(&self, instance: &str, organization: &str, sign_in: &SignInMethod) -> Result<Client, Refusal> {
        let url = |pointer: &str, text: &str| -> Result<Url, Refusal> {
            Url::parse(text.trim()).map_err(|error| {
                invalid(
                    pointer,
                    format!("'{text}' is not an address: {error}"),
                    "Give it with https:// in front.",
                )
            })
        };
        let credential = match sign_in {
            SignInMethod::PersonalAccessToken(token) => {
                Credential::PersonalAccessToken(SecretString::from(token.expose_secret().trim()))
            }
            SignInMethod::ClientSecret { tenant, client_id, client_secret, authority } => {
                Credential::ClientSecret {
                    tenant: tenant.trim().to_owned(),
                    client_id: client_id.trim().to_owned(),
                    client_secret: SecretString::from(client_secret.expose_secret().trim()),
                    authority: authority
                        .as_deref()
                        .filter(|text| !text.trim().is_empty())
                        .map(|text| url("/sign_in/authority", text))
                        .transpose()?,
                }
            }
        };
        let config = ClientConfig {
            instance: url("/instance_url", instance)?,
            ..ClientConfig::hosted(organization, credential)
        };
        Ok(Client::new(config, self.inner.transport.clone(), self.inner.world.clock.clone()))
    }

    pub(crate) async fn connection_ids(&self) -> Result<Vec<ConnectionId>, Refusal> {
        let mut tx = self.inner.db.read().await?;
        Ok(store::connections::all(&mut tx).await?.into_iter().map(|connection| connection.id).collect())
    }

    /// The connection at work; none if it was deleted.
    pub(crate) async fn board(&self, id: ConnectionId) -> Result<Option<Arc<Board>>, Refusal> {
        if let Some(board) = self.boards().get(&id) {
            return Ok(Some(board.clone()));
        }
        let mut tx = self.inner.db.read().await?;
        let Some(connection) = store::connections::get(&mut tx, id).await? else { return Ok(None) };
        drop(tx);
        let secret = self.inner.keys.open(&secret_row(id), &connection.secret)?;
        let client = self.client(
            &connection.instance_url,
            &connection.organization,
            &join(&connection.sign_in, secret),
        )?;
        let mut boards = self.boards();
        let board = boards.entry(id).or_insert_with(|| {
            Arc::new(Board { id, client, wake: Arc::new(Notify::new()), gate: Arc::default() })
        });
        Ok(Some(board.clone()))
    }

    fn boards(&self) -> std::sync::MutexGuard<'_, std::collections::HashMap<ConnectionId, Arc<Board>>> {
        // Nothing panics while it is held.
        self.inner.boards.lock().expect("the connections at work")
    }

    pub(crate) fn wake_all_boards(&self) {
        for board in self.boards().values() {
            board.wake.notify_one();
        }
    }

    pub(crate) fn wake_board(&self, id: ConnectionId) {
        if let Some(board) = self.boards().get(&id) {
            board.wake.notify_one();
        }
    }

    async fn known(&self, id: ConnectionId) -> Result<Arc<Board>, Refusal> {
        self.board(id).await?.ok_or_else(|| Refusal::not_found("connection", id))
    }

    /// Tries a connection that is not saved, step by step.
    ///
    /// # Errors
    /// If what was given makes no sense; that the board refuses is a step that failed.
    pub async fn verify_connection(&self, new: NewConnection) -> Result<Vec<CheckStep>, Refusal> {
        let new = new.filled_in()?;
        let client = self.client(&new.instance_url, &new.organization, &new.sign_in)?;
        Ok(client.verify(None).await)
    }

    /// Checks a saved connection, step by step, in the projects of its destinations.
    ///
    /// # Errors
    /// If there is no such connection.
    pub async fn check_connection(&self, id: ConnectionId) -> Result<Vec<CheckStep>, Refusal> {
        let board = self.known(id).await?;
        let mut tx = self.inner.db.read().await?;
        let project = store::destinations::all(&mut tx)
            .await?
            .into_iter()
            .find(|destination| destination.connection_id == id)
            .map(|destination| destination.settings.project);
        drop(tx);
        let steps = board.client.verify(project.as_deref()).await;
        if steps.iter().all(|step| !matches!(step.outcome, azure::CheckOutcome::Failed { .. })) {
            self.mended(id).await?;
        }
        Ok(steps)
    }

    /// What kept a connection is mended: everything that waited is tried again.
    async fn mended(&self, id: ConnectionId) -> Result<(), Refusal> {
        let mut tx = self.inner.db.begin().await?;
        if let Some(mut connection) = store::connections::get(&mut tx, id).await? {
            let was_blocked = connection.problem.take().is_some();
            store::connections::save(&mut tx, &connection).await?;
            if was_blocked {
                store::connections::unblock(&mut tx, id).await?;
                store::tickets::retry_all(&mut tx, id).await?;
            }
        }
        tx.commit().await?;
        self.announce(EventKind::Connection, id.0);
        self.wake_board(id);
        Ok(())
    }

    /// Makes a connection. The board must accept the sign-in first.
    ///
    /// # Errors
    /// If what was given makes no sense, or the board refuses it; the text says why and what to do.
    pub async fn create_connection(&self, new: NewConnection, by: &Actor) -> Result<ConnectionId, Refusal> {
        let new = new.filled_in()?;
        let client = self.client(&new.instance_url, &new.organization, &new.sign_in)?;
        let identity = client.check().await?;
        let id: ConnectionId = self.inner.world.id();
        let (sign_in, secret) = split(&new.sign_in);
        let hook_secret = self.inner.world.secret();
        let now = self.inner.world.now();
        let connection = Connection {
            id,
            name: new.name,
            description: new.description,
            instance_url: new.instance_url.trim().trim_end_matches('/').to_owned(),
            // The service's own spelling is canonical.
            organization: identity.organization.clone(),
            sign_in,
            secret: self.inner.keys.seal(&secret_row(id), secret),
            paused: false,
            problem: None,
            identity: Some(OwnIdentity { id: identity.id, display_name: identity.display_name }),
            hook_secret: self.inner.keys.seal(&hook_row(id), &SecretString::from(hook_secret.as_str())),
            subscriptions: Vec::new(),
            feed_cursor: None,
            feed_due_at: now,
            sweep_due_at: now,
            last_contact_at: None,
            blocked_until: now,
            created_at: now,
        };
        let mut tx = self.inner.db.begin().await?;
        store::connections::add(&mut tx, &connection, store::secrets::hash(&hook_secret)).await?;
        self.note_configuration(&mut tx, "connection", id.0, by, "Connection made.").await?;
        tx.commit().await?;
        self.announce(EventKind::Connection, id.0);
        self.inner.connections.notify_one();
        Ok(id)
    }

    /// Changes a connection. A new sign-in must be accepted by the board first.
    ///
    /// # Errors
    /// If there is no such connection, or the board refuses the new sign-in.
    pub async fn change_connection(
        &self,
        id: ConnectionId,
        change: ConnectionChange,
        by: &Actor,
    ) -> Result<(), Refusal> {
        let mut tx = self.inner.db.read().await?;
        let Some(known) = store::connections::get(&mut tx, id).await? else {
            return Err(Refusal::not_found("connection", id));
        };
        drop(tx);
        let mut identity = None;
        if let Some(method) = &change.sign_in {
            if split(method).1.expose_secret().trim().is_empty() {
                return Err(invalid("/sign_in", "the token or secret is missing", "Paste it again."));
            }
            let client = self.client(&known.instance_url, &known.organization, method)?;
            let found = client.check().await?;
            identity = Some(OwnIdentity { id: found.id, display_name: found.display_name });
        }
        let mut tx = self.inner.db.begin().await?;
        let Some(mut connection) = store::connections::get(&mut tx, id).await? else {
            return Err(Refusal::not_found("connection", id));
        };
        if let Some(name) = change.name.filter(|name| !name.trim().is_empty()) {
            connection.name = name;
        }
        if let Some(description) = change.description {
            connection.description = description;
        }
        if let Some(method) = &change.sign_in {
            let (sign_in, secret) = split(method);
            connection.sign_in = sign_in;
            connection.secret = self.inner.keys.seal(&secret_row(id), secret);
            connection.identity = identity;
        }
        if let Some(paused) = change.paused {
            connection.paused = paused;
        }
        store::connections::save(&mut tx, &connection).await?;
        if change.sign_in.is_some() || change.paused == Some(false) {
            store::connections::unblock(&mut tx, id).await?;
            store::tickets::retry_all(&mut tx, id).await?;
        }
        self.note_configuration(&mut tx, "connection", id.0, by, "Connection changed.").await?;
        tx.commit().await?;
        if change.sign_in.is_some() {
            let mut boards = self.boards();
            if let Some(old) = boards.remove(&id) {
                let secret = self.inner.keys.open(&secret_row(id), &connection.secret)?;
                let client = self.client(
                    &connection.instance_url,
                    &connection.organization,
                    &join(&connection.sign_in, secret),
                )?;
                // The gate goes along: work that began with the old client ends before any with the new one.
                boards.insert(
                    id,
                    Arc::new(Board { id, client, wake: old.wake.clone(), gate: old.gate.clone() }),
                );
            }
        }
        self.announce(EventKind::Connection, id.0);
        self.wake_board(id);
        Ok(())
    }

    /// Deletes a connection with its destinations and tickets. The work items stay as they are; our subscriptions are
    /// removed if the board lets us.
    ///
    /// # Errors
    /// If there is no such connection.
    pub async fn delete_connection(&self, id: ConnectionId, by: &Actor) -> Result<(), Refusal> {
        let board = self.known(id).await?;
        if let Err(refusal) = self.unsubscribe_hooks(id, by).await {
            tracing::warn!(connection = %id, %refusal, "subscriptions were left at the board");
        }
        let _held = board.gate.lock().await;
        let mut tx = self.inner.db.begin().await?;
        store::connections::delete(&mut tx, id).await?;
        self.note_configuration(&mut tx, "connection", id.0, by, "Connection deleted.").await?;
        store::findings::reconsider_all(&mut tx).await?;
        tx.commit().await?;
        self.boards().remove(&id);
        board.wake.notify_one();
        self.announce(EventKind::Connection, id.0);
        Ok(())
    }

    /// The address to paste into a service hook.
    ///
    /// # Errors
    /// If the secret cannot be opened.
    pub fn hook_url(&self, connection: &Connection) -> Result<Url, Refusal> {
        let secret = self.inner.keys.open(&hook_row(connection.id), &connection.hook_secret)?;
        let path = format!("hooks/azure-devops/{}", secret.expose_secret());
        self.inner.settings.public_url.join(&path).map_err(|error| {
            invalid("/public_url", format!("the public address cannot be used: {error}"), "Set --public-url.")
        })
    }

    /// Projects of the organization.
    ///
    /// # Errors
    /// If there is no such connection, or the board refuses.
    pub async fn projects(&self, id: ConnectionId) -> Result<Vec<azure::Project>, Refusal> {
        Ok(self.known(id).await?.client.projects().await?)
    }

    /// Teams of a project.
    ///
    /// # Errors
    /// If there is no such connection, or the board refuses.
    pub async fn teams(&self, id: ConnectionId, project: &str) -> Result<Vec<azure::Team>, Refusal> {
        Ok(self.known(id).await?.client.teams(project).await?)
    }

    /// Boards of a team.
    ///
    /// # Errors
    /// If there is no such connection, or the board refuses.
    pub async fn boards_of(
        &self,
        id: ConnectionId,
        project: &str,
        team: &str,
    ) -> Result<Vec<BoardLayout>, Refusal> {
        Ok(self.known(id).await?.client.boards(project, team).await?)
    }

    /// Work item types of a project.
    ///
    /// # Errors
    /// If there is no such connection, or the board refuses.
    pub async fn work_item_types(
        &self,
        id: ConnectionId,
        project: &str,
    ) -> Result<Vec<WorkItemType>, Refusal> {
        Ok(self.known(id).await?.client.work_item_types(project).await?)
    }
}
