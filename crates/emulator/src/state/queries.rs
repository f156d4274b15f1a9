//! Queries that are kept under an id, so that `wit/wiql/{id}` can run them. Folders are only names in a path.

use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    call::{Answer, Reply, World, ok},
    errors::ApiError,
    model::StoredQuery,
    wiql,
};

/// The longest way to a query below its root folder.
const MAX_PATH: usize = 10;

fn query_json(world: &World, id: Uuid, query: &StoredQuery) -> Value {
    let url = world.call.project_url(query.project, &format!("_apis/wit/queries/{id}"));
    json!({
        "id": id,
        "name": query.path.rsplit('/').next(),
        "path": query.path,
        "queryType": if wiql::is_about_links(&query.wiql) { "tree" } else { "flat" },
        "wiql": query.wiql,
        "isPublic": query.path.starts_with("Shared Queries/"),
        "_links": {
            "self": {"href": url},
            "wiql": {"href": world.call.project_url(query.project, &format!("_apis/wit/wiql/{id}"))},
        },
        "url": url,
    })
}

fn found(world: &World, place: &[&str]) -> Result<(Uuid, StoredQuery), ApiError> {
    let project = world.project()?.id;
    let path = place.join("/");
    let by_id = Uuid::parse_str(&path).ok();
    let mut all = world.org.queries.iter().filter(|(_, q)| q.project == project);
    let query = all.find(|(id, q)| Some(**id) == by_id || q.path.eq_ignore_ascii_case(&path));
    query.map(|(id, q)| (*id, q.clone())).ok_or_else(|| ApiError::no_query(&path))
}

/// `GET {project}/_apis/wit/queries/{id or path}`.
pub(crate) fn get(world: &World, place: &[&str]) -> Answer {
    let (id, query) = found(world, place)?;
    ok(query_json(world, id, &query))
}

#[derive(Deserialize)]
struct Sent {
    name: Option<String>,
    wiql: Option<String>,
}

/// `POST {project}/_apis/wit/queries/{folder}` keeps a query in a folder.
pub(crate) fn create(world: &mut World, place: &[&str]) -> Answer {
    let sent: Sent = world.call.json("postedQuery")?;
    let name = sent.name.filter(|n| !n.trim().is_empty() && !n.contains('/'));
    let (Some(name), Some(text)) = (name, sent.wiql) else {
        return Err(ApiError::argument("TF401243: A query needs a name and its text."));
    };
    if !world.may_write() || place.len() > MAX_PATH {
        return Err(ApiError::access_denied("TF237018: You may not keep a query here.".into(), None));
    }
    wiql::check(world, &text)?;
    let path = format!("{}/{}", place.join("/"), name.trim());
    let taken = world.project()?.id;
    if world.org.queries.values().any(|q| q.project == taken && q.path.eq_ignore_ascii_case(&path)) {
        return Err(ApiError::argument(format!("TF237018: A query '{path}' exists already.")));
    }
    let id = world.ids.guid();
    let query = StoredQuery { project: taken, path, wiql: text };
    let body = query_json(world, id, &query);
    world.org.queries.insert(id, query);
    world.wrote = true;
    Ok(Reply::Json(201, body))
}

/// `PATCH {project}/_apis/wit/queries/{id or path}`: another name or text.
pub(crate) fn change(world: &mut World, place: &[&str]) -> Answer {
    let (id, mut query) = found(world, place)?;
    let sent: Sent = world.call.json("queryUpdate")?;
    if let Some(text) = sent.wiql {
        wiql::check(world, &text)?;
        query.wiql = text;
    }
    if let Some(name) = sent.name.filter(|n| !n.trim().is_empty() && !n.contains('/')) {
        let folder = query.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        query.path = format!("{folder}/{}", name.trim());
    }
    let body = query_json(world, id, &query);
    world.org.queries.insert(id, query);
    world.wrote = true;
    ok(body)
}

/// `DELETE {project}/_apis/wit/queries/{id or path}`.
pub(crate) fn delete(world: &mut World, place: &[&str]) -> Answer {
    let (id, _) = found(world, place)?;
    world.org.queries.remove(&id);
    world.wrote = true;
    Ok(Reply::Empty(204))
}
