//! Decisions about findings: by people, by cards, by the clock. The lifecycle in `model` says what they do.

use chrono::{DateTime, Utc};
use model::acceptance::Terms;
use model::lifecycle::{self, Circumstances, Command, Giver};
use model::status::{Decision, Detection, Facts, FallBack, RequestKind};
use model::{FindingId, Status};
use store::Tx;
use store::audit::{Cause, CauseKind, Entry, Subject};
use store::findings::{Finding, facts};

use crate::engine::{Engine, EventKind};
use crate::{Actor, Refusal};

/// Duplicates of duplicates that are followed to the finding that goes on.
const MOST_DUPLICATES: usize = 100;

/// What a person wants a finding to become.
#[derive(Clone, Debug)]
pub struct StatusChange {
    /// Status.
    pub status: Status,
    /// Why.
    pub reason: Option<String>,
    /// Until when, and what follows.
    pub temporary: Option<(DateTime<Utc>, FallBack)>,
}

/// What a command did to a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Followed {
    /// The status changed.
    Yes,
    /// Nothing that people see changed.
    No,
    /// It was a claim by a card, and a scan that started after it has seen the finding still.
    Refuted,
}

impl Engine {
    /// Follows a person's decision about a finding.
    ///
    /// # Errors
    /// If there is no such finding, or the decision is not possible; the text says why.
    pub async fn set_status(&self, id: FindingId, change: StatusChange, by: &Actor) -> Result<(), Refusal> {
        let command = match change.status {
            Status::Created => Command::Reset,
            Status::Identified => Command::Identify,
            Status::InProgress => Command::Start,
            Status::Waiting => Command::Wait,
            Status::AwaitingValidation => Command::Claim,
            Status::RiskAccepted => return self.accept_one(id, change, by).await,
            Status::FalsePositive => Command::DismissAsFalsePositive,
            Status::Suppressed => Command::Suppress,
            Status::Fixed => {
                return Err(impossible(
                    "only a scan that covers the finding and does not see it any more proves a fix",
                    "Set it to awaiting_validation; the next covering scan decides.",
                ));
            }
            Status::Duplicate => {
                return Err(impossible(
                    "it is not said which finding it is a duplicate of",
                    "Name the other finding with /duplicate, or `lockstep findings duplicate`.",
                ));
            }
            Status::Draft => {
                return Err(impossible("what was published stays published", "Choose another status."));
            }
        };
        let mut tx = self.inner.db.begin().await?;
        let Some(finding) = store::findings::get(&mut tx, id).await? else {
            return Err(Refusal::not_found("finding", id));
        };
        let circumstances = Circumstances {
            giver: Giver::Person,
            by: by.name.clone(),
            at: self.inner.world.now(),
            reason: change.reason.clone(),
            temporary: change.temporary,
            grace: self.inner.settings.grace,
        };
        let cause = Cause::new(CauseKind::Person, by.name.clone());
        let until = change.temporary.map_or_else(String::new, |(until, then)| {
            format!(" until {}, then {}", until.format("%Y-%m-%d %H:%M UTC"), then.status().label())
        });
        let what = match &change.reason {
            Some(reason) => format!("Set to {}{until} by {}: {reason}", change.status.label(), by.name),
            None => format!("Set to {}{until} by {}.", change.status.label(), by.name),
        };
        self.follow(&mut tx, &finding, &command, &circumstances, &cause, what).await?.map_err(|illegal| {
            impossible(&illegal.to_string(), "Choose another status, or give what is missing.")
        })?;
        tx.commit().await?;
        self.announce(EventKind::Finding, id.0);
        self.inner.ticketing.notify_one();
        self.wake_all_boards();
        Ok(())
    }

