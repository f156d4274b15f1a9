//! Stories of files that are renamed while their findings are known.

use chrono::Duration;
use model::Status;
use serde_json::{Value, json};
use testkit::{Report, Story, databases};

/// A weakness on a line of a file whose words do not name the file.
fn weakness(id: &str, path: &str, line: u32) -> Value {
    json!({
        "id": id,
        "title": id,
        "severity": "high",
        "path": path,
        "start_line": line,
        "snippet": format!("code of {id}"),
        "message": format!("{id} was found"),
    })
}

/// Two weaknesses in a file, which has `above` lines more at its beginning.
fn file(path: &str, above: u32) -> Vec<Value> {
    vec![weakness("a", path, 10 + above), weakness("b", path, 20 + above)]
}

async fn seen_on(story: &Story, branch: &str, findings: &[Value]) {
    story.wait(Duration::hours(1));
    story.import("shop", &Report::of(story.now(), findings).with("branch", branch)).await;
}

/// Each finding with the path that people read, and whether it is open.
async fn places(story: &Story) -> Vec<(String, bool)> {
    let mut tx = story.engine.db().read().await.unwrap();
    let rows = tx.all("SELECT place, status FROM finding ORDER BY place, id", vec![]).await.unwrap();
    rows.iter()
        .map(|row| (row.text("place").unwrap(), row.word::<Status>("status").unwrap().is_open()))
        .collect()
}

fn open(places: &[&str]) -> Vec<(String, bool)> {
    places.iter().map(|place| ((*place).to_owned(), true)).collect()
}

#[tokio::test]
async fn the_findings_of_a_renamed_file_stay_the_same_and_their_work_items_name_the_new_path() {
    for database in databases().await {
        let story = Story::on(database).begin().await;
        story.scan(&file("src/old.js", 0)).await;
        story.settle().await;
        let items = story.board.work_items();
        assert_eq!(items.len(), 2);
        story.wait(Duration::hours(1));
        // Two lines came in above, too.
        let told = story.scan(&file("lib/new.js", 2)).await;
        story.settle().await;
        assert_eq!(told["new"]["high"], 0, "{told}");
        assert_eq!(told["fixed"]["high"], 0, "{told}");
        assert_eq!(places(&story).await, open(&["lib/new.js:12", "lib/new.js:22"]));
        assert_eq!(story.board.work_items(), items);
        for item in items {
            let text = story.board.fields(item)["Microsoft.VSTS.TCM.ReproSteps"].to_string();
            assert!(text.contains("lib/new.js") && !text.contains("src/old.js"), "{text}");
        }
        let told = "The file src/old.js is called lib/new.js now.";
        assert_eq!(story.history().await.iter().filter(|what| *what == told).count(), 2);
        // And back again.
        story.wait(Duration::hours(1));
        story.scan(&file("src/old.js", 0)).await;
        assert_eq!(places(&story).await, open(&["src/old.js:10", "src/old.js:20"]));
        story.wait(Duration::hours(1));
        story.scan(&[]).await;
        assert!(story.statuses().await.iter().all(|(_, status)| *status == Status::Fixed));
    }
}

#[tokio::test]
async fn a_copied_file_has_findings_of_its_own() {
    let story = Story::sqlite().await;
    story.scan(&file("old.js", 0)).await;
    story.wait(Duration::hours(1));
    story.scan(&[file("old.js", 0), file("copy.js", 0)].concat()).await;
    assert_eq!(places(&story).await, open(&["copy.js:10", "copy.js:20", "old.js:10", "old.js:20"]));
}

#[tokio::test]
async fn a_file_that_came_with_something_else_in_it_is_not_the_one_that_went() {
    let story = Story::sqlite().await;
    story.scan(&file("old.js", 0)).await;
    story.wait(Duration::hours(1));
    story.scan(&[weakness("a", "new.js", 10), weakness("b", "new.js", 25)]).await;
    let gone = ["old.js:10", "old.js:20"].map(|place| (place.to_owned(), false));
    assert_eq!(places(&story).await, [open(&["new.js:10", "new.js:25"]), gone.to_vec()].concat());
}

#[tokio::test]
async fn a_scan_that_did_not_look_at_the_old_path_renames_nothing() {
    let story = Story::sqlite().await;
    story.scan(&file("old/x.js", 0)).await;
    story.wait(Duration::hours(1));
    let coverage = json!({ "extent": "full", "paths": ["new"] });
    let only_new = Report::of(story.now(), &file("new/x.js", 0)).with("coverage", coverage);
    story.import("shop", &only_new).await;
    assert_eq!(places(&story).await, open(&["new/x.js:10", "new/x.js:20", "old/x.js:10", "old/x.js:20"]));
}

#[tokio::test]
async fn a_late_report_renames_nothing_back() {
    let story = Story::sqlite().await;
    story.scan(&file("old.js", 0)).await;
    story.wait(Duration::hours(1));
    let late = story.now();
    story.wait(Duration::hours(1));
    story.scan(&file("new.js", 0)).await;
    story.import("shop", &Report::of(late, &file("old.js", 0))).await;
    let open_now: Vec<_> = places(&story).await.into_iter().filter(|(_, is_open)| *is_open).collect();
    assert_eq!(open_now, open(&["new.js:10", "new.js:20"]));
}

#[tokio::test]
async fn what_a_branch_renames_is_known_there_by_its_new_name_and_on_main_by_its_old_one() {
    let story = Story::sqlite().await;
    seen_on(&story, "main", &file("old.js", 0)).await;
    story.settle().await;
    let items = story.board.work_items();
    // The branch is scanned for the first time, after the file was renamed on it.
    seen_on(&story, "feature", &file("new.js", 0)).await;
    assert_eq!(places(&story).await, open(&["old.js:10", "old.js:20"]), "people read the main branch's path");
    seen_on(&story, "main", &file("old.js", 1)).await;
    assert_eq!(places(&story).await, open(&["old.js:11", "old.js:21"]));
    // A new file with the old name, on the branch alone, is none of these.
    seen_on(&story, "feature", &[file("new.js", 0), vec![weakness("a", "old.js", 11)]].concat()).await;
    assert_eq!(places(&story).await.len(), 3);
    // It is merged.
    seen_on(&story, "main", &file("new.js", 0)).await;
    story.settle().await;
    let there = places(&story).await;
    assert_eq!(there[..2], open(&["new.js:10", "new.js:20"]), "{there:?}");
    assert_eq!(there.len(), 3, "{there:?}");
    assert_eq!(story.board.work_items(), items);
}

#[tokio::test]
async fn a_renamed_folder_is_no_collapse() {
    let story = Story::sqlite().await;
    let folder = |name: &str| -> Vec<Value> {
        (0..40).flat_map(|number| file(&format!("{name}/{number}/x{number}.js"), number)).collect()
    };
    story.scan(&folder("old")).await;
    story.wait(Duration::hours(1));
    let told = story.scan(&folder("new")).await;
    assert_eq!(told["quarantined"], false, "{told}");
    let there = places(&story).await;
    assert_eq!(there.len(), 80);
    assert!(there.iter().all(|(place, is_open)| *is_open && place.starts_with("new/")), "{there:?}");
}
