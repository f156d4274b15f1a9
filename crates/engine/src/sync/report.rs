//! What becomes of a ticket after a try: the words people read, and when it is tried again.

use azure::{Error, Missing};
use chrono::{DateTime, Duration, Utc};
use model::TicketId;
use model::board::ItemLink;
use store::Tx;
use store::alarms::Kind;
use store::audit::{Cause, CauseKind};
use store::tickets::{Health, Ticket};

use crate::Refusal;
use crate::alarms::About;
use crate::connections::Board;
use crate::engine::{Engine, EventKind};
use crate::sync::desired::backoff;

/// Tries after which a ticket waits for a person.
const MOST_ATTEMPTS: u32 = 12;

/// Tries after which a ticket that the board refuses on its content waits for a person.
const MOST_REJECTIONS: u32 = 3;

/// How far an error reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Only this ticket.
    Ticket,
    /// Everything of the connection until a time.
    Connection(DateTime<Utc>),
}

impl Engine {
    /// How far an error reaches. A dead credential stops the connection once, not each ticket.
    pub(crate) fn reach(&self, error: &Error) -> Reach {
        let now = self.inner.world.now();
        match error {
            Error::Throttled { retry_at, .. } => Reach::Connection(*retry_at),
            // Asking again by itself changes nothing; signing in again ends the wait.
            Error::SignIn { why, .. } if why.needs_a_person() => Reach::Connection(now + Duration::days(1)),
            Error::SignIn { .. } => Reach::Connection(now + Duration::minutes(5)),
            Error::NotSent { .. } => Reach::Connection(now + Duration::seconds(10)),
            Error::Unavailable { retry_at, .. } => {
                Reach::Connection(retry_at.unwrap_or(now + Duration::seconds(15)))
            }
            _ => Reach::Ticket,
        }
    }

    /// Stops a connection for a while, with the reason in plain words.
    pub(crate) async fn block(
        &self,
        board: &Board,
        error: &Error,
        until: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        tracing::warn!(connection = %board.id, %until, error = error as &dyn std::error::Error, "the connection waits");
        let mut tx = self.inner.db.begin().await?;
        let text = format!("{}. {}", error.message().trim_end_matches('.'), error.next_step());
        store::connections::blocked(&mut tx, board.id, &text, until).await?;
        if matches!(error, Error::SignIn { why, .. } if why.needs_a_person()) {
            let next_step = "Renew the sign-in of the connection, then everything that waited goes on.";
            self.raise(&mut tx, Kind::CredentialDead, About::Connection(board.id), &text, next_step).await?;
        }
        tx.commit().await?;
        if matches!(error, Error::SignIn { .. }) {
            // Another replica may have stored a new sign-in.
            self.renew_client(board.id).await?;
        }
        self.announce(EventKind::Connection, board.id.0);
        Ok(())
    }

    /// A ticket whose record cannot be read waits for a person, and keeps no other from its turn.
    pub(crate) async fn park_damaged(&self, damaged: &[(TicketId, String)]) -> Result<(), Refusal> {
        if damaged.is_empty() {
            return Ok(());
        }
        let mut tx = self.inner.db.begin().await?;
        for (id, why) in damaged {
            tracing::error!(ticket = %id, why, "the record of a ticket is damaged");
            store::tickets::park_damaged(&mut tx, *id, why).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Of the work items that a write failed for one may be gone that it would have been linked to: without the link it is
    /// carried out.
    pub(crate) async fn leave_out_links(
        &self,
        tx: &mut Tx,
        ticket: &mut Ticket,
        error: &Error,
        links: &[ItemLink],
    ) -> Result<(), Refusal> {
        if !matches!(error, Error::NotFound { what: Missing::WorkItem, .. }) {
            return Ok(());
        }
        for ItemLink { to, .. } in links {
            if ticket.following.unlinkable.contains(to) {
                continue;
            }
            ticket.following.unlinkable.push(*to);
            let cause = Cause::new(CauseKind::WorkItem, format!("work item {to}"));
            let what = format!("Not linked to work item {to}: it is gone, or may not be seen.");
            self.note_on_ticket(tx, ticket, &cause, what).await?;
        }
        Ok(())
    }

    /// Keeps an error on its ticket and says when it is tried again. An outstanding intent stays if the outcome is unknown.
    pub(crate) async fn failed(
        &self,
        tx: &mut Tx,
        ticket: &mut Ticket,
        error: &Error,
    ) -> Result<(), Refusal> {
        let now = self.inner.world.now();
        ticket.attempts += 1;
        ticket.health = Health::Retrying;
        ticket.problem = Some(format!("{}.", error.message().trim_end_matches('.')));
        ticket.next_step = Some(error.next_step());
        let rejected =
            matches!(error, Error::Rejected { .. } | Error::Forbidden { .. } | Error::Misplaced { .. });
        if rejected {
            self.doubt_process(tx, ticket.connection_id).await?;
        }
        ticket.next_attempt_at = match (error, &ticket.intent) {
            (Error::UnknownOutcome { .. }, Some(intent)) => intent.deadline() + self.inner.settings.settle,
            (Error::RevisionMoved { .. } | Error::DeadlinePassed { .. }, _) => now,
            _ => now + backoff(ticket.attempts, self.inner.world.chance.bits()),
        };
        if ticket.attempts >= MOST_ATTEMPTS || (rejected && ticket.attempts >= MOST_REJECTIONS) {
            ticket.parked = true;
            ticket.health = Health::Parked;
        }
        store::tickets::save(tx, ticket).await?;
        Ok(())
    }
}
