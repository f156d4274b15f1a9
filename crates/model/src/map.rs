//! Severity map and status map of a destination: how what Lockstep knows is said on a board, and how a board is read back.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::process::{BoardLayout, StateCategory, WorkItemType};
use crate::status::Status;
use crate::{Severity, board::WorkItem};

/// How severities are said on a work item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct SeverityMap(pub BTreeMap<Severity, SeverityTarget>);

/// Priority and severity of a work item for one severity of a finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SeverityTarget {
    /// Priority 1 (most urgent) to 4.
    pub priority: i64,
    /// Value of the severity field, where the work item type has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<String>,
}

impl Default for SeverityMap {
    /// The values of the system processes (azure-devops.md section 6.2). Info shares the lowest step.
    fn default() -> Self {
        let target =
            |priority, severity: &str| SeverityTarget { priority, severity: Some(severity.to_owned()) };
        Self(BTreeMap::from([
            (Severity::Critical, target(1, "1 - Critical")),
            (Severity::High, target(2, "2 - High")),
            (Severity::Medium, target(3, "3 - Medium")),
            (Severity::Low, target(4, "4 - Low")),
            (Severity::Info, target(4, "4 - Low")),
        ]))
    }
}

/// Where a card stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Position {
    /// State.
    pub state: String,
    /// Column of the destination's board, if the item is on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// Done half of a split column.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column_done: Option<bool>,
}

impl Position {
    /// Where the work item stands. The lane is left out: moving a card between lanes says nothing about progress.
    pub fn of(item: &WorkItem) -> Self {
        Self { state: item.state.clone(), column: item.column.clone(), column_done: item.column_done }
    }
}

/// A state or a column that a status is said with. At least one of the two is given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Target {
    /// State of the work item type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Column of the destination's board.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
}

impl Target {
    /// A target by state.
    pub fn state(name: &str) -> Self {
        Self { state: Some(name.to_owned()), column: None }
    }

    /// A target by column.
    pub fn column(name: &str) -> Self {
        Self { state: None, column: Some(name.to_owned()) }
    }

    pub(crate) fn matches(&self, position: &Position) -> bool {
        let same = |wanted: &Option<String>, actual: Option<&str>| {
            wanted
                .as_deref()
                .is_none_or(|wanted| actual.is_some_and(|actual| actual.eq_ignore_ascii_case(wanted)))
        };
        (self.state.is_some() || self.column.is_some())
            && same(&self.state, Some(&position.state))
            && same(&self.column, position.column.as_deref())
    }
}

/// How one status is said, and which other places mean it too.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StatusEntry {
    /// Where Lockstep puts the card.
    #[serde(flatten)]
    pub target: Target,
    /// Further places that mean the same: a card there is left alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accepted: Vec<Target>,
}

/// How statuses are said on a board. Only [`Status::Identified`] is required; a card is not moved for a status that has no entry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct StatusMap(pub BTreeMap<Status, StatusEntry>);

/// What a place on the board asks for, when a person put the card there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Meaning {
    /// The finding is to be looked at (again).
    Identified,
    /// Somebody works on it.
    InProgress,
    /// Work waits.
    Waiting,
    /// Somebody says it is fixed: the default meaning of closing a work item.
    Claimed,
    /// Somebody asks to accept the risk.
    AcceptanceRequested,
    /// Somebody says it is no weakness.
    FalsePositiveRequested,
    /// The place says nothing about the finding.
    Nothing,
}

/// What is wrong with a row of a map, and how to mend it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MapProblem {
    /// The row (a status), or `None` if it concerns the whole destination.
    pub row: Option<Status>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub mend: String,
}

