//! Commands in comments of work items. What is asked for is read from the board, never from a hook; who asks is matched to
//! a user here; each version of a comment is obeyed once, in the transaction that takes the comment over, and answered in a
//! comment of ours.

use model::acceptance::Terms;
use model::board;
use model::command::{self, Right, Spoken};
use model::lifecycle::Command;
use model::role::Role;
use model::status::{FallBack, RequestKind};
use store::Tx;
use store::audit::{Cause, CauseKind};
use store::connections::Mode;
use store::findings::Finding;
use store::tickets::Ticket;

use crate::engine::Engine;
use crate::{Actor, Refusal};

/// Findings that are named in an answer.
const NAMED: usize = 5;

/// What a comment wants for all open findings of a ticket.
enum Wanted {
    Command(Command),
    /// One acceptance for all of them.
    Accept(Terms),
}

/// Who answers.
const OURSELVES: &str = "Lockstep";

impl Engine {
    /// Obeys the command in a comment of the board, if it is one that was not obeyed before, and answers.
    ///
    /// # Errors
    /// If the database refuses. What is not possible, or not allowed, is an answer.
    pub(crate) async fn obey(
        &self,
        tx: &mut Tx,
        ticket: &Ticket,
        comment: &board::Comment,
        text: &str,
    ) -> Result<(), Refusal> {
        let Some(read) = command::parse(text) else { return Ok(()) };
        // What was said before there was a ticket was not said to us; in shadow mode nothing is followed.
        if comment.modified_at < ticket.created_at
            || store::connections::mode(tx, ticket.connection_id).await? == Mode::Shadow
        {
            return Ok(());
        }
        let now = self.inner.world.now();
        if !store::commands::first(tx, ticket.id, comment.id, comment.version, now).await? {
            return Ok(());
        }
        // Whoever wrote this version speaks: a comment of somebody with the right may be edited by somebody without.
        let speaker = &comment.editor;
        let name = if speaker.display_name.is_empty() { &speaker.unique_name } else { &speaker.display_name };
        let user = store::users::on_board(tx, &speaker.id, &speaker.unique_name).await?;
        let answer = match (user, read) {
            (None, _) => format!(
                "{name} is not known here. An administrator of Lockstep can add the address {} to a user.",
                speaker.unique_name
            ),
            (Some(_), Err(why)) => format!("{name}, this was not understood: {why}."),
            (Some(user), Ok(spoken)) => {
                let role = user.role.parse::<Role>().unwrap_or(Role::Reader);
                self.carry_out_spoken(tx, ticket, &spoken, &Actor { name: user.name }, role).await?
            }
        };
        let cause =
            Cause::new(CauseKind::WorkItem, format!("comment {} version {}", comment.id, comment.version));
        let what = format!("{name} asked in a comment: {}. {answer}", model::content::clip(text, 200));
        self.note_on_ticket(tx, ticket, &cause, what).await?;
        self.speak(tx, ticket, &answer, &Actor { name: OURSELVES.into() }).await
    }

    async fn carry_out_spoken(
        &self,
        tx: &mut Tx,
        ticket: &Ticket,
        spoken: &Spoken,
        by: &Actor,
        role: Role,
    ) -> Result<String, Refusal> {
        let right = spoken.right(role);
        if right == Right::None {
            return Ok(format!(
                "{} has the role {}, which may not {}.",
                by.name,
                role.as_str(),
                spoken.word()
            ));
        }
        let asks = right == Right::Ask;
        match spoken {
            Spoken::Accept { until, reason } => {
                let until = until.map(command::end_of);
                let wanted = match asks {
                    true => Wanted::Command(Command::Ask(RequestKind::RiskAcceptance)),
                    false => Wanted::Accept(Terms { reason: reason.clone(), until, ..Terms::default() }),
                };
                self.decide_spoken(tx, ticket, wanted, Some(reason), until, by).await
            }
            Spoken::FalsePositive { reason } => {
                let command = if asks {
                    Command::Ask(RequestKind::FalsePositive)
                } else {
                    Command::DismissAsFalsePositive
                };
                self.decide_spoken(tx, ticket, Wanted::Command(command), Some(reason), None, by).await
            }
            Spoken::Retest => {
                self.decide_spoken(tx, ticket, Wanted::Command(Command::Claim), None, None, by).await
            }
            Spoken::Split { places, reason } => {
                let findings = store::findings::of_ticket(tx, ticket.id).await?;
                let chosen: Option<Vec<_>> = places
                    .iter()
                    .map(|place| findings.get(place.checked_sub(1)?).map(|finding| finding.id))
                    .collect();
                let Some(chosen) = chosen else {
                    return Ok(format!(
                        "This work item has {} findings: give places from 1 to {}.",
                        findings.len(),
                        findings.len()
                    ));
                };
                said(self.split(tx, ticket.id, &chosen, None, reason, by).await, |new| {
                    format!(
                        "Done: {} go on in a work item of their own, see {}",
                        count(chosen.len()),
                        self.page(&format!("tickets/{}", new.id))
                    )
                })
            }
            Spoken::Reassign { to } => {
                let wanted = to.to_lowercase();
                let mut others = store::destinations::all(tx).await?;
                others.retain(|other| {
                    other.connection_id == ticket.connection_id && other.id != ticket.destination_id
                });
                let names: Vec<String> = others.iter().map(|other| other.settings.name.clone()).collect();
                let exact = others.iter().find(|other| other.settings.name.to_lowercase() == wanted);
                let alike: Vec<_> = others
                    .iter()
                    .filter(|other| other.settings.name.to_lowercase().contains(&wanted))
                    .collect();
                let found = exact.or(if alike.len() == 1 { alike.first().copied() } else { None });
                let Some(found) = found else {
                    return Ok(format!(
                        "There is no one destination '{}'. There are: {}.",
                        model::content::clip(to, 100),
                        if names.is_empty() { "no others".to_owned() } else { names.join("; ") }
                    ));
                };
                said(self.carry_to(tx, ticket.id, found.id, by).await, |()| {
                    format!("Done: this goes to {}.", found.settings.name)
                })
            }
        }
    }

