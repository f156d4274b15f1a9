//! CSV of Wiz: issues ("Standard" report) and vulnerability findings.
//!
//! What each field means: `docs/formats/wiz.md`.

use model::{Component, FindingKind, Location, Observation, ReportedSuppression, ScanRun, Vulnerability};

use crate::error::{Error, ErrorKind};
use crate::limits::Limits;
use crate::output::Output;
use crate::table::{self, Row, has_all};
use crate::text::{self, body, short};
use crate::{ReadSeek, component, draft, found, severity};
use draft::Found;

/// Columns of issues.
const ISSUES: [&str; 4] = ["title", "severity", "control id", "issue id"];
/// Columns of vulnerability findings.
const FINDINGS: [&str; 4] = ["name", "wizurl", "detailedname", "assetname"];

/// Whether these are the columns of one of the two.
pub(crate) fn is_header(cells: &[String]) -> bool {
    has_all(cells, &ISSUES) || has_all(cells, &FINDINGS)
}

pub(crate) fn read(input: &mut dyn ReadSeek, limits: &Limits, output: &mut Output<'_>) -> Result<(), Error> {
    table::read_results(input, limits, output, &mut Rows)
}

struct Rows;

impl table::Results for Rows {
    fn is_header(&self, cells: &[String]) -> bool {
        is_header(cells)
    }

    fn scan(&mut self) -> ScanRun {
        ScanRun { scanner: "Wiz".to_owned(), ..ScanRun::default() }
    }

    fn read(&self, row: &Row<'_>) -> Result<Found, ErrorKind> {
        let status = row.get(&["status", "findingstatus"]).unwrap_or_default().to_ascii_uppercase();
        if status == "RESOLVED" {
            return Ok(Found::LeftOut("status is `RESOLVED`: it is not seen any more"));
        }
        let mut observation = match row.get(&["title"]) {
            Some(title) => issue(row, title),
            None => finding(row)?,
        };
        let decided = matches!(status.as_str(), "IGNORED" | "REJECTED");
        observation.suppression = decided.then_some(ReportedSuppression::Accepted);
        Ok(Found::Observation(Box::new(observation)))
    }
}

/// What a control of Wiz found on a resource.
fn issue(row: &Row<'_>, title: &str) -> Observation {
    let word = row.get(&["severity"]);
    let id = row.get(&["control id"]).unwrap_or(title);
    let resource =
        row.get(&["resource external id", "resource vertex id", "resource name"]).unwrap_or_default();
    let mut observation = draft::observation(FindingKind::Misconfiguration, id, severity::judge(word, None));
    let name = row.get(&["resource name"]).and_then(short);
    observation.title = text::title(&[Some(title)], id, name.as_deref().or(Some(resource)));
    observation.scanner_severity = word.and_then(short);
    observation.location = Location { path: text::one_line(resource), logical: name, ..Location::default() };
    observation.scanner_fingerprints = found::fingerprint("wiz/issueId", row.get(&["issue id"]));
    let definition = &mut observation.vulnerability;
    definition.name = short(title);
    definition.description = row.get(&["description"]).and_then(body);
    definition.remediation = row.get(&["remediation recommendation"]).and_then(body);
    definition.references = text::references(row.get(&["wiz url", "cloud provider url"]));
    let tags = ["resource platform", "resource type"].iter().filter_map(|column| row.get(&[column]));
    definition.tags = tags.filter_map(short).collect();
    observation
}

/// A vulnerable component on an asset.
fn finding(row: &Row<'_>) -> Result<Observation, ErrorKind> {
    let id = row.get(&["name"]).and_then(short);
    let id = id.ok_or_else(|| {
        ErrorKind::invalid("this row has neither a title nor a name; export the report again")
    })?;
    let word = row.get(&["vendorseverity", "severity", "cvssseverity"]);
    let score = row.get(&["score", "cvssscore"]).and_then(draft::cvss_score);
    let component = row.get(&["detailedname"]).and_then(short).map(|name| Component {
        name,
        version: row.get(&["version"]).and_then(short),
        fixed_version: row.get(&["fixedversion"]).and_then(short),
        ecosystem: row.get(&["detectionmethod"]).and_then(short),
        path: row.get(&["locationpath"]).and_then(short),
        ..Component::default()
    });
    let asset = row.get(&["provideruniqueid", "assetid", "assetname"]).unwrap_or_default();
    let vulnerability = Vulnerability {
        id,
        description: row.get(&["cvedescription", "description"]).and_then(body),
        remediation: row.get(&["remediation"]).and_then(body),
        cvss_score: score,
        references: text::references(row.get(&["wizurl"]).into_iter().chain(row.get(&["link"]))),
        ..Vulnerability::default()
    };
    let location = Location {
        path: text::one_line(asset),
        logical: row.get(&["assetname"]).and_then(short),
        ..Location::default()
    };
    let mut observation =
        component::observation(vulnerability, component, severity::judge(word, score), location);
    observation.scanner_severity = word.and_then(short);
    observation.scanner_fingerprints = found::fingerprint("wiz/id", row.get(&["id"]));
    Ok(observation)
}
