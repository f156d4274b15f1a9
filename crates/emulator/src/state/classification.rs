//! Areas, iterations and tags.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    build,
    call::{Answer, Reply, World, collection, encode, ok, time},
    errors::ApiError,
    model::{Node, Project},
    rules::parse_time,
};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Tree {
    Areas,
    Iterations,
}

impl Tree {
    fn named(world: &World, group: &str) -> Result<Self, ApiError> {
        match group {
            "areas" => Ok(Self::Areas),
            "iterations" => Ok(Self::Iterations),
            _ => Err(ApiError::no_controller(&world.call.raw_path)),
        }
    }

    fn root(self, project: &Project) -> &Node {
        match self {
            Self::Areas => &project.areas,
            Self::Iterations => &project.iterations,
        }
    }

    fn root_mut(self, project: &mut Project) -> &mut Node {
        match self {
            Self::Areas => &mut project.areas,
            Self::Iterations => &mut project.iterations,
        }
    }

    /// The field that holds paths of this tree.
    fn field(self) -> &'static str {
        match self {
            Self::Areas => "System.AreaPath",
            Self::Iterations => "System.IterationPath",
        }
    }

    fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Areas => ("area", "Area", "Areas"),
            Self::Iterations => ("iteration", "Iteration", "Iterations"),
        }
    }
}

/// `depth` counts the levels of children to include.
fn node_json(
    world: &World,
    project: &Project,
    tree: Tree,
    node: &Node,
    below: &[String],
    depth: i64,
) -> Value {
    let (structure, segment, plural) = tree.words();
    let url_of = |path: &[String]| {
        let rest = path.iter().fold(String::new(), |r, s| r + "/" + &encode(s));
        world.call.project_url(project.id, &format!("_apis/wit/classificationNodes/{plural}{rest}"))
    };
    let path = below.iter().fold(format!("\\{}\\{segment}", project.name), |p, s| format!("{p}\\{s}"));
    let url = url_of(below);
    let mut value = json!({
        "id": node.id,
        "identifier": node.identifier,
        "name": node.name,
        "structureType": structure,
        "hasChildren": !node.children.is_empty(),
        "path": path,
        "_links": {"self": {"href": url}},
        "url": url,
    });
    if let Some((_, parent)) = below.split_last() {
        value["_links"]["parent"] = json!({"href": url_of(parent)});
    }
    if let Some(attributes) = &node.attributes {
        value["attributes"] = attributes.clone();
    }
    if depth > 0 && !node.children.is_empty() {
        let children: Vec<Value> = node
            .children
            .iter()
            .map(|child| {
                let mut path = below.to_vec();
                path.push(child.name.clone());
                let mut value = node_json(world, project, tree, child, &path, depth - 1);
                // Nested nodes carry no links in the recordings.
                if let Some(object) = value.as_object_mut() {
                    object.remove("_links");
                }
                value
            })
            .collect();
        value["children"] = children.into();
    }
    value
}

fn depth(world: &World) -> Result<i64, ApiError> {
    Ok(world.call.query.number("$depth")?.unwrap_or(0))
}

/// Both roots without their links, or the nodes that `ids=` names with them.
pub(crate) fn list(world: &World) -> Answer {
    let project = world.project()?;
    let depth = depth(world)?;
    let ids = world.call.query.list("ids");
    if ids.is_empty() {
        let roots = [Tree::Areas, Tree::Iterations].into_iter().map(|tree| {
            let mut root = node_json(world, project, tree, tree.root(project), &[], depth);
            if let Some(members) = root.as_object_mut() {
                members.remove("_links");
            }
            root
        });
        return ok(collection(roots.collect()));
    }
    let omit = world.call.query.get("errorPolicy").is_some_and(|p| p.eq_ignore_ascii_case("omit"));
    let mut found = Vec::new();
    for text in &ids {
        let id: Option<i64> = text.parse().ok();
        let place = [Tree::Areas, Tree::Iterations]
            .into_iter()
            .find_map(|tree| Some((tree, path_to(tree.root(project), id?)?)));
        match place {
            Some((tree, path)) => {
                let names: Vec<&str> = path.iter().map(String::as_str).collect();
                let node = tree.root(project).find(&names).expect("the path was found just now");
                found.push(node_json(world, project, tree, node, &path, depth));
            }
            None if omit => found.push(Value::Null),
            None => return Err(ApiError::no_node(text)),
        }
    }
    ok(collection(found))
}

