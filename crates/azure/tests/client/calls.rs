//! What is sent, when, and how often.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use azure::{
    Author, BasicAuth, CheckOutcome, Client, ClientConfig, Credential, Error, HookEvent, Request,
    SignInFailure, Transport,
};
use chrono::Duration;
use model::WorkItemId;
use model::board::{Change, Draft, Hyperlink};
use serde_json::{Value, json};

use crate::sign_in::{entra, token};
use crate::support::{Answer, Bench, ManualClock, answer, bug_shape, html, json, noon, ok};

fn item(id: i64) -> Value {
    json!({"id": id, "rev": 1, "fields": {"System.Title": "A"},
        "url": format!("https://dev.azure.com/contoso/p/_apis/wit/workItems/{id}")})
}

fn retitle() -> Change {
    Change { title: Some("New".into()), ..Change::default() }
}

#[tokio::test]
async fn a_new_work_item_carries_everything_in_one_request() {
    let bench = Bench::new([ok(item(1))]);
    let draft = Draft {
        work_item_type: "User Story".into(),
        title: "SQL injection".into(),
        description: "<p>Text</p>".into(),
        priority: Some(1),
        severity: Some("2 - High".into()),
        tags: vec!["security".into(), "sast".into()],
        hyperlinks: vec![Hyperlink { url: "https://x.example/k".into(), comment: "key".into() }],
        fields: [("Custom.Team".to_owned(), "A".to_owned())].into(),
        ..Draft::default()
    };
    bench.client.create("My Project", &bug_shape(), &draft, bench.soon()).await.unwrap();
    let sent = bench.script.sent();
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].method, "POST");
    let path = "https://dev.azure.com/contoso/My%20Project/_apis/wit/workitems/$User%20Story?";
    assert!(sent[0].url.starts_with(path) && sent[0].url.ends_with("&api-version=7.1"), "{}", sent[0].url);
    assert_eq!(sent[0].headers["content-type"], "application/json-patch+json");
    assert_eq!(sent[0].headers["x-tfs-fedauthredirect"], "Suppress");
    assert_eq!(sent[0].headers["authorization"], "Basic OnNlY3JldC10b2tlbg==");
    assert!(sent[0].headers["user-agent"].to_str().unwrap().starts_with("Lockstep/"));
    let set =
        |field: &str, value: Value| json!({"op": "add", "path": format!("/fields/{field}"), "value": value});
    assert_eq!(
        sent[0].json(),
        json!([
            set("System.Title", json!("SQL injection")),
            set("System.AreaPath", json!("Fabrikam\\Web")),
            set("System.IterationPath", json!("Fabrikam")),
            set("Microsoft.VSTS.TCM.ReproSteps", json!("<p>Text</p>")),
            set("Microsoft.VSTS.Common.Priority", json!(1)),
            set("Microsoft.VSTS.Common.Severity", json!("2 - High")),
            set("System.Tags", json!("security; sast")),
            set("Custom.Team", json!("A")),
            {"op": "add", "path": "/relations/-", "value":
                {"rel": "Hyperlink", "url": "https://x.example/k", "attributes": {"comment": "key"}}},
        ])
    );
}

#[tokio::test]
async fn an_update_tests_the_revision_first_and_replaces_all_tags() {
    let bench = Bench::new([ok(item(7))]);
    let change = Change {
        column: Some("Active".into()),
        column_done: Some(true),
        tags: Some(vec!["a".into(), "b".into()]),
        comment: Some("<p>why</p>".into()),
        ..Change::default()
    };
    bench.client.update(WorkItemId(7), 3, &bug_shape(), &change, bench.soon()).await.unwrap();
    let sent = bench.script.sent();
    assert_eq!(sent[0].method, "PATCH");
    assert_eq!(
        sent[0].json(),
        json!([
            {"op": "test", "path": "/rev", "value": 3},
            {"op": "add", "path": "/fields/WEF_0123_Kanban.Column", "value": "Active"},
            {"op": "add", "path": "/fields/WEF_0123_Kanban.Column.Done", "value": true},
            {"op": "add", "path": "/fields/System.History", "value": "<p>why</p>"},
            {"op": "replace", "path": "/fields/System.Tags", "value": "a; b"},
        ])
    );
}

