//! What a refusal looks like, row by row of what the service is known to refuse: status, type key, code, and the
//! members beside them. Recordings hold only a few of them.

use emulator::{
    Seed,
    seed::{ProcessKind, ProjectSeed, Role, UserSeed},
};
use serde_json::{Value, json};

use crate::common::{Answer, World, set};

/// Says in which shape a refusal has to come.
struct Row {
    status: u16,
    type_key: &'static str,
    /// `TF…` or `VS…` code, or the words it begins with where it has none.
    code: &'static str,
    event: i64,
}

const fn row(status: u16, type_key: &'static str, code: &'static str) -> Row {
    Row { status, type_key, code, event: 3200 }
}

/// Errors of the framework beneath work item tracking.
const fn framework(status: u16, type_key: &'static str, code: &'static str) -> Row {
    Row { status, type_key, code, event: 3000 }
}

#[track_caller]
fn check(answer: &Answer, row: &Row) {
    let body = &answer.body;
    assert_eq!(answer.refused(row.status), row.type_key, "{}", answer.text);
    assert!(body["message"].as_str().unwrap().starts_with(row.code), "{}: {}", row.code, body["message"]);
    assert_eq!(
        (&body["$id"], &body["innerException"], &body["errorCode"]),
        (&json!("1"), &json!(null), &json!(0))
    );
    assert_eq!(body["eventId"], row.event, "{}", answer.text);
    let type_name = body["typeName"].as_str().unwrap();
    assert!(type_name.contains(&format!(".{}, ", row.type_key)), "{type_name}");
    let kind = answer.header("content-type");
    assert_eq!(kind, "application/json; charset=utf-8", "error answers carry no version");
}

/// Fields, flags and codes of a rule validation body.
fn broken(answer: &Answer) -> Vec<(&str, &str, i64)> {
    let entries = answer.body["customProperties"]["RuleValidationErrors"].as_array().unwrap();
    entries
        .iter()
        .map(|entry| {
            assert!(entry["errorMessage"].is_string() && entry["ruleValidationErrors"].is_null());
            let text = |name: &str| entry[name].as_str().unwrap();
            (text("fieldReferenceName"), text("fieldStatusFlags"), entry["fieldStatusCode"].as_i64().unwrap())
        })
        .collect()
}

const LISTED: &str = "required, hasValues, limitedToValues, invalidListValue";

#[tokio::test]
async fn a_broken_rule_comes_with_its_fields_flags_and_numbers() {
    let world = World::demo().await;
    let id = world.bug("A").await;

    let state = world.change(id, json!({"System.State": "Nowhere"})).await;
    check(&state, &row(400, "RuleValidationException", "The field 'State' contains the value 'Nowhere'"));
    assert_eq!(broken(&state), [("System.State", LISTED, 4_194_317)]);
    let custom = &state.body["customProperties"];
    assert_eq!(
        (&custom["FieldReferenceName"], &custom["FieldStatusFlags"], &custom["FieldStatusCode"]),
        (&json!(null), &json!("none"), &json!(0))
    );
    assert_eq!(custom["ErrorMessage"], state.body["message"]);

    let empty = world.change(id, json!({"System.Title": ""})).await;
    check(&empty, &row(400, "RuleValidationException", "TF401320: Rule Error for field Title."));
    assert_eq!(broken(&empty), [("System.Title", "required, invalidEmpty", 524_289)]);

    let board = world.get("Webshop/Payments/_apis/work/boards/Stories").await.good();
    let column = board["fields"]["columnField"]["referenceName"].as_str().unwrap().to_owned();
    let column = world.change(id, json!({ column: "Nowhere" })).await;
    check(&column, &row(400, "RuleValidationException", "TF401320: Rule Error for field State."));
    assert_eq!(broken(&column), [("System.State", LISTED, 4_194_317)]);

    let mirror = world.change(id, json!({"System.BoardColumn": "Active"})).await;
    check(&mirror, &row(400, "RuleValidationException", "TF401326: Invalid field status 'ReadOnly'"));
    assert_eq!(broken(&mirror)[0].0, "System.BoardColumn");

    let person = world.change(id, json!({"System.AssignedTo": "Nobody Known"})).await;
    let words = "The identity value 'Nobody Known' for field 'Assigned To' is an unknown identity";
    check(&person, &row(400, "RuleValidationException", words));

    let several = world.change(id, json!({"System.Title": "", "System.State": "Nowhere"})).await;
    assert_eq!(broken(&several).len(), 2);
    let message = several.body["message"].as_str().unwrap();
    assert!(message.contains("1 additional errors occurred during validation of the work item"), "{message}");
}

