//! Delivers service hooks as they fall due and tells the state what became of them.

use std::{sync::Arc, time::Duration};

use chrono::Utc;
use tokio::task::JoinSet;

use super::Shared;
use crate::state::{Delivery, DeliveryOutcome};

/// How long nothing is looked at when nothing is due and nobody calls.
const IDLE: Duration = Duration::from_secs(60);

pub(super) async fn run(shared: Arc<Shared>) {
    let mut sending = JoinSet::new();
    loop {
        let (due, wait) = {
            let mut state = shared.state();
            let now = Utc::now();
            let due = state.take_due_deliveries(now);
            let next = state.next_due().map(|at| (at - now).to_std().unwrap_or_default());
            (due, next.unwrap_or(IDLE).min(IDLE))
        };
        for delivery in due {
            sending.spawn(send(delivery, Arc::clone(&shared)));
        }
        tokio::select! {
            () = shared.stopped() => return,
            () = shared.changed.notified() => {}
            () = tokio::time::sleep(wait) => {}
            Some(_) = sending.join_next() => {}
        }
    }
}

async fn send(delivery: Delivery, shared: Arc<Shared>) {
    let mut request = shared.client.post(&delivery.url).body(delivery.body);
    for (name, value) in &delivery.headers {
        request = request.header(name, value);
    }
    let outcome = match request.send().await {
        Ok(answer) => DeliveryOutcome::Answered(answer.status().as_u16()),
        Err(error) => DeliveryOutcome::Failed(error.without_url().to_string()),
    };
    shared.state().delivery_finished(delivery.id, &outcome, Utc::now());
    shared.wake();
}
