//! How reports of platforms are read: Wiz CLI, DefectDojo's generic JSON, Advanced Security for Azure DevOps.

mod support;

use model::{CoverageExtent, FindingKind, ReportedSuppression, Severity};
use reports::{ErrorKind, Format, Limits};
use support::{read, read_as};

const WIZ: &str = r#"{"id": "1-2", "createdAt": "2026-01-31T12:00:00Z", "startedAt": "0001-01-01T00:00:00Z",
    "status": {"state": "SUCCESS", "verdict": "PASSED_BY_POLICY"}, "scanOriginResource": {"__typename": "CICDScanOriginDirectory", "name": "shop"},
    "result": {"__typename": "CICDDiskScanResult", "osPackages": null,
        "libraries": [{"name": "protobuf", "version": "1.28", "path": "/api/go.mod", "vulnerabilities": [
            {"name": "CVE-2026-1", "severity": "MEDIUM", "fixedVersion": "1.33", "source": "https://example.com/1"}]}],
        "secrets": [{"description": "Password in URL (postgresql://me:hunter2@db)", "path": "/app/a.go", "lineNumber": 35, "type": "PASSWORD", "snippet": "hunter2"}],
        "ruleMatches": [{"rule": {"id": "r-1", "name": "Healthcheck Missing"}, "severity": "INFORMATIONAL", "matches": [
            {"resourceName": "FROM=a", "fileName": "Dockerfile", "lineNumber": 8, "matchContent": "RUN x", "expected": "y", "found": "z"},
            {"resourceName": "FROM=b", "fileName": "Dockerfile", "lineNumber": 58}]}]}}"#;

#[test]
fn packages_secrets_and_rules_of_wiz_become_observations() {
    let report = read(WIZ.as_bytes()).unwrap();
    assert_eq!(report.summary.format, Format::WizCli);
    let scan = &report.runs[0];
    assert_eq!((scan.target.as_deref(), scan.run_id.as_deref()), (Some("shop"), Some("1-2")));
    assert_eq!(scan.started_at.unwrap().to_rfc3339(), "2026-01-31T12:00:00+00:00", "the zero time is none");
    let [library, secret, first, second] = report.observations.as_slice() else { panic!() };
    assert_eq!(
        (library.title.as_str(), library.location.path.as_str()),
        ("CVE-2026-1 in protobuf 1.28", "api/go.mod")
    );
    assert_eq!((secret.kind, secret.title.as_str()), (FindingKind::Secret, "Password in URL in app/a.go"));
    assert!(!format!("{report:?}").contains("hunter2"));
    assert_eq!((first.severity, first.location.start_line), (Severity::Info, Some(8)));
    assert_eq!(first.message.as_deref(), Some("Expected: y\nFound: z"));
    assert_eq!(second.location.logical.as_deref(), Some("FROM=b"));
}

#[test]
fn a_scan_of_wiz_that_failed_is_refused_and_one_that_runs_proves_nothing() {
    let failed = read(WIZ.replace("SUCCESS", "FAILED").as_bytes()).unwrap_err();
    assert!(matches!(failed.kind, ErrorKind::RunFailed { .. }), "{failed}");
    let running = read(WIZ.replace("SUCCESS", "IN_PROGRESS").as_bytes()).unwrap();
    assert_eq!(running.runs[0].coverage.extent, CoverageExtent::Partial);
    let other = read_as(br#"{"a": 1}"#, Some(Format::WizCli), &Limits::default()).unwrap_err();
    assert!(matches!(other.kind, ErrorKind::Invalid { .. }));
    let cut = read(&WIZ.as_bytes()[..WIZ.len() - 5]).unwrap_err();
    assert!(matches!(cut.kind, ErrorKind::Truncated { .. }), "{cut}");
}

#[test]
fn findings_of_the_generic_json_become_observations() {
    let report = read(
        br#"{"name": "Import", "type": "Acme Scan", "findings": [
            {"title": "SQL injection", "severity": "High", "description": "d", "impact": "i", "cve": "CVE-2026-1", "vulnerability_ids": ["GHSA-1"],
             "cwe": "N/A", "cwes": ["CWE-89", 20], "line": "42", "file_path": "src/a.py", "cvssv3": "CVSS:3.1/x", "cvssv4": "CVSS:4.0/y",
             "cvssv4_score": 7.3, "tags": ["a"], "unique_id_from_tool": "u"},
            {"title": "Old library", "severity": "Medium", "component_name": "spring-core", "component_version": "6", "fix_version": "6.1", "risk_accepted": true},
            {"title": "Header", "severity": "Info", "endpoints": ["https://a.example/x", {"protocol": "https", "host": "b.example", "port": 8443, "path": "/y"}]},
            {"title": "Gone", "severity": "Low", "is_mitigated": true}]}"#,
    )
    .unwrap();
    assert_eq!(report.summary.format, Format::DefectDojo);
    assert_eq!(report.runs[0].scanner, "Acme Scan");
    let [code, library, a, b] = report.observations.as_slice() else { panic!() };
    assert_eq!((code.kind, code.location.start_line), (FindingKind::Code, Some(42)));
    assert_eq!(
        (code.vulnerability.id.as_str(), code.vulnerability.cwes.as_slice()),
        ("CVE-2026-1", &[89, 20][..])
    );
    assert_eq!(code.vulnerability.cvss_vector.as_deref(), Some("CVSS:4.0/y"));
    assert_eq!(code.scanner_fingerprints["unique_id_from_tool"], "u");
    assert_eq!(
        (library.kind, library.suppression),
        (FindingKind::Component, Some(ReportedSuppression::Accepted))
    );
    assert_eq!((a.kind, a.location.path.as_str()), (FindingKind::Web, "https://a.example/x"));
    assert_eq!(b.location.path, "https://b.example:8443/y");
    assert_eq!(report.summary.left_out[0].count, 1);
}

