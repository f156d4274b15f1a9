//! What a run says about itself: scanner, configuration, time, origin, and whether it worked.

use model::{Coverage, CoverageExtent, ScanRun};

use super::message;
use super::model::{
    ArtifactLocation, AutomationDetails, Invocation, LogicalLocation, Notification, RuleOverride, Run,
};
use super::paths::Bases;
use super::rules::Rules;
use crate::error::ErrorKind;
use crate::json::lenient::Presence;
use crate::text::{short, shorten, time};

/// Everything that reading the results of one run needs. Held in memory, so bounded by `Limits::max_header_bytes`.
pub(super) struct Header {
    pub(super) scan: ScanRun,
    pub(super) rules: Rules,
    pub(super) bases: Bases,
    pub(super) artifacts: Vec<Option<ArtifactLocation>>,
    pub(super) logical_locations: Vec<LogicalLocation>,
    /// Rule configurations of each invocation.
    pub(super) overrides: Vec<Vec<RuleOverride>>,
    pub(super) finds_secrets: bool,
}

/// Parts of a run that results need; kept in another file, they are out of reach (3.15).
const NEEDED_PARTS: [&str; 5] = ["results", "driver", "extensions", "invocations", "artifacts"];

/// Words in the names of scanners whose every result is a secret.
const SECRET_SCANNERS: [&str; 9] = [
    "gitleaks",
    "trufflehog",
    "detect-secrets",
    "ggshield",
    "gitguardian",
    "credscan",
    "credential scanner",
    "whispers",
    "noseyparker",
];

impl Header {
    /// # Errors
    ///
    /// The reason why nothing of this run can be taken in.
    pub(super) fn new(run: Run) -> Result<Self, ErrorKind> {
        let Some(tool) = run.tool else {
            return Err(ErrorKind::invalid("the run does not name its tool (`tool` is missing)"));
        };
        let driver = tool.driver.as_ref();
        let name = driver.and_then(|driver| driver.name.as_deref()).and_then(short);
        let Some(scanner) = name else {
            return Err(ErrorKind::invalid("the run does not name its tool (`tool.driver.name` is missing)"));
        };
        let version = driver.and_then(|driver| {
            [&driver.version, &driver.semantic_version].into_iter().flatten().find_map(|text| short(text))
        });
        refuse_failed(&scanner, &run.invocations)?;
        for part in NEEDED_PARTS {
            if run.external_property_file_references.get(part) == Some(&Presence::Present) {
                return Err(ErrorKind::invalid(format!(
                    "the run keeps its {part} in another file (`externalPropertyFileReferences`), which is not read; \
                     let the scanner write a single file"
                )));
            }
        }
        let source = run.version_control_provenance.first();
        let (configuration, run_id) = run.automation_details.as_ref().map_or((None, None), identity);
        let image = run.properties.image_name.first().and_then(short);
        let target = image.or_else(|| short(source?.repository_uri.as_deref()?));
        let scan = ScanRun {
            scanner_version: version,
            configuration,
            run_id,
            started_at: run.invocations.iter().filter_map(|one| time(one.start_time_utc.as_deref()?)).min(),
            branch: source.and_then(|source| branch(source.branch.as_deref()?)),
            commit: source.and_then(|source| short(source.revision_id.as_deref()?)),
            target,
            coverage: Coverage {
                extent: extent(run.results, &run.invocations),
                rules: None,
                paths: Vec::new(),
            },
            scanner: scanner.clone(),
        };
        let lower = scanner.to_ascii_lowercase();
        Ok(Self {
            scan,
            bases: Bases::new(run.original_uri_base_ids, &run.version_control_provenance),
            artifacts: run.artifacts.into_iter().map(|artifact| artifact.location).collect(),
            logical_locations: run.logical_locations,
            overrides: run.invocations.into_iter().map(|one| one.rule_configuration_overrides).collect(),
            finds_secrets: SECRET_SCANNERS.iter().any(|word| lower.contains(word)),
            rules: Rules::new(tool),
        })
    }
}

fn notifications(invocation: &Invocation) -> impl Iterator<Item = &Notification> {
    invocation.tool_configuration_notifications.iter().chain(&invocation.tool_execution_notifications)
}

fn is_error(notification: &&Notification) -> bool {
    notification.level.as_deref().is_some_and(|level| level.eq_ignore_ascii_case("error"))
}

/// A run failed if one of its invocations says so, or reports an error and does not say that it succeeded all the same
/// (3.20.14 demands the word; not every tool writes it).
fn refuse_failed(scanner: &str, invocations: &[Invocation]) -> Result<(), ErrorKind> {
    for invocation in invocations {
        let failed = match invocation.execution_successful {
            Some(successful) => !successful,
            None => notifications(invocation).any(|one| is_error(&one)),
        };
        if failed {
            let of_notification =
                |one: &Notification| message::resolve(one.message.as_ref()?, None, &Default::default());
            let told = notifications(invocation)
                .filter(is_error)
                .chain(notifications(invocation))
                .find_map(of_notification)
                .or_else(|| invocation.process_start_failure_message.clone())
                .or_else(|| invocation.exit_code_description.clone());
            let message =
                told.and_then(|text| short(&text)).unwrap_or_else(|| "it gives no reason".to_owned());
            return Err(ErrorKind::RunFailed {
                scanner: scanner.to_owned(),
                message: shorten(message.trim_end_matches(['.', ' ']), 300),
            });
        }
    }
    Ok(())
}

/// Absence proves something only if the run scanned (3.14.23: no `results` means it did not) and no rule or file broke.
fn extent(results: Presence, invocations: &[Invocation]) -> CoverageExtent {
    let broken = invocations.iter().flat_map(notifications).any(|one| is_error(&one));
    if results == Presence::Absent || broken { CoverageExtent::Partial } else { CoverageExtent::Full }
}

/// Configuration and run id from `automationDetails` (3.17.3).
///
/// The standard says that the last part of the id names the run and the parts before it the configuration. Many tools
/// write a constant instead. So a last part is taken as the run's only if it looks like one (four digits or more: a
/// date, a build number, a GUID); else the whole id is the configuration. The GUID is the run id if there is one.
fn identity(details: &AutomationDetails) -> (Option<String>, Option<String>) {
    let guid = details.guid.as_deref().and_then(short);
    let Some(id) = details.id.as_deref().and_then(short) else { return (None, guid) };
    match id.rsplit_once('/') {
        Some((configuration, last)) if last.chars().filter(char::is_ascii_digit).count() >= 4 => {
            (named(configuration), guid.or(Some(id)))
        }
        _ => (named(&id), guid),
    }
}

fn named(configuration: &str) -> Option<String> {
    short(configuration.trim_matches('/'))
}

fn branch(name: &str) -> Option<String> {
    short(name.strip_prefix("refs/heads/").unwrap_or(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_last_part_that_looks_like_a_run_is_taken_as_one() {
        for (id, configuration, run_id) in [
            ("nightly/web/2018-10-05", Some("nightly/web"), Some("nightly/web/2018-10-05")),
            ("/language:python/", Some("language:python"), None),
            ("ci/frontend", Some("ci/frontend"), None),
            ("automation-id", Some("automation-id"), None),
            ("/20260102.3", None, Some("/20260102.3")),
        ] {
            let details = AutomationDetails { id: Some(id.into()), guid: None };
            let expected = (configuration.map(str::to_owned), run_id.map(str::to_owned));
            assert_eq!(identity(&details), expected, "{id}");
        }
    }
}
