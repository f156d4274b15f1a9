//! From one SARIF result to one observation.

use std::collections::BTreeMap;

use model::{Component, FindingKind, Location, Observation, ReportedSuppression, Severity, Vulnerability};

use super::message::{self, without_links};
use super::model::{self as sarif, Rule, SarifResult, ToolComponent};
use super::rules::rule_id;
use super::run::Header;
use crate::json::lenient::Words;
use crate::text::{self, add_new, advisories_in, body, cwe, cwes_in, one_line, short};

/// Further places kept of one result.
const MAX_PLACES: usize = 1_000;
/// Fingerprints kept of one result.
const MAX_FINGERPRINTS: usize = 50;

/// Why a result is no observation, if so: it is no weakness (3.27.9), or it is gone (3.27.24).
pub(super) fn left_out(result: &SarifResult) -> Option<&'static str> {
    match result.kind.as_deref() {
        Some("pass") => return Some("kind is `pass`: the check found nothing"),
        Some("notApplicable") => return Some("kind is `notApplicable`: the rule does not apply"),
        Some("informational") => return Some("kind is `informational`: no weakness"),
        _ => {}
    }
    (result.baseline_state.as_deref() == Some("absent"))
        .then_some("baselineState is `absent`: no longer there")
}

pub(super) fn observation(result: &SarifResult, header: &Header) -> Observation {
    let found = header.rules.of(result);
    let rule = found.map(|(rule, _)| rule);
    let no_texts = ToolComponent::default();
    let component_texts = found.map(|(_, part)| part).or(header.rules.driver()).unwrap_or(&no_texts);
    let said = result.message.as_ref().and_then(|said| message::resolve(said, rule, component_texts));

    let mut places: Vec<Location> = result
        .locations
        .iter()
        .chain(&result.related_locations)
        .take(MAX_PLACES)
        .map(|one| place(one, header))
        .collect();
    let mut kind = FindingKind::Code;
    let component = component(result, rule, said.as_deref());
    if is_secret(rule, result, header) {
        kind = FindingKind::Secret;
    } else if let Some(of_rule) = rule.and_then(kind_by_name) {
        kind = of_rule;
    } else if component.is_some() {
        kind = FindingKind::Component;
    }
    let said = if kind == FindingKind::Secret { without_secrets(said, &mut places) } else { said };

    let has_primary = !result.locations.is_empty();
    let mut places = places.into_iter();
    let location = if has_primary { places.next().unwrap_or_default() } else { Location::default() };
    let mut related_locations: Vec<Location> = Vec::new();
    add_new(
        &mut related_locations,
        places.filter(|one| *one != location && (!one.path.is_empty() || one.logical.is_some())),
    );

    let vulnerability = vulnerability(result, rule, said.as_deref(), component.is_some());
    let level = level(result, rule, header);
    let scores = [Some(&result.properties), rule.map(|rule| &rule.properties)];
    let score = scores.into_iter().flatten().find_map(|bag| bag.security_severity.number());
    let score = score.filter(|score| (0.0..=10.0).contains(score));
    let severity = score.and_then(Severity::from_cvss_score).unwrap_or_else(|| severity(&level));
    let scanner_severity = match scores.into_iter().flatten().find_map(|bag| bag.security_severity.first()) {
        Some(word) => Some(format!("security-severity {}", one_line(word))),
        None => Some(level),
    };

    let plain = said.as_deref().map(without_links);
    let rule_title = rule.and_then(|rule| rule.short_description.as_ref()?.plain()).map(without_links);
    let rule_name = rule.and_then(|rule| rule.name.as_deref()).filter(|name| name.contains(' '));
    let title = text::title(
        &[rule_title.as_deref(), rule_name, plain.as_deref()],
        &vulnerability.id,
        Some(place_name(&location, component.as_ref()).as_str()),
    );
    Observation {
        kind,
        severity,
        scanner_severity,
        title,
        message: plain_or_none(said, &vulnerability),
        location,
        related_locations,
        component,
        scanner_fingerprints: fingerprints(result),
        suppression: suppression(result),
        vulnerability: Vulnerability { cvss_score: score, ..vulnerability },
    }
}

