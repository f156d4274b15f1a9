//! Stories of plans: what they say, what applying them does and refuses, and undoing that.

use chrono::Duration;
use engine::{Actor, ApplyReport, ApprovedTicket, ConnectionChange, Engine, Plan, PlanAction, TicketPlan};
use model::Status;
use model::following::{DeletionPolicy, Repair};
use model::guard::Limits;
use serde_json::Value;
use store::applies::State;
use store::connections::Mode;
use store::tickets::{Health, Intent};
use testkit::{Fault, Halt, Story, TestDatabase, weakness};

fn ada() -> Actor {
    Actor { name: "Ada".into() }
}

fn findings(numbers: std::ops::Range<u32>) -> Vec<Value> {
    numbers.map(|number| weakness(&format!("w{number:02}"), &format!("{number}.js"), 1)).collect()
}

async fn switch(story: &Story, mode: Mode) {
    let change = ConnectionChange { mode: Some(mode), ..ConnectionChange::default() };
    story.engine.change_connection(story.connection, change, &ada()).await.unwrap();
}

/// A story whose connection runs in shadow mode: nothing is written but what is applied.
async fn in_shadow() -> Story {
    let story = Story::sqlite().await;
    switch(&story, Mode::Shadow).await;
    story
}

async fn planned(story: &Story) -> Plan {
    while story.engine.make_tickets().await.unwrap() > 0 {}
    story.engine.plan().await.unwrap()
}

fn approved(plan: &Plan) -> Vec<ApprovedTicket> {
    let row = |row: &TicketPlan| {
        Some(ApprovedTicket {
            ticket: row.ticket_id?,
            revision: row.revision,
            fingerprint: row.fingerprint.clone()?,
        })
    };
    plan.tickets.iter().filter_map(row).collect()
}

async fn apply(story: &Story, plan: &Plan) -> ApplyReport {
    story.engine.apply(&approved(plan), &ada()).await.unwrap()
}

async fn everything(story: &Story) -> ApplyReport {
    let plan = planned(story).await;
    apply(story, &plan).await
}

fn states(report: &ApplyReport) -> Vec<State> {
    report.tickets.iter().map(|ticket| ticket.state).collect()
}

fn reason(report: &ApplyReport) -> String {
    report.tickets.iter().filter_map(|ticket| ticket.reason.clone()).collect::<Vec<_>>().join(" | ")
}

fn actions(plan: &Plan) -> Vec<PlanAction> {
    plan.tickets.iter().map(|ticket| ticket.action).collect()
}

async fn undo(engine: &Engine, report: &ApplyReport) -> ApplyReport {
    engine.undo_apply(report.apply.id, &ada()).await.unwrap()
}

#[tokio::test]
async fn what_was_planned_is_applied_and_nothing_else_and_the_log_says_who_asked() {
    let story = in_shadow().await;
    story.scan(&findings(0..3)).await;
    let plan = planned(&story).await;
    assert_eq!(plan.create, 3);

    let two: Vec<ApprovedTicket> = approved(&plan).into_iter().take(2).collect();
    let report = story.engine.apply(&two, &ada()).await.unwrap();

    assert_eq!(states(&report), [State::Applied, State::Applied]);
    assert_eq!(story.board.work_items().len(), 2, "one was not asked for, and the mode is shadow");
    let log = story.log_of_tickets().await;
    let created: Vec<_> = log.iter().filter(|(what, _)| what.contains("created in")).collect();
    assert_eq!(created.len(), 2, "{log:?}");
    assert!(created.iter().all(|(_, by)| *by == format!("Ada (apply {})", report.apply.id)), "{created:?}");

    // Then what follows from a change of the findings.
    story.scan(&[]).await;
    let plan = planned(&story).await;
    assert_eq!(actions(&plan), [PlanAction::Close, PlanAction::Close]);
    assert!(plan.tickets.iter().all(|row| row.revision.is_some()), "{plan:?}");
    assert_eq!(states(&apply(&story, &plan).await), [State::Applied, State::Applied]);
    assert!(story.board.work_items().iter().all(|id| story.board.state_of(*id) == "Closed"));
    assert_eq!(approved(&planned(&story).await), [], "and then there is nothing more to do");
}