/// The names on the way from a root to the node with this number.
fn path_to(root: &Node, id: i64) -> Option<Vec<String>> {
    if root.id == id {
        return Some(Vec::new());
    }
    root.children.iter().find_map(|child| {
        let mut path = path_to(child, id)?;
        path.insert(0, child.name.clone());
        Some(path)
    })
}

/// Canonical names on the way to a node.
fn canonical(root: &Node, segments: &[&str]) -> Option<Vec<String>> {
    let mut node = root;
    segments
        .iter()
        .map(|segment| {
            node = node.find(&[segment])?;
            Some(node.name.clone())
        })
        .collect()
}

fn split<'a>(rest: &[&'a str]) -> Vec<&'a str> {
    rest.iter().flat_map(|s| s.split(['\\', '/'])).filter(|s| !s.is_empty()).collect()
}

pub(crate) fn get(world: &World, group: &str, rest: &[&str]) -> Answer {
    let tree = Tree::named(world, group)?;
    let project = world.project()?;
    let segments = split(rest);
    let root = tree.root(project);
    let (Some(path), Some(node)) = (canonical(root, &segments), root.find(&segments)) else {
        return Err(ApiError::no_node(&segments.join("\\")));
    };
    ok(node_json(world, project, tree, node, &path, depth(world)?))
}

#[derive(Deserialize)]
struct Sent {
    id: Option<i64>,
    name: Option<String>,
    attributes: Option<Value>,
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

/// Dates of an iteration in full; nothing when there are none.
fn attributes(sent: Option<Value>) -> Result<Option<Value>, ApiError> {
    let Some(Value::Object(members)) = sent else { return Ok(None) };
    let mut dates = serde_json::Map::new();
    for (name, value) in members {
        let Some(text) = value.as_str() else { continue };
        let at = parse_time(text)
            .ok_or_else(|| ApiError::argument(format!("The value '{text}' is not a date.")))?;
        dates.insert(name, time(at).into());
    }
    Ok((!dates.is_empty()).then(|| dates.into()))
}

fn owner_mut<'a>(world: &'a mut World, project: uuid::Uuid) -> &'a mut Project {
    world.org.projects.iter_mut().find(|p| p.id == project).expect("the route named a project")
}

/// The node of a route: canonical names, or 404.
fn located(world: &World, tree: Tree, rest: &[&str]) -> Result<Vec<String>, ApiError> {
    let segments = split(rest);
    let root = tree.root(world.project()?);
    canonical(root, &segments).ok_or_else(|| ApiError::no_node(&segments.join("\\")))
}

fn show(world: &World, status: u16, tree: Tree, path: &[String]) -> Answer {
    let project = world.project()?;
    let names: Vec<&str> = path.iter().map(String::as_str).collect();
    let node = tree.root(project).find(&names).expect("the node is there");
    Ok(Reply::Json(status, node_json(world, project, tree, node, path, 0)))
}

