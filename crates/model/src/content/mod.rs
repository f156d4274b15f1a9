//! What a work item says: title, block, comments and tags, made from findings by templates. Scanner text is hostile; what
//! leaves here is safe HTML, whoever wrote the template.
//!
//! | file | subject |
//! |---|---|
//! | `html` | hostile text as safe HTML |
//! | `templates` | a set of templates as people write it, and what is wrong with it |
//! | `values` | what a template sees |
//! | `render` | the sandbox: what a template can do, and its limits |
//! | `redaction` | what never leaves |
//! | `standard/` | the templates that hold where nobody wrote others |

mod html;
mod redaction;
mod render;
mod templates;
mod values;

use chrono::{DateTime, Utc};

use crate::acceptance::Accepted;
use crate::assessment::InAssessment;
use crate::priority::{Exploit, Priority};
use crate::status::DetectionState;
use crate::{Component, FindingKind, Impact, Location, Severity, Vulnerability};

pub use html::{clip, escape, markdown, plain};
pub use redaction::Redaction;
pub use render::{Templates, Written, check_field};
pub use templates::{Part, STANDARD_NAME, TemplateProblem, TemplateSet, standard_text};
pub use values::{About, Evidence};

use html::name;

/// Longest title Azure DevOps takes (azure-devops.md section 7.10), in characters.
pub const TITLE_LIMIT: usize = 255;

/// What is shown of one finding of a ticket.
#[derive(Clone, Debug)]
pub struct Shown<'a> {
    /// Its page.
    pub url: String,
    /// Title.
    pub title: &'a str,
    /// Severity.
    pub severity: Severity,
    /// Displayed status in words.
    pub status: &'a str,
    /// Sort of weakness.
    pub kind: FindingKind,
    /// Asset.
    pub asset: &'a str,
    /// Tags of the asset.
    pub asset_tags: &'a [String],
    /// Who answers for the asset; empty if nobody was named.
    pub asset_owner: &'a str,
    /// How much the business depends on the asset.
    pub impact: Impact,
    /// Scanner that saw it.
    pub scanner: &'a str,
    /// How it stands to the newest scans; none for what no scan saw.
    pub detection: Option<DetectionState>,
    /// Start of the first scan that saw it.
    pub first_seen_at: DateTime<Utc>,
    /// How often it came back after it was fixed.
    pub regressed: u32,
    /// Risk and due date.
    pub priority: Priority,
    /// What the world knows about the exploitation of its vulnerability.
    pub exploit: Exploit,
    /// Assessments that it belongs to.
    pub assessments: &'a [InAssessment],
    /// The acceptance that covers it.
    pub acceptance: Option<&'a Accepted>,
    /// Definition.
    pub vulnerability: &'a Vulnerability,
    /// The scanner's words about this one.
    pub message: Option<&'a str>,
    /// Place.
    pub location: &'a Location,
    /// Component.
    pub component: Option<&'a Component>,
}

/// A place in one line: `src/login.js:12`, `lodash 4.17.20 in package-lock.json`.
pub fn place(location: &Location, component: Option<&Component>) -> String {
    let file = match (location.path.as_str(), location.start_line) {
        ("", _) => String::new(),
        (path, Some(line)) => format!("{path}:{line}"),
        (path, None) => path.to_owned(),
    };
    let Some(component) = component else { return file };
    let mut place = component.name.clone();
    if let Some(version) = &component.version {
        place.push(' ');
        place.push_str(version);
    }
    let holder = component.path.as_deref().filter(|path| !path.is_empty()).unwrap_or(&file);
    if !holder.is_empty() {
        place.push_str(" in ");
        place.push_str(holder);
    }
    place
}

/// Lines as a comment, as safe HTML.
pub fn comment(lines: &[String]) -> String {
    lines.iter().map(|line| format!("<p>{}</p>", escape(&clip(line, 1_000)))).collect()
}

/// An explanation of a change of ours, marked with the ticket's token: that is how it is recognised as ours.
pub fn explanation(html: &str, ticket_token: &str) -> String {
    format!("{html}<p><i>Lockstep ({})</i></p>", escape(ticket_token))
}

