//! Configuration as code: what is exported can be applied, a plan says exactly what is another, and what is wrong changes nothing.

use engine::{Actor, NewConnection, Refusal, RefusalKind, SignInMethod};
use model::configuration::{Change, ChangeAction, Configuration};
use secrecy::SecretString;
use serde_json::{Value, json};
use store::args;
use testkit::configuration::{Dice, generated, one_change};
use testkit::{Story, TestDatabase, databases, weakness};

const CONNECTIONS: [&str; 2] = ["Azure", "Second: yes"];

fn ada() -> Actor {
    Actor { name: "Ada".into() }
}

/// An instance with two connections and nothing else.
async fn empty(database: TestDatabase) -> Story {
    let story = Story::on(database).begin().await;
    let new = NewConnection {
        name: CONNECTIONS[1].into(),
        description: String::new(),
        instance_url: "https://boards.example".into(),
        organization: "contoso".into(),
        sign_in: SignInMethod::PersonalAccessToken(SecretString::from(emulator::seed::DEMO_PAT)),
    };
    story.engine.create_connection(new, &ada()).await.unwrap();
    story.engine.delete_destination(story.destination, &ada()).await.unwrap();
    for rule in store::rules::all(&mut story.engine.db().read().await.unwrap()).await.unwrap() {
        story.engine.delete_rule(rule.id, &ada()).await.unwrap();
    }
    story
}

/// A document as a file would say it.
fn said(document: Value) -> Configuration {
    serde_json::from_value(document).unwrap()
}

async fn exported(story: &Story) -> Configuration {
    story.engine.configuration().await.unwrap()
}

async fn plan(story: &Story, wanted: &Configuration, prune: bool) -> Result<Vec<Change>, Refusal> {
    Ok(story.engine.plan_configuration(wanted.clone(), prune, &ada()).await?.changes)
}

async fn apply(story: &Story, wanted: &Configuration, prune: bool) -> Result<Vec<Change>, Refusal> {
    Ok(story.engine.apply_configuration(wanted.clone(), prune, None, &ada()).await?.changes)
}

async fn audited(story: &Story) -> u64 {
    let mut tx = story.engine.db().read().await.unwrap();
    tx.count("SELECT COUNT(*) AS n FROM audit", args![]).await.unwrap()
}

#[tokio::test]
async fn what_was_exported_makes_an_empty_instance_the_same() {
    for seed in 0..20 {
        println!("seed {seed}");
        round_trip(seed, TestDatabase::sqlite().await, TestDatabase::sqlite().await).await;
    }
}

#[tokio::test]
async fn what_was_exported_makes_an_empty_instance_the_same_on_every_database() {
    for (first, second) in databases().await.into_iter().zip(databases().await) {
        round_trip(4711, first, second).await;
    }
}

async fn round_trip(seed: u64, first: TestDatabase, second: TestDatabase) {
    let wanted = generated(&mut Dice::new(seed), &CONNECTIONS);
    let one = empty(first).await;
    apply(&one, &wanted, false).await.unwrap();
    let of_one = exported(&one).await;
    assert_eq!(plan(&one, &of_one, true).await.unwrap(), [], "its own export changes nothing");
    assert_eq!(plan(&one, &wanted, true).await.unwrap(), [], "what was applied changes nothing any more");
    let before = audited(&one).await;
    apply(&one, &of_one, true).await.unwrap();
    assert_eq!(audited(&one).await, before, "nothing was done");

    let other = empty(second).await;
    apply(&other, &of_one, false).await.unwrap();
    assert_eq!(exported(&other).await, of_one);
}

#[tokio::test]
async fn a_changed_file_plans_exactly_its_change() {
    let mut kinds = std::collections::BTreeMap::new();
    for seed in 0..40 {
        println!("seed {seed}");
        let mut dice = Dice::new(1000 + seed);
        let story = empty(TestDatabase::sqlite().await).await;
        apply(&story, &generated(&mut dice, &CONNECTIONS), false).await.unwrap();
        let mut wanted = exported(&story).await;
        let expected = loop {
            match one_change(&mut dice, &mut wanted) {
                Some(expected) => break expected,
                None => wanted = exported(&story).await,
            }
        };
        let changes = plan(&story, &wanted, expected.prune).await.unwrap();
        let [change] = &changes[..] else { panic!("{expected:?} became {changes:#?}") };
        assert_eq!((change.action, change.thing), (expected.action, expected.thing), "{expected:?}");
        assert_eq!(change.name, expected.name);
        if !expected.field.is_empty() {
            let within = |path: &str| path.starts_with(expected.field);
            assert!(
                !change.fields.is_empty() && change.fields.iter().all(|it| within(&it.path)),
                "{change:#?}"
            );
        }
        *kinds
            .entry(format!("{:?} {:?} {}", expected.action, expected.thing, expected.field))
            .or_insert(0) += 1;

        assert_eq!(
            apply(&story, &wanted, expected.prune).await.unwrap(),
            changes,
            "what was planned is done"
        );
        assert_eq!(plan(&story, &wanted, true).await.unwrap(), [], "and then there is nothing more to do");
    }
    println!("{kinds:#?}");
    assert!(kinds.len() > 8, "the seeds tried too little: {kinds:?}");
}

