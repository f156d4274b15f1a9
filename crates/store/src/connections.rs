//! Connections, their lease, and how far their feed was read.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use model::ConnectionId;
use model::map::SeverityMap;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::db::to_json;
use crate::{Result, Row, Tx, args};

/// How a connection signs in, without the secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "method", rename_all = "snake_case")]
pub enum SignIn {
    /// Personal access token.
    PersonalAccessToken,
    /// Microsoft Entra application with a client secret.
    ClientSecret {
        /// Tenant.
        tenant: String,
        /// Application.
        client_id: String,
        /// Where tokens are issued; the public service if absent.
        authority: Option<String>,
    },
    /// The identity that Azure gave the machine of the server.
    ManagedIdentity {
        /// A user-assigned identity; the machine's own if absent.
        client_id: Option<String>,
    },
    /// Microsoft Entra application that trusts the platform of the server.
    WorkloadIdentity {
        /// Tenant.
        tenant: String,
        /// Application.
        client_id: String,
    },
    /// A person who signed in with a browser. The secret is a document with the newest refresh token.
    Person {
        /// Tenant, or `organizations`.
        tenant: String,
        /// Application that the person signed in with.
        client_id: String,
    },
}

/// One of our service-hook subscriptions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnSubscription {
    /// Its id at the service.
    pub id: String,
    /// Project.
    pub project_id: String,
    /// Event.
    pub event: String,
    /// Why it does not deliver as it should, when it was last looked at; one sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// Who we are on a board.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnIdentity {
    /// Identity of the directory.
    pub id: String,
    /// Name.
    pub display_name: String,
}

/// Whether a connection writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// It reads, follows and writes.
    #[default]
    Active,
    /// It reads and follows; it writes nothing.
    Paused,
    /// It reads, and says what it would do; it neither writes nor follows.
    Shadow,
}

impl Mode {
    /// The word in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Shadow => "shadow",
        }
    }
}

impl std::str::FromStr for Mode {
    type Err = ();

    fn from_str(s: &str) -> std::result::Result<Self, ()> {
        [Self::Active, Self::Paused, Self::Shadow].into_iter().find(|mode| mode.as_str() == s).ok_or(())
    }
}

/// Changes of people whose lag is remembered for a connection.
pub const LAGS: usize = 50;

/// How far the reporting feed was read. Cursors are opaque.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Feed {
    /// Of the organization.
    #[serde(default)]
    pub organization: Option<String>,
    /// Of each project, while that of the organization may not be read.
    #[serde(default)]
    pub projects: Option<BTreeMap<String, String>>,
}

/// Credentials and organization of one Azure DevOps.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Identity.
    pub id: ConnectionId,
    /// Name.
    pub name: String,
    /// Remark.
    pub description: String,
    /// Instance.
    pub instance_url: String,
    /// Organization.
    pub organization: String,
    /// How it signs in.
    pub sign_in: SignIn,
    /// The secret, sealed.
    pub secret: Vec<u8>,
    /// Whether it writes.
    pub mode: Mode,
    /// Why it does nothing at the moment.
    pub problem: Option<String>,
    /// Who we are on the board.
    pub identity: Option<OwnIdentity>,
    /// The unguessable part of the hook address, sealed.
    pub hook_secret: Vec<u8>,
    /// Our subscriptions.
    pub subscriptions: Vec<OwnSubscription>,
    /// How far the feed was read.
    pub feed: Feed,
    /// When the feed is read next.
    pub feed_due_at: DateTime<Utc>,
    /// When the next sweep is due.
    pub sweep_due_at: DateTime<Utc>,
    /// When its destinations are compared with the process of their projects again.
    pub process_due_at: DateTime<Utc>,
    /// How severities are said where a destination says nothing, once a person decided.
    pub severity_map: Option<SeverityMap>,
    /// When the board was last read without error.
    pub last_contact_at: Option<DateTime<Utc>>,
    /// How long the latest changes of people on the board took to be followed, in milliseconds, oldest first; at most
    /// [`LAGS`].
    pub lags: Vec<i64>,
    /// The service asked not to be called before.
    pub blocked_until: DateTime<Utc>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

const SELECT: &str = "SELECT id, name, description, instance_url, organization, sign_in, secret, mode, problem, identity,
        hook_secret, subscriptions, feed, feed_due_at, sweep_due_at, process_due_at, severity_map, last_contact_at, lags, blocked_until, created_at
 FROM connection";

fn connection(row: &Row) -> Result<Connection> {
    Ok(Connection {
        id: row.id("id")?,
        name: row.text("name")?,
        description: row.text("description")?,
        instance_url: row.text("instance_url")?,
        organization: row.text("organization")?,
        sign_in: row.json("sign_in")?,
        secret: row.bytes("secret")?,
        mode: row.word("mode")?,
        problem: row.opt_text("problem")?,
        identity: row.opt_json("identity")?,
        hook_secret: row.bytes("hook_secret")?,
        subscriptions: row.json("subscriptions")?,
        feed: row.json("feed")?,
        feed_due_at: row.time("feed_due_at")?,
        sweep_due_at: row.time("sweep_due_at")?,
        process_due_at: row.time("process_due_at")?,
        severity_map: row.opt_json("severity_map")?,
        last_contact_at: row.opt_time("last_contact_at")?,
        lags: row.json("lags")?,
        blocked_until: row.time("blocked_until")?,
        created_at: row.time("created_at")?,
    })
}

