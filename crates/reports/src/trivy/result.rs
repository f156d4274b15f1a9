//! From Trivy's four kinds of results to observations.

use std::collections::BTreeMap;

use model::{Component, FindingKind, Location, Observation, Severity, Vulnerability};

use super::model::{self as trivy, Cvss, Head, Resource};
use crate::cvss::{Rating, newest};
use crate::text::{self, add_new, body, cwe, short};

/// Where a list of results was found.
#[derive(Clone, Copy)]
pub(super) struct Found<'a> {
    pub(super) resource: Option<&'a Resource>,
    pub(super) head: Option<&'a Head>,
}

impl Found<'_> {
    fn target(&self) -> Option<&str> {
        self.head?.target.as_deref().map(str::trim).filter(|target| !target.is_empty())
    }

    /// Path of the place. Packages of the operating system have none of their own: their target repeats the image's
    /// name with its tag, which changes with every build. In Kubernetes the resource comes first.
    fn path(&self) -> String {
        let class = self.head.and_then(|head| head.class.as_deref());
        let target = self.target().filter(|_| class != Some("os-pkgs") && class != Some("license"));
        let Some(resource) = self.resource else { return text::one_line(target.unwrap_or_default()) };
        let parts = [&resource.namespace, &resource.kind, &resource.name];
        let resource = parts.into_iter().flatten().map(|part| part.trim()).filter(|part| !part.is_empty());
        let resource = resource.collect::<Vec<_>>().join("/");
        match target {
            Some(target) if !resource.ends_with(target) => text::one_line(&format!("{resource}/{target}")),
            _ => text::one_line(&resource),
        }
    }

    fn ecosystem(&self) -> Option<String> {
        short(self.head?.ecosystem.as_deref()?)
    }
}

/// Trivy's severity; `UNKNOWN` is judged by the CVSS score, else it is informational.
fn severity(word: Option<&str>, score: Option<f64>) -> Severity {
    let known = word.and_then(|word| word.parse().ok());
    known.or_else(|| score.and_then(Severity::from_cvss_score)).unwrap_or(Severity::Info)
}

/// The newest CVSS version that a source gives, of the source that decided the severity, else NVD, GitHub, Red Hat,
/// else the first by name.
fn cvss(all: &BTreeMap<String, Cvss>, severity_source: Option<&str>) -> Rating {
    let preferred = [severity_source.unwrap_or_default(), "nvd", "ghsa", "redhat"];
    let sources = preferred.iter().filter_map(|name| all.get(*name)).chain(all.values());
    newest(sources.flat_map(|one| {
        [
            Rating::new(one.v40_vector.as_deref(), Some("4.0"), one.v40_score),
            Rating::new(one.v3_vector.as_deref(), Some("3"), one.v3_score),
            Rating::new(one.v2_vector.as_deref(), Some("2"), one.v2_score),
        ]
    }))
}

pub(super) fn vulnerability(of: trivy::Vulnerability, found: Found<'_>) -> Observation {
    let cvss = cvss(&of.cvss, of.severity_source.as_deref());
    let id = short(&of.id).unwrap_or_else(|| "unnamed".to_owned());
    let purl =
        [&of.pkg_identifier.purl, &of.reference].into_iter().flatten().find(|purl| purl.starts_with("pkg:"));
    let component = of.pkg_name.as_deref().and_then(short).map(|name| Component {
        name,
        version: of.installed_version.as_deref().and_then(short),
        fixed_version: of.fixed_version.as_deref().and_then(short),
        ecosystem: found.ecosystem(),
        purl: purl.and_then(|purl| short(purl)),
        path: of.pkg_path.as_deref().and_then(short),
    });
    let place = component.as_ref().map(|component| match &component.version {
        Some(version) => format!("{} {version}", component.name),
        None => component.name.clone(),
    });
    let remediation = component.as_ref().and_then(|component| {
        Some(format!("Upgrade {} to {}.", component.name, component.fixed_version.as_deref()?))
    });
    let name = of.title.as_deref().and_then(short);
    let named = name.as_ref().map_or(id.clone(), |name| format!("{id}: {name}"));
    let mut aliases: Vec<String> = Vec::new();
    add_new(&mut aliases, of.vendor_ids.iter().filter_map(|id| short(id)));
    aliases.retain(|alias| *alias != id);
    let mut cwes = Vec::new();
    add_new(&mut cwes, of.cwe_ids.iter().filter_map(|id| cwe(id)));
    Observation {
        kind: FindingKind::Component,
        severity: severity(of.severity.as_deref(), cvss.score),
        scanner_severity: of.severity.as_deref().and_then(short),
        title: text::title(&[Some(&named)], &id, place.as_deref()),
        message: of.status.as_deref().and_then(status),
        location: Location { path: found.path(), ..Location::default() },
        related_locations: Vec::new(),
        component,
        scanner_fingerprints: fingerprint(of.fingerprint.as_deref()),
        suppression: None,
        vulnerability: Vulnerability {
            id,
            aliases,
            name,
            description: of.description.as_deref().and_then(body),
            remediation,
            cwes,
            cvss_vector: cvss.vector,
            cvss_score: cvss.score,
            references: references(of.primary_url.as_deref(), &of.references),
            tags: Vec::new(),
        },
    }
}

