//! Where a work item is when it is not where it was put: moved, of another type, merged, copied, gone. Which mends are
//! offered for that, and how statuses are said in a process that is not the destination's.
//!
//! Pure: what was read of the board comes in as values. What is done about it is the engine's.

use serde::{Deserialize, Serialize};

use crate::approval::Approval;
use crate::board::{Draft, ItemLink, WorkItem};
use crate::map::{StatusEntry, StatusMap, Target};
use crate::merge::{Desired, UpdateIntent};
use crate::process::{BoardLayout, StateCategory, WorkItemType};
use crate::{DestinationId, PlanApplyId, Status, TicketId, WorkItemId};

/// What becomes of a ticket whose work item was deleted on the board.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum DeletionPolicy {
    /// Nothing is written; the ticket says so and a person decides. People delete on purpose: whatever else we did by
    /// ourselves would be against somebody's will now and then.
    #[default]
    Ask,
    /// It is taken back out of the recycle bin.
    Restore,
    /// A new work item is made in its place. The old one stays deleted.
    Replace,
    /// The ticket ends; its findings have none from then on.
    Release,
}

/// What mends a ticket whose work item is not as it should be. Each is carried out by the next pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "repair", rename_all = "snake_case")]
pub enum Repair {
    /// Take the work item back out of the recycle bin.
    Restore,
    /// Make a new work item with a new key; the old one is remembered, never followed again.
    Replace,
    /// End the ticket: nothing is written for it any more, and its findings have no ticket.
    Release,
    /// It is right where it is: follow it there, and say no more about it.
    FollowThere,
    /// The ticket belongs to the destination that fits where its work item is.
    HandOver {
        /// That destination.
        destination: DestinationId,
    },
    /// Follow this work item from now on.
    Bind {
        /// Its number.
        work_item: WorkItemId,
    },
    /// It is known and meant to be so: go on, and say no more about it.
    Ignore,
    /// Its findings went to another ticket: close the work item as a duplicate of that one's, then end the ticket.
    MergeInto {
        /// That ticket.
        ticket: TicketId,
    },
    /// Close the work item and make a new one at another destination, linked to it.
    MoveTo {
        /// That destination.
        destination: DestinationId,
    },
}

impl Repair {
    /// The word for it, without what it leads to.
    pub const fn kind(self) -> RepairKind {
        match self {
            Self::Restore => RepairKind::Restore,
            Self::Replace => RepairKind::Replace,
            Self::Release => RepairKind::Release,
            Self::FollowThere => RepairKind::FollowThere,
            Self::HandOver { .. } => RepairKind::HandOver,
            Self::Bind { .. } => RepairKind::Bind,
            Self::Ignore => RepairKind::Ignore,
            Self::MergeInto { .. } => RepairKind::MergeInto,
            Self::MoveTo { .. } => RepairKind::MoveTo,
        }
    }

    /// What a person asked for, as the end of a sentence.
    pub fn wish(self) -> String {
        match self {
            Self::Restore => "take the work item out of the recycle bin".into(),
            Self::Replace => "make a new work item in its place".into(),
            Self::Release => "release the ticket".into(),
            Self::FollowThere => "follow the work item where it is".into(),
            Self::HandOver { .. } => "hand the ticket over to another destination".into(),
            Self::Bind { work_item } => format!("follow work item {work_item}"),
            Self::Ignore => "go on as it is".into(),
            Self::MergeInto { .. } => "close the work item as a duplicate of another ticket's".into(),
            Self::MoveTo { .. } => "make a new work item at another destination, and close this one".into(),
        }
    }
}

/// Kinds of [`Repair`], as they are offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RepairKind {
    /// See [`Repair::Restore`].
    Restore,
    /// See [`Repair::Replace`].
    Replace,
    /// See [`Repair::Release`].
    Release,
    /// See [`Repair::FollowThere`].
    FollowThere,
    /// See [`Repair::HandOver`].
    HandOver,
    /// See [`Repair::Bind`].
    Bind,
    /// See [`Repair::Ignore`].
    Ignore,
    /// See [`Repair::MergeInto`].
    MergeInto,
    /// See [`Repair::MoveTo`].
    MoveTo,
}

/// A repair that was asked for and is not carried out yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// What shall be done.
    pub repair: Repair,
    /// Who asked: a person's name, or the destination whose policy it is.
    pub by: String,
    /// The policy of the destination asked, not a person.
    #[serde(default)]
    pub by_policy: bool,
    /// How the work item that is left behind is closed before that.
    #[serde(default)]
    pub farewell: Option<ChosenState>,
    /// The ticket had ended. If it cannot be done, it has ended again.
    #[serde(default)]
    pub was_released: bool,
}

impl Order {
    /// What a person asked for.
    pub fn of_person(repair: Repair, by: impl Into<String>) -> Self {
        Self { repair, by: by.into(), by_policy: false, farewell: None, was_released: false }
    }
}