/// Longest comment that is written here, in characters.
pub const COMMENT_LIMIT: usize = 10_000;

/// A person's comment as it goes to the board: safe HTML with who wrote it and the comment's token.
pub fn spoken(text: &str, author: &str, token: &str) -> String {
    let paragraphs: String = text
        .split("\n\n")
        .map(str::trim)
        .filter(|paragraph| !paragraph.is_empty())
        .map(|paragraph| format!("<p>{}</p>", escape(paragraph).replace('\n', "<br>")))
        .collect();
    format!("{paragraphs}<p><i>{} in Lockstep ({})</i></p>", name(author), escape(token))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(findings: &[Shown<'_>]) -> Written {
        Templates::standard().write(&About::default(), findings, &[])
    }

    fn with<'a>(vulnerability: &'a Vulnerability, location: &'a Location, message: &'a str) -> Shown<'a> {
        Shown {
            url: "https://lockstep.example/findings/1".into(),
            title: message,
            severity: Severity::High,
            status: "Identified",
            kind: FindingKind::Code,
            asset: "webshop",
            asset_tags: &[],
            asset_owner: "",
            impact: Impact::Unknown,
            detection: None,
            first_seen_at: DateTime::UNIX_EPOCH,
            regressed: 0,
            priority: Priority::default(),
            exploit: Exploit::default(),
            assessments: &[],
            acceptance: None,
            scanner: "scanner",
            vulnerability,
            message: Some(message),
            location,
            component: None,
        }
    }

    #[test]
    fn nothing_that_a_scanner_writes_becomes_active_content() {
        let hostile = "<img src=x onerror=alert(1)><script>alert(2)</script>[x](javascript:alert(3)) \"><svg onload=alert(4)>";
        let vulnerability = Vulnerability {
            id: hostile.into(),
            description: Some(hostile.into()),
            remediation: Some(hostile.into()),
            references: vec!["javascript:alert(5)".into(), "https://ok.example/\"onclick=alert(6)".into()],
            ..Vulnerability::default()
        };
        let location =
            Location { path: hostile.into(), snippet: Some(hostile.into()), ..Location::default() };
        let html = written(&[with(&vulnerability, &location, hostile)]).block;
        let cleaned = ammonia::Builder::default().link_rel(None).clean(&html).to_string();
        for word in ["<script", "<img", "<svg", "href=\"javascript:"] {
            assert!(!html.contains(word), "{word} in {html}");
        }
        assert_eq!(
            crate::block::normalised(&cleaned),
            crate::block::normalised(&html),
            "a second sanitiser finds nothing to take away"
        );
    }

    #[test]
    fn a_comment_goes_out_as_text_and_comes_back_as_text() {
        let hostile = "Look: <script>alert(1)</script>\nand <b>this</b>\n\n& more";
        let out = spoken(hostile, "Ada <x>", "LC-1");
        assert!(!out.contains("<script") && !out.contains("<b>"), "{out}");
        assert_eq!(
            plain(&out),
            "Look: <script>alert(1)</script>\nand <b>this</b>\n& more\nAda <x> in Lockstep (LC-1)"
        );
        let theirs = "<div>One<br>two</div><img src=x onerror=alert(1)><script>alert(2)</script><p>three&nbsp;&lt;</p>";
        assert_eq!(plain(theirs), "One\ntwo\nthree <");
    }

    #[test]
    fn a_title_fits_and_has_one_line() {
        let vulnerability = Vulnerability { id: "X".into(), ..Vulnerability::default() };
        let long = "a\nb\u{1F600}".repeat(400);
        let title = written(&[with(&vulnerability, &Location::default(), &long)]).title;
        assert_eq!(title.chars().count(), TITLE_LIMIT);
        assert!(!title.contains('\n'));
    }

    #[test]
    fn a_secret_is_never_shown() {
        let vulnerability = Vulnerability { id: "aws-key".into(), ..Vulnerability::default() };
        let location =
            Location { path: "a".into(), snippet: Some("AKIA-secret".into()), ..Location::default() };
        let shown = Shown { kind: FindingKind::Secret, ..with(&vulnerability, &location, "a key") };
        assert!(!written(&[shown]).block.contains("AKIA-secret"));
    }
}
