//! When scans of a configuration saw a finding on a branch: what was there at any time, and how two times differ.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use model::{FindingId, Severity};
use uuid::Uuid;

use crate::findings::{StoredDetection, severity_of};
use crate::views::Statement;
use crate::{Result, Tx, args};

/// A finding is there from this detection on; if the report came late, perhaps until a scan that did not see it any more.
///
/// # Errors
/// If the database refuses.
pub async fn begins(tx: &mut Tx, detection: &StoredDetection, until: Option<DateTime<Utc>>) -> Result<()> {
    tx.execute(
        "INSERT INTO presence (finding_id, configuration_id, branch, since, until) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT DO NOTHING",
        args![
            detection.finding_id,
            detection.configuration_id,
            &detection.branch,
            detection.last_seen_at,
            until
        ],
    )
    .await?;
    Ok(())
}

/// A report that came late saw a finding, at `at`, that newer scans say something about already: `next` is the start of the
/// scan after it, and `until` that of the first one that covered the place and did not see it.
///
/// # Errors
/// If the database refuses.
pub async fn seen_late(
    tx: &mut Tx,
    seen: &StoredDetection,
    next: Option<DateTime<Utc>>,
    until: Option<DateTime<Utc>>,
) -> Result<()> {
    let key = || args![seen.finding_id, seen.configuration_id, &seen.branch, seen.last_seen_at];
    let known = tx
        .first(
            "SELECT 1 AS n FROM presence WHERE finding_id = $1 AND configuration_id = $2 AND branch = $3 AND since <= $4
               AND (until IS NULL OR until > $4)",
            key(),
        )
        .await?;
    if known.is_some() {
        return Ok(());
    }
    if let Some(next) = next {
        let mut with_next = key();
        with_next.push(next.into());
        let reaches_back = tx
            .execute(
                "UPDATE presence SET since = $4
                 WHERE finding_id = $1 AND configuration_id = $2 AND branch = $3 AND since = $5",
                with_next,
            )
            .await?;
        if reaches_back > 0 {
            return Ok(());
        }
    }
    begins(tx, seen, until).await
}

/// A finding is not there any more since this absence.
///
/// # Errors
/// If the database refuses.
pub async fn ends(tx: &mut Tx, detection: &StoredDetection) -> Result<()> {
    tx.execute(
        "UPDATE presence SET until = $4
         WHERE finding_id = $1 AND configuration_id = $2 AND branch = $3 AND until IS NULL",
        args![detection.finding_id, detection.configuration_id, &detection.branch, detection.last_absent_at],
    )
    .await?;
    Ok(())
}

/// Scans of one configuration on one branch, from one time to another.
#[derive(Clone, Copy, Debug)]
pub struct Span<'a> {
    /// Configuration.
    pub configuration: Uuid,
    /// Branch; empty if the scans name none.
    pub branch: &'a str,
    /// Start of the earlier scan.
    pub from: DateTime<Utc>,
    /// Start of the later scan.
    pub to: DateTime<Utc>,
}

/// On which side of a comparison findings are alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The later scan saw them, the earlier one did not.
    New,
    /// The earlier scan saw them, the later one did not.
    Gone,
}

impl Span<'_> {
    /// Findings of one side. Each condition begins with an index over what changed in between: the cost grows with that.
    fn of(&self, side: Side, select: &'static str) -> Statement {
        let there_at = |statement: &mut Statement, at: DateTime<Utc>| {
            statement
                .push(
                    " (SELECT 1 FROM presence o WHERE o.finding_id = p.finding_id AND o.configuration_id = ",
                )
                .bind(self.configuration)
                .push(" AND o.branch = ")
                .bind(self.branch)
                .push(" AND o.since <= ")
                .bind(at)
                .push(" AND (o.until IS NULL OR o.until > ")
                .bind(at)
                .push("))");
        };
        let mut statement = Statement::new(select);
        statement
            .push(" FROM presence p JOIN finding f ON f.id = p.finding_id WHERE p.configuration_id = ")
            .bind(self.configuration)
            .push(" AND p.branch = ")
            .bind(self.branch);
        match side {
            Side::New => {
                statement
                    .push(" AND p.since > ")
                    .bind(self.from)
                    .push(" AND p.since <= ")
                    .bind(self.to)
                    .push(" AND (p.until IS NULL OR p.until > ")
                    .bind(self.to)
                    .push(") AND NOT EXISTS");
                there_at(&mut statement, self.from);
            }
            Side::Gone => {
                statement
                    .push(" AND p.until > ")
                    .bind(self.from)
                    .push(" AND p.until <= ")
                    .bind(self.to)
                    .push(" AND p.since <= ")
                    .bind(self.from)
                    .push(" AND NOT EXISTS");
                there_at(&mut statement, self.to);
            }
        }
        statement
    }
}

/// How many findings of each severity are on one side.
///
/// # Errors
/// If the database refuses.
pub async fn counts(tx: &mut Tx, span: &Span<'_>, side: Side) -> Result<HashMap<Severity, u64>> {
    let mut statement = span.of(side, "SELECT f.severity, COUNT(*) AS n");
    statement.push(" GROUP BY f.severity");
    let rows = statement.all(tx).await?;
    rows.iter().map(|row| Ok((severity_of(row.int("severity")?), row.count("n")?))).collect()
}

/// The worst findings of one side.
///
/// # Errors
/// If the database refuses.
pub async fn worst(tx: &mut Tx, span: &Span<'_>, side: Side, limit: u32) -> Result<Vec<FindingId>> {
    let mut statement = span.of(side, "SELECT f.id");
    statement.push(" ORDER BY f.severity DESC, f.id DESC LIMIT ").bind(limit);
    statement.all(tx).await?.iter().map(|row| row.id("id")).collect()
}

/// How many findings were there at a time.
///
/// # Errors
/// If the database refuses.
pub async fn there(tx: &mut Tx, configuration: Uuid, branch: &str, at: DateTime<Utc>) -> Result<u64> {
    tx.count(
        "SELECT COUNT(*) AS n FROM presence WHERE configuration_id = $1 AND branch = $2 AND since <= $3
           AND (until IS NULL OR until > $3)",
        args![configuration, branch, at],
    )
    .await
}
