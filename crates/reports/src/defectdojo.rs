//! The generic JSON of DefectDojo (its "Generic Findings Import"). What each field becomes: `docs/formats/defectdojo.md`.

use model::{Component, FindingKind, Location, Observation, ReportedSuppression, ScanRun, Vulnerability};
use serde::Deserialize;

use crate::ReadSeek;
use crate::cvss::{Rating, newest};
use crate::error::{Error, ErrorKind};
use crate::json::lenient::{FromOne, Presence, TextOr, Words, list};
use crate::json::seeds::object;
use crate::json::walk::{Rows, each_result};
use crate::json::{self, Bulk, Top};
use crate::limits::Limits;
use crate::outline::Outline;
use crate::output::Output;
use crate::text::{self, add_new, body, cwe, short};
use crate::{component, found, severity};

const BULK: Bulk = Bulk { keys: &["findings"], depth: 1, top: Top::Header };

#[derive(Default, Deserialize)]
#[serde(default)]
struct Report {
    name: Words,
    #[serde(rename = "type")]
    kind: Words,
    version: Words,
    /// Of Lockstep's own JSON, which has findings too.
    lockstep: Presence,
    findings: Rows,
}

/// `files` (base64) are not read.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Finding {
    title: Words,
    description: Words,
    severity: Words,
    mitigation: Words,
    impact: Words,
    steps_to_reproduce: Words,
    references: Words,
    cve: Words,
    vulnerability_ids: Words,
    cwe: Words,
    cwes: Words,
    cvssv3: Words,
    cvssv3_score: Words,
    cvssv4: Words,
    cvssv4_score: Words,
    active: Option<bool>,
    false_p: bool,
    duplicate: bool,
    out_of_scope: bool,
    risk_accepted: bool,
    is_mitigated: bool,
    file_path: Words,
    line: FromOne,
    component_name: Words,
    component_version: Words,
    fix_version: Words,
    service: Words,
    #[serde(deserialize_with = "list")]
    endpoints: Vec<TextOr<Endpoint>>,
    tags: Words,
    unique_id_from_tool: Words,
    vuln_id_from_tool: Words,
}

/// An address, as text or in parts.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Endpoint {
    protocol: Words,
    host: Words,
    port: Words,
    path: Words,
    #[serde(skip)]
    text: String,
}

impl From<String> for Endpoint {
    fn from(text: String) -> Self {
        Self { text, ..Self::default() }
    }
}

impl Endpoint {
    fn address(&self) -> String {
        if !self.text.is_empty() {
            return text::one_line(&self.text);
        }
        let protocol = self.protocol.first().map(|protocol| format!("{protocol}://")).unwrap_or_default();
        let port = self.port.first().map(|port| format!(":{port}")).unwrap_or_default();
        let path =
            self.path.first().map(|path| format!("/{}", path.trim_start_matches('/'))).unwrap_or_default();
        text::one_line(&format!("{protocol}{}{port}{path}", self.host.first().unwrap_or_default()))
    }
}

pub(crate) fn looks_like(outline: &Outline) -> bool {
    outline.has_all(&["findings[].title", "findings[].severity"])
}

pub(crate) fn read(input: &mut dyn ReadSeek, limits: &Limits, output: &mut Output<'_>) -> Result<(), Error> {
    let report: Report = json::header_pass(input, limits, BULK, object())?;
    if !report.findings.is_there() {
        let reason = "`findings` was expected, as DefectDojo's generic import names it";
        return Err(Error::at_path(ErrorKind::invalid(reason), "findings"));
    }
    if report.lockstep == Presence::Present {
        return Err(ErrorKind::invalid("this is Lockstep's own JSON; its format is `generic-json`").into());
    }
    let names = [&report.kind, &report.name];
    let scanner = names.iter().find_map(|name| short(name.first()?));
    output.run(ScanRun {
        scanner: scanner.unwrap_or_else(|| "Generic Findings Import".to_owned()),
        scanner_version: report.version.first().and_then(short),
        ..ScanRun::default()
    })?;
    each_result(input, limits, BULK, &mut |_, row| {
        let finding: Finding = row.read()?;
        if finding.title.first().is_none() {
            return Err(ErrorKind::invalid("the finding has no `title`").into());
        }
        if finding.is_mitigated {
            output.left_out("`is_mitigated` is true: it is no longer there");
            return Ok(());
        }
        let decided = finding.false_p
            || finding.out_of_scope
            || finding.risk_accepted
            || finding.duplicate
            || finding.active == Some(false);
        let suppression = decided.then_some(ReportedSuppression::Accepted);
        for path in finding.places() {
            output.observation(Observation { suppression, ..finding.observation(path) })?;
        }
        Ok(())
    })
}

