//! Configurations that nobody would write by hand, from a seed: as varied as the demo board takes them.

use std::collections::BTreeMap;

use model::configuration::{
    ChangeAction, ChangedThing, Configuration, Connection, ConnectionMode, Destination, DestinationBinding,
    Fields, Place, Rule, StatusPlaces, VERSION,
};
use model::content::{Redaction, TemplateSet};
use model::fields::{DueDatePolicy, FieldValue, IterationPolicy};
use model::guard::{Farewell, Limits};
use model::map::{SeverityMap, SeverityTarget};
use model::merge::{Owner, Owners};
use model::priority::SlaMatrix;
use model::rule::{AppliesTo, AutoClose, CloseWhen, Grouping, LateMember, OnMatch, Release};
use model::status::Status;
use model::{Impact, Severity};
use serde_json::{Value, json};

/// Chance from a seed (splitmix64).
pub struct Dice(u64);

impl Dice {
    /// Dice that fall the same each time.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % bound.max(1) as u64) as usize
    }

    fn coin(&mut self) -> bool {
        self.below(2) == 0
    }

    fn one<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }
}

/// Words that files are known to spoil.
const WORDS: [&str; 16] = [
    "yes",
    "null",
    "1.0",
    "0x1F",
    "~",
    "- dash",
    "a: b",
    "#hash",
    "'quoted'",
    "\"double\"",
    "ä ö 漢字",
    "{{ x }}",
    "*star",
    "&anchor",
    "2026-01-31",
    "| pipe",
];

/// Texts of several lines.
const TEXTS: [&str; 5] = [
    "<p>{{ first.title }}</p>",
    "<p>one</p>\n<p>two</p>\n",
    "  <b>leading and trailing</b>  \n\n",
    "<p>tab\there</p>\r\n<p>- and # and: so on</p>",
    "\n<p>{{ first.place }} is a long line that goes on and on so that a writer of files may think of folding it once</p>",
];

fn sla(dice: &mut Dice) -> SlaMatrix {
    let mut matrix = SlaMatrix::default();
    if dice.coin() {
        matrix.days.remove(&Severity::Low);
    }
    if dice.coin() {
        matrix.days.insert(Severity::Info, BTreeMap::from([(Impact::Critical, 1 + dice.below(3650) as u32)]));
    }
    if dice.coin() {
        matrix.known_exploited = None;
    }
    matrix.approaching_percent = dice.below(101) as u32;
    matrix
}

/// A configuration for connections with these names to the demo board.
pub fn generated(dice: &mut Dice, connections: &[&str]) -> Configuration {
    let templates: Vec<TemplateSet> = (0..dice.below(4)).map(|number| templates(dice, number)).collect();
    let mut number = 0;
    let connections: Vec<Connection> = connections
        .iter()
        .map(|name| {
            let destinations = (0..dice.below(4))
                .map(|at| {
                    number += 1;
                    destination(dice, number, at == 0, &templates)
                })
                .collect();
            let modes = [ConnectionMode::Active, ConnectionMode::Paused, ConnectionMode::Shadow];
            Connection {
                name: (*name).to_owned(),
                description: Some(dice.one(&WORDS).to_owned()),
                mode: Some(dice.one(&modes)),
                severity_map: Some(severity_map(dice)),
                destinations: Some(destinations),
                ..Connection::default()
            }
        })
        .collect();
    let mut all = Configuration {
        version: VERSION,
        connections: Some(connections),
        templates: Some(templates),
        rules: None,
        suppressions: None,
        sla: dice.coin().then(|| sla(dice)),
    };
    let known: Vec<(String, String)> =
        all.destinations().map(|(of, known)| (of.to_owned(), known.name.clone())).collect();
    all.rules = Some((0..dice.below(6)).map(|number| rule(dice, number, &known)).collect());
    all
}

fn templates(dice: &mut Dice, number: usize) -> TemplateSet {
    TemplateSet {
        name: format!("{} {number}", dice.one(&WORDS)),
        title: if dice.coin() { "Security: {{ first.title }}".into() } else { String::new() },
        block: if dice.coin() { dice.one(&TEXTS).into() } else { String::new() },
        comment: if dice.coin() { dice.one(&TEXTS[1..4]).into() } else { String::new() },
        tags: if dice.coin() { "a;b\nc".into() } else { String::new() },
        redaction: Redaction {
            hide_snippets: dice.coin(),
            leave_out: if dice.coin() { vec![r"^\s*exploit: .*$".into()] } else { Vec::new() },
            replace: if dice.coin() { vec!["[0-9]{16}".into(), "#".into()] } else { Vec::new() },
        },
    }
}

fn severity_map(dice: &mut Dice) -> SeverityMap {
    let said = ["1 - Critical", "2 - High", "3 - Medium", "4 - Low"];
    let row = |dice: &mut Dice| SeverityTarget {
        priority: 1 + dice.below(4) as i64,
        severity: dice.coin().then(|| dice.one(&said).to_owned()),
    };
    SeverityMap(Severity::WORST_FIRST.into_iter().map(|severity| (severity, row(dice))).collect())
}

