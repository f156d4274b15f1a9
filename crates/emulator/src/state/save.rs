//! Saving a work item: a patch becomes one revision, an entry of the update log, comments, links on both sides,
//! feed entries and hook events; or an error and no change at all.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use uuid::Uuid;

use super::{
    call::World,
    errors::{ApiError, RuleError},
    hooks, html,
    links::{self, RelationChange},
    model::{Comment, CommentVersion, Fields, LinkEvent, RelationTarget, Revision, Tag, Update, WorkItem},
    patch::{Op, Operation, Place},
    router::find_project,
    rules::{Refused, Settling, converted, parse_time},
};
use crate::processes::{FieldDef, FieldKind, TypeDef};

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
/// A tag is at most this long, and an item has at most this many.
const MAX_TAG: usize = 400;
const MAX_TAGS: usize = 100;

/// Everything a patch asks for, checked as far as the patch itself goes.
struct Draft {
    project: Uuid,
    kind: &'static TypeDef,
    fields: Fields,
    written: BTreeSet<String>,
    formats: BTreeMap<String, String>,
    relations: Vec<super::model::Relation>,
    changes: Vec<RelationChange>,
    history: Option<String>,
    errors: Vec<RuleError>,
    new_tags: Vec<String>,
    changed_by: Option<Uuid>,
}

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

fn start(world: &World, subject: Subject) -> Result<Draft, ApiError> {
    let (project, kind, fields, formats, relations) = match subject {
        Subject::New { project, kind } => (project, kind, Fields::new(), BTreeMap::new(), Vec::new()),
        Subject::Item(id) => {
            let item = world.live_item(id)?;
            let mut fields = item.latest().fields.clone();
            fields.remove("System.History");
            let project = world.org.project_by_id(item.project);
            let name = item.text("System.WorkItemType");
            let kind = project
                .definition()
                .type_named(name)
                .ok_or_else(|| ApiError::no_work_item_type(name, &project.name))?;
            (item.project, kind, fields, item.latest().formats.clone(), item.relations.clone())
        }
    };
    Ok(Draft {
        project,
        kind,
        fields,
        written: BTreeSet::new(),
        formats,
        relations,
        changes: Vec::new(),
        history: None,
        errors: Vec::new(),
        new_tags: Vec::new(),
        changed_by: None,
    })
}

impl World<'_> {
    /// An item that exists and is not in the recycle bin.
    pub(crate) fn live_item(&self, id: i64) -> Result<&WorkItem, ApiError> {
        self.org
            .items
            .get(&id)
            .filter(|item| item.deleted.is_none())
            .ok_or_else(|| ApiError::no_work_item(id))
    }
}

/// `test` operations come before everything else: a stale revision is 412 even if the rest is wrong too.
fn check_tests(world: &World, subject: Subject, operations: &[Operation]) -> Result<(), ApiError> {
    let current = match subject {
        Subject::New { .. } => None,
        Subject::Item(id) => Some(world.live_item(id)?.latest()),
    };
    for operation in operations.iter().filter(|o| o.op == Op::Test) {
        let (path, actual) = match &operation.place {
            Place::Rev => ("/rev".to_owned(), Value::from(current.map_or(0, |r| r.rev))),
            Place::Field(name) => {
                let field = world.field(name).ok_or_else(|| ApiError::no_field(name))?;
                let value =
                    current.and_then(|r| r.fields.get(&field.reference_name).cloned()).unwrap_or_default();
                (format!("/fields/{}", field.reference_name), value)
            }
            other => {
                return Err(ApiError::bad_patch(format!(
                    "The test operation is not supported for {other:?}."
                )));
            }
        };
        let words = |v: &Value| v.as_str().map_or_else(|| v.to_string(), str::to_owned);
        if words(&actual) != words(&operation.value) {
            return Err(ApiError::test_failed(&path, &words(&actual), &words(&operation.value)));
        }
    }
    Ok(())
}

/// Read-only fields that a caller with the right to bypass rules may write.
const WITH_BYPASS: [&str; 4] =
    ["System.CreatedBy", "System.CreatedDate", "System.ChangedBy", "System.ChangedDate"];

