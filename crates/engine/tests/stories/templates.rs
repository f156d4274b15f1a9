//! Templates write work items: a person's words stay, and a failing template never stops anything.

use engine::{Actor, NewDestination, Previewed};
use model::TemplateSetId;
use model::content::TemplateSet;
use serde_json::json;
use store::tickets::Health;
use testkit::{Story, TestDatabase, databases, weakness};

const TITLE: &str = "System.Title";
const TEXT: &str = "Microsoft.VSTS.TCM.ReproSteps";

fn ada() -> Actor {
    Actor { name: "Ada".into() }
}

fn ours(title: &str, block: &str) -> TemplateSet {
    TemplateSet { name: "Ours".into(), title: title.into(), block: block.into(), ..TemplateSet::default() }
}

/// The story's destination uses these templates from now on.
async fn use_templates(story: &Story, id: Option<TemplateSetId>) -> Result<(), engine::Refusal> {
    let mut tx = story.engine.db().read().await.unwrap();
    let known = store::destinations::get(&mut tx, story.destination).await.unwrap().unwrap();
    drop(tx);
    let mut settings = known.settings;
    settings.fields.templates = id;
    let new = NewDestination { connection_id: story.connection, binding: Default::default(), settings };
    story.engine.change_destination(story.destination, new, &ada()).await
}

fn text(story: &Story, field: &str) -> String {
    story.board.fields(story.work_item())[field].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn templates_write_new_work_items_and_bring_known_ones_up_to_date() {
    for database in databases().await {
        write_and_bring_up_to_date(Story::on(database).begin().await).await;
    }
}

async fn write_and_bring_up_to_date(story: Story) {
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.settle().await;
    assert!(text(&story, TITLE).starts_with("[High]"), "{}", text(&story, TITLE));

    let mut set = ours("Security: {{ first.title }}", "<p>{{ first.place }} by {{ rule }}</p>");
    set.tags = "sec-{{ first.severity }}".into();
    let id = story.engine.create_templates(set.clone(), &ada()).await.unwrap();
    let before = story.board.writes();
    story.settle().await;
    assert_eq!(story.board.writes(), before, "nobody uses them yet");
    use_templates(&story, Some(id)).await.unwrap();
    story.settle().await;
    assert!(text(&story, TITLE).starts_with("Security: "), "{}", text(&story, TITLE));
    assert!(text(&story, TEXT).contains("a.js:1 by Everything"), "{}", text(&story, TEXT));
    assert!(text(&story, "System.Tags").contains("sec-high"), "{}", text(&story, "System.Tags"));

    set.title = "Weakness: {{ first.title }}".into();
    story.engine.change_templates(id, set, &ada()).await.unwrap();
    story.settle().await;
    assert!(text(&story, TITLE).starts_with("Weakness: "), "{}", text(&story, TITLE));
    assert_eq!(story.ticket().await.health, Health::InStep);

    let refused = story.engine.delete_templates(id, &ada()).await.unwrap_err();
    assert_eq!(refused.code, "templates_in_use");
    use_templates(&story, None).await.unwrap();
    story.engine.delete_templates(id, &ada()).await.unwrap();
    let refused = use_templates(&story, Some(id)).await.unwrap_err();
    assert!(refused.detail.contains("no such templates"), "{}", refused.detail);
    story.settle().await;
    assert!(text(&story, TITLE).starts_with("[High]"), "the standard ones are back");
    assert!(!text(&story, "System.Tags").contains("sec-high"), "a tag of ours goes with its template");
}

#[tokio::test]
async fn what_a_person_changed_stays_when_the_templates_change() {
    let story = Story::sqlite().await;
    let set = ours("Security: {{ first.title }}", "<p>First words.</p>");
    let id = story.engine.create_templates(set, &ada()).await.unwrap();
    use_templates(&story, Some(id)).await.unwrap();
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.settle().await;
    let edited = text(&story, TEXT).replace("First words.", "My own words.");
    story.board.edit(story.work_item(), &[(TITLE, json!("My title")), (TEXT, json!(edited))]);
    story.settle().await;
    let set = ours("Other: {{ first.title }}", "<p>Second words.</p>");
    story.engine.change_templates(id, set, &ada()).await.unwrap();
    story.settle().await;
    assert_eq!(text(&story, TITLE), "My title");
    assert!(text(&story, TEXT).contains("My own words.") && !text(&story, TEXT).contains("Second words."));
    let fields: Vec<String> = story.ticket().await.conflicts.iter().map(|it| it.field.clone()).collect();
    assert_eq!(fields, ["Title", "Description"]);
}

#[tokio::test]
async fn a_template_that_fails_on_a_finding_gives_way_and_the_ticket_says_so() {
    let story = Story::sqlite().await;
    // No sample of the check leads there, and there is no finding yet on which it could be tried.
    let set =
        ours("{% if first.path == 'b.js' %}{{ first.message|nonsense }}{% endif %}Fine {{ first.path }}", "");
    let id = story.engine.create_templates(set.clone(), &ada()).await.unwrap();
    use_templates(&story, Some(id)).await.unwrap();
    story.scan(&[weakness("a", "a.js", 1), weakness("b", "b.js", 2)]).await;
    story.settle().await;
    let mut titles: Vec<String> = Vec::new();
    for item in story.board.work_items() {
        titles.push(story.board.fields(item)[TITLE].as_str().unwrap().to_owned());
    }
    titles.sort();
    assert_eq!(titles[0], "Fine a.js");
    assert!(titles[1].starts_with("[High]"), "{titles:?}");
    let tickets = story.tickets().await;
    let told: Vec<&str> = tickets.iter().filter_map(|ticket| ticket.problem.as_deref()).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("title, line 1: there is no such filter"), "{told:?}");
    assert!(tickets.iter().all(|ticket| ticket.health == Health::InStep), "nothing is stopped");

    // Saved again, it is tried on what is there now.
    let refused =
        story.engine.change_templates(id, TemplateSet { comment: "{{ count }}".into(), ..set }, &ada()).await;
    let refused = refused.unwrap_err();
    assert_eq!(refused.code, "templates_invalid");
    assert!(refused.fields[0].0 == "/title" && refused.fields[0].1.contains("(on '"), "{:?}", refused.fields);
}