#[tokio::test]
async fn where_the_board_moved_in_between_nothing_is_written_and_the_others_go_on() {
    let story = in_shadow().await;
    story.scan(&findings(0..3)).await;
    everything(&story).await;
    story.scan(&[]).await;
    let plan = planned(&story).await;
    let moved = plan.tickets[1].work_item_id.unwrap();
    story.board.edit(moved.0, &[("System.Title", "Ours now".into())]);

    let report = apply(&story, &plan).await;

    assert_eq!(states(&report), [State::Applied, State::Refused, State::Applied]);
    assert!(reason(&report).contains("was at revision 1, and is at revision 2 now"), "{report:?}");
    assert_eq!(story.board.state_of(moved.0), "New");
    assert_eq!(story.board.fields(moved.0)["System.Title"], "Ours now");
}

#[tokio::test]
async fn what_the_findings_say_by_now_is_not_written_in_place_of_what_was_approved() {
    let story = in_shadow().await;
    story.scan(&findings(0..1)).await;
    let plan = planned(&story).await;
    let mut another = findings(0..1);
    another[0]["severity"] = "critical".into();
    story.scan(&another).await;
    let report = apply(&story, &plan).await;
    assert_eq!(states(&report), [State::Refused]);
    assert!(reason(&report).contains("not what the plan said any more"), "{report:?}");
    story.scan(&[]).await;
    let report = apply(&story, &plan).await;
    assert!(reason(&report).contains("nothing to do any more"), "{report:?}");
    assert_eq!(story.board.work_items().len(), 0);
}

#[tokio::test]
async fn while_a_connection_is_paused_or_refused_by_its_board_nothing_is_applied() {
    let story = in_shadow().await;
    story.scan(&findings(0..1)).await;
    let plan = planned(&story).await;
    switch(&story, Mode::Paused).await;
    let refusal = story.engine.apply(&approved(&plan), &ada()).await.unwrap_err();
    assert_eq!(refusal.code, "connection_paused");
    switch(&story, Mode::Shadow).await;
    story.board.reject_sign_ins(true);
    story.sweep().await;
    let refusal = story.engine.apply(&approved(&plan), &ada()).await.unwrap_err();
    assert_eq!(refusal.code, "connection_waits", "{refusal}");
    story.board.reject_sign_ins(false);
    assert!(story.engine.applies().await.unwrap().is_empty(), "what was refused as a whole left nothing");
    assert_eq!(story.board.work_items().len(), 0);
}

#[tokio::test]
async fn the_same_plan_does_nothing_the_second_time() {
    let story = Story::sqlite().await;
    story.scan(&findings(0..2)).await;
    let plan = planned(&story).await;
    assert_eq!(states(&apply(&story, &plan).await), [State::Applied, State::Applied]);
    let writes = story.board.writes();
    let report = apply(&story, &plan).await;
    assert_eq!(states(&report), [State::Refused, State::Refused]);
    assert!(reason(&report).contains("has a work item by now"), "{report:?}");
    story.settle().await;
    assert_eq!((story.board.writes(), story.board.work_items().len()), (writes, 2));
    assert!(story.tickets().await.iter().all(|ticket| ticket.health == Health::InStep));
}

#[tokio::test]
async fn two_replicas_that_apply_the_same_plan_at_once_write_once() {
    let story = in_shadow().await;
    let other = story.another_replica();
    story.scan(&findings(0..3)).await;
    let plan = planned(&story).await;
    let both = approved(&plan);
    story.board.halt_next(Halt::BeforeWrite);
    let (engine, first) = (story.engine.clone(), both.clone());
    let applying = tokio::spawn(async move { engine.apply(&first, &ada()).await });
    story.board.stands_still().await;
    let second = other.apply(&both, &Actor { name: "Grace".into() }).await.unwrap();
    story.board.let_go();
    let first = applying.await.unwrap().unwrap();
    assert_eq!(states(&first), [State::Applied; 3]);
    assert_eq!(states(&second), [State::Refused; 3], "{second:?}");
    assert!(reason(&second).contains("What Ada approved"), "{second:?}");
    assert_eq!(story.board.work_items().len(), 3);
}

