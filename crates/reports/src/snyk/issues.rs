//! Issues as Snyk's REST API lists them (`/orgs/{org}/issues`, `/groups/{group}/issues`).

use std::collections::BTreeMap;

use model::{
    Component, Coverage, CoverageExtent, FindingKind, Location, Observation, ReportedSuppression, ScanRun,
    Severity, Vulnerability,
};
use serde::Deserialize;

use crate::ReadSeek;
use crate::component;
use crate::error::{Error, ErrorKind};
use crate::json::lenient::{FromOne, Presence, Words, list, object_or_nothing};
use crate::json::seeds::object;
use crate::json::{self, Bulk, Top, ways};
use crate::limits::Limits;
use crate::outline::Outline;
use crate::output::Output;
use crate::severity;
use crate::text::{self, add_new, body, cwe, short};

const BULK: Bulk = Bulk { keys: &["data"], depth: 1, top: Top::Header };
/// CWE numbers of hard-coded credentials.
const CREDENTIALS: [u32; 4] = [259, 321, 522, 798];

pub(crate) fn looks_like(outline: &Outline) -> bool {
    outline.has_all(&["data[].attributes.effective_severity_level"])
        || (outline.word("data[].type") == "issue" && outline.has("data[].attributes.coordinates"))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Head {
    jsonapi: Presence,
    data: Presence,
}

#[derive(Deserialize)]
struct Issue {
    attributes: Attributes,
}

#[derive(Deserialize)]
struct Attributes {
    title: String,
    #[serde(default, rename = "type")]
    kind: Words,
    #[serde(default)]
    key: Words,
    #[serde(default)]
    description: Words,
    #[serde(default)]
    effective_severity_level: Words,
    #[serde(default)]
    status: Words,
    #[serde(default)]
    ignored: Words,
    #[serde(default, deserialize_with = "list")]
    classes: Vec<Named>,
    #[serde(default, deserialize_with = "list")]
    problems: Vec<Named>,
    #[serde(default, deserialize_with = "list")]
    coordinates: Vec<Coordinate>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Named {
    id: Words,
    source: Words,
    url: Words,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Coordinate {
    #[serde(deserialize_with = "list")]
    representations: Vec<Representation>,
    #[serde(deserialize_with = "list")]
    remedies: Vec<Remedy>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Remedy {
    description: Words,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Representation {
    #[serde(rename = "sourceLocation", deserialize_with = "object_or_nothing")]
    source: Source,
    #[serde(deserialize_with = "object_or_nothing")]
    dependency: Dependency,
    #[serde(rename = "resourcePath")]
    resource: Words,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Source {
    file: Words,
    #[serde(deserialize_with = "object_or_nothing")]
    region: Region,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Region {
    #[serde(deserialize_with = "object_or_nothing")]
    start: Position,
    #[serde(deserialize_with = "object_or_nothing")]
    end: Position,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Position {
    line: FromOne,
    column: FromOne,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Dependency {
    package_name: Words,
    package_version: Words,
}

pub(crate) fn read(input: &mut dyn ReadSeek, limits: &Limits, output: &mut Output<'_>) -> Result<(), Error> {
    let head: Head = json::header_pass(input, limits, BULK, object())?;
    if head.jsonapi == Presence::Absent || head.data == Presence::Absent {
        let reason =
            "`jsonapi` or `data` of an answer of Snyk's REST API are missing; store the whole answer";
        return Err(ErrorKind::invalid(reason).into());
    }
    output.run(ScanRun {
        scanner: "Snyk".to_owned(),
        // A page of a list that may be filtered.
        coverage: Coverage { extent: CoverageExtent::Partial, ..Coverage::default() },
        ..ScanRun::default()
    })?;
    ways::results(input, limits, BULK, &["data[]"], |_, one: Issue| {
        if one.attributes.status.first() == Some("resolved") {
            output.left_out("Snyk calls it resolved");
            return Ok(());
        }
        output.observation(observation(one.attributes))
    })
}

fn place(of: &Representation) -> Option<Location> {
    let Region { start, end } = &of.source.region;
    let location = Location {
        path: text::path(of.source.file.first().unwrap_or_default()),
        start_line: start.line.0,
        end_line: end.line.0.filter(|end| start.line.0.is_some_and(|start| *end >= start)),
        start_column: start.column.0,
        snippet: None,
        logical: of.resource.first().and_then(short),
    };
    (!location.path.is_empty() || location.logical.is_some()).then_some(location)
}

fn observation(of: Attributes) -> Observation {
    let title = short(&of.title).unwrap_or_else(|| "unnamed".to_owned());
    let mut cwes = Vec::new();
    add_new(
        &mut cwes,
        of.classes
            .iter()
            .chain(&of.problems)
            .filter_map(|one| one.id.first())
            .filter(|id| id.starts_with("CWE-"))
            .filter_map(cwe),
    );
    let representations = || of.coordinates.iter().flat_map(|one| &one.representations);
    let package = representations().map(|one| &one.dependency).find(|one| one.package_name.first().is_some());
    let ids = of.problems.iter().filter_map(|one| one.id.first()).filter_map(short);
    let mut ids: Vec<String> = ids.filter(|id| !id.starts_with("CWE-")).collect();
    // Snyk's own id of a package's vulnerability comes first; of code it is a number of this one issue.
    ids.sort_by_key(|id| !id.starts_with("SNYK-"));
    let definition = package.and_then(|_| ids.first().cloned());
    let remedy = of.coordinates.iter().flat_map(|one| &one.remedies).find_map(|one| one.description.first());
    let snyks = |one: &&Named| one.source.first() != Some("CWE");
    let vulnerability = Vulnerability {
        aliases: if package.is_some() { ids } else { Vec::new() },
        id: definition.unwrap_or_else(|| title.clone()),
        name: Some(title.clone()),
        description: of.description.first().filter(|text| *text != title).and_then(body),
        remediation: remedy.and_then(body),
        cwes,
        references: text::references(of.problems.iter().filter(snyks).filter_map(|one| one.url.first())),
        tags: of.kind.first().and_then(short).into_iter().collect(),
        ..Vulnerability::default()
    };
    let word = of.effective_severity_level.first();
    let severity = word.and_then(severity::word).unwrap_or(Severity::Medium);
    let mut places = representations().filter_map(place);
    let location = places.next().unwrap_or_default();
    let related_locations = places.take(1_000).collect();
    let credentials = vulnerability.cwes.iter().any(|cwe| CREDENTIALS.contains(cwe));
    let kind = match (of.kind.first(), package.is_some()) {
        (Some("license"), _) => FindingKind::License,
        (Some("package_vulnerability"), _) | (_, true) => FindingKind::Component,
        (Some("cloud" | "config"), _) => FindingKind::Misconfiguration,
        _ if credentials => FindingKind::Secret,
        _ => FindingKind::Code,
    };
    let base = match package {
        Some(found) => {
            let component = Component {
                name: found.package_name.first().and_then(short).unwrap_or_else(|| "unnamed".to_owned()),
                version: found.package_version.first().and_then(short),
                ..Component::default()
            };
            component::vulnerable(vulnerability, component, severity, word, location.path.clone())
        }
        None => Observation {
            kind,
            severity,
            scanner_severity: word.and_then(short),
            title: text::title(&[Some(&title)], &title, Some(&location.path)),
            message: None,
            location: Location::default(),
            related_locations: Vec::new(),
            component: None,
            scanner_fingerprints: BTreeMap::new(),
            suppression: None,
            vulnerability,
        },
    };
    let ignored = of.ignored.first() == Some("true");
    Observation {
        kind,
        location,
        related_locations,
        scanner_fingerprints: of
            .key
            .first()
            .and_then(short)
            .map(|key| ("snyk".to_owned(), key))
            .into_iter()
            .collect(),
        suppression: ignored.then_some(ReportedSuppression::Accepted),
        ..base
    }
}
