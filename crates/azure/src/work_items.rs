//! Work items: create, update, read, delete, restore (azure-devops.md section 7).
//!
//! Writes are sent once, in one revision, and give back the item as the service has it afterwards.

use chrono::{DateTime, Utc};
use http::Method;
use model::WorkItemId;
use model::board::{Change, Draft, Hyperlink, NewDueDate};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::client::{Body, Call, Client};
use crate::discovery::Listed;
use crate::error::Error;
use crate::item::{Item, lenient_integer, null_is_empty};
use crate::links::item_link;
use crate::route::{Route, Version};
use crate::shape::ItemShape;

/// Items per read (section 7.10).
pub const READ_BATCH: usize = 200;

/// One write to one work item.
#[derive(Clone, Copy, Debug)]
pub enum Write<'a> {
    /// See [`Client::create`].
    Create {
        /// Project, by name or id.
        project: &'a str,
        /// Shape of the type.
        shape: &'a ItemShape,
        /// What the item shall be.
        draft: &'a Draft,
    },
    /// See [`Client::update`].
    Update {
        /// Item.
        id: WorkItemId,
        /// Revision that the change was planned on.
        revision: i64,
        /// Shape of the type.
        shape: &'a ItemShape,
        /// What to change.
        change: &'a Change,
    },
}

impl Write<'_> {
    /// Continues the sentence "Could not …".
    pub(crate) fn operation(&self) -> String {
        match self {
            Self::Create { project, .. } => format!("create a {} in project {project}", self.created_type()),
            Self::Update { id, change: Change { column: Some(column), .. }, .. } => {
                format!("move work item {id} to the column {column}")
            }
            Self::Update { id, change: Change { state: Some(state), .. }, .. } => {
                format!("move work item {id} to the state {state}")
            }
            Self::Update { id, .. } => format!("update work item {id}"),
        }
    }

    fn created_type(&self) -> &str {
        match self {
            Self::Create { shape, draft, .. } if draft.work_item_type.is_empty() => &shape.work_item_type,
            Self::Create { draft, .. } => &draft.work_item_type,
            Self::Update { shape, .. } => &shape.work_item_type,
        }
    }

    pub(crate) fn route(&self, client: &Client) -> Route {
        let route = match self {
            Self::Create { project, .. } => {
                let work_item_type = format!("${}", self.created_type());
                client.route(&[project, "_apis", "wit", "workitems", &work_item_type], Version::Released)
            }
            Self::Update { id, .. } => {
                client.route(&["_apis", "wit", "workitems", &id.to_string()], Version::Released)
            }
        };
        match self.is_markdown() {
            true => route.needs_current("Azure DevOps Server 2022 keeps long texts as HTML only"),
            false => route,
        }
    }

    /// A long text travels as Markdown.
    fn is_markdown(&self) -> bool {
        match self {
            Self::Create { draft, .. } => draft.description_is_markdown && !draft.description.is_empty(),
            Self::Update { change, .. } => change.description_is_markdown && change.description.is_some(),
        }
    }

    /// The operations of the JSON patch.
    ///
    /// # Errors
    /// [`Error::NotSent`] if nothing would change: such a write costs a revision, or wakes people, for nothing.
    pub(crate) fn patch(&self, client: &Client) -> Result<Vec<Value>, Error> {
        match self {
            Self::Create { shape, draft, .. } => {
                let mut patch = creation(shape, draft);
                patch.extend(draft.links.iter().map(|link| item_link(client, *link)));
                Ok(patch)
            }
            Self::Update { revision, shape, change, .. } => {
                let mut patch = modification(shape, *revision, change);
                patch.extend(change.add_links.iter().map(|link| item_link(client, *link)));
                // Only the test of the revision is left: nothing was asked, or the type lacks every field of it.
                if patch.len() == 1 {
                    let reason = format!("nothing of the change concerns a {}", shape.work_item_type);
                    return Err(Error::NotSent { operation: self.operation(), reason });
                }
                Ok(patch)
            }
        }
    }
}

/// Who made a work item, for a search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Author {
    /// The identity of this client.
    Me,
    /// Somebody by unique name (mail address) or `Display Name <unique name>`; ids are not understood by the service.
    Named(String),
}

