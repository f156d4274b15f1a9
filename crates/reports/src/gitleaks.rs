//! Gitleaks' JSON, versions 7 and 8. What each field means: `docs/formats/gitleaks.md`.
//!
//! The secret, the line around it, the commit's message and the author are not even read: each may hold the secret.

use std::collections::BTreeMap;
use std::marker::PhantomData;

use model::{FindingKind, Location, Observation, ScanRun, Severity, Vulnerability};
use serde::Deserialize;

use crate::ReadSeek;
use crate::error::{Error, ErrorKind};
use crate::json::lenient::{FromOne, Words};
use crate::json::ways::{self, OneOrMany};
use crate::json::{self, Bulk, Top};
use crate::limits::Limits;
use crate::outline::Outline;
use crate::output::Output;
use crate::text::{self, add_new, short};

const BULK: Bulk = Bulk { keys: &[], depth: 1, top: Top::Elements };

pub(crate) fn looks_like(outline: &Outline) -> bool {
    outline.has_all(&["[].RuleID", "[].File", "[].Secret"])
        || outline.has_all(&["[].Description", "[].File", "[].StartLine", "[].Secret"])
        || outline.has_all(&["[].rule", "[].file", "[].offender"])
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Leak {
    V8(V8),
    V7(V7),
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct V8 {
    #[serde(rename = "RuleID", default)]
    rule: Words,
    description: Words,
    file: Words,
    #[serde(default)]
    symlink_file: Words,
    #[serde(default)]
    commit: Words,
    start_line: FromOne,
    #[serde(default)]
    end_line: FromOne,
    #[serde(default)]
    start_column: FromOne,
    #[serde(default)]
    link: Words,
    #[serde(default)]
    tags: Words,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct V7 {
    rule: Words,
    file: Words,
    #[serde(default)]
    commit: Words,
    #[serde(default)]
    line_number: FromOne,
    #[serde(rename = "leakURL", default)]
    link: Words,
    /// Words with commas between them.
    #[serde(default)]
    tags: Words,
}

pub(crate) fn read(input: &mut dyn ReadSeek, limits: &Limits, output: &mut Output<'_>) -> Result<(), Error> {
    let heads: OneOrMany<serde::de::IgnoredAny> = json::header_pass(input, limits, BULK, PhantomData)?;
    if !heads.list {
        let reason =
            "a Gitleaks report is a list; write the report with `gitleaks detect --report-format json`";
        return Err(ErrorKind::invalid(reason).into());
    }
    output.run(ScanRun { scanner: "Gitleaks".to_owned(), ..ScanRun::default() })?;
    ways::results(input, limits, BULK, &["[]"], |_, one: Leak| output.observation(observation(one)))
}

fn observation(of: Leak) -> Observation {
    let (rule, name, file, commit, lines, column, link, tags) = match of {
        Leak::V8(one) => {
            let file = if one.file.first().is_some() { one.file } else { one.symlink_file };
            let rule = if one.rule.first().is_some() { one.rule } else { one.description.clone() };
            let lines = (one.start_line.0, one.end_line.0);
            (rule, one.description, file, one.commit, lines, one.start_column.0, one.link, one.tags.0)
        }
        Leak::V7(one) => {
            let tags = one.tags.0.iter().flat_map(|tags| tags.split(',')).map(str::to_owned).collect();
            (
                one.rule.clone(),
                one.rule,
                one.file,
                one.commit,
                (one.line_number.0, None),
                None,
                one.link,
                tags,
            )
        }
    };
    let id = rule.first().and_then(short).unwrap_or_else(|| "unnamed".to_owned());
    let name = name.first().and_then(short);
    let location = Location {
        path: text::path(file.first().unwrap_or_default()),
        start_line: lines.0,
        end_line: lines.1.filter(|end| lines.0.is_some_and(|start| *end >= start)),
        start_column: column,
        snippet: None,
        logical: None,
    };
    let commit = commit.first().filter(|commit| commit.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let mut kept = Vec::new();
    add_new(&mut kept, tags.iter().filter_map(|tag| short(tag)));
    let heading = format!("Secret in the code: {}", name.as_deref().unwrap_or(&id));
    Observation {
        kind: FindingKind::Secret,
        // Gitleaks rates nothing, and a credential in the code opens whatever it opens.
        severity: Severity::High,
        scanner_severity: None,
        title: text::title(&[Some(&heading)], &id, Some(&location.path)),
        message: commit.and_then(short).map(|commit| format!("Found in commit {commit}.")),
        location,
        related_locations: Vec::new(),
        component: None,
        scanner_fingerprints: BTreeMap::new(),
        suppression: None,
        vulnerability: Vulnerability {
            name,
            remediation: Some(
                "Revoke the credential and issue a new one: it stays in the history after it is deleted from the file."
                    .to_owned(),
            ),
            cwes: vec![798],
            references: text::references(link.first()),
            tags: kept,
            id,
            ..Vulnerability::default()
        },
    }
}
