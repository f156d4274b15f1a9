//! Stories of what several scanners report of one vulnerability in one component, and of what the newest scans see.

use chrono::Duration;
use engine::{Actor, StatusChange};
use model::Status;
use model::rule::{Criteria, Grouping, RuleSettings};
use model::status::DetectionState;
use serde_json::{Value, json};
use store::views::findings::{FindingFilter, FindingRow, page};
use testkit::{Report, Story, databases, weakness};

fn ada() -> Actor {
    Actor { name: "Ada".into() }
}

fn vulnerable(id: &str, aliases: &[&str], component: &str, path: &str) -> Value {
    json!({
        "id": id, "aliases": aliases, "title": format!("{component}: {id}"), "severity": "high", "kind": "component",
        "component": component, "component_version": "1.0", "path": path,
    })
}

async fn scan_by(story: &Story, scanner: &str, findings: &[Value]) {
    story.wait(Duration::minutes(1));
    let report = Report::of(story.now(), findings).with("scanner", json!({ "name": scanner }));
    story.import("shop", &report).await;
}

async fn list(story: &Story, filter: FindingFilter) -> Vec<FindingRow> {
    let mut tx = story.engine.db().read().await.unwrap();
    let mut rows = page(&mut tx, &FindingFilter { now: story.now(), ..filter }, None, 100).await.unwrap();
    rows.sort_by_key(|row| row.id);
    rows
}

fn ids(rows: &[FindingRow]) -> Vec<(&str, &str)> {
    rows.iter().map(|row| (row.scanner.as_str(), row.vulnerability_id.as_str())).collect()
}

fn as_one() -> FindingFilter {
    FindingFilter { correlated_as_one: true, ..FindingFilter::default() }
}

#[tokio::test]
async fn what_scanners_call_by_other_names_can_be_shown_as_one_and_stays_apart() {
    for database in databases().await {
        let story = Story::on(database).begin().await;
        scan_by(&story, "npm", &[vulnerable("GHSA-1", &[], "lodash", "package-lock.json")]).await;
        let trivy = [
            vulnerable("CVE-2026-1", &[], "lodash", "/app/package-lock.json"),
            vulnerable("CVE-2026-1", &[], "lodash", "/tools/package-lock.json"),
            vulnerable("CVE-2026-2", &[], "lodash", "/app/package-lock.json"),
            weakness("CVE-2026-1", "a.js", 1),
        ];
        scan_by(&story, "Trivy", &trivy).await;
        let shown = list(&story, as_one()).await;
        assert_eq!(shown.len(), 5, "nothing says yet that GHSA-1 is CVE-2026-1");

        // A third scanner knows both names.
        scan_by(&story, "Grype", &[vulnerable("GHSA-1", &["CVE-2026-1"], "Lodash", "lock")]).await;
        let all = list(&story, FindingFilter::default()).await;
        assert_eq!(all.len(), 6, "each scanner has its own");
        let shown = list(&story, as_one()).await;
        assert_eq!(ids(&shown), [("npm", "GHSA-1"), ("Trivy", "CVE-2026-2"), ("Trivy", "CVE-2026-1")]);
        assert_eq!(shown[0].correlated, [("Grype".to_owned(), 1), ("Trivy".to_owned(), 2)]);
        let others = FindingFilter { correlated_with: Some(shown[0].id), ..FindingFilter::default() };
        let others = list(&story, others).await;
        assert_eq!(others.len(), 3, "all of the others are a step away");

        // What is shown fits the filter: Trivy's two stand for the rest once npm's is decided about.
        let why = Some("not reachable".to_owned());
        let accepted = StatusChange { status: Status::RiskAccepted, reason: why, temporary: None };
        story.engine.set_status(shown[0].id, accepted, &ada()).await.unwrap();
        let open = FindingFilter { statuses: vec![Status::Identified], ..as_one() };
        let shown = list(&story, open).await;
        assert_eq!(shown.iter().filter(|row| row.vulnerability_id == "CVE-2026-1").count(), 3);
        assert!(shown.iter().all(|row| row.scanner == "Trivy"), "{:?}", ids(&shown));
        let others: Vec<Status> =
            list(&story, FindingFilter::default()).await.iter().map(|row| row.status).collect();
        assert_eq!(
            others.iter().filter(|status| **status == Status::RiskAccepted).count(),
            1,
            "nobody else is"
        );
    }
}

