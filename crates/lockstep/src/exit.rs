//! How a command ends: the exit codes of `lockstep`, and the error that carries one.

use std::fmt;
use std::process::ExitCode;

use api::Problem;

/// Everything worked.
pub(crate) const OK: u8 = 0;
/// The answer is no: a verdict of `--fail-on`, a check that is not ok, a refused row of a plan.
pub(crate) const VERDICT: u8 = 1;
/// The command line makes no sense (also what clap ends with).
pub(crate) const USAGE: u8 = 2;
/// Refused: the server or the file does not allow it as asked.
pub(crate) const REFUSED: u8 = 3;
/// The server cannot be reached, or cannot work at the moment.
pub(crate) const UNREACHABLE: u8 = 4;
/// The job ran and failed.
pub(crate) const JOB_FAILED: u8 = 5;
/// Not signed in, or not allowed.
pub(crate) const NOT_ALLOWED: u8 = 6;
/// Something broke, here or in the server.
pub(crate) const BROKEN: u8 = 7;

/// The exit codes for people. Shown by `lockstep --help`.
pub(crate) const HELP: &str = "\
Exit codes:
  0  it worked
  1  the answer is no: a verdict of --fail-on is met, a check is not ok, or a row of a plan was refused
  2  the command line makes no sense
  3  refused: the server or the file does not allow it as asked
  4  the server cannot be reached, or cannot work at the moment
  5  the job ran and failed
  6  not signed in, or not allowed
  7  something broke, here or in the server";

/// Result of a command: how it ends.
pub(crate) type Outcome = Result<u8, CliError>;

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub(crate) struct CliError {
    /// Exit code.
    pub(crate) code: u8,
    /// What went wrong, in one sentence.
    pub(crate) message: String,
    /// What to do next.
    pub(crate) next_step: Option<String>,
    /// The server's own words, for programs.
    pub(crate) problem: Option<Box<Problem>>,
    /// Nobody reads our output any more: end without a word.
    pub(crate) silent: bool,
}

impl CliError {
    /// An error with an exit code.
    pub(crate) fn new(code: u8, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), next_step: None, problem: None, silent: false }
    }

    /// Says what to do next.
    pub(crate) fn next(mut self, step: impl Into<String>) -> Self {
        self.next_step = Some(step.into());
        self
    }

    /// The command line makes no sense.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(USAGE, message)
    }

    /// What the server answered.
    pub(crate) fn problem(problem: Problem) -> Self {
        let code = match problem.status {
            401 | 403 => NOT_ALLOWED,
            500 => BROKEN,
            // Not ready, or too slow: it may work later.
            503 => UNREACHABLE,
            _ => REFUSED,
        };
        Self {
            code,
            message: format!("{}: {}", problem.title, problem.detail),
            next_step: Some(problem.next_step.clone()).filter(|step| !step.is_empty()),
            problem: Some(Box::new(problem)),
            silent: false,
        }
    }

    /// Anything that should not happen.
    pub(crate) fn broken(error: impl Into<anyhow::Error>) -> Self {
        Self::new(BROKEN, format!("{:#}", error.into()))
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.message)?;
        for field in self.problem.iter().flat_map(|problem| &problem.fields) {
            write!(f, "\n  {}: {}", field.pointer, field.detail)?;
        }
        match &self.next_step {
            Some(step) => write!(f, "\nnext: {step}"),
            None => Ok(()),
        }
    }
}

/// The exit code of an outcome, for the process.
pub(crate) fn code(code: u8) -> ExitCode {
    ExitCode::from(code)
}
