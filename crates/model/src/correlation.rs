//! Which findings of several scanners are about the same vulnerability in the same component.
//!
//! Scanners call one vulnerability by different ids, and say differently where a component lies, so that each has a
//! finding of its own. What correlates stays apart, with its own scans, decisions and history; it can be *shown* as one.
//! docs/identity.md has the reasons.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use crate::{FindingKind, Observation};

/// Ids of one vulnerability that are looked at. Advisories have a handful.
const MOST_IDS: usize = 20;

/// Beginnings of ids that name one vulnerability each, whoever says them.
const NAME_ONE: [&str; 8] = ["CVE-", "GHSA-", "PYSEC-", "RUSTSEC-", "GO-", "SNYK-", "OSV-", "MAL-"];

/// Findings of one asset that share one of these correlate. At most 20, sorted; none for what is not about a component.
pub fn keys(observation: &Observation) -> Vec<String> {
    let (FindingKind::Component, Some(component)) = (observation.kind, &observation.component) else {
        return Vec::new();
    };
    let name = component.purl.as_deref().and_then(name_in_purl).unwrap_or_else(|| component.name.clone());
    let name = plain(&name);
    if name.is_empty() {
        return Vec::new();
    }
    let vulnerability = &observation.vulnerability;
    let own = vulnerability.id.to_uppercase();
    // Distributions say with one notice (RHSA, DSA, USN …) what several vulnerabilities have in common.
    let names_one = |id: &String| NAME_ONE.iter().any(|scheme| id.starts_with(scheme));
    let mut ids: BTreeSet<String> =
        vulnerability.aliases.iter().map(|id| id.to_uppercase()).filter(names_one).collect();
    ids.insert(own.clone());
    // A notice about several vulnerabilities is not another name of any of them.
    if ids.iter().filter(|id| id.starts_with("CVE-")).count() > 1 {
        ids = BTreeSet::from([own]);
    }
    ids.into_iter().filter(|id| !id.is_empty()).take(MOST_IDS).map(|id| key(&id, &name)).collect()
}

/// Hashed, because what scanners say may be of any length.
fn key(id: &str, name: &str) -> String {
    let hash = Sha256::digest(format!("{id}\0{name}"));
    hex::encode(&hash[..16])
}

/// Namespace and name of a package URL (purl-spec, without type, version, qualifiers and subpath).
fn name_in_purl(purl: &str) -> Option<String> {
    let rest = purl.strip_prefix("pkg:")?.trim_start_matches('/');
    let rest = &rest[..rest.find(['?', '#']).unwrap_or(rest.len())];
    let (kind, rest) = rest.split_once('/')?;
    // A version has its own `@`; that of a namespace (`@angular`) is encoded or stands first.
    let rest = match rest.rfind('@') {
        Some(at) if at > 0 => &rest[..at],
        _ => rest,
    };
    let rest = rest.replace("%40", "@").replace("%2F", "/").replace("%2f", "/");
    // The namespace of a package of a distribution is the distribution: no part of what people call it.
    match kind.to_lowercase().as_str() {
        "deb" | "rpm" | "apk" | "alpm" => rest.rsplit('/').next().map(str::to_owned),
        _ => Some(rest),
    }
    .filter(|name| !name.is_empty())
}

/// Without what package managers take for equal: case, `group:name` and `group/name`, and `-`, `_` and `.`.
fn plain(name: &str) -> String {
    let folded = name.trim().chars().flat_map(char::to_lowercase);
    folded
        .map(|c| match c {
            ':' => '/',
            '_' | '.' => '-',
            other => other,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Component, Vulnerability};

    fn report(id: &str, aliases: &[&str], name: &str, purl: Option<&str>) -> Vec<String> {
        keys(&Observation {
            kind: FindingKind::Component,
            vulnerability: Vulnerability {
                id: id.into(),
                aliases: aliases.iter().map(|alias| (*alias).into()).collect(),
                ..Vulnerability::default()
            },
            severity: crate::Severity::High,
            scanner_severity: None,
            title: "t".into(),
            message: None,
            location: crate::Location::default(),
            related_locations: Vec::new(),
            component: Some(Component {
                name: name.into(),
                purl: purl.map(str::to_owned),
                ..Component::default()
            }),
            scanner_fingerprints: Default::default(),
            suppression: None,
        })
    }

    fn share(left: &[String], right: &[String]) -> bool {
        left.iter().any(|key| right.contains(key))
    }

    #[test]
    fn ids_of_one_vulnerability_are_known_by_their_aliases() {
        let trivy = report("CVE-2021-44228", &[], "org.apache.logging.log4j:log4j-core", None);
        let grype = report(
            "GHSA-jfh8-c2jp-5v3q",
            &["CVE-2021-44228"],
            "log4j-core",
            Some("pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1?type=jar"),
        );
        let npm = report("ghsa-jfh8-c2jp-5v3q", &[], "org.apache.logging.log4j/log4j-core", None);
        assert!(share(&trivy, &grype), "{trivy:?} {grype:?}");
        assert!(share(&grype, &npm));
        assert!(!share(&trivy, &npm), "nothing says so: it is the third that does");
    }

    #[test]
    fn another_component_with_the_same_vulnerability_is_apart() {
        let babel = report("CVE-2024-1", &[], "core", Some("pkg:npm/%40babel/core@1.2.3"));
        assert!(share(&babel, &report("CVE-2024-1", &[], "@babel/core", None)));
        assert!(!share(&babel, &report("CVE-2024-1", &[], "@angular/core", None)));
        assert!(!share(&babel, &report("CVE-2024-2", &[], "@babel/core", None)));
    }

    #[test]
    fn a_notice_about_several_vulnerabilities_is_none_of_them() {
        let notice = report("RHSA-2024:1", &["CVE-2024-1", "CVE-2024-2"], "openssl", None);
        assert!(!share(&notice, &report("CVE-2024-1", &[], "openssl", None)));
        assert!(share(&notice, &report("RHSA-2024:1", &[], "OpenSSL", None)));
        let first = report("CVE-2024-1", &["RHSA-2024:1"], "openssl", None);
        assert!(!share(&first, &report("CVE-2024-2", &["RHSA-2024:1"], "openssl", None)));
    }

    #[test]
    fn names_compare_as_package_managers_compare_them() {
        let debian = report("CVE-1", &[], "libssl3", Some("pkg:deb/debian/libssl3@3.0?arch=amd64"));
        assert!(share(&debian, &report("CVE-1", &[], "libssl3", None)));
        assert!(share(
            &report("PYSEC-1", &[], "Zope.Interface", None),
            &report("PYSEC-1", &[], "zope-interface", None)
        ));
        assert!(report("CVE-1", &[], " ", None).is_empty());
    }
}
