//! Kubescape's JSON (version 2). What each field becomes: `docs/formats/kubescape.md`.

use std::collections::{BTreeMap, HashMap};

use model::{
    Coverage, FindingKind, Location, Observation, ReportedSuppression, ScanRun, Severity, Vulnerability,
};
use serde::Deserialize;

use crate::ReadSeek;
use crate::error::{Error, ErrorKind};
use crate::json::lenient::{TextOr, Words, list, map, object_or_nothing};
use crate::json::seeds::object;
use crate::json::walk::{Rows, each_result};
use crate::json::{self, Bulk, Top};
use crate::limits::Limits;
use crate::outline::Outline;
use crate::output::Output;
use crate::text::{self, body, short, time};
use crate::{found, severity};

const BULK: Bulk = Bulk { keys: &["results"], depth: 1, top: Top::Header };

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Report {
    generation_time: Words,
    cluster_name: Words,
    #[serde(rename = "reportGUID")]
    report_guid: Words,
    #[serde(deserialize_with = "list")]
    resources: Vec<Resource>,
    #[serde(deserialize_with = "object_or_nothing")]
    summary_details: Summary,
    results: Rows,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Summary {
    #[serde(deserialize_with = "map")]
    controls: BTreeMap<String, ControlSummary>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ControlSummary {
    score_factor: Words,
    description: Words,
    remediation: Words,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Resource {
    #[serde(rename = "resourceID")]
    id: Words,
    #[serde(deserialize_with = "object_or_nothing")]
    object: Manifest,
    #[serde(deserialize_with = "object_or_nothing")]
    source: Source,
}

/// A manifest; of subjects of access rights, name and namespace stand at the top.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Manifest {
    kind: Words,
    name: Words,
    namespace: Words,
    #[serde(deserialize_with = "object_or_nothing")]
    metadata: Metadata,
    source_path: Words,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Metadata {
    name: Words,
    namespace: Words,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Source {
    relative_path: Words,
}

/// What the controls say about one resource.
#[derive(Default, Deserialize)]
#[serde(default)]
struct ResourceResult {
    #[serde(rename = "resourceID")]
    id: Words,
    #[serde(deserialize_with = "list")]
    controls: Vec<Control>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Control {
    #[serde(rename = "controlID")]
    id: Words,
    name: Words,
    severity: Words,
    /// A word in old versions; none at all in the oldest.
    status: Option<TextOr<Status>>,
    #[serde(deserialize_with = "list")]
    rules: Vec<Rule>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    status: Words,
    sub_status: Words,
}

impl From<String> for Status {
    fn from(word: String) -> Self {
        Self { status: Words(vec![word]), ..Self::default() }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Rule {
    status: Words,
    #[serde(deserialize_with = "list")]
    paths: Vec<Path>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Path {
    failed_path: Words,
    review_path: Words,
    delete_path: Words,
    #[serde(deserialize_with = "object_or_nothing")]
    fix_path: Fix,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Fix {
    path: Words,
    value: Words,
}

pub(crate) fn looks_like(outline: &Outline) -> bool {
    outline.has("summaryDetails") && outline.has_any(&["results", "resources", "generationTime"])
        || outline.has_all(&["results[].resourceID", "results[].controls"])
        // The list of resources may be longer than what is looked at.
        || outline.has_all(&["customerGUID", "reportGUID", "resources"])
}

pub(crate) fn read(input: &mut dyn ReadSeek, limits: &Limits, output: &mut Output<'_>) -> Result<(), Error> {
    let report: Report = json::header_pass(input, limits, BULK, object())?;
    if report.generation_time.first().is_none() && report.summary_details.controls.is_empty() {
        let reason = "the keys of a report of Kubescape (`summaryDetails`, `results`) are missing; write it with `--format json --format-version v2`";
        return Err(ErrorKind::invalid(reason).into());
    }
    output.run(scan(&report))?;
    let places: HashMap<&str, Place> = report
        .resources
        .iter()
        .filter_map(|resource| Some((resource.id.first()?, Place::of(resource))))
        .collect();
    each_result(input, limits, BULK, &mut |_, row| {
        let result: ResourceResult = row.read()?;
        let Some(id) = result.id.first() else {
            return Err(ErrorKind::invalid("this is no result of Kubescape: `resourceID` is missing").into());
        };
        let unknown = Place::of_id(id);
        let place = places.get(id).unwrap_or(&unknown);
        for control in &result.controls {
            match verdict(control) {
                Verdict::Passed => output.left_out("the control passed for the resource"),
                Verdict::Skipped => output.left_out("the control was skipped, or a person must review it"),
                verdict => {
                    let about = control.id.first().and_then(|id| report.summary_details.controls.get(id));
                    output.observation(Observation {
                        suppression: matches!(verdict, Verdict::Excepted)
                            .then_some(ReportedSuppression::Accepted),
                        ..observation(control, about, place)
                    })?;
                }
            }
        }
        Ok(())
    })
}

/// The report lists every control that ran, so absence of others proves nothing.
fn scan(report: &Report) -> ScanRun {
    let controls: Vec<String> = report.summary_details.controls.keys().filter_map(|id| short(id)).collect();
    ScanRun {
        scanner: "Kubescape".to_owned(),
        run_id: report.report_guid.first().and_then(short),
        started_at: report.generation_time.first().and_then(time),
        target: report.cluster_name.first().and_then(short),
        coverage: Coverage { rules: (!controls.is_empty()).then_some(controls), ..Coverage::default() },
        ..ScanRun::default()
    }
}

enum Verdict {
    Failed,
    /// Failed, and an exception was made.
    Excepted,
    Passed,
    Skipped,
}

fn verdict(of: &Control) -> Verdict {
    let given = of.status.as_ref().map(|TextOr(status)| status);
    let word = given.and_then(|status| status.status.first());
    let sub = given.and_then(|status| status.sub_status.first()).unwrap_or_default().to_ascii_lowercase();
    let rules = || of.rules.iter().any(|rule| rule.status.first() == Some("failed"));
    match word.map(str::to_ascii_lowercase).as_deref() {
        _ if sub.contains("exception") => Verdict::Excepted,
        Some("failed") => Verdict::Failed,
        Some("excluded") => Verdict::Excepted,
        Some("passed" | "irrelevant") => Verdict::Passed,
        Some("skipped") => Verdict::Skipped,
        _ if rules() => Verdict::Failed,
        _ => Verdict::Passed,
    }
}

/// Where a resource stands: its file if it has one, else its place in the cluster.
struct Place {
    path: String,
    name: String,
}

impl Place {
    fn of(resource: &Resource) -> Self {
        let object = &resource.object;
        let first = |choices: [&Words; 2]| choices.into_iter().find_map(|words| short(words.first()?));
        let namespace = first([&object.metadata.namespace, &object.namespace]);
        let name = first([&object.metadata.name, &object.name]);
        let parts = [namespace, object.kind.first().and_then(short), name];
        let name = parts.into_iter().flatten().collect::<Vec<_>>().join("/");
        if name.is_empty() {
            return Self::of_id(resource.id.first().unwrap_or_default());
        }
        // The file is given with the position of the document in it.
        let file = first([&resource.source.relative_path, &object.source_path]);
        let file = file.map(|file| match file.rsplit_once(':') {
            Some((path, number)) if number.bytes().all(|byte| byte.is_ascii_digit()) => path.to_owned(),
            _ => file,
        });
        Self { path: file.unwrap_or_else(|| name.clone()), name }
    }

    /// `path=123/api=apps/v1/namespace/Deployment/web`: the number in front changes from run to run.
    fn of_id(id: &str) -> Self {
        let parts = id.split('/').filter(|part| !part.is_empty() && !part.starts_with("path="));
        let name = text::one_line(&parts.collect::<Vec<_>>().join("/"));
        Self { path: name.clone(), name }
    }
}

fn observation(of: &Control, about: Option<&ControlSummary>, place: &Place) -> Observation {
    let id = of.id.first().and_then(short).unwrap_or_else(|| "unnamed".to_owned());
    let factor = about.and_then(|about| about.score_factor.number());
    let grade = of.severity.first().and_then(severity::word);
    let grade = grade.or_else(|| factor.and_then(Severity::from_cvss_score)).unwrap_or(Severity::Info);
    let definition = Vulnerability {
        name: of.name.first().and_then(short),
        description: about.and_then(|about| body(about.description.first()?)),
        remediation: about.and_then(|about| body(about.remediation.first()?)),
        id,
        ..Vulnerability::default()
    };
    let location = Location { path: place.path.clone(), logical: short(&place.name), ..Location::default() };
    Observation {
        title: text::title(&[definition.name.as_deref()], &definition.id, Some(&place.name)),
        scanner_severity: of.severity.first().and_then(short),
        message: message(of),
        ..found::observation(FindingKind::Misconfiguration, definition, grade, location)
    }
}

/// The fields that failed, or what to set them to.
fn message(of: &Control) -> Option<String> {
    let mut lines: Vec<String> = Vec::new();
    for path in
        of.rules.iter().filter(|rule| rule.status.first() != Some("passed")).flat_map(|rule| &rule.paths)
    {
        let line = match (path.fix_path.path.first(), path.fix_path.value.first()) {
            (Some(fix), Some(value)) => Some(format!("Set {fix} to {value}.")),
            _ => [&path.failed_path, &path.delete_path, &path.review_path]
                .into_iter()
                .find_map(|path| Some(format!("At {}.", path.first()?))),
        };
        text::add_new(&mut lines, line);
    }
    body(&lines.join("\n"))
}
