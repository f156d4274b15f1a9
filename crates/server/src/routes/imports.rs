//! Imports, and what they would do: the report goes to disk as it arrives and never into memory.

use std::io;

use api::{ImportOptions, ImportPlan, Job};
use axum::body::Body;
use axum::extract::State;
use engine::ImportRequest;
use futures::StreamExt as _;
use http::StatusCode;
use tempfile::TempPath;
use tokio::io::AsyncWriteExt as _;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::App;
use crate::access::Caller;
use crate::extract::Query;
use crate::problem::{Answer, Failure};
use crate::routes::jobs::{numbers_of_first, read_job};
use crate::translate;

/// Longest report, in bytes: what the readers of reports take in.
const REPORT_LIMIT: u64 = 1 << 30;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(import_report)).routes(routes!(plan_import))
}

/// Import a report
///
/// The body is the report itself, at most 1 GiB. It is read through once before the answer: a broken report is refused
/// with its position and reason, and nothing has changed. The job then does the work.
#[utoipa::path(post, path = "/imports", tag = "Imports", params(ImportOptions),
    request_body(content_type = "application/octet-stream", content = Vec<u8>, description = "The report"),
    responses((status = 202, body = Job)))]
async fn import_report(
    State(app): State<App>,
    caller: Caller,
    Query(options): Query<ImportOptions>,
    body: Body,
) -> Answer<(StatusCode, axum::Json<Job>)> {
    let report = receive(&app, body).await?;
    let request = request(options);
    let (engine, actor) = (app.engine.clone(), caller.actor());
    // In a task of its own: a caller who hangs up now must not leave the report halfway between folders.
    let submitted = tokio::spawn(async move {
        let job = engine.submit_import(request, report.to_path_buf(), &actor).await;
        // On success the engine has moved the file; what is still there goes with its guard.
        drop(report);
        job
    });
    let job = submitted.await.map_err(|stopped| Failure::internal(&stopped))??;
    Ok((StatusCode::ACCEPTED, axum::Json(read_job(&app, job).await?)))
}

/// What importing a report would do now
///
/// The body is the report itself. Everything is done as an import does it, rules and tickets included, and thrown away:
/// nothing is stored, and nothing is sent to a board. At most 5,000 results.
#[utoipa::path(post, path = "/imports/plan", tag = "Imports", params(ImportOptions),
    request_body(content_type = "application/octet-stream", content = Vec<u8>, description = "The report"),
    responses((status = 200, body = ImportPlan)))]
async fn plan_import(
    State(app): State<App>,
    Query(options): Query<ImportOptions>,
    body: Body,
) -> Answer<axum::Json<ImportPlan>> {
    let report = receive(&app, body).await?;
    let plan = app.engine.plan_import(request(options), &report).await?;
    Ok(axum::Json(ImportPlan {
        import: numbers_of_first(&app, translate::import_result(plan.result)).await?,
        destinations: plan.destinations.into_iter().map(translate::share).collect(),
        existing: translate::plan(plan.existing),
        existing_unknown: plan.existing_unknown,
        plan: translate::plan(plan.plan),
    }))
}

fn request(options: ImportOptions) -> ImportRequest {
    let some = |text: Option<String>| text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    ImportRequest {
        asset: options.asset.trim().to_owned(),
        source: some(options.source),
        tags: options
            .tags
            .unwrap_or_default()
            .split(',')
            .map(str::trim)
            .filter(|tag| !tag.is_empty())
            .map(str::to_owned)
            .collect(),
        branch: some(options.branch),
        configuration: some(options.configuration),
        started_at: options.started_at,
        format: some(options.format),
        filename: some(options.filename),
        partial: options.partial.unwrap_or(false),
        assessment: some(options.assessment),
    }
}

/// Writes a body to a file that is removed if nobody takes it.
pub(super) async fn receive(app: &App, body: Body) -> Answer<TempPath> {
    let broken = |error: io::Error| Failure::internal(&error);
    let file = tempfile::Builder::new().prefix("report-").tempfile_in(&app.incoming).map_err(broken)?;
    let (file, path) = file.into_parts();
    let mut file = tokio::fs::File::from_std(file);
    let mut received: u64 = 0;
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| {
            Failure::invalid("The file did not arrive completely.", "Send it again; nothing was imported.")
        })?;
        received += u64::try_from(chunk.len()).unwrap_or(u64::MAX);
        if received > REPORT_LIMIT {
            return Err(Failure::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "too_large",
                "The file is too large",
                "The file is larger than 1 GiB.",
                "Split a report, for example by module, and import each part with its own configuration.",
            ));
        }
        file.write_all(&chunk).await.map_err(broken)?;
    }
    // The job may run after a power failure: what was acknowledged must be on the disk.
    file.sync_all().await.map_err(broken)?;
    Ok(path)
}
