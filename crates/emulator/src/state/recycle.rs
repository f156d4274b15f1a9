//! Deleting, the recycle bin, restoring and destroying (azure-devops.md section 7.5).

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    call::{Answer, Reply, World, encode, ok},
    errors::ApiError,
    hooks,
    model::{Deleted, WorkItem},
    render::{People, View, fields_json, item_links},
    save::touch,
};

/// How a deletion record is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    /// In a list.
    Short,
    /// With the item as it lies in the bin.
    InBin,
    /// With the item as it is back in its place.
    Restored,
}

/// The deletion record. Its date is US text and its identities are text too; that is how the service answers.
fn record(world: &World, item: &WorkItem, deleted: &Deleted, shown: Shown) -> Value {
    let (call, project) = (world.call, world.org.project_by_id(item.project));
    let kind = item.text("System.WorkItemType");
    let place = if shown == Shown::Restored { "workItems" } else { "recyclebin" };
    let url = call.project_url(project.id, &format!("_apis/wit/{place}/{}", item.id));
    let mut body = json!({
        "id": item.id,
        "type": kind,
        "name": item.text("System.Title"),
        "project": project.name,
        "deletedDate": deleted.date.format("%-m/%-d/%Y %-I:%M:%S %p").to_string(),
        "deletedBy": world.org.identity(deleted.by).text(),
        "code": 200,
        "url": url,
    });
    if shown != Shown::Short {
        let fields = fields_json(world.org, &call.base, item, item.latest(), &View::default(), People::Text);
        body["resource"] = json!({
            "id": item.id,
            "rev": item.latest().rev,
            "fields": fields,
            "_links": {
                "self": {"href": url},
                "workItemType": {"href": call.project_url(project.id, &format!("_apis/wit/workItemTypes/{}", encode(kind)))},
                "fields": {"href": call.project_url(project.id, "_apis/wit/fields")},
            },
            "url": url,
        });
    }
    if shown == Shown::Restored {
        body["resource"]["_links"] = item_links(call, world.org, item, item.latest(), true);
    }
    body
}

fn may_delete(world: &World, id: i64, destroy: bool) -> Result<(), ApiError> {
    let area = world.org.items.get(&id).map_or("", |i| i.text("System.AreaPath"));
    if !world.may_write() {
        return Err(ApiError::area_not_writable(area));
    }
    if destroy && !world.is_administrator() {
        return Err(ApiError::may_not_destroy(id));
    }
    Ok(())
}

fn in_route(world: &World, id: i64) -> Result<(), ApiError> {
    let item = world.live_item(id)?;
    match world.call.project {
        Some(project) if project != item.project => Err(ApiError::no_work_item(id)),
        _ => Ok(()),
    }
}

/// `DELETE _apis/wit/workitems/{id}?destroy=`.
pub(crate) fn delete(world: &mut World, id: i64) -> Answer {
    in_route(world, id)?;
    let destroy = world.call.query.flag("destroy");
    may_delete(world, id, destroy)?;
    let body = remove(world, id, destroy);
    Ok(Reply::Json(200, body))
}

fn remove(world: &mut World, id: i64, destroy: bool) -> Value {
    let deleted = Deleted { by: world.call.actor, date: world.call.now };
    touch(world, id, true, |_| {});
    let item = &world.org.items[&id];
    let body = record(world, item, &deleted, Shown::InBin);
    if let Some(item) = world.org.items.get_mut(&id) {
        item.deleted = Some(deleted);
    }
    hooks::raise(world, hooks::Event::Deleted { item: id });
    if destroy {
        erase(world, id);
    }
    body
}

/// Nothing of a destroyed item stays, neither in the feed nor in the relations of others.
fn erase(world: &mut World, id: i64) {
    use super::model::RelationTarget;
    world.org.items.remove(&id);
    world.org.feed.retain(|_, (item, _)| *item != id);
    for other in world.org.items.values_mut() {
        other.relations.retain(|r| r.target != RelationTarget::Item(id));
    }
    world.wrote = true;
}

