//! Where Azure DevOps delivers its service hooks. Outside `/api`: the unguessable address is the credential.

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use engine::HookAnswer;
use http::{HeaderMap, StatusCode, header};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::App;
use crate::extract::{Path, unreadable_body};
use crate::problem::{Answer, Failure};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(receive_hook))
}

/// A change on the board (service hook)
///
/// A hint that a work item may have changed; its content is not believed. Answers as soon as the hint is stored.
#[utoipa::path(post, path = "/hooks/azure-devops/{secret}", tag = "Operation",
    params(("secret" = String, Path, description = "The unguessable part of the connection's hook address")),
    request_body(content_type = "application/json", content = serde_json::Value),
    responses((status = 200, description = "Taken in")))]
async fn receive_hook(
    State(app): State<App>,
    Path(secret): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Answer<StatusCode> {
    let body = body.map_err(unreadable_body)?;
    let authorization = headers.get(header::AUTHORIZATION).map(|value| value.to_str().unwrap_or_default());
    match app.engine.receive_hook(&secret, authorization, &body).await? {
        HookAnswer::Accepted => Ok(StatusCode::OK),
        HookAnswer::Unknown => Err(Failure::not_found("service hook")),
        HookAnswer::Malformed => Err(Failure::invalid(
            "The body is no event of a service hook.",
            "Send the event as Azure DevOps sends it.",
        )),
    }
}
