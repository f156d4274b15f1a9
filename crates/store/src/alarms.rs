//! Alarms: what a person should know, once; where they are sent, and how that went.

use chrono::{DateTime, Utc};
use model::{AlarmId, AlarmTargetId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::db::to_json;
use crate::{Result, Row, Tx, args};

/// Sorts of alarms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// More than usual would be created, closed or reopened at a destination: it waits for a person.
    BreakerTripped,
    /// The board refuses the sign-in of a connection.
    CredentialDead,
    /// Service hooks do not deliver and could not be mended.
    HooksSilent,
    /// A rule does nothing any more.
    RuleStopped,
    /// Somebody on the board asks for a decision that is not theirs.
    RequestWaiting,
    /// Tickets of a destination wait for a person.
    TicketParked,
    /// A ticket was moved back and forth too often.
    Flapping,
    /// More than one work item carries the token of a ticket.
    DuplicateWorkItems,
    /// The process of a project changed: maps may not fit any more.
    ProcessChanged,
    /// A destination got all the work items it may get in a day.
    BudgetUsedUp,
    /// A scan saw suspiciously few findings.
    ScanQuarantined,
    /// Findings are past their due date.
    SlaBreached,
    /// An address of EPSS or KEV could not be fetched.
    ExploitDataMissing,
    /// Acceptances have ended, and their findings were kept accepted.
    AcceptanceEnded,
    /// A source could not be fetched.
    SourceFailing,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::BreakerTripped,
        Self::CredentialDead,
        Self::HooksSilent,
        Self::RuleStopped,
        Self::RequestWaiting,
        Self::TicketParked,
        Self::Flapping,
        Self::DuplicateWorkItems,
        Self::ProcessChanged,
        Self::BudgetUsedUp,
        Self::ScanQuarantined,
        Self::SlaBreached,
        Self::ExploitDataMissing,
        Self::AcceptanceEnded,
        Self::SourceFailing,
    ];

    /// The word in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BreakerTripped => "breaker_tripped",
            Self::CredentialDead => "credential_dead",
            Self::HooksSilent => "hooks_silent",
            Self::RuleStopped => "rule_stopped",
            Self::RequestWaiting => "request_waiting",
            Self::TicketParked => "ticket_parked",
            Self::Flapping => "flapping",
            Self::DuplicateWorkItems => "duplicate_work_items",
            Self::ProcessChanged => "process_changed",
            Self::BudgetUsedUp => "budget_used_up",
            Self::ScanQuarantined => "scan_quarantined",
            Self::SlaBreached => "sla_breached",
            Self::ExploitDataMissing => "exploit_data_missing",
            Self::AcceptanceEnded => "acceptance_ended",
            Self::SourceFailing => "source_failing",
        }
    }
}

impl std::str::FromStr for Kind {
    type Err = ();

    fn from_str(s: &str) -> std::result::Result<Self, ()> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == s).ok_or(())
    }
}

/// What a person should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// Identity; grows with time.
    pub id: AlarmId,
    /// Sort.
    pub kind: Kind,
    /// What it is about, as `connection/<id>`: with the kind, what makes it the same alarm again.
    pub subject: String,
    /// What is the matter, in plain words.
    pub what: String,
    /// What to do about it.
    pub next_step: String,
    /// Page that shows it, as a path of ours.
    pub link: String,
    /// When it was raised first.
    pub raised_at: DateTime<Utc>,
    /// When it was raised last.
    pub last_raised_at: DateTime<Utc>,
    /// How often it was raised since.
    pub count: u64,
    /// Who has seen it.
    pub acknowledged_by: Option<String>,
    /// When.
    pub acknowledged_at: Option<DateTime<Utc>>,
    /// When its cause was gone.
    pub cleared_at: Option<DateTime<Utc>>,
}

const SELECT: &str =
    "SELECT id, kind, subject, what, next_step, link, raised_at, last_raised_at, count, acknowledged_by,
        acknowledged_at, cleared_at FROM alarm";

