//! Stories of what rules say about work items that exist: where they begin, whether and where they are closed, and what a
//! late member does.

use chrono::Duration;
use engine::{Actor, NewDestination, StatusChange};
use model::map::{StatusEntry, StatusMap, Target};
use model::rule::{AutoClose, CloseWhen, Criteria, Grouping, LateMember, RuleSettings};
use model::status::FallBack;
use model::{FindingId, Status};
use store::args;
use store::tickets::Health;
use testkit::{OTHER_PROJECT, Story, TestDatabase, weakness};

fn ada() -> Actor {
    Actor { name: "Ada".into() }
}

/// Changes the only rule of a story.
async fn change_rule(story: &Story, change: impl FnOnce(&mut RuleSettings)) -> Result<(), engine::Refusal> {
    let mut tx = story.engine.db().read().await.unwrap();
    let rule = store::rules::all(&mut tx).await.unwrap().remove(0);
    drop(tx);
    let mut settings = rule.settings;
    change(&mut settings);
    story.engine.change_rule(rule.id, settings, &ada()).await
}

async fn tend(story: &Story, auto_close: AutoClose) {
    change_rule(story, |rule| rule.auto_close = auto_close).await.unwrap();
}

async fn finding(story: &Story, id: &str) -> FindingId {
    let mut tx = story.engine.db().read().await.unwrap();
    let rows = tx.all("SELECT id FROM finding WHERE vulnerability_id = $1", args![id]).await.unwrap();
    rows[0].id("id").unwrap()
}

async fn decide(story: &Story, id: &str, status: Status, days: Option<i64>) {
    let temporary = days.map(|days| (story.now() + Duration::days(days), FallBack::Identified));
    let change = StatusChange { status, reason: Some("known".into()), temporary };
    story.engine.set_status(finding(story, id).await, change, &ada()).await.unwrap();
}

/// A map that says Fixed with a state that is not the last one.
fn fixed_is_resolved() -> StatusMap {
    let entry = |state: &str| StatusEntry::to(Target::state(state));
    StatusMap(
        [
            (Status::Identified, entry("New")),
            (Status::InProgress, entry("Active")),
            (Status::Fixed, entry("Resolved")),
        ]
        .into(),
    )
}

#[tokio::test]
async fn without_auto_close_people_close_the_work_item_until_it_is_switched_on() {
    let story = Story::sqlite().await;
    tend(&story, AutoClose { enabled: false, ..AutoClose::default() }).await;
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.settle().await;
    story.scan(&[]).await;
    story.settle().await;
    let item = story.work_item();
    assert_eq!(story.status().await, Status::Fixed);
    assert_eq!(story.board.state_of(item), "New");
    let ticket = story.ticket().await;
    assert_eq!((ticket.health, ticket.status), (Health::InStep, Status::Fixed), "{:?}", ticket.conflicts);
    let writes = story.board.writes();
    story.sweep().await;
    assert_eq!(story.board.writes(), writes, "and that is all");
    tend(&story, AutoClose::default()).await;
    story.settle().await;
    assert_eq!(story.board.state_of(item), "Closed");
    assert_eq!(story.ticket().await.health, Health::Closed);
}

#[tokio::test]
async fn a_card_that_a_person_closes_meanwhile_stays_closed() {
    let story = Story::sqlite().await;
    tend(&story, AutoClose { enabled: false, ..AutoClose::default() }).await;
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.settle().await;
    story.scan(&[]).await;
    story.settle().await;
    story.board.move_card(story.work_item(), "Closed");
    story.sweep().await;
    assert_eq!(story.board.state_of(story.work_item()), "Closed");
    assert_eq!(story.status().await, Status::Fixed);
    // It comes back: the work item is opened again all the same.
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.settle().await;
    assert_eq!(story.board.state_of(story.work_item()), "New");
}

#[tokio::test]
async fn a_status_for_a_time_keeps_the_work_item_open_if_the_rule_says_so() {
    for protects in [true, false] {
        let story = Story::sqlite().await;
        tend(&story, AutoClose { not_for_temporary: protects, ..AutoClose::default() }).await;
        story.scan(&[weakness("a", "a.js", 1)]).await;
        story.settle().await;
        decide(&story, "a", Status::RiskAccepted, Some(7)).await;
        story.settle().await;
        let item = story.work_item();
        let expected = if protects { "New" } else { "Closed" };
        assert_eq!(story.board.state_of(item), expected, "protects: {protects}");
        let writes = story.board.writes();
        story.wait(Duration::days(8));
        story.settle().await;
        assert_eq!(story.status().await, Status::Identified);
        assert_eq!(story.board.state_of(item), "New");
        if protects {
            assert_eq!(story.board.comments(item).len(), 0, "nobody moved the card");
        } else {
            assert!(story.board.writes() > writes);
        }
        // For good it is closed either way.
        decide(&story, "a", Status::RiskAccepted, None).await;
        story.settle().await;
        assert_eq!(story.board.state_of(item), "Closed");
    }
}

