//! Lists: filters, order, and pages that stay stable while rows arrive.

use std::collections::BTreeSet;

use crate::support::{Server, Session, on_every_database, problem};
use crate::work::import;
use api::{Asset, FindingSummary, Overview, Page, Scan};
use chrono::{DateTime, Utc};
use model::{AssetId, FindingId, Severity, Status};
use reqwest::{Method, StatusCode};
use serde_json::json;
use store::args;
use uuid::Uuid;

/// A finding as a test needs it.
#[derive(Clone, Copy)]
struct Seed {
    asset: AssetId,
    severity: i64,
    status: Status,
    title: &'static str,
}

async fn asset(server: &Server, name: &str, tags: &str) -> AssetId {
    let id = AssetId(Uuid::now_v7());
    server
        .sql(
            "INSERT INTO asset (id, name, name_folded, tags, tracked_branches, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
            args![id, name, name.to_lowercase(), tags, r#"["main"]"#, Utc::now()],
        )
        .await;
    id
}

async fn finding(server: &Server, seed: Seed) -> FindingId {
    let id = FindingId(Uuid::now_v7());
    let detail = r#"{"kind":"code","vulnerability":{"id":"R1"},"severity":"high","title":"x"}"#;
    server
        .sql(
            "INSERT INTO finding (id, asset_id, fingerprint, place_key, kind, severity, title, vulnerability_id, place, \
             scanner, status, triage, first_seen_at, last_seen_at, open_since, detail, search, undecided) \
             VALUES ($1, $2, $3, 'p', 'code', $4, $5, 'R1', 'src/main.rs:1', 'Test', $6, $7, 1, 2, 1, $8, $9, $10)",
            args![
                id,
                seed.asset,
                id.to_string(),
                seed.severity,
                seed.title,
                seed.status.as_str(),
                r#"{"decision":"confirmed"}"#,
                detail,
                seed.title.to_lowercase(),
                false
            ],
        )
        .await;
    id
}

#[expect(clippy::unwrap_used, reason = "test support")]
async fn get<T: serde::de::DeserializeOwned>(session: &Session<'_>, path: &str) -> T {
    let response = session.call(Method::GET, path).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK, "{path}");
    response.json().await.unwrap()
}

/// All pages, two entries each; `between` runs after each page.
async fn walk(session: &Session<'_>, filter: &str, between: impl AsyncFn()) -> Vec<FindingSummary> {
    let mut all: Vec<FindingSummary> = Vec::new();
    let mut cursor = String::new();
    loop {
        let page: Page<FindingSummary> =
            get(session, &format!("/api/v1/findings?limit=2{filter}&cursor={cursor}")).await;
        assert!(page.items.len() <= 2);
        all.extend(page.items);
        between().await;
        match page.next_cursor {
            Some(next) => cursor = next,
            None => return all,
        }
    }
}