#[tokio::test]
async fn the_done_half_is_not_written_for_a_column_without_halves() {
    let bench = Bench::new([ok(item(7))]);
    let change = Change { column: Some("Closed".into()), column_done: Some(true), ..Change::default() };
    bench.client.update(WorkItemId(7), 3, &bug_shape(), &change, bench.soon()).await.unwrap();
    assert!(!bench.script.sent()[0].body.contains("Done"));
}

#[tokio::test]
async fn an_update_that_changes_nothing_is_not_sent() {
    let bench = Bench::new([]);
    let error = bench
        .client
        .update(WorkItemId(7), 3, &bug_shape(), &Change::default(), bench.soon())
        .await
        .unwrap_err();
    assert!(matches!(error, Error::NotSent { .. }));
}

#[tokio::test]
async fn a_write_is_sent_once_whatever_happens() {
    let cut: fn() -> Answer = || Err(azure::TransportError::NoAnswer("cut".into()));
    for given in [cut, || html(503), || answer(429, &[], ""), || html(203), || json(412, json!({}))] {
        let bench = Bench::new([given()]);
        bench.client.update(WorkItemId(7), 3, &bug_shape(), &retitle(), bench.soon()).await.unwrap_err();
        assert_eq!(bench.script.sent().len(), 1);
    }
}

#[tokio::test]
async fn nothing_leaves_at_or_after_the_deadline() {
    let bench = Bench::new([]);
    let error = bench.client.update(WorkItemId(7), 3, &bug_shape(), &retitle(), noon()).await.unwrap_err();
    assert!(matches!(error, Error::DeadlinePassed { .. }) && error.is_certain_not_applied());
    assert!(bench.script.sent().is_empty());
}

#[tokio::test]
async fn a_write_stays_here_if_its_time_ran_out_while_a_token_was_fetched() {
    let bench = Bench::with(entra(), [token("one")]);
    bench.script.take_time(Duration::seconds(40));
    let error =
        bench.client.update(WorkItemId(7), 3, &bug_shape(), &retitle(), bench.soon()).await.unwrap_err();
    assert!(matches!(error, Error::DeadlinePassed { .. }), "{error:?}");
    assert_eq!(bench.script.sent().len(), 1, "only the token was asked for");
}

#[tokio::test]
async fn the_deadline_goes_with_the_request_unless_the_timeout_is_sooner() {
    let bench = Bench::new([ok(item(7)), ok(item(7))]);
    for (deadline, expected) in [(Duration::seconds(5), 5), (Duration::minutes(10), 60)] {
        let deadline = noon() + deadline;
        bench.client.update(WorkItemId(7), 3, &bug_shape(), &retitle(), deadline).await.unwrap();
        assert_eq!(bench.script.sent().last().unwrap().deadline, noon() + Duration::seconds(expected));
    }
}

#[tokio::test]
async fn a_good_answer_that_asks_to_wait_delays_the_next_call() {
    let kind = ("content-type", "application/json");
    let body = json!({"value": []}).to_string();
    let bench = Bench::new([answer(200, &[kind, ("Retry-After", "20")], &body), ok(item(7)), ok(item(7))]);
    bench.client.read(&[WorkItemId(1)]).await.unwrap();

    let too_soon = noon() + Duration::seconds(10);
    let error = bench.client.update(WorkItemId(7), 3, &bug_shape(), &retitle(), too_soon).await.unwrap_err();
    let until = noon() + Duration::seconds(20);
    assert!(matches!(error, Error::Throttled { retry_at, .. } if retry_at == until), "{error:?}");
    assert_eq!(bench.script.sent().len(), 1, "it would have had to wait past its deadline");

    let late_enough = noon() + Duration::seconds(30);
    bench.client.update(WorkItemId(7), 3, &bug_shape(), &retitle(), late_enough).await.unwrap();
    assert_eq!(azure::Clock::now(&*bench.clock), until, "it waited as long as it was asked to");
    assert_eq!(bench.client.usage().throttled, 1);
}

