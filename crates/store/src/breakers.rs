//! Breakers that tripped: which tickets wait for a person, and what the person said. A row exists before anything waits.

use chrono::{DateTime, Utc};
use model::guard::Stroke;
use model::merge::Base;
use model::{BreakerId, ConnectionId, DestinationId, Status, TicketId};

use crate::{Result, Row, Tx, args};

/// What a person said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing yet.
    Waiting,
    /// The tickets may go on, once.
    Approved,
    /// The tickets stay as they are.
    Dismissed,
    /// The cause was gone before anybody said anything.
    Over,
}

impl Verdict {
    /// The word in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Approved => "approved",
            Self::Dismissed => "dismissed",
            Self::Over => "over",
        }
    }
}

impl std::str::FromStr for Verdict {
    type Err = ();

    fn from_str(s: &str) -> std::result::Result<Self, ()> {
        [Self::Waiting, Self::Approved, Self::Dismissed, Self::Over]
            .into_iter()
            .find(|verdict| verdict.as_str() == s)
            .ok_or(())
    }
}

/// A breaker that tripped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breaker {
    /// Identity.
    pub id: BreakerId,
    /// Destination.
    pub destination_id: DestinationId,
    /// What would happen too often.
    pub stroke: Stroke,
    /// What a person said.
    pub verdict: Verdict,
    /// When it tripped.
    pub tripped_at: DateTime<Utc>,
    /// So many could have happened at once.
    pub bound: u64,
    /// Tickets that it is about now.
    pub tickets: u64,
    /// Who decided.
    pub decided_by: Option<String>,
}

const SELECT: &str =
    "SELECT b.id, b.destination_id, b.stroke, b.verdict, b.tripped_at, b.bound, b.decided_by,
        (SELECT COUNT(*) FROM breaker_ticket bt WHERE bt.breaker_id = b.id) AS tickets FROM breaker b";

fn breaker(row: &Row) -> Result<Breaker> {
    Ok(Breaker {
        id: row.id("id")?,
        destination_id: row.id("destination_id")?,
        stroke: row.word("stroke")?,
        verdict: row.word("verdict")?,
        tripped_at: row.time("tripped_at")?,
        bound: row.count("bound")?,
        tickets: row.count("tickets")?,
        decided_by: row.opt_text("decided_by")?,
    })
}

/// Breakers that hold tickets back: those that wait for a person, and the dismissed ones with tickets. Newest first.
///
/// # Errors
/// If the database refuses.
pub async fn holding(tx: &mut Tx) -> Result<Vec<Breaker>> {
    let found: Vec<Breaker> = tx
        .all(
            crate::Composed(format!(
                "{SELECT} WHERE b.verdict IN ('waiting', 'dismissed') ORDER BY b.tripped_at DESC, b.id DESC"
            )),
            args![],
        )
        .await?
        .iter()
        .map(breaker)
        .collect::<Result<_>>()?;
    Ok(found.into_iter().filter(|breaker| breaker.tickets > 0).collect())
}

/// The breaker.
///
/// # Errors
/// If the database refuses.
pub async fn get(tx: &mut Tx, id: BreakerId) -> Result<Option<Breaker>> {
    tx.first(crate::Composed(format!("{SELECT} WHERE b.id = $1")), args![id])
        .await?
        .map(|row| breaker(&row))
        .transpose()
}

/// The breaker of a destination that waits for a person.
///
/// # Errors
/// If the database refuses.
pub async fn waiting(tx: &mut Tx, destination: DestinationId, stroke: Stroke) -> Result<Option<Breaker>> {
    tx.first(
        crate::Composed(format!(
            "{SELECT} WHERE b.destination_id = $1 AND b.stroke = $2 AND b.verdict = 'waiting'"
        )),
        args![destination, stroke.as_str()],
    )
    .await?
    .map(|row| breaker(&row))
    .transpose()
}

/// A breaker trips. Answers `false`, and does nothing, if one of its sort waits at the destination already.
///
/// # Errors
/// If the database refuses.
pub async fn trip(
    tx: &mut Tx,
    id: BreakerId,
    destination: DestinationId,
    stroke: Stroke,
    bound: u64,
    now: DateTime<Utc>,
) -> Result<bool> {
    let added = tx
        .execute(
            "INSERT INTO breaker (id, destination_id, stroke, verdict, tripped_at, bound) VALUES ($1, $2, $3, 'waiting', $4, $5)
             ON CONFLICT (destination_id, stroke) WHERE verdict = 'waiting' DO NOTHING",
            args![id, destination, stroke.as_str(), now, i64::try_from(bound).unwrap_or(i64::MAX)],
        )
        .await?;
    Ok(added == 1)
}