#[test]
fn findings_come_worst_first_then_newest_first_whatever_the_filter() {
    on_every_database(|server| async move {
        let shop = asset(&server, "Shop", "[]").await;
        let web = asset(&server, "Web", "[]").await;
        for (number, status) in Status::ALL.into_iter().cycle().take(22).enumerate() {
            let owner = if number % 2 == 0 { shop } else { web };
            finding(
                &server,
                Seed {
                    asset: owner,
                    severity: i64::try_from(number % 5).unwrap(),
                    status,
                    title: "Leak 100% _sure",
                },
            )
            .await;
        }
        let session = server.session().await;
        let everything: Page<FindingSummary> = get(&session, "/api/v1/findings?limit=200").await;
        assert_eq!(everything.items.len(), 22);
        for filter in [
            String::new(),
            "&status=open".into(),
            "&status=fixed,identified".into(),
            "&severity=critical,low".into(),
            "&status=open&severity=high".into(),
            format!("&asset={shop}"),
            format!("&asset={shop}&status=open&severity=critical,high,medium"),
            "&q=LEAK".into(),
            "&q=100%25%20_S".into(),
        ] {
            let walked = walk(&session, &filter, async || {}).await;
            let single: Page<FindingSummary> =
                get(&session, &format!("/api/v1/findings?limit=200{filter}")).await;
            let ids =
                |findings: &[FindingSummary]| findings.iter().map(|finding| finding.id).collect::<Vec<_>>();
            assert_eq!(ids(&walked), ids(&single.items), "{filter}: pages say what one page says");
            let order: Vec<_> = walked.iter().map(|finding| (finding.severity, finding.id)).collect();
            assert!(order.windows(2).all(|pair| pair[0] > pair[1]), "{filter}: {order:?}");

            let expected = everything.items.iter().filter(|finding| {
                (!filter.contains("status=open") || finding.status.is_open())
                    && (!filter.contains("status=fixed")
                        || matches!(finding.status, Status::Fixed | Status::Identified))
                    && (!filter.contains("severity=critical,low")
                        || matches!(finding.severity, Severity::Critical | Severity::Low))
                    && (!filter.contains("severity=high") || finding.severity == Severity::High)
                    && (!filter.contains("severity=critical,high,medium")
                        || finding.severity >= Severity::Medium)
                    && (!filter.contains("asset=") || finding.asset.id == shop)
            });
            assert_eq!(walked.len(), expected.count(), "{filter}");
            assert!(!walked.is_empty(), "{filter} finds something");
        }
        let nothing: Page<FindingSummary> = get(&session, "/api/v1/findings?q=100%25x").await;
        assert!(nothing.items.is_empty(), "wildcards stand for themselves");
    });
}

#[test]
fn pages_neither_repeat_nor_lose_a_finding_while_others_arrive() {
    on_every_database(|server| async move {
        let shop = asset(&server, "Shop", "[]").await;
        let seed = |severity| Seed { asset: shop, severity, status: Status::Identified, title: "Leak" };
        let mut known = BTreeSet::new();
        for severity in [0, 1, 2, 3, 4, 0, 1, 2, 3, 4] {
            known.insert(finding(&server, seed(severity)).await);
        }
        let session = server.session().await;
        for filter in ["", "&status=open"] {
            let walked = walk(&session, filter, async || {
                for severity in [0, 2, 4] {
                    finding(&server, seed(severity)).await;
                }
            })
            .await;
            let ids: Vec<FindingId> = walked.iter().map(|finding| finding.id).collect();
            let unique: BTreeSet<FindingId> = ids.iter().copied().collect();
            assert_eq!(unique.len(), ids.len(), "nothing twice");
            assert!(known.is_subset(&unique), "nothing lost");
        }
    });
}

#[test]
fn one_finding_is_shown_in_full_with_its_history() {
    on_every_database(|server| async move {
        let shop = asset(&server, "Shop", "[]").await;
        let id =
            finding(&server, Seed { asset: shop, severity: 3, status: Status::Identified, title: "Leak" })
                .await;
        let session = server.session().await;
        let found: api::Finding = get(&session, &format!("/api/v1/findings/{id}")).await;
        assert_eq!((found.summary.title.as_str(), found.vulnerability.id.as_str()), ("Leak", "R1"));
        for number in 0..3_i64 {
            server
                .sql(
                    "INSERT INTO audit (id, at, subject, subject_id, cause, cause_label, what, to_status) \
                     VALUES ($1, $2, 'finding', $3, 'person', 'Ann', 'Looked at it.', 'identified')",
                    args![Uuid::now_v7(), DateTime::from_timestamp_micros(number), id],
                )
                .await;
        }
        let first: Page<api::HistoryEntry> =
            get(&session, &format!("/api/v1/findings/{id}/history?limit=2")).await;
        assert_eq!(first.items.len(), 2);
        assert!(first.items[0].at > first.items[1].at, "newest first");
        let path = format!("/api/v1/findings/{id}/history?limit=2&cursor={}", first.next_cursor.unwrap());
        let rest: Page<api::HistoryEntry> = get(&session, &path).await;
        assert_eq!((rest.items.len(), rest.next_cursor), (1, None));
        let foreign = format!("/api/v1/tickets?cursor={}", path.split("cursor=").nth(1).unwrap());
        let refused = session.call(Method::GET, &foreign).send().await.unwrap();
        assert_eq!(problem(refused).await.code, "invalid_request", "a cursor belongs to its list");
    });
}

