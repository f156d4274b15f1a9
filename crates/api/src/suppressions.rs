//! Suppression rules: which findings are not to be looked at.

use chrono::{DateTime, NaiveDate, Utc};
use model::{FindingId, Severity, SuppressionId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::SeverityCounts;

/// A rule that says which findings are not to be looked at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Suppression {
    /// Identity.
    pub id: SuppressionId,
    /// Counts up with each change.
    pub version: u32,
    /// Settings.
    #[serde(flatten)]
    pub settings: SuppressionSettings,
    /// Its criteria in one line for people.
    pub about: String,
    /// It is switched on and its last day is not over.
    pub in_effect: bool,
    /// Findings that it suppresses now.
    pub findings: u64,
    /// Who made it.
    pub created_by: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// What a person decides about a suppression rule. Body of `POST /api/v1/suppressions`, `PUT /api/v1/suppressions/{id}` and
/// `POST /api/v1/suppressions/preview`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SuppressionSettings {
    /// Name, at most 200 characters; no two have the same but for case.
    pub name: String,
    /// Why what it matches is not to be looked at, at most 1,000 characters.
    pub reason: String,
    /// Which findings, in the words of ticketing rules (`GET /api/v1/rules/facts`). At least one condition.
    pub criteria: serde_json::Value,
    /// It is switched on.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Last day (UTC) on which it is in effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<NaiveDate>,
}

fn yes() -> bool {
    true
}

/// Query of `POST /api/v1/suppressions` and `PUT /api/v1/suppressions/{id}`.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, ToSchema, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SuppressionConfirm {
    /// Save it even if more than a quarter of the open findings would be suppressed.
    #[serde(default)]
    pub confirm: bool,
}

/// Query of `POST /api/v1/suppressions/preview`.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, ToSchema, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SuppressionPreviewQuery {
    /// The rule that would be changed; a new one if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<SuppressionId>,
}

/// What saving or deleting a suppression rule would do now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SuppressionPreview {
    /// Findings that are open now.
    pub open: u64,
    /// Open findings that would be suppressed.
    pub suppress: SeverityCounts,
    /// Suppressed findings that would come back.
    pub come_back: SeverityCounts,
    /// Findings that suppression rules match and that a person decided about: they stay as they are.
    pub decided_by_people: u64,
    /// Tickets whose findings would all be closed: their work items are closed as the destinations say.
    pub tickets_closing: u64,
    /// Some of those that would be suppressed, at most ten.
    pub examples: Vec<SuppressionExample>,
    /// More than a quarter of what is open would be suppressed: `confirm` is needed.
    pub needs_confirmation: bool,
}

/// A finding that would be suppressed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SuppressionExample {
    /// Finding.
    pub id: FindingId,
    /// Its title.
    pub title: String,
    /// Its severity.
    pub severity: Severity,
    /// Name of its asset.
    pub asset: String,
}

/// Body of `PUT /api/v1/suppressions/order`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SuppressionOrder {
    /// Every suppression rule once; the first is asked first.
    pub rules: Vec<SuppressionId>,
}

/// The rule that suppresses a finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SuppressionRef {
    /// Identity.
    pub id: SuppressionId,
    /// Name; absent for one that was deleted a moment ago.
    pub name: Option<String>,
}
