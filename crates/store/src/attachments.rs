//! Files that people attached to tickets.

use chrono::{DateTime, Utc};
use model::attachment::Standing;
use model::{AttachmentId, TicketId, WorkItemId};

use crate::{Result, Row, Tx, args};

/// A file, without its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// Identity.
    pub id: AttachmentId,
    /// The ticket that it belongs to.
    pub ticket_id: TicketId,
    /// Who attached it.
    pub author: String,
    /// Name of the file.
    pub name: String,
    /// Length, in bytes.
    pub size: i64,
    /// For people here only: it never leaves.
    pub is_private: bool,
    /// Identity on the board, once its bytes are there.
    pub board_id: Option<String>,
    /// The work item that it was attached to; the ticket may have got another one since.
    pub work_item: Option<WorkItemId>,
    /// It was seen attached to the work item.
    pub is_attached: bool,
    /// It may have been attached before the work item went, and nobody could see it.
    pub in_doubt: bool,
    /// Nothing more is done with it on the board.
    pub is_over: bool,
    /// Why it could not be carried over.
    pub problem: Option<String>,
    /// Failed tries since the last success.
    pub attempts: u32,
    /// When it was attached here.
    pub added_at: DateTime<Utc>,
    /// When it was deleted here.
    pub deleted_at: Option<DateTime<Utc>>,
}

impl Attachment {
    /// It was attached to this work item, or to none yet. What was attached to one that was given up stays there.
    pub fn is_of(&self, work_item: Option<WorkItemId>) -> bool {
        self.work_item.is_none() || self.work_item == work_item
    }

    /// How it stands to the board.
    pub fn standing(&self) -> Standing {
        Standing {
            is_private: self.is_private,
            is_deleted: self.deleted_at.is_some(),
            is_uploaded: self.board_id.is_some(),
            is_attached: self.is_attached,
            in_doubt: self.in_doubt,
            is_over: self.is_over,
        }
    }
}

const COLUMNS: &str =
    "SELECT id, ticket_id, author, name, size, is_private, board_id, work_item_id, is_attached, in_doubt, is_over, problem, attempts,
        added_at, deleted_at FROM attachment";

fn attachment(row: &Row) -> Result<Attachment> {
    Ok(Attachment {
        id: row.id("id")?,
        ticket_id: row.id("ticket_id")?,
        author: row.text("author")?,
        name: row.text("name")?,
        size: row.int("size")?,
        is_private: row.bool("is_private")?,
        board_id: row.opt_text("board_id")?,
        work_item: row.opt_int("work_item_id")?.map(WorkItemId),
        is_attached: row.bool("is_attached")?,
        in_doubt: row.bool("in_doubt")?,
        is_over: row.bool("is_over")?,
        problem: row.opt_text("problem")?,
        attempts: u32::try_from(row.int("attempts")?).unwrap_or(0),
        added_at: row.time("added_at")?,
        deleted_at: row.opt_time("deleted_at")?,
    })
}

/// All files of a ticket, oldest first, with deleted ones.
///
/// # Errors
/// If the database refuses.
pub async fn of_ticket(tx: &mut Tx, ticket: TicketId) -> Result<Vec<Attachment>> {
    let of_ticket = crate::Composed(format!("{COLUMNS} WHERE ticket_id = $1 ORDER BY added_at, id"));
    tx.all(of_ticket, args![ticket]).await?.iter().map(attachment).collect()
}

/// The file, if it is there.
///
/// # Errors
/// If the database refuses.
pub async fn get(tx: &mut Tx, id: AttachmentId) -> Result<Option<Attachment>> {
    let one = crate::Composed(format!("{COLUMNS} WHERE id = $1"));
    tx.first(one, args![id]).await?.map(|row| attachment(&row)).transpose()
}

/// The bytes of a file; empty if it was deleted.
///
/// # Errors
/// If the database refuses.
pub async fn content(tx: &mut Tx, id: AttachmentId) -> Result<Vec<u8>> {
    let row = tx.first("SELECT content FROM attachment WHERE id = $1", args![id]).await?;
    row.map_or(Ok(Vec::new()), |row| row.bytes("content"))
}

/// Adds a file.
///
/// # Errors
/// If the database refuses.
pub async fn add(tx: &mut Tx, new: &Attachment, content: Vec<u8>) -> Result<()> {
    tx.execute(
        "INSERT INTO attachment (id, ticket_id, author, name, size, content, is_private, added_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        args![new.id, new.ticket_id, &new.author, &new.name, new.size, content, new.is_private, new.added_at],
    )
    .await?;
    Ok(())
}

/// Stores how a file stands to the board, and whether it was deleted. A deleted one loses its bytes.
///
/// # Errors
/// If the database refuses.
pub async fn save(tx: &mut Tx, file: &Attachment) -> Result<()> {
    tx.execute(
        "UPDATE attachment SET board_id = $2, is_attached = $3, is_over = $4, problem = $5, attempts = $6, deleted_at = $7,
                content = CASE WHEN $7 IS NULL THEN content ELSE $8 END, in_doubt = $9, work_item_id = $10 WHERE id = $1",
        args![
            file.id,
            file.board_id.as_deref(),
            file.is_attached,
            file.is_over,
            file.problem.as_deref(),
            file.attempts,
            file.deleted_at,
            Vec::<u8>::new(),
            file.in_doubt,
            file.work_item,
        ],
    )
    .await?;
    Ok(())
}

/// Lets what could not be carried over be tried again. Answers at how many files.
///
/// # Errors
/// If the database refuses.
pub async fn retry(tx: &mut Tx, ticket: TicketId) -> Result<u64> {
    tx.execute(
        "UPDATE attachment SET attempts = 0, problem = NULL WHERE ticket_id = $1 AND attempts > 0",
        args![ticket],
    )
    .await
}
