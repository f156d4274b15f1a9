//! How findings of AWS Security Hub are read.

mod support;

use model::{CoverageExtent, FindingKind, ReportedSuppression, Severity};
use reports::{ErrorKind, Format, Limits};
use support::{read, read_as};

const FINDINGS: &str = r#"{"Findings": [
    {"SchemaVersion": "2018-10-08", "Id": "arn:aws:inspector2:f/1", "ProductArn": "p", "GeneratorId": "AWSInspector",
     "AwsAccountId": "123", "ProductName": "Inspector", "Title": "CVE-2026-1 - a, b", "Description": "Reads too far.",
     "Types": ["Software and Configuration Checks/Vulnerabilities/CVE"], "Severity": {"Label": "HIGH"},
     "Resources": [{"Type": "AwsEc2Instance", "Id": "arn:aws:ec2:eu:123:instance/i-1"}],
     "Vulnerabilities": [{"Id": "CVE-2026-1", "ReferenceUrls": ["https://example.com/a"],
        "Cvss": [{"Version": "2.0", "BaseScore": 5, "BaseVector": "AV:N/AC:L/Au:N/C:P/I:N/A:N"},
                 {"Version": "3.1", "BaseScore": "7.5", "BaseVector": "CVSS:3.1/z"}],
        "VulnerablePackages": [
            {"Name": "a", "Version": "1", "Epoch": "2", "Release": "3", "PackageManager": "OS", "FixedInVersion": "0:4", "Remediation": "yum update a"},
            {"Name": "b", "Version": "1", "Epoch": "0", "PackageManager": "JAR", "FilePath": "/opt/b.jar"}]}]},
    {"Id": "c/1", "ProductArn": "p", "GeneratorId": "standard/IAM.5", "AwsAccountId": "123", "Title": "IAM.5 MFA",
     "Severity": {"Normalized": 40}, "Compliance": {"Status": "FAILED", "SecurityControlId": "IAM.5"},
     "Resources": [{"Type": "AwsIamUser", "Id": "arn:aws:iam::123:user/ann"}, {"Id": "arn:aws:iam::123:user/bob"}],
     "Workflow": {"Status": "SUPPRESSED"}, "RecordState": "ACTIVE"},
    {"Id": "c/2", "ProductArn": "p", "GeneratorId": "g", "AwsAccountId": "123", "Title": "t", "Compliance": {"Status": "PASSED"}},
    {"Id": "c/3", "ProductArn": "p", "GeneratorId": "g", "AwsAccountId": "123", "Title": "t", "RecordState": "ARCHIVED"}
]}"#;

#[test]
fn each_vulnerable_package_of_a_finding_is_a_result() {
    let report = read(FINDINGS.as_bytes()).unwrap();
    assert_eq!(report.summary.format, Format::Asff);
    assert_eq!(report.runs[0].target.as_deref(), Some("123"));
    let [a, b, control] = report.observations.as_slice() else { panic!() };
    assert_eq!(a.title, "CVE-2026-1: Reads too far in a 2:1-3");
    assert_eq!((a.kind, a.severity), (FindingKind::Component, Severity::High));
    assert_eq!(a.location.path, "arn:aws:ec2:eu:123:instance/i-1");
    let component = a.component.as_ref().unwrap();
    assert_eq!((component.ecosystem.as_deref(), component.fixed_version.as_deref()), (Some("os"), Some("4")));
    assert_eq!(a.vulnerability.remediation.as_deref(), Some("Upgrade a to 4.\nyum update a"));
    assert_eq!(a.vulnerability.cvss_vector.as_deref(), Some("CVSS:3.1/z"));
    assert_eq!(a.vulnerability.cvss_score, Some(7.5));
    assert_eq!(b.component.as_ref().unwrap().path.as_deref(), Some("/opt/b.jar"));
    assert_eq!(b.scanner_fingerprints["asff"], "arn:aws:inspector2:f/1");

    assert_eq!((control.kind, control.severity), (FindingKind::Misconfiguration, Severity::Medium));
    assert_eq!((control.vulnerability.id.as_str(), control.title.as_str()), ("IAM.5", "IAM.5 MFA in ann"));
    assert_eq!(control.related_locations[0].path, "arn:aws:iam::123:user/bob");
    assert_eq!(control.suppression, Some(ReportedSuppression::Accepted));
}

#[test]
fn controls_that_passed_and_archived_findings_are_counted() {
    let report = read(FINDINGS.as_bytes()).unwrap();
    let left_out: Vec<_> = report.summary.left_out.iter().map(|one| one.reason).collect();
    assert_eq!(left_out.len(), 2, "{left_out:?}");
    assert!(left_out[0].contains("PASSED") && left_out[1].contains("ARCHIVED"));
}

#[test]
fn a_page_with_a_token_for_the_next_proves_no_absence() {
    let page = FINDINGS.replacen('{', r#"{"NextToken": "more","#, 1);
    assert_eq!(read(page.as_bytes()).unwrap().runs[0].coverage.extent, CoverageExtent::Partial);
    let empty = read(br#"{"Findings": []}"#).unwrap();
    assert_eq!((empty.summary.results, empty.runs[0].coverage.extent), (0, CoverageExtent::Full));
}

#[test]
fn what_is_no_finding_is_refused() {
    let error = read_as(br#"[{"Id": "x"}]"#, Some(Format::Asff), &Limits::default()).unwrap_err();
    assert!(error.to_string().contains("at [0]: this is no finding"), "{error}");
    let error = read(br#"{"Findings": {"Id": "x"}}"#);
    assert!(error.is_err());
    let cut = read(&FINDINGS.as_bytes()[..FINDINGS.len() - 20]).unwrap_err();
    assert!(matches!(cut.kind, ErrorKind::Truncated { .. }), "{cut}");
}
