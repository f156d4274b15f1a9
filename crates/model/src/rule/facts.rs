//! What rules may ask about a finding. A row of [`FACTS`] is all that a new one needs: criteria, grouping, the command line
//! and the pages read this table.

use std::borrow::Cow;
use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::assessment::{AssessmentState, InAssessment};
use crate::priority::{Exploit, Priority, SlaState};
use crate::status::DetectionState;
use crate::{AssetId, CorrelationId, FindingId, FindingKind, Impact, Observation, Severity, Status};

/// What a rule looks at: a finding with its asset and the branches it was seen on.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// Finding.
    pub finding: FindingId,
    /// Its asset.
    pub asset: AssetId,
    /// The moment for which is asked.
    pub now: DateTime<Utc>,
    /// Severity.
    pub severity: Severity,
    /// Displayed status.
    pub status: Status,
    /// Start of the first scan that saw it.
    pub first_seen_at: DateTime<Utc>,
    /// Scanner that saw it first.
    pub scanner: &'a str,
    /// The latest observation.
    pub detail: &'a Observation,
    /// Name of the asset.
    pub asset_name: &'a str,
    /// Tags of the asset.
    pub asset_tags: &'a [String],
    /// Who answers for the asset; empty if nobody was named.
    pub asset_owner: &'a str,
    /// How much the business depends on the asset.
    pub impact: Impact,
    /// Branches on which scans saw it; without those that named none.
    pub branches: &'a [String],
    /// Assessments that it belongs to.
    pub assessments: &'a [InAssessment],
    /// What the world knows about the exploitation of its vulnerability.
    pub exploit: Exploit,
    /// Risk and due date.
    pub priority: Priority,
    /// An acceptance covered it that was revoked or has ended.
    pub accepted_before: bool,
    /// How it stands to the newest scans; none for what no scan saw.
    pub detection: Option<DetectionState>,
    /// What it shares with findings of other scanners.
    pub correlation: Option<CorrelationId>,
    /// Somebody asks to accept its risk.
    pub acceptance_requested: bool,
}

impl Candidate<'_> {
    /// An assessment that it belongs to is completed.
    pub fn is_assessed(&self) -> bool {
        self.assessments.iter().any(|assessment| assessment.state == AssessmentState::Completed)
    }
}

/// What sort of value a fact has; it decides which operators there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum FactKind {
    /// One text, or several of which one has to fit. Compared without case.
    Text,
    /// One of a few words.
    Word,
    /// A severity.
    Severity,
    /// A number.
    Number,
    /// Several whole numbers of which one has to fit.
    Numbers,
    /// A moment; days are those of UTC.
    Time,
    /// Yes or no.
    Truth,
}

/// What a fact belongs to, for people who choose one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum FactOf {
    /// The finding.
    Finding,
    /// The vulnerability that it points to.
    Vulnerability,
    /// The vulnerable component.
    Component,
    /// The asset.
    Asset,
}

/// The value of a fact for one finding.
#[derive(Clone, Debug)]
pub(super) enum Value<'a> {
    Texts(Vec<Cow<'a, str>>),
    Severity(Severity),
    Number(Option<f64>),
    Numbers(&'a [u32]),
    Time(Option<DateTime<Utc>>),
    Truth(bool),
}

/// A row of the table.
#[derive(Debug)]
pub struct FactRow {
    /// The word in files, API and command line.
    pub name: &'static str,
    /// The words for people.
    pub label: &'static str,
    /// What it belongs to.
    pub of: FactOf,
    /// Sort of value.
    pub kind: FactKind,
    /// Its value stays the same long enough to group tickets by it.
    pub groups: bool,
    /// Its value changes when time passes and nothing else happens.
    pub ages: bool,
    /// The words there are, for [`FactKind::Word`].
    pub words: &'static [&'static str],
    read: for<'a> fn(&'a Candidate<'a>) -> Value<'a>,
}

fn one<'a>(text: &'a str) -> Value<'a> {
    Value::Texts(if text.is_empty() { Vec::new() } else { vec![Cow::Borrowed(text)] })
}

fn maybe<'a>(text: Option<&'a String>) -> Value<'a> {
    Value::Texts(text.map(|text| Cow::Borrowed(text.as_str())).into_iter().collect())
}

