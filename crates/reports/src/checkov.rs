//! `checkov -o json`: one object, or a list with one for each kind of files. What each field means:
//! `docs/formats/checkov.md`.

use std::collections::BTreeMap;
use std::marker::PhantomData;

use model::{
    Component, Coverage, CoverageExtent, FindingKind, Location, Observation, ReportedSuppression, ScanRun,
    Severity, Vulnerability,
};
use serde::Deserialize;

use crate::ReadSeek;
use crate::component;
use crate::cvss::Rating;
use crate::error::{Error, ErrorKind};
use crate::json::lenient::{FromOne, Presence, Words, list, object_or_nothing};
use crate::json::ways::{self, OneOrMany};
use crate::json::{self, Bulk, Top};
use crate::limits::Limits;
use crate::outline::Outline;
use crate::output::Output;
use crate::severity;
use crate::text::{self, body, short};

const BULK: Bulk =
    Bulk { keys: &["failed_checks", "passed_checks", "skipped_checks"], depth: 2, top: Top::Header };
/// The lists, first those that are read.
const WAYS: [&str; 6] = [
    "results.failed_checks[]",
    "[].results.failed_checks[]",
    "results.skipped_checks[]",
    "[].results.skipped_checks[]",
    "results.passed_checks[]",
    "[].results.passed_checks[]",
];

