//! What is true about the code that is scanned, and the reports that say so.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use crate::{Report, weakness};

/// Weaknesses that an asset may have.
const WEAKNESSES: u32 = 12;

/// The scanned things.
#[derive(Default)]
pub(crate) struct Code {
    assets: BTreeMap<&'static str, BTreeSet<u32>>,
    /// Every report that was handed in, whether or not it got through.
    pub(crate) scans: Vec<Scan>,
}

/// One scan of one asset.
#[derive(Clone, Debug)]
pub(crate) struct Scan {
    pub(crate) asset: &'static str,
    pub(crate) started_at: DateTime<Utc>,
    /// What it saw.
    pub(crate) seen: BTreeSet<u32>,
    /// An absence proves something.
    pub(crate) is_full: bool,
}

/// The two assets.
pub(crate) const ASSETS: [&str; 2] = ["shop", "office"];

impl Code {
    /// Developers write and mend code.
    pub(crate) fn change(&mut self, chance: &mut StdRng) {
        let asset = ASSETS[chance.random_range(0..ASSETS.len())];
        let weaknesses = self.assets.entry(asset).or_default();
        for _ in 0..chance.random_range(1..4) {
            let number = chance.random_range(0..WEAKNESSES);
            if !weaknesses.remove(&number) {
                weaknesses.insert(number);
            }
        }
    }

    /// A scanner looks at an asset.
    pub(crate) fn scan(
        &mut self,
        asset: &'static str,
        now: DateTime<Utc>,
        is_full: bool,
        chance: &mut StdRng,
    ) -> Scan {
        let mut seen = self.assets.entry(asset).or_default().clone();
        if !is_full {
            // It looked at a part only.
            seen.retain(|_| chance.random_bool(0.5));
        }
        let scan = Scan { asset, started_at: now, seen, is_full };
        self.scans.push(scan.clone());
        scan
    }
}

/// Title of the finding of a weakness.
pub(crate) fn title(number: u32) -> String {
    format!("W-{number} in src/{number}.rs")
}

impl Scan {
    /// The report of it. Lines move from scan to scan.
    pub(crate) fn report(&self) -> Report {
        let line = u32::try_from(self.started_at.timestamp() % 97).unwrap_or(0) + 1;
        let mut found: Vec<Value> = self
            .seen
            .iter()
            .map(|number| weakness(&format!("W-{number}"), &format!("src/{number}.rs"), line + number))
            .collect();
        if self.started_at.timestamp() % 2 == 0 {
            found.reverse();
        }
        let report = Report::of(self.started_at, &found);
        if self.is_full { report } else { report.with("coverage", json!({ "extent": "partial" })) }
    }
}
