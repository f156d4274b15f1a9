//! A strict judge of requests by OpenAPI documents (Swagger 2.0): what the document does not say may not be sent.

use std::path::PathBuf;

use serde_json::{Map, Value};
use url::Url;

/// A request, as it was sent.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) url: Url,
    pub(crate) content_type: Option<String>,
    /// Headers beside those of every call, by name in lower case.
    pub(crate) content_range: Option<String>,
    pub(crate) body: Vec<u8>,
}

/// One of the documents beside the repository.
pub(crate) struct Document {
    pub(crate) file: String,
    json: Value,
}

/// Whether the segments of project and team may be left out of a template.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    AsWritten,
    Organization,
}

impl Document {
    /// None where the documents are not at hand.
    pub(crate) fn load(file: &str) -> Option<Self> {
        let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "../../../shared/fixtures/azure-devops/specs", file]
            .iter()
            .collect();
        let json = serde_json::from_slice(&std::fs::read(path).ok()?).unwrap();
        Some(Self { file: file.to_owned(), json })
    }

    /// `Ok(Some(operation))` if the request is one of the document's; `Ok(None)` if its address is not in there;
    /// otherwise what is wrong with it. `segments` is the decoded path from the organization on.
    pub(crate) fn judge(
        &self,
        asked: &Asked,
        segments: &[String],
        scope: Scope,
    ) -> Result<Option<String>, String> {
        let groups = ["paths", "x-ms-paths"].into_iter().filter_map(|group| self.json[group].as_object());
        let mut found: Vec<(usize, &str, &Value)> = Vec::new();
        for (template, methods) in groups.flatten() {
            let path = template.split('?').next().unwrap();
            if let (Some(literals), Some(operation)) =
                (fits(path, segments, scope), methods.get(asked.method.to_lowercase()))
            {
                found.push((literals, template, operation));
            }
        }
        // The template with most words in common is meant; several of them differ in their query.
        let most = found.iter().map(|(literals, ..)| *literals).max();
        let mut faults = Vec::new();
        for (_, template, operation) in found.iter().filter(|(literals, ..)| Some(*literals) == most) {
            match self.operation(operation, asked, &placeholders(template, segments, scope)) {
                Ok(()) => return Ok(Some(operation["operationId"].as_str().unwrap_or_default().to_owned())),
                Err(fault) => faults.push(format!("{template}: {fault}")),
            }
        }
        if faults.is_empty() { Ok(None) } else { Err(faults.join("\n      ")) }
    }

    fn resolve<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value.get("$ref").and_then(Value::as_str) {
            Some(path) => self.resolve(
                self.json
                    .pointer(path.trim_start_matches('#'))
                    .unwrap_or_else(|| panic!("{}: no {path}", self.file)),
            ),
            None => value,
        }
    }

    fn operation(&self, operation: &Value, asked: &Asked, path: &[(String, String)]) -> Result<(), String> {
        let parameters: Vec<&Value> =
            operation["parameters"].as_array().into_iter().flatten().map(|one| self.resolve(one)).collect();
        let named = |place: &str, name: &str| {
            parameters.iter().copied().find(|one| one["in"] == place && one["name"].as_str() == Some(name))
        };
        for (name, value) in path {
            let parameter = named("path", name).ok_or(format!("the document names no {name} in the path"))?;
            typed(parameter, value).map_err(|fault| format!("{name} in the path: {fault}"))?;
        }
        let query: Vec<(String, String)> =
            asked.url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
        for (name, value) in &query {
            if query.iter().filter(|(other, _)| other == name).count() > 1 {
                return Err(format!("{name} is in the query twice"));
            }
            let parameter = named("query", name).ok_or(format!("there is no {name} in the query"))?;
            typed(parameter, value).map_err(|fault| format!("{name} in the query: {fault}"))?;
        }
        for parameter in &parameters {
            let name = parameter["name"].as_str().unwrap_or_default();
            if parameter["required"] == true
                && parameter["in"] == "query"
                && !query.iter().any(|(own, _)| own == name)
            {
                return Err(format!("{name} is missing in the query"));
            }
            // The documents have a name of their own for this header.
            if name == "contentRangeHeader" && asked.content_range.is_none() {
                return Err("the header Content-Range is missing".into());
            }
        }
        if asked.content_range.is_some() && named("header", "contentRangeHeader").is_none() {
            return Err("the document knows no header Content-Range here".into());
        }
        self.body(operation, &parameters, asked)
    }

    fn body(&self, operation: &Value, parameters: &[&Value], asked: &Asked) -> Result<(), String> {
        let declared = parameters.iter().find(|one| one["in"] == "body");
        let (Some(declared), Some(sent)) = (declared, asked.content_type.as_deref()) else {
            return match (declared, &asked.content_type) {
                (None, None) if asked.body.is_empty() => Ok(()),
                (Some(declared), None) if declared["required"] != true => Ok(()),
                (Some(_), None) => Err("the body is missing".into()),
                _ => Err("the document knows no body here".into()),
            };
        };
        let kinds: Vec<&str> =
            operation["consumes"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        if !kinds.contains(&sent) {
            return Err(format!("the content type is {sent}, not {}", kinds.join(" or ")));
        }
        let schema = self.resolve(&declared["schema"]);
        if schema["format"] == "Stream" {
            return Ok(());
        }
        let body: Value =
            serde_json::from_slice(&asked.body).map_err(|error| format!("the body is no JSON: {error}"))?;
        self.schema(schema, &body, "body")
    }

    fn schema(&self, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
        let schema = self.resolve(schema);
        let of = |kind: &str| Err(format!("{at} is {value}, not {kind}"));
        if let Some(all) = schema["allOf"].as_array() {
            // A list that the documents also call an object.
            let own = schema["properties"].as_object().filter(|own| !own.is_empty());
            let mut members: Map<String, Value> = own.cloned().unwrap_or_default();
            for part in all.iter().map(|part| self.resolve(part)) {
                match part["properties"].as_object() {
                    Some(inherited) => members.extend(inherited.clone()),
                    None => return self.schema(part, value, at),
                }
            }
            return self.object(&members, &Value::Null, value, at);
        }
        if let Some(values) = schema["enum"].as_array() {
            return if values.contains(value) { Ok(()) } else { of(&format!("one of {values:?}")) };
        }
        match schema["type"].as_str() {
            Some("object") | None => {
                let members = schema["properties"].as_object();
                if members.is_none_or(Map::is_empty) && schema["additionalProperties"].is_null() {
                    return Ok(()); // Anything.
                }
                self.object(members.unwrap_or(&Map::new()), &schema["additionalProperties"], value, at)
            }
            Some("array") => match value.as_array() {
                Some(items) => items
                    .iter()
                    .enumerate()
                    .try_for_each(|(i, item)| self.schema(&schema["items"], item, &format!("{at}[{i}]"))),
                None => of("a list"),
            },
            Some("string") => match value.as_str() {
                Some(text) => {
                    formatted(schema["format"].as_str(), text).map_err(|fault| format!("{at}: {fault}"))
                }
                None => of("a string"),
            },
            Some("integer") if !value.is_i64() => of("an integer"),
            Some("number") if !value.is_number() => of("a number"),
            Some("boolean") if !value.is_boolean() => of("true or false"),
            Some("integer" | "number" | "boolean") => Ok(()),
            Some(kind) => Err(format!("{at}: the judge does not know the type {kind}")),
        }
    }

    fn object(
        &self,
        members: &Map<String, Value>,
        others: &Value,
        value: &Value,
        at: &str,
    ) -> Result<(), String> {
        let Some(sent) = value.as_object() else { return Err(format!("{at} is {value}, not an object")) };
        sent.iter().try_for_each(|(name, value)| match members.get(name) {
            Some(member) => self.schema(member, value, &format!("{at}.{name}")),
            None if others.is_object() => self.schema(others, value, &format!("{at}.{name}")),
            None => Err(format!("{at} has no member {name}")),
        })
    }
}

