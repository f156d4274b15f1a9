//! `NessusClientData_v2`.

use chrono::{DateTime, Utc};
use model::{Coverage, CoverageExtent, FindingKind, ScanRun, Severity};

use super::plugin::{Names, Reported, cvss, severity};
use crate::ReadSeek;
use crate::draft::{self, Found};
use crate::error::{Error, ErrorKind};
use crate::limits::Limits;
use crate::output::Output;
use crate::text::{self, body, short};
use crate::xml::{self, Element, Step, Visitor};

const HOST: &str = "NessusClientData_v2/Report/ReportHost";

pub(super) fn read(input: &mut dyn ReadSeek, limits: &Limits, output: &mut Output<'_>) -> Result<(), Error> {
    let mut head = Head::default();
    xml::walk(input, limits, &mut head)?;
    if !head.has_report {
        return Err(ErrorKind::NoRun.into());
    }
    let is_web = head.is_web;
    output.run(head.scan())?;
    xml::walk(input, limits, &mut Results { output, host: String::new(), is_web })
}

/// What the report says about the run.
#[derive(Default)]
struct Head {
    has_report: bool,
    is_web: bool,
    policy: Option<String>,
    target: Option<String>,
    version: Option<String>,
    started_at: Option<DateTime<Utc>>,
    hosts: Vec<String>,
    unfinished: bool,
}

impl Head {
    fn scan(self) -> ScanRun {
        ScanRun {
            scanner: if self.is_web { "Tenable Web App Scanning" } else { "Nessus" }.to_owned(),
            scanner_version: self.version,
            configuration: self.policy,
            started_at: self.started_at,
            target: self.target,
            coverage: Coverage {
                extent: if self.unfinished { CoverageExtent::Partial } else { CoverageExtent::Full },
                rules: None,
                // A host that did not answer is not in the report: its findings are not proved gone.
                paths: if self.is_web { Vec::new() } else { self.hosts },
            },
            ..ScanRun::default()
        }
    }
}

impl Visitor for Head {
    fn begin(&mut self, path: &str, element: &Element) -> Result<Step, ErrorKind> {
        Ok(match path {
            "NessusClientData_v2/Report" => {
                self.has_report = true;
                self.is_web = element.attribute("type") == Some("was");
                Step::Enter
            }
            HOST => {
                self.hosts.extend(element.attribute("name").map(|name| draft::host_path(name, None, None)));
                Step::Enter
            }
            "NessusClientData_v2"
            | "NessusClientData_v2/Policy"
            | "NessusClientData_v2/Policy/Preferences"
            | "NessusClientData_v2/Policy/Preferences/ServerPreferences" => Step::Enter,
            "NessusClientData_v2/Policy/policyName"
            | "NessusClientData_v2/Policy/Preferences/ServerPreferences/preference"
            | "NessusClientData_v2/Report/ReportHost/HostProperties" => Step::Take,
            _ => Step::Skip,
        })
    }

    fn take(&mut self, path: &str, element: Element) -> Result<(), ErrorKind> {
        if path.ends_with("policyName") {
            self.policy = element.words().and_then(short);
        } else if path.ends_with("preference") {
            let value = element.text_of("value").and_then(short);
            match element.text_of("name") {
                Some("TARGET") => self.target = value,
                Some("sc_version") => self.version = value,
                _ => {}
            }
        } else {
            let tag = |name: &str| {
                element.all("tag").find(|tag| tag.attribute("name") == Some(name)).and_then(Element::words)
            };
            let started = tag("HOST_START_TIMESTAMP")
                .and_then(|seconds| DateTime::from_timestamp(seconds.parse().ok()?, 0))
                .or_else(|| tag("HOST_START").and_then(text::time));
            self.started_at = [self.started_at, started].into_iter().flatten().min();
            self.unfinished |= tag("HOST_START").is_some() && tag("HOST_END").is_none();
        }
        Ok(())
    }
}

struct Results<'a, 'o> {
    output: &'a mut Output<'o>,
    host: String,
    is_web: bool,
}

