//! The fields of one finding in Lockstep's own formats, from texts to an observation.

use std::collections::BTreeMap;
use std::str::FromStr;

use model::{Component, FindingKind, Location, Observation, ReportedSuppression, Severity, Vulnerability};

use crate::cvss::Rating;
use crate::text::{self, body, cwe, short};

/// Names of the fields, in the order in which they are documented.
pub(super) const FIELDS: [&str; 28] = [
    "id",
    "title",
    "severity",
    "kind",
    "message",
    "path",
    "start_line",
    "end_line",
    "start_column",
    "snippet",
    "logical",
    "component",
    "component_version",
    "fixed_version",
    "ecosystem",
    "purl",
    "component_path",
    "aliases",
    "name",
    "description",
    "remediation",
    "cwes",
    "cvss_vector",
    "cvss_score",
    "references",
    "tags",
    "fingerprint",
    "suppressed",
];

/// Fields that hold several values.
pub(super) const LISTS: [&str; 4] = ["aliases", "cwes", "references", "tags"];

/// What is known of a finding while its fields arrive in any order.
#[derive(Default)]
pub(super) struct Draft {
    texts: BTreeMap<&'static str, Vec<String>>,
    pub(super) related_locations: Vec<Location>,
    pub(super) fingerprints: BTreeMap<String, String>,
}

/// What is wrong with which field.
#[derive(Debug)]
pub(super) struct Wrong {
    pub(super) field: &'static str,
    pub(super) reason: String,
}

fn wrong(field: &'static str, reason: impl Into<String>) -> Wrong {
    Wrong { field, reason: reason.into() }
}

impl Draft {
    /// Takes the values of a field; blank ones count as absent. `field` is one of [`FIELDS`].
    pub(super) fn set(&mut self, field: &'static str, values: Vec<String>) -> Result<(), Wrong> {
        let values: Vec<String> = values.into_iter().filter(|value| !value.trim().is_empty()).collect();
        if values.len() > 1 && !LISTS.contains(&field) {
            return Err(wrong(field, format!("'{field}' takes one value, found {}", values.len())));
        }
        if !values.is_empty() {
            self.texts.insert(field, values);
        }
        Ok(())
    }

    /// Whether a value was set.
    pub(super) fn has(&self, field: &str) -> bool {
        self.texts.contains_key(field)
    }

    fn text(&self, field: &'static str) -> Option<&str> {
        self.texts.get(field)?.first().map(String::as_str)
    }

    fn line(&self, field: &'static str) -> Option<String> {
        self.text(field).and_then(short)
    }

    fn list(&self, field: &'static str) -> &[String] {
        self.texts.get(field).map_or(&[], Vec::as_slice)
    }

    fn required(&self, field: &'static str) -> Result<String, Wrong> {
        self.line(field).ok_or_else(|| wrong(field, format!("'{field}' is missing")))
    }

