//! What a configuration may say. Every mapping refuses words that it does not know: a typing error is no setting.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Deserializer, Serialize};

use crate::content::TemplateSet;
use crate::fields::{DueDatePolicy, FieldSettings, FieldValue, IterationPolicy};
use crate::following::DeletionPolicy;
use crate::guard::{Farewell, Limits};
use crate::map::{SeverityMap, StatusEntry, StatusMap, Target};
use crate::merge::Owners;
use crate::priority::SlaMatrix;
use crate::routing::{Binding, BranchPattern};
use crate::rule::{AppliesTo, AutoClose, Grouping, LateMember, OnMatch, Release};
use crate::status::Status;
use crate::{TemplateSetId, WorkItemId};

/// The version of the format that is read and written.
pub const VERSION: u32 = 1;

/// The configuration of an instance, or the part of it that a file is about.
///
/// A section that is absent is not looked at. What stands in a section is told by its name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Configuration {
    /// Version of the format: 1.
    pub version: u32,
    /// Connections with their destinations. A connection is made by `lockstep connection add`, because it needs a secret;
    /// here it can be changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connections: Option<Vec<Connection>>,
    /// Sets of templates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub templates: Option<Vec<TemplateSet>>,
    /// Ticketing rules in their order; the first is asked first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules: Option<Vec<Rule>>,
    /// Suppression rules. New ones stand behind those that are there; their order is no part of a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suppressions: Option<Vec<Suppression>>,
    /// How long findings may stay open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sla: Option<SlaMatrix>,
}

/// A connection. What is absent stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = ConfiguredConnection))]
#[serde(deny_unknown_fields)]
pub struct Connection {
    /// Name of a connection that is there.
    pub name: String,
    /// Remark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Instance, without the organization. If it is another one, the file is for another connection and is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_url: Option<String>,
    /// Organization (or collection). If it is another one, the file is for another connection and is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    /// How it signs in, without secrets. If it is otherwise, the file is refused: a file cannot change it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sign_in: Option<SignIn>,
    /// Whether it writes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<ConnectionMode>,
    /// How severities are said where a destination says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity_map: Option<SeverityMap>,
    /// Where work items go. Not looked at if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destinations: Option<Vec<Destination>>,
}

/// How a connection signs in, without secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = ConfiguredSignIn))]
#[serde(tag = "method", rename_all = "snake_case", deny_unknown_fields)]
pub enum SignIn {
    /// Personal access token.
    PersonalAccessToken {},
    /// Microsoft Entra application with a client secret.
    ClientSecret {
        /// Tenant id or domain.
        tenant: String,
        /// Application (client) id.
        client_id: String,
        /// Where tokens are issued; the public service if absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        authority: Option<String>,
    },
    /// The identity that Azure gave the machine of the server.
    ManagedIdentity {
        /// Client id of a user-assigned identity; the machine's own if absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        client_id: Option<String>,
    },
    /// Microsoft Entra application that trusts the platform of the server.
    WorkloadIdentity {
        /// Tenant id or domain.
        tenant: String,
        /// Application (client) id.
        client_id: String,
    },
    /// A person who signed in with a browser.
    Person {
        /// Tenant id or domain, or `organizations`.
        tenant: String,
        /// Application (client) id.
        client_id: String,
    },
}

/// Whether a connection writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = ConfiguredMode))]
#[serde(rename_all = "snake_case")]
pub enum ConnectionMode {
    /// It reads, follows and writes.
    Active,
    /// It reads and follows cards; it writes nothing.
    Paused,
    /// It reads, and says what it would do; it neither writes nor follows.
    Shadow,
}

/// Where work items go. What is absent has the value that a new destination would get.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = ConfiguredDestination))]
#[serde(deny_unknown_fields)]
pub struct Destination {
    /// Name; no two destinations of a connection have the same.
    pub name: String,
    /// What it is bound to.
    pub binding: DestinationBinding,
    /// Project.
    pub project: String,
    /// Team; the project's default team if absent.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub team: String,
    /// Board of the team; the one that shows the type if absent.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub board: String,
    /// Lane for new work items; the default lane if absent.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub lane: String,
    /// Work item type.
    pub work_item_type: String,
    /// Area path; the team's default area if absent.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub area: String,
    /// Into which iteration new work items go; under the team's backlog if absent.
    #[serde(default, skip_serializing_if = "is_usual", deserialize_with = "strict_iteration")]
    pub iteration: IterationPolicy,
    /// Tags for new work items, beside our own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// How severities are said. Rows that are absent are those of the connection, else the usual ones.
    #[serde(default = "SeverityMap::blank", skip_serializing_if = "is_blank")]
    pub severity_map: SeverityMap,
    /// How statuses are said. Made from the states of the type if absent.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub status_map: BTreeMap<Status, StatusPlaces>,
    /// Work items that may be created here in a day (UTC).
    #[serde(default = "usual_budget")]
    pub daily_budget: u64,
    /// Whose value counts, due dates, assignee, templates, further fields.
    #[serde(default, skip_serializing_if = "is_usual")]
    pub fields: Fields,
    /// How much may happen at once before it waits for a person.
    #[serde(default, skip_serializing_if = "is_usual")]
    pub limits: Limits,
    /// What becomes of a ticket when the asset of its findings is archived.
    #[serde(default)]
    pub when_archived: Farewell,
    /// What becomes of a ticket whose work item was deleted on the board.
    #[serde(default)]
    pub on_deletion: DeletionPolicy,
}

