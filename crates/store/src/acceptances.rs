//! Acceptances, what they cover, and how far they may go.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use model::acceptance::{AcceptancePolicy, AcceptanceState, Accepted, Terms};
use model::status::FallBack;
use model::{AcceptanceId, FindingId};
use uuid::Uuid;

use crate::db::{Error, to_json};
use crate::views::Statement;
use crate::{Result, Row, Tx, args};

/// A risk that somebody accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acceptance {
    /// Identity; grows with time.
    pub id: AcceptanceId,
    /// What it says.
    pub terms: Terms,
    /// Who granted it.
    pub approver: String,
    /// Who asked for it, if somebody did.
    pub requested_by: Option<String>,
    /// When it was granted.
    pub granted_at: DateTime<Utc>,
    /// When, and by whom, its end was last changed.
    pub extended: Option<(DateTime<Utc>, String)>,
    /// How it was revoked, if it was.
    pub revoked: Option<Revoked>,
}

/// An acceptance was taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revoked {
    /// When.
    pub at: DateTime<Utc>,
    /// Who did it.
    pub by: String,
    /// Why.
    pub reason: String,
}

impl Acceptance {
    /// How it stands.
    pub fn state(&self, now: DateTime<Utc>) -> AcceptanceState {
        AcceptanceState::of(self.revoked.is_some(), self.terms.until, now)
    }
}

/// An acceptance with how much it covers.
#[derive(Clone, Debug)]
pub struct AcceptanceRow {
    /// The acceptance.
    pub acceptance: Acceptance,
    /// Findings that are accepted by it now.
    pub findings: u64,
    /// Findings that it covered at any time.
    pub covered: u64,
}

const SELECT: &str =
    "SELECT id, terms, approver, requested_by, granted_at, extended_at, extended_by, revoked_at, revoked_by,
        revoked_reason FROM acceptance";

fn acceptance(row: &Row) -> Result<Acceptance> {
    let extended = row.opt_time("extended_at")?.map(|at| Ok::<_, Error>((at, row.text("extended_by")?)));
    let revoked = row.opt_time("revoked_at")?.map(|at| {
        Ok::<_, Error>(Revoked { at, by: row.text("revoked_by")?, reason: row.text("revoked_reason")? })
    });
    Ok(Acceptance {
        id: row.id("id")?,
        terms: row.json("terms")?,
        approver: row.text("approver")?,
        requested_by: row.opt_text("requested_by")?,
        granted_at: row.time("granted_at")?,
        extended: extended.transpose()?,
        revoked: revoked.transpose()?,
    })
}

/// The acceptance.
///
/// # Errors
/// If the database refuses.
pub async fn get(tx: &mut Tx, id: AcceptanceId) -> Result<Option<Acceptance>> {
    let row = tx.first(crate::Composed(format!("{SELECT} WHERE id = $1")), args![id]).await?;
    row.map(|row| acceptance(&row)).transpose()
}

/// Adds an acceptance.
///
/// # Errors
/// If the database refuses.
pub async fn add(tx: &mut Tx, new: &Acceptance) -> Result<()> {
    tx.execute(
        "INSERT INTO acceptance (id, terms, until, approver, requested_by, granted_at) VALUES ($1, $2, $3, $4, $5, $6)",
        args![
            new.id,
            to_json(&new.terms),
            new.terms.until,
            &new.approver,
            new.requested_by.clone(),
            new.granted_at
        ],
    )
    .await?;
    Ok(())
}

/// Stores that an acceptance was extended or revoked.
///
/// # Errors
/// If the database refuses.
pub async fn save(tx: &mut Tx, known: &Acceptance) -> Result<()> {
    let extended = known.extended.as_ref();
    let revoked = known.revoked.as_ref();
    tx.execute(
        "UPDATE acceptance SET terms = $2, until = $3, extended_at = $4, extended_by = $5, revoked_at = $6, revoked_by = $7,
                revoked_reason = $8 WHERE id = $1",
        args![
            known.id,
            to_json(&known.terms),
            known.terms.until,
            extended.map(|(at, _)| *at),
            extended.map(|(_, by)| by.clone()),
            revoked.map(|revoked| revoked.at),
            revoked.map(|revoked| revoked.by.clone()),
            revoked.map(|revoked| revoked.reason.clone()),
        ],
    )
    .await?;
    Ok(())
}

