//! The rule engine: values are converted, states and reasons checked, defaults and state-dependent people and
//! dates filled in, cards placed. Knows fields and definitions, nothing of patches or revisions.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::{
    boards,
    call::time,
    errors::{ApiError, RuleError},
    html, identities,
    model::{Fields, Organization, Project},
};
use crate::processes::{Action, FieldDef, FieldKind, Rule, Transition, TypeDef, fields};

/// The longest title and other single-line text.
const MAX_LINE: usize = 255;
/// The longest long text.
const MAX_TEXT: usize = 1_000_000;

/// Why a value cannot be taken.
pub(crate) enum Refused {
    Rule(RuleError),
    Request(ApiError),
}

/// A sent value in the form it is stored in; `None` clears the field.
pub(crate) fn converted(
    org: &Organization,
    project: &Project,
    field: &FieldDef,
    value: &Value,
    markdown: bool,
) -> Result<Option<Value>, Refused> {
    let name = field.reference_name.as_str();
    let wrong_type = || Refused::Rule(RuleError::invalid_type(name, &field.name));
    if field.identity {
        return identity(org, field, value);
    }
    let text = match value {
        Value::Null => return Ok(None),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Array(_) | Value::Object(_) => return Err(wrong_type()),
    };
    if text.trim().is_empty() {
        return Ok(None);
    }
    let stored = match field.kind {
        FieldKind::String => {
            if text.chars().count() > MAX_LINE {
                return Err(Refused::Request(ApiError::too_long(name)));
            }
            text.trim_end().into()
        }
        FieldKind::Integer => {
            let number = text.parse::<f64>().ok().filter(|n| n.fract() == 0.0 && n.abs() < 2_147_483_648.0);
            #[expect(clippy::cast_possible_truncation, reason = "checked to be a whole number of 32 bits")]
            let number = number.ok_or_else(wrong_type)? as i64;
            number.into()
        }
        FieldKind::Double => text.parse::<f64>().map_err(|_| wrong_type())?.into(),
        FieldKind::Boolean => match text.to_ascii_lowercase().as_str() {
            "true" | "1" => true.into(),
            "false" | "0" => false.into(),
            _ => return Err(wrong_type()),
        },
        FieldKind::DateTime => time(parse_time(&text).ok_or_else(wrong_type)?).into(),
        FieldKind::Html | FieldKind::History | FieldKind::PlainText => {
            if text.len() > MAX_TEXT {
                return Err(Refused::Request(ApiError::too_long(name)));
            }
            match field.kind {
                FieldKind::PlainText => text.into(),
                _ if markdown => text.into(),
                _ => html::sanitised(&text).into(),
            }
        }
        FieldKind::TreePath => {
            let root = if name == "System.AreaPath" { &project.areas } else { &project.iterations };
            let found = root.resolve(&text);
            found.ok_or_else(|| Refused::Request(ApiError::no_tree_name(name)))?.0.into()
        }
    };
    if org.picklist(name).is_some_and(|list| !list.takes(&stored)) {
        let refused = RuleError::not_in_list(name, &field.name, &text_of(Some(&stored)), false);
        return Err(Refused::Rule(refused));
    }
    Ok(Some(stored))
}

fn identity(org: &Organization, field: &FieldDef, value: &Value) -> Result<Option<Value>, Refused> {
    let text = match value {
        Value::Null => return Ok(None),
        Value::String(text) => text.clone(),
        Value::Object(_) => {
            let named = ["uniqueName", "displayName"].iter().find_map(|k| value[k].as_str());
            named.unwrap_or_default().to_owned()
        }
        _ => value.to_string(),
    };
    if text.trim().is_empty() {
        return Ok(None);
    }
    let found = identities::resolve(org, &text);
    let refused = || Refused::Rule(RuleError::unknown_identity(&field.reference_name, &field.name, &text));
    Ok(Some(found.ok_or_else(refused)?.to_string().into()))
}

/// ISO times with or without an offset, and plain dates.
pub(crate) fn parse_time(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim();
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Some(at.with_timezone(&Utc));
    }
    for format in ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%m/%d/%Y %H:%M:%S"] {
        if let Ok(at) = chrono::NaiveDateTime::parse_from_str(text, format) {
            return Some(at.and_utc());
        }
    }
    let date = ["%Y-%m-%d", "%m/%d/%Y"].iter().find_map(|f| NaiveDate::parse_from_str(text, f).ok());
    date.and_then(|d| d.and_hms_opt(0, 0, 0)).map(|at| at.and_utc())
}

