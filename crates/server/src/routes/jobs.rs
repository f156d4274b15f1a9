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
    let Some(scans) =
        job.import.as_ref().filter(|import| import.already_imported).map(|import| &import.scans)
    else {
        return Ok(job);
    };
    let earlier = views::jobs::of_scans(&mut tx, scans).await?;
    Ok(as_the_first_time(job, earlier.into_iter().map(translate::job).collect::<Answer<_>>()?))
}

/// An import of scans that were imported before ends as those imports ended, with their numbers: a pipeline that sends
/// its report again must get the same verdict again.
fn as_the_first_time(mut job: Job, earlier: Vec<Job>) -> Job {
    let mut numbers: Option<ImportResult> = None;
    for first in earlier {
        if first.state != JobState::Succeeded {
            return Job { id: job.id, created_at: job.created_at, import: None, ..first };
        }
        let Some(result) = first.import else { continue };
        numbers = Some(match numbers {
            None => result,
            Some(sum) => ImportResult {
                new: added(sum.new, result.new),
                regressed: added(sum.regressed, result.regressed),
                still_open: added(sum.still_open, result.still_open),
                fixed: added(sum.fixed, result.fixed),
                quarantined: sum.quarantined || result.quarantined,
                ..sum
            },
        });
    }
    if let (Some(import), Some(numbers)) = (&mut job.import, numbers) {
        *import = ImportResult {
            scans: std::mem::take(&mut import.scans),
            already_imported: true,
            observations: import.observations,
            ..numbers
        };
    }
    job
}

fn added(mut one: SeverityCounts, other: SeverityCounts) -> SeverityCounts {
    for severity in Severity::WORST_FIRST {
        one.add(severity, other.of(severity));
    }
    one
}
