//! Acceptances: a risk that somebody accepted, with the reason, the evidence, and the day on which it ends. One acceptance
//! may cover many findings; each of them points at it.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};

use crate::status::FallBack;

/// Characters of a reason.
pub const MOST_REASON: usize = 2_000;

/// Characters of what is said as evidence.
pub const MOST_EVIDENCE: usize = 10_000;

/// Characters of the address of evidence.
pub const MOST_LINK: usize = 2_000;

/// Findings that one acceptance covers at once.
pub const MOST_FINDINGS: usize = 1_000;

/// What becomes of the findings of an acceptance when it ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum AtEnd {
    /// They are open again.
    #[default]
    Reopen,
    /// They stay accepted, and an alarm says so until somebody extends or revokes it.
    Keep,
}

impl AtEnd {
    /// The word used in code, database, API and command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reopen => "reopen",
            Self::Keep => "keep",
        }
    }
}

impl fmt::Display for AtEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for AtEnd {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim() {
            "reopen" => Ok(Self::Reopen),
            "keep" => Ok(Self::Keep),
            other => Err(format!("'{other}' does not say what becomes of findings: use reopen or keep")),
        }
    }
}

/// How an acceptance stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum AcceptanceState {
    /// It holds.
    InForce,
    /// Its day has come.
    Ended,
    /// Somebody took it back.
    Revoked,
}

impl AcceptanceState {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::InForce, Self::Ended, Self::Revoked];

    /// The state of an acceptance that was revoked or not, and ends then.
    pub fn of(revoked: bool, until: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Self {
        match (revoked, until) {
            (true, _) => Self::Revoked,
            (false, Some(until)) if until <= now => Self::Ended,
            (false, _) => Self::InForce,
        }
    }

    /// The word used in API and command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InForce => "in_force",
            Self::Ended => "ended",
            Self::Revoked => "revoked",
        }
    }
}

impl fmt::Display for AcceptanceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for AcceptanceState {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|state| state.as_str() == text.trim());
        known.ok_or_else(|| format!("'{text}' is no state of an acceptance: use in_force, ended or revoked"))
    }
}

/// What an acceptance says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// Why the risk is borne.
    pub reason: String,
    /// What supports it, in words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub evidence: String,
    /// Where more of it is found: an https address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// When it ends; none: it has no end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<DateTime<Utc>>,
    /// What becomes of its findings then.
    #[serde(default)]
    pub at_end: AtEnd,
    /// The status that they have then; none: the one that each had before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub then: Option<FallBack>,
}

/// How far acceptances may go here, whoever grants them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct AcceptancePolicy {
    /// Each has an end.
    pub end_required: bool,
    /// The most days from when it is granted, or extended, to its end: 1 to 3650.
    pub longest_days: u32,
}

impl Default for AcceptancePolicy {
    /// As far as a temporary status goes.
    fn default() -> Self {
        Self { end_required: false, longest_days: 3650 }
    }
}

/// Something that is wrong with an acceptance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcceptanceProblem {
    /// Where, as the API names it: `until`.
    pub at: &'static str,
    /// What, as a sentence.
    pub message: String,
    /// What to do about it, as a sentence.
    pub mend: String,
}

impl AcceptancePolicy {
    /// What is wrong with the policy.
    pub fn problem(&self) -> Option<AcceptanceProblem> {
        let longest = u32::try_from(crate::lifecycle::MOST_DAYS).unwrap_or(u32::MAX);
        (self.longest_days == 0 || self.longest_days > longest).then(|| AcceptanceProblem {
            at: "longest_days",
            message: format!("An acceptance cannot be bound to {} days.", self.longest_days),
            mend: format!("Give a number from 1 to {longest}."),
        })
    }

    /// What is wrong with an end, for an acceptance that is granted or extended now.
    pub fn problem_of_end(
        &self,
        until: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Option<AcceptanceProblem> {
        let problem = |message: String, mend: String| Some(AcceptanceProblem { at: "until", message, mend });
        let mend = format!("Choose a day in the next {} days.", self.longest_days);
        match until {
            None if self.end_required => problem("Here each acceptance has an end.".into(), mend),
            None => None,
            Some(until) if until <= now => {
                problem("The day on which the acceptance would end lies in the past.".into(), mend)
            }
            // A day more: the last day is whole.
            Some(until) if until > now + Duration::days(i64::from(self.longest_days) + 1) => {
                problem(format!("Here no acceptance lasts longer than {} days.", self.longest_days), mend)
            }
            Some(_) => None,
        }
    }
}

impl Terms {
    /// The same without spaces around the texts; blank ones are none.
    #[must_use]
    pub fn trimmed(mut self) -> Self {
        self.reason = self.reason.trim().to_owned();
        self.evidence = self.evidence.trim().to_owned();
        self.link = self.link.map(|link| link.trim().to_owned()).filter(|link| !link.is_empty());
        self
    }

