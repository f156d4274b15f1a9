//! Where alarms are sent: addresses that an administrator stored, among those the operator of the server allows.

use model::AlarmTargetId;
use secrecy::SecretString;
use serde_json::json;
use store::alarms::{Target, Way};
use url::Url;

use crate::engine::{Engine, EventKind};
use crate::{Actor, Refusal};

/// A target to be made.
#[derive(Clone, Debug)]
pub struct NewAlarmTarget {
    /// Name.
    pub name: String,
    /// How it is reached.
    pub way: Way,
    /// Password of a mail server, or the key that webhooks are signed with; one is made for a webhook if absent.
    pub secret: Option<SecretString>,
}

pub(crate) fn target_row(id: AlarmTargetId) -> String {
    format!("alarm_target/{id}/secret")
}

fn invalid(pointer: &str, detail: String, next_step: &str) -> Refusal {
    Refusal::invalid(
        "alarm_target_invalid",
        "The target makes no sense",
        format!("The target is not saved: {detail}."),
        next_step,
    )
    .field(pointer.to_owned(), detail)
}

impl Engine {
    /// Only addresses that the operator of the server allowed are called: whoever may store a target could otherwise
    /// let the server call whatever it can reach.
    pub(crate) fn check_alarm_address(&self, way: &Way) -> Result<(), Refusal> {
        let (pointer, address) = match way {
            Way::Webhook { url } => {
                let url = Url::parse(url.trim()).map_err(|error| {
                    invalid(
                        "/url",
                        format!("'{url}' is not an address: {error}"),
                        "Give it with https:// in front.",
                    )
                })?;
                if !matches!(url.scheme(), "https" | "http") || !url.username().is_empty() {
                    return Err(invalid(
                        "/url",
                        "the address is not a plain https address".to_owned(),
                        "Give it with https:// and without a user name.",
                    ));
                }
                ("/url", url)
            }
            Way::Mail { host, port, from, to, .. } => {
                for address in to.iter().chain([from]) {
                    if address.parse::<lettre::Address>().is_err() {
                        return Err(invalid(
                            "/to",
                            format!("'{address}' is not a mail address"),
                            "Give addresses such as security@example.com.",
                        ));
                    }
                }
                if to.is_empty() {
                    return Err(invalid(
                        "/to",
                        "nobody receives it".to_owned(),
                        "Give at least one address.",
                    ));
                }
                let url = Url::parse(&format!("smtp://{}:{port}", host.trim())).map_err(|error| {
                    invalid(
                        "/host",
                        format!("'{host}' is not the name of a server: {error}"),
                        "Give its name alone.",
                    )
                })?;
                ("/host", url)
            }
        };
        let same = |allowed: &Url| {
            allowed.scheme() == address.scheme()
                && allowed.host_str() == address.host_str()
                && allowed.port_or_known_default() == address.port_or_known_default()
        };
        if self.inner.settings.alarm_addresses.iter().any(same) {
            return Ok(());
        }
        let port = address.port().map(|port| format!(":{port}")).unwrap_or_default();
        let shown = format!("{}://{}{port}", address.scheme(), address.host_str().unwrap_or_default());
        Err(invalid(
            pointer,
            format!("the server may not send alarms to {shown}"),
            &format!("Ask who operates the server to start it with --allow-alarm-address {shown}."),
        ))
    }

    /// Stores where alarms shall be sent from now on. Answers the key that webhooks are signed with, the only time it is
    /// shown.
    ///
    /// # Errors
    /// If the address makes no sense, or the operator of the server does not allow it.
    pub async fn create_alarm_target(
        &self,
        new: NewAlarmTarget,
        by: &Actor,
    ) -> Result<(AlarmTargetId, Option<String>), Refusal> {
        let name = new.name.trim();
        if name.is_empty() || name.chars().count() > 200 {
            return Err(invalid(
                "/name",
                "it has no name of 1 to 200 characters".into(),
                "Give it a short name.",
            ));
        }
        self.check_alarm_address(&new.way)?;
        let id: AlarmTargetId = self.inner.world.id();
        let (secret, shown) = match (new.secret, &new.way) {
            (Some(secret), _) => (secret, None),
            (None, Way::Webhook { .. }) => {
                let made = self.inner.world.secret();
                (SecretString::from(made.as_str()), Some(made))
            }
            (None, Way::Mail { .. }) => (SecretString::from(""), None),
        };
        let target = Target {
            id,
            name: name.to_owned(),
            way: new.way,
            secret: self.inner.keys.seal(&target_row(id), &secret),
            problem: None,
            created_at: self.inner.world.now(),
        };
        let mut tx = self.inner.db.begin().await?;
        store::alarms::add_target(&mut tx, &target).await?;
        self.note_configuration(&mut tx, "alarm_target", id.0, by, "Target of alarms made.").await?;
        tx.commit().await?;
        self.announce(EventKind::Alarm, None);
        Ok((id, shown))
    }

    /// Sends no alarms there any more.
    ///
    /// # Errors
    /// If there is no such target.
    pub async fn delete_alarm_target(&self, id: AlarmTargetId, by: &Actor) -> Result<(), Refusal> {
        let mut tx = self.inner.db.begin().await?;
        if !store::alarms::delete_target(&mut tx, id).await? {
            return Err(Refusal::not_found("target of alarms", id));
        }
        self.note_configuration(&mut tx, "alarm_target", id.0, by, "Target of alarms deleted.").await?;
        tx.commit().await?;
        self.announce(EventKind::Alarm, None);
        Ok(())
    }

    /// Sends a message that says it is a test, at once and once.
    ///
    /// # Errors
    /// If there is no such target, or it could not be reached; the text says why.
    pub async fn test_alarm_target(&self, id: AlarmTargetId) -> Result<(), Refusal> {
        let mut tx = self.inner.db.read().await?;
        let targets = store::alarms::targets(&mut tx).await?;
        drop(tx);
        let target = targets.into_iter().find(|target| target.id == id);
        let target = target.ok_or_else(|| Refusal::not_found("target of alarms", id))?;
        let message = json!({
            "event": "test",
            "what": "This is a test: alarms of Lockstep arrive here.",
            "next_step": "Nothing to do.",
            "link": self.inner.settings.public_url,
            "raised_at": self.inner.world.now(),
        });
        self.send_alarm(&target, self.inner.world.id(), &message).await.map_err(|why| {
            Refusal::conflict(
                "alarm_target_unreachable",
                "The target was not reached",
                format!("The test did not arrive at {}: {why}.", target.name),
                "Check address, port and password.",
            )
        })
    }
}
