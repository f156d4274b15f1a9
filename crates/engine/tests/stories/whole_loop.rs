//! Stories of the whole loop, told with a real database and a board in this process.

use chrono::Duration;
use model::Status;
use serde_json::json;
use store::tickets::Health;
use testkit::{Fault, Report, Story, databases, weakness};

#[tokio::test]
async fn the_whole_loop_on_every_database() {
    for database in databases().await {
        println!("on {}", database.name);
        let story = Story::on(database).begin().await;
        let sql = weakness("sql-injection", "src/login.js", 12);

        // A scan finds a weakness: a bug appears on the board.
        story.scan(std::slice::from_ref(&sql)).await;
        story.settle().await;
        let item = story.work_item();
        assert_eq!(story.board.state_of(item), "New");
        assert_eq!(story.status().await, Status::Identified);
        assert_eq!(story.ticket().await.health, Health::InStep);

        // Somebody works on it, then closes it: a claim, not a fix.
        story.board.move_card(item, "Active");
        story.settle().await;
        assert_eq!(story.status().await, Status::InProgress);
        story.board.move_card(item, "Closed");
        story.settle().await;
        assert_eq!(story.status().await, Status::AwaitingValidation);
        assert_eq!(story.board.state_of(item), "Closed", "nobody moves a claimed card");

        // The next scan still sees it: the same work item is opened again, with the evidence.
        story.scan(std::slice::from_ref(&sql)).await;
        story.settle().await;
        assert_eq!(story.status().await, Status::Identified);
        assert_eq!(story.board.state_of(item), "New");
        let comments = story.board.comments(item);
        assert!(comments.iter().any(|text| text.contains("Still seen by testscan")), "{comments:?}");

        // A clean scan proves the fix: the work item is closed.
        story.scan(&[]).await;
        story.settle().await;
        assert_eq!(story.status().await, Status::Fixed);
        assert_eq!(story.board.state_of(item), "Closed");
        assert_eq!(story.ticket().await.health, Health::Closed);

        // It comes back: the same work item again.
        story.scan(&[sql]).await;
        story.settle().await;
        assert_eq!(story.status().await, Status::Identified);
        assert_eq!(story.board.state_of(item), "New");
        assert_eq!(story.board.work_items(), [item]);
    }
}

#[tokio::test]
async fn once_the_loop_is_quiet_ten_sweeps_write_nothing() {
    let story = Story::sqlite().await;
    story.scan(&[weakness("a", "a.js", 1), weakness("b", "b.js", 1), weakness("c", "c.js", 1)]).await;
    story.settle().await;
    let items = story.board.work_items();
    story.board.move_card(items[0], "Closed");
    story.board.edit(items[1], &[("System.Title", "A person's title".into())]);
    story.settle().await;
    let quiet = story.board.writes();
    for _ in 0..10 {
        story.sweep().await;
    }
    assert_eq!(story.board.writes(), quiet);
}

#[tokio::test]
async fn the_same_scan_twice_changes_nothing() {
    let story = Story::sqlite().await;
    let report = Report::of(story.now(), &[weakness("a", "a.js", 1)]);
    assert_eq!(story.import("shop", &report).await["new"]["high"], 1);
    story.settle().await;
    let writes = story.board.writes();
    let again = story.import("shop", &report).await;
    assert_eq!(again["already_imported"], true);
    story.settle().await;
    assert_eq!(story.board.writes(), writes);
    assert_eq!(story.history().await.len(), 1);
}

#[tokio::test]
async fn a_later_scan_with_the_same_content_is_a_new_scan_that_changes_no_status() {
    let story = Story::sqlite().await;
    let found = [weakness("a", "a.js", 1)];
    story.scan(&found).await;
    let again = story.scan(&found).await;
    assert_eq!(again["already_imported"], false);
    assert_eq!(again["still_open"]["high"], 1);
    assert_eq!(story.status().await, Status::Identified);
}

