//! Following a work item that is not where it was put: in another project, of another type, merged into another one, or
//! gone. What is read to tell these apart, and the words and mends that a ticket gets for each.

use std::collections::HashMap;

use azure::{Error, Item, ItemShape, LinkKind, LinkTarget};
use model::board::WorkItem;
use model::following::{self, DeletionPolicy, Order, Place, Repair, RepairKind, Standing, map_abroad};
use model::map::StatusMap;
use model::merge::Rules;
use model::process::WorkItemType;
use model::{DestinationId, TicketId, WorkItemId};
use store::Tx;
use store::audit::{Cause, CauseKind, Entry, Subject};
use store::destinations::Destination;
use store::tickets::{Health, Intent, Ticket};

use crate::Refusal;
use crate::engine::Engine;
use crate::sync::pass::Pass;

/// Projects whose recycle bins are looked through for one that is in none that it should be in.
const MOST_PROJECTS: usize = 50;

/// So often a policy acts by itself on one ticket. Then somebody on the board means it, and a person here decides.
const MOST_BY_POLICY: u32 = 3;

/// Where a work item is that a read did not give.
#[derive(Clone, Debug)]
pub(crate) enum Whereabouts {
    /// In the recycle bin of a project.
    Recycled {
        /// The project.
        project: String,
        /// Its revision there.
        revision: i64,
        /// Who deleted it, as the service words it.
        by: String,
    },
    /// In no recycle bin that we may see, and its project can be read.
    Nowhere,
    /// Its project cannot be read any more.
    NoProject(String),
}

/// What has to be known of a work item's type that is not its destination's.
#[derive(Clone, Debug)]
pub(crate) struct Abroad {
    pub(crate) shape: ItemShape,
    pub(crate) work_item_type: WorkItemType,
    pub(crate) status_map: StatusMap,
    /// Its process could not be read: its state is left alone.
    pub(crate) is_unknown: bool,
}

/// The types of this pass that are not their destination's, by destination, project and type.
#[derive(Debug, Default)]
pub(crate) struct Foreign(HashMap<(DestinationId, String, String), Abroad>);

impl Foreign {
    /// What has to be known to read and write an item that is not at home. `None`: it is at home.
    pub(crate) fn of(&self, destination: &Destination, item: &Item) -> Option<&Abroad> {
        let text = |name: &str| item.text(name).unwrap_or_default();
        self.0.get(&key(destination, text("System.TeamProject"), text("System.WorkItemType")))
    }

    fn at(&self, destination: &Destination, place: &Place) -> Option<&Abroad> {
        self.0.get(&key(destination, &place.project, &place.work_item_type))
    }
}

fn key(destination: &Destination, project: &str, work_item_type: &str) -> (DestinationId, String, String) {
    (destination.id, project.to_lowercase(), work_item_type.to_lowercase())
}

pub(crate) fn home(destination: &Destination) -> Place {
    Place {
        project: destination.settings.project.clone(),
        work_item_type: destination.settings.work_item_type.clone(),
    }
}

/// Rules of the merge for a work item, wherever it is.
pub(crate) fn rules_for<'a>(
    destination: &'a Destination,
    ticket: &'a Ticket,
    abroad: Option<&'a Abroad>,
) -> Rules<'a> {
    let home = crate::sync::update::rules(destination, ticket);
    match abroad {
        Some(abroad) => Rules {
            status_map: &abroad.status_map,
            work_item_type: &abroad.work_item_type,
            board: None,
            ..home
        },
        None => home,
    }
}

/// How a work item stands that was read.
pub(crate) fn standing_of(
    destination: &Destination,
    item: &Item,
    view: &WorkItem,
    abroad: Option<&Abroad>,
) -> Standing {
    let duplicate_of = item.links().into_iter().find_map(|link| match link.target {
        LinkTarget::WorkItem { kind: LinkKind::DuplicateOf, id } => Some(id),
        _ => None,
    });
    let work_item_type = abroad.map_or(&destination.process.work_item_type, |abroad| &abroad.work_item_type);
    following::standing(
        view,
        &home(destination),
        Some(work_item_type),
        item.text("System.Reason"),
        duplicate_of,
    )
}