fn alarm(row: &Row) -> Result<Alarm> {
    Ok(Alarm {
        id: row.id("id")?,
        kind: row.word("kind")?,
        subject: row.text("subject")?,
        what: row.text("what")?,
        next_step: row.text("next_step")?,
        link: row.text("link")?,
        raised_at: row.time("raised_at")?,
        last_raised_at: row.time("last_raised_at")?,
        count: row.count("count")?,
        acknowledged_by: row.opt_text("acknowledged_by")?,
        acknowledged_at: row.opt_time("acknowledged_at")?,
        cleared_at: row.opt_time("cleared_at")?,
    })
}

/// Raises an alarm. If one of its kind is open for the subject, that one is told the news and counted. Answers whether
/// it is new.
///
/// # Errors
/// If the database refuses.
pub async fn raise(tx: &mut Tx, alarm: &Alarm) -> Result<bool> {
    let added = tx
        .execute(
            "INSERT INTO alarm (id, kind, subject, what, next_step, link, raised_at, last_raised_at, count)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $7, 1) ON CONFLICT (kind, subject) WHERE cleared_at IS NULL DO NOTHING",
            args![
                alarm.id,
                alarm.kind.as_str(),
                &alarm.subject,
                &alarm.what,
                &alarm.next_step,
                &alarm.link,
                alarm.raised_at,
            ],
        )
        .await?;
    if added == 1 {
        return Ok(true);
    }
    tx.execute(
        "UPDATE alarm SET what = $3, next_step = $4, last_raised_at = $5, count = count + 1
         WHERE kind = $1 AND subject = $2 AND cleared_at IS NULL",
        args![alarm.kind.as_str(), &alarm.subject, &alarm.what, &alarm.next_step, alarm.raised_at],
    )
    .await?;
    Ok(false)
}

/// The cause of an alarm is gone. Answers the alarm if one was open.
///
/// # Errors
/// If the database refuses.
pub async fn clear(tx: &mut Tx, kind: Kind, subject: &str, now: DateTime<Utc>) -> Result<Option<Alarm>> {
    let row = tx
        .first(
            crate::Composed(format!("{SELECT} WHERE kind = $1 AND subject = $2 AND cleared_at IS NULL")),
            args![kind.as_str(), subject],
        )
        .await?;
    let Some(row) = row else { return Ok(None) };
    let open = alarm(&row)?;
    let cleared = tx
        .execute("UPDATE alarm SET cleared_at = $2 WHERE id = $1 AND cleared_at IS NULL", args![open.id, now])
        .await?;
    Ok((cleared == 1).then_some(open))
}

/// Somebody has seen it.
///
/// # Errors
/// If the database refuses.
pub async fn acknowledge(tx: &mut Tx, id: AlarmId, by: &str, now: DateTime<Utc>) -> Result<bool> {
    let touched = tx
        .execute(
            "UPDATE alarm SET acknowledged_by = $2, acknowledged_at = $3 WHERE id = $1 AND acknowledged_at IS NULL",
            args![id, by, now],
        )
        .await?;
    Ok(touched == 1)
}

/// The alarm.
///
/// # Errors
/// If the database refuses.
pub async fn get(tx: &mut Tx, id: AlarmId) -> Result<Option<Alarm>> {
    tx.first(crate::Composed(format!("{SELECT} WHERE id = $1")), args![id])
        .await?
        .map(|row| alarm(&row))
        .transpose()
}

/// Alarms, newest first; only the open ones unless `all`.
///
/// # Errors
/// If the database refuses.
pub async fn page(tx: &mut Tx, all: bool, before: Option<AlarmId>, limit: u32) -> Result<Vec<Alarm>> {
    let before = before.map_or(Uuid::max(), |id| id.0);
    let open = if all { "" } else { "AND cleared_at IS NULL" };
    tx.all(
        crate::Composed(format!("{SELECT} WHERE id < $1 {open} ORDER BY id DESC LIMIT $2")),
        args![before, limit],
    )
    .await?
    .iter()
    .map(alarm)
    .collect()
}

/// The open alarms of a kind.
///
/// # Errors
/// If the database refuses.
pub async fn open(tx: &mut Tx, kind: Kind) -> Result<Vec<Alarm>> {
    tx.all(
        crate::Composed(format!("{SELECT} WHERE kind = $1 AND cleared_at IS NULL ORDER BY id")),
        args![kind.as_str()],
    )
    .await?
    .iter()
    .map(alarm)
    .collect()
}

