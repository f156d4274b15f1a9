//! Fuzzing of the report parsers. `fuzz/` has what is tried on an input; this has which targets there are, how long they
//! run and on what.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::Instant;

use anyhow::{Context, bail};

use crate::{needs, run};

/// How long each target runs as a part of all tests: all of them together take eight minutes on two cores.
const SECONDS_IN_TESTS: u64 = 20;
/// Of cargo-fuzz, which knows how a program is instrumented.
const TOOL_VERSION: &str = "0.13.2";
/// The corpus that is committed: a folder per target, named as it.
const CORPUS: &str = "fuzz/corpus";
/// What broke a target, by its name.
const ARTIFACTS: &str = "fuzz/artifacts";
/// One input may take so long, however busy the machine is, and the whole program so much memory.
const MAX_SECONDS_PER_INPUT: u64 = 20;
const MAX_MEGABYTES: u64 = 1024;
/// Bytes of the longest input that is tried.
const MAX_INPUT: u64 = 32 << 10;
/// Bytes of the longest input that is committed, and bytes and number of all that are committed for one target.
const MAX_KEPT_INPUT: u64 = 4 << 10;
const MAX_KEPT_BYTES: u64 = 8 << 10;
const MAX_KEPT: usize = 24;
/// Most words in the dictionary of a target.
const MAX_WORDS: usize = 500;

/// What is there for every target.
struct Fuzzer {
    program: PathBuf,
    /// Grown corpora, logs and dictionaries.
    work: PathBuf,
    seconds: u64,
}

/// What must hold of it before a change is merged: nothing in the committed corpus breaks a target, and nothing that is
/// found in a moment.
pub(crate) fn check() -> anyhow::Result<()> {
    all(None, SECONDS_IN_TESTS, false)
}

/// Runs the targets whose name contains `only`, for so many seconds each, one per core at a time. With `keep`, what they
/// found by then is minimised into the committed corpus.
pub(crate) fn all(only: Option<&str>, seconds: u64, keep: bool) -> anyhow::Result<()> {
    let fuzzer = Fuzzer { program: build()?, work: run::target()?.join("fuzz/work"), seconds };
    std::fs::create_dir_all(&fuzzer.work)?;
    let mut targets = targets()?;
    targets.retain(|target| only.is_none_or(|only| target.contains(only)));
    if targets.is_empty() {
        bail!(
            "no target has '{}' in its name; they are named as the folders in {CORPUS}",
            only.unwrap_or("")
        );
    }
    println!("{:<24}{:>8}{:>14}  result", "target", "seconds", "executions");
    let waiting = Mutex::new(targets.into_iter());
    let next = || waiting.lock().map_or(None, |mut waiting| waiting.next());
    let work = || -> anyhow::Result<Vec<String>> {
        let mut broken = Vec::new();
        while let Some(target) = next() {
            if !fuzzer.run(&target)? {
                broken.push(target);
            } else if keep {
                fuzzer.keep(&target)?;
            }
        }
        Ok(broken)
    };
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let broken = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        let join = |worker: std::thread::ScopedJoinHandle<'_, _>| match worker.join() {
            Ok(broken) => broken,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        workers.into_iter().map(join).collect::<anyhow::Result<Vec<Vec<String>>>>()
    })?;
    let broken = broken.concat();
    if !broken.is_empty() {
        bail!(
            "an input broke {}; it lies in {ARTIFACTS}. CONTRIBUTING.md says how to reproduce it",
            broken.join(", ")
        );
    }
    Ok(())
}

/// The targets, named as their folders.
fn targets() -> anyhow::Result<BTreeSet<String>> {
    let folders = std::fs::read_dir(run::root().join(CORPUS))?;
    folders.map(|folder| Ok(folder?.file_name().to_string_lossy().into_owned())).collect()
}

/// Builds the program of all targets with coverage and without sanitizers, which need a nightly compiler; overflows and
/// debug assertions are checked.
fn build() -> anyhow::Result<PathBuf> {
    needs::for_fuzzing()?;
    let tools = run::target()?.join("tools");
    let installed = tools.join("bin/cargo-fuzz");
    let is_there = Command::new(&installed)
        .args(["fuzz", "--version"])
        .output()
        .is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains(TOOL_VERSION));
    if !is_there {
        let root = tools.display().to_string();
        run::cargo(&["install", "cargo-fuzz", "--locked", "--version", TOOL_VERSION, "--root", &root])?;
    }
    let host = Command::new("rustc").args(["--print", "host-tuple"]).output()?;
    let host = String::from_utf8(host.stdout)?.trim().to_owned();
    let folder = run::target()?.join("fuzz");
    run::program(
        &installed.display().to_string(),
        &[
            "fuzz",
            "build",
            "--sanitizer",
            "none",
            "--target",
            &host,
            "--target-dir",
            &folder.display().to_string(),
            "reports",
        ],
        ".",
        &[],
    )?;
    Ok(folder.join(host).join("release/reports"))
}