/// Segments of a template that count in this scope.
fn parts(template: &str, scope: Scope) -> impl Iterator<Item = &str> {
    template.split('/').filter(move |part| {
        !part.is_empty() && (scope == Scope::AsWritten || !matches!(*part, "{project}" | "{team}"))
    })
}

/// The number of fixed words that path and template have in common; none if they differ.
fn fits(template: &str, segments: &[String], scope: Scope) -> Option<usize> {
    let parts: Vec<&str> = parts(template, scope).collect();
    if parts.len() != segments.len() {
        return None;
    }
    let mut literals = 0;
    for (part, segment) in parts.iter().zip(segments) {
        match part.split_once('{') {
            Some((before, _)) => {
                if !segment.starts_with(before) {
                    return None;
                }
                // `$` of a type tells it from an id.
                literals += before.len();
            }
            None if part.eq_ignore_ascii_case(segment) => literals += 1,
            None => return None,
        }
    }
    Some(literals)
}

fn placeholders(template: &str, segments: &[String], scope: Scope) -> Vec<(String, String)> {
    let path = template.split('?').next().unwrap();
    let named = parts(path, scope).zip(segments).filter_map(|(part, segment)| {
        let (before, name) = part.split_once('{')?;
        Some((name.trim_end_matches('}').to_owned(), segment[before.len()..].to_owned()))
    });
    named.collect()
}

fn typed(parameter: &Value, value: &str) -> Result<(), String> {
    if parameter["name"] == "api-version" {
        let words = parameter["description"].as_str().unwrap_or_default();
        let wanted = words
            .split("set to '")
            .nth(1)
            .and_then(|rest| rest.split('\'').next())
            .unwrap_or("nothing known");
        return if value == wanted { Ok(()) } else { Err(format!("it is {value}, not {wanted}")) };
    }
    if let Some(values) = parameter["enum"].as_array() {
        let known = values.iter().filter_map(Value::as_str).any(|known| known.eq_ignore_ascii_case(value));
        return if known { Ok(()) } else { Err(format!("it is {value}, not one of {values:?}")) };
    }
    let fault = |kind: &str| Err(format!("it is {value:?}, not {kind}"));
    match parameter["type"].as_str() {
        Some("boolean") if !matches!(value, "true" | "false") => fault("true or false"),
        Some("integer") if value.parse::<i64>().is_err() => fault("an integer"),
        _ if value.is_empty() => fault("anything"),
        _ => formatted(parameter["format"].as_str(), value),
    }
}

fn formatted(format: Option<&str>, text: &str) -> Result<(), String> {
    match format {
        Some("date-time") if chrono::DateTime::parse_from_rfc3339(text).is_err() => {
            Err(format!("{text} is no moment"))
        }
        Some("uuid") if uuid::Uuid::parse_str(text).is_err() => Err(format!("{text} is no GUID")),
        _ => Ok(()),
    }
}
