//! Breakers that tripped.

use api::{Breaker, Named, Page};
use axum::extract::State;
use http::StatusCode;
use model::BreakerId;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::App;
use crate::access::Caller;
use crate::extract::Path;
use crate::problem::Answer;

/// Tickets that are named for each breaker.
const SHOWN: u32 = 20;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_breakers))
        .routes(routes!(approve_breaker))
        .routes(routes!(dismiss_breaker))
}

/// Breakers that hold tickets back, newest first
#[utoipa::path(get, path = "/breakers", tag = "Alarms", responses((status = 200, body = Page<Breaker>)))]
async fn list_breakers(State(app): State<App>) -> Answer<axum::Json<Page<Breaker>>> {
    let mut tx = app.db.read().await?;
    let mut items = Vec::new();
    for breaker in store::breakers::holding(&mut tx).await? {
        let destination = store::destinations::get(&mut tx, breaker.destination_id).await?;
        let titles = store::breakers::titles(&mut tx, breaker.id, SHOWN).await?;
        items.push(Breaker {
            id: breaker.id,
            destination: Named {
                id: breaker.destination_id,
                name: destination.map(|destination| destination.settings.name).unwrap_or_default(),
            },
            stroke: breaker.stroke,
            tickets: breaker.tickets,
            bound: breaker.bound,
            some: titles.into_iter().map(|(id, name)| Named { id, name }).collect(),
            tripped_at: breaker.tripped_at,
            dismissed_by: breaker.decided_by,
        });
    }
    Ok(axum::Json(Page { items, next_cursor: None }))
}

/// Let through what a breaker holds
///
/// Exactly the tickets it holds now, once.
#[utoipa::path(post, path = "/breakers/{id}/approve", tag = "Alarms", params(("id" = BreakerId, Path)),
    responses((status = 204)))]
async fn approve_breaker(
    State(app): State<App>,
    Path(id): Path<BreakerId>,
    caller: Caller,
) -> Answer<StatusCode> {
    app.engine.approve_breaker(id, &caller.actor()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Leave what a breaker holds as it is
///
/// The tickets stay as they are until their findings say something else, or somebody lets them through after all.
#[utoipa::path(post, path = "/breakers/{id}/dismiss", tag = "Alarms", params(("id" = BreakerId, Path)),
    responses((status = 204)))]
async fn dismiss_breaker(
    State(app): State<App>,
    Path(id): Path<BreakerId>,
    caller: Caller,
) -> Answer<StatusCode> {
    app.engine.dismiss_breaker(id, &caller.actor()).await?;
    Ok(StatusCode::NO_CONTENT)
}
