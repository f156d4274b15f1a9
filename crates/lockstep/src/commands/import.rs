//! `lockstep import`: hands a report to the server and, if asked, waits for the verdict, or only says what it would do.

use std::path::PathBuf;

use api::{ImportOptions, ImportPlan, ImportResult, Job, Plan};
use chrono::{DateTime, Utc};
use clap::Args;
use reqwest::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::upload::{file_name, send_file};
use super::{counts, jobs, parse_time, plan, rules};
use crate::client::{ApiArgs, Client};
use crate::exit::{self, CliError, Outcome};
use crate::output::{Output, say};
use crate::verdict::FailOn;

/// Options of `lockstep import`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  lockstep import results.sarif --asset shop
  lockstep import trivy.json --asset shop --tag web --branch main --wait
  lockstep import results.sarif --source monorepo
  lockstep import results.sarif --asset shop --fail-on 'new and severity>=high'
  lockstep import results.sarif --asset shop --plan
  semgrep --sarif . | lockstep import - --asset shop --configuration semgrep-full

The expression of --fail-on joins terms with `and` and `or` (`and` binds tighter; parentheses are allowed).
Terms: new (first seen by this import), regressed (came back), open (all that is open after it),
severity>=high, severity=low. If any finding fits, the command ends with exit code 1.")]
pub(crate) struct ImportArgs {
    #[command(flatten)]
    api: ApiArgs,
    /// The report; `-` for standard input
    file: PathBuf,
    /// Asset that was scanned; made on first use
    #[arg(long, value_name = "NAME", required_unless_present = "source")]
    asset: Option<String>,
    /// Source whose ingest rules divide the report among assets
    #[arg(long, value_name = "NAME", conflicts_with = "asset")]
    source: Option<String>,
    /// Tag to add to the asset; may be repeated
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// Branch that was scanned [default: what the report says]
    #[arg(long, value_name = "NAME")]
    branch: Option<String>,
    /// Name of the scanner's configuration [default: what the report says]
    #[arg(long, value_name = "NAME")]
    configuration: Option<String>,
    /// When the scan started [default: what the report says, else now]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    started_at: Option<DateTime<Utc>>,
    /// Format by its name; a wrong name lists them all [default: recognised from the content]
    #[arg(long, value_name = "FORMAT")]
    format: Option<reports::Format>,
    /// The scan looked only at a part: what is missing from the report is not taken as fixed
    #[arg(long)]
    partial: bool,
    /// Name of the assessment that the scan belongs to
    #[arg(long, value_name = "NAME")]
    assessment: Option<String>,
    /// Wait until the import is done and print what it did
    #[arg(long)]
    wait: bool,
    /// Say what the import would do to findings, tickets and work items, and do nothing (up to 5000 results)
    #[arg(long, conflicts_with = "wait")]
    plan: bool,
    /// End with exit code 1 if the import has findings like these (implies --wait, unless with --plan)
    #[arg(long, value_name = "EXPRESSION")]
    fail_on: Option<FailOn>,
}

/// A job with the verdict on it.
#[derive(Serialize)]
struct Judged<'a> {
    #[serde(flatten)]
    job: &'a Job,
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<Verdict>,
}

#[derive(Serialize)]
struct Verdict {
    expression: String,
    matching: u64,
    failed: bool,
}

/// A plan with the verdict on it.
#[derive(Serialize)]
struct JudgedPlan<'a> {
    #[serde(flatten)]
    plan: &'a ImportPlan,
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<Verdict>,
}

/// Imports a report, or says what that would do.
pub(crate) async fn run(args: ImportArgs) -> Outcome {
    let client = args.api.client()?;
    if args.plan { plan_import(&client, &args).await } else { import(&client, &args).await }
}

async fn import(client: &Client, args: &ImportArgs) -> Outcome {
    let output = args.api.output();
    let mut job: Job = upload(client, args, "imports").await?;
    if args.wait || args.fail_on.is_some() {
        job = jobs::wait(client, job).await?;
    }
    let verdict = match (&args.fail_on, &job.import) {
        (Some(fail_on), Some(import)) => Some(Verdict::of(fail_on, import)),
        (Some(_), None) => {
            return Err(CliError::new(exit::BROKEN, "the server does not say what the import did")
                .next("Use a `lockstep` of the same version as the server."));
        }
        (None, _) => None,
    };
    let code = verdict.as_ref().map_or(exit::OK, Verdict::exit_code);
    if output.is_json() {
        output.value(&Judged { job: &job, verdict })?;
        return Ok(code);
    }
    match &job.import {
        Some(import) if import.already_imported => {
            output.line(&format!(
                "This scan of {} was imported before; nothing changed. What it did then:",
                args.into()
            ))?;
            print_result(output, import)?;
        }
        Some(import) => {
            output.line(&format!("Imported into {}: {} results.", args.into(), import.observations))?;
            print_result(output, import)?;
        }
        None => output.line(&format!("Import {} is queued; see `lockstep scans list`.", job.id))?,
    }
    if let Some(verdict) = verdict {
        verdict.say();
    }
    Ok(code)
}

