//! The process of a project changes under a destination: that is seen, said, and stops only what it affects.
//!
//! What was read of a board when its destination was saved is compared with what the board has now: once a day, and as
//! soon as the board refuses a write on its content. If it still fits, the new state of things is taken over silently. If
//! not, the destination says why, an alarm is raised, and what cannot work waits: new work items if they would have no
//! place or lack a field; the move into a single state that is gone shows on the tickets that need it. Saving the
//! destination mends it, and so does a board that becomes as it was.

use chrono::Duration;
use model::map::{MapProblem, MapRow, SeverityMap};
use model::{ConnectionId, Status};
use store::audit::{Cause, CauseKind, Entry, Subject};
use store::destinations::{Destination, Drift, Process};

use super::check::{self, Checked};
use crate::Refusal;
use crate::connections::Board;
use crate::engine::Engine;

/// A board that could not be read is asked again after this.
const UNREAD: Duration = Duration::minutes(15);

impl Engine {
    /// Compares every destination of a connection with what the board has now.
    ///
    /// # Errors
    /// If the database refuses. A board that cannot be read is asked again later.
    pub(crate) async fn look_for_drift(&self, board: &Board) -> Result<(), Refusal> {
        let mut tx = self.inner.db.read().await?;
        let all = store::destinations::all(&mut tx).await?;
        drop(tx);
        let mut wait = self.inner.settings.process_interval;
        for known in all.into_iter().filter(|known| known.connection_id == board.id) {
            let settings = known.settings.clone();
            match check::against_board(&board.client, settings, &SeverityMap::default()).await {
                Ok(checked) => self.note_drift(known, checked).await?,
                Err(refusal) => {
                    wait = wait.min(UNREAD);
                    tracing::warn!(destination = %known.id, %refusal, "the board could not be compared with its destination");
                }
            }
        }
        let mut tx = self.inner.db.begin().await?;
        store::connections::process_seen(&mut tx, board.id, self.inner.world.now() + wait).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Stores what was seen, if it is not what is known.
    async fn note_drift(&self, known: Destination, checked: Checked) -> Result<(), Refusal> {
        let drift = drift(&checked.problems, checked.process.as_ref());
        let process = checked.process.unwrap_or_else(|| known.process.clone());
        if drift == known.drift && process == known.process {
            return Ok(());
        }
        let mut tx = self.inner.db.begin().await?;
        let Some(mut now) = store::destinations::get(&mut tx, known.id).await? else { return Ok(()) };
        if now.settings != known.settings {
            // A person saved it meanwhile, and it was checked then.
            return Ok(());
        }
        let what = match (&now.drift, &drift) {
            (Some(_), None) => Some("The board fits again.".to_owned()),
            (before, Some(drift)) if before.as_ref() != Some(drift) => {
                Some(format!("The board does not fit any more: {}.", drift.what()))
            }
            _ => None,
        };
        now.process = process;
        now.drift = drift;
        store::destinations::save(&mut tx, &now).await?;
        if let Some(what) = what {
            let cause = Cause::new(CauseKind::Clock, "the process of the project was read");
            let entry = Entry {
                id: self.inner.world.id(),
                at: self.inner.world.now(),
                subject: Subject::Other("destination", now.id.0),
                cause: &cause,
                what,
                statuses: None,
                fields: &[],
            };
            store::audit::add(&mut tx, entry).await?;
        }
        store::tickets::retry_of_destination(&mut tx, now.id).await?;
        tx.commit().await?;
        self.inner.alarms.notify_one();
        self.configuration_changed();
        Ok(())
    }

    /// The board refused something on its content: perhaps its process changed.
    pub(crate) async fn doubt_process(
        &self,
        tx: &mut store::Tx,
        connection: ConnectionId,
    ) -> Result<(), Refusal> {
        let now = self.inner.world.now();
        store::connections::process_seen(tx, connection, now).await?;
        Ok(())
    }
}

/// What is wrong now, if something is.
fn drift(problems: &[MapProblem], process: Option<&Process>) -> Option<Drift> {
    if problems.is_empty() {
        return None;
    }
    let stops_creation = |problem: &MapProblem| match &problem.row {
        None | Some(MapRow::Field(_)) => true,
        Some(MapRow::Status(status)) => *status == Status::Identified,
        Some(MapRow::Severity(_)) => false,
    };
    let creates_nothing = process.is_none() || problems.iter().any(stops_creation);
    Some(Drift { problems: problems.to_vec(), creates_nothing })
}
