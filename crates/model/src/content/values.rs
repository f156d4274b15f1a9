//! What a template sees of a ticket: plain values, bounded and without what is left out.

use chrono::{DateTime, NaiveDate, Utc};
use minijinja::context;
use minijinja::value::Value;

use super::html::{NAME_LIMIT, TEXT_LIMIT, is_web};
use super::redaction::Redactor;
use super::{Shown, clip, place};
use crate::acceptance::Accepted;
use crate::assessment::{AssessmentState, InAssessment};
use crate::priority::{Epss, Exploit, Kev, Priority, Probability, SlaMatrix, Weighed};
use crate::status::DetectionState;
use crate::{Component, FindingKind, Impact, Location, Severity, Vulnerability};

/// Findings that are listed one by one; more are counted.
const LISTED: usize = 50;

/// Characters of a title, an id or a line of an explanation.
const LINE_LIMIT: usize = 1_000;

/// References and other short lists.
const SHORT_LIST: usize = 10;

/// What a work item is for, beside its findings.
#[derive(Clone, Copy, Debug, Default)]
pub struct About<'a> {
    /// Page of the ticket.
    pub ticket_url: &'a str,
    /// Name of the destination.
    pub destination: &'a str,
    /// Name of the rule that made the ticket.
    pub rule: Option<&'a str>,
}

/// Why a finding says what it says, for a comment.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// Title of the finding.
    pub title: &'a str,
    /// What happened, a sentence.
    pub what: &'a str,
    /// The status that follows, in words.
    pub status: &'a str,
}

