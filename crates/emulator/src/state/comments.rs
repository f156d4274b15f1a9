//! Work item comments (azure-devops.md section 7.7). Every change of a comment makes a revision of the item.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    call::{Answer, Reply, World, collection, encode, ok, time},
    errors::ApiError,
    hooks, html,
    model::{Comment, CommentVersion, WorkItem},
    save::touch,
};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Text {
    Source,
    Both,
    RenderedOnly,
}

fn wanted_text(world: &World) -> Text {
    match world.call.query.get("$expand").unwrap_or_default().to_ascii_lowercase().as_str() {
        "renderedtext" | "all" => Text::Both,
        "renderedtextonly" => Text::RenderedOnly,
        _ => Text::Source,
    }
}

fn comment_json(world: &World, item: &WorkItem, comment: &Comment, text: Text) -> Value {
    let call = world.call;
    let latest = comment.versions.last().expect("a comment has a version");
    let identity = |id| world.org.identity(id).object(&call.base);
    let rendered = || if comment.markdown { html::rendered(&latest.text) } else { latest.text.clone() };
    let mut body = json!({
        "workItemId": item.id,
        "id": comment.id,
        "version": comment.versions.len(),
        "text": if text == Text::RenderedOnly { String::new() } else { latest.text.clone() },
        "renderedText": if text == Text::Source { String::new() } else { rendered() },
        "format": if comment.markdown { "markdown" } else { "html" },
        "createdBy": identity(comment.by),
        "createdDate": time(comment.created),
        "modifiedBy": identity(latest.by),
        "modifiedDate": time(latest.date),
        "mentions": [],
        "url": call.project_url(item.project, &format!("_apis/wit/workItems/{}/comments/{}", item.id, comment.id)),
    });
    if comment.deleted {
        body["isDeleted"] = true.into();
        body["text"] = "".into();
    }
    if let Some(members) = body.as_object_mut().filter(|_| !world.org.edition.has_comment_formats()) {
        members.remove("format");
        members.remove("renderedText");
    }
    body
}

/// The item of the route. Comments have only routes with a project.
fn item<'a>(world: &'a World, id: i64) -> Result<&'a WorkItem, ApiError> {
    let project = world.project()?.id;
    let item = world.live_item(id)?;
    if item.project == project { Ok(item) } else { Err(ApiError::no_work_item(id)) }
}

pub(crate) fn list(world: &World, id: i64) -> Answer {
    let item = item(world, id)?;
    let query = &world.call.query;
    let ascending = query.get("order").is_some_and(|o| o.eq_ignore_ascii_case("asc"));
    let deleted = query.flag("includeDeleted");
    let top = query.number("$top")?.unwrap_or(200).clamp(1, 200);
    let after = match query.get("continuationToken").filter(|t| !t.is_empty()) {
        Some(token) => Some(
            token.parse::<i64>().map_err(|_| ApiError::argument("The continuation token is not valid."))?,
        ),
        None => None,
    };
    let mut all: Vec<&Comment> = item.comments.iter().filter(|c| deleted || !c.deleted).collect();
    let total = all.len();
    all.sort_by_key(|c| if ascending { c.id } else { -c.id });
    // The token is the last comment that was shown.
    let rest: Vec<&Comment> = all
        .into_iter()
        .filter(|c| after.is_none_or(|last| if ascending { c.id > last } else { c.id < last }))
        .collect();
    let shown = rest.len().min(usize::try_from(top).unwrap_or(200));
    let text = wanted_text(world);
    let comments: Vec<Value> = rest[..shown].iter().map(|c| comment_json(world, item, c, text)).collect();
    let mut body = json!({"totalCount": total, "count": comments.len(), "comments": comments});
    if shown < rest.len() {
        let token = rest[shown - 1].id;
        let others = query.without(&["continuationToken"]);
        let next = format!(
            "_apis/wit/workItems/{id}/comments?{others}&continuationToken={}",
            encode(&token.to_string())
        );
        body["continuationToken"] = token.to_string().into();
        body["nextPage"] = world.call.project_url(item.project, &next).into();
    }
    ok(body)
}

fn find(item: &WorkItem, number: i64) -> Result<&Comment, ApiError> {
    item.comments.iter().find(|c| c.id == number).ok_or_else(|| ApiError::no_comment(number))
}

pub(crate) fn get(world: &World, id: i64, number: i64) -> Answer {
    let item = item(world, id)?;
    let comment = find(item, number)?;
    if comment.deleted && !world.call.query.flag("includeDeleted") {
        return Err(ApiError::no_comment(number));
    }
    ok(comment_json(world, item, comment, wanted_text(world)))
}

#[derive(Deserialize)]
struct Sent {
    text: String,
}

