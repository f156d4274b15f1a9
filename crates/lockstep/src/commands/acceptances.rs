//! `lockstep acceptance`: risks that somebody accepted.

use api::{Acceptance, ExtendAcceptance, NewAcceptance, RevokeAcceptance};
use chrono::{DateTime, Utc};
use clap::{Args, Subcommand, ValueEnum};
use model::acceptance::{AcceptancePolicy, AtEnd};
use model::{AcceptanceId, FindingId};

use super::{Limit, minute, opt_minute, parse_time};
use crate::client::ApiArgs;
use crate::exit::{self, CliError, Outcome};
use crate::output::{Output, confirm};

/// Options of `lockstep acceptance`.
#[derive(Args, Debug)]
pub(crate) struct AcceptanceArgs {
    #[command(flatten)]
    api: ApiArgs,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand, Debug)]
enum Action {
    /// List acceptances, newest first
    #[command(after_help = "\
Examples:
  lockstep acceptance list --state in_force
  lockstep findings list --acceptance-ends-in 14")]
    List {
        /// Only these states, separated by commas: in_force, ended, revoked
        #[arg(long, value_name = "STATE")]
        state: Option<String>,
        #[command(flatten)]
        limit: Limit,
    },
    /// Show one acceptance
    Show {
        /// Id of the acceptance
        acceptance: AcceptanceId,
    },
    /// Accept the risk of some findings, all of them or none
    #[command(after_help = "\
Examples:
  lockstep acceptance add 018f… 018f… --reason 'only the office reaches it' --until 2027-01-31
  lockstep acceptance add 018f… --reason 'see the decision' --link https://wiki.example/adr/7 --at-end keep \\
    --until 2027-06-30")]
    Add {
        /// Ids of findings
        #[arg(required = true)]
        findings: Vec<FindingId>,
        /// Why the risk is borne
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// What supports it
        #[arg(long, value_name = "TEXT", default_value = "")]
        evidence: String,
        /// Where more of it is found: an https address
        #[arg(long, value_name = "URL")]
        link: Option<String>,
        /// When it ends: a day or a time
        #[arg(long, value_name = "TIME", value_parser = parse_time)]
        until: Option<DateTime<Utc>>,
        /// What becomes of the findings then
        #[arg(long, value_enum, default_value_t = AtEndArg::Reopen)]
        at_end: AtEndArg,
    },
    /// Give an acceptance another end
    #[command(
        after_help = "Example:\n  lockstep acceptance extend 018f… --until 2027-03-31 --reason 'the move is late'"
    )]
    Extend {
        /// Id of the acceptance
        acceptance: AcceptanceId,
        /// When it ends from now on: a day or a time; without, it has no end
        #[arg(long, value_name = "TIME", value_parser = parse_time, required_unless_present = "without_end")]
        until: Option<DateTime<Utc>>,
        /// It has no end
        #[arg(long, conflicts_with = "until")]
        without_end: bool,
        /// Why
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Take an acceptance back: its findings are open again
    Revoke {
        /// Id of the acceptance
        acceptance: AcceptanceId,
        /// Why
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Show, or change, how far acceptances may go
    #[command(after_help = "Example:\n  lockstep acceptance policy --end-required true --longest-days 180")]
    Policy {
        /// Whether each acceptance has an end
        #[arg(long, value_name = "true|false")]
        end_required: Option<bool>,
        /// The most days from granting or extending to the end
        #[arg(long, value_name = "DAYS")]
        longest_days: Option<u32>,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum AtEndArg {
    /// They are open again
    Reopen,
    /// They stay accepted, and an alarm says so
    Keep,
}

/// Runs `lockstep acceptance`.
pub(crate) async fn run(args: AcceptanceArgs) -> Outcome {
    let client = args.api.client()?;
    let output = args.api.output();
    match args.action {
        Action::List { state, limit } => {
            let query: Vec<_> = state.map(|state| ("state", state)).into_iter().collect();
            let all: Vec<Acceptance> = client.list("acceptances", &query, limit.number()).await?;
            print_list(output, &all)?;
        }
        Action::Show { acceptance } => {
            print_one(output, &client.get(&format!("acceptances/{acceptance}")).await?)?;
        }
        Action::Add { findings, reason, evidence, link, until, at_end } => {
            let at_end = match at_end {
                AtEndArg::Reopen => AtEnd::Reopen,
                AtEndArg::Keep => AtEnd::Keep,
            };
            let new = NewAcceptance { findings, reason, evidence, link, until, at_end, then: None };
            print_one(output, &client.post("acceptances", &new).await?)?;
        }
        Action::Extend { acceptance, until, without_end: _, reason } => {
            let to = ExtendAcceptance { until, reason };
            print_one(output, &client.post(&format!("acceptances/{acceptance}/extend"), &to).await?)?;
        }
        Action::Revoke { acceptance, reason, yes } => {
            let known: Acceptance = client.get(&format!("acceptances/{acceptance}")).await?;
            confirm(&format!("Revoke it? {} findings are open again.", known.findings), yes)?;
            let why = RevokeAcceptance { reason };
            print_one(output, &client.post(&format!("acceptances/{acceptance}/revoke"), &why).await?)?;
        }
        Action::Policy { end_required, longest_days } => {
            let mut policy: AcceptancePolicy = client.get("acceptance-policy").await?;
            if end_required.is_some() || longest_days.is_some() {
                policy.end_required = end_required.unwrap_or(policy.end_required);
                policy.longest_days = longest_days.unwrap_or(policy.longest_days);
                policy = client.put("acceptance-policy", &policy).await?;
            }
            match output.is_json() {
                true => output.value(&policy)?,
                false => output.line(&format!(
                    "Acceptances last at most {} days and {} an end.",
                    policy.longest_days,
                    if policy.end_required { "always have" } else { "need not have" }
                ))?,
            }
        }
    }
    Ok(exit::OK)
}

fn print_list(output: Output, acceptances: &[Acceptance]) -> Result<(), CliError> {
    if output.is_json() {
        return output.value(&acceptances);
    }
    let rows = acceptances.iter().map(|one| {
        vec![
            one.id.to_string(),
            one.state.to_string(),
            one.findings.to_string(),
            one.approver.clone(),
            opt_minute(one.until),
            one.days_left.map(|days| days.to_string()).unwrap_or_default(),
            one.reason.clone(),
        ]
    });
    output.table(&["Id", "State", "Findings", "Approver", "Until", "Days left", "Reason"], rows.collect())
}

fn print_one(output: Output, one: &Acceptance) -> Result<(), CliError> {
    if output.is_json() {
        return output.value(one);
    }
    output.line(&format!("{}  {}", one.id, one.state))?;
    output.line(&format!("Reason:    {}", one.reason))?;
    if !one.evidence.is_empty() {
        output.line(&format!("Evidence:  {}", one.evidence))?;
    }
    if let Some(link) = &one.link {
        output.line(&format!("Link:      {link}"))?;
    }
    let asked = one.requested_by.as_ref().map(|by| format!(", asked for by {by}")).unwrap_or_default();
    output.line(&format!("Approver:  {}, {}{asked}", one.approver, minute(one.granted_at)))?;
    match one.until {
        Some(until) => output.line(&format!("Until:     {}, then {}", minute(until), one.at_end))?,
        None => output.line("Until:     no end")?,
    }
    if let (Some(at), Some(by)) = (one.extended_at, &one.extended_by) {
        output.line(&format!("Extended:  by {by}, {}", minute(at)))?;
    }
    if let (Some(at), Some(by), Some(why)) = (one.revoked_at, &one.revoked_by, &one.revoked_reason) {
        output.line(&format!("Revoked:   by {by}, {}: {why}", minute(at)))?;
    }
    output.line(&format!("Findings:  {} now, {} at any time", one.findings, one.covered))
}
