//! Stories of suppression rules: what they suppress, give back, and leave to people.

use chrono::{Duration, NaiveDate};
use engine::{Actor, StatusChange, SuppressionChange};
use model::rule::Criteria;
use model::suppression::SuppressionSettings;
use model::{FindingId, Status, SuppressionId};
use serde_json::json;
use testkit::{Story, TestDatabase, databases, weakness};

fn ada() -> Actor {
    Actor { name: "Ada".into() }
}

fn rule(name: &str, path: &str) -> SuppressionSettings {
    SuppressionSettings {
        name: name.into(),
        reason: "Not shipped".into(),
        criteria: Criteria::parse(&json!({ "path": { "matches": path } })).unwrap(),
        enabled: true,
        until: None,
    }
}

/// A finding in test code and three elsewhere.
async fn begin(database: TestDatabase) -> Story {
    let story = Story::on(database).begin().await;
    scan(&story).await;
    story.settle().await;
    story
}

async fn scan(story: &Story) {
    let seen = [
        weakness("a", "test/a.js", 1),
        weakness("b", "src/b.js", 1),
        weakness("c", "src/c.js", 1),
        weakness("d", "src/d.js", 1),
    ];
    story.scan(&seen).await;
}

async fn make(story: &Story, rule: SuppressionSettings) -> SuppressionId {
    let id = story.engine.create_suppression(rule, true, &ada()).await.unwrap();
    story.settle().await;
    id
}

async fn suppressed(story: &Story) -> usize {
    let statuses = story.statuses().await;
    statuses.iter().filter(|(_, status)| *status == Status::Suppressed).count()
}

async fn by_path(story: &Story, path: &str) -> store::findings::Finding {
    let mut tx = story.engine.db().read().await.unwrap();
    let all = store::findings::ruled_after(&mut tx, &[], uuid::Uuid::nil(), 50).await.unwrap();
    all.into_iter().find(|finding| finding.detail.location.path == path).unwrap()
}

async fn decide(story: &Story, id: FindingId, status: Status) {
    let change = StatusChange { status, reason: Some("looked at".into()), temporary: None };
    story.engine.set_status(id, change, &ada()).await.unwrap();
    story.settle().await;
}

#[tokio::test]
async fn a_rule_suppresses_what_it_matches_and_gives_it_back_when_it_goes() {
    for database in databases().await {
        let story = begin(database).await;
        let id = make(&story, rule("Tests", "test/**")).await;
        assert_eq!(suppressed(&story).await, 1);
        let finding = by_path(&story, "test/a.js").await;
        assert_eq!(finding.triage.suppressed_by, Some(id));
        assert_eq!(finding.triage.reason.as_deref(), Some("Not shipped"));
        // Scans see it again, and it stays.
        story.wait(Duration::days(1));
        scan(&story).await;
        story.settle().await;
        assert_eq!(suppressed(&story).await, 1);
        let writes = story.board.writes();
        story.sweep().await;
        assert_eq!(story.board.writes(), writes);

        // Switched off, it comes back; switched on, it goes again; deleted, it is back.
        let off = SuppressionSettings { enabled: false, ..rule("Tests", "test/**") };
        story.engine.change_suppression(id, off, false, &ada()).await.unwrap();
        story.settle().await;
        assert_eq!(by_path(&story, "test/a.js").await.status, Status::Identified);
        story.engine.change_suppression(id, rule("Tests", "test/**"), true, &ada()).await.unwrap();
        story.settle().await;
        assert_eq!(suppressed(&story).await, 1);
        story.engine.delete_suppression(id, &ada()).await.unwrap();
        story.settle().await;
        assert_eq!(suppressed(&story).await, 0);
        let history = story.history().await;
        let told = |words: &str| history.iter().filter(|line| line.contains(words)).count();
        assert_eq!(told("Suppressed by the rule Tests: Not shipped"), 2, "{history:?}");
        assert_eq!(told("The rule that suppressed it was deleted."), 1, "{history:?}");
    }
}

#[tokio::test]
async fn what_is_suppressed_when_it_is_taken_in_is_not_new_and_gets_no_ticket() {
    let story = Story::sqlite().await;
    make(&story, rule("Tests", "test/**")).await;
    let seen = [weakness("a", "test/a.js", 1), weakness("b", "src/b.js", 1)];
    let result = story.scan(&seen).await;
    let new = &result["new"];
    let total: u64 =
        ["critical", "high", "medium", "low", "info"].iter().map(|of| new[of].as_u64().unwrap()).sum();
    assert_eq!(total, 1, "{result}");
    story.settle().await;
    assert_eq!((suppressed(&story).await, story.board.work_items().len()), (1, 1));
}

