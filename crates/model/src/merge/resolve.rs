//! A person decides a conflict: Lockstep's value is written, or the board's is agreed on.

use std::fmt;
use std::str::FromStr;

use super::{Base, Desired, KeptPlace};
use crate::block;
use crate::board::WorkItem;
use crate::map::Position;

/// A field on which both sides may differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Field {
    /// Title.
    Title,
    /// Priority.
    Priority,
    /// Severity.
    Severity,
    /// Due date.
    DueDate,
    /// Our block in the description.
    Description,
    /// State or column.
    State,
}

impl Field {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Title, Self::Priority, Self::Severity, Self::DueDate, Self::Description, Self::State];

    /// Name for people; conflicts carry it.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Title => "Title",
            Self::Priority => "Priority",
            Self::Severity => "Severity",
            Self::DueDate => "Due date",
            Self::Description => "Description",
            Self::State => "State",
        }
    }

    /// The word for it in addresses.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Title => "title",
            Self::Priority => "priority",
            Self::Severity => "severity",
            Self::DueDate => "due_date",
            Self::Description => "description",
            Self::State => "state",
        }
    }
}

impl FromStr for Field {
    type Err = ();

    /// By its word or its name, without regard to case.
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL
            .into_iter()
            .find(|field| field.word().eq_ignore_ascii_case(text) || field.label().eq_ignore_ascii_case(text))
            .ok_or(())
    }
}

/// Whose value a person decided for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// What Lockstep would write.
    Ours,
    /// What stands on the board.
    Theirs,
}

/// Why ours cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unresolvable {
    /// People keep the description as Markdown; our block is HTML (azure-devops.md section 7.9).
    Markdown,
}

impl fmt::Display for Unresolvable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Markdown => {
                f.write_str("the description was turned into Markdown on the board, and our text is HTML")
            }
        }
    }
}

/// Decides a conflict that the merge of these three showed. Ours is written by the next merge, unless a person changes
/// the field once more before; theirs is agreed on, and nobody is asked again until either side changes.
///
/// # Errors
/// If ours cannot be written.
pub fn resolve(
    base: &mut Base,
    field: Field,
    choice: Choice,
    by: &str,
    desired: &Desired,
    item: &WorkItem,
) -> Result<(), Unresolvable> {
    let takes_ours = choice == Choice::Ours;
    match field {
        Field::Title => base.title.resolve(takes_ours, desired.title.trim().to_owned(), by),
        Field::Priority => base.priority.resolve(takes_ours, desired.priority, by),
        Field::Severity => base.severity.resolve(takes_ours, desired.severity.clone(), by),
        Field::DueDate => base.due_date.resolve(takes_ours, desired.due_date, by),
        Field::Description if takes_ours && item.description_is_markdown => {
            return Err(Unresolvable::Markdown);
        }
        Field::Description => {
            base.block.resolve(takes_ours, Some(block::normalised(&desired.block)), by);
        }
        Field::State if takes_ours => {
            base.status = None;
            base.kept_place = None;
            base.place_decided_by = Some(by.to_owned());
        }
        Field::State => {
            base.kept_place = Some(KeptPlace { status: desired.status, position: Position::of(item) });
        }
    }
    Ok(())
}
