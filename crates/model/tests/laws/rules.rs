//! Criteria of rules: what people write comes back as it was, and logic holds.

use chrono::{DateTime, Duration, Utc};
use model::priority::{Exploit, Priority};
use model::rule::{Candidate, Criteria, FACTS, FactKind, Grouping, Operator, RuleSettings};
use model::{
    AssetId, Component, FindingId, FindingKind, Impact, Location, Observation, Severity, Status,
    Vulnerability,
};
use proptest::prelude::*;
use serde_json::{Value, json};

const WORDS: [&str; 6] = ["SQL injection", "src/Main.rs", "test/a/b.rs", "lodash", "Web", "CVE-2026-1"];

/// What a rule looks at, owned.
#[derive(Clone, Debug)]
struct Seen {
    severity: Severity,
    status: Status,
    age: i64,
    detail: Observation,
    asset: String,
    tags: Vec<String>,
    branches: Vec<String>,
}

fn now() -> DateTime<Utc> {
    "2026-06-15T12:00:00Z".parse().unwrap()
}

impl Seen {
    fn candidate(&self) -> Candidate<'_> {
        Candidate {
            finding: FindingId(uuid::Uuid::from_u128(1)),
            asset: AssetId(uuid::Uuid::from_u128(2)),
            now: now(),
            severity: self.severity,
            status: self.status,
            first_seen_at: now() - Duration::days(self.age),
            scanner: "Semgrep",
            detail: &self.detail,
            asset_name: &self.asset,
            asset_tags: &self.tags,
            asset_owner: "Team Payments",
            impact: Impact::High,
            branches: &self.branches,
            assessments: &[],
            exploit: Exploit::default(),
            priority: Priority::default(),
            accepted_before: false,
            detection: None,
            correlation: None,
            acceptance_requested: false,
        }
    }
}

fn word() -> impl Strategy<Value = String> {
    prop::sample::select(&WORDS[..]).prop_map(str::to_owned)
}

fn seen() -> impl Strategy<Value = Seen> {
    let component = prop::option::of((word(), prop::option::of(word()), prop::option::of(word())));
    (
        (prop::sample::select(&Severity::WORST_FIRST[..]), 0..60_i64, word(), word(), component),
        (prop::option::of(0.0..10.0_f64), prop::collection::vec(70..90_u32, 0..3)),
        (word(), prop::collection::vec(word(), 0..3), prop::collection::vec(word(), 0..2)),
    )
        .prop_map(
            |((severity, age, title, path, component), (cvss_score, cwes), (asset, tags, branches))| Seen {
                severity,
                status: Status::Identified,
                age,
                detail: Observation {
                    kind: if component.is_some() { FindingKind::Component } else { FindingKind::Code },
                    vulnerability: Vulnerability {
                        id: title.clone(),
                        cvss_score,
                        cwes,
                        ..Vulnerability::default()
                    },
                    severity,
                    scanner_severity: None,
                    title,
                    message: None,
                    location: Location { path, ..Location::default() },
                    related_locations: Vec::new(),
                    component: component.map(|(name, version, fixed_version)| Component {
                        name,
                        version,
                        fixed_version,
                        ..Component::default()
                    }),
                    scanner_fingerprints: Default::default(),
                    suppression: None,
                },
                asset,
                tags,
                branches,
            },
        )
}

/// An operand that fits a fact and an operator.
fn operand(fact: &'static model::rule::FactRow, operator: Operator) -> BoxedStrategy<Value> {
    let one: BoxedStrategy<Value> = match fact.kind {
        _ if operator == Operator::IsSet => any::<bool>().prop_map(Value::from).boxed(),
        FactKind::Text => word().prop_map(Value::from).boxed(),
        FactKind::Word | FactKind::Severity => prop::sample::select(fact.words).prop_map(Value::from).boxed(),
        FactKind::Number => (0..100_u32).prop_map(Value::from).boxed(),
        FactKind::Numbers => (70..90_u32).prop_map(Value::from).boxed(),
        FactKind::Time => (1..28_u32).prop_map(|day| json!(format!("2026-05-{day:02}"))).boxed(),
        FactKind::Truth => any::<bool>().prop_map(Value::from).boxed(),
    };
    if operator == Operator::IsOneOf {
        prop::collection::vec(one, 1..4).prop_map(Value::from).boxed()
    } else {
        one
    }
}

