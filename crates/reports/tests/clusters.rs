//! How reports of clusters are read: the Trivy operator and Kubescape.

mod support;

use model::{CoverageExtent, FindingKind, ReportedSuppression, Severity};
use reports::{ErrorKind, Format, Limits};
use support::{read, read_as};

fn resource(kind: &str, name: &str, report: &str) -> String {
    format!(
        r#"{{"apiVersion": "aquasecurity.github.io/v1alpha1", "kind": "{kind}", "metadata": {{"name": "r", "namespace": "shop",
        "labels": {{"trivy-operator.resource.kind": "ReplicaSet", "trivy-operator.resource.name": "{name}",
        "trivy-operator.resource.namespace": "shop", "trivy-operator.container.name": "web"}}}},
        "report": {{"scanner": {{"name": "Trivy", "version": "0.48"}}, "updateTimestamp": "2026-01-31T12:00:00Z", {report}}}}}"#
    )
}

fn vulnerability() -> String {
    resource(
        "VulnerabilityReport",
        "web-965685897",
        r#""os": {"family": "debian"}, "vulnerabilities": [
            {"vulnerabilityID": "CVE-2026-1", "resource": "curl", "installedVersion": "7", "fixedVersion": "8", "severity": "UNKNOWN",
             "score": 5.9, "title": "curl: reads too far", "primaryLink": "https://example.com/1", "target": "web:1.0 (debian 12)"},
            {"vulnerabilityID": "CVE-2026-2", "resource": "lodash", "installedVersion": "4", "severity": "LOW",
             "class": "lang-pkgs", "packageType": "npm", "target": "app/package-lock.json"}]"#,
    )
}

fn audit() -> String {
    resource(
        "ConfigAuditReport",
        "web-965685897",
        r#""checks": [
            {"checkID": "KSV014", "title": "Root file system is not read-only", "severity": "LOW", "success": false,
             "messages": ["Container 'web' of ReplicaSet 'web-965685897' should be read-only"]},
            {"checkID": "KSV015", "title": "t", "severity": "LOW", "success": true}]"#,
    )
}

fn secrets() -> String {
    resource(
        "ExposedSecretReport",
        "web-965685897",
        r#""secrets": [{"ruleID": "aws-key", "title": "AWS Key", "category": "AWS", "severity": "CRITICAL",
            "match": "key=hunter2", "target": "root/key.txt"}]"#,
    )
}

#[test]
fn one_resource_is_read_and_covers_itself() {
    let report = read(vulnerability().as_bytes()).unwrap();
    assert_eq!(report.summary.format, Format::TrivyOperator);
    let scan = &report.runs[0];
    assert_eq!(scan.configuration.as_deref(), Some("VulnerabilityReport"));
    assert_eq!(scan.coverage.paths, ["shop/ReplicaSet/web"], "without the hash of the deployment");
    let [curl, lodash] = report.observations.as_slice() else { panic!() };
    assert_eq!(curl.title, "CVE-2026-1: curl: reads too far in curl 7");
    assert_eq!((curl.severity, curl.location.path.as_str()), (Severity::Medium, "shop/ReplicaSet/web/web"));
    assert_eq!(curl.component.as_ref().unwrap().ecosystem.as_deref(), Some("debian"));
    assert_eq!(lodash.location.path, "shop/ReplicaSet/web/web/app/package-lock.json");
}

#[test]
fn lists_of_every_kind_are_read_the_same() {
    let all = [vulnerability(), audit(), secrets()];
    let list = format!(r#"{{"apiVersion": "v1", "kind": "List", "items": [{}]}}"#, all.join(","));
    let grouped = format!(
        r#"{{"sbomreports.aquasecurity.github.io": [], "vulnerabilityreports.aquasecurity.github.io": [{}],
        "configauditreports.aquasecurity.github.io": [{}], "exposedsecretreports.aquasecurity.github.io": [{}]}}"#,
        all[0], all[1], all[2]
    );
    let bare = format!("[{}]", all.join(","));
    let documents = all.join("\n");
    let expected = read(list.as_bytes()).unwrap();
    assert_eq!((expected.summary.observations, expected.summary.left_out[0].count), (4, 1));
    let scan = &expected.runs[0];
    assert_eq!(
        scan.configuration.as_deref(),
        Some("ConfigAuditReport, ExposedSecretReport, VulnerabilityReport")
    );
    for text in [grouped, bare, documents] {
        let report = read(text.as_bytes()).unwrap();
        assert_eq!((&report.observations, &report.runs[0]), (&expected.observations, scan));
    }
    let check = &expected.observations[2];
    assert_eq!(check.kind, FindingKind::Misconfiguration);
    assert_eq!(check.message.as_deref(), Some("Container 'web' of ReplicaSet 'web' should be read-only"));
    let secret = &expected.observations[3];
    assert_eq!(
        (secret.kind, secret.location.path.as_str()),
        (FindingKind::Secret, "shop/ReplicaSet/web/web/root/key.txt")
    );
    assert!(!format!("{expected:?}").contains("hunter2"));
}