fn destination(dice: &mut Dice, number: usize, may_default: bool, templates: &[TemplateSet]) -> Destination {
    let word = dice.one(&WORDS);
    let binding = match dice.below(if may_default { 4 } else { 3 }) {
        0 => DestinationBinding::Group { tags: vec![format!("team:{number}"), word.into()] },
        1 => DestinationBinding::Asset { asset: format!("{word} {number}") },
        2 => DestinationBinding::Branch {
            asset: format!("shop {number}"),
            branch: dice.one(&["main", "release/*", "yes"]).parse().unwrap(),
        },
        _ => DestinationBinding::Default {},
    };
    let state = |name: &str| StatusPlaces { state: Some(name.into()), ..StatusPlaces::default() };
    let mut status_map = BTreeMap::new();
    if dice.coin() {
        status_map.insert(Status::Identified, state("New"));
        status_map.insert(
            Status::InProgress,
            StatusPlaces {
                accepted: if dice.coin() {
                    vec![Place { state: Some("Resolved".into()), ..Place::default() }]
                } else {
                    Vec::new()
                },
                ..state("Active")
            },
        );
        status_map.insert(Status::Fixed, state("Closed"));
        if dice.coin() {
            status_map
                .insert(Status::RiskAccepted, StatusPlaces { is_meant: dice.coin(), ..state("Closed") });
        }
    }
    let owners = [Owner::Ours, Owner::Theirs, Owner::Ask];
    Destination {
        name: format!("{word} {number}"),
        binding,
        project: "Webshop".into(),
        team: dice.one(&["Payments", "Storefront"]).into(),
        board: String::new(),
        lane: String::new(),
        work_item_type: "Bug".into(),
        area: String::new(),
        iteration: dice.one(&[IterationPolicy::Backlog, IterationPolicy::Current]),
        tags: (0..dice.below(3)).map(|at| format!("{word} {at}")).collect(),
        severity_map: if dice.coin() { severity_map(dice) } else { SeverityMap::blank() },
        status_map,
        daily_budget: 1 + dice.below(500) as u64,
        fields: Fields {
            owners: Owners { title: dice.one(&owners), due_date: dice.one(&owners), ..Owners::default() },
            due_date: if dice.coin() { DueDatePolicy::Sla } else { DueDatePolicy::None },
            assignee: if dice.coin() { "ada.marsh@contoso.example".into() } else { String::new() },
            templates: (!templates.is_empty() && dice.coin()).then(|| dice.one(templates).name),
            parent: None,
            values: match dice.coin() {
                true => BTreeMap::from([(
                    "Microsoft.VSTS.TCM.SystemInfo".to_owned(),
                    match dice.coin() {
                        true => FieldValue::Constant(format!("{word} {number}")),
                        false => FieldValue::Template(format!("{number}: {{{{ first.asset }}}}")),
                    },
                )]),
                false => BTreeMap::new(),
            },
        },
        limits: Limits {
            moves_at_once: dice.below(50) as u64,
            moves_a_day: 1 + dice.below(9) as u32,
            ..Limits::default()
        },
        when_archived: dice.one(&[Farewell::Close, Farewell::Release]),
        on_deletion: dice.one(&[
            model::following::DeletionPolicy::Ask,
            model::following::DeletionPolicy::Restore,
            model::following::DeletionPolicy::Replace,
        ]),
    }
}

fn criteria(dice: &mut Dice, depth: usize) -> Value {
    match dice.below(if depth == 0 { 7 } else { 10 }) {
        0 => json!({"severity": {"at_least": dice.one(&["low", "medium", "high"])}}),
        1 => json!({"severity": ["high", "critical"]}),
        2 => json!({"path": {"matches": "test/**"}}),
        3 => json!({"title": {"contains": dice.one(&WORDS)}}),
        4 => json!({"cvss_score": {"at_least": 7.5}}),
        5 => json!({"cwe": [79, 89]}),
        6 => json!({"fix_available": dice.coin()}),
        7 => json!({"not": criteria(dice, depth - 1)}),
        8 => json!({"any": [criteria(dice, depth - 1), criteria(dice, depth - 1)]}),
        _ => json!({"all": [criteria(dice, depth - 1), criteria(dice, depth - 1)]}),
    }
}

fn rule(dice: &mut Dice, number: usize, destinations: &[(String, String)]) -> Rule {
    let destination = (!destinations.is_empty() && dice.coin()).then(|| dice.one(destinations));
    let groupings = [
        Grouping::PerFinding,
        Grouping::PerVulnerabilityAndAsset,
        Grouping::PerCorrelation,
        Grouping::PerFix,
        Grouping::By(vec![model::rule::Fact::named("path").unwrap()]),
    ];
    Rule {
        name: format!("{} {number}", dice.one(&WORDS)),
        enabled: dice.coin(),
        criteria: if dice.below(6) == 0 { Value::Null } else { criteria(dice, 2) },
        on_match: dice.one(&[OnMatch::Stop, OnMatch::GoOn]),
        applies_to: dice.one(&[AppliesTo::AllFindings, AppliesTo::NewFindings]),
        from: dice.coin().then(|| "2026-01-31".parse().unwrap()),
        until: dice.coin().then(|| "2099-12-31".parse().unwrap()),
        connection: destination.as_ref().map(|(connection, _)| connection.clone()),
        destination: destination.map(|(_, name)| name),
        grouping: dice.one(&groupings),
        initial_state: None,
        auto_close: AutoClose {
            enabled: dice.coin(),
            when: dice.one(&[CloseWhen::AllClosed, CloseWhen::AllFixed]),
            state: None,
            not_for_temporary: dice.coin(),
        },
        late_member: dice.one(&[LateMember::Reopen, LateMember::AddToOpen, LateMember::NewItem]),
        release: dice.one(&[Release::AtIdentification, Release::WhenAssessmentCompletes]),
    }
}

