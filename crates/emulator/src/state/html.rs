//! What the service does to HTML before it stores it (azure-devops.md section 7.9): scripts, event attributes,
//! comments and unknown tags go, entities are normalised. A client must not rely on reading back its bytes.

use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

fn cleaner() -> &'static ammonia::Builder<'static> {
    static CLEANER: OnceLock<ammonia::Builder<'static>> = OnceLock::new();
    CLEANER.get_or_init(|| {
        let tags = [
            "a",
            "abbr",
            "b",
            "blockquote",
            "br",
            "caption",
            "center",
            "cite",
            "code",
            "col",
            "colgroup",
            "dd",
            "del",
            "div",
            "dl",
            "dt",
            "em",
            "font",
            "h1",
            "h2",
            "h3",
            "h4",
            "h5",
            "h6",
            "hr",
            "i",
            "img",
            "ins",
            "kbd",
            "li",
            "ol",
            "p",
            "pre",
            "q",
            "s",
            "small",
            "span",
            "strike",
            "strong",
            "sub",
            "sup",
            "table",
            "tbody",
            "td",
            "tfoot",
            "th",
            "thead",
            "tr",
            "tt",
            "u",
            "ul",
        ];
        // `data-vss-mention` is how a mention is written; no other data attribute survives.
        let attributes: HashMap<&str, HashSet<&str>> = HashMap::from([
            ("a", HashSet::from(["href", "target", "title", "data-vss-mention"])),
            ("img", HashSet::from(["src", "alt", "width", "height"])),
            ("td", HashSet::from(["colspan", "rowspan"])),
            ("th", HashSet::from(["colspan", "rowspan"])),
            ("font", HashSet::from(["color", "size", "face"])),
            ("ol", HashSet::from(["start", "type"])),
        ]);
        let styles = HashSet::from([
            "color",
            "background-color",
            "font-size",
            "font-family",
            "font-weight",
            "font-style",
            "text-align",
            "text-decoration",
            "margin",
            "padding",
            "border",
            "width",
            "height",
            "white-space",
            "display",
        ]);
        let mut builder = ammonia::Builder::new();
        builder
            .tags(tags.into_iter().collect())
            .clean_content_tags(["script", "style", "iframe", "object"].into_iter().collect())
            .tag_attributes(attributes)
            .generic_attributes(HashSet::from(["style"]))
            .filter_style_properties(styles)
            .url_schemes(["http", "https", "mailto", "ftp", "tel", "vstfs"].into_iter().collect())
            .link_rel(None)
            .strip_comments(true);
        builder
    })
}

/// HTML as the service keeps it.
pub(crate) fn sanitised(html: &str) -> String {
    cleaner().clean(html).to_string()
}

/// Markdown as the service renders it, sanitised the same way.
pub(crate) fn rendered(markdown: &str) -> String {
    let mut html = String::new();
    pulldown_cmark::html::push_html(&mut html, pulldown_cmark::Parser::new(markdown));
    sanitised(&html)
}

/// The words of an HTML text, for hook messages and word searches.
pub(crate) fn plain(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let mut inside = false;
    for c in html.chars() {
        match c {
            '<' => inside = true,
            '>' if inside => {
                inside = false;
                text.push(' ');
            }
            _ if !inside => text.push(c),
            _ => {}
        }
    }
    text.replace("&nbsp;", " ")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&amp;", "&")
}
