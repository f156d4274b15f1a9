//! The XML report of ZAP ("Traditional XML", with or without requests and responses).
//!
//! What each field means: `docs/formats/zap.md`.

use chrono::{DateTime, Utc};
use model::{Coverage, FindingKind, Location, Observation, ReportedSuppression, ScanRun, Severity};

use crate::ReadSeek;
use crate::draft;
use crate::error::{Error, ErrorKind};
use crate::html;
use crate::json;
use crate::limits::Limits;
use crate::output::Output;
use crate::text::{self, body, one_line, short};
use crate::xml::{self, Element, Step, Visitor};
use crate::zap_json;

const SITE: &str = "OWASPZAPReport/site";
const ALERT: &str = "OWASPZAPReport/site/alerts/alertitem";
/// Further places kept of one alert that ZAP says is the same all over the site.
const MAX_PLACES: usize = 1_000;

/// Alerts whose evidence is what should not be seen: personal data, credentials, hashes.
const QUOTES_SECRETS: [&str; 7] = ["10024", "10025", "10057", "10062", "10097", "10105", "10119"];

/// Whether this is the root element.
pub(crate) fn is_root(root: &str) -> bool {
    root == "OWASPZAPReport"
}

pub(crate) fn read(input: &mut dyn ReadSeek, limits: &Limits, output: &mut Output<'_>) -> Result<(), Error> {
    if json::starts_with(input, b'{')? {
        return zap_json::read(input, limits, output);
    }
    let mut head = Head::default();
    xml::walk(input, limits, &mut head)?;
    output.run(ScanRun {
        scanner: "ZAP".to_owned(),
        scanner_version: head.version,
        started_at: head.created,
        target: head.sites.first().cloned(),
        coverage: Coverage { paths: head.sites.into_list(), ..Coverage::default() },
        ..ScanRun::default()
    })?;
    xml::walk(input, limits, &mut Alerts { output, site: String::new() })
}

/// What the report says about the run.
#[derive(Default)]
struct Head {
    version: Option<String>,
    created: Option<DateTime<Utc>>,
    sites: draft::Distinct,
}

impl Visitor for Head {
    fn begin(&mut self, path: &str, element: &Element) -> Result<Step, ErrorKind> {
        Ok(match path {
            "OWASPZAPReport" => {
                self.version = element.attribute("version").and_then(short);
                // `generated` is in the language and zone of the computer that wrote it.
                self.created = element.attribute("created").and_then(text::time);
                Step::Enter
            }
            SITE => {
                if let Some(site) = element.attribute("name") {
                    self.sites.add(one_line(site));
                }
                Step::Skip
            }
            _ => Step::Skip,
        })
    }

    fn take(&mut self, _: &str, _: Element) -> Result<(), ErrorKind> {
        Ok(())
    }
}

/// Takes alerts of a site one by one.
pub(crate) struct Alerts<'a, 'o> {
    pub(crate) output: &'a mut Output<'o>,
    /// Address of the site.
    pub(crate) site: String,
}

impl Visitor for Alerts<'_, '_> {
    fn begin(&mut self, path: &str, element: &Element) -> Result<Step, ErrorKind> {
        Ok(match path {
            "OWASPZAPReport" | "OWASPZAPReport/site/alerts" => Step::Enter,
            SITE => {
                self.site = element.attribute("name").map(one_line).unwrap_or_default();
                Step::Enter
            }
            ALERT => Step::Take,
            _ => Step::Skip,
        })
    }

    fn take(&mut self, _: &str, alert: Element) -> Result<(), ErrorKind> {
        let common = common(&alert)?;
        let instances = alert.under("instances/instance");
        if instances.is_empty() {
            return self
                .output
                .observation(placed(&common, Location { path: self.site.clone(), ..Location::default() }));
        }
        let mut places = instances.iter().map(|instance| location(instance));
        if alert.text_of("systemic") == Some("true") {
            // ZAP lists only examples of these: which ones it lists changes with every run.
            let place = Location { path: self.site.clone(), ..Location::default() };
            let mut observation = placed(&common, place);
            observation.related_locations = places.take(MAX_PLACES).collect();
            return self.output.observation(observation);
        }
        let keeps_evidence = alert.text_of("pluginid").is_none_or(|id| !QUOTES_SECRETS.contains(&id));
        for instance in &instances {
            let Some(place) = places.next() else { break };
            let mut observation = placed(&common, place);
            observation.message = message(instance, keeps_evidence);
            self.output.observation(observation)?;
        }
        Ok(())
    }
}

/// Address, and in it method and parameter.
fn location(instance: &Element) -> Location {
    let inside: Vec<&str> =
        ["method", "param"].into_iter().filter_map(|name| instance.text_of(name)).collect();
    Location {
        path: instance.text_of("uri").map(one_line).unwrap_or_default(),
        logical: short(&inside.join(" ")),
        ..Location::default()
    }
}

fn message(instance: &Element, keeps_evidence: bool) -> Option<String> {
    let told = |name: &str, label: &str| Some(format!("{label}: {}", instance.text_of(name)?));
    let evidence = told("evidence", "Evidence").filter(|_| keeps_evidence);
    let parts = [told("attack", "Attack"), evidence, told("otherinfo", "Further").filter(|_| keeps_evidence)];
    body(&parts.into_iter().flatten().collect::<Vec<_>>().join("\n"))
}

fn placed(common: &Observation, location: Location) -> Observation {
    let mut observation = common.clone();
    let name = observation.vulnerability.name.clone();
    let place = location.path.split(['?', '#']).next().unwrap_or_default();
    observation.title = text::title(&[name.as_deref()], &observation.vulnerability.id, Some(place));
    observation.location = location;
    observation
}

/// What all instances of an alert share.
fn common(alert: &Element) -> Result<Observation, ErrorKind> {
    let id = alert
        .text_of("alertRef")
        .or_else(|| alert.text_of("pluginid"))
        .ok_or_else(|| ErrorKind::invalid("this alertitem has no pluginid; create the XML report again"))?;
    let severity = match alert.text_of("riskcode") {
        Some("3") => Severity::High,
        Some("2") => Severity::Medium,
        Some("1") => Severity::Low,
        _ => Severity::Info,
    };
    let mut observation = draft::observation(FindingKind::Web, &format!("zap-{id}"), severity);
    observation.scanner_severity = alert.text_of("riskdesc").and_then(short);
    // Confidence 0 is what a person set to "false positive" in ZAP.
    observation.suppression =
        (alert.text_of("confidence") == Some("0")).then_some(ReportedSuppression::Accepted);
    let prose = |name: &str| alert.text_of(name).map(html::to_text);
    let definition = &mut observation.vulnerability;
    definition.name = alert.text_of("name").or_else(|| alert.text_of("alert")).and_then(short);
    definition.description = prose("desc").as_deref().and_then(body);
    definition.remediation = prose("solution").as_deref().and_then(body);
    definition.cwes = alert.text_of("cweid").and_then(text::cwe).into_iter().collect();
    definition.references = text::references(alert.text_of("reference").into_iter().flat_map(html::links));
    definition.tags = alert
        .text_of("wascid")
        .filter(|id| *id != "0")
        .and_then(|id| short(&format!("WASC-{id}")))
        .into_iter()
        .collect();
    Ok(observation)
}
