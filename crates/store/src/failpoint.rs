//! Places where a test may stop the process: before and after every commit, every statement and every call to the
//! outside.
//!
//! Compiled to nothing without the feature `failpoints`. With it there are two ways to use them:
//!
//! * From outside: `LOCKSTEP_HALT_AT=<n>` makes the n-th place that is reached (counted from 1, statements left out)
//!   print `halted at <n> <name>` on standard error and stop there for good, so that a test can kill the process exactly
//!   then. `LOCKSTEP_HALT_LOG=1` prints each place as it is reached, to enumerate them.
//! * From inside: a future that runs [`under`] a [`Watch`] asks it at every place whether to go on, and the watch may
//!   have a statement refused.

#[cfg(feature = "failpoints")]
pub use watched::{Verdict, Watch, under};

#[cfg(feature = "failpoints")]
mod watched {
    use std::sync::Arc;

    use async_trait::async_trait;

    /// How it goes on from a place.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Verdict {
        /// As if nothing had been.
        GoesOn,
        /// The statement there fails, as if the database had gone. Where no statement is, nothing happens.
        IsRefused,
    }

    /// Looks at every place that a future reaches, and decides how and when it goes on, if ever.
    #[async_trait]
    pub trait Watch: Send + Sync {
        /// The future stands at a place; it goes on when this returns.
        async fn at(&self, place: &str) -> Verdict;
    }

    tokio::task_local! {
        static WATCH: Arc<dyn Watch>;
    }

    /// Runs a future under a watch.
    pub async fn under<F: Future>(watch: Arc<dyn Watch>, future: F) -> F::Output {
        WATCH.scope(watch, future).await
    }

    /// The watch of the task at hand.
    pub(super) fn current() -> Option<Arc<dyn Watch>> {
        WATCH.try_with(Arc::clone).ok()
    }
}

/// A place to stop at.
#[cfg(feature = "failpoints")]
#[expect(clippy::print_stderr, reason = "the test reads it from there")]
pub async fn reached(name: &'static str) {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    static COUNT: AtomicU64 = AtomicU64::new(0);
    static HALT_AT: OnceLock<Option<u64>> = OnceLock::new();
    static LOG: OnceLock<bool> = OnceLock::new();

    if let Some(watch) = watched::current() {
        watch.at(name).await;
        return;
    }
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

/// A statement of a transaction: a place for a watch only, because there are so many. What writes is named after what
/// it does to which table, what reads is a query.
///
/// # Errors
/// If the watch has it refused.
#[cfg(feature = "failpoints")]
pub(crate) async fn statement(sql: &str) -> crate::Result<()> {
    const READS: [&str; 2] = ["SELECT", "WITH"];
    let Some(watch) = watched::current() else { return Ok(()) };
    let words: Vec<&str> = sql.split_whitespace().take(3).collect();
    let place = match words.as_slice() {
        [verb, ..] if READS.contains(verb) => "before a query".to_owned(),
        ["UPDATE", table, ..] => format!("before UPDATE {table}"),
        [verb, link, table] => format!("before {verb} {link} {table}"),
        words => format!("before {}", words.join(" ")),
    };
    match watch.at(&place).await {
        watched::Verdict::GoesOn => Ok(()),
        watched::Verdict::IsRefused => {
            Err(crate::Error::Database { operation: "be reached", source: sqlx::Error::PoolClosed })
        }
    }
}

/// A place to stop at: nothing in a build without the feature `failpoints`.
#[cfg(not(feature = "failpoints"))]
#[inline]
#[expect(clippy::unused_async, reason = "same signature as with the feature")]
pub async fn reached(_name: &'static str) {}

/// Nothing in a build without the feature `failpoints`.
#[cfg(not(feature = "failpoints"))]
#[inline]
#[expect(clippy::unused_async, reason = "same signature as with the feature")]
pub(crate) async fn statement(_sql: &str) -> crate::Result<()> {
    Ok(())
}