#[tokio::test]
async fn what_a_person_decided_stays_whatever_rules_say() {
    let story = begin(TestDatabase::sqlite().await).await;
    let mine = by_path(&story, "src/b.js").await.id;
    decide(&story, mine, Status::Suppressed).await;
    let wanted = by_path(&story, "src/c.js").await.id;
    decide(&story, wanted, Status::Identified).await;
    let id = make(&story, rule("Everything in src", "src/**")).await;
    assert_eq!(by_path(&story, "src/c.js").await.status, Status::Identified);
    assert_eq!(by_path(&story, "src/d.js").await.status, Status::Suppressed);
    // A person takes one back from the rule; the rule does not take it again.
    let back = by_path(&story, "src/d.js").await.id;
    decide(&story, back, Status::Identified).await;
    story.wait(Duration::days(1));
    scan(&story).await;
    story.settle().await;
    assert_eq!(by_path(&story, "src/d.js").await.status, Status::Identified);
    story.engine.delete_suppression(id, &ada()).await.unwrap();
    story.settle().await;
    assert_eq!(suppressed(&story).await, 1, "what a person suppressed stays suppressed");
}

#[tokio::test]
async fn a_preview_says_what_would_happen_and_a_wide_rule_is_confirmed_first() {
    let story = begin(TestDatabase::sqlite().await).await;
    let narrow = SuppressionChange::Add(rule("Tests", "test/**"));
    let plan = story.engine.plan_suppression(&narrow).await.unwrap();
    assert_eq!((plan.open, plan.suppress.total(), plan.tickets_closing), (4, 1, 1));
    assert_eq!(plan.examples[0].asset, "shop");
    assert!(!plan.needs_confirmation, "a quarter is not more than a quarter");
    assert_eq!(suppressed(&story).await, 0, "a preview changes nothing");

    let wide = rule("Source", "src/**");
    let refused = story.engine.create_suppression(wide.clone(), false, &ada()).await.unwrap_err();
    assert_eq!(refused.code, "suppression_wide");
    assert!(refused.detail.contains("3 of 4 open findings"), "{}", refused.detail);
    let id = make(&story, wide).await;
    assert_eq!(suppressed(&story).await, 3);
    let gone = story.engine.plan_suppression(&SuppressionChange::Remove(id)).await.unwrap();
    assert_eq!((gone.suppress.total(), gone.come_back.total()), (0, 3));
    let other = SuppressionChange::Set(id, rule("Source", "test/**"));
    let changed = story.engine.plan_suppression(&other).await.unwrap();
    assert_eq!((changed.suppress.total(), changed.come_back.total()), (1, 3));
    let twice = story.engine.create_suppression(rule("SOURCE", "x"), false, &ada()).await.unwrap_err();
    assert_eq!(twice.code, "suppression_exists");
    let everything = SuppressionSettings { criteria: Criteria::default(), ..rule("All", "x") };
    let refused = story.engine.create_suppression(everything, true, &ada()).await.unwrap_err();
    assert_eq!(refused.code, "suppression_invalid");
}

#[tokio::test]
async fn a_rule_that_asks_for_the_status_comes_to_rest_and_one_with_a_last_day_ends() {
    let story = begin(TestDatabase::sqlite().await).await;
    let today = story.now().date_naive();
    let criteria =
        json!({ "all": [{ "status": { "is": "identified" } }, { "path": { "matches": "test/**" } }] });
    let settings = SuppressionSettings {
        criteria: Criteria::parse(&criteria).unwrap(),
        until: Some(today),
        ..rule("Today", "x")
    };
    make(&story, settings).await;
    assert_eq!(suppressed(&story).await, 1);
    let lines = story.history().await.len();
    story.wait(Duration::hours(1));
    scan(&story).await;
    story.settle().await;
    assert_eq!(story.history().await.len(), lines, "nothing goes back and forth");
    let tomorrow: NaiveDate = today.succ_opt().unwrap();
    story.wait(tomorrow.and_hms_opt(0, 1, 0).unwrap().and_utc() - story.now());
    story.settle().await;
    assert_eq!(suppressed(&story).await, 0);
}
