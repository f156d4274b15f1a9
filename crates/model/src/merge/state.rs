//! Where a card stands and where it belongs: whether somebody moved it, and the steps by which we move it.

use super::{Base, Conflict, Desired, Field, FieldChange, Findings, Rules};
use crate::board::{Change, WorkItem};
use crate::content;
use crate::map::{Meaning, Position};
use crate::status::Status;
use crate::way::{Goal, NoWay, way};

/// What follows for the place of the card.
#[derive(Debug, Default)]
pub(super) struct Placed {
    /// A person moved the card.
    pub(super) follow: Option<Meaning>,
    /// Steps on the way to where it belongs.
    pub(super) steps: Vec<(Change, Position)>,
    /// The wished place cannot be reached: why.
    pub(super) unreachable: Option<String>,
}

/// What follows from where the card stands.
enum StateDecision {
    /// Nothing to write and nothing to follow.
    Agree,
    /// A person moved the card.
    Follow(Meaning),
    /// We move the card.
    Place,
}

/// Merges the place of the card.
pub(super) fn merge(
    base: &Base,
    next: &mut Base,
    desired: &Desired,
    item: &WorkItem,
    rules: Rules<'_>,
    change: &mut Change,
    findings: &mut Findings,
) -> Placed {
    let position = Position::of(item);
    let theirs_moved = moved(&base.position, &position);
    let mut placed = Placed::default();
    let decision = merge_state(base, desired, &position, rules);
    if !matches!(decision, StateDecision::Place) {
        next.place_decided_by = None;
    }
    if theirs_moved || next.kept_place.as_ref().is_some_and(|kept| kept.status != desired.status) {
        next.kept_place = None;
    }
    match decision {
        StateDecision::Agree => {
            if !stays_open(desired) || accepts(desired, &position, rules) {
                next.status = Some(desired.status);
            }
            if next.kept_place.is_none()
                && !accepts(desired, &position, rules)
                && let Some(target) = desired.places.target(desired.status, rules.status_map)
            {
                findings.conflicts.push(Conflict {
                    field: Field::State.label().into(),
                    ours: target_name(target),
                    theirs: position_name(&position),
                });
            }
        }
        StateDecision::Follow(meaning) => placed.follow = Some(meaning),
        StateDecision::Place => match place(desired, &position, rules) {
            Ok(way) => {
                let chooser = rules.chosen.map(|chosen| &chosen.by);
                if let Some(last) = way.last() {
                    let why = match &next.place_decided_by {
                        Some(by) => format!("{by} decided for Lockstep's value"),
                        None if chooser.is_some() => "a person chose the state".into(),
                        None if desired.proved_by_scan => "scan evidence".into(),
                        None => "the findings' status changed".into(),
                    };
                    let field = if last.0.column.is_some() { "Column" } else { Field::State.label() };
                    findings.fields.insert(
                        0,
                        FieldChange {
                            field: field.into(),
                            from: position_name(&position),
                            to: position_name(&last.1),
                            reason: format!("{why}: {}", desired.status.label()),
                            decided_by: next.place_decided_by.as_ref().or(chooser).cloned(),
                        },
                    );
                    let decided = next.place_decided_by.as_ref().map(|by| {
                        content::comment(&[format!(
                            "{by} decided: Lockstep says {}.",
                            desired.status.label()
                        )])
                    });
                    let words = [desired.evidence.as_deref(), decided.as_deref()].into_iter().flatten();
                    let words: String = words.collect();
                    if !words.is_empty() {
                        change.comment = Some(content::explanation(&words, rules.token));
                    }
                } else {
                    next.status = Some(desired.status);
                }
                placed.steps = way;
            }
            Err(why) => placed.unreachable = Some(why),
        },
    }
    // Until it is carried out, a move that evidence overrides remains a move: the evidence may change its mind.
    if !(theirs_moved && matches!(decision, StateDecision::Place)) {
        next.position = position;
    }
    placed
}

