//! The merge: what both sides last agreed on, what Lockstep wants, what the board has; and what follows.
//!
//! A pure function of these three (design: "The merge"). It never decides what a finding is: a move of a card comes out
//! as [`Outcome::follow`], and the lifecycle decides what that does. Running it twice changes nothing; a person's change
//! is never overwritten, with one named exception: scan evidence beats a claim.

use serde::{Deserialize, Serialize};

use crate::block;
use crate::board::{Change, WorkItem};
use crate::map::{Meaning, Position, StatusMap};
use crate::placement::{StateDecision, merge_state, moved, place};
use crate::process::{BoardLayout, WorkItemType};
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
}

/// What both sides last agreed on for one field.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agreed<T> {
    /// What we wanted then.
    pub ours: T,
    /// What stood on the board then.
    pub theirs: T,
    /// A person changed it: it is theirs from then on.
    #[serde(default)]
    pub touched: bool,
}

impl<T: Clone + PartialEq> Agreed<T> {
    /// What stands on the board now, which only a person can have changed.
    fn observe(&mut self, theirs: &T) {
        if *theirs != self.theirs {
            self.touched = true;
            self.theirs = theirs.clone();
        }
    }
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
}

impl Base {
    /// What is agreed on when Lockstep first meets a work item that it created with these wishes.
    pub fn of_created(item: &WorkItem, desired: &Desired, token: &str) -> Self {
        Self {
            revision: item.revision,
            status: None,
            position: Position::of(item),
            title: Agreed {
                ours: desired.title.trim().to_owned(),
                theirs: item.title.clone(),
                touched: false,
            },
            priority: Agreed { ours: desired.priority, theirs: item.priority, touched: false },
            severity: Agreed {
                ours: desired.severity.clone(),
                theirs: item.severity.clone(),
                touched: false,
            },
            block: Agreed {
                ours: Some(block::normalised(&desired.block)),
                theirs: item.description.as_deref().and_then(|text| block::words(text, token)),
                touched: false,
            },
            tags: desired.tags.clone(),
            tags_left: Vec::new(),
            lane_waits: desired.lane.is_some(),
        }
    }

    /// Takes over what a write of ours did, so that its traces are not read as a person's.
    ///
    /// `by` tells how sure it is that the item as read is what our write made of it. What we sent is compared with what
    /// stands there only where that is in doubt, because the service may word it differently than we did.
    pub fn absorb(&mut self, intent: &UpdateIntent, item: &WorkItem, token: &str, by: Authorship) {
        let certain = by == Authorship::Ours;
        let (wanted, change) = (&intent.wanted, &intent.change);
        self.revision = item.revision;
        let mut position = Position::of(item);
        let reached = |step: &Position| {
            step.state.eq_ignore_ascii_case(&item.state)
                && match (&step.column, &item.column) {
                    (Some(wished), Some(now)) => wished.eq_ignore_ascii_case(now),
                    _ => true,
                }
        };
        let arrived = intent.positions.last().is_some_and(reached);
        // The fields travel with the last step: a path that was cut on the way did not bring them. Each step makes
        // one revision (azure-devops.md section 7.2).
        let steps = i64::try_from(intent.positions.len()).unwrap_or(i64::MAX);
        let whole = certain && (arrived || item.revision >= intent.revision.saturating_add(steps));
        // A write that does not move the card says nothing about where it stands.
        if change.state.is_some() || change.column.is_some() {
            if self.position.column.is_none() && change.column.is_none() {
                // The board took the card up with this write; the next merge may wish for another of its columns.
                (position.column, position.column_done) = (None, None);
            }
            if arrived || whole {
                self.status = Some(wanted.status);
                self.position = position;
            } else if certain || intent.positions.iter().any(reached) {
                self.position = position;
            }
        }
        if let Some(title) = &change.title
            && (whole || title.trim() == item.title.trim())
        {
            let ours = wanted.title.trim().to_owned();
            self.title = Agreed { ours, theirs: item.title.clone(), touched: false };
        }
        if change.priority.is_some() && (whole || change.priority == item.priority) {
            self.priority = Agreed { ours: wanted.priority, theirs: item.priority, touched: false };
        }
        if change.severity.is_some() && (whole || change.severity == item.severity) {
            self.severity =
                Agreed { ours: wanted.severity.clone(), theirs: item.severity.clone(), touched: false };
        }
        if change.description.is_some() {
            let stands = item.description.as_deref().and_then(|text| block::words(text, token));
            let sent = block::normalised(&block::wrap(token, &wanted.block));
            if whole || stands.as_deref() == Some(sent.as_str()) {
                self.block =
                    Agreed { ours: Some(block::normalised(&wanted.block)), theirs: stands, touched: false };
            }
        }
        if let Some(tags) = &change.tags {
            if whole || same_set(tags, &item.tags) {
                self.tags = without(&wanted.tags, &self.tags_left);
            } else {
                // What we took away and is gone was not taken away by a person.
                self.tags.retain(|tag| contains(tags, tag) || contains(&item.tags, tag));
            }
        }
        if change.lane.is_some() && (whole || change.lane == item.lane) {
            self.lane_waits = false;
        }
    }
}

