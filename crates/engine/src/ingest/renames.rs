//! Findings whose file has another name in a new scan.

use std::collections::{BTreeMap, HashMap, HashSet};

use model::identity::{Sighting, place_key};
use model::renames::{File, InFile, file_key, renames};
use model::{CoverageExtent, FindingKind};
use store::Tx;
use store::assets::Asset;
use store::findings::InVanishedFile;
use store::scans::Scan;

use crate::Refusal;
use crate::engine::Engine;
use crate::ingest::commit::covers;

/// So many findings in files that vanished are looked at. Where more went at once nobody renamed a file.
const MOST: i64 = 50_000;

/// Files that are looked at in one step.
const STEP: i64 = 500;

impl Engine {
    /// Compares the files of which a covering scan saw nothing with those that are new in it. Answers whether some were
    /// renamed; at which place what is known of them is seen now is stored with the scan.
    ///
    /// A scan that misses no file pays for one question. The first scan of a branch is compared with a tracked branch of
    /// the asset: what was renamed there is not new.
    pub(super) async fn find_renamed_files(
        &self,
        tx: &mut Tx,
        asset: &Asset,
        scan: &Scan,
    ) -> Result<bool, Refusal> {
        if scan.coverage.extent != CoverageExtent::Full {
            return Ok(false);
        }
        let Some(branch) = known_branch(tx, asset, scan).await? else { return Ok(false) };
        let configuration = scan.configuration_id;
        let vanished =
            store::findings::in_vanished_files(tx, configuration, branch, scan.id, MOST + 1).await?;
        if vanished.is_empty() || vanished.len() as i64 > MOST {
            return Ok(false);
        }
        let mut by_path: BTreeMap<&str, Vec<&InVanishedFile>> = BTreeMap::new();
        for finding in &vanished {
            by_path.entry(&finding.detection.path).or_default().push(finding);
        }
        // A file that the scan did not look at is where it was.
        by_path.retain(|path, findings| {
            findings.iter().all(|finding| covers(&scan.coverage, &finding.detection.rule_id, path))
        });
        let gone: Vec<(String, String)> = by_path
            .iter()
            .filter_map(|(path, findings)| Some(((*path).to_owned(), key_of_known(findings)?)))
            .collect();
        let keys: HashSet<&str> = gone.iter().map(|(_, key)| key.as_str()).collect();
        if keys.is_empty() {
            return Ok(false);
        }
        let mut come: Vec<(String, String)> = Vec::new();
        let mut after = String::new();
        loop {
            let paths = store::scans::unknown_files(tx, scan.id, configuration, branch, &after, STEP).await?;
            let Some(last) = paths.last() else { break };
            after.clone_from(last);
            for path in paths {
                let seen = store::scans::observations_in(tx, scan.id, &path).await?;
                let sightings: Vec<Sighting> = seen.iter().map(Sighting::of).collect();
                let results: Vec<InFile<'_>> = seen
                    .iter()
                    .zip(&sightings)
                    .filter(|(observation, _)| is_of_a_file(observation.kind))
                    .map(|(observation, sighting)| InFile {
                        kind: observation.kind,
                        vulnerability: &observation.vulnerability.id,
                        sighting,
                    })
                    .collect();
                if let Some(key) = file_key(&results).filter(|key| keys.contains(key.as_str())) {
                    come.push((path, key));
                }
            }
        }
        let mut found = false;
        for (old, new) in renames(&as_files(&gone), &as_files(&come)) {
            let mut places: HashMap<(FindingKind, String), String> = HashMap::new();
            for observation in store::scans::observations_in(tx, scan.id, &come[new].0).await? {
                let what = (observation.kind, observation.vulnerability.id.to_lowercase());
                places.entry(what).or_insert_with(|| place_key(&observation));
            }
            for finding in by_path.get(gone[old].0.as_str()).into_iter().flatten() {
                let what = (finding.kind, finding.detection.rule_id.to_lowercase());
                if let Some(place) = places.get(&what).filter(|_| is_of_a_file(finding.kind)) {
                    store::taking_effect::renames(tx, scan.id, place, finding.detection.finding_id).await?;
                    found = true;
                }
            }
        }
        Ok(found)
    }
}

/// The branch whose findings the scan's files are compared with: its own if it was scanned before, else a tracked one.
async fn known_branch<'a>(tx: &mut Tx, asset: &'a Asset, scan: &'a Scan) -> Result<Option<&'a str>, Refusal> {
    for branch in std::iter::once(&scan.branch).chain(&asset.tracked_branches) {
        if store::findings::present(tx, scan.configuration_id, branch).await? > 0 {
            return Ok(Some(branch));
        }
    }
    Ok(None)
}

/// A weakness in the text of a file, of which the file is the only place.
fn is_of_a_file(kind: FindingKind) -> bool {
    !matches!(kind, FindingKind::Component | FindingKind::License | FindingKind::Web | FindingKind::Host)
}

fn key_of_known(findings: &[&InVanishedFile]) -> Option<String> {
    let results: Vec<InFile<'_>> = findings
        .iter()
        .filter(|finding| is_of_a_file(finding.kind))
        .map(|finding| InFile {
            kind: finding.kind,
            vulnerability: &finding.detection.rule_id,
            sighting: &finding.detection.sighting,
        })
        .collect();
    file_key(&results)
}

fn as_files(files: &[(String, String)]) -> Vec<File<'_>> {
    files.iter().map(|(path, key)| File { path, key }).collect()
}
