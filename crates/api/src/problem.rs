//! Errors as RFC 9457 problem details.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What went wrong, to what, why, and what to do next. Media type `application/problem+json` (RFC 9457).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// `urn:lockstep:problem:<code>`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Stable word for programs, such as `report_invalid`.
    pub code: String,
    /// HTTP status code.
    pub status: u16,
    /// Short summary that is the same each time.
    pub title: String,
    /// What happened this time, to what and why.
    pub detail: String,
    /// What to do next.
    pub next_step: String,
    /// Fields of the request that are wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldProblem>,
}

/// What is wrong with one field of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldProblem {
    /// JSON pointer (RFC 6901) into the request body, such as `/status_map/fixed`.
    pub pointer: String,
    /// What is wrong and how to mend it.
    pub detail: String,
}
