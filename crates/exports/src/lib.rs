//! Writes findings as files, one after the other, as the API says them.
//!
//! Pure: it gets findings and writes bytes; where they come from and go to is the caller's. Memory does not grow with the
//! number of findings, but for the names of rules (SARIF) and components (CycloneDX) that were written already. Text of
//! findings is hostile: it leaves without control characters, is never Markdown or HTML, and never a formula. What each
//! format says, and why: `docs/exports.md`.
//!
//! | file | subject |
//! |---|---|
//! | `csv`, `json`, `sarif`, `openvex`, `cyclonedx` | a format each |
//! | `vex` | what a status says about a vulnerability: what both VEX formats have in common |
//! | `text` | hostile text and addresses made fit for a file |

mod csv;
mod cyclonedx;
mod json;
mod openvex;
mod sarif;
mod text;
mod vex;

use std::io::{self, Write};

use api::{ExportFormat, Finding};
use chrono::{DateTime, Utc};
use model::Status;
use uuid::Uuid;

pub use csv::COLUMNS;

/// What an export says about itself.
#[derive(Clone, Debug)]
pub struct About {
    /// Identity of this export: no two have the same.
    pub id: Uuid,
    /// When it began.
    pub at: DateTime<Utc>,
    /// Version of Lockstep.
    pub version: String,
    /// Address under which people reach the server, with `/` at its end: findings are linked below it.
    pub server: String,
}

/// Which findings a format speaks of, in the order in which they have to come: one walk through the findings of the first
/// group of statuses, then one through the second, and so on. `None`: one walk through the findings of any status.
///
/// SARIF speaks of open findings. OpenVEX speaks of decisions; readers let the later of two statements about one product
/// win, so the more cautious ones come last.
pub const fn walks(format: ExportFormat) -> Option<&'static [&'static [Status]]> {
    match format {
        ExportFormat::Csv | ExportFormat::Json => None,
        ExportFormat::Sarif => Some(&[&sarif::OPEN]),
        ExportFormat::Openvex => Some(&openvex::WALKS),
        ExportFormat::Cyclonedx => Some(&[&vex::SAID]),
    }
}

/// Media type of a format.
pub const fn media_type(format: ExportFormat) -> &'static str {
    match format {
        ExportFormat::Csv => "text/csv; charset=utf-8; header=present",
        ExportFormat::Json | ExportFormat::Openvex => "application/json",
        ExportFormat::Sarif => "application/sarif+json",
        ExportFormat::Cyclonedx => "application/vnd.cyclonedx+json; version=1.6",
    }
}

/// How the names of files of a format end.
pub const fn extension(format: ExportFormat) -> &'static str {
    match format {
        ExportFormat::Csv => "csv",
        ExportFormat::Json => "json",
        ExportFormat::Sarif => "sarif",
        ExportFormat::Openvex => "openvex.json",
        ExportFormat::Cyclonedx => "cdx.json",
    }
}

/// How a format is written.
trait Writer {
    fn begin(&mut self, out: &mut dyn Write) -> io::Result<()>;
    /// Writes a finding; `false` if the format has nothing to say about it.
    fn finding(&mut self, finding: &Finding, out: &mut dyn Write, behind: &mut dyn Write)
    -> io::Result<bool>;
    fn between(&mut self, out: &mut dyn Write) -> io::Result<()>;
    fn end(&mut self, out: &mut dyn Write) -> io::Result<()>;
}

/// An export under way.
///
/// The whole file is, in this order: what [`Export::begin`] wrote, what [`Export::finding`] wrote to `out` for each
/// finding, what [`Export::between`] wrote, all that [`Export::finding`] wrote to `behind`, and what [`Export::end`]
/// wrote. What is to stand behind all findings (rules, components) goes to `behind`, so that nobody has to hold it in
/// memory or read the findings twice. A file that was cut off is never well formed, CSV excepted.
pub struct Export {
    writer: Box<dyn Writer + Send + Sync>,
    written: u64,
}

impl std::fmt::Debug for Export {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Export").field("written", &self.written).finish_non_exhaustive()
    }
}

impl Export {
    /// An export of a format.
    pub fn new(format: ExportFormat, about: About) -> Self {
        let writer: Box<dyn Writer + Send + Sync> = match format {
            ExportFormat::Csv => Box::new(csv::Csv),
            ExportFormat::Json => Box::new(json::Json::default()),
            ExportFormat::Sarif => Box::new(sarif::Sarif::new(about)),
            ExportFormat::Openvex => Box::new(openvex::OpenVex::new(about)),
            ExportFormat::Cyclonedx => Box::new(cyclonedx::CycloneDx::new(about)),
        };
        Self { writer, written: 0 }
    }

    /// Findings that were written so far; those a format has nothing to say about are not counted.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Writes what stands before the findings.
    ///
    /// # Errors
    /// If `out` refuses.
    pub fn begin(&mut self, out: &mut impl Write) -> io::Result<()> {
        self.writer.begin(out)
    }

    /// Writes a finding.
    ///
    /// # Errors
    /// If `out` or `behind` refuses.
    pub fn finding(
        &mut self,
        finding: &Finding,
        out: &mut impl Write,
        behind: &mut impl Write,
    ) -> io::Result<()> {
        if self.writer.finding(finding, out, behind)? {
            self.written += 1;
        }
        Ok(())
    }

    /// Writes what stands between the findings and what comes behind them.
    ///
    /// # Errors
    /// If `out` refuses.
    pub fn between(&mut self, out: &mut impl Write) -> io::Result<()> {
        self.writer.between(out)
    }

    /// Writes what ends the file.
    ///
    /// # Errors
    /// If `out` refuses.
    pub fn end(&mut self, out: &mut impl Write) -> io::Result<()> {
        self.writer.end(out)
    }
}

/// Writes an entry of a list on a line of its own, behind those that are there.
fn entry(out: &mut dyn Write, is_first: bool, value: &impl serde::Serialize) -> io::Result<()> {
    out.write_all(if is_first { b"\n" } else { b",\n" })?;
    serde_json::to_writer(out, value).map_err(io::Error::from)
}

/// Writes a piece of JSON that needs no value of ours.
fn raw(out: &mut dyn Write, text: &str) -> io::Result<()> {
    out.write_all(text.as_bytes())
}

/// Writes a value as JSON.
fn value(out: &mut dyn Write, value: &impl serde::Serialize) -> io::Result<()> {
    serde_json::to_writer(out, value).map_err(io::Error::from)
}
