//! Work done over the API: reports, live events, a board, service hooks.

use std::time::Duration;

use crate::support::{Server, Session, on_every_database, problem};
use api::{
    Connection, ConnectionCheck, DestinationCheck, Finding, FindingSummary, Job, JobState, LiveEventKind,
    Page, Plan, ProjectTypes, Role, Scan, TeamBoards, Ticket, TicketHealth,
};
use futures::StreamExt as _;
use model::Status;
use reqwest::{Method, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::json;

const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn report(run: &str, day: u32, rules: &[&str]) -> String {
    let results: Vec<_> = rules
        .iter()
        .map(|rule| {
            json!({
                "ruleId": rule,
                "message": { "text": format!("{rule} is broken") },
                "locations": [{ "physicalLocation": {
                    "artifactLocation": { "uri": format!("src/{rule}.rs") },
                    "region": { "startLine": 7 }
                } }]
            })
        })
        .collect();
    json!({
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "Teller", "rules": [
                { "id": "sql", "properties": { "security-severity": "9.1" } },
                { "id": "xss", "properties": { "security-severity": "5.0" } }
            ] } },
            "automationDetails": { "guid": run },
            "invocations": [{ "executionSuccessful": true, "startTimeUtc": format!("2026-01-{day:02}T01:00:00Z") }],
            "results": results
        }]
    })
    .to_string()
}

#[expect(clippy::unwrap_used, reason = "test support")]
pub(crate) async fn ask<T: DeserializeOwned>(
    session: &Session<'_>,
    method: Method,
    path: &str,
    status: StatusCode,
) -> T {
    let response = session.call(method, path).send().await.unwrap();
    assert_eq!(response.status(), status, "{path}: {}", response.text().await.unwrap());
    response.json().await.unwrap()
}

#[expect(clippy::unwrap_used, reason = "test support")]
pub(crate) async fn send<T: DeserializeOwned>(
    session: &Session<'_>,
    method: Method,
    path: &str,
    body: serde_json::Value,
    status: StatusCode,
) -> T {
    let response = session.call(method, path).json(&body).send().await.unwrap();
    let (answered, text) = (response.status(), response.text().await.unwrap());
    assert_eq!(answered, status, "{path}: {text}");
    serde_json::from_str(&text).unwrap()
}

/// Reads again after every live event until it is as expected, as a page does.
#[expect(clippy::unwrap_used, reason = "test support")]
pub(crate) async fn until<T: DeserializeOwned>(
    session: &Session<'_>,
    path: &str,
    there: impl Fn(&T) -> bool,
) -> T {
    let read = async {
        // Listens before it reads, so that no change falls between the two.
        let mut events = session.call(Method::GET, "/api/v1/events").send().await.unwrap().bytes_stream();
        loop {
            let value = ask(session, Method::GET, path, StatusCode::OK).await;
            if there(&value) {
                return value;
            }
            events.next().await.unwrap().unwrap();
        }
    };
    tokio::time::timeout(PATIENCE, read).await.unwrap_or_else(|_| panic!("{path} never became as expected"))
}

#[expect(clippy::unwrap_used, reason = "test support")]
pub(crate) async fn import(session: &Session<'_>, query: &str, report: String) -> Job {
    let path = format!("/api/v1/imports?{query}");
    let response = session.call(Method::POST, &path).body(report).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    let job: Job = response.json().await.unwrap();
    until(session, &format!("/api/v1/jobs/{}", job.id), |job: &Job| {
        matches!(job.state, JobState::Succeeded | JobState::Failed)
    })
    .await
}

