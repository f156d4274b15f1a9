//! Public reports of scanners of code and of packages: each is read with its raw count, or the difference is justified
//! here.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails by panicking")]

mod support;

use model::Observation;
use reports::{ErrorKind, Format, Limits};
use serde_json::Value;
use support::{Report, fixtures, read_as};

const FOLDERS: &[(&str, Format)] = &[
    ("bandit", Format::Bandit),
    ("cargo_audit", Format::CargoAudit),
    ("checkov", Format::Checkov),
    ("gitleaks", Format::Gitleaks),
    ("govulncheck", Format::Govulncheck),
    ("grype", Format::Grype),
    ("npm_audit", Format::NpmAudit),
    ("osv_scanner", Format::OsvScanner),
    ("pip_audit", Format::PipAudit),
    ("semgrep", Format::Semgrep),
    ("semgrep_pro", Format::Semgrep),
    ("snyk", Format::Snyk),
    ("snyk_code", Format::Sarif),
    ("snyk_issue_api", Format::SnykIssues),
];

/// Files that name no scanner, so that people must (`--format`).
const UNNAMED: &[(&str, &str)] = &[
    ("gitleaks/defectdojo/no_findings.json", "null is the whole file"),
    ("pip_audit/defectdojo/empty.json", "an empty list is the whole file"),
    ("snyk_issue_api/defectdojo/empty.json", "`data` without an issue is a key of every JSON:API"),
    ("semgrep_pro/defectdojo/no_vuln.json", "`findings` without a finding is a key of many"),
];

/// Where our count of a file is not its raw count: observations, results left out, why.
const JUSTIFIED: &[(&str, u64, u64, &str)] = &[
    ("checkov/defectdojo/checkov-report-multiple-check_type.json", 13, 15, "checks that passed are counted"),
    (
        "govulncheck/defectdojo/issue_15033.json",
        103,
        75,
        "what is told again nearer to the code is told once",
    ),
    ("govulncheck/defectdojo/issue_15033_sarif.json", 3, 0, "govulncheck's SARIF"),
    (
        "govulncheck/defectdojo/many_vulns.json",
        12,
        0,
        "`Vulns` of version 0, which the raw count does not know",
    ),
    ("snyk/defectdojo/snykcode_issue_9270.json", 39, 0, "Snyk Code writes SARIF"),
];

/// Asserted values that we decide otherwise.
const OTHERWISE: &[(&str, &str, &str, &str)] = &[
    ("checkov/", "component_name", "*", "the resource is no component; it is the logical place"),
    ("govulncheck/", "file_path", "*", "their path is the package; here it is part of the component"),
    ("govulncheck/", "severity", "Info", "rated as govulncheck's own SARIF does: what is called is high"),
    ("snyk/", "file_path", "*", "their path is the chain of dependencies; here it is the manifest"),
    ("osv_scanner/", "severity", "Low", "malicious code is critical, also where nobody gives it a score"),
];

struct Fixture {
    name: String,
    format: Format,
    expected: Value,
    report: Result<Report, reports::Error>,
}

fn all() -> Option<Vec<Fixture>> {
    let root = fixtures()?;
    let mut all = Vec::new();
    for (folder, format) in FOLDERS {
        let expected = std::fs::read(root.join(folder).join("expected.json")).unwrap();
        let expected: Value = serde_json::from_slice(&expected).unwrap();
        for file in expected["files"].as_array().unwrap() {
            let name = format!("{folder}/{}", file["file"].as_str().unwrap());
            let bytes = std::fs::read(root.join(&name)).unwrap();
            let unnamed = UNNAMED.iter().any(|(unnamed, _)| *unnamed == name);
            if unnamed {
                let error = support::read(&bytes).unwrap_err();
                assert!(matches!(error.kind, ErrorKind::UnknownFormat { .. }), "{name}: {error}");
            }
            let report = read_as(&bytes, unnamed.then_some(*format), &Limits::default());
            all.push(Fixture { name, format: *format, expected: file.clone(), report });
        }
    }
    Some(all)
}

