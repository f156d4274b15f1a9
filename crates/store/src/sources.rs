//! Sources: where findings come from, with their ingest rules, their schedule, and the lease of a run.

use chrono::{DateTime, Utc};
use model::ingest::IngestRule;
use model::{JobId, SourceId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::db::to_json;
use crate::{Result, Row, Tx, args};

/// Where a source is fetched from, without the secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fetch {
    /// Tenant.
    pub tenant: String,
    /// Application.
    pub client_id: String,
    /// Subscriptions; everything that the application may read if empty.
    pub subscriptions: Vec<String>,
    /// Minutes from one run to the next.
    pub every_minutes: u32,
    /// Another address than that of the public cloud.
    pub endpoint: Option<String>,
}

/// The last run that was taken in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastRun {
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// Rows that were fetched.
    pub rows: u64,
    /// Its import.
    pub job: JobId,
}

/// Where findings come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Identity.
    pub id: SourceId,
    /// Name: that of the configuration of its scans too.
    pub name: String,
    /// Where it is fetched from; none if its reports are uploaded.
    pub fetch: Option<Fetch>,
    /// The secret, sealed; empty if it needs none.
    pub secret: Vec<u8>,
    /// What is taken in, and which asset it belongs to.
    pub rules: Vec<IngestRule>,
    /// It is fetched by itself.
    pub enabled: bool,
    /// Counts up with each change by a person.
    pub version: u32,
    /// When it is fetched next.
    pub due_at: DateTime<Utc>,
    /// Somebody fetches it until then at the latest.
    pub lease_until: DateTime<Utc>,
    /// The last run that was taken in.
    pub last_run: Option<LastRun>,
    /// What went wrong since.
    pub problem: Option<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

const SELECT: &str =
    "SELECT id, name, settings, secret, rules, enabled, version, due_at, lease_until, last_run, problem,
        created_at FROM source";

fn source(row: &Row) -> Result<Source> {
    Ok(Source {
        id: row.id("id")?,
        name: row.text("name")?,
        fetch: row.opt_json("settings")?,
        secret: row.bytes("secret")?,
        rules: row.json("rules")?,
        enabled: row.bool("enabled")?,
        version: u32::try_from(row.int("version")?).unwrap_or(u32::MAX),
        due_at: row.time("due_at")?,
        lease_until: row.time("lease_until")?,
        last_run: row.opt_json("last_run")?,
        problem: row.opt_text("problem")?,
        created_at: row.time("created_at")?,
    })
}

/// All sources, by name.
///
/// # Errors
/// If the database refuses.
pub async fn all(tx: &mut Tx) -> Result<Vec<Source>> {
    tx.all(crate::Composed(format!("{SELECT} ORDER BY name_folded")), args![])
        .await?
        .iter()
        .map(source)
        .collect()
}

/// The source.
///
/// # Errors
/// If the database refuses.
pub async fn get(tx: &mut Tx, id: SourceId) -> Result<Option<Source>> {
    let row = tx.first(crate::Composed(format!("{SELECT} WHERE id = $1")), args![id]).await?;
    row.map(|row| source(&row)).transpose()
}

/// The source of that name. Names compare without case.
///
/// # Errors
/// If the database refuses.
pub async fn by_name(tx: &mut Tx, name: &str) -> Result<Option<Source>> {
    let row = tx
        .first(crate::Composed(format!("{SELECT} WHERE name_folded = $1")), args![name.to_lowercase()])
        .await?;
    row.map(|row| source(&row)).transpose()
}

/// Adds a source.
///
/// # Errors
/// If the database refuses; a duplicate if there is one of that name.
pub async fn add(tx: &mut Tx, source: &Source) -> Result<()> {
    tx.execute(
        "INSERT INTO source (id, name, name_folded, settings, secret, rules, enabled, version, due_at, lease_until,
                             created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, 1, $8, 0, $9)",
        args![
            source.id,
            &source.name,
            source.name.to_lowercase(),
            source.fetch.as_ref().map(to_json),
            source.secret.clone(),
            to_json(&source.rules),
            source.enabled,
            source.due_at,
            source.created_at
        ],
    )
    .await?;
    Ok(())
}

