//! The way from state to state, against a search that tries every way there is.

use std::collections::{BTreeMap, BTreeSet};

use model::process::{State, StateCategory, WorkItemType};
use proptest::prelude::*;

use crate::processes;

const NAMES: [&str; 6] = ["New", "Active", "In Review", "Resolved", "Closed", "Removed"];

fn category() -> impl Strategy<Value = StateCategory> {
    use StateCategory::{Completed, InProgress, Proposed, Removed, Resolved};
    prop::sample::select(vec![Proposed, InProgress, InProgress, Resolved, Completed, Removed])
}

fn any_workflow() -> impl Strategy<Value = WorkItemType> {
    let ways = prop::collection::vec(prop::collection::vec(0..NAMES.len(), 0..4), NAMES.len());
    (prop::collection::vec(category(), NAMES.len()), ways).prop_map(|(categories, ways)| WorkItemType {
        name: "Bug".into(),
        reference_name: "Custom.Bug".into(),
        states: NAMES
            .iter()
            .zip(categories)
            .map(|(name, category)| State { name: (*name).to_owned(), category })
            .collect(),
        initial_state: Some(NAMES[0].to_owned()),
        transitions: NAMES
            .iter()
            .zip(ways)
            .map(|(from, to)| ((*from).to_owned(), to.into_iter().map(|to| NAMES[to].to_owned()).collect()))
            .collect::<BTreeMap<_, Vec<_>>>(),
        fields: BTreeSet::new(),
    })
}

fn is_closed(of: &WorkItemType, state: &str) -> bool {
    let category = of.state(state).map(|state| state.category);
    matches!(category, Some(StateCategory::Completed | StateCategory::Removed))
}

/// Length of the shortest way without a closed state between its ends, found by trying all.
fn shortest(of: &WorkItemType, walked: &mut Vec<String>, to: &str) -> Option<usize> {
    let here = walked.last()?.clone();
    if here == to {
        return Some(walked.len() - 1);
    }
    if walked.len() > 1 && is_closed(of, &here) {
        return None;
    }
    let mut best = None;
    for next in of.transitions.get(&here).into_iter().flatten() {
        if walked.contains(next) {
            continue;
        }
        walked.push(next.clone());
        let found = shortest(of, walked, to);
        walked.pop();
        best = match (best, found) {
            (Some(best), Some(found)) => Some(std::cmp::min::<usize>(best, found)),
            (best, found) => best.or(found),
        };
    }
    best
}

fn check(of: &WorkItemType, from: &str, to: &str) {
    let expected = shortest(of, &mut vec![from.to_owned()], to);
    // People and maps write states in any case.
    let path = of.path(&from.to_lowercase(), &to.to_uppercase());
    assert_eq!(path.as_ref().map(Vec::len), expected, "{from} to {to}: {path:?}");
    let Some(path) = path else { return };
    let mut here = from;
    for (index, next) in path.iter().enumerate() {
        assert!(of.transitions[here].contains(next), "{here} to {next} is not allowed: {path:?}");
        assert!(index + 1 == path.len() || !is_closed(of, next), "{path:?} passes through {next}");
        here = next;
    }
    assert!(path.last().is_none_or(|last| last == to));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_path_is_the_shortest_of_all_that_do_not_pass_through_a_closed_state(of in any_workflow()) {
        for from in NAMES {
            for to in NAMES {
                check(&of, from, to);
            }
        }
    }
}

#[test]
fn every_state_of_the_system_processes_is_left_and_entered_by_a_shortest_legal_path() {
    for of in processes::all() {
        for from in &of.states {
            for to in &of.states {
                check(&of, &from.name, &to.name);
            }
        }
    }
}