#[test]
fn assets_come_by_name_with_their_open_findings() {
    on_every_database(|server| async move {
        let shop = asset(&server, "Shop", "[]").await;
        asset(&server, "bank", "[]").await;
        asset(&server, "Web shop", "[]").await;
        for (severity, status) in
            [(4, Status::Identified), (4, Status::Waiting), (1, Status::Created), (4, Status::Fixed)]
        {
            finding(&server, Seed { asset: shop, severity, status, title: "Leak" }).await;
        }
        let session = server.session().await;
        let all: Page<Asset> = get(&session, "/api/v1/assets?limit=2").await;
        let names =
            |page: &Page<Asset>| page.items.iter().map(|asset| asset.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(&all), ["bank", "Shop"]);
        assert_eq!((all.items[1].open.critical, all.items[1].open.low, all.items[1].open.total()), (2, 1, 3));
        let rest: Page<Asset> =
            get(&session, &format!("/api/v1/assets?limit=2&cursor={}", all.next_cursor.unwrap())).await;
        assert_eq!(names(&rest), ["Web shop"]);
        assert_eq!(names(&get(&session, "/api/v1/assets?q=SHOP").await), ["Shop", "Web shop"]);
        let one: Asset = get(&session, &format!("/api/v1/assets/{shop}")).await;
        assert_eq!(one.open.total(), 3);
    });
}

#[test]
fn an_empty_server_has_an_overview_and_empty_lists() {
    on_every_database(|server| async move {
        let session = server.session().await;
        let overview: Overview = get(&session, "/api/v1/overview").await;
        assert_eq!((overview.assets, overview.open.total(), overview.attention.len()), (0, 0, 0));
        for list in
            ["scans", "tickets", "connections", "destinations", "rules", "tokens", "assets", "findings"]
        {
            let page: Page<serde_json::Value> = get(&session, &format!("/api/v1/{list}")).await;
            assert!(page.items.is_empty() && page.next_cursor.is_none(), "{list}");
        }
    });
}

#[test]
fn what_waits_for_a_person_is_on_the_overview() {
    on_every_database(|server| async move {
        let shop = asset(&server, "Shop", "[]").await;
        let job = Uuid::now_v7();
        let configuration = Uuid::now_v7();
        server
            .sql(
                "INSERT INTO job (id, kind, state, payload, created_at) VALUES ($1, 'import', 'succeeded', '{}', 1)",
                args![job],
            )
            .await;
        server
            .sql(
                "INSERT INTO configuration (id, asset_id, scanner, name) VALUES ($1, $2, 'Test', 'nightly')",
                args![configuration, shop],
            )
            .await;
        for (number, state) in ["committed", "quarantined"].into_iter().enumerate() {
            server
                .sql(
                    "INSERT INTO scan (id, job_id, run_number, asset_id, configuration_id, branch, format, identity, \
                     started_at, imported_at, state, coverage) \
                     VALUES ($1, $2, $3, $4, $5, '', 'sarif', $6, 1, 1, $6, $7)",
                    args![
                        Uuid::now_v7(),
                        job,
                        i64::try_from(number).unwrap(),
                        shop,
                        configuration,
                        state,
                        r#"{"extent":"full"}"#
                    ],
                )
                .await;
        }
        let session = server.session().await;
        let overview: Overview = get(&session, "/api/v1/overview").await;
        assert_eq!(overview.recent_scans.len(), 2);
        assert_eq!(overview.attention.len(), 1);
        assert_eq!(overview.attention[0].link, "/scans");
        let scans: Page<Scan> = get(&session, &format!("/api/v1/scans?asset={shop}&limit=1")).await;
        assert_eq!(
            (scans.items[0].configuration.as_str(), scans.items[0].branch.as_deref()),
            ("nightly", None)
        );
        assert!(scans.next_cursor.is_some());
    });
}