#[tokio::test]
async fn what_is_asked_of_one_replica_is_done_by_the_one_that_drives_the_connection() {
    let story = in_shadow().await;
    let other = story.another_replica();
    story.engine.step().await.unwrap();
    story.scan(&findings(0..1)).await;
    let plan = planned(&story).await;
    // The first one looks at something, and holds the lease from then on.
    story.engine.step().await.unwrap();
    let report = other.apply(&approved(&plan), &ada()).await.unwrap();
    assert_eq!(states(&report), [State::Waiting], "{report:?}");
    story.engine.step().await.unwrap();
    let report = other.apply_report(report.apply.id).await.unwrap();
    assert_eq!(states(&report), [State::Applied]);
    assert_eq!(story.board.work_items().len(), 1);
}

#[tokio::test]
async fn a_process_that_dies_between_announcing_and_sending_leaves_it_to_the_normal_passes() {
    for fault in [None, Some(Fault::LostBefore), Some(Fault::LostAfter)] {
        for is_creation in [true, false] {
            let mut story = in_shadow().await;
            story.scan(&findings(0..1)).await;
            if !is_creation {
                everything(&story).await;
                story.scan(&[]).await;
            }
            let plan = planned(&story).await;
            match fault {
                Some(fault) => {
                    story.board.fail_writes([fault]);
                    let report = apply(&story, &plan).await;
                    assert_eq!(states(&report), [State::Waiting], "{fault:?} {report:?}");
                }
                None => {
                    story.board.halt_next(Halt::BeforeWrite);
                    let (engine, rows) = (story.engine.clone(), approved(&plan));
                    let applying = tokio::spawn(async move { engine.apply(&rows, &ada()).await });
                    story.board.stands_still().await;
                    applying.abort();
                    let _ = applying.await;
                }
            }
            story.restart();
            for _ in 0..3 {
                story.wait(Duration::minutes(2));
                story.settle().await;
            }
            let latest = story.engine.applies().await.unwrap().remove(0);
            assert_eq!((latest.applied, latest.waiting), (1, 0), "{fault:?} {is_creation}");
            let item = story.work_item();
            assert_eq!(story.board.state_of(item), if is_creation { "New" } else { "Closed" });
        }
    }
}

#[tokio::test]
async fn an_approval_that_got_no_turn_for_ten_minutes_is_given_up() {
    let story = in_shadow().await;
    let other = story.another_replica();
    story.scan(&findings(0..1)).await;
    let plan = planned(&story).await;
    story.engine.step().await.unwrap();
    let report = other.apply(&approved(&plan), &ada()).await.unwrap();
    assert_eq!(states(&report), [State::Waiting]);
    story.wait(Duration::minutes(11));
    story.engine.step().await.unwrap();
    let report = other.apply_report(report.apply.id).await.unwrap();
    assert!(reason(&report).contains("did not have its turn in time"), "{report:?}");
    assert_eq!(story.board.work_items().len(), 0);
}

#[tokio::test]
async fn a_change_that_is_undone_stays_undone_until_the_ticket_is_retried() {
    let story = Story::sqlite().await;
    story.scan(&findings(0..1)).await;
    story.settle().await;
    let item = story.work_item();
    let before = story.board.fields(item);
    let mut another = findings(0..1);
    another[0]["severity"] = "critical".into();
    another[0]["title"] = "worse than it looked".into();
    story.scan(&another).await;
    let report = everything(&story).await;
    assert_eq!(states(&report), [State::Applied]);
    assert_ne!(story.board.fields(item)["System.Title"], before["System.Title"]);

    let undone = undo(&story.engine, &report).await;

    assert_eq!(states(&undone), [State::Applied], "{undone:?}");
    let after = story.board.fields(item);
    for field in
        ["System.Title", "Microsoft.VSTS.Common.Priority", "Microsoft.VSTS.Common.Severity", "System.State"]
    {
        assert_eq!(after[field], before[field], "{field}");
    }
    assert_eq!(after["Microsoft.VSTS.TCM.ReproSteps"], before["Microsoft.VSTS.TCM.ReproSteps"]);
    let ticket = story.ticket().await;
    assert_eq!((ticket.health, ticket.problem.as_deref()), (Health::Parked, Some("Undone by Ada.")));
    let writes = story.board.writes();
    for _ in 0..3 {
        story.sweep().await;
    }
    assert_eq!(story.board.writes(), writes, "nobody does it again by himself");
    let plan = planned(&story).await;
    assert_eq!(actions(&plan), [PlanAction::Wait]);
    assert!(plan.tickets[0].reason.contains("Undone by Ada. Retry the ticket"), "{plan:?}");
    assert!(story.engine.undo_apply(report.apply.id, &ada()).await.is_err(), "it was undone");
    assert!(story.engine.undo_apply(undone.apply.id, &ada()).await.is_err(), "an undo is not undone");

    story.engine.retry_ticket(ticket.id, &ada()).await.unwrap();
    story.settle().await;
    assert!(story.board.fields(item)["System.Title"].as_str().unwrap().contains("worse than it looked"));
    assert_eq!(story.ticket().await.health, Health::InStep);
}

