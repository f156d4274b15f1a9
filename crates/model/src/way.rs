//! The way of a card: the updates that lead, one after the other, from where it stands to where it shall stand.
//!
//! Each step is one update and one revision (azure-devops.md section 7.2). What a step must carry for the rules of the
//! process, beside state and column, is not known here: the process tells it by refusing (section 5).

use std::fmt;

use crate::board::Change;
use crate::map::Position;
use crate::process::{BoardLayout, Column, WorkItemType};

/// Where a card shall stand. At least a state or a column is given; what is `None` does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Goal {
    /// State of the work item type.
    pub state: Option<String>,
    /// Column of the board. Together with `state` it has to stand for that state.
    pub column: Option<String>,
    /// Half of the column; only split columns have one.
    pub column_done: Option<bool>,
    /// Lane of the board, set with the last step.
    pub lane: Option<String>,
    /// Who works on it from the first step on: some processes ask for somebody on the way (azure-devops.md section
    /// 6.2, CMMI). A sign-in name.
    pub assignee: Option<String>,
}

impl Goal {
    /// A state, wherever on the board.
    pub fn state(name: &str) -> Self {
        Self { state: Some(name.to_owned()), ..Self::default() }
    }

    /// A column, with the state it stands for.
    pub fn column(name: &str) -> Self {
        Self { column: Some(name.to_owned()), ..Self::default() }
    }
}

/// Why no way leads there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoWay {
    /// The type has no such state.
    NoState {
        /// Type.
        work_item_type: String,
        /// What was asked for.
        state: String,
    },
    /// The board has no such column, or no board is known.
    NoColumn {
        /// What was asked for.
        column: String,
    },
    /// The column shows no cards of the type.
    NotOnBoard {
        /// Type.
        work_item_type: String,
        /// What was asked for.
        column: String,
    },
    /// Column and state were both asked for and do not agree.
    Disagree {
        /// What was asked for.
        column: String,
        /// The state it stands for.
        stands_for: String,
        /// What was asked for.
        state: String,
    },
    /// The process allows no sequence of transitions that leaves out closed states.
    NoPath {
        /// Type.
        work_item_type: String,
        /// Where the card stands.
        from: String,
        /// What was asked for.
        to: String,
        /// The states that may follow `from`.
        onward: Vec<String>,
    },
}

impl fmt::Display for NoWay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoState { work_item_type, state } => {
                write!(f, "{work_item_type} has no state '{state}' in this project")
            }
            Self::NoColumn { column } => write!(f, "the board has no column '{column}'"),
            Self::NotOnBoard { work_item_type, column } => {
                write!(f, "the column '{column}' shows no cards of the type {work_item_type}")
            }
            Self::Disagree { column, stands_for, state } => {
                write!(f, "the column '{column}' stands for the state '{stands_for}', not for '{state}'")
            }
            Self::NoPath { work_item_type, from, to, onward } => {
                write!(
                    f,
                    "{work_item_type} cannot go from '{from}' to '{to}' without passing through a closed state; "
                )?;
                match onward.as_slice() {
                    [] => write!(f, "the process lets nothing follow '{from}'"),
                    states => write!(f, "the process lets only '{}' follow '{from}'", states.join("', '")),
                }
            }
        }
    }
}

