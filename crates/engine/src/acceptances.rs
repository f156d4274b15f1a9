//! Acceptances: risks that people accept, extend and take back. Whichever way a risk is accepted (a list of findings, the
//! status of one, a comment on the board, the state of a work item), it is an acceptance; each finding follows it through the
//! lifecycle, like everything else that is decided.

use chrono::{DateTime, Utc};
use model::acceptance::{AcceptancePolicy, AcceptanceProblem, AcceptanceState, AtEnd, MOST_FINDINGS, Terms};
use model::lifecycle::{Circumstances, Command, Giver, Illegal};
use model::status::{FallBack, RequestKind};
use model::{AcceptanceId, FindingId};
use store::Tx;
use store::acceptances::{Acceptance, Revoked};
use store::audit::{Cause, CauseKind};
use store::findings::Finding;
use uuid::Uuid;

use crate::engine::{Engine, EventKind};
use crate::triage::Followed;
use crate::{Actor, Refusal};

/// Findings that are read at a time.
const STEP: i64 = 500;

impl Engine {
    /// Accepts the risk of some findings, all or none of them.
    ///
    /// # Errors
    /// If the terms make no sense or go further than the policy allows, no finding or too many are named, or one of them is
    /// not there.
    pub async fn grant_acceptance(
        &self,
        terms: Terms,
        findings: &[FindingId],
        by: &Actor,
    ) -> Result<AcceptanceId, Refusal> {
        let mut findings = findings.to_vec();
        findings.sort_unstable();
        findings.dedup();
        if findings.is_empty() || findings.len() > MOST_FINDINGS {
            return Err(refuse(AcceptanceProblem {
                at: "findings",
                message: format!("The acceptance names {} findings.", findings.len()),
                mend: format!("Name 1 to {MOST_FINDINGS} of them."),
            }));
        }
        let mut tx = self.inner.db.begin().await?;
        let known = store::findings::of_ids(&mut tx, &findings).await?;
        if let Some(gone) = findings.iter().find(|id| known.iter().all(|finding| finding.id != **id)) {
            return Err(Refusal::not_found("finding", gone));
        }
        let acceptance = self.new_acceptance(&mut tx, terms, &known, by).await?;
        let cause = Cause::new(CauseKind::Person, by.name.clone());
        let what = format!(
            "Risk accepted{} by {}: {}",
            until_words(acceptance.terms.until),
            by.name,
            acceptance.terms.reason
        );
        for finding in &known {
            let followed = self.accept(&mut tx, finding, &acceptance, by, &cause, what.clone()).await?;
            if let Err(illegal) = followed {
                return Err(Refusal::conflict(
                    "status_impossible",
                    "The risk cannot be accepted",
                    format!("The risk of '{}' cannot be accepted: {illegal}.", finding.detail.title),
                    "Leave the finding out.",
                ));
            }
        }
        tx.commit().await?;
        self.acceptance_changed();
        Ok(acceptance.id)
    }

    /// Gives an acceptance another end, for all findings that it covers now.
    ///
    /// # Errors
    /// If there is no such acceptance, it holds no more, or the policy does not allow that end.
    pub async fn extend_acceptance(
        &self,
        id: AcceptanceId,
        until: Option<DateTime<Utc>>,
        reason: &str,
        by: &Actor,
    ) -> Result<(), Refusal> {
        let reason = checked_reason(reason)?;
        let now = self.inner.world.now();
        let mut tx = self.inner.db.begin().await?;
        let (mut acceptance, covered) = self.live_acceptance(&mut tx, id).await?;
        let policy = store::acceptances::policy(&mut tx).await?;
        if let Some(problem) = policy.problem_of_end(until, now) {
            return Err(refuse(problem));
        }
        acceptance.terms.until = until;
        acceptance.extended = Some((now, by.name.clone()));
        store::acceptances::save(&mut tx, &acceptance).await?;
        let cause = Cause::new(CauseKind::Person, by.name.clone());
        let end = until.map_or_else(|| "without an end".to_owned(), |_| until_words(until).trim().to_owned());
        let what = format!("The acceptance holds {end} now, said {}: {reason}", by.name);
        for finding in store::findings::of_ids(&mut tx, &covered).await? {
            let followed = self.accept(&mut tx, &finding, &acceptance, by, &cause, what.clone()).await?;
            match followed {
                // What it says about the finding is the same, but for the end that stands on the acceptance alone.
                Ok(Followed::No) if acceptance.terms.at_end == AtEnd::Keep => {
                    self.note(&mut tx, &finding, Some(finding.status), &cause, what.clone()).await?;
                    store::tickets::mark_of_finding(&mut tx, finding.id).await?;
                }
                Ok(_) => {}
                Err(illegal) => {
                    return Err(Refusal::conflict(
                        "status_impossible",
                        "The acceptance cannot be extended",
                        format!(
                            "The acceptance of '{}' cannot be extended: {illegal}.",
                            finding.detail.title
                        ),
                        "Decide about the finding by itself first.",
                    ));
                }
            }
        }
        self.tell_tickets_of(&mut tx, &covered, by, |count| {
            let those = if count == 1 { "a finding".to_owned() } else { format!("{count} findings") };
            format!("The risk of {those} of this ticket is accepted {end} now: {reason}")
        })
        .await?;
        self.note_configuration(&mut tx, "acceptance", id.0, by, &what).await?;
        tx.commit().await?;
        self.acceptance_changed();
        Ok(())
    }