#[test]
fn a_report_becomes_findings_that_a_person_decides_about() {
    on_every_database(|server| async move {
        let session = server.session().await;
        let job =
            import(&session, "asset=shop&tags=web,eu&branch=main", report("one", 1, &["sql", "xss"])).await;
        let result = job.import.unwrap();
        assert_eq!((result.new.critical, result.new.medium, result.scans.len()), (1, 1, 1));
        let scan: Scan =
            ask(&session, Method::GET, &format!("/api/v1/scans/{}", result.scans[0]), StatusCode::OK).await;
        assert_eq!((scan.new, scan.branch.as_deref(), scan.asset.name.as_str()), (2, Some("main"), "shop"));

        let page: Page<FindingSummary> =
            ask(&session, Method::GET, "/api/v1/findings?severity=critical", StatusCode::OK).await;
        let path = format!("/api/v1/findings/{}", page.items[0].id);
        let found: Finding = ask(&session, Method::GET, &path, StatusCode::OK).await;
        assert_eq!(found.detections.len(), 1);
        assert!(found.detections[0].tracked);

        let refused = session
            .call(Method::POST, &format!("{path}/status"))
            .json(&json!({ "status": "fixed" }))
            .send()
            .await
            .unwrap();
        assert_eq!(problem(refused).await.status, 409);
        let accepted: Finding = send(
            &session,
            Method::POST,
            &format!("{path}/status"),
            json!({ "status": "risk_accepted", "reason": "known", "until": "2030-01-01T00:00:00Z" }),
            StatusCode::OK,
        )
        .await;
        assert_eq!(accepted.summary.status, Status::RiskAccepted);
        assert!(accepted.summary.temporary_until.is_some());
        assert_eq!(accepted.reason.as_deref(), Some("known"));
        let history: Page<api::HistoryEntry> =
            ask(&session, Method::GET, &format!("{path}/history"), StatusCode::OK).await;
        assert_eq!(history.items[0].cause.label, "admin");
        assert_eq!(history.items[0].to, Some(Status::RiskAccepted));
    });
}

#[test]
fn the_same_report_again_changes_nothing_and_says_what_it_did_the_first_time() {
    on_every_database(|server| async move {
        let session = server.session().await;
        let first = import(&session, "asset=shop", report("one", 1, &["sql"])).await.import.unwrap();
        let again = import(&session, "asset=shop", report("one", 1, &["sql"])).await.import.unwrap();
        assert!(again.already_imported && !first.already_imported);
        assert_eq!((again.new, again.scans), (first.new, first.scans));
        let scans: Page<Scan> = ask(&session, Method::GET, "/api/v1/scans", StatusCode::OK).await;
        assert_eq!(scans.items.len(), 1);
    });
}

