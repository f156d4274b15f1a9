//! Code scanning alerts of the REST API.

use std::collections::BTreeMap;

use model::{FindingKind, Location, Observation, Severity, Vulnerability};
use serde::Deserialize;

use super::{Alert, State, branch_of, repository_of, said};
use crate::ReadSeek;
use crate::error::Error;
use crate::json::lenient::{FromOne, Words, object_or_nothing};
use crate::json::{Bulk, Top};
use crate::limits::Limits;
use crate::outline::Outline;
use crate::output::Output;
use crate::severity;
use crate::text::{self, add_new, body, cwes_in, short};

const BULK: Bulk = Bulk { keys: &[], depth: 1, top: Top::Elements };

pub(crate) fn looks_like(outline: &Outline) -> bool {
    ["[]", "[][]"].iter().any(|at| {
        outline.has(&format!("{at}.most_recent_instance"))
            || (outline.has(&format!("{at}.rule.id")) && outline.has(&format!("{at}.instances_url")))
    })
}

pub(crate) fn read(input: &mut dyn ReadSeek, limits: &Limits, output: &mut Output<'_>) -> Result<(), Error> {
    let around = super::rest(input, limits, BULK)?;
    super::read::<CodeScanning>(input, limits, BULK, around, output)
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct CodeScanning {
    number: Words,
    url: Words,
    html_url: Words,
    state: Words,
    dismissed_reason: Words,
    dismissed_comment: Words,
    rule: Option<Rule>,
    #[serde(deserialize_with = "object_or_nothing")]
    tool: Tool,
    #[serde(deserialize_with = "object_or_nothing")]
    most_recent_instance: Instance,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Rule {
    id: Words,
    name: Words,
    severity: Words,
    security_severity_level: Words,
    description: Words,
    full_description: Words,
    help: Words,
    help_uri: Words,
    tags: Words,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Tool {
    name: Words,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Instance {
    #[serde(rename = "ref")]
    reference: Words,
    commit_sha: Words,
    /// `{"text": …}`.
    message: Words,
    #[serde(deserialize_with = "object_or_nothing")]
    location: Place,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Place {
    path: Words,
    start_line: FromOne,
    end_line: FromOne,
    start_column: FromOne,
}

impl Alert for CodeScanning {
    const SCANNER: &'static str = "GitHub code scanning";
    const KEYS: &'static str = "`rule` and `most_recent_instance`";

    fn is_one(&self) -> bool {
        self.rule.is_some()
    }

    fn state(&self) -> State {
        State::of(&self.state)
    }

    fn repository(&self) -> Option<String> {
        repository_of(&self.url).or_else(|| repository_of(&self.html_url))
    }

    fn branch(&self) -> Option<String> {
        branch_of(&self.most_recent_instance.reference)
    }

    fn commit(&self) -> Option<String> {
        said(&self.most_recent_instance.commit_sha).and_then(short)
    }

    fn observation(&self) -> Observation {
        let none = Rule::default();
        let rule = self.rule.as_ref().unwrap_or(&none);
        let ids = [&rule.id, &rule.name];
        let id = ids.iter().find_map(|id| short(said(id)?)).unwrap_or_else(|| "unnamed".to_owned());
        let word = [&rule.security_severity_level, &rule.severity].into_iter().find_map(|word| said(word));
        let place = &self.most_recent_instance.location;
        let start_line = place.start_line.0;
        let location = Location {
            path: said(&place.path).map(text::one_line).unwrap_or_default(),
            start_line,
            end_line: place.end_line.0.filter(|end| start_line.is_some_and(|start| *end >= start)),
            start_column: place.start_column.0.filter(|_| start_line.is_some()),
            ..Location::default()
        };
        let name = said(&rule.description).and_then(short);
        let mut cwes = Vec::new();
        let mut tags = Vec::new();
        add_new(&mut tags, said(&self.tool.name).and_then(short));
        for tag in &rule.tags.0 {
            let found = cwes_in(tag);
            if found.is_empty() {
                add_new(&mut tags, short(tag));
            }
            add_new(&mut cwes, found);
        }
        let message = said(&self.most_recent_instance.message).map(str::to_owned);
        let dismissed = said(&self.dismissed_reason).map(|why| match said(&self.dismissed_comment) {
            Some(comment) => format!("Dismissed as {why}: {comment}"),
            None => format!("Dismissed as {why}."),
        });
        let fingerprint =
            [&self.html_url, &self.url, &self.number].into_iter().find_map(|id| short(said(id)?));
        Observation {
            kind: FindingKind::Code,
            severity: word.and_then(severity::word).unwrap_or(Severity::Info),
            scanner_severity: word.and_then(short),
            title: text::title(&[name.as_deref()], &id, Some(&location.path)),
            message: body(&message.into_iter().chain(dismissed).collect::<Vec<_>>().join("\n")),
            location,
            related_locations: Vec::new(),
            component: None,
            scanner_fingerprints: BTreeMap::from_iter(fingerprint.map(|id| ("alert".to_owned(), id))),
            suppression: None,
            vulnerability: Vulnerability {
                name,
                description: said(&rule.full_description).and_then(body),
                remediation: said(&rule.help).and_then(body),
                cwes,
                references: text::references(said(&rule.help_uri)),
                tags,
                id,
                ..Vulnerability::default()
            },
        }
    }
}
