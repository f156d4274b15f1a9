//! Stories of findings that people write down: drafts, validators, and tickets like those of any other finding.

use engine::{Actor, NewManual};
use model::status::Verdict;
use model::{FindingId, Status};
use serde_json::{Value, json};
use testkit::{Report, Story, TestDatabase, databases};

fn ada() -> Actor {
    Actor { name: "Ada".into() }
}

fn val() -> Actor {
    Actor { name: "Val".into() }
}

fn coupons() -> Value {
    json!({"title": "Coupons can be used twice", "severity": "high", "path": "checkout", "message": "Send it twice."})
}

async fn written(story: &Story, finding: Value, draft: bool) -> FindingId {
    let new = NewManual { asset: "shop".into(), finding, draft, assessment: None };
    let id = story.engine.create_manual(new, &ada()).await.unwrap();
    story.settle().await;
    id
}

#[tokio::test]
async fn a_finding_of_a_person_gets_a_ticket_and_a_validator_proves_its_fix() {
    for database in databases().await {
        let story = Story::on(database).begin().await;
        let id = written(&story, coupons(), false).await;
        assert_eq!(story.status().await, Status::Identified);
        let item = story.work_item();

        story.board.move_card(item, "Closed");
        story.sweep().await;
        assert_eq!(story.status().await, Status::AwaitingValidation);
        story
            .engine
            .judge_manual(id, Verdict::StillThere, "the second is still taken", &val())
            .await
            .unwrap();
        story.settle().await;
        assert_eq!(story.status().await, Status::Identified);
        assert_eq!(story.board.state_of(item), "New", "the card goes back");

        story.board.move_card(item, "Closed");
        story.sweep().await;
        story.engine.judge_manual(id, Verdict::Fixed, "tried on 2.4.1", &val()).await.unwrap();
        story.settle().await;
        story.sweep().await;
        assert_eq!(story.status().await, Status::Fixed);
        assert_eq!(story.board.state_of(item), "Closed");

        story.engine.judge_manual(id, Verdict::StillThere, "it is back in 2.5", &val()).await.unwrap();
        story.settle().await;
        assert_eq!(story.status().await, Status::Identified);
        let history = story.history().await;
        assert!(history.iter().any(|line| line.contains("tried on 2.4.1")), "{history:?}");
    }
}

#[tokio::test]
async fn a_draft_has_no_ticket_until_it_is_published() {
    let story = Story::on(TestDatabase::sqlite().await).begin().await;
    let id = written(&story, coupons(), true).await;
    assert_eq!(story.status().await, Status::Draft);
    assert!(story.board.work_items().is_empty());
    let early = story.engine.judge_manual(id, Verdict::Fixed, "never was", &val()).await;
    assert_eq!(early.unwrap_err().code, "status_impossible");
    story.engine.publish_manual(id, &ada()).await.unwrap();
    story.settle().await;
    assert_eq!((story.status().await, story.board.work_items().len()), (Status::Identified, 1));
    assert!(story.engine.publish_manual(id, &ada()).await.is_err());
}

#[tokio::test]
async fn no_scan_speaks_for_what_a_person_wrote_down() {
    let story = Story::on(TestDatabase::sqlite().await).begin().await;
    let id = written(&story, coupons(), false).await;
    // The whole asset was looked at, and nothing was found; then something is found at the same place.
    story.import("shop", &Report::of(story.now(), &[])).await;
    story.settle().await;
    assert_eq!(story.status().await, Status::Identified);
    story.wait(chrono::Duration::hours(1));
    let same =
        json!({"id": "manual", "title": "Coupons can be used twice", "severity": "high", "path": "checkout"});
    story.import("shop", &Report::of(story.now(), &[same])).await;
    assert_eq!(story.statuses().await.len(), 2, "it is another finding");
    let before = story.engine.change_manual(id, &coupons(), &ada()).await;
    assert!(before.is_ok(), "nothing new is no change");
}

