//! What people do with tickets by hand, over the API.

use api::Role;
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
    });
}