/// `POST {project}/_apis/wit/workitemsdelete`.
pub(crate) fn delete_many(world: &mut World) -> Answer {
    #[derive(Deserialize)]
    struct Sent {
        ids: Vec<i64>,
        #[serde(default)]
        destroy: bool,
    }
    let sent: Sent = world.call.json("deleteRequest")?;
    if sent.ids.len() > 200 {
        return Err(ApiError::too_many_ids());
    }
    let mut results = Vec::new();
    for id in sent.ids {
        let refused = in_route(world, id).and_then(|()| may_delete(world, id, sent.destroy)).err();
        world.touched.push(id);
        results.push(match refused {
            Some(error) => json!({"id": id, "code": error.status, "message": error.message}),
            None => remove(world, id, sent.destroy),
        });
    }
    ok(json!({"results": results}))
}

fn deleted_item<'a>(world: &'a World, id: i64) -> Result<(&'a WorkItem, &'a Deleted), ApiError> {
    let item =
        world.org.items.get(&id).filter(|i| world.may_see(i)).ok_or_else(|| ApiError::no_work_item(id))?;
    if world.call.project.is_some_and(|project| project != item.project) {
        return Err(ApiError::no_work_item(id));
    }
    item.deleted.as_ref().map(|deleted| (item, deleted)).ok_or_else(|| ApiError::no_work_item(id))
}

/// `GET _apis/wit/recyclebin[?ids=]`: short entries, or records with a code for the ids that were asked for.
pub(crate) fn list(world: &World) -> Answer {
    let ids = world.call.query.list("ids");
    if !ids.is_empty() {
        let records = ids
            .iter()
            .map(|text| {
                let found = text.parse::<i64>().ok().map(|id| deleted_item(world, id));
                match found {
                    Some(Ok((item, deleted))) => {
                        let mut body = record(world, item, deleted, Shown::Short);
                        body["id"] = text.clone().into();
                        body
                    }
                    _ => json!({"id": text, "code": 404}),
                }
            })
            .collect();
        return ok(super::call::collection(records));
    }
    let all = world
        .org
        .items
        .values()
        .filter(|i| i.deleted.is_some() && world.call.project.is_none_or(|p| p == i.project))
        .filter(|i| world.may_see(i))
        .map(|i| {
            let url = world.call.project_url(i.project, &format!("_apis/wit/recyclebin/{}", i.id));
            json!({"id": i.id.to_string(), "url": url})
        })
        .collect();
    ok(super::call::collection(all))
}

/// `GET`, `PATCH {"isDeleted": false}` and `DELETE` of one entry.
pub(crate) fn one(world: &mut World, method: &str, id: i64) -> Answer {
    world.touched.push(id);
    deleted_item(world, id)?;
    match method {
        "GET" => {
            let (item, deleted) = deleted_item(world, id)?;
            ok(record(world, item, deleted, Shown::InBin))
        }
        "PATCH" => {
            let sent: Value = world.call.json("payload")?;
            let restores = asks_to_restore(&sent);
            if !restores {
                return Err(ApiError::argument("The value of isDeleted must be false."));
            }
            may_delete(world, id, false)?;
            ok(restore(world, id)?)
        }
        "DELETE" => {
            may_delete(world, id, true)?;
            erase(world, id);
            Ok(Reply::Empty(204))
        }
        other => Err(ApiError::method_not_allowed(other)),
    }
}

/// `{"isDeleted": false}`, or the JSON Patch that old clients send.
pub(crate) fn asks_to_restore(sent: &Value) -> bool {
    let no =
        |value: &Value| *value == false || value.as_str().is_some_and(|t| t.eq_ignore_ascii_case("false"));
    match sent {
        Value::Array(operations) => operations.iter().any(|o| {
            o["path"].as_str().is_some_and(|p| p.eq_ignore_ascii_case("/isDeleted")) && no(&o["value"])
        }),
        other => no(&other["isDeleted"]) || no(&other["IsDeleted"]),
    }
}

pub(crate) fn restore(world: &mut World, id: i64) -> Result<Value, ApiError> {
    let (_, deleted) = deleted_item(world, id)?;
    let deleted = deleted.clone();
    if let Some(item) = world.org.items.get_mut(&id) {
        item.deleted = None;
    }
    touch(world, id, false, |_| {});
    hooks::raise(world, hooks::Event::Restored { item: id });
    Ok(record(world, &world.org.items[&id], &deleted, Shown::Restored))
}
