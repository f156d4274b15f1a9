//! Recognising: rescans whose truth is known, and laws that hold for any two lists.

use std::time::{Duration, Instant};

use model::FindingKind;
use model::identity::{Sighting, recognise};
use proptest::prelude::*;

fn small(values: u8) -> impl Strategy<Value = Option<String>> {
    prop::option::of((0..values).prop_map(|value| format!("v{value}")))
}

fn sighting() -> impl Strategy<Value = Sighting> {
    (prop::option::of(0..6_u32), small(3), small(2), small(2), small(4), small(2)).prop_map(
        |(line, content, message, inside, scanner, query)| Sighting {
            line,
            content,
            message,
            inside,
            scanner,
            query,
        },
    )
}

fn kind() -> impl Strategy<Value = FindingKind> {
    prop::sample::select(vec![FindingKind::Code, FindingKind::Host, FindingKind::Web, FindingKind::Component])
}

fn list() -> impl Strategy<Value = Vec<Sighting>> {
    prop::collection::vec(sighting(), 0..12)
}

/// The pairs as sightings, so that two answers can be compared whatever the order of the lists.
fn pairs(seen: &[Sighting], known: &[Sighting], kind: FindingKind) -> Vec<(String, Option<String>)> {
    let show = |sighting: &Sighting| serde_json::to_string(sighting).expect("a sighting is plain data");
    let answer = recognise(seen, known, kind);
    let mut pairs: Vec<_> = seen
        .iter()
        .zip(answer)
        .map(|(sighting, index)| (show(sighting), index.map(|index| show(&known[index]))))
        .collect();
    pairs.sort();
    pairs
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_finding_is_two_results_and_every_result_gets_an_answer(
        seen in list(),
        known in list(),
        kind in kind(),
    ) {
        let answer = recognise(&seen, &known, kind);
        prop_assert_eq!(answer.len(), seen.len());
        let mut used: Vec<usize> = answer.iter().flatten().copied().collect();
        prop_assert!(used.iter().all(|index| *index < known.len()));
        let count = used.len();
        used.sort_unstable();
        used.dedup();
        prop_assert_eq!(used.len(), count);
        if matches!(kind, FindingKind::Component | FindingKind::License) {
            prop_assert_eq!(count, seen.len().min(known.len()), "components leave nobody over");
        }
    }

    #[test]
    fn the_order_of_results_and_findings_decides_nothing(
        (seen, seen_shuffled) in list().prop_flat_map(|list| (Just(list.clone()), Just(list).prop_shuffle())),
        (known, known_shuffled) in list().prop_flat_map(|list| (Just(list.clone()), Just(list).prop_shuffle())),
        kind in kind(),
    ) {
        prop_assert_eq!(
            pairs(&seen, &known, kind),
            pairs(&seen_shuffled, &known_shuffled, kind)
        );
    }

    #[test]
    fn a_scan_that_says_the_same_again_recognises_everything(list in list(), kind in kind()) {
        let answer = recognise(&list, &list, kind);
        for (index, found) in answer.into_iter().enumerate() {
            // Results that nothing tells apart may be taken for one another.
            prop_assert_eq!(found.map(|found| &list[found]), Some(&list[index]));
        }
    }

    #[test]
    fn a_rescan_finds_exactly_what_went_and_what_came(rescan in rescan()) {
        let answer = recognise(&rescan.seen, &rescan.known, FindingKind::Code);
        for (index, (found, truth)) in answer.iter().zip(&rescan.truth).enumerate() {
            prop_assert_eq!(found, truth, "{:?}", rescan.seen[index]);
        }
    }
}

/// What a scanner's fingerprint hangs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fingerprints {
    None,
    Stable,
    /// It is made from the line number: it changes when the line moves, and another result may get the old one.
    OfTheLine,
}

#[derive(Clone, Debug)]
struct Rescan {
    known: Vec<Sighting>,
    seen: Vec<Sighting>,
    /// For each result the finding it really is.
    truth: Vec<Option<usize>>,
}

#[derive(Clone, Debug)]
struct Change {
    kind: u8,
    shift: u32,
}

fn fingerprinted(mut sighting: Sighting, fingerprints: Fingerprints, id: usize) -> Sighting {
    sighting.scanner = match fingerprints {
        Fingerprints::None => None,
        Fingerprints::Stable => Some(format!("fingerprint {id}")),
        Fingerprints::OfTheLine => sighting.line.map(|line| format!("line {line}")),
    };
    sighting
}

