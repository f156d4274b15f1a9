//! Rescans whose answer somebody else gave: which result of the second scan is which of the first.
//!
//! docs/identity.md shows the figures and says of each difference why it is there.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails by panicking")]
#![expect(clippy::print_stdout, reason = "the figures are what the test is for")]

mod support;

use std::collections::BTreeMap;
use std::io::Cursor;
use std::path::Path;

use model::identity::{Sighting, place_key, recognise};
use model::{Coverage, CoverageExtent, Observation, ReportedSuppression};
use reports::{Event, Limits};
use serde_json::Value;
use support::fixtures;

/// One asset on one branch, as the import keeps it: findings with the sighting of each configuration.
#[derive(Default)]
struct Asset {
    findings: Vec<Finding>,
}

struct Finding {
    place: String,
    rule: String,
    path: String,
    suppressed: bool,
    /// By configuration: how it looked last, and whether that scan still saw it.
    seen: BTreeMap<String, (Sighting, bool)>,
    /// As the report gave it that saw it first.
    detail: Observation,
}

impl Finding {
    fn is_open(&self) -> bool {
        !self.suppressed && self.seen.values().any(|(_, present)| *present)
    }
}

/// What became of the findings, in the words of the peer.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Change {
    created: usize,
    closed: usize,
    reactivated: usize,
    untouched: usize,
    open_after: usize,
}

/// A scan as the import makes it of a report: the runs of one configuration together.
#[derive(Clone, Default)]
struct Scan {
    coverage: Coverage,
    observations: Vec<Observation>,
}

/// The scans of a report by configuration; `None` if the format is not read.
fn scans(file: &Path) -> Option<BTreeMap<String, Scan>> {
    let mut scans: BTreeMap<String, Scan> = BTreeMap::new();
    let mut current = String::new();
    let read =
        reports::read(Cursor::new(std::fs::read(file).unwrap()), None, &Limits::default(), &mut |event| {
            match event {
                Event::Run(run) => {
                    current = format!("{}/{}", run.scanner, run.configuration.unwrap_or_default());
                    scans.entry(current.clone()).or_default().coverage = run.coverage;
                }
                Event::Observation(observation) => {
                    scans.get_mut(&current).unwrap().observations.push(*observation);
                }
            }
            Ok(())
        });
    match read {
        Ok(_) => Some(scans),
        Err(error) => {
            println!("{}: {error}", file.display());
            None
        }
    }
}

impl Asset {
    /// Imports a report. The second value says of each result, in the order of the file, which finding it was; `None`:
    /// it is new.
    fn import(&mut self, scans: BTreeMap<String, Scan>) -> (Change, Vec<Option<usize>>) {
        let was_open: Vec<bool> = self.findings.iter().map(Finding::is_open).collect();
        let mut answers = Vec::new();
        for (configuration, scan) in scans {
            answers.extend(self.put_into_effect(&configuration, scan));
        }
        let mut change = Change::default();
        for (index, finding) in self.findings.iter().enumerate() {
            let open = finding.is_open();
            change.open_after += usize::from(open);
            match (was_open.get(index), open) {
                (None, true) => change.created += 1,
                (Some(false), true) => change.reactivated += 1,
                (Some(true), true) => change.untouched += 1,
                (Some(true), false) => change.closed += 1,
                _ => {}
            }
        }
        (change, answers)
    }

