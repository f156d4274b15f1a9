//! Projects, teams and their members.

use base64::{Engine, prelude::BASE64_STANDARD_NO_PAD};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    build,
    call::{Answer, Reply, World, collection, encode, ok, time},
    errors::ApiError,
    model::{Project, Team},
    router::find_project,
};
use crate::seed::{ProjectSeed, TeamSeed};

fn summary(world: &World, project: &Project) -> Value {
    let mut body = json!({
        "id": project.id,
        "name": project.name,
        "url": world.call.org_url(&format!("_apis/projects/{}", project.id)),
        "state": "wellFormed",
        "revision": 11,
        "visibility": project.visibility,
        "lastUpdateTime": time(project.changed.unwrap_or(project.created)),
    });
    if let Some(description) = &project.description {
        body["description"] = description.clone().into();
    }
    body
}

/// `GET _apis/projects`: the continuation token is the count to skip.
pub(crate) fn list_projects(world: &World) -> Answer {
    let query = &world.call.query;
    let skip = query.number("continuationToken")?.or(query.number("$skip")?).unwrap_or(0).max(0);
    let top = query.number("$top")?.unwrap_or(100).max(0);
    let wanted = query.get("stateFilter").unwrap_or("wellFormed").to_ascii_lowercase();
    let visible = matches!(wanted.as_str(), "wellformed" | "all" | "unchanged");
    let (skip, top) = (usize::try_from(skip).unwrap_or(0), usize::try_from(top).unwrap_or(0));
    let all: Vec<&Project> = world.org.projects.iter().filter(|_| visible).collect();
    let page: Vec<Value> = all.iter().skip(skip).take(top).map(|p| summary(world, p)).collect();
    let next = skip + page.len();
    if next < all.len() && !page.is_empty() {
        let header = ("x-ms-continuationtoken".to_owned(), next.to_string());
        return Ok(Reply::JsonWith(collection(page), vec![header]));
    }
    ok(collection(page))
}

pub(crate) fn get_project(world: &World, name: &str) -> Answer {
    let project = world.org.project_by_id(find_project(world.org, name)?);
    let call = world.call;
    let mut body = summary(world, project);
    let process = project.definition();
    let team = project.teams.iter().find(|t| t.id == project.default_team);
    body["_links"] = json!({
        "self": {"href": call.org_url(&format!("_apis/projects/{}", project.id))},
        "collection": {"href": call.org_url(&format!("_apis/projectCollections/{}", world.org.id))},
        "web": {"href": call.org_url(&encode(&project.name))},
    });
    body["defaultTeam"] =
        team.map_or(Value::Null, |t| json!({"id": t.id, "name": t.name, "url": team_url(world, project, t)}));
    if call.query.flag("includeCapabilities") {
        body["capabilities"] = json!({
            "processTemplate": {"templateName": process.name, "templateTypeId": process.template_type_id},
            "versioncontrol": {"sourceControlType": "Git", "gitEnabled": "True", "tfvcEnabled": "False"},
        });
    }
    ok(body)
}

pub(crate) fn team_url(world: &World, project: &Project, team: &Team) -> String {
    world.call.org_url(&format!("_apis/projects/{}/teams/{}", project.id, team.id))
}

fn team_json(world: &World, project: &Project, team: &Team) -> Value {
    json!({
        "id": team.id,
        "name": team.name,
        "url": team_url(world, project, team),
        "description": team.description,
        "identityUrl": world.call.org_url(&format!("_apis/Identities/{}", team.id)),
        "projectName": project.name,
        "projectId": project.id,
    })
}

fn page<'a, T>(world: &World, all: impl Iterator<Item = T> + 'a) -> Result<Vec<T>, ApiError> {
    let skip = world.call.query.number("$skip")?.unwrap_or(0).max(0);
    let top = world.call.query.number("$top")?.unwrap_or(100).max(0);
    Ok(all.skip(usize::try_from(skip).unwrap_or(0)).take(usize::try_from(top).unwrap_or(0)).collect())
}

#[derive(Deserialize)]
struct SentTeam {
    name: Option<String>,
    description: Option<String>,
}

fn may_manage_teams(world: &World) -> Result<(), ApiError> {
    if world.is_administrator() {
        return Ok(());
    }
    let message = format!("TF50309: {} may not manage the teams of this project.", world.actor().name);
    Err(ApiError::access_denied(message, None))
}

/// The group behind a team. A change answers with the group as it was before; only the text of one flag differs.
fn group_json(world: &World, project: &Project, team: &Team, made: bool) -> Value {
    let text = |value: &str| json!({"$type": "System.String", "$value": value});
    let flag = if made { json!({"$type": "System.Boolean", "$value": true}) } else { text("True") };
    let scope = Uuid::from_u128(project.id.as_u128() ^ 1);
    json!({
        "id": team.id,
        "descriptor": format!("Microsoft.TeamFoundation.Identity;S-1-9-1551374245-{}", team.id.as_u128()),
        "subjectDescriptor": format!("vssgp.{}", BASE64_STANDARD_NO_PAD.encode(team.id.to_string())),
        "providerDisplayName": format!("[{}]\\{}", project.name, team.name),
        "isActive": true,
        "isContainer": true,
        "members": [],
        "memberOf": [],
        "masterId": team.id,
        "properties": {
            "Microsoft.TeamFoundation.Team": flag,
            "SchemaClassName": text("Group"),
            "Description": text(&team.description),
            "Domain": text(&format!("vstfs:///Classification/TeamProject/{}", project.id)),
            "Account": text(&team.name),
            "SecurityGroup": text("SecurityGroup"),
            "SpecialType": text("Generic"),
            "ScopeId": text(&scope.to_string()),
            "ScopeType": text("TeamProject"),
            "LocalScopeId": text(&project.id.to_string()),
            "SecuringHostId": text(&Uuid::from_u128(world.org.id.as_u128() ^ 2).to_string()),
            "ScopeName": text(&project.name),
            "VirtualPlugin": text(""),
        },
        "resourceVersion": 2,
        "metaTypeId": 255,
    })
}

