//! The severity map: how severities are said on a work item.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{MapProblem, MapRow};
use crate::Severity;

/// How severities are said on a work item. All five have a row once blanks are filled in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct SeverityMap(pub BTreeMap<Severity, SeverityTarget>);

/// Priority and severity of a work item for one severity of a finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SeverityTarget {
    /// Priority 1 (most urgent) to 4.
    pub priority: i64,
    /// Value of the severity field, where the work item type has one; not written if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<String>,
}

/// What a type takes for priority and severity.
#[derive(Clone, Copy, Debug, Default)]
pub struct SeverityChoices<'a> {
    /// Name of the type.
    pub work_item_type: &'a str,
    /// The type has a severity field.
    pub has_severity: bool,
    /// Values of the severity field; empty if any is taken.
    pub severities: &'a [String],
    /// Values of the priority; empty if any is taken.
    pub priorities: &'a [i64],
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

impl SeverityMap {
    /// A map without a row: all are filled in.
    pub fn blank() -> Self {
        Self(BTreeMap::new())
    }

    /// With a row for every severity: those of `usual` for what is missing, as far as the type takes their values.
    pub fn filled_in(mut self, usual: &Self, choices: SeverityChoices<'_>) -> Self {
        let otherwise = Self::default();
        for severity in Severity::WORST_FIRST {
            let Some(row) = usual.0.get(&severity).or_else(|| otherwise.0.get(&severity)) else { continue };
            self.0.entry(severity).or_insert_with(|| {
                let taken =
                    |value: &String| choices.severities.is_empty() || choices.severities.contains(value);
                SeverityTarget { priority: row.priority, severity: row.severity.clone().filter(taken) }
            });
        }
        self
    }

    /// What is wrong with it for a type.
    pub fn problems(&self, choices: SeverityChoices<'_>) -> Vec<MapProblem> {
        let mut problems = Vec::new();
        for (severity, target) in &self.0 {
            let row = || MapRow::Severity(*severity);
            if !(1..=4).contains(&target.priority) {
                problems.push(MapProblem::at(
                    row(),
                    format!("the priority {} for {severity} is not between 1 and 4", target.priority),
                    "choose 1 (most urgent) to 4",
                ));
            } else if !choices.priorities.is_empty() && !choices.priorities.contains(&target.priority) {
                let known: Vec<String> = choices.priorities.iter().map(ToString::to_string).collect();
                problems.push(MapProblem::at(
                    row(),
                    format!("{} has no priority {}", choices.work_item_type, target.priority),
                    format!("choose one of: {}", known.join(", ")),
                ));
            }
            if let Some(value) = &target.severity
                && choices.has_severity
                && !choices.severities.is_empty()
                && !choices.severities.contains(value)
            {
                problems.push(MapProblem::at(
                    row(),
                    format!("{} has no severity '{value}'", choices.work_item_type),
                    format!("choose one of: {}", choices.severities.join(", ")),
                ));
            }
        }
        problems
    }
}
