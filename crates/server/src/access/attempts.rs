//! Slows down guessing of passwords: failed sign-ins are counted by name and address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Duration, Utc};

/// Failed tries within the window before further ones are refused.
const ALLOWED: u32 = 8;

/// Keys remembered at most; when full, the window that began first is forgotten.
const REMEMBERED: usize = 10_000;

fn window() -> Duration {
    Duration::minutes(5)
}

/// Failed sign-ins of the last minutes.
#[derive(Debug, Default)]
pub(crate) struct Attempts {
    failed: Mutex<HashMap<(String, IpAddr), Window>>,
}

#[derive(Clone, Copy, Debug)]
struct Window {
    began: DateTime<Utc>,
    failures: u32,
}

impl Attempts {
    /// How many seconds to wait before the next try, if any.
    pub(crate) fn wait_seconds(&self, name: &str, address: IpAddr, now: DateTime<Utc>) -> Option<u64> {
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        let window_of = failed.get(&(name.to_lowercase(), address))?;
        let ends = window_of.began + window();
        (window_of.failures >= ALLOWED && now < ends)
            .then(|| u64::try_from((ends - now).num_seconds()).unwrap_or(0) + 1)
    }

    /// Counts a try before it is made, so that tries at the same time count too.
    pub(crate) fn begin(&self, name: &str, address: IpAddr, now: DateTime<Utc>) {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (name.to_lowercase(), address);
        if failed.len() >= REMEMBERED && !failed.contains_key(&key) {
            failed.retain(|_, window_of| now < window_of.began + window());
            let oldest =
                failed.iter().min_by_key(|(_, window_of)| window_of.began).map(|(key, _)| key.clone());
            if let Some(oldest) = oldest.filter(|_| failed.len() >= REMEMBERED) {
                failed.remove(&oldest);
            }
        }
        let window_of = failed.entry(key).or_insert(Window { began: now, failures: 0 });
        if now >= window_of.began + window() {
            *window_of = Window { began: now, failures: 0 };
        }
        window_of.failures += 1;
    }

    /// Forgets the tries of somebody who got in.
    pub(crate) fn succeeded(&self, name: &str, address: IpAddr) {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.remove(&(name.to_lowercase(), address));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn after_many_failures_one_waits_until_the_window_ends() {
        let attempts = Attempts::default();
        let start = DateTime::UNIX_EPOCH;
        for _ in 0..ALLOWED {
            assert_eq!(attempts.wait_seconds("Ann", HERE, start), None);
            attempts.begin("Ann", HERE, start);
        }
        assert!(attempts.wait_seconds("ann", HERE, start).is_some());
        assert_eq!(attempts.wait_seconds("bob", HERE, start), None, "others are not held up");
        assert_eq!(attempts.wait_seconds("ann", HERE, start + window()), None);
    }

    #[test]
    fn getting_in_wipes_the_slate() {
        let attempts = Attempts::default();
        for _ in 0..ALLOWED {
            attempts.begin("ann", HERE, DateTime::UNIX_EPOCH);
        }
        attempts.succeeded("ann", HERE);
        assert_eq!(attempts.wait_seconds("ann", HERE, DateTime::UNIX_EPOCH), None);
    }
}
