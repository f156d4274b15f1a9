//! How Trivy's JSON is read.

mod support;

use model::{FindingKind, Severity};
use reports::{ErrorKind, Format, Limits};
use support::{read, read_as, sample};

#[test]
fn the_four_kinds_of_results_become_observations() {
    let report = read(&sample("trivy.json")).unwrap();
    assert_eq!((report.summary.results, report.summary.observations), (8, 6));
    let scan = &report.runs[0];
    assert_eq!((scan.scanner.as_str(), scan.scanner_version.as_deref()), ("Trivy", Some("0.70.0")));
    assert_eq!(scan.target.as_deref(), Some("registry.example.com/web:1.4"));
    assert_eq!(scan.run_id.as_deref(), Some("019c8e79-cf0f-75cc-8c6e-b806652074c5"));
    assert_eq!(scan.started_at.unwrap().to_rfc3339(), "2026-01-31T12:00:00.123456789+00:00");

    let [openssl, zlib, lodash, dockerfile, token, licence] = report.observations.as_slice() else {
        panic!()
    };
    assert_eq!(openssl.title, "CVE-2024-1234: openssl: buffer overflow in openssl 3.0.1");
    assert_eq!((openssl.kind, openssl.severity), (FindingKind::Component, Severity::High));
    assert_eq!(openssl.location.path, "", "the image's tag is no place");
    let component = openssl.component.as_ref().unwrap();
    assert_eq!(
        (component.fixed_version.as_deref(), component.ecosystem.as_deref()),
        (Some("3.0.2"), Some("debian"))
    );
    assert_eq!(component.purl.as_deref(), Some("pkg:deb/debian/openssl@3.0.1"));
    let definition = &openssl.vulnerability;
    assert_eq!(
        (definition.cwes.as_slice(), definition.aliases.as_slice()),
        (&[787][..], &["GHSA-aaaa-bbbb-cccc".to_owned()][..])
    );
    assert_eq!(definition.cvss_vector.as_deref(), Some("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"));
    assert_eq!(definition.cvss_score, Some(9.8));
    assert_eq!(definition.references, ["https://avd.example.com/cve-2024-1234", "https://example.com/a"]);
    assert_eq!(definition.remediation.as_deref(), Some("Upgrade openssl to 3.0.2."));

    assert_eq!((zlib.severity, zlib.scanner_severity.as_deref()), (Severity::Info, Some("UNKNOWN")));
    assert_eq!(zlib.message.as_deref(), Some("The package has reached its end of life and gets no fixes."));
    assert_eq!(lodash.location.path, "app/package-lock.json");
    assert_eq!(lodash.component.as_ref().unwrap().path.as_deref(), Some("node_modules/lodash"));

    assert_eq!(dockerfile.kind, FindingKind::Misconfiguration);
    assert_eq!(
        (dockerfile.vulnerability.id.as_str(), dockerfile.vulnerability.aliases[0].as_str()),
        ("DS002", "AVD-DS-0002")
    );
    assert_eq!((dockerfile.location.start_line, dockerfile.location.end_line), (Some(3), Some(4)));
    assert_eq!(dockerfile.location.snippet.as_deref(), Some("RUN a\nRUN b"));

    assert_eq!((token.kind, token.location.start_line), (FindingKind::Secret, Some(24)));
    assert!(!format!("{token:?}").contains("hunter2"));

    assert_eq!((licence.kind, licence.vulnerability.id.as_str()), (FindingKind::License, "GPL-3.0"));
    assert_eq!((licence.title.as_str(), licence.location.path.as_str()), ("License GPL-3.0 in bash", ""));
}

#[test]
fn checks_that_passed_are_counted_and_left_out() {
    let report = read(&sample("trivy.json")).unwrap();
    let left_out: Vec<_> = report.summary.left_out.iter().map(|one| (one.reason, one.count)).collect();
    assert_eq!(
        left_out,
        [
            ("Status is `PASS`: the check found nothing", 1),
            ("Status is `EXCEPTION`: excepted in the scanner's policy", 1),
        ]
    );
}

#[test]
fn in_a_cluster_the_resource_is_part_of_the_place() {
    let report = read(&sample("cluster.json")).unwrap();
    assert_eq!(report.runs[0].target.as_deref(), Some("prod"));
    let paths: Vec<_> = report.observations.iter().map(|one| one.location.path.as_str()).collect();
    assert_eq!(
        paths,
        ["shop/Deployment/web", "shop/Deployment/web", "shop/Deployment/web/app/package-lock.json"]
    );
}

#[test]
fn the_bare_list_of_old_versions_is_read() {
    let report = read(br#" [{"Target": "a.lock", "Type": "npm", "Vulnerabilities": [{"VulnerabilityID": "CVE-2020-1234", "PkgName": "x"}]},
        {"Target": "b.lock", "Type": "npm", "Vulnerabilities": null}]"#);
    let report = report.unwrap();
    assert_eq!(report.summary.format, Format::Trivy);
    assert_eq!(report.only().location.path, "a.lock");
}

#[test]
fn a_report_without_results_is_a_scan_that_found_nothing() {
    let report = read(br#"{"SchemaVersion": 2, "ArtifactName": "web", "Results": null}"#).unwrap();
    assert_eq!((report.summary.runs, report.summary.results), (1, 0));
}

#[test]
fn the_newest_cvss_of_the_source_that_decided_is_taken() {
    let report = read(
        br#"{"SchemaVersion": 2, "ArtifactName": "web", "Results": [{"Target": "t", "Vulnerabilities": [
            {"VulnerabilityID": "A", "SeveritySource": "ghsa", "CVSS": {
                "aaa": {"V3Vector": "CVSS:3.1/first", "V3Score": 1.0},
                "ghsa": {"V3Vector": "CVSS:3.1/ghsa", "V3Score": 5.0},
                "nvd": {"V3Vector": "CVSS:3.1/nvd", "V3Score": 9.0, "V2Score": 10}}},
            {"VulnerabilityID": "B", "CVSS": {"zzz": {"V40Vector": "CVSS:4.0/x", "V40Score": 6.3}, "nvd": {"V3Score": 9.0}}}
        ]}]}"#,
    )
    .unwrap();
    let vectors: Vec<_> =
        report.observations.iter().map(|one| one.vulnerability.cvss_vector.as_deref().unwrap()).collect();
    assert_eq!(vectors, ["CVSS:3.1/ghsa", "CVSS:4.0/x"]);
    assert_eq!(report.observations[0].severity, Severity::Medium, "no word of Trivy: the score decides");
}

#[test]
fn a_wrong_value_names_its_place() {
    let error = read(br#"{"SchemaVersion": 2, "ArtifactName": "web", "Results": [{"Target": "t", "Vulnerabilities": [{"PkgName": "x"}]}]}"#);
    let told = error.unwrap_err().to_string();
    assert!(told.contains("at Results[0].Vulnerabilities[0]: missing field `VulnerabilityID`"), "{told}");
    let other = read_as(b"{\"a\": 1}", Some(Format::Trivy), &Limits::default()).unwrap_err();
    assert!(matches!(other.kind, ErrorKind::Invalid { .. }));
}