async fn plan_import(client: &Client, args: &ImportArgs) -> Outcome {
    let output = args.api.output();
    let plan: ImportPlan = upload(client, args, "imports/plan").await?;
    let verdict = args.fail_on.as_ref().map(|fail_on| Verdict::of(fail_on, &plan.import));
    let code = verdict.as_ref().map_or(exit::OK, Verdict::exit_code);
    if output.is_json() {
        output.value(&JudgedPlan { plan: &plan, verdict })?;
        return Ok(code);
    }
    if plan.import.already_imported {
        output.line(&format!(
            "This scan of {} was imported before; nothing would change. What it did then:",
            args.into()
        ))?;
        print_result(output, &plan.import)?;
    } else {
        let results = plan.import.observations;
        output.line(&format!("Importing {results} results into {} would do this:", args.into()))?;
        print_result(output, &plan.import)?;
        print_tickets(output, &plan)?;
    }
    if let Some(verdict) = verdict {
        verdict.say();
    }
    Ok(code)
}

impl ImportArgs {
    /// Where the report goes, for messages.
    fn into(&self) -> &str {
        self.asset.as_deref().or(self.source.as_deref()).unwrap_or_default()
    }
}

impl Verdict {
    fn of(fail_on: &FailOn, import: &ImportResult) -> Self {
        let matching = fail_on.matching(import);
        Self { expression: fail_on.to_string(), matching, failed: matching > 0 }
    }

    fn exit_code(&self) -> u8 {
        if self.failed { exit::VERDICT } else { exit::OK }
    }

    fn say(&self) {
        let fit = match self.matching {
            1 => "1 finding fits".to_owned(),
            number => format!("{number} findings fit"),
        };
        say(&format!("{}: {fit} `{}`", if self.failed { "failed" } else { "passed" }, self.expression));
    }
}

async fn upload<T: DeserializeOwned>(client: &Client, args: &ImportArgs, path: &str) -> Result<T, CliError> {
    let options = ImportOptions {
        asset: args.asset.clone().unwrap_or_default(),
        source: args.source.clone(),
        tags: (!args.tags.is_empty()).then(|| args.tags.join(",")),
        branch: args.branch.clone(),
        configuration: args.configuration.clone(),
        started_at: args.started_at,
        format: args.format.map(|format| format.to_string()),
        filename: file_name(&args.file),
        partial: args.partial.then_some(true),
        assessment: args.assessment.clone(),
    };
    let request = client.request(Method::POST, path)?.query(&options);
    send_file(client, request, &args.file).await?.json().await.map_err(CliError::broken)
}

fn print_result(output: Output, import: &ImportResult) -> Result<(), CliError> {
    output.facts(&[
        ("new", counts(&import.new)),
        ("regressed", counts(&import.regressed)),
        ("still open", counts(&import.still_open)),
        ("fixed", counts(&import.fixed)),
    ])?;
    for (reason, count) in &import.left_out {
        say(&format!("left out: {count}, {reason}"));
    }
    if import.quarantined && import.scans.is_empty() {
        say(
            "The scan would wait for a person before it closes anything: suspiciously many findings are gone.",
        );
    } else if import.quarantined {
        say("The scan waits for a person before it closes anything: suspiciously many findings are gone.");
        say("next: Look at it with `lockstep scans list`, then `lockstep scans confirm <SCAN>`.");
    }
    Ok(())
}

/// What the rules would do with its findings, and what becomes of work items that are there.
fn print_tickets(output: Output, plan: &ImportPlan) -> Result<(), CliError> {
    let tickets = plan.plan.tickets.iter().chain(&plan.existing.tickets).cloned().collect();
    plan::print_rows(output, &Plan { tickets, ..plan.plan.clone() })?;
    for share in &plan.destinations {
        say(&rules::line(share));
    }
    match &plan.existing_unknown {
        Some(why) => say(&format!("What it does to work items that are there cannot be said: {why}")),
        None => say(&format!(
            "Work items that are there: {} would change, {} would wait.",
            plan.existing.update, plan.existing.over_budget
        )),
    }
    Ok(())
}
