//! Scans.

use api::{Page, Scan, ScanFilter};
use axum::extract::State;
use model::ScanId;
use store::views;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::App;
use crate::access::Caller;
use crate::extract::{Path, Query};
use crate::paging::Paging;
use crate::problem::{Answer, Failure};
use crate::translate;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list_scans)).routes(routes!(get_scan)).routes(routes!(confirm_scan))
}

/// Scans, latest arrival first
#[utoipa::path(get, path = "/scans", tag = "Scans", params(ScanFilter),
    responses((status = 200, body = Page<Scan>)))]
async fn list_scans(
    State(app): State<App>,
    Query(query): Query<ScanFilter>,
) -> Answer<axum::Json<Page<Scan>>> {
    let paging: Paging<ScanId> = Paging::of("scans", query.cursor.as_deref(), query.limit)?;
    let mut tx = app.db.read().await?;
    let rows = views::scans::page(&mut tx, query.asset, paging.after, paging.rows()).await?;
    Ok(axum::Json(paging.page(rows, |row| row.id, translate::scan)?))
}

/// One scan
#[utoipa::path(get, path = "/scans/{id}", tag = "Scans", params(("id" = ScanId, Path)),
    responses((status = 200, body = Scan)))]
async fn get_scan(State(app): State<App>, Path(id): Path<ScanId>) -> Answer<axum::Json<Scan>> {
    read_scan(&app, id).await.map(axum::Json)
}

async fn read_scan(app: &App, id: ScanId) -> Answer<Scan> {
    let mut tx = app.db.read().await?;
    let row = views::scans::one(&mut tx, id).await?.ok_or_else(|| Failure::not_found("scan"))?;
    translate::scan(row)
}

/// Let a quarantined scan close what it covered and did not see
#[utoipa::path(post, path = "/scans/{id}/confirm", tag = "Scans", params(("id" = ScanId, Path)),
    responses((status = 200, body = Scan)))]
async fn confirm_scan(
    State(app): State<App>,
    Path(id): Path<ScanId>,
    caller: Caller,
) -> Answer<axum::Json<Scan>> {
    app.engine.confirm_scan(id, &caller.actor()).await?;
    read_scan(&app, id).await.map(axum::Json)
}
