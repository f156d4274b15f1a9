//! What never leaves for a board, whatever a template asks for. Secrets have no snippet to begin with.

use std::borrow::Cow;

use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};

use super::templates::TemplateProblem;

/// Patterns of one list.
const MOST_PATTERNS: usize = 50;

/// Characters of one pattern.
const LONGEST_PATTERN: usize = 500;

/// Bytes that one pattern may take once it is compiled. The time to search grows with the text alone.
const COMPILED_LIMIT: usize = 1 << 20;

/// What stands where something was taken out.
const TAKEN_OUT: &str = "•••";

/// What a set of templates leaves out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Redaction {
    /// No lines of code.
    pub hide_snippets: bool,
    /// Lines of text, and references, that match one of these patterns are left out whole: for what tells how to exploit a
    /// weakness. Regular expressions, without regard to case; at most 50 of 500 characters.
    pub leave_out: Vec<String>,
    /// What matches one of these patterns is replaced by `•••`. Regular expressions; at most 50 of 500 characters.
    pub replace: Vec<String>,
}

/// A redaction that is ready to be used.
#[derive(Clone, Debug, Default)]
pub(super) struct Redactor {
    pub(super) hide_snippets: bool,
    leave_out: Vec<Regex>,
    replace: Vec<Regex>,
}

impl Redactor {
    /// Compiles the patterns; what is wrong with them is added to `problems`.
    pub(super) fn of(redaction: &Redaction, problems: &mut Vec<TemplateProblem>) -> Self {
        let mut compile = |list: &str, patterns: &[String], any_case: bool| {
            if patterns.len() > MOST_PATTERNS {
                problems.push(TemplateProblem::of_setting(
                    format!("redaction/{list}"),
                    format!("{} patterns are more than {MOST_PATTERNS}", patterns.len()),
                    "join some of them with |",
                ));
            }
            let mut compiled = Vec::new();
            for (number, pattern) in patterns.iter().take(MOST_PATTERNS).enumerate() {
                let row = format!("redaction/{list}/{number}");
                if pattern.is_empty() || pattern.chars().count() > LONGEST_PATTERN {
                    problems.push(TemplateProblem::of_setting(
                        row,
                        format!("a pattern has 1 to {LONGEST_PATTERN} characters"),
                        "shorten it, or take it out",
                    ));
                    continue;
                }
                match RegexBuilder::new(pattern).case_insensitive(any_case).size_limit(COMPILED_LIMIT).build()
                {
                    Ok(found) if found.is_match("") => problems.push(TemplateProblem::of_setting(
                        row,
                        format!("the pattern '{pattern}' matches nothing at all, and with that everywhere"),
                        "say what it must find at least",
                    )),
                    Ok(found) => compiled.push(found),
                    Err(error) => problems.push(TemplateProblem::of_setting(
                        row,
                        format!("the pattern '{pattern}' cannot be read: {}", last_line(&error.to_string())),
                        "write a regular expression; put a backslash before characters that mean themselves",
                    )),
                }
            }
            compiled
        };
        Self {
            hide_snippets: redaction.hide_snippets,
            leave_out: compile("leave_out", &redaction.leave_out, true),
            replace: compile("replace", &redaction.replace, false),
        }
    }

    /// A text without the lines that are left out, and with what is replaced replaced.
    pub(super) fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut text = Cow::Borrowed(text);
        if self.leave_out.iter().any(|pattern| pattern.is_match(&text)) {
            let lines = text.lines().filter(|line| !self.is_left_out(line));
            text = Cow::Owned(lines.collect::<Vec<_>>().join("\n"));
        }
        for pattern in &self.replace {
            if pattern.is_match(&text) {
                text = Cow::Owned(pattern.replace_all(&text, TAKEN_OUT).into_owned());
            }
        }
        text
    }

    /// A name or an address that is left out whole or not at all: cut in the middle it would lead elsewhere.
    pub(super) fn keeps(&self, address: &str) -> bool {
        !self.is_left_out(address) && !self.replace.iter().any(|pattern| pattern.is_match(address))
    }

    fn is_left_out(&self, line: &str) -> bool {
        self.leave_out.iter().any(|pattern| pattern.is_match(line))
    }
}

fn last_line(text: &str) -> &str {
    text.lines().next_back().unwrap_or(text).trim_start_matches("error: ")
}
