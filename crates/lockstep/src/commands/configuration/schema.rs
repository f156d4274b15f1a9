//! The JSON schema of a configuration, for editors: taken from the types of the API, and for criteria from the table of
//! facts. OpenAPI 3.1 describes types in JSON Schema, so that there is one description of each.

use std::collections::BTreeMap;

use model::rule::{FACTS, FactKind, FactRow, Operator};
use serde_json::{Value, json};

use crate::exit::CliError;

/// Where the API's document keeps its types.
const COMPONENTS: &str = "#/components/schemas/";

/// The schema.
pub(super) fn schema() -> Result<Value, CliError> {
    let document: Value = serde_json::from_str(&server::openapi::text()).map_err(CliError::broken)?;
    let types = &document["components"]["schemas"];
    let mut found: BTreeMap<String, Value> = BTreeMap::new();
    let mut wanted = vec!["Configuration".to_owned()];
    while let Some(name) = wanted.pop() {
        if found.contains_key(&name) {
            continue;
        }
        let mut described = types[&name].clone();
        if name == "ConfiguredRule" {
            let said = described["properties"]["criteria"]["description"].take();
            described["properties"]["criteria"] = json!({"$ref": "#/$defs/Criteria", "description": said});
        }
        move_references(&mut described, &mut wanted);
        found.insert(name, described);
    }
    let mut schema = found.remove("Configuration").unwrap_or_default();
    found.insert("Criteria".into(), criteria());
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema".into();
    schema["title"] = "Configuration of Lockstep".into();
    schema["$defs"] = json!(found);
    Ok(schema)
}

/// References lead into the schema itself; the types that they name are wanted, too.
fn move_references(value: &mut Value, wanted: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            if let Some(Value::String(to)) = map.get_mut("$ref")
                && let Some(name) = to.strip_prefix(COMPONENTS)
            {
                wanted.push(name.to_owned());
                *to = format!("#/$defs/{name}");
            }
            map.values_mut().for_each(|value| move_references(value, wanted));
        }
        Value::Array(list) => list.iter_mut().for_each(|value| move_references(value, wanted)),
        _ => {}
    }
}

/// Criteria: groups, and a word for every fact with the comparisons of its kind.
fn criteria() -> Value {
    let parts = json!({"type": "array", "items": {"$ref": "#/$defs/Criteria"}});
    let mut words = serde_json::Map::new();
    words.insert("all".into(), described(&parts, "All of these hold."));
    words.insert("any".into(), described(&parts, "At least one of these holds."));
    words.insert("not".into(), json!({"$ref": "#/$defs/Criteria", "description": "This does not hold."}));
    for row in FACTS {
        words.insert(row.name.into(), fact(row));
    }
    json!({
        "description": "Which findings. Every finding if empty; several words have to hold all.",
        "type": ["object", "null"],
        "properties": words,
        "additionalProperties": false,
    })
}

fn described(schema: &Value, text: &str) -> Value {
    let mut schema = schema.clone();
    schema["description"] = text.into();
    schema
}

/// A fact with its test: a value, a list, or a comparison.
fn fact(row: &FactRow) -> Value {
    let one = match row.kind {
        FactKind::Text => json!({"type": "string"}),
        FactKind::Word => json!({"type": "string", "enum": row.words}),
        FactKind::Severity => {
            json!({"type": "string", "enum": ["critical", "high", "medium", "low", "info"]})
        }
        FactKind::Number => json!({"type": "number"}),
        FactKind::Numbers => json!({"type": ["integer", "string"]}),
        FactKind::Time => json!({"type": "string", "format": "date"}),
        FactKind::Truth => json!({"type": "boolean"}),
    };
    let operators = row.kind.operators();
    let tests: serde_json::Map<String, Value> = operators
        .iter()
        .map(|operator| {
            let operand = match operator {
                Operator::IsOneOf => json!({"type": "array", "items": one}),
                Operator::IsSet => json!({"type": "boolean"}),
                _ => one.clone(),
            };
            (operator.as_str().to_owned(), described(&operand, operator.label()))
        })
        .collect();
    let mut forms = vec![json!({"type": "object", "properties": tests, "additionalProperties": false})];
    if operators.contains(&Operator::Is) {
        forms.push(one.clone());
    }
    if operators.contains(&Operator::IsOneOf) {
        forms.push(json!({"type": "array", "items": one}));
    }
    json!({"description": row.label, "anyOf": forms})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reference_leads_somewhere_and_no_mapping_takes_unknown_words() {
        let schema = schema().unwrap();
        let text = schema.to_string();
        assert!(!text.contains("#/components"), "{text}");
        for part in text.split("#/$defs/").skip(1) {
            let name = part.split('"').next().unwrap();
            assert!(schema["$defs"][name].is_object(), "{name}");
        }
        for name in
            ["ConfiguredConnection", "ConfiguredDestination", "ConfiguredRule", "TemplateSet", "Limits"]
        {
            assert_eq!(schema["$defs"][name]["additionalProperties"], false, "{name}");
        }
        assert_eq!(schema["additionalProperties"], false);
        assert!(schema["$defs"]["Criteria"]["properties"]["severity"].is_object());
    }
}