    fn put_into_effect(&mut self, configuration: &str, scan: Scan) -> Vec<Option<usize>> {
        let mut at_place: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (index, observation) in scan.observations.iter().enumerate() {
            at_place.entry(place_key(observation)).or_default().push(index);
        }
        let mut answers = vec![None; scan.observations.len()];
        let mut seen_now = vec![false; self.findings.len()];
        for (place, indices) in at_place {
            let known: Vec<usize> =
                (0..self.findings.len()).filter(|index| self.findings[*index].place == place).collect();
            let sightings: Vec<Sighting> = known
                .iter()
                .map(|index| {
                    let seen = &self.findings[*index].seen;
                    seen.get(configuration).or(seen.values().next()).unwrap().0.clone()
                })
                .collect();
            let seen: Vec<Sighting> =
                indices.iter().map(|index| Sighting::of(&scan.observations[*index])).collect();
            let kind = scan.observations[indices[0]].kind;
            for (result, answer) in recognise(&seen, &sightings, kind).into_iter().enumerate() {
                let observation = &scan.observations[indices[result]];
                let index = match answer {
                    Some(answer) => {
                        answers[indices[result]] = Some(known[answer]);
                        known[answer]
                    }
                    None => {
                        self.findings.push(Finding {
                            place: place.clone(),
                            rule: observation.vulnerability.id.clone(),
                            path: observation.location.path.clone(),
                            suppressed: false,
                            seen: BTreeMap::new(),
                            detail: observation.clone(),
                        });
                        seen_now.push(true);
                        self.findings.len() - 1
                    }
                };
                seen_now[index] = true;
                let finding = &mut self.findings[index];
                finding.suppressed = observation.suppression == Some(ReportedSuppression::Accepted);
                finding.seen.insert(configuration.to_owned(), (seen[result].clone(), true));
            }
        }
        for (finding, _) in self.findings.iter_mut().zip(seen_now).filter(|(_, seen_now)| !seen_now) {
            if let Some((_, present)) = finding.seen.get_mut(configuration)
                && covers(&scan.coverage, &finding.rule, &finding.path)
            {
                *present = false;
            }
        }
        answers
    }
}

/// As the import decides what an absence proves.
fn covers(coverage: &Coverage, rule: &str, path: &str) -> bool {
    coverage.extent == CoverageExtent::Full
        && coverage.rules.as_ref().is_none_or(|rules| rules.iter().any(|one| one == rule))
        && (coverage.paths.is_empty()
            || coverage.paths.iter().any(|prefix| {
                let prefix = prefix.trim_end_matches('/');
                path == prefix || path.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('/'))
            }))
}

/// Microsoft's cases: how many of its results we answer as its matcher does, and why not all.
const BASELINES: &[(&str, usize, &str)] = &[
    (
        "TEST1001",
        23,
        "seven results are the same in rule, file, line and words, and the matcher calls them new",
    ),
    ("TEST1002", 23, "as TEST1001"),
    ("TEST1003", 30, ""),
    ("TEST1006", 30, ""),
    ("TEST1008", 30, ""),
];

#[test]
fn results_are_recognised_as_microsofts_matcher_recognises_them() {
    let Some(root) = fixtures() else { return };
    let root = root.join("sarif_baseline/ms-sdk");
    let (mut all, mut agreed) = (0, 0);
    for (case, expected, why) in BASELINES {
        let new = root.join(format!("{case}.expected_result.sarif"));
        let truth = states(&new);
        let mut asset = Asset::default();
        asset.import(scans(&root.join(format!("{case}.previous.sarif"))).unwrap());
        let before: Vec<Observation> = asset.findings.iter().map(|finding| finding.detail.clone()).collect();
        let new = scans(&new).unwrap();
        let now: Vec<Observation> = new.values().flat_map(|scan| scan.observations.clone()).collect();
        let (change, answers) = asset.import(new);
        let is_as_there = |(state, answer): &(&String, &Option<usize>)| (*state == "new") == answer.is_none();
        let same = truth.iter().zip(&answers).filter(is_as_there).count();
        println!("{case}: {same} of {} results as there; {} absent here. {why}", truth.len(), change.closed);
        assert_eq!(answers.len(), truth.len(), "{case}");
        assert!(same >= *expected, "{case}: {same} results as there, and it was {expected}");
        for (now, answer) in now.iter().zip(&answers) {
            let Some(before) = answer.map(|index| &before[index]) else { continue };
            // The words name the one thing that is meant: no two of them are taken for each other.
            assert_eq!(
                (&now.vulnerability.id, &now.message),
                (&before.vulnerability.id, &before.message),
                "{case}"
            );
            // And where we recognise what is new there, nothing differs.
            if same < truth.len() {
                assert_eq!(now.location, before.location, "{case}");
            }
        }
        all += truth.len();
        agreed += same;
    }
    println!("in all: {agreed} of {all}");
}

