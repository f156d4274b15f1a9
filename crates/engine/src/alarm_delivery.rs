//! Sends what alarms say to their targets: by a signed POST, or by mail. At least once: a message that was cut off in the
//! middle is sent again with the same id.

use azure::{Request, TransportError};
use chrono::Duration;
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use lettre::message::header::ContentType;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use sha2::Sha256;
use store::alarms::{Ended, Target, Way};
use uuid::Uuid;

use crate::Refusal;
use crate::alarm_targets::target_row;
use crate::engine::{Engine, EventKind};

/// A try may take this long.
const PATIENCE: Duration = Duration::seconds(20);

/// Tries of one message; with the waits between them about nine hours.
const MOST_ATTEMPTS: u32 = 12;

/// Cleared alarms and finished messages are kept this long.
const MEMORY: Duration = Duration::days(30);

impl Engine {
    /// Sends every message that is due, once. Answers how many arrived.
    ///
    /// # Errors
    /// If the database refuses. What a target refuses is kept on the message.
    pub async fn deliver_alarms(&self) -> Result<u64, Refusal> {
        let mut arrived = 0;
        loop {
            let now = self.inner.world.now();
            let mut tx = self.inner.db.begin().await?;
            let Some(delivery) = store::alarms::take(&mut tx, now, now + PATIENCE * 2).await? else {
                return Ok(arrived);
            };
            let target =
                store::alarms::targets(&mut tx).await?.into_iter().find(|one| one.id == delivery.target_id);
            tx.commit().await?;
            let Some(target) = target else { continue };
            let sent = self.send_alarm(&target, delivery.id, &delivery.message).await;
            let now = self.inner.world.now();
            let ended = match sent {
                Ok(()) => {
                    arrived += 1;
                    Ended::Delivered
                }
                Err(why) if delivery.attempts >= MOST_ATTEMPTS => Ended::GivenUp(why),
                Err(why) => Ended::Again(now + pause(delivery.attempts, self.inner.world.chance.bits()), why),
            };
            if let Ended::Again(_, why) | Ended::GivenUp(why) = &ended {
                tracing::warn!(target = %target.name, why, "an alarm did not arrive");
            }
            let mut tx = self.inner.db.begin().await?;
            store::alarms::ended(&mut tx, &delivery, &ended, now).await?;
            tx.commit().await?;
            self.announce(EventKind::Alarm, None);
        }
    }

    pub(crate) async fn forget_alarms(&self) -> Result<(), Refusal> {
        let mut tx = self.inner.db.begin().await?;
        store::alarms::forget(&mut tx, self.inner.world.now() - MEMORY).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Sends one message. The error is a part of a sentence and holds no secret.
    pub(crate) async fn send_alarm(&self, target: &Target, id: Uuid, message: &Value) -> Result<(), String> {
        self.check_alarm_address(&target.way).map_err(|refusal| refusal.detail)?;
        let secret = self
            .inner
            .keys
            .open(&target_row(target.id), &target.secret)
            .map_err(|error| error.to_string())?;
        match &target.way {
            Way::Webhook { url } => self.post_alarm(url, &secret, id, message).await,
            Way::Mail { .. } => {
                let patience = PATIENCE.to_std().unwrap_or_default();
                let sent = tokio::time::timeout(patience, mail_alarm(&target.way, &secret, message)).await;
                sent.unwrap_or_else(|_| Err(format!("nothing came back within {} s", PATIENCE.num_seconds())))
            }
        }
    }

    async fn post_alarm(
        &self,
        url: &str,
        secret: &SecretString,
        id: Uuid,
        message: &Value,
    ) -> Result<(), String> {
        let mut message = message.clone();
        message["id"] = id.to_string().into();
        let body = message.to_string();
        let now = self.inner.world.now();
        let stamp = now.timestamp().to_string();
        let mut headers = HeaderMap::new();
        let mut set = |name: &'static str, value: &str| -> Result<(), String> {
            let value = HeaderValue::from_str(value).map_err(|error| error.to_string())?;
            headers.insert(HeaderName::from_static(name), value);
            Ok(())
        };
        set("content-type", "application/json")?;
        set("user-agent", "Lockstep")?;
        set("x-lockstep-delivery", &id.to_string())?;
        set("x-lockstep-timestamp", &stamp)?;
        set("x-lockstep-signature", &signature(secret, &stamp, &body))?;
        let request = Request {
            method: Method::POST,
            url: url.trim().parse().map_err(|error| format!("the address cannot be used: {error}"))?,
            headers,
            body: body.into(),
            deadline: now + PATIENCE,
        };
        match self.inner.transport.send(request).await {
            Ok(answer) if answer.status.is_success() => Ok(()),
            Ok(answer) => Err(format!("it answered {}", answer.status.as_u16())),
            Err(TransportError::NotSent(why) | TransportError::NoAnswer(why)) => Err(why),
        }
    }
}