/// How many tickets of each destination have a health, by destination.
///
/// # Errors
/// If the database refuses.
pub async fn tickets_with(
    tx: &mut Tx,
    health: crate::tickets::Health,
) -> Result<Vec<(model::DestinationId, String, u64)>> {
    tx.all(
        "SELECT d.id, d.name, COUNT(*) AS n FROM ticket t JOIN destination d ON d.id = t.destination_id
         WHERE t.health = $1 AND NOT t.undone GROUP BY d.id, d.name ORDER BY d.id",
        args![health.as_str()],
    )
    .await?
    .iter()
    .map(|row| Ok((row.id("id")?, row.text("name")?, row.count("n")?)))
    .collect()
}

/// Scans that wait for a person, with the name of their asset.
///
/// # Errors
/// If the database refuses.
pub async fn quarantined(tx: &mut Tx) -> Result<Vec<(model::ScanId, String)>> {
    tx.all(
        "SELECT s.id, a.name FROM scan s JOIN asset a ON a.id = s.asset_id WHERE s.state = 'quarantined' ORDER BY s.id",
        args![],
    )
    .await?
    .iter()
    .map(|row| Ok((row.id("id")?, row.text("name")?)))
    .collect()
}

/// How many alarms of each kind are open, and how many of these nobody has acknowledged.
///
/// # Errors
/// If the database refuses.
pub async fn open_by_kind(tx: &mut Tx) -> Result<Vec<(Kind, u64, u64)>> {
    tx.all(
        "SELECT kind, COUNT(*) AS n, SUM(CASE WHEN acknowledged_at IS NULL THEN 1 ELSE 0 END) AS unseen
         FROM alarm WHERE cleared_at IS NULL GROUP BY kind ORDER BY kind",
        args![],
    )
    .await?
    .iter()
    .map(|row| Ok((row.word("kind")?, row.count("n")?, row.count("unseen")?)))
    .collect()
}

/// How a target is reached. Secrets are not in here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "way", rename_all = "snake_case")]
pub enum Way {
    /// A POST with a signed JSON body.
    Webhook {
        /// Address.
        url: String,
    },
    /// A mail.
    Mail {
        /// Name of the SMTP server.
        host: String,
        /// Port.
        port: u16,
        /// TLS from the first byte (`true`), or by STARTTLS (`false`).
        implicit_tls: bool,
        /// Who signs in at the SMTP server; nobody if empty.
        user: String,
        /// Sender.
        from: String,
        /// Receivers.
        to: Vec<String>,
    },
}

/// Where alarms are sent.
#[derive(Clone, Debug)]
pub struct Target {
    /// Identity.
    pub id: AlarmTargetId,
    /// Name.
    pub name: String,
    /// How it is reached.
    pub way: Way,
    /// Key of the signature, or password, sealed.
    pub secret: Vec<u8>,
    /// Why the latest delivery failed.
    pub problem: Option<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

fn target(row: &Row) -> Result<Target> {
    Ok(Target {
        id: row.id("id")?,
        name: row.text("name")?,
        way: row.json("settings")?,
        secret: row.bytes("secret")?,
        problem: row.opt_text("problem")?,
        created_at: row.time("created_at")?,
    })
}

/// All targets, oldest first.
///
/// # Errors
/// If the database refuses.
pub async fn targets(tx: &mut Tx) -> Result<Vec<Target>> {
    tx.all(
        "SELECT id, name, settings, secret, problem, created_at FROM alarm_target ORDER BY created_at, id",
        args![],
    )
    .await?
    .iter()
    .map(target)
    .collect()
}

/// Adds a target.
///
/// # Errors
/// If the database refuses.
pub async fn add_target(tx: &mut Tx, target: &Target) -> Result<()> {
    tx.execute(
        "INSERT INTO alarm_target (id, name, settings, secret, created_at) VALUES ($1, $2, $3, $4, $5)",
        args![target.id, &target.name, to_json(&target.way), target.secret.clone(), target.created_at],
    )
    .await?;
    Ok(())
}

/// Deletes a target with what waits for it. Answers whether there was one.
///
/// # Errors
/// If the database refuses.
pub async fn delete_target(tx: &mut Tx, id: AlarmTargetId) -> Result<bool> {
    Ok(tx.execute("DELETE FROM alarm_target WHERE id = $1", args![id]).await? == 1)
}

/// A message on its way to a target.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Identity: receivers can recognise a message that comes twice.
    pub id: Uuid,
    /// Target.
    pub target_id: AlarmTargetId,
    /// What is said (JSON).
    pub message: serde_json::Value,
    /// Tries, this one included.
    pub attempts: u32,
}

