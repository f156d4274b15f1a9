//! What a person writes down about a finding, as the command line says it.

use std::path::PathBuf;

use api::{Finding, ManualFinding};
use clap::Args;
use model::{FindingKind, Severity};

use crate::client::read_text;
use crate::exit::CliError;

/// Fields of a manual finding. What is not given stays as it is in the file, or in the finding that is changed.
#[derive(Args, Debug)]
pub(crate) struct Said {
    /// All fields as JSON, in the words of docs/formats/generic-json.md: a file, or `-` for the standard input
    #[arg(long, value_name = "FILE|-")]
    file: Option<PathBuf>,
    /// One line for people
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,
    /// critical, high, medium, low or info
    #[arg(long, value_name = "SEVERITY")]
    severity: Option<Severity>,
    /// code, component, secret, misconfiguration, license, web or host
    #[arg(long, value_name = "KIND")]
    kind: Option<FindingKind>,
    /// CVE, or a word of your own for the sort of weakness
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// Path in the asset, or an address
    #[arg(long, value_name = "PATH")]
    path: Option<String>,
    /// First line, from 1
    #[arg(long, value_name = "LINE")]
    line: Option<u32>,
    /// What was seen, and how to see it again
    #[arg(long, value_name = "TEXT")]
    message: Option<String>,
    /// What it is, as Markdown
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// What to do about it, as Markdown
    #[arg(long, value_name = "TEXT")]
    remediation: Option<String>,
    /// CWE, such as CWE-79; may be given several times
    #[arg(long = "cwe", value_name = "CWE")]
    cwes: Vec<String>,
    /// CVSS vector; it says the severity if that is not given
    #[arg(long, value_name = "VECTOR")]
    cvss_vector: Option<String>,
}

impl Said {
    /// These fields, over those of the file or of what is known.
    pub(crate) fn over(self, known: ManualFinding) -> Result<ManualFinding, CliError> {
        let base = match &self.file {
            None => known,
            Some(path) => serde_json::from_str(&read_text(path)?).map_err(|error| {
                CliError::usage(format!("{}: {error}", path.display()))
                    .next("Look at the fields in docs/formats/generic-json.md.")
            })?,
        };
        Ok(ManualFinding {
            id: self.id.or(base.id),
            title: self.title.unwrap_or(base.title),
            severity: self.severity.or(base.severity),
            kind: self.kind.or(base.kind),
            message: self.message.or(base.message),
            path: self.path.or(base.path),
            start_line: self.line.or(base.start_line),
            description: self.description.or(base.description),
            remediation: self.remediation.or(base.remediation),
            cwes: if self.cwes.is_empty() { base.cwes } else { self.cwes },
            cvss_vector: self.cvss_vector.or(base.cvss_vector),
            ..base
        })
    }
}

/// What stands in a finding, to be changed.
pub(crate) fn said_of(finding: Finding) -> ManualFinding {
    let component = finding.component.unwrap_or_default();
    let vulnerability = finding.vulnerability;
    let some = |text: String| (!text.is_empty()).then_some(text);
    ManualFinding {
        id: some(vulnerability.id),
        title: finding.summary.title,
        severity: Some(finding.summary.severity),
        kind: Some(finding.summary.kind),
        message: finding.message,
        path: some(finding.location.path),
        start_line: finding.location.start_line,
        end_line: finding.location.end_line,
        snippet: finding.location.snippet,
        component: some(component.name),
        component_version: component.version,
        fixed_version: component.fixed_version,
        name: vulnerability.name,
        description: vulnerability.description,
        remediation: vulnerability.remediation,
        cwes: vulnerability.cwes.iter().map(|cwe| format!("CWE-{cwe}")).collect(),
        cvss_vector: vulnerability.cvss_vector,
        cvss_score: vulnerability.cvss_score,
        references: vulnerability.references,
        tags: vulnerability.tags,
    }
}
