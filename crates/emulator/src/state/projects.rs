//! The life of projects: made, changed and deleted in operations that a client polls, and the processes a project
//! can be made of (azure-devops.md sections 6 and 6.2).

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    build,
    call::{Answer, Reply, World, collection, ok},
    errors::ApiError,
    model::Organization,
    router::find_project,
};
use crate::{
    processes::ProcessKind,
    seed::{BugsBehavior, ProjectSeed, TeamSeed},
};

/// How long making a project takes; the recordings have 3 to 15 seconds.
const MAKING: TimeDelta = TimeDelta::milliseconds(2_500);
/// How long changing or deleting one takes; the recordings have 1 to 3 seconds.
const CHANGING: TimeDelta = TimeDelta::milliseconds(900);

/// Work of the service that goes on after the answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Operation {
    done: DateTime<Utc>,
}

/// The process that a new project gets when the request names none.
const USUAL: ProcessKind = ProcessKind::Basic;

impl ProcessKind {
    fn id(self) -> &'static str {
        &self.definition().template_type_id
    }

    /// By the id of its template.
    fn with_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.id().eq_ignore_ascii_case(id))
    }

    fn about(self) -> &'static str {
        match self {
            Self::Scrum => "This template is for teams who follow the Scrum framework.",
            Self::Agile => {
                "This template is flexible and will work great for most teams using Agile planning methods, including those practicing Scrum."
            }
            Self::Basic => {
                "This template is flexible for any process and great for teams getting started with Azure DevOps."
            }
            Self::Cmmi => {
                "This template is for more formal projects requiring a framework for process improvement and an auditable record of decisions."
            }
        }
    }

    /// Where a team of a new project keeps its bugs, until it decides otherwise.
    pub(crate) fn usual_bugs(self) -> BugsBehavior {
        match self {
            Self::Scrum => BugsBehavior::AsRequirements,
            Self::Agile | Self::Cmmi => BugsBehavior::AsTasks,
            Self::Basic => BugsBehavior::Off,
        }
    }

    /// The iterations of a new project.
    fn iterations(self) -> Vec<String> {
        let (word, count) = match self {
            Self::Agile | Self::Cmmi => ("Iteration", 3),
            Self::Scrum => ("Sprint", 6),
            Self::Basic => ("Sprint", 1),
        };
        (1..=count).map(|n| format!("{word} {n}")).collect()
    }
}

fn start(world: &mut World, takes: TimeDelta) -> Answer {
    let id = world.ids.guid();
    let now = world.call.now;
    world.org.operations.insert(id, Operation { done: now + takes });
    world.wrote = true;
    let url = world.call.org_url(&format!("_apis/operations/{id}"));
    Ok(Reply::Json(202, json!({"id": id, "status": "notSet", "url": url})))
}

/// `GET _apis/operations/{id}`.
pub(crate) fn operation(world: &World, id: &str) -> Answer {
    let found = Uuid::parse_str(id).ok().and_then(|id| world.org.operations.get_key_value(&id));
    let (id, operation) = found.ok_or_else(|| ApiError::no_operation(id))?;
    let status = if world.call.now < operation.done { "inProgress" } else { "succeeded" };
    let url = world.call.org_url(&format!("_apis/operations/{id}"));
    ok(json!({"id": id, "status": status, "url": url, "_links": {"self": {"href": url}}}))
}

fn may_manage(world: &World, what: &str) -> Result<(), ApiError> {
    if world.is_administrator() {
        return Ok(());
    }
    let message = format!(
        "TF50309: The following account does not have sufficient permissions to complete the operation: {}. The following permissions are needed to perform this operation: {what}.",
        world.actor().name
    );
    Err(ApiError::access_denied(message, None))
}

