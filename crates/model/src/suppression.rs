//! Suppression rules: which findings are not to be looked at. A finding is suppressed by the first rule that matches it, and
//! comes back when none does any more; what a person decided stands above all of them.

use chrono::{DateTime, Duration, NaiveDate, NaiveTime, Utc};
use serde::{Deserialize, Serialize};

use crate::rule::{Candidate, Criteria, MOST_NAME, RuleProblem};

/// Characters of a reason.
pub const MOST_REASON: usize = 1_000;

/// So many suppression rules there may be.
pub const MOST_RULES: usize = 200;

/// A change that would suppress more of the open findings than this, in percent, is confirmed first.
pub const CONFIRM_PERCENT: u64 = 25;

/// What a person decides about a suppression rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SuppressionSettings {
    /// Name.
    pub name: String,
    /// Why what it matches is not to be looked at.
    pub reason: String,
    /// Which findings.
    pub criteria: Criteria,
    /// It is switched on.
    pub enabled: bool,
    /// Last day (UTC) on which it is in effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<NaiveDate>,
}

impl SuppressionSettings {
    /// Everything that is wrong with it; empty if it is sound.
    pub fn problems(&self) -> Vec<RuleProblem> {
        let problem =
            |at: &str, message: String, mend: String| RuleProblem { at: at.to_owned(), message, mend };
        let mut problems = Vec::new();
        let letters = self.name.chars().count();
        if self.name.trim().is_empty() || letters > MOST_NAME || self.name.chars().any(char::is_control) {
            problems.push(problem(
                "/name",
                format!("the name has {letters} characters, or some that cannot be shown"),
                format!("give it one of 1 to {MOST_NAME}: it is shown as the cause of what it suppresses"),
            ));
        }
        let letters = self.reason.chars().count();
        if self.reason.trim().is_empty() || letters > MOST_REASON {
            problems.push(problem(
                "/reason",
                format!("the reason has {letters} characters"),
                format!("say in 1 to {MOST_REASON} why what it matches is not to be looked at"),
            ));
        }
        if matches!(&self.criteria, Criteria::All(parts) if parts.is_empty()) {
            problems.push(problem(
                "/criteria",
                "the rule would suppress every finding".into(),
                "add a condition".into(),
            ));
        }
        problems
    }

    /// It is switched on and its last day is not over.
    pub fn is_in_effect(&self, now: DateTime<Utc>) -> bool {
        self.enabled && self.until.is_none_or(|until| now.date_naive() <= until)
    }

    /// It is about this finding now.
    pub fn applies(&self, candidate: &Candidate<'_>) -> bool {
        self.is_in_effect(candidate.now) && self.criteria.matches(candidate)
    }

    /// When it should be asked again about everything because time has passed: it ends, or its criteria ask for an age.
    pub fn look_again(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        if !self.is_in_effect(now) {
            return None;
        }
        let ends = self.until.and_then(|until| until.succ_opt());
        let ends = ends.map(|day| day.and_time(NaiveTime::MIN).and_utc());
        let soon = self.criteria.depends_on_time().then(|| now + Duration::hours(1));
        match (ends, soon) {
            (Some(ends), Some(soon)) => Some(ends.min(soon)),
            (one, other) => one.or(other),
        }
    }
}

/// So many of the open findings are more than a rule may suppress unasked.
pub const fn needs_confirmation(suppressed: u64, open: u64) -> bool {
    suppressed * 100 > open * CONFIRM_PERCENT
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Severity;

    fn rule() -> SuppressionSettings {
        SuppressionSettings {
            name: "Tests".into(),
            reason: "Test code is not shipped".into(),
            criteria: Criteria::severity_at_least(Severity::Info),
            enabled: true,
            until: None,
        }
    }

    fn wrong(rule: &SuppressionSettings) -> Vec<String> {
        rule.problems().into_iter().map(|problem| problem.at).collect()
    }

    #[test]
    fn a_rule_has_a_name_a_reason_and_a_condition() {
        assert!(wrong(&rule()).is_empty());
        let bad = SuppressionSettings {
            name: " ".into(),
            reason: "x".repeat(1_001),
            criteria: Criteria::default(),
            ..rule()
        };
        assert_eq!(wrong(&bad), ["/name", "/reason", "/criteria"]);
    }

    #[test]
    fn a_rule_is_looked_at_again_when_its_last_day_is_over() {
        let day = NaiveDate::from_ymd_opt(2026, 5, 1).unwrap();
        let noon = day.and_hms_opt(12, 0, 0).unwrap().and_utc();
        let rule = SuppressionSettings { until: Some(day), ..rule() };
        assert!(rule.is_in_effect(noon));
        let ends = rule.look_again(noon).unwrap();
        assert_eq!(ends, noon + Duration::hours(12));
        assert!(!rule.is_in_effect(ends));
        assert_eq!(rule.look_again(ends), None);
    }

    #[test]
    fn a_quarter_of_what_is_open_needs_no_confirmation_and_more_does() {
        assert!(!needs_confirmation(0, 0));
        assert!(!needs_confirmation(25, 100));
        assert!(needs_confirmation(26, 100));
        assert!(needs_confirmation(1, 3));
    }
}
