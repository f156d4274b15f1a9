//! Assessments, and the findings that belong to them.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use model::assessment::{AssessmentState, InAssessment};
use model::{AssessmentId, FindingId};
use uuid::Uuid;

use crate::views::Statement;
use crate::{Error, Result, Row, Tx, args};

/// A piece of work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assessment {
    /// Identity.
    pub id: AssessmentId,
    /// Name; no two have the same but for case.
    pub name: String,
    /// What it is about.
    pub description: String,
    /// How far it is.
    pub state: AssessmentState,
    /// First day, as planned.
    pub starts_on: Option<NaiveDate>,
    /// Last day, as planned.
    pub ends_on: Option<NaiveDate>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was completed.
    pub completed_at: Option<DateTime<Utc>>,
}

const SELECT: &str =
    "SELECT id, name, description, state, starts_on, ends_on, created_at, completed_at FROM assessment";

fn assessment(row: &Row) -> Result<Assessment> {
    let day = |column: &'static str| -> Result<Option<NaiveDate>> {
        let text = row.opt_text(column)?;
        text.map(|text| text.parse().map_err(|_| Error::Word { what: column, value: text })).transpose()
    };
    Ok(Assessment {
        id: row.id("id")?,
        name: row.text("name")?,
        description: row.text("description")?,
        state: row.word("state")?,
        starts_on: day("starts_on")?,
        ends_on: day("ends_on")?,
        created_at: row.time("created_at")?,
        completed_at: row.opt_time("completed_at")?,
    })
}

/// All assessments, newest first.
///
/// # Errors
/// If the database refuses.
pub async fn all(tx: &mut Tx) -> Result<Vec<Assessment>> {
    let rows = tx.all(crate::Composed(format!("{SELECT} ORDER BY id DESC")), args![]).await?;
    rows.iter().map(assessment).collect()
}

/// The assessment.
///
/// # Errors
/// If the database refuses.
pub async fn get(tx: &mut Tx, id: AssessmentId) -> Result<Option<Assessment>> {
    let row = tx.first(crate::Composed(format!("{SELECT} WHERE id = $1")), args![id]).await?;
    row.map(|row| assessment(&row)).transpose()
}

/// The assessment of that name, without regard to case.
///
/// # Errors
/// If the database refuses.
pub async fn by_name(tx: &mut Tx, name: &str) -> Result<Option<Assessment>> {
    let folded = name.to_lowercase();
    let row = tx.first(crate::Composed(format!("{SELECT} WHERE name_folded = $1")), args![folded]).await?;
    row.map(|row| assessment(&row)).transpose()
}

/// Adds an assessment.
///
/// # Errors
/// If the database refuses; a duplicate if there is one of that name.
pub async fn add(tx: &mut Tx, new: &Assessment) -> Result<()> {
    tx.execute(
        "INSERT INTO assessment (id, name, name_folded, description, state, starts_on, ends_on, created_at, completed_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        args![
            new.id,
            &new.name,
            new.name.to_lowercase(),
            &new.description,
            new.state.as_str(),
            new.starts_on.map(|day| day.to_string()),
            new.ends_on.map(|day| day.to_string()),
            new.created_at,
            new.completed_at,
        ],
    )
    .await?;
    Ok(())
}

/// Stores what changed about an assessment.
///
/// # Errors
/// If the database refuses; a duplicate if there is another one of that name.
pub async fn save(tx: &mut Tx, known: &Assessment) -> Result<()> {
    tx.execute(
        "UPDATE assessment SET name = $2, name_folded = $3, description = $4, state = $5, starts_on = $6, ends_on = $7,
                completed_at = $8 WHERE id = $1",
        args![
            known.id,
            &known.name,
            known.name.to_lowercase(),
            &known.description,
            known.state.as_str(),
            known.starts_on.map(|day| day.to_string()),
            known.ends_on.map(|day| day.to_string()),
            known.completed_at,
        ],
    )
    .await?;
    Ok(())
}

/// Deletes an assessment; its findings and scans stay.
///
/// # Errors
/// If the database refuses.
pub async fn delete(tx: &mut Tx, id: AssessmentId) -> Result<()> {
    tx.execute("DELETE FROM assessment WHERE id = $1", args![id]).await?;
    Ok(())
}

/// A finding belongs to an assessment. Answers whether that is new.
///
/// # Errors
/// If the database refuses.
pub async fn add_finding(tx: &mut Tx, assessment: AssessmentId, finding: FindingId) -> Result<bool> {
    let added = tx
        .execute(
            "INSERT INTO assessment_finding (assessment_id, finding_id) VALUES ($1, $2) ON CONFLICT DO NOTHING",
            args![assessment, finding],
        )
        .await?;
    Ok(added == 1)
}

/// Findings of an assessment after one, in the order of their ids.
///
/// # Errors
/// If the database refuses.
pub async fn findings_after(
    tx: &mut Tx,
    assessment: AssessmentId,
    after: Uuid,
    limit: i64,
) -> Result<Vec<FindingId>> {
    tx.all(
        "SELECT finding_id FROM assessment_finding WHERE assessment_id = $1 AND finding_id > $2
         ORDER BY finding_id LIMIT $3",
        args![assessment, after, limit],
    )
    .await?
    .iter()
    .map(|row| row.id("finding_id"))
    .collect()
}

/// The assessments that some findings belong to, by name.
///
/// # Errors
/// If the database refuses.
pub async fn of_findings(
    tx: &mut Tx,
    findings: &[FindingId],
) -> Result<HashMap<FindingId, Vec<InAssessment>>> {
    let mut all: HashMap<FindingId, Vec<InAssessment>> = HashMap::new();
    for findings in findings.chunks(500) {
        let mut statement = Statement::new(
            "SELECT af.finding_id, a.name, a.state FROM assessment_finding af JOIN assessment a ON a.id = af.assessment_id
             WHERE af.finding_id IN ",
        );
        statement.bind_list(findings.iter().copied()).push(" ORDER BY a.name_folded");
        for row in statement.all(tx).await? {
            let one = InAssessment { name: row.text("name")?, state: row.word("state")? };
            all.entry(row.id("finding_id")?).or_default().push(one);
        }
    }
    Ok(all)
}
