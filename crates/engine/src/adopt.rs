//! Existing work items are used for findings instead of new ones: one by number or address, or many by a query. A plan
//! comes first; nothing is bound that was not looked at on the board a moment ago.

use std::collections::HashMap;

use azure::{Item, ItemQuery};
use model::board::WorkItem;
use model::following::{Order, Repair};
use model::merge::FieldChange;
use model::{ConnectionId, FindingId, TicketId, WorkItemId};
use store::Tx;
use store::destinations::Destination;
use store::findings::Finding;
use store::tickets::{Health, Ticket};
use url::Url;
use uuid::Uuid;

use crate::engine::{Engine, EventKind};
use crate::routing::Routes;
use crate::sync::{Pass, cause_of, why_not};
use crate::{Actor, Refusal};

/// Work items that one plan looks at.
pub const MOST_ADOPTED: u32 = 1_000;

/// Letters of the shortest word in a work item that may be an id or a fingerprint.
const SHORTEST_KEY: usize = 16;

/// Findings that are looked at in one step.
const STEP: i64 = 200;

/// Which existing work items to use, and for what.
#[derive(Clone, Debug)]
pub enum Adoption {
    /// These, each for a finding.
    Pairs(Vec<AdoptionPair>),
    /// Those that a query finds, for open findings that they are recognised to be about: by the finding's id or
    /// fingerprint anywhere in their text, else by the same title.
    Query {
        /// Connection.
        connection: ConnectionId,
        /// The query.
        query: AdoptionQuery,
    },
}

/// A query for work items, as people have it.
#[derive(Clone, Debug)]
pub enum AdoptionQuery {
    /// In the service's query language.
    Text(String),
    /// The address of a saved query's page, or `project/id`.
    Saved(String),
}

/// A finding and the work item for it.
#[derive(Clone, Debug)]
pub struct AdoptionPair {
    /// Finding.
    pub finding: FindingId,
    /// Number of the work item, or the address of its page.
    pub work_item: String,
}

/// How a work item and a finding were brought together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MatchedBy {
    /// A person named both.
    Number,
    /// The finding's id stands in the work item.
    FindingId,
    /// The finding's fingerprint stands in the work item.
    Fingerprint,
    /// They have the same title.
    Title,
}

/// What would happen with one work item.
#[derive(Clone, Debug)]
pub struct AdoptionRow {
    /// Finding; none if nothing fits the work item.
    pub finding: Option<FindingId>,
    /// Title of the finding.
    pub finding_title: Option<String>,
    /// Its ticket; none if one would be made.
    pub ticket: Option<TicketId>,
    /// Number of the work item.
    pub work_item: Option<WorkItemId>,
    /// Title of the work item.
    pub work_item_title: Option<String>,
    /// State of the work item.
    pub state: Option<String>,
    /// Page of the work item.
    pub url: Option<String>,
    /// How they were brought together.
    pub matched_by: Option<MatchedBy>,
    /// What would be written on the work item, field by field.
    pub fields: Vec<FieldChange>,
    /// Why the work item cannot be used for it, one sentence without its full stop.
    pub refused: Option<String>,
}

impl AdoptionRow {
    fn of(item: Option<&WorkItem>, number: Option<WorkItemId>) -> Self {
        Self {
            finding: None,
            finding_title: None,
            ticket: None,
            work_item: number,
            work_item_title: item.map(|item| item.title.clone()),
            state: item.map(|item| item.state.clone()),
            url: item.map(|item| item.web_url.clone()),
            matched_by: None,
            fields: Vec::new(),
            refused: None,
        }
    }
}

