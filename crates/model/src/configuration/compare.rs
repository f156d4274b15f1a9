//! What differs between the configuration that is stored and the one that is wanted.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::document::{Configuration, Connection};
use super::order::place;

/// What a change is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ChangedThing {
    /// A connection.
    Connection,
    /// A set of templates.
    Templates,
    /// A destination.
    Destination,
    /// A rule.
    Rule,
    /// A suppression rule.
    Suppression,
    /// How long findings may stay open.
    Sla,
}

/// What is done to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ChangeAction {
    /// It is made.
    Create,
    /// Some of its fields get other values.
    Change,
    /// It is deleted.
    Delete,
    /// It gets another place among those that are there already. Rules only.
    Reorder,
    /// It is there and the file does not name it; nothing is done.
    LeaveAlone,
}

/// One thing that a configuration changes, or leaves alone although it does not name it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = ConfigurationChange))]
pub struct Change {
    /// What is done.
    pub action: ChangeAction,
    /// To what.
    pub thing: ChangedThing,
    /// Its name; empty for the order of the rules.
    pub name: String,
    /// Of a destination: the name of its connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<String>,
    /// Field by field.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldChange>,
}

impl Change {
    /// Something is done, not left alone.
    pub fn is_done(&self) -> bool {
        self.action != ChangeAction::LeaveAlone
    }
}

/// One field that gets another value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = ConfiguredFieldChange))]
pub struct FieldChange {
    /// Path within the thing: `status_map.fixed.state`.
    pub path: String,
    /// The value that is stored; absent if it is the usual one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old: Option<Value>,
    /// The value that it gets; absent for the usual one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new: Option<Value>,
}

/// Things of one section, on one side.
type Section<'a> = Vec<(&'a str, Value)>;

/// What has to be done so that what is stored becomes what is wanted; both in one form (see [`Configuration::sound`]).
/// Connections come first, then templates, destinations, rules with their order, suppression
/// rules, and the SLA matrix.
///
/// What is stored and not wanted is deleted if `prune` says so. A section that is absent is not looked at, and a connection
/// is never deleted: with it all its tickets would go.
pub fn compare(stored: &Configuration, wanted: &Configuration, prune: bool) -> Vec<Change> {
    let mut changes = Vec::new();
    let left = match prune {
        true => ChangeAction::Delete,
        false => ChangeAction::LeaveAlone,
    };
    if let Some(connections) = &wanted.connections {
        for known in stored.connections.iter().flatten() {
            let change = match connections.iter().find(|wanted| wanted.name == known.name) {
                Some(wanted) => changed_connection(known, wanted),
                None => Some(change(ChangeAction::LeaveAlone, ChangedThing::Connection, &known.name)),
            };
            changes.extend(change);
        }
    }
    if let Some(templates) = &wanted.templates {
        let stored = section(stored.templates.iter().flatten().map(|it| (it.name.as_str(), it)));
        let wanted = section(templates.iter().map(|it| (it.name.as_str(), it)));
        changes.extend(differences(ChangedThing::Templates, &stored, &wanted, left));
    }
    for connection in wanted.connections.iter().flatten() {
        let Some(destinations) = &connection.destinations else { continue };
        let known = stored.destinations().filter(|(of, _)| *of == connection.name);
        let stored = section(known.map(|(_, it)| (it.name.as_str(), it)));
        let wanted = section(destinations.iter().map(|it| (it.name.as_str(), it)));
        let mut of_connection = differences(ChangedThing::Destination, &stored, &wanted, left);
        for change in &mut of_connection {
            change.connection = Some(connection.name.clone());
        }
        changes.extend(of_connection);
    }
    if let Some(rules) = &wanted.rules {
        let known = section(stored.rules.iter().flatten().map(|it| (it.name.as_str(), it)));
        let wanted = section(rules.iter().map(|it| (it.name.as_str(), it)));
        changes.extend(differences(ChangedThing::Rule, &known, &wanted, left));
        changes.extend(reordered(&names(&known), &names(&wanted), prune));
    }
    if let Some(wanted) = &wanted.suppressions {
        let known = section(stored.suppressions.iter().flatten().map(|it| (it.name.as_str(), it)));
        let wanted = section(wanted.iter().map(|it| (it.name.as_str(), it)));
        changes.extend(differences(ChangedThing::Suppression, &known, &wanted, left));
    }
    if let Some(wanted) = &wanted.sla {
        let stored = section(stored.sla.iter().map(|it| ("", it)));
        let wanted = section(std::iter::once(("", wanted)));
        changes.extend(differences(ChangedThing::Sla, &stored, &wanted, ChangeAction::LeaveAlone));
    }
    changes
}

