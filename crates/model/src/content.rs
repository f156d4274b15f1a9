//! What a work item says: title and block, made from findings. Scanner text is hostile; what leaves here is safe HTML.

use crate::{Component, FindingKind, Location, Severity, Vulnerability};

/// Longest title Azure DevOps takes (azure-devops.md section 7.10), in characters.
pub const TITLE_LIMIT: usize = 255;

/// Findings that are listed one by one; more are counted.
const LISTED: usize = 50;

/// Characters of a description that are shown; the rest stands on the finding's page.
const TEXT_LIMIT: usize = 8_000;

/// Characters of a name or a place that are shown.
const NAME_LIMIT: usize = 200;

/// Longest address that is shown, in bytes. A cut address would lead elsewhere, so longer ones are left out.
const ADDRESS_LIMIT: usize = 1_000;

/// Deepest nesting that is rendered. The time to render grows with its square, and no honest text comes near.
const DEEPEST: usize = 64;

/// Longest rendering of one text, in bytes. Markup can blow a short text up; together with the limits above a block
/// stays below the 1,000,000 characters of a long text (azure-devops.md section 7.9).
const RENDERED_LIMIT: usize = 150_000;

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
    /// Scanner that saw it.
    pub scanner: &'a str,
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

/// Title of a work item for these findings, worst first. Never empty, at most [`TITLE_LIMIT`] characters, one line.
pub fn title(findings: &[Shown<'_>]) -> String {
    let Some(first) = findings.first() else { return "Security finding".into() };
    let severity = first.severity.as_str();
    let severity = format!("{}{}", severity[..1].to_uppercase(), &severity[1..]);
    let text = match findings {
        [only] => format!("[{severity}] {} in {}", only.title, only.asset),
        several => {
            let name = first.vulnerability.name.as_deref().unwrap_or(first.title);
            format!(
                "[{severity}] {}: {name} in {} ({} places)",
                first.vulnerability.id,
                first.asset,
                several.len()
            )
        }
    };
    // What nobody sees is no part of a title, and neither is what turns the reading direction around.
    let seen: String = text.chars().filter(|c| c.is_whitespace() || !is_unseen(*c)).collect();
    clip(&seen.split_whitespace().collect::<Vec<_>>().join(" "), TITLE_LIMIT)
}

/// Inner text of our block, as safe HTML.
pub fn block(findings: &[Shown<'_>]) -> String {
    let Some(first) = findings.first() else { return "<p>This ticket has no findings any more.</p>".into() };
    let vulnerability = first.vulnerability;
    let mut html = String::new();
    html.push_str(&format!(
        "<p><b>{}</b> · {}</p>",
        escape(first.severity.as_str()),
        name(&vulnerability.id)
    ));
    if let Some(message) = first.message.filter(|_| findings.len() == 1) {
        html.push_str(&format!("<p>{}</p>", escape(&clip(message, TEXT_LIMIT)).replace('\n', "<br>")));
    }
    html.push_str("<p><b>Where</b></p><ul>");
    for finding in findings.iter().take(LISTED) {
        let place = place(finding.location, finding.component);
        let place = if place.is_empty() { finding.title.to_owned() } else { place };
        html.push_str(&format!(
            "<li><a href=\"{}\">{}</a> · {} · {} · {}</li>",
            escape(&finding.url),
            name(&place),
            name(finding.asset),
            name(finding.scanner),
            name(finding.status),
        ));
    }
    if findings.len() > LISTED {
        html.push_str(&format!("<li>and {} more</li>", findings.len() - LISTED));
    }
    html.push_str("</ul>");
    if let Some(snippet) =
        first.location.snippet.as_deref().filter(|_| findings.len() == 1 && first.kind != FindingKind::Secret)
    {
        html.push_str(&format!("<pre>{}</pre>", escape(&clip(snippet, 2_000))));
    }
    if let Some(description) = &vulnerability.description {
        html.push_str(&format!("<p><b>What it is</b></p>{}", markdown(&clip(description, TEXT_LIMIT))));
    }
    let fixes: std::collections::BTreeSet<String> = findings
        .iter()
        .filter_map(|finding| finding.component)
        .filter_map(|component| Some(format!("{} {}", component.name, component.fixed_version.as_deref()?)))
        .collect();
    if !fixes.is_empty() || vulnerability.remediation.is_some() {
        html.push_str("<p><b>How to fix it</b></p>");
        for fix in fixes.iter().take(LISTED) {
            html.push_str(&format!("<p>Upgrade to {}.</p>", name(fix)));
        }
        if let Some(remediation) = &vulnerability.remediation {
            html.push_str(&markdown(&clip(remediation, TEXT_LIMIT)));
        }
    }
    html.push_str(
        "<p><b>How it is verified</b></p><p>Move this work item to a resolved or closed state when the fix is in. \
         The next scan that covers it proves the fix, or opens this work item again with the evidence.</p>",
    );
    if !vulnerability.references.is_empty() {
        html.push_str("<p><b>Read on</b></p>");
        let links = vulnerability.references.iter().filter(|url| is_web(url)).take(10);
        let links: String =
            links.map(|url| format!("<li><a href=\"{0}\">{0}</a></li>", escape(url))).collect();
        // What is no address after all loses its link there.
        html.push_str(&sanitiser().clean(&format!("<ul>{links}</ul>")).to_string());
    }
    html
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

/// HTML of the board as plain text: nothing active is left, lines stay lines. At most 8,000 characters.
pub fn plain(html: &str) -> String {
    /// Elements that end a line.
    const LINES: [&str; 12] = [
        "</p>", "</div>", "</li>", "<br>", "</h1>", "</h2>", "</h3>", "</h4>", "</pre>", "</tr>", "</ul>",
        "</ol>",
    ];
    let mut clean = ammonia::Builder::default().link_rel(None).clean(html).to_string();
    for end in LINES {
        clean = clean.replace(end, "\n");
    }
    let lines: Vec<String> = clean.lines().map(crate::block::normalised).collect();
    let mut text = String::new();
    for line in lines.iter().filter(|line| !line.is_empty()) {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(line);
    }
    let seen: String = text.chars().filter(|c| *c == '\n' || !is_unseen(*c)).collect();
    clip(&seen, TEXT_LIMIT)
}

fn name(text: &str) -> String {
    escape(&clip(text, NAME_LIMIT))
}

fn is_web(url: &str) -> bool {
    url.len() <= ADDRESS_LIMIT
        && (url.starts_with("https://") || url.starts_with("http://"))
        && !url.contains(|c: char| c.is_whitespace() || is_unseen(c))
}

/// A control character, a byte order mark, or one that turns the reading direction around (U+202A to U+202E, U+2066 to
/// U+2069).
fn is_unseen(c: char) -> bool {
    (c.is_control() && c != '\n' && c != '\t')
        || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}')
}

/// Scanner text as safe HTML: Markdown is rendered, everything active is taken away.
///
/// Links lead to `http` and `https` addresses only; one without a host would lead into the board's own pages. A text whose
/// markup is out of all proportion is shown as it is, without any.
pub fn markdown(text: &str) -> String {
    let text: String = text.chars().filter(|c| !is_unseen(*c)).collect();
    let plain = || format!("<p>{}</p>", escape(&text).replace('\n', "<br>"));
    if nesting(&text) > DEEPEST {
        return plain();
    }
    let mut html = String::new();
    pulldown_cmark::html::push_html(&mut html, pulldown_cmark::Parser::new(&text));
    // Entities may stand for what was taken out above.
    let html: String = sanitiser().clean(&html).to_string().chars().filter(|c| !is_unseen(*c)).collect();
    if html.len() > RENDERED_LIMIT && html.len() > text.len().saturating_mul(8) {
        return plain();
    }
    html
}

/// How deep lists, quotes and emphasis of a Markdown text stand in one another.
fn nesting(text: &str) -> usize {
    let mut depth = 0_usize;
    pulldown_cmark::Parser::new(text)
        .map(|event| {
            match event {
                pulldown_cmark::Event::Start(_) => depth += 1,
                pulldown_cmark::Event::End(_) => depth = depth.saturating_sub(1),
                _ => {}
            }
            depth
        })
        .max()
        .unwrap_or(0)
}

fn sanitiser() -> ammonia::Builder<'static> {
    let mut builder = ammonia::Builder::default();
    builder
        .tags(
            [
                "a",
                "b",
                "blockquote",
                "br",
                "code",
                "em",
                "h3",
                "h4",
                "i",
                "li",
                "ol",
                "p",
                "pre",
                "strong",
                "ul",
            ]
            .into_iter()
            .collect(),
        )
        .url_schemes(["http", "https"].into_iter().collect())
        .url_relative(ammonia::UrlRelative::Deny)
        .link_rel(None)
        .strip_comments(true);
    builder
}

/// Text as HTML text or attribute value.
pub fn escape(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            c if is_unseen(c) => {}
            c => html.push(c),
        }
    }
    html
}

/// At most so many characters, with an ellipsis where something was left out.
pub fn clip(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    let mut clipped: String = text.chars().take(limit.saturating_sub(1)).collect();
    clipped.push('…');
    clipped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with<'a>(vulnerability: &'a Vulnerability, location: &'a Location, message: &'a str) -> Shown<'a> {
        Shown {
            url: "https://lockstep.example/findings/1".into(),
            title: message,
            severity: Severity::High,
            status: "Identified",
            kind: FindingKind::Code,
            asset: "webshop",
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
        let html = block(&[with(&vulnerability, &location, hostile)]);
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
        let title = title(&[with(&vulnerability, &Location::default(), &long)]);
        assert_eq!(title.chars().count(), TITLE_LIMIT);
        assert!(!title.contains('\n'));
    }

    #[test]
    fn a_secret_is_never_shown() {
        let vulnerability = Vulnerability { id: "aws-key".into(), ..Vulnerability::default() };
        let location =
            Location { path: "a".into(), snippet: Some("AKIA-secret".into()), ..Location::default() };
        let shown = Shown { kind: FindingKind::Secret, ..with(&vulnerability, &location, "a key") };
        assert!(!block(&[shown]).contains("AKIA-secret"));
    }
}
