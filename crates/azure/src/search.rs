//! Looking for work items by queries that people wrote, and by our tag.

use chrono::{DateTime, Utc};
use model::WorkItemId;
use serde_json::{Value, json};

use crate::client::{Call, Client};
use crate::error::Error;
use crate::route::Version;
use crate::work_items::{RawQueryResult, wiql_text};

/// A query over work items. One over links between them finds nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ItemQuery {
    /// In the service's query language.
    Text(String),
    /// One that is kept in a project.
    Saved {
        /// Project, by name or id.
        project: String,
        /// Identity of the query.
        id: String,
    },
}

impl Client {
    /// Numbers of the work items that a query finds, at most `most`, in the order of the query.
    ///
    /// # Errors
    /// [`Error::Rejected`] for a query that the service does not understand or that finds more than 20,000;
    /// [`Error::NotFound`] if it is not kept there; those of a read.
    pub async fn query(&self, query: &ItemQuery, most: u32) -> Result<Vec<WorkItemId>, Error> {
        let most = most.to_string();
        let operation = "run a query".to_owned();
        let call = match query {
            ItemQuery::Text(text) => {
                let route = self.route(&["_apis", "wit", "wiql"], Version::Released).with("$top", &most);
                Call::ask(operation, route, json!({ "query": text }))
            }
            ItemQuery::Saved { project, id } => {
                let route =
                    self.route(&[project, "_apis", "wit", "wiql", id], Version::Released).with("$top", &most);
                Call::get(operation, route)
            }
        };
        Ok(self.json::<RawQueryResult>(call).await?.ids())
    }

    /// Numbers of the work items with a tag that changed at or after a moment, in the whole organization, at most `most`,
    /// longest unchanged first. Deleted ones are not among them.
    ///
    /// # Errors
    /// Those of a read.
    pub async fn tagged_since(
        &self,
        tag: &str,
        since: DateTime<Utc>,
        most: u32,
    ) -> Result<Vec<WorkItemId>, Error> {
        let route = self
            .route(&["_apis", "wit", "wiql"], Version::Released)
            .with("timePrecision", "true")
            .with("$top", &most.to_string());
        let tag = wiql_text(tag);
        let since = wiql_text(&since.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string());
        let query = format!(
            "SELECT [System.Id] FROM WorkItems WHERE [System.Tags] CONTAINS {tag} AND [System.ChangedDate] >= {since} ORDER BY [System.ChangedDate], [System.Id]"
        );
        let operation = "look for work items that carry our tag".to_owned();
        let body: Value = json!({ "query": query });
        Ok(self.json::<RawQueryResult>(Call::ask(operation, route, body)).await?.ids())
    }
}
