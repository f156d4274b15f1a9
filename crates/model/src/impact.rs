//! How much the business depends on an asset.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Business impact of an asset: what it would cost if it were broken into, as people say it. The order is from unknown to
/// worst.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Impact {
    /// Nobody has said so far.
    #[default]
    Unknown,
    /// Hardly anything: a prototype, a test system.
    Low,
    /// Some people could not work, or little that matters would be known outside.
    Medium,
    /// Customers, money or personal data would be affected.
    High,
    /// The business stands or falls with it.
    Critical,
}

impl Impact {
    /// All of them, least first.
    pub const ALL: [Self; 5] = [Self::Unknown, Self::Low, Self::Medium, Self::High, Self::Critical];

    /// The word used in code, database, API and command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

impl fmt::Display for Impact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A word that is no business impact.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("'{0}' is not a business impact: use critical, high, medium, low or unknown")]
pub struct UnknownImpact(pub String);

impl FromStr for Impact {
    type Err = UnknownImpact;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.into_iter().find(|impact| impact.as_str().eq_ignore_ascii_case(s.trim()));
        known.ok_or_else(|| UnknownImpact(s.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_impact_has_a_word_that_leads_back_to_it() {
        for impact in Impact::ALL {
            assert_eq!(impact.as_str().parse(), Ok(impact));
        }
        assert_eq!("HIGH".parse(), Ok(Impact::High));
        assert!("huge".parse::<Impact>().unwrap_err().to_string().contains("critical, high"));
        assert!(Impact::Unknown < Impact::Low && Impact::High < Impact::Critical);
    }
}
