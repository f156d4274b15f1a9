//! Work items, revisions and updates as answers and hook payloads show them.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{
    call::{Call, World, encode, time},
    errors::ApiError,
    links::relation_json,
    model::{Fields, Node, Organization, Revision, Update, WorkItem},
};
use crate::processes::fields as all_fields;

/// How identities inside fields are written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum People {
    Objects,
    Text,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Expand {
    #[default]
    None,
    Relations,
    Fields,
    Links,
    All,
}

impl Expand {
    pub(crate) fn parse(text: Option<&str>) -> Result<Self, ApiError> {
        match text.unwrap_or_default().to_ascii_lowercase().as_str() {
            "" | "none" => Ok(Self::None),
            "relations" => Ok(Self::Relations),
            "fields" => Ok(Self::Fields),
            "links" => Ok(Self::Links),
            "all" => Ok(Self::All),
            other => Err(ApiError::argument(format!("The value '{other}' is not valid for $expand."))),
        }
    }

    fn relations(self) -> bool {
        matches!(self, Self::Relations | Self::All)
    }

    fn all_fields(self) -> bool {
        matches!(self, Self::Fields | Self::All)
    }
}

/// What an answer about work items should hold.
#[derive(Clone, Debug, Default)]
pub(crate) struct View {
    /// Canonical names; None for the usual ones.
    pub(crate) fields: Option<BTreeSet<String>>,
    pub(crate) expand: Expand,
    /// `_links` are always there on single reads and writes.
    pub(crate) links: bool,
}

impl View {
    /// A single item, complete.
    pub(crate) fn single(expand: Expand) -> Self {
        Self { expand, links: true, ..Self::default() }
    }
}

pub(crate) fn people(call: &Call) -> People {
    if call.version.has_identity_objects() { People::Objects } else { People::Text }
}

/// One stored value as it is shown.
pub(crate) fn value_json(org: &Organization, base: &str, name: &str, value: &Value, people: People) -> Value {
    let identity = all_fields().get(&name.to_ascii_lowercase()).is_some_and(|f| f.identity);
    if !identity {
        return value.clone();
    }
    let found = value.as_str().and_then(|id| Uuid::parse_str(id).ok());
    let Some(identity) = found.and_then(|id| org.identities.iter().find(|i| i.id == id)) else {
        return value.clone();
    };
    match people {
        People::Objects => identity.object(base),
        People::Text => identity.text().into(),
    }
}

/// Fields that are shown only with `$expand=fields` or `all`, or when asked for by name.
fn hidden(name: &str) -> bool {
    name.ends_with("_System.ExtensionMarker")
}

/// The computed fields of a revision: ids, levels, watermark and the like.
fn computed(org: &Organization, item: &WorkItem, revision: &Revision) -> Fields {
    let project = org.project_by_id(item.project);
    let mut fields = Fields::new();
    fields.insert("System.Id".into(), item.id.into());
    fields.insert("System.Rev".into(), revision.rev.into());
    fields.insert("System.Watermark".into(), revision.watermark.into());
    fields.insert("System.AuthorizedDate".into(), time(revision.date).into());
    fields.insert("System.AuthorizedAs".into(), revision.by.to_string().into());
    let person = revision.by.as_u128() % 900_000_000;
    fields.insert("System.PersonId".into(), u64::try_from(person).unwrap_or_default().into());
    let revised = item.revision(revision.rev + 1).map(|r| time(r.date));
    fields
        .insert("System.RevisedDate".into(), revised.unwrap_or_else(|| "9999-01-01T00:00:00Z".into()).into());
    for (path_field, id_field, level, root) in [
        ("System.AreaPath", "System.AreaId", "System.AreaLevel", &project.areas),
        ("System.IterationPath", "System.IterationId", "System.IterationLevel", &project.iterations),
    ] {
        let path = revision.fields.get(path_field).and_then(Value::as_str).unwrap_or_default();
        let node: Option<(String, &Node)> = root.resolve(path);
        if let Some((path, node)) = node {
            fields.insert(id_field.into(), node.id.into());
            for (at, segment) in path.split('\\').enumerate() {
                fields.insert(format!("{level}{}", at + 1), segment.into());
            }
            if path_field == "System.AreaPath" {
                fields.insert("System.NodeName".into(), node.name.clone().into());
            }
        }
    }
    if revision.deleted {
        fields.insert("System.IsDeleted".into(), true.into());
    }
    if let Some(parent) = item.relations.iter().find(|r| r.rel == "System.LinkTypes.Hierarchy-Reverse")
        && let super::model::RelationTarget::Item(id) = parent.target
    {
        fields.insert("System.Parent".into(), id.into());
    }
    fields
}

