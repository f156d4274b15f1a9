//! What a rule says about work items beyond their creation: where they begin, whether and where they are closed, and what a
//! late member does.

use serde::{Deserialize, Serialize};

use super::RuleSettings;
use super::parse::RuleProblem;
use crate::map::{Meaning, Position, StatusMap, Target};
use crate::process::WorkItemType;
use crate::status::Status;

/// Whether and where a work item is closed once its findings are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct AutoClose {
    /// It is. Otherwise people close it.
    pub enabled: bool,
    /// What its findings have to be.
    pub when: CloseWhen,
    /// The state it is closed with; that of the status map if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// It stays open while any of its findings is closed for a time only.
    pub not_for_temporary: bool,
}

impl Default for AutoClose {
    fn default() -> Self {
        Self { enabled: true, when: CloseWhen::default(), state: None, not_for_temporary: false }
    }
}

/// What the findings of a work item have to be for it to be closed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum CloseWhen {
    /// All of them fixed, accepted, dismissed, suppressed or duplicates.
    #[default]
    AllClosed,
    /// All of them fixed.
    AllFixed,
}

/// What becomes of a finding whose group has a work item already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum LateMember {
    /// It joins the ticket; a closed work item is opened again.
    #[default]
    Reopen,
    /// It joins the ticket while the work item is open; after that it gets a new one that is linked to the old one.
    AddToOpen,
    /// It gets a new work item that is linked to the old one, also while that is open.
    NewItem,
}

/// What the rules of a ticket say together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tending {
    auto_close: AutoClose,
    initial_state: Option<String>,
    /// What becomes of late members.
    pub late_member: LateMember,
}

impl Tending {
    /// The most cautious of what several rules say wins: it is not closed if one of them does not close it, and a late
    /// member changes as little on what is there as one of them wishes. States are those of the first rule that names one.
    pub fn of<'a>(rules: impl Iterator<Item = &'a RuleSettings>) -> Self {
        let mut together = Self::default();
        for rule in rules {
            let (all, one) = (&mut together.auto_close, &rule.auto_close);
            all.enabled &= one.enabled;
            all.not_for_temporary |= one.not_for_temporary;
            if one.when == CloseWhen::AllFixed {
                all.when = CloseWhen::AllFixed;
            }
            all.state = all.state.take().or_else(|| one.state.clone());
            together.initial_state = together.initial_state.take().or_else(|| rule.initial_state.clone());
            together.late_member = together.late_member.max(rule.late_member);
        }
        together
    }

    /// Where the work item belongs, beyond what the status map says. `members` are the statuses of the findings, and
    /// whether each holds for a time only.
    pub fn places(
        &self,
        members: impl Iterator<Item = (Status, bool)> + Clone,
        map: &StatusMap,
        of: &WorkItemType,
    ) -> Places {
        let all_closed = members.clone().all(|(status, _)| !status.is_open());
        let is_fixed = |(status, _): (Status, bool)| status == Status::Fixed;
        let stays = !self.auto_close.enabled
            || (self.auto_close.when == CloseWhen::AllFixed && !members.clone().all(is_fixed))
            || (self.auto_close.not_for_temporary
                && members.clone().any(|(status, temporary)| temporary && !status.is_open()));
        // A state that the type does not have any more is not aimed at; the rule has stopped and says so.
        let known = |state: &Option<String>| {
            state.as_deref().filter(|name| of.state(name).is_some()).map(Target::state)
        };
        Places {
            stays_open: all_closed && stays && members.count() > 0,
            initial: known(&self.initial_state)
                .filter(|target| map.target(Status::Identified) != Some(target)),
            closing: known(&self.auto_close.state).filter(|target| map.target(Status::Fixed) != Some(target)),
        }
    }
}

/// Where a work item belongs, beyond what the status map says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Places {
    /// It is not closed although its findings are.
    #[serde(default)]
    pub stays_open: bool,
    /// Where it begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial: Option<Target>,
    /// Where it is closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closing: Option<Target>,
}

impl Places {
    /// Where the card is put for a status; `None`: it is left where it is.
    pub fn target<'a>(&'a self, status: Status, map: &'a StatusMap) -> Option<&'a Target> {
        if !status.is_open() && self.stays_open {
            return None;
        }
        let mapped = map.target(status);
        // A closed status that has a place of its own keeps it: only what is closed like a fix is closed with the rule's state.
        let like_fixed = !status.is_open() && mapped == map.target(Status::Fixed);
        match status {
            _ if like_fixed => self.closing.as_ref().or(mapped),
            Status::Identified | Status::Created | Status::Draft => self.initial.as_ref().or(mapped),
            _ => mapped,
        }
    }

    /// The card may stay where it is while the findings have this status.
    pub fn accepts(&self, status: Status, position: &Position, map: &StatusMap, of: &WorkItemType) -> bool {
        map.accepts(status, position, of)
            || self.target(status, map).is_some_and(|target| target.matches(position))
    }
}

impl RuleSettings {
    /// What is wrong with the states that the rule names, at a destination with this map and type.
    pub fn state_problems(&self, destination: &str, map: &StatusMap, of: &WorkItemType) -> Vec<RuleProblem> {
        let mut problems = Vec::new();
        let at = |name: &str| Position { state: name.to_owned(), ..Position::default() };
        let reads_open = |name: &str| map.meaning(&at(name), of) == Meaning::Identified;
        let reads_closed = |name: &str| {
            map.meaning(&at(name), of) == Meaning::Claimed && map.accepts(Status::Fixed, &at(name), of)
        };
        let fitting = |reads: &dyn Fn(&str) -> bool| {
            let names: Vec<&str> =
                of.states.iter().map(|state| state.name.as_str()).filter(|name| reads(name)).collect();
            if names.is_empty() {
                "leave it out".to_owned()
            } else {
                format!("use one of {}, or leave it out", names.join(", "))
            }
        };
        let mut look = |field: &str, state: &Option<String>, reads: &dyn Fn(&str) -> bool, word: &str| {
            let Some(name) = state.as_deref() else { return };
            let start = of.initial_state.as_deref();
            let message = match of.state(name) {
                None => format!("{} of the destination {destination} has no state '{name}'", of.name),
                Some(_) if !reads(name) => format!(
                    "'{name}' of {} does not read back as {word} at the destination {destination}",
                    of.name
                ),
                Some(_) if start.is_some_and(|start| of.path(start, name).is_none()) => format!(
                    "'{name}' cannot be reached from the initial state of {} at the destination {destination}",
                    of.name
                ),
                Some(_) => return,
            };
            problems.push(RuleProblem::new(field, message, fitting(reads)));
        };
        look("/initial_state", &self.initial_state, &reads_open, "Identified");
        look("/auto_close/state", &self.auto_close.state, &reads_closed, "closed");
        problems
    }
}