#[test]
fn a_generic_finding_without_title_is_refused_and_an_empty_list_is_a_scan() {
    let text = br#"{"findings": [{"title": "t", "severity": "Low"}, {"severity": "Low"}]}"#;
    let error = read(text).unwrap_err();
    assert!(error.to_string().contains("at findings[1]: the finding has no `title`"), "{error}");
    let empty = read_as(br#"{"findings": []}"#, Some(Format::DefectDojo), &Limits::default()).unwrap();
    assert_eq!((empty.summary.runs, empty.summary.results), (1, 0));
}

const ALERTS: &str = r#"{"count": 4, "value": [
    {"alertId": 1, "alertType": "code", "title": "SQL query built from user input", "severity": "high", "state": "active", "gitRef": "refs/heads/main",
     "repositoryUrl": "https://dev.example/acme/_git/shop",
     "tools": [{"name": "CodeQL", "rules": [{"friendlyName": "cs/sql-injection", "opaqueId": "cs/sql-injection", "description": "d", "helpMessage": "h", "tags": ["security", "external/cwe/cwe-089"]}]}],
     "physicalLocations": [{"filePath": "src/a.cs", "region": {"lineStart": 3, "lineEnd": 3, "columnStart": 5}}, {"filePath": "src/b.cs", "region": {"lineStart": 9}}]},
    {"alertId": 2, "alertType": "dependency", "title": "Deserialization", "severity": "critical", "state": "dismissed", "gitRef": "refs/heads/main",
     "dismissal": {"dismissalType": "acceptedRisk", "message": "Not reachable"},
     "tools": [{"name": "Advanced Security", "rules": [{"friendlyName": "CVE-2026-1000 (GHSA-aaaa-bbbb-cccc)", "opaqueId": "1234"}]}],
     "logicalLocations": [{"fullyQualifiedName": "shop.csproj", "kind": "rootDependency"}, {"fullyQualifiedName": "Newtonsoft.Json 12.0.2", "kind": "vulnerableDependency"}]},
    {"alertId": 3, "alertType": "secret", "title": "Azure storage key", "severity": "critical", "state": "active", "gitRef": "refs/heads/main", "truncatedSecret": "hunt...", 
     "validationFingerprints": [{"validationFingerprintJson": "hunter2"}], "physicalLocations": [{"filePath": "/app.config", "region": {"lineStart": 7}}]},
    {"alertId": 4, "alertType": "code", "title": "t", "state": "fixed", "gitRef": "refs/heads/main"}]}"#;

#[test]
fn alerts_of_advanced_security_become_observations() {
    let report = read(ALERTS.as_bytes()).unwrap();
    assert_eq!(report.summary.format, Format::AzureDevOpsAlerts);
    let scan = &report.runs[0];
    assert_eq!(
        (scan.branch.as_deref(), scan.target.as_deref()),
        (Some("main"), Some("https://dev.example/acme/_git/shop"))
    );
    let [code, library, secret] = report.observations.as_slice() else { panic!() };
    assert_eq!(
        (code.vulnerability.id.as_str(), code.vulnerability.cwes.as_slice()),
        ("cs/sql-injection", &[89][..])
    );
    assert_eq!(
        (code.location.path.as_str(), code.related_locations[0].path.as_str()),
        ("src/a.cs", "src/b.cs")
    );
    assert_eq!(
        (library.vulnerability.id.as_str(), library.vulnerability.aliases.len()),
        ("CVE-2026-1000", 1)
    );
    let component = library.component.as_ref().unwrap();
    assert_eq!((component.name.as_str(), component.version.as_deref()), ("Newtonsoft.Json", Some("12.0.2")));
    assert_eq!(library.suppression, Some(ReportedSuppression::Accepted));
    assert_eq!(library.message.as_deref(), Some("Dismissed as acceptedRisk: Not reachable"));
    assert_eq!((secret.kind, secret.location.path.as_str()), (FindingKind::Secret, "app.config"));
    assert!(!format!("{report:?}").contains("hunt"));
    assert_eq!(report.summary.left_out[0].count, 1);
}

#[test]
fn a_list_that_is_no_list_of_alerts_is_refused() {
    let error = read_as(
        br#"{"count": 1, "value": [{"id": 1}]}"#,
        Some(Format::AzureDevOpsAlerts),
        &Limits::default(),
    );
    let error = error.unwrap_err();
    assert!(error.to_string().contains("at value[0]: this is no alert"), "{error}");
    let empty = read_as(br#"{"count": 0, "value": []}"#, Some(Format::AzureDevOpsAlerts), &Limits::default())
        .unwrap();
    assert_eq!((empty.summary.runs, empty.summary.results), (1, 0));
    let cut = read(&ALERTS.as_bytes()[..ALERTS.len() - 5]).unwrap_err();
    assert!(matches!(cut.kind, ErrorKind::Truncated { .. }), "{cut}");
}
