//! What people do with tickets by hand, and what comes of it on the board. Nothing is written twice, whatever happens.

use chrono::Duration;
use engine::{Actor, ClosingChoice, NewDestination, NewTicket, StatusChange};
use model::following::Repair;
use model::routing::Binding;
use model::{DestinationId, FindingId, Status, TicketId, WorkItemId};
use serde_json::{Value, json};
use store::args;
use store::tickets::Health;
use testkit::{Fault, OTHER_PROJECT, Story, TestDatabase, databases, weakness};

fn ada() -> Actor {
    Actor { name: "Ada".into() }
}

async fn findings(story: &Story) -> Vec<FindingId> {
    let mut tx = story.engine.db().read().await.unwrap();
    let rows = tx.all("SELECT id FROM finding ORDER BY title, id", args![]).await.unwrap();
    rows.iter().map(|row| row.id("id").unwrap()).collect()
}

/// Without a rule nobody makes tickets but people.
async fn without_rules(story: &Story) {
    let mut tx = story.engine.db().read().await.unwrap();
    let rules = store::rules::all(&mut tx).await.unwrap();
    drop(tx);
    for rule in rules {
        story.engine.delete_rule(rule.id, &ada()).await.unwrap();
    }
}

async fn other_destination(story: &Story, project: &str, work_item_type: &str, team: &str) -> DestinationId {
    let mut tx = story.engine.db().read().await.unwrap();
    let known = store::destinations::get(&mut tx, story.destination).await.unwrap().unwrap();
    drop(tx);
    let settings = store::destinations::Settings {
        name: String::new(),
        project: project.into(),
        team: team.into(),
        board: String::new(),
        area: String::new(),
        iteration: Default::default(),
        work_item_type: work_item_type.into(),
        status_map: Default::default(),
        ..known.settings
    };
    let binding = Binding::Asset { asset: format!("other {project}") };
    let new = NewDestination { connection_id: story.connection, binding, settings };
    story.engine.create_destination(new, &ada()).await.unwrap()
}

fn links(story: &Story, item: i64) -> Vec<(String, i64)> {
    let path = format!("_apis/wit/workitems/{item}?$expand=relations&api-version=7.1");
    let item = story.board.act("GET", &path, "application/json", &Value::Null);
    let relations = item["relations"].as_array().cloned().unwrap_or_default();
    let number = |link: &Value| link["url"].as_str()?.rsplit('/').next()?.parse().ok();
    relations.iter().filter_map(|link| Some((link["rel"].as_str()?.to_owned(), number(link)?))).collect()
}

async fn number(story: &Story, ticket: TicketId) -> i64 {
    let tickets = story.tickets().await;
    tickets.iter().find(|known| known.id == ticket).unwrap().work_item_id.unwrap().0
}

#[tokio::test]
async fn chosen_findings_get_one_work_item_in_the_chosen_state() {
    for database in databases().await {
        let story = Story::on(database).begin().await;
        without_rules(&story).await;
        story.scan(&[weakness("a", "a.js", 1), weakness("b", "b.js", 2)]).await;
        story.settle().await;
        assert_eq!(story.board.work_items(), Vec::<i64>::new(), "no rule, no work item");
        let states = story.engine.initial_states(story.destination).await.unwrap();
        let names: Vec<&str> = states.iter().map(|state| state.state.as_str()).collect();
        assert_eq!(names, ["New", "Active"], "those that say that the findings are open");
        let new =
            NewTicket { findings: findings(&story).await, destination: None, state: Some("active".into()) };
        let refused = NewTicket { state: Some("Closed".into()), ..new.clone() };
        let refused = story.engine.create_ticket(refused, &ada()).await.unwrap_err();
        assert!(refused.next_step.contains("New, Active"), "{}", refused.next_step);
        story.engine.create_ticket(new.clone(), &ada()).await.unwrap();
        // The answer to the creation is lost: it is looked up, and walked on from there.
        story.board.fail_writes([Fault::LostAfter]);
        story.settle().await;
        story.settle().await;
        assert_eq!(story.board.state_of(story.work_item()), "Active");
        assert_eq!(story.ticket().await.health, Health::InStep);
        for (_, status) in story.statuses().await {
            assert_eq!(status, Status::InProgress, "what the state says is what the findings are");
        }
        let writes = story.board.writes();
        story.sweep().await;
        assert_eq!(story.board.writes(), writes, "and then nothing more is written");
        let again = story.engine.create_ticket(new, &ada()).await.unwrap_err();
        assert_eq!(again.code, "finding_has_ticket");
    }
}

