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

/// Chromium, PostgreSQL and Python, for the tests; installed as Debian packages where they are missing.
pub(crate) fn for_tests() -> anyhow::Result<()> {
    node()?;
    let mut missing = Vec::new();
    if !run::has("chromium") {
        missing.push("chromium");
    }
    if crate::postgres::programs().is_none() {
        missing.push("postgresql");
    }
    if !python() {
        missing.push("python3-venv");
    }
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