fn condition() -> impl Strategy<Value = Value> {
    prop::sample::select(FACTS.iter().collect::<Vec<_>>())
        .prop_flat_map(|fact| (Just(fact), prop::sample::select(fact.kind.operators())))
        .prop_flat_map(|(fact, operator)| (Just((fact, operator)), operand(fact, operator)))
        .prop_map(|((fact, operator), operand)| json!({ fact.name: { operator.as_str(): operand } }))
}

/// Criteria as people write them.
fn written() -> impl Strategy<Value = Value> {
    condition().prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(|parts| json!({ "all": parts })),
            prop::collection::vec(inner.clone(), 1..4).prop_map(|parts| json!({ "any": parts })),
            inner.prop_map(|part| json!({ "not": part })),
        ]
    })
}

fn criteria() -> impl Strategy<Value = Criteria> {
    written().prop_map(|value| Criteria::parse(&value).unwrap())
}

proptest! {
    #[test]
    fn what_is_written_is_what_is_read(value in written()) {
        let criteria = Criteria::parse(&value).unwrap();
        let again = serde_json::to_value(&criteria).unwrap();
        prop_assert_eq!(&again, &value);
        let settings = RuleSettings::new("r", criteria.clone());
        let text = serde_json::to_string(&settings).unwrap();
        prop_assert_eq!(serde_json::from_str::<RuleSettings>(&text).unwrap(), settings);
    }

    #[test]
    fn not_twice_is_nothing_said(criteria in criteria(), seen in seen()) {
        let twice = Criteria::Not(Box::new(Criteria::Not(Box::new(criteria.clone()))));
        prop_assert_eq!(twice.matches(&seen.candidate()), criteria.matches(&seen.candidate()));
    }

    #[test]
    fn the_order_within_a_group_does_not_matter(
        parts in prop::collection::vec(criteria(), 1..5), seen in seen(),
    ) {
        let mut turned = parts.clone();
        turned.reverse();
        let candidate = seen.candidate();
        prop_assert_eq!(
            Criteria::All(parts.clone()).matches(&candidate),
            Criteria::All(turned.clone()).matches(&candidate)
        );
        prop_assert_eq!(Criteria::Any(parts).matches(&candidate), Criteria::Any(turned).matches(&candidate));
    }

    #[test]
    fn none_of_them_is_not_any_of_them(parts in prop::collection::vec(criteria(), 1..5), seen in seen()) {
        let none = Criteria::All(parts.iter().cloned().map(|part| Criteria::Not(Box::new(part))).collect());
        let candidate = seen.candidate();
        prop_assert_eq!(none.matches(&candidate), !Criteria::Any(parts).matches(&candidate));
    }

    #[test]
    fn the_case_of_texts_never_matters(criteria in criteria(), seen in seen()) {
        let shout = |text: &String| text.to_uppercase();
        let mut loud = seen.clone();
        loud.detail.title = shout(&seen.detail.title);
        loud.detail.vulnerability.id = shout(&seen.detail.vulnerability.id);
        loud.detail.location.path = shout(&seen.detail.location.path);
        loud.asset = shout(&seen.asset);
        loud.tags = seen.tags.iter().map(shout).collect();
        loud.branches = seen.branches.iter().map(shout).collect();
        prop_assert_eq!(criteria.matches(&loud.candidate()), criteria.matches(&seen.candidate()));
    }

    #[test]
    fn a_key_depends_on_what_is_grouped_by_and_on_nothing_else(mut seen in seen(), other in word()) {
        let path = Grouping::By(vec![model::rule::Fact::named("path").unwrap()]);
        let before = path.key(&seen.candidate());
        seen.detail.title.push('!');
        seen.asset.clone_from(&other);
        prop_assert_eq!(path.key(&seen.candidate()), before.clone());
        let differs = !seen.detail.location.path.eq_ignore_ascii_case(&other);
        seen.detail.location.path = other;
        prop_assert_eq!(path.key(&seen.candidate()) != before, differs);
    }

    #[test]
    fn hostile_criteria_are_refused_and_never_panic(text in "[\\PC]{0,40}", depth in 0..40_usize) {
        let mut value = json!({ text.clone(): { text.clone(): text.clone() } });
        for _ in 0..depth {
            value = json!({ "not": value });
        }
        let problems = Criteria::parse(&value).unwrap_err();
        prop_assert!(!problems.is_empty());
        prop_assert!(problems.iter().all(|problem| problem.at.starts_with("/criteria") && !problem.mend.is_empty()));
    }
}

