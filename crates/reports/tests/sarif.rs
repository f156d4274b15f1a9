//! How SARIF is read: one sample with many facts, and a small log for each quirk.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails by panicking")]

mod support;

use model::{CoverageExtent, FindingKind, ReportedSuppression, Severity};
use reports::{ErrorKind, Format};
use serde_json::{Value, json};
use support::{Report, read, sample};

/// A log with one run, made of the given members beside its tool.
fn run(members: Value) -> Result<Report, reports::Error> {
    let mut run = json!({ "tool": { "driver": { "name": "Example" } }, "results": [] });
    for (key, value) in members.as_object().unwrap() {
        run[key] = value.clone();
    }
    read(json!({ "version": "2.1.0", "runs": [run] }).to_string().as_bytes())
}

/// The observation of one result in a run with the given rules.
fn result(rules: Value, result: Value) -> model::Observation {
    let tool = json!({ "driver": { "name": "Example", "rules": rules } });
    run(json!({ "tool": tool, "results": [result] })).unwrap().only().clone()
}

#[test]
fn a_whole_run_is_read_although_its_results_come_first() {
    let report = read(&sample("whole.sarif")).unwrap();
    assert_eq!(report.summary.format, Format::Sarif);
    assert_eq!((report.summary.runs, report.summary.results, report.summary.observations), (1, 5, 3));

    let scan = &report.runs[0];
    assert_eq!((scan.scanner.as_str(), scan.scanner_version.as_deref()), ("ExampleScan", Some("1.2.3")));
    assert_eq!(scan.configuration.as_deref(), Some("nightly/web"));
    assert_eq!(scan.run_id.as_deref(), Some("nightly/web/2026-01-31"));
    assert_eq!(scan.started_at.unwrap().to_rfc3339(), "2026-01-31T12:00:00.500+00:00");
    assert_eq!((scan.branch.as_deref(), scan.commit.as_deref()), (Some("main"), Some("0123abcd")));
    assert_eq!(scan.target.as_deref(), Some("https://example.com/org/web"));
    assert_eq!((scan.coverage.extent, &scan.coverage.rules), (CoverageExtent::Full, &None));

    let first = &report.observations[0];
    assert_eq!(first.kind, FindingKind::Code);
    assert_eq!(first.title, "Database query built from user input in src/query.js");
    assert_eq!(first.message.as_deref(), Some("req.query flows to db.run in {braces}."));
    assert_eq!((first.severity, first.vulnerability.cvss_score), (Severity::Critical, Some(9.1)));
    assert_eq!(first.location.path, "src/query.js");
    assert_eq!(
        (first.location.start_line, first.location.end_line, first.location.start_column),
        (Some(12), Some(13), Some(3))
    );
    assert_eq!(first.location.snippet.as_deref(), Some("  db.run(q)"));
    assert_eq!(first.location.logical.as_deref(), Some("Query.run"));
    let further: Vec<_> =
        first.related_locations.iter().map(|place| (place.path.as_str(), place.start_line)).collect();
    assert_eq!(further, [("src/one.js", None), ("src/input.js", Some(2))]);
    assert_eq!(first.vulnerability.cwes, [89, 943]);
    assert_eq!(first.vulnerability.description.as_deref(), Some("**Long.**"));
    assert_eq!(first.vulnerability.remediation.as_deref(), Some("Use parameters."));
    assert_eq!(first.vulnerability.references, ["https://example.com/help"]);
    assert_eq!(first.scanner_fingerprints["primaryLocationLineHash"], "39fa2ee980eb94b0:1");
    assert_eq!(first.scanner_fingerprints["nested"], "abc");

    let second = &report.observations[1];
    assert_eq!(second.vulnerability.id, "EXT1/sub");
    assert_eq!((second.severity, second.scanner_severity.as_deref()), (Severity::Low, Some("note")));
    assert_eq!(second.suppression, Some(ReportedSuppression::Accepted));
    assert_eq!(second.title, "Emoji 😀 and \"quotes\" about the call.");
}