    /// What is wrong with it, first of all.
    pub fn problem(&self, policy: &AcceptancePolicy, now: DateTime<Utc>) -> Option<AcceptanceProblem> {
        let problem = |at, message: &str, mend: String| {
            Some(AcceptanceProblem { at, message: message.to_owned(), mend })
        };
        if self.reason.trim().is_empty() {
            return problem("reason", "An acceptance needs a reason.", "Say why the risk is borne.".into());
        }
        if self.reason.chars().count() > MOST_REASON {
            return problem(
                "reason",
                "The reason is too long.",
                format!("Shorten it to {MOST_REASON} characters; the rest is evidence."),
            );
        }
        if self.evidence.chars().count() > MOST_EVIDENCE {
            return problem(
                "evidence",
                "The evidence is too long.",
                format!("Shorten it to {MOST_EVIDENCE} characters, or give a link."),
            );
        }
        if self.link.as_deref().is_some_and(|link| !is_link(link)) {
            return problem(
                "link",
                "The link to the evidence is no https address.",
                format!("Give one such as https://wiki.example/decisions/7, at most {MOST_LINK} characters."),
            );
        }
        policy.problem_of_end(self.until, now)
    }
}

/// An address that may be shown as a link: https, with a host, without name and password.
fn is_link(link: &str) -> bool {
    let Some(rest) = link.get(..8).filter(|scheme| scheme.eq_ignore_ascii_case("https://")) else {
        return false;
    };
    let host = link[rest.len()..].split(['/', '?', '#']).next().unwrap_or_default();
    link.len() <= MOST_LINK
        && !link
            .contains(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '"' | '<' | '>' | '\\'))
        && host.chars().next().is_some_and(char::is_alphanumeric)
        && !host.contains('@')
}

/// An acceptance, as templates see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Why.
    pub reason: String,
    /// Who granted it.
    pub approver: String,
    /// When it ends.
    pub until: Option<DateTime<Utc>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(day: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + Duration::days(day)
    }

    fn terms() -> Terms {
        Terms { reason: "internal only".into(), ..Terms::default() }
    }

    fn wrong(terms: &Terms, policy: AcceptancePolicy) -> Option<&'static str> {
        terms.problem(&policy, at(100)).map(|problem| problem.at)
    }

    #[test]
    fn an_acceptance_has_a_reason_and_its_texts_are_bounded() {
        let policy = AcceptancePolicy::default();
        assert_eq!(wrong(&terms(), policy), None);
        assert_eq!(wrong(&Terms { reason: " \n".into(), ..terms() }, policy), Some("reason"));
        assert_eq!(wrong(&Terms { reason: "x".repeat(2_001), ..terms() }, policy), Some("reason"));
        assert_eq!(wrong(&Terms { evidence: "x".repeat(10_001), ..terms() }, policy), Some("evidence"));
    }

    #[test]
    fn only_an_https_address_is_evidence() {
        let policy = AcceptancePolicy::default();
        let with = |link: &str| wrong(&Terms { link: Some(link.into()), ..terms() }, policy);
        assert_eq!(with("https://wiki.example/adr/7"), None);
        for bad in [
            "http://wiki.example",
            "javascript:alert(1)",
            "https://a:b@wiki.example/",
            "wiki",
            "https://",
            "https:///x",
            "https://w.example/a b",
        ] {
            assert_eq!(with(bad), Some("link"), "{bad}");
        }
    }

    #[test]
    fn the_policy_says_whether_it_ends_and_how_far_away() {
        let strict = AcceptancePolicy { end_required: true, longest_days: 90 };
        let until = |day| Terms { until: Some(at(day)), ..terms() };
        assert_eq!(wrong(&terms(), strict), Some("until"));
        assert_eq!(wrong(&until(100), strict), Some("until"), "that is now");
        assert_eq!(wrong(&until(190), strict), None);
        assert_eq!(wrong(&until(192), strict), Some("until"));
        assert_eq!(wrong(&until(192), AcceptancePolicy::default()), None);
        for days in [0, 3651] {
            assert!(AcceptancePolicy { longest_days: days, ..strict }.problem().is_some());
        }
    }

    #[test]
    fn an_acceptance_that_was_revoked_does_not_end_any_more() {
        use AcceptanceState::{Ended, InForce, Revoked};
        assert_eq!(AcceptanceState::of(false, None, at(9)), InForce);
        assert_eq!(AcceptanceState::of(false, Some(at(10)), at(9)), InForce);
        assert_eq!(AcceptanceState::of(false, Some(at(9)), at(9)), Ended);
        assert_eq!(AcceptanceState::of(true, Some(at(9)), at(9)), Revoked);
        for state in AcceptanceState::ALL {
            assert_eq!(state.as_str().parse(), Ok(state));
        }
    }
}
