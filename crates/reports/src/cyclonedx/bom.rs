//! What a bill of materials says, whatever its spelling, and what becomes of it.

use std::collections::HashMap;

use ::model::{
    Component, Coverage, CoverageExtent, Location, Observation, ReportedSuppression, ScanRun, Severity,
    Vulnerability as Definition,
};
use percent_encoding::percent_decode_str;
use serde::Deserialize;

use crate::component;
use crate::cvss;
use crate::json::lenient::{Words, list, object_or_nothing};
use crate::purl;
use crate::severity;
use crate::text::{self, add_new, body, cwe, short, time};

/// What is known of the whole document. Held in memory, so bounded by `Limits::max_header_bytes`.
#[derive(Default)]
pub(super) struct Bom {
    /// `urn:uuid:…` of the document.
    pub(super) serial_number: Option<String>,
    /// Its version, from 1.
    pub(super) version: Option<String>,
    pub(super) timestamp: Option<String>,
    /// The first of the tools that made it.
    pub(super) tool: Option<Tool>,
    /// What the document describes.
    pub(super) subject: Option<Part>,
    /// Whether an inventory of components is there, perhaps empty.
    pub(super) has_components: bool,
    /// Whether a list of vulnerabilities is there, perhaps empty.
    pub(super) has_vulnerabilities: bool,
    /// Whether the document calls itself incomplete (`compositions[].aggregate`).
    pub(super) incomplete: bool,
    /// Components and services by their reference.
    pub(super) parts: HashMap<String, Part>,
}

/// A tool and its version.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Tool {
    pub(super) name: Words,
    pub(super) version: Words,
}

/// A component or a service: something that can be affected.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Part {
    #[serde(rename = "bom-ref")]
    pub(super) reference: Words,
    pub(super) group: Words,
    pub(super) name: Words,
    pub(super) version: Words,
    pub(super) purl: Words,
    #[serde(deserialize_with = "list")]
    pub(super) components: Vec<Part>,
    #[serde(deserialize_with = "list")]
    pub(super) services: Vec<Part>,
}

/// One entry of `vulnerabilities`.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Vulnerability {
    pub(super) id: Words,
    #[serde(rename = "bom-ref")]
    pub(super) reference: Words,
    #[serde(deserialize_with = "object_or_nothing")]
    pub(super) source: Source,
    #[serde(deserialize_with = "list")]
    pub(super) references: Vec<Reference>,
    #[serde(deserialize_with = "list")]
    pub(super) ratings: Vec<Rating>,
    pub(super) cwes: Words,
    pub(super) description: Words,
    pub(super) detail: Words,
    pub(super) recommendation: Words,
    pub(super) workaround: Words,
    #[serde(deserialize_with = "list")]
    pub(super) advisories: Vec<Advisory>,
    #[serde(deserialize_with = "object_or_nothing")]
    pub(super) analysis: Analysis,
    #[serde(deserialize_with = "list")]
    pub(super) affects: Vec<Affects>,
    /// Set if somebody rejected the vulnerability's record itself (1.5).
    pub(super) rejected: Words,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Source {
    pub(super) name: Words,
    pub(super) url: Words,
}

