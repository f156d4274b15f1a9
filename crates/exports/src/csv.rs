//! CSV for spreadsheets: RFC 4180, UTF-8, a row for each finding, no cell a formula.

use std::io::{self, Write};

use api::Finding;
use chrono::{DateTime, SecondsFormat, Utc};

use crate::Writer;
use crate::text::clean;

/// The head. New columns come last, so that places stay.
pub const COLUMNS: [&str; 48] = [
    "id",
    "asset",
    "title",
    "severity",
    "status",
    "kind",
    "vulnerability",
    "aliases",
    "cwes",
    "cvss_score",
    "cvss_vector",
    "place",
    "path",
    "start_line",
    "end_line",
    "component",
    "component_version",
    "fixed_version",
    "ecosystem",
    "purl",
    "scanner",
    "first_seen_at",
    "last_seen_at",
    "regressed",
    "reason",
    "temporary_until",
    "temporary_then",
    "requested",
    "ticket",
    "work_item",
    "work_item_url",
    "work_item_state",
    "assignee",
    "fingerprint",
    "message",
    "remediation",
    "references",
    "risk",
    "epss",
    "known_exploited",
    "due_at",
    "sla",
    "asset_owner",
    "impact",
    "open_since",
    "assessments",
    "detection",
    "correlated",
];

/// The table.
pub(crate) struct Csv;

impl Writer for Csv {
    fn begin(&mut self, out: &mut dyn Write) -> io::Result<()> {
        row(out, COLUMNS)
    }

    fn finding(&mut self, finding: &Finding, out: &mut dyn Write, _: &mut dyn Write) -> io::Result<bool> {
        row(out, cells(finding).map(|cell| harmless(&cell)))?;
        Ok(true)
    }

    fn between(&mut self, _: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }

    fn end(&mut self, _: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}

fn row(out: &mut dyn Write, cells: impl IntoIterator<Item = impl AsRef<[u8]>>) -> io::Result<()> {
    let mut writer = ::csv::WriterBuilder::new().terminator(::csv::Terminator::CRLF).from_writer(out);
    writer.write_record(cells)?;
    writer.flush()
}

/// A cell that no spreadsheet reads as a formula, and without control characters.
///
/// OWASP, "CSV Injection": a cell that begins with `=`, `+`, `-`, `@`, tab, carriage return or line feed, or with the
/// full-width forms of the first four, gets an apostrophe in front. Spaces in front are looked through, because some
/// spreadsheets drop them while they read.
fn harmless(cell: &str) -> String {
    let text = clean(cell);
    let begins = |with: &[char]| text.trim_start_matches(' ').starts_with(with);
    if begins(&['=', '+', '-', '@', '＝', '＋', '－', '＠', '\t', '\n']) {
        return format!("'{text}");
    }
    text
}

/// The cells of a finding, in the order of [`COLUMNS`].
fn cells(finding: &Finding) -> [String; COLUMNS.len()] {
    let summary = &finding.summary;
    let vulnerability = &finding.vulnerability;
    let component = finding.component.as_ref();
    let ticket = summary.ticket.as_ref();
    let priority = &summary.priority;
    let of_component = |part: fn(&model::Component) -> Option<&String>| {
        component.and_then(part).cloned().unwrap_or_default()
    };
    let number = |number: Option<u32>| number.map(|number| number.to_string()).unwrap_or_default();
    let cwes: Vec<String> = vulnerability.cwes.iter().map(|cwe| format!("CWE-{cwe}")).collect();
    [
        summary.id.to_string(),
        summary.asset.name.clone(),
        summary.title.clone(),
        summary.severity.to_string(),
        summary.status.to_string(),
        summary.kind.as_str().to_owned(),
        summary.vulnerability_id.clone(),
        vulnerability.aliases.join(" "),
        cwes.join(" "),
        vulnerability.cvss_score.map(|score| score.to_string()).unwrap_or_default(),
        vulnerability.cvss_vector.clone().unwrap_or_default(),
        summary.place.clone(),
        finding.location.path.clone(),
        number(finding.location.start_line),
        number(finding.location.end_line),
        component.map(|component| component.name.clone()).unwrap_or_default(),
        of_component(|component| component.version.as_ref()),
        of_component(|component| component.fixed_version.as_ref()),
        of_component(|component| component.ecosystem.as_ref()),
        of_component(|component| component.purl.as_ref()),
        summary.scanner.clone(),
        time(summary.first_seen_at),
        time(summary.last_seen_at),
        summary.regressed.to_string(),
        finding.reason.clone().unwrap_or_default(),
        summary.temporary_until.map(time).unwrap_or_default(),
        finding.temporary_then.map(|then| then.status().to_string()).unwrap_or_default(),
        summary.request.as_ref().map(|request| requested(request.kind).to_owned()).unwrap_or_default(),
        ticket.map(|ticket| ticket.id.to_string()).unwrap_or_default(),
        ticket.and_then(|ticket| ticket.work_item_id).map(|id| id.to_string()).unwrap_or_default(),
        ticket.and_then(|ticket| ticket.url.clone()).unwrap_or_default(),
        ticket.and_then(|ticket| ticket.state.clone()).unwrap_or_default(),
        ticket.and_then(|ticket| ticket.assignee.clone()).unwrap_or_default(),
        finding.fingerprint.clone(),
        finding.message.clone().unwrap_or_default(),
        vulnerability.remediation.clone().unwrap_or_default(),
        vulnerability.references.join(" "),
        priority.risk.to_string(),
        priority.epss.map(|epss| epss.to_string()).unwrap_or_default(),
        priority.known_exploited.to_string(),
        priority.due_at.map(time).unwrap_or_default(),
        priority.sla.map(|sla| sla.as_str().to_owned()).unwrap_or_default(),
        finding.asset_owner.clone(),
        finding.impact.to_string(),
        time(finding.open_since),
        finding.assessments.iter().map(|one| one.name.clone()).collect::<Vec<_>>().join("; "),
        summary.detection.map(|state| state.as_str().to_owned()).unwrap_or_default(),
        summary.correlated.iter().map(|one| one.scanner.clone()).collect::<Vec<_>>().join("; "),
    ]
}

/// The status that is asked for.
fn requested(kind: model::status::RequestKind) -> &'static str {
    match kind {
        model::status::RequestKind::RiskAcceptance => model::Status::RiskAccepted.as_str(),
        model::status::RequestKind::FalsePositive => model::Status::FalsePositive.as_str(),
    }
}

fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        for formula in
            ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1", "＝1", "\u{0}=1", "\u{1b}@x"]
        {
            let cell = harmless(formula);
            assert!(cell.starts_with('\''), "{formula:?} became {cell:?}");
        }
        for plain in ["a=1", "", "CVE-2026-1", "'quoted'", "5", "src/a-b.rs"] {
            assert_eq!(harmless(plain), plain);
        }
    }
}
