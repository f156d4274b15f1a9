//! Every public report with a known count is read with that count, or the difference is justified here.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails by panicking")]

mod support;

use std::collections::BTreeMap;

use model::{Observation, ReportedSuppression};
use reports::ErrorKind;
use serde_json::Value;
use support::{Report, fixtures, read};

/// Why a file is refused or read with another count than its raw results.
const JUSTIFIED: &[(&str, Expected, &str)] = &[
    ("sarif/defectdojo/no_runs.sarif", Expected::NoRun, "no run: nothing was scanned"),
    ("sarif/defectdojo/spotbugs.sarif", Expected::Failed, "executionSuccessful is false (missing classes)"),
    (
        "sarif/ms-sdk/ConverterAndroidStudio__AndroidStudio.sarif",
        Expected::OldVersion,
        "SARIF 2.0.0, never a standard",
    ),
    ("sarif/ms-sdk/SpecExamples__Comprehensive.sarif", Expected::OldVersion, "SARIF 2.0.0, never a standard"),
    ("sarif/ms-sdk/SpecExamples__InlineExternalProperties.sarif", Expected::OldVersion, "SARIF 2.0.0 draft"),
    ("sarif/ms-sdk/SpecExamples__Minimal.sarif", Expected::OldVersion, "SARIF 2.0.0, never a standard"),
    (
        "sarif/ms-sdk/SpecExamples__RecommendedWithSource.sarif",
        Expected::OldVersion,
        "SARIF 2.0.0, never a standard",
    ),
    (
        "sarif/ms-sdk/SpecExamples__RecommendedWithoutSource.sarif",
        Expected::OldVersion,
        "SARIF 2.0.0, never a standard",
    ),
    ("sarif/ms-sdk/SpecExamples__RuleMetadata.sarif", Expected::OldVersion, "SARIF 2.0.0, never a standard"),
    ("sarif/ms-sdk/WorkItems__Invalid.sarif", Expected::Unknown, "not a SARIF log at all"),
    (
        "sarif/ms-sdk/ConverterStaticDriverVerifier__checkadddevice_bug1.tt.sarif",
        Expected::LeftOut(1),
        "kind `pass`",
    ),
    (
        "sarif/ms-sdk/ConverterStaticDriverVerifier__iocompletion_bug1.tt.sarif",
        Expected::LeftOut(1),
        "kind `pass`",
    ),
    ("sarif/ms-sdk/WorkItems__NewAndOldResults.sarif", Expected::LeftOut(1), "baselineState `absent`"),
    ("sarif/ms-tutorials/Baseline.sarif", Expected::LeftOut(1), "baselineState `absent`"),
    (
        "sarif/ms-tutorials/ExceptionalConditions__Catastrophic_configuration_error.sarif",
        Expected::Failed,
        "executionSuccessful is false",
    ),
    (
        "sarif/ms-tutorials/ExceptionalConditions__Catastrophic_execution_error.sarif",
        Expected::Failed,
        "executionSuccessful is false",
    ),
    ("sarif_lint/ms-sdk/JSON1001.SyntaxError.sarif", Expected::Syntax, "a comma too many"),
    (
        "sarif_lint/ms-sdk/SARIF1009.IndexPropertiesMustBeConsistentWithArrays_Invalid.sarif",
        Expected::Failed,
        "executionSuccessful is false",
    ),
];

#[derive(Clone, Copy, Debug, PartialEq)]
enum Expected {
    /// This many results are no weakness seen now.
    LeftOut(u64),
    NoRun,
    Failed,
    OldVersion,
    Unknown,
    Syntax,
}

impl Expected {
    fn of_error(kind: &ErrorKind) -> Option<Self> {
        match kind {
            ErrorKind::NoRun => Some(Self::NoRun),
            ErrorKind::RunFailed { .. } => Some(Self::Failed),
            ErrorKind::Invalid { reason } if reason.contains("only the standard version 2.1.0 is read") => {
                Some(Self::OldVersion)
            }
            ErrorKind::UnknownFormat { .. } => Some(Self::Unknown),
            ErrorKind::Syntax { .. } => Some(Self::Syntax),
            _ => None,
        }
    }
}

struct Fixture {
    name: String,
    expected: Value,
    report: Result<Report, reports::Error>,
}

fn all() -> Option<Vec<Fixture>> {
    let root = fixtures()?;
    let mut all = Vec::new();
    for folder in ["sarif", "sarif_lint", "trivy"] {
        let expected = std::fs::read(root.join(folder).join("expected.json")).unwrap();
        let expected: Value = serde_json::from_slice(&expected).unwrap();
        for file in expected["files"].as_array().unwrap() {
            let name = format!("{folder}/{}", file["file"].as_str().unwrap());
            let report = read(&std::fs::read(root.join(&name)).unwrap());
            all.push(Fixture { name, expected: file.clone(), report });
        }
    }
    Some(all)
}

