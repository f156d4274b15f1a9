//! Service hook subscriptions of work item events to our receiver (azure-devops.md section 9).

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use http::Method;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::Url;

use crate::client::{Body, Call, Client};
use crate::discovery::Listed;
use crate::error::Error;
use crate::item::{date, lenient_integer, null_is_empty};
use crate::route::Version;

/// What happened to a work item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum HookEvent {
    /// `workitem.created`
    Created,
    /// `workitem.updated`
    Updated,
    /// `workitem.commented`
    Commented,
    /// `workitem.deleted`
    Deleted,
    /// `workitem.restored`
    Restored,
}

impl HookEvent {
    /// All that concern us.
    pub const ALL: [Self; 5] = [Self::Created, Self::Updated, Self::Commented, Self::Deleted, Self::Restored];

    /// The service's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "workitem.created",
            Self::Updated => "workitem.updated",
            Self::Commented => "workitem.commented",
            Self::Deleted => "workitem.deleted",
            Self::Restored => "workitem.restored",
        }
    }

    /// From the service's name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.as_str() == name)
    }
}

/// What the service puts into the deliveries' `Authorization` header. It demands https for it.
#[derive(Clone, Debug)]
pub struct BasicAuth {
    /// Name, 1 to 256 characters without white space.
    pub username: String,
    /// Password, 1 to 256 characters without white space.
    pub password: SecretString,
}

/// Whether a subscription delivers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SubscriptionStatus {
    /// Yes.
    Enabled,
    /// It failed and is tried less and less often.
    OnProbation,
    /// A person switched it off.
    DisabledByUser,
    /// The service gave up on it.
    DisabledBySystem,
    /// Its creator left the organization or lost access.
    DisabledByInactiveIdentity,
    /// Something this version does not know.
    Other(String),
}

/// A subscription of a work item event to a web address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// Identity.
    pub id: String,
    /// Project it is for; empty for the whole organization.
    pub project_id: String,
    /// Event.
    pub event: HookEvent,
    /// Receiver.
    pub url: String,
    /// Whether it delivers.
    pub status: SubscriptionStatus,
}

impl Subscription {
    /// Whether this subscription does what such a call of [`Client::subscribe`] would do. The service adds inputs of
    /// its own and hides secrets, so nothing else can be compared (section 9.1).
    pub fn is_for(&self, project_id: &str, event: HookEvent, url: &Url) -> bool {
        let same_url = Url::parse(&self.url).map_or(self.url == url.as_str(), |own| own == *url);
        self.project_id.eq_ignore_ascii_case(project_id) && self.event == event && same_url
    }
}

impl SubscriptionStatus {
    /// It delivers nothing, and nobody wanted that: the service gave up, or its creator is gone. A subscription that a
    /// person switched off is left alone.
    pub fn is_broken(&self) -> bool {
        matches!(self, Self::DisabledBySystem | Self::DisabledByInactiveIdentity)
    }
}

/// What became of one event of a subscription. Kept by the service for a week (section 9.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Number in the subscription.
    pub number: i64,
    /// When the event was queued; none if the service did not say.
    pub at: Option<DateTime<Utc>>,
    /// How it ended.
    pub result: DeliveryResult,
    /// How often the receiver was tried.
    pub attempts: i64,
    /// What the receiver answered or the connection failed with, in the service's words; empty if all was well.
    pub error: String,
}

