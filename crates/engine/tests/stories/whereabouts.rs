//! Stories of work items that are not where they were put: deleted, destroyed, hidden, moved, of another type, merged,
//! copied. Each is named on its ticket, offers its mends, and never makes a second one.

use chrono::Duration;
use engine::{Actor, offered};
use model::following::{DeletionPolicy, Repair, RepairKind};
use model::routing::Binding;
use model::{Status, WorkItemId};
use store::tickets::Health;
use testkit::{Fault, OTHER_PROJECT, Story, TestDatabase, weakness};

fn ada() -> Actor {
    Actor { name: "Ada".into() }
}

async fn with(policy: DeletionPolicy) -> (Story, i64) {
    let story = Story::on(TestDatabase::sqlite().await).on_deletion(policy).begin().await;
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.settle().await;
    let item = story.work_item();
    (story, item)
}

async fn health(story: &Story) -> Health {
    story.ticket().await.health
}

async fn repair(story: &Story, repair: Repair) {
    let id = story.ticket().await.id;
    story.engine.repair_ticket(id, repair, &ada()).await.unwrap();
    story.settle().await;
}

#[tokio::test]
async fn a_deleted_work_item_waits_for_a_person_unless_the_destination_says_otherwise() {
    let (story, item) = with(DeletionPolicy::Ask).await;
    story.board.delete(item);
    story.sweep().await;
    let ticket = story.ticket().await;
    assert_eq!(ticket.health, Health::Deleted);
    let problem = ticket.problem.unwrap();
    assert!(problem.contains("lies in the recycle bin of Webshop"), "{problem}");
    assert_eq!(
        offered(ticket.health, true),
        [RepairKind::Restore, RepairKind::Replace, RepairKind::Bind, RepairKind::Release]
    );
    assert_eq!(story.board.work_items(), Vec::<i64>::new(), "nothing is made or restored by itself");
    repair(&story, Repair::Restore).await;
    assert_eq!(story.work_item(), item);
    assert_eq!(health(&story).await, Health::InStep);
}

#[tokio::test]
async fn a_work_item_that_a_person_restores_goes_on_in_step() {
    let (story, item) = with(DeletionPolicy::Ask).await;
    story.board.delete(item);
    story.sweep().await;
    story.board.restore(item);
    story.board.move_card(item, "Active");
    story.sweep().await;
    assert_eq!((story.status().await, health(&story).await), (Status::InProgress, Health::InStep));
}

#[tokio::test]
async fn the_policy_restore_takes_it_back_out_of_the_recycle_bin_whatever_happens_to_the_answer() {
    for fault in [None, Some(Fault::LostBefore), Some(Fault::LostAfter), Some(Fault::Answered(503))] {
        let (story, item) = with(DeletionPolicy::Restore).await;
        story.board.delete(item);
        story.board.fail_writes(fault);
        story.sweep().await;
        for _ in 0..3 {
            story.wait(Duration::minutes(2));
            story.settle().await;
        }
        assert_eq!(story.work_item(), item, "{fault:?}");
        assert_eq!(health(&story).await, Health::InStep, "{fault:?}");
    }
}

#[tokio::test]
async fn what_changed_while_a_new_work_item_lay_in_the_recycle_bin_is_written_once_it_is_back() {
    let story = Story::on(TestDatabase::sqlite().await).on_deletion(DeletionPolicy::Restore).begin().await;
    // Nobody knows whether it was created; a person renames and deletes it, and a scan finds that it is worse.
    story.board.fail_writes([Fault::LostAfter]);
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.engine.step().await.unwrap();
    let item = story.work_item();
    story.board.edit(item, &[("System.Title", "Ours to fix".into())]);
    story.board.delete(item);
    let mut worse = weakness("a", "a.js", 1);
    worse["severity"] = "critical".into();
    story.wait(Duration::minutes(1));
    story.scan(&[worse]).await;
    for _ in 0..3 {
        story.wait(Duration::minutes(2));
        story.settle().await;
    }
    assert_eq!(story.work_item(), item);
    let fields = story.board.fields(item);
    assert_eq!(fields["Microsoft.VSTS.Common.Priority"], 1, "{fields}");
    assert_eq!(fields["System.Title"], "Ours to fix");
    assert!(story.ticket().await.conflicts.iter().any(|conflict| conflict.field == "Title"));
}

