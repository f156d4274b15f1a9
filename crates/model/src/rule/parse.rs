//! Criteria as people write them, read with every problem at its node.

use std::fmt;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::criteria::{Condition, Criteria, Operand, Operator};
use super::facts::{Fact, FactKind, names};
use crate::Severity;

/// Criteria may be nested so deep.
pub const MOST_DEPTH: usize = 8;
/// Groups and conditions of one rule.
pub const MOST_NODES: usize = 200;
/// Characters of one text.
pub const MOST_CHARACTERS: usize = 500;
/// Values of one list.
pub const MOST_VALUES: usize = 100;

/// What is wrong with a rule, where, and how to mend it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RuleProblem {
    /// Where, as a JSON pointer into the rule: `/criteria/all/1/severity`.
    pub at: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub mend: String,
}

impl RuleProblem {
    pub(super) fn new(at: impl Into<String>, message: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { at: at.into(), message: message.into(), mend: mend.into() }
    }
}

impl fmt::Display for RuleProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.at, self.message, self.mend)
    }
}

impl Criteria {
    /// Reads criteria as people write them. Nothing and an empty mapping are every finding; several words in one mapping
    /// have to hold all; a plain value is compared with `is`, a list with `is_one_of`.
    ///
    /// # Errors
    /// Everything that is wrong with them, at the node where it is.
    pub fn parse(value: &Value) -> Result<Self, Vec<RuleProblem>> {
        let mut reader = Reader { nodes: 0, problems: Vec::new() };
        let is_empty = match value {
            Value::Null => true,
            Value::Object(map) => {
                map.is_empty()
                    || (map.len() == 1
                        && map.get("all").and_then(Value::as_array).is_some_and(|parts| parts.is_empty()))
            }
            _ => false,
        };
        if is_empty {
            return Ok(Self::default());
        }
        let criteria = reader.criteria(value, "/criteria", 1);
        if reader.nodes > MOST_NODES {
            reader.problem(
                "/criteria",
                format!("the criteria have more than {MOST_NODES} groups and conditions"),
                "make two rules of them, or use 'is_one_of' for several values of one fact",
            );
        }
        match criteria {
            Some(criteria) if reader.problems.is_empty() => Ok(criteria),
            _ => Err(reader.problems),
        }
    }
}

struct Reader {
    nodes: usize,
    problems: Vec<RuleProblem>,
}

impl Reader {
    fn problem(&mut self, at: &str, message: impl Into<String>, mend: impl Into<String>) {
        // A file full of nonsense is not answered in full.
        if self.problems.len() < 50 {
            self.problems.push(RuleProblem::new(at, message, mend));
        }
    }

    fn criteria(&mut self, value: &Value, at: &str, depth: usize) -> Option<Criteria> {
        self.nodes += 1;
        if self.nodes > MOST_NODES {
            return None;
        }
        if depth > MOST_DEPTH {
            self.problem(
                at,
                format!("the criteria are nested deeper than {MOST_DEPTH} levels"),
                "flatten groups that stand alone in another one",
            );
            return None;
        }
        let Value::Object(map) = value else {
            self.problem(
                at,
                format!("{} stands where criteria should", short(value)),
                "write a mapping such as {severity: {at_least: high}}",
            );
            return None;
        };
        let mut parts = Vec::new();
        for (word, inner) in map {
            let at = format!("{at}/{}", pointer(word));
            let part = match word.as_str() {
                "all" | "any" => self.group(word, inner, &at, depth),
                "not" => self.criteria(inner, &at, depth + 1).map(|part| Criteria::Not(Box::new(part))),
                name => match Fact::named(name) {
                    Some(fact) => self.tests(fact, inner, &at),
                    None => {
                        self.problem(
                            &at,
                            format!("'{}' is no fact of findings", cut(name)),
                            format!("use all, any, not or one of {}", names(|_| true)),
                        );
                        None
                    }
                },
            };
            parts.extend(part);
        }
        match parts.len() {
            0 => {
                if map.is_empty() {
                    self.problem(at, "this node is empty", "write a condition, or leave the node out");
                }
                None
            }
            1 if map.len() == 1 => parts.pop(),
            _ => Some(Criteria::All(parts)),
        }
    }

