//! `lockstep sla`: how long findings may stay open.

use std::collections::BTreeMap;
use std::str::FromStr;

use api::{Sla, SlaCounts};
use clap::{Args, Subcommand};
use model::priority::SlaMatrix;
use model::{Impact, Severity};

use crate::client::ApiArgs;
use crate::exit::{self, CliError, Outcome};
use crate::output::Output;

/// Options of `lockstep sla`.
#[derive(Args, Debug)]
pub(crate) struct SlaArgs {
    #[command(flatten)]
    api: ApiArgs,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand, Debug)]
enum Action {
    /// Show the matrix, and how open findings stand
    Show,
    /// Change cells of the matrix; due dates follow at once
    #[command(after_help = "\
Examples:
  lockstep sla set critical=7 high=30 low=none
  lockstep sla set high/critical=14 known-exploited=14 approaching=25
  lockstep sla set critical=3 --preview

A severity alone stands for its whole row; `severity/impact` for one cell.")]
    Set {
        /// <severity>[/<impact>]=<days> or none, known-exploited=<days> or none, approaching=<per cent of the time>
        #[arg(required = true, value_name = "CELL=DAYS")]
        changes: Vec<Change>,
        /// Only say how open findings would stand
        #[arg(long)]
        preview: bool,
    },
}

/// One change of the matrix.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Change {
    Cell(Severity, Option<Impact>, Option<u32>),
    KnownExploited(Option<u32>),
    Approaching(u32),
}

impl FromStr for Change {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (cell, value) =
            text.split_once('=').ok_or_else(|| format!("'{text}' has no '=': write critical=7"))?;
        let number = |value: &str| value.trim().parse::<u32>().map_err(|_| format!("'{value}' is no number"));
        let days = || match value.trim() {
            "none" => Ok(None),
            value => number(value).map(Some),
        };
        match cell.trim().replace('_', "-").as_str() {
            "known-exploited" => Ok(Self::KnownExploited(days()?)),
            "approaching" => Ok(Self::Approaching(number(value)?)),
            cell => {
                let (severity, impact) = match cell.split_once('/') {
                    Some((severity, impact)) => (severity, Some(impact)),
                    None => (cell, None),
                };
                let severity = severity.parse::<Severity>().map_err(|error| error.to_string())?;
                let impact =
                    impact.map(str::parse::<Impact>).transpose().map_err(|error| error.to_string())?;
                Ok(Self::Cell(severity, impact, days()?))
            }
        }
    }
}

impl Change {
    fn apply(&self, matrix: &mut SlaMatrix) {
        match *self {
            Self::KnownExploited(days) => matrix.known_exploited = days,
            Self::Approaching(percent) => matrix.approaching_percent = percent,
            Self::Cell(severity, impact, days) => {
                let row = matrix.days.entry(severity).or_default();
                for impact in impact.map_or_else(|| Impact::ALL.to_vec(), |impact| vec![impact]) {
                    match days {
                        Some(days) => row.insert(impact, days),
                        None => row.remove(&impact),
                    };
                }
                matrix.days.retain(|_, row| !row.is_empty());
            }
        }
    }
}

/// Runs `lockstep sla`.
pub(crate) async fn run(args: SlaArgs) -> Outcome {
    let client = args.api.client()?;
    let output = args.api.output();
    match args.action {
        Action::Show => print(output, &client.get("sla").await?)?,
        Action::Set { changes, preview } => {
            let mut matrix = client.get::<Sla>("sla").await?.matrix;
            for change in &changes {
                change.apply(&mut matrix);
            }
            if preview {
                let counts: SlaCounts = client.post("sla/preview", &matrix).await?;
                match output.is_json() {
                    true => output.value(&counts)?,
                    false => print_counts(output, &counts)?,
                }
            } else {
                print(output, &client.put("sla", &matrix).await?)?;
            }
        }
    }
    Ok(exit::OK)
}

fn print(output: Output, sla: &Sla) -> Result<(), CliError> {
    if output.is_json() {
        return output.value(sla);
    }
    let head: Vec<String> = std::iter::once("Days".to_owned())
        .chain(Impact::ALL.into_iter().rev().map(|impact| format!("{impact} impact")))
        .collect();
    let head: Vec<&str> = head.iter().map(String::as_str).collect();
    let blank = BTreeMap::new();
    let rows = Severity::WORST_FIRST.into_iter().map(|severity| {
        let row = sla.matrix.days.get(&severity).unwrap_or(&blank);
        let days = Impact::ALL.into_iter().rev().map(|impact| match row.get(&impact) {
            Some(days) => days.to_string(),
            None => "-".to_owned(),
        });
        std::iter::once(severity.to_string()).chain(days).collect()
    });
    output.table(&head, rows.collect())?;
    let exploited = sla
        .matrix
        .known_exploited
        .map_or_else(|| "as any other".into(), |days| format!("at most {days} days"));
    output.facts(&[
        ("known exploited", exploited),
        ("approaching", format!("the last {} % of the time", sla.matrix.approaching_percent)),
    ])?;
    print_counts(output, &sla.counts)
}

fn print_counts(output: Output, counts: &SlaCounts) -> Result<(), CliError> {
    output.facts(&[
        ("breached", counts.breached.to_string()),
        ("approaching now", counts.approaching.to_string()),
        ("on track", counts.on_track.to_string()),
        ("not covered", counts.not_covered.to_string()),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_severity_is_a_row_and_with_an_impact_a_cell() {
        let mut matrix = SlaMatrix::blank();
        for change in
            ["critical=7", "critical/low=none", "high/critical=14", "known-exploited=3", "approaching=50"]
        {
            change.parse::<Change>().unwrap().apply(&mut matrix);
        }
        let days = |severity, impact| matrix.days_of(severity, impact, false);
        assert_eq!(days(Severity::Critical, Impact::Unknown), Some(7));
        assert_eq!(days(Severity::Critical, Impact::Low), None);
        assert_eq!(
            (days(Severity::High, Impact::Critical), days(Severity::High, Impact::Low)),
            (Some(14), None)
        );
        assert_eq!((matrix.known_exploited, matrix.approaching_percent), (Some(3), 50));
    }

    #[test]
    fn what_is_no_cell_or_no_number_is_refused_with_the_words_there_are() {
        let refused = |text: &str| text.parse::<Change>().unwrap_err();
        assert!(refused("critical").contains("critical=7"));
        assert!(refused("awful=7").contains("critical"));
        assert!(refused("high/huge=7").contains("critical, high, medium, low or unknown"));
        assert!(refused("high=soon").contains("'soon' is no number"));
    }
}
