//! How fast we may go: concurrency, and what the service's headers ask for (azure-devops.md section 12).
//!
//! The service first delays calls and says so on good answers, and refuses only later; both are obeyed. A write never
//! waits past its deadline, a read never longer than [`LONGEST_READ_WAIT`]: the caller is told when to come back.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Duration, Utc};
use http::HeaderMap;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::answer::{header, retry_at};
use crate::clock::Clock;

/// A read waits this long for the throttle before it gives up.
const LONGEST_READ_WAIT: Duration = Duration::seconds(60);
/// Below this share of the remaining allowance, calls are spread out.
const CAREFUL_BELOW: f64 = 0.25;
/// Pause between two calls when nothing of the allowance is left.
const LONGEST_SPREAD: Duration = Duration::seconds(5);
/// The service holds a request for at most this long (section 12); more is not believed.
const LONGEST_HOLD: Duration = Duration::seconds(30);

pub(crate) struct Throttle {
    slots: Semaphore,
    not_before: Mutex<DateTime<Utc>>,
    clock: Arc<dyn Clock>,
}

/// The throttle cannot let the call through in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ComeBack(pub(crate) DateTime<Utc>);

impl Throttle {
    pub(crate) fn new(concurrency: usize, clock: Arc<dyn Clock>) -> Self {
        Self {
            slots: Semaphore::new(concurrency.max(1)),
            not_before: Mutex::new(DateTime::<Utc>::MIN_UTC),
            clock,
        }
    }

    /// Waits for a free slot and for the moment the service asked for, but not past `deadline` (a write's), or too
    /// long (a read's).
    pub(crate) async fn admit(
        &self,
        deadline: Option<DateTime<Utc>>,
    ) -> Result<SemaphorePermit<'_>, ComeBack> {
        let limit = deadline.unwrap_or_else(|| self.clock.now() + LONGEST_READ_WAIT);
        // A wait that is known to be too long is refused before a slot is taken.
        self.check(limit)?;
        let slot = self.slots.acquire();
        let permit = match deadline {
            // Other calls end by their timeouts, so a read's wait for a slot has an end of its own.
            None => slot.await,
            Some(deadline) => tokio::select! {
                biased;
                permit = slot => permit,
                () = self.clock.sleep_until(deadline) => return Err(ComeBack(deadline.max(self.not_before()))),
            },
        }
        .expect("the semaphore is never closed");
        loop {
            self.check(limit)?;
            let not_before = self.not_before();
            if not_before <= self.clock.now() {
                return Ok(permit);
            }
            self.clock.sleep_until(not_before).await;
        }
    }

    fn check(&self, limit: DateTime<Utc>) -> Result<(), ComeBack> {
        let not_before = self.not_before();
        if not_before > self.clock.now() && not_before >= limit { Err(ComeBack(not_before)) } else { Ok(()) }
    }

    /// Learns from the headers of any answer.
    pub(crate) fn learn(&self, headers: &HeaderMap) {
        let now = self.clock.now();
        let number = |name| header(headers, name).and_then(|text| text.trim().parse::<f64>().ok());
        let mut until = retry_at(headers, now).unwrap_or(now);
        if let Some(held) = number("x-ratelimit-delay").filter(|held| *held > 0.0) {
            until = until.max(now + seconds(held).min(LONGEST_HOLD));
        }
        if let (Some(remaining), Some(limit)) =
            (number("x-ratelimit-remaining"), number("x-ratelimit-limit").filter(|limit| *limit > 0.0))
        {
            let left = (remaining / limit).clamp(0.0, 1.0);
            if left < CAREFUL_BELOW {
                let share = (CAREFUL_BELOW - left) / CAREFUL_BELOW;
                until = until.max(now + seconds(share * LONGEST_SPREAD.num_seconds() as f64));
            }
        }
        self.hold_until(until);
    }

    /// No call before this moment.
    pub(crate) fn hold_until(&self, until: DateTime<Utc>) {
        let mut not_before = self.not_before.lock().unwrap_or_else(PoisonError::into_inner);
        *not_before = (*not_before).max(until);
    }

    fn not_before(&self) -> DateTime<Utc> {
        *self.not_before.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn seconds(count: f64) -> Duration {
    Duration::milliseconds((count.clamp(0.0, 86_400.0) * 1000.0) as i64)
}
