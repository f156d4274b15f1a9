//! SonarQube: answers of its API (issues, hotspots) and the JSON of sonar-report. What each field becomes:
//! `docs/formats/sonarqube.md`.

use std::collections::HashMap;

use model::{
    Coverage, CoverageExtent, FindingKind, Location, Observation, ReportedSuppression, ScanRun, Severity,
    Vulnerability,
};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};

use crate::ReadSeek;
use crate::error::{Error, ErrorKind};
use crate::json::lenient::{FromOne, Words, list, object_or_nothing};
use crate::json::seeds::object;
use crate::json::walk::{Agreed, Rows, each_result};
use crate::json::{self, Bulk, Top};
use crate::limits::Limits;
use crate::outline::Outline;
use crate::output::Output;
use crate::text::{self, add_new, advisories_in, body, cwes_in, short};
use crate::{found, html};

const BULK: Bulk = Bulk { keys: &["issues", "hotspots"], depth: 1, top: Top::Header };

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Answer {
    issues: Rows,
    hotspots: Rows,
    #[serde(deserialize_with = "object_or_nothing")]
    paging: Paging,
    #[serde(deserialize_with = "list")]
    components: Vec<Part>,
    rules: Rules,
    /// Of sonar-report.
    project_name: Words,
    sonar_component: Words,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Paging {
    total: Words,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Part {
    key: Words,
    path: Words,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Rule {
    key: Words,
    name: Words,
    html_desc: Words,
}

/// A list of rules (API), or a map of them by key (sonar-report).
#[derive(Default)]
struct Rules(HashMap<String, Rule>);

impl<'de> Deserialize<'de> for Rules {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Rules;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a list or a map of rules")
            }
            fn visit_unit<E>(self) -> Result<Rules, E> {
                Ok(Rules::default())
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Rules, A::Error> {
                let mut rules = HashMap::new();
                while let Some(rule) = seq.next_element::<Rule>()? {
                    if let Some(key) = rule.key.first() {
                        rules.insert(key.to_owned(), rule);
                    }
                }
                Ok(Rules(rules))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Rules, A::Error> {
                let mut rules = HashMap::new();
                while let Some((key, rule)) = map.next_entry()? {
                    rules.insert(key, rule);
                }
                Ok(Rules(rules))
            }
        }
        deserializer.deserialize_any(Either)
    }
}

/// An issue, or a security hotspot. `author` is left out: it is a person's address.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Issue {
    key: Words,
    rule: Words,
    rule_key: Words,
    component: Words,
    project: Words,
    line: FromOne,
    #[serde(deserialize_with = "object_or_nothing")]
    text_range: Range,
    message: Words,
    severity: Words,
    #[serde(deserialize_with = "list")]
    impacts: Vec<Impact>,
    vulnerability_probability: Words,
    security_category: Words,
    status: Words,
    issue_status: Words,
    resolution: Words,
    #[serde(rename = "type")]
    kind: Words,
    tags: Words,
    branch: Words,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Range {
    start_line: FromOne,
    end_line: FromOne,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Impact {
    software_quality: Words,
    severity: Words,
}

pub(crate) fn looks_like(outline: &Outline) -> bool {
    let report = outline.has_any(&["sonarComponent", "sonarBaseURL"]) && outline.has("issues");
    let entry = ["issues[]", "hotspots[]"].iter().any(|at| {
        outline.has_all(&[&format!("{at}.component"), &format!("{at}.key")])
            && outline.has_any(&[&format!("{at}.rule"), &format!("{at}.ruleKey")])
    });
    let empty = outline.has("paging.total") && outline.has_any(&["issues", "hotspots"]);
    report || entry || empty
}

pub(crate) fn read(input: &mut dyn ReadSeek, limits: &Limits, output: &mut Output<'_>) -> Result<(), Error> {
    let answer: Answer = json::header_pass(input, limits, BULK, object())?;
    if !answer.issues.is_there() && !answer.hotspots.is_there() {
        let reason = "`issues` or `hotspots` was expected, as SonarQube's API gives them";
        return Err(ErrorKind::invalid(reason).into());
    }
    let (mut project, mut branch) = (Agreed::default(), Agreed::default());
    each_result(input, limits, BULK, &mut |_, row| {
        let issue: Issue = row.read()?;
        project.hear(issue.project.first().and_then(short));
        branch.hear(issue.branch.first().and_then(short));
        Ok(())
    })?;
    let named =
        [&answer.sonar_component, &answer.project_name].into_iter().find_map(|name| short(name.first()?));
    let count = answer.issues.0.unwrap_or(0) + answer.hotspots.0.unwrap_or(0);
    let cut = answer.paging.total.number().is_some_and(|total| total > count as f64);
    output.run(ScanRun {
        scanner: "SonarQube".to_owned(),
        // Issues and hotspots come from different addresses: what one does not list, the other may.
        configuration: match (answer.issues.is_there(), answer.hotspots.is_there()) {
            (false, true) => Some("hotspots".to_owned()),
            _ => None,
        },
        target: named.or(project.on()),
        branch: branch.on(),
        coverage: Coverage {
            extent: if cut { CoverageExtent::Partial } else { CoverageExtent::Full },
            ..Coverage::default()
        },
        ..ScanRun::default()
    })?;
    let header = Header::new(answer);
    each_result(input, limits, BULK, &mut |_, row| {
        let issue: Issue = row.read()?;
        match state(&issue) {
            State::Gone => {
                output.left_out("the issue is closed: SonarQube no longer sees it, or it was fixed")
            }
            state => output.observation(Observation {
                suppression: matches!(state, State::Decided).then_some(ReportedSuppression::Accepted),
                ..header.observation(&issue)
            })?,
        }
        Ok(())
    })
}

enum State {
    Open,
    Decided,
    Gone,
}

fn state(of: &Issue) -> State {
    let words = [&of.issue_status, &of.resolution, &of.status]
        .map(|word| word.first().unwrap_or_default().to_ascii_uppercase().replace('-', "_"));
    let any = |known: &[&str]| words.iter().any(|word| known.contains(&word.as_str()));
    if any(&["FALSE_POSITIVE", "WONTFIX", "ACCEPTED", "SAFE", "ACKNOWLEDGED"]) {
        State::Decided
    } else if any(&["FIXED", "REMOVED", "CLOSED"]) {
        State::Gone
    } else {
        State::Open
    }
}

/// SonarQube's own five steps, then the three of its newer impacts, then the probability of a hotspot.
fn severity(of: &Issue) -> (Severity, Option<String>) {
    let security = of.impacts.iter().find(|impact| impact.software_quality.first() == Some("SECURITY"));
    let impact = security.or(of.impacts.first()).map(|impact| &impact.severity);
    let word =
        of.severity.first().or_else(|| impact?.first()).or_else(|| of.vulnerability_probability.first());
    let severity = match word.unwrap_or_default().to_ascii_uppercase().as_str() {
        "BLOCKER" => Severity::Critical,
        "CRITICAL" | "HIGH" => Severity::High,
        "MAJOR" | "MEDIUM" => Severity::Medium,
        "MINOR" | "LOW" => Severity::Low,
        _ => Severity::Info,
    };
    (severity, word.and_then(short))
}

struct Header {
    paths: HashMap<String, String>,
    rules: HashMap<String, Rule>,
}

impl Header {
    fn new(answer: Answer) -> Self {
        let paths = answer.components.iter();
        let paths =
            paths.filter_map(|part| Some((part.key.first()?.to_owned(), part.path.first()?.to_owned())));
        Self { paths: paths.collect(), rules: answer.rules.0 }
    }

    /// Path of a file: from the list of components, else what stands behind the project in the key. A project has none.
    fn path(&self, of: &Issue) -> String {
        let Some(key) = of.component.first() else { return String::new() };
        let path = match (self.paths.get(key), of.project.first()) {
            (Some(path), _) => path,
            (None, Some(project)) if key == project => "",
            (None, Some(project)) => {
                key.strip_prefix(project).map_or(key, |rest| rest.trim_start_matches(':'))
            }
            (None, None) => key,
        };
        text::one_line(path)
    }

    fn observation(&self, of: &Issue) -> Observation {
        let id = [&of.rule, &of.rule_key].into_iter().find_map(|id| short(id.first()?));
        let id = id.unwrap_or_else(|| "unnamed".to_owned());
        let rule = self.rules.get(&id);
        let message = of.message.first();
        let mut tags = Vec::new();
        add_new(&mut tags, of.kind.first().map(|kind| kind.to_ascii_lowercase().replace('_', " ")));
        add_new(&mut tags, of.security_category.first().and_then(short));
        add_new(&mut tags, of.tags.0.iter().filter_map(|tag| short(tag)));
        let mut cwes: Vec<u32> = Vec::new();
        add_new(&mut cwes, of.tags.0.iter().flat_map(|tag| cwes_in(tag)));
        add_new(&mut cwes, message.map(cwes_in).unwrap_or_default());
        let start_line = of.text_range.start_line.0.or(of.line.0);
        let location = Location {
            path: self.path(of),
            start_line,
            end_line: of.text_range.end_line.0.filter(|end| start_line.is_some_and(|start| *end >= start)),
            ..Location::default()
        };
        let is_secret = id.starts_with("secrets:");
        let kind = if is_secret { FindingKind::Secret } else { FindingKind::Code };
        let (severity, word) = severity(of);
        let definition = Vulnerability {
            aliases: message.map(advisories_in).unwrap_or_default(),
            name: rule.and_then(|rule| short(rule.name.first()?)),
            description: rule.and_then(|rule| body(&html::to_text(rule.html_desc.first()?))),
            cwes,
            tags,
            id,
            ..Vulnerability::default()
        };
        let told = definition.name.as_deref().or(message);
        let title =
            text::title(&[message.filter(|_| !is_secret), told], &definition.id, Some(&location.path));
        Observation {
            title,
            scanner_severity: word,
            message: message.and_then(body),
            scanner_fingerprints: found::fingerprint("sonarqube", of.key.first()),
            ..found::observation(kind, definition, severity, location)
        }
    }
}