impl Visitor for Results<'_, '_> {
    fn begin(&mut self, path: &str, element: &Element) -> Result<Step, ErrorKind> {
        Ok(match path {
            "NessusClientData_v2" | "NessusClientData_v2/Report" => Step::Enter,
            HOST => {
                self.host = element.attribute("name").unwrap_or_default().to_owned();
                Step::Enter
            }
            "NessusClientData_v2/Report/ReportHost/ReportItem" => Step::Take,
            _ => Step::Skip,
        })
    }

    fn take(&mut self, _: &str, item: Element) -> Result<(), ErrorKind> {
        item_of(&item, &self.host, self.is_web)?.put(self.output)
    }
}

/// Where scores and vectors stand, and of which version they are.
const CVSS: [Names; 5] = [
    ("cvss4_base_score", Some("cvss4_vector"), "4.0"),
    ("cvss3_base_score", Some("cvss3_vector"), "3"),
    ("cvssv3", Some("cvssv3_vector"), "3"),
    ("cvss_base_score", Some("cvss_vector"), "2"),
    ("cvss", None, "any"),
];

fn item_of(item: &Element, host: &str, is_web: bool) -> Result<Found, ErrorKind> {
    let plugin = item.attribute("pluginID").ok_or_else(|| {
        ErrorKind::invalid("this ReportItem has no pluginID; export the report again as .nessus")
    })?;
    if item.text_of("compliance-result").is_some() {
        return Ok(compliance(item, host));
    }
    let texts = |name| item.all(name).filter_map(Element::words).collect::<Vec<_>>();
    let word = item.attribute("severity");
    let reported = Reported {
        plugin,
        name: item.attribute("pluginName").or_else(|| item.text_of("plugin_name")),
        family: item.attribute("pluginFamily"),
        host,
        port: item.attribute("port"),
        protocol: item.attribute("protocol"),
        severity: word.and_then(severity).or_else(|| item.text_of("risk_factor").and_then(severity)),
        word: item.text_of("risk_factor").or(word),
        cves: texts("cve"),
        cwes: texts("xref"),
        cvss: cvss(&CVSS, |name| item.text_of(name)),
        synopsis: item.text_of("synopsis"),
        description: item.text_of("description"),
        solution: item.text_of("solution"),
        see_also: texts("see_also"),
        output: item.text_of("plugin_output"),
        is_web,
    };
    let mut observation = reported.observation();
    // Only numbers stand in some: `<cwe>94</cwe>`.
    text::add_new(
        &mut observation.vulnerability.cwes,
        texts("cwe").into_iter().take(text::MAX_IDS).filter_map(text::cwe),
    );
    Ok(Found::Observation(Box::new(observation)))
}

/// A check of a policy: all of them share the id of the plugin that ran them.
fn compliance(item: &Element, host: &str) -> Found {
    let result = item.text_of("compliance-result").unwrap_or_default();
    if result.eq_ignore_ascii_case("PASSED") {
        return Found::LeftOut("compliance check that passed");
    }
    let name = item.text_of("compliance-check-name").and_then(short);
    let id = item.text_of("compliance-check-id").or(name.as_deref()).unwrap_or("unnamed").to_owned();
    let severity = item.attribute("severity").and_then(severity).unwrap_or(Severity::Medium);
    let mut observation = draft::observation(FindingKind::Misconfiguration, &id, severity);
    observation.location.path = draft::host_path(host, None, None);
    observation.title = text::title(&[name.as_deref()], &id, Some(&observation.location.path));
    observation.scanner_severity = short(result);
    observation.message = item.text_of("compliance-actual-value").and_then(body);
    let definition = &mut observation.vulnerability;
    definition.name = name;
    definition.description = item.text_of("compliance-info").and_then(body);
    definition.remediation = item.text_of("compliance-solution").and_then(body);
    definition.references = text::references(item.text_of("compliance-see-also"));
    definition.tags = item.text_of("compliance-benchmark-name").and_then(short).into_iter().collect();
    Found::Observation(Box::new(observation))
}