#[tokio::test]
async fn a_late_report_only_adds_history() {
    let story = Story::sqlite().await;
    let early = story.now();
    story.wait(Duration::hours(5));
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.wait(Duration::hours(1));
    story.scan(&[]).await;
    assert_eq!(story.status().await, Status::Fixed);
    // A scan that started before both arrives: it saw `a`, and something that was gone by the time of the clean scan.
    story.import("shop", &Report::of(early, &[weakness("a", "a.js", 1), weakness("b", "b.js", 1)])).await;
    let statuses = story.statuses().await;
    assert!(statuses.iter().all(|(_, status)| *status == Status::Fixed), "{statuses:?}");
    story.settle().await;
    assert_eq!(story.board.work_items().len(), 0, "nothing was open when the rules looked");
}

#[tokio::test]
async fn a_partial_scan_and_another_configuration_close_nothing() {
    let story = Story::sqlite().await;
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.wait(Duration::hours(1));
    let partial = Report::of(story.now(), &[]).with("coverage", json!({ "extent": "partial" }));
    story.import("shop", &partial).await;
    assert_eq!(story.status().await, Status::Identified);
    let other = Report::of(story.now(), &[]).with("configuration", "another");
    story.import("shop", &other).await;
    assert_eq!(story.status().await, Status::Identified);
    let elsewhere =
        Report::of(story.now(), &[]).with("coverage", json!({ "extent": "full", "paths": ["lib"] }));
    story.wait(Duration::hours(1));
    story.import("shop", &elsewhere).await;
    assert_eq!(story.status().await, Status::Identified);
}

#[tokio::test]
async fn a_scan_that_would_close_most_of_a_backlog_waits_for_a_person() {
    let story = Story::sqlite().await;
    let many: Vec<_> = (0..40).map(|n| weakness(&format!("rule-{n}"), "a.js", n + 1)).collect();
    story.scan(&many).await;
    let collapsed = story.scan(&[]).await;
    assert_eq!(collapsed["quarantined"], true);
    assert!(story.statuses().await.iter().all(|(_, status)| *status == Status::Identified));
    let scan = collapsed["scans"][0].as_str().unwrap().parse().unwrap();
    story.engine.confirm_scan(scan, &engine::Actor { name: "Ada".into() }).await.unwrap();
    assert!(story.statuses().await.iter().all(|(_, status)| *status == Status::Fixed));
}

#[tokio::test]
async fn findings_that_moved_to_other_lines_stay_the_same() {
    let story = Story::sqlite().await;
    story.scan(&[weakness("a", "a.js", 10), weakness("b", "a.js", 20)]).await;
    let moved = story.scan(&[weakness("b", "a.js", 25), weakness("a", "a.js", 15)]).await;
    assert_eq!(moved["still_open"]["high"], 2, "{moved}");
    assert_eq!(moved["new"]["high"], 0);
    assert_eq!(moved["fixed"]["high"], 0);
}

#[tokio::test]
async fn a_broken_report_changes_nothing() {
    let story = Story::sqlite().await;
    let mut broken = Report::of(story.now(), &[weakness("a", "a.js", 1)]).bytes();
    broken.truncate(broken.len() - 3);
    let folder = std::env::temp_dir();
    let path = folder.join(format!("lockstep-broken-{}", std::process::id()));
    std::fs::write(&path, broken).unwrap();
    let request = engine::ImportRequest {
        asset: "shop".into(),
        filename: Some("broken.json".into()),
        ..engine::ImportRequest::default()
    };
    let refused =
        story.engine.submit_import(request, path.clone(), &engine::Actor { name: "ci".into() }).await;
    let refusal = refused.unwrap_err();
    assert_eq!(refusal.code, "report_invalid");
    assert!(refusal.detail.starts_with("broken.json: line"), "{}", refusal.detail);
    assert!(!path.exists(), "nothing is left behind");
    assert!(story.statuses().await.is_empty());
}

