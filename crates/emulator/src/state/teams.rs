//! What a team decides: its areas, iterations, where bugs go, and the backlog levels that follow from it.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    boards,
    call::{Answer, World, collection, encode, ok},
    core::team_url,
    errors::ApiError,
    model::{Project, Team},
};
use crate::{
    processes::{BacklogKind, TypeDef},
    seed::BugsBehavior,
};

pub(crate) fn team_route(world: &World, project: &Project, team: &Team, rest: &str) -> String {
    world.call.project_url(project.id, &format!("{}/_apis/work/{rest}", team.id))
}

fn links(world: &World, project: &Project, team: &Team, own: &str) -> Value {
    json!({
        "self": {"href": team_route(world, project, team, own)},
        "project": {"href": world.call.org_url(&format!("_apis/projects/{}", project.id))},
        "team": {"href": team_url(world, project, team)},
    })
}

/// Links of one kind: an object for one, a list for several.
fn one_or_many(urls: Vec<Value>) -> Option<Value> {
    let mut links: Vec<Value> =
        urls.into_iter().filter(|u| !u.is_null()).map(|url| json!({"href": url})).collect();
    match links.len() {
        0 => None,
        1 => links.pop(),
        _ => Some(links.into()),
    }
}

fn iteration_json(world: &World, project: &Project, path: Option<&str>) -> Value {
    let found = path.and_then(|p| project.iterations.resolve(p));
    let Some((path, node)) = found else {
        return json!({"id": uuid::Uuid::nil()});
    };
    let below = path.split_once('\\').map_or("", |(_, rest)| rest);
    let route = below.split('\\').filter(|s| !s.is_empty()).fold(String::new(), |r, s| r + "/" + &encode(s));
    json!({
        "id": node.identifier,
        "name": node.name,
        "path": if below.is_empty() { String::new() } else { format!("\\{below}") },
        "url": world.call.project_url(project.id, &format!("_apis/wit/classificationNodes/Iterations{route}")),
    })
}

/// `GET …/_apis/work/teamsettings`.
pub(crate) fn settings(world: &World) -> Answer {
    let (project, team) = world.team()?;
    let process = project.definition();
    let visible: serde_json::Map<String, Value> = process
        .backlogs
        .iter()
        .filter(|b| b.kind != BacklogKind::Task)
        .map(|b| {
            // Epics are hidden where there are features between them and the requirements.
            let usual = b.category != boards::EPICS || process.backlogs.len() < 4;
            (b.category.clone(), team.visibilities.get(&b.category).copied().unwrap_or(usual).into())
        })
        .collect();
    let macro_name = if team.default_iteration.is_some() { Value::Null } else { "@currentIteration".into() };
    let backlog = iteration_json(world, project, team.backlog_iteration.as_deref());
    let default = team.default_iteration.as_deref().map(|path| iteration_json(world, project, Some(path)));
    let working = team
        .working_days
        .as_ref()
        .map_or_else(|| json!(["monday", "tuesday", "wednesday", "thursday", "friday"]), |days| json!(days));
    let mut links = links(world, project, team, "teamsettings");
    for (name, rest) in [("teamIterations", "iterations"), ("teamFieldValues", "teamfieldvalues")] {
        links[name] = json!({"href": team_route(world, project, team, &format!("teamsettings/{rest}"))});
    }
    let nodes = vec![backlog["url"].clone(), default.as_ref().map(|d| d["url"].clone()).unwrap_or_default()];
    if let Some(nodes) = one_or_many(nodes) {
        links["classificationNode"] = nodes;
    }
    ok(json!({
        "backlogIteration": backlog,
        "bugsBehavior": team.bugs,
        "workingDays": working,
        "backlogVisibilities": visible,
        "defaultIteration": default,
        "defaultIterationMacro": macro_name,
        "url": team_route(world, project, team, "teamsettings"),
        "_links": links,
    }))
}

pub(crate) fn team_mut<'a>(world: &'a mut World) -> Result<&'a mut Team, ApiError> {
    let (project, team) = world.team()?;
    let (project, team) = (project.id, team.id);
    let found = world
        .org
        .projects
        .iter_mut()
        .find(|p| p.id == project)
        .and_then(|p| p.teams.iter_mut().find(|t| t.id == team));
    Ok(found.expect("the route named an existing team"))
}

