//! What is stored, as a document.

use std::collections::HashMap;

use model::configuration::{self, Configuration, ConnectionMode, DestinationBinding, Fields, VERSION};
use model::priority::SlaMatrix;
use model::routing::Binding;
use model::rule::{Criteria, RuleSettings};
use model::suppression::SuppressionSettings;
use model::{AssetId, DestinationId, TemplateSetId};
use sha2::{Digest, Sha256};
use store::Tx;
use store::connections::{Connection, Mode, SignIn};
use store::destinations::{Destination, Settings};
use store::rules::Rule;
use store::suppressions::SuppressionRule;
use store::templates;

use crate::Refusal;

/// Stands where a rule names a destination that was deleted. No destination is found by it: a rule that waits for a person
/// does not begin to go by the bindings because it went through a file.
const DELETED: &str = "(deleted)";

/// Everything that a configuration is about.
pub(super) struct Stored {
    pub(super) connections: Vec<Connection>,
    pub(super) destinations: Vec<Destination>,
    pub(super) templates: Vec<templates::Stored>,
    pub(super) rules: Vec<Rule>,
    pub(super) suppressions: Vec<SuppressionRule>,
    sla: SlaMatrix,
    assets: HashMap<AssetId, String>,
}

impl Stored {
    /// Reads it.
    pub(super) async fn read(tx: &mut Tx) -> Result<Self, Refusal> {
        let destinations = store::destinations::all(tx).await?;
        let mut assets = HashMap::new();
        for id in destinations.iter().filter_map(|destination| destination.binding.asset()) {
            if let Some(asset) = store::assets::get(tx, *id).await? {
                assets.insert(*id, asset.name);
            }
        }
        Ok(Self {
            connections: store::connections::all(tx).await?,
            destinations,
            templates: templates::all(tx).await?,
            rules: store::rules::all(tx).await?,
            suppressions: store::suppressions::all(tx).await?,
            sla: store::sla::matrix(tx).await?.0,
            assets,
        })
    }

    /// The whole document, with the connection at every rule that names a destination.
    ///
    /// # Errors
    /// If two things have the same name.
    pub(super) fn document(&self) -> Result<Configuration, Refusal> {
        let connections: Vec<configuration::Connection> =
            self.connections.iter().map(|connection| self.connection(connection)).collect();
        unique("connections", connections.iter().map(|it| it.name.as_str()))?;
        for connection in &connections {
            let what = format!("destinations of {}", connection.name);
            unique(&what, connection.destinations.iter().flatten().map(|it| it.name.as_str()))?;
        }
        let rules: Vec<configuration::Rule> =
            self.rules.iter().map(|rule| self.rule(&rule.settings)).collect();
        unique("rules", rules.iter().map(|it| it.name.as_str()))?;
        Ok(Configuration {
            version: VERSION,
            connections: Some(connections),
            templates: Some(self.templates.iter().map(|stored| stored.set.clone()).collect()),
            rules: Some(rules),
            suppressions: Some(self.suppressions.iter().map(|rule| suppression(&rule.settings)).collect()),
            sla: Some(self.sla.clone()),
        })
    }

    /// Tells one state of the stored configuration from every other.
    pub(super) fn fingerprint(&self) -> Result<String, Refusal> {
        let mut hash = Sha256::new();
        hash.update(serde_json::to_vec(&self.document()?).unwrap_or_default());
        let connections = self.connections.iter().map(|it| it.id.0);
        let destinations = self.destinations.iter().map(|it| it.id.0);
        let templates = self.templates.iter().map(|it| it.id.0);
        // Deleted and made anew is not the same.
        let rules = self.rules.iter().map(|it| it.id.0);
        let suppressions = self.suppressions.iter().map(|it| it.id.0);
        for id in connections.chain(destinations).chain(templates).chain(rules).chain(suppressions) {
            hash.update(id.as_bytes());
        }
        Ok(hex::encode(&hash.finalize()[..16]))
    }

    /// Connection and name of a destination.
    fn named(&self, id: DestinationId) -> Option<(String, String)> {
        let destination = self.destinations.iter().find(|known| known.id == id)?;
        let connection = self.connections.iter().find(|known| known.id == destination.connection_id)?;
        Some((name(&connection.name), name(&destination.settings.name)))
    }

    fn connection(&self, connection: &Connection) -> configuration::Connection {
        let of = |known: &&Destination| known.connection_id == connection.id;
        configuration::Connection {
            name: name(&connection.name),
            description: Some(connection.description.clone()),
            instance_url: Some(connection.instance_url.clone()),
            organization: Some(connection.organization.clone()),
            sign_in: Some(sign_in(&connection.sign_in)),
            mode: Some(match connection.mode {
                Mode::Active => ConnectionMode::Active,
                Mode::Paused => ConnectionMode::Paused,
                Mode::Shadow => ConnectionMode::Shadow,
            }),
            severity_map: connection.severity_map.clone(),
            destinations: Some(
                self.destinations
                    .iter()
                    .filter(of)
                    .map(|known| {
                        let templates = known.settings.fields.templates;
                        let templates = templates.and_then(|id| self.templates.iter().find(|it| it.id == id));
                        let templates = templates.map(|stored| stored.set.name.clone());
                        destination(known.settings.clone(), self.binding(&known.binding), templates)
                    })
                    .collect(),
            ),
        }
    }

