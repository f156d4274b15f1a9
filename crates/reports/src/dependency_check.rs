//! The XML report of OWASP Dependency-Check, schemas 1.3 to 2.5 and later.
//!
//! What each field means: `docs/formats/dependency-check.md`.

use chrono::{DateTime, Utc};
use model::{Component, Location, Observation, ReportedSuppression, ScanRun, Vulnerability};

use crate::cvss::{Rating, newest_of};
use crate::error::{Error, ErrorKind};
use crate::limits::Limits;
use crate::output::Output;
use crate::text::{self, add_new, body, cwe, one_line, short};
use crate::xml::{self, Element, Step, Visitor};
use crate::{ReadSeek, component, draft, purl, severity};

const DEPENDENCY: &str = "analysis/dependencies/dependency";
/// Further places kept of one result.
const MAX_PLACES: usize = 1_000;

/// Whether a file with this root element and these further elements is one.
pub(crate) fn is_root(root: &str, paths: &[&str]) -> bool {
    root == "analysis"
        && paths.iter().any(|path| matches!(*path, "analysis/scanInfo" | "analysis/projectInfo"))
}

pub(crate) fn read(input: &mut dyn ReadSeek, limits: &Limits, output: &mut Output<'_>) -> Result<(), Error> {
    let mut head = Head::default();
    xml::walk(input, limits, &mut head)?;
    output.run(ScanRun {
        scanner: "OWASP Dependency-Check".to_owned(),
        scanner_version: head.version,
        started_at: head.reported_at,
        target: head.project,
        ..ScanRun::default()
    })?;
    xml::walk(input, limits, &mut Dependencies { output })
}

/// What the report says about the run.
#[derive(Default)]
struct Head {
    version: Option<String>,
    project: Option<String>,
    reported_at: Option<DateTime<Utc>>,
}

impl Visitor for Head {
    fn begin(&mut self, path: &str, _: &Element) -> Result<Step, ErrorKind> {
        Ok(match path {
            "analysis" | "analysis/scanInfo" | "analysis/projectInfo" => Step::Enter,
            "analysis/scanInfo/engineVersion"
            | "analysis/projectInfo/name"
            | "analysis/projectInfo/reportDate" => Step::Take,
            _ => Step::Skip,
        })
    }

    fn take(&mut self, path: &str, element: Element) -> Result<(), ErrorKind> {
        let words = element.words();
        match path.rsplit('/').next() {
            Some("engineVersion") => self.version = words.and_then(short),
            Some("name") => self.project = words.and_then(short),
            _ => self.reported_at = words.and_then(report_date),
        }
        Ok(())
    }
}

/// RFC 3339, or as old versions write it, without a colon in the zone.
fn report_date(text: &str) -> Option<DateTime<Utc>> {
    let old = || DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%z").ok().map(|time| time.to_utc());
    text::time(text).or_else(old)
}

struct Dependencies<'a, 'o> {
    output: &'a mut Output<'o>,
}

impl Visitor for Dependencies<'_, '_> {
    fn begin(&mut self, path: &str, _: &Element) -> Result<Step, ErrorKind> {
        Ok(match path {
            "analysis" | "analysis/dependencies" => Step::Enter,
            DEPENDENCY => Step::Take,
            _ => Step::Skip,
        })
    }

    fn take(&mut self, _: &str, dependency: Element) -> Result<(), ErrorKind> {
        let Some(found) = dependency.child("vulnerabilities") else { return Ok(()) };
        let component = component_of(&dependency);
        for vulnerability in &found.children {
            let suppressed = vulnerability.name == "suppressedVulnerability";
            if suppressed || vulnerability.name == "vulnerability" {
                let mut observation = observation(vulnerability, &component, &dependency);
                observation.suppression = suppressed.then_some(ReportedSuppression::Accepted);
                self.output.observation(observation)?;
            }
        }
        Ok(())
    }
}

/// Where the component is: the archive or the manifest around it (`app.war: lib-1.2.jar`, `package-lock.json?/lodash`),
/// else its own file without the version, which an upgrade would change.
///
/// The whole path is one of the computer that was scanned; the name is the same everywhere.
fn path_of(file: &str, version: Option<&str>) -> String {
    let file = one_line(file);
    if let Some((around, _)) = file.split_once(": ").or_else(|| file.split_once('?')) {
        return around.to_owned();
    }
    match version {
        Some(version) => file.replacen(&format!("-{version}"), "", 1),
        None => file,
    }
}

