//! Moving a work item to another project, or making it another type (azure-devops.md section 7.2). Its number stays.

use chrono::{DateTime, Utc};
use http::Method;
use model::WorkItemId;
use serde_json::json;

use crate::client::{Body, Call, Client};
use crate::error::Error;
use crate::item::Item;
use crate::route::Version;
use crate::work_items::set;

/// Where a work item shall be, and as what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relocation {
    /// Project by name; the one it is in, to change only the type.
    pub project: String,
    /// Area path in that project.
    pub area: String,
    /// Iteration path in that project.
    pub iteration: String,
    /// Type; none leaves it.
    pub work_item_type: Option<String>,
    /// State, where the new type does not have the old one. Only legal ones are taken.
    pub state: Option<String>,
}

impl Client {
    /// Moves a work item, if it still has `revision`. What the other type does not have is lost. Nothing leaves at or
    /// after `deadline`.
    ///
    /// # Errors
    /// [`Error::RevisionMoved`] if somebody changed it; [`Error::Forbidden`] without the permission to move items out
    /// of the project; [`Error::Rejected`] for a path or type that the project does not have; any other.
    pub async fn relocate(
        &self,
        id: WorkItemId,
        revision: i64,
        to: &Relocation,
        deadline: DateTime<Utc>,
    ) -> Result<Item, Error> {
        let mut patch = vec![
            json!({ "op": "test", "path": "/rev", "value": revision }),
            set("System.TeamProject", to.project.as_str()),
            set("System.AreaPath", to.area.as_str()),
            set("System.IterationPath", to.iteration.as_str()),
        ];
        if let Some(work_item_type) = &to.work_item_type {
            patch.push(set("System.WorkItemType", work_item_type.as_str()));
        }
        if let Some(state) = &to.state {
            patch.push(set("System.State", state.as_str()));
        }
        let route = self
            .route(&["_apis", "wit", "workitems", &id.to_string()], Version::Released)
            .with("$expand", "relations");
        let operation = format!("move work item {id} to project {}", to.project);
        self.json(Call::write(operation, Method::PATCH, route, Body::Patch(patch), deadline)).await
    }
}