#[tokio::test]
async fn a_plan_says_what_the_rules_would_make_then_and_makes_nothing() {
    let story = Story::sqlite().await;
    let wanted = exported(&story).await;
    let without = Configuration { rules: Some(Vec::new()), ..wanted.clone() };
    apply(&story, &without, true).await.unwrap();
    story.scan(&[weakness("a", "a.js", 1), weakness("b", "b.js", 2)]).await;
    story.settle().await;
    assert_eq!(story.board.work_items(), [] as [i64; 0]);

    let planned = story.engine.plan_configuration(wanted.clone(), false, &ada()).await.unwrap();
    let effect = planned.effect.unwrap();
    let [share] = &effect[..] else { panic!("{effect:?}") };
    assert_eq!((share.findings, share.create, share.join, share.wait), (2, 2, 0, 0));
    story.settle().await;
    assert_eq!(story.board.work_items(), [] as [i64; 0], "it was only tried");

    let done = story.engine.apply_configuration(wanted.clone(), false, None, &ada()).await.unwrap();
    assert_eq!(done.effect, None, "what was done is not guessed");
    story.settle().await;
    assert_eq!(story.board.work_items().len(), 2, "as the plan said");
    let again = story.engine.plan_configuration(wanted, false, &ada()).await.unwrap();
    assert_eq!(again.effect, None, "nothing changes");
}

#[tokio::test]
async fn what_the_file_does_not_name_is_left_alone_unless_it_shall_go() {
    let story = Story::sqlite().await;
    let mut wanted = exported(&story).await;
    wanted.connections.as_mut().unwrap()[0].destinations = Some(Vec::new());
    wanted.rules = Some(Vec::new());

    let left = plan(&story, &wanted, false).await.unwrap();
    assert_eq!(left.len(), 2);
    assert!(left.iter().all(|change| change.action == ChangeAction::LeaveAlone), "{left:?}");
    apply(&story, &wanted, false).await.unwrap();
    assert_eq!(exported(&story).await.rules.unwrap().len(), 1);

    let gone = apply(&story, &wanted, true).await.unwrap();
    assert!(gone.iter().all(|change| change.action == ChangeAction::Delete), "{gone:?}");
    assert_eq!(exported(&story).await, wanted);

    // A section that is not there says nothing, and a connection never goes.
    let nothing = said(json!({"version": 1}));
    assert_eq!(plan(&story, &nothing, true).await.unwrap(), []);
    let none = said(json!({"version": 1, "connections": []}));
    assert_eq!(plan(&story, &none, true).await.unwrap()[0].action, ChangeAction::LeaveAlone);
}

#[tokio::test]
async fn two_destinations_change_places() {
    let story = Story::sqlite().await;
    let mut wanted = exported(&story).await;
    let destinations = wanted.connections.as_mut().unwrap()[0].destinations.as_mut().unwrap();
    let mut other = destinations[0].clone();
    other.name = "Other".into();
    other.binding = serde_json::from_value(json!({"kind": "asset", "asset": "shop"})).unwrap();
    destinations.push(other);
    apply(&story, &wanted, false).await.unwrap();

    let destinations = wanted.connections.as_mut().unwrap()[0].destinations.as_mut().unwrap();
    let first = destinations[0].binding.clone();
    destinations[0].binding = std::mem::replace(&mut destinations[1].binding, first);
    apply(&story, &wanted, false).await.unwrap();
    assert_eq!(exported(&story).await, wanted);
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.settle().await;
    assert_eq!(story.board.work_items().len(), 1, "the rules go by the new bindings");
}

