//! Recorded answers of the real service can be read, and recorded failures mean what they should.

use std::path::PathBuf;
use std::sync::LazyLock;

use azure::{Author, CommentText, Error, SignInFailure};
use model::WorkItemId;
use model::board::Change;
use serde_json::{Value, json};

use crate::support::{Answer, Bench, answer, bug_shape, noon, ok};

pub(crate) struct Recorded {
    pub(crate) file: String,
    pub(crate) method: String,
    /// Address in lower case, without query.
    pub(crate) path: String,
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: Value,
}

impl Recorded {
    pub(crate) fn answer(&self) -> Answer {
        let mut headers: Vec<(&str, &str)> =
            self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        if !self.headers.iter().any(|(name, _)| name == "content-type") && !self.body.is_null() {
            headers.push(("content-type", "application/json"));
        }
        let body = match &self.body {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            value => value.to_string(),
        };
        answer(self.status, &headers, &body)
    }

    pub(crate) fn name(&self) -> String {
        format!("{}: {} {}", self.file, self.method, self.path)
    }

    fn ends_with(&self, end: &str) -> bool {
        self.path.trim_end_matches('/').ends_with(end)
    }

    /// The part after `/{area}/`, if the address has it.
    fn after(&self, area: &str) -> Option<&str> {
        self.path.split_once(area).map(|(_, rest)| rest.trim_matches('/'))
    }
}

/// Everything recorded; none, with a word on the console, where the recordings are not at hand.
pub(crate) fn recordings() -> &'static [Recorded] {
    static ALL: LazyLock<Vec<Recorded>> = LazyLock::new(load);
    &ALL
}

fn load() -> Vec<Recorded> {
    let folder: PathBuf =
        [env!("CARGO_MANIFEST_DIR"), "../../../shared/fixtures/azure-devops/recordings"].iter().collect();
    let Ok(entries) = std::fs::read_dir(&folder) else {
        println!("skipped: no recordings beside the repository");
        return Vec::new();
    };
    let mut all = Vec::new();
    for entry in entries {
        let path = entry.unwrap().path();
        let file = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.extension().is_none_or(|end| end != "json") || file == "index.json" {
            continue;
        }
        let document: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        for exchange in document["exchanges"].as_array().unwrap() {
            let Some(url) = exchange["url"].as_str() else { continue };
            let Some(status) = exchange["status"].as_u64() else { continue };
            let headers = exchange["response_headers"].as_object();
            all.push(Recorded {
                file: file.clone(),
                method: exchange["method"].as_str().unwrap_or("GET").to_owned(),
                path: url.split('?').next().unwrap().to_lowercase(),
                status: status as u16,
                headers: headers
                    .into_iter()
                    .flatten()
                    .flat_map(|(name, value)| match value {
                        Value::Array(values) => {
                            values.iter().map(|value| (name.clone(), value.clone())).collect::<Vec<_>>()
                        }
                        value => vec![(name.clone(), value.clone())],
                    })
                    .filter_map(|(name, value)| Some((name, value.as_str()?.to_owned())))
                    .filter(|(name, _)| name != "content-length" && name != "retry-after")
                    .collect(),
                body: exchange["response_body"].clone(),
            });
        }
    }
    all
}

/// Recorded good answers that `choose` wants.
fn good(choose: impl Fn(&Recorded) -> bool) -> Vec<&'static Recorded> {
    recordings().iter().filter(|recorded| (200..300).contains(&recorded.status) && choose(recorded)).collect()
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[tokio::test]
async fn every_recorded_work_item_can_be_read_and_looked_at() {
    let items = good(|recorded| {
        recorded.after("/_apis/wit/workitems/").is_some_and(|rest| is_number(rest) || rest.starts_with('$'))
            && recorded.method != "DELETE"
            && recorded.body["rev"].is_number()
    });
    let mut seen = 0;
    for recorded in &items {
        let body = &recorded.body;
        let bench = Bench::new([recorded.answer()]);
        let change = Change { title: Some("x".into()), ..Change::default() };
        let item = bench
            .client
            .update(WorkItemId(1), 1, &bug_shape(), &change, bench.soon())
            .await
            .unwrap_or_else(|error| panic!("{}: {error}", recorded.name()));
        assert_eq!(json!(item.id().0), body["id"], "{}", recorded.name());
        assert_eq!(json!(item.revision()), body["rev"]);
        let view = item.view(&bug_shape());
        if body["fields"]["System.CreatedDate"].is_null() {
            continue; // The recording asked for a few fields only.
        }
        assert_eq!(json!(view.title), body["fields"]["System.Title"], "{}", recorded.name());
        assert_eq!(json!(view.state), body["fields"]["System.State"]);
        assert!(view.created_at.timestamp() > 1_000_000_000, "{}", recorded.name());
        assert!(!view.created_by.display_name.is_empty(), "{}", recorded.name());
        assert!(!view.created_by.display_name.contains('<'), "{}", recorded.name());
        assert!(view.web_url.contains(&item.id().to_string()), "{}: {}", recorded.name(), view.web_url);
        seen += 1;
    }
    assert!(items.is_empty() || seen > 100, "only {seen} items");
}