/// Found by the simulation, seed 1287.
#[tokio::test]
async fn findings_in_progress_whose_new_work_item_begins_at_the_beginning_are_in_progress_no_more() {
    let story = Story::sqlite().await;
    without_rules(&story).await;
    story.scan(&[weakness("a", "a.js", 1)]).await;
    let all = findings(&story).await;
    let change = StatusChange { status: Status::InProgress, reason: None, temporary: None };
    story.engine.set_status(all[0], change, &ada()).await.unwrap();
    let new = NewTicket { findings: all, state: Some("New".into()), ..NewTicket::default() };
    story.engine.create_ticket(new, &ada()).await.unwrap();
    story.settle().await;
    assert_eq!(story.board.state_of(story.work_item()), "New");
    assert_eq!(story.status().await, Status::Identified);
}

#[tokio::test]
async fn findings_are_added_to_a_ticket_and_split_off_again() {
    let story = Story::sqlite().await;
    without_rules(&story).await;
    story.scan(&[weakness("a", "a.js", 1), weakness("b", "b.js", 2)]).await;
    let all = findings(&story).await;
    let one = NewTicket { findings: vec![all[0]], ..NewTicket::default() };
    let first = story.engine.create_ticket(one, &ada()).await.unwrap();
    story.settle().await;
    story.engine.add_findings(first, &all[1..], &ada()).await.unwrap();
    story.settle().await;
    let title = story.board.fields(story.work_item())["System.Title"].as_str().unwrap().to_owned();
    assert!(title.contains("(2 places)"), "{title}");

    let all_of_them = story.engine.split_ticket(first, &all, None, "", &ada()).await.unwrap_err();
    assert_eq!(all_of_them.code, "nothing_to_split");
    let second = story.engine.split_ticket(first, &all[1..], None, "Another team.", &ada()).await.unwrap();
    story.settle().await;
    story.settle().await;
    let (one, two) = (number(&story, first).await, number(&story, second).await);
    assert_eq!(links(&story, two), [("System.LinkTypes.Related".to_owned(), one)]);
    let said = story.board.comments(one).join("|");
    assert!(
        said.contains("1 finding has a work item of their own now") && said.contains("Another team."),
        "{said}"
    );
    let said = story.board.comments(two).join("|");
    assert!(said.contains(&format!("Split off from work item {one}.")), "{said}");
    let tickets = story.tickets().await;
    assert!(tickets.iter().all(|ticket| ticket.health == Health::InStep), "{tickets:?}");
}

#[tokio::test]
async fn two_tickets_become_one_and_the_other_is_closed_as_its_duplicate() {
    let story = Story::sqlite().await;
    story.scan(&[weakness("a", "a.js", 1), weakness("b", "b.js", 2)]).await;
    story.settle().await;
    let tickets = story.tickets().await;
    let (gone, kept) = (tickets[0].clone(), tickets[1].clone());
    let (from, into) = (gone.work_item_id.unwrap().0, kept.work_item_id.unwrap().0);
    story.engine.merge_tickets(gone.id, kept.id, &ada()).await.unwrap();
    story.settle().await;
    story.settle().await;
    assert_eq!(story.board.state_of(from), "Closed");
    assert!(links(&story, from).contains(&("System.LinkTypes.Duplicate-Reverse".to_owned(), into)));
    let said = story.board.comments(from).join("|");
    assert!(said.contains(&format!("Ada merged this work item into {into}")), "{said}");
    let title = story.board.fields(into)["System.Title"].as_str().unwrap().to_owned();
    assert!(title.contains("(2 places)"), "{title}");
    let tickets = story.tickets().await;
    assert_eq!((tickets[0].health, tickets[1].health), (Health::Released, Health::InStep));
    for (_, status) in story.statuses().await {
        assert_eq!(status, Status::Identified, "closing the duplicate says nothing about the findings");
    }
    let (writes, items) = (story.board.writes(), story.board.work_items().len());
    story.sweep().await;
    assert_eq!((story.board.writes(), story.board.work_items().len()), (writes, items));
    let into_itself = story.engine.merge_tickets(kept.id, kept.id, &ada()).await.unwrap_err();
    assert_eq!(into_itself.code, "same_ticket");
    let ended = story.engine.merge_tickets(gone.id, kept.id, &ada()).await.unwrap_err();
    assert_eq!(ended.code, "ticket_ended");
}

