//! Links between work items, the history that tells of them, and the move to another project.

use azure::{Error, ItemShape, Link, LinkKind, LinkTarget, Relocation};
use chrono::Duration;
use emulator::seed::{ProcessKind, ProjectSeed, Seed};
use model::WorkItemId;
use serde_json::json;

use crate::against_emulator::{World, state};
use crate::support::{Bench, ok};

fn to(kind: LinkKind, id: WorkItemId) -> Link {
    Link {
        target: LinkTarget::WorkItem { kind, id },
        comment: String::new(),
        name: String::new(),
        size: None,
    }
}

#[tokio::test]
async fn a_parent_is_linked_found_from_both_sides_and_taken_away_again() {
    let world = World::new().await;
    let (parent, child) = (world.create("parent").await, world.create("child").await);
    let link = Link { comment: "split off".into(), ..to(LinkKind::Parent, parent.id()) };
    let linked = world.client.link(child.id(), &link, world.soon()).await.unwrap();
    assert_eq!(linked.revision(), child.revision(), "a link between items makes no revision");
    assert!(linked.links().iter().any(|own| own.target == link.target && own.comment == "split off"));
    let below = LinkTarget::WorkItem { kind: LinkKind::Child, id: child.id() };
    assert!(world.read(&parent).await.links().iter().any(|own| own.target == below));

    let again = world.client.link(child.id(), &link, world.soon()).await.expect("there already is fine");
    assert_eq!(again.links().len(), linked.links().len());
    let other = world.create("other").await;
    let second = world.client.link(child.id(), &to(LinkKind::Parent, other.id()), world.soon()).await;
    assert!(matches!(second, Err(Error::Rejected { .. })), "one parent is all an item may have: {second:?}");

    world.client.link(child.id(), &to(LinkKind::Related, other.id()), world.soon()).await.unwrap();
    let left = world.client.unlink(child.id(), &link.target, world.soon()).await.unwrap();
    let targets: Vec<_> = left.links().into_iter().map(|own| own.target).collect();
    assert!(!targets.contains(&link.target));
    assert!(
        targets.contains(&LinkTarget::WorkItem { kind: LinkKind::Related, id: other.id() }),
        "{targets:?}"
    );
    assert!(targets.iter().any(|own| matches!(own, LinkTarget::Page { .. })), "the page is still linked");
    world.client.unlink(child.id(), &link.target, world.soon()).await.expect("gone already is fine");
}

#[tokio::test]
async fn a_page_is_unlinked_whatever_place_it_has() {
    let world = World::new().await;
    let made = world.create("A").await;
    let page = LinkTarget::Page { url: "https://lockstep.example/t/k1".into() };
    let left = world.client.unlink(made.id(), &page, world.soon()).await.unwrap();
    assert!(left.links().is_empty() && left.hyperlinks().is_empty());
}

#[tokio::test]
async fn when_the_links_changed_in_the_same_moment_the_outcome_is_not_believed() {
    let related = |id: i64| json!({"rel": "System.LinkTypes.Related", "url": format!("https://dev.azure.com/c/p/_apis/wit/workItems/{id}")});
    let item = |links: Vec<serde_json::Value>| json!({"id": 1, "rev": 4, "relations": links});
    // Somebody put another link in front after we had looked.
    let bench = Bench::new([
        ok(json!({"value": [item(vec![related(2), related(3)])]})),
        ok(item(vec![related(3), related(9)])),
    ]);
    let target = LinkTarget::WorkItem { kind: LinkKind::Related, id: WorkItemId(3) };
    let error = bench.client.unlink(WorkItemId(1), &target, bench.soon()).await.unwrap_err();
    assert!(matches!(error, Error::UnknownOutcome { .. }), "{error:?}");
    let patch = bench.script.sent()[1].json();
    assert_eq!(
        patch,
        json!([{"op": "test", "path": "/rev", "value": 4}, {"op": "remove", "path": "/relations/1"}])
    );
}

#[tokio::test]
async fn links_are_known_by_what_they_lead_to_whatever_their_address_looks_like() {
    let item: azure::Item = serde_json::from_value(json!({"id": 1, "rev": 1, "relations": [
        {"rel": "System.LinkTypes.Duplicate-Reverse", "url": "https://old.visualstudio.com/DefaultCollection/_apis/wit/workItems/7"},
        {"rel": "AttachedFile", "url": "https://dev.azure.com/o/8f0e/_apis/wit/attachments/0ABC-1?fileName=x.txt",
            "attributes": {"name": "x.txt", "resourceSize": 12, "comment": "c"}},
        {"rel": "ArtifactLink", "url": "vstfs:///Git/Commit/1"},
        {"rel": "System.LinkTypes.Affects-Forward", "url": "https://dev.azure.com/o/p/_apis/wit/workItems/8"}]}))
    .unwrap();
    let links = item.links();
    assert_eq!(links[0].target, LinkTarget::WorkItem { kind: LinkKind::DuplicateOf, id: WorkItemId(7) });
    assert_eq!(links[1].target, LinkTarget::Attachment { id: "0abc-1".into() });
    assert_eq!((links[1].name.as_str(), links[1].size, links[1].comment.as_str()), ("x.txt", Some(12), "c"));
    assert_eq!(links[2].target, LinkTarget::Artifact { url: "vstfs:///Git/Commit/1".into() });
    let other = LinkKind::Other("System.LinkTypes.Affects-Forward".into());
    assert_eq!(links[3].target, LinkTarget::WorkItem { kind: other, id: WorkItemId(8) });
}

