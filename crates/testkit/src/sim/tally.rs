//! What a simulation has met, counted: a fault that never happened proves nothing.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Mutex;

/// Counters by name.
#[derive(Debug, Default)]
pub struct Tally(Mutex<BTreeMap<String, u64>>);

impl Tally {
    /// Counts one.
    pub fn count(&self, what: impl Into<String>) {
        *self.0.lock().unwrap().entry(what.into()).or_default() += 1;
    }

    /// Adds what another one has counted.
    pub fn add(&self, other: &Self) {
        let mut all = self.0.lock().unwrap();
        for (what, number) in &*other.0.lock().unwrap() {
            *all.entry(what.clone()).or_default() += number;
        }
    }

    /// Everything counted.
    pub fn all(&self) -> BTreeMap<String, u64> {
        self.0.lock().unwrap().clone()
    }

    /// How often.
    pub fn of(&self, what: &str) -> u64 {
        self.0.lock().unwrap().get(what).copied().unwrap_or(0)
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (what, number) in &*self.0.lock().unwrap() {
            writeln!(f, "{number:>9}  {what}")?;
        }
        Ok(())
    }
}
