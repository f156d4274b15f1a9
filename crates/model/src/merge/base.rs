//! What is remembered between two merges: what Lockstep wants, what both sides last agreed on, and what a write of ours
//! makes of it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::scalar::Agreed;
use super::set::without;
use crate::block;
use crate::board::{Change, WorkItem};
use crate::map::Position;
use crate::rule::Places;
use crate::status::Status;

/// What Lockstep wants a work item to say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Desired {
    /// What the ticket's findings say together.
    pub status: Status,
    /// Title.
    pub title: String,
    /// Priority, 1 is most urgent.
    pub priority: Option<i64>,
    /// Severity as the board words it.
    pub severity: Option<String>,
    /// When it shall be fixed; `None` where nothing was set, or the type has no such field.
    #[serde(default)]
    pub due_date: Option<DateTime<Utc>>,
    /// Inner text of our block, as safe HTML.
    pub block: String,
    /// Our tags.
    pub tags: Vec<String>,
    /// Lane for a new card; people move it from then on.
    #[serde(default)]
    pub lane: Option<String>,
    /// Why the status is what it is, as safe HTML; travels with a move of the card.
    pub evidence: Option<String>,
    /// A scan gave the status: it stands against a move of the card in the meantime.
    pub proved_by_scan: bool,
    /// What is wrong with the templates: standard ones were used instead. For people here, never written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// Where the card belongs, beyond what the status map says.
    #[serde(default)]
    pub places: Places,
}

/// What both sides last agreed on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Base {
    /// Revision that was read.
    pub revision: i64,
    /// Status that the position was taken to say; `None` right after creation.
    pub status: Option<Status>,
    /// Where the card stood.
    pub position: Position,
    /// Title.
    pub title: Agreed<String>,
    /// Priority.
    pub priority: Agreed<Option<i64>>,
    /// Severity.
    pub severity: Agreed<Option<String>>,
    /// Due date.
    #[serde(default)]
    pub due_date: Agreed<Option<DateTime<Utc>>>,
    /// Words of our block.
    pub block: Agreed<Option<String>>,
    /// Tags that we added and that still stand there.
    pub tags: Vec<String>,
    /// Tags that we want and that people decided on: they set them before us, or took ours away. Left as they are.
    #[serde(default)]
    pub tags_left: Vec<String>,
    /// The card has not been put into its lane yet.
    #[serde(default)]
    pub lane_waits: bool,
    /// The place that a person let stand though it does not say this status. Nobody is asked again while both stay so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_place: Option<KeptPlace>,
    /// Who decided that the card is moved to where the status is said; until it stands there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place_decided_by: Option<String>,
}

/// A place of the card that a person let stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptPlace {
    /// The status that it does not say.
    pub status: Status,
    /// The place.
    pub position: Position,
}

impl Base {
    /// What is agreed on when Lockstep first meets a work item that it created with these wishes.
    pub fn of_created(item: &WorkItem, desired: &Desired, token: &str) -> Self {
        Self {
            revision: item.revision,
            status: None,
            position: Position::of(item),
            title: Agreed::on(desired.title.trim().to_owned(), item.title.clone()),
            priority: Agreed::on(desired.priority, item.priority),
            severity: Agreed::on(desired.severity.clone(), item.severity.clone()),
            due_date: Agreed::on(desired.due_date, item.due_date),
            block: Agreed::on(
                Some(block::normalised(&desired.block)),
                item.description.as_deref().and_then(|text| block::words(text, token)),
            ),
            tags: desired.tags.clone(),
            tags_left: Vec::new(),
            lane_waits: desired.lane.is_some(),
            kept_place: None,
            place_decided_by: None,
        }
    }

    /// Takes over what a write of ours made of the work item, so that its traces are not read as a person's.
    ///
    /// `item` is the work item right after the last step that was taken, not as people left it since. What stands there
    /// counts, not what was sent: the service may word it differently than we did.
    pub fn absorb(&mut self, intent: &UpdateIntent, item: &WorkItem, token: &str) {
        let (wanted, change) = (&intent.wanted, &intent.change);
        self.revision = item.revision;
        let mut position = Position::of(item);
        let arrived = intent.positions.last().is_some_and(|step| {
            step.state.eq_ignore_ascii_case(&item.state)
                && match (&step.column, &item.column) {
                    (Some(wished), Some(now)) => wished.eq_ignore_ascii_case(now),
                    _ => true,
                }
        });
        // The fields travel with the last step: a path that was cut on the way did not bring them. Each step makes
        // one revision (azure-devops.md section 7.2).
        let steps = i64::try_from(intent.positions.len()).unwrap_or(i64::MAX);
        let whole = arrived || item.revision >= intent.revision.saturating_add(steps);
        // A write that does not move the card says nothing about where it stands.
        if change.state.is_some() || change.column.is_some() {
            if self.position.column.is_none() && change.column.is_none() {
                // The board took the card up with this write; the next merge may wish for another of its columns.
                (position.column, position.column_done) = (None, None);
            }
            self.position = position;
        }
        if !whole {
            return;
        }
        if change.state.is_some() || change.column.is_some() {
            self.status = Some(wanted.status);
            self.place_decided_by = None;
        }
        if change.title.is_some() {
            self.title = Agreed::on(wanted.title.trim().to_owned(), item.title.clone());
        }
        if change.priority.is_some() {
            self.priority = Agreed::on(wanted.priority, item.priority);
        }
        if change.severity.is_some() {
            self.severity = Agreed::on(wanted.severity.clone(), item.severity.clone());
        }
        if change.due_date.is_some() {
            self.due_date = Agreed::on(wanted.due_date, item.due_date);
        }
        if change.description.is_some() {
            let stands = item.description.as_deref().and_then(|text| block::words(text, token));
            self.block = Agreed::on(Some(block::normalised(&wanted.block)), stands);
        }
        if change.tags.is_some() {
            self.tags = without(&wanted.tags, &self.tags_left);
        }
        if change.lane.is_some() {
            self.lane_waits = false;
        }
    }
}

/// A write that was announced in the database before it was sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UpdateIntent {
    /// Revision it was planned on.
    pub revision: i64,
    /// States and columns on the way, in order, with the last one.
    pub positions: Vec<Position>,
    /// Everything that changes but the steps on the way.
    pub change: Change,
    /// What it makes come true.
    pub wanted: Desired,
}
