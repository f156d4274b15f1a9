//! CSV of Nessus (`Plugin ID`, `Risk`, `Host`), Tenable.sc (`Plugin`, `Severity`, `IP Address`) and Web App Scanning.

use model::ScanRun;

use super::plugin::{Names, Reported, cvss, severity};
use crate::ReadSeek;
use crate::draft::Found;
use crate::error::{Error, ErrorKind};
use crate::limits::Limits;
use crate::output::Output;
use crate::table::{self, Row, has_all};

/// Whether these are the columns of one of the three.
pub(crate) fn is_header(cells: &[String]) -> bool {
    has_all(cells, &["plugin id", "risk", "host"]) || has_all(cells, &["plugin", "plugin name", "ip address"])
}

pub(super) fn read(input: &mut dyn ReadSeek, limits: &Limits, output: &mut Output<'_>) -> Result<(), Error> {
    table::read_results(input, limits, output, &mut Rows::default())
}

/// Columns of scores and vectors, and of which version they are.
const CVSS: [Names; 7] = [
    ("cvss v4.0 base score", Some("cvss v4.0 vector"), "4.0"),
    ("cvss v3.0 base score", Some("cvss v3.0 vector"), "3"),
    ("cvss v3 base score", Some("cvss v3 vector"), "3"),
    ("cvssv3", None, "3"),
    ("cvss v2.0 base score", Some("cvss v2.0 vector"), "2"),
    ("cvss v2 base score", Some("cvss v2 vector"), "2"),
    ("cvss", None, "any"),
];

#[derive(Default)]
struct Rows {
    is_web: bool,
}

/// The protocol of a row of Web App Scanning is the scheme of the page.
fn is_web(row: &Row<'_>) -> bool {
    row.get(&["protocol"]).is_some_and(|protocol| {
        protocol.eq_ignore_ascii_case("http") || protocol.eq_ignore_ascii_case("https")
    })
}

impl table::Results for Rows {
    fn is_header(&self, cells: &[String]) -> bool {
        is_header(cells)
    }

    fn note(&mut self, row: &Row<'_>) {
        self.is_web |= is_web(row);
    }

    fn scan(&mut self) -> ScanRun {
        let scanner = if self.is_web { "Tenable Web App Scanning" } else { "Nessus" };
        ScanRun { scanner: scanner.to_owned(), ..ScanRun::default() }
    }

    fn read(&self, row: &Row<'_>) -> Result<Found, ErrorKind> {
        let plugin = row.get(&["plugin id", "plugin"]).ok_or_else(|| {
            ErrorKind::invalid("the number of the plugin is missing in this row; export the report again")
        })?;
        let word = row.get(&["risk", "severity", "risk factor"]);
        let reported = Reported {
            plugin,
            name: row.get(&["name", "plugin name"]),
            family: row.get(&["family", "plugin family"]),
            host: row.get(&["host", "ip address", "dns name"]).unwrap_or_default(),
            port: row.get(&["port"]),
            protocol: row.get(&["protocol"]),
            severity: word.and_then(severity),
            word,
            cves: row.get(&["cve"]).into_iter().collect(),
            cwes: row.get(&["xref", "cross references"]).into_iter().collect(),
            cvss: cvss(&CVSS, |column| row.get(&[column])),
            synopsis: row.get(&["synopsis"]),
            description: row.get(&["description"]),
            solution: row.get(&["solution"]),
            see_also: row.get(&["see also"]).into_iter().collect(),
            output: row.get(&["plugin output", "plugin text"]),
            is_web: is_web(row),
        };
        Ok(Found::Observation(Box::new(reported.observation())))
    }
}
