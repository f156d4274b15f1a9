//! `lockstep import`: hands a report to the server and, if asked, waits for the verdict.

use std::path::PathBuf;

use api::{ImportOptions, ImportResult, Job};
use chrono::{DateTime, Utc};
use clap::Args;
use reqwest::Method;
use serde::Serialize;

use super::upload::{file_name, send_file};
use super::{counts, jobs, parse_time};
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
    /// End with exit code 1 if the import has findings like these (implies --wait)
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

/// Imports a report.
pub(crate) async fn run(args: ImportArgs) -> Outcome {
    let client = args.api.client()?;
    let output = args.api.output();
    let mut job = upload(&client, &args).await?;
    if args.wait || args.fail_on.is_some() {
        job = jobs::wait(&client, job).await?;
    }
    let verdict = match (&args.fail_on, &job.import) {
        (Some(fail_on), Some(import)) => {
            let matching = fail_on.matching(import);
            Some(Verdict { expression: fail_on.to_string(), matching, failed: matching > 0 })
        }
        (Some(_), None) => {
            return Err(CliError::new(exit::BROKEN, "the server does not say what the import did")
                .next("Use a `lockstep` of the same version as the server."));
        }
        (None, _) => None,
    };
    let failed = verdict.as_ref().is_some_and(|verdict| verdict.failed);
    if output.is_json() {
        output.value(&Judged { job: &job, verdict })?;
    } else {
        match &job.import {
            Some(import) => {
                let into = args.asset.as_deref().or(args.source.as_deref()).unwrap_or_default();
                print_result(output, into, import)?;
            }
            None => output.line(&format!("Import {} is queued; see `lockstep scans list`.", job.id))?,
        }
        if let Some(verdict) = verdict {
            let fit = if verdict.matching == 1 {
                "1 finding fits"
            } else {
                &format!("{} findings fit", verdict.matching)
            };
            say(&format!("{}: {fit} `{}`", if failed { "failed" } else { "passed" }, verdict.expression));
        }
    }
    Ok(if failed { exit::VERDICT } else { exit::OK })
}

async fn upload(client: &Client, args: &ImportArgs) -> Result<Job, CliError> {
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
    let request = client.request(Method::POST, "imports")?.query(&options);
    send_file(client, request, &args.file).await?.json().await.map_err(CliError::broken)
}

fn print_result(output: Output, asset: &str, import: &ImportResult) -> Result<(), CliError> {
    if import.already_imported {
        output
            .line(&format!("This scan of {asset} was imported before; nothing changed. What it did then:"))?;
    } else {
        output.line(&format!("Imported into {asset}: {} results.", import.observations))?;
    }
    output.facts(&[
        ("new", counts(&import.new)),
        ("regressed", counts(&import.regressed)),
        ("still open", counts(&import.still_open)),
        ("fixed", counts(&import.fixed)),
    ])?;
    for (reason, count) in &import.left_out {
        say(&format!("left out: {count}, {reason}"));
    }
    if import.quarantined {
        say("The scan waits for a person before it closes anything: suspiciously many findings are gone.");
        say("next: Look at it with `lockstep scans list`, then `lockstep scans confirm <SCAN>`.");
    }
    Ok(())
}
