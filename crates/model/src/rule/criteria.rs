//! Criteria: which findings a rule is about, as a tree of conditions.

use std::borrow::Cow;
use std::fmt;

use chrono::NaiveDate;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::facts::{Candidate, Fact, FactKind, Value};
use super::glob;
use crate::Severity;

/// Which findings.
///
/// As people write it (YAML or JSON): a mapping of one word. `all`, `any` and `not` hold further criteria, every other word
/// is a fact with its test: `{all: [{severity: {at_least: high}}, {not: {path: {matches: "test/**"}}}]}`.
#[derive(Clone, Debug, PartialEq)]
pub enum Criteria {
    /// All of these hold. Without any: every finding.
    All(Vec<Criteria>),
    /// At least one of these holds.
    Any(Vec<Criteria>),
    /// This does not hold.
    Not(Box<Criteria>),
    /// A condition on one fact.
    Is(Condition),
}

impl Default for Criteria {
    /// Every finding.
    fn default() -> Self {
        Self::All(Vec::new())
    }
}

/// A condition on one fact: made by `Condition::new`, so that operator and operand fit the fact.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    fact: Fact,
    operator: Operator,
    operand: Operand,
}

/// How a fact is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Operator {
    /// It is this.
    Is,
    /// It is one of these.
    IsOneOf,
    /// It is this or more.
    AtLeast,
    /// It is this or less.
    AtMost,
    /// It is on this day or later.
    Since,
    /// It is on this day or earlier.
    Until,
    /// It contains this.
    Contains,
    /// It starts with this.
    StartsWith,
    /// It fits this pattern: `*` within a folder, `**` across folders, `?` for one character.
    Matches,
    /// There is a value, or there is none.
    IsSet,
}

impl Operator {
    /// All of them, in the order in which they are offered.
    pub const ALL: [Self; 10] = [
        Self::Is,
        Self::IsOneOf,
        Self::AtLeast,
        Self::AtMost,
        Self::Since,
        Self::Until,
        Self::Contains,
        Self::StartsWith,
        Self::Matches,
        Self::IsSet,
    ];

    /// The word in files, API and command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Is => "is",
            Self::IsOneOf => "is_one_of",
            Self::AtLeast => "at_least",
            Self::AtMost => "at_most",
            Self::Since => "since",
            Self::Until => "until",
            Self::Contains => "contains",
            Self::StartsWith => "starts_with",
            Self::Matches => "matches",
            Self::IsSet => "is_set",
        }
    }

    /// The words for people.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Is => "is",
            Self::IsOneOf => "is one of",
            Self::AtLeast => "at least",
            Self::AtMost => "at most",
            Self::Since => "since",
            Self::Until => "until",
            Self::Contains => "contains",
            Self::StartsWith => "starts with",
            Self::Matches => "matches",
            Self::IsSet => "is set",
        }
    }
}

impl FactKind {
    /// How facts of this kind can be compared.
    pub const fn operators(self) -> &'static [Operator] {
        use Operator::{AtLeast, AtMost, Contains, Is, IsOneOf, IsSet, Matches, Since, StartsWith, Until};
        match self {
            Self::Text => &[Is, IsOneOf, Contains, StartsWith, Matches, IsSet],
            Self::Word => &[Is, IsOneOf],
            Self::Severity => &[AtLeast, AtMost, Is, IsOneOf],
            Self::Number => &[AtLeast, AtMost, Is, IsSet],
            Self::Numbers => &[Is, IsOneOf, IsSet],
            Self::Time => &[Since, Until, IsSet],
            Self::Truth => &[Is],
        }
    }
}

/// What a fact is compared with.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Operand {
    /// Texts or words, compared without case; for [`Operator::IsOneOf`] several.
    Texts(Vec<String>),
    /// Severities.
    Severities(Vec<Severity>),
    /// A number.
    Number(f64),
    /// Whole numbers.
    Numbers(Vec<u32>),
    /// A day of UTC.
    Day(NaiveDate),
    /// Yes or no.
    Truth(bool),
}

impl Condition {
    /// A condition whose operator is one of the fact's kind, and whose operand fits both; [`super::parse`] sees to that.
    pub(super) const fn new(fact: Fact, operator: Operator, operand: Operand) -> Self {
        Self { fact, operator, operand }
    }

    /// The fact.
    pub const fn fact(&self) -> Fact {
        self.fact
    }

    fn holds(&self, candidate: &Candidate<'_>) -> bool {
        let value = self.fact.read(candidate);
        match (&value, self.operator, &self.operand) {
            (Value::Texts(texts), Operator::IsSet, Operand::Truth(wanted)) => {
                texts.iter().any(|text| !text.is_empty()) == *wanted
            }
            (Value::Number(number), Operator::IsSet, Operand::Truth(wanted)) => number.is_some() == *wanted,
            (Value::Numbers(numbers), Operator::IsSet, Operand::Truth(wanted)) => {
                numbers.is_empty() != *wanted
            }
            (Value::Truth(truth), Operator::Is, Operand::Truth(wanted)) => truth == wanted,
            (Value::Texts(texts), operator, Operand::Texts(wanted)) => {
                texts.iter().any(|text| wanted.iter().any(|wanted| compare(text, operator, wanted)))
            }
            (Value::Severity(severity), operator, Operand::Severities(wanted)) => {
                wanted.iter().any(|wanted| match operator {
                    Operator::AtLeast => severity >= wanted,
                    Operator::AtMost => severity <= wanted,
                    _ => severity == wanted,
                })
            }
            (Value::Number(Some(number)), operator, Operand::Number(wanted)) => match operator {
                Operator::AtLeast => number >= wanted,
                Operator::AtMost => number <= wanted,
                _ => (number - wanted).abs() < 1e-9,
            },
            (Value::Numbers(numbers), _, Operand::Numbers(wanted)) => {
                numbers.iter().any(|number| wanted.contains(number))
            }
            (Value::Time(at), Operator::IsSet, Operand::Truth(wanted)) => at.is_some() == *wanted,
            (Value::Time(Some(at)), operator, Operand::Day(day)) => match operator {
                Operator::Since => at.date_naive() >= *day,
                _ => at.date_naive() <= *day,
            },
            _ => false,
        }
    }
}

