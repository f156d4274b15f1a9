//! Public reports of bills of materials, clouds, clusters and platforms: each is read with its raw count, or the
//! difference is justified here.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails by panicking")]

mod support;

use std::collections::BTreeMap;

use model::Observation;
use reports::{ErrorKind, Format};
use serde_json::Value;
use support::{Report, fixtures, read};

/// Folders of fixtures, the endings of their files that are read here, and their format.
const FOLDERS: &[(&str, &str, Format)] = &[
    ("cyclonedx", ".json", Format::CycloneDx),
    ("cyclonedx_spec", ".json", Format::CycloneDx),
    ("cyclonedx_vex", ".json", Format::CycloneDx),
    ("openvex", ".json", Format::OpenVex),
    ("github_dependabot", ".json", Format::GithubDependabot),
    ("github_sast", ".json", Format::GithubCodeScanning),
    ("github_secrets", ".json", Format::GithubSecretScanning),
    ("burp_graphql", ".json", Format::BurpEnterprise),
    ("burp_api", ".json", Format::BurpEnterprise),
    ("prowler_v3", "", Format::Prowler),
    ("prowler_v2", "", Format::Prowler),
    ("prowler", "", Format::Prowler),
    ("sonarqube", ".json", Format::SonarQube),
    ("generic", ".json", Format::DefectDojo),
    ("wizcli", ".json", Format::WizCli),
    ("kubescape", ".json", Format::Kubescape),
    ("trivy_operator", ".json", Format::TrivyOperator),
    ("nuclei", "", Format::Nuclei),
    ("aws_security_hub", ".json", Format::Asff),
    ("asff", ".json", Format::Asff),
];

/// Where our count of a file is not its raw count.
const JUSTIFIED: &[(&str, Expected, &str)] = &[
    ("cyclonedx/defectdojo/issue_9277.json", Expected::Read(14, 0), PER_COMPONENT),
    ("cyclonedx_vex/bom-examples/VEX__CISA-Use-Cases__Case-7__vex.json", Expected::Read(5, 0), PER_COMPONENT),
    (
        "cyclonedx_spec/cyclonedx-spec/1.6__valid-vulnerability-1.6.json",
        Expected::Read(0, 1),
        "`rejected`: the record was withdrawn",
    ),
    ("cyclonedx_vex/bom-examples/VEX__Use-Cases__Case-13__vex.json", Expected::Read(3, 0), PER_COMPONENT),
    ("cyclonedx_vex/bom-examples/VEX__Use-Cases__Case-6__vex.json", Expected::Read(3, 0), PER_COMPONENT),
    ("openvex/defectdojo/openvex_not_a_document.json", Expected::Unknown, "a list of texts"),
    ("github_dependabot/defectdojo/github_shiro.json", Expected::Read(0, 1), "the alert is fixed"),
    ("github_sast/defectdojo/github_sast_zero_vul.json", Expected::Unknown, EMPTY_LIST),
    (
        "github_secrets/defectdojo/github_secrets_detection_report_zero_vul.json",
        Expected::Unknown,
        EMPTY_LIST,
    ),
    ("asff/defectdojo/many_vulns.json", Expected::Read(7, 0), PER_PACKAGE),
    ("aws_security_hub/defectdojo/inspector_ecr.json", Expected::Read(12, 0), PER_PACKAGE),
    ("aws_security_hub/defectdojo/config_one_finding.json", Expected::Read(0, 1), "the control passed"),
    ("aws_security_hub/defectdojo/config_repeated_findings.json", Expected::Read(0, 2), "the control passed"),
    ("generic/defectdojo/generic_report4.json", Expected::Read(4, 0), "one observation for each address"),
    ("generic/defectdojo/test_import_report1.json", Expected::Read(1, 3), "three are mitigated"),
    ("generic/defectdojo/test_import_report2.json", Expected::Read(1, 3), "three are mitigated"),
    ("kubescape/defectdojo/many_findings.json", Expected::Read(289, 421), "421 controls passed"),
    ("kubescape/defectdojo/results.json", Expected::Read(0, 20), "all controls passed"),
    ("trivy_operator/defectdojo/clustercompliancereport.json", Expected::Read(2, 1), "one control passed"),
    ("prowler/defectdojo/example_output_aws.csv", Expected::Read(2, 2), MANUAL),
    ("prowler/defectdojo/example_output_aws.ocsf.json", Expected::Read(2, 1), MANUAL),
    ("prowler/defectdojo/example_output_gcp.csv", Expected::Read(3, 1), PASSED),
    ("prowler_v2/defectdojo/many_vuln.json", Expected::Read(4, 2), PASSED),
    ("prowler_v2/defectdojo/many_vuln2.csv", Expected::Read(42, 172), PASSED),
    ("prowler_v2/defectdojo/many_vuln_plus_one.json", Expected::Read(5, 2), PASSED),
    ("nuclei/defectdojo/empty.jsonl", Expected::Empty, "no byte: the scan may not have run"),
    ("nuclei/defectdojo/no_findings.json", Expected::Empty, "no byte: the scan may not have run"),
];

