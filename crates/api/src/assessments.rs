//! Assessments: pieces of work that group scans and findings.

use chrono::{DateTime, NaiveDate, Utc};
use model::assessment::AssessmentState;
use model::{AssessmentId, FindingId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::SeverityCounts;

/// A piece of work, such as a penetration test, a review or a scan campaign.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Assessment {
    /// Identity.
    pub id: AssessmentId,
    /// What people say about it.
    #[serde(flatten)]
    pub settings: AssessmentSettings,
    /// How far it is.
    pub state: AssessmentState,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was completed.
    pub completed_at: Option<DateTime<Utc>>,
    /// Its open findings by severity.
    pub open: SeverityCounts,
    /// Its findings that are closed.
    pub closed: u64,
    /// Scans that belong to it.
    pub scans: u64,
}

/// What people say about an assessment: body of `POST /api/v1/assessments` and `PUT /api/v1/assessments/{id}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAssessment {
    /// Name, 1 to 200 characters; no two have the same but for case.
    pub name: String,
    /// What it is about, at most 10,000 characters.
    #[serde(default)]
    pub description: String,
    /// First day, as planned.
    #[serde(default)]
    pub starts_on: Option<NaiveDate>,
    /// Last day, as planned.
    #[serde(default)]
    pub ends_on: Option<NaiveDate>,
}

/// What people say about an assessment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AssessmentSettings {
    /// Name.
    pub name: String,
    /// What it is about.
    pub description: String,
    /// First day, as planned.
    pub starts_on: Option<NaiveDate>,
    /// Last day, as planned.
    pub ends_on: Option<NaiveDate>,
}

/// Body of `POST /api/v1/assessments/{id}/state`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
pub struct MoveAssessment {
    /// What it becomes. Completing it says so on the tickets of its findings, and lets rules make tickets that waited for it.
    pub state: AssessmentState,
}

/// Body of `POST /api/v1/assessments/{id}/findings`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct AddToAssessment {
    /// Findings, at most 1000.
    pub findings: Vec<FindingId>,
}

/// Answer of `POST /api/v1/assessments/{id}/findings`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
pub struct AddedToAssessment {
    /// How many were not in it.
    pub added: u64,
}

/// An assessment that a finding belongs to.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct AssessmentRef {
    /// Identity.
    pub id: AssessmentId,
    /// Name.
    pub name: String,
    /// How far it is.
    pub state: AssessmentState,
}
