//! Snyk: the JSON of `snyk test`, `snyk container test` and `snyk iac test`, and issues of its REST API. Snyk Code writes
//! SARIF. What each field means: `docs/formats/snyk.md`.

pub(crate) mod issues;
mod result;

use std::marker::PhantomData;

use model::{Coverage, CoverageExtent, ScanRun};
use serde::Deserialize;

use crate::ReadSeek;
use crate::error::{Error, ErrorKind};
use crate::json::lenient::{Presence, Words, list};
use crate::json::ways::{self, OneOrMany};
use crate::json::{self, Bulk, Top};
use crate::limits::Limits;
use crate::outline::Outline;
use crate::output::Output;
use crate::text::short;
use result::Issue;

const BULK: Bulk =
    Bulk { keys: &["vulnerabilities", "infrastructureAsCodeIssues", "ignore"], depth: 1, top: Top::Header };
/// Of one project and of a list of them.
const WAYS: [&str; 8] = [
    "vulnerabilities[]",
    "[].vulnerabilities[]",
    "applications[].vulnerabilities[]",
    "[].applications[].vulnerabilities[]",
    "infrastructureAsCodeIssues[]",
    "[].infrastructureAsCodeIssues[]",
    "filtered.ignore[]",
    "[].filtered.ignore[]",
];

pub(crate) fn looks_like(outline: &Outline) -> bool {
    ["", "[]."].into_iter().any(|at| {
        let has = |key: &str| outline.has(&format!("{at}{key}"));
        let of_project = ["dependencyCount", "packageManager", "displayTargetFile", "licensesPolicy"];
        let of_issue =
            ["vulnerabilities[].upgradePath", "vulnerabilities[].identifiers", "vulnerabilities[].semver"];
        has("infrastructureAsCodeIssues")
            || (outline.is_list(&format!("{at}vulnerabilities"))
                && of_project.into_iter().chain(of_issue).any(has))
            || (has("ok") && has("error") && has("path"))
    })
}

/// What was tested: a manifest, an image, a file of infrastructure.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Project {
    vulnerabilities: Presence,
    infrastructure_as_code_issues: Presence,
    ok: Presence,
    dependency_count: Presence,
    docker: Presence,
    error: Words,
    project_name: Words,
    display_target_file: Words,
    target_file: Words,
    package_manager: Words,
    #[serde(deserialize_with = "list")]
    applications: Vec<Project>,
}

impl Project {
    fn is_test(&self) -> bool {
        let named = [self.ok, self.dependency_count].contains(&Presence::Present)
            || self.package_manager.first().is_some();
        (self.vulnerabilities == Presence::Present && named)
            || self.infrastructure_as_code_issues == Presence::Present
    }

    fn file(&self) -> &str {
        self.display_target_file.first().or(self.target_file.first()).unwrap_or_default()
    }
}

pub(crate) fn read(input: &mut dyn ReadSeek, limits: &Limits, output: &mut Output<'_>) -> Result<(), Error> {
    let heads: OneOrMany<Project> = json::header_pass(input, limits, BULK, PhantomData)?;
    let failed = heads.all.iter().find_map(|project| project.error.first().filter(|_| !project.is_test()));
    let tested = heads.all.iter().filter(|project| project.is_test()).count();
    if let (0, Some(message)) = (tested, failed) {
        let message = short(message).unwrap_or_default();
        return Err(ErrorKind::RunFailed { scanner: "Snyk".to_owned(), message }.into());
    }
    if tested == 0 || (failed.is_none() && tested < heads.all.len()) {
        let reason = "neither `vulnerabilities` nor `infrastructureAsCodeIssues` of a Snyk report is there; write the \
                      report with `snyk test --json`";
        return Err(ErrorKind::invalid(reason).into());
    }
    let any = |of: fn(&Project) -> Presence| heads.all.iter().any(|project| of(project) == Presence::Present);
    let scanner = match (any(|one| one.infrastructure_as_code_issues), any(|one| one.docker)) {
        (true, _) => "Snyk IaC",
        (false, true) => "Snyk Container",
        (false, false) => "Snyk Open Source",
    };
    let only = heads.all.first().filter(|_| heads.all.len() == 1);
    output.run(ScanRun {
        scanner: scanner.to_owned(),
        target: only.and_then(|project| short(project.project_name.first()?)),
        coverage: Coverage {
            extent: if failed.is_some() { CoverageExtent::Partial } else { CoverageExtent::Full },
            ..Coverage::default()
        },
        ..ScanRun::default()
    })?;
    ways::results(input, limits, BULK, &WAYS, |at, one: Issue| {
        if at.way >= 6 {
            output.left_out("ignored by the project's Snyk policy");
            return Ok(());
        }
        let mut positions = at.positions.iter().copied();
        let mut project = heads.all.get(if heads.list { positions.next().unwrap_or(0) } else { 0 });
        if matches!(at.way, 2 | 3) {
            let application = positions.next().unwrap_or(0);
            project = project.and_then(|project| project.applications.get(application));
        }
        output.observation(result::observation(one, project))
    })
}
