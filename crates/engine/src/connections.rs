//! Connections: made, checked, changed, and the clients that go with them.

use std::sync::Arc;

use azure::{CheckStep, Client, ClientConfig, Organization};
use model::ConnectionId;
use model::map::{SeverityChoices, SeverityMap};
use model::process::{BoardLayout, FieldDefinition, WorkItemType};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use store::alarms::Kind;
use store::connections::{Connection, Mode, OwnIdentity, SignIn};
use tokio::sync::Notify;
use url::Url;

use crate::alarms::About;
use crate::engine::{Engine, EventKind};
use crate::sign_in::{HeldToken, Keeper, Kept, SignInMethod};
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
    /// How severities are said where a destination says nothing.
    pub severity_map: Option<SeverityMap>,
    /// Whether it writes.
    pub mode: Option<Mode>,
}

const PUBLIC_SERVICE: &str = "https://dev.azure.com";

pub(crate) fn secret_row(id: ConnectionId) -> String {
    format!("connection/{id}/secret")
}

fn hook_row(id: ConnectionId) -> String {
    format!("connection/{id}/hook")
}

pub(crate) fn invalid(pointer: &str, detail: impl Into<String>, next_step: &str) -> Refusal {
    let detail = detail.into();
    Refusal::invalid("connection_invalid", "The connection makes no sense", format!("{detail}."), next_step)
        .field(pointer.to_owned(), detail)
}

/// What a person says about a connection, but for the sign-in.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ConnectionFacts {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) instance_url: String,
    pub(crate) organization: String,
}

impl ConnectionFacts {
    /// With the usual values for what is blank.
    pub(crate) fn filled_in(mut self) -> Self {
        if self.name.trim().is_empty() {
            self.name = "Azure".into();
        }
        self.instance_url = match self.instance_url.trim().trim_end_matches('/') {
            "" => PUBLIC_SERVICE.into(),
            instance => instance.to_owned(),
        };
        self.organization = self.organization.trim().to_owned();
        self
    }

    /// Once it is certain that the organization is a name.
    fn named(self) -> Result<Self, Refusal> {
        if self.organization.trim().is_empty() || self.organization.contains(['/', '?', '#']) {
            return Err(invalid(
                "/organization",
                "the organization is missing or is not a name",
                "It is the part after the host in the address of Azure DevOps: dev.azure.com/<organization>.",
            ));
        }
        Ok(self)
    }
}

impl NewConnection {
    fn parts(self) -> Result<(ConnectionFacts, Kept), Refusal> {
        let kept = self.sign_in.kept()?;
        let facts = ConnectionFacts {
            name: self.name,
            description: self.description,
            instance_url: self.instance_url,
            organization: self.organization,
        };
        Ok((facts.filled_in().named()?, kept))
    }
}

/// An address that somebody typed.
pub(crate) fn parse_url(pointer: &str, text: &str) -> Result<Url, Refusal> {
    Url::parse(text.trim()).map_err(|error| {
        invalid(pointer, format!("'{text}' is not an address: {error}"), "Give it with https:// in front.")
    })
}

impl Engine {
    /// A client for a sign-in.
    pub(crate) fn client(
        &self,
        instance: &str,
        organization: &str,
        kept: &Kept,
        keeper: Keeper,
    ) -> Result<Client, Refusal> {
        let instance = parse_url("/instance_url", instance)?;
        self.check_trusted(&instance, &kept.sign_in)?;
        let config = ClientConfig {
            instance,
            authority: self.authority(),
            ..ClientConfig::hosted(organization, self.credential(kept, keeper)?)
        };
        Ok(Client::new(config, self.inner.transport.clone(), self.inner.world.clock.clone()))
    }

    /// A token that is not the secret of whoever typed the address goes to Azure DevOps only, or where the operator of
    /// the server allows it: otherwise an address could be typed to collect the tokens of the machine or of a person.
    fn check_trusted(&self, instance: &Url, sign_in: &SignIn) -> Result<(), Refusal> {
        let own_secret = matches!(sign_in, SignIn::PersonalAccessToken | SignIn::ClientSecret { .. });
        let host = instance.host_str().unwrap_or_default();
        let is_azure = instance.scheme() == "https"
            && instance.port().is_none()
            && (host == "dev.azure.com" || host.ends_with(".visualstudio.com"));
        let origins = &self.inner.settings.allowed_origins;
        if own_secret || is_azure || origins.iter().any(|allowed| allowed.origin() == instance.origin()) {
            return Ok(());
        }
        Err(invalid(
            "/instance_url",
            format!(
                "with this sign-in only Azure DevOps is called, not {}",
                instance.origin().ascii_serialization()
            ),
            "Leave the instance blank, or ask who operates the server to start it with --allow-origin.",
        ))
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
        let client = self.client_of(&connection)?;
        let mut boards = self.boards();
        let board = boards.entry(id).or_insert_with(|| {
            Arc::new(Board { id, client, wake: Arc::new(Notify::new()), gate: Arc::default() })
        });
        Ok(Some(board.clone()))
    }

