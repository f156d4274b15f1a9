//! `lockstep inspect`: what a report would say, read on this machine and sent nowhere.

use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;

use api::SeverityCounts;
use clap::Args;
use model::{CoverageExtent, Observation, ScanRun};
use reports::{Event, Format, Limits};
use serde::Serialize;

use super::{counts, opt_minute};
use crate::exit::{self, CliError, Outcome};
use crate::output::Output;

/// Options of `lockstep inspect`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  lockstep inspect results.sarif
  lockstep inspect results.sarif --results
  lockstep inspect export.csv --format generic-csv --json

With --json --results each run and each result is one line of JSON, and the summary is the last line.")]
pub(crate) struct InspectArgs {
    /// The report
    file: PathBuf,
    /// Format by its name; a wrong name lists them all [default: recognised from the content]
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,
    /// Print every result as well
    #[arg(long)]
    results: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Inspected {
    format: &'static str,
    runs: Vec<ScanRun>,
    results: u64,
    observations: u64,
    severities: SeverityCounts,
    left_out: Vec<LeftOut>,
}

#[derive(Serialize)]
struct LeftOut {
    reason: &'static str,
    count: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Line<'a> {
    Run(&'a ScanRun),
    Observation(&'a Observation),
    Summary(&'a Inspected),
}

/// Reads a report and says what is in it.
pub(crate) fn run(args: &InspectArgs) -> Outcome {
    let output = Output::new(args.json);
    let refused =
        |message: String| CliError::new(exit::REFUSED, format!("{}: {message}", args.file.display()));
    let file = File::open(&args.file).map_err(|error| refused(error.to_string()))?;
    let mut runs = Vec::new();
    let mut severities = SeverityCounts::default();
    let show = |event: &Event| -> Result<(), CliError> {
        match (event, args.json) {
            _ if !args.results => Ok(()),
            (Event::Run(run), true) => output.json_line(&Line::Run(run)),
            (Event::Observation(observation), true) => output.json_line(&Line::Observation(observation)),
            (Event::Run(_), false) => Ok(()),
            (Event::Observation(observation), false) => output.table(&[], vec![row(observation)]),
        }
    };
    let mut stopped = None;
    let read = reports::read(BufReader::new(file), args.format, &Limits::default(), &mut |event| {
        if let Err(error) = show(&event) {
            stopped = Some(error);
            return Err("the output is closed".into());
        }
        match event {
            Event::Run(run) => runs.push(*run),
            Event::Observation(observation) => severities.add(observation.severity, 1),
        }
        Ok(())
    });
    if let Some(error) = stopped {
        return Err(error);
    }
    let summary = read.map_err(|error| refused(server::chain(&error)))?;
    let inspected = Inspected {
        format: summary.format.as_str(),
        runs,
        results: summary.results,
        observations: summary.observations,
        severities,
        left_out: summary
            .left_out
            .into_iter()
            .map(|left_out| LeftOut { reason: left_out.reason, count: left_out.count })
            .collect(),
    };
    match (args.json, args.results) {
        (true, true) => output.json_line(&Line::Summary(&inspected))?,
        (true, false) => output.value(&inspected)?,
        (false, _) => print(output, &inspected)?,
    }
    Ok(exit::OK)
}

fn row(observation: &Observation) -> Vec<String> {
    let place = match observation.location.start_line {
        Some(line) => format!("{}:{line}", observation.location.path),
        None => observation.location.path.clone(),
    };
    vec![
        observation.severity.to_string(),
        observation.vulnerability.id.clone(),
        observation.title.clone(),
        place,
    ]
}

fn print(output: Output, inspected: &Inspected) -> Result<(), CliError> {
    output.facts(&[("format", inspected.format.to_owned())])?;
    for run in &inspected.runs {
        let version = run.scanner_version.as_deref().unwrap_or_default();
        output.facts(&[
            ("scanner", format!("{} {version}", run.scanner).trim_end().to_owned()),
            ("configuration", run.configuration.clone().unwrap_or_default()),
            ("run", run.run_id.clone().unwrap_or_default()),
            ("started", opt_minute(run.started_at)),
            ("branch", run.branch.clone().unwrap_or_default()),
            ("commit", run.commit.clone().unwrap_or_default()),
            ("target", run.target.clone().unwrap_or_default()),
            ("coverage", coverage(run)),
        ])?;
    }
    output.facts(&[
        ("results", inspected.results.to_string()),
        ("observations", counts(&inspected.severities)),
    ])?;
    for left_out in &inspected.left_out {
        output.facts(&[("left out", format!("{} ({})", left_out.count, left_out.reason))])?;
    }
    Ok(())
}

fn coverage(run: &ScanRun) -> String {
    let extent = match run.coverage.extent {
        CoverageExtent::Full => "full",
        CoverageExtent::Partial => "partial: absence proves nothing",
    };
    let rules = match &run.coverage.rules {
        Some(rules) => format!(", {} rules listed", rules.len()),
        None => String::new(),
    };
    let paths = match run.coverage.paths.len() {
        0 => String::new(),
        number => format!(", limited to {number} paths"),
    };
    format!("{extent}{rules}{paths}")
}
