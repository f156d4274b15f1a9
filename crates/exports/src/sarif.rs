//! SARIF 2.1.0 (OASIS) of the open findings, as one run of Lockstep. Section numbers are those of the standard.

use std::collections::HashMap;
use std::io::{self, Write};

use api::Finding;
use chrono::{DateTime, SecondsFormat, Utc};
use model::{Component, FindingKind, Location, Severity, Status};
use serde::Serialize;

use crate::text::{self, clean, line, page, purl};
use crate::{About, Writer, entry, raw, value};

/// What a result stands for: somebody may still have to do something about it.
pub(crate) const OPEN: [Status; 5] =
    [Status::Created, Status::Identified, Status::InProgress, Status::Waiting, Status::AwaitingValidation];

/// The base of paths below the root of an asset.
const ROOT: &str = "%SRCROOT%";

/// The document.
pub(crate) struct Sarif {
    about: About,
    began: bool,
    /// Positions of the rules that were written, by their ids.
    rules: HashMap<String, usize>,
}

impl Sarif {
    pub(crate) fn new(about: About) -> Self {
        Self { about, began: false, rules: HashMap::new() }
    }
}

#[derive(Serialize)]
struct Message {
    text: String,
}

impl Message {
    /// Plain text, with no embedded link in it (3.11.6): where a link would lead is said by a stranger. A space keeps
    /// label and address apart also where a viewer does not know that brackets can be escaped.
    fn new(text: &str) -> Self {
        Self { text: clean(text).replace("](", "] (") }
    }

