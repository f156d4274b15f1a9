//! One work item in a service that behaves like Azure Boards where the merge could notice (azure-devops.md sections 6.1, 7.2, 7.3, 7.9).

use chrono::{DateTime, Utc};
use model::WorkItemId;
use model::board::{Change, NewDueDate, Person, WorkItem};
use model::merge::Desired;
use model::process::{BoardLayout, WorkItemType};
use model::{block, process::StateCategory};

/// What the service does to what is written. It is not the same everywhere, so all of it can be switched.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Habits {
    /// `<i>` is taken out of long texts.
    pub(crate) loses_italics: bool,
    /// `<div>` is taken out of long texts.
    pub(crate) loses_divisions: bool,
    /// Paragraphs get an attribute that nobody wrote.
    pub(crate) adds_attributes: bool,
    /// Tags come back in another order.
    pub(crate) reorders_tags: bool,
    /// The board's fields appear one read after the creation.
    pub(crate) board_comes_late: bool,
}

/// The service, seen from one work item.
#[derive(Clone, Debug)]
pub(crate) struct Board {
    pub(crate) item: WorkItem,
    pub(crate) layout: Option<BoardLayout>,
    pub(crate) process: WorkItemType,
    habits: Habits,
    /// The board's fields are there.
    settled: bool,
}

impl Board {
    pub(crate) fn create(
        process: WorkItemType,
        layout: Option<BoardLayout>,
        habits: Habits,
        desired: &Desired,
        token: &str,
    ) -> Self {
        let state = process.initial_state.clone().expect("every type has an initial state");
        let time = DateTime::<Utc>::UNIX_EPOCH;
        let item = WorkItem {
            id: WorkItemId(1),
            revision: 1,
            project: "Shop".into(),
            work_item_type: process.name.clone(),
            state,
            column: None,
            column_done: None,
            lane: None,
            title: desired.title.trim().to_owned(),
            priority: desired.priority,
            severity: desired.severity.clone(),
            due_date: desired.due_date,
            tags: desired.tags.clone(),
            description: None,
            description_is_markdown: false,
            assignee: None,
            area: String::new(),
            iteration: String::new(),
            created_at: time,
            created_by: Person::default(),
            changed_at: time,
            changed_by: Person::default(),
            hyperlinks: Vec::new(),
            attachments: Vec::new(),
            comment_count: 0,
            web_url: String::new(),
        };
        let mut board = Self { item, layout, process, habits, settled: false };
        board.item.description = Some(board.sanitised(&block::wrap(token, &desired.block)));
        if !habits.board_comes_late {
            board.settle();
        }
        board
    }

    /// The board has taken the card up.
    pub(crate) fn settle(&mut self) {
        if !self.settled {
            self.settled = true;
            self.item.column = self.column_of(&self.item.state);
        }
    }

    fn column_of(&self, state: &str) -> Option<String> {
        let of_type = |column: &&model::process::Column| {
            column.states.get(&self.process.name).is_some_and(|of| of == state)
        };
        Some(self.layout.as_ref()?.columns.iter().find(of_type)?.name.clone())
    }

    pub(crate) fn sanitised(&self, html: &str) -> String {
        let mut html = html.to_owned();
        if self.habits.loses_italics {
            html = html.replace("<i>", "").replace("</i>", "");
        }
        if self.habits.loses_divisions {
            html = html.replace("<div>", "").replace("</div>", "");
        }
        if self.habits.adds_attributes {
            html = html.replace("<p>", "<p style=\"box-sizing:border-box;\">");
        }
        html
    }

    /// One revision, whoever makes it. Panics if the service would refuse it, or if it would change nothing.
    pub(crate) fn apply(&mut self, change: &Change) {
        let before = self.item.clone();
        let mut state = change.state.clone();
        if let Some(column) = &change.column {
            let layout = self.layout.as_ref().expect("a column is only written where there is a board");
            assert!(self.item.column.is_some(), "the card is not on the board yet");
            let column = layout.column(column).expect("TF401320: the column does not exist");
            let of_column = column.states[&self.process.name].clone();
            assert!(state.is_none_or(|state| state == of_column), "state and column do not agree");
            state = Some(of_column);
            self.item.column = Some(column.name.clone());
        }
        if let Some(state) = state {
            let from = &before.state;
            let legal = self.process.transitions.get(from).is_some_and(|to| to.contains(&state));
            assert!(legal, "TF401320: {from} to {state} is not allowed");
            if change.column.is_none() && state != *from && self.settled {
                self.item.column = self.column_of(&state);
            }
            self.item.state = state;
        }
        if let Some(title) = &change.title {
            self.item.title = title.trim().to_owned();
        }
        self.item.priority = change.priority.or(self.item.priority);
        if let Some(severity) = &change.severity {
            self.item.severity = Some(severity.clone());
        }
        match change.due_date {
            Some(NewDueDate::At(date)) => self.item.due_date = Some(date),
            Some(NewDueDate::Cleared) => self.item.due_date = None,
            None => {}
        }
        if let Some(description) = &change.description {
            self.item.description = Some(self.sanitised(description));
        }
        if let Some(tags) = &change.tags {
            self.item.tags = tags.clone();
            if self.habits.reorders_tags {
                self.item.tags.sort_by_key(|tag| std::cmp::Reverse(tag.to_lowercase()));
            }
        }
        if let Some(lane) = &change.lane {
            self.item.lane = Some(lane.clone());
        }
        assert!(self.item != before || change.comment.is_some(), "a write that changes nothing: {change:?}");
        self.item.revision += 1;
    }

    /// The states a person may drag the card to.
    pub(crate) fn ways(&self) -> Vec<String> {
        let ways = self.process.transitions.get(&self.item.state);
        ways.into_iter().flatten().filter(|state| **state != self.item.state).cloned().collect()
    }

    pub(crate) fn category(&self) -> Option<StateCategory> {
        self.process.state(&self.item.state).map(|state| state.category)
    }
}
