//! Time that stands still until it is moved, and chance from a seed.

use std::sync::Mutex;

use async_trait::async_trait;
use azure::Clock;
use chrono::{DateTime, Duration, TimeZone, Utc};
use engine::Chance;
use rand::{RngExt, SeedableRng, rngs::StdRng};

/// A clock that is moved by hand. Waiting for it moves it.
pub struct HandClock(Mutex<DateTime<Utc>>);

impl Default for HandClock {
    fn default() -> Self {
        Self(Mutex::new(Utc.with_ymd_and_hms(2026, 3, 2, 9, 0, 0).unwrap()))
    }
}

impl HandClock {
    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        *self.0.lock().unwrap() += by;
    }
}

#[async_trait]
impl Clock for HandClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }

    async fn sleep_until(&self, at: DateTime<Utc>) {
        let mut now = self.0.lock().unwrap();
        *now = at.max(*now);
    }
}

/// Chance from a seed: the same seed gives the same run.
pub struct SeededChance(Mutex<StdRng>);

impl SeededChance {
    /// Chance from a seed.
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(StdRng::seed_from_u64(seed)))
    }
}

impl Chance for SeededChance {
    fn bits(&self) -> u128 {
        self.0.lock().unwrap().random()
    }
}