#[tokio::test]
async fn a_ticket_that_goes_to_another_project_leaves_a_closed_work_item_behind() {
    let story = Story::sqlite().await;
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.settle().await;
    let old = story.work_item();
    let to = other_destination(&story, OTHER_PROJECT, "Bug", "").await;
    let ticket = story.ticket().await.id;
    story.engine.move_ticket(ticket, to, &ada()).await.unwrap();
    story.settle().await;
    story.settle().await;
    let ticket = story.ticket().await;
    let new = ticket.work_item_id.unwrap().0;
    assert_ne!(new, old);
    assert_eq!((ticket.destination_id, ticket.health), (to, Health::InStep));
    assert_eq!(story.board.state_of(old), "Closed");
    assert_eq!(story.board.fields(new)["System.TeamProject"], OTHER_PROJECT);
    assert_eq!(links(&story, new), [("System.LinkTypes.Related".to_owned(), old)]);
    let said = story.board.comments(old).join("|");
    assert!(said.contains("a new work item is made there"), "{said}");
    assert_eq!(story.status().await, Status::Identified);
    let (writes, items) = (story.board.writes(), story.board.work_items().len());
    story.sweep().await;
    assert_eq!((story.board.writes(), story.board.work_items().len()), (writes, items));
}

/// Found by the simulation, seed 249.
#[tokio::test]
async fn a_ticket_that_moves_while_its_creation_is_in_doubt_gets_its_work_item_at_the_new_destination() {
    let story = Story::sqlite().await;
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.board.fail_writes([Fault::LostBefore]);
    story.engine.step().await.unwrap();
    let ticket = story.ticket().await;
    assert!(ticket.intent.is_some(), "nobody knows whether it was created");
    let to = other_destination(&story, OTHER_PROJECT, "Bug", "").await;
    story.engine.move_ticket(ticket.id, to, &ada()).await.unwrap();
    story.settle().await;
    story.settle().await;
    let ticket = story.ticket().await;
    let item = ticket.work_item_id.unwrap().0;
    assert_eq!((ticket.destination_id, ticket.health), (to, Health::InStep));
    assert_eq!(story.board.work_items(), [item], "none was made at the old destination");
    assert_eq!(story.board.fields(item)["System.TeamProject"], OTHER_PROJECT);
}

/// Found by the simulation, seed 586.
#[tokio::test]
async fn a_card_whose_findings_have_gone_to_another_ticket_is_closed_with_words() {
    let story = Story::sqlite().await;
    story.scan(&[weakness("a", "a.js", 1), weakness("b", "b.js", 2)]).await;
    story.settle().await;
    let tickets = story.tickets().await;
    let (kept, gone) = (&tickets[0], &tickets[1]);
    let item = gone.work_item_id.unwrap().0;
    story.board.delete(item);
    story.sweep().await;
    story.engine.merge_tickets(gone.id, kept.id, &ada()).await.unwrap();
    // They think better of it: the card shall be there again.
    story.engine.repair_ticket(gone.id, Repair::Restore, &ada()).await.unwrap();
    story.settle().await;
    story.sweep().await;
    assert_eq!(story.board.state_of(item), "Closed");
    let said = story.board.comments(item).join("|");
    assert!(said.contains("This ticket has no findings any more."), "{said}");
}

