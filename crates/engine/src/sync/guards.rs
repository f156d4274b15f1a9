//! What may stand between a decision and its write: the switches of the connection, the breakers of the destination, and
//! the damping of cards that are moved back and forth.

use chrono::{DateTime, Duration, Utc};
use model::board::WorkItem;
use model::guard::Stroke;
use model::merge::{Base, Desired, FieldChange, Outcome};
use store::Tx;
use store::alarms::Kind;
use store::audit::{Cause, CauseKind, Entry, Subject};
use store::connections::Mode;
use store::destinations::Destination;
use store::tickets::{Health, Ticket};

use crate::Refusal;
use crate::alarms::About;
use crate::engine::Engine;
use crate::sync::breakers::verb;
use crate::sync::pass::Pass;

/// A ticket that is held back has its next look after this; what is decided meanwhile wakes it at once.
const LOOK_AGAIN: Duration = Duration::minutes(15);

/// Moves older than this are forgotten.
const A_DAY: Duration = Duration::hours(24);

/// What a turn is about to write.
pub(crate) enum Wish<'a> {
    /// A new work item.
    Create(&'a Desired),
    /// A change of the work item.
    Update(&'a Desired, &'a Outcome),
}

impl Engine {
    /// Whether a write must not leave now. If so, the reason is put down on the ticket, and when it is looked at again;
    /// the caller saves the ticket. A write that may leave is counted here if it moves the card.
    pub(crate) async fn is_held(
        &self,
        tx: &mut Tx,
        pass: &Pass<'_>,
        destination: &Destination,
        ticket: &mut Ticket,
        wish: &Wish<'_>,
    ) -> Result<bool, Refusal> {
        let now = self.inner.world.now();
        let waits = match wish {
            Wish::Create(_) => Health::Pending,
            Wish::Update(..) => Health::Waiting,
        };
        // This process may have stood still since the pass began: what is stored now counts.
        match store::connections::mode(tx, ticket.connection_id).await? {
            Mode::Active => {}
            Mode::Paused | Mode::Shadow if pass.is_rehearsal => {}
            // In shadow mode people look first, and then ask for it.
            Mode::Shadow if ticket.following.approval.is_some() => {}
            Mode::Paused => {
                let what = match wish {
                    Wish::Create(_) => "The connection is paused.",
                    Wish::Update(..) => "The connection is paused: a change waits.",
                };
                hold(ticket, waits, what, "Resume the connection.", now + Duration::minutes(5));
                return Ok(true);
            }
            Mode::Shadow => {
                self.tell_shadow(tx, ticket, destination, wish).await?;
                ticket.health = waits;
                ticket.next_attempt_at = now + Duration::minutes(5);
                return Ok(true);
            }
        }
        let stroke = match wish {
            Wish::Create(_) => Some(Stroke::Create),
            Wish::Update(desired, outcome) if moves(outcome) => {
                Stroke::between(outcome.base.status, desired.status)
            }
            Wish::Update(..) => None,
        };
        // Whoever chose the state of this very card, or made the ticket by hand, has looked.
        let has_looked = ticket.following.wanted_state().is_some()
            || (stroke == Some(Stroke::Create) && ticket.group_key.starts_with(store::tickets::BY_HAND));
        if let Some(stroke) = stroke.filter(|_| !has_looked) {
            let held = self.held_by(tx, ticket.id, destination, stroke).await?;
            let is_looked_at = pass.is_rehearsal || ticket.following.approval.is_some();
            let is_allowed = pass.allowed.has(ticket.id, stroke)
                || (is_looked_at && held.is_none() && self.is_usual(tx, pass, destination, stroke).await?);
            if held.is_none() && is_allowed {
                return self.is_flapping(tx, destination, ticket, wish, now).await;
            }
            match held {
                Some((what, next_step)) => hold(ticket, Health::Held, &what, &next_step, now + LOOK_AGAIN),
                None if is_looked_at => {
                    let what = format!(
                        "{} would {} more work items at once than usual: that waits for a person.",
                        destination.settings.name,
                        verb(stroke)
                    );
                    let next_step = "Let these through on the page Alarms once they are held, or leave them.";
                    hold(ticket, Health::Held, &what, next_step, now + LOOK_AGAIN);
                }
                None => {
                    // It came up after this pass had counted.
                    ticket.health = waits;
                    ticket.next_attempt_at = now + Duration::seconds(1);
                }
            }
            return Ok(true);
        }
        self.is_flapping(tx, destination, ticket, wish, now).await
    }