/// An acceptance covers a finding; `then` is what the finding falls back to.
///
/// # Errors
/// If the database refuses.
pub async fn cover(tx: &mut Tx, id: AcceptanceId, finding: FindingId, then: FallBack) -> Result<()> {
    tx.execute(
        "INSERT INTO acceptance_finding (acceptance_id, finding_id, then_status) VALUES ($1, $2, $3)
         ON CONFLICT (finding_id, acceptance_id) DO UPDATE SET then_status = excluded.then_status",
        args![id, finding, then.status().as_str()],
    )
    .await?;
    Ok(())
}

/// What a finding falls back to when this acceptance ends.
///
/// # Errors
/// If the database refuses.
pub async fn fall_back(tx: &mut Tx, id: AcceptanceId, finding: FindingId) -> Result<FallBack> {
    let row = tx
        .first(
            "SELECT then_status FROM acceptance_finding WHERE acceptance_id = $1 AND finding_id = $2",
            args![id, finding],
        )
        .await?;
    let Some(row) = row else { return Ok(FallBack::default()) };
    let word = row.text("then_status")?;
    let all = [FallBack::Created, FallBack::Identified, FallBack::InProgress, FallBack::Waiting];
    Ok(all.into_iter().find(|then| then.status().as_str() == word).unwrap_or_default())
}

/// The findings that are accepted by an acceptance now, after one, in the order of their ids.
///
/// # Errors
/// If the database refuses.
pub async fn findings_after(
    tx: &mut Tx,
    id: AcceptanceId,
    after: Uuid,
    limit: i64,
) -> Result<Vec<FindingId>> {
    tx.all(
        "SELECT id FROM finding WHERE acceptance_id = $1 AND id > $2 ORDER BY id LIMIT $3",
        args![id, after, limit],
    )
    .await?
    .iter()
    .map(|row| row.id("id"))
    .collect()
}

/// Acceptances in one of these states, all without any, that are older than one, newest first.
///
/// # Errors
/// If the database refuses.
pub async fn page(
    tx: &mut Tx,
    states: &[AcceptanceState],
    now: DateTime<Utc>,
    after: Option<AcceptanceId>,
    limit: u32,
) -> Result<Vec<AcceptanceRow>> {
    let mut statement = Statement::new(SELECT);
    statement.push(" WHERE 1 = 1");
    if let Some(after) = after {
        statement.push(" AND id < ").bind(after);
    }
    for (position, state) in states.iter().enumerate() {
        statement.push(if position == 0 { " AND ((" } else { " OR (" });
        match state {
            AcceptanceState::Revoked => statement.push("revoked_at IS NOT NULL"),
            AcceptanceState::Ended => statement.push("revoked_at IS NULL AND until <= ").bind(now),
            AcceptanceState::InForce => {
                statement.push("revoked_at IS NULL AND (until IS NULL OR until > ").bind(now).push(")")
            }
        };
        statement.push(")");
    }
    if !states.is_empty() {
        statement.push(")");
    }
    statement.push(" ORDER BY id DESC LIMIT ").bind(limit);
    let known: Vec<Acceptance> =
        statement.all(tx).await?.iter().map(acceptance).collect::<Result<Vec<_>>>()?;
    with_counts(tx, known).await
}

/// One acceptance with how much it covers.
///
/// # Errors
/// If the database refuses.
pub async fn one(tx: &mut Tx, id: AcceptanceId) -> Result<Option<AcceptanceRow>> {
    let known = get(tx, id).await?;
    Ok(with_counts(tx, known.into_iter().collect()).await?.pop())
}

