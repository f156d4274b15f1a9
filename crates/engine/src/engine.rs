//! The façade: what the server may ask for. Everything behind it is one process's share of the work.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use azure::Transport;
use model::ConnectionId;
use store::Db;
use store::secrets::Keys;
use tokio::sync::{Notify, broadcast};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::{Refusal, Settings, World, driver};

/// Who asks for something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// Name for people and the audit log.
    pub name: String,
}

/// Something changed that others may want to read again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What changed.
    pub kind: EventKind,
    /// Which one; none if many.
    pub id: Option<Uuid>,
}

/// Kinds of things that change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// Findings.
    Finding,
    /// Tickets.
    Ticket,
    /// Scans.
    Scan,
    /// A job.
    Job,
    /// A connection.
    Connection,
    /// A destination, a rule or an asset.
    Configuration,
    /// An alarm, or where alarms are sent.
    Alarm,
}

/// The engine. Cheap to clone; all clones are the same one.
#[derive(Clone)]
pub struct Engine {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) settings: Settings,
    pub(crate) db: Db,
    pub(crate) keys: Keys,
    pub(crate) world: World,
    pub(crate) transport: Arc<dyn Transport>,
    /// This process, for leases. Stable over restarts of the same data folder.
    pub(crate) owner: Uuid,
    pub(crate) events: broadcast::Sender<Event>,
    /// There may be a job to run.
    pub(crate) jobs: Notify,
    /// Findings may wait for the rules.
    pub(crate) ticketing: Notify,
    /// Messages to the targets of alarms may wait.
    pub(crate) alarms: Notify,
    /// Connections may have come or gone.
    pub(crate) connections: Notify,
    /// A source may be due.
    pub(crate) sources: Notify,
    pub(crate) boards: Mutex<HashMap<ConnectionId, Arc<crate::connections::Board>>>,
    /// Sets of templates that were compiled lately.
    pub(crate) templates: crate::templates::Compiled,
    pub(crate) stop: CancellationToken,
    tasks: TaskTracker,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Engine")
    }
}

impl Engine {
    /// Puts an engine together without waking anything: a test steps it by hand.
    pub fn assemble(
        settings: Settings,
        db: Db,
        keys: Keys,
        world: World,
        transport: Arc<dyn Transport>,
        owner: Uuid,
    ) -> Self {
        Self {
            inner: Arc::new(Inner {
                settings,
                db,
                keys,
                world,
                transport,
                owner,
                events: broadcast::channel(1024).0,
                jobs: Notify::new(),
                ticketing: Notify::new(),
                alarms: Notify::new(),
                connections: Notify::new(),
                sources: Notify::new(),
                boards: Mutex::default(),
                templates: Default::default(),
                stop: CancellationToken::new(),
                tasks: TaskTracker::new(),
            }),
        }
    }

    /// Starts working in the background. What an earlier process of the same owner left unfinished is taken up again.
    ///
    /// # Errors
    /// If the database refuses.
    pub async fn start(&self) -> Result<(), Refusal> {
        let mut tx = self.inner.db.begin().await?;
        store::jobs::release(&mut tx, self.inner.owner).await?;
        store::sources::release(&mut tx, self.inner.owner).await?;
        tx.commit().await?;
        driver::spawn(self);
        Ok(())
    }

    /// Stops: finishes the step at hand, gives back leases.
    pub async fn stop(&self) {
        self.inner.stop.cancel();
        self.inner.tasks.close();
        self.inner.tasks.wait().await;
        let released = async {
            let mut tx = self.inner.db.begin().await?;
            store::jobs::release(&mut tx, self.inner.owner).await?;
            store::connections::release(&mut tx, self.inner.owner).await?;
            store::sources::release(&mut tx, self.inner.owner).await?;
            tx.commit().await
        };
        if let Err(error) = released.await {
            tracing::warn!(error = &error as &dyn std::error::Error, "leases could not be given back");
        }
    }

    /// The database, for reading.
    pub fn db(&self) -> &Db {
        &self.inner.db
    }

    /// Time and chance.
    pub fn world(&self) -> &World {
        &self.inner.world
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    /// Changes from now on. A receiver that is too slow misses some and reads everything again.
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.inner.events.subscribe()
    }

    pub(crate) fn announce(&self, kind: EventKind, id: impl Into<Option<Uuid>>) {
        if is_unheard() {
            return;
        }
        // Nobody listening is fine.
        let _ = self.inner.events.send(Event { kind, id: id.into() });
    }

    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.inner.tasks.spawn(task);
    }
}

tokio::task_local! {
    static UNHEARD: ();
}

/// Runs what happens in a transaction that is thrown away: nobody hears of it.
pub(crate) fn unheard<F: Future>(supposed: F) -> impl Future<Output = F::Output> {
    // What is supposed is large, and would be a part of whatever asks.
    UNHEARD.scope((), Box::pin(supposed))
}

/// What happens here is thrown away.
pub(crate) fn is_unheard() -> bool {
    UNHEARD.try_with(|()| ()).is_ok()
}
