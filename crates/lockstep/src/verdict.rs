//! The expression of `--fail-on`: when an import fails a build.
//!
//! ```text
//! expression = conjunction { "or" conjunction }
//! conjunction = term { "and" term }
//! term = "new" | "regressed" | "open" | "severity" (">=" | "=") severity | "(" expression ")"
//! ```
//!
//! `new` are the findings this import saw first, `regressed` those that came back, `open` all that it left open: new,
//! regressed, and those that were open before. Words are read without regard to case. Anything else is an error: a
//! typing error must never let a build pass.

use std::fmt;
use std::str::FromStr;

use api::ImportResult;
use model::Severity;

/// A parsed expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FailOn {
    text: String,
    root: Node,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Node {
    New,
    Regressed,
    Open,
    SeverityAtLeast(Severity),
    SeverityIs(Severity),
    And(Box<Node>, Box<Node>),
    Or(Box<Node>, Box<Node>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    New,
    Regressed,
    StillOpen,
}

impl FailOn {
    /// How many findings of the import the expression is true for. The build fails if there is one.
    pub(crate) fn matching(&self, import: &ImportResult) -> u64 {
        [
            (Class::New, &import.new),
            (Class::Regressed, &import.regressed),
            (Class::StillOpen, &import.still_open),
        ]
        .into_iter()
        .flat_map(|(class, counts)| {
            Severity::WORST_FIRST.map(|severity| (class, severity, counts.of(severity)))
        })
        .filter(|(class, severity, _)| self.root.is_true(*class, *severity))
        .map(|(_, _, count)| count)
        .sum()
    }
}

impl fmt::Display for FailOn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Node {
    fn is_true(&self, class: Class, severity: Severity) -> bool {
        match self {
            Self::New => class == Class::New,
            Self::Regressed => class == Class::Regressed,
            Self::Open => true,
            Self::SeverityAtLeast(least) => severity >= *least,
            Self::SeverityIs(only) => severity == *only,
            Self::And(left, right) => left.is_true(class, severity) && right.is_true(class, severity),
            Self::Or(left, right) => left.is_true(class, severity) || right.is_true(class, severity),
        }
    }
}

impl FromStr for FailOn {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parser = Parser { tokens: tokens(text)?, at: 0 };
        let root = parser.expression(0)?;
        match parser.next() {
            None => Ok(Self { text: text.trim().to_owned(), root }),
            Some(token) => Err(format!("'{token}' is not expected here: join terms with `and` or `or`")),
        }
    }
}

/// Nesting of parentheses; deeper than anybody writes.
const MAX_DEPTH: usize = 32;

fn tokens(text: &str) -> Result<Vec<String>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = if first.is_ascii_alphabetic() {
            rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len())
        } else if rest.starts_with(">=") {
            2
        } else if matches!(first, '=' | '(' | ')') {
            1
        } else {
            return Err(format!(
                "'{first}' is not expected here: use new, regressed, open, severity>=high, and, or"
            ));
        };
        tokens.push(rest[..length].to_ascii_lowercase());
        rest = rest[length..].trim_start();
    }
    Ok(tokens)
}

struct Parser {
    tokens: Vec<String>,
    at: usize,
}

impl Parser {
    fn next(&mut self) -> Option<String> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token
    }

    fn accept(&mut self, wanted: &str) -> bool {
        let there = self.tokens.get(self.at).is_some_and(|token| token == wanted);
        self.at += usize::from(there);
        there
    }

    fn expression(&mut self, depth: usize) -> Result<Node, String> {
        let mut left = self.conjunction(depth)?;
        while self.accept("or") {
            left = Node::Or(Box::new(left), Box::new(self.conjunction(depth)?));
        }
        Ok(left)
    }

    fn conjunction(&mut self, depth: usize) -> Result<Node, String> {
        let mut left = self.term(depth)?;
        while self.accept("and") {
            left = Node::And(Box::new(left), Box::new(self.term(depth)?));
        }
        Ok(left)
    }

    fn term(&mut self, depth: usize) -> Result<Node, String> {
        let Some(token) = self.next() else {
            return Err(
                "the expression ends too early: a term such as `new` or `severity>=high` is missing".into()
            );
        };
        match token.as_str() {
            "new" => Ok(Node::New),
            "regressed" => Ok(Node::Regressed),
            "open" => Ok(Node::Open),
            "severity" => {
                let at_least = self.accept(">=");
                if !at_least && !self.accept("=") {
                    return Err("`severity` is followed by `>=` or `=`, as in `severity>=high`".into());
                }
                let word = self.next().ok_or("a severity is missing, as in `severity>=high`")?;
                let severity = word.parse().map_err(|error: model::UnknownSeverity| error.to_string())?;
                Ok(if at_least { Node::SeverityAtLeast(severity) } else { Node::SeverityIs(severity) })
            }
            "(" if depth >= MAX_DEPTH => Err("too many parentheses inside each other".into()),
            "(" => {
                let inside = self.expression(depth + 1)?;
                if self.accept(")") { Ok(inside) } else { Err("a closing parenthesis is missing".into()) }
            }
            other => Err(format!("'{other}' is not a term: use new, regressed, open or severity>=high")),
        }
    }
}

#[cfg(test)]
mod tests {
    use api::SeverityCounts;

    use super::*;

    fn import() -> ImportResult {
        ImportResult {
            scans: Vec::new(),
            already_imported: false,
            observations: 0,
            new: SeverityCounts { high: 1, low: 2, ..Default::default() },
            regressed: SeverityCounts { critical: 4, ..Default::default() },
            still_open: SeverityCounts { high: 8, info: 16, ..Default::default() },
            fixed: SeverityCounts { critical: 32, ..Default::default() },
            quarantined: false,
            left_out: Default::default(),
        }
    }

    #[test]
    fn an_expression_counts_the_findings_it_is_true_for() {
        for (expression, expected) in [
            ("new", 3),
            ("regressed", 4),
            ("open", 31),
            ("severity>=high", 13),
            ("severity = low", 2),
            ("new and severity>=high", 1),
            ("NEW AND SEVERITY >= High", 1),
            ("new or regressed", 7),
            ("new and severity>=critical", 0),
            ("new or regressed and severity>=critical", 7),
            ("(new or regressed) and severity>=high", 5),
            ("open and severity=info or new", 19),
        ] {
            assert_eq!(expression.parse::<FailOn>().unwrap().matching(&import()), expected, "{expression}");
        }
    }

    #[test]
    fn a_typing_error_is_refused_and_never_lets_a_build_pass() {
        for expression in [
            "",
            "news",
            "new and",
            "and new",
            "new new",
            "new severity>=high",
            "severity",
            "severity>high",
            "severity>=",
            "severity>=huge",
            "severity>=high and (new",
            "new)",
            "new & open",
            "fixed",
            "severity>=high;",
        ] {
            assert!(expression.parse::<FailOn>().is_err(), "{expression}");
        }
        assert!("(".repeat(1000).parse::<FailOn>().is_err());
    }
}