fn many<'a>(texts: &'a [String]) -> Value<'a> {
    Value::Texts(texts.iter().map(|text| Cow::Borrowed(text.as_str())).collect())
}

const KINDS: &[&str] = &["code", "component", "secret", "misconfiguration", "license", "web", "host"];
const IMPACTS: &[&str] = &["unknown", "low", "medium", "high", "critical"];
const SLA_STATES: &[&str] = &["breached", "approaching", "on_track", "not_covered"];
const DETECTION_STATES: &[&str] = &["detected", "not_covered", "no_longer_detected"];
const STATUSES: &[&str] = &["identified", "in_progress", "waiting", "awaiting_validation"];

/// All facts, in the order in which they are offered.
pub const FACTS: &[FactRow] = &[
    FactRow {
        name: "severity",
        label: "Severity",
        of: FactOf::Finding,
        kind: FactKind::Severity,
        groups: true,
        ages: false,
        words: &["info", "low", "medium", "high", "critical"],
        read: |c| Value::Severity(c.severity),
    },
    FactRow {
        name: "kind",
        label: "Kind",
        of: FactOf::Finding,
        kind: FactKind::Word,
        groups: true,
        ages: false,
        words: KINDS,
        read: |c| one(FindingKind::as_str(c.detail.kind)),
    },
    FactRow {
        name: "status",
        label: "Status",
        of: FactOf::Finding,
        kind: FactKind::Word,
        groups: false,
        ages: false,
        words: STATUSES,
        read: |c| one(Status::as_str(c.status)),
    },
    FactRow {
        name: "title",
        label: "Title",
        of: FactOf::Finding,
        kind: FactKind::Text,
        groups: true,
        ages: false,
        words: &[],
        read: |c| one(&c.detail.title),
    },
    FactRow {
        name: "path",
        label: "Path",
        of: FactOf::Finding,
        kind: FactKind::Text,
        groups: true,
        ages: false,
        words: &[],
        read: |c| one(&c.detail.location.path),
    },
    FactRow {
        name: "age_days",
        label: "Age in days",
        of: FactOf::Finding,
        kind: FactKind::Number,
        groups: false,
        ages: true,
        words: &[],
        read: |c| Value::Number(Some((c.now - c.first_seen_at).num_days() as f64)),
    },
    FactRow {
        name: "first_seen",
        label: "First seen",
        of: FactOf::Finding,
        kind: FactKind::Time,
        groups: false,
        ages: false,
        words: &[],
        read: |c| Value::Time(Some(c.first_seen_at)),
    },
    FactRow {
        name: "assessment",
        label: "Assessment",
        of: FactOf::Finding,
        kind: FactKind::Text,
        groups: true,
        ages: false,
        words: &[],
        read: |c| {
            let names = c.assessments.iter().map(|assessment| Cow::Borrowed(assessment.name.as_str()));
            Value::Texts(names.collect())
        },
    },
    FactRow {
        name: "assessed",
        label: "Assessment completed",
        of: FactOf::Finding,
        kind: FactKind::Truth,
        groups: false,
        ages: false,
        words: &[],
        read: |c| Value::Truth(c.is_assessed()),
    },
    FactRow {
        name: "accepted_before",
        label: "Accepted before",
        of: FactOf::Finding,
        kind: FactKind::Truth,
        groups: false,
        ages: false,
        words: &[],
        read: |c| Value::Truth(c.accepted_before),
    },
    FactRow {
        name: "acceptance_requested",
        label: "Acceptance requested",
        of: FactOf::Finding,
        kind: FactKind::Truth,
        groups: false,
        ages: false,
        words: &[],
        read: |c| Value::Truth(c.acceptance_requested),
    },
    FactRow {
        name: "risk",
        label: "Risk score",
        of: FactOf::Finding,
        kind: FactKind::Number,
        groups: false,
        ages: false,
        words: &[],
        read: |c| Value::Number(Some(f64::from(c.priority.risk.score()))),
    },
    FactRow {
        name: "sla",
        label: "SLA state",
        of: FactOf::Finding,
        kind: FactKind::Word,
        groups: false,
        ages: true,
        words: SLA_STATES,
        read: |c| one(SlaState::of(c.priority.sla, c.now).as_str()),
    },
    FactRow {
        name: "due",
        label: "Due date",
        of: FactOf::Finding,
        kind: FactKind::Time,
        groups: false,
        ages: false,
        words: &[],
        read: |c| Value::Time(c.priority.sla.map(|sla| sla.due_at)),
    },
    FactRow {
        name: "days_left",
        label: "Days to the due date",
        of: FactOf::Finding,
        kind: FactKind::Number,
        groups: false,
        ages: true,
        words: &[],
        read: |c| {
            Value::Number(
                c.priority.sla.map(|sla| (sla.due_at - c.now).num_seconds().div_euclid(86_400) as f64),
            )
        },
    },
    FactRow {
        name: "detection",
        label: "Seen by the newest scans",
        of: FactOf::Finding,
        kind: FactKind::Word,
        groups: false,
        // A scan that did not look there says nothing about the finding itself.
        ages: true,
        words: DETECTION_STATES,
        read: |c| one(c.detection.map_or("", DetectionState::as_str)),
    },
    FactRow {
        name: "branch",
        label: "Branch",
        of: FactOf::Finding,
        kind: FactKind::Text,
        groups: false,
        ages: false,
        words: &[],
        read: |c| many(c.branches),
    },
    FactRow {
        name: "scanner",
        label: "Scanner",
        of: FactOf::Finding,
        kind: FactKind::Text,
        groups: true,
        ages: false,
        words: &[],
        read: |c| one(c.scanner),
    },
    FactRow {
        name: "vulnerability",
        label: "Vulnerability or rule id",
        of: FactOf::Vulnerability,
        kind: FactKind::Text,
        groups: true,
        ages: false,
        words: &[],
        read: |c| {
            let known = &c.detail.vulnerability;
            let ids = std::iter::once(&known.id).chain(&known.aliases);
            Value::Texts(ids.map(|id| Cow::Borrowed(id.as_str())).collect())
        },
    },
    FactRow {
        name: "cwe",
        label: "CWE",
        of: FactOf::Vulnerability,
        kind: FactKind::Numbers,
        groups: true,
        ages: false,
        words: &[],
        read: |c| Value::Numbers(&c.detail.vulnerability.cwes),
    },
    FactRow {
        name: "cvss_score",
        label: "CVSS score",
        of: FactOf::Vulnerability,
        kind: FactKind::Number,
        groups: false,
        ages: false,
        words: &[],
        read: |c| Value::Number(c.detail.vulnerability.cvss_score),
    },
    FactRow {
        name: "epss",
        label: "EPSS (0 to 1)",
        of: FactOf::Vulnerability,
        kind: FactKind::Number,
        groups: false,
        ages: false,
        words: &[],
        read: |c| Value::Number(c.exploit.epss.map(|epss| epss.score.as_f64())),
    },
    FactRow {
        name: "epss_percentile",
        label: "EPSS percentile (0 to 1)",
        of: FactOf::Vulnerability,
        kind: FactKind::Number,
        groups: false,
        ages: false,
        words: &[],
        read: |c| Value::Number(c.exploit.epss.map(|epss| epss.percentile.as_f64())),
    },
    FactRow {
        name: "known_exploited",
        label: "Known exploited (KEV)",
        of: FactOf::Vulnerability,
        kind: FactKind::Truth,
        groups: false,
        ages: false,
        words: &[],
        read: |c| Value::Truth(c.exploit.kev.is_some()),
    },
    FactRow {
        name: "ransomware",
        label: "Used by ransomware (KEV)",
        of: FactOf::Vulnerability,
        kind: FactKind::Truth,
        groups: false,
        ages: false,
        words: &[],
        read: |c| Value::Truth(c.exploit.kev.is_some_and(|kev| kev.ransomware)),
    },
    FactRow {
        name: "tag",
        label: "Tag of the scanner's rule",
        of: FactOf::Vulnerability,
        kind: FactKind::Text,
        groups: false,
        ages: false,
        words: &[],
        read: |c| many(&c.detail.vulnerability.tags),
    },
    FactRow {
        name: "component",
        label: "Component",
        of: FactOf::Component,
        kind: FactKind::Text,
        groups: true,
        ages: false,
        words: &[],
        read: |c| maybe(c.detail.component.as_ref().map(|component| &component.name)),
    },
    FactRow {
        name: "component_version",
        label: "Installed version",
        of: FactOf::Component,
        kind: FactKind::Text,
        groups: true,
        ages: false,
        words: &[],
        read: |c| maybe(c.detail.component.as_ref().and_then(|component| component.version.as_ref())),
    },
    FactRow {
        name: "fixed_version",
        label: "Fixed version",
        of: FactOf::Component,
        kind: FactKind::Text,
        groups: true,
        ages: false,
        words: &[],
        read: |c| maybe(c.detail.component.as_ref().and_then(|component| component.fixed_version.as_ref())),
    },
    FactRow {
        name: "fix_available",
        label: "Fix available",
        of: FactOf::Component,
        kind: FactKind::Truth,
        groups: true,
        ages: false,
        words: &[],
        read: |c| {
            Value::Truth(c.detail.component.as_ref().is_some_and(|known| known.fixed_version.is_some()))
        },
    },
    FactRow {
        name: "ecosystem",
        label: "Ecosystem",
        of: FactOf::Component,
        kind: FactKind::Text,
        groups: true,
        ages: false,
        words: &[],
        read: |c| maybe(c.detail.component.as_ref().and_then(|component| component.ecosystem.as_ref())),
    },
    FactRow {
        name: "asset",
        label: "Asset",
        of: FactOf::Asset,
        kind: FactKind::Text,
        groups: true,
        ages: false,
        words: &[],
        read: |c| one(c.asset_name),
    },
    FactRow {
        name: "asset_tag",
        label: "Tag of the asset",
        of: FactOf::Asset,
        kind: FactKind::Text,
        groups: false,
        ages: false,
        words: &[],
        read: |c| many(c.asset_tags),
    },
    FactRow {
        name: "asset_owner",
        label: "Owner of the asset",
        of: FactOf::Asset,
        kind: FactKind::Text,
        groups: true,
        ages: false,
        words: &[],
        read: |c| one(c.asset_owner),
    },
    FactRow {
        name: "impact",
        label: "Business impact",
        of: FactOf::Asset,
        kind: FactKind::Word,
        groups: true,
        ages: false,
        words: IMPACTS,
        read: |c| one(c.impact.as_str()),
    },
];