#[test]
fn results_that_are_no_weakness_are_counted_with_their_reason() {
    let report = read(&sample("whole.sarif")).unwrap();
    let left_out: Vec<_> = report.summary.left_out.iter().map(|one| (one.reason, one.count)).collect();
    assert_eq!(
        left_out,
        [("kind is `pass`: the check found nothing", 1), ("baselineState is `absent`: no longer there", 1),]
    );
}

#[test]
fn the_severity_comes_from_score_then_level_then_rule_then_default() {
    let rules = json!([
        { "id": "scored", "properties": { "security-severity": "5.0" }, "defaultConfiguration": { "level": "error" } },
        { "id": "noted", "defaultConfiguration": { "level": "note" } },
        { "id": "bare" },
    ]);
    for (result_of, expected) in [
        (json!({ "ruleId": "scored", "level": "error" }), Severity::Medium),
        (json!({ "ruleId": "scored", "properties": { "security-severity": 9.5 } }), Severity::Critical),
        (json!({ "ruleId": "scored", "properties": { "security-severity": "none" } }), Severity::Medium),
        (json!({ "ruleId": "noted" }), Severity::Low),
        (json!({ "ruleId": "noted", "level": "error" }), Severity::High),
        (json!({ "ruleId": "noted/sub" }), Severity::Low),
        (json!({ "ruleIndex": 1 }), Severity::Low),
        (json!({ "ruleId": "noted", "ruleIndex": 2 }), Severity::Low),
        (json!({ "ruleId": "bare" }), Severity::Medium),
        (json!({ "ruleId": "unlisted", "ruleIndex": -1 }), Severity::Medium),
        (json!({ "ruleId": "bare", "level": "none" }), Severity::Info),
        (json!({ "ruleId": "noted", "kind": "open" }), Severity::Info),
        (json!({ "ruleId": "bare", "level": "critical" }), Severity::Critical),
    ] {
        assert_eq!(result(rules.clone(), result_of.clone()).severity, expected, "{result_of}");
    }
}

#[test]
fn a_suppression_is_in_force_only_if_every_one_is_accepted() {
    for (suppressions, expected) in [
        (json!(null), None),
        (json!([]), None),
        (json!([{ "kind": "external" }]), Some(ReportedSuppression::Accepted)),
        (json!([{ "kind": "external", "status": "accepted" }]), Some(ReportedSuppression::Accepted)),
        (
            json!([{ "status": "accepted" }, { "status": "underReview" }]),
            Some(ReportedSuppression::NotInForce),
        ),
        (json!([{ "status": "rejected" }]), Some(ReportedSuppression::NotInForce)),
    ] {
        let observation = result(json!([]), json!({ "ruleId": "a", "suppressions": suppressions }));
        assert_eq!(observation.suppression, expected, "{suppressions}");
    }
}

#[test]
fn a_run_that_says_it_failed_is_refused_in_its_own_words() {
    let notification = json!([{ "level": "error", "message": { "text": "Out of memory." } }]);
    let failed = run(json!({ "invocations": [
        { "executionSuccessful": true },
        { "executionSuccessful": false, "toolExecutionNotifications": notification },
    ] }));
    assert_eq!(
        failed.unwrap_err().to_string(),
        "at runs[0]: Example says that its run failed: Out of memory; fix the scan and upload a report of a run that \
         succeeded"
    );
    let unclear = run(json!({ "invocations": [{ "toolConfigurationNotifications": notification }] }));
    assert!(matches!(unclear.unwrap_err().kind, ErrorKind::RunFailed { .. }));
    let silent = run(json!({ "invocations": [{ "executionSuccessful": false }] }));
    assert!(silent.unwrap_err().to_string().contains("it gives no reason"));
}

#[test]
fn absence_proves_nothing_where_a_rule_broke_or_nothing_was_scanned() {
    let notification = json!([{ "level": "error", "message": { "text": "Rule disabled." } }]);
    let broke = json!({ "invocations": [{ "executionSuccessful": true, "toolExecutionNotifications": notification }] });
    assert_eq!(run(broke).unwrap().runs[0].coverage.extent, CoverageExtent::Partial);
    assert_eq!(run(json!({ "results": null })).unwrap().runs[0].coverage.extent, CoverageExtent::Partial);
    assert_eq!(run(json!({})).unwrap().runs[0].coverage.extent, CoverageExtent::Full);
}

