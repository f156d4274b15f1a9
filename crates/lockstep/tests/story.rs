//! A pipeline, an AppSec engineer and a board: the command line against a real server and a local Azure DevOps.

mod support;

use std::io::Write as _;
use std::process::Stdio;

use serde_json::{Value, json};
use support::{Stage, sarif};

const MONDAY: &str = "2026-01-05T01:00:00Z";
const TUESDAY: &str = "2026-01-06T01:00:00Z";

#[test]
fn a_pipeline_imports_and_its_verdict_is_the_same_when_it_tries_again() {
    let stage = Stage::set();
    let token = stage.lockstep(&["token", "create", "ci", "--role", "importer"]).ends_with(0).out;
    let token = token.trim();
    let monday =
        stage.file("monday.sarif", &sarif("monday", MONDAY, &[("sql", "error"), ("xss", "warning")]));
    let plan = |more: &[&str]| {
        let args = [&["import", &monday, "--asset", "shop", "--plan"], more].concat();
        stage.command(&args).env("LOCKSTEP_TOKEN", token).output().unwrap()
    };
    let planned = plan(&["--fail-on", "new and severity>=high", "--json"]);
    let said: Value = serde_json::from_slice(&planned.stdout).unwrap();
    assert_eq!(planned.status.code(), Some(1), "the verdict is known before anything is imported: {said:#}");
    assert_eq!((said["import"]["new"]["critical"].as_u64(), said["create"].as_u64()), (Some(1), Some(0)));
    let planned = plan(&[]);
    let said = String::from_utf8(planned.stdout).unwrap();
    assert!(said.contains("Importing 2 results into shop would do this:"), "{said}");
    assert_eq!(stage.lockstep(&["scans", "list", "--json"]).ends_with(0).json(), json!([]));

    let import = |fail_on: &str| {
        let ran = stage
            .command(&["import", &monday, "--asset", "shop", "--tag", "web", "--fail-on", fail_on, "--json"])
            .env("LOCKSTEP_TOKEN", token)
            .output()
            .unwrap();
        (ran.status.code(), serde_json::from_slice::<serde_json::Value>(&ran.stdout).unwrap())
    };
    let (code, job) = import("new and severity>=high");
    assert_eq!(code, Some(1), "{job:#}");
    assert_eq!(
        (job["import"]["new"]["critical"].as_u64(), job["verdict"]["matching"].as_u64()),
        (Some(1), Some(1))
    );

    let (code, again) = import("new and severity>=high");
    assert_eq!(again["import"]["already_imported"], true);
    assert_eq!(code, Some(1), "the same report cannot pass by being sent twice: {again:#}");
    let planned = plan(&["--fail-on", "new and severity>=high"]);
    assert_eq!(planned.status.code(), Some(1), "nor by being planned");
    let said = String::from_utf8(planned.stdout).unwrap();
    assert!(said.contains("imported before; nothing would change"), "{said}");
    let (code, _) = import("regressed");
    assert_eq!(code, Some(0));

    let refused = stage.command(&["rule", "list"]).env("LOCKSTEP_TOKEN", "lst_wrong").output().unwrap();
    assert_eq!(refused.status.code(), Some(6));
    let refused = stage
        .command(&["rule", "add", "--name", "x", "--yes"])
        .env("LOCKSTEP_TOKEN", token)
        .output()
        .unwrap();
    assert_eq!(refused.status.code(), Some(6), "importers make no rules");
}