#[tokio::test]
async fn a_close_that_is_undone_opens_the_card_where_it_stood_and_is_no_move_of_a_person() {
    let story = Story::sqlite().await;
    story.scan(&findings(0..1)).await;
    story.settle().await;
    let item = story.work_item();
    story.board.move_card(item, "Active");
    story.settle().await;
    story.scan(&[]).await;
    let report = everything(&story).await;
    assert_eq!((states(&report), story.board.state_of(item).as_str()), (vec![State::Applied], "Closed"));

    assert_eq!(states(&undo(&story.engine, &report).await), [State::Applied]);
    assert_eq!(story.board.state_of(item), "Active");
    story.sweep().await;
    assert_eq!(story.status().await, Status::Fixed, "our own change says nothing about the finding");
    assert_eq!(story.board.state_of(item), "Active");

    let ticket = story.ticket().await;
    story.engine.retry_ticket(ticket.id, &ada()).await.unwrap();
    story.settle().await;
    assert_eq!(
        (story.board.state_of(item).as_str(), story.ticket().await.health),
        ("Closed", Health::Closed)
    );
}

#[tokio::test]
async fn a_creation_that_is_undone_lies_in_the_recycle_bin_and_a_retry_makes_one_with_a_new_key() {
    let story = Story::sqlite().await;
    story.scan(&findings(0..1)).await;
    let report = everything(&story).await;
    // Our own completing writes are part of it.
    story.settle().await;
    let (item, key) = (story.work_item(), story.ticket().await.token);

    let undone = undo(&story.engine, &report).await;

    assert_eq!(states(&undone), [State::Applied], "{undone:?}");
    assert_eq!(story.board.work_items().len(), 0);
    story.sweep().await;
    assert_eq!(story.board.work_items().len(), 0);
    let ticket = story.ticket().await;
    assert_eq!((ticket.health, ticket.work_item_id), (Health::Parked, None));
    assert_ne!(ticket.token, key);

    story.engine.retry_ticket(ticket.id, &ada()).await.unwrap();
    story.settle().await;
    let new = story.work_item();
    assert_ne!(new, item);
    // Whoever restores the old one is recognised, and there is no third.
    story.board.restore(item);
    story.sweep().await;
    assert_eq!(story.board.work_items().len(), 2);
    let ticket = story.ticket().await;
    assert_eq!((ticket.health, ticket.work_item_id.map(|id| id.0)), (Health::Copied, Some(new)));
}

/// Found by the simulation, seed 7436.
#[tokio::test]
async fn a_ticket_is_merged_into_one_whose_creation_was_undone_without_waiting_for_a_work_item() {
    let story = Story::sqlite().await;
    story.scan(&findings(0..1)).await;
    story.settle().await;
    switch(&story, Mode::Shadow).await;
    story.scan(&findings(0..2)).await;
    let report = everything(&story).await;
    switch(&story, Mode::Active).await;
    undo(&story.engine, &report).await;
    let tickets = story.tickets().await;
    assert_eq!((tickets[1].health, tickets[1].work_item_id), (Health::Parked, None));

    story.engine.merge_tickets(tickets[0].id, tickets[1].id, &ada()).await.unwrap();
    story.wait(Duration::minutes(10));
    story.settle().await;

    let merged = &story.tickets().await[0];
    assert_eq!(merged.health, Health::Released, "{:?}", merged.problem);
    assert_eq!(story.board.state_of(story.board.work_items()[0]), "Closed");
}

