//! A process of Lockstep that can die, or stand still for a while, at any place.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use engine::{Engine, Refusal};
use store::failpoint::{Watch, under};
use tokio::sync::{Mutex, Notify};

use crate::sim::tally::Tally;

/// What shall happen to a process, counted in places from now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Nothing.
    Lives,
    /// It dies at the n-th place.
    Dies(u64),
    /// It stands still at the n-th place of a call to the board.
    Freezes(u64),
    /// It stands still at the n-th place of a write to the board.
    FreezesAtWrite(u64),
}

/// How it went.
pub(crate) enum Ended {
    /// It was carried out.
    Done(Result<(), Refusal>),
    /// The process is dead.
    Died,
    /// The process stands still.
    Froze(Frozen),
}

/// Work of a process that stands still.
pub(crate) struct Frozen {
    work: Work,
    witness: Arc<Witness>,
}

type Work = Pin<Box<dyn Future<Output = Result<(), Refusal>> + Send>>;

struct Witness {
    fate: Mutex<Fate>,
    places: AtomicU64,
    calls: AtomicU64,
    writes: AtomicU64,
    tally: Arc<Tally>,
    stands: Notify,
    goes_on: Notify,
}

#[async_trait]
impl Watch for Witness {
    async fn at(&self, place: &str) {
        let is_call = place.starts_with("a write") || place.starts_with("a read");
        let number = self.places.fetch_add(1, Ordering::SeqCst) + 1;
        let is_write = place.starts_with("a write");
        let call = if is_call { self.calls.fetch_add(1, Ordering::SeqCst) + 1 } else { 0 };
        let write = if is_write { self.writes.fetch_add(1, Ordering::SeqCst) + 1 } else { 0 };
        let fate = *self.fate.lock().await;
        match fate {
            Fate::Dies(at) if at == number => {
                self.tally.count(format!("died: {place}"));
                self.stands.notify_one();
                std::future::pending::<()>().await;
            }
            Fate::Freezes(at) | Fate::FreezesAtWrite(at)
                if at == if matches!(fate, Fate::Freezes(_)) { call } else { write } =>
            {
                self.tally.count(format!("froze: {place}"));
                *self.fate.lock().await = Fate::Lives;
                self.stands.notify_one();
                self.goes_on.notified().await;
            }
            Fate::Lives | Fate::Dies(_) | Fate::Freezes(_) | Fate::FreezesAtWrite(_) => {}
        }
    }
}

/// Lets a process do some work, with a fate.
pub(crate) async fn live<F, W>(engine: &Engine, fate: Fate, tally: &Arc<Tally>, work: W) -> Ended
where
    W: FnOnce(Engine) -> F,
    F: Future<Output = Result<(), Refusal>> + Send + 'static,
{
    let witness = Arc::new(Witness {
        fate: Mutex::new(fate),
        places: AtomicU64::new(0),
        calls: AtomicU64::new(0),
        writes: AtomicU64::new(0),
        tally: tally.clone(),
        stands: Notify::new(),
        goes_on: Notify::new(),
    });
    let work: Work = Box::pin(under(witness.clone(), work(engine.clone())));
    go_on(work, witness, matches!(fate, Fate::Dies(_))).await
}

/// Lets a process that stood still go on; it may die on the way.
pub(crate) async fn thaw(frozen: Frozen, fate: Fate) -> Ended {
    let Frozen { work, witness } = frozen;
    witness.places.store(0, Ordering::SeqCst);
    witness.calls.store(0, Ordering::SeqCst);
    witness.writes.store(0, Ordering::SeqCst);
    *witness.fate.lock().await = fate;
    witness.goes_on.notify_one();
    go_on(work, witness, matches!(fate, Fate::Dies(_))).await
}

async fn go_on(mut work: Work, witness: Arc<Witness>, dies: bool) -> Ended {
    tokio::select! {
        biased;
        done = &mut work => Ended::Done(done),
        () = witness.stands.notified() => if dies { Ended::Died } else { Ended::Froze(Frozen { work, witness }) },
    }
}