#[test]
fn findings_leave_as_files_that_are_whole_or_not_there_at_all() {
    let stage = Stage::set();
    let monday =
        stage.file("monday.sarif", &sarif("monday", MONDAY, &[("sql", "error"), ("xss", "warning")]));
    stage.lockstep(&["import", &monday, "--asset", "shop", "--wait"]).ends_with(0);

    let export = |args: &[&str]| stage.lockstep(&[&["findings", "export", "--format"], args].concat());
    let table = export(&["csv", "--status", "open"]).ends_with(0).out;
    assert!(table.starts_with("id,asset,title,") && table.lines().count() == 3, "{table}");
    let list = export(&["json", "--severity", "critical", "--asset", "SHOP"]).ends_with(0).json();
    assert_eq!(list.as_array().unwrap().len(), 1);
    assert_eq!(export(&["openvex"]).ends_with(0).json()["statements"], serde_json::json!([]));

    let file = stage.home.path().join("open.sarif");
    std::fs::write(&file, "of last week").unwrap();
    let path = file.display().to_string();
    assert_eq!(export(&["sarif", "--output", &path]).ends_with(0).out, "");
    let inspected = stage.lockstep(&["inspect", &path, "--json"]).ends_with(0).out;
    assert!(inspected.contains("Lockstep") && inspected.contains("sarif"), "{inspected}");

    // What is refused changes no file.
    let whole = std::fs::read(&file).unwrap();
    let refused = export(&["sarif", "--status", "gone", "--output", &path]).ends_with(3);
    assert!(refused.err.contains("next: "), "{}", refused.err);
    assert_eq!(std::fs::read(&file).unwrap(), whole);
    export(&["pdf"]).ends_with(2);
    let folder = stage.home.path().join("nowhere/open.sarif").display().to_string();
    export(&["sarif", "--output", &folder]).ends_with(2);
    let device = export(&["csv", "--output", "/dev/null"]).ends_with(2);
    assert!(device.err.contains("is no file"), "{}", device.err);
}

#[test]
fn a_finding_becomes_a_work_item_and_a_decision_closes_it() {
    let stage = Stage::set();
    stage.connect();
    let not_asked =
        stage.lockstep(&["rule", "add", "--name", "urgent", "--severity-at-least", "high"]).ends_with(2);
    assert!(not_asked.err.contains("--yes"), "{}", not_asked.err);
    stage.lockstep(&["rule", "add", "--name", "urgent", "--severity-at-least", "high", "--yes"]).ends_with(0);

    let monday =
        stage.file("monday.sarif", &sarif("monday", MONDAY, &[("sql", "error"), ("xss", "warning")]));
    let imported = stage.lockstep(&["import", &monday, "--asset", "shop", "--wait"]).ends_with(0);
    assert!(imported.out.contains("new\t2 (1 critical, 1 medium)"), "{}", imported.out);

    let tickets = stage.until(&["tickets", "list", "--json"], |out| out.contains("\"in_step\""));
    let tickets = tickets.json();
    assert_eq!(tickets.as_array().unwrap().len(), 1, "only the critical one has a ticket: {tickets:#}");
    let number = tickets[0]["work_item"]["id"].as_i64().unwrap();
    let by_number = stage.lockstep(&["tickets", "show", &format!("#{number}")]).ends_with(0).out;
    assert!(by_number.contains("health\tin_step") && by_number.contains("state\tNew"), "{by_number}");
    let proof = stage.file("proof.txt", "GET /?q=' OR 1=1");
    stage.lockstep(&["tickets", "attach", &number.to_string(), &proof]).ends_with(0);
    stage.until(&["tickets", "attachments", &number.to_string()], |out| out.contains("on the board"));
    let log = stage.lockstep(&["tickets", "log", &number.to_string()]).ends_with(0).out;
    assert!(!log.is_empty());

    let findings =
        stage.lockstep(&["findings", "list", "--severity", "critical", "--asset", "SHOP", "--json"]);
    let id = findings.ends_with(0).json()[0]["id"].as_str().unwrap().to_owned();
    let no_reason = stage.lockstep(&["findings", "set-status", &id, "false_positive"]).ends_with(3);
    assert!(no_reason.err.contains("next: "), "{}", no_reason.err);
    let set =
        stage.lockstep(&["findings", "set-status", &id, "false_positive", "--reason", "checked by hand"]);
    assert!(set.ends_with(0).out.contains("False Positive"));
    let history = stage.lockstep(&["findings", "history", &id]).ends_with(0).out;
    assert!(history.contains("admin"), "the person is the cause: {history}");

    stage.lockstep(&["reconcile", "--wait"]).ends_with(0);
    stage.until(&["tickets", "show", &number.to_string()], |out| out.contains("state\tClosed"));
    let plan = stage.lockstep(&["plan", "--json"]).ends_with(0).json();
    assert_eq!((plan["create"].as_u64(), plan["update"].as_u64()), (Some(0), Some(0)), "{plan:#}");
}