fn plain_or_none(said: Option<String>, vulnerability: &Vulnerability) -> Option<String> {
    let said = body(&said?)?;
    (vulnerability.description.as_ref() != Some(&said)).then_some(said)
}

fn place_name(location: &Location, component: Option<&Component>) -> String {
    match component {
        Some(component) => match &component.version {
            Some(version) => format!("{} {version}", component.name),
            None => component.name.clone(),
        },
        None if location.path.is_empty() => location.logical.clone().unwrap_or_default(),
        None => location.path.clone(),
    }
}

/// The level by 3.27.10: the result's, the invocation's for the rule, the rule's default, `warning`; `none` for what is no failure.
fn level(result: &SarifResult, rule: Option<&Rule>, header: &Header) -> String {
    let invocation = result.provenance.as_ref().and_then(|one| one.invocation_index.0);
    let overrides = invocation
        .and_then(|index| header.overrides.get(index))
        .or_else(|| header.overrides.first().filter(|_| header.overrides.len() == 1));
    let of_invocation = rule.zip(overrides).and_then(|(rule, overrides)| {
        let at = |position: usize| result.rule_index.0 == Some(position);
        let hit = overrides
            .iter()
            .find(|one| one.descriptor.as_ref().is_some_and(|reference| reference.means(rule, at)))?;
        hit.configuration.as_ref()?.level.as_deref()
    });
    let of_rule = rule.and_then(|rule| {
        let level =
            rule.default_configuration.as_ref().and_then(|configuration| configuration.level.as_deref());
        level.or_else(|| rule.properties.problem_severity.first())
    });
    let fallback = match result.kind.as_deref() {
        None | Some("fail") => of_invocation.or(of_rule).unwrap_or("warning"),
        Some(_) => "none",
    };
    one_line(result.level.as_deref().unwrap_or(fallback))
}

fn severity(level: &str) -> Severity {
    match level.to_ascii_lowercase().as_str() {
        "error" => Severity::High,
        "note" | "recommendation" => Severity::Low,
        "none" => Severity::Info,
        // `warning` is the standard's default; words it does not know are read as such.
        other => other.parse().unwrap_or(Severity::Medium),
    }
}

fn place(location: &sarif::Location, header: &Header) -> Location {
    let physical = location.physical_location.as_ref();
    let artifact = physical.and_then(|physical| physical.artifact_location.as_ref());
    let region = physical.and_then(|physical| physical.region.as_ref());
    let context = physical.and_then(|physical| physical.context_region.as_ref());
    let snippet_of = |region: &sarif::Region| text::snippet(region.snippet.as_ref()?.text.as_deref()?);
    let start_line = region.and_then(|region| region.start_line.0);
    let end_line = region
        .and_then(|region| region.end_line.0)
        .filter(|end| start_line.is_some_and(|start| *end >= start));
    Location {
        path: artifact.map(|artifact| path(artifact, header)).unwrap_or_default(),
        start_line,
        end_line,
        start_column: region.and_then(|region| region.start_column.0).filter(|_| start_line.is_some()),
        snippet: region.and_then(snippet_of).or_else(|| context.and_then(snippet_of)),
        logical: location.logical_locations.iter().find_map(|one| logical(one, header)),
    }
}

fn path(artifact: &sarif::ArtifactLocation, header: &Header) -> String {
    let listed = || header.artifacts.get(artifact.index.0?)?.as_ref();
    let location = match &artifact.uri {
        Some(_) => Some(artifact),
        None => listed(),
    };
    location.map(|location| one_line(&header.bases.resolve(location))).unwrap_or_default()
}

fn logical(location: &sarif::LogicalLocation, header: &Header) -> Option<String> {
    let name = |one: &sarif::LogicalLocation| {
        [&one.fully_qualified_name, &one.name, &one.decorated_name]
            .into_iter()
            .flatten()
            .find_map(|name| short(name))
    };
    name(location).or_else(|| name(header.logical_locations.get(location.index.0?)?))
}

