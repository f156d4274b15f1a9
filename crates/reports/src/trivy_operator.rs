//! Reports of the Trivy operator: custom resources of a cluster, alone, in a list, or in lists by their kind. What each
//! field becomes: `docs/formats/trivy-operator.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::marker::PhantomData;

use chrono::{DateTime, Utc};
use model::{
    Component, Coverage, CoverageExtent, FindingKind, Location, Observation, ScanRun, Vulnerability,
};
use serde::Deserialize;

use crate::ReadSeek;
use crate::error::{Error, ErrorKind};
use crate::json::lenient::{Presence, Words, list, map, object_or_nothing};
use crate::json::walk::{Agreed, ObjectOrList, each_result};
use crate::json::{self, Bulk, Top};
use crate::limits::Limits;
use crate::outline::Outline;
use crate::output::Output;
use crate::text::{self, body, short, time};
use crate::{component, found, severity};

/// A list of resources, under `items`, at the top, or under the name of each kind.
const LISTS: Bulk = Bulk {
    keys: &[
        "items",
        "vulnerabilityreports.aquasecurity.github.io",
        "clustervulnerabilityreports.aquasecurity.github.io",
        "configauditreports.aquasecurity.github.io",
        "clusterconfigauditreports.aquasecurity.github.io",
        "exposedsecretreports.aquasecurity.github.io",
        "infraassessmentreports.aquasecurity.github.io",
        "clusterinfraassessmentreports.aquasecurity.github.io",
        "rbacassessmentreports.aquasecurity.github.io",
        "clusterrbacassessmentreports.aquasecurity.github.io",
        "clustercompliancereports.aquasecurity.github.io",
        "clustercompliancedetailreports.aquasecurity.github.io",
        "sbomreports.aquasecurity.github.io",
        "clustersbomreports.aquasecurity.github.io",
    ],
    depth: 1,
    top: Top::Elements,
};

