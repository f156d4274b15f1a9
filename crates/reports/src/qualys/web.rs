//! Reports of Web Application Scanning: results first, then a glossary that says what each QID is.
//!
//! Requests, responses and the sensitive content itself are never kept.

use chrono::{DateTime, Utc};
use model::{Coverage, CoverageExtent, ScanRun};

use super::{Definition, Glossary, INFORMATION, Reported};
use crate::ReadSeek;
use crate::error::{Error, ErrorKind};
use crate::limits::Limits;
use crate::output::Output;
use crate::text::{one_line, short};
use crate::xml::{self, Element, Step, Visitor};

pub(super) fn read(input: &mut dyn ReadSeek, limits: &Limits, output: &mut Output<'_>) -> Result<(), Error> {
    let mut head = Head::default();
    xml::walk(input, limits, &mut head)?;
    output.run(head.scan()?)?;
    xml::walk(input, limits, &mut Results { output, glossary: &head.glossary })
}

#[derive(Default)]
struct Head {
    glossary: Glossary,
    scans: Vec<Scan>,
    application: Option<String>,
}

struct Scan {
    reference: Option<String>,
    started_at: Option<DateTime<Utc>>,
    status: String,
    profile: Option<String>,
}

impl Head {
    fn scan(&mut self) -> Result<ScanRun, ErrorKind> {
        let scanner = "Qualys WAS".to_owned();
        let failed = |scan: &&Scan| scan.status.eq_ignore_ascii_case("error");
        if !self.scans.is_empty() && self.scans.iter().filter(failed).count() == self.scans.len() {
            let message = "the status of its scan is Error".to_owned();
            return Err(ErrorKind::RunFailed { scanner, message });
        }
        let whole = self
            .scans
            .iter()
            .all(|scan| scan.status.is_empty() || scan.status.eq_ignore_ascii_case("finished"));
        let extent = if whole { CoverageExtent::Full } else { CoverageExtent::Partial };
        let only = (self.scans.len() == 1).then(|| &self.scans[0]);
        Ok(ScanRun {
            scanner,
            configuration: only.and_then(|scan| scan.profile.clone()),
            run_id: only.and_then(|scan| scan.reference.clone()),
            started_at: self.scans.iter().filter_map(|scan| scan.started_at).min(),
            target: self.application.take(),
            coverage: Coverage { extent, ..Coverage::default() },
            ..ScanRun::default()
        })
    }
}

/// `12 Mar 2020 04:42PM GMT-0400`.
fn time(text: &str) -> Option<DateTime<Utc>> {
    let text = text.replace("GMT", "");
    let text =
        if text.trim_end().ends_with(|c: char| c.is_ascii_digit()) { text } else { format!("{text}+0000") };
    DateTime::parse_from_str(&text, "%d %b %Y %I:%M%p %z").ok().map(|time| time.to_utc())
}

impl Visitor for Head {
    fn begin(&mut self, path: &str, _: &Element) -> Result<Step, ErrorKind> {
        let Some((_, inside)) = path.split_once('/') else { return Ok(Step::Enter) };
        Ok(match inside {
            "GLOSSARY" | "GLOSSARY/QID_LIST" | "APPENDIX" | "APPENDIX/SCAN_LIST" => Step::Enter,
            "GLOSSARY/QID_LIST/QID" => Step::Keep,
            "APPENDIX/SCAN_LIST/SCAN" | "APPENDIX/WEBAPP" | "APPENDIX/WEB_APPLICATION" => Step::Take,
            _ => Step::Skip,
        })
    }

    fn take(&mut self, path: &str, element: Element) -> Result<(), ErrorKind> {
        match path.rsplit('/').next() {
            Some("QID") => {
                if let Some(qid) = element.text_of("QID") {
                    self.glossary.insert(qid.to_owned(), Definition::of(&element));
                }
            }
            Some("SCAN") => self.scans.push(Scan {
                reference: element.text_of("REFERENCE").and_then(short),
                started_at: element.text_of("START_DATE").and_then(time),
                status: element.text_of("STATUS").unwrap_or_default().to_owned(),
                profile: element.text_of("PROFILE").and_then(short),
            }),
            _ => self.application = element.text_of("NAME").and_then(short),
        }
        Ok(())
    }
}

struct Results<'a, 'o> {
    output: &'a mut Output<'o>,
    glossary: &'a Glossary,
}

impl Visitor for Results<'_, '_> {
    fn begin(&mut self, path: &str, _: &Element) -> Result<Step, ErrorKind> {
        let mut names = path.rsplit('/');
        let (name, parent) = (names.next().unwrap_or_default(), names.next());
        Ok(match (parent, name) {
            (None, _)
            | (_, "RESULTS" | "WEB_APPLICATION")
            | (_, "VULNERABILITY_LIST" | "SENSITIVE_CONTENT_LIST" | "INFORMATION_GATHERED_LIST") => {
                Step::Enter
            }
            (Some("VULNERABILITY_LIST"), "VULNERABILITY")
            | (Some("SENSITIVE_CONTENT_LIST"), "SENSITIVE_CONTENT") => Step::Take,
            (Some("INFORMATION_GATHERED_LIST"), "INFORMATION_GATHERED") => {
                self.output.left_out(INFORMATION);
                Step::Skip
            }
            _ => Step::Skip,
        })
    }

    fn take(&mut self, _: &str, result: Element) -> Result<(), ErrorKind> {
        let qid = result
            .text_of("QID")
            .ok_or_else(|| ErrorKind::invalid("this result has no QID; create the report again"))?;
        let method = result
            .under("PAYLOADS/PAYLOAD/REQUEST")
            .into_iter()
            .find_map(|request| request.text_of("METHOD"));
        let inside: Vec<&str> = method.into_iter().chain(result.text_of("PARAM")).collect();
        let ignored = result.text_of("IGNORED").is_some_and(|text| text.eq_ignore_ascii_case("true"));
        let reported = Reported {
            qid,
            status: result.text_of("STATUS"),
            path: result.text_of("URL").map(one_line).unwrap_or_default(),
            logical: short(&inside.join(" ")),
            is_web: true,
            definition: self.glossary.get(qid).cloned().unwrap_or_default(),
            ignored,
            ..Reported::default()
        };
        reported.found().put(self.output)
    }
}