/// Found by the simulation, seed 2917.
#[tokio::test]
async fn what_was_ordered_and_said_before_a_creation_was_known_is_done_and_shown_once_it_is() {
    let story = Story::sqlite().await;
    story.board.fail_writes([Fault::LostAfter]);
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.engine.step().await.unwrap();
    let (item, ticket) = (story.work_item(), story.ticket().await.id);
    story.board.edit(item, &[("System.History", "What about this?".into())]);
    story.engine.repair_ticket(ticket, Repair::Release, &ada()).await.unwrap();
    for _ in 0..3 {
        story.wait(Duration::minutes(2));
        story.settle().await;
    }
    let ticket = story.ticket().await;
    assert_eq!((ticket.health, ticket.work_item_id), (Health::Released, Some(WorkItemId(item))));
    // The same without an order: what was said is shown.
    story.engine.repair_ticket(ticket.id, Repair::Replace, &ada()).await.unwrap();
    story.board.fail_writes([Fault::LostAfter]);
    story.engine.step().await.unwrap();
    let new = *story.board.work_items().iter().find(|id| **id != item).unwrap();
    story.board.edit(new, &[("System.History", "And about that?".into())]);
    for _ in 0..3 {
        story.wait(Duration::minutes(2));
        story.settle().await;
    }
    let mut tx = story.engine.db().read().await.unwrap();
    let said = store::comments::of_ticket(&mut tx, ticket.id).await.unwrap();
    assert!(said.iter().any(|comment| comment.text.contains("And about that?")), "{said:?}");
}

/// Found by the simulation, seed 3013.
#[tokio::test]
async fn a_ticket_that_had_ended_and_cannot_have_another_work_item_has_ended_again() {
    let (story, item) = with(DeletionPolicy::Ask).await;
    story.engine.release_ticket(story.ticket().await.id, &ada()).await.unwrap();
    story.settle().await;
    let other = story.board.bug("Ours");
    let ticket = story.ticket().await.id;
    let bind = Repair::Bind { work_item: WorkItemId(other) };
    story.engine.repair_ticket(ticket, bind, &ada()).await.unwrap();
    story.board.delete(other);
    story.settle().await;
    let ticket = story.ticket().await;
    assert_eq!((ticket.health, ticket.work_item_id), (Health::Released, Some(WorkItemId(item))));
    let log = story.log_of_tickets().await;
    assert!(log.iter().any(|(what, _)| what.contains("is not used")), "{log:?}");
    // And nothing more is written to the one it had.
    let writes = story.board.writes();
    story.scan(&[]).await;
    story.sweep().await;
    assert_eq!(story.board.writes(), writes);
}

#[tokio::test]
async fn a_policy_gives_way_to_people_who_delete_it_again_and_again() {
    let (story, item) = with(DeletionPolicy::Restore).await;
    for _ in 0..3 {
        story.board.delete(item);
        story.sweep().await;
        assert_eq!(story.work_item(), item);
    }
    story.board.delete(item);
    story.sweep().await;
    let ticket = story.ticket().await;
    assert_eq!(ticket.health, Health::Deleted);
    assert!(ticket.problem.unwrap().contains("several times"));
    assert_eq!(story.board.work_items(), Vec::<i64>::new());
}

#[tokio::test]
async fn the_policy_replace_makes_one_new_work_item_and_names_the_old_one_if_it_comes_back() {
    for fault in [
        None,
        Some(Fault::LostBefore),
        Some(Fault::LostAfter),
        Some(Fault::AppliedLater(Duration::seconds(30))),
    ] {
        let (story, old) = with(DeletionPolicy::Replace).await;
        let token = story.ticket().await.token;
        story.board.delete(old);
        story.board.fail_writes(fault);
        story.sweep().await;
        for _ in 0..3 {
            story.wait(Duration::minutes(2));
            story.settle().await;
        }
        let new = story.work_item();
        assert_ne!(new, old, "{fault:?}");
        let ticket = story.ticket().await;
        assert_eq!((ticket.health, ticket.work_item_id), (Health::InStep, Some(WorkItemId(new))));
        assert_ne!(ticket.token, token, "the look-up must not take the old one for the new one");
        story.board.restore(old);
        story.sweep().await;
        let ticket = story.ticket().await;
        assert_eq!((ticket.health, ticket.work_item_id), (Health::Copied, Some(WorkItemId(new))));
        assert!(ticket.problem.unwrap().contains(&old.to_string()));
        let writes = story.board.writes();
        story.board.move_card(old, "Active");
        story.sweep().await;
        assert_eq!(
            (story.status().await, story.board.writes()),
            (Status::Identified, writes),
            "it is not followed"
        );
        repair(&story, Repair::Ignore).await;
        assert_eq!(health(&story).await, Health::InStep);
    }
}

