//! What people said about a ticket, here and on the board, and when that has to be looked at.

use chrono::{DateTime, Utc};
use model::merge::comments::{Side, Standing};
use model::{CommentId, ConnectionId, TicketId, WorkItemId};

use crate::{Result, Row, Tx, args};

/// A comment.
#[derive(Clone, Debug, PartialEq)]
pub struct Comment {
    /// Identity.
    pub id: CommentId,
    /// The ticket that it is about.
    pub ticket_id: TicketId,
    /// Where it was written.
    pub side: Side,
    /// Who wrote it.
    pub author: String,
    /// Plain text.
    pub text: String,
    /// For people here only: it never leaves.
    pub is_private: bool,
    /// Stands in it on the board; empty for what was not written here.
    pub token: String,
    /// Counts the texts, from 1.
    pub revision: i64,
    /// The text that was carried to the board last; 0 if none was.
    pub carried: i64,
    /// The work item that it stands on; the ticket may have got another one since.
    pub work_item: Option<WorkItemId>,
    /// Number on the board, once it is known.
    pub board_id: Option<i64>,
    /// Version on the board that was last read.
    pub board_version: i64,
    /// Words on the board when they were last read.
    pub board_words: Option<String>,
    /// Nothing more of it is carried over.
    pub is_over: bool,
    /// Why it could not be carried over.
    pub problem: Option<String>,
    /// Failed tries since the last success.
    pub attempts: u32,
    /// When it was written.
    pub created_at: DateTime<Utc>,
    /// When its text was last changed.
    pub edited_at: Option<DateTime<Utc>>,
    /// When it was deleted.
    pub deleted_at: Option<DateTime<Utc>>,
}

impl Comment {
    /// It stands on this work item, or on none yet. What was said on one that was given up stays there.
    pub fn is_of(&self, work_item: Option<WorkItemId>) -> bool {
        self.work_item.is_none() || self.work_item == work_item
    }

    /// How it stands to the board.
    pub fn standing(&self) -> Standing {
        Standing {
            side: self.side,
            is_private: self.is_private,
            is_deleted: self.deleted_at.is_some(),
            is_there: self.board_id.is_some(),
            is_stale: self.carried < self.revision,
            is_over: self.is_over,
        }
    }
}

const fn word(side: Side) -> &'static str {
    match side {
        Side::Here => "here",
        Side::Board => "board",
        Side::Explanation => "explanation",
    }
}

fn side(word: &str) -> Result<Side> {
    match word {
        "here" => Ok(Side::Here),
        "board" => Ok(Side::Board),
        "explanation" => Ok(Side::Explanation),
        other => Err(crate::Error::Word { what: "side", value: other.to_owned() }),
    }
}

fn comment(row: &Row) -> Result<Comment> {
    Ok(Comment {
        id: row.id("id")?,
        ticket_id: row.id("ticket_id")?,
        side: side(&row.text("side")?)?,
        author: row.text("author")?,
        text: row.text("text")?,
        is_private: row.bool("is_private")?,
        token: row.text("token")?,
        revision: row.int("revision")?,
        carried: row.int("carried")?,
        work_item: row.opt_int("work_item_id")?.map(WorkItemId),
        board_id: row.opt_int("board_id")?,
        board_version: row.int("board_version")?,
        board_words: row.opt_text("board_words")?,
        is_over: row.bool("is_over")?,
        problem: row.opt_text("problem")?,
        attempts: u32::try_from(row.int("attempts")?).unwrap_or(0),
        created_at: row.time("created_at")?,
        edited_at: row.opt_time("edited_at")?,
        deleted_at: row.opt_time("deleted_at")?,
    })
}

/// All comments of a ticket, oldest first, with deleted ones.
///
/// # Errors
/// If the database refuses.
pub async fn of_ticket(tx: &mut Tx, ticket: TicketId) -> Result<Vec<Comment>> {
    tx.all("SELECT * FROM comment WHERE ticket_id = $1 ORDER BY created_at, id", args![ticket])
        .await?
        .iter()
        .map(comment)
        .collect()
}

/// The comment, if it is there.
///
/// # Errors
/// If the database refuses.
pub async fn get(tx: &mut Tx, id: CommentId) -> Result<Option<Comment>> {
    tx.first("SELECT * FROM comment WHERE id = $1", args![id]).await?.map(|row| comment(&row)).transpose()
}

/// Adds a comment.
///
/// # Errors
/// If the database refuses; a duplicate if the ticket has that number of the board already.
pub async fn add(tx: &mut Tx, new: &Comment) -> Result<()> {
    tx.execute(
        "INSERT INTO comment (id, ticket_id, side, author, text, is_private, token, revision, carried, board_id,
                              board_version, board_words, is_over, created_at, edited_at, work_item_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
        args![
            new.id,
            new.ticket_id,
            word(new.side),
            &new.author,
            &new.text,
            new.is_private,
            &new.token,
            new.revision,
            new.carried,
            new.board_id,
            new.board_version,
            new.board_words.as_deref(),
            new.is_over,
            new.created_at,
            new.edited_at,
            new.work_item,
        ],
    )
    .await?;
    Ok(())
}

/// Stores everything that may change about a comment. Who wrote it, where, and whether it is private never do.
///
/// # Errors
/// If the database refuses.
pub async fn save(tx: &mut Tx, comment: &Comment) -> Result<()> {
    tx.execute(
        "UPDATE comment SET text = $2, revision = $3, carried = $4, board_id = $5, board_version = $6, board_words = $7,
                is_over = $8, problem = $9, attempts = $10, edited_at = $11, deleted_at = $12, work_item_id = $13 WHERE id = $1",
        args![
            comment.id,
            &comment.text,
            comment.revision,
            comment.carried,
            comment.board_id,
            comment.board_version,
            comment.board_words.as_deref(),
            comment.is_over,
            comment.problem.as_deref(),
            comment.attempts,
            comment.edited_at,
            comment.deleted_at,
            comment.work_item,
        ],
    )
    .await?;
    Ok(())
}

