//! Creating, changing and reading work items, and what the rules say to it.

use serde_json::json;

use crate::common::{World, set};

#[tokio::test]
async fn a_bug_is_created_read_changed_and_found() {
    let world = World::demo().await;
    let created = world
        .create(
            "webshop",
            "Bug",
            json!({"System.Title": "Old library", "System.AreaPath": "Webshop\\Payments"}),
        )
        .await;
    assert_eq!(created["rev"], 1);
    assert_eq!(created["fields"]["System.State"], "New");
    assert_eq!(created["fields"]["System.Reason"], "New");
    assert_eq!(created["fields"]["Microsoft.VSTS.Common.Severity"], "3 - Medium");
    assert_eq!(created["fields"]["System.CreatedBy"]["displayName"], "Lockstep Service");
    assert_eq!(created["fields"]["System.BoardColumn"], "New");
    let id = created["id"].as_i64().unwrap();

    let changed = world.change(id, json!({"System.State": "Active"})).await.good();
    assert_eq!(changed["rev"], 2);
    assert_eq!(changed["fields"]["System.Reason"], "Approved");
    assert_eq!(
        changed["fields"]["Microsoft.VSTS.Common.ActivatedBy"]["uniqueName"],
        "service@contoso.example"
    );

    let found = world.wiql("SELECT [System.Id] FROM WorkItems WHERE [System.TeamProject] = @project AND [System.State] = 'active'").await;
    assert_eq!(found, [id]);
    let read = world.item(id).await;
    assert_eq!(read["fields"]["System.Rev"], 2);
    assert!(read["url"].as_str().unwrap().ends_with(&format!("/_apis/wit/workItems/{id}")));
    assert!(!read["url"].as_str().unwrap().contains("ebshop"), "links carry the project's GUID");
}

#[tokio::test]
async fn a_stale_revision_is_refused_before_any_rule_is_looked_at() {
    let world = World::demo().await;
    let id = world.bug("A").await;
    world.change(id, json!({"System.Title": "B"})).await.good();
    let operations = json!([
        {"op": "test", "path": "/rev", "value": 1},
        {"op": "add", "path": "/fields/System.State", "value": "Nonsense"},
    ]);
    let answer = world.patch("PATCH", &format!("_apis/wit/workitems/{id}"), operations).await;
    assert_eq!(answer.refused(412), "TestPatchOperationFailedException");
    let message = answer.body["message"].as_str().unwrap();
    assert_eq!(
        message,
        "VS403351: Test Operation for path /rev failed, value 2 was not equal to test value 1."
    );
    assert_eq!(world.item(id).await["fields"]["System.Title"], "B");
}

#[tokio::test]
async fn an_update_that_changes_nothing_makes_no_revision() {
    let world = World::demo().await;
    let id = world.bug("A").await;
    let again = world.change(id, json!({"System.Title": "A"})).await.good();
    assert_eq!(again["rev"], 1);
    let checked = world
        .patch(
            "PATCH",
            &format!("_apis/wit/workitems/{id}?validateOnly=true"),
            set(json!({"System.Title": "C"})),
        )
        .await;
    assert_eq!(checked.good()["fields"]["System.Title"], "C");
    assert_eq!(world.item(id).await["fields"]["System.Title"], "A");
}

#[tokio::test]
async fn a_new_item_starts_in_its_initial_state_only() {
    let world = World::demo().await;
    let answer =
        world.try_create("Webshop", "Bug", json!({"System.Title": "A", "System.State": "Resolved"})).await;
    assert_eq!(answer.refused(400), "RuleValidationException");
    let expected =
        "The field 'State' contains the value 'Resolved' that is not in the list of supported values";
    assert_eq!(answer.body["message"], expected);
    let entry = &answer.body["customProperties"]["RuleValidationErrors"][0];
    assert_eq!(entry["fieldReferenceName"], "System.State");
    assert_eq!(entry["fieldStatusFlags"], "required, hasValues, limitedToValues, invalidListValue");
    assert_eq!(entry["fieldStatusCode"], 4_194_317);
}

