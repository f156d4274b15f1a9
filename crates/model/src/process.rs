//! What a project's process allows: types, states, transitions, and the columns of a board.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

/// What a state means, whatever it is called (azure-devops.md section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum StateCategory {
    /// Not started.
    Proposed,
    /// Being worked on.
    InProgress,
    /// Claimed to be done. Not the same as completed.
    Resolved,
    /// Done.
    Completed,
    /// Taken off the board.
    Removed,
}

/// A state of a work item type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct State {
    /// Name as the project words it.
    pub name: String,
    /// Meaning.
    pub category: StateCategory,
}

/// A work item type with its workflow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WorkItemType {
    /// Name as the project words it.
    pub name: String,
    /// Name that no language changes (`Microsoft.VSTS.WorkItemTypes.Bug`).
    pub reference_name: String,
    /// States in the order of the process.
    pub states: Vec<State>,
    /// The one state in which new work items start.
    pub initial_state: Option<String>,
    /// For each state the states that may follow.
    pub transitions: BTreeMap<String, Vec<String>>,
    /// Reference names of the fields of the type.
    pub fields: BTreeSet<String>,
}

impl WorkItemType {
    /// The state of that name. Names compare without case, as the service compares them.
    pub fn state(&self, name: &str) -> Option<&State> {
        self.states.iter().find(|state| state.name.eq_ignore_ascii_case(name))
    }

    /// The states to walk through to get from one state to another, without the first, with the last.
    ///
    /// The shortest legal path that does not pass *through* a Completed or Removed state (it may end in one): a crash
    /// on the way must not look like a person closing the item. `None` if there is none. Empty if `from` is `to`.
    pub fn path(&self, from: &str, to: &str) -> Option<Vec<String>> {
        if from.eq_ignore_ascii_case(to) {
            return Some(Vec::new());
        }
        let target = self.state(to)?.name.clone();
        let start = self.state(from).map_or(from, |state| &state.name).to_owned();
        let mut previous: BTreeMap<&str, &str> = BTreeMap::new();
        let mut queue = VecDeque::from([start.as_str()]);
        while let Some(here) = queue.pop_front() {
            let is_passage = here == start
                || self.state(here).is_some_and(|state| {
                    !matches!(state.category, StateCategory::Completed | StateCategory::Removed)
                });
            if !is_passage {
                continue;
            }
            for next in self.transitions.get(here).into_iter().flatten() {
                if next == &start || previous.contains_key(next.as_str()) {
                    continue;
                }
                previous.insert(next, here);
                if *next == target {
                    let mut path = vec![target.clone()];
                    let mut step = here;
                    while step != start {
                        path.push(step.to_owned());
                        step = previous[step];
                    }
                    path.reverse();
                    return Some(path);
                }
                queue.push_back(next);
            }
        }
        None
    }
}

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum FieldKind {
    /// One line of text.
    Text,
    /// Text of many lines, without format.
    PlainText,
    /// Text of many lines, as HTML or Markdown.
    RichText,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// A moment.
    Date,
    /// Yes or no.
    Boolean,
    /// A person or group.
    Person,
    /// An area or iteration.
    Path,
    /// Something this version does not know, or nothing a person would fill in.
    Other,
}

/// A field of a work item type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FieldDefinition {
    /// Name that no language changes (`Microsoft.VSTS.Common.Priority`).
    pub reference_name: String,
    /// Name as the project words it.
    pub name: String,
    /// What it holds.
    pub kind: FieldKind,
    /// It may never be empty. Rules of the process may demand more in some states.
    pub is_required: bool,
    /// The service alone writes it.
    pub is_read_only: bool,
    /// What new items get.
    pub default: Option<String>,
    /// The values it takes, in the order of the process; empty if it is free. For people it is always empty.
    pub allowed: Vec<String>,
}

impl FieldDefinition {
    /// The most characters the service takes (azure-devops.md section 7.10); none where length has no meaning.
    pub fn longest(&self) -> Option<usize> {
        match self.kind {
            FieldKind::Text => Some(255),
            FieldKind::PlainText | FieldKind::RichText => Some(1_000_000),
            _ => None,
        }
    }
}

/// A column of a board.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Column {
    /// Name.
    pub name: String,
    /// The column has a Doing and a Done half.
    pub is_split: bool,
    /// For each work item type on the board, the state that the column stands for. Several columns may share one.
    pub states: BTreeMap<String, String>,
}

/// A team's board.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BoardLayout {
    /// Name (`Stories`, `Backlog items`).
    pub name: String,
    /// Columns from left to right.
    pub columns: Vec<Column>,
    /// Named lanes, without the default one.
    pub lanes: Vec<String>,
}

impl BoardLayout {
    /// The column of that name, without regard to case.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name.eq_ignore_ascii_case(name))
    }

    /// The type has cards on this board.
    pub fn shows_type(&self, work_item_type: &str) -> bool {
        self.columns.iter().any(|column| column.states.contains_key(work_item_type))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cmmi_bug() -> WorkItemType {
        let state = |name: &str, category| State { name: name.into(), category };
        let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        WorkItemType {
            name: "Bug".into(),
            reference_name: "Microsoft.VSTS.WorkItemTypes.Bug".into(),
            states: vec![
                state("Proposed", StateCategory::Proposed),
                state("Active", StateCategory::InProgress),
                state("Resolved", StateCategory::Resolved),
                state("Closed", StateCategory::Completed),
            ],
            initial_state: Some("Proposed".into()),
            transitions: BTreeMap::from([
                ("Proposed".to_owned(), list(&["Active", "Closed"])),
                ("Active".to_owned(), list(&["Resolved", "Proposed"])),
                ("Resolved".to_owned(), list(&["Closed", "Active"])),
                ("Closed".to_owned(), list(&["Active"])),
            ]),
            fields: BTreeSet::new(),
        }
    }

    #[test]
    fn a_state_that_cannot_be_entered_directly_is_reached_through_the_states_between() {
        assert_eq!(cmmi_bug().path("Proposed", "Resolved"), Some(vec!["Active".into(), "Resolved".into()]));
        assert_eq!(cmmi_bug().path("Active", "Closed"), Some(vec!["Resolved".into(), "Closed".into()]));
    }

    #[test]
    fn a_path_may_start_or_end_in_a_closed_state_but_never_pass_through_one() {
        assert_eq!(cmmi_bug().path("Closed", "Proposed"), Some(vec!["Active".into(), "Proposed".into()]));
        let mut only_through_closed = cmmi_bug();
        only_through_closed.transitions.insert("Proposed".into(), vec!["Closed".into()]);
        assert_eq!(only_through_closed.path("Proposed", "Resolved"), None);
    }

    #[test]
    fn the_state_one_is_in_needs_no_steps_and_an_unknown_state_has_no_path() {
        assert_eq!(cmmi_bug().path("active", "Active"), Some(vec![]));
        assert_eq!(cmmi_bug().path("Active", "Done"), None);
    }
}