/// Everything a template may name.
pub(super) fn values(
    redactor: &Redactor,
    about: &About<'_>,
    findings: &[Shown<'_>],
    evidence: &[Evidence<'_>],
) -> Value {
    let listed: Vec<Value> =
        findings.iter().take(LISTED).map(|finding| of_finding(redactor, finding)).collect();
    let fixes: std::collections::BTreeSet<String> = findings
        .iter()
        .filter_map(|finding| finding.component)
        .filter_map(|component| Some(format!("{} {}", component.name, component.fixed_version.as_deref()?)))
        .collect();
    let fixes: Vec<Value> =
        fixes.iter().take(LISTED).map(|fix| short(redactor, fix, NAME_LIMIT).into()).collect();
    let assets: std::collections::BTreeSet<&str> = findings.iter().map(|finding| finding.asset).collect();
    let assets: Vec<Value> =
        assets.into_iter().take(LISTED).map(|asset| short(redactor, asset, NAME_LIMIT).into()).collect();
    let severities: Vec<Value> = Severity::WORST_FIRST
        .into_iter()
        .map(|severity| {
            let count = findings.iter().filter(|finding| finding.severity == severity).count();
            (severity, count)
        })
        .filter(|(_, count)| *count > 0)
        .map(|(severity, count)| context! { severity => severity.as_str(), count => count })
        .collect();
    let changes: Vec<Value> = evidence
        .iter()
        .map(|change| {
            context! {
                title => short(redactor, change.title, LINE_LIMIT),
                what => short(redactor, change.what, LINE_LIMIT),
                status => change.status,
            }
        })
        .collect();
    context! {
        first => listed.first().cloned().unwrap_or_else(|| Value::from(())),
        findings => listed,
        count => findings.len(),
        more => findings.len().saturating_sub(LISTED),
        fixes => fixes,
        assets => assets,
        severities => severities,
        changes => changes,
        ticket_url => about.ticket_url,
        destination => about.destination,
        rule => about.rule,
    }
}

fn assessments(redactor: &Redactor, all: &[InAssessment]) -> Vec<Value> {
    let one = |assessment: &InAssessment| {
        context! {
            name => short(redactor, &assessment.name, NAME_LIMIT),
            state => assessment.state.as_str(),
            completed => assessment.state == AssessmentState::Completed,
        }
    };
    all.iter().take(SHORT_LIST).map(one).collect()
}

fn day(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d").to_string()
}

fn short(redactor: &Redactor, text: &str, limit: usize) -> String {
    clip(&redactor.text(text), limit)
}

fn of_finding(redactor: &Redactor, finding: &Shown<'_>) -> Value {
    let name = |text: &str| short(redactor, text, NAME_LIMIT);
    let opt_name = |text: Option<&str>| text.map(name);
    let long = |text: Option<&str>| {
        let text = text.map(|text| short(redactor, &clip(text, TEXT_LIMIT), TEXT_LIMIT));
        text.filter(|text| !text.trim().is_empty())
    };
    let (location, vulnerability) = (finding.location, finding.vulnerability);
    let shows_snippet = finding.kind != FindingKind::Secret && !redactor.hide_snippets;
    let snippet = location.snippet.as_deref().filter(|_| shows_snippet);
    let references: Vec<Value> = vulnerability
        .references
        .iter()
        .filter(|url| is_web(url) && redactor.keeps(url))
        .take(SHORT_LIST)
        .map(|url| Value::from(url.as_str()))
        .collect();
    let names = |list: &[String]| -> Vec<Value> {
        list.iter().take(SHORT_LIST).map(|text| Value::from(name(text))).collect()
    };
    let component = finding.component.map(|component| {
        context! {
            name => name(&component.name),
            version => opt_name(component.version.as_deref()),
            fixed_version => opt_name(component.fixed_version.as_deref()),
            ecosystem => opt_name(component.ecosystem.as_deref()),
            purl => opt_name(component.purl.as_deref()),
            path => opt_name(component.path.as_deref()),
        }
    });
    context! {
        url => finding.url.as_str(),
        title => short(redactor, finding.title, LINE_LIMIT),
        severity => finding.severity.as_str(),
        status => finding.status,
        kind => finding.kind.as_str(),
        asset => name(finding.asset),
        asset_tags => names(finding.asset_tags),
        asset_owner => Some(name(finding.asset_owner)).filter(|owner| !owner.is_empty()),
        impact => finding.impact.as_str(),
        scanner => name(finding.scanner),
        message => long(finding.message),
        place => name(&place(location, finding.component)),
        path => name(&location.path),
        start_line => location.start_line,
        end_line => location.end_line,
        snippet => long(snippet),
        detection => finding.detection.map(DetectionState::as_str),
        first_seen => day(finding.first_seen_at),
        regressed => finding.regressed,
        risk => finding.priority.risk.score(),
        assessments => assessments(redactor, finding.assessments),
        acceptance => finding.acceptance.map_or_else(|| Value::from(()), |accepted| context! {
            reason => short(redactor, &accepted.reason, TEXT_LIMIT),
            approver => name(&accepted.approver),
            until => accepted.until.map(day),
        }),
        due => finding.priority.sla.map(|sla| day(sla.due_at)),
        component => component.unwrap_or_else(|| Value::from(())),
        vulnerability => context! {
            id => name(&vulnerability.id),
            name => opt_name(vulnerability.name.as_deref()),
            aliases => names(&vulnerability.aliases),
            cwes => vulnerability.cwes.iter().take(SHORT_LIST).map(|cwe| Value::from(*cwe)).collect::<Vec<_>>(),
            cvss_score => vulnerability.cvss_score,
            epss => finding.exploit.epss.map(|epss| epss.score.as_f64()),
            epss_percentile => finding.exploit.epss.map(|epss| epss.percentile.as_f64()),
            known_exploited => finding.exploit.kev.is_some(),
            known_exploited_since => finding.exploit.kev.map(|kev| kev.added_on.to_string()),
            ransomware => finding.exploit.kev.is_some_and(|kev| kev.ransomware),
            cvss_vector => opt_name(vulnerability.cvss_vector.as_deref()),
            description => long(vulnerability.description.as_deref()),
            remediation => long(vulnerability.remediation.as_deref()),
            references => references,
            tags => names(&vulnerability.tags),
        },
    }
}

/// Findings as people could meet them: one of which everything is known, one of which nothing is, a secret, and many.
pub(super) fn with_samples(mut with: impl FnMut(&About<'_>, &[Shown<'_>], &[Evidence<'_>])) {
    let text = |text: &str| Some(text.to_owned());
    let full = Vulnerability {
        id: "CVE-2026-1234".into(),
        aliases: vec!["GHSA-aaaa-bbbb-cccc".into()],
        name: text("Prototype pollution"),
        description: text("Properties of **all** objects can be changed.\n\n* by a request"),
        remediation: text("Upgrade, or check the names of properties."),
        cwes: vec![1321],
        cvss_vector: text("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"),
        cvss_score: Some(9.8),
        references: vec!["https://example.com/CVE-2026-1234".into()],
        tags: vec!["security".into()],
    };
    let bare = Vulnerability { id: "rule-1".into(), ..Vulnerability::default() };
    let place = Location {
        path: "src/login.js".into(),
        start_line: Some(12),
        end_line: Some(14),
        start_column: Some(3),
        snippet: text("merge(target, request.body)"),
        logical: text("login"),
    };
    let nowhere = Location::default();
    let component = Component {
        name: "lodash".into(),
        version: text("4.17.20"),
        fixed_version: text("4.17.21"),
        ecosystem: text("npm"),
        purl: text("pkg:npm/lodash@4.17.20"),
        path: text("package-lock.json"),
    };
    let tags = ["payments".to_owned()];
    let assessments = [InAssessment { name: "Spring review".into(), state: AssessmentState::Completed }];
    let accepted = Accepted {
        reason: "Only reachable from the office".into(),
        approver: "Ada".into(),
        until: Some(DateTime::<Utc>::UNIX_EPOCH),
    };
    let likely = Probability::from_millionths(975_650);
    let exploit = Exploit {
        epss: Some(Epss { score: likely, percentile: likely }),
        kev: Some(Kev { added_on: NaiveDate::default(), due_on: None, ransomware: true }),
    };
    let weighed = Weighed {
        severity: Severity::Critical,
        cvss_score: Some(9.8),
        impact: Impact::High,
        open_since: DateTime::<Utc>::UNIX_EPOCH,
    };
    let whole = Shown {
        url: "https://lockstep.example/findings/1".into(),
        title: "lodash can be made to change all objects",
        severity: Severity::Critical,
        status: "Open",
        kind: FindingKind::Component,
        asset: "webshop",
        asset_tags: &tags,
        asset_owner: "Team Payments",
        impact: Impact::High,
        scanner: "scanner",
        detection: Some(DetectionState::Detected),
        first_seen_at: DateTime::<Utc>::UNIX_EPOCH,
        regressed: 1,
        priority: Priority::of(&weighed, &exploit, &SlaMatrix::default()),
        exploit,
        assessments: &assessments,
        acceptance: Some(&accepted),
        vulnerability: &full,
        message: Some("lodash 4.17.20 is vulnerable."),
        location: &place,
        component: Some(&component),
    };
    let little = Shown {
        title: "x",
        severity: Severity::Info,
        kind: FindingKind::Secret,
        asset: "a",
        asset_tags: &[],
        asset_owner: "",
        impact: Impact::Unknown,
        detection: None,
        regressed: 0,
        priority: Priority::default(),
        exploit: Exploit::default(),
        assessments: &[],
        acceptance: None,
        vulnerability: &bare,
        message: None,
        location: &nowhere,
        component: None,
        ..whole.clone()
    };
    let about = About {
        ticket_url: "https://lockstep.example/tickets/1",
        destination: "Webshop / Payments / Bug",
        rule: Some("Everything"),
    };
    let evidence = [Evidence { title: whole.title, what: "Not seen any more.", status: "Fixed" }];
    with(&about, std::slice::from_ref(&whole), &evidence);
    with(&About { rule: None, ..about }, std::slice::from_ref(&little), &evidence);
    let many: Vec<Shown<'_>> =
        (0..60).map(|n| if n % 2 == 0 { whole.clone() } else { little.clone() }).collect();
    with(&about, &many, &[evidence[0]; 10]);
}