#[tokio::test]
async fn what_is_refused_beside_the_rules_has_types_of_its_own() {
    let world = World::demo().await;
    let id = world.bug("A").await;

    let long = world.change(id, json!({"System.Title": "x".repeat(256)})).await;
    check(&long, &row(400, "WorkItemFieldInvalidException", "TF401324: "));
    assert_eq!(long.body["customProperties"], json!({"ReferenceName": "System.Title"}));
    for field in ["System.AreaPath", "System.IterationPath"] {
        let path = world.change(id, json!({ field: "Webshop\\Nowhere" })).await;
        check(&path, &row(400, "WorkItemFieldInvalidTreeNameException", "TF401347: "));
        assert!(path.text.contains(field));
    }
    let field = world.change(id, json!({"Custom.Nothing": 1})).await;
    check(&field, &row(400, "WorkItemTrackingFieldDefinitionNotFoundException", "TF51535: "));
    let query = json!({"query": "SELECT [System.Id] FROM WorkItems WHERE [Custom.Nothing] = 1"});
    let query = world.call("POST", "Webshop/_apis/wit/wiql", query).await;
    assert_eq!((query.status, query.text.contains("TF51005: ")), (400, true), "{}", query.text);

    let stale = json!([{"op": "test", "path": "/rev", "value": 9}, {"op": "add", "path": "/fields/System.Title", "value": "B"}]);
    let stale = world.patch("PATCH", &format!("_apis/wit/workitems/{id}"), stale).await;
    check(
        &stale,
        &framework(
            412,
            "TestPatchOperationFailedException",
            "VS403351: Test Operation for path /rev failed, value 1 was not equal to test value 9.",
        ),
    );

    let format = json!([
        {"op": "add", "path": "/fields/System.Title", "value": "B"},
        {"op": "add", "path": "/multilineFieldsFormat/System.Title", "value": "Markdown"},
    ]);
    let format = world.patch("PATCH", &format!("_apis/wit/workitems/{id}"), format).await;
    assert_eq!(format.status, 400);
    let words = "Operation of changing value type is not supported for the field";
    assert!(format.body["message"].as_str().unwrap().starts_with(words), "{}", format.text);

    let ids: Vec<i64> = (1..=201).collect();
    let many = world.call("POST", "_apis/wit/workitemsbatch", json!({ "ids": ids })).await;
    assert_eq!((many.status, many.body["message"].as_str().unwrap().starts_with("VS403474: ")), (400, true));

    let kind = world.try_create("Webshop", "Unicorn", json!({"System.Title": "A"})).await;
    check(&kind, &row(404, "WorkItemTypeNotFoundException", "VS402323: "));
    let team = world.call("PATCH", "Webshop/Payments/_apis/work/teamsettings", json!({"bugsBehavior": "asRequirements", "backlogIteration": "00000000-0000-0000-0000-00000000dead"})).await;
    assert_eq!(team.refused(400), "InvalidTeamSettingsException", "{}", team.text);
    assert!(team.body["message"].as_str().unwrap().starts_with("TF400497: "), "{}", team.text);
}

