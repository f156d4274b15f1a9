//! The neutral view of a work item takes whatever the service gives (azure-devops.md section 7.1).

use azure::{Item, ItemShape};
use chrono::DateTime;
use serde_json::{Value, json};

use crate::support::bug_shape;

fn item(fields: Value) -> Item {
    serde_json::from_value(json!({"id": 9, "rev": 4, "fields": fields,
        "url": "https://dev.azure.com/contoso/8f0e/_apis/wit/workItems/9"}))
    .unwrap()
}

#[test]
fn a_full_item_is_seen_through_the_fields_of_its_type_and_board() {
    let item: Item = serde_json::from_value(json!({"id": 9, "rev": 4,
        "fields": {
            "System.TeamProject": "Fabrikam", "System.WorkItemType": "Bug", "System.State": "Active",
            "System.Title": "T", "System.Tags": "b; A ;c", "System.AreaPath": "Fabrikam\\Web",
            "System.IterationPath": "Fabrikam", "System.CommentCount": 2,
            "System.CreatedDate": "2026-03-31T18:36:26.23Z", "System.ChangedDate": "2026-03-31T18:36:26Z",
            "System.CreatedBy": {"id": "u1", "displayName": "User 1", "uniqueName": "user1@example.com"},
            "System.ChangedBy": "User 2 <user2@example.com>",
            "System.AssignedTo": "User 3",
            "System.Description": "not this one", "Microsoft.VSTS.TCM.ReproSteps": "<p>this one</p>",
            "Microsoft.VSTS.Common.Priority": 2.0, "Microsoft.VSTS.Common.Severity": "2 - High",
            "WEF_0123_Kanban.Column": "In Review", "WEF_0123_Kanban.Column.Done": true, "WEF_0123_Kanban.Lane": "Expedite",
            "WEF_9999_Kanban.Column": "another team's"},
        "multilineFieldsFormat": {"Microsoft.VSTS.TCM.ReproSteps": "markdown"},
        "relations": [
            {"rel": "Hyperlink", "url": "https://x.example/k", "attributes": {"comment": "key", "id": 5}},
            {"rel": "Hyperlink", "url": "https://y.example/", "attributes": null},
            {"rel": "System.LinkTypes.Hierarchy-Forward", "url": "https://dev.azure.com/c/p/_apis/wit/workItems/1"}],
        "url": "https://dev.azure.com/contoso/8f0e/_apis/wit/workItems/9"}))
    .unwrap();
    let view = item.view(&bug_shape());
    assert_eq!((view.id.0, view.revision, view.comment_count), (9, 4, 2));
    assert_eq!(view.tags, ["b", "A", "c"]);
    assert_eq!(view.description.as_deref(), Some("<p>this one</p>"));
    assert!(view.description_is_markdown);
    assert_eq!((view.priority, view.severity.as_deref()), (Some(2), Some("2 - High")));
    assert_eq!(view.column.as_deref(), Some("In Review"));
    assert_eq!((view.column_done, view.lane.as_deref()), (Some(true), Some("Expedite")));
    assert_eq!(
        (view.created_by.id.as_str(), view.changed_by.unique_name.as_str()),
        ("u1", "user2@example.com")
    );
    assert_eq!(view.changed_by.display_name, "User 2");
    assert_eq!(view.assignee.unwrap().display_name, "User 3");
    assert_eq!(view.created_at.timestamp_subsec_millis(), 230);
    assert_eq!(view.hyperlinks.len(), 2);
    assert_eq!(view.hyperlinks[0].comment, "key");
    assert_eq!(view.web_url, "https://dev.azure.com/contoso/8f0e/_workitems/edit/9");
}

#[test]
fn what_is_absent_null_or_empty_is_simply_not_there() {
    let bare = item(json!({"System.Title": null, "System.Tags": "", "System.AssignedTo": {},
        "Microsoft.VSTS.Common.Priority": "many", "System.ChangedDate": "yesterday", "WEF_0123_Kanban.Lane": ""}));
    let view = bare.view(&bug_shape());
    assert_eq!((view.title.as_str(), view.tags.len()), ("", 0));
    assert_eq!((view.assignee, view.priority, view.lane), (None, None, None));
    assert_eq!(view.changed_at, DateTime::UNIX_EPOCH);

    let empty: Item =
        serde_json::from_value(json!({"id": "9", "rev": 4, "fields": null, "relations": null, "url": null}))
            .unwrap();
    let view = empty.view(&bug_shape());
    assert_eq!((view.id.0, view.web_url.as_str()), (9, ""));
}

#[test]
fn an_item_is_not_in_a_column_of_a_board_its_shape_does_not_know() {
    let item = item(json!({"WEF_9999_Kanban.Column": "Doing", "System.BoardColumn": "Doing"}));
    assert_eq!(item.view(&bug_shape()).column, None);
    assert_eq!(item.view(&ItemShape::plain("Fabrikam", "Bug")).column, None);
}

#[test]
fn an_item_survives_being_stored() {
    let item = item(json!({"System.Title": "T", "Custom.Number": 1.5}));
    let stored = serde_json::to_string(&item).unwrap();
    assert_eq!(serde_json::from_str::<Item>(&stored).unwrap(), item);
}