#[tokio::test]
async fn one_ticket_holds_what_correlates_and_closes_when_each_scanner_has_proved_its_own() {
    let story = Story::sqlite().await;
    let mut tx = story.engine.db().read().await.unwrap();
    let known = store::rules::all(&mut tx).await.unwrap().remove(0);
    drop(tx);
    let settings = RuleSettings {
        grouping: Grouping::PerCorrelation,
        ..RuleSettings::new("Rule", Criteria::severity_at_least(model::Severity::Low))
    };
    story.engine.change_rule(known.id, settings, &ada()).await.unwrap();
    let npm = [vulnerable("CVE-2026-1", &[], "lodash", "package-lock.json")];
    scan_by(&story, "npm", &npm).await;
    story.settle().await;
    scan_by(&story, "Trivy", &[vulnerable("CVE-2026-1", &[], "lodash", "/app/package-lock.json")]).await;
    story.settle().await;
    assert_eq!(story.board.work_items().len(), 1);
    let state = |story: &Story| story.board.fields(story.work_item())["System.State"].clone();

    scan_by(&story, "Trivy", &[]).await;
    story.settle().await;
    assert_eq!(state(&story), "New", "npm still sees it");
    scan_by(&story, "npm", &[]).await;
    story.settle().await;
    assert_eq!(state(&story), "Closed");
}

#[tokio::test]
async fn findings_of_merged_assets_correlate_at_the_asset_that_stays() {
    for database in databases().await {
        let story = Story::on(database).begin().await;
        let named = |scanner: &str, findings: &[Value]| {
            Report::of(story.now(), findings).with("scanner", json!({ "name": scanner }))
        };
        story.import("old", &named("npm", &[vulnerable("CVE-2026-1", &[], "lodash", "a")])).await;
        story.import("shop", &named("Trivy", &[vulnerable("CVE-2026-1", &[], "lodash", "b")])).await;
        let before = list(&story, as_one()).await;
        assert_eq!(before.len(), 2, "assets are apart");
        story.engine.merge_asset(before[0].asset_id, before[1].asset_id, &ada()).await.unwrap();
        assert_eq!(list(&story, as_one()).await.len(), 1);
    }
}

#[tokio::test]
async fn a_finding_says_how_it_stands_to_the_newest_scans() {
    use DetectionState::{Detected, NoLongerDetected, NotCovered};
    for database in databases().await {
        let story = Story::on(database).begin().await;
        let states = async |story: &Story| -> Vec<Option<DetectionState>> {
            list(story, FindingFilter::default()).await.iter().map(|row| row.detection).collect()
        };
        let only = async |story: &Story, state| -> usize {
            list(story, FindingFilter { detection: vec![state], ..FindingFilter::default() }).await.len()
        };
        let both = [weakness("a", "src/a.js", 1), weakness("b", "lib/b.js", 1)];
        story.scan(&both).await;
        assert_eq!(states(&story).await, [Some(Detected), Some(Detected)]);
        let first = list(&story, FindingFilter::default()).await[0].id;
        let why = Some("internal".to_owned());
        let accepted = StatusChange { status: Status::RiskAccepted, reason: why, temporary: None };
        story.engine.set_status(first, accepted, &ada()).await.unwrap();

        // Only `src` is looked at, and nothing is there any more.
        story.wait(Duration::minutes(1));
        let of_src = Report::of(story.now(), &[]).with("coverage", json!({ "paths": ["src"] }));
        story.import("shop", &of_src).await;
        assert_eq!(states(&story).await, [Some(NoLongerDetected), Some(NotCovered)]);
        for state in [NoLongerDetected, NotCovered] {
            assert_eq!(only(&story, state).await, 1, "{state:?}");
        }
        assert_eq!(only(&story, Detected).await, 0);
        let status = list(&story, FindingFilter::default()).await[0].status;
        assert_eq!(status, Status::RiskAccepted, "no scan ends a decision");

        // Another configuration that has never seen it says nothing about it; one that sees it does.
        scan_by(&story, "other", &[weakness("c", "src/c.js", 1)]).await;
        assert_eq!(states(&story).await, [Some(NoLongerDetected), Some(NotCovered), Some(Detected)]);
        scan_by(&story, "other", &both[1..]).await;
        assert_eq!(states(&story).await[1], Some(Detected));
    }
}