/// Stores what people decide about it as the next version: where from, the secret, the rules, whether it is enabled, and
/// when it is due. A run that is under way has lost its lease.
///
/// # Errors
/// If the database refuses.
pub async fn save(tx: &mut Tx, source: &Source) -> Result<()> {
    tx.execute(
        "UPDATE source SET settings = $2, secret = $3, rules = $4, enabled = $5, due_at = $6, problem = $7,
                           version = version + 1, lease_owner = NULL, lease_until = 0
         WHERE id = $1",
        args![
            source.id,
            source.fetch.as_ref().map(to_json),
            source.secret.clone(),
            to_json(&source.rules),
            source.enabled,
            source.due_at,
            source.problem.clone()
        ],
    )
    .await?;
    Ok(())
}

/// It is fetched as soon as somebody can.
///
/// # Errors
/// If the database refuses.
pub async fn make_due(tx: &mut Tx, id: SourceId, now: DateTime<Utc>) -> Result<()> {
    tx.execute("UPDATE source SET due_at = $2 WHERE id = $1", args![id, now]).await?;
    Ok(())
}

/// Deletes the source. Assets, scans and findings stay.
///
/// # Errors
/// If the database refuses.
pub async fn delete(tx: &mut Tx, id: SourceId) -> Result<()> {
    tx.execute("DELETE FROM source WHERE id = $1", args![id]).await?;
    Ok(())
}

/// The source that has been due the longest and that nobody fetches.
///
/// # Errors
/// If the database refuses.
pub async fn due(tx: &mut Tx, now: DateTime<Utc>) -> Result<Option<SourceId>> {
    let row = tx
        .first(
            "SELECT id FROM source WHERE settings IS NOT NULL AND enabled AND due_at <= $1 AND lease_until <= $1
             ORDER BY due_at, id LIMIT 1",
            args![now],
        )
        .await?;
    row.map(|row| row.id("id")).transpose()
}

/// Takes the lease of a run, if it is still due and nobody has it.
///
/// # Errors
/// If the database refuses.
pub async fn take(
    tx: &mut Tx,
    id: SourceId,
    owner: Uuid,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<bool> {
    let touched = tx
        .execute(
            "UPDATE source SET lease_owner = $2, lease_until = $4
             WHERE id = $1 AND enabled AND due_at <= $3 AND lease_until <= $3",
            args![id, owner, now, until],
        )
        .await?;
    Ok(touched == 1)
}

/// Keeps the lease. Answers `false` if it is lost: somebody else has it, or the source was changed or deleted.
///
/// # Errors
/// If the database refuses.
pub async fn keep(tx: &mut Tx, id: SourceId, owner: Uuid, until: DateTime<Utc>) -> Result<bool> {
    let sql = "UPDATE source SET lease_until = $3 WHERE id = $1 AND lease_owner = $2";
    Ok(tx.execute(sql, args![id, owner, until]).await? == 1)
}

/// A run was taken in. Answers `false` if its lease is lost: then nothing of this transaction may last.
///
/// # Errors
/// If the database refuses.
pub async fn succeed(
    tx: &mut Tx,
    id: SourceId,
    owner: Uuid,
    run: &LastRun,
    due: DateTime<Utc>,
) -> Result<bool> {
    let touched = tx
        .execute(
            "UPDATE source SET last_run = $3, problem = NULL, due_at = $4, lease_owner = NULL, lease_until = 0
             WHERE id = $1 AND lease_owner = $2",
            args![id, owner, to_json(run), due],
        )
        .await?;
    Ok(touched == 1)
}

/// A run came to nothing. Nothing happens if its lease is lost.
///
/// # Errors
/// If the database refuses.
pub async fn fail(tx: &mut Tx, id: SourceId, owner: Uuid, problem: &str, due: DateTime<Utc>) -> Result<()> {
    tx.execute(
        "UPDATE source SET problem = $3, due_at = $4, lease_owner = NULL, lease_until = 0
         WHERE id = $1 AND lease_owner = $2",
        args![id, owner, problem, due],
    )
    .await?;
    Ok(())
}

/// Gives back all leases of an owner that stops.
///
/// # Errors
/// If the database refuses.
pub async fn release(tx: &mut Tx, owner: Uuid) -> Result<()> {
    tx.execute("UPDATE source SET lease_owner = NULL, lease_until = 0 WHERE lease_owner = $1", args![owner])
        .await?;
    Ok(())
}