/// A state that a person chose for the work item of a ticket. It is over once the card stands there, once somebody on the
/// board moves it elsewhere, or once the findings are not what it says any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChosenState {
    /// The state.
    pub state: String,
    /// Who chose it.
    pub by: String,
    /// What the findings were together when it was chosen. None: it holds whatever they are, as a farewell does.
    #[serde(default)]
    pub says: Option<Status>,
}

/// A place that a person has agreed to: nothing is said about it any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Project.
    pub project: String,
    /// Work item type.
    pub work_item_type: String,
}

impl Place {
    /// Where a work item is, and as what.
    pub fn of(item: &WorkItem) -> Self {
        Self { project: item.project.clone(), work_item_type: item.work_item_type.clone() }
    }

    /// Names compare without case, as the service compares them.
    pub fn is_same(&self, project: &str, work_item_type: &str) -> bool {
        self.project.eq_ignore_ascii_case(project) && self.work_item_type.eq_ignore_ascii_case(work_item_type)
    }
}

/// A creation that was carried out, and whose work item could not be read since: it lay in the recycle bin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Unread {
    /// What was created.
    pub draft: Draft,
    /// What it made come true.
    pub wanted: Desired,
}

/// What is remembered of a ticket beside its fields, to follow its work item wherever it goes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Following {
    /// What is to be done about it next.
    pub order: Option<Order>,
    /// Other live work items that carry its key or one that it had before.
    pub copies: Vec<WorkItemId>,
    /// Of these, the ones that a person knows about.
    pub known_copies: Vec<WorkItemId>,
    /// Where a person agreed that the work item is.
    pub agreed_place: Option<Place>,
    /// A person said to go on although it was closed as a duplicate.
    pub merge_ignored: bool,
    /// It lay in the recycle bin when it was looked for last.
    pub was_recycled: bool,
    /// Its work item is known from the recycle bin alone.
    pub unread: Option<Box<Unread>>,
    /// It was adopted, and does not carry our key yet.
    pub unmarked: bool,
    /// It was released with what its findings were laid aside with, and comes back with it.
    pub laid_aside: bool,
    /// So often the destination's policy acted by itself.
    pub by_policy: u32,
    /// An update whose outcome was not known when the work item was found to be gone. It may have been carried out before.
    pub unsettled: Option<Box<UpdateIntent>>,
    /// Where a person wants the card next.
    pub chosen: Option<ChosenState>,
    /// The area that the work item shall be moved to, and who wants that.
    pub area: Option<ChosenState>,
    /// Links to other work items that the next creation sets.
    pub links: Vec<ItemLink>,
    /// Work items that could not be linked to: they are gone, or may not be seen.
    pub unlinkable: Vec<WorkItemId>,
    /// What a person approved to be written, until that is settled.
    pub approval: Option<Approval>,
    /// The apply that had its work item created: our writes that complete it belong to that.
    pub created_by: Option<PlanApplyId>,
    /// Who undid what was written last. The ticket is parked until a person lets it be tried again.
    pub undone_by: Option<String>,
}

impl Following {
    /// Copies that nobody has been told to leave alone.
    pub fn unknown_copies(&self) -> Vec<WorkItemId> {
        self.copies.iter().filter(|copy| !self.known_copies.contains(copy)).copied().collect()
    }

    /// Where the card goes next because a person wants it there.
    pub fn wanted_state(&self) -> Option<&ChosenState> {
        let farewell = self.order.as_ref().and_then(|order| order.farewell.as_ref());
        farewell.or(self.chosen.as_ref())
    }

    /// Forgets a chosen state that says what the findings are not any more.
    pub fn outgrow_choice(&mut self, status: Status) {
        self.chosen = self.chosen.take().filter(|chosen| chosen.says.is_none_or(|says| says == status));
    }
}

/// How a work item that was read stands to where its ticket wants it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Where it belongs.
    Home,
    /// In another project, perhaps as another type.
    Moved,
    /// In its project, as another type.
    Retyped,
    /// A person says that another work item is about the same. None: they did not say which.
    Merged(Option<WorkItemId>),
}

/// The reason of a closed work item that people give to duplicates, in the system processes (azure-devops.md section
/// 6.2). Localised servers word it otherwise; there a link tells.
const DUPLICATE: &str = "Duplicate";

/// How a work item stands. `reason` is the reason of its state; `duplicate_of` where a link of it says that it is a copy
/// of another item.
pub fn standing(
    item: &WorkItem,
    home: &Place,
    work_item_type: Option<&WorkItemType>,
    reason: Option<&str>,
    duplicate_of: Option<WorkItemId>,
) -> Standing {
    let is_over = work_item_type.and_then(|known| known.state(&item.state)).is_some_and(|state| {
        matches!(state.category, StateCategory::Resolved | StateCategory::Completed | StateCategory::Removed)
    });
    if is_over && (duplicate_of.is_some() || reason == Some(DUPLICATE)) {
        return Standing::Merged(duplicate_of);
    }
    if !home.project.eq_ignore_ascii_case(&item.project) {
        Standing::Moved
    } else if home.work_item_type.eq_ignore_ascii_case(&item.work_item_type) {
        Standing::Home
    } else {
        Standing::Retyped
    }
}