/// Files that hold another format than their folder says.
const ELSEWHERE: &[(&str, Format)] =
    &[("github_dependabot/defectdojo/issue_9582.json", Format::GithubCodeScanning)];

const EMPTY_LIST: &str = "an empty list says nothing about its format; named, it is a scan";

const PASSED: &str = "checks that passed, or informed only";

const MANUAL: &str = "checks that a person must look at";

const PER_PACKAGE: &str = "one observation for each vulnerable package of a finding";

const PER_COMPONENT: &str = "one observation for each affected component, not for each vulnerability";

/// Asserted values that mean something else here, or that we decide otherwise.
const OTHERWISE: &[(&str, &str, &str)] = &[
    ("cyclonedx/", "component_name", "a component's group is part of its name"),
    ("cyclonedx/", "cvssv3", "the specification's method CVSSv3 is CVSS 3.0; 3.1 has a word of its own"),
    ("cyclonedx/", "title", "their title begins with the component"),
    ("aws_security_hub/defectdojo/inspector", "title", "their title names all packages; ours is of one"),
    ("asff/defectdojo/many_vulns.json", "title", "their title names all packages; ours is of one"),
    ("generic/defectdojo/generic_report_fix_version.json", "fix_version", "none is no value to compare"),
    ("wizcli/", "title", "another wording"),
    ("trivy_operator/", "title", "another wording"),
    ("trivy_operator/", "unsaved_vulnerability_ids[0]", "theirs is made up from the check's id"),
    ("trivy_operator/", "file_path", "the target of a system's packages repeats the image's tag"),
    ("prowler_v2/defectdojo/many_vuln.csv", "severity", "theirs calls Informational low"),
    ("prowler", "title", "theirs is the check's title or what it found; ours names the resource too"),
    ("sonarqube/", "title", "theirs is rule and key"),
    ("openvex/", "severity", "OpenVEX knows no severity; theirs follows from the status"),
    ("openvex/", "component_name", "theirs is the package URL; ours the name in it"),
    (
        "github_dependabot/defectdojo/issue_9582.json",
        "title",
        "theirs is the rule's id; ours its description",
    ),
    ("github_secrets/", "severity", "theirs is lowered because the alert is resolved"),
    ("github_secrets/", "title", "another wording"),
];

#[derive(Clone, Copy, Debug, PartialEq)]
enum Expected {
    /// This many observations, and this many results that are no weakness seen now.
    Read(u64, u64),
    /// No report of a known format.
    Unknown,
    Syntax,
    Empty,
}

impl Expected {
    fn of(report: &Result<Report, reports::Error>) -> Option<Self> {
        match report {
            Ok(Report { summary, .. }) => {
                Some(Self::Read(summary.observations, summary.results - summary.observations))
            }
            Err(error) => match error.kind {
                ErrorKind::UnknownFormat { .. } => Some(Self::Unknown),
                ErrorKind::Syntax { .. } => Some(Self::Syntax),
                ErrorKind::Empty => Some(Self::Empty),
                _ => None,
            },
        }
    }
}

struct Fixture {
    name: String,
    format: Format,
    expected: Value,
    report: Result<Report, reports::Error>,
}