impl Draft {
    fn read(
        &mut self,
        world: &mut World,
        subject: Subject,
        operations: &[Operation],
        switches: Switches,
        temporary: &dyn Fn(i64) -> Option<i64>,
    ) -> Result<(), ApiError> {
        // The format of a field decides how its content is read, wherever it stands in the document.
        for operation in operations {
            if let Place::Format(name) = &operation.place {
                self.read_format(world, name, operation, operations)?;
            }
        }
        // A move to another project decides which areas exist.
        for operation in operations {
            if let (Place::Field(name), Op::Add | Op::Replace) = (&operation.place, operation.op)
                && name.eq_ignore_ascii_case("System.TeamProject")
            {
                self.project = find_project(world.org, operation.value.as_str().unwrap_or_default())?;
                let name = world.org.project_by_id(self.project).name.clone();
                self.fields.insert("System.TeamProject".into(), name.into());
            }
        }
        for operation in operations {
            match (&operation.place, operation.op) {
                (_, Op::Test) | (Place::Format(_) | Place::Id, _) => {}
                (Place::Rev, _) => {
                    return Err(ApiError::bad_patch(
                        "Only the test operation is supported for the path '/rev'.",
                    ));
                }
                (Place::Field(name), op) => self.read_field(world, name, op, &operation.value, switches)?,
                (Place::NewRelation, _) => {
                    let relation = links::parse(world.org, world.call, &operation.value, temporary)?;
                    let id = if let Subject::Item(id) = subject { id } else { 0 };
                    links::check(world.org, id, &self.relations, &relation)?;
                    self.change_relation(RelationChange::Add(relation));
                }
                (Place::Relation(index), Op::Remove) => {
                    let relation = self.relation_at(*index)?;
                    self.change_relation(RelationChange::Remove(relation));
                }
                (Place::RelationAttribute(index, name), _) if name == "comment" => {
                    let before = self.relation_at(*index)?;
                    let mut after = before.clone();
                    after.comment = operation.value.as_str().map(str::to_owned);
                    self.change_relation(RelationChange::Edit(before, after));
                }
                (Place::Relation(_) | Place::RelationAttribute(..), _) => {
                    return Err(ApiError::bad_patch("This operation is not supported for relations."));
                }
            }
        }
        Ok(())
    }

    fn relation_at(&self, index: usize) -> Result<super::model::Relation, ApiError> {
        let found = self.relations.get(index).cloned();
        found.ok_or_else(|| {
            ApiError::bad_patch(format!("Index {index} is out of range for the path '/relations'."))
        })
    }

    fn change_relation(&mut self, change: RelationChange) {
        change.apply(&mut self.relations);
        self.changes.push(change);
    }

    fn read_format(
        &mut self,
        world: &World,
        name: &str,
        operation: &Operation,
        operations: &[Operation],
    ) -> Result<(), ApiError> {
        let field = world.field(name).ok_or_else(|| ApiError::no_field(name))?;
        if field.kind != FieldKind::Html {
            return Err(ApiError::format_not_supported(&field.reference_name));
        }
        let with_content = operations.iter().any(|o| {
            matches!(&o.place, Place::Field(n) if n.eq_ignore_ascii_case(name))
                && matches!(o.op, Op::Add | Op::Replace)
        });
        if !with_content {
            let message =
                format!("The format of the field {name} can only be changed together with its value.");
            return Err(ApiError::bad_patch(message));
        }
        match operation.value.as_str().unwrap_or_default().to_ascii_lowercase().as_str() {
            "markdown" => {
                self.formats.insert(field.reference_name, "markdown".into());
            }
            "html" => {
                self.formats.remove(&field.reference_name);
            }
            other => return Err(ApiError::bad_patch(format!("The format '{other}' is not supported."))),
        }
        Ok(())
    }

    fn read_field(
        &mut self,
        world: &World,
        name: &str,
        op: Op,
        value: &Value,
        switches: Switches,
    ) -> Result<(), ApiError> {
        let field = world.field(name).ok_or_else(|| ApiError::no_field(name))?;
        let canonical = field.reference_name.clone();
        let cleared = Value::Null;
        let value = if op == Op::Remove { &cleared } else { value };
        let with_bypass = switches.bypass && WITH_BYPASS.contains(&canonical.as_str());
        let guarded =
            field.read_only || ["System.CreatedBy", "System.ChangedBy"].contains(&canonical.as_str());
        if guarded && !with_bypass {
            // Sending back what is there is no write.
            if !value.is_null() && self.fields.get(&canonical) == Some(value) {
                return Ok(());
            }
            self.errors.push(RuleError::read_only(&canonical));
            return Ok(());
        }
        match canonical.as_str() {
            "System.History" => {
                let text = value.as_str().unwrap_or_default();
                self.history = Some(html::sanitised(text)).filter(|t| !t.trim().is_empty());
                return Ok(());
            }
            "System.Tags" => return self.read_tags(world, op, value),
            "System.WorkItemType" => {
                let project = world.org.project_by_id(self.project);
                let name = value.as_str().unwrap_or_default();
                let kind = project.definition().type_named(name);
                self.kind = kind.ok_or_else(|| ApiError::no_work_item_type(name, &project.name))?;
                self.fields.insert(canonical.clone(), self.kind.name.clone().into());
                let state = self.fields.get("System.State").and_then(Value::as_str).unwrap_or_default();
                if self.kind.state(state).is_none() {
                    self.fields.insert("System.State".into(), self.kind.initial().to.clone().into());
                }
                self.written.insert(canonical);
                return Ok(());
            }
            "System.TeamProject" => return Ok(()),
            "System.AreaId" | "System.IterationId" => return self.read_node_id(world, &canonical, value),
            _ => {}
        }
        let markdown = self.formats.contains_key(&canonical);
        match converted(world.org, world.org.project_by_id(self.project), &field, value, markdown) {
            Ok(Some(stored)) => {
                if canonical == "System.ChangedBy" {
                    self.changed_by = stored.as_str().and_then(|id| Uuid::parse_str(id).ok());
                }
                self.fields.insert(canonical.clone(), stored);
            }
            Ok(None) => self.clear(&field),
            Err(Refused::Rule(error)) if !switches.bypass => self.errors.push(error),
            Err(Refused::Rule(error)) => return Err(ApiError::rules(&[error])),
            Err(Refused::Request(error)) => return Err(error),
        }
        self.written.insert(canonical);
        Ok(())
    }

