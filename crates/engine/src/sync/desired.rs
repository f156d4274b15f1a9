//! What a work item shall say, computed from the ticket's findings.

use chrono::Duration;
use model::board::{Draft, Hyperlink};
use model::content::{self, Shown};
use model::merge::Desired;
use model::{AssetId, Status, block};
use store::Tx;
use store::audit::CauseKind;
use store::destinations::Destination;
use store::findings::Finding;
use store::tickets::Ticket;
use url::Url;

use crate::Refusal;
use crate::engine::Engine;

/// Lines of evidence in one comment.
const EVIDENCE_LINES: usize = 10;

impl Engine {
    /// What the work item of a ticket shall say.
    pub(crate) async fn desired(
        &self,
        tx: &mut Tx,
        destination: &Destination,
        findings: &[Finding],
    ) -> Result<Desired, Refusal> {
        let status = Self::together(findings);
        let mut names = std::collections::HashMap::<AssetId, String>::new();
        for finding in findings {
            if let std::collections::hash_map::Entry::Vacant(unknown) = names.entry(finding.asset_id) {
                let asset = store::assets::get(tx, finding.asset_id).await?;
                unknown.insert(asset.map(|asset| asset.name).unwrap_or_default());
            }
        }
        let shown: Vec<Shown<'_>> = findings
            .iter()
            .map(|finding| Shown {
                url: self.page(&format!("findings/{}", finding.id)),
                title: &finding.detail.title,
                severity: finding.severity,
                // What a card says by where it stands is not said again in its text: a person's move would cause a write.
                status: if finding.status.is_open() { "Open" } else { finding.status.label() },
                kind: finding.kind,
                asset: names.get(&finding.asset_id).map_or("", String::as_str),
                scanner: &finding.scanner,
                vulnerability: &finding.detail.vulnerability,
                message: finding.detail.message.as_deref(),
                location: &finding.detail.location,
                component: finding.detail.component.as_ref(),
            })
            .collect();
        let worst = findings.iter().map(|finding| finding.severity).max();
        let target = worst.and_then(|severity| destination.settings.severity_map.0.get(&severity));
        let (evidence, proved_by_scan) = self.evidence(tx, findings, status).await?;
        let has_due_date =
            destination.process.shape.get("due_date_field").is_some_and(|field| !field.is_null());
        // What is closed is due no more; once everything is, the date stays as it was.
        let none_open = !status.is_open();
        let due = findings.iter().filter(|finding| none_open || finding.status.is_open());
        let seen = due.map(|finding| (finding.severity, finding.first_seen_at));
        let due_date = destination.settings.fields.due_date(seen).filter(|_| has_due_date);
        let mut tags = vec!["lockstep".to_owned()];
        tags.extend(destination.settings.tags.iter().cloned());
        Ok(Desired {
            status,
            title: content::title(&shown),
            priority: target.map(|target| target.priority),
            severity: target.and_then(|target| target.severity.clone()),
            due_date,
            block: content::block(&shown),
            tags,
            lane: Some(destination.settings.lane.clone()).filter(|lane| !lane.is_empty()),
            evidence,
            proved_by_scan,
        })
    }

    /// Why the findings are what they say together: the latest change of each that says it.
    async fn evidence(
        &self,
        tx: &mut Tx,
        findings: &[Finding],
        status: Status,
    ) -> Result<(Option<String>, bool), Refusal> {
        let mut lines = Vec::new();
        let mut latest = None;
        for finding in findings.iter().filter(|finding| finding.status == status) {
            let Some(change) = store::audit::latest_status_change(tx, finding.id).await? else { continue };
            if latest.as_ref().is_none_or(|(at, _)| change.at > *at) {
                latest = Some((change.at, change.cause.kind));
            }
            if lines.len() < EVIDENCE_LINES {
                let subject =
                    if findings.len() > 1 { format!("{}: ", finding.detail.title) } else { String::new() };
                lines.push(format!("{subject}{} Lockstep says: {}.", change.what, change.to.label()));
            }
        }
        let proved_by_scan = latest.is_some_and(|(_, kind)| kind == CauseKind::Scan);
        Ok(((!lines.is_empty()).then(|| content::comment(&lines)), proved_by_scan))
    }

    fn page(&self, path: &str) -> String {
        self.inner.settings.public_url.join(path).map_or_else(|_| String::new(), |url| url.to_string())
    }

    /// The work item of a ticket as it is created.
    pub(crate) fn draft(&self, ticket: &Ticket, destination: &Destination, desired: &Desired) -> Draft {
        let settings = &destination.settings;
        let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Draft {
            work_item_type: settings.work_item_type.clone(),
            title: desired.title.clone(),
            description: block::wrap(&ticket.token, &desired.block),
            description_is_markdown: false,
            area: given(&settings.area),
            iteration: given(&settings.iteration),
            priority: desired.priority,
            severity: desired.severity.clone(),
            due_date: desired.due_date,
            assignee: given(settings.fields.assignee.trim()),
            tags: desired.tags.clone(),
            hyperlinks: vec![Hyperlink {
                url: self.page(&format!("tickets/{}?key={}", ticket.id, ticket.token)),
                comment: format!("Lockstep {}", ticket.token),
            }],
            fields: Default::default(),
        }
    }
}

/// How long to wait after so many failed tries: doubling from 5 s to 1 h, with up to a quarter more by chance.
pub(crate) fn backoff(attempts: u32, chance: u128) -> Duration {
    let seconds = 5_i64.saturating_mul(1 << attempts.saturating_sub(1).min(10)).min(3600);
    let jitter = i64::try_from(chance % 251).unwrap_or(0);
    Duration::milliseconds(seconds * (1000 + jitter))
}

/// A link carries the token of a ticket, as the key in its address or as a word of its remark. Our own host name is never
/// looked at: a server may move.
pub(crate) fn carries(link: &Hyperlink, token: &str) -> bool {
    let in_address = Url::parse(&link.url).is_ok_and(|url| {
        url.query_pairs().any(|(name, value)| name == "key" && value.eq_ignore_ascii_case(token))
    });
    in_address || link.comment.split_whitespace().any(|word| word.eq_ignore_ascii_case(token))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_ours_by_its_key_or_its_remark_wherever_it_leads() {
        let link = |url: &str, comment: &str| Hyperlink { url: url.into(), comment: comment.into() };
        let token = "LS-0123456789ABCDEF";
        assert!(carries(&link("https://old.example/tickets/1?key=LS-0123456789ABCDEF", ""), token));
        assert!(carries(&link("https://proxy.example/?to=x", "Lockstep LS-0123456789abcdef"), token));
        assert!(!carries(
            &link("https://lockstep.example/tickets/1?key=LS-0123456789ABCDEE", "Lockstep"),
            token
        ));
        assert!(!carries(&link("https://evil.example/LS-0123456789ABCDEF", "xLS-0123456789ABCDEF"), token));
    }

    #[test]
    fn waits_double_up_to_an_hour_with_a_little_chance() {
        assert_eq!(backoff(1, 0), Duration::seconds(5));
        assert_eq!(backoff(3, 0), Duration::seconds(20));
        assert_eq!(backoff(40, 0), Duration::hours(1));
        assert!(backoff(1, 250) <= Duration::milliseconds(6_250));
    }
}
