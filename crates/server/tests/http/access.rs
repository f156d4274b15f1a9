//! Who may call what.

use crate::support::{on_every_database, problem};
use api::{Me, NewToken, Page, Role, Token};
use chrono::{Duration, Utc};
use model::TokenId;
use reqwest::{Method, StatusCode};

const WITHOUT_CREDENTIALS: [&str; 5] = [
    "POST /api/v1/session",
    "GET /api/v1/openapi.json",
    "GET /healthz",
    "GET /readyz",
    "POST /hooks/azure-devops/{secret}",
];

const READERS_MAY_POST: [&str; 7] = [
    "DELETE /api/v1/session",
    "POST /api/v1/session/password",
    "POST /api/v1/plan",
    "POST /api/v1/rules/check",
    "POST /api/v1/rules/plan",
    "POST /api/v1/sla/preview",
    "POST /api/v1/suppressions/preview",
];

/// Every route of the description, as method and path with its parameters filled in, and as it is written there.
#[expect(clippy::unwrap_used, reason = "test support")]
fn routes() -> Vec<(Method, String, String)> {
    let document: serde_json::Value = serde_json::from_str(&server::openapi::text()).unwrap();
    let mut routes = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in ["get", "post", "put", "patch", "delete"] {
            if item.get(method).is_some() {
                let method: Method = method.to_uppercase().parse().unwrap();
                let filled = path
                    .replace("{id}", "018f0000-0000-7000-8000-000000000000")
                    .replace("{project}", "p")
                    .replace("{team}", "t")
                    .replace("{secret}", "s");
                let written = format!("{method} {path}");
                routes.push((method, filled, written));
            }
        }
    }
    assert!(routes.len() >= 20, "the description is not empty");
    routes
}

#[test]
fn without_credentials_every_route_is_closed_except_the_listed_ones() {
    on_every_database(|server| async move {
        for (method, path, written) in routes() {
            let response = server.call(method, &path).send().await.unwrap();
            let closed = response.status() == StatusCode::UNAUTHORIZED;
            if WITHOUT_CREDENTIALS.contains(&written.as_str()) {
                assert!(!closed, "{written} is open");
            } else {
                assert!(closed, "{written} answered {}", response.status());
                assert_eq!(problem(response).await.code, "not_signed_in");
            }
        }
    });
}

#[test]
fn a_readers_token_changes_nothing() {
    on_every_database(|server| async move {
        let token = server.token(Role::Reader).await;
        for (method, path, written) in routes() {
            if method == Method::GET || WITHOUT_CREDENTIALS.contains(&written.as_str()) {
                continue;
            }
            let response = server.call(method, &path).bearer_auth(&token).send().await.unwrap();
            if READERS_MAY_POST.contains(&written.as_str()) {
                assert_ne!(response.status(), StatusCode::UNAUTHORIZED, "{written}");
            } else {
                assert_eq!(response.status(), StatusCode::FORBIDDEN, "{written}");
                assert_eq!(problem(response).await.code, "forbidden");
            }
        }
    });
}

#[test]
fn importers_import_analysts_decide_and_only_administrators_do_the_rest() {
    on_every_database(|server| async move {
        let expect = [
            (Role::Importer, Method::POST, "/api/v1/imports", true),
            (Role::Importer, Method::POST, "/api/v1/imports/plan", true),
            (Role::Reader, Method::POST, "/api/v1/imports/plan", false),
            (Role::Importer, Method::POST, "/api/v1/reconcile", false),
            (Role::Analyst, Method::POST, "/api/v1/imports", true),
            (Role::Analyst, Method::POST, "/api/v1/reconcile", true),
            (Role::Analyst, Method::POST, "/api/v1/tokens", false),
            (Role::Analyst, Method::GET, "/api/v1/tokens", false),
            (Role::Analyst, Method::POST, "/api/v1/connections", false),
            (Role::Administrator, Method::POST, "/api/v1/connections", true),
            (Role::Administrator, Method::GET, "/api/v1/tokens", true),
        ];
        for (role, method, path, may) in expect {
            let token = server.token(role).await;
            let response = server.call(method.clone(), path).bearer_auth(&token).send().await.unwrap();
            assert_eq!(response.status() != StatusCode::FORBIDDEN, may, "{role:?} {method} {path}");
        }
    });
}

