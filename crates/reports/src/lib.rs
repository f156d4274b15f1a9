//! Reads reports of security scanners: says which format a file has and streams its results as observations.
//!
//! A report is hostile until it is stored, and may be broken, cut off or huge. So: memory does not grow with the number
//! of results; every refusal names position, reason and next step ([`Error`]); nothing is guessed silently, and results
//! that are no weakness are counted with their reason ([`Summary::left_out`]). How the fields of each format are read is
//! described in `docs/formats`.
//!
//! A new format is a module with a `read` function, a variant of [`Format`] and a line in `detect` that names its `looks_like`.

mod asff;
mod bandit;
mod burp;
mod burp_enterprise;
mod cargo_audit;
mod checkov;
mod component;
mod cvss;
mod cyclonedx;
mod defectdojo;
mod defectdojo_csv;
mod defender;
mod dependency_check;
mod detect;
mod draft;
mod encoding;
mod error;
mod exploit_data;
mod format;
mod found;
mod generic;
mod ghazdo;
mod github;
mod gitleaks;
mod govulncheck;
mod grype;
mod html;
mod json;
mod kubescape;
mod limits;
mod nessus;
mod nmap;
mod npm_audit;
mod nuclei;
mod openvas;
mod openvex;
mod osv;
mod osv_scanner;
mod outline;
mod output;
mod pip_audit;
mod prowler;
mod purl;
mod qualys;
mod recognise;
mod sarif;
mod semgrep;
mod severity;
mod snyk;
mod sonarqube;
mod table;
mod text;
mod trivy;
mod trivy_operator;
mod unpack;
mod wiz;
mod wiz_cli;
mod xml;
mod zap;
mod zap_json;

use std::io::{Read, Seek, SeekFrom};

use model::{Observation, ScanRun};

pub use detect::{HEAD_BYTES, detect};
pub use error::{Error, ErrorKind, Place, SinkError};
pub use exploit_data::{ExploitRecord, ExploitSaid, ExploitSource, ExploitSummary, read_exploit_data};
pub use format::{Format, UnknownFormatName};
pub use generic::mapped::ColumnMap;
pub use limits::Limits;

/// What a report says, in the order of the file. Every observation follows the run it belongs to.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A run of a scanner begins.
    Run(Box<ScanRun>),
    /// One result of the run announced last.
    Observation(Box<Observation>),
}

/// What was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The format that was given or detected.
    pub format: Format,
    /// Runs in the report, at least one.
    pub runs: u64,
    /// Results in the report: observations plus those left out.
    pub results: u64,
    /// Results handed to the sink.
    pub observations: u64,
    /// Results that are no weakness seen now, by reason.
    pub left_out: Vec<LeftOut>,
}

/// Results that the report holds and that are no observation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Why, in words for people.
    pub reason: &'static str,
    /// How many.
    pub count: u64,
}

/// A file: reports are read more than once, because run data may stand behind the results.
pub trait ReadSeek: Read + Seek {}

impl<T: Read + Seek> ReadSeek for T {}

/// How a report is read.
#[derive(Clone, Debug, Default)]
pub struct ReadOptions {
    /// The format, if it is known; else it is told from the content.
    pub format: Option<Format>,
    /// Bounds of what is taken in.
    pub limits: Limits,
    /// The report is a table of which these columns mean something.
    pub columns: Option<ColumnMap>,
}

/// Reads a report and hands each run and result to `sink`.
///
/// Without a `format` it is detected from the content. A report in gzip, or alone in a ZIP archive, is unpacked within
/// the limits, into a temporary file if it is large. Blocks on I/O and on the sink; memory is bounded by `limits`, not
/// by the number of results. Formats are read through once before the first event, so a report that is cut off or
/// broken in its structure yields no event; a wrong value in a later result is found while streaming, hence a caller
/// must drop what it received when an error comes back.
///
/// # Errors
///
/// [`Error`] with position, reason and next step; [`ErrorKind::Sink`] if the sink refused an event.
pub fn read(
    input: impl ReadSeek,
    format: Option<Format>,
    limits: &Limits,
    sink: &mut dyn FnMut(Event) -> Result<(), SinkError>,
) -> Result<Summary, Error> {
    read_with(input, &ReadOptions { format, limits: limits.clone(), columns: None }, sink)
}

/// Reads one finding that was not in a report: its fields are those of the generic JSON (`docs/formats/generic-json.md`).
///
/// # Errors
///
/// The first field that is missing, unknown, or makes no sense.
pub fn read_finding(said: &serde_json::Value) -> Result<Observation, Error> {
    let report = serde_json::json!({"lockstep": 1, "scanner": {"name": "manual"}, "findings": [said]});
    let mut found = None;
    let input = std::io::Cursor::new(report.to_string().into_bytes());
    read(input, Some(Format::GenericJson), &Limits::default(), &mut |event| {
        if let Event::Observation(observation) = event {
            found = Some(*observation);
        }
        Ok(())
    })?;
    found.ok_or_else(|| Error::from(ErrorKind::Invalid { reason: "there is no finding".into() }))
}

/// As [`read`], with everything that can be said about how.
///
/// # Errors
///
/// As [`read`]; [`ErrorKind::Invalid`] too if a map of columns has no meaning, or stands beside another format than
/// [`Format::GenericCsv`].
pub fn read_with(
    mut input: impl ReadSeek,
    options: &ReadOptions,
    sink: &mut dyn FnMut(Event) -> Result<(), SinkError>,
) -> Result<Summary, Error> {
    match unpack::unpack(&mut input, &options.limits)? {
        Some(mut unpacked) => read_plain(&mut unpacked, options, sink),
        None => read_plain(&mut input, options, sink),
    }
}

