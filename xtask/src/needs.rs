//! What has to be on the machine, and how it gets there.

use anyhow::bail;

use crate::run;

/// Node.js with npm is there.
pub(crate) fn node() -> anyhow::Result<()> {
    if !run::has("node") || !run::has("npm") {
        bail!(
            "Node.js 20 or newer with npm is needed for the web UI: install the Debian packages nodejs and npm, or Node.js from its makers"
        );
    }
    Ok(())
}

/// Python can make virtual environments; Debian keeps that in a package of its own.
fn python() -> bool {
    std::process::Command::new("python3")
        .args(["-c", "import ensurepip, venv"])
        .output()
        .is_ok_and(|output| output.status.success())
}

/// A compiler of C++, for the engine that drives the fuzz targets.
pub(crate) fn for_fuzzing() -> anyhow::Result<()> {
    install(compiler_of_cpp())
}

fn compiler_of_cpp() -> Vec<&'static str> {
    if run::has("c++") { Vec::new() } else { vec!["g++"] }
}

/// Chromium, PostgreSQL, Python and a compiler of C++, for the tests.
pub(crate) fn for_tests() -> anyhow::Result<()> {
    node()?;
    let mut missing = compiler_of_cpp();
    if !run::has("chromium") {
        missing.push("chromium");
    }
    if crate::postgres::programs().is_none() {
        missing.push("postgresql");
    }
    if !python() {
        missing.push("python3-venv");
    }
    install(missing)
}

/// Installs Debian packages, where there are such.
fn install(missing: Vec<&'static str>) -> anyhow::Result<()> {
    if missing.is_empty() {
        return Ok(());
    }
    if !run::has("apt-get") {
        bail!("please install {} with the means of this system", missing.join(" and "));
    }
    println!("Installing {}.", missing.join(" and "));
    let is_root =
        std::process::Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout.starts_with(b"0\n"));
    let (program, prefix): (&str, &[&str]) = if is_root { ("apt-get", &[]) } else { ("sudo", &["apt-get"]) };
    let quiet = [("DEBIAN_FRONTEND", "noninteractive")];
    let with = |arguments: &[&'static str]| [prefix, arguments].concat();
    run::program(program, &with(&["update", "-qq"]), ".", &quiet)?;
    let mut install = with(&["install", "-qq", "-y", "--no-install-recommends"]);
    install.extend(missing);
    run::program(program, &install, ".", &quiet)
}
