//! What every caller meets: errors as problems, headers, pages, the description.

use crate::support::{on_every_database, problem};
use api::{Role, Version};
use reqwest::{Method, StatusCode};

#[test]
fn the_committed_description_is_the_one_of_the_code() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");
    let text = server::openapi::text();
    if std::env::var_os("LOCKSTEP_WRITE_OPENAPI").is_some() {
        std::fs::write(path, &text).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        committed == text,
        "crates/server/openapi.json is old: run this test with LOCKSTEP_WRITE_OPENAPI=1"
    );
}

#[test]
fn every_operation_has_its_own_name_and_says_how_it_fails() {
    let document: serde_json::Value = serde_json::from_str(&server::openapi::text()).unwrap();
    let mut names = std::collections::BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let name = operation["operationId"].as_str().unwrap().to_owned();
            assert!(names.insert(name), "{method} {path}");
            assert!(operation["responses"]["default"].is_object(), "{method} {path}");
            assert!(operation["summary"].is_string(), "{method} {path}");
        }
    }
    assert_eq!(document["openapi"], "3.1.0");
}

#[test]
fn the_process_says_that_it_is_up_and_that_it_can_work() {
    on_every_database(|server| async move {
        for path in ["/healthz", "/readyz"] {
            assert_eq!(
                server.call(Method::GET, path).send().await.unwrap().status(),
                StatusCode::OK,
                "{path}"
            );
        }
        let token = server.token(Role::Reader).await;
        let version: Version = server
            .call(Method::GET, "/api/v1/version")
            .bearer_auth(token)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        assert_eq!(version.database, server.db.kind());
    });
}

#[test]
fn what_cannot_be_read_is_refused_with_the_field_and_the_reason() {
    on_every_database(|server| async move {
        let session = server.session().await;
        let post = |body: &'static str, kind: &'static str| {
            session.call(Method::POST, "/api/v1/tokens").header("content-type", kind).body(body).send()
        };
        let no_json = problem(post("name=x", "application/x-www-form-urlencoded").await.unwrap()).await;
        assert_eq!(no_json.code, "unsupported_media_type");
        let broken = problem(post("{", "application/json").await.unwrap()).await;
        assert_eq!(broken.code, "invalid_request");
        let wrong = problem(post(r#"{"name":"x","role":"king"}"#, "application/json").await.unwrap()).await;
        assert_eq!(wrong.fields[0].pointer, "/role");
        assert!(wrong.detail.contains("king"), "{}", wrong.detail);
        let trailing =
            problem(post(r#"{"name":"x","role":"reader"} x"#, "application/json").await.unwrap()).await;
        assert_eq!(trailing.code, "invalid_request");

        for (path, code) in [
            ("/api/v1/findings?limit=0", "invalid_request"),
            ("/api/v1/findings?limit=many", "invalid_request"),
            ("/api/v1/findings?status=gone", "invalid_request"),
            ("/api/v1/findings?severity=huge", "invalid_request"),
            ("/api/v1/findings?cursor=x", "invalid_request"),
            ("/api/v1/tickets?health=broken", "invalid_request"),
            ("/api/v1/findings/not-an-id", "invalid_request"),
            ("/api/v1/findings/018f0000-0000-7000-8000-000000000000", "not_found"),
            ("/api/v1/nothing", "not_found"),
        ] {
            let response = session.call(Method::GET, path).send().await.unwrap();
            assert_eq!(problem(response).await.code, code, "{path}");
        }
        let response = session.call(Method::PUT, "/api/v1/findings").send().await.unwrap();
        assert_eq!(problem(response).await.code, "method_not_allowed");
    });
}

#[test]
fn a_body_that_is_too_long_is_refused() {
    on_every_database(|server| async move {
        let body = format!(r#"{{"name":"{}","role":"reader"}}"#, "x".repeat(1024 * 1024));
        let session = server.session().await;
        let response = session
            .call(Method::POST, "/api/v1/tokens")
            .header("content-type", "application/json")
            .body(body)
            .send()
            .await
            .unwrap();
        assert_eq!(problem(response).await.code, "too_large");
    });
}

#[test]
fn when_the_database_breaks_the_caller_gets_a_reference_and_no_details() {
    on_every_database(|server| async move {
        let session = server.session().await;
        server.sql("ALTER TABLE scan RENAME TO scan_away", vec![]).await;
        let response = session.call(Method::GET, "/api/v1/scans").send().await.unwrap();
        let problem = problem(response).await;
        assert_eq!((problem.code.as_str(), problem.status), ("internal", 500));
        assert!(problem.detail.contains("Reference: "), "{}", problem.detail);
        let said = serde_json::to_string(&problem).unwrap();
        assert!(!said.contains("scan_away") && !said.contains("table"), "{said}");
    });
}

#[test]
fn every_answer_keeps_the_browser_careful_and_has_an_id() {
    on_every_database(|server| async move {
        for path in ["/", "/findings", "/api/v1/session", "/healthz", "/assets/missing.js"] {
            let response = server.call(Method::GET, path).send().await.unwrap();
            let headers = response.headers();
            let policy = headers["content-security-policy"].to_str().unwrap();
            assert!(
                policy.contains("default-src 'self'") && policy.contains("frame-ancestors 'none'"),
                "{path}"
            );
            assert_eq!(headers["x-content-type-options"], "nosniff", "{path}");
            assert_eq!(headers["referrer-policy"], "no-referrer", "{path}");
            assert!(headers.contains_key("x-request-id"), "{path}");
        }
        let api = server.call(Method::GET, "/api/v1/session").send().await.unwrap();
        assert_eq!(api.headers()["cache-control"], "no-store");
    });
}

#[test]
fn every_address_of_the_pages_answers_with_the_page_but_a_missing_file_does_not() {
    on_every_database(|server| async move {
        for path in ["/", "/findings", "/assets/018f0000-0000-7000-8000-000000000000"] {
            let response = server.call(Method::GET, path).send().await.unwrap();
            assert_eq!(response.status(), StatusCode::OK, "{path}");
            assert!(response.headers()["content-type"].to_str().unwrap().starts_with("text/html"), "{path}");
            assert_eq!(response.headers()["cache-control"], "no-cache", "{path}");
        }
        let missing = server.call(Method::GET, "/assets/missing.js").send().await.unwrap();
        assert_eq!(missing.status(), StatusCode::NOT_FOUND);
        let posted = server.call(Method::POST, "/findings").send().await.unwrap();
        assert_eq!(problem(posted).await.code, "method_not_allowed");
    });
}
