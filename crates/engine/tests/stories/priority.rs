//! Stories of what findings are worth: exploit data, risk, due dates.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};
use engine::{Actor, AssetSettings, ExploitLoad, ExploitSource, Refusal, StatusChange};
use model::priority::{Probability, SlaMatrix, SlaState};
use model::rule::{Criteria, RuleSettings};
use model::status::FallBack;
use model::{Impact, Severity, Status};
use serde_json::{Value, json};
use store::findings::Finding;
use testkit::{Story, TestDatabase, databases, weakness};

const CVE: &str = "CVE-2026-1234";

fn ada() -> Actor {
    Actor { name: "Ada".into() }
}

/// A finding of a CVE.
fn vulnerable(cve: &str) -> Value {
    let mut finding = weakness("a", "a.js", 1);
    finding["id"] = cve.into();
    finding
}

/// EPSS scores of a day in March 2026.
fn scores(day: u32, scores: &[(&str, f64)]) -> String {
    let rows: String = scores.iter().map(|(cve, score)| format!("{cve},{score},0.5\n")).collect();
    format!("#model_version:v1,score_date:2026-03-{day:02}T00:00:00+0000\ncve,epss,percentile\n{rows}")
}

/// The catalogue of a day in March 2026.
fn catalogue(day: u32, cves: &[&str]) -> String {
    let entries: Vec<Value> = cves
        .iter()
        .map(|cve| json!({"cveID": cve, "dateAdded": "2026-03-01", "requiredAction": "Patch."}))
        .collect();
    let released = format!("2026-03-{day:02}T00:00:00Z");
    json!({"catalogVersion": released, "dateReleased": released, "vulnerabilities": entries}).to_string()
}

async fn load(story: &Story, text: &str) -> Result<ExploitLoad, Refusal> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    let path = file.path().to_owned();
    let loaded = story.engine.load_exploit_data(path.clone(), "the file", &ada()).await;
    assert!(!path.exists(), "the file is deleted");
    loaded
}

async fn finding(story: &Story) -> Finding {
    let mut tx = story.engine.db().read().await.unwrap();
    store::findings::worst_open(&mut tx, 1).await.unwrap().remove(0)
}

async fn due(story: &Story) -> Option<DateTime<Utc>> {
    finding(story).await.priority.sla.map(|sla| sla.due_at)
}

async fn history(story: &Story) -> Vec<String> {
    let id = finding(story).await.id;
    let mut tx = story.engine.db().read().await.unwrap();
    let page = store::views::history::page(&mut tx, store::views::history::Subject::Finding, id.0, None, 50);
    page.await.unwrap().into_iter().map(|row| format!("{} ({})", row.what, row.cause_label)).collect()
}

#[tokio::test]
async fn a_rule_about_exploits_makes_its_tickets_when_the_world_learns_of_them() {
    for database in databases().await {
        let story = Story::on(database).begin().await;
        let mut tx = story.engine.db().read().await.unwrap();
        let rule = store::rules::all(&mut tx).await.unwrap().remove(0);
        drop(tx);
        let criteria = json!({"any": [{"known_exploited": {"is": true}}, {"epss": {"at_least": 0.5}}]});
        let criteria: Criteria = serde_json::from_value(criteria).unwrap();
        let settings = RuleSettings { criteria, ..RuleSettings::new("Exploited", Criteria::default()) };
        story.engine.change_rule(rule.id, settings, &ada()).await.unwrap();
        story.scan(&[vulnerable(CVE)]).await;
        story.settle().await;
        assert_eq!(story.tickets().await.len(), 0);

        load(&story, &scores(1, &[(CVE, 0.2), ("CVE-2026-9999", 0.9)])).await.unwrap();
        story.settle().await;
        let known = finding(&story).await.priority;
        assert_eq!((known.epss, known.known_exploited), (Some(Probability::from_millionths(200_000)), false));
        assert_eq!(story.tickets().await.len(), 0, "not likely enough");

        load(&story, &catalogue(1, &["CVE-2026-9999", CVE])).await.unwrap();
        story.settle().await;
        assert_eq!(story.tickets().await.len(), 1);
        assert!(finding(&story).await.priority.known_exploited);
        assert!(finding(&story).await.priority.risk > known.risk);
        let history = history(&story).await;
        assert!(history.iter().any(|entry| entry.starts_with("Known to be exploited.")), "{history:?}");
    }
}

