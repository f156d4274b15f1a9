//! `lockstep assessment`: pieces of work that group scans and findings.

use api::{AddToAssessment, AddedToAssessment, Assessment, MoveAssessment, NewAssessment};
use chrono::NaiveDate;
use clap::{Args, Subcommand};
use model::FindingId;
use model::assessment::AssessmentState;

use super::{counts, lookup, opt_minute};
use crate::client::ApiArgs;
use crate::exit::{self, CliError, Outcome};
use crate::output::{Output, confirm};

/// Options of `lockstep assessment`.
#[derive(Args, Debug)]
pub(crate) struct AssessmentArgs {
    #[command(flatten)]
    api: ApiArgs,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand, Debug)]
enum Action {
    /// List assessments, newest first
    List,
    /// Make an assessment; it is planned
    #[command(after_help = "\
Examples:
  lockstep assessment add 'Pentest spring' --starts-on 2026-03-02 --ends-on 2026-03-13
  lockstep assessment start 'Pentest spring'
  lockstep import burp.xml --asset shop --assessment 'Pentest spring'
  lockstep assessment complete 'Pentest spring'")]
    Add {
        /// Name
        name: String,
        /// What it is about
        #[arg(long, value_name = "TEXT", default_value = "")]
        description: String,
        /// First day, as planned
        #[arg(long, value_name = "DAY")]
        starts_on: Option<NaiveDate>,
        /// Last day, as planned
        #[arg(long, value_name = "DAY")]
        ends_on: Option<NaiveDate>,
    },
    /// Start an assessment, or take a completed one up again
    Start {
        /// Name or id
        assessment: String,
    },
    /// Complete an assessment: its tickets are told, and rules that waited for it make theirs
    Complete {
        /// Name or id
        assessment: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Add findings to an assessment by hand
    AddFindings {
        /// Name or id
        assessment: String,
        /// Ids of findings
        #[arg(required = true)]
        findings: Vec<FindingId>,
    },
    /// Delete an assessment; its findings, scans and tickets stay
    Remove {
        /// Name or id
        assessment: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

/// Runs `lockstep assessment`.
pub(crate) async fn run(args: AssessmentArgs) -> Outcome {
    let client = args.api.client()?;
    let output = args.api.output();
    let (assessment, state) = match args.action {
        Action::List => {
            print_list(output, &client.get::<Vec<Assessment>>("assessments").await?)?;
            return Ok(exit::OK);
        }
        Action::Add { name, description, starts_on, ends_on } => {
            let new = NewAssessment { name, description, starts_on, ends_on };
            let made: Assessment = client.post("assessments", &new).await?;
            print_list(output, &[made])?;
            return Ok(exit::OK);
        }
        Action::AddFindings { assessment, findings } => {
            let id = lookup::assessment(&client, &assessment).await?;
            let body = AddToAssessment { findings };
            let done: AddedToAssessment = client.post(&format!("assessments/{id}/findings"), &body).await?;
            match output.is_json() {
                true => output.value(&done)?,
                false => output.line(&format!("{} added.", done.added))?,
            }
            return Ok(exit::OK);
        }
        Action::Remove { assessment, yes } => {
            let id = lookup::assessment(&client, &assessment).await?;
            confirm(&format!("Delete the assessment {assessment}? Its findings stay."), yes)?;
            client.delete(&format!("assessments/{id}")).await?;
            return Ok(exit::OK);
        }
        Action::Start { assessment } => (assessment, AssessmentState::Running),
        Action::Complete { assessment, yes } => {
            confirm(&format!("Complete the assessment {assessment}? Its tickets are told."), yes)?;
            (assessment, AssessmentState::Completed)
        }
    };
    let id = lookup::assessment(&client, &assessment).await?;
    let moved: Assessment =
        client.post(&format!("assessments/{id}/state"), &MoveAssessment { state }).await?;
    print_list(output, &[moved])?;
    Ok(exit::OK)
}

fn print_list(output: Output, assessments: &[Assessment]) -> Result<(), CliError> {
    if output.is_json() {
        return output.value(&assessments);
    }
    let rows = assessments.iter().map(|assessment| {
        vec![
            assessment.id.to_string(),
            assessment.settings.name.clone(),
            assessment.state.to_string(),
            counts(&assessment.open),
            assessment.closed.to_string(),
            assessment.scans.to_string(),
            opt_minute(assessment.completed_at),
        ]
    });
    output.table(&["Id", "Name", "State", "Open", "Closed", "Scans", "Completed"], rows.collect())
}
