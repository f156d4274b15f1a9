//! "CSV Results" of Greenbone.

use chrono::{DateTime, Utc};
use model::ScanRun;

use super::Reported;
use crate::ReadSeek;
use crate::draft::Found;
use crate::error::{Error, ErrorKind};
use crate::limits::Limits;
use crate::output::Output;
use crate::table::{self, Row, has_all};
use crate::text::{self, short};

/// Whether these are its columns.
pub(crate) fn is_header(cells: &[String]) -> bool {
    has_all(cells, &["ip", "nvt name", "nvt oid", "severity"])
}

pub(super) fn read(input: &mut dyn ReadSeek, limits: &Limits, output: &mut Output<'_>) -> Result<(), Error> {
    table::read_results(input, limits, output, &mut Rows::default())
}

#[derive(Default)]
struct Rows {
    task: Option<String>,
    first: Option<DateTime<Utc>>,
}

impl table::Results for Rows {
    fn is_header(&self, cells: &[String]) -> bool {
        is_header(cells)
    }

    fn note(&mut self, row: &Row<'_>) {
        self.task = self.task.take().or_else(|| row.get(&["task name"]).and_then(short));
        let time = row.get(&["timestamp"]).and_then(text::time);
        self.first = [self.first, time].into_iter().flatten().min();
    }

    fn scan(&mut self) -> ScanRun {
        ScanRun {
            scanner: "OpenVAS".to_owned(),
            configuration: self.task.take(),
            // The report does not say when the scan began; its first result is the nearest that is known.
            started_at: self.first,
            ..ScanRun::default()
        }
    }

    fn read(&self, row: &Row<'_>) -> Result<Found, ErrorKind> {
        let test = row.get(&["nvt oid", "nvt name"]).ok_or_else(|| {
            ErrorKind::invalid("this row names no test (NVT OID); export the results again as CSV")
        })?;
        let reported = Reported {
            test,
            name: row.get(&["nvt name"]),
            host: row.get(&["ip", "hostname"]).unwrap_or_default(),
            port: row.get(&["port"]),
            protocol: row.get(&["port protocol"]),
            threat: row.get(&["severity"]),
            score: row.get(&["cvss"]),
            cves: row.get(&["cves"]).into_iter().collect(),
            links: row.get(&["other references"]).into_iter().flat_map(crate::html::links).collect(),
            summary: row.get(&["summary"]),
            insight: row.get(&["vulnerability insight"]),
            impact: row.get(&["impact"]),
            affected: row.get(&["affected software/os"]),
            solution: row.get(&["solution"]),
            output: row.get(&["specific result"]),
            ..Reported::default()
        };
        Ok(Found::Observation(Box::new(reported.observation())))
    }
}
