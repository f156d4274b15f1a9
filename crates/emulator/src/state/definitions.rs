//! Work item types, states, fields, categories and relation types as the discovery routes show them.

use serde_json::{Value, json};

use super::{
    call::{Answer, World, collection, encode, ok},
    errors::ApiError,
    links,
    model::Project,
    picklists::Picklist,
};
use crate::processes::{FieldDef, FieldKind, TypeDef, fields};

/// Fields that every type has, in the order they are listed, with whether they are always required.
const COMMON: [(&str, bool); 27] = [
    ("System.IterationPath", false),
    ("System.IterationId", true),
    ("System.ExternalLinkCount", false),
    ("System.TeamProject", false),
    ("System.Parent", false),
    ("System.RemoteLinkCount", false),
    ("System.CommentCount", false),
    ("System.HyperLinkCount", false),
    ("System.AttachedFileCount", false),
    ("System.NodeName", false),
    ("System.AreaPath", false),
    ("System.RevisedDate", false),
    ("System.ChangedDate", false),
    ("System.Id", false),
    ("System.AreaId", true),
    ("System.State", true),
    ("System.Watermark", false),
    ("System.Rev", false),
    ("System.ChangedBy", false),
    ("System.Reason", false),
    ("System.AssignedTo", false),
    ("System.WorkItemType", false),
    ("System.CreatedDate", false),
    ("System.CreatedBy", false),
    ("System.Description", false),
    ("System.History", false),
    ("System.Tags", false),
];
const BOARD_MIRRORS: [&str; 3] = ["System.BoardColumn", "System.BoardColumnDone", "System.BoardLane"];

impl World<'_> {
    pub(crate) fn work_item_type(&self, name: &str) -> Result<(&Project, &'static TypeDef), ApiError> {
        let project = self.project()?;
        let found = project.definition().type_named(name);
        found.map(|t| (project, t)).ok_or_else(|| ApiError::no_work_item_type(name, &project.name))
    }

    /// A field of the organization, board fields included, by reference name without regard to case.
    pub(crate) fn field(&self, name: &str) -> Option<FieldDef> {
        if let Some(field) = fields().get(&name.to_ascii_lowercase()) {
            return Some(field.clone());
        }
        if let Some(list) = self.org.picklist(name) {
            return Some(list.definition());
        }
        name.get(..4).filter(|head| head.eq_ignore_ascii_case("WEF_"))?;
        self.board_fields().into_iter().find(|f| f.reference_name.eq_ignore_ascii_case(name))
    }

    fn board_fields(&self) -> Vec<FieldDef> {
        let boards = self.org.projects.iter().flat_map(|p| &p.teams).flat_map(|t| &t.boards);
        boards
            .flat_map(|board| {
                let wef = &board.wef;
                let field = |suffix: &str, label: String, kind| FieldDef {
                    reference_name: format!("WEF_{wef}_{suffix}"),
                    name: label,
                    kind,
                    identity: false,
                    read_only: false,
                };
                [
                    field(
                        "System.ExtensionMarker",
                        format!("WEF_{wef}_Extension Marker"),
                        FieldKind::Boolean,
                    ),
                    field("Kanban.Column", format!("WEF_{wef}_{} Column", board.name), FieldKind::String),
                    field(
                        "Kanban.Column.Done",
                        format!("WEF_{wef}_{} Column Done", board.name),
                        FieldKind::Boolean,
                    ),
                    field("Kanban.Lane", format!("WEF_{wef}_{} Lane", board.name), FieldKind::String),
                ]
            })
            .collect()
    }
}