    /// Takes an acceptance back: its findings are what they were before.
    ///
    /// # Errors
    /// If there is no such acceptance, it holds no more, or no reason is given.
    pub async fn revoke_acceptance(&self, id: AcceptanceId, reason: &str, by: &Actor) -> Result<(), Refusal> {
        let reason = checked_reason(reason)?;
        let now = self.inner.world.now();
        let mut tx = self.inner.db.begin().await?;
        let (mut acceptance, covered) = self.live_acceptance(&mut tx, id).await?;
        let cause = Cause::new(CauseKind::Person, by.name.clone());
        let what = format!("The acceptance was revoked by {}: {reason}", by.name);
        for finding in store::findings::of_ids(&mut tx, &covered).await? {
            let then = store::acceptances::fall_back(&mut tx, id, finding.id).await?;
            let circumstances = self.by_person(by, Some(&reason), None);
            let command = Command::Revoke(then);
            let followed =
                self.follow(&mut tx, &finding, &command, &circumstances, &cause, what.clone()).await?;
            if let Err(illegal) = followed {
                tracing::warn!(finding = %finding.id, %illegal, "an acceptance could not be taken back");
            }
        }
        acceptance.revoked = Some(Revoked { at: now, by: by.name.clone(), reason });
        store::acceptances::save(&mut tx, &acceptance).await?;
        self.note_configuration(&mut tx, "acceptance", id.0, by, &what).await?;
        tx.commit().await?;
        self.acceptance_changed();
        Ok(())
    }

    /// Decides how far acceptances may go from now on. Those that were granted stay as they are.
    ///
    /// # Errors
    /// If the policy makes no sense.
    pub async fn set_acceptance_policy(&self, policy: AcceptancePolicy, by: &Actor) -> Result<(), Refusal> {
        if let Some(problem) = policy.problem() {
            return Err(refuse(problem));
        }
        let mut tx = self.inner.db.begin().await?;
        store::acceptances::set_policy(&mut tx, &policy).await?;
        let what = format!(
            "Acceptances last at most {} days{}.",
            policy.longest_days,
            if policy.end_required { " and always have an end" } else { "" }
        );
        self.note_configuration(&mut tx, "acceptance-policy", Uuid::nil(), by, &what).await?;
        tx.commit().await?;
        self.announce(EventKind::Configuration, None);
        Ok(())
    }

    /// Makes an acceptance that covers nothing yet; [`Self::accept`] lets it cover findings, in the same transaction.
    pub(crate) async fn new_acceptance(
        &self,
        tx: &mut Tx,
        terms: Terms,
        findings: &[Finding],
        by: &Actor,
    ) -> Result<Acceptance, Refusal> {
        let terms = terms.trimmed();
        let now = self.inner.world.now();
        let policy = store::acceptances::policy(tx).await?;
        if let Some(problem) = terms.problem(&policy, now) {
            return Err(refuse(problem));
        }
        let asks = |finding: &Finding| {
            let request = finding.triage.request.clone();
            request.filter(|request| request.kind == RequestKind::RiskAcceptance).map(|request| request.by)
        };
        let acceptance = Acceptance {
            id: self.inner.world.id(),
            terms,
            approver: by.name.clone(),
            requested_by: findings.iter().find_map(asks),
            granted_at: now,
            extended: None,
            revoked: None,
        };
        store::acceptances::add(tx, &acceptance).await?;
        Ok(acceptance)
    }

