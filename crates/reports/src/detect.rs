//! Which format a file has, told from its first bytes and never from its name.

use crate::encoding::other_encoding;
use crate::error::{Error, ErrorKind, Place};
use crate::format::Format;
use crate::outline::Outline;
use crate::text::shorten;
use crate::{
    asff, bandit, burp_enterprise, cargo_audit, checkov, cyclonedx, defectdojo, defender, generic, ghazdo,
    github, gitleaks, govulncheck, grype, kubescape, npm_audit, nuclei, openvex, osv_scanner, pip_audit,
    prowler, recognise, sarif, semgrep, snyk, sonarqube, trivy, trivy_operator, unpack, wiz_cli, xml,
    zap_json,
};

/// How many bytes of a file are enough to tell its format: 64 KiB.
pub const HEAD_BYTES: usize = 64 << 10;

/// Tells the format from the beginning of a file, of which at most [`HEAD_BYTES`] are looked at.
///
/// A byte order mark, white space and the order of keys do not matter. The beginning of a gzip archive is unpacked; a ZIP
/// archive does not say at its beginning what is in it, so its report has to be unpacked first, as [`crate::read`] does.
///
/// # Errors
///
/// [`ErrorKind::Empty`], [`ErrorKind::WrongEncoding`], [`ErrorKind::Syntax`] or [`ErrorKind::Truncated`] if the JSON
/// breaks before it tells anything, [`ErrorKind::UnknownFormat`] with what was seen.
pub fn detect(head: &[u8]) -> Result<Format, Error> {
    let head = &head[..head.len().min(HEAD_BYTES)];
    match unpack::gzip_head(head, HEAD_BYTES) {
        Some(unpacked) => look(&unpacked),
        None => look(head),
    }
}

impl Error {
    /// Nothing, or not UTF-8: wrong whatever format the caller names.
    pub(crate) fn whatever_the_format(&self) -> bool {
        matches!(self.kind, ErrorKind::Empty | ErrorKind::WrongEncoding { .. })
    }
}

pub(crate) fn look(head: &[u8]) -> Result<Format, Error> {
    // Before the encoding: XML may say which one it has.
    if let Some(text) = xml::head_text(head) {
        return recognise::xml(&text).map_err(unknown);
    }
    if let Some(found) = other_encoding(head) {
        return Err(ErrorKind::WrongEncoding { found }.into());
    }
    let text = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head);
    let Some(start) = text.iter().position(|byte| !byte.is_ascii_whitespace()) else {
        return Err(ErrorKind::Empty.into());
    };
    match &text[start..] {
        [b'{', ..] | [b'[', ..] => json(text, head.len() < HEAD_BYTES),
        other => not_json(other),
    }
}

fn unknown(seen: impl Into<String>) -> Error {
    ErrorKind::UnknownFormat { seen: seen.into() }.into()
}

fn not_json(text: &[u8]) -> Result<Format, Error> {
    let seen = match text {
        [b'P', b'K', 3, 4, ..] => "a ZIP archive, whose beginning does not say what is in it".to_owned(),
        [b'%', b'P', b'D', b'F', ..] => "a PDF document".to_owned(),
        _ => {
            let line: &[u8] = text.split(|byte| matches!(byte, b'\n' | b'\r')).next().unwrap_or_default();
            let line = String::from_utf8_lossy(line);
            if generic::csv::is_header(&line) {
                return Ok(Format::GenericCsv);
            }
            if let Some(format) = recognise::csv(&String::from_utf8_lossy(text)) {
                return Ok(format);
            }
            format!("its first line is '{}'", shorten(&line, 80))
        }
    };
    Err(unknown(seen))
}

type LooksLike = fn(&Outline) -> bool;

/// How each JSON format is recognised. A format whose keys others use too comes after them.
const JSON: &[(Format, LooksLike)] = &[
    (Format::GenericJson, generic::json::looks_like),
    (Format::Sarif, sarif::looks_like),
    (Format::Trivy, trivy::looks_like),
    (Format::CycloneDx, cyclonedx::looks_like),
    (Format::OpenVex, openvex::looks_like),
    (Format::GithubDependabot, github::dependabot::looks_like),
    (Format::GithubCodeScanning, github::code_scanning::looks_like),
    (Format::GithubSecretScanning, github::secret_scanning::looks_like),
    (Format::BurpEnterprise, burp_enterprise::looks_like),
    (Format::Prowler, prowler::looks_like),
    (Format::SonarQube, sonarqube::looks_like),
    (Format::Zap, zap_json::looks_like),
    (Format::AzureDevOpsAlerts, ghazdo::looks_like),
    (Format::DefectDojo, defectdojo::looks_like),
    (Format::WizCli, wiz_cli::looks_like),
    (Format::Kubescape, kubescape::looks_like),
    (Format::TrivyOperator, trivy_operator::looks_like),
    (Format::Nuclei, nuclei::looks_like),
    (Format::DefenderGraph, defender::looks_like_graph),
    (Format::DefenderEndpoint, defender::looks_like),
    (Format::Asff, asff::looks_like),
    (Format::Semgrep, semgrep::looks_like),
    (Format::NpmAudit, npm_audit::looks_like),
    (Format::Grype, grype::looks_like),
    (Format::OsvScanner, osv_scanner::looks_like),
    (Format::PipAudit, pip_audit::looks_like),
    (Format::CargoAudit, cargo_audit::looks_like),
    (Format::Bandit, bandit::looks_like),
    (Format::Gitleaks, gitleaks::looks_like),
    (Format::Checkov, checkov::looks_like),
    (Format::Snyk, snyk::looks_like),
    (Format::SnykIssues, snyk::issues::looks_like),
    (Format::Govulncheck, govulncheck::looks_like),
];

fn json(text: &[u8], whole: bool) -> Result<Format, Error> {
    let (outline, end) = Outline::of(text);
    if let Some((format, _)) = JSON.iter().find(|(_, looks_like)| looks_like(&outline)) {
        return Ok(*format);
    }
    if let Err(error) = end {
        let place =
            Place { byte: 0, line: error.line() as u64, column: error.column() as u64, path: String::new() };
        match error.classify() {
            serde_json::error::Category::Eof if whole => {
                return Err(ErrorKind::Truncated { inside: "the JSON".to_owned() }.into());
            }
            serde_json::error::Category::Syntax if whole => {
                let byte = text.split_inclusive(|byte| *byte == b'\n').take(error.line().saturating_sub(1));
                let byte = byte.map(<[u8]>::len).sum::<usize>() + error.column();
                // A number may end behind its point, and the file with it.
                if byte >= text.len() {
                    return Err(ErrorKind::Truncated { inside: "the JSON".to_owned() }.into());
                }
                let full = error.to_string();
                let reason = full.rsplit_once(" at line ").map_or(full.as_str(), |(reason, _)| reason);
                let kind = ErrorKind::Syntax { reason: format!("not valid JSON: {reason}") };
                return Err(Error::at(kind, Place { byte: byte as u64, ..place }));
            }
            _ => {}
        }
    }
    let keys: Vec<&str> = outline.keys().into_iter().take(8).collect();
    let list = outline.is_list("");
    let what = if list { "a JSON list of objects" } else { "a JSON object" };
    Err(unknown(match keys.as_slice() {
        [] if list => "an empty JSON list, or a list of something else than objects".to_owned(),
        [] => "an empty JSON object".to_owned(),
        keys => format!("{what} with the keys {}", keys.join(", ")),
    }))
}
