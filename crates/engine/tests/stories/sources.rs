//! Sources: what is taken in, and which asset it belongs to; Defender for Cloud as one that is fetched by itself.

use chrono::Duration;
use emulator::GraphChange;
use engine::{Actor, ImportRequest, Refusal, SourceChange, SourceFetch, SourceSettings};
use model::ingest::{AssetNaming, IngestRule, LeftOutReason, StartStatus};
use model::{Severity, SourceId, Status};
use serde_json::{Value, json};
use store::args;
use testkit::{Report, Story, TestDatabase};

fn ada() -> Actor {
    Actor { name: "Ada".into() }
}

fn rule(name: &str, places: &str, asset: &str) -> IngestRule {
    IngestRule {
        name: name.into(),
        places: if places.is_empty() { Vec::new() } else { vec![places.into()] },
        asset: AssetNaming { name: asset.into(), pattern: None, create: true },
        ..IngestRule::default()
    }
}

fn by_pattern(name: &str, pattern: &str, asset: &str) -> IngestRule {
    let mut rule = rule(name, "", asset);
    rule.asset.pattern = Some(pattern.into());
    rule
}

fn finding(id: &str, path: &str, severity: &str) -> Value {
    json!({"id": id, "title": id, "severity": severity, "path": path})
}

async fn uploads(story: &Story, rules: Vec<IngestRule>) -> SourceId {
    let settings = SourceSettings { name: "monorepo".into(), fetch: None, rules, enabled: false };
    story.engine.create_source(settings, &ada()).await.unwrap()
}

async fn divided(story: &Story, findings: &[Value]) -> Value {
    story.wait(Duration::minutes(1));
    let path = story.engine.settings().data_dir.join("upload");
    std::fs::write(&path, Report::of(story.now(), findings).bytes()).unwrap();
    let request = ImportRequest { source: Some("Monorepo".into()), ..ImportRequest::default() };
    let job = story.engine.submit_import(request, path, &ada()).await.unwrap();
    while story.engine.run_next_job().await.unwrap() {}
    story.job(job).await
}

/// Titles with their assets and statuses.
async fn by_asset(story: &Story) -> Vec<(String, String, Status)> {
    let sql = "SELECT a.name, f.title, f.status FROM finding f JOIN asset a ON a.id = f.asset_id ORDER BY a.name, f.title";
    let mut tx = story.engine.db().read().await.unwrap();
    let rows = tx.all(sql, args![]).await.unwrap();
    rows.iter()
        .map(|row| {
            let title = row.text("title").unwrap().split(' ').next().unwrap().to_owned();
            (row.text("name").unwrap(), title, row.word("status").unwrap())
        })
        .collect()
}

fn shown(all: &[(String, String, Status)]) -> Vec<(&str, &str, Status)> {
    all.iter().map(|(asset, title, status)| (asset.as_str(), title.as_str(), *status)).collect()
}

#[tokio::test]
async fn one_report_is_divided_among_assets_and_each_closes_only_its_own() {
    let story = Story::sqlite().await;
    let mut shop = rule("shop", "services/shop/**", "shop");
    shop.tags = vec!["team:payments".into()];
    uploads(&story, vec![shop, by_pattern("services", "^services/([^/]+)/", "service $1")]).await;
    let first = [
        finding("sql", "services/shop/a.rs", "high"),
        finding("xss", "services/blog/b.rs", "high"),
        finding("old", "attic/c.rs", "high"),
    ];
    let result = divided(&story, &first).await;
    assert_eq!((result["scans"].as_array().unwrap().len(), &result["observations"]), (2, &json!(2)));
    assert_eq!(result["left_out"], json!({"no_rule": 1}));
    let all = by_asset(&story).await;
    assert_eq!(
        shown(&all),
        [("service blog", "xss", Status::Identified), ("shop", "sql", Status::Identified)]
    );
    let mut tx = story.engine.db().read().await.unwrap();
    let known = store::assets::by_name(&mut tx, "shop").await.unwrap().unwrap();
    assert_eq!(known.tags, ["team:payments"]);
    drop(tx);

    // The whole of the repository was looked at: what is gone from the shop is fixed there.
    divided(&story, &first[1..]).await;
    let all = by_asset(&story).await;
    assert_eq!(shown(&all), [("service blog", "xss", Status::Identified), ("shop", "sql", Status::Fixed)]);
}

