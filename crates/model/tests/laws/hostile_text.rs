//! Text from scanners is hostile: whatever it says, what leaves for a board is inert, bounded and in one piece.

use chrono::DateTime;
use model::block::normalised;
use model::content::{
    About, Evidence, Shown, TITLE_LIMIT, TemplateSet, Templates, Written, comment, markdown,
};
use model::priority::{Exploit, Priority};
use model::{Component, FindingKind, Impact, Location, Severity, Vulnerability};
use proptest::prelude::*;

/// Longest long text that Azure DevOps takes, in characters (azure-devops.md section 7.9).
const LONG_TEXT: usize = 1_000_000;

fn piece() -> impl Strategy<Value = String> {
    let known = [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<svg/onload=alert(1)>",
        "<a href=\"javascript:alert(1)\">x</a>",
        "<a href=\" jAvAsCrIpT\t:alert(1)\">x</a>",
        "[x](javascript:alert(1))",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        "[x](//evil.example/a)",
        "[x](/_apis/wit/workitems)",
        "![i](https://evil.example/pixel.png)",
        "<style>*{display:none}</style>",
        "<iframe src=https://evil.example></iframe>",
        "<form action=https://evil.example><input></form>",
        "\"><b onmouseover=alert(1)>",
        "' onclick='alert(1)",
        "<!--",
        "-->",
        "<![CDATA[",
        "]]>",
        "</p></div></li></ul>",
        "<p",
        "&lt;script&gt;",
        "&#60;script&#62;",
        "```\ncode\n```",
        "| a | b |\n|---|---|",
        "> ",
        "\n\n",
        "\r\n",
        "# ",
        "* ",
        "<",
        "\0",
        "\u{1b}[31m",
        "\u{8}",
        "\u{202E}gnp.exe",
        "\u{2066}",
        "\u{2028}",
        "\u{FEFF}",
        "\u{1F600}",
    ];
    prop_oneof![
        5 => prop::sample::select(known.map(str::to_owned).to_vec()),
        1 => any::<String>(),
        1 => "[a-z ]{0,20}",
    ]
}

fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(piece(), 0..10).prop_map(|pieces| pieces.concat())
}

