//! Creating, changing and reading work items.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    call::{Answer, World, collection, ok},
    errors::ApiError,
    model::{Revision, WorkItem},
    patch,
    render::{self, Expand, View, item_json, people},
    rules::parse_time,
    save::{Subject, Switches, save},
};

/// How many ids one read may name.
const MAX_IDS: usize = 200;

fn switches(world: &World) -> Switches {
    let query = &world.call.query;
    Switches { validate_only: query.flag("validateOnly"), bypass: query.flag("bypassRules") }
}

fn no_temporary(_: i64) -> Option<i64> {
    None
}

/// `POST {project}/_apis/wit/workitems/${type}`; `PATCH` is accepted too, as old clients send it.
pub(crate) fn create(world: &mut World, kind: &str) -> Answer {
    let (project, kind) = world.work_item_type(kind.trim_start_matches('$'))?;
    let subject = Subject::New { project: project.id, kind };
    let operations = patch::parse(&world.call.body)?;
    let item = save(world, subject, &operations, switches(world), &no_temporary)?;
    written(world, &item)
}

/// `GET {project}/_apis/wit/workitems/${type}`: the fields a new item would start with.
pub(crate) fn template(world: &mut World, kind: &str) -> Answer {
    let (project, kind) = world.work_item_type(kind.trim_start_matches('$'))?;
    let fields = json!({
        "System.AreaPath": project.name,
        "System.TeamProject": project.name,
        "System.IterationPath": project.name,
        "System.WorkItemType": kind.name,
        "System.State": kind.initial().to,
        "System.Reason": kind.initial().reasons[0],
    });
    ok(json!({"fields": fields}))
}

/// `PATCH _apis/wit/workitems/{id}`.
pub(crate) fn update(world: &mut World, id: i64) -> Answer {
    in_project(world, id)?;
    let operations = patch::parse(&world.call.body)?;
    let item = save(world, Subject::Item(id), &operations, switches(world), &no_temporary)?;
    written(world, &item)
}

/// Answers to writes hold the relations as well.
pub(crate) fn written(world: &World, item: &WorkItem) -> Answer {
    let expand = match Expand::parse(world.call.query.get("$expand"))? {
        Expand::None => Expand::Relations,
        Expand::Fields => Expand::All,
        other => other,
    };
    ok(item_json(world.org, world.call, item, item.latest(), &View::single(expand)))
}

/// With a project in the route the item must be of that project.
fn in_project<'a>(world: &'a World, id: i64) -> Result<&'a WorkItem, ApiError> {
    let item = world.live_item(id)?;
    match world.call.project {
        Some(project) if project != item.project => Err(ApiError::no_work_item(id)),
        _ => Ok(item),
    }
}

fn wanted_fields(world: &World, names: &[String]) -> Result<Option<BTreeSet<String>>, ApiError> {
    if names.is_empty() {
        return Ok(None);
    }
    let canonical = names
        .iter()
        .map(|name| world.field(name).map(|f| f.reference_name).ok_or_else(|| ApiError::no_field(name)));
    canonical.collect::<Result<_, _>>().map(Some)
}

fn view(world: &World, fields: &[String], expand: Option<&str>) -> Result<View, ApiError> {
    let expand = Expand::parse(expand)?;
    if !fields.is_empty() && !matches!(expand, Expand::None | Expand::Links) {
        return Err(ApiError::expand_with_fields());
    }
    Ok(View { fields: wanted_fields(world, fields)?, expand, links: false })
}

fn at_time<'a>(item: &'a WorkItem, as_of: Option<&str>) -> Result<Option<&'a Revision>, ApiError> {
    let Some(text) = as_of.filter(|t| !t.is_empty()) else { return Ok(Some(item.latest())) };
    let at =
        parse_time(text).ok_or_else(|| ApiError::argument(format!("The value '{text}' is not a time.")))?;
    Ok(item.revisions.iter().rev().find(|r| r.date <= at))
}

/// `GET _apis/wit/workitems/{id}`.
pub(crate) fn get(world: &World, id: i64) -> Answer {
    let item = in_project(world, id)?;
    let query = &world.call.query;
    let mut view = view(world, &query.list("fields"), query.get("$expand"))?;
    view.links = true;
    let revision = at_time(item, query.get("asOf"))?.ok_or_else(|| ApiError::no_work_item(id))?;
    ok(item_json(world.org, world.call, item, revision, &view))
}