async fn with_counts(tx: &mut Tx, known: Vec<Acceptance>) -> Result<Vec<AcceptanceRow>> {
    if known.is_empty() {
        return Ok(Vec::new());
    }
    let mut counts: HashMap<AcceptanceId, (u64, u64)> = HashMap::new();
    let mut statement = Statement::new(
        "SELECT af.acceptance_id, COUNT(*) AS covered, COUNT(CASE WHEN f.acceptance_id = af.acceptance_id THEN 1 END) AS n \
         FROM acceptance_finding af JOIN finding f ON f.id = af.finding_id WHERE af.acceptance_id IN ",
    );
    statement.bind_list(known.iter().map(|one| one.id)).push(" GROUP BY af.acceptance_id");
    for row in statement.all(tx).await? {
        counts.insert(row.id("acceptance_id")?, (row.count("n")?, row.count("covered")?));
    }
    let row = |acceptance: Acceptance| {
        let (findings, covered) = counts.get(&acceptance.id).copied().unwrap_or_default();
        AcceptanceRow { acceptance, findings, covered }
    };
    Ok(known.into_iter().map(row).collect())
}

/// Acceptances that keep findings accepted although they have ended: how many, and how many findings.
///
/// # Errors
/// If the database refuses.
pub async fn overstayed(tx: &mut Tx, now: DateTime<Utc>) -> Result<(u64, u64)> {
    let row = tx
        .first(
            "SELECT COUNT(DISTINCT a.id) AS acceptances, COUNT(*) AS findings FROM acceptance a
             JOIN finding f ON f.acceptance_id = a.id
             WHERE a.until IS NOT NULL AND a.revoked_at IS NULL AND a.until <= $1 AND f.until IS NULL",
            args![now],
        )
        .await?;
    row.map_or(Ok((0, 0)), |row| Ok((row.count("acceptances")?, row.count("findings")?)))
}

/// The acceptances that cover some findings now, as templates see them.
///
/// # Errors
/// If the database refuses.
pub async fn of_findings(tx: &mut Tx, findings: &[FindingId]) -> Result<HashMap<FindingId, Accepted>> {
    let mut all = HashMap::new();
    for findings in findings.chunks(500) {
        let mut statement = Statement::new(
            "SELECT f.id AS finding_id, a.terms, a.approver FROM finding f JOIN acceptance a ON a.id = f.acceptance_id \
             WHERE f.id IN ",
        );
        statement.bind_list(findings.iter().copied());
        for row in statement.all(tx).await? {
            let terms: Terms = row.json("terms")?;
            let accepted =
                Accepted { reason: terms.reason, approver: row.text("approver")?, until: terms.until };
            all.insert(row.id("finding_id")?, accepted);
        }
    }
    Ok(all)
}

/// Those of some findings that an acceptance covered once and none covers now.
///
/// # Errors
/// If the database refuses.
pub async fn covered_before(tx: &mut Tx, findings: &[FindingId]) -> Result<Vec<FindingId>> {
    let mut all = Vec::new();
    for findings in findings.chunks(500) {
        let mut statement = Statement::new(
            "SELECT DISTINCT af.finding_id FROM acceptance_finding af JOIN finding f ON f.id = af.finding_id \
             WHERE f.acceptance_id IS NULL AND af.finding_id IN ",
        );
        statement.bind_list(findings.iter().copied());
        for row in statement.all(tx).await? {
            all.push(row.id("finding_id")?);
        }
    }
    Ok(all)
}

/// How far acceptances may go; the usual policy if nobody has decided.
///
/// # Errors
/// If the database refuses.
pub async fn policy(tx: &mut Tx) -> Result<AcceptancePolicy> {
    let row = tx.first("SELECT policy FROM acceptance_policy WHERE id = 1", args![]).await?;
    row.map_or_else(|| Ok(AcceptancePolicy::default()), |row| row.json("policy"))
}

/// Stores how far acceptances may go.
///
/// # Errors
/// If the database refuses.
pub async fn set_policy(tx: &mut Tx, policy: &AcceptancePolicy) -> Result<()> {
    tx.execute(
        "INSERT INTO acceptance_policy (id, policy) VALUES (1, $1) ON CONFLICT (id) DO UPDATE SET policy = excluded.policy",
        args![to_json(policy)],
    )
    .await?;
    Ok(())
}
