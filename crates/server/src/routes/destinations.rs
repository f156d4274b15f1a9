//! Destinations.

use api::{
    Binding, Destination, DestinationCheck, DestinationFilter, DestinationSettings, Drift, Named,
    NewDestination, Page, Plan,
};
use axum::extract::State;
use http::StatusCode;
use model::{DestinationId, routing};
use store::destinations::Settings;
use store::views;
use store::views::boards::DestinationRow;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::App;
use crate::access::Caller;
use crate::extract::{Json, Path, Query};
use crate::paging::Paging;
use crate::problem::{Answer, Failure};
use crate::translate;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_destinations, create_destination))
        .routes(routes!(check_destination))
        .routes(routes!(plan_destination))
        .routes(routes!(get_destination, change_destination, delete_destination))
}

fn shown_settings(settings: Settings) -> DestinationSettings {
    DestinationSettings {
        name: settings.name,
        project: settings.project,
        team: settings.team,
        board: settings.board,
        lane: settings.lane,
        work_item_type: settings.work_item_type,
        area: settings.area,
        iteration: settings.iteration,
        tags: settings.tags,
        severity_map: settings.severity_map,
        status_map: settings.status_map,
        daily_budget: settings.daily_budget,
        fields: settings.fields,
        limits: settings.limits,
        when_archived: settings.when_archived,
        on_deletion: settings.on_deletion,
    }
}

fn shown_binding(binding: &routing::Binding, asset: Option<&str>) -> Binding {
    let asset = asset.unwrap_or_default().to_owned();
    match binding {
        routing::Binding::Default => Binding::Default,
        routing::Binding::Group { tags } => Binding::Group { tags: tags.clone() },
        routing::Binding::Asset { .. } => Binding::Asset { asset },
        routing::Binding::Branch { branch, .. } => Binding::Branch { asset, branch: branch.to_string() },
    }
}

fn given_binding(binding: Binding) -> Answer<routing::Binding<String>> {
    Ok(match binding {
        Binding::Default => routing::Binding::Default,
        Binding::Group { tags } => routing::Binding::Group { tags },
        Binding::Asset { asset } => routing::Binding::Asset { asset },
        Binding::Branch { asset, branch } => {
            let branch = branch.parse().map_err(|why: String| {
                Failure::invalid(
                    &format!("`binding/branch`: {why}."),
                    "Name a branch, or a pattern with `*`.",
                )
            })?;
            routing::Binding::Branch { asset, branch }
        }
    })
}

fn given(new: NewDestination) -> Answer<engine::NewDestination> {
    let settings = new.settings;
    Ok(engine::NewDestination {
        connection_id: new.connection_id,
        binding: given_binding(new.binding)?,
        settings: Settings {
            name: settings.name,
            project: settings.project,
            team: settings.team,
            board: settings.board,
            lane: settings.lane,
            work_item_type: settings.work_item_type,
            area: settings.area,
            iteration: settings.iteration,
            tags: settings.tags,
            severity_map: settings.severity_map,
            status_map: settings.status_map,
            daily_budget: settings.daily_budget,
            fields: settings.fields,
            limits: settings.limits,
            when_archived: settings.when_archived,
            on_deletion: settings.on_deletion,
        },
    })
}

fn shown(row: DestinationRow) -> Destination {
    Destination {
        id: row.id,
        connection: Named { id: row.connection_id, name: row.connection_name },
        binding: shown_binding(&row.binding, row.asset_name.as_deref()),
        asset: row.binding.asset().copied().zip(row.asset_name).map(|(id, name)| Named { id, name }),
        settings: shown_settings(row.settings),
        created_today: row.created_today,
        drift: row
            .drift
            .map(|drift| Drift { problems: drift.problems, creates_nothing: drift.creates_nothing }),
    }
}

/// Destinations in the order they were made
#[utoipa::path(get, path = "/destinations", tag = "Destinations", params(DestinationFilter),
    responses((status = 200, body = Page<Destination>)))]
