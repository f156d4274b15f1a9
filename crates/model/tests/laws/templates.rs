//! Templates: what people write, what they are told about it, and what comes out.

use chrono::DateTime;
use model::content::{
    About, Evidence, Part, Redaction, Shown, TemplateProblem, TemplateSet, Templates, check_field,
    standard_text,
};
use model::priority::{Exploit, Priority};
use model::{Component, FindingKind, Impact, Location, Severity, Vulnerability};

struct Case {
    vulnerability: Vulnerability,
    location: Location,
    component: Component,
    tags: Vec<String>,
}

impl Case {
    fn new() -> Self {
        Self {
            vulnerability: Vulnerability {
                id: "CVE-2026-1".into(),
                description: Some("It *breaks*.".into()),
                references: vec![
                    "https://example.com/advisory".into(),
                    "https://www.exploit-db.com/exploits/1".into(),
                ],
                ..Vulnerability::default()
            },
            location: Location {
                path: "src/db.py".into(),
                start_line: Some(7),
                snippet: Some("query(user.password_for('bob@example.com'))".into()),
                ..Location::default()
            },
            component: Component {
                name: "lodash".into(),
                version: Some("1".into()),
                fixed_version: Some("2".into()),
                ..Component::default()
            },
            tags: vec!["payments".into()],
        }
    }

    fn shown(&self) -> Shown<'_> {
        Shown {
            url: "https://lockstep.example/findings/1".into(),
            title: "SQL injection",
            severity: Severity::High,
            status: "Open",
            kind: FindingKind::Code,
            asset: "webshop",
            asset_tags: &self.tags,
            asset_owner: "Team Payments",
            impact: Impact::High,
            scanner: "semgrep",
            detection: None,
            first_seen_at: DateTime::UNIX_EPOCH,
            regressed: 0,
            priority: Priority::default(),
            exploit: Exploit::default(),
            assessments: &[],
            acceptance: None,
            vulnerability: &self.vulnerability,
            message: Some("Send ' OR 1=1\nExploit: curl -d attack https://shop"),
            location: &self.location,
            component: Some(&self.component),
        }
    }

    fn write(&self, set: &TemplateSet) -> model::content::Written {
        let templates = Templates::compile(set).0;
        let about = About {
            ticket_url: "https://lockstep.example/tickets/1",
            destination: "Shop",
            rule: Some("All"),
        };
        let evidence = Evidence { title: "SQL injection", what: "Not seen any more.", status: "Fixed" };
        templates.write(&about, &[self.shown()], &[evidence])
    }
}

fn set(change: impl FnOnce(&mut TemplateSet)) -> TemplateSet {
    let mut set = TemplateSet { name: "Ours".into(), ..TemplateSet::default() };
    change(&mut set);
    set
}

fn problems(set: &TemplateSet) -> Vec<TemplateProblem> {
    Templates::checked(set).err().unwrap_or_default()
}

#[test]
fn a_part_of_our_own_stands_beside_standard_ones() {
    let case = Case::new();
    let written = case.write(&set(|set| {
        set.title = "{{ first.severity|upper }} {{ first.title }}\nin {{ destination }}".into();
        set.tags = "{{ first.asset }}, {{ first.severity }}; {{ first.asset|upper }}\n{% for t in first.asset_tags %}{{ t }},{% endfor %}".into();
    }));
    assert_eq!(written.title, "HIGH SQL injection in Shop");
    assert_eq!(written.tags, ["webshop", "high", "payments"], "each once, whatever its case");
    assert_eq!(written.block, case.write(&TemplateSet::default()).block);
    assert_eq!(written.failed, []);
}

#[test]
fn helpers_make_tables_code_links_and_what_fixes_it() {
    let written = Case::new().write(&set(|set| {
        set.block = "{{ findings|table }}{{ first.snippet|code }}{{ link(ticket_url, 'Ticket') }}\
             {% for fix in fixes %}{{ fix }}{% endfor %}<p>{{ how_to_verify() }}</p>{{ link('javascript:x', 'no') }}"
            .into();
    }));
    let block = &written.block;
    for wanted in [
        "<td><a href=\"https://lockstep.example/findings/1\">lodash 1 in src/db.py:7</a></td>",
        "<td>2</td>",
        "<pre>query(user.password_for('bob@example.com'))</pre>",
        "<a href=\"https://lockstep.example/tickets/1\">Ticket</a>",
        "lodash 2",
        "The next scan that covers it proves the fix",
    ] {
        assert!(block.contains(wanted), "{wanted} in {block}");
    }
    assert!(!block.contains("javascript"), "{block}");
}

#[test]
fn what_is_left_out_never_comes_out() {
    let case = Case::new();
    let written = case.write(&set(|set| {
        set.redaction = Redaction {
            hide_snippets: false,
            leave_out: vec!["exploit".into()],
            replace: vec![r"[\w.]+@[\w.]+".into()],
        };
    }));
    assert!(written.block.contains("Send ' OR 1=1"), "{}", written.block);
    assert!(!written.block.contains("curl") && !written.block.contains("exploit-db"), "{}", written.block);
    assert!(written.block.contains("password_for('•••')"), "{}", written.block);
    assert!(written.block.contains("https://example.com/advisory"), "other references stay");

    let hidden = case.write(&set(|set| {
        set.redaction.hide_snippets = true;
        set.block = "{{ first.snippet }}{{ first.title }}".into();
    }));
    assert_eq!(hidden.block, "SQL injection");
}