/// Who moved the card, and whose word counts.
fn merge_state(base: &Base, desired: &Desired, position: &Position, rules: Rules<'_>) -> StateDecision {
    let theirs_moved = moved(&base.position, position);
    let ours_moved = base.status != Some(desired.status);
    if let Some(chosen) = rules.chosen.filter(|_| !theirs_moved)
        && !chosen.state.eq_ignore_ascii_case(&position.state)
    {
        return StateDecision::Place;
    }
    let accepted = accepts(desired, position, rules);
    let has_target = desired.places.target(desired.status, rules.status_map).is_some();
    match (theirs_moved, ours_moved) {
        (false, false) if column_waits(base, desired, position, rules) && !accepted => StateDecision::Place,
        (false, false) => StateDecision::Agree,
        (false, true) if base.status.is_none() && begins_elsewhere(desired, position) => StateDecision::Place,
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

/// The rule leaves the card open although its findings are closed: that is not agreed on, so that it can be closed later,
/// unless people closed it.
fn stays_open(desired: &Desired) -> bool {
    desired.places.stays_open && !desired.status.is_open()
}

/// The rule names a state for new work items, and the card does not stand there.
fn begins_elsewhere(desired: &Desired, position: &Position) -> bool {
    let is_new = matches!(desired.status, Status::Identified | Status::Created);
    is_new && desired.places.initial.as_ref().is_some_and(|target| !target.matches(position))
}

fn accepts(desired: &Desired, position: &Position, rules: Rules<'_>) -> bool {
    desired.places.accepts(desired.status, position, rules.status_map, rules.work_item_type)
}

/// The board has taken up a card that stands in the right state, and the status is said with another of its columns.
fn column_waits(base: &Base, desired: &Desired, position: &Position, rules: Rules<'_>) -> bool {
    let appeared = base.position.column.is_none() && position.column.is_some();
    let wished =
        desired.places.target(desired.status, rules.status_map).and_then(|target| target.column.as_deref());
    let column = wished.and_then(|name| rules.board.and_then(|board| board.column(name)));
    let state = column.and_then(|column| column.states.get(&rules.work_item_type.name));
    appeared && state.is_some_and(|state| state.eq_ignore_ascii_case(&position.state))
}

/// The card stands elsewhere. A column that was not known before says nothing: boards add it after creation.
fn moved(from: &Position, to: &Position) -> bool {
    !from.state.eq_ignore_ascii_case(&to.state)
        || matches!((&from.column, &to.column), (Some(from), Some(to)) if !from.eq_ignore_ascii_case(to))
        || matches!((from.column_done, to.column_done), (Some(from), Some(to)) if from != to)
}

/// The steps from where the card stands to where a status is said.
fn place(
    desired: &Desired,
    position: &Position,
    rules: Rules<'_>,
) -> Result<Vec<(Change, Position)>, String> {
    let status = desired.status;
    let goal = match (rules.chosen, desired.places.target(status, rules.status_map)) {
        (Some(chosen), _) if !chosen.state.eq_ignore_ascii_case(&position.state) => {
            Goal { state: Some(chosen.state.clone()), ..Goal::default() }
        }
        (_, Some(target)) => Goal {
            state: target.state.clone(),
            column: target.column.clone(),
            column_done: target.done,
            // What is not on the board has no lane that could be written.
            lane: target.lane.clone().filter(|_| position.column.is_some()),
            ..Goal::default()
        },
        (_, None) => return Ok(Vec::new()),
    };
    way(rules.work_item_type, rules.board, position, &goal).map_err(|why| match why {
        NoWay::NoColumn { column } => format!(
            "the status map says {} with the column '{column}', which the board does not have any more",
            status.label()
        ),
        why => why.to_string(),
    })
}

/// The lane is ours until the card stands in one: people move it from then on.
pub(super) fn merge_lane(
    next: &mut Base,
    desired: &Desired,
    item: &WorkItem,
    follows: bool,
    change: &mut Change,
    findings: &mut Findings,
) {
    if !next.lane_waits {
        return;
    }
    let Some(lane) = desired.lane.as_ref().filter(|_| item.lane.is_none() && !follows) else {
        next.lane_waits = false;
        return;
    };
    if item.column.is_none() {
        // Boards add their fields after the creation, or never if the type is not shown.
        return;
    }
    findings.fields.push(FieldChange {
        field: "Lane".into(),
        from: String::new(),
        to: lane.clone(),
        reason: "lane of the destination for new work items".into(),
        decided_by: None,
    });
    change.lane = Some(lane.clone());
}

fn target_name(target: &crate::map::Target) -> String {
    target.column.clone().or_else(|| target.state.clone()).unwrap_or_default()
}

fn position_name(position: &Position) -> String {
    match &position.column {
        Some(column) if *column != position.state => format!("{} ({column})", position.state),
        _ => position.state.clone(),
    }
}
