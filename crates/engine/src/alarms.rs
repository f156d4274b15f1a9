//! Alarms: what a person should know, raised once however often its cause is met, and cleared when the cause is gone.
//!
//! An alarm is a row in the transaction that met its cause, and so are the messages to its targets: nothing is lost when
//! the process dies. Sending is the business of [`crate::alarm_delivery`].

use model::{AlarmId, BreakerId, ConnectionId, DestinationId, FindingId, RuleId, ScanId, SourceId, TicketId};
use serde_json::json;
use store::Tx;
use store::alarms::{Alarm, Kind};

use crate::engine::{Engine, EventKind, is_unheard};
use crate::{Actor, Refusal};

/// Characters of a text in an alarm; what is longer is cut.
const MOST_CHARACTERS: usize = 1000;

/// What an alarm is about. With its kind it says which alarm is the same one again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum About {
    /// A connection.
    Connection(ConnectionId),
    /// A destination.
    Destination(DestinationId),
    /// A breaker that tripped.
    Breaker(BreakerId),
    /// A ticket.
    Ticket(TicketId),
    /// A finding.
    Finding(FindingId),
    /// A scan.
    Scan(ScanId),
    /// A rule.
    Rule(RuleId),
    /// All findings.
    Findings,
    /// All acceptances.
    Acceptances,
    /// EPSS or KEV.
    ExploitData(&'static str),
    /// A source.
    Source(SourceId),
}

impl About {
    pub(crate) fn subject(self) -> String {
        match self {
            Self::Connection(id) => format!("connection/{id}"),
            Self::Destination(id) => format!("destination/{id}"),
            Self::Breaker(id) => format!("breaker/{id}"),
            Self::Ticket(id) => format!("ticket/{id}"),
            Self::Finding(id) => format!("finding/{id}"),
            Self::Scan(id) => format!("scan/{id}"),
            Self::Rule(id) => format!("rule/{id}"),
            Self::Findings => "findings".to_owned(),
            Self::Acceptances => "acceptances".to_owned(),
            Self::ExploitData(source) => format!("exploit-data/{source}"),
            Self::Source(id) => format!("source/{id}"),
        }
    }

    /// The page that shows it.
    fn link(self, kind: Kind) -> String {
        match (self, kind) {
            (Self::Destination(id), Kind::TicketParked) => format!("/tickets?health=parked&destination={id}"),
            (Self::Breaker(_), _) => "/alarms".to_owned(),
            (Self::Connection(id), _) => format!("/connections/{id}"),
            (Self::Destination(id), _) => format!("/destinations/{id}"),
            (Self::Ticket(id), _) => format!("/tickets/{id}"),
            (Self::Finding(id), _) => format!("/findings/{id}"),
            (Self::Scan(id), _) => format!("/scans/{id}"),
            (Self::Rule(id), _) => format!("/rules/{id}"),
            (Self::Findings, _) => "/findings?sla=breached".to_owned(),
            (Self::Acceptances, _) => "/acceptances?state=ended".to_owned(),
            (Self::ExploitData(_), _) => "/priority".to_owned(),
            (Self::Source(_), _) => "/sources".to_owned(),
        }
    }
}

impl Engine {
    /// Tells people something, once: while an alarm of this kind about this subject is open it is only counted.
    pub(crate) async fn raise(
        &self,
        tx: &mut Tx,
        kind: Kind,
        about: About,
        what: &str,
        next_step: &str,
    ) -> Result<(), Refusal> {
        let now = self.inner.world.now();
        let alarm = Alarm {
            id: self.inner.world.id(),
            kind,
            subject: about.subject(),
            what: plain(what),
            next_step: plain(next_step),
            link: about.link(kind),
            raised_at: now,
            last_raised_at: now,
            count: 1,
            acknowledged_by: None,
            acknowledged_at: None,
            cleared_at: None,
        };
        if store::alarms::raise(tx, &alarm).await? {
            if !is_unheard() {
                tracing::warn!(kind = kind.as_str(), subject = alarm.subject, what = alarm.what, "alarm");
            }
            self.tell_targets(tx, "raised", &alarm).await?;
        }
        self.announce(EventKind::Alarm, None);
        Ok(())
    }

    /// The cause of an alarm is gone. Nothing happens if there is none.
    pub(crate) async fn clear(&self, tx: &mut Tx, kind: Kind, about: About) -> Result<(), Refusal> {
        self.clear_subject(tx, kind, &about.subject()).await
    }

    /// The same, by the words of the subject.
    pub(crate) async fn clear_subject(&self, tx: &mut Tx, kind: Kind, subject: &str) -> Result<(), Refusal> {
        let now = self.inner.world.now();
        if let Some(alarm) = store::alarms::clear(tx, kind, subject, now).await? {
            self.tell_targets(tx, "cleared", &alarm).await?;
            self.announce(EventKind::Alarm, None);
        }
        Ok(())
    }

    /// What the alarms are about is gone: whatever they say, nobody needs to know it any more.
    pub(crate) async fn clear_all(&self, tx: &mut Tx, about: About) -> Result<(), Refusal> {
        for kind in Kind::ALL {
            self.clear(tx, kind, about).await?;
        }
        Ok(())
    }

    async fn tell_targets(&self, tx: &mut Tx, event: &str, alarm: &Alarm) -> Result<(), Refusal> {
        let page = self.inner.settings.public_url.join(alarm.link.trim_start_matches('/'));
        let message = json!({
            "event": event,
            "alarm": alarm.id,
            "kind": alarm.kind,
            "subject": alarm.subject,
            "what": alarm.what,
            "next_step": alarm.next_step,
            "link": page.map_or_else(|_| String::new(), |url| url.to_string()),
            "raised_at": alarm.raised_at,
        });
        for target in store::alarms::targets(tx).await? {
            let now = self.inner.world.now();
            store::alarms::enqueue(tx, self.inner.world.id(), target.id, Some(alarm.id), &message, now)
                .await?;
        }
        self.inner.alarms.notify_one();
        Ok(())
    }

    /// A person has seen an alarm. It stays open until its cause is gone.
    ///
    /// # Errors
    /// If there is no such alarm.
    pub async fn acknowledge_alarm(&self, id: AlarmId, by: &Actor) -> Result<(), Refusal> {
        let mut tx = self.inner.db.begin().await?;
        if store::alarms::get(&mut tx, id).await?.is_none() {
            return Err(Refusal::not_found("alarm", id));
        }
        if store::alarms::acknowledge(&mut tx, id, &by.name, self.inner.world.now()).await? {
            self.note_configuration(&mut tx, "alarm", id.0, by, "Alarm acknowledged.").await?;
        }
        tx.commit().await?;
        self.announce(EventKind::Alarm, id.0);
        Ok(())
    }
}

/// One line without control characters, cut to a length that every receiver takes. Titles of scanners come through here.
pub(crate) fn plain(text: &str) -> String {
    let line: String = text
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .filter(|letter| !matches!(letter, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'))
        .take(MOST_CHARACTERS)
        .collect();
    line.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_in_an_alarm_is_one_line_of_bounded_length() {
        assert_eq!(plain("a\r\nBcc: x\u{202e}y"), "a  Bcc: xy");
        assert_eq!(plain(&"x".repeat(5000)).len(), MOST_CHARACTERS);
    }
}