    fn client_of(&self, connection: &Connection) -> Result<Client, Refusal> {
        let kept = self.opened(connection)?;
        self.client(&connection.instance_url, &connection.organization, &kept, Keeper::Row(connection.id))
    }

    /// Gives a connection at work a client with what is stored now. Signal and gate go along: work that began with the
    /// old client ends before any with the new one.
    pub(crate) async fn renew_client(&self, id: ConnectionId) -> Result<(), Refusal> {
        let mut tx = self.inner.db.read().await?;
        let Some(connection) = store::connections::get(&mut tx, id).await? else { return Ok(()) };
        drop(tx);
        let client = self.client_of(&connection)?;
        let mut boards = self.boards();
        if let Some(old) = boards.get(&id) {
            let board = Board { id, client, wake: old.wake.clone(), gate: old.gate.clone() };
            boards.insert(id, Arc::new(board));
        }
        Ok(())
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

    pub(crate) async fn known(&self, id: ConnectionId) -> Result<Arc<Board>, Refusal> {
        self.board(id).await?.ok_or_else(|| Refusal::not_found("connection", id))
    }

    /// Tries a connection that is not saved, step by step.
    ///
    /// # Errors
    /// If what was given makes no sense; that the board refuses is a step that failed.
    pub async fn verify_connection(&self, new: NewConnection) -> Result<Vec<CheckStep>, Refusal> {
        let (facts, kept) = new.parts()?;
        let keeper = Keeper::Memory(kept.held()?);
        let client = self.client(&facts.instance_url, &facts.organization, &kept, keeper)?;
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
        // Whoever checks wants to know about the process, too.
        let mut tx = self.inner.db.begin().await?;
        self.doubt_process(&mut tx, id).await?;
        tx.commit().await?;
        self.wake_board(id);
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
                self.clear(&mut tx, Kind::CredentialDead, About::Connection(id)).await?;
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
        let (facts, kept) = new.parts()?;
        let held = kept.held()?;
        self.connect(facts, &kept, &held, by).await
    }

    /// Organizations that an identity is a member of.
    ///
    /// # Errors
    /// If what was given makes no sense, or they cannot be listed with this sign-in.
    pub async fn organizations(
        &self,
        instance_url: &str,
        sign_in: &SignInMethod,
    ) -> Result<Vec<Organization>, Refusal> {
        let kept = sign_in.kept()?;
        if kept.sign_in == SignIn::PersonalAccessToken {
            return Err(invalid(
                "/sign_in/method",
                "Azure DevOps lists no organizations for a personal access token",
                "Type the name of the organization.",
            ));
        }
        let instance = match instance_url.trim() {
            "" => PUBLIC_SERVICE,
            instance => instance,
        };
        let client = self.client(instance, "", &kept, Keeper::Memory(kept.held()?))?;
        Ok(client.organizations().await?)
    }

    /// Makes a connection with a sign-in whose refresh token, if it has one, `held` keeps meanwhile.
    pub(crate) async fn connect(
        &self,
        facts: ConnectionFacts,
        kept: &Kept,
        held: &Arc<HeldToken>,
        by: &Actor,
    ) -> Result<ConnectionId, Refusal> {
        let facts = facts.filled_in().named()?;
        let keeper = Keeper::Memory(held.clone());
        let identity = self.client(&facts.instance_url, &facts.organization, kept, keeper)?.check().await?;
        let kept = kept.renewed(held)?;
        let id: ConnectionId = self.inner.world.id();
        let hook_secret = self.inner.world.secret();
        let now = self.inner.world.now();
        let connection = Connection {
            id,
            name: facts.name,
            description: facts.description,
            instance_url: facts.instance_url,
            // The service's own spelling is canonical.
            organization: identity.organization.clone(),
            sign_in: kept.sign_in,
            secret: self.inner.keys.seal(&secret_row(id), &kept.secret),
            mode: Mode::Active,
            problem: None,
            identity: Some(OwnIdentity { id: identity.id, display_name: identity.display_name }),
            hook_secret: self.inner.keys.seal(&hook_row(id), &SecretString::from(hook_secret.as_str())),
            subscriptions: Vec::new(),
            feed: Default::default(),
            feed_due_at: now,
            sweep_due_at: now,
            process_due_at: now + self.inner.settings.process_interval,
            severity_map: None,
            last_contact_at: None,
            lags: Vec::new(),
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
        if let Some(method) = &change.sign_in {
            let kept = method.kept()?;
            self.replace_sign_in(id, &kept, by).await?;
        }
        if change.name.is_none()
            && change.description.is_none()
            && change.mode.is_none()
            && change.severity_map.is_none()
        {
            return Ok(());
        }
        let mut tx = self.inner.db.begin().await?;
        self.change_connection_in(&mut tx, id, change, by).await?;
        tx.commit().await?;
        self.announce(EventKind::Connection, id.0);
        self.wake_board(id);
        Ok(())
    }

    /// The part of [`Self::change_connection`] that is one with what else is in the transaction: everything but the sign-in.
    pub(crate) async fn change_connection_in(
        &self,
        tx: &mut store::Tx,
        id: ConnectionId,
        change: ConnectionChange,
        by: &Actor,
    ) -> Result<(), Refusal> {
        let severity_map =
            change.severity_map.map(|map| map.filled_in(&SeverityMap::default(), SeverityChoices::default()));
        if let Some(map) = &severity_map {
            let problems = map.problems(SeverityChoices::default());
            if let Some(first) = problems.first() {
                return Err(invalid("/severity_map", first.message.clone(), &first.mend));
            }
        }
        let Some(mut connection) = store::connections::get(tx, id).await? else {
            return Err(Refusal::not_found("connection", id));
        };
        if let Some(name) = change.name.filter(|name| !name.trim().is_empty()) {
            connection.name = name;
        }
        if let Some(description) = change.description {
            connection.description = description;
        }
        if severity_map.is_some() {
            connection.severity_map = severity_map;
        }
        let before = connection.mode;
        if let Some(mode) = change.mode {
            connection.mode = mode;
        }
        store::connections::save(tx, &connection).await?;
        let mut what = "Connection changed.".to_owned();
        if connection.mode != before {
            what = format!("Connection is {} now; it was {}.", connection.mode.as_str(), before.as_str());
        }
        if change.mode.is_some() && (connection.mode != before || connection.mode == Mode::Active) {
            // What waited for the old mode is looked at again, and says what holds it now.
            if connection.mode == Mode::Active {
                store::connections::unblock(tx, id).await?;
            }
            store::tickets::retry_all(tx, id).await?;
        }
        self.note_configuration(tx, "connection", id.0, by, &what).await
    }

    /// Gives a connection another sign-in, which the board must accept first. What waited is tried again.
    ///
    /// # Errors
    /// If there is no such connection, or the board refuses.
    pub(crate) async fn replace_sign_in(
        &self,
        id: ConnectionId,
        kept: &Kept,
        by: &Actor,
    ) -> Result<(), Refusal> {
        let mut tx = self.inner.db.read().await?;
        let found = store::connections::get(&mut tx, id).await?;
        drop(tx);
        let known = found.ok_or_else(|| Refusal::not_found("connection", id))?;
        let held = kept.held()?;
        let keeper = Keeper::Memory(held.clone());
        let identity = self.client(&known.instance_url, &known.organization, kept, keeper)?.check().await?;
        let kept = kept.renewed(&held)?;
        let mut tx = self.inner.db.begin().await?;
        let found = store::connections::get(&mut tx, id).await?;
        let mut connection = found.ok_or_else(|| Refusal::not_found("connection", id))?;
        connection.identity = Some(OwnIdentity { id: identity.id, display_name: identity.display_name });
        store::connections::save(&mut tx, &connection).await?;
        let sealed = self.inner.keys.seal(&secret_row(id), &kept.secret);
        store::connections::set_sign_in(&mut tx, id, &kept.sign_in, sealed).await?;
        store::connections::unblock(&mut tx, id).await?;
        store::tickets::retry_all(&mut tx, id).await?;
        self.clear(&mut tx, Kind::CredentialDead, About::Connection(id)).await?;
        self.note_configuration(&mut tx, "connection", id.0, by, "Sign-in replaced.").await?;
        tx.commit().await?;
        self.renew_client(id).await?;
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
        self.clear_all(&mut tx, About::Connection(id)).await?;
        store::connections::delete(&mut tx, id).await?;
        self.note_configuration(&mut tx, "connection", id.0, by, "Connection deleted.").await?;
        store::rules::begin_walk(&mut tx).await?;
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

    /// Fields of a work item type.
    ///
    /// # Errors
    /// If there is no such connection, or the board refuses.
    pub async fn type_fields(
        &self,
        id: ConnectionId,
        project: &str,
        work_item_type: &str,
    ) -> Result<Vec<FieldDefinition>, Refusal> {
        Ok(self.known(id).await?.client.fields(project, work_item_type).await?)
    }
}