#[tokio::test]
async fn a_persons_edits_stand_and_are_shown_as_conflicts_when_we_would_write() {
    let story = Story::sqlite().await;
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.settle().await;
    let item = story.work_item();
    story.board.edit(
        item,
        &[
            ("System.Title", "Ours, we know it as XYZ".into()),
            ("Microsoft.VSTS.Common.Priority", json!(4)),
            ("System.Tags", "lockstep; team-tag".into()),
        ],
    );
    story.settle().await;
    // The scanner now says something else: we would write severity, priority and title.
    let mut worse = weakness("a", "a.js", 1);
    worse["severity"] = "critical".into();
    story.scan(&[worse]).await;
    story.settle().await;
    let fields = story.board.fields(item);
    assert_eq!(fields["System.Title"], "Ours, we know it as XYZ");
    assert_eq!(fields["Microsoft.VSTS.Common.Priority"], 4);
    assert_eq!(fields["Microsoft.VSTS.Common.Severity"], "1 - Critical", "untouched fields follow");
    assert_eq!(fields["System.Tags"], "lockstep; team-tag");
    let ticket = story.ticket().await;
    assert_eq!(ticket.health, Health::Conflict);
    let mut conflicts: Vec<&str> = ticket.conflicts.iter().map(|conflict| conflict.field.as_str()).collect();
    conflicts.sort_unstable();
    assert_eq!(conflicts, ["Priority", "Title"]);
}

#[tokio::test]
async fn text_around_our_block_stays_and_a_touched_block_is_left_alone() {
    let story = Story::sqlite().await;
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.settle().await;
    let item = story.work_item();
    let field = "Microsoft.VSTS.TCM.ReproSteps";
    let text = story.board.fields(item)[field].as_str().unwrap().to_owned();
    story.board.edit(item, &[(field, format!("<p>Call Kim first.</p>{text}").into())]);
    story.settle().await;
    story.scan(&[weakness("a", "a.js", 77)]).await;
    story.settle().await;
    let now = story.board.fields(item)[field].as_str().unwrap().to_owned();
    assert!(now.contains("Call Kim first.") && now.contains("a.js:77"), "{now}");

    story.board.edit(item, &[(field, now.replace("How it is verified", "Rewritten by us").into())]);
    story.settle().await;
    story.scan(&[weakness("a", "a.js", 99)]).await;
    story.settle().await;
    let now = story.board.fields(item)[field].as_str().unwrap().to_owned();
    assert!(now.contains("Rewritten by us") && !now.contains("a.js:99"), "{now}");
    assert_eq!(story.ticket().await.health, Health::Conflict);
}

#[tokio::test]
async fn an_answer_that_is_lost_never_makes_a_second_work_item() {
    for fault in [
        Fault::LostBefore,
        Fault::LostAfter,
        Fault::AppliedLater(Duration::seconds(30)),
        Fault::Answered(503),
    ] {
        let mut story = Story::sqlite().await;
        story.scan(&[weakness("a", "a.js", 1)]).await;
        story.board.fail_writes([fault]);
        story.engine.step().await.unwrap();
        story.restart();
        for _ in 0..8 {
            story.settle().await;
        }
        let item = story.work_item();
        let ticket = story.ticket().await;
        assert_eq!(ticket.work_item_id.map(|id| id.0), Some(item), "{fault:?}");
        assert_eq!(ticket.health, Health::InStep, "{fault:?}: {:?}", ticket.problem);
    }
}

#[tokio::test]
async fn a_failed_look_up_stops_the_creation() {
    let story = Story::sqlite().await;
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.board.fail_writes([Fault::LostAfter]);
    story.engine.step().await.unwrap();
    story.board.set_unreachable(true);
    for _ in 0..5 {
        story.wait(Duration::minutes(2));
        story.engine.step().await.unwrap();
    }
    story.board.set_unreachable(false);
    assert_eq!(story.board.work_items().len(), 1);
    story.wait(Duration::minutes(10));
    story.settle().await;
    assert_eq!(story.board.work_items().len(), 1);
    assert!(story.ticket().await.work_item_id.is_some());
}

#[tokio::test]
async fn two_replicas_make_one_work_item() {
    let story = Story::sqlite().await;
    let other = story.another_replica();
    story.scan(&[weakness("a", "a.js", 1), weakness("b", "b.js", 1)]).await;
    let (first, second) = tokio::join!(story.engine.step(), other.step());
    first.unwrap();
    second.unwrap();
    story.settle().await;
    other.step().await.unwrap();
    assert_eq!(story.board.work_items().len(), 2);
}