#[tokio::test]
async fn exploit_data_is_replaced_as_a_whole_by_a_newer_file_and_never_by_an_older_or_broken_one() {
    for database in databases().await {
        let story = Story::on(database).begin().await;
        story.scan(&[vulnerable(CVE)]).await;
        let epss = async |story: &Story| {
            story.settle().await;
            finding(story).await.priority.epss.map(Probability::millionths)
        };
        let first = load(&story, &scores(5, &[(CVE, 0.2)])).await.unwrap();
        assert_eq!((first.source, first.records, first.unchanged), (ExploitSource::Epss, 1, false));
        assert_eq!(epss(&story).await, Some(200_000));

        assert!(load(&story, &scores(5, &[(CVE, 0.2)])).await.unwrap().unchanged);
        let older = load(&story, &scores(4, &[(CVE, 0.9)])).await.unwrap_err();
        assert_eq!(older.code, "exploit_data_older");
        let broken = load(&story, &scores(6, &[(CVE, 0.9), ("CVE-2026-2", 0.1)])).await.unwrap_err();
        assert!(broken.detail.contains("'CVE-2026-2' is no CVE"), "{}", broken.detail);
        assert_eq!(epss(&story).await, Some(200_000), "nothing of it is left behind");

        load(&story, &scores(6, &[("CVE-2026-7777", 0.1)])).await.unwrap();
        assert_eq!(epss(&story).await, None, "it is not scored any more");
    }
}

#[tokio::test]
async fn more_scores_than_fit_into_one_statement_are_loaded_and_one_given_twice_counts_once() {
    for database in databases().await {
        let story = Story::on(database).begin().await;
        let mut rows: Vec<(String, f64)> =
            (0..12_000).map(|n| (format!("CVE-2020-{:05}", 10_000 + n), 0.1)).collect();
        rows.push((CVE.to_owned(), 0.1));
        rows.push((CVE.to_owned(), 0.3));
        let rows: Vec<(&str, f64)> = rows.iter().map(|(cve, score)| (cve.as_str(), *score)).collect();
        assert_eq!(load(&story, &scores(1, &rows)).await.unwrap().records, 12_002);
        story.scan(&[vulnerable(CVE)]).await;
        story.settle().await;
        assert_eq!(finding(&story).await.priority.epss.map(Probability::millionths), Some(300_000));
    }
}

#[tokio::test]
async fn due_dates_follow_the_matrix_the_impact_and_the_catalogue_at_once_and_the_history_says_why() {
    let story = Story::on(TestDatabase::sqlite().await).type_of_work("Issue").begin().await;
    story.scan(&[vulnerable(CVE)]).await;
    story.settle().await;
    let since = finding(&story).await.open_since;
    let on_board = |story: &Story| {
        let fields = story.board.fields(story.work_item());
        fields["Microsoft.VSTS.Scheduling.DueDate"].as_str().unwrap_or_default()[..10].to_owned()
    };
    let after = |days: i64| (since + Duration::days(days)).format("%Y-%m-%d").to_string();
    assert_eq!((due(&story).await, on_board(&story)), (Some(since + Duration::days(30)), after(30)));

    let asset = finding(&story).await.asset_id;
    let critical = AssetSettings { impact: Some(Impact::Critical), ..AssetSettings::default() };
    story.engine.change_asset(asset, critical, &ada()).await.unwrap();
    story.settle().await;
    assert_eq!(on_board(&story), after(14));

    let mut matrix = SlaMatrix::default();
    matrix.days.insert(Severity::High, BTreeMap::from([(Impact::Critical, 21)]));
    story.engine.set_sla_matrix(matrix, &ada()).await.unwrap();
    story.settle().await;
    assert_eq!((due(&story).await, on_board(&story)), (Some(since + Duration::days(21)), after(21)));

    load(&story, &catalogue(1, &[CVE])).await.unwrap();
    story.settle().await;
    assert_eq!(on_board(&story), after(14), "what is known to be exploited has two weeks");
    let told =
        format!("Known to be exploited. Due {} instead of {}. (SLA (version 1))", after(14), after(21));
    assert!(history(&story).await.contains(&told), "{:?}", history(&story).await);

    story.engine.set_sla_matrix(SlaMatrix::blank(), &ada()).await.unwrap();
    story.settle().await;
    assert_eq!(due(&story).await, None);
    let writes = story.board.writes();
    story.sweep().await;
    assert_eq!(story.board.writes(), writes, "nothing more follows");
}

