//! Assessments.

use api::{
    AddToAssessment, AddedToAssessment, Assessment, AssessmentSettings, MoveAssessment, NewAssessment,
};
use axum::extract::State;
use http::StatusCode;
use model::AssessmentId;
use store::views;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::App;
use crate::access::Caller;
use crate::extract::{Json, Path};
use crate::problem::{Answer, Failure};
use crate::translate;

/// Findings that are added in one call.
const MOST: usize = 1000;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_assessments, create_assessment))
        .routes(routes!(get_assessment, change_assessment, delete_assessment))
        .routes(routes!(move_assessment))
        .routes(routes!(add_to_assessment))
}

/// Assessments, newest first
#[utoipa::path(get, path = "/assessments", tag = "Assessments", responses((status = 200, body = Vec<Assessment>)))]
async fn list_assessments(State(app): State<App>) -> Answer<axum::Json<Vec<Assessment>>> {
    let mut tx = app.db.read().await?;
    let rows = views::assessments::all(&mut tx).await?;
    Ok(axum::Json(rows.into_iter().map(assessment).collect()))
}

/// Make an assessment; it is planned
#[utoipa::path(post, path = "/assessments", tag = "Assessments", request_body = NewAssessment,
    responses((status = 201, body = Assessment)))]
async fn create_assessment(
    State(app): State<App>,
    caller: Caller,
    Json(new): Json<NewAssessment>,
) -> Answer<(StatusCode, axum::Json<Assessment>)> {
    let id = app.engine.create_assessment(settings(new), &caller.actor()).await?;
    Ok((StatusCode::CREATED, axum::Json(read(&app, id).await?)))
}

/// One assessment
#[utoipa::path(get, path = "/assessments/{id}", tag = "Assessments", params(("id" = AssessmentId, Path)),
    responses((status = 200, body = Assessment)))]
async fn get_assessment(
    State(app): State<App>,
    Path(id): Path<AssessmentId>,
) -> Answer<axum::Json<Assessment>> {
    read(&app, id).await.map(axum::Json)
}

/// Change what is said about an assessment
#[utoipa::path(put, path = "/assessments/{id}", tag = "Assessments", params(("id" = AssessmentId, Path)),
    request_body = NewAssessment, responses((status = 200, body = Assessment)))]
async fn change_assessment(
    State(app): State<App>,
    Path(id): Path<AssessmentId>,
    caller: Caller,
    Json(new): Json<NewAssessment>,
) -> Answer<axum::Json<Assessment>> {
    app.engine.change_assessment(id, settings(new), &caller.actor()).await?;
    read(&app, id).await.map(axum::Json)
}

/// Start, complete or take up an assessment again
#[utoipa::path(post, path = "/assessments/{id}/state", tag = "Assessments", params(("id" = AssessmentId, Path)),
    request_body = MoveAssessment, responses((status = 200, body = Assessment)))]
async fn move_assessment(
    State(app): State<App>,
    Path(id): Path<AssessmentId>,
    caller: Caller,
    Json(to): Json<MoveAssessment>,
) -> Answer<axum::Json<Assessment>> {
    app.engine.move_assessment(id, to.state, &caller.actor()).await?;
    read(&app, id).await.map(axum::Json)
}

/// Add findings to an assessment by hand
#[utoipa::path(post, path = "/assessments/{id}/findings", tag = "Assessments", params(("id" = AssessmentId, Path)),
    request_body = AddToAssessment, responses((status = 200, body = AddedToAssessment)))]
async fn add_to_assessment(
    State(app): State<App>,
    Path(id): Path<AssessmentId>,
    caller: Caller,
    Json(more): Json<AddToAssessment>,
) -> Answer<axum::Json<AddedToAssessment>> {
    if more.findings.len() > MOST {
        return Err(Failure::invalid(
            &format!("{} findings are too many at once.", more.findings.len()),
            &format!("Add at most {MOST} in one call."),
        ));
    }
    let added = app.engine.add_to_assessment(id, &more.findings, &caller.actor()).await?;
    Ok(axum::Json(AddedToAssessment { added }))
}

/// Delete an assessment; its findings, scans and tickets stay
#[utoipa::path(delete, path = "/assessments/{id}", tag = "Assessments", params(("id" = AssessmentId, Path)),
    responses((status = 204)))]
async fn delete_assessment(
    State(app): State<App>,
    Path(id): Path<AssessmentId>,
    caller: Caller,
) -> Answer<StatusCode> {
    app.engine.delete_assessment(id, &caller.actor()).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn read(app: &App, id: AssessmentId) -> Answer<Assessment> {
    let mut tx = app.db.read().await?;
    let row = views::assessments::one(&mut tx, id).await?.ok_or_else(|| Failure::not_found("assessment"))?;
    Ok(assessment(row))
}

fn settings(new: NewAssessment) -> engine::AssessmentSettings {
    let NewAssessment { name, description, starts_on, ends_on } = new;
    engine::AssessmentSettings { name, description, starts_on, ends_on }
}

fn assessment(row: views::assessments::AssessmentRow) -> Assessment {
    let known = row.assessment;
    Assessment {
        id: known.id,
        settings: AssessmentSettings {
            name: known.name,
            description: known.description,
            starts_on: known.starts_on,
            ends_on: known.ends_on,
        },
        state: known.state,
        created_at: known.created_at,
        completed_at: known.completed_at,
        open: translate::counts(row.open),
        closed: row.closed,
        scans: row.scans,
    }
}
