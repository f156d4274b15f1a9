//! A work item as the service gave it, and the neutral view of it.
//!
//! Everything is optional and everything may be null: fields that are empty are absent, identities are objects or
//! `Name <mail>` strings, numbers may be strings (azure-devops.md section 7.1).

use chrono::{DateTime, Utc};
use model::WorkItemId;
use model::board::{Hyperlink, Person, WorkItem};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::shape::ItemShape;

/// A work item at one revision, with the raw fields of the service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Item {
    #[serde(deserialize_with = "lenient_integer")]
    id: i64,
    #[serde(rename = "rev", deserialize_with = "lenient_integer")]
    revision: i64,
    #[serde(default, deserialize_with = "null_is_empty")]
    fields: Map<String, Value>,
    #[serde(default, deserialize_with = "null_is_empty")]
    pub(crate) relations: Vec<Relation>,
    #[serde(default, rename = "multilineFieldsFormat", deserialize_with = "null_is_empty")]
    formats: Map<String, Value>,
    #[serde(default, rename = "_links", skip_serializing_if = "Value::is_null")]
    links: Value,
    #[serde(default, deserialize_with = "null_is_empty")]
    url: String,
}

/// A link of a work item to anything; see [`crate::Link`] for what it means.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Relation {
    #[serde(default, deserialize_with = "null_is_empty")]
    pub(crate) rel: String,
    #[serde(default, deserialize_with = "null_is_empty")]
    pub(crate) url: String,
    #[serde(default, deserialize_with = "null_is_empty")]
    pub(crate) attributes: Map<String, Value>,
}

impl Item {
    /// Number.
    pub fn id(&self) -> WorkItemId {
        WorkItemId(self.id)
    }

    /// Revision that was read.
    pub fn revision(&self) -> i64 {
        self.revision
    }

    /// A field by reference name, as the service gave it; none if it is empty.
    pub fn field(&self, reference_name: &str) -> Option<&Value> {
        self.fields.get(reference_name).filter(|value| !value.is_null())
    }

    /// A field as text; none if it is empty or no text.
    pub fn text(&self, reference_name: &str) -> Option<&str> {
        self.field(reference_name)?.as_str().filter(|text| !text.is_empty())
    }

    /// Links to pages. Empty for answers without relations.
    pub fn hyperlinks(&self) -> Vec<Hyperlink> {
        self.relations
            .iter()
            .filter(|relation| relation.rel == "Hyperlink")
            .map(|relation| Hyperlink {
                url: relation.url.clone(),
                comment: relation
                    .attributes
                    .get("comment")
                    .and_then(Value::as_str)
                    .unwrap_or_default()
                    .to_owned(),
            })
            .collect()
    }

    /// The neutral view. `shape` says which fields hold description, severity, column and lane.
    ///
    /// A date that is missing or unreadable becomes 1970-01-01.
    pub fn view(&self, shape: &ItemShape) -> WorkItem {
        let text = |name: &str| self.text(name).unwrap_or_default().to_owned();
        let optional =
            |name: &Option<String>| name.as_deref().and_then(|name| self.text(name)).map(str::to_owned);
        WorkItem {
            id: self.id(),
            revision: self.revision,
            project: text("System.TeamProject"),
            work_item_type: text("System.WorkItemType"),
            state: text("System.State"),
            column: optional(&shape.column_field),
            column_done: shape.done_field.as_deref().and_then(|name| self.field(name)).and_then(boolean),
            lane: optional(&shape.lane_field),
            title: text("System.Title"),
            priority: shape.priority_field.as_deref().and_then(|name| self.field(name)).and_then(integer),
            severity: optional(&shape.severity_field),
            due_date: optional(&shape.due_date_field).as_deref().and_then(date),
            tags: tags(self.text("System.Tags").unwrap_or_default()),
            description: self.text(&shape.description_field).map(str::to_owned),
            description_is_markdown: self
                .formats
                .get(&shape.description_field)
                .and_then(Value::as_str)
                .is_some_and(|format| format.eq_ignore_ascii_case("markdown")),
            assignee: self.field("System.AssignedTo").and_then(person),
            area: text("System.AreaPath"),
            iteration: text("System.IterationPath"),
            created_at: self.date("System.CreatedDate"),
            created_by: self.person("System.CreatedBy"),
            changed_at: self.date("System.ChangedDate"),
            changed_by: self.person("System.ChangedBy"),
            hyperlinks: self.hyperlinks(),
            attachments: self.attachments(),
            comment_count: self.field("System.CommentCount").and_then(integer).unwrap_or(0),
            web_url: self.web_url(),
        }
    }

    fn date(&self, name: &str) -> DateTime<Utc> {
        self.text(name).and_then(date).unwrap_or(DateTime::UNIX_EPOCH)
    }

    fn person(&self, name: &str) -> Person {
        self.field(name).and_then(person).unwrap_or_default()
    }

    /// The page for people. Reads with relations carry no links, so it is made from the item's own address.
    fn web_url(&self) -> String {
        if let Some(href) = self.links.pointer("/html/href").and_then(Value::as_str) {
            return href.to_owned();
        }
        match self.url.split_once("/_apis/") {
            Some((base, _)) => format!("{base}/_workitems/edit/{}", self.id),
            None => String::new(),
        }
    }
}

/// Tags of the one string they travel in (azure-devops.md section 7.3).
fn tags(text: &str) -> Vec<String> {
    text.split(';').map(str::trim).filter(|tag| !tag.is_empty()).map(str::to_owned).collect()
}

/// An identity: an object, or `Name <unique name>`.
pub(crate) fn person(value: &Value) -> Option<Person> {
    match value {
        Value::Object(identity) => {
            let text = |name: &str| identity.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
            let person =
                Person { id: text("id"), display_name: text("displayName"), unique_name: text("uniqueName") };
            (person != Person::default()).then_some(person)
        }
        Value::String(text) if !text.trim().is_empty() => {
            let text = text.trim();
            let (display_name, unique_name) =
                match text.strip_suffix('>').and_then(|text| text.rsplit_once('<')) {
                    Some((name, unique)) => (name.trim(), unique.trim()),
                    None => (text, ""),
                };
            Some(Person {
                id: String::new(),
                display_name: display_name.to_owned(),
                unique_name: unique_name.to_owned(),
            })
        }
        _ => None,
    }
}

pub(crate) fn date(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text).ok().map(|date| date.with_timezone(&Utc))
}

pub(crate) fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number
            .as_i64()
            .or_else(|| number.as_f64().filter(|number| number.abs() < 1e15).map(|number| number as i64)),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

pub(crate) fn boolean(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(value) => Some(*value),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// A number that some answers give as text (the recycle bin does).
pub(crate) fn lenient_integer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    let value = Value::deserialize(deserializer)?;
    integer(&value).ok_or_else(|| serde::de::Error::custom(format!("{value} is not a whole number")))
}

/// Null where a value was expected.
pub(crate) fn null_is_empty<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