#[test]
fn a_report_that_cannot_be_read_is_refused_and_leaves_nothing_behind() {
    on_every_database(|server| async move {
        let session = server.session().await;
        for (query, body, code) in [
            ("asset=shop", "", "report_invalid"),
            ("asset=shop", r#"{"version":"2.1.0","runs":[{"tool"#, "report_invalid"),
            ("asset=shop&format=pdf", "{}", "format_unknown"),
            ("asset=%20", r#"{"version":"2.1.0","runs":[]}"#, "import_invalid"),
            ("", r#"{"version":"2.1.0","runs":[]}"#, "import_invalid"),
        ] {
            let path = format!("/api/v1/imports?{query}");
            let refused = session.call(Method::POST, &path).body(body).send().await.unwrap();
            assert_eq!(problem(refused).await.code, code, "{query} {body}");
        }
        let assets: Page<api::Asset> = ask(&session, Method::GET, "/api/v1/assets", StatusCode::OK).await;
        assert!(assets.items.is_empty());
        let left = std::fs::read_dir(server.data.path().join("incoming")).unwrap().count();
        assert_eq!(left, 0, "no file stays behind");
    });
}

#[test]
fn who_watches_hears_of_a_change_and_the_stream_ends_with_the_server() {
    on_every_database(|server| async move {
        let session = server.session().await;
        let response = session.call(Method::GET, "/api/v1/events").send().await.unwrap();
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let mut stream = response.bytes_stream();
        import(&session, "asset=shop", report("one", 1, &["sql"])).await;
        let mut heard = String::new();
        let listen = async {
            while !(heard.contains(r#""kind":"finding""#) && heard.contains(r#""kind":"job""#)) {
                heard.push_str(&String::from_utf8_lossy(&stream.next().await.unwrap().unwrap()));
            }
        };
        tokio::time::timeout(PATIENCE, listen).await.unwrap();
        assert!(heard.contains("event: change"), "{heard}");
        let event = heard.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
        let event: api::LiveEvent = serde_json::from_str(event).unwrap();
        assert!(matches!(event.kind, LiveEventKind::Job | LiveEventKind::Finding | LiveEventKind::Scan));

        server.running.stop().await;
        let end = async { while stream.next().await.is_some_and(|chunk| chunk.is_ok()) {} };
        tokio::time::timeout(PATIENCE, end).await.unwrap();
    });
}

/// A board beside the server, a connection to it and a default destination for bugs.
#[expect(clippy::unwrap_used, reason = "test support")]
async fn connected(server: &Server, board: &emulator::Running) -> Connection {
    let session = server.session().await;
    let new = json!({
        "organization": "contoso",
        "instance_url": board.base_url,
        "sign_in": { "method": "personal_access_token", "token": emulator::seed::DEMO_PAT }
    });
    let check: ConnectionCheck =
        send(&session, Method::POST, "/api/v1/connections/verify", new.clone(), StatusCode::OK).await;
    assert!(check.ok, "{check:?}");
    let connection: Connection =
        send(&session, Method::POST, "/api/v1/connections", new, StatusCode::CREATED).await;
    let destination = json!({
        "connection_id": connection.id, "project": "Webshop", "team": "Payments", "work_item_type": "Bug",
        "binding": { "kind": "default" }
    });
    let check: DestinationCheck =
        send(&session, Method::POST, "/api/v1/destinations/check", destination.clone(), StatusCode::OK).await;
    assert!(check.problems.is_empty(), "{:?}", check.problems);
    let _: api::Destination =
        send(&session, Method::POST, "/api/v1/destinations", destination, StatusCode::CREATED).await;
    let listed = session.call(Method::GET, "/api/v1/connections").send().await.unwrap().text().await.unwrap();
    assert!(!listed.contains(emulator::seed::DEMO_PAT), "secrets are never returned");
    connection
}

#[expect(clippy::unwrap_used, reason = "test support")]
async fn board() -> emulator::Running {
    emulator::start(emulator::Options { allow_local_hooks: true, ..emulator::Options::default() })
        .await
        .unwrap()
}

#[test]
fn a_rule_shows_its_plan_then_makes_tickets_that_reach_the_board() {
    on_every_database(|server| async move {
        let board = board().await;
        let server = server.allowing(&board.base_url).await;
        let session = server.session().await;
        let connection = connected(&server, &board).await;
        import(&session, "asset=shop", report("one", 1, &["sql", "xss"])).await;

        let rule = json!({ "name": "urgent", "criteria": { "severity": { "at_least": "high" } } });
        let plan: api::RulePlan =
            send(&session, Method::POST, "/api/v1/rules/plan", rule.clone(), StatusCode::OK).await;
        assert_eq!((plan.matching, plan.plan.create, plan.plan.tickets.len()), (1, 1, 1));
        assert_eq!((plan.destinations.len(), plan.destinations[0].create), (1, 1));
        let rules: Page<api::Rule> = ask(&session, Method::GET, "/api/v1/rules", StatusCode::OK).await;
        assert!(rules.items.is_empty(), "a plan saves nothing");
        let _: api::Rule = send(&session, Method::POST, "/api/v1/rules", rule, StatusCode::CREATED).await;

        let tickets: Page<Ticket> =
            until(&session, "/api/v1/tickets?health=in_step", |page: &Page<Ticket>| !page.items.is_empty())
                .await;
        let ticket = &tickets.items[0];
        let item = ticket.work_item.clone().unwrap();
        assert_eq!((ticket.health, ticket.findings, item.state.as_str()), (TicketHealth::InStep, 1, "New"));
        let number: Page<Ticket> =
            ask(&session, Method::GET, &format!("/api/v1/tickets?q=%23{}", item.id), StatusCode::OK).await;
        assert_eq!(number.items[0].id, ticket.id);
        let none: Page<Ticket> =
            ask(&session, Method::GET, "/api/v1/tickets?health=parked,missing", StatusCode::OK).await;
        assert!(none.items.is_empty());
        let log: Page<api::TicketLogEntry> =
            ask(&session, Method::GET, &format!("/api/v1/tickets/{}/log", ticket.id), StatusCode::OK).await;
        assert!(!log.items.is_empty());
        let of_ticket: Page<FindingSummary> =
            ask(&session, Method::GET, &format!("/api/v1/findings?ticket={}", ticket.id), StatusCode::OK)
                .await;
        assert_eq!(of_ticket.items[0].ticket.as_ref().unwrap().work_item_id, Some(item.id));

        let job: Job =
            send(&session, Method::POST, "/api/v1/reconcile", json!({ "sweep": true }), StatusCode::ACCEPTED)
                .await;
        let job: Job =
            until(&session, &format!("/api/v1/jobs/{}", job.id), |job: &Job| job.finished_at.is_some()).await;
        assert_eq!(job.reconcile.unwrap().failed, 0);
        let plan: Plan = ask(&session, Method::POST, "/api/v1/plan", StatusCode::OK).await;
        assert_eq!((plan.create, plan.update, plan.follow), (0, 0, 0), "everything is in step");
        let wrong = session.call(Method::POST, "/api/v1/plan?limit=9000").send().await.unwrap();
        assert_eq!(wrong.status(), StatusCode::BAD_REQUEST);

        let at = format!("/api/v1/connections/{}", connection.id);
        let boards: TeamBoards = ask(
            &session,
            Method::GET,
            &format!("{at}/projects/Webshop/teams/Payments/boards"),
            StatusCode::OK,
        )
        .await;
        assert!(!boards.boards.is_empty());
        let types: ProjectTypes =
            ask(&session, Method::GET, &format!("{at}/projects/Webshop/types"), StatusCode::OK).await;
        assert!(types.types.iter().any(|of| of.name == "Bug"));
        let paused: Connection =
            send(&session, Method::PATCH, &at, json!({ "mode": "paused" }), StatusCode::OK).await;
        assert_eq!(paused.mode, api::ConnectionMode::Paused);
        board.stop().await.unwrap();
    });
}

#[test]
fn what_an_import_would_do_is_said_for_findings_and_work_items_and_nothing_is_stored() {
    on_every_database(|server| async move {
        let board = board().await;
        let server = server.allowing(&board.base_url).await;
        let session = server.session().await;
        connected(&server, &board).await;
        let rule = json!({ "name": "all", "criteria": { "severity": { "at_least": "low" } } });
        let _: api::Rule = send(&session, Method::POST, "/api/v1/rules", rule, StatusCode::CREATED).await;
        import(&session, "asset=shop", report("one", 1, &["sql"])).await;
        let of_one = "/api/v1/tickets?health=in_step";
        let first: Page<Ticket> = until(&session, of_one, |page: &Page<Ticket>| !page.items.is_empty()).await;

        let plan = async |query: &str, report: String, status: StatusCode| {
            let path = format!("/api/v1/imports/plan?{query}");
            let response = session.call(Method::POST, &path).body(report).send().await.unwrap();
            let (answered, text) = (response.status(), response.text().await.unwrap());
            assert_eq!(answered, status, "{text}");
            text
        };
        let said = plan("asset=shop", report("two", 2, &["xss"]), StatusCode::OK).await;
        let said: api::ImportPlan = serde_json::from_str(&said).unwrap();
        assert_eq!((said.import.new.medium, said.import.fixed.critical), (1, 1), "{said:?}");
        assert_eq!((said.plan.create, said.destinations[0].create), (1, 1), "{said:?}");
        let [row] = &said.existing.tickets[..] else { panic!("{said:?}") };
        assert_eq!((row.action, row.ticket_id), (api::PlanAction::Close, Some(first.items[0].id)));
        let scans: Page<api::Scan> = ask(&session, Method::GET, "/api/v1/scans", StatusCode::OK).await;
        assert_eq!(scans.items.len(), 1, "nothing is stored");

        let broken = plan("asset=shop", "{".into(), StatusCode::UNPROCESSABLE_ENTITY).await;
        assert!(broken.contains("report_invalid"), "{broken}");
        board.stop().await.unwrap();
    });
}

#[test]
fn rows_of_a_plan_are_applied_in_shadow_mode_listed_and_undone() {
    on_every_database(|server| async move {
        let board = board().await;
        let server = server.allowing(&board.base_url).await;
        let session = server.session().await;
        let connection = connected(&server, &board).await;
        let at = format!("/api/v1/connections/{}", connection.id);
        let _: Connection =
            send(&session, Method::PATCH, &at, json!({ "mode": "shadow" }), StatusCode::OK).await;
        import(&session, "asset=shop", report("one", 1, &["sql", "xss"])).await;
        let rule = json!({ "name": "all", "criteria": { "severity": { "at_least": "low" } } });
        let _: api::Rule = send(&session, Method::POST, "/api/v1/rules", rule, StatusCode::CREATED).await;
        let _: Page<Ticket> =
            until(&session, "/api/v1/tickets", |page: &Page<Ticket>| page.items.len() == 2).await;

        let plan: Plan = ask(&session, Method::POST, "/api/v1/plan?limit=5000", StatusCode::OK).await;
        assert_eq!((plan.create, plan.tickets.len()), (2, 2));
        let row = &plan.tickets[0];
        let approved = json!({ "tickets": [
            { "ticket_id": row.ticket_id, "revision": row.revision, "fingerprint": row.fingerprint } ] });
        let reader = server.token(Role::Reader).await;
        let forbidden = server
            .call(Method::POST, "/api/v1/plan/applies")
            .bearer_auth(reader)
            .json(&approved)
            .send()
            .await;
        let forbidden = forbidden.unwrap();
        assert_eq!(forbidden.status(), StatusCode::FORBIDDEN);
        let done: api::Apply =
            send(&session, Method::POST, "/api/v1/plan/applies", approved.clone(), StatusCode::OK).await;
        let done: api::Apply =
            until(&session, &format!("/api/v1/plan/applies/{}", done.id), |apply: &api::Apply| {
                apply.tickets[0].state != api::ApplyState::Waiting
            })
            .await;
        assert_eq!(done.tickets[0].state, api::ApplyState::Applied, "{done:?}");
        assert!(done.tickets[0].work_item_id.is_some());
        let again: api::Apply =
            send(&session, Method::POST, "/api/v1/plan/applies", approved, StatusCode::OK).await;
        assert_eq!(again.tickets[0].state, api::ApplyState::Refused, "{again:?}");
        let nothing = json!({ "tickets": [] });
        let empty = session.call(Method::POST, "/api/v1/plan/applies").json(&nothing).send().await.unwrap();
        assert_eq!(problem(empty).await.code, "apply_invalid");

        let undo = format!("/api/v1/plan/applies/{}/undo", done.id);
        let undone: api::Apply = ask(&session, Method::POST, &undo, StatusCode::OK).await;
        let undone: api::Apply =
            until(&session, &format!("/api/v1/plan/applies/{}", undone.id), |apply: &api::Apply| {
                apply.tickets[0].state != api::ApplyState::Waiting
            })
            .await;
        assert_eq!((undone.tickets[0].state, undone.undoes), (api::ApplyState::Applied, Some(done.id)));
        let parked: Page<Ticket> =
            ask(&session, Method::GET, "/api/v1/tickets?health=parked", StatusCode::OK).await;
        assert_eq!(parked.items.len(), 1, "it waits for a person");
        let all: Page<api::ApplySummary> =
            ask(&session, Method::GET, "/api/v1/plan/applies", StatusCode::OK).await;
        assert_eq!(all.items.len(), 3);
        board.stop().await.unwrap();
    });
}

#[test]
fn a_service_hook_is_taken_in_only_at_its_secret_address_which_only_administrators_see() {
    on_every_database(|server| async move {
        let board = board().await;
        let server = server.allowing(&board.base_url).await;
        let connection = connected(&server, &board).await;
        let path = reqwest::Url::parse(&connection.hook_url).unwrap().path().to_owned();
        let event = json!({
            "id": "018f", "eventType": "workitem.updated", "resource": { "workItemId": 1, "id": 2 }
        });
        let deliver = |path: String, body: String| {
            let request =
                server.call(Method::POST, &path).header("content-type", "application/json").body(body);
            async move { request.send().await.unwrap().status() }
        };
        assert_eq!(deliver(path.clone(), event.to_string()).await, StatusCode::OK);
        assert_eq!(deliver(path.clone(), "{".into()).await, StatusCode::BAD_REQUEST);
        assert_eq!(deliver(format!("{path}x"), event.to_string()).await, StatusCode::NOT_FOUND);
        let wrong =
            server.call(Method::POST, &path).basic_auth("lockstep", Some("wrong")).json(&event).send().await;
        assert_eq!(wrong.unwrap().status(), StatusCode::NOT_FOUND);
        let long = "x".repeat(1024 * 1024 + 1);
        assert_eq!(deliver(path, long).await, StatusCode::PAYLOAD_TOO_LARGE);

        let analyst = server.token(Role::Analyst).await;
        let seen: Page<Connection> = server
            .call(Method::GET, "/api/v1/connections")
            .bearer_auth(analyst)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        assert_eq!(seen.items[0].hook_url, "");
        board.stop().await.unwrap();
    });
}

#[test]
fn a_board_that_refuses_is_said_in_its_own_words_and_nothing_is_saved() {
    on_every_database(|server| async move {
        let board = board().await;
        let server = server.allowing(&board.base_url).await;
        let session = server.session().await;
        let new = |token: &str, url: &str| {
            json!({
                "organization": "contoso", "instance_url": url,
                "sign_in": { "method": "personal_access_token", "token": token }
            })
        };
        let refused = session
            .call(Method::POST, "/api/v1/connections")
            .json(&new("wrong", &board.base_url))
            .send()
            .await
            .unwrap();
        assert_eq!(problem(refused).await.status, 502);
        let check: ConnectionCheck = send(
            &session,
            Method::POST,
            "/api/v1/connections/verify",
            new("wrong", &board.base_url),
            StatusCode::OK,
        )
        .await;
        assert!(!check.ok && check.steps.iter().any(|step| step.next_step.is_some()));
        let elsewhere = new(emulator::seed::DEMO_PAT, "http://127.0.0.1:9");
        let refused =
            session.call(Method::POST, "/api/v1/connections").json(&elsewhere).send().await.unwrap();
        let refused = problem(refused).await;
        assert!(refused.detail.contains("allowed"), "an address nobody allowed is not called: {refused:?}");
        let saved: Page<Connection> = ask(&session, Method::GET, "/api/v1/connections", StatusCode::OK).await;
        assert!(saved.items.is_empty());
        board.stop().await.unwrap();
    });
}

#[test]
fn where_work_items_go_is_said_with_the_reason_and_no_two_destinations_are_bound_to_the_same() {
    on_every_database(|server| async move {
        let board = board().await;
        let server = server.allowing(&board.base_url).await;
        let session = server.session().await;
        let connection = connected(&server, &board).await;
        let new = |binding: serde_json::Value| {
            json!({
                "connection_id": connection.id, "name": "Storefront bugs", "project": "Webshop",
                "team": "Storefront", "work_item_type": "Bug", "binding": binding
            })
        };
        let branch = json!({ "kind": "branch", "asset": "shop", "branch": "release/*" });
        let made: api::Destination =
            send(&session, Method::POST, "/api/v1/destinations", new(branch.clone()), StatusCode::CREATED)
                .await;
        assert_eq!(serde_json::to_value(&made.binding).unwrap(), branch);
        let asset = made.asset.unwrap();
        let ask_route = async |query: &str| -> api::Route {
            ask(&session, Method::GET, &format!("/api/v1/routing?asset={}{query}", asset.id), StatusCode::OK)
                .await
        };
        let route = ask_route("&branch=release/1").await;
        assert_eq!(route.taken_by.unwrap().destination.id, made.id);
        assert_eq!(route.others.len(), 1, "the default would take it, too");
        assert_ne!(ask_route("").await.taken_by.unwrap().destination.id, made.id);

        let twice =
            session.call(Method::POST, "/api/v1/destinations").json(&new(branch)).send().await.unwrap();
        assert_eq!(problem(twice).await.code, "destination_taken");
        let blank = new(json!({ "kind": "branch", "asset": "shop", "branch": " " }));
        let blank = session.call(Method::POST, "/api/v1/destinations").json(&blank).send().await.unwrap();
        assert!(blank.status().is_client_error());
        let unclear = session.call(Method::GET, "/api/v1/routing").send().await.unwrap();
        assert!(problem(unclear).await.detail.contains("not said"));

        let found: Page<api::Destination> =
            ask(&session, Method::GET, "/api/v1/destinations?q=storefront", StatusCode::OK).await;
        assert_eq!(found.items.len(), 1);
    });
}
