//! What would keep maps from working on a board, each said at its row with how to mend it.

use serde::{Deserialize, Serialize};

use super::{StatusEntry, StatusMap, Target};
use crate::Severity;
use crate::process::{BoardLayout, StateCategory, WorkItemType};
use crate::status::Status;

/// A row of a form that something is wrong with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum MapRow {
    /// A row of the status map.
    Status(Status),
    /// A row of the severity map.
    Severity(Severity),
    /// A field of the type, by its reference name.
    Field(String),
}

impl MapRow {
    /// Where it stands in the settings of a destination, as a JSON pointer.
    pub fn pointer(&self) -> String {
        match self {
            Self::Status(status) => format!("/status_map/{status}"),
            Self::Severity(severity) => format!("/severity_map/{severity}"),
            Self::Field(name) => format!("/fields/values/{}", name.replace('~', "~0").replace('/', "~1")),
        }
    }
}

/// What is wrong with a row of a map, and how to mend it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MapProblem {
    /// The row, or `None` if it concerns the whole destination.
    pub row: Option<MapRow>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub mend: String,
}

impl MapProblem {
    /// A problem of the whole destination.
    pub fn general(message: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { row: None, message: message.into(), mend: mend.into() }
    }

    /// A problem of a row.
    pub fn at(row: MapRow, message: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { row: Some(row), message: message.into(), mend: mend.into() }
    }
}

/// Names in one line.
fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}

/// Problems of one row, as they are found.
struct Row<'a> {
    status: Status,
    work_item_type: &'a WorkItemType,
    board: Option<&'a BoardLayout>,
    problems: Vec<MapProblem>,
}

impl Row<'_> {
    fn problem(&mut self, message: String, mend: impl Into<String>) {
        self.problems.push(MapProblem::at(MapRow::Status(self.status), message, mend));
    }

    fn states(&self) -> String {
        listed(self.work_item_type.states.iter().map(|state| state.name.as_str()))
    }

    /// Looks at one place that the row names. The state it stands for, if that is certain.
    fn place(&mut self, target: &Target) -> Option<String> {
        let of_column = target.column.as_deref().and_then(|column| self.column(target, column));
        if target.column.is_none() && target.done.is_some() {
            self.problem(
                "half of a column is named, but no column".into(),
                "name the column, or leave out the half",
            );
        }
        if let Some(lane) = &target.lane {
            self.lane(lane);
        }
        let Some(state) = &target.state else { return of_column };
        let Some(known) = self.work_item_type.state(state) else {
            let (name, states) = (&self.work_item_type.name, self.states());
            self.problem(format!("{name} has no state '{state}'"), format!("choose one of: {states}"));
            return None;
        };
        match of_column {
            Some(of_column) if !of_column.eq_ignore_ascii_case(state) => {
                let column = target.column.as_deref().unwrap_or_default();
                self.problem(
                    format!("the column '{column}' stands for the state '{of_column}', not '{state}'"),
                    format!("use the state '{of_column}', or name only one of the two"),
                );
                None
            }
            _ => Some(known.name.clone()),
        }
    }

    fn column(&mut self, target: &Target, name: &str) -> Option<String> {
        let Some(board) = self.board else {
            let status = self.status.label();
            self.problem(
                format!("{status} names the column '{name}', but the destination has no board"),
                "choose a board for the destination, or name a state",
            );
            return None;
        };
        let Some(column) = board.column(name) else {
            self.problem(
                format!("the board {} has no column '{name}'", board.name),
                format!("choose one of: {}", listed(board.columns.iter().map(|column| column.name.as_str()))),
            );
            return None;
        };
        if target.done.is_some() && !column.is_split {
            self.problem(
                format!("the column '{}' is not split into Doing and Done", column.name),
                "leave out the half, or split the column on the board",
            );
        }
        let state = column.states.get(&self.work_item_type.name);
        if state.is_none() {
            let of = &self.work_item_type.name;
            self.problem(
                format!("the column '{}' does not show work items of type {of}", column.name),
                "choose another column, or another work item type",
            );
        }
        state.cloned()
    }

    fn lane(&mut self, lane: &str) {
        match self.board {
            None => self.problem(
                format!("{} names the lane '{lane}', but the destination has no board", self.status.label()),
                "choose a board for the destination, or leave out the lane",
            ),
            Some(board) if !board.lanes.iter().any(|known| known.eq_ignore_ascii_case(lane)) => {
                let lanes = listed(board.lanes.iter().map(String::as_str));
                let mend = match lanes.as_str() {
                    "" => "leave out the lane: the board has only the default one".to_owned(),
                    lanes => format!("choose one of: {lanes}, or leave it out"),
                };
                self.problem(format!("the board {} has no lane '{lane}'", board.name), mend);
            }
            Some(_) => {}
        }
    }

    /// Looks at the state in which the card stands for this status.
    fn goal(&mut self, goal: &str) {
        let of = self.work_item_type;
        let category = of.state(goal).map(|state| state.category);
        let closed = matches!(category, Some(StateCategory::Completed | StateCategory::Removed));
        if closed && self.status.is_open() && self.status != Status::AwaitingValidation {
            let label = self.status.label();
            self.problem(
                format!(
                    "{label} is said with '{goal}', which is a closed state: open findings would look done"
                ),
                "choose a state in which people still see the work item",
            );
            return;
        }
        if let Some(initial) = of.initial_state.as_deref()
            && of.path(initial, goal).is_none()
        {
            self.problem(
                format!("'{goal}' cannot be reached from the initial state '{initial}' of {}", of.name),
                "choose a state that the workflow can reach without passing through a closed one",
            );
        }
    }
}