#[tokio::test]
async fn a_plan_that_is_not_true_any_more_is_not_applied() {
    let story = Story::sqlite().await;
    let mut wanted = exported(&story).await;
    wanted.rules.as_mut().unwrap()[0].enabled = false;
    let planned = story.engine.plan_configuration(wanted.clone(), false, &ada()).await.unwrap();

    let rule = store::rules::all(&mut story.engine.db().read().await.unwrap()).await.unwrap().remove(0);
    let settings = model::rule::RuleSettings { name: "Renamed".into(), ..rule.settings };
    story.engine.change_rule(rule.id, settings, &ada()).await.unwrap();

    let fingerprint = Some(planned.fingerprint.as_str());
    let refused =
        story.engine.apply_configuration(wanted.clone(), false, fingerprint, &ada()).await.unwrap_err();
    assert_eq!((refused.code, refused.kind), ("configuration_changed", RefusalKind::Conflict));
    assert_eq!(exported(&story).await.rules.unwrap().len(), 1);
}

#[tokio::test]
async fn what_is_wrong_is_said_at_its_place_and_changes_nothing() {
    let story = Story::sqlite().await;
    let good = serde_json::to_value(exported(&story).await).unwrap();
    let of = |change: fn(&mut Value)| {
        let mut document = good.clone();
        // Something else in the file is right, and is not done either.
        document["connections"][0]["description"] = "changed".into();
        change(&mut document);
        said(document)
    };
    let table: [(Configuration, &str, &str); 13] = [
        (of(|it| it["version"] = 2.into()), "/version", "the version 2 of the format is not known"),
        (
            of(|it| it["connections"][0]["name"] = "Elsewhere".into()),
            "/connections/0/name",
            "there is no connection 'Elsewhere'",
        ),
        (
            of(|it| it["connections"][0]["organization"] = "fabrikam".into()),
            "/connections/0/organization",
            "the connection Azure is one to contoso, not to fabrikam",
        ),
        (
            of(|it| it["connections"][0]["sign_in"] = json!({"method": "managed_identity"})),
            "/connections/0/sign_in",
            "signs in in another way",
        ),
        (
            of(|it| it["connections"][0]["destinations"][0]["status_map"]["fixed"]["state"] = "Gone".into()),
            "/connections/0/destinations/0/status_map/fixed",
            "Gone",
        ),
        (
            of(|it| it["connections"][0]["destinations"][0]["team"] = "Nobody".into()),
            "/connections/0/destinations/0",
            "the project Webshop has no team 'Nobody'",
        ),
        (
            of(|it| it["connections"][0]["destinations"][0]["fields"] = json!({"templates": "Ours"})),
            "/connections/0/destinations/0/fields/templates",
            "there are no templates 'Ours'",
        ),
        (
            of(|it| {
                let mut twin = it["connections"][0]["destinations"][0].clone();
                twin["name"] = "Twin".into();
                it["connections"][0]["destinations"].as_array_mut().unwrap().push(twin);
            }),
            "/connections/0/destinations/1",
            "is the default destination of this connection already",
        ),
        (
            of(|it| it["templates"] = json!([{"name": "Ours", "title": "{{ nothing.here }"}])),
            "/templates/0/title",
            "title",
        ),
        (
            of(|it| it["rules"][0]["destination"] = "Nowhere".into()),
            "/rules/0/destination",
            "there is no destination 'Nowhere'",
        ),
        (
            of(|it| it["rules"][0]["criteria"] = json!({"severity": {"at_least": "dreadful"}})),
            "/rules/0/criteria/severity",
            "dreadful",
        ),
        (
            of(|it| {
                let twin = it["rules"][0].clone();
                it["rules"].as_array_mut().unwrap().push(twin);
            }),
            "/rules/1/name",
            "another rule has the name 'Everything' already, number 1",
        ),
        (of(|it| it["rules"][0]["initial_state"] = "Closed".into()), "/rules/0/initial_state", "Closed"),
    ];
    let before = (exported(&story).await, audited(&story).await);
    for (wanted, at, message) in table {
        for refused in [plan(&story, &wanted, false).await, apply(&story, &wanted, false).await] {
            let refused = refused.unwrap_err();
            assert_eq!(refused.code, "configuration_invalid", "{at}: {refused:?}");
            let said =
                refused.fields.iter().any(|(place, what)| place.starts_with(at) && what.contains(message));
            assert!(said, "{at}: {message} is not among {:#?}", refused.fields);
        }
        assert_eq!((exported(&story).await, audited(&story).await), before, "{at}: nothing is changed");
    }
}

#[tokio::test]
async fn names_that_do_not_tell_what_is_meant_are_not_exported() {
    let story = Story::sqlite().await;
    let rule = store::rules::all(&mut story.engine.db().read().await.unwrap()).await.unwrap().remove(0);
    story.engine.create_rule(rule.settings, &ada()).await.unwrap();
    let refused = story.engine.configuration().await.unwrap_err();
    assert_eq!(refused.code, "configuration_ambiguous");
    assert!(refused.detail.contains("several rules with the name 'Everything'"), "{}", refused.detail);
}
