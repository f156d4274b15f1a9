//! Trivy's JSON: schema 2, the list of results before it, and reports of clusters.
//!
//! Two passes, because a target may be named behind its results. What each field means: `docs/formats/trivy.md`.

mod model;
mod result;

use std::cell::RefCell;
use std::fmt;

use ::model::{Coverage, CoverageExtent, ScanRun};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::ReadSeek;
use crate::error::{Error, ErrorKind};
use crate::json::seeds::{Elements, Keys, OneResult, Value};
use crate::json::{self, Bulk, Exchange, Top};
use crate::limits::Limits;
use crate::outline::Outline;
use crate::output::Output;
use crate::text::{short, time};
use model::{Head, Report, Resource};
use result::Found;

/// The lists inside of a target. At the top, old reports of clusters call their resources so.
const BULK: Bulk = Bulk {
    keys: &["Vulnerabilities", "Misconfigurations", "Secrets", "Licenses", "Packages", "CustomResources"],
    depth: 2,
    top: Top::Header,
};

pub(crate) fn looks_like(outline: &Outline) -> bool {
    let results = ["Vulnerabilities", "Misconfigurations", "Secrets", "Licenses", "Class", "Type"];
    let old_results = results.map(|key| format!("[].{key}"));
    if outline.has("[].Target") {
        return old_results.iter().any(|path| outline.has(path));
    }
    (outline.has("SchemaVersion")
        && outline.has_any(&["ArtifactName", "ArtifactType", "Results", "ClusterName"]))
        || outline.has_all(&["ArtifactName", "Results"])
        || (outline.has("ClusterName")
            && outline.has_any(&["Resources", "Findings", "Vulnerabilities", "Misconfigurations"]))
}

pub(crate) fn read(input: &mut dyn ReadSeek, limits: &Limits, output: &mut Output<'_>) -> Result<(), Error> {
    let report = json::header_pass(input, limits, BULK, ReportSeed)?;
    let lists = [&report.resources, &report.findings, &report.vulnerabilities, &report.misconfigurations];
    let says_nothing = report.schema_version.is_none() && report.artifact_name.is_none();
    let other_list = report.is_list
        && report
            .results
            .iter()
            .flatten()
            .any(|head| head.target.is_none() && head.class.is_none() && head.ecosystem.is_none());
    if other_list || report.results.is_none() && lists.iter().all(|list| list.is_none()) && says_nothing {
        let reason = "the keys of a Trivy report (`SchemaVersion`, `ArtifactName`, `Results`) are missing";
        return Err(ErrorKind::invalid(reason).into());
    }
    output.run(scan(&report))?;
    let exchange = Exchange::default();
    let shared = Shared { report: &report, output: RefCell::new(output), exchange: &exchange, limits };
    json::result_pass(input, limits, BULK, &exchange, Walk { shared: &shared, at: At::Report })
}

fn scan(report: &Report) -> ScanRun {
    let resources = [&report.resources, &report.findings, &report.vulnerabilities, &report.misconfigurations];
    let broken = resources
        .into_iter()
        .flatten()
        .flatten()
        .any(|resource| resource.error.as_deref().is_some_and(|e| !e.is_empty()));
    let text = |value: &Option<String>| value.as_deref().and_then(short);
    ScanRun {
        scanner: "Trivy".to_owned(),
        scanner_version: text(&report.trivy.version),
        configuration: None,
        run_id: text(&report.report_id),
        started_at: report.created_at.as_deref().and_then(time),
        branch: text(&report.metadata.branch),
        commit: text(&report.metadata.commit),
        target: text(&report.artifact_name)
            .or_else(|| text(&report.cluster_name))
            .or_else(|| text(&report.metadata.repo_url))
            .or_else(|| report.metadata.repo_tags.first().and_then(|tag| short(tag))),
        coverage: Coverage {
            extent: if broken { CoverageExtent::Partial } else { CoverageExtent::Full },
            ..Coverage::default()
        },
    }
}

/// The report as object, or as the bare list of results of Trivy before 0.20.
struct ReportSeed;

