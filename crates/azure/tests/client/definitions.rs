//! What is learned of fields, places and people; how long it is believed, and what makes it doubtful.

use azure::{Error, Write};
use chrono::Duration;
use emulator::seed::Seed;
use model::WorkItemId;
use model::board::{Change, Draft};
use model::process::FieldKind;
use serde_json::{Value, json};

use crate::against_emulator::{World, draft, state};
use crate::support::{Answer, Bench, answer, bug_shape, json as answer_json, ok};

fn project(revision: i64) -> Answer {
    ok(json!({"id": "p1", "name": "Fabrikam", "revision": revision,
        "capabilities": {"processTemplate": {"templateTypeId": "adcc42ab"}}}))
}

fn types(states: &[&str]) -> Answer {
    let states: Vec<Value> =
        states.iter().map(|name| json!({"name": name, "category": "InProgress"})).collect();
    ok(json!({"value": [{"name": "Bug", "referenceName": "Bug", "states": states,
        "fields": [{"referenceName": "Microsoft.VSTS.Common.Priority"}]}]}))
}

fn nothing() -> Answer {
    ok(json!({"value": []}))
}

fn priorities() -> Answer {
    ok(
        json!({"value": [{"referenceName": "Microsoft.VSTS.Common.Priority", "name": "Priority", "allowedValues": ["1"]}]}),
    )
}

fn board(revision: i64) -> Answer {
    ok(json!({"id": "b", "name": "Stories", "revision": revision, "columns": [], "rows": []}))
}

#[tokio::test]
async fn what_was_read_a_moment_ago_is_not_read_again_and_a_minute_later_it_is() {
    let bench = Bench::new([project(1), types(&["New"]), nothing(), project(1)]);
    for _ in 0..3 {
        bench.client.project("Fabrikam").await.unwrap();
        bench.client.work_item_types("Fabrikam").await.unwrap();
    }
    assert_eq!(bench.script.sent().len(), 3);
    bench.clock.advance(Duration::seconds(60));
    bench.client.project("Fabrikam").await.unwrap();
    assert_eq!(bench.script.sent().len(), 4);
}

#[tokio::test]
async fn the_fields_of_a_type_are_read_once_a_day_while_nothing_changes() {
    let bench = Bench::new([
        priorities(),
        nothing(),
        types(&["New"]),
        nothing(),
        types(&["New"]),
        nothing(),
        priorities(),
        nothing(),
    ]);
    bench.client.fields("Fabrikam", "Bug").await.unwrap();
    bench.client.work_item_types("Fabrikam").await.unwrap();
    bench.clock.advance(Duration::hours(23));
    bench.client.work_item_types("Fabrikam").await.unwrap();
    bench.client.fields("Fabrikam", "Bug").await.unwrap();
    assert_eq!(bench.script.sent().len(), 6);
    bench.clock.advance(Duration::hours(1));
    bench.client.fields("Fabrikam", "Bug").await.unwrap();
    assert_eq!(bench.script.sent().len(), 8);
}

#[tokio::test]
async fn a_new_state_another_process_or_a_changed_board_makes_everything_doubtful() {
    let fields = [priorities(), nothing()];
    let again = || [priorities(), nothing()];
    let witnesses = [
        ([types(&["New"]), nothing()].to_vec(), [types(&["New", "Triage"]), nothing()].to_vec()),
        (vec![project(1)], vec![project(2)]),
        (vec![nothing(), board(1)], vec![nothing(), board(2)]),
    ];
    for (number, (before, after)) in witnesses.into_iter().enumerate() {
        // A list of boards with one board in it.
        let list = || ok(json!({"value": [{"id": "b", "name": "Stories"}]}));
        let patch = |answers: Vec<Answer>| {
            answers
                .into_iter()
                .enumerate()
                .map(move |(i, answer)| if number == 2 && i == 0 { list() } else { answer })
        };
        let answers = patch(before).chain(fields.clone()).chain(patch(after)).chain(again());
        let bench = Bench::new(answers.collect::<Vec<_>>());
        let look = || async {
            match number {
                0 => drop(bench.client.work_item_types("Fabrikam").await.unwrap()),
                1 => drop(bench.client.project("Fabrikam").await.unwrap()),
                _ => drop(bench.client.boards("Fabrikam", "T").await.unwrap()),
            }
        };
        look().await;
        bench.client.fields("Fabrikam", "Bug").await.unwrap();
        bench.clock.advance(Duration::minutes(2));
        look().await;
        let before = bench.script.sent().len();
        bench.client.fields("Fabrikam", "Bug").await.unwrap();
        assert_eq!(bench.script.sent().len(), before + 2, "the fields are read anew ({number})");
    }
}

