//! Walking a card to its place: one update per step of the way ([`model::way`]), each on the revision that the step
//! before made, each looked at when it has answered.
//!
//! The caller announces the whole way before the first step and may do something between steps; here nothing is retried
//! and nothing is planned again. A way stops at its first error.

use chrono::{DateTime, Utc};
use model::WorkItemId;
use model::board::{Change, WorkItem};

use crate::client::Client;
use crate::error::Error;
use crate::item::Item;
use crate::shape::ItemShape;
use crate::work_items::Write;

/// A way that is being walked. See [`Client::walk`].
#[derive(Debug)]
pub struct Walk<'a> {
    client: &'a Client,
    id: WorkItemId,
    revision: i64,
    shape: &'a ItemShape,
    steps: std::slice::Iter<'a, Change>,
    deadline: DateTime<Utc>,
    item: Option<Item>,
}

impl Client {
    /// Prepares to send `steps` one after the other to a work item that has `revision` now. Nothing is sent before
    /// [`Walk::step`], and nothing at or after `deadline`.
    pub fn walk<'a>(
        &'a self,
        id: WorkItemId,
        revision: i64,
        shape: &'a ItemShape,
        steps: &'a [Change],
        deadline: DateTime<Utc>,
    ) -> Walk<'a> {
        Walk { client: self, id, revision, shape, steps: steps.iter(), deadline, item: None }
    }
}

impl Walk<'_> {
    /// Nothing is left to do: the way is at its end, or an error stopped it.
    pub fn is_over(&self) -> bool {
        self.steps.as_slice().is_empty()
    }

    /// Takes the next step; does nothing at the end of the way.
    ///
    /// A step that would only move the card to where the step before has put it already is left out: it would cost a
    /// request and change nothing.
    ///
    /// # Errors
    /// [`Error::RevisionMoved`] if somebody changed the item in between: the steps before this one stand.
    /// [`Error::Misplaced`] if the service took the update and the card stands elsewhere. [`Error::Rejected`] names the
    /// rule of the process that forbids the step. Any other of [`Client::update`].
    pub async fn step(&mut self) -> Result<(), Error> {
        let Some(write) = self.next_write() else { return Ok(()) };
        let answer = self.client.write(&write, self.deadline).await;
        self.took(answer)
    }

    /// The next step, for a caller who sends those of several ways in one request ([`Client::write_batch`]) and tells
    /// each its answer with [`Walk::took`]. None at the end of the way.
    pub fn next_write(&self) -> Option<Write<'_>> {
        let change = self.steps.as_slice().first()?;
        Some(Write::Update { id: self.id, revision: self.revision, shape: self.shape, change })
    }

    /// What became of the next step.
    ///
    /// # Errors
    /// Those of [`Walk::step`]: a way that was taken may have led elsewhere.
    pub fn took(&mut self, answer: Result<Item, Error>) -> Result<(), Error> {
        let Some(change) = self.steps.next() else { return Ok(()) };
        let result = answer.and_then(|item| self.arrived(change, item));
        if result.is_err() {
            self.steps = [].iter();
        }
        while self.steps.as_slice().first().is_some_and(|next| self.is_done(next)) {
            self.steps.next();
        }
        result
    }

    fn arrived(&mut self, change: &Change, item: Item) -> Result<(), Error> {
        let (id, shape) = (self.id, self.shape);
        self.revision = item.revision();
        let stands = elsewhere(&item.view(shape), change);
        self.item = Some(item);
        match stands {
            None => Ok(()),
            Some(stands) => {
                let write = Write::Update { id, revision: self.revision, shape, change };
                Err(Error::Misplaced { operation: write.operation(), stands })
            }
        }
    }

    /// The item as the last step that was applied left it; none before the first.
    pub fn item(&self) -> Option<&Item> {
        self.item.as_ref()
    }

    /// Revision the item has now, as far as this way knows.
    pub fn revision(&self) -> i64 {
        self.revision
    }

    fn is_done(&self, change: &Change) -> bool {
        let Some(item) = &self.item else { return false };
        let view = item.view(self.shape);
        let moves_only = Change {
            state: change.state.clone(),
            column: change.column.clone(),
            column_done: change.column_done,
            lane: change.lane.clone(),
            ..Change::default()
        };
        let is_there = |wanted: &Option<String>, stands: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| stands.is_some_and(|now| now.eq_ignore_ascii_case(wanted)))
        };
        *change == moves_only
            && is_there(&change.state, Some(&view.state))
            && is_there(&change.column, view.column.as_deref())
            && is_there(&change.lane, view.lane.as_deref())
            && change.column_done.is_none_or(|half| view.column_done == Some(half))
    }
}

/// Where the card stands, if that is not where it was told to go. What an answer leaves out says nothing.
fn elsewhere(item: &WorkItem, change: &Change) -> Option<String> {
    let differs = |wanted: &Option<String>, stands: Option<&str>| matches!((wanted, stands), (Some(wanted), Some(now)) if !now.eq_ignore_ascii_case(wanted));
    let is_elsewhere = differs(&change.state, Some(&item.state))
        || differs(&change.column, item.column.as_deref())
        || differs(&change.lane, item.lane.as_deref())
        || matches!((change.column_done, item.column_done), (Some(wanted), Some(now)) if wanted != now);
    is_elsewhere.then(|| match (&item.column, &item.lane) {
        (Some(column), Some(lane)) => format!("state {}, column {column}, lane {lane}", item.state),
        (Some(column), None) => format!("state {}, column {column}", item.state),
        (None, _) => format!("state {}", item.state),
    })
}