/// All connections, oldest first.
///
/// # Errors
/// If the database refuses.
pub async fn all(tx: &mut Tx) -> Result<Vec<Connection>> {
    tx.all(crate::Composed(format!("{SELECT} ORDER BY created_at, id")), args![])
        .await?
        .iter()
        .map(connection)
        .collect()
}

/// The connection.
///
/// # Errors
/// If the database refuses.
pub async fn get(tx: &mut Tx, id: ConnectionId) -> Result<Option<Connection>> {
    tx.first(crate::Composed(format!("{SELECT} WHERE id = $1")), args![id])
        .await?
        .map(|row| connection(&row))
        .transpose()
}

/// Whether a connection writes, as it is now. A deleted one does not.
///
/// # Errors
/// If the database refuses.
pub async fn mode(tx: &mut Tx, id: ConnectionId) -> Result<Mode> {
    tx.first("SELECT mode FROM connection WHERE id = $1", args![id])
        .await?
        .map_or(Ok(Mode::Paused), |row| row.word("mode"))
}

/// The connection whose hook address has this secret.
///
/// # Errors
/// If the database refuses.
pub async fn by_hook_secret(tx: &mut Tx, hash: Vec<u8>) -> Result<Option<ConnectionId>> {
    tx.first("SELECT id FROM connection WHERE hook_secret_hash = $1", args![hash])
        .await?
        .map(|row| row.id("id"))
        .transpose()
}

/// Adds a connection.
///
/// # Errors
/// If the database refuses.
pub async fn add(tx: &mut Tx, connection: &Connection, hook_secret_hash: Vec<u8>) -> Result<()> {
    tx.execute(
        "INSERT INTO connection (id, name, description, instance_url, organization, sign_in, secret, mode, identity,
                                 hook_secret, hook_secret_hash, process_due_at, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        args![
            connection.id,
            &connection.name,
            &connection.description,
            &connection.instance_url,
            &connection.organization,
            to_json(&connection.sign_in),
            connection.secret.clone(),
            connection.mode.as_str(),
            connection.identity.as_ref().map(to_json),
            connection.hook_secret.clone(),
            hook_secret_hash,
            connection.process_due_at,
            connection.created_at,
        ],
    )
    .await?;
    Ok(())
}

/// Stores what a person may change, and what became known of the board. The sign-in is not touched: its secret may
/// have been renewed since the connection was read.
///
/// # Errors
/// If the database refuses.
pub async fn save(tx: &mut Tx, connection: &Connection) -> Result<()> {
    tx.execute(
        "UPDATE connection SET name = $2, description = $3, mode = $4, problem = $5, identity = $6, subscriptions = $7,
                severity_map = $8 WHERE id = $1",
        args![
            connection.id,
            &connection.name,
            &connection.description,
            connection.mode.as_str(),
            connection.problem.as_deref(),
            connection.identity.as_ref().map(to_json),
            to_json(&connection.subscriptions),
            connection.severity_map.as_ref().map(to_json),
        ],
    )
    .await?;
    Ok(())
}

/// Gives a connection another sign-in.
///
/// # Errors
/// If the database refuses.
pub async fn set_sign_in(tx: &mut Tx, id: ConnectionId, sign_in: &SignIn, secret: Vec<u8>) -> Result<()> {
    tx.execute(
        "UPDATE connection SET sign_in = $2, secret = $3 WHERE id = $1",
        args![id, to_json(sign_in), secret],
    )
    .await?;
    Ok(())
}

/// Puts a renewed secret in place of the one that was read; nothing happens if it was replaced meanwhile. Answers
/// whether it was done.
///
/// # Errors
/// If the database refuses.
pub async fn replace_secret(tx: &mut Tx, id: ConnectionId, read: &[u8], next: Vec<u8>) -> Result<bool> {
    let touched = tx
        .execute(
            "UPDATE connection SET secret = $3 WHERE id = $1 AND secret = $2",
            args![id, read.to_vec(), next],
        )
        .await?;
    Ok(touched == 1)
}

/// Deletes a connection with its destinations and tickets. The work items stay as they are.
///
/// # Errors
/// If the database refuses.
pub async fn delete(tx: &mut Tx, id: ConnectionId) -> Result<()> {
    tx.execute("DELETE FROM connection WHERE id = $1", args![id]).await?;
    Ok(())
}

