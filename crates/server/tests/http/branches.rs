//! Branches of an asset, tracked apart and compared.

use crate::support::{Session, on_every_database, problem};
use crate::work::{ask, import};
use api::{Asset, Branch, BranchComparison, FindingSummary, Page};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

async fn get<T: serde::de::DeserializeOwned>(session: &Session<'_>, path: &str) -> T {
    ask(session, Method::GET, path, StatusCode::OK).await
}

/// Takes in what a scan of a branch saw.
async fn scan(session: &Session<'_>, branch: &str, hour: u32, seen: &[&str]) {
    let findings: Vec<Value> = seen
        .iter()
        .map(|name| json!({"id": name, "title": name, "severity": "high", "path": format!("{name}.js"), "start_line": 1}))
        .collect();
    let started_at = format!("2026-03-01T{hour:02}:00:00Z");
    let report =
        json!({"lockstep": 1, "scanner": {"name": "test"}, "started_at": started_at, "findings": findings});
    import(session, &format!("asset=shop&branch={branch}"), report.to_string()).await;
}

async fn titles(session: &Session<'_>, filter: &str) -> Vec<String> {
    let page: Page<FindingSummary> = get(session, &format!("/api/v1/findings?{filter}")).await;
    let mut titles: Vec<String> = page.items.into_iter().map(|finding| finding.title).collect();
    titles.sort();
    titles
}

#[test]
fn two_branches_are_compared_by_what_is_seen_on_each_now() {
    on_every_database(|server| async move {
        let session = server.session().await;
        scan(&session, "main", 1, &["stays", "goes", "fixed"]).await;
        scan(&session, "main", 2, &["stays", "goes"]).await;
        scan(&session, "feature", 3, &["stays", "comes", "undone"]).await;
        scan(&session, "feature", 4, &["stays", "comes"]).await;
        let asset = get::<Page<Asset>>(&session, "/api/v1/assets").await.items.remove(0);

        let branches: Vec<Branch> = get(&session, &format!("/api/v1/assets/{}/branches", asset.id)).await;
        let shown: Vec<_> = branches
            .iter()
            .map(|branch| (branch.name.as_deref(), branch.tracked, branch.open.total()))
            .collect();
        assert_eq!(shown, [(Some("feature"), false, 2), (Some("main"), true, 2)]);

        let path = format!("/api/v1/assets/{}/comparison", asset.id);
        let compared: BranchComparison = get(&session, &format!("{path}?base=main&head=feature")).await;
        assert_eq!(
            (compared.only_head.total(), compared.only_base.total(), compared.both.total()),
            (1, 1, 1)
        );
        let of = format!("asset={}", asset.id);
        assert_eq!(titles(&session, &format!("{of}&branch=feature&not_on_branch=main")).await, ["comes"]);
        assert_eq!(titles(&session, &format!("{of}&branch=main&not_on_branch=feature")).await, ["goes"]);
        assert_eq!(titles(&session, &format!("{of}&branch=main")).await, ["goes", "stays"]);

        let unknown = format!("{path}?base=main&head=elsewhere");
        let refused = problem(session.call(Method::GET, &unknown).send().await.unwrap()).await;
        assert!(refused.next_step.contains("feature, main"), "{refused:?}");
        let without = session.call(Method::GET, "/api/v1/findings?branch=main").send().await.unwrap();
        assert!(problem(without).await.detail.contains("without an asset"));
    });
}