/// Announces a message to every target, or to one.
///
/// # Errors
/// If the database refuses.
pub async fn enqueue(
    tx: &mut Tx,
    id: Uuid,
    target: AlarmTargetId,
    alarm: Option<AlarmId>,
    message: &serde_json::Value,
    now: DateTime<Utc>,
) -> Result<()> {
    tx.execute(
        "INSERT INTO alarm_delivery (id, target_id, alarm_id, message, state, attempts, next_attempt_at, created_at)
         VALUES ($1, $2, $3, $4, 'waiting', 0, $5, $5)",
        args![id, target, alarm.map(|alarm| alarm.0), to_json(message), now],
    )
    .await?;
    Ok(())
}

/// Takes the next message that is due, and counts the try. It is due again at `again` unless its end is stored before.
///
/// # Errors
/// If the database refuses.
pub async fn take(tx: &mut Tx, now: DateTime<Utc>, again: DateTime<Utc>) -> Result<Option<Delivery>> {
    let due = tx
        .first(
            "SELECT id, target_id, message, attempts FROM alarm_delivery WHERE state = 'waiting' AND next_attempt_at <= $1
             ORDER BY next_attempt_at, id LIMIT 1",
            args![now],
        )
        .await?;
    let Some(row) = due else { return Ok(None) };
    let id = row.uuid("id")?;
    let taken = tx
        .execute(
            "UPDATE alarm_delivery SET attempts = attempts + 1, next_attempt_at = $3
             WHERE id = $1 AND state = 'waiting' AND next_attempt_at <= $2",
            args![id, now, again],
        )
        .await?;
    if taken == 0 {
        // Another replica was faster.
        return Ok(None);
    }
    Ok(Some(Delivery {
        id,
        target_id: row.id("target_id")?,
        message: row.json("message")?,
        attempts: u32::try_from(row.int("attempts")?).unwrap_or(0) + 1,
    }))
}

/// How a try ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It arrived.
    Delivered,
    /// It is tried again then.
    Again(DateTime<Utc>, String),
    /// It was tried often enough.
    GivenUp(String),
}

/// Stores how a try ended, also on the target.
///
/// # Errors
/// If the database refuses.
pub async fn ended(tx: &mut Tx, delivery: &Delivery, ended: &Ended, now: DateTime<Utc>) -> Result<()> {
    let (state, problem, again) = match ended {
        Ended::Delivered => ("delivered", None, now),
        Ended::Again(at, problem) => ("waiting", Some(problem.as_str()), *at),
        Ended::GivenUp(problem) => ("given_up", Some(problem.as_str()), now),
    };
    tx.execute(
        "UPDATE alarm_delivery SET state = $2, problem = $3, next_attempt_at = $4,
                finished_at = CASE WHEN $2 = 'waiting' THEN NULL ELSE $5 END WHERE id = $1",
        args![delivery.id, state, problem, again, now],
    )
    .await?;
    tx.execute("UPDATE alarm_target SET problem = $2 WHERE id = $1", args![delivery.target_id, problem])
        .await?;
    Ok(())
}

/// Forgets alarms that were cleared, and messages whose end is known, before a time.
///
/// # Errors
/// If the database refuses.
pub async fn forget(tx: &mut Tx, before: DateTime<Utc>) -> Result<()> {
    tx.execute("DELETE FROM alarm_delivery WHERE state <> 'waiting' AND finished_at < $1", args![before])
        .await?;
    tx.execute("DELETE FROM alarm WHERE cleared_at IS NOT NULL AND cleared_at < $1", args![before]).await?;
    Ok(())
}
