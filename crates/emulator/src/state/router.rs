//! From a path to a handler. Which routes there are is in `locations`; a new handler needs its line there.
//! Resource words are compared without case, values keep theirs.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{
    Request, access, areas, attachments, batch, boards,
    call::{Answer, Call, Query, World},
    classification, comments, core, definitions, enumerations,
    errors::ApiError,
    feed, hooks, identities, items, iterations, locations,
    model::Organization,
    picklists, projects, queries, recycle, teams, version, wiql,
};

/// Parses the route down to `_apis`, finds project and team, and checks the version.
pub(crate) fn prepare(
    now: DateTime<Utc>,
    request: &Request,
    actor: Uuid,
    segments: &[String],
    org: &Organization,
    base: String,
    allow_local_hooks: bool,
) -> Result<Call, ApiError> {
    let raw_path = segments.iter().fold(String::new(), |path, s| path + "/" + s);
    let no_route = || ApiError::no_controller(&raw_path);
    let at = segments.iter().position(|s| s.eq_ignore_ascii_case("_apis")).ok_or_else(no_route)?;
    let (scope, rest) = (&segments[..at], &segments[at + 1..]);
    // What is not in the table of resources does not exist, whatever `dispatch` knows.
    let location = locations::find(rest).ok_or_else(no_route)?;
    let versions = location.versions(org.edition).ok_or_else(no_route)?;
    let path = location.normalised(rest);
    // The number of an item is part of the route: without a good one there is none, whatever project is named.
    if let ["wit", "workitems", id, ..] = path.iter().map(String::as_str).collect::<Vec<_>>().as_slice()
        && !id.starts_with('$')
        && id.parse::<i64>().is_ok_and(|id| id <= 0)
    {
        return Err(no_route());
    }
    let query = Query::parse(&request.query)
        .reworded(|parameter, value| enumerations::word(location.name, parameter, value));
    let version = version::negotiate(
        org.edition,
        versions,
        &request.method,
        query.get("api-version"),
        request.header_value("accept"),
    )?;
    let project = match scope.first() {
        Some(name) => Some(find_project(org, name)?),
        None => None,
    };
    let team = match (project, scope.get(1)) {
        (Some(project), Some(name)) => {
            Some(org.project_by_id(project).team(name).ok_or_else(|| ApiError::no_team(name))?.id)
        }
        _ => None,
    };
    if scope.len() > 2 {
        return Err(no_route());
    }
    Ok(Call {
        now,
        actor,
        method: request.method.clone(),
        raw_path,
        path,
        project,
        team,
        query,
        version,
        body: request.body.clone(),
        base,
        allow_local_hooks,
    })
}

/// A project by name or GUID.
pub(crate) fn find_project(org: &Organization, name: &str) -> Result<Uuid, ApiError> {
    if let Ok(id) = Uuid::parse_str(name) {
        let found = org.projects.iter().find(|p| p.id == id);
        return found.map(|p| p.id).ok_or_else(|| ApiError::no_project_with_id(name));
    }
    let found = org.projects.iter().find(|p| p.name.to_lowercase() == name.to_lowercase());
    found.map(|p| p.id).ok_or_else(|| ApiError::no_project_named(name))
}

/// What a call costs, roughly as measured (azure-devops.md section 11), in TSTU.
pub(crate) fn cost(call: &Call) -> f64 {
    let path: Vec<&str> = call.path.iter().map(String::as_str).collect();
    match (call.method.as_str(), path.as_slice()) {
        ("GET", ["wit", "workitemtypes", _, "fields", ..]) => 1.12,
        ("GET", ["wit", "workitemtypes", ..]) => 0.05,
        (_, ["wit", "$batch"]) => 0.1,
        ("DELETE", ["hooks", ..]) => 0.11,
        ("POST", ["hooks", ..]) => 0.07,
        (_, ["hooks", ..]) => 0.13,
        ("POST" | "PATCH" | "DELETE", ["wit", "workitems" | "recyclebin", ..]) => 0.03,
        _ => 0.01,
    }
}