impl StatusMap {
    /// A map for a type of a system or inherited process, made from the categories of its states.
    pub fn suggest(work_item_type: &WorkItemType) -> Self {
        let of = |category| work_item_type.states.iter().find(|state| state.category == category);
        let entry = |name: &str| StatusEntry { target: Target::state(name), accepted: Vec::new() };
        let mut map = BTreeMap::new();
        if let Some(initial) = work_item_type
            .initial_state
            .clone()
            .or_else(|| of(StateCategory::Proposed).map(|state| state.name.clone()))
        {
            map.insert(Status::Identified, entry(&initial));
        }
        for (status, category) in [
            (Status::InProgress, StateCategory::InProgress),
            (Status::AwaitingValidation, StateCategory::Resolved),
            (Status::Fixed, StateCategory::Completed),
            (Status::RiskAccepted, StateCategory::Completed),
            (Status::FalsePositive, StateCategory::Completed),
        ] {
            if let Some(state) = of(category)
                && map.get(&Status::Identified) != Some(&entry(&state.name))
            {
                map.insert(status, entry(&state.name));
            }
        }
        Self(map)
    }

    /// Where Lockstep puts the card for a status; `None` if the map has no entry and the card is left where it is.
    ///
    /// A created finding is said like an identified one; waiting without an entry like in progress.
    pub fn target(&self, status: Status) -> Option<&Target> {
        let fall_back = match status {
            Status::Created | Status::Draft => Some(Status::Identified),
            Status::Waiting => Some(Status::InProgress),
            Status::Suppressed | Status::Duplicate => Some(Status::FalsePositive),
            _ => None,
        };
        self.0
            .get(&status)
            .or_else(|| fall_back.and_then(|status| self.0.get(&status)))
            .map(|entry| &entry.target)
    }

    /// The card may stay where it is while the finding has this status.
    ///
    /// A claim may stand in any place that says the work is done: people close cards before a scan has proved anything.
    pub fn accepts(&self, status: Status, position: &Position, work_item_type: &WorkItemType) -> bool {
        let named = |status: Status| {
            self.0.get(&status).is_some_and(|entry| {
                entry.target.matches(position) || entry.accepted.iter().any(|target| target.matches(position))
            })
        };
        if named(status) || self.target(status).is_some_and(|target| target.matches(position)) {
            return true;
        }
        let category = work_item_type.state(&position.state).map(|state| state.category);
        match status {
            Status::AwaitingValidation => {
                named(Status::Fixed)
                    || (self.named_meanings(position).is_empty()
                        && matches!(category, Some(StateCategory::Resolved | StateCategory::Completed)))
            }
            // An unnamed place of the same category means the same as the target.
            Status::InProgress | Status::Waiting => {
                self.named_meanings(position).is_empty() && category == Some(StateCategory::InProgress)
            }
            Status::Identified | Status::Created => {
                self.named_meanings(position).is_empty() && category == Some(StateCategory::Proposed)
            }
            Status::Fixed => {
                self.named_meanings(position).is_empty() && category == Some(StateCategory::Completed)
            }
            _ => false,
        }
    }

    /// What it means that a person put the card there: named columns and states first, then the state's category.
    ///
    /// If several statuses share the place, the most cautious one is meant. A move never proves a fix.
    pub fn meaning(&self, position: &Position, work_item_type: &WorkItemType) -> Meaning {
        if let Some(status) = self.named_meanings(position).into_iter().min_by_key(|status| caution(*status))
        {
            return match status {
                Status::Draft | Status::Created | Status::Identified => Meaning::Identified,
                Status::InProgress => Meaning::InProgress,
                Status::Waiting => Meaning::Waiting,
                Status::AwaitingValidation | Status::Fixed => Meaning::Claimed,
                Status::RiskAccepted => Meaning::AcceptanceRequested,
                Status::FalsePositive | Status::Suppressed | Status::Duplicate => {
                    Meaning::FalsePositiveRequested
                }
            };
        }
        match work_item_type.state(&position.state).map(|state| state.category) {
            Some(StateCategory::Proposed) => Meaning::Identified,
            Some(StateCategory::InProgress) => Meaning::InProgress,
            Some(StateCategory::Resolved | StateCategory::Completed) => Meaning::Claimed,
            Some(StateCategory::Removed) | None => Meaning::Nothing,
        }
    }

