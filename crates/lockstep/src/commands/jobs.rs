//! Waiting for a job, and for whatever else the server finishes by itself.

use std::time::Duration;

use api::{Job, JobState};

use crate::client::Client;
use crate::exit::{self, CliError};
use crate::output::progress;

/// Between two looks: longer each time, up to two seconds.
#[derive(Debug)]
pub(crate) struct Pause(Duration);

impl Default for Pause {
    fn default() -> Self {
        Self(Duration::from_millis(100))
    }
}

impl Pause {
    /// Lets the time pass.
    pub(crate) async fn pass(&mut self) {
        tokio::time::sleep(self.0).await;
        self.0 = (self.0 * 3 / 2).min(Duration::from_secs(2));
    }
}

/// Waits until the job has ended. A failed job is an error with the job's own words.
pub(crate) async fn wait(client: &Client, mut job: Job) -> Result<Job, CliError> {
    let bar = progress(None, "waiting");
    let mut pause = Pause::default();
    while matches!(job.state, JobState::Queued | JobState::Running) {
        let far = job.total.map_or(String::new(), |total| format!(" ({} of {total})", job.done));
        bar.set_message(crate::output::clean(&format!("{}{far}", job.message)));
        pause.pass().await;
        job = client.get(&format!("jobs/{}", job.id)).await?;
    }
    bar.finish_and_clear();
    if job.state == JobState::Succeeded {
        return Ok(job);
    }
    let mut error = match job.problem {
        Some(problem) => CliError::problem(problem),
        None => CliError::new(exit::JOB_FAILED, format!("the job {} failed", job.id)),
    };
    error.code = exit::JOB_FAILED;
    Err(error)
}
