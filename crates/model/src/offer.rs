//! The states that a person may choose from, when work items are made or closed by hand.

use serde::{Deserialize, Serialize};

use crate::map::{Meaning, Position, StatusMap};
use crate::process::{StateCategory, WorkItemType};
use crate::status::Status;

/// A state that may be chosen, and what it says about the findings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OfferedState {
    /// The state.
    pub state: String,
    /// What it says.
    pub means: Meaning,
}

fn offered(
    map: &StatusMap,
    work_item_type: &WorkItemType,
    fits: impl Fn(&str, StateCategory, Meaning) -> bool,
) -> Vec<OfferedState> {
    let states = work_item_type.states.iter().filter_map(|state| {
        let position = Position { state: state.name.clone(), ..Position::default() };
        let means = map.meaning(&position, work_item_type);
        fits(&state.name, state.category, means).then(|| OfferedState { state: state.name.clone(), means })
    });
    states.collect()
}

/// States for a new work item: it begins in the initial state of its type and is walked on from there, so that every state
/// is legal that can be reached, and that says that the findings are open.
pub fn for_new(map: &StatusMap, work_item_type: &WorkItemType) -> Vec<OfferedState> {
    let initial = work_item_type.initial_state.as_deref();
    offered(map, work_item_type, |state, _, means| {
        let is_open = matches!(means, Meaning::Identified | Meaning::InProgress | Meaning::Waiting);
        is_open && initial.is_some_and(|initial| work_item_type.path(initial, state).is_some())
    })
}

/// States in which a work item that stands in `from` can be closed: those that say that the work is done, or that there is
/// none to do. Removed says nothing about findings.
pub fn for_closing(map: &StatusMap, work_item_type: &WorkItemType, from: &str) -> Vec<OfferedState> {
    offered(map, work_item_type, |state, category, means| {
        let is_done = matches!(category, StateCategory::Resolved | StateCategory::Completed);
        let says = matches!(
            means,
            Meaning::Claimed | Meaning::AcceptanceRequested | Meaning::FalsePositiveRequested
        );
        is_done && says && work_item_type.path(from, state).is_some()
    })
}

/// States in which a work item can be closed whose findings are closed already, as `status` says: those that end the work
/// and say nothing else.
pub fn for_closed(
    map: &StatusMap,
    work_item_type: &WorkItemType,
    from: &str,
    status: Status,
) -> Vec<OfferedState> {
    let by_state = map.target(status).is_some_and(|target| target.state.is_some());
    offered(map, work_item_type, |state, category, _| {
        let position = Position { state: state.to_owned(), ..Position::default() };
        category == StateCategory::Completed
            && (!by_state || map.accepts(status, &position, work_item_type))
            && work_item_type.path(from, state).is_some()
    })
}

/// The state in which a work item ends that is given up: where a fix is said, else the first that closes it.
pub fn farewell(map: &StatusMap, work_item_type: &WorkItemType, from: &str) -> Option<String> {
    let closes = |state: &str| {
        work_item_type.state(state).is_some_and(|state| state.category == StateCategory::Completed)
            && work_item_type.path(from, state).is_some()
    };
    let said = map.target(Status::Fixed).and_then(|target| target.state.clone());
    said.filter(|state| closes(state))
        .or_else(|| work_item_type.states.iter().map(|state| state.name.clone()).find(|state| closes(state)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::State;

    fn bug() -> WorkItemType {
        let state = |name: &str, category| State { name: name.into(), category };
        let names = ["New", "Active", "Resolved", "Closed"];
        WorkItemType {
            name: "Bug".into(),
            reference_name: String::new(),
            states: vec![
                state("New", StateCategory::Proposed),
                state("Active", StateCategory::InProgress),
                state("Resolved", StateCategory::Resolved),
                state("Closed", StateCategory::Completed),
                state("Removed", StateCategory::Removed),
                state("Island", StateCategory::InProgress),
            ],
            initial_state: Some("New".into()),
            transitions: names.map(|from| (from.to_owned(), names.map(str::to_owned).to_vec())).into(),
            fields: Default::default(),
        }
    }

    #[test]
    fn new_ones_may_stand_where_open_findings_do_and_only_where_a_way_leads() {
        let names: Vec<String> =
            for_new(&StatusMap::suggest(&bug()), &bug()).into_iter().map(|offer| offer.state).collect();
        assert_eq!(names, ["New", "Active"]);
    }

    #[test]
    fn work_items_are_closed_where_that_says_something_about_the_findings() {
        let names: Vec<String> = for_closing(&StatusMap::suggest(&bug()), &bug(), "New")
            .into_iter()
            .map(|offer| offer.state)
            .collect();
        assert_eq!(names, ["Resolved", "Closed"]);
        assert_eq!(for_closing(&StatusMap::suggest(&bug()), &bug(), "Island"), []);
        let closed = for_closed(&StatusMap::suggest(&bug()), &bug(), "New", Status::FalsePositive);
        let names: Vec<&str> = closed.iter().map(|offer| offer.state.as_str()).collect();
        assert_eq!(names, ["Closed"], "Resolved would say that somebody mended what is none");
        assert_eq!(farewell(&StatusMap::suggest(&bug()), &bug(), "New").as_deref(), Some("Closed"));
    }
}
