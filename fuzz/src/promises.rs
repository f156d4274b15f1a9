//! What `model` promises of every run and observation, and the lengths that `reports` cuts texts to.

use model::{Component, FindingKind, Location, Observation, ScanRun, Vulnerability};

/// Longest title in characters.
const TITLE: usize = 500;
/// Longest message, description and remediation in characters.
const BODY: usize = 20_000;
/// Longest snippet in characters.
const SNIPPET: usize = 4_000;
/// Longest path, address or id in characters; a path from the root has one more.
const NAME: usize = 4_001;
/// Most references.
const REFERENCES: usize = 20;
/// Most aliases, CWEs, tags, related locations and fingerprints of one observation.
const LIST: usize = 1_000;

pub(crate) fn of_run(run: &ScanRun) {
    text("scanner", &run.scanner, TITLE);
    for (what, value) in [
        ("scanner version", &run.scanner_version),
        ("configuration", &run.configuration),
        ("run id", &run.run_id),
        ("branch", &run.branch),
        ("commit", &run.commit),
        ("target", &run.target),
    ] {
        optional(what, value, NAME);
    }
}

pub(crate) fn of_observation(observation: &Observation) {
    text("title", &observation.title, TITLE);
    assert!(!observation.title.chars().any(char::is_control), "a title is one line: {:?}", observation.title);
    of_vulnerability(&observation.vulnerability);
    optional("message", &observation.message, BODY);
    optional("scanner severity", &observation.scanner_severity, TITLE);
    list("related locations", observation.related_locations.len());
    for location in std::iter::once(&observation.location).chain(&observation.related_locations) {
        of_location(location);
        assert!(
            observation.kind != FindingKind::Secret || location.snippet.is_none(),
            "a secret has no snippet"
        );
    }
    if let Some(component) = &observation.component {
        of_component(component);
    }
    list("fingerprints", observation.scanner_fingerprints.len());
    for (name, value) in &observation.scanner_fingerprints {
        text("name of a fingerprint", name, NAME);
        text("fingerprint", value, NAME);
    }
}

fn of_vulnerability(vulnerability: &Vulnerability) {
    text("id", &vulnerability.id, NAME);
    optional("name", &vulnerability.name, TITLE);
    optional("description", &vulnerability.description, BODY);
    optional("remediation", &vulnerability.remediation, BODY);
    optional("CVSS vector", &vulnerability.cvss_vector, TITLE);
    if let Some(score) = vulnerability.cvss_score {
        assert!((0.0..=10.0).contains(&score), "a score of {score}");
    }
    assert!(!vulnerability.aliases.contains(&vulnerability.id), "an id is no alias of itself");
    list("aliases", vulnerability.aliases.len());
    list("CWEs", vulnerability.cwes.len());
    list("tags", vulnerability.tags.len());
    for word in vulnerability.aliases.iter().chain(&vulnerability.tags) {
        text("alias or tag", word, NAME);
    }
    assert!(vulnerability.references.len() <= REFERENCES, "{} references", vulnerability.references.len());
    for page in &vulnerability.references {
        let scheme = page.split(':').next().unwrap_or_default();
        assert!(["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known)), "{page}");
    }
}

fn of_location(location: &Location) {
    at_most("path", &location.path, NAME);
    optional("snippet", &location.snippet, SNIPPET);
    optional("logical place", &location.logical, NAME);
    for number in [location.start_line, location.end_line, location.start_column] {
        assert!(number != Some(0), "lines and columns count from 1");
    }
}

fn of_component(component: &Component) {
    text("component", &component.name, NAME);
    for (what, value) in [
        ("version", &component.version),
        ("fixed version", &component.fixed_version),
        ("ecosystem", &component.ecosystem),
        ("package URL", &component.purl),
        ("path of a component", &component.path),
    ] {
        optional(what, value, NAME);
    }
}

fn optional(what: &str, value: &Option<String>, most: usize) {
    if let Some(value) = value {
        at_most(what, value, most);
    }
}

/// Not empty, and of at most so many characters.
fn text(what: &str, value: &str, most: usize) {
    assert!(!value.is_empty(), "{what}: empty");
    at_most(what, value, most);
}

fn at_most(what: &str, value: &str, most: usize) {
    let count = value.chars().count();
    assert!(count <= most, "{what}: {count} characters, at most {most} are promised");
}

fn list(what: &str, count: usize) {
    assert!(count <= LIST, "{count} {what}, at most {LIST} are meant");
}
