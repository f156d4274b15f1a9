//! How reports of scanners of code are read: Semgrep, Bandit, Gitleaks.

mod support;

use model::{CoverageExtent, FindingKind, ReportedSuppression, Severity};
use reports::{ErrorKind, Format, Limits};
use support::{Report, read, read_as, sample};

fn read_sample(name: &str) -> Report {
    read(&sample(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn semgrep_names_rule_place_weakness_and_the_way_of_the_data() {
    let report = read_sample("semgrep.json");
    assert_eq!((report.summary.format, report.observations.len()), (Format::Semgrep, 3));
    assert_eq!(report.runs[0].scanner_version.as_deref(), Some("1.120.0"));
    assert_eq!(
        report.runs[0].coverage.extent,
        CoverageExtent::Full,
        "a file that cannot be parsed is a warning"
    );
    let md5 = &report.observations[0];
    assert_eq!((md5.kind, md5.severity), (FindingKind::Code, Severity::Medium));
    assert_eq!(md5.title, "MD5 is weak in app/hash.py");
    assert_eq!(
        (md5.location.path.as_str(), md5.location.start_line, md5.location.end_line),
        ("app/hash.py", Some(12), Some(13))
    );
    assert_eq!(md5.location.snippet.as_deref(), Some("    digest = md5(\n        data)"));
    assert_eq!(md5.vulnerability.cwes, [327]);
    assert_eq!(md5.vulnerability.remediation.as_deref(), Some("Replace with:\n\nsha256(data)"));
    assert_eq!(md5.vulnerability.references, ["https://example.com/md5", "https://sg.example.com/md5"]);
    assert_eq!(md5.scanner_fingerprints["semgrep"], "aa11_0");
    let way: Vec<_> = md5.related_locations.iter().map(|one| (one.path.as_str(), one.start_line)).collect();
    assert_eq!(way, [("app/input.py", Some(3)), ("app/hash.py", Some(9))]);
}

#[test]
fn a_credential_that_semgrep_quotes_is_taken_out() {
    let report = read_sample("semgrep.json");
    let token = &report.observations[1];
    assert_eq!((token.kind, token.severity), (FindingKind::Secret, Severity::High));
    assert_eq!(token.suppression, Some(ReportedSuppression::Accepted), "nosemgrep");
    assert_eq!(token.message.as_deref(), Some("A token was found: [removed]. Revoke it."));
    assert!(token.scanner_fingerprints.is_empty(), "'requires login' is no fingerprint");
    assert!(!format!("{token:?}").contains("hunter2"));
}

#[test]
fn a_dependency_that_semgrep_finds_is_a_component() {
    let report = read_sample("semgrep.json");
    let minimist = &report.observations[2];
    assert_eq!((minimist.kind, minimist.severity), (FindingKind::Component, Severity::Critical));
    assert_eq!(minimist.vulnerability.id, "CVE-2021-44906");
    assert_eq!(minimist.vulnerability.aliases, ["ssc-0123"]);
    let component = minimist.component.as_ref().unwrap();
    assert_eq!((component.name.as_str(), component.version.as_deref()), ("minimist", Some("1.2.5")));
    assert_eq!(component.fixed_version.as_deref(), Some("0.2.4, 1.2.6"));
    assert_eq!(
        (minimist.location.path.as_str(), minimist.location.start_line),
        ("web/package-lock.json", Some(41))
    );
}

#[test]
fn an_error_of_semgrep_makes_its_absence_prove_nothing() {
    let report =
        read(br#"{"results": [], "errors": [{"level": "error", "type": "Rule parse error"}]}"#).unwrap();
    assert_eq!((report.summary.results, report.runs[0].coverage.extent), (0, CoverageExtent::Partial));
    let clean = read(br#"{"errors": [], "results": []}"#).unwrap();
    assert_eq!((clean.summary.runs, clean.runs[0].coverage.extent), (1, CoverageExtent::Full));
}

#[test]
fn findings_of_semgreps_platform_keep_their_triage() {
    let report = read_sample("semgrep-platform.json");
    assert_eq!((report.summary.results, report.summary.observations), (3, 2));
    assert_eq!(report.summary.left_out[0].reason, "the platform calls it fixed or removed");
    let run = &report.runs[0];
    assert_eq!((run.target.as_deref(), run.branch.as_deref()), (Some("shop/web"), Some("main")));
    assert_eq!(run.coverage.extent, CoverageExtent::Partial, "a page of a list");
    let [open, ignored] = report.observations.as_slice() else { panic!() };
    assert_eq!(open.title, "`ref` usage found in src/a.ts");
    assert_eq!((open.severity, open.vulnerability.cwes.as_slice()), (Severity::Medium, &[79, 80][..]));
    assert_eq!(open.vulnerability.remediation.as_deref(), Some("Use state instead."));
    assert_eq!(ignored.suppression, Some(ReportedSuppression::Accepted));
}

#[test]
fn findings_of_several_repositories_keep_apart() {
    let text = String::from_utf8(sample("semgrep-platform.json")).unwrap();
    let report = read(text.replacen("shop/web", "shop/api", 1).as_bytes()).unwrap();
    assert_eq!(report.runs[0].target, None);
    let paths: Vec<_> = report.observations.iter().map(|one| one.location.path.as_str()).collect();
    assert_eq!(paths, ["shop/api/src/a.ts", "shop/web/src/b.ts"]);
}

#[test]
fn bandit_shows_the_lines_of_the_result_without_their_numbers() {
    let report = read_sample("bandit.json");
    assert_eq!(report.runs[0].started_at.unwrap().to_rfc3339(), "2026-01-31T12:00:00+00:00");
    let shell = &report.observations[0];
    assert_eq!((shell.kind, shell.severity), (FindingKind::Code, Severity::High));
    assert_eq!(shell.title, "Call with shell=True identified in app/run.py");
    assert_eq!(shell.location.snippet.as_deref(), Some("        run(cmd,\n            shell=True)"));
    assert_eq!(
        (shell.location.start_line, shell.location.end_line, shell.location.start_column),
        (Some(27), Some(28), Some(9))
    );
    assert_eq!(shell.vulnerability.cwes, [78]);
}

#[test]
fn a_password_that_bandit_quotes_is_taken_out() {
    let report = read_sample("bandit.json");
    let password = &report.observations[1];
    assert_eq!((password.kind, password.severity), (FindingKind::Secret, Severity::Low));
    assert_eq!(password.title, "Possible hardcoded password in app/config.py");
    assert!(!format!("{password:?}").contains("hunter2"));
}

#[test]
fn a_file_that_bandit_could_not_read_makes_absence_prove_nothing() {
    let text = String::from_utf8(sample("bandit.json")).unwrap();
    let broken =
        text.replace("\"errors\": []", r#""errors": [{"filename": "a.py", "reason": "syntax error"}]"#);
    assert_eq!(read(broken.as_bytes()).unwrap().runs[0].coverage.extent, CoverageExtent::Partial);
}

#[test]
fn gitleaks_tells_where_and_never_what() {
    for name in ["gitleaks.json", "gitleaks-7.json"] {
        let report = read_sample(name);
        assert_eq!(report.summary.format, Format::Gitleaks, "{name}");
        let told = format!("{:?}", report.observations);
        for kept_out in ["hunter2", "person@example.com", "A Person"] {
            assert!(!told.contains(kept_out), "{name}: {told}");
        }
        assert!(
            report
                .observations
                .iter()
                .all(|one| one.kind == FindingKind::Secret && one.severity == Severity::High)
        );
    }
    let report = read_sample("gitleaks.json");
    let token = &report.observations[0];
    assert_eq!(token.title, "Secret in the code: AWS access token in conf/aws.tf");
    assert_eq!(token.vulnerability.id, "aws-access-token");
    assert_eq!((token.location.start_line, token.location.start_column), (Some(2), Some(8)));
    assert_eq!(token.message.as_deref(), Some("Found in commit 9619c91b3fd2998be5d9ce198833d7ac9489d9bc."));
    assert_eq!(token.vulnerability.references, ["https://example.com/blob/9619/conf/aws.tf#L2"]);
    let old = &read_sample("gitleaks-7.json").observations[0];
    assert_eq!((old.vulnerability.id.as_str(), old.location.start_line), ("Generic token", Some(23)));
    assert_eq!(old.vulnerability.tags, ["key", "generic"]);
}

#[test]
fn an_empty_list_is_a_scan_of_gitleaks_if_people_say_so() {
    for empty in [&b"[]"[..], b"null\n"] {
        let report = read_as(empty, Some(Format::Gitleaks), &Limits::default()).unwrap();
        assert_eq!((report.summary.runs, report.summary.results), (1, 0));
        assert!(matches!(read(empty).unwrap_err().kind, ErrorKind::UnknownFormat { .. }));
    }
}

#[test]
fn hostile_texts_stay_texts_on_one_line() {
    let hostile = "<script>alert(1)</script>\\u0007\\n\\r=cmd|' /C calc'!A0";
    let long = "x".repeat(100_000);
    for (format, text) in [
        (
            Format::Semgrep,
            format!(
                r#"{{"results": [{{"check_id": "{hostile}", "path": "{long}", "extra": {{"message": "{long} {hostile}", "severity": "{hostile}"}}}}], "errors": []}}"#
            ),
        ),
        (
            Format::Bandit,
            format!(
                r#"{{"metrics": {{"_totals": {{}}}}, "generated_at": "{hostile}", "results": [{{"test_id": "{hostile}", "issue_text": "{long}", "filename": "{hostile}", "line_number": -5, "code": "{long}"}}]}}"#
            ),
        ),
        (
            Format::Gitleaks,
            format!(
                r#"[{{"RuleID": "{hostile}", "Description": "{hostile}", "File": "{hostile}", "Secret": "s", "StartLine": 1e30, "Commit": "{hostile}"}}]"#
            ),
        ),
    ] {
        let report = read_as(text.as_bytes(), Some(format), &Limits::default()).unwrap();
        let one = report.only();
        assert!(!one.title.contains(['\n', '\r', '\u{7}']), "{}", one.title);
        assert!(
            !one.vulnerability.id.contains(['\n', '\r', '\u{7}'])
                && one.vulnerability.id.chars().count() <= 500
        );
        assert!(one.location.path.chars().count() <= 4_000);
        assert!(one.message.as_ref().is_none_or(|message| message.chars().count() <= 20_000));
    }
}

#[test]
fn a_wrong_shape_names_place_and_reason() {
    for (text, format, told) in [
        (
            r#"{"results": {"a": {}}, "errors": []}"#,
            Format::Semgrep,
            "at results: invalid type: map, expected a list",
        ),
        (
            r#"{"results": [{"path": "x"}], "errors": []}"#,
            Format::Semgrep,
            "at results[0]: missing field `check_id`",
        ),
        (r#"{"results": [5], "errors": []}"#, Format::Semgrep, "a result must be an object"),
        (
            r#"{"metrics": {}, "results": [{"test_id": "B1"}]}"#,
            Format::Bandit,
            "at results[0]: missing field `issue_text`",
        ),
        (r#"{"results": []}"#, Format::Bandit, "`bandit -f json`"),
        (r#"[{"a": 1}]"#, Format::Gitleaks, "at [0]: data did not match"),
        (r#"{"a": 1}"#, Format::Gitleaks, "a Gitleaks report is a list"),
    ] {
        let error = read_as(text.as_bytes(), Some(format), &Limits::default()).unwrap_err().to_string();
        assert!(error.contains(told), "{text}: {error}");
    }
}

#[test]
fn checkov_reads_checks_of_files_secrets_and_packages() {
    let report = read_sample("checkov.json");
    assert_eq!((report.summary.results, report.summary.observations), (5, 4));
    assert_eq!(report.summary.left_out[0].reason, "the check passed");
    assert_eq!(report.runs[0].scanner_version.as_deref(), Some("3.2.1"));
    let [database, skipped, secret, django] = report.observations.as_slice() else { panic!() };
    assert_eq!((database.kind, database.severity), (FindingKind::Misconfiguration, Severity::Medium));
    assert_eq!(database.title, "Ensure the database has IAM authentication enabled in aws/db.tf");
    assert_eq!((database.location.start_line, database.location.end_line), (Some(1), Some(2)));
    assert_eq!(database.location.logical.as_deref(), Some("aws_db_instance.main"));
    assert_eq!(database.location.snippet.as_deref(), Some("resource \"db\" \"main\" {\n}"));
    assert_eq!(skipped.suppression, Some(ReportedSuppression::Accepted));
    assert_eq!((skipped.message.as_deref(), skipped.location.start_line), (Some("test data"), None));
    assert_eq!((secret.kind, secret.severity), (FindingKind::Secret, Severity::High));
    let told = format!("{secret:?}");
    assert!(
        !told.contains("hunter2") && !told.contains("da39a3ee"),
        "neither the secret nor its hash: {told}"
    );
    assert_eq!((django.kind, django.vulnerability.id.as_str()), (FindingKind::Component, "CVE-2022-1"));
    assert_eq!(django.component.as_ref().and_then(|one| one.fixed_version.as_deref()), Some("2.2.28"));
}

#[test]
fn checkov_with_nothing_to_check_is_a_scan() {
    let report =
        read(br#"{"passed": 0, "failed": 0, "skipped": 0, "parsing_errors": 0, "checkov_version": "3.2.1"}"#);
    assert_eq!(report.unwrap().summary.results, 0);
    let broken = String::from_utf8(sample("checkov.json")).unwrap();
    let broken = broken.replacen("\"parsing_errors\": []", "\"parsing_errors\": [\"/x.tf\"]", 1);
    assert_eq!(read(broken.as_bytes()).unwrap().runs[0].coverage.extent, CoverageExtent::Partial);
}

#[test]
fn a_secret_with_more_variables_than_any_rule_has_keeps_no_message() {
    let variables: Vec<String> =
        (0..100_000).map(|n| format!(r#""$V{n}": {{"abstract_content": "value{n}"}}"#)).collect();
    let text = format!(
        r#"{{"results": [{{"check_id": "a.secrets.token", "path": "x", "extra": {{"message": "{} value7", "metavars": {{{}}}}}}}], "errors": []}}"#,
        "m".repeat(10_000),
        variables.join(",")
    );
    let report = read_as(text.as_bytes(), Some(Format::Semgrep), &Limits::default()).unwrap();
    assert_eq!((report.only().kind, report.only().message.as_deref()), (FindingKind::Secret, None));
    assert_eq!(report.only().title, "token in x");
}
