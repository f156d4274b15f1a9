//! The process definitions as data: which types there are, their states, transitions, reasons and fields.
//!
//! The files beside this module state published facts (azure-devops.md section 6.2) in a format of our own; a
//! test compares them with the process fixtures. `@` in a reference name stands for `Microsoft.VSTS.`.
//! A rule reads `field: action`; the actions are `empty`, `now`, `actor`, `required`, `readonly`, `copy <field>`,
//! `only <field>` (a copy beside which no other value is allowed), `value <text>`, `default actor` and
//! `default <text>`. Left to others: applying them (`state::rules`).

use std::{collections::HashMap, sync::OnceLock};

use serde::{Deserialize, Serialize};

/// One of the four system processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProcessKind {
    /// Agile: User Story, Bug with four states.
    Agile,
    /// Scrum: Product Backlog Item, Bug with Approved and Committed.
    Scrum,
    /// Basic: Epic, Issue, Task; To Do, Doing, Done.
    Basic,
    /// CMMI: Requirement, restricted transitions, an assignee required in Active and Resolved.
    Cmmi,
}

/// A process: backlog levels top-down and work item types.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Process {
    pub(crate) name: String,
    pub(crate) template_type_id: String,
    pub(crate) backlogs: Vec<Backlog>,
    pub(crate) types: Vec<TypeDef>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Backlog {
    pub(crate) category: String,
    pub(crate) name: String,
    pub(crate) kind: BacklogKind,
    pub(crate) color: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum BacklogKind {
    Portfolio,
    Requirement,
    Task,
}

#[derive(Debug, Deserialize)]
pub(crate) struct TypeDef {
    pub(crate) name: String,
    pub(crate) color: String,
    pub(crate) icon: String,
    pub(crate) category: Option<String>,
    pub(crate) description: String,
    pub(crate) states: Vec<StateDef>,
    pub(crate) transitions: Vec<Transition>,
    pub(crate) fields: Vec<TypeField>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct StateDef {
    pub(crate) name: String,
    pub(crate) category: String,
    pub(crate) color: String,
    #[serde(default)]
    pub(crate) rules: Vec<Rule>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Transition {
    /// Empty for creation.
    pub(crate) from: String,
    pub(crate) to: String,
    /// The default reason comes first.
    pub(crate) reasons: Vec<String>,
    #[serde(default)]
    pub(crate) actions: Vec<String>,
    #[serde(default)]
    pub(crate) rules: Vec<Rule>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct TypeField {
    #[serde(rename = "ref", deserialize_with = "expanded")]
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) required: bool,
    pub(crate) default: Option<String>,
    #[serde(default)]
    pub(crate) allowed: Vec<String>,
    #[serde(default)]
    pub(crate) suggested: Vec<String>,
}

/// What happens to one field in a state or on a transition.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Rule {
    pub(crate) field: String,
    pub(crate) action: Action,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Empty,
    Now,
    Actor,
    Required,
    ReadOnly,
    Copy(String),
    Only(String),
    Value(String),
    DefaultActor,
    Default(String),
}

impl TryFrom<String> for Rule {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let (field, action) = text.split_once(": ").ok_or_else(|| format!("rule without a colon: {text}"))?;
        let action = match action {
            "empty" => Action::Empty,
            "now" => Action::Now,
            "actor" => Action::Actor,
            "required" => Action::Required,
            "readonly" => Action::ReadOnly,
            "default actor" => Action::DefaultActor,
            other => match other.split_once(' ') {
                Some(("copy", from)) => Action::Copy(expand(from)),
                Some(("only", from)) => Action::Only(expand(from)),
                Some(("value", value)) => Action::Value(value.to_owned()),
                Some(("default", value)) => Action::Default(value.to_owned()),
                _ => return Err(format!("unknown action: {text}")),
            },
        };
        Ok(Self { field: expand(field), action })
    }
}

fn expand(name: &str) -> String {
    name.strip_prefix('@').map_or_else(|| name.to_owned(), |rest| format!("Microsoft.VSTS.{rest}"))
}

fn expanded<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(expand(&String::deserialize(deserializer)?))
}

