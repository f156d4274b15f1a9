//! How Lockstep's own JSON and CSV are read, and what a writer is told.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails by panicking")]

mod support;

use model::{CoverageExtent, FindingKind, ReportedSuppression, Severity};
use reports::{ErrorKind, Format};
use serde_json::{Value, json};
use support::{read, sample};

/// What a writer is told about a document with one finding, changed by the given members.
fn told_about(finding: Value) -> String {
    let mut whole = json!({ "id": "A", "title": "t", "severity": "low" });
    for (key, value) in finding.as_object().unwrap() {
        whole[key] = value.clone();
    }
    let document = json!({ "lockstep": 1, "scanner": { "name": "s" }, "findings": [whole] });
    read(document.to_string().as_bytes()).unwrap_err().to_string()
}

#[test]
fn json_is_read_although_the_run_stands_behind_the_findings() {
    let report = read(&sample("generic.json")).unwrap();
    assert_eq!(report.summary.format, Format::GenericJson);
    let scan = &report.runs[0];
    assert_eq!((scan.scanner.as_str(), scan.scanner_version.as_deref()), ("example", Some("1.0")));
    assert_eq!((scan.configuration.as_deref(), scan.run_id.as_deref()), (Some("nightly"), Some("4711")));
    assert_eq!((scan.branch.as_deref(), scan.commit.as_deref()), (Some("main"), Some("0123abcd")));
    assert_eq!(scan.started_at.unwrap().to_rfc3339(), "2026-01-31T12:00:00+00:00");
    assert_eq!(scan.coverage.extent, CoverageExtent::Full);
    assert_eq!(scan.coverage.rules.as_deref(), Some(&["EX-1".to_owned(), "EX-2".to_owned()][..]));
    assert_eq!(scan.coverage.paths, ["src"]);

    let [query, lodash] = report.observations.as_slice() else { panic!() };
    assert_eq!(
        (query.kind, query.severity, query.location.end_line),
        (FindingKind::Code, Severity::High, Some(13))
    );
    assert_eq!(query.vulnerability.cwes, [89, 943]);
    assert_eq!(query.scanner_fingerprints["v1"], "abc");
    assert_eq!(query.related_locations[0].path, "src/input.js");
    assert_eq!((lodash.kind, lodash.severity), (FindingKind::Component, Severity::High));
    assert_eq!(lodash.suppression, Some(ReportedSuppression::Accepted));
    assert_eq!(lodash.vulnerability.aliases, ["GHSA-35jh-r3h4-6jhm"]);
}

#[test]
fn csv_is_read_with_semicolons_quotes_and_lists() {
    let report = read(&sample("generic.csv")).unwrap();
    assert_eq!(report.summary.format, Format::GenericCsv);
    assert_eq!(report.runs[0].scanner, "example");
    assert_eq!(report.runs[0].started_at.unwrap().to_rfc3339(), "2026-01-31T12:00:00+00:00");
    let [query, lodash] = report.observations.as_slice() else { panic!() };
    assert_eq!(query.message.as_deref(), Some("req.query flows; to \"db.run\"\r\nover two lines"));
    assert_eq!(query.vulnerability.cwes, [89, 943]);
    assert_eq!(query.location.start_line, Some(12));
    assert_eq!(lodash.kind, FindingKind::Component);
    assert_eq!(lodash.suppression, Some(ReportedSuppression::Accepted));
}

#[test]
fn both_formats_say_the_same() {
    let json = read(
        br#"{"lockstep": 1, "scanner": {"name": "generic-csv"}, "findings": [
            {"id": "A", "title": "T", "severity": "low", "path": "p", "start_line": 3, "tags": ["x", "y"]}]}"#,
    );
    let csv = read(b"ID, Title ,severity,path,start_line,tags\nA,T,low,p,3,x|y\n");
    let (json, csv) = (json.unwrap(), csv.unwrap());
    assert_eq!(json.observations, csv.observations);
    assert_eq!(json.runs, csv.runs);
}

#[test]
fn a_wrong_field_is_told_with_the_one_that_was_meant() {
    assert!(
        told_about(json!({ "Severty": "low" }))
            .contains("at findings[0].Severty: unknown field 'Severty': did you mean 'severity'?")
    );
    for (finding, reason) in [
        (
            json!({ "severity": "urgent" }),
            "'urgent' is not a severity: use critical, high, medium, low or info",
        ),
        (
            json!({ "severity": null }),
            "'severity' is missing, and there is no 'cvss_score' and no 'cvss_vector' that has one",
        ),
        (json!({ "title": " " }), "'title' is missing"),
        (json!({ "kind": "bug" }), "'bug' is not a kind of finding"),
        (json!({ "start_line": 0 }), "'0' is not a whole number from 1"),
        (json!({ "start_line": 5, "end_line": 4 }), "'end_line' is before 'start_line'"),
        (json!({ "cwes": ["SQL"] }), "'SQL' is not a CWE"),
        (json!({ "cvss_score": 11 }), "'11' is not a score from 0 to 10"),
        (json!({ "purl": "pkg:npm/a@1" }), "'purl' needs the name of its 'component'"),
        (json!({ "title": ["a", "b"] }), "'title' takes one value, found 2"),
        (json!({ "suppressed": "maybe" }), "'suppressed' takes true or false"),
    ] {
        let told = told_about(finding);
        assert!(told.contains("at findings[0]") && told.contains(reason), "{told}");
    }
}

