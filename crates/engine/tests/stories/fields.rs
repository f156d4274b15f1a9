//! Stories of single fields: whose value counts, who decides, when work is due.

use std::collections::BTreeMap;

use chrono::Duration;
use engine::{Actor, Resolution};
use model::fields::{DueDatePolicy, FieldSettings, FieldValue};
use model::merge::{Field, Owner, Owners};
use model::priority::SlaMatrix;
use model::{Impact, Severity, Status};
use serde_json::{Value, json};
use store::tickets::Health;
use testkit::{Report, Story, TestDatabase, weakness};

const TITLE: &str = "System.Title";
const PRIORITY: &str = "Microsoft.VSTS.Common.Priority";
const VALUE_AREA: &str = "Microsoft.VSTS.Common.ValueArea";
const INFO: &str = "Microsoft.VSTS.TCM.SystemInfo";
const DUE: &str = "Microsoft.VSTS.Scheduling.DueDate";

fn ada() -> Actor {
    Actor { name: "Ada".into() }
}

/// A finding whose severity, and so title and priority, changed after a person had set the priority.
async fn quarrel(fields: FieldSettings) -> Story {
    let story = Story::on(TestDatabase::sqlite().await).fields(fields).begin().await;
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.settle().await;
    story.board.edit(story.work_item(), &[(PRIORITY, json!(4))]);
    story.settle().await;
    let mut worse = weakness("a", "a.js", 1);
    worse["severity"] = "critical".into();
    story.scan(&[worse]).await;
    story.settle().await;
    story
}

#[tokio::test]
async fn a_person_takes_our_value_and_it_is_written_in_their_name() {
    let story = quarrel(FieldSettings::default()).await;
    let (ticket, item) = (story.ticket().await, story.work_item());
    assert_eq!((ticket.health, ticket.conflicts[0].field.as_str()), (Health::Conflict, "Priority"));
    assert_eq!(story.board.fields(item)[PRIORITY], 4, "until somebody decides, the person's value stands");
    story.engine.resolve_conflict(ticket.id, Field::Priority, Resolution::TakeOurs, &ada()).await.unwrap();
    story.settle().await;
    assert_eq!(story.board.fields(item)[PRIORITY], 1);
    assert_eq!(story.ticket().await.health, Health::InStep);
    let log = story.log_of_tickets().await;
    assert!(
        log.iter().any(|(what, cause)| what.contains("decided the conflict on Priority") && cause == "Ada")
    );
    let (what, cause) = log.last().unwrap();
    assert!(what.contains("changed (revision") && cause == "Ada", "{what} because of {cause}");
    let again = story.engine.resolve_conflict(ticket.id, Field::Priority, Resolution::TakeOurs, &ada()).await;
    assert_eq!(again.unwrap_err().code, "no_such_conflict");
}

#[tokio::test]
async fn a_person_keeps_the_boards_value_and_is_not_asked_again_until_something_changes() {
    let story = quarrel(FieldSettings::default()).await;
    let (ticket, item) = (story.ticket().await, story.work_item());
    story.engine.resolve_conflict(ticket.id, Field::Priority, Resolution::KeepTheirs, &ada()).await.unwrap();
    let before = story.board.writes();
    for _ in 0..3 {
        story.sweep().await;
        let ticket = story.ticket().await;
        assert_eq!((ticket.health, ticket.conflicts.len()), (Health::InStep, 0));
    }
    assert_eq!((story.board.writes(), &story.board.fields(item)[PRIORITY]), (before, &json!(4)));
    // Ours changes once more: that is new, and it is asked again.
    let mut mild = weakness("a", "a.js", 1);
    mild["severity"] = "medium".into();
    story.scan(&[mild]).await;
    story.settle().await;
    assert_eq!(story.ticket().await.health, Health::Conflict);
    assert_eq!(story.board.fields(item)[PRIORITY], 4);
}

#[tokio::test]
async fn a_destination_may_say_whose_value_counts() {
    for (owner, priority) in [(Owner::Ours, 1), (Owner::Theirs, 4)] {
        let owners = Owners { priority: owner, ..Owners::default() };
        let story = quarrel(FieldSettings { owners, ..FieldSettings::default() }).await;
        assert_eq!(story.board.fields(story.work_item())[PRIORITY], priority);
        assert_eq!(story.ticket().await.health, Health::InStep, "nobody is asked");
    }
}

/// Findings of these severities are due after so many days, whatever their asset.
async fn due_after(story: &Story, days: &[(Severity, u32)]) {
    let row = |days: u32| Impact::ALL.into_iter().map(|impact| (impact, days)).collect();
    let days = days.iter().map(|(severity, days)| (*severity, row(*days))).collect();
    let matrix = SlaMatrix { days, ..SlaMatrix::blank() };
    story.engine.set_sla_matrix(matrix, &ada()).await.unwrap();
}

async fn issues(days: &[(Severity, u32)]) -> Story {
    let story = Story::on(TestDatabase::sqlite().await).type_of_work("Issue").begin().await;
    due_after(&story, days).await;
    story
}

fn noon_after(story: &Story, days: i64) -> Value {
    (story.now() + Duration::days(days)).format("%Y-%m-%dT12:00:00Z").to_string().into()
}