    fn group(&mut self, word: &str, inner: &Value, at: &str, depth: usize) -> Option<Criteria> {
        let Value::Array(values) = inner else {
            self.problem(
                at,
                format!("'{word}' holds {} instead of a list", short(inner)),
                format!("write {word}: [ … ]"),
            );
            return None;
        };
        if values.is_empty() {
            self.problem(at, format!("the group '{word}' is empty"), "add a condition, or remove the group");
            return None;
        }
        let mut parts = Vec::new();
        for (index, value) in values.iter().enumerate() {
            parts.extend(self.criteria(value, &format!("{at}/{index}"), depth + 1));
            if self.nodes > MOST_NODES {
                return None;
            }
        }
        Some(if word == "all" { Criteria::All(parts) } else { Criteria::Any(parts) })
    }

    /// The tests of one fact: a mapping of operators, or a value alone.
    fn tests(&mut self, fact: Fact, value: &Value, at: &str) -> Option<Criteria> {
        let row = fact.row();
        let tests: Vec<(Operator, &Value, String)> = match value {
            Value::Object(map) => {
                if map.is_empty() {
                    self.problem(
                        at,
                        format!("'{}' is compared with nothing", row.name),
                        format!("write one of {}", operators(row.kind)),
                    );
                }
                let mut tests = Vec::new();
                for (word, operand) in map {
                    let at = format!("{at}/{}", pointer(word));
                    let known = Operator::ALL.into_iter().find(|operator| operator.as_str() == word);
                    match known.filter(|operator| row.kind.operators().contains(operator)) {
                        Some(operator) => tests.push((operator, operand, at)),
                        None => self.problem(
                            &at,
                            format!("'{}' cannot be compared with '{}'", row.name, cut(word)),
                            format!("use one of {}", operators(row.kind)),
                        ),
                    }
                }
                tests
            }
            value => {
                let operator = if value.is_array() { Operator::IsOneOf } else { Operator::Is };
                if row.kind.operators().contains(&operator) {
                    vec![(operator, value, at.to_owned())]
                } else {
                    self.problem(
                        at,
                        format!("'{}' needs to be told how it is compared", row.name),
                        format!("write one of {}", operators(row.kind)),
                    );
                    Vec::new()
                }
            }
        };
        let mut parts: Vec<Criteria> = Vec::new();
        for (operator, value, at) in tests {
            if let Some(operand) = self.operand(fact, operator, value, &at) {
                parts.push(Criteria::Is(Condition::new(fact, operator, operand)));
            }
        }
        self.nodes += parts.len().saturating_sub(1);
        if parts.len() > 1 { Some(Criteria::All(parts)) } else { parts.pop() }
    }

    fn operand(&mut self, fact: Fact, operator: Operator, value: &Value, at: &str) -> Option<Operand> {
        if operator == Operator::IsSet {
            return match value {
                Value::Bool(truth) => Some(Operand::Truth(*truth)),
                other => {
                    self.problem(
                        at,
                        format!("{} is neither true nor false", short(other)),
                        "write true or false",
                    );
                    None
                }
            };
        }
        let values: Vec<&Value> = match value {
            Value::Array(values) if operator == Operator::IsOneOf => values.iter().collect(),
            Value::Array(_) => {
                self.problem(
                    at,
                    format!("'{}' takes one value", operator.as_str()),
                    "write one value, or use 'is_one_of'",
                );
                return None;
            }
            single => vec![single],
        };
        if values.is_empty() {
            self.problem(at, "the list is empty: nothing would match", "write at least one value");
            return None;
        }
        if values.len() > MOST_VALUES {
            self.problem(
                at,
                format!("the list has {} values, more than {MOST_VALUES}", values.len()),
                "use a pattern with 'matches', or a tag of the asset",
            );
            return None;
        }
        let before = self.problems.len();
        let operand = match fact.row().kind {
            FactKind::Text | FactKind::Word => Operand::Texts(
                values.iter().filter_map(|value| self.text(fact, operator, value, at)).collect(),
            ),
            FactKind::Severity => {
                Operand::Severities(values.iter().filter_map(|value| self.severity(value, at)).collect())
            }
            FactKind::Numbers => {
                Operand::Numbers(values.iter().filter_map(|value| self.cwe(value, at)).collect())
            }
            FactKind::Number => Operand::Number(self.number(values[0], at)?),
            FactKind::Time => Operand::Day(self.day(values[0], at)?),
            FactKind::Truth => match values[0] {
                Value::Bool(truth) => Operand::Truth(*truth),
                other => {
                    self.problem(
                        at,
                        format!("{} is neither true nor false", short(other)),
                        "write true or false",
                    );
                    return None;
                }
            },
        };
        (self.problems.len() == before).then_some(operand)
    }

