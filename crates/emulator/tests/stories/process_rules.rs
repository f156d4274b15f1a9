//! Every rule of the published process definitions, tried: what a transition fills in and empties, what it demands,
//! what may not be written. The definitions are not part of this repository; without them the test says so.
//!
//! Expectations come from the published files alone. A kind of rule that this test does not know fails it.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use chrono::{DateTime, SecondsFormat, TimeDelta, TimeZone, Utc};
use emulator::{
    Request, Seed, State,
    seed::{DEMO_PAT, ProcessKind, ProjectSeed},
};
use serde_json::{Value, json};

use crate::common::set;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/fixtures/azure-devops/process");
const ADA: &str = "ada.marsh@contoso.example";
const BEN: &str = "ben.okafor@contoso.example";
const ME: &str = "service@contoso.example";
const ASSIGNED: &str = "System.AssignedTo";

type Fields = BTreeMap<String, Value>;

/// One process in an emulator whose clock is moved by hand.
struct Bench {
    state: State,
    now: DateTime<Utc>,
    process: String,
    tried: BTreeMap<&'static str, usize>,
}

impl Bench {
    fn send(&mut self, method: &str, target: &str, body: &Value) -> (u16, Value) {
        let word = BASE64_STANDARD.encode(format!(":{DEMO_PAT}"));
        let request = Request::new(method, target).header("Authorization", &format!("Basic {word}"));
        let answer =
            self.state.handle(self.now, request.body("application/json-patch+json", body.to_string()));
        (answer.status, answer.json())
    }

    fn create(&mut self, kind: &str, fields: &Fields) -> (u16, Value) {
        let kind = kind.replace(' ', "%20");
        let target = format!("/contoso/{}/_apis/wit/workitems/${kind}?api-version=7.1", self.process);
        self.send("POST", &target, &set(json!(fields)))
    }

    fn change(&mut self, id: i64, fields: &Fields) -> (u16, Value) {
        self.send("PATCH", &format!("/contoso/_apis/wit/workitems/{id}?api-version=7.1"), &set(json!(fields)))
    }

    /// Writes past the rules.
    fn force(&mut self, id: i64, fields: &Fields) {
        let target = format!("/contoso/_apis/wit/workitems/{id}?bypassRules=true&api-version=7.1");
        let (status, body) = self.send("PATCH", &target, &set(json!(fields)));
        assert_eq!(status, 200, "{body}");
    }

    fn count(&mut self, kind: &'static str) {
        *self.tried.entry(kind).or_default() += 1;
    }