#[tokio::test]
async fn a_read_does_not_wait_for_minutes() {
    let bench = Bench::new([answer(429, &[("retry-after", "600")], "")]);
    bench.client.read(&[WorkItemId(1)]).await.unwrap_err();
    let error = bench.client.read(&[WorkItemId(1)]).await.unwrap_err();
    assert!(matches!(error, Error::Throttled { .. }));
    assert_eq!(bench.script.sent().len(), 1);
}

#[tokio::test]
async fn calls_slow_down_when_little_of_the_allowance_is_left() {
    let kind = ("content-type", "application/json");
    let body = json!({"value": []}).to_string();
    let low =
        [kind, ("x-ratelimit-limit", "200"), ("x-ratelimit-remaining", "0"), ("x-ratelimit-cost", "0.5")];
    let bench = Bench::new([answer(200, &low, &body), ok(json!({"value": []}))]);
    bench.client.read(&[WorkItemId(1)]).await.unwrap();
    bench.client.read(&[WorkItemId(1)]).await.unwrap();
    assert_eq!(azure::Clock::now(&*bench.clock), noon() + Duration::seconds(5));
    let usage = bench.client.usage();
    assert_eq!((usage.reads, usage.writes, usage.cost), (2, 0, 0.5));
}

#[tokio::test]
async fn reads_go_in_batches_of_two_hundred_and_leave_out_what_is_gone() {
    let ids: Vec<WorkItemId> = (1..=450).map(WorkItemId).collect();
    let bench = Bench::new([
        ok(json!({"value": [item(1), null, item(3)]})),
        ok(json!({"value": []})),
        ok(json!({"value": [item(450)]})),
    ]);
    let items = bench.client.read(&ids).await.unwrap();
    assert_eq!(items.iter().map(|item| item.id().0).collect::<Vec<_>>(), [1, 3, 450]);
    let sent = bench.script.sent();
    let counts: Vec<usize> = sent.iter().map(|sent| sent.json()["ids"].as_array().unwrap().len()).collect();
    assert_eq!(counts, [200, 200, 50]);
    assert_eq!(sent[0].json()["errorPolicy"], "omit");
    assert!(sent[0].json().get("fields").is_none(), "fields and relations exclude each other");
}

#[tokio::test]
async fn a_name_cannot_break_out_of_a_query() {
    let bench = Bench::new([ok(json!({"queryType": "flat", "workItems": [{"id": 5}]}))]);
    let who = Author::Named("O'Neil' OR [System.Id] > '0".into());
    let ids = bench.client.created_since(&who, noon()).await.unwrap();
    assert_eq!(ids, [WorkItemId(5)]);
    let sent = &bench.script.sent()[0];
    let query = sent.json()["query"].as_str().unwrap().to_owned();
    assert!(query.contains("= 'O''Neil'' OR [System.Id] > ''0' AND"), "{query}");
    assert!(query.contains(">= '2026-03-31T12:00:00.000Z'"), "{query}");
    assert!(sent.url.contains("timePrecision=true"), "dates would compare by day");
}

#[tokio::test]
async fn the_feed_goes_on_from_its_cursor_and_tells_deletions() {
    let page = json!({"values": [
            {"id": 1, "rev": 4, "fields": {"System.ChangedBy": {"id": "u", "displayName": "U"}}},
            {"id": 2, "rev": 9, "fields": {"System.IsDeleted": true, "System.ChangedBy": "V <v@example.com>"}}],
        "continuationToken": "1009;351;15;Discussion", "isLastBatch": false});
    let last = json!({"values": [], "continuationToken": "1009;351;15;Discussion", "isLastBatch": true});
    let bench = Bench::new([ok(page), ok(last)]);
    let first = bench.client.changes(None, Some(noon())).await.unwrap();
    assert!(!first.is_last);
    assert_eq!(first.changes.iter().map(|change| change.deleted).collect::<Vec<_>>(), [false, true]);
    assert_eq!(first.changes[1].changed_by.unique_name, "v@example.com");
    let second = bench.client.changes(first.cursor.as_deref(), Some(noon())).await.unwrap();
    assert!(second.is_last);
    let sent = bench.script.sent();
    assert!(sent[0].url.contains("includeDeleted=true"), "deletions would be missed");
    assert!(sent[0].url.contains("startDateTime=2026-03-31T12%3A00%3A00.000Z"), "{}", sent[0].url);
    assert!(sent[1].url.contains("continuationToken=1009%3B351%3B15%3BDiscussion"), "{}", sent[1].url);
    assert!(!sent[1].url.contains("startDateTime"), "the service takes only one of them");
}