#[test]
fn what_was_said_on_a_ticket_is_changed_and_taken_back_by_who_said_it() {
    let stage = Stage::set();
    stage.connect();
    stage.lockstep(&["rule", "add", "--name", "all", "--yes"]).ends_with(0);
    let monday = stage.file("monday.sarif", &sarif("monday", MONDAY, &[("sql", "error")]));
    stage.lockstep(&["import", &monday, "--asset", "shop", "--wait"]).ends_with(0);
    let tickets = stage.until(&["tickets", "list", "--json"], |out| out.contains("\"in_step\"")).json();
    let number = tickets[0]["work_item"]["id"].to_string();
    let comments = ["tickets", "comments", number.as_str()];

    stage.lockstep(&["tickets", "comment", &number, "The fix is in reveiw."]).ends_with(0);
    let carried = stage.until(&comments, |out| out.contains("on the board")).out;
    let id = carried.split('\t').next().unwrap();
    let changed =
        stage.lockstep(&["tickets", "change-comment", &number, id, "The fix is in review.", "--json"]);
    assert_eq!(changed.ends_with(0).json()[0]["text"], "The fix is in review.");
    stage.until(&comments, |out| out.contains("on the board") && out.contains("in review."));

    let others = stage.lockstep(&["token", "create", "bot", "--role", "analyst"]).ends_with(0).out;
    let refused = stage
        .command(&["tickets", "change-comment", &number, id, "Mine now."])
        .env("LOCKSTEP_TOKEN", others.trim())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(3), "{said}");
    assert!(said.contains("admin wrote this comment") && said.contains("next: "), "{said}");

    let not_asked = stage.lockstep(&["tickets", "delete-comment", &number, id]).ends_with(2);
    assert!(not_asked.err.contains("--yes"), "{}", not_asked.err);
    stage.lockstep(&["tickets", "delete-comment", &number, id, "--yes"]).ends_with(0);
    let left = stage.lockstep(&comments).ends_with(0).out;
    assert!(!left.contains(id), "{left}");
    stage.lockstep(&["tickets", "delete-comment", &number, id, "--yes"]).ends_with(3);
}

#[test]
fn a_plan_in_a_file_is_looked_at_applied_in_shadow_mode_and_undone() {
    let stage = Stage::set();
    stage.connect();
    let connection = stage.lockstep(&["connection", "list", "--json"]).ends_with(0).json();
    let connection = connection[0]["id"].as_str().unwrap().to_owned();
    stage.lockstep(&["connection", "shadow", &connection]).ends_with(0);
    stage.lockstep(&["rule", "add", "--name", "all", "--severity-at-least", "low", "--yes"]).ends_with(0);
    let monday =
        stage.file("monday.sarif", &sarif("monday", MONDAY, &[("sql", "error"), ("xss", "warning")]));
    stage.lockstep(&["import", &monday, "--asset", "shop", "--wait"]).ends_with(0);
    stage.until(&["tickets", "list", "--json"], |out| out.matches("\"health\"").count() == 2);

    let file = stage.file("plan.json", "");
    let planned = stage.lockstep(&["plan", "--output", &file]).ends_with(0);
    assert!(planned.err.contains("2 to create") && planned.err.contains("lockstep apply"), "{}", planned.err);
    let not_asked = stage.lockstep(&["apply", &file]).ends_with(2);
    assert!(not_asked.err.contains("--yes") && not_asked.out.contains("create"), "{}", not_asked.err);
    let json = stage.lockstep(&["apply", &file, "--json"]).ends_with(2);
    assert!(json.err.contains("--yes"), "{}", json.err);
    let applied = stage.lockstep(&["apply", &file, "--yes", "--json"]).ends_with(0).json();
    let rows = applied["tickets"].as_array().unwrap();
    assert!(rows.len() == 2 && rows.iter().all(|row| row["state"] == "applied"), "{applied:#}");
    let again = stage.lockstep(&["apply", &file, "--yes"]).ends_with(1);
    assert!(again.out.contains("refused") && again.err.contains("0 applied, 2 refused"), "{}", again.out);

    let id = applied["id"].as_str().unwrap();
    let listed = stage.lockstep(&["undo"]).ends_with(0).out;
    assert!(listed.contains(id), "{listed}");
    let undone = stage.lockstep(&["undo", id, "--yes"]).ends_with(0);
    assert!(undone.err.contains("2 put back, 0 refused"), "{}", undone.err);
    let waits = stage.lockstep(&["tickets", "list", "--json"]).ends_with(0).json();
    assert!(waits.as_array().unwrap().iter().all(|ticket| ticket["health"] == "parked"), "{waits:#}");

    let broken = stage.file("broken.json", "{\"lockstep_plan\": 2}");
    let refused = stage.lockstep(&["apply", &broken, "--yes"]).ends_with(3);
    assert!(refused.err.contains("its version is 2, not 1"), "{}", refused.err);
}

