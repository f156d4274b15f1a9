//! Destinations with the names that belong to them.

use chrono::{DateTime, Utc};
use model::routing::Binding;
use model::{ConnectionId, DestinationId, Status};

use super::{OPEN, Statement, contains};
use crate::destinations::Drift;
use crate::{Result, Row, Tx};

/// A destination.
#[derive(Clone, Debug)]
pub struct DestinationRow {
    /// Identity.
    pub id: DestinationId,
    /// Connection.
    pub connection_id: ConnectionId,
    /// Name of the connection.
    pub connection_name: String,
    /// What it is bound to.
    pub binding: Binding,
    /// Name of the asset that the binding names.
    pub asset_name: Option<String>,
    /// Name.
    pub name: String,
    /// Settings.
    pub settings: crate::destinations::Settings,
    /// The board does not fit any more.
    pub drift: Option<Drift>,
    /// Work items created on the day that was asked for.
    pub created_today: u64,
}

/// Which destinations.
#[derive(Clone, Debug, Default)]
pub struct DestinationFilter {
    /// Those of this connection.
    pub connection: Option<ConnectionId>,
    /// Those with this text in their name or in that of their asset.
    pub text: Option<String>,
}

fn destination(row: &Row) -> Result<DestinationRow> {
    Ok(DestinationRow {
        id: row.id("id")?,
        connection_id: row.id("connection_id")?,
        connection_name: row.text("connection_name")?,
        binding: row.json("binding")?,
        asset_name: row.opt_text("asset_name")?,
        name: row.text("name")?,
        settings: row.json("settings")?,
        drift: row.opt_json("drift")?,
        created_today: row.count("created_today")?,
    })
}

fn select_destination(now: DateTime<Utc>) -> Statement {
    let mut statement = Statement::new(
        "SELECT d.id, d.connection_id, c.name AS connection_name, d.binding, a.name AS asset_name, d.name, \
         d.settings, d.drift, COALESCE(today.created, 0) AS created_today \
         FROM destination d JOIN connection c ON c.id = d.connection_id LEFT JOIN asset a ON a.id = d.asset_id \
         LEFT JOIN destination_day today ON today.destination_id = d.id AND today.day = ",
    );
    statement.bind(now.timestamp().div_euclid(86_400)).push(" WHERE 1 = 1");
    statement
}

/// A page of destinations after `after`, in the order they were made, at most `limit`. `now` says which day is today.
///
/// # Errors
/// If the database refuses or a stored value cannot be read.
pub async fn destinations(
    tx: &mut Tx,
    now: DateTime<Utc>,
    filter: &DestinationFilter,
    after: Option<DestinationId>,
    limit: u32,
) -> Result<Vec<DestinationRow>> {
    let mut statement = select_destination(now);
    if let Some(connection) = filter.connection {
        statement.push(" AND d.connection_id = ").bind(connection);
    }
    if let Some(text) = &filter.text {
        let pattern = contains(text);
        statement
            .push(" AND (LOWER(d.name) LIKE ")
            .bind(pattern.clone())
            .push(" ESCAPE '\\' OR a.name_folded LIKE ");
        statement.bind(pattern).push(" ESCAPE '\\')");
    }
    if let Some(after) = after {
        statement.push(" AND d.id > ").bind(after);
    }
    statement.push(" ORDER BY d.id LIMIT ").bind(limit);
    statement.all(tx).await?.iter().map(destination).collect()
}

/// One destination. `now` says which day is today.
///
/// # Errors
/// If the database refuses or a stored value cannot be read.
pub async fn one_destination(
    tx: &mut Tx,
    now: DateTime<Utc>,
    id: DestinationId,
) -> Result<Option<DestinationRow>> {
    let mut statement = select_destination(now);
    statement.push(" AND d.id = ").bind(id);
    statement.first(tx).await?.as_ref().map(destination).transpose()
}

/// What goes with a connection when it is deleted, and what stays without it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// Names of its destinations.
    pub destinations: Vec<String>,
    /// Its tickets.
    pub tickets: u64,
    /// Work items that stay on the board and are kept in step by nobody.
    pub work_items: u64,
    /// Of them, those whose findings are open.
    pub open_work_items: u64,
}

/// What would go with a connection.
///
/// # Errors
/// If the database refuses or a stored value cannot be read.
pub async fn goes_with(tx: &mut Tx, connection: ConnectionId) -> Result<Loss> {
    let mut statement = Statement::new("SELECT name FROM destination WHERE connection_id = ");
    statement.bind(connection).push(" ORDER BY created_at, id");
    let names = statement.all(tx).await?;
    let mut statement = Statement::new(
        "SELECT COUNT(*) AS tickets, COUNT(work_item_id) AS work_items, \
         COUNT(CASE WHEN work_item_id IS NOT NULL AND status IN ",
    );
    statement
        .bind_list(OPEN.map(Status::as_str))
        .push(" THEN 1 END) AS open FROM ticket WHERE connection_id = ");
    statement.bind(connection);
    let row = statement.first(tx).await?;
    let count = |column: &str| row.as_ref().map_or(Ok(0), |row| row.count(column));
    Ok(Loss {
        destinations: names.iter().map(|row| row.text("name")).collect::<Result<_>>()?,
        tickets: count("tickets")?,
        work_items: count("work_items")?,
        open_work_items: count("open")?,
    })
}