#[test]
fn a_person_signs_in_sees_who_they_are_and_signs_out() {
    on_every_database(|server| async move {
        let response = server.sign_in("ADMIN", server.first_password()).await;
        let header = response.headers()["set-cookie"].to_str().unwrap().to_owned();
        for attribute in ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=43200"] {
            assert!(header.contains(attribute), "{header}");
        }
        assert!(!header.contains("Secure"), "this server is reached by plain http");
        let me: Me = response.json().await.unwrap();
        assert_eq!((me.name.as_str(), me.role), ("admin", Role::Administrator));

        let session = server.session().await;
        let again: Me =
            session.call(Method::GET, "/api/v1/session").send().await.unwrap().json().await.unwrap();
        assert_eq!(again, me);

        let out = session.call(Method::DELETE, "/api/v1/session").send().await.unwrap();
        assert_eq!(out.status(), StatusCode::NO_CONTENT);
        let after = session.call(Method::GET, "/api/v1/session").send().await.unwrap();
        assert_eq!(after.status(), StatusCode::UNAUTHORIZED);
    });
}

#[test]
fn behind_a_proxy_that_speaks_https_the_cookie_is_secure() {
    on_every_database(|server| async move {
        let response = server
            .call(Method::POST, "/api/v1/session")
            .header("X-Forwarded-Proto", "https")
            .json(&serde_json::json!({ "username": "admin", "password": server.first_password() }))
            .send()
            .await
            .unwrap();
        assert!(response.headers()["set-cookie"].to_str().unwrap().ends_with("; Secure"));
    });
}

#[test]
fn a_wrong_password_and_an_unknown_name_look_the_same_and_guessing_is_slowed_down() {
    on_every_database(|server| async move {
        let wrong = problem(server.sign_in("admin", "wrong").await).await;
        let unknown = problem(server.sign_in("nobody", "wrong").await).await;
        assert_eq!(wrong, unknown);
        assert_eq!(wrong.code, "sign_in_failed");

        for _ in 0..7 {
            server.sign_in("admin", "wrong").await;
        }
        let refused = server.sign_in("admin", server.first_password()).await;
        assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
        assert!(refused.headers().contains_key("retry-after"));
        assert_eq!(problem(refused).await.code, "too_many_attempts");
    });
}

#[test]
fn a_page_of_another_site_cannot_use_the_cookie_to_change_something() {
    on_every_database(|server| async move {
        let cookie = server.session().await.cookie;
        let forged = server
            .call(Method::DELETE, "/api/v1/session")
            .header(reqwest::header::COOKIE, &cookie)
            .send()
            .await
            .unwrap();
        assert_eq!(problem(forged).await.code, "forged_request");
        let reading = server
            .call(Method::GET, "/api/v1/session")
            .header(reqwest::header::COOKIE, cookie)
            .send()
            .await
            .unwrap();
        assert_eq!(reading.status(), StatusCode::OK, "reading needs no header");
    });
}

#[test]
fn changing_the_password_ends_the_other_sessions_of_that_person() {
    on_every_database(|server| async move {
        let elsewhere = server.session().await;
        let here = server.session().await;
        let change = |current: &str, new: &str| {
            here.call(Method::POST, "/api/v1/session/password")
                .json(&serde_json::json!({ "current": current, "new": new }))
                .send()
        };
        let too_short = problem(change(server.first_password(), "short").await.unwrap()).await;
        assert_eq!(too_short.fields[0].pointer, "/new");
        let wrong = problem(change("wrong", "long enough to be good").await.unwrap()).await;
        assert_eq!(wrong.fields[0].pointer, "/current");
        let done = change(server.first_password(), "long enough to be good").await.unwrap();
        assert_eq!(done.status(), StatusCode::NO_CONTENT);

        let is_open =
            |session: &crate::support::Session<'_>| session.call(Method::GET, "/api/v1/session").send();
        assert_eq!(is_open(&here).await.unwrap().status(), StatusCode::OK);
        assert_eq!(is_open(&elsewhere).await.unwrap().status(), StatusCode::UNAUTHORIZED);
        assert_eq!(server.sign_in("admin", "long enough to be good").await.status(), StatusCode::OK);
        assert_eq!(server.sign_in("admin", server.first_password()).await.status(), StatusCode::UNAUTHORIZED);
    });
}

