//! Carries out a plan within one transaction. Nothing that is not in the plan is done.

use std::collections::HashMap;

use model::configuration::{Change, ChangeAction, ChangedThing, ConnectionMode, Problem, place};
use model::{ConnectionId, DestinationId, RuleId, SuppressionId, TemplateSetId};
use store::Tx;
use store::connections::Mode;

use super::{Prepared, problems_of, refuse, stored};
use crate::connections::ConnectionChange;
use crate::destinations::NewDestination;
use crate::engine::Engine;
use crate::suppressions;
use crate::{Actor, Refusal};

impl Engine {
    /// Carries out what was prepared. Things come before what refers to them, and go after it.
    ///
    /// # Errors
    /// If something contradicts what is there; the transaction must not be committed then.
    pub(super) async fn carry_out(
        &self,
        tx: &mut Tx,
        prepared: &Prepared,
        by: &Actor,
    ) -> Result<(), Refusal> {
        for change in prepared.of(ChangedThing::Connection, ChangeAction::Change) {
            self.carry_connection(tx, prepared, change, by).await?;
        }
        let templates = self.carry_templates(tx, prepared, by).await?;
        let destinations = self.carry_destinations(tx, prepared, &templates, by).await?;
        self.carry_rules(tx, prepared, &destinations, by).await?;
        self.carry_suppressions(tx, prepared, by).await?;
        if let Some(matrix) = &prepared.wanted.sla {
            let carried = self.set_sla_matrix_in(tx, matrix.clone(), by).await;
            carried.map_err(|refusal| refused(refusal, "/sla"))?;
        }
        for change in prepared.of(ChangedThing::Templates, ChangeAction::Delete) {
            if let Some(id) = templates.get(&change.name.to_lowercase()) {
                let deleted = self.delete_templates_in(tx, *id, by).await;
                deleted.map_err(|refusal| refused(refusal, "/templates"))?;
            }
        }
        Ok(())
    }

    /// Deletes, changes and makes suppression rules. A file cannot confirm that it suppresses a large share of what is open.
    async fn carry_suppressions(&self, tx: &mut Tx, prepared: &Prepared, by: &Actor) -> Result<(), Refusal> {
        let known = prepared.stored.suppressions.iter();
        let ids: HashMap<String, SuppressionId> =
            known.map(|rule| (rule.settings.name.trim().to_lowercase(), rule.id)).collect();
        for change in prepared.of(ChangedThing::Suppression, ChangeAction::Delete) {
            if let Some(id) = ids.get(&change.name.to_lowercase()) {
                let deleted = self.delete_suppression_in(tx, *id, by).await;
                deleted.map_err(|refusal| refused(refusal, "/suppressions"))?;
            }
        }
        let mut any = false;
        for (number, said) in prepared.wanted.suppressions.iter().flatten().enumerate() {
            let at = format!("/suppressions/{number}");
            let planned = |action| {
                prepared
                    .of(ChangedThing::Suppression, action)
                    .any(|change| change.name.to_lowercase() == said.name.to_lowercase())
            };
            let settings = stored::suppression_settings(said.clone())?;
            let done = match ids.get(&said.name.to_lowercase()) {
                Some(id) if planned(ChangeAction::Change) => {
                    self.change_suppression_in(tx, *id, settings, by).await
                }
                None if planned(ChangeAction::Create) => {
                    self.create_suppression_in(tx, settings, by).await.map(drop)
                }
                _ => continue,
            };
            done.map_err(|refusal| refused(refusal, &at))?;
            any = true;
        }
        if any {
            let rules = store::suppressions::all(tx).await?;
            let plan = self.plan_suppressions(tx, &rules).await?;
            suppressions::refuse_wide(&plan).map_err(|refusal| {
                let next_step =
                    "narrow the criteria, or save it with `lockstep suppression`, where it can be confirmed";
                let problem = Problem::new("/suppressions", refusal.detail.trim_end_matches('.'), next_step);
                refuse(&[problem])
            })?;
        }
        Ok(())
    }

