//! CSV of VM (host-based reports and PCI) and VMDR.

use model::ScanRun;

use super::{Definition, Reported, host, score};
use crate::ReadSeek;
use crate::draft::{Found, host_path};
use crate::error::{Error, ErrorKind};
use crate::limits::Limits;
use crate::output::Output;
use crate::table::{self, Row, has_all};
use crate::text::{advisories_in, short};

/// Whether these are the columns of one of them.
pub(crate) fn is_header(cells: &[String]) -> bool {
    has_all(cells, &["qid", "title", "severity", "asset name"])
        || has_all(cells, &["ip", "qid", "title", "vuln status"])
        || has_all(cells, &["ip", "qid", "title", "type", "severity"])
        || has_all(cells, &["ip", "qid", "vuln title", "severity"])
}

/// Columns of scores, the newest version of CVSS first; `-` stands for none.
const SCORES: [&str; 6] =
    ["cvss3 base", "cvssv3.1 base (nvd)", "cvssv3.1 base", "cvss_base", "cvss base", "cvssv2 base (nvd)"];

pub(super) fn read(input: &mut dyn ReadSeek, limits: &Limits, output: &mut Output<'_>) -> Result<(), Error> {
    table::read_results(input, limits, output, &mut Rows::default())
}

#[derive(Default)]
struct Rows {
    report: Option<String>,
}

impl table::Results for Rows {
    fn is_header(&self, cells: &[String]) -> bool {
        is_header(cells)
    }

    fn before_header(&mut self, cells: &[String]) {
        self.report = self.report.take().or_else(|| cells.first().and_then(|cell| short(cell)));
    }

    fn scan(&mut self) -> ScanRun {
        ScanRun { scanner: "Qualys VM".to_owned(), configuration: self.report.take(), ..ScanRun::default() }
    }

    fn read(&self, row: &Row<'_>) -> Result<Found, ErrorKind> {
        let qid = row
            .get(&["qid"])
            .ok_or_else(|| ErrorKind::invalid("this row has no QID; export the report again as CSV"))?;
        let asset = row.get(&["asset name"]);
        let ip = row.get(&["ip", "asset ipv4", "asset ipv6"]);
        let name = asset.unwrap_or_else(|| {
            host(
                row.get(&["tracking method"]),
                ip,
                row.get(&["dns", "hostname", "fqdn"]),
                row.get(&["netbios"]),
            )
        });
        let yes = |column: &str| row.get(&[column]).is_some_and(|cell| cell.eq_ignore_ascii_case("yes"));
        let cves =
            ["cve id", "cveid", "cve"].iter().filter_map(|column| row.get(&[column])).flat_map(advisories_in);
        let text = |columns: &[&str]| row.get(columns).map(str::to_owned);
        let reported = Reported {
            qid,
            kind: row.get(&["type detected", "type"]),
            status: row.get(&["vuln status", "status"]),
            path: host_path(name, row.get(&["port"]), row.get(&["protocol"])),
            logical: row.get(&["instance"]).and_then(short),
            definition: Definition {
                title: row.get(&["title", "vuln title"]).and_then(short),
                severity: row.get(&["q_severity", "severity"]).and_then(short),
                category: row.get(&["category"]).and_then(short),
                threat: text(&["threat"]),
                impact: text(&["impact"]),
                solution: text(&["solution"]),
                score: SCORES.iter().find_map(|column| row.get(&[column]).and_then(score)),
                cves: cves.collect(),
                ..Definition::default()
            },
            output: row.get(&["results", "result"]),
            ignored: yes("ignored") || yes("disabled"),
            ..Reported::default()
        };
        let mut found = reported.found();
        // A table with a row for every CVE of a QID: the CVE is what tells the rows apart.
        if let (Some(cve), Found::Observation(observation)) = (row.get(&["cve"]), &mut found)
            && let Some(cve) = advisories_in(cve).into_iter().next()
        {
            let definition = &mut observation.vulnerability;
            let qid = std::mem::replace(&mut definition.id, cve);
            let id = &definition.id;
            definition.aliases.retain(|alias| alias != id);
            definition.aliases.insert(0, qid);
        }
        Ok(found)
    }
}
