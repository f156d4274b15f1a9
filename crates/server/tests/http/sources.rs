//! Sources over HTTP: who may, what never comes back, what is refused, and one report for several assets.

use crate::sign_in_ways::{beside, control, entra};
use crate::support::{on_every_database, problem};
use crate::work::{ask, import, report, send, until};
use api::{Asset, FindingSummary, IngestPreview, Job, JobState, Page, Role, Source};
use emulator::GraphChange;
use model::ingest::LeftOutReason;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

const SECRET: &str = "the-secret-of-the-application";

fn defender() -> Value {
    json!({
        "name": "cloud",
        "fetch": {"tenant": "contoso.example", "client_id": "1b2c", "client_secret": SECRET, "every_minutes": 60},
        "rules": [{"name": "all", "asset": {"name": "the cloud"}}],
    })
}

fn uploads() -> Value {
    json!({
        "name": "monorepo",
        "rules": [
            {"name": "sql", "places": ["src/sql*"], "asset": {"pattern": "^src/([a-z]+)", "name": "service $1"}, "tags": ["eu"]},
            {"name": "others", "places": ["src/xss*"], "asset": {"name": "shop"}, "min_severity": "high"},
        ],
    })
}

#[test]
fn administrators_make_sources_and_their_secret_never_comes_back() {
    on_every_database(|server| async move {
        let session = server.session().await;
        let made: Source =
            send(&session, Method::POST, "/api/v1/sources", defender(), StatusCode::CREATED).await;
        assert_eq!((made.enabled, made.due_at, made.version), (false, None, 1));
        let twice = session.call(Method::POST, "/api/v1/sources").json(&defender()).send().await.unwrap();
        assert_eq!(problem(twice).await.code, "source_exists");

        let analyst = server.token(Role::Analyst).await;
        let listed = server.call(Method::GET, "/api/v1/sources").bearer_auth(&analyst).send().await.unwrap();
        let text = listed.text().await.unwrap();
        assert!(
            text.contains("contoso.example") && !text.contains(SECRET) && !text.contains("client_secret"),
            "{text}"
        );
        let path = format!("/api/v1/sources/{}", made.id);
        for (method, path) in [
            (Method::POST, "/api/v1/sources".to_owned()),
            (Method::PATCH, path.clone()),
            (Method::DELETE, path.clone()),
            (Method::POST, format!("{path}/run")),
            (Method::POST, format!("{path}/preview")),
        ] {
            let refused =
                server.call(method, &path).bearer_auth(&analyst).json(&json!({})).send().await.unwrap();
            assert_eq!(refused.status(), StatusCode::FORBIDDEN, "{path}");
        }

        let change = json!({"fetch": {"tenant": "contoso.example", "client_id": "1b2c", "every_minutes": 30}, "version": 1});
        let changed: Source = send(&session, Method::PATCH, &path, change.clone(), StatusCode::OK).await;
        assert_eq!((changed.version, changed.fetch.unwrap().every_minutes), (2, 30));
        let late = session.call(Method::PATCH, &path).json(&change).send().await.unwrap();
        assert_eq!(problem(late).await.code, "source_changed");
        let elsewhere =
            json!({"fetch": {"tenant": "other.example", "client_id": "1b2c", "every_minutes": 30}});
        let refused =
            problem(session.call(Method::PATCH, &path).json(&elsewhere).send().await.unwrap()).await;
        assert_eq!(refused.fields[0].pointer, "/fetch/client_secret");
        let often = json!({"fetch": {"tenant": "contoso.example", "client_id": "1b2c", "every_minutes": 14}});
        let refused = problem(session.call(Method::PATCH, &path).json(&often).send().await.unwrap()).await;
        assert_eq!(refused.fields[0].pointer, "/fetch/every_minutes");
        let idle = session.call(Method::POST, &format!("{path}/run")).send().await.unwrap();
        assert_eq!(problem(idle).await.code, "source_not_fetched");

        let gone = session.call(Method::DELETE, &path).send().await.unwrap();
        assert_eq!(gone.status(), StatusCode::NO_CONTENT);
        let gone = session.call(Method::GET, &path).send().await.unwrap();
        assert_eq!(gone.status(), StatusCode::NOT_FOUND);
    });
}