    fn text(&mut self, fact: Fact, operator: Operator, value: &Value, at: &str) -> Option<String> {
        let text = match value {
            Value::String(text) => text.trim().to_owned(),
            Value::Number(number) => number.to_string(),
            other => {
                self.problem(at, format!("{} is no text", short(other)), "write a text");
                return None;
            }
        };
        if text.is_empty() {
            self.problem(
                at,
                format!("'{}' is compared with an empty text", fact.row().name),
                match operator {
                    Operator::Is | Operator::IsOneOf => "write a text, or use 'is_set: false'",
                    _ => "write a text",
                },
            );
            return None;
        }
        if text.chars().count() > MOST_CHARACTERS {
            self.problem(at, format!("the text is longer than {MOST_CHARACTERS} characters"), "shorten it");
            return None;
        }
        if fact.row().kind == FactKind::Word {
            let word = text.to_lowercase().replace([' ', '-'], "_");
            let known = fact.row().words.iter().find(|known| **known == word);
            if known.is_none() {
                self.problem(
                    at,
                    format!("'{}' is no {}", cut(&text), fact.row().name),
                    format!("use one of {}", fact.row().words.join(", ")),
                );
            }
            return known.map(|word| (*word).to_owned());
        }
        Some(text)
    }

    fn severity(&mut self, value: &Value, at: &str) -> Option<Severity> {
        let known = value.as_str().and_then(|text| text.trim().to_lowercase().parse().ok());
        if known.is_none() {
            self.problem(
                at,
                format!("{} is no severity", short(value)),
                "use one of info, low, medium, high, critical",
            );
        }
        known
    }

    fn cwe(&mut self, value: &Value, at: &str) -> Option<u32> {
        let number = match value {
            Value::Number(number) => number.as_u64().and_then(|number| u32::try_from(number).ok()),
            Value::String(text) => {
                let text = text.trim();
                let digits = text
                    .get(..4)
                    .filter(|start| start.eq_ignore_ascii_case("cwe-"))
                    .map_or(text, |_| &text[4..]);
                digits.parse().ok()
            }
            _ => None,
        };
        if number.is_none() {
            self.problem(at, format!("{} is no CWE", short(value)), "write its number, such as 79 or CWE-79");
        }
        number
    }

    fn number(&mut self, value: &Value, at: &str) -> Option<f64> {
        let number = match value {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        let number = number.filter(|number| number.is_finite() && (0.0..=100_000.0).contains(number));
        if number.is_none() {
            self.problem(at, format!("{} is no number from 0 to 100000", short(value)), "write a number");
        }
        number
    }

    fn day(&mut self, value: &Value, at: &str) -> Option<NaiveDate> {
        let day = value.as_str().and_then(|text| text.trim().parse().ok());
        if day.is_none() {
            self.problem(at, format!("{} is no day", short(value)), "write it as year-month-day: 2026-01-31");
        }
        day
    }
}

fn operators(kind: FactKind) -> String {
    kind.operators().iter().map(|operator| operator.as_str()).collect::<Vec<_>>().join(", ")
}

/// A word as a segment of a JSON pointer.
fn pointer(word: &str) -> String {
    cut(word).replace('~', "~0").replace('/', "~1")
}

fn cut(text: &str) -> String {
    if text.chars().count() <= 60 { text.to_owned() } else { text.chars().take(60).chain(['…']).collect() }
}

fn short(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a mapping".to_owned(),
        Value::String(text) => format!("'{}'", cut(text)),
        plain => cut(&plain.to_string()),
    }
}
