//! What a simulation has met, counted: a fault that never happened proves nothing.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Mutex;

use crate::sim::{approvals, by_hand, evidence, people, replica, talk, wire};

/// What people here, scans, hooks and processes do in a simulation.
const ACTS: &[&str] = &[
    "a breaker holds: close",
    "a breaker holds: create",
    "a breaker holds: reopen",
    "a call with a revoked credential",
    "a connection is paused",
    "a connection is resumed",
    "a command in a comment is obeyed",
    "a hook comes",
    "a hook comes twice",
    "a hook is forged",
    "a hook is late",
    "a hook is lost",
    "a partial scan comes",
    "a reconcile is asked for",
    "a replica that stood still went on",
    "a scan comes",
    "a scan comes again",
    "a scan is kept back",
    "a second rule changes",
    "a second rule comes",
    "a second rule goes",
    "a ticket is pushed",
    "an asset is archived",
    "an older configuration is applied",
    "an asset is taken up again",
    "late request carried out (done)",
    "late request carried out (refused)",
    "shadow mode begins",
    "shadow mode ends",
    "somebody dismisses a breaker",
    "somebody lets through what a breaker holds",
    "somebody mends: Bind",
    "somebody mends: FollowThere",
    "somebody mends: Ignore",
    "somebody mends: Release",
    "somebody mends: Replace",
    "somebody mends: Restore",
    "somebody sets awaiting_validation",
    "somebody sets created",
    "somebody sets false_positive",
    "somebody sets identified",
    "somebody sets in_progress",
    "somebody sets risk_accepted",
    "somebody sets suppressed",
    "somebody sets waiting",
    "stood still: a read leaves",
    "stood still: a read was answered",
    "stood still: a write leaves",
    "stood still: a write was carried out",
    "stood still: a write was lost",
    "stood still: before create",
    "the configuration is written to a file",
    "the credential is renewed",
    "the credential is revoked",
    "the daily budget changes",
    "the database refuses a statement",
    "the destination's tags change",
    "the feed of the organization is allowed",
    "the feed of the organization is forbidden",
    "the holder of the lease stood still in a write, and another one took over",
    "the limits change",
    "the rule changes",
    "the severity map changes",
    "the status map changes",
];

/// Counters by name.
#[derive(Debug, Default)]
pub struct Tally {
    counters: Mutex<BTreeMap<String, u64>>,
    /// How often processes that were to die or to stand still came to a place, and how often one died there.
    places: Mutex<BTreeMap<String, (u64, u64)>>,
}

impl Tally {
    /// How often it was met.
    pub(crate) fn counted(&self, what: &str) -> u64 {
        self.counters.lock().unwrap().get(what).copied().unwrap_or(0)
    }

    /// What begins with a word, without it, and how often it was met.
    pub(crate) fn starting_with(&self, word: &str) -> Vec<(String, u64)> {
        let counters = self.counters.lock().unwrap();
        let found =
            counters.iter().filter_map(|(what, count)| Some((what.strip_prefix(word)?.to_owned(), *count)));
        found.collect()
    }

    /// Counts one.
    pub fn count(&self, what: impl Into<String>) {
        *self.counters.lock().unwrap().entry(what.into()).or_default() += 1;
    }

    pub(crate) fn passed(&self, place: &str) {
        let mut places = self.places.lock().unwrap();
        match places.get_mut(place) {
            Some((passed, _)) => *passed += 1,
            None => {
                places.insert(place.to_owned(), (1, 0));
            }
        }
    }

    pub(crate) fn died(&self, place: &str) {
        self.places.lock().unwrap().entry(place.to_owned()).or_default().1 += 1;
    }

    /// What was not met at least so many times, and what was met and stands in no list: for each a line that says so.
    pub fn gaps(&self, least: u64) -> Vec<String> {
        let counters = self.counters.lock().unwrap();
        let places = self.places.lock().unwrap();
        let mut wanted: Vec<String> = ACTS.iter().map(|act| (*act).to_owned()).collect();
        wanted.extend(people::DEEDS.iter().map(|deed| format!("a person {deed}")));
        let acts = [approvals::ACTS, talk::ACTS, by_hand::ACTS, evidence::ACTS].concat();
        wanted.extend(acts.into_iter().map(str::to_owned));
        wanted.extend(wire::faults());
        let mut gaps = Vec::new();
        for what in &wanted {
            let number = counters.get(what).copied().unwrap_or(0);
            if number < least {
                gaps.push(format!("{what}: {number} times"));
            }
        }
        gaps.extend(
            counters.keys().filter(|known| !wanted.contains(known)).map(|what| format!("{what}: in no list")),
        );
        for (place, _) in replica::PLACES {
            let died = places.get(*place).map_or(0, |(_, died)| *died);
            if died < least {
                gaps.push(format!("died {place}: {died} times"));
            }
        }
        let unlisted = places.keys().filter(|place| !replica::PLACES.iter().any(|(known, _)| known == place));
        gaps.extend(unlisted.map(|place| format!("\"{place}\" is not in the list of places")));
        gaps
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (what, number) in &*self.counters.lock().unwrap() {
            writeln!(f, "{number:>9}  {what}")?;
        }
        for (place, (passed, died)) in &*self.places.lock().unwrap() {
            writeln!(f, "{died:>9}  died {place} (of {passed})")?;
        }
        Ok(())
    }
}
