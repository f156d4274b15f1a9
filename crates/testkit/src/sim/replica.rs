//! A process of Lockstep that can die, or stand still for a while, at any place.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use async_trait::async_trait;
use engine::{Engine, Refusal};
use store::failpoint::{Watch, under};
use tokio::sync::{Mutex, Notify};

use crate::sim::tally::Tally;

/// Places where a process may die: before each statement that writes, around each commit and each call. The simulation
/// says so when it meets one that is not in this list.
pub(crate) const PLACES: &[&str] = &[
    "a read leaves",
    "a read was answered",
    "a write leaves",
    "a write was carried out",
    "a write was lost",
    "after comment",
    "after comments",
    "after commit",
    "after create",
    "after look-up",
    "after read",
    "after restore",
    "after update",
    "before BEGIN",
    "before DELETE FROM breaker_ticket",
    "before DELETE FROM observation",
    "before INSERT INTO alarm",
    "before INSERT INTO asset",
    "before INSERT INTO audit",
    "before INSERT INTO breaker",
    "before INSERT INTO breaker_ticket",
    "before INSERT INTO comment",
    "before INSERT INTO configuration",
    "before INSERT INTO destination_day",
    "before INSERT INTO detection",
    "before INSERT INTO finding",
    "before INSERT INTO hook_delivery",
    "before INSERT INTO job",
    "before INSERT INTO observation",
    "before INSERT INTO scan",
    "before INSERT INTO ticket",
    "before INSERT INTO ticket_finding",
    "before INSERT INTO ticket_former",
    "before RELEASE piece",
    "before ROLLBACK TO piece",
    "before SAVEPOINT piece",
    "before UPDATE alarm",
    "before UPDATE asset",
    "before UPDATE breaker",
    "before UPDATE comment",
    "before UPDATE connection",
    "before UPDATE destination",
    "before UPDATE destination_day",
    "before UPDATE finding",
    "before UPDATE job",
    "before UPDATE rule",
    "before UPDATE scan",
    "before UPDATE ticket",
    "before a query",
    "before comment",
    "before comments",
    "before commit",
    "before create",
    "before look-up",
    "before read",
    "before restore",
    "before update",
];

/// Places that a process at work comes to now and then only: one of them is its doom, until it meets it. What happens
/// seldom stands here more than once.
pub(crate) const DOOMS: &[&str] = &[
    "a write leaves",
    "a write was carried out",
    "a write was lost",
    "a write was lost",
    "a write was lost",
    "after comment",
    "after comments",
    "after create",
    "after look-up",
    "after read",
    "after restore",
    "after update",
    "before DELETE FROM observation",
    "before INSERT INTO alarm",
    "before INSERT INTO breaker",
    "before INSERT INTO breaker_ticket",
    "before INSERT INTO detection",
    "before INSERT INTO destination_day",
    "before INSERT INTO finding",
    "before INSERT INTO ticket",
    "before INSERT INTO ticket_finding",
    "before INSERT INTO ticket_former",
    "before ROLLBACK TO piece",
    "before UPDATE alarm",
    "before UPDATE comment",
    "before UPDATE destination_day",
    "before UPDATE scan",
    "before comment",
    "before comments",
    "before create",
    "before look-up",
    "before read",
    "before restore",
    "before update",
];

/// What shall happen to a process, counted in places from now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Nothing.
    Lives,
    /// It dies at the n-th place.
    Dies(u64),
    /// It dies when it comes to this place for the n-th time.
    DiesAt(&'static str, u64),
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
    /// It stands in the middle of a write.
    pub(crate) at_write: bool,
    work: Work,
    witness: Arc<Witness>,
}

type Work = Pin<Box<dyn Future<Output = Result<(), Refusal>> + Send>>;

struct Witness {
    fate: Mutex<Fate>,
    places: AtomicU64,
    /// How often it came to the place where it is to die.
    met: AtomicU64,
    calls: AtomicU64,
    writes: AtomicU64,
    at_write: AtomicBool,
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
        if fate != Fate::Lives {
            self.tally.passed(place);
        }
        let meets = matches!(fate, Fate::DiesAt(there, _) if there == place);
        let met = if meets { self.met.fetch_add(1, Ordering::SeqCst) + 1 } else { 0 };
        match fate {
            Fate::Dies(at) if at == number => self.dies(place).await,
            Fate::DiesAt(_, at) if at == met => self.dies(place).await,
            Fate::Freezes(at) | Fate::FreezesAtWrite(at)
                if at == if matches!(fate, Fate::Freezes(_)) { call } else { write } =>
            {
                self.tally.count(format!("stood still: {place}"));
                self.at_write.store(is_write, Ordering::SeqCst);
                *self.fate.lock().await = Fate::Lives;
                self.stands.notify_one();
                self.goes_on.notified().await;
            }
            Fate::Lives | Fate::Dies(_) | Fate::DiesAt(..) | Fate::Freezes(_) | Fate::FreezesAtWrite(_) => {}
        }
    }
}

impl Witness {
    async fn dies(&self, place: &str) {
        self.tally.died(place);
        self.stands.notify_one();
        std::future::pending::<()>().await;
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
        met: AtomicU64::new(0),
        calls: AtomicU64::new(0),
        writes: AtomicU64::new(0),
        at_write: AtomicBool::new(false),
        tally: tally.clone(),
        stands: Notify::new(),
        goes_on: Notify::new(),
    });
    let work: Work = Box::pin(under(witness.clone(), work(engine.clone())));
    go_on(work, witness, matches!(fate, Fate::Dies(_) | Fate::DiesAt(..))).await
}

/// Lets a process that stood still go on; it may die on the way.
pub(crate) async fn thaw(frozen: Frozen, fate: Fate) -> Ended {
    let Frozen { work, witness, .. } = frozen;
    witness.places.store(0, Ordering::SeqCst);
    witness.met.store(0, Ordering::SeqCst);
    witness.calls.store(0, Ordering::SeqCst);
    witness.writes.store(0, Ordering::SeqCst);
    *witness.fate.lock().await = fate;
    witness.goes_on.notify_one();
    go_on(work, witness, matches!(fate, Fate::Dies(_) | Fate::DiesAt(..))).await
}

async fn go_on(mut work: Work, witness: Arc<Witness>, dies: bool) -> Ended {
    tokio::select! {
        biased;
        done = &mut work => Ended::Done(done),
        () = witness.stands.notified() => if dies {
            Ended::Died
        } else {
            Ended::Froze(Frozen { at_write: witness.at_write.load(Ordering::SeqCst), work, witness })
        },
    }
}
