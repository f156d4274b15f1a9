//! The reporting feeds: every revision, every link change, in the order of watermarks (azure-devops.md
//! section 7.4). Link-only changes are not in the revision feed.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    call::{Answer, Reply, World, encode, time},
    errors::ApiError,
    render::{Expand, People, View, fields_json},
    rules::parse_time,
};
use crate::processes::FieldKind;

/// The largest page, and the usual one.
const MAX_PAGE: usize = 1_000;
const USUAL_PAGE: usize = 200;

/// The last part of a token. Clients must not read tokens; this is what one looked like.
const KIND: &str = "Discussion";

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Body {
    fields: Option<Vec<String>>,
    types: Option<Vec<String>>,
    include_identity_ref: Option<bool>,
    include_deleted: Option<bool>,
    include_latest_only: Option<bool>,
    include_tag_ref: Option<bool>,
    include_discussion_changes_only: Option<bool>,
}

/// The watermark a token stands for; the oldest tokens are a bare number.
fn position(world: &World) -> Result<i64, ApiError> {
    let query = &world.call.query;
    let Some(token) = query.get("continuationToken").or(query.get("watermark")).filter(|t| !t.is_empty())
    else {
        return Ok(0);
    };
    let first = token.split(';').next().unwrap_or_default();
    first
        .parse()
        .map_err(|_| ApiError::argument(format!("VS402334: The continuation token '{token}' is not valid.")))
}

fn page_size(world: &World) -> Result<usize, ApiError> {
    let wanted = world.call.query.number("$maxPageSize")?;
    Ok(wanted.and_then(|n| usize::try_from(n).ok()).filter(|n| *n > 0).unwrap_or(USUAL_PAGE).min(MAX_PAGE))
}

fn start(world: &World) -> Result<Option<chrono::DateTime<chrono::Utc>>, ApiError> {
    let query = &world.call.query;
    // Only the first call may name a start; a token wins.
    let text =
        query.get("startDateTime").filter(|t| !t.is_empty() && query.get("continuationToken").is_none());
    text.map(|t| parse_time(t).ok_or_else(|| ApiError::argument(format!("The value '{t}' is not a time."))))
        .transpose()
}

/// Some identities may read the feeds of projects, and not that of everything.
fn check_reach(world: &World) -> Result<(), ApiError> {
    if world.call.project.is_none() && world.org.gate.project_feeds_only {
        let message = "Access denied. You need permissions on the collection to perform this action.";
        return Err(ApiError::access_denied(message.into(), None));
    }
    Ok(())
}

fn next_link(world: &World, resource: &str, token: &str) -> String {
    let others = world.call.query.without(&["continuationToken", "watermark", "startDateTime"]);
    let rest = format!("_apis/wit/reporting/{resource}?{others}&continuationToken={}", encode(token));
    match world.call.project {
        Some(project) => world.call.project_url(project, &rest),
        None => world.call.org_url(&rest),
    }
}

/// `GET`/`POST …/_apis/wit/reporting/workitemrevisions`.
pub(crate) fn revisions(world: &World) -> Answer {
    check_reach(world)?;
    let query = &world.call.query;
    let body: Body = if world.call.body.is_empty() { Body::default() } else { world.call.json("filter")? };
    let flag = |name: &str, sent: Option<bool>| sent.unwrap_or_else(|| query.flag(name));
    let latest_only = flag("includeLatestOnly", body.include_latest_only);
    let deleted = flag("includeDeleted", body.include_deleted);
    let identities = flag("includeIdentityRef", body.include_identity_ref);
    let discussion_only = flag("includeDiscussionChangesOnly", body.include_discussion_changes_only);
    let tag_refs = flag("includeTagRef", body.include_tag_ref);
    let types = body.types.unwrap_or_else(|| query.list("types"));
    let names = body.fields.unwrap_or_else(|| query.list("fields"));
    let expand = Expand::parse(query.get("$expand"))?;
    let wanted: BTreeSet<String> =
        names.iter().map(|n| world.field(n).map_or_else(|| n.clone(), |f| f.reference_name)).collect();
    let (from, start, size) = (position(world)?, start(world)?, page_size(world)?);

    let mut values = Vec::new();
    let mut last = (from, 0, 0);
    let mut more = false;
    for (watermark, (id, rev)) in world.org.feed.range(from + 1..) {
        let Some(item) = world.org.items.get(id).filter(|i| world.may_see(i)) else { continue };
        if world.call.project.is_some_and(|p| p != item.project)
            || (latest_only && item.latest().rev != *rev)
            || (!deleted && item.deleted.is_some())
        {
            continue;
        }
        let Some(revision) = item.revision(*rev) else { continue };
        let kind = revision.fields.get("System.WorkItemType").and_then(Value::as_str).unwrap_or_default();
        if start.is_some_and(|s| revision.date < s)
            || (!types.is_empty() && !types.iter().any(|t| t.eq_ignore_ascii_case(kind)))
            || (discussion_only && revision.comment.is_none())
        {
            continue;
        }
        if values.len() == size {
            more = true;
            break;
        }
        let view = View {
            fields: (!wanted.is_empty()).then(|| wanted.clone()),
            expand: if wanted.is_empty() { Expand::Fields } else { Expand::None },
            ..View::default()
        };
        let people = if identities { People::Objects } else { People::Text };
        let mut fields = fields_json(world.org, &world.call.base, item, revision, &view, people);
        if wanted.is_empty() && expand != Expand::Fields && expand != Expand::All {
            fields.retain(|name, _| !is_long_text(world, name));
        }
        if tag_refs {
            add_tag_refs(world, item.project, &mut fields);
        }
        let mut entry = json!({"id": id, "rev": rev, "fields": fields});
        if world.org.edition.has_markdown_fields() {
            entry["multilineFieldsFormat"] = json!({});
        }
        values.push(entry);
        last = (*watermark, *id, *rev);
    }
    // At the end the token stands at the newest watermark that was looked at.
    if !more {
        let newest = world.org.feed.last_key_value().map_or(from, |(w, _)| *w);
        if newest > last.0 {
            last.0 = newest;
        }
    }
    let token = format!("{};{};{};{KIND}", last.0, last.1, last.2);
    Ok(Reply::Reporting(json!({
        "values": values,
        "nextLink": next_link(world, "workItemRevisions", &token),
        "continuationToken": token,
        "isLastBatch": !more,
    })))
}

