//! Which versions of which comments were obeyed.

use chrono::{DateTime, Utc};
use model::TicketId;

use crate::{Result, Tx, args};

/// Remembers that a version of a comment of the board is obeyed. Answers `false` if it was before.
///
/// # Errors
/// If the database refuses.
pub async fn first(
    tx: &mut Tx,
    ticket: TicketId,
    comment: i64,
    version: i64,
    now: DateTime<Utc>,
) -> Result<bool> {
    let added = tx
        .execute(
            "INSERT INTO comment_command (ticket_id, board_id, version, obeyed_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (ticket_id, board_id, version) DO NOTHING",
            args![ticket, comment, version, now],
        )
        .await?;
    Ok(added == 1)
}