#[tokio::test]
async fn what_is_wrong_with_a_value_is_said_in_the_service_s_words() {
    let world = World::demo().await;
    let refusals = [
        (json!({"System.AssignedTo": ""}), "RuleValidationException", "Rule Error for field Title"),
        (json!({"System.Title": "x".repeat(256)}), "WorkItemFieldInvalidException", "TF401324"),
        (
            json!({"System.Title": "A", "System.AssignedTo": "nobody@example.com"}),
            "RuleValidationException",
            "is an unknown identity",
        ),
        (
            json!({"System.Title": "A", "System.AreaPath": "Webshop\\Nowhere"}),
            "WorkItemFieldInvalidTreeNameException",
            "TF401347",
        ),
        (
            json!({"System.Title": "A", "Custom.Nothing": 1}),
            "WorkItemTrackingFieldDefinitionNotFoundException",
            "TF51535",
        ),
        (
            json!({"System.Title": "A", "Microsoft.VSTS.Common.Severity": "Huge"}),
            "RuleValidationException",
            "not in the list",
        ),
        (json!({"System.Title": "A", "System.BoardColumn": "Active"}), "RuleValidationException", "TF401326"),
        (
            json!({"System.Title": "A", "Microsoft.VSTS.Common.Priority": "high"}),
            "RuleValidationException",
            "InvalidType",
        ),
    ];
    for (fields, key, words) in refusals {
        let answer = world.try_create("Webshop", "Bug", fields.clone()).await;
        assert_eq!(answer.refused(400), key, "{fields}");
        assert!(answer.text.contains(words), "{fields}: {}", answer.text);
    }
    let answer = world.try_create("Webshop", "Unicorn", json!({"System.Title": "A"})).await;
    assert_eq!(answer.refused(404), "WorkItemTypeNotFoundException");
    let answer = world.try_create("Nowhere", "Bug", json!({"System.Title": "A"})).await;
    assert_eq!(answer.refused(404), "ProjectDoesNotExistWithNameException");
}

#[tokio::test]
async fn people_and_dates_follow_the_state() {
    let world = World::demo().await;
    let id = world.bug("A").await;
    let resolved = world.change(id, json!({"System.State": "Resolved"})).await.good();
    let fields = &resolved["fields"];
    assert_eq!(fields["System.Reason"], "Fixed");
    assert_eq!(fields["Microsoft.VSTS.Common.ResolvedReason"], "Fixed");
    assert!(fields["Microsoft.VSTS.Common.ResolvedDate"].is_string());
    let active = world.change(id, json!({"System.State": "Active"})).await.good();
    let fields = &active["fields"];
    assert_eq!(fields["System.Reason"], "Not fixed");
    assert_eq!(
        fields["Microsoft.VSTS.Common.ResolvedDate"],
        json!(null),
        "leaving the state empties its date"
    );
    assert_eq!(fields["System.AssignedTo"]["displayName"], "Lockstep Service", "back to who resolved it");
}

#[tokio::test]
async fn an_identity_is_taken_by_name_or_address_but_not_by_its_id() {
    let world = World::demo().await;
    let id = world.bug("A").await;
    for sent in ["ada.marsh@contoso.example", "Ada Marsh", "Ada Marsh <ada.marsh@contoso.example>"] {
        let changed = world.change(id, json!({"System.AssignedTo": sent})).await.good();
        assert_eq!(
            changed["fields"]["System.AssignedTo"]["uniqueName"], "ada.marsh@contoso.example",
            "{sent}"
        );
        world.change(id, json!({"System.AssignedTo": ""})).await.good();
    }
    let read = world.item(id).await;
    assert_eq!(read["fields"]["System.AssignedTo"], json!(null), "an empty field is absent");
    let by_id = read["fields"]["System.CreatedBy"]["id"].clone();
    assert_eq!(world.change(id, json!({"System.AssignedTo": by_id})).await.status, 400);
}

#[tokio::test]
async fn adding_tags_merges_and_replacing_overwrites() {
    let world = World::demo().await;
    let id = world.bug("A").await;
    world.change(id, json!({"System.Tags": "security; sast"})).await.good();
    let merged = world.change(id, json!({"System.Tags": "SAST;dast"})).await.good();
    assert_eq!(merged["fields"]["System.Tags"], "dast; sast; security");
    let replace = json!([{"op": "replace", "path": "/fields/System.Tags", "value": "dast"}]);
    let replaced = world.patch("PATCH", &format!("_apis/wit/workitems/{id}"), replace).await.good();
    assert_eq!(replaced["fields"]["System.Tags"], "dast");
    let clear = json!([{"op": "replace", "path": "/fields/System.Tags", "value": ""}]);
    let cleared = world.patch("PATCH", &format!("_apis/wit/workitems/{id}"), clear).await.good();
    assert!(cleared["fields"].get("System.Tags").is_none());
}

