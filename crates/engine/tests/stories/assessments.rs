//! Stories of assessments: what belongs to one, what completing it releases and says.

use chrono::Duration;
use engine::{Actor, AssessmentSettings, ImportRequest};
use model::assessment::AssessmentState;
use model::rule::{Criteria, Release, RuleSettings};
use model::{AssessmentId, Severity};
use serde_json::Value;
use store::findings::Finding;
use testkit::{Report, Story, TestDatabase, databases, weakness};

fn ada() -> Actor {
    Actor { name: "Ada".into() }
}

async fn begin(database: TestDatabase, release: Release) -> (Story, AssessmentId) {
    let story = Story::on(database).begin().await;
    let mut tx = story.engine.db().read().await.unwrap();
    let rule = store::rules::all(&mut tx).await.unwrap().remove(0);
    drop(tx);
    let settings =
        RuleSettings { release, ..RuleSettings::new("Rule", Criteria::severity_at_least(Severity::Low)) };
    story.engine.change_rule(rule.id, settings, &ada()).await.unwrap();
    let new = AssessmentSettings { name: "Pentest spring".into(), ..AssessmentSettings::default() };
    let assessment = story.engine.create_assessment(new, &ada()).await.unwrap();
    go(&story, assessment, AssessmentState::Running).await;
    (story, assessment)
}

async fn go(story: &Story, assessment: AssessmentId, to: AssessmentState) {
    story.engine.move_assessment(assessment, to, &ada()).await.unwrap();
}

/// Takes in a scan of the assessment.
async fn scan_for(story: &Story, name: &str, findings: &[Value]) -> Result<(), engine::Refusal> {
    story.wait(Duration::minutes(1));
    let file = tempfile::NamedTempFile::new().unwrap().into_temp_path();
    std::fs::write(&file, Report::of(story.now(), findings).bytes()).unwrap();
    let request =
        ImportRequest { asset: "shop".into(), assessment: Some(name.to_owned()), ..ImportRequest::default() };
    let path = file.keep().unwrap();
    story.engine.submit_import(request, path, &ada()).await.map(|_| ())
}

async fn findings(story: &Story) -> Vec<Finding> {
    let mut tx = story.engine.db().read().await.unwrap();
    store::findings::worst_open(&mut tx, 50).await.unwrap()
}

#[tokio::test]
async fn tickets_of_a_rule_that_waits_are_made_when_the_assessment_completes() {
    for database in databases().await {
        let (story, assessment) = begin(database, Release::WhenAssessmentCompletes).await;
        scan_for(&story, "pentest SPRING", &[weakness("a", "a.js", 1)]).await.unwrap();
        story.settle().await;
        story.scan(&[weakness("a", "a.js", 1), weakness("b", "b.js", 1)]).await;
        story.settle().await;
        assert_eq!((findings(&story).await.len(), story.board.work_items().len()), (2, 0));

        go(&story, assessment, AssessmentState::Completed).await;
        story.settle().await;
        assert_eq!(story.board.work_items().len(), 1, "what belongs to no assessment waits on");
        let text = story.board.fields(story.work_item())["Microsoft.VSTS.TCM.ReproSteps"].clone();
        assert!(text.as_str().unwrap().contains("Assessment: Pentest spring (completed)"), "{text}");
        let writes = story.board.writes();
        story.sweep().await;
        assert_eq!(story.board.writes(), writes);
    }
}

#[tokio::test]
async fn completing_an_assessment_is_said_once_on_the_tickets_that_are_there() {
    let (story, assessment) = begin(TestDatabase::sqlite().await, Release::AtIdentification).await;
    scan_for(&story, "Pentest spring", &[weakness("a", "a.js", 1)]).await.unwrap();
    story.settle().await;
    let item = story.work_item();
    let text = |story: &Story| story.board.fields(item)["Microsoft.VSTS.TCM.ReproSteps"].to_string();
    assert!(text(&story).contains("Assessment: Pentest spring<"), "{}", text(&story));

    go(&story, assessment, AssessmentState::Completed).await;
    for _ in 0..3 {
        story.settle().await;
        story.sweep().await;
    }
    assert!(text(&story).contains("Assessment: Pentest spring (completed)"));
    let said: Vec<String> = story.board.comments(item);
    let told = said.iter().filter(|text| text.contains("The assessment Pentest spring is completed")).count();
    assert_eq!(told, 1, "{said:?}");
}

#[tokio::test]
async fn nothing_more_belongs_to_a_completed_assessment_until_it_is_taken_up_again() {
    let (story, assessment) = begin(TestDatabase::sqlite().await, Release::AtIdentification).await;
    go(&story, assessment, AssessmentState::Completed).await;
    let seen = [weakness("a", "a.js", 1)];
    let refused = scan_for(&story, "Pentest spring", &seen).await.unwrap_err();
    assert_eq!(refused.code, "assessment_completed");
    let unknown = scan_for(&story, "Pentest autumn", &seen).await.unwrap_err();
    assert_eq!(unknown.code, "assessment_unknown");
    story.scan(&seen).await;
    story.settle().await;
    let finding = findings(&story).await[0].id;
    let refused = story.engine.add_to_assessment(assessment, &[finding], &ada()).await.unwrap_err();
    assert_eq!(refused.code, "assessment_completed");
    go(&story, assessment, AssessmentState::Running).await;
    assert_eq!(story.engine.add_to_assessment(assessment, &[finding, finding], &ada()).await.unwrap(), 1);
    let planned = story.engine.move_assessment(assessment, AssessmentState::Planned, &ada()).await;
    assert!(planned.is_ok());
    let skipped = story.engine.move_assessment(assessment, AssessmentState::Completed, &ada()).await;
    assert_eq!(skipped.unwrap_err().code, "assessment_state");
}

#[tokio::test]
async fn an_assessment_has_a_name_of_its_own_and_days_in_their_order() {
    let (story, assessment) = begin(TestDatabase::sqlite().await, Release::AtIdentification).await;
    let named = |name: &str| AssessmentSettings { name: name.into(), ..AssessmentSettings::default() };
    let by = ada();
    let made = |settings| story.engine.create_assessment(settings, &by);
    assert_eq!(made(named("PENTEST spring")).await.unwrap_err().code, "assessment_exists");
    for wrong in ["", "  ", "a\nb"] {
        assert_eq!(made(named(wrong)).await.unwrap_err().code, "assessment_invalid", "{wrong:?}");
    }
    let day = |text: &str| Some(text.parse().unwrap());
    let backwards =
        AssessmentSettings { starts_on: day("2026-03-02"), ends_on: day("2026-03-01"), ..named("Other") };
    assert_eq!(made(backwards).await.unwrap_err().fields[0].0, "/ends_on");
    let other = made(named("Other")).await.unwrap();
    let taken = story.engine.change_assessment(other, named("Pentest Spring"), &ada()).await.unwrap_err();
    assert_eq!(taken.code, "assessment_exists");
    story.engine.change_assessment(assessment, named("PENTEST spring"), &ada()).await.unwrap();
    story.engine.delete_assessment(assessment, &ada()).await.unwrap();
    assert!(made(named("Pentest spring")).await.is_ok());
}
