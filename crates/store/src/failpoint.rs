//! Places where a test may stop the process: before and after every commit and every call to the outside.
//!
//! Compiled to nothing without the feature `failpoints`. With it, `LOCKSTEP_HALT_AT=<n>` makes the n-th place that is
//! reached (counted from 1) print `halted at <n> <name>` on standard error and stop there for good, so that a test can
//! kill the process exactly then. `LOCKSTEP_HALT_LOG=1` prints each place as it is reached, to enumerate them.

/// A place to stop at.
#[cfg(feature = "failpoints")]
#[expect(clippy::print_stderr, reason = "the test reads it from there")]
pub async fn reached(name: &str) {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    static COUNT: AtomicU64 = AtomicU64::new(0);
    static HALT_AT: OnceLock<Option<u64>> = OnceLock::new();
    static LOG: OnceLock<bool> = OnceLock::new();

    let number = COUNT.fetch_add(1, Ordering::SeqCst) + 1;
    if *LOG.get_or_init(|| std::env::var_os("LOCKSTEP_HALT_LOG").is_some()) {
        eprintln!("reached {number} {name}");
    }
    let halt_at = HALT_AT.get_or_init(|| std::env::var("LOCKSTEP_HALT_AT").ok()?.parse().ok());
    if *halt_at == Some(number) {
        eprintln!("halted at {number} {name}");
        std::future::pending::<()>().await;
    }
}

/// A place to stop at: nothing in a build without the feature `failpoints`.
#[cfg(not(feature = "failpoints"))]
#[inline]
#[expect(clippy::unused_async, reason = "same signature as with the feature")]
pub async fn reached(_name: &str) {}