/// `PATCH …/_apis/work/teamsettings`: where bugs go and the iterations.
pub(crate) fn change_settings(world: &mut World) -> Answer {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Patch {
        bugs_behavior: Option<String>,
        backlog_iteration: Option<uuid::Uuid>,
        default_iteration: Option<uuid::Uuid>,
        default_iteration_macro: Option<String>,
        working_days: Option<Vec<String>>,
        backlog_visibilities: Option<BTreeMap<String, bool>>,
    }
    require_team_administrator(world)?;
    let patch: Patch = world.call.json("teamSettingsPatch")?;
    let (project, _) = world.team()?;
    let path_of = |id: Option<uuid::Uuid>| match id {
        None => Ok(None),
        Some(id) => node_path(&project.iterations, id, String::new()).map(Some).ok_or_else(|| {
            ApiError::team_settings_invalid(
                "The backlog iteration path that you specified is no longer valid.",
            )
        }),
    };
    let backlog = path_of(patch.backlog_iteration)?;
    let default = path_of(patch.default_iteration)?;
    let kind = project.process;
    let bugs = match patch.bugs_behavior.as_deref().map(str::to_ascii_lowercase).as_deref() {
        None => None,
        Some("off") => Some(BugsBehavior::Off),
        Some("asrequirements") => Some(BugsBehavior::AsRequirements),
        Some("astasks") => Some(BugsBehavior::AsTasks),
        Some(other) => {
            return Err(ApiError::team_settings_invalid(&format!("The bugs behavior {other} is not valid.")));
        }
    };
    let team = team_mut(world)?;
    if let Some(days) = patch.working_days {
        team.working_days = Some(days.iter().map(|day| day.to_ascii_lowercase()).collect());
    }
    team.visibilities.extend(patch.backlog_visibilities.unwrap_or_default());
    if patch.default_iteration_macro.is_some_and(|name| !name.is_empty()) {
        team.default_iteration = None;
    }
    if let Some(bugs) = bugs {
        team.bugs = bugs;
        boards::map_bugs(team, kind);
    }
    team.backlog_iteration = backlog.or(team.backlog_iteration.take());
    team.default_iteration = default.or(team.default_iteration.take());
    world.wrote = true;
    settings(world)
}

/// The path of the node with an identifier, `Project\\Sprint 1`.
pub(crate) fn node_path(node: &super::model::Node, id: uuid::Uuid, above: String) -> Option<String> {
    let path = if above.is_empty() { node.name.clone() } else { format!("{above}\\{}", node.name) };
    if node.identifier == id {
        return Some(path);
    }
    node.children.iter().find_map(|c| node_path(c, id, path.clone()))
}

pub(crate) fn require_team_administrator(world: &World) -> Result<(), ApiError> {
    if world.is_administrator() {
        return Ok(());
    }
    let message = format!("TF400738: {} is not a team administrator.", world.actor().name);
    Err(ApiError::access_denied(message, None))
}

/// `GET …/teamsettings/teamfieldvalues`; a team without areas answers null and an empty list.
pub(crate) fn field_values(world: &World) -> Answer {
    let (project, team) = world.team()?;
    let values: Vec<Value> =
        team.areas.iter().map(|(path, below)| json!({"value": path, "includeChildren": below})).collect();
    let own = "teamsettings/teamfieldvalues";
    let mut links = links(world, project, team, own);
    links["teamSettings"] = json!({"href": team_route(world, project, team, "teamsettings")});
    links["areaPathClassificationNodes"] =
        json!({"href": world.call.project_url(project.id, "_apis/wit/classificationNodes/Areas")});
    ok(json!({
        "field": {
            "referenceName": "System.AreaPath",
            "url": world.call.org_url("_apis/wit/fields/System.AreaPath"),
        },
        "defaultValue": team.areas.first().map(|(path, _)| path),
        "values": values,
        "url": team_route(world, project, team, own),
        "_links": links,
    }))
}