/// Every field of a revision with its stored value, computed ones included.
pub(crate) fn full_fields(org: &Organization, item: &WorkItem, revision: &Revision) -> Fields {
    let mut fields = computed(org, item, revision);
    fields.extend(revision.fields.clone());
    fields
}

pub(crate) fn fields_json(
    org: &Organization,
    base: &str,
    item: &WorkItem,
    revision: &Revision,
    view: &View,
    people: People,
) -> Map<String, Value> {
    let show = |name: &str, value: &Value| (name.to_owned(), value_json(org, base, name, value, people));
    if let Some(wanted) = &view.fields {
        let all = full_fields(org, item, revision);
        return wanted.iter().filter_map(|name| all.get(name).map(|v| show(name, v))).collect();
    }
    if view.expand.all_fields() {
        return full_fields(org, item, revision).iter().map(|(n, v)| show(n, v)).collect();
    }
    let mut fields: Map<String, Value> =
        revision.fields.iter().filter(|(n, _)| !hidden(n)).map(|(n, v)| show(n, v)).collect();
    if let Some(parent) = computed(org, item, revision).get("System.Parent") {
        fields.insert("System.Parent".into(), parent.clone());
    }
    fields
}

/// `typed` decides whether the link to the type names it.
pub(crate) fn item_links(
    call: &Call,
    org: &Organization,
    item: &WorkItem,
    revision: &Revision,
    typed: bool,
) -> Value {
    let project = org.project_by_id(item.project);
    let own = call.project_url(project.id, &format!("_apis/wit/workItems/{}", item.id));
    let kind = revision.fields.get("System.WorkItemType").and_then(Value::as_str).unwrap_or_default();
    let kind = if typed { format!("/{}", encode(kind)) } else { String::new() };
    json!({
        "self": {"href": own},
        "workItemUpdates": {"href": format!("{own}/updates")},
        "workItemRevisions": {"href": format!("{own}/revisions")},
        "workItemComments": {"href": format!("{own}/comments")},
        "html": {"href": call.project_url(project.id, &format!("_workitems/edit/{}", item.id))},
        "workItemType": {"href": call.project_url(project.id, &format!("_apis/wit/workItemTypes{kind}"))},
        "fields": {"href": call.project_url(project.id, "_apis/wit/fields")},
    })
}

pub(crate) fn item_json(
    org: &Organization,
    call: &Call,
    item: &WorkItem,
    revision: &Revision,
    view: &View,
) -> Value {
    let project = org.project_by_id(item.project);
    // Links know only what the field filter lets through: not the type, nor the project.
    let shows = |name: &str| view.fields.as_ref().is_none_or(|fields| fields.contains(name));
    let mut body = Map::new();
    // An item that was only validated on creation has no id and no rev.
    if item.id > 0 {
        body.insert("id".into(), item.id.into());
        body.insert("rev".into(), revision.rev.into());
    }
    body.insert("fields".into(), fields_json(org, &call.base, item, revision, view, people(call)).into());
    // With a field filter the format map is empty (azure-devops.md section 7.9).
    let formats = if view.fields.is_none() { json!(revision.formats) } else { json!({}) };
    if org.edition.has_markdown_fields() {
        body.insert("multilineFieldsFormat".into(), formats);
    }
    if view.expand.relations() && !item.relations.is_empty() {
        let relations: Vec<Value> =
            item.relations.iter().map(|r| relation_json(org, call, project, r)).collect();
        body.insert("relations".into(), relations.into());
    }
    if let Some(number) = revision.comment.filter(|_| view.links) {
        body.insert("commentVersionRef".into(), comment_ref(call, item, number, 1));
    }
    if item.id > 0 {
        if view.links || matches!(view.expand, Expand::Links | Expand::All) {
            body.insert("_links".into(), item_links(call, org, item, revision, shows("System.WorkItemType")));
        }
        let rest = format!("_apis/wit/workItems/{}", item.id);
        let url = if !shows("System.TeamProject") {
            call.org_url(&rest)
        } else {
            call.project_url(project.id, &rest)
        };
        body.insert("url".into(), url.into());
    }
    body.into()
}

