//! Suppression rules.

use std::collections::HashMap;

use api::{
    Suppression, SuppressionConfirm, SuppressionExample, SuppressionOrder, SuppressionPreview,
    SuppressionPreviewQuery, SuppressionSettings,
};
use axum::extract::State;
use chrono::{DateTime, Utc};
use engine::{SuppressionChange, SuppressionPlan, refuse_suppression};
use http::StatusCode;
use model::SuppressionId;
use model::rule::Criteria;
use store::suppressions::SuppressionRule;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::App;
use crate::access::Caller;
use crate::extract::{Json, Path, Query};
use crate::problem::{Answer, Failure};
use crate::translate;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_suppressions, create_suppression))
        .routes(routes!(preview_suppression))
        .routes(routes!(order_suppressions))
        .routes(routes!(get_suppression, change_suppression, delete_suppression))
        .routes(routes!(preview_suppression_removal))
}

/// Suppression rules in their order
#[utoipa::path(get, path = "/suppressions", tag = "Suppression", responses((status = 200, body = Vec<Suppression>)))]
async fn list_suppressions(State(app): State<App>) -> Answer<axum::Json<Vec<Suppression>>> {
    let now = app.now();
    let mut tx = app.db.read().await?;
    let counts = store::suppressions::counts(&mut tx).await?;
    let rules = store::suppressions::all(&mut tx).await?;
    Ok(axum::Json(rules.into_iter().map(|rule| shown(rule, &counts, now)).collect()))
}

/// One suppression rule
#[utoipa::path(get, path = "/suppressions/{id}", tag = "Suppression", params(("id" = SuppressionId, Path)),
    responses((status = 200, body = Suppression)))]
async fn get_suppression(
    State(app): State<App>,
    Path(id): Path<SuppressionId>,
) -> Answer<axum::Json<Suppression>> {
    read(&app, id).await.map(axum::Json)
}

/// Make a suppression rule
///
/// It is asked behind the others. What it matches is suppressed soon after, unless a person decided about it.
#[utoipa::path(post, path = "/suppressions", tag = "Suppression", params(SuppressionConfirm),
    request_body = SuppressionSettings, responses((status = 201, body = Suppression)))]
async fn create_suppression(
    State(app): State<App>,
    Query(sure): Query<SuppressionConfirm>,
    caller: Caller,
    Json(settings): Json<SuppressionSettings>,
) -> Answer<(StatusCode, axum::Json<Suppression>)> {
    let id = app.engine.create_suppression(given(settings)?, sure.confirm, &caller.actor()).await?;
    Ok((StatusCode::CREATED, axum::Json(read(&app, id).await?)))
}

/// Change a suppression rule
///
/// What it suppressed and matches no more comes back.
#[utoipa::path(put, path = "/suppressions/{id}", tag = "Suppression",
    params(("id" = SuppressionId, Path), SuppressionConfirm), request_body = SuppressionSettings,
    responses((status = 200, body = Suppression)))]
async fn change_suppression(
    State(app): State<App>,
    Path(id): Path<SuppressionId>,
    Query(sure): Query<SuppressionConfirm>,
    caller: Caller,
    Json(settings): Json<SuppressionSettings>,
) -> Answer<axum::Json<Suppression>> {
    app.engine.change_suppression(id, given(settings)?, sure.confirm, &caller.actor()).await?;
    read(&app, id).await.map(axum::Json)
}

/// Delete a suppression rule
///
/// What it suppressed comes back, unless another rule matches it.
#[utoipa::path(delete, path = "/suppressions/{id}", tag = "Suppression", params(("id" = SuppressionId, Path)),
    responses((status = 204)))]
async fn delete_suppression(
    State(app): State<App>,
    Path(id): Path<SuppressionId>,
    caller: Caller,
) -> Answer<StatusCode> {
    app.engine.delete_suppression(id, &caller.actor()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Put the suppression rules into another order
///
/// The first rule that matches a finding is the one that suppresses it.
#[utoipa::path(put, path = "/suppressions/order", tag = "Suppression", request_body = SuppressionOrder,
    responses((status = 200, body = Vec<Suppression>)))]