fn change(action: ChangeAction, thing: ChangedThing, name: &str) -> Change {
    Change { action, thing, name: name.to_owned(), connection: None, fields: Vec::new() }
}

fn section<'a, T: Serialize + 'a>(things: impl Iterator<Item = (&'a str, &'a T)>) -> Section<'a> {
    things.map(|(name, thing)| (name, serde_json::to_value(thing).unwrap_or_default())).collect()
}

fn names<'a>(section: &Section<'a>) -> Vec<&'a str> {
    section.iter().map(|(name, _)| *name).collect()
}

/// Only what the wanted one says is compared.
fn changed_connection(known: &Connection, wanted: &Connection) -> Option<Change> {
    let plain = |connection: &Connection| Connection {
        // These cannot be changed here, and may be spelled in several ways.
        instance_url: None,
        organization: None,
        sign_in: None,
        destinations: None,
        ..connection.clone()
    };
    let (Ok(known), Ok(Value::Object(wanted))) =
        (serde_json::to_value(plain(known)), serde_json::to_value(plain(wanted)))
    else {
        return None;
    };
    let mut fields = Vec::new();
    for (word, new) in &wanted {
        differ(word.clone(), known.get(word), Some(new), &mut fields);
    }
    let name = wanted.get("name").and_then(Value::as_str).unwrap_or_default();
    (!fields.is_empty())
        .then(|| Change { fields, ..change(ChangeAction::Change, ChangedThing::Connection, name) })
}

fn differences(thing: ChangedThing, stored: &Section, wanted: &Section, left: ChangeAction) -> Vec<Change> {
    // Templates and suppression rules differ by more than case, and their case may be changed.
    let is_same = |one: &str, other: &str| match thing {
        ChangedThing::Templates | ChangedThing::Suppression => one.to_lowercase() == other.to_lowercase(),
        _ => one == other,
    };
    let mut changes = Vec::new();
    for (name, old) in stored {
        match wanted.iter().find(|(other, _)| is_same(name, other)) {
            None => changes.push(change(left, thing, name)),
            Some((_, new)) if old == new => {}
            Some((_, new)) => {
                let mut fields = Vec::new();
                differ(String::new(), Some(old), Some(new), &mut fields);
                changes.push(Change { fields, ..change(ChangeAction::Change, thing, name) });
            }
        }
    }
    for (name, new) in wanted {
        if !stored.iter().any(|(other, _)| is_same(name, other)) {
            let mut fields = Vec::new();
            differ(String::new(), Some(&Value::Object(Default::default())), Some(new), &mut fields);
            fields.retain(|field| field.path != "name");
            changes.push(Change { fields, ..change(ChangeAction::Create, thing, name) });
        }
    }
    changes
}

/// Rules that are there already stand in another order. Where a new rule stands is told by its creation.
fn reordered(stored: &[&str], wanted: &[&str], prune: bool) -> Option<Change> {
    let kept: Vec<&str> = stored.iter().copied().filter(|name| !prune || wanted.contains(name)).collect();
    let placed = place(&kept, wanted);
    let new: Vec<&str> = placed.iter().map(String::as_str).filter(|name| kept.contains(name)).collect();
    (kept != new).then(|| Change {
        fields: vec![FieldChange { path: "order".into(), old: Some(kept.into()), new: Some(new.into()) }],
        ..change(ChangeAction::Reorder, ChangedThing::Rule, "")
    })
}

/// Every field below `path` whose value differs. Lists are compared whole: their order means something.
fn differ(path: String, old: Option<&Value>, new: Option<&Value>, fields: &mut Vec<FieldChange>) {
    if old == new {
        return;
    }
    let (Some(Value::Object(before)), Some(Value::Object(after))) = (old, new) else {
        fields.push(FieldChange { path, old: old.cloned(), new: new.cloned() });
        return;
    };
    let words: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    for word in words {
        let is_plain = word.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
        let path = match (is_plain, path.is_empty()) {
            (true, true) => word.clone(),
            (true, false) => format!("{path}.{word}"),
            (false, _) => format!("{path}[{word}]"),
        };
        differ(path, before.get(word), after.get(word), fields);
    }
}