    fn clear(&mut self, field: &FieldDef) {
        // An emptied lane is the default lane; an emptied column is no column and refused later.
        let board_field = field.reference_name.starts_with("WEF_");
        if board_field && field.kind == FieldKind::String {
            self.fields.insert(field.reference_name.clone(), String::new().into());
        } else if ["System.AreaPath", "System.IterationPath"].contains(&field.reference_name.as_str()) {
            self.errors.push(RuleError::empty(&field.reference_name, &field.name));
        } else {
            self.fields.remove(&field.reference_name);
        }
        if field.reference_name == "System.State" {
            self.errors.push(RuleError::empty("System.State", "State"));
        }
    }

    fn read_node_id(&mut self, world: &World, canonical: &str, value: &Value) -> Result<(), ApiError> {
        let project = world.org.project_by_id(self.project);
        let (root, path_field) = match canonical {
            "System.AreaId" => (&project.areas, "System.AreaPath"),
            _ => (&project.iterations, "System.IterationPath"),
        };
        let id = value.as_i64().or_else(|| value.as_str().and_then(|t| t.parse().ok())).unwrap_or_default();
        let path = path_of_node(root, id, "").ok_or_else(|| ApiError::no_tree_name(path_field))?;
        self.fields.insert(path_field.into(), path.into());
        self.written.insert(path_field.into());
        Ok(())
    }

    /// `add` merges, everything else overwrites. The project's spelling of a known tag wins.
    fn read_tags(&mut self, world: &World, op: Op, value: &Value) -> Result<(), ApiError> {
        let project = world.org.project_by_id(self.project);
        let sent = split_tags(value.as_str().unwrap_or_default());
        let mut tags = match op {
            Op::Add => split_tags(self.fields.get("System.Tags").and_then(Value::as_str).unwrap_or_default()),
            _ => Vec::new(),
        };
        for tag in sent {
            if tag.chars().count() > MAX_TAG || tag.chars().any(char::is_control) {
                return Err(ApiError::argument(format!("TF400898: The tag '{tag}' is not valid.")));
            }
            let known = project.tags.iter().find(|t| t.name.to_lowercase() == tag.to_lowercase());
            let name = known.map_or_else(|| tag.clone(), |t| t.name.clone());
            if known.is_none() {
                self.new_tags.push(name.clone());
            }
            if !tags.iter().any(|t| t.to_lowercase() == name.to_lowercase()) {
                tags.push(name);
            }
        }
        if tags.len() > MAX_TAGS {
            return Err(ApiError::argument(format!("TF401243: A work item has at most {MAX_TAGS} tags.")));
        }
        tags.sort_by_key(|t| t.to_lowercase());
        if tags.is_empty() {
            self.fields.remove("System.Tags");
        } else {
            self.fields.insert("System.Tags".into(), tags.join("; ").into());
        }
        self.written.insert("System.Tags".into());
        Ok(())
    }

    /// Fields that differ from the revision before, leaving out what every save stamps.
    fn changes_fields(&self, before: &Revision) -> bool {
        let mut old = before.fields.clone();
        old.remove("System.History");
        old != self.fields || before.formats != self.formats
    }
}

pub(crate) fn split_tags(text: &str) -> Vec<String> {
    text.split([';', ',']).map(str::trim).filter(|t| !t.is_empty()).map(str::to_owned).collect()
}

fn path_of_node(node: &super::model::Node, id: i64, above: &str) -> Option<String> {
    let path = if above.is_empty() { node.name.clone() } else { format!("{above}\\{}", node.name) };
    if node.id == id {
        return Some(path);
    }
    node.children.iter().find_map(|c| path_of_node(c, id, &path))
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
            project.tags.push(Tag { id, name: name.clone() });
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