/// The answer of Microsoft's matcher for each result that is still there.
fn states(file: &Path) -> Vec<String> {
    let log: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let results = log["runs"].as_array().unwrap().iter().flat_map(|run| run["results"].as_array().unwrap());
    let states = results.map(|result| result["baselineState"].as_str().unwrap().to_owned());
    states.filter(|state| state != "absent").collect()
}

/// What the peer counts as one finding.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Unit {
    /// A result, as we do.
    Result,
    /// All results of one definition, wherever they are.
    Definition,
}

/// How a pair ends here.
struct Pair {
    rescan: &'static str,
    unit: Unit,
    /// Created, closed, reactivated and untouched, in the peer's unit.
    ours: [usize; 4],
    /// Why the peer answers otherwise, if it does.
    why: &'static str,
}

const fn pair(rescan: &'static str, unit: Unit, ours: [usize; 4], why: &'static str) -> Pair {
    Pair { rescan, unit, ours, why }
}

const PAIRS: &[Pair] = &[
    pair("close_old_findings_report_second_run_line24.json", Unit::Result, [0, 0, 0, 1], ""),
    pair("close_old_findings_report_third_run_different_unique_id.json", Unit::Result, [0, 0, 0, 1], ""),
    pair("semgrep_version_1_30_0_line_27.json", Unit::Result, [0, 0, 0, 5], ""),
    pair(
        "dvwa_baseline_dojo_subset.xml",
        Unit::Definition,
        [0, 8, 0, 10],
        "19 entries of 18 alerts: the peer counts the one that stands there twice as two",
    ),
    pair(
        "dvwa_baseline_dojo_fabricated_internal_duplicates_subset.xml",
        Unit::Definition,
        [0, 5, 0, 5],
        "13 entries of 10 alerts",
    ),
    pair("zap-results-second-scan.xml", Unit::Definition, [4, 1, 0, 14], ""),
    pair("bash-report-fabricated-no-internal-dupes-subset.sarif", Unit::Result, [0, 1, 0, 4], ""),
    pair(
        "bash-report-subset-same-hash-code-same-unique-id.sarif",
        Unit::Result,
        [0, 23, 0, 4],
        "the second scan still holds four results in two files: the peer keeps one of them open",
    ),
    pair(
        "test_import_report2.json",
        Unit::Result,
        [1, 1, 0, 0],
        "what a report itself calls mitigated is no result here, so there is nothing to reactivate",
    ),
    pair("many_vuln_plus_one.json", Unit::Result, [1, 0, 0, 4], ""),
    pair("no_vulns_new_version.json", Unit::Result, [0, 1, 0, 0], ""),
];