#[test]
fn findings_are_filtered_by_scanner_owner_impact_newest_scans_and_what_correlates() {
    on_every_database(|server| async move {
        let session = server.session().await;
        let scan = |scanner: &str, paths: &[&str], findings: serde_json::Value| {
            json!({ "lockstep": 1, "scanner": { "name": scanner }, "coverage": { "paths": paths }, "findings": findings })
                .to_string()
        };
        let vulnerable = |id: &str, aliases: &[&str], path: &str| {
            json!({ "id": id, "aliases": aliases, "title": id, "severity": "high", "kind": "component",
                "component": "lodash", "path": path })
        };
        import(
            &session,
            "asset=shop",
            scan("npm", &[], json!([vulnerable("GHSA-1", &[], "package-lock.json")])),
        )
        .await;
        let grype = json!([
            vulnerable("CVE-2026-1", &["GHSA-1"], "app/lock"),
            vulnerable("CVE-2026-2", &[], "lib/lock")
        ]);
        import(&session, "asset=shop", scan("Grype", &[], grype)).await;
        import(&session, "asset=shop", scan("Grype", &["tools"], json!([]))).await;
        let all = walk(&session, "", async || {}).await;
        assert_eq!(all.len(), 3);
        let changed = json!({ "owner": "Team Payments", "impact": "critical" });
        let asset = format!("/api/v1/assets/{}", all[0].asset.id);
        let answer = session.call(Method::PATCH, &asset).json(&changed).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);

        let npm = all.iter().find(|finding| finding.scanner == "npm").unwrap();
        assert_eq!(npm.correlated, [api::Correlated { scanner: "Grype".into(), findings: 1 }]);
        let with = format!("correlated_with={}", npm.id);
        for (filter, expected) in [
            ("scanner=grype", &["CVE-2026-1", "CVE-2026-2"][..]),
            ("owner=team%20payments", &["CVE-2026-1", "CVE-2026-2", "GHSA-1"]),
            ("owner=somebody", &[]),
            ("impact=critical,high", &["CVE-2026-1", "CVE-2026-2", "GHSA-1"]),
            ("impact=low", &[]),
            ("detection=detected", &["GHSA-1"]),
            ("detection=not_covered,no_longer_detected", &["CVE-2026-1", "CVE-2026-2"]),
            ("correlated_as_one=true", &["CVE-2026-2", "GHSA-1"]),
            ("correlated_as_one=true&order=risk", &["CVE-2026-2", "GHSA-1"]),
            ("correlated_as_one=true&scanner=Grype", &["CVE-2026-1", "CVE-2026-2"]),
            (with.as_str(), &["CVE-2026-1"]),
        ] {
            let found = walk(&session, &format!("&{filter}"), async || {}).await;
            let mut ids: Vec<&str> = found.iter().map(|finding| finding.vulnerability_id.as_str()).collect();
            ids.sort_unstable();
            assert_eq!(ids, expected, "{filter}");
        }
        let changed = json!({ "owner": "Ärzte" });
        let answer = session.call(Method::PATCH, &asset).json(&changed).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(walk(&session, "&owner=%C3%84rzte", async || {}).await.len(), 3, "as it is written");
        for wrong in ["detection=gone", "impact=huge", "correlated_with=npm"] {
            let path = format!("/api/v1/findings?{wrong}");
            let answer = session.call(Method::GET, &path).send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{wrong}");
        }
    });
}
