//! What a work item shall say, computed from the ticket's findings.

use std::collections::{BTreeMap, HashMap};

use chrono::Duration;
use model::acceptance::Accepted;
use model::assessment::InAssessment;
use model::board::{Draft, Hyperlink, ItemLink, ItemLinkKind};
use model::content::{self, About, Evidence, Shown, TemplateProblem, Templates};
use model::fields::{DueDatePolicy, FieldValue, IterationPolicy, fitted};
use model::merge::Desired;
use model::rule::{Places, Tending};
use model::status::DetectionState;
use model::{AssetId, FindingId, Impact, Status, TicketId, block};
use store::Tx;
use store::assets::Asset;
use store::audit::{CauseKind, StatusChange};
use store::destinations::Destination;
use store::findings::{Finding, OnBranch};
use store::tickets::Ticket;
use url::Url;

use crate::Refusal;
use crate::engine::Engine;
use crate::priorities::Exploits;

/// Lines of evidence in one comment.
const EVIDENCE_LINES: usize = 10;

impl Engine {
    /// What the work item of a ticket shall say; of one that is still to be made without a ticket.
    pub(crate) async fn desired(
        &self,
        tx: &mut Tx,
        destination: &Destination,
        ticket: Option<&Ticket>,
        findings: &[Finding],
    ) -> Result<Desired, Refusal> {
        let status = Self::together(findings);
        let places = match ticket {
            Some(ticket) => self.places(tx, destination, ticket.id, findings).await?,
            None => Places::default(),
        };
        let backdrop = Backdrop::of(tx, findings).await?;
        let shown = self.shown(findings, &backdrop);
        let (changes, proved_by_scan) = Self::evidence(tx, findings, status).await?;
        let evidence: Vec<Evidence<'_>> = changes
            .iter()
            .map(|(finding, change)| Evidence {
                title: &finding.detail.title,
                what: &change.what,
                status: change.to.label(),
            })
            .collect();
        let written = match self.own_templates(tx, destination).await? {
            Some(templates) => {
                let (ticket_url, rule) = self.told_of(tx, ticket).await?;
                let destination = &destination.settings.name;
                let about = About { ticket_url: &ticket_url, destination, rule: rule.as_deref() };
                templates.write(&about, &shown, &evidence)
            }
            None => Templates::standard().write(&About::default(), &shown, &evidence),
        };
        let worst = findings.iter().map(|finding| finding.severity).max();
        let target = worst.and_then(|severity| destination.settings.severity_map.0.get(&severity));
        let has_due_date =
            destination.process.shape.get("due_date_field").is_some_and(|field| !field.is_null());
        // What is closed is due no more; once everything is, the date stays as it was.
        let none_open = !status.is_open();
        let due = findings.iter().filter(|finding| none_open || finding.status.is_open());
        let due = due.filter_map(|finding| finding.priority.sla).map(|sla| sla.board_date()).min();
        let shows_due_date = has_due_date && destination.settings.fields.due_date == DueDatePolicy::Sla;
        let due_date = due.filter(|_| shows_due_date);
        let mut tags = vec!["lockstep".to_owned()];
        for tag in destination.settings.tags.iter().chain(&written.tags) {
            if !tags.iter().any(|known| known.eq_ignore_ascii_case(tag)) {
                tags.push(tag.clone());
            }
        }
        // Whoever sees the card closed is told why, also where nothing is left to give evidence of.
        let none_left = || content::comment(&["This ticket has no findings any more.".to_owned()]);
        let evidence = written.comment.or_else(|| findings.is_empty().then(none_left));
        Ok(Desired {
            status,
            title: written.title,
            priority: target.map(|target| target.priority),
            severity: target.and_then(|target| target.severity.clone()),
            due_date,
            block: written.block,
            tags,
            lane: Some(destination.settings.lane.clone()).filter(|lane| !lane.is_empty()),
            evidence,
            proved_by_scan,
            places,
            problem: written.failed.first().map(TemplateProblem::sentence),
        })
    }

    /// Page of a ticket, and names of its rules, as templates see them.
    async fn told_of(
        &self,
        tx: &mut Tx,
        ticket: Option<&Ticket>,
    ) -> Result<(String, Option<String>), Refusal> {
        let Some(ticket) = ticket else { return Ok(Default::default()) };
        Ok((self.page(&format!("tickets/{}", ticket.id)), self.rule_names(tx, ticket.id).await?))
    }

