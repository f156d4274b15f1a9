//! Service hooks: we subscribe, we receive. A delivery is a hint; all it may do is mark a ticket.

use azure::{BasicAuth, HookEvent};
use model::{ConnectionId, WorkItemId};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use store::connections::OwnSubscription;
use url::Url;

use crate::engine::{Engine, EventKind};
use crate::{Actor, Refusal};

/// What the receiver answers. Neither says anything about the content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HookAnswer {
    /// Taken in, or known already, or of no interest.
    Accepted,
    /// Nobody is at this address.
    Unknown,
    /// What was sent is no event.
    Malformed,
}

/// Name in the basic authentication of our own subscriptions.
const USERNAME: &str = "lockstep";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    subscription_id: Option<String>,
    event_type: String,
    #[serde(default)]
    resource: Value,
}

impl Envelope {
    /// The work item that may have changed. For `updated`, `resource.id` is the number of the update, not of the item
    /// (azure-devops.md section 9.3). Test notifications name no item, or number 0.
    fn work_item(&self) -> Option<WorkItemId> {
        let number = |value: &Value| value.as_i64().or_else(|| value.as_str()?.parse().ok());
        let name = if self.event_type == "workitem.updated" { "workItemId" } else { "id" };
        let is_test =
            self.subscription_id.as_deref().is_some_and(|id| id.chars().all(|c| matches!(c, '0' | '-')));
        self.resource.get(name).and_then(number).filter(|id| *id > 0 && !is_test).map(WorkItemId)
    }
}

impl Engine {
    /// Takes in a delivery. Answers once the mark is durable.
    ///
    /// # Errors
    /// If the database refuses; the sender tries again then.
    pub async fn receive_hook(
        &self,
        secret: &str,
        authorization: Option<&str>,
        body: &[u8],
    ) -> Result<HookAnswer, Refusal> {
        let mut tx = self.inner.db.begin().await?;
        // Looked up by its hash: how long that takes says nothing about the secret.
        let Some(id) = store::connections::by_hook_secret(&mut tx, store::secrets::hash(secret)).await?
        else {
            return Ok(HookAnswer::Unknown);
        };
        if let Some(given) = authorization {
            // Not demanded, because people paste only the address; but if it is there it must be right.
            let expected = format!("Basic {}", base64_basic(USERNAME, &hook_password(secret)));
            let same: bool = subtle::ConstantTimeEq::ct_eq(given.as_bytes(), expected.as_bytes()).into();
            if !same {
                return Ok(HookAnswer::Unknown);
            }
        }
        let Ok(envelope) = serde_json::from_slice::<Envelope>(body) else { return Ok(HookAnswer::Malformed) };
        let Some(work_item) =
            envelope.work_item().filter(|_| HookEvent::from_name(&envelope.event_type).is_some())
        else {
            return Ok(HookAnswer::Accepted);
        };
        let event = envelope.id.unwrap_or_else(|| hex::encode(Sha256::digest(body)));
        let key = format!("{}/{event}", envelope.subscription_id.unwrap_or_default());
        let key: String = key.chars().take(200).collect();
        let now = self.inner.world.now();
        let new = store::inbox::add(&mut tx, id, &key, &envelope.event_type, Some(work_item), now).await?;
        let marked = new && store::tickets::mark_of_work_item(&mut tx, id, work_item, None).await?;
        tx.commit().await?;
        if marked {
            self.wake_board(id);
        }
        Ok(HookAnswer::Accepted)
    }

