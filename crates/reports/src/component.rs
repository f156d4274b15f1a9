//! What all reports of vulnerable components have in common: how a result is titled and what to do about it.

use model::{Component, FindingKind, Location, Observation, Severity, Vulnerability};

use crate::text;

/// Name and version, as people write them behind each other.
pub(crate) fn place(component: &Component) -> String {
    match &component.version {
        Some(version) => format!("{} {version}", component.name),
        None => component.name.clone(),
    }
}

/// The upgrade that fixes it, if one is known.
pub(crate) fn upgrade(component: &Component) -> Option<String> {
    Some(format!("Upgrade {} to {}.", component.name, component.fixed_version.as_deref()?))
}

/// An observation of a vulnerable component, titled `id: name in component version`.
pub(crate) fn observation(
    vulnerability: Vulnerability,
    component: Option<Component>,
    severity: Severity,
    location: Location,
) -> Observation {
    let described = vulnerability.description.as_deref().and_then(text::headline);
    let named = vulnerability.name.as_deref().or(described.as_deref());
    let named = named.filter(|name| *name != vulnerability.id);
    let named = named.map_or_else(
        || vulnerability.id.clone(),
        |name| {
            if name.contains(&vulnerability.id) {
                name.to_owned()
            } else {
                format!("{}: {name}", vulnerability.id)
            }
        },
    );
    let place = component.as_ref().map(place);
    let place = place.as_deref().or(Some(location.path.as_str()));
    Observation {
        kind: FindingKind::Component,
        severity,
        scanner_severity: None,
        title: text::title(&[Some(&named)], &vulnerability.id, place),
        message: None,
        location,
        related_locations: Vec::new(),
        component,
        scanner_fingerprints: Default::default(),
        suppression: None,
        vulnerability,
    }
}
