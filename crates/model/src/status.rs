//! A finding's status: facts that different parties own, and the one word that people see (design: "A finding's status").
//!
//! Nobody stores "the status" as a decision. Scans write [`Detection`]s; people, rules and card moves write [`Triage`];
//! [`Facts::status`] derives the word.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};

use crate::{AcceptanceId, FindingId, SuppressionId};

/// The one word people see. The order is from least to most advanced: a ticket shows its least advanced open member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// A manual finding that is not published yet.
    Draft,
    /// Seen by a scan, not yet looked at.
    Created,
    /// Confirmed: tickets are made from here on.
    Identified,
    /// Somebody works on it.
    InProgress,
    /// Work on it waits for something.
    Waiting,
    /// Somebody says it is fixed; no scan has proved it yet.
    AwaitingValidation,
    /// The risk is accepted by somebody who may.
    RiskAccepted,
    /// It is no weakness.
    FalsePositive,
    /// Not to be looked at.
    Suppressed,
    /// The same weakness as another finding.
    Duplicate,
    /// A scan that covered it did not see it any more; for a manual finding, a validator said so.
    Fixed,
}

impl Status {
    /// All statuses from least to most advanced.
    pub const ALL: [Status; 11] = [
        Status::Draft,
        Status::Created,
        Status::Identified,
        Status::InProgress,
        Status::Waiting,
        Status::AwaitingValidation,
        Status::RiskAccepted,
        Status::FalsePositive,
        Status::Suppressed,
        Status::Duplicate,
        Status::Fixed,
    ];

    /// Somebody may still have to do something about it.
    pub const fn is_open(self) -> bool {
        matches!(
            self,
            Self::Created | Self::Identified | Self::InProgress | Self::Waiting | Self::AwaitingValidation
        )
    }

    /// The word used in code, database, API and command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Created => "created",
            Self::Identified => "identified",
            Self::InProgress => "in_progress",
            Self::Waiting => "waiting",
            Self::AwaitingValidation => "awaiting_validation",
            Self::RiskAccepted => "risk_accepted",
            Self::FalsePositive => "false_positive",
            Self::Suppressed => "suppressed",
            Self::Duplicate => "duplicate",
            Self::Fixed => "fixed",
        }
    }

    /// The words for people.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Draft => "Draft",
            Self::Created => "Created",
            Self::Identified => "Identified",
            Self::InProgress => "In Progress",
            Self::Waiting => "Waiting",
            Self::AwaitingValidation => "Awaiting Validation",
            Self::RiskAccepted => "Risk Accepted",
            Self::FalsePositive => "False Positive",
            Self::Suppressed => "Suppressed",
            Self::Duplicate => "Duplicate",
            Self::Fixed => "Fixed",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Status {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let word = s.trim().to_ascii_lowercase().replace([' ', '-'], "_");
        Self::ALL.into_iter().find(|status| status.as_str() == word).ok_or_else(|| {
            let known: Vec<_> = Self::ALL.iter().map(|status| status.as_str()).collect();
            format!("'{s}' is not a status: use one of {}", known.join(", "))
        })
    }
}

/// What scans of one configuration on one branch say. Times are the scans' own start times, never their arrival.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Detection {
    /// The branch is tracked: only tracked branches decide the status and make tickets.
    pub tracked: bool,
    /// Start of the latest scan that saw the finding.
    pub last_seen_at: DateTime<Utc>,
    /// Start of the latest scan that covered the finding's place and did not see it.
    pub last_absent_at: Option<DateTime<Utc>>,
}

impl Detection {
    /// A covering absence is later than the last sighting.
    pub fn is_gone(&self) -> bool {
        self.last_absent_at.is_some_and(|absent| absent > self.last_seen_at)
    }
}

/// How a finding stands to the newest scans of the tracked branches: derived, never stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum DetectionState {
    /// The newest scan of some configuration saw it.
    Detected,
    /// The newest scans did not look where it is: what they did not see proves nothing.
    NotCovered,
    /// Every configuration that saw it has looked again since, and did not see it.
    NoLongerDetected,
}