    async fn carry_connection(
        &self,
        tx: &mut Tx,
        prepared: &Prepared,
        change: &Change,
        by: &Actor,
    ) -> Result<(), Refusal> {
        let named = prepared.wanted.connections.iter().flatten().enumerate();
        let Some((at, wanted)) = named.into_iter().find(|(_, wanted)| wanted.name == change.name) else {
            return Ok(());
        };
        let Some(id) = prepared.connection(&change.name) else { return Ok(()) };
        // Saving a mode that it has already would try everything again that waits.
        let touches =
            |word: &str| change.fields.iter().any(|field| field.path.split('.').next() == Some(word));
        let change = ConnectionChange {
            description: wanted.description.clone().filter(|_| touches("description")),
            severity_map: wanted.severity_map.clone().filter(|_| touches("severity_map")),
            mode: wanted.mode.filter(|_| touches("mode")).map(|mode| match mode {
                ConnectionMode::Active => Mode::Active,
                ConnectionMode::Paused => Mode::Paused,
                ConnectionMode::Shadow => Mode::Shadow,
            }),
            ..ConnectionChange::default()
        };
        let changed = self.change_connection_in(tx, id, change, by).await;
        changed.map_err(|refusal| refused(refusal, &format!("/connections/{at}")))
    }

    /// Makes and changes sets of templates; answers the ids of all, by their names in small letters.
    async fn carry_templates(
        &self,
        tx: &mut Tx,
        prepared: &Prepared,
        by: &Actor,
    ) -> Result<HashMap<String, TemplateSetId>, Refusal> {
        let known = prepared.stored.templates.iter();
        let mut ids: HashMap<String, TemplateSetId> =
            known.map(|stored| (stored.set.name.to_lowercase(), stored.id)).collect();
        for (number, set) in prepared.wanted.templates.iter().flatten().enumerate() {
            let name = set.name.to_lowercase();
            let at = format!("/templates/{number}");
            let Some(id) = ids.get(&name) else {
                let made = self.create_templates_in(tx, set.clone(), by).await;
                ids.insert(name, made.map_err(|refusal| refused(refusal, &at))?);
                continue;
            };
            // What is as it was stays so: the function looks.
            let changed = self.change_templates_in(tx, *id, set.clone(), by).await;
            changed.map_err(|refusal| refused(refusal, &at))?;
        }
        Ok(ids)
    }

    /// Deletes, changes and makes destinations; answers the ids of those that there are, by connection and name.
    async fn carry_destinations(
        &self,
        tx: &mut Tx,
        prepared: &Prepared,
        templates: &HashMap<String, TemplateSetId>,
        by: &Actor,
    ) -> Result<HashMap<(String, String), DestinationId>, Refusal> {
        let mut ids = prepared.destination_ids();
        for change in prepared.of(ChangedThing::Destination, ChangeAction::Delete) {
            if let Some(id) = ids.remove(&key(change)) {
                self.delete_destination_in(tx, id, by).await?;
            }
        }
        // Two may change places: what each is bound to is free before any of them takes it.
        for change in prepared.of(ChangedThing::Destination, ChangeAction::Change) {
            let moves = change.fields.iter().any(|field| field.path.starts_with("binding"));
            if let Some(id) = ids.get(&key(change)).filter(|_| moves) {
                store::destinations::let_go(tx, *id).await?;
            }
        }
        for (at, connection) in prepared.wanted.connections.iter().flatten().enumerate() {
            let Some(connection_id) = prepared.connection(&connection.name) else { continue };
            for (number, wanted) in connection.destinations.iter().flatten().enumerate() {
                let key = (connection.name.clone(), wanted.name.clone());
                let planned = prepared
                    .plan
                    .changes
                    .iter()
                    .any(|change| change.thing == ChangedThing::Destination && self::key(change) == key);
                let Some((settings, process)) = prepared.destinations.get(&key).filter(|_| planned) else {
                    continue;
                };
                let mut settings = settings.clone();
                let set = wanted.fields.templates.as_ref();
                settings.fields.templates = set.and_then(|name| templates.get(&name.to_lowercase())).copied();
                let new = NewDestination { connection_id, binding: wanted.binding.clone().into(), settings };
                let at = format!("/connections/{at}/destinations/{number}");
                match ids.get(&key) {
                    Some(id) => {
                        let changed = self.change_destination_in(tx, *id, new, process.clone(), by).await;
                        changed.map_err(|refusal| refused(refusal, &at))?;
                    }
                    None => {
                        let made = self.create_destination_in(tx, new, process.clone(), by).await;
                        ids.insert(key, made.map_err(|refusal| refused(refusal, &at))?);
                    }
                }
            }
        }
        Ok(ids)
    }