/// How a delivery ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryResult {
    /// Not yet.
    Pending,
    /// The receiver took it.
    Succeeded,
    /// The receiver did not take it.
    Failed,
    /// The subscription did not want it.
    Filtered,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawNotification {
    #[serde(deserialize_with = "lenient_integer")]
    id: i64,
    #[serde(default, deserialize_with = "null_is_empty")]
    created_date: String,
    #[serde(default, deserialize_with = "null_is_empty")]
    result: String,
    #[serde(default, deserialize_with = "null_is_empty")]
    details: RawDetails,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct RawDetails {
    error_message: Option<String>,
    error_detail: Option<String>,
    response: Option<String>,
    request_attempts: Option<i64>,
}

#[derive(Deserialize)]
struct RawNotifications {
    #[serde(default, deserialize_with = "null_is_empty")]
    results: Vec<RawNotification>,
}

impl RawNotification {
    fn into_delivery(self) -> Delivery {
        let result = match self.result.to_ascii_lowercase().as_str() {
            "succeeded" => DeliveryResult::Succeeded,
            "failed" => DeliveryResult::Failed,
            "filtered" => DeliveryResult::Filtered,
            _ => DeliveryResult::Pending,
        };
        let RawDetails { error_message, error_detail, response, request_attempts } = self.details;
        // The answer of the receiver is only of interest where it explains a failure.
        let response = response.filter(|_| result == DeliveryResult::Failed);
        let told = [error_message, error_detail, response].into_iter().flatten();
        Delivery {
            number: self.id,
            at: date(&self.created_date),
            result,
            attempts: request_attempts.unwrap_or(0),
            error: told.map(|text| text.trim().to_owned()).find(|text| !text.is_empty()).unwrap_or_default(),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawSubscription {
    id: String,
    #[serde(default, deserialize_with = "null_is_empty")]
    event_type: String,
    #[serde(default, deserialize_with = "null_is_empty")]
    consumer_id: String,
    #[serde(default, deserialize_with = "null_is_empty")]
    status: String,
    #[serde(default, deserialize_with = "null_is_empty")]
    publisher_inputs: BTreeMap<String, Value>,
    #[serde(default, deserialize_with = "null_is_empty")]
    consumer_inputs: BTreeMap<String, Value>,
}

impl RawSubscription {
    /// None for events and consumers that are not ours to look at.
    fn into_subscription(self) -> Option<Subscription> {
        let text = |inputs: &BTreeMap<String, Value>, name: &str| {
            inputs.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        if !self.consumer_id.eq_ignore_ascii_case("webHooks") {
            return None;
        }
        Some(Subscription {
            event: HookEvent::from_name(&self.event_type)?,
            project_id: text(&self.publisher_inputs, "projectId"),
            url: text(&self.consumer_inputs, "url"),
            status: match self.status.to_ascii_lowercase().as_str() {
                // Old services give no status.
                "enabled" | "" => SubscriptionStatus::Enabled,
                "onprobation" => SubscriptionStatus::OnProbation,
                "disabledbyuser" => SubscriptionStatus::DisabledByUser,
                "disabledbysystem" => SubscriptionStatus::DisabledBySystem,
                "disabledbyinactiveidentity" => SubscriptionStatus::DisabledByInactiveIdentity,
                _ => SubscriptionStatus::Other(self.status),
            },
            id: self.id,
        })
    }
}

impl Client {
    /// The subscriptions of work item events to web addresses that the identity may see.
    ///
    /// # Errors
    /// [`Error::Forbidden`] if it may see none; those of a read.
    pub async fn subscriptions(&self) -> Result<Vec<Subscription>, Error> {
        let route = self
            .route(&["_apis", "hooks", "subscriptions"], Version::Released)
            .with("publisherId", "tfs")
            .with("consumerId", "webHooks");
        let found: Listed<RawSubscription> =
            self.json(Call::get("list the service hook subscriptions", route)).await?;
        Ok(found.value.into_iter().filter_map(RawSubscription::into_subscription).collect())
    }

    /// Subscribes a receiver to an event of a project. Not repeated by itself: the service makes a second one.
    ///
    /// # Errors
    /// [`Error::Forbidden`] without the permission to edit subscriptions; after [`Error::UnknownOutcome`] compare
    /// [`Client::subscriptions`] with [`Subscription::is_for`].
    pub async fn subscribe(
        &self,
        project_id: &str,
        event: HookEvent,
        url: &Url,
        basic_auth: Option<&BasicAuth>,
    ) -> Result<Subscription, Error> {
        let operation = format!("subscribe to {} of project {project_id}", event.as_str());
        let route = self.route(&["_apis", "hooks", "subscriptions"], Version::Released);
        let body = Body::Json(definition(project_id, event, url, basic_auth));
        let call = Call::write(operation.clone(), Method::POST, route, body, self.soon());
        let made: RawSubscription = self.json(call).await?;
        made.into_subscription().ok_or(Error::UnknownOutcome {
            operation,
            reason: "the answer describes another subscription".into(),
        })
    }

    /// Removes a subscription. One that is gone already is fine.
    ///
    /// # Errors
    /// [`Error::Forbidden`] without the permission; any other.
    pub async fn unsubscribe(&self, id: &str) -> Result<(), Error> {
        let route = self.route(&["_apis", "hooks", "subscriptions", id], Version::Released);
        let operation = format!("remove the service hook subscription {id}");
        match self.done(Call::write(operation, Method::DELETE, route, Body::None, self.soon())).await {
            Err(Error::NotFound { .. }) => Ok(()),
            result => result,
        }
    }

    /// Makes a subscription anew in place of one that no longer delivers, and removes the old one.
    ///
    /// Not by switching the old one on again (`PUT` with the status `enabled`): that sends the whole definition back,
    /// and whether its hidden password survives is not known (section 16); a creator who left would stay its creator;
    /// and its failures would count on. The new one is made first: an event may arrive twice, none is lost.
    ///
    /// # Errors
    /// Those of [`Client::subscribe`]; that the old one stays behind is none, it is found again by
    /// [`Client::subscriptions`].
    pub async fn renew_subscription(
        &self,
        old: &Subscription,
        basic_auth: Option<&BasicAuth>,
    ) -> Result<Subscription, Error> {
        let operation = format!("renew the service hook subscription {}", old.id);
        let url = Url::parse(&old.url).map_err(|error| Error::NotSent {
            operation,
            reason: format!("its address {} cannot be read: {error}", old.url),
        })?;
        let new = self.subscribe(&old.project_id, old.event, &url, basic_auth).await?;
        if let Err(error) = self.unsubscribe(&old.id).await {
            tracing::warn!(
                subscription = old.id,
                error = &error as &dyn std::error::Error,
                "it stays behind"
            );
        }
        Ok(new)
    }

    /// What became of the latest events of a subscription, newest first; with the reason of each failure.
    ///
    /// # Errors
    /// [`Error::Forbidden`] without the permission to see subscriptions; those of a read.
    pub async fn deliveries(&self, subscription: &str, most: usize) -> Result<Vec<Delivery>, Error> {
        // The list of one subscription leaves the details out; only the query gives them.
        let route = self.route(&["_apis", "hooks", "notificationsquery"], Version::Released);
        let body = json!({ "subscriptionIds": [subscription], "maxResults": most, "includeDetails": true });
        let operation = format!("read what became of the events of the subscription {subscription}");
        let found: RawNotifications = self.json(Call::ask(operation, route, body)).await?;
        let mut deliveries: Vec<Delivery> =
            found.results.into_iter().map(RawNotification::into_delivery).collect();
        deliveries.sort_by_key(|delivery| std::cmp::Reverse(delivery.number));
        Ok(deliveries)
    }

    /// Asks the service to deliver a sample event to a receiver. Whether it arrives is seen at the receiver.
    ///
    /// # Errors
    /// Any, for the asking.
    pub async fn test_subscription(
        &self,
        project_id: &str,
        event: HookEvent,
        url: &Url,
        basic_auth: Option<&BasicAuth>,
    ) -> Result<(), Error> {
        let route = self
            .route(&["_apis", "hooks", "testnotifications"], Version::Released)
            .with("useRealData", "false");
        let mut details = definition(project_id, event, url, basic_auth);
        if let Some(details) = details.as_object_mut() {
            // Not a part of a notification.
            details.remove("resourceVersion");
        }
        let body = Body::Json(json!({ "details": details }));
        let operation = format!("send a test of {} of project {project_id}", event.as_str());
        self.done(Call::write(operation, Method::POST, route, body, self.soon())).await
    }
}

fn definition(project_id: &str, event: HookEvent, url: &Url, basic_auth: Option<&BasicAuth>) -> Value {
    let mut consumer = json!({
        "url": url.as_str(),
        // The shape of `minimal` is not known (section 16), and the messages hold text that nobody reads.
        "resourceDetailsToSend": "all",
        "messagesToSend": "none",
        "detailedMessagesToSend": "none",
    });
    if let Some(basic_auth) = basic_auth {
        consumer["basicAuthUsername"] = basic_auth.username.as_str().into();
        consumer["basicAuthPassword"] = basic_auth.password.expose_secret().into();
    }
    json!({
        "publisherId": "tfs",
        "eventType": event.as_str(),
        "resourceVersion": "1.0",
        "consumerId": "webHooks",
        "consumerActionId": "httpRequest",
        "publisherInputs": { "projectId": project_id },
        "consumerInputs": consumer,
    })
}