#[tokio::test]
async fn what_a_filter_leaves_out_is_counted_and_never_taken_for_fixed() {
    let story = Story::sqlite().await;
    let id = uploads(&story, vec![rule("all", "", "shop")]).await;
    let findings = [finding("sql", "a.rs", "high"), finding("log", "b.rs", "low")];
    divided(&story, &findings).await;
    let mut strict = rule("all", "", "shop");
    strict.min_severity = Some(Severity::High);
    let change = SourceChange { rules: Some(vec![strict]), ..SourceChange::default() };
    story.engine.change_source(id, change, &ada()).await.unwrap();

    let more = [&findings[..], &[finding("new", "c.rs", "low")]].concat();
    let result = divided(&story, &more).await;
    assert_eq!((&result["observations"], &result["left_out"]), (&json!(1), &json!({"severity": 2})));
    let all = by_asset(&story).await;
    assert_eq!(
        shown(&all),
        [("shop", "log", Status::Identified), ("shop", "sql", Status::Identified)],
        "what is known goes on, and what is new and low stays out"
    );
    divided(&story, &findings[..1]).await;
    let all = by_asset(&story).await;
    assert_eq!(shown(&all)[0], ("shop", "log", Status::Fixed), "it is gone from the report");
}

#[tokio::test]
async fn what_a_changed_rule_gives_to_another_asset_or_to_none_is_not_taken_for_fixed() {
    for other in [rule("legacy", "services/**", "legacy"), rule("else", "elsewhere/**", "legacy")] {
        let story = Story::sqlite().await;
        let id = uploads(&story, vec![rule("shop", "", "shop")]).await;
        let findings = [finding("sql", "services/a.rs", "high"), finding("xss", "b.rs", "high")];
        divided(&story, &findings).await;
        let rules = vec![other.clone(), rule("shop", "*.rs", "shop")];
        let change = SourceChange { rules: Some(rules), ..SourceChange::default() };
        story.engine.change_source(id, change, &ada()).await.unwrap();
        divided(&story, &findings[..1]).await;
        let all = by_asset(&story).await;
        let shop: Vec<_> = shown(&all).into_iter().filter(|one| one.0 == "shop").collect();
        assert_eq!(
            shop,
            [("shop", "sql", Status::Identified), ("shop", "xss", Status::Fixed)],
            "only what it was given, it looked for ({})",
            other.name
        );
    }
}

#[tokio::test]
async fn findings_start_where_the_rule_says_and_an_asset_that_is_not_there_is_made_only_if_it_says_so() {
    let story = Story::sqlite().await;
    let mut careful = rule("careful", "legal/**", "legal");
    careful.start = StartStatus::Created;
    let mut known = rule("known", "", "portal");
    known.asset.create = false;
    uploads(&story, vec![careful, known]).await;
    let findings = [finding("sql", "legal/a.rs", "high"), finding("xss", "b.rs", "high")];
    let result = divided(&story, &findings).await;
    assert_eq!(result["left_out"], json!({"no_such_asset": 1}));
    let all = by_asset(&story).await;
    assert_eq!(shown(&all), [("legal", "sql", Status::Created)]);
    story.settle().await;
    assert_eq!(story.tickets().await.len(), 0, "somebody confirms it first");
    story.import("portal", &Report::of(story.now(), &[])).await;
    divided(&story, &findings).await;
    assert_eq!(by_asset(&story).await.len(), 2, "now it is there");
}

#[tokio::test]
async fn a_preview_says_what_would_come_of_a_report_and_stores_nothing() {
    let story = Story::sqlite().await;
    let mut strict = rule("shop", "shop/**", "shop");
    strict.min_severity = Some(Severity::High);
    let id = uploads(&story, vec![strict]).await;
    let findings = [
        finding("sql", "shop/a.rs", "high"),
        finding("log", "shop/a.rs", "low"),
        finding("old", "attic/c.rs", "high"),
    ];
    let preview = async |rules| {
        let path = story.engine.settings().data_dir.join("preview");
        std::fs::write(&path, Report::of(story.now(), &findings).bytes()).unwrap();
        let preview = story.engine.preview_source(id, rules, Some(path.clone()), None).await.unwrap();
        assert!(!path.exists());
        preview
    };
    let seen = preview(None).await;
    assert_eq!((seen.results, seen.taken, seen.whole), (3, 1, true));
    assert_eq!(
        seen.left_out.into_iter().collect::<Vec<_>>(),
        [(LeftOutReason::NoRule, 1), (LeftOutReason::Severity, 1)]
    );
    assert_eq!(seen.nobodys, ["old"]);
    let [shop] = seen.assets.as_slice() else { panic!() };
    assert_eq!((shop.name.as_str(), shop.exists, shop.created, shop.taken), ("shop", false, true, 1));
    assert_eq!(shop.examples, ["sql"]);
    let tried = preview(Some(vec![rule("all", "", "everything")])).await;
    assert_eq!((tried.taken, tried.assets[0].name.as_str()), (3, "everything"));
    assert_eq!(by_asset(&story).await, []);
    let mut tx = story.engine.db().read().await.unwrap();
    assert!(store::assets::by_name(&mut tx, "everything").await.unwrap().is_none());
}

