//! What people say to each other, here and on the board, and how they decide conflicts; and what must hold about it.

use std::collections::BTreeSet;

use engine::{NewComment, Resolution};
use model::WorkItemId;
use model::merge::Field;
use model::merge::comments::Side;
use rand::RngExt;
use serde_json::Value;
use store::args;
use store::comments::Comment;
use store::tickets::Ticket;

use crate::sim::people::{LOCKSTEP, ask, item};
use crate::sim::{Simulation, Violation, by};

/// Stands in every private note, and must stand nowhere on the board.
const SECRET: &str = "for our eyes only";

/// What people do here with comments and conflicts, as it is counted.
pub(crate) const ACTS: &[&str] = &[
    "somebody changes a comment here",
    "somebody comments here",
    "somebody deletes a comment here",
    "somebody keeps the board's value",
    "somebody takes our value",
    "somebody writes a private note",
];

/// The comments of a work item as a person sees them.
pub(crate) fn on_board(sim: &Simulation, id: i64) -> Vec<Value> {
    let project = item(&sim.wire, id).map(|item| item["fields"]["System.TeamProject"].clone());
    let project = project.as_ref().and_then(Value::as_str).unwrap_or("Webshop");
    let path = format!("{project}/_apis/wit/workItems/{id}/comments?order=asc&api-version=7.1-preview.4");
    ask(&sim.wire, "GET", &path, &Value::Null)
        .and_then(|answer| answer["comments"].as_array().cloned())
        .unwrap_or_default()
}

impl Simulation {
    async fn comments(&self, ticket: &Ticket) -> Vec<Comment> {
        let mut tx = self.db().read().await.unwrap();
        store::comments::of_ticket(&mut tx, ticket.id).await.unwrap()
    }

    /// Somebody says something on a ticket, changes or takes back what they said, or decides a conflict.
    pub(crate) async fn somebody_says_something(&mut self) {
        let tickets = self.tickets().await;
        if tickets.is_empty() {
            return;
        }
        let in_conflict: Vec<&Ticket> = tickets.iter().filter(|t| !t.conflicts.is_empty()).collect();
        if let Some(ticket) = in_conflict.first().filter(|_| self.chance.random_bool(0.6)) {
            let conflict = &ticket.conflicts[self.chance.random_range(0..ticket.conflicts.len())];
            let Ok(field) = conflict.field.parse::<Field>() else { return };
            let resolution =
                if self.chance.random_bool(0.5) { Resolution::TakeOurs } else { Resolution::KeepTheirs };
            self.decide(ticket, field, resolution).await;
            return;
        }
        let ticket = &tickets[self.chance.random_range(0..tickets.len())];
        let own: Vec<Comment> = self
            .comments(ticket)
            .await
            .into_iter()
            .filter(|comment| comment.side == Side::Here && comment.deleted_at.is_none())
            .collect();
        let number: u32 = self.chance.random();
        let (id, fate) = (ticket.id, self.fate_at(&["before INSERT INTO comment", "before UPDATE comment"]));
        let Some(replica) = self.somebody_awake() else { return };
        let deed = self.chance.random_range(0..6);
        if deed < 3 || own.is_empty() {
            let is_private = deed == 0;
            let text = if is_private { format!("{SECRET} {number}") } else { format!("Word {number} <b>") };
            self.tally.count(ACTS[if is_private { 5 } else { 1 }]);
            let what = format!("is told {text:?} on {}", ticket.token);
            self.on(replica, fate, &what, |engine| async move {
                engine.write_comment(id, NewComment { text, is_private }, &by("Ada")).await.map(|_| ())
            })
            .await;
            return;
        }
        let comment = &own[self.chance.random_range(0..own.len())];
        let of = comment.id;
        if deed == 5 {
            self.tally.count(ACTS[2]);
            let what = format!("deletes {} of {}", comment.token, ticket.token);
            self.on(
                replica,
                fate,
                &what,
                |engine| async move { engine.delete_comment(id, of, &by("Ada")).await },
            )
            .await;
        } else {
            self.tally.count(ACTS[0]);
            let what = format!("changes {} of {} to {number}", comment.token, ticket.token);
            let text =
                if comment.is_private { format!("{SECRET} {number}") } else { format!("Now {number}") };
            self.on(replica, fate, &what, |engine| async move {
                engine.edit_comment(id, of, &text, &by("Ada")).await
            })
            .await;
        }
    }

    async fn decide(&mut self, ticket: &Ticket, field: Field, resolution: Resolution) {
        let Some(replica) = self.somebody_awake() else { return };
        let (id, fate) = (ticket.id, self.fate_at(&["before UPDATE ticket", "before INSERT INTO audit"]));
        self.tally.count(ACTS[if resolution == Resolution::TakeOurs { 4 } else { 3 }]);
        let what = format!("is told about {} of {}: {resolution:?}", field.label(), ticket.token);
        self.on(replica, fate, &what, |engine| async move {
            engine.resolve_conflict(id, field, resolution, &by("Ada")).await
        })
        .await;
    }
}

/// Fields of a ticket for which a person decided, at any time, that Lockstep's value counts.
pub(crate) async fn decided_for_ours(sim: &Simulation, ticket: &Ticket) -> BTreeSet<&'static str> {
    let mut tx = sim.db().read().await.unwrap();
    let rows = tx
        .all(
            "SELECT what FROM audit WHERE subject = 'ticket' AND subject_id = $1 AND cause = 'person'",
            args![ticket.id],
        )
        .await
        .unwrap();
    let log: Vec<String> = rows.iter().map(|row| row.text("what").unwrap()).collect();
    let decided = |field: &Field| {
        let words = format!("decided the conflict on {}: Lockstep's value counts", field.label());
        log.iter().any(|what| what.contains(&words))
    };
    Field::ALL.into_iter().filter(decided).map(Field::label).collect()
}