#[tokio::test]
async fn one_member_that_is_accepted_for_a_time_keeps_the_ticket_of_all_open() {
    let story = Story::on(TestDatabase::sqlite().await).grouped().begin().await;
    change_rule(&story, |rule| {
        rule.grouping = Grouping::PerAsset;
        rule.auto_close.not_for_temporary = true;
    })
    .await
    .unwrap();
    story.scan(&[weakness("a", "a.js", 1), weakness("b", "b.js", 1)]).await;
    story.settle().await;
    decide(&story, "a", Status::RiskAccepted, Some(7)).await;
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.settle().await;
    assert_eq!(story.board.state_of(story.work_item()), "New", "b is fixed, a only accepted for a time");
}

#[tokio::test]
async fn a_rule_may_close_only_what_is_fixed() {
    let story = Story::sqlite().await;
    tend(&story, AutoClose { when: CloseWhen::AllFixed, ..AutoClose::default() }).await;
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.settle().await;
    let item = story.work_item();
    decide(&story, "a", Status::FalsePositive, None).await;
    story.settle().await;
    assert_eq!(story.board.state_of(item), "New");
    decide(&story, "a", Status::Identified, None).await;
    story.scan(&[]).await;
    story.settle().await;
    assert_eq!(story.board.state_of(item), "Closed");
}

#[tokio::test]
async fn the_state_of_the_rule_is_used_for_closing_and_reads_back_the_same() {
    let story = Story::on(TestDatabase::sqlite().await).map(fixed_is_resolved()).begin().await;
    tend(&story, AutoClose { state: Some("Closed".into()), ..AutoClose::default() }).await;
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.settle().await;
    story.scan(&[]).await;
    story.settle().await;
    let item = story.work_item();
    assert_eq!((story.board.state_of(item).as_str(), story.status().await), ("Closed", Status::Fixed));
    let writes = story.board.writes();
    story.sweep().await;
    assert_eq!(story.board.writes(), writes);
    assert_eq!(story.ticket().await.health, Health::Closed);
}

#[tokio::test]
async fn the_state_of_the_rule_is_used_for_new_work_items() {
    let story = Story::sqlite().await;
    let mut tx = story.engine.db().read().await.unwrap();
    let mut settings = store::destinations::get(&mut tx, story.destination).await.unwrap().unwrap().settings;
    drop(tx);
    settings.project = OTHER_PROJECT.into();
    for blank in [&mut settings.team, &mut settings.board, &mut settings.area] {
        blank.clear();
    }
    settings.iteration = Default::default();
    settings.name = "Scrum".into();
    settings.status_map = StatusMap::default();
    let new = NewDestination {
        connection_id: story.connection,
        binding: model::routing::Binding::Group { tags: vec!["elsewhere".into()] },
        settings,
    };
    let scrum = story.engine.create_destination(new, &ada()).await.unwrap();
    let refused = change_rule(&story, |rule| rule.initial_state = Some("Approved".into())).await.unwrap_err();
    assert_eq!(refused.fields.len(), 1, "only the destination that has no such state: {refused:?}");
    change_rule(&story, |rule| {
        rule.destination = Some(scrum);
        rule.initial_state = Some("Approved".into());
    })
    .await
    .unwrap();
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.settle().await;
    let item = story.work_item();
    assert_eq!((story.board.state_of(item).as_str(), story.status().await), ("Approved", Status::Identified));
    // Where a person puts it stays.
    story.board.move_card(item, "New");
    story.sweep().await;
    assert_eq!((story.board.state_of(item).as_str(), story.status().await), ("New", Status::Identified));
}

#[tokio::test]
async fn a_state_that_does_not_read_back_the_same_is_refused_with_its_row_and_mend() {
    let story = Story::sqlite().await;
    for (initial, closing, at, message, mend) in [
        (
            Some("Active"),
            None,
            "/initial_state",
            "'Active' of Bug does not read back as Identified",
            "use one of New, or leave it out",
        ),
        (Some("Triage"), None, "/initial_state", "has no state 'Triage'", "use one of New, or leave it out"),
        (
            None,
            Some("Resolved"),
            "/auto_close/state",
            "'Resolved' of Bug does not read back as closed",
            "use one of Closed, or leave it out",
        ),
        (
            None,
            Some("New"),
            "/auto_close/state",
            "'New' of Bug does not read back as closed",
            "use one of Closed",
        ),
        (None, Some(" "), "/auto_close/state", "the state has no name", "name a state of the work item type"),
    ] {
        let refused = change_rule(&story, |rule| {
            rule.initial_state = initial.map(str::to_owned);
            rule.auto_close.state = closing.map(str::to_owned);
        })
        .await
        .unwrap_err();
        let (pointer, detail) = &refused.fields[0];
        assert_eq!((refused.code, pointer.as_str()), ("rule_invalid", at));
        assert!(detail.contains(message) && detail.contains(mend), "{detail}");
    }
}

