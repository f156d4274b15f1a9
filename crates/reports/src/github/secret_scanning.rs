//! Secret scanning alerts of the REST API. The secret itself is not even read.

use std::collections::BTreeMap;

use model::{FindingKind, Location, Observation, Severity, Vulnerability};
use serde::Deserialize;

use super::{Alert, State, repository_of, said};
use crate::ReadSeek;
use crate::error::Error;
use crate::json::lenient::{FromOne, Words, object_or_nothing};
use crate::json::{Bulk, Top};
use crate::limits::Limits;
use crate::outline::Outline;
use crate::output::Output;
use crate::text::{self, short};

const BULK: Bulk = Bulk { keys: &[], depth: 1, top: Top::Elements };

pub(crate) fn looks_like(outline: &Outline) -> bool {
    ["[]", "[][]"].iter().any(|at| {
        let at = |key: &str| outline.has(&format!("{at}.{key}"));
        at("secret_type") && (at("secret_type_display_name") || at("locations_url") || at("html_url"))
    })
}

pub(crate) fn read(input: &mut dyn ReadSeek, limits: &Limits, output: &mut Output<'_>) -> Result<(), Error> {
    let around = super::rest(input, limits, BULK)?;
    super::read::<SecretScanning>(input, limits, BULK, around, output)
}

/// `secret` is left out on purpose, and so are comments of people, who may quote it.
#[derive(Default, Deserialize)]
#[serde(default)]
struct SecretScanning {
    number: Words,
    url: Words,
    html_url: Words,
    state: Words,
    resolution: Words,
    secret_type: Words,
    secret_type_display_name: Words,
    validity: Words,
    publicly_leaked: Words,
    #[serde(deserialize_with = "object_or_nothing")]
    repository: Repository,
    #[serde(deserialize_with = "object_or_nothing")]
    first_location_detected: Place,
    has_more_locations: Words,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Repository {
    full_name: Words,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Place {
    path: Words,
    start_line: FromOne,
    end_line: FromOne,
}

impl Alert for SecretScanning {
    const SCANNER: &'static str = "GitHub secret scanning";
    const KEYS: &'static str = "`secret_type` and its companions";

    fn is_one(&self) -> bool {
        said(&self.secret_type).is_some()
    }

    fn state(&self) -> State {
        State::of(&self.state)
    }

    fn repository(&self) -> Option<String> {
        let named = said(&self.repository.full_name).and_then(short);
        named.or_else(|| repository_of(&self.url)).or_else(|| repository_of(&self.html_url))
    }

    fn observation(&self) -> Observation {
        let id = said(&self.secret_type).and_then(short).unwrap_or_else(|| "unnamed".to_owned());
        let name = said(&self.secret_type_display_name).and_then(short);
        let place = &self.first_location_detected;
        let start_line = place.start_line.0;
        let location = Location {
            path: said(&place.path)
                .map(|path| text::one_line(path.trim_start_matches('/')))
                .unwrap_or_default(),
            start_line,
            end_line: place.end_line.0.filter(|end| start_line.is_some_and(|start| *end >= start)),
            ..Location::default()
        };
        let validity = said(&self.validity);
        let mut told = Vec::new();
        match validity {
            Some("active") => told.push("GitHub found that the secret is valid.".to_owned()),
            Some("inactive") => told.push("GitHub found that the secret is not valid.".to_owned()),
            _ => {}
        }
        if said(&self.publicly_leaked) == Some("true") {
            told.push("It was found in public, too.".to_owned());
        }
        if said(&self.has_more_locations) == Some("true") {
            told.push("There are further places, which the alert lists.".to_owned());
        }
        if let Some(resolution) = said(&self.resolution) {
            told.push(format!("Resolved: {}.", resolution.replace('_', " ")));
        }
        let fingerprint =
            [&self.html_url, &self.url, &self.number].into_iter().find_map(|id| short(said(id)?));
        let title = format!("Secret: {}", name.as_deref().unwrap_or(&id));
        Observation {
            kind: FindingKind::Secret,
            severity: if validity == Some("active") { Severity::Critical } else { Severity::High },
            scanner_severity: None,
            title: text::title(&[Some(&title)], &id, Some(&location.path)),
            message: text::body(&told.join(" ")),
            location,
            related_locations: Vec::new(),
            component: None,
            scanner_fingerprints: BTreeMap::from_iter(fingerprint.map(|id| ("alert".to_owned(), id))),
            suppression: None,
            vulnerability: Vulnerability {
                name,
                references: text::references(said(&self.html_url)),
                id,
                ..Vulnerability::default()
            },
        }
    }
}
