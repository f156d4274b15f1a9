//! `lockstep config`: configuration as code.
//!
//! | file | subject |
//! |---|---|
//! | `file` | reading and writing the YAML, within bounds, with the place of every problem |
//! | `schema` | the JSON schema for editors |
//! | `show` | a plan for people |

mod file;
mod schema;
mod show;

use std::path::PathBuf;

use api::{ConfigurationPlan, ConfigurationRequest};
use clap::{Args, Subcommand};
use model::configuration::{Change, Configuration};

use self::file::ConfigFile;
use crate::client::{ApiArgs, Client};
use crate::exit::{self, CliError, Outcome};
use crate::output::{Output, confirm, progress};

/// Options of `lockstep config`.
#[derive(Args, Debug)]
pub(crate) struct ConfigArgs {
    #[command(flatten)]
    api: ApiArgs,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand, Debug)]
enum Action {
    /// Write what is stored as YAML, without secrets
    #[command(after_help = "\
Examples:
  lockstep config export > lockstep.yaml
  lockstep config export --output lockstep.yaml")]
    Export {
        /// Write to this file; to standard output if absent
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Check a file by itself; no server is asked
    #[command(after_help = "\
What only the server can tell (whether a map fits its board, whether a named thing exists) is checked by `config plan`.

Example:
  lockstep config validate lockstep.yaml")]
    Validate {
        /// The file (`-` for standard input)
        file: PathBuf,
    },
    /// Say what applying a file would change, field by field; nothing is changed
    #[command(after_help = "\
Examples:
  lockstep config plan lockstep.yaml
  lockstep config plan lockstep.yaml --exit-code   # ends with 1 if there is anything to change
  lockstep config plan lockstep.yaml --prune --json")]
    Plan {
        /// The file (`-` for standard input)
        file: PathBuf,
        /// Delete what the sections of the file do not name
        #[arg(long)]
        prune: bool,
        /// End with 1 if there is anything to change
        #[arg(long)]
        exit_code: bool,
    },
    /// Apply a file: all of it, or nothing
    #[command(after_help = "\
It shows the plan and asks, and does nothing if the stored configuration changes before you answer.

Examples:
  lockstep config apply lockstep.yaml
  lockstep config apply lockstep.yaml --prune --yes   # in a pipeline")]
    Apply {
        /// The file (`-` for standard input; needs --yes)
        file: PathBuf,
        /// Delete what the sections of the file do not name
        #[arg(long)]
        prune: bool,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Print the JSON schema of the file, for editors
    #[command(after_help = "\
Example:
  lockstep config schema > lockstep.schema.json
  # and as first line of the file, for editors with a YAML language server:
  # yaml-language-server: $schema=./lockstep.schema.json")]
    Schema,
}

/// Runs `lockstep config`.
pub(crate) async fn run(args: ConfigArgs) -> Outcome {
    let output = args.api.output();
    match args.action {
        Action::Export { output: to } => {
            let configuration: Configuration = args.api.client()?.get("configuration").await?;
            export(output, &configuration, to)?;
        }
        Action::Validate { file } => {
            let file = ConfigFile::read(&file)?;
            match output.is_json() {
                true => output.value(&file.configuration)?,
                false => output
                    .line(&format!("{} is right, as far as can be said without the server.", file.name))?,
            }
        }
        Action::Plan { file, prune, exit_code } => {
            let file = ConfigFile::read(&file)?;
            let plan = planned(&args.api.client()?, &file, prune).await?;
            show::plan(output, &plan)?;
            if exit_code && changes_anything(&plan) {
                return Ok(exit::VERDICT);
            }
        }
        Action::Apply { file, prune, yes } => {
            let file = ConfigFile::read(&file)?;
            let client = args.api.client()?;
            let plan = planned(&client, &file, prune).await?;
            if !changes_anything(&plan) {
                show::plan(output, &plan)?;
                return Ok(exit::OK);
            }
            if !output.is_json() {
                show::plan(output, &plan)?;
                confirm("Apply this?", yes)?;
            } else if !yes {
                return Err(
                    CliError::usage("with --json nothing is asked").next("Add --yes if you are sure.")
                );
            }
            let request = ConfigurationRequest {
                configuration: file.configuration.clone(),
                prune,
                fingerprint: Some(plan.fingerprint),
            };
            let bar = progress(None, "Applying");
            let done: Result<ConfigurationPlan, CliError> =
                client.post("configuration/apply", &request).await;
            bar.finish_and_clear();
            let done = done.map_err(|error| file.place(error))?;
            match output.is_json() {
                true => output.value(&done)?,
                false => output.line("Applied.")?,
            }
        }
        Action::Schema => output.value(&schema::schema()?)?,
    }
    Ok(exit::OK)
}

fn export(output: Output, configuration: &Configuration, to: Option<PathBuf>) -> Result<(), CliError> {
    let text = match output.is_json() {
        true => serde_json::to_string_pretty(configuration).map_err(CliError::broken)? + "\n",
        false => file::write(configuration)?,
    };
    match to {
        None => output.line(text.trim_end_matches('\n')),
        Some(to) => std::fs::write(&to, text)
            .map_err(|error| CliError::usage(format!("{} cannot be written: {error}", to.display()))),
    }
}

async fn planned(client: &Client, file: &ConfigFile, prune: bool) -> Result<ConfigurationPlan, CliError> {
    let request =
        ConfigurationRequest { configuration: file.configuration.clone(), prune, fingerprint: None };
    let bar = progress(None, "Comparing with what is stored, and with the boards");
    let plan = client.post("configuration/plan", &request).await;
    bar.finish_and_clear();
    plan.map_err(|error| file.place(error))
}

fn changes_anything(plan: &ConfigurationPlan) -> bool {
    plan.changes.iter().any(Change::is_done)
}
