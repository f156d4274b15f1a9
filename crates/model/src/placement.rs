//! Where a card stands and where it belongs: whether somebody moved it, and the steps by which we move it.

use crate::board::Change;
use crate::map::{Meaning, Position};
use crate::merge::{Base, Desired, Rules};
use crate::status::Status;

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
    // An item that is not on the board (another area, or bugs kept off it) is moved by the column's state.
    let on_board = position.column.is_some();
    let column = target.column.as_deref().and_then(|name| rules.board.and_then(|board| board.column(name)));
    let state_of_column = column.and_then(|column| column.states.get(&rules.work_item_type.name));
    let goal = match (&target.state, state_of_column) {
        (Some(state), _) => state.clone(),
        (None, Some(state)) => state.clone(),
        (None, None) => {
            return Err(format!(
                "the status map says {} with the column '{}', which the board does not have any more",
                status.label(),
                target.column.as_deref().unwrap_or_default()
            ));
        }
    };
    let path = rules.work_item_type.path(&position.state, &goal).ok_or_else(|| {
        format!(
            "{} cannot go from '{}' to '{goal}' without passing through a closed state",
            rules.work_item_type.name, position.state
        )
    })?;
    let mut steps: Vec<(Change, Position)> = path
        .into_iter()
        .map(|state| {
            let at = Position { state: state.clone(), column: None, column_done: None };
            (Change { state: Some(state), ..Change::default() }, at)
        })
        .collect();
    if let Some(column) = column.filter(|_| on_board)
        && !position
            .column
            .as_deref()
            .is_some_and(|now| now.eq_ignore_ascii_case(&column.name) && steps.is_empty())
    {
        let at = Position { state: goal, column: Some(column.name.clone()), column_done: None };
        let by_column = Change { column: Some(column.name.clone()), ..Change::default() };
        // The column sets the state by itself (azure-devops.md section 6.1).
        steps.pop();
        steps.push((by_column, at));
    }
    Ok(steps)
}