#[tokio::test]
async fn work_is_due_with_its_finding_and_an_escalation_makes_it_sooner() {
    let story = issues(&[(Severity::Critical, 7), (Severity::High, 30)]).await;
    let (in_30, in_7) = (noon_after(&story, 30), noon_after(&story, 7));
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.settle().await;
    let item = story.work_item();
    assert_eq!(story.board.fields(item)[DUE], in_30);
    let mut worse = weakness("a", "a.js", 1);
    worse["severity"] = "critical".into();
    story.scan(std::slice::from_ref(&worse)).await;
    story.settle().await;
    assert_eq!(story.board.fields(item)[DUE], in_7);
    // Closing the work item does not take the date away.
    story.scan(&[]).await;
    story.settle().await;
    assert_eq!((story.status().await, &story.board.fields(item)[DUE]), (Status::Fixed, &in_7));
}

#[tokio::test]
async fn a_due_date_that_a_person_moved_is_theirs_and_one_of_ours_goes_with_the_setting() {
    let story = issues(&[(Severity::High, 30)]).await;
    story.scan(&[weakness("a", "a.js", 1), weakness("b", "b.js", 1)]).await;
    story.settle().await;
    let items = story.board.work_items();
    story.board.edit(items[0], &[(DUE, "2031-01-01T12:00:00Z".into())]);
    story.settle().await;
    let mut tx = story.engine.db().read().await.unwrap();
    let mut settings = store::destinations::all(&mut tx).await.unwrap().remove(0).settings;
    drop(tx);
    settings.fields.due_date = DueDatePolicy::None;
    let change =
        engine::NewDestination { connection_id: story.connection, binding: Default::default(), settings };
    story.engine.change_destination(story.destination, change, &ada()).await.unwrap();
    story.settle().await;
    assert_eq!(story.board.fields(items[0])[DUE], "2031-01-01T12:00:00Z");
    assert_eq!(story.board.fields(items[1])[DUE], Value::Null);
    let conflicts: Vec<_> = story.tickets().await.iter().map(|ticket| ticket.conflicts.len()).collect();
    assert_eq!(conflicts, [1, 0], "the person's date is shown beside ours");
}

#[tokio::test]
async fn a_type_without_a_due_date_shows_none_and_nothing_is_written_for_it() {
    let story = Story::sqlite().await;
    due_after(&story, &[(Severity::High, 30)]).await;
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.settle().await;
    let before = story.board.writes();
    story.sweep().await;
    assert_eq!(story.board.writes(), before);
    assert_eq!(story.board.fields(story.work_item())[DUE], Value::Null);
    assert_eq!(story.ticket().await.health, Health::InStep);
}

#[tokio::test]
async fn new_work_items_have_the_destinations_assignee_and_people_decide_from_then_on() {
    let fields = FieldSettings { assignee: "service@contoso.example".into(), ..FieldSettings::default() };
    let story = Story::on(TestDatabase::sqlite().await).fields(fields).begin().await;
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.settle().await;
    let item = story.work_item();
    let assigned = |story: &Story| story.board.fields(item)["System.AssignedTo"]["uniqueName"].clone();
    assert_eq!(assigned(&story), "service@contoso.example");
    story.board.edit(item, &[("System.AssignedTo", "".into())]);
    story.import("shop", &Report::of(story.now(), &[weakness("a", "a.js", 9)])).await;
    story.sweep().await;
    assert_eq!(assigned(&story), Value::Null);
    assert_eq!(story.ticket().await.work_item.unwrap().assignee, None);
    story
        .board
        .edit(item, &[(TITLE, "Mine".into()), ("System.AssignedTo", "service@contoso.example".into())]);
    story.settle().await;
    let read = story.ticket().await.work_item.unwrap();
    assert_eq!(read.assignee.unwrap().unique_name, "service@contoso.example");
}

/// Value area takes one of two words; the system information is rich text.
fn templated(area: &str) -> FieldSettings {
    let template = |text: &str| FieldValue::Template(text.into());
    FieldSettings {
        values: BTreeMap::from([
            (VALUE_AREA.to_owned(), template(area)),
            (INFO.to_owned(), template("{{ first.asset }} <{{ first.severity }}>\n{{ first.place }}")),
        ]),
        ..FieldSettings::default()
    }
}

#[tokio::test]
async fn further_fields_are_written_from_the_findings_when_a_work_item_is_created() {
    let area = "{% if first.severity == 'high' %}Architectural{% else %}Business{% endif %}";
    let story = Story::on(TestDatabase::sqlite().await).fields(templated(area)).begin().await;
    story.scan(&[weakness("a", "a<b>.js", 1)]).await;
    story.settle().await;
    let fields = story.board.fields(story.work_item());
    assert_eq!(fields[VALUE_AREA], "Architectural");
    assert_eq!(fields[INFO], "shop &lt;high&gt;<br>a&lt;b&gt;.js:1");
    // People decide from then on.
    story.board.edit(story.work_item(), &[(VALUE_AREA, json!("Business"))]);
    story.sweep().await;
    assert_eq!(story.board.fields(story.work_item())[VALUE_AREA], "Business");
}

#[tokio::test]
async fn a_field_that_does_not_take_what_its_template_makes_is_left_out_and_the_log_says_why() {
    let story =
        Story::on(TestDatabase::sqlite().await).fields(templated("{{ first.severity }}")).begin().await;
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.settle().await;
    assert_eq!(story.board.fields(story.work_item())[VALUE_AREA], "Business", "its default");
    let log = story.log_of_tickets().await;
    let said = log.iter().find(|(what, _)| what.starts_with("A field is left out")).unwrap();
    assert_eq!(
        said.0,
        "A field is left out: the field Value Area does not take 'high' (one of Architectural, Business)."
    );
}
