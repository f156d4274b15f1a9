//! `npm audit --json` (report versions 1 and 2; pnpm writes version 1). What each field means: `docs/formats/npm-audit.md`.

use model::{Component, Location, Observation, ScanRun, Severity, Vulnerability};
use serde::Deserialize;

use crate::ReadSeek;
use crate::component;
use crate::cvss::Rating;
use crate::error::{Error, ErrorKind};
use crate::json::lenient::{Presence, Words, list, object_or_nothing};
use crate::json::seeds::object;
use crate::json::{self, Bulk, Top, ways};
use crate::limits::Limits;
use crate::outline::Outline;
use crate::output::Output;
use crate::severity;
use crate::text::{self, add_new, advisories_in, body, cwe, short};

const BULK: Bulk = Bulk { keys: &["vulnerabilities", "advisories"], depth: 1, top: Top::Header };
/// The definition of a package that is reported only because it needs vulnerable ones.
const NEEDS_VULNERABLE: &str = "npm:depends-on-vulnerable";

pub(crate) fn looks_like(outline: &Outline) -> bool {
    outline.has_all(&["auditReportVersion", "vulnerabilities"])
        || outline.has_all(&["advisories", "metadata", "actions"])
        || outline.has("advisories.*.module_name")
        || outline.has_all(&["error.code", "error.summary", "error.detail"])
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Head {
    audit_report_version: Words,
    vulnerabilities: Presence,
    advisories: Presence,
    run_id: Words,
    #[serde(deserialize_with = "object_or_nothing")]
    error: Failure,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Failure {
    code: Words,
    summary: Words,
}

pub(crate) fn read(input: &mut dyn ReadSeek, limits: &Limits, output: &mut Output<'_>) -> Result<(), Error> {
    let head: Head = json::header_pass(input, limits, BULK, object())?;
    let failed = [&head.error.code, &head.error.summary]
        .into_iter()
        .filter_map(|words| words.first())
        .collect::<Vec<_>>();
    if !failed.is_empty() {
        let message = short(&failed.join(": ")).unwrap_or_default();
        return Err(ErrorKind::RunFailed { scanner: "npm audit".to_owned(), message }.into());
    }
    let run = ScanRun {
        scanner: "npm audit".to_owned(),
        run_id: head.run_id.first().and_then(short),
        ..ScanRun::default()
    };
    match (head.audit_report_version.first(), head.vulnerabilities, head.advisories) {
        (Some("2"), Presence::Present, _) => {
            output.run(run)?;
            ways::results(input, limits, BULK, &["vulnerabilities.*"], |at, one: Package| {
                let name = one.name.first().or(at.key.as_deref()).unwrap_or_default().to_owned();
                let (advisories, packages): (Vec<&Cause>, Vec<&Cause>) =
                    one.via.iter().partition(|cause| matches!(cause, Cause::Advisory(_)));
                for cause in &advisories {
                    if let Cause::Advisory(advisory) = cause {
                        output.observation(vulnerable(&name, &one, advisory))?;
                    }
                }
                if advisories.is_empty() {
                    output.observation(needs_vulnerable(&name, &one, &packages))?;
                }
                Ok(())
            })
        }
        (None, _, Presence::Present) => {
            output.run(run)?;
            ways::results(input, limits, BULK, &["advisories.*"], |_, one: Advisory| {
                for observation in found(&one) {
                    output.observation(observation)?;
                }
                Ok(())
            })
        }
        (Some(version), ..) if version != "2" => {
            let reason = format!("version {} of npm's audit report is not known", text::shorten(version, 20));
            Err(Error::at_path(ErrorKind::invalid(reason), "auditReportVersion"))
        }
        _ => {
            let reason = "neither `vulnerabilities` nor `advisories` of an npm audit report is there; write the report \
                          with `npm audit --json`";
            Err(ErrorKind::invalid(reason).into())
        }
    }
}

/// A package of version 2.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Package {
    name: Words,
    severity: Words,
    is_direct: Words,
    #[serde(deserialize_with = "list")]
    via: Vec<Cause>,
    range: Words,
    nodes: Words,
    fix_available: Option<Fix>,
}

/// Why a package is listed: its own advisory, or the name of a package that it needs.
#[derive(Deserialize)]
#[serde(untagged)]
enum Cause {
    Name(String),
    Advisory(Box<OwnAdvisory>),
}

#[derive(Deserialize)]
struct OwnAdvisory {
    #[serde(default)]
    source: Words,
    #[serde(default)]
    title: Words,
    #[serde(default)]
    url: Words,
    #[serde(default)]
    severity: Words,
    #[serde(default)]
    cwe: Words,
    #[serde(default, deserialize_with = "object_or_nothing")]
    cvss: Cvss,
    #[serde(default)]
    range: Words,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Cvss {
    score: Words,
    vector_string: Words,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Fix {
    Known(bool),
    Upgrade {
        #[serde(default)]
        name: Words,
        #[serde(default)]
        version: Words,
        #[serde(default, rename = "isSemVerMajor")]
        major: Words,
    },
    Other(serde::de::IgnoredAny),
}

fn remedy(fix: Option<&Fix>) -> Option<String> {
    match fix? {
        Fix::Known(true) => Some("Run `npm audit fix`.".to_owned()),
        Fix::Known(false) => Some("npm knows no version that fixes this.".to_owned()),
        Fix::Upgrade { name, version, major } => {
            let breaking = if major.first() == Some("true") { " (a new major version)" } else { "" };
            Some(format!("Install {} {}{breaking}.", short(name.first()?)?, short(version.first()?)?))
        }
        Fix::Other(_) => None,
    }
}

/// The first version behind a range like `>=4.0.0 <4.3.1`; `None` if the last of it is still vulnerable.
fn behind(range: &str) -> Option<String> {
    let last = range.rsplit("||").next()?.split_whitespace().next_back()?;
    last.strip_prefix('<').filter(|version| !version.starts_with('=')).and_then(short)
}

fn severity(word: Option<&str>, vulnerability: &Vulnerability) -> Severity {
    severity::rated(word, vulnerability.cvss_score).unwrap_or(Severity::Medium)
}

fn with_cvss(vulnerability: Vulnerability, cvss: &Cvss) -> Vulnerability {
    let cvss = Rating::new(cvss.vector_string.first(), None, cvss.score.number());
    Vulnerability { cvss_vector: cvss.vector, cvss_score: cvss.score, ..vulnerability }
}

fn cwes(words: &Words) -> Vec<u32> {
    let mut cwes = Vec::new();
    add_new(&mut cwes, words.0.iter().filter_map(|word| cwe(word)));
    cwes
}

/// GitHub's id from the page of the advisory, else npm's number.
fn advisory_id(ids: &[Option<&str>], number: &Words) -> String {
    let advisory = ids.iter().flatten().find_map(|text| advisories_in(text).into_iter().next());
    advisory
        .or_else(|| Some(format!("npm:{}", short(number.first()?)?)))
        .unwrap_or_else(|| "unnamed".to_owned())
}

fn installed_at<'a>(paths: impl IntoIterator<Item = &'a String>) -> Vec<Location> {
    let mut places = Vec::new();
    let paths = paths.into_iter().map(|path| Location { path: text::path(path), ..Location::default() });
    add_new(&mut places, paths.filter(|place| !place.path.is_empty()).take(1_000));
    places
}

fn of_package(package: &Package, mut observation: Observation) -> Observation {
    if package.is_direct.first() == Some("true") {
        observation.vulnerability.tags.push("direct".to_owned());
    }
    Observation { related_locations: installed_at(&package.nodes.0), ..observation }
}

fn vulnerable(name: &str, package: &Package, advisory: &OwnAdvisory) -> Observation {
    let vulnerability = Vulnerability {
        id: advisory_id(&[advisory.url.first()], &advisory.source),
        name: advisory.title.first().and_then(short),
        cwes: cwes(&advisory.cwe),
        references: text::references(advisory.url.first()),
        remediation: remedy(package.fix_available.as_ref()),
        ..Vulnerability::default()
    };
    let vulnerability = with_cvss(vulnerability, &advisory.cvss);
    let range = advisory.range.first().or(package.range.first());
    let component =
        Component { fixed_version: range.and_then(behind), ..component::named("npm", name, None) };
    let word = advisory.severity.first().or(package.severity.first());
    let severity = severity(word, &vulnerability);
    let observation = component::vulnerable(vulnerability, component, severity, word, String::new());
    let message = range.and_then(short).map(|range| format!("Vulnerable versions: {range}."));
    Observation { message, ..of_package(package, observation) }
}

fn needs_vulnerable(name: &str, package: &Package, causes: &[&Cause]) -> Observation {
    let causes = causes.iter().filter_map(|cause| match cause {
        Cause::Name(name) => short(name),
        Cause::Advisory(_) => None,
    });
    let causes = causes.take(100).collect::<Vec<_>>().join(", ");
    let vulnerability = Vulnerability {
        id: NEEDS_VULNERABLE.to_owned(),
        name: Some("Depends on vulnerable packages".to_owned()),
        description: Some(
            "The package has no advisory of its own; it needs versions of other packages that have one."
                .to_owned(),
        ),
        remediation: remedy(package.fix_available.as_ref()),
        ..Vulnerability::default()
    };
    let word = package.severity.first();
    let severity = severity(word, &vulnerability);
    let title = match causes.is_empty() {
        true => format!("{name} depends on vulnerable packages"),
        false => format!("{name} depends on vulnerable versions of {causes}"),
    };
    let observation = component::vulnerable(
        vulnerability,
        component::named("npm", name, None),
        severity,
        word,
        String::new(),
    );
    Observation {
        title: text::title(&[Some(&title)], NEEDS_VULNERABLE, None),
        message: body(&format!("Because of: {causes}.")).filter(|_| !causes.is_empty()),
        ..of_package(package, observation)
    }
}

/// An advisory of version 1.
#[derive(Deserialize)]
struct Advisory {
    #[serde(default)]
    id: Words,
    #[serde(default)]
    github_advisory_id: Words,
    #[serde(default)]
    cves: Words,
    module_name: String,
    #[serde(default)]
    title: Words,
    #[serde(default)]
    overview: Words,
    #[serde(default)]
    recommendation: Words,
    #[serde(default)]
    references: Words,
    #[serde(default)]
    url: Words,
    #[serde(default)]
    severity: Words,
    #[serde(default)]
    cwe: Words,
    #[serde(default, deserialize_with = "object_or_nothing")]
    cvss: Cvss,
    #[serde(default)]
    patched_versions: Words,
    #[serde(default, deserialize_with = "list")]
    findings: Vec<Finding>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Finding {
    version: Words,
    paths: Words,
}

/// One observation for each installed version.
fn found(advisory: &Advisory) -> Vec<Observation> {
    let mut aliases = Vec::new();
    add_new(&mut aliases, advisory.cves.0.iter().filter_map(|id| short(id)));
    let links = advisory.references.0.iter().flat_map(|text| text.split_whitespace());
    let links = links.map(|word| word.trim_matches(['(', ')', '<', '>', '[', ']', ',', '-', '*']));
    let vulnerability = Vulnerability {
        id: advisory_id(&[advisory.github_advisory_id.first(), advisory.url.first()], &advisory.id),
        aliases,
        name: advisory.title.first().and_then(short),
        description: advisory.overview.first().and_then(body),
        remediation: advisory.recommendation.first().and_then(body),
        cwes: cwes(&advisory.cwe),
        references: text::references(advisory.url.first().into_iter().chain(links)),
        ..Vulnerability::default()
    };
    let vulnerability = with_cvss(vulnerability, &advisory.cvss);
    let word = advisory.severity.first();
    let severity = severity(word, &vulnerability);
    // Without a list of findings the advisory itself is all that the report says.
    let nothing = [Finding::default()];
    let findings = if advisory.findings.is_empty() { &nothing[..] } else { &advisory.findings };
    let observation = |finding: &Finding| {
        let patched = advisory.patched_versions.first().filter(|range| !range.starts_with('<'));
        let patched = patched.map(|range| range.trim_start_matches(['>', '=', ' ']));
        let component = Component {
            fixed_version: patched.and_then(short),
            ..component::named("npm", &advisory.module_name, finding.version.first())
        };
        Observation {
            related_locations: installed_at(&finding.paths.0),
            ..component::vulnerable(vulnerability.clone(), component, severity, word, String::new())
        }
    };
    findings.iter().map(observation).collect()
}