/// Work items that a destination may get in a day if nobody says otherwise.
fn usual_budget() -> u64 {
    200
}

/// Reads an iteration without words that it does not know: serde refuses these only where a variant has braces.
fn strict_iteration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<IterationPolicy, D::Error> {
    #[derive(Deserialize)]
    #[serde(tag = "policy", rename_all = "snake_case", deny_unknown_fields)]
    enum Strict {
        Backlog {},
        Current {},
        Path { path: String },
    }
    Ok(match Strict::deserialize(deserializer)? {
        Strict::Backlog {} => IterationPolicy::Backlog,
        Strict::Current {} => IterationPolicy::Current,
        Strict::Path { path } => IterationPolicy::Path { path },
    })
}

fn is_usual<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn is_blank(map: &SeverityMap) -> bool {
    map.0.is_empty()
}

/// What a destination is bound to. The more specific one takes a finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = ConfiguredBinding))]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum DestinationBinding {
    /// Everything that no other destination takes. At most one for each connection.
    // With braces: serde refuses unknown words in a mapping only where the variant has fields.
    Default {},
    /// The assets that have every one of these tags.
    Group {
        /// 1 to 20 tags, compared without case.
        tags: Vec<String>,
    },
    /// One asset.
    Asset {
        /// Its name. It may be bound before its first scan.
        asset: String,
    },
    /// Branches of one asset.
    Branch {
        /// Its name.
        asset: String,
        /// A branch, or a pattern in which `*` stands for any letters (`release/*`). Compared with case.
        #[cfg_attr(feature = "openapi", schema(value_type = String))]
        branch: BranchPattern,
    },
}

impl From<Binding<String>> for DestinationBinding {
    fn from(binding: Binding<String>) -> Self {
        match binding {
            Binding::Default => Self::Default {},
            Binding::Group { tags } => Self::Group { tags },
            Binding::Asset { asset } => Self::Asset { asset },
            Binding::Branch { asset, branch } => Self::Branch { asset, branch },
        }
    }
}

impl From<DestinationBinding> for Binding<String> {
    fn from(binding: DestinationBinding) -> Self {
        match binding {
            DestinationBinding::Default {} => Self::Default,
            DestinationBinding::Group { tags } => Self::Group { tags },
            DestinationBinding::Asset { asset } => Self::Asset { asset },
            DestinationBinding::Branch { asset, branch } => Self::Branch { asset, branch },
        }
    }
}

/// A state or a column that a status is said with. At least one of the two is given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = ConfiguredPlace))]
#[serde(default, deny_unknown_fields)]
pub struct Place {
    /// State of the work item type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Column of the destination's board.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// Half of a split column: its Done half if `true`, its Doing half if `false`; either if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub done: Option<bool>,
    /// Lane into which the card is put when it is moved here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lane: Option<String>,
}

impl From<Target> for Place {
    fn from(target: Target) -> Self {
        Self { state: target.state, column: target.column, done: target.done, lane: target.lane }
    }
}

impl From<Place> for Target {
    fn from(place: Place) -> Self {
        Self { state: place.state, column: place.column, done: place.done, lane: place.lane }
    }
}

/// How one status is said, and which other places mean it too.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = ConfiguredStatus))]
#[serde(default, deny_unknown_fields)]
pub struct StatusPlaces {
    /// State of the work item type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Column of the destination's board.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// Half of a split column: its Done half if `true`, its Doing half if `false`; either if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub done: Option<bool>,
    /// Lane into which the card is put when it is moved here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lane: Option<String>,
    /// Further places that mean the same: a card there is left alone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub accepted: Vec<Place>,
    /// Where several statuses share a place, a person's move there means this one.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_meant: bool,
}

impl From<StatusEntry> for StatusPlaces {
    fn from(entry: StatusEntry) -> Self {
        let Target { state, column, done, lane } = entry.target;
        let accepted = entry.accepted.into_iter().map(Place::from).collect();
        Self { state, column, done, lane, accepted, is_meant: entry.is_meant }
    }
}

impl From<StatusPlaces> for StatusEntry {
    fn from(places: StatusPlaces) -> Self {
        let StatusPlaces { state, column, done, lane, accepted, is_meant } = places;
        let accepted = accepted.into_iter().map(Target::from).collect();
        Self { target: Target { state, column, done, lane }, accepted, is_meant }
    }
}

