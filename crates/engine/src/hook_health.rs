//! Our service-hook subscriptions are looked after: the service disables those whose deliveries failed for a while, and
//! says so to nobody (azure-devops.md section 9.4). With every sweep they are compared with what they should be.
//!
//! Nothing rests on them: until they are mended, the feed and the sweep find every change.

use azure::{Client, Delivery, DeliveryResult, Error, HookEvent, Subscription, SubscriptionStatus};
use store::audit::{Cause, CauseKind, Entry, Subject};
use store::connections::OwnSubscription;
use url::Url;

use crate::Refusal;
use crate::connections::Board;
use crate::engine::{Engine, EventKind};
use crate::hooks::basic_auth;

/// Deliveries that are looked at for the reason of a failure.
const HISTORY: usize = 20;

/// What was done about a subscription, for the history of the connection.
struct Mended {
    now: OwnSubscription,
    told: Option<String>,
}

impl Engine {
    /// Looks whether the subscriptions of a connection deliver, makes anew those that the service disabled or lost, and
    /// keeps what cannot be mended as a sentence on the connection. One switched off by a person stays off.
    ///
    /// # Errors
    /// If the database refuses. That the board refuses is kept on the subscriptions.
    pub(crate) async fn tend_hooks(&self, board: &Board) -> Result<(), Refusal> {
        let mut tx = self.inner.db.read().await?;
        let Some(connection) = store::connections::get(&mut tx, board.id).await? else { return Ok(()) };
        drop(tx);
        let known = connection.subscriptions.clone();
        let waits = connection.mode != store::connections::Mode::Active
            || connection.blocked_until > self.inner.world.now();
        if known.is_empty() || waits || !self.hold_lease(board).await? {
            return Ok(());
        }
        let url = self.hook_url(&connection)?;
        let there = match board.client.subscriptions().await {
            Ok(there) => there,
            // A connection that does not answer says so elsewhere; here it matters that the right to look is missing.
            Err(error @ Error::Forbidden { .. }) => {
                let problem = sentence(&error);
                let blind =
                    known.into_iter().map(|own| OwnSubscription { problem: Some(problem.clone()), ..own });
                return self.hooks_tended(board, blind.collect(), &[]).await;
            }
            Err(error) => {
                tracing::warn!(connection = %board.id, error = &error as &dyn std::error::Error, "hooks were not looked at");
                return Ok(());
            }
        };
        let mut now = Vec::with_capacity(known.len());
        let mut told = Vec::new();
        for own in known {
            let mended = mend(&board.client, own, &there, &url).await;
            told.extend(mended.told);
            now.push(mended.now);
        }
        self.hooks_tended(board, now, &told).await
    }

    /// Stores what was found, if it is anything new.
    async fn hooks_tended(
        &self,
        board: &Board,
        now: Vec<OwnSubscription>,
        told: &[String],
    ) -> Result<(), Refusal> {
        let mut tx = self.inner.db.begin().await?;
        let Some(mut connection) = store::connections::get(&mut tx, board.id).await? else { return Ok(()) };
        // Somebody may have removed them in the meantime; then the ones that were made here are found by the next
        // person who subscribes, and deliver to an address that takes them.
        if connection.subscriptions.is_empty() || (connection.subscriptions == now && told.is_empty()) {
            return Ok(());
        }
        connection.subscriptions = now;
        store::connections::save(&mut tx, &connection).await?;
        for what in told {
            let cause = Cause::new(CauseKind::Clock, "the look at the service hooks");
            let entry = Entry {
                id: self.inner.world.id(),
                at: self.inner.world.now(),
                subject: Subject::Other("connection", board.id.0),
                cause: &cause,
                what: what.clone(),
                statuses: None,
                fields: &[],
            };
            store::audit::add(&mut tx, entry).await?;
        }
        tx.commit().await?;
        self.announce(EventKind::Connection, board.id.0);
        Ok(())
    }
}

/// One subscription, as it is after whatever could be done for it.
async fn mend(client: &Client, own: OwnSubscription, there: &[Subscription], url: &Url) -> Mended {
    let quiet = |own: OwnSubscription, problem: Option<String>| Mended {
        now: OwnSubscription { problem, ..own },
        told: None,
    };
    let Some(event) = HookEvent::from_name(&own.event) else { return quiet(own, None) };
    let live = there.iter().find(|one| one.id == own.id && one.is_for(&own.project_id, event, url));
    match live.map(|live| &live.status) {
        Some(SubscriptionStatus::Enabled) => return quiet(own, None),
        Some(SubscriptionStatus::OnProbation) => {
            let why = reason(client, &own.id).await;
            let problem = format!("Azure DevOps has trouble delivering {} to this server{why}.", own.event);
            return quiet(own, Some(problem));
        }
        Some(SubscriptionStatus::DisabledByUser) => {
            let problem = format!(
                "Somebody switched off the service hook for {} in Azure DevOps; changes are found by sweeps.",
                own.event
            );
            return quiet(own, Some(problem));
        }
        Some(SubscriptionStatus::Other(status)) => {
            let problem = format!("The service hook for {} has the status '{status}'.", own.event);
            return quiet(own, Some(problem));
        }
        Some(SubscriptionStatus::DisabledBySystem | SubscriptionStatus::DisabledByInactiveIdentity)
        | None => {}
    }
    // Another one that does the same may be there already: ours of an earlier try, or one made by hand.
    if let Some(same) = there
        .iter()
        .find(|one| one.is_for(&own.project_id, event, url) && one.status == SubscriptionStatus::Enabled)
    {
        return quiet(OwnSubscription { id: same.id.clone(), ..own }, None);
    }
    let basic = basic_auth(url);
    let (made, happened) = match live {
        Some(broken) => {
            let why = match broken.status {
                SubscriptionStatus::DisabledByInactiveIdentity => {
                    " because who made it left or lost access".to_owned()
                }
                _ => reason(client, &own.id).await,
            };
            (
                client.renew_subscription(broken, basic.as_ref()).await,
                format!("was disabled by Azure DevOps{why}"),
            )
        }
        None => (client.subscribe(&own.project_id, event, url, basic.as_ref()).await, "was gone".to_owned()),
    };
    match made {
        Ok(made) => Mended {
            told: Some(format!("The service hook for {} {happened}, and was made anew.", own.event)),
            now: OwnSubscription { id: made.id, problem: None, ..own },
        },
        Err(error) => {
            let problem = format!("The service hook for {} {happened}. {}", own.event, sentence(&error));
            quiet(own, Some(problem))
        }
    }
}

/// Why the latest delivery failed, as the continuation of a sentence; empty if the service does not say.
async fn reason(client: &Client, subscription: &str) -> String {
    let failed =
        |delivery: &Delivery| delivery.result != DeliveryResult::Succeeded && !delivery.error.is_empty();
    match client.deliveries(subscription, HISTORY).await {
        Ok(deliveries) => deliveries
            .into_iter()
            .find(failed)
            .map(|delivery| format!(" ({})", delivery.error.trim_end_matches('.')))
            .unwrap_or_default(),
        Err(_) => String::new(),
    }
}

fn sentence(error: &Error) -> String {
    format!("{}. {}", error.message().trim_end_matches('.'), error.next_step())
}
