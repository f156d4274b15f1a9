//! The state file: written after changes, at most about once a second, and once more at the end; replaced as
//! a whole, so that a crash leaves the old one or the new one.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use super::{Shared, StartError};
use crate::state::State;

/// The shortest time between two writes.
const PAUSE: Duration = Duration::from_secs(1);

pub(super) async fn load(path: &Path) -> Result<Option<State>, StartError> {
    let failed = |source| StartError::Load { path: path.to_owned(), source };
    match tokio::fs::read(path).await {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|error| failed(error.into())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(error)),
    }
}

pub(super) async fn run(shared: Arc<Shared>) {
    if shared.state_file.is_none() {
        return;
    }
    let mut saved = None;
    loop {
        let started = Instant::now();
        let changes = shared.state().changes();
        if saved != Some(changes) {
            match save_now(&shared).await {
                Ok(()) => saved = Some(changes),
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "the state was not saved")
                }
            }
        }
        // A large state takes longer to write; then it is written less often.
        let pause = PAUSE.max(started.elapsed() * 10);
        tokio::select! {
            () = shared.stopped() => return,
            () = tokio::time::sleep(pause) => {}
        }
        tokio::select! {
            () = shared.stopped() => return,
            () = shared.saving.notified() => {}
        }
    }
}

pub(super) async fn save_now(shared: &Shared) -> Result<(), StartError> {
    let Some(path) = shared.state_file.clone() else { return Ok(()) };
    let failed = |path: PathBuf, source| StartError::Save { path, source };
    let text = match serde_json::to_vec(&*shared.state()) {
        Ok(text) => text,
        Err(error) => return Err(failed(path, error.into())),
    };
    let target = path.clone();
    let written = tokio::task::spawn_blocking(move || replace(&target, &text)).await;
    match written {
        Ok(result) => result.map_err(|source| failed(path, source)),
        Err(error) => Err(failed(path, io::Error::other(error))),
    }
}

fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    use std::io::Write;
    let temporary = path.with_extension("new");
    let mut file = std::fs::File::create(&temporary)?;
    file.write_all(text)?;
    file.sync_all()?;
    std::fs::rename(&temporary, path)
}
