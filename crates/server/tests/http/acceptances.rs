//! Acceptances and suppression rules over the API: who may, what is said, what is refused.

use api::{Acceptance, Finding, FindingSummary, Page, Role, Suppression, SuppressionPreview};
use model::Status;
use model::acceptance::{AcceptancePolicy, AcceptanceState};
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::support::{on_every_database, problem};
use crate::work::{ask, import, report, send, until};

#[test]
fn a_risk_is_accepted_for_many_findings_extended_and_revoked() {
    on_every_database(|server| async move {
        let session = server.session().await;
        import(&session, "asset=shop&branch=main", report("one", 1, &["sql", "xss", "rce"])).await;
        let page: Page<FindingSummary> = ask(&session, Method::GET, "/api/v1/findings", StatusCode::OK).await;
        let two: Vec<_> = page.items.iter().take(2).map(|finding| finding.id).collect();
        let body = json!({
            "findings": two, "reason": "office only", "evidence": "the firewall",
            "link": "https://wiki.example/7", "until": "2199-01-01T00:00:00Z"
        });
        let far: serde_json::Value = send(
            &session,
            Method::POST,
            "/api/v1/acceptances",
            body.clone(),
            StatusCode::UNPROCESSABLE_ENTITY,
        )
        .await;
        assert_eq!(far["code"], "acceptance_invalid");
        let mut body = body;
        body["until"] = json!(chrono::Utc::now() + chrono::Duration::days(20));
        let made: Acceptance =
            send(&session, Method::POST, "/api/v1/acceptances", body, StatusCode::CREATED).await;
        assert_eq!((made.state, made.findings), (AcceptanceState::InForce, 2));
        assert_eq!(made.days_left, Some(19));
        let list = |query: String| {
            let session = &session;
            async move {
                let path = format!("/api/v1/findings?{query}");
                let page: Page<FindingSummary> = ask(session, Method::GET, &path, StatusCode::OK).await;
                page.items.len()
            }
        };
        assert_eq!(list("accepted=true".into()).await, 2);
        assert_eq!(list("accepted=false".into()).await, 1);
        assert_eq!(list(format!("acceptance={}", made.id)).await, 2);
        assert_eq!(list("acceptance_ends_in=30".into()).await, 2);
        assert_eq!(list("acceptance_ends_in=3".into()).await, 0);
        let path = format!("/api/v1/findings/{}", two[0]);
        let finding: Finding = ask(&session, Method::GET, &path, StatusCode::OK).await;
        let accepted = finding.acceptance.unwrap();
        assert_eq!((finding.summary.status, accepted.id), (Status::RiskAccepted, made.id));
        assert_eq!(accepted.link.as_deref(), Some("https://wiki.example/7"));

        let extend = json!({ "until": null, "reason": "it stays" });
        let path = format!("/api/v1/acceptances/{}", made.id);
        let policy = json!({ "end_required": true, "longest_days": 90 });
        let _: AcceptancePolicy =
            send(&session, Method::PUT, "/api/v1/acceptance-policy", policy, StatusCode::OK).await;
        let endless: serde_json::Value =
            send(&session, Method::POST, &format!("{path}/extend"), extend, StatusCode::UNPROCESSABLE_ENTITY)
                .await;
        assert_eq!(endless["code"], "acceptance_invalid");
        let extend =
            json!({ "until": chrono::Utc::now() + chrono::Duration::days(60), "reason": "it stays" });
        let longer: Acceptance =
            send(&session, Method::POST, &format!("{path}/extend"), extend, StatusCode::OK).await;
        assert!(longer.extended_by.is_some() && longer.until > made.until);
        let why = json!({ "reason": "reachable" });
        let over: Acceptance =
            send(&session, Method::POST, &format!("{path}/revoke"), why, StatusCode::OK).await;
        assert_eq!((over.state, over.findings, over.covered), (AcceptanceState::Revoked, 0, 2));
        let ended: Page<Acceptance> =
            ask(&session, Method::GET, "/api/v1/acceptances?state=in_force,ended", StatusCode::OK).await;
        assert!(ended.items.is_empty());
    });
}

#[test]
fn a_suppression_rule_shows_what_it_would_do_and_is_confirmed_if_it_is_wide() {
    on_every_database(|server| async move {
        let session = server.session().await;
        import(&session, "asset=shop&branch=main", report("one", 1, &["sql", "xss"])).await;
        let rule = json!({ "name": "Not ours", "reason": "vendored", "criteria": { "path": "src/sql.rs" } });
        let path = "/api/v1/suppressions";
        let preview: SuppressionPreview =
            send(&session, Method::POST, &format!("{path}/preview"), rule.clone(), StatusCode::OK).await;
        assert_eq!((preview.open, preview.suppress.critical, preview.needs_confirmation), (2, 1, true));
        let wide: serde_json::Value =
            send(&session, Method::POST, path, rule.clone(), StatusCode::CONFLICT).await;
        assert_eq!(wide["code"], "suppression_wide");
        let made: Suppression =
            send(&session, Method::POST, &format!("{path}?confirm=true"), rule, StatusCode::CREATED).await;
        let by = format!("/api/v1/findings?suppressed_by={}", made.id);
        let found: Page<FindingSummary> =
            until(&session, &by, |page: &Page<FindingSummary>| page.items.len() == 1).await;
        let finding: Finding =
            ask(&session, Method::GET, &format!("/api/v1/findings/{}", found.items[0].id), StatusCode::OK)
                .await;
        assert_eq!(finding.suppressed_by.unwrap().name.as_deref(), Some("Not ours"));
        let nonsense = json!({ "name": "x", "reason": "y", "criteria": { "colour": "red" } });
        let refused: serde_json::Value =
            send(&session, Method::POST, path, nonsense, StatusCode::UNPROCESSABLE_ENTITY).await;
        assert_eq!(refused["code"], "suppression_invalid");
        let gone: SuppressionPreview =
            ask(&session, Method::GET, &format!("{path}/{}/removal", made.id), StatusCode::OK).await;
        assert_eq!(gone.come_back.critical, 1);
        let deleted = session.call(Method::DELETE, &format!("{path}/{}", made.id)).send().await.unwrap();
        assert_eq!(deleted.status(), StatusCode::NO_CONTENT);
        until(&session, "/api/v1/findings?status=open", |page: &Page<FindingSummary>| page.items.len() == 2)
            .await;
    });
}

#[test]
fn analysts_decide_by_status_and_only_security_managers_grant_for_many_and_write_rules() {
    on_every_database(|server| async move {
        let analyst = server.token(Role::Analyst).await;
        for (method, path, body) in [
            (Method::POST, "/api/v1/acceptances", json!({ "findings": [], "reason": "x" })),
            (Method::PUT, "/api/v1/acceptance-policy", json!({ "end_required": true, "longest_days": 9 })),
            (Method::POST, "/api/v1/suppressions", json!({ "name": "x", "reason": "x", "criteria": {} })),
        ] {
            let refused = server.call(method, path).bearer_auth(&analyst).json(&body).send().await.unwrap();
            assert_eq!(refused.status(), StatusCode::FORBIDDEN, "{path}");
            assert_eq!(problem(refused).await.code, "forbidden");
        }
        let manager = server.token(Role::SecurityManager).await;
        let body = json!({ "findings": [], "reason": "x" });
        let nothing = server.call(Method::POST, "/api/v1/acceptances").bearer_auth(&manager).json(&body);
        let nothing = nothing.send().await.unwrap();
        assert_eq!(nothing.status(), StatusCode::UNPROCESSABLE_ENTITY);
    });
}
