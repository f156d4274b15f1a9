//! Public reports in XML and CSV: each is read with its raw count, or the difference is justified here.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails by panicking")]

mod support;

use model::Observation;
use reports::{ErrorKind, Format};
use serde_json::Value;
use support::{Report, fixtures, read};

/// Folders of fixtures, the endings of their files that are read here, and their format.
const FOLDERS: &[(&str, &[&str], Format)] = &[
    ("nessus", &[""], Format::Nessus),
    ("zap", &[""], Format::Zap),
    ("dependency_check", &[""], Format::DependencyCheck),
    ("burp", &[""], Format::Burp),
    ("openvas", &[""], Format::OpenVas),
    ("qualys", &[""], Format::Qualys),
    ("qualys_infrascan", &[""], Format::Qualys),
    ("qualys_vmdr", &[""], Format::Qualys),
    ("qualys_webapp", &[""], Format::Qualys),
    ("nmap", &[""], Format::Nmap),
    ("wiz", &[""], Format::Wiz),
    ("azure_defender_recommendations", &[""], Format::DefenderCloud),
    ("ms_defender", &[""], Format::DefenderEndpoint),
    ("generic", &[".csv"], Format::DefectDojoCsv),
    ("cyclonedx", &[".xml"], Format::CycloneDx),
    ("cyclonedx_spec", &[".xml"], Format::CycloneDx),
];

const INSTANCES: &str = "one result for every page an alert was seen on, not for every alert";
const OPEN_PORTS: &str =
    "raw counts open ports, which are no weakness and counted as left out; ours are the ids of `vulners`";
const SEVERAL: &str =
    "a list of machines and one or two lists of vulnerabilities; each list is read by itself";
const SUMMARY: &str =
    "raw counts the element `VULNERABILITY` of the summary too; information gathered is left out";

/// Where our count of a file is not its raw count, and why.
const JUSTIFIED: &[(&str, Expected, &str)] = &[
    (
        "nessus/ms-sdk/InvalidResults.nessus.xml",
        Expected::NoRun,
        "there is no `Report` in it: nothing was scanned",
    ),
    ("zap/defectdojo/5_zap_sample_one.xml", Expected::Read(6, 0), INSTANCES),
    ("zap/defectdojo/dvwa_baseline_dojo.xml", Expected::Read(124, 0), INSTANCES),
    (
        "zap/defectdojo/dvwa_baseline_dojo_fabricated_internal_duplicates.xml",
        Expected::Read(123, 0),
        INSTANCES,
    ),
    (
        "zap/defectdojo/dvwa_baseline_dojo_fabricated_internal_duplicates_subset.xml",
        Expected::Read(75, 0),
        INSTANCES,
    ),
    ("zap/defectdojo/dvwa_baseline_dojo_subset.xml", Expected::Read(97, 0), INSTANCES),
    ("zap/defectdojo/juicy2.xml", Expected::Read(86, 0), INSTANCES),
    ("zap/defectdojo/zap-results-first-scan.xml", Expected::Read(130, 0), INSTANCES),
    ("zap/defectdojo/zap-results-second-scan.xml", Expected::Read(126, 0), INSTANCES),
    (
        "qualys_infrascan/defectdojo/qualys_infrascan_webgui_multiple.xml",
        Expected::Read(8, 16),
        "the two potential vulnerabilities (`PRACTICE`) are results too; information and services are left out",
    ),
    (
        "qualys_vmdr/defectdojo/many_vulns_qid.csv",
        Expected::Read(4, 1),
        "one row has the status `FIXED`: not found again",
    ),
    ("qualys_webapp/defectdojo/qualys_webapp_no_vuln.xml", Expected::Read(0, 17), SUMMARY),
    ("qualys_webapp/defectdojo/qualys_webapp_one_vuln.xml", Expected::Read(1, 13), SUMMARY),
    (
        "cyclonedx_spec/cyclonedx-spec/1.6__valid-vulnerability-1.6.xml",
        Expected::Read(0, 1),
        "`rejected`: the record was withdrawn",
    ),
    (
        "cyclonedx_spec/cyclonedx-spec/1.7__valid-compositions-1.7.xml",
        Expected::Read(1, 0),
        "raw counts a reference to the same vulnerability in a composition too",
    ),
    ("wiz/defectdojo/multiple_findings.csv", Expected::Read(97, 1), "one row has the status `RESOLVED`"),
    ("wiz/defectdojo/resolved_findings.csv", Expected::Read(0, 3), "all rows have the status `RESOLVED`"),
    ("ms_defender/defectdojo/defender_multiple_files.zip", Expected::Several, SEVERAL),
    ("ms_defender/defectdojo/issue_11217.zip", Expected::Several, SEVERAL),
    ("generic/defectdojo/generic_report3.csv", Expected::Read(0, 2), "both rows say `IsMitigated`"),
    ("nmap/defectdojo/issue12411.xml", Expected::Read(0, 4), OPEN_PORTS),
    ("nmap/defectdojo/issue4406.xml", Expected::Read(42, 25), OPEN_PORTS),
    ("nmap/defectdojo/nmap_multiple_port.xml", Expected::Read(0, 13), OPEN_PORTS),
    ("nmap/defectdojo/nmap_script_vulners.xml", Expected::Read(2, 1), OPEN_PORTS),
];