/// An item in a recycle bin. The service gives its fields (with the long texts) and no relations: a key has to be
/// looked for in the description (section 7.5).
#[derive(Clone, Debug, PartialEq)]
pub struct RecycledItem {
    /// Project whose recycle bin it is in.
    pub project: String,
    /// The item at its last revision.
    pub item: Item,
    /// Who deleted it, as the service words it (`Name <mail>`).
    pub deleted_by: String,
}

#[derive(Deserialize)]
struct RawDeleted {
    #[serde(default, deserialize_with = "null_is_empty", rename = "deletedBy")]
    deleted_by: String,
    resource: Item,
}

#[derive(Deserialize)]
struct RawId {
    #[serde(deserialize_with = "lenient_integer")]
    id: i64,
}

#[derive(Deserialize)]
pub(crate) struct RawQueryResult {
    #[serde(default, deserialize_with = "null_is_empty", rename = "workItems")]
    work_items: Vec<RawId>,
}

impl RawQueryResult {
    pub(crate) fn ids(self) -> Vec<WorkItemId> {
        self.work_items.into_iter().map(|item| WorkItemId(item.id)).collect()
    }
}

impl Client {
    /// Creates a work item in the initial state of its type. Nothing leaves at or after `deadline`.
    ///
    /// Values for fields that the type does not have (severity, priority) are left out. A draft without area or
    /// iteration gets the shape's.
    ///
    /// # Errors
    /// Any; after [`Error::UnknownOutcome`] the item may exist, now or a little later.
    pub async fn create(
        &self,
        project: &str,
        shape: &ItemShape,
        draft: &Draft,
        deadline: DateTime<Utc>,
    ) -> Result<Item, Error> {
        self.write(&Write::Create { project, shape, draft }, deadline).await
    }

    /// Changes a work item in one revision, if it still has `revision`. Nothing leaves at or after `deadline`.
    ///
    /// A long text that the board keeps as Markdown must not be overwritten with HTML (section 7.9): what
    /// [`model::board::WorkItem::description_is_markdown`] said has to be said in the change too.
    ///
    /// # Errors
    /// [`Error::RevisionMoved`] if somebody else changed it; any other. A change of nothing is [`Error::NotSent`].
    pub async fn update(
        &self,
        id: WorkItemId,
        revision: i64,
        shape: &ItemShape,
        change: &Change,
        deadline: DateTime<Utc>,
    ) -> Result<Item, Error> {
        self.write(&Write::Update { id, revision, shape, change }, deadline).await
    }

    pub(crate) async fn write(&self, write: &Write<'_>, deadline: DateTime<Utc>) -> Result<Item, Error> {
        let patch = write.patch(self)?;
        let route = write.route(self).with("$expand", "relations");
        let method = match write {
            Write::Create { .. } => Method::POST,
            Write::Update { .. } => Method::PATCH,
        };
        self.json(Call::write(write.operation(), method, route, Body::Patch(patch), deadline)).await
    }

    /// Asks whether the service would take a write, by all its rules and without doing it (section 7.2). What it says
    /// holds for now only.
    ///
    /// # Errors
    /// Those that the write would have: [`Error::Rejected`] names the fields, [`Error::RevisionMoved`] the lost race.
    pub async fn validate(&self, write: &Write<'_>) -> Result<(), Error> {
        let patch = write.patch(self)?;
        let route = write.route(self).with("validateOnly", "true");
        let mut call = Call::ask(format!("try to {}", write.operation()), route, Value::Null);
        call.body = Body::Patch(patch);
        if matches!(write, Write::Update { .. }) {
            call.method = Method::PATCH;
        }
        self.done(call).await
    }

    /// Reads work items with their links, [`READ_BATCH`] at a time. Items that are gone or may not be read are absent.
    ///
    /// # Errors
    /// Those of a read; nothing is returned in part.
    pub async fn read(&self, ids: &[WorkItemId]) -> Result<Vec<Item>, Error> {
        let mut items = Vec::with_capacity(ids.len());
        for batch in ids.chunks(READ_BATCH) {
            let route = self.route(&["_apis", "wit", "workitemsbatch"], Version::Released);
            let operation = match batch {
                [one] => format!("read work item {one}"),
                _ => format!("read {} work items", batch.len()),
            };
            // `fields` may not be combined with this expansion, and would hide the formats of long texts (section 7.1).
            let body = json!({ "ids": batch, "$expand": "relations", "errorPolicy": "omit" });
            // Omitted items may leave a null in their place.
            let page: Listed<Option<Item>> = self.json(Call::ask(operation, route, body)).await?;
            items.extend(page.value.into_iter().flatten());
        }
        Ok(items)
    }

