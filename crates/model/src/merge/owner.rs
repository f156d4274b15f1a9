//! Whose value counts where both sides moved: the policy of a destination, and the decision itself.

use serde::{Deserialize, Serialize};

/// Whose value of a field counts if both sides changed it since they last agreed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Owner {
    /// Lockstep's value is written over the person's, which stays in the log and in the work item's history.
    Ours,
    /// The board's value stays, and nobody is asked.
    Theirs,
    /// The board's value stays until a person decides: both values are shown as a conflict.
    #[default]
    Ask,
}

impl Owner {
    /// The policy as the other side sees it.
    pub const fn mirrored(self) -> Self {
        match self {
            Self::Ours => Self::Theirs,
            Self::Theirs => Self::Ours,
            Self::Ask => Self::Ask,
        }
    }
}

/// The policy of a destination, field by field. Tags and links are sets, in which each side keeps its own; the state goes by
/// the status map; assignee, area, iteration and lane are the board's after the creation. None of these needs an owner.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Owners {
    /// Title.
    pub title: Owner,
    /// Priority.
    pub priority: Owner,
    /// Severity.
    pub severity: Owner,
    /// Our block in the description; the text around it is always the board's.
    pub description: Owner,
    /// Due date.
    pub due_date: Owner,
}

/// Which sides moved since both last agreed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moves {
    /// Lockstep wants something new.
    pub ours: bool,
    /// A person changed what stands on the board.
    pub theirs: bool,
    /// Both say the same by now.
    pub same: bool,
}

/// What follows for a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing new on either side.
    Rest,
    /// Both say the same: that is agreed now.
    Same,
    /// Ours counts.
    Ours,
    /// Theirs counts.
    Theirs,
    /// Both moved, and a person has to say whose value counts.
    Conflict,
}

/// The three-way merge of one field. It does not know which side is which: with the sides swapped and the policy mirrored
/// it says the mirrored thing.
pub const fn decide(moves: Moves, owner: Owner) -> Verdict {
    match (moves.same, moves.ours, moves.theirs, owner) {
        (true, ..) => Verdict::Same,
        (_, false, false, _) => Verdict::Rest,
        (_, true, false, _) | (_, true, true, Owner::Ours) => Verdict::Ours,
        (_, false, true, _) | (_, true, true, Owner::Theirs) => Verdict::Theirs,
        (_, true, true, Owner::Ask) => Verdict::Conflict,
    }
}
