//! Deliveries of service hooks. Each is a hint: the only thing it may change is the mark of a ticket.

use chrono::{DateTime, Utc};
use model::{ConnectionId, WorkItemId};

use crate::{Result, Tx, args};

/// Stores a delivery. Answers `false` if the same event was delivered before.
///
/// # Errors
/// If the database refuses.
pub async fn add(
    tx: &mut Tx,
    connection: ConnectionId,
    event_id: &str,
    event_type: &str,
    work_item: Option<WorkItemId>,
    now: DateTime<Utc>,
) -> Result<bool> {
    let added = tx
        .execute(
            "INSERT INTO hook_delivery (connection_id, event_id, received_at, event_type, work_item_id)
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT (connection_id, event_id) DO NOTHING",
            args![connection, event_id, now, event_type, work_item],
        )
        .await?;
    Ok(added == 1)
}

/// Forgets deliveries that were received before a time.
///
/// # Errors
/// If the database refuses.
pub async fn forget_before(tx: &mut Tx, before: DateTime<Utc>) -> Result<u64> {
    tx.execute("DELETE FROM hook_delivery WHERE received_at < $1", args![before]).await
}