    fn binding(&self, binding: &Binding) -> DestinationBinding {
        binding.telling(|asset| self.assets.get(asset).cloned().unwrap_or_default()).into()
    }

    fn rule(&self, settings: &RuleSettings) -> configuration::Rule {
        let (connection, destination) = match settings.destination.map(|id| self.named(id)) {
            None => (None, None),
            Some(Some((connection, destination))) => (Some(connection), Some(destination)),
            Some(None) => (None, Some(DELETED.to_owned())),
        };
        configuration::Rule {
            name: name(&settings.name),
            enabled: settings.enabled,
            criteria: serde_json::to_value(&settings.criteria).unwrap_or_default(),
            on_match: settings.on_match,
            applies_to: settings.applies_to,
            from: settings.from,
            until: settings.until,
            destination,
            connection,
            grouping: settings.grouping.clone(),
            initial_state: settings.initial_state.clone(),
            auto_close: settings.auto_close.clone(),
            late_member: settings.late_member,
            release: settings.release,
        }
    }
}

fn suppression(settings: &SuppressionSettings) -> configuration::Suppression {
    configuration::Suppression {
        name: name(&settings.name),
        reason: settings.reason.trim().to_owned(),
        enabled: settings.enabled,
        criteria: serde_json::to_value(&settings.criteria).unwrap_or_default(),
        until: settings.until,
    }
}

/// The settings of a suppression rule.
///
/// # Errors
/// If its criteria make no sense.
pub(super) fn suppression_settings(said: configuration::Suppression) -> Result<SuppressionSettings, Refusal> {
    let criteria = Criteria::parse(&said.criteria)
        .map_err(|problems| crate::refuse_suppression(&problems).err().unwrap_or_else(super::moved_on))?;
    let configuration::Suppression { name, reason, enabled, until, .. } = said;
    Ok(SuppressionSettings { name, reason, criteria, enabled, until })
}

/// Names in a document have no blanks around them.
fn name(stored: &str) -> String {
    stored.trim().to_owned()
}

fn unique<'a>(what: &str, names: impl Iterator<Item = &'a str> + Clone) -> Result<(), Refusal> {
    let twice = |name: &&str| names.clone().filter(|other| other == name).count() > 1;
    match names.clone().find(twice) {
        None => Ok(()),
        Some(name) => Err(Refusal::conflict(
            "configuration_ambiguous",
            "A name does not tell what is meant",
            format!(
                "There are several {what} with the name '{name}', and a configuration tells them by their names."
            ),
            "Rename all but one of them.",
        )),
    }
}

fn sign_in(stored: &SignIn) -> configuration::SignIn {
    match stored.clone() {
        SignIn::PersonalAccessToken => configuration::SignIn::PersonalAccessToken {},
        SignIn::ClientSecret { tenant, client_id, authority } => {
            configuration::SignIn::ClientSecret { tenant, client_id, authority }
        }
        SignIn::ManagedIdentity { client_id } => configuration::SignIn::ManagedIdentity { client_id },
        SignIn::WorkloadIdentity { tenant, client_id } => {
            configuration::SignIn::WorkloadIdentity { tenant, client_id }
        }
        SignIn::Person { tenant, client_id } => configuration::SignIn::Person { tenant, client_id },
    }
}

/// A destination as a document says it.
pub(super) fn destination(
    settings: Settings,
    binding: DestinationBinding,
    templates: Option<String>,
) -> configuration::Destination {
    configuration::Destination {
        name: name(&settings.name),
        binding,
        project: settings.project,
        team: settings.team,
        board: settings.board,
        lane: settings.lane,
        work_item_type: settings.work_item_type,
        area: settings.area,
        iteration: settings.iteration,
        tags: settings.tags,
        severity_map: settings.severity_map,
        status_map: configuration::Destination::places(settings.status_map),
        daily_budget: settings.daily_budget,
        fields: Fields::of(settings.fields, templates),
        limits: settings.limits,
        when_archived: settings.when_archived,
        on_deletion: settings.on_deletion,
    }
}

/// The settings of a destination; `templates` is the id of their set.
pub(super) fn settings(said: configuration::Destination, templates: Option<TemplateSetId>) -> Settings {
    Settings {
        name: said.name,
        project: said.project,
        team: said.team,
        board: said.board,
        lane: said.lane,
        work_item_type: said.work_item_type,
        area: said.area,
        iteration: said.iteration,
        tags: said.tags,
        severity_map: said.severity_map,
        status_map: configuration::Destination::map(said.status_map),
        daily_budget: said.daily_budget,
        fields: said.fields.settings(templates),
        limits: said.limits,
        when_archived: said.when_archived,
        on_deletion: said.on_deletion,
    }
}

/// The settings of a rule; `destination` is the id of its destination.
///
/// # Errors
/// If its criteria make no sense.
pub(super) fn rule(
    said: configuration::Rule,
    destination: Option<DestinationId>,
) -> Result<RuleSettings, Refusal> {
    let criteria = Criteria::parse(&said.criteria)
        .map_err(|problems| crate::refuse_rule(&problems).err().unwrap_or_else(super::moved_on))?;
    Ok(RuleSettings {
        name: said.name,
        enabled: said.enabled,
        criteria,
        on_match: said.on_match,
        applies_to: said.applies_to,
        from: said.from,
        until: said.until,
        destination,
        grouping: said.grouping,
        initial_state: said.initial_state,
        auto_close: said.auto_close,
        late_member: said.late_member,
        release: said.release,
    })
}
