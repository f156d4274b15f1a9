//! `pip-audit --format json`, with and without the object around its list. What each field means:
//! `docs/formats/pip-audit.md`.

use std::marker::PhantomData;

use model::{Component, Observation, ScanRun, Severity, Vulnerability};
use serde::Deserialize;

use crate::ReadSeek;
use crate::component;
use crate::error::{Error, ErrorKind};
use crate::json::lenient::{Presence, Words, list};
use crate::json::ways::{self, OneOrMany};
use crate::json::{self, Bulk, Top};
use crate::limits::Limits;
use crate::outline::Outline;
use crate::output::Output;
use crate::text::{add_new, body, short};

const BULK: Bulk = Bulk { keys: &["dependencies"], depth: 1, top: Top::Elements };

pub(crate) fn looks_like(outline: &Outline) -> bool {
    ["dependencies[]", "[]"].into_iter().any(|list| {
        let has = |key: &str| outline.has(&format!("{list}.{key}"));
        has("name") && (has("vulns") || has("skip_reason"))
    }) || (outline.is_list("dependencies")
        && !outline.has("dependencies[]")
        && only(outline, &["dependencies", "fixes"]))
}

fn only(outline: &Outline, keys: &[&str]) -> bool {
    outline.keys().iter().all(|key| keys.contains(key))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Head {
    dependencies: Presence,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    #[serde(default)]
    version: Words,
    #[serde(default, deserialize_with = "list")]
    vulns: Vec<Vuln>,
}

#[derive(Deserialize)]
struct Vuln {
    id: String,
    #[serde(default)]
    aliases: Words,
    #[serde(default)]
    fix_versions: Words,
    #[serde(default)]
    description: Words,
}

pub(crate) fn read(input: &mut dyn ReadSeek, limits: &Limits, output: &mut Output<'_>) -> Result<(), Error> {
    let heads: OneOrMany<Head> = json::header_pass(input, limits, BULK, PhantomData)?;
    if !heads.list && heads.all.iter().any(|head| head.dependencies == Presence::Absent) {
        let reason = "the list `dependencies` of a pip-audit report is missing; write the report with \
                      `pip-audit --format json`";
        return Err(ErrorKind::invalid(reason).into());
    }
    // What is skipped (`skip_reason`) is not on PyPI and has no advisories, so absence is evidence all the same.
    output.run(ScanRun { scanner: "pip-audit".to_owned(), ..ScanRun::default() })?;
    ways::results(input, limits, BULK, &["dependencies[]", "[]"], |_, one: Dependency| {
        for vuln in &one.vulns {
            output.observation(observation(&one, vuln))?;
        }
        Ok(())
    })
}

fn observation(of: &Dependency, vuln: &Vuln) -> Observation {
    let mut aliases = Vec::new();
    add_new(&mut aliases, vuln.aliases.0.iter().filter_map(|alias| short(alias)));
    let vulnerability = Vulnerability {
        id: short(&vuln.id).unwrap_or_default(),
        aliases,
        description: vuln.description.first().and_then(body),
        ..Vulnerability::default()
    };
    let component = Component {
        fixed_version: component::versions(vuln.fix_versions.0.iter().map(String::as_str)),
        ..component::named("pypi", &of.name, of.version.first())
    };
    // pip-audit rates nothing.
    component::vulnerable(vulnerability, component, Severity::Medium, None, String::new())
}