/// What the vendor says about a fix (Trivy's `Status`), in words.
fn status(word: &str) -> Option<String> {
    let told = match word {
        "fixed" => "The vendor has released a fix.",
        "affected" => "Affected; the vendor has not released a fix.",
        "will_not_fix" => "The vendor will not fix this.",
        "fix_deferred" => "The vendor has put off the fix.",
        "end_of_life" => "The package has reached its end of life and gets no fixes.",
        "under_investigation" => "The vendor is still investigating.",
        "not_affected" => "The vendor says that this package is not affected.",
        _ => return short(word).filter(|word| word != "unknown").map(|word| format!("Status: {word}")),
    };
    Some(told.to_owned())
}

fn fingerprint(value: Option<&str>) -> BTreeMap<String, String> {
    value.and_then(short).map(|value| ("trivy".to_owned(), value)).into_iter().collect()
}

fn references(primary: Option<&str>, others: &[String]) -> Vec<String> {
    text::references(primary.into_iter().chain(others.iter().map(String::as_str)))
}

/// Why a check is no observation, if so.
pub(super) fn left_out(of: &trivy::Misconfiguration) -> Option<&'static str> {
    match of.status.as_deref() {
        Some("PASS") => Some("Status is `PASS`: the check found nothing"),
        Some("EXCEPTION") => Some("Status is `EXCEPTION`: excepted in the scanner's policy"),
        _ => None,
    }
}

pub(super) fn misconfiguration(of: trivy::Misconfiguration, found: Found<'_>) -> Observation {
    let id = short(&of.id).unwrap_or_else(|| "unnamed".to_owned());
    let cause = of.cause_metadata;
    let lines = cause.code.lines.iter().filter(|line| line.is_cause);
    let lines: Vec<&str> = lines.filter_map(|line| line.content.as_deref()).take(200).collect();
    let start_line = cause.start_line.0;
    let location = Location {
        path: found.path(),
        start_line,
        end_line: cause.end_line.0.filter(|end| start_line.is_some_and(|start| *end >= start)),
        start_column: None,
        snippet: text::snippet(&lines.join("\n")),
        logical: cause.resource.as_deref().and_then(short),
    };
    let name = of.title.as_deref().and_then(short);
    let mut tags = Vec::new();
    let words = [of.check.as_deref(), cause.provider.as_deref(), cause.service.as_deref()];
    add_new(&mut tags, words.into_iter().flatten().filter_map(short));
    Observation {
        kind: FindingKind::Misconfiguration,
        severity: severity(of.severity.as_deref(), None),
        scanner_severity: of.severity.as_deref().and_then(short),
        title: text::title(&[name.as_deref(), of.message.as_deref()], &id, Some(&location.path)),
        message: of.message.as_deref().and_then(body),
        location,
        related_locations: Vec::new(),
        component: None,
        scanner_fingerprints: BTreeMap::new(),
        suppression: None,
        vulnerability: Vulnerability {
            aliases: of.avd_id.as_deref().and_then(short).filter(|alias| *alias != id).into_iter().collect(),
            name,
            description: of.description.as_deref().and_then(body),
            remediation: of.resolution.as_deref().and_then(body),
            references: references(of.primary_url.as_deref(), &of.references),
            tags,
            id,
            ..Vulnerability::default()
        },
    }
}

pub(super) fn secret(of: trivy::Secret, found: Found<'_>) -> Observation {
    let id = short(&of.id).unwrap_or_else(|| "unnamed".to_owned());
    let name = of.title.as_deref().and_then(short);
    let location = Location {
        path: found.path(),
        start_line: of.start_line.0,
        end_line: of.end_line.0.filter(|_| of.start_line.0.is_some()),
        ..Location::default()
    };
    Observation {
        kind: FindingKind::Secret,
        severity: severity(of.severity.as_deref(), None),
        scanner_severity: of.severity.as_deref().and_then(short),
        title: text::title(&[name.as_deref()], &id, Some(&location.path)),
        message: None,
        location,
        related_locations: Vec::new(),
        component: None,
        scanner_fingerprints: BTreeMap::new(),
        suppression: None,
        vulnerability: Vulnerability {
            name,
            tags: of.category.as_deref().and_then(short).into_iter().collect(),
            id,
            ..Vulnerability::default()
        },
    }
}

pub(super) fn license(of: trivy::License, found: Found<'_>) -> Observation {
    let id = short(&of.name).unwrap_or_else(|| "unnamed".to_owned());
    let component = of.pkg_name.as_deref().and_then(short).map(|name| Component {
        name,
        ecosystem: found.ecosystem(),
        ..Component::default()
    });
    let class = found.head.and_then(|head| head.class.as_deref());
    let file = of.file_path.as_deref().and_then(short);
    let path = match file {
        Some(file) => file,
        // The target of this class is a heading ("Loose File License(s)"), not a place.
        None if class == Some("license-file") => String::new(),
        None => found.path(),
    };
    let place = component.as_ref().map_or(path.as_str(), |component| component.name.as_str());
    let confidence = of.confidence.number().filter(|confidence| *confidence < 1.0);
    Observation {
        kind: FindingKind::License,
        severity: severity(of.severity.as_deref(), None),
        scanner_severity: of.severity.as_deref().and_then(short),
        title: text::title(&[Some(&format!("License {id}"))], &id, Some(place)),
        message: confidence.map(|confidence| format!("Recognised with a confidence of {confidence}.")),
        location: Location { path, ..Location::default() },
        related_locations: Vec::new(),
        component,
        scanner_fingerprints: BTreeMap::new(),
        suppression: None,
        vulnerability: Vulnerability {
            references: text::references(of.link.as_deref()),
            tags: of.category.as_deref().and_then(short).into_iter().collect(),
            id,
            ..Vulnerability::default()
        },
    }
}
