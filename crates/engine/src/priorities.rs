//! What follows for findings from what the world knows, their assets and the SLA matrix. Reckoned whenever the rules look at a
//! finding, so that they decide by what is true now.

use std::collections::HashMap;

use model::FindingId;
use model::priority::{Exploit, Priority, SlaMatrix, Weighed, cves};
use store::Tx;
use store::assets::Asset;
use store::audit::{Cause, CauseKind, Entry, Subject};
use store::findings::Finding;

use crate::Refusal;
use crate::engine::Engine;

/// What the world knows about the vulnerabilities of some findings.
#[derive(Default)]
pub(crate) struct Exploits(HashMap<String, Exploit>);

impl Exploits {
    pub(crate) async fn of(tx: &mut Tx, findings: &[Finding]) -> Result<Self, Refusal> {
        let mut named: Vec<String> =
            findings.iter().flat_map(|finding| cves(&finding.detail.vulnerability)).collect();
        named.sort();
        named.dedup();
        match named.is_empty() {
            true => Ok(Self::default()),
            false => Ok(Self(store::exploits::of(tx, &named).await?)),
        }
    }

    /// What is known about a finding, the worst of its vulnerabilities.
    pub(crate) fn of_finding(&self, finding: &Finding) -> Exploit {
        let known = cves(&finding.detail.vulnerability).into_iter().filter_map(|cve| self.0.get(&cve));
        known.fold(Exploit::default(), |worst, one| worst.or_worse(*one))
    }
}

/// A finding whose priority is another than the stored one.
pub(crate) struct Reckoned {
    finding: FindingId,
    before: Priority,
    after: Priority,
}

impl Reckoned {
    /// Reckons the priority of a finding. Answers what has changed, if anything has.
    pub(crate) fn of(
        finding: &mut Finding,
        asset: &Asset,
        exploit: &Exploit,
        matrix: &SlaMatrix,
    ) -> Option<Self> {
        let weighed = Weighed {
            severity: finding.severity,
            cvss_score: finding.detail.vulnerability.cvss_score,
            impact: asset.impact,
            open_since: finding.open_since,
        };
        let before = finding.priority;
        let after = Priority::of(&weighed, exploit, matrix);
        finding.priority = after;
        (before != after).then_some(Self { finding: finding.id, before, after })
    }

    /// What people should read about it in the history; none if they see it anyway.
    fn told(&self) -> Option<String> {
        // Reckoned for the first time: the finding shows it.
        if self.before == Priority::default() {
            return None;
        }
        let day = |priority: &Priority| priority.sla.map(|sla| sla.due_at.format("%Y-%m-%d").to_string());
        let due = match (day(&self.before), day(&self.after)) {
            (before, after) if before == after => None,
            (None, Some(after)) => Some(format!("Due {after}.")),
            (Some(before), Some(after)) => Some(format!("Due {after} instead of {before}.")),
            (_, None) => Some("Not due any more.".to_owned()),
        };
        let exploited = match (self.before.known_exploited, self.after.known_exploited) {
            (false, true) => Some("Known to be exploited.".to_owned()),
            (true, false) => Some("Not known to be exploited any more.".to_owned()),
            _ => None,
        };
        let told: Vec<String> = exploited.into_iter().chain(due).collect();
        (!told.is_empty()).then(|| told.join(" "))
    }
}

impl Engine {
    /// Stores priorities that have changed. Tickets whose work items show it are marked.
    pub(crate) async fn store_priorities(
        &self,
        tx: &mut Tx,
        reckoned: &[Reckoned],
        matrix_version: u32,
    ) -> Result<(), Refusal> {
        let cause = Cause::new(CauseKind::Rule, format!("SLA (version {matrix_version})"));
        for one in reckoned {
            store::findings::save_priority(tx, one.finding, &one.after).await?;
            let is_shown = one.before.sla.map(|sla| sla.due_at) != one.after.sla.map(|sla| sla.due_at)
                || one.before.known_exploited != one.after.known_exploited;
            if is_shown {
                store::tickets::mark_of_finding(tx, one.finding).await?;
            }
            if let Some(what) = one.told() {
                let entry = Entry {
                    id: self.inner.world.id(),
                    at: self.inner.world.now(),
                    subject: Subject::Finding(one.finding),
                    cause: &cause,
                    what,
                    statuses: None,
                    fields: &[],
                };
                store::audit::add(tx, entry).await?;
            }
        }
        Ok(())
    }
}