/// Who made the revision that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authorship {
    /// Our write, for certain: its own answer, or the next revision by our identity.
    Ours,
    /// Perhaps our write, perhaps somebody's.
    InDoubt,
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
}

/// Merges what was agreed on, what is wanted and what stands on the board.
pub fn merge(base: &Base, desired: &Desired, item: &WorkItem, rules: Rules<'_>) -> Outcome {
    let mut next = base.clone();
    next.revision = item.revision;
    let mut change = Change::default();
    let mut fields = Vec::new();
    let mut conflicts = Vec::new();

    // The service trims titles: what differs in the white space around it only is no difference.
    let wished_title = desired.title.trim().to_owned();
    if let Some(title) =
        merge_field("Title", &mut next.title, &wished_title, &item.title, &mut fields, &mut conflicts)
    {
        change.title = Some(title);
    }
    next.priority.observe(&item.priority);
    if desired.priority.is_some()
        && let Some(priority) = merge_field(
            "Priority",
            &mut next.priority,
            &desired.priority,
            &item.priority,
            &mut fields,
            &mut conflicts,
        )
    {
        change.priority = priority;
    }
    next.severity.observe(&item.severity);
    if desired.severity.is_some()
        && let Some(severity) = merge_field(
            "Severity",
            &mut next.severity,
            &desired.severity,
            &item.severity,
            &mut fields,
            &mut conflicts,
        )
    {
        change.severity = severity;
    }
    merge_block(&mut next, desired, item, rules.token, &mut change, &mut fields, &mut conflicts);
    merge_tags(&mut next, desired, item, &mut change, &mut fields);

    let position = Position::of(item);
    let theirs_moved = moved(&base.position, &position);
    let mut position_is_agreed = true;
    let follow;
    let mut steps = Vec::new();
    let mut unreachable = None;
    match merge_state(base, desired, &position, rules) {
        StateDecision::Agree => {
            follow = None;
            next.status = Some(desired.status);
            if !rules.status_map.accepts(desired.status, &position, rules.work_item_type)
                && let Some(target) = rules.status_map.target(desired.status)
            {
                conflicts.push(Conflict {
                    field: "State".into(),
                    ours: target_name(target),
                    theirs: position_name(&position),
                });
            }
        }
        StateDecision::Follow(meaning) => {
            follow = Some(meaning);
        }
        StateDecision::Place => {
            follow = None;
            // Until it is carried out, a move that evidence overrides remains a move: the evidence may change its mind.
            position_is_agreed = !theirs_moved;
            match place(desired.status, &position, rules) {
                Ok(way) => {
                    let reason =
                        if desired.proved_by_scan { "scan evidence" } else { "the findings' status changed" };
                    if let Some(last) = way.last() {
                        fields.insert(
                            0,
                            FieldChange {
                                field: if last.0.column.is_some() { "Column" } else { "State" }.into(),
                                from: position_name(&position),
                                to: position_name(&last.1),
                                reason: format!("{reason}: {}", desired.status.label()),
                            },
                        );
                        change.comment = desired.evidence.clone();
                    } else {
                        next.status = Some(desired.status);
                    }
                    steps = way;
                }
                Err(why) => unreachable = Some(why),
            }
        }
    }
    if position_is_agreed {
        next.position = position.clone();
    }

    merge_lane(&mut next, desired, item, follow.is_some(), &mut change, &mut fields);

    let mut writes = Vec::new();
    let mut positions = Vec::new();
    let last = steps.pop();
    for (step, at) in steps {
        writes.push(step);
        positions.push(at);
    }
    if let Some((step, at)) = last {
        change.state = step.state;
        change.column = step.column;
        change.column_done = step.column_done;
        positions.push(at);
    } else if !change.is_empty() {
        positions.push(position);
    }
    if !change.is_empty() {
        writes.push(change);
    }
    Outcome { follow, writes, positions, fields, conflicts, base: next, unreachable }
}

