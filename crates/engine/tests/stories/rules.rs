//! Stories of ticketing rules: which findings get tickets, where, and which share one.

use chrono::Duration;
use engine::{Actor, AssetSettings};
use model::map::SeverityMap;
use model::rule::{AppliesTo, Criteria, Fact, Grouping, OnMatch, RuleSettings};
use model::{DestinationId, Impact, RuleId, Severity};
use serde_json::{Value, json};
use store::args;
use testkit::{Story, weakness};

fn ada() -> Actor {
    Actor { name: "Ada".into() }
}

fn criteria(value: Value) -> Criteria {
    Criteria::parse(&value).unwrap()
}

fn rule(name: &str, value: Value) -> RuleSettings {
    RuleSettings::new(name, criteria(value))
}

/// A weakness of a component with its fix.
fn vulnerable(id: &str, component: &str, fixed: &str, path: &str) -> Value {
    json!({
        "id": id,
        "kind": "component",
        "title": format!("{id} in {component}"),
        "severity": "high",
        "path": path,
        "component": component,
        "component_version": "1.0.0",
        "fixed_version": fixed,
    })
}

/// A story without its rule.
async fn without_rules() -> Story {
    let story = Story::sqlite().await;
    for (id, _) in rules(&story).await {
        story.engine.delete_rule(id, &ada()).await.unwrap();
    }
    story
}

async fn rules(story: &Story) -> Vec<(RuleId, String)> {
    let mut tx = story.engine.db().read().await.unwrap();
    let rules = store::rules::all(&mut tx).await.unwrap();
    rules.into_iter().map(|rule| (rule.id, rule.settings.name)).collect()
}

/// Another destination of the same connection, for an asset that nobody scans.
async fn another_destination(story: &Story, name: &str) -> DestinationId {
    let mut tx = story.engine.db().read().await.unwrap();
    let mut settings = store::destinations::get(&mut tx, story.destination).await.unwrap().unwrap().settings;
    drop(tx);
    settings.name = name.into();
    settings.severity_map = SeverityMap::default();
    let new = engine::NewDestination {
        connection_id: story.connection,
        binding: model::routing::Binding::Group { tags: vec!["elsewhere".into()] },
        settings,
    };
    story.engine.create_destination(new, &ada()).await.unwrap()
}

/// Titles of the tickets' findings, ticket by ticket, with the destination and the names of the rules.
async fn tickets(story: &Story) -> Vec<(Vec<String>, DestinationId, Vec<String>)> {
    while story.engine.make_tickets().await.unwrap() > 0 {}
    let mut all = Vec::new();
    for ticket in story.tickets().await {
        let mut tx = story.engine.db().read().await.unwrap();
        let findings = store::findings::of_ticket(&mut tx, ticket.id).await.unwrap();
        let mut titles: Vec<String> =
            findings.iter().map(|finding| finding.detail.vulnerability.id.clone()).collect();
        titles.sort();
        let rules = store::rules::of_ticket(&mut tx, ticket.id).await.unwrap();
        let rules = rules.into_iter().map(|rule| rule.settings.name).collect();
        all.push((titles, ticket.destination_id, rules));
    }
    all.sort();
    all
}

async fn titles(story: &Story) -> Vec<Vec<String>> {
    tickets(story).await.into_iter().map(|(titles, _, _)| titles).collect()
}

#[tokio::test]
async fn only_what_the_criteria_match_gets_a_ticket() {
    let story = without_rules().await;
    story
        .scan(&[
            weakness("a", "src/a.js", 1),
            weakness("b", "test/b.js", 1),
            vulnerable("c", "lodash", "2", ""),
        ])
        .await;
    let settings = rule(
        "code",
        json!({ "all": [{ "severity": { "at_least": "medium" } }, { "kind": "code" }, { "not": { "path": { "matches": "TEST/**" } } }] }),
    );
    story.engine.create_rule(settings, &ada()).await.unwrap();
    assert_eq!(titles(&story).await, [["a"]]);
}