/// One hostile text in every place where a scanner can put one.
fn with_everywhere(text: &str, several: bool, with: impl FnOnce(&[Shown<'_>])) {
    let own = || Some(text.to_owned());
    let vulnerability = Vulnerability {
        id: text.to_owned(),
        name: own(),
        description: own(),
        remediation: own(),
        references: vec![text.to_owned(), format!("https://{text}"), "https://ok.example/a".into()],
        ..Vulnerability::default()
    };
    let location = Location { path: text.to_owned(), snippet: own(), ..Location::default() };
    let component = Component {
        name: text.to_owned(),
        version: own(),
        fixed_version: own(),
        path: own(),
        ..Component::default()
    };
    let tags = [text.to_owned()];
    let shown = Shown {
        url: "https://lockstep.example/findings/1".into(),
        title: text,
        severity: Severity::High,
        status: "Identified",
        kind: FindingKind::Code,
        asset: text,
        asset_tags: &tags,
        asset_owner: text,
        impact: Impact::High,
        detection: None,
        first_seen_at: DateTime::UNIX_EPOCH,
        regressed: 3,
        priority: Priority::default(),
        exploit: Exploit::default(),
        assessments: &[],
        acceptance: None,
        scanner: text,
        vulnerability: &vulnerability,
        message: Some(text),
        location: &location,
        component: Some(&component),
    };
    if several { with(&vec![shown; 60]) } else { with(&[shown]) }
}

/// A sanitiser of our own making that leaves only what a block needs.
fn strict(html: &str) -> String {
    let tags = [
        "a",
        "b",
        "blockquote",
        "br",
        "code",
        "div",
        "em",
        "h1",
        "h2",
        "h3",
        "h4",
        "hr",
        "i",
        "li",
        "ol",
        "p",
        "pre",
        "s",
        "strong",
        "table",
        "tbody",
        "td",
        "th",
        "thead",
        "tr",
        "u",
        "ul",
    ];
    ammonia::Builder::empty()
        .tags(tags.into_iter().collect())
        .tag_attributes([("a", ["href"].into_iter().collect())].into_iter().collect())
        .url_schemes(["http", "https"].into_iter().collect())
        .url_relative(ammonia::UrlRelative::Deny)
        .clean_content_tags(["script", "style"].into_iter().collect())
        .link_rel(None)
        .clean(html)
        .to_string()
}

fn assert_inert(html: &str) {
    let cleaned = strict(html);
    let count = |html: &str, what: &str| html.matches(what).count();
    assert_eq!(count(html, "<a "), count(&cleaned, "<a "), "a link was taken away from {html}");
    assert_eq!(count(html, " href="), count(&cleaned, " href="), "a link led somewhere else in {html}");
    assert_eq!(count(html, "<"), count(&cleaned, "<"), "an element was taken away from {html}: {cleaned}");
    assert_eq!(normalised(html), normalised(&cleaned), "words were taken away");
    let unseen = |c: &char| {
        (c.is_control() && !matches!(c, '\n' | '\t'))
            || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
    };
    assert_eq!(html.chars().find(unseen), None, "a character that nobody sees is left in {html:?}");
}

fn assert_fit(title: &str) {
    assert!(!title.trim().is_empty() && title.chars().count() <= TITLE_LIMIT, "{title:?}");
    let bad = |c: char| {
        c.is_control() || matches!(c, '\u{2028}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
    };
    assert!(!title.contains(bad), "{title:?}");
}

fn written(templates: &Templates, shown: &[Shown<'_>], text: &str) -> Written {
    let about =
        About { ticket_url: "https://lockstep.example/tickets/1", destination: text, rule: Some(text) };
    templates.write(&about, shown, &[Evidence { title: text, what: text, status: "Fixed" }])
}

fn assert_harmless(written: &Written) {
    assert_inert(&written.block);
    assert_inert(written.comment.as_deref().unwrap());
    assert_fit(&written.title);
    for tag in &written.tags {
        let bad = |c: char| c.is_control() || matches!(c, ',' | ';');
        assert!(!tag.is_empty() && tag.chars().count() <= 400 && !tag.contains(bad), "{tag:?}");
    }
}

/// Templates as somebody could write them who means no good, or does not know better.
fn odd_template() -> impl Strategy<Value = String> {
    let piece = [
        "{{ first.title|safe }}",
        "{{ first.message|safe }}",
        "{{ first.vulnerability.description|safe }}",
        "{{ first.vulnerability.description|markdown }}",
        "{{ first.snippet|code }}",
        "{{ findings|table }}",
        "{{ link(first.title, first.title) }}",
        "{{ link(first.url, first.message|safe) }}",
        "<a href=\"{{ first.title|safe }}\">x</a>",
        "<a href=\"{{ first.vulnerability.references[0] }}\" onclick=\"{{ first.title }}\">x</a>",
        "<img src={{ first.title }}>",
        "<script>{{ first.title|safe }}</script>",
        "<style>{{ first.title|safe }}</style>",
        "<textarea>{{ first.title|safe }}",
        "<table><tr><td>{{ first.place|safe }}",
        "{% for f in findings %}<li>{{ f.title|safe }}{% endfor %}",
        "{% for f in findings %}<b>{{ f.asset }}{% endfor %}",
        "{% set x = first.title ~ first.message|safe %}{{ x }}",
        "{{ (first.title * 100)|safe }}",
        "{{ ['<script>', first.title]|join|safe }}",
        "{% macro again(n) %}{{ again(n) }}{% endmacro %}{{ again(1) }}",
        "{% for a in findings %}{% for b in findings %}{% for c in findings %}x{% endfor %}{% endfor %}{% endfor %}",
        "{{ first.title }}, {{ first.asset_tags|join(';') }}, {{ first.asset_owner }}",
        "{{ nothing.here }}",
        "<!-- {{ first.title|safe }} -->",
        "&#60;script&#62;",
        "\u{202E}",
        "{%",
        " ",
    ];
    prop::collection::vec(prop::sample::select(piece.map(str::to_owned).to_vec()), 1..6)
        .prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: ProptestConfig::default().cases / 3,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn no_template_makes_hostile_text_active(text in text(), odd in odd_template(), several in prop::bool::weighted(0.1)) {
        let set = TemplateSet {
            title: odd.clone(),
            block: odd.clone(),
            comment: odd.clone(),
            tags: odd,
            ..TemplateSet::default()
        };
        let templates = Templates::compile(&set).0;
        with_everywhere(&text, several, |shown| assert_harmless(&written(&templates, shown, &text)));
    }

    #[test]
    fn nothing_a_scanner_writes_becomes_active_on_a_board(text in text(), several in prop::bool::weighted(0.1)) {
        with_everywhere(&text, several, |shown| {
            assert_harmless(&written(Templates::standard(), shown, &text));
        });
        assert_inert(&markdown(&text));
        assert_inert(&comment(&[text.clone(), text]));
    }
}

#[test]
fn markup_that_multiplies_itself_is_shown_as_text() {
    let bomb: String = (0..500).map(|n| format!("<b title={n}><p>")).collect();
    let html = markdown(&bomb);
    assert!(html.len() < 150_000, "{} bytes", html.len());
    assert_inert(&html);
}

#[test]
fn huge_texts_fit_into_what_the_board_takes() {
    for unit in
        ["<", "\"", ">", "[", "*a", "<b>", "<i><p>", "a\u{0301}", "\u{202E}", "- ", "`", "&", "a ", "x"]
    {
        let huge = unit.repeat(30_000 / unit.len());
        for several in [false, true] {
            with_everywhere(&huge, several, |shown| {
                let written = written(Templates::standard(), shown, &huge);
                let length = written.block.chars().count();
                assert!(length < LONG_TEXT, "{length} characters from {unit:?}");
                assert_eq!(written.failed, [], "the standard templates take everything, also {unit:?}");
                assert_fit(&written.title);
            });
        }
    }
}