#[test]
fn a_wrong_document_is_told() {
    for (document, reason) in [
        (
            json!({ "lockstep": 2, "scanner": { "name": "s" }, "findings": [] }),
            "version 2 of this format is not known",
        ),
        (json!({ "lockstep": 1, "scanner": { "name": "s" } }), "'findings' is missing"),
        (json!({ "lockstep": 1, "findings": [] }), "missing field `scanner`"),
        (
            json!({ "lockstep": 1, "scanner": { "name": " " }, "findings": [] }),
            "the name of the scanner is blank",
        ),
        (
            json!({ "lockstep": 1, "scanner": { "name": "s" }, "findings": [], "brnch": "x" }),
            "did you mean 'branch'?",
        ),
        (
            json!({ "lockstep": 1, "scanner": { "name": "s" }, "findings": [], "started_at": "today" }),
            "'today' is not a time",
        ),
    ] {
        let told = read(document.to_string().as_bytes()).unwrap_err().to_string();
        assert!(told.contains(reason), "{told}");
    }
    let failed = read(br#"{"lockstep": 1, "scanner": {"name": "s"}, "failed": "no disk", "findings": []}"#)
        .unwrap_err();
    assert_eq!(
        failed.to_string(),
        "at failed: s says that its run failed: no disk; fix the scan and upload a report of a run that succeeded"
    );
}

#[test]
fn a_wrong_row_is_told_with_line_and_column() {
    for (csv, expected) in [
        (
            "id,title,severty\nA,t,low\n",
            "line 1, column 3 (byte 0), at column 'severty': unknown column 'severty': did you mean 'severity'?",
        ),
        ("id,title,severity,id\n", "the column 'id' is there twice"),
        (
            "id,title,severity\nA,t,low\nB,t,urgent\n",
            "line 3, column 3 (byte 26), at column 'severity': 'urgent' is not a severity",
        ),
        ("id,title,severity\nA,t\n", "line 2, column 1 (byte 18): the row has 2 cells, the header has 3"),
        ("id,title,severity\n,t,low\n", "at column 'id': 'id' is missing"),
        ("id,title,severity\nA,\"t,low\n", "the file ends in the middle of a quoted cell"),
        ("id,title,severity\nA,t,low", "the file ends in the middle of a row"),
        (
            "id,title,severity,branch\nA,t,low,main\nB,t,low,dev\n",
            "'branch' was 'main' before and is 'dev' here",
        ),
    ] {
        let told = read(csv.as_bytes()).unwrap_err().to_string();
        assert!(told.contains(expected), "{told}\nexpected: {expected}");
    }
}

#[test]
fn a_table_without_rows_is_a_scan_that_found_nothing() {
    let report = read(b"id,title,severity\n").unwrap();
    assert_eq!((report.runs[0].scanner.as_str(), report.summary.results), ("generic-csv", 0));
    assert_eq!(read(b"id,title,severity\n\n,,\n").unwrap().summary.results, 0);
}

#[test]
fn a_quote_inside_a_cell_is_a_quote() {
    let report = read(b"id,title,severity\nA,5\" disk,low\nB,\"a \"\"b\"\"\",low\n").unwrap();
    let titles: Vec<_> = report.observations.iter().map(|one| one.title.as_str()).collect();
    assert_eq!(titles, ["5\" disk", "a \"b\""]);
}

#[test]
fn a_secret_keeps_no_snippet() {
    let report = read(
        br#"{"lockstep": 1, "scanner": {"name": "s"}, "findings": [{"id": "A", "title": "t", "severity": "low", "kind": "secret",
            "snippet": "hunter2", "related_locations": [{"path": "b", "snippet": "hunter2"}]}]}"#,
    );
    let report = report.unwrap();
    assert!(!format!("{:?}", report.only()).contains("hunter2"));
}

#[test]
fn an_unnamed_format_is_not_taken_for_one_of_ours() {
    let error = read(b"Title,Severity\nx,High\n").unwrap_err();
    assert!(matches!(error.kind, ErrorKind::UnknownFormat { .. }));
}
