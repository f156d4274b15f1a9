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

/// The same for scanners that know component, severity and path of every result. Where the report has no advice, the
/// fixed version is it.
pub(crate) fn vulnerable(
    mut vulnerability: Vulnerability,
    component: Component,
    severity: Severity,
    scanner_severity: Option<&str>,
    path: String,
) -> Observation {
    if vulnerability.id.is_empty() {
        vulnerability.id = "unnamed".to_owned();
    }
    let id = &vulnerability.id;
    vulnerability.aliases.retain(|alias| !alias.eq_ignore_ascii_case(id));
    if vulnerability.remediation.is_none() {
        vulnerability.remediation =
            component.fixed_version.as_ref().map(|fixed| format!("Upgrade {} to {fixed}.", component.name));
    }
    let location = Location { path, ..Location::default() };
    Observation {
        scanner_severity: scanner_severity.and_then(text::short),
        ..observation(vulnerability, Some(component), severity, location)
    }
}

/// A component by name and version, of the only ecosystem that a scanner looks at.
pub(crate) fn named(ecosystem: &str, name: &str, version: Option<&str>) -> Component {
    Component {
        name: text::short(name).unwrap_or_else(|| "unnamed".to_owned()),
        version: version.and_then(text::short),
        ecosystem: Some(ecosystem.to_owned()),
        ..Component::default()
    }
}

/// Several fixed versions (one per branch of releases) as one text.
pub(crate) fn versions<'a>(versions: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let mut kept: Vec<&str> = Vec::new();
    text::add_new(&mut kept, versions.into_iter().map(str::trim).filter(|version| !version.is_empty()));
    text::short(&kept.join(", "))
}
