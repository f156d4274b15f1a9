//! The fields of a work item type: what they hold, which are required, which values they take (azure-devops.md
//! sections 6 and 7.10).

use std::collections::HashMap;

use model::process::{FieldDefinition, FieldKind};
use serde::Deserialize;
use serde_json::Value;

use crate::client::Client;
use crate::definitions::Keep;
use crate::discovery::Listed;
use crate::error::Error;
use crate::item::null_is_empty;
use crate::route::Version;

/// A field of a type, with the values it may have.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TypeField {
    #[serde(default, deserialize_with = "null_is_empty")]
    pub(crate) reference_name: String,
    #[serde(default, deserialize_with = "null_is_empty")]
    name: String,
    #[serde(default, deserialize_with = "null_is_empty")]
    always_required: bool,
    #[serde(default)]
    default_value: Value,
    #[serde(default, deserialize_with = "null_is_empty")]
    pub(crate) allowed_values: Vec<Value>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawField {
    #[serde(default, deserialize_with = "null_is_empty")]
    reference_name: String,
    #[serde(default, deserialize_with = "null_is_empty", rename = "type")]
    kind: String,
    #[serde(default, deserialize_with = "null_is_empty")]
    is_identity: bool,
    #[serde(default, deserialize_with = "null_is_empty")]
    read_only: bool,
}

impl RawField {
    fn kind(&self) -> FieldKind {
        if self.is_identity {
            return FieldKind::Person;
        }
        match self.kind.to_ascii_lowercase().as_str() {
            "string" | "pickliststring" => FieldKind::Text,
            "plaintext" => FieldKind::PlainText,
            "html" => FieldKind::RichText,
            "integer" | "picklistinteger" => FieldKind::Integer,
            "double" | "picklistdouble" => FieldKind::Number,
            "datetime" => FieldKind::Date,
            "boolean" => FieldKind::Boolean,
            "identity" => FieldKind::Person,
            "treepath" => FieldKind::Path,
            _ => FieldKind::Other,
        }
    }
}

/// A value as text. Values of identity fields are objects in some versions and are left out.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        _ => None,
    }
}

impl Client {
    /// The fields of a work item type, as the service lists them. Two reads; the dear one is kept for a day.
    ///
    /// # Errors
    /// [`Error::NotFound`] if project or type do not exist.
    pub async fn fields(&self, project: &str, work_item_type: &str) -> Result<Vec<FieldDefinition>, Error> {
        let own = self.type_fields(project, work_item_type).await?;
        let route = self.route(&[project, "_apis", "wit", "fields"], Version::Released);
        let operation = format!("list the fields of project {project}");
        let all: Listed<RawField> = self.definition(operation, route, Keep::ADay).await?;
        let known: HashMap<&str, &RawField> =
            all.value.iter().map(|field| (field.reference_name.as_str(), field)).collect();
        Ok(own
            .into_iter()
            .map(|field| {
                let definition = known.get(field.reference_name.as_str());
                FieldDefinition {
                    kind: definition.map_or(FieldKind::Other, |known| known.kind()),
                    is_read_only: definition.is_some_and(|known| known.read_only),
                    is_required: field.always_required,
                    default: text(&field.default_value),
                    allowed: field.allowed_values.iter().filter_map(text).collect(),
                    reference_name: field.reference_name,
                    name: field.name,
                }
            })
            .collect())
    }

    /// The fields with the values they take: the dearest call we make (section 6).
    pub(crate) async fn type_fields(
        &self,
        project: &str,
        work_item_type: &str,
    ) -> Result<Vec<TypeField>, Error> {
        let segments = [project, "_apis", "wit", "workitemtypes", work_item_type, "fields"];
        let route = self.route(&segments, Version::Released).with("$expand", "all");
        let operation = format!("read the fields of the type {work_item_type} in project {project}");
        Ok(self.definition::<Listed<TypeField>>(operation, route, Keep::ADay).await?.value)
    }
}
