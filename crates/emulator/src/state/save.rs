//! Saving a work item: a patch becomes one revision, an entry of the update log, comments, links on both sides,
//! feed entries and hook events; or an error and no change at all.

use serde_json::Value;
use uuid::Uuid;

use super::{
    call::World,
    draft::{Draft, check_tests, start},
    errors::ApiError,
    hooks,
    links::RelationChange,
    model::{Comment, CommentVersion, LinkEvent, RelationTarget, Revision, Tag, Update, WorkItem},
    patch::Operation,
    rules::{Settling, parse_time},
};
use crate::processes::TypeDef;

/// What is saved.
#[derive(Clone, Copy)]
pub(crate) enum Subject {
    New { project: Uuid, kind: &'static TypeDef },
    Item(i64),
}

/// The query switches of a save.
#[derive(Clone, Copy, Default)]
pub(crate) struct Switches {
    pub(crate) validate_only: bool,
    pub(crate) bypass: bool,
}

/// An item takes this many revisions through REST.
const MAX_REVISIONS: i64 = 10_000;
/// Applies a patch. The result is the item as it is now, or as it would be if only validated.
pub(crate) fn save(
    world: &mut World,
    subject: Subject,
    operations: &[Operation],
    switches: Switches,
    temporary: &dyn Fn(i64) -> Option<i64>,
) -> Result<WorkItem, ApiError> {
    if switches.bypass && !world.is_administrator() {
        return Err(ApiError::may_not_bypass());
    }
    let mut draft = start(world, subject)?;
    check_tests(world, subject, operations)?;
    if !world.may_write() {
        let area = draft.fields.get("System.AreaPath").and_then(Value::as_str).unwrap_or_default();
        let area = if area.is_empty() {
            world.org.project_by_id(draft.project).name.clone()
        } else {
            area.to_owned()
        };
        return Err(ApiError::area_not_writable(&area));
    }
    draft.read(world, subject, operations, switches, temporary)?;
    let before = match subject {
        Subject::New { .. } => None,
        Subject::Item(id) => Some(world.org.items[&id].latest().fields.clone()),
    };
    let settling = Settling {
        project: world.org.project_by_id(draft.project),
        kind: draft.kind,
        before: before.as_ref(),
        written: &draft.written,
        actor: world.call.actor,
        now: world.call.now,
        bypass: switches.bypass,
    };
    let mut fields = std::mem::take(&mut draft.fields);
    let errors = settling.settle(&mut fields);
    draft.fields = fields;
    if !switches.bypass {
        draft.errors.extend(errors);
    }
    if !draft.errors.is_empty() {
        return Err(ApiError::rules(&draft.errors));
    }
    if !draft.new_tags.is_empty() && !world.actor().may_create_tags {
        let me = world.actor();
        let error = ApiError::tag_not_allowed(&me.name, draft.project, &me.descriptor());
        return Err(error);
    }
    if switches.validate_only {
        return Ok(preview(world, subject, draft));
    }
    let id = commit(world, subject, draft)?;
    Ok(world.org.items[&id].clone_latest())
}

impl WorkItem {
    /// The item with its current revision only, for rendering an answer.
    fn clone_latest(&self) -> Self {
        Self {
            id: self.id,
            project: self.project,
            revisions: vec![self.latest().clone()],
            updates: Vec::new(),
            relations: self.relations.clone(),
            comments: Vec::new(),
            deleted: self.deleted.clone(),
        }
    }
}

impl World<'_> {
    /// An item that exists and is not in the recycle bin.
    pub(crate) fn live_item(&self, id: i64) -> Result<&WorkItem, ApiError> {
        self.org
            .items
            .get(&id)
            .filter(|item| item.deleted.is_none() && self.may_see(item))
            .ok_or_else(|| ApiError::no_work_item(id))
    }
}