#[tokio::test]
async fn a_released_ticket_is_not_written_to_and_no_new_one_is_made_until_a_person_asks() {
    let (story, item) = with(DeletionPolicy::Release).await;
    story.board.delete(item);
    story.sweep().await;
    assert_eq!(health(&story).await, Health::Released);
    story.board.restore(item);
    let writes = story.board.writes();
    let mut worse = weakness("a", "a.js", 1);
    worse["severity"] = "critical".into();
    story.scan(&[worse]).await;
    story.sweep().await;
    assert_eq!((story.board.writes(), health(&story).await), (writes, Health::Released));
    assert_eq!(story.tickets().await.len(), 1);
    repair(&story, Repair::Replace).await;
    assert_eq!(story.board.work_items().len(), 2);
    let ticket = story.ticket().await;
    assert_ne!(ticket.work_item_id, Some(WorkItemId(item)));
}

#[tokio::test]
async fn a_work_item_that_was_deleted_while_its_creation_was_in_doubt_falls_under_the_same_policy() {
    for (policy, expected) in
        [(DeletionPolicy::Ask, Health::Deleted), (DeletionPolicy::Restore, Health::InStep)]
    {
        let story = Story::on(TestDatabase::sqlite().await).on_deletion(policy).begin().await;
        story.board.fail_writes([Fault::LostAfter]);
        story.scan(&[weakness("a", "a.js", 1)]).await;
        story.engine.step().await.unwrap();
        let item = story.work_item();
        story.board.delete(item);
        for _ in 0..3 {
            story.wait(Duration::minutes(2));
            story.settle().await;
        }
        assert_eq!(health(&story).await, expected);
        let live = if expected == Health::InStep { vec![item] } else { Vec::new() };
        assert_eq!(story.board.work_items(), live);
    }
}

#[tokio::test]
async fn a_destroyed_work_item_is_told_from_one_that_may_not_be_read_where_that_is_possible() {
    let (story, item) = with(DeletionPolicy::Replace).await;
    story.board.hide_area("Webshop\\Payments", true);
    story.sweep().await;
    assert_eq!(health(&story).await, Health::Missing);
    assert_eq!(story.board.work_items(), [item], "what cannot be read may be there: it is not replaced");
    story.board.hide_area("Webshop\\Payments", false);
    story.sweep().await;
    assert_eq!(health(&story).await, Health::InStep);

    let (story, item) = with(DeletionPolicy::Ask).await;
    story.board.delete(item);
    story.sweep().await;
    story.board.destroy_recycled(item);
    story.sweep().await;
    assert_eq!(health(&story).await, Health::Destroyed);
    repair(&story, Repair::Replace).await;
    assert_eq!(health(&story).await, Health::InStep);
    assert_ne!(story.work_item(), item);

    let (story, item) = with(DeletionPolicy::Replace).await;
    story.board.destroy(item);
    story.sweep().await;
    assert_eq!(health(&story).await, Health::Missing, "nobody saw it in the bin");
}

#[tokio::test]
async fn a_work_item_in_another_project_is_kept_in_step_with_the_states_there() {
    let (story, item) = with(DeletionPolicy::Ask).await;
    story.board.move_to_project(item, OTHER_PROJECT);
    story.sweep().await;
    let ticket = story.ticket().await;
    assert_eq!(ticket.health, Health::Moved);
    assert!(ticket.problem.unwrap().contains(OTHER_PROJECT));
    story.board.move_card(item, "Committed");
    story.sweep().await;
    assert_eq!(story.status().await, Status::InProgress, "a state there means what its category means");
    story.scan(&[]).await;
    story.sweep().await;
    assert_eq!(story.board.state_of(item), "Done");
    assert_eq!(health(&story).await, Health::Moved);
    repair(&story, Repair::FollowThere).await;
    assert_eq!(health(&story).await, Health::Closed);
    assert_eq!(story.board.work_items(), [item]);
}

