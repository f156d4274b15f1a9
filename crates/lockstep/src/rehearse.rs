//! `lockstep emulator`: a local Azure DevOps to rehearse with.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use emulator::{Options, Seed};

use crate::exit::{self, CliError, Outcome};
use crate::output::say;
use crate::serve::told_to_end;

/// Options of `lockstep emulator`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  lockstep emulator
  lockstep emulator --bind 127.0.0.1:7080 --state emulator.json --allow-local-hooks
  lockstep emulator --seed organizations.json")]
pub(crate) struct EmulatorArgs {
    /// Address to listen on
    #[arg(long, env = "LOCKSTEP_EMULATOR_BIND", default_value = "127.0.0.1:7080", value_name = "ADDRESS")]
    bind: SocketAddr,
    /// File with what to start with (JSON) [default: the organization contoso with two teams]
    #[arg(long, value_name = "FILE")]
    seed: Option<PathBuf>,
    /// File that keeps the state over restarts; it wins over --seed once it exists
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Deliver service hooks to this machine and over plain http; the real service refuses both
    #[arg(long)]
    allow_local_hooks: bool,
}

/// Runs the emulator until it is told to end.
pub(crate) async fn run(args: EmulatorArgs) -> Outcome {
    let seed = match &args.seed {
        None => Seed::demo(),
        Some(file) => {
            let failed =
                |error: String| CliError::usage(format!("{} cannot be read: {error}", file.display()));
            let text = std::fs::read_to_string(file).map_err(|error| failed(error.to_string()))?;
            serde_json::from_str(&text).map_err(|error| failed(error.to_string()))?
        }
    };
    let broken = |error: emulator::StartError| CliError::new(exit::BROKEN, server::chain(&error));
    let options =
        Options { bind: args.bind, seed, state_file: args.state, allow_local_hooks: args.allow_local_hooks };
    let running = emulator::start(options).await.map_err(broken)?;
    say(&format!("The local Azure DevOps answers at {0}; its boards are on {0}/", running.base_url));
    if args.seed.is_none() {
        say(&format!(
            "Sign in to the organization contoso with the personal access token {}",
            emulator::seed::DEMO_PAT
        ));
    }
    told_to_end().await?;
    running.stop().await.map_err(broken)?;
    Ok(exit::OK)
}
