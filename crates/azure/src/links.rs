//! Links of a work item: to other items, to attachments, to pages (azure-devops.md sections 7.2 and 7.8).
//!
//! The service rewrites addresses and changes the order of links, and a link between items makes no revision. So a
//! link is known by what it leads to, and its place is read again right before it is taken away.

use chrono::{DateTime, Utc};
use http::Method;
use model::WorkItemId;
use model::board::{AttachedFile, ItemLink, ItemLinkKind};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::client::{Body, Call, Client};
use crate::error::Error;
use crate::item::{Item, Relation};
use crate::refusal::{Missing, Rejection};
use crate::route::Version;

/// How one work item stands to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LinkKind {
    /// The other one is above it.
    Parent,
    /// The other one is below it.
    Child,
    /// They have to do with each other.
    Related,
    /// The other one is a copy of it.
    Duplicate,
    /// It is a copy of the other one.
    DuplicateOf,
    /// Anything else, by the service's reference name.
    Other(String),
}

impl LinkKind {
    const NAMES: [(Self, &'static str); 5] = [
        (Self::Parent, "System.LinkTypes.Hierarchy-Reverse"),
        (Self::Child, "System.LinkTypes.Hierarchy-Forward"),
        (Self::Related, "System.LinkTypes.Related"),
        (Self::Duplicate, "System.LinkTypes.Duplicate-Forward"),
        (Self::DuplicateOf, "System.LinkTypes.Duplicate-Reverse"),
    ];

    pub(crate) fn from_name(name: &str) -> Self {
        let known = Self::NAMES.into_iter().find(|(_, known)| known.eq_ignore_ascii_case(name));
        known.map_or_else(|| Self::Other(name.to_owned()), |(kind, _)| kind)
    }

    fn name(&self) -> String {
        match self {
            Self::Other(name) => name.clone(),
            kind => Self::NAMES
                .into_iter()
                .find(|(known, _)| known == kind)
                .map(|(_, name)| name.to_owned())
                .unwrap_or_default(),
        }
    }
}

/// What a link of a work item leads to. Two links are the same if this is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LinkTarget {
    /// Another work item.
    WorkItem {
        /// How this one stands to it.
        kind: LinkKind,
        /// Its number.
        id: WorkItemId,
    },
    /// An attached file, by the id that [`Client::upload`] gave.
    Attachment {
        /// Identity of the file.
        id: String,
    },
    /// A page.
    Page {
        /// Address.
        url: String,
    },
    /// Something of another service (commits, builds).
    Artifact {
        /// Address, `vstfs:///…`.
        url: String,
    },
}

/// A link of a work item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// What it leads to.
    pub target: LinkTarget,
    /// Remark beside it.
    pub comment: String,
    /// Name of an attached file; the service's word for the kind of link elsewhere.
    pub name: String,
    /// Size of an attached file in bytes, where told.
    pub size: Option<i64>,
}

impl Relation {
    pub(crate) fn link(&self) -> Link {
        let text =
            |name: &str| self.attributes.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        Link {
            target: self.target(),
            comment: text("comment"),
            name: text("name"),
            size: self.attributes.get("resourceSize").and_then(crate::item::integer),
        }
    }

    fn target(&self) -> LinkTarget {
        let last =
            || self.url.split(['?', '#']).next().and_then(|path| path.rsplit('/').next()).unwrap_or_default();
        let url = self.url.clone();
        match self.rel.as_str() {
            "Hyperlink" => LinkTarget::Page { url },
            "AttachedFile" => LinkTarget::Attachment { id: last().to_ascii_lowercase() },
            "ArtifactLink" => LinkTarget::Artifact { url },
            kind => match last().parse() {
                Ok(id) => LinkTarget::WorkItem { kind: LinkKind::from_name(kind), id: WorkItemId(id) },
                Err(_) => LinkTarget::Artifact { url },
            },
        }
    }
}

impl Item {
    /// All links, in the order in which the service gave them. Empty for answers without relations.
    pub fn links(&self) -> Vec<Link> {
        self.relations.iter().map(Relation::link).collect()
    }

    /// Attached files. Empty for answers without relations.
    pub fn attachments(&self) -> Vec<AttachedFile> {
        let file = |link: Link| match link.target {
            LinkTarget::Attachment { id } => Some(AttachedFile { id, name: link.name }),
            LinkTarget::WorkItem { .. } | LinkTarget::Page { .. } | LinkTarget::Artifact { .. } => None,
        };
        self.links().into_iter().filter_map(file).collect()
    }
}