/// `POST …/classificationnodes/{areas|iterations}[/path]` makes a child, or moves the node with the sent id here.
pub(crate) fn create(world: &mut World, group: &str, rest: &[&str]) -> Answer {
    let tree = Tree::named(world, group)?;
    may_manage(world, "Create child nodes")?;
    let sent: Sent = world.call.json("postedNode")?;
    let mut path = located(world, tree, rest)?;
    let project = world.project()?.id;
    if let Some(id) = sent.id.filter(|id| *id > 0) {
        return move_here(world, tree, &path, id, sent.attributes);
    }
    let name = sent.name.as_deref().map(str::trim).filter(|n| !n.is_empty());
    let name = name.ok_or_else(|| ApiError::argument("The name of the node is required."))?.to_owned();
    if name.chars().any(|c| c.is_control() || "\\/:*?\"<>|#$&".contains(c)) || name.chars().count() > 255 {
        return Err(ApiError::argument(format!("VS402488: The name '{name}' is not valid for a node.")));
    }
    let names: Vec<&str> = path.iter().map(String::as_str).collect();
    let root = tree.root(world.project()?);
    if root.find(&names).is_some_and(|n| n.find(&[name.as_str()]).is_some()) {
        return Err(ApiError::node_exists(&name));
    }
    let mut node = build::node(&name, world.org, world.ids);
    node.attributes = attributes(sent.attributes)?;
    let root = tree.root_mut(owner_mut(world, project));
    root.find_mut(&names).expect("the parent was found just now").children.push(node);
    world.wrote = true;
    path.push(name);
    show(world, 201, tree, &path)
}

/// A moved node keeps its id and children. Its dates become the sent ones: none, if none were sent.
fn move_here(world: &mut World, tree: Tree, to: &[String], id: i64, dates: Option<Value>) -> Answer {
    let project = world.project()?;
    let (owner, name) = (project.id, project.name.clone());
    let from = path_to(tree.root(project), id).filter(|p| !p.is_empty());
    let from = from.ok_or_else(|| ApiError::no_node(&id.to_string()))?;
    let own = from.last().expect("a root is not moved").clone();
    if to.starts_with(&from) {
        return Err(ApiError::argument("VS402487: A node cannot be moved below itself."));
    }
    let names: Vec<&str> = to.iter().map(String::as_str).collect();
    let target = tree.root(project).find(&names);
    if target.is_some_and(|n| n.children.iter().any(|c| c.id != id && c.name.eq_ignore_ascii_case(&own))) {
        return Err(ApiError::node_exists(&own));
    }
    let dates = attributes(dates)?;
    let root = tree.root_mut(owner_mut(world, owner));
    let mut node = cut(root, &from).expect("the node was found just now");
    node.attributes = dates;
    root.find_mut(&names).expect("the new parent was found just now").children.push(node);
    let mut path = to.to_vec();
    path.push(own);
    repath(world, owner, tree.field(), &full(&name, &from), &full(&name, &path));
    world.wrote = true;
    show(world, 200, tree, &path)
}

fn full(project: &str, path: &[String]) -> String {
    path.iter().fold(project.to_owned(), |all, part| format!("{all}\\{part}"))
}

fn cut(root: &mut Node, path: &[String]) -> Option<Node> {
    let (last, above) = path.split_last()?;
    let names: Vec<&str> = above.iter().map(String::as_str).collect();
    let parent = root.find_mut(&names)?;
    let at = parent.children.iter().position(|c| c.name == *last)?;
    Some(parent.children.remove(at))
}

/// Items and teams follow a node to its new path; that makes no revision.
pub(crate) fn repath(world: &mut World, project: uuid::Uuid, field: &str, from: &str, to: &str) {
    let moved = |path: &str| -> Option<String> {
        let rest = path.strip_prefix(from)?;
        (rest.is_empty() || rest.starts_with('\\')).then(|| format!("{to}{rest}"))
    };
    for item in world.org.items.values_mut().filter(|i| i.project == project) {
        for revision in &mut item.revisions {
            let path = revision.fields.get(field).and_then(Value::as_str).and_then(moved);
            if let Some(path) = path {
                revision.fields.insert(field.into(), path.into());
            }
        }
    }
    let Some(project) = world.org.projects.iter_mut().find(|p| p.id == project) else { return };
    for team in &mut project.teams {
        if field == "System.AreaPath" {
            for (path, _) in &mut team.areas {
                *path = moved(path).unwrap_or_else(|| path.clone());
            }
        } else {
            for path in [&mut team.backlog_iteration, &mut team.default_iteration].into_iter().flatten() {
                *path = moved(path).unwrap_or_else(|| path.clone());
            }
        }
    }
}