    /// Lets an acceptance cover a finding.
    pub(crate) async fn accept(
        &self,
        tx: &mut Tx,
        finding: &Finding,
        acceptance: &Acceptance,
        by: &Actor,
        cause: &Cause,
        what: String,
    ) -> Result<Result<Followed, Illegal>, Refusal> {
        let terms = &acceptance.terms;
        let then = match (terms.then, finding.triage.acceptance) {
            (Some(then), _) => then,
            // What it was before the first of them.
            (None, Some(before)) => store::acceptances::fall_back(tx, before, finding.id).await?,
            (None, None) => FallBack::to(finding.triage.decision),
        };
        let ends = terms.until.filter(|_| terms.at_end == AtEnd::Reopen);
        let circumstances = self.by_person(by, Some(&terms.reason), ends.map(|until| (until, then)));
        let command = Command::AcceptRisk(acceptance.id);
        let followed = self.follow(tx, finding, &command, &circumstances, cause, what).await?;
        if followed.is_ok() {
            store::acceptances::cover(tx, acceptance.id, finding.id, then).await?;
        }
        Ok(followed)
    }

    /// The circumstances of what a person decides now.
    pub(crate) fn by_person(
        &self,
        by: &Actor,
        reason: Option<&str>,
        temporary: Option<(DateTime<Utc>, FallBack)>,
    ) -> Circumstances {
        Circumstances {
            giver: Giver::Person,
            by: by.name.clone(),
            at: self.inner.world.now(),
            reason: reason.map(str::to_owned),
            temporary,
            grace: self.inner.settings.grace,
        }
    }

    /// An acceptance that can still be changed, and the findings that it covers now.
    async fn live_acceptance(
        &self,
        tx: &mut Tx,
        id: AcceptanceId,
    ) -> Result<(Acceptance, Vec<FindingId>), Refusal> {
        let Some(acceptance) = store::acceptances::get(tx, id).await? else {
            return Err(Refusal::not_found("acceptance", id));
        };
        let mut covered = Vec::new();
        let mut after = Uuid::nil();
        loop {
            let page = store::acceptances::findings_after(tx, id, after, STEP).await?;
            let Some(last) = page.last() else { break };
            after = last.0;
            covered.extend(page);
        }
        let over = match acceptance.state(self.inner.world.now()) {
            AcceptanceState::InForce => return Ok((acceptance, covered)),
            // Its findings were kept.
            AcceptanceState::Ended if !covered.is_empty() => return Ok((acceptance, covered)),
            AcceptanceState::Ended => "has ended, and its findings are open again",
            AcceptanceState::Revoked => "was revoked",
        };
        Err(Refusal::conflict(
            "acceptance_over",
            "The acceptance holds no more",
            format!("This acceptance {over}."),
            "Accept the risk anew.",
        ))
    }

    /// Says something on each ticket of some findings; the words are told how many of them are the ticket's.
    pub(crate) async fn tell_tickets_of(
        &self,
        tx: &mut Tx,
        findings: &[FindingId],
        by: &Actor,
        words: impl Fn(u64) -> String,
    ) -> Result<(), Refusal> {
        let mut tickets: std::collections::BTreeMap<_, u64> = std::collections::BTreeMap::new();
        for held in store::tickets::of_findings(tx, findings).await?.into_values() {
            for held in held {
                *tickets.entry(held.ticket).or_default() += 1;
            }
        }
        for (ticket, count) in tickets {
            let Some(ticket) = store::tickets::get(tx, ticket).await?.filter(|ticket| !ticket.has_ended())
            else {
                continue;
            };
            self.speak(tx, &ticket, &words(count), by).await?;
        }
        Ok(())
    }

    fn acceptance_changed(&self) {
        self.announce(EventKind::Finding, None);
        self.announce(EventKind::Configuration, None);
        self.inner.ticketing.notify_one();
        self.inner.alarms.notify_one();
        self.wake_all_boards();
    }
}

/// What an end adds to a sentence: ` until 2027-01-31`.
pub(crate) fn until_words(until: Option<DateTime<Utc>>) -> String {
    until.map_or_else(String::new, |until| format!(" until {}", until.format("%Y-%m-%d %H:%M UTC")))
}

fn checked_reason(reason: &str) -> Result<String, Refusal> {
    let reason = reason.trim();
    let letters = reason.chars().count();
    if letters == 0 || letters > model::acceptance::MOST_REASON {
        return Err(refuse(AcceptanceProblem {
            at: "reason",
            message: format!("The reason has {letters} characters."),
            mend: format!("Say why in 1 to {} characters.", model::acceptance::MOST_REASON),
        }));
    }
    Ok(reason.to_owned())
}

fn refuse(problem: AcceptanceProblem) -> Refusal {
    let AcceptanceProblem { at, message, mend } = problem;
    Refusal::invalid("acceptance_invalid", "The acceptance makes no sense", message.clone(), mend)
        .field(format!("/{at}"), message)
}