#[tokio::test]
async fn html_is_sanitised_on_its_way_in() {
    let world = World::demo().await;
    let sent = "<p class='x' onclick='y()' data-k='1'>Hi <!-- marker --><script>alert(1)</script><a href='https://example.com' id='t'>there</a><blink>!</blink></p>";
    let fields = json!({"System.Title": "A", "Microsoft.VSTS.TCM.ReproSteps": sent});
    let made = world.create("Webshop", "Bug", fields).await;
    let kept = made["fields"]["Microsoft.VSTS.TCM.ReproSteps"].as_str().unwrap();
    assert_eq!(kept, "<p>Hi <a href=\"https://example.com\">there</a>!</p>");
}

#[tokio::test]
async fn markdown_is_kept_with_its_format_and_hidden_by_a_field_filter() {
    let world = World::demo().await;
    let operations = json!([
        {"op": "add", "path": "/fields/System.Title", "value": "A"},
        {"op": "add", "path": "/fields/System.Description", "value": "**bold** <b>x</b>"},
        {"op": "add", "path": "/multilineFieldsFormat/System.Description", "value": "Markdown"},
    ]);
    let made = world.patch("POST", "Webshop/_apis/wit/workitems/$User%20Story", operations).await.good();
    assert_eq!(made["fields"]["System.Description"], "**bold** <b>x</b>");
    assert_eq!(made["multilineFieldsFormat"]["System.Description"], "markdown");
    let id = &made["id"];
    let filtered = world.get(&format!("_apis/wit/workitems/{id}?fields=System.Description")).await.good();
    assert_eq!(filtered["multilineFieldsFormat"], json!({}));
    let alone = json!([{"op": "add", "path": "/multilineFieldsFormat/System.Description", "value": "Html"}]);
    assert_eq!(world.patch("PATCH", &format!("_apis/wit/workitems/{id}"), alone).await.status, 400);
}

#[tokio::test]
async fn cmmi_wants_its_states_in_order_and_an_assignee() {
    use emulator::{
        Seed,
        seed::{ProcessKind, ProjectSeed},
    };
    let mut seed = Seed::demo();
    seed.organizations[0].projects.push(ProjectSeed::new("Formal", ProcessKind::Cmmi));
    let world = World::seeded(seed).await;
    let made = world.create("Formal", "Bug", json!({"System.Title": "A"})).await;
    assert_eq!(made["fields"]["System.State"], "Proposed");
    let id = made["id"].as_i64().unwrap();
    assert_eq!(
        world.change(id, json!({"System.State": "Resolved"})).await.refused(400),
        "RuleValidationException"
    );
    let unassigned = world.change(id, json!({"System.State": "Active", "System.AssignedTo": ""})).await;
    assert!(
        unassigned.text.contains("Rule Error for field Assigned To. Error code: Required, InvalidEmpty."),
        "{}",
        unassigned.text
    );
    world.change(id, json!({"System.State": "Active", "System.AssignedTo": "Ada Marsh"})).await.good();
    world.change(id, json!({"System.State": "Resolved"})).await.good();
}

#[tokio::test]
async fn many_items_are_read_at_once_and_a_missing_one_fails_all_unless_omitted() {
    let world = World::demo().await;
    let (a, b) = (world.bug("A").await, world.bug("B").await);
    let read = world.get(&format!("_apis/wit/workitems?ids={a},{b}&fields=System.Title")).await.good();
    assert_eq!(read["count"], 2);
    assert_eq!(read["value"][1]["fields"], json!({"System.Title": "B"}));
    let missing = world.call("POST", "_apis/wit/workitemsbatch", json!({"ids": [a, 99]})).await;
    assert_eq!(missing.refused(404), "WorkItemUnauthorizedAccessException");
    let omitted = world
        .call("POST", "_apis/wit/workitemsbatch", json!({"ids": [a, 99], "errorPolicy": "omit"}))
        .await
        .good();
    assert_eq!(omitted["value"][1], json!(null));
    let ids: Vec<i64> = (1..=201).collect();
    let many = world.call("POST", "_apis/wit/workitemsbatch", json!({"ids": ids})).await;
    assert!(many.text.contains("VS403474"));
}

#[tokio::test]
async fn updates_and_revisions_tell_what_changed() {
    let world = World::demo().await;
    let id = world.bug("A").await;
    world.change(id, json!({"System.Title": "B", "System.History": "Why not"})).await.good();
    let updates = world.get(&format!("_apis/wit/workitems/{id}/updates")).await.good();
    assert_eq!(updates["count"], 2);
    let title = &updates["value"][1]["fields"]["System.Title"];
    assert_eq!(title, &json!({"oldValue": "A", "newValue": "B"}));
    assert!(updates["value"][1]["fields"]["System.State"].is_null());
    let revision = world.get(&format!("_apis/wit/workitems/{id}/revisions/1")).await.good();
    assert_eq!(revision["fields"]["System.Title"], "A");
}