/// `PATCH …/classificationnodes/{areas|iterations}/{path}`: another name, other dates.
pub(crate) fn change(world: &mut World, group: &str, rest: &[&str]) -> Answer {
    let tree = Tree::named(world, group)?;
    may_manage(world, "Edit this node")?;
    let sent: Sent = world.call.json("postedNode")?;
    let mut path = located(world, tree, rest)?;
    let project = world.project()?;
    let (owner, project_name) = (project.id, project.name.clone());
    let dates = attributes(sent.attributes.clone())?;
    let names: Vec<&str> = path.iter().map(String::as_str).collect();
    let node = tree.root_mut(owner_mut(world, owner)).find_mut(&names).expect("the node was found just now");
    if sent.attributes.is_some() {
        node.attributes = dates;
    }
    let renamed = sent.name.map(|n| n.trim().to_owned()).filter(|n| !n.is_empty() && *n != node.name);
    world.wrote = true;
    if let (Some(name), Some((last, above))) = (renamed, path.clone().split_last()) {
        let names: Vec<&str> = above.iter().map(String::as_str).collect();
        let parent = tree.root_mut(owner_mut(world, owner)).find_mut(&names).expect("a node has a parent");
        if parent.children.iter().any(|c| c.name != *last && c.name.eq_ignore_ascii_case(&name)) {
            return Err(ApiError::node_exists(&name));
        }
        if let Some(node) = parent.children.iter_mut().find(|c| c.name == *last) {
            node.name.clone_from(&name);
        }
        let before = full(&project_name, &path);
        path.pop();
        path.push(name);
        repath(world, owner, tree.field(), &before, &full(&project_name, &path));
    }
    show(world, 200, tree, &path)
}

/// `DELETE …/classificationnodes/{areas|iterations}/{path}?$reclassifyId=`: what was below goes to the node that the
/// number names, else to the parent (a guess; the recordings delete empty nodes).
pub(crate) fn delete(world: &mut World, group: &str, rest: &[&str]) -> Answer {
    let tree = Tree::named(world, group)?;
    may_manage(world, "Delete this node")?;
    let path = located(world, tree, rest)?;
    let Some((_, above)) = path.split_last() else {
        return Err(ApiError::argument("VS402484: The root node cannot be deleted."));
    };
    let project = world.project()?;
    let (owner, name) = (project.id, project.name.clone());
    let heir = match world.call.query.number("$reclassifyId")? {
        Some(id) => path_to(tree.root(project), id)
            .filter(|heir| !heir.starts_with(&path))
            .ok_or_else(|| ApiError::no_node(&id.to_string()))?,
        None => above.to_vec(),
    };
    let gone = full(&name, &path);
    let heir = full(&name, &heir);
    let inside =
        |value: &str| value == gone || value.strip_prefix(&gone).is_some_and(|rest| rest.starts_with('\\'));
    let field = tree.field();
    for item in world.org.items.values_mut().filter(|i| i.project == owner) {
        for revision in &mut item.revisions {
            if revision.fields.get(field).and_then(Value::as_str).is_some_and(inside) {
                revision.fields.insert(field.into(), heir.clone().into());
            }
        }
    }
    let project = owner_mut(world, owner);
    for team in &mut project.teams {
        match tree {
            Tree::Areas => team.areas.retain(|(path, _)| !inside(path)),
            Tree::Iterations => {
                for path in [&mut team.backlog_iteration, &mut team.default_iteration] {
                    *path = path.take().filter(|p| !inside(p));
                }
            }
        }
    }
    let removed = cut(tree.root_mut(project), &path);
    let mut identifiers = Vec::new();
    removed.iter().for_each(|node| collect(node, &mut identifiers));
    for team in &mut project.teams {
        team.iterations.retain(|id| !identifiers.contains(id));
    }
    world.wrote = true;
    Ok(Reply::Empty(204))
}

