//! Lockstep's command line.
//!
//! It speaks the API, also to a server on the same machine; only `serve`, `emulator` and `inspect` touch the disk
//! themselves. Results go to standard output, everything else to standard error; how a command ended is said by its
//! exit code (`exit`).

mod client;
mod commands;
mod demo;
mod exit;
mod login;
mod output;
mod rehearse;
mod serve;
mod verdict;

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

use crate::commands::{
    acceptances, alarms, apply, assessments, assets, breakers, configuration, connections, destinations,
    exploit_data, findings, import, inspect, plan, rules, scans, sla, sources, suppressions, templates,
    tickets, tokens, users,
};
use crate::exit::{CliError, Outcome};

/// Keeps security findings and Azure Boards in step
#[derive(Parser, Debug)]
#[command(name = "lockstep", version, after_help = exit::HELP, subcommand_required = true, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Run the server
    Serve(Box<serve::ServeArgs>),
    /// Run Lockstep with a local Azure DevOps beside it, and something to look at
    Demo(demo::DemoArgs),
    /// Run a local Azure DevOps to rehearse with
    Emulator(rehearse::EmulatorArgs),
    /// Sign in and keep the login
    Login(login::LoginArgs),
    /// Forget the login
    Logout,
    /// Import a report
    Import(Box<import::ImportArgs>),
    /// Say what is in a report; nothing is sent
    Inspect(inspect::InspectArgs),
    /// Look at findings and decide about them
    #[command(alias = "finding")]
    Findings(findings::FindingsArgs),
    /// See how findings and work items are in step
    Tickets(tickets::TicketsArgs),
    /// See what was imported
    Scans(scans::ScansArgs),
    /// Say what would happen now, compared with the live board
    Plan(plan::PlanArgs),
    /// Carry out a plan that was written to a file
    Apply(apply::ApplyArgs),
    /// Put back what `apply` wrote
    Undo(apply::UndoArgs),
    /// Bring tickets and work items into agreement now
    Reconcile(plan::ReconcileArgs),
    /// Configuration as code: everything that is decided, but for secrets, as one file
    Config(configuration::ConfigArgs),
    /// Credentials and organization of an Azure DevOps
    Connection(Box<connections::ConnectionArgs>),
    /// Where work items go
    Destination(destinations::DestinationArgs),
    /// Which findings get tickets
    Rule(rules::RuleArgs),
    /// Which findings are not to be looked at
    Suppression(Box<suppressions::SuppressionArgs>),
    /// Risks that somebody accepted
    Acceptance(Box<acceptances::AcceptanceArgs>),
    /// What work items say
    Template(Box<templates::TemplateArgs>),
    /// Pieces of work that group scans and findings
    Assessment(assessments::AssessmentArgs),
    /// What is scanned
    Asset(assets::AssetArgs),
    /// What a person should know, and where that is sent
    Alarm(Box<alarms::AlarmArgs>),
    /// What would have happened all at once and waits for a person
    Breaker(breakers::BreakerArgs),
    /// Where findings come from, and what is taken in
    Source(Box<sources::SourceArgs>),
    /// How long findings may stay open
    Sla(sla::SlaArgs),
    /// What the world knows about the exploitation of vulnerabilities: EPSS and KEV
    ExploitData(exploit_data::ExploitDataArgs),
    /// Credentials of pipelines
    Token(tokens::TokenArgs),
    /// People who can sign in, and who they are on boards
    User(users::UserArgs),
    /// Print the OpenAPI document
    #[command(hide = true)]
    Openapi,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    log_to_stderr(&cli.command);
    let outcome = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(CliError::broken)
        .and_then(|runtime| runtime.block_on(run(cli.command)));
    match outcome {
        Ok(code) => exit::code(code),
        Err(error) => {
            if !error.silent {
                output::say(&error.to_string());
            }
            exit::code(error.code)
        }
    }
}

async fn run(command: Command) -> Outcome {
    match command {
        Command::Serve(args) => serve::run(*args).await,
        Command::Demo(args) => demo::run(args).await,
        Command::Emulator(args) => rehearse::run(args).await,
        Command::Login(args) => login::login(args).await,
        Command::Logout => login::logout().await,
        Command::Import(args) => import::run(*args).await,
        Command::Inspect(args) => inspect::run(&args),
        Command::Findings(args) => findings::run(args).await,
        Command::Tickets(args) => tickets::run(args).await,
        Command::Scans(args) => scans::run(args).await,
        Command::Plan(args) => plan::plan(args).await,
        Command::Apply(args) => apply::apply(args).await,
        Command::Undo(args) => apply::undo(args).await,
        Command::Reconcile(args) => plan::reconcile(args).await,
        Command::Config(args) => configuration::run(args).await,
        Command::Connection(args) => connections::run(*args).await,
        Command::Destination(args) => destinations::run(args).await,
        Command::Rule(args) => rules::run(args).await,
        Command::Suppression(args) => suppressions::run(*args).await,
        Command::Acceptance(args) => acceptances::run(*args).await,
        Command::Template(args) => templates::run(*args).await,
        Command::Assessment(args) => assessments::run(args).await,
        Command::Asset(args) => assets::run(args).await,
        Command::Alarm(args) => alarms::run(*args).await,
        Command::Breaker(args) => breakers::run(args).await,
        Command::Source(args) => sources::run(*args).await,
        Command::Sla(args) => sla::run(args).await,
        Command::ExploitData(args) => exploit_data::run(args).await,
        Command::Token(args) => tokens::run(args).await,
        Command::User(args) => users::run(args).await,
        Command::Openapi => {
            output::Output::new(false).line(server::openapi::text().trim_end())?;
            Ok(exit::OK)
        }
    }
}

/// Logs of a server; other commands log only what `LOCKSTEP_LOG` asks for.
fn log_to_stderr(command: &Command) {
    let default = if matches!(command, Command::Serve(_) | Command::Emulator(_)) { "info" } else { "off" };
    let filter = EnvFilter::try_from_env("LOCKSTEP_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    if std::env::var("LOCKSTEP_LOG_FORMAT").is_ok_and(|format| format == "json") {
        log.json().init();
    } else {
        log.init();
    }
}
