//! Sources and their ingest rules.

use api::{
    ChangeSource, Fetch, IngestPreview, NewFetch, NewSource, PreviewOptions, PreviewedAsset, Source,
    SourceRun,
};
use axum::body::Body;
use axum::extract::State;
use engine::{SourceChange, SourceFetch, SourceSettings};
use http::StatusCode;
use model::SourceId;
use model::ingest::IngestRule;
use secrecy::SecretString;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::imports::receive;
use crate::App;
use crate::access::Caller;
use crate::extract::{Json, Path, Query};
use crate::problem::{Answer, Failure};

/// Longest list of rules in a query, in bytes.
const RULES_LIMIT: usize = 16 << 10;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_sources, create_source))
        .routes(routes!(get_source, change_source, delete_source))
        .routes(routes!(run_source))
        .routes(routes!(preview_source))
}

/// Sources, by name
#[utoipa::path(get, path = "/sources", tag = "Sources", responses((status = 200, body = Vec<Source>)))]
async fn list_sources(State(app): State<App>) -> Answer<axum::Json<Vec<Source>>> {
    let mut tx = app.db.read().await?;
    let all = store::sources::all(&mut tx).await?;
    Ok(axum::Json(all.into_iter().map(|known| source(&app, known)).collect()))
}

/// Make a source
///
/// One of Defender for Cloud that is enabled is fetched at once.
#[utoipa::path(post, path = "/sources", tag = "Sources", request_body = NewSource,
    responses((status = 201, body = Source)))]
async fn create_source(
    State(app): State<App>,
    caller: Caller,
    Json(new): Json<NewSource>,
) -> Answer<(StatusCode, axum::Json<Source>)> {
    let settings = SourceSettings {
        name: new.name,
        fetch: new.fetch.map(fetch),
        rules: new.rules,
        enabled: new.enabled,
    };
    let id = app.engine.create_source(settings, &caller.actor()).await?;
    Ok((StatusCode::CREATED, axum::Json(read(&app, id).await?)))
}

/// One source
#[utoipa::path(get, path = "/sources/{id}", tag = "Sources", params(("id" = SourceId, Path)),
    responses((status = 200, body = Source)))]
async fn get_source(State(app): State<App>, Path(id): Path<SourceId>) -> Answer<axum::Json<Source>> {
    read(&app, id).await.map(axum::Json)
}

/// Change a source
///
/// A run that is under way takes in nothing; an enabled source is fetched anew.
#[utoipa::path(patch, path = "/sources/{id}", tag = "Sources", params(("id" = SourceId, Path)),
    request_body = ChangeSource, responses((status = 200, body = Source)))]
async fn change_source(
    State(app): State<App>,
    Path(id): Path<SourceId>,
    caller: Caller,
    Json(change): Json<ChangeSource>,
) -> Answer<axum::Json<Source>> {
    let change = SourceChange {
        fetch: change.fetch.map(fetch),
        rules: change.rules,
        enabled: change.enabled,
        version: change.version,
    };
    app.engine.change_source(id, change, &caller.actor()).await?;
    read(&app, id).await.map(axum::Json)
}

/// Delete a source; assets, scans and findings stay
#[utoipa::path(delete, path = "/sources/{id}", tag = "Sources", params(("id" = SourceId, Path)),
    responses((status = 204)))]
async fn delete_source(
    State(app): State<App>,
    Path(id): Path<SourceId>,
    caller: Caller,
) -> Answer<StatusCode> {
    app.engine.delete_source(id, &caller.actor()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Fetch a source now
#[utoipa::path(post, path = "/sources/{id}/run", tag = "Sources", params(("id" = SourceId, Path)),
    responses((status = 202, body = Source)))]
async fn run_source(
    State(app): State<App>,
    Path(id): Path<SourceId>,
    caller: Caller,
) -> Answer<(StatusCode, axum::Json<Source>)> {
    app.engine.run_source(id, &caller.actor()).await?;
    Ok((StatusCode::ACCEPTED, axum::Json(read(&app, id).await?)))
}

