//! The marked block: our part of a work item's long text. The text around it belongs to people.
//!
//! The marks are sentences, because the service strips comments and attributes (azure-devops.md section 7.9). They carry
//! the ticket's token, which is also how a work item is recognised as ours.

use std::ops::Range;

/// Elements that stand inside a word as well as around it: they separate nothing.
const INLINE: [&str; 15] =
    ["a", "b", "code", "em", "font", "i", "mark", "s", "small", "span", "strong", "sub", "sup", "tt", "u"];

/// How the first line of our block begins.
const BEGIN: &str = "Lockstep keeps the text from here to the end mark up to date";
/// How the last line of our block begins.
const END: &str = "End of the text kept by Lockstep";

/// The block for a ticket, around an inner text that is safe HTML already.
pub fn wrap(token: &str, inner: &str) -> String {
    // Marks that the inner text quotes are no marks: a space that does not break reads the same and is not found.
    let inner = inner.replace(BEGIN, &BEGIN.replacen(' ', "&nbsp;", 1));
    let inner = inner.replace(END, &END.replacen(' ', "&nbsp;", 1));
    format!("<div><p><i>{BEGIN} ({token}).</i></p>{inner}<p><i>{END} ({token}).</i></p></div>")
}

/// Where our block stands in a long text: from the element that holds nothing but the begin mark to that of the end mark.
///
/// `None` if either mark is gone: then the block is no longer ours to change. Of copies the first is ours.
fn range(html: &str, token: &str) -> Option<Range<usize>> {
    let begin = mark(html, BEGIN, token, 0)?;
    let end = mark(html, END, token, begin.end)?;
    Some(with_its_element(html, begin).start..with_its_element(html, end).end)
}

/// The first mark with this token, from its first word to the end of its sentence. Marks of other tickets are text.
fn mark(html: &str, words: &str, token: &str, from: usize) -> Option<Range<usize>> {
    // Between the words and the token there may be markup that an editor added, but not much.
    const BETWEEN: usize = 200;
    let token = format!("({token})");
    html[from..].match_indices(words).find_map(|(at, _)| {
        let after = from + at + words.len();
        let close = html[after..].bytes().take(BETWEEN).position(|byte| byte == b')')?;
        let end = after + close + 1;
        (normalised(&html[after..end]) == token)
            .then(|| from + at..end + usize::from(html[end..].starts_with('.')))
    })
}

/// Widens a mark to the elements that hold nothing else: an element with words of a person in it is theirs.
fn with_its_element(html: &str, mark: Range<usize>) -> Range<usize> {
    let mut range = mark;
    loop {
        let before = html[..range.start].trim_end();
        let after = &html[range.end..];
        let closing = after.trim_start();
        let Some(open) = before.rfind('<').filter(|_| before.ends_with('>')) else { return range };
        let Some(close) = closing.find('>').filter(|_| closing.starts_with("</")) else { return range };
        let name = tag_name(&before[open + 1..]);
        if name.is_empty() || name != tag_name(&closing[2..]) {
            return range;
        }
        range = open..range.end + (after.len() - closing.len()) + close + 1;
    }
}

/// The name a tag begins with, in lower case; empty for a closing tag or anything else.
fn tag_name(tag: &str) -> String {
    tag.chars().take_while(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase()
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

/// The long text with our block behind it: for one that holds none any more. A mark that was left alone becomes text,
/// so that what people wrote behind it is not taken for ours.
pub fn append(html: &str, token: &str, inner: &str) -> String {
    let mut html = html.to_owned();
    for words in [BEGIN, END] {
        while let Some(at) = mark(&html, words, token, 0) {
            // As in `wrap`: it reads the same and is not found.
            html.replace_range(at.start..at.start + words.len(), &words.replacen(' ', "&nbsp;", 1));
        }
    }
    format!("{html}{}", wrap(token, inner))
}

/// The words of a piece of HTML without markup, entities resolved, white space squeezed: what survives a sanitiser.
pub fn normalised(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(at) = rest.find(['<', '&']) {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        if rest.starts_with('<') {
            if !INLINE.contains(&tag_name(rest[1..].trim_start_matches('/')).as_str()) {
                text.push(' ');
            }
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
    const NAMED: [(&str, char); 9] = [
        ("&amp;", '&'),
        ("&lt;", '<'),
        ("&gt;", '>'),
        ("&quot;", '"'),
        ("&apos;", '\''),
        ("&nbsp;", ' '),
        // Our own text uses these two, and a sanitiser may spell them out.
        ("&middot;", '·'),
        ("&hellip;", '…'),
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
    fn a_block_that_comes_back_takes_nothing_of_what_people_wrote_behind_half_of_it() {
        let half = wrap(TOKEN, "<p>old</p>").replace(END, "gone");
        let back = append(&format!("{half}<p>Mine.</p>"), TOKEN, "<p>new</p>");
        assert!(words(&back, TOKEN).is_some_and(|words| words.contains("new") && !words.contains("Mine")));
        assert!(replace(&back, TOKEN, "").is_some_and(|rest| rest.contains("<p>Mine.</p>")));
    }

    #[test]
    fn words_do_not_depend_on_how_they_are_marked_up() {
        assert_eq!(normalised("<p>a&nbsp;b</p>\n<p>c &lt;d&gt; &#39;e&#x27;</p>"), "a b c <d> 'e'");
        assert_eq!(normalised("a & b &unknown; <"), "a & b &unknown;");
    }
}