impl Destination {
    /// The rows of a status map as a document says them.
    pub fn places(map: StatusMap) -> BTreeMap<Status, StatusPlaces> {
        map.0.into_iter().map(|(status, entry)| (status, entry.into())).collect()
    }

    /// The status map of the rows.
    pub fn map(places: BTreeMap<Status, StatusPlaces>) -> StatusMap {
        StatusMap(places.into_iter().map(|(status, places)| (status, places.into())).collect())
    }
}

/// What a destination says about single fields.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = ConfiguredFields))]
#[serde(default, deny_unknown_fields)]
pub struct Fields {
    /// Whose value counts where Lockstep and a person changed the same field.
    #[serde(skip_serializing_if = "is_usual")]
    pub owners: Owners,
    /// Whether work items get the due date of their findings.
    #[serde(skip_serializing_if = "is_usual")]
    pub due_date: DueDatePolicy,
    /// Who gets new work items, by sign-in name; nobody if absent.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub assignee: String,
    /// Name of the set of templates; the standard ones if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub templates: Option<String>,
    /// Number of the work item under which new work items hang.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<WorkItemId>,
    /// Further fields of new work items, by reference name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<String, FieldValue>,
}

impl Fields {
    /// The settings as a document says them; `templates` is the name of their set.
    pub fn of(settings: FieldSettings, templates: Option<String>) -> Self {
        let FieldSettings { owners, due_date, assignee, templates: _, parent, values } = settings;
        Self { owners, due_date, assignee, templates, parent, values }
    }

    /// The settings; `templates` is the id of their set.
    pub fn settings(self, templates: Option<TemplateSetId>) -> FieldSettings {
        let Self { owners, due_date, assignee, templates: _, parent, values } = self;
        FieldSettings { owners, due_date, assignee, templates, parent, values }
    }
}

/// A ticketing rule. What is absent has the value that a new rule would get.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = ConfiguredRule))]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Name; no two rules have the same.
    pub name: String,
    /// It is in effect.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Which findings: `all: [...]`, `any: [...]`, `not: ...`, or a fact with its test, such as
    /// `severity: {at_least: high}`. Every finding if absent.
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    pub criteria: serde_json::Value,
    /// Whether rules behind it are asked about what it matches.
    #[serde(default, skip_serializing_if = "is_usual")]
    pub on_match: OnMatch,
    /// All findings, or only new ones.
    #[serde(default, skip_serializing_if = "is_usual")]
    pub applies_to: AppliesTo,
    /// First day (UTC) on which it is in effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<NaiveDate>,
    /// Last day (UTC) on which it is in effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<NaiveDate>,
    /// Name of the destination of its tickets. If absent: where the findings' asset is bound, else the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination: Option<String>,
    /// Name of the destination's connection; needed where several connections have a destination of that name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<String>,
    /// Which findings share a ticket; one ticket for each finding if absent.
    #[serde(default, skip_serializing_if = "is_usual")]
    pub grouping: Grouping,
    /// State in which its work items begin; that of the status map if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial_state: Option<String>,
    /// Whether and where its work items are closed.
    #[serde(default, skip_serializing_if = "is_usual")]
    pub auto_close: AutoClose,
    /// What becomes of a finding whose group has a work item already.
    #[serde(default, skip_serializing_if = "is_usual")]
    pub late_member: LateMember,
    /// When its tickets are made.
    #[serde(default, skip_serializing_if = "is_usual")]
    pub release: Release,
}

/// A suppression rule.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = ConfiguredSuppression))]
#[serde(deny_unknown_fields)]
pub struct Suppression {
    /// Name; no two suppression rules have the same but for case.
    pub name: String,
    /// Why what it matches is not to be looked at.
    pub reason: String,
    /// It is switched on.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Which findings, as in rules. At least one condition.
    pub criteria: serde_json::Value,
    /// Last day (UTC) on which it is in effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<NaiveDate>,
}

fn yes() -> bool {
    true
}

impl Configuration {
    /// The destinations that are named, each with the name of its connection.
    pub fn destinations(&self) -> impl Iterator<Item = (&str, &Destination)> {
        self.connections.iter().flatten().flat_map(|connection| {
            let destinations = connection.destinations.iter().flatten();
            destinations.map(move |destination| (connection.name.as_str(), destination))
        })
    }

    /// The same with connections at rules only where the name of the destination alone does not tell it: for people.
    #[must_use]
    pub fn terse(mut self) -> Self {
        let names: Vec<String> = self.destinations().map(|(_, known)| known.name.clone()).collect();
        let is_told =
            |rule: &Rule| names.iter().filter(|name| Some(*name) == rule.destination.as_ref()).count() == 1;
        for rule in self.rules.iter_mut().flatten() {
            if is_told(rule) {
                rule.connection = None;
            }
        }
        self
    }
}
