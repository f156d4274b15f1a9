//! Scans.

use api::{ComparedSide, ComparisonQuery, Page, Scan, ScanComparison, ScanFilter, SeverityCounts};
use axum::extract::State;
use chrono::{DateTime, Utc};
use http::StatusCode;
use model::ScanId;
use store::presence::{self, Side, Span};
use store::{Tx, views};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::App;
use crate::access::Caller;
use crate::extract::{Path, Query};
use crate::paging::Paging;
use crate::problem::{Answer, Failure};
use crate::translate;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_scans))
        .routes(routes!(get_scan))
        .routes(routes!(confirm_scan))
        .routes(routes!(compare_scans))
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

/// Findings of one side that are listed.
const LISTED: u32 = 200;

/// How what two scans saw differs
///
/// Of one configuration on one branch: only these look for the same. What is listed stands as it is now.
#[utoipa::path(get, path = "/scans/{id}/comparison", tag = "Scans", params(("id" = ScanId, Path), ComparisonQuery),
    responses((status = 200, body = ScanComparison)))]
async fn compare_scans(
    State(app): State<App>,
    Path(id): Path<ScanId>,
    Query(query): Query<ComparisonQuery>,
) -> Answer<axum::Json<ScanComparison>> {
    let now = app.now();
    let mut tx = app.db.read().await?;
    let this = in_effect(&mut tx, id).await?;
    let other = match query.with {
        Some(with) => Some(with),
        None => store::scans::before(&mut tx, &this).await?,
    };
    let other = match other {
        Some(other) => Some(in_effect(&mut tx, other).await?),
        None => None,
    };
    if let Some(other) = &other
        && (other.configuration_id != this.configuration_id || other.branch != this.branch)
    {
        return Err(Failure::new(
            StatusCode::CONFLICT,
            "scans_not_comparable",
            "The scans cannot be compared",
            "They are of two configurations, or on two branches, and did not look for the same.",
            "Name another scan of the same configuration and branch.",
        ));
    }
    let (earlier, later) = match other {
        Some(other) if other.started_at > this.started_at => (Some(this), other),
        other => (other, this),
    };
    let span = Span {
        configuration: later.configuration_id,
        branch: &later.branch,
        from: earlier.as_ref().map_or(DateTime::UNIX_EPOCH, |scan| scan.started_at),
        to: later.started_at,
    };
    let new = side(&mut tx, &span, Side::New, now).await?;
    let gone = side(&mut tx, &span, Side::Gone, now).await?;
    let there = presence::there(&mut tx, span.configuration, span.branch, span.to).await?;
    let unchanged = there.saturating_sub(new.counts.total());
    let earlier = match &earlier {
        Some(scan) => Some(shown(&mut tx, scan.id).await?),
        None => None,
    };
    let later = shown(&mut tx, later.id).await?;
    Ok(axum::Json(ScanComparison { earlier, later, new, gone, unchanged }))
}

/// A scan whose results are in effect.
async fn in_effect(tx: &mut Tx, id: ScanId) -> Answer<store::scans::Scan> {
    let (scan, state) = store::scans::get(tx, id).await?.ok_or_else(|| Failure::not_found("scan"))?;
    if !matches!(state.as_str(), "committed" | "quarantined") {
        return Err(Failure::new(
            StatusCode::CONFLICT,
            "scan_not_in_effect",
            "The scan is not in effect",
            "The scan failed, or is being taken in.",
            "Wait until it is, or name another scan.",
        ));
    }
    Ok(scan)
}

async fn shown(tx: &mut Tx, id: ScanId) -> Answer<Scan> {
    translate::scan(views::scans::one(tx, id).await?.ok_or_else(|| Failure::not_found("scan"))?)
}

async fn side(tx: &mut Tx, span: &Span<'_>, side: Side, now: DateTime<Utc>) -> Answer<ComparedSide> {
    let mut counts = SeverityCounts::default();
    for (severity, count) in presence::counts(tx, span, side).await? {
        counts.add(severity, count);
    }
    let ids = presence::worst(tx, span, side, LISTED).await?;
    let rows = views::findings::by_ids(tx, &ids).await?;
    let findings = rows.into_iter().map(|row| translate::finding_summary(row, now)).collect::<Answer<_>>()?;
    Ok(ComparedSide { counts, findings })
}
