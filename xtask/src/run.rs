//! Running other programs.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

/// The folder of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new(".")).to_owned()
}

/// Where cargo puts what it builds.
pub(crate) fn target() -> anyhow::Result<PathBuf> {
    let output = Command::new("cargo").args(["metadata", "--format-version", "1", "--no-deps"]).output()?;
    if !output.status.success() {
        bail!("cargo metadata failed");
    }
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let folder = metadata["target_directory"].as_str().context("cargo metadata names a target folder")?;
    Ok(folder.into())
}

/// Runs a program in a folder and waits for it; its failure is ours.
pub(crate) fn program(
    program: &str,
    arguments: &[&str],
    folder: &str,
    environment: &[(&str, &str)],
) -> anyhow::Result<()> {
    let status = Command::new(program)
        .args(arguments)
        .current_dir(root().join(folder))
        .envs(environment.iter().copied())
        .status()
        .with_context(|| format!("{program} could not be started"))?;
    if !status.success() {
        bail!("`{program} {}` failed: {status}", arguments.join(" "));
    }
    Ok(())
}

/// Runs cargo.
pub(crate) fn cargo(arguments: &[&str]) -> anyhow::Result<()> {
    program("cargo", arguments, ".", &[])
}

/// Runs npm in a folder.
pub(crate) fn npm(folder: &str, arguments: &[&str]) -> anyhow::Result<()> {
    program("npm", arguments, folder, &[])
}

/// What selects everything as it is tested: all packages, so that each dependency has the same features in every step and is
/// compiled once, with the places at which a test may stop the process.
const TESTED: [&str; 3] = ["--workspace", "--features", "lockstep/failpoints"];

/// Runs `cargo test` over all packages.
pub(crate) fn cargo_test(arguments: &[&str], environment: &[(&str, &str)]) -> anyhow::Result<()> {
    program("cargo", &[&["test"], &TESTED[..], arguments].concat(), ".", environment)
}

/// Builds the programs that tests start from outside, as the other tests have them. (Where examples are built, the features
/// of what only tests depend on count, too.)
pub(crate) fn build_tested() -> anyhow::Result<()> {
    cargo(&[&["build", "--quiet", "--bins", "--examples"], &TESTED[..]].concat())
}

/// Goes on as another program, so that signals reach it directly.
pub(crate) fn replace(program: &str, arguments: &[&str]) -> anyhow::Result<()> {
    use std::os::unix::process::CommandExt;
    let error = Command::new(program).args(arguments).exec();
    Err(error).with_context(|| format!("{program} could not be started"))
}

/// The program is there.
pub(crate) fn has(program: &str) -> bool {
    Command::new("sh")
        .args(["-c", &format!("command -v {program}")])
        .output()
        .is_ok_and(|output| output.status.success())
}
