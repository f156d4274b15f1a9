//! OSV-Scanner's JSON, versions 1 and 2. What each field means: `docs/formats/osv-scanner.md`.

use model::{Component, FindingKind, Observation, ScanRun, Severity, Vulnerability};
use serde::Deserialize;

use crate::ReadSeek;
use crate::component;
use crate::error::{Error, ErrorKind};
use crate::json::lenient::{Presence, Words, list, named_list, object_or_nothing};
use crate::json::seeds::object;
use crate::json::{self, Bulk, Top, ways};
use crate::limits::Limits;
use crate::osv::Entry;
use crate::outline::Outline;
use crate::output::Output;
use crate::severity;
use crate::text::{self, short};

/// `results[].packages`: a package with all its vulnerabilities is read as one piece.
const BULK: Bulk = Bulk { keys: &["packages"], depth: 3, top: Top::Header };

pub(crate) fn looks_like(outline: &Outline) -> bool {
    outline.has_all(&["results[].source", "results[].packages"])
        || (outline.is_list("results")
            && !outline.has("results[]")
            && outline.has_any(&["experimental_config", "experimental_generic_findings", "license_summary"]))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Head {
    #[serde(deserialize_with = "named_list")]
    results: Option<Vec<Scanned>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Scanned {
    #[serde(deserialize_with = "object_or_nothing")]
    source: Source,
    packages: Presence,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Source {
    path: Words,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Package {
    #[serde(deserialize_with = "object_or_nothing")]
    package: Named,
    #[serde(deserialize_with = "list")]
    vulnerabilities: Vec<Entry>,
    #[serde(deserialize_with = "list")]
    groups: Vec<Group>,
    license_violations: Words,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Named {
    name: Words,
    version: Words,
    ecosystem: Words,
    commit: Words,
}

/// Entries that are one vulnerability under several names.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Group {
    ids: Words,
    max_severity: Words,
}

pub(crate) fn read(input: &mut dyn ReadSeek, limits: &Limits, output: &mut Output<'_>) -> Result<(), Error> {
    let head: Head = json::header_pass(input, limits, BULK, object())?;
    let sources = head.results.filter(|all| all.iter().all(|one| one.packages == Presence::Present));
    let Some(sources) = sources else {
        let reason = "the list `results` with `packages` of an OSV-Scanner report is missing; write the report with \
                      `osv-scanner --format json`";
        return Err(ErrorKind::invalid(reason).into());
    };
    output.run(ScanRun { scanner: "OSV-Scanner".to_owned(), ..ScanRun::default() })?;
    ways::results(input, limits, BULK, &["results[].packages[]"], |at, one: Package| {
        let source = at.positions.first().and_then(|index| sources.get(*index));
        let path = source.and_then(|one| one.source.path.first()).map(text::path).unwrap_or_default();
        for entry in &one.vulnerabilities {
            output.observation(vulnerability(entry, &one, path.clone()))?;
        }
        for license in &one.license_violations.0 {
            if let Some(license) = short(license) {
                output.observation(violation(license, &one, path.clone()))?;
            }
        }
        Ok(())
    })
}

fn component(of: &Package) -> Component {
    let Named { name, version, ecosystem, commit } = &of.package;
    let version = version.first().or(commit.first()).and_then(short);
    Component {
        name: name.first().or(commit.first()).and_then(short).unwrap_or_else(|| "unnamed".to_owned()),
        version,
        ecosystem: ecosystem.first().and_then(short),
        ..Component::default()
    }
}

fn vulnerability(entry: &Entry, of: &Package, path: String) -> Observation {
    let mut component = component(of);
    component.fixed_version = entry.fixed(&component.name);
    component.purl = entry.purl(&component.name, component.version.as_deref());
    let group = of.groups.iter().find(|group| group.ids.0.contains(&entry.id));
    let group_score = group.and_then(|group| group.max_severity.number());
    let vulnerability = entry.vulnerability();
    let (severity, word) = entry.rated().unwrap_or_else(|| {
        let score = vulnerability.cvss_score.or(group_score);
        let rated = severity::rated(None, score);
        // Without a word and a vector nobody has rated it yet, and it is a known vulnerability all the same.
        (rated.unwrap_or(Severity::Medium), None)
    });
    component::vulnerable(vulnerability, component, severity, word, path)
}

fn violation(license: String, of: &Package, path: String) -> Observation {
    let component = component(of);
    let vulnerability = Vulnerability { id: license.clone(), ..Vulnerability::default() };
    let title = text::title(&[Some(&format!("License {license}"))], &license, Some(&component.name));
    Observation {
        kind: FindingKind::License,
        title,
        ..component::vulnerable(vulnerability, component, Severity::Medium, None, path)
    }
}