#[test]
fn a_secret_shows_no_snippet_whatever_the_template_asks_for() {
    let case = Case::new();
    let shown = Shown { kind: FindingKind::Secret, ..case.shown() };
    let odd = set(|set| {
        set.block = "{{ first.snippet }}|{{ findings }}|{{ first.snippet|default('none') }}".into()
    });
    let templates = Templates::compile(&odd).0;
    let written = templates.write(&About::default(), &[shown], &[]);
    assert!(!written.block.contains("password_for"), "{}", written.block);
}

#[test]
fn a_template_that_fails_gives_way_to_the_standard_one() {
    let case = Case::new();
    let standard = case.write(&TemplateSet::default());
    for (template, why) in [
        ("{{ first.nothing.more }}", "not there"),
        ("{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}", "too many steps"),
        ("{% for a in range(9999) %}<b>{% endfor %}", "too deep"),
        ("{{ 'x' * 99999999 }}", "too many steps"),
    ] {
        let written = case.write(&set(|set| set.block = template.into()));
        assert_eq!(written.block, standard.block, "{template}");
        assert_eq!(written.failed.len(), 1, "{template}");
        assert!(written.failed[0].message.contains(why), "{template}: {}", written.failed[0].message);
    }
    let written = case.write(&set(|set| set.title = "{% if false %}x{% endif %}".into()));
    assert_eq!(written.title, standard.title, "a title is never empty");
    let written = case.write(&set(|set| set.comment = "<hr>".into()));
    assert_eq!(written.comment, standard.comment, "a move is never made without its reason");
}

/// The table of docs/templates.md: what is refused, and in which words.
#[test]
fn what_is_wrong_is_told_with_its_line_and_the_mend() {
    let cases: Vec<(TemplateSet, &str)> = vec![
        (
            set(|set| set.title = "{{ first.title".into()),
            "title, line 1: it cannot be read: unexpected end of input, expected end of variable block; close what was opened: {{ … }} around a value, {% … %} around if and for, and an end for each.",
        ),
        (
            set(|set| set.block = "<p>\n{% if count %}\n</p>".into()),
            "block, line 2: it cannot be read: unexpected end of input, expected end of block; close what was opened: {{ … }} around a value, {% … %} around if and for, and an end for each.",
        ),
        (
            set(|set| set.title = "{{ fist.title }}".into()),
            "title, line 1: there is no 'fist.title'; use one of: assets, changes, count, destination, findings, first, fixes, more, rule, severities, ticket_url.",
        ),
        (
            set(|set| set.block = "{% if count > 1000 %}\n{{ first.component.licence }}{% endif %}".into()),
            "block, line 2: there is no 'first.component.licence'; use one of: ecosystem, fixed_version, name, path, purl, version.",
        ),
        (
            set(|set| set.block = "{% for f in findings %}{{ f.titel }}{% endfor %}".into()),
            "block, line 1: it uses something that is not there (undefined value); look at the list of variables; ask with {% if … %} first for what may be missing.",
        ),
        (
            set(|set| set.block = "{{ first.title|shout }}".into()),
            "block, line 1: there is no such filter: filter shout is unknown; use clip, lines, code, markdown, table, or one that every template language has (upper, join, default, …).",
        ),
        (
            set(|set| set.title = "{{ first.component.name }}".into()),
            "title, line 1: it uses something that is not there (undefined value); look at the list of variables; ask with {% if … %} first for what may be missing.",
        ),
        (
            set(|set| set.redaction.replace = vec!["(".into()]),
            "redaction/replace/0: the pattern '(' cannot be read: unclosed group; write a regular expression; put a backslash before characters that mean themselves.",
        ),
        (
            set(|set| set.redaction.leave_out = vec![".*".into()]),
            "redaction/leave_out/0: the pattern '.*' matches nothing at all, and with that everywhere; say what it must find at least.",
        ),
        (
            set(|set| set.name = "standard".into()),
            "name: 'Standard' is the name of the built-in templates; choose another name.",
        ),
        (
            set(|set| set.name.clear()),
            "name: the name has 1 to 100 characters, in one line; give it a short name: destinations are told by it which set they use.",
        ),
    ];
    for (set, sentence) in cases {
        let found: Vec<String> = problems(&set).iter().map(TemplateProblem::sentence).collect();
        assert_eq!(found, [sentence], "{set:?}");
    }
}

#[test]
fn standard_templates_written_down_as_ones_own_are_right_and_say_the_same() {
    let case = Case::new();
    let copy = set(|set| {
        set.title = standard_text(Part::Title).into();
        set.block = standard_text(Part::Block).into();
        set.comment = standard_text(Part::Comment).into();
    });
    assert_eq!(problems(&copy), []);
    assert_eq!(case.write(&copy), case.write(&TemplateSet::default()));
}

#[test]
fn a_field_is_text_of_its_template() {
    let case = Case::new();
    let about = About::default();
    let field = |source: &str| Templates::standard().field(source, &about, &[case.shown()]);
    let text = field("{{ first.vulnerability.id }} <{{ first.asset }}>\u{202E}").unwrap();
    assert_eq!(text, "CVE-2026-1 <webshop>");
    assert_eq!(field("{{ x").unwrap_err().line, Some(1));
    assert_eq!(check_field("{{ first.severity }}"), Ok(()));
    assert!(check_field("{{ nothing }}").is_err());
}