    /// What the further fields of a ticket's new work item say.
    pub(crate) async fn field_values(
        &self,
        tx: &mut Tx,
        destination: &Destination,
        ticket: &Ticket,
        findings: &[Finding],
    ) -> Result<FieldValues, Refusal> {
        let mut said = FieldValues::default();
        let values = &destination.settings.fields.values;
        if values.is_empty() {
            return Ok(said);
        }
        let backdrop = Backdrop::of(tx, findings).await?;
        let shown = self.shown(findings, &backdrop);
        let own = self.own_templates(tx, destination).await?;
        let templates = own.as_deref().unwrap_or_else(|| Templates::standard());
        let (ticket_url, rule) = self.told_of(tx, Some(ticket)).await?;
        let about =
            About { ticket_url: &ticket_url, destination: &destination.settings.name, rule: rule.as_deref() };
        for (name, value) in values {
            let field =
                destination.process.fields.iter().find(|it| it.reference_name.eq_ignore_ascii_case(name));
            let made = match value {
                FieldValue::Constant(text) => Ok(text.trim().to_owned()),
                FieldValue::Template(source) => match (templates.field(source, &about, &shown), field) {
                    (Ok(text), Some(field)) => fitted(field, &text),
                    (Ok(text), None) => Ok(text),
                    (Err(problem), _) => {
                        Err((format!("the template of {name}: {}", problem.message), problem.mend))
                    }
                },
            };
            match made {
                Ok(text) => {
                    said.values.insert(name.clone(), text);
                }
                Err((what, mend)) => {
                    let is_required = field.is_some_and(|field| field.is_required && field.default.is_none());
                    said.unfit.push(Unfit { is_required, what, mend });
                }
            }
        }
        Ok(said)
    }

    /// Names of the rules of a ticket, the leading one first; none if it has no rules.
    pub(crate) async fn rule_names(&self, tx: &mut Tx, ticket: TicketId) -> Result<Option<String>, Refusal> {
        let mut named = store::rules::names_of_tickets(tx, &[ticket]).await?;
        let names = named.remove(&ticket).unwrap_or_default();
        let names: Vec<String> = names.into_iter().map(|(_, name)| name).collect();
        Ok((!names.is_empty()).then(|| names.join(", ")))
    }

    /// Where a ticket's work item belongs by its rules, beyond what the status map says.
    pub(crate) async fn places(
        &self,
        tx: &mut Tx,
        destination: &Destination,
        ticket: TicketId,
        findings: &[Finding],
    ) -> Result<Places, Refusal> {
        let rules = store::rules::of_ticket(tx, ticket).await?;
        let tending = Tending::of(rules.iter().map(|rule| &rule.settings));
        let members = findings.iter().map(|finding| (finding.status, finding.triage.temporary.is_some()));
        Ok(tending.places(members, &destination.settings.status_map, &destination.process.work_item_type))
    }