pub(crate) fn dispatch(world: &mut World) -> Answer {
    let call = world.call;
    let path: Vec<&str> = call.path.iter().map(String::as_str).collect();
    match (call.method.as_str(), path.as_slice()) {
        ("GET", ["connectiondata"]) => identities::connection_data(world),
        ("GET", ["resourceareas"]) => areas::of_organization(world, None),
        ("GET", ["resourceareas", id]) => areas::of_organization(world, Some(id)),
        ("GET", ["identities"]) => identities::search(world),
        ("POST", ["security", "permissionevaluationbatch"]) => access::evaluate_permissions(world),
        ("GET", ["profile", "profiles", who]) => access::own_profile(world, who),
        (method, [kind @ ("userentitlements" | "serviceprincipalentitlements"), rest @ ..]) => {
            access::entitlements(world, kind, method, rest)
        }

        ("GET", ["projects"]) => core::list_projects(world),
        ("POST", ["projects"]) => projects::create(world),
        ("PATCH", ["projects", name]) => projects::change(world, name),
        ("DELETE", ["projects", name]) => projects::delete(world, name),
        ("GET", ["projects", name, "properties"]) => projects::properties(world, name),
        ("PATCH", ["projects", name, "properties"]) => projects::change_properties(world, name),
        ("GET", ["operations", id]) => projects::operation(world, id),
        ("GET", ["process", "processes"]) => projects::list_processes(world),
        ("GET", ["process", "processes", id]) => projects::get_process(world, id),
        ("GET", ["work", "processes", "lists"]) => picklists::list(world),
        ("GET", ["work", "processes", "lists", id]) => picklists::get(world, id),
        ("GET", ["work", "processes"]) => projects::list_customisable(world),
        ("GET", ["work", "processes", id]) => projects::get_customisable(world, id),
        ("GET", ["projectcollections"]) => projects::list_collections(world),
        ("GET", ["projectcollections", id]) => projects::get_collection(world, id),
        ("POST", ["projects", name, "teams"]) => core::create_team(world, name),
        ("PATCH", ["projects", name, "teams", team]) => core::change_team(world, name, team),
        ("DELETE", ["projects", name, "teams", team]) => core::delete_team(world, name, team),
        ("GET", ["projects", name]) => core::get_project(world, name),
        ("GET", ["projects", name, "teams"]) => core::list_teams(world, name),
        ("GET", ["projects", name, "teams", team]) => core::get_team(world, name, team),
        ("GET", ["projects", name, "teams", team, "members"]) => core::list_members(world, name, team),
        ("GET", ["teams"]) => core::list_all_teams(world),

        ("GET", ["work", "teamsettings"]) => teams::settings(world),
        ("PATCH", ["work", "teamsettings"]) => teams::change_settings(world),
        ("GET", ["work", "teamsettings", "teamfieldvalues"]) => teams::field_values(world),
        ("PATCH", ["work", "teamsettings", "teamfieldvalues"]) => teams::change_field_values(world),
        ("GET", ["work", "teamsettings", "iterations"]) => iterations::list(world),
        ("POST", ["work", "teamsettings", "iterations"]) => iterations::add(world),
        ("GET", ["work", "teamsettings", "iterations", id]) => iterations::get(world, id),
        ("DELETE", ["work", "teamsettings", "iterations", id]) => iterations::remove(world, id),
        ("GET", ["work", "teamsettings", "iterations", id, "workitems"]) => iterations::items(world, id),
        ("GET", ["work", "boardcolumns"]) => boards::project_columns(world),
        ("GET", ["work", "boardrows"]) => boards::project_rows(world),
        ("GET", ["work", "backlogconfiguration"]) => teams::backlog_configuration(world),
        ("GET", ["work", "backlogs"]) => teams::backlogs(world),
        ("GET", ["work", "boards"]) => boards::list(world),
        ("GET", ["work", "boards", name]) => boards::get(world, name),
        ("GET", ["work", "boards", name, "columns"]) => boards::columns(world, name),
        ("PUT", ["work", "boards", name, "columns"]) => boards::replace_columns(world, name),
        ("GET", ["work", "boards", name, "rows"]) => boards::rows(world, name),
        ("PUT", ["work", "boards", name, "rows"]) => boards::replace_rows(world, name),

        ("GET", ["wit", "fields"]) => definitions::list_fields(world),
        ("GET", ["wit", "fields", name]) => definitions::get_field(world, name),
        ("GET", ["wit", "workitemtypes"]) => definitions::list_types(world),
        ("GET", ["wit", "workitemtypes", name]) => definitions::get_type(world, name),
        ("GET", ["wit", "workitemtypes", name, "states"]) => definitions::list_states(world, name),
        ("GET", ["wit", "workitemtypes", name, "fields"]) => definitions::list_type_fields(world, name),
        ("GET", ["wit", "workitemtypes", name, "fields", field]) => {
            definitions::get_type_field(world, name, field)
        }
        ("GET", ["wit", "workitemtypecategories"]) => definitions::list_categories(world),
        ("GET", ["wit", "workitemtypecategories", name]) => definitions::get_category(world, name),
        ("GET", ["wit", "workitemrelationtypes"]) => definitions::list_relation_types(world),
        ("GET", ["wit", "workitemrelationtypes", name]) => definitions::get_relation_type(world, name),

        ("GET", ["wit", "classificationnodes"]) => classification::list(world),
        ("GET", ["wit", "classificationnodes", group, rest @ ..]) => classification::get(world, group, rest),
        ("POST", ["wit", "classificationnodes", group, rest @ ..]) => {
            classification::create(world, group, rest)
        }
        ("PATCH", ["wit", "classificationnodes", group, rest @ ..]) => {
            classification::change(world, group, rest)
        }
        ("DELETE", ["wit", "classificationnodes", group, rest @ ..]) => {
            classification::delete(world, group, rest)
        }
        ("GET", ["wit", "artifactlinktypes"]) => definitions::list_artifact_types(world),
        ("PATCH", ["wit", "tags", tag]) => classification::change_tag(world, tag),
        ("DELETE", ["wit", "tags", tag]) => classification::delete_tag(world, tag),
        ("GET", ["wit", "tags"]) => classification::list_tags(world),
        ("GET", ["wit", "tags", tag]) => classification::get_tag(world, tag),

        ("GET", ["wit", "workitems"]) => items::list(world),
        ("POST" | "PATCH", ["wit", "workitems", kind]) if kind.starts_with('$') => items::create(world, kind),
        ("GET", ["wit", "workitems", kind]) if kind.starts_with('$') => items::template(world, kind),
        ("POST", ["wit", "workitemsbatch"]) => items::read_batch(world),
        ("POST" | "PATCH", ["wit", "$batch"]) => batch::run(world),
        ("POST", ["wit", "wiql"]) => wiql::query(world),
        ("GET", ["wit", "queries", place @ ..]) => queries::get(world, place),
        ("POST", ["wit", "queries", place @ ..]) => queries::create(world, place),
        ("PATCH", ["wit", "queries", place @ ..]) => queries::change(world, place),
        ("DELETE", ["wit", "queries", place @ ..]) => queries::delete(world, place),
        ("GET", ["wit", "wiql", id]) => wiql::stored(world, id),
        ("GET", ["wit", "reporting", "workitemrevisions", "discussions"]) => feed::discussions(world),
        ("GET" | "POST", ["wit", "reporting", "workitemrevisions"]) => feed::revisions(world),
        ("GET", ["wit", "reporting", "workitemlinks"]) => feed::links(world),
        ("GET", ["wit", "recyclebin"]) => recycle::list(world),
        ("POST", ["wit", "workitemsdelete"]) => recycle::delete_many(world),
        ("POST", ["wit", "attachments"]) => attachments::upload(world),
        ("PUT", ["wit", "attachments", id]) => attachments::upload_chunk(world, id),
        ("GET", ["wit", "attachments", id]) => attachments::download(world, id),
        (method, ["wit", "recyclebin", id]) => recycle::one(world, method, number(call, id)?),
        (method, ["wit", "workitems", id, rest @ ..]) => {
            let id = number(call, id)?;
            world.touched.push(id);
            match (method, rest) {
                ("GET", []) => items::get(world, id),
                ("PATCH", []) => items::update(world, id),
                ("DELETE", []) => recycle::delete(world, id),
                ("GET", ["updates"]) => items::updates(world, id),
                ("GET", ["updates", n]) => items::update_by_id(world, id, number(call, n)?),
                ("GET", ["revisions"]) => items::revisions(world, id),
                ("GET", ["revisions", n]) => items::revision(world, id, number(call, n)?),
                ("GET", ["comments"]) => comments::list(world, id),
                ("POST", ["comments"]) => comments::add(world, id),
                ("GET", ["comments", n]) => comments::get(world, id, number(call, n)?),
                ("PATCH", ["comments", n]) => comments::edit(world, id, number(call, n)?),
                ("DELETE", ["comments", n]) => comments::delete(world, id, number(call, n)?),
                ("GET", ["comments", n, "versions"]) => comments::versions(world, id, number(call, n)?),
                (method, []) => Err(ApiError::method_not_allowed(method)),
                _ => Err(ApiError::no_controller(&call.raw_path)),
            }
        }
        (method, ["hooks", rest @ ..]) => hooks::route(world, method, rest),
        _ => Err(ApiError::no_controller(&call.raw_path)),
    }
}

/// A work item or comment number; 0 and words have no route.
fn number(call: &Call, text: &str) -> Result<i64, ApiError> {
    text.parse::<i64>().ok().filter(|n| *n > 0).ok_or_else(|| ApiError::no_controller(&call.raw_path))
}