#[tokio::test]
async fn hooks_lost_doubled_and_reordered_end_the_same() {
    let mut ends = Vec::new();
    for how in ["in order", "lost", "doubled", "reversed"] {
        let story = Story::sqlite().await;
        story.engine.subscribe_hooks(story.connection, &engine::Actor { name: "Ada".into() }).await.unwrap();
        story.scan(&[weakness("a", "a.js", 1), weakness("b", "b.js", 1)]).await;
        story.settle().await;
        let items = story.board.work_items();
        story.board.move_card(items[0], "Active");
        story.board.move_card(items[0], "Resolved");
        story.board.move_card(items[1], "Active");
        story.wait(Duration::seconds(20));
        let mut deliveries = story.board.deliveries();
        assert!(deliveries.len() >= 3, "{}", deliveries.len());
        match how {
            "lost" => deliveries.clear(),
            "doubled" => deliveries = deliveries.iter().flat_map(|d| [d.clone(), d.clone()]).collect(),
            "reversed" => deliveries.reverse(),
            _ => {}
        }
        story.deliver_hooks(&deliveries).await;
        story.sweep().await;
        let states: Vec<String> = items.iter().map(|item| story.board.state_of(*item)).collect();
        ends.push((story.statuses().await, states));
    }
    assert_eq!(ends[0].0[0].1, Status::AwaitingValidation);
    assert!(ends.iter().all(|end| *end == ends[0]), "{ends:?}");
}

#[tokio::test]
async fn a_hook_to_a_wrong_address_or_with_a_wrong_password_does_nothing() {
    let story = Story::sqlite().await;
    story.engine.subscribe_hooks(story.connection, &engine::Actor { name: "Ada".into() }).await.unwrap();
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.settle().await;
    story.wait(Duration::seconds(20));
    let deliveries = story.board.deliveries();
    let (url, authorization, body) = deliveries.first().expect("a delivery");
    assert!(authorization.is_some(), "we add basic authentication where we subscribe ourselves");
    let secret = url.rsplit('/').next().unwrap();
    let body = body.as_bytes();
    assert_eq!(story.engine.receive_hook("guess", None, body).await.unwrap(), engine::HookAnswer::Unknown);
    assert_eq!(
        story.engine.receive_hook(secret, Some("Basic Zm9yZ2VkOmZvcmdlZA=="), body).await.unwrap(),
        engine::HookAnswer::Unknown
    );
    assert_eq!(story.engine.receive_hook(secret, None, b"{").await.unwrap(), engine::HookAnswer::Malformed);
}

#[tokio::test]
async fn one_refused_ticket_does_not_stop_the_others() {
    let story = Story::sqlite().await;
    story.scan(&[weakness("a", "a.js", 1), weakness("b", "b.js", 1), weakness("c", "c.js", 1)]).await;
    story.board.fail_writes([Fault::FirstAnswered(400)]);
    story.engine.step().await.unwrap();
    let tickets = story.tickets().await;
    assert_eq!(tickets.iter().filter(|ticket| ticket.work_item_id.is_some()).count(), 2);
    let refused = tickets.iter().find(|ticket| ticket.work_item_id.is_none()).unwrap();
    assert_eq!(refused.health, Health::Retrying);
    assert!(refused.problem.as_deref().is_some_and(|problem| !problem.is_empty()));
    story.settle().await;
    assert_eq!(story.board.work_items().len(), 3);
}

#[tokio::test]
async fn the_daily_budget_holds_and_the_rest_follows_tomorrow() {
    let story = Story::on(testkit::TestDatabase::sqlite().await).budget(2).begin().await;
    let many: Vec<_> = (0..5).map(|n| weakness(&format!("rule-{n}"), "a.js", n + 1)).collect();
    story.scan(&many).await;
    story.settle().await;
    assert_eq!(story.board.work_items().len(), 2);
    assert_eq!(story.tickets().await.iter().filter(|ticket| ticket.health == Health::OverBudget).count(), 3);
    story.wait(Duration::days(1));
    story.settle().await;
    assert_eq!(story.board.work_items().len(), 4);
}

