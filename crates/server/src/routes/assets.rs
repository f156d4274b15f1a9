//! Assets.

use api::{Asset, AssetChange, Page};
use axum::extract::State;
use model::AssetId;
use serde::Deserialize;
use store::views;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::App;
use crate::access::Caller;
use crate::extract::{Json, Path, Query};
use crate::paging::Paging;
use crate::problem::{Answer, Failure};
use crate::translate;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list_assets)).routes(routes!(get_asset, change_asset))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct AssetQuery {
    /// Text in the name.
    q: Option<String>,
    /// Where the page starts.
    cursor: Option<String>,
    /// Size of the page, 1 to 200, 50 if absent.
    limit: Option<u32>,
}

/// Assets by name
#[utoipa::path(get, path = "/assets", tag = "Assets", params(AssetQuery),
    responses((status = 200, body = Page<Asset>)))]
async fn list_assets(
    State(app): State<App>,
    Query(query): Query<AssetQuery>,
) -> Answer<axum::Json<Page<Asset>>> {
    let paging: Paging<String> = Paging::of("assets", query.cursor.as_deref(), query.limit)?;
    let text = query.q.as_deref().map(str::trim).filter(|text| !text.is_empty());
    let mut tx = app.db.read().await?;
    let rows = views::assets::page(&mut tx, text, paging.after.as_deref(), paging.rows()).await?;
    Ok(axum::Json(paging.page(rows, |row| row.name_folded.clone(), translate::asset)?))
}

/// One asset
#[utoipa::path(get, path = "/assets/{id}", tag = "Assets", params(("id" = AssetId, Path)),
    responses((status = 200, body = Asset)))]
async fn get_asset(State(app): State<App>, Path(id): Path<AssetId>) -> Answer<axum::Json<Asset>> {
    read_asset(&app, id).await.map(axum::Json)
}

async fn read_asset(app: &App, id: AssetId) -> Answer<Asset> {
    let mut tx = app.db.read().await?;
    let row = views::assets::one(&mut tx, id).await?.ok_or_else(|| Failure::not_found("asset"))?;
    translate::asset(row)
}

/// Change an asset: its name, tags and tracked branches; lay it aside or take it up again
#[utoipa::path(patch, path = "/assets/{id}", tag = "Assets", params(("id" = AssetId, Path)), request_body = AssetChange,
    responses((status = 200, body = Asset)))]
async fn change_asset(
    State(app): State<App>,
    Path(id): Path<AssetId>,
    caller: Caller,
    Json(change): Json<AssetChange>,
) -> Answer<axum::Json<Asset>> {
    let by = caller.actor();
    if let Some(name) = &change.name {
        app.engine.rename_asset(id, name, &by).await?;
    }
    if change.tags.is_some() || change.tracked_branches.is_some() {
        app.engine.change_asset(id, change.tags, change.tracked_branches, &by).await?;
    }
    match change.archived {
        Some(true) => app.engine.archive_asset(id, &by).await?,
        Some(false) => app.engine.restore_asset(id, &by).await?,
        None => {}
    }
    read_asset(&app, id).await.map(axum::Json)
}
