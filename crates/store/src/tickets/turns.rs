//! Which tickets have their turn, and what gives them a reason for one.

use chrono::{DateTime, Utc};
use model::merge::Base;
use model::{AssetId, ConnectionId, DestinationId, FindingId, TicketId, WorkItemId};
use uuid::Uuid;

use super::{Health, Read, SELECT, Ticket, get, readable, save};
use crate::{Result, Tx, args};

/// A ticket whose record is damaged waits for a person.
///
/// # Errors
/// If the database refuses.
pub async fn park_damaged(tx: &mut Tx, id: TicketId, why: &str) -> Result<()> {
    tx.execute(
        "UPDATE ticket SET parked = TRUE, health = 'parked', problem = $2, next_step = $3 WHERE id = $1",
        args![
            id,
            format!("The ticket cannot be read: {why}."),
            "Restore the database from a backup, or delete the ticket."
        ],
    )
    .await?;
    Ok(())
}

/// Tickets of a connection that have a reason to be looked at and may be tried now.
///
/// # Errors
/// If the database refuses.
pub async fn due(tx: &mut Tx, connection: ConnectionId, now: DateTime<Utc>, limit: i64) -> Result<Read> {
    let rows = tx.all(
        crate::Composed(format!(
            "{SELECT} WHERE t.connection_id = $1 AND t.mark <> t.synced_mark AND NOT t.parked AND t.next_attempt_at <= $2
               AND t.health <> 'released'
             ORDER BY t.next_attempt_at, t.id LIMIT $3"
        )),
        args![connection, now, limit],
    )
    .await?;
    readable(&rows)
}

/// When the next waiting ticket of a connection may be tried.
///
/// # Errors
/// If the database refuses.
pub async fn next_due(tx: &mut Tx, connection: ConnectionId) -> Result<Option<DateTime<Utc>>> {
    tx.first(
        "SELECT MIN(next_attempt_at) AS at FROM ticket WHERE connection_id = $1 AND mark <> synced_mark AND NOT parked
           AND health <> 'released'",
        args![connection],
    )
    .await?
    .map_or(Ok(None), |row| row.opt_time("at"))
}

/// Tickets of a connection with a work item, page by page, for a sweep or a plan. Without those that were released.
///
/// # Errors
/// If the database refuses.
pub async fn live_after(
    tx: &mut Tx,
    connection: ConnectionId,
    after: Uuid,
    limit: i64,
) -> Result<Vec<Ticket>> {
    let rows = tx.all(
        crate::Composed(format!(
            "{SELECT} WHERE t.connection_id = $1 AND t.work_item_id IS NOT NULL AND t.id > $2 AND t.health <> 'released'
             ORDER BY t.id LIMIT $3"
        )),
        args![connection, after, limit],
    )
    .await?;
    Ok(readable(&rows)?.tickets)
}

/// Tickets of a connection that a sweep compares, page by page: those with a work item, but for what was closed on both
/// sides and has not been looked at since `closed_before`.
///
/// # Errors
/// If the database refuses.
pub async fn to_sweep(
    tx: &mut Tx,
    connection: ConnectionId,
    after: Uuid,
    closed_before: DateTime<Utc>,
    limit: i64,
) -> Result<Read> {
    let rows = tx
        .all(
            crate::Composed(format!(
                "{SELECT} WHERE t.connection_id = $1 AND t.work_item_id IS NOT NULL AND t.id > $2
                 AND (t.health <> 'closed' OR t.mark <> t.synced_mark OR t.synced_at IS NULL OR t.synced_at > $3)
                 ORDER BY t.id LIMIT $4"
            )),
            args![connection, after, closed_before, limit],
        )
        .await?;
    readable(&rows)
}

/// Tickets of a connection without a work item, oldest first. Without those that were released.
///
/// # Errors
/// If the database refuses.
pub async fn pending(tx: &mut Tx, connection: ConnectionId, limit: i64) -> Result<Vec<Ticket>> {
    let rows = tx
        .all(
            crate::Composed(format!(
                "{SELECT} WHERE t.connection_id = $1 AND t.work_item_id IS NULL AND t.health <> 'released'
                 ORDER BY t.id LIMIT $2"
            )),
            args![connection, limit],
        )
        .await?;
    Ok(readable(&rows)?.tickets)
}

/// How many tickets of a destination wait for their work item.
///
/// # Errors
/// If the database refuses.
pub async fn count_pending(tx: &mut Tx, destination: DestinationId) -> Result<u64> {
    tx.count(
        "SELECT COUNT(*) AS n FROM ticket WHERE destination_id = $1 AND work_item_id IS NULL
           AND health NOT IN ('released', 'closed')",
        args![destination],
    )
    .await
}

/// Puts a ticket off because of an error, without touching anything else about it.
///
/// # Errors
/// If the database refuses.
pub async fn put_off(
    tx: &mut Tx,
    id: TicketId,
    problem: &str,
    next_step: &str,
    until: DateTime<Utc>,
) -> Result<()> {
    tx.execute(
        "UPDATE ticket SET health = $2, problem = $3, next_step = $4, next_attempt_at = $5, attempts = attempts + 1
         WHERE id = $1",
        args![id, Health::Retrying.as_str(), problem, next_step, until],
    )
    .await?;
    Ok(())
}