/// What a plan should say of one change.
#[derive(Debug)]
pub struct Expected {
    /// What is done.
    pub action: ChangeAction,
    /// To what.
    pub thing: ChangedThing,
    /// Its name.
    pub name: String,
    /// The one field that changes, or the field that holds all that change; empty for what is made or deleted.
    pub field: &'static str,
    /// It takes a plan that deletes what is not named.
    pub prune: bool,
}

/// Changes one thing, and says what that is. `None` if this configuration has nothing that could be changed so.
pub fn one_change(dice: &mut Dice, of: &mut Configuration) -> Option<Expected> {
    use ChangeAction::{Change, Create, Delete, Reorder};
    let expected = |action, thing, name: &str, field| {
        Some(Expected { action, thing, name: name.to_owned(), field, prune: action == Delete })
    };
    let which = dice.below(15);
    let known: Vec<(String, String)> =
        of.destinations().map(|(of, known)| (of.to_owned(), known.name.clone())).collect();
    let connections = of.connections.as_mut()?;
    let rules = of.rules.as_mut()?;
    let pick = dice.below(usize::MAX);
    if which < 2 {
        let at = pick % connections.len();
        let connection = &mut connections[at];
        if which == 0 {
            connection.description = Some("other words".into());
            return expected(Change, ChangedThing::Connection, &connection.name, "description");
        }
        connection.mode = Some(match connection.mode {
            Some(ConnectionMode::Active) => ConnectionMode::Shadow,
            _ => ConnectionMode::Active,
        });
        return expected(Change, ChangedThing::Connection, &connection.name, "mode");
    }
    if which < 7 {
        let many = connections.iter().flat_map(|it| it.destinations.iter().flatten()).count();
        let destination = connections
            .iter_mut()
            .flat_map(|it| it.destinations.iter_mut().flatten())
            .nth(if many == 0 { 0 } else { pick % many })?;
        let field = match which {
            2 => {
                destination.daily_budget += 1;
                "daily_budget"
            }
            3 => {
                destination.tags.push("another".into());
                "tags"
            }
            4 => {
                destination.limits.share_percent += 1;
                "limits.share_percent"
            }
            5 => {
                destination.severity_map.0.get_mut(&Severity::Info)?.priority %= 4;
                destination.severity_map.0.get_mut(&Severity::Info)?.priority += 1;
                "severity_map.info.priority"
            }
            _ => {
                destination.binding = DestinationBinding::Asset { asset: "somewhere else".into() };
                "binding"
            }
        };
        return expected(Change, ChangedThing::Destination, &destination.name, field);
    }
    if which == 14 {
        let matrix = of.sla.as_mut()?;
        matrix.approaching_percent = (matrix.approaching_percent + 1) % 101;
        return expected(Change, ChangedThing::Sla, "", "approaching_percent");
    }
    if which == 7 {
        let templates = of.templates.as_mut()?;
        let many = templates.len();
        let set = templates.get_mut(if many == 0 { 0 } else { pick % many })?;
        set.title = "Weakness: {{ first.title }}".into();
        return expected(Change, ChangedThing::Templates, &set.name, "title");
    }
    if which == 8 {
        let new = Rule { name: "new".into(), ..rule(dice, 99, &known) };
        rules.insert(pick % (rules.len() + 1), new);
        return expected(Create, ChangedThing::Rule, "new", "");
    }
    if which == 9 {
        let at = (!rules.is_empty()).then(|| pick % rules.len())?;
        let gone = rules.remove(at);
        return expected(Delete, ChangedThing::Rule, &gone.name, "");
    }
    if which == 10 {
        (rules.len() > 1).then_some(())?;
        let at = pick % (rules.len() - 1);
        rules.swap(at, at + 1);
        return expected(Reorder, ChangedThing::Rule, "", "order");
    }
    let at = (!rules.is_empty()).then(|| pick % rules.len())?;
    let rule = &mut rules[at];
    let field = match which {
        11 => {
            rule.enabled = !rule.enabled;
            "enabled"
        }
        12 => {
            rule.criteria = json!({"title": "exactly this"});
            "criteria"
        }
        _ => {
            rule.until = Some("2100-01-01".parse().unwrap());
            "until"
        }
    };
    expected(Change, ChangedThing::Rule, &rule.name, field)
}
