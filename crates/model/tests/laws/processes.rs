//! Work item types of the four system processes (azure-devops.md section 6.2), written out by hand.

use std::collections::{BTreeMap, BTreeSet};

use model::process::{BoardLayout, Column, State, StateCategory, WorkItemType};

use StateCategory::{Completed, InProgress, Proposed, Removed, Resolved};

/// A type with these states, starting in the first, and these ways between them.
pub(crate) fn workflow(
    name: &str,
    states: &[(&str, StateCategory)],
    ways: &[(&str, &[&str])],
) -> WorkItemType {
    let mut transitions: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (from, to) in ways {
        // The service lists the way from a state to itself too.
        let itself = std::iter::once(*from).chain(to.iter().copied());
        transitions.insert((*from).to_owned(), itself.map(str::to_owned).collect());
    }
    WorkItemType {
        name: name.to_owned(),
        reference_name: format!("Microsoft.VSTS.WorkItemTypes.{}", name.replace(' ', "")),
        states: states
            .iter()
            .map(|(name, category)| State { name: (*name).to_owned(), category: *category })
            .collect(),
        initial_state: states.first().map(|(name, _)| (*name).to_owned()),
        transitions,
        fields: BTreeSet::new(),
    }
}

pub(crate) fn agile_bug() -> WorkItemType {
    workflow(
        "Bug",
        &[("New", Proposed), ("Active", InProgress), ("Resolved", Resolved), ("Closed", Completed)],
        &[
            ("New", &["Active", "Resolved", "Closed"]),
            ("Active", &["New", "Resolved", "Closed"]),
            ("Resolved", &["New", "Active", "Closed"]),
            ("Closed", &["New", "Active", "Resolved"]),
        ],
    )
}

pub(crate) fn agile_user_story() -> WorkItemType {
    workflow(
        "User Story",
        &[
            ("New", Proposed),
            ("Active", InProgress),
            ("Resolved", InProgress),
            ("Closed", Completed),
            ("Removed", Removed),
        ],
        &[
            ("New", &["Active", "Resolved", "Closed", "Removed"]),
            ("Active", &["New", "Resolved", "Closed", "Removed"]),
            ("Resolved", &["New", "Active", "Closed", "Removed"]),
            ("Closed", &["New", "Active", "Resolved"]),
            ("Removed", &["New"]),
        ],
    )
}

pub(crate) fn agile_issue() -> WorkItemType {
    workflow(
        "Issue",
        &[("Active", InProgress), ("Closed", Completed)],
        &[("Active", &["Closed"]), ("Closed", &["Active"])],
    )
}

pub(crate) fn scrum_bug() -> WorkItemType {
    workflow(
        "Bug",
        &[
            ("New", Proposed),
            ("Approved", Proposed),
            ("Committed", InProgress),
            ("Done", Completed),
            ("Removed", Removed),
        ],
        &[
            ("New", &["Approved", "Committed", "Done", "Removed"]),
            ("Approved", &["New", "Committed", "Done", "Removed"]),
            ("Committed", &["New", "Approved", "Done", "Removed"]),
            ("Done", &["New", "Approved", "Committed"]),
            ("Removed", &["New"]),
        ],
    )
}

pub(crate) fn cmmi_bug() -> WorkItemType {
    workflow(
        "Bug",
        &[("Proposed", Proposed), ("Active", InProgress), ("Resolved", Resolved), ("Closed", Completed)],
        &[
            ("Proposed", &["Active", "Closed"]),
            ("Active", &["Resolved", "Proposed"]),
            ("Resolved", &["Closed", "Active"]),
            ("Closed", &["Active"]),
        ],
    )
}

pub(crate) fn cmmi_requirement() -> WorkItemType {
    workflow(
        "Requirement",
        &[("Proposed", Proposed), ("Active", InProgress), ("Resolved", InProgress), ("Closed", Completed)],
        &[
            ("Proposed", &["Active", "Closed"]),
            ("Active", &["Resolved", "Proposed", "Closed"]),
            ("Resolved", &["Closed", "Active"]),
            ("Closed", &["Active"]),
        ],
    )
}

pub(crate) fn basic_issue() -> WorkItemType {
    workflow(
        "Issue",
        &[("To Do", Proposed), ("Doing", InProgress), ("Done", Completed)],
        &[("To Do", &["Doing", "Done"]), ("Doing", &["To Do", "Done"]), ("Done", &["To Do", "Doing"])],
    )
}

/// One bug-like type of each system process, and those with a workflow of their own.
pub(crate) fn all() -> Vec<WorkItemType> {
    vec![
        agile_bug(),
        agile_user_story(),
        agile_issue(),
        scrum_bug(),
        cmmi_bug(),
        cmmi_requirement(),
        basic_issue(),
    ]
}

/// A board with a column for each state that is shown, and a second one, `Review`, for the state that work is done in.
pub(crate) fn board_of(of: &WorkItemType) -> BoardLayout {
    let column = |name: &str, state: &State| Column {
        name: name.to_owned(),
        is_split: false,
        states: BTreeMap::from([(of.name.clone(), state.name.clone())]),
    };
    let mut columns = Vec::new();
    for state in of.states.iter().filter(|state| state.category != Removed) {
        columns.push(column(&state.name, state));
        if state.category == InProgress && !columns.iter().any(|column| column.name == "Review") {
            columns.push(column("Review", state));
        }
    }
    BoardLayout { name: "Stories".into(), columns, lanes: vec!["Security".into()] }
}
