//! What a status says about a vulnerability: what both VEX formats have in common. The table and its reasons:
//! `docs/exports.md`.

use api::Finding;
use model::{FindingKind, Status, Vulnerability};

use crate::text::{clean, line};

/// What is said about a vulnerability in a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// A person decided that it is no weakness.
    NotAffected,
    /// A covering scan no longer saw it.
    Fixed,
    /// Nobody has looked yet.
    UnderInvestigation,
    /// It is one, and it is lived with.
    Accepted,
    /// It is one.
    Affected,
}

/// Statuses that say something. A draft is not said yet, a duplicate is said by the other finding, and what is suppressed
/// was laid aside without a word about the vulnerability.
pub(crate) const SAID: [Status; 8] = [
    Status::FalsePositive,
    Status::Fixed,
    Status::Created,
    Status::RiskAccepted,
    Status::AwaitingValidation,
    Status::Waiting,
    Status::InProgress,
    Status::Identified,
];

/// What a status says, if it says something.
pub(crate) const fn verdict(status: Status) -> Option<Verdict> {
    match status {
        Status::FalsePositive => Some(Verdict::NotAffected),
        Status::Fixed => Some(Verdict::Fixed),
        Status::Created => Some(Verdict::UnderInvestigation),
        Status::RiskAccepted => Some(Verdict::Accepted),
        // A claim is no proof: until a scan speaks it is affected.
        Status::Identified | Status::InProgress | Status::Waiting | Status::AwaitingValidation => {
            Some(Verdict::Affected)
        }
        Status::Draft | Status::Suppressed | Status::Duplicate => None,
    }
}

/// A vulnerability by the name under which others know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Named {
    /// The name.
    pub(crate) name: String,
    /// Other names of the same.
    pub(crate) aliases: Vec<String>,
}

/// The vulnerabilities that a finding points at; none if it points at a rule of a scanner only.
///
/// What is found in a component is a known vulnerability, whoever names it. Other findings (of a host, say) often have
/// a rule of the scanner for a name and one or more CVEs beside it: these are several vulnerabilities, not names of one.
pub(crate) fn vulnerabilities(finding: &Finding) -> Vec<Named> {
    let Vulnerability { id, aliases, .. } = &finding.vulnerability;
    if finding.summary.kind == FindingKind::Component || is_advisory(id) {
        let mut names: Vec<String> = Vec::new();
        for alias in aliases.iter().map(|alias| line(alias)) {
            if alias != *id && !alias.is_empty() && !names.contains(&alias) {
                names.push(alias);
            }
        }
        return vec![Named { name: line(id), aliases: names }];
    }
    let of = |is: fn(&str) -> bool| {
        let mut names: Vec<String> =
            aliases.iter().filter(|alias| is(alias)).map(|alias| line(alias)).collect();
        names.sort();
        names.dedup();
        names
    };
    // The GHSA beside a CVE is most likely the same one.
    let cves = of(is_cve);
    let names = if cves.is_empty() { of(is_advisory) } else { cves };
    names.into_iter().map(|name| Named { name, aliases: Vec::new() }).collect()
}

fn is_cve(name: &str) -> bool {
    let mut parts = name.split('-');
    let is_number = |part: Option<&str>, least: usize| {
        part.is_some_and(|part| part.len() >= least && part.bytes().all(|byte| byte.is_ascii_digit()))
    };
    parts.next().is_some_and(|word| word.eq_ignore_ascii_case("CVE"))
        && is_number(parts.next(), 4)
        && is_number(parts.next(), 4)
        && parts.next().is_none()
}

/// Prefixes of databases of vulnerabilities: those that OSV lists (ossf.github.io/osv-schema), and Snyk's.
const ADVISORIES: [&str; 26] = [
    "ALBA", "ALEA", "ALPINE", "ALSA", "BIT", "CGA", "DEBIAN", "DLA", "DSA", "GHSA", "GO", "GSD", "HSEC",
    "MAL", "OSV", "PSF", "PYSEC", "RHBA", "RHEA", "RHSA", "RLSA", "RSEC", "RUSTSEC", "SNYK", "SUSE", "USN",
];

fn is_advisory(name: &str) -> bool {
    let database = name.split_once('-').filter(|(_, rest)| rest.contains(|c: char| c.is_ascii_digit()));
    is_cve(name)
        || database
            .is_some_and(|(prefix, _)| ADVISORIES.iter().any(|known| known.eq_ignore_ascii_case(prefix)))
}

/// What is recommended, in the words of the report; else the upgrade, if one is known.
pub(crate) fn remedy(finding: &Finding) -> Option<String> {
    let said = finding.vulnerability.remediation.as_deref().map(clean);
    said.filter(|said| !said.trim().is_empty()).or_else(|| {
        let component = finding.component.as_ref()?;
        let fixed = component.fixed_version.as_deref()?;
        Some(format!("Upgrade {} to {}.", line(&component.name), line(fixed)))
    })
}

/// Why it is so, in words: what was decided, by which status, until when.
pub(crate) fn because(finding: &Finding, verdict: Verdict) -> String {
    let reason = finding.reason.as_deref().map(clean).filter(|reason| !reason.trim().is_empty());
    let until = finding
        .summary
        .temporary_until
        .map(|until| format!(" until {}", until.format("%Y-%m-%d")))
        .unwrap_or_default();
    let with_reason = |said: String| match &reason {
        Some(reason) => format!("{said}: {reason}"),
        None => format!("{said}."),
    };
    match verdict {
        Verdict::NotAffected => match reason {
            Some(reason) if until.is_empty() => reason,
            Some(_) => with_reason(format!("It counts as a false positive{until}")),
            None => format!("It was decided to be a false positive{until}; no reason was given."),
        },
        Verdict::Accepted => with_reason(format!("The risk is accepted{until}")),
        Verdict::Fixed => "A scan that looked there no longer saw it.".to_owned(),
        Verdict::UnderInvestigation => "A scan saw it; nobody has looked at it yet.".to_owned(),
        Verdict::Affected => match finding.summary.status {
            Status::InProgress => format!("A fix is being worked on{until}."),
            Status::Waiting => with_reason(format!("The fix waits{until}")),
            Status::AwaitingValidation => "It is said to be fixed; no scan has proved it yet.".to_owned(),
            _ => "It is confirmed and not fixed.".to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_that_says_something_is_asked_for_and_no_other() {
        for status in Status::ALL {
            assert_eq!(SAID.contains(&status), verdict(status).is_some(), "{status}");
        }
    }

    #[test]
    fn names_of_advisories_are_told_from_rules_of_scanners() {
        for name in [
            "CVE-2026-1234",
            "cve-2026-12345",
            "GHSA-ab12-cd34-ef56",
            "RUSTSEC-2026-0001",
            "GO-2026-1",
            "SNYK-JS-LODASH-1",
        ] {
            assert!(is_advisory(name), "{name}");
        }
        for name in
            ["CVE-2026", "CVE-26-1", "js/sql-injection", "go-vet", "CWE-79", "AVD-AWS-0001", "10.1-2", ""]
        {
            assert!(!is_advisory(name), "{name}");
        }
    }
}