/// The steps from `from` to `goal`, each with where the card stands after it. Empty if it stands there already.
///
/// The states on the way are the shortest legal path that does not pass through a Completed or Removed state
/// ([`WorkItemType::path`]). The last step is by column if one is asked for: it sets the state by itself (azure-devops.md
/// section 6.1). An item that is not on the board (another area, or bugs kept off it) is moved by states only.
///
/// # Errors
/// Why there is no way.
pub fn way(
    work_item_type: &WorkItemType,
    board: Option<&BoardLayout>,
    from: &Position,
    goal: &Goal,
) -> Result<Vec<(Change, Position)>, NoWay> {
    let name = &work_item_type.name;
    let column = goal.column.as_deref().and_then(|column| board.and_then(|board| board.column(column)));
    let stands_for = column.and_then(|column| column.states.get(name));
    let state = match (&goal.state, stands_for, &goal.column) {
        (Some(state), Some(stands_for), Some(column)) if !state.eq_ignore_ascii_case(stands_for) => {
            return Err(NoWay::Disagree {
                column: column.clone(),
                stands_for: stands_for.clone(),
                state: state.clone(),
            });
        }
        (Some(state), ..) => state.clone(),
        (None, Some(state), _) => state.clone(),
        (None, None, Some(column)) if board.is_some_and(|board| board.column(column).is_some()) => {
            return Err(NoWay::NotOnBoard { work_item_type: name.clone(), column: column.clone() });
        }
        (None, None, Some(column)) => return Err(NoWay::NoColumn { column: column.clone() }),
        (None, None, None) => from.state.clone(),
    };
    if !state.eq_ignore_ascii_case(&from.state) && work_item_type.state(&state).is_none() {
        return Err(NoWay::NoState { work_item_type: name.clone(), state });
    }
    let path = work_item_type.path(&from.state, &state).ok_or_else(|| NoWay::NoPath {
        work_item_type: name.clone(),
        from: from.state.clone(),
        to: state.clone(),
        onward: onward(work_item_type, &from.state),
    })?;
    let mut steps: Vec<(Change, Position)> = path
        .into_iter()
        .map(|state| {
            let at = Position { state: state.clone(), column: None, column_done: None };
            (Change { state: Some(state), ..Change::default() }, at)
        })
        .collect();
    if let Some(column) = column.filter(|column| column.states.contains_key(name)) {
        by_column(&mut steps, column, &state, work_item_type, board, from, goal);
    }
    if goal.lane.is_some() || goal.assignee.is_some() {
        if steps.is_empty() {
            steps.push((Change::default(), from.clone()));
        }
        if let Some((first, _)) = steps.first_mut() {
            first.assignee.clone_from(&goal.assignee);
        }
        if let Some((last, _)) = steps.last_mut() {
            last.lane.clone_from(&goal.lane);
        }
    }
    Ok(steps)
}

/// Ends the way with the column.
fn by_column(
    steps: &mut Vec<(Change, Position)>,
    column: &Column,
    state: &str,
    work_item_type: &WorkItemType,
    board: Option<&BoardLayout>,
    from: &Position,
    goal: &Goal,
) {
    let half = goal.column_done.filter(|_| column.is_split);
    let stands_there = from.column.as_deref().is_some_and(|now| now.eq_ignore_ascii_case(&column.name))
        && half.is_none_or(|half| from.column_done.unwrap_or(false) == half);
    if steps.is_empty() && stands_there {
        return;
    }
    if from.column.is_some() {
        // The column sets the state by itself.
        steps.pop();
    } else {
        // A state without a column (Removed) keeps an item off the board that belongs there: once the state has
        // changed, it has its fields again. An item that is off the board for another reason has none to write.
        let shown = |column: &Column| {
            let stands_for = column.states.get(&work_item_type.name);
            stands_for.is_some_and(|stands_for| stands_for.eq_ignore_ascii_case(&from.state))
        };
        if steps.is_empty() || board.is_none_or(|board| board.columns.iter().any(shown)) {
            return;
        }
    }
    let at = Position { state: state.to_owned(), column: Some(column.name.clone()), column_done: half };
    let change = Change { column: Some(column.name.clone()), column_done: half, ..Change::default() };
    steps.push((change, at));
}

