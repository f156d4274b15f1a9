//! Stories of acceptances: whichever way a risk is accepted, it is one; it covers many findings, ends, is extended and revoked.

use chrono::{DateTime, Duration, Utc};
use engine::{Actor, StatusChange};
use model::acceptance::{AcceptancePolicy, AcceptanceState, AtEnd, Terms};
use model::status::FallBack;
use model::{AcceptanceId, FindingId, Status};
use store::acceptances::AcceptanceRow;
use testkit::{Story, TestDatabase, databases, weakness};

fn ada() -> Actor {
    Actor { name: "Ada".into() }
}

fn because(until: Option<DateTime<Utc>>) -> Terms {
    Terms { reason: "Only the office reaches it".into(), until, ..Terms::default() }
}

async fn two_findings(database: TestDatabase) -> (Story, Vec<FindingId>) {
    let story = Story::on(database).grouped().begin().await;
    story.scan(&[weakness("a", "a.js", 1), weakness("a", "b.js", 1)]).await;
    story.settle().await;
    let mut tx = story.engine.db().read().await.unwrap();
    let ids = store::findings::worst_open(&mut tx, 10).await.unwrap().iter().map(|one| one.id).collect();
    drop(tx);
    (story, ids)
}

async fn read(story: &Story, id: AcceptanceId) -> AcceptanceRow {
    let mut tx = story.engine.db().read().await.unwrap();
    store::acceptances::one(&mut tx, id).await.unwrap().unwrap()
}

async fn all(story: &Story) -> Vec<AcceptanceRow> {
    let mut tx = story.engine.db().read().await.unwrap();
    store::acceptances::page(&mut tx, &[], story.now(), None, 50).await.unwrap()
}

async fn statuses(story: &Story) -> Vec<Status> {
    story.statuses().await.into_iter().map(|(_, status)| status).collect()
}

#[tokio::test]
async fn one_acceptance_covers_many_findings_and_gives_each_back_what_it_was() {
    for database in databases().await {
        let (story, findings) = two_findings(database).await;
        let start = StatusChange { status: Status::InProgress, reason: None, temporary: None };
        story.engine.set_status(findings[0], start, &ada()).await.unwrap();
        let until = story.now() + Duration::days(30);
        let id = story.engine.grant_acceptance(because(Some(until)), &findings, &ada()).await.unwrap();
        story.settle().await;
        assert_eq!(statuses(&story).await, [Status::RiskAccepted; 2]);
        let row = read(&story, id).await;
        assert_eq!((row.findings, row.covered, row.acceptance.approver.as_str()), (2, 2, "Ada"));

        story.wait(Duration::days(31));
        story.settle().await;
        let mut back = statuses(&story).await;
        back.sort();
        assert_eq!(back, [Status::Identified, Status::InProgress]);
        let row = read(&story, id).await;
        assert_eq!((row.findings, row.covered), (0, 2), "what it covered is not forgotten");
        assert_eq!(row.acceptance.state(story.now()), AcceptanceState::Ended);
        let late = story.engine.extend_acceptance(id, None, "more", &ada()).await;
        assert_eq!(late.unwrap_err().code, "acceptance_over");
    }
}

#[tokio::test]
async fn an_extended_acceptance_holds_on_and_its_ticket_says_so_once() {
    let (story, findings) = two_findings(TestDatabase::sqlite().await).await;
    // The third stays open, so that its work item does.
    story.scan(&[weakness("a", "a.js", 1), weakness("a", "b.js", 1), weakness("a", "c.js", 1)]).await;
    story.settle().await;
    let until = story.now() + Duration::days(30);
    let id = story.engine.grant_acceptance(because(Some(until)), &findings, &ada()).await.unwrap();
    story.settle().await;
    let later = until + Duration::days(60);
    story.engine.extend_acceptance(id, Some(later), "the move is late", &ada()).await.unwrap();
    story.settle().await;
    story.sweep().await;
    let said = story.board.comments(story.work_item());
    let told = said.iter().filter(|text| text.contains("the move is late")).count();
    assert_eq!(told, 1, "{said:?}");

    story.wait(Duration::days(40));
    story.settle().await;
    let mut now = statuses(&story).await;
    now.sort();
    assert_eq!(
        now.iter().filter(|status| **status == Status::RiskAccepted).count(),
        2,
        "the old day is no day"
    );
    let history = story.history().await;
    assert!(history.iter().any(|line| line.contains("the move is late")), "{history:?}");
    story.wait(Duration::days(51));
    story.settle().await;
    assert!(!statuses(&story).await.contains(&Status::RiskAccepted));
}