    /// Ids of the work items that somebody created at or after a moment, in the whole organization, oldest first.
    /// Deleted ones are not among them: see [`Client::recycled`].
    ///
    /// # Errors
    /// Those of a read; more than 20,000 results are [`Error::Rejected`] (VS402337).
    pub async fn created_since(&self, who: &Author, since: DateTime<Utc>) -> Result<Vec<WorkItemId>, Error> {
        let route = self.route(&["_apis", "wit", "wiql"], Version::Released).with("timePrecision", "true");
        let who = match who {
            Author::Me => "@Me".to_owned(),
            Author::Named(name) => wiql_text(name),
        };
        let since = wiql_text(&since.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string());
        let query = format!(
            "SELECT [System.Id] FROM WorkItems WHERE [System.CreatedBy] = {who} AND [System.CreatedDate] >= {since} ORDER BY [System.Id]"
        );
        let operation = "look for work items created lately".to_owned();
        let found: RawQueryResult = self.json(Call::ask(operation, route, json!({ "query": query }))).await?;
        Ok(found.ids())
    }

    /// Ids in the recycle bin of a project. That is all the list tells; see [`Client::read_recycled`].
    ///
    /// # Errors
    /// Those of a read.
    pub async fn recycled(&self, project: &str) -> Result<Vec<WorkItemId>, Error> {
        let route = self.route(&[project, "_apis", "wit", "recyclebin"], Version::Released);
        let operation = format!("list the recycle bin of project {project}");
        let found: Listed<RawId> = self.json(Call::get(operation, route)).await?;
        Ok(found.value.into_iter().map(|item| WorkItemId(item.id)).collect())
    }

