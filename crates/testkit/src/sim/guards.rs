//! What people do about breakers, shadow mode and cards that were moved too often; and what must hold about them.

use std::collections::BTreeSet;

use engine::ConnectionChange;
use model::TicketId;
use model::guard::Stroke;
use rand::RngExt;
use store::args;
use store::breakers::Verdict;
use store::connections::Mode;
use store::tickets::Intent;

use crate::sim::laws::{Checked, broken};
use crate::sim::replica::Fate;
use crate::sim::{Simulation, by};

impl Simulation {
    pub(crate) async fn switch(&mut self, number: usize, mode: Mode) {
        let connection = self.connection;
        let change = ConnectionChange { mode: Some(mode), ..ConnectionChange::default() };
        self.on(number, Fate::Lives, &format!("switches the connection to {}", mode.as_str()), |engine| async move {
            engine.change_connection(connection, change, &by("Ada")).await.map(|_| ())
        })
        .await;
        self.see_the_mode().await;
    }

    /// Whatever switched the connection: since when it writes nothing.
    pub(crate) async fn see_the_mode(&mut self) {
        let mut tx = self.db().read().await.unwrap();
        let mode = store::connections::mode(&mut tx, self.connection).await.unwrap();
        drop(tx);
        self.shadow_since = match mode {
            Mode::Shadow => self.shadow_since.or_else(|| Some(azure::Clock::now(&*self.clock))),
            Mode::Active | Mode::Paused => None,
        };
    }

    /// Somebody decides about a breaker, if one waits.
    pub(crate) async fn somebody_looks_at_breakers(&mut self) {
        let Some(number) = self.somebody_awake() else { return };
        let mut tx = self.db().read().await.unwrap();
        let waiting = store::breakers::holding(&mut tx).await.unwrap();
        drop(tx);
        let Some(breaker) = waiting.first().cloned() else { return };
        let approve = self.chance.random_bool(0.5);
        let fate = self.fate_at(&[
            "before DELETE FROM breaker_ticket",
            "before UPDATE breaker",
            "before UPDATE alarm",
            "before UPDATE ticket",
        ]);
        let what = if approve { "lets through what a breaker holds" } else { "dismisses a breaker" };
        self.tally.count(format!("somebody {what}"));
        self.on(number, fate, what, |engine| async move {
            if approve {
                engine.approve_breaker(breaker.id, &by("Ada")).await
            } else {
                engine.dismiss_breaker(breaker.id, &by("Ada")).await
            }
        })
        .await;
    }

    /// Everything that waits for a person is let through.
    pub(crate) async fn everything_is_let_through(&mut self) {
        let mut tx = self.db().read().await.unwrap();
        let waiting = store::breakers::holding(&mut tx).await.unwrap();
        drop(tx);
        for breaker in waiting {
            self.on(0, Fate::Lives, "lets through what a breaker holds", |engine| async move {
                engine.approve_breaker(breaker.id, &by("Ada")).await
            })
            .await;
        }
    }
}

/// While a connection runs in shadow mode nothing is announced; what a breaker holds is not done.
pub(crate) async fn check_always(sim: &Simulation) -> Checked {
    let tickets = sim.tickets().await;
    if let Some(since) = sim.shadow_since {
        let latest = since + chrono::Duration::seconds(20);
        // What a person approved row by row is written all the same: that is what they ran it in shadow mode for. What was
        // announced so may stay in doubt when the approval is over.
        let mut tx = sim.db().read().await.unwrap();
        let rows = tx.all("SELECT DISTINCT ticket_id FROM plan_apply_ticket", args![]).await.unwrap();
        let approved: BTreeSet<TicketId> = rows.iter().map(|row| row.id("ticket_id").unwrap()).collect();
        for ticket in tickets.iter().filter(|ticket| !approved.contains(&ticket.id)) {
            if ticket.intent.as_ref().is_some_and(|intent| intent.deadline() > latest) {
                return broken(
                    "in shadow mode nothing is written",
                    format!("a write was announced for {} after the mode had begun", ticket.token),
                );
            }
        }
    }
    let mut tx = sim.db().read().await.unwrap();
    let rows = tx
        .all(
            "SELECT bt.ticket_id, bt.held_at, b.stroke, b.verdict FROM breaker_ticket bt JOIN breaker b ON b.id = bt.breaker_id
             WHERE b.verdict IN ('waiting', 'dismissed')",
            args![],
        )
        .await
        .unwrap();
    for row in rows {
        let (held_at, stroke): (_, Stroke) = (row.time("held_at").unwrap(), row.word("stroke").unwrap());
        let verdict: Verdict = row.word("verdict").unwrap();
        let id = row.id("ticket_id").unwrap();
        let Some(ticket) = tickets.iter().find(|ticket| ticket.id == id) else { continue };
        let done = match stroke {
            Stroke::Create => matches!(ticket.intent, Some(Intent::Create { .. })),
            // What it became since may be neither of these, and is not held then.
            Stroke::Close | Stroke::Reopen => {
                let is_it = ticket.status.is_open() == (stroke == Stroke::Reopen);
                is_it && ticket.moves.last().is_some_and(|at| *at > held_at)
            }
        };
        if done {
            return broken(
                "what a breaker holds waits for a person",
                format!("{} was held ({stroke:?}, {verdict:?}) and was written all the same", ticket.token),
            );
        }
        sim.tally.count(format!("a breaker holds: {}", stroke.as_str()));
    }
    Ok(())
}

/// At rest nobody is bothered about what is over.
pub(crate) async fn check(sim: &Simulation) -> Checked {
    let mut tx = sim.db().read().await.unwrap();
    let open = store::alarms::page(&mut tx, false, None, 200).await.unwrap();
    for alarm in open {
        if matches!(alarm.kind, store::alarms::Kind::CredentialDead | store::alarms::Kind::BreakerTripped) {
            return broken("an alarm ends with its cause", alarm.what);
        }
    }
    Ok(())
}
