//! What is known of hosts: the asset data report, whose definitions stand in a glossary behind the hosts, and the list
//! of detections of the API, which has none.

use model::ScanRun;

use super::{Definition, Glossary, Reported, host};
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
    output.run(head.run)?;
    xml::walk(input, limits, &mut Hosts { output, glossary: &head.glossary, host: Host::default() })
}

struct Head {
    run: ScanRun,
    glossary: Glossary,
}

impl Default for Head {
    fn default() -> Self {
        Self {
            run: ScanRun { scanner: "Qualys VM".to_owned(), ..ScanRun::default() },
            glossary: Glossary::new(),
        }
    }
}

impl Visitor for Head {
    fn begin(&mut self, path: &str, _: &Element) -> Result<Step, ErrorKind> {
        Ok(match path {
            "ASSET_DATA_REPORT"
            | "ASSET_DATA_REPORT/HEADER"
            | "ASSET_DATA_REPORT/GLOSSARY"
            | "ASSET_DATA_REPORT/GLOSSARY/VULN_DETAILS_LIST"
            | "HOST_LIST_VM_DETECTION_OUTPUT"
            | "HOST_LIST_VM_DETECTION_OUTPUT/RESPONSE" => Step::Enter,
            "ASSET_DATA_REPORT/HEADER/TEMPLATE"
            | "ASSET_DATA_REPORT/HEADER/GENERATION_DATETIME"
            | "HOST_LIST_VM_DETECTION_OUTPUT/RESPONSE/DATETIME" => Step::Take,
            "ASSET_DATA_REPORT/GLOSSARY/VULN_DETAILS_LIST/VULN_DETAILS" => Step::Keep,
            _ => Step::Skip,
        })
    }

    fn take(&mut self, path: &str, element: Element) -> Result<(), ErrorKind> {
        match path.rsplit('/').next() {
            Some("TEMPLATE") => self.run.configuration = element.words().and_then(short),
            Some("VULN_DETAILS") => {
                let qid = element.child("QID").and_then(|qid| qid.words().or_else(|| qid.attribute("id")));
                if let Some(qid) = qid {
                    self.glossary.insert(qid.to_owned(), Definition::of(&element));
                }
            }
            // When it was written: the state of the hosts as of then.
            _ => self.run.started_at = element.words().and_then(text::time),
        }
        Ok(())
    }
}

#[derive(Default)]
struct Host {
    ip: Option<String>,
    dns: Option<String>,
    netbios: Option<String>,
    tracking: Option<String>,
}

struct Hosts<'a, 'o> {
    output: &'a mut Output<'o>,
    glossary: &'a Glossary,
    host: Host,
}

impl Visitor for Hosts<'_, '_> {
    fn begin(&mut self, path: &str, _: &Element) -> Result<Step, ErrorKind> {
        Ok(match path.rsplit('/').next() {
            Some("HOST") => {
                self.host = Host::default();
                Step::Enter
            }
            Some(
                "ASSET_DATA_REPORT"
                | "HOST_LIST_VM_DETECTION_OUTPUT"
                | "RESPONSE"
                | "HOST_LIST"
                | "VULN_INFO_LIST"
                | "DETECTION_LIST",
            ) => Step::Enter,
            Some("IP" | "IPV6" | "DNS" | "NETBIOS" | "TRACKING_METHOD" | "VULN_INFO" | "DETECTION") => {
                Step::Take
            }
            _ => Step::Skip,
        })
    }

    fn take(&mut self, path: &str, element: Element) -> Result<(), ErrorKind> {
        let words = element.words().map(str::to_owned);
        match path.rsplit('/').next() {
            Some("IP" | "IPV6") => self.host.ip = self.host.ip.take().or(words),
            Some("DNS") => self.host.dns = words,
            Some("NETBIOS") => self.host.netbios = words,
            Some("TRACKING_METHOD") => self.host.tracking = words,
            _ => return self.detection(&element),
        }
        Ok(())
    }
}

impl Hosts<'_, '_> {
    fn detection(&mut self, of: &Element) -> Result<(), ErrorKind> {
        let qid = of.child("QID").and_then(|qid| qid.words().or_else(|| qid.attribute("id")));
        let qid =
            qid.ok_or_else(|| ErrorKind::invalid("this detection has no QID; create the report again"))?;
        let Host { ip, dns, netbios, tracking } = &self.host;
        let name = host(tracking.as_deref(), ip.as_deref(), dns.as_deref(), netbios.as_deref());
        let definition = self.glossary.get(qid).cloned().unwrap_or_else(|| Definition::of(of));
        let yes = |name: &str| of.text_of(name).is_some_and(|text| matches!(text, "1" | "true" | "Yes"));
        let reported = Reported {
            qid,
            kind: of.text_of("TYPE"),
            status: of.text_of("VULN_STATUS").or_else(|| of.text_of("STATUS")),
            path: host_path(name, of.text_of("PORT"), of.text_of("PROTOCOL")),
            logical: of.text_of("INSTANCE").and_then(short),
            definition,
            output: of.text_of("RESULT").or_else(|| of.text_of("RESULTS")),
            ignored: yes("IS_IGNORED") || yes("IS_DISABLED"),
            ..Reported::default()
        };
        reported.found().put(self.output)
    }
}