#[test]
fn findings_get_a_work_item_by_hand_and_tickets_are_closed_with_one_state() {
    let stage = Stage::set();
    stage.connect();
    let monday =
        stage.file("monday.sarif", &sarif("monday", MONDAY, &[("sql", "error"), ("xss", "warning")]));
    stage.lockstep(&["import", &monday, "--asset", "shop", "--wait"]).ends_with(0);
    let findings = stage.lockstep(&["findings", "list", "--json"]).ends_with(0).json();
    let id = |at: usize| findings[at]["id"].as_str().unwrap().to_owned();
    let destinations = stage.lockstep(&["destination", "list", "--json"]).ends_with(0).json();
    let destination = destinations[0]["id"].as_str().unwrap();
    let refused = stage
        .lockstep(&["tickets", "create", &id(0), "--destination", destination, "--state", "Closed"])
        .ends_with(3);
    assert!(refused.err.contains("New, Active"), "{}", refused.err);
    stage.lockstep(&["tickets", "create", &id(0), "--state", "Active"]).ends_with(0);
    stage.lockstep(&["tickets", "create", &id(1)]).ends_with(0);
    let both = |out: &str| out.matches("\"in_step\"").count() == 2;
    let tickets = stage.until(&["tickets", "list", "--json"], both).json();
    let numbers: Vec<String> =
        (0..2).map(|at| tickets[at]["work_item"]["id"].as_i64().unwrap().to_string()).collect();
    let offered = stage.lockstep(&["tickets", "close", &numbers[0], &numbers[1]]).ends_with(0).out;
    assert!(offered.contains("Closed (claimed)"), "{offered}");
    let close =
        ["tickets", "close", &numbers[0], &numbers[1], "--state", "Closed", "--reason", "in 2.1", "--yes"];
    let closed = stage.lockstep(&close).ends_with(0).out;
    assert_eq!(closed.matches("on its way").count(), 2, "{closed}");
    stage.until(&["tickets", "show", &numbers[0]], |out| out.contains("state\tClosed"));
    stage.until(&["tickets", "show", &numbers[1]], |out| out.contains("state\tClosed"));
    stage.lockstep(&["tickets", "push", &numbers[0]]).ends_with(0);
    stage.lockstep(&["tickets", "release", &numbers[0]]).ends_with(2);
    let released =
        stage.lockstep(&["tickets", "release", &numbers[0], "--yes", "--json"]).ends_with(0).json();
    assert_eq!(released["health"], "released");

    let password = stage.file("password.txt", "a long enough one");
    let add = ["user", "add", "dana", "--role", "developer", "--password-file", &password];
    stage.lockstep(&add).ends_with(0);
    let users = stage.lockstep(&["user", "change", "Dana", "--address", "dana@contoso.com"]).ends_with(0).out;
    assert!(users.contains("developer\tdana@contoso.com"), "{users}");
    stage.lockstep(&["user", "remove", "dana", "--yes"]).ends_with(0);
}