#[tokio::test]
async fn a_rule_that_refuses_a_write_makes_everything_doubtful_and_so_does_the_caller() {
    let rule = answer_json(400, json!({"typeKey": "RuleValidationException", "message": "no"}));
    let bench = Bench::new([project(1), rule, project(1), project(1)]);
    bench.client.project("Fabrikam").await.unwrap();
    let change = Change { title: Some("x".into()), ..Change::default() };
    bench.client.update(WorkItemId(1), 1, &bug_shape(), &change, bench.soon()).await.unwrap_err();
    bench.client.project("Fabrikam").await.unwrap();
    bench.client.forget_definitions();
    bench.client.project("Fabrikam").await.unwrap();
    assert_eq!(bench.script.sent().len(), 4);
}

#[tokio::test]
async fn a_failure_is_not_remembered() {
    let bench = Bench::new([
        answer_json(503, json!({})),
        answer(200, &[("content-type", "application/json")], "{"),
        project(1),
    ]);
    for _ in 0..2 {
        bench.client.project("Fabrikam").await.unwrap_err();
    }
    bench.client.project("Fabrikam").await.unwrap();
}

#[tokio::test]
async fn a_check_of_the_connection_never_rests_on_what_was_known_before() {
    let world = World::new().await;
    world.client.project("Webshop").await.unwrap();
    world.client.verify(Some("Webshop")).await;
    let before = world.client.usage().reads;
    world.client.verify(Some("Webshop")).await;
    assert!(world.client.usage().reads >= before + 8, "all is asked again");
}

#[tokio::test]
async fn learning_the_same_shape_again_costs_nothing() {
    let world = World::new().await;
    let before = world.client.usage();
    let again = world.client.item_shape("Webshop", "Payments", Some("Stories"), "Bug").await.unwrap();
    assert_eq!(again, world.shape);
    assert_eq!(world.client.usage(), before);
}

#[tokio::test]
async fn the_fields_of_a_bug_say_what_they_hold_which_are_required_and_what_they_take() {
    let world = World::new().await;
    let fields = world.client.fields("Webshop", "Bug").await.unwrap();
    let field = |name: &str| fields.iter().find(|field| field.reference_name == name).unwrap();
    let title = field("System.Title");
    assert_eq!((title.kind, title.is_required, title.longest()), (FieldKind::Text, true, Some(255)));
    let steps = field("Microsoft.VSTS.TCM.ReproSteps");
    assert_eq!((steps.kind, steps.longest()), (FieldKind::RichText, Some(1_000_000)));
    let severity = field("Microsoft.VSTS.Common.Severity");
    assert_eq!(severity.allowed, ["1 - Critical", "2 - High", "3 - Medium", "4 - Low"]);
    assert_eq!(severity.default.as_deref(), Some("3 - Medium"));
    let priority = field("Microsoft.VSTS.Common.Priority");
    assert_eq!((priority.kind, priority.longest()), (FieldKind::Integer, None));
    assert_eq!(field("System.AssignedTo").kind, FieldKind::Person);
    assert_eq!(field("System.AreaPath").kind, FieldKind::Path);
    assert!(field("System.BoardColumn").is_read_only);
}

#[tokio::test]
async fn areas_iterations_and_tags_are_listed_as_fields_hold_them() {
    let mut seed = Seed::demo();
    seed.organizations[0].projects[0].areas = vec!["Payments\\Cards".into()];
    seed.organizations[0].projects[0].iterations = vec!["Release 1\\Sprint 2".into()];
    let world = World::of(seed).await;
    let areas = world.client.areas("Webshop").await.unwrap();
    assert_eq!(areas[0], "Webshop", "the root comes first");
    assert!(areas.contains(&"Webshop\\Payments\\Cards".to_owned()), "{areas:?}");
    let reads = world.client.usage().reads;
    let iterations = world.client.iterations("Webshop").await.unwrap();
    assert!(iterations.iter().any(|one| one.path == "Webshop\\Release 1\\Sprint 2"), "{iterations:?}");
    assert_eq!(world.client.usage().reads, reads, "both trees come in one answer");
    world.create("A").await;
    let mut tags = world.client.tags("Webshop").await.unwrap();
    tags.sort();
    assert_eq!(tags, ["sast", "security"]);
}

