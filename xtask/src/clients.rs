//! Microsoft's own client libraries, for Python and for Node.js, drive a fresh emulator.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anyhow::Context;

use crate::run;

const PYTHON: &str = "crates/emulator/clients/python";
const NODE: &str = "crates/emulator/clients/node";

/// An emulator that runs for the clients. It ends when its standard input does, so even if this process is
/// killed.
struct Emulator {
    child: Child,
}

impl Drop for Emulator {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        if let Err(error) = self.child.wait() {
            println!("the emulator could not be stopped: {error}");
        }
    }
}

/// Installs the libraries unless that was done, starts an emulator, lets both drive it, and stops it.
pub(crate) fn test() -> anyhow::Result<()> {
    let python = install_python_packages()?;
    crate::ui::install(NODE)?;
    run::build_tested()?;
    let mut child = Command::new(run::target()?.join("debug/examples/serve"))
        .arg("127.0.0.1:0")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("the emulator could not be started")?;
    let stdout = child.stdout.take().context("the emulator has an output")?;
    let emulator = Emulator { child };
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line)?;
    let (address, token) = line
        .trim_end()
        .strip_suffix(')')
        .and_then(|line| line.split_once(" (token "))
        .with_context(|| format!("the emulator said '{line}' where it should say where it is"))?;
    let arguments = [&format!("{address}contoso"), token];
    let python = python.display().to_string();
    // Both libraries would send even this through a proxy that the environment names.
    let directly = [("NO_PROXY", "127.0.0.1"), ("no_proxy", "127.0.0.1")];
    // Both are run, so that one failure does not hide the other.
    let driven = [(python.as_str(), PYTHON, "drive.py"), ("node", NODE, "drive.mjs")].map(
        |(program, folder, script)| {
            run::program(program, &[&[script], &arguments[..]].concat(), folder, &directly)
        },
    );
    drop(emulator);
    driven.into_iter().collect()
}

/// Makes a virtual environment in the target folder and installs what `requirements.txt` names, unless that was
/// done since the file changed. Gives its interpreter.
fn install_python_packages() -> anyhow::Result<PathBuf> {
    let environment = run::target()?.join("clients-python");
    let interpreter = environment.join("bin/python");
    let wanted = run::root().join(PYTHON).join("requirements.txt");
    // Written last, so that an installation that was cut off is done again.
    let installed = environment.join("requirements.txt");
    let text = std::fs::read(&wanted)?;
    if std::fs::read(&installed).is_ok_and(|done| done == text) {
        return Ok(interpreter);
    }
    let folder = environment.display().to_string();
    run::program("python3", &["-m", "venv", "--clear", &folder], ".", &[])?;
    let program = interpreter.display().to_string();
    let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"];
    let wanted = wanted.display().to_string();
    run::program(&program, &[&install[..], &[&wanted]].concat(), ".", &[])?;
    std::fs::write(installed, text)?;
    Ok(interpreter)
}
