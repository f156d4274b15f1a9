//! Text from the HTML that scanners of web applications write into their reports.

/// Tags that end a line.
const BLOCKS: [&str; 14] =
    ["p", "br", "div", "ul", "ol", "tr", "table", "pre", "h1", "h2", "h3", "h4", "blockquote", "dd"];
/// Longest tag that is looked at, in bytes; what is longer is text.
const MAX_TAG: usize = 2_000;
/// Entities that have a name in such texts.
const NAMED: [(&str, &str); 8] = [
    ("amp", "&"),
    ("lt", "<"),
    ("gt", ">"),
    ("quot", "\""),
    ("apos", "'"),
    ("nbsp", " "),
    ("copy", "©"),
    ("reg", "®"),
];

/// The text without its tags: paragraphs as lines, items of lists with a dash, entities resolved.
///
/// A `<` that begins no tag (`PHP < 7.3`) stays. The result is plain text and as hostile as the input.
pub(crate) fn to_text(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(at) = rest.find(['<', '&']) {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        let (piece, used) = if rest.starts_with('<') { tag(rest) } else { entity(rest) };
        text.push_str(&piece);
        rest = &rest[used..];
    }
    text.push_str(rest);
    tidy(&text)
}

/// What a tag leaves in the text, and its bytes.
fn tag(rest: &str) -> (String, usize) {
    let literal = ("<".to_owned(), 1);
    let name: String =
        rest[1..].trim_start_matches('/').chars().take_while(char::is_ascii_alphanumeric).collect();
    let begins = rest[1..].starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '!');
    let end = rest.as_bytes().iter().take(MAX_TAG).position(|byte| *byte == b'>');
    let (true, Some(end)) = (begins, end) else { return literal };
    let name = name.to_ascii_lowercase();
    let left = match name.as_str() {
        "li" if !rest.starts_with("</") => "\n- ",
        name if BLOCKS.contains(&name) => "\n",
        _ => "",
    };
    (left.to_owned(), end + 1)
}

/// What an entity stands for, and its bytes.
fn entity(rest: &str) -> (String, usize) {
    let literal = ("&".to_owned(), 1);
    let Some(end) = rest.as_bytes().iter().take(12).position(|byte| *byte == b';') else { return literal };
    let name = &rest[1..end];
    if let Some((_, meant)) = NAMED.iter().find(|(known, _)| *known == name) {
        return ((*meant).to_owned(), end + 1);
    }
    let number = match name.strip_prefix('#') {
        Some(hex) if hex.starts_with(['x', 'X']) => u32::from_str_radix(&hex[1..], 16).ok(),
        Some(decimal) => decimal.parse().ok(),
        None => None,
    };
    match number.and_then(char::from_u32).filter(|character| *character != '\0') {
        Some(character) => (character.to_string(), end + 1),
        None => literal,
    }
}

/// No space at the ends of lines, and at most one empty line between two.
fn tidy(text: &str) -> String {
    let mut tidy = String::with_capacity(text.len());
    let mut empty = 0;
    for line in text.lines().map(str::trim) {
        if line.is_empty() {
            empty += 1;
            continue;
        }
        if !tidy.is_empty() {
            tidy.push_str(if empty > 0 { "\n\n" } else { "\n" });
        }
        empty = 0;
        tidy.push_str(line);
    }
    tidy
}

/// Longest address that is looked at, in bytes.
const MAX_LINK: usize = 2_000;

/// Addresses of pages in a text, in tags or not.
pub(crate) fn links(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    let mut before = None;
    std::iter::from_fn(move || {
        loop {
            let at = rest.find("http")?;
            let joined = rest[..at].chars().next_back().or(before).is_some_and(char::is_alphanumeric);
            rest = &rest[at..];
            let ends = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | '`');
            let begins = !joined && (rest.starts_with("http://") || rest.starts_with("https://"));
            let end =
                if begins { rest.char_indices().find(|(at, c)| ends(*c) || *at > MAX_LINK) } else { None };
            let end = if begins { end.map_or(rest.len(), |(at, _)| at) } else { 4 };
            let (link, behind) = rest.split_at(end);
            (rest, before) = (behind, link.chars().next_back());
            if begins {
                return Some(link.trim_end_matches(['.', ',', ';', ')', ']']));
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_become_lines_and_everything_else_stays() {
        assert_eq!(
            to_text("<p>One &amp; two</p><p>Use:</p>\n<ul><li>a &lt;b&gt;</li><li>c</li></ul>"),
            "One & two\n\nUse:\n\n- a <b>\n- c"
        );
        assert_eq!(to_text("PHP < 7.3 & > 5, a<b, 1 <2"), "PHP < 7.3 & > 5, a<b, 1 <2");
        assert_eq!(
            to_text("see <a href=\"https://example.com\">this</a>&#33; &#xZZ; &unknown;"),
            "see this! &#xZZ; &unknown;"
        );
        assert_eq!(to_text("a<script>alert(1)</script>b<"), "aalert(1)b<");
    }

    #[test]
    fn a_hostile_text_takes_no_more_than_its_length() {
        let started = std::time::Instant::now();
        for text in ["http://", "http:", "<a", "&lt", "<!", "https://a "] {
            let text = text.repeat(100_000);
            assert!(links(&text).count() <= 100_000);
            assert!(!to_text(&text).is_empty() || text.starts_with('<'));
        }
        assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
    }

    #[test]
    fn links_are_found_in_tags_and_in_text() {
        let text =
            "<A HREF='https://a.example/x?y=1'>a</A>, see http://b.example. xhttp://no.example https:/no";
        assert_eq!(links(text).collect::<Vec<_>>(), ["https://a.example/x?y=1", "http://b.example"]);
    }
}
