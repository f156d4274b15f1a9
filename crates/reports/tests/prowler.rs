//! How Prowler is read in its spellings.

mod support;

use model::{FindingKind, ReportedSuppression, Severity};
use reports::{ErrorKind, Format, Limits};
use support::{Report, read, read_as};

const VERSION_2: &str = r#"{"Profile": "p", "Account Number": "123", "Control": "[check11] Avoid the root account (Scored)", "Message": "eu-1: Root was used", "Severity": "High", "Status": "FAIL", "Region": "eu-1", "Timestamp": "2026-01-31T12:00:00Z", "Service": "iam", "Risk": "r", "Remediation": "do it", "Doc link": "https://example.com/d", "Resource ID": "root"}
{"Account Number": "123", "Control": "[check12] Other", "Message": "eu-1: fine", "Severity": "Low", "Status": "Pass", "Region": "eu-1"}
{"Account Number": "123", "Control": "[check13] Other", "Message": "eu-1: told", "Severity": "Low", "Status": "Info", "Region": "eu-1"}
"#;

const VERSION_3: &str = r#"[{"AssessmentStartTime": "2026-01-31T12:00:00.5", "FindingUniqueId": "u-1", "CheckID": "acm_expiry", "CheckTitle": "Certificates expire",
    "ServiceName": "acm", "Status": "FAIL", "StatusExtended": "It expires in 7 days.", "Severity": "high", "ResourceType": "Cert", "Description": "d", "Risk": "r",
    "RelatedUrl": "https://example.com/u", "Remediation": {"Code": {"CLI": ""}, "Recommendation": {"Text": "Renew it", "Url": "https://example.com/r"}},
    "AccountId": "123", "Region": "eu-1", "ResourceId": "api", "ResourceArn": "arn:aws:acm:eu-1:123:certificate/f"}]"#;

const OCSF: &str = r#"[{"metadata": {"event_code": "acm_expiry", "product": {"name": "Prowler", "version": "5.1"}}, "severity": "High", "status": "New", "status_code": "FAIL",
    "status_detail": "It expires in 7 days.", "finding_info": {"title": "Certificates expire", "desc": "d", "uid": "u-1"}, "time": 1769860800,
    "resources": [{"uid": "arn:aws:acm:eu-1:123:certificate/f", "name": "api", "type": "Cert", "region": "eu-1", "group": {"name": "acm"}}],
    "cloud": {"account": {"uid": "123"}}, "risk_details": "r", "remediation": {"desc": "Renew it", "references": ["https://example.com/r"]}},
    {"metadata": {"event_code": "acm_expiry", "product": {"name": "Prowler"}}, "severity": "High", "status": "Suppressed", "status_code": "FAIL", "resources": [{"uid": "arn:b"}]},
    {"metadata": {"event_code": "other", "product": {"name": "Prowler"}}, "severity": "Low", "status_code": "PASS"},
    {"metadata": {"event_code": "third", "product": {"name": "Prowler"}}, "severity": "Low", "status_code": "MANUAL"}]"#;

const CSV: &str = "ACCOUNT_UID;TIMESTAMP;FINDING_UID;CHECK_ID;CHECK_TITLE;STATUS;STATUS_EXTENDED;MUTED;SERVICE_NAME;SEVERITY;RESOURCE_TYPE;RESOURCE_UID;RESOURCE_NAME;REGION;DESCRIPTION;RISK;REMEDIATION_RECOMMENDATION_TEXT;REMEDIATION_RECOMMENDATION_URL;PROWLER_VERSION\n\
123;2026-01-31 12:00:00.5;u-1;acm_expiry;Certificates expire;FAIL;It expires in 7 days.;False;acm;high;Cert;arn:aws:acm:eu-1:123:certificate/f;api;eu-1;d;r;Renew it;https://example.com/r;5.1\n\
123;2026-01-31 12:00:00.5;u-2;acm_expiry;Certificates expire;FAIL;t;True;acm;high;Cert;arn:b;b;eu-1;d;r;;;5.1\n";