#[test]
fn a_session_that_was_not_used_for_long_has_ended() {
    on_every_database(|server| async move {
        let session = server.session().await;
        server
            .sql("UPDATE session SET expires_at = $1", store::args![Utc::now() - Duration::seconds(1)])
            .await;
        let response = session.call(Method::GET, "/api/v1/session").send().await.unwrap();
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    });
}

#[test]
fn using_a_session_keeps_it_alive() {
    on_every_database(|server| async move {
        let session = server.session().await;
        let soon = Utc::now() + Duration::minutes(1);
        server.sql("UPDATE session SET expires_at = $1", store::args![soon]).await;
        session.call(Method::GET, "/api/v1/session").send().await.unwrap();
        let mut tx = server.db.read().await.unwrap();
        let row = tx.first("SELECT expires_at FROM session", vec![]).await.unwrap().unwrap();
        assert!(row.time("expires_at").unwrap() > soon + Duration::hours(11));
    });
}

#[test]
fn a_token_is_shown_once_and_works_until_it_expires_or_is_revoked() {
    on_every_database(|server| async move {
        let secret = server.token(Role::Reader).await;
        assert!(secret.starts_with("lst_"));
        let works = |secret: String| {
            let request = server.call(Method::GET, "/api/v1/session").bearer_auth(secret);
            async move { request.send().await.unwrap().status() == StatusCode::OK }
        };
        assert!(works(secret.clone()).await);
        assert!(!works(format!("{secret}x")).await);

        let session = server.session().await;
        let listed = session.call(Method::GET, "/api/v1/tokens").send().await.unwrap().text().await.unwrap();
        assert!(!listed.contains(&secret), "the list has no secrets");
        let listed: Page<Token> = serde_json::from_str(&listed).unwrap();
        assert_eq!(listed.items.len(), 1);
        assert!(listed.items[0].last_used_at.is_some());
        let mut tx = server.db.read().await.unwrap();
        let row = tx.first("SELECT secret_hash FROM api_token", vec![]).await.unwrap().unwrap();
        assert_ne!(row.bytes("secret_hash").unwrap(), secret.as_bytes());
        drop(tx);

        let expired = NewToken { name: "old".into(), role: Role::Reader, expires_at: Some(Utc::now()) };
        let refused = session.call(Method::POST, "/api/v1/tokens").json(&expired).send().await.unwrap();
        assert_eq!(problem(refused).await.fields[0].pointer, "/expires_at");

        let id: TokenId = listed.items[0].id;
        let path = format!("/api/v1/tokens/{id}");
        let revoked = session.call(Method::DELETE, &path).send().await.unwrap();
        assert_eq!(revoked.status(), StatusCode::NO_CONTENT);
        assert!(!works(secret).await);
        let again = session.call(Method::DELETE, &path).send().await.unwrap();
        assert_eq!(again.status(), StatusCode::NOT_FOUND);

        let other = server.token(Role::Reader).await;
        server
            .sql("UPDATE api_token SET expires_at = $1", store::args![Utc::now() - Duration::seconds(1)])
            .await;
        assert!(!works(other).await);
    });
}

#[test]
fn a_bad_token_is_not_excused_by_a_good_cookie() {
    on_every_database(|server| async move {
        let session = server.session().await;
        let response =
            session.call(Method::GET, "/api/v1/session").bearer_auth("lst_bad").send().await.unwrap();
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    });
}
