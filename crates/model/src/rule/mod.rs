//! Ticketing rules: which findings get tickets, where, and which findings share one.
//!
//! | file | subject |
//! |---|---|
//! | `facts` | what may be asked about a finding: one table |
//! | `criteria` | conditions on facts, and trees of them |
//! | `parse` | criteria as people write them, with every problem at its node |
//! | `glob` | patterns for names and paths |
//! | `grouping` | which findings share a ticket |
//! | `tending` | where work items begin and are closed, and late members |

mod criteria;
mod facts;
mod glob;
mod grouping;
mod parse;
mod tending;

use chrono::{DateTime, Duration, NaiveDate, NaiveTime, Utc};
use serde::{Deserialize, Serialize};

pub use criteria::{Condition, Criteria, Operand, Operator};
pub use facts::{Candidate, FACTS, Fact, FactKind, FactOf, FactRow};
pub(crate) use glob::fits;
pub use grouping::Grouping;
pub use parse::{MOST_CHARACTERS, MOST_DEPTH, MOST_NODES, MOST_VALUES, RuleProblem};
pub use tending::{AutoClose, CloseWhen, LateMember, Places, Tending};

use crate::DestinationId;

/// Characters of a state's name.
const MOST_STATE: usize = 128;

/// Characters of a rule's name.
pub const MOST_NAME: usize = 200;

/// What a person decides about a rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RuleSettings {
    /// Name.
    pub name: String,
    /// It is in effect.
    pub enabled: bool,
    /// Which findings.
    pub criteria: Criteria,
    /// Whether rules behind it are asked about what it matches.
    #[serde(default)]
    pub on_match: OnMatch,
    /// All findings, or only new ones.
    #[serde(default)]
    pub applies_to: AppliesTo,
    /// First day (UTC) on which it is in effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<NaiveDate>,
    /// Last day (UTC) on which it is in effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<NaiveDate>,
    /// Where its tickets go; none: where the findings' asset is bound, else the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination: Option<DestinationId>,
    /// Which findings share a ticket.
    #[serde(default)]
    pub grouping: Grouping,
    /// State in which its work items begin; that of the status map if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial_state: Option<String>,
    /// Whether and where its work items are closed.
    #[serde(default)]
    pub auto_close: AutoClose,
    /// What becomes of a finding whose group has a work item already.
    #[serde(default)]
    pub late_member: LateMember,
    /// When its tickets are made.
    #[serde(default)]
    pub release: Release,
}

/// When the tickets of a rule are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Release {
    /// As soon as a finding is identified.
    #[default]
    AtIdentification,
    /// Once an assessment that the finding belongs to is completed. A finding of no assessment has no ticket by this rule.
    WhenAssessmentCompletes,
}

/// Whether rules behind one that matches are asked, too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum OnMatch {
    /// No: it alone decides about what it matches.
    #[default]
    Stop,
    /// Yes. Where several rules match, there is one ticket for each destination.
    GoOn,
}

/// Which findings a rule is about besides its criteria.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum AppliesTo {
    /// All that match.
    #[default]
    AllFindings,
    /// Only those first seen by a scan that started after the rule was saved so.
    NewFindings,
}

impl RuleSettings {
    /// A rule with these criteria and everything else as usual.
    pub fn new(name: impl Into<String>, criteria: Criteria) -> Self {
        Self {
            name: name.into(),
            enabled: true,
            criteria,
            on_match: OnMatch::default(),
            applies_to: AppliesTo::default(),
            from: None,
            until: None,
            destination: None,
            grouping: Grouping::default(),
            initial_state: None,
            auto_close: AutoClose::default(),
            late_member: LateMember::default(),
            release: Release::default(),
        }
    }

    /// Everything that is wrong with it, but for what only a destination can tell; empty if it is sound.
    pub fn problems(&self) -> Vec<RuleProblem> {
        let mut problems = Vec::new();
        let letters = self.name.chars().count();
        if self.name.trim().is_empty() {
            problems.push(RuleProblem::new(
                "/name",
                "the rule has no name",
                "give it a short one: it is shown as the cause of its tickets",
            ));
        } else if letters > MOST_NAME {
            problems.push(RuleProblem::new(
                "/name",
                format!("the name has {letters} characters"),
                format!("shorten it to {MOST_NAME}"),
            ));
        }
        if let (Some(from), Some(until)) = (self.from, self.until)
            && until < from
        {
            problems.push(RuleProblem::new(
                "/until",
                format!("the rule would end on {until}, before it begins on {from}"),
                "choose a later last day, or leave it out",
            ));
        }
        problems.extend(self.grouping.problems());
        for (at, state) in
            [("/initial_state", &self.initial_state), ("/auto_close/state", &self.auto_close.state)]
        {
            if state.as_ref().is_some_and(|name| name.trim().is_empty() || name.chars().count() > MOST_STATE)
            {
                problems.push(RuleProblem::new(
                    at,
                    "the state has no name, or one that no state can have",
                    "name a state of the work item type, or leave it out",
                ));
            }
        }
        problems
    }

    /// It is switched on and the day is one of its days.
    pub fn is_in_effect(&self, now: DateTime<Utc>) -> bool {
        let today = now.date_naive();
        self.enabled
            && self.from.is_none_or(|from| from <= today)
            && self.until.is_none_or(|until| today <= until)
    }

    /// It is about this finding now. `since` is when it was saved, for a rule that is about new findings only.
    pub fn applies(&self, since: DateTime<Utc>, candidate: &Candidate<'_>) -> bool {
        self.is_in_effect(candidate.now)
            && (self.applies_to == AppliesTo::AllFindings || candidate.first_seen_at > since)
            && (self.release == Release::AtIdentification || candidate.is_assessed())
            && self.criteria.matches(candidate)
    }

    /// When it should be asked again about everything because time has passed: it begins, or its criteria ask for an age.
    pub fn look_again(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        if !self.enabled || self.until.is_some_and(|until| until < now.date_naive()) {
            return None;
        }
        let begins = self.from.map(|from| from.and_time(NaiveTime::MIN).and_utc());
        match begins.filter(|begins| *begins > now) {
            Some(begins) => Some(begins),
            None => self.criteria.depends_on_time().then(|| now + Duration::hours(1)),
        }
    }
}