#[tokio::test]
async fn what_a_person_did_since_is_not_undone() {
    let story = Story::sqlite().await;
    story.scan(&findings(0..2)).await;
    let report = everything(&story).await;
    story.settle().await;
    let item = story.board.work_items()[0];
    story.board.edit(item, &[("System.Title", "We work on it".into())]);

    let undone = undo(&story.engine, &report).await;

    assert_eq!(undone.count(State::Applied), 1);
    assert!(reason(&undone).contains("was changed since"), "{undone:?}");
    assert_eq!(story.board.work_items(), [item]);
    story.settle().await;
    assert_eq!(story.board.fields(item)["System.Title"], "We work on it");
    let again = undo(&story.engine, &report).await;
    assert_eq!(states(&again), [State::Refused], "it can be asked again, and is refused again");
}

/// Found by the simulation, seed 458.
#[tokio::test]
async fn a_work_item_that_an_undo_deleted_and_a_person_restored_has_the_deletion_in_its_log() {
    let mut story = Story::sqlite().await;
    story.scan(&findings(0..1)).await;
    let report = everything(&story).await;
    story.settle().await;
    let (item, revision) = (story.work_item(), story.ticket().await.work_item.unwrap().revision);
    story.board.fail_writes([Fault::LostAfter]);
    let undone = undo(&story.engine, &report).await;
    story.board.restore(item);
    story.restart();
    for _ in 0..3 {
        story.wait(Duration::minutes(2));
        story.settle().await;
    }
    let undone = story.engine.apply_report(undone.apply.id).await.unwrap();
    assert_eq!(states(&undone), [State::Refused]);
    assert!(reason(&undone).contains("was changed since"), "{undone:?}");
    let log = story.log_of_tickets().await;
    let told = format!("is to be moved into the recycle bin of Webshop, after revision {revision};");
    assert!(log.iter().any(|(what, _)| what.contains(&told)), "{log:?}");
}

/// Found by the simulation, seed 232.
#[tokio::test]
async fn what_was_applied_to_a_work_item_that_the_ticket_has_no_more_is_not_undone() {
    let story = Story::sqlite().await;
    story.scan(&findings(0..1)).await;
    story.settle().await;
    story.scan(&[]).await;
    story.scan(&findings(0..1)).await;
    let old = story.work_item();
    story.board.edit(old, &[("System.Tags", "lockstep; theirs".into())]);
    switch(&story, Mode::Shadow).await;
    let mut worse = findings(0..1);
    worse[0]["severity"] = "critical".into();
    story.scan(&worse).await;
    let report = everything(&story).await;
    assert_eq!(states(&report), [State::Applied]);
    story.board.destroy(old);
    story.sweep().await;
    let ticket = story.ticket().await.id;
    story.engine.repair_ticket(ticket, Repair::Replace, &ada()).await.unwrap();
    story.settle().await;
    assert_eq!(story.ticket().await.work_item_id, None, "nothing is made in shadow mode");
    let undone = undo(&story.engine, &report).await;
    assert_eq!(states(&undone), [State::Refused]);
    assert!(reason(&undone).contains("is not the ticket's work item any more"), "{undone:?}");
    assert_eq!(story.board.work_items().len(), 0, "an undo makes nothing");
}

#[tokio::test]
async fn an_undo_whose_answer_is_lost_is_found_on_the_board() {
    for (is_creation, fault) in [
        (true, Fault::LostAfter),
        (true, Fault::LostBefore),
        (false, Fault::LostAfter),
        (false, Fault::LostBefore),
    ] {
        let mut story = Story::sqlite().await;
        story.scan(&findings(0..1)).await;
        let mut report = everything(&story).await;
        if !is_creation {
            story.settle().await;
            story.scan(&[]).await;
            report = everything(&story).await;
        }
        story.board.fail_writes([fault]);
        let undone = undo(&story.engine, &report).await;
        assert_eq!(states(&undone), [State::Waiting], "{fault:?}");
        story.restart();
        for _ in 0..3 {
            story.wait(Duration::minutes(2));
            story.settle().await;
        }
        let undone = story.engine.apply_report(undone.apply.id).await.unwrap();
        assert_eq!(states(&undone), [State::Applied], "{fault:?} {is_creation}");
        let ticket = story.ticket().await;
        assert_eq!((ticket.health, ticket.intent), (Health::Parked, None::<Intent>));
        match is_creation {
            true => assert_eq!(story.board.work_items().len(), 0),
            false => assert_eq!(story.board.state_of(story.work_item()), "New"),
        }
    }
}