/// A ticket is among those that a breaker is about.
///
/// # Errors
/// If the database refuses.
pub async fn add_ticket(tx: &mut Tx, id: BreakerId, ticket: TicketId, now: DateTime<Utc>) -> Result<()> {
    tx.execute(
        "INSERT INTO breaker_ticket (breaker_id, ticket_id, held_at) VALUES ($1, $2, $3)
         ON CONFLICT (breaker_id, ticket_id) DO NOTHING",
        args![id, ticket, now],
    )
    .await?;
    Ok(())
}

/// A ticket is not among them any more: it happened, or is not wanted any more.
///
/// # Errors
/// If the database refuses.
pub async fn remove_ticket(tx: &mut Tx, id: BreakerId, ticket: TicketId) -> Result<()> {
    tx.execute("DELETE FROM breaker_ticket WHERE breaker_id = $1 AND ticket_id = $2", args![id, ticket])
        .await?;
    Ok(())
}

/// A ticket goes to another destination: no breaker of the one that it leaves is about it any more.
///
/// # Errors
/// If the database refuses.
pub async fn forget_ticket(tx: &mut Tx, ticket: TicketId) -> Result<()> {
    tx.execute("DELETE FROM breaker_ticket WHERE ticket_id = $1", args![ticket]).await?;
    Ok(())
}

/// Stores what a person said, or that it is over. Answers `false` if somebody was faster.
///
/// # Errors
/// If the database refuses.
pub async fn decide(
    tx: &mut Tx,
    id: BreakerId,
    verdict: Verdict,
    by: Option<&str>,
    now: DateTime<Utc>,
) -> Result<bool> {
    let touched = tx
        .execute(
            "UPDATE breaker SET verdict = $2, decided_by = $3, decided_at = $4
             WHERE id = $1 AND (verdict = 'waiting' OR (verdict = 'dismissed' AND $2 = 'approved'))",
            args![id, verdict.as_str(), by, now],
        )
        .await?;
    Ok(touched == 1)
}

/// Lets the tickets of a breaker have their turn at once.
///
/// # Errors
/// If the database refuses.
pub async fn wake_tickets(tx: &mut Tx, id: BreakerId) -> Result<u64> {
    tx.execute(
        "UPDATE ticket SET next_attempt_at = 0 WHERE intent IS NULL AND NOT parked AND mark <> synced_mark
            AND id IN (SELECT ticket_id FROM breaker_ticket WHERE breaker_id = $1)",
        args![id],
    )
    .await
}

/// What breakers say about a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Breaker.
    pub breaker: BreakerId,
    /// Ticket.
    pub ticket: TicketId,
    /// About what.
    pub stroke: Stroke,
    /// What was said.
    pub verdict: Verdict,
}

/// What breakers say about the tickets of a connection.
///
/// # Errors
/// If the database refuses.
pub async fn standings(tx: &mut Tx, connection: ConnectionId) -> Result<Vec<Standing>> {
    tx.all(
        "SELECT bt.breaker_id, bt.ticket_id, b.stroke, b.verdict FROM breaker_ticket bt
         JOIN breaker b ON b.id = bt.breaker_id JOIN ticket t ON t.id = bt.ticket_id
         WHERE t.connection_id = $1 ORDER BY bt.ticket_id, bt.breaker_id",
        args![connection],
    )
    .await?
    .iter()
    .map(|row| {
        Ok(Standing {
            breaker: row.id("breaker_id")?,
            ticket: row.id("ticket_id")?,
            stroke: row.word("stroke")?,
            verdict: row.word("verdict")?,
        })
    })
    .collect()
}

/// Breakers that wait for a person at the destinations of a connection, by destination and stroke.
///
/// # Errors
/// If the database refuses.
pub async fn waiting_at(tx: &mut Tx, connection: ConnectionId) -> Result<Vec<Breaker>> {
    tx.all(
        crate::Composed(format!(
            "{SELECT} JOIN destination d ON d.id = b.destination_id WHERE d.connection_id = $1 AND b.verdict = 'waiting'
             ORDER BY b.id"
        )),
        args![connection],
    )
    .await?
    .iter()
    .map(breaker)
    .collect()
}