/// `PATCH …/teamsettings/teamfieldvalues`.
pub(crate) fn change_field_values(world: &mut World) -> Answer {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Patch {
        default_value: Option<String>,
        #[serde(default)]
        values: Vec<Entry>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Entry {
        value: String,
        #[serde(default)]
        include_children: bool,
    }
    require_team_administrator(world)?;
    let patch: Patch = world.call.json("patch")?;
    let default =
        patch.default_value.filter(|v| !v.is_empty()).ok_or_else(ApiError::team_field_default_missing)?;
    let (project, _) = world.team()?;
    let resolve = |path: &str| {
        let found = project.areas.resolve(path).map(|(path, _)| path);
        found.ok_or_else(|| ApiError::team_settings_invalid(&format!("The area path {path} does not exist.")))
    };
    let default = resolve(&default)?;
    let mut areas = Vec::new();
    for entry in &patch.values {
        areas.push((resolve(&entry.value)?, entry.include_children));
    }
    if !areas.iter().any(|(path, _)| *path == default) {
        areas.insert(0, (default.clone(), false));
    }
    // The default comes first here; the order of the answer is not meaningful.
    areas.sort_by_key(|(path, _)| *path != default);
    team_mut(world)?.areas = areas;
    world.wrote = true;
    field_values(world)
}

fn type_refs(world: &World, project: &Project, types: &[&TypeDef]) -> Vec<Value> {
    types
        .iter()
        .map(|t| {
            let url =
                world.call.project_url(project.id, &format!("_apis/wit/workItemTypes/{}", encode(&t.name)));
            json!({"name": t.name, "url": url})
        })
        .collect()
}

fn backlog_levels(world: &World) -> Result<Vec<(BacklogKind, Value)>, ApiError> {
    let (project, team) = world.team()?;
    let process = project.definition();
    let count = process.backlogs.len();
    Ok(process
        .backlogs
        .iter()
        .enumerate()
        .map(|(at, level)| {
            let types = boards::types_on(process, &level.category, team.bugs);
            let refs = type_refs(world, project, &types);
            let rank = count - at;
            let level_json = json!({
                "id": level.category,
                "name": level.name,
                "rank": rank,
                "workItemCountLimit": 1000,
                "addPanelFields": [{"referenceName": "System.Title", "name": "Title", "url": world.call.org_url("_apis/wit/fields/System.Title")}],
                "columnFields": [],
                "workItemTypes": refs,
                "defaultWorkItemType": refs.first(),
                "color": level.color,
                "isHidden": false,
                "type": match level.kind {
                    BacklogKind::Portfolio => "portfolio",
                    BacklogKind::Requirement => "requirement",
                    BacklogKind::Task => "task",
                },
            });
            (level.kind, level_json)
        })
        .collect())
}

pub(crate) fn backlogs(world: &World) -> Answer {
    ok(collection(backlog_levels(world)?.into_iter().map(|(_, level)| level).collect()))
}

/// `GET …/_apis/work/backlogconfiguration`.
pub(crate) fn backlog_configuration(world: &World) -> Answer {
    let (project, team) = world.team()?;
    let levels = backlog_levels(world)?;
    let pick = |kind| levels.iter().filter(|(k, _)| *k == kind).map(|(_, l)| l.clone()).collect::<Vec<_>>();
    let mapped: Vec<Value> = project
        .definition()
        .types
        .iter()
        .filter(|t| t.category.is_some())
        .map(|t| {
            let states: serde_json::Map<String, Value> =
                t.states.iter().map(|s| (s.name.clone(), s.category.clone().into())).collect();
            json!({"workItemTypeName": t.name, "states": states})
        })
        .collect();
    ok(json!({
        "portfolioBacklogs": pick(BacklogKind::Portfolio),
        "requirementBacklog": pick(BacklogKind::Requirement).into_iter().next(),
        "taskBacklog": pick(BacklogKind::Task).into_iter().next(),
        "hiddenBacklogs": [],
        "workItemTypeMappedStates": mapped,
        "backlogFields": {"typeFields": {
            "Order": "Microsoft.VSTS.Common.StackRank",
            "Effort": "Microsoft.VSTS.Scheduling.StoryPoints",
            "RemainingWork": "Microsoft.VSTS.Scheduling.RemainingWork",
            "Activity": "Microsoft.VSTS.Common.Activity",
            "Team": "System.AreaPath",
        }},
        "bugsBehavior": team.bugs,
        "isBugsBehaviorConfigured": true,
        "url": team_route(world, project, team, "backlogconfiguration"),
    }))
}