fn operations(kind: FieldKind) -> Vec<Value> {
    let names: &[(&str, &str)] = match kind {
        FieldKind::Html | FieldKind::History | FieldKind::PlainText => {
            &[("ContainsWords", "Contains Words"), ("NotContainsWords", "Does Not Contain Words")]
        }
        FieldKind::TreePath => &[
            ("Under", "Under"),
            ("NotUnder", "Not Under"),
            ("Equals", "="),
            ("NotEquals", "<>"),
            ("In", "In"),
        ],
        FieldKind::Boolean => &[("Equals", "="), ("NotEquals", "<>"), ("EqualsField", "= [Field]")],
        FieldKind::String => &[
            ("Equals", "="),
            ("NotEquals", "<>"),
            ("GreaterThan", ">"),
            ("LessThan", "<"),
            ("GreaterThanEquals", ">="),
            ("LessThanEquals", "<="),
            ("Contains", "Contains"),
            ("NotContains", "Does Not Contain"),
            ("In", "In"),
            ("Ever", "Was Ever"),
        ],
        FieldKind::Integer | FieldKind::Double | FieldKind::DateTime => &[
            ("Equals", "="),
            ("NotEquals", "<>"),
            ("GreaterThan", ">"),
            ("LessThan", "<"),
            ("GreaterThanEquals", ">="),
            ("LessThanEquals", "<="),
            ("In", "In"),
        ],
    };
    names
        .iter()
        .map(|(reference, name)| json!({"referenceName": format!("SupportedOperations.{reference}"), "name": name}))
        .collect()
}

fn field_json(world: &World, field: &FieldDef) -> Value {
    let list = world.org.picklist(&field.reference_name);
    let mut body = json!({
        "name": field.name,
        "referenceName": field.reference_name,
        "type": field.kind,
        "usage": "workItem",
        "readOnly": field.read_only,
        "canSortBy": !matches!(field.kind, FieldKind::Html | FieldKind::History | FieldKind::PlainText),
        "isQueryable": true,
        "supportedOperations": operations(field.kind),
        "isIdentity": field.identity,
        "isPicklist": list.is_some(),
        "isPicklistSuggested": list.is_some_and(|l| l.suggested),
        "url": world.call.org_url(&format!("_apis/wit/fields/{}", field.reference_name)),
    });
    if let Some(list) = list {
        body["picklistId"] = list.id.to_string().into();
    }
    body
}

pub(crate) fn list_fields(world: &World) -> Answer {
    let mut all: Vec<FieldDef> = fields().values().cloned().collect();
    all.sort_by(|a, b| a.reference_name.cmp(&b.reference_name));
    all.extend(world.org.picklists.iter().map(Picklist::definition));
    all.extend(world.board_fields());
    ok(collection(all.iter().map(|f| field_json(world, f)).collect()))
}

pub(crate) fn get_field(world: &World, name: &str) -> Answer {
    let field = world.field(name).ok_or_else(|| ApiError::no_field(name))?;
    ok(field_json(world, &field))
}

fn type_fields(world: &World, kind: &TypeDef, values: bool) -> Vec<Value> {
    let mut names: Vec<(String, bool)> = COMMON.iter().map(|(n, r)| ((*n).to_owned(), *r)).collect();
    names.extend(BOARD_MIRRORS.iter().map(|n| ((*n).to_owned(), false)));
    names.extend(kind.fields.iter().map(|f| (f.name.clone(), f.required)));
    let own_lists = world.org.picklists.iter().map(|list| {
        let mut value = json!({
            "defaultValue": null,
            "alwaysRequired": false,
            "referenceName": list.field,
            "name": list.label,
            "url": world.call.org_url(&format!("_apis/wit/fields/{}", list.field)),
        });
        if values {
            value["allowedValues"] = list.items.clone().into();
            value["dependentFields"] = json!([]);
        }
        value
    });
    names
        .iter()
        .filter_map(|(name, required)| {
            let field = fields().get(&name.to_ascii_lowercase())?;
            let own = kind.field(name);
            let allowed: Vec<&str> = match (name.as_str(), own) {
                ("System.State", _) => kind.states.iter().map(|s| s.name.as_str()).collect(),
                ("System.Reason", _) => {
                    let mut reasons: Vec<&str> =
                        kind.transitions.iter().flat_map(|t| &t.reasons).map(String::as_str).collect();
                    reasons.sort_unstable();
                    reasons.dedup();
                    reasons
                }
                (_, Some(own)) if !own.allowed.is_empty() => own.allowed.iter().map(String::as_str).collect(),
                (_, Some(own)) => own.suggested.iter().map(String::as_str).collect(),
                _ => Vec::new(),
            };
            let mut value = json!({
                "defaultValue": own.and_then(|f| f.default.clone()),
                "alwaysRequired": required,
                "referenceName": field.reference_name,
                "name": field.name,
                "url": world.call.org_url(&format!("_apis/wit/fields/{}", field.reference_name)),
            });
            if values {
                value["allowedValues"] = allowed.into();
                value["dependentFields"] = match name.as_str() {
                    "System.State" => json!([dependent(world, "System.Reason")]),
                    _ => json!([]),
                };
            }
            Some(value)
        })
        .chain(own_lists)
        .collect()
}