/// Found by the simulation, seed 362.
#[tokio::test]
async fn whoever_moves_a_card_that_is_being_merged_is_told_why_it_is_closed_all_the_same() {
    let story = Story::sqlite().await;
    story.scan(&[weakness("a", "a.js", 1), weakness("b", "b.js", 2)]).await;
    story.settle().await;
    let tickets = story.tickets().await;
    let (kept, gone) = (&tickets[0], &tickets[1]);
    let item = gone.work_item_id.unwrap().0;
    story.engine.merge_tickets(gone.id, kept.id, &ada()).await.unwrap();
    // It is linked and closed; nobody hears of it, and somebody moves it meanwhile.
    story.board.fail_writes([Fault::LostAfter]);
    story.engine.step().await.unwrap();
    story.board.edit(item, &[("System.State", "Resolved".into())]);
    story.settle().await;
    story.settle().await;
    assert_eq!(story.board.state_of(item), "Closed");
    let said = story.board.comments(item);
    let times = said.iter().filter(|text| text.contains("merged this work item")).count();
    assert_eq!(times, 2, "once with the link, and once over the move: {said:?}");
}

/// Found by the simulation, seed 239.
#[tokio::test]
async fn a_state_that_was_chosen_for_one_project_is_not_asked_for_in_another() {
    let story = Story::sqlite().await;
    without_rules(&story).await;
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.settle().await;
    let to = other_destination(&story, OTHER_PROJECT, "Bug", "").await;
    // 'Active' is a state of the one project and unknown in the other, where the map says 'Committed'.
    let new = NewTicket { findings: findings(&story).await, destination: None, state: Some("Active".into()) };
    let ticket = story.engine.create_ticket(new, &ada()).await.unwrap();
    story.engine.move_ticket(ticket, to, &ada()).await.unwrap();
    story.settle().await;
    story.settle().await;
    let ticket = story.ticket().await;
    assert_eq!((ticket.destination_id, ticket.health), (to, Health::InStep));
    assert_eq!(ticket.status, Status::InProgress);
    assert_eq!(story.board.state_of(ticket.work_item_id.unwrap().0), "Committed");
    assert!(ticket.following.chosen.is_none());
}

/// Found by the simulation, seed 267.
#[tokio::test]
async fn a_move_that_was_called_off_closes_nothing() {
    let story = Story::on(TestDatabase::sqlite().await).releasing().begin().await;
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.settle().await;
    let (item, ticket) = (story.work_item(), story.ticket().await.id);
    let to = other_destination(&story, OTHER_PROJECT, "Bug", "").await;
    story.engine.move_ticket(ticket, to, &ada()).await.unwrap();
    let wanted = story.ticket().await.following.wanted_state().map(|wanted| wanted.state.clone());
    assert_eq!(wanted.as_deref(), Some("Closed"), "what is left behind is to be closed");
    // Archiving the asset releases the ticket before that is done; with the asset it comes back.
    let asset = crate::aside::asset(&story).await;
    story.engine.archive_asset(asset, &ada()).await.unwrap();
    story.engine.restore_asset(asset, &ada()).await.unwrap();
    story.sweep().await;
    story.sweep().await;
    assert_eq!(story.board.state_of(item), "New");
    assert_eq!((story.ticket().await.health, story.status().await), (Health::InStep, Status::Identified));
}

#[tokio::test]
async fn a_ticket_that_goes_to_another_team_keeps_its_work_item_and_gets_the_other_area() {
    let story = Story::sqlite().await;
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.settle().await;
    let item = story.work_item();
    let to = other_destination(&story, "Webshop", "Bug", "Webshop Team").await;
    let before = story.board.fields(item)["System.AreaPath"].clone();
    story.engine.move_ticket(story.ticket().await.id, to, &ada()).await.unwrap();
    story.settle().await;
    assert_eq!(story.work_item(), item);
    assert_ne!(story.board.fields(item)["System.AreaPath"], before);
    let ticket = story.ticket().await;
    assert_eq!((ticket.destination_id, ticket.health), (to, Health::InStep));
    assert!(ticket.following.area.is_none());
}