    /// Says that a finding is the same weakness as another one, which goes on.
    ///
    /// # Errors
    /// If one of them is not there, or the other is this one or a duplicate of it.
    pub async fn mark_duplicate(
        &self,
        id: FindingId,
        of: FindingId,
        reason: Option<&str>,
        by: &Actor,
    ) -> Result<(), Refusal> {
        let mut tx = self.inner.db.begin().await?;
        let Some(finding) = store::findings::get(&mut tx, id).await? else {
            return Err(Refusal::not_found("finding", id));
        };
        // Along the duplicates, to the one that goes on.
        let mut other = of;
        for _ in 0..MOST_DUPLICATES {
            if other == id {
                return Err(impossible("it would be a duplicate of itself", "Name another finding."));
            }
            let Some(known) = store::findings::get(&mut tx, other).await? else {
                return Err(Refusal::not_found("finding", other));
            };
            let Decision::Duplicate(next) = known.triage.decision else { break };
            other = next;
        }
        let reason = reason.map(str::trim).filter(|reason| !reason.is_empty());
        let circumstances = self.by_person(by, reason, None);
        let cause = Cause::new(CauseKind::Person, by.name.clone());
        let why = reason.map_or_else(|| ".".to_owned(), |reason| format!(": {reason}"));
        let what = format!("{} said that it is a duplicate of {other}{why}", by.name);
        let command = Command::MarkDuplicate(other);
        let followed = self.follow(&mut tx, &finding, &command, &circumstances, &cause, what).await?;
        followed.map_err(|illegal| impossible(&illegal.to_string(), "Choose another status."))?;
        tx.commit().await?;
        self.announce(EventKind::Finding, id.0);
        self.wake_all_boards();
        Ok(())
    }

    /// Accepts the risk of one finding.
    async fn accept_one(&self, id: FindingId, change: StatusChange, by: &Actor) -> Result<(), Refusal> {
        let (until, then) = change.temporary.unzip();
        let reason = change.reason.unwrap_or_default();
        let terms = Terms { reason, until, then, ..Terms::default() };
        self.grant_acceptance(terms, &[id], by).await.map(drop)
    }

    /// Lets one command act on a finding, within a transaction.
    pub(crate) async fn follow(
        &self,
        tx: &mut Tx,
        known: &Finding,
        command: &Command,
        circumstances: &Circumstances,
        cause: &Cause,
        what: String,
    ) -> Result<Result<Followed, lifecycle::Illegal>, Refusal> {
        // An import holds the asset while it decides: neither may overwrite what the other decided.
        store::assets::hold(tx, known.asset_id).await?;
        let Some(asset) = store::assets::get(tx, known.asset_id).await? else {
            return Err(Refusal::not_found("asset", known.asset_id));
        };
        let Some(known) = store::findings::get(tx, known.id).await? else {
            return Err(Refusal::not_found("finding", known.id));
        };
        let detections = store::findings::detections(tx, known.id).await?;
        let before = facts(&known, &detections, &asset);
        let mut after = match lifecycle::follow(&before, command, circumstances) {
            Ok(after) => after,
            Err(illegal) => return Ok(Err(illegal)),
        };
        let refuted = circumstances.giver == Giver::Card
            && *command == Command::Claim
            && !after.claim_stands(circumstances.grace);
        if refuted {
            after = refute(&after, circumstances);
        } else if after == before {
            return Ok(Ok(Followed::No));
        }
        let mut finding = known.clone();
        finding.triage = after.triage.clone();
        finding.set_status(after.status(circumstances.grace), circumstances.at);
        store::findings::save(tx, &finding, finding.status.is_open()).await?;
        store::tickets::mark_of_finding(tx, finding.id).await?;
        if refuted {
            if known.status != Status::AwaitingValidation {
                let claimed = Finding { status: Status::AwaitingValidation, ..finding.clone() };
                self.note(tx, &claimed, Some(known.status), cause, what.clone()).await?;
            }
            let seen = after.last_seen_at().unwrap_or(circumstances.at).format("%Y-%m-%d %H:%M UTC");
            let cause = Cause::new(CauseKind::Scan, format!("{} scan of {seen}", finding.scanner));
            let entry = Entry {
                id: self.inner.world.id(),
                at: self.inner.world.now(),
                subject: Subject::Finding(finding.id),
                cause: &cause,
                what: format!(
                    "{what} Still seen by {} (scan of {seen}), which started after that.",
                    finding.scanner
                ),
                statuses: Some((Some(Status::AwaitingValidation), finding.status)),
                fields: &[],
            };
            store::audit::add(tx, entry).await?;
            return Ok(Ok(Followed::Refuted));
        }
        let refused = known.triage.request.is_some()
            && finding.triage.request.is_none()
            && finding.status.is_open()
            && circumstances.giver == Giver::Person;
        if refused {
            self.send_back(tx, &finding, known.status, cause, what).await?;
        } else {
            self.note(tx, &finding, Some(known.status), cause, what).await?;
        }
        Ok(Ok(if finding.status == known.status { Followed::No } else { Followed::Yes }))
    }

