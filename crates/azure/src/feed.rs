//! The reporting revisions feed: which work items changed since a cursor (azure-devops.md section 7.4).

use chrono::{DateTime, SecondsFormat, Utc};
use model::WorkItemId;
use model::board::Person;
use serde::Deserialize;
use serde_json::{Map, Value};
use url::Url;

use crate::client::{Call, Client};
use crate::error::Error;
use crate::item::{lenient_integer, null_is_empty, person};
use crate::route::Version;

/// A page of the feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedPage {
    /// Changed work items at their newest revision; an item may be on several pages.
    pub changes: Vec<FeedChange>,
    /// Where to go on, now or later. Opaque. None only if the service gave none and none was given.
    pub cursor: Option<String>,
    /// Nothing more for now; until then the next page is to be read at once.
    pub is_last: bool,
}

/// A work item that changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedChange {
    /// Number.
    pub id: WorkItemId,
    /// Newest revision.
    pub revision: i64,
    /// It is in the recycle bin, or destroyed.
    pub deleted: bool,
    /// Who made that revision; empty if the service did not say.
    pub changed_by: Person,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawPage {
    #[serde(default, deserialize_with = "null_is_empty")]
    values: Vec<RawChange>,
    #[serde(default)]
    next_link: Option<String>,
    #[serde(default)]
    continuation_token: Option<String>,
    #[serde(default, deserialize_with = "null_is_empty")]
    is_last_batch: bool,
}

#[derive(Deserialize)]
struct RawChange {
    #[serde(deserialize_with = "lenient_integer")]
    id: i64,
    #[serde(deserialize_with = "lenient_integer")]
    rev: i64,
    #[serde(default, deserialize_with = "null_is_empty")]
    fields: Map<String, Value>,
}

impl Client {
    /// What changed in the organization after `cursor`; without one, after `since`, or ever.
    ///
    /// # Errors
    /// Those of a read. A server that offers the feed per project only answers [`Error::NotFound`]: see
    /// [`Client::changes_in`].
    pub async fn changes(
        &self,
        cursor: Option<&str>,
        since: Option<DateTime<Utc>>,
    ) -> Result<FeedPage, Error> {
        self.feed(None, cursor, since).await
    }

    /// What changed in one project. Items that were moved out of it are not reported.
    ///
    /// # Errors
    /// Those of a read.
    pub async fn changes_in(
        &self,
        project: &str,
        cursor: Option<&str>,
        since: Option<DateTime<Utc>>,
    ) -> Result<FeedPage, Error> {
        self.feed(Some(project), cursor, since).await
    }

    async fn feed(
        &self,
        project: Option<&str>,
        cursor: Option<&str>,
        since: Option<DateTime<Utc>>,
    ) -> Result<FeedPage, Error> {
        let mut segments: Vec<&str> = project.into_iter().collect();
        segments.extend(["_apis", "wit", "reporting", "workitemrevisions"]);
        let mut route = self
            .route(&segments, Version::Released)
            .with("includeLatestOnly", "true")
            .with("includeDeleted", "true")
            .with("includeIdentityRef", "true")
            .with("fields", "System.ChangedBy,System.IsDeleted");
        // The service refuses both together.
        match (cursor, since) {
            (Some(cursor), _) => route = route.with("continuationToken", cursor),
            (None, Some(since)) => {
                route = route.with("startDateTime", &since.to_rfc3339_opts(SecondsFormat::Millis, true));
            }
            (None, None) => {}
        }
        let operation = match project {
            Some(project) => format!("read the changes of project {project}"),
            None => "read the changes of the organization".to_owned(),
        };
        let page: RawPage = self.json(Call::get(operation, route)).await?;
        let next = page
            .continuation_token
            .or_else(|| page.next_link.as_deref().and_then(token_of))
            .filter(|token| !token.is_empty())
            .or_else(|| cursor.map(str::to_owned));
        Ok(FeedPage {
            changes: page.values.into_iter().map(RawChange::into_change).collect(),
            // A page that leads nowhere new is the end, whatever it says.
            is_last: page.is_last_batch || next.is_none() || next.as_deref() == cursor,
            cursor: next,
        })
    }
}

impl RawChange {
    fn into_change(self) -> FeedChange {
        FeedChange {
            id: WorkItemId(self.id),
            revision: self.rev,
            deleted: self.fields.get("System.IsDeleted").is_some_and(|value| match value {
                Value::Bool(deleted) => *deleted,
                Value::String(text) => text.eq_ignore_ascii_case("true"),
                _ => false,
            }),
            changed_by: self.fields.get("System.ChangedBy").and_then(person).unwrap_or_default(),
        }
    }
}

/// Older services give the token only inside the link to the next page.
fn token_of(next_link: &str) -> Option<String> {
    let url = Url::parse(next_link).ok()?;
    url.query_pairs()
        .find(|(name, _)| name.eq_ignore_ascii_case("continuationToken"))
        .map(|(_, token)| token.into_owned())
}
