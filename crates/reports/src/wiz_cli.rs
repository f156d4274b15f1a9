//! JSON of the Wiz CLI. What each field becomes: `docs/formats/wiz-cli.md`.

use model::{
    Component, Coverage, CoverageExtent, FindingKind, Location, Observation, ScanRun, Severity, Vulnerability,
};
use serde::Deserialize;

use crate::ReadSeek;
use crate::error::{Error, ErrorKind};
use crate::json::lenient::{FromOne, Presence, Words, list, object_or_nothing};
use crate::json::seeds::object;
use crate::json::walk::each_result;
use crate::json::{self, Bulk, Top};
use crate::limits::Limits;
use crate::outline::Outline;
use crate::output::Output;
use crate::text::{self, body, short, time};
use crate::{component, found, severity};

/// The lists under `result`.
const BULK: Bulk = Bulk {
    keys: &["osPackages", "libraries", "applications", "cpes", "secrets", "ruleMatches"],
    depth: 2,
    top: Top::Header,
};

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Scan {
    id: Words,
    created_at: Words,
    started_at: Words,
    #[serde(deserialize_with = "object_or_nothing")]
    status: Status,
    #[serde(deserialize_with = "object_or_nothing")]
    scan_origin_resource: Origin,
    result: Presence,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Status {
    state: Words,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Origin {
    name: Words,
}

/// A package, library or application with what is known of it.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Package {
    name: Words,
    version: Words,
    path: Words,
    #[serde(deserialize_with = "list")]
    vulnerabilities: Vec<Vulnerable>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Vulnerable {
    name: Words,
    severity: Words,
    fixed_version: Words,
    source: Words,
    description: Words,
    score: Words,
}

/// `snippet` is not even read.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Secret {
    description: Words,
    path: Words,
    line_number: FromOne,
    #[serde(rename = "type")]
    kind: Words,
    severity: Words,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RuleMatch {
    #[serde(deserialize_with = "object_or_nothing")]
    rule: Rule,
    severity: Words,
    #[serde(deserialize_with = "list")]
    matches: Vec<Match>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Rule {
    id: Words,
    name: Words,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Match {
    resource_name: Words,
    file_name: Words,
    line_number: FromOne,
    match_content: Words,
    expected: Words,
    found: Words,
    file_type: Words,
    remediation_instructions: Words,
}

pub(crate) fn looks_like(outline: &Outline) -> bool {
    outline.word("result.__typename").starts_with("CICD")
        || outline.word("scanOriginResource.__typename").starts_with("CICDScanOrigin")
        || outline.has_all(&["scanOriginResource", "status.verdict", "result"])
}

pub(crate) fn read(input: &mut dyn ReadSeek, limits: &Limits, output: &mut Output<'_>) -> Result<(), Error> {
    let scan: Scan = json::header_pass(input, limits, BULK, object())?;
    let state = scan.status.state.first().unwrap_or_default().to_ascii_uppercase();
    if matches!(state.as_str(), "FAILED" | "ERROR") {
        let message = format!("its state is {state}");
        return Err(ErrorKind::RunFailed { scanner: "Wiz CLI".to_owned(), message }.into());
    }
    if scan.result == Presence::Absent {
        let reason = "`result` was expected, as `wizcli … --format json` writes it";
        return Err(Error::at_path(ErrorKind::invalid(reason), "result"));
    }
    let started = [&scan.started_at, &scan.created_at].into_iter().find_map(|at| time(at.first()?));
    let whole = state.is_empty() || state == "SUCCESS";
    output.run(ScanRun {
        scanner: "Wiz CLI".to_owned(),
        run_id: scan.id.first().and_then(short),
        started_at: started,
        target: scan.scan_origin_resource.name.first().and_then(short),
        coverage: Coverage {
            extent: if whole { CoverageExtent::Full } else { CoverageExtent::Partial },
            ..Coverage::default()
        },
        ..ScanRun::default()
    })?;
    each_result(input, limits, BULK, &mut |trail, row| {
        match trail.list() {
            "secrets" => output.observation(secret(&row.read()?))?,
            "ruleMatches" => {
                let rule: RuleMatch = row.read()?;
                for place in &rule.matches {
                    output.observation(misconfiguration(&rule, place))?;
                }
            }
            list => {
                let package: Package = row.read()?;
                for vulnerable in &package.vulnerabilities {
                    output.observation(vulnerability(&package, vulnerable, list))?;
                }
            }
        }
        Ok(())
    })
}

fn path(words: &Words) -> String {
    words.first().map(|path| text::one_line(path.trim_start_matches('/'))).unwrap_or_default()
}

fn vulnerability(package: &Package, of: &Vulnerable, list: &str) -> Observation {
    let component = package.name.first().and_then(short).map(|name| Component {
        name,
        version: package.version.first().and_then(short),
        fixed_version: of.fixed_version.first().and_then(short),
        ecosystem: (list == "osPackages").then(|| "os".to_owned()),
        ..Component::default()
    });
    let score = severity::score(of.score.number());
    let definition = Vulnerability {
        id: of.name.first().and_then(short).unwrap_or_else(|| "unnamed".to_owned()),
        description: of.description.first().and_then(body),
        remediation: component.as_ref().and_then(component::upgrade),
        cvss_score: score,
        references: text::references(of.source.first()),
        ..Vulnerability::default()
    };
    let location = Location { path: path(&package.path), ..Location::default() };
    let grade = severity::judge(of.severity.first(), score);
    Observation {
        scanner_severity: of.severity.first().and_then(short),
        ..component::observation(definition, component, grade, location)
    }
}

/// The description quotes what surrounds the secret in brackets, so only what stands before them is taken.
fn secret(of: &Secret) -> Observation {
    let named = of.description.first().and_then(|text| short(text.split('(').next()?));
    let kind = of.kind.first().and_then(short).unwrap_or_else(|| "secret".to_owned());
    let definition = Vulnerability { id: kind.to_ascii_lowercase(), name: named, ..Vulnerability::default() };
    let location = Location { path: path(&of.path), start_line: of.line_number.0, ..Location::default() };
    let grade = of.severity.first().and_then(severity::word).unwrap_or(Severity::High);
    Observation {
        scanner_severity: of.severity.first().and_then(short),
        ..found::observation(FindingKind::Secret, definition, grade, location)
    }
}

fn misconfiguration(of: &RuleMatch, at: &Match) -> Observation {
    let ids = [&of.rule.id, &of.rule.name];
    let definition = Vulnerability {
        id: ids.iter().find_map(|id| short(id.first()?)).unwrap_or_else(|| "unnamed".to_owned()),
        name: of.rule.name.first().and_then(short),
        remediation: at.remediation_instructions.first().and_then(body),
        tags: at.file_type.first().and_then(short).into_iter().collect(),
        ..Vulnerability::default()
    };
    let location = Location {
        path: path(&at.file_name),
        start_line: at.line_number.0,
        snippet: at.match_content.first().and_then(text::snippet),
        logical: at.resource_name.first().and_then(short),
        ..Location::default()
    };
    let told = [("Expected", &at.expected), ("Found", &at.found)];
    let told = told.iter().filter_map(|(what, text)| Some(format!("{what}: {}", text.first()?)));
    Observation {
        scanner_severity: of.severity.first().and_then(short),
        message: body(&told.collect::<Vec<_>>().join("\n")),
        ..found::observation(
            FindingKind::Misconfiguration,
            definition,
            severity::judge(of.severity.first(), None),
            location,
        )
    }
}
