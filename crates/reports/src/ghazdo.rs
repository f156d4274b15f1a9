//! Alerts of GitHub Advanced Security for Azure DevOps, as its REST API gives them (`alert/repositories/{id}/alerts`).
//! What each field becomes: `docs/formats/azure-devops-alerts.md`.

use std::marker::PhantomData;

use model::{
    Component, Coverage, CoverageExtent, FindingKind, Location, Observation, ReportedSuppression, ScanRun,
    Severity, Vulnerability,
};
use serde::Deserialize;

use crate::ReadSeek;
use crate::error::{Error, ErrorKind};
use crate::json::lenient::{FromOne, Words, list, object_or_nothing};
use crate::json::walk::{Agreed, ObjectOrList, Rows, each_result};
use crate::json::{self, Bulk, Top};
use crate::limits::Limits;
use crate::outline::Outline;
use crate::output::Output;
use crate::text::{self, add_new, advisories_in, body, cwes_in, short};
use crate::{component, found, severity};

const BULK: Bulk = Bulk { keys: &["value"], depth: 1, top: Top::Elements };

#[derive(Default, Deserialize)]
#[serde(default)]
struct Answer {
    value: Rows,
}

/// `truncatedSecret` and `validationFingerprints` hold the secret, or parts of it, and are not even read.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Alert {
    alert_id: Words,
    alert_type: Words,
    title: Words,
    severity: Words,
    state: Words,
    git_ref: Words,
    repository_url: Words,
    dismissal: Option<Dismissal>,
    #[serde(deserialize_with = "list")]
    physical_locations: Vec<PhysicalLocation>,
    #[serde(deserialize_with = "list")]
    logical_locations: Vec<LogicalLocation>,
    #[serde(deserialize_with = "list")]
    tools: Vec<Tool>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Dismissal {
    dismissal_type: Words,
    message: Words,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PhysicalLocation {
    file_path: Words,
    #[serde(deserialize_with = "object_or_nothing")]
    region: Region,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Region {
    line_start: FromOne,
    line_end: FromOne,
    column_start: FromOne,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct LogicalLocation {
    fully_qualified_name: Words,
    kind: Words,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Tool {
    name: Words,
    #[serde(deserialize_with = "list")]
    rules: Vec<Rule>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Rule {
    opaque_id: Words,
    friendly_name: Words,
    description: Words,
    help_message: Words,
    resources: Words,
    tags: Words,
}

pub(crate) fn looks_like(outline: &Outline) -> bool {
    ["value[]", "[]"]
        .iter()
        .any(|at| outline.has_all(&[&format!("{at}.alertId"), &format!("{at}.alertType")]))
}

pub(crate) fn read(input: &mut dyn ReadSeek, limits: &Limits, output: &mut Output<'_>) -> Result<(), Error> {
    let document: ObjectOrList<Answer> = json::header_pass(input, limits, BULK, PhantomData)?;
    if !document.list.is_there() && !document.object.value.is_there() {
        let reason = "`value` with a list of alerts was expected, as Azure DevOps gives it";
        return Err(ErrorKind::invalid(reason).into());
    }
    let (mut repository, mut branch) = (Agreed::default(), Agreed::default());
    let mut count = 0_usize;
    each_result(input, limits, BULK, &mut |_, row| {
        let alert: Alert = row.read()?;
        if alert.alert_id.first().is_none() || alert.alert_type.first().is_none() {
            return Err(ErrorKind::invalid("this is no alert: `alertId` and `alertType` are missing").into());
        }
        count += 1;
        repository.hear(alert.repository_url.first().and_then(short));
        branch.hear(alert.git_ref.first().and_then(|name| short(name.strip_prefix("refs/heads/")?)));
        Ok(())
    })?;
    // A page holds 100 alerts unless another number was asked for; the token for the next is in a header.
    let cut = count > 0 && count.is_multiple_of(100);
    output.run(ScanRun {
        scanner: "Advanced Security for Azure DevOps".to_owned(),
        target: repository.on(),
        branch: branch.on(),
        coverage: Coverage {
            extent: if cut { CoverageExtent::Partial } else { CoverageExtent::Full },
            ..Coverage::default()
        },
        ..ScanRun::default()
    })?;
    each_result(input, limits, BULK, &mut |_, row| {
        let alert: Alert = row.read()?;
        if is(&alert.state, "fixed") {
            output.left_out("`state` is fixed: it is no longer seen");
            return Ok(());
        }
        let decided = is(&alert.state, "dismissed") || is(&alert.state, "autoDismissed");
        Ok(output.observation(Observation {
            suppression: decided.then_some(ReportedSuppression::Accepted),
            ..alert.observation()
        })?)
    })
}

fn is(words: &Words, word: &str) -> bool {
    words.first().is_some_and(|first| first.eq_ignore_ascii_case(word))
}

impl Alert {
    fn kind(&self) -> FindingKind {
        match self.alert_type.first().unwrap_or_default().to_ascii_lowercase().as_str() {
            "dependency" => FindingKind::Component,
            "secret" => FindingKind::Secret,
            _ => FindingKind::Code,
        }
    }

    fn observation(&self) -> Observation {
        let none = Rule::default();
        let rule = self.tools.iter().flat_map(|tool| &tool.rules).next().unwrap_or(&none);
        let kind = self.kind();
        // A dependency's rule is named by its advisories.
        let mut ids: Vec<String> = Vec::new();
        if kind == FindingKind::Component {
            let names = [&rule.opaque_id, &rule.friendly_name].into_iter().filter_map(Words::first);
            add_new(&mut ids, names.flat_map(advisories_in));
        }
        if ids.is_empty() {
            let names = [&rule.friendly_name, &rule.opaque_id, &self.title];
            let name = names.iter().find_map(|name| short(name.first()?));
            ids.push(name.unwrap_or_else(|| "unnamed".to_owned()));
        }
        let id = ids.remove(0);
        let mut cwes = Vec::new();
        let mut tags = Vec::new();
        add_new(&mut tags, self.tools.iter().filter_map(|tool| short(tool.name.first()?)));
        for tag in &rule.tags.0 {
            let found = cwes_in(tag);
            if found.is_empty() {
                add_new(&mut tags, short(tag));
            }
            add_new(&mut cwes, found);
        }
        let definition = Vulnerability {
            aliases: ids,
            name: self.title.first().and_then(short),
            description: rule.description.first().and_then(body),
            remediation: rule.help_message.first().and_then(body),
            cwes,
            references: text::references(rule.resources.0.iter().map(String::as_str)),
            tags,
            id,
            ..Vulnerability::default()
        };
        let mut places = self.physical_locations.iter().map(place).filter(|place| !place.path.is_empty());
        let location = places.next().unwrap_or_default();
        let related_locations = places.take(1_000).collect();
        let word = self.severity.first();
        let grade = word.and_then(severity::word).unwrap_or(Severity::Info);
        let observation = match kind {
            FindingKind::Component => component::observation(definition, self.component(), grade, location),
            kind => found::observation(kind, definition, grade, location),
        };
        Observation {
            scanner_severity: word.and_then(short),
            message: self.dismissal.as_ref().and_then(|dismissal| self.told(dismissal)),
            related_locations,
            scanner_fingerprints: found::fingerprint("alert", self.alert_id.first()),
            ..observation
        }
    }

    /// Why it was dismissed. What people write about a secret may quote it.
    fn told(&self, dismissal: &Dismissal) -> Option<String> {
        let why = dismissal.dismissal_type.first()?;
        let comment = dismissal.message.first().filter(|_| self.kind() != FindingKind::Secret);
        body(&match comment {
            Some(comment) => format!("Dismissed as {why}: {comment}"),
            None => format!("Dismissed as {why}."),
        })
    }

    /// The vulnerable dependency, given as its name with the version behind it.
    fn component(&self) -> Option<Component> {
        let named = |place: &&LogicalLocation| place.fully_qualified_name.first().is_some();
        let vulnerable =
            self.logical_locations.iter().filter(named).find(|place| !is(&place.kind, "rootDependency"));
        let name = vulnerable.or(self.logical_locations.iter().find(named))?.fully_qualified_name.first()?;
        let split = name.rsplit_once([' ', '@']).filter(|(name, version)| {
            !name.trim().is_empty()
                && version.trim_start_matches('v').starts_with(|c: char| c.is_ascii_digit())
        });
        let (name, version) = split.map_or((name, None), |(name, version)| (name, Some(version)));
        Some(Component { name: short(name)?, version: version.and_then(short), ..Component::default() })
    }
}

fn place(of: &PhysicalLocation) -> Location {
    let start_line = of.region.line_start.0;
    Location {
        path: of
            .file_path
            .first()
            .map(|path| text::one_line(path.trim_start_matches('/')))
            .unwrap_or_default(),
        start_line,
        end_line: of.region.line_end.0.filter(|end| start_line.is_some_and(|start| *end >= start)),
        start_column: of.region.column_start.0.filter(|_| start_line.is_some()),
        ..Location::default()
    }
}
