//! One report for several assets: what of each run belongs to which, by the ingest rules of a source.

use std::collections::BTreeMap;
use std::fmt;

use model::ingest::{Belongs, Division, IngestRule, LeftOutReason, MOST_ASSETS, Verdict};
use model::{Coverage, CoverageExtent, Observation, ScanId, ScanRun};

/// Results of an asset, or of nobody, whose titles are kept for people to look at.
const EXAMPLES: usize = 3;

/// A report that rules divide, while its scans take effect.
#[derive(Clone, Debug)]
pub(crate) struct Divided {
    pub(crate) division: Division,
    /// For each run, the scan of each asset, by its name as the rules make it, in lower case.
    pub(crate) runs: Vec<BTreeMap<String, ScanId>>,
}

impl Divided {
    /// The rules give this place to the asset of the scan. What they give to another asset, or to none, the scan did not
    /// look for: that it is absent there proves nothing.
    pub(crate) fn gives(&self, scan: ScanId, place: &str) -> bool {
        let Some(belongs) = self.division.of_place(place) else { return false };
        let asset = belongs.asset.to_lowercase();
        self.runs.iter().any(|run| run.get(&asset) == Some(&scan))
    }
}

/// More parts than this are not kept apart: places of assets without results, mostly.
const MOST_PARTS: usize = 100_000;

/// What of a run belongs to one asset.
#[derive(Clone, Debug, Default)]
pub(crate) struct Part {
    /// Name of the asset, as the rules make it.
    pub(crate) asset: String,
    /// The asset may be made.
    pub(crate) create: bool,
    /// Tags that the asset gets.
    pub(crate) tags: Vec<String>,
    /// Results that are taken in.
    pub(crate) taken: u64,
    /// Results that a filter leaves out, by reason.
    pub(crate) filtered: BTreeMap<LeftOutReason, u64>,
    /// Places of the run's coverage that belong to it.
    paths: Vec<String>,
    /// Titles of the first results that are taken in.
    pub(crate) examples: Vec<String>,
}

impl Part {
    fn of(belongs: &Belongs<'_>) -> Self {
        Self { asset: belongs.asset.clone(), ..Self::default() }
    }

    fn rule(&mut self, rule: &IngestRule) {
        self.create |= rule.asset.create;
        for tag in &rule.tags {
            if !self.tags.iter().any(|known| known.eq_ignore_ascii_case(tag)) {
                self.tags.push(tag.clone());
            }
        }
    }

    /// Results that are read for it: those that are taken in, and those that count only if they are known.
    pub(crate) fn read(&self) -> u64 {
        self.taken + self.filtered.values().sum::<u64>()
    }

    /// What the run looked at of this asset. Where a run names places and none of them is the asset's, absence proves
    /// nothing there.
    pub(crate) fn coverage(&self, run: &ScanRun) -> Coverage {
        let mut coverage = run.coverage.clone();
        if !coverage.paths.is_empty() {
            if self.paths.is_empty() {
                coverage.extent = CoverageExtent::Partial;
            }
            coverage.paths.clone_from(&self.paths);
        }
        coverage
    }
}

/// A run, divided among assets.
#[derive(Clone, Debug, Default)]
pub(crate) struct Parts {
    /// By the asset's name in lower case.
    pub(crate) parts: BTreeMap<String, Part>,
    /// Results that no rule is about.
    pub(crate) nobodys: u64,
    /// Titles of the first of them.
    pub(crate) nobodys_examples: Vec<String>,
    /// Assets that results are taken in for.
    assets: usize,
}

/// The rules divide one report among too many assets.
#[derive(Debug)]
pub(crate) struct TooManyAssets;

impl fmt::Display for TooManyAssets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the ingest rules divide it among more than {MOST_ASSETS} assets")
    }
}

impl std::error::Error for TooManyAssets {}

impl Parts {
    /// Begins a run: what it covers belongs to assets, whether there are results or not.
    pub(crate) fn of_run(division: &Division, run: &ScanRun) -> Self {
        let mut this = Self::default();
        if run.coverage.extent != CoverageExtent::Full {
            return this;
        }
        if run.coverage.paths.is_empty() {
            for belongs in division.fixed() {
                this.part(&belongs);
            }
        }
        for path in &run.coverage.paths {
            if let Some(belongs) = division.of_place(path)
                && let Some(part) = this.part(&belongs)
            {
                part.paths.push(path.clone());
            }
        }
        this
    }

    fn part(&mut self, belongs: &Belongs<'_>) -> Option<&mut Part> {
        let key = belongs.asset.to_lowercase();
        if self.parts.len() >= MOST_PARTS && !self.parts.contains_key(&key) {
            return None;
        }
        Some(self.parts.entry(key).or_insert_with(|| Part::of(belongs)))
    }

    /// Takes a result.
    pub(crate) fn take(
        &mut self,
        division: &Division,
        observation: &Observation,
    ) -> Result<(), TooManyAssets> {
        let title = || observation.title.clone();
        match division.judge(observation) {
            Verdict::Taken(belongs) => {
                let part = self.part(&belongs).ok_or(TooManyAssets)?;
                part.rule(belongs.rule);
                part.taken += 1;
                if part.examples.len() < EXAMPLES {
                    part.examples.push(title());
                }
                if part.taken == 1 {
                    self.assets += 1;
                }
                if self.assets > MOST_ASSETS {
                    return Err(TooManyAssets);
                }
            }
            Verdict::Filtered(belongs, reason) => {
                let part = self.part(&belongs).ok_or(TooManyAssets)?;
                *part.filtered.entry(reason).or_default() += 1;
            }
            Verdict::Nobodys => {
                self.nobodys += 1;
                if self.nobodys_examples.len() < EXAMPLES {
                    self.nobodys_examples.push(title());
                }
            }
        }
        Ok(())
    }
}