fn read_plain(
    mut input: &mut dyn ReadSeek,
    options: &ReadOptions,
    sink: &mut dyn FnMut(Event) -> Result<(), SinkError>,
) -> Result<Summary, Error> {
    let ReadOptions { format, limits, columns } = options;
    let head = head(&mut input)?;
    let detected = detect::look(&head);
    let format = match (*format, detected) {
        (_, Err(error)) if error.whatever_the_format() => return Err(error),
        (Some(format), _) => format,
        // A map says what the table is: what its columns look like does not matter.
        (None, _) if columns.is_some() => Format::GenericCsv,
        (None, detected) => detected?,
    };
    if let (Some(_), true) = (columns, format != Format::GenericCsv) {
        let reason =
            format!("a map of columns is for tables without a format of their own, not for {format}");
        return Err(ErrorKind::Invalid { reason }.into());
    }
    let mut output = output::Output::new(format, limits, sink);
    match format {
        Format::Sarif => sarif::read(&mut input, limits, &mut output)?,
        Format::Trivy => trivy::read(&mut input, limits, &mut output)?,
        Format::CycloneDx => cyclonedx::read(&mut input, limits, &mut output)?,
        Format::OpenVex => openvex::read(&mut input, limits, &mut output)?,
        Format::GithubDependabot => github::dependabot::read(&mut input, limits, &mut output)?,
        Format::GithubCodeScanning => github::code_scanning::read(&mut input, limits, &mut output)?,
        Format::GithubSecretScanning => github::secret_scanning::read(&mut input, limits, &mut output)?,
        Format::Asff => asff::read(&mut input, limits, &mut output)?,
        Format::Nuclei => nuclei::read(&mut input, limits, &mut output)?,
        Format::Semgrep => semgrep::read(&mut input, limits, &mut output)?,
        Format::NpmAudit => npm_audit::read(&mut input, limits, &mut output)?,
        Format::Grype => grype::read(&mut input, limits, &mut output)?,
        Format::OsvScanner => osv_scanner::read(&mut input, limits, &mut output)?,
        Format::PipAudit => pip_audit::read(&mut input, limits, &mut output)?,
        Format::CargoAudit => cargo_audit::read(&mut input, limits, &mut output)?,
        Format::Bandit => bandit::read(&mut input, limits, &mut output)?,
        Format::Gitleaks => gitleaks::read(&mut input, limits, &mut output)?,
        Format::Checkov => checkov::read(&mut input, limits, &mut output)?,
        Format::Snyk => snyk::read(&mut input, limits, &mut output)?,
        Format::SnykIssues => snyk::issues::read(&mut input, limits, &mut output)?,
        Format::Govulncheck => govulncheck::read(&mut input, limits, &mut output)?,
        Format::TrivyOperator => trivy_operator::read(&mut input, limits, &mut output)?,
        Format::Kubescape => kubescape::read(&mut input, limits, &mut output)?,
        Format::WizCli => wiz_cli::read(&mut input, limits, &mut output)?,
        Format::DefectDojo => defectdojo::read(&mut input, limits, &mut output)?,
        Format::AzureDevOpsAlerts => ghazdo::read(&mut input, limits, &mut output)?,
        Format::SonarQube => sonarqube::read(&mut input, limits, &mut output)?,
        Format::Prowler => prowler::read(&mut input, limits, &mut output)?,
        Format::BurpEnterprise => burp_enterprise::read(&mut input, limits, &mut output)?,
        Format::GenericJson => generic::json::read(&mut input, limits, &mut output)?,
        Format::GenericCsv => match columns {
            Some(map) => generic::mapped::read(&mut input, limits, map, &mut output)?,
            None => generic::csv::read(&mut input, limits, &mut output)?,
        },
        Format::Nessus => nessus::read(&mut input, limits, &mut output)?,
        Format::Wiz => wiz::read(&mut input, limits, &mut output)?,
        Format::DefenderCloud => defender::read_cloud(&mut input, limits, &mut output)?,
        Format::DefenderGraph => defender::read_graph(&mut input, limits, &mut output)?,
        Format::DefenderEndpoint => defender::read_endpoint(&mut input, limits, &mut output)?,
        Format::DefectDojoCsv => defectdojo_csv::read(&mut input, limits, &mut output)?,
        Format::Zap => zap::read(&mut input, limits, &mut output)?,
        Format::DependencyCheck => dependency_check::read(&mut input, limits, &mut output)?,
        Format::Burp => burp::read(&mut input, limits, &mut output)?,
        Format::OpenVas => openvas::read(&mut input, limits, &mut output)?,
        Format::Qualys => qualys::read(&mut input, limits, &mut output)?,
        Format::Nmap => nmap::read(&mut input, limits, &mut output)?,
    }
    Ok(output.finish())
}

fn head(input: &mut dyn ReadSeek) -> Result<Vec<u8>, Error> {
    let mut head = Vec::new();
    input.seek(SeekFrom::Start(0)).map_err(ErrorKind::Io)?;
    input.take(HEAD_BYTES as u64).read_to_end(&mut head).map_err(ErrorKind::Io)?;
    Ok(head)
}

/// Whether a file of a scanner that writes both XML and CSV is XML.
fn is_xml(input: &mut dyn ReadSeek) -> Result<bool, Error> {
    Ok(xml::head_text(&head(input)?).is_some())
}
