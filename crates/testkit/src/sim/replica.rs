//! A process of Lockstep that can die, or stand still for a while, at any place.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use async_trait::async_trait;
use engine::{Engine, Refusal};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use store::failpoint::{Verdict, Watch, under};
use tokio::sync::{Mutex, Notify};

use crate::sim::tally::Tally;

/// Places where a process may die: before each statement that writes, around each commit and each call; and one time in
/// how many a process that is in danger dies there, so that it happens about as often at places it seldom comes to. The
/// simulation says so when it meets a place that is not in this list.
pub(crate) const PLACES: &[(&str, u64)] = &[
    ("a read leaves", 240),
    ("a read was answered", 660),
    ("a write leaves", 12),
    ("a write was carried out", 14),
    ("a write was lost", 1),
    ("after attachment", 2),
    ("after attachment look-up", 1),
    ("after comment", 1),
    ("after comments", 4),
    ("after commit", 3_900),
    ("after create", 4),
    ("after delete", 1),
    ("after look-up", 3),
    ("after read", 5),
    ("after restore", 1),
    ("after update", 6),
    ("before BEGIN", 5_000),
    ("before DELETE FROM breaker_ticket", 5),
    ("before DELETE FROM observation", 80),
    ("before DELETE FROM rule", 1),
    ("before DELETE FROM scan_renamed", 17),
    ("before DELETE FROM scan_ticket", 17),
    ("before DELETE FROM ticket_finding", 1),
    ("before INSERT INTO acceptance", 1),
    ("before INSERT INTO acceptance_finding", 1),
    ("before INSERT INTO alarm", 4),
    ("before INSERT INTO attachment", 6),
    ("before INSERT INTO audit", 2_200),
    ("before INSERT INTO breaker", 2),
    ("before INSERT INTO breaker_ticket", 26),
    ("before INSERT INTO comment", 290),
    ("before INSERT INTO comment_command", 1),
    ("before INSERT INTO configuration", 360),
    ("before INSERT INTO destination_day", 6),
    ("before INSERT INTO detection", 87),
    ("before INSERT INTO finding", 34),
    ("before INSERT INTO hook_delivery", 57),
    ("before INSERT INTO job", 330),
    ("before INSERT INTO observation", 89),
    ("before INSERT INTO plan_apply", 1),
    ("before INSERT INTO plan_apply_ticket", 1),
    ("before INSERT INTO presence", 50),
    ("before INSERT INTO rule", 1),
    ("before INSERT INTO scan", 240),
    ("before INSERT INTO scan_ticket", 40),
    ("before INSERT INTO ticket", 25),
    ("before INSERT INTO ticket_finding", 25),
    ("before INSERT INTO ticket_former", 1),
    ("before INSERT INTO ticket_rule", 11),
    ("before RELEASE piece", 80),
    ("before ROLLBACK TO piece", 1),
    ("before SAVEPOINT piece", 86),
    ("before UPDATE alarm", 5),
    ("before UPDATE asset", 540),
    ("before UPDATE attachment", 4),
    ("before UPDATE breaker", 4),
    ("before UPDATE comment", 45),
    ("before UPDATE connection", 530),
    ("before UPDATE destination", 10),
    ("before UPDATE destination_day", 9),
    ("before UPDATE finding", 1_600),
    ("before UPDATE job", 800),
    ("before UPDATE plan_apply_ticket", 2),
    ("before UPDATE presence", 9),
    ("before UPDATE rule", 9),
    ("before UPDATE rule_walk", 43),
    ("before UPDATE scan", 170),
    ("before UPDATE ticket", 1_600),
    ("before a query", 29_000),
    ("before attachment", 3),
    ("before attachment look-up", 2),
    ("before comment", 2),
    ("before comments", 5),
    ("before commit", 3_900),
    ("before create", 4),
    ("before delete", 2),
    ("before look-up", 3),
    ("before read", 45),
    ("before restore", 2),
    ("before update", 7),
];

/// A piece of work that comes to more places goes round in circles.
const MOST_PLACES: u64 = 200_000;

