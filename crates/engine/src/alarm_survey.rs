//! Alarms that follow from what is stored: raised when it is there, cleared when it is gone, whoever changed it.

use chrono::{DateTime, Utc};
use model::status::RequestKind;
use reports::ExploitSource;
use store::Tx;
use store::alarms::Kind;
use store::tickets::Health;

use crate::Refusal;
use crate::alarms::{About, plain};
use crate::engine::Engine;
use crate::ticketing::{Stop, stopped_rules};

/// Findings with a request that are named one by one.
const MOST_REQUESTS: i64 = 100;

/// What there is to know.
struct Cause {
    about: About,
    what: String,
    next_step: &'static str,
}

impl Engine {
    /// Looks at what is stored, raises the alarms that follow from it, and clears those whose cause is gone. Writes
    /// nothing if nothing has changed.
    ///
    /// # Errors
    /// If the database refuses.
    pub async fn survey_alarms(&self) -> Result<(), Refusal> {
        let mut tx = self.inner.db.read().await?;
        let mut changed = Vec::new();
        for kind in [
            Kind::TicketParked,
            Kind::BudgetUsedUp,
            Kind::ScanQuarantined,
            Kind::RequestWaiting,
            Kind::HooksSilent,
            Kind::ProcessChanged,
            Kind::RuleStopped,
            Kind::SlaBreached,
            Kind::ExploitDataMissing,
            Kind::AcceptanceEnded,
            Kind::SourceFailing,
        ] {
            let causes = causes(&mut tx, kind, self.inner.world.now()).await?;
            let open = store::alarms::open(&mut tx, kind).await?;
            let same = causes.len() == open.len()
                && causes.iter().all(|cause| {
                    let subject = cause.about.subject();
                    open.iter().any(|alarm| alarm.subject == subject && alarm.what == plain(&cause.what))
                });
            if !same {
                changed.push(kind);
            }
        }
        drop(tx);
        for kind in changed {
            let mut tx = self.inner.db.begin().await?;
            let causes = causes(&mut tx, kind, self.inner.world.now()).await?;
            let open = store::alarms::open(&mut tx, kind).await?;
            for cause in &causes {
                let subject = cause.about.subject();
                if !open.iter().any(|alarm| alarm.subject == subject && alarm.what == plain(&cause.what)) {
                    self.raise(&mut tx, kind, cause.about, &cause.what, cause.next_step).await?;
                }
            }
            for alarm in open {
                if !causes.iter().any(|cause| cause.about.subject() == alarm.subject) {
                    self.clear_subject(&mut tx, kind, &alarm.subject).await?;
                }
            }
            tx.commit().await?;
        }
        Ok(())
    }
}