#[tokio::test]
async fn a_paused_connection_reads_and_follows_but_writes_nothing() {
    let story = Story::sqlite().await;
    let ada = engine::Actor { name: "Ada".into() };
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.settle().await;
    let item = story.work_item();
    let pause =
        |paused| engine::ConnectionChange { mode: Some(mode(paused)), ..engine::ConnectionChange::default() };
    story.engine.change_connection(story.connection, pause(true), &ada).await.unwrap();
    let writes = story.board.writes();
    story.board.move_card(item, "Active");
    story.scan(&[weakness("b", "b.js", 1)]).await;
    story.settle().await;
    assert_eq!(story.board.writes(), writes);
    story.engine.change_connection(story.connection, pause(false), &ada).await.unwrap();
    story.settle().await;
    assert_eq!(story.board.work_items().len(), 2);
}

#[tokio::test]
async fn a_deleted_work_item_is_named_and_comes_back_when_it_is_restored() {
    let story = Story::sqlite().await;
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.settle().await;
    let item = story.work_item();
    story.board.delete(item);
    story.sweep().await;
    assert_eq!(story.ticket().await.health, Health::Deleted);
    assert_eq!(story.board.work_items().len(), 0, "nothing new is made in its place");
    story.board.restore(item);
    story.sweep().await;
    assert_eq!(story.ticket().await.health, Health::InStep);
    assert_eq!(story.board.work_items(), [item]);
}

#[tokio::test]
async fn a_ticket_with_several_findings_closes_when_the_last_is_fixed() {
    let story = Story::on(testkit::TestDatabase::sqlite().await).grouped().begin().await;
    let (one, two) = (weakness("sql", "a.js", 1), weakness("sql", "b.js", 1));
    story.scan(&[one.clone(), two]).await;
    story.settle().await;
    let item = story.work_item();
    story.scan(std::slice::from_ref(&one)).await;
    story.settle().await;
    assert_eq!(story.board.state_of(item), "New", "one is left");
    story.scan(&[]).await;
    story.settle().await;
    assert_eq!(story.board.state_of(item), "Closed");
    story.scan(&[one]).await;
    story.settle().await;
    assert_eq!(story.board.state_of(item), "New");
    assert_eq!(story.board.work_items(), [item]);
}

#[tokio::test]
async fn an_accepted_risk_closes_the_card_and_no_scan_ends_it() {
    let story = Story::sqlite().await;
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.settle().await;
    let item = story.work_item();
    let change = engine::StatusChange {
        status: Status::RiskAccepted,
        reason: Some("internal network only".into()),
        temporary: Some((story.now() + Duration::days(30), model::status::FallBack::Identified)),
    };
    let ada = engine::Actor { name: "Ada".into() };
    story.engine.set_status(story.finding().await, change, &ada).await.unwrap();
    story.settle().await;
    assert_eq!(story.board.state_of(item), "Closed");
    assert!(story.board.comments(item).iter().any(|text| text.contains("internal network only")));
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.settle().await;
    assert_eq!(story.status().await, Status::RiskAccepted);
    // The acceptance ends: the same work item is open again.
    story.wait(Duration::days(31));
    story.settle().await;
    assert_eq!(story.status().await, Status::Identified);
    assert_eq!(story.board.state_of(item), "New");
}

#[tokio::test]
async fn a_person_who_reopens_a_proved_fix_is_not_fought_with() {
    let story = Story::sqlite().await;
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.settle().await;
    let item = story.work_item();
    story.scan(&[]).await;
    story.settle().await;
    assert_eq!(story.board.state_of(item), "Closed");
    story.board.move_card(item, "Active");
    story.settle().await;
    assert_eq!(story.status().await, Status::Fixed, "a card reopens nothing that a scan proved");
    assert_eq!(story.board.state_of(item), "Active", "and nobody moves the card back");
    assert_eq!(story.ticket().await.health, Health::Conflict);
}

fn mode(paused: bool) -> store::connections::Mode {
    if paused { store::connections::Mode::Paused } else { store::connections::Mode::Active }
}
