//! The merge: what both sides last agreed on, what Lockstep wants, what the board has; and what follows.
//!
//! A pure function of these three and the policy of the destination (design: "The merge"). It never decides what a finding
//! is: a move of a card comes out as [`Outcome::follow`], and the lifecycle decides what that does. Running it twice changes
//! nothing; a person's change is never overwritten unless somebody said so, with one named exception: scan evidence beats a
//! claim.
//!
//! | file | subject |
//! |---|---|
//! | `owner` | whose value counts: the decision of every field, without its kind |
//! | `scalar` | fields with one value |
//! | `block` | our marked part of the long text |
//! | `set` | tags |
//! | `state` | where the card stands, and its lane |
//! | `comments` | what people say to each other, by id |
//! | `resolve` | a person decides a conflict |
//! | `base` | what is remembered from one merge to the next |
//! | `undo` | putting back what a write of ours changed |

mod base;
mod block;
pub mod comments;
mod owner;
mod resolve;
mod scalar;
mod set;
mod state;
mod undo;

use serde::{Deserialize, Serialize};

pub use base::{Base, Desired, KeptPlace, UpdateIntent};
pub use owner::{Moves, Owner, Owners, Verdict, decide};
pub use resolve::{Choice, Field, Unresolvable, resolve};
pub use scalar::Agreed;
pub use undo::{Undo, undo};

use crate::board::{Change, NewDueDate, WorkItem};
use crate::following::ChosenState;
use crate::map::{Meaning, Position, StatusMap};
use crate::process::{BoardLayout, WorkItemType};

/// A change of one field, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldChange {
    /// Field.
    pub field: String,
    /// What stands there.
    pub from: String,
    /// What shall stand there.
    pub to: String,
    /// Why.
    pub reason: String,
    /// The person who decided it, where one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<String>,
}

/// A field on which both sides differ because a person decided so on the board.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    /// Field.
    pub field: String,
    /// What Lockstep would write.
    pub ours: String,
    /// What stands on the board and is left alone.
    pub theirs: String,
}

/// What follows from a merge.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// A person moved the card: what that says. To be given to the lifecycle; what the findings say then is the agreed
    /// status of this place, even if the move had no effect (that shows as a conflict).
    pub follow: Option<Meaning>,
    /// Changes to send one after the other: steps on the way to a state, then everything else. Empty: nothing to write.
    pub writes: Vec<Change>,
    /// Positions after each of `writes`.
    pub positions: Vec<Position>,
    /// The same for people.
    pub fields: Vec<FieldChange>,
    /// Fields on which both sides differ.
    pub conflicts: Vec<Conflict>,
    /// What is agreed on once `follow` is carried out and before anything is written.
    pub base: Base,
    /// The wished place cannot be reached: why.
    pub unreachable: Option<String>,
}

/// Rules of the destination that the merge needs.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'a> {
    /// How statuses are said.
    pub status_map: &'a StatusMap,
    /// Workflow of the work item's type.
    pub work_item_type: &'a WorkItemType,
    /// Board of the destination.
    pub board: Option<&'a BoardLayout>,
    /// The ticket's token.
    pub token: &'a str,
    /// Whose value counts where both sides moved.
    pub owners: Owners,
    /// The state that a person here wants the card in next, and who: it is moved there unless somebody on the board moved it.
    pub chosen: Option<&'a ChosenState>,
}

/// What a merge finds on its way, for people.
#[derive(Debug, Default)]
struct Findings {
    fields: Vec<FieldChange>,
    conflicts: Vec<Conflict>,
}

/// Merges what was agreed on, what is wanted and what stands on the board.
pub fn merge(base: &Base, desired: &Desired, item: &WorkItem, rules: Rules<'_>) -> Outcome {
    let mut next = base.clone();
    next.revision = item.revision;
    let mut change = Change::default();
    let mut findings = Findings::default();
    let owners = rules.owners;

    // The service trims titles: what differs in the white space around it only is no difference.
    let title = desired.title.trim().to_owned();
    change.title =
        scalar::merge(Field::Title, &mut next.title, &title, &item.title, owners.title, &mut findings);
    next.priority.observe(&item.priority);
    if desired.priority.is_some() {
        let (ours, theirs) = (&desired.priority, &item.priority);
        change.priority =
            scalar::merge(Field::Priority, &mut next.priority, ours, theirs, owners.priority, &mut findings)
                .flatten();
    }
    next.severity.observe(&item.severity);
    if desired.severity.is_some() {
        let (ours, theirs) = (&desired.severity, &item.severity);
        change.severity =
            scalar::merge(Field::Severity, &mut next.severity, ours, theirs, owners.severity, &mut findings)
                .flatten();
    }
    let (ours, theirs) = (&desired.due_date, &item.due_date);
    change.due_date =
        scalar::merge(Field::DueDate, &mut next.due_date, ours, theirs, owners.due_date, &mut findings)
            .map(NewDueDate::of);
    block::merge(&mut next, desired, item, rules, &mut change, &mut findings);
    set::merge(&mut next, desired, item, &mut change, &mut findings);

    let placed = state::merge(base, &mut next, desired, item, rules, &mut change, &mut findings);
    state::merge_lane(&mut next, desired, item, placed.follow.is_some(), &mut change, &mut findings);

    let mut writes = Vec::new();
    let mut positions = Vec::new();
    let mut steps = placed.steps;
    let last = steps.pop();
    for (step, at) in steps {
        writes.push(step);
        positions.push(at);
    }
    if let Some((step, at)) = last {
        change.state = step.state;
        change.column = step.column;
        change.column_done = step.column_done;
        change.lane = step.lane.or(change.lane);
        positions.push(at);
    } else if !change.is_empty() {
        positions.push(Position::of(item));
    }
    if !change.is_empty() {
        writes.push(change);
    }
    Outcome {
        follow: placed.follow,
        writes,
        positions,
        fields: findings.fields,
        conflicts: findings.conflicts,
        base: next,
        unreachable: placed.unreachable,
    }
}