fn plain(line: u32, content: String) -> Sighting {
    // One rule says the same of every result, as most do.
    Sighting { line: Some(line), content: Some(content), message: Some("rule".into()), ..Sighting::default() }
}

/// Ten in a hundred are gone, ten are new, five moved away; lines are inserted at the top, so that everything shifts onto
/// lines that others stood on.
fn rescan_of(changes: &[Change], shift: u32, fingerprints: Fingerprints) -> Rescan {
    let mut rescan = Rescan { known: Vec::new(), seen: Vec::new(), truth: Vec::new() };
    let far = u32::try_from(changes.len()).expect("a few thousand") + shift + 100;
    for (id, change) in changes.iter().enumerate() {
        let line = u32::try_from(id).expect("a few thousand") + 1;
        let known = plain(line, format!("code {id}"));
        rescan.known.push(fingerprinted(known.clone(), fingerprints, id));
        match change.kind {
            0..=9 => continue,
            10..=14 => {
                let moved = Sighting { line: Some(far + change.shift * 10_000 + line), ..known };
                rescan.seen.push(fingerprinted(moved, fingerprints, id));
            }
            _ => {
                let shifted = Sighting { line: Some(line + shift), ..known };
                rescan.seen.push(fingerprinted(shifted, fingerprints, id));
            }
        }
        rescan.truth.push(Some(id));
        if (15..=24).contains(&change.kind) {
            let new = plain(far + 5_000_000 + line, format!("new code {id}"));
            rescan.seen.push(fingerprinted(new, fingerprints, changes.len() + id));
            rescan.truth.push(None);
        }
    }
    rescan
}

fn rescan() -> impl Strategy<Value = Rescan> {
    let change = (0..100_u8, 0..5_u32).prop_map(|(kind, shift)| Change { kind, shift });
    let fingerprints =
        prop::sample::select(vec![Fingerprints::None, Fingerprints::Stable, Fingerprints::OfTheLine]);
    (prop::collection::vec(change, 1..80), 0..4_u32, fingerprints)
        .prop_map(|(changes, shift, fingerprints)| rescan_of(&changes, shift, fingerprints))
}

#[test]
fn lines_that_shift_onto_each_others_places_are_not_confused_by_fingerprints_of_the_line() {
    let changes = vec![Change { kind: 50, shift: 0 }; 3];
    let rescan = rescan_of(&changes, 1, Fingerprints::OfTheLine);
    assert_eq!(recognise(&rescan.seen, &rescan.known, FindingKind::Code), [Some(0), Some(1), Some(2)]);
}

#[test]
fn code_that_was_moved_and_edited_is_recognised_by_a_fingerprint_that_has_proved_stable() {
    let mut rescan = rescan_of(&vec![Change { kind: 50, shift: 0 }; 20], 3, Fingerprints::Stable);
    rescan.seen[7].content = Some("edited".into());
    rescan.seen[7].line = Some(999);
    let answer = recognise(&rescan.seen, &rescan.known, FindingKind::Code);
    assert_eq!(answer, rescan.truth);
}

#[test]
fn fifty_thousand_results_of_one_place_take_no_time() {
    let change = |id: usize| Change { kind: u8::try_from(id % 100).expect("below 100"), shift: 1 };
    let changes: Vec<Change> = (0..50_000).map(change).collect();
    for fingerprints in [Fingerprints::None, Fingerprints::Stable, Fingerprints::OfTheLine] {
        let rescan = rescan_of(&changes, 7, fingerprints);
        let began = Instant::now();
        let answer = recognise(&rescan.seen, &rescan.known, FindingKind::Code);
        let took = began.elapsed();
        let right = answer.iter().zip(&rescan.truth).filter(|(found, truth)| found == truth).count();
        println!("{fingerprints:?}: {right} of {} right in {took:?}", answer.len());
        assert_eq!(right, answer.len(), "{fingerprints:?}");
        assert!(took < Duration::from_secs(10), "{fingerprints:?} took {took:?}");
    }
}

#[test]
fn equal_results_in_many_middle_sized_groups_take_no_time_either() {
    let group = |shift: u32| -> Vec<Sighting> {
        (0..6_000_u32).map(|id| plain(id + shift, format!("code {}", id % 30))).collect()
    };
    let began = Instant::now();
    // No line stays what it was, so that every group is paired by its distances.
    let answer = recognise(&group(100_000), &group(0), FindingKind::Code);
    assert!(answer.iter().all(Option::is_some));
    assert!(began.elapsed() < Duration::from_secs(10), "took {:?}", began.elapsed());
}