fn all() -> Option<Vec<Fixture>> {
    let root = fixtures()?;
    let mut all = Vec::new();
    for (folder, ending, format) in FOLDERS {
        let expected = std::fs::read(root.join(folder).join("expected.json")).unwrap();
        let expected: Value = serde_json::from_slice(&expected).unwrap();
        for file in expected["files"].as_array().unwrap() {
            let name = format!("{folder}/{}", file["file"].as_str().unwrap());
            if name.ends_with(ending) {
                let report = read(&std::fs::read(root.join(&name)).unwrap());
                let elsewhere = ELSEWHERE.iter().find(|(file, _)| *file == name);
                let format = elsewhere.map_or(*format, |(_, format)| *format);
                all.push(Fixture { name, format, expected: file.clone(), report });
            }
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
    let mut totals: BTreeMap<&str, (u64, u64, u64, u64)> = BTreeMap::new();
    for Fixture { name, format, expected, report } in &fixtures {
        let raw = expected["raw_results"].as_u64();
        let ours = Expected::of(report);
        let (wanted, why) =
            justified.get(name.as_str()).copied().unwrap_or((Expected::Read(raw.unwrap_or(0), 0), ""));
        let right_format = report.as_ref().map_or(true, |report| report.summary.format == *format);
        if ours != Some(wanted) || !right_format {
            let told =
                report.as_ref().map_or_else(ToString::to_string, |report| format!("{:?}", report.summary));
            wrong.push(format!("{name}: raw {raw:?}, wanted {wanted:?}, ours {ours:?} {told}"));
        } else if !why.is_empty() {
            println!("{name}: raw {raw:?}, {wanted:?}: {why}");
        }
        let total = totals.entry(name.split('/').next().unwrap()).or_default();
        total.0 += 1;
        total.1 += raw.unwrap_or(0);
        if let Ok(report) = report {
            total.2 += report.summary.observations;
            total.3 += report.summary.results - report.summary.observations;
        }
    }
    println!("{:<20} {:>5} {:>6} {:>6} {:>8}", "folder", "files", "raw", "ours", "left out");
    for (folder, (files, raw, ours, left_out)) in totals {
        println!("{folder:<20} {files:>5} {raw:>6} {ours:>6} {left_out:>8}");
    }
    assert!(justified.keys().all(|name| fixtures.iter().any(|fixture| fixture.name == *name)));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Values that another reader's tests assert and that mean the same here.
#[test]
fn asserted_values_are_found_in_our_reading() {
    let Some(fixtures) = all() else { return };
    let mut compared = 0;
    let mut wrong = Vec::new();
    for Fixture { name, expected, report, .. } in &fixtures {
        let Ok(report) = report else { continue };
        let calls = expected["defectdojo"]["parser_calls"].as_array().cloned().unwrap_or_default();
        for asserted in calls.iter().flat_map(|call| call["asserted"].as_array().unwrap()) {
            for (field, value) in asserted.as_object().unwrap() {
                if OTHERWISE.iter().any(|(file, other, _)| name.starts_with(file) && field == other) {
                    continue;
                }
                // Their order and grouping is theirs, so a value need only be found in one of our observations.
                let found: Vec<bool> =
                    report.observations.iter().filter_map(|ours| same(field, value, ours)).collect();
                compared += usize::from(!found.is_empty());
                if !found.is_empty() && !found.contains(&true) {
                    wrong.push(format!("{name}: {field} = {value}"));
                }
            }
        }
    }
    println!("{compared} asserted values compared");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// `None`: the field is the other reader's own matter.
fn same(field: &str, value: &Value, ours: &Observation) -> Option<bool> {
    let definition = &ours.vulnerability;
    let component = ours.component.as_ref();
    let knows = |id: &str| definition.id == id || definition.aliases.iter().any(|alias| alias == id);
    match field {
        "severity" => {
            let word = value.as_str()?.to_ascii_lowercase();
            Some(word.strip_suffix("rmational").unwrap_or(&word) == ours.severity.as_str())
        }
        "cwe" => Some(value.as_u64()? == definition.cwes.first().map_or(0, |cwe| u64::from(*cwe))),
        "line" => Some(value.as_u64()? == u64::from(ours.location.start_line?)),
        "file_path" => Some(value.as_str()?.trim_start_matches('/') == ours.location.path),
        "component_name" => Some(value.as_str()? == component?.name),
        "component_version" => Some(value.as_str() == component?.version.as_deref()),
        "fix_version" => Some(value.as_str() == component?.fixed_version.as_deref()),
        "cvssv3" => Some(value.as_str() == definition.cvss_vector.as_deref()),
        "cvssv3_score" => Some(value.as_f64() == definition.cvss_score),
        "unsaved_vulnerability_ids[0]" | "unsaved_vulnerability_ids[1]" => Some(knows(value.as_str()?)),
        "title" => Some(ours.title.contains(value.as_str()?.trim_end_matches('.'))),
        _ => None,
    }
}