fn onward(work_item_type: &WorkItemType, from: &str) -> Vec<String> {
    let from = work_item_type.state(from).map_or(from, |state| state.name.as_str());
    let mut states = work_item_type.transitions.get(from).cloned().unwrap_or_default();
    // The service lists staying where one is, too (azure-devops.md section 6).
    states.retain(|state| state != from);
    states
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::process::{State, StateCategory};

    /// New and Active lead to each other and to Closed; Removed leads to New only.
    fn story() -> WorkItemType {
        let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let state = |name: &str, category| State { name: name.into(), category };
        WorkItemType {
            name: "Story".into(),
            reference_name: "Microsoft.VSTS.WorkItemTypes.Story".into(),
            states: vec![
                state("New", StateCategory::Proposed),
                state("Active", StateCategory::InProgress),
                state("Closed", StateCategory::Completed),
                state("Removed", StateCategory::Removed),
            ],
            initial_state: Some("New".into()),
            transitions: BTreeMap::from([
                ("New".to_owned(), list(&["Active", "Closed", "Removed"])),
                ("Active".to_owned(), list(&["Active", "New", "Closed"])),
                ("Closed".to_owned(), list(&["Active"])),
                ("Removed".to_owned(), list(&["New", "Removed"])),
            ]),
            fields: BTreeSet::new(),
        }
    }

    fn board() -> BoardLayout {
        let column = |name: &str, state: &str, is_split| Column {
            name: name.into(),
            is_split,
            states: BTreeMap::from([("Story".to_owned(), state.to_owned())]),
        };
        BoardLayout {
            name: "Stories".into(),
            columns: vec![
                column("Inbox", "New", false),
                column("Doing", "Active", false),
                column("Review", "Active", true),
                column("Done", "Closed", false),
            ],
            lanes: vec!["Expedite".into()],
        }
    }

    fn at(state: &str, column: Option<&str>) -> Position {
        Position { state: state.into(), column: column.map(Into::into), column_done: None }
    }

    fn told(from: &Position, goal: &Goal) -> Vec<String> {
        let steps = way(&story(), Some(&board()), from, goal).unwrap();
        steps
            .iter()
            .map(|(change, _)| change.column.clone().or(change.state.clone()).unwrap_or_default())
            .collect()
    }

    #[test]
    fn the_last_step_is_by_column_and_brings_the_state_with_it() {
        assert_eq!(told(&at("New", Some("Inbox")), &Goal::column("Review")), ["Review"]);
        assert_eq!(told(&at("Active", Some("Doing")), &Goal::column("review")), ["Review"]);
        assert!(told(&at("Active", Some("Review")), &Goal::column("Review")).is_empty());
    }

    #[test]
    fn a_removed_item_comes_back_onto_the_board_before_it_is_put_into_a_column() {
        assert_eq!(told(&at("Removed", None), &Goal::column("Review")), ["New", "Active", "Review"]);
        assert_eq!(told(&at("Removed", None), &Goal::column("Inbox")), ["New", "Inbox"]);
    }

    #[test]
    fn an_item_of_another_area_is_moved_by_states_only() {
        assert_eq!(told(&at("New", None), &Goal::column("Review")), ["Active"]);
    }

    #[test]
    fn the_half_of_a_column_is_asked_for_only_where_there_are_halves() {
        let half = |column: &str| Goal { column_done: Some(true), ..Goal::column(column) };
        let steps = way(&story(), Some(&board()), &at("Active", Some("Review")), &half("Review")).unwrap();
        assert_eq!(steps[0].0.column_done, Some(true));
        assert!(told(&at("Active", Some("Doing")), &half("Doing")).is_empty());
    }

    #[test]
    fn somebody_is_named_with_the_first_step_and_the_lane_with_the_last() {
        let goal = Goal {
            assignee: Some("ada@contoso.example".into()),
            lane: Some("Expedite".into()),
            ..Goal::column("Review")
        };
        let steps = way(&story(), Some(&board()), &at("Removed", None), &goal).unwrap();
        assert!(steps[0].0.assignee.is_some() && steps[0].0.lane.is_none());
        assert!(steps[2].0.assignee.is_none() && steps[2].0.lane.is_some());
    }

    #[test]
    fn where_no_way_leads_the_reason_names_the_rule() {
        let why =
            |from: &Position, goal: &Goal| way(&story(), Some(&board()), from, goal).unwrap_err().to_string();
        assert_eq!(
            why(&at("Closed", Some("Done")), &Goal::state("Nowhere")),
            "Story has no state 'Nowhere' in this project"
        );
        let both = Goal { state: Some("New".into()), ..Goal::column("Review") };
        assert_eq!(
            why(&at("New", Some("Inbox")), &both),
            "the column 'Review' stands for the state 'Active', not for 'New'"
        );
        assert_eq!(why(&at("New", None), &Goal::column("Later")), "the board has no column 'Later'");
        let mut stuck = story();
        stuck.transitions.insert("Removed".into(), vec!["Removed".into(), "Closed".into()]);
        assert_eq!(
            way(&stuck, None, &at("Removed", None), &Goal::state("Active")).unwrap_err().to_string(),
            "Story cannot go from 'Removed' to 'Active' without passing through a closed state; the process lets only 'Closed' follow 'Removed'"
        );
    }
}