    /// Forgets deliveries that nobody sends again: the service tries for less than two days (azure-devops.md section 9.4).
    pub(crate) async fn forget_deliveries(&self) -> Result<(), Refusal> {
        let mut tx = self.inner.db.begin().await?;
        store::inbox::forget_before(&mut tx, self.inner.world.now() - chrono::Duration::days(7)).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Subscribes to the events of every project that a destination of the connection names. Doing it twice changes nothing.
    ///
    /// # Errors
    /// If there is no such connection, it has no destination, or the board refuses.
    pub async fn subscribe_hooks(&self, id: ConnectionId, by: &Actor) -> Result<(), Refusal> {
        let Some(board) = self.board(id).await? else { return Err(Refusal::not_found("connection", id)) };
        let mut tx = self.inner.db.read().await?;
        let Some(connection) = store::connections::get(&mut tx, id).await? else {
            return Err(Refusal::not_found("connection", id));
        };
        let destinations = store::destinations::all(&mut tx).await?;
        drop(tx);
        let wanted: Vec<String> = destinations
            .into_iter()
            .filter(|destination| destination.connection_id == id)
            .map(|destination| destination.settings.project.to_lowercase())
            .collect();
        if wanted.is_empty() {
            return Err(Refusal::conflict(
                "no_destination",
                "There is nothing to subscribe to",
                format!("The connection {} has no destination yet, so no project is known.", connection.name),
                "Add a destination first.",
            ));
        }
        let url = self.hook_url(&connection)?;
        let basic = basic_auth(&url);
        let there = board.client.subscriptions().await?;
        let mut own = Vec::new();
        for project in
            board.client.projects().await?.into_iter().filter(|p| wanted.contains(&p.name.to_lowercase()))
        {
            for event in HookEvent::ALL {
                let live = there.iter().find(|subscription| {
                    subscription.is_for(&project.id, event, &url)
                        && subscription.status == azure::SubscriptionStatus::Enabled
                });
                let subscription_id = match live {
                    Some(subscription) => subscription.id.clone(),
                    None => board.client.subscribe(&project.id, event, &url, basic.as_ref()).await?.id,
                };
                own.push(OwnSubscription {
                    id: subscription_id,
                    project_id: project.id.clone(),
                    event: event.as_str().to_owned(),
                    problem: None,
                });
            }
        }
        self.save_subscriptions(id, own, by, "Subscribed to service hooks.").await
    }

    /// Removes our subscriptions. The board is polled from then on.
    ///
    /// # Errors
    /// If there is no such connection, or the board refuses.
    pub async fn unsubscribe_hooks(&self, id: ConnectionId, by: &Actor) -> Result<(), Refusal> {
        let Some(board) = self.board(id).await? else { return Err(Refusal::not_found("connection", id)) };
        let mut tx = self.inner.db.read().await?;
        let connection = store::connections::get(&mut tx, id).await?;
        drop(tx);
        for subscription in connection.into_iter().flat_map(|connection| connection.subscriptions) {
            board.client.unsubscribe(&subscription.id).await?;
        }
        self.save_subscriptions(id, Vec::new(), by, "Subscriptions to service hooks removed.").await
    }

    async fn save_subscriptions(
        &self,
        id: ConnectionId,
        subscriptions: Vec<OwnSubscription>,
        by: &Actor,
        what: &str,
    ) -> Result<(), Refusal> {
        let mut tx = self.inner.db.begin().await?;
        let Some(mut connection) = store::connections::get(&mut tx, id).await? else {
            return Err(Refusal::not_found("connection", id));
        };
        connection.subscriptions = subscriptions;
        store::connections::save(&mut tx, &connection).await?;
        self.note_configuration(&mut tx, "connection", id.0, by, what).await?;
        tx.commit().await?;
        self.announce(EventKind::Connection, id.0);
        Ok(())
    }
}

/// What our subscriptions sign in with; the service takes it for https only.
pub(crate) fn basic_auth(url: &Url) -> Option<BasicAuth> {
    (url.scheme() == "https").then(|| BasicAuth {
        username: USERNAME.into(),
        // The last part of the path is the secret.
        password: SecretString::from(hook_password(
            url.path_segments().and_then(|mut segments| segments.next_back()).unwrap_or(""),
        )),
    })
}

/// The password of our own subscriptions: derived from the secret of the address, so that nothing more has to be kept.
fn hook_password(secret: &str) -> String {
    hex::encode(Sha256::digest(format!("hook password {secret}")))
}

fn base64_basic(username: &str, password: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(format!("{username}:{password}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn work_item(body: &str) -> Option<WorkItemId> {
        serde_json::from_str::<Envelope>(body).unwrap().work_item()
    }

    #[test]
    fn an_update_names_its_work_item_beside_the_number_of_the_update() {
        assert_eq!(
            work_item(r#"{"eventType":"workitem.updated","resource":{"id":8,"workItemId":197}}"#),
            Some(WorkItemId(197))
        );
        assert_eq!(
            work_item(r#"{"eventType":"workitem.created","resource":{"id":197}}"#),
            Some(WorkItemId(197))
        );
        assert_eq!(
            work_item(r#"{"eventType":"workitem.deleted","resource":{"id":"197"}}"#),
            Some(WorkItemId(197))
        );
    }

    #[test]
    fn a_test_notification_names_no_work_item() {
        let zeros = "00000000-0000-0000-0000-000000000000";
        assert_eq!(
            work_item(&format!(
                r#"{{"subscriptionId":"{zeros}","eventType":"workitem.created","resource":{{"id":5}}}}"#
            )),
            None
        );
        assert_eq!(work_item(r#"{"eventType":"workitem.updated","resource":{"id":2,"workItemId":0}}"#), None);
        assert_eq!(work_item(r#"{"eventType":"workitem.updated"}"#), None);
    }
}