pub(crate) fn looks_like(outline: &Outline) -> bool {
    ["", "[]."].into_iter().any(|at| {
        let has = |key: &str| outline.has(&format!("{at}{key}"));
        has("check_type") && has("results")
    }) || outline.has_all(&["passed", "failed", "checkov_version"])
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Head {
    check_type: Words,
    #[serde(deserialize_with = "object_or_nothing")]
    results: Lists,
    #[serde(deserialize_with = "object_or_nothing")]
    summary: Summary,
    /// At the top where nothing was there to check.
    checkov_version: Words,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Lists {
    failed_checks: Presence,
    parsing_errors: Words,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Summary {
    checkov_version: Words,
}

#[derive(Deserialize)]
struct Check {
    check_id: String,
    #[serde(default)]
    bc_check_id: Words,
    #[serde(default)]
    check_name: Words,
    #[serde(default, deserialize_with = "object_or_nothing")]
    check_result: CheckResult,
    #[serde(default, deserialize_with = "list")]
    code_block: Vec<Words>,
    #[serde(default)]
    file_path: Words,
    #[serde(default, deserialize_with = "list")]
    file_line_range: Vec<FromOne>,
    #[serde(default)]
    resource: Words,
    #[serde(default)]
    guideline: Words,
    #[serde(default)]
    severity: Words,
    #[serde(default)]
    description: Words,
    #[serde(default)]
    details: Words,
    #[serde(default)]
    bc_category: Words,
    #[serde(default, deserialize_with = "object_or_nothing")]
    vulnerability_details: Vulnerable,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct CheckResult {
    suppress_comment: Words,
}

/// Packages: what Checkov knows of the vulnerability.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Vulnerable {
    id: Words,
    severity: Words,
    package_name: Words,
    package_version: Words,
    package_type: Words,
    link: Words,
    cvss: Words,
    vector: Words,
    description: Words,
    lowest_fixed_version: Words,
}

pub(crate) fn read(input: &mut dyn ReadSeek, limits: &Limits, output: &mut Output<'_>) -> Result<(), Error> {
    let heads: OneOrMany<Head> = json::header_pass(input, limits, BULK, PhantomData)?;
    let version =
        |head: &Head| head.summary.checkov_version.first().or(head.checkov_version.first()).and_then(short);
    let known = |head: &Head| {
        head.results.failed_checks == Presence::Present || head.checkov_version.first().is_some()
    };
    if heads.all.is_empty() || !heads.all.iter().all(known) {
        let reason =
            "`results.failed_checks` of a Checkov report is missing; write the report with `checkov -o json`";
        return Err(ErrorKind::invalid(reason).into());
    }
    // Files that cannot be parsed were not looked at.
    let broken = heads.all.iter().any(|head| head.results.parsing_errors.first().is_some());
    output.run(ScanRun {
        scanner: "Checkov".to_owned(),
        scanner_version: heads.all.iter().find_map(version),
        coverage: Coverage {
            extent: if broken { CoverageExtent::Partial } else { CoverageExtent::Full },
            ..Coverage::default()
        },
        ..ScanRun::default()
    })?;
    ways::results(input, limits, BULK, &WAYS, |at, one: Check| {
        if at.way >= 4 {
            output.left_out("the check passed");
            return Ok(());
        }
        let head = heads.all.get(if heads.list { at.positions.first().copied().unwrap_or(0) } else { 0 });
        let kind = head.and_then(|head| head.check_type.first()).unwrap_or_default();
        let suppression = (at.way >= 2).then_some(ReportedSuppression::Accepted);
        output.observation(Observation { suppression, ..observation(one, kind) })
    })
}

fn observation(of: Check, check_type: &str) -> Observation {
    let id = short(&of.check_id).unwrap_or_else(|| "unnamed".to_owned());
    let secret = check_type == "secrets";
    // Checkov writes the path from the root of what it looked at.
    let path = text::path(of.file_path.first().unwrap_or_default()).trim_start_matches('/').to_owned();
    if of.vulnerability_details.package_name.first().is_some() {
        return package(of.vulnerability_details, id, path);
    }
    let mut range = of.file_line_range.iter();
    let start_line = range.next().and_then(|line| line.0);
    let end_line =
        range.next().and_then(|line| line.0).filter(|end| start_line.is_some_and(|start| *end >= start));
    // Each line is a pair of number and text.
    let code: String =
        of.code_block.iter().take(400).filter_map(|line| line.0.get(1)).map(String::as_str).collect();
    let location = Location {
        path,
        start_line,
        end_line,
        start_column: None,
        snippet: text::snippet(&code).filter(|_| !secret),
        // Of a secret the resource is a hash of it.
        logical: of.resource.first().filter(|_| !secret).and_then(short),
    };
    let name = of.check_name.first().and_then(short);
    let word = of.severity.first();
    let message = of.check_result.suppress_comment.first().or(of.details.first()).filter(|_| !secret);
    Observation {
        kind: if secret { FindingKind::Secret } else { FindingKind::Misconfiguration },
        severity: word.and_then(severity::word).unwrap_or(Severity::Medium),
        scanner_severity: word.and_then(short),
        title: text::title(&[name.as_deref()], &id, Some(&location.path)),
        message: message.and_then(body),
        location,
        related_locations: Vec::new(),
        component: None,
        scanner_fingerprints: BTreeMap::new(),
        suppression: None,
        vulnerability: Vulnerability {
            aliases: of
                .bc_check_id
                .first()
                .and_then(short)
                .filter(|other| *other != id)
                .into_iter()
                .collect(),
            name,
            description: of.description.first().and_then(body),
            references: text::references(of.guideline.first()),
            tags: [short(check_type), of.bc_category.first().and_then(short)].into_iter().flatten().collect(),
            id,
            ..Vulnerability::default()
        },
    }
}

fn package(of: Vulnerable, check_id: String, path: String) -> Observation {
    let cve = of.id.first().and_then(short);
    let cvss = Rating::new(of.vector.first(), None, of.cvss.number());
    let vulnerability = Vulnerability {
        aliases: cve.is_some().then(|| check_id.clone()).into_iter().collect(),
        id: cve.unwrap_or(check_id),
        description: of.description.first().and_then(body),
        cvss_vector: cvss.vector,
        cvss_score: cvss.score,
        references: text::references(of.link.first()),
        ..Vulnerability::default()
    };
    let component = Component {
        name: of.package_name.first().and_then(short).unwrap_or_else(|| "unnamed".to_owned()),
        version: of.package_version.first().and_then(short),
        fixed_version: of.lowest_fixed_version.first().and_then(short),
        ecosystem: of.package_type.first().and_then(short),
        ..Component::default()
    };
    let word = of.severity.first();
    let severity = severity::rated(word, vulnerability.cvss_score);
    component::vulnerable(vulnerability, component, severity.unwrap_or(Severity::Medium), word, path)
}
