//! The real binary, and a server and a local Azure DevOps made of it.
#![expect(clippy::unwrap_used, dead_code, reason = "test support; not every test file uses all of it")]

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long anything may take before a test gives up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// What a command did.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// The command ended as expected.
    #[track_caller]
    pub(crate) fn ends_with(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:#?}");
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }
}

/// The binary in a clean environment.
pub(crate) fn lockstep(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lockstep"));
    for (name, _) in std::env::vars() {
        if name.starts_with("LOCKSTEP_") {
            command.env_remove(name);
        }
    }
    command.env("LOCKSTEP_CONFIG_DIR", home.join("config")).current_dir(home).stdin(Stdio::null());
    command
}

/// Runs the binary without a server.
pub(crate) fn run(home: &Path, args: &[&str]) -> Ran {
    Ran::of(lockstep(home).args(args).output().unwrap())
}

/// A process that is killed with the test, and what it says on standard error.
struct Background {
    child: Child,
    said: std::sync::mpsc::Receiver<String>,
    heard: Vec<String>,
}

impl Background {
    fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (tell, said) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                if tell.send(line).is_err() {
                    break;
                }
            }
        });
        Self { child, said, heard: Vec::new() }
    }

    /// What follows `start` on the first line that has it.
    fn wait_for(&mut self, start: &str) -> String {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(line) = self.heard.iter().find_map(|line| line.split_once(start)) {
                return line.1.trim().to_owned();
            }
            let left = until.saturating_duration_since(Instant::now());
            match self.said.recv_timeout(left) {
                Ok(line) => self.heard.push(line),
                Err(_) => panic!("never said '{start}': {:#?}", self.heard),
            }
        }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A server and a local Azure DevOps, with an administrator signed in.
pub(crate) struct Stage {
    pub(crate) home: TempDir,
    pub(crate) url: String,
    pub(crate) board: String,
    pub(crate) personal_access_token: String,
    server: Background,
    emulator: Background,
}

impl Stage {
    pub(crate) fn set() -> Self {
        let home = tempfile::tempdir().unwrap();
        let mut command = lockstep(home.path());
        command.args(["emulator", "--bind", "127.0.0.1:0", "--allow-local-hooks"]);
        let mut emulator = Background::start(command);
        let board = emulator.wait_for("its boards are on ").trim_end_matches('/').to_owned();
        let personal_access_token = emulator.wait_for("personal access token ");

        let mut command = lockstep(home.path());
        command
            .args(["serve", "--bind", "127.0.0.1:0", "--allow-origin", &board])
            .env("LOCKSTEP_LOG", "info")
            .env("LOCKSTEP_LOG_FORMAT", "json");
        let mut server = Background::start(command);
        let password = server.wait_for("  password   ");
        let ready = server.wait_for("\"Lockstep is ready\"");
        let url = ready.split("\"url\":\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        let stage = Self { home, url, board, personal_access_token, server, emulator };
        let file = stage.file("password", &password);
        stage.lockstep(&["login", "--username", "admin", "--password-file", &file]).ends_with(0);
        stage
    }

    /// Runs a command against this server.
    pub(crate) fn lockstep(&self, args: &[&str]) -> Ran {
        Ran::of(self.command(args).output().unwrap())
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = lockstep(self.home.path());
        command.args(args).env("LOCKSTEP_URL", &self.url);
        command
    }

    /// Writes a file and answers its path.
    pub(crate) fn file(&self, name: &str, text: &str) -> String {
        let path: PathBuf = self.home.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_string_lossy().into_owned()
    }

    /// Connects the board and makes a default destination.
    pub(crate) fn connect(&self) {
        let pat = self.file("pat", &self.personal_access_token);
        self.lockstep(&[
            "connection",
            "add",
            "--organization",
            "contoso",
            "--instance-url",
            &self.board,
            "--pat-file",
            &pat,
        ])
        .ends_with(0);
        self.lockstep(&[
            "destination",
            "add",
            "--project",
            "Webshop",
            "--team",
            "Payments",
            "--type",
            "Bug",
            "--default",
        ])
        .ends_with(0);
    }

    /// Runs a command until its output holds what is waited for.
    pub(crate) fn until(&self, args: &[&str], there: impl Fn(&str) -> bool) -> Ran {
        let until = Instant::now() + PATIENCE;
        loop {
            let ran = self.lockstep(args).ends_with(0);
            if there(&ran.out) {
                return ran;
            }
            assert!(Instant::now() < until, "it never came: {ran:#?}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Asks the server to end as an operator does, and answers its exit code.
    #[cfg(unix)]
    pub(crate) fn stop_server(mut self) -> i32 {
        let id = self.server.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        self.server.child.wait().unwrap().code().unwrap_or(-1)
    }
}

/// A SARIF report of a scanner that saw these rules, each at its own line of one file.
pub(crate) fn sarif(run: &str, started: &str, results: &[(&str, &str)]) -> String {
    let results: Vec<serde_json::Value> = results
        .iter()
        .enumerate()
        .map(|(number, (rule, level))| {
            serde_json::json!({
                "ruleId": rule,
                "level": level,
                "message": { "text": format!("{rule} is broken here") },
                "locations": [{ "physicalLocation": {
                    "artifactLocation": { "uri": "src/main.rs" },
                    "region": { "startLine": 10 * (number + 1), "snippet": { "text": format!("call_{rule}()") } }
                } }]
            })
        })
        .collect();
    serde_json::json!({
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "Storyteller", "rules": [
                { "id": "sql", "properties": { "security-severity": "9.1" } },
                { "id": "xss", "properties": { "security-severity": "5.0" } }
            ] } },
            "automationDetails": { "id": "nightly/", "guid": run },
            "invocations": [{ "executionSuccessful": true, "startTimeUtc": started }],
            "results": results
        }]
    })
    .to_string()
}
