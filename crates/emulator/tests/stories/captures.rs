//! Captured deliveries of the real service and ours have the same members. The captures are not part of this
//! repository; without them the test says so. Answers to requests are compared in `tests/conformance`.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::common::set;

const WEBHOOKS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/fixtures/azure-devops/webhooks");

/// Every member of `theirs` is in `ours`, down to the leaves; lists are compared by their first entries.
fn missing(theirs: &Value, ours: &Value, at: &str, all: &mut BTreeSet<String>) {
    match theirs {
        Value::Object(members) => {
            for (name, value) in members {
                match ours.get(name) {
                    Some(own) => missing(value, own, &format!("{at}.{name}"), all),
                    None => {
                        all.insert(format!("{at}.{name}"));
                    }
                }
            }
        }
        Value::Array(list) => {
            if let (Some(first), Some(own)) = (list.first(), ours.get(0)) {
                missing(first, own, &format!("{at}[]"), all);
            }
        }
        _ if theirs.is_null() || ours.is_null() => {}
        _ if std::mem::discriminant(theirs) != std::mem::discriminant(ours) => {
            all.insert(format!("{at}: {theirs} is another type than {ours}"));
        }
        _ => {}
    }
}

/// Members of the organization where the delivery was captured, and not of the service.
fn belongs_to_the_capture(path: &str) -> bool {
    path.contains(".WEF_") || path.contains(".relations") || path.ends_with(".scope")
}

#[test]
fn deliveries_have_the_members_that_were_captured() {
    use crate::stepping::Stepped;
    let cases = [
        ("automate-state-workitem.updated-post-userstory", "workitem.updated"),
        ("docs2018-workitem.created", "workitem.created"),
        ("docs2018-workitem.commented", "workitem.commented"),
        ("docs2018-workitem.deleted", "workitem.deleted"),
        ("docs2018-workitem.restored", "workitem.restored"),
    ];
    let mut stepped = Stepped::new();
    for (_, event) in cases {
        stepped.subscribe(event);
    }
    let id = stepped
        .create("User%20Story", &json!({"System.Title": "A", "System.AreaPath": "Webshop\\Payments"}))["id"]
        .clone();
    let bug = stepped.create("Bug", &json!({"System.Title": "A"}))["id"].clone();
    let patch = |fields: Value| set(fields);
    let item = format!("/contoso/_apis/wit/workitems/{id}?api-version=7.1");
    stepped.pass(1);
    stepped.send("PATCH", &item, &patch(json!({"System.State": "Active"})));
    let other = format!("/contoso/_apis/wit/workitems/{bug}?api-version=7.1");
    stepped.send("PATCH", &other, &patch(json!({"System.History": "words"})));
    stepped.send("DELETE", &other, &Value::Null);
    stepped.send(
        "PATCH",
        &format!("/contoso/_apis/wit/recyclebin/{bug}?api-version=7.1"),
        &json!({"isDeleted": false}),
    );
    let bodies: Vec<Value> = stepped.due().iter().map(|d| serde_json::from_str(&d.body).unwrap()).collect();
    for (file, event) in cases {
        let Ok(text) = std::fs::read_to_string(format!("{WEBHOOKS}/{file}.json")) else {
            println!("skipped: {WEBHOOKS} is not there");
            return;
        };
        let captured: Value = serde_json::from_str(&text).unwrap();
        let wanted = if event == "workitem.updated" { &id } else { &bug };
        let ours = bodies
            .iter()
            .find(|b| {
                b["eventType"] == event
                    && (b["resource"]["id"] == *wanted || b["resource"]["workItemId"] == *wanted)
            })
            .unwrap_or_else(|| panic!("no {event} was delivered"));
        let mut all = BTreeSet::new();
        missing(&captured["payload"], ours, "", &mut all);
        all.retain(|path| !belongs_to_the_capture(path) && !path.ends_with(".workItemHistory"));
        assert!(all.is_empty(), "{event} lacks {all:#?}");
    }
}
