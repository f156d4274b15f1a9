//! Projects, teams and their members.

use serde_json::{Value, json};

use super::{
    call::{Answer, Reply, World, collection, encode, ok, time},
    errors::ApiError,
    model::{Project, Team},
    router::find_project,
};

fn summary(world: &World, project: &Project) -> Value {
    json!({
        "id": project.id,
        "name": project.name,
        "url": world.call.org_url(&format!("_apis/projects/{}", project.id)),
        "state": "wellFormed",
        "revision": 11,
        "visibility": "private",
        "lastUpdateTime": time(project.created),
    })
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
    let members = team.members.iter().enumerate().map(|(at, id)| {
        let mut member = json!({"identity": world.org.identity(*id).object(&world.call.base)});
        // The first member made the team.
        if at == 0 {
            member["isTeamAdmin"] = true.into();
        }
        member
    });
    ok(collection(page(world, members)?))
}