#[tokio::test]
async fn the_first_rule_that_matches_decides_and_the_order_can_be_changed() {
    let story = without_rules().await;
    let there = another_destination(&story, "There").await;
    let all = story.engine.create_rule(rule("all", json!({})), &ada()).await.unwrap();
    let pinned =
        RuleSettings { destination: Some(there), ..rule("pinned", json!({ "path": { "contains": "pay" } })) };
    let pinned = story.engine.create_rule(pinned, &ada()).await.unwrap();
    story.scan(&[weakness("a", "pay/a.js", 1)]).await;
    assert_eq!(tickets(&story).await, [(vec!["a".into()], story.destination, vec!["all".into()])]);

    let short = story.engine.reorder_rules(&[pinned], &ada()).await.unwrap_err();
    assert_eq!(short.code, "rules_changed");
    story.engine.reorder_rules(&[pinned, all], &ada()).await.unwrap();
    assert_eq!(rules(&story).await, [(pinned, "pinned".into()), (all, "all".into())]);
    story.scan(&[weakness("a", "pay/a.js", 1), weakness("b", "pay/b.js", 1)]).await;
    assert_eq!(
        tickets(&story).await,
        [
            (vec!["a".into()], story.destination, vec!["all".into()]),
            (vec!["b".into()], there, vec!["pinned".into()]),
        ],
        "what has a ticket keeps it"
    );
}

#[tokio::test]
async fn rules_that_go_on_make_one_ticket_for_each_destination_and_share_it_where_they_agree() {
    let story = without_rules().await;
    let there = another_destination(&story, "There").await;
    for settings in [
        RuleSettings { on_match: OnMatch::GoOn, ..rule("everything", json!({})) },
        RuleSettings {
            on_match: OnMatch::GoOn,
            destination: Some(there),
            ..rule("also there", json!({ "severity": { "at_least": "high" } }))
        },
        rule("again here", json!({ "kind": "code" })),
        rule("never asked", json!({})),
    ] {
        story.engine.create_rule(settings, &ada()).await.unwrap();
    }
    story.scan(&[weakness("a", "a.js", 1)]).await;
    let mut expected = vec![
        (vec!["a".to_owned()], story.destination, vec!["everything".to_owned(), "again here".to_owned()]),
        (vec!["a".to_owned()], there, vec!["also there".to_owned()]),
    ];
    expected.sort();
    assert_eq!(tickets(&story).await, expected);
    // Nothing more comes of looking again.
    story.wait(Duration::hours(2));
    assert_eq!(tickets(&story).await, expected);
    story.settle().await;
    assert_eq!(story.board.work_items().len(), 2);
}

#[tokio::test]
async fn a_rule_that_is_switched_on_again_makes_no_second_ticket() {
    let story = Story::sqlite().await;
    let there = another_destination(&story, "There").await;
    story.scan(&[weakness("a", "a.js", 1)]).await;
    assert_eq!(tickets(&story).await.len(), 1);
    let (old, _) = rules(&story).await.remove(0);
    let mut off = rule("Everything", json!({}));
    off.enabled = false;
    story.engine.change_rule(old, off.clone(), &ada()).await.unwrap();
    let elsewhere = RuleSettings { destination: Some(there), ..rule("elsewhere", json!({})) };
    story.engine.create_rule(elsewhere, &ada()).await.unwrap();
    assert_eq!(tickets(&story).await.len(), 1, "the finding has its ticket");
    story.engine.delete_rule(old, &ada()).await.unwrap();
    assert_eq!(tickets(&story).await.len(), 1, "also when its rule is gone");
}

#[tokio::test]
async fn a_rule_for_new_findings_leaves_the_backlog_alone() {
    let story = without_rules().await;
    story.scan(&[weakness("old", "a.js", 1)]).await;
    let new_only = RuleSettings { applies_to: AppliesTo::NewFindings, ..rule("new", json!({})) };
    let id = story.engine.create_rule(new_only.clone(), &ada()).await.unwrap();
    assert!(titles(&story).await.is_empty());
    story.scan(&[weakness("old", "a.js", 1), weakness("new", "b.js", 1)]).await;
    assert_eq!(titles(&story).await, [["new"]]);
    // A change of something else does not make the backlog new, nor what was new old.
    story.scan(&[weakness("old", "a.js", 1), weakness("new", "b.js", 1), weakness("newer", "c.js", 1)]).await;
    let renamed = RuleSettings { name: "renamed".into(), ..new_only };
    story.engine.change_rule(id, renamed, &ada()).await.unwrap();
    assert_eq!(titles(&story).await, [["new"], ["newer"]]);
    story.engine.change_rule(id, rule("all", json!({})), &ada()).await.unwrap();
    assert_eq!(titles(&story).await, [["new"], ["newer"], ["old"]]);
}