const METHOD: &str = "the specification's method CVSSv3 is CVSS 3.0; 3.1 has a word of its own";
const VERSIONED: &str = "the version in the name of the file would make every upgrade another place";

/// Asserted values that mean something else here: file, title, field, why.
const OTHERWISE: &[(&str, &str, &str, &str)] = &[
    ("spec1.xml", "", "cvssv3", METHOD),
    ("spec1_lowfirst.xml", "", "cvssv3", METHOD),
    ("valid-vulnerability-1.4.xml", "", "cvssv3", METHOD),
    ("PR6439.xml", "", "file_path", VERSIONED),
    ("version-6.5.3.xml", "", "file_path", VERSIONED),
    ("single_vuln.xml", "", "cvssv3_score", "the other reader does not read the score of the old schema"),
    (
        "nessus__issue_6992.nessus",
        "",
        "severity",
        "the other reader judges by the CVSS 3 score; Nessus itself says Medium, and the score is kept beside it",
    ),
    (
        "nessus__nessus_v_unknown.xml",
        "",
        "len(unsaved_vulnerability_ids)",
        "the same CVE of seven hosts, folded",
    ),
];

#[derive(Clone, Copy, Debug, PartialEq)]
enum Expected {
    /// This many observations, and this many results that are no weakness seen now.
    Read(u64, u64),
    NoRun,
    /// Several reports in one archive.
    Several,
}

