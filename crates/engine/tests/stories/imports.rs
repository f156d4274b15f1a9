//! Stories of reports that come late, twice, broken or at the same time, and of branches.

use chrono::Duration;
use model::Status;
use serde_json::{Value, json};
use testkit::{Report, Story, dies_at, weakness};

fn suppressed(mut weakness: Value) -> Value {
    weakness["suppressed"] = true.into();
    weakness
}

fn on(branch: &str, report: Report) -> Report {
    report.with("branch", branch)
}

#[tokio::test]
async fn a_late_report_does_not_reopen_what_a_newer_scan_did_not_see() {
    let story = Story::sqlite().await;
    let found = [weakness("a", "a.js", 1)];
    story.scan(&found).await;
    story.scan(&[]).await;
    assert_eq!(story.status().await, Status::Fixed);
    story.wait(Duration::hours(1));
    let late = story.now();
    story.wait(Duration::hours(1));
    story.scan(&[]).await;
    // It was there again for a while: the newest scan has covered its place since.
    story.import("shop", &Report::of(late, &found)).await;
    assert_eq!(story.status().await, Status::Fixed);
}

#[tokio::test]
async fn a_late_report_of_another_configuration_does_not_reopen_either() {
    let story = Story::sqlite().await;
    let found = [weakness("a", "a.js", 1)];
    story.scan(&found).await;
    story.scan(&[]).await;
    let late = story.now() + Duration::minutes(10);
    story.wait(Duration::hours(1));
    story.import("shop", &Report::of(story.now(), &[]).with("configuration", "nightly")).await;
    let told = story.import("shop", &Report::of(late, &found).with("configuration", "nightly")).await;
    assert_eq!(story.status().await, Status::Fixed, "{told}");
}

#[tokio::test]
async fn a_report_that_is_not_read_to_its_end_closes_nothing() {
    let story = Story::sqlite().await;
    story.scan(&[weakness("a", "a.js", 1), weakness("b", "b.js", 1)]).await;
    story.wait(Duration::minutes(1));
    let whole = Report::of(story.now(), &[weakness("a", "a.js", 1), weakness("b", "b.js", 1)]);
    let job = story.submit("shop", &whole).await.unwrap();
    // The file is another one by the time it is read: sound, and shorter.
    let kept = story.engine.settings().data_dir.join("reports").join(format!("{job}.report"));
    std::fs::write(&kept, Report::of(story.now(), &[weakness("a", "a.js", 1)]).bytes()).unwrap();
    while story.engine.run_next_job().await.unwrap() {}
    assert!(story.statuses().await.iter().all(|(_, status)| *status == Status::Identified));
    let mut tx = story.engine.db().read().await.unwrap();
    let row = tx.first("SELECT state FROM job WHERE id = $1", store::args![job]).await.unwrap().unwrap();
    assert_eq!(row.text("state").unwrap(), "failed");
}

#[tokio::test]
async fn an_import_that_dies_anywhere_on_the_way_goes_on_there_and_half_of_it_makes_no_work_items() {
    let many: Vec<_> = (0..230).map(|n| weakness(&format!("rule-{n}"), "a.js", n + 1)).collect();
    let mut died_half_way = 0;
    for (place, n) in (1..).flat_map(|n| [("before commit", n), ("after commit", n)]) {
        let mut story = Story::sqlite().await;
        let job = story.submit("shop", &Report::of(story.now(), &many)).await.unwrap();
        let died = dies_at(place, n, story.engine.run_next_job()).await;
        story.restart();
        let there = story.statuses().await.len();
        assert!([0, 100, 200, 230].contains(&there), "{there} when it died {place} {n}");
        let mut tx = story.engine.db().read().await.unwrap();
        let state =
            tx.first("SELECT state FROM job WHERE id = $1", store::args![job]).await.unwrap().unwrap();
        drop(tx);
        if state.text("state").unwrap() != "succeeded" {
            story.engine.make_tickets().await.unwrap();
            assert!(story.tickets().await.is_empty(), "{there} of 230 are not all of it");
            died_half_way += u32::from(there > 0);
        }
        story.wait(Duration::minutes(3));
        while story.engine.run_next_job().await.unwrap() {}
        assert_eq!(story.statuses().await.len(), 230, "it died {place} {n}");
        assert_eq!(story.history().await.len(), 230, "nothing is done twice");
        assert_eq!(story.job(job).await["new"]["high"], 230, "everything is counted once");
        while story.engine.make_tickets().await.unwrap() > 0 {}
        assert_eq!(story.tickets().await.len(), 230);
        if !died {
            break;
        }
    }
    assert!(died_half_way > 1, "it never died between two pieces");
}

