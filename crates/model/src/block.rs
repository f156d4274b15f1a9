//! The marked block: our part of a work item's long text. The text around it belongs to people.
//!
//! The marks are sentences, because the service strips comments and attributes (azure-devops.md section 7.9). They carry
//! the ticket's token, which is also how a work item is recognised as ours.

/// How the first line of our block begins.
const BEGIN: &str = "Lockstep keeps the text from here to the end mark up to date";
/// How the last line of our block begins.
const END: &str = "End of the text kept by Lockstep";

/// The block for a ticket, around an inner text that is safe HTML already.
pub fn wrap(token: &str, inner: &str) -> String {
    format!("<div><p><i>{BEGIN} ({token}).</i></p>{inner}<p><i>{END} ({token}).</i></p></div>")
}

/// Where our block stands in a long text: byte range from the start of the begin mark's paragraph to the end of the end mark's.
///
/// `None` if either mark is gone: then the block is no longer ours to change.
fn range(html: &str, token: &str) -> Option<std::ops::Range<usize>> {
    let begin = html.find(BEGIN)?;
    let after_begin = &html[begin..];
    if !after_begin[..after_begin.len().min(BEGIN.len() + token.len() + 16)].contains(token) {
        return None;
    }
    let end = begin + after_begin.find(END)?;
    let start = html[..begin].rfind("<p").filter(|at| html[*at..begin].len() < 64).unwrap_or(begin);
    let tail = html[end..].find("</p>").map_or(end + END.len(), |at| end + at + "</p>".len());
    Some(start..tail)
}

/// The words of our block as they stand on the board, whatever the service made of the markup. `None` if it is gone.
pub fn words(html: &str, token: &str) -> Option<String> {
    range(html, token).map(|range| normalised(&html[range]))
}

/// The long text with our block replaced; the text around it stays as it is. Without a block, `None`.
pub fn replace(html: &str, token: &str, inner: &str) -> Option<String> {
    let range = range(html, token)?;
    let block = wrap(token, inner);
    let block = block.strip_prefix("<div>").and_then(|block| block.strip_suffix("</div>")).unwrap_or(&block);
    Some(format!("{}{block}{}", &html[..range.start], &html[range.end..]))
}

/// The words of a piece of HTML without markup, entities resolved, white space squeezed: what survives a sanitiser.
pub fn normalised(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(at) = rest.find(['<', '&']) {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        if rest.starts_with('<') {
            text.push(' ');
            rest = rest.find('>').map_or("", |end| &rest[end + 1..]);
        } else {
            let (entity, length) = entity(rest);
            text.push(entity);
            rest = &rest[length..];
        }
    }
    text.push_str(rest);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn entity(text: &str) -> (char, usize) {
    const NAMED: [(&str, char); 7] = [
        ("&amp;", '&'),
        ("&lt;", '<'),
        ("&gt;", '>'),
        ("&quot;", '"'),
        ("&apos;", '\''),
        ("&nbsp;", ' '),
        ("&#160;", ' '),
    ];
    if let Some((name, c)) = NAMED.iter().find(|(name, _)| text.starts_with(name)) {
        return (*c, name.len());
    }
    let end = text.bytes().take(12).position(|byte| byte == b';');
    let number = end.and_then(|end| {
        let body = text.get(2..end).filter(|_| text.starts_with("&#"))?;
        let code = match body.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok()?,
            None => body.parse().ok()?,
        };
        Some((char::from_u32(code)?, end + 1))
    });
    number.unwrap_or(('&', 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "LS-ABCDEFGH";

    #[test]
    fn text_that_people_wrote_around_the_block_stays() {
        let html = format!("<p>Mine before.</p>{}<p>Mine after.</p>", wrap(TOKEN, "<p>old</p>"));
        let replaced = replace(&html, TOKEN, "<p>new</p>").unwrap();
        assert!(replaced.starts_with("<p>Mine before.</p>"), "{replaced}");
        assert!(replaced.ends_with("<p>Mine after.</p>"), "{replaced}");
        assert!(replaced.contains("<p>new</p>") && !replaced.contains("old"), "{replaced}");
        assert_eq!(
            replace(&replaced, TOKEN, "<p>new</p>").as_deref(),
            Some(replaced.as_str()),
            "replacing twice changes nothing"
        );
    }

    #[test]
    fn the_block_is_found_after_the_service_took_away_its_markup() {
        let html = wrap(TOKEN, "<p>a &amp; b</p>")
            .replace("<i>", "")
            .replace("</i>", "")
            .replace("<p>", "<p style=\"x\">");
        let words = words(&html, TOKEN).unwrap();
        assert!(words.contains("a & b"), "{words}");
    }

    #[test]
    fn a_block_without_its_marks_or_with_another_token_is_not_ours() {
        let html = wrap(TOKEN, "<p>x</p>");
        assert_eq!(words(&html, "LS-OTHER"), None);
        assert_eq!(words(&html.replace(END, "gone"), TOKEN), None);
        assert_eq!(words("<p>something else</p>", TOKEN), None);
    }

    #[test]
    fn words_do_not_depend_on_how_they_are_marked_up() {
        assert_eq!(normalised("<p>a&nbsp;b</p>\n<p>c &lt;d&gt; &#39;e&#x27;</p>"), "a b c <d> 'e'");
        assert_eq!(normalised("a & b &unknown; <"), "a & b &unknown;");
    }
}
