//! CycloneDX VEX 1.6 as JSON: vulnerabilities with their analysis, and the components that they are about.

use std::collections::HashSet;
use std::io::{self, Write};

use api::Finding;
use chrono::SecondsFormat;
use serde::Serialize;

use crate::text::{clean, line, page, part, purl};
use crate::vex::{Named, Verdict, because, remedy, verdict, vulnerabilities};
use crate::{About, Writer, entry, raw, value};

/// The document.
pub(crate) struct CycloneDx {
    about: About,
    began: bool,
    /// References of the components that were written.
    components: HashSet<String>,
}

impl CycloneDx {
    pub(crate) fn new(about: About) -> Self {
        Self { about, began: false, components: HashSet::new() }
    }
}

#[derive(Serialize)]
struct Part {
    #[serde(rename = "type")]
    sort: &'static str,
    #[serde(rename = "bom-ref")]
    reference: String,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purl: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    properties: Vec<Property>,
}

#[derive(Serialize)]
struct Property {
    name: &'static str,
    value: String,
}

#[derive(Serialize)]
struct Vulnerability {
    #[serde(rename = "bom-ref")]
    reference: String,
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<Source>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    references: Vec<Reference>,
    ratings: [Rating; 1],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cwes: Vec<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recommendation: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    advisories: Vec<Advisory>,
    analysis: Analysis,
    affects: [Affects; 1],
}

#[derive(Serialize)]
struct Source {
    name: &'static str,
}

#[derive(Serialize)]
struct Reference {
    id: String,
    source: Source,
}

#[derive(Serialize)]
struct Rating {
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<f64>,
    severity: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vector: Option<String>,
}

#[derive(Serialize)]
struct Advisory {
    url: String,
}

#[derive(Serialize)]
struct Analysis {
    state: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    response: Vec<&'static str>,
    detail: String,
}

#[derive(Serialize)]
struct Affects {
    #[serde(rename = "ref")]
    reference: String,
}

/// What a finding is about: its component in this asset, else the asset. One component in two assets is two, so that what
/// was decided in one says nothing about the other.
fn affected(finding: &Finding) -> Part {
    let asset = &finding.summary.asset;
    let Some(component) = &finding.component else {
        return Part {
            sort: "application",
            reference: format!("asset:{}", asset.id),
            name: line(&asset.name),
            version: None,
            purl: None,
            properties: Vec::new(),
        };
    };
    let purl = purl(component.purl.as_deref().unwrap_or_default());
    let of_ecosystem = || {
        let ecosystem = component.ecosystem.as_deref().unwrap_or_default();
        let version = component.version.as_deref().unwrap_or_default();
        format!("{}:{}:{}", part(ecosystem), part(&component.name), part(version))
    };
    Part {
        sort: "library",
        reference: format!("asset:{}/{}", asset.id, purl.clone().unwrap_or_else(of_ecosystem)),
        name: line(&component.name),
        version: component.version.as_deref().map(line),
        purl,
        properties: vec![Property { name: "lockstep:asset", value: line(&asset.name) }],
    }
}

/// The database that gives names like this.
fn source(name: &str) -> Option<Source> {
    let is = |prefix: &str| name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    [("CVE-", "NVD"), ("GHSA-", "GitHub Advisories"), ("SNYK-", "Snyk"), ("RUSTSEC-", "RustSec")]
        .into_iter()
        .find_map(|(prefix, name)| is(prefix).then_some(Source { name }))
}

fn rating(finding: &Finding) -> Rating {
    let vector = finding.vulnerability.cvss_vector.as_deref().map(line);
    let method = vector.as_deref().map(|vector| match vector.split('/').next() {
        Some("CVSS:4.0") => "CVSSv4",
        Some("CVSS:3.1") => "CVSSv31",
        Some("CVSS:3.0") => "CVSSv3",
        _ => "CVSSv2",
    });
    Rating {
        score: finding.vulnerability.cvss_score,
        severity: finding.summary.severity.as_str(),
        method,
        vector,
    }
}

fn analysis(finding: &Finding, verdict: Verdict) -> Analysis {
    let has_upgrade = finding.component.as_ref().is_some_and(|component| component.fixed_version.is_some());
    let (state, response) = match verdict {
        Verdict::NotAffected => ("false_positive", None),
        Verdict::Fixed => ("resolved", None),
        Verdict::UnderInvestigation => ("in_triage", None),
        Verdict::Accepted => ("exploitable", Some("will_not_fix")),
        Verdict::Affected => ("exploitable", has_upgrade.then_some("update")),
    };
    Analysis { state, response: response.into_iter().collect(), detail: because(finding, verdict) }
}

fn vulnerability(finding: &Finding, named: Named, verdict: Verdict, affects: String) -> Vulnerability {
    let about = &finding.vulnerability;
    let mut advisories: Vec<Advisory> = Vec::new();
    for url in about.references.iter().filter_map(|reference| page(reference)) {
        if !advisories.iter().any(|advisory| advisory.url == url) {
            advisories.push(Advisory { url });
        }
    }
    Vulnerability {
        reference: format!("finding:{}:{}", finding.summary.id, part(&named.name)),
        source: source(&named.name),
        references: named
            .aliases
            .into_iter()
            .map(|id| Reference { source: source(&id).unwrap_or(Source { name: "unknown" }), id })
            .collect(),
        id: named.name,
        ratings: [rating(finding)],
        cwes: about.cwes.clone(),
        description: about.description.as_deref().map(clean),
        recommendation: remedy(finding),
        advisories,
        analysis: analysis(finding, verdict),
        affects: [Affects { reference: affects }],
    }
}

impl Writer for CycloneDx {
    fn begin(&mut self, out: &mut dyn Write) -> io::Result<()> {
        raw(out, r#"{"$schema":"http://cyclonedx.org/schema/bom-1.6.schema.json","bomFormat":"CycloneDX","#)?;
        raw(out, r#""specVersion":"1.6","serialNumber":"#)?;
        value(out, &format!("urn:uuid:{}", self.about.id))?;
        raw(out, r#","version":1,"metadata":{"timestamp":"#)?;
        value(out, &self.about.at.to_rfc3339_opts(SecondsFormat::Secs, true))?;
        raw(out, r#","tools":{"components":[{"type":"application","name":"Lockstep","version":"#)?;
        value(out, &self.about.version)?;
        // Only what findings are about is listed: this is no inventory, and what is missing proves nothing.
        raw(out, r#"}]}},"compositions":[{"aggregate":"incomplete"}],"vulnerabilities":["#)
    }

    fn finding(
        &mut self,
        finding: &Finding,
        out: &mut dyn Write,
        behind: &mut dyn Write,
    ) -> io::Result<bool> {
        let Some(verdict) = verdict(finding.summary.status) else { return Ok(false) };
        let named = vulnerabilities(finding);
        if named.is_empty() {
            return Ok(false);
        }
        let part = affected(finding);
        let reference = part.reference.clone();
        if !self.components.contains(&reference) {
            entry(behind, self.components.is_empty(), &part)?;
            self.components.insert(reference.clone());
        }
        for named in named {
            entry(out, !self.began, &vulnerability(finding, named, verdict, reference.clone()))?;
            self.began = true;
        }
        Ok(true)
    }

    fn between(&mut self, out: &mut dyn Write) -> io::Result<()> {
        raw(out, "\n],\"components\":[")
    }

    fn end(&mut self, out: &mut dyn Write) -> io::Result<()> {
        raw(out, "\n]}\n")
    }
}