#[tokio::test]
async fn the_members_of_a_team_and_what_the_directory_says_of_them() {
    let world = World::new().await;
    let members = world.client.team_members("Webshop", "Payments").await.unwrap();
    let ada = members.iter().find(|member| member.display_name == "Ada Marsh").unwrap();
    assert_eq!(ada.unique_name, "ada.marsh@contoso.example");
    let nobody = "00000000-0000-4000-8000-00000000dead";
    let entries = world.client.directory_entries(&[&ada.id, nobody]).await.unwrap();
    assert_eq!(entries.len(), 1, "unknown ones are absent");
    assert_eq!(
        (entries[0].id.as_str(), entries[0].mail.as_str()),
        (ada.id.as_str(), "ada.marsh@contoso.example")
    );
    assert!(entries[0].is_active);
}

#[tokio::test]
async fn the_hosted_service_has_identities_on_a_host_of_its_own() {
    let objectid = "http://schemas.microsoft.com/identity/claims/objectidentifier";
    let ada = json!({"id": "a", "providerDisplayName": "Ada", "customDisplayName": null, "isActive": true, "properties": {
        "Account": {"$type": "System.String", "$value": "ada@example.com"},
        objectid: {"$type": "System.String", "$value": "entra-object"}}});
    let bench = Bench::new([ok(json!({"count": 2, "value": [ada, null]}))]);
    let entries = bench.client.directory_entries(&["a", "b"]).await.unwrap();
    assert_eq!(entries.len(), 1);
    assert_eq!(
        (entries[0].account.as_str(), entries[0].entra_object_id.as_str()),
        ("ada@example.com", "entra-object")
    );
    let sent = &bench.script.sent()[0];
    assert!(
        sent.url.starts_with("https://vssps.dev.azure.com/contoso/_apis/identities?identityIds=a%2Cb&"),
        "{}",
        sent.url
    );
}

#[tokio::test]
async fn a_write_can_be_tried_without_doing_it() {
    let world = World::new().await;
    let made = world.create("A").await;
    let (good, bad, new) = (state("Active"), state("Finished"), draft("B"));
    let update =
        |change| Write::Update { id: made.id(), revision: made.revision(), shape: &world.shape, change };
    let writes = world.client.usage().writes;
    world.client.validate(&update(&good)).await.unwrap();
    let refused = world.client.validate(&update(&bad)).await.unwrap_err();
    assert!(
        matches!(&refused, Error::Rejected { fields, .. } if fields[0].field == "System.State"),
        "{refused:?}"
    );
    let stale = Write::Update { id: made.id(), revision: 99, shape: &world.shape, change: &good };
    let moved = world.client.validate(&stale).await.unwrap_err();
    assert!(matches!(moved, Error::RevisionMoved { .. }), "{moved:?}");
    world
        .client
        .validate(&Write::Create { project: "Webshop", shape: &world.shape, draft: &new })
        .await
        .unwrap();
    let untitled = Draft { title: String::new(), ..draft("") };
    let create = Write::Create { project: "Webshop", shape: &world.shape, draft: &untitled };
    assert!(matches!(world.client.validate(&create).await, Err(Error::Rejected { .. })));
    assert_eq!(world.client.usage().writes, writes, "it counts as a question");
    assert_eq!(world.read(&made).await, world.client.read(&[made.id()]).await.unwrap().remove(0));
    assert_eq!(world.read(&made).await.revision(), made.revision());
}

#[tokio::test]
async fn the_calls_for_one_ticket_are_counted_apart_and_in_the_total() {
    let world = World::new().await;
    let total = world.client.usage();
    let one = world.client.metered();
    let made = one.create("Webshop", &world.shape, &draft("A"), world.soon()).await.unwrap();
    one.read(&[made.id()]).await.unwrap();
    world.client.read(&[made.id()]).await.unwrap();
    let other = world.client.metered();
    assert_eq!((other.usage().reads, other.usage().writes, other.usage().cost), (0, 0, 0.0));
    let own = one.usage();
    assert_eq!((own.reads, own.writes), (1, 1));
    assert!(own.cost > 0.0);
    let now = world.client.usage();
    assert_eq!((now.reads, now.writes), (total.reads + 2, total.writes + 1));
    assert!(now.cost >= total.cost + own.cost);
}
