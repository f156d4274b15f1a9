//! A work item as Lockstep sees it, and the changes it may ask for: plain values, whatever the ticketing system is.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::WorkItemId;

/// Somebody known to the board.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Person {
    /// Identity of the board's directory. Empty where the service gave only a name (azure-devops.md section 7.1).
    #[serde(default)]
    pub id: String,
    /// Name for people.
    #[serde(default)]
    pub display_name: String,
    /// Sign-in name, usually a mail address.
    #[serde(default)]
    pub unique_name: String,
}

/// A link from a work item to a page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Hyperlink {
    /// Address, as the service gives it back.
    pub url: String,
    /// Remark beside it.
    #[serde(default)]
    pub comment: String,
}

/// A work item as the board has it at one revision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorkItem {
    /// Number.
    pub id: WorkItemId,
    /// Revision that was read. Links to other work items may change without it (azure-devops.md section 7.2).
    pub revision: i64,
    /// Project it is in now.
    pub project: String,
    /// Work item type.
    pub work_item_type: String,
    /// State.
    pub state: String,
    /// Board column, if the item is on the destination's board.
    pub column: Option<String>,
    /// Whether it stands in the Done half of a split column.
    pub column_done: Option<bool>,
    /// Lane; `None` is the default lane.
    pub lane: Option<String>,
    /// Title.
    pub title: String,
    /// Priority, 1 is most urgent.
    pub priority: Option<i64>,
    /// Severity as the board words it (`2 - High`).
    pub severity: Option<String>,
    /// When it is due, where the type has such a date.
    #[serde(default)]
    pub due_date: Option<DateTime<Utc>>,
    /// Tags, in the board's spelling.
    pub tags: Vec<String>,
    /// The long text that people read for this type, as HTML unless `description_is_markdown`.
    pub description: Option<String>,
    /// The long text is Markdown (azure-devops.md section 7.9).
    #[serde(default)]
    pub description_is_markdown: bool,
    /// Who works on it.
    pub assignee: Option<Person>,
    /// Area path.
    pub area: String,
    /// Iteration path.
    pub iteration: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Who made it.
    pub created_by: Person,
    /// When this revision was made.
    pub changed_at: DateTime<Utc>,
    /// Who made this revision.
    pub changed_by: Person,
    /// Links to pages.
    pub hyperlinks: Vec<Hyperlink>,
    /// Attached files.
    #[serde(default)]
    pub attachments: Vec<AttachedFile>,
    /// Number of comments.
    pub comment_count: i64,
    /// Page of the work item for people.
    pub web_url: String,
}

/// A file that is attached to a work item.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AttachedFile {
    /// Identity on the board.
    pub id: String,
    /// Name as people see it.
    pub name: String,
}

/// A link from a work item to another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ItemLink {
    /// How it stands to the other one.
    pub kind: ItemLinkKind,
    /// Number of the other one.
    pub to: WorkItemId,
}

/// How a work item stands to another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemLinkKind {
    /// They have to do with each other.
    Related,
    /// It is a copy of the other one.
    DuplicateOf,
    /// The other one is above it.
    Parent,
}

/// A new work item. It starts in the initial state of its type: no other is accepted (azure-devops.md section 7.2).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Draft {
    /// Work item type.
    pub work_item_type: String,
    /// Title, at most 255 characters.
    pub title: String,
    /// Long text, as HTML unless `description_is_markdown`.
    pub description: String,
    /// The long text is Markdown (azure-devops.md section 7.9).
    #[serde(default)]
    pub description_is_markdown: bool,
    /// Area path; the project's root if empty.
    pub area: Option<String>,
    /// Iteration path; the project's root if empty.
    pub iteration: Option<String>,
    /// Priority, 1 is most urgent.
    pub priority: Option<i64>,
    /// Severity as the board words it.
    pub severity: Option<String>,
    /// When it is due.
    #[serde(default)]
    pub due_date: Option<DateTime<Utc>>,
    /// Who shall work on it, by sign-in name: the service refuses identity ids (azure-devops.md section 7.1).
    #[serde(default)]
    pub assignee: Option<String>,
    /// Tags.
    pub tags: Vec<String>,
    /// Links to pages; the first carries the ticket's key.
    pub hyperlinks: Vec<Hyperlink>,
    /// Links to other work items.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<ItemLink>,
    /// Further fields by reference name.
    pub fields: BTreeMap<String, String>,
}

/// What to change on a work item, in one revision. `None` leaves a field as it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// New state. Together with `column` both must agree; usually one of them is enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// New board column.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// Half of a split column; only sent for split columns (azure-devops.md section 6.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column_done: Option<bool>,
    /// New lane.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lane: Option<String>,
    /// Who shall work on it, by sign-in name: the service refuses identity ids (azure-devops.md section 7.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignee: Option<String>,
    /// New title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// New priority.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<i64>,
    /// New severity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<String>,
    /// New due date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_date: Option<NewDueDate>,
    /// New long text, as HTML unless `description_is_markdown`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The new long text is Markdown, as the board has it (azure-devops.md section 7.9). Means nothing by itself.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub description_is_markdown: bool,
    /// All tags the item shall have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
    /// Link to add.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub add_hyperlink: Option<Hyperlink>,
    /// Links to other work items to add. They make no revision of their own (azure-devops.md section 7.2): something else
    /// of the change does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub add_links: Vec<ItemLink>,
    /// New area path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub area: Option<String>,
    /// Comment (HTML) that travels in the same revision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// What a due date becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NewDueDate {
    /// It is this.
    At(DateTime<Utc>),
    /// There is none any more.
    Cleared,
}

impl NewDueDate {
    /// A date, or none.
    pub fn of(date: Option<DateTime<Utc>>) -> Self {
        date.map_or(Self::Cleared, Self::At)
    }
}

impl Change {
    /// Nothing would change: such a change is never sent.
    pub fn is_empty(&self) -> bool {
        *self == Self { description_is_markdown: self.description_is_markdown, ..Self::default() }
    }
}

/// A comment on a work item.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comment {
    /// Number, unique in the organization.
    pub id: i64,
    /// Version of the text, from 1.
    pub version: i64,
    /// Text as it was stored, as HTML unless `is_markdown`.
    pub text: String,
    /// The text is Markdown.
    #[serde(default)]
    pub is_markdown: bool,
    /// Writer.
    pub author: Person,
    /// Who wrote this version of the text.
    #[serde(default)]
    pub editor: Person,
    /// When it was written.
    pub created_at: DateTime<Utc>,
    /// When it was last edited.
    pub modified_at: DateTime<Utc>,
}
