//! The generic CSV of DefectDojo, for converters that already write it.
//!
//! What each field means: `docs/formats/defectdojo-csv.md`.

use model::{Component, FindingKind, Location, ReportedSuppression, ScanRun};

use crate::cvss::{Rating, newest};
use crate::draft::{self, Found};
use crate::error::{Error, ErrorKind};
use crate::limits::Limits;
use crate::output::Output;
use crate::table::{self, Row, has_all};
use crate::text::{self, body, cwe, one_line, short};
use crate::{ReadSeek, found, html, severity};

/// Whether these are its columns. Title, severity and description others have too.
pub(crate) fn is_header(cells: &[String]) -> bool {
    has_all(cells, &["title", "severity", "description"])
        && ["cweid", "falsepositive", "mitigation", "verified"].iter().any(|column| has_all(cells, &[column]))
}

pub(crate) fn read(input: &mut dyn ReadSeek, limits: &Limits, output: &mut Output<'_>) -> Result<(), Error> {
    table::read_results(input, limits, output, &mut Rows)
}

struct Rows;

fn yes(row: &Row<'_>, columns: &[&str]) -> bool {
    row.get(columns).is_some_and(|cell| matches!(cell.to_ascii_lowercase().as_str(), "true" | "yes" | "1"))
}

impl table::Results for Rows {
    fn is_header(&self, cells: &[String]) -> bool {
        is_header(cells)
    }

    fn scan(&mut self) -> ScanRun {
        // The table does not say who found what is in it.
        ScanRun { scanner: "defectdojo-csv".to_owned(), ..ScanRun::default() }
    }

    fn read(&self, row: &Row<'_>) -> Result<Found, ErrorKind> {
        if yes(row, &["ismitigated", "is_mitigated"]) {
            return Ok(Found::LeftOut("`IsMitigated`: it is not seen any more"));
        }
        if yes(row, &["duplicate"]) {
            return Ok(Found::LeftOut("`Duplicate`: another row says the same"));
        }
        let title = row.get(&["title"]).and_then(short);
        let title = title.ok_or_else(|| ErrorKind::invalid("this row has no title; every row needs one"))?;
        let cells = [row.get(&["cve"]), row.get(&["vulnerability_ids", "vulnerability_id"])];
        let mut ids = draft::advisories(cells.into_iter().flatten());
        let id = row.get(&["vuln_id_from_tool"]).map(str::to_owned).or_else(|| ids.first().cloned());
        let id = id.unwrap_or_else(|| title.clone());
        let word = row.get(&["severity"]);
        let url = row.get(&["url", "endpoint"]);
        let component = row.get(&["component_name"]).and_then(short).map(|name| Component {
            name,
            version: row.get(&["component_version"]).and_then(short),
            fixed_version: row.get(&["fix_version"]).and_then(short),
            ..Component::default()
        });
        let kind = match (&component, url) {
            (Some(_), _) => FindingKind::Component,
            (None, Some(_)) => FindingKind::Web,
            (None, None) => FindingKind::Code,
        };
        let rating = |vector: &str, version: &str, score: &str| {
            Rating::new(row.get(&[vector]), Some(version), row.get(&[score]).and_then(draft::cvss_score))
        };
        let cvss = newest([rating("cvssv4", "4.0", "cvssv4_score"), rating("cvssv3", "3", "cvssv3_score")]);
        let mut observation = draft::observation(kind, &id, severity::judge(word, cvss.score));
        let path = row.get(&["file_path"]).or(url).map(one_line).unwrap_or_default();
        let line = row.get(&["line"]).and_then(|line| line.parse().ok()).filter(|line| *line > 0);
        observation.title = text::title(&[Some(&title)], &id, Some(&path));
        observation.scanner_severity = word.and_then(short);
        observation.message = row.get(&["steps_to_reproduce"]).and_then(body);
        observation.location = Location { path, start_line: line, ..Location::default() };
        observation.component = component;
        observation.scanner_fingerprints =
            found::fingerprint("unique_id_from_tool", row.get(&["unique_id_from_tool"]));
        observation.suppression =
            yes(row, &["falsepositive", "false_p"]).then_some(ReportedSuppression::Accepted);
        let definition = &mut observation.vulnerability;
        ids.retain(|alias| *alias != definition.id);
        definition.aliases = ids;
        definition.name = Some(title);
        definition.description = draft::paragraphs(&[row.get(&["description"]), row.get(&["impact"])]);
        definition.remediation = row.get(&["mitigation"]).and_then(body);
        definition.cwes = row.get(&["cweid", "cwe"]).and_then(cwe).into_iter().collect();
        definition.cvss_vector = cvss.vector;
        definition.cvss_score = cvss.score;
        definition.references = text::references(row.get(&["references"]).into_iter().flat_map(html::links));
        Ok(Found::Observation(Box::new(observation)))
    }
}