async fn order_suppressions(
    State(app): State<App>,
    caller: Caller,
    Json(order): Json<SuppressionOrder>,
) -> Answer<axum::Json<Vec<Suppression>>> {
    app.engine.reorder_suppressions(&order.rules, &caller.actor()).await?;
    list_suppressions(State(app)).await
}

/// What saving a suppression rule would do now
#[utoipa::path(post, path = "/suppressions/preview", tag = "Suppression", params(SuppressionPreviewQuery),
    request_body = SuppressionSettings, responses((status = 200, body = SuppressionPreview)))]
async fn preview_suppression(
    State(app): State<App>,
    Query(query): Query<SuppressionPreviewQuery>,
    Json(settings): Json<SuppressionSettings>,
) -> Answer<axum::Json<SuppressionPreview>> {
    let settings = given(settings)?;
    let change = match query.rule {
        Some(id) => SuppressionChange::Set(id, settings),
        None => SuppressionChange::Add(settings),
    };
    Ok(axum::Json(preview(app.engine.plan_suppression(&change).await?)))
}

/// What deleting a suppression rule would do now
#[utoipa::path(get, path = "/suppressions/{id}/removal", tag = "Suppression", params(("id" = SuppressionId, Path)),
    responses((status = 200, body = SuppressionPreview)))]
async fn preview_suppression_removal(
    State(app): State<App>,
    Path(id): Path<SuppressionId>,
) -> Answer<axum::Json<SuppressionPreview>> {
    Ok(axum::Json(preview(app.engine.plan_suppression(&SuppressionChange::Remove(id)).await?)))
}

async fn read(app: &App, id: SuppressionId) -> Answer<Suppression> {
    let mut tx = app.db.read().await?;
    let counts = store::suppressions::counts(&mut tx).await?;
    let rule = store::suppressions::get(&mut tx, id).await?;
    let rule = rule.ok_or_else(|| Failure::not_found("suppression rule"))?;
    Ok(shown(rule, &counts, app.now()))
}

/// The settings as the engine takes them, or what is wrong with their criteria.
fn given(settings: SuppressionSettings) -> Answer<model::suppression::SuppressionSettings> {
    let criteria = match Criteria::parse(&settings.criteria) {
        Ok(criteria) => criteria,
        Err(problems) => {
            refuse_suppression(&problems)?;
            return Err(Failure::invalid("The criteria make no sense.", "Correct them and send them again."));
        }
    };
    Ok(model::suppression::SuppressionSettings {
        name: settings.name,
        reason: settings.reason,
        criteria,
        enabled: settings.enabled,
        until: settings.until,
    })
}

fn shown(rule: SuppressionRule, counts: &HashMap<SuppressionId, u64>, now: DateTime<Utc>) -> Suppression {
    let settings = rule.settings;
    Suppression {
        id: rule.id,
        version: rule.version,
        about: settings.criteria.to_string(),
        in_effect: settings.is_in_effect(now),
        findings: counts.get(&rule.id).copied().unwrap_or(0),
        created_by: rule.created_by,
        created_at: rule.created_at,
        settings: SuppressionSettings {
            // Criteria are maps with string keys, lists, texts and numbers.
            criteria: serde_json::to_value(&settings.criteria).unwrap_or_default(),
            name: settings.name,
            reason: settings.reason,
            enabled: settings.enabled,
            until: settings.until,
        },
    }
}

fn preview(plan: SuppressionPlan) -> SuppressionPreview {
    let example = |one: engine::SuppressionExample| SuppressionExample {
        id: one.id,
        title: one.title,
        severity: one.severity,
        asset: one.asset,
    };
    SuppressionPreview {
        open: plan.open,
        suppress: translate::severity_counts(plan.suppress),
        come_back: translate::severity_counts(plan.come_back),
        decided_by_people: plan.decided_by_people,
        tickets_closing: plan.tickets_closing,
        examples: plan.examples.into_iter().map(example).collect(),
        needs_confirmation: plan.needs_confirmation,
    }
}
