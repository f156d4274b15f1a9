//! What a report says, once it has been read: one [`Observation`] per result.
//!
//! Parsers write these values and nothing else; identity, coverage and lifecycle start from them.
//! Every text in here comes from a scanner and is hostile until it is sanitised at output.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::Severity;

/// What sort of weakness a result describes. It decides which facts make up the finding's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// A place in source code or another file.
    Code,
    /// A known vulnerability of a component (package, library, image layer).
    Component,
    /// A credential in clear text. The secret itself is never kept.
    Secret,
    /// A setting of infrastructure or of a cloud resource.
    Misconfiguration,
    /// A licence that is not wanted.
    License,
    /// A weakness of a running web application.
    Web,
    /// A weakness of a host or one of its services.
    Host,
}

impl FindingKind {
    /// The word used in code, database, API and command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Component => "component",
            Self::Secret => "secret",
            Self::Misconfiguration => "misconfiguration",
            Self::License => "license",
            Self::Web => "web",
            Self::Host => "host",
        }
    }
}

impl std::str::FromStr for FindingKind {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        [Self::Code, Self::Component, Self::Secret, Self::Misconfiguration, Self::License, Self::Web, Self::Host]
            .into_iter()
            .find(|kind| kind.as_str() == s)
            .ok_or_else(|| {
                format!("'{s}' is not a kind of finding: use code, component, secret, misconfiguration, license, web or host")
            })
    }
}

/// The definition a result points to: CVE, GHSA, CWE or a scanner's rule.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Vulnerability {
    /// The scanner's id for it: `CVE-2024-1234`, `js/sql-injection`. Never empty.
    pub id: String,
    /// Other ids of the same definition (CVE of a GHSA, for example), without `id`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// Short name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it is, as Markdown or plain text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What to do about it, as Markdown or plain text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remediation: Option<String>,
    /// CWE numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cwes: Vec<u32>,
    /// Most specific CVSS vector, if the report has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cvss_vector: Option<String>,
    /// CVSS base score, 0 to 10, if the report has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cvss_score: Option<f64>,
    /// Pages to read on. At most 20 are kept; only `http` and `https`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<String>,
    /// Words by which the scanner groups its rules.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
}

/// Where in a file, page or host a result lies.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Location {
    /// Path relative to the asset's root with `/`, an absolute URI, or the scanner's target name. Empty if the result has no place.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// First line, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_line: Option<u32>,
    /// Last line, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_line: Option<u32>,
    /// First column, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_column: Option<u32>,
    /// The lines themselves, at most 4,000 characters. Never set for [`FindingKind::Secret`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snippet: Option<String>,
    /// Function, class or other named thing that holds the place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logical: Option<String>,
}

/// The component that is vulnerable.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Component {
    /// Name as its ecosystem writes it. Never empty.
    pub name: String,
    /// Installed version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// First version without the vulnerability.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fixed_version: Option<String>,
    /// Ecosystem or package type (`npm`, `debian`, `jar`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ecosystem: Option<String>,
    /// Package URL (purl-spec), if the report has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purl: Option<String>,
    /// Lock file, archive or folder the component was found in, below the location's path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

/// A decision that travels inside the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ReportedSuppression {
    /// Somebody suppressed the result and that stands (SARIF 2.1.0 section 3.35: accepted, or no status given).
    Accepted,
    /// A suppression was asked for and is not decided (SARIF `underReview`), or was refused (`rejected`): the result counts.
    NotInForce,
}

/// One result in one report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// What sort of weakness.
    pub kind: FindingKind,
    /// The definition.
    pub vulnerability: Vulnerability,
    /// Severity as Lockstep reads it.
    pub severity: Severity,
    /// The scanner's own word for the severity, kept as it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scanner_severity: Option<String>,
    /// One line that names the weakness and its place for people. Never empty, at most 500 characters.
    pub title: String,
    /// What the scanner says about this one result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Primary place.
    #[serde(default)]
    pub location: Location,
    /// Further places that belong to the same result.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub related_locations: Vec<Location>,
    /// Vulnerable component.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub component: Option<Component>,
    /// Fingerprints that the scanner computed, by their name. Not trusted to be stable.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub scanner_fingerprints: BTreeMap<String, String>,
    /// Decision inside the report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suppression: Option<ReportedSuppression>,
}

/// What a report says about one run of a scanner. A report holds one or more.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ScanRun {
    /// Name of the scanner, as it calls itself. Never empty.
    pub scanner: String,
    /// Its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scanner_version: Option<String>,
    /// Name of the configuration (SARIF `automationDetails.id`), if the report names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub configuration: Option<String>,
    /// Identity of the run, if the report has one: two reports with one run id are one scan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
    /// When the scanner started, if the report says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<DateTime<Utc>>,
    /// Branch the report names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// Commit the report names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// What the scanner looked at (image name, repository), to suggest an asset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// What the run covered.
    pub coverage: Coverage,
}

/// What a scan looked at, and so what the absence of a result may prove.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Coverage {
    /// How much of the asset.
    pub extent: CoverageExtent,
    /// The rules that ran, if the report lists all of them. `None`: every rule the configuration ever reported is
    /// taken as run, because most producers list only the rules that fired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules: Option<Vec<String>>,
    /// The paths looked at (prefixes), if the scan was limited to some. Empty: the whole asset.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<String>,
}

/// How much of an asset a scan looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum CoverageExtent {
    /// Everything the configuration looks at: absence is evidence.
    #[default]
    Full,
    /// Only a part that the report does not describe (a diff, a failed module): absence proves nothing.
    Partial,
}