#[tokio::test]
async fn many_tickets_are_closed_with_one_state_and_the_breaker_does_not_ask_again() {
    let story = Story::sqlite().await;
    let many: Vec<Value> = (0..14).map(|n| weakness(&format!("w{n}"), &format!("f{n}.js"), n + 1)).collect();
    story.scan(&many).await;
    story.settle().await;
    let tickets: Vec<TicketId> = story.tickets().await.iter().map(|ticket| ticket.id).collect();
    let offer = story.engine.closing_states(&tickets).await.unwrap();
    assert_eq!((offer.groups.len(), offer.refused.len()), (1, 0));
    assert_eq!(offer.shared, ["Resolved", "Closed"]);
    let choice = |state: &str| vec![ClosingChoice { tickets: tickets.clone(), state: state.into() }];
    let rows = story.engine.close_tickets(&choice("New"), None, &ada()).await.unwrap();
    assert!(
        rows.iter().all(|row| row.refused.as_deref().is_some_and(|why| why.contains("Resolved, Closed")))
    );
    let rows = story.engine.close_tickets(&choice("Closed"), Some("Fixed in 2.1"), &ada()).await.unwrap();
    assert!(rows.iter().all(|row| row.refused.is_none()), "{rows:?}");
    story.settle().await;
    for item in story.board.work_items() {
        assert_eq!(story.board.state_of(item), "Closed");
        let said = story.board.comments(item).join("|");
        assert!(said.contains("Fixed in 2.1"), "{said}");
    }
    for (_, status) in story.statuses().await {
        assert_eq!(status, Status::AwaitingValidation, "closing is a claim: a scan proves it");
    }
    let writes = story.board.writes();
    story.sweep().await;
    assert_eq!(story.board.writes(), writes);
    story.scan(&[weakness("w0", "f0.js", 1)]).await;
    story.settle().await;
    let open = story.board.work_items().into_iter().filter(|item| story.board.state_of(*item) != "Closed");
    assert_eq!(open.count(), 1, "what is still seen is opened again, with the evidence");
}

#[tokio::test]
async fn tickets_of_several_types_are_grouped_and_the_shared_states_are_said() {
    let story = Story::sqlite().await;
    without_rules(&story).await;
    story.scan(&[weakness("a", "a.js", 1), weakness("b", "b.js", 2)]).await;
    let all = findings(&story).await;
    let other = other_destination(&story, OTHER_PROJECT, "Product Backlog Item", "").await;
    for (finding, destination) in [(all[0], story.destination), (all[1], other)] {
        let new =
            NewTicket { findings: vec![finding], destination: Some(destination), ..NewTicket::default() };
        story.engine.create_ticket(new, &ada()).await.unwrap();
    }
    story.settle().await;
    let tickets: Vec<TicketId> = story.tickets().await.iter().map(|ticket| ticket.id).collect();
    let offer = story.engine.closing_states(&tickets).await.unwrap();
    let groups: Vec<(String, Vec<String>)> = offer
        .groups
        .iter()
        .map(|group| (group.project.clone(), group.states.iter().map(|state| state.state.clone()).collect()))
        .collect();
    assert_eq!(
        groups,
        [
            ("Webshop".to_owned(), vec!["Resolved".to_owned(), "Closed".to_owned()]),
            (OTHER_PROJECT.to_owned(), vec!["Done".to_owned()]),
        ]
    );
    assert_eq!(offer.shared, Vec::<String>::new(), "each group gets its own choice");
    let choices = [
        ClosingChoice { tickets: offer.groups[0].tickets.clone(), state: "Closed".into() },
        ClosingChoice { tickets: offer.groups[1].tickets.clone(), state: "Done".into() },
    ];
    story.engine.close_tickets(&choices, None, &ada()).await.unwrap();
    story.settle().await;
    let mut states: Vec<String> =
        story.board.work_items().into_iter().map(|item| story.board.state_of(item)).collect();
    states.sort();
    assert_eq!(states, ["Closed", "Done"]);
}

#[tokio::test]
async fn a_move_on_the_board_counts_more_than_a_state_that_was_chosen_here_before() {
    let story = Story::sqlite().await;
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.settle().await;
    let (item, ticket) = (story.work_item(), story.ticket().await.id);
    story.board.set_unreachable(true);
    let choice = [ClosingChoice { tickets: vec![ticket], state: "Closed".into() }];
    story.engine.close_tickets(&choice, None, &ada()).await.unwrap();
    story.engine.step().await.unwrap();
    story.board.move_card(item, "Active");
    story.board.set_unreachable(false);
    story.sweep().await;
    assert_eq!(story.board.state_of(item), "Active");
    assert!(story.ticket().await.following.chosen.is_none());
    story.board.edit(item, &[("System.Title", json!("Mine"))]);
    story.sweep().await;
    assert_eq!(story.board.state_of(item), "Active");
}

