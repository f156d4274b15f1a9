//! What was read of projects, types, boards and fields, kept for a while: one look at a destination asks for the same
//! things several times, and the fields of a type are the dearest read there is (azure-devops.md sections 6 and 11).
//!
//! It is kept as it came and forgotten as a whole, as soon as anything tells that it may be out of date:
//! * its time is over: a minute, a day for fields;
//! * something that tells of a change was read anew and differs from the last time: a project (its `revision`,
//!   `lastUpdateTime` and process), the list of its types (states, transitions, fields), a board (its `revision`);
//! * the service refused a write by a rule;
//! * the caller said so.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use chrono::{DateTime, Duration, Utc};

/// More answers than any use of the client asks for in a day; at this number all are forgotten.
const MOST_KEPT: usize = 256;

/// How long an answer is kept, and what it tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keep {
    /// A minute.
    Briefly,
    /// A minute; when it has changed since the last time, so may have everything else.
    AsWitness,
    /// A day: what costs more than a hundred other reads (section 6).
    ADay,
}

impl Keep {
    fn time(self) -> Duration {
        match self {
            Self::Briefly | Self::AsWitness => Duration::minutes(1),
            Self::ADay => Duration::hours(24),
        }
    }
}

/// The store of a client. Nothing is read by it.
#[derive(Default)]
pub(crate) struct Definitions {
    inside: Mutex<Inside>,
}

#[derive(Default)]
struct Inside {
    /// By address.
    kept: HashMap<String, Kept>,
    /// Digest of each witness when it was last read; it outlives what is kept.
    witnesses: HashMap<String, u64>,
    /// Counts how often everything was forgotten.
    edition: u64,
}

struct Kept {
    body: Bytes,
    until: DateTime<Utc>,
}

impl Definitions {
    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// To be asked before an answer is fetched that will be put here.
    pub(crate) fn edition(&self) -> u64 {
        self.inside().edition
    }

    pub(crate) fn get(&self, address: &str, now: DateTime<Utc>) -> Option<Bytes> {
        self.inside().kept.get(address).filter(|kept| now < kept.until).map(|kept| kept.body.clone())
    }

    /// Keeps an answer, unless everything was forgotten while it was under way: it may have been overtaken.
    pub(crate) fn put(&self, address: String, body: Bytes, keep: Keep, asked: u64, now: DateTime<Utc>) {
        let mut inside = self.inside();
        if keep == Keep::AsWitness {
            let digest = digest(&body);
            let before = inside.witnesses.insert(address.clone(), digest);
            if before.is_some_and(|before| before != digest) {
                inside.kept.clear();
                // What is under way elsewhere was asked of the old process.
                inside.edition += 1;
                inside.kept.insert(address, Kept { body, until: now + keep.time() });
                return;
            }
        }
        if inside.edition != asked {
            return;
        }
        if inside.kept.len() >= MOST_KEPT {
            inside.kept.clear();
        }
        inside.kept.insert(address, Kept { body, until: now + keep.time() });
    }

    pub(crate) fn forget(&self) {
        let mut inside = self.inside();
        inside.kept.clear();
        inside.edition += 1;
    }
}

fn digest(body: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    body.hash(&mut hasher);
    hasher.finish()
}
