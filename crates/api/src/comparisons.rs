//! How what two scans saw differs.

use model::ScanId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{FindingSummary, Scan, SeverityCounts};

/// Query of `GET /api/v1/scans/{id}/comparison`.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, ToSchema, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ComparisonQuery {
    /// The scan to compare with, of the same configuration on the same branch; the one before if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub with: Option<ScanId>,
}

/// What one scan saw that the other did not.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ComparedSide {
    /// How many findings, by severity.
    pub counts: SeverityCounts,
    /// The worst of them, at most 200, as they are now.
    pub findings: Vec<FindingSummary>,
}

/// How what two scans saw differs.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ScanComparison {
    /// The earlier scan; absent if there is none.
    pub earlier: Option<Scan>,
    /// The later scan.
    pub later: Scan,
    /// Seen by the later one alone.
    pub new: ComparedSide,
    /// Seen by the earlier one alone; the later one covered their places.
    pub gone: ComparedSide,
    /// Findings that both saw, or that the later one did not look for.
    pub unchanged: u64,
}