#[tokio::test]
async fn a_confirmation_that_dies_on_the_way_can_be_given_again() {
    let many: Vec<_> = (0..450).map(|n| weakness(&format!("rule-{n:04}"), "a.js", n + 1)).collect();
    let story = Story::sqlite().await;
    story.scan(&many).await;
    while story.engine.make_tickets().await.unwrap() > 0 {}
    let collapsed = story.scan(&[]).await;
    assert_eq!(collapsed["quarantined"], true);
    let scan = collapsed["scans"][0].as_str().unwrap().parse().unwrap();
    let ada = engine::Actor { name: "Ada".into() };
    let fixed = async || story.statuses().await.iter().filter(|(_, status)| *status == Status::Fixed).count();
    let marks = async || {
        let mut tx = story.engine.db().read().await.unwrap();
        tx.count("SELECT SUM(mark) AS n FROM ticket", vec![]).await.unwrap()
    };
    let before = marks().await;
    assert!(dies_at("after commit", 3, story.engine.confirm_scan(scan, &ada)).await);
    assert_eq!(fixed().await, 300);
    assert_eq!(
        marks().await,
        before + 300,
        "the tickets of what is fixed hear of it, whoever confirms the rest"
    );
    story.engine.confirm_scan(scan, &ada).await.unwrap();
    assert_eq!(fixed().await, 450);
    let mut tx = story.engine.db().read().await.unwrap();
    let counted =
        tx.first("SELECT fixed_findings FROM scan WHERE state = 'committed' ORDER BY id DESC", vec![]);
    assert_eq!(counted.await.unwrap().unwrap().int("fixed_findings").unwrap(), 450);
}

#[tokio::test]
async fn the_same_report_handed_in_at_the_same_time_is_one_scan() {
    let story = Story::sqlite().await;
    let report = Report::of(story.now(), &[weakness("a", "a.js", 1)]);
    let (one, two) = tokio::join!(story.submit("shop", &report), story.submit("shop", &report));
    one.unwrap();
    two.unwrap();
    while story.engine.run_next_job().await.unwrap() {}
    let mut tx = story.engine.db().read().await.unwrap();
    assert_eq!(tx.count("SELECT COUNT(*) AS n FROM scan", vec![]).await.unwrap(), 1);
    drop(tx);
    assert_eq!(story.history().await.len(), 1);
}

#[tokio::test]
async fn an_import_is_run_only_by_the_replica_that_has_the_report() {
    for database in testkit::databases().await {
        let story = Story::on(database).begin().await;
        let other = story.another_replica();
        let job = story.submit("shop", &Report::of(story.now(), &[weakness("a", "a.js", 1)])).await.unwrap();
        assert!(!other.run_next_job().await.unwrap(), "the report lies in another data folder");
        assert!(story.engine.run_next_job().await.unwrap());
        assert_eq!(story.job(job).await["new"]["high"], 1);
        // Anybody may reconcile.
        story.engine.request_reconcile(None, false, &engine::Actor { name: "Ada".into() }).await.unwrap();
        assert!(other.run_next_job().await.unwrap());
    }
}

#[tokio::test]
async fn an_old_quarantined_scan_closes_nothing_that_a_newer_one_saw() {
    let story = Story::sqlite().await;
    let many: Vec<_> = (0..40).map(|n| weakness(&format!("rule-{n:02}"), "a.js", n + 1)).collect();
    story.scan(&many).await;
    let collapsed = story.scan(&[]).await;
    assert_eq!(collapsed["quarantined"], true);
    story.scan(&many[..39]).await;
    let scan = collapsed["scans"][0].as_str().unwrap().parse().unwrap();
    story.engine.confirm_scan(scan, &engine::Actor { name: "Ada".into() }).await.unwrap();
    let statuses = story.statuses().await;
    assert_eq!(statuses.iter().filter(|(_, status)| *status == Status::Identified).count(), 39);
}

#[tokio::test]
async fn a_branch_that_is_not_tracked_makes_no_ticket_and_closes_and_rewrites_nothing() {
    let story = Story::sqlite().await;
    let main = on("main", Report::of(story.now(), &[weakness("a", "a.js", 1)]));
    story.import("shop", &main).await;
    story.settle().await;
    let item = story.work_item();
    let title = story.board.fields(item)["System.Title"].clone();
    let mut seen_there = weakness("a", "a.js", 7);
    seen_there["severity"] = "critical".into();
    seen_there["title"] = "another title".into();
    story.wait(Duration::hours(1));
    let feature = Report::of(story.now(), &[suppressed(seen_there), weakness("only-there", "c.js", 1)]);
    story.import("shop", &on("feature", feature)).await;
    story.settle().await;
    assert_eq!(story.board.work_items(), [item]);
    assert_eq!(story.board.fields(item)["System.Title"], title);
    assert_eq!(story.board.fields(item)["Microsoft.VSTS.Common.Severity"], "2 - High");
    story.wait(Duration::hours(1));
    story.import("shop", &on("feature", Report::of(story.now(), &[]))).await;
    story.settle().await;
    assert!(story.statuses().await.iter().all(|(_, status)| *status == Status::Identified));
    // Once the main branch has it too, it gets its ticket.
    story.wait(Duration::hours(1));
    let both = [weakness("a", "a.js", 1), weakness("only-there", "c.js", 1)];
    story.import("shop", &on("main", Report::of(story.now(), &both))).await;
    story.settle().await;
    assert_eq!(story.board.work_items().len(), 2);
}

