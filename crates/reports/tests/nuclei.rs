//! How Nuclei is read.

mod support;

use model::{FindingKind, Severity};
use reports::{ErrorKind, Format, Limits};
use support::{read, read_as};

const LINES: &str = r#"{"template-id": "missing-headers", "info": {"name": "Missing Headers", "severity": "info", "tags": ["misconfig", "http"], "reference": null}, "matcher-name": "x-frame-options", "type": "http", "host": "https://shop.example", "matched-at": "https://shop.example/", "timestamp": "2026-01-31T12:00:02Z", "request": "Cookie: hunter2", "extracted-results": ["hunter2"]}
{"template-id": "missing-headers", "info": {"name": "Missing Headers", "severity": "info"}, "matcher-name": "csp", "type": "http", "host": "https://shop.example", "matched-at": "https://shop.example/", "timestamp": "2026-01-31T12:00:01Z"}

{"templateID": "CVE-2026-1", "info": {"name": "SSH", "severity": "unknown", "tags": "network,ssh", "remediation": "Update.", "classification": {"cve-id": ["cve-2026-1"], "cwe-id": ["cwe-362", "nvd-cve-other"], "cvss-metrics": "CVSS:3.0/a", "cvss-score": 5.3}}, "type": "network", "host": "https://shop.example", "matched": "shop.example:22"}
{"template-id": "absent", "info": {"severity": "high"}, "matcher-status": false}
"#;

#[test]
fn each_line_is_a_result() {
    let report = read(LINES.as_bytes()).unwrap();
    assert_eq!(report.summary.format, Format::Nuclei);
    assert_eq!((report.summary.observations, report.summary.left_out[0].count), (3, 1));
    let scan = &report.runs[0];
    assert_eq!(scan.target.as_deref(), Some("https://shop.example"));
    assert_eq!(scan.started_at.unwrap().to_rfc3339(), "2026-01-31T12:00:01+00:00");
    let [frame, csp, ssh] = report.observations.as_slice() else { panic!() };
    assert_eq!(
        (frame.kind, frame.title.as_str()),
        (FindingKind::Web, "Missing Headers in https://shop.example/")
    );
    assert_eq!(
        (frame.location.logical.as_deref(), csp.location.logical.as_deref()),
        (Some("x-frame-options"), Some("csp"))
    );
    assert_eq!((ssh.kind, ssh.severity), (FindingKind::Host, Severity::Medium), "the score decides");
    assert_eq!(ssh.location.path, "shop.example:22");
    assert_eq!((ssh.vulnerability.cwes.as_slice(), ssh.vulnerability.tags.len()), (&[362][..], 2));
    assert!(!format!("{report:?}").contains("hunter2"), "requests and extracts may hold secrets");
}

#[test]
fn a_list_is_read_like_lines() {
    let list: Vec<&str> = LINES.lines().filter(|line| !line.is_empty()).collect();
    let list = read(format!("[{}]", list.join(",")).as_bytes()).unwrap();
    assert_eq!(list.observations, read(LINES.as_bytes()).unwrap().observations);
    let empty = read_as(b"[]", Some(Format::Nuclei), &Limits::default()).unwrap();
    assert_eq!((empty.summary.runs, empty.summary.results), (1, 0));
}

#[test]
fn a_broken_line_is_told_with_its_number() {
    let broken = format!("{LINES}{{\"template-id\": }}\n");
    let error = read(broken.as_bytes()).unwrap_err();
    assert_eq!(error.place.as_ref().unwrap().line, 6, "{error}");
    let other = format!("{LINES}{{\"a\": 1}}\n");
    let error = read(other.as_bytes()).unwrap_err();
    assert!(error.to_string().contains("no result of Nuclei"), "{error}");
    let cut = read(&LINES.as_bytes()[..LINES.len() - 10]).unwrap_err();
    assert!(matches!(cut.kind, ErrorKind::Truncated { .. }), "{cut}");
}
