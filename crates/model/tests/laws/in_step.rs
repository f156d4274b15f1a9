//! A ticket that is kept in step with a board while a person works there, as the engine does it: absorb, merge, follow,
//! announce, write, absorb. Beside it stands a book of what the person did, which the laws are checked against.

use chrono::{DateTime, Utc};
use model::board::{Change, WorkItem};
use model::map::{Meaning, StatusMap};
use model::merge::{Base, Desired, Outcome, Owners, Rules, UpdateIntent, merge};
use model::{Status, block};

use crate::board::Board;

pub(crate) const TOKEN: &str = "LS-ABCDEFGH";

/// How far a write comes before the process dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// All steps are taken and the answer arrives.
    Done,
    /// So many steps are taken (perhaps all); no answer arrives.
    Cut(usize),
}

/// What a person did and has not taken back.
#[derive(Clone, Debug, Default)]
pub(crate) struct Book {
    pub(crate) title: Option<String>,
    pub(crate) priority: Option<Option<i64>>,
    pub(crate) severity: Option<Option<String>>,
    pub(crate) due_date: Option<Option<DateTime<Utc>>>,
    /// The words of our block as the person left them.
    pub(crate) block: Option<Option<String>>,
    /// Text in front of everything we wrote, and behind.
    pub(crate) around: (String, String),
    /// Tags (lower case) the person added, in the state of being there.
    pub(crate) added_tags: Vec<String>,
    /// Tags (lower case) of ours the person took away.
    pub(crate) removed_tags: Vec<String>,
    /// The card stands elsewhere than we last saw it, by the person's hand.
    pub(crate) moved: bool,
}

pub(crate) struct InStep {
    pub(crate) board: Board,
    pub(crate) map: StatusMap,
    pub(crate) base: Base,
    pub(crate) desired: Desired,
    pub(crate) intent: Option<UpdateIntent>,
    /// The item right after the last step of a write whose answer did not arrive; the board's history tells it.
    reached: Option<WorkItem>,
    pub(crate) book: Book,
    /// What Lockstep wanted when it and the board last agreed.
    pub(crate) wished: Desired,
    /// The same before writes whose outcome was in doubt: a base may still stand there.
    pub(crate) doubtful: Vec<Desired>,
    /// The item as the last turn left it.
    seen: WorkItem,
    pub(crate) owners: Owners,
    /// A person set a field to what we wished for, at some time: it may be taken for theirs from then on.
    pub(crate) coincided: bool,
}

fn lower(tag: &str) -> String {
    tag.to_lowercase()
}

fn has(tags: &[String], tag: &str) -> bool {
    tags.iter().any(|other| lower(other) == lower(tag))
}

impl InStep {
    pub(crate) fn new(board: Board, map: StatusMap, desired: Desired) -> Self {
        let base = Base::of_created(&board.item, &desired, TOKEN);
        Self {
            map,
            base,
            wished: desired.clone(),
            desired,
            intent: None,
            reached: None,
            book: Book::default(),
            doubtful: Vec::new(),
            seen: board.item.clone(),
            owners: Owners::default(),
            coincided: false,
            board,
        }
    }

    pub(crate) fn words_of_block(&self) -> Option<String> {
        block::words(self.board.item.description.as_deref()?, TOKEN)
    }