#[tokio::test]
async fn a_released_ticket_leaves_its_findings_free_for_another_one() {
    let story = Story::on(TestDatabase::sqlite().await).begin().await;
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.settle().await;
    let first = story.ticket().await.id;
    story.engine.release_ticket(first, &ada()).await.unwrap();
    story.settle().await;
    assert_eq!(story.ticket().await.health, Health::Released);
    let new = NewTicket { findings: findings(&story).await, ..NewTicket::default() };
    story.engine.create_ticket(new, &ada()).await.unwrap();
    story.settle().await;
    assert_eq!(story.board.work_items().len(), 2);
}

#[tokio::test]
async fn a_ticket_is_merged_into_one_whose_work_item_is_gone_without_the_link() {
    let story = Story::sqlite().await;
    story.scan(&[weakness("a", "a.js", 1), weakness("b", "b.js", 2)]).await;
    story.settle().await;
    let tickets = story.tickets().await;
    let (gone, kept) = (&tickets[0], &tickets[1]);
    let (from, into) = (gone.work_item_id.unwrap().0, kept.work_item_id.unwrap().0);
    story.board.destroy(into);
    story.engine.merge_tickets(gone.id, kept.id, &ada()).await.unwrap();
    for _ in 0..4 {
        story.wait(Duration::minutes(1));
        story.settle().await;
    }
    assert_eq!(story.board.state_of(from), "Closed");
    assert!(links(&story, from).iter().all(|(kind, _)| kind != "System.LinkTypes.Duplicate-Reverse"));
    let said = story.board.comments(from).join("|");
    assert!(said.contains("Ada merged this work item into"), "{said}");
    let tickets = story.tickets().await;
    assert_eq!(tickets[0].health, Health::Released, "{:?}", tickets[0].problem);
}

#[tokio::test]
async fn a_comment_at_a_released_ticket_that_is_to_be_merged_does_not_keep_the_connection_busy() {
    let story = Story::on(TestDatabase::sqlite().await).budget(1).begin().await;
    story.scan(&[weakness("a", "a.js", 1), weakness("b", "b.js", 2)]).await;
    story.settle().await;
    let item = story.work_item();
    let (gone, kept): (Vec<_>, Vec<_>) =
        story.tickets().await.into_iter().partition(|ticket| ticket.work_item_id.is_some());
    story.engine.release_ticket(gone[0].id, &ada()).await.unwrap();
    story.settle().await;
    // It shall have another work item, then it shall be merged into one that has none: that waits.
    story.engine.repair_ticket(gone[0].id, Repair::Replace, &ada()).await.unwrap();
    story.engine.merge_tickets(gone[0].id, kept[0].id, &ada()).await.unwrap();
    let path = format!("Webshop/_apis/wit/workItems/{item}/comments?api-version=7.1-preview.4");
    story.board.act("POST", &path, "application/json", &json!({"text": "What about this one?"}));
    let ended = tokio::time::timeout(std::time::Duration::from_secs(20), story.sweep()).await;
    assert!(ended.is_ok(), "it goes round in circles");
}

#[tokio::test]
async fn a_ticket_is_merged_into_one_that_never_gets_a_work_item() {
    let story = Story::sqlite().await;
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.settle().await;
    let change =
        engine::ConnectionChange { mode: Some(store::connections::Mode::Paused), ..Default::default() };
    story.engine.change_connection(story.connection, change, &ada()).await.unwrap();
    story.scan(&[weakness("a", "a.js", 1), weakness("b", "b.js", 2)]).await;
    story.settle().await;
    let tickets = story.tickets().await;
    let (gone, kept) = (&tickets[0], &tickets[1]);
    assert_eq!(kept.work_item_id, None);
    story.engine.merge_tickets(gone.id, kept.id, &ada()).await.unwrap();
    // Everything is mended before the other ticket had its turn.
    story.scan(&[]).await;
    let change =
        engine::ConnectionChange { mode: Some(store::connections::Mode::Active), ..Default::default() };
    story.engine.change_connection(story.connection, change, &ada()).await.unwrap();
    for _ in 0..4 {
        story.wait(Duration::minutes(6));
        story.settle().await;
    }
    let tickets = story.tickets().await;
    assert_eq!((tickets[0].health, tickets[1].health), (Health::Released, Health::Closed));
    assert_eq!(tickets[1].problem, None, "it does not say any more that it waits");
    let items = story.board.work_items();
    assert_eq!(items.len(), 1);
    assert_eq!(story.board.state_of(items[0]), "Closed");
}

