//! Findings as the API of Semgrep AppSec Platform lists them.

use std::collections::BTreeMap;

use model::{Component, Coverage, CoverageExtent, Observation, ReportedSuppression, ScanRun, Vulnerability};
use serde::Deserialize;

use super::{BULK, finds_secrets, kind, lines, rule_words, severity};
use crate::ReadSeek;
use crate::component;
use crate::error::{Error, ErrorKind};
use crate::json::lenient::{FromOne, Words, list, object_or_nothing};
use crate::json::ways;
use crate::limits::Limits;
use crate::output::Output;
use crate::text::{self, add_new, body, cwes_in, short};

#[derive(Deserialize)]
struct Finding {
    rule_name: Option<String>,
    #[serde(default)]
    rule_message: Words,
    #[serde(default)]
    severity: Words,
    #[serde(default)]
    match_based_id: Words,
    #[serde(default)]
    line_of_code_url: Words,
    #[serde(default)]
    state: Words,
    #[serde(default)]
    triage_state: Words,
    #[serde(default)]
    status: Words,
    #[serde(default)]
    vulnerability_identifier: Words,
    #[serde(default)]
    categories: Words,
    #[serde(default, deserialize_with = "object_or_nothing")]
    location: Place,
    #[serde(default, deserialize_with = "object_or_nothing")]
    rule: Rule,
    #[serde(default, deserialize_with = "object_or_nothing")]
    assistant: Assistant,
    #[serde(default, deserialize_with = "object_or_nothing")]
    found_dependency: Dependency,
    #[serde(default, deserialize_with = "list")]
    fix_recommendations: Vec<Fix>,
    #[serde(flatten)]
    origin: Origin,
}