const CSV_2: &str = "PROFILE,ACCOUNT_NUM,REGION,TITLE_ID,CHECK_RESULT,TITLE_TEXT,CHECK_RESULT_EXTENDED,CHECK_SEVERITY,CHECK_SERVICENAME,CHECK_RISK,CHECK_REMEDIATION,CHECK_DOC\n\
,123,eu-1,1.1,FAIL,[check11] Avoid the root account (Scored),Root was used,High,iam,r,do it,https://example.com/d\n\
,123,eu-1,1.2,PASS,[check12] Other (Not Scored),fine,Low,iam,,,\n";

fn certificate(report: &Report) {
    let first = &report.observations[0];
    assert_eq!(report.summary.format, Format::Prowler);
    assert_eq!((first.kind, first.severity), (FindingKind::Misconfiguration, Severity::High));
    assert_eq!(
        (first.vulnerability.id.as_str(), first.title.as_str()),
        ("acm_expiry", "Certificates expire in api")
    );
    assert_eq!(first.location.path, "arn:aws:acm:eu-1:123:certificate/f");
    assert_eq!(first.message.as_deref(), Some("It expires in 7 days."));
    assert_eq!(first.vulnerability.description.as_deref(), Some("d\n\nr"));
    assert_eq!(first.vulnerability.remediation.as_deref(), Some("Renew it"));
    assert_eq!(first.vulnerability.references[0], "https://example.com/r");
    assert_eq!(first.scanner_fingerprints["prowler"], "u-1");
    assert_eq!(report.runs[0].target.as_deref(), Some("123"));
    let started = report.runs[0].started_at.map(|at| at.to_rfc3339()).unwrap_or_default();
    assert!(started.starts_with("2026-01-31T12:00:00"), "{started}");
}

#[test]
fn the_same_result_is_the_same_in_every_spelling() {
    certificate(&read(VERSION_3.as_bytes()).unwrap());
    let ocsf = read(OCSF.as_bytes()).unwrap();
    certificate(&ocsf);
    let csv = read(CSV.as_bytes()).unwrap();
    certificate(&csv);
    for report in [ocsf, csv] {
        assert_eq!(report.runs[0].scanner_version.as_deref(), Some("5.1"));
        assert_eq!(report.observations[1].suppression, Some(ReportedSuppression::Accepted), "muted");
    }
}

#[test]
fn version_2_has_its_id_in_the_title() {
    for text in [VERSION_2, CSV_2] {
        let report = read(text.as_bytes()).unwrap();
        assert_eq!(report.summary.format, Format::Prowler);
        let only = report.only();
        assert_eq!(
            (only.vulnerability.id.as_str(), only.vulnerability.name.as_deref()),
            ("check11", Some("Avoid the root account"))
        );
        assert_eq!(only.message.as_deref(), Some("Root was used"));
        assert!(only.location.path.starts_with("123/eu-1"));
        assert_eq!(only.vulnerability.references, ["https://example.com/d"]);
    }
}

#[test]
fn what_passed_is_counted_and_tells_which_checks_ran() {
    let report = read(OCSF.as_bytes()).unwrap();
    let left_out: Vec<_> = report.summary.left_out.iter().map(|one| one.reason).collect();
    assert_eq!(left_out.len(), 2, "{left_out:?}");
    let rules = report.runs[0].coverage.rules.clone().unwrap();
    assert_eq!(rules, ["acm_expiry", "other", "third"]);
    let failures_only = read(VERSION_3.as_bytes()).unwrap();
    assert_eq!(failures_only.runs[0].coverage.rules, None, "what passed may have been filtered out");
}

#[test]
fn what_is_no_result_of_prowler_is_refused() {
    let error = read_as(br#"[{"a": 1}]"#, Some(Format::Prowler), &Limits::default()).unwrap_err();
    assert!(error.to_string().contains("at [0]: this is no result of Prowler"), "{error}");
    let cut = read(&OCSF.as_bytes()[..OCSF.len() - 9]).unwrap_err();
    assert!(matches!(cut.kind, ErrorKind::Truncated { .. }), "{cut}");
    let empty = read_as(b"[]", Some(Format::Prowler), &Limits::default()).unwrap();
    assert_eq!((empty.summary.runs, empty.summary.results), (1, 0));
}
