//! Long work with progress.

use api::{ImportResult, Job, JobState, SeverityCounts};
use axum::extract::State;
use model::{JobId, Severity};
use store::views;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::App;
use crate::extract::Path;
use crate::problem::{Answer, Failure};
use crate::translate;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get_job))
}

/// One job
#[utoipa::path(get, path = "/jobs/{id}", tag = "Jobs", params(("id" = JobId, Path)),
    responses((status = 200, body = Job)))]
async fn get_job(State(app): State<App>, Path(id): Path<JobId>) -> Answer<axum::Json<Job>> {
    read_job(&app, id).await.map(axum::Json)
}

/// The job as it stands.
pub(super) async fn read_job(app: &App, id: JobId) -> Answer<Job> {
    let mut tx = app.db.read().await?;
    let row = views::jobs::one(&mut tx, id).await?.ok_or_else(|| Failure::not_found("job"))?;
    let job = translate::job(row)?;
    drop(tx);
    match &job.import {
        Some(import) if import.already_imported => {
            Ok(as_the_first_time(job.clone(), earlier(app, import).await?))
        }
        _ => Ok(job),
    }
}

/// What an import of scans that were imported before did then: a pipeline that asks again gets the same verdict again.
pub(super) async fn numbers_of_first(app: &App, import: ImportResult) -> Answer<ImportResult> {
    if !import.already_imported {
        return Ok(import);
    }
    let numbers = together(earlier(app, &import).await?.into_iter().filter_map(|job| job.import));
    Ok(with_numbers(import, numbers))
}

/// The jobs that imported its scans.
async fn earlier(app: &App, import: &ImportResult) -> Answer<Vec<Job>> {
    let mut tx = app.db.read().await?;
    let rows = views::jobs::of_scans(&mut tx, &import.scans).await?;
    rows.into_iter().map(translate::job).collect()
}

/// An import of scans that were imported before ends as those imports ended, with their numbers: a pipeline that sends
/// its report again must get the same verdict again.
fn as_the_first_time(mut job: Job, earlier: Vec<Job>) -> Job {
    let mut results = Vec::new();
    for first in earlier {
        if first.state != JobState::Succeeded {
            return Job { id: job.id, created_at: job.created_at, import: None, ..first };
        }
        results.extend(first.import);
    }
    job.import = job.import.map(|import| with_numbers(import, together(results)));
    job
}

fn together(results: impl IntoIterator<Item = ImportResult>) -> Option<ImportResult> {
    results.into_iter().reduce(|sum, result| ImportResult {
        new: added(sum.new, result.new),
        regressed: added(sum.regressed, result.regressed),
        still_open: added(sum.still_open, result.still_open),
        fixed: added(sum.fixed, result.fixed),
        quarantined: sum.quarantined || result.quarantined,
        ..sum
    })
}

fn with_numbers(import: ImportResult, numbers: Option<ImportResult>) -> ImportResult {
    let Some(numbers) = numbers else { return import };
    ImportResult { scans: import.scans, already_imported: true, observations: import.observations, ..numbers }
}

fn added(mut one: SeverityCounts, other: SeverityCounts) -> SeverityCounts {
    for severity in Severity::WORST_FIRST {
        one.add(severity, other.of(severity));
    }
    one
}