#[test]
fn every_public_report_is_read_with_its_raw_count_or_a_justified_difference() {
    let Some(fixtures) = all() else { return };
    let mut wrong = Vec::new();
    println!("{:<75} {:>5} {:>5} {:>8}", "file", "raw", "ours", "left out");
    for Fixture { name, format, expected, report } in &fixtures {
        let raw = expected["raw_results"].as_u64().unwrap_or(0);
        let report = match report {
            Ok(report) => report,
            Err(error) => {
                wrong.push(format!("{name}: {error}"));
                continue;
            }
        };
        let justified = JUSTIFIED.iter().find(|(justified, ..)| justified == name);
        let (wanted, why) = justified.map_or(((raw, 0), ""), |(_, read, out, why)| ((*read, *out), *why));
        let ours = (report.summary.observations, report.summary.results - report.summary.observations);
        println!("{name:<75} {raw:>5} {:>5} {:>8} {why}", ours.0, ours.1);
        let another_format = report.summary.format != *format && why.is_empty();
        if ours != wanted || another_format {
            wrong.push(format!("{name}: raw {raw}, ours {ours:?}, wanted {wanted:?}, {:?}", report.summary));
        }
    }
    assert!(JUSTIFIED.iter().all(|(name, ..)| fixtures.iter().any(|fixture| fixture.name == *name)));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Values that another reader's tests assert and that mean the same here.
#[test]
fn asserted_values_are_found_in_our_reading() {
    let Some(fixtures) = all() else { return };
    let (mut compared, mut wrong) = (0, Vec::new());
    for Fixture { name, expected, report, .. } in &fixtures {
        let Ok(report) = report else { continue };
        let calls = expected["defectdojo"]["parser_calls"].as_array().cloned().unwrap_or_default();
        for asserted in calls.iter().flat_map(|call| call["asserted"].as_array().unwrap()) {
            let asserted: Vec<_> = asserted
                .as_object()
                .unwrap()
                .iter()
                .filter(|(field, value)| {
                    !OTHERWISE.iter().any(|(file, other, theirs, _)| {
                        name.starts_with(file) && field == other && (*theirs == "*" || *value == theirs)
                    })
                })
                .collect();
            // Their order and grouping is theirs, so one of our observations has all the values.
            let agreeing = |ours: &Observation| {
                let answers: Vec<bool> =
                    asserted.iter().filter_map(|(field, value)| same(field, value, ours)).collect();
                (answers.len(), answers.iter().filter(|answer| **answer).count())
            };
            let Some((asked, best)) =
                report.observations.iter().map(agreeing).max_by_key(|(_, agreed)| *agreed)
            else {
                continue;
            };
            compared += asked;
            if best < asked {
                wrong.push(format!("{name}: {best} of {asked}: {asserted:?}"));
            }
        }
    }
    println!("{compared} asserted values compared");
    assert!(compared >= 40, "only {compared} values compared");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// `None`: the field is the other reader's own matter.
fn same(field: &str, value: &Value, ours: &Observation) -> Option<bool> {
    let definition = &ours.vulnerability;
    let component = ours.component.as_ref();
    let knows = |id: &str| definition.id == id || definition.aliases.iter().any(|alias| alias == id);
    match field {
        "severity" => Some(value.as_str()?.eq_ignore_ascii_case(ours.severity.as_str())),
        "file_path" => {
            Some(value.as_str()?.trim_start_matches('/') == ours.location.path.trim_start_matches('/'))
        }
        "line" => Some(value.as_u64()? == u64::from(ours.location.start_line?)),
        "cwe" => {
            let number =
                value.as_u64().or_else(|| value.as_str()?.trim_start_matches("CWE-").parse().ok())?;
            // Their words for a component that is vulnerable (CWE-1035, CWE-1395) and for "none" (0) are no weakness's.
            (![0, 1035, 1395].contains(&number)).then(|| definition.cwes.contains(&(number as u32)))
        }
        "component_name" => Some(value.as_str()? == component?.name),
        "component_version" => Some(value.as_str() == component?.version.as_deref()),
        "fix_version" => Some(value.as_str() == component?.fixed_version.as_deref()),
        "fix_available" => Some(value.as_bool()? == component?.fixed_version.is_some()),
        "cvssv3" | "cvssv4" => {
            let version = if field == "cvssv4" { "CVSS:4" } else { "CVSS:3" };
            let vector = definition.cvss_vector.as_deref().filter(|vector| vector.starts_with(version));
            Some(value.as_str() == vector)
        }
        "cvssv3_score" => Some(value.as_f64()? == definition.cvss_score?),
        "vuln_id_from_tool" => Some(knows(value.as_str()?.rsplit(':').next()?)),
        "cve" | "unsaved_vulnerability_ids[0]" => Some(knows(value.as_str()?)),
        "unique_id_from_tool" if !ours.scanner_fingerprints.is_empty() => {
            Some(ours.scanner_fingerprints.values().any(|print| Some(print.as_str()) == value.as_str()))
        }
        "unique_id_from_tool" => Some(knows(value.as_str()?)),
        "unsaved_cwes" => {
            let mut numbers = value.as_array()?.iter().map(|cwe| match cwe.as_str() {
                Some(text) => text.trim_start_matches("CWE-").parse().ok(),
                None => cwe.as_u64(),
            });
            Some(numbers.all(|cwe| cwe.is_some_and(|cwe| definition.cwes.contains(&(cwe as u32)))))
        }
        "unsaved_tags contains" => {
            Some(definition.tags.iter().any(|tag| Some(tag.as_str()) == value.as_str()))
        }
        _ => None,
    }
}