/// One field: ours until a person changes it on the board. Answers what to write.
fn merge_field<T: Clone + PartialEq + Show>(
    name: &str,
    agreed: &mut Agreed<T>,
    ours: &T,
    theirs: &T,
    fields: &mut Vec<FieldChange>,
    conflicts: &mut Vec<Conflict>,
) -> Option<T> {
    let stood = agreed.theirs.clone();
    agreed.observe(theirs);
    if theirs == ours {
        // Both say the same. It is ours again only if a person took the change back; if we came to wish for what a person
        // had set, it stays theirs.
        let taken_back = stood != *theirs && *ours == agreed.ours;
        let touched = agreed.touched && !taken_back;
        *agreed = Agreed { ours: ours.clone(), theirs: theirs.clone(), touched };
        return None;
    }
    if *ours == agreed.ours {
        // We want nothing new: the service words it differently than we sent it, or a person decided otherwise.
        return None;
    }
    if agreed.touched {
        conflicts.push(Conflict { field: name.to_owned(), ours: ours.show(), theirs: theirs.show() });
        return None;
    }
    fields.push(FieldChange {
        field: name.to_owned(),
        from: theirs.show(),
        to: ours.show(),
        reason: "changed in Lockstep, untouched on the board".into(),
    });
    Some(ours.clone())
}

fn merge_block(
    next: &mut Base,
    desired: &Desired,
    item: &WorkItem,
    token: &str,
    change: &mut Change,
    fields: &mut Vec<FieldChange>,
    conflicts: &mut Vec<Conflict>,
) {
    let ours = Some(block::normalised(&desired.block));
    let text = item.description.as_deref().unwrap_or_default();
    let theirs = block::words(text, token);
    let agreed = &mut next.block;
    agreed.observe(&theirs);
    if agreed.ours == ours {
        return;
    }
    if theirs.as_deref() == Some(block::normalised(&block::wrap(token, &desired.block)).as_str()) {
        // It says so already, whoever wrote it.
        *agreed = Agreed { ours, theirs, touched: false };
        return;
    }
    let replaced = block::replace(text, token, &desired.block);
    match replaced {
        Some(replaced) if !agreed.touched && !item.description_is_markdown => {
            fields.push(FieldChange {
                field: "Description".into(),
                from: "our block as it was".into(),
                to: "our block brought up to date; the text around it stays".into(),
                reason: "the findings changed".into(),
            });
            change.description = Some(replaced);
        }
        _ => conflicts.push(Conflict {
            field: "Description".into(),
            ours: "our block brought up to date".into(),
            theirs: "the block was edited or removed on the board".into(),
        }),
    }
}

/// Tags are a set: we add and take away only our own, and never add again what a person took away.
fn merge_tags(
    next: &mut Base,
    desired: &Desired,
    item: &WorkItem,
    change: &mut Change,
    fields: &mut Vec<FieldChange>,
) {
    let stands = |tag: &String| contains(&item.tags, tag);
    // Ours and gone: a person took it away. There and not ours: a person set it.
    let decided_by_people =
        |tag: &&String| contains(&next.tags_left, tag) || contains(&next.tags, tag) != stands(tag);
    next.tags_left = desired.tags.iter().filter(decided_by_people).cloned().collect();
    next.tags.retain(stands);
    let add = desired.tags.iter().filter(|tag| !stands(tag) && !contains(&next.tags_left, tag));
    let kept = item.tags.iter().filter(|tag| !contains(&next.tags, tag) || contains(&desired.tags, tag));
    let wanted: Vec<String> = kept.chain(add).cloned().collect();
    if same_set(&wanted, &item.tags) {
        next.tags = without(&desired.tags, &next.tags_left);
        return;
    }
    fields.push(FieldChange {
        field: "Tags".into(),
        from: item.tags.join("; "),
        to: wanted.join("; "),
        reason: "our tags changed; others stay".into(),
    });
    change.tags = Some(wanted);
}

/// The lane is ours until the card stands in one: people move it from then on.
fn merge_lane(
    next: &mut Base,
    desired: &Desired,
    item: &WorkItem,
    follows: bool,
    change: &mut Change,
    fields: &mut Vec<FieldChange>,
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
    fields.push(FieldChange {
        field: "Lane".into(),
        from: String::new(),
        to: lane.clone(),
        reason: "lane of the destination for new work items".into(),
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

fn contains(tags: &[String], tag: &str) -> bool {
    tags.iter().any(|other| other.to_lowercase() == tag.to_lowercase())
}

fn without(tags: &[String], others: &[String]) -> Vec<String> {
    tags.iter().filter(|tag| !contains(others, tag)).cloned().collect()
}

fn same_set(a: &[String], b: &[String]) -> bool {
    a.iter().all(|tag| contains(b, tag)) && b.iter().all(|tag| contains(a, tag))
}

/// How a value is shown to people.
trait Show {
    fn show(&self) -> String;
}

impl Show for String {
    fn show(&self) -> String {
        self.clone()
    }
}

impl Show for Option<String> {
    fn show(&self) -> String {
        self.clone().unwrap_or_else(|| "(empty)".into())
    }
}

impl Show for Option<i64> {
    fn show(&self) -> String {
        self.map_or_else(|| "(empty)".into(), |value| value.to_string())
    }
}
