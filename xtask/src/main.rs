//! The project's own chores. `cargo xtask demo` starts everything, `cargo xtask test` checks everything.

#![expect(clippy::print_stdout, reason = "it is a command line tool")]

mod browser;
mod checks;
mod clients;
mod fuzz;
mod licences;
mod mutants;
mod needs;
mod postgres;
mod run;
mod ui;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The project's own chores")]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Build everything and start the demo (options after the name go to `lockstep demo`, such as --reset)
    Demo {
        /// Options of `lockstep demo`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        options: Vec<String>,
    },
    /// Install what the tests need and run every check and test
    Test {
        /// Only the steps whose name contains this
        #[arg(long)]
        only: Option<String>,
    },
    /// Build the web UI into web/dist
    Ui,
    /// Write crates/server/openapi.json and the TypeScript types made from it anew
    Types,
    /// Check the licences of all dependencies
    Licences,
    /// Run the simulation: the whole with crashes, bad weather and people, from seeds
    Simulate {
        /// So many seeds
        #[arg(long, default_value_t = 1000)]
        seeds: u64,
        /// The first of them
        #[arg(long, default_value_t = 1)]
        first: u64,
        /// Only this seed, with everything that happens in it
        #[arg(long)]
        seed: Option<u64>,
        /// Check that applying a plan does what the plan says, in place of everything else
        #[arg(long)]
        fidelity: bool,
    },
    /// Feed each report parser with arbitrary input and look whether it stands it
    Fuzz {
        /// Only the targets whose name contains this
        #[arg(long)]
        only: Option<String>,
        /// So long for each
        #[arg(long, default_value_t = 120)]
        seconds: u64,
        /// Put what was found into the committed corpus, minimised
        #[arg(long)]
        keep: bool,
    },
    /// Put known bugs into a copy of the tree, one by one: the simulation must find each
    Mutants {
        /// Only those whose name contains this
        #[arg(long)]
        only: Option<String>,
        /// Seeds for each
        #[arg(long, default_value_t = 300)]
        seeds: u64,
    },
}

fn main() -> std::process::ExitCode {
    match carry_out(Cli::parse().chore) {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            println!("\n{error:#}");
            std::process::ExitCode::FAILURE
        }
    }
}

fn carry_out(chore: Chore) -> anyhow::Result<()> {
    std::env::set_current_dir(run::root())?;
    match chore {
        Chore::Demo { options } => {
            needs::node()?;
            ui::build()?;
            let mut arguments = vec!["run", "--quiet", "--package", "lockstep", "--", "demo"];
            arguments.extend(options.iter().map(String::as_str));
            println!("Building Lockstep; the first time takes a few minutes.");
            run::cargo(&["build", "--package", "lockstep"])?;
            run::replace("cargo", &arguments)
        }
        Chore::Test { only } => checks::all(only.as_deref()),
        Chore::Ui => ui::build(),
        Chore::Types => ui::write_types(),
        Chore::Licences => licences::check(),
        Chore::Simulate { seeds, first, seed, fidelity: true } => checks::fidelity(seeds, first, seed),
        Chore::Simulate { seed: Some(seed), .. } => checks::simulation(&[("LOCKSTEP_SEED", seed)]),
        Chore::Simulate { seeds, first, seed: None, fidelity: false } => {
            checks::simulation(&[("LOCKSTEP_SEEDS", seeds), ("LOCKSTEP_FIRST_SEED", first)])
        }
        Chore::Fuzz { only, seconds, keep } => fuzz::all(only.as_deref(), seconds, keep),
        Chore::Mutants { only, seeds } => mutants::all(only.as_deref(), seeds),
    }
}
