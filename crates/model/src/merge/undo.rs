//! Putting back what a write of ours changed, as far as a work item can be put back: what was said in comments stays said,
//! and links stay.

use super::{Base, Field, FieldChange, Rules};
use crate::board::{Change, NewDueDate, WorkItem};
use crate::map::Position;
use crate::way::{Goal, way};

/// What puts back a write.
#[derive(Clone, Debug, PartialEq)]
pub struct Undo {
    /// Changes to send one after the other.
    pub writes: Vec<Change>,
    /// Positions after each of them.
    pub positions: Vec<Position>,
    /// The same for people.
    pub fields: Vec<FieldChange>,
}

/// What puts `now` back to `before`, in everything that `written` changed and in nothing else.
///
/// # Errors
/// Why it cannot be put back, as the end of a sentence.
pub fn undo(
    before: &WorkItem,
    now: &WorkItem,
    written: &[Change],
    rules: Rules<'_>,
    by: &str,
) -> Result<Undo, String> {
    let mut fields = Vec::new();
    let mut field = |name: &str, from: String, to: String| {
        fields.push(FieldChange {
            field: name.into(),
            from,
            to,
            reason: "what was applied is undone".into(),
            decided_by: Some(by.to_owned()),
        });
    };
    let wrote = |of: fn(&Change) -> bool| written.iter().any(of);
    let mut steps = Vec::new();
    if wrote(|change| change.state.is_some() || change.column.is_some()) {
        let column = before.column.clone().filter(|name| {
            let column = rules.board.and_then(|board| board.column(name));
            column
                .and_then(|column| column.states.get(&rules.work_item_type.name))
                .is_some_and(|state| state.eq_ignore_ascii_case(&before.state))
        });
        let goal = Goal {
            state: Some(before.state.clone()),
            column_done: before.column_done.filter(|_| column.is_some()),
            column,
            ..Goal::default()
        };
        steps = way(rules.work_item_type, rules.board, &Position::of(now), &goal)
            .map_err(|why| format!("its card cannot be moved back: {why}"))?;
        field(Field::State.label(), place(now), place(before));
    }
    let mut change = Change::default();
    if wrote(|change| change.title.is_some()) && before.title != now.title {
        change.title = Some(before.title.clone());
        field(Field::Title.label(), now.title.clone(), before.title.clone());
    }
    if wrote(|change| change.priority.is_some()) && before.priority != now.priority {
        change.priority = before.priority;
        let text = |value: Option<i64>| value.map(|value| value.to_string()).unwrap_or_default();
        field(Field::Priority.label(), text(now.priority), text(before.priority));
    }
    if wrote(|change| change.severity.is_some()) && before.severity != now.severity {
        change.severity.clone_from(&before.severity);
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        field(Field::Severity.label(), text(&now.severity), text(&before.severity));
    }
    if wrote(|change| change.due_date.is_some()) && before.due_date != now.due_date {
        change.due_date = Some(NewDueDate::of(before.due_date));
        let text = |item: &WorkItem| item.due_date.map(|at| at.date_naive().to_string()).unwrap_or_default();
        field(Field::DueDate.label(), text(now), text(before));
    }
    if wrote(|change| change.description.is_some()) && before.description != now.description {
        change.description = Some(before.description.clone().unwrap_or_default());
        change.description_is_markdown = before.description_is_markdown;
        field(Field::Description.label(), "what was applied".into(), "the text before it".into());
    }
    if wrote(|change| change.tags.is_some()) && before.tags != now.tags {
        change.tags = Some(before.tags.clone());
        field("Tags", now.tags.join("; "), before.tags.join("; "));
    }
    if wrote(|change| change.area.is_some()) && before.area != now.area {
        change.area = Some(before.area.clone());
        field("Area", now.area.clone(), before.area.clone());
    }
    if wrote(|change| change.lane.is_some())
        && let Some(lane) = before.lane.clone().filter(|lane| Some(lane) != now.lane.as_ref())
    {
        field("Lane", now.lane.clone().unwrap_or_default(), lane.clone());
        change.lane = Some(lane);
    }
    let (mut writes, mut positions) = (Vec::new(), Vec::new());
    let last = steps.pop();
    for (step, at) in steps {
        writes.push(step);
        positions.push(at);
    }
    match last {
        Some((step, at)) => {
            change.state = step.state;
            change.column = step.column;
            change.column_done = step.column_done;
            positions.push(at);
        }
        None if change.is_empty() => return Err("nothing of it can be put back".into()),
        None => positions.push(Position::of(now)),
    }
    writes.push(change);
    Ok(Undo { writes, positions, fields })
}

impl Base {
    /// What both sides agree on once a write was undone: what they had agreed on before it. `before` is the work item as it
    /// was then, `now` as it is again.
    #[must_use]
    pub fn put_back(mut self, before: &WorkItem, now: &WorkItem) -> Self {
        self.revision = now.revision;
        let was = Position::of(before);
        let stood = self.position.state.eq_ignore_ascii_case(&was.state)
            && (self.position.column.is_none() || self.position.column == was.column);
        // A move of a person that was overridden by the write is there again, and is read as one.
        if stood {
            self.position = Position::of(now);
        }
        self
    }
}

fn place(item: &WorkItem) -> String {
    match &item.column {
        Some(column) if *column != item.state => format!("{} ({column})", item.state),
        _ => item.state.clone(),
    }
}