#[tokio::test]
async fn a_password_of_a_subscription_is_sent_but_subscriptions_are_known_by_project_event_and_address() {
    let made = json!({"id": "s1", "eventType": "workitem.updated", "consumerId": "webHooks", "status": "enabled",
        "publisherInputs": {"projectId": "P1", "hostId": "h", "tfsSubscriptionId": "t"},
        "consumerInputs": {"url": "https://lockstep.example.com/hooks/abc", "basicAuthPassword": "********"}});
    let other = json!({"id": "s2", "eventType": "build.complete", "consumerId": "jenkins"});
    let bench = Bench::new([ok(made.clone()), ok(json!({"count": 2, "value": [made, other]}))]);
    let url = "https://lockstep.example.com/hooks/abc".parse().unwrap();
    let auth = BasicAuth { username: "lockstep".into(), password: "hook-password".into() };
    bench.client.subscribe("p1", HookEvent::Updated, &url, Some(&auth)).await.unwrap();
    assert_eq!(bench.script.sent()[0].json()["consumerInputs"]["basicAuthPassword"], "hook-password");
    let found = bench.client.subscriptions().await.unwrap();
    assert_eq!(found.len(), 1, "others' subscriptions are none of ours");
    assert!(found[0].is_for("p1", HookEvent::Updated, &url));
    assert!(!found[0].is_for("p1", HookEvent::Created, &url));
}

#[tokio::test]
async fn credentials_never_show_in_debug_output() {
    let bench = Bench::new([ok(json!({"value": []}))]);
    bench.client.read(&[WorkItemId(1)]).await.unwrap();
    let shown = format!("{:?} {:?}", bench.client, bench.script.sent());
    assert!(!shown.contains("secret-token") && !shown.contains("OnNlY3JldC10b2tlbg"), "{shown}");
    assert!(!format!("{:?}", entra()).contains("s&cret"));
}

#[tokio::test]
async fn an_anonymous_visitor_of_a_public_organization_is_not_signed_in() {
    let anonymous = json!({"authenticatedUser": {"id": "aaaaaaaa-0000-0000-0000-000000000000",
        "descriptor": "System:PublicAccess;Anonymous", "providerDisplayName": "Anonymous"}, "deploymentType": "hosted"});
    let bench = Bench::new([ok(anonymous)]);
    let error = bench.client.check().await.unwrap_err();
    assert!(matches!(error, Error::SignIn { why: SignInFailure::Anonymous, .. }), "{error:?}");
}

#[tokio::test]
async fn verification_stops_at_a_wrong_token_and_says_what_to_do() {
    let bench = Bench::new([answer(401, &[("www-authenticate", "Basic realm=\"x\"")], "")]);
    let steps = bench.client.verify(Some("Fabrikam")).await;
    let failed: Vec<&str> = steps
        .iter()
        .filter(|step| matches!(step.outcome, CheckOutcome::Failed { .. }))
        .map(|step| step.name.as_str())
        .collect();
    assert_eq!(failed, ["Sign-in"]);
    assert_eq!(bench.script.sent().len(), 1, "nothing is tried without a sign-in");
    assert_eq!(steps.last().unwrap().name, "Service hooks");
}

#[tokio::test]
async fn verification_names_the_permission_that_is_missing() {
    let user = json!({"authenticatedUser": {"id": "0a1b", "providerDisplayName": "Sync"}, "instanceId": "i",
        "deploymentType": "hosted"});
    let project =
        json!({"id": "p1", "name": "Fabrikam", "url": "https://dev.azure.com/Contoso/_apis/projects/p1"});
    let types = json!({"value": [{"name": "Bug", "referenceName": "B", "states": [], "transitions": {}}]});
    let allowed = |value: bool| ok(json!({"evaluations": [{"value": value}]}));
    let bench = Bench::new([
        ok(user),
        ok(json!({"count": 1, "value": [project.clone()]})),
        ok(project),
        ok(types),
        ok(json!({"value": []})),
        ok(json!({"id": 1, "identifier": "area-guid", "name": "Fabrikam"})),
        allowed(true),
        allowed(false),
        allowed(true),
    ]);
    let steps = bench.client.verify(Some("Fabrikam")).await;
    let failed: Vec<_> =
        steps.iter().filter(|step| matches!(step.outcome, CheckOutcome::Failed { .. })).collect();
    assert_eq!(failed.len(), 1, "{steps:?}");
    assert_eq!(failed[0].name, "Create tags");
    let note = CheckOutcome::Ok { note: "the organization spells itself Contoso".into() };
    assert!(steps.iter().any(|step| step.outcome == note), "a difference in case is mentioned: {steps:?}");
}