/// What shall happen to a process, counted in places from now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Nothing.
    Lives,
    /// It dies at the n-th place.
    Dies(u64),
    /// It is in danger: at each place it may die, as often as the list of places says.
    IsInDanger(u64),
    /// It dies when it comes to this place for the n-th time.
    DiesAt(&'static str, u64),
    /// The database refuses the n-th statement; where that undoes a piece of work, it may die in the middle of undoing it.
    IsRefused(u64, bool),
    /// The database refuses a statement at this place, the n-th there.
    IsRefusedAt(&'static str, u64, bool),
    /// It stands still at the n-th place of a call to the board.
    Freezes(u64),
    /// It stands still at the n-th place of a write to the board.
    FreezesAtWrite(u64),
    /// It stands still when it comes to this place of a call to the board.
    FreezesAt(&'static str),
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
    /// It is dead.
    is_dead: AtomicBool,
    tally: Arc<Tally>,
    stands: Notify,
    goes_on: Notify,
}

#[async_trait]
impl Watch for Witness {
    async fn at(&self, place: &str) -> Verdict {
        let is_call = place.starts_with("a write") || place.starts_with("a read");
        let number = self.places.fetch_add(1, Ordering::SeqCst) + 1;
        assert!(
            number <= MOST_PLACES,
            "a piece of work does not end: it came to {MOST_PLACES} places, at last to {place}"
        );
        let is_write = place.starts_with("a write");
        let call = if is_call { self.calls.fetch_add(1, Ordering::SeqCst) + 1 } else { 0 };
        let write = if is_write { self.writes.fetch_add(1, Ordering::SeqCst) + 1 } else { 0 };
        let fate = *self.fate.lock().await;
        if fate != Fate::Lives {
            self.tally.passed(place);
        }
        let meets = match fate {
            Fate::DiesAt(there, _) | Fate::IsRefusedAt(there, ..) => there == place,
            _ => false,
        };
        let met = if meets { self.met.fetch_add(1, Ordering::SeqCst) + 1 } else { 0 };
        let is_statement = is_of_the_database(place);
        match fate {
            Fate::Dies(at) if at == number => self.dies(place).await,
            Fate::DiesAt(_, at) if at == met => self.dies(place).await,
            Fate::IsInDanger(seed) if strikes(place, seed, number) => self.dies(place).await,
            Fate::IsRefused(at, dies) if is_statement && number >= at => return self.refuses(dies).await,
            Fate::IsRefusedAt(_, at, dies) if is_statement && at == met => return self.refuses(dies).await,
            Fate::Freezes(at) if is_call && at == call => self.freezes(place).await,
            Fate::FreezesAtWrite(at) if is_write && at == write => self.freezes(place).await,
            Fate::FreezesAt(there) if there == place => self.freezes(place).await,
            _ => {}
        }
        Verdict::GoesOn
    }
}

/// The danger of a place strikes a process with this seed, which comes to its n-th place.
fn strikes(place: &str, seed: u64, number: u64) -> bool {
    let odds = PLACES.iter().find(|(known, _)| *known == place).map(|(_, odds)| *odds);
    odds.is_some_and(|odds| StdRng::seed_from_u64(seed.wrapping_add(number)).random_range(0..odds) == 0)
}

/// A statement of the database that may fail and leave the process as it is; what undoes another one cannot.
fn is_of_the_database(place: &str) -> bool {
    ["before UPDATE", "before INSERT", "before DELETE", "before a query"]
        .iter()
        .any(|begin| place.starts_with(begin))
}

impl Witness {
    async fn freezes(&self, place: &str) {
        self.tally.count(format!("stood still: {place}"));
        self.at_write.store(place.starts_with("a write"), Ordering::SeqCst);
        *self.fate.lock().await = Fate::Lives;
        self.stands.notify_one();
        self.goes_on.notified().await;
    }

    async fn refuses(&self, dies: bool) -> Verdict {
        self.tally.count("the database refuses a statement");
        *self.fate.lock().await =
            if dies { Fate::DiesAt("before ROLLBACK TO piece", 1) } else { Fate::Lives };
        self.met.store(0, Ordering::SeqCst);
        Verdict::IsRefused
    }

    async fn dies(&self, place: &str) {
        self.tally.died(place);
        self.is_dead.store(true, Ordering::SeqCst);
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
        is_dead: AtomicBool::new(false),
        tally: tally.clone(),
        stands: Notify::new(),
        goes_on: Notify::new(),
    });
    let work: Work = Box::pin(under(witness.clone(), work(engine.clone())));
    go_on(work, witness).await
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
    go_on(work, witness).await
}

async fn go_on(mut work: Work, witness: Arc<Witness>) -> Ended {
    tokio::select! {
        biased;
        done = &mut work => Ended::Done(done),
        () = witness.stands.notified() => if witness.is_dead.load(Ordering::SeqCst) {
            Ended::Died
        } else {
            Ended::Froze(Frozen { at_write: witness.at_write.load(Ordering::SeqCst), work, witness })
        },
    }
}
