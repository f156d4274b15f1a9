//! Configuration as code.

use api::{ConfigurationPlan, ConfigurationRequest};
use axum::extract::State;
use model::configuration::Configuration;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::App;
use crate::access::Caller;
use crate::extract::Json;
use crate::problem::Answer;
use crate::translate;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(export_configuration))
        .routes(routes!(plan_configuration))
        .routes(routes!(apply_configuration))
}

fn shown(plan: engine::ConfigurationPlan) -> axum::Json<ConfigurationPlan> {
    let effect = plan.effect.map(|effect| effect.into_iter().map(translate::share).collect());
    axum::Json(ConfigurationPlan { fingerprint: plan.fingerprint, changes: plan.changes, effect })
}

/// The stored configuration, without secrets
///
/// Connections with their destinations, templates and rules; things are told by their names.
#[utoipa::path(get, path = "/configuration", tag = "Configuration",
    responses((status = 200, body = Configuration)))]
async fn export_configuration(State(app): State<App>) -> Answer<axum::Json<Configuration>> {
    Ok(axum::Json(app.engine.configuration().await?))
}

/// What a configuration would change, field by field
///
/// It is compared with the boards, tried, and thrown away: what the plan says can be done. Nothing is changed.
#[utoipa::path(post, path = "/configuration/plan", tag = "Configuration", request_body = ConfigurationRequest,
    responses((status = 200, body = ConfigurationPlan)))]
async fn plan_configuration(
    State(app): State<App>,
    caller: Caller,
    Json(request): Json<ConfigurationRequest>,
) -> Answer<axum::Json<ConfigurationPlan>> {
    let plan = app.engine.plan_configuration(request.configuration, request.prune, &caller.actor()).await?;
    Ok(shown(plan))
}

/// Apply a configuration: all of it, or nothing
///
/// With the fingerprint of a plan it is refused if the stored configuration has changed since. Answers what was done.
#[utoipa::path(post, path = "/configuration/apply", tag = "Configuration", request_body = ConfigurationRequest,
    responses((status = 200, body = ConfigurationPlan)))]
async fn apply_configuration(
    State(app): State<App>,
    caller: Caller,
    Json(request): Json<ConfigurationRequest>,
) -> Answer<axum::Json<ConfigurationPlan>> {
    let ConfigurationRequest { configuration, prune, fingerprint } = request;
    let by = caller.actor();
    let plan = app.engine.apply_configuration(configuration, prune, fingerprint.as_deref(), &by).await?;
    Ok(shown(plan))
}