#[tokio::test]
async fn rules_that_cannot_work_are_refused_with_their_field() {
    let story = Story::sqlite().await;
    let settings = SourceSettings {
        name: "x".into(),
        fetch: None,
        rules: vec![by_pattern("broken", "(", "$1")],
        enabled: false,
    };
    let refused: Refusal = story.engine.create_source(settings, &ada()).await.unwrap_err();
    assert_eq!(
        (refused.code, refused.fields[0].0.as_str()),
        ("ingest_rules_invalid", "/rules/0/asset/pattern")
    );
}

/// Machines should have vulnerability findings resolved.
const VA: &str = "1195afff-c881-495e-9bc5-1486211ae03f";
const SUBSCRIPTION: &str = "aaaaaaaa-1111-4111-8111-111111111111";

fn sub_assessment(machine: &str, number: u32) -> Value {
    let resource = format!(
        "/subscriptions/{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/{machine}"
    );
    json!({
        "id": format!("{resource}/providers/Microsoft.Security/assessments/{VA}/subAssessments/{number:04}"),
        "type": "microsoft.security/assessments/subassessments",
        "properties": {"id": format!("CVE-2026-{number:04}"), "displayName": format!("CVE-2026-{number:04}"),
            "status": {"code": "Unhealthy", "severity": "High"}, "resourceDetails": {"source": "Azure", "id": resource}},
    })
}

fn assessment(machine: &str, code: &str) -> Value {
    let resource = format!(
        "/subscriptions/{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/{machine}"
    );
    json!({
        "id": format!("{resource}/providers/Microsoft.Security/assessments/{VA}"),
        "type": "microsoft.security/assessments",
        "properties": {"displayName": "Vulnerabilities should be resolved", "status": {"code": code},
            "metadata": {"severity": "High"}, "resourceDetails": {"Source": "Azure", "Id": resource}},
    })
}

fn holds(story: &Story, rows: Vec<Value>) {
    story.board.with_state(|state| {
        state.set_graph(GraphChange { tenant: None, rows, readers: None }).unwrap();
    });
}

async fn cloud(story: &Story) -> SourceId {
    let (tenant, client_id) = story.board.with_state(|state| {
        let application = &state.applications()[0];
        (application.tenant.to_string(), application.client_id.to_string())
    });
    let settings = SourceSettings {
        name: "cloud".into(),
        fetch: Some(SourceFetch {
            tenant,
            client_id,
            client_secret: Some("demo-client-secret".into()),
            subscriptions: vec![SUBSCRIPTION.into()],
            every_minutes: 60,
            endpoint: None,
        }),
        rules: vec![by_pattern("machines", "/virtualmachines/([^/]+)$", "machine $1")],
        enabled: true,
    };
    story.engine.create_source(settings, &ada()).await.unwrap()
}

async fn run(story: &Story) {
    story.wait(Duration::minutes(61));
    assert!(story.engine.run_next_source().await.unwrap(), "it is due");
    while story.engine.run_next_job().await.unwrap() {}
}

async fn source(story: &Story, id: SourceId) -> store::sources::Source {
    let mut tx = story.engine.db().read().await.unwrap();
    store::sources::get(&mut tx, id).await.unwrap().unwrap()
}

async fn defender_is_fetched(database: TestDatabase) {
    let story = Story::on(database).begin().await;
    let mut rows = vec![assessment("web", "Unhealthy"), assessment("db", "Unhealthy")];
    rows.extend([sub_assessment("web", 1), sub_assessment("web", 2), sub_assessment("db", 1)]);
    holds(&story, rows.clone());
    let id = cloud(&story).await;
    run(&story).await;
    let all = by_asset(&story).await;
    assert_eq!(
        shown(&all),
        [
            ("machine db", "CVE-2026-0001", Status::Identified),
            ("machine web", "CVE-2026-0001", Status::Identified),
            ("machine web", "CVE-2026-0002", Status::Identified),
        ]
    );
    let known = source(&story, id).await;
    assert_eq!((known.last_run.unwrap().rows, known.problem), (5, None));
    assert!(!story.engine.run_next_source().await.unwrap(), "not before it is due again");

    // The database server is healthy now: its last finding is gone, and it was looked at.
    holds(&story, vec![rows[0].clone(), assessment("db", "Healthy"), rows[2].clone(), rows[3].clone()]);
    run(&story).await;
    let all = by_asset(&story).await;
    assert_eq!(shown(&all)[0], ("machine db", "CVE-2026-0001", Status::Fixed));
    assert_eq!(shown(&all)[1].2, Status::Identified);

    // A machine that is not named any more was not looked at.
    holds(&story, vec![assessment("db", "Healthy")]);
    run(&story).await;
    assert_eq!(shown(&by_asset(&story).await)[1].2, Status::Identified);

    // The last finding of all is gone from a machine that is.
    holds(&story, vec![assessment("web", "Healthy")]);
    run(&story).await;
    assert!(by_asset(&story).await.iter().all(|(_, _, status)| *status == Status::Fixed));
}