#[tokio::test]
async fn a_chosen_state_ends_when_a_scan_says_otherwise() {
    let story = Story::sqlite().await;
    let found = [weakness("a", "a.js", 1)];
    story.scan(&found).await;
    story.settle().await;
    let item = story.work_item();
    let choice = ClosingChoice { tickets: vec![story.ticket().await.id], state: "Closed".into() };
    story.engine.close_tickets(&[choice], None, &ada()).await.unwrap();
    assert_eq!(story.status().await, Status::AwaitingValidation);
    // Before the card is moved a scan sees the weakness again.
    story.wait(Duration::minutes(10));
    story.scan(&found).await;
    assert_eq!(story.status().await, Status::Identified);
    story.settle().await;
    assert_eq!(story.board.state_of(item), "New", "it is not closed over what the scan says");
    story.sweep().await;
    assert_eq!(story.board.state_of(item), "New");
}

#[tokio::test]
async fn what_people_made_or_moved_by_hand_no_breaker_holds() {
    let limits = model::guard::Limits { creations_at_once: 1, ..Default::default() };
    let story = Story::on(TestDatabase::sqlite().await).limits(limits).begin().await;
    let elsewhere = other_destination(&story, OTHER_PROJECT, "Bug", "Backoffice Team").await;
    story.scan(&[weakness("a", "a.js", 1), weakness("b", "b.js", 2), weakness("c", "c.js", 3)]).await;
    story.settle().await;
    assert_eq!(story.board.work_items(), Vec::<i64>::new(), "three at once are held");
    let held = story.tickets().await;
    story.engine.move_ticket(held[0].id, elsewhere, &ada()).await.unwrap();
    story.settle().await;
    assert_eq!(story.board.work_items().len(), 1, "the other destination holds nothing");
    let mut tx = story.engine.db().read().await.unwrap();
    let breakers = store::breakers::holding(&mut tx).await.unwrap();
    drop(tx);
    assert_eq!(breakers[0].tickets, 2, "the breaker is not about it any more");
    // A ticket that a person makes for two of the findings goes out at once.
    without_rules(&story).await;
    let all = findings(&story).await;
    for ticket in &held[1..] {
        story.engine.release_ticket(ticket.id, &ada()).await.unwrap();
    }
    story.settle().await;
    let mut free = Vec::new();
    for finding in all {
        let mut tx = story.engine.db().read().await.unwrap();
        if !store::tickets::of_finding(&mut tx, finding).await.unwrap().contains(&held[0].id) {
            free.push(finding);
        }
    }
    for finding in free {
        let new = NewTicket { findings: vec![finding], ..NewTicket::default() };
        story.engine.create_ticket(new, &ada()).await.unwrap();
    }
    story.settle().await;
    assert_eq!(story.board.work_items().len(), 3);
}

/// Found by the simulation, seed 3106.
#[tokio::test]
async fn a_ticket_that_had_ended_and_cannot_go_elsewhere_has_ended_again() {
    let story = Story::sqlite().await;
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.settle().await;
    let (item, ticket) = (story.work_item(), story.ticket().await.id);
    let to = other_destination(&story, OTHER_PROJECT, "Task", "").await;
    story.board.move_to_project(item, OTHER_PROJECT);
    story.sweep().await;
    story.engine.release_ticket(ticket, &ada()).await.unwrap();
    story.settle().await;
    let other = story.board.bug("Ours");
    let bind = Repair::Bind { work_item: WorkItemId(other) };
    story.engine.repair_ticket(ticket, bind, &ada()).await.unwrap();
    story.engine.move_ticket(ticket, to, &ada()).await.unwrap();
    let writes = story.board.writes();
    story.settle().await;
    story.sweep().await;
    let log = story.log_of_tickets().await;
    assert!(log.iter().any(|(what, _)| what.contains("It was not possible to make a new")), "{log:?}");
    assert_eq!((story.ticket().await.health, story.board.writes()), (Health::Released, writes));
}
