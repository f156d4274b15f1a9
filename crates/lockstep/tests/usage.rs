//! The command line without a server: what it accepts, how it ends.

mod support;

use support::{run, sarif};

#[test]
fn help_names_every_exit_code_and_every_noun_has_its_own_help() {
    let home = tempfile::tempdir().unwrap();
    let help = run(home.path(), &["--help"]).ends_with(0).out;
    for code in 0..=7 {
        assert!(help.contains(&format!("\n  {code}  ")), "{help}");
    }
    for noun in [
        "serve",
        "emulator",
        "login",
        "logout",
        "import",
        "inspect",
        "findings",
        "tickets",
        "scans",
        "plan",
        "apply",
        "undo",
        "reconcile",
        "connection",
        "destination",
        "rule",
        "config",
        "token",
    ] {
        assert!(help.contains(&format!("  {noun} ")), "{noun}");
        run(home.path(), &[noun, "--help"]).ends_with(0);
    }
}

#[test]
fn examples_are_in_the_help_of_what_people_type_most() {
    let home = tempfile::tempdir().unwrap();
    for command in [
        vec!["serve"],
        vec!["emulator"],
        vec!["import"],
        vec!["inspect"],
        vec!["findings", "list"],
        vec!["findings", "set-status"],
        vec!["tickets", "list"],
        vec!["tickets", "change-comment"],
        vec!["tickets", "delete-comment"],
        vec!["connection", "add"],
        vec!["destination", "add"],
        vec!["rule", "add"],
        vec!["config", "export"],
        vec!["config", "plan"],
        vec!["config", "apply"],
        vec!["token", "create"],
        vec!["plan"],
        vec!["apply"],
        vec!["undo"],
        vec!["reconcile"],
    ] {
        let mut args = command.clone();
        args.push("--help");
        assert!(run(home.path(), &args).ends_with(0).out.contains("Example"), "{command:?}");
    }
}

#[test]
fn a_command_line_that_makes_no_sense_ends_with_2() {
    let home = tempfile::tempdir().unwrap();
    for args in [
        vec!["fly"],
        vec!["import", "x.sarif"],
        vec!["import", "x.sarif", "--asset", "shop", "--fail-on", "news"],
        vec!["import", "x.sarif", "--asset", "shop", "--format", "pdf"],
        vec!["findings", "show", "not-an-id"],
        vec!["findings", "set-status", "018f0000-0000-7000-8000-000000000000", "gone"],
        vec!["findings", "list", "--limit", "0"],
        vec!["destination", "add", "--type", "Bug"],
        vec!["destination", "add", "--project", "p", "--type", "Bug", "--state", "done=New"],
        vec!["rule", "add", "--name", "r", "--severity-at-least", "huge"],
        vec!["connection", "add", "--organization", "contoso"],
        vec!["connection", "add", "--organization", "contoso", "--client-id", "x"],
        vec!["token", "create", "ci"],
        vec!["serve", "--bind", "nowhere"],
        vec!["serve", "--json"],
    ] {
        let ran = run(home.path(), &args).ends_with(2);
        assert!(ran.out.is_empty() && !ran.err.is_empty(), "{ran:?}");
    }
}

#[test]
fn a_server_that_is_not_there_ends_with_4_and_says_what_to_do() {
    let home = tempfile::tempdir().unwrap();
    let ran = run(home.path(), &["findings", "list", "--url", "http://127.0.0.1:9"]).ends_with(4);
    assert!(ran.out.is_empty());
    assert!(ran.err.contains("cannot be reached") && ran.err.contains("next: "), "{}", ran.err);
}

#[test]
fn inspect_says_what_is_in_a_report_without_a_server() {
    let home = tempfile::tempdir().unwrap();
    let report = home.path().join("report.sarif");
    std::fs::write(&report, sarif("run-1", "2026-01-01T00:00:00Z", &[("sql", "error"), ("xss", "warning")]))
        .unwrap();
    let report = report.to_str().unwrap();

    let text = run(home.path(), &["inspect", report]).ends_with(0).out;
    assert!(text.contains("scanner\tStoryteller") && text.contains("2 (1 critical, 1 medium)"), "{text}");
    let json = run(home.path(), &["inspect", report, "--json"]).ends_with(0).json();
    assert_eq!((json["format"].as_str(), json["observations"].as_u64()), (Some("sarif"), Some(2)));
    assert_eq!(json["severities"]["critical"], 1);

    let lines = run(home.path(), &["inspect", report, "--json", "--results"]).ends_with(0).out;
    let lines: Vec<serde_json::Value> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 4, "one run, two results, the summary");
    assert_eq!(lines[1]["observation"]["vulnerability"]["id"], "sql");
    assert!(lines[3]["summary"].is_object());
}

#[test]
fn inspect_refuses_a_broken_report_with_3_and_names_file_and_position() {
    let home = tempfile::tempdir().unwrap();
    let report = home.path().join("cut.sarif");
    let whole = sarif("run-1", "2026-01-01T00:00:00Z", &[("sql", "error")]);
    std::fs::write(&report, &whole[..whole.len() - 20]).unwrap();
    let ran = run(home.path(), &["inspect", report.to_str().unwrap()]).ends_with(3);
    assert!(ran.err.contains("cut.sarif") && ran.err.contains("line 1"), "{}", ran.err);
    run(home.path(), &["inspect", "missing.sarif"]).ends_with(3);
}

#[test]
fn the_description_of_the_api_is_the_committed_one() {
    let home = tempfile::tempdir().unwrap();
    let printed = run(home.path(), &["openapi"]).ends_with(0).out;
    let committed =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../server/openapi.json")).unwrap();
    assert_eq!(printed, committed);
}