impl Finding {
    /// A finding on several addresses is one result for each of them.
    fn places(&self) -> Vec<String> {
        if let Some(path) = self.file_path.first() {
            return vec![text::one_line(path)];
        }
        let mut places = Vec::new();
        add_new(&mut places, self.endpoints.iter().map(|TextOr(endpoint)| endpoint.address()));
        if places.is_empty() {
            places.push(self.service.first().map(text::one_line).unwrap_or_default());
        }
        places
    }

    fn kind(&self) -> FindingKind {
        if self.component_name.first().is_some() {
            FindingKind::Component
        } else if self.file_path.first().is_none() && !self.endpoints.is_empty() {
            FindingKind::Web
        } else {
            FindingKind::Code
        }
    }

    fn observation(&self, path: String) -> Observation {
        let mut ids: Vec<String> = Vec::new();
        let named = [&self.vuln_id_from_tool, &self.cve].into_iter().filter_map(Words::first);
        let named = named.chain(self.vulnerability_ids.0.iter().map(String::as_str));
        add_new(&mut ids, named.filter_map(short));
        if ids.is_empty() {
            ids.push(self.title.first().and_then(short).unwrap_or_else(|| "unnamed".to_owned()));
        }
        let id = ids.remove(0);
        let mut cwes = Vec::new();
        add_new(&mut cwes, self.cwe.0.iter().chain(&self.cwes.0).filter_map(|id| cwe(id)));
        let cvss = newest([
            Rating::new(self.cvssv4.first(), Some("4.0"), self.cvssv4_score.number()),
            Rating::new(self.cvssv3.first(), Some("3"), self.cvssv3_score.number()),
        ]);
        let texts = [
            ("", &self.description),
            ("Impact: ", &self.impact),
            ("To reproduce: ", &self.steps_to_reproduce),
        ];
        let texts = texts.iter().filter_map(|(what, text)| Some(format!("{what}{}", text.first()?)));
        let word = self.severity.first();
        let definition = Vulnerability {
            aliases: ids,
            name: self.title.first().and_then(short),
            description: body(&texts.collect::<Vec<_>>().join("\n\n")),
            remediation: self.mitigation.first().and_then(body),
            cwes,
            cvss_vector: cvss.vector,
            cvss_score: cvss.score,
            references: text::references(self.references.0.iter().flat_map(|links| links.split_whitespace())),
            tags: self.tags.0.iter().filter_map(|tag| short(tag)).collect(),
            id,
        };
        let location = Location { path, start_line: self.line.0, ..Location::default() };
        let grade = severity::judge(word, cvss.score);
        let observation = match (self.kind(), self.component()) {
            (FindingKind::Component, component) => {
                component::observation(definition, component, grade, location)
            }
            (kind, _) => found::observation(kind, definition, grade, location),
        };
        Observation {
            scanner_severity: word.and_then(short),
            scanner_fingerprints: found::fingerprint("unique_id_from_tool", self.unique_id_from_tool.first()),
            ..observation
        }
    }

    fn component(&self) -> Option<Component> {
        Some(Component {
            name: short(self.component_name.first()?)?,
            version: self.component_version.first().and_then(short),
            fixed_version: self.fix_version.first().and_then(short),
            ..Component::default()
        })
    }
}