#[test]
fn templates_are_tried_saved_and_used_by_a_destination() {
    let stage = Stage::set();
    stage.connect();
    let monday = stage.file("monday.sarif", &sarif("monday", MONDAY, &[("sql", "error")]));
    stage.lockstep(&["import", &monday, "--asset", "shop", "--wait"]).ends_with(0);
    let standard = stage.lockstep(&["template", "show", "standard", "--part", "block"]).ends_with(0).out;
    assert!(standard.contains("{{ how_to_verify() }}"), "{standard}");

    let title = stage.file("title.txt", "Weakness: {{ first.titel }}");
    let tried = stage.lockstep(&["template", "preview", "--title", &title]).ends_with(3).out;
    assert!(tried.contains("problem: title, line 1: there is no 'first.titel'"), "{tried}");
    let refused = stage.lockstep(&["template", "save", "ours", "--title", &title]).ends_with(3);
    assert!(refused.err.contains("title, line 1"), "{}", refused.err);

    let title = stage.file("title.txt", "Weakness: {{ first.title }}");
    let tried = stage.lockstep(&["template", "preview", "--title", &title]).ends_with(0).out;
    assert!(tried.contains("title\tWeakness: "), "{tried}");
    stage.lockstep(&["template", "save", "ours", "--title", &title]).ends_with(0);
    stage.lockstep(&["template", "save", "OURS", "--replace", "[0-9]{16}"]).ends_with(0);
    let shown = stage.lockstep(&["template", "show", "ours", "--json"]).ends_with(0).json();
    assert_eq!(shown["title"], "Weakness: {{ first.title }}", "what is not named stays");
    assert_eq!(shown["redaction"]["replace"][0], "[0-9]{16}");

    let destinations = stage.lockstep(&["destination", "list", "--json"]).ends_with(0).json();
    let destination = destinations[0]["id"].as_str().unwrap();
    stage.lockstep(&["template", "use", "ours", "--destination", destination]).ends_with(0);
    stage.lockstep(&["template", "remove", "ours", "--yes"]).ends_with(3);
    stage.lockstep(&["rule", "add", "--name", "all", "--yes"]).ends_with(0);
    let tickets = stage.until(&["tickets", "list", "--json"], |out| out.contains("\"in_step\"")).json();
    assert!(tickets[0]["title"].as_str().unwrap().starts_with("Weakness: "), "{tickets:#}");
    stage.lockstep(&["template", "use", "standard", "--destination", destination]).ends_with(0);
    stage.lockstep(&["template", "remove", "ours", "--yes"]).ends_with(0);
}

#[test]
fn a_fix_that_a_scan_proves_counts_and_what_comes_back_fails_the_build() {
    let stage = Stage::set();
    let import = |name: &str, report: String, fail_on: &str| {
        let file = stage.file(name, &report);
        stage.lockstep(&["import", &file, "--asset", "shop", "--fail-on", fail_on])
    };
    import("1.sarif", sarif("one", MONDAY, &[("sql", "error"), ("xss", "warning")]), "severity=low")
        .ends_with(0);
    let fixed =
        import("2.sarif", sarif("two", TUESDAY, &[("xss", "warning")]), "new or regressed").ends_with(0);
    assert!(fixed.out.contains("fixed\t1 (1 critical)"), "{}", fixed.out);
    let back = import(
        "3.sarif",
        sarif("three", "2026-01-07T01:00:00Z", &[("sql", "error"), ("xss", "warning")]),
        "regressed",
    );
    assert!(back.ends_with(1).err.contains("failed: 1 finding fits"));
    let scans = stage.lockstep(&["scans", "list", "--asset", "shop"]).ends_with(0).out;
    assert_eq!(scans.lines().count(), 3, "{scans}");
}