/// A fact of the table.
#[derive(Clone, Copy)]
pub struct Fact(&'static FactRow);

impl Fact {
    /// The fact of that name.
    pub fn named(name: &str) -> Option<Self> {
        FACTS.iter().find(|row| row.name == name).map(Self)
    }

    /// Its row.
    pub const fn row(self) -> &'static FactRow {
        self.0
    }

    pub(super) fn read<'a>(self, candidate: &'a Candidate<'a>) -> Value<'a> {
        (self.0.read)(candidate)
    }

    /// What findings of one group have in common, in words that do not depend on case or order.
    pub(super) fn group_value(self, candidate: &Candidate<'_>) -> String {
        match self.read(candidate) {
            // Aliases come and go with the scanner's database: the id itself stays.
            Value::Texts(texts) => texts.first().map(|text| text.to_lowercase()).unwrap_or_default(),
            Value::Severity(severity) => severity.to_string(),
            Value::Number(number) => number.map(|number| number.to_string()).unwrap_or_default(),
            Value::Numbers(numbers) => numbers.iter().min().map(u32::to_string).unwrap_or_default(),
            Value::Time(at) => at.map(|at| at.to_rfc3339()).unwrap_or_default(),
            Value::Truth(truth) => truth.to_string(),
        }
    }
}

impl PartialEq for Fact {
    fn eq(&self, other: &Self) -> bool {
        self.0.name == other.0.name
    }
}

impl Eq for Fact {}

impl fmt::Debug for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name)
    }
}

impl Serialize for Fact {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.name)
    }
}

impl<'de> Deserialize<'de> for Fact {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::named(&name).ok_or_else(|| {
            serde::de::Error::custom(format!(
                "'{name}' is no fact of findings: use one of {}",
                names(|_| true)
            ))
        })
    }
}

/// The names of some facts, for messages.
pub(super) fn names(of: impl Fn(&FactRow) -> bool) -> String {
    FACTS.iter().filter(|row| of(row)).map(|row| row.name).collect::<Vec<_>>().join(", ")
}