    /// The statuses whose entry names the place; those that name its column come before those that name only its state.
    fn named_meanings(&self, position: &Position) -> Vec<Status> {
        let naming = |by_column: bool| -> Vec<Status> {
            self.0
                .iter()
                .filter(|(_, entry)| {
                    std::iter::once(&entry.target)
                        .chain(&entry.accepted)
                        .any(|target| target.column.is_some() == by_column && target.matches(position))
                })
                .map(|(status, _)| *status)
                .collect()
        };
        let by_column = naming(true);
        if by_column.is_empty() { naming(false) } else { by_column }
    }

    /// Everything that would keep this map from working on that board; empty if it is sound.
    pub fn problems(&self, work_item_type: &WorkItemType, board: Option<&BoardLayout>) -> Vec<MapProblem> {
        let mut problems = Vec::new();
        let known_states =
            work_item_type.states.iter().map(|state| state.name.as_str()).collect::<Vec<_>>().join(", ");
        if !self.0.contains_key(&Status::Identified) {
            problems.push(MapProblem {
                row: Some(Status::Identified),
                message: "Identified has no state or column: new work items would have no place".into(),
                mend: format!("choose a state of {}: {known_states}", work_item_type.name),
            });
        }
        let initial = work_item_type.initial_state.as_deref();
        for (status, entry) in &self.0 {
            let mut problem = |message: String, mend: String| {
                problems.push(MapProblem { row: Some(*status), message, mend });
            };
            if entry.target.state.is_none() && entry.target.column.is_none() {
                problem(
                    format!("{} names neither a state nor a column", status.label()),
                    "choose one, or leave the row out".into(),
                );
            }
            for target in std::iter::once(&entry.target).chain(&entry.accepted) {
                let mut state_of_column = None;
                if let Some(column) = &target.column {
                    match board {
                        None => problem(
                            format!(
                                "{} names the column '{column}', but the destination has no board",
                                status.label()
                            ),
                            "choose a board for the destination, or name a state".into(),
                        ),
                        Some(board) => match board.column(column) {
                            None => problem(
                                format!("the board {} has no column '{column}'", board.name),
                                format!(
                                    "choose one of: {}",
                                    board
                                        .columns
                                        .iter()
                                        .map(|c| c.name.as_str())
                                        .collect::<Vec<_>>()
                                        .join(", ")
                                ),
                            ),
                            Some(column) => match column.states.get(&work_item_type.name) {
                                None => problem(
                                    format!(
                                        "the column '{}' does not show work items of type {}",
                                        column.name, work_item_type.name
                                    ),
                                    "choose another column, or another work item type".into(),
                                ),
                                Some(state) => state_of_column = Some(state.clone()),
                            },
                        },
                    }
                }
                if let Some(state) = &target.state {
                    if work_item_type.state(state).is_none() {
                        problem(
                            format!("{} has no state '{state}'", work_item_type.name),
                            format!("choose one of: {known_states}"),
                        );
                    } else if let Some(of_column) = &state_of_column
                        && !of_column.eq_ignore_ascii_case(state)
                    {
                        problem(
                            format!(
                                "the column '{}' stands for the state '{of_column}', not '{state}'",
                                target.column.as_deref().unwrap_or_default()
                            ),
                            format!("use the state '{of_column}', or name only one of the two"),
                        );
                    }
                }
                let goal = target.state.clone().or(state_of_column);
                if let (Some(initial), Some(goal)) = (initial, goal)
                    && work_item_type.state(&goal).is_some()
                    && std::ptr::eq(target, &entry.target)
                    && work_item_type.path(initial, &goal).is_none()
                {
                    problem(
                        format!(
                            "'{goal}' cannot be reached from the initial state '{initial}' of {}",
                            work_item_type.name
                        ),
                        "choose a state that the workflow can reach without passing through a closed one"
                            .into(),
                    );
                }
            }
        }
        problems
    }
}

/// How little a reading of a card claims: the smaller, the more cautious.
fn caution(status: Status) -> u8 {
    match status {
        Status::Draft | Status::Created | Status::Identified => 0,
        Status::InProgress => 1,
        Status::Waiting => 2,
        Status::AwaitingValidation | Status::Fixed => 3,
        Status::RiskAccepted => 4,
        Status::FalsePositive | Status::Suppressed | Status::Duplicate => 5,
    }
}
