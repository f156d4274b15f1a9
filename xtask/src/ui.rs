//! The web UI: built into web/dist, where the server embeds it from.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use anyhow::Context;

use crate::run;

/// Installs what a package.json names, unless that was done since the lock file changed.
pub(crate) fn install(folder: &str) -> anyhow::Result<()> {
    let changed = |path: String| fs::metadata(run::root().join(path)).and_then(|meta| meta.modified()).ok();
    let installed = changed(format!("{folder}/node_modules/.package-lock.json"));
    if installed.is_some() && installed >= changed(format!("{folder}/package-lock.json")) {
        return Ok(());
    }
    run::npm(folder, &["ci", "--no-audit", "--no-fund", "--loglevel=error"])
}

/// Builds the UI if anything it is made of is newer than what was built.
pub(crate) fn build() -> anyhow::Result<()> {
    let built = fs::metadata(run::root().join("web/dist/index.html")).and_then(|meta| meta.modified()).ok();
    let newest = ["web/src", "web/public", "web/index.html", "web/package-lock.json", "web/vite.config.ts"]
        .iter()
        .filter_map(|path| newest(&run::root().join(path)))
        .max();
    if built.is_some() && built >= newest {
        return Ok(());
    }
    println!("Building the web UI.");
    install("web")?;
    run::npm("web", &["run", "--silent", "build"])
}

fn newest(path: &Path) -> Option<SystemTime> {
    if path.is_dir() {
        return fs::read_dir(path).ok()?.flatten().filter_map(|entry| newest(&entry.path())).max();
    }
    fs::metadata(path).and_then(|meta| meta.modified()).ok()
}

const DOCUMENT: &str = "crates/server/openapi.json";
const TYPES: &str = "web/src/api/schema.d.ts";

/// Writes the API's document and the types made from it anew.
pub(crate) fn write_types() -> anyhow::Result<()> {
    let document = std::process::Command::new("cargo")
        .args(["run", "--quiet", "--package", "lockstep", "--", "openapi"])
        .output()
        .context("the API's document could not be made")?;
    anyhow::ensure!(document.status.success(), "{}", String::from_utf8_lossy(&document.stderr));
    fs::write(run::root().join(DOCUMENT), document.stdout)?;
    install("web")?;
    run::npm("web", &["run", "--silent", "types"])
}

/// The committed types are those of the committed document (a test of the server holds that document to the code).
pub(crate) fn check_types() -> anyhow::Result<()> {
    let before = fs::read(run::root().join(TYPES))?;
    run::npm("web", &["run", "--silent", "types"])?;
    let after = fs::read(run::root().join(TYPES))?;
    anyhow::ensure!(
        before == after,
        "{TYPES} does not match {DOCUMENT}: run `cargo xtask types` and commit both"
    );
    Ok(())
}
