//! Assessments: pieces of work that group scans and findings.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How far an assessment is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum AssessmentState {
    /// It is to begin.
    #[default]
    Planned,
    /// It is under way.
    Running,
    /// It has ended: what it found is what it found.
    Completed,
}

impl AssessmentState {
    /// All of them, in their order.
    pub const ALL: [Self; 3] = [Self::Planned, Self::Running, Self::Completed];

    /// The word used in code, database, API and command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Running => "running",
            Self::Completed => "completed",
        }
    }

    /// It may become that from here. A completed one may be taken up again; what never began is not completed.
    pub const fn may_become(self, next: Self) -> bool {
        matches!(
            (self, next),
            (Self::Planned | Self::Completed, Self::Running)
                | (Self::Running, Self::Completed | Self::Planned)
        )
    }
}

impl fmt::Display for AssessmentState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for AssessmentState {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|state| state.as_str().eq_ignore_ascii_case(text.trim()));
        known.ok_or_else(|| {
            format!("'{text}' is no state of an assessment: use planned, running or completed")
        })
    }
}

/// An assessment that a finding belongs to, as rules and templates see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InAssessment {
    /// Its name.
    pub name: String,
    /// How far it is.
    pub state: AssessmentState,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_assessment_begins_before_it_ends_and_may_be_taken_up_again() {
        use AssessmentState::{Completed, Planned, Running};
        let allowed: Vec<_> = AssessmentState::ALL
            .into_iter()
            .flat_map(|from| AssessmentState::ALL.map(|to| (from, to)))
            .filter(|(from, to)| from.may_become(*to))
            .collect();
        assert_eq!(
            allowed,
            [(Planned, Running), (Running, Planned), (Running, Completed), (Completed, Running)]
        );
    }

    #[test]
    fn words_lead_back_to_their_states() {
        for state in AssessmentState::ALL {
            assert_eq!(state.as_str().parse(), Ok(state));
        }
        assert!("done".parse::<AssessmentState>().unwrap_err().contains("completed"));
    }
}