#[tokio::test]
async fn recorded_lists_of_work_items_are_read_without_holes() {
    for recorded in good(|recorded| {
        recorded.ends_with("/wit/workitemsbatch") || recorded.file.starts_with("vsteam-Get-VSTeamWorkItem")
    }) {
        let bench = Bench::new([recorded.answer()]);
        let items = bench.client.read(&[WorkItemId(1), WorkItemId(2)]).await;
        let items = items.unwrap_or_else(|error| panic!("{}: {error}", recorded.name()));
        assert_eq!(items.len(), recorded.body["value"].as_array().unwrap().len());
    }
}

#[tokio::test]
async fn recorded_deletions_and_recycle_bins_can_be_read() {
    for recorded in good(|recorded| recorded.ends_with("/wit/recyclebin") && recorded.method == "GET") {
        let bench = Bench::new([recorded.answer()]);
        let ids = bench.client.recycled("Fabrikam").await.unwrap();
        assert_eq!(ids, [92, 93, 102].map(WorkItemId), "{}", recorded.name());
    }
    let mut deletions = 0;
    let all = good(|recorded| recorded.body["resource"]["rev"].is_number());
    for recorded in &all {
        let bench = Bench::new([recorded.answer()]);
        let found = bench.client.read_recycled("Fabrikam", WorkItemId(1)).await;
        let found = found.unwrap_or_else(|error| panic!("{}: {error}", recorded.name())).unwrap();
        assert_eq!(json!(found.item.id().0), recorded.body["resource"]["id"]);
        assert!(!found.deleted_by.is_empty());
        deletions += 1;
    }
    assert!(all.is_empty() || deletions > 5, "only {deletions} deletions");
}

#[tokio::test]
async fn recorded_query_results_give_ids() {
    let results =
        good(|recorded| recorded.after("/_apis/wit/wiql").is_some() && recorded.body["queryType"] == "flat");
    for recorded in &results {
        let bench = Bench::new([recorded.answer()]);
        let ids = bench.client.created_since(&Author::Me, noon()).await;
        let ids = ids.unwrap_or_else(|error| panic!("{}: {error}", recorded.name()));
        assert_eq!(ids.len(), recorded.body["workItems"].as_array().unwrap().len(), "{}", recorded.name());
    }
}

#[tokio::test]
async fn a_recorded_page_of_the_feed_gives_changes_and_a_cursor() {
    for recorded in good(|recorded| recorded.ends_with("/reporting/workitemrevisions")) {
        let bench = Bench::new([recorded.answer()]);
        let page = bench.client.changes(Some("1;1;1"), None).await;
        let page = page.unwrap_or_else(|error| panic!("{}: {error}", recorded.name()));
        assert_eq!(page.changes.len(), recorded.body["values"].as_array().unwrap().len());
        assert_eq!(page.cursor.as_deref(), Some("842;5;3"), "{}", recorded.name());
    }
}

#[tokio::test]
async fn recorded_projects_and_teams_can_be_listed() {
    for recorded in good(|recorded| recorded.ends_with("/_apis/projects") && recorded.method == "GET") {
        let bench = Bench::new([recorded.answer()]);
        let projects = bench.client.projects().await;
        let projects = projects.unwrap_or_else(|error| panic!("{}: {error}", recorded.name()));
        assert_eq!(projects.len(), recorded.body["value"].as_array().unwrap().len());
    }
    for recorded in good(|recorded| {
        recorded.after("/_apis/projects/").is_some_and(|rest| rest.ends_with("/teams"))
            && recorded.method == "GET"
    }) {
        let first = recorded.body["value"][0]["id"].clone();
        let project = json!({"id": "p", "name": "P", "defaultTeam": {"id": first, "name": "P Team"}});
        let bench = Bench::new([ok(project), recorded.answer()]);
        let teams = bench.client.teams("P").await;
        let teams = teams.unwrap_or_else(|error| panic!("{}: {error}", recorded.name()));
        assert_eq!(json!(teams[0].id), first, "the default team comes first: {}", recorded.name());
        assert_eq!(teams.iter().filter(|team| team.is_default).count(), 1);
    }
    for recorded in good(|recorded| recorded.ends_with("/teamsettings/teamfieldvalues")) {
        let bench = Bench::new([recorded.answer()]);
        let areas = bench.client.team_areas("P", "T").await;
        let areas = areas.unwrap_or_else(|error| panic!("{}: {error}", recorded.name()));
        assert_eq!(areas.areas.len(), recorded.body["values"].as_array().unwrap().len());
    }
}