/// What ingest rules would make of a report, or of what the source finds now
///
/// The body is a report, at most 1 GiB; without one the source is asked, and the first pages of its answer are looked at.
/// Nothing is stored.
#[utoipa::path(post, path = "/sources/{id}/preview", tag = "Sources", params(("id" = SourceId, Path), PreviewOptions),
    request_body(content_type = "application/octet-stream", content = Vec<u8>, description = "The report, or nothing"),
    responses((status = 200, body = IngestPreview)))]
async fn preview_source(
    State(app): State<App>,
    Path(id): Path<SourceId>,
    Query(options): Query<PreviewOptions>,
    body: Body,
) -> Answer<axum::Json<IngestPreview>> {
    let rules = options.rules.as_deref().map(rules_of).transpose()?;
    let format = options.format.filter(|format| !format.trim().is_empty());
    let report = receive(&app, body).await?;
    let length = tokio::fs::metadata(&report).await.map_err(|error| Failure::internal(&error))?.len();
    let given = (length > 0).then(|| report.to_path_buf());
    let preview = app.engine.preview_source(id, rules, given, format).await?;
    drop(report);
    Ok(axum::Json(shown(preview)))
}

fn rules_of(text: &str) -> Answer<Vec<IngestRule>> {
    if text.len() > RULES_LIMIT {
        return Err(Failure::invalid(
            "The rules are longer than 16 KiB.",
            "Save them first, and leave them out.",
        ));
    }
    serde_json::from_str(text).map_err(|error| {
        Failure::invalid(&format!("The rules cannot be read: {error}."), "Send a list of rules as JSON.")
    })
}

async fn read(app: &App, id: SourceId) -> Answer<Source> {
    let mut tx = app.db.read().await?;
    let known = store::sources::get(&mut tx, id).await?.ok_or_else(|| Failure::not_found("source"))?;
    Ok(source(app, known))
}

fn fetch(new: NewFetch) -> SourceFetch {
    let Fetch { tenant, client_id, subscriptions, every_minutes, endpoint } = new.fetch;
    SourceFetch {
        tenant,
        client_id,
        client_secret: new.client_secret.map(SecretString::from),
        subscriptions,
        every_minutes,
        endpoint,
    }
}

fn source(app: &App, known: store::sources::Source) -> Source {
    let now = app.now();
    let fetched = known.fetch.is_some() && known.enabled;
    Source {
        id: known.id,
        name: known.name,
        fetch: known.fetch.map(|fetch| Fetch {
            tenant: fetch.tenant,
            client_id: fetch.client_id,
            subscriptions: fetch.subscriptions,
            every_minutes: fetch.every_minutes,
            endpoint: fetch.endpoint,
        }),
        rules: known.rules,
        enabled: known.enabled,
        version: known.version,
        running: known.lease_until > now,
        due_at: fetched.then_some(known.due_at),
        last_run: known.last_run.map(|run| SourceRun {
            started_at: run.started_at,
            rows: run.rows,
            job: run.job,
        }),
        problem: known.problem,
        created_at: known.created_at,
    }
}

fn shown(preview: engine::IngestPreview) -> IngestPreview {
    let asset = |asset: engine::PreviewedAsset| PreviewedAsset {
        name: asset.name,
        exists: asset.exists,
        created: asset.created,
        taken: asset.taken,
        left_out: asset.left_out,
        tags: asset.tags,
        examples: asset.examples,
    };
    IngestPreview {
        results: preview.results,
        taken: preview.taken,
        left_out: preview.left_out,
        nobodys: preview.nobodys,
        not_seen: preview.not_seen.into_iter().collect(),
        assets: preview.assets.into_iter().map(asset).collect(),
        assets_total: preview.assets_total,
        whole: preview.whole,
    }
}