#[tokio::test]
async fn a_scheduled_rule_begins_and_ends_by_itself() {
    let story = without_rules().await;
    let today = story.now().date_naive();
    let day = |days: i64| Some(today + Duration::days(days));
    let settings = RuleSettings { from: day(1), until: day(2), ..rule("sprint", json!({})) };
    let id = story.engine.create_rule(settings.clone(), &ada()).await.unwrap();
    story.scan(&[weakness("a", "a.js", 1)]).await;
    assert!(titles(&story).await.is_empty());
    let plan = story.engine.plan_rule(&settings, Some(id)).await.unwrap();
    assert_eq!((plan.plan.create, plan.plan.over_budget), (0, 1));
    assert_eq!(plan.plan.tickets[0].reason, format!("the rule begins on {}", today + Duration::days(1)));
    story.wait(Duration::days(1));
    assert_eq!(titles(&story).await, [["a"]], "nobody did anything");
    story.wait(Duration::days(2));
    story.scan(&[weakness("a", "a.js", 1), weakness("b", "b.js", 1)]).await;
    assert_eq!(titles(&story).await, [["a"]]);
}

#[tokio::test]
async fn a_rule_that_asks_for_an_age_takes_findings_as_they_grow_old() {
    let story = without_rules().await;
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.engine.create_rule(rule("old", json!({ "age_days": { "at_least": 3 } })), &ada()).await.unwrap();
    assert!(titles(&story).await.is_empty());
    story.wait(Duration::days(3) + Duration::hours(1));
    assert_eq!(titles(&story).await, [["a"]]);
}

#[tokio::test]
async fn each_grouping_shares_tickets_as_it_says() {
    let found = [
        vulnerable("CVE-1", "lodash", "2.0.0", "a/package-lock.json"),
        vulnerable("CVE-2", "lodash", "2.0.0", "b/package-lock.json"),
        vulnerable("CVE-1", "lodash", "2.0.0", "b/package-lock.json"),
        vulnerable("CVE-3", "lodash", "3.0.0", "a/package-lock.json"),
        weakness("xss", "a.js", 1),
        weakness("xss", "a.js", 50),
    ];
    let by = |names: &[&str]| Grouping::By(names.iter().map(|name| Fact::named(name).unwrap()).collect());
    for (grouping, expected) in [
        (Grouping::PerFinding, vec![1, 1, 1, 1, 1, 1]),
        (Grouping::PerVulnerabilityAndAsset, vec![1, 1, 2, 2]),
        (Grouping::PerVulnerability, vec![1, 1, 2, 2]),
        (Grouping::PerCorrelation, vec![1, 1, 1, 1, 2]),
        (Grouping::PerFix, vec![1, 2, 3]),
        (Grouping::PerAsset, vec![6]),
        (by(&["component"]), vec![2, 4]),
        (by(&["kind", "path"]), vec![2, 2, 2]),
    ] {
        let story = without_rules().await;
        story.scan(&found).await;
        let settings = RuleSettings { grouping: grouping.clone(), ..rule("r", json!({})) };
        let plan = story.engine.plan_rule(&settings, None).await.unwrap();
        story.engine.create_rule(settings, &ada()).await.unwrap();
        let mut sizes: Vec<usize> = titles(&story).await.iter().map(Vec::len).collect();
        sizes.sort_unstable();
        assert_eq!(sizes, expected, "{grouping}");
        assert_eq!(plan.plan.create as usize, sizes.len(), "the plan of {grouping} came true");
    }
}

#[tokio::test]
async fn a_finding_keeps_its_ticket_when_its_key_changes() {
    let story = without_rules().await;
    let settings = RuleSettings {
        grouping: Grouping::By(vec![Fact::named("severity").unwrap()]),
        ..rule("by severity", json!({}))
    };
    story.engine.create_rule(settings, &ada()).await.unwrap();
    let low = |id: &str| json!({ "id": id, "title": id, "severity": "low", "path": "a.js", "start_line": 1 });
    story.scan(&[weakness("a", "a.js", 1), weakness("b", "b.js", 1), low("c")]).await;
    assert_eq!(titles(&story).await, [vec!["a", "b"], vec!["c"]]);
    let mut worse = low("c");
    worse["severity"] = json!("high");
    story.scan(&[weakness("a", "a.js", 1), weakness("b", "b.js", 1), worse]).await;
    assert_eq!(titles(&story).await, [vec!["a", "b"], vec!["c"]]);
}

