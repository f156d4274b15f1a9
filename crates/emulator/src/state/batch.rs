//! `$batch`: several creates and updates in one request (azure-devops.md section 7.6). Each operation has its
//! own outcome; later ones may point to items made by earlier ones through negative numbers.

use std::{cell::RefCell, collections::BTreeMap};

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    call::{Answer, Call, Query, Reply, World, decode},
    errors::ApiError,
    locations, patch, recycle,
    render::{Expand, View, item_json},
    router::find_project,
    save::{Subject, Switches, save},
    version,
};

/// How many operations one batch may hold.
const MAX_OPERATIONS: usize = 200;

#[derive(Deserialize)]
struct Operation {
    method: String,
    uri: String,
    #[serde(default)]
    body: Value,
}

pub(crate) fn run(world: &mut World) -> Answer {
    let operations: Vec<Operation> = world.call.json("batchRequests")?;
    if operations.len() > MAX_OPERATIONS {
        return Err(ApiError::argument(format!("A batch has at most {MAX_OPERATIONS} operations.")));
    }
    let made: RefCell<BTreeMap<i64, i64>> = RefCell::default();
    let mut results = Vec::with_capacity(operations.len());
    for operation in operations {
        let answer = one(world, &operation, &made);
        let (code, body) = match answer {
            Ok(value) => (200, value.to_string()),
            Err(error) => (error.status, String::from_utf8_lossy(&error.body()).into_owned()),
        };
        results.push(json!({
            "code": code,
            "headers": {"Content-Type": "application/json; charset=utf-8"},
            "body": body,
        }));
    }
    Ok(Reply::Unversioned(json!({"count": results.len(), "value": results})))
}

/// Each operation names a version of its own. That one without any is taken in the batch's is a guess.
fn check_version(
    world: &World,
    path: &[String],
    operation: &Operation,
    query: &Query,
) -> Result<(), ApiError> {
    let Some(asked) = query.get("api-version") else { return Ok(()) };
    let edition = world.org.edition;
    let versions = locations::find(path).and_then(|location| location.versions(edition));
    let versions = versions.ok_or_else(|| ApiError::no_controller(&operation.uri))?;
    version::negotiate(edition, versions, &operation.method, Some(asked), None).map(|_| ())
}

fn one(
    world: &mut World,
    operation: &Operation,
    made: &RefCell<BTreeMap<i64, i64>>,
) -> Result<Value, ApiError> {
    if !operation.method.eq_ignore_ascii_case("PATCH") && !operation.method.eq_ignore_ascii_case("POST") {
        return Err(ApiError::method_not_allowed(&operation.method));
    }
    let (path, query) = operation.uri.split_once('?').unwrap_or((&operation.uri, ""));
    let query = Query::parse(query);
    let segments: Vec<String> = path.split('/').filter(|s| !s.is_empty()).map(decode).collect();
    let wrong = || ApiError::no_controller(path);
    let at = segments.iter().position(|s| s.eq_ignore_ascii_case("_apis")).ok_or_else(wrong)?;
    let project = match at.checked_sub(1).and_then(|p| segments.get(p)) {
        // An address may start with the organization itself.
        Some(name) if !name.eq_ignore_ascii_case(&world.org.name) => Some(find_project(world.org, name)?),
        _ => world.call.project,
    };
    let rest: Vec<&str> = segments[at + 1..].iter().map(String::as_str).collect();
    let [wit, resource, target] = rest.as_slice() else { return Err(wrong()) };
    check_version(world, &segments[at + 1..], operation, &query)?;
    if !wit.eq_ignore_ascii_case("wit") {
        return Err(wrong());
    }
    if resource.eq_ignore_ascii_case("recyclebin") {
        let id = target.parse().map_err(|_| wrong())?;
        world.touched.push(id);
        if !recycle::asks_to_restore(&operation.body) || !world.may_write() {
            return Err(ApiError::no_work_item(id));
        }
        return recycle::restore(world, id);
    }
    if !resource.eq_ignore_ascii_case("workitems") {
        return Err(wrong());
    }
    let operations = patch::from_value(&operation.body)?;
    let lookup = |number: i64| made.borrow().get(&number).copied();
    let switches = Switches { validate_only: false, bypass: query.flag("bypassRules") };
    let subject = if target.starts_with('$') {
        let project = project.ok_or_else(wrong)?;
        let owner = world.org.project_by_id(project);
        let name = target.trim_start_matches('$');
        let kind = owner.definition().type_named(name);
        Subject::New { project, kind: kind.ok_or_else(|| ApiError::no_work_item_type(name, &owner.name))? }
    } else {
        let number: i64 = target.parse().map_err(|_| wrong())?;
        Subject::Item(if number < 0 { lookup(number).unwrap_or(number) } else { number })
    };
    let item = save(world, subject, &operations, switches, &lookup)?;
    let temporary = operations
        .iter()
        .find(|o| o.place == patch::Place::Id)
        .and_then(|o| o.value.as_i64().or_else(|| o.value.as_str().and_then(|t| t.parse().ok())));
    if let Some(number) = temporary {
        made.borrow_mut().insert(number, item.id);
    }
    let view = View::single(Expand::Relations);
    let call: &Call = world.call;
    Ok(item_json(world.org, call, &item, item.latest(), &view))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_operation_reads_its_address_and_body() {
        let text =
            r#"{"method":"PATCH","uri":"/_apis/wit/workItems/1?api-version=7.1","headers":{},"body":[]}"#;
        let operation: Operation = serde_json::from_str(text).unwrap();
        assert_eq!(operation.method, "PATCH");
        assert!(operation.body.as_array().is_some_and(Vec::is_empty));
    }
}