#[tokio::test]
async fn a_moved_ticket_is_handed_over_to_a_destination_that_fits_and_to_no_other() {
    let (story, item) = with(DeletionPolicy::Ask).await;
    story.board.move_to_project(item, OTHER_PROJECT);
    story.sweep().await;
    let mut tx = story.engine.db().read().await.unwrap();
    let mut settings = store::destinations::all(&mut tx).await.unwrap().remove(0).settings;
    drop(tx);
    for text in [&mut settings.name, &mut settings.team, &mut settings.board, &mut settings.area] {
        text.clear();
    }
    settings.status_map = Default::default();
    let mut make = async |project: &str, asset: &str| {
        settings.project = project.into();
        let new = engine::NewDestination {
            connection_id: story.connection,
            binding: Binding::Asset { asset: asset.into() },
            settings: settings.clone(),
        };
        story.engine.create_destination(new, &ada()).await.unwrap()
    };
    let elsewhere = make("Webshop", "office").await;
    let there = make(OTHER_PROJECT, "archive").await;
    let id = story.ticket().await.id;
    let refused = story.engine.repair_ticket(id, Repair::HandOver { destination: elsewhere }, &ada()).await;
    assert!(refused.unwrap_err().detail.contains("another project"));
    repair(&story, Repair::HandOver { destination: there }).await;
    let ticket = story.ticket().await;
    assert_eq!((ticket.health, ticket.destination_id), (Health::InStep, there));
    story.scan(&[]).await;
    story.sweep().await;
    assert_eq!(story.board.state_of(item), "Done");
}

#[tokio::test]
async fn a_work_item_of_another_type_is_read_with_the_process_of_that_type() {
    let (story, item) = with(DeletionPolicy::Ask).await;
    story.board.edit(item, &[("System.WorkItemType", "Task".into())]);
    story.sweep().await;
    let ticket = story.ticket().await;
    assert_eq!(ticket.health, Health::TypeChanged);
    assert!(ticket.problem.unwrap().contains("Task"));
    story.board.move_card(item, "Active");
    story.sweep().await;
    assert_eq!(story.status().await, Status::InProgress);
    story.scan(&[]).await;
    story.sweep().await;
    assert_eq!(story.board.state_of(item), "Closed");
    assert_eq!(story.board.work_items(), [item]);
}

#[tokio::test]
async fn a_duplicate_is_no_claim_of_a_fix_and_is_not_reopened() {
    let (story, item) = with(DeletionPolicy::Ask).await;
    let other = story.board.bug("The same thing");
    story.board.merge_into(item, other);
    story.sweep().await;
    let ticket = story.ticket().await;
    assert_eq!((story.status().await, ticket.health), (Status::Identified, Health::Merged));
    assert!(ticket.problem.unwrap().contains(&format!("duplicate of work item {other}")));
    let writes = story.board.writes();
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.sweep().await;
    assert_eq!((story.board.writes(), story.board.state_of(item)), (writes, "Closed".into()));
    repair(&story, Repair::Bind { work_item: WorkItemId(other) }).await;
    let ticket = story.ticket().await;
    assert_eq!((ticket.health, ticket.work_item_id), (Health::InStep, Some(WorkItemId(other))));
    assert!(story.board.marks(other).0.contains(&ticket.token));
    story.scan(&[]).await;
    story.sweep().await;
    assert_eq!(story.board.state_of(other), "Closed");
    assert_eq!(health(&story).await, Health::Closed);
}

#[tokio::test]
async fn a_duplicate_goes_on_when_people_reopen_it_or_say_so_here() {
    let (story, item) = with(DeletionPolicy::Ask).await;
    let other = story.board.bug("The same thing");
    story.board.merge_into(item, other);
    story.sweep().await;
    story.board.move_card(item, "Active");
    story.sweep().await;
    assert_eq!((story.status().await, health(&story).await), (Status::InProgress, Health::InStep));
    story.board.move_card(item, "Closed");
    story.sweep().await;
    assert_eq!(health(&story).await, Health::Merged);
    repair(&story, Repair::Ignore).await;
    assert_eq!((story.status().await, health(&story).await), (Status::AwaitingValidation, Health::InStep));
}