    /// One item of a recycle bin, with its fields; none if it is not there.
    ///
    /// # Errors
    /// Those of a read.
    pub async fn read_recycled(&self, project: &str, id: WorkItemId) -> Result<Option<RecycledItem>, Error> {
        let route = self.route(&[project, "_apis", "wit", "recyclebin", &id.to_string()], Version::Released);
        let operation = format!("read work item {id} in the recycle bin of project {project}");
        match self.json::<RawDeleted>(Call::get(operation, route)).await {
            Ok(found) => Ok(Some(RecycledItem {
                project: project.to_owned(),
                item: found.resource,
                deleted_by: found.deleted_by,
            })),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Moves a work item into the recycle bin of its project.
    ///
    /// # Errors
    /// [`Error::NotFound`] if it is not there (any more); any other.
    pub async fn delete(&self, project: &str, id: WorkItemId, deadline: DateTime<Utc>) -> Result<(), Error> {
        let route = self
            .route(&[project, "_apis", "wit", "workitems", &id.to_string()], Version::Released)
            .with("destroy", "false");
        self.done(Call::write(format!("delete work item {id}"), Method::DELETE, route, Body::None, deadline))
            .await
    }

    /// Takes a work item out of the recycle bin.
    ///
    /// # Errors
    /// [`Error::NotFound`] if it is not in there; any other.
    pub async fn restore(&self, project: &str, id: WorkItemId, deadline: DateTime<Utc>) -> Result<(), Error> {
        let route = self.route(&[project, "_apis", "wit", "recyclebin", &id.to_string()], Version::Released);
        let body = Body::Json(json!({ "isDeleted": false }));
        self.done(Call::write(format!("restore work item {id}"), Method::PATCH, route, body, deadline)).await
    }
}

/// A string of the query language. Every value that goes into a query goes through here.
pub(crate) fn wiql_text(text: &str) -> String {
    // Control characters have no escape and mean nothing in names.
    let clean: String = text.chars().filter(|character| !character.is_control()).collect();
    format!("'{}'", clean.replace('\'', "''"))
}

/// A moment as the service writes it.
fn moment(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

pub(crate) fn set(field: &str, value: impl Into<Value>) -> Value {
    json!({ "op": "add", "path": format!("/fields/{}", pointer(field)), "value": value.into() })
}

/// Says that a long text is Markdown; only together with the text (section 7.9).
fn markdown(field: &str) -> Value {
    json!({ "op": "add", "path": format!("/multilineFieldsFormat/{}", pointer(field)), "value": "Markdown" })
}

fn link(hyperlink: &Hyperlink) -> Value {
    json!({ "op": "add", "path": "/relations/-", "value": {
        "rel": "Hyperlink", "url": hyperlink.url, "attributes": { "comment": hyperlink.comment } } })
}

/// A name as a segment of a JSON pointer.
fn pointer(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

fn creation(shape: &ItemShape, draft: &Draft) -> Vec<Value> {
    let mut patch = vec![
        set("System.Title", draft.title.as_str()),
        set("System.AreaPath", draft.area.as_deref().unwrap_or(&shape.default_area)),
        set("System.IterationPath", draft.iteration.as_deref().unwrap_or(&shape.default_iteration)),
    ];
    if !draft.description.is_empty() {
        patch.push(set(&shape.description_field, draft.description.as_str()));
        if draft.description_is_markdown {
            patch.push(markdown(&shape.description_field));
        }
    }
    if let (Some(field), Some(priority)) = (&shape.priority_field, draft.priority) {
        patch.push(set(field, priority));
    }
    if let (Some(field), Some(severity)) = (&shape.severity_field, &draft.severity) {
        patch.push(set(field, severity.as_str()));
    }
    if let (Some(field), Some(due)) = (&shape.due_date_field, draft.due_date) {
        patch.push(set(field, moment(due)));
    }
    if let Some(assignee) = &draft.assignee {
        patch.push(set("System.AssignedTo", assignee.as_str()));
    }
    if !draft.tags.is_empty() {
        patch.push(set("System.Tags", draft.tags.join("; ")));
    }
    patch.extend(draft.fields.iter().map(|(field, value)| set(field, value.as_str())));
    patch.extend(draft.hyperlinks.iter().map(link));
    patch
}

/// The revision is tested first; the rest is one revision (section 7.2).
fn modification(shape: &ItemShape, revision: i64, change: &Change) -> Vec<Value> {
    let mut patch = vec![json!({ "op": "test", "path": "/rev", "value": revision })];
    let mut put = |field: Option<&str>, value: Option<Value>| {
        if let (Some(field), Some(value)) = (field, value) {
            patch.push(set(field, value));
        }
    };
    let text = |value: &Option<String>| value.as_deref().map(Value::from);
    put(Some("System.State"), text(&change.state));
    put(shape.column_field.as_deref(), text(&change.column));
    // Written for a column that is not split, it is accepted and stays without meaning (section 6.1).
    let has_halves = change.column.as_deref().is_none_or(|column| shape.is_split(column));
    put(shape.done_field.as_deref().filter(|_| has_halves), change.column_done.map(Value::from));
    put(shape.lane_field.as_deref(), text(&change.lane));
    put(Some("System.AssignedTo"), text(&change.assignee));
    put(Some("System.AreaPath"), text(&change.area));
    put(Some("System.Title"), text(&change.title));
    put(shape.priority_field.as_deref(), change.priority.map(Value::from));
    put(shape.severity_field.as_deref(), text(&change.severity));
    put(
        shape.due_date_field.as_deref(),
        change.due_date.map(|due| match due {
            NewDueDate::At(due) => moment(due).into(),
            // Empty, it is absent when read back (section 7.1).
            NewDueDate::Cleared => Value::from(""),
        }),
    );
    put(Some(&shape.description_field), text(&change.description));
    put(Some("System.History"), text(&change.comment));
    if change.description.is_some() && change.description_is_markdown {
        patch.push(markdown(&shape.description_field));
    }
    if let Some(tags) = &change.tags {
        // Adding would merge (section 7.3).
        patch.push(json!({ "op": "replace", "path": "/fields/System.Tags", "value": tags.join("; ") }));
    }
    patch.extend(change.add_hyperlink.iter().map(link));
    patch
}