#[tokio::test]
async fn an_older_server_is_spoken_to_in_its_own_version_from_then_on() {
    let too_new = json!({"typeKey": "VssVersionOutOfRangeException", "message": "The requested version is out of range."});
    let nothing = || ok(json!({"comments": []}));
    let bench = Bench::new([json(400, too_new), nothing(), nothing()]);
    bench.client.comments("P", WorkItemId(1)).await.unwrap();
    bench.client.comments("P", WorkItemId(1)).await.unwrap();
    let versions: Vec<String> = bench
        .script
        .sent()
        .iter()
        .map(|sent| sent.url.rsplit_once("api-version=").unwrap().1.to_owned())
        .collect();
    assert_eq!(versions, ["7.1-preview.4", "7.0-preview.3", "7.0-preview.3"]);
}

/// Answers every read with nothing, and remembers how many were under way at once.
#[derive(Default)]
struct Crowd {
    now: AtomicUsize,
    most: AtomicUsize,
}

#[async_trait]
impl Transport for Crowd {
    async fn send(&self, _: Request) -> Answer {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        for _ in 0..5 {
            tokio::task::yield_now().await;
        }
        self.now.fetch_sub(1, Ordering::SeqCst);
        ok(json!({"value": []}))
    }
}

#[tokio::test]
async fn no_more_calls_are_under_way_than_allowed() {
    let crowd = Arc::new(Crowd::default());
    let config = ClientConfig {
        max_concurrency: 2,
        ..ClientConfig::hosted("contoso", Credential::PersonalAccessToken("t".into()))
    };
    let client = Client::new(config, Arc::clone(&crowd) as _, ManualClock::at_noon());
    let ids = [WorkItemId(1)];
    let reads = (0..10).map(|_| {
        let client = client.clone();
        tokio::spawn(async move { client.read(&ids).await })
    });
    for read in reads.collect::<Vec<_>>() {
        read.await.unwrap().unwrap();
    }
    assert_eq!(crowd.most.load(Ordering::SeqCst), 2);
    assert_eq!(client.usage().reads, 10);
}

#[tokio::test]
async fn a_write_does_not_wait_for_a_slot_past_its_deadline() {
    let crowd = Arc::new(Crowd::default());
    let config = ClientConfig {
        max_concurrency: 1,
        ..ClientConfig::hosted("contoso", Credential::PersonalAccessToken("t".into()))
    };
    let client = Client::new(config, Arc::clone(&crowd) as _, ManualClock::at_noon());
    let (ids, shape, change) = ([WorkItemId(1)], bug_shape(), retitle());
    let deadline = noon() + Duration::seconds(1);
    let (read, write) =
        tokio::join!(client.read(&ids), client.update(WorkItemId(1), 1, &shape, &change, deadline));
    assert!(read.is_ok());
    assert!(matches!(write, Err(Error::Throttled { .. })), "{write:?}");
    assert_eq!(client.usage().writes, 0);
}

#[tokio::test]
async fn an_organization_cannot_lead_elsewhere_by_its_name() {
    for name in ["..", ".", " "] {
        let crowd = Arc::new(Crowd::default());
        let config = ClientConfig::hosted(name, Credential::PersonalAccessToken("t".into()));
        let client = Client::new(config, Arc::clone(&crowd) as _, ManualClock::at_noon());
        let error = client.check().await.unwrap_err();
        assert!(matches!(error, Error::NotSent { .. }), "{name:?}: {error:?}");
        assert_eq!(client.usage().reads, 0);
    }
}
