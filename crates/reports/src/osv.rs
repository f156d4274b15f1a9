//! An entry of the Open Source Vulnerability format (<https://ossf.github.io/osv-schema/>), as several scanners embed it.

use model::{Severity, Vulnerability};
use serde::Deserialize;

use crate::component;
use crate::cvss;
use crate::json::lenient::{Words, list, object_or_nothing};
use crate::severity;
use crate::text::{self, add_new, body, cwe, short};

#[derive(Deserialize)]
pub(crate) struct Entry {
    pub(crate) id: String,
    #[serde(default)]
    aliases: Words,
    #[serde(default)]
    summary: Words,
    #[serde(default)]
    details: Words,
    #[serde(default, deserialize_with = "list")]
    severity: Vec<Score>,
    #[serde(default, deserialize_with = "list")]
    affected: Vec<Affected>,
    #[serde(default, deserialize_with = "list")]
    references: Vec<Reference>,
    #[serde(default, deserialize_with = "object_or_nothing")]
    database_specific: Specific,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Score {
    #[serde(rename = "type")]
    kind: Words,
    score: Words,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Affected {
    #[serde(deserialize_with = "object_or_nothing")]
    package: Package,
    #[serde(deserialize_with = "list")]
    ranges: Vec<Range>,
    #[serde(deserialize_with = "list")]
    severity: Vec<Score>,
    #[serde(deserialize_with = "object_or_nothing")]
    database_specific: Specific,
    #[serde(deserialize_with = "object_or_nothing")]
    ecosystem_specific: Specific,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Package {
    name: Words,
    purl: Words,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Range {
    #[serde(rename = "type")]
    kind: Words,
    #[serde(deserialize_with = "list")]
    events: Vec<Event>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Event {
    fixed: Words,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Reference {
    url: Words,
}

/// What databases add; only what several of them agree on.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Specific {
    severity: Words,
    url: Words,
    cwe_ids: Words,
    #[serde(deserialize_with = "list")]
    cwes: Vec<Weakness>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Weakness {
    #[serde(rename = "cweId")]
    id: Words,
}

impl Entry {
    /// The definition: what the entry says whatever package is affected.
    pub(crate) fn vulnerability(&self) -> Vulnerability {
        let mut aliases = Vec::new();
        add_new(&mut aliases, self.aliases.0.iter().filter_map(|alias| short(alias)));
        let specific = || {
            std::iter::once(&self.database_specific)
                .chain(self.affected.iter().map(|one| &one.database_specific))
        };
        let mut cwes = Vec::new();
        for one in specific() {
            add_new(&mut cwes, one.cwe_ids.0.iter().filter_map(|id| cwe(id)));
            add_new(&mut cwes, one.cwes.iter().filter_map(|one| cwe(one.id.first()?)));
        }
        let cvss = self.cvss();
        let links = specific().flat_map(|one| &one.url.0);
        let links = links.chain(self.references.iter().flat_map(|one| &one.url.0));
        Vulnerability {
            id: short(&self.id).unwrap_or_default(),
            aliases,
            name: self.summary.first().and_then(short),
            description: self.details.first().and_then(body),
            cwes,
            cvss_vector: cvss.vector,
            cvss_score: cvss.score,
            references: text::references(links.map(String::as_str)),
            ..Vulnerability::default()
        }
    }

    fn cvss(&self) -> cvss::Rating {
        let all = self.severity.iter().chain(self.affected.iter().flat_map(|one| &one.severity));
        cvss::newest(all.map(|one| cvss::Rating::new(one.score.first(), one.kind.first(), None)))
    }

    /// The severity that the database gives in words, with the word; the worst one for a package that is malware.
    pub(crate) fn rated(&self) -> Option<(Severity, Option<&str>)> {
        let specific = std::iter::once(&self.database_specific)
            .chain(self.affected.iter().flat_map(|one| [&one.database_specific, &one.ecosystem_specific]));
        let said = specific
            .filter_map(|one| one.severity.first())
            .find_map(|word| Some((severity::word(word)?, Some(word))));
        said.or_else(|| self.id.starts_with("MAL-").then_some((Severity::Critical, None)))
    }

    /// Versions of a package that are fixed, those of commits left out.
    pub(crate) fn fixed(&self, package: &str) -> Option<String> {
        let ranges =
            self.of(package).flat_map(|one| &one.ranges).filter(|range| range.kind.first() != Some("GIT"));
        component::versions(ranges.flat_map(|range| &range.events).filter_map(|event| event.fixed.first()))
    }

    /// The package URL that the entry gives for a package, with its version.
    pub(crate) fn purl(&self, package: &str, version: Option<&str>) -> Option<String> {
        let purl = self.of(package).find_map(|one| one.package.purl.first())?;
        let purl = short(purl).filter(|purl| purl.starts_with("pkg:"))?;
        Some(match version {
            Some(version) if !purl.contains(['@', '?', '#']) => format!("{purl}@{version}"),
            _ => purl,
        })
    }

    fn of<'a>(&'a self, package: &'a str) -> impl Iterator<Item = &'a Affected> {
        self.affected.iter().filter(move |one| {
            one.package.name.first().is_some_and(|name| name.eq_ignore_ascii_case(package))
        })
    }
}
