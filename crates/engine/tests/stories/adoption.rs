//! Stories of work items that people made and that findings use instead of new ones.

use chrono::Duration;
use engine::{Actor, Adoption, AdoptionPair, AdoptionQuery, MatchedBy};
use model::following::Repair;
use model::{Status, WorkItemId};
use serde_json::json;
use store::tickets::Health;
use testkit::{Fault, Story, TestDatabase, weakness};

fn ada() -> Actor {
    Actor { name: "Ada".into() }
}

/// A finding whose ticket waits for tomorrow's budget: it has no work item.
async fn without_work_item() -> Story {
    let story = Story::on(TestDatabase::sqlite().await).budget(1).begin().await;
    story.scan(&[weakness("other", "other.js", 1)]).await;
    story.settle().await;
    story.scan(&[weakness("other", "other.js", 1), weakness("a", "a.js", 1)]).await;
    story.settle().await;
    story
}

async fn pair(story: &Story, number: usize, work_item: i64) -> AdoptionPair {
    let ticket = story.tickets().await.remove(number);
    let mut tx = story.engine.db().read().await.unwrap();
    let finding = store::findings::of_ticket(&mut tx, ticket.id).await.unwrap().remove(0).id;
    AdoptionPair { finding, work_item: work_item.to_string() }
}

#[tokio::test]
async fn an_existing_work_item_is_used_instead_of_a_new_one_and_stays_what_people_made_of_it() {
    for fault in [None, Some(Fault::LostAfter), Some(Fault::LostBefore)] {
        let story = without_work_item().await;
        let theirs = story.board.bug("Please look at a.js");
        story.board.edit(theirs, &[("Microsoft.VSTS.TCM.ReproSteps", "<p>Seen by Ben.</p>".into())]);
        story.board.edit(theirs, &[("System.State", "Active".into()), ("System.Tags", "team-1".into())]);
        let pairs = vec![pair(&story, 1, theirs).await];
        let plan = story.engine.plan_adoptions(&Adoption::Pairs(pairs.clone())).await.unwrap();
        assert_eq!(plan[0].refused, None);
        assert_eq!(plan[0].matched_by, Some(MatchedBy::Number));
        let fields: Vec<&str> = plan[0].fields.iter().map(|change| change.field.as_str()).collect();
        assert_eq!(fields, ["Description", "Tags", "Link"]);
        let writes = story.board.writes();
        assert_eq!(story.board.work_items().len(), 2, "a plan does nothing");
        story.board.fail_writes(fault);
        let rows = story.engine.adopt_work_items(pairs, &ada()).await.unwrap();
        assert_eq!(rows[0].refused, None);
        for _ in 0..3 {
            story.settle().await;
            story.wait(Duration::minutes(2));
        }
        let ticket = story.tickets().await.remove(1);
        assert_eq!(
            (ticket.work_item_id, ticket.health),
            (Some(WorkItemId(theirs)), Health::InStep),
            "{fault:?}"
        );
        let (text, tags, links) = story.board.marks(theirs);
        assert!(text.starts_with("<p>Seen by Ben.</p>") && text.contains(&ticket.token), "{text}");
        assert!(tags.contains("team-1") && tags.contains("lockstep"), "{tags}");
        assert_eq!(links, 1);
        assert_eq!(story.board.fields(theirs)["System.Title"], "Please look at a.js");
        assert_eq!(story.board.state_of(theirs), "Active", "where people put the card is what it means");
        assert_eq!(story.statuses().await[0].1, Status::InProgress);
        assert!(story.board.writes() <= writes + 2);
        // The next day has a budget, and nothing is created for it.
        story.wait(Duration::days(1));
        story.settle().await;
        assert_eq!(story.board.work_items().len(), 2, "{fault:?}");
    }
}

#[tokio::test]
async fn a_creation_that_is_in_doubt_is_settled_before_another_work_item_is_used() {
    let story = Story::sqlite().await;
    let theirs = story.board.bug("Ours");
    story.board.fail_writes([Fault::AppliedLater(Duration::seconds(30))]);
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.engine.step().await.unwrap();
    let pairs = vec![pair(&story, 0, theirs).await];
    story.engine.adopt_work_items(pairs, &ada()).await.unwrap();
    story.engine.step().await.unwrap();
    assert_eq!(story.ticket().await.work_item_id, None, "its outcome is not known yet");
    for _ in 0..4 {
        story.wait(Duration::minutes(1));
        story.settle().await;
    }
    let ticket = story.ticket().await;
    let bound = ticket.work_item_id.unwrap().0;
    let marked: Vec<i64> = story
        .board
        .work_items()
        .into_iter()
        .filter(|id| story.board.marks(*id).0.contains(&ticket.token))
        .collect();
    assert_eq!(marked, [bound]);
    assert_eq!(story.board.work_items().len(), 2);
}

