//! The XML that Burp Suite exports issues in.
//!
//! Requests and responses are never kept: they hold cookies and credentials. What each field means:
//! `docs/formats/burp.md`.

use std::collections::BTreeMap;

use model::{FindingKind, Location, ReportedSuppression, ScanRun, Severity};

use crate::ReadSeek;
use crate::draft;
use crate::error::{Error, ErrorKind};
use crate::html;
use crate::limits::Limits;
use crate::output::Output;
use crate::text::{self, body, cwes_in, one_line, short};
use crate::xml::{self, Element, Step, Visitor};

/// Whether this is the root element.
pub(crate) fn is_root(root: &str, element: &Element) -> bool {
    root == "issues" && element.attribute("burpVersion").is_some()
}

pub(crate) fn read(input: &mut dyn ReadSeek, limits: &Limits, output: &mut Output<'_>) -> Result<(), Error> {
    let mut check = Issues { output: None, version: None };
    xml::walk(input, limits, &mut check)?;
    let version = check.version;
    output.run(ScanRun {
        scanner: "Burp Suite".to_owned(),
        scanner_version: version,
        ..ScanRun::default()
    })?;
    xml::walk(input, limits, &mut Issues { output: Some(output), version: None })
}

struct Issues<'a, 'o> {
    output: Option<&'a mut Output<'o>>,
    version: Option<String>,
}

impl Visitor for Issues<'_, '_> {
    fn begin(&mut self, path: &str, element: &Element) -> Result<Step, ErrorKind> {
        Ok(match path {
            "issues" => {
                self.version = element.attribute("burpVersion").and_then(short);
                Step::Enter
            }
            "issues/issue" => Step::Take,
            _ => Step::Skip,
        })
    }

    fn take(&mut self, _: &str, issue: Element) -> Result<(), ErrorKind> {
        let observation = observation(&issue)?;
        match &mut self.output {
            Some(output) => output.observation(observation),
            None => Ok(()),
        }
    }
}

fn observation(issue: &Element) -> Result<model::Observation, ErrorKind> {
    let kind = issue
        .text_of("type")
        .ok_or_else(|| ErrorKind::invalid("this issue has no type; export the issues again as XML"))?;
    let word = issue.text_of("severity");
    // "False positive" is a severity in Burp: a person set it.
    let false_positive = word.is_some_and(|word| word.eq_ignore_ascii_case("false positive"));
    let severity = word.and_then(crate::severity::word).unwrap_or(Severity::Info);
    let mut observation = draft::observation(FindingKind::Web, &format!("burp-{kind}"), severity);
    observation.suppression = false_positive.then_some(ReportedSuppression::Accepted);
    observation.scanner_severity = word.and_then(short);
    let host = issue.text_of("host").map(one_line).unwrap_or_default();
    let path = issue.text_of("path").map(one_line).unwrap_or_default();
    // The location says what in the page: `/basket.jsp [b_id cookie]`.
    let inside = issue.text_of("location").and_then(|location| {
        let location = one_line(location);
        let rest = location.strip_prefix(path.as_str()).unwrap_or(&location).trim();
        short(rest.trim_matches(['[', ']']))
    });
    let path = format!("{}{path}", host.trim_end_matches('/'));
    let name = issue.text_of("name").and_then(short);
    let place = path.split(['?', '#']).next().unwrap_or_default();
    observation.title = text::title(&[name.as_deref()], &observation.vulnerability.id, Some(place));
    observation.location = Location { path, logical: inside, ..Location::default() };
    let prose = |name: &str| issue.text_of(name).map(html::to_text);
    observation.message = prose("issueDetail").as_deref().and_then(body);
    observation.scanner_fingerprints = issue
        .text_of("serialNumber")
        .and_then(short)
        .map(|serial| BTreeMap::from([("burp/serialNumber".to_owned(), serial)]))
        .unwrap_or_default();
    let definition = &mut observation.vulnerability;
    definition.name = name;
    definition.description = prose("issueBackground").as_deref().and_then(body);
    let advice = [prose("remediationDetail"), prose("remediationBackground")];
    definition.remediation = draft::paragraphs(&advice.each_ref().map(Option::as_deref));
    definition.cwes = issue.text_of("vulnerabilityClassifications").map(cwes_in).unwrap_or_default();
    let links =
        ["references", "vulnerabilityClassifications"].into_iter().filter_map(|name| issue.text_of(name));
    definition.references = text::references(links.flat_map(html::links));
    Ok(observation)
}