#[tokio::test]
async fn what_a_person_changes_reaches_the_work_item_and_what_makes_no_sense_is_refused() {
    let story = Story::on(TestDatabase::sqlite().await).begin().await;
    let id = written(&story, coupons(), false).await;
    let mut changed = coupons();
    changed["title"] = "Coupons can be used three times".into();
    changed["severity"] = "critical".into();
    story.engine.change_manual(id, &changed, &ada()).await.unwrap();
    story.settle().await;
    let fields = story.board.fields(story.work_item());
    assert!(fields["System.Title"].as_str().unwrap().contains("three times"), "{fields}");
    assert_eq!(fields["Microsoft.VSTS.Common.Severity"], "1 - Critical");

    changed["id"] = "CVE-2026-1".into();
    let other = story.engine.change_manual(id, &changed, &ada()).await.unwrap_err();
    assert_eq!(other.code, "finding_invalid");
    let wrong = [
        json!({"severity": "high"}),
        json!({"title": "x"}),
        json!({"title": "x", "severity": "high", "pth": 1}),
    ];
    for finding in wrong {
        let new = NewManual { asset: "shop".into(), finding, draft: false, assessment: None };
        let refused = story.engine.create_manual(new, &ada()).await.unwrap_err();
        assert_eq!(refused.code, "finding_invalid", "{}", refused.detail);
    }
    for (asset, assessment) in [(" ", None), ("shop", Some("no such"))] {
        let new = NewManual {
            asset: asset.into(),
            finding: coupons(),
            draft: false,
            assessment: assessment.map(str::to_owned),
        };
        assert!(story.engine.create_manual(new, &ada()).await.is_err());
    }
    assert_eq!(story.statuses().await.len(), 1, "what was refused leaves nothing behind");
}

#[tokio::test]
async fn a_duplicate_is_closed_and_the_other_goes_on_until_somebody_takes_that_back() {
    let story = Story::on(TestDatabase::sqlite().await).begin().await;
    let first = written(&story, coupons(), false).await;
    let second = written(&story, coupons(), false).await;
    story.engine.mark_duplicate(second, first, None, &ada()).await.unwrap();
    story.settle().await;
    let mut now: Vec<Status> = story.statuses().await.into_iter().map(|(_, status)| status).collect();
    now.sort();
    assert_eq!(now, [Status::Identified, Status::Duplicate]);
    for (one, of) in [(first, first), (first, second)] {
        let refused = story.engine.mark_duplicate(one, of, None, &ada()).await.unwrap_err();
        assert_eq!(refused.code, "status_impossible", "it never leads back to itself");
    }
    // The duplicate of a duplicate is one of the finding that goes on.
    let third = written(&story, coupons(), false).await;
    story.engine.mark_duplicate(third, second, Some("the same"), &ada()).await.unwrap();
    let mut tx = story.engine.db().read().await.unwrap();
    let known = store::findings::get(&mut tx, third).await.unwrap().unwrap();
    assert_eq!(known.triage.decision, model::status::Decision::Duplicate(first));
    drop(tx);
    let back = engine::StatusChange { status: Status::Identified, reason: None, temporary: None };
    story.engine.set_status(second, back, &ada()).await.unwrap();
    story.settle().await;
    assert_eq!(story.statuses().await.iter().filter(|(_, status)| *status == Status::Duplicate).count(), 1);
}

#[tokio::test]
async fn who_closes_the_card_does_not_validate_the_fix_under_their_name_here() {
    let story = Story::sqlite().await;
    crate::commands::known_as(&story, model::role::Role::Analyst).await;
    let id = written(&story, coupons(), false).await;
    story.settle().await;
    story.board.move_card(story.work_item(), "Closed");
    story.sweep().await;
    assert_eq!(story.status().await, Status::AwaitingValidation);
    let dana = Actor { name: "Dana".into() };
    let refused = story.engine.judge_manual(id, Verdict::Fixed, "tried it", &dana).await.unwrap_err();
    assert!(refused.detail.contains("somebody else"), "{refused:?}");
    story.engine.judge_manual(id, Verdict::Fixed, "tried it", &val()).await.unwrap();
    assert_eq!(story.status().await, Status::Fixed);
}
