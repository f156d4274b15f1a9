//! Many seeds of the simulation. `cargo xtask simulate --seeds 10000` runs more, `--seed <n>` replays one with its trace.

#![expect(clippy::unwrap_used, reason = "a test fails where something unexpected happens")]
#![expect(clippy::print_stdout, reason = "it says which seed broke what")]

use std::panic;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use testkit::sim::{self, Tally, fidelity};

/// More than there are cores: each waits now and then for its database.
const WORKERS: usize = 4;

/// No more seeds are begun when so many broke a law, unless `LOCKSTEP_ENOUGH` says how many.
const ENOUGH: u64 = 5;

/// After so many seeds it says how far it is.
const PROGRESS: u64 = 500;

/// With so many seeds or more, everything must have been met so many times.
const MANY: (u64, u64) = (1000, 20);

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// What a seed leads to.
type Run = fn(u64, &Arc<Tally>) -> sim::Outcome;

/// Bytes of the stack: without optimisation the frames of the engine below those of the simulation need nearly two million.
const STACK: usize = 8 << 20;

fn now<F: Future<Output = sim::Outcome>>(work: impl FnOnce() -> F + Send) -> sim::Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime needs nothing");
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK);
        let work = thread.spawn_scoped(scope, move || runtime.block_on(work())).unwrap();
        work.join().unwrap_or_else(|panic| panic::resume_unwind(panic))
    })
}

/// The same, if it may panic: that is a broken law like any other.
fn caught(work: impl FnOnce() -> sim::Outcome) -> sim::Outcome {
    panic::catch_unwind(panic::AssertUnwindSafe(work)).unwrap_or_else(|_| sim::Outcome {
        violation: Some(sim::Violation {
            law: "nothing panics, and everything ends",
            what: "see the message above".into(),
        }),
        trace: Vec::new(),
    })
}

/// Runs many seeds, until some of them broke a law.
fn many(first: u64, seeds: u64, tally: &Arc<Tally>, run: Run) -> Vec<(u64, sim::Violation)> {
    let (next, done) = (AtomicU64::new(first), AtomicU64::new(0));
    let enough = number("LOCKSTEP_ENOUGH").unwrap_or(ENOUGH);
    let broken = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + seeds {
                        return;
                    }
                    let outcome = caught(|| run(seed, tally));
                    let done = done.fetch_add(1, Ordering::Relaxed) + 1;
                    if done.is_multiple_of(PROGRESS) {
                        println!("{done} of {seeds} seeds");
                    }
                    if let Some(violation) = outcome.violation {
                        println!("seed {seed}: {}: {}", violation.law, violation.what);
                        let mut broken = broken.lock().unwrap();
                        broken.push((seed, violation));
                        if broken.len() as u64 >= enough {
                            next.fetch_add(seeds, Ordering::Relaxed);
                        }
                    }
                }
            });
        }
    });
    broken.into_inner().unwrap()
}

/// Fails if a seed broke a law, and says how each is replayed.
fn nothing_broke(broken: &[(u64, sim::Violation)], replay: &str) {
    let lines: Vec<String> = broken
        .iter()
        .map(|(seed, violation)| {
            let sim::Violation { law, what } = violation;
            format!("{law}: {what}\n  replay it: {replay} --seed {seed}")
        })
        .collect();
    assert!(broken.is_empty(), "{} seeds break a law:\n{}", broken.len(), lines.join("\n"));
}

#[test]
fn whatever_happens_the_laws_hold_when_everything_has_come_to_rest() {
    let tally = Arc::new(Tally::default());
    if let Some(seed) = number("LOCKSTEP_SEED") {
        let outcome = now(|| sim::run(seed, &tally));
        println!("{}", outcome.trace.join("\n"));
        assert_eq!(outcome.violation, None);
        return;
    }
    let seeds = number("LOCKSTEP_SEEDS").unwrap_or(40);
    let first = number("LOCKSTEP_FIRST_SEED").unwrap_or(1);
    let run: Run = |seed, tally| now(|| sim::run(seed, tally));
    let broken = many(first, seeds, &tally, run);
    println!("{seeds} seeds\n{tally}");
    nothing_broke(&broken, "cargo xtask simulate");
    if seeds >= MANY.0 {
        assert_eq!(tally.gaps(MANY.1), Vec::<String>::new(), "not met {} times", MANY.1);
    }
}

#[test]
fn what_a_plan_says_is_what_applying_it_does() {
    let tally = Arc::new(Tally::default());
    if let Some(seed) = number("LOCKSTEP_SITUATION") {
        let outcome = now(|| fidelity::run(seed, &tally));
        println!("{}", outcome.trace.join("\n"));
        assert_eq!(outcome.violation, None);
        return;
    }
    let situations = number("LOCKSTEP_SITUATIONS").unwrap_or(20);
    let first = number("LOCKSTEP_FIRST_SITUATION").unwrap_or(1);
    let run: Run = |seed, tally| now(|| fidelity::run(seed, tally));
    nothing_broke(&many(first, situations, &tally, run), "cargo xtask simulate --fidelity");
    println!("{situations} situations: {}", fidelity::summary(&tally));
}