    /// A card that we moved too often within a day stays where it is until the oldest move is a day old, or a person lets
    /// it be tried again.
    async fn is_flapping(
        &self,
        tx: &mut Tx,
        destination: &Destination,
        ticket: &mut Ticket,
        wish: &Wish<'_>,
        now: DateTime<Utc>,
    ) -> Result<bool, Refusal> {
        if !matches!(wish, Wish::Update(_, outcome) if moves(outcome)) {
            return Ok(false);
        }
        ticket.moves.retain(|at| *at > now - A_DAY);
        let most = usize::try_from(destination.settings.limits.moves_a_day).unwrap_or(usize::MAX);
        if let Some(oldest) = ticket.moves.first()
            && ticket.moves.len() >= most
        {
            let what = format!(
                "Lockstep moved this card {} times within 24 hours: findings and board contradict each other again and again.",
                ticket.moves.len()
            );
            let next_step = format!(
                "Find out who moves it or which scans disagree, then try again; by itself it goes on at {}.",
                (*oldest + A_DAY).format("%Y-%m-%d %H:%M UTC")
            );
            let again = *oldest + A_DAY;
            hold(ticket, Health::Held, &what, &next_step, again);
            self.raise(tx, Kind::Flapping, About::Ticket(ticket.id), &what, &next_step).await?;
            return Ok(true);
        }
        ticket.moves.push(now);
        self.clear(tx, Kind::Flapping, About::Ticket(ticket.id)).await?;
        Ok(false)
    }

    /// In shadow mode a card that was moved is not followed: what that would mean is said, and both stay as they are. The
    /// base is kept, so that the move is followed once the mode ends.
    pub(crate) async fn shadow_follow(
        &self,
        tx: &mut Tx,
        ticket: &mut Ticket,
        base: Base,
        view: &WorkItem,
    ) -> Result<(), Refusal> {
        let what = format!(
            "Would have followed work item {} to {} (revision {}).",
            view.id, view.state, view.revision
        );
        self.say_shadow(tx, ticket, what, &[]).await?;
        ticket.base = Some(base);
        ticket.work_item = Some(view.clone());
        ticket.health = Health::Waiting;
        ticket.next_attempt_at = self.inner.world.now() + Duration::minutes(5);
        store::tickets::save(tx, ticket).await?;
        Ok(())
    }

    /// What would have been written stands on the ticket, and once for each change in its log.
    pub(crate) async fn tell_shadow(
        &self,
        tx: &mut Tx,
        ticket: &mut Ticket,
        destination: &Destination,
        wish: &Wish<'_>,
    ) -> Result<(), Refusal> {
        let settings = &destination.settings;
        let (what, fields): (String, &[FieldChange]) = match wish {
            Wish::Create(desired) => (
                format!(
                    "Would have created a {} in {}: {}.",
                    settings.work_item_type, settings.name, desired.title
                ),
                &[],
            ),
            Wish::Update(desired, outcome) => {
                let number = ticket.work_item_id.map(|id| id.to_string()).unwrap_or_default();
                let changes: Vec<String> = outcome
                    .fields
                    .iter()
                    .map(|change| format!("{} to {}", change.field, short(&change.to)))
                    .collect();
                (
                    format!(
                        "Would have changed work item {number} ({}): {}.",
                        desired.status.label(),
                        if changes.is_empty() { "its place".to_owned() } else { changes.join("; ") }
                    ),
                    &outcome.fields,
                )
            }
        };
        self.say_shadow(tx, ticket, what, fields).await
    }

    /// Says once what would have happened.
    pub(crate) async fn say_shadow(
        &self,
        tx: &mut Tx,
        ticket: &mut Ticket,
        what: String,
        fields: &[FieldChange],
    ) -> Result<(), Refusal> {
        if ticket.problem.as_ref() == Some(&what) {
            return Ok(());
        }
        let cause = Cause::new(CauseKind::Rule, "the connection runs in shadow mode");
        let entry = Entry {
            id: self.inner.world.id(),
            at: self.inner.world.now(),
            subject: Subject::Ticket(ticket.id),
            cause: &cause,
            what: what.clone(),
            statuses: None,
            fields,
        };
        store::audit::add(tx, entry).await?;
        ticket.problem = Some(what);
        ticket.next_step = Some("End the shadow mode of the connection to let it happen.".into());
        Ok(())
    }
}

fn hold(ticket: &mut Ticket, health: Health, what: &str, next_step: &str, again: DateTime<Utc>) {
    ticket.health = health;
    ticket.problem = Some(what.to_owned());
    ticket.next_step = Some(next_step.to_owned());
    ticket.next_attempt_at = again;
}

/// The card gets another place.
fn moves(outcome: &Outcome) -> bool {
    outcome.writes.iter().any(|write| write.state.is_some() || write.column.is_some())
}

/// Long texts are cut: the fields of the log have them in full.
fn short(text: &str) -> String {
    let mut cut: String = text.chars().take(60).collect();
    if cut.len() < text.len() {
        cut.push('…');
    }
    cut
}