#[test]
fn every_public_report_is_read_with_its_raw_count_or_a_justified_difference() {
    let Some(fixtures) = all() else { return };
    let justified: BTreeMap<_, _> =
        JUSTIFIED.iter().map(|(name, expected, why)| (*name, (*expected, *why))).collect();
    let mut wrong = Vec::new();
    println!("{:<100} {:>5} {:>5}  reason", "file", "raw", "ours");
    for Fixture { name, expected, report } in &fixtures {
        let raw = expected["raw_results"].as_u64();
        let (ours, as_expected, told) = match (report, justified.get(name.as_str())) {
            (Ok(report), None) => {
                (Some(report.summary.observations), raw == Some(report.summary.results), String::new())
            }
            (Ok(report), Some((Expected::LeftOut(count), why))) => {
                let summary = &report.summary;
                let left_out: u64 = summary.left_out.iter().map(|left_out| left_out.count).sum();
                let fits = left_out == *count && raw == Some(summary.results);
                (Some(summary.observations), fits, (*why).to_owned())
            }
            (Ok(report), Some((_, why))) => {
                (Some(report.summary.observations), false, format!("was read, but: {why}"))
            }
            (Err(error), Some((refusal, why))) => {
                (None, Expected::of_error(&error.kind) == Some(*refusal), format!("{why} | {error}"))
            }
            (Err(error), None) => (None, false, error.to_string()),
        };
        let number = |number: Option<u64>| number.map_or_else(|| "-".to_owned(), |number| number.to_string());
        let mark = if as_expected { ' ' } else { '!' };
        println!("{name:<100} {:>5} {:>5} {mark}{told}", number(raw), number(ours));
        let unexplained_loss = report.as_ref().is_ok_and(|report| {
            report.summary.observations != report.summary.results && !justified.contains_key(name.as_str())
        });
        if !as_expected || unexplained_loss {
            wrong.push(name.clone());
        }
    }
    assert!(fixtures.len() > 140, "only {} fixtures", fixtures.len());
    assert!(justified.keys().all(|name| fixtures.iter().any(|fixture| fixture.name == *name)));
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn suppressions_in_force_are_those_that_the_standard_counts() {
    let Some(fixtures) = all() else { return };
    for Fixture { name, expected, report } in &fixtures {
        let (Ok(report), Some(expected)) = (report, expected["raw_detail"]["suppressed"].as_u64()) else {
            continue;
        };
        let accepted =
            report.observations.iter().filter(|one| one.suppression == Some(ReportedSuppression::Accepted));
        assert_eq!(accepted.count() as u64, expected, "{name}");
    }
}

/// Values that another reader's tests assert and that mean the same here.
#[test]
fn asserted_values_are_found_in_our_reading() {
    let Some(fixtures) = all() else { return };
    let mut compared = 0;
    let mut wrong = Vec::new();
    for Fixture { name, expected, report } in &fixtures {
        let Ok(report) = report else { continue };
        let calls = expected["defectdojo"]["parser_calls"].as_array().cloned().unwrap_or_default();
        for asserted in calls.iter().flat_map(|call| call["asserted"].as_array().unwrap()) {
            let index = asserted["dd_index"].as_u64().unwrap() as usize;
            let Some(ours) = report.observations.get(index) else { continue };
            for (field, value) in asserted.as_object().unwrap() {
                if let Some(same) = same(field, value, ours, name) {
                    compared += 1;
                    if !same {
                        wrong.push(format!("{name}[{index}].{field} = {value}, ours: {ours:#?}"));
                    }
                }
            }
        }
    }
    println!("{compared} asserted values compared");
    assert!(compared >= 50, "only {compared} values compared");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// `None`: the field is the other reader's own matter.
fn same(field: &str, value: &Value, ours: &Observation, file: &str) -> Option<bool> {
    match field {
        // The other reader calls SARIF's `note` informational; here it is low.
        "severity" if value == "Info" && file.starts_with("sarif/") => Some(ours.severity.as_str() == "low"),
        "severity" => Some(value.as_str()?.eq_ignore_ascii_case(ours.severity.as_str())),
        // The other reader gives Trivy's packages of the system the image's name as path.
        "file_path" if value.as_str()?.is_empty() => Some(ours.location.path.is_empty()),
        // The file maps its repository to the parent of the base that the other reader leaves out.
        "file_path" if file.ends_with("appendix_k.sarif") => {
            Some(ours.location.path == "src/collections/list.h")
        }
        "file_path" => Some(value.as_str()? == ours.location.path),
        "line" => Some(value.as_u64()? == u64::from(ours.location.start_line?)),
        "cwe" => Some(value.as_u64()? == ours.vulnerability.cwes.first().map_or(0, |cwe| u64::from(*cwe))),
        "unsaved_cwes" => Some(
            value
                .as_array()?
                .iter()
                .all(|cwe| ours.vulnerability.cwes.iter().any(|ours| cwe.as_u64() == Some(u64::from(*ours)))),
        ),
        "vuln_id_from_tool" => Some(value.as_str()? == ours.vulnerability.id),
        "cvssv3" | "cvssv4" => Some(value.as_str() == ours.vulnerability.cvss_vector.as_deref()),
        "cvssv3_score" | "cvssv4_score" => Some(value.as_f64() == ours.vulnerability.cvss_score),
        "unique_id_from_tool" => Some(value.as_str()?.split('|').all(|part| {
            let hash = part.rsplit(':').next().unwrap();
            ours.scanner_fingerprints.values().any(|ours| ours == hash)
        })),
        "title" if file.starts_with("sarif/") => Some(
            ours.message.as_deref() == value.as_str()
                || ours.vulnerability.description.as_deref() == value.as_str(),
        ),
        "dd_title" if file.starts_with("trivy/") && value.as_str()?.starts_with("CVE-") => {
            let component = ours.component.as_ref()?;
            let named =
                format!("{} {} {}", ours.vulnerability.id, component.name, component.version.as_deref()?);
            Some(value.as_str()? == named)
        }
        _ => None,
    }
}