/// Lets what could not be carried over be tried again, files too.
///
/// # Errors
/// If the database refuses.
pub async fn retry(tx: &mut Tx, ticket: TicketId, now: DateTime<Utc>) -> Result<()> {
    let waiting = tx
        .execute(
            "UPDATE comment SET attempts = 0, problem = NULL WHERE ticket_id = $1 AND attempts > 0",
            args![ticket],
        )
        .await?;
    if waiting + crate::attachments::retry(tx, ticket).await? > 0 {
        talk_at(tx, ticket, Some(now)).await?;
    }
    Ok(())
}

/// Says when the comments of a ticket have to be looked at next; `None`: there is no reason.
///
/// # Errors
/// If the database refuses.
pub async fn talk_at(tx: &mut Tx, ticket: TicketId, at: Option<DateTime<Utc>>) -> Result<()> {
    tx.execute("UPDATE ticket SET talk_at = $2 WHERE id = $1", args![ticket, at]).await?;
    Ok(())
}

/// Tickets of a connection whose comments have to be looked at now.
///
/// # Errors
/// If the database refuses.
pub async fn due(
    tx: &mut Tx,
    connection: ConnectionId,
    now: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<TicketId>> {
    tx.all(
        "SELECT id FROM ticket WHERE connection_id = $1 AND talk_at IS NOT NULL AND talk_at <= $2
                AND work_item_id IS NOT NULL ORDER BY talk_at, id LIMIT $3",
        args![connection, now, limit],
    )
    .await?
    .iter()
    .map(|row| row.id("id"))
    .collect()
}

/// When the comments of any ticket of a connection have to be looked at next.
///
/// # Errors
/// If the database refuses.
pub async fn next_due(tx: &mut Tx, connection: ConnectionId) -> Result<Option<DateTime<Utc>>> {
    tx.first(
        "SELECT MIN(talk_at) AS at FROM ticket WHERE connection_id = $1 AND talk_at IS NOT NULL AND work_item_id IS NOT NULL",
        args![connection],
    )
    .await?
    .map_or(Ok(None), |row| row.opt_time("at"))
}

/// The work item was read at a revision with so many comments. If that is news, its comments have to be looked at, unless
/// it has none and had none.
///
/// # Errors
/// If the database refuses.
pub async fn noticed(
    tx: &mut Tx,
    ticket: TicketId,
    revision: i64,
    count: i64,
    now: DateTime<Utc>,
) -> Result<()> {
    tx.execute(
        "UPDATE ticket SET talk_at = CASE WHEN $3 > 0 OR comments_count > 0 THEN COALESCE(talk_at, $4) ELSE talk_at END,
                comments_revision = CASE WHEN $3 > 0 OR comments_count > 0 THEN comments_revision ELSE $2 END
         WHERE id = $1 AND comments_revision < $2",
        args![ticket, revision, count, now],
    )
    .await?;
    Ok(())
}

/// The ticket has a work item now: what was written here before is carried there.
///
/// # Errors
/// If the database refuses.
pub async fn has_work_item(tx: &mut Tx, ticket: TicketId, now: DateTime<Utc>) -> Result<()> {
    tx.execute(
        "UPDATE ticket SET talk_at = $2 WHERE id = $1 AND EXISTS
            (SELECT 1 FROM comment WHERE ticket_id = $1 AND side = 'here' AND NOT is_private AND carried < revision
             UNION ALL
             SELECT 1 FROM attachment WHERE ticket_id = $1 AND NOT is_private AND NOT is_attached AND NOT is_over)",
        args![ticket, now],
    )
    .await?;
    Ok(())
}

/// The ticket has another work item than the one whose comments were read, or none yet: they are read anew.
///
/// # Errors
/// If the database refuses.
pub async fn begin_anew(tx: &mut Tx, ticket: TicketId, now: DateTime<Utc>) -> Result<()> {
    tx.execute(
        "UPDATE ticket SET talk_at = $2, comments_revision = 0, comments_count = 0 WHERE id = $1",
        args![ticket, now],
    )
    .await?;
    Ok(())
}

/// Our own write took the work item from one revision to another. If its comments were known before, nobody else can have
/// written any: they need not be read for it.
///
/// # Errors
/// If the database refuses.
pub async fn wrote(tx: &mut Tx, ticket: TicketId, from: i64, to: i64, count: i64) -> Result<()> {
    tx.execute(
        "UPDATE ticket SET comments_revision = $3, comments_count = $4 WHERE id = $1 AND comments_revision = $2",
        args![ticket, from, to, count],
    )
    .await?;
    Ok(())
}

/// The revision and the number of comments that were last looked at.
///
/// # Errors
/// If the database refuses.
pub async fn last_read(tx: &mut Tx, ticket: TicketId) -> Result<(i64, i64)> {
    tx.first("SELECT comments_revision, comments_count FROM ticket WHERE id = $1", args![ticket])
        .await?
        .map_or(Ok((0, 0)), |row| Ok((row.int("comments_revision")?, row.int("comments_count")?)))
}

/// The comments were read when the work item had this revision and number of comments.
///
/// # Errors
/// If the database refuses.
pub async fn were_read(tx: &mut Tx, ticket: TicketId, revision: i64, count: i64) -> Result<()> {
    tx.execute(
        "UPDATE ticket SET comments_revision = $2, comments_count = $3 WHERE id = $1",
        args![ticket, revision, count],
    )
    .await?;
    Ok(())
}
