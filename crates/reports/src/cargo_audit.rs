//! `cargo audit --json`. What each field means: `docs/formats/cargo-audit.md`.

use model::{Component, Observation, ScanRun, Severity, Vulnerability};
use serde::Deserialize;

use crate::ReadSeek;
use crate::component;
use crate::cvss;
use crate::error::{Error, ErrorKind};
use crate::json::lenient::{Presence, Words, object_or_nothing};
use crate::json::seeds::object;
use crate::json::{self, Bulk, Top, ways};
use crate::limits::Limits;
use crate::outline::Outline;
use crate::output::Output;
use crate::severity;
use crate::text::{self, add_new, body, short};

/// `vulnerabilities.list` and the lists by kind in `warnings`.
const BULK: Bulk = Bulk {
    keys: &["list", "unmaintained", "unsound", "yanked", "notice", "other"],
    depth: 2,
    top: Top::Header,
};

pub(crate) fn looks_like(outline: &Outline) -> bool {
    outline.is_list("vulnerabilities.list")
        && outline.has_any(&["database", "lockfile", "settings", "warnings"])
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Head {
    #[serde(deserialize_with = "object_or_nothing")]
    vulnerabilities: Vulnerabilities,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Vulnerabilities {
    list: Presence,
}

#[derive(Deserialize)]
struct Found {
    package: Package,
    #[serde(default, deserialize_with = "object_or_nothing")]
    advisory: Advisory,
    #[serde(default, deserialize_with = "object_or_nothing")]
    versions: Versions,
    /// Warnings only: `unmaintained`, `unsound`, `yanked`, `notice`.
    #[serde(default)]
    kind: Words,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    #[serde(default)]
    version: Words,
}

/// Absent for a version that was taken back (yanked).
#[derive(Default, Deserialize)]
#[serde(default)]
struct Advisory {
    id: Words,
    title: Words,
    description: Words,
    aliases: Words,
    cvss: Words,
    url: Words,
    references: Words,
    keywords: Words,
    categories: Words,
    informational: Words,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Versions {
    patched: Words,
}

pub(crate) fn read(input: &mut dyn ReadSeek, limits: &Limits, output: &mut Output<'_>) -> Result<(), Error> {
    let head: Head = json::header_pass(input, limits, BULK, object())?;
    if head.vulnerabilities.list == Presence::Absent {
        let reason = "`vulnerabilities.list` of a cargo-audit report is missing; write the report with \
                      `cargo audit --json`";
        return Err(ErrorKind::invalid(reason).into());
    }
    output.run(ScanRun { scanner: "cargo-audit".to_owned(), ..ScanRun::default() })?;
    ways::results(input, limits, BULK, &["vulnerabilities.list[]", "warnings.*[]"], |at, one: Found| {
        output.observation(observation(one, at.key.as_deref().filter(|_| at.way == 1)))
    })
}

/// `kind` of a warning; `None` for a vulnerability.
fn observation(of: Found, kind: Option<&str>) -> Observation {
    let Found { package, advisory, versions, kind: own_kind } = of;
    let kind = own_kind.first().or(kind);
    let id = advisory.id.first().and_then(short);
    let id = id
        .unwrap_or_else(|| format!("cargo:{}", kind.and_then(short).unwrap_or_else(|| "unnamed".to_owned())));
    let mut aliases = Vec::new();
    add_new(&mut aliases, advisory.aliases.0.iter().filter_map(|alias| short(alias)));
    let mut tags: Vec<String> = kind.and_then(short).into_iter().collect();
    for words in [&advisory.informational, &advisory.categories, &advisory.keywords] {
        add_new(&mut tags, words.0.iter().filter_map(|word| short(word)));
    }
    let page = format!("https://rustsec.org/advisories/{id}.html");
    let page = Some(page.as_str()).filter(|_| id.starts_with("RUSTSEC-"));
    let links = page.into_iter().chain(advisory.url.first());
    let links = links.chain(advisory.references.0.iter().map(String::as_str));
    let cvss = cvss::Rating::new(advisory.cvss.first(), None, None);
    let fixed = versions.patched.0.iter().map(|range| range.trim_start_matches(['>', '=', '^', ' ']));
    let component = Component {
        fixed_version: component::versions(fixed),
        ..component::named("cargo", &package.name, package.version.first())
    };
    let name = advisory.title.first().and_then(short).or_else(|| match kind? {
        "yanked" => Some("This version was taken back by its authors (yanked)".to_owned()),
        _ => None,
    });
    let vulnerability = Vulnerability {
        id,
        aliases,
        name,
        description: advisory.description.first().and_then(body),
        remediation: (kind == Some("yanked")).then(|| format!("Use another version of {}.", component.name)),
        cvss_vector: cvss.vector,
        cvss_score: cvss.score,
        references: text::references(links),
        tags,
        ..Vulnerability::default()
    };
    let severity = match kind {
        // Nobody has rated the advisory, and it is a known vulnerability all the same.
        None => severity::rated(None, vulnerability.cvss_score).unwrap_or(Severity::High),
        Some("unsound") => Severity::Medium,
        Some("notice") => Severity::Info,
        Some(_) => Severity::Low,
    };
    component::vulnerable(vulnerability, component, severity, kind, String::new())
}
