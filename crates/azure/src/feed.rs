//! The reporting feeds (azure-devops.md section 7.4): which work items changed since a cursor, and which links between
//! them came and went, of which the former says nothing.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, Utc};
use model::WorkItemId;
use model::board::Person;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use url::Url;

use crate::client::{Call, Client};
use crate::error::Error;
use crate::item::{Item, boolean, date, integer, lenient_integer, null_is_empty, person};
use crate::links::LinkKind;
use crate::route::{Route, Version};

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

/// A page of the feed of links.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkPage {
    /// What came and went, oldest first. A link between two items is told from one side or from both.
    pub changes: Vec<LinkChange>,
    /// Where to go on, now or later. Opaque. None only if the service gave none and none was given.
    pub cursor: Option<String>,
    /// Nothing more for now; until then the next page is to be read at once.
    pub is_last: bool,
}

/// A link between two work items that came or went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkChange {
    /// The item whose link it is.
    pub source: WorkItemId,
    /// The item it leads to.
    pub target: WorkItemId,
    /// How the source stands to the target.
    pub kind: LinkKind,
    /// It went.
    pub removed: bool,
    /// When; none if the service did not say.
    pub changed_at: Option<DateTime<Utc>>,
    /// Who did it; empty if the service did not say.
    pub changed_by: Person,
}

/// A work item that was created, wherever it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Creation {
    /// Number.
    pub id: WorkItemId,
    /// The project it is in now; empty if the service did not say.
    pub project: String,
    /// It is in the recycle bin, or destroyed.
    pub deleted: bool,
    /// Who created it; empty if the service did not say.
    pub created_by: Person,
    /// When; none if the service did not say.
    pub created_at: Option<DateTime<Utc>>,
}

/// Revisions on a page of the feed when it is read for a look-up.
const LARGE_PAGE: &str = "1000";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[serde(bound(deserialize = "T: Deserialize<'de>"))]
struct RawPage<T> {
    #[serde(default = "Vec::new", deserialize_with = "null_is_empty")]
    values: Vec<T>,
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

impl<T> RawPage<T> {
    /// The values, where to go on, and whether that is the end for now.
    fn split(self, cursor: Option<&str>) -> (Vec<T>, Option<String>, bool) {
        let next = self
            .continuation_token
            .or_else(|| self.next_link.as_deref().and_then(token_of))
            .filter(|token| !token.is_empty())
            .or_else(|| cursor.map(str::to_owned));
        // A page that leads nowhere new is the end, whatever it says.
        let is_last = self.is_last_batch || next.is_none() || next.as_deref() == cursor;
        (self.values, next, is_last)
    }
}

/// The names stand at the top in some versions, among the attributes in others.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawLink {
    #[serde(default, deserialize_with = "null_is_empty")]
    rel: String,
    #[serde(default, deserialize_with = "null_is_empty")]
    attributes: Map<String, Value>,
    #[serde(flatten)]
    top: Map<String, Value>,
}

impl RawLink {
    /// None for links to anything but work items.
    fn into_change(self) -> Option<LinkChange> {
        let value = |name: &str| self.top.get(name).or_else(|| self.attributes.get(name));
        let id = |name: &str| value(name).and_then(integer).map(WorkItemId);
        Some(LinkChange {
            source: id("sourceId")?,
            target: id("targetId")?,
            kind: LinkKind::from_name(&self.rel),
            removed: value("isActive").and_then(boolean) == Some(false),
            changed_at: value("changedDate").and_then(Value::as_str).and_then(date),
            changed_by: value("changedBy").and_then(person).unwrap_or_default(),
        })
    }
}

impl Client {
    /// What changed in the organization after `cursor`; without one, after `since`, or ever.
    ///
    /// # Errors
    /// Those of a read. Who may read the feeds of projects only gets [`Error::Forbidden`] or [`Error::NotFound`]: see
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

    /// Work items that were created at or after a moment, in the whole organization: also those that were moved to another
    /// project, or deleted. Where the feed of the organization may not be read, that of every project is, one by one. The
    /// cost grows with what changed since then.
    ///
    /// # Errors
    /// Those of a read; nothing is returned in part.
    pub async fn creations(&self, since: DateTime<Utc>) -> Result<Vec<Creation>, Error> {
        let wanted = |route: Route| {
            route
                .with("includeLatestOnly", "true")
                .with("includeDeleted", "true")
                .with("includeIdentityRef", "true")
                .with("$maxPageSize", LARGE_PAGE)
                .with("fields", "System.CreatedBy,System.CreatedDate,System.IsDeleted,System.TeamProject")
        };
        let operation = "read what was created in the organization lately";
        let changes: Vec<RawChange> = self.every_revision(operation, wanted, since, |_| true).await?;
        let mut found: BTreeMap<WorkItemId, Creation> = BTreeMap::new();
        for change in changes {
            let creation = change.into_creation();
            // An item that changed while the pages were read is on two of them; the later one is newer.
            if creation.created_at.is_none_or(|at| at >= since) {
                found.insert(creation.id, creation);
            }
        }
        Ok(found.into_values().collect())
    }

    /// The revisions that some work items were created with, with their long texts, whatever became of them since. They
    /// must have been created at or after `since`. The cost grows with what changed since then.
    ///
    /// # Errors
    /// Those of a read; nothing is returned in part.
    pub async fn first_revisions(&self, since: DateTime<Utc>, of: &[WorkItemId]) -> Result<Vec<Item>, Error> {
        let wanted = |route: Route| {
            route
                .with("includeLatestOnly", "false")
                .with("includeDeleted", "true")
                .with("includeIdentityRef", "true")
                .with("$expand", "fields")
                .with("$maxPageSize", LARGE_PAGE)
        };
        let operation = "read what some work items were created with";
        let is_first = |item: &Item| item.revision() == 1 && of.contains(&item.id());
        self.every_revision(operation, wanted, since, is_first).await
    }