fn dependent(world: &World, name: &str) -> Value {
    let label = fields().get(&name.to_ascii_lowercase()).map(|f| f.name.clone());
    json!({"referenceName": name, "name": label, "url": world.call.org_url(&format!("_apis/wit/fields/{name}"))})
}

fn states_json(kind: &TypeDef) -> Vec<Value> {
    kind.states.iter().map(|s| json!({"name": s.name, "color": s.color, "category": s.category})).collect()
}

fn type_json(world: &World, project: &Project, kind: &TypeDef) -> Value {
    let mut transitions = serde_json::Map::new();
    for state in &kind.states {
        // The listing contains the way from a state to itself; the definitions do not.
        let mut targets = vec![json!({"to": state.name, "actions": null})];
        for t in kind.transitions.iter().filter(|t| t.from == state.name) {
            let actions = if t.actions.is_empty() { Value::Null } else { json!(t.actions) };
            targets.push(json!({"to": t.to, "actions": actions}));
        }
        transitions.insert(state.name.clone(), targets.into());
    }
    transitions.insert(String::new(), json!([{"to": kind.initial().to, "actions": null}]));
    let listed = type_fields(world, kind, false);
    let url = world.call.project_url(project.id, &format!("_apis/wit/workItemTypes/{}", encode(&kind.name)));
    json!({
        "name": kind.name,
        "referenceName": kind.reference_name(),
        "description": kind.description,
        "color": kind.color,
        "icon": {
            "id": kind.icon,
            "url": world.call.org_url(&format!("_apis/wit/workItemIcons/{}?color={}&v=2", kind.icon, kind.color)),
        },
        "isDisabled": false,
        "xmlForm": "<FORM></FORM>",
        "fields": listed,
        "fieldInstances": listed,
        "transitions": transitions,
        "states": states_json(kind),
        "_links": {"self": {"href": url}},
        "url": url,
    })
}

pub(crate) fn list_types(world: &World) -> Answer {
    let project = world.project()?;
    ok(collection(project.definition().types.iter().map(|t| type_json(world, project, t)).collect()))
}

pub(crate) fn get_type(world: &World, name: &str) -> Answer {
    let (project, kind) = world.work_item_type(name)?;
    ok(type_json(world, project, kind))
}

pub(crate) fn list_states(world: &World, name: &str) -> Answer {
    let (_, kind) = world.work_item_type(name)?;
    ok(collection(states_json(kind)))
}

fn expands_values(world: &World) -> bool {
    world.call.query.get("expand").is_some_and(|e| {
        ["all", "allowedvalues", "dependentfields"].iter().any(|known| e.eq_ignore_ascii_case(known))
    })
}

pub(crate) fn list_type_fields(world: &World, name: &str) -> Answer {
    let (_, kind) = world.work_item_type(name)?;
    ok(collection(type_fields(world, kind, expands_values(world))))
}

pub(crate) fn get_type_field(world: &World, name: &str, field: &str) -> Answer {
    let (_, kind) = world.work_item_type(name)?;
    let all = type_fields(world, kind, expands_values(world));
    let found =
        all.into_iter().find(|f| f["referenceName"].as_str().is_some_and(|r| r.eq_ignore_ascii_case(field)));
    found.map_or_else(|| Err(ApiError::no_field(field)), ok)
}

