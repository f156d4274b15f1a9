//! Stories of what an import would do: it is said before anything is stored, and comes true.

use chrono::Duration;
use engine::{Actor, ImportPlan, ImportResult, PlanAction};
use model::rule::{Criteria, RuleSettings};
use model::suppression::SuppressionSettings;
use serde_json::{Value, json};
use store::args;
use testkit::{Report, Story, TestDatabase, databases, weakness};

/// How much there is of everything that an import writes.
async fn everything(story: &Story) -> [u64; 12] {
    let mut tx = story.engine.db().read().await.unwrap();
    [
        tx.count("SELECT count(*) AS n FROM asset", args![]).await.unwrap(),
        tx.count("SELECT count(*) AS n FROM scan", args![]).await.unwrap(),
        tx.count("SELECT count(*) AS n FROM job", args![]).await.unwrap(),
        tx.count("SELECT count(*) AS n FROM observation", args![]).await.unwrap(),
        tx.count("SELECT count(*) AS n FROM finding", args![]).await.unwrap(),
        tx.count("SELECT count(*) AS n FROM detection", args![]).await.unwrap(),
        tx.count("SELECT count(*) AS n FROM ticket", args![]).await.unwrap(),
        tx.count("SELECT count(*) AS n FROM audit", args![]).await.unwrap(),
        tx.count("SELECT count(*) AS n FROM alarm", args![]).await.unwrap(),
        tx.count("SELECT count(*) AS n FROM breaker", args![]).await.unwrap(),
        tx.count("SELECT count(*) AS n FROM configuration", args![]).await.unwrap(),
        tx.count("SELECT count(*) AS n FROM rule_walk WHERE walked_to IS NOT NULL", args![]).await.unwrap(),
    ]
}

/// Action and title of every row.
fn rows(plan: &engine::Plan) -> Vec<(PlanAction, &str)> {
    plan.tickets.iter().map(|row| (row.action, row.title.as_str())).collect()
}

/// The numbers of an import, without the scans it made.
fn numbers(result: &Value) -> ImportResult {
    let mut numbers: ImportResult = serde_json::from_value(result.clone()).unwrap();
    numbers.scans.clear();
    numbers
}

async fn plan_of(story: &Story, findings: &[Value]) -> (Report, ImportPlan) {
    story.wait(Duration::minutes(1));
    let report = Report::of(story.now(), findings);
    let plan = story.plan_import("shop", &report).await.unwrap();
    (report, plan)
}

async fn suppress_tests(story: &Story) {
    let tests = SuppressionSettings {
        name: "Tests".into(),
        reason: "Not shipped".into(),
        criteria: Criteria::parse(&json!({ "path": { "is": "test.js" } })).unwrap(),
        enabled: true,
        until: None,
    };
    story.engine.create_suppression(tests, true, &Actor { name: "Ada".into() }).await.unwrap();
}

#[tokio::test]
async fn an_import_says_what_it_would_do_and_does_it() {
    for database in databases().await {
        let story = Story::on(database).begin().await;
        story.scan(&[weakness("a", "a.js", 1), weakness("b", "b.js", 1), weakness("c", "c.js", 1)]).await;
        story.settle().await;
        let (before, writes) = (everything(&story).await, story.board.writes());

        // One moved, one is gone, one is new.
        let found = [weakness("a", "a.js", 40), weakness("c", "c.js", 1), weakness("d", "d.js", 1)];
        let (report, plan) = plan_of(&story, &found).await;

        let result = &plan.result;
        assert_eq!((result.new.high, result.still_open.high, result.fixed.high), (1, 2, 1), "{plan:?}");
        assert_eq!(rows(&plan.plan), [(PlanAction::Create, "d in d.js")]);
        assert_eq!(plan.existing_unknown, None);
        assert_eq!(plan.destinations[0].create, 1);
        let closing: Vec<_> =
            plan.existing.tickets.iter().filter(|row| row.action == PlanAction::Close).collect();
        let [closing] = &closing[..] else { panic!("{:?}", plan.existing) };
        assert_eq!(closing.title, "[High] b in b.js in shop");
        assert_eq!(everything(&story).await, before, "nothing is stored");
        assert_eq!(story.board.writes(), writes, "nothing is sent");

        let done = story.import("shop", &report).await;
        assert_eq!(numbers(&done), plan.result, "it came true");
        story.settle().await;
        assert_eq!(story.board.state_of(closing.work_item_id.unwrap().0), "Closed");
        assert_eq!(story.board.work_items().len(), 4);
        let changed: Vec<i64> =
            plan.existing.tickets.iter().filter_map(|row| row.work_item_id).map(|id| id.0).collect();
        let c = story.tickets().await.into_iter().find(|ticket| ticket.title.contains("c in c.js")).unwrap();
        assert!(!changed.contains(&c.work_item_id.unwrap().0), "what stays as it is, is not named: {plan:?}");
    }
}

#[tokio::test]
async fn a_finding_that_joins_a_ticket_is_said_and_so_is_what_its_work_item_says_then() {
    let story = Story::on(TestDatabase::sqlite().await).grouped().begin().await;
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.settle().await;
    let item = story.work_item();

    let (report, plan) = plan_of(&story, &[weakness("a", "a.js", 1), weakness("a", "b.js", 1)]).await;

    assert_eq!(rows(&plan.plan), [(PlanAction::Join, "a in b.js")]);
    assert_eq!((plan.destinations[0].create, plan.destinations[0].join), (0, 1));
    assert_eq!(plan.existing_unknown, None);
    let [row] = &plan.existing.tickets[..] else { panic!("{:?}", plan.existing) };
    assert_eq!((row.action, row.work_item_id.unwrap().0), (PlanAction::Update, item));
    story.import("shop", &report).await;
    story.settle().await;
    assert_eq!(story.work_item(), item, "it is still the only one");
}