#[tokio::test]
async fn a_rule_whose_destination_is_gone_stops_with_an_alarm_and_goes_on_once_it_is_mended() {
    let story = without_rules().await;
    let there = another_destination(&story, "There").await;
    let pinned = RuleSettings { destination: Some(there), ..rule("pinned", json!({})) };
    let id = story.engine.create_rule(pinned, &ada()).await.unwrap();
    story.engine.delete_destination(there, &ada()).await.unwrap();
    story.scan(&[weakness("a", "a.js", 1)]).await;
    assert!(titles(&story).await.is_empty(), "it does not choose another one by itself");
    story.engine.survey_alarms().await.unwrap();
    let alarms = || async {
        let mut tx = story.engine.db().read().await.unwrap();
        let alarms = store::alarms::open(&mut tx, store::alarms::Kind::RuleStopped).await.unwrap();
        alarms.into_iter().map(|alarm| alarm.what).collect::<Vec<_>>()
    };
    assert_eq!(alarms().await, ["pinned: the destination that it names was deleted; findings of shop wait."]);
    let again = RuleSettings { destination: Some(there), ..rule("pinned", json!({})) };
    let refused = story.engine.change_rule(id, again.clone(), &ada()).await.unwrap_err();
    assert_eq!((refused.code, refused.fields[0].0.as_str()), ("rule_invalid", "/destination"));
    assert!(story.engine.plan_rule(&again, Some(id)).await.is_err());
    story.engine.change_rule(id, rule("pinned", json!({})), &ada()).await.unwrap();
    assert_eq!(titles(&story).await, [["a"]]);
    story.engine.survey_alarms().await.unwrap();
    assert!(alarms().await.is_empty());
}

#[tokio::test]
async fn the_plan_of_a_change_shows_what_other_rules_take_and_what_has_its_ticket() {
    let story = without_rules().await;
    story.engine.create_rule(rule("code", json!({ "kind": "code" })), &ada()).await.unwrap();
    let second = story.engine.create_rule(rule("second", json!({ "kind": "secret" })), &ada()).await.unwrap();
    story.scan(&[weakness("a", "a.js", 1), vulnerable("CVE-1", "lodash", "2", "x")]).await;
    assert_eq!(titles(&story).await, [["a"]]);
    let wider = rule("second", json!({}));
    let plan = story.engine.plan_rule(&wider, Some(second)).await.unwrap();
    assert_eq!((plan.matching, plan.taken, plan.plan.create), (2, 1, 1));
    story.engine.change_rule(second, wider.clone(), &ada()).await.unwrap();
    assert_eq!(titles(&story).await, [["CVE-1"], ["a"]]);
    let plan = story.engine.plan_rule(&wider, Some(second)).await.unwrap();
    assert_eq!((plan.matching, plan.taken, plan.with_ticket, plan.plan.create), (2, 1, 1, 0));
    let off = RuleSettings { enabled: false, ..wider };
    let plan = story.engine.plan_rule(&off, Some(second)).await.unwrap();
    assert_eq!((plan.matching, plan.plan.create), (2, 0));
    let counts = story.engine.count_rules().await.unwrap();
    assert_eq!(counts[&second], 2, "the count does not ask who comes first");
    assert_eq!(story.engine.count_matches(&Criteria::severity_at_least(Severity::High)).await.unwrap(), 2);
}

