//! Many writes in one request: one result each, and nothing believed that was not seen.

use azure::{Error, Write};
use model::WorkItemId;
use model::board::{Change, Draft};
use serde_json::{Value, json};

use crate::support::{Bench, bug_shape, html, json as answer_json, ok};

fn change() -> Change {
    Change { state: Some("Closed".into()), ..Change::default() }
}

fn draft() -> Draft {
    Draft { title: "A".into(), ..Draft::default() }
}

fn saved(id: i64, revision: i64) -> Value {
    json!({"code": 200, "headers": {"Content-Type": "application/json; charset=utf-8"},
        "body": json!({"id": id, "rev": revision, "fields": {}}).to_string()})
}

fn refused() -> Value {
    json!({"code": 412, "body": json!({"typeKey": "TestPatchOperationFailedException", "message": "VS403351: no"}).to_string()})
}

#[tokio::test]
async fn new_and_changed_items_travel_together_and_get_one_answer_each() {
    let (shape, draft, change) = (bug_shape(), draft(), change());
    let bench = Bench::new([ok(json!({"count": 2, "value": [saved(11, 1), saved(284, 3)]}))]);
    let writes = [
        Write::Create { project: "My Project", shape: &shape, draft: &draft },
        Write::Update { id: WorkItemId(284), revision: 2, shape: &shape, change: &change },
    ];
    let results = bench.client.write_batch(&writes, bench.soon()).await.unwrap();
    let ids: Vec<i64> = results.into_iter().map(|result| result.unwrap().id().0).collect();
    assert_eq!(ids, [11, 284]);
    let sent = bench.script.sent();
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].url, "https://dev.azure.com/contoso/_apis/wit/$batch?api-version=7.1");
    let body = sent[0].json();
    assert_eq!(body[0]["uri"], "/My%20Project/_apis/wit/workitems/$Bug?api-version=7.1");
    assert_eq!(body[0]["body"][0], json!({"op": "add", "path": "/id", "value": "-1"}));
    assert_eq!(body[1]["uri"], "/_apis/wit/workitems/284?api-version=7.1");
    assert_eq!(body[1]["body"][0], json!({"op": "test", "path": "/rev", "value": 2}));
}

#[tokio::test]
async fn what_was_promised_beside_a_failure_is_only_believed_after_a_look() {
    let (shape, change) = (bug_shape(), change());
    let update =
        |id, revision| Write::Update { id: WorkItemId(id), revision, shape: &shape, change: &change };
    // The service says that 1 and 2 were saved and 3 was not; on the board only 1 was.
    let bench = Bench::new([
        ok(json!({"count": 3, "value": [saved(1, 5), saved(2, 5), refused()]})),
        ok(json!({"value": [{"id": 1, "rev": 5}, {"id": 2, "rev": 4}]})),
    ]);
    let writes = [update(1, 4), update(2, 4), update(3, 4)];
    let results = bench.client.write_batch(&writes, bench.soon()).await.unwrap();
    assert!(results[0].is_ok());
    assert!(matches!(results[1], Err(Error::UnknownOutcome { .. })), "{:?}", results[1]);
    assert!(matches!(results[2], Err(Error::RevisionMoved { .. })), "{:?}", results[2]);

    let bench = Bench::new([ok(json!({"count": 2, "value": [saved(1, 5), refused()]})), html(503)]);
    let results = bench.client.write_batch(&[update(1, 4), update(3, 4)], bench.soon()).await.unwrap();
    assert!(matches!(results[0], Err(Error::UnknownOutcome { .. })), "{:?}", results[0]);
}

#[tokio::test]
async fn a_service_without_batches_gets_the_writes_one_by_one() {
    let (shape, change) = (bug_shape(), change());
    let update = |id| Write::Update { id: WorkItemId(id), revision: 1, shape: &shape, change: &change };
    let item = |id: i64| ok(json!({"id": id, "rev": 2}));
    let bench = Bench::new([answer_json(404, json!({"message": "no such route"})), item(1), item(2)]);
    let results = bench.client.write_batch(&[update(1), update(2)], bench.soon()).await.unwrap();
    assert!(results.iter().all(Result::is_ok));
    assert_eq!(bench.script.sent().len(), 3);
}

#[tokio::test]
async fn a_batch_without_a_trustworthy_answer_leaves_all_of_it_unknown_and_is_not_repeated() {
    let (shape, draft) = (bug_shape(), draft());
    let create = Write::Create { project: "P", shape: &shape, draft: &draft };
    for given in
        [html(502), html(200), ok(json!({"count": 1, "value": [saved(1, 1)]})), ok(json!({"value": 3}))]
    {
        let bench = Bench::new([given]);
        let error = bench.client.write_batch(&[create, create], bench.soon()).await.unwrap_err();
        assert!(matches!(error, Error::UnknownOutcome { .. }), "{error:?}");
        assert_eq!(bench.script.sent().len(), 1);
    }
}

#[tokio::test]
async fn a_change_of_nothing_stays_behind_and_the_others_travel() {
    let (shape, change, nothing) = (bug_shape(), change(), Change::default());
    let update = |id, change| Write::Update { id: WorkItemId(id), revision: 1, shape: &shape, change };
    let bench = Bench::new([
        ok(json!({"count": 2, "value": [saved(1, 2), saved(3, 2)]})),
        ok(json!({"value": [{"id": 1, "rev": 2}, {"id": 3, "rev": 2}]})),
    ]);
    let writes = [update(1, &change), update(2, &nothing), update(3, &change)];
    let results = bench.client.write_batch(&writes, bench.soon()).await.unwrap();
    assert!(results[0].is_ok() && results[2].is_ok());
    assert!(matches!(results[1], Err(Error::NotSent { .. })));
}