fn collect(node: &Node, identifiers: &mut Vec<uuid::Uuid>) {
    identifiers.push(node.identifier);
    node.children.iter().for_each(|child| collect(child, identifiers));
}

fn tag_json(world: &World, project: &Project, tag: &super::model::Tag) -> Value {
    let mut value = json!({
        "id": tag.id,
        "name": tag.name,
        "url": world.call.project_url(project.id, &format!("_apis/wit/tags/{}", tag.id)),
    });
    if let Some(at) = tag.changed {
        value["lastUpdated"] = time(at).into();
    }
    value
}

pub(crate) fn list_tags(world: &World) -> Answer {
    let project = world.project()?;
    ok(collection(project.tags.iter().map(|t| tag_json(world, project, t)).collect()))
}

pub(crate) fn get_tag(world: &World, name: &str) -> Answer {
    let project = world.project()?;
    let found = project
        .tags
        .iter()
        .find(|t| t.name.to_lowercase() == name.to_lowercase() || t.id.to_string() == name);
    let tag = found.ok_or_else(|| ApiError::no_tag(name))?;
    ok(tag_json(world, project, tag))
}

fn tag_place(world: &World, name: &str) -> Result<(uuid::Uuid, uuid::Uuid), ApiError> {
    let project = world.project()?;
    let wanted =
        |t: &&super::model::Tag| t.name.to_lowercase() == name.to_lowercase() || t.id.to_string() == name;
    let tag = project.tags.iter().find(wanted).ok_or_else(|| ApiError::no_tag(name))?;
    Ok((project.id, tag.id))
}

/// Replaces a tag on every item.
fn retag(world: &mut World, project: uuid::Uuid, old: &str, new: &str) {
    for item in world.org.items.values_mut().filter(|i| i.project == project) {
        for revision in &mut item.revisions {
            let Some(text) = revision.fields.get("System.Tags").and_then(Value::as_str) else { continue };
            let tags: Vec<&str> = text.split("; ").map(|tag| if tag == old { new } else { tag }).collect();
            let joined = tags.join("; ");
            revision.fields.insert("System.Tags".into(), joined.into());
        }
    }
}

/// `PATCH {project}/_apis/wit/tags/{tag}`: another name, on every item too.
pub(crate) fn change_tag(world: &mut World, name: &str) -> Answer {
    #[derive(Deserialize)]
    struct Sent {
        name: String,
    }
    let (project, id) = tag_place(world, name)?;
    may_manage(world, "Manage tags")?;
    let sent: Sent = world.call.json("tagData")?;
    let now = world.call.now;
    let owner = owner_mut(world, project);
    if owner.tags.iter().any(|t| t.id != id && t.name.to_lowercase() == sent.name.to_lowercase()) {
        return Err(ApiError::argument(format!("TF401288: The tag '{}' already exists.", sent.name)));
    }
    let tag = owner.tags.iter_mut().find(|t| t.id == id).expect("the tag was found just now");
    let old = std::mem::replace(&mut tag.name, sent.name.clone());
    tag.changed = Some(now);
    retag(world, project, &old, &sent.name);
    world.wrote = true;
    get_tag(world, &id.to_string())
}

/// `DELETE {project}/_apis/wit/tags/{tag}` removes the definition only (azure-devops.md section 6).
pub(crate) fn delete_tag(world: &mut World, name: &str) -> Answer {
    let (project, id) = tag_place(world, name)?;
    may_manage(world, "Manage tags")?;
    owner_mut(world, project).tags.retain(|t| t.id != id);
    world.wrote = true;
    Ok(Reply::Empty(204))
}
