//! Ticketing rules: which findings get tickets, and which findings share one.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{AssetId, FindingId, Severity};

/// Which findings a rule is about. All given conditions must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Criteria {
    /// The finding is at least this severe.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity_at_least: Option<Severity>,
    /// The asset has every one of these tags (compared without case).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asset_tags: Vec<String>,
}

/// What a rule looks at.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// Severity of the finding.
    pub severity: Severity,
    /// Tags of its asset.
    pub asset_tags: &'a [String],
}

impl Criteria {
    /// The rule is about this finding.
    pub fn matches(&self, candidate: Candidate<'_>) -> bool {
        self.severity_at_least.is_none_or(|least| candidate.severity >= least)
            && self.asset_tags.iter().all(|wanted| {
                candidate.asset_tags.iter().any(|tag| tag.to_lowercase() == wanted.to_lowercase())
            })
    }
}

/// Which findings share a ticket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Grouping {
    /// One ticket for each finding.
    #[default]
    PerFinding,
    /// One ticket for all findings of one vulnerability on one asset.
    PerVulnerabilityAndAsset,
}

impl Grouping {
    /// The word used in database, API and command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PerFinding => "per_finding",
            Self::PerVulnerabilityAndAsset => "per_vulnerability_and_asset",
        }
    }

    /// Findings with the same key at the same destination share a ticket.
    pub fn key(self, finding: FindingId, vulnerability: &str, asset: AssetId) -> String {
        match self {
            Self::PerFinding => format!("finding:{finding}"),
            Self::PerVulnerabilityAndAsset => {
                // Hashed, because a vulnerability's id is text from a scanner and may be of any length.
                let hash = Sha256::digest(format!("{asset}\0{}", vulnerability.to_lowercase()));
                format!("vulnerability:{}", hex::encode(&hash[..16]))
            }
        }
    }
}
