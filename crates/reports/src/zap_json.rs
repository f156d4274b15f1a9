//! The JSON report of ZAP ("Traditional JSON", with or without requests and responses).
//!
//! It has the fields of the XML report under other names of their surroundings, so each alert is brought into the shape
//! of that and read there. What each field means: `docs/formats/zap.md`.

use std::collections::BTreeMap;

use model::{Coverage, ScanRun};
use serde::Deserialize;

use crate::ReadSeek;
use crate::error::{Error, ErrorKind};
use crate::json::lenient::{Words, list};
use crate::json::seeds::object;
use crate::json::walk::{Rows, each_result};
use crate::json::{self, Bulk, Top};
use crate::limits::Limits;
use crate::outline::Outline;
use crate::output::Output;
use crate::text::{add_new, one_line, short, time};
use crate::xml::{Element, Visitor};
use crate::zap::Alerts;

/// `site[].alerts`.
const BULK: Bulk = Bulk { keys: &["alerts"], depth: 3, top: Top::Header };

#[derive(Default, Deserialize)]
#[serde(default)]
struct Report {
    #[serde(rename = "@version")]
    version: Words,
    created: Words,
    site: Option<Vec<Site>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Site {
    #[serde(rename = "@name")]
    name: Words,
    alerts: Rows,
}

/// An alert; its members have the names of the XML report's elements.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Alert {
    #[serde(deserialize_with = "list")]
    instances: Vec<BTreeMap<String, Words>>,
    #[serde(flatten)]
    members: BTreeMap<String, Words>,
}

pub(crate) fn looks_like(outline: &Outline) -> bool {
    let named = outline.word("@programName").to_ascii_uppercase().contains("ZAP");
    (named || outline.has("@generated")) && outline.has("site")
        || outline.has_all(&["site[].alerts", "site[].@name"])
}

pub(crate) fn read(input: &mut dyn ReadSeek, limits: &Limits, output: &mut Output<'_>) -> Result<(), Error> {
    let report: Report = json::header_pass(input, limits, BULK, object())?;
    let Some(sites) = report.site else {
        let reason = "`site` was expected, as ZAP's JSON report has it";
        return Err(Error::at_path(ErrorKind::invalid(reason), "site"));
    };
    let mut names: Vec<String> = Vec::new();
    add_new(&mut names, sites.iter().filter_map(|site| site.name.first().map(one_line)));
    output.run(ScanRun {
        scanner: "ZAP".to_owned(),
        scanner_version: report.version.first().and_then(short),
        // `@generated` is in the language and zone of the computer that wrote it.
        started_at: report.created.first().and_then(time),
        target: names.first().cloned(),
        coverage: Coverage { paths: names, ..Coverage::default() },
        ..ScanRun::default()
    })?;
    each_result(input, limits, BULK, &mut |trail, row| {
        let alert: Alert = row.read()?;
        let site = trail.positions().first().and_then(|position| sites.get(*position));
        let site = site.and_then(|site| site.name.first()).map(one_line).unwrap_or_default();
        Ok(Alerts { output: &mut *output, site }.take("", alert.element())?)
    })
}

impl Alert {
    fn element(self) -> Element {
        let texts = |members: BTreeMap<String, Words>| {
            let one = |(name, words): (String, Words)| Element {
                name,
                text: words.0.join("\n"),
                ..Element::default()
            };
            members.into_iter().map(one).collect::<Vec<_>>()
        };
        let instances = self.instances.into_iter().map(|instance| Element {
            name: "instance".to_owned(),
            children: texts(instance),
            ..Element::default()
        });
        let instances =
            Element { name: "instances".to_owned(), children: instances.collect(), ..Element::default() };
        let mut children = texts(self.members);
        children.push(instances);
        Element { name: "alertitem".to_owned(), children, ..Element::default() }
    }
}
