//! Grype's JSON. What each field means: `docs/formats/grype.md`.

use model::{Component, Location, Observation, ScanRun, Vulnerability};
use serde::Deserialize;

use crate::ReadSeek;
use crate::component;
use crate::cvss::{Rating, newest};
use crate::error::{Error, ErrorKind};
use crate::json::lenient::{Presence, Words, list, object_or_nothing};
use crate::json::seeds::object;
use crate::json::{self, Bulk, Top, ways};
use crate::limits::Limits;
use crate::outline::Outline;
use crate::output::Output;
use crate::severity;
use crate::text::{self, add_new, body, cwe, short, time};

const BULK: Bulk = Bulk { keys: &["matches", "ignoredMatches"], depth: 1, top: Top::Header };

pub(crate) fn looks_like(outline: &Outline) -> bool {
    outline.has_all(&["matches[].vulnerability", "matches[].artifact"])
        || outline.word("descriptor.name") == "grype"
        || (outline.is_list("matches") && !outline.has("matches[]") && outline.has_any(&["source", "distro"]))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Head {
    matches: Presence,
    #[serde(deserialize_with = "object_or_nothing")]
    source: Source,
    #[serde(deserialize_with = "object_or_nothing")]
    descriptor: Descriptor,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Source {
    target: Target,
}

/// An image, or the path of a directory or file.
#[derive(Deserialize)]
#[serde(untagged)]
enum Target {
    Image {
        #[serde(default, rename = "userInput")]
        user_input: Words,
    },
    Path(Words),
}

impl Default for Target {
    fn default() -> Self {
        Self::Path(Words::default())
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Descriptor {
    version: Words,
    timestamp: Words,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Match {
    vulnerability: Definition,
    #[serde(default, deserialize_with = "list")]
    related_vulnerabilities: Vec<Definition>,
    artifact: Artifact,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Definition {
    id: String,
    #[serde(default)]
    data_source: Words,
    #[serde(default)]
    severity: Words,
    #[serde(default)]
    urls: Words,
    /// Before 0.10 the pages were called so.
    #[serde(default)]
    links: Words,
    #[serde(default)]
    description: Words,
    #[serde(default, deserialize_with = "list")]
    cvss: Vec<Cvss>,
    /// Before 0.10.
    #[serde(default, deserialize_with = "object_or_nothing")]
    cvss_v3: OldCvss,
    #[serde(default, deserialize_with = "object_or_nothing")]
    cvss_v2: OldCvss,
    #[serde(default, deserialize_with = "object_or_nothing")]
    fix: Fix,
    /// Before 0.10.
    #[serde(default)]
    fixed_in_version: Words,
    #[serde(default, deserialize_with = "list")]
    advisories: Vec<Advisory>,
    #[serde(default, deserialize_with = "list")]
    cwes: Vec<Weakness>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Cvss {
    version: Words,
    vector: Words,
    #[serde(deserialize_with = "object_or_nothing")]
    metrics: Metrics,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Metrics {
    base_score: Words,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct OldCvss {
    base_score: Words,
    vector: Words,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Fix {
    versions: Words,
    state: Words,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Advisory {
    link: Words,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Weakness {
    cwe: Words,
}

#[derive(Deserialize)]
struct Artifact {
    name: String,
    #[serde(default)]
    version: Words,
    #[serde(default, rename = "type")]
    ecosystem: Words,
    #[serde(default)]
    purl: Words,
    #[serde(default, deserialize_with = "list")]
    locations: Vec<Place>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Place {
    path: Words,
}

pub(crate) fn read(input: &mut dyn ReadSeek, limits: &Limits, output: &mut Output<'_>) -> Result<(), Error> {
    let head: Head = json::header_pass(input, limits, BULK, object())?;
    if head.matches == Presence::Absent {
        let reason = "the list `matches` of a Grype report is missing; write the report with `grype -o json`";
        return Err(ErrorKind::invalid(reason).into());
    }
    let target = match &head.source.target {
        Target::Image { user_input: words } | Target::Path(words) => words.first(),
    };
    output.run(ScanRun {
        scanner: "Grype".to_owned(),
        scanner_version: head.descriptor.version.first().and_then(short),
        started_at: head.descriptor.timestamp.first().and_then(time),
        target: target.map(|target| target.trim_matches('"')).and_then(short),
        ..ScanRun::default()
    })?;
    ways::results(input, limits, BULK, &["matches[]", "ignoredMatches[]"], |at, one: Match| {
        if at.way == 1 {
            output.left_out("ignored by a rule in Grype's configuration");
            return Ok(());
        }
        output.observation(observation(one))
    })
}

/// The newest CVSS version; a source's own before those of related definitions.
fn cvss(definitions: &[&Definition]) -> Rating {
    newest(definitions.iter().flat_map(|definition| {
        let new = definition.cvss.iter();
        let new = new
            .map(|one| Rating::new(one.vector.first(), one.version.first(), one.metrics.base_score.number()));
        let old = [("3", &definition.cvss_v3), ("2", &definition.cvss_v2)];
        new.chain(
            old.map(|(version, one)| Rating::new(one.vector.first(), Some(version), one.base_score.number())),
        )
    }))
}

fn fix_state(state: &str) -> Option<String> {
    Some(match state {
        "not-fixed" => "There is no fix yet.".to_owned(),
        "wont-fix" => "The vendor will not fix this.".to_owned(),
        "fixed" | "unknown" | "" => return None,
        other => format!("State of the fix: {}.", short(other)?),
    })
}

fn observation(of: Match) -> Observation {
    let Match { vulnerability: own, related_vulnerabilities: related, artifact } = of;
    let definitions: Vec<&Definition> = std::iter::once(&own).chain(&related).collect();
    let cvss = cvss(&definitions);
    let first = |of: fn(&Definition) -> &Words| definitions.iter().find_map(|one| of(one).first());
    let mut aliases = Vec::new();
    add_new(&mut aliases, related.iter().filter_map(|one| short(&one.id)));
    let mut cwes = Vec::new();
    add_new(&mut cwes, definitions.iter().flat_map(|one| &one.cwes).filter_map(|one| cwe(one.cwe.first()?)));
    let links = definitions.iter().flat_map(|one| {
        let advisories = one.advisories.iter().flat_map(|advisory| &advisory.link.0);
        one.data_source.0.iter().chain(advisories).chain(&one.urls.0).chain(&one.links.0)
    });
    let description = first(|one| &one.description);
    let vulnerability = Vulnerability {
        id: short(&own.id).unwrap_or_default(),
        aliases,
        description: description.and_then(body),
        cwes,
        cvss_vector: cvss.vector,
        cvss_score: cvss.score,
        references: text::references(links.map(String::as_str)),
        ..Vulnerability::default()
    };
    let fixed = own.fix.versions.0.iter().chain(&own.fixed_in_version.0);
    let component = Component {
        name: short(&artifact.name).unwrap_or_else(|| "unnamed".to_owned()),
        version: artifact.version.first().and_then(short),
        fixed_version: component::versions(fixed.map(String::as_str)),
        ecosystem: artifact.ecosystem.first().and_then(short),
        purl: artifact.purl.first().filter(|purl| purl.starts_with("pkg:")).and_then(short),
        path: None,
    };
    let mut places: Vec<String> = Vec::new();
    add_new(
        &mut places,
        artifact.locations.iter().filter_map(|one| one.path.first()).map(text::path).take(1_000),
    );
    let mut places = places.into_iter().filter(|path| !path.is_empty());
    let path = places.next().unwrap_or_default();
    let word = own.severity.first();
    let severity = severity::judge(word, vulnerability.cvss_score);
    let message = own.fix.state.first().and_then(fix_state);
    Observation {
        message,
        related_locations: places.map(|path| Location { path, ..Location::default() }).collect(),
        ..component::vulnerable(vulnerability, component, severity, word, path)
    }
}
