//! Runs jobs, one at a time in this process.

use chrono::Duration;
use model::{JobId, TicketId};
use serde::{Deserialize, Serialize};
use store::Tx;

use crate::engine::{Engine, EventKind};
use crate::ingest::ImportOrder;
use crate::{Actor, Problem, ReconcileResult, Refusal};

/// How long a worker may be silent before another replica takes its job over.
const LEASE: Duration = Duration::seconds(120);

/// What fails here, not by what it was given, is tried again so often, each time after a longer rest.
const MOST_ATTEMPTS: u32 = 5;

/// Rest after the first failure.
const REST: Duration = Duration::seconds(20);

/// What a reconcile job shall do.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct ReconcileOrder {
    ticket: Option<TicketId>,
    sweep: bool,
}

impl Engine {
    /// Runs the next job, if there is one.
    ///
    /// # Errors
    /// If the database refuses. A job that fails is marked so and is no error here.
    pub async fn run_next_job(&self) -> Result<bool, Refusal> {
        let inner = &self.inner;
        let now = inner.world.now();
        let mut tx = inner.db.begin().await?;
        let claimed = store::jobs::claim(&mut tx, inner.owner, now, now + LEASE).await?;
        tx.commit().await?;
        let Some(job) = claimed else { return Ok(false) };
        self.announce(EventKind::Job, job.id.0);
        let done = match job.kind.as_str() {
            "import" => Box::pin(self.run_import(job.id, job.payload::<ImportOrder>()?)).await,
            _ => self.run_reconcile(job.id, job.payload::<ReconcileOrder>()?).await,
        };
        if let Err(refusal) = done {
            if refusal.kind == crate::RefusalKind::Internal {
                tracing::error!(job = %job.id, error = &refusal as &dyn std::error::Error, "a job failed");
            }
            let mut tx = inner.db.begin().await?;
            if refusal.kind == crate::RefusalKind::Internal && job.attempts < MOST_ATTEMPTS {
                let again = inner.world.now() + REST * i32::try_from(job.attempts).unwrap_or(i32::MAX);
                let message = format!("{} It is tried again.", refusal.detail);
                store::jobs::put_off(&mut tx, job.id, inner.owner, &message, again).await?;
                tx.commit().await?;
                return Ok(true);
            }
            if store::jobs::fail(&mut tx, job.id, inner.owner, &Problem::from(&refusal), inner.world.now())
                .await?
            {
                for scan in store::scans::of_job(&mut tx, job.id).await? {
                    store::taking_effect::finish(&mut tx, scan.id, "failed").await?;
                }
                // What was in effect before stays so: the next import of the report adds the rest.
                for (scan, _) in
                    store::taking_effect::progress::<serde::de::IgnoredAny>(&mut tx, job.id).await?
                {
                    store::taking_effect::tell_tickets(&mut tx, scan).await?;
                }
            }
            tx.commit().await?;
        }
        self.announce(EventKind::Job, job.id.0);
        Ok(true)
    }

    /// Reports progress of a job and keeps its lease.
    pub(crate) async fn progress(
        &self,
        job: JobId,
        done: u64,
        total: Option<u64>,
        message: &str,
    ) -> Result<(), Refusal> {
        let mut tx = self.inner.db.begin().await?;
        self.keep_job(&mut tx, job, done, total, message).await?;
        tx.commit().await?;
        self.announce(EventKind::Job, job.0);
        Ok(())
    }

    /// The same within a transaction. It fails if another replica has taken over: then nothing of it may last.
    pub(crate) async fn keep_job(
        &self,
        tx: &mut Tx,
        job: JobId,
        done: u64,
        total: Option<u64>,
        message: &str,
    ) -> Result<(), Refusal> {
        let inner = &self.inner;
        let until = inner.world.now() + LEASE;
        match store::jobs::progress(tx, job, inner.owner, done, total, message, until).await? {
            true => Ok(()),
            false => Err(taken_over(job)),
        }
    }

    /// Asks for a reconcile of one ticket, of what is known to have changed, or of every live ticket.
    ///
    /// # Errors
    /// If there is no such ticket, or the database refuses.
    pub async fn request_reconcile(
        &self,
        ticket: Option<TicketId>,
        sweep: bool,
        by: &Actor,
    ) -> Result<JobId, Refusal> {
        let id: JobId = self.inner.world.id();
        let mut tx = self.inner.db.begin().await?;
        if let Some(ticket) = ticket
            && store::tickets::get(&mut tx, ticket).await?.is_none()
        {
            return Err(Refusal::not_found("ticket", ticket));
        }
        let order = ReconcileOrder { ticket, sweep };
        store::jobs::add(&mut tx, id, "reconcile", &order, None, self.inner.world.now()).await?;
        self.note_configuration(&mut tx, "job", id.0, by, "Asked for a reconcile.").await?;
        tx.commit().await?;
        self.inner.jobs.notify_one();
        Ok(id)
    }

    async fn run_reconcile(&self, job: JobId, order: ReconcileOrder) -> Result<(), Refusal> {
        let mut result = ReconcileResult::default();
        // What the rules have not seen yet belongs to it: people expect "now" to mean everything.
        while self.make_tickets().await? > 0 {}
        for id in self.connection_ids().await? {
            let Some(board) = self.board(id).await? else { continue };
            if let Some(ticket) = order.ticket {
                let mut tx = self.inner.db.begin().await?;
                store::tickets::retry(&mut tx, ticket).await?;
                tx.commit().await?;
            }
            if order.sweep {
                self.progress(job, result.tickets, None, "comparing every live ticket with the board")
                    .await?;
                result.read += self.sweep(&board).await?;
                result.read += self.detect_copies(&board).await?;
            }
            loop {
                let pass = self.pass(&board).await?;
                result += pass;
                self.progress(job, result.tickets, None, "bringing tickets and work items into agreement")
                    .await?;
                if pass.tickets == 0 {
                    break;
                }
            }
        }
        let mut tx = self.inner.db.begin().await?;
        if !store::jobs::succeed(&mut tx, job, self.inner.owner, &result, self.inner.world.now()).await? {
            return Err(taken_over(job));
        }
        tx.commit().await?;
        Ok(())
    }
}

pub(crate) fn taken_over(job: JobId) -> Refusal {
    Refusal::conflict(
        "taken_over",
        "Another replica does it",
        format!("Job {job} was taken over by another replica."),
        "Nothing to do.",
    )
}