/// `format` is a word, or the number of the enum: 0 Markdown, 1 HTML.
fn markdown(world: &World) -> Result<Option<bool>, ApiError> {
    // A parameter that a version does not know is ignored.
    if !world.org.edition.has_comment_formats() {
        return Ok(None);
    }
    match world.call.query.get("format").unwrap_or_default().to_ascii_lowercase().as_str() {
        "" => Ok(None),
        "markdown" | "0" => Ok(Some(true)),
        "html" | "1" => Ok(Some(false)),
        other => Err(ApiError::argument(format!("The value '{other}' is not valid for format."))),
    }
}

fn may_comment(world: &World, id: i64) -> Result<(), ApiError> {
    let area = item(world, id)?.text("System.AreaPath");
    if world.may_write() { Ok(()) } else { Err(ApiError::area_not_writable(area)) }
}

fn content(world: &World, markdown: bool) -> Result<String, ApiError> {
    let sent: Sent = world.call.json("request")?;
    let text = if markdown { sent.text } else { html::sanitised(&sent.text) };
    if text.trim().is_empty() {
        return Err(ApiError::argument("Comment text cannot be empty."));
    }
    Ok(text)
}

pub(crate) fn add(world: &mut World, id: i64) -> Answer {
    may_comment(world, id)?;
    let markdown = markdown(world)?.unwrap_or(false);
    let text = content(world, markdown)?;
    let (by, date) = (world.call.actor, world.call.now);
    world.org.last_comment += 1;
    let number = world.org.last_comment;
    let shown = if markdown { html::rendered(&text) } else { text.clone() };
    let update = touch(world, id, false, |revision| {
        let count = revision.fields.get("System.CommentCount").and_then(Value::as_i64).unwrap_or_default();
        revision.fields.insert("System.CommentCount".into(), (count + 1).into());
        revision.fields.insert("System.History".into(), shown.into());
        revision.comment = Some(number);
    });
    let versions = vec![CommentVersion { text, by, date }];
    let comment = Comment { id: number, markdown, versions, by, created: date, deleted: false };
    if let Some(item) = world.org.items.get_mut(&id) {
        item.comments.push(comment);
    }
    hooks::raise(world, hooks::Event::Updated { item: id, update });
    hooks::raise(world, hooks::Event::Commented { item: id });
    let item = item(world, id)?;
    ok(comment_json(world, item, find(item, number)?, Text::Both))
}

/// Finds a comment that the actor may change: their own, or any as administrator.
fn own_comment(world: &World, id: i64, number: i64) -> Result<bool, ApiError> {
    may_comment(world, id)?;
    let comment = find(item(world, id)?, number)?;
    if comment.deleted {
        return Err(ApiError::no_comment(number));
    }
    if comment.by != world.call.actor && !world.is_administrator() {
        let message = format!("VS403500: {} may not change this comment.", world.actor().name);
        return Err(ApiError::access_denied(message, None));
    }
    Ok(comment.markdown)
}

fn comment_mut<'a>(world: &'a mut World, id: i64, number: i64) -> Option<&'a mut Comment> {
    world.org.items.get_mut(&id)?.comments.iter_mut().find(|c| c.id == number)
}

pub(crate) fn edit(world: &mut World, id: i64, number: i64) -> Answer {
    let was_markdown = own_comment(world, id, number)?;
    let markdown = markdown(world)?.unwrap_or(was_markdown);
    let text = content(world, markdown)?;
    let (by, date) = (world.call.actor, world.call.now);
    if let Some(comment) = comment_mut(world, id, number) {
        comment.markdown = markdown;
        comment.versions.push(CommentVersion { text, by, date });
    }
    // An edit stamps the item; the feed shows a new revision without a comment text.
    let update = touch(world, id, false, |_| {});
    hooks::raise(world, hooks::Event::Updated { item: id, update });
    let item = item(world, id)?;
    ok(comment_json(world, item, find(item, number)?, Text::Both))
}

pub(crate) fn delete(world: &mut World, id: i64, number: i64) -> Answer {
    own_comment(world, id, number)?;
    if let Some(comment) = comment_mut(world, id, number) {
        comment.deleted = true;
    }
    let update = touch(world, id, false, |revision| {
        let count = revision.fields.get("System.CommentCount").and_then(Value::as_i64).unwrap_or_default();
        revision.fields.insert("System.CommentCount".into(), (count - 1).max(0).into());
    });
    hooks::raise(world, hooks::Event::Updated { item: id, update });
    Ok(Reply::Empty(204))
}

pub(crate) fn versions(world: &World, id: i64, number: i64) -> Answer {
    let item = item(world, id)?;
    let comment = find(item, number)?;
    let all = comment
        .versions
        .iter()
        .enumerate()
        .map(|(at, version)| {
            json!({
                "id": comment.id,
                "version": at + 1,
                "text": version.text,
                "createdBy": world.org.identity(comment.by).object(&world.call.base),
                "createdDate": time(comment.created),
                "modifiedBy": world.org.identity(version.by).object(&world.call.base),
                "modifiedDate": time(version.date),
                "isDeleted": comment.deleted,
            })
        })
        .collect();
    ok(collection(all))
}
