//! Long work with progress.

use api::Job;
use axum::extract::State;
use model::JobId;
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
    let row = store::views::jobs::one(&mut tx, id).await?.ok_or_else(|| Failure::not_found("job"))?;
    translate::job(row)
}