/// The number in `123`, `#123` or the address of a work item's page.
pub fn work_item_number(text: &str) -> Option<WorkItemId> {
    let text = text.trim();
    let number = |text: &str| text.parse::<i64>().ok().filter(|number| *number > 0).map(WorkItemId);
    if let Some(found) = number(text.trim_start_matches('#')) {
        return Some(found);
    }
    let url = Url::parse(text).ok()?;
    if let Some((_, id)) = url.query_pairs().find(|(name, _)| name.eq_ignore_ascii_case("workitem")) {
        return number(&id);
    }
    let mut segments: Vec<&str> = url.path_segments()?.filter(|segment| !segment.is_empty()).collect();
    let last = segments.pop()?;
    let is_page = segments.iter().any(|segment| {
        segment.eq_ignore_ascii_case("_workitems") || segment.eq_ignore_ascii_case("workitems")
    });
    is_page.then(|| number(last)).flatten()
}

/// Project and id of a saved query, from the address of its page (`…/{project}/_queries/query/{id}/`) or `project/id`.
fn saved_query(text: &str) -> Option<ItemQuery> {
    let text = text.trim();
    let (project, id) = match Url::parse(text) {
        Ok(url) => {
            let segments: Vec<String> = url
                .path_segments()?
                .filter(|segment| !segment.is_empty())
                .map(|segment| percent_encoding::percent_decode_str(segment).decode_utf8_lossy().into_owned())
                .collect();
            let at = segments.iter().position(|segment| segment.eq_ignore_ascii_case("_queries"))?;
            let id = segments.iter().skip(at).find(|segment| segment.parse::<Uuid>().is_ok())?;
            (segments.get(at.checked_sub(1)?)?.clone(), id.clone())
        }
        Err(_) => {
            let (project, id) = text.rsplit_once('/')?;
            (project.to_owned(), id.to_owned())
        }
    };
    id.parse::<Uuid>().ok()?;
    Some(ItemQuery::Saved { project, id })
}

/// What stands in a work item, for recognising a finding.
fn words_of(item: &Item, view: &WorkItem) -> String {
    let mut words = format!("{}\n", view.title);
    for field in ["System.Description", "Microsoft.VSTS.TCM.ReproSteps", "System.Tags"] {
        words.push_str(item.text(field).unwrap_or_default());
        words.push('\n');
    }
    for link in &view.hyperlinks {
        words.push_str(&link.url);
        words.push('\n');
        words.push_str(&link.comment);
        words.push('\n');
    }
    words.to_lowercase()
}

fn unreadable(number: WorkItemId) -> String {
    format!("work item {number} was deleted, or this connection may not read it")
}

impl Engine {
    /// What using existing work items would do, without doing it.
    ///
    /// # Errors
    /// If a board cannot be read, or a query makes no sense. What cannot be used is a row that says why.
    pub async fn plan_adoptions(&self, adoption: &Adoption) -> Result<Vec<AdoptionRow>, Refusal> {
        match adoption {
            Adoption::Pairs(pairs) => {
                let mut rows = Vec::new();
                for pair in pairs {
                    rows.push(self.plan_pair(pair).await?);
                }
                // One work item is for one ticket, one finding gets one.
                for at in 1..rows.len() {
                    let (before, rest) = rows.split_at_mut(at);
                    let twice = before.iter().any(|other| {
                        other.refused.is_none()
                            && (other.work_item == rest[0].work_item || other.finding == rest[0].finding)
                    });
                    if twice && rest[0].refused.is_none() {
                        rest[0].refused =
                            Some("the finding or the work item stands in another row already".into());
                    }
                }
                Ok(rows)
            }
            Adoption::Query { connection, query } => self.plan_query(*connection, query).await,
        }
    }

    /// Uses existing work items: each pair is looked at again, and bound by the next pass. The answer has the rows of the
    /// plan; what could not be used says why.
    ///
    /// # Errors
    /// If a board cannot be read or the database refuses.
    pub async fn adopt_work_items(
        &self,
        pairs: Vec<AdoptionPair>,
        by: &Actor,
    ) -> Result<Vec<AdoptionRow>, Refusal> {
        let mut rows = self.plan_adoptions(&Adoption::Pairs(pairs)).await?;
        for row in &mut rows {
            if row.refused.is_none() {
                self.bind_row(row, by).await?;
            }
        }
        self.announce(EventKind::Ticket, None);
        self.wake_all_boards();
        Ok(rows)
    }