impl DetectionState {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Detected, Self::NotCovered, Self::NoLongerDetected];

    /// The state that follows from what each tracked branch says: whether the finding is gone from it, and whether the
    /// newest scan of some configuration saw it there. None without such a branch.
    pub fn of(branches: impl IntoIterator<Item = (bool, bool)>) -> Option<Self> {
        let mut state = None;
        for (is_gone, is_newest) in branches {
            match (is_gone, is_newest) {
                (false, true) => return Some(Self::Detected),
                (false, false) => state = Some(Self::NotCovered),
                (true, _) => state = state.or(Some(Self::NoLongerDetected)),
            }
        }
        state
    }

    /// The word used in code, API and command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Detected => "detected",
            Self::NotCovered => "not_covered",
            Self::NoLongerDetected => "no_longer_detected",
        }
    }
}

impl FromStr for DetectionState {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|state| state.as_str() == s).ok_or_else(|| {
            format!(
                "'{s}' does not say how scans see a finding: use detected, not_covered or no_longer_detected"
            )
        })
    }
}

/// What people, rules and card moves decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Nobody looked at it.
    New,
    /// It is a weakness.
    #[default]
    Confirmed,
    /// Somebody works on it.
    InProgress,
    /// Work waits.
    Waiting,
    /// The risk is accepted.
    RiskAccepted,
    /// It is no weakness.
    FalsePositive,
    /// Not to be looked at.
    Suppressed,
    /// The same as another finding.
    Duplicate(FindingId),
}

impl Decision {
    /// Only a person or the clock ends these; never a scan.
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::RiskAccepted | Self::FalsePositive | Self::Suppressed | Self::Duplicate(_))
    }
}

/// With what a finding was laid aside. It is no decision about the finding itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aside {
    /// Its asset was archived; it comes back with it.
    Archived,
    /// Every branch that scans saw it on was deleted.
    BranchDeleted,
    /// A person deleted it.
    Deleted,
}

impl Aside {
    /// A scan that sees the finding again brings it back.
    pub const fn ends_when_seen(self) -> bool {
        matches!(self, Self::BranchDeleted | Self::Deleted)
    }
}

/// Somebody says the finding is fixed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// Who, as shown to people.
    pub by: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RequestKind {
    /// Accept the risk.
    RiskAcceptance,
    /// Agree that it is no weakness.
    FalsePositive,
}

/// A decision that somebody without the right to take it asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Request {
    /// What is asked for.
    pub kind: RequestKind,
    /// Who asks.
    pub by: String,
    /// Since when.
    pub at: DateTime<Utc>,
}

/// A decision that ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Temporary {
    /// When it ends.
    pub until: DateTime<Utc>,
    /// What follows.
    pub then: FallBack,
}

/// What a temporary decision falls back to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum FallBack {
    /// Not looked at.
    Created,
    /// Confirmed again.
    #[default]
    Identified,
    /// Somebody works on it.
    InProgress,
    /// Work waits.
    Waiting,
}

impl FallBack {
    /// What leads back to where a finding stands now, as far as it is open.
    pub const fn to(decision: Decision) -> Self {
        match decision {
            Decision::New => Self::Created,
            Decision::InProgress => Self::InProgress,
            Decision::Waiting => Self::Waiting,
            Decision::Confirmed
            | Decision::RiskAccepted
            | Decision::FalsePositive
            | Decision::Suppressed
            | Decision::Duplicate(_) => Self::Identified,
        }
    }

    /// The decision that it stands for.
    pub const fn decision(self) -> Decision {
        match self {
            Self::Created => Decision::New,
            Self::Identified => Decision::Confirmed,
            Self::InProgress => Decision::InProgress,
            Self::Waiting => Decision::Waiting,
        }
    }

    /// The status that people see then, unless scans say otherwise.
    pub const fn status(self) -> Status {
        match self {
            Self::Created => Status::Created,
            Self::Identified => Status::Identified,
            Self::InProgress => Status::InProgress,
            Self::Waiting => Status::Waiting,
        }
    }
}

/// How a finding stands that a person wrote down: no scan looks for it, so a validator takes the place of scans.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum Manual {
    /// It is not published yet.
    Draft,
    /// It is published, and nobody has proved a fix.
    Published,
    /// A validator has found it fixed.
    Validated {
        /// Who.
        by: String,
        /// When.
        at: DateTime<Utc>,
    },
}

