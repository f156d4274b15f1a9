//! Qualys: scans and host reports of VM and VMDR (XML and CSV), and reports of Web Application Scanning (XML).
//!
//! What each field means: `docs/formats/qualys.md`.

mod csv;
mod hosts;
mod scan;
mod web;

use std::collections::HashMap;

use model::{FindingKind, Observation, ReportedSuppression, Severity};

use crate::ReadSeek;
use crate::draft::{self, Found, paragraphs};
use crate::error::{Error, ErrorKind};
use crate::html;
use crate::limits::Limits;
use crate::output::Output;
use crate::text::{self, body, short};
use crate::xml::{self, Element, Step, Visitor};
pub(crate) use csv::is_header;

/// Information that Qualys gathers is kept apart from vulnerabilities, by type or by list.
const INFORMATION: &str = "information gathered, which is no vulnerability";
const FIXED: &str = "status is `Fixed`: the vulnerability was not found again";

/// Whether this is the root element of one of the XML reports.
pub(crate) fn is_root(root: &str, paths: &[&str]) -> bool {
    match root {
        "ASSET_DATA_REPORT" | "HOST_LIST_VM_DETECTION_OUTPUT" | "WAS_SCAN_REPORT" | "WAS_WEBAPP_REPORT" => {
            true
        }
        "SCAN" => paths.iter().any(|path| matches!(*path, "SCAN/HEADER" | "SCAN/IP" | "SCAN/ERROR")),
        _ => false,
    }
}

pub(crate) fn read(input: &mut dyn ReadSeek, limits: &Limits, output: &mut Output<'_>) -> Result<(), Error> {
    if !crate::is_xml(input)? {
        return csv::read(input, limits, output);
    }
    let mut root = Root::default();
    xml::walk(input, limits, &mut root)?;
    match root.0.as_str() {
        "SCAN" => scan::read(input, limits, output),
        "ASSET_DATA_REPORT" | "HOST_LIST_VM_DETECTION_OUTPUT" => hosts::read(input, limits, output),
        "WAS_SCAN_REPORT" | "WAS_WEBAPP_REPORT" => web::read(input, limits, output),
        root => Err(ErrorKind::invalid(format!(
            "the root element '{}' is none of Qualys; upload a scan, an asset data report, a host list of detections or a \
             report of a web application",
            text::shorten(root, 80)
        ))
        .into()),
    }
}

/// The name of the root element.
#[derive(Default)]
struct Root(String);

impl Visitor for Root {
    fn begin(&mut self, path: &str, _: &Element) -> Result<Step, ErrorKind> {
        self.0 = path.to_owned();
        Ok(Step::Skip)
    }

    fn take(&mut self, _: &str, _: Element) -> Result<(), ErrorKind> {
        Ok(())
    }
}

/// The five levels of Qualys (minimal, medium, serious, critical, urgent), or a word.
fn severity(word: &str) -> Option<Severity> {
    match word.trim() {
        "1" => Some(Severity::Info),
        "2" => Some(Severity::Low),
        "3" => Some(Severity::Medium),
        "4" => Some(Severity::High),
        "5" => Some(Severity::Critical),
        word => crate::severity::word(word),
    }
}

/// A text of Qualys: HTML, and `N/A` for nothing.
fn prose(text: Option<&str>) -> Option<String> {
    let text = html::to_text(text?);
    let bare: String = text.chars().filter(char::is_ascii_alphabetic).collect();
    (!matches!(bare.to_ascii_lowercase().as_str(), "" | "na" | "notapplicable")).then_some(text)
}

/// What Qualys knows of a QID, from the result itself or from the glossary behind the results.
#[derive(Clone, Default)]
struct Definition {
    title: Option<String>,
    severity: Option<String>,
    category: Option<String>,
    threat: Option<String>,
    impact: Option<String>,
    solution: Option<String>,
    score: Option<f64>,
    cves: Vec<String>,
    cwes: Vec<u32>,
    references: Vec<String>,
}

/// Where reports write the score, the newest version of CVSS first; `-` stands for none.
const SCORES: [&str; 5] =
    ["CVSS3_BASE", "CVSS3_SCORE/CVSS3_BASE", "CVSS_V3/BASE", "CVSS_BASE", "CVSS_SCORE/CVSS_BASE"];

