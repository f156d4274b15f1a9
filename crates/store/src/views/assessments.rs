//! Assessments with what is in them.

use std::collections::HashMap;

use model::{AssessmentId, Status};

use super::{BySeverity, Statement, severity};
use crate::assessments::{self, Assessment};
use crate::{Result, Tx};

/// An assessment in a list.
#[derive(Clone, Debug)]
pub struct AssessmentRow {
    /// The assessment.
    pub assessment: Assessment,
    /// Its open findings.
    pub open: BySeverity,
    /// Its findings that are closed.
    pub closed: u64,
    /// Scans that belong to it.
    pub scans: u64,
}

/// All assessments, newest first. There are as many as people make.
///
/// # Errors
/// If the database refuses or a stored value cannot be read.
pub async fn all(tx: &mut Tx) -> Result<Vec<AssessmentRow>> {
    let known = assessments::all(tx).await?;
    with_contents(tx, known).await
}

/// One assessment.
///
/// # Errors
/// If the database refuses or a stored value cannot be read.
pub async fn one(tx: &mut Tx, id: AssessmentId) -> Result<Option<AssessmentRow>> {
    let known = assessments::get(tx, id).await?;
    Ok(with_contents(tx, known.into_iter().collect()).await?.pop())
}

async fn with_contents(tx: &mut Tx, known: Vec<Assessment>) -> Result<Vec<AssessmentRow>> {
    if known.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<AssessmentId> = known.iter().map(|assessment| assessment.id).collect();
    let mut statement = Statement::new(
        "SELECT af.assessment_id, f.status, f.severity, COUNT(*) AS n FROM assessment_finding af \
         JOIN finding f ON f.id = af.finding_id WHERE af.assessment_id IN ",
    );
    statement.bind_list(ids.iter().copied()).push(" GROUP BY af.assessment_id, f.status, f.severity");
    let mut contents: HashMap<AssessmentId, (BySeverity, u64)> = HashMap::new();
    for row in statement.all(tx).await? {
        let (open, closed) = contents.entry(row.id("assessment_id")?).or_default();
        match row.word::<Status>("status")?.is_open() {
            true => open.push((severity(&row, "severity")?, row.count("n")?)),
            false => *closed += row.count("n")?,
        }
    }
    let mut statement =
        Statement::new("SELECT assessment_id, COUNT(*) AS n FROM scan WHERE assessment_id IN ");
    statement.bind_list(ids).push(" GROUP BY assessment_id");
    let mut scans: HashMap<AssessmentId, u64> = HashMap::new();
    for row in statement.all(tx).await? {
        scans.insert(row.id("assessment_id")?, row.count("n")?);
    }
    let row = |assessment: Assessment| {
        let (open, closed) = contents.remove(&assessment.id).unwrap_or_default();
        AssessmentRow { open, closed, scans: scans.remove(&assessment.id).unwrap_or(0), assessment }
    };
    Ok(known.into_iter().map(row).collect())
}
