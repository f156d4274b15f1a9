//! The records of the emulated service. Plain data with the small questions that are asked of it everywhere.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::{
    access::{Gate, Pat},
    edition::Edition,
    hooks::{Delivery, HookKnobs, Notification, Subscription},
    picklists::Picklist,
    projects::Operation,
};
use crate::{
    processes::{Process, ProcessKind},
    seed::{BugsBehavior, Role},
};

/// Field values by canonical reference name. Identities are stored as the text of their id, times as ISO text.
pub(crate) type Fields = BTreeMap<String, Value>;

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Organization {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) tenant: Uuid,
    #[serde(default)]
    pub(crate) edition: Edition,
    pub(crate) identities: Vec<Identity>,
    /// Personal access tokens by their text.
    pub(crate) pats: BTreeMap<String, Pat>,
    #[serde(default)]
    pub(crate) gate: Gate,
    pub(crate) principals: Vec<Principal>,
    pub(crate) projects: Vec<Project>,
    pub(crate) items: BTreeMap<i64, WorkItem>,
    /// Answers to "which revision was written at this watermark": watermark to (item, rev).
    pub(crate) feed: BTreeMap<i64, (i64, i64)>,
    pub(crate) link_feed: Vec<LinkEvent>,
    pub(crate) last_item: i64,
    pub(crate) last_comment: i64,
    pub(crate) last_node: i64,
    pub(crate) last_relation: i64,
    pub(crate) watermark: i64,
    pub(crate) attachments: BTreeMap<Uuid, Attachment>,
    pub(crate) subscriptions: BTreeMap<Uuid, Subscription>,
    pub(crate) notifications: Vec<Notification>,
    pub(crate) deliveries: BTreeMap<u64, Delivery>,
    pub(crate) last_delivery: u64,
    pub(crate) hook_knobs: HookKnobs,
    /// Work that goes on after the answer, such as making a project.
    #[serde(default)]
    pub(crate) operations: BTreeMap<Uuid, Operation>,
    /// Projects that are being made, with the time at which they are there.
    #[serde(default)]
    pub(crate) coming: Vec<(DateTime<Utc>, Project)>,
    #[serde(default)]
    pub(crate) queries: BTreeMap<Uuid, StoredQuery>,
    #[serde(default)]
    pub(crate) picklists: Vec<Picklist>,
    /// Made unavailable: every call answers 503 TF24668.
    pub(crate) stopped: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Identity {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) unique_name: String,
    pub(crate) role: Role,
    pub(crate) human: bool,
    pub(crate) may_create_tags: bool,
    /// Area paths whose work items it may not see, with everything below.
    #[serde(default)]
    pub(crate) hidden_areas: Vec<String>,
    /// An application and not a user. Its unique name is its client id.
    pub(crate) application: bool,
    /// Has signed in at least once, or was added; others get TF401444.
    pub(crate) materialised: bool,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Principal {
    pub(crate) client_id: Uuid,
    pub(crate) identity: Uuid,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Project {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) process: ProcessKind,
    pub(crate) created: DateTime<Utc>,
    pub(crate) areas: Node,
    pub(crate) iterations: Node,
    pub(crate) teams: Vec<Team>,
    pub(crate) default_team: Uuid,
    pub(crate) tags: Vec<Tag>,
    #[serde(default)]
    pub(crate) description: Option<String>,
    /// `private`, `public` or `organization`.
    #[serde(default = "private")]
    pub(crate) visibility: String,
    /// The last change of its name or description.
    #[serde(default)]
    pub(crate) changed: Option<DateTime<Utc>>,
    /// Properties that clients have set.
    #[serde(default)]
    pub(crate) properties: BTreeMap<String, Value>,
}

fn private() -> String {
    "private".into()
}

/// A query that is kept under an id.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct StoredQuery {
    pub(crate) project: Uuid,
    pub(crate) path: String,
    pub(crate) wiql: String,
}