#[tokio::test]
async fn a_revoked_acceptance_opens_its_findings_and_nothing_else() {
    let (story, findings) = two_findings(TestDatabase::sqlite().await).await;
    let id = story.engine.grant_acceptance(because(None), &findings, &ada()).await.unwrap();
    // A person decides about one of them by itself.
    let wrong =
        StatusChange { status: Status::FalsePositive, reason: Some("dead code".into()), temporary: None };
    story.engine.set_status(findings[0], wrong, &ada()).await.unwrap();
    assert_eq!(read(&story, id).await.findings, 1);
    assert_eq!(story.engine.revoke_acceptance(id, " ", &ada()).await.unwrap_err().code, "acceptance_invalid");
    story.engine.revoke_acceptance(id, "it is reachable after all", &ada()).await.unwrap();
    story.settle().await;
    let mut now = statuses(&story).await;
    now.sort();
    assert_eq!(now, [Status::Identified, Status::FalsePositive]);
    let row = read(&story, id).await;
    assert_eq!(row.acceptance.state(story.now()), AcceptanceState::Revoked);
    assert_eq!(row.acceptance.revoked.unwrap().reason, "it is reachable after all");
    let again = story.engine.revoke_acceptance(id, "again", &ada()).await;
    assert_eq!(again.unwrap_err().code, "acceptance_over");
}

#[tokio::test]
async fn an_acceptance_that_keeps_its_findings_raises_an_alarm_until_somebody_decides() {
    let (story, findings) = two_findings(TestDatabase::sqlite().await).await;
    let until = story.now() + Duration::days(3);
    let terms = Terms { at_end: AtEnd::Keep, ..because(Some(until)) };
    let id = story.engine.grant_acceptance(terms, &findings, &ada()).await.unwrap();
    let alarms = async || {
        story.settle().await;
        let mut tx = story.engine.db().read().await.unwrap();
        store::alarms::open(&mut tx, store::alarms::Kind::AcceptanceEnded).await.unwrap()
    };
    assert!(alarms().await.is_empty());
    story.wait(Duration::days(4));
    let raised = alarms().await;
    assert_eq!(raised[0].what, "1 acceptance has ended, and the risk of 2 findings is still accepted.");
    assert_eq!(statuses(&story).await, [Status::RiskAccepted; 2]);
    let later = Some(story.now() + Duration::days(9));
    story.engine.extend_acceptance(id, later, "a week more", &ada()).await.unwrap();
    assert!(alarms().await.is_empty());
    story.wait(Duration::days(10));
    assert_eq!(alarms().await.len(), 1);
    story.engine.revoke_acceptance(id, "over", &ada()).await.unwrap();
    assert!(alarms().await.is_empty());
    assert_eq!(statuses(&story).await, [Status::Identified; 2]);
}

#[tokio::test]
async fn the_status_dialog_accepts_by_the_same_object_and_within_the_same_policy() {
    let (story, findings) = two_findings(TestDatabase::sqlite().await).await;
    let policy = AcceptancePolicy { end_required: true, longest_days: 30 };
    story.engine.set_acceptance_policy(policy, &ada()).await.unwrap();
    let accept =
        |temporary| StatusChange { status: Status::RiskAccepted, reason: Some("internal".into()), temporary };
    let day = |days| Some((story.now() + Duration::days(days), FallBack::Waiting));
    let by = ada();
    for wrong in [None, day(32)] {
        let refused = story.engine.set_status(findings[0], accept(wrong), &by).await.unwrap_err();
        assert_eq!(refused.code, "acceptance_invalid");
    }
    assert!(all(&story).await.is_empty(), "what was refused leaves nothing behind");
    story.engine.set_status(findings[0], accept(day(30)), &by).await.unwrap();
    let rows = all(&story).await;
    assert_eq!((rows.len(), rows[0].findings), (1, 1));
    story.wait(Duration::days(31));
    story.settle().await;
    assert!(statuses(&story).await.contains(&Status::Waiting));
    let none = AcceptancePolicy { longest_days: 0, ..policy };
    assert!(story.engine.set_acceptance_policy(none, &ada()).await.is_err());
    let nobody = story.engine.grant_acceptance(because(None), &[], &ada()).await.unwrap_err();
    assert_eq!(nobody.code, "acceptance_invalid");
}