impl LinkTarget {
    fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Attachment { id: one }, Self::Attachment { id: two }) => one.eq_ignore_ascii_case(two),
            (one, two) => one == two,
        }
    }

    /// `rel` and `url` of the relation.
    fn relation(&self, client: &Client) -> (String, String) {
        match self {
            Self::WorkItem { kind, id } => (
                kind.name(),
                format!("{}/_apis/wit/workItems/{id}", client.base().as_str().trim_end_matches('/')),
            ),
            Self::Attachment { id } => (
                "AttachedFile".into(),
                format!("{}/_apis/wit/attachments/{id}", client.base().as_str().trim_end_matches('/')),
            ),
            Self::Page { url } => ("Hyperlink".into(), url.clone()),
            Self::Artifact { url } => ("ArtifactLink".into(), url.clone()),
        }
    }
}

/// The operation that adds a link to another work item.
pub(crate) fn item_link(client: &Client, link: ItemLink) -> Value {
    let kind = match link.kind {
        ItemLinkKind::Related => LinkKind::Related,
        ItemLinkKind::DuplicateOf => LinkKind::DuplicateOf,
        ItemLinkKind::Parent => LinkKind::Parent,
    };
    let (rel, url) = LinkTarget::WorkItem { kind, id: link.to }.relation(client);
    json!({ "op": "add", "path": "/relations/-", "value": { "rel": rel, "url": url, "attributes": {} } })
}

impl Client {
    /// Adds a link; one that is there already is fine, and then the item is given as it is. A link to a work item
    /// makes no revision (section 7.2). `name` is the shown name of an attached file, else empty.
    ///
    /// # Errors
    /// [`Error::Rejected`] for a link that the rules forbid (a second parent, a circle); any other. After
    /// [`Error::UnknownOutcome`] it may be there: read the item and look for the target.
    pub async fn link(&self, id: WorkItemId, link: &Link, deadline: DateTime<Utc>) -> Result<Item, Error> {
        let (rel, url) = link.target.relation(self);
        let mut attributes = json!({});
        if !link.comment.is_empty() {
            attributes["comment"] = link.comment.as_str().into();
        }
        if !link.name.is_empty() {
            attributes["name"] = link.name.as_str().into();
        }
        let patch = json!({ "op": "add", "path": "/relations/-", "value": { "rel": rel, "url": url, "attributes": attributes } });
        match self.patch_links(format!("link work item {id}"), id, vec![patch], deadline).await {
            Err(Error::Rejected { why: Rejection::RelationExists, .. }) => {
                self.read_one(id, format!("link work item {id}")).await
            }
            answer => answer,
        }
    }

    /// Takes a link away, wherever it stands in the list by now; one that is gone already is fine.
    ///
    /// # Errors
    /// [`Error::RevisionMoved`] if the item changed in between; [`Error::UnknownOutcome`] also if the list of links
    /// changed in the same moment, so that another one may be gone: links between items carry no revision that could
    /// be tested.
    pub async fn unlink(
        &self,
        id: WorkItemId,
        target: &LinkTarget,
        deadline: DateTime<Utc>,
    ) -> Result<Item, Error> {
        let operation = format!("remove a link of work item {id}");
        let item = self.read_one(id, operation.clone()).await?;
        let before = item.links();
        let Some(place) = before.iter().position(|link| link.target.is(target)) else { return Ok(item) };
        let patch = vec![
            json!({ "op": "test", "path": "/rev", "value": item.revision() }),
            json!({ "op": "remove", "path": format!("/relations/{place}") }),
        ];
        let after = self.patch_links(operation.clone(), id, patch, deadline).await?;
        if after.links().iter().any(|link| link.target.is(target)) {
            let reason =
                "the links changed in the same moment, and another one may have been removed".to_owned();
            return Err(Error::UnknownOutcome { operation, reason });
        }
        Ok(after)
    }

    async fn patch_links(
        &self,
        operation: String,
        id: WorkItemId,
        patch: Vec<Value>,
        deadline: DateTime<Utc>,
    ) -> Result<Item, Error> {
        let route = self
            .route(&["_apis", "wit", "workitems", &id.to_string()], Version::Released)
            .with("$expand", "relations");
        self.json(Call::write(operation, Method::PATCH, route, Body::Patch(patch), deadline)).await
    }

    async fn read_one(&self, id: WorkItemId, operation: String) -> Result<Item, Error> {
        self.read(&[id]).await?.pop().ok_or(Error::NotFound {
            operation,
            what: Missing::WorkItem,
            code: None,
            message: format!("work item {id} was deleted, or may not be read"),
        })
    }
}