    async fn bind_row(&self, row: &mut AdoptionRow, by: &Actor) -> Result<(), Refusal> {
        let (Some(finding), Some(work_item)) = (row.finding, row.work_item) else { return Ok(()) };
        let mut tx = self.inner.db.begin().await?;
        let Some(finding) = store::findings::get(&mut tx, finding).await? else { return Ok(()) };
        let order = Order::of_person(Repair::Bind { work_item }, &by.name);
        let mut ticket = match self.ticket_for(&mut tx, &finding).await? {
            TicketFor::Known(ticket) => *ticket,
            TicketFor::New(destination) => {
                self.ticket_by_hand(&mut tx, &finding, &destination, &cause_of(&order)).await?
            }
            TicketFor::None(why) => {
                row.refused = Some(why);
                return Ok(());
            }
        };
        self.note_on_ticket(
            &mut tx,
            &ticket,
            &cause_of(&order),
            format!("Asked to {}.", order.repair.wish()),
        )
        .await?;
        ticket.following.order = Some(order);
        ticket.unpark();
        if ticket.health == Health::Released {
            ticket.health = Health::Waiting;
        }
        if ticket.intent.is_none() {
            ticket.next_attempt_at = self.inner.world.now();
        }
        store::tickets::save(&mut tx, &ticket).await?;
        store::tickets::mark(&mut tx, ticket.id).await?;
        row.ticket = Some(ticket.id);
        tx.commit().await?;
        Ok(())
    }

    async fn plan_pair(&self, pair: &AdoptionPair) -> Result<AdoptionRow, Refusal> {
        let mut row = AdoptionRow::of(None, work_item_number(&pair.work_item));
        row.finding = Some(pair.finding);
        row.matched_by = Some(MatchedBy::Number);
        let Some(number) = row.work_item else {
            row.refused = Some(format!(
                "'{}' is neither the number of a work item nor the address of its page",
                pair.work_item
            ));
            return Ok(row);
        };
        let mut tx = self.inner.db.read().await?;
        let Some(finding) = store::findings::get(&mut tx, pair.finding).await? else {
            return Err(Refusal::not_found("finding", pair.finding));
        };
        row.finding_title = Some(finding.detail.title.clone());
        let connection = match self.ticket_for(&mut tx, &finding).await? {
            TicketFor::Known(ticket) => ticket.connection_id,
            TicketFor::New(destination) => destination.connection_id,
            TicketFor::None(why) => {
                row.refused = Some(why);
                return Ok(row);
            }
        };
        drop(tx);
        let Some(board) = self.board(connection).await? else {
            return Err(Refusal::not_found("connection", connection));
        };
        let Some(item) = board.client.read(&[number]).await?.pop() else {
            row.refused = Some(unreadable(number));
            return Ok(row);
        };
        let mut tx = self.inner.db.read().await?;
        let Some(pass) = self.prepare(&mut tx, &board).await? else {
            return Err(Refusal::not_found("connection", connection));
        };
        self.fill_row(&mut tx, &pass, &mut row, &finding, &item).await?;
        Ok(row)
    }

