//! Destinations and how much was created at each today.

use chrono::{DateTime, Utc};
use model::fields::{FieldSettings, IterationPolicy};
use model::following::DeletionPolicy;
use model::guard::Limits;
use model::map::{MapProblem, SeverityMap, StatusMap};
use model::process::{BoardLayout, FieldDefinition, WorkItemType};
use model::routing::Binding;
use model::{ConnectionId, DestinationId};
use serde::{Deserialize, Serialize};

use crate::db::to_json;
use crate::{Result, Row, Tx, args};

pub use model::guard::Farewell;

/// What a person decides about a destination. Blanks are filled in before it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Name.
    pub name: String,
    /// Project.
    pub project: String,
    /// Team.
    pub team: String,
    /// Board; empty if the type is on none.
    pub board: String,
    /// Lane for new work items; empty for the default lane.
    pub lane: String,
    /// Work item type.
    pub work_item_type: String,
    /// Area path.
    pub area: String,
    /// Into which iteration new work items go.
    pub iteration: IterationPolicy,
    /// Tags for new work items.
    pub tags: Vec<String>,
    /// How severities are said.
    pub severity_map: SeverityMap,
    /// How statuses are said.
    pub status_map: StatusMap,
    /// Work items that may be created here in a day (UTC).
    pub daily_budget: u64,
    /// Whose value counts, due dates, assignee.
    #[serde(default)]
    pub fields: FieldSettings,
    /// How much may happen at once before it waits for a person.
    #[serde(default)]
    pub limits: Limits,
    /// What becomes of a ticket when the asset of its findings is archived.
    #[serde(default)]
    pub when_archived: Farewell,
    /// What becomes of a ticket whose work item was deleted on the board.
    #[serde(default)]
    pub on_deletion: DeletionPolicy,
}

/// What was last read of the board: enough to plan without asking again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Process {
    /// Workflow of the type.
    pub work_item_type: WorkItemType,
    /// Board, if the type is on one.
    pub board: Option<BoardLayout>,
    /// Names of fields; a document of the client.
    pub shape: serde_json::Value,
    /// The further fields that new work items get a value for.
    #[serde(default)]
    pub fields: Vec<FieldDefinition>,
}

/// The board has changed, and does not fit the destination any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drift {
    /// What does not fit; at least one.
    pub problems: Vec<MapProblem>,
    /// No work item is created until it is mended: it would have no place, or lack a field.
    pub creates_nothing: bool,
}

impl Drift {
    /// What is wrong, in one sentence without its end.
    pub fn what(&self) -> String {
        let first = self.problems.first().map(|problem| problem.message.as_str()).unwrap_or_default();
        match self.problems.len() {
            0 | 1 => first.to_owned(),
            more => format!("{first} (and {} more)", more - 1),
        }
    }

    /// What to do about the first of it.
    pub fn mend(&self) -> &str {
        self.problems.first().map(|problem| problem.mend.as_str()).unwrap_or_default()
    }
}

/// Where work items go.
#[derive(Clone, Debug)]
pub struct Destination {
    /// Identity.
    pub id: DestinationId,
    /// Connection.
    pub connection_id: ConnectionId,
    /// What it is bound to.
    pub binding: Binding,
    /// Settings.
    pub settings: Settings,
    /// What was last read of the board.
    pub process: Process,
    /// The board does not fit any more.
    pub drift: Option<Drift>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

impl Destination {
    /// The board changed so much that no work item is created here until a person mends it.
    pub fn takes_nothing(&self) -> bool {
        self.drift.as_ref().is_some_and(|drift| drift.creates_nothing)
    }
}

const SELECT: &str =
    "SELECT id, connection_id, binding, settings, process, drift, created_at FROM destination";

fn destination(row: &Row) -> Result<Destination> {
    Ok(Destination {
        id: row.id("id")?,
        connection_id: row.id("connection_id")?,
        binding: row.json("binding")?,
        settings: row.json("settings")?,
        process: row.json("process")?,
        drift: row.opt_json("drift")?,
        created_at: row.time("created_at")?,
    })
}

/// All destinations, oldest first.
///
/// # Errors
/// If the database refuses.
pub async fn all(tx: &mut Tx) -> Result<Vec<Destination>> {
    tx.all(crate::Composed(format!("{SELECT} ORDER BY created_at, id")), args![])
        .await?
        .iter()
        .map(destination)
        .collect()
}

/// The destination.
///
/// # Errors
/// If the database refuses.
pub async fn get(tx: &mut Tx, id: DestinationId) -> Result<Option<Destination>> {
    tx.first(crate::Composed(format!("{SELECT} WHERE id = $1")), args![id])
        .await?
        .map(|row| destination(&row))
        .transpose()
}

/// The destination that is bound to the same.
///
/// # Errors
/// If the database refuses.
pub async fn bound_to(
    tx: &mut Tx,
    binding: &Binding,
    connection: ConnectionId,
) -> Result<Option<Destination>> {
    tx.first(crate::Composed(format!("{SELECT} WHERE binding_key = $1")), args![binding.key(connection)])
        .await?
        .map(|row| destination(&row))
        .transpose()
}

/// Adds a destination.
///
/// # Errors
/// If the database refuses; a duplicate if another one is bound to the same.
pub async fn add(tx: &mut Tx, destination: &Destination) -> Result<()> {
    tx.execute(
        "INSERT INTO destination (id, connection_id, binding, binding_key, asset_id, name, settings, process, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        args![
            destination.id,
            destination.connection_id,
            to_json(&destination.binding),
            destination.binding.key(destination.connection_id),
            destination.binding.asset().copied(),
            &destination.settings.name,
            to_json(&destination.settings),
            to_json(&destination.process),
            destination.created_at,
        ],
    )
    .await?;
    Ok(())
}