fn categories(world: &World) -> Result<Vec<Value>, ApiError> {
    let project = world.project()?;
    let url = |rest: &str| world.call.project_url(project.id, &format!("_apis/wit/{rest}"));
    let mut names: Vec<&str> =
        project.definition().types.iter().filter_map(|t| t.category.as_deref()).collect();
    names.sort_unstable();
    names.dedup();
    let mut all: Vec<Value> = names
        .iter()
        .map(|category| {
            let types: Vec<Value> = project
                .definition()
                .types_of(category)
                .map(|t| json!({"name": t.name, "url": url(&format!("workItemTypes/{}", encode(&t.name)))}))
                .collect();
            let short = category.trim_start_matches("Microsoft.").trim_end_matches("Category");
            json!({
                "name": format!("{short} Category"),
                "referenceName": category,
                "defaultWorkItemType": types.first(),
                "workItemTypes": types,
                "url": url(&format!("workItemTypeCategories/{category}")),
            })
        })
        .collect();
    all.push(json!({
        "name": "Hidden Types Category",
        "referenceName": "Microsoft.HiddenCategory",
        "workItemTypes": [],
        "url": url("workItemTypeCategories/Microsoft.HiddenCategory"),
    }));
    Ok(all)
}

pub(crate) fn list_categories(world: &World) -> Answer {
    Ok(super::call::Reply::Json(200, collection(categories(world)?)))
}

pub(crate) fn get_category(world: &World, name: &str) -> Answer {
    let found = categories(world)?.into_iter().find(|c| {
        ["name", "referenceName"].iter().any(|k| c[k].as_str().is_some_and(|v| v.eq_ignore_ascii_case(name)))
    });
    found.map_or_else(|| Err(ApiError::no_work_item_type(name, &world.project()?.name)), ok)
}

pub(crate) fn list_relation_types(world: &World) -> Answer {
    ok(collection(links::TYPES.iter().map(|t| links::type_json(world.call, t)).collect()))
}

pub(crate) fn get_relation_type(world: &World, name: &str) -> Answer {
    let found = links::TYPES.iter().find(|t| t.reference_name.eq_ignore_ascii_case(name));
    found.map_or_else(
        || Err(ApiError::bad_relation(format!("Relation type {name} does not exist."))),
        |t| ok(links::type_json(world.call, t)),
    )
}

/// Kinds of things an `ArtifactLink` may point to: tool, artifact and the name of the link.
const ARTIFACTS: [(&str, &str, &str); 16] = [
    ("Git", "Branch", "Branch"),
    ("Build", "Build", "Build"),
    ("VersionControl", "Changeset", "Fixed in Changeset"),
    ("Git", "Commit", "Fixed in Commit"),
    ("Build", "Build", "Found in build"),
    ("Build", "Build", "Integrated in build"),
    ("ArchitectureTools", "ModelLink", "Model Link"),
    ("Git", "PullRequestId", "Pull Request"),
    ("WorkItemTracking", "Workitem", "Related Workitem"),
    ("TestManagement", "TcmResultAttachment", "Result Attachment"),
    ("VersionControl", "LatestItemVersion", "Source Code File"),
    ("Requirements", "Storyboard", "Storyboard"),
    ("Git", "Tag", "Tag"),
    ("TestManagement", "TcmTest", "Test"),
    ("TestManagement", "TcmResult", "Test Result"),
    ("WorkItemTracking", "Hyperlink", "Workitem Hyperlink"),
];

/// `GET _apis/wit/artifactlinktypes`.
pub(crate) fn list_artifact_types(_: &World) -> Answer {
    let all = ARTIFACTS
        .iter()
        .map(|(tool, artifact, link)| json!({"toolType": tool, "artifactType": artifact, "linkType": link}));
    ok(collection(all.collect()))
}
