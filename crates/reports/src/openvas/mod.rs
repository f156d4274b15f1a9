//! Greenbone's OpenVAS: the XML report of GMP and its CSV.
//!
//! What each field means: `docs/formats/openvas.md`.

mod csv;
mod xml;

use model::{FindingKind, Location, Observation, Severity};

use crate::ReadSeek;
use crate::cvss::Rating;
use crate::draft::{self, paragraphs};
use crate::error::Error;
use crate::limits::Limits;
use crate::output::Output;
use crate::text::{self, body, short};
pub(crate) use csv::is_header;
pub(crate) use xml::is_root;

pub(crate) fn read(input: &mut dyn ReadSeek, limits: &Limits, output: &mut Output<'_>) -> Result<(), Error> {
    if crate::is_xml(input)? { xml::read(input, limits, output) } else { csv::read(input, limits, output) }
}

/// One result as either writing gives it.
#[derive(Default)]
struct Reported<'a> {
    /// OID of the test, or a CVE where OpenVAS only compared versions.
    test: &'a str,
    name: Option<&'a str>,
    family: Option<&'a str>,
    host: &'a str,
    port: Option<&'a str>,
    protocol: Option<&'a str>,
    threat: Option<&'a str>,
    score: Option<&'a str>,
    vector: Option<&'a str>,
    cves: Vec<&'a str>,
    links: Vec<&'a str>,
    summary: Option<&'a str>,
    insight: Option<&'a str>,
    impact: Option<&'a str>,
    affected: Option<&'a str>,
    solution: Option<&'a str>,
    output: Option<&'a str>,
}

/// OpenVAS calls what is only told `Log`.
fn severity(threat: Option<&str>, score: Option<f64>) -> Severity {
    let told = threat.and_then(|threat| match threat.to_ascii_lowercase().as_str() {
        "log" | "debug" => Some(Severity::Info),
        threat => crate::severity::word(threat),
    });
    told.or_else(|| score.and_then(Severity::from_cvss_score)).unwrap_or(Severity::Info)
}

impl Reported<'_> {
    fn observation(self) -> Observation {
        let cvss = Rating::new(self.vector, None, self.score.and_then(draft::cvss_score));
        let severity = severity(self.threat, cvss.score);
        let mut observation = draft::observation(FindingKind::Host, self.test, severity);
        let port = self.port.filter(|port| !port.starts_with("general"));
        let path = draft::host_path(self.host, port, self.protocol);
        let name = self.name.and_then(short);
        observation.title = text::title(&[name.as_deref()], &observation.vulnerability.id, Some(&path));
        observation.scanner_severity = self.threat.and_then(short);
        observation.message = self.output.and_then(body);
        observation.location = Location { path, ..Location::default() };
        let definition = &mut observation.vulnerability;
        definition.aliases = draft::advisories(self.cves);
        let id = definition.id.clone();
        definition.aliases.retain(|alias| *alias != id);
        definition.name = name;
        let affected = self.affected.map(|affected| format!("Affected: {affected}"));
        definition.description = paragraphs(&[self.summary, self.insight, self.impact, affected.as_deref()]);
        definition.remediation = self.solution.and_then(body);
        definition.cvss_score = cvss.score;
        definition.cvss_vector = cvss.vector;
        definition.references = text::references(self.links);
        definition.tags = self.family.and_then(short).into_iter().collect();
        observation
    }
}
