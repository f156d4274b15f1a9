//! Nmap's XML (`-oX`): what its scripts found. An open port is an observation of the network, not a weakness.
//!
//! What each field means: `docs/formats/nmap.md`.

use chrono::{DateTime, Utc};
use model::{Component, Coverage, CoverageExtent, FindingKind, Location, Observation, ScanRun, Severity};

use crate::error::{Error, ErrorKind};
use crate::limits::Limits;
use crate::output::Output;
use crate::text::{self, advisories_in, body, first_line, short};
use crate::xml::{self, Element, Step, Visitor};
use crate::{ReadSeek, draft};

/// Whether this is the root element.
pub(crate) fn is_root(root: &str) -> bool {
    root == "nmaprun"
}

pub(crate) fn read(input: &mut dyn ReadSeek, limits: &Limits, output: &mut Output<'_>) -> Result<(), Error> {
    let mut head = Head::default();
    xml::walk(input, limits, &mut head)?;
    output.run(head.scan()?)?;
    xml::walk(input, limits, &mut Hosts { output })
}

/// What the report says about the run.
#[derive(Default)]
struct Head {
    scanner: Option<String>,
    version: Option<String>,
    started_at: Option<DateTime<Utc>>,
    exit: Option<String>,
    error: Option<String>,
    hosts: draft::Distinct,
}

impl Head {
    fn scan(self) -> Result<ScanRun, ErrorKind> {
        let scanner = self.scanner.unwrap_or_else(|| "nmap".to_owned());
        if self.exit.as_deref() == Some("error") {
            let message = self.error.unwrap_or_else(|| "it gives no reason".to_owned());
            return Err(ErrorKind::RunFailed { scanner, message });
        }
        Ok(ScanRun {
            scanner,
            scanner_version: self.version,
            started_at: self.started_at,
            coverage: Coverage {
                // Without the closing statistics the scan was stopped, whatever the file's end looks like.
                extent: if self.exit.is_some() { CoverageExtent::Full } else { CoverageExtent::Partial },
                rules: None,
                paths: self.hosts.into_list(),
            },
            ..ScanRun::default()
        })
    }
}

impl Visitor for Head {
    fn begin(&mut self, path: &str, element: &Element) -> Result<Step, ErrorKind> {
        Ok(match path {
            "nmaprun" => {
                self.scanner = element.attribute("scanner").and_then(short);
                self.version = element.attribute("version").and_then(short);
                let start = element.attribute("start").and_then(|seconds| seconds.parse().ok());
                self.started_at = start.and_then(|seconds| DateTime::from_timestamp(seconds, 0));
                Step::Enter
            }
            "nmaprun/runstats" => Step::Enter,
            "nmaprun/runstats/finished" => {
                self.exit = Some(element.attribute("exit").unwrap_or("success").to_owned());
                self.error = element.attribute("errormsg").and_then(short);
                Step::Skip
            }
            "nmaprun/host" => Step::Take,
            _ => Step::Skip,
        })
    }

    fn take(&mut self, _: &str, host: Element) -> Result<(), ErrorKind> {
        let down = host.child("status").and_then(|status| status.attribute("state")) == Some("down");
        if let (false, Some(host)) = (down, address(&host)) {
            self.hosts.add(draft::host_path(host, None, None));
        }
        Ok(())
    }
}

/// The address, else the name that was scanned.
fn address(host: &Element) -> Option<&str> {
    let addresses = || host.all("address").filter(|address| address.attribute("addrtype") != Some("mac"));
    let name = || host.under("hostnames/hostname").into_iter().find_map(|name| name.attribute("name"));
    addresses().find_map(|address| address.attribute("addr")).or_else(name)
}

struct Hosts<'a, 'o> {
    output: &'a mut Output<'o>,
}

impl Visitor for Hosts<'_, '_> {
    fn begin(&mut self, path: &str, _: &Element) -> Result<Step, ErrorKind> {
        Ok(match path {
            "nmaprun" => Step::Enter,
            "nmaprun/host" => Step::Take,
            _ => Step::Skip,
        })
    }

    fn take(&mut self, _: &str, host: Element) -> Result<(), ErrorKind> {
        let name = address(&host).unwrap_or_default();
        for port in host.under("ports/port") {
            let open = port.child("state").and_then(|state| state.attribute("state")) == Some("open");
            if open {
                self.output.left_out("an open port is no weakness by itself");
            }
            let place = draft::host_path(name, port.attribute("portid"), port.attribute("protocol"));
            self.scripts(port.all("script"), &place, port.child("service"))?;
        }
        let of_host = host.under("hostscript/script");
        self.scripts(of_host.into_iter(), &draft::host_path(name, None, None), None)
    }
}

