//! Lockstep's own JSON (`docs/formats/generic-json.md`).
//!
//! Two passes, because the run may be described behind its findings.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use model::{Coverage, CoverageExtent, Location, ScanRun};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::finding::{Draft, FIELDS};
use super::names::{is_private, unknown};
use crate::ReadSeek;
use crate::error::{Error, ErrorKind};
use crate::json::lenient::{FromOne, Presence, Words};
use crate::json::seeds::{Elements, Keys, OneResult};
use crate::json::{self, Bulk, Exchange, Top};
use crate::limits::Limits;
use crate::outline::Outline;
use crate::output::Output;
use crate::text::{self, short};

/// The version of the format that this code reads.
const VERSION: u64 = 1;
/// Further places kept of one finding.
const MAX_PLACES: usize = 1_000;
/// `findings`.
const BULK: Bulk = Bulk { keys: &["findings"], depth: 1, top: Top::Header };
/// Keys of the document.
const KEYS: [&str; 12] = [
    "lockstep",
    "scanner",
    "configuration",
    "run_id",
    "started_at",
    "branch",
    "commit",
    "target",
    "coverage",
    "failed",
    "findings",
    "$schema",
];

#[derive(Deserialize)]
struct Document {
    lockstep: serde_json::Number,
    scanner: Scanner,
    configuration: Option<String>,
    run_id: Option<String>,
    started_at: Option<String>,
    branch: Option<String>,
    commit: Option<String>,
    target: Option<String>,
    coverage: Option<GivenCoverage>,
    failed: Option<String>,
    #[serde(default)]
    findings: Presence,
    #[serde(flatten)]
    rest: BTreeMap<String, IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scanner {
    name: String,
    version: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GivenCoverage {
    extent: Option<CoverageExtent>,
    rules: Option<Vec<String>>,
    #[serde(default)]
    paths: Vec<String>,
}

pub(crate) fn looks_like(outline: &Outline) -> bool {
    outline.has("lockstep")
}

pub(crate) fn read(input: &mut dyn ReadSeek, limits: &Limits, output: &mut Output<'_>) -> Result<(), Error> {
    let document: Document = json::header_pass(input, limits, BULK, PhantomData)?;
    let scan = scan(document).map_err(|(path, kind)| Error::at_path(kind, path))?;
    output.run(scan)?;
    let exchange = Exchange::default();
    let output = RefCell::new(output);
    let findings = Findings { exchange: &exchange, limits, output: &output };
    json::result_pass(input, limits, BULK, &exchange, findings)
}

fn scan(document: Document) -> Result<ScanRun, (&'static str, ErrorKind)> {
    if document.lockstep.as_u64() != Some(VERSION) {
        let reason = format!(
            "version {} of this format is not known; write \"lockstep\": {VERSION}",
            document.lockstep
        );
        return Err(("lockstep", ErrorKind::invalid(reason)));
    }
    if let Some(name) = document.rest.keys().find(|name| !is_private(name) && *name != "$schema") {
        return Err(("", ErrorKind::invalid(unknown("key", name, &KEYS))));
    }
    let scanner = short(&document.scanner.name)
        .ok_or_else(|| ("scanner.name", ErrorKind::invalid("the name of the scanner is blank")))?;
    if let Some(message) = document.failed.as_deref() {
        let message = short(message).unwrap_or_else(|| "it gives no reason".to_owned());
        return Err(("failed", ErrorKind::RunFailed { scanner, message }));
    }
    if document.findings == Presence::Absent {
        let reason = "'findings' is missing; write an empty list if the scanner found nothing";
        return Err(("findings", ErrorKind::invalid(reason)));
    }
    let line = |text: Option<String>| text.as_deref().and_then(short);
    let started_at = match document.started_at.as_deref() {
        None => None,
        Some(given) => Some(text::time(given).ok_or_else(|| {
            let given = text::shorten(given, 40);
            ("started_at", ErrorKind::invalid(format!("'{given}' is not a time: write 2026-01-31T12:00:00Z")))
        })?),
    };
    let coverage = document.coverage.map_or_else(Coverage::default, |given| Coverage {
        extent: given.extent.unwrap_or_default(),
        rules: given.rules,
        paths: given.paths,
    });
    Ok(ScanRun {
        scanner,
        scanner_version: line(document.scanner.version),
        configuration: line(document.configuration),
        run_id: line(document.run_id),
        started_at,
        branch: line(document.branch),
        commit: line(document.commit),
        target: line(document.target),
        coverage,
    })
}

struct Findings<'a, 'o> {
    exchange: &'a Exchange,
    limits: &'a Limits,
    output: &'a RefCell<&'a mut Output<'o>>,
}

impl<'de> DeserializeSeed<'de> for Findings<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let Self { exchange, limits, output } = self;
        let finding = |_| OneResult { exchange, limits, seed: Finding { exchange, output } };
        Keys(|key: &str| (key == "findings").then_some(Elements(finding))).deserialize(deserializer)
    }
}

struct Finding<'a, 'o> {
    exchange: &'a Exchange,
    output: &'a RefCell<&'a mut Output<'o>>,
}

impl<'de> DeserializeSeed<'de> for Finding<'_, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

/// A further place of the same finding.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Related {
    path: String,
    #[serde(default)]
    start_line: FromOne,
    #[serde(default)]
    end_line: FromOne,
    #[serde(default)]
    start_column: FromOne,
    snippet: Option<String>,
    logical: Option<String>,
}

impl From<Related> for Location {
    fn from(related: Related) -> Self {
        Self {
            path: text::one_line(&related.path),
            start_line: related.start_line.0,
            end_line: related.end_line.0,
            start_column: related.start_column.0,
            snippet: related.snippet.as_deref().and_then(text::snippet),
            logical: related.logical.as_deref().and_then(short),
        }
    }
}

impl<'de> Visitor<'de> for Finding<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a finding: an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let refuse = |reason: String| self.exchange.raise(ErrorKind::Invalid { reason });
        let mut draft = Draft::default();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "related_locations" => {
                    let places: Vec<Related> = map.next_value()?;
                    draft.related_locations =
                        places.into_iter().take(MAX_PLACES).map(Location::from).collect();
                }
                "fingerprints" => {
                    let given: BTreeMap<String, String> = map.next_value()?;
                    let kept = given.iter().filter_map(|(name, value)| Some((short(name)?, short(value)?)));
                    draft.fingerprints.extend(kept.take(50));
                }
                own if is_private(own) => {
                    map.next_value::<IgnoredAny>()?;
                }
                key => match FIELDS.into_iter().find(|field| *field == key) {
                    Some(field) => {
                        let Words(values) = map.next_value()?;
                        draft.set(field, values).map_err(|wrong| refuse(wrong.reason))?;
                    }
                    None => return Err(refuse(unknown("field", key, &FIELDS))),
                },
            }
        }
        let observation = draft.finish().map_err(|wrong| refuse(wrong.reason))?;
        self.output.borrow_mut().observation(observation).map_err(|kind| self.exchange.raise(kind))
    }
}
