//! JSON Patch documents for work items (azure-devops.md section 7.2): parsed, not yet applied.

use serde_json::Value;

use super::{call::decode, errors::ApiError};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    Test,
    Add,
    Replace,
    Remove,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Place {
    Rev,
    /// The temporary number of an item that is made in a `$batch`.
    Id,
    Field(String),
    /// The end of the relation list.
    NewRelation,
    Relation(usize),
    RelationAttribute(usize, String),
    /// The format of a long text field.
    Format(String),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Operation {
    pub(crate) op: Op,
    pub(crate) place: Place,
    pub(crate) value: Value,
}

pub(crate) fn parse(body: &[u8]) -> Result<Vec<Operation>, ApiError> {
    let value: Value = serde_json::from_slice(body).map_err(|_| ApiError::empty_patch())?;
    from_value(&value)
}

pub(crate) fn from_value(value: &Value) -> Result<Vec<Operation>, ApiError> {
    let operations = value.as_array().filter(|list| !list.is_empty()).ok_or_else(ApiError::empty_patch)?;
    operations.iter().map(operation).collect()
}

fn operation(value: &Value) -> Result<Operation, ApiError> {
    // Microsoft's own client sends the number of the enum in places.
    let op = match &value["op"] {
        Value::Number(n) => n.as_i64(),
        Value::String(text) => match text.to_ascii_lowercase().as_str() {
            "add" => Some(0),
            "remove" => Some(1),
            "replace" => Some(2),
            "test" => Some(5),
            _ => None,
        },
        _ => None,
    };
    let op = match op {
        Some(0) => Op::Add,
        Some(1) => Op::Remove,
        Some(2) => Op::Replace,
        Some(5) => Op::Test,
        _ => {
            let message = format!("The operation {} is not supported in the patch document.", value["op"]);
            return Err(ApiError::bad_patch(message));
        }
    };
    let path = value["path"].as_str().unwrap_or_default();
    let place = place(path).ok_or_else(|| {
        ApiError::bad_patch(format!("The path '{path}' in the patch document is not valid for a work item."))
    })?;
    Ok(Operation { op, place, value: value["value"].clone() })
}

fn place(path: &str) -> Option<Place> {
    let parts: Vec<String> =
        path.strip_prefix('/')?.split('/').map(|p| decode(p).replace("~1", "/").replace("~0", "~")).collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let root = parts.first()?.to_ascii_lowercase();
    match (root.as_str(), &parts[1..]) {
        ("rev", []) => Some(Place::Rev),
        ("id", []) => Some(Place::Id),
        ("fields", [name]) if !name.is_empty() => Some(Place::Field((*name).to_owned())),
        ("relations", ["-"]) => Some(Place::NewRelation),
        ("relations", [index]) => index.parse().ok().map(Place::Relation),
        ("relations", [index, "attributes", name]) => {
            index.parse().ok().map(|i| Place::RelationAttribute(i, (*name).to_owned()))
        }
        ("multilinefieldsformat", [name]) => Some(Place::Format((*name).to_owned())),
        _ => None,
    }
}