#[tokio::test]
async fn a_scan_that_collapsed_closes_nothing_in_the_plan_either() {
    let story = Story::sqlite().await;
    let many: Vec<Value> = (0..30).map(|n| weakness("a", &format!("{n}.js"), 1)).collect();
    story.scan(&many).await;
    story.settle().await;

    let (report, plan) = plan_of(&story, &many[..2]).await;

    assert!(plan.result.quarantined, "{plan:?}");
    assert_eq!((plan.result.fixed.total(), plan.existing.tickets.len()), (0, 0), "{plan:?}");
    assert_eq!(plan.existing_unknown, None);
    assert_eq!(numbers(&story.import("shop", &report).await), plan.result);
}

#[tokio::test]
async fn the_budget_and_rules_that_suppress_are_in_the_plan() {
    let story = Story::on(TestDatabase::sqlite().await).budget(1).begin().await;
    suppress_tests(&story).await;

    let found = [weakness("a", "a.js", 1), weakness("b", "b.js", 1), weakness("t", "test.js", 1)];
    let (_, plan) = plan_of(&story, &found).await;

    assert_eq!(plan.result.new.total(), 2, "what is suppressed is not new: {plan:?}");
    let share = &plan.destinations[0];
    assert_eq!((share.findings, share.create, share.wait), (2, 1, 1), "{plan:?}");
    assert_eq!(share.why.as_deref(), Some("the budget of 1 a day is used up"));
}

#[tokio::test]
async fn a_board_that_does_not_answer_says_nothing_about_the_findings() {
    let story = Story::sqlite().await;
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.settle().await;
    story.board.set_unreachable(true);

    let (_, plan) = plan_of(&story, &[]).await;

    assert_eq!(plan.result.fixed.high, 1, "{plan:?}");
    assert!(plan.existing_unknown.is_some_and(|why| why.contains("could not be read")), "the board is down");
}

#[tokio::test]
async fn a_report_that_was_imported_or_is_broken_or_too_large_has_no_plan() {
    let story = Story::sqlite().await;
    let report = Report::of(story.now(), &[weakness("a", "a.js", 1)]);
    story.import("shop", &report).await;

    let again = story.plan_import("shop", &report).await.unwrap();
    assert!(again.result.already_imported);
    assert_eq!((again.plan.tickets.len(), again.existing.tickets.len()), (0, 0));

    let broken = Report::of(story.now(), &[]).with("findings", "none");
    let refused = story.plan_import("shop", &broken).await.unwrap_err();
    assert_eq!((refused.code, refused.title), ("report_invalid", "The report cannot be imported"));

    let nameless = story.plan_import(" ", &report).await.unwrap_err();
    assert_eq!(nameless.code, "import_invalid");

    let many: Vec<Value> = (0..5_001).map(|n| weakness("a", &format!("{n}.js"), 1)).collect();
    let refused = story.plan_import("shop", &Report::of(story.now(), &many)).await.unwrap_err();
    assert_eq!(refused.detail, "It has 5001 results; up to 5000 are planned while somebody waits.");
}

#[tokio::test]
async fn closing_more_than_usual_waits_in_the_plan_and_nobody_hears_of_it() {
    let story = Story::sqlite().await;
    let many: Vec<Value> = (0..60).map(|n| weakness("a", &format!("{n}.js"), 1)).collect();
    story.scan(&many).await;
    story.settle().await;
    suppress_tests(&story).await;
    story.settle().await;
    let before = everything(&story).await;
    let mut events = story.engine.events();

    let found = [&many[24..], &[weakness("t", "test.js", 1)]].concat();
    let (report, plan) = plan_of(&story, &found).await;

    assert_eq!((plan.result.new.total(), plan.result.fixed.total()), (0, 24), "{plan:?}");
    assert_eq!((plan.existing.update, plan.existing.over_budget), (0, 24), "{plan:?}");
    let why = &plan.existing.tickets[0].reason;
    assert!(why.contains("waits for a person"), "{why}");
    assert_eq!(everything(&story).await, before, "no alarm, no breaker");
    assert!(events.try_recv().is_err(), "and no event");

    story.import("shop", &report).await;
    story.settle().await;
    let closed = story.board.work_items().into_iter().filter(|id| story.board.state_of(*id) == "Closed");
    assert_eq!(closed.count(), 0, "it waits");
}

#[tokio::test]
async fn the_tags_that_an_import_gives_to_its_asset_count_for_all_of_its_findings() {
    let story = Story::sqlite().await;
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.settle().await;
    let mut tx = story.engine.db().begin().await.unwrap();
    let rule = store::rules::all(&mut tx).await.unwrap().remove(0);
    drop(tx);
    let criteria = Criteria::parse(&json!({ "asset_tag": { "is": "web" } })).unwrap();
    let tagged = RuleSettings { criteria, ..rule.settings };
    story.engine.change_rule(rule.id, tagged, &Actor { name: "Ada".into() }).await.unwrap();
    story.scan(&[weakness("a", "a.js", 1), weakness("b", "b.js", 1)]).await;
    story.settle().await;
    assert_eq!(story.tickets().await.len(), 1, "b is not tagged");

    story.wait(Duration::minutes(1));
    let report = Report::of(story.now(), &[weakness("a", "a.js", 1), weakness("b", "b.js", 1)]);
    let untagged = story.plan_import("shop", &report).await.unwrap();
    assert_eq!(untagged.plan.create, 0, "{untagged:?}");
    let tagged = story.plan_import_with("shop", &report, &["web"]).await.unwrap();
    assert_eq!(rows(&tagged.plan), [(PlanAction::Create, "b in b.js")]);
}
