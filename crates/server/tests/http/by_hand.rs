//! What people do with tickets by hand, and who they are, over the API.

use api::{Page, Role, User};
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::support::{on_every_database, problem};

const NOBODY: &str = "00000000-0000-7000-8000-000000000000";

#[test]
fn what_is_done_by_hand_is_checked_and_needs_the_right_role() {
    on_every_database(|server| async move {
        let session = server.session().await;
        let none = session.call(Method::POST, "/api/v1/tickets").json(&json!({ "findings": [] }));
        let none = problem(none.send().await.unwrap()).await;
        assert_eq!((none.status, none.code.as_str()), (422, "findings_count"));
        assert_eq!(none.fields[0].pointer, "/findings");
        for (path, body) in [
            ("/api/v1/tickets".to_owned(), json!({ "findings": [NOBODY] })),
            (format!("/api/v1/tickets/{NOBODY}/findings"), json!({ "findings": [NOBODY] })),
            (format!("/api/v1/tickets/{NOBODY}/split"), json!({ "findings": [NOBODY] })),
            (format!("/api/v1/tickets/{NOBODY}/merge"), json!({ "into": NOBODY })),
            (format!("/api/v1/tickets/{NOBODY}/move"), json!({ "destination": NOBODY })),
            (format!("/api/v1/tickets/{NOBODY}/release"), json!(null)),
            ("/api/v1/tickets/closing-states".to_owned(), json!({ "tickets": [NOBODY] })),
            (
                "/api/v1/tickets/close".to_owned(),
                json!({ "choices": [{ "tickets": [NOBODY], "state": "Closed" }] }),
            ),
            ("/api/v1/tickets/push".to_owned(), json!({ "tickets": [NOBODY] })),
        ] {
            let unknown = session.call(Method::POST, &path).json(&body).send().await.unwrap();
            assert_eq!(problem(unknown).await.code, "not_found", "{path}");
            let reader = server.token(Role::Reader).await;
            let forbidden =
                server.call(Method::POST, &path).bearer_auth(reader).json(&body).send().await.unwrap();
            assert_eq!(forbidden.status(), StatusCode::FORBIDDEN, "{path}");
        }
        let developer = server.token(Role::Developer).await;
        let close = server
            .call(Method::POST, "/api/v1/tickets/close")
            .bearer_auth(developer)
            .json(&json!({ "choices": [] }));
        assert_eq!(close.send().await.unwrap().status(), StatusCode::FORBIDDEN);
    });
}

#[test]
fn users_are_made_changed_and_removed_and_one_administrator_stays() {
    on_every_database(|server| async move {
        let session = server.session().await;
        let new = json!({
            "name": "Dana", "password": "a long enough one", "role": "developer", "address": "Dana@Contoso.com"
        });
        let made = session.call(Method::POST, "/api/v1/users").json(&new).send().await.unwrap();
        assert_eq!(made.status(), StatusCode::CREATED);
        let made: User = made.json().await.unwrap();
        assert_eq!((made.role, made.address.as_deref()), (Role::Developer, Some("dana@contoso.com")));
        assert_eq!(server.sign_in("dana", "a long enough one").await.status(), StatusCode::OK);
        let again = session.call(Method::POST, "/api/v1/users").json(&new).send().await.unwrap();
        assert_eq!(problem(again).await.code, "user_refused");
        let short = json!({ "name": "x", "password": "short", "role": "reader" });
        let short = session.call(Method::POST, "/api/v1/users").json(&short).send().await.unwrap();
        assert_eq!(problem(short).await.fields[0].pointer, "/password");

        let path = format!("/api/v1/users/{}", made.id);
        let change = json!({ "role": "security_manager", "address": "" });
        let changed: User =
            session.call(Method::PATCH, &path).json(&change).send().await.unwrap().json().await.unwrap();
        assert_eq!((changed.role, changed.address), (Role::SecurityManager, None));

        let users = session.call(Method::GET, "/api/v1/users").send().await.unwrap();
        let users: Page<User> = users.json().await.unwrap();
        let admin = users.items.iter().find(|user| user.role == Role::Administrator).unwrap();
        let admin = format!("/api/v1/users/{}", admin.id);
        let last = session.call(Method::DELETE, &admin).send().await.unwrap();
        assert!(problem(last).await.detail.contains("last administrator"));
        let last =
            session.call(Method::PATCH, &admin).json(&json!({ "role": "reader" })).send().await.unwrap();
        assert_eq!(problem(last).await.code, "user_refused");
        let gone = session.call(Method::DELETE, &path).send().await.unwrap();
        assert_eq!(gone.status(), StatusCode::NO_CONTENT);
        assert_eq!(server.sign_in("dana", "a long enough one").await.status(), StatusCode::UNAUTHORIZED);
    });
}

#[test]
fn files_are_for_tickets_that_exist_and_for_those_with_the_right() {
    on_every_database(|server| async move {
        let path = format!("/api/v1/tickets/{NOBODY}/attachments");
        let session = server.session().await;
        let unknown = session.call(Method::GET, &path).send().await.unwrap();
        assert_eq!(problem(unknown).await.code, "not_found");
        let attached = format!("{path}?name=proof.png");
        let unknown = session.call(Method::POST, &attached).body("bytes").send().await.unwrap();
        assert_eq!(problem(unknown).await.code, "not_found");
        let nameless =
            session.call(Method::POST, &format!("{path}?name=..")).body("bytes").send().await.unwrap();
        assert_eq!(problem(nameless).await.detail, "The file has no name.");
        let long = vec![0_u8; 10 * 1024 * 1024 + 2];
        let long = session.call(Method::POST, &attached).body(long).send().await.unwrap();
        assert_eq!(long.status(), StatusCode::PAYLOAD_TOO_LARGE);
        let reader = server.token(Role::Reader).await;
        let forbidden = server.call(Method::POST, &attached).bearer_auth(reader).body("bytes");
        assert_eq!(forbidden.send().await.unwrap().status(), StatusCode::FORBIDDEN);
        let gone = session.call(Method::GET, &format!("{path}/{NOBODY}")).send().await.unwrap();
        assert_eq!(problem(gone).await.code, "not_found");
    });
}
