//! Everything that must hold before a change is merged.

use std::time::Instant;

use crate::{browser, clients, fuzz, licences, needs, postgres, run, ui};

type Step = (&'static str, fn() -> anyhow::Result<()>);

/// In this order: what fails fast comes first.
const STEPS: [Step; 12] = [
    ("format", || {
        run::cargo(&["fmt", "--all", "--check"])?;
        run::cargo(&["fmt", "--manifest-path", "fuzz/Cargo.toml", "--check"])
    }),
    ("licences", licences::check),
    ("web", || {
        ui::install("web")?;
        run::npm("web", &["run", "--silent", "check"])?;
        ui::install("e2e")?;
        run::npm("e2e", &["run", "--silent", "check"])?;
        ui::check_types()?;
        ui::build()
    }),
    ("clippy", || {
        let strict = ["--all-targets", "--all-features", "--", "-D", "warnings"];
        run::cargo(&[&["clippy", "--quiet", "--workspace"], &strict[..]].concat())?;
        let fuzz = ["clippy", "--quiet", "--locked", "--manifest-path", "fuzz/Cargo.toml"];
        run::cargo(&[&fuzz, &strict[..]].concat())
    }),
    ("docs", || {
        let strict = [("RUSTDOCFLAGS", "-D warnings")];
        // The comments of the command lines' options are help texts, not Markdown.
        let libraries = [
            "doc",
            "--quiet",
            "--workspace",
            "--no-deps",
            "--document-private-items",
            "--exclude",
            "lockstep",
            "--exclude",
            "xtask",
        ];
        run::program("cargo", &libraries, ".", &strict)
    }),
    ("tests", tests),
    ("documentation tests", || run::cargo_test(&["--quiet", "--doc"], &[])),
    ("fuzz", fuzz::check),
    ("simulation", || simulation(&[("LOCKSTEP_SEEDS", 1000)])),
    ("fidelity", || fidelity(200, 1, None)),
    ("clients", clients::test),
    ("browser", browser::test),
];

/// Installs what is missing, then runs all steps, or those whose name contains `only`.
pub(crate) fn all(only: Option<&str>) -> anyhow::Result<()> {
    needs::for_tests()?;
    let begin = Instant::now();
    let mut times = Vec::new();
    for (name, step) in STEPS {
        if only.is_some_and(|only| !name.contains(only)) {
            continue;
        }
        println!("\n== {name}");
        let start = Instant::now();
        step().map_err(|error| error.context(format!("the step '{name}' failed")))?;
        times.push((name, start.elapsed().as_secs()));
    }
    println!();
    for (name, seconds) in times {
        println!("{seconds:>5} s  {name}");
    }
    println!("{:>5} s  altogether: everything holds", begin.elapsed().as_secs());
    Ok(())
}

/// The laws of what happens by itself.
pub(crate) fn simulation(numbers: &[(&str, u64)]) -> anyhow::Result<()> {
    simulated("whatever_happens", numbers)
}

/// That applying a plan does what the plan says.
pub(crate) fn fidelity(situations: u64, first: u64, only: Option<u64>) -> anyhow::Result<()> {
    let test = "what_a_plan_says";
    match only {
        Some(seed) => simulated(test, &[("LOCKSTEP_SITUATION", seed)]),
        None => simulated(test, &[("LOCKSTEP_SITUATIONS", situations), ("LOCKSTEP_FIRST_SITUATION", first)]),
    }
}

/// One test of the simulation, with what it reads from the environment.
fn simulated(test: &str, numbers: &[(&str, u64)]) -> anyhow::Result<()> {
    let numbers: Vec<(&str, String)> =
        numbers.iter().map(|(name, number)| (*name, number.to_string())).collect();
    let numbers: Vec<(&str, &str)> = numbers.iter().map(|(name, number)| (*name, number.as_str())).collect();
    run::cargo_test(&["--test", "simulation", "--", "--nocapture", test], &numbers)
}

/// All tests on both databases, and those that kill the process.
fn tests() -> anyhow::Result<()> {
    let server = postgres::Server::start()?;
    let address = server.address();
    run::cargo_test(
        &["--no-fail-fast", "--lib", "--bins", "--tests"],
        // The simulation has a step of its own.
        &[
            ("LOCKSTEP_TEST_POSTGRES", address.as_str()),
            ("LOCKSTEP_SEEDS", "1"),
            ("LOCKSTEP_SITUATIONS", "1"),
        ],
    )
}
