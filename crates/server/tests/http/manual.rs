//! Findings that people write down, over the API.

use api::{Finding, FindingSummary, Page, Role};
use model::status::Manual;
use model::{Severity, Status};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{on_every_database, problem};
use crate::work::{ask, send};

#[test]
fn a_finding_is_drafted_changed_published_claimed_and_judged_by_somebody_else() {
    on_every_database(|server| async move {
        let session = server.session().await;
        let body = json!({
            "asset": "shop", "draft": true,
            "finding": {"title": "Coupons can be used twice", "cvss_vector": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:H/A:N"}
        });
        let made: Finding = send(&session, Method::POST, "/api/v1/findings", body, StatusCode::CREATED).await;
        assert_eq!((made.summary.status, made.summary.severity), (Status::Draft, Severity::High));
        assert_eq!((made.summary.scanner.as_str(), made.manual), ("manual", Some(Manual::Draft)));
        let path = |rest: &str| format!("/api/v1/findings/{}{rest}", made.summary.id);
        let page: Page<FindingSummary> =
            ask(&session, Method::GET, "/api/v1/findings?status=open", StatusCode::OK).await;
        assert!(page.items.is_empty(), "a draft is not open");

        let changed = json!({"title": "Coupons can be used twice", "severity": "low"});
        let changed: Finding = send(&session, Method::PUT, &path(""), changed, StatusCode::OK).await;
        assert_eq!(changed.summary.severity, Severity::Low);
        let published: Finding =
            send(&session, Method::POST, &path("/publish"), json!({}), StatusCode::OK).await;
        assert_eq!(published.summary.status, Status::Identified);

        let claim = json!({"status": "awaiting_validation"});
        let _: Finding = send(&session, Method::POST, &path("/status"), claim, StatusCode::OK).await;
        let verdict = json!({"verdict": "fixed", "reason": "tried it"});
        let own =
            send::<Value>(&session, Method::POST, &path("/verdict"), verdict.clone(), StatusCode::CONFLICT)
                .await;
        assert!(own["detail"].as_str().unwrap().contains("somebody else"), "{own}");
        let val = server.token(Role::Analyst).await;
        let answer = server.call(Method::POST, &path("/verdict")).bearer_auth(&val).json(&verdict);
        let fixed: Finding = answer.send().await.unwrap().json().await.unwrap();
        assert_eq!(fixed.summary.status, Status::Fixed);
        assert!(matches!(fixed.manual, Some(Manual::Validated { .. })));
    });
}

#[test]
fn what_makes_no_sense_is_refused_and_developers_write_nothing_down() {
    on_every_database(|server| async move {
        let session = server.session().await;
        for (finding, status) in [
            (json!({"title": ""}), StatusCode::UNPROCESSABLE_ENTITY),
            (json!({"title": "x"}), StatusCode::UNPROCESSABLE_ENTITY),
            (json!({"title": "x", "severity": "dire"}), StatusCode::BAD_REQUEST),
        ] {
            let body = json!({"asset": "shop", "finding": finding});
            let answer = session.call(Method::POST, "/api/v1/findings").json(&body).send().await.unwrap();
            assert_eq!(answer.status(), status);
            assert!(!problem(answer).await.detail.is_empty());
        }
        let developer = server.token(Role::Developer).await;
        let body = json!({"asset": "shop", "finding": {"title": "x", "severity": "low"}});
        let answer = server.call(Method::POST, "/api/v1/findings").bearer_auth(&developer).json(&body);
        assert_eq!(answer.send().await.unwrap().status(), StatusCode::FORBIDDEN);
    });
}