#[test]
fn a_report_comes_through_a_pipe_and_a_broken_one_is_refused_with_its_position() {
    let stage = Stage::set();
    let through_pipe = |report: &str| {
        let mut child = stage
            .command(&["import", "-", "--asset", "shop", "--wait"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(report.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    };
    let whole = sarif("piped", MONDAY, &[("sql", "error")]);
    assert_eq!(through_pipe(&whole).status.code(), Some(0));
    let cut = through_pipe(&whole[..whole.len() - 20]);
    assert_eq!(cut.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&cut.stderr).contains("line 1"));
    let folder = stage.lockstep(&["import", ".", "--asset", "shop"]).ends_with(3);
    assert!(folder.err.contains("is a folder"), "{}", folder.err);
}

#[test]
fn a_connection_is_verified_checked_paused_and_removed_by_name() {
    let stage = Stage::set();
    let wrong = stage.file("wrong", "not-the-token");
    let verify = [
        "connection",
        "verify",
        "--organization",
        "contoso",
        "--instance-url",
        &stage.board,
        "--pat-file",
        &wrong,
    ];
    let failed = stage.lockstep(&verify).ends_with(1);
    assert!(failed.out.contains("failed") && failed.out.contains("next: "), "{}", failed.out);

    stage.connect();
    let shown = stage.lockstep(&["connection", "list", "--json"]).ends_with(0);
    assert!(!shown.out.contains(&stage.personal_access_token), "secrets are never shown");
    stage.lockstep(&["connection", "check", "azure"]).ends_with(0);
    assert!(stage.lockstep(&["connection", "pause", "Azure"]).ends_with(0).out.contains("mode\tpaused"));
    assert!(stage.lockstep(&["connection", "resume", "Azure"]).ends_with(0).out.contains("mode\tactive"));
    assert!(
        stage
            .lockstep(&["connection", "hooks", "Azure", "subscribe"])
            .ends_with(0)
            .out
            .contains("hooks\tsubscribed")
    );
    assert!(
        stage.lockstep(&["connection", "hooks", "Azure", "remove"]).ends_with(0).out.contains("hooks\tnone")
    );

    let check = [
        "destination",
        "check",
        "--project",
        "Webshop",
        "--type",
        "Bug",
        "--asset",
        "shop",
        "--state",
        "identified=Nowhere",
    ];
    let problems = stage.lockstep(&check).ends_with(1);
    assert!(problems.out.contains("identified: ") && problems.out.contains("next: "), "{}", problems.out);
    stage.lockstep(&["connection", "remove", "Azure"]).ends_with(2);
    stage.lockstep(&["connection", "remove", "Azure", "--yes"]).ends_with(0);
    assert_eq!(stage.lockstep(&["destination", "list"]).ends_with(0).out, "");
    stage.lockstep(&["connection", "show", "Azure"]).ends_with(3);
}

#[test]
fn a_login_is_kept_for_its_server_alone_and_forgotten_on_request() {
    let stage = Stage::set();
    let login = stage.home.path().join("config/login.json");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&login).unwrap().permissions().mode() & 0o777, 0o600);
    }
    stage.lockstep(&["findings", "list"]).ends_with(0);
    let other = stage.lockstep(&["findings", "list", "--url", &stage.board]);
    assert_ne!(other.code, 0, "another server never sees the login");
    stage.lockstep(&["logout"]).ends_with(0);
    assert!(!login.exists());
    let out = stage.lockstep(&["findings", "list"]).ends_with(6);
    assert!(out.err.contains("lockstep login"), "{}", out.err);
    let wrong = stage.file("wrong", "wrong");
    stage.lockstep(&["login", "--username", "admin", "--password-file", &wrong]).ends_with(6);
}

#[cfg(unix)]
#[test]
fn a_server_that_is_told_to_end_ends_well_and_its_folder_takes_no_second_server() {
    let stage = Stage::set();
    let second = stage.lockstep(&["serve", "--bind", "127.0.0.1:0"]).ends_with(7);
    assert!(second.err.contains("another server uses the data folder"), "{}", second.err);
    assert_eq!(stage.stop_server(), 0);
}

