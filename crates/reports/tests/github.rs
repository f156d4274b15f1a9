//! How alerts of GitHub are read.

mod support;

use model::{CoverageExtent, FindingKind, ReportedSuppression, Severity};
use reports::{ErrorKind, Format, Limits};
use support::{read, read_as};

const REST: &str = r#"[
    {"number": 7, "state": "open", "html_url": "https://github.com/acme/shop/security/dependabot/7",
     "dependency": {"package": {"ecosystem": "pip", "name": "jinja2"}, "manifest_path": "app/requirements.txt", "scope": "runtime"},
     "security_advisory": {"ghsa_id": "GHSA-aaaa-bbbb-cccc", "cve_id": "CVE-2026-1", "summary": "Sandbox escape",
        "description": "Long.", "severity": "high", "cvss": {"vector_string": "CVSS:3.1/x", "score": 8.1},
        "cvss_severities": {"cvss_v4": {"vector_string": "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:A/VC:N/VI:N/VA:N/SC:L/SI:L/SA:N", "score": 0.0}},
        "cwes": [{"cwe_id": "CWE-94", "name": "Code injection"}], "identifiers": [{"type": "CVE", "value": "CVE-2026-1"}],
        "references": [{"url": "https://example.com/a"}]},
     "security_vulnerability": {"package": {"ecosystem": "pip", "name": "jinja2"}, "severity": "high",
        "vulnerable_version_range": "< 3.1", "first_patched_version": {"identifier": "3.1"}}},
    {"number": 8, "state": "dismissed", "dismissed_reason": "tolerable_risk", "dismissed_comment": "Not reachable.",
     "security_vulnerability": {"package": {"ecosystem": "npm", "name": "a"}}, "security_advisory": {"ghsa_id": "GHSA-1"}},
    {"number": 9, "state": "fixed", "security_vulnerability": {"package": {"ecosystem": "npm", "name": "b"}}}
]"#;

#[test]
fn dependabot_alerts_of_the_rest_api_become_observations() {
    let report = read(REST.as_bytes()).unwrap();
    assert_eq!(report.summary.format, Format::GithubDependabot);
    assert_eq!((report.summary.observations, report.summary.left_out[0].count), (2, 1));
    assert_eq!(report.runs[0].target.as_deref(), Some("acme/shop"));
    assert_eq!(report.runs[0].coverage.extent, CoverageExtent::Full);
    let [jinja, dismissed] = report.observations.as_slice() else { panic!() };
    assert_eq!(jinja.title, "GHSA-aaaa-bbbb-cccc: Sandbox escape in jinja2");
    assert_eq!((jinja.severity, jinja.location.path.as_str()), (Severity::High, "app/requirements.txt"));
    let component = jinja.component.as_ref().unwrap();
    assert_eq!(component.ecosystem.as_deref(), Some("pypi"));
    assert_eq!(component.fixed_version.as_deref(), Some("3.1"));
    assert_eq!(jinja.vulnerability.aliases, ["CVE-2026-1"]);
    assert_eq!(jinja.vulnerability.cwes, [94]);
    assert_eq!(
        jinja.vulnerability.cvss_vector.as_deref(),
        Some("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:A/VC:N/VI:N/VA:N/SC:L/SI:L/SA:N")
    );
    assert_eq!(jinja.vulnerability.cvss_score, Some(5.1), "GitHub writes 0 where it has not computed one");
    assert_eq!(jinja.message.as_deref(), Some("Vulnerable versions: < 3.1. Scope: runtime."));
    assert_eq!(dismissed.suppression, Some(ReportedSuppression::Accepted));
    assert_eq!(dismissed.message.as_deref(), Some("Dismissed: tolerable risk. Not reachable."));
}

#[test]
fn repositories_of_a_graphql_search_keep_their_alerts_apart() {
    let report = read(
        br#"{"data": {"search": {"pageInfo": {"hasNextPage": true}, "nodes": [
            {"name": "one", "vulnerabilityAlerts": {"nodes": [
                {"id": "A", "vulnerableManifestPath": "pom.xml", "vulnerableRequirements": "= 1.2",
                 "securityVulnerability": {"severity": "CRITICAL", "package": {"name": "x:y", "ecosystem": "MAVEN"},
                    "advisory": {"summary": "s", "identifiers": [{"value": "GHSA-1"}]}}}]}},
            {"name": "two", "vulnerabilityAlerts": {"nodes": [
                {"id": "B", "vulnerableManifestPath": "pom.xml", "dismissedAt": "2026-01-01T00:00:00Z",
                 "securityVulnerability": {"package": {"name": "x:y"}, "advisory": {}}}]}}]}}}"#,
    )
    .unwrap();
    let places: Vec<_> = report.observations.iter().map(|one| one.location.path.as_str()).collect();
    assert_eq!(places, ["one/pom.xml", "two/pom.xml"]);
    assert_eq!(report.observations[0].component.as_ref().unwrap().version.as_deref(), Some("1.2"));
    assert!(report.observations[1].suppression.is_some(), "dismissed, although there is no state");
    assert_eq!(report.runs[0].coverage.extent, CoverageExtent::Partial, "there is a next page");
}

