//! Did a write whose outcome is not known happen? Asked before anything is written again.

use std::collections::{HashMap, HashSet};

use azure::{Author, Creation, Item};
use chrono::{DateTime, Duration, Utc};
use model::merge::UpdateIntent;
use model::{TicketId, WorkItemId, block};
use store::failpoint;
use store::tickets::{Intent, Ticket};

use crate::Refusal;
use crate::engine::Engine;
use crate::sync::copies::tokens_in;
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
    Recycled {
        /// Its number.
        id: WorkItemId,
        /// Where it was last.
        project: String,
    },
    /// The board was asked, and there is none.
    Nothing,
    /// There is none that may be seen, and what stands in the area that it was to be created in may not be: that proves
    /// nothing.
    Hidden {
        /// The area.
        area: String,
    },
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

/// For changes whose outcome is not known: what the board made of the work item from the revision on that they were
/// planned on.
#[derive(Debug, Default)]
pub(crate) struct Traces(HashMap<TicketId, (Option<DateTime<Utc>>, Vec<Item>)>);

impl Traces {
    /// The revisions that the outstanding change of a ticket may have made, oldest first, with whatever people made in
    /// its place. `None`: it was not asked about this very one.
    pub(crate) fn of(&self, ticket: &Ticket) -> Option<&[Item]> {
        let (asked, revisions) = self.0.get(&ticket.id)?;
        (*asked == ticket.intent.as_ref().map(Intent::deadline)).then_some(revisions)
    }
}

/// The change of a ticket whose outcome is not known: the outstanding one, or one that was outstanding when the work item
/// was deleted.
fn unanswered(ticket: &Ticket) -> Option<&UpdateIntent> {
    match &ticket.intent {
        Some(Intent::Update { update, .. }) => Some(update),
        _ => ticket.following.unsettled.as_deref(),
    }
}