#[test]
fn rules_are_checked_planned_made_changed_moved_and_switched_off_from_the_command_line() {
    let stage = Stage::set();
    stage.connect();
    let monday =
        stage.file("monday.sarif", &sarif("monday", MONDAY, &[("sql", "error"), ("xss", "warning")]));
    stage.lockstep(&["import", &monday, "--asset", "shop", "--wait"]).ends_with(0);
    let facts = stage.lockstep(&["rule", "facts", "--json"]).ends_with(0).json();
    assert!(facts.as_array().unwrap().iter().any(|fact| fact["name"] == "cvss_score"));

    let wrong = stage.file("wrong.json", r#"{ "all": [{ "severity": { "at_least": "huge" } }] }"#);
    let wrong = stage.lockstep(&["rule", "check", "--criteria", &wrong]).ends_with(1).out;
    assert!(
        wrong.contains("/criteria/all/0/severity/at_least") && wrong.contains("'huge' is no severity"),
        "{wrong}"
    );
    let no_json = stage.file("no.json", "severity >= high");
    let refused =
        stage.lockstep(&["rule", "add", "--name", "x", "--criteria", &no_json, "--yes"]).ends_with(3);
    assert!(refused.err.contains("is no JSON") && refused.err.contains("next: "), "{}", refused.err);

    let criteria =
        stage.file("rule.json", r#"{ "any": [{ "vulnerability": "SQL" }, { "vulnerability": "xss" }] }"#);
    let found = stage.lockstep(&["rule", "check", "--criteria", &criteria]).ends_with(0).out;
    assert!(found.contains("2 open findings"), "{found}");
    let plan = stage
        .lockstep(&["rule", "plan", "--criteria", &criteria, "--severity-at-least", "high", "--json"])
        .ends_with(0)
        .json();
    assert_eq!((plan["matching"].as_u64(), plan["create"].as_u64()), (Some(1), Some(1)), "{plan:#}");

    for name in ["first", "second"] {
        stage
            .lockstep(&[
                "rule",
                "add",
                "--name",
                name,
                "--criteria",
                &criteria,
                "--group-by",
                "vulnerability,path",
                "--late-member",
                "add-to-open",
                "--disabled",
                "--yes",
            ])
            .ends_with(0);
    }
    stage
        .lockstep(&[
            "rule",
            "change",
            "second",
            "--rename",
            "last",
            "--auto-close",
            "all-fixed",
            "--not-for-temporary",
            "yes",
            "--until",
            "2099-01-31",
        ])
        .ends_with(0);
    let moved = stage.lockstep(&["rule", "move", "last", "--to", "1", "--json"]).ends_with(0).json();
    assert_eq!((&moved[0]["name"], &moved[1]["name"]), (&"last".into(), &"first".into()));
    let shown = stage.lockstep(&["rule", "show", "last", "--json"]).ends_with(0).json();
    assert_eq!(shown["auto_close"]["when"], "all_fixed");
    assert_eq!((&shown["until"], &shown["late_member"]), (&"2099-01-31".into(), &"add_to_open".into()));
    assert_eq!(shown["grouping"]["by"][1], "path", "what was not named stays");
    let state =
        stage.lockstep(&["rule", "change", "last", "--close-state", "Resolved", "--yes"]).ends_with(3);
    assert!(
        state.err.contains("does not read back as closed") && state.err.contains("Closed"),
        "{}",
        state.err
    );

    let asks = stage.lockstep(&["rule", "enable", "last"]).ends_with(2);
    assert!(asks.err.contains("matches 2 open findings") && asks.err.contains("2 to create"), "{}", asks.err);
    stage.lockstep(&["rule", "enable", "last", "--yes"]).ends_with(0);
    let listed = stage.lockstep(&["rule", "list"]).ends_with(0).out;
    assert!(listed.contains("\ton\t") && listed.contains("\toff\t"), "{listed}");
    stage.until(&["tickets", "list", "--json"], |out| out.matches("\"last\"").count() == 2);
    stage.lockstep(&["rule", "disable", "last"]).ends_with(0);
    stage.lockstep(&["rule", "remove", "first", "--yes"]).ends_with(0);
}

#[test]
fn a_platform_engineer_keeps_the_configuration_in_a_file() {
    let stage = Stage::set();
    stage.connect();
    let exported = stage.lockstep(&["config", "export"]).ends_with(0).out;
    assert!(exported.contains("organization: contoso") && !exported.contains("secret:"), "{exported}");
    let file = stage.file("lockstep.yaml", &exported);
    stage.lockstep(&["config", "validate", &file]).ends_with(0);
    let same = stage.lockstep(&["config", "plan", &file, "--exit-code"]).ends_with(0);
    assert!(same.out.contains("Nothing to change."), "{}", same.out);

    let changed = exported
        .replace("daily_budget: 200", "daily_budget: 50")
        .replace("rules: []", "rules:\n  - name: urgent\n    criteria: {severity: {at_least: high}}");
    let file = stage.file("lockstep.yaml", &changed);
    let plan = stage.lockstep(&["config", "plan", &file, "--exit-code"]).ends_with(1).out;
    assert!(plan.contains("daily_budget: 200 -> 50"), "{plan}");
    assert!(plan.contains("create rule 'urgent'"), "{plan}");
    assert!(plan.contains("1 to create, 1 to change, 0 to delete."), "{plan}");
    assert!(stage.lockstep(&["config", "apply", &file]).ends_with(2).err.contains("--yes"));
    stage.lockstep(&["config", "apply", &file, "--yes"]).ends_with(0);
    stage.lockstep(&["config", "plan", &file, "--exit-code"]).ends_with(0);
    assert!(stage.lockstep(&["rule", "list"]).ends_with(0).out.contains("urgent"));

    let wrong = stage
        .file("wrong.yaml", &changed.replace("    criteria:", "    destination: Nowhere\n    criteria:"));
    let refused = stage.lockstep(&["config", "plan", &wrong]).ends_with(3).err;
    assert!(refused.contains(".destination: there is no destination 'Nowhere'"), "{refused}");
    assert!(refused.contains("wrong.yaml:"), "{refused}");
}

#[test]
fn exploit_data_is_loaded_and_the_matrix_changed_from_the_command_line() {
    let stage = Stage::set();
    let report = stage.file(
        "found.json",
        r#"{"lockstep": 1, "scanner": {"name": "test"}, "findings": [
            {"id": "CVE-2026-0001", "title": "first", "severity": "high", "path": "a"},
            {"id": "CVE-2026-0002", "title": "second", "severity": "critical", "path": "b"}]}"#,
    );
    stage.lockstep(&["import", &report, "--asset", "shop", "--branch", "main", "--wait"]).ends_with(0);

    let kev = stage.file(
        "kev.json",
        r#"{"catalogVersion": "1", "dateReleased": "2026-03-01", "vulnerabilities": [
            {"cveID": "CVE-2026-0001", "dateAdded": "2026-02-01", "requiredAction": "Patch."}]}"#,
    );
    let loaded = stage.lockstep(&["exploit-data", "load", &kev]).ends_with(0).out;
    assert!(loaded.contains("KEV of 2026-03-01 loaded: 1 vulnerability."), "{loaded}");
    let again = stage.lockstep(&["exploit-data", "load", &kev]).ends_with(0).out;
    assert!(again.contains("was loaded before; nothing changed"), "{again}");
    let list = stage.lockstep(&["exploit-data", "list"]).ends_with(0).out;
    assert!(list.contains("nothing loaded") && list.contains("2026-03-01"), "{list}");
    let neither = stage.lockstep(&["exploit-data", "load", &report]).ends_with(3).err;
    assert!(neither.contains("found.json: this is neither a file of EPSS scores"), "{neither}");

    let preview = stage.lockstep(&["sla", "set", "high=none", "--preview", "--json"]).ends_with(0).json();
    assert_eq!(preview["not_covered"], 1);
    let saved = stage.lockstep(&["sla", "set", "high=none", "critical/unknown=3"]).ends_with(0).out;
    assert!(saved.contains("known exploited") && saved.contains("at most 14 days"), "{saved}");
    let sla = stage.lockstep(&["sla", "show", "--json"]).ends_with(0).json();
    assert_eq!(
        (&sla["matrix"]["days"]["high"], &sla["matrix"]["days"]["critical"]["unknown"]),
        (&Value::Null, &json!(3))
    );
    let wrong = stage.lockstep(&["sla", "set", "critical=0"]).ends_with(3).err;
    assert!(wrong.contains("0 days for critical findings"), "{wrong}");

    let branches = stage.lockstep(&["asset", "branches", "shop"]).ends_with(0).out;
    assert!(branches.contains("main") && branches.contains("2 (1 critical, 1 high)"), "{branches}");
    let same = stage.lockstep(&["asset", "compare", "shop", "--base", "main", "--head", "main", "--json"]);
    assert_eq!(same.ends_with(0).json()["both"]["critical"], 1);
    let other =
        stage.lockstep(&["asset", "compare", "shop", "--base", "main", "--head", "dev"]).ends_with(3).err;
    assert!(other.contains("named the branch 'dev'"), "{other}");
}