    /// The feed of one project, or of the organization.
    fn revisions_of(&self, project: Option<&str>) -> Route {
        let mut segments: Vec<&str> = project.into_iter().collect();
        segments.extend(["_apis", "wit", "reporting", "workitemrevisions"]);
        self.route(&segments, Version::Released)
    }

    /// What is wanted of all revisions from a moment on, wherever they were made.
    async fn every_revision<T: DeserializeOwned>(
        &self,
        operation: &str,
        with: impl Fn(Route) -> Route,
        since: DateTime<Utc>,
        is_wanted: impl Fn(&T) -> bool,
    ) -> Result<Vec<T>, Error> {
        match self.every_page(operation, with(self.revisions_of(None)), since, &is_wanted).await {
            Err(Error::Forbidden { .. } | Error::NotFound { .. }) => {}
            answer => return answer,
        }
        let mut found = Vec::new();
        for project in self.projects().await? {
            let route = with(self.revisions_of(Some(&project.name)));
            found.extend(self.every_page(operation, route, since, &is_wanted).await?);
        }
        Ok(found)
    }

    /// What is wanted of all pages from a moment on.
    async fn every_page<T: DeserializeOwned>(
        &self,
        operation: &str,
        route: Route,
        since: DateTime<Utc>,
        is_wanted: impl Fn(&T) -> bool,
    ) -> Result<Vec<T>, Error> {
        let mut found = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let page = from(route.clone(), cursor.as_deref(), Some(since));
            let page: RawPage<T> = self.json(Call::get(operation.to_owned(), page)).await?;
            let (values, next, is_last) = page.split(cursor.as_deref());
            found.extend(values.into_iter().filter(|value| is_wanted(value)));
            if is_last {
                return Ok(found);
            }
            cursor = next;
        }
    }

    async fn feed(
        &self,
        project: Option<&str>,
        cursor: Option<&str>,
        since: Option<DateTime<Utc>>,
    ) -> Result<FeedPage, Error> {
        let route = self
            .revisions_of(project)
            .with("includeLatestOnly", "true")
            .with("includeDeleted", "true")
            .with("includeIdentityRef", "true")
            .with("fields", "System.ChangedBy,System.IsDeleted");
        let route = from(route, cursor, since);
        let operation = match project {
            Some(project) => format!("read the changes of project {project}"),
            None => "read the changes of the organization".to_owned(),
        };
        let page: RawPage<RawChange> = self.json(Call::get(operation, route)).await?;
        let (values, cursor, is_last) = page.split(cursor);
        Ok(FeedPage { changes: values.into_iter().map(RawChange::into_change).collect(), cursor, is_last })
    }

    /// Which links between work items came and went in the organization, or in one project, after `cursor`; without
    /// one, after `since`, or ever. Such a change makes no revision and is not in [`Client::changes`] (section 7.2).
    ///
    /// # Errors
    /// Those of a read. A server that offers the feed per project only answers [`Error::NotFound`] for all of it.
    pub async fn link_changes(
        &self,
        project: Option<&str>,
        cursor: Option<&str>,
        since: Option<DateTime<Utc>>,
    ) -> Result<LinkPage, Error> {
        let mut segments: Vec<&str> = project.into_iter().collect();
        segments.extend(["_apis", "wit", "reporting", "workitemlinks"]);
        let route = from(self.route(&segments, Version::Released), cursor, since);
        let operation = match project {
            Some(project) => format!("read the changes of links in project {project}"),
            None => "read the changes of links in the organization".to_owned(),
        };
        let page: RawPage<RawLink> = self.json(Call::get(operation, route)).await?;
        let (values, cursor, is_last) = page.split(cursor);
        Ok(LinkPage {
            changes: values.into_iter().filter_map(RawLink::into_change).collect(),
            cursor,
            is_last,
        })
    }
}

/// The service refuses both together.
fn from(route: Route, cursor: Option<&str>, since: Option<DateTime<Utc>>) -> Route {
    match (cursor, since) {
        (Some(cursor), _) => route.with("continuationToken", cursor),
        (None, Some(since)) => {
            route.with("startDateTime", &since.to_rfc3339_opts(SecondsFormat::Millis, true))
        }
        (None, None) => route,
    }
}

impl RawChange {
    fn is_deleted(&self) -> bool {
        self.fields.get("System.IsDeleted").is_some_and(|value| match value {
            Value::Bool(deleted) => *deleted,
            Value::String(text) => text.eq_ignore_ascii_case("true"),
            _ => false,
        })
    }

    fn into_creation(self) -> Creation {
        let text = |name: &str| self.fields.get(name).and_then(Value::as_str);
        Creation {
            id: WorkItemId(self.id),
            project: text("System.TeamProject").unwrap_or_default().to_owned(),
            deleted: self.is_deleted(),
            created_by: self.fields.get("System.CreatedBy").and_then(person).unwrap_or_default(),
            created_at: text("System.CreatedDate").and_then(|at| at.parse().ok()),
        }
    }

    fn into_change(self) -> FeedChange {
        FeedChange {
            id: WorkItemId(self.id),
            revision: self.rev,
            deleted: self.is_deleted(),
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