/// The revision that a draft makes.
fn revision(world: &World, subject: Subject, draft: &Draft, rev: i64) -> Revision {
    let call = world.call;
    let mut fields = draft.fields.clone();
    let by = draft.changed_by.unwrap_or(call.actor);
    let written = |name: &str| draft.written.contains(name);
    let now = super::call::time(call.now);
    if matches!(subject, Subject::New { .. }) {
        let project = world.org.project_by_id(draft.project);
        fields.insert("System.TeamProject".into(), project.name.clone().into());
        fields.insert("System.WorkItemType".into(), draft.kind.name.clone().into());
        if !written("System.CreatedDate") {
            fields.insert("System.CreatedDate".into(), now.clone().into());
        }
        if !written("System.CreatedBy") {
            fields.insert("System.CreatedBy".into(), call.actor.to_string().into());
        }
        fields.insert("System.CommentCount".into(), 0.into());
    }
    if !written("System.ChangedDate") {
        fields.insert("System.ChangedDate".into(), now.into());
    }
    fields.insert("System.ChangedBy".into(), by.to_string().into());
    if let Some(text) = &draft.history {
        let count = fields.get("System.CommentCount").and_then(Value::as_i64).unwrap_or_default();
        fields.insert("System.CommentCount".into(), (count + 1).into());
        fields.insert("System.History".into(), text.clone().into());
    }
    let date =
        fields.get("System.ChangedDate").and_then(Value::as_str).and_then(parse_time).unwrap_or(call.now);
    Revision {
        rev,
        watermark: world.org.watermark + 1,
        by,
        date,
        fields,
        formats: draft.formats.clone(),
        comment: None,
        deleted: false,
    }
}

fn preview(world: &World, subject: Subject, draft: Draft) -> WorkItem {
    let (id, revision) = match subject {
        Subject::New { .. } => (0, revision(world, subject, &draft, 0)),
        Subject::Item(id) => {
            let before = world.org.items[&id].latest();
            let revises = draft.history.is_some()
                || draft.changes.iter().any(RelationChange::revises)
                || draft.changes_fields(before);
            let next =
                if revises { revision(world, subject, &draft, before.rev + 1) } else { before.clone() };
            (id, next)
        }
    };
    WorkItem {
        id,
        project: draft.project,
        revisions: vec![revision],
        updates: Vec::new(),
        relations: draft.relations,
        comments: Vec::new(),
        deleted: None,
    }
}

fn commit(world: &mut World, subject: Subject, draft: Draft) -> Result<i64, ApiError> {
    let (id, before) = match subject {
        Subject::New { .. } => (world.org.last_item + 1, None),
        Subject::Item(id) => (id, Some(world.org.items[&id].latest())),
    };
    let revises = before.is_none_or(|before| {
        draft.history.is_some()
            || draft.changes.iter().any(RelationChange::revises)
            || draft.changes_fields(before)
    });
    if !revises && draft.changes.is_empty() {
        return Ok(id);
    }
    let rev = before.map_or(1, |b| if revises { b.rev + 1 } else { b.rev });
    if rev > MAX_REVISIONS {
        return Err(ApiError::too_many_revisions(id));
    }
    let mut new_revision = revises.then(|| revision(world, subject, &draft, rev));
    world.wrote = true;
    world.org.last_item = world.org.last_item.max(id);
    let call = world.call;
    let mut comment = None;
    if let (Some(text), Some(revision)) = (&draft.history, &mut new_revision) {
        world.org.last_comment += 1;
        let number = world.org.last_comment;
        revision.comment = Some(number);
        let version = CommentVersion { text: text.clone(), by: revision.by, date: revision.date };
        let by = revision.by;
        comment = Some(Comment {
            id: number,
            markdown: false,
            versions: vec![version],
            by,
            created: revision.date,
            deleted: false,
        });
    }
    let commented = comment.as_ref().map(|c: &Comment| c.id);
    if let Some(revision) = &mut new_revision {
        revision.watermark = world.org.next_watermark();
        world.org.feed.insert(revision.watermark, (id, rev));
    }
    register_tags(world, draft.project, &draft.new_tags);
    let item = world.org.items.entry(id).or_insert_with(|| WorkItem {
        id,
        project: draft.project,
        revisions: Vec::new(),
        updates: Vec::new(),
        relations: Vec::new(),
        comments: Vec::new(),
        deleted: None,
    });
    item.project = draft.project;
    item.revisions.extend(new_revision);
    item.relations = draft.relations;
    item.comments.extend(comment);
    let update = note_update(item, rev, revises, &draft.changes, call.actor, call.now);
    let mirrored: Vec<(i64, RelationChange)> = draft.changes.iter().filter_map(|c| c.mirrored(id)).collect();
    if !world.touched.contains(&id) {
        world.touched.push(id);
    }
    for change in &draft.changes {
        log_link(world, id, change);
    }
    if before_was_none(subject) {
        hooks::raise(world, hooks::Event::Created { item: id });
    } else {
        hooks::raise(world, hooks::Event::Updated { item: id, update });
    }
    if commented.is_some() {
        hooks::raise(world, hooks::Event::Commented { item: id });
    }
    for (other, change) in mirrored {
        log_link(world, other, &change);
        let Some(item) = world.org.items.get_mut(&other) else { continue };
        change.apply(&mut item.relations);
        let rev = item.latest().rev;
        let update = note_update(item, rev, false, &[change], call.actor, call.now);
        hooks::raise(world, hooks::Event::Updated { item: other, update });
    }
    Ok(id)
}