pub(crate) fn comment_ref(call: &Call, item: &WorkItem, number: i64, version: usize) -> Value {
    let rest = format!("_apis/wit/workItems/{}/comments/{number}/versions/{version}", item.id);
    json!({"commentId": number, "version": version, "url": call.project_url(item.project, &rest)})
}

/// A revision as `…/revisions` and hooks show it.
pub(crate) fn revision_json(
    world: &World,
    item: &WorkItem,
    revision: &Revision,
    view: &View,
    people: People,
) -> Value {
    let (org, call) = (&*world.org, world.call);
    let project = org.project_by_id(item.project);
    let own = call.project_url(project.id, &format!("_apis/wit/workItems/{}", item.id));
    let mut body = Map::new();
    body.insert("id".into(), item.id.into());
    body.insert("rev".into(), revision.rev.into());
    body.insert("fields".into(), fields_json(org, &call.base, item, revision, view, people).into());
    if view.expand.relations() && !item.relations.is_empty() {
        let relations: Vec<Value> =
            item.relations.iter().map(|r| relation_json(org, call, project, r)).collect();
        body.insert("relations".into(), relations.into());
    }
    if let Some(number) = revision.comment {
        body.insert("commentVersionRef".into(), comment_ref(call, item, number, 1));
    }
    if view.links {
        body.insert(
            "_links".into(),
            json!({
                "self": {"href": format!("{own}/revisions/{}", revision.rev)},
                "workItemRevisions": {"href": format!("{own}/revisions")},
                "parent": {"href": own},
            }),
        );
    }
    body.insert("url".into(), format!("{own}/revisions/{}", revision.rev).into());
    body.into()
}

/// Fields that belong to a revision as such and not to what a person sees of it.
const NOT_IN_UPDATES: [&str; 1] = ["System.Parent"];

/// The changed fields of an update: `{name: {oldValue?, newValue?}}`.
fn changed_fields(
    org: &Organization,
    base: &str,
    item: &WorkItem,
    rev: i64,
    people: People,
) -> Map<String, Value> {
    let find = |rev: i64| item.revision(rev).map(|r| full_fields(org, item, r));
    let new = find(rev).unwrap_or_default();
    let old = find(rev - 1).unwrap_or_default();
    let names: BTreeSet<&String> = new.keys().chain(old.keys()).collect();
    names
        .into_iter()
        .filter(|name| !NOT_IN_UPDATES.contains(&name.as_str()) && old.get(*name) != new.get(*name))
        .map(|name| {
            let mut change = Map::new();
            for (key, fields) in [("oldValue", &old), ("newValue", &new)] {
                if let Some(value) = fields.get(name) {
                    change.insert(key.into(), value_json(org, base, name, value, people));
                }
            }
            (name.clone(), change.into())
        })
        .collect()
}

/// An entry of the update log, without `_links`.
pub(crate) fn update_json(world: &World, item: &WorkItem, update: &Update, people: People) -> Value {
    let (org, call) = (&*world.org, world.call);
    let project = org.project_by_id(item.project);
    let who = org.identity(update.by);
    let mut revised_by = who.object(&call.base);
    revised_by["name"] = who.text().into();
    let own = call.project_url(project.id, &format!("_apis/wit/workItems/{}/updates/{}", item.id, update.id));
    let revised = item.revision(update.rev + 1).map(|r| time(r.date));
    let mut body = Map::new();
    body.insert("id".into(), update.id.into());
    body.insert("workItemId".into(), item.id.into());
    body.insert("rev".into(), update.rev.into());
    body.insert("revisedBy".into(), revised_by);
    body.insert("revisedDate".into(), revised.unwrap_or_else(|| "9999-01-01T00:00:00Z".into()).into());
    if update.revises {
        body.insert("fields".into(), changed_fields(org, &call.base, item, update.rev, people).into());
    }
    let mut relations = Map::new();
    for (key, list) in [("added", &update.added), ("removed", &update.removed), ("updated", &update.updated)]
    {
        if !list.is_empty() {
            let shown: Vec<Value> = list.iter().map(|r| relation_json(org, call, project, r)).collect();
            relations.insert(key.into(), shown.into());
        }
    }
    if !relations.is_empty() {
        body.insert("relations".into(), relations.into());
    }
    body.insert("url".into(), own.into());
    body.into()
}