fn vulnerability(
    result: &SarifResult,
    rule: Option<&Rule>,
    said: Option<&str>,
    of_component: bool,
) -> Vulnerability {
    let given = rule_id(result).map(str::to_owned);
    let of_rule = || rule.and_then(|rule| rule.id.clone().or_else(|| rule.guid.clone()));
    let id = given.or_else(of_rule).and_then(|id| short(&id)).unwrap_or_else(|| id_from(said));

    let mut aliases = advisories_in(&id);
    let mut cwes = cwes_in(&id);
    let bags = [Some(&result.properties), rule.map(|rule| &rule.properties)];
    let mut tags: Vec<String> = Vec::new();
    for bag in bags.into_iter().flatten() {
        for tag in &bag.tags.0 {
            add_new(&mut cwes, cwes_in(tag));
            add_new(&mut aliases, advisories_in(tag));
            add_new(&mut tags, short(tag));
        }
        add_new(&mut cwes, bag.cwe.0.iter().filter_map(|text| cwe(text)));
    }
    let classes = rule.into_iter().flat_map(|rule| &rule.relationships).filter_map(|one| one.target.as_ref());
    for class in result.taxa.iter().chain(classes) {
        let of_cwe = class.tool_component.as_ref().and_then(|part| part.name.as_deref()) == Some("CWE");
        let id = class.id.as_deref().unwrap_or_default();
        add_new(&mut cwes, if of_cwe { cwe(id) } else { cwes_in(id).first().copied() });
    }
    if let Some(name) = rule.and_then(|rule| rule.name.as_deref()) {
        add_new(&mut aliases, advisories_in(name));
    }
    // Scanners of components append the component to the advisory (`CVE-2024-1-openssl`): the advisory is the definition.
    let id = match aliases.first() {
        Some(advisory) if of_component && id.len() > advisory.len() && starts_with(&id, advisory) => {
            advisory.clone()
        }
        _ => id,
    };
    aliases.retain(|alias| !alias.eq_ignore_ascii_case(&id));

    let rich =
        |one: fn(&Rule) -> Option<&sarif::Message>| rule.and_then(one).and_then(|text| body(text.rich()?));
    let description =
        rich(|rule| rule.full_description.as_ref()).or_else(|| rich(|rule| rule.short_description.as_ref()));
    let help = rich(|rule| rule.help.as_ref()).filter(|help| Some(help) != description.as_ref());
    let fix = result.fixes.iter().find_map(|fix| body(fix.description.as_ref()?.rich()?));
    Vulnerability {
        name: rule.and_then(|rule| {
            let short_description = rule.short_description.as_ref().and_then(|text| text.plain());
            short(short_description.or(rule.name.as_deref())?)
        }),
        description,
        remediation: help.or(fix),
        cwes,
        cvss_vector: None,
        cvss_score: None,
        references: text::references(rule.and_then(|rule| rule.help_uri.as_deref())),
        tags,
        aliases,
        id,
    }
}

fn starts_with(text: &str, start: &str) -> bool {
    text.get(..start.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(start))
}

/// A result without any rule still needs a definition: the words of its message that do not change from place to place.
fn id_from(said: Option<&str>) -> String {
    let line = said.and_then(text::first_line).map(without_links).unwrap_or_default();
    let words =
        line.split_whitespace().filter(|word| word.chars().all(|c| c.is_alphabetic() || "-,.:;".contains(c)));
    let slug: Vec<String> = words
        .map(|word| word.trim_matches(|c: char| !c.is_alphabetic()).to_lowercase())
        .filter(|word| !word.is_empty())
        .take(12)
        .collect();
    if slug.is_empty() { "no-rule".to_owned() } else { format!("message:{}", slug.join("-")) }
}

/// Trivy's SARIF names its rules by class.
fn kind_by_name(rule: &Rule) -> Option<FindingKind> {
    match rule.name.as_deref()? {
        "OsPackageVulnerability" | "LanguageSpecificPackageVulnerability" => Some(FindingKind::Component),
        "Misconfiguration" => Some(FindingKind::Misconfiguration),
        "Secret" => Some(FindingKind::Secret),
        "License" | "LicenseFile" => Some(FindingKind::License),
        _ => None,
    }
}

