//! What happened to a finding or a ticket, newest first.

use chrono::{DateTime, Utc};
use model::{AuditId, Status};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Statement;
use crate::{Result, Row, Tx};

/// What a history is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A finding.
    Finding,
    /// A ticket.
    Ticket,
}

impl Subject {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Finding => "finding",
            Self::Ticket => "ticket",
        }
    }
}

/// One change with its cause.
#[derive(Clone, Debug)]
pub struct HistoryRow {
    /// Identity.
    pub id: AuditId,
    /// When.
    pub at: DateTime<Utc>,
    /// Sort of cause, as the API words it.
    pub cause: String,
    /// The cause in words.
    pub cause_label: String,
    /// What happened, in one sentence.
    pub what: String,
    /// Status before.
    pub from_status: Option<Status>,
    /// Status after.
    pub to_status: Option<Status>,
    /// Field by field.
    pub fields: Vec<StoredFieldChange>,
}

/// A change of one field of a work item, as stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredFieldChange {
    /// Field.
    pub field: String,
    /// Value before.
    #[serde(default)]
    pub from: String,
    /// Value after.
    #[serde(default)]
    pub to: String,
    /// Why.
    #[serde(default)]
    pub reason: String,
}

fn entry(row: &Row) -> Result<HistoryRow> {
    let status = |column: &'static str| -> Result<Option<Status>> {
        if row.opt_text(column)?.is_none() { Ok(None) } else { row.word(column).map(Some) }
    };
    Ok(HistoryRow {
        id: row.id("id")?,
        at: row.time("at")?,
        cause: row.text("cause")?,
        cause_label: row.text("cause_label")?,
        what: row.text("what")?,
        from_status: status("from_status")?,
        to_status: status("to_status")?,
        fields: row.json("fields")?,
    })
}

/// A page of the history of one thing, older than `before`, at most `limit`.
///
/// # Errors
/// If the database refuses or a stored value cannot be read.
pub async fn page(
    tx: &mut Tx,
    subject: Subject,
    id: Uuid,
    before: Option<AuditId>,
    limit: u32,
) -> Result<Vec<HistoryRow>> {
    let mut statement = Statement::new(
        "SELECT id, at, cause, cause_label, what, from_status, to_status, fields FROM audit WHERE subject = ",
    );
    statement.bind(subject.as_str()).push(" AND subject_id = ").bind(id);
    if let Some(before) = before {
        statement.push(" AND id < ").bind(before);
    }
    statement.push(" ORDER BY id DESC LIMIT ").bind(limit);
    statement.all(tx).await?.iter().map(entry).collect()
}