/// What is needed to settle the fields of one save.
pub(crate) struct Settling<'a> {
    pub(crate) project: &'a Project,
    pub(crate) kind: &'static TypeDef,
    /// None on creation.
    pub(crate) before: Option<&'a Fields>,
    /// Canonical names that the request itself set or cleared.
    pub(crate) written: &'a BTreeSet<String>,
    pub(crate) actor: Uuid,
    pub(crate) now: DateTime<Utc>,
    pub(crate) bypass: bool,
}

impl Settling<'_> {
    /// Completes `fields` in place and returns what is wrong with them.
    pub(crate) fn settle(&self, fields: &mut Fields) -> Vec<RuleError> {
        let mut errors = Vec::new();
        // An item that becomes one of another type gets that type's defaults; whether the service does so is a guess.
        if self.before.is_none() || self.written.contains("System.WorkItemType") {
            self.defaults(fields);
        }
        let transition = self.state(fields, &mut errors);
        let written = |name: &str| self.written.contains(name);
        boards::place(self.project, &self.kind.name, fields, &mut errors, &written);
        self.values(fields, &mut errors);
        self.guards(fields, transition, &mut errors);
        if self.bypass { Vec::new() } else { errors }
    }

    fn defaults(&self, fields: &mut Fields) {
        let root = Value::from(self.project.name.clone());
        for path in ["System.AreaPath", "System.IterationPath"] {
            fields.entry(path.into()).or_insert_with(|| root.clone());
        }
        for field in &self.kind.fields {
            if let Some(default) = &field.default
                && !fields.contains_key(&field.name)
            {
                fields.insert(field.name.clone(), typed(&field.name, default));
            }
        }
    }

    /// Settles state and reason, and fills in what follows from them. Answers how the state changed.
    fn state(&self, fields: &mut Fields, errors: &mut Vec<RuleError>) -> Moved {
        let from = self.before.map_or("", |f| text(f, "System.State")).to_owned();
        let initial = &self.kind.initial().to;
        fields.entry("System.State".into()).or_insert_with(|| initial.clone().into());
        let written = |name: &str| self.written.contains(name);
        if let Some(asked) =
            boards::state_from_column(self.project, &self.kind.name, fields, &written, errors)
            && asked != text(fields, "System.State")
        {
            if written("System.State") {
                errors.push(RuleError::board_column());
            } else {
                fields.insert("System.State".into(), asked.into());
            }
        }
        let wanted = text(fields, "System.State").to_owned();
        let Some(state) = self.kind.state(&wanted) else {
            errors.push(RuleError::not_in_list("System.State", "State", &wanted, true));
            return Moved::No;
        };
        fields.insert("System.State".into(), state.name.clone().into());
        if from == state.name {
            self.keep_reason(fields, errors, &from);
            return Moved::No;
        }
        let transition = self.kind.transition(&from, &state.name);
        if transition.is_none() && !self.bypass {
            errors.push(RuleError::not_in_list("System.State", "State", &wanted, true));
            return Moved::Otherwise;
        }
        let reasons = transition.map(|t| t.reasons.as_slice()).unwrap_or_default();
        let default = reasons.first().cloned().unwrap_or_else(|| format!("Moved to state {}", state.name));
        if !written("System.Reason") {
            fields.insert("System.Reason".into(), default.into());
        } else if !self.bypass && !reasons.iter().any(|r| r == text(fields, "System.Reason")) {
            let reason = text(fields, "System.Reason").to_owned();
            errors.push(RuleError::not_in_list("System.Reason", "Reason", &reason, false));
        }
        fields.insert("Microsoft.VSTS.Common.StateChangeDate".into(), time(self.now).into());
        if let Some(transition) = transition {
            self.apply(&transition.rules, fields);
        }
        self.apply(&state.rules, fields);
        transition.map_or(Moved::Otherwise, Moved::By)
    }

    /// A reason may be changed without the state, to another one that leads here.
    fn keep_reason(&self, fields: &mut Fields, errors: &mut Vec<RuleError>, state: &str) {
        let reason = text(fields, "System.Reason").to_owned();
        let before = self.before.map_or("", |f| text(f, "System.Reason"));
        if reason.is_empty() {
            fields.insert("System.Reason".into(), before.into());
        } else if reason != before
            && !self.kind.transitions.iter().any(|t| t.to == state && t.reasons.contains(&reason))
        {
            errors.push(RuleError::not_in_list("System.Reason", "Reason", &reason, false));
        }
    }

    fn apply(&self, rules: &[Rule], fields: &mut Fields) {
        for rule in rules {
            let empty = text_of(fields.get(&rule.field)).is_empty();
            let value: Option<Value> = match &rule.action {
                Action::Empty => {
                    fields.remove(&rule.field);
                    continue;
                }
                Action::Now => Some(time(self.now).into()),
                Action::Actor => Some(self.actor.to_string().into()),
                Action::Copy(from) | Action::Only(from) => fields.get(from).cloned(),
                Action::Value(value) => Some(typed(&rule.field, value)),
                Action::DefaultActor if empty => Some(self.actor.to_string().into()),
                Action::Default(value) if empty => Some(typed(&rule.field, value)),
                Action::DefaultActor | Action::Default(_) | Action::Required | Action::ReadOnly => continue,
            };
            // What the person set themselves wins over copies; stamps of who and when do not.
            let stamp = matches!(rule.action, Action::Now | Action::Actor) && !self.bypass;
            if stamp || !self.written.contains(&rule.field) {
                match value {
                    Some(value) => fields.insert(rule.field.clone(), value),
                    None => fields.remove(&rule.field),
                };
            }
        }
    }

    /// Required fields and value lists. They hold at every save, also of fields that nobody wrote: an item of another
    /// type, or one that was saved past the rules, is mended before anything else is taken.
    fn values(&self, fields: &Fields, errors: &mut Vec<RuleError>) {
        for field in &self.kind.fields {
            let value = text_of(fields.get(&field.name));
            if value.is_empty() {
                if field.required {
                    errors.push(RuleError::empty(&field.name, &label(&field.name)));
                }
            } else if !field.allowed.is_empty() && !field.allowed.contains(&value) {
                errors.push(RuleError::not_in_list(&field.name, &label(&field.name), &value, field.required));
            }
        }
        let state = self.kind.state(text(fields, "System.State"));
        for rule in state.map(|s| s.rules.as_slice()).unwrap_or_default() {
            if rule.action == Action::Required && text_of(fields.get(&rule.field)).is_empty() {
                errors.push(RuleError::empty(&rule.field, &label(&rule.field)));
            }
        }
    }

    /// What may not be written: fields of a state or a transition that are read-only there, stamps while the state
    /// stays, and values beside the one that a transition sets.
    fn guards(&self, fields: &Fields, moved: Moved, errors: &mut Vec<RuleError>) {
        let Some(before) = self.before else { return };
        let rewritten = |name: &str| {
            self.written.contains(name) && text_of(fields.get(name)) != text_of(before.get(name))
        };
        let transition = if let Moved::By(transition) = moved { transition.rules.as_slice() } else { &[] };
        let state =
            self.kind.state(text(fields, "System.State")).map(|s| s.rules.as_slice()).unwrap_or_default();
        for rule in transition.iter().chain(state) {
            match &rule.action {
                Action::ReadOnly if rewritten(&rule.field) => errors.push(RuleError::read_only(&rule.field)),
                Action::Only(from) if text_of(fields.get(&rule.field)) != text_of(fields.get(from)) => {
                    let value = text_of(fields.get(&rule.field));
                    errors.push(RuleError::not_in_list(&rule.field, &label(&rule.field), &value, false));
                }
                _ => {}
            }
        }
        if matches!(moved, Moved::No) {
            for name in STAMPS.iter().filter(|name| rewritten(name)) {
                errors.push(RuleError::read_only(name));
            }
        }
    }
}

