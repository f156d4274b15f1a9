//! What a patch asks for: fields, tags, formats, relations and a comment, each checked as far as the patch alone
//! tells. What they mean for each other is left to `rules`, storing them to `save`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use uuid::Uuid;

use super::{
    call::World,
    errors::{ApiError, RuleError},
    html,
    links::{self, RelationChange},
    model::{Fields, Revision},
    patch::{Op, Operation, Place},
    router::find_project,
    rules::{Refused, converted},
    save::{Subject, Switches},
};
use crate::processes::{FieldDef, FieldKind, TypeDef};

/// A tag is at most this long, and an item has at most this many.
const MAX_TAG: usize = 400;
const MAX_TAGS: usize = 100;

/// Everything a patch asks for, checked as far as the patch itself goes.
pub(crate) struct Draft {
    pub(crate) project: Uuid,
    pub(crate) kind: &'static TypeDef,
    pub(crate) fields: Fields,
    pub(crate) written: BTreeSet<String>,
    pub(crate) formats: BTreeMap<String, String>,
    pub(crate) relations: Vec<super::model::Relation>,
    /// The relations before the patch: every index in it counts in this list.
    pub(crate) before: Vec<super::model::Relation>,
    pub(crate) changes: Vec<RelationChange>,
    pub(crate) history: Option<String>,
    pub(crate) errors: Vec<RuleError>,
    pub(crate) new_tags: Vec<String>,
    pub(crate) changed_by: Option<Uuid>,
}

/// The item as it is, or an empty one, ready to be changed.
pub(crate) fn start(world: &World, subject: Subject) -> Result<Draft, ApiError> {
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
        before: relations.clone(),
        relations,
        changes: Vec::new(),
        history: None,
        errors: Vec::new(),
        new_tags: Vec::new(),
        changed_by: None,
    })
}

/// `test` operations come before everything else: a stale revision is 412 even if the rest is wrong too.
pub(crate) fn check_tests(world: &World, subject: Subject, operations: &[Operation]) -> Result<(), ApiError> {
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
    /// Takes in a patch, without looking at what the fields mean for each other.
    pub(crate) fn read(
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
        let found = self.before.get(index).cloned();
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
        if !world.org.edition.has_markdown_fields() {
            let message = format!(
                "The path '/multilineFieldsFormat/{name}' in the patch document is not valid for a work item."
            );
            return Err(ApiError::bad_patch(message));
        }
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
        if field.identity && value.is_object() && !world.call.version.has_identity_objects() {
            return Err(ApiError::identity_as_object(&canonical));
        }
        if with_bypass
            && canonical == "System.ChangedBy"
            && value.as_str().is_none_or(str::is_empty)
            && !value.is_object()
        {
            return Err(ApiError::empty_author());
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
            // Whoever bypasses the rules may write people that nobody knows.
            Err(Refused::Rule(_)) if field.identity && value.is_string() => {
                self.fields.insert(canonical.clone(), value.clone());
            }
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
    pub(crate) fn changes_fields(&self, before: &Revision) -> bool {
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