#[tokio::test]
async fn a_change_of_links_alone_is_seen_in_the_feed_of_links_and_in_the_history() {
    let world = World::new().await;
    let (one, two) = (world.create("one").await, world.create("two").await);
    let start = world.client.changes(None, None).await.unwrap().cursor;
    let links = world.client.link_changes(None, None, None).await.unwrap();
    assert!(links.is_last);
    world.clock.advance(Duration::seconds(60));
    let link = to(LinkKind::Duplicate, two.id());
    world.client.link(one.id(), &link, world.soon()).await.unwrap();
    world.client.unlink(one.id(), &link.target, world.soon()).await.unwrap();

    let quiet = world.client.changes(start.as_deref(), None).await.unwrap();
    assert_eq!(quiet.changes, [], "the feed of revisions says nothing of it");
    let page = world.client.link_changes(None, links.cursor.as_deref(), None).await.unwrap();
    let seen: Vec<_> = page
        .changes
        .iter()
        .filter(|change| change.source == one.id())
        .map(|change| (change.target, change.kind.clone(), change.removed))
        .collect();
    assert_eq!(seen, [(two.id(), LinkKind::Duplicate, false), (two.id(), LinkKind::Duplicate, true)]);
    assert_eq!(page.changes[0].changed_by.display_name, "Lockstep Service");
    assert!(page.changes[0].changed_at.is_some());
    let next = world.client.link_changes(None, page.cursor.as_deref(), None).await.unwrap();
    assert_eq!((next.changes.len(), next.is_last), (0, true));
    assert!(!world.client.link_changes(Some("Webshop"), None, None).await.unwrap().changes.is_empty());

    let history = world.client.updates(one.id(), 1).await.unwrap();
    assert_eq!(history.len(), 2);
    assert_eq!(history[0].links_added[0].target, link.target);
    assert_eq!(history[1].links_removed[0].target, link.target);
    assert!(history.iter().all(|update| update.revision == one.revision() && update.fields.is_empty()));
}

#[tokio::test]
async fn the_history_says_who_changed_what_from_what_and_when() {
    let world = World::new().await;
    let made = world.create("A").await;
    world.clock.advance(Duration::seconds(60));
    let at = azure::Clock::now(&*world.clock);
    world.change(&made, &state("Active")).await.unwrap();
    let history = world.client.updates(made.id(), 0).await.unwrap();
    assert_eq!(
        history.iter().map(|update| (update.id, update.revision)).collect::<Vec<_>>(),
        [(1, 1), (2, 2)]
    );
    let field = &history[1].fields["System.State"];
    assert_eq!(
        (field.old_value.as_ref(), field.new_value.as_ref()),
        (Some(&json!("New")), Some(&json!("Active")))
    );
    assert_eq!(history[1].by.display_name, "Lockstep Service");
    assert_eq!(history[1].at, Some(at));
    let me = world.client.check().await.unwrap();
    assert_eq!(history[1].by.id, me.id);
    assert_eq!(world.client.updates(made.id(), 2).await.unwrap(), []);
    let now = world.client.read(&[made.id()]).await.unwrap().remove(0);
    world.change(&now, &state("Closed")).await.unwrap();
    let later = world.client.revisions_after(made.id(), 1, 1).await.unwrap();
    assert_eq!(later.iter().map(azure::Item::revision).collect::<Vec<_>>(), [2], "as it was, not as it is");
    assert!(world.client.revisions_after(made.id(), 3, 5).await.unwrap().is_empty());
}

#[tokio::test]
async fn all_pages_of_the_history_are_read() {
    let page = |from: i64, count: i64| {
        let updates: Vec<_> = (from..from + count).map(|id| json!({"id": id, "rev": id})).collect();
        ok(json!({"count": count, "value": updates}))
    };
    let bench = Bench::new([page(1, 200), page(201, 1)]);
    assert_eq!(bench.client.updates(WorkItemId(1), 0).await.unwrap().len(), 201);
    assert!(bench.script.sent()[1].url.contains("skip=200"));
}

#[tokio::test]
async fn a_work_item_moves_to_another_project_and_becomes_another_type_under_its_number() {
    let mut seed = Seed::demo();
    seed.organizations[0].projects.push(ProjectSeed::new("Tools", ProcessKind::Agile));
    let world = World::of(seed).await;
    let made = world.create("A").await;
    let there = Relocation {
        project: "Tools".into(),
        area: "Tools".into(),
        iteration: "Tools".into(),
        work_item_type: Some("Task".into()),
        state: None,
    };
    let stale = world.client.relocate(made.id(), 99, &there, world.soon()).await.unwrap_err();
    assert!(matches!(stale, Error::RevisionMoved { .. }), "{stale:?}");
    world.client.relocate(made.id(), made.revision(), &there, world.soon()).await.unwrap();
    let view = world.read(&made).await.view(&ItemShape::plain("Tools", "Task"));
    assert_eq!((view.id, view.project.as_str(), view.work_item_type.as_str()), (made.id(), "Tools", "Task"));
    assert_eq!((view.area.as_str(), view.title.as_str()), ("Tools", "A"));
    let nowhere = Relocation { area: "Tools\\No such".into(), ..there };
    let error = world.client.relocate(made.id(), view.revision, &nowhere, world.soon()).await.unwrap_err();
    assert!(matches!(error, Error::Rejected { .. }), "{error:?}");
}
