//! Ticketing rules: which findings get tickets, where, and which share one.

use chrono::{DateTime, NaiveDate, Utc};
use model::rule::{
    AppliesTo, AutoClose, FactKind, FactOf, Grouping, LateMember, OnMatch, Operator, Release, RuleProblem,
};
use model::{DestinationId, RuleId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::Plan;

/// Which findings get tickets.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Rule {
    /// Identity.
    pub id: RuleId,
    /// Counts up with each change.
    pub version: u32,
    /// Settings.
    #[serde(flatten)]
    pub settings: RuleSettings,
    /// Its criteria in one line for people.
    pub about: String,
    /// Why it makes no tickets at the moment although it is in effect, if so.
    pub problem: Option<String>,
    /// What was first seen before is not new to it.
    pub since: DateTime<Utc>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// What a person decides about a rule. Body of `POST /api/v1/rules`, `PUT /api/v1/rules/{id}`, `POST /api/v1/rules/check` and
/// `POST /api/v1/rules/plan`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RuleSettings {
    /// Name, at most 200 characters.
    pub name: String,
    /// It is in effect.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Which findings: `{"all": […]}`, `{"any": […]}`, `{"not": …}` or a fact with its test, such as
    /// `{"severity": {"at_least": "high"}}`. Facts and operators are listed by `GET /api/v1/rules/facts`. Every finding if
    /// absent.
    #[serde(default)]
    pub criteria: serde_json::Value,
    /// Whether rules behind it are asked about what it matches.
    #[serde(default)]
    pub on_match: OnMatch,
    /// All findings, or only new ones.
    #[serde(default)]
    pub applies_to: AppliesTo,
    /// First day (UTC) on which it is in effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<NaiveDate>,
    /// Last day (UTC) on which it is in effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<NaiveDate>,
    /// Where its tickets go. If absent: where the findings' asset is bound, else the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination: Option<DestinationId>,
    /// Which findings share a ticket.
    #[serde(default)]
    pub grouping: Grouping,
    /// State in which its work items begin: one that reads back as Identified. That of the status map if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial_state: Option<String>,
    /// Whether and where its work items are closed. A state has to read back as closed.
    #[serde(default)]
    pub auto_close: AutoClose,
    /// What becomes of a finding whose group has a work item already.
    #[serde(default)]
    pub late_member: LateMember,
    /// When its tickets are made.
    #[serde(default)]
    pub release: Release,
}

fn yes() -> bool {
    true
}

/// Answer of `POST /api/v1/rules/check`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RuleCheck {
    /// What is wrong with the settings, each at its field or node; empty if they can be saved.
    pub problems: Vec<RuleProblem>,
    /// Open findings that the criteria match now; absent if they make no sense.
    pub matching: Option<u64>,
    /// The criteria in one line for people; absent if they make no sense.
    pub about: Option<String>,
}

/// Open findings that a rule matches, whatever other rules say. `GET /api/v1/rules/counts`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
pub struct RuleCount {
    /// Rule.
    pub id: RuleId,
    /// Number of findings.
    pub matching: u64,
}

/// Body of `PUT /api/v1/rules/order`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RuleOrder {
    /// Every rule once; the first is asked first.
    pub rules: Vec<RuleId>,
}

/// Query of `POST /api/v1/rules/plan`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RulePlanQuery {
    /// The rule that would be changed; a new one if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<RuleId>,
}

/// Answer of `POST /api/v1/rules/plan`: what saving the rule would do now.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RulePlan {
    /// Open findings that it matches, whatever other rules say.
    pub matching: u64,
    /// Those of them that have their ticket already.
    pub with_ticket: u64,
    /// Those of them about which a rule before it decides.
    pub taken: u64,
    /// Destination by destination.
    pub destinations: Vec<DestinationShare>,
    /// What the change would do to the rule's work items that are there; empty for a new rule, and where it closes them, or
    /// begins them, as before.
    pub existing: Plan,
    /// Why that cannot be said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub existing_unknown: Option<String>,
    /// Ticket by ticket.
    #[serde(flatten)]
    pub plan: Plan,
}

/// What saving a rule would do at one destination.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct DestinationShare {
    /// Destination; absent for findings that nothing takes.
    pub id: Option<DestinationId>,
    /// Its name.
    pub name: String,
    /// Findings that would get a ticket.
    pub findings: u64,
    /// Work items that would be created today.
    pub create: u64,
    /// Tickets that findings would join.
    pub join: u64,
    /// Work items, or findings without a destination, that would wait.
    pub wait: u64,
    /// Why they would wait.
    pub why: Option<String>,
}

/// Something that criteria may ask for. `GET /api/v1/rules/facts`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RuleFact {
    /// The word in criteria.
    pub name: String,
    /// The words for people.
    pub label: String,
    /// What it belongs to.
    pub of: FactOf,
    /// Sort of value.
    pub kind: FactKind,
    /// How it can be compared.
    pub operators: Vec<RuleOperator>,
    /// The values there are, if only some words are possible.
    pub words: Vec<String>,
    /// Tickets can be grouped by it.
    pub groups: bool,
}

/// How a fact can be compared.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RuleOperator {
    /// The word in criteria.
    pub name: Operator,
    /// The words for people.
    pub label: String,
}