#[test]
fn a_list_as_long_as_a_page_proves_no_absence() {
    let alert =
        r#"{"number": 1, "security_vulnerability": {"package": {"name": "x"}}, "security_advisory": {}}"#;
    for (count, extent) in [
        (29, CoverageExtent::Full),
        (30, CoverageExtent::Partial),
        (100, CoverageExtent::Partial),
        (130, CoverageExtent::Full),
    ] {
        let list = format!("[{}]", vec![alert; count].join(","));
        assert_eq!(read(list.as_bytes()).unwrap().runs[0].coverage.extent, extent, "{count}");
    }
}

const CODE: &str = r#"[{"number": 4, "state": "open", "html_url": "https://github.com/acme/shop/security/code-scanning/4",
    "dismissed_reason": "None",
    "rule": {"id": "js/xss", "severity": "error", "security_severity_level": "medium", "description": "Cross-site scripting",
        "full_description": "More.", "help": "Escape it.", "tags": ["security", "external/cwe/cwe-079"]},
    "tool": {"name": "CodeQL", "version": "2.1"},
    "most_recent_instance": {"ref": "refs/heads/main", "commit_sha": "abc", "state": "open",
        "message": {"text": "This is unsafe."},
        "location": {"path": "src/a.js", "start_line": 3, "end_line": 2, "start_column": 5}}}]"#;

#[test]
fn code_scanning_alerts_become_observations() {
    for text in [CODE.to_owned(), format!("[{CODE}]")] {
        let report = read(text.as_bytes()).unwrap();
        assert_eq!(report.summary.format, Format::GithubCodeScanning);
        let scan = &report.runs[0];
        assert_eq!((scan.branch.as_deref(), scan.commit.as_deref()), (Some("main"), Some("abc")));
        let only = report.only();
        assert_eq!(only.title, "Cross-site scripting in src/a.js");
        assert_eq!((only.kind, only.severity), (FindingKind::Code, Severity::Medium));
        assert_eq!(only.vulnerability.cwes, [79]);
        assert_eq!(only.vulnerability.tags, ["CodeQL", "security"]);
        assert_eq!(only.message.as_deref(), Some("This is unsafe."));
        assert_eq!(
            (only.location.start_line, only.location.end_line),
            (Some(3), None),
            "an end before the start"
        );
    }
}

#[test]
fn a_secret_is_never_kept() {
    let report = read(
        br#"[{"number": 2, "state": "open", "secret_type": "acme_key", "secret_type_display_name": "Acme Key",
            "secret": "hunter2", "validity": "active", "resolution_comment": "it was hunter2",
            "html_url": "https://github.com/acme/shop/security/secret-scanning/2", "locations_url": "x",
            "first_location_detected": {"path": "/config/prod.env", "start_line": 4, "end_line": 4}},
            {"number": 3, "state": "resolved", "resolution": "revoked", "secret_type": "acme_key", "html_url": "y"}]"#,
    )
    .unwrap();
    assert_eq!(report.summary.format, Format::GithubSecretScanning);
    let [open, resolved] = report.observations.as_slice() else { panic!() };
    assert!(!format!("{report:?}").contains("hunter2"));
    assert_eq!((open.kind, open.severity), (FindingKind::Secret, Severity::Critical));
    assert_eq!(open.title, "Secret: Acme Key in config/prod.env");
    assert_eq!(open.location.start_line, Some(4));
    assert_eq!(
        (resolved.suppression, resolved.severity),
        (Some(ReportedSuppression::Accepted), Severity::High)
    );
}

#[test]
fn an_empty_list_is_a_scan_once_its_format_is_named() {
    for format in [Format::GithubDependabot, Format::GithubCodeScanning, Format::GithubSecretScanning] {
        let report = read_as(b"[]", Some(format), &Limits::default()).unwrap();
        assert_eq!((report.summary.runs, report.summary.results), (1, 0));
    }
    assert!(matches!(read(b"[]").unwrap_err().kind, ErrorKind::UnknownFormat { .. }));
}

#[test]
fn what_is_no_alert_is_refused_with_its_place() {
    let mixed = CODE.replacen('[', r#"[{"number": 1}, "#, 1);
    let error = read_as(mixed.as_bytes(), Some(Format::GithubCodeScanning), &Limits::default()).unwrap_err();
    assert!(error.to_string().contains("at [0]: this is no alert"), "{error}");
    let answer = read_as(br#"{"message": "Not Found"}"#, Some(Format::GithubDependabot), &Limits::default());
    assert!(matches!(answer.unwrap_err().kind, ErrorKind::Invalid { .. }));
    let cut = read(&CODE.as_bytes()[..CODE.len() - 30]).unwrap_err();
    assert!(matches!(cut.kind, ErrorKind::Truncated { .. }), "{cut}");
}