/// Gives a ticket a reason to be looked at.
///
/// # Errors
/// If the database refuses.
pub async fn mark(tx: &mut Tx, id: TicketId) -> Result<()> {
    tx.execute("UPDATE ticket SET mark = mark + 1 WHERE id = $1", args![id]).await?;
    Ok(())
}

/// Gives tickets a reason to be looked at whose findings changed. What is held back may not be wanted any more: it is
/// looked at again at once.
pub(crate) const MARK: &str = "UPDATE ticket SET mark = mark + 1,
     next_attempt_at = CASE WHEN health = 'held' THEN 0 ELSE next_attempt_at END";

/// Gives all tickets of a finding a reason to be looked at.
///
/// # Errors
/// If the database refuses.
pub async fn mark_of_finding(tx: &mut Tx, finding: FindingId) -> Result<u64> {
    tx.execute(
        crate::Composed(format!(
            "{MARK} WHERE id IN (SELECT ticket_id FROM ticket_finding WHERE finding_id = $1)"
        )),
        args![finding],
    )
    .await
}

/// Gives all tickets with findings of an asset a reason to be looked at: it has another name.
///
/// # Errors
/// If the database refuses.
pub async fn mark_of_asset(tx: &mut Tx, asset: AssetId) -> Result<u64> {
    tx.execute(
        "UPDATE ticket SET mark = mark + 1 WHERE id IN
            (SELECT tf.ticket_id FROM ticket_finding tf JOIN finding f ON f.id = tf.finding_id WHERE f.asset_id = $1)",
        args![asset],
    )
    .await
}

/// Gives all tickets of a destination a reason to be looked at: what they say changed.
///
/// # Errors
/// If the database refuses.
pub async fn mark_of_destination(tx: &mut Tx, destination: DestinationId) -> Result<u64> {
    tx.execute("UPDATE ticket SET mark = mark + 1 WHERE destination_id = $1", args![destination]).await
}

/// Lets all tickets of a destination be looked at again, also those that wait for another try or for a person: what kept
/// them may be mended. What a person undid stays undone.
///
/// # Errors
/// If the database refuses.
pub async fn retry_of_destination(tx: &mut Tx, destination: DestinationId) -> Result<u64> {
    tx.execute(
        "UPDATE ticket SET mark = mark + 1, parked = undone, attempts = 0,
                next_attempt_at = CASE WHEN intent IS NULL THEN 0 ELSE next_attempt_at END
         WHERE destination_id = $1",
        args![destination],
    )
    .await
}

/// Gives the ticket of a work item a reason to be looked at. Nothing happens if there is no such ticket, or if
/// `revision` is what was agreed on already: that is our own write coming back.
///
/// # Errors
/// If the database refuses.
pub async fn mark_of_work_item(
    tx: &mut Tx,
    connection: ConnectionId,
    work_item: WorkItemId,
    revision: Option<i64>,
) -> Result<bool> {
    if let Some(revision) = revision {
        let known = tx
            .first(
                "SELECT base FROM ticket WHERE connection_id = $1 AND work_item_id = $2",
                args![connection, work_item],
            )
            .await?;
        let Some(known) = known else { return Ok(false) };
        let base: Option<Base> = known.opt_json("base")?;
        if base.is_some_and(|base| base.revision >= revision) {
            return Ok(false);
        }
    }
    let touched = tx
        .execute(
            "UPDATE ticket SET mark = mark + 1 WHERE connection_id = $1 AND work_item_id = $2",
            args![connection, work_item],
        )
        .await?;
    Ok(touched > 0)
}

/// Lets a parked or waiting ticket be tried at once, also one that a person undid.
///
/// # Errors
/// If the database refuses.
pub async fn retry(tx: &mut Tx, id: TicketId) -> Result<()> {
    if let Some(mut ticket) = get(tx, id).await?
        && ticket.following.undone_by.take().is_some()
    {
        (ticket.problem, ticket.next_step) = (None, None);
        ticket.health = if ticket.work_item_id.is_some() { Health::Waiting } else { Health::Pending };
        save(tx, &ticket).await?;
    }
    tx.execute(
        "UPDATE ticket SET mark = mark + 1, parked = FALSE, attempts = 0, moves = '[]',
                next_attempt_at = CASE WHEN intent IS NULL THEN 0 ELSE next_attempt_at END WHERE id = $1",
        args![id],
    )
    .await?;
    Ok(())
}

/// Lets all tickets of a connection that wait for another try be tried at once: what kept them was mended. What a person
/// undid stays undone.
///
/// # Errors
/// If the database refuses.
pub async fn retry_all(tx: &mut Tx, connection: ConnectionId) -> Result<u64> {
    tx.execute(
        "UPDATE ticket SET mark = mark + 1, parked = FALSE, attempts = 0, next_attempt_at = 0
         WHERE connection_id = $1 AND intent IS NULL AND (parked OR mark <> synced_mark) AND NOT undone",
        args![connection],
    )
    .await
}