async fn list_destinations(
    State(app): State<App>,
    Query(query): Query<DestinationFilter>,
) -> Answer<axum::Json<Page<Destination>>> {
    let paging: Paging<DestinationId> = Paging::of("destinations", query.cursor.as_deref(), query.limit)?;
    let filter = views::boards::DestinationFilter {
        connection: query.connection,
        text: query.q.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()),
    };
    let mut tx = app.db.read().await?;
    let rows = views::boards::destinations(&mut tx, app.now(), &filter, paging.after, paging.rows()).await?;
    Ok(axum::Json(paging.page(rows, |row| row.id, |row| Ok(shown(row)))?))
}

/// One destination
#[utoipa::path(get, path = "/destinations/{id}", tag = "Destinations", params(("id" = DestinationId, Path)),
    responses((status = 200, body = Destination)))]
async fn get_destination(
    State(app): State<App>,
    Path(id): Path<DestinationId>,
) -> Answer<axum::Json<Destination>> {
    read_destination(&app, id).await.map(axum::Json)
}

async fn read_destination(app: &App, id: DestinationId) -> Answer<Destination> {
    let mut tx = app.db.read().await?;
    let row = views::boards::one_destination(&mut tx, app.now(), id).await?;
    row.map(shown).ok_or_else(|| Failure::not_found("destination"))
}

/// Make a destination
///
/// Blanks are filled in from the board; it is saved only if it fits the board.
#[utoipa::path(post, path = "/destinations", tag = "Destinations", request_body = NewDestination,
    responses((status = 201, body = Destination)))]
async fn create_destination(
    State(app): State<App>,
    caller: Caller,
    Json(new): Json<NewDestination>,
) -> Answer<(StatusCode, axum::Json<Destination>)> {
    let id = app.engine.create_destination(given(new)?, &caller.actor()).await?;
    Ok((StatusCode::CREATED, axum::Json(read_destination(&app, id).await?)))
}

/// Change a destination
#[utoipa::path(put, path = "/destinations/{id}", tag = "Destinations", params(("id" = DestinationId, Path)),
    request_body = NewDestination, responses((status = 200, body = Destination)))]
async fn change_destination(
    State(app): State<App>,
    Path(id): Path<DestinationId>,
    caller: Caller,
    Json(new): Json<NewDestination>,
) -> Answer<axum::Json<Destination>> {
    app.engine.change_destination(id, given(new)?, &caller.actor()).await?;
    read_destination(&app, id).await.map(axum::Json)
}

/// Remove a destination with its tickets
///
/// The work items stay as they are.
#[utoipa::path(delete, path = "/destinations/{id}", tag = "Destinations", params(("id" = DestinationId, Path)),
    responses((status = 204)))]
async fn delete_destination(
    State(app): State<App>,
    Path(id): Path<DestinationId>,
    caller: Caller,
) -> Answer<StatusCode> {
    app.engine.delete_destination(id, &caller.actor()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What a change of a destination would do to its work items that are there
///
/// What is due anyway is left out. Nothing is saved.
#[utoipa::path(post, path = "/destinations/{id}/plan", tag = "Destinations", params(("id" = DestinationId, Path)),
    request_body = NewDestination, responses((status = 200, body = Plan)))]
async fn plan_destination(
    State(app): State<App>,
    Path(id): Path<DestinationId>,
    Json(new): Json<NewDestination>,
) -> Answer<axum::Json<Plan>> {
    Ok(axum::Json(translate::plan(app.engine.plan_destination(id, given(new)?).await?)))
}

/// How settings read once blanks are filled in, and what is wrong with them
///
/// Nothing is saved.
#[utoipa::path(post, path = "/destinations/check", tag = "Destinations", request_body = NewDestination,
    responses((status = 200, body = DestinationCheck)))]
async fn check_destination(
    State(app): State<App>,
    Json(new): Json<NewDestination>,
) -> Answer<axum::Json<DestinationCheck>> {
    let check = app.engine.check_destination(given(new)?).await?;
    Ok(axum::Json(DestinationCheck { settings: shown_settings(check.settings), problems: check.problems }))
}