#[tokio::test]
async fn the_time_begins_anew_when_a_finding_comes_back_and_not_when_it_is_only_seen_again() {
    let story = Story::sqlite().await;
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.settle().await;
    let first = due(&story).await.unwrap();
    story.wait(Duration::days(2));
    story.scan(&[weakness("a", "a.js", 5)]).await;
    story.settle().await;
    assert_eq!(due(&story).await, Some(first));

    story.scan(&[]).await;
    story.settle().await;
    story.wait(Duration::days(3));
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.settle().await;
    let again = due(&story).await.unwrap();
    assert_eq!((again - first).num_days(), 5);

    let accepted = StatusChange {
        status: Status::RiskAccepted,
        reason: Some("until the summer".into()),
        temporary: Some((story.now() + Duration::days(9), FallBack::Identified)),
    };
    story.engine.set_status(finding(&story).await.id, accepted, &ada()).await.unwrap();
    story.wait(Duration::days(10));
    story.settle().await;
    let after_that = due(&story).await.unwrap();
    assert_eq!((after_that - again).num_days(), 10, "an acceptance that ended");
}

#[tokio::test]
async fn a_breach_is_one_alarm_however_many_findings_are_late_and_goes_with_the_last_of_them() {
    let story = Story::sqlite().await;
    let many: Vec<Value> = (1..=20).map(|n| weakness(&format!("w{n}"), "a.js", n)).collect();
    story.scan(&many).await;
    story.settle().await;
    let alarms = async |story: &Story| {
        story.engine.survey_alarms().await.unwrap();
        let mut tx = story.engine.db().read().await.unwrap();
        store::alarms::open(&mut tx, store::alarms::Kind::SlaBreached).await.unwrap()
    };
    assert_eq!(alarms(&story).await.len(), 0);
    story.wait(Duration::days(31));
    let told = alarms(&story).await;
    assert_eq!(told.len(), 1);
    assert!(told[0].what.starts_with("20 findings are past the due date"), "{}", told[0].what);
    story.scan(&many[..1]).await;
    story.settle().await;
    assert!(alarms(&story).await[0].what.starts_with("1 finding is"));
    story.engine.set_sla_matrix(SlaMatrix::blank(), &ada()).await.unwrap();
    story.settle().await;
    assert_eq!(alarms(&story).await.len(), 0);
}

#[tokio::test]
async fn a_preview_of_a_matrix_counts_and_changes_nothing() {
    let story = Story::sqlite().await;
    story.scan(&[weakness("a", "a.js", 1), weakness("b", "b.js", 1)]).await;
    story.settle().await;
    story.wait(Duration::days(10));
    let mut strict = SlaMatrix::default();
    strict.days.insert(Severity::High, BTreeMap::from([(Impact::Unknown, 9)]));
    let counts = story.engine.preview_sla_matrix(&strict).await.unwrap();
    assert_eq!((counts.breached, counts.on_track), (2, 0));
    let before = finding(&story).await.priority.sla;
    assert_eq!(SlaState::of(before, story.now()), SlaState::OnTrack);
    let absurd = SlaMatrix { approaching_percent: 101, ..SlaMatrix::default() };
    assert_eq!(story.engine.preview_sla_matrix(&absurd).await.unwrap_err().code, "sla_invalid");
    assert_eq!(story.engine.set_sla_matrix(absurd, &ada()).await.unwrap_err().code, "sla_invalid");
}
