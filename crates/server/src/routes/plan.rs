//! What would happen, and making it happen.

use api::{Apply, ApplyRequest, ApplySummary, Job, Page, Plan, PlanQuery, ReconcileRequest};
use axum::extract::State;
use http::StatusCode;
use model::PlanApplyId;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::App;
use crate::access::Caller;
use crate::extract::{Json, Path, Query};
use crate::problem::{Answer, Failure};
use crate::routes::jobs::read_job;
use crate::translate;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(plan))
        .routes(routes!(list_applies, apply))
        .routes(routes!(get_apply))
        .routes(routes!(undo_apply))
        .routes(routes!(reconcile))
}

/// Everything that would happen now, compared with the live board
#[utoipa::path(post, path = "/plan", tag = "Plan", params(PlanQuery), responses((status = 200, body = Plan)))]
async fn plan(State(app): State<App>, Query(query): Query<PlanQuery>) -> Answer<axum::Json<Plan>> {
    let most = match query.limit {
        None => engine::Plan::LISTED,
        Some(limit) => usize::try_from(limit)
            .ok()
            .filter(|limit| (1..=engine::Plan::MOST_LISTED).contains(limit))
            .ok_or_else(|| {
                Failure::invalid(
                    "`limit` is not a number from 1 to 5000.",
                    "Leave it out, or give such a number.",
                )
            })?,
    };
    Ok(axum::Json(translate::plan(app.engine.plan_listing(most).await?)))
}

/// Carry out rows of a plan, each if it still is what was planned
///
/// Rows whose work item moved since, or for which something else would be written by now, are refused with the reason.
#[utoipa::path(post, path = "/plan/applies", tag = "Plan", request_body = ApplyRequest,
    responses((status = 200, body = Apply)))]
async fn apply(
    State(app): State<App>,
    caller: Caller,
    Json(request): Json<ApplyRequest>,
) -> Answer<axum::Json<Apply>> {
    let approved: Vec<engine::ApprovedTicket> = request
        .tickets
        .into_iter()
        .map(|row| engine::ApprovedTicket {
            ticket: row.ticket_id,
            revision: row.revision,
            fingerprint: row.fingerprint,
        })
        .collect();
    // Whoever asked may go away, and this with them: what was approved stands on the tickets, and the passes take it up.
    Ok(axum::Json(translate::apply(app.engine.apply(&approved, &caller.actor()).await?)))
}

/// The latest applies and undos, newest first, at most 50
#[utoipa::path(get, path = "/plan/applies", tag = "Plan", responses((status = 200, body = Page<ApplySummary>)))]
async fn list_applies(State(app): State<App>) -> Answer<axum::Json<Page<ApplySummary>>> {
    let items = app.engine.applies().await?.into_iter().map(translate::apply_summary).collect();
    Ok(axum::Json(Page { items, next_cursor: None }))
}

/// What became of an apply, ticket by ticket
#[utoipa::path(get, path = "/plan/applies/{id}", tag = "Plan", params(("id" = PlanApplyId, Path)),
    responses((status = 200, body = Apply)))]
async fn get_apply(State(app): State<App>, Path(id): Path<PlanApplyId>) -> Answer<axum::Json<Apply>> {
    Ok(axum::Json(translate::apply(app.engine.apply_report(id).await?)))
}

/// Put back what an apply wrote, wherever the work item still stands as it was left
#[utoipa::path(post, path = "/plan/applies/{id}/undo", tag = "Plan", params(("id" = PlanApplyId, Path)),
    responses((status = 200, body = Apply)))]
async fn undo_apply(
    State(app): State<App>,
    Path(id): Path<PlanApplyId>,
    caller: Caller,
) -> Answer<axum::Json<Apply>> {
    Ok(axum::Json(translate::apply(app.engine.undo_apply(id, &caller.actor()).await?)))
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