/// Every sort of mistake with what is said about it; the documents show the same table.
#[test]
fn each_mistake_is_named_at_its_node_with_its_mend() {
    let deep = (0..8).fold(json!({ "kind": "code" }), |inner, _| json!({ "not": inner }));
    let many: Vec<Value> = (0..200).map(|_| json!({ "kind": "code" })).collect();
    let long = "x".repeat(501);
    let values: Vec<u32> = (0..101).collect();
    for (criteria, at, message, mend) in [
        (
            json!([]),
            "/criteria",
            "a list stands where criteria should",
            "write a mapping such as {severity: {at_least: high}}",
        ),
        (
            json!({ "all": { "kind": "code" } }),
            "/criteria/all",
            "'all' holds a mapping instead of a list",
            "write all: [ … ]",
        ),
        (
            json!({ "any": [] }),
            "/criteria/any",
            "the group 'any' is empty",
            "add a condition, or remove the group",
        ),
        (
            json!({ "all": [{ "not": {} }] }),
            "/criteria/all/0/not",
            "this node is empty",
            "write a condition, or leave the node out",
        ),
        (
            json!({ "all": [{ "kind": "code" }, { "colour": "red" }] }),
            "/criteria/all/1/colour",
            "'colour' is no fact of findings",
            "",
        ),
        (
            json!({ "title": { "at_least": "a" } }),
            "/criteria/title/at_least",
            "'title' cannot be compared with 'at_least'",
            "use one of is, is_one_of, contains, starts_with, matches, is_set",
        ),
        (
            json!({ "title": {} }),
            "/criteria/title",
            "'title' is compared with nothing",
            "write one of is, is_one_of, contains, starts_with, matches, is_set",
        ),
        (
            json!({ "cvss_score": [7] }),
            "/criteria/cvss_score",
            "'cvss_score' needs to be told how it is compared",
            "write one of at_least, at_most, is, is_set",
        ),
        (
            json!({ "severity": { "at_least": "huge" } }),
            "/criteria/severity/at_least",
            "'huge' is no severity",
            "use one of info, low, medium, high, critical",
        ),
        (
            json!({ "kind": "bug" }),
            "/criteria/kind",
            "'bug' is no kind",
            "use one of code, component, secret, misconfiguration, license, web, host",
        ),
        (
            json!({ "status": "fixed" }),
            "/criteria/status",
            "'fixed' is no status",
            "use one of identified, in_progress, waiting, awaiting_validation",
        ),
        (
            json!({ "title": { "contains": " " } }),
            "/criteria/title/contains",
            "'title' is compared with an empty text",
            "write a text",
        ),
        (
            json!({ "title": { "is": "" } }),
            "/criteria/title/is",
            "'title' is compared with an empty text",
            "write a text, or use 'is_set: false'",
        ),
        (
            json!({ "title": { "is": long } }),
            "/criteria/title/is",
            "the text is longer than 500 characters",
            "shorten it",
        ),
        (
            json!({ "title": { "is": ["a"] } }),
            "/criteria/title/is",
            "'is' takes one value",
            "write one value, or use 'is_one_of'",
        ),
        (json!({ "title": { "is": true } }), "/criteria/title/is", "true is no text", "write a text"),
        (
            json!({ "title": { "is_set": "yes" } }),
            "/criteria/title/is_set",
            "'yes' is neither true nor false",
            "write true or false",
        ),
        (
            json!({ "scanner": [] }),
            "/criteria/scanner",
            "the list is empty: nothing would match",
            "write at least one value",
        ),
        (
            json!({ "cwe": { "is_one_of": values } }),
            "/criteria/cwe/is_one_of",
            "the list has 101 values, more than 100",
            "use a pattern with 'matches', or a tag of the asset",
        ),
        (
            json!({ "cwe": "XSS" }),
            "/criteria/cwe",
            "'XSS' is no CWE",
            "write its number, such as 79 or CWE-79",
        ),
        (
            json!({ "age_days": { "at_least": -1 } }),
            "/criteria/age_days/at_least",
            "-1 is no number from 0 to 100000",
            "write a number",
        ),
        (
            json!({ "first_seen": { "since": "yesterday" } }),
            "/criteria/first_seen/since",
            "'yesterday' is no day",
            "write it as year-month-day: 2026-01-31",
        ),
        (
            json!({ "fix_available": "maybe" }),
            "/criteria/fix_available",
            "'maybe' is neither true nor false",
            "write true or false",
        ),
        (
            deep,
            "/criteria/not/not/not/not/not/not/not/not",
            "the criteria are nested deeper than 8 levels",
            "flatten groups that stand alone in another one",
        ),
        (
            json!({ "any": many }),
            "/criteria",
            "the criteria have more than 200 groups and conditions",
            "make two rules of them, or use 'is_one_of' for several values of one fact",
        ),
    ] {
        let problems = Criteria::parse(&criteria).unwrap_err();
        assert_eq!(problems.len(), 1, "{criteria}: {problems:?}");
        let problem = &problems[0];
        assert_eq!((problem.at.as_str(), problem.message.as_str()), (at, message));
        if !mend.is_empty() {
            assert_eq!(problem.mend, mend, "{criteria}");
        }
    }
}