#[tokio::test]
async fn defender_is_fetched_when_it_is_due_and_closes_only_what_it_looked_at() {
    defender_is_fetched(TestDatabase::sqlite().await).await;
}

#[tokio::test]
async fn defender_is_fetched_when_it_is_due_and_closes_only_what_it_looked_at_on_postgres() {
    if let Some(database) = TestDatabase::postgres().await {
        defender_is_fetched(database).await;
    }
}

#[tokio::test]
async fn a_fetch_that_breaks_off_takes_in_nothing_and_raises_an_alarm_until_it_works_again() {
    let story = Story::sqlite().await;
    holds(&story, vec![assessment("web", "Unhealthy"), sub_assessment("web", 1)]);
    let id = cloud(&story).await;
    run(&story).await;
    story.board.with_state(|state| {
        let change = GraphChange { tenant: None, rows: Vec::new(), readers: Some(Vec::new()) };
        state.set_graph(change).unwrap();
    });
    run(&story).await;
    assert_eq!(story.status().await, Status::Identified);
    let failed = source(&story, id).await;
    assert!(failed.problem.unwrap().contains("may not read"), "it says why");
    assert!(failed.due_at < story.now() + Duration::minutes(16), "it is tried again soon");
    let open = async || {
        story.engine.survey_alarms().await.unwrap();
        let mut tx = story.engine.db().read().await.unwrap();
        tx.count(
            "SELECT COUNT(*) AS n FROM alarm WHERE kind = 'source_failing' AND cleared_at IS NULL",
            args![],
        )
        .await
        .unwrap()
    };
    assert_eq!(open().await, 1);
    let leftover = std::fs::read_dir(&story.engine.settings().data_dir).unwrap();
    let left: Vec<_> = leftover
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with("fetch-"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
    holds(&story, vec![assessment("web", "Unhealthy"), sub_assessment("web", 1)]);
    run(&story).await;
    assert_eq!((source(&story, id).await.problem, open().await), (None, 0));
}

#[tokio::test]
async fn only_one_replica_fetches_and_a_changed_source_takes_in_nothing_of_the_old_run() {
    let story = Story::sqlite().await;
    holds(&story, vec![assessment("web", "Unhealthy"), sub_assessment("web", 1)]);
    let id = cloud(&story).await;
    let now = story.now();
    let mut tx = story.engine.db().begin().await.unwrap();
    let (us, them) = (uuid::Uuid::from_u128(1), uuid::Uuid::from_u128(2));
    let until = now + Duration::minutes(15);
    assert!(store::sources::take(&mut tx, id, us, now, until).await.unwrap());
    assert!(!store::sources::take(&mut tx, id, them, now, until).await.unwrap());
    tx.commit().await.unwrap();
    assert!(!story.another_replica().run_next_source().await.unwrap(), "somebody does it");
    let change = SourceChange { enabled: Some(false), ..SourceChange::default() };
    story.engine.change_source(id, change, &ada()).await.unwrap();
    let mut tx = story.engine.db().begin().await.unwrap();
    assert!(!store::sources::keep(&mut tx, id, us, until).await.unwrap(), "the lease went with the change");
}

#[tokio::test]
async fn a_secret_goes_only_where_it_was_given_for() {
    let story = Story::sqlite().await;
    let id = cloud(&story).await;
    let known = source(&story, id).await.fetch.unwrap();
    let elsewhere = SourceFetch {
        tenant: known.tenant.clone(),
        client_id: known.client_id.clone(),
        client_secret: None,
        subscriptions: Vec::new(),
        every_minutes: 30,
        endpoint: Some("https://collector.example".into()),
    };
    let change = SourceChange { fetch: Some(elsewhere.clone()), ..SourceChange::default() };
    let refused = story.engine.change_source(id, change, &ada()).await.unwrap_err();
    assert_eq!(refused.fields[0].0, "/fetch/client_secret");
    let inside = SourceFetch { endpoint: Some("http://169.254.169.254".into()), ..elsewhere.clone() };
    let change = SourceChange { fetch: Some(inside), ..SourceChange::default() };
    let refused = story.engine.change_source(id, change, &ada()).await.unwrap_err();
    assert_eq!(refused.fields[0].0, "/fetch/endpoint");
    let same = SourceFetch { endpoint: None, ..elsewhere };
    let change = SourceChange { fetch: Some(same), ..SourceChange::default() };
    story.engine.change_source(id, change, &ada()).await.unwrap();
    assert_eq!(source(&story, id).await.fetch.unwrap().every_minutes, 30);
}