fn checked_name(org: &Organization, name: &str) -> Result<String, ApiError> {
    let name = name.trim();
    let wrong = |c: char| c.is_control() || "\\/:*?\"<>|;#$*{},+=[]".contains(c);
    if name.is_empty() || name.chars().count() > 64 || name.contains(wrong) || name.starts_with(['_', '.']) {
        return Err(ApiError::bad_project_name(name));
    }
    if org.projects.iter().any(|p| p.name.to_lowercase() == name.to_lowercase()) {
        return Err(ApiError::project_exists(name));
    }
    Ok(name.to_owned())
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Sent {
    name: Option<String>,
    description: Option<String>,
    visibility: Option<String>,
    capabilities: Value,
}

/// `POST _apis/projects`. The project is there when the operation has succeeded; before that nobody finds it.
pub(crate) fn create(world: &mut World) -> Answer {
    may_manage(world, "Create new projects")?;
    let sent: Sent = world.call.json("projectToCreate")?;
    let name = checked_name(world.org, sent.name.as_deref().unwrap_or_default())?;
    let process = match sent.capabilities["processTemplate"]["templateTypeId"].as_str() {
        Some(id) => ProcessKind::with_id(id).ok_or_else(|| ApiError::no_process(id))?,
        None => USUAL,
    };
    let maker = world.actor().unique_name.clone();
    let default = TeamSeed {
        name: format!("{name} Team"),
        areas: vec![String::new()],
        bugs: process.usual_bugs(),
        ..TeamSeed::default()
    };
    let seed = ProjectSeed {
        iterations: process.iterations(),
        default_team: Some(default.name.clone()),
        teams: vec![default],
        ..ProjectSeed::new(&name, process)
    };
    let mut project = build::project(&seed, world.org, world.ids, world.call.now);
    project.description = sent.description.filter(|d| !d.is_empty());
    project.visibility = sent.visibility.unwrap_or(project.visibility);
    let member = world.org.identities.iter().find(|i| i.unique_name == maker).map(|i| i.id);
    for team in &mut project.teams {
        team.members = member.into_iter().collect();
    }
    let ready = world.call.now + MAKING;
    world.org.coming.push((ready, project));
    start(world, MAKING)
}

impl Organization {
    /// Projects whose operation has ended are there from now on.
    pub(crate) fn settle(&mut self, now: DateTime<Utc>) {
        while let Some(at) = self.coming.iter().position(|(ready, _)| *ready <= now) {
            let (_, project) = self.coming.remove(at);
            self.projects.push(project);
        }
    }
}

/// `PATCH _apis/projects/{id}`: name, description and visibility.
pub(crate) fn change(world: &mut World, name: &str) -> Answer {
    may_manage(world, "Edit project-level information")?;
    let id = find_project(world.org, name)?;
    let sent: Sent = world.call.json("projectUpdate")?;
    let renamed = match sent.name.as_deref() {
        Some(name) if *name != world.org.project_by_id(id).name => Some(checked_name(world.org, name)?),
        _ => None,
    };
    let now = world.call.now;
    if let Some(project) = world.org.projects.iter_mut().find(|p| p.id == id) {
        project.description = sent.description.or(project.description.take()).filter(|d| !d.is_empty());
        project.visibility = sent.visibility.unwrap_or_else(|| project.visibility.clone());
        project.changed = Some(now);
    }
    if let Some(name) = renamed {
        rename(world, id, &name);
    }
    start(world, CHANGING)
}

/// Paths of areas and iterations begin with the project's name, everywhere.
fn rename(world: &mut World, id: Uuid, name: &str) {
    let old = world.org.project_by_id(id).name.clone();
    for field in ["System.AreaPath", "System.IterationPath"] {
        super::classification::repath(world, id, field, &old, name);
    }
    let Some(project) = world.org.projects.iter_mut().find(|p| p.id == id) else { return };
    name.clone_into(&mut project.name);
    name.clone_into(&mut project.areas.name);
    name.clone_into(&mut project.iterations.name);
    for item in world.org.items.values_mut().filter(|i| i.project == id) {
        for revision in &mut item.revisions {
            revision.fields.insert("System.TeamProject".into(), name.into());
        }
    }
}

/// `DELETE _apis/projects/{id}`: with everything that is in it.
pub(crate) fn delete(world: &mut World, name: &str) -> Answer {
    may_manage(world, "Delete team project")?;
    let id = find_project(world.org, name)?;
    let org = &mut *world.org;
    org.projects.retain(|p| p.id != id);
    let gone: Vec<i64> = org.items.values().filter(|i| i.project == id).map(|i| i.id).collect();
    for item in &gone {
        org.items.remove(item);
    }
    org.feed.retain(|_, (item, _)| !gone.contains(item));
    org.link_feed.retain(|event| !gone.contains(&event.source));
    for other in org.items.values_mut() {
        other
            .relations
            .retain(|r| !matches!(&r.target, super::model::RelationTarget::Item(id) if gone.contains(id)));
    }
    org.queries.retain(|_, query| query.project != id);
    start(world, CHANGING)
}

fn process_json(world: &World, kind: ProcessKind) -> Value {
    json!({
        "id": kind.id(),
        "description": kind.about(),
        "isDefault": kind == USUAL,
        "type": "system",
        "url": world.call.org_url(&format!("_apis/process/processes/{}", kind.id())),
        "name": kind.definition().name,
    })
}

/// `GET _apis/process/processes`.
pub(crate) fn list_processes(world: &World) -> Answer {
    ok(collection(ProcessKind::ALL.into_iter().map(|kind| process_json(world, kind)).collect()))
}

/// `GET _apis/process/processes/{id}`.
pub(crate) fn get_process(world: &World, id: &str) -> Answer {
    let kind = ProcessKind::with_id(id).ok_or_else(|| ApiError::no_process(id))?;
    let mut body = process_json(world, kind);
    body["_links"] = json!({"self": {"href": body["url"]}});
    ok(body)
}

fn customisable_json(kind: ProcessKind) -> Value {
    json!({
        "typeId": kind.id(),
        "name": kind.definition().name,
        "referenceName": null,
        "description": kind.about(),
        "parentProcessTypeId": Uuid::nil(),
        "isEnabled": true,
        "isDefault": kind == USUAL,
        "customizationType": "system",
    })
}

/// `GET _apis/work/processes`: the same processes as the pages for changing them see them.
pub(crate) fn list_customisable(_: &World) -> Answer {
    ok(collection(ProcessKind::ALL.into_iter().map(customisable_json).collect()))
}

/// `GET _apis/work/processes/{id}`.
pub(crate) fn get_customisable(_: &World, id: &str) -> Answer {
    ok(customisable_json(ProcessKind::with_id(id).ok_or_else(|| ApiError::no_process(id))?))
}

fn collection_json(world: &World) -> Value {
    json!({
        "id": world.org.id,
        "name": world.org.name,
        "url": world.call.org_url(&format!("_apis/projectCollections/{}", world.org.id)),
    })
}

/// `GET _apis/projectCollections`.
pub(crate) fn list_collections(world: &World) -> Answer {
    ok(collection(vec![collection_json(world)]))
}

/// `GET _apis/projectCollections/{id}`.
pub(crate) fn get_collection(world: &World, id: &str) -> Answer {
    if !id.eq_ignore_ascii_case(&world.org.id.to_string()) && !id.eq_ignore_ascii_case(&world.org.name) {
        return Err(ApiError::no_collection(id));
    }
    let mut body = collection_json(world);
    body["state"] = "Started".into();
    body["_links"] = json!({
        "self": {"href": body["url"]},
        "web": {"href": world.call.org_url("")},
    });
    ok(body)
}

/// `GET _apis/projects/{id}/properties?keys=`.
pub(crate) fn properties(world: &World, name: &str) -> Answer {
    let project = world.org.project_by_id(find_project(world.org, name)?);
    let process = project.definition();
    let mut all = vec![
        ("System.CurrentProcessTemplateId".to_owned(), Value::from(process.template_type_id.clone())),
        ("System.OriginalProcessTemplateId".to_owned(), process.template_type_id.clone().into()),
        ("System.ProcessTemplateType".to_owned(), process.template_type_id.clone().into()),
        ("System.Process Template".to_owned(), process.name.clone().into()),
    ];
    all.extend(project.properties.iter().map(|(k, v)| (k.clone(), v.clone())));
    let keys = world.call.query.list("keys");
    let wanted = |name: &str| {
        keys.is_empty()
            || keys.iter().any(|key| match key.strip_suffix('*') {
                Some(start) => name.starts_with(start),
                None => name.eq_ignore_ascii_case(key),
            })
    };
    ok(collection(
        all.into_iter()
            .filter(|(n, _)| wanted(n))
            .map(|(name, value)| json!({"name": name, "value": value}))
            .collect(),
    ))
}

/// `PATCH _apis/projects/{id}/properties`: a JSON Patch with the names as paths.
pub(crate) fn change_properties(world: &mut World, name: &str) -> Answer {
    #[derive(Deserialize)]
    struct Change {
        op: String,
        path: String,
        #[serde(default)]
        value: Value,
    }
    may_manage(world, "Edit project-level information")?;
    let id = find_project(world.org, name)?;
    let changes: Vec<Change> = world.call.json("patchDocument")?;
    if let Some(project) = world.org.projects.iter_mut().find(|p| p.id == id) {
        for change in changes {
            let key = change.path.trim_start_matches('/').to_owned();
            if change.op.eq_ignore_ascii_case("remove") {
                project.properties.remove(&key);
            } else {
                project.properties.insert(key, change.value);
            }
        }
    }
    world.wrote = true;
    Ok(Reply::Empty(204))
}
