//! OpenVEX 0.2.0: a statement for each vulnerability of each finding.

use std::io::{self, Write};

use api::Finding;
use chrono::SecondsFormat;
use model::Status;
use serde::Serialize;

use crate::text::{line, part, purl};
use crate::vex::{Named, Verdict, because, remedy, verdict, vulnerabilities};
use crate::{About, Writer, entry, raw, value};

/// From what is least cautious to what is most.
pub(crate) const WALKS: [&[Status]; 4] = [
    &[Status::FalsePositive],
    &[Status::Fixed],
    &[Status::Created],
    &[
        Status::RiskAccepted,
        Status::AwaitingValidation,
        Status::Waiting,
        Status::InProgress,
        Status::Identified,
    ],
];

/// The document.
pub(crate) struct OpenVex {
    about: About,
    began: bool,
}

impl OpenVex {
    pub(crate) fn new(about: About) -> Self {
        Self { about, began: false }
    }
}

#[derive(Serialize)]
struct Statement {
    /// The finding, so that no two statements are equal and each can be traced.
    #[serde(rename = "@id")]
    id: String,
    vulnerability: Vulnerability,
    products: [Product; 1],
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_notes: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    impact_statement: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    action_statement: Option<String>,
}

#[derive(Serialize)]
struct Vulnerability {
    name: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    aliases: Vec<String>,
}

#[derive(Serialize)]
struct Product {
    #[serde(flatten)]
    what: Identified,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    subcomponents: Vec<Identified>,
}

#[derive(Serialize)]
struct Identified {
    #[serde(rename = "@id")]
    id: String,
    identifiers: Identifiers,
}

#[derive(Serialize)]
struct Identifiers {
    purl: String,
}

impl Identified {
    fn new(purl: String) -> Self {
        Self { id: purl.clone(), identifiers: Identifiers { purl } }
    }

    /// What has no package URL of its own (purl-spec, type `generic`).
    fn generic(name: &str, version: Option<&str>) -> Self {
        let version = version.map(|version| format!("@{}", part(&line(version)))).unwrap_or_default();
        Self::new(format!("pkg:generic/{}{version}", part(&line(name))))
    }
}

/// The component by its package URL; else the asset, with the component as a part of it.
fn product(finding: &Finding) -> Product {
    let component = finding.component.as_ref();
    if let Some(purl) = component.and_then(|component| purl(component.purl.as_deref()?)) {
        return Product { what: Identified::new(purl), subcomponents: Vec::new() };
    }
    let part = component.map(|component| Identified::generic(&component.name, component.version.as_deref()));
    Product {
        what: Identified::generic(&finding.summary.asset.name, None),
        subcomponents: part.into_iter().collect(),
    }
}

fn statement(finding: &Finding, named: Named, verdict: Verdict) -> Statement {
    let because = because(finding, verdict);
    let mut statement = Statement {
        id: format!("urn:uuid:{}#{}", finding.summary.id, part(&named.name)),
        vulnerability: Vulnerability { name: named.name, aliases: named.aliases },
        products: [product(finding)],
        status: "",
        status_notes: None,
        impact_statement: None,
        action_statement: None,
    };
    match verdict {
        Verdict::NotAffected => {
            statement.status = "not_affected";
            statement.impact_statement = Some(because);
        }
        Verdict::Fixed => {
            statement.status = "fixed";
            statement.status_notes = Some(because);
        }
        Verdict::UnderInvestigation => {
            statement.status = "under_investigation";
            statement.status_notes = Some(because);
        }
        Verdict::Accepted => {
            statement.status = "affected";
            statement.action_statement = Some(format!("No action is planned. {because}"));
        }
        Verdict::Affected => {
            statement.status = "affected";
            statement.action_statement =
                Some(remedy(finding).unwrap_or_else(|| "No remedy is known.".to_owned()));
            statement.status_notes = Some(because);
        }
    }
    statement
}

impl Writer for OpenVex {
    fn begin(&mut self, out: &mut dyn Write) -> io::Result<()> {
        raw(out, r#"{"@context":"https://openvex.dev/ns/v0.2.0","@id":"#)?;
        value(out, &format!("urn:uuid:{}", self.about.id))?;
        raw(out, r#","author":"#)?;
        value(out, &format!("Lockstep at {}", self.about.server))?;
        raw(out, r#","timestamp":"#)?;
        value(out, &self.about.at.to_rfc3339_opts(SecondsFormat::Secs, true))?;
        raw(out, r#","version":1,"tooling":"#)?;
        value(out, &format!("Lockstep/{}", self.about.version))?;
        raw(out, r#","statements":["#)
    }

    fn finding(&mut self, finding: &Finding, out: &mut dyn Write, _: &mut dyn Write) -> io::Result<bool> {
        let Some(verdict) = verdict(finding.summary.status) else { return Ok(false) };
        let named = vulnerabilities(finding);
        let says = !named.is_empty();
        for named in named {
            entry(out, !self.began, &statement(finding, named, verdict))?;
            self.began = true;
        }
        Ok(says)
    }

    fn between(&mut self, _: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }

    fn end(&mut self, out: &mut dyn Write) -> io::Result<()> {
        raw(out, "\n]}\n")
    }
}