/// What a validator found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It is fixed.
    Fixed,
    /// It is still there.
    StillThere,
}

impl Verdict {
    /// The word used in code, API and command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fixed => "fixed",
            Self::StillThere => "still_there",
        }
    }
}

impl FromStr for Verdict {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim().replace('-', "_").as_str() {
            "fixed" => Ok(Self::Fixed),
            "still_there" => Ok(Self::StillThere),
            other => Err(format!("'{other}' is no verdict: use fixed or still_there")),
        }
    }
}

/// Everything that is decided about a finding, by anybody but scans.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Triage {
    /// The decision.
    pub decision: Decision,
    /// Why, in the words of who decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// It was laid aside with something else; then the decision is [`Decision::Suppressed`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aside: Option<Aside>,
    /// The acceptance that covers it; there is one exactly while the decision is [`Decision::RiskAccepted`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acceptance: Option<AcceptanceId>,
    /// The rule that suppresses it; then the decision is [`Decision::Suppressed`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suppressed_by: Option<SuppressionId>,
    /// A person said that it is to be looked at: no rule suppresses it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub kept_open: bool,
    /// A person wrote it down; this is how it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manual: Option<Manual>,
    /// Until when it holds; every decision may have an end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temporary: Option<Temporary>,
    /// "It is fixed."
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<Claim>,
    /// A decision asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Request>,
}

/// The facts from which the status is derived.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// What scans say.
    pub detections: Vec<Detection>,
    /// What was decided.
    pub triage: Triage,
    /// How often it came back after it was fixed.
    pub regressed: u32,
}

impl Facts {
    /// Start of the latest scan of a tracked branch that saw the finding.
    pub fn last_seen_at(&self) -> Option<DateTime<Utc>> {
        self.tracked().map(|detection| detection.last_seen_at).max()
    }

    /// Every configuration that ever saw the finding on a tracked branch has since covered its place without seeing it.
    ///
    /// Configurations do not speak for each other: one that still sees the finding keeps it open.
    pub fn is_gone(&self) -> bool {
        self.tracked().next().is_some() && self.tracked().all(Detection::is_gone)
    }

    /// A scan, or for a manual finding a validator, has proved that it is fixed.
    pub fn is_fixed(&self) -> bool {
        self.is_gone() || matches!(self.triage.manual, Some(Manual::Validated { .. }))
    }

    /// The one word people see; first match wins.
    ///
    /// `grace` is how long after a claim a scan may still have looked at the old code.
    pub fn status(&self, grace: Duration) -> Status {
        // A draft that was deleted is no draft any more.
        if self.triage.manual == Some(Manual::Draft) && self.triage.aside.is_none() {
            return Status::Draft;
        }
        match self.triage.decision {
            Decision::Duplicate(_) => Status::Duplicate,
            Decision::Suppressed => Status::Suppressed,
            Decision::FalsePositive => Status::FalsePositive,
            Decision::RiskAccepted => Status::RiskAccepted,
            _ if self.is_fixed() => Status::Fixed,
            _ if self.claim_stands(grace) => Status::AwaitingValidation,
            Decision::Waiting => Status::Waiting,
            Decision::InProgress => Status::InProgress,
            Decision::Confirmed => Status::Identified,
            Decision::New => Status::Created,
        }
    }

    /// No scan that started after the claim (and the grace) still saw the finding.
    pub fn claim_stands(&self, grace: Duration) -> bool {
        self.triage.claim.as_ref().is_some_and(|claim| {
            let until = claim.at.checked_add_signed(grace);
            // A limit beyond all time is never reached, one before it always was.
            self.last_seen_at()
                .is_none_or(|seen| until.map_or(grace > Duration::zero(), |until| seen <= until))
        })
    }

    /// Start of the latest scan of a tracked branch that covered the finding's place and did not see it.
    pub fn last_absent_at(&self) -> Option<DateTime<Utc>> {
        self.tracked().filter_map(|detection| detection.last_absent_at).max()
    }

    fn tracked(&self) -> impl Iterator<Item = &Detection> {
        self.detections.iter().filter(|detection| detection.tracked)
    }
}