/// Older versions know people as text; what cannot be bound comes in the older wrapper.
#[tokio::test]
async fn a_person_sent_as_an_object_to_an_old_version_is_refused_in_the_old_wrapper() {
    let world = World::demo().await;
    let id = world.bug("A").await;
    let ada = json!([{"op": "add", "path": "/fields/System.AssignedTo", "value": {"uniqueName": "ada.marsh@contoso.example"}}]);
    let old = world.patch("PATCH", &format!("_apis/wit/workitems/{id}?api-version=3.0"), ada.clone()).await;
    assert_eq!(old.status, 400);
    assert_eq!(old.body["count"], 1);
    assert!(old.body["value"]["Message"].as_str().unwrap().starts_with("VS403426: "), "{}", old.text);
    assert!(old.body.get("typeKey").is_none());
    world.patch("PATCH", &format!("_apis/wit/workitems/{id}"), ada).await.good();
}

#[tokio::test]
async fn links_that_make_no_sense_are_refused_with_their_codes() {
    let world = World::demo().await;
    let (a, b, c) = (world.bug("A").await, world.bug("B").await, world.bug("C").await);
    let link = |rel: &str, url: String| json!([{"op": "add", "path": "/relations/-", "value": {"rel": rel, "url": url}}]);
    let parent = |of: i64, is: i64| {
        let url = world.url(&format!("_apis/wit/workItems/{is}"));
        let (path, patch) =
            (format!("_apis/wit/workitems/{of}"), link("System.LinkTypes.Hierarchy-Reverse", url));
        let world = &world;
        async move { world.patch("PATCH", &path, patch).await }
    };
    parent(a, b).await.good();
    check(&parent(a, c).await, &row(400, "WorkItemLinkInvalidException", "TF201036: "));
    check(&parent(b, a).await, &row(400, "WorkItemLinkInvalidException", "TF201035: "));
    assert_eq!(parent(a, b).await.refused(400), "RelationAlreadyExistsException");

    let path = format!("_apis/wit/workitems/{c}");
    let page = |number: usize| link("Hyperlink", format!("https://app.example/f/{number}"))[0].clone();
    let all: Value = (0..1000).map(page).collect();
    world.patch("PATCH", &path, all).await.good();
    let twice = world.patch("PATCH", &path, json!([page(7)])).await;
    assert_eq!(twice.refused(400), "RelationAlreadyExistsException");
    assert_eq!(twice.body["message"], "Relation already exists.");
    check(
        &world.patch("PATCH", &path, json!([page(1000)])).await,
        &row(400, "WorkItemLinkInvalidException", "TF201065: "),
    );
}

#[tokio::test]
async fn what_somebody_may_not_do_is_refused_with_the_permission_that_lacks() {
    let mut seed = Seed::demo();
    let organization = &mut seed.organizations[0];
    organization.users[2].pats.push("bens-token".into());
    organization.users[2].no_new_tags = true;
    let reader =
        UserSeed::person("Rita", "rita@contoso.example").with_role(Role::Reader).with_pat("ritas-token");
    organization.users.push(reader);
    let mut world = World::seeded(seed).await;
    let id = world.bug("A").await;

    world.pat = "bens-token".into();
    let tag = world.change(id, json!({"System.Tags": "brand-new"})).await;
    check(&tag, &framework(403, "AccessCheckException", "TF401289: "));
    let custom = &tag.body["customProperties"];
    assert!(
        custom["Descriptor"].is_string() && custom["Token"].as_str().unwrap().starts_with('/'),
        "{custom}"
    );
    assert_eq!(
        (&custom["IdentityDisplayName"], &custom["RequestedPermissions"], &custom["NamespaceId"]),
        (&json!("Ben Okafor"), &json!(2), &json!("bb50f182-8e5e-40b8-bc21-e8752a1e7ae2"))
    );
    let bypass = format!("_apis/wit/workitems/{id}?bypassRules=true");
    let denied = world.patch("PATCH", &bypass, set(json!({"System.Title": "B"}))).await;
    assert_eq!((denied.status, denied.text.contains("TF401322: ")), (400, true), "{}", denied.text);

    world.pat = "ritas-token".into();
    let area = world.change(id, json!({"System.Title": "B"})).await;
    check(&area, &row(403, "WorkItemUnauthorizedSaveException", "TF237111: "));

    world.pat = emulator::seed::DEMO_PAT.into();
    let nobody = world.patch("PATCH", &bypass, set(json!({"System.ChangedBy": ""}))).await;
    assert_eq!((nobody.status, nobody.text.contains("VS403417: ")), (400, true), "{}", nobody.text);
}

