//! What happened to a work item, change by change (azure-devops.md section 7.4). Also changes of links between items
//! are here, which make no revision.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, Utc};
use model::WorkItemId;
use model::board::Person;
use serde::Deserialize;
use serde_json::Value;

use crate::client::{Call, Client};
use crate::discovery::Listed;
use crate::error::Error;
use crate::item::{Item, Relation, date, lenient_integer, null_is_empty, person};
use crate::links::Link;
use crate::route::Version;
use crate::work_items::READ_BATCH;

const PAGE: usize = 200;
/// 10,000 revisions are all an item may have (section 7.10); as many changes of links are granted.
const MOST_PAGES: usize = 101;

/// One change of a work item.
#[derive(Clone, Debug, PartialEq)]
pub struct Update {
    /// Number of the change, from 1. Not the revision: some changes make none.
    pub id: i64,
    /// The revision after it.
    pub revision: i64,
    /// Who did it.
    pub by: Person,
    /// When, where told.
    pub at: Option<DateTime<Utc>>,
    /// Fields that changed, by reference name.
    pub fields: BTreeMap<String, FieldUpdate>,
    /// Links that came, or were edited.
    pub links_added: Vec<Link>,
    /// Links that went.
    pub links_removed: Vec<Link>,
}

/// The change of a field. None is empty.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct FieldUpdate {
    /// Value before.
    pub old_value: Option<Value>,
    /// Value after.
    pub new_value: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawUpdate {
    #[serde(deserialize_with = "lenient_integer")]
    id: i64,
    #[serde(deserialize_with = "lenient_integer")]
    rev: i64,
    #[serde(default)]
    revised_by: Value,
    #[serde(default, deserialize_with = "null_is_empty")]
    revised_date: String,
    #[serde(default, deserialize_with = "null_is_empty")]
    fields: BTreeMap<String, FieldUpdate>,
    #[serde(default, deserialize_with = "null_is_empty")]
    relations: RawRelations,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawRelations {
    #[serde(deserialize_with = "null_is_empty")]
    added: Vec<Relation>,
    #[serde(deserialize_with = "null_is_empty")]
    removed: Vec<Relation>,
    #[serde(deserialize_with = "null_is_empty")]
    updated: Vec<Relation>,
}

impl RawUpdate {
    fn into_update(self) -> Update {
        // `revisedDate` of a revision says when the next one took its place (the year 9999 for the newest), so the
        // change itself is dated by its field; a change of links alone has only the former.
        let changed =
            self.fields.get("System.ChangedDate").and_then(|field| field.new_value.as_ref()?.as_str());
        let revised = date(&self.revised_date).filter(|date| date.year() < 9999 && self.fields.is_empty());
        let by = self
            .fields
            .get("System.ChangedBy")
            .and_then(|field| person(field.new_value.as_ref()?))
            .filter(|person| !person.id.is_empty());
        let links = |relations: &[Relation]| relations.iter().map(Relation::link).collect::<Vec<_>>();
        let mut links_added = links(&self.relations.added);
        links_added.extend(links(&self.relations.updated));
        Update {
            id: self.id,
            revision: self.rev,
            by: by.or_else(|| reviser(&self.revised_by)).unwrap_or_default(),
            at: changed.and_then(date).or(revised),
            links_added,
            links_removed: links(&self.relations.removed),
            fields: self.fields,
        }
    }
}

/// `revisedBy` has a `name` (`Name <mail>`) in all versions, and the parts of it in some.
fn reviser(value: &Value) -> Option<Person> {
    let told = person(value).unwrap_or_default();
    let named = value.get("name").and_then(person).unwrap_or_default();
    let either = |one: String, two: String| if one.is_empty() { two } else { one };
    let both = Person {
        id: told.id,
        display_name: either(told.display_name, named.display_name),
        unique_name: either(told.unique_name, named.unique_name),
    };
    (both != Person::default()).then_some(both)
}

impl Client {
    /// The changes of a work item, oldest first, without the first `skip`. Works wherever the item is by now.
    ///
    /// # Errors
    /// [`Error::NotFound`] if it was deleted or may not be read; those of a read.
    pub async fn updates(&self, id: WorkItemId, skip: usize) -> Result<Vec<Update>, Error> {
        let mut updates = Vec::new();
        for _ in 0..MOST_PAGES {
            let route = self
                .route(&["_apis", "wit", "workItems", &id.to_string(), "updates"], Version::Released)
                .with("$top", &PAGE.to_string())
                .with("$skip", &(skip + updates.len()).to_string());
            let operation = format!("read the history of work item {id}");
            let page: Listed<RawUpdate> = self.json(Call::get(operation, route)).await?;
            let is_last = page.value.len() < PAGE;
            updates.extend(page.value.into_iter().map(RawUpdate::into_update));
            if is_last {
                break;
            }
        }
        Ok(updates)
    }

    /// A work item as it was right after a revision, and after those that followed, at most [`READ_BATCH`], oldest first.
    /// Works wherever the item is by now.
    ///
    /// # Errors
    /// [`Error::NotFound`] if it was deleted or may not be read; those of a read.
    pub async fn revisions_after(
        &self,
        id: WorkItemId,
        revision: i64,
        most: usize,
    ) -> Result<Vec<Item>, Error> {
        let route = self
            .route(&["_apis", "wit", "workItems", &id.to_string(), "revisions"], Version::Released)
            .with("$top", &most.min(READ_BATCH).to_string())
            .with("$skip", &revision.to_string())
            .with("$expand", "relations");
        let operation = format!("read what became of work item {id} after revision {revision}");
        let page: Listed<Item> = self.json(Call::get(operation, route)).await?;
        // What is skipped is a number of revisions: should they ever not be counted from 1, none is better than a wrong one.
        Ok(page.value.into_iter().filter(|item| item.revision() > revision).collect())
    }
}
