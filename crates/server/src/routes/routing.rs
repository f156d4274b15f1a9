//! Where work items go, and why.

use api::{Named, Route, RouteQuery, RouteStep};
use axum::extract::State;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::App;
use crate::extract::Query;
use crate::problem::{Answer, Failure};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get_route))
}

/// Where the work items of a finding, or of the findings of an asset, go, and why
///
/// Give a finding, or an asset with or without one of its branches.
#[utoipa::path(get, path = "/routing", tag = "Destinations", params(RouteQuery),
    responses((status = 200, body = Route)))]
async fn get_route(State(app): State<App>, Query(query): Query<RouteQuery>) -> Answer<axum::Json<Route>> {
    let route = match (query.finding, query.asset) {
        (Some(finding), None) if query.branch.is_none() => app.engine.route_of_finding(finding).await?,
        (None, Some(asset)) => app.engine.route_of_asset(asset, query.branch.as_deref()).await?,
        _ => {
            return Err(Failure::invalid(
                "It is not said for what the way is asked.",
                "Give either `finding`, or `asset` with or without `branch`.",
            ));
        }
    };
    Ok(axum::Json(Route {
        branch: route.branch,
        taken_by: route.taken_by.map(shown),
        others: route.others.into_iter().map(shown).collect(),
    }))
}

fn shown(step: engine::RouteStep) -> RouteStep {
    RouteStep { destination: Named { id: step.id, name: step.name }, reason: step.reason }
}