#[tokio::test]
async fn what_cannot_be_used_is_refused_with_its_reason() {
    let story = without_work_item().await;
    let first = story.tickets().await[0].work_item_id.unwrap().0;
    let closed = story.board.bug("Closed");
    story.board.move_card(closed, "Closed");
    let other_type = story.board.bug("A task");
    story.board.edit(other_type, &[("System.WorkItemType", "Task".into())]);
    let deleted = story.board.bug("Deleted");
    story.board.delete(deleted);
    let copy = story.board.copy(first);
    let mut why = Vec::new();
    for id in [first, closed, other_type, deleted, copy] {
        let plan =
            story.engine.plan_adoptions(&Adoption::Pairs(vec![pair(&story, 1, id).await])).await.unwrap();
        why.push(plan[0].refused.clone().unwrap_or_default());
    }
    for (why, word) in
        why.iter().zip(["belongs to the ticket", "is closed", "is a Task", "was deleted", "carries the key"])
    {
        assert!(why.contains(word), "{why:?} says {word}");
    }
    let taken = pair(&story, 0, closed).await;
    let plan = story.engine.plan_adoptions(&Adoption::Pairs(vec![taken])).await.unwrap();
    assert!(plan[0].refused.as_deref().unwrap().contains("has work item"), "{plan:?}");
}

#[tokio::test]
async fn many_are_found_by_a_query_and_recognised_by_what_stands_in_them() {
    let story = Story::on(TestDatabase::sqlite().await).budget(1).begin().await;
    let found: Vec<_> = ["x", "b", "c", "d"].map(|path| weakness("sql", &format!("{path}.js"), 1)).into();
    story.scan(&found[..1]).await;
    story.settle().await;
    story.scan(&found).await;
    story.settle().await;
    let mut tx = story.engine.db().read().await.unwrap();
    let rows = tx.all("SELECT id, title, fingerprint FROM finding ORDER BY title", vec![]).await.unwrap();
    let of = |path: &str| {
        let row = rows.iter().find(|row| row.text("title").unwrap().contains(&format!("{path}.js"))).unwrap();
        (row.uuid("id").unwrap().to_string(), row.text("title").unwrap(), row.text("fingerprint").unwrap())
    };
    drop(tx);
    let by_title = story.board.bug(&of("b").1);
    let by_id = story.board.bug("An old one");
    let text = format!("See https://old.example/findings/{}", of("c").0);
    story.board.edit(by_id, &[("Microsoft.VSTS.TCM.ReproSteps", text.into())]);
    let by_fingerprint = story.board.bug("Another old one");
    story.board.edit(by_fingerprint, &[("Microsoft.VSTS.TCM.ReproSteps", of("d").2.into())]);
    let stranger = story.board.bug("Something else");
    let query = "SELECT [System.Id] FROM WorkItems WHERE [System.WorkItemType] = 'Bug' ORDER BY [System.Id]";
    let saved = story.board.act(
        "POST",
        "Webshop/_apis/wit/queries/Shared%20Queries?api-version=7.1",
        "application/json",
        &json!({ "name": "All bugs", "wiql": query }),
    );
    let page =
        format!("https://boards.example/contoso/Webshop/_queries/query/{}/", saved["id"].as_str().unwrap());
    for query in [AdoptionQuery::Text(query.into()), AdoptionQuery::Saved(page)] {
        let adoption = Adoption::Query { connection: story.connection, query };
        let plan = story.engine.plan_adoptions(&adoption).await.unwrap();
        let row = |id: i64| plan.iter().find(|row| row.work_item == Some(WorkItemId(id))).unwrap();
        assert_eq!((row(by_title).matched_by, &row(by_title).refused), (Some(MatchedBy::Title), &None));
        assert_eq!((row(by_id).matched_by, &row(by_id).refused), (Some(MatchedBy::FindingId), &None));
        assert_eq!(row(by_fingerprint).matched_by, Some(MatchedBy::Fingerprint));
        assert_eq!(row(stranger).refused.as_deref(), Some("no open finding fits it"));
        assert_eq!(plan.len(), 5, "the one of Lockstep is there, too");
    }
    let adoption = Adoption::Query { connection: story.connection, query: AdoptionQuery::Text(query.into()) };
    let plan = story.engine.plan_adoptions(&adoption).await.unwrap();
    let pairs: Vec<AdoptionPair> = plan
        .iter()
        .filter(|row| row.refused.is_none())
        .map(|row| AdoptionPair {
            finding: row.finding.unwrap(),
            work_item: row.work_item.unwrap().to_string(),
        })
        .collect();
    assert_eq!(pairs.len(), 3);
    story.engine.adopt_work_items(pairs, &ada()).await.unwrap();
    story.settle().await;
    story.wait(Duration::days(1));
    story.settle().await;
    assert_eq!(story.board.work_items().len(), 5, "nothing is created for what has one");
    let bound: Vec<i64> =
        story.tickets().await.iter().filter_map(|ticket| ticket.work_item_id).map(|id| id.0).collect();
    assert_eq!(bound.len(), 4);
    for id in [by_title, by_id, by_fingerprint] {
        assert!(bound.contains(&id));
    }
}

#[tokio::test]
async fn a_work_item_that_is_used_for_a_finding_fixed_meanwhile_gets_its_marks_and_is_closed_then() {
    let story = without_work_item().await;
    let theirs = story.board.bug("Please look at a.js");
    let ticket = story.tickets().await.remove(1).id;
    let bind = Repair::Bind { work_item: WorkItemId(theirs) };
    story.engine.repair_ticket(ticket, bind, &ada()).await.unwrap();
    // Before it is carried out, a scan proves the fix.
    story.scan(&[weakness("other", "other.js", 1)]).await;
    story.settle().await;
    let (text, _, links) = story.board.marks(theirs);
    assert!(text.contains(&story.tickets().await[1].token) && links == 1, "{text}");
    assert_eq!(story.board.state_of(theirs), "Closed");
    assert_eq!(story.statuses().await[0].1, Status::Fixed);
}