#[tokio::test]
async fn saving_a_destination_or_signing_in_anew_does_not_do_again_what_was_undone() {
    let story = Story::sqlite().await;
    story.scan(&findings(0..1)).await;
    let report = everything(&story).await;
    undo(&story.engine, &report).await;
    let mut tx = story.engine.db().begin().await.unwrap();
    store::tickets::retry_of_destination(&mut tx, story.destination).await.unwrap();
    store::tickets::retry_all(&mut tx, story.connection).await.unwrap();
    tx.commit().await.unwrap();
    story.settle().await;
    assert_eq!(story.board.work_items().len(), 0);
    let mut tx = story.engine.db().read().await.unwrap();
    assert!(store::alarms::tickets_with(&mut tx, Health::Parked).await.unwrap().is_empty(), "nothing failed");
}

#[tokio::test]
async fn a_plan_says_what_a_breaker_would_keep_and_applying_does_not_go_around_it() {
    let limits = Limits { creations_at_once: 3, ..Limits::default() };
    let story = Story::on(TestDatabase::sqlite().await).limits(limits).begin().await;
    switch(&story, Mode::Shadow).await;
    story.scan(&findings(0..3)).await;
    let plan = planned(&story).await;
    assert_eq!(plan.create, 3);
    story.scan(&findings(0..5)).await;
    let many = planned(&story).await;
    assert_eq!(actions(&many), [PlanAction::Wait; 5], "{many:?}");
    assert_eq!(approved(&many), []);
    let report = apply(&story, &plan).await;
    assert_eq!(states(&report), [State::Refused; 3]);
    assert!(reason(&report).contains("more work items at once than usual"), "{report:?}");
    assert_eq!(story.board.work_items().len(), 0);
}

#[tokio::test]
async fn a_claim_that_nobody_has_heard_of_and_a_scan_has_refuted_is_planned_and_applied_as_such() {
    let story = Story::sqlite().await;
    story.scan(&findings(0..1)).await;
    story.settle().await;
    let item = story.work_item();
    story.board.move_card(item, "Closed");
    story.scan(&findings(0..1)).await;
    let plan = planned(&story).await;
    assert!(!approved(&plan).is_empty(), "{plan:?}");
    let report = apply(&story, &plan).await;
    assert_eq!(states(&report), [State::Applied], "{plan:?} {report:?}");
    assert_eq!(story.board.state_of(item), "New");
}

#[tokio::test]
async fn a_work_item_that_was_deleted_in_between_is_not_written_whatever_the_policy_does_about_it() {
    for policy in
        [DeletionPolicy::Ask, DeletionPolicy::Replace, DeletionPolicy::Restore, DeletionPolicy::Release]
    {
        let story = Story::on(TestDatabase::sqlite().await).on_deletion(policy).begin().await;
        story.scan(&findings(0..1)).await;
        story.settle().await;
        let mut another = findings(0..1);
        another[0]["severity"] = "critical".into();
        story.scan(&another).await;
        let plan = planned(&story).await;
        story.board.delete(story.work_item());
        let report = apply(&story, &plan).await;
        assert_eq!(states(&report), [State::Refused], "{policy:?} {report:?}");
        assert_eq!(story.board.work_items().len(), 0, "{policy:?}: the next pass may do something about it");
    }
}

#[tokio::test]
async fn a_plan_is_applied_and_undone_alike_on_every_database() {
    for database in testkit::databases().await {
        let story = Story::on(database).begin().await;
        switch(&story, Mode::Shadow).await;
        story.scan(&findings(0..2)).await;
        let report = everything(&story).await;
        assert_eq!(states(&report), [State::Applied; 2]);
        story.scan(&[]).await;
        let closed = everything(&story).await;
        assert_eq!(states(&closed), [State::Applied; 2]);
        assert_eq!(states(&undo(&story.engine, &closed).await), [State::Applied; 2]);
        assert!(story.board.work_items().iter().all(|id| story.board.state_of(*id) == "New"));
        let late = undo(&story.engine, &report).await;
        assert_eq!(states(&late), [State::Refused; 2], "{late:?}");
        let all = story.engine.applies().await.unwrap();
        let counts: Vec<_> = all.iter().map(|apply| (apply.applied, apply.refused, apply.waiting)).collect();
        assert_eq!(counts, [(0, 2, 0), (2, 0, 0), (2, 0, 0), (2, 0, 0)]);
    }
}
