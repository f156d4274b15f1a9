//! Which findings share a ticket.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::facts::{Candidate, Fact, names};
use super::parse::RuleProblem;
use crate::{AssetId, FindingId, FindingKind};

/// Facts of one custom grouping.
const MOST_FACTS: usize = 8;

/// Which findings share a ticket. A finding stays on the ticket that it has, also when its key changes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Grouping {
    /// One ticket for each finding.
    #[default]
    PerFinding,
    /// One ticket for all findings of one vulnerability on one asset.
    PerVulnerabilityAndAsset,
    /// One ticket for all findings of one vulnerability, on all assets of the destination.
    PerVulnerability,
    /// One ticket for what scanners report of one vulnerability in one component of an asset, whatever they call it; one
    /// for each finding that is not about a component.
    PerCorrelation,
    /// One ticket for what one change of an asset mends: a component and its fixed version; else a scanner's rule and file.
    PerFix,
    /// One ticket for all findings of one asset.
    PerAsset,
    /// One ticket for all findings that have these facts in common.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>))]
    By(Vec<Fact>),
}

/// Hashed, because what scanners say may be of any length.
fn hashed(word: &str, parts: &[&str]) -> String {
    let hash = Sha256::digest(parts.join("\0"));
    format!("{word}:{}", hex::encode(&hash[..16]))
}

impl Grouping {
    /// Those with a word of their own.
    pub const NAMED: [Self; 6] = [
        Self::PerFinding,
        Self::PerVulnerabilityAndAsset,
        Self::PerVulnerability,
        Self::PerCorrelation,
        Self::PerFix,
        Self::PerAsset,
    ];

    /// The key of one finding alone.
    pub fn of_finding(finding: FindingId) -> String {
        format!("finding:{finding}")
    }

    /// Findings with the same key at the same destination share a ticket.
    pub fn key(&self, candidate: &Candidate<'_>) -> String {
        let asset: AssetId = candidate.asset;
        let vulnerability = candidate.detail.vulnerability.id.to_lowercase();
        match self {
            Self::PerFinding => Self::of_finding(candidate.finding),
            Self::PerVulnerabilityAndAsset => hashed("vulnerability", &[&asset.to_string(), &vulnerability]),
            Self::PerVulnerability => hashed("everywhere", &[&vulnerability]),
            Self::PerCorrelation => match candidate.correlation {
                Some(correlation) => format!("correlation:{correlation}"),
                None => Self::of_finding(candidate.finding),
            },
            Self::PerFix => match &candidate.detail.component {
                Some(component) if candidate.detail.kind == FindingKind::Component => {
                    let ecosystem = component.ecosystem.as_deref().unwrap_or_default().to_lowercase();
                    let fixed = component.fixed_version.as_deref().unwrap_or_default();
                    let name = component.name.to_lowercase();
                    hashed("fix", &[&asset.to_string(), &ecosystem, &name, fixed])
                }
                _ => {
                    let path = &candidate.detail.location.path;
                    hashed("fix", &[&asset.to_string(), &vulnerability, path])
                }
            },
            Self::PerAsset => format!("asset:{asset}"),
            Self::By(facts) => {
                let values: Vec<String> = facts
                    .iter()
                    .map(|fact| format!("{}={}", fact.row().name, fact.group_value(candidate)))
                    .collect();
                hashed("by", &values.iter().map(String::as_str).collect::<Vec<_>>())
            }
        }
    }

    pub(super) fn problems(&self) -> Vec<RuleProblem> {
        let Self::By(facts) = self else { return Vec::new() };
        let mut problems = Vec::new();
        let known = || format!("use some of {}", names(|row| row.groups));
        if facts.is_empty() {
            problems.push(RuleProblem::new("/grouping/by", "the grouping names no fact", known()));
        }
        if facts.len() > MOST_FACTS {
            problems.push(RuleProblem::new(
                "/grouping/by",
                format!("the grouping names {} facts", facts.len()),
                format!("name at most {MOST_FACTS}"),
            ));
        }
        for (at, fact) in facts.iter().enumerate() {
            let name = fact.row().name;
            if !fact.row().groups {
                problems.push(RuleProblem::new(
                    format!("/grouping/by/{at}"),
                    format!("findings cannot be grouped by '{name}': it changes, or has several values"),
                    known(),
                ));
            } else if facts[..at].contains(fact) {
                problems.push(RuleProblem::new(
                    format!("/grouping/by/{at}"),
                    format!("'{name}' is named twice"),
                    "name it once",
                ));
            }
        }
        problems
    }
}

impl std::fmt::Display for Grouping {
    /// In words for people.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::PerFinding => "one ticket per finding",
            Self::PerVulnerabilityAndAsset => "one ticket per vulnerability and asset",
            Self::PerVulnerability => "one ticket per vulnerability",
            Self::PerCorrelation => "one ticket per vulnerability and component of an asset",
            Self::PerFix => "one ticket per fix",
            Self::PerAsset => "one ticket per asset",
            Self::By(facts) => {
                let names: Vec<&str> = facts.iter().map(|fact| fact.row().name).collect();
                return write!(f, "one ticket per {}", names.join(", "));
            }
        })
    }
}