    /// Everything about a finding and a work item that were brought together.
    async fn fill_row(
        &self,
        tx: &mut Tx,
        pass: &Pass<'_>,
        row: &mut AdoptionRow,
        finding: &Finding,
        item: &Item,
    ) -> Result<(), Refusal> {
        row.finding = Some(finding.id);
        row.finding_title = Some(finding.detail.title.clone());
        let (destination, ticket) = match self.ticket_for(tx, finding).await? {
            TicketFor::Known(ticket) => (ticket.destination_id, Some(ticket)),
            TicketFor::New(destination) => (destination.id, None),
            TicketFor::None(why) => {
                row.refused = Some(why);
                return Ok(());
            }
        };
        row.ticket = ticket.as_ref().map(|ticket| ticket.id);
        let Some((destination, shape)) = pass.destination_by_id(destination) else {
            row.refused = Some("the finding's destination belongs to another connection".into());
            return Ok(());
        };
        let view = item.view(shape);
        row.work_item_title = Some(view.title.clone());
        row.state = Some(view.state.clone());
        row.url = Some(view.web_url.clone());
        row.refused = why_not(tx, destination, ticket.as_deref(), item, &view).await?;
        if row.refused.is_some() {
            return Ok(());
        }
        let findings = match &ticket {
            Some(ticket) => store::findings::of_ticket(tx, ticket.id).await?,
            None => vec![finding.clone()],
        };
        let desired = self.desired(tx, destination, ticket.as_deref(), &findings).await?;
        row.fields = self.fields_of_adoption(destination, &desired, &view);
        Ok(())
    }

    async fn plan_query(
        &self,
        connection: ConnectionId,
        query: &AdoptionQuery,
    ) -> Result<Vec<AdoptionRow>, Refusal> {
        let Some(board) = self.board(connection).await? else {
            return Err(Refusal::not_found("connection", connection));
        };
        let query = match query {
            AdoptionQuery::Text(text) => ItemQuery::Text(text.clone()),
            AdoptionQuery::Saved(text) => saved_query(text).ok_or_else(|| {
                Refusal::invalid(
                    "query_invalid",
                    "That is no saved query",
                    format!("'{text}' does not lead to a saved query."),
                    "Paste the address of the query's page, or write project/id.",
                )
            })?,
        };
        let ids = board.client.query(&query, MOST_ADOPTED).await?;
        let items = board.client.read(&ids).await?;
        let mut tx = self.inner.db.read().await?;
        let Some(pass) = self.prepare(&mut tx, &board).await? else {
            return Err(Refusal::not_found("connection", connection));
        };
        let candidates: Vec<(String, Item)> = items
            .into_iter()
            .map(|item| {
                let plain = azure::ItemShape::plain("", "");
                (words_of(&item, &item.view(&plain)), item)
            })
            .collect();
        let mut by_title: HashMap<String, Vec<usize>> = HashMap::new();
        let mut by_word: HashMap<&str, Vec<usize>> = HashMap::new();
        for (at, (words, item)) in candidates.iter().enumerate() {
            let title = item.text("System.Title").unwrap_or_default().trim().to_lowercase();
            by_title.entry(title).or_default().push(at);
            // Ids and fingerprints are long words; nothing else of the text is of use.
            let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
            for word in words.split(|letter| !is_part(letter)).filter(|word| word.len() >= SHORTEST_KEY) {
                let at_word = by_word.entry(word).or_default();
                if at_word.last() != Some(&at) {
                    at_word.push(at);
                }
            }
        }
        let mut matches: Vec<Vec<(MatchedBy, Finding)>> = vec![Vec::new(); candidates.len()];
        let mut after = Uuid::nil();
        loop {
            let page = store::findings::open_after(&mut tx, &[], after, STEP).await?;
            let Some(last) = page.last() else { break };
            after = last.id.0;
            for finding in page {
                let id = finding.id.to_string();
                let fingerprint = finding.fingerprint.to_lowercase();
                let fingerprint = fingerprint.rsplit(|letter: char| !letter.is_ascii_alphanumeric()).next();
                let title = finding.detail.title.trim().to_lowercase();
                for (by, found) in [
                    (MatchedBy::FindingId, by_word.get(id.as_str())),
                    (MatchedBy::Fingerprint, fingerprint.and_then(|word| by_word.get(word))),
                    (MatchedBy::Title, by_title.get(&title)),
                ] {
                    for at in found.into_iter().flatten() {
                        if !matches[*at].iter().any(|(_, other)| other.id == finding.id) {
                            matches[*at].push((by, finding.clone()));
                        }
                    }
                }
            }
        }
        let mut rows = Vec::new();
        let mut taken: HashMap<FindingId, WorkItemId> = HashMap::new();
        for ((_, item), mut found) in candidates.iter().zip(matches) {
            let plain = item.view(&azure::ItemShape::plain("", ""));
            let mut row = AdoptionRow::of(Some(&plain), Some(item.id()));
            // What names the finding itself is better than a title that happens to be the same.
            if found.iter().any(|(by, _)| *by != MatchedBy::Title) {
                found.retain(|(by, _)| *by != MatchedBy::Title);
            }
            match found.as_slice() {
                [] => row.refused = Some("no open finding fits it".into()),
                [(by, finding)] => {
                    row.matched_by = Some(*by);
                    self.fill_row(&mut tx, &pass, &mut row, finding, item).await?;
                    if row.refused.is_none()
                        && let Some(other) = taken.insert(finding.id, item.id())
                    {
                        row.refused = Some(format!("work item {other} fits the same finding"));
                    }
                }
                several => {
                    row.refused = Some(format!("{} findings fit it: name one by hand", several.len()));
                }
            }
            rows.push(row);
        }
        Ok(rows)
    }