#[tokio::test]
async fn a_rule_whose_state_is_gone_stops_with_an_alarm() {
    let story = Story::on(TestDatabase::sqlite().await).map(fixed_is_resolved()).begin().await;
    tend(&story, AutoClose { state: Some("Closed".into()), ..AutoClose::default() }).await;
    let mut tx = story.engine.db().begin().await.unwrap();
    let mut destination = store::destinations::get(&mut tx, story.destination).await.unwrap().unwrap();
    destination.process.work_item_type.states.retain(|state| state.name != "Closed");
    store::destinations::save(&mut tx, &destination).await.unwrap();
    tx.commit().await.unwrap();
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.engine.step().await.unwrap();
    assert!(story.tickets().await.is_empty());
    let mut tx = story.engine.db().read().await.unwrap();
    let alarms = store::alarms::open(&mut tx, store::alarms::Kind::RuleStopped).await.unwrap();
    assert!(alarms[0].what.contains("has no state 'Closed'; findings of shop wait"), "{alarms:?}");
}

/// The work items of the group, oldest first, with the members of each.
async fn members(story: &Story) -> Vec<(i64, usize)> {
    let mut all = Vec::new();
    for ticket in story.tickets().await {
        let mut tx = story.engine.db().read().await.unwrap();
        let findings = store::findings::of_ticket(&mut tx, ticket.id).await.unwrap();
        all.push((ticket.work_item_id.unwrap().0, findings.len()));
    }
    all
}

#[tokio::test]
async fn a_late_member_does_what_the_rule_says() {
    for (late, while_open, after_closing) in [
        (LateMember::Reopen, vec![2], vec![3]),
        (LateMember::AddToOpen, vec![2], vec![2, 1]),
        (LateMember::NewItem, vec![1, 1], vec![1, 1, 1]),
    ] {
        let story = Story::sqlite().await;
        change_rule(&story, |rule| {
            rule.grouping = Grouping::PerAsset;
            rule.late_member = late;
        })
        .await
        .unwrap();
        story.scan(&[weakness("a", "a.js", 1)]).await;
        story.settle().await;
        story.scan(&[weakness("a", "a.js", 1), weakness("b", "b.js", 1)]).await;
        story.settle().await;
        let sizes = |members: &[(i64, usize)]| members.iter().map(|(_, size)| *size).collect::<Vec<_>>();
        assert_eq!(sizes(&members(&story).await), while_open, "{late:?}");
        story.scan(&[]).await;
        story.settle().await;
        let settings = {
            let mut tx = story.engine.db().read().await.unwrap();
            store::rules::all(&mut tx).await.unwrap().remove(0)
        };
        story.scan(&[weakness("c", "c.js", 1)]).await;
        let plan = story.engine.plan_rule(&settings.settings, Some(settings.id)).await.unwrap();
        story.settle().await;
        let all = members(&story).await;
        assert_eq!(sizes(&all), after_closing, "{late:?}");
        let grew = after_closing.len() - while_open.len();
        assert_eq!(plan.plan.create as usize, grew, "the plan said so");
        let first = all[0].0;
        assert_eq!(story.board.state_of(first), if late == LateMember::Reopen { "New" } else { "Closed" });
        if let [.., (before, _), (last, _)] = all[..] {
            assert_eq!(story.board.marks(last).2, 2, "ours, and one to work item {before}");
        }
    }
}

#[test]
fn of_several_rules_the_most_cautious_settings_win() {
    use model::rule::Tending;
    let one =
        RuleSettings { late_member: LateMember::AddToOpen, ..RuleSettings::new("one", Criteria::default()) };
    let mut two = RuleSettings::new("two", Criteria::default());
    two.auto_close = AutoClose { enabled: false, state: Some("Closed".into()), ..AutoClose::default() };
    let together = Tending::of([&one, &two].into_iter());
    assert_eq!(together, Tending::of([&two, &one].into_iter()));
    assert_eq!(together.late_member, LateMember::AddToOpen);
    assert_ne!(together, Tending::of([&one].into_iter()));
}