#[test]
fn a_report_is_previewed_and_then_divided_among_assets() {
    on_every_database(|server| async move {
        let session = server.session().await;
        let made: Source =
            send(&session, Method::POST, "/api/v1/sources", uploads(), StatusCode::CREATED).await;
        let path = format!("/api/v1/sources/{}/preview", made.id);
        let monday = || report("monday", 5, &["sql", "xss", "csrf"]);
        let response = session.call(Method::POST, &path).body(monday()).send().await.unwrap();
        let seen: IngestPreview = response.json().await.unwrap();
        assert_eq!((seen.results, seen.taken, seen.whole), (3, 1, true));
        let left_out: Vec<_> = seen.left_out.into_iter().collect();
        assert_eq!(left_out, [(LeftOutReason::NoRule, 1), (LeftOutReason::Severity, 1)]);
        assert_eq!((seen.assets[0].name.as_str(), seen.assets[0].created), ("service sql", true));
        let none: Page<Asset> = ask(&session, Method::GET, "/api/v1/assets", StatusCode::OK).await;
        assert!(none.items.is_empty(), "nothing is stored");

        let tried = json!([{"name": "all", "asset": {"name": "everything"}}]).to_string();
        let response =
            session.call(Method::POST, &path).query(&[("rules", tried)]).body(monday()).send().await.unwrap();
        assert_eq!(response.json::<IngestPreview>().await.unwrap().taken, 3);
        let response =
            session.call(Method::POST, &path).query(&[("rules", "{")]).body(monday()).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        let live = session.call(Method::POST, &path).send().await.unwrap();
        assert_eq!(problem(live).await.code, "source_invalid", "there is nothing to ask");

        let job = import(&session, "source=monorepo", monday()).await;
        let result = job.import.unwrap();
        assert_eq!((result.observations, result.scans.len()), (1, 1));
        assert_eq!(result.left_out.values().sum::<u64>(), 2);
        let assets: Page<Asset> = ask(&session, Method::GET, "/api/v1/assets", StatusCode::OK).await;
        assert_eq!(
            (assets.items[0].name.as_str(), assets.items[0].tags.as_slice()),
            ("service sql", &["eu".to_owned()][..])
        );

        let again = import(&session, "source=MONOREPO", monday()).await.import.unwrap();
        assert!(again.already_imported);
        let import = |query: &str| {
            session.call(Method::POST, &format!("/api/v1/imports?{query}")).body(monday()).send()
        };
        let both = problem(import("source=monorepo&asset=shop").await.unwrap()).await;
        assert_eq!((both.status, both.fields[0].pointer.as_str()), (422, "/asset"));
        assert_eq!(import("source=other").await.unwrap().status(), StatusCode::NOT_FOUND);
        assert_eq!(import("").await.unwrap().status(), StatusCode::UNPROCESSABLE_ENTITY);
    });
}

pub(crate) const SUBSCRIPTION: &str = "aaaaaaaa-1111-4111-8111-111111111111";

/// More rows than two pages hold.
const ROWS: u64 = 2_100;

pub(crate) fn of_machine(number: u64) -> Value {
    let resource = format!(
        "/subscriptions/{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/web-{}",
        number % 3
    );
    let id = format!("CVE-2026-{number:05}");
    json!({
        "id": format!("{resource}/providers/Microsoft.Security/assessments/1195afff-c881-495e-9bc5-1486211ae03f/subAssessments/{number:05}"),
        "type": "microsoft.security/assessments/subassessments",
        "properties": {"id": id, "displayName": id, "status": {"code": "Unhealthy", "severity": "High"},
            "resourceDetails": {"source": "Azure", "id": resource}},
    })
}

#[test]
fn defender_is_fetched_page_by_page_and_waits_when_it_is_told_to() {
    on_every_database(|server| async move {
        let azure = entra(|_| {}).await;
        let (tenant, client_id) = azure.with_state(|state| {
            let rows = (0..ROWS).map(of_machine).collect();
            state.set_graph(GraphChange { tenant: None, rows, readers: None }).unwrap();
            let application = &state.applications()[0];
            (application.tenant.to_string(), application.client_id.to_string())
        });
        let throttled = json!({"match": {"family": "resourceGraph"}, "times": 2,
            "action": {"kind": "throttle", "retryAfterSeconds": 1}});
        control(&azure, "faults", throttled).await;
        let server = server.restarted(beside(&azure)).await;
        let session = server.session().await;
        let source = json!({
            "name": "cloud", "enabled": true,
            "fetch": {"tenant": tenant, "client_id": client_id, "client_secret": "demo-client-secret",
                "subscriptions": [SUBSCRIPTION], "every_minutes": 60, "endpoint": azure.base_url},
            "rules": [{"name": "machines", "asset": {"pattern": "/virtualmachines/([^/]+)$", "name": "machine $1"}}],
        });
        let made: Source = send(&session, Method::POST, "/api/v1/sources", source, StatusCode::CREATED).await;
        let path = format!("/api/v1/sources/{}", made.id);
        let fetched = until(&session, &path, |known: &Source| known.last_run.is_some()).await;
        let run = fetched.last_run.unwrap();
        assert_eq!((run.rows, fetched.problem), (ROWS, None));
        let ended = |job: &Job| matches!(job.state, JobState::Succeeded | JobState::Failed);
        let job = until(&session, &format!("/api/v1/jobs/{}", run.job), ended).await;
        let result = job.import.unwrap();
        assert_eq!((result.new.high, result.scans.len()), (ROWS, 3), "a scan for each machine");
        let answers = |status: u16| {
            azure.with_state(|state| {
                let asked = |path: &str| path.contains("ResourceGraph");
                state.log(0).iter().filter(|entry| asked(&entry.path) && entry.status == status).count()
            })
        };
        assert_eq!((answers(200), answers(429)), (3, 2));
        let page: Page<FindingSummary> =
            ask(&session, Method::GET, "/api/v1/findings?q=CVE-2026-02099", StatusCode::OK).await;
        assert_eq!(page.items[0].asset.name, "machine web-2");
    });
}
