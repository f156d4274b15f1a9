//! `lockstep findings`: look at findings, decide about them, and write them to files.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use api::{
    ExportFormat, Finding, FindingSummary, GiveVerdict, HistoryEntry, ManualFinding, MarkDuplicate,
    NewFinding, RefuseRequest, SetStatus,
};
use chrono::{DateTime, Utc};
use clap::{Args, Subcommand, ValueEnum};
use futures::StreamExt as _;
use model::status::{FallBack, Verdict};
use model::{FindingId, SlaState, Status};
use reqwest::Method;

use super::manual::{Said, said_of};
use super::{Limit, lookup, minute, opt_minute, parse_time, word};
use crate::client::{ApiArgs, Client};
use crate::exit::{self, CliError, Outcome};
use crate::output::{Output, confirm, write_bytes};

/// Options of `lockstep findings`.
#[derive(Args, Debug)]
pub(crate) struct FindingsArgs {
    #[command(flatten)]
    api: ApiArgs,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand, Debug)]
enum Action {
    /// List findings, worst first
    #[command(after_help = "\
Examples:
  lockstep findings list --status open --severity critical,high
  lockstep findings list --asset shop --search openssl --all --json
  lockstep findings list --sla breached,approaching --order risk
  lockstep findings list --asset shop --correlated-as-one
  lockstep findings list --asset shop --branch feature/cart --not-on-branch main")]
    List {
        #[command(flatten)]
        filter: Filter,
        #[command(flatten)]
        limit: Limit,
    },
    /// Write findings to a file: a table, JSON, SARIF or VEX
    #[command(after_help = "\
Examples:
  lockstep findings export --format csv --status open > findings.csv
  lockstep findings export --format sarif --asset shop --output shop.sarif
  lockstep findings export --format openvex --asset shop --output shop.openvex.json

SARIF holds the open findings; OpenVEX and CycloneDX hold what was decided about vulnerabilities (CVE, GHSA …).
A file is there only once it is whole. What each format says: docs/exports.md.")]
    Export {
        /// What the file is to be
        #[arg(long, value_name = "FORMAT")]
        format: Format,
        #[command(flatten)]
        filter: Filter,
        /// Write to this file; to standard output if absent
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Show one finding in full
    Show {
        /// Id of the finding
        finding: FindingId,
    },
    /// Show what happened to a finding, newest first
    History {
        /// Id of the finding
        finding: FindingId,
        #[command(flatten)]
        limit: Limit,
    },
    /// Write down a finding by hand
    #[command(after_help = "\
Examples:
  lockstep findings add shop --title 'Coupons can be used twice' --severity high --path checkout
  lockstep findings add shop --file finding.json --assessment 'Pentest spring' --draft

A fix of such a finding counts when a validator says so: lockstep findings verdict.")]
    Add {
        /// Name of the asset; made on first use
        asset: String,
        #[command(flatten)]
        said: Said,
        /// Do not publish it yet: no ticket is made for it
        #[arg(long)]
        draft: bool,
        /// Name of the assessment that it belongs to
        #[arg(long, value_name = "ASSESSMENT")]
        assessment: Option<String>,
    },
    /// Change what a manual finding says; what is not named stays
    #[command(after_help = "Example:\n  lockstep findings edit 018f… --severity critical")]
    Edit {
        /// Id of the finding
        finding: FindingId,
        #[command(flatten)]
        said: Said,
    },
    /// Publish a draft
    Publish {
        /// Id of the finding
        finding: FindingId,
    },
    /// Say what looking at a manual finding showed: it is fixed, or still there
    #[command(after_help = "\
Examples:
  lockstep findings verdict 018f… fixed --reason 'tried the steps on 2.4.1: refused now'
  lockstep findings verdict 018f… still_there --reason 'the second coupon is still taken'")]
    Verdict {
        /// Id of the finding
        finding: FindingId,
        /// fixed or still_there
        verdict: Verdict,
        /// How it was looked at
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Decide about a finding
    #[command(after_help = "\
Examples:
  lockstep findings set-status 018f… risk_accepted --reason 'internal tool, see ADR 7' --until 2026-12-31
  lockstep findings set-status 018f… waiting --until 2027-01-31 --then in-progress
  lockstep findings set-status 018f… false_positive --reason 'input is validated in gate.rs'

A finding is never set to fixed by hand: only a scan proves that.")]
    SetStatus {
        /// Id of the finding
        finding: FindingId,
        /// created, identified, in_progress, waiting, awaiting_validation, risk_accepted, false_positive or suppressed
        status: Status,
        /// Why; required for risk_accepted, false_positive and suppressed
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
        /// Until when it holds: a day or a time
        #[arg(long, value_name = "TIME", value_parser = parse_time)]
        until: Option<DateTime<Utc>>,
        /// What follows then
        #[arg(long, value_name = "STATUS", requires = "until", default_value = "identified")]
        then: Then,
    },
    /// Say that a finding is the same weakness as another one: it is closed, and the other goes on
    #[command(
        after_help = "Example:\n  lockstep findings duplicate 018f… --of 018e… --reason 'two scanners, one library'"
    )]
    Duplicate {
        /// Id of the finding
        finding: FindingId,
        /// Id of the one that goes on
        #[arg(long, value_name = "FINDING")]
        of: FindingId,
        /// Why
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Delete a finding: its ticket is closed or released as the destination says; a scan that sees it again brings it back
    Delete {
        /// Id of the finding
        finding: FindingId,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Refuse what somebody on the board asked for; the card goes back with a comment
    Refuse {
        /// Id of the finding
        finding: FindingId,
        /// Why; it stands in the comment
        #[arg(long, value_name = "TEXT", default_value = "")]
        reason: String,
    },
}

/// Which findings are meant.
#[derive(Args, Debug)]
struct Filter {
    /// Only these statuses, separated by commas; `open` stands for all open ones
    #[arg(long, value_name = "STATUS")]
    status: Option<String>,
    /// Only these severities, separated by commas
    #[arg(long, value_name = "SEVERITY")]
    severity: Option<String>,
    /// Only findings of this asset
    #[arg(long, value_name = "ASSET")]
    asset: Option<String>,
    /// Only findings of this assessment: its name or id
    #[arg(long, value_name = "ASSESSMENT")]
    assessment: Option<String>,
    /// Only findings that are seen on this branch of the asset now
    #[arg(long, value_name = "BRANCH", requires = "asset")]
    branch: Option<String>,
    /// Only findings that are not seen on this branch of the asset now
    #[arg(long, value_name = "BRANCH", requires = "asset")]
    not_on_branch: Option<String>,
    /// Only findings whose risk is accepted, or is not
    #[arg(long, value_name = "true|false")]
    accepted: Option<bool>,
    /// Only findings whose acceptance ends within so many days, or has ended
    #[arg(long, value_name = "DAYS")]
    acceptance_ends_in: Option<u32>,
    /// Only findings that this suppression rule suppresses: its name or id
    #[arg(long, value_name = "RULE")]
    suppressed_by: Option<String>,
    /// Only findings of this ticket: its id, or the number of its work item
    #[arg(long, value_name = "TICKET")]
    ticket: Option<String>,
    /// Only findings with this text in title, vulnerability or place
    #[arg(long, short = 'q', value_name = "TEXT")]
    search: Option<String>,
    /// Only open findings that stand so to their due date: breached, approaching, on_track, not_covered
    #[arg(long, value_name = "STATE")]
    sla: Option<String>,
    /// Only findings whose vulnerability is known to be exploited (KEV)
    #[arg(long)]
    known_exploited: bool,
    /// Only findings with at least this EPSS score, 0 to 1
    #[arg(long, value_name = "SCORE")]
    min_epss: Option<f64>,
    /// Only findings with at least this risk score, 0 to 100
    #[arg(long, value_name = "SCORE")]
    min_risk: Option<u8>,
    /// Only findings that stand so to the newest scans: detected, not_covered, no_longer_detected
    #[arg(long, value_name = "STATE")]
    detection: Option<String>,
    /// Only findings that this scanner saw first
    #[arg(long, value_name = "SCANNER")]
    scanner: Option<String>,
    /// Only findings of assets for which this person or team answers
    #[arg(long, value_name = "OWNER")]
    owner: Option<String>,
    /// Only findings of assets with these business impacts: critical, high, medium, low, unknown
    #[arg(long, value_name = "IMPACTS")]
    impact: Option<String>,
    /// Of what several scanners report of one vulnerability in one component, only what the first of them reports
    #[arg(long)]
    correlated_as_one: bool,
    /// Only findings about the same vulnerability in the same component as this one
    #[arg(long, value_name = "FINDING")]
    correlated_with: Option<FindingId>,
    /// In which order
    #[arg(long, value_name = "ORDER", value_enum, default_value_t = Order::Severity)]
    order: Order,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Order {
    /// Worst severity first
    Severity,
    /// Highest risk score first
    Risk,
}

impl Filter {
    /// The query that asks for them.
    async fn query(self, client: &Client) -> Result<Vec<(&'static str, String)>, CliError> {
        let mut query = Vec::new();
        query.extend(self.status.map(|status| ("status", status)));
        query.extend(self.severity.map(|severity| ("severity", severity)));
        query.extend(self.search.map(|text| ("q", text)));
        if let Some(assessment) = self.assessment {
            query.push(("assessment", lookup::assessment(client, &assessment).await?.to_string()));
        }
        query.extend(self.accepted.map(|wanted| ("accepted", wanted.to_string())));
        query.extend(self.acceptance_ends_in.map(|days| ("acceptance_ends_in", days.to_string())));
        if let Some(rule) = self.suppressed_by {
            query.push(("suppressed_by", lookup::suppression(client, &rule).await?.to_string()));
        }
        query.extend(self.branch.map(|branch| ("branch", branch)));
        query.extend(self.not_on_branch.map(|branch| ("not_on_branch", branch)));
        query.extend(self.sla.map(|states| ("sla", states)));
        query.extend(self.known_exploited.then(|| ("known_exploited", "true".to_owned())));
        query.extend(self.min_epss.map(|least| ("min_epss", least.to_string())));
        query.extend(self.min_risk.map(|least| ("min_risk", least.to_string())));
        query.extend(self.detection.map(|states| ("detection", states)));
        query.extend(self.scanner.map(|scanner| ("scanner", scanner)));
        query.extend(self.owner.map(|owner| ("owner", owner)));
        query.extend(self.impact.map(|impacts| ("impact", impacts)));
        query.extend(self.correlated_as_one.then(|| ("correlated_as_one", "true".to_owned())));
        query.extend(self.correlated_with.map(|finding| ("correlated_with", finding.to_string())));
        if self.order == Order::Risk {
            query.push(("order", "risk".to_owned()));
        }
        if let Some(asset) = self.asset {
            query.push(("asset", lookup::asset(client, &asset).await?.to_string()));
        }
        if let Some(ticket) = self.ticket {
            query.push(("ticket", lookup::ticket(client, &ticket).await?.to_string()));
        }
        Ok(query)
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// A table for spreadsheets
    Csv,
    /// A list of findings in full, as the API says them
    Json,
    /// SARIF 2.1.0 of the open findings
    Sarif,
    /// OpenVEX 0.2.0 of what was decided about vulnerabilities
    Openvex,
    /// CycloneDX VEX 1.6 as JSON, of the same
    Cyclonedx,
}

impl Format {
    fn of_api(self) -> ExportFormat {
        match self {
            Self::Csv => ExportFormat::Csv,
            Self::Json => ExportFormat::Json,
            Self::Sarif => ExportFormat::Sarif,
            Self::Openvex => ExportFormat::Openvex,
            Self::Cyclonedx => ExportFormat::Cyclonedx,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Then {
    Created,
    Identified,
    #[value(alias = "in_progress")]
    InProgress,
    Waiting,
}

/// Runs `lockstep findings`.
pub(crate) async fn run(args: FindingsArgs) -> Outcome {
    let client = args.api.client()?;
    let output = args.api.output();
    match args.action {
        Action::List { filter, limit } => {
            let filter = filter.query(&client).await?;
            let findings: Vec<FindingSummary> = client.list("findings", &filter, limit.number()).await?;
            print_list(output, &findings)?;
        }
        Action::Export { format, filter, output: to } => export(&client, format, filter, to).await?,
        Action::Show { finding } => {
            let finding: Finding = client.get(&format!("findings/{finding}")).await?;
            print_one(output, &finding)?;
        }
        Action::History { finding, limit } => print_history(&client, output, finding, limit).await?,
        Action::SetStatus { finding, status, reason, until, then } => {
            let then = match then {
                Then::Created => FallBack::Created,
                Then::Identified => FallBack::Identified,
                Then::InProgress => FallBack::InProgress,
                Then::Waiting => FallBack::Waiting,
            };
            let body = SetStatus { status, reason, until, then };
            let finding: Finding = client.post(&format!("findings/{finding}/status"), &body).await?;
            print_one(output, &finding)?;
        }
        Action::Add { asset, said, draft, assessment } => {
            let body = NewFinding { asset, finding: said.over(ManualFinding::default())?, draft, assessment };
            let finding: Finding = client.post("findings", &body).await?;
            print_one(output, &finding)?;
        }
        Action::Edit { finding, said } => {
            let known: Finding = client.get(&format!("findings/{finding}")).await?;
            let body = said.over(said_of(known))?;
            let finding: Finding = client.put(&format!("findings/{finding}"), &body).await?;
            print_one(output, &finding)?;
        }
        Action::Publish { finding } => {
            let finding: Finding = client.post(&format!("findings/{finding}/publish"), &()).await?;
            print_one(output, &finding)?;
        }
        Action::Verdict { finding, verdict, reason } => {
            let body = GiveVerdict { verdict, reason };
            let finding: Finding = client.post(&format!("findings/{finding}/verdict"), &body).await?;
            print_one(output, &finding)?;
        }
        Action::Duplicate { finding, of, reason } => {
            let body = MarkDuplicate { of, reason };
            let finding: Finding = client.post(&format!("findings/{finding}/duplicate"), &body).await?;
            print_one(output, &finding)?;
        }
        Action::Delete { finding, yes } => {
            confirm(&format!("Delete the finding {finding}? Its ticket is closed or released."), yes)?;
            client.delete(&format!("findings/{finding}")).await?;
        }
        Action::Refuse { finding, reason } => {
            let body = RefuseRequest { reason };
            let finding: Finding = client.post(&format!("findings/{finding}/refuse"), &body).await?;
            print_one(output, &finding)?;
        }
    }
    Ok(exit::OK)
}

/// Streams the file to where it is wanted. One that was cut off on the way replaces nothing.
async fn export(
    client: &Client,
    format: Format,
    filter: Filter,
    to: Option<PathBuf>,
) -> Result<(), CliError> {
    let mut query = filter.query(client).await?;
    query.push(("format", word(&format.of_api())));
    let request = client.request(Method::GET, "findings/export")?.query(&query);
    let mut chunks = client.send(request).await?.bytes_stream();
    let cut_off = |error: reqwest::Error| {
        CliError::new(
            exit::BROKEN,
            format!("the export was cut off: {:#}", anyhow::Error::from(error.without_url())),
        )
        .next("Try again; if it stays, look into the server's log.")
    };
    let Some(to) = to else {
        while let Some(chunk) = chunks.next().await {
            write_bytes(&chunk.map_err(cut_off)?)?;
        }
        return Ok(());
    };
    let refused = |error: std::io::Error| {
        CliError::usage(format!("{} cannot be written: {error}", to.display()))
            .next("Name a file in a folder that you may write to.")
    };
    // It is put in the place of what is there: that must not be a device or a pipe.
    if std::fs::metadata(&to).is_ok_and(|there| !there.is_file()) {
        return Err(CliError::usage(format!("{} is no file", to.display()))
            .next("Leave out --output and lead standard output there."));
    }
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut file = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new("."))).map_err(refused)?;
    while let Some(chunk) = chunks.next().await {
        file.write_all(&chunk.map_err(cut_off)?).map_err(refused)?;
    }
    file.persist(&to).map_err(|error| refused(error.error))?;
    Ok(())
}

fn print_list(output: Output, findings: &[FindingSummary]) -> Result<(), CliError> {
    if output.is_json() {
        return output.value(&findings);
    }
    let rows = findings.iter().map(|finding| {
        vec![
            finding.id.to_string(),
            finding.severity.to_string(),
            finding.priority.risk.to_string(),
            finding.status.label().to_owned(),
            due(finding),
            finding.asset.name.clone(),
            finding.title.clone(),
            finding
                .ticket
                .as_ref()
                .and_then(|ticket| ticket.work_item_id)
                .map_or(String::new(), |id| format!("#{id}")),
        ]
    });
    output
        .table(&["Id", "Severity", "Risk", "Status", "Due", "Asset", "Finding", "Work item"], rows.collect())
}

/// The day on which it is due; one that has passed says so. Nothing for what is closed.
fn due(finding: &FindingSummary) -> String {
    match (finding.priority.sla, finding.priority.due_at) {
        (Some(SlaState::Breached), Some(at)) => format!("{} (breached)", at.format("%Y-%m-%d")),
        (Some(_), Some(at)) => at.format("%Y-%m-%d").to_string(),
        _ => String::new(),
    }
}

/// What the world knows about the exploitation of its vulnerabilities.
fn exploited(finding: &Finding) -> String {
    let kev =
        finding.exploits.iter().filter_map(|exploit| exploit.kev.as_ref()).min_by_key(|kev| kev.added_on);
    kev.map_or_else(String::new, |kev| {
        let ransomware = if kev.ransomware { ", by ransomware" } else { "" };
        format!("since {} (KEV){ransomware}", kev.added_on)
    })
}

fn print_one(output: Output, finding: &Finding) -> Result<(), CliError> {
    if output.is_json() {
        return output.value(finding);
    }
    let summary = &finding.summary;
    let ticket = summary.ticket.as_ref();
    output.facts(&[
        ("finding", summary.title.clone()),
        ("id", summary.id.to_string()),
        ("severity", summary.severity.to_string()),
        ("status", summary.status.label().to_owned()),
        ("reason", finding.reason.clone().unwrap_or_default()),
        ("until", opt_minute(summary.temporary_until)),
        ("then", finding.temporary_then.map(|then| then.status().label().to_owned()).unwrap_or_default()),
        ("risk", summary.priority.risk.to_string()),
        ("due", due(summary)),
        ("known exploited", exploited(finding)),
        ("EPSS", summary.priority.epss.map(|epss| format!("{:.2} %", epss * 100.0)).unwrap_or_default()),
        ("asset", summary.asset.name.clone()),
        ("owner", finding.asset_owner.clone()),
        ("impact", finding.impact.to_string()),
        ("place", summary.place.clone()),
        ("vulnerability", summary.vulnerability_id.clone()),
        ("scanner", summary.scanner.clone()),
        ("first seen", minute(summary.first_seen_at)),
        ("last seen", minute(summary.last_seen_at)),
        ("regressed", if summary.regressed > 0 { summary.regressed.to_string() } else { String::new() }),
        ("message", finding.message.clone().unwrap_or_default()),
        (
            "ticket",
            ticket.map(|ticket| format!("{} ({})", ticket.id, word(&ticket.health))).unwrap_or_default(),
        ),
        ("work item", ticket.and_then(|ticket| ticket.url.clone()).unwrap_or_default()),
    ])
}

async fn print_history(
    client: &Client,
    output: Output,
    finding: FindingId,
    limit: Limit,
) -> Result<(), CliError> {
    let entries: Vec<HistoryEntry> =
        client.list(&format!("findings/{finding}/history"), &[], limit.number()).await?;
    if output.is_json() {
        return output.value(&entries);
    }
    let rows = entries.iter().map(|entry| {
        let status = match (entry.from, entry.to) {
            (Some(from), Some(to)) if from != to => format!("{} → {}", from.label(), to.label()),
            (_, Some(to)) => to.label().to_owned(),
            _ => String::new(),
        };
        vec![minute(entry.at), entry.what.clone(), status, entry.cause.label.clone()]
    });
    output.table(&["When", "What", "Status", "Cause"], rows.collect())
}
