//! Acceptances: risks that somebody accepted.

use chrono::{DateTime, Utc};
use model::acceptance::{AcceptanceState, AtEnd};
use model::status::FallBack;
use model::{AcceptanceId, FindingId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A risk that somebody accepted, for some findings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Acceptance {
    /// Identity.
    pub id: AcceptanceId,
    /// How it stands.
    pub state: AcceptanceState,
    /// Why the risk is borne.
    pub reason: String,
    /// What supports it, in words; empty if nothing was said.
    pub evidence: String,
    /// Where more of it is found: an https address.
    pub link: Option<String>,
    /// When it ends; absent if it has no end.
    pub until: Option<DateTime<Utc>>,
    /// Whole days until it ends, negative once it has; absent if it has no end or was revoked.
    pub days_left: Option<i64>,
    /// What becomes of its findings when it ends.
    pub at_end: AtEnd,
    /// The status that they have then; absent for the one that each had before.
    pub then: Option<FallBack>,
    /// Who granted it.
    pub approver: String,
    /// Who asked for it, if somebody did.
    pub requested_by: Option<String>,
    /// When it was granted.
    pub granted_at: DateTime<Utc>,
    /// When its end was last changed.
    pub extended_at: Option<DateTime<Utc>>,
    /// Who changed it.
    pub extended_by: Option<String>,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
    /// Who revoked it.
    pub revoked_by: Option<String>,
    /// Why it was revoked.
    pub revoked_reason: Option<String>,
    /// Findings that are accepted by it now.
    pub findings: u64,
    /// Findings that it covered at any time.
    pub covered: u64,
}

/// Body of `POST /api/v1/acceptances`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAcceptance {
    /// Findings whose risk is accepted, 1 to 1000.
    pub findings: Vec<FindingId>,
    /// Why the risk is borne, at most 2,000 characters.
    pub reason: String,
    /// What supports it, at most 10,000 characters.
    #[serde(default)]
    pub evidence: String,
    /// Where more of it is found: an https address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// When it ends, as far ahead as the policy allows; absent for no end, if the policy allows that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<DateTime<Utc>>,
    /// What becomes of the findings when it ends.
    #[serde(default)]
    pub at_end: AtEnd,
    /// The status that they have then; absent for the one that each has now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub then: Option<FallBack>,
}

/// Body of `POST /api/v1/acceptances/{id}/extend`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExtendAcceptance {
    /// When it ends from now on; absent for no end, if the policy allows that. It may also be earlier than before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<DateTime<Utc>>,
    /// Why; it stands in the history of each finding, and as a comment on its work item.
    pub reason: String,
}

/// Body of `POST /api/v1/acceptances/{id}/revoke`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeAcceptance {
    /// Why; it stands in the history of each finding.
    pub reason: String,
}

/// Filter of `GET /api/v1/acceptances`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AcceptanceFilter {
    /// States, separated by commas: `in_force`, `ended`, `revoked`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
}

/// The acceptance that covers a finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AcceptanceRef {
    /// Identity.
    pub id: AcceptanceId,
    /// Why the risk is borne.
    pub reason: String,
    /// What supports it.
    pub evidence: String,
    /// Where more of it is found: an https address.
    pub link: Option<String>,
    /// Who granted it.
    pub approver: String,
    /// When it ends.
    pub until: Option<DateTime<Utc>>,
}
