//! The iterations a team has chosen (azure-devops.md section 6). They are nodes of the project's tree; a team
//! without a backlog iteration can choose none.

use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    call::{Answer, Reply, World, collection, encode, ok},
    core::team_url,
    errors::ApiError,
    model::{Node, Project, RelationTarget, Team},
    rules::parse_time,
    teams::{node_path, require_team_administrator, team_mut, team_route},
};

/// A chosen iteration with its path, `Project\Release 1\Sprint 2`.
struct Chosen<'a> {
    node: &'a Node,
    path: String,
}

impl Chosen<'_> {
    fn date(&self, name: &str) -> Option<chrono::DateTime<chrono::Utc>> {
        self.node.attributes.as_ref()?[name].as_str().and_then(parse_time)
    }
}

/// In the order of their dates; those without dates follow in the order in which they were chosen.
fn chosen<'a>(project: &'a Project, team: &Team) -> Vec<Chosen<'a>> {
    let mut all: Vec<Chosen> = team
        .iterations
        .iter()
        .filter_map(|id| {
            let path = node_path(&project.iterations, *id, String::new())?;
            let (_, node) = project.iterations.resolve(&path)?;
            Some(Chosen { node, path })
        })
        .collect();
    all.sort_by_key(|c| (c.date("startDate").is_none(), c.date("startDate")));
    all
}

/// With dates an iteration is past, current or future. Of those without, the first is current when no other is.
fn time_frame(world: &World, all: &[Chosen], at: usize) -> &'static str {
    let now = world.call.now;
    let by_dates = |c: &Chosen| {
        let (start, finish) = (c.date("startDate")?, c.date("finishDate")?);
        Some(match () {
            () if finish + chrono::TimeDelta::days(1) <= now => "past",
            () if start > now => "future",
            () => "current",
        })
    };
    let dated = by_dates(&all[at]);
    let first_undated = all.iter().position(|c| by_dates(c).is_none());
    let any_current = all.iter().any(|c| by_dates(c) == Some("current"));
    dated.unwrap_or(if first_undated == Some(at) && !any_current { "current" } else { "future" })
}

fn iteration_json(world: &World, project: &Project, team: &Team, all: &[Chosen], at: usize) -> Value {
    let Chosen { node, path } = &all[at];
    let date = |name: &str| node.attributes.as_ref().map(|a| a[name].clone()).unwrap_or_default();
    json!({
        "id": node.identifier,
        "name": node.name,
        "path": path,
        "attributes": {
            "startDate": date("startDate"),
            "finishDate": date("finishDate"),
            "timeFrame": time_frame(world, all, at),
        },
        "url": team_route(world, project, team, &format!("teamsettings/iterations/{}", node.identifier)),
    })
}

/// A single iteration also links to all that belongs to it.
fn single_json(world: &World, project: &Project, team: &Team, all: &[Chosen], at: usize) -> Value {
    let mut body = iteration_json(world, project, team, all, at);
    let own = body["url"].as_str().unwrap_or_default().to_owned();
    let below =
        all[at].path.split('\\').skip(1).fold(String::new(), |route, part| route + "/" + &encode(part));
    let href = |url: String| json!({"href": url});
    body["_links"] = json!({
        "self": href(own.clone()),
        "project": href(world.call.org_url(&format!("_apis/projects/{}", project.id))),
        "team": href(team_url(world, project, team)),
        "teamSettings": href(team_route(world, project, team, "teamsettings")),
        "teamIterations": href(team_route(world, project, team, "teamsettings/iterations")),
        "capacity": href(format!("{own}/capacities")),
        "workitems": href(format!("{own}/workitems")),
        "classificationNode": href(world.call.project_url(project.id, &format!("_apis/wit/classificationNodes/Iterations{below}"))),
        "teamDaysOff": href(format!("{own}/teamdaysoff")),
    });
    body
}