    /// Refused, with that field among those that are named.
    #[track_caller]
    fn refused(&mut self, kind: &'static str, answer: &(u16, Value), field: &str, flag: &str, what: &str) {
        let (status, body) = answer;
        assert_eq!((*status, &body["typeKey"]), (400, &json!("RuleValidationException")), "{what}: {body}");
        let errors = body["customProperties"]["RuleValidationErrors"].as_array().unwrap();
        let named = errors.iter().any(|error| {
            error["fieldReferenceName"] == field && error["fieldStatusFlags"].as_str().unwrap().contains(flag)
        });
        assert!(named, "{what}: {field} {flag} in {body}");
        self.count(kind);
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Object(person) => person["uniqueName"].as_str().unwrap().to_owned(),
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// The rules of a list of `fieldRules`, by field.
fn by_field(list: &Value) -> Vec<(String, Vec<Value>)> {
    let rules = list.as_array().into_iter().flatten();
    rules.map(|f| (text(&f["referenceName"]), f["rules"].as_array().cloned().unwrap_or_default())).collect()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// A value that nobody gets by a rule, for a field of that name.
fn odd(field: &str) -> Value {
    match field {
        _ if field.ends_with("Date") => json!("2020-02-02T00:00:00Z"),
        _ if field.ends_with("By") || field == ASSIGNED => json!(BEN),
        _ if field.ends_with("RemainingWork") || field.ends_with("Value") || field.ends_with("Effort") => {
            json!(7)
        }
        "Microsoft.VSTS.CMMI.Blocked" => json!("Yes"),
        _ => json!("Deferred"),
    }
}

/// What rules that fill in make of the fields.
fn applied(rules: &[(String, Vec<Value>)], fields: &mut Fields, before: &Fields, now: &str) {
    for (field, rules) in rules {
        for rule in rules {
            let source = |name: &str| {
                let from = if name == "System.Reason" { &*fields } else { before };
                from.get(name).cloned().unwrap_or_default()
            };
            let value = match (text(&rule["rule"]).as_str(), text(&rule["from"]).as_str()) {
                ("EMPTY", _) => Value::Null,
                ("COPY" | "SERVERDEFAULT", "clock") => json!(now),
                ("COPY" | "SERVERDEFAULT", "currentuser") => json!(ME),
                ("COPY", "field") => source(&text(&rule["field"])),
                ("COPY", "value") => rule["value"].clone(),
                ("DEFAULT", _) if fields.contains_key(field) => continue,
                ("DEFAULT", "currentuser") => json!(ME),
                ("REQUIRED" | "READONLY" | "ALLOWEXISTINGVALUE" | "VALIDUSER" | "ALLOWEDVALUES", _) => {
                    continue;
                }
                other => panic!("a rule nobody knows: {other:?}"),
            };
            match value {
                Value::Null => fields.remove(field),
                value => fields.insert(field.clone(), value),
            };
        }
    }
}

fn demands(rules: &[(String, Vec<Value>)], field: &str, rule: &str) -> bool {
    rules.iter().any(|(name, rules)| name == field && rules.iter().any(|r| r["rule"] == rule))
}

/// Values for the fields that the type requires and gives no default.
fn needed(kind: &Value) -> Fields {
    let mut fields =
        Fields::from([("System.Title".to_owned(), json!("t")), (ASSIGNED.to_owned(), json!(ADA))]);
    for (field, rules) in by_field(&kind["fields"]) {
        let has = |rule: &str| rules.iter().any(|r| r["rule"] == rule);
        if has("REQUIRED") && !has("DEFAULT") && field != "System.Title" {
            fields.insert(field, json!("3"));
        }
    }
    fields
}

#[test]
fn every_published_rule_holds_here_too() {
    if !Path::new(FIXTURES).exists() {
        println!("skipped: {FIXTURES} is not there");
        return;
    }
    let kinds = [
        ("agile", ProcessKind::Agile),
        ("scrum", ProcessKind::Scrum),
        ("basic", ProcessKind::Basic),
        ("cmmi", ProcessKind::Cmmi),
    ];
    for (name, process) in kinds {
        let now = Utc.with_ymd_and_hms(2026, 3, 1, 9, 0, 0).unwrap();
        let mut seed = Seed::demo();
        seed.organizations[0].projects.push(ProjectSeed::new(name, process));
        let mut bench =
            Bench { state: State::new(&seed, now), now, process: name.to_owned(), tried: BTreeMap::new() };
        let file = std::fs::read_to_string(format!("{FIXTURES}/{name}.json")).unwrap();
        let published: Value = serde_json::from_str(&file).unwrap();
        let (_, offered) = bench.send(
            "GET",
            &format!("/contoso/{name}/_apis/wit/workitemtypes?api-version=7.1"),
            &Value::Null,
        );
        let offered: BTreeSet<String> = list(&offered["value"]).map(|t| text(&t["name"])).collect();
        let mut left_out = Vec::new();
        for kind in list(&published["types"]) {
            if !offered.contains(&text(&kind["name"])) {
                left_out.push(text(&kind["name"]));
                continue;
            }
            bench.count("types");
            fields_of(&mut bench, kind);
            creation(&mut bench, kind);
            transitions(&mut bench, kind);
        }
        println!("{name}: {:?}; not offered: {left_out:?}", bench.tried);
        assert!(bench.tried["transitions"] >= 18, "{:?}", bench.tried);
    }
}

/// Rules that hold in every state.
fn fields_of(bench: &mut Bench, kind: &Value) {
    let name = text(&kind["name"]);
    let (status, made) = bench.create(&name, &needed(kind));
    assert_eq!(status, 200, "{name}: {made}");
    let id = made["id"].as_i64().unwrap();
    for (field, rules) in by_field(&kind["fields"]) {
        let what = format!("{} {name} {field}", bench.process);
        let one = |value: Value| Fields::from([(field.clone(), value)]);
        for rule in &rules {
            match text(&rule["rule"]).as_str() {
                "REQUIRED" => {
                    let answer = bench.change(id, &one(json!("")));
                    bench.refused("required fields", &answer, &field, "invalidEmpty", &what);
                }
                "ALLOWEDVALUES" => {
                    let bad = if field.ends_with("Priority") { json!(9) } else { json!("No such value") };
                    let answer = bench.change(id, &one(bad));
                    bench.refused("value lists", &answer, &field, "invalidListValue", &what);
                    // A value that a state ties to a reason cannot be set alone.
                    if !field.ends_with("ResolvedReason") {
                        for good in list(&rule["values"]) {
                            assert_eq!(bench.change(id, &one(good.clone())).0, 200, "{what} {good}");
                        }
                    }
                }
                "SUGGESTEDVALUES" => {
                    let other = if field.ends_with("Priority") { json!(9) } else { json!("Something else") };
                    assert_eq!(bench.change(id, &one(other)).0, 200, "{what}");
                    bench.count("suggestions");
                }
                "DEFAULT" => {
                    assert_eq!(text(&made["fields"][&field]), text(&rule["value"]), "{what}");
                    bench.count("defaults");
                }
                "VALIDUSER" if !field.starts_with("System.Changed") => {
                    let answer = bench.change(id, &one(json!("Nobody Known")));
                    let (status, body) = &answer;
                    let refused = body["customProperties"]["RuleValidationErrors"][0]["fieldReferenceName"]
                        == field
                        || body["message"].as_str().unwrap_or_default().contains("TF401326");
                    assert!(*status == 400 && refused, "{what}: {body}");
                    bench.count("people");
                }
                "WHENNOTCHANGED" => {
                    assert_eq!(
                        (&rule["field"], &rule["children"].as_array().unwrap().last().unwrap()["rule"]),
                        (&json!("System.State"), &json!("READONLY")),
                        "{what}"
                    );
                    let value =
                        if field.ends_with("By") { json!(BEN) } else { json!("2020-02-02T00:00:00Z") };
                    let answer = bench.change(id, &one(value));
                    bench.refused("stamps", &answer, &field, "readOnly", &what);
                }
                "WHENCHANGED" => {
                    assert_eq!(
                        (text(&rule["field"]).as_str(), field.as_str()),
                        ("System.State", "Microsoft.VSTS.Common.StateChangeDate"),
                        "{what}"
                    );
                }
                "ALLOWEXISTINGVALUE" | "VALIDUSER" => {}
                other => panic!("a rule nobody knows: {what} {other}"),
            }
        }
    }
}

/// The initial state, its reasons and what creation fills in.
fn creation(bench: &mut Bench, kind: &Value) {
    let name = text(&kind["name"]);
    let initial: Vec<&Value> = list(&kind["transitions"]).filter(|t| t["from"] == "").collect();
    assert_eq!(initial.len(), 1, "{name}");
    let now = bench.now.to_rfc3339_opts(SecondsFormat::Secs, true);
    for reason in list(&initial[0]["reasons"]) {
        let what = format!("{} new {name} {reason}", bench.process);
        let mut sent = needed(kind);
        sent.remove(ASSIGNED);
        sent.insert("System.Reason".into(), reason.clone());
        let (status, made) = bench.create(&name, &sent);
        assert_eq!(status, 200, "{what}: {made}");
        assert_eq!(
            (&made["fields"]["System.State"], &made["fields"]["System.Reason"]),
            (&initial[0]["to"], reason)
        );
        let mut expected = Fields::new();
        applied(&by_field(&initial[0]["fieldRules"]), &mut expected, &Fields::new(), &now);
        for (field, value) in expected {
            assert_eq!(text(&made["fields"][&field]), text(&value), "{what} {field}");
        }
        bench.count("creations");
    }
    let (_, made) = bench.create(&name, &needed(kind));
    assert_eq!(made["fields"]["System.Reason"], initial[0]["defaultReason"], "{name}");
    for state in list(&kind["states"]).filter(|s| s["name"] != initial[0]["to"]) {
        let mut sent = needed(kind);
        sent.insert("System.State".into(), state["name"].clone());
        let answer = bench.create(&name, &sent);
        bench.refused("creations in other states", &answer, "System.State", "invalidListValue", &name);
    }
}

/// Every pair of states, with every reason.
fn transitions(bench: &mut Bench, kind: &Value) {
    let name = text(&kind["name"]);
    let states: Vec<String> = list(&kind["states"]).map(|s| text(&s["name"])).collect();
    for from in &states {
        for to in states.iter().filter(|to| *to != from) {
            let published = list(&kind["transitions"]).find(|t| t["from"] == *from && t["to"] == *to);
            let what = format!("{} {name} {from} > {to}", bench.process);
            let Some(published) = published else {
                let id = standing(bench, kind, from, &[]);
                let answer = bench.change(id, &Fields::from([("System.State".into(), json!(to))]));
                bench.refused("illegal transitions", &answer, "System.State", "invalidListValue", &what);
                continue;
            };
            bench.count("transitions");
            let id = standing(bench, kind, from, &[]);
            let (_, moved) = bench.change(id, &Fields::from([("System.State".into(), json!(to))]));
            assert_eq!(moved["fields"]["System.Reason"], published["defaultReason"], "{what}");
            for reason in list(&published["reasons"]) {
                one_transition(bench, kind, from, to, &text(reason), published);
            }
            let id = standing(bench, kind, from, &[]);
            let bad = Fields::from([
                ("System.State".to_owned(), json!(to)),
                ("System.Reason".to_owned(), json!("No such reason")),
            ]);
            let answer = bench.change(id, &bad);
            bench.refused("unknown reasons", &answer, "System.Reason", "invalidListValue", &what);
        }
    }
}

/// An item that stands in a state, assigned to Ada, with odd values in these fields.
fn standing(bench: &mut Bench, kind: &Value, state: &str, odd_fields: &[String]) -> i64 {
    let (_, made) = bench.create(&text(&kind["name"]), &needed(kind));
    let id = made["id"].as_i64().unwrap();
    bench.force(id, &Fields::from([("System.State".into(), json!(state))]));
    let mut fields: Fields = odd_fields.iter().map(|field| (field.clone(), odd(field))).collect();
    fields.insert(ASSIGNED.into(), json!(ADA));
    bench.force(id, &fields);
    id
}

fn one_transition(bench: &mut Bench, kind: &Value, from: &str, to: &str, reason: &str, published: &Value) {
    let what = format!("{} {} {from} > {to} ({reason})", bench.process, text(&kind["name"]));
    let state = list(&kind["states"]).find(|s| s["name"] == to).unwrap();
    let tied = by_field(&published["reasonFieldRules"][reason]);
    let mut rules = by_field(&published["fieldRules"]);
    rules.extend(tied.clone());
    rules.extend(by_field(&state["fieldRules"]));
    let touched: Vec<String> = rules.iter().map(|(field, _)| field.clone()).collect();
    let there =
        Fields::from([("System.State".to_owned(), json!(to)), ("System.Reason".to_owned(), json!(reason))]);
    let with = |field: &str, value: Value| {
        let mut fields = there.clone();
        fields.insert(field.to_owned(), value);
        fields
    };

    let id = standing(bench, kind, from, &touched);
    let (_, before) =
        bench.send("GET", &format!("/contoso/_apis/wit/workitems/{id}?api-version=7.1"), &Value::Null);
    let before: Fields = serde_json::from_value(before["fields"].clone()).unwrap();
    bench.now += TimeDelta::seconds(60);
    let now = bench.now.to_rfc3339_opts(SecondsFormat::Secs, true);
    let (status, after) = bench.change(id, &there);
    assert_eq!(status, 200, "{what}: {after}");
    assert_eq!(
        (&after["fields"]["System.State"], &after["fields"]["System.Reason"]),
        (&json!(to), &json!(reason))
    );
    let mut expected = before.clone();
    expected.insert("System.Reason".into(), json!(reason));
    applied(&rules, &mut expected, &before, &now);
    for field in &touched {
        let (found, wanted) = (&after["fields"][field], expected.get(field).cloned().unwrap_or_default());
        assert_eq!(text(found), text(&wanted), "{what} {field}");
    }
    if demands(&by_field(&kind["fields"]), "Microsoft.VSTS.Common.StateChangeDate", "WHENCHANGED") {
        assert_eq!(after["fields"]["Microsoft.VSTS.Common.StateChangeDate"], now, "{what}");
    }
    bench.count("reasons");

    for field in touched.iter().filter(|field| demands(&rules, field, "READONLY")) {
        let id = standing(bench, kind, from, &[]);
        let answer = bench.change(id, &with(field, odd(field)));
        bench.refused("read-only fields", &answer, field, "readOnly", &what);
    }
    if demands(&rules, ASSIGNED, "REQUIRED") {
        let id = standing(bench, kind, from, &[]);
        bench.force(id, &Fields::from([(ASSIGNED.into(), json!(""))]));
        let answer = bench.change(id, &there);
        // Some transitions bring somebody themselves: who closed or resolved it.
        if demands(&rules, ASSIGNED, "COPY") {
            assert_eq!(answer.0, 200, "{what}: {}", answer.1);
        } else {
            bench.refused("required assignees", &answer, ASSIGNED, "invalidEmpty", &what);
        }
        let id = standing(bench, kind, from, &[]);
        let answer = bench.change(id, &with(ASSIGNED, json!("")));
        bench.refused("required assignees", &answer, ASSIGNED, "invalidEmpty", &what);
        // Later saves are held to it as well.
        let id = standing(bench, kind, to, &[]);
        bench.force(id, &Fields::from([(ASSIGNED.into(), json!(""))]));
        let answer = bench.change(id, &Fields::from([("System.Title".into(), json!("Another"))]));
        bench.refused("required assignees", &answer, ASSIGNED, "invalidEmpty", &what);
    }
    for (field, rules) in &tied {
        if rules.iter().any(|r| r["rule"] == "ALLOWEDVALUES") {
            let other = if reason == "Obsolete" { "Duplicate" } else { "Obsolete" };
            let id = standing(bench, kind, from, &[]);
            let answer = bench.change(id, &with(field, json!(other)));
            bench.refused("values tied to a reason", &answer, field, "invalidListValue", &what);
        }
    }
}