/// Stores settings, binding and what was read of the board.
///
/// # Errors
/// If the database refuses; a duplicate if another one is bound to the same.
pub async fn save(tx: &mut Tx, destination: &Destination) -> Result<()> {
    tx.execute(
        "UPDATE destination SET binding = $2, binding_key = $3, asset_id = $4, name = $5, settings = $6, process = $7,
                drift = $8 WHERE id = $1",
        args![
            destination.id,
            to_json(&destination.binding),
            destination.binding.key(destination.connection_id),
            destination.binding.asset().copied(),
            &destination.settings.name,
            to_json(&destination.settings),
            to_json(&destination.process),
            destination.drift.as_ref().map(to_json),
        ],
    )
    .await?;
    Ok(())
}

/// Lets go what a destination is bound to, until it is saved in the same transaction: two may change places.
///
/// # Errors
/// If the database refuses.
pub async fn let_go(tx: &mut Tx, id: DestinationId) -> Result<()> {
    tx.execute("UPDATE destination SET binding_key = $2 WHERE id = $1", args![id, format!("moving/{id}")])
        .await?;
    Ok(())
}

/// Deletes a destination with its tickets. The work items stay as they are.
///
/// # Errors
/// If the database refuses.
pub async fn delete(tx: &mut Tx, id: DestinationId) -> Result<()> {
    tx.execute("DELETE FROM destination WHERE id = $1", args![id]).await?;
    Ok(())
}

/// Days since 1970 in UTC: the day of a budget.
pub fn day(now: DateTime<Utc>) -> i64 {
    now.timestamp().div_euclid(86_400)
}

/// Takes one work item out of today's budget. Answers `false`, and takes nothing, if there is none left.
///
/// # Errors
/// If the database refuses.
pub async fn spend(tx: &mut Tx, id: DestinationId, budget: u64, now: DateTime<Utc>) -> Result<bool> {
    let budget = i64::try_from(budget).unwrap_or(i64::MAX);
    tx.execute(
        "INSERT INTO destination_day (destination_id, day, created) VALUES ($1, $2, 0)
         ON CONFLICT (destination_id, day) DO NOTHING",
        args![id, day(now)],
    )
    .await?;
    let touched = tx
        .execute(
            "UPDATE destination_day SET created = created + 1 WHERE destination_id = $1 AND day = $2 AND created < $3",
            args![id, day(now), budget],
        )
        .await?;
    Ok(touched == 1)
}

/// Takes so many creations of today's budget, whether or not it has them left.
///
/// # Errors
/// If the database refuses.
pub async fn take(tx: &mut Tx, id: DestinationId, count: u64, now: DateTime<Utc>) -> Result<()> {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    tx.execute(
        "INSERT INTO destination_day (destination_id, day, created) VALUES ($1, $2, $3)
         ON CONFLICT (destination_id, day) DO UPDATE SET created = destination_day.created + $3",
        args![id, day(now), count],
    )
    .await?;
    Ok(())
}

/// Gives back what was taken for a creation that certainly did not happen.
///
/// # Errors
/// If the database refuses.
pub async fn give_back(tx: &mut Tx, id: DestinationId, spent_at: DateTime<Utc>) -> Result<()> {
    tx.execute(
        "UPDATE destination_day SET created = created - 1 WHERE destination_id = $1 AND day = $2 AND created > 0",
        args![id, day(spent_at)],
    )
    .await?;
    Ok(())
}

/// How many work items were created today.
///
/// # Errors
/// If the database refuses.
pub async fn spent(tx: &mut Tx, id: DestinationId, now: DateTime<Utc>) -> Result<u64> {
    tx.count(
        "SELECT created AS n FROM destination_day WHERE destination_id = $1 AND day = $2",
        args![id, day(now)],
    )
    .await
}