#[tokio::test]
async fn a_copy_is_named_and_not_followed_and_may_take_the_place_of_the_first() {
    let (story, item) = with(DeletionPolicy::Ask).await;
    let copy = story.board.copy(item);
    story.sweep().await;
    let ticket = story.ticket().await;
    assert_eq!((ticket.health, ticket.work_item_id), (Health::Copied, Some(WorkItemId(item))));
    assert!(ticket.problem.unwrap().contains(&copy.to_string()));
    story.board.move_card(copy, "Active");
    story.sweep().await;
    assert_eq!(story.status().await, Status::Identified);
    repair(&story, Repair::Bind { work_item: WorkItemId(copy) }).await;
    story.sweep().await;
    let ticket = story.ticket().await;
    assert_eq!((ticket.health, ticket.work_item_id), (Health::InStep, Some(WorkItemId(copy))));
    assert_eq!(story.status().await, Status::InProgress);
    story.board.move_card(item, "Closed");
    story.sweep().await;
    assert_eq!(story.status().await, Status::InProgress, "the first one is not followed any more");
}

#[tokio::test]
async fn a_block_that_people_edited_in_a_copy_stays_when_the_copy_is_followed() {
    const TEXT: &str = "Microsoft.VSTS.TCM.ReproSteps";
    for edits in [false, true] {
        let (story, item) = with(DeletionPolicy::Ask).await;
        let text = |id: i64| story.board.fields(id)[TEXT].as_str().unwrap().to_owned();
        let copy = story.board.copy(item);
        story.sweep().await;
        if edits {
            story.board.edit(copy, &[(TEXT, text(copy).replace("a.js", "the file a.js").into())]);
        }
        let before = text(copy);
        repair(&story, Repair::Bind { work_item: WorkItemId(copy) }).await;
        // What is to be said changes after that.
        story.scan(&[weakness("a", "a.js", 20)]).await;
        story.settle().await;
        let ticket = story.ticket().await;
        let conflicts: Vec<&str> = ticket.conflicts.iter().map(|one| one.field.as_str()).collect();
        let expected: &[&str] = if edits { &["Description"] } else { &[] };
        assert_eq!((text(copy) == before, conflicts.as_slice()), (edits, expected));
    }
}

#[tokio::test]
async fn a_copy_that_people_delete_is_forgotten() {
    let (story, item) = with(DeletionPolicy::Ask).await;
    let copy = story.board.copy(item);
    story.sweep().await;
    assert_eq!(health(&story).await, Health::Copied);
    story.board.delete(copy);
    story.sweep().await;
    assert_eq!(health(&story).await, Health::InStep);
}

#[tokio::test]
async fn a_mend_that_does_not_fit_is_refused_with_a_reason() {
    let (story, _) = with(DeletionPolicy::Ask).await;
    let id = story.ticket().await.id;
    let refused = story.engine.repair_ticket(id, Repair::Restore, &ada()).await.unwrap_err();
    assert_eq!(refused.code, "repair_impossible");
    assert!(refused.detail.contains("in_step"), "{}", refused.detail);
}

async fn feed(story: &Story) -> store::connections::Feed {
    let mut tx = story.engine.db().read().await.unwrap();
    store::connections::get(&mut tx, story.connection).await.unwrap().unwrap().feed
}

#[tokio::test]
async fn where_only_the_feeds_of_projects_may_be_read_changes_are_followed_from_those() {
    let story = Story::sqlite().await;
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.settle().await;
    let item = story.work_item();
    story.board.forbid_feed_of_organization(true);
    story.board.move_card(item, "Active");
    story.wait(Duration::minutes(2));
    story.settle().await;
    assert_eq!(story.status().await, Status::InProgress);
    let read_of = feed(&story).await.projects.map(|cursors| cursors.into_keys().collect::<Vec<_>>());
    assert_eq!(read_of, Some(vec!["Webshop".to_owned()]));

    story.board.forbid_feed_of_organization(false);
    story.board.move_card(item, "New");
    story.sweep().await;
    story.wait(Duration::minutes(2));
    story.settle().await;
    assert_eq!(story.status().await, Status::Identified);
    assert_eq!(feed(&story).await.projects, None, "the feed of everything is read again");
}
