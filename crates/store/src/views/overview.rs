//! Numbers of the first page.

use model::{Severity, Status};

use super::{Statement, severity};
use crate::destinations::Drift;
use crate::{Result, Row, Tx};

/// Findings by displayed status and severity.
///
/// # Errors
/// If the database refuses or a stored value cannot be read.
pub async fn findings(tx: &mut Tx) -> Result<Vec<(Status, Severity, u64)>> {
    let rows =
        Statement::new("SELECT status, severity, COUNT(*) AS n FROM finding GROUP BY status, severity")
            .all(tx)
            .await?;
    rows.iter().map(|row| Ok((row.word("status")?, severity(row, "severity")?, row.count("n")?))).collect()
}

/// Tickets by health, as the API words it.
///
/// # Errors
/// If the database refuses.
pub async fn tickets(tx: &mut Tx) -> Result<Vec<(String, u64)>> {
    let rows = Statement::new("SELECT health, COUNT(*) AS n FROM ticket GROUP BY health").all(tx).await?;
    rows.iter().map(|row| Ok((row.text("health")?, row.count("n")?))).collect()
}

/// Open findings whose vulnerability is known to be exploited.
///
/// # Errors
/// If the database refuses.
pub async fn known_exploited(tx: &mut Tx) -> Result<u64> {
    tx.count(
        "SELECT COUNT(*) AS n FROM finding WHERE known_exploited
           AND status IN ('created', 'identified', 'in_progress', 'waiting', 'awaiting_validation')",
        Vec::new(),
    )
    .await
}

/// Number of assets.
///
/// # Errors
/// If the database refuses.
pub async fn assets(tx: &mut Tx) -> Result<u64> {
    tx.count("SELECT COUNT(*) AS n FROM asset", Vec::new()).await
}

/// Number of scans that wait for a person.
///
/// # Errors
/// If the database refuses.
pub async fn quarantined_scans(tx: &mut Tx) -> Result<u64> {
    tx.count("SELECT COUNT(*) AS n FROM scan WHERE state = 'quarantined'", Vec::new()).await
}

/// Name and problem of each connection that does nothing at the moment, and of each destination that does not fit its board.
///
/// # Errors
/// If the database refuses or a stored value cannot be read.
pub async fn board_problems(tx: &mut Tx) -> Result<Vec<BoardProblem>> {
    let stopped =
        Statement::new("SELECT name, problem, id AS connection_id FROM connection WHERE problem IS NOT NULL")
            .all(tx)
            .await?;
    let drifted =
        Statement::new("SELECT name, drift, connection_id FROM destination WHERE drift IS NOT NULL")
            .all(tx)
            .await?;
    let problem_of = |row: &Row, problem: String| {
        Ok(BoardProblem { name: row.text("name")?, problem, connection_id: row.id("connection_id")? })
    };
    let stopped = stopped.iter().map(|row| problem_of(row, row.text("problem")?));
    let drifted = drifted.iter().map(|row| problem_of(row, row.json::<Drift>("drift")?.what()));
    stopped.chain(drifted).collect()
}

/// Why a connection does nothing, or a destination does not fit.
#[derive(Clone, Debug)]
pub struct BoardProblem {
    /// Name of the connection or destination.
    pub name: String,
    /// Why.
    pub problem: String,
    /// The connection.
    pub connection_id: model::ConnectionId,
}