#[test]
fn controls_of_a_benchmark_are_read_in_both_depths() {
    let report = read(
        br#"[{"apiVersion": "aquasecurity.github.io/v1alpha1", "kind": "ClusterComplianceReport", "metadata": {"name": "cis"}, "status":
            {"summaryReport": {"controlCheck": [{"id": "4.1", "name": "Ports", "severity": "HIGH", "totalFail": 3}, {"id": "4.2", "totalFail": 0}]}}},
            {"apiVersion": "aquasecurity.github.io/v1alpha1", "kind": "ClusterComplianceReport", "metadata": {"name": "nsa"}, "status":
            {"detailReport": {"results": [{"id": "1.1", "severity": "HIGH", "checks": [
                {"checkID": "KSV001", "title": "Own", "severity": "", "success": false, "target": "/shop/web"}]}]}}}]"#,
    )
    .unwrap();
    let [summary, detail] = report.observations.as_slice() else { panic!() };
    assert_eq!(
        (summary.title.as_str(), summary.severity),
        ("Ports in ClusterComplianceReport/cis", Severity::High)
    );
    assert_eq!((detail.vulnerability.id.as_str(), detail.severity), ("KSV001", Severity::High));
    assert_eq!(detail.location.path, "ClusterComplianceReport/nsa/shop/web");
    assert_eq!(report.summary.left_out[0].count, 1);
}

#[test]
fn other_resources_are_refused() {
    let error =
        read_as(br#"{"apiVersion": "v1", "kind": "Pod"}"#, Some(Format::TrivyOperator), &Limits::default());
    assert!(matches!(error.unwrap_err().kind, ErrorKind::Invalid { .. }));
    let mixed = format!(r#"{{"items": [{}, {{"apiVersion": "v1", "kind": "Pod"}}]}}"#, audit());
    let error = read(mixed.as_bytes()).unwrap_err();
    assert!(error.to_string().contains("at items[1]: this is no report of the Trivy operator"), "{error}");
    let cut = read(&mixed.as_bytes()[..mixed.len() - 20]).unwrap_err();
    assert!(matches!(cut.kind, ErrorKind::Truncated { .. }), "{cut}");
    let empty = read_as(br#"{"items": []}"#, Some(Format::TrivyOperator), &Limits::default()).unwrap();
    assert_eq!(empty.runs[0].coverage.extent, CoverageExtent::Partial, "nothing says what was looked at");
}

const KUBESCAPE: &str = r#"{"generationTime": "2026-01-31T12:00:00Z", "clusterName": "prod", "reportGUID": "g", "customerGUID": "",
    "resources": [
        {"resourceID": "path=12/api=apps/v1//Deployment/web", "object": {"kind": "Deployment", "metadata": {"name": "web", "namespace": "shop"}, "sourcePath": "deploy/web.yaml:0"}},
        {"resourceID": "rbac", "object": {"kind": "ServiceAccount", "name": "bot", "namespace": "shop"}}],
    "summaryDetails": {"controls": {"C-0017": {"name": "Immutable", "scoreFactor": 3}, "C-0016": {"scoreFactor": 7}}},
    "results": [
        {"resourceID": "path=12/api=apps/v1//Deployment/web", "controls": [
            {"controlID": "C-0017", "name": "Immutable container filesystem", "rules": [{"status": "failed", "paths": [
                {"fixPath": {"path": "spec.readOnly", "value": "true"}}, {"failedPath": "spec.other"}]}]},
            {"controlID": "C-0016", "name": "Escalation", "status": {"status": "passed"}, "rules": [{"status": "passed"}]},
            {"controlID": "C-0018", "status": {"status": "skipped", "subStatus": "manual review"}}]},
        {"resourceID": "rbac", "controls": [{"controlID": "C-0016", "name": "Escalation", "severity": "Critical",
            "status": {"status": "passed", "subStatus": "w/exceptions"}}]},
        {"resourceID": "path=99/api=v1/shop/Pod/lost", "controls": [{"controlID": "C-0016", "status": "failed"}]}]}"#;

#[test]
fn each_control_that_failed_for_a_resource_is_a_result() {
    let report = read(KUBESCAPE.as_bytes()).unwrap();
    assert_eq!(report.summary.format, Format::Kubescape);
    let scan = &report.runs[0];
    assert_eq!((scan.target.as_deref(), scan.run_id.as_deref()), (Some("prod"), Some("g")));
    assert_eq!(scan.coverage.rules.as_deref(), Some(&["C-0016".to_owned(), "C-0017".to_owned()][..]));
    let [web, bot, lost] = report.observations.as_slice() else { panic!() };
    assert_eq!(web.title, "Immutable container filesystem in shop/Deployment/web");
    assert_eq!((web.location.path.as_str(), web.severity), ("deploy/web.yaml", Severity::Low));
    assert_eq!(web.message.as_deref(), Some("Set spec.readOnly to true.\nAt spec.other."));
    assert_eq!(bot.location.path, "shop/ServiceAccount/bot");
    assert_eq!((bot.suppression, bot.severity), (Some(ReportedSuppression::Accepted), Severity::Critical));
    assert_eq!((lost.location.path.as_str(), lost.severity), ("api=v1/shop/Pod/lost", Severity::High));
    let left_out: Vec<u64> = report.summary.left_out.iter().map(|one| one.count).collect();
    assert_eq!(left_out, [1, 1]);
}

#[test]
fn a_report_of_kubescape_without_results_is_a_scan_and_another_shape_is_refused() {
    let empty = read(br#"{"generationTime": "2026-01-31T12:00:00Z", "summaryDetails": {}, "results": null}"#)
        .unwrap();
    assert_eq!((empty.summary.runs, empty.summary.results), (1, 0));
    let error =
        read(br#"{"generationTime": "2026-01-31T12:00:00Z", "summaryDetails": {}, "results": {"a": 1}}"#)
            .unwrap_err();
    assert!(error.to_string().contains("at results"), "{error}");
    let cut = read(&KUBESCAPE.as_bytes()[..KUBESCAPE.len() - 5]).unwrap_err();
    assert!(matches!(cut.kind, ErrorKind::Truncated { .. }), "{cut}");
}