/// Takes or keeps the lease. Answers `false` if another replica holds it.
///
/// # Errors
/// If the database refuses.
pub async fn lease(
    tx: &mut Tx,
    id: ConnectionId,
    owner: Uuid,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<bool> {
    let touched = tx
        .execute(
            "UPDATE connection SET lease_owner = $2, lease_until = $4
             WHERE id = $1 AND (lease_owner = $2 OR lease_owner IS NULL OR lease_until < $3)",
            args![id, owner, now, until],
        )
        .await?;
    Ok(touched == 1)
}

/// Gives back all leases of an owner that stops.
///
/// # Errors
/// If the database refuses.
pub async fn release(tx: &mut Tx, owner: Uuid) -> Result<()> {
    tx.execute(
        "UPDATE connection SET lease_owner = NULL, lease_until = 0 WHERE lease_owner = $1",
        args![owner],
    )
    .await?;
    Ok(())
}

/// The board was read: when, how far, and when the feed is read next.
///
/// # Errors
/// If the database refuses.
pub async fn feed_read(
    tx: &mut Tx,
    id: ConnectionId,
    feed: &Feed,
    now: DateTime<Utc>,
    due: DateTime<Utc>,
) -> Result<()> {
    tx.execute(
        "UPDATE connection SET feed = $2, last_contact_at = $3, feed_due_at = $4, problem = NULL WHERE id = $1",
        args![id, to_json(feed), now, due],
    )
    .await?;
    Ok(())
}

/// Changes of people on the board were followed, so long after they had been made (in milliseconds).
///
/// # Errors
/// If the database refuses.
pub async fn followed(tx: &mut Tx, id: ConnectionId, after: &[i64]) -> Result<()> {
    let Some(row) = tx.first("SELECT lags FROM connection WHERE id = $1", args![id]).await? else {
        return Ok(());
    };
    let mut lags: Vec<i64> = row.json("lags")?;
    lags.extend(after);
    lags.drain(..lags.len().saturating_sub(LAGS));
    tx.execute("UPDATE connection SET lags = $2 WHERE id = $1", args![id, to_json(&lags)]).await?;
    Ok(())
}

/// The destinations were compared with the process of their projects; or they shall be, `due` at once.
///
/// # Errors
/// If the database refuses.
pub async fn process_seen(tx: &mut Tx, id: ConnectionId, due: DateTime<Utc>) -> Result<()> {
    tx.execute("UPDATE connection SET process_due_at = $2 WHERE id = $1", args![id, due]).await?;
    Ok(())
}

/// A sweep was done.
///
/// # Errors
/// If the database refuses.
pub async fn swept(tx: &mut Tx, id: ConnectionId, due: DateTime<Utc>) -> Result<()> {
    tx.execute("UPDATE connection SET sweep_due_at = $2 WHERE id = $1", args![id, due]).await?;
    Ok(())
}

/// The feed of the organization is tried again where those of projects are read instead.
///
/// # Errors
/// If the database refuses.
pub async fn try_feed_of_organization(tx: &mut Tx, id: ConnectionId) -> Result<()> {
    let Some(row) = tx.first("SELECT feed FROM connection WHERE id = $1", args![id]).await? else {
        return Ok(());
    };
    let feed: Feed = row.json("feed")?;
    if feed.projects.is_some() {
        let feed = Feed { projects: None, ..feed };
        tx.execute("UPDATE connection SET feed = $2 WHERE id = $1", args![id, to_json(&feed)]).await?;
    }
    Ok(())
}

/// Work items of the board that changed before this moment were looked at for copies of ours.
///
/// # Errors
/// If the database refuses.
pub async fn copies_seen_until(tx: &mut Tx, id: ConnectionId) -> Result<Option<DateTime<Utc>>> {
    tx.first("SELECT copies_seen_until FROM connection WHERE id = $1", args![id])
        .await?
        .map(|row| row.time("copies_seen_until"))
        .transpose()
}

/// Work items of the board that changed before `until` were looked at for copies of ours.
///
/// # Errors
/// If the database refuses.
pub async fn copies_seen(tx: &mut Tx, id: ConnectionId, until: DateTime<Utc>) -> Result<()> {
    tx.execute("UPDATE connection SET copies_seen_until = $2 WHERE id = $1", args![id, until]).await?;
    Ok(())
}

/// The board could not be used: why, and until when it is left alone.
///
/// # Errors
/// If the database refuses.
pub async fn blocked(tx: &mut Tx, id: ConnectionId, problem: &str, until: DateTime<Utc>) -> Result<()> {
    tx.execute(
        "UPDATE connection SET problem = $2, blocked_until = $3 WHERE id = $1",
        args![id, problem, until],
    )
    .await?;
    Ok(())
}

/// What kept the connection from working is mended.
///
/// # Errors
/// If the database refuses.
pub async fn unblock(tx: &mut Tx, id: ConnectionId) -> Result<()> {
    tx.execute("UPDATE connection SET problem = NULL, blocked_until = 0 WHERE id = $1", args![id]).await?;
    Ok(())
}
