//! Where a work item can be put and what it can be marked with: areas, iterations, tags (azure-devops.md section 6).

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::client::Client;
use crate::definitions::Keep;
use crate::discovery::Listed;
use crate::error::Error;
use crate::item::{date, null_is_empty};
use crate::route::Version;
use crate::verify::{AREAS, READ_ITEMS};

/// Deeper trees do not exist (section 7.10).
const DEEPEST: &str = "14";

/// An iteration of a project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Iteration {
    /// Path as a field holds it: `Project\Release 1\Sprint 2`.
    pub path: String,
    /// First day, if it has one.
    pub starts: Option<DateTime<Utc>>,
    /// Last day, if it has one.
    pub ends: Option<DateTime<Utc>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawNode {
    #[serde(default, deserialize_with = "null_is_empty")]
    identifier: String,
    name: String,
    #[serde(default, deserialize_with = "null_is_empty")]
    structure_type: String,
    #[serde(default, deserialize_with = "null_is_empty")]
    children: Vec<RawNode>,
    #[serde(default, deserialize_with = "null_is_empty")]
    attributes: RawAttributes,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct RawAttributes {
    start_date: Option<String>,
    finish_date: Option<String>,
}

#[derive(Debug, Deserialize)]
struct RawTag {
    #[serde(default, deserialize_with = "null_is_empty")]
    name: String,
}

impl RawNode {
    /// This node and all below it, parents first. The path of a node (`\Project\Area\X`) is not what a field holds
    /// (`Project\X`), so it is built of the names.
    fn flatten(self, above: Option<&str>, into: &mut Vec<Iteration>) {
        let path = above.map_or_else(|| self.name.clone(), |above| format!("{above}\\{}", self.name));
        let moment = |text: &Option<String>| text.as_deref().and_then(date);
        into.push(Iteration {
            path: path.clone(),
            starts: moment(&self.attributes.start_date),
            ends: moment(&self.attributes.finish_date),
        });
        for child in self.children {
            child.flatten(Some(&path), into);
        }
    }
}

impl RawNode {
    /// The security token of a node below this one, by its path as a field holds it: the identifiers of all nodes on the
    /// way (section 8).
    fn token_of(&self, path: &str) -> Option<String> {
        let (name, rest) = path.split_once('\\').map_or((path, None), |(name, rest)| (name, Some(rest)));
        if !self.name.eq_ignore_ascii_case(name) {
            return None;
        }
        let own = format!("vstfs:///Classification/Node/{}", self.identifier);
        match rest {
            None => Some(own),
            Some(rest) => {
                let below = self.children.iter().find_map(|child| child.token_of(rest))?;
                Some(format!("{own}:{below}"))
            }
        }
    }
}

impl Client {
    /// May this identity see the work items of an area? The service leaves those that it may not see out of every answer
    /// without a word, so that an empty answer proves nothing without this. An area that does not exist is not seen.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the project does not exist; those of a read.
    pub async fn sees_area(&self, project: &str, area: &str) -> Result<bool, Error> {
        let trees = self.trees(project).await?;
        let token = trees
            .iter()
            .filter(|tree| tree.structure_type.eq_ignore_ascii_case("area"))
            .find_map(|tree| tree.token_of(area));
        let Some(token) = token else { return Ok(false) };
        self.is_allowed(format!("look whether work items of {area} may be seen"), AREAS, &token, READ_ITEMS)
            .await
    }

    /// The paths of all areas of a project, the root first.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the project does not exist.
    pub async fn areas(&self, project: &str) -> Result<Vec<String>, Error> {
        Ok(self.nodes(project, "area").await?.into_iter().map(|node| node.path).collect())
    }

    /// The iterations of a project, the root first.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the project does not exist.
    pub async fn iterations(&self, project: &str) -> Result<Vec<Iteration>, Error> {
        self.nodes(project, "iteration").await
    }

    /// Both trees come in one answer.
    async fn nodes(&self, project: &str, structure: &str) -> Result<Vec<Iteration>, Error> {
        let mut nodes = Vec::new();
        for tree in self.trees(project).await? {
            if tree.structure_type.eq_ignore_ascii_case(structure) {
                tree.flatten(None, &mut nodes);
            }
        }
        Ok(nodes)
    }

    async fn trees(&self, project: &str) -> Result<Vec<RawNode>, Error> {
        let route = self
            .route(&[project, "_apis", "wit", "classificationnodes"], Version::Released)
            .with("$depth", DEEPEST);
        let operation = format!("read the areas and iterations of project {project}");
        let trees: Listed<RawNode> = self.definition(operation, route, Keep::Briefly).await?;
        Ok(trees.value)
    }

    /// The tags that exist in a project. A new one needs the permission to create tags (section 7.3).
    ///
    /// # Errors
    /// [`Error::NotFound`] if the project does not exist.
    pub async fn tags(&self, project: &str) -> Result<Vec<String>, Error> {
        let route = self.route(&[project, "_apis", "wit", "tags"], Version::Released);
        let operation = format!("list the tags of project {project}");
        let tags: Listed<RawTag> = self.definition(operation, route, Keep::Briefly).await?;
        Ok(tags.value.into_iter().map(|tag| tag.name).filter(|name| !name.is_empty()).collect())
    }
}
