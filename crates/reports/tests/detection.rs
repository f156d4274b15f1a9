//! Every public report is told to be of the format it has, by its content alone, and of no other.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails by panicking")]

mod support;

use std::path::Path;

use reports::{Error, ErrorKind, Format};
use support::fixtures;

/// Folders whose format is not read yet: their files may not be taken for reports of another format.
const NOT_YET: &[&str] = &[];

/// Folders of formats that are read, but not in the spelling of files with this ending.
const NOT_YET_SPELT: &[(&str, &str)] = &[
    // A page for people, and an archive of two reports.
    ("sonarqube", ".html"),
    ("sonarqube", ".zip"),
];

/// Files of a folder that are of another format than the rest, by their ending.
const SPELT: &[(&str, &str, Format)] = &[("generic", ".csv", Format::DefectDojoCsv)];

/// Folders of formats that are read.
const FOLDERS: &[(&str, Format)] = &[
    ("cyclonedx", Format::CycloneDx),
    ("burp_graphql", Format::BurpEnterprise),
    ("burp_api", Format::BurpEnterprise),
    ("prowler_v3", Format::Prowler),
    ("prowler_v2", Format::Prowler),
    ("prowler", Format::Prowler),
    ("sonarqube", Format::SonarQube),
    ("generic", Format::DefectDojo),
    ("wizcli", Format::WizCli),
    ("kubescape", Format::Kubescape),
    ("trivy_operator", Format::TrivyOperator),
    ("nuclei", Format::Nuclei),
    ("aws_security_hub", Format::Asff),
    ("asff", Format::Asff),
    ("github_secrets", Format::GithubSecretScanning),
    ("github_sast", Format::GithubCodeScanning),
    ("github_dependabot", Format::GithubDependabot),
    ("openvex", Format::OpenVex),
    ("cyclonedx_spec", Format::CycloneDx),
    ("cyclonedx_vex", Format::CycloneDx),
    ("nessus", Format::Nessus),
    ("ms_defender", Format::DefenderEndpoint),
    ("azure_defender_recommendations", Format::DefenderCloud),
    ("wiz", Format::Wiz),
    ("nmap", Format::Nmap),
    ("qualys_webapp", Format::Qualys),
    ("qualys_vmdr", Format::Qualys),
    ("qualys_infrascan", Format::Qualys),
    ("qualys", Format::Qualys),
    ("openvas", Format::OpenVas),
    ("burp", Format::Burp),
    ("dependency_check", Format::DependencyCheck),
    ("zap", Format::Zap),
    ("bandit", Format::Bandit),
    ("cargo_audit", Format::CargoAudit),
    ("checkov", Format::Checkov),
    ("gitleaks", Format::Gitleaks),
    ("govulncheck", Format::Govulncheck),
    ("grype", Format::Grype),
    ("npm_audit", Format::NpmAudit),
    ("osv_scanner", Format::OsvScanner),
    ("pip_audit", Format::PipAudit),
    ("sarif", Format::Sarif),
    ("sarif_baseline", Format::Sarif),
    ("sarif_lint", Format::Sarif),
    ("semgrep", Format::Semgrep),
    ("semgrep_pro", Format::Semgrep),
    ("snyk", Format::Snyk),
    ("snyk_issue_api", Format::SnykIssues),
    ("snyk_code", Format::Sarif),
    ("trivy", Format::Trivy),
];

/// Files that are something else than their folder says.
const EXCEPTIONS: &[(&str, Told, &str)] = &[
    ("ms_defender/defectdojo/defender_multiple_files.zip", Told::Unknown, "a ZIP archive is unpacked first"),
    ("ms_defender/defectdojo/issue_11217.zip", Told::Unknown, "a ZIP archive is unpacked first"),
    ("govulncheck/defectdojo/issue_15033_sarif.json", Told::As(Format::Sarif), "govulncheck's SARIF"),
    ("snyk/defectdojo/snykcode_issue_9270.json", Told::As(Format::Sarif), "Snyk Code writes SARIF"),
    (
        "github_dependabot/defectdojo/issue_9582.json",
        Told::As(Format::GithubCodeScanning),
        "alerts of code scanning",
    ),
    ("github_sast/defectdojo/github_sast_zero_vul.json", Told::Unknown, "an empty list"),
    (
        "github_secrets/defectdojo/github_secrets_detection_report_zero_vul.json",
        Told::Unknown,
        "an empty list",
    ),
    ("openvex/defectdojo/openvex_not_a_document.json", Told::Unknown, "a list of texts"),
    ("nuclei/defectdojo/empty.jsonl", Told::Otherwise, "no byte"),
    ("nuclei/defectdojo/no_findings.json", Told::Otherwise, "no byte"),
    ("gitleaks/defectdojo/no_findings.json", Told::Unknown, "null is the whole file"),
    ("pip_audit/defectdojo/empty.json", Told::Unknown, "an empty list is the whole file"),
    (
        "snyk_issue_api/defectdojo/empty.json",
        Told::Unknown,
        "`data` without an issue is a key of every JSON:API",
    ),
    ("semgrep_pro/defectdojo/no_vuln.json", Told::Unknown, "`findings` without a finding is a key of many"),
    ("sarif/ms-sdk/WorkItems__Invalid.sarif", Told::Unknown, "not a SARIF log at all"),
];

#[derive(Clone, Copy, Debug, PartialEq)]
enum Told {
    As(Format),
    /// Refused as unknown.
    Unknown,
    Otherwise,
}

impl From<Result<Format, Error>> for Told {
    fn from(told: Result<Format, Error>) -> Self {
        match told {
            Ok(format) => Self::As(format),
            Err(Error { kind: ErrorKind::UnknownFormat { .. }, .. }) => Self::Unknown,
            Err(_) => Self::Otherwise,
        }
    }
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if !path.ends_with("expected.json") {
            found.push(path);
        }
    }
    found.sort();
    found
}

#[test]
fn every_public_report_is_recognised_by_its_content() {
    let Some(root) = fixtures() else { return };
    let mut wrong = Vec::new();
    let mut seen = 0;
    for folder in std::fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().path()) {
        let folder_name = folder.file_name().unwrap().to_str().unwrap();
        if !folder.is_dir() {
            continue;
        }
        let expected = FOLDERS.iter().find(|(name, _)| *name == folder_name).map(|(_, format)| *format);
        assert_ne!(
            expected.is_some(),
            NOT_YET.contains(&folder_name),
            "{folder_name} is in one of the tables"
        );
        for file in files(&folder) {
            seen += 1;
            let name = file.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
            let told = Told::from(reports::detect(&std::fs::read(&file).unwrap()));
            let exception = EXCEPTIONS.iter().find(|(exception, ..)| *exception == name);
            let not_yet =
                NOT_YET_SPELT.iter().any(|(folder, ending)| *folder == folder_name && name.ends_with(ending));
            let spelt =
                SPELT.iter().find(|(folder, ending, _)| *folder == folder_name && name.ends_with(ending));
            let expected = spelt.map(|(.., format)| *format).or(expected);
            let right = match (exception, expected.filter(|_| !not_yet)) {
                (Some((_, expected, _)), _) => told == *expected,
                (None, Some(format)) => told == Told::As(format),
                (None, None) => !matches!(told, Told::As(_)),
            };
            if !right {
                wrong.push(format!("{name}: {told:?}"));
            }
        }
    }
    println!("{seen} files");
    assert!(seen > 700, "only {seen} files");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