/// How a destination's statuses are said on a work item of another process: with the same state where the other type has
/// it, else with the first state of the same category. What has no state there is not said.
///
/// Columns belong to the board of the destination: what is said with one is said with the state behind it.
pub fn map_abroad(
    map: &StatusMap,
    board: Option<&BoardLayout>,
    home: &WorkItemType,
    abroad: &WorkItemType,
) -> StatusMap {
    let state = |target: &Target| {
        let by_column = || {
            let column = board?.column(target.column.as_deref()?)?;
            column.states.get(&home.name).cloned()
        };
        let name = target.state.clone().or_else(by_column)?;
        if let Some(same) = abroad.state(&name) {
            return Some(same.name.clone());
        }
        let category = home.state(&name)?.category;
        // A process without Resolved says it with what comes next to it.
        let of = |category| abroad.states.iter().find(|state| state.category == category);
        let found = of(category).or_else(|| match category {
            StateCategory::Resolved => of(StateCategory::InProgress),
            _ => None,
        });
        found.map(|state| state.name.clone())
    };
    let entries = map.0.iter().filter_map(|(status, entry)| {
        let target = Target { state: Some(state(&entry.target)?), ..Target::default() };
        let accepted = entry
            .accepted
            .iter()
            .filter_map(|other| Some(Target { state: Some(state(other)?), ..Target::default() }))
            .collect();
        Some((*status, StatusEntry { target, accepted, is_meant: entry.is_meant }))
    });
    StatusMap(entries.collect())
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::Status;
    use crate::process::{Column, State};

    fn of(name: &str, states: &[(&str, StateCategory)]) -> WorkItemType {
        WorkItemType {
            name: name.into(),
            reference_name: String::new(),
            states: states
                .iter()
                .map(|(name, category)| State { name: (*name).into(), category: *category })
                .collect(),
            initial_state: states.first().map(|(name, _)| (*name).to_owned()),
            transitions: BTreeMap::new(),
            fields: BTreeSet::new(),
        }
    }

    fn bug() -> WorkItemType {
        use StateCategory::{Completed, InProgress, Proposed, Resolved};
        of("Bug", &[("New", Proposed), ("Active", InProgress), ("Resolved", Resolved), ("Closed", Completed)])
    }

    #[test]
    fn statuses_are_said_abroad_with_the_same_state_or_one_that_means_the_same() {
        use StateCategory::{Completed, InProgress, Proposed};
        let issue = of("Issue", &[("To Do", Proposed), ("Active", InProgress), ("Done", Completed)]);
        let board = BoardLayout {
            name: "Stories".into(),
            columns: vec![Column {
                name: "In Review".into(),
                is_split: false,
                states: BTreeMap::from([("Bug".to_owned(), "Active".to_owned())]),
            }],
            lanes: Vec::new(),
        };
        let entry = StatusEntry::to;
        let map = StatusMap(BTreeMap::from([
            (Status::Identified, entry(Target::state("New"))),
            (Status::InProgress, entry(Target::state("active"))),
            (Status::Waiting, entry(Target::column("In Review"))),
            (Status::AwaitingValidation, entry(Target::state("Resolved"))),
            (Status::Fixed, entry(Target::state("Closed"))),
            (Status::RiskAccepted, entry(Target::column("gone"))),
        ]));
        let abroad = map_abroad(&map, Some(&board), &bug(), &issue);
        let said = |status| abroad.0.get(&status).and_then(|entry| entry.target.state.clone());
        assert_eq!(said(Status::Identified).as_deref(), Some("To Do"));
        assert_eq!(said(Status::InProgress).as_deref(), Some("Active"));
        assert_eq!(said(Status::Waiting).as_deref(), Some("Active"));
        assert_eq!(said(Status::AwaitingValidation).as_deref(), Some("Active"));
        assert_eq!(said(Status::Fixed).as_deref(), Some("Done"));
        assert_eq!(said(Status::RiskAccepted), None, "what has no state there is not said");
    }

    #[test]
    fn repairs_are_written_with_their_word_and_what_they_lead_to() {
        let bind = Repair::Bind { work_item: WorkItemId(7) };
        let text = serde_json::to_string(&bind).unwrap();
        assert_eq!(text, r#"{"repair":"bind","work_item":7}"#);
        assert_eq!(serde_json::from_str::<Repair>(&text).unwrap(), bind);
        assert_eq!(serde_json::to_string(&Repair::FollowThere).unwrap(), r#"{"repair":"follow_there"}"#);
    }

    #[test]
    fn a_copy_that_a_person_knows_is_not_told_again() {
        let following = Following {
            copies: vec![WorkItemId(3), WorkItemId(4)],
            known_copies: vec![WorkItemId(3)],
            ..Following::default()
        };
        assert_eq!(following.unknown_copies(), [WorkItemId(4)]);
    }
}