#[tokio::test]
async fn a_preview_shows_real_findings_and_saves_nothing() {
    let story = Story::on(TestDatabase::sqlite().await).grouped().begin().await;
    story.scan(&[weakness("a", "a.js", 1), weakness("a", "b.js", 2)]).await;
    story.settle().await;
    let set = ours("{{ count }} at {{ first.place }}", "{{ findings|table }}");
    let preview = story.engine.preview_templates(&set, Previewed::Examples).await.unwrap();
    assert_eq!(preview.problems, []);
    let titles: Vec<&str> = preview.examples.iter().map(|it| it.written.title.as_str()).collect();
    assert_eq!(titles.len(), 2, "one of its kind, and the ticket with two: {titles:?}");
    assert!(titles[0].starts_with("1 at ") && titles[1].starts_with("2 at "), "{titles:?}");
    assert!(preview.examples[1].written.block.contains("<td>"), "{}", preview.examples[1].written.block);
    let ticket = story.ticket().await.id;
    let one = story.engine.preview_templates(&set, Previewed::Ticket(ticket)).await.unwrap();
    assert_eq!(one.examples.len(), 1);

    let wrong = ours("{{ count }", "");
    let preview = story.engine.preview_templates(&wrong, Previewed::Examples).await.unwrap();
    assert_eq!((preview.problems[0].row.as_str(), preview.problems[0].line), ("title", Some(1)));
    assert!(preview.examples[0].written.title.starts_with("[High]"), "the standard one is shown");
    let refused = story.engine.create_templates(wrong, &ada()).await.unwrap_err();
    assert_eq!(refused.code, "templates_invalid");
}

#[tokio::test]
async fn two_sets_differ_by_more_than_case() {
    let story = Story::sqlite().await;
    story.engine.create_templates(ours("{{ first.title }}", ""), &ada()).await.unwrap();
    let set = TemplateSet { name: "OURS".into(), ..TemplateSet::default() };
    assert_eq!(story.engine.create_templates(set, &ada()).await.unwrap_err().code, "templates_taken");
}
