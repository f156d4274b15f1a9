//! Severity map and status map of a destination: how what Lockstep knows is said on a board, and how a board is read back.

mod problems;
mod severity;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

pub use self::problems::{MapProblem, MapRow};
pub use self::severity::{SeverityChoices, SeverityMap, SeverityTarget};
use crate::board::WorkItem;
use crate::process::{StateCategory, WorkItemType};
use crate::status::Status;

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
    /// Half of a split column: its Done half if `true`, its Doing half if `false`; either if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done: Option<bool>,
    /// Lane into which the card is put when it is moved here. A lane says nothing when the card is read back: moving a
    /// card between lanes says nothing about progress.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lane: Option<String>,
}

impl Target {
    /// A target by state.
    pub fn state(name: &str) -> Self {
        Self { state: Some(name.to_owned()), ..Self::default() }
    }

    /// A target by column.
    pub fn column(name: &str) -> Self {
        Self { column: Some(name.to_owned()), ..Self::default() }
    }

    /// A card in one of the two is in the other: what is read back is the same.
    fn is_same(&self, other: &Self) -> bool {
        let same = |one: &Option<String>, other: &Option<String>| match (one, other) {
            (Some(one), Some(other)) => one.eq_ignore_ascii_case(other),
            (one, other) => one.is_none() && other.is_none(),
        };
        same(&self.column, &other.column)
            // A column brings its state with it.
            && (self.column.is_some() || same(&self.state, &other.state))
            && self.done == other.done
    }

    /// How closely it names a place.
    fn closeness(&self) -> u8 {
        match (&self.column, self.done) {
            (Some(_), Some(_)) => 2,
            (Some(_), None) => 1,
            (None, _) => 0,
        }
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
            && self.done.is_none_or(|half| position.column_done.unwrap_or(false) == half)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.column.as_deref().or(self.state.as_deref()).unwrap_or_default())?;
        match self.done {
            Some(true) => f.write_str(" (Done)"),
            Some(false) => f.write_str(" (Doing)"),
            None => Ok(()),
        }
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
    /// Where several statuses share a place, a person's move there means this one. Without it the most cautious is meant.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_meant: bool,
}

impl StatusEntry {
    /// A row that names one place.
    pub fn to(target: Target) -> Self {
        Self { target, ..Self::default() }
    }

    fn places(&self) -> impl Iterator<Item = &Target> {
        std::iter::once(&self.target).chain(&self.accepted)
    }
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

impl StatusMap {
    /// A map for a type of a system or inherited process, made from the categories of its states.
    pub fn suggest(work_item_type: &WorkItemType) -> Self {
        let of = |category| work_item_type.states.iter().find(|state| state.category == category);
        let entry = |name: &str| StatusEntry::to(Target::state(name));
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
            self.0.get(&status).is_some_and(|entry| entry.places().any(|place| place.matches(position)))
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
    /// If several statuses share the place, the one that is marked is meant, else the most cautious one. A move never
    /// proves a fix.
    pub fn meaning(&self, position: &Position, work_item_type: &WorkItemType) -> Meaning {
        let is_meant = |status: &Status| self.0.get(status).is_some_and(|entry| entry.is_meant);
        let named = self.named_meanings(position).into_iter();
        if let Some(status) = named.min_by_key(|status| (!is_meant(status), caution(*status))) {
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

    /// The statuses whose row names the place most closely: a half of a column before its column, a column before a state.
    fn named_meanings(&self, position: &Position) -> Vec<Status> {
        let closest = |entry: &StatusEntry| {
            entry.places().filter(|place| place.matches(position)).map(Target::closeness).max()
        };
        let named: Vec<(Status, u8)> =
            self.0.iter().filter_map(|(status, entry)| Some((*status, closest(entry)?))).collect();
        let most = named.iter().map(|(_, closeness)| *closeness).max();
        named
            .into_iter()
            .filter(|(_, closeness)| Some(*closeness) == most)
            .map(|(status, _)| status)
            .collect()
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