#[test]
fn rescans_end_as_with_the_peer_or_for_a_reason() {
    let Some(root) = fixtures() else { return };
    let there: Value =
        serde_json::from_slice(&std::fs::read(root.join("rescan_pairs.json")).unwrap()).unwrap();
    let (mut all, mut agreed, mut compared) = (0, 0, 0);
    for there in there["pairs"].as_array().unwrap() {
        let folder = root.join(there["format"].as_str().unwrap());
        let file = |name: &str| folder.join(there[name].as_str().unwrap());
        let rescan = there["rescan"].as_str().unwrap();
        let mut asset = Asset::default();
        let (Some(first), Some(second)) = (scans(&file("first")), scans(&file("rescan"))) else { continue };
        let pair = PAIRS.iter().find(|pair| rescan.ends_with(pair.rescan)).expect("a pair without an answer");
        asset.import(first);
        let before = asset.definitions();
        let (change, _) = asset.import(second);
        let after = asset.definitions();
        let ours = match pair.unit {
            Unit::Result => [change.created, change.closed, change.reactivated, change.untouched],
            Unit::Definition => by_definition(&before, &after),
        };
        let answer = &there["defectdojo_answer"];
        let theirs = ["created", "closed", "reactivated", "untouched"]
            .map(|word| usize::try_from(answer[word].as_u64().unwrap()).unwrap());
        let same = ours.iter().zip(theirs).filter(|(ours, theirs)| **ours == *theirs).count();
        println!("{rescan}: {same} of 4 numbers as there: {ours:?}, there {theirs:?}. {}", pair.why);
        println!("    by result: {change:?}");
        assert_eq!(ours, pair.ours, "{rescan}");
        assert_eq!(same < 4, !pair.why.is_empty(), "{rescan}: a difference without a reason, or the reverse");
        all += 4;
        agreed += same;
        compared += 1;
    }
    println!("in all: {agreed} of {all} numbers");
    assert_eq!(compared, PAIRS.len());
}

impl Asset {
    /// Each definition, and whether any finding of it is open.
    fn definitions(&self) -> BTreeMap<String, bool> {
        let mut definitions = BTreeMap::new();
        for finding in &self.findings {
            *definitions.entry(finding.rule.clone()).or_default() |= finding.is_open();
        }
        definitions
    }
}

fn by_definition(before: &BTreeMap<String, bool>, after: &BTreeMap<String, bool>) -> [usize; 4] {
    let count = |was: Option<bool>, is: bool| {
        after.iter().filter(|(name, open)| **open == is && before.get(*name).copied() == was).count()
    };
    [count(None, true), count(Some(true), false), count(Some(false), true), count(Some(true), true)]
}

/// Two scans of one shop, an hour apart: places are compared by hand in the test, so that nothing of the matching is used.
#[test]
fn of_two_scans_of_a_shop_exactly_what_is_in_one_alone_is_new_or_absent() {
    let Some(root) = fixtures() else { return };
    let file = |name: &str| scans(&root.join("zap/defectdojo").join(name)).unwrap();
    let (first, second) = (file("zap-results-first-scan.xml"), file("zap-results-second-scan.xml"));
    let count = |scans: &BTreeMap<String, Scan>| {
        let mut count: BTreeMap<(String, String, Option<String>), usize> = BTreeMap::new();
        for one in scans.values().flat_map(|scan| &scan.observations) {
            let address = one.location.path.split(['?', '#']).next().unwrap().to_owned();
            let place = (one.vulnerability.id.clone(), address, one.location.logical.clone());
            *count.entry(place).or_default() += 1;
        }
        count
    };
    let (before, after) = (count(&first), count(&second));
    let more = |here: &BTreeMap<_, usize>, there: &BTreeMap<_, usize>| -> usize {
        here.iter().map(|(place, count)| count.saturating_sub(there.get(place).copied().unwrap_or(0))).sum()
    };
    let (created, closed) = (more(&after, &before), more(&before, &after));
    let mut asset = Asset::default();
    asset.import(first);
    let (change, answers) = asset.import(second.clone());
    println!("{created} new and {closed} absent by hand; {change:?}");
    assert_eq!((change.created, change.closed), (created, closed));
    // A page that is told from another by its query alone keeps its finding.
    let now: Vec<&Observation> = second.values().flat_map(|scan| &scan.observations).collect();
    for (now, answer) in now.into_iter().zip(answers) {
        if now.location.path.contains("typeid=") {
            let before = answer.map(|index| asset.findings[index].detail.location.path.as_str());
            let expected = (!now.location.path.ends_with("typeid=2")).then_some(now.location.path.as_str());
            assert_eq!(before, expected, "{}", now.vulnerability.id);
        }
    }
}