/// Changes of teams show the group from version 5.0 on.
fn shows_group(world: &World) -> bool {
    world.call.version.major >= 5
}

/// `POST _apis/projects/{id}/teams`. A new team has no area, no backlog iteration and bugs nowhere.
pub(crate) fn create_team(world: &mut World, name: &str) -> Answer {
    let id = find_project(world.org, name)?;
    may_manage_teams(world)?;
    let sent: SentTeam = world.call.json("team")?;
    let wanted = sent.name.filter(|n| !n.trim().is_empty());
    let wanted = wanted.ok_or_else(|| ApiError::argument("The name of the team is required."))?;
    let project = world.org.project_by_id(id);
    if project.team(&wanted).is_some() {
        return Err(ApiError::team_exists(&wanted));
    }
    let seed = TeamSeed {
        name: wanted,
        members: vec![world.actor().unique_name.clone()],
        bugs: project.process.usual_bugs(),
        ..TeamSeed::default()
    };
    let owner = ProjectSeed::new(&project.name, project.process);
    let mut team = build::team(&seed, &owner, world.org, world.ids);
    team.description = sent.description.unwrap_or_default();
    team.backlog_iteration = None;
    team.default_iteration = None;
    let project = world.org.project_by_id(id);
    let mut body = team_json(world, project, &team);
    if shows_group(world) {
        body["identity"] = group_json(world, project, &team, true);
    }
    if let Some(project) = world.org.projects.iter_mut().find(|p| p.id == id) {
        project.teams.push(team);
    }
    world.wrote = true;
    Ok(Reply::Json(201, body))
}

/// `PATCH _apis/projects/{id}/teams/{team}`: name and description.
pub(crate) fn change_team(world: &mut World, name: &str, team: &str) -> Answer {
    let id = find_project(world.org, name)?;
    may_manage_teams(world)?;
    let sent: SentTeam = world.call.json("teamData")?;
    let project = world.org.project_by_id(id);
    let before = project.team(team).ok_or_else(|| ApiError::no_team(team))?;
    let group = group_json(world, project, before, false);
    let team_id = before.id;
    if let Some(other) = sent.name.as_deref().and_then(|n| project.team(n)).filter(|t| t.id != team_id) {
        return Err(ApiError::team_exists(&other.name));
    }
    let found = world.org.projects.iter_mut().flat_map(|p| &mut p.teams).find(|t| t.id == team_id);
    if let Some(team) = found {
        team.name = sent.name.filter(|n| !n.trim().is_empty()).unwrap_or_else(|| team.name.clone());
        team.description = sent.description.unwrap_or_else(|| team.description.clone());
    }
    world.wrote = true;
    let project = world.org.project_by_id(id);
    let team = project.teams.iter().find(|t| t.id == team_id).expect("the team was found just now");
    let mut body = team_json(world, project, team);
    if shows_group(world) {
        body["identity"] = group;
    }
    ok(body)
}

/// `DELETE _apis/projects/{id}/teams/{team}`; a project keeps its default team.
pub(crate) fn delete_team(world: &mut World, name: &str, team: &str) -> Answer {
    let id = find_project(world.org, name)?;
    may_manage_teams(world)?;
    let project = world.org.project_by_id(id);
    let found = project.team(team).ok_or_else(|| ApiError::no_team(team))?;
    if found.id == project.default_team {
        return Err(ApiError::default_team_stays(&found.name));
    }
    let team_id = found.id;
    if let Some(project) = world.org.projects.iter_mut().find(|p| p.id == id) {
        project.teams.retain(|t| t.id != team_id);
    }
    world.wrote = true;
    Ok(Reply::Empty(204))
}

pub(crate) fn list_teams(world: &World, name: &str) -> Answer {
    let project = world.org.project_by_id(find_project(world.org, name)?);
    ok(collection(page(world, project.teams.iter().map(|t| team_json(world, project, t)))?))
}

pub(crate) fn list_all_teams(world: &World) -> Answer {
    let all = world.org.projects.iter().flat_map(|p| p.teams.iter().map(move |t| team_json(world, p, t)));
    ok(collection(page(world, all)?))
}

pub(crate) fn get_team(world: &World, name: &str, team: &str) -> Answer {
    let project = world.org.project_by_id(find_project(world.org, name)?);
    let team = project.team(team).ok_or_else(|| ApiError::no_team(team))?;
    ok(team_json(world, project, team))
}

pub(crate) fn list_members(world: &World, name: &str, team: &str) -> Answer {
    let project = world.org.project_by_id(find_project(world.org, name)?);
    let team = project.team(team).ok_or_else(|| ApiError::no_team(team))?;
    let flat = !world.call.version.has_identity_objects();
    let members = team.members.iter().enumerate().map(|(at, id)| {
        if flat {
            return world.org.identity(*id).object(&world.call.base);
        }
        let mut member = json!({"identity": world.org.identity(*id).object(&world.call.base)});
        // The first member made the team.
        if at == 0 {
            member["isTeamAdmin"] = true.into();
        }
        member
    });
    ok(collection(page(world, members)?))
}
