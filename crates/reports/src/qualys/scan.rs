//! The result of one scan (`SCAN`): per host lists of information, services, vulnerabilities and potential ones.

use chrono::{DateTime, Utc};
use model::{Coverage, CoverageExtent, ScanRun};

use super::{Definition, INFORMATION, Reported};
use crate::ReadSeek;
use crate::draft::host_path;
use crate::error::{Error, ErrorKind};
use crate::limits::Limits;
use crate::output::Output;
use crate::text::{self, short};
use crate::xml::{self, Element, Step, Visitor};

pub(super) fn read(input: &mut dyn ReadSeek, limits: &Limits, output: &mut Output<'_>) -> Result<(), Error> {
    let mut head = Head::default();
    xml::walk(input, limits, &mut head)?;
    output.run(head.scan()?)?;
    xml::walk(
        input,
        limits,
        &mut Hosts { output, host: String::new(), category: None, port: None, protocol: None },
    )
}

#[derive(Default)]
struct Head {
    run_id: Option<String>,
    target: Option<String>,
    profile: Option<String>,
    status: Option<String>,
    error: Option<String>,
    started_at: Option<DateTime<Utc>>,
    hosts: Vec<String>,
}

impl Head {
    fn scan(self) -> Result<ScanRun, ErrorKind> {
        let scanner = "Qualys VM".to_owned();
        let status = self.status.unwrap_or_default().to_ascii_uppercase();
        if self.error.is_some() || status == "ERROR" {
            let message = self.error.unwrap_or_else(|| "its status is ERROR".to_owned());
            return Err(ErrorKind::RunFailed { scanner, message });
        }
        let unfinished = ["CANCELED", "CANCELLED", "PAUSED", "INTERRUPTED", "RUNNING", "LOADING", "QUEUED"];
        let extent = if unfinished.contains(&status.as_str()) {
            CoverageExtent::Partial
        } else {
            CoverageExtent::Full
        };
        Ok(ScanRun {
            scanner,
            configuration: self.profile,
            run_id: self.run_id,
            started_at: self.started_at,
            target: self.target,
            coverage: Coverage { extent, paths: self.hosts, ..Coverage::default() },
            ..ScanRun::default()
        })
    }
}

impl Visitor for Head {
    fn begin(&mut self, path: &str, element: &Element) -> Result<Step, ErrorKind> {
        Ok(match path {
            "SCAN" => {
                self.run_id = element.attribute("value").and_then(short);
                Step::Enter
            }
            "SCAN/HEADER" | "SCAN/HEADER/OPTION_PROFILE" => Step::Enter,
            "SCAN/HEADER/KEY" | "SCAN/HEADER/OPTION_PROFILE/OPTION_PROFILE_TITLE" | "SCAN/ERROR" => {
                Step::Take
            }
            "SCAN/IP" => {
                self.hosts.extend(element.attribute("value").map(|host| host_path(host, None, None)));
                Step::Skip
            }
            _ => Step::Skip,
        })
    }

    fn take(&mut self, path: &str, element: Element) -> Result<(), ErrorKind> {
        let words = element.words();
        match (path, element.attribute("value")) {
            ("SCAN/ERROR", _) => self.error = words.and_then(short),
            (_, Some("DATE")) => self.started_at = words.and_then(text::time),
            (_, Some("TARGET")) => self.target = words.and_then(short),
            (_, Some("STATUS")) => self.status = words.and_then(short),
            ("SCAN/HEADER/OPTION_PROFILE/OPTION_PROFILE_TITLE", _) => self.profile = words.and_then(short),
            _ => {}
        }
        Ok(())
    }
}

struct Hosts<'a, 'o> {
    output: &'a mut Output<'o>,
    host: String,
    category: Option<String>,
    port: Option<String>,
    protocol: Option<String>,
}

impl Visitor for Hosts<'_, '_> {
    fn begin(&mut self, path: &str, element: &Element) -> Result<Step, ErrorKind> {
        Ok(match path {
            "SCAN" | "SCAN/IP/INFOS" | "SCAN/IP/SERVICES" | "SCAN/IP/VULNS" | "SCAN/IP/PRACTICES" => {
                Step::Enter
            }
            "SCAN/IP" => {
                self.host = element.attribute("value").unwrap_or_default().to_owned();
                Step::Enter
            }
            path if path.ends_with("/CAT") => {
                self.category = element.attribute("value").and_then(short);
                self.port = element.attribute("port").map(str::to_owned);
                self.protocol = element.attribute("protocol").map(str::to_owned);
                Step::Enter
            }
            "SCAN/IP/VULNS/CAT/VULN" | "SCAN/IP/PRACTICES/CAT/PRACTICE" => Step::Take,
            "SCAN/IP/INFOS/CAT/INFO" | "SCAN/IP/SERVICES/CAT/SERVICE" => {
                self.output.left_out(INFORMATION);
                Step::Skip
            }
            _ => Step::Skip,
        })
    }

    fn take(&mut self, _: &str, result: Element) -> Result<(), ErrorKind> {
        let qid = result
            .attribute("number")
            .ok_or_else(|| ErrorKind::invalid("this result has no number (QID); download the scan again"))?;
        let definition = Definition { category: self.category.clone(), ..Definition::of(&result) };
        let reported = Reported {
            qid,
            kind: Some(if result.name == "PRACTICE" { "practice" } else { "vuln" }),
            path: host_path(&self.host, self.port.as_deref(), self.protocol.as_deref()),
            definition,
            output: result.text_of("RESULT"),
            ..Reported::default()
        };
        reported.found().put(self.output)
    }
}
