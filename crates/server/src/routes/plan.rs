//! What would happen, and making it happen.

use api::{Job, Plan, ReconcileRequest};
use axum::extract::State;
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::App;
use crate::access::Caller;
use crate::extract::Json;
use crate::problem::Answer;
use crate::routes::jobs::read_job;
use crate::translate;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(plan)).routes(routes!(reconcile))
}

/// Everything that would happen now, compared with the live board
#[utoipa::path(post, path = "/plan", tag = "Plan", responses((status = 200, body = Plan)))]
async fn plan(State(app): State<App>) -> Answer<axum::Json<Plan>> {
    Ok(axum::Json(translate::plan(app.engine.plan().await?)))
}

/// Bring tickets and work items into agreement now
#[utoipa::path(post, path = "/reconcile", tag = "Plan", request_body = ReconcileRequest,
    responses((status = 202, body = Job)))]
async fn reconcile(
    State(app): State<App>,
    caller: Caller,
    Json(request): Json<ReconcileRequest>,
) -> Answer<(StatusCode, axum::Json<Job>)> {
    let job = app.engine.request_reconcile(request.ticket, request.sweep, &caller.actor()).await?;
    Ok((StatusCode::ACCEPTED, axum::Json(read_job(&app, job).await?)))
}