#[tokio::test]
async fn what_is_not_there_is_a_404_with_the_kind_of_thing() {
    let world = World::demo().await;
    let id = world.bug("A").await;
    world.request("DELETE", &format!("Webshop/_apis/wit/workitems/{id}")).send().await.unwrap();
    for gone in [id, 999] {
        let read = world.get(&format!("_apis/wit/workitems/{gone}")).await;
        check(&read, &row(404, "WorkItemUnauthorizedAccessException", "TF401232: "));
        let write = world.change(gone, json!({"System.Title": "B"})).await;
        check(&write, &row(404, "WorkItemUnauthorizedAccessException", "TF401232: "));
    }
    let named = world.get("_apis/projects/Nowhere").await;
    check(&named, &framework(404, "ProjectDoesNotExistWithNameException", "TF200016: "));
    let numbered = world.get("_apis/projects/00000000-0000-0000-0000-00000000dead").await;
    check(&numbered, &framework(404, "ProjectDoesNotExistException", "VS800075: "));
    let team = world.get("_apis/projects/Webshop/teams/Nobody").await;
    assert_eq!(team.refused(404), "TeamNotFoundException");
    let board = world.get("Webshop/Payments/_apis/work/boards/Nothing").await;
    assert_eq!(board.refused(404), "BoardDoesntExistException");
    let attachment = world.get("_apis/wit/attachments/00000000-0000-0000-0000-00000000dead").await;
    assert!(attachment.text.contains("VS402330: "), "{}", attachment.text);
}

/// The rules of a process that restricts its transitions are told like any other.
#[tokio::test]
async fn a_transition_that_the_process_does_not_have_is_told_on_the_state() {
    let mut seed = Seed::demo();
    seed.organizations[0].projects.push(ProjectSeed::new("Formal", ProcessKind::Cmmi));
    let world = World::seeded(seed).await;
    let id = world.create("Formal", "Bug", json!({"System.Title": "A"})).await["id"].as_i64().unwrap();
    let skipped = world.change(id, json!({"System.State": "Resolved"})).await;
    check(&skipped, &row(400, "RuleValidationException", "The field 'State' contains the value 'Resolved'"));
    assert_eq!(broken(&skipped), [("System.State", LISTED, 4_194_317)]);
}

/// What takes a crowd, a large organization or luck can be had on demand.
#[tokio::test]
async fn refusals_that_no_single_request_brings_about_are_had_on_demand() {
    let world = World::demo().await;
    let id = world.bug("A").await;
    let rows = [
        (409, "WorkItemRevisionMismatchException", "TF26071: ", 600_122),
        (400, "WorkItemTrackingQueryTimeoutException", "VS402335: ", 0),
        (400, "WorkItemTrackingQueryResultSizeLimitExceededException", "VS402337: ", 0),
        (503, "WorkItemTrackingQueryTooManyConcurrentUsers", "VS402490: ", 0),
    ];
    for (status, type_key, code, number) in rows {
        let fault = json!({"times": 1, "action": {"kind": "refuse", "code": code.trim_end_matches(": ")}});
        world.control("POST", "faults", Some(fault)).await.good();
        let answer = world.change(id, json!({"System.Title": code})).await;
        assert_eq!(answer.refused(status), type_key);
        assert!(answer.body["message"].as_str().unwrap().starts_with(code), "{}", answer.text);
        assert_eq!((&answer.body["errorCode"], &answer.body["eventId"]), (&json!(number), &json!(3200)));
    }
    assert_eq!(world.item(id).await["rev"], 1, "nothing was applied");
    let misspelt = json!({"action": {"kind": "refuse", "code": "TF1"}});
    assert_eq!(world.control("POST", "faults", Some(misspelt)).await.status, 400);
}