impl StatusMap {
    /// Everything that would keep this map from working on that board; empty if it is sound.
    pub fn problems(&self, work_item_type: &WorkItemType, board: Option<&BoardLayout>) -> Vec<MapProblem> {
        let mut problems = Vec::new();
        if !self.0.contains_key(&Status::Identified) {
            let states = listed(work_item_type.states.iter().map(|state| state.name.as_str()));
            problems.push(MapProblem::at(
                MapRow::Status(Status::Identified),
                "Identified has no state or column: new work items would have no place",
                format!("choose a state of {}: {states}", work_item_type.name),
            ));
        }
        for (status, entry) in &self.0 {
            let mut row = Row { status: *status, work_item_type, board, problems: Vec::new() };
            if entry.target.state.is_none() && entry.target.column.is_none() {
                row.problem(
                    format!("{} names neither a state nor a column", status.label()),
                    "choose one, or leave the row out",
                );
            } else if let Some(goal) = row.place(&entry.target) {
                row.goal(&goal);
            }
            for accepted in &entry.accepted {
                if accepted.state.is_none() && accepted.column.is_none() {
                    row.problem(
                        format!("{} accepts a place without a state or a column", status.label()),
                        "name one, or leave it out",
                    );
                } else {
                    row.place(accepted);
                }
            }
            self.way_back(&mut row, entry);
            problems.append(&mut row.problems);
        }
        problems
    }

    /// What a person means who puts a card into a place has to be certain.
    fn way_back(&self, row: &mut Row<'_>, entry: &StatusEntry) {
        let status = row.status;
        for (other, theirs) in self.0.iter().filter(|(other, _)| **other != status) {
            if entry.is_meant && theirs.is_meant && row.status < *other {
                let shared = entry.places().find(|place| theirs.places().any(|also| also.is_same(place)));
                if let Some(place) = shared {
                    row.problem(
                        format!(
                            "{} and {} both say that a move to '{place}' means them",
                            row.status.label(),
                            other.label()
                        ),
                        "mark only one of the two",
                    );
                }
            }
            if entry.is_meant || theirs.is_meant {
                continue;
            }
            if let Some(place) = entry.accepted.iter().find(|place| place.is_same(&theirs.target)) {
                row.problem(
                    format!("{} accepts '{place}', which is where {} stands: nobody could tell what a card there means", row.status.label(), other.label()),
                    format!("take it out of what {} accepts, or mark which of the two a move there means", row.status.label()),
                );
            }
        }
    }
}