impl<'de> DeserializeSeed<'de> for ReportSeed {
    type Value = Report;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Report, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ReportSeed {
    type Value = Report;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a Trivy report: an object, or a list of results")
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Report, A::Error> {
        Report::deserialize(MapAccessDeserializer::new(map))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Report, A::Error> {
        let mut results = Vec::new();
        while let Some(head) = seq.next_element::<Head>()? {
            results.push(head);
        }
        Ok(Report { is_list: true, results: Some(results), ..Report::default() })
    }
}

struct Shared<'a, 'o> {
    report: &'a Report,
    output: RefCell<&'a mut Output<'o>>,
    exchange: &'a Exchange,
    limits: &'a Limits,
}

/// Walks down to the lists of results.
#[derive(Clone, Copy)]
struct Walk<'a, 'o> {
    shared: &'a Shared<'a, 'o>,
    at: At<'a>,
}

#[derive(Clone, Copy)]
enum At<'a> {
    Report,
    Resources(&'a [Resource]),
    Resource(Option<&'a Resource>),
    Results(Option<&'a Resource>, &'a [Head]),
    Lists(Found<'a>),
    List(Found<'a>, List),
    Result(Found<'a>, List),
}

#[derive(Clone, Copy)]
enum List {
    Vulnerabilities,
    Misconfigurations,
    Secrets,
    Licenses,
}

impl<'a> At<'a> {
    fn of_report(report: &'a Report, key: &str) -> Option<Self> {
        let resources = |list: &'a Option<Vec<Resource>>| list.as_deref().map(At::Resources);
        match key {
            "Results" => report.results.as_deref().map(|heads| At::Results(None, heads)),
            "Resources" => resources(&report.resources),
            "Findings" => resources(&report.findings),
            "Vulnerabilities" => resources(&report.vulnerabilities),
            "Misconfigurations" => resources(&report.misconfigurations),
            _ => None,
        }
    }

    fn of_lists(found: Found<'a>, key: &str) -> Option<Self> {
        let list = match key {
            "Vulnerabilities" => List::Vulnerabilities,
            "Misconfigurations" => List::Misconfigurations,
            "Secrets" => List::Secrets,
            "Licenses" => List::Licenses,
            _ => return None,
        };
        Some(At::List(found, list))
    }
}

impl<'de> DeserializeSeed<'de> for Walk<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let shared = self.shared;
        let go = |at| Walk { shared, at };
        match self.at {
            At::Report => deserializer.deserialize_any(self),
            At::Resources(resources) => {
                Elements(|index| go(At::Resource(resources.get(index)))).deserialize(deserializer)
            }
            At::Resource(resource) => {
                let heads = resource.map_or(&[][..], |resource| &resource.results);
                Keys(|key: &str| (key == "Results").then(|| go(At::Results(resource, heads))))
                    .deserialize(deserializer)
            }
            At::Results(resource, heads) => {
                Elements(|index| go(At::Lists(Found { resource, head: heads.get(index) })))
                    .deserialize(deserializer)
            }
            At::Lists(found) => Keys(|key: &str| At::of_lists(found, key).map(go)).deserialize(deserializer),
            At::List(found, list) => {
                let Shared { exchange, limits, .. } = *shared;
                let seed = go(At::Result(found, list));
                Elements(|_| OneResult { exchange, limits, seed }).deserialize(deserializer)
            }
            At::Result(found, list) => {
                let put = |observation| shared.output.borrow_mut().observation(observation);
                let exchange = shared.exchange;
                match list {
                    List::Vulnerabilities => {
                        Value::new(exchange, |one| put(result::vulnerability(one, found)))
                            .deserialize(deserializer)
                    }
                    List::Misconfigurations => Value::new(exchange, |one| match result::left_out(&one) {
                        Some(reason) => {
                            shared.output.borrow_mut().left_out(reason);
                            Ok(())
                        }
                        None => put(result::misconfiguration(one, found)),
                    })
                    .deserialize(deserializer),
                    List::Secrets => {
                        Value::new(exchange, |one| put(result::secret(one, found))).deserialize(deserializer)
                    }
                    List::Licenses => {
                        Value::new(exchange, |one| put(result::license(one, found))).deserialize(deserializer)
                    }
                }
            }
        }
    }
}

impl<'de> Visitor<'de> for Walk<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a Trivy report: an object, or a list of results")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        let keys = Keys(|key: &str| {
            At::of_report(self.shared.report, key).map(|at| Walk { shared: self.shared, at })
        });
        keys.deserialize(MapAccessDeserializer::new(map))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let heads = self.shared.report.results.as_deref().unwrap_or_default();
        for index in 0.. {
            let found = Found { resource: None, head: heads.get(index) };
            if seq.next_element_seed(Walk { shared: self.shared, at: At::Lists(found) })?.is_none() {
                break;
            }
        }
        Ok(())
    }
}