impl ProcessKind {
    /// All four, in the order the service offers them.
    pub(crate) const ALL: [Self; 4] = [Self::Agile, Self::Scrum, Self::Basic, Self::Cmmi];

    pub(crate) fn definition(self) -> &'static Process {
        static PROCESSES: OnceLock<HashMap<ProcessKind, Process>> = OnceLock::new();
        let all = PROCESSES.get_or_init(|| {
            ProcessKind::ALL
                .into_iter()
                .map(|kind| {
                    let text = match kind {
                        ProcessKind::Agile => include_str!("processes/agile.json"),
                        ProcessKind::Scrum => include_str!("processes/scrum.json"),
                        ProcessKind::Basic => include_str!("processes/basic.json"),
                        ProcessKind::Cmmi => include_str!("processes/cmmi.json"),
                    };
                    (kind, serde_json::from_str(text).expect("the process definitions are compiled in"))
                })
                .collect()
        });
        &all[&self]
    }
}

impl Process {
    pub(crate) fn type_named(&self, name: &str) -> Option<&TypeDef> {
        self.types
            .iter()
            .find(|t| t.name.eq_ignore_ascii_case(name) || t.reference_name().eq_ignore_ascii_case(name))
    }

    /// The types of a backlog level, without bugs (a team decides where those go).
    pub(crate) fn types_of<'a>(&'a self, category: &'a str) -> impl Iterator<Item = &'a TypeDef> {
        self.types.iter().filter(move |t| t.category.as_deref() == Some(category))
    }
}

impl TypeDef {
    pub(crate) fn reference_name(&self) -> String {
        format!("Microsoft.VSTS.WorkItemTypes.{}", self.name.replace(' ', ""))
    }

    pub(crate) fn state(&self, name: &str) -> Option<&StateDef> {
        self.states.iter().find(|s| s.name.eq_ignore_ascii_case(name))
    }

    pub(crate) fn transition(&self, from: &str, to: &str) -> Option<&Transition> {
        self.transitions.iter().find(|t| t.from == from && t.to == to)
    }

    pub(crate) fn initial(&self) -> &Transition {
        self.transitions.iter().find(|t| t.from.is_empty()).expect("every type has an initial state")
    }

    pub(crate) fn field(&self, name: &str) -> Option<&TypeField> {
        self.fields.iter().find(|f| f.name == name)
    }
}

/// A field of the organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FieldDef {
    pub(crate) reference_name: String,
    pub(crate) name: String,
    pub(crate) kind: FieldKind,
    pub(crate) identity: bool,
    pub(crate) read_only: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum FieldKind {
    String,
    Integer,
    Double,
    DateTime,
    Boolean,
    Html,
    History,
    PlainText,
    TreePath,
}

/// The fields every organization has, by lower-case reference name; the board fields of teams are added by
/// `state::boards`.
pub(crate) fn fields() -> &'static HashMap<String, FieldDef> {
    static FIELDS: OnceLock<HashMap<String, FieldDef>> = OnceLock::new();
    FIELDS.get_or_init(|| {
        include_str!("processes/fields.txt")
            .lines()
            .map(|line| {
                let mut parts = line.split('|');
                let mut next = || parts.next().unwrap_or_default();
                let (reference_name, name, kind, flags) = (next(), next(), next(), next());
                let kind = serde_json::from_value(kind.into()).expect("field kinds are compiled in");
                let field = FieldDef {
                    reference_name: reference_name.to_owned(),
                    name: name.to_owned(),
                    kind,
                    identity: flags.contains("identity"),
                    read_only: flags.contains("readonly"),
                };
                (reference_name.to_ascii_lowercase(), field)
            })
            .collect()
    })
}