/// How a save changes the state.
#[derive(Clone, Copy)]
enum Moved {
    No,
    By(&'static Transition),
    /// Past the transitions, or not at all in the end.
    Otherwise,
}

/// Who and when of a state: to be written only together with the state. The published definitions say so for every
/// type that has them; for the types of Basic, of which none is published, it is a guess.
const STAMPS: [&str; 7] = [
    "Microsoft.VSTS.Common.ActivatedBy",
    "Microsoft.VSTS.Common.ActivatedDate",
    "Microsoft.VSTS.Common.ClosedBy",
    "Microsoft.VSTS.Common.ClosedDate",
    "Microsoft.VSTS.Common.ResolvedBy",
    "Microsoft.VSTS.Common.ResolvedDate",
    "Microsoft.VSTS.Common.StateChangeDate",
];

/// Name of a field for people.
fn label(name: &str) -> String {
    fields().get(&name.to_ascii_lowercase()).map_or_else(|| name.to_owned(), |f| f.name.clone())
}

fn text<'a>(fields: &'a Fields, name: &str) -> &'a str {
    fields.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn text_of(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// A default of the definitions in the type of its field.
fn typed(name: &str, value: &str) -> Value {
    match fields().get(&name.to_ascii_lowercase()).map(|f| f.kind) {
        Some(FieldKind::Integer) => value.parse::<i64>().map_or_else(|_| value.into(), Value::from),
        Some(FieldKind::Double) => value.parse::<f64>().map_or_else(|_| value.into(), Value::from),
        _ => value.into(),
    }
}
