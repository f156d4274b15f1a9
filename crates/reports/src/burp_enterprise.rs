//! Burp Suite Enterprise: issues of its REST API (`issue_events`) and of GraphQL (`Issues`). What each field becomes:
//! `docs/formats/burp-enterprise.md`.

use model::{
    Coverage, CoverageExtent, FindingKind, Location, Observation, ReportedSuppression, ScanRun, Severity,
    Vulnerability,
};
use serde::Deserialize;

use crate::ReadSeek;
use crate::error::{Error, ErrorKind};
use crate::json::lenient::{TextOr, Words};
use crate::json::seeds::object;
use crate::json::walk::{Agreed, Rows, each_result};
use crate::json::{self, Bulk, Top};
use crate::limits::Limits;
use crate::outline::Outline;
use crate::output::Output;
use crate::text::{self, add_new, body, cwes_in, short};
use crate::{found, html, severity};

const BULK: Bulk = Bulk { keys: &["issue_events", "Issues", "issues"], depth: 1, top: Top::Header };

#[derive(Default, Deserialize)]
#[serde(default)]
struct Scan {
    scan_status: Words,
    message: Words,
    issue_events: Rows,
    #[serde(rename = "Issues", alias = "issues")]
    issues: Rows,
}

/// An event holds an issue; GraphQL gives the issue itself. Requests and responses are not read: they hold sessions.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Event {
    #[serde(rename = "type")]
    kind: Words,
    issue: Option<Issue>,
    #[serde(flatten)]
    own: Issue,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Issue {
    name: Words,
    type_index: Words,
    serial_number: Words,
    origin: Words,
    path: Words,
    caption: Words,
    severity: Words,
    confidence: Words,
    #[serde(alias = "description_html")]
    description: Words,
    #[serde(alias = "remediation_html")]
    remediation: Words,
    issue_type: Option<TextOr<IssueType>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct IssueType {
    type_index: Words,
    name: Words,
    description_html: Words,
    remediation_html: Words,
    vulnerability_classifications_html: Words,
    references_html: Words,
}

impl From<String> for IssueType {
    fn from(name: String) -> Self {
        Self { name: Words(vec![name]), ..Self::default() }
    }
}

pub(crate) fn looks_like(outline: &Outline) -> bool {
    outline.has_all(&["issue_events", "scan_status"])
        || outline.has_any(&["issue_events[].issue", "Issues[].issue_type", "issues[].issue_type"])
        || (outline.is_list("Issues") && outline.keys().len() == 1)
}

pub(crate) fn read(input: &mut dyn ReadSeek, limits: &Limits, output: &mut Output<'_>) -> Result<(), Error> {
    let scan: Scan = json::header_pass(input, limits, BULK, object())?;
    if !scan.issue_events.is_there() && !scan.issues.is_there() {
        let reason = "`issue_events` (REST) or `Issues` (GraphQL) of Burp Suite Enterprise was expected";
        return Err(ErrorKind::invalid(reason).into());
    }
    let status = scan.scan_status.first().unwrap_or("succeeded");
    if status == "failed" {
        let message = scan.message.first().and_then(short).unwrap_or_else(|| "it gives no reason".to_owned());
        return Err(ErrorKind::RunFailed { scanner: "Burp Suite Enterprise".to_owned(), message }.into());
    }
    let mut origin = Agreed::default();
    each_result(input, limits, BULK, &mut |_, row| {
        let event: Event = row.read()?;
        let issue = event.issue.as_ref().unwrap_or(&event.own);
        if issue.origin.first().is_none() && issue.name.first().is_none() && issue.issue_type.is_none() {
            let reason = "this is no issue of Burp Suite Enterprise: `origin` and `issue_type` are missing";
            return Err(ErrorKind::invalid(reason).into());
        }
        origin.hear(issue.origin.first().and_then(short));
        Ok(())
    })?;
    output.run(ScanRun {
        scanner: "Burp Suite Enterprise".to_owned(),
        target: origin.on(),
        coverage: Coverage {
            extent: if status == "succeeded" { CoverageExtent::Full } else { CoverageExtent::Partial },
            ..Coverage::default()
        },
        ..ScanRun::default()
    })?;
    each_result(input, limits, BULK, &mut |_, row| {
        let event: Event = row.read()?;
        if event.kind.first().is_some_and(|kind| !matches!(kind, "issue_found" | "issue_updated")) {
            output.left_out("the event is no issue that was found");
            return Ok(());
        }
        Ok(output.observation(observation(event.issue.as_ref().unwrap_or(&event.own)))?)
    })
}

fn observation(of: &Issue) -> Observation {
    let none = IssueType::default();
    let kind = of.issue_type.as_ref().map_or(&none, |TextOr(kind)| kind);
    let name = [&of.name, &kind.name].into_iter().find_map(|name| short(name.first()?));
    // Burp's number of the type is what its XML names issues by, too.
    let number = [&of.type_index, &kind.type_index].into_iter().find_map(|number| short(number.first()?));
    let id = number.map(|number| format!("burp-{number}")).or_else(|| name.clone());
    let prose = |words: &Words| words.first().map(html::to_text);
    let classes = kind.vulnerability_classifications_html.first();
    let mut cwes = Vec::new();
    add_new(&mut cwes, classes.map(cwes_in).unwrap_or_default());
    let links = [kind.references_html.first(), classes].into_iter().flatten().flat_map(html::links);
    let advice = [prose(&of.remediation), prose(&kind.remediation_html)].into_iter().flatten();
    let definition = Vulnerability {
        id: id.unwrap_or_else(|| "unnamed".to_owned()),
        name,
        description: prose(&kind.description_html).as_deref().and_then(body),
        remediation: body(&advice.collect::<Vec<_>>().join("\n\n")),
        cwes,
        references: text::references(links),
        ..Vulnerability::default()
    };
    let origin = of.origin.first().unwrap_or_default();
    let path = of.path.first().unwrap_or_default();
    let location = Location {
        path: text::one_line(&format!("{}{path}", origin.trim_end_matches('/'))),
        logical: of.caption.first().filter(|caption| *caption != path).and_then(short),
        ..Location::default()
    };
    let word = of.severity.first();
    // A person said so: in Burp it is a severity.
    let false_positive = [&of.severity, &of.confidence]
        .iter()
        .filter_map(|said| said.first())
        .any(|said| said.replace('_', " ").eq_ignore_ascii_case("false positive"));
    let grade = word.and_then(severity::word).unwrap_or(Severity::Info);
    Observation {
        scanner_severity: word.and_then(short),
        message: prose(&of.description).as_deref().and_then(body),
        scanner_fingerprints: found::fingerprint("burp/serialNumber", of.serial_number.first()),
        suppression: false_positive.then_some(ReportedSuppression::Accepted),
        ..found::observation(FindingKind::Web, definition, grade, location)
    }
}
