//! Findings as tests need them, and verbs to write and read them.

#![expect(clippy::unwrap_used, reason = "test support")]

use std::io::Cursor;

use api::{ExportFormat, Finding, FindingPriority, FindingSummary, Named, TicketHealth, TicketRef};
use chrono::{TimeZone as _, Utc};
use exports::{About, Export};
use model::{
    AssetId, Component, FindingId, FindingKind, Impact, Location, Observation, Severity, Status, TicketId,
    Vulnerability, WorkItemId,
};
use reports::{Event, Format, Limits};
use uuid::Uuid;

/// Text of a scanner that wants to be more than text.
pub(crate) const HOSTILE: &str = "=HYPERLINK(\"https://evil.example\") <script>alert(1)</script>\r\n-- '\u{1b}[31m\u{0}\u{7}, [link](javascript:1) {0}";

/// A finding that says what a test leaves open: of high severity, confirmed, in the code of the asset `contoso/shop`.
pub(crate) fn finding(number: u128) -> Finding {
    let at = Utc.with_ymd_and_hms(2026, 1, 31, 12, 0, 0).unwrap();
    Finding {
        summary: FindingSummary {
            id: FindingId(Uuid::from_u128(number)),
            asset: Named { id: AssetId(Uuid::from_u128(7)), name: "contoso/shop".into() },
            title: format!("Weakness {number}"),
            severity: Severity::High,
            status: Status::Identified,
            kind: FindingKind::Code,
            vulnerability_id: "js/sql-injection".into(),
            place: "src/query.js:12".into(),
            scanner: "CodeQL".into(),
            first_seen_at: at,
            last_seen_at: at,
            regressed: 0,
            request: None,
            temporary_until: None,
            detection: None,
            correlated: Vec::new(),
            ticket: None,
            priority: FindingPriority::default(),
        },
        vulnerability: Vulnerability { id: "js/sql-injection".into(), cwes: vec![89], ..Default::default() },
        message: None,
        location: Location {
            path: "src/query.js".into(),
            start_line: Some(12),
            end_line: Some(14),
            start_column: Some(3),
            snippet: Some("query(input)".into()),
            logical: None,
        },
        related_locations: Vec::new(),
        component: None,
        scanner_severity: None,
        fingerprint: format!("1:{number:032x}"),
        temporary_then: None,
        reason: None,
        detections: Vec::new(),
        asset_owner: String::new(),
        impact: Impact::Unknown,
        open_since: at,
        exploits: Vec::new(),
        assessments: Vec::new(),
        manual: None,
        duplicate_of: None,
        acceptance: None,
        suppressed_by: None,
    }
}

/// A known vulnerability of lodash in that asset.
pub(crate) fn of_component(number: u128, id: &str, status: Status) -> Finding {
    let mut finding = finding(number);
    finding.summary.kind = FindingKind::Component;
    finding.summary.status = status;
    finding.summary.vulnerability_id = id.to_owned();
    finding.vulnerability = Vulnerability {
        id: id.to_owned(),
        cvss_vector: Some("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N".into()),
        cvss_score: Some(7.5),
        ..Default::default()
    };
    finding.location = Location { path: "package-lock.json".into(), ..Default::default() };
    finding.component = Some(Component {
        name: "lodash".into(),
        version: Some("4.17.20".into()),
        fixed_version: Some("4.17.21".into()),
        ecosystem: Some("npm".into()),
        purl: Some("pkg:npm/lodash@4.17.20".into()),
        path: None,
    });
    finding
}

/// A finding whose every text is hostile.
pub(crate) fn hostile(number: u128, status: Status) -> Finding {
    let mut finding = of_component(number, &format!("CVE-2026-1000{HOSTILE}"), status);
    finding.summary.title = HOSTILE.into();
    finding.summary.asset.name = HOSTILE.into();
    finding.summary.scanner = HOSTILE.into();
    finding.message = Some(HOSTILE.into());
    finding.reason = Some(HOSTILE.into());
    finding.vulnerability.name = Some(HOSTILE.into());
    finding.vulnerability.description = Some(HOSTILE.into());
    finding.vulnerability.remediation = Some(HOSTILE.into());
    finding.vulnerability.aliases = vec![HOSTILE.into()];
    finding.vulnerability.tags = vec![HOSTILE.into()];
    finding.vulnerability.references = vec!["javascript:1".into(), format!("https://a/{HOSTILE}")];
    finding.location = Location {
        path: HOSTILE.into(),
        start_line: Some(0),
        end_line: Some(5),
        snippet: Some(HOSTILE.into()),
        logical: Some(HOSTILE.into()),
        start_column: Some(0),
    };
    let component = finding.component.as_mut().unwrap();
    component.name = HOSTILE.into();
    component.version = Some(HOSTILE.into());
    component.purl = Some(format!("pkg:npm/{HOSTILE}"));
    finding.summary.ticket = Some(TicketRef {
        id: TicketId(Uuid::from_u128(9)),
        work_item_id: Some(WorkItemId(5)),
        url: Some("javascript:1".into()),
        health: TicketHealth::InStep,
        state: Some(HOSTILE.into()),
        column: None,
        assignee: Some(HOSTILE.into()),
    });
    finding
}

/// The file of these findings.
pub(crate) fn file(format: ExportFormat, findings: &[Finding]) -> Vec<u8> {
    let about = About {
        id: Uuid::from_u128(1),
        at: Utc.with_ymd_and_hms(2026, 2, 1, 12, 0, 0).unwrap(),
        version: "0.1.0".into(),
        server: "https://lockstep.example/".into(),
    };
    let mut export = Export::new(format, about);
    let (mut out, mut behind) = (Vec::new(), Vec::new());
    export.begin(&mut out).unwrap();
    for finding in findings {
        export.finding(finding, &mut out, &mut behind).unwrap();
    }
    export.between(&mut out).unwrap();
    out.append(&mut behind);
    export.end(&mut out).unwrap();
    out
}

/// The same as JSON.
pub(crate) fn json(format: ExportFormat, findings: &[Finding]) -> serde_json::Value {
    serde_json::from_slice(&file(format, findings)).unwrap()
}

/// What our own readers make of a file, whose format they tell from its content.
pub(crate) fn read_back(bytes: &[u8]) -> (Format, Vec<model::ScanRun>, Vec<Observation>) {
    let (mut runs, mut observations) = (Vec::new(), Vec::new());
    let mut sink = |event| {
        match event {
            Event::Run(run) => runs.push(*run),
            Event::Observation(observation) => observations.push(*observation),
        }
        Ok(())
    };
    let summary = reports::read(Cursor::new(bytes), None, &Limits::default(), &mut sink).unwrap();
    (summary.format, runs, observations)
}
