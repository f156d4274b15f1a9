//! Semgrep: the JSON of the command line, and findings exported from its platform's API.
//!
//! What each field means: `docs/formats/semgrep.md`.

mod cli;
mod platform;

use model::{FindingKind, Location, Severity};
use serde::Deserialize;

use crate::ReadSeek;
use crate::error::{Error, ErrorKind};
use crate::json::lenient::Presence;
use crate::json::seeds::object;
use crate::json::{self, Bulk, Top};
use crate::limits::Limits;
use crate::outline::Outline;
use crate::output::Output;
use crate::severity;

const BULK: Bulk = Bulk { keys: &["results", "findings"], depth: 1, top: Top::Header };

pub(crate) fn looks_like(outline: &Outline) -> bool {
    let cli = outline.is_list("results")
        && (outline.has_all(&["results[].check_id", "results[].extra"])
            || (!outline.has("results[]") && outline.is_list("errors") && !outline.has("metrics")));
    cli || outline.has("findings[].match_based_id")
        || outline.has_all(&["findings[].rule_name", "findings[].triage_state"])
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Head {
    results: Presence,
    findings: Presence,
    #[serde(flatten)]
    scan: cli::Head,
}

pub(crate) fn read(input: &mut dyn ReadSeek, limits: &Limits, output: &mut Output<'_>) -> Result<(), Error> {
    let head: Head = json::header_pass(input, limits, BULK, object())?;
    match (head.results, head.findings) {
        (Presence::Present, _) => cli::read(input, limits, output, head.scan),
        (Presence::Absent, Presence::Present) => platform::read(input, limits, output),
        (Presence::Absent, Presence::Absent) => {
            let reason = "neither `results` (of the command line) nor `findings` (of the platform) is there; \
                          write the report with `semgrep scan --json`";
            Err(ErrorKind::invalid(reason).into())
        }
    }
}

/// `ERROR`, `WARNING`, `INFO` of rules, and the words of newer rules and the platform.
fn severity(word: Option<&str>) -> Severity {
    match word.map(|word| word.trim().to_ascii_lowercase()).as_deref() {
        // What a rule says as its mildest word is still a finding that somebody should look at.
        Some("info") => Severity::Low,
        Some("experiment" | "inventory") => Severity::Info,
        Some(word) => severity::word(word).unwrap_or(Severity::Medium),
        None => Severity::Medium,
    }
}

/// Whether a rule finds credentials: its name says so, or its weakness is a hard-coded one.
fn finds_secrets(rule: &str, technologies: &[String], cwes: &[u32]) -> bool {
    const HARD_CODED: [u32; 4] = [259, 321, 522, 798];
    let in_name = rule.split('.').any(|part| part == "secrets" || part.starts_with("detected-"));
    let of_secrets = technologies.iter().any(|word| word.eq_ignore_ascii_case("secrets"));
    in_name || of_secrets || cwes.iter().any(|cwe| HARD_CODED.contains(cwe))
}

/// The last part of a rule's name in words: `a.b.use-of-md5` is `use of md5`.
fn rule_words(rule: &str) -> String {
    rule.rsplit('.').next().unwrap_or(rule).replace(['-', '_'], " ")
}

fn kind(secret: bool) -> FindingKind {
    if secret { FindingKind::Secret } else { FindingKind::Code }
}

fn lines(path: &str, start: Option<u32>, end: Option<u32>, column: Option<u32>) -> Location {
    Location {
        path: crate::text::path(path),
        start_line: start,
        end_line: end.filter(|end| start.is_some_and(|start| *end >= start)),
        start_column: column,
        ..Location::default()
    }
}