    async fn carry_rules(
        &self,
        tx: &mut Tx,
        prepared: &Prepared,
        destinations: &HashMap<(String, String), DestinationId>,
        by: &Actor,
    ) -> Result<(), Refusal> {
        let Some(wanted) = &prepared.wanted.rules else { return Ok(()) };
        let mut ids: HashMap<String, RuleId> = prepared.rule_ids();
        for change in prepared.of(ChangedThing::Rule, ChangeAction::Delete) {
            if let Some(id) = ids.remove(&change.name) {
                self.delete_rule_in(tx, id, by).await?;
            }
        }
        let mut problems = Vec::new();
        for (number, said) in wanted.iter().enumerate() {
            let planned = |action| prepared.of(ChangedThing::Rule, action).any(|it| it.name == said.name);
            let destination = match (&said.connection, &said.destination) {
                (Some(connection), Some(name)) => {
                    destinations.get(&(connection.clone(), name.clone())).copied()
                }
                _ => None,
            };
            let done = match ids.get(&said.name) {
                Some(id) if planned(ChangeAction::Change) => {
                    let settings = stored::rule(said.clone(), destination)?;
                    self.change_rule_in(tx, *id, settings, by).await
                }
                None if planned(ChangeAction::Create) => {
                    let settings = stored::rule(said.clone(), destination)?;
                    let made = self.create_rule_in(tx, settings, by).await;
                    made.map(|id| {
                        ids.insert(said.name.clone(), id);
                    })
                }
                _ => Ok(()),
            };
            if let Err(refusal) = done {
                problems.extend(problems_of(refusal, &format!("/rules/{number}"))?);
            }
        }
        if !problems.is_empty() {
            return Err(refuse(&problems));
        }
        let kept: Vec<String> = prepared.rule_names().filter(|name| ids.contains_key(name)).collect();
        let kept: Vec<&str> = kept.iter().map(String::as_str).collect();
        let names: Vec<&str> = wanted.iter().map(|rule| rule.name.as_str()).collect();
        let order: Vec<RuleId> =
            place(&kept, &names).iter().filter_map(|name| ids.get(name)).copied().collect();
        let now: Vec<RuleId> = store::rules::all(tx).await?.into_iter().map(|rule| rule.id).collect();
        if now != order {
            self.reorder_rules_in(tx, &order, by).await?;
        }
        Ok(())
    }
}

impl Prepared {
    fn of(&self, thing: ChangedThing, action: ChangeAction) -> impl Iterator<Item = &Change> {
        self.plan.changes.iter().filter(move |change| change.thing == thing && change.action == action)
    }

    fn connection(&self, name: &str) -> Option<ConnectionId> {
        self.stored.connections.iter().find(|known| known.name.trim() == name).map(|known| known.id)
    }

    fn destination_ids(&self) -> HashMap<(String, String), DestinationId> {
        let of = |id: ConnectionId| self.stored.connections.iter().find(|known| known.id == id);
        let known = self.stored.destinations.iter();
        known
            .filter_map(|known| {
                let connection = of(known.connection_id)?.name.trim().to_owned();
                Some(((connection, known.settings.name.trim().to_owned()), known.id))
            })
            .collect()
    }

    fn rule_names(&self) -> impl Iterator<Item = String> {
        self.stored.rules.iter().map(|rule| rule.settings.name.trim().to_owned())
    }

    fn rule_ids(&self) -> HashMap<String, RuleId> {
        self.rule_names().zip(self.stored.rules.iter().map(|rule| rule.id)).collect()
    }
}

/// Connection and name of the destination that a change is about.
fn key(change: &Change) -> (String, String) {
    (change.connection.clone().unwrap_or_default(), change.name.clone())
}

/// The refusal with its place in the document.
fn refused(refusal: Refusal, at: &str) -> Refusal {
    match problems_of(refusal, at) {
        Ok(problems) => refuse(&problems),
        Err(refusal) => refusal,
    }
}