/// A node of the area or iteration tree; the root carries the project's name.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Node {
    pub(crate) id: i64,
    pub(crate) identifier: Uuid,
    pub(crate) name: String,
    pub(crate) children: Vec<Node>,
    pub(crate) attributes: Option<Value>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Tag {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    /// When it was made or renamed; unknown for those of older state files.
    #[serde(default)]
    pub(crate) changed: Option<DateTime<Utc>>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Team {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) description: String,
    /// Area path and whether the ones below belong too; the first is the default.
    pub(crate) areas: Vec<(String, bool)>,
    pub(crate) bugs: BugsBehavior,
    pub(crate) boards: Vec<Board>,
    pub(crate) members: Vec<Uuid>,
    pub(crate) backlog_iteration: Option<String>,
    pub(crate) default_iteration: Option<String>,
    /// Identifiers of the iterations it has chosen.
    #[serde(default)]
    pub(crate) iterations: Vec<Uuid>,
    /// None for Monday to Friday.
    #[serde(default)]
    pub(crate) working_days: Option<Vec<String>>,
    /// Backlog levels that it has shown or hidden itself.
    #[serde(default)]
    pub(crate) visibilities: BTreeMap<String, bool>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Board {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) category: String,
    /// 32 upper-case hex digits; not the board's id (azure-devops.md section 6.1).
    pub(crate) wef: String,
    pub(crate) revision: i64,
    pub(crate) columns: Vec<Column>,
    pub(crate) rows: Vec<Row>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Column {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) item_limit: u32,
    pub(crate) split: bool,
    pub(crate) description: String,
    pub(crate) column_type: ColumnType,
    /// Type name to state.
    pub(crate) mappings: BTreeMap<String, String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum ColumnType {
    Incoming,
    InProgress,
    Outgoing,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) id: Uuid,
    /// None for the default lane.
    pub(crate) name: Option<String>,
    pub(crate) color: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct WorkItem {
    pub(crate) id: i64,
    pub(crate) project: Uuid,
    /// Never empty, without gaps, oldest first.
    pub(crate) revisions: Vec<Revision>,
    pub(crate) updates: Vec<Update>,
    pub(crate) relations: Vec<Relation>,
    pub(crate) comments: Vec<Comment>,
    pub(crate) deleted: Option<Deleted>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Revision {
    pub(crate) rev: i64,
    pub(crate) watermark: i64,
    pub(crate) by: Uuid,
    pub(crate) date: DateTime<Utc>,
    pub(crate) fields: Fields,
    /// Long text fields that are not HTML: reference name to `Markdown`.
    pub(crate) formats: BTreeMap<String, String>,
    /// The comment this revision added.
    pub(crate) comment: Option<i64>,
    pub(crate) deleted: bool,
}

/// An entry of the update log; link-only changes have one without a new revision.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Update {
    pub(crate) id: i64,
    pub(crate) rev: i64,
    pub(crate) by: Uuid,
    pub(crate) date: DateTime<Utc>,
    /// This update made revision `rev`.
    pub(crate) revises: bool,
    pub(crate) added: Vec<Relation>,
    pub(crate) removed: Vec<Relation>,
    pub(crate) updated: Vec<Relation>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Relation {
    pub(crate) rel: String,
    pub(crate) target: RelationTarget,
    pub(crate) comment: Option<String>,
    pub(crate) name: Option<String>,
    /// Organization-wide number of a resource link; 0 for work item links.
    pub(crate) number: i64,
    pub(crate) added: DateTime<Utc>,
    pub(crate) size: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum RelationTarget {
    Item(i64),
    Attachment(Uuid),
    Url(String),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Comment {
    pub(crate) id: i64,
    pub(crate) markdown: bool,
    pub(crate) versions: Vec<CommentVersion>,
    pub(crate) by: Uuid,
    pub(crate) created: DateTime<Utc>,
    pub(crate) deleted: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct CommentVersion {
    pub(crate) text: String,
    pub(crate) by: Uuid,
    pub(crate) date: DateTime<Utc>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Deleted {
    pub(crate) by: Uuid,
    pub(crate) date: DateTime<Utc>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct LinkEvent {
    pub(crate) watermark: i64,
    pub(crate) rel: String,
    pub(crate) source: i64,
    pub(crate) target: i64,
    pub(crate) by: Uuid,
    pub(crate) date: DateTime<Utc>,
    pub(crate) active: bool,
    pub(crate) comment: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Attachment {
    pub(crate) name: String,
    #[serde(with = "bytes_as_base64")]
    pub(crate) content: Vec<u8>,
    pub(crate) created: DateTime<Utc>,
}

mod bytes_as_base64 {
    use base64::{Engine, prelude::BASE64_STANDARD};
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64_STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        BASE64_STANDARD.decode(text).map_err(serde::de::Error::custom)
    }
}

impl Organization {
    pub(crate) fn identity(&self, id: Uuid) -> &Identity {
        self.identities.iter().find(|i| i.id == id).expect("identities are never removed")
    }

    pub(crate) fn project_by_id(&self, id: Uuid) -> &Project {
        self.projects.iter().find(|p| p.id == id).expect("a project goes with all that names it")
    }

    pub(crate) fn next_watermark(&mut self) -> i64 {
        // The real counter is shared with other things and has gaps.
        self.watermark += 1 + self.watermark % 2;
        self.watermark
    }
}

impl Project {
    pub(crate) fn definition(&self) -> &'static Process {
        self.process.definition()
    }

    pub(crate) fn team(&self, name: &str) -> Option<&Team> {
        self.teams
            .iter()
            .find(|t| t.name.eq_ignore_ascii_case(name) || t.id.to_string().eq_ignore_ascii_case(name))
    }
}

impl Team {
    /// The item's area belongs to this team.
    pub(crate) fn owns_area(&self, area: &str) -> bool {
        self.areas.iter().any(|(path, below)| {
            area.eq_ignore_ascii_case(path)
                || (*below
                    && area.len() > path.len()
                    && area.as_bytes()[path.len()] == b'\\'
                    && area.get(..path.len()).is_some_and(|head| head.eq_ignore_ascii_case(path)))
        })
    }
}

impl WorkItem {
    pub(crate) fn latest(&self) -> &Revision {
        self.revisions.last().expect("a work item has at least one revision")
    }

    /// A revision by its number. Rendered copies hold the latest one only.
    pub(crate) fn revision(&self, rev: i64) -> Option<&Revision> {
        let first = self.revisions.first()?.rev;
        usize::try_from(rev - first).ok().and_then(|at| self.revisions.get(at))
    }

    pub(crate) fn text(&self, field: &str) -> &str {
        self.latest().fields.get(field).and_then(Value::as_str).unwrap_or_default()
    }
}

impl Node {
    /// The node at a path below this one; segments are compared without case.
    pub(crate) fn find(&self, segments: &[&str]) -> Option<&Node> {
        let Some((first, rest)) = segments.split_first() else { return Some(self) };
        self.children.iter().find(|c| c.name.to_lowercase() == first.to_lowercase())?.find(rest)
    }

    pub(crate) fn find_mut(&mut self, segments: &[&str]) -> Option<&mut Node> {
        let Some((first, rest)) = segments.split_first() else { return Some(self) };
        self.children.iter_mut().find(|c| c.name.to_lowercase() == first.to_lowercase())?.find_mut(rest)
    }

    /// Resolves a field value such as `Project\Area` to the canonical spelling and the node.
    pub(crate) fn resolve(&self, value: &str) -> Option<(String, &Node)> {
        let trimmed = value.trim().trim_matches('\\');
        let mut segments = trimmed.split('\\');
        if segments.next()?.to_lowercase() != self.name.to_lowercase() {
            return None;
        }
        let mut path = self.name.clone();
        let mut node = self;
        for segment in segments {
            node = node.find(&[segment])?;
            path = format!("{path}\\{}", node.name);
        }
        Some((path, node))
    }
}