/// Where a finding comes from.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Origin {
    #[serde(deserialize_with = "object_or_nothing")]
    repository: Repository,
    #[serde(rename = "ref")]
    branch: Words,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Repository {
    name: Words,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Place {
    file_path: Words,
    line: FromOne,
    column: FromOne,
    end_line: FromOne,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Rule {
    name: Words,
    vulnerability_classes: Words,
    cwe_names: Words,
    owasp_names: Words,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Assistant {
    #[serde(deserialize_with = "object_or_nothing")]
    guidance: Guidance,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Guidance {
    instructions: Words,
    summary: Words,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Dependency {
    package: Words,
    version: Words,
    ecosystem: Words,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Fix {
    version: Words,
}

/// Values of which only "none", "one" and "several" matter.
#[derive(Default)]
enum Seen {
    #[default]
    None,
    One(String),
    Several,
}

impl Seen {
    fn add(&mut self, value: Option<&str>) {
        *self = match (std::mem::take(self), value.and_then(short)) {
            (Self::None, Some(value)) => Self::One(value),
            (Self::One(one), Some(value)) if one != value => Self::Several,
            (seen, _) => seen,
        }
    }

    fn only(self) -> Option<String> {
        match self {
            Self::One(one) => Some(one),
            _ => None,
        }
    }
}

pub(super) fn read(input: &mut dyn ReadSeek, limits: &Limits, output: &mut Output<'_>) -> Result<(), Error> {
    let ways = ["findings[]"];
    let (mut repositories, mut branches) = (Seen::default(), Seen::default());
    ways::results(input, limits, BULK, &ways, |_, one: Origin| {
        repositories.add(one.repository.name.first());
        branches.add(one.branch.first().map(|branch| branch.trim_start_matches("refs/heads/")));
        Ok(())
    })?;
    let several = matches!(repositories, Seen::Several);
    output.run(ScanRun {
        scanner: "Semgrep".to_owned(),
        target: repositories.only(),
        branch: branches.only().filter(|_| !several),
        // A page of a list that filters may have shortened.
        coverage: Coverage { extent: CoverageExtent::Partial, ..Coverage::default() },
        ..ScanRun::default()
    })?;
    ways::results(input, limits, BULK, &ways, |_, one: Finding| {
        let gone = |word: &str| matches!(word, "fixed" | "removed");
        if [&one.state, &one.status].into_iter().any(|words| words.first().is_some_and(gone)) {
            output.left_out("the platform calls it fixed or removed");
            return Ok(());
        }
        let named = one.rule_name.as_deref().or(one.rule.name.first()).and_then(short);
        let id = named.ok_or_else(|| {
            ErrorKind::invalid("a finding needs its `rule_name`; export the findings again")
        })?;
        output.observation(observation(id, one, several))
    })
}

fn observation(id: String, of: Finding, several_repositories: bool) -> Observation {
    let mut cwes = Vec::new();
    of.rule.cwe_names.0.iter().for_each(|text| add_new(&mut cwes, cwes_in(text)));
    let secret = finds_secrets(&id, &of.categories.0, &cwes);
    let file = of.location.file_path.first().unwrap_or_default();
    let path = match of.origin.repository.name.first() {
        Some(repository) if several_repositories => format!("{repository}/{file}"),
        _ => file.to_owned(),
    };
    let location = lines(&path, of.location.line.0, of.location.end_line.0, of.location.column.0);
    let mut tags = Vec::new();
    for words in [&of.categories, &of.rule.vulnerability_classes, &of.rule.owasp_names] {
        add_new(&mut tags, words.0.iter().filter_map(|word| short(word)));
    }
    let guidance = &of.assistant.guidance;
    // Of a credential the platform's message may quote it, and nothing tells which part.
    let message = of.rule_message.0.first().filter(|_| !secret);
    let vulnerability = Vulnerability {
        name: short(&rule_words(&id)),
        cwes,
        remediation: guidance
            .instructions
            .first()
            .or(guidance.summary.first())
            .filter(|_| !secret)
            .and_then(body),
        references: text::references(of.line_of_code_url.first()),
        tags,
        id,
        ..Vulnerability::default()
    };
    let word = of.severity.first();
    let print = of.match_based_id.first().and_then(short);
    let ignored =
        |words: &Words| matches!(words.first(), Some("ignored" | "muted" | "provisionally_ignored"));
    let ignored = [&of.state, &of.status, &of.triage_state].into_iter().any(ignored);
    let dependency = &of.found_dependency;
    let base = match dependency.package.first().and_then(short) {
        Some(name) => {
            let advisory = of.vulnerability_identifier.first().and_then(short);
            let vulnerability = Vulnerability {
                aliases: advisory.is_some().then(|| vulnerability.id.clone()).into_iter().collect(),
                id: advisory.unwrap_or(vulnerability.id),
                name: message.and_then(|text| text::headline(text)),
                ..vulnerability
            };
            let component = Component {
                name,
                version: dependency.version.first().and_then(short),
                fixed_version: component::versions(
                    of.fix_recommendations.iter().filter_map(|fix| fix.version.first()),
                ),
                ecosystem: dependency.ecosystem.first().and_then(short),
                ..Component::default()
            };
            let observation =
                component::vulnerable(vulnerability, component, severity(word), word, String::new());
            Observation { location, ..observation }
        }
        None => {
            let title = message.and_then(|text| text::headline(text));
            Observation {
                kind: kind(secret),
                severity: severity(word),
                scanner_severity: word.and_then(short),
                title: text::title(
                    &[title.as_deref(), vulnerability.name.as_deref()],
                    &vulnerability.id,
                    Some(&location.path),
                ),
                message: None,
                location,
                related_locations: Vec::new(),
                component: None,
                scanner_fingerprints: BTreeMap::new(),
                suppression: None,
                vulnerability,
            }
        }
    };
    Observation {
        message: message.and_then(|text| body(text)),
        scanner_fingerprints: print.map(|print| ("semgrep".to_owned(), print)).into_iter().collect(),
        suppression: ignored.then_some(ReportedSuppression::Accepted),
        ..base
    }
}
