//! Stories of what a change of settings would do to work items that are there: it is said before it is saved, and comes true.

use engine::{Actor, NewDestination, PlanAction};
use model::Severity;
use model::rule::{AutoClose, RuleSettings};
use store::destinations::Settings;
use store::rules::Rule;
use testkit::{Story, databases, weakness};

fn ada() -> Actor {
    Actor { name: "Ada".into() }
}

async fn rule(story: &Story) -> Rule {
    let mut tx = story.engine.db().read().await.unwrap();
    store::rules::all(&mut tx).await.unwrap().remove(0)
}

fn closing(rule: &Rule, enabled: bool) -> RuleSettings {
    RuleSettings { auto_close: AutoClose { enabled, ..AutoClose::default() }, ..rule.settings.clone() }
}

async fn changed(story: &Story, change: impl FnOnce(&mut Settings)) -> NewDestination {
    let mut tx = story.engine.db().read().await.unwrap();
    let mut settings = store::destinations::get(&mut tx, story.destination).await.unwrap().unwrap().settings;
    change(&mut settings);
    NewDestination { connection_id: story.connection, binding: Default::default(), settings }
}

#[tokio::test]
async fn a_changed_map_says_which_work_items_it_changes_and_leaves_out_what_is_due_anyway() {
    for database in databases().await {
        let story = Story::on(database).begin().await;
        story.scan(&[weakness("a", "a.js", 1), weakness("b", "b.js", 1), weakness("c", "c.js", 1)]).await;
        story.settle().await;
        // One of them is to be closed now, whatever the map says.
        story.scan(&[weakness("a", "a.js", 1), weakness("b", "b.js", 1)]).await;
        // Another one was moved by a person, which nobody has followed yet.
        let open =
            story.tickets().await.into_iter().find(|ticket| ticket.title.contains("a in a.js")).unwrap();
        story.board.move_card(open.work_item_id.unwrap().0, "Active");
        let writes = story.board.writes();
        let urgent = |settings: &mut Settings| {
            if let Some(high) = settings.severity_map.0.get_mut(&Severity::High) {
                high.priority = if high.priority == 1 { 2 } else { 1 };
            }
        };
        let same = story
            .engine
            .plan_destination(story.destination, changed(&story, |new| new.name = "Another".into()).await)
            .await
            .unwrap();
        assert_eq!((same.tickets.len(), same.nothing), (0, 3), "{same:?}");
        let new = changed(&story, urgent).await;
        let plan = story.engine.plan_destination(story.destination, new.clone()).await.unwrap();
        let of_open: Vec<_> = plan.tickets.iter().filter(|row| row.action == PlanAction::Update).collect();
        assert_eq!(of_open.len(), 2, "{plan:?}");
        for row in &of_open {
            let names: Vec<&str> = row.fields.iter().map(|field| field.field.as_str()).collect();
            assert_eq!(names, ["Priority"], "{row:?}");
        }
        assert_eq!(story.board.writes(), writes, "nothing is written for a plan");
        let before = changed(&story, |_| {}).await.settings.severity_map;
        assert_ne!(before, new.settings.severity_map, "and nothing is saved");

        story.engine.change_destination(story.destination, new, &ada()).await.unwrap();
        story.settle().await;
        for row in of_open {
            let item = story.board.fields(row.work_item_id.unwrap().0);
            let priority = &item["Microsoft.VSTS.Common.Priority"];
            assert_eq!(priority.to_string(), row.fields[0].to, "it came true");
        }
    }
}

#[tokio::test]
async fn a_rule_that_is_to_close_says_what_it_closes_and_one_that_is_not_says_what_stays_open() {
    let story = Story::sqlite().await;
    let known = rule(&story).await;
    story.engine.change_rule(known.id, closing(&known, false), &ada()).await.unwrap();
    story.scan(&[weakness("a", "a.js", 1), weakness("b", "b.js", 1)]).await;
    story.settle().await;
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.settle().await;
    let writes = story.board.writes();

    let plan = story.engine.plan_rule(&closing(&known, true), Some(known.id)).await.unwrap();
    let rows: Vec<_> = plan.existing.tickets.iter().map(|row| (row.action, row.title.as_str())).collect();
    assert_eq!(rows, [(PlanAction::Close, "[High] b in b.js in shop")]);
    assert_eq!(plan.existing_unknown, None);
    assert_eq!((story.board.writes(), rule(&story).await.settings.auto_close.enabled), (writes, false));
    story.engine.change_rule(known.id, closing(&known, true), &ada()).await.unwrap();

    // Before that is carried out, somebody thinks of taking it back.
    let plan = story.engine.plan_rule(&closing(&known, false), Some(known.id)).await.unwrap();
    let row = &plan.existing.tickets[0];
    assert_eq!(row.action, PlanAction::Wait);
    assert!(row.reason.starts_with("what is due now would not be done any more"), "{row:?}");
    let closed = plan.existing.tickets.iter().find(|row| row.title.contains("b in b.js")).unwrap();
    story.settle().await;
    assert_eq!(story.board.state_of(closed.work_item_id.unwrap().0), "Closed");

    // What is not about work items that are there asks no board.
    let calls = story.board.requests();
    let renamed = RuleSettings { name: "Another name".into(), ..closing(&known, true) };
    let plan = story.engine.plan_rule(&renamed, Some(known.id)).await.unwrap();
    assert_eq!((plan.existing.tickets.len(), story.board.requests()), (0, calls));
}