    /// A decision that was asked for by moving a card is refused: the card goes back, with the reason in a comment.
    ///
    /// # Errors
    /// If there is no such finding, or nobody asks for anything.
    pub async fn refuse_request(&self, id: FindingId, reason: &str, by: &Actor) -> Result<(), Refusal> {
        let mut tx = self.inner.db.begin().await?;
        let Some(known) = store::findings::get(&mut tx, id).await? else {
            return Err(Refusal::not_found("finding", id));
        };
        store::assets::hold(&mut tx, known.asset_id).await?;
        let Some(mut finding) = store::findings::get(&mut tx, id).await? else {
            return Err(Refusal::not_found("finding", id));
        };
        let Some(request) = finding.triage.request.take() else {
            return Err(Refusal::conflict(
                "nothing_requested",
                "Nobody asks for anything",
                "No decision about this finding is asked for.",
                "Nothing to do.",
            ));
        };
        store::findings::save(&mut tx, &finding, false).await?;
        let cause = Cause::new(CauseKind::Person, by.name.clone());
        let asked = match request.kind {
            RequestKind::RiskAcceptance => "to accept the risk",
            RequestKind::FalsePositive => "to call it a false positive",
        };
        let reason = reason.trim().trim_end_matches('.');
        let why = if reason.is_empty() { String::new() } else { format!(": {reason}") };
        let what = format!("{} refused what {} asked for, {asked}{why}.", by.name, request.by);
        self.send_back(&mut tx, &finding, finding.status, &cause, what).await?;
        tx.commit().await?;
        self.announce(EventKind::Finding, id.0);
        self.inner.alarms.notify_one();
        self.wake_all_boards();
        Ok(())
    }

    /// What a card asked for is not granted: its place is not agreed on any more, so that it goes back where the findings
    /// say, and the words of the log travel with it.
    async fn send_back(
        &self,
        tx: &mut Tx,
        finding: &Finding,
        from: Status,
        cause: &Cause,
        what: String,
    ) -> Result<(), Refusal> {
        let entry = Entry {
            id: self.inner.world.id(),
            at: self.inner.world.now(),
            subject: Subject::Finding(finding.id),
            cause,
            what,
            statuses: Some((Some(from), finding.status)),
            fields: &[],
        };
        store::audit::add(tx, entry).await?;
        for ticket in store::tickets::of_finding(tx, finding.id).await? {
            if let Some(mut ticket) = store::tickets::get(tx, ticket).await?
                && let Some(base) = &mut ticket.base
            {
                base.status = None;
                store::tickets::save(tx, &ticket).await?;
            }
        }
        store::tickets::mark_of_finding(tx, finding.id).await?;
        Ok(())
    }

    /// Ends temporary decisions whose time is over.
    pub(crate) async fn expire_decisions(&self) -> Result<(), Refusal> {
        loop {
            let now = self.inner.world.now();
            let mut tx = self.inner.db.begin().await?;
            let expired = store::findings::expired(&mut tx, now, 100).await?;
            if expired.is_empty() {
                return Ok(());
            }
            for finding in &expired {
                let circumstances = Circumstances {
                    giver: Giver::Clock,
                    by: "the clock".into(),
                    at: now,
                    reason: None,
                    temporary: None,
                    grace: self.inner.settings.grace,
                };
                let cause = Cause::new(CauseKind::Clock, "a temporary status ended");
                let until = finding.triage.temporary.map_or(now, |temporary| temporary.until);
                let decided = Facts { triage: finding.triage.clone(), ..Facts::default() };
                let what = format!(
                    "{} was temporary, until {}, and has ended.",
                    decided.status(self.inner.settings.grace).label(),
                    until.format("%Y-%m-%d %H:%M UTC")
                );
                let followed =
                    self.follow(&mut tx, finding, &Command::Expire, &circumstances, &cause, what).await?;
                if let Err(illegal) = followed {
                    tracing::warn!(finding = %finding.id, %illegal, "a temporary status could not end");
                }
            }
            tx.commit().await?;
            self.announce(EventKind::Finding, None);
            self.wake_all_boards();
        }
    }
}

/// The claim first, then the scans that started after it: whichever was read first, the end is the same.
fn refute(claimed: &Facts, circumstances: &Circumstances) -> Facts {
    let as_claimed = |detection: &Detection| Detection {
        last_seen_at: detection.last_seen_at.min(circumstances.at),
        last_absent_at: None,
        ..detection.clone()
    };
    let before = Facts { detections: claimed.detections.iter().map(as_claimed).collect(), ..claimed.clone() };
    lifecycle::after_scan(&before, claimed.detections.clone(), circumstances.grace).0
}

fn impossible(why: &str, next_step: &str) -> Refusal {
    Refusal::conflict(
        "status_impossible",
        "The status cannot be set",
        format!("The status is not set: {why}."),
        next_step,
    )
}