impl Definition {
    /// From an element with the tags that the reports share.
    fn of(element: &Element) -> Self {
        let text = |names: &[&str]| names.iter().find_map(|name| element.text_of(name));
        let mut definition = Self {
            title: text(&["TITLE"]).and_then(short),
            severity: text(&["SEVERITY"])
                .and_then(short)
                .or_else(|| element.attribute("severity").and_then(short)),
            category: text(&["CATEGORY"]).and_then(short),
            threat: text(&["THREAT", "DIAGNOSIS", "DESCRIPTION"]).map(str::to_owned),
            impact: text(&["IMPACT", "CONSEQUENCE"]).map(str::to_owned),
            solution: text(&["SOLUTION"]).map(str::to_owned),
            score: SCORES.iter().find_map(|path| element.text_of(path).and_then(score)),
            cwes: text(&["CWE"])
                .map(|text| text.split(',').take(text::MAX_IDS).filter_map(text::cwe).collect())
                .unwrap_or_default(),
            ..Self::default()
        };
        let ids = element.under("CVE_ID_LIST/CVE_ID").into_iter().chain(element.under("CVE_LIST/CVE"));
        let ids =
            ids.filter_map(|one| one.text_of("ID").or_else(|| one.words())).chain(element.attribute("cveid"));
        definition.cves = draft::advisories(ids);
        let links = ["CVE_ID_LIST/CVE_ID", "VENDOR_REFERENCE_LIST/VENDOR_REFERENCE"];
        let links = links.into_iter().flat_map(|path| element.under(path));
        definition.references = text::references(links.filter_map(|one| one.text_of("URL")));
        definition
    }
}

/// A score of which Qualys says what it comes from: `7.5 (AV:N/…)`.
fn score(text: &str) -> Option<f64> {
    draft::cvss_score(text.split([' ', '(']).next().unwrap_or_default())
}

/// QIDs with their definition.
type Glossary = HashMap<String, Definition>;

/// One detection.
#[derive(Default)]
struct Reported<'a> {
    qid: &'a str,
    /// `Vuln`, `Practice`, `Ig`; `Confirmed`, `Potential`, `Information`.
    kind: Option<&'a str>,
    status: Option<&'a str>,
    path: String,
    logical: Option<String>,
    is_web: bool,
    definition: Definition,
    output: Option<&'a str>,
    ignored: bool,
}

impl Reported<'_> {
    fn found(self) -> Found {
        let is = |word: Option<&str>, names: &[&str]| {
            word.is_some_and(|word| names.iter().any(|name| word.trim().eq_ignore_ascii_case(name)))
        };
        if is(self.kind, &["ig", "info", "information", "information gathered"]) {
            return Found::LeftOut(INFORMATION);
        }
        if is(self.status, &["fixed"]) {
            return Found::LeftOut(FIXED);
        }
        let potential = is(self.kind, &["practice", "potential"]);
        Found::Observation(Box::new(self.observation(potential)))
    }

    fn observation(self, potential: bool) -> Observation {
        let Definition {
            title,
            severity: word,
            category,
            threat,
            impact,
            solution,
            score,
            cves,
            cwes,
            references,
        } = self.definition;
        let by_score = || score.and_then(Severity::from_cvss_score);
        let judged = word.as_deref().and_then(severity).or_else(by_score).unwrap_or(Severity::Info);
        let kind = if self.is_web { FindingKind::Web } else { FindingKind::Host };
        let mut observation = draft::observation(kind, &format!("QID-{}", self.qid.trim()), judged);
        let place = self.path.split(['?', '#']).next().unwrap_or_default();
        observation.title = text::title(&[title.as_deref()], &observation.vulnerability.id, Some(place));
        observation.scanner_severity = word;
        observation.message = self.output.map(html::to_text).as_deref().and_then(body);
        observation.location.path = self.path;
        observation.location.logical = self.logical;
        observation.suppression = self.ignored.then_some(ReportedSuppression::Accepted);
        let definition = &mut observation.vulnerability;
        definition.name = title;
        let (threat, impact) = (prose(threat.as_deref()), prose(impact.as_deref()));
        definition.description = paragraphs(&[threat.as_deref(), impact.as_deref()]);
        definition.remediation = prose(solution.as_deref()).as_deref().and_then(body);
        definition.cvss_score = score;
        definition.aliases = cves;
        definition.cwes = cwes;
        definition.references = references;
        definition.tags = category.into_iter().collect();
        if potential {
            definition.tags.push("potential".to_owned());
        }
        observation
    }
}

/// The name by which a host is tracked: an address that changes is none.
fn host<'a>(
    tracking: Option<&str>,
    ip: Option<&'a str>,
    dns: Option<&'a str>,
    netbios: Option<&'a str>,
) -> &'a str {
    let tracking = tracking.unwrap_or_default().to_ascii_uppercase();
    let order = match tracking.as_str() {
        tracking if tracking.contains("DNS") => [dns, netbios, ip],
        tracking if tracking.contains("NETBIOS") => [netbios, dns, ip],
        tracking if tracking.contains("AGENT") => [dns, netbios, ip],
        _ => [ip, dns, netbios],
    };
    order.into_iter().flatten().map(str::trim).find(|name| !name.is_empty()).unwrap_or_default()
}
