//! The frame of an observation, for formats that fill in few of its facts.

use std::collections::BTreeMap;

use model::{FindingKind, Location, Observation, Severity, Vulnerability};

use crate::text;

/// An observation titled `name in place` (the id where there is no name), with everything else empty.
pub(crate) fn observation(
    kind: FindingKind,
    vulnerability: Vulnerability,
    severity: Severity,
    location: Location,
) -> Observation {
    let title =
        text::title(&[vulnerability.name.as_deref()], &vulnerability.id, Some(location.path.as_str()));
    Observation {
        kind,
        vulnerability,
        severity,
        scanner_severity: None,
        title,
        message: None,
        location,
        related_locations: Vec::new(),
        component: None,
        scanner_fingerprints: BTreeMap::new(),
        suppression: None,
    }
}

/// One fingerprint by its name, if the report gives it.
pub(crate) fn fingerprint(name: &str, value: Option<&str>) -> BTreeMap<String, String> {
    value.and_then(text::short).map(|value| (name.to_owned(), value)).into_iter().collect()
}
