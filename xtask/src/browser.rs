//! Browser tests: a fresh demo on free ports, driven by headless Chromium.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use anyhow::Context;

use crate::run;

/// A demo that runs for the tests.
struct Demo {
    child: Child,
    _folder: tempfile::TempDir,
}

impl Drop for Demo {
    fn drop(&mut self) {
        // Told to end, so that stopping is tested too; killed if it does not.
        let told = Command::new("kill").arg(self.child.id().to_string()).status();
        if told.is_err() {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}

/// Starts a fresh demo, runs the browser tests against it, stops it.
pub(crate) fn test() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().display().to_string();
    crate::ui::build()?;
    run::build_tested()?;
    let mut child = Command::new(run::target()?.join("debug/lockstep"))
        .args(["demo", "--data", &data, "--bind", "127.0.0.1:0", "--emulator-bind", "127.0.0.1:0", "--json"])
        .stdout(Stdio::piped())
        .spawn()
        .context("the demo could not be started")?;
    let stdout = child.stdout.take().context("the demo has an output")?;
    let demo = Demo { child, _folder: folder };
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line)?;
    let ready: serde_json::Value = serde_json::from_str(&line)
        .with_context(|| format!("the demo said '{line}' where it should say where it is"))?;
    let said = |key: &str| {
        ready[key].as_str().map(str::to_owned).with_context(|| format!("the demo did not say {key}"))
    };
    let (url, emulator, user, password) =
        (said("url")?, said("emulator_url")?, said("username")?, said("password")?);
    crate::ui::install("e2e")?;
    let environment = [
        ("LOCKSTEP_URL", url.as_str()),
        ("EMULATOR_URL", emulator.as_str()),
        ("LOCKSTEP_USER", user.as_str()),
        ("LOCKSTEP_PASSWORD", password.as_str()),
    ];
    let tested = run::program("npm", &["test", "--silent"], "e2e", &environment);
    drop(demo);
    tested
}
