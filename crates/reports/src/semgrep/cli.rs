//! `semgrep scan --json` and `semgrep ci --json`.

use std::collections::BTreeMap;

use model::{
    Component, Coverage, CoverageExtent, Location, Observation, ReportedSuppression, ScanRun, Vulnerability,
};
use serde::Deserialize;
use serde_json::Value;

use super::{BULK, finds_secrets, kind, lines, rule_words, severity};
use crate::ReadSeek;
use crate::component;
use crate::error::Error;
use crate::json::lenient::{FromOne, Words, list, map, object_or_nothing};
use crate::json::ways;
use crate::limits::Limits;
use crate::output::Output;
use crate::text::{self, add_new, body, cwes_in, short};

/// What the command line writes instead of lines and fingerprints for people without an account.
const WITHHELD: &str = "requires login";
/// Variables and lines that are looked for in the message of a secret.
const MAX_QUOTED: usize = 200;
/// Steps of a data flow that are kept.
const MAX_STEPS: usize = 50;

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Head {
    version: Words,
    #[serde(deserialize_with = "list")]
    errors: Vec<ScanError>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ScanError {
    level: Words,
}

#[derive(Deserialize)]
struct Match {
    check_id: String,
    #[serde(default)]
    path: Words,
    #[serde(default, deserialize_with = "object_or_nothing")]
    start: Position,
    #[serde(default, deserialize_with = "object_or_nothing")]
    end: Position,
    #[serde(default, deserialize_with = "object_or_nothing")]
    extra: Extra,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Position {
    line: FromOne,
    col: FromOne,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Extra {
    message: Words,
    severity: Words,
    fingerprint: Words,
    lines: Words,
    fix: Words,
    is_ignored: Words,
    validation_state: Words,
    #[serde(deserialize_with = "object_or_nothing")]
    metadata: Metadata,
    #[serde(deserialize_with = "map")]
    metavars: BTreeMap<String, Metavariable>,
    #[serde(deserialize_with = "object_or_nothing")]
    dataflow_trace: Value,
    #[serde(deserialize_with = "object_or_nothing")]
    sca_info: ScaInfo,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Metadata {
    cwe: Words,
    owasp: Words,
    references: Words,
    source: Words,
    shortlink: Words,
    category: Words,
    technology: Words,
    vulnerability_class: Words,
    #[serde(rename = "sca-vuln-database-identifier")]
    advisory: Words,
    #[serde(rename = "sca-fix-versions")]
    fixed_versions: Words,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Metavariable {
    abstract_content: Words,
    #[serde(deserialize_with = "object_or_nothing")]
    propagated_value: Propagated,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Propagated {
    svalue_abstract_content: Words,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ScaInfo {
    reachable: Words,
    #[serde(deserialize_with = "object_or_nothing")]
    dependency_match: DependencyMatch,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct DependencyMatch {
    #[serde(deserialize_with = "object_or_nothing")]
    found_dependency: Dependency,
    lockfile: Words,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Dependency {
    package: Words,
    version: Words,
    ecosystem: Words,
    lockfile_path: Words,
    line_number: FromOne,
}

pub(super) fn read(
    input: &mut dyn ReadSeek,
    limits: &Limits,
    output: &mut Output<'_>,
    head: Head,
) -> Result<(), Error> {
    // Files that cannot be parsed are warnings and in every scan; an error means that rules or targets were not run.
    let broken = head.errors.iter().any(|error| error.level.first() == Some("error"));
    output.run(ScanRun {
        scanner: "Semgrep".to_owned(),
        scanner_version: head.version.first().and_then(short),
        coverage: Coverage {
            extent: if broken { CoverageExtent::Partial } else { CoverageExtent::Full },
            ..Coverage::default()
        },
        ..ScanRun::default()
    })?;
    ways::results(input, limits, BULK, &["results[]"], |_, one: Match| output.observation(observation(one)))
}

fn observation(of: Match) -> Observation {
    let Match { check_id, path, start, end, extra } = of;
    let id = short(&check_id).unwrap_or_else(|| "unnamed".to_owned());
    let metadata = &extra.metadata;
    let mut cwes = Vec::new();
    metadata.cwe.0.iter().for_each(|text| add_new(&mut cwes, cwes_in(text)));
    let validated = extra.validation_state.first().is_some_and(|state| state != "NO_VALIDATOR");
    let secret = validated || finds_secrets(&id, &metadata.technology.0, &cwes);

    let mut location = lines(path.first().unwrap_or_default(), start.line.0, end.line.0, start.col.0);
    let shown = extra.lines.first().filter(|lines| *lines != WITHHELD);
    if !secret {
        // Words::first trims, and the indentation belongs to the lines.
        location.snippet = shown.and(extra.lines.0.first()).and_then(|lines| text::snippet(lines));
    }
    let message = extra.message.0.first().map(|message| match secret {
        true => without_secrets(message, &extra),
        false => message.clone(),
    });
    let mut tags = Vec::new();
    for words in [&metadata.category, &metadata.vulnerability_class, &metadata.technology, &metadata.owasp] {
        add_new(&mut tags, words.0.iter().filter_map(|word| short(word)));
    }
    let links = [&metadata.references, &metadata.source, &metadata.shortlink];
    let vulnerability = Vulnerability {
        name: short(&rule_words(&id)),
        cwes,
        references: text::references(links.into_iter().flat_map(|words| &words.0).map(String::as_str)),
        remediation: extra
            .fix
            .first()
            .filter(|_| !secret)
            .and_then(|fix| body(&format!("Replace with:\n\n{fix}"))),
        tags,
        id,
        ..Vulnerability::default()
    };
    let word = extra.severity.first();
    let print = extra.fingerprint.first().filter(|print| *print != WITHHELD).and_then(short);
    let scanner_fingerprints = print.map(|print| ("semgrep".to_owned(), print)).into_iter().collect();
    let suppression = (extra.is_ignored.first() == Some("true")).then_some(ReportedSuppression::Accepted);
    let related_locations = if secret { Vec::new() } else { flow(&extra.dataflow_trace, &location) };
    let base = match dependency(&extra) {
        Some(found) => of_dependency(found, vulnerability, &extra, message.as_deref()),
        None => {
            let title = message.as_deref().and_then(text::headline);
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
                related_locations,
                component: None,
                scanner_fingerprints: BTreeMap::new(),
                suppression: None,
                vulnerability,
            }
        }
    };
    Observation { message: message.as_deref().and_then(body), scanner_fingerprints, suppression, ..base }
}

/// The message quotes variables and lines: of a credential they are the credential. A result with more of them than any
/// rule has keeps no message at all.
fn without_secrets(message: &str, extra: &Extra) -> String {
    let variables = extra
        .metavars
        .values()
        .flat_map(|one| one.abstract_content.0.iter().chain(&one.propagated_value.svalue_abstract_content.0));
    let quoted = variables.chain(&extra.lines.0).flat_map(|text| {
        let bare = text.trim().trim_matches(['"', '\'', '`']);
        [text.trim(), bare]
    });
    let mut quoted: Vec<&str> = quoted.filter(|text| text.len() >= 4).collect();
    if quoted.len() > MAX_QUOTED {
        return String::new();
    }
    quoted.sort_by_key(|text| std::cmp::Reverse(text.len()));
    quoted.into_iter().fold(message.to_owned(), |said, secret| said.replace(secret, "[removed]"))
}

/// Every place that a data flow names, in its order.
fn flow(trace: &Value, place: &Location) -> Vec<Location> {
    fn collect(value: &Value, places: &mut Vec<Location>) {
        match value {
            Value::Object(members) => match (members.get("path"), members.get("start")) {
                (Some(Value::String(path)), Some(start)) => {
                    let line =
                        |of: Option<&Value>| Some(u32::try_from(of?.get("line")?.as_u64()?).ok()?.max(1));
                    add_new(places, [lines(path, line(Some(start)), line(members.get("end")), None)]);
                }
                _ => ["taint_source", "location", "intermediate_vars", "taint_sink"]
                    .iter()
                    .filter_map(|key| members.get(*key))
                    .for_each(|value| collect(value, places)),
            },
            Value::Array(elements) => elements.iter().for_each(|value| collect(value, places)),
            _ => {}
        }
    }
    let mut places = Vec::new();
    collect(trace, &mut places);
    places.retain(|one| (&one.path, one.start_line) != (&place.path, place.start_line));
    places.truncate(MAX_STEPS);
    places
}

struct Found {
    component: Component,
    location: Location,
}

fn dependency(extra: &Extra) -> Option<Found> {
    let DependencyMatch { found_dependency: found, lockfile } = &extra.sca_info.dependency_match;
    let file = found.lockfile_path.first().or(lockfile.first()).unwrap_or_default();
    Some(Found {
        component: Component {
            name: found.package.first().and_then(short)?,
            version: found.version.first().and_then(short),
            fixed_version: component::versions(extra.metadata.fixed_versions.0.iter().map(String::as_str)),
            ecosystem: found.ecosystem.first().and_then(short),
            ..Component::default()
        },
        location: lines(file, found.line_number.0, None, None),
    })
}

/// Supply chain: the advisory is the definition, and the rule's name (`ssc-…`) another name of it.
fn of_dependency(found: Found, rule: Vulnerability, extra: &Extra, message: Option<&str>) -> Observation {
    let advisory = extra.metadata.advisory.first().and_then(short);
    let vulnerability = Vulnerability {
        aliases: advisory.is_some().then(|| rule.id.clone()).into_iter().collect(),
        id: advisory.unwrap_or(rule.id),
        name: message.and_then(text::headline),
        remediation: None,
        tags: match extra.sca_info.reachable.first() {
            Some("true") => vec!["reachable".to_owned()],
            _ => Vec::new(),
        },
        ..rule
    };
    let word = extra.severity.first();
    let observation =
        component::vulnerable(vulnerability, found.component, severity(word), word, String::new());
    Observation { location: found.location, ..observation }
}
