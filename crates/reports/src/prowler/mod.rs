//! Prowler: JSON of versions 2 and 3, OCSF JSON of versions 3 and later, CSV of all. What each field becomes:
//! `docs/formats/prowler.md`.

mod check;
mod json;
mod table;

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use model::{Coverage, ScanRun};

use crate::ReadSeek;
use crate::error::Error;
use crate::json::starts_with;
use crate::json::walk::Agreed;
use crate::limits::Limits;
use crate::output::Output;
use check::Check;
pub(crate) use json::looks_like;
pub(crate) use table::is_header;

pub(crate) fn read(input: &mut dyn ReadSeek, limits: &Limits, output: &mut Output<'_>) -> Result<(), Error> {
    if starts_with(input, b'[')? || starts_with(input, b'{')? {
        json::read(input, limits, output)
    } else {
        table::read(input, limits, output)
    }
}

/// What the checks say about the run.
#[derive(Default)]
struct Run {
    version: Agreed,
    account: Agreed,
    started: Option<DateTime<Utc>>,
    rules: BTreeSet<String>,
    passed: bool,
}

impl Run {
    fn hear(&mut self, check: &Check) {
        self.version.hear(check.prowler_version.clone());
        self.account.hear(check.account.clone());
        self.started = match (self.started, check.time) {
            (Some(first), Some(time)) => Some(first.min(time)),
            (first, time) => first.or(time),
        };
        self.rules.insert(check.id.clone());
        self.passed |= check.is("PASS");
    }

    /// A report that lists what passed lists every check that ran. One of failures alone may have been filtered, and
    /// says no more than that.
    fn scan(self) -> ScanRun {
        ScanRun {
            scanner: "Prowler".to_owned(),
            scanner_version: self.version.on(),
            started_at: self.started,
            target: self.account.on(),
            coverage: Coverage {
                rules: self.passed.then(|| self.rules.into_iter().collect()),
                ..Coverage::default()
            },
            ..ScanRun::default()
        }
    }
}
