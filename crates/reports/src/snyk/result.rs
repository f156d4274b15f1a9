//! From the results of Snyk's command line to observations.

use std::collections::BTreeMap;

use model::{Component, FindingKind, Location, Observation, ReportedSuppression, Severity, Vulnerability};
use serde::Deserialize;

use super::Project;
use crate::component;
use crate::cvss::Rating;
use crate::json::lenient::{FromOne, Words, list, map, object_or_nothing};
use crate::severity;
use crate::text::{self, add_new, body, cwe, short};

/// A vulnerability or licence of a package, or a setting of infrastructure.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Issue {
    id: String,
    #[serde(default)]
    title: Words,
    #[serde(default)]
    description: Words,
    #[serde(default)]
    severity: Words,
    #[serde(default)]
    severity_with_critical: Words,
    #[serde(default, rename = "CVSSv3")]
    cvss_v3: Words,
    #[serde(default)]
    cvss_score: Words,
    #[serde(default, deserialize_with = "map")]
    identifiers: BTreeMap<String, Words>,
    #[serde(default)]
    package_name: Words,
    #[serde(default)]
    name: Words,
    #[serde(default)]
    version: Words,
    #[serde(default)]
    package_manager: Words,
    #[serde(default)]
    from: Words,
    #[serde(default)]
    upgrade_path: Words,
    #[serde(default)]
    fixed_in: Words,
    #[serde(default)]
    nearest_fixed_in_version: Words,
    #[serde(default, deserialize_with = "list")]
    references: Vec<Reference>,
    #[serde(default)]
    is_ignored: Words,
    /// `license` for a licence.
    #[serde(default, rename = "type")]
    kind: Words,
    #[serde(default)]
    license: Words,
    // Infrastructure only.
    #[serde(default)]
    line_number: FromOne,
    #[serde(default)]
    path: Words,
    #[serde(default)]
    documentation: Words,
    #[serde(default)]
    sub_type: Words,
    #[serde(default)]
    issue: Words,
    #[serde(default)]
    impact: Words,
    #[serde(default)]
    resolve: Words,
    #[serde(default, deserialize_with = "object_or_nothing")]
    iac_description: IacDescription,
}

/// A page, with its title or alone.
#[derive(Deserialize)]
#[serde(untagged)]
enum Reference {
    Titled {
        #[serde(default)]
        url: Words,
    },
    Page(Words),
}

impl Reference {
    fn url(&self) -> Option<&str> {
        match self {
            Self::Titled { url } | Self::Page(url) => url.first(),
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct IacDescription {
    issue: Words,
    impact: Words,
    resolve: Words,
}

pub(super) fn observation(of: Issue, project: Option<&Project>) -> Observation {
    let path = text::path(project.map(Project::file).unwrap_or_default());
    let suppression = (of.is_ignored.first() == Some("true")).then_some(ReportedSuppression::Accepted);
    let base = if of.package_name.first().or(of.name.first()).is_some() {
        package(of, project, path)
    } else {
        setting(of, path)
    };
    Observation { suppression, ..base }
}

fn package(of: Issue, project: Option<&Project>, path: String) -> Observation {
    let ids = |kind: &str| of.identifiers.get(kind).map(|words| words.0.as_slice()).unwrap_or_default();
    let mut aliases = Vec::new();
    add_new(&mut aliases, ["CVE", "GHSA"].into_iter().flat_map(&ids).filter_map(|id| short(id)));
    let mut cwes = Vec::new();
    add_new(&mut cwes, ids("CWE").iter().filter_map(|id| cwe(id)));
    let is_license = of.kind.first() == Some("license");
    let title = of.title.first().and_then(short);
    let ecosystem = of.package_manager.first().or_else(|| project?.package_manager.first());
    let component = Component {
        name: of
            .package_name
            .first()
            .or(of.name.first())
            .and_then(short)
            .unwrap_or_else(|| "unnamed".to_owned()),
        version: of.version.first().and_then(short),
        fixed_version: component::versions(of.fixed_in.0.iter().map(String::as_str))
            .or_else(|| of.nearest_fixed_in_version.first().and_then(short)),
        ecosystem: ecosystem.and_then(short),
        ..Component::default()
    };
    // The first is `false` (the project itself), then comes the direct dependency to upgrade.
    let upgrade = of.upgrade_path.0.iter().find(|step| step.contains('@'));
    let upgrade = upgrade.filter(|step| !of.from.0.contains(step)).and_then(|step| short(step));
    let page = format!("https://security.snyk.io/vuln/{}", of.id.trim());
    let page = Some(page.as_str()).filter(|_| of.id.starts_with("SNYK-"));
    let cvss = Rating::new(of.cvss_v3.first(), None, of.cvss_score.number());
    let vulnerability = Vulnerability {
        id: short(&of.id).unwrap_or_default(),
        aliases,
        name: title,
        description: of.description.first().and_then(body),
        remediation: upgrade.map(|step| format!("Upgrade the direct dependency to {step}.")),
        cwes,
        cvss_vector: cvss.vector,
        cvss_score: cvss.score,
        references: text::references(page.into_iter().chain(of.references.iter().filter_map(Reference::url))),
        tags: of.license.first().and_then(short).into_iter().collect(),
    };
    let word = of.severity_with_critical.first().or(of.severity.first());
    let severity = severity::rated(word, vulnerability.cvss_score);
    let through = of.from.0.iter().take(50).filter_map(|step| short(step)).collect::<Vec<_>>().join(" > ");
    let base =
        component::vulnerable(vulnerability, component, severity.unwrap_or(Severity::Medium), word, path);
    Observation {
        kind: if is_license { FindingKind::License } else { FindingKind::Component },
        message: body(&format!("Introduced through: {through}")).filter(|_| !through.is_empty()),
        ..base
    }
}

fn setting(of: Issue, path: String) -> Observation {
    let id = short(&of.id).unwrap_or_else(|| "unnamed".to_owned());
    let name = of.title.first().and_then(short);
    let location = Location {
        path,
        start_line: of.line_number.0,
        logical: short(&of.path.0.join(".")),
        ..Location::default()
    };
    let told = &of.iac_description;
    let problem = of.issue.first().or(told.issue.first());
    let impact = of.impact.first().or(told.impact.first());
    let description = [problem, impact].into_iter().flatten().collect::<Vec<_>>().join("\n\n");
    let links = of.documentation.first().into_iter().chain(of.references.iter().filter_map(Reference::url));
    let word = of.severity.first();
    Observation {
        kind: FindingKind::Misconfiguration,
        severity: word.and_then(severity::word).unwrap_or(Severity::Medium),
        scanner_severity: word.and_then(short),
        title: text::title(&[name.as_deref()], &id, Some(&location.path)),
        message: problem.and_then(body),
        location,
        related_locations: Vec::new(),
        component: None,
        scanner_fingerprints: BTreeMap::new(),
        suppression: None,
        vulnerability: Vulnerability {
            name,
            description: body(&description),
            remediation: of.resolve.first().or(told.resolve.first()).and_then(body),
            references: text::references(links),
            tags: of.sub_type.first().and_then(short).into_iter().collect(),
            id,
            ..Vulnerability::default()
        },
    }
}
