//! Exploit data and the SLA matrix: what decides how much findings matter.

use api::{
    ExploitData, ExploitDataLoad, ExploitDataOptions, ExploitSource, LoadedExploitData, Sla, SlaCounts,
};
use axum::body::Body;
use axum::extract::State;
use engine::ExploitState;
use model::priority::SlaMatrix;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::imports::receive;
use crate::App;
use crate::access::Caller;
use crate::extract::{Json, Query};
use crate::problem::{Answer, Failure};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_exploit_data, load_exploit_data))
        .routes(routes!(get_sla, set_sla))
        .routes(routes!(preview_sla))
}

/// EPSS and KEV, as they stand here
#[utoipa::path(get, path = "/exploit-data", tag = "Priority", responses((status = 200, body = Vec<ExploitData>)))]
async fn list_exploit_data(State(app): State<App>) -> Answer<axum::Json<Vec<ExploitData>>> {
    let states = app.engine.exploit_data().await?;
    Ok(axum::Json(states.into_iter().map(exploit_data).collect()))
}

/// Load EPSS scores or the KEV catalogue
///
/// The body is the file as FIRST (`epss_scores-<day>.csv.gz`) or CISA (`known_exploited_vulnerabilities.json` or `.csv`) publishes it,
/// packed or not. It replaces what was loaded before, all of it or nothing; an older one is refused. The rules look at all open
/// findings again.
#[utoipa::path(post, path = "/exploit-data", tag = "Priority", params(ExploitDataOptions),
    request_body(content_type = "application/octet-stream", content = Vec<u8>, description = "The file"),
    responses((status = 200, body = ExploitDataLoad)))]
async fn load_exploit_data(
    State(app): State<App>,
    caller: Caller,
    Query(options): Query<ExploitDataOptions>,
    body: Body,
) -> Answer<axum::Json<ExploitDataLoad>> {
    let file = receive(&app, body).await?;
    let (engine, actor) = (app.engine.clone(), caller.actor());
    let name = options.filename.unwrap_or_default();
    let name =
        if name.trim().is_empty() { "the file".to_owned() } else { name.trim().chars().take(300).collect() };
    // In a task of its own: a caller who hangs up now stops nothing.
    let loaded = tokio::spawn(async move {
        let loaded = engine.load_exploit_data(file.to_path_buf(), &name, &actor).await;
        drop(file);
        loaded
    });
    let load = loaded.await.map_err(|stopped| Failure::internal(&stopped))??;
    Ok(axum::Json(ExploitDataLoad {
        source: source(load.source),
        published_at: load.published_at,
        records: load.records,
        unchanged: load.unchanged,
    }))
}

/// How long findings may stay open, and how they stand
#[utoipa::path(get, path = "/sla", tag = "Priority", responses((status = 200, body = Sla)))]
async fn get_sla(State(app): State<App>) -> Answer<axum::Json<Sla>> {
    read_sla(&app).await.map(axum::Json)
}

async fn read_sla(app: &App) -> Answer<Sla> {
    let mut tx = app.db.read().await?;
    let (matrix, version) = store::sla::matrix(&mut tx).await?;
    let counts = sla_counts(store::sla::counts(&mut tx, app.now()).await?);
    Ok(Sla { matrix, version, counts })
}

/// Decide how long findings may stay open
///
/// Due dates follow at once, of findings and of work items.
#[utoipa::path(put, path = "/sla", tag = "Priority", request_body = SlaMatrix,
    responses((status = 200, body = Sla)))]
async fn set_sla(
    State(app): State<App>,
    caller: Caller,
    Json(matrix): Json<SlaMatrix>,
) -> Answer<axum::Json<Sla>> {
    app.engine.set_sla_matrix(matrix, &caller.actor()).await?;
    read_sla(&app).await.map(axum::Json)
}

/// How open findings would stand under another matrix. Nothing is changed
#[utoipa::path(post, path = "/sla/preview", tag = "Priority", request_body = SlaMatrix,
    responses((status = 200, body = SlaCounts)))]
async fn preview_sla(State(app): State<App>, Json(matrix): Json<SlaMatrix>) -> Answer<axum::Json<SlaCounts>> {
    Ok(axum::Json(sla_counts(app.engine.preview_sla_matrix(&matrix).await?)))
}

pub(super) fn sla_counts(counts: store::sla::Counts) -> SlaCounts {
    let store::sla::Counts { breached, approaching, on_track, not_covered } = counts;
    SlaCounts { breached, approaching, on_track, not_covered }
}

const fn source(source: engine::ExploitSource) -> ExploitSource {
    match source {
        engine::ExploitSource::Epss => ExploitSource::Epss,
        engine::ExploitSource::Kev => ExploitSource::Kev,
    }
}

fn exploit_data(state: ExploitState) -> ExploitData {
    ExploitData {
        source: source(state.source),
        loaded: state.loaded.map(|loaded| LoadedExploitData {
            published_at: loaded.published_at,
            loaded_at: loaded.loaded_at,
            version: loaded.version,
            records: loaded.records,
            origin: loaded.origin,
            loaded_by: loaded.loaded_by,
        }),
        url: state.url.map(|url| url.to_string()),
        problem: state.problem,
    }
}