/// A revision that only a comment made.
pub(crate) fn is_of_a_comment(before: &Value, after: &Value) -> bool {
    const MOVING: [&str; 10] = [
        "System.AuthorizedAs",
        "System.AuthorizedDate",
        "System.ChangedBy",
        "System.ChangedDate",
        "System.CommentCount",
        "System.History",
        "System.PersonId",
        "System.Rev",
        "System.RevisedDate",
        "System.Watermark",
    ];
    let still = |revision: &Value| {
        let mut fields = revision["fields"].as_object().cloned().unwrap_or_default();
        fields.retain(|name, _| !MOVING.contains(&name.as_str()));
        fields
    };
    still(before) == still(after) && before["relations"] == after["relations"]
}

fn broken(law: &'static str, what: String) -> Result<(), Violation> {
    Err(Violation { law, what })
}

/// Each version of a comment is obeyed once at most.
pub(crate) async fn commands_are_obeyed_once(sim: &Simulation) -> Result<(), Violation> {
    let mut tx = sim.db().read().await.unwrap();
    let rows = tx
        .all(
            "SELECT cause_label, COUNT(*) AS times FROM audit WHERE subject = 'ticket' AND what LIKE '% asked in a comment: %'
             GROUP BY subject_id, cause_label",
            args![],
        )
        .await
        .unwrap();
    for row in rows {
        let times = row.int("times").unwrap();
        if times > 1 {
            let what = format!("{} was obeyed {times} times", row.text("cause_label").unwrap());
            return broken("a command is obeyed once", what);
        }
        sim.tally.count("a command in a comment is obeyed");
    }
    Ok(())
}

/// Nothing private is on the board; nothing is there twice; nothing is lost; what a person wrote there we never touch.
pub(crate) async fn check(sim: &Simulation, ticket: &Ticket, history: &[Value]) -> Result<(), Violation> {
    let Some(WorkItemId(id)) = ticket.work_item_id else { return Ok(()) };
    let there = on_board(sim, id);
    if history.iter().chain(&there).any(|said| said.to_string().contains(SECRET)) {
        return broken("private notes stay here", format!("a private note of {} is on {id}", ticket.token));
    }
    // What has ended is not talked about any more.
    if history.is_empty() || ticket.has_ended() {
        return Ok(());
    }
    let mut here = sim.comments(ticket).await;
    // What was said on a work item that was given up stays there.
    here.retain(|said| said.is_of(ticket.work_item_id));
    let text = |said: &Value| said["text"].as_str().unwrap_or_default().to_owned();
    for said in &here {
        let copies = there
            .iter()
            .filter(|said_there| !said.token.is_empty() && text(said_there).contains(&said.token));
        let copies: Vec<&Value> =
            copies.filter(|said_there| said_there["createdBy"]["uniqueName"] == LOCKSTEP).collect();
        let name = format!("{} of {} on {id}", said.token, ticket.token);
        if copies.len() > 1 {
            return broken("a comment is there once", format!("{name} is there {} times", copies.len()));
        }
        if said.side != Side::Here || said.is_private || said.is_over || said.problem.is_some() {
            continue;
        }
        let wanted = said.deleted_at.is_none();
        if wanted != (copies.len() == 1) {
            let what = format!("{name} is there {} times and is wanted: {wanted}", copies.len());
            return broken("no comment is lost", what);
        }
        // As people read it: paragraphs and entities are the board's business.
        let one_line = |words: &str| words.split_whitespace().collect::<Vec<_>>().join(" ");
        let words = one_line(&said.text);
        let reads = |copy: &&&Value| one_line(&model::content::plain(&text(copy))).contains(&words);
        if let Some(copy) = copies.first().filter(|copy| !reads(copy)) {
            return broken("no comment is lost", format!("{name} says {} in place of {words}", text(copy)));
        }
    }
    for said in &there {
        let by_a_person = said["createdBy"]["uniqueName"] != LOCKSTEP;
        if by_a_person && said["modifiedBy"]["uniqueName"] == LOCKSTEP {
            let what = format!("we changed the comment {} of {id}", said["id"]);
            return broken("a person's comment is theirs", what);
        }
        let known: Vec<&Comment> =
            here.iter().filter(|known| known.board_id == said["id"].as_i64()).collect();
        if known.len() > 1 || (by_a_person && known.len() != 1) {
            let what =
                format!("comment {} of {id} is shown {} times: {}", said["id"], known.len(), text(said));
            return broken("a comment of the board is shown once", what);
        }
        if let Some(known) = known.first().filter(|_| by_a_person)
            && (known.deleted_at.is_some() || known.text != model::content::plain(&text(said)))
        {
            let what =
                format!("comment {} of {id} says {}, and {:?} is shown", said["id"], text(said), known.text);
            return broken("a comment of the board is shown once", what);
        }
    }
    let gone = here.iter().find(|known| {
        known.side == Side::Board
            && known.deleted_at.is_none()
            && !there.iter().any(|said| said["id"].as_i64() == known.board_id)
    });
    match gone {
        Some(known) => broken(
            "a comment of the board is shown once",
            format!("{:?} of {id} was deleted there and is shown", known.text),
        ),
        None => Ok(()),
    }
}