fn component_of(dependency: &Element) -> Component {
    let identifiers = dependency.child("identifiers");
    let texts = |path: &str| {
        let found = identifiers.map(|identifiers| identifiers.under(path)).unwrap_or_default();
        found.into_iter().filter_map(Element::words).map(str::to_owned).collect::<Vec<_>>()
    };
    if let Some((url, parsed)) =
        texts("package/id").into_iter().find_map(|id| Some((id.clone(), purl::parse(&id)?)))
    {
        return Component {
            name: parsed.name,
            version: parsed.version,
            ecosystem: Some(parsed.ecosystem),
            purl: short(&url),
            ..Component::default()
        };
    }
    // Before schema 2: `group:artifact:version` with a type.
    let identifier = identifiers.and_then(|identifiers| {
        identifiers.all("identifier").find(|one| one.attribute("type").is_some_and(|kind| kind != "cpe"))
    });
    if let Some((kind, name)) =
        identifier.and_then(|one| Some((one.attribute("type")?, one.text_of("name")?)))
    {
        let (name, version) = name.trim_matches(['(', ')']).rsplit_once(':').unwrap_or((name, ""));
        if let Some(name) = short(name) {
            return Component {
                name,
                version: short(version),
                ecosystem: short(kind),
                ..Component::default()
            };
        }
    }
    let file = dependency.text_of("fileName").and_then(short).unwrap_or_else(|| "unnamed".to_owned());
    Component {
        name: dependency.text_of("name").and_then(short).unwrap_or(file),
        version: dependency.text_of("version").and_then(short),
        ..Component::default()
    }
}

/// The newest version of CVSS, with its word for the severity. Schema 2 gives the metrics one by one.
fn cvss(of: &Element) -> (Rating, Option<&str>) {
    let score = |element: &Element, name: &str| element.text_of(name).and_then(draft::cvss_score);
    let joined = |version: &Element, prefix: &str, metrics: &[(&str, &str)]| {
        let parts: Option<Vec<String>> = metrics
            .iter()
            .map(|(name, letter)| {
                Some(format!("{letter}:{}", version.text_of(name)?.chars().next()?.to_ascii_uppercase()))
            })
            .collect();
        parts.map(|parts| format!("{prefix}{}", parts.join("/")))
    };
    let four = of.child("cvssV4").map(|v4| {
        let rating = Rating::new(v4.text_of("vectorString"), Some("4.0"), score(v4, "baseScore"));
        (rating, v4.text_of("baseSeverity"))
    });
    let three = of.child("cvssV3").map(|v3| {
        let prefix = format!("CVSS:{}/", v3.text_of("version").unwrap_or("3.1"));
        let metrics = [
            ("attackVector", "AV"),
            ("attackComplexity", "AC"),
            ("privilegesRequired", "PR"),
            ("userInteraction", "UI"),
            ("scope", "S"),
            ("confidentialityImpact", "C"),
            ("integrityImpact", "I"),
            ("availabilityImpact", "A"),
        ];
        let vector = joined(v3, &prefix, &metrics);
        (Rating::new(vector.as_deref(), Some("3.1"), score(v3, "baseScore")), v3.text_of("baseSeverity"))
    });
    let two = of.child("cvssV2").map(|v2| {
        let metrics = [
            ("accessVector", "AV"),
            ("accessComplexity", "AC"),
            ("authenticationr", "Au"),
            ("confidentialImpact", "C"),
            ("integrityImpact", "I"),
            ("availabilityImpact", "A"),
        ];
        let vector = joined(v2, "", &metrics);
        (Rating::new(vector.as_deref(), Some("2.0"), score(v2, "score")), v2.text_of("severity"))
    });
    let old = (Rating::new(None, None, score(of, "cvssScore")), None);
    newest_of([four, three, two, Some(old)].into_iter().flatten()).unwrap_or_default()
}

fn observation(of: &Element, component: &Component, dependency: &Element) -> Observation {
    let (cvss, word_of_cvss) = cvss(of);
    let word = of.text_of("severity").or(word_of_cvss);
    let mut cwes = Vec::new();
    add_new(
        &mut cwes,
        of.under("cwes/cwe")
            .into_iter()
            .chain(of.all("cwe"))
            .take(text::MAX_IDS)
            .filter_map(|one| cwe(one.words()?)),
    );
    let vulnerability = Vulnerability {
        id: of.text_of("name").and_then(short).unwrap_or_else(|| "unnamed".to_owned()),
        description: of.text_of("description").and_then(body),
        cwes,
        cvss_vector: cvss.vector,
        cvss_score: cvss.score,
        references: text::references(
            of.under("references/reference").into_iter().filter_map(|reference| reference.text_of("url")),
        ),
        ..Vulnerability::default()
    };
    let file = dependency.text_of("fileName").unwrap_or_default();
    let path = path_of(file, component.version.as_deref());
    let location = Location { path, logical: short(file), ..Location::default() };
    let severity = severity::judge(word, cvss.score);
    let mut observation = component::observation(vulnerability, Some(component.clone()), severity, location);
    observation.scanner_severity = word.and_then(short);
    // Why it was suppressed, in the words of who did it.
    observation.message = of.text_of("notes").and_then(body);
    observation.related_locations = dependency
        .under("relatedDependencies/relatedDependency")
        .into_iter()
        .filter_map(|related| short(related.text_of("fileName")?))
        .take(MAX_PLACES)
        .map(|path| Location { path, ..Location::default() })
        .collect();
    observation
}
