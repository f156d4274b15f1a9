//! Did a creation whose outcome is not known happen? Asked before anything is created again.

use std::collections::HashMap;

use azure::{Author, Item};
use chrono::{DateTime, Duration, Utc};
use model::{TicketId, WorkItemId, block};
use store::failpoint;
use store::tickets::{Intent, Ticket};

use crate::Refusal;
use crate::engine::Engine;
use crate::sync::desired::carries;
use crate::sync::pass::Pass;
use crate::sync::report::Reach;

/// How far the board's clock may be behind ours.
const SKEW: Duration = Duration::minutes(10);

/// What a look-up found for a ticket.
#[derive(Clone, Debug)]
pub(crate) enum Found {
    /// Work items that carry the ticket's token, lowest number first.
    Live(Vec<Item>),
    /// It was created, and somebody has deleted it since.
    Recycled(WorkItemId),
    /// The board was asked, and there is none.
    Nothing,
}

/// What was asked, and what was found.
#[derive(Debug, Default)]
pub(crate) struct Answers(HashMap<TicketId, (DateTime<Utc>, Found)>);

impl Answers {
    /// What the look-up says about the outstanding creation of a ticket. `None`: it was not asked about this very one,
    /// for instance because its time to wait ended only while other tickets had their turn.
    pub(crate) fn of(&self, ticket: &Ticket) -> Option<&Found> {
        let (asked, found) = self.0.get(&ticket.id)?;
        (Some(*asked) == ticket.intent.as_ref().map(Intent::deadline)).then_some(found)
    }
}

impl Engine {
    /// Looks up what earlier tries created, for all tickets whose time to wait is over. `None`: the board could not be
    /// asked; nothing may be created.
    pub(crate) async fn look_up(
        &self,
        pass: &Pass<'_>,
        tickets: &[Ticket],
    ) -> Result<Option<Answers>, Refusal> {
        let now = self.inner.world.now();
        let settle = self.inner.settings.settle;
        let wanted: Vec<(&Ticket, DateTime<Utc>)> = tickets
            .iter()
            .filter_map(|ticket| match &ticket.intent {
                Some(Intent::Create { announced_at, deadline, .. }) if *deadline + settle <= now => {
                    Some((ticket, *announced_at))
                }
                _ => None,
            })
            .collect();
        let Some(since) = wanted.iter().map(|(_, announced_at)| *announced_at - SKEW).min() else {
            return Ok(Some(Answers::default()));
        };
        failpoint::reached("before look-up").await;
        let found = self.candidates(pass, &wanted, since).await;
        failpoint::reached("after look-up").await;
        match found {
            Ok(mut found) => {
                let answer = |(ticket, _): &(&Ticket, DateTime<Utc>)| {
                    let deadline = ticket.intent.as_ref().map(Intent::deadline)?;
                    Some((ticket.id, (deadline, found.remove(&ticket.id).unwrap_or(Found::Nothing))))
                };
                Ok(Some(Answers(wanted.iter().filter_map(answer).collect())))
            }
            Err(error) => {
                let until = match self.reach(&error) {
                    Reach::Connection(until) => until,
                    Reach::Ticket => now + Duration::seconds(15),
                };
                self.block(pass.board, &error, until).await?;
                Ok(None)
            }
        }
    }

    async fn candidates(
        &self,
        pass: &Pass<'_>,
        wanted: &[(&Ticket, DateTime<Utc>)],
        since: DateTime<Utc>,
    ) -> Result<HashMap<TicketId, Found>, azure::Error> {
        let client = &pass.board.client;
        let mut found: HashMap<TicketId, Found> = HashMap::new();
        let ids = client.created_since(&Author::Me, since).await?;
        for batch in ids.chunks(azure::READ_BATCH) {
            for item in client.read(batch).await? {
                for (ticket, _) in wanted {
                    let Some((_, shape)) = pass.destination(ticket) else { continue };
                    let in_link = item.hyperlinks().iter().any(|link| carries(link, &ticket.token));
                    let in_text = || {
                        item.view(shape)
                            .description
                            .is_some_and(|text| block::words(&text, &ticket.token).is_some())
                    };
                    if in_link || in_text() {
                        match found.entry(ticket.id).or_insert_with(|| Found::Live(Vec::new())) {
                            Found::Live(items) => items.push(item.clone()),
                            Found::Recycled(_) | Found::Nothing => {}
                        }
                    }
                }
            }
        }
        // Somebody may have deleted it in the meantime; a recycled item has no links, only its text.
        let mut projects: Vec<&str> = wanted
            .iter()
            .filter(|(ticket, _)| !found.contains_key(&ticket.id))
            .filter_map(|(ticket, _)| pass.destination(ticket).map(|(d, _)| d.settings.project.as_str()))
            .collect();
        projects.sort_unstable();
        projects.dedup();
        for project in projects {
            for id in client.recycled(project).await? {
                // Numbers grow with time: one that was known before the intent cannot be it.
                let Some(recycled) = client.read_recycled(project, id).await? else { continue };
                for (ticket, announced_at) in wanted {
                    let Some((_, shape)) = pass.destination(ticket) else { continue };
                    let view = recycled.item.view(shape);
                    let is_it = view.created_at + SKEW >= *announced_at
                        && view.description.is_some_and(|text| block::words(&text, &ticket.token).is_some());
                    if is_it && !found.contains_key(&ticket.id) {
                        found.insert(ticket.id, Found::Recycled(id));
                    }
                }
            }
        }
        for found in found.values_mut() {
            if let Found::Live(items) = found {
                items.sort_by_key(Item::id);
            }
        }
        Ok(found)
    }
}