/// `GET …/teamsettings/iterations?$timeframe=current`.
pub(crate) fn list(world: &World) -> Answer {
    let (project, team) = world.team()?;
    let all = chosen(project, team);
    let only = world.call.query.get("$timeframe").unwrap_or_default().to_ascii_lowercase();
    let shown = (0..all.len())
        .filter(|at| only.is_empty() || time_frame(world, &all, *at) == only)
        .map(|at| iteration_json(world, project, team, &all, at))
        .collect();
    ok(collection(shown))
}

fn found(all: &[Chosen], id: &str) -> Result<usize, ApiError> {
    let at = all.iter().position(|c| c.node.identifier.to_string().eq_ignore_ascii_case(id));
    at.ok_or_else(|| ApiError::no_iteration(id))
}

/// `GET …/teamsettings/iterations/{id}`.
pub(crate) fn get(world: &World, id: &str) -> Answer {
    let (project, team) = world.team()?;
    let all = chosen(project, team);
    ok(single_json(world, project, team, &all, found(&all, id)?))
}

/// `POST …/teamsettings/iterations` with the identifier of a node.
pub(crate) fn add(world: &mut World) -> Answer {
    #[derive(Deserialize)]
    struct Sent {
        id: Uuid,
    }
    require_team_administrator(world)?;
    let sent: Sent = world.call.json("iteration")?;
    let (project, team) = world.team()?;
    if team.backlog_iteration.is_none() {
        return Err(ApiError::team_settings_invalid(
            "The backlog iteration path that you specified is no longer valid.",
        ));
    }
    if node_path(&project.iterations, sent.id, String::new()).is_none() {
        return Err(ApiError::no_iteration(&sent.id.to_string()));
    }
    let team = team_mut(world)?;
    if !team.iterations.contains(&sent.id) {
        team.iterations.push(sent.id);
    }
    world.wrote = true;
    let (project, team) = world.team()?;
    let all = chosen(project, team);
    let at = found(&all, &sent.id.to_string())?;
    Ok(Reply::Json(201, single_json(world, project, team, &all, at)))
}

/// `DELETE …/teamsettings/iterations/{id}`: the team no longer uses it; the node stays.
pub(crate) fn remove(world: &mut World, id: &str) -> Answer {
    require_team_administrator(world)?;
    let (project, team) = world.team()?;
    let all = chosen(project, team);
    let gone = all[found(&all, id)?].node.identifier;
    team_mut(world)?.iterations.retain(|id| *id != gone);
    world.wrote = true;
    Ok(Reply::Empty(204))
}

/// `GET …/teamsettings/iterations/{id}/workitems`: items of the team's areas in the iteration, children below
/// their parents.
pub(crate) fn items(world: &World, id: &str) -> Answer {
    let (project, team) = world.team()?;
    let all = chosen(project, team);
    let Chosen { node, path } = &all[found(&all, id)?];
    let here = |item: &&super::model::WorkItem| {
        item.deleted.is_none()
            && item.project == project.id
            && item.text("System.IterationPath").eq_ignore_ascii_case(path)
            && team.owns_area(item.text("System.AreaPath"))
    };
    let shown: Vec<i64> = world.org.items.values().filter(here).map(|item| item.id).collect();
    let reference =
        |id: i64| json!({"id": id, "url": world.call.org_url(&format!("_apis/wit/workItems/{id}"))});
    let relations: Vec<Value> = shown
        .iter()
        .map(|id| {
            let parents = world.org.items[id]
                .relations
                .iter()
                .filter(|r| r.rel == "System.LinkTypes.Hierarchy-Reverse");
            let mut parent =
                parents.filter_map(|r| if let RelationTarget::Item(p) = r.target { Some(p) } else { None });
            match parent.rfind(|p| shown.contains(p)) {
                Some(parent) => json!({
                    "rel": "System.LinkTypes.Hierarchy-Forward",
                    "source": reference(parent),
                    "target": reference(*id),
                }),
                None => json!({"rel": null, "source": null, "target": reference(*id)}),
            }
        })
        .collect();
    let own = team_route(world, project, team, &format!("teamsettings/iterations/{}", node.identifier));
    ok(json!({
        "workItemRelations": relations,
        "url": format!("{own}/workitems"),
        "_links": {"self": {"href": format!("{own}/workitems")}, "iteration": {"href": own}},
    }))
}