#[tokio::test]
async fn what_a_report_suppresses_is_open_again_when_it_no_longer_does_and_a_person_beats_it() {
    let story = Story::sqlite().await;
    let found = weakness("a", "a.js", 1);
    story.scan(&[suppressed(found.clone())]).await;
    story.settle().await;
    assert_eq!(story.status().await, Status::Suppressed);
    assert!(story.board.work_items().is_empty());
    story.scan(std::slice::from_ref(&found)).await;
    story.settle().await;
    assert_eq!(story.status().await, Status::Identified);
    assert_eq!(story.board.work_items().len(), 1);
    story.scan(&[suppressed(found.clone())]).await;
    assert_eq!(story.status().await, Status::Suppressed);
    // A person lifts it: the next report, which says nothing new, does not put it back.
    let lifted = engine::StatusChange { status: Status::Identified, reason: None, temporary: None };
    let ada = engine::Actor { name: "Ada".into() };
    story.engine.set_status(story.finding().await, lifted, &ada).await.unwrap();
    story.scan(&[suppressed(found)]).await;
    assert_eq!(story.status().await, Status::Identified);
}

/// A SARIF report with runs of one scanner: id of the configuration, branch, and files with a result each.
fn sarif(started_at: chrono::DateTime<chrono::Utc>, runs: &[(&str, &str, &[&str])]) -> Value {
    let runs: Vec<Value> = runs
        .iter()
        .map(|(configuration, branch, files)| {
            let results: Vec<Value> = files
                .iter()
                .map(|file| {
                    json!({
                        "ruleId": "sql",
                        "message": { "text": "found" },
                        "locations": [{ "physicalLocation": {
                            "artifactLocation": { "uri": file }, "region": { "startLine": 3 }
                        } }]
                    })
                })
                .collect();
            json!({
                "tool": { "driver": { "name": "sarifscan", "rules": [{ "id": "sql" }] } },
                "automationDetails": { "id": format!("{configuration}/") },
                "versionControlProvenance": [{ "repositoryUri": "https://git.example/r", "branch": branch }],
                "invocations": [{ "executionSuccessful": true, "startTimeUtc": started_at }],
                "results": results
            })
        })
        .collect();
    json!({ "version": "2.1.0", "runs": runs })
}

#[expect(clippy::unwrap_used, reason = "a test fails where something unexpected happens")]
async fn import(story: &Story, report: &Value) -> Value {
    let path = story.engine.settings().data_dir.join("report.sarif");
    std::fs::write(&path, report.to_string()).unwrap();
    let request = engine::ImportRequest { asset: "shop".into(), ..engine::ImportRequest::default() };
    let ci = engine::Actor { name: "ci".into() };
    let job = story.engine.submit_import(request, path, &ci).await.unwrap();
    while story.engine.run_next_job().await.unwrap() {}
    story.job(job).await
}

#[tokio::test]
async fn two_runs_of_one_configuration_in_one_report_do_not_close_each_others_findings() {
    let story = Story::sqlite().await;
    for _ in 0..2 {
        story.wait(Duration::hours(1));
        let told =
            import(&story, &sarif(story.now(), &[("x", "main", &["a.js"]), ("x", "main", &["b.js"])])).await;
        assert_eq!(told["fixed"]["medium"], 0, "{told}");
        assert_eq!(told["scans"].as_array().unwrap().len(), 1, "{told}");
    }
    assert_eq!(story.statuses().await.len(), 2);
    assert!(story.statuses().await.iter().all(|(_, status)| *status == Status::Identified));
}

#[tokio::test]
async fn two_runs_on_different_branches_in_one_report_are_two_scans() {
    let story = Story::sqlite().await;
    let report = sarif(story.now(), &[("x", "main", &["a.js"]), ("x", "feature", &["a.js", "b.js"])]);
    let told = import(&story, &report).await;
    assert_eq!(told["scans"].as_array().unwrap().len(), 2, "{told}");
    story.settle().await;
    assert_eq!(story.board.work_items().len(), 1, "only the main branch makes tickets");
}

#[tokio::test]
async fn two_scanners_that_see_the_same_place_do_not_speak_for_each_other() {
    let story = Story::sqlite().await;
    let found = [weakness("a", "a.js", 1)];
    let scanner = |name: &str| json!({ "name": name, "version": "1" });
    story.import("shop", &Report::of(story.now(), &found).with("scanner", scanner("one"))).await;
    story.import("shop", &Report::of(story.now(), &found).with("scanner", scanner("two"))).await;
    story.wait(Duration::hours(1));
    story.import("shop", &Report::of(story.now(), &[]).with("scanner", scanner("one"))).await;
    assert!(
        story.statuses().await.iter().any(|(_, status)| *status == Status::Identified),
        "two still sees it"
    );
    story.import("shop", &Report::of(story.now(), &[]).with("scanner", scanner("two"))).await;
    assert!(story.statuses().await.iter().all(|(_, status)| *status == Status::Fixed));
}
