//! `bandit -f json`. What each field means: `docs/formats/bandit.md`.

use model::{Coverage, CoverageExtent, FindingKind, Location, Observation, ScanRun, Severity, Vulnerability};
use serde::Deserialize;
use std::collections::BTreeMap;

use crate::ReadSeek;
use crate::error::{Error, ErrorKind};
use crate::json::lenient::{FromOne, Presence, Words, list, object_or_nothing};
use crate::json::seeds::object;
use crate::json::{self, Bulk, Top, ways};
use crate::limits::Limits;
use crate::outline::Outline;
use crate::output::Output;
use crate::severity;
use crate::text::{self, body, cwe, short, time};

const BULK: Bulk = Bulk { keys: &["results"], depth: 1, top: Top::Header };
/// Bandit's tests for hard-coded credentials (plugins B105 to B107).
const CREDENTIALS: [&str; 3] = ["B105", "B106", "B107"];

pub(crate) fn looks_like(outline: &Outline) -> bool {
    outline.has_all(&["generated_at", "metrics._totals"])
        || outline.has_all(&["results[].test_id", "results[].issue_text"])
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Head {
    results: Presence,
    metrics: Presence,
    generated_at: Words,
    #[serde(deserialize_with = "list")]
    errors: Vec<Failure>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Failure {
    filename: Words,
}

#[derive(Deserialize)]
struct Issue {
    test_id: String,
    #[serde(default)]
    test_name: Words,
    issue_text: String,
    #[serde(default)]
    issue_severity: Words,
    #[serde(default)]
    issue_confidence: Words,
    #[serde(default)]
    filename: Words,
    #[serde(default)]
    line_number: FromOne,
    #[serde(default)]
    col_offset: Words,
    #[serde(default, deserialize_with = "list")]
    line_range: Vec<FromOne>,
    #[serde(default)]
    code: Words,
    #[serde(default)]
    more_info: Words,
    #[serde(default, deserialize_with = "object_or_nothing")]
    issue_cwe: Weakness,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Weakness {
    id: Words,
    link: Words,
}

pub(crate) fn read(input: &mut dyn ReadSeek, limits: &Limits, output: &mut Output<'_>) -> Result<(), Error> {
    let head: Head = json::header_pass(input, limits, BULK, object())?;
    if head.results == Presence::Absent || head.metrics == Presence::Absent {
        let reason = "the list `results` or the `metrics` of a Bandit report are missing; write the report with \
                      `bandit -f json`";
        return Err(ErrorKind::invalid(reason).into());
    }
    // Files that cannot be read or parsed are named in `errors` and were not looked at.
    let broken = head.errors.iter().any(|error| error.filename.first().is_some());
    output.run(ScanRun {
        scanner: "Bandit".to_owned(),
        started_at: head.generated_at.first().and_then(time),
        coverage: Coverage {
            extent: if broken { CoverageExtent::Partial } else { CoverageExtent::Full },
            ..Coverage::default()
        },
        ..ScanRun::default()
    })?;
    ways::results(input, limits, BULK, &["results[]"], |_, one: Issue| output.observation(observation(one)))
}

/// Bandit puts the number of each line before it, which moves with every edit above.
fn without_numbers(code: &str) -> String {
    let lines = code.lines().map(|line| {
        let rest = line.trim_start_matches(|c: char| c.is_ascii_digit());
        if rest.len() < line.len() { rest.strip_prefix(' ').unwrap_or(rest) } else { line }
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The lines of the range in Bandit's excerpt, which shows some before and behind too.
fn lines_of(code: &str, start: u32, end: u32) -> Option<String> {
    let in_range = |line: &&str| {
        let digits = line.len() - line.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        line[..digits].parse::<u32>().is_ok_and(|number| (start..=end).contains(&number))
    };
    let lines: Vec<&str> = code.lines().filter(in_range).collect();
    text::snippet(&without_numbers(&lines.join("\n")))
}

fn observation(of: Issue) -> Observation {
    let id = short(&of.test_id).unwrap_or_else(|| "unnamed".to_owned());
    let secret = CREDENTIALS.contains(&id.as_str());
    let start = of.line_number.0;
    let end = of
        .line_range
        .iter()
        .filter_map(|line| line.0)
        .max()
        .filter(|end| start.is_some_and(|start| *end >= start));
    let code = of.code.0.first().filter(|_| !secret);
    let snippet = code.and_then(|code| {
        let start = start?;
        lines_of(code, start, end.unwrap_or(start)).or_else(|| text::snippet(&without_numbers(code)))
    });
    let location = Location {
        path: text::path(of.filename.first().unwrap_or_default()),
        start_line: start,
        end_line: end,
        // From 0.
        start_column: of.col_offset.number().filter(|n| (0.0..1e9).contains(n)).map(|n| n as u32 + 1),
        snippet,
        logical: None,
    };
    let name = of.test_name.first().and_then(short);
    // "Possible hardcoded password: 'hunter2'".
    let said =
        if secret { of.issue_text.split(':').next().unwrap_or_default() } else { of.issue_text.as_str() };
    let confidence = of.issue_confidence.first().and_then(short);
    let links = of.more_info.first().into_iter().chain(of.issue_cwe.link.first());
    let word = of.issue_severity.first();
    Observation {
        kind: if secret { FindingKind::Secret } else { FindingKind::Code },
        severity: word.and_then(severity::word).unwrap_or(Severity::Medium),
        scanner_severity: word.and_then(short),
        title: text::title(&[text::headline(said).as_deref(), name.as_deref()], &id, Some(&location.path)),
        message: body(said),
        location,
        related_locations: Vec::new(),
        component: None,
        scanner_fingerprints: BTreeMap::new(),
        suppression: None,
        vulnerability: Vulnerability {
            aliases: Vec::new(),
            name: name.map(|name| name.replace('_', " ")),
            cwes: of.issue_cwe.id.first().and_then(cwe).into_iter().collect(),
            references: text::references(links),
            tags: confidence.map(|word| format!("confidence {}", word.to_lowercase())).into_iter().collect(),
            id,
            ..Vulnerability::default()
        },
    }
}