/// One finding of a ticket that waits for its turn, or the ticket alone if it lost all of them.
#[derive(Clone, Copy, Debug)]
pub struct Waiting {
    /// Ticket.
    pub ticket: TicketId,
    /// Destination.
    pub destination: DestinationId,
    /// It has a work item.
    pub has_work_item: bool,
    /// A write of it is under way: it was let through before.
    pub is_under_way: bool,
    /// A person made it.
    pub by_hand: bool,
    /// What its card was last taken to say.
    pub agreed: Option<Status>,
    /// Status of one of its findings.
    pub finding: Option<Status>,
}

/// The tickets of a connection that have a reason to be looked at, with the statuses of their findings: one row each.
///
/// # Errors
/// If the database refuses.
pub async fn dirty(tx: &mut Tx, connection: ConnectionId) -> Result<Vec<Waiting>> {
    tx.all(
        "SELECT t.id, t.destination_id, t.work_item_id, t.agreed_status, f.status,
                CASE WHEN t.intent IS NULL THEN FALSE ELSE TRUE END AS under_way,
                CASE WHEN t.group_key LIKE $2 THEN TRUE ELSE FALSE END AS by_hand
         FROM ticket t LEFT JOIN ticket_finding tf ON tf.ticket_id = t.id LEFT JOIN finding f ON f.id = tf.finding_id
         WHERE t.connection_id = $1 AND t.mark <> t.synced_mark AND NOT t.parked ORDER BY t.id",
        args![connection, format!("{}%", crate::tickets::BY_HAND)],
    )
    .await?
    .iter()
    .map(|row| {
        let status = |column: &'static str| -> Result<Option<Status>> {
            row.opt_text(column)?.map_or(Ok(None), |word| {
                word.parse().map(Some).map_err(|_| crate::Error::Word { what: "status", value: word.clone() })
            })
        };
        Ok(Waiting {
            ticket: row.id("id")?,
            destination: row.id("destination_id")?,
            has_work_item: row.opt_int("work_item_id")?.is_some(),
            is_under_way: row.bool("under_way")?,
            by_hand: row.bool("by_hand")?,
            agreed: status("agreed_status")?,
            finding: status("status")?,
        })
    })
    .collect()
}

/// How many work items of a destination stand for something open, and how many for something closed.
///
/// # Errors
/// If the database refuses.
pub async fn live(tx: &mut Tx, destination: DestinationId) -> Result<(u64, u64)> {
    let row = tx
        .first(
            "SELECT COUNT(*) AS n, SUM(CASE WHEN agreed_status IS NULL OR agreed_status IN
                    ('created', 'identified', 'in_progress', 'waiting', 'awaiting_validation') THEN 1 ELSE 0 END) AS open
             FROM ticket WHERE destination_id = $1 AND work_item_id IS NOT NULL",
            args![destination],
        )
        .await?;
    let Some(row) = row else { return Ok((0, 0)) };
    let all = row.count("n")?;
    let open = u64::try_from(row.opt_int("open")?.unwrap_or(0)).unwrap_or(0);
    Ok((open, all.saturating_sub(open)))
}

/// What both sides last agreed on for a ticket.
///
/// # Errors
/// If the database refuses.
pub async fn base(tx: &mut Tx, ticket: TicketId) -> Result<Option<Base>> {
    tx.first("SELECT base FROM ticket WHERE id = $1", args![ticket])
        .await?
        .map_or(Ok(None), |row| row.opt_json("base"))
}

/// Titles of the tickets of a breaker, by title.
///
/// # Errors
/// If the database refuses.
pub async fn titles(tx: &mut Tx, id: BreakerId, limit: u32) -> Result<Vec<(TicketId, String)>> {
    tx.all(
        "SELECT t.id, t.title FROM breaker_ticket bt JOIN ticket t ON t.id = bt.ticket_id WHERE bt.breaker_id = $1
         ORDER BY t.title, t.id LIMIT $2",
        args![id, limit],
    )
    .await?
    .iter()
    .map(|row| Ok((row.id("id")?, row.text("title")?)))
    .collect()
}

/// What was said last about doing something to a ticket.
///
/// # Errors
/// If the database refuses.
pub async fn standing(tx: &mut Tx, ticket: TicketId, stroke: Stroke) -> Result<Option<Verdict>> {
    tx.first(
        "SELECT b.verdict FROM breaker_ticket bt JOIN breaker b ON b.id = bt.breaker_id
         WHERE bt.ticket_id = $1 AND b.stroke = $2 ORDER BY b.tripped_at DESC, b.id DESC LIMIT 1",
        args![ticket, stroke.as_str()],
    )
    .await?
    .map_or(Ok(None), |row| row.word("verdict").map(Some))
}
