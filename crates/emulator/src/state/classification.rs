//! Areas, iterations and tags.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    build,
    call::{Answer, Reply, World, collection, encode, ok},
    errors::ApiError,
    model::{Node, Project},
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

/// Both roots.
pub(crate) fn list(world: &World) -> Answer {
    let project = world.project()?;
    let depth = depth(world)?;
    let roots = [Tree::Areas, Tree::Iterations]
        .into_iter()
        .map(|tree| node_json(world, project, tree, tree.root(project), &[], depth))
        .collect();
    ok(collection(roots))
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

/// `POST …/classificationnodes/{areas|iterations}[/path]` makes a child.
pub(crate) fn create(world: &mut World, group: &str, rest: &[&str]) -> Answer {
    #[derive(Deserialize)]
    struct Sent {
        name: String,
        attributes: Option<Value>,
    }
    let tree = Tree::named(world, group)?;
    if !world.is_administrator() {
        let message = format!(
            "TF50309: The following account does not have sufficient permissions to complete the operation: {}. The following permissions are needed to perform this operation: Create child nodes.",
            world.actor().name
        );
        return Err(ApiError::access_denied(message, None));
    }
    let sent: Sent = world.call.json("postedNode")?;
    let segments = split(rest);
    let project = world.project()?.id;
    let root = tree.root(world.project()?);
    let Some(mut path) = canonical(root, &segments) else {
        return Err(ApiError::no_node(&segments.join("\\")));
    };
    if root.find(&segments).is_some_and(|n| n.find(&[sent.name.as_str()]).is_some()) {
        return Err(ApiError::node_exists(&sent.name));
    }
    let mut node = build::node(&sent.name, world.org, world.ids);
    node.attributes = sent.attributes;
    path.push(sent.name.clone());
    let owner = world.org.projects.iter_mut().find(|p| p.id == project).expect("the route named a project");
    let root = match tree {
        Tree::Areas => &mut owner.areas,
        Tree::Iterations => &mut owner.iterations,
    };
    root.find_mut(&segments).expect("the parent was found just now").children.push(node);
    world.wrote = true;
    let project = world.project()?;
    let names: Vec<&str> = path.iter().map(String::as_str).collect();
    let node = tree.root(project).find(&names).expect("the node was made just now");
    Ok(Reply::Json(201, node_json(world, project, tree, node, &path, 0)))
}

fn tag_json(world: &World, project: &Project, tag: &super::model::Tag) -> Value {
    json!({
        "id": tag.id,
        "name": tag.name,
        "url": world.call.project_url(project.id, &format!("_apis/wit/tags/{}", tag.id)),
    })
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
    let tag = found.ok_or_else(|| ApiError::no_node(name))?;
    ok(tag_json(world, project, tag))
}
