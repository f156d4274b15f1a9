//! Picklists: fields of an inherited process whose values an organization chose (azure-devops.md section 6). They
//! come with the seed. A simplification: every type of the organization has such a field.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Ids,
    call::{Answer, World, collection, ok},
    errors::ApiError,
    model::Organization,
};
use crate::{
    processes::{FieldDef, FieldKind},
    seed::{PicklistKind, PicklistSeed},
};

/// A list with the field that it belongs to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Picklist {
    pub(crate) id: Uuid,
    /// Made by the service, with a GUID that is not the list's own.
    pub(crate) name: String,
    /// Reference name of the field.
    pub(crate) field: String,
    /// Shown name of the field.
    pub(crate) label: String,
    pub(crate) kind: PicklistKind,
    pub(crate) items: Vec<String>,
    /// Other values are allowed, too.
    pub(crate) suggested: bool,
}

impl Picklist {
    pub(crate) fn seeded(seed: &PicklistSeed, ids: &mut Ids) -> Self {
        Self {
            id: ids.guid(),
            name: format!("picklist_{}", ids.guid()),
            field: seed.field.clone(),
            label: seed.name.clone(),
            kind: seed.kind,
            items: seed.items.clone(),
            suggested: seed.suggested,
        }
    }

    pub(crate) fn definition(&self) -> FieldDef {
        FieldDef {
            reference_name: self.field.clone(),
            name: self.label.clone(),
            kind: match self.kind {
                PicklistKind::String => FieldKind::String,
                PicklistKind::Integer => FieldKind::Integer,
                PicklistKind::Double => FieldKind::Double,
            },
            identity: false,
            read_only: false,
        }
    }

    /// Whether a stored value may be chosen; numbers are compared as numbers.
    pub(crate) fn takes(&self, value: &Value) -> bool {
        self.suggested
            || self.items.iter().any(|item| match value {
                Value::String(text) => item == text,
                number => item.parse::<f64>().ok() == number.as_f64(),
            })
    }

    fn metadata(&self, world: &World) -> Value {
        json!({
            "id": self.id,
            "name": self.name,
            "type": self.kind,
            "isSuggested": self.suggested,
            "url": world.call.org_url(&format!("_apis/work/processes/lists/{}", self.id)),
        })
    }
}

impl Organization {
    /// The list of a field, by reference name without regard to case.
    pub(crate) fn picklist(&self, field: &str) -> Option<&Picklist> {
        self.picklists.iter().find(|list| list.field.eq_ignore_ascii_case(field))
    }
}

/// `GET _apis/work/processes/lists`: the lists without their items.
pub(crate) fn list(world: &World) -> Answer {
    ok(collection(world.org.picklists.iter().map(|list| list.metadata(world)).collect()))
}

/// `GET _apis/work/processes/lists/{id}`.
pub(crate) fn get(world: &World, id: &str) -> Answer {
    let found = world.org.picklists.iter().find(|list| id.eq_ignore_ascii_case(&list.id.to_string()));
    let list = found.ok_or_else(|| ApiError::no_picklist(id))?;
    let mut body = list.metadata(world);
    body["items"] = list.items.clone().into();
    ok(body)
}
