//! Every dependency has a licence that lets us ship Lockstep under Apache-2.0.

use std::process::Command;

use anyhow::{Context, bail};
use serde_json::Value;

/// Licences that ask for no more than their notice. MPL-2.0 covers only its own files.
const ALLOWED: [&str; 15] = [
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "BlueOak-1.0.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "MPL-2.0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Licences of things that are only used to build or test, or data with a licence of its own kind.
const ALLOWED_FOR_TOOLS: [&str; 3] = ["CC-BY-4.0", "NCSA", "Python-2.0"];

/// Checks the dependencies of the workspace, the fuzz targets, the web UI, the browser tests and the emulator's clients.
pub(crate) fn check() -> anyhow::Result<()> {
    let mut refused = Vec::new();
    let mut number = 0;
    for (workspace, more) in [("Cargo.toml", &[][..]), ("fuzz/Cargo.toml", &ALLOWED_FOR_TOOLS)] {
        let listing = ["metadata", "--format-version", "1", "--locked", "--manifest-path", workspace];
        let output = Command::new("cargo").args(listing).output()?;
        if !output.status.success() {
            bail!("cargo metadata of {workspace} failed: {}", String::from_utf8_lossy(&output.stderr));
        }
        let metadata: Value = serde_json::from_slice(&output.stdout)?;
        for package in metadata["packages"].as_array().into_iter().flatten() {
            number += 1;
            let name = package["name"].as_str().unwrap_or_default();
            let licence = package["license"].as_str().unwrap_or_default();
            if !is_allowed(licence, more)? {
                refused.push(format!("{name}: {licence}"));
            }
        }
    }
    for folder in ["web", "e2e", "crates/emulator/clients/node"] {
        let file = crate::run::root().join(folder).join("package-lock.json");
        let lock: Value = serde_json::from_slice(&std::fs::read(&file)?)?;
        for (path, package) in lock["packages"].as_object().into_iter().flatten() {
            if path.is_empty() {
                continue;
            }
            number += 1;
            let licence = package["license"].as_str().unwrap_or_default();
            if !is_allowed(licence, &ALLOWED_FOR_TOOLS)? {
                refused.push(format!("{path}: {licence}"));
            }
        }
    }
    if !refused.is_empty() {
        bail!("dependencies with a licence that is not on the list:\n  {}", refused.join("\n  "));
    }
    println!("The licences of {number} dependencies are fine.");
    Ok(())
}

fn is_allowed(licence: &str, more: &[&str]) -> anyhow::Result<bool> {
    if licence.is_empty() {
        return Ok(false);
    }
    let expression = spdx::Expression::parse_mode(licence, spdx::ParseMode::LAX)
        .with_context(|| format!("'{licence}' is no licence expression"))?;
    Ok(expression.evaluate(|requirement| {
        requirement.license.id().is_some_and(|id| ALLOWED.contains(&id.name) || more.contains(&id.name))
    }))
}
