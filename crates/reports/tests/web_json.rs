//! How JSON reports on web applications are read: Burp Suite Enterprise and ZAP.

mod support;

use model::{CoverageExtent, FindingKind, Severity};
use reports::{ErrorKind, Format, Limits};
use support::{read, read_as};

const EVENTS: &str = r#"{"task_id": "3", "scan_status": "succeeded", "issue_events": [
    {"id": "0", "type": "issue_found", "issue": {"name": "Cross-site scripting", "type_index": 2097920, "serial_number": "77", "origin": "https://shop.example",
     "path": "/search", "caption": "/search [q parameter]", "severity": "high", "confidence": "certain", "description": "<p>It echoes.</p>",
     "evidence": [{"request_response": {"request": [{"data": "hunter2"}]}}]}},
    {"id": "1", "type": "crawl_finished", "issue": {"name": "x"}}]}"#;

#[test]
fn events_of_the_rest_api_become_observations() {
    let report = read(EVENTS.as_bytes()).unwrap();
    assert_eq!(report.summary.format, Format::BurpEnterprise);
    assert_eq!(report.runs[0].coverage.extent, CoverageExtent::Full);
    let only = report.only();
    assert_eq!((only.kind, only.severity), (FindingKind::Web, Severity::High));
    assert_eq!(
        (only.vulnerability.id.as_str(), only.location.path.as_str()),
        ("burp-2097920", "https://shop.example/search")
    );
    assert_eq!(only.message.as_deref(), Some("It echoes."));
    assert_eq!(only.scanner_fingerprints["burp/serialNumber"], "77");
    assert!(!format!("{report:?}").contains("hunter2"), "requests hold sessions");
    assert_eq!(report.summary.left_out[0].count, 1);
    let running = read(EVENTS.replace("succeeded", "auditing").as_bytes()).unwrap();
    assert_eq!(running.runs[0].coverage.extent, CoverageExtent::Partial);
    let failed = read(EVENTS.replace("succeeded", "failed").as_bytes()).unwrap_err();
    assert!(matches!(failed.kind, ErrorKind::RunFailed { .. }));
}

#[test]
fn issues_of_graphql_become_observations() {
    let report = read(
        br#"{"Issues": [{"issue_type": {"name": "TLS certificate", "description_html": "<p>About.</p>", "remediation_html": null,
            "vulnerability_classifications_html": "<a href=\"https://cwe.mitre.org/data/definitions/295.html\">CWE-295</a>", "references_html": "<a href=\"https://example.com/r\">r</a>"},
            "description_html": "d", "remediation_html": "Renew.", "severity": "medium", "path": "/", "origin": "https://shop.example", "serial_number": "1",
            "evidence": [{"request_segments": null}]}, {"issue_type": {"name": null}, "origin": "https://shop.example", "path": "/b"}]}"#,
    )
    .unwrap();
    let [tls, unnamed] = report.observations.as_slice() else { panic!() };
    assert_eq!(tls.title, "TLS certificate in https://shop.example/");
    assert_eq!(
        (tls.vulnerability.cwes.as_slice(), tls.vulnerability.remediation.as_deref()),
        (&[295][..], Some("Renew."))
    );
    assert!(tls.vulnerability.references.contains(&"https://example.com/r".to_owned()));
    assert_eq!((unnamed.vulnerability.id.as_str(), unnamed.severity), ("unnamed", Severity::Info));
    let empty = read(br#"{"Issues": []}"#).unwrap();
    assert_eq!((empty.summary.runs, empty.summary.results), (1, 0));
    let wrong = read_as(br#"{"a": []}"#, Some(Format::BurpEnterprise), &Limits::default()).unwrap_err();
    assert!(matches!(wrong.kind, ErrorKind::Invalid { .. }));
}

const ZAP: &str = r#"{"@programName": "ZAP", "@version": "2.15.0", "@generated": "Sat, 31 Jan 2026 12:00:00", "created": "2026-01-31T12:00:00Z", "site": [
    {"@name": "https://shop.example", "@host": "shop.example", "@port": "443", "@ssl": "true", "alerts": [
        {"pluginid": "40012", "alertRef": "40012", "alert": "XSS", "name": "Cross Site Scripting", "riskcode": "3", "confidence": "2", "riskdesc": "High (Medium)",
         "desc": "<p>About.</p>", "solution": "<p>Escape.</p>", "reference": "<p>https://example.com/x</p>", "cweid": "79", "wascid": "8", "count": "2",
         "instances": [{"id": "1", "uri": "https://shop.example/a?x=1", "method": "GET", "param": "q", "attack": "<a>", "evidence": "<a>"},
                       {"uri": "https://shop.example/b", "method": "POST", "param": ""}]},
        {"pluginid": "10", "name": "Off", "riskcode": "0", "confidence": "0", "instances": []}]},
    {"@name": "http://other.example", "alerts": []}]}"#;

#[test]
fn the_json_of_zap_is_read_like_its_xml() {
    let report = read(ZAP.as_bytes()).unwrap();
    assert_eq!(report.summary.format, Format::Zap);
    let scan = &report.runs[0];
    assert_eq!(scan.coverage.paths, ["https://shop.example", "http://other.example"]);
    assert_eq!((scan.scanner_version.as_deref(), scan.started_at.is_some()), (Some("2.15.0"), true));
    let [a, b, off] = report.observations.as_slice() else { panic!() };
    assert_eq!((a.kind, a.severity), (FindingKind::Web, Severity::High));
    assert_eq!((a.vulnerability.id.as_str(), a.vulnerability.cwes.as_slice()), ("zap-40012", &[79][..]));
    assert_eq!(
        (a.location.path.as_str(), a.location.logical.as_deref()),
        ("https://shop.example/a?x=1", Some("GET q"))
    );
    assert_eq!(b.location.path, "https://shop.example/b");
    assert!(off.suppression.is_some(), "a confidence of 0 is a false positive");
    let empty = read(br#"{"@programName": "ZAP", "site": []}"#).unwrap();
    assert_eq!((empty.summary.runs, empty.summary.results), (1, 0));
    let cut = read(&ZAP.as_bytes()[..ZAP.len() - 9]).unwrap_err();
    assert!(matches!(cut.kind, ErrorKind::Truncated { .. }), "{cut}");
}