/// Compares without case.
fn compare(text: &str, operator: Operator, wanted: &str) -> bool {
    match operator {
        Operator::Contains => fold(text).contains(&*fold(wanted)),
        Operator::StartsWith => fold(text).starts_with(&*fold(wanted)),
        Operator::Matches => glob::fits(wanted, text),
        _ => fold(text) == fold(wanted),
    }
}

fn fold(text: &str) -> Cow<'_, str> {
    let is_lower = text.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase());
    if is_lower { Cow::Borrowed(text) } else { Cow::Owned(text.to_lowercase()) }
}

impl Criteria {
    /// The rule is about this finding.
    pub fn matches(&self, candidate: &Candidate<'_>) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.matches(candidate)),
            Self::Any(parts) => parts.iter().any(|part| part.matches(candidate)),
            Self::Not(part) => !part.matches(candidate),
            Self::Is(condition) => condition.holds(candidate),
        }
    }

    /// The answer for a finding may change with time alone.
    pub fn depends_on_time(&self) -> bool {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().any(Self::depends_on_time),
            Self::Not(part) => part.depends_on_time(),
            Self::Is(condition) => condition.fact.row().ages,
        }
    }

    /// At least this severe.
    pub fn severity_at_least(least: Severity) -> Self {
        Self::Is(Condition::new(named("severity"), Operator::AtLeast, Operand::Severities(vec![least])))
    }

    /// The asset has this tag.
    pub fn asset_tag(tag: &str) -> Self {
        Self::Is(Condition::new(named("asset_tag"), Operator::Is, Operand::Texts(vec![tag.to_owned()])))
    }
}

fn named(name: &str) -> Fact {
    Fact::named(name).expect("the table of facts has the facts that have short forms")
}

impl Serialize for Condition {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        struct Test<'a>(&'a Condition);
        impl Serialize for Test<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut map = serializer.serialize_map(Some(1))?;
                let operator = self.0.operator.as_str();
                let single = self.0.operator != Operator::IsOneOf;
                match &self.0.operand {
                    Operand::Texts(texts) if single => map.serialize_entry(operator, &texts.first())?,
                    Operand::Severities(severities) if single => {
                        map.serialize_entry(operator, &severities.first())?;
                    }
                    Operand::Numbers(numbers) if single => {
                        map.serialize_entry(operator, &numbers.first())?;
                    }
                    // Whole numbers come back as people wrote them.
                    Operand::Number(number) if number.fract() == 0.0 => {
                        map.serialize_entry(operator, &(*number as i64))?;
                    }
                    operand => map.serialize_entry(operator, operand)?,
                }
                map.end()
            }
        }
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry(self.fact.row().name, &Test(self))?;
        map.end()
    }
}

impl Serialize for Criteria {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        if let Self::Is(condition) = self {
            return condition.serialize(serializer);
        }
        let mut map = serializer.serialize_map(Some(1))?;
        match self {
            Self::All(parts) => map.serialize_entry("all", parts)?,
            Self::Any(parts) => map.serialize_entry("any", parts)?,
            Self::Not(part) => map.serialize_entry("not", part)?,
            Self::Is(_) => {}
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Criteria {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        Self::parse(&value).map_err(|problems| {
            let first = problems.first().map(ToString::to_string).unwrap_or_default();
            serde::de::Error::custom(first)
        })
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let label = self.fact.row().label;
        match (self.operator, &self.operand) {
            (Operator::IsSet, Operand::Truth(true)) => return write!(f, "{label} is set"),
            (Operator::IsSet, _) => return write!(f, "{label} is not set"),
            (_, Operand::Truth(truth)) => return write!(f, "{label}: {}", if *truth { "yes" } else { "no" }),
            (operator, _) => write!(f, "{label} {} ", operator.label())?,
        }
        let words: Vec<String> = match &self.operand {
            Operand::Texts(texts) => texts.clone(),
            Operand::Severities(severities) => severities.iter().map(Severity::to_string).collect(),
            Operand::Numbers(numbers) => numbers.iter().map(u32::to_string).collect(),
            Operand::Number(number) => vec![number.to_string()],
            Operand::Day(day) => vec![day.to_string()],
            Operand::Truth(_) => Vec::new(),
        };
        f.write_str(&words.join(", "))
    }
}

impl fmt::Display for Criteria {
    /// One line for people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (parts, word) = match self {
            Self::All(parts) if parts.is_empty() => return f.write_str("every finding"),
            Self::Is(condition) => return condition.fmt(f),
            Self::Not(part) => return write!(f, "not ({part})"),
            Self::All(parts) => (parts, " and "),
            Self::Any(parts) => (parts, " or "),
        };
        for (at, part) in parts.iter().enumerate() {
            if at > 0 {
                f.write_str(word)?;
            }
            match part {
                Self::All(inner) | Self::Any(inner) if inner.len() > 1 && parts.len() > 1 => {
                    write!(f, "({part})")?;
                }
                part => write!(f, "{part}")?,
            }
        }
        Ok(())
    }
}