/// `GET _apis/wit/workitems?ids=`.
pub(crate) fn list(world: &World) -> Answer {
    let query = &world.call.query;
    let ids = query
        .list("ids")
        .iter()
        .map(|id| {
            id.parse::<i64>()
                .map_err(|_| ApiError::argument(format!("The value '{id}' is not a work item id.")))
        })
        .collect::<Result<Vec<_>, _>>()?;
    if ids.is_empty() {
        return Err(ApiError::argument("The parameter ids is required."));
    }
    let view = view(world, &query.list("fields"), query.get("$expand"))?;
    let omit = query.get("errorPolicy").is_some_and(|p| p.eq_ignore_ascii_case("omit"));
    read_many(world, &ids, &view, query.get("asOf"), omit)
}

/// `POST _apis/wit/workitemsbatch`.
pub(crate) fn read_batch(world: &mut World) -> Answer {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Sent {
        ids: Vec<i64>,
        fields: Option<Vec<String>>,
        as_of: Option<String>,
        #[serde(rename = "$expand")]
        expand: Option<Value>,
        error_policy: Option<Value>,
    }
    let sent: Sent = world.call.json("workItemGetRequest")?;
    // Enums come as words or as numbers.
    let expand = match &sent.expand {
        Some(Value::Number(n)) => {
            let names = ["none", "relations", "fields", "links", "all"];
            n.as_u64()
                .and_then(|n| usize::try_from(n).ok())
                .and_then(|n| names.get(n))
                .map(|n| (*n).to_owned())
        }
        Some(Value::String(text)) => Some(text.clone()),
        _ => None,
    };
    let omit = match &sent.error_policy {
        Some(Value::String(text)) => text.eq_ignore_ascii_case("omit"),
        Some(Value::Number(n)) => n.as_i64() == Some(2),
        _ => false,
    };
    let view = view(world, &sent.fields.unwrap_or_default(), expand.as_deref())?;
    read_many(world, &sent.ids, &view, sent.as_of.as_deref(), omit)
}

fn read_many(world: &World, ids: &[i64], view: &View, as_of: Option<&str>, omit: bool) -> Answer {
    if ids.len() > MAX_IDS {
        return Err(ApiError::too_many_ids());
    }
    let mut values = Vec::with_capacity(ids.len());
    for id in ids {
        let found = in_project(world, *id).and_then(|item| {
            let revision = at_time(item, as_of)?.ok_or_else(|| ApiError::no_work_item(*id))?;
            Ok(item_json(world.org, world.call, item, revision, view))
        });
        match found {
            Ok(value) => values.push(value),
            Err(_) if omit => values.push(Value::Null),
            Err(error) => return Err(error),
        }
    }
    ok(collection(values))
}

fn page<T>(world: &World, all: Vec<T>) -> Result<Vec<T>, ApiError> {
    let top = world.call.query.number("$top")?.unwrap_or(200).clamp(0, 200);
    let skip = world.call.query.number("$skip")?.unwrap_or(0).max(0);
    let (top, skip) = (usize::try_from(top).unwrap_or(0), usize::try_from(skip).unwrap_or(0));
    Ok(all.into_iter().skip(skip).take(top).collect())
}

pub(crate) fn updates(world: &World, id: i64) -> Answer {
    let item = in_project(world, id)?;
    let wanted = page(world, item.updates.iter().collect())?;
    ok(collection(
        wanted.into_iter().map(|u| render::update_json(world, item, u, people(world.call))).collect(),
    ))
}

pub(crate) fn update_by_id(world: &World, id: i64, number: i64) -> Answer {
    let item = in_project(world, id)?;
    let update =
        item.updates.iter().find(|u| u.id == number).ok_or_else(|| ApiError::no_revision(id, number))?;
    ok(render::update_json(world, item, update, people(world.call)))
}

fn revision_view(world: &World) -> Result<View, ApiError> {
    Ok(View { expand: Expand::parse(world.call.query.get("$expand"))?, ..View::default() })
}

pub(crate) fn revisions(world: &World, id: i64) -> Answer {
    let item = in_project(world, id)?;
    let view = revision_view(world)?;
    let wanted = page(world, item.revisions.iter().collect())?;
    let shown = wanted.into_iter().map(|r| render::revision_json(world, item, r, &view, people(world.call)));
    ok(collection(shown.collect()))
}

pub(crate) fn revision(world: &World, id: i64, rev: i64) -> Answer {
    let item = in_project(world, id)?;
    let found = item.revision(rev).ok_or_else(|| ApiError::no_revision(id, rev))?;
    let view = View { links: true, ..revision_view(world)? };
    ok(render::revision_json(world, item, found, &view, people(world.call)))
}