impl Engine {
    /// Looks what became of the changes of all tickets whose time to wait is over and whose work item has moved on since.
    /// Who made the revision right after the planned one tells for certain whether it was ours: it carried the revision
    /// as its condition. `None`: the board could not be asked.
    pub(crate) async fn look_back(
        &self,
        pass: &Pass<'_>,
        tickets: &[Ticket],
        items: &HashMap<WorkItemId, Item>,
    ) -> Result<Option<Traces>, Refusal> {
        let now = self.inner.world.now();
        let mut traces = Traces::default();
        for ticket in tickets {
            let (Some(update), Some(id)) = (unanswered(ticket), ticket.work_item_id) else { continue };
            let deadline = ticket.intent.as_ref().map(Intent::deadline);
            let is_under_way = deadline.is_some_and(|deadline| deadline + self.inner.settings.settle > now);
            let has_moved_on = items.get(&id).is_some_and(|item| item.revision() > update.revision);
            if is_under_way || !has_moved_on {
                continue;
            }
            failpoint::reached("before look-up").await;
            let found = pass.board.client.revisions_after(id, update.revision, update.positions.len()).await;
            failpoint::reached("after look-up").await;
            match found {
                Ok(revisions) => {
                    traces.0.insert(ticket.id, (deadline, revisions));
                }
                // It was there a moment ago: the next pass reads it again.
                Err(azure::Error::NotFound { .. }) => {}
                Err(error) => {
                    let until = match self.reach(&error) {
                        Reach::Connection(until) => until,
                        Reach::Ticket => now + Duration::seconds(15),
                    };
                    self.block(pass.board, &error, until).await?;
                    return Ok(None);
                }
            }
        }
        Ok(Some(traces))
    }

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
        let mut keyed: HashSet<WorkItemId> = HashSet::new();
        for batch in ids.chunks(azure::READ_BATCH) {
            for item in client.read(batch).await? {
                if !tokens_in(&item).is_empty() {
                    keyed.insert(item.id());
                }
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
                            Found::Recycled { .. } | Found::Nothing | Found::Hidden { .. } => {}
                        }
                    }
                }
            }
        }
        if wanted.iter().any(|(ticket, _)| !found.contains_key(&ticket.id)) {
            self.candidates_elsewhere(pass, wanted, since, &keyed, &mut found).await?;
            self.candidates_in_bins(pass, wanted, &mut found).await?;
        }
        self.doubt_what_is_hidden(pass, wanted, &mut found).await?;
        for found in found.values_mut() {
            if let Found::Live(items) = found {
                items.sort_by_key(Item::id);
            }
        }
        Ok(found)
    }

    /// The service leaves out what an identity may not see without a word: for what was not found, the area is asked for.
    async fn doubt_what_is_hidden(
        &self,
        pass: &Pass<'_>,
        wanted: &[(&Ticket, DateTime<Utc>)],
        found: &mut HashMap<TicketId, Found>,
    ) -> Result<(), azure::Error> {
        let mut seen: HashMap<(String, String), bool> = HashMap::new();
        for (ticket, _) in
            wanted.iter().filter(|(ticket, _)| !found.contains_key(&ticket.id)).collect::<Vec<_>>()
        {
            let (Some((destination, shape)), Some(Intent::Create { draft, .. })) =
                (pass.destination(ticket), &ticket.intent)
            else {
                continue;
            };
            let area = draft.area.as_deref().unwrap_or(&shape.default_area).to_owned();
            let place = (destination.settings.project.clone(), area.clone());
            let is_seen = match seen.get(&place) {
                Some(is_seen) => *is_seen,
                None => {
                    let is_seen = pass.board.client.sees_area(&place.0, &place.1).await?;
                    seen.insert(place, is_seen);
                    is_seen
                }
            };
            if !is_seen {
                found.insert(ticket.id, Found::Hidden { area });
            }
        }
        Ok(())
    }

    /// The feed may lag behind a deletion (azure-devops.md section 7.4 does not say by how much); the recycle bin of the
    /// project does not. It shows no links, only the text.
    async fn candidates_in_bins(
        &self,
        pass: &Pass<'_>,
        wanted: &[(&Ticket, DateTime<Utc>)],
        found: &mut HashMap<TicketId, Found>,
    ) -> Result<(), azure::Error> {
        let client = &pass.board.client;
        let mut projects: Vec<&str> = wanted
            .iter()
            .filter(|(ticket, _)| !found.contains_key(&ticket.id))
            .filter_map(|(ticket, _)| pass.destination(ticket).map(|(d, _)| d.settings.project.as_str()))
            .collect();
        projects.sort_unstable();
        projects.dedup();
        for project in projects {
            for id in client.recycled(project).await? {
                let Some(recycled) = client.read_recycled(project, id).await? else { continue };
                for (ticket, announced_at) in wanted {
                    let Some((_, shape)) = pass.destination(ticket) else { continue };
                    let view = recycled.item.view(shape);
                    let is_it = view.created_at + SKEW >= *announced_at
                        && view.description.is_some_and(|text| block::words(&text, &ticket.token).is_some());
                    if is_it && !found.contains_key(&ticket.id) {
                        found.insert(ticket.id, Found::Recycled { id, project: project.to_owned() });
                    }
                }
            }
        }
        Ok(())
    }

    /// What people deleted in the meantime, in whatever project it was by then, and what they left no key of ours in:
    /// the feed knows what every work item was created with. `keyed` ones still show whose they are.
    async fn candidates_elsewhere(
        &self,
        pass: &Pass<'_>,
        wanted: &[(&Ticket, DateTime<Utc>)],
        since: DateTime<Utc>,
        keyed: &HashSet<WorkItemId>,
        found: &mut HashMap<TicketId, Found>,
    ) -> Result<(), azure::Error> {
        let client = &pass.board.client;
        let own = pass.connection.identity.as_ref().map(|own| &own.id);
        let is_ours = |creation: &Creation| own.is_none_or(|own| creation.created_by.id == *own);
        let creations: HashMap<WorkItemId, Creation> = client
            .creations(since)
            .await?
            .into_iter()
            .filter(|creation| is_ours(creation) && !keyed.contains(&creation.id))
            .map(|creation| (creation.id, creation))
            .collect();
        let ids: Vec<WorkItemId> = creations.keys().copied().collect();
        if ids.is_empty() {
            return Ok(());
        }
        let mut firsts = client.first_revisions(since, &ids).await?;
        firsts.sort_by_key(Item::id);
        let carried = |first: &Item, ticket: &Ticket| {
            let Some((_, shape)) = pass.destination(ticket) else { return false };
            let text = first.view(shape).description.unwrap_or_default();
            block::words(&text, &ticket.token).is_some()
        };
        for (ticket, _) in wanted {
            if found.contains_key(&ticket.id) {
                continue;
            }
            let born: Vec<WorkItemId> =
                firsts.iter().filter(|first| carried(first, ticket)).map(Item::id).collect();
            let lives = |id: &WorkItemId| creations.get(id).is_some_and(|creation| !creation.deleted);
            let live: Vec<WorkItemId> = born.iter().copied().filter(lives).collect();
            let items = if live.is_empty() { Vec::new() } else { client.read(&live).await? };
            if !items.is_empty() {
                found.insert(ticket.id, Found::Live(items));
            } else if let Some(gone) = born.iter().find_map(|id| creations.get(id)) {
                found.insert(ticket.id, Found::Recycled { id: gone.id, project: gone.project.clone() });
            }
        }
        Ok(())
    }
}