/// A secret if the scanner finds nothing else, or if the rule is tagged so.
fn is_secret(rule: Option<&Rule>, result: &SarifResult, header: &Header) -> bool {
    let tags = [Some(&result.properties), rule.map(|rule| &rule.properties)];
    header.finds_secrets
        || tags.into_iter().flatten().flat_map(|bag| &bag.tags.0).any(|tag| {
            ["secret", "secrets", "hardcoded-secret", "secret-detection"]
                .contains(&tag.trim().to_ascii_lowercase().as_str())
        })
        || rule.and_then(kind_by_name) == Some(FindingKind::Secret)
}

/// Takes the lines out of the places, and what they quote out of the message: the secret is never kept.
fn without_secrets(said: Option<String>, places: &mut [Location]) -> Option<String> {
    let quoted: Vec<String> = places.iter_mut().filter_map(|place| place.snippet.take()).collect();
    let mut said = said?;
    for line in quoted.iter().map(|line| line.trim()).filter(|line| line.len() >= 4) {
        said = said.replace(line, "[removed]");
    }
    Some(said)
}

/// The component, if the report names one: as package URL, as Black Duck's properties, or in the lines of the message
/// that Trivy and Grype write (`Package: …`, `Installed Version: …`, `Fixed Version: …`).
fn component(result: &SarifResult, rule: Option<&Rule>, said: Option<&str>) -> Option<Component> {
    let bags = [Some(&result.properties), rule.map(|rule| &rule.properties)];
    let first = |of: fn(&sarif::Properties) -> &Words| {
        bags.into_iter().flatten().find_map(|bag| short(of(bag).first()?))
    };
    let purl =
        first(|bag| &bag.purl).or_else(|| first(|bag| &bag.purls)).filter(|purl| purl.starts_with("pkg:"));
    let line = |label: &str| said?.lines().find_map(|line| short(line.trim().strip_prefix(label)?));
    let (ecosystem, name, version) = purl.as_deref().map_or((None, None, None), purl_parts);
    let component = Component {
        name: first(|bag| &bag.component).or_else(|| line("Package:")).or(name)?,
        version: first(|bag| &bag.component_version).or_else(|| line("Installed Version:")).or(version),
        fixed_version: line("Fixed Version:"),
        ecosystem: first(|bag| &bag.component_origin).or(ecosystem),
        purl,
        path: None,
    };
    Some(component)
}

/// Type, name with namespace and version of a package URL.
fn purl_parts(purl: &str) -> (Option<String>, Option<String>, Option<String>) {
    let rest = purl.trim_start_matches("pkg:").split(['?', '#']).next().unwrap_or_default();
    let Some((ecosystem, rest)) = rest.split_once('/') else { return (None, None, None) };
    let (name, version) = match rest.rsplit_once('@') {
        Some((name, version)) if !name.is_empty() => (name, Some(version)),
        _ => (rest, None),
    };
    let decode = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
    (short(ecosystem), short(&decode(name)), version.and_then(|version| short(&decode(version))))
}

/// In force if every suppression is accepted or has no status (3.27.23, 3.35.4).
fn suppression(result: &SarifResult) -> Option<ReportedSuppression> {
    if result.suppressions.is_empty() {
        return None;
    }
    let in_force = |one: &sarif::Suppression| {
        one.status.as_deref().or(one.state.as_deref()).is_none_or(|status| status == "accepted")
    };
    let all = result.suppressions.iter().all(in_force);
    Some(if all { ReportedSuppression::Accepted } else { ReportedSuppression::NotInForce })
}

/// Full fingerprints win over partial ones of the same name.
fn fingerprints(result: &SarifResult) -> BTreeMap<String, String> {
    let all = result.partial_fingerprints.iter().chain(&result.fingerprints);
    let mut kept = BTreeMap::new();
    for (name, words) in all {
        if let (Some(name), Some(value)) = (short(name), short(&words.0.join(" ")))
            && (kept.len() < MAX_FINGERPRINTS || kept.contains_key(&name))
        {
            kept.insert(name, value);
        }
    }
    kept
}
