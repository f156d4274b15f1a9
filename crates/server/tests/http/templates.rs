//! Sets of templates over the API.

use api::{Page, Role, TemplatePreview, Templates};
use model::content::TemplateSet;
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::support::{on_every_database, problem};

#[test]
fn templates_are_previewed_saved_changed_and_removed() {
    on_every_database(|server| async move {
        let session = server.session().await;
        let call = |method: Method, path: &str, body: serde_json::Value| {
            let request = session.call(method, path).json(&body);
            async move { request.send().await.unwrap() }
        };
        let standard = session.call(Method::GET, "/api/v1/templates/standard").send().await.unwrap();
        let standard: TemplateSet = standard.json().await.unwrap();
        assert!(standard.block.contains("how_to_verify()"), "{}", standard.block);

        let wrong = json!({ "name": "Ours", "title": "{{ fist.title }}" });
        let preview = call(Method::POST, "/api/v1/templates/preview", json!({ "set": wrong.clone() })).await;
        let preview: TemplatePreview = preview.json().await.unwrap();
        assert_eq!((preview.problems[0].row.as_str(), preview.problems[0].line), ("title", Some(1)));
        let refused = call(Method::POST, "/api/v1/templates", wrong).await;
        let refused = problem(refused).await;
        assert_eq!((refused.status, refused.code.as_str()), (422, "templates_invalid"));
        assert_eq!(refused.fields[0].pointer, "/title");
        assert!(refused.detail.contains("there is no 'fist.title'"), "{}", refused.detail);

        let made =
            call(Method::POST, "/api/v1/templates", json!({ "name": "Ours", "title": "{{ first.title }}" }))
                .await;
        assert_eq!(made.status(), StatusCode::CREATED);
        let made: Templates = made.json().await.unwrap();
        let path = format!("/api/v1/templates/{}", made.id);
        let body = json!({ "name": "Ours", "redaction": { "hide_snippets": true } });
        let changed: Templates = call(Method::PUT, &path, body).await.json().await.unwrap();
        assert_eq!((changed.version, changed.set.title.as_str()), (2, ""));
        assert!(changed.set.redaction.hide_snippets);
        let unknown = call(Method::PUT, &path, json!({ "name": "Ours", "titel": "x" })).await;
        assert!(unknown.status().is_client_error(), "a word that nobody knows is not passed over");

        let page = session.call(Method::GET, "/api/v1/templates").send().await.unwrap();
        let page: Page<Templates> = page.json().await.unwrap();
        assert_eq!(page.items.len(), 1);
        let gone = session.call(Method::DELETE, &path).send().await.unwrap();
        assert_eq!(gone.status(), StatusCode::NO_CONTENT);
        let missing = session.call(Method::GET, &path).send().await.unwrap();
        assert_eq!(problem(missing).await.code, "not_found");

        let token = server.token(Role::Reader).await;
        let forbidden = server
            .call(Method::POST, "/api/v1/templates/preview")
            .bearer_auth(token)
            .json(&json!({ "set": { "name": "x" } }))
            .send()
            .await
            .unwrap();
        assert_eq!(forbidden.status(), StatusCode::FORBIDDEN);
    });
}
