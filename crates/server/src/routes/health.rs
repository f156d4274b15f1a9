//! Whether the process is up and whether it can work: for load balancers and monitors.

use axum::extract::State;
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::App;
use crate::problem::{Failure, chain};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(healthz)).routes(routes!(readyz))
}

/// The process is up
#[utoipa::path(get, path = "/healthz", tag = "Operation", responses((status = 200, content_type = "text/plain", body = String)))]
async fn healthz() -> &'static str {
    "ok\n"
}

/// The database answers
#[utoipa::path(get, path = "/readyz", tag = "Operation", responses((status = 200, content_type = "text/plain", body = String)))]
async fn readyz(State(app): State<App>) -> Result<&'static str, Failure> {
    let answer = async {
        let mut tx = app.db.read().await?;
        store::users::any(&mut tx).await
    };
    answer.await.map(|_| "ready\n").map_err(|error| {
        tracing::warn!(error = %chain(&error), "the database does not answer");
        Failure::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "not_ready",
            "Not ready",
            "The database does not answer.",
            "Look at the server's log and at the database.",
        )
    })
}