/// The same vulnerability at another source.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Reference {
    pub(super) id: Words,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Rating {
    #[serde(deserialize_with = "object_or_nothing")]
    pub(super) source: Source,
    pub(super) score: Words,
    pub(super) severity: Words,
    pub(super) method: Words,
    pub(super) vector: Words,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Advisory {
    pub(super) url: Words,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Analysis {
    pub(super) state: Words,
    pub(super) justification: Words,
    pub(super) response: Words,
    pub(super) detail: Words,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Affects {
    #[serde(rename = "ref")]
    pub(super) reference: Words,
    #[serde(deserialize_with = "list")]
    pub(super) versions: Vec<AffectedVersion>,
}

/// A version or a range of versions, and whether it is affected.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct AffectedVersion {
    pub(super) version: Words,
    pub(super) range: Words,
    /// `affected` if there is none.
    pub(super) status: Words,
}

impl AffectedVersion {
    fn is(&self, status: &str) -> bool {
        self.status.first().unwrap_or("affected").eq_ignore_ascii_case(status)
    }

    fn text(&self) -> Option<&str> {
        self.version.first().or_else(|| self.range.first())
    }
}

/// What becomes of one vulnerability at one affected component.
pub(super) enum Outcome {
    Observation(Box<Observation>),
    LeftOut(&'static str),
}

impl Bom {
    /// Remembers a component or service with everything inside of it.
    pub(super) fn add(&mut self, mut part: Part) {
        for inner in part.components.drain(..).chain(part.services.drain(..)) {
            self.add(inner);
        }
        if let Some(reference) = part.reference.first() {
            self.parts.insert(reference.to_owned(), part);
        }
    }

    /// The run.
    ///
    /// Absence proves something only where the document holds an inventory and a list of vulnerabilities: a VEX
    /// document speaks of some vulnerabilities, a bare inventory of none.
    pub(super) fn scan(&self) -> ScanRun {
        let complete = self.has_components && self.has_vulnerabilities && !self.incomplete;
        let one = |words: &Words| words.first().and_then(short);
        let tool = self.tool.as_ref();
        let run_id = self.serial_number.as_deref().and_then(short).map(|serial| {
            let parts = [Some(serial.as_str()), self.version.as_deref(), self.timestamp.as_deref()];
            text::one_line(&parts.into_iter().flatten().collect::<Vec<_>>().join("/"))
        });
        ScanRun {
            scanner: tool.and_then(|tool| one(&tool.name)).unwrap_or_else(|| "CycloneDX".to_owned()),
            scanner_version: tool.and_then(|tool| one(&tool.version)),
            run_id,
            started_at: self.timestamp.as_deref().and_then(time),
            target: self
                .subject
                .as_ref()
                .and_then(|subject| self.component(subject))
                .map(|subject| subject.name),
            coverage: Coverage {
                extent: if complete { CoverageExtent::Full } else { CoverageExtent::Partial },
                ..Coverage::default()
            },
            ..ScanRun::default()
        }
    }

    fn component(&self, part: &Part) -> Option<Component> {
        let purl_text = part.purl.first();
        let purl = purl_text.and_then(purl::parse);
        let ecosystem = purl.as_ref().map(|purl| purl.ecosystem.clone());
        let named = part.name.first().and_then(|name| {
            purl::qualified(ecosystem.as_deref().unwrap_or_default(), part.group.first(), name)
        });
        let purl_version = purl.as_ref().and_then(|purl| purl.version.clone());
        Some(Component {
            name: named.or_else(|| purl.map(|purl| purl.name))?,
            version: part.version.first().and_then(short).or(purl_version),
            ecosystem,
            purl: purl_text.filter(|purl| purl.starts_with("pkg:")).and_then(short),
            ..Component::default()
        })
    }

    /// The component that a reference means: of this document, or of another one, which a BOM-Link
    /// (`urn:cdx:serial/version#ref`) or a package URL names.
    fn affected(&self, affects: &Affects) -> Option<Component> {
        let reference = affects.reference.first()?;
        let fragment = reference.rsplit_once('#').filter(|_| reference.starts_with("urn:cdx:"));
        let inner = fragment.map(|(_, inner)| percent_decode_str(inner).decode_utf8_lossy());
        let inner = inner.as_deref().unwrap_or(reference);
        let known = [reference, inner].into_iter().find_map(|name| self.parts.get(name));
        let mut component = known.and_then(|part| self.component(part)).or_else(|| {
            let purl = purl::parse(inner);
            Some(Component {
                purl: purl.is_some().then(|| short(inner)).flatten(),
                ecosystem: purl.as_ref().map(|purl| purl.ecosystem.clone()),
                version: purl.as_ref().and_then(|purl| purl.version.clone()),
                name: purl.map_or_else(|| short(inner), |purl| Some(purl.name))?,
                ..Component::default()
            })
        })?;
        if component.version.is_none() {
            let mut versions = affects.versions.iter().filter(|one| one.is("affected"));
            component.version = match (versions.next(), versions.next()) {
                (Some(only), None) => only.version.first().and_then(short),
                _ => None,
            };
        }
        Some(component)
    }

    /// One outcome for each affected component; one in all if none is named.
    pub(super) fn outcomes(&self, of: &Vulnerability) -> Vec<Outcome> {
        if of.rejected.first().is_some() {
            let reason = "`rejected`: the record of the vulnerability was withdrawn";
            return of
                .affects
                .iter()
                .map(|_| Outcome::LeftOut(reason))
                .chain(of.affects.is_empty().then_some(Outcome::LeftOut(reason)))
                .collect();
        }
        if of.affects.is_empty() {
            let subject = self.subject.as_ref().and_then(|subject| self.component(subject));
            return vec![Outcome::Observation(Box::new(observation(of, subject, &[])))];
        }
        let outcome = |affects: &Affects| {
            let versions = &affects.versions;
            let unaffected = !versions.is_empty() && versions.iter().all(|version| version.is("unaffected"));
            if unaffected && !decided(&of.analysis) {
                return Outcome::LeftOut("`affects[].versions`: every version named is unaffected");
            }
            Outcome::Observation(Box::new(observation(of, self.affected(affects), versions)))
        };
        of.affects.iter().map(outcome).collect()
    }
}

fn observation(
    of: &Vulnerability,
    component: Option<Component>,
    versions: &[AffectedVersion],
) -> Observation {
    let mut ids = [&of.id].into_iter().chain(of.references.iter().map(|reference| &reference.id));
    let id = ids.find_map(|id| id.first().and_then(short)).or_else(|| of.reference.first().and_then(short));
    let id = id.unwrap_or_else(|| "unnamed".to_owned());
    let mut aliases = Vec::new();
    add_new(&mut aliases, of.references.iter().filter_map(|reference| short(reference.id.first()?)));
    aliases.retain(|alias| *alias != id);
    let mut cwes = Vec::new();
    add_new(&mut cwes, of.cwes.0.iter().filter_map(|id| cwe(id)));
    let judged = judge(of);
    let texts = [&of.description, &of.detail].map(|text| text.first().and_then(body));
    let description = match texts {
        [Some(description), Some(detail)] if detail != description => {
            body(&format!("{description}\n\n{detail}"))
        }
        [description, detail] => description.or(detail),
    };
    let advice = [&of.recommendation, &of.workaround].into_iter().filter_map(|text| body(text.first()?));
    let links = [of.source.url.first()].into_iter().flatten();
    let links = links.chain(of.advisories.iter().filter_map(|advisory| advisory.url.first()));
    let definition = Definition {
        aliases,
        description,
        remediation: body(&advice.collect::<Vec<_>>().join("\n\n")),
        cwes,
        cvss_vector: judged.vector,
        cvss_score: judged.score,
        references: text::references(links),
        id,
        ..Definition::default()
    };
    Observation {
        scanner_severity: judged.word,
        message: message(&of.analysis, versions),
        suppression: decided(&of.analysis).then_some(ReportedSuppression::Accepted),
        ..component::observation(definition, component, judged.severity, Location::default())
    }
}

/// Whether somebody decided that this needs no work here. `resolved` is such a word too: it is claimed, while only a
/// scan that no longer sees the vulnerability proves it.
fn decided(analysis: &Analysis) -> bool {
    let states = ["not_affected", "false_positive", "resolved", "resolved_with_pedigree"];
    analysis.state.first().is_some_and(|state| states.contains(&state))
}

fn message(analysis: &Analysis, versions: &[AffectedVersion]) -> Option<String> {
    let mut parts = Vec::new();
    let words = |words: &Words| words.0.join(", ").replace('_', " ");
    if let Some(state) = analysis.state.first() {
        let mut told = format!("Analysis: {}", state.replace('_', " "));
        if analysis.justification.first().is_some() {
            told.push_str(&format!(" ({})", words(&analysis.justification)));
        }
        if analysis.response.first().is_some() {
            told.push_str(&format!("; response: {}", words(&analysis.response)));
        }
        parts.push(format!("{told}."));
    }
    parts.extend(analysis.detail.first().map(str::to_owned));
    let affected: Vec<&str> =
        versions.iter().filter(|one| one.is("affected")).filter_map(|one| one.text()).take(20).collect();
    if !affected.is_empty() {
        parts.push(format!("Affected versions: {}.", affected.join(", ")));
    }
    body(&parts.join("\n"))
}

/// What the ratings say together.
struct Judged {
    severity: Severity,
    word: Option<String>,
    vector: Option<String>,
    score: Option<f64>,
}

/// The newest CVSS version, of the vulnerability's own source, else NVD, else the first; the severity is the word of the
/// vulnerability's own source, else of that rating, else the first that says one.
fn judge(of: &Vulnerability) -> Judged {
    let own = of.source.name.first();
    let trust = |rating: &Rating| match rating.source.name.first() {
        Some(name) if own.is_some_and(|own| own.eq_ignore_ascii_case(name)) => 0,
        Some(name) if name.eq_ignore_ascii_case("nvd") => 1,
        _ => 2,
    };
    let age = |rating: &Rating| match rating.method.first() {
        Some("CVSSv4") => 0,
        Some("CVSSv31") => 1,
        Some("CVSSv3") => 2,
        Some("CVSSv2") => 3,
        _ => 4,
    };
    let mut trusted: Vec<&Rating> = of.ratings.iter().collect();
    trusted.sort_by_key(|rating| trust(rating));
    let cvss = cvss::newest_of(trusted.into_iter().map(|rating| {
        // A number of another method is no score of CVSS.
        let score = rating.score.number().filter(|_| age(rating) < 4);
        (cvss::Rating::new(rating.vector.first(), rating.method.first(), score), rating)
    }));
    let (cvss, rating_of_cvss) = cvss.unzip();
    let cvss = cvss.unwrap_or_default();
    let says = |rating: &&Rating| rating.severity.first().and_then(severity::word).is_some();
    let own_word =
        of.ratings.iter().filter(|rating| trust(rating) == 0 && says(rating)).min_by_key(|one| age(one));
    let told = own_word.or(rating_of_cvss.filter(says)).or_else(|| of.ratings.iter().find(says));
    let told = told.or_else(|| of.ratings.first());
    let word = told.and_then(|rating| short(rating.severity.first()?));
    Judged {
        severity: severity::judge(word.as_deref(), cvss.score),
        word,
        vector: cvss.vector,
        score: cvss.score,
    }
}
