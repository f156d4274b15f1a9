//! The report of GMP, alone or in the answer to `get_reports`.

use chrono::{DateTime, Utc};
use model::{Coverage, CoverageExtent, ScanRun};

use super::Reported;
use crate::ReadSeek;
use crate::draft::{Distinct, host_path};
use crate::error::{Error, ErrorKind};
use crate::html;
use crate::limits::Limits;
use crate::output::Output;
use crate::text::{self, short};
use crate::xml::{self, Element, Step, Visitor};

/// What an interrupted scan says, and what a running one says.
const UNFINISHED: [&str; 6] = ["Stopped", "Stop Requested", "Running", "Requested", "Interrupted", "Queued"];

/// Whether a file with this root element and these further elements is one: `report` alone is a common word.
pub(crate) fn is_root(root: &str, element: &Element, paths: &[&str]) -> bool {
    root == "get_reports_response"
        || (root == "report"
            && (element.attribute("format_id").is_some()
                || paths.iter().any(|path| {
                    matches!(
                        *path,
                        "report/gmp" | "report/omp" | "report/scan_run_status" | "report/report/gmp"
                    )
                })))
}

pub(super) fn read(input: &mut dyn ReadSeek, limits: &Limits, output: &mut Output<'_>) -> Result<(), Error> {
    let mut head = Head::default();
    xml::walk(input, limits, &mut head)?;
    if !head.has_report {
        return Err(ErrorKind::NoRun.into());
    }
    output.run(head.scan()?)?;
    xml::walk(input, limits, &mut Results { output })
}

/// Names inside of the innermost report, whatever is around it.
fn inside(path: &str) -> Option<&str> {
    let path = path.strip_prefix("get_reports_response/").unwrap_or(path);
    let path = path.strip_prefix("report/report").or_else(|| path.strip_prefix("report"))?;
    path.strip_prefix('/').or_else(|| path.is_empty().then_some(""))
}

/// What the report says about the run.
#[derive(Default)]
struct Head {
    has_report: bool,
    run_id: Option<String>,
    status: Option<String>,
    task: Option<String>,
    target: Option<String>,
    started_at: Option<DateTime<Utc>>,
    hosts: Distinct,
}

impl Head {
    fn scan(self) -> Result<ScanRun, ErrorKind> {
        let status = self.status.as_deref().unwrap_or_default();
        if status.contains("Error") || status == "Container" {
            let message = format!("its status is '{status}'");
            return Err(ErrorKind::RunFailed { scanner: "OpenVAS".to_owned(), message });
        }
        let extent =
            if UNFINISHED.contains(&status) { CoverageExtent::Partial } else { CoverageExtent::Full };
        Ok(ScanRun {
            scanner: "OpenVAS".to_owned(),
            configuration: self.task,
            run_id: self.run_id,
            started_at: self.started_at,
            target: self.target,
            coverage: Coverage { extent, paths: self.hosts.into_list(), ..Coverage::default() },
            ..ScanRun::default()
        })
    }
}

impl Visitor for Head {
    fn begin(&mut self, path: &str, element: &Element) -> Result<Step, ErrorKind> {
        if path == "get_reports_response" {
            return Ok(Step::Enter);
        }
        Ok(match inside(path) {
            Some("") => {
                self.has_report = true;
                self.run_id = element.attribute("id").and_then(short).or(self.run_id.take());
                Step::Enter
            }
            Some("scan_run_status" | "scan_start" | "task" | "host") => Step::Take,
            _ => Step::Skip,
        })
    }

    fn take(&mut self, path: &str, element: Element) -> Result<(), ErrorKind> {
        let words = element.words();
        match inside(path) {
            Some("scan_run_status") => self.status = words.and_then(short),
            Some("scan_start") => self.started_at = words.and_then(text::time),
            Some("task") => {
                self.task = element.text_of("name").and_then(short);
                self.target = element.text_of("target/name").and_then(short);
            }
            // Every host that was up, with or without results.
            _ => {
                if let Some(host) = element.text_of("ip") {
                    self.hosts.add(host_path(host, None, None));
                }
            }
        }
        Ok(())
    }
}

struct Results<'a, 'o> {
    output: &'a mut Output<'o>,
}

impl Visitor for Results<'_, '_> {
    fn begin(&mut self, path: &str, _: &Element) -> Result<Step, ErrorKind> {
        if path == "get_reports_response" {
            return Ok(Step::Enter);
        }
        Ok(match inside(path) {
            Some("" | "results") => Step::Enter,
            Some("results/result") => Step::Take,
            _ => Step::Skip,
        })
    }

    fn take(&mut self, _: &str, result: Element) -> Result<(), ErrorKind> {
        let test = result.child("nvt").and_then(|nvt| nvt.attribute("oid"));
        let test = test.or_else(|| result.text_of("name")).ok_or_else(|| {
            ErrorKind::invalid("this result names no test (nvt with an oid); export the report again as XML")
        })?;
        let tags = result.text_of("nvt/tags").unwrap_or_default();
        let tag = |name: &str| {
            let value = tags.split('|').find_map(|tag| tag.strip_prefix(name)?.strip_prefix('='))?.trim();
            (!value.is_empty()).then_some(value)
        };
        let refs = result.under("nvt/refs/ref");
        let of_kind = |kind: &'static str| {
            refs.iter()
                .filter(move |one| one.attribute("type") == Some(kind))
                .filter_map(|one| one.attribute("id"))
        };
        // Before GMP 9: texts with commas.
        let old = |name: &str| result.text_of(name).filter(|text| *text != "NOCVE" && *text != "NOXREF");
        let port = result.text_of("port").unwrap_or_default();
        let (port, protocol) = port.split_once('/').unwrap_or((port, "tcp"));
        // "443/tcp"; in old reports "https (443/tcp)".
        let port = port.rsplit('(').next();
        let host = result.text_of("host");
        let reported = Reported {
            test,
            name: result.text_of("name").or_else(|| result.text_of("nvt/name")),
            family: result.text_of("nvt/family"),
            host: host.or_else(|| result.text_of("host/hostname")).unwrap_or_default(),
            port,
            protocol: Some(protocol.trim_end_matches(')')),
            threat: result.text_of("threat"),
            score: result.text_of("severity").or_else(|| result.text_of("nvt/cvss_base")),
            vector: result.text_of("nvt/severities/severity/value").or_else(|| tag("cvss_base_vector")),
            cves: of_kind("cve").chain(old("nvt/cve")).collect(),
            links: of_kind("url").chain(old("nvt/xref").into_iter().flat_map(html::links)).collect(),
            summary: tag("summary"),
            insight: tag("insight"),
            impact: tag("impact"),
            affected: tag("affected"),
            solution: result.text_of("nvt/solution").or_else(|| tag("solution")),
            output: result.text_of("description"),
        };
        self.output.observation(reported.observation())
    }
}
