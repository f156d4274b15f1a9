//! How reports of scanners of packages are read: npm audit, Grype, OSV-Scanner, pip-audit, cargo-audit.

mod support;

use model::{FindingKind, Severity};
use reports::{ErrorKind, Format, Limits};
use support::{Report, read, read_as, sample};

fn read_sample(name: &str) -> Report {
    read(&sample(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Id, component, version and severity of each.
fn told(report: &Report) -> Vec<(&str, &str, &str, Severity)> {
    let each = report.observations.iter().map(|one| {
        let component = one.component.as_ref().expect("every result here has a component");
        let version = component.version.as_deref().unwrap_or("-");
        (one.vulnerability.id.as_str(), component.name.as_str(), version, one.severity)
    });
    each.collect()
}

#[test]
fn npm_reports_each_advisory_of_a_package_and_packages_that_need_it() {
    let report = read_sample("npm-audit.json");
    assert_eq!(
        told(&report),
        [
            ("GHSA-aaaa-bbbb-cccc", "debug", "-", Severity::Medium),
            ("npm:7", "debug", "-", Severity::High),
            ("npm:depends-on-vulnerable", "tool", "-", Severity::High),
        ]
    );
    let [redos, other, tool] = report.observations.as_slice() else { panic!() };
    assert_eq!(redos.title, "GHSA-aaaa-bbbb-cccc: Regular expression denial of service in debug");
    assert_eq!(redos.component.as_ref().unwrap().fixed_version.as_deref(), Some("4.3.1"));
    assert_eq!(redos.vulnerability.remediation.as_deref(), Some("Install tool 3.0.0 (a new major version)."));
    assert_eq!(
        (redos.vulnerability.cvss_score, redos.vulnerability.cwes.as_slice()),
        (Some(5.3), &[400][..])
    );
    assert_eq!(redos.location.path, "", "where npm puts a package changes with others");
    assert_eq!(redos.related_locations[1].path, "node_modules/debug");
    assert_eq!(
        other.component.as_ref().unwrap().fixed_version,
        None,
        "the last version of the range is vulnerable"
    );
    assert_eq!(tool.title, "tool depends on vulnerable versions of debug");
    assert_eq!(tool.vulnerability.tags, ["direct"]);
}

#[test]
fn npm_6_reports_each_installed_version_of_an_advisory() {
    let report = read_sample("npm-audit-1.json");
    assert_eq!(report.summary.format, Format::NpmAudit);
    assert_eq!(report.runs[0].run_id.as_deref(), Some("run-118"));
    assert_eq!(
        told(&report),
        [
            ("GHSA-dddd-eeee-ffff", "minimatch", "0.3.0", Severity::High),
            ("GHSA-dddd-eeee-ffff", "minimatch", "2.0.10", Severity::High),
        ]
    );
    let first = &report.observations[0];
    assert_eq!(first.vulnerability.aliases, ["CVE-2016-10540"]);
    assert_eq!(first.component.as_ref().unwrap().fixed_version.as_deref(), Some("3.0.2"));
    assert_eq!(first.vulnerability.references[0], "https://npmjs.example.com/advisories/118");
}

#[test]
fn an_audit_that_npm_could_not_do_is_no_scan() {
    let error = read(br#"{"error": {"code": "ENOLOCK", "summary": "This command requires an existing lockfile.", "detail": ""}}"#);
    let error = error.unwrap_err();
    assert!(
        matches!(&error.kind, ErrorKind::RunFailed { message, .. } if message.starts_with("ENOLOCK: ")),
        "{error}"
    );
    let error = read(br#"{"auditReportVersion": 9, "vulnerabilities": {}}"#).unwrap_err().to_string();
    assert!(error.contains("at auditReportVersion: version 9"), "{error}");
    let empty = read(br#"{"auditReportVersion": 2, "vulnerabilities": {}, "metadata": {}}"#).unwrap();
    assert_eq!((empty.summary.runs, empty.summary.results), (1, 0));
}

#[test]
fn grype_knows_component_place_and_fix() {
    let report = read_sample("grype.json");
    let run = &report.runs[0];
    assert_eq!(
        (run.target.as_deref(), run.scanner_version.as_deref()),
        (Some("registry.example.com/web:1.4"), Some("0.96.0"))
    );
    assert_eq!(run.started_at.unwrap().to_rfc3339(), "2026-01-31T11:00:00.500+00:00");
    assert_eq!(
        told(&report),
        [
            ("GHSA-aaaa-bbbb-cccc", "golang.org/x/net", "v0.9.0", Severity::High),
            ("CVE-2011-3389", "libgnutls30", "3.6.7", Severity::Info),
        ]
    );
    assert_eq!(report.summary.left_out[0].count, 1, "a match that Grype's configuration ignores");
    let [net, gnutls] = report.observations.as_slice() else { panic!() };
    assert_eq!(
        net.title,
        "GHSA-aaaa-bbbb-cccc: HTTP/2 rapid reset can cause excessive work in golang.org/x/net v0.9.0"
    );
    assert_eq!(net.vulnerability.aliases, ["CVE-2023-39325"]);
    assert_eq!(
        net.vulnerability.cvss_vector.as_deref(),
        Some("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H")
    );
    assert_eq!(
        (net.location.path.as_str(), net.related_locations[0].path.as_str()),
        ("/app/go.mod", "/other/go.mod")
    );
    assert_eq!(net.vulnerability.remediation.as_deref(), Some("Upgrade golang.org/x/net to 0.17.0."));
    assert_eq!(gnutls.message.as_deref(), Some("The vendor will not fix this."));
    assert_eq!(gnutls.component.as_ref().unwrap().purl, None);
}

#[test]
fn old_grype_is_read() {
    let report = read(
        br#"{"matches": [{"vulnerability": {"id": "CVE-1", "severity": "Unknown", "links": ["https://example.com/1"], "fixedInVersion": "2",
            "cvssV2": {"baseScore": 4.3, "vector": "AV:N/AC:M/Au:N/C:P/I:N/A:N"}}, "matchDetails": {"matcher": "m"},
            "artifact": {"name": "a", "version": "1"}}], "source": {"type": "directory", "target": "\".\""}, "descriptor": {"name": "grype"}}"#,
    )
    .unwrap();
    let one = report.only();
    assert_eq!((one.severity, one.vulnerability.cvss_score), (Severity::Medium, Some(4.3)));
    assert_eq!(one.component.as_ref().unwrap().fixed_version.as_deref(), Some("2"));
    assert_eq!(report.runs[0].target.as_deref(), Some("."));
}

#[test]
fn osv_scanner_knows_the_file_of_each_package() {
    let report = read_sample("osv-scanner.json");
    assert_eq!(
        told(&report),
        [
            ("GHSA-aaaa-bbbb-cccc", "minimist", "1.2.5", Severity::Critical),
            ("MAL-2023-1", "minimist", "1.2.5", Severity::Critical),
            ("GPL-3.0", "minimist", "1.2.5", Severity::Medium),
            ("GO-2022-1144", "stdlib", "1.19.0", Severity::Medium),
        ]
    );
    let pollution = &report.observations[0];
    assert_eq!(pollution.location.path, "web/package-lock.json");
    assert_eq!(report.observations[3].location.path, "api/go.mod");
    let component = pollution.component.as_ref().unwrap();
    assert_eq!(component.fixed_version.as_deref(), Some("1.2.6, 0.2.4"));
    assert_eq!(component.purl.as_deref(), Some("pkg:npm/minimist@1.2.5"));
    assert_eq!(
        (pollution.vulnerability.cvss_score, pollution.vulnerability.cwes.as_slice()),
        (Some(9.8), &[1321][..])
    );
    assert_eq!(report.observations[1].vulnerability.cwes, [506]);
    assert_eq!(report.observations[2].kind, FindingKind::License);
}

#[test]
fn pip_audit_is_read_with_and_without_the_object_around_it() {
    let text = String::from_utf8(sample("pip-audit.json")).unwrap();
    let bare =
        text.trim().trim_start_matches("{\n  \"dependencies\":").trim_end_matches(",\n  \"fixes\": []\n}");
    for text in [text.as_str(), bare] {
        let report = read(text.as_bytes()).unwrap();
        assert_eq!(report.summary.format, Format::PipAudit);
        assert_eq!(
            told(&report),
            [
                ("PYSEC-2021-76", "aiohttp", "3.6.2", Severity::Medium),
                ("GHSA-aaaa-bbbb-cccc", "aiohttp", "3.6.2", Severity::Medium),
            ]
        );
        assert_eq!(report.observations[0].title, "PYSEC-2021-76: Open redirect in aiohttp in aiohttp 3.6.2");
        assert_eq!(report.observations[0].vulnerability.aliases, ["CVE-2021-21330"]);
    }
    let empty = read(br#"{"dependencies": []}"#).unwrap();
    assert_eq!((empty.summary.runs, empty.summary.results), (1, 0));
}

#[test]
fn cargo_audit_is_rated_by_its_vector_and_keeps_warnings() {
    let report = read_sample("cargo-audit.json");
    assert_eq!(
        told(&report),
        [
            ("RUSTSEC-2026-0047", "sys", "0.36.0", Severity::High),
            ("RUSTSEC-2026-0048", "other", "1.0.0", Severity::High),
            ("RUSTSEC-2020-0001", "old", "0.1.0", Severity::Low),
            ("cargo:yanked", "gone", "0.2.0", Severity::Low),
        ]
    );
    let rated = &report.observations[0];
    assert_eq!(rated.vulnerability.cvss_score, Some(7.5));
    assert_eq!(rated.component.as_ref().unwrap().fixed_version.as_deref(), Some("0.38.0"));
    assert_eq!(rated.vulnerability.references[0], "https://rustsec.org/advisories/RUSTSEC-2026-0047.html");
    assert_eq!(
        report.observations[3].title,
        "cargo:yanked: This version was taken back by its authors (yanked) in gone 0.2.0"
    );
}

#[test]
fn a_wrong_shape_names_place_and_reason() {
    for (text, format, told) in [
        (
            r#"{"matches": [{"vulnerability": {"id": "A"}}]}"#,
            Format::Grype,
            "at matches[0]: missing field `artifact`",
        ),
        (r#"{"matches": {"a": {}}}"#, Format::Grype, "at matches: invalid type: map, expected a list"),
        (r#"{"source": {}}"#, Format::Grype, "the list `matches`"),
        (
            r#"{"auditReportVersion": 2, "vulnerabilities": [{}]}"#,
            Format::NpmAudit,
            "at vulnerabilities[0]: invalid type: sequence, expected an object",
        ),
        (r#"{"vulnerabilities": {"list": [{"package": {}}]}}"#, Format::CargoAudit, "missing field `name`"),
        (r#"{"vulnerabilities": {}}"#, Format::CargoAudit, "`vulnerabilities.list`"),
        (
            r#"{"dependencies": [{"vulns": []}]}"#,
            Format::PipAudit,
            "at dependencies[0]: missing field `name`",
        ),
        (r#"{"results": [{"check_id": 1}]}"#, Format::OsvScanner, "`results` with `packages`"),
        (
            r#"{"results": [{"source": {}, "packages": [{"vulnerabilities": [{}]}]}]}"#,
            Format::OsvScanner,
            "at results[0].packages[0].vulnerabilities[0]: missing field `id`",
        ),
    ] {
        let error = read_as(text.as_bytes(), Some(format), &Limits::default()).unwrap_err().to_string();
        assert!(error.contains(told), "{text}: {error}");
    }
}

#[test]
fn snyk_tells_the_way_to_a_package_and_the_upgrade_of_the_direct_one() {
    let report = read_sample("snyk.json");
    assert_eq!((report.summary.results, report.summary.observations), (5, 4));
    assert_eq!(report.summary.left_out[0].reason, "ignored by the project's Snyk policy");
    let [xxe, license, lodash, open] = report.observations.as_slice() else { panic!() };
    assert_eq!(
        xxe.title,
        "SNYK-JAVA-XMLSEC-460281: XML External Entity (XXE) Injection in org.example:xmlsec 2.1.1"
    );
    assert_eq!((xxe.kind, xxe.severity), (FindingKind::Component, Severity::Medium));
    assert_eq!(xxe.vulnerability.aliases, ["CVE-2019-12400", "GHSA-aaaa-bbbb-cccc"]);
    assert_eq!(
        xxe.vulnerability.remediation.as_deref(),
        Some("Upgrade the direct dependency to org.example:ws@2.3.")
    );
    assert_eq!(xxe.location.path, "app/pom.xml");
    assert_eq!(
        xxe.message.as_deref(),
        Some("Introduced through: com.test:app@1.0.0 > org.example:ws@2.0 > org.example:xmlsec@2.1.1")
    );
    assert_eq!(
        (license.kind, license.vulnerability.tags.as_slice()),
        (FindingKind::License, &["GPL-3.0".to_owned()][..])
    );
    assert_eq!(
        (lodash.location.path.as_str(), lodash.severity),
        ("/srv/web/package.json", Severity::Critical)
    );
    assert!(lodash.suppression.is_some());
    assert_eq!(lodash.component.as_ref().unwrap().fixed_version.as_deref(), Some("4.17.21"));
    assert_eq!((open.kind, open.location.start_line), (FindingKind::Misconfiguration, Some(12)));
    assert_eq!(open.location.logical.as_deref(), Some("resource.aws_security_group[open].ingress"));
    assert_eq!(open.vulnerability.remediation.as_deref(), Some("Set a range."));
}

#[test]
fn a_project_that_snyk_could_not_test_is_no_scan_and_makes_others_partial() {
    let failed = r#"{"ok": false, "error": "Could not detect package manager", "path": "/x"}"#;
    let error = read(failed.as_bytes()).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::RunFailed { .. }), "{error}");
    let report = read(
        format!(r#"[{{"vulnerabilities": [], "ok": true, "dependencyCount": 1}}, {failed}]"#).as_bytes(),
    );
    let report = report.unwrap();
    assert_eq!((report.summary.results, report.runs[0].coverage.extent), (0, model::CoverageExtent::Partial));
}

#[test]
fn issues_of_snyks_api_keep_their_status() {
    let report = read_sample("snyk-issues.json");
    assert_eq!(
        (report.summary.format, report.summary.results, report.summary.observations),
        (Format::SnykIssues, 3, 2)
    );
    assert_eq!(report.runs[0].coverage.extent, model::CoverageExtent::Partial);
    let [csrf, redos] = report.observations.as_slice() else { panic!() };
    assert_eq!(
        (csrf.kind, csrf.severity, csrf.vulnerability.cwes.as_slice()),
        (FindingKind::Code, Severity::High, &[352][..])
    );
    assert_eq!(
        (csrf.location.path.as_str(), csrf.location.start_line, csrf.location.end_line),
        ("src/a.cs", Some(65), Some(71))
    );
    assert_eq!(
        (redos.vulnerability.id.as_str(), redos.vulnerability.aliases.as_slice()),
        ("SNYK-JS-MS-1", &["CVE-2017-1".to_owned()][..])
    );
    assert!(redos.suppression.is_some());
}

#[test]
fn govulncheck_tells_each_vulnerability_as_near_to_the_code_as_it_knows() {
    let report = read_sample("govulncheck.json");
    assert_eq!((report.summary.results, report.summary.observations), (4, 2));
    assert_eq!(report.runs[0].target.as_deref(), Some("example.com/shop"));
    let [called, required] = report.observations.as_slice() else { panic!() };
    assert_eq!(called.title, "GO-2026-0001: Memory growth in net/http in stdlib v1.24.4");
    assert_eq!((called.severity, required.severity), (Severity::High, Severity::Low));
    assert_eq!(called.message.as_deref(), Some("The code calls net/http.Server.ListenAndServe."));
    assert_eq!(
        (called.related_locations[0].path.as_str(), called.related_locations[0].start_line),
        ("main.go", Some(22))
    );
    assert_eq!(called.component.as_ref().unwrap().path.as_deref(), Some("net/http"));
    assert_eq!(called.vulnerability.aliases, ["CVE-2026-1"]);
    assert_eq!(required.title, "GO-2026-0002 in example.com/dep v0.1.0");
}

#[test]
fn govulncheck_is_read_as_a_stream_too() {
    let list: Vec<serde_json::Value> = serde_json::from_slice(&sample("govulncheck.json")).unwrap();
    let stream: String = list.iter().map(|message| format!("{message:#}\n")).collect();
    let report = read(stream.as_bytes()).unwrap();
    assert_eq!(report.observations, read_sample("govulncheck.json").observations);
    let cut = read(&stream.as_bytes()[..stream.len() - 10]).unwrap_err();
    assert!(matches!(cut.kind, ErrorKind::Truncated { .. }), "{cut}");
}

#[test]
fn govulncheck_before_1_0_is_read() {
    let report = read(
        br#"{"Calls": {"Functions": {}, "Entries": []}, "Imports": {}, "Requires": {"Modules": {"1": {"Path": "stdlib", "Version": "v1.19.0"}}},
            "Vulns": [{"OSV": {"id": "GO-2022-1144", "aliases": ["CVE-2022-41717"]}, "Symbol": "Serve", "PkgPath": "net/http", "ModPath": "stdlib",
            "CallSink": 0, "ImportSink": 57, "RequireSink": 1}], "Modules": []}"#,
    )
    .unwrap();
    assert_eq!(told(&report), [("GO-2022-1144", "stdlib", "v1.19.0", Severity::Medium)]);
}
