//! Hostile text and addresses made fit for a file.

use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};

/// What may not stand in an address (RFC 3986 appendix A). `%` may: what is encoded stays so.
const NOT_IN_ADDRESS: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');
/// Everything but the unreserved characters (RFC 3986 section 2.3).
const NOT_UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// The same for a path, whose steps are kept apart.
const NOT_IN_PATH: &AsciiSet = &NOT_UNRESERVED.remove(b'/');

/// Text without control characters but tabs and line breaks, which are all `\n`.
pub(crate) fn clean(text: &str) -> String {
    text.replace("\r\n", "\n")
        .chars()
        .map(|character| if character == '\r' { '\n' } else { character })
        .filter(|character| !character.is_control() || matches!(character, '\n' | '\t'))
        .collect()
}

/// Text on one line, without control characters.
pub(crate) fn line(text: &str) -> String {
    clean(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The address of a page, if it is one.
pub(crate) fn page(text: &str) -> Option<String> {
    let is_page = ["http://", "https://"]
        .iter()
        .any(|scheme| text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)));
    is_page.then(|| address(text))
}

/// A package URL, if it is one.
pub(crate) fn purl(text: &str) -> Option<String> {
    let text = text.trim();
    let rest = text.get(..4).filter(|scheme| scheme.eq_ignore_ascii_case("pkg:")).map(|_| &text[4..])?;
    rest.contains('/').then(|| format!("pkg:{}", address(rest)))
}

/// An absolute address with everything encoded that may not stand in one.
pub(crate) fn address(text: &str) -> String {
    utf8_percent_encode(text, NOT_IN_ADDRESS).to_string()
}

/// Text as one part of an address.
pub(crate) fn part(text: &str) -> String {
    utf8_percent_encode(text, NOT_UNRESERVED).to_string()
}

/// A path as a reference relative to a root. A colon is encoded, so that its first step is never read as a scheme.
pub(crate) fn path(text: &str) -> String {
    utf8_percent_encode(text, NOT_IN_PATH).to_string()
}

/// Whether a path is an absolute address.
pub(crate) fn is_address(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, _)| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_left_out_and_line_breaks_are_one_sort() {
        assert_eq!(clean("a\u{1b}[31m\r\nb\rc\u{0}\td\u{9b}"), "a[31m\nb\nc\td");
        assert_eq!(line("  a\r\n\u{7}b "), "a b");
    }

    #[test]
    fn only_web_pages_are_linked_and_markup_in_them_is_encoded() {
        assert_eq!(page("https://a/<b>\"c\"").as_deref(), Some("https://a/%3Cb%3E%22c%22"));
        assert_eq!(page("javascript:alert(1)"), None);
        assert_eq!(page("https:"), None);
    }

    #[test]
    fn a_package_url_keeps_its_spelling_and_takes_no_markup() {
        assert_eq!(purl("pkg:npm/%40a/b@1 ").as_deref(), Some("pkg:npm/%40a/b@1"));
        assert_eq!(purl("PKG:npm/a b\"").as_deref(), Some("pkg:npm/a%20b%22"));
        assert_eq!(purl("npm/a"), None);
        assert_eq!(purl("pk€g:npm/a"), None);
    }

    #[test]
    fn a_path_becomes_a_relative_reference_without_a_scheme() {
        assert_eq!(path("src/a b%20<c>.rs"), "src/a%20b%2520%3Cc%3E.rs");
        assert_eq!(path("registry:5000/app"), "registry%3A5000/app");
        assert!(is_address("https://a") && !is_address("a/b://c") && !is_address("registry:5000/app"));
    }
}
