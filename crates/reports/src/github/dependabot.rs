//! Dependabot's alerts, from the REST API or from GraphQL.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use model::{Component, Location, Observation, Vulnerability};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};

use super::{Alert, State, Surroundings, repository_of, said};
use crate::ReadSeek;
use crate::component;
use crate::cvss::{Rating, newest};
use crate::error::{Error, ErrorKind};
use crate::json::lenient::{Words, list, object_or_nothing};
use crate::json::walk::{ObjectOrList, Rows};
use crate::json::{self, Bulk, Top};
use crate::limits::Limits;
use crate::outline::Outline;
use crate::output::Output;
use crate::severity;
use crate::text::{self, add_new, body, cwe, short};

/// A list at the top (REST), or `vulnerabilityAlerts.nodes` of GraphQL, which lies deeper than the nodes of a search.
const BULK: Bulk = Bulk { keys: &["nodes"], depth: 4, top: Top::Elements };

#[derive(Default, Deserialize)]
#[serde(default)]
struct Answer {
    #[serde(deserialize_with = "object_or_nothing")]
    data: Data,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Data {
    #[serde(deserialize_with = "object_or_nothing")]
    repository: Repository,
    search: Option<Search>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Search {
    #[serde(deserialize_with = "list")]
    nodes: Vec<Repository>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Repository {
    name: Words,
    name_with_owner: Words,
    #[serde(deserialize_with = "object_or_nothing")]
    vulnerability_alerts: Nodes,
}

impl Repository {
    fn full_name(&self) -> Option<String> {
        [&self.name_with_owner, &self.name].into_iter().find_map(|name| short(said(name)?))
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Nodes {
    nodes: Rows,
}

/// Whether some page of a GraphQL answer says that another one follows.
#[derive(Default)]
struct HasMore(bool);

impl<'de> Deserialize<'de> for HasMore {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Find;
        impl<'de> Visitor<'de> for Find {
            type Value = HasMore;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any value")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<HasMore, A::Error> {
                let mut more = false;
                while let Some(key) = map.next_key::<String>()? {
                    if key == "hasNextPage" {
                        more |= map.next_value::<Words>()?.first() == Some("true");
                    } else {
                        more |= map.next_value::<HasMore>()?.0;
                    }
                }
                Ok(HasMore(more))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<HasMore, A::Error> {
                let mut more = false;
                while let Some(HasMore(inside)) = seq.next_element()? {
                    more |= inside;
                }
                Ok(HasMore(more))
            }
            fn visit_unit<E>(self) -> Result<HasMore, E> {
                Ok(HasMore(false))
            }
            fn visit_bool<E>(self, _: bool) -> Result<HasMore, E> {
                Ok(HasMore(false))
            }
            fn visit_i64<E>(self, _: i64) -> Result<HasMore, E> {
                Ok(HasMore(false))
            }
            fn visit_u64<E>(self, _: u64) -> Result<HasMore, E> {
                Ok(HasMore(false))
            }
            fn visit_f64<E>(self, _: f64) -> Result<HasMore, E> {
                Ok(HasMore(false))
            }
            fn visit_str<E>(self, _: &str) -> Result<HasMore, E> {
                Ok(HasMore(false))
            }
        }
        deserializer.deserialize_any(Find)
    }
}

pub(crate) fn looks_like(outline: &Outline) -> bool {
    let graphql = ["data.repository.vulnerabilityAlerts", "data.search.nodes[].vulnerabilityAlerts"];
    let rest = ["[].security_vulnerability", "[].security_advisory", "[][].security_vulnerability"];
    outline.has_any(&graphql) || outline.has_any(&rest)
}

pub(crate) fn read(input: &mut dyn ReadSeek, limits: &Limits, output: &mut Output<'_>) -> Result<(), Error> {
    let document: ObjectOrList<Answer> = json::header_pass(input, limits, BULK, PhantomData)?;
    let Data { repository, search } = document.object.data;
    let around = if document.list.is_there() {
        Surroundings::default()
    } else if let Some(search) = search {
        let HasMore(cut) = json::header_pass(input, limits, BULK, PhantomData)?;
        let names = search.nodes.iter().map(|one| one.full_name().unwrap_or_default()).collect();
        Surroundings { cut, repository: None, names }
    } else if repository.vulnerability_alerts.nodes.is_there() {
        let HasMore(cut) = json::header_pass(input, limits, BULK, PhantomData)?;
        Surroundings { cut, repository: repository.full_name(), names: Vec::new() }
    } else {
        let reason =
            "a list of alerts (REST) or `data.repository.vulnerabilityAlerts.nodes` (GraphQL) was expected";
        return Err(ErrorKind::invalid(reason).into());
    };
    super::read::<Dependabot>(input, limits, BULK, around, output)
}

/// Both spellings: REST has `security_vulnerability`, GraphQL `securityVulnerability`.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Dependabot {
    number: Words,
    id: Words,
    html_url: Words,
    state: Words,
    #[serde(alias = "dismissedReason", alias = "dismissReason")]
    dismissed_reason: Words,
    #[serde(alias = "dismissedComment", alias = "dismissComment")]
    dismissed_comment: Words,
    #[serde(alias = "dismissedAt")]
    dismissed_at: Words,
    #[serde(alias = "fixedAt")]
    fixed_at: Words,
    #[serde(deserialize_with = "object_or_nothing")]
    dependency: Dependency,
    #[serde(rename = "vulnerableManifestPath")]
    manifest_path: Words,
    #[serde(rename = "vulnerableRequirements")]
    requirements: Words,
    #[serde(deserialize_with = "object_or_nothing")]
    security_advisory: Advisory,
    security_vulnerability: Option<Affected>,
    #[serde(rename = "securityVulnerability")]
    affected: Option<Affected>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Dependency {
    #[serde(deserialize_with = "object_or_nothing")]
    package: Package,
    manifest_path: Words,
    scope: Words,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Package {
    ecosystem: Words,
    name: Words,
}

/// A package and range of versions that an advisory speaks of.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Affected {
    #[serde(deserialize_with = "object_or_nothing")]
    package: Package,
    severity: Words,
    #[serde(alias = "vulnerableVersionRange")]
    vulnerable_version_range: Words,
    /// `{"identifier": "1.2.3"}`.
    #[serde(alias = "firstPatchedVersion")]
    first_patched_version: Words,
    #[serde(deserialize_with = "object_or_nothing")]
    advisory: Advisory,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Advisory {
    #[serde(alias = "ghsaId")]
    ghsa_id: Words,
    cve_id: Words,
    summary: Words,
    description: Words,
    severity: Words,
    #[serde(deserialize_with = "list")]
    identifiers: Vec<Identifier>,
    #[serde(deserialize_with = "list")]
    references: Vec<Reference>,
    #[serde(deserialize_with = "object_or_nothing")]
    cvss: Cvss,
    #[serde(alias = "cvssSeverities", deserialize_with = "object_or_nothing")]
    cvss_severities: Severities,
    /// A list of objects (REST), or nodes of them (GraphQL); only numbers of CWEs are taken of their texts.
    cwes: Words,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Identifier {
    value: Words,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Reference {
    url: Words,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Severities {
    #[serde(alias = "cvssV4", deserialize_with = "object_or_nothing")]
    cvss_v4: Cvss,
    #[serde(alias = "cvssV3", deserialize_with = "object_or_nothing")]
    cvss_v3: Cvss,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Cvss {
    #[serde(alias = "vectorString")]
    vector_string: Words,
    score: Words,
}

impl Cvss {
    fn rating(&self, version: Option<&str>) -> Rating {
        Rating::new(said(&self.vector_string), version, self.score.number())
    }
}

impl Alert for Dependabot {
    const SCANNER: &'static str = "Dependabot";
    const KEYS: &'static str = "`security_vulnerability` or `securityVulnerability`";

    fn is_one(&self) -> bool {
        self.security_vulnerability.is_some() || self.affected.is_some()
    }

    /// Answers to older questions hold the times alone.
    fn state(&self) -> State {
        match said(&self.state) {
            Some(_) => State::of(&self.state),
            None if said(&self.fixed_at).is_some() => State::Fixed,
            None if said(&self.dismissed_at).is_some() => State::Dismissed,
            None => State::Open,
        }
    }

    fn repository(&self) -> Option<String> {
        repository_of(&self.html_url)
    }

    fn observation(&self) -> Observation {
        let none = Affected::default();
        let affected = self.security_vulnerability.as_ref().or(self.affected.as_ref()).unwrap_or(&none);
        let advisory =
            if self.security_vulnerability.is_some() { &self.security_advisory } else { &affected.advisory };
        let mut ids: Vec<String> = Vec::new();
        let named = [&advisory.ghsa_id, &advisory.cve_id].into_iter();
        let named = named.chain(advisory.identifiers.iter().map(|identifier| &identifier.value));
        add_new(&mut ids, named.filter_map(|id| short(said(id)?)));
        if ids.is_empty() {
            ids.push("unnamed".to_owned());
        }
        let id = ids.remove(0);
        let cvss = newest([
            advisory.cvss_severities.cvss_v4.rating(Some("4.0")),
            advisory.cvss_severities.cvss_v3.rating(Some("3")),
            advisory.cvss.rating(None),
        ]);
        let word = [&affected.severity, &advisory.severity].into_iter().find_map(|word| said(word));
        let component = self.component(affected);
        let remediation = component.as_ref().and_then(component::upgrade);
        let mut cwes = Vec::new();
        add_new(
            &mut cwes,
            advisory.cwes.0.iter().filter(|text| text.starts_with("CWE-")).filter_map(|id| cwe(id)),
        );
        let definition = Vulnerability {
            id,
            aliases: ids,
            name: said(&advisory.summary).and_then(short),
            description: said(&advisory.description).and_then(body),
            remediation,
            cwes,
            cvss_vector: cvss.vector,
            cvss_score: cvss.score,
            references: text::references(
                advisory.references.iter().filter_map(|reference| said(&reference.url)),
            ),
            ..Vulnerability::default()
        };
        let path =
            [&self.dependency.manifest_path, &self.manifest_path].into_iter().find_map(|path| said(path));
        let location = Location { path: path.map(text::one_line).unwrap_or_default(), ..Location::default() };
        let fingerprint =
            [&self.html_url, &self.id, &self.number].into_iter().find_map(|id| short(said(id)?));
        Observation {
            scanner_severity: word.and_then(short),
            message: self.message(affected),
            scanner_fingerprints: BTreeMap::from_iter(fingerprint.map(|id| ("alert".to_owned(), id))),
            ..component::observation(definition, component, severity::judge(word, cvss.score), location)
        }
    }
}

impl Dependabot {
    fn component(&self, affected: &Affected) -> Option<Component> {
        let package = [&self.dependency.package, &affected.package];
        let package = package.into_iter().find(|package| said(&package.name).is_some())?;
        let installed = said(&self.requirements).and_then(|text| text.trim().strip_prefix('='));
        Some(Component {
            name: short(said(&package.name)?)?,
            version: installed.and_then(short),
            fixed_version: said(&affected.first_patched_version).and_then(short),
            ecosystem: said(&package.ecosystem).map(ecosystem),
            ..Component::default()
        })
    }

    fn message(&self, affected: &Affected) -> Option<String> {
        let parts = [
            said(&affected.vulnerable_version_range).map(|range| format!("Vulnerable versions: {range}.")),
            said(&self.dependency.scope).map(|scope| format!("Scope: {scope}.")),
            said(&self.dismissed_reason)
                .map(|why| format!("Dismissed: {}.", why.replace('_', " ").to_lowercase())),
            said(&self.dismissed_comment).map(str::to_owned),
        ];
        body(&parts.into_iter().flatten().collect::<Vec<_>>().join(" "))
    }
}

/// GitHub's word for an ecosystem as package URLs spell it, so that it is the same for every scanner.
fn ecosystem(word: &str) -> String {
    let word = text::one_line(word).to_ascii_lowercase();
    match word.as_str() {
        "pip" => "pypi",
        "rubygems" => "gem",
        "go" => "golang",
        "rust" => "cargo",
        "erlang" => "hex",
        "actions" => "github",
        _ => return word,
    }
    .to_owned()
}