    fn parsed<T: FromStr>(&self, field: &'static str) -> Result<Option<T>, Wrong>
    where
        T::Err: ToString,
    {
        let Some(text) = self.text(field) else { return Ok(None) };
        text.trim()
            .to_ascii_lowercase()
            .parse()
            .map(Some)
            .map_err(|error: T::Err| wrong(field, error.to_string()))
    }

    fn number(&self, field: &'static str) -> Result<Option<u32>, Wrong> {
        let Some(text) = self.text(field) else { return Ok(None) };
        match text.trim().parse::<u32>() {
            Ok(number) if number > 0 => Ok(Some(number)),
            _ => Err(wrong(field, format!("'{}' is not a whole number from 1", text::shorten(text, 40)))),
        }
    }

    fn score(&self) -> Result<Option<f64>, Wrong> {
        let Some(text) = self.text("cvss_score") else { return Ok(None) };
        match text.trim().parse::<f64>() {
            Ok(score) if (0.0..=10.0).contains(&score) => Ok(Some(score)),
            _ => {
                Err(wrong("cvss_score", format!("'{}' is not a score from 0 to 10", text::shorten(text, 40))))
            }
        }
    }

    /// A score of 0 is meant here: who writes this format says it.
    fn cvss(&self) -> Result<Rating, Wrong> {
        let given = self.score()?;
        let mut rating = Rating::new(self.text("cvss_vector"), None, given);
        rating.score = given.or(rating.score);
        Ok(rating)
    }

    /// Whether anything rates the finding without a word for its severity.
    pub(super) fn is_scored(&self) -> bool {
        self.cvss().is_ok_and(|rating| rating.score.is_some())
    }

    fn component(&self) -> Result<Option<Component>, Wrong> {
        let purl = self.line("purl");
        if purl.as_deref().is_some_and(|purl| !purl.starts_with("pkg:")) {
            return Err(wrong("purl", "a package URL begins with 'pkg:'"));
        }
        let parts = ["component_version", "fixed_version", "ecosystem", "purl", "component_path"];
        let Some(name) = self.line("component") else {
            return match parts.into_iter().find(|part| self.text(part).is_some()) {
                Some(part) => Err(wrong("component", format!("'{part}' needs the name of its 'component'"))),
                None => Ok(None),
            };
        };
        Ok(Some(Component {
            name,
            version: self.line("component_version"),
            fixed_version: self.line("fixed_version"),
            ecosystem: self.line("ecosystem"),
            purl,
            path: self.line("component_path"),
        }))
    }

    /// # Errors
    ///
    /// The first field that is missing or has no meaning.
    pub(super) fn finish(mut self) -> Result<Observation, Wrong> {
        let id = self.required("id")?;
        let title = self.required("title")?;
        let component = self.component()?;
        let cvss = self.cvss()?;
        let severity = match (self.parsed::<Severity>("severity")?, cvss.score) {
            (Some(severity), _) => severity,
            (None, Some(score)) => Severity::from_cvss_score(score).unwrap_or(Severity::Info),
            (None, None) => {
                return Err(wrong(
                    "severity",
                    "'severity' is missing, and there is no 'cvss_score' and no 'cvss_vector' that has one",
                ));
            }
        };
        let default_kind = if component.is_some() { FindingKind::Component } else { FindingKind::Code };
        let kind = self.parsed::<FindingKind>("kind")?.unwrap_or(default_kind);
        let start_line = self.number("start_line")?;
        let end_line = self.number("end_line")?;
        if end_line < start_line && end_line.is_some() {
            return Err(wrong("end_line", "'end_line' is before 'start_line'"));
        }
        let mut cwes = Vec::new();
        for given in self.list("cwes") {
            let number = cwe(given).ok_or_else(|| {
                wrong("cwes", format!("'{}' is not a CWE: write CWE-79 or 79", text::shorten(given, 40)))
            })?;
            text::add_new(&mut cwes, [number]);
        }
        let suppressed = match self.text("suppressed").map(|text| text.trim().to_ascii_lowercase()).as_deref()
        {
            None | Some("false" | "no" | "0") => None,
            Some("true" | "yes" | "1") => Some(ReportedSuppression::Accepted),
            Some(_) => return Err(wrong("suppressed", "'suppressed' takes true or false")),
        };
        if let Some(fingerprint) = self.line("fingerprint") {
            self.fingerprints.insert("fingerprint".to_owned(), fingerprint);
        }
        let keeps_code = kind != FindingKind::Secret;
        let mut related_locations = std::mem::take(&mut self.related_locations);
        if !keeps_code {
            related_locations.iter_mut().for_each(|place| place.snippet = None);
        }
        let lines = |field| self.list(field).iter().filter_map(|text| short(text)).collect::<Vec<_>>();
        let mut aliases = lines("aliases");
        aliases.retain(|alias| *alias != id);
        Ok(Observation {
            kind,
            severity,
            scanner_severity: self.line("severity"),
            title,
            message: self.text("message").and_then(body),
            location: Location {
                path: self.line("path").unwrap_or_default(),
                start_line,
                end_line,
                start_column: self.number("start_column")?,
                snippet: self.text("snippet").and_then(text::snippet).filter(|_| keeps_code),
                logical: self.line("logical"),
            },
            related_locations,
            component,
            scanner_fingerprints: self.fingerprints.clone(),
            suppression: suppressed,
            vulnerability: Vulnerability {
                id,
                aliases,
                name: self.line("name"),
                description: self.text("description").and_then(body),
                remediation: self.text("remediation").and_then(body),
                cwes,
                cvss_vector: cvss.vector,
                cvss_score: cvss.score,
                references: text::references(self.list("references").iter().map(String::as_str)),
                tags: lines("tags"),
            },
        })
    }
}
