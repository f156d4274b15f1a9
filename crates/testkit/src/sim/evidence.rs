//! What people attach to tickets, here and on the board; and what must hold about it.

use engine::NewAttachment;
use model::WorkItemId;
use rand::RngExt;
use rand::seq::IndexedRandom;
use serde_json::Value;
use store::tickets::Ticket;

use crate::sim::laws::{Checked, broken};
use crate::sim::people::item;
use crate::sim::{Simulation, by};

/// What people attach, as it is counted.
pub(crate) const ACTS: &[&str] =
    &["somebody attaches a private file", "somebody attaches evidence", "somebody deletes evidence"];

/// How the names of files begin that must not be on the board.
const PRIVATE: &str = "private";

impl Simulation {
    /// Somebody attaches a file to a ticket, or deletes one.
    pub(crate) async fn somebody_brings_evidence(&mut self) {
        let Some(number) = self.somebody_awake() else { return };
        let tickets = self.tickets().await;
        let Some(ticket) = tickets.choose(&mut self.chance) else { return };
        let fate =
            self.fate_at(&["before INSERT INTO attachment", "before UPDATE attachment", "before commit"]);
        let (id, ada) = (ticket.id, by("Ada"));
        let mut tx = self.db().read().await.unwrap();
        let known = store::attachments::of_ticket(&mut tx, id).await.unwrap();
        drop(tx);
        let there: Vec<_> = known.iter().filter(|file| file.deleted_at.is_none()).collect();
        if let Some(file) = there.choose(&mut self.chance).filter(|_| self.chance.random_bool(0.5)) {
            let of = file.id;
            self.tally.count(ACTS[2]);
            let what = format!("deletes {} of {}", file.name, ticket.token);
            self.on(
                number,
                fate,
                &what,
                |engine| async move { engine.delete_attachment(id, of, &ada).await },
            )
            .await;
            return;
        }
        let is_private = self.chance.random_bool(0.2);
        let word = if is_private { PRIVATE } else { "evidence" };
        let name = format!("{word}-{}.txt", self.chance.random_range(0..1_000_000));
        self.tally.count(ACTS[usize::from(!is_private)]);
        let what = format!("is given {name} for {}", ticket.token);
        let content = name.clone().into_bytes();
        self.on(number, fate, &what, |engine| async move {
            engine.attach(id, NewAttachment { name, content, is_private }, &ada).await.map(drop)
        })
        .await;
    }
}

fn files(item: &Value) -> Vec<String> {
    let relations = item["relations"].as_array().into_iter().flatten();
    relations
        .filter(|relation| relation["rel"] == "AttachedFile")
        .filter_map(|relation| relation["attributes"]["name"].as_str().map(str::to_owned))
        .collect()
}

/// What is attached here is on the work item once; what is private is not there, and never was; what people attached there
/// they keep.
pub(crate) async fn check(sim: &Simulation, ticket: &Ticket, history: &[Value]) -> Checked {
    let Some(WorkItemId(id)) = ticket.work_item_id else { return Ok(()) };
    if history.iter().flat_map(files).any(|name| name.starts_with(PRIVATE)) {
        return broken("private notes stay here", format!("a private file of {} is on {id}", ticket.token));
    }
    let Some(now) = item(&sim.wire, id) else { return Ok(()) };
    let there = files(&now);
    let mut tx = sim.db().read().await.unwrap();
    let mut here = store::attachments::of_ticket(&mut tx, ticket.id).await.unwrap();
    drop(tx);
    // What was attached to a work item that was given up stays there.
    here.retain(|file| file.is_of(ticket.work_item_id));
    for name in &there {
        let copies = there.iter().filter(|other| *other == name).count();
        if copies > 1 {
            return broken("a file is there once", format!("{name} is on {id} {copies} times"));
        }
    }
    if ticket.has_ended() {
        return Ok(());
    }
    let taken = sim.wire.taken();
    for file in here.iter().filter(|file| !file.is_private && file.problem.is_none()) {
        let is_wanted = file.deleted_at.is_none() && !file.is_over;
        if is_wanted && taken.contains(&file.name) {
            // Whoever took it away has decided.
            continue;
        }
        if is_wanted != there.contains(&file.name) {
            return broken(
                "no file is lost",
                format!(
                    "{} of {} is wanted on {id}: {is_wanted}, and on it are {there:?}",
                    file.name, ticket.token
                ),
            );
        }
    }
    Ok(())
}