    /// Findings as templates see them.
    pub(crate) fn shown<'a>(&self, findings: &'a [Finding], backdrop: &'a Backdrop) -> Vec<Shown<'a>> {
        let shown = |finding: &'a Finding| {
            let asset = backdrop.assets.get(&finding.asset_id);
            Shown {
                url: self.page(&format!("findings/{}", finding.id)),
                title: &finding.detail.title,
                severity: finding.severity,
                // What a card says by where it stands is not said again in its text: a person's move would cause a write.
                status: if finding.status.is_open() { "Open" } else { finding.status.label() },
                kind: finding.kind,
                asset: asset.map_or("", |asset| &asset.name),
                asset_tags: asset.map_or(&[], |asset| &asset.tags),
                asset_owner: asset.map_or("", |asset| &asset.owner),
                impact: asset.map_or(Impact::Unknown, |asset| asset.impact),
                scanner: &finding.scanner,
                detection: backdrop.detections.get(&finding.id).copied(),
                first_seen_at: finding.first_seen_at,
                regressed: finding.regressed,
                priority: finding.priority,
                exploit: backdrop.exploits.of_finding(finding),
                assessments: backdrop.assessments.get(&finding.id).map_or(&[], Vec::as_slice),
                acceptance: backdrop.acceptances.get(&finding.id),
                vulnerability: &finding.detail.vulnerability,
                message: finding.detail.message.as_deref(),
                location: &finding.detail.location,
                component: finding.detail.component.as_ref(),
            }
        };
        findings.iter().map(shown).collect()
    }

    /// Why the findings are what they say together: the latest change of each that says it, and whether a scan was the last
    /// to say so.
    async fn evidence<'f>(
        tx: &mut Tx,
        findings: &'f [Finding],
        status: Status,
    ) -> Result<(Vec<(&'f Finding, StatusChange)>, bool), Refusal> {
        let mut changes = Vec::new();
        let mut latest = None;
        for finding in findings.iter().filter(|finding| finding.status == status) {
            let Some(change) = store::audit::latest_status_change(tx, finding.id).await? else { continue };
            if latest.as_ref().is_none_or(|(at, _)| change.at > *at) {
                latest = Some((change.at, change.cause.kind));
            }
            if changes.len() < EVIDENCE_LINES {
                changes.push((finding, change));
            }
        }
        Ok((changes, latest.is_some_and(|(_, kind)| kind == CauseKind::Scan)))
    }

    pub(crate) fn page(&self, path: &str) -> String {
        self.inner.settings.public_url.join(path).map_or_else(|_| String::new(), |url| url.to_string())
    }

    /// The work item of a ticket as it is created. `current_iteration` is that of the team, if it has one.
    pub(crate) fn draft(
        &self,
        ticket: &Ticket,
        destination: &Destination,
        desired: &Desired,
        fields: BTreeMap<String, String>,
        current_iteration: Option<&String>,
    ) -> Draft {
        let settings = &destination.settings;
        let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Draft {
            work_item_type: settings.work_item_type.clone(),
            title: desired.title.clone(),
            description: block::wrap(&ticket.token, &desired.block),
            description_is_markdown: false,
            area: given(&settings.area),
            // None is the backlog of the team.
            iteration: match &settings.iteration {
                IterationPolicy::Backlog => None,
                IterationPolicy::Current => current_iteration.cloned(),
                IterationPolicy::Path { path } => given(path),
            },
            priority: desired.priority,
            severity: desired.severity.clone(),
            due_date: desired.due_date,
            assignee: given(settings.fields.assignee.trim()),
            tags: desired.tags.clone(),
            hyperlinks: vec![Hyperlink {
                url: self.page(&format!("tickets/{}?key={}", ticket.id, ticket.token)),
                comment: format!("Lockstep {}", ticket.token),
            }],
            links: ticket
                .following
                .links
                .iter()
                .filter(|link| !ticket.following.unlinkable.contains(&link.to))
                .copied()
                .chain(settings.fields.parent.map(|to| ItemLink { kind: ItemLinkKind::Parent, to }))
                .collect(),
            fields,
        }
    }
}

/// What further fields of a new work item say.
#[derive(Debug, Default)]
pub(crate) struct FieldValues {
    /// By reference name.
    pub(crate) values: BTreeMap<String, String>,
    /// Fields whose template makes something that they do not take: they are left out.
    pub(crate) unfit: Vec<Unfit>,
}

/// A field that gets no value.
#[derive(Debug)]
pub(crate) struct Unfit {
    /// The type requires it and has no default: without it nothing can be created.
    pub(crate) is_required: bool,
    /// What is wrong.
    pub(crate) what: String,
    /// What to do about it.
    pub(crate) mend: String,
}

/// What is known around findings, for what is said about them.
pub(crate) struct Backdrop {
    assets: HashMap<AssetId, Asset>,
    exploits: Exploits,
    assessments: HashMap<FindingId, Vec<InAssessment>>,
    acceptances: HashMap<FindingId, Accepted>,
    detections: HashMap<FindingId, DetectionState>,
}

impl Backdrop {
    pub(crate) async fn of(tx: &mut Tx, findings: &[Finding]) -> Result<Self, Refusal> {
        let mut assets = HashMap::new();
        for finding in findings {
            if let std::collections::hash_map::Entry::Vacant(unknown) = assets.entry(finding.asset_id)
                && let Some(asset) = store::assets::get(tx, finding.asset_id).await?
            {
                unknown.insert(asset);
            }
        }
        let ids: Vec<FindingId> = findings.iter().map(|finding| finding.id).collect();
        let mut detections = HashMap::new();
        let branches = store::findings::branches(tx, &ids).await?;
        for finding in findings {
            let (Some(asset), Some(on)) = (assets.get(&finding.asset_id), branches.get(&finding.id)) else {
                continue;
            };
            detections
                .extend(OnBranch::state(on, |name| Asset::tracks(asset, name)).map(|it| (finding.id, it)));
        }
        Ok(Self {
            assets,
            detections,
            exploits: Exploits::of(tx, findings).await?,
            assessments: store::assessments::of_findings(tx, &ids).await?,
            acceptances: store::acceptances::of_findings(tx, &ids).await?,
        })
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