#[test]
fn each_mistake_beside_the_criteria_is_named_at_its_field() {
    let fact = |name| model::rule::Fact::named(name).unwrap();
    let sound = RuleSettings::new("r", Criteria::default());
    let by = |facts| RuleSettings { grouping: Grouping::By(facts), ..sound.clone() };
    for (settings, at, message) in [
        (RuleSettings { name: " ".into(), ..sound.clone() }, "/name", "the rule has no name"),
        (RuleSettings { name: "x".repeat(201), ..sound.clone() }, "/name", "the name has 201 characters"),
        (
            RuleSettings {
                from: "2026-02-01".parse().ok(),
                until: "2026-01-31".parse().ok(),
                ..sound.clone()
            },
            "/until",
            "the rule would end on 2026-01-31, before it begins on 2026-02-01",
        ),
        (by(vec![]), "/grouping/by", "the grouping names no fact"),
        (
            by(vec![fact("path"), fact("status")]),
            "/grouping/by/1",
            "findings cannot be grouped by 'status': it changes, or has several values",
        ),
        (by(vec![fact("path"), fact("path")]), "/grouping/by/1", "'path' is named twice"),
    ] {
        let problems = settings.problems();
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert_eq!((problems[0].at.as_str(), problems[0].message.as_str()), (at, message));
    }
    assert!(sound.problems().is_empty());
}

#[test]
fn several_words_in_one_mapping_have_to_hold_all_and_plain_values_are_compared_with_is() {
    let read = |value| Criteria::parse(&value).unwrap();
    assert_eq!(read(json!({})), Criteria::default());
    assert_eq!(read(Value::Null), Criteria::default());
    assert_eq!(
        read(json!({ "kind": "Code", "cvss_score": { "at_least": 7, "at_most": 9 } })),
        read(json!({ "all": [
            { "all": [{ "cvss_score": { "at_least": 7 } }, { "cvss_score": { "at_most": 9 } }] },
            { "kind": { "is": "code" } },
        ] }))
    );
    assert_eq!(read(json!({ "cwe": ["CWE-79", 89] })), read(json!({ "cwe": { "is_one_of": [79, 89] } })));
    assert_eq!(
        read(json!({ "all": [{ "severity": { "at_least": "high" } }, { "not": { "path": { "matches": "test/**" } } }] }))
            .to_string(),
        "Severity at least high and not (Path matches test/**)"
    );
}

#[test]
fn a_rule_is_in_effect_from_its_first_day_to_its_last() {
    let day = |text: &str| text.parse().ok();
    let rule = RuleSettings {
        from: day("2026-06-15"),
        until: day("2026-06-16"),
        ..RuleSettings::new("r", Criteria::default())
    };
    let at = |text: &str| -> DateTime<Utc> { text.parse().unwrap() };
    assert!(!rule.is_in_effect(at("2026-06-14T23:59:59Z")));
    assert!(rule.is_in_effect(at("2026-06-15T00:00:00Z")));
    assert!(rule.is_in_effect(at("2026-06-16T23:59:59Z")));
    assert!(!rule.is_in_effect(at("2026-06-17T00:00:00Z")));
    assert_eq!(rule.look_again(at("2026-06-14T08:00:00Z")), Some(at("2026-06-15T00:00:00Z")));
    assert_eq!(rule.look_again(at("2026-06-15T00:00:00Z")), None, "nothing depends on time any more");
    let aged = Criteria::parse(&json!({ "age_days": { "at_least": 30 } })).unwrap();
    let rule = RuleSettings::new("r", aged);
    assert_eq!(rule.look_again(now()), Some(now() + Duration::hours(1)));
}