impl Expected {
    fn of(report: &Result<Report, reports::Error>) -> Option<Self> {
        match report {
            Ok(Report { summary, .. }) => {
                Some(Self::Read(summary.observations, summary.results - summary.observations))
            }
            Err(error) => match &error.kind {
                ErrorKind::NoRun => Some(Self::NoRun),
                ErrorKind::Invalid { reason } if reason.contains("files in the ZIP archive") => {
                    Some(Self::Several)
                }
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
    for (folder, endings, format) in FOLDERS {
        let expected = std::fs::read(root.join(folder).join("expected.json")).unwrap();
        let expected: Value = serde_json::from_slice(&expected).unwrap();
        for file in expected["files"].as_array().unwrap() {
            let name = format!("{folder}/{}", file["file"].as_str().unwrap());
            if endings.iter().any(|ending| name.ends_with(ending)) {
                let report = read(&std::fs::read(root.join(&name)).unwrap());
                all.push(Fixture { name, format: *format, expected: file.clone(), report });
            }
        }
    }
    Some(all)
}

#[test]
fn every_public_report_is_read_with_its_raw_count_or_a_justified_difference() {
    let Some(fixtures) = all() else { return };
    let mut wrong = Vec::new();
    println!("{:<75} {:>5} {:>5} {:>5}  why", "file", "raw", "ours", "out");
    for Fixture { name, format, expected, report } in &fixtures {
        let raw = expected["raw_results"].as_u64();
        let ours = Expected::of(report);
        let justified = JUSTIFIED.iter().find(|(justified, ..)| justified == name);
        let (wanted, why) = justified
            .map_or((raw.map(|raw| Expected::Read(raw, 0)), ""), |(_, wanted, why)| (Some(*wanted), why));
        let right_format = report.as_ref().map_or(true, |report| report.summary.format == *format);
        let told = report.as_ref().err().map_or_else(String::new, ToString::to_string);
        match ours {
            Some(Expected::Read(observations, left_out)) => {
                println!("{name:<75} {:>5} {observations:>5} {left_out:>5}  {why}", raw.unwrap_or_default());
            }
            _ => println!("{name:<75} {:>5}     -     -  {why} {told}", raw.unwrap_or_default()),
        }
        if ours.is_none() || ours != wanted || !right_format {
            wrong.push(format!("{name}: raw {raw:?}, wanted {wanted:?}, ours {ours:?} {told}"));
        }
    }
    for (name, ..) in JUSTIFIED {
        assert!(fixtures.iter().any(|fixture| fixture.name == *name), "{name} is not among the fixtures");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Values that another reader's tests assert. Its list is folded, so results are found by their title.
#[test]
fn asserted_values_are_found_in_our_reading() {
    let Some(fixtures) = all() else { return };
    let (mut compared, mut not_found) = (0, Vec::new());
    let mut wrong = Vec::new();
    for Fixture { name, expected, report, .. } in &fixtures {
        let Ok(report) = report else { continue };
        let calls = expected["defectdojo"]["parser_calls"].as_array().cloned().unwrap_or_default();
        for asserted in calls.iter().flat_map(|call| call["asserted"].as_array().unwrap()) {
            let title = asserted["dd_title"].as_str().unwrap_or_default().trim();
            let ours: Vec<&Observation> =
                report.observations.iter().filter(|ours| is_called(ours, title)).collect();
            // The other reader makes findings of open ports and of what is resolved.
            if ours.is_empty() && report.summary.left_out.is_empty() {
                not_found.push(format!("{name}: '{title}'"));
            }
            for (field, value) in asserted.as_object().unwrap() {
                let otherwise = OTHERWISE
                    .iter()
                    .any(|(file, of, other, _)| name.ends_with(file) && title.contains(of) && field == other);
                let same: Vec<bool> = ours.iter().filter_map(|ours| same(field, value, ours)).collect();
                if same.is_empty() || otherwise {
                    continue;
                }
                compared += 1;
                if !same.contains(&true) {
                    wrong.push(format!("{name} '{title}'.{field} = {value}, ours: {:#?}", ours[0]));
                }
            }
        }
    }
    println!("{compared} asserted values compared");
    assert!(compared >= MIN_COMPARED, "only {compared} values compared");
    assert!(not_found.is_empty(), "{}", not_found.join("\n"));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

const MIN_COMPARED: usize = 125;

fn is_called(ours: &Observation, title: &str) -> bool {
    let definition = &ours.vulnerability;
    definition.name.as_deref().is_some_and(|name| name == title || title.starts_with(&format!("{name}_")))
        || title.split(['_', ' ']).any(|word| word == definition.id)
        || definition.aliases.iter().any(|alias| alias == title)
        || ours.title.starts_with(title)
}

/// `None`: the field is the other reader's own matter.
fn same(field: &str, value: &Value, ours: &Observation) -> Option<bool> {
    let definition = &ours.vulnerability;
    let ids: Vec<&str> =
        definition.aliases.iter().map(String::as_str).chain([definition.id.as_str()]).collect();
    match field {
        "severity" => Some(value.as_str()?.eq_ignore_ascii_case(ours.severity.as_str())),
        "file_path" => Some(value.as_str()? == ours.location.path),
        // The other reader writes 0 for none, and keeps one where the report lists several.
        "cwe" if value.as_u64().is_some_and(|cwe| cwe > 0) => {
            Some(definition.cwes.iter().any(|ours| Some(u64::from(*ours)) == value.as_u64()))
        }
        "unsaved_cwes" => Some(
            value
                .as_array()?
                .iter()
                .all(|cwe| definition.cwes.iter().any(|ours| cwe.as_u64() == Some(u64::from(*ours)))),
        ),
        "cvssv3" => Some(value.as_str() == definition.cvss_vector.as_deref()),
        "cvssv3_score" => {
            let score = value.as_f64().or_else(|| value.as_str()?.parse().ok());
            Some(score == definition.cvss_score)
        }
        "vuln_id_from_tool" => {
            let id = value.as_str()?;
            Some(
                ids.iter()
                    .any(|ours| *ours == id || ours.strip_suffix(id).is_some_and(|rest| rest.ends_with('-'))),
            )
        }
        "unique_id_from_tool" => Some(
            ours.scanner_fingerprints.values().any(|ours| Some(ours.as_str()) == value.as_str())
                || ids.iter().any(|ours| ours.rsplit('-').next() == value.as_str()),
        ),
        "len(unsaved_vulnerability_ids)" => {
            let known = ids.iter().filter(|id| id.starts_with("CVE-") || id.starts_with("GHSA-")).count();
            Some(value.as_u64()? == known as u64)
        }
        field if field.starts_with("unsaved_vulnerability_ids") => Some(ids.contains(&value.as_str()?)),
        _ => None,
    }
}
