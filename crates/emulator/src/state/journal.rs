//! The log of API requests: what a client asked, and whether anything changed. Tests count with it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::Request;

/// One request as it was seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogEntry {
    /// Counts from 1.
    pub seq: u64,
    /// The emulator's time.
    pub time: DateTime<Utc>,
    /// Upper-case method.
    pub method: String,
    /// Path and query as sent.
    pub path: String,
    /// Organization of the route.
    pub organization: String,
    /// Route family.
    pub family: Family,
    /// Status of the answer; 0 when the connection was cut without one.
    pub status: u16,
    /// The request changed something.
    pub write: bool,
    /// Work items it was about.
    pub work_items: Vec<i64>,
}

/// A group of routes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Family {
    /// Single work items, lists of them and their revisions and updates.
    WorkItems,
    /// `workitemsbatch`.
    WorkItemsBatch,
    /// `$batch`.
    Batch,
    /// WIQL.
    Wiql,
    /// Work item comments.
    Comments,
    /// Attachments.
    Attachments,
    /// The reporting feeds.
    Reporting,
    /// Recycle bin.
    RecycleBin,
    /// Types, states, fields, categories, relation types.
    Definitions,
    /// Areas, iterations, tags.
    Classification,
    /// Teams' settings, backlogs and boards.
    Boards,
    /// Projects, teams, connection data, identities, profiles and members.
    Core,
    /// Service hook subscriptions.
    Hooks,
    /// Entra and the machine's metadata service: tokens and signing in.
    Token,
    /// Azure Resource Graph.
    ResourceGraph,
    /// Anything else.
    Other,
}

impl Family {
    /// The family of a request.
    pub fn of(request: &Request) -> Self {
        let path = request.path.to_ascii_lowercase();
        let Some((_, api)) = path.split_once("/_apis") else {
            const ENDINGS: [&str; 4] =
                ["/oauth2/v2.0/token", "/oauth2/v2.0/authorize", "/identity/oauth2/token", "/msi/token"];
            let token = ENDINGS.iter().any(|ending| path.ends_with(ending));
            return match () {
                () if token => Self::Token,
                () if path.starts_with("/providers/microsoft.resourcegraph/") => Self::ResourceGraph,
                () => Self::Other,
            };
        };
        let segments: Vec<&str> = api.split('/').filter(|s| !s.is_empty()).collect();
        match segments.as_slice() {
            ["wit", "$batch" | "%24batch", ..] => Self::Batch,
            ["wit", "workitemsbatch", ..] => Self::WorkItemsBatch,
            ["wit", "wiql", ..] => Self::Wiql,
            ["wit", "workitems", _, "comments", ..] => Self::Comments,
            ["wit", "workitems" | "workitemsdelete" | "revisions" | "updates", ..] => Self::WorkItems,
            ["wit", "attachments", ..] => Self::Attachments,
            ["wit", "reporting", ..] => Self::Reporting,
            ["wit", "recyclebin", ..] => Self::RecycleBin,
            ["wit", "classificationnodes" | "tags", ..] => Self::Classification,
            ["wit", ..] => Self::Definitions,
            ["work", ..] => Self::Boards,
            ["hooks", ..] => Self::Hooks,
            ["projects" | "teams" | "connectiondata" | "resourceareas" | "identities" | "security", ..]
            | ["profile" | "accounts" | "userentitlements" | "serviceprincipalentitlements", ..] => {
                Self::Core
            }
            _ => Self::Other,
        }
    }
}

/// Sums over the log.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Counters {
    /// All requests.
    pub requests: u64,
    /// Requests that changed something.
    pub writes: u64,
    /// Requests by family.
    pub families: BTreeMap<Family, u64>,
    /// Writes by family.
    pub writes_by_family: BTreeMap<Family, u64>,
}

/// How many entries are kept; counters go on.
const KEPT: usize = 100_000;

#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Journal {
    entries: Vec<LogEntry>,
    counters: Counters,
    last: u64,
}

impl Journal {
    pub(crate) fn record(
        &mut self,
        time: DateTime<Utc>,
        request: &Request,
        organization: String,
        status: u16,
        write: bool,
        work_items: &[i64],
    ) {
        self.last += 1;
        let family = Family::of(request);
        self.counters.requests += 1;
        *self.counters.families.entry(family).or_default() += 1;
        if write {
            self.counters.writes += 1;
            *self.counters.writes_by_family.entry(family).or_default() += 1;
        }
        let path = match request.query.as_str() {
            "" => request.path.clone(),
            query => format!("{}?{query}", request.path),
        };
        if self.entries.len() >= KEPT {
            self.entries.drain(..KEPT / 2);
        }
        self.entries.push(LogEntry {
            seq: self.last,
            time,
            method: request.method.clone(),
            path,
            organization,
            family,
            status,
            write,
            work_items: work_items.to_vec(),
        });
    }

    pub(crate) fn since(&self, seq: u64) -> &[LogEntry] {
        &self.entries[self.entries.partition_point(|e| e.seq <= seq)..]
    }

    pub(crate) fn counters(&self) -> Counters {
        self.counters.clone()
    }
}