impl Fuzzer {
    /// Replays the committed corpus and what earlier runs found, goes on from there, and prints what came of it. Answers
    /// whether the target held.
    fn run(&self, target: &str) -> anyhow::Result<bool> {
        let committed = run::root().join(CORPUS).join(target);
        let grown = self.work.join(target);
        std::fs::create_dir_all(&grown)?;
        let dictionary = self.work.join(format!("{target}.dict"));
        std::fs::write(&dictionary, words(&committed)?)?;
        let artifacts = run::root().join(ARTIFACTS).join(target);
        std::fs::create_dir_all(&artifacts)?;
        let log = self.work.join(format!("{target}.log"));
        let begun = Instant::now();
        let status = Command::new(&self.program)
            .args([&grown, &committed])
            .arg(format!("-max_total_time={}", self.seconds))
            .arg(format!("-timeout={MAX_SECONDS_PER_INPUT}"))
            .arg(format!("-rss_limit_mb={MAX_MEGABYTES}"))
            .arg(format!("-max_len={MAX_INPUT}"))
            .arg(format!("-dict={}", dictionary.display()))
            .arg(format!("-artifact_prefix={}/", artifacts.display()))
            .arg("-print_final_stats=1")
            .env("LOCKSTEP_FUZZ", target)
            .stderr(std::fs::File::create(&log)?)
            .status()
            .context("the fuzzing program could not be started")?;
        let told = String::from_utf8_lossy(&std::fs::read(&log)?).into_owned();
        let executions = told
            .lines()
            .find_map(|line| line.strip_prefix("stat::number_of_executed_units: "))
            .unwrap_or("?");
        let result = if status.success() {
            "held".to_owned()
        } else {
            let reason = told.lines().skip_while(|line| !line.contains("panicked at")).nth(1);
            let reason = reason.or_else(|| told.lines().find(|line| line.starts_with("==")));
            format!("BROKE: {} ({})", reason.unwrap_or("it ended early").trim(), log.display())
        };
        println!("{target:<24}{:>8}{:>14}  {result}", begun.elapsed().as_secs(), executions.trim());
        Ok(status.success())
    }

    /// Fills the committed corpus anew with the fewest inputs that reach what all together reach, as far as there is
    /// room: those that add most come first.
    fn keep(&self, target: &str) -> anyhow::Result<()> {
        let committed = run::root().join(CORPUS).join(target);
        let minimised = tempfile::tempdir_in(&self.work)?;
        let status = Command::new(&self.program)
            // Not how often each place is reached: that would keep thousands.
            .args(["-set_cover_merge=1", "-use_counters=0"])
            .arg(format!("-max_len={MAX_KEPT_INPUT}"))
            .args([minimised.path(), &committed, &self.work.join(target)])
            .env("LOCKSTEP_FUZZ", target)
            .stderr(std::process::Stdio::null())
            .status()
            .context("the fuzzing program could not be started")?;
        if !status.success() {
            bail!("the corpus of {target} could not be minimised: {status}");
        }
        let mut inputs = Vec::new();
        for input in std::fs::read_dir(minimised.path())? {
            let input = input?;
            let known = input.metadata()?;
            inputs.push((known.modified()?, known.len(), input.path()));
        }
        // They were written in the order of how much each adds to those before it.
        inputs.sort();
        std::fs::remove_dir_all(&committed)?;
        std::fs::create_dir(&committed)?;
        let mut room = MAX_KEPT_BYTES;
        for (_, size, input) in inputs.into_iter().filter(|(_, size, _)| *size > 0).take(MAX_KEPT) {
            let Some(rest) = room.checked_sub(size) else { continue };
            room = rest;
            std::fs::copy(&input, committed.join(input.file_name().context("an input has a name")?))?;
        }
        Ok(())
    }
}

/// The words of a corpus, as a dictionary of libFuzzer: names of fields are found by nobody by chance.
fn words(corpus: &Path) -> anyhow::Result<Vec<u8>> {
    let mut words = BTreeSet::new();
    for file in std::fs::read_dir(corpus)? {
        let content = std::fs::read(file?.path())?;
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"_@$:.-".contains(byte);
        let found = content.split(|byte| !is_part(byte)).filter(|word| (3..=40).contains(&word.len()));
        words.extend(found.map(<[u8]>::to_owned));
    }
    let mut dictionary = Vec::new();
    for word in words.iter().take(MAX_WORDS) {
        dictionary.write_all(&[b"\"", word.as_slice(), b"\"\n"].concat())?;
    }
    Ok(dictionary)
}