fn is_long_text(world: &World, name: &str) -> bool {
    name != "System.Tags"
        && world
            .field(name)
            .is_some_and(|f| matches!(f.kind, FieldKind::Html | FieldKind::History | FieldKind::PlainText))
}

fn add_tag_refs(world: &World, project: uuid::Uuid, fields: &mut Map<String, Value>) {
    let Some(tags) = fields.get("System.Tags").and_then(Value::as_str).map(super::draft::split_tags) else {
        return;
    };
    let known = &world.org.project_by_id(project).tags;
    let refs: Vec<Value> = tags
        .iter()
        .filter_map(|name| known.iter().find(|t| t.name == *name))
        .map(|t| json!({"id": t.id, "name": t.name}))
        .collect();
    fields.insert("System.Tags".into(), refs.into());
}

/// `GET …/_apis/wit/reporting/workitemlinks`.
pub(crate) fn links(world: &World) -> Answer {
    check_reach(world)?;
    let query = &world.call.query;
    let (from, start, size) = (position(world)?, start(world)?, page_size(world)?);
    let kinds = query.list("linkTypes");
    let mut values = Vec::new();
    let (mut last, mut more) = (from, false);
    for event in world.org.link_feed.iter().filter(|e| e.watermark > from) {
        let source = world.org.items.get(&event.source);
        let in_scope = world.call.project.is_none_or(|p| source.is_some_and(|s| s.project == p));
        if !in_scope
            || start.is_some_and(|s| event.date < s)
            || (!kinds.is_empty() && !kinds.iter().any(|k| k.eq_ignore_ascii_case(&event.rel)))
        {
            continue;
        }
        if values.len() == size {
            more = true;
            break;
        }
        let project = |id: i64| world.org.items.get(&id).map(|i| i.project);
        values.push(json!({
            "rel": event.rel,
            "attributes": {
                "sourceId": event.source,
                "targetId": event.target,
                "isActive": event.active,
                "changedDate": time(event.date),
                "changedBy": world.org.identity(event.by).object(&world.call.base),
                "comment": event.comment,
                "sourceProjectId": project(event.source),
                "targetProjectId": project(event.target),
            },
            "sourceId": event.source,
            "targetId": event.target,
            "isActive": event.active,
            "changedDate": time(event.date),
            "changedBy": world.org.identity(event.by).object(&world.call.base),
        }));
        last = event.watermark;
    }
    let token = last.to_string();
    Ok(Reply::Reporting(json!({
        "values": values,
        "nextLink": next_link(world, "workItemLinks", &token),
        "continuationToken": token,
        "isLastBatch": !more,
    })))
}

/// `GET …/reporting/workItemRevisions/discussions`: the revisions that hold a comment.
pub(crate) fn discussions(world: &World) -> Answer {
    let (from, start, size) = (position(world)?, start(world)?, page_size(world)?);
    let (mut values, mut last, mut more) = (Vec::new(), (from, 0, 0), false);
    for (watermark, (id, rev)) in world.org.feed.range(from + 1..) {
        let Some(item) = world.org.items.get(id).filter(|i| i.deleted.is_none() && world.may_see(i)) else {
            continue;
        };
        let Some(revision) = item.revision(*rev).filter(|r| r.comment.is_some()) else { continue };
        if world.call.project.is_some_and(|p| p != item.project) || start.is_some_and(|s| revision.date < s) {
            continue;
        }
        if values.len() == size {
            more = true;
            break;
        }
        let view = View { expand: Expand::Fields, ..View::default() };
        let fields = fields_json(world.org, &world.call.base, item, revision, &view, People::Text);
        values.push(json!({"id": id, "rev": rev, "fields": fields}));
        last = (*watermark, *id, *rev);
    }
    let token = format!("{};{};{};{KIND}", last.0, last.1, last.2);
    Ok(Reply::Reporting(json!({
        "values": values,
        "nextLink": next_link(world, "workItemRevisions/discussions", &token),
        "continuationToken": token,
        "isLastBatch": !more,
    })))
}