async fn causes(tx: &mut Tx, kind: Kind, now: DateTime<Utc>) -> Result<Vec<Cause>, Refusal> {
    let mut causes = Vec::new();
    match kind {
        Kind::TicketParked => {
            for (id, name, count) in store::alarms::tickets_with(tx, Health::Parked).await? {
                causes.push(Cause {
                    about: About::Destination(id),
                    what: format!("{name}: {} failed too often and wait for a person.", tickets(count)),
                    next_step: "Read the error on the ticket, mend its cause, then try again.",
                });
            }
        }
        Kind::BudgetUsedUp => {
            for (id, name, count) in store::alarms::tickets_with(tx, Health::OverBudget).await? {
                causes.push(Cause {
                    about: About::Destination(id),
                    what: format!("{name} got all the work items it may get today; {} wait.", tickets(count)),
                    next_step: "Raise the daily budget of the destination, or wait until midnight UTC.",
                });
            }
        }
        Kind::ScanQuarantined => {
            for (id, asset) in store::alarms::quarantined(tx).await? {
                causes.push(Cause {
                    about: About::Scan(id),
                    what: format!(
                        "A scan of {asset} saw suspiciously few findings; nothing counts as fixed by it yet."
                    ),
                    next_step: "Confirm the scan if so many findings are really fixed.",
                });
            }
        }
        Kind::RequestWaiting => {
            for finding in store::findings::requested(tx, MOST_REQUESTS).await? {
                let Some(request) = &finding.triage.request else { continue };
                let asked = match request.kind {
                    RequestKind::RiskAcceptance => "to accept the risk of",
                    RequestKind::FalsePositive => "to agree that it is no weakness:",
                };
                causes.push(Cause {
                    about: About::Finding(finding.id),
                    what: format!("{} asks on the board {asked} {}", request.by, finding.detail.title),
                    next_step: "Decide about the finding, or refuse: the card goes back with a comment.",
                });
            }
        }
        Kind::HooksSilent => {
            for connection in store::connections::all(tx).await? {
                if let Some(problem) = connection.subscriptions.iter().find_map(|own| own.problem.clone()) {
                    causes.push(Cause {
                        about: About::Connection(connection.id),
                        what: format!("{}: {problem}", connection.name),
                        next_step: "Look at the service hooks of the project; changes are found by sweeps meanwhile.",
                    });
                }
            }
        }
        Kind::ProcessChanged => {
            for destination in store::destinations::all(tx).await? {
                if let Some(drift) = &destination.drift {
                    let stops = if drift.creates_nothing { " Nothing new is created there." } else { "" };
                    causes.push(Cause {
                        about: About::Destination(destination.id),
                        what: format!(
                            "{} does not fit its board any more: {}.{stops}",
                            destination.settings.name,
                            drift.what()
                        ),
                        next_step: "Open the destination, adapt its maps to the board, and save it.",
                    });
                }
            }
        }
        Kind::RuleStopped => {
            for rule in stopped_rules(tx, now).await? {
                let assets: Vec<&str> = rule.assets.iter().map(String::as_str).take(3).collect();
                let more = if rule.assets.len() > assets.len() { " and others" } else { "" };
                let assets = format!("{}{more}", assets.join(", "));
                let (what, next_step) = match &rule.why {
                    Stop::NoDestination => (
                        format!("no destination takes its findings of {assets}"),
                        "Make a default destination, or one for these assets.",
                    ),
                    Stop::Gone => (
                        format!("the destination that it names was deleted; findings of {assets} wait"),
                        "Open the rule, choose another destination, and save it.",
                    ),
                    Stop::Broken(name) => (
                        format!(
                            "the destination {name} does not fit its board any more; findings of {assets} wait"
                        ),
                        "Open the destination, adapt it to the board, and save it.",
                    ),
                    Stop::State(why) => (
                        format!("{why}; findings of {assets} wait"),
                        "Open the rule, choose another state, and save it.",
                    ),
                };
                causes.push(Cause {
                    about: About::Rule(rule.id),
                    what: format!("{}: {what}.", rule.name),
                    next_step,
                });
            }
        }
        Kind::SlaBreached => {
            // One alarm for all of them: a changed matrix or a first import is no storm.
            if let Some((count, first)) = store::sla::breached(tx, now).await? {
                let findings = if count == 1 { "1 finding is" } else { &format!("{count} findings are") };
                causes.push(Cause {
                    about: About::Findings,
                    what: format!(
                        "{findings} past the due date, the first since {}.",
                        first.format("%Y-%m-%d")
                    ),
                    next_step: "Look at them, worst first; fix them, or decide about them.",
                });
            }
        }
        Kind::AcceptanceEnded => {
            let (acceptances, kept) = store::acceptances::overstayed(tx, now).await?;
            if acceptances > 0 {
                let those = if acceptances == 1 {
                    "1 acceptance has"
                } else {
                    &format!("{acceptances} acceptances have")
                };
                let findings = if kept == 1 { "1 finding" } else { &format!("{kept} findings") };
                causes.push(Cause {
                    about: About::Acceptances,
                    what: format!("{those} ended, and the risk of {findings} is still accepted."),
                    next_step: "Extend or revoke them.",
                });
            }
        }
        Kind::ExploitDataMissing => {
            for source in ExploitSource::ALL {
                if let Some(problem) = store::exploits::feed(tx, source.as_str()).await?.problem {
                    causes.push(Cause {
                        about: About::ExploitData(source.as_str()),
                        what: format!("{} could not be fetched: {problem}.", source.as_str().to_uppercase()),
                        next_step: "It is tried again every hour. Look at the address, or load the file by hand.",
                    });
                }
            }
        }
        Kind::SourceFailing => {
            for source in store::sources::all(tx).await? {
                if let Some(problem) = source.problem.filter(|_| source.enabled) {
                    causes.push(Cause {
                        about: About::Source(source.id),
                        what: format!("Source {}: {problem}.", source.name),
                        next_step: "It is tried again by itself. Look at the source: its credential, subscriptions and rules.",
                    });
                }
            }
        }
        Kind::BreakerTripped | Kind::CredentialDead | Kind::Flapping | Kind::DuplicateWorkItems => {}
    }
    Ok(causes)
}

fn tickets(count: u64) -> String {
    if count == 1 { "1 ticket".to_owned() } else { format!("{count} tickets") }
}