impl Engine {
    /// Reads what has to be known of items that are not of their destination's project or type. Nothing is read if all are
    /// at home.
    pub(crate) async fn learn_abroad<'t>(
        &self,
        pass: &Pass<'_>,
        items: impl Iterator<Item = (&'t Ticket, &'t Item)>,
    ) -> Result<Foreign, Error> {
        let mut foreign = Foreign::default();
        for (ticket, item) in items {
            let Some((destination, shape)) = pass.destination(ticket) else { continue };
            let (project, name) = (
                item.text("System.TeamProject").unwrap_or_default(),
                item.text("System.WorkItemType").unwrap_or_default(),
            );
            let key = key(destination, project, name);
            if home(destination).is_same(project, name) || foreign.0.contains_key(&key) {
                continue;
            }
            let types = match pass.board.client.work_item_types(project).await {
                Ok(types) => types,
                Err(Error::NotFound { .. } | Error::Forbidden { .. }) => Vec::new(),
                Err(error) => return Err(error),
            };
            let process = &destination.process;
            let abroad = match types.into_iter().find(|known| known.name.eq_ignore_ascii_case(name)) {
                Some(known) => Abroad {
                    shape: ItemShape::of_type(project, &known),
                    status_map: map_abroad(
                        &destination.settings.status_map,
                        process.board.as_ref(),
                        &process.work_item_type,
                        &known,
                    ),
                    work_item_type: known,
                    is_unknown: false,
                },
                None => Abroad {
                    shape: ItemShape {
                        column_field: None,
                        lane_field: None,
                        done_field: None,
                        ..shape.clone()
                    },
                    status_map: StatusMap::default(),
                    work_item_type: WorkItemType {
                        name: name.to_owned(),
                        reference_name: String::new(),
                        states: Vec::new(),
                        initial_state: None,
                        transitions: Default::default(),
                        fields: Default::default(),
                    },
                    is_unknown: true,
                },
            };
            foreign.0.insert(key, abroad);
        }
        Ok(foreign)
    }

    /// Where the work items of these tickets are, which a read did not give. Each recycle bin is listed once.
    ///
    /// # Errors
    /// Those of a read that concern the whole connection; a project that cannot be read is an answer.
    pub(crate) async fn trace(
        &self,
        pass: &Pass<'_>,
        lost: &[&Ticket],
    ) -> Result<HashMap<TicketId, Whereabouts>, Error> {
        let client = &pass.board.client;
        let mut found = HashMap::new();
        if lost.is_empty() {
            return Ok(found);
        }
        let mut bins: HashMap<String, Option<Vec<WorkItemId>>> = HashMap::new();
        let mut everywhere: Option<Vec<String>> = None;
        for ticket in lost {
            let (Some(id), Some((destination, shape))) = (ticket.work_item_id, pass.destination(ticket))
            else {
                continue;
            };
            let last = ticket.work_item.as_ref().map_or(&destination.settings.project, |item| &item.project);
            let mut projects = vec![last.clone()];
            let mut whereabouts = Whereabouts::Nowhere;
            let mut number = 0;
            while number < projects.len() {
                let project = projects[number].clone();
                number += 1;
                let bin = match bins.get(&project) {
                    Some(bin) => bin.clone(),
                    None => {
                        let bin = match client.recycled(&project).await {
                            Ok(ids) => Some(ids),
                            Err(Error::NotFound { .. } | Error::Forbidden { .. }) => None,
                            Err(error) => return Err(error),
                        };
                        bins.insert(project.clone(), bin.clone());
                        bin
                    }
                };
                match bin {
                    None if number == 1 => whereabouts = Whereabouts::NoProject(project.clone()),
                    Some(ids) if ids.contains(&id) => {
                        if let Some(recycled) = client.read_recycled(&project, id).await? {
                            whereabouts = Whereabouts::Recycled {
                                project,
                                revision: recycled.item.view(shape).revision,
                                by: recycled.deleted_by,
                            };
                            break;
                        }
                    }
                    _ => {}
                }
                if number == 1 {
                    // Somebody may have moved it to another project first.
                    let all = match &everywhere {
                        Some(all) => all.clone(),
                        None => client.projects().await?.into_iter().map(|project| project.name).collect(),
                    };
                    let others = all.iter().filter(|name| !name.eq_ignore_ascii_case(last));
                    projects.extend(others.take(MOST_PROJECTS).cloned());
                    everywhere = Some(all);
                }
            }
            found.insert(ticket.id, whereabouts);
        }
        Ok(found)
    }

    /// What is to be done next about a work item that is gone: what a person asked for, else what the policy of the
    /// destination says. `None`: nothing but saying so.
    pub(crate) fn next_about_gone(
        &self,
        ticket: &Ticket,
        destination: &Destination,
        whereabouts: &Whereabouts,
    ) -> Option<Order> {
        if let Some(order) = &ticket.following.order {
            return Some(order.clone());
        }
        // Only what certainly is in the recycle bin was certainly deleted. What cannot be read may be there all the same:
        // another one in its place would be a second one.
        if !matches!(whereabouts, Whereabouts::Recycled { .. })
            || ticket.following.by_policy >= MOST_BY_POLICY
        {
            return None;
        }
        let repair = match destination.settings.on_deletion {
            DeletionPolicy::Ask => return None,
            DeletionPolicy::Restore => Repair::Restore,
            DeletionPolicy::Replace => Repair::Replace,
            DeletionPolicy::Release => Repair::Release,
        };
        Some(Order {
            repair,
            by: destination.settings.name.clone(),
            by_policy: true,
            farewell: None,
            was_released: false,
        })
    }

    /// Says what became of a work item that is gone. An update whose outcome nobody knows is kept for its return.
    pub(crate) async fn say_gone(
        &self,
        tx: &mut Tx,
        ticket: &mut Ticket,
        whereabouts: &Whereabouts,
    ) -> Result<(), Refusal> {
        let id = ticket.work_item_id.map(|id| id.to_string()).unwrap_or_default();
        if let Some(Intent::Update { update, .. }) = ticket.intent.take() {
            ticket.following.unsettled = Some(update);
        }
        let (health, problem, next_step) = match whereabouts {
            Whereabouts::Recycled { project, by, .. } => {
                let by = if by.is_empty() { String::new() } else { format!(" by {by}") };
                let often = if ticket.following.by_policy >= MOST_BY_POLICY {
                    " It was brought back several times by the destination's policy, and deleted again."
                } else {
                    ""
                };
                (
                    Health::Deleted,
                    format!(
                        "Work item {id} was deleted{by} and lies in the recycle bin of {project}.{often}"
                    ),
                    "Restore it, make a new one in its place, use another one, or release the ticket.",
                )
            }
            Whereabouts::Nowhere if ticket.following.was_recycled => (
                Health::Destroyed,
                format!(
                    "Work item {id} lay in the recycle bin, and is not there any more: it was deleted for good."
                ),
                "Make a new one in its place, use another one, or release the ticket.",
            ),
            Whereabouts::Nowhere => (
                Health::Missing,
                format!(
                    "Work item {id} cannot be read any more: it was deleted for good, or it is where this connection may not look. Azure DevOps does not tell these apart."
                ),
                "Give the connection the right to read it. If you know that it is gone: make a new one, use another one, or release the ticket.",
            ),
            Whereabouts::NoProject(project) => (
                Health::Missing,
                format!(
                    "Work item {id} cannot be read: this connection does not see the project {project} any more."
                ),
                "Give the connection the right to read the project, use another work item, or release the ticket.",
            ),
        };
        ticket.following.was_recycled = matches!(whereabouts, Whereabouts::Recycled { .. })
            || (ticket.following.was_recycled && matches!(whereabouts, Whereabouts::Nowhere));
        let is_over = !ticket.status.is_open();
        let health = if is_over { Health::Closed } else { health };
        if ticket.health != health && !is_over {
            let cause = Cause::new(CauseKind::WorkItem, format!("work item {id}"));
            self.note_on_ticket(tx, ticket, &cause, problem.clone()).await?;
        }
        ticket.health = health;
        ticket.problem = Some(problem);
        ticket.next_step = Some(if is_over {
            "Nothing to do: all its findings are closed.".into()
        } else {
            next_step.into()
        });
        ticket.synced_mark = ticket.mark;
        ticket.synced_at = Some(self.inner.world.now());
        store::tickets::save(tx, ticket).await?;
        Ok(())
    }

    /// Holds a ticket whose work item people closed as a duplicate: that is no claim of a fix, and nothing to reopen.
    pub(crate) async fn say_merged(
        &self,
        tx: &mut Tx,
        ticket: &mut Ticket,
        view: &WorkItem,
        into: Option<WorkItemId>,
    ) -> Result<(), Refusal> {
        let of = into.map_or_else(|| "another one".to_owned(), |into| format!("work item {into}"));
        let problem = format!("Work item {} was closed as a duplicate of {of}.", view.id);
        if ticket.health != Health::Merged {
            let cause =
                Cause::new(CauseKind::WorkItem, format!("work item {} revision {}", view.id, view.revision));
            self.note_on_ticket(tx, ticket, &cause, problem.clone()).await?;
        }
        if let Some(base) = &mut ticket.base {
            base.revision = view.revision;
        }
        ticket.work_item = Some(view.clone());
        ticket.title.clone_from(&view.title);
        ticket.health = Health::Merged;
        ticket.problem = Some(problem);
        ticket.next_step = Some(
            "Follow the other work item, go on with this one, or release the ticket. Reopened on the board, it is followed again."
                .into(),
        );
        ticket.synced_mark = ticket.mark;
        ticket.synced_at = Some(self.inner.world.now());
        ticket.attempts = 0;
        store::tickets::save(tx, ticket).await?;
        Ok(())
    }

    /// Both sides agree: what is to be said about the work item all the same. Changes health and problem, saves nothing.
    pub(crate) fn name_standing(&self, pass: &Pass<'_>, ticket: &mut Ticket) {
        if !matches!(ticket.health, Health::InStep | Health::Closed | Health::Conflict) {
            return;
        }
        let (Some((destination, _)), Some(item)) = (pass.destination(ticket), ticket.work_item.as_ref())
        else {
            return;
        };
        let home = home(destination);
        let place = Place::of(item);
        let is_agreed = ticket.following.agreed_place.as_ref() == Some(&place);
        let copies = ticket.following.unknown_copies();
        let id = item.id;
        if !is_agreed && !home.is_same(&place.project, &place.work_item_type) {
            let is_moved = !home.project.eq_ignore_ascii_case(&place.project);
            let (health, problem) = if is_moved {
                (Health::Moved, format!("Work item {id} was moved to the project {}.", place.project))
            } else {
                (Health::TypeChanged, format!("Work item {id} was made a {}.", place.work_item_type))
            };
            ticket.health = health;
            let also = ticket.problem.take().map(|also| format!(" {also}")).unwrap_or_default();
            ticket.problem = Some(format!("{problem}{also}"));
            let kept = match pass.foreign.at(destination, &place) {
                Some(abroad) if abroad.is_unknown => {
                    "Its workflow there cannot be read, so its state is left alone."
                }
                _ => "It is kept in step as far as the states of both types match.",
            };
            ticket.next_step = Some(format!(
                "{kept} Say that it is right there, hand the ticket over to a destination there, or release it."
            ));
        } else if !copies.is_empty() {
            let names: Vec<String> = copies.iter().map(ToString::to_string).collect();
            ticket.health = Health::Copied;
            ticket.problem = Some(format!(
                "Work item {id} is kept; also marked by Lockstep as this ticket: {}. Somebody copied or split it, or restored one that it had before.",
                names.join(", ")
            ));
            ticket.next_step = Some(
                "Say that it is meant to be so, follow the other one, or delete it on the board. Only one is kept in step."
                    .into(),
            );
        }
    }

    /// Adds a sentence to the log of a ticket.
    pub(crate) async fn note_on_ticket(
        &self,
        tx: &mut Tx,
        ticket: &Ticket,
        cause: &Cause,
        what: String,
    ) -> Result<(), Refusal> {
        let entry = Entry {
            id: self.inner.world.id(),
            at: self.inner.world.now(),
            subject: Subject::Ticket(ticket.id),
            cause,
            what,
            statuses: None,
            fields: &[],
        };
        store::audit::add(tx, entry).await?;
        Ok(())
    }
}

/// The mends that are offered for a ticket as it is.
pub fn offered(health: Health, has_work_item: bool) -> &'static [RepairKind] {
    use RepairKind::{Bind, FollowThere, HandOver, Ignore, Release, Replace, Restore};
    match health {
        Health::Deleted => &[Restore, Replace, Bind, Release],
        Health::Destroyed | Health::Missing => &[Replace, Bind, Release],
        Health::Moved | Health::TypeChanged => &[FollowThere, HandOver, Bind, Release],
        Health::Merged => &[Bind, Ignore, Release],
        Health::Copied => &[Ignore, Bind, Release],
        Health::Released => &[Replace, Bind],
        Health::Pending | Health::OverBudget => &[Bind, Release],
        Health::Held if !has_work_item => &[Bind, Release],
        Health::Parked if has_work_item => &[Release],
        Health::Parked | Health::Retrying | Health::Waiting if !has_work_item => &[Bind, Release],
        Health::InStep
        | Health::Waiting
        | Health::Conflict
        | Health::Retrying
        | Health::Parked
        | Health::Held
        | Health::Closed => &[],
    }
}