    pub(crate) fn rules(&self) -> Rules<'_> {
        Rules {
            status_map: &self.map,
            work_item_type: &self.board.process,
            board: self.board.layout.as_ref(),
            token: TOKEN,
            owners: self.owners,
            chosen: None,
        }
    }

    /// A person changes the item.
    pub(crate) fn person(&mut self, edit: impl FnOnce(&mut Board)) {
        let before = self.board.item.clone();
        edit(&mut self.board);
        if self.board.item != before {
            self.board.item.revision += 1;
        }
    }

    /// Writes into the book what the person did since the last turn. What was undone in between nobody can know.
    fn keep_book(&mut self) {
        let (before, item) = (&self.seen, &self.board.item);
        if item.title != before.title {
            self.book.title = Some(item.title.clone());
        }
        if item.priority != before.priority {
            self.book.priority = Some(item.priority);
        }
        if item.severity != before.severity {
            self.book.severity = Some(item.severity.clone());
        }
        if item.due_date != before.due_date {
            self.book.due_date = Some(item.due_date);
        }
        let words = |text: &Option<String>| block::words(text.as_deref()?, TOKEN);
        if words(&item.description) != words(&before.description) {
            self.book.block = Some(words(&item.description));
        }
        for tag in item.tags.iter().filter(|tag| !has(&before.tags, tag)) {
            self.book.added_tags.push(lower(tag));
            self.book.removed_tags.retain(|removed| *removed != lower(tag));
        }
        for tag in before.tags.iter().filter(|tag| !has(&item.tags, tag)) {
            self.book.added_tags.retain(|added| *added != lower(tag));
            if has(&self.wished.tags, tag) {
                self.book.removed_tags.push(lower(tag));
            }
        }
        let column_moved = matches!((&before.column, &item.column), (Some(was), Some(is)) if was != is);
        self.book.moved |= column_moved || before.state != item.state;
    }

    /// One turn of the loop. The laws about the person's own things are checked in it, whatever happens.
    pub(crate) fn turn(&mut self, fate: Fate) -> Outcome {
        self.keep_book();
        if let (Some(intent), Some(reached)) = (self.intent.take(), self.reached.take()) {
            self.base.absorb(&intent, &reached, TOKEN);
        }
        let outcome = merge(&self.base, &self.desired, &self.board.item, self.rules());
        if outcome.follow.is_some() {
            assert!(self.book.moved, "nobody moved the card, but it was read so: {:?}", outcome.follow);
        }
        let outcome = match outcome.follow {
            None => outcome,
            Some(meaning) => {
                match meaning {
                    Meaning::Identified => self.desired.status = Status::Identified,
                    Meaning::InProgress => self.desired.status = Status::InProgress,
                    Meaning::Waiting => self.desired.status = Status::Waiting,
                    Meaning::Claimed => self.desired.status = Status::AwaitingValidation,
                    // It waits for a person with the right; the finding stays what it is.
                    Meaning::AcceptanceRequested | Meaning::FalsePositiveRequested | Meaning::Nothing => {}
                }
                self.desired.proved_by_scan = false;
                let base = Base { status: Some(self.desired.status), ..outcome.base };
                let outcome = merge(&base, &self.desired, &self.board.item, self.rules());
                assert_eq!(outcome.follow, None, "one move is followed once");
                outcome
            }
        };
        self.check_conflicts(&outcome);
        let words = self.words_of_block();
        let taken = match fate {
            Fate::Done => outcome.writes.len(),
            Fate::Cut(steps) => steps.min(outcome.writes.len()),
        };
        let revision = self.board.item.revision;
        for change in &outcome.writes[..taken] {
            self.check_surroundings(change);
            self.board.apply(change);
            self.book.moved = false;
        }
        self.base = outcome.base.clone();
        if !outcome.writes.is_empty() {
            let intent = UpdateIntent {
                revision,
                positions: outcome.positions.clone(),
                change: outcome.writes.last().cloned().unwrap_or_default(),
                wanted: self.desired.clone(),
            };
            if fate == Fate::Done {
                self.base.absorb(&intent, &self.board.item, TOKEN);
            } else {
                self.doubtful.push(self.wished.clone());
                self.intent = Some(intent);
                self.reached = (taken > 0).then(|| self.board.item.clone());
            }
        }
        let complete = taken == outcome.writes.len();
        if complete {
            self.book.moved = false;
        }
        self.note_agreement(complete);
        self.check_book(words);
        self.seen = self.board.item.clone();
        outcome
    }

    /// Turns until nothing is written any more, which must be soon.
    pub(crate) fn come_to_rest(&mut self) -> Outcome {
        self.board.settle();
        for _ in 0..3 {
            let outcome = self.turn(Fate::Done);
            if outcome.writes.is_empty() && outcome.follow.is_none() {
                let again = self.turn(Fate::Done);
                assert!(again.writes.is_empty(), "it came to rest and then wrote {:?}", again.writes);
                return again;
            }
        }
        let outcome = self.turn(Fate::Done);
        assert!(outcome.writes.is_empty(), "it does not come to rest: {:?}", outcome.fields);
        outcome
    }

    fn note_agreement(&mut self, complete: bool) {
        let (item, desired) = (&self.board.item, &self.desired);
        // Where the person and we say the same, the field is ours again, or stays the person's: nothing is lost either way.
        if item.title == desired.title.trim() {
            self.coincided |= self.book.title.take().is_some();
        }
        if desired.priority.is_some() && item.priority == desired.priority {
            self.coincided |= self.book.priority.take().is_some();
        }
        if desired.severity.is_some() && item.severity == desired.severity {
            self.coincided |= self.book.severity.take().is_some();
        }
        if item.due_date == desired.due_date {
            self.coincided |= self.book.due_date.take().is_some();
        }
        let wished = block::normalised(&block::wrap(TOKEN, &desired.block));
        if self.words_of_block() == Some(wished) {
            self.book.block = None;
        }
        if self.book.title.is_none() && (complete || item.title == desired.title.trim()) {
            self.wished.title = desired.title.clone();
        }
        if self.book.priority.is_none()
            && desired.priority.is_some()
            && (complete || item.priority == desired.priority)
        {
            self.wished.priority = desired.priority;
        }
        if self.book.block.is_none() && complete {
            self.wished.block = desired.block.clone();
        }
        // What we no longer want and want again later is a new wish.
        self.book.removed_tags.retain(|tag| has(&desired.tags, tag));
        if complete {
            self.wished.tags = desired.tags.clone();
        }
    }

    fn check_surroundings(&self, change: &Change) {
        let Some(text) = &change.description else { return };
        let (before, after) = &self.book.around;
        assert!(text.starts_with(before), "the text in front was touched: {text}");
        assert!(text.ends_with(after), "the text behind was touched: {text}");
    }

    fn check_conflicts(&self, outcome: &Outcome) {
        let listed = |field: &str| outcome.conflicts.iter().any(|conflict| conflict.field == field);
        let item = &self.board.item;
        let desired = &self.desired;
        let is_new = |differs: &dyn Fn(&Desired) -> bool| {
            std::iter::once(&self.wished).chain(&self.doubtful).all(differs)
        };
        let title = desired.title.trim();
        if self.book.title.is_some() && is_new(&|then| then.title.trim() != title) && title != item.title {
            assert!(listed("Title"), "{title:?} against {:?} is not shown", item.title);
        }
        if self.book.priority.is_some()
            && desired.priority.is_some()
            && is_new(&|then| then.priority != desired.priority)
            && desired.priority != item.priority
        {
            assert!(listed("Priority"), "the two priorities are not shown");
        }
        let wished = block::normalised(&desired.block);
        if self.book.block.is_some() && is_new(&|then| block::normalised(&then.block) != wished) {
            let same = self.words_of_block() == Some(block::normalised(&block::wrap(TOKEN, &desired.block)));
            assert!(same || listed("Description"), "the block that a person edited is not shown");
        }
    }

    /// What a person changed still stands.
    fn check_book(&self, words_before: Option<String>) {
        let item = &self.board.item;
        if let Some(title) = &self.book.title {
            assert_eq!(*title, item.title, "a person's title was overwritten");
        }
        if let Some(priority) = &self.book.priority {
            assert_eq!(*priority, item.priority, "a person's priority was overwritten");
        }
        if let Some(severity) = &self.book.severity {
            assert_eq!(*severity, item.severity, "a person's severity was overwritten");
        }
        if let Some(due_date) = &self.book.due_date {
            assert_eq!(*due_date, item.due_date, "a person's due date was overwritten");
        }
        if self.book.block.is_some() {
            assert_eq!(words_before, self.words_of_block(), "a block that a person edited was overwritten");
        }
        for tag in &self.book.added_tags {
            assert!(has(&item.tags, tag), "the person's tag {tag} was taken away");
        }
        for tag in &self.book.removed_tags {
            assert!(!has(&item.tags, tag), "the tag {tag} that a person took away was added again");
        }
    }
}
