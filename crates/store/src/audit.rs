//! The audit log: every change with its cause. Rows are only ever added.

use chrono::{DateTime, Utc};
use model::merge::FieldChange;
use model::{AuditId, FindingId, Status, TicketId};
use uuid::Uuid;

use crate::db::to_json;
use crate::{Result, Tx, args};

/// Who or what caused a change.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Cause {
    /// Sort of cause.
    pub kind: CauseKind,
    /// In words.
    pub label: String,
}

/// Sorts of causes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CauseKind {
    /// A scan.
    Scan,
    /// A rule.
    Rule,
    /// A person here.
    Person,
    /// A revision of a work item.
    WorkItem,
    /// Time passed.
    Clock,
}

impl CauseKind {
    /// The word in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scan => "scan",
            Self::Rule => "rule",
            Self::Person => "person",
            Self::WorkItem => "work_item",
            Self::Clock => "clock",
        }
    }
}

impl std::str::FromStr for CauseKind {
    type Err = ();

    fn from_str(s: &str) -> std::result::Result<Self, ()> {
        [Self::Scan, Self::Rule, Self::Person, Self::WorkItem, Self::Clock]
            .into_iter()
            .find(|kind| kind.as_str() == s)
            .ok_or(())
    }
}

impl Cause {
    /// A cause of a kind, in words.
    pub fn new(kind: CauseKind, label: impl Into<String>) -> Self {
        Self { kind, label: label.into() }
    }
}

/// What an entry is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A finding.
    Finding(FindingId),
    /// A ticket.
    Ticket(TicketId),
    /// Something else, by the word of its table.
    Other(&'static str, Uuid),
}

impl Subject {
    fn parts(self) -> (&'static str, Uuid) {
        match self {
            Self::Finding(id) => ("finding", id.0),
            Self::Ticket(id) => ("ticket", id.0),
            Self::Other(word, id) => (word, id),
        }
    }
}

/// An entry to add.
#[derive(Clone, Debug)]
pub struct Entry<'a> {
    /// Identity; grows with time.
    pub id: AuditId,
    /// When.
    pub at: DateTime<Utc>,
    /// About what.
    pub subject: Subject,
    /// Because of what.
    pub cause: &'a Cause,
    /// What happened, in one sentence.
    pub what: String,
    /// Status before and after, if it changed.
    pub statuses: Option<(Option<Status>, Status)>,
    /// Field by field.
    pub fields: &'a [FieldChange],
}

/// Adds an entry.
///
/// # Errors
/// If the database refuses.
pub async fn add(tx: &mut Tx, entry: Entry<'_>) -> Result<()> {
    let (subject, subject_id) = entry.subject.parts();
    tx.execute(
        "INSERT INTO audit (id, at, subject, subject_id, cause, cause_label, what, from_status, to_status, fields)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        args![
            entry.id,
            entry.at,
            subject,
            subject_id,
            entry.cause.kind.as_str(),
            &entry.cause.label,
            entry.what,
            entry.statuses.and_then(|(from, _)| from.map(Status::as_str)),
            entry.statuses.map(|(_, to)| to.as_str()),
            to_json(&entry.fields),
        ],
    )
    .await?;
    Ok(())
}

/// A change of a finding's status, as evidence for others.
#[derive(Clone, Debug)]
pub struct StatusChange {
    /// When.
    pub at: DateTime<Utc>,
    /// Because of what.
    pub cause: Cause,
    /// What happened.
    pub what: String,
    /// Status after.
    pub to: Status,
}

/// The latest change of a finding's status.
///
/// # Errors
/// If the database refuses.
pub async fn latest_status_change(tx: &mut Tx, finding: FindingId) -> Result<Option<StatusChange>> {
    let row = tx
        .first(
            "SELECT at, cause, cause_label, what, to_status FROM audit
             WHERE subject = 'finding' AND subject_id = $1 AND to_status IS NOT NULL
             ORDER BY id DESC LIMIT 1",
            args![finding],
        )
        .await?;
    row.map(|row| {
        Ok(StatusChange {
            at: row.time("at")?,
            cause: Cause { kind: row.word("cause")?, label: row.text("cause_label")? },
            what: row.text("what")?,
            to: row.word("to_status")?,
        })
    })
    .transpose()
}