    fn some(text: Option<&str>) -> Option<Self> {
        text.filter(|text| !text.trim().is_empty()).map(Self::new)
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    id: String,
    short_description: Message,
    #[serde(skip_serializing_if = "Option::is_none")]
    full_description: Option<Message>,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<Message>,
    #[serde(skip_serializing_if = "Option::is_none")]
    help_uri: Option<String>,
    default_configuration: Configuration,
    properties: RuleProperties,
}

#[derive(Serialize)]
struct Configuration {
    level: &'static str,
}

#[derive(Serialize)]
struct RuleProperties {
    tags: Vec<String>,
    #[serde(rename = "security-severity")]
    security_severity: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SarifResult {
    guid: String,
    rule_id: String,
    rule_index: usize,
    level: &'static str,
    message: Message,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    locations: Vec<Place>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related_locations: Vec<Place>,
    partial_fingerprints: HashMap<String, String>,
    hosted_viewer_uri: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    work_item_uris: Vec<String>,
    properties: Properties,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Place {
    #[serde(skip_serializing_if = "Option::is_none")]
    physical_location: Option<Physical>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    logical_locations: Vec<Logical>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Physical {
    artifact_location: Artifact,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<Region>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Artifact {
    uri: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    uri_base_id: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_column: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_line: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    snippet: Option<Snippet>,
}

#[derive(Serialize)]
struct Snippet {
    text: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Logical {
    fully_qualified_name: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Properties {
    #[serde(rename = "security-severity")]
    security_severity: String,
    asset: String,
    kind: &'static str,
    status: &'static str,
    scanner: String,
    first_seen_at: DateTime<Utc>,
    last_seen_at: DateTime<Utc>,
    #[serde(flatten)]
    component: Option<OfComponent>,
}

/// By the names that producers of SARIF use.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OfComponent {
    component: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    component_version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    component_origin: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purl: Option<String>,
}

impl OfComponent {
    fn new(component: &Component) -> Self {
        Self {
            component: line(&component.name),
            component_version: component.version.as_deref().map(line),
            component_origin: component.ecosystem.as_deref().map(line),
            purl: component.purl.as_deref().and_then(purl),
        }
    }
}

/// 3.27.10. `none` is for what is no failure, so what is informational is a note too.
fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Info => "note",
    }
}

/// The CVSS score where it says the same as the severity, else the middle of the severity's step.
fn security_severity(finding: &Finding) -> String {
    let severity = finding.summary.severity;
    let score = finding.vulnerability.cvss_score;
    if let Some(score) = score.filter(|score| Severity::from_cvss_score(*score) == Some(severity)) {
        return format!("{score:.1}");
    }
    match severity {
        Severity::Critical => "9.5",
        Severity::High => "8.0",
        Severity::Medium => "5.5",
        Severity::Low => "2.0",
        Severity::Info => "0.0",
    }
    .to_owned()
}

fn rule(finding: &Finding, id: String) -> Rule {
    let about = &finding.vulnerability;
    let mut tags = vec!["security".to_owned()];
    let cwes = about.cwes.iter().map(|cwe| format!("external/cwe/cwe-{cwe:03}"));
    let secret = (finding.summary.kind == FindingKind::Secret).then(|| "secret".to_owned());
    let others = about.aliases.iter().chain(&about.tags).map(|tag| line(tag));
    for tag in cwes.chain(secret).chain(others) {
        if !tag.is_empty() && !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    let name = about.name.as_deref().map(line).filter(|name| !name.is_empty());
    Rule {
        short_description: Message::new(name.as_deref().unwrap_or(&id)),
        full_description: Message::some(about.description.as_deref()),
        help: Message::some(about.remediation.as_deref()),
        help_uri: about.references.iter().find_map(|reference| page(reference)),
        default_configuration: Configuration { level: level(finding.summary.severity) },
        properties: RuleProperties { tags, security_severity: security_severity(finding) },
        id,
    }
}

fn place(location: &Location) -> Option<Place> {
    let artifact = match location.path.as_str() {
        "" => None,
        path if text::is_address(path) => {
            Some(Artifact { uri: text::address(&line(path)), uri_base_id: None })
        }
        path if path.starts_with('/') => Some(Artifact { uri: text::path(path), uri_base_id: None }),
        path => Some(Artifact { uri: text::path(path), uri_base_id: Some(ROOT) }),
    };
    // 3.30.1: lines and columns count from 1, and the last line is not before the first.
    let region = location.start_line.filter(|first| *first > 0).map(|first| Region {
        start_line: first,
        start_column: location.start_column.filter(|column| *column > 0),
        end_line: location.end_line.filter(|last| *last >= first),
        snippet: location.snippet.as_deref().map(|snippet| Snippet { text: clean(snippet) }),
    });
    let physical = artifact.map(|artifact_location| Physical { artifact_location, region });
    let logical = location.logical.as_deref().map(|name| Logical { fully_qualified_name: line(name) });
    (physical.is_some() || logical.is_some())
        .then(|| Place { physical_location: physical, logical_locations: logical.into_iter().collect() })
}

/// Under a name that says the version, so that those of two versions are never compared (3.27.17).
fn fingerprints(fingerprint: &str) -> HashMap<String, String> {
    let version = fingerprint.split_once(':').map_or("0", |(version, _)| version);
    HashMap::from([(format!("lockstep/v{version}"), fingerprint.to_owned())])
}

fn result(finding: &Finding, rule_id: String, rule_index: usize, server: &str) -> SarifResult {
    let summary = &finding.summary;
    let said = finding.message.as_deref().filter(|message| !message.trim().is_empty());
    SarifResult {
        guid: summary.id.to_string(),
        rule_id,
        rule_index,
        level: level(summary.severity),
        message: Message::new(said.unwrap_or(&summary.title)),
        locations: place(&finding.location).into_iter().collect(),
        related_locations: finding.related_locations.iter().filter_map(place).collect(),
        partial_fingerprints: fingerprints(&finding.fingerprint),
        hosted_viewer_uri: format!("{}findings/{}", text::address(server), summary.id),
        work_item_uris: summary
            .ticket
            .as_ref()
            .and_then(|ticket| page(ticket.url.as_deref()?))
            .into_iter()
            .collect(),
        properties: Properties {
            security_severity: security_severity(finding),
            asset: line(&summary.asset.name),
            kind: summary.kind.as_str(),
            status: summary.status.as_str(),
            scanner: line(&summary.scanner),
            first_seen_at: summary.first_seen_at,
            last_seen_at: summary.last_seen_at,
            component: finding.component.as_ref().map(OfComponent::new),
        },
    }
}

impl Writer for Sarif {
    fn begin(&mut self, out: &mut dyn Write) -> io::Result<()> {
        raw(out, r#"{"$schema":"https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/"#)?;
        raw(out, r#"sarif-schema-2.1.0.json","version":"2.1.0","runs":[{"automationDetails":{"guid":"#)?;
        value(out, &self.about.id)?;
        raw(out, r#"},"invocations":[{"executionSuccessful":true,"startTimeUtc":"#)?;
        value(out, &self.about.at.to_rfc3339_opts(SecondsFormat::Secs, true))?;
        raw(out, r#"}],"originalUriBaseIds":{"%SRCROOT%":{"description":{"text":"#)?;
        value(out, &"The root of the asset that the property bag of the result names.")?;
        raw(out, r#"}}},"results":["#)
    }

    fn finding(
        &mut self,
        finding: &Finding,
        out: &mut dyn Write,
        behind: &mut dyn Write,
    ) -> io::Result<bool> {
        if !finding.summary.status.is_open() {
            return Ok(false);
        }
        let id = line(&finding.vulnerability.id);
        let next = self.rules.len();
        let index = match self.rules.get(&id) {
            Some(index) => *index,
            None => {
                entry(behind, next == 0, &rule(finding, id.clone()))?;
                self.rules.insert(id.clone(), next);
                next
            }
        };
        entry(out, !self.began, &result(finding, id, index, &self.about.server))?;
        self.began = true;
        Ok(true)
    }

    fn between(&mut self, out: &mut dyn Write) -> io::Result<()> {
        raw(out, "\n],\"tool\":{\"driver\":{\"name\":\"Lockstep\",\"version\":")?;
        value(out, &self.about.version)?;
        raw(out, ",\"rules\":[")
    }

    fn end(&mut self, out: &mut dyn Write) -> io::Result<()> {
        raw(out, "\n]}}}]}\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_open_status_is_asked_for_and_no_other() {
        for status in Status::ALL {
            assert_eq!(OPEN.contains(&status), status.is_open(), "{status}");
        }
    }

    #[test]
    fn a_message_holds_no_link() {
        assert_eq!(
            Message::new("see [this](javascript:1) and a[0]").text,
            "see [this] (javascript:1) and a[0]"
        );
    }
}