/// Resources one after the other.
const DOCUMENTS: Bulk = Bulk { keys: &[], depth: 1, top: Top::Documents };

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Resource {
    kind: Words,
    api_version: Words,
    #[serde(deserialize_with = "object_or_nothing")]
    metadata: Metadata,
    #[serde(deserialize_with = "object_or_nothing")]
    report: Report,
    #[serde(deserialize_with = "object_or_nothing")]
    status: Compliance,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Metadata {
    name: Words,
    namespace: Words,
    #[serde(deserialize_with = "map")]
    labels: BTreeMap<String, Words>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Report {
    update_timestamp: Words,
    #[serde(deserialize_with = "object_or_nothing")]
    scanner: Scanner,
    #[serde(deserialize_with = "object_or_nothing")]
    os: Os,
    #[serde(deserialize_with = "list")]
    vulnerabilities: Vec<Vulnerable>,
    #[serde(deserialize_with = "list")]
    checks: Vec<Check>,
    #[serde(deserialize_with = "list")]
    secrets: Vec<Secret>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Scanner {
    version: Words,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Os {
    family: Words,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Vulnerable {
    #[serde(rename = "vulnerabilityID")]
    id: Words,
    resource: Words,
    installed_version: Words,
    fixed_version: Words,
    severity: Words,
    score: Words,
    title: Words,
    description: Words,
    primary_link: Words,
    links: Words,
    target: Words,
    class: Words,
    package_type: Words,
    #[serde(alias = "packagePURL")]
    package_purl: Words,
    package_path: Words,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Check {
    #[serde(rename = "checkID")]
    id: Words,
    title: Words,
    description: Words,
    remediation: Words,
    severity: Words,
    category: Words,
    messages: Words,
    success: bool,
    target: Words,
}

/// `match` holds the secret and is not even read.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Secret {
    #[serde(rename = "ruleID")]
    id: Words,
    title: Words,
    category: Words,
    severity: Words,
    target: Words,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Compliance {
    #[serde(deserialize_with = "object_or_nothing")]
    summary_report: Summary,
    #[serde(deserialize_with = "object_or_nothing")]
    detail_report: Detail,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Summary {
    #[serde(deserialize_with = "list")]
    control_check: Vec<Control>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Detail {
    #[serde(deserialize_with = "list")]
    results: Vec<Control>,
}

/// A control of a benchmark, with the number of its failures or with the checks themselves.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Control {
    id: Words,
    name: Words,
    description: Words,
    severity: Words,
    total_fail: Words,
    #[serde(deserialize_with = "list")]
    checks: Vec<Check>,
}

pub(crate) fn looks_like(outline: &Outline) -> bool {
    let is_ours = |at: &str| outline.word(&format!("{at}apiVersion")).starts_with("aquasecurity.github.io");
    is_ours("")
        || is_ours("[].")
        || is_ours("items[].")
        || outline.keys().iter().any(|key| key.ends_with("reports.aquasecurity.github.io"))
}

pub(crate) fn read(input: &mut dyn ReadSeek, limits: &Limits, output: &mut Output<'_>) -> Result<(), Error> {
    type Members = BTreeMap<String, Presence>;
    let shape: Result<ObjectOrList<Members>, Error> = json::header_pass(input, limits, LISTS, PhantomData);
    let bulk = match shape {
        Ok(ObjectOrList { object, list }) => {
            let has = |key: &str| object.get(key) == Some(&Presence::Present);
            let grouped = object.keys().any(|key| key.ends_with("reports.aquasecurity.github.io"));
            if has("report") || has("status") {
                DOCUMENTS
            } else if list.is_there() || has("items") || grouped {
                LISTS
            } else {
                let reason = "custom resources of `aquasecurity.github.io` were expected, as `kubectl get … -o json` gives them";
                return Err(ErrorKind::invalid(reason).into());
            }
        }
        // Several documents one behind the other are not one.
        Err(error) if matches!(error.kind, ErrorKind::Syntax { .. }) => DOCUMENTS,
        Err(error) => return Err(error),
    };
    output.run(scan(input, limits, bulk)?)?;
    each_result(input, limits, bulk, &mut |_, row| {
        let resource: Resource = row.read()?;
        resource.results(output)?;
        Ok(())
    })
}

/// The run covers the namespaces (or kinds of the cluster) that it has reports of, or the one resource.
fn scan(input: &mut dyn ReadSeek, limits: &Limits, bulk: Bulk) -> Result<ScanRun, Error> {
    let mut version = Agreed::default();
    let mut updated: Option<DateTime<Utc>> = None;
    let mut kinds = BTreeSet::new();
    let mut roots = BTreeSet::new();
    let mut only = Agreed::default();
    each_result(input, limits, bulk, &mut |_, row| {
        let resource: Resource = row.read()?;
        if !resource.api_version.first().is_some_and(|version| version.starts_with("aquasecurity.github.io"))
        {
            let reason =
                "this is no report of the Trivy operator: `apiVersion` is not that of aquasecurity.github.io";
            return Err(ErrorKind::invalid(reason).into());
        }
        version.hear(resource.report.scanner.version.first().and_then(short));
        kinds.extend(resource.kind.first().and_then(short));
        let path = resource.path();
        roots.extend(path.split('/').next().map(str::to_owned));
        only.hear(Some(path));
        updated = updated.max(resource.report.update_timestamp.first().and_then(time));
        Ok(())
    })?;
    let paths: Vec<String> = match only.on() {
        Some(path) => vec![path],
        None => roots.into_iter().collect(),
    };
    Ok(ScanRun {
        scanner: "Trivy Operator".to_owned(),
        scanner_version: version.on(),
        configuration: short(&kinds.into_iter().collect::<Vec<_>>().join(", ")),
        started_at: updated,
        coverage: Coverage {
            extent: if paths.is_empty() { CoverageExtent::Partial } else { CoverageExtent::Full },
            paths,
            rules: None,
        },
        ..ScanRun::default()
    })
}

/// The name of a replica set without the hash that each deployment gives it.
fn stable<'a>(kind: &str, name: &'a str) -> &'a str {
    match name.rsplit_once('-') {
        Some((stem, hash))
            if kind == "ReplicaSet"
                && (5..=10).contains(&hash.len())
                && hash.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()) =>
        {
            stem
        }
        _ => name,
    }
}

impl Resource {
    fn label(&self, name: &str) -> Option<&str> {
        self.metadata.labels.get(&format!("trivy-operator.{name}"))?.first()
    }

    /// Namespace, kind and name of what was looked at; kind and name of the report itself if it does not say.
    fn path(&self) -> String {
        let kind = self.label("resource.kind").or(self.kind.first()).unwrap_or_default();
        let name = self.label("resource.name").or(self.metadata.name.first()).unwrap_or_default();
        let namespace = self.label("resource.namespace").or(self.metadata.namespace.first());
        let parts = [namespace.unwrap_or_default(), kind, stable(kind, name)];
        let parts = parts.into_iter().filter(|part| !part.is_empty());
        text::one_line(&parts.collect::<Vec<_>>().join("/"))
    }

    fn inside(&self, parts: &[Option<&str>]) -> String {
        let parts = parts.iter().flatten().map(|part| part.trim_matches('/')).filter(|part| !part.is_empty());
        std::iter::once(self.path()).chain(parts.map(text::one_line)).collect::<Vec<_>>().join("/")
    }

    fn results(&self, output: &mut Output<'_>) -> Result<(), ErrorKind> {
        for vulnerable in &self.report.vulnerabilities {
            output.observation(self.vulnerability(vulnerable))?;
        }
        for secret in &self.report.secrets {
            output.observation(self.secret(secret))?;
        }
        for check in &self.report.checks {
            self.check(check, None, output)?;
        }
        for control in &self.status.summary_report.control_check {
            if control.total_fail.number().is_some_and(|count| count > 0.0) {
                output.observation(self.control(control))?;
            } else {
                output.left_out("`totalFail` is 0: the control found nothing");
            }
        }
        for control in &self.status.detail_report.results {
            for check in &control.checks {
                self.check(check, Some(control), output)?;
            }
        }
        Ok(())
    }

    fn vulnerability(&self, of: &Vulnerable) -> Observation {
        let id = of.id.first().and_then(short).unwrap_or_else(|| "unnamed".to_owned());
        // The target of a system's packages repeats the image's name and tag, which change with every build.
        let target =
            of.target.first().filter(|target| of.class.first() != Some("os-pkgs") && !target.ends_with(')'));
        let ecosystem = of.package_type.first().or(self.report.os.family.first());
        let component = of.resource.first().and_then(short).map(|name| Component {
            name,
            version: of.installed_version.first().and_then(short),
            fixed_version: of.fixed_version.first().and_then(short),
            ecosystem: ecosystem.and_then(short),
            purl: of.package_purl.first().filter(|purl| purl.starts_with("pkg:")).and_then(short),
            path: of.package_path.first().and_then(short),
        });
        let score = severity::score(of.score.number());
        let links = of.primary_link.first().into_iter().chain(of.links.0.iter().map(String::as_str));
        let definition = Vulnerability {
            name: of.title.first().and_then(short),
            description: of.description.first().and_then(body),
            remediation: component.as_ref().and_then(component::upgrade),
            cvss_score: score,
            references: text::references(links),
            id,
            ..Vulnerability::default()
        };
        let path = self.inside(&[self.label("container.name"), target]);
        let grade = severity::judge(of.severity.first(), score);
        Observation {
            scanner_severity: of.severity.first().and_then(short),
            ..component::observation(definition, component, grade, Location { path, ..Location::default() })
        }
    }

    fn secret(&self, of: &Secret) -> Observation {
        let definition = Vulnerability {
            id: of.id.first().and_then(short).unwrap_or_else(|| "unnamed".to_owned()),
            name: of.title.first().and_then(short),
            tags: of.category.first().and_then(short).into_iter().collect(),
            ..Vulnerability::default()
        };
        let path = self.inside(&[self.label("container.name"), of.target.first()]);
        let location = Location { path, ..Location::default() };
        let grade = severity::judge(of.severity.first(), None);
        Observation {
            scanner_severity: of.severity.first().and_then(short),
            ..found::observation(FindingKind::Secret, definition, grade, location)
        }
    }

    fn check(&self, of: &Check, control: Option<&Control>, output: &mut Output<'_>) -> Result<(), ErrorKind> {
        if of.success {
            output.left_out("`success` is true: the check found nothing");
            return Ok(());
        }
        let own = of.severity.first();
        let word = own.or_else(|| control?.severity.first());
        let ids = [&of.id, &of.title];
        let definition = Vulnerability {
            id: ids.iter().find_map(|id| short(id.first()?)).unwrap_or_else(|| "unnamed".to_owned()),
            name: of.title.first().and_then(short),
            description: of.description.first().and_then(body),
            remediation: of.remediation.first().and_then(body),
            tags: [of.category.first(), control.and_then(|control| control.id.first())]
                .into_iter()
                .flatten()
                .filter_map(short)
                .collect(),
            ..Vulnerability::default()
        };
        let location = Location { path: self.inside(&[of.target.first()]), ..Location::default() };
        let grade = severity::judge(word, None);
        output.observation(Observation {
            scanner_severity: word.and_then(short),
            message: self.message(&of.messages),
            ..found::observation(FindingKind::Misconfiguration, definition, grade, location)
        })
    }

    /// Messages name the replica set with its hash.
    fn message(&self, messages: &Words) -> Option<String> {
        let told = messages.0.join("\n");
        let kind = self.label("resource.kind").unwrap_or_default();
        let name = self.label("resource.name").unwrap_or_default();
        let stem = stable(kind, name);
        if name.is_empty() || stem == name { body(&told) } else { body(&told.replace(name, stem)) }
    }

    fn control(&self, of: &Control) -> Observation {
        let definition = Vulnerability {
            id: of.id.first().and_then(short).unwrap_or_else(|| "unnamed".to_owned()),
            name: of.name.first().and_then(short),
            description: of.description.first().and_then(body),
            ..Vulnerability::default()
        };
        let grade = severity::judge(of.severity.first(), None);
        let count = of.total_fail.number().unwrap_or_default();
        let location = Location { path: self.path(), ..Location::default() };
        Observation {
            scanner_severity: of.severity.first().and_then(short),
            message: Some(format!("{count} checks of this control failed.")),
            ..found::observation(FindingKind::Misconfiguration, definition, grade, location)
        }
    }
}
