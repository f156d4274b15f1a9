//! Where a card stands and where it belongs: whether somebody moved it, and the steps by which we move it.

use crate::board::Change;
use crate::map::{Meaning, Position};
use crate::merge::{Base, Desired, Rules};
use crate::status::Status;
use crate::way::{Goal, NoWay, way};

/// What follows from where the card stands.
pub(crate) enum StateDecision {
    /// Nothing to write and nothing to follow.
    Agree,
    /// A person moved the card.
    Follow(Meaning),
    /// We move the card.
    Place,
}

/// Who moved the card, and whose word counts.
pub(crate) fn merge_state(
    base: &Base,
    desired: &Desired,
    position: &Position,
    rules: Rules<'_>,
) -> StateDecision {
    let theirs_moved = moved(&base.position, position);
    let ours_moved = base.status != Some(desired.status);
    let accepted = rules.status_map.accepts(desired.status, position, rules.work_item_type);
    let has_target = rules.status_map.target(desired.status).is_some();
    match (theirs_moved, ours_moved) {
        (false, false) if column_waits(base, desired, position, rules) && !accepted => StateDecision::Place,
        (false, false) => StateDecision::Agree,
        _ if accepted => StateDecision::Agree,
        (false, true) if has_target => StateDecision::Place,
        (false, true) => StateDecision::Agree,
        (true, true) if desired.proved_by_scan && has_target && base.status.is_some() => StateDecision::Place,
        (true, _) => match rules.status_map.meaning(position, rules.work_item_type) {
            Meaning::Nothing => StateDecision::Agree,
            meaning => StateDecision::Follow(meaning),
        },
    }
}

/// The board has taken up a card that stands in the right state, and the status is said with another of its columns.
fn column_waits(base: &Base, desired: &Desired, position: &Position, rules: Rules<'_>) -> bool {
    let appeared = base.position.column.is_none() && position.column.is_some();
    let wished = rules.status_map.target(desired.status).and_then(|target| target.column.as_deref());
    let column = wished.and_then(|name| rules.board.and_then(|board| board.column(name)));
    let state = column.and_then(|column| column.states.get(&rules.work_item_type.name));
    appeared && state.is_some_and(|state| state.eq_ignore_ascii_case(&position.state))
}

/// The card stands elsewhere. A column that was not known before says nothing: boards add it after creation.
pub(crate) fn moved(from: &Position, to: &Position) -> bool {
    !from.state.eq_ignore_ascii_case(&to.state)
        || matches!((&from.column, &to.column), (Some(from), Some(to)) if !from.eq_ignore_ascii_case(to))
        || matches!((from.column_done, to.column_done), (Some(from), Some(to)) if from != to)
}

/// The steps from where the card stands to where a status is said.
pub(crate) fn place(
    status: Status,
    position: &Position,
    rules: Rules<'_>,
) -> Result<Vec<(Change, Position)>, String> {
    let Some(target) = rules.status_map.target(status) else { return Ok(Vec::new()) };
    let goal = Goal { state: target.state.clone(), column: target.column.clone(), ..Goal::default() };
    way(rules.work_item_type, rules.board, position, &goal).map_err(|why| match why {
        NoWay::NoColumn { column } => format!(
            "the status map says {} with the column '{column}', which the board does not have any more",
            status.label()
        ),
        why => why.to_string(),
    })
}
