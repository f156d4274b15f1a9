//! Assets.

use api::{
    Asset, AssetChange, AssetMerged, Branch, BranchComparison, ComparedBranches, DeleteBranch, MergeAsset,
    Page,
};
use axum::extract::State;
use engine::AssetSettings;
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
    OpenApiRouter::new()
        .routes(routes!(list_assets))
        .routes(routes!(get_asset, change_asset))
        .routes(routes!(merge_asset))
        .routes(routes!(delete_branch))
        .routes(routes!(list_branches))
        .routes(routes!(compare_branches))
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

/// Branches of an asset, with what is open on each
#[utoipa::path(get, path = "/assets/{id}/branches", tag = "Assets", params(("id" = AssetId, Path)),
    responses((status = 200, body = Vec<Branch>)))]
async fn list_branches(State(app): State<App>, Path(id): Path<AssetId>) -> Answer<axum::Json<Vec<Branch>>> {
    let mut tx = app.db.read().await?;
    let asset = views::assets::one(&mut tx, id).await?.ok_or_else(|| Failure::not_found("asset"))?;
    let branches = views::branches::of_asset(&mut tx, id).await?;
    let shown = branches.into_iter().map(|row| Branch {
        tracked: row.name.is_empty() || asset.tracked_branches.contains(&row.name),
        name: (!row.name.is_empty()).then_some(row.name),
        last_scan_at: row.last_scan_at,
        open: translate::counts(row.open),
    });
    Ok(axum::Json(shown.collect()))
}

/// How two branches of an asset differ
#[utoipa::path(get, path = "/assets/{id}/comparison", tag = "Assets", params(("id" = AssetId, Path), ComparedBranches),
    responses((status = 200, body = BranchComparison)))]
async fn compare_branches(
    State(app): State<App>,
    Path(id): Path<AssetId>,
    Query(asked): Query<ComparedBranches>,
) -> Answer<axum::Json<BranchComparison>> {
    let mut tx = app.db.read().await?;
    let asset = views::assets::one(&mut tx, id).await?.ok_or_else(|| Failure::not_found("asset"))?;
    let known = views::branches::of_asset(&mut tx, id).await?;
    for branch in [&asked.base, &asked.head] {
        if !known.iter().any(|known| known.name == *branch) {
            let names: Vec<&str> = known.iter().map(|known| known.name.as_str()).collect();
            return Err(Failure::invalid(
                &format!("No scan of {} named the branch '{branch}'.", asset.name),
                &format!("Name one of these: {}.", names.join(", ")),
            ));
        }
    }
    let compared = views::branches::compare(&mut tx, id, &asked.base, &asked.head).await?;
    Ok(axum::Json(BranchComparison {
        only_head: translate::counts(compared.only_head),
        only_base: translate::counts(compared.only_base),
        both: translate::counts(compared.both),
    }))
}

/// Change an asset: its name, tags, tracked branches, owner and impact; lay it aside or take it up again
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
    let AssetChange { name: _, archived, tags, tracked_branches, owner, impact } = change;
    let settings = AssetSettings { tags, tracked_branches, owner, impact };
    if settings != AssetSettings::default() {
        app.engine.change_asset(id, settings, &by).await?;
    }
    match archived {
        Some(true) => app.engine.archive_asset(id, &by).await?,
        Some(false) => app.engine.restore_asset(id, &by).await?,
        None => {}
    }
    read_asset(&app, id).await.map(axum::Json)
}

/// Merge an asset into another one, for good: findings, scans and tickets go over, and its name leads to the other one
#[utoipa::path(post, path = "/assets/{id}/merge", tag = "Assets", params(("id" = AssetId, Path)),
    request_body = MergeAsset, responses((status = 200, body = AssetMerged)))]
async fn merge_asset(
    State(app): State<App>,
    Path(id): Path<AssetId>,
    caller: Caller,
    Json(request): Json<MergeAsset>,
) -> Answer<axum::Json<AssetMerged>> {
    let done = app.engine.merge_asset(id, request.into, &caller.actor()).await?;
    Ok(axum::Json(AssetMerged { moved: done.moved, same: done.same }))
}

/// A branch of an asset is gone: what was seen on no other tracked branch is laid aside until a scan sees it again
#[utoipa::path(post, path = "/assets/{id}/delete-branch", tag = "Assets", params(("id" = AssetId, Path)),
    request_body = DeleteBranch, responses((status = 200, body = Asset)))]
async fn delete_branch(
    State(app): State<App>,
    Path(id): Path<AssetId>,
    caller: Caller,
    Json(request): Json<DeleteBranch>,
) -> Answer<axum::Json<Asset>> {
    app.engine.delete_branch(id, request.branch.trim(), &caller.actor()).await?;
    read_asset(&app, id).await.map(axum::Json)
}