#[tokio::test]
async fn the_types_of_a_real_agile_project_give_states_transitions_and_fields() {
    let all = recordings();
    let find = |name: &str| all.iter().find(|recorded| recorded.file == name).map(Recorded::answer);
    let (Some(types), Some(categories)) = (
        find("vsteam-get-vsteamworkitemtype.json"),
        find("docs-wit-categories-GET-wit-workItemTypeCategories.json"),
    ) else {
        return;
    };
    let bench = Bench::new([types, categories]);
    let types = bench.client.work_item_types("Fabrikam").await.unwrap();
    assert!(types.iter().all(|one| one.name != "Code Review Request"), "hidden types are left out");
    let bug = types.iter().find(|one| one.name == "Bug").unwrap();
    assert_eq!(bug.initial_state.as_deref(), Some("New"));
    assert!(bug.fields.contains("Microsoft.VSTS.TCM.ReproSteps"));
    assert_eq!(bug.state("resolved").unwrap().category, model::process::StateCategory::Resolved);
    assert_eq!(bug.path("New", "Closed"), Some(vec!["Closed".to_owned()]));
    assert!(!bug.transitions["Active"].contains(&"Active".to_owned()));
}

#[tokio::test]
async fn a_recorded_board_gives_columns_and_named_lanes() {
    let boards = good(|recorded| {
        recorded.after("/_apis/work/boards/").is_some_and(|rest| rest.len() == 36) && recorded.method == "GET"
    });
    for recorded in boards {
        let list = ok(json!({"count": 1, "value": [{"id": "b", "name": "Backlog items"}]}));
        let bench = Bench::new([list, recorded.answer()]);
        let boards = bench.client.boards("Fabrikam", "Fabrikam Team").await.unwrap();
        let names: Vec<&str> = boards[0].columns.iter().map(|column| column.name.as_str()).collect();
        assert_eq!(names, ["New", "Approved", "Committed", "Done"]);
        assert_eq!(boards[0].lanes, ["New Expedite", "Live Site"]);
        assert!(boards[0].shows_type("Bug"));
    }
}

#[tokio::test]
async fn recorded_comments_and_subscriptions_can_be_read() {
    for recorded in good(|recorded| recorded.ends_with("/comments") && recorded.body["comments"].is_array()) {
        let mut body = recorded.body.clone();
        body.as_object_mut().unwrap().remove("continuationToken");
        let bench = Bench::new([ok(body)]);
        let comments = bench.client.comments("P", WorkItemId(1)).await;
        let comments = comments.unwrap_or_else(|error| panic!("{}: {error}", recorded.name()));
        assert!(comments.iter().all(|comment| comment.created_at.timestamp() > 0), "{}", recorded.name());
    }
    for recorded in good(|recorded| recorded.ends_with("/comments") && recorded.method == "POST") {
        let bench = Bench::new([recorded.answer()]);
        let comment =
            bench.client.add_comment("P", WorkItemId(1), CommentText::Html("x"), bench.soon()).await.unwrap();
        assert_eq!((comment.id, comment.version), (50, 1));
    }
    for recorded in
        good(|recorded| recorded.ends_with("/_apis/hooks/subscriptions") && recorded.method == "GET")
    {
        let bench = Bench::new([recorded.answer()]);
        bench.client.subscriptions().await.unwrap_or_else(|error| panic!("{}: {error}", recorded.name()));
    }
}

#[tokio::test]
async fn every_recorded_identity_is_recognised() {
    for recorded in good(|recorded| recorded.ends_with("/_apis/connectiondata")) {
        let bench = Bench::new([recorded.answer(), ok(json!({"count": 0, "value": []}))]);
        let identity = bench.client.check().await;
        let identity = identity.unwrap_or_else(|error| panic!("{}: {error}", recorded.name()));
        assert_eq!(json!(identity.id), recorded.body["authenticatedUser"]["id"]);
        assert_eq!(json!(identity.organization_id), recorded.body["instanceId"]);
    }
}

#[tokio::test]
async fn every_recorded_failure_of_a_write_has_the_right_meaning() {
    let failures: Vec<&Recorded> = recordings().iter().filter(|recorded| recorded.status >= 400).collect();
    for recorded in &failures {
        let bench = Bench::new([recorded.answer()]);
        let change = Change { title: Some("x".into()), ..Change::default() };
        let error =
            bench.client.update(WorkItemId(1), 1, &bug_shape(), &change, bench.soon()).await.unwrap_err();
        let is_right = match recorded.status {
            400 => matches!(&error, Error::Rejected { type_key: Some(_), .. }),
            401 if recorded.body.is_null() => {
                matches!(&error, Error::SignIn { why: SignInFailure::CredentialRefused, .. })
            }
            401 => matches!(&error, Error::SignIn { why: SignInFailure::NotAuthorized(_), .. }),
            404 => matches!(&error, Error::NotFound { .. }),
            // The only one recorded is a page of the gateway.
            503 => matches!(&error, Error::UnknownOutcome { .. }),
            _ => false,
        };
        assert!(is_right, "{} {}: {error:?}", recorded.status, recorded.name());
        assert_eq!(error.is_certain_not_applied(), recorded.status != 503);
    }
}