#[test]
fn a_report_without_a_run_or_with_an_unknown_version_is_refused() {
    let none = read(br#"{"version": "2.1.0", "runs": []}"#).unwrap_err();
    assert!(matches!(none.kind, ErrorKind::NoRun));
    let old = read(br#"{"version": "1.0.0", "runs": [{"tool": {"name": "x"}}]}"#).unwrap_err().to_string();
    assert!(
        old.starts_with("at version: this is SARIF 1.0.0; only the standard version 2.1.0 is read"),
        "{old}"
    );
    let nameless =
        read(br#"{"version": "2.1.0", "runs": [{"tool": {"driver": {}}}]}"#).unwrap_err().to_string();
    assert_eq!(nameless, "at runs[0]: the run does not name its tool (`tool.driver.name` is missing)");
}

#[test]
fn results_kept_in_another_file_are_refused() {
    let elsewhere = run(
        json!({ "externalPropertyFileReferences": { "results": [{ "location": { "uri": "r.json" } }] } }),
    );
    assert!(elsewhere.unwrap_err().to_string().contains("keeps its results in another file"));
    let harmless =
        run(json!({ "externalPropertyFileReferences": { "graphs": [{ "location": { "uri": "r.json" } }] } }));
    assert!(harmless.is_ok());
}

#[test]
fn each_run_of_a_file_is_a_scan_of_its_own() {
    let one = |name: &str, rule: &str| json!({ "tool": { "driver": { "name": name } }, "results": [{ "ruleId": rule }] });
    let log = json!({ "version": "2.1.0", "runs": [one("First", "a"), one("Second", "b")] });
    let report = read(log.to_string().as_bytes()).unwrap();
    assert_eq!(report.runs.iter().map(|run| run.scanner.as_str()).collect::<Vec<_>>(), ["First", "Second"]);
    assert_eq!(report.observations.len(), 2);
}

#[test]
fn a_secret_is_never_kept() {
    let place = json!([{ "physicalLocation": {
        "artifactLocation": { "uri": ".env" },
        "region": { "startLine": 3, "snippet": { "text": "TOKEN=hunter2-hunter2" } },
        "contextRegion": { "snippet": { "text": "A=1\nTOKEN=hunter2-hunter2" } }
    } }]);
    let found = json!({ "ruleId": "generic-token", "message": { "text": "Found TOKEN=hunter2-hunter2 here" }, "locations": place });
    let gitleaks = json!({ "driver": { "name": "gitleaks" } });
    let of_scanner = run(json!({ "tool": gitleaks, "results": [found.clone()] })).unwrap().only().clone();
    let of_tag = result(json!([{ "id": "generic-token", "properties": { "tags": ["secret"] } }]), found);
    for observation in [of_scanner, of_tag] {
        assert_eq!(observation.kind, FindingKind::Secret);
        assert_eq!(observation.location.start_line, Some(3));
        assert!(!format!("{observation:?}").contains("hunter2"), "{observation:#?}");
    }
}

#[test]
fn a_component_is_read_where_producers_name_it() {
    let trivy = result(
        json!([{ "id": "CVE-2021-36159", "name": "OsPackageVulnerability", "properties": { "security-severity": "9.1" } }]),
        json!({ "ruleId": "CVE-2021-36159", "message": { "text":
            "Package: apk-tools\nInstalled Version: 2.12.5-r1\nVulnerability CVE-2021-36159\nSeverity: CRITICAL\nFixed Version: 2.12.6-r0" } }),
    );
    let component = trivy.component.unwrap();
    assert_eq!(trivy.kind, FindingKind::Component);
    assert_eq!((component.name.as_str(), component.version.as_deref()), ("apk-tools", Some("2.12.5-r1")));
    assert_eq!(component.fixed_version.as_deref(), Some("2.12.6-r0"));

    let grype = result(
        json!([{ "id": "CVE-2024-1-npm", "properties": { "purls": ["pkg:npm/%40scope/name@1.2.3?x=y"] } }]),
        json!({ "ruleId": "CVE-2024-11111-name", "ruleIndex": 0, "message": { "text": "A vulnerability" } }),
    );
    let component = grype.component.unwrap();
    assert_eq!(grype.vulnerability.id, "CVE-2024-11111");
    assert_eq!((component.name.as_str(), component.version.as_deref()), ("@scope/name", Some("1.2.3")));
    assert_eq!(component.ecosystem.as_deref(), Some("npm"));
}

#[test]
fn cwes_and_advisories_are_found_in_ids_tags_classes_and_properties() {
    let observation = result(
        json!([{
            "id": "BDSA-1 (cve-2020-11022)", "name": "GHSA-35JH-R3H4-6JHM",
            "properties": { "tags": ["CWE-79", "external/cwe/cwe-080"], "cwe": "CWE-81: more" },
            "relationships": [{ "target": { "id": "82", "toolComponent": { "name": "CWE" } } }]
        }]),
        json!({ "ruleIndex": 0, "taxa": [{ "id": "CWE-83" }, { "id": "7", "toolComponent": { "name": "OWASP" } }],
                "properties": { "cwe": [84, "CWE-79"] } }),
    );
    assert_eq!(observation.vulnerability.cwes, [84, 79, 80, 81, 83, 82]);
    assert_eq!(observation.vulnerability.aliases, ["CVE-2020-11022", "GHSA-35jh-r3h4-6jhm"]);
}

#[test]
fn a_result_without_a_rule_is_named_by_what_does_not_change_in_its_message() {
    let first =
        result(json!([]), json!({ "message": { "text": "Method 'a1' of [B](1) is duplicated in line 12" } }));
    let second =
        result(json!([]), json!({ "message": { "text": "Method 'zz' of [C](1) is duplicated in line 99" } }));
    assert_eq!(first.vulnerability.id, "message:method-of-b-is-duplicated-in-line");
    assert_ne!(first.title, second.title);
    let silent = result(json!([]), json!({}));
    assert_eq!((silent.vulnerability.id.as_str(), silent.title.as_str()), ("no-rule", "no-rule"));
}

#[test]
fn oddities_of_real_producers_are_read() {
    let observation = result(
        json!([{ "id": "a", "name": "", "properties": [], "helpUri": "javascript:alert(1)", "help": null }]),
        json!({ "ruleId": " a ", "properties": [], "locations": [{ "physicalLocation": {
            "artifactLocation": { "uri": "" }, "region": { "startLine": 0, "endLine": "7", "startColumn": -1 } } }],
            "relatedLocations": null, "fingerprints": { "n": 5, "list": ["a", "b"], "none": null } }),
    );
    assert_eq!(observation.location, model::Location::default());
    assert!(observation.vulnerability.references.is_empty());
    assert_eq!(observation.vulnerability.id, "a");
    assert_eq!(observation.scanner_fingerprints.len(), 2);
}

/// Prints how fast it went; that memory stays flat follows from the sink, which keeps nothing.
#[test]
fn two_hundred_thousand_results_are_streamed() {
    const COUNT: u64 = 200_000;
    let mut log =
        String::from(r#"{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"Example"}},"results":["#);
    for number in 0..COUNT {
        let comma = if number == 0 { "" } else { "," };
        log.push_str(&format!(
            r#"{comma}{{"ruleId":"r{}","message":{{"text":"m{number}"}},"locations":[{{"physicalLocation":{{"artifactLocation":{{"uri":"src/{number}.c"}},"region":{{"startLine":1}}}}}}]}}"#,
            number % 50
        ));
    }
    log.push_str("]}]}");
    let mut events = 0;
    let begun = std::time::Instant::now();
    let mut sink = |_| {
        events += 1;
        Ok(())
    };
    let summary =
        reports::read(std::io::Cursor::new(log.as_bytes()), None, &reports::Limits::default(), &mut sink)
            .unwrap();
    println!("{} MB in {:?}", log.len() >> 20, begun.elapsed());
    assert_eq!((summary.observations, events), (COUNT, COUNT + 1));
}