#[tokio::test]
async fn a_rule_over_fifty_thousand_findings_shows_its_plan_in_seconds_and_floods_nothing() {
    const FINDINGS: usize = 50_000;
    let story = without_rules().await;
    story.scan(&[weakness("w", "a.js", 1)]).await;
    // One finding as a scan left it, many times over.
    let mut tx = story.engine.db().begin().await.unwrap();
    let first = store::findings::undecided(&mut tx, &[], 1).await.unwrap().remove(0);
    let seen = store::findings::detections(&mut tx, first.id).await.unwrap().remove(0);
    for number in 1..FINDINGS {
        let mut finding = first.clone();
        finding.id = story.engine.world().id();
        finding.fingerprint = format!("v1:{number}");
        finding.detail.location.path = format!("src/{number}.js");
        finding.detail.vulnerability.id = format!("w{}", number % 1_000);
        assert!(store::findings::add(&mut tx, &finding, false).await.unwrap());
        let mut detection = seen.clone();
        detection.finding_id = finding.id;
        store::findings::save_detection(&mut tx, &detection).await.unwrap();
    }
    tx.commit().await.unwrap();

    let settings = RuleSettings {
        grouping: Grouping::PerVulnerabilityAndAsset,
        ..rule(
            "flood",
            json!({ "all": [{ "severity": { "at_least": "high" } }, { "path": { "matches": "**/*.js" } }] }),
        )
    };
    let before = std::time::Instant::now();
    let plan = story.engine.plan_rule(&settings, None).await.unwrap();
    println!("plan over {FINDINGS} findings: {:?}", before.elapsed());
    let budget = 1_000;
    assert_eq!(plan.matching as usize, FINDINGS);
    assert_eq!(plan.plan.create, budget, "1,001 groups share a budget of 1,000");
    assert_eq!(plan.plan.over_budget, 1);
    let before = std::time::Instant::now();
    let each = RuleSettings { grouping: Grouping::PerFinding, ..settings.clone() };
    let plan = story.engine.plan_rule(&each, None).await.unwrap();
    println!("plan of a ticket each: {:?}", before.elapsed());
    assert_eq!(plan.plan.create, 0, "more than 10,000 at once wait for a person");
    assert_eq!(plan.plan.over_budget as usize, FINDINGS);
    let before = std::time::Instant::now();
    story.engine.create_rule(settings, &ada()).await.unwrap();
    println!("saving it: {:?}", before.elapsed());
    let mut tx = story.engine.db().read().await.unwrap();
    let undecided = tx.count("SELECT COUNT(*) AS n FROM finding WHERE undecided", args![]).await.unwrap();
    assert_eq!(undecided, 1, "saving touches no finding");
    drop(tx);
    let before = std::time::Instant::now();
    while story.engine.make_tickets().await.unwrap() > 0 {}
    println!("making the tickets: {:?}", before.elapsed());
    assert_eq!(story.tickets().await.len(), 1_001);
    story.engine.step().await.unwrap();
    assert_eq!(story.board.work_items().len() as u64, budget);
}

#[tokio::test]
async fn rules_choose_assets_by_owner_and_impact_and_see_when_these_change() {
    let story = without_rules().await;
    let wanted = json!({ "all": [{ "impact": { "is_one_of": ["high", "critical"] } }, { "asset_owner": { "is": "team payments" } }] });
    story.engine.create_rule(rule("what matters", wanted), &ada()).await.unwrap();
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.settle().await;
    assert!(titles(&story).await.is_empty(), "nobody has said anything about the asset");
    let mut tx = story.engine.db().read().await.unwrap();
    let shop = store::assets::by_name(&mut tx, "shop").await.unwrap().unwrap().id;
    drop(tx);
    let said = AssetSettings {
        owner: Some(" Team Payments ".into()),
        impact: Some(Impact::Critical),
        ..AssetSettings::default()
    };
    story.engine.change_asset(shop, said, &ada()).await.unwrap();
    story.settle().await;
    assert_eq!(titles(&story).await, [["a"]]);
    let long = AssetSettings { owner: Some("x".repeat(201)), ..AssetSettings::default() };
    assert_eq!(story.engine.change_asset(shop, long, &ada()).await.unwrap_err().code, "owner_too_long");
}

#[tokio::test]
async fn a_finding_that_gets_worse_is_asked_about_again() {
    let story = Story::sqlite().await;
    let mut tx = story.engine.db().read().await.unwrap();
    let rule = store::rules::all(&mut tx).await.unwrap().remove(0);
    drop(tx);
    let critical = RuleSettings::new("Critical", Criteria::severity_at_least(Severity::Critical));
    story.engine.change_rule(rule.id, critical, &Actor { name: "Ada".into() }).await.unwrap();
    let mut seen = weakness("a", "a.js", 1);
    story.scan(std::slice::from_ref(&seen)).await;
    story.settle().await;
    assert_eq!(story.board.work_items().len(), 0);
    seen["severity"] = "critical".into();
    story.scan(&[seen]).await;
    story.settle().await;
    assert_eq!(story.board.work_items().len(), 1);
}