impl Hosts<'_, '_> {
    fn scripts<'e>(
        &mut self,
        scripts: impl Iterator<Item = &'e Element>,
        place: &str,
        service: Option<&Element>,
    ) -> Result<(), ErrorKind> {
        for script in scripts {
            match script.attribute("id") {
                Some("vulners") => {
                    for (cpe, table) in script.all("table").map(|table| (table.attribute("key"), table)) {
                        for row in table.all("table") {
                            if let Some(observation) = listed(row, cpe, place, service) {
                                self.output.observation(observation)?;
                            }
                        }
                    }
                }
                Some(id) => {
                    for observation in told(script, id, place) {
                        self.output.observation(observation)?;
                    }
                }
                None => {}
            }
        }
        Ok(())
    }
}

/// The text under a key, directly inside.
fn elem<'a>(table: &'a Element, key: &str) -> Option<&'a str> {
    table.all("elem").find(|elem| elem.attribute("key") == Some(key)).and_then(Element::words)
}

/// A row of `vulners`: an id that vulners.com lists for the product's version.
fn listed(row: &Element, cpe: Option<&str>, place: &str, service: Option<&Element>) -> Option<Observation> {
    let id = elem(row, "id").and_then(short)?;
    let score = elem(row, "cvss").and_then(draft::cvss_score);
    let severity = score.and_then(Severity::from_cvss_score).unwrap_or(Severity::Info);
    let mut observation = draft::observation(FindingKind::Host, &id, severity);
    // cpe:/a:vendor:product:version
    let mut parts = cpe.unwrap_or_default().split(':').skip(3);
    let product = parts.next().and_then(short);
    let version = parts.next().and_then(short).or_else(|| service?.attribute("version").and_then(short));
    let product = product.or_else(|| service?.attribute("product").and_then(short));
    observation.component = product.map(|name| Component { name, version, ..Component::default() });
    let of = observation.component.as_ref().map(crate::component::place);
    let named = of.map_or_else(|| id.clone(), |of| format!("{id}: {of}"));
    observation.title = text::title(&[Some(&named)], &id, Some(place));
    observation.location = Location { path: place.to_owned(), ..Location::default() };
    let kind = elem(row, "type").unwrap_or("cve");
    if elem(row, "is_exploit") == Some("true") {
        observation.message = Some("A public exploit.".to_owned());
    }
    let definition = &mut observation.vulnerability;
    definition.cvss_score = score;
    let mut aliases = advisories_in(&id);
    aliases.retain(|alias| *alias != id);
    definition.aliases = aliases;
    definition.references = text::references([format!("https://vulners.com/{kind}/{id}").as_str()]);
    definition.tags = short(kind).into_iter().collect();
    Some(observation)
}

/// What scripts of the category `vuln` report through Nmap's library `vulns`: a table per weakness with its state.
fn told(script: &Element, id: &str, place: &str) -> Vec<Observation> {
    let mut found = Vec::new();
    for table in script.all("table") {
        let Some(state) = elem(table, "state") else { continue };
        if !state.starts_with("VULNERABLE") && !state.starts_with("LIKELY VULNERABLE") {
            continue;
        }
        let named = table.attribute("key").filter(|key| *key != "NMAP-1");
        let name = elem(table, "title").and_then(short);
        let ids = table.all("table").filter(|inner| inner.attribute("key") == Some("ids"));
        let ids: Vec<&str> = ids.flat_map(|ids| ids.all("elem")).filter_map(Element::words).collect();
        let mut aliases = draft::advisories(ids.iter().copied().chain(named));
        let score = table
            .all("table")
            .filter(|inner| inner.attribute("key") == Some("scores"))
            .flat_map(|scores| scores.all("elem"))
            .find_map(|score| score.words()?.split(' ').find_map(draft::cvss_score));
        let risk = script.attribute("output").and_then(risk_factor);
        let severity = crate::severity::judge(risk, score);
        let severity = if risk.is_none() && score.is_none() { Severity::Medium } else { severity };
        let own = aliases.first().cloned().unwrap_or_else(|| format!("nmap-{id}"));
        let mut observation = draft::observation(FindingKind::Host, &own, severity);
        observation.title = text::title(&[name.as_deref()], id, Some(place));
        observation.scanner_severity = short(state);
        observation.message = script.attribute("output").and_then(body);
        observation.location = Location { path: place.to_owned(), ..Location::default() };
        let inner = |key: &str| {
            table
                .all("table")
                .filter(move |inner| inner.attribute("key") == Some(key))
                .flat_map(|inner| inner.all("elem"))
                .filter_map(Element::words)
                .collect::<Vec<_>>()
        };
        let definition = &mut observation.vulnerability;
        aliases.retain(|alias| *alias != own);
        definition.aliases = aliases;
        definition.name = name;
        definition.description = body(&inner("description").join("\n"));
        definition.references = text::references(inner("refs"));
        definition.cvss_score = score;
        definition.tags = vec![id.to_owned()];
        found.push(observation);
    }
    found
}

/// `Risk factor: High` in the words of the script.
fn risk_factor(output: &str) -> Option<&str> {
    let (_, rest) = output.split_once("Risk factor:")?;
    first_line(rest)?.split([' ', '\t']).next()
}