    /// The ticket that an existing work item would be used for.
    async fn ticket_for(&self, tx: &mut Tx, finding: &Finding) -> Result<TicketFor, Refusal> {
        if !finding.status.is_open() {
            return Ok(TicketFor::None(format!("the finding is {}", finding.status.label())));
        }
        for id in store::tickets::of_finding(tx, finding.id).await? {
            let Some(ticket) = store::tickets::get(tx, id).await? else { continue };
            let is_free = ticket.work_item_id.is_none()
                || matches!(
                    ticket.health,
                    Health::Released | Health::Deleted | Health::Destroyed | Health::Missing | Health::Merged
                );
            return Ok(if is_free {
                TicketFor::Known(Box::new(ticket))
            } else {
                let number = ticket.work_item_id.map(|id| id.to_string()).unwrap_or_default();
                TicketFor::None(format!("the finding has work item {number} already"))
            });
        }
        let routes = Routes::load(tx).await?;
        let destination = match store::assets::get(tx, finding.asset_id).await? {
            Some(asset) => routes.of_finding(tx, finding, &asset).await?,
            None => None,
        };
        Ok(match destination {
            Some(destination) => TicketFor::New(Box::new(destination.clone())),
            None => TicketFor::None(
                "no destination is bound to where the finding is, and there is no default one".into(),
            ),
        })
    }
}

enum TicketFor {
    Known(Box<Ticket>),
    New(Box<Destination>),
    /// Why there is none.
    None(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_work_item_is_named_by_its_number_or_by_the_address_of_its_page() {
        let number = |text| work_item_number(text).map(|id| id.0);
        assert_eq!(number(" 12 "), Some(12));
        assert_eq!(number("#12"), Some(12));
        assert_eq!(number("https://dev.azure.com/contoso/Web%20shop/_workitems/edit/12/"), Some(12));
        assert_eq!(
            number("https://dev.azure.com/contoso/Webshop/_boards/board/t/X/Stories/?workitem=12"),
            Some(12)
        );
        assert_eq!(number("https://dev.azure.com/contoso/_apis/wit/workItems/12"), Some(12));
        assert_eq!(number("https://dev.azure.com/contoso/12"), None);
        assert_eq!(number("0"), None);
        assert_eq!(number("twelve"), None);
    }

    #[test]
    fn a_saved_query_is_named_by_the_address_of_its_page_or_by_project_and_id() {
        let id = "0b1ad9a5-1111-4222-8333-444455556666";
        let wanted = |project: &str| Some(ItemQuery::Saved { project: project.into(), id: id.into() });
        assert_eq!(
            saved_query(&format!("https://dev.azure.com/contoso/Web%20shop/_queries/query/{id}/")),
            wanted("Web shop")
        );
        assert_eq!(saved_query(&format!("Webshop/{id}")), wanted("Webshop"));
        assert_eq!(saved_query("Webshop/all bugs"), None);
    }
}