    /// Gives all open findings of a ticket a command. Those for which it is not possible stay as they are, and that is said.
    async fn decide_spoken(
        &self,
        tx: &mut Tx,
        ticket: &Ticket,
        wanted: Wanted,
        reason: Option<&str>,
        until: Option<chrono::DateTime<chrono::Utc>>,
        by: &Actor,
    ) -> Result<String, Refusal> {
        // Whoever asks for an acceptance until a day decides nothing that ends then.
        let temporary = until.map(|until| (until, FallBack::Identified));
        let circumstances = self.by_person(by, reason, temporary);
        let cause = Cause::new(CauseKind::Person, by.name.clone());
        let why = reason.map_or_else(|| ".".to_owned(), |reason| format!(": {reason}"));
        let what = format!("{} said so in a comment on the board{why}", by.name);
        let (mut done, mut refused) = (0_usize, Vec::new());
        let open: Vec<Finding> = store::findings::of_ticket(tx, ticket.id)
            .await?
            .into_iter()
            .filter(|finding| finding.status.is_open())
            .collect();
        if open.is_empty() {
            return Ok("This work item has no open findings: nothing was changed.".into());
        }
        let acceptance = match &wanted {
            Wanted::Command(_) => None,
            Wanted::Accept(terms) => match self.new_acceptance(tx, terms.clone(), &open, by).await {
                Ok(acceptance) => Some(acceptance),
                Err(refusal) if refusal.kind == crate::RefusalKind::Internal => return Err(refusal),
                Err(refusal) => {
                    return Ok(format!("Nothing was changed. {} {}", refusal.detail, refusal.next_step));
                }
            },
        };
        for finding in &open {
            let followed = match (&wanted, &acceptance) {
                (Wanted::Command(command), _) => {
                    self.follow(tx, finding, command, &circumstances, &cause, what.clone()).await?
                }
                (Wanted::Accept(_), Some(acceptance)) => {
                    self.accept(tx, finding, acceptance, by, &cause, what.clone()).await?
                }
                (Wanted::Accept(_), None) => continue,
            };
            match followed {
                Ok(_) => done += 1,
                Err(illegal) if refused.len() < NAMED => {
                    refused.push(format!("{}: {illegal}", finding.detail.title));
                }
                Err(_) => {}
            }
        }
        let until = until.map(|until| format!(" until {}", until.format("%Y-%m-%d")));
        let until = until.unwrap_or_default();
        let outcome = match &wanted {
            Wanted::Accept(_) => format!("the risk of {} is accepted{until}", count(done)),
            Wanted::Command(Command::DismissAsFalsePositive) => {
                format!("{} set to false positive", count(done))
            }
            Wanted::Command(Command::Claim) => {
                format!("{} set to awaiting validation: the next scan that covers them decides", count(done))
            }
            Wanted::Command(_) => format!("asked for {}: somebody with the right decides", count(done)),
        };
        if refused.is_empty() {
            return Ok(format!("Done: {outcome}."));
        }
        Ok(match done {
            0 => format!("Nothing was changed. {}", refused.join(". ")),
            _ => format!("Done: {outcome}. Not possible: {}", refused.join(". ")),
        })
    }
}

/// An answer; what was refused is one too, but for faults of our own.
fn said<T>(outcome: Result<T, Refusal>, words: impl Fn(T) -> String) -> Result<String, Refusal> {
    match outcome {
        Ok(done) => Ok(words(done)),
        Err(refusal) if refusal.kind == crate::RefusalKind::Internal => Err(refusal),
        Err(refusal) => Ok(format!("Not done: {} {}", refusal.detail, refusal.next_step)),
    }
}

fn count(findings: usize) -> String {
    if findings == 1 { "1 finding".into() } else { format!("{findings} findings") }
}
