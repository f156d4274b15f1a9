//! How OpenVEX is read.

mod support;

use model::{CoverageExtent, ReportedSuppression, Severity};
use reports::{ErrorKind, Format, Limits};
use support::{read, read_as};

const DOCUMENT: &str = r#"{
    "@context": "https://openvex.dev/ns/v0.2.0", "@id": "https://example.com/vex-1", "author": "Acme", "version": 2,
    "timestamp": "2026-01-31T12:00:00Z", "last_updated": "2026-02-01T12:00:00Z", "tooling": "vexctl/0.3",
    "statements": [
        {"vulnerability": {"name": "CVE-2026-1", "@id": "https://example.com/CVE-2026-1", "aliases": ["GHSA-aaaa-bbbb-cccc", "CVE-2026-1"]},
         "products": [{"@id": "pkg:apk/alpine/zlib@1.2?arch=x86_64"}, {"@id": "https://example.com/thing", "identifiers": {"purl": "pkg:npm/left-pad@1"}}],
         "status": "affected", "action_statement": "Update."},
        {"vulnerability": "CVE-2026-2", "products": ["pkg:oci/shop@sha256:1"], "status": "under_investigation"},
        {"vulnerability": {"name": "CVE-2026-3"}, "status": "not_affected", "justification": "vulnerable_code_not_present",
         "impact_statement": "It was removed.",
         "products": [{"@id": "pkg:oci/shop@sha256:1", "subcomponents": [{"@id": "pkg:deb/debian/curl@7"}, {"@id": "pkg:deb/debian/wget@1"}]}]},
        {"vulnerability": {"name": "CVE-2026-4"}, "products": [{"@id": "pkg:npm/a@2"}], "status": "fixed"}
    ]}"#;

#[test]
fn a_statement_is_a_result_for_each_product_it_names() {
    let report = read(DOCUMENT.as_bytes()).unwrap();
    assert_eq!(report.summary.format, Format::OpenVex);
    let scan = &report.runs[0];
    assert_eq!((scan.scanner.as_str(), scan.configuration.as_deref()), ("OpenVEX", Some("Acme")));
    assert_eq!(scan.coverage.extent, CoverageExtent::Partial, "it speaks of some vulnerabilities only");
    assert_eq!(scan.started_at.unwrap().to_rfc3339(), "2026-02-01T12:00:00+00:00");
    let named: Vec<_> = report
        .observations
        .iter()
        .map(|one| {
            let component = one.component.as_ref().unwrap();
            (one.vulnerability.id.as_str(), component.name.as_str(), one.location.path.as_str())
        })
        .collect();
    assert_eq!(
        named,
        [
            ("CVE-2026-1", "zlib", ""),
            ("CVE-2026-1", "left-pad", ""),
            ("CVE-2026-2", "shop", ""),
            ("CVE-2026-3", "curl", "shop"),
            ("CVE-2026-3", "wget", "shop"),
            ("CVE-2026-4", "a", ""),
        ]
    );
    let first = &report.observations[0];
    assert_eq!(first.vulnerability.aliases, ["GHSA-aaaa-bbbb-cccc"]);
    assert_eq!(first.vulnerability.remediation.as_deref(), Some("Update."));
    assert_eq!((first.severity, first.title.as_str()), (Severity::Info, "CVE-2026-1 in zlib 1.2"));
}

#[test]
fn not_affected_and_fixed_are_decisions() {
    let report = read(DOCUMENT.as_bytes()).unwrap();
    let decided: Vec<bool> = report
        .observations
        .iter()
        .map(|one| one.suppression == Some(ReportedSuppression::Accepted))
        .collect();
    assert_eq!(decided, [false, false, false, true, true, true]);
    assert_eq!(
        report.observations[3].message.as_deref(),
        Some("Status: not affected (vulnerable code not present).\nIt was removed.")
    );
}

#[test]
fn a_document_without_statements_is_read_and_a_wrong_one_refused() {
    let empty = read(br#"{"@context": "https://openvex.dev/ns", "statements": []}"#).unwrap();
    assert_eq!((empty.summary.runs, empty.summary.results), (1, 0));
    let wrong = read(br#"{"@context": "https://openvex.dev/ns", "statements": "none"}"#).unwrap_err();
    assert!(wrong.to_string().contains("at statements"), "{wrong}");
    let other = read_as(br#"{"a": 1}"#, Some(Format::OpenVex), &Limits::default()).unwrap_err();
    assert!(matches!(other.kind, ErrorKind::Invalid { .. }));
    let cut = read(&DOCUMENT.as_bytes()[..DOCUMENT.len() - 40]).unwrap_err();
    assert!(matches!(cut.kind, ErrorKind::Truncated { .. }), "{cut}");
}
