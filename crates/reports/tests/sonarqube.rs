//! How SonarQube is read.

mod support;

use model::{CoverageExtent, FindingKind, ReportedSuppression, Severity};
use reports::{ErrorKind, Format, Limits};
use support::{read, read_as};

const ISSUES: &str = r#"{"total": 5, "paging": {"pageIndex": 1, "pageSize": 100, "total": 5}, "issues": [
    {"key": "K1", "rule": "java:S2077", "severity": "MAJOR", "component": "shop:src/A.java", "project": "shop", "line": 7, "author": "ann@example.com",
     "textRange": {"startLine": 7, "endLine": 9}, "status": "OPEN", "message": "Query built from CVE-2026-1000 input", "tags": ["cwe", "cwe-89"], "type": "VULNERABILITY"},
    {"key": "K2", "rule": "java:S1", "component": "shop", "project": "shop", "impacts": [{"softwareQuality": "MAINTAINABILITY", "severity": "LOW"}, {"softwareQuality": "SECURITY", "severity": "HIGH"}],
     "status": "RESOLVED", "resolution": "WONTFIX", "message": "m", "type": "CODE_SMELL"},
    {"key": "K3", "rule": "java:S1", "severity": "INFO", "component": "shop:b", "project": "shop", "status": "CLOSED", "resolution": "FIXED", "message": "m"},
    {"key": "K4", "rule": "secrets:S6290", "severity": "BLOCKER", "component": "shop:c.env", "project": "shop", "line": 1, "issueStatus": "OPEN", "message": "Revoke it"}],
    "hotspots": [{"key": "H1", "ruleKey": "java:S4502", "component": "shop:src/A.java", "project": "shop", "vulnerabilityProbability": "MEDIUM", "securityCategory": "csrf", "status": "TO_REVIEW", "message": "Check it", "line": 3}],
    "components": [{"key": "shop:src/A.java", "path": "web/src/A.java"}],
    "rules": [{"key": "java:S2077", "name": "Formatting SQL", "htmlDesc": "<p>Do not.</p><p>It &amp; more</p>"}]}"#;

#[test]
fn issues_and_hotspots_become_observations() {
    let report = read(ISSUES.as_bytes()).unwrap();
    assert_eq!(report.summary.format, Format::SonarQube);
    assert_eq!(report.runs[0].target.as_deref(), Some("shop"));
    assert_eq!(report.runs[0].coverage.extent, CoverageExtent::Full);
    let [query, smell, secret, hotspot] = report.observations.as_slice() else { panic!() };
    assert_eq!((query.severity, query.scanner_severity.as_deref()), (Severity::Medium, Some("MAJOR")));
    assert_eq!((query.location.path.as_str(), query.location.end_line), ("web/src/A.java", Some(9)));
    assert_eq!(query.title, "Query built from CVE-2026-1000 input in web/src/A.java");
    assert_eq!((query.vulnerability.cwes.as_slice(), query.vulnerability.aliases.len()), (&[89][..], 1));
    assert_eq!(query.vulnerability.name.as_deref(), Some("Formatting SQL"));
    assert!(query.vulnerability.description.as_deref().unwrap().contains("It & more"));
    assert_eq!(
        (smell.severity, smell.location.path.as_str()),
        (Severity::High, ""),
        "the impact on security counts"
    );
    assert_eq!(smell.suppression, Some(ReportedSuppression::Accepted));
    assert_eq!((secret.kind, secret.location.path.as_str()), (FindingKind::Secret, "c.env"));
    assert_eq!((hotspot.vulnerability.id.as_str(), hotspot.severity), ("java:S4502", Severity::Medium));
    assert!(!format!("{report:?}").contains("ann@example.com"));
    assert_eq!(report.summary.left_out[0].count, 1);
}

#[test]
fn a_page_of_many_proves_no_absence() {
    let page = ISSUES.replace(r#""pageSize": 100, "total": 5"#, r#""pageSize": 5, "total": 42"#);
    assert_eq!(read(page.as_bytes()).unwrap().runs[0].coverage.extent, CoverageExtent::Partial);
}

#[test]
fn the_json_of_sonar_report_is_read() {
    let report = read(
        br#"{"projectName": "shop", "sonarComponent": "shop-key", "rules": {"python:S1": {"name": "n", "htmlDesc": "<p>d</p>", "severity": "CRITICAL"}},
            "issues": [{"rule": "python:S1", "severity": "CRITICAL", "status": "TO_REVIEW", "component": "app.py", "line": 8, "message": "m", "key": "K"}]}"#,
    )
    .unwrap();
    assert_eq!(report.runs[0].target.as_deref(), Some("shop-key"));
    let only = report.only();
    assert_eq!((only.location.path.as_str(), only.severity), ("app.py", Severity::High));
    assert_eq!(only.vulnerability.description.as_deref(), Some("d"));
}

#[test]
fn an_answer_without_issues_is_a_scan_and_a_wrong_one_is_refused() {
    let empty = read(br#"{"paging": {"total": 0}, "issues": [], "components": []}"#).unwrap();
    assert_eq!((empty.summary.runs, empty.summary.results), (1, 0));
    let error = read_as(br#"{"errors": [{"msg": "denied"}]}"#, Some(Format::SonarQube), &Limits::default());
    assert!(matches!(error.unwrap_err().kind, ErrorKind::Invalid { .. }));
    let cut = read(&ISSUES.as_bytes()[..ISSUES.len() - 9]).unwrap_err();
    assert!(matches!(cut.kind, ErrorKind::Truncated { .. }), "{cut}");
}
