//! How CycloneDX is read.

mod support;

use model::{CoverageExtent, FindingKind, ReportedSuppression, Severity};
use reports::{ErrorKind, Format, Limits};
use support::{read, read_as, sample};

#[test]
fn each_affected_component_of_a_vulnerability_is_a_result() {
    let report = read(&sample("cyclonedx.json")).unwrap();
    assert_eq!(report.summary.format, Format::CycloneDx);
    let scan = &report.runs[0];
    assert_eq!((scan.scanner.as_str(), scan.scanner_version.as_deref()), ("bomscan", Some("3.1")));
    assert_eq!(scan.target.as_deref(), Some("shop"));
    assert_eq!(scan.run_id.as_deref(), Some("urn:uuid:1-2-3/4/2026-01-31T12:00:00Z"));
    assert_eq!(scan.started_at.unwrap().to_rfc3339(), "2026-01-31T12:00:00+00:00");
    assert_eq!(scan.coverage.extent, CoverageExtent::Full);

    let [core, shaded, nested, decided] = report.observations.as_slice() else { panic!() };
    assert_eq!((core.kind, core.severity), (FindingKind::Component, Severity::Critical));
    assert_eq!(core.title, "CVE-2026-1000: Reading a hostile document runs code in org.example:core 1.2");
    let component = core.component.as_ref().unwrap();
    assert_eq!((component.name.as_str(), component.version.as_deref()), ("org.example:core", Some("1.2")));
    assert_eq!(component.ecosystem.as_deref(), Some("maven"));
    assert_eq!(core.vulnerability.aliases, ["GHSA-aaaa-bbbb-cccc"]);
    assert_eq!(core.vulnerability.cwes, [502, 20]);
    assert_eq!(
        core.vulnerability.cvss_vector.as_deref(),
        Some("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H")
    );
    assert_eq!(core.vulnerability.cvss_score, Some(9.8));
    assert_eq!(core.vulnerability.remediation.as_deref(), Some("Upgrade core to 1.3."));
    assert_eq!(core.vulnerability.references, ["https://nvd.example/1000", "https://example.com/a"]);

    assert_eq!(shaded.component.as_ref().unwrap().name, "@acme/other", "named by a BOM-Link");
    assert_eq!(nested.component.as_ref().unwrap().name, "inner", "components stand in components");
    assert_eq!((nested.severity, nested.suppression), (Severity::Medium, None), "the score decides");

    assert_eq!(decided.suppression, Some(ReportedSuppression::Accepted));
    assert_eq!(
        decided.message.as_deref(),
        Some("Analysis: not affected (code not reachable); response: will not fix, update.\nNever called.")
    );
}

#[test]
fn what_is_unaffected_or_withdrawn_is_counted_and_left_out() {
    let report = read(&sample("cyclonedx.json")).unwrap();
    let left_out: Vec<_> = report.summary.left_out.iter().map(|one| one.reason).collect();
    assert_eq!(left_out.len(), 2, "{left_out:?}");
    assert!(left_out[0].contains("unaffected") && left_out[1].contains("withdrawn"));
}

#[test]
fn only_words_of_a_decision_suppress() {
    for (state, decided) in [
        ("not_affected", true),
        ("false_positive", true),
        ("resolved", true),
        ("resolved_with_pedigree", true),
        ("exploitable", false),
        ("in_triage", false),
        ("something_new", false),
    ] {
        let text = format!(
            r#"{{"bomFormat": "CycloneDX", "specVersion": "1.6", "vulnerabilities": [
                {{"id": "CVE-2026-1", "analysis": {{"state": "{state}"}}, "affects": [{{"ref": "x"}}]}}]}}"#
        );
        assert_eq!(read(text.as_bytes()).unwrap().only().suppression.is_some(), decided, "{state}");
    }
}

#[test]
fn only_an_inventory_with_a_list_of_vulnerabilities_proves_absence() {
    for (members, extent) in [
        (r#""components": [], "vulnerabilities": []"#, CoverageExtent::Full),
        (r#""components": []"#, CoverageExtent::Partial),
        (r#""vulnerabilities": []"#, CoverageExtent::Partial),
        (
            r#""components": [], "vulnerabilities": [], "compositions": [{"aggregate": "incomplete"}]"#,
            CoverageExtent::Partial,
        ),
    ] {
        let text = format!(r#"{{"bomFormat": "CycloneDX", "specVersion": "1.6", {members}}}"#);
        let report = read(text.as_bytes()).unwrap();
        assert_eq!((report.summary.results, report.runs[0].coverage.extent), (0, extent), "{members}");
    }
}

#[test]
fn the_tools_of_1_5_are_found() {
    let report = read(
        br#"{"bomFormat": "CycloneDX", "specVersion": "1.5", "metadata": {"tools": {"components": [
            {"name": "grype", "version": "0.9"}]}}}"#,
    );
    let scan = &report.unwrap().runs[0];
    assert_eq!((scan.scanner.as_str(), scan.scanner_version.as_deref()), ("grype", Some("0.9")));
}

#[test]
fn a_list_of_the_wrong_shape_is_refused_with_its_place() {
    let text =
        br#"{"bomFormat": "CycloneDX", "specVersion": "1.5", "vulnerabilities": {"id": "CVE-2026-1"}}"#;
    let error = read(text).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Invalid { .. }), "{error}");
    assert!(error.to_string().contains("at vulnerabilities"), "{error}");
    let text = br#"{"bomFormat": "CycloneDX", "specVersion": "1.5", "vulnerabilities": [{"id": "A"}, {"affects": [7]}]}"#;
    let error = read(text).unwrap_err().to_string();
    assert!(error.contains("vulnerabilities[1].affects[0]"), "{error}");
    let other = read_as(b"{\"a\": 1}", Some(Format::CycloneDx), &Limits::default()).unwrap_err();
    assert!(matches!(other.kind, ErrorKind::Invalid { .. }));
}

#[test]
fn hostile_texts_are_made_fit() {
    let huge = "x".repeat(100_000);
    let text = format!(
        r#"{{"bomFormat": "CycloneDX", "vulnerabilities": [{{"id": "CVE-\u0000\n1", "description": "<script>{huge}",
            "advisories": [{{"url": "javascript:alert(1)"}}], "affects": [{{"ref": "a\tb"}}]}}]}}"#
    );
    let report = read(text.as_bytes()).unwrap();
    let only = report.only();
    assert_eq!(only.vulnerability.id, "CVE- 1");
    assert_eq!(only.component.as_ref().unwrap().name, "a b");
    assert!(only.vulnerability.references.is_empty());
    assert_eq!(only.vulnerability.description.as_ref().unwrap().chars().count(), 20_000);
}