/// `v1=` and HMAC-SHA256 over time and body, in hexadecimal digits: a receiver can tell who sent it, and when.
fn signature(secret: &SecretString, stamp: &str, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes())
        // HMAC takes keys of any length.
        .expect("a key of any length fits");
    mac.update(stamp.as_bytes());
    mac.update(b".");
    mac.update(body.as_bytes());
    format!("v1={}", hex::encode(mac.finalize().into_bytes()))
}

async fn mail_alarm(way: &Way, secret: &SecretString, message: &Value) -> Result<(), String> {
    let Way::Mail { host, port, implicit_tls, user, from, to } = way else {
        return Err("it is no mail".to_owned());
    };
    let text = |name: &str| message[name].as_str().unwrap_or_default().to_owned();
    let subject = match message["event"].as_str() {
        Some("cleared") => format!("[Lockstep] Over: {}", words(&text("kind"))),
        Some("test") => "[Lockstep] Test".to_owned(),
        _ => format!("[Lockstep] {}", words(&text("kind"))),
    };
    let body = format!("{}\n\n{}\n\n{}\n", text("what"), text("next_step"), text("link"));
    let address =
        |text: &String| text.parse().map_err(|error| format!("'{text}' is not a mail address: {error}"));
    let mut mail = Message::builder().from(address(from)?).subject(subject).header(ContentType::TEXT_PLAIN);
    for receiver in to {
        mail = mail.to(address(receiver)?);
    }
    let mail = mail.body(body).map_err(|error| error.to_string())?;
    let local = host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback()) || host == "localhost";
    let tls = if local && !implicit_tls {
        // A relay on this very machine: nothing leaves it unprotected.
        Tls::None
    } else {
        let parameters = TlsParameters::new(host.clone()).map_err(|error| error.to_string())?;
        if *implicit_tls { Tls::Wrapper(parameters) } else { Tls::Required(parameters) }
    };
    let mut transport =
        AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host.as_str()).port(*port).tls(tls);
    if !user.is_empty() {
        transport = transport.credentials(Credentials::new(user.clone(), secret.expose_secret().to_owned()));
    }
    transport.build().send(mail).await.map_err(|error| chain(&error))?;
    Ok(())
}

/// The kind of an alarm as people say it.
fn words(kind: &str) -> String {
    let spaced = kind.replace('_', " ");
    let mut letters = spaced.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text.push_str(&format!(": {next}"));
        cause = next.source();
    }
    text
}

/// From 10 s, doubling up to 2 h, with up to a quarter more by chance.
fn pause(attempts: u32, chance: u128) -> Duration {
    let seconds = 10_i64.saturating_mul(1 << attempts.saturating_sub(1).min(12)).min(7200);
    Duration::milliseconds(seconds * (1000 + i64::try_from(chance % 251).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_hmac_sha256_over_time_and_body() {
        // The second example of RFC 4231, section 4.3, split where the point stands.
        let by_hand = {
            let mut mac = Hmac::<Sha256>::new_from_slice(b"Jefe").unwrap();
            mac.update(b"1.{}");
            hex::encode(mac.finalize().into_bytes())
        };
        assert_eq!(signature(&SecretString::from("Jefe"), "1", "{}"), format!("v1={by_hand}"));
        let mut known = Hmac::<Sha256>::new_from_slice(b"Jefe").unwrap();
        known.update(b"what do ya want for nothing?");
        assert_eq!(
            hex::encode(known.finalize().into_bytes()),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    #[test]
    fn waits_double_up_to_two_hours() {
        assert_eq!(pause(1, 0), Duration::seconds(10));
        assert_eq!(pause(3, 0), Duration::seconds(40));
        assert_eq!(pause(30, 0), Duration::hours(2));
    }
}