fn before_was_none(subject: Subject) -> bool {
    matches!(subject, Subject::New { .. })
}

fn register_tags(world: &mut World, project: Uuid, names: &[String]) {
    for name in names {
        let id = world.ids.guid();
        let Some(project) = world.org.projects.iter_mut().find(|p| p.id == project) else { return };
        if !project.tags.iter().any(|t| t.name.to_lowercase() == name.to_lowercase()) {
            project.tags.push(Tag { id, name: name.clone(), changed: Some(world.call.now) });
        }
    }
}

fn note_update(
    item: &mut WorkItem,
    rev: i64,
    revises: bool,
    changes: &[RelationChange],
    by: Uuid,
    date: chrono::DateTime<chrono::Utc>,
) -> i64 {
    let id = item.updates.last().map_or(1, |u| u.id + 1);
    let mut update =
        Update { id, rev, by, date, revises, added: Vec::new(), removed: Vec::new(), updated: Vec::new() };
    for change in changes {
        match change {
            RelationChange::Add(r) => update.added.push(r.clone()),
            RelationChange::Remove(r) => update.removed.push(r.clone()),
            RelationChange::Edit(_, r) => update.updated.push(r.clone()),
        }
    }
    item.updates.push(update);
    id
}

fn log_link(world: &mut World, source: i64, change: &RelationChange) {
    let relation = change.relation();
    let RelationTarget::Item(target) = relation.target else { return };
    let watermark = world.org.next_watermark();
    world.org.link_feed.push(LinkEvent {
        watermark,
        rel: relation.rel.clone(),
        source,
        target,
        by: world.call.actor,
        date: world.call.now,
        active: !matches!(change, RelationChange::Remove(_)),
        comment: relation.comment.clone(),
    });
}

/// Makes a revision that changes nothing but its stamps and what `edit` does: deletion, restoring, comments.
pub(crate) fn touch(world: &mut World, id: i64, deleted: bool, edit: impl FnOnce(&mut Revision)) -> i64 {
    let call = world.call;
    let watermark = world.org.next_watermark();
    let item = world.org.items.get_mut(&id).expect("callers checked that the item exists");
    let mut revision = item.latest().clone();
    revision.rev += 1;
    revision.watermark = watermark;
    revision.by = call.actor;
    revision.date = call.now;
    revision.comment = None;
    revision.deleted = deleted;
    revision.fields.remove("System.History");
    revision.fields.insert("System.ChangedDate".into(), super::call::time(call.now).into());
    revision.fields.insert("System.ChangedBy".into(), call.actor.to_string().into());
    edit(&mut revision);
    let rev = revision.rev;
    item.revisions.push(revision);
    let update = note_update(item, rev, true, &[], call.actor, call.now);
    world.org.feed.insert(watermark, (id, rev));
    world.wrote = true;
    update
}
