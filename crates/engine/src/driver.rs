//! Wakes the others. Each task is idempotent: it looks what there is to do, does it, and sleeps until a signal or the clock.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use model::ConnectionId;
use tokio::sync::Notify;

use crate::Engine;

/// The longest a task sleeps: a signal that was missed, or given to another replica, costs no more.
const NAP: Duration = Duration::from_secs(5);

/// How often what is no longer needed is deleted.
const TIDY: Duration = Duration::from_secs(3600);

pub(crate) fn spawn(engine: &Engine) {
    let this = engine.clone();
    engine.spawn(async move {
        while !this.inner.stop.is_cancelled() {
            match this.run_next_job().await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(refusal) => log("run a job", &refusal),
            }
            this.sleep(&this.inner.jobs, NAP).await;
        }
    });
    let this = engine.clone();
    engine.spawn(async move {
        while !this.inner.stop.is_cancelled() {
            if let Err(refusal) = this.forget_deliveries().await {
                log("forget old deliveries", &refusal);
            }
            if let Err(refusal) = this.forget_alarms().await {
                log("forget old alarms", &refusal);
            }
            if let Err(refusal) = this.fetch_exploit_data().await {
                log("fetch exploit data", &refusal);
            }
            this.sleep(&Notify::new(), TIDY).await;
        }
    });
    let this = engine.clone();
    engine.spawn(async move {
        while !this.inner.stop.is_cancelled() {
            match this.run_next_source().await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(refusal) => log("fetch a source", &refusal),
            }
            this.sleep(&this.inner.sources, NAP).await;
        }
    });
    let this = engine.clone();
    engine.spawn(async move {
        while !this.inner.stop.is_cancelled() {
            if let Err(refusal) = this.survey_alarms().await {
                log("survey what there is to know", &refusal);
            }
            if let Err(refusal) = this.deliver_alarms().await {
                log("deliver alarms", &refusal);
            }
            this.sleep(&this.inner.alarms, NAP).await;
        }
    });
    let this = engine.clone();
    engine.spawn(async move {
        while !this.inner.stop.is_cancelled() {
            if let Err(refusal) = this.expire_decisions().await {
                log("end temporary decisions", &refusal);
            }
            match this.make_tickets().await {
                Ok(0) => {}
                Ok(_) => continue,
                Err(refusal) => log("make tickets", &refusal),
            }
            this.sleep(&this.inner.ticketing, NAP).await;
        }
    });
    let this = engine.clone();
    engine.spawn(async move {
        let driven = Arc::new(Mutex::new(HashSet::new()));
        while !this.inner.stop.is_cancelled() {
            match this.connection_ids().await {
                Ok(ids) => {
                    for id in ids {
                        if lock(&driven).insert(id) {
                            let (engine, driven) = (this.clone(), driven.clone());
                            this.spawn(async move {
                                drive(&engine, id).await;
                                lock(&driven).remove(&id);
                            });
                        }
                    }
                }
                Err(refusal) => log("list the connections", &refusal),
            }
            this.sleep(&this.inner.connections, NAP).await;
        }
    });
}

fn lock(driven: &Mutex<HashSet<ConnectionId>>) -> std::sync::MutexGuard<'_, HashSet<ConnectionId>> {
    // Nothing panics while it is held.
    driven.lock().expect("the list of driven connections")
}

/// Keeps one connection in step until it is deleted or the engine stops.
async fn drive(engine: &Engine, id: ConnectionId) {
    while !engine.inner.stop.is_cancelled() {
        let board = match engine.board(id).await {
            Ok(Some(board)) => board,
            Ok(None) => return,
            Err(refusal) => {
                log("prepare a connection", &refusal);
                engine.sleep(&engine.inner.connections, NAP).await;
                continue;
            }
        };
        let wait = match engine.keep_in_step(&board).await {
            Ok(wait) => wait.min(NAP),
            Err(refusal) => {
                log("keep a connection in step", &refusal);
                NAP
            }
        };
        engine.sleep(&board.wake, wait).await;
    }
}

fn log(operation: &str, refusal: &crate::Refusal) {
    tracing::error!(operation, error = refusal as &dyn std::error::Error, "background work failed");
}

impl Engine {
    /// Does everything that is due now, once, in this task: what the background tasks do by themselves.
    ///
    /// # Errors
    /// If the database refuses.
    pub async fn step(&self) -> Result<(), crate::Refusal> {
        while self.run_next_source().await? {}
        while self.run_next_job().await? {}
        self.expire_decisions().await?;
        while self.make_tickets().await? > 0 {}
        for id in self.connection_ids().await? {
            if let Some(board) = self.board(id).await? {
                self.keep_in_step(&board).await?;
            }
        }
        self.survey_alarms().await?;
        self.deliver_alarms().await?;
        Ok(())
    }

    async fn sleep(&self, signal: &Notify, nap: Duration) {
        tokio::select! {
            () = signal.notified() => {}
            () = self.inner.stop.cancelled() => {}
            () = tokio::time::sleep(nap) => {}
        }
    }
}
