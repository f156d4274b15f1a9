//! Hostile text as safe HTML, and HTML of the board as text.

/// Characters of a description that are shown; the rest stands on the finding's page.
pub(super) const TEXT_LIMIT: usize = 8_000;

/// Characters of a name or a place that are shown.
pub(super) const NAME_LIMIT: usize = 200;

/// Longest address that is shown, in bytes. A cut address would lead elsewhere, so longer ones are left out.
const ADDRESS_LIMIT: usize = 1_000;

/// Deepest nesting that is rendered. The time to render grows with its square, and no honest text comes near.
const DEEPEST: usize = 64;

/// Longest rendering of one text, in bytes. Markup can blow a short text up.
const RENDERED_LIMIT: usize = 150_000;

/// What a text of a scanner may keep.
const SCANNER_TAGS: [&str; 15] =
    ["a", "b", "blockquote", "br", "code", "em", "h3", "h4", "i", "li", "ol", "p", "pre", "strong", "ul"];

/// What a template may write beside that.
const TEMPLATE_TAGS: [&str; 12] =
    ["h1", "h2", "hr", "s", "table", "tbody", "td", "th", "thead", "tr", "u", "div"];

/// Elements that end by themselves: how many are open says nothing about the depth.
const ENDING_BY_THEMSELVES: [&str; 9] = ["br", "hr", "img", "li", "p", "tbody", "td", "th", "tr"];

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

/// A name, escaped and no longer than [`NAME_LIMIT`].
pub(super) fn name(text: &str) -> String {
    escape(&clip(text, NAME_LIMIT))
}

/// An address that a link may lead to.
pub(super) fn is_web(url: &str) -> bool {
    url.len() <= ADDRESS_LIMIT
        && (url.starts_with("https://") || url.starts_with("http://"))
        && !url.contains(|c: char| c.is_whitespace() || is_unseen(c))
}

/// A control character, a byte order mark, or one that turns the reading direction around (U+202A to U+202E, U+2066 to
/// U+2069).
pub(super) fn is_unseen(c: char) -> bool {
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
    if depth(&html) > DEEPEST {
        return plain();
    }
    let html = clean(&html, &SCANNER_TAGS);
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

/// Only these elements are left, without attributes but the addresses of links; nothing that nobody sees.
fn clean(html: &str, tags: &[&'static str]) -> String {
    let mut builder = ammonia::Builder::default();
    builder
        .tags(tags.iter().copied().collect())
        .tag_attributes([("a", ["href"].into_iter().collect())].into_iter().collect())
        .generic_attributes(Default::default())
        .url_schemes(["http", "https"].into_iter().collect())
        .url_relative(ammonia::UrlRelative::Deny)
        .link_rel(None)
        .strip_comments(true);
    // Entities may stand for characters that nobody sees.
    builder.clean(html).to_string().chars().filter(|c| !is_unseen(*c)).collect()
}

/// What a template made, without anything active. `None`: elements stand too deep in one another to be looked at.
pub(super) fn inert(html: &str) -> Option<String> {
    let html: String = html.chars().filter(|c| !is_unseen(*c)).collect();
    if depth(&html) > 2 * DEEPEST {
        return None;
    }
    let tags: Vec<&'static str> = SCANNER_TAGS.into_iter().chain(TEMPLATE_TAGS).collect();
    Some(clean(&html, &tags))
}

/// How deep elements stand in one another: whatever is not ended counts as open. Counted up to twice [`DEEPEST`] only.
fn depth(html: &str) -> usize {
    let mut open: Vec<String> = Vec::new();
    let mut deepest = 0;
    for piece in html.split('<').skip(1) {
        let (ends, rest) = piece.strip_prefix('/').map_or((false, piece), |rest| (true, rest));
        let name: String =
            rest.chars().take_while(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
        if name.is_empty() || ENDING_BY_THEMSELVES.contains(&name.as_str()) {
            continue;
        }
        if !ends {
            open.push(name);
            deepest = deepest.max(open.len());
        } else if let Some(at) = open.iter().rposition(|known| *known == name) {
            open.truncate(at);
        }
        if deepest > 2 * DEEPEST {
            return deepest;
        }
    }
    deepest
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
