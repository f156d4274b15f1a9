//! The two flows that users of this field know, step by step over the API, with the emulator as the board. The pages that
//! lead through them are tested in a browser (`e2e/src/setup.test.ts`).

use api::{
    ClosingStates, Comment, Connection, ConnectionCheck, Destination, DestinationCheck, Finding,
    FindingSummary, HandledTickets, InitialStates, Page, SignInBegun, SignInProgress, Source, Ticket,
    TicketHealth, TicketLogEntry,
};
use emulator::GraphChange;
use model::Status;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::sign_in_ways::{ADA, BEGIN, CLIENT, FINISH, TENANT, beside, browse, entra, new_connection, ok};
use crate::sources::{SUBSCRIPTION, of_machine};
use crate::support::{Session, on_every_database, problem};
use crate::work::{import, report, send, until};

const ADAS_TOKEN: &str =
    "a-token-of-ada-for-the-emulator-only-0000000000000000000000000000000000000000AZDO0000";

const BENS_TOKEN: &str =
    "a-token-of-ben-for-the-emulator-only-0000000000000000000000000000000000000000AZDO0000";

/// The board with Ada, who administers it, and Ben, who works there, each with a token.
async fn board_of_people() -> emulator::Running {
    entra(|seed| {
        for user in &mut seed.organizations[0].users {
            match user.email.as_str() {
                ADA => user.pats = vec![ADAS_TOKEN.into()],
                "ben.okafor@contoso.example" => user.pats = vec![BENS_TOKEN.into()],
                _ => {}
            }
        }
    })
    .await
}

/// What Ada sets up on the board.
async fn ada(board: &emulator::Running, method: Method, path: &str, body: Value) -> Value {
    with(ADAS_TOKEN, board, method, path, body).await
}

/// What Ben does there day by day.
async fn ben(board: &emulator::Running, method: Method, path: &str, body: Value) -> Value {
    with(BENS_TOKEN, board, method, path, body).await
}

#[expect(clippy::unwrap_used, reason = "test support")]
async fn with(token: &str, board: &emulator::Running, method: Method, path: &str, body: Value) -> Value {
    let url = format!("{}/contoso/{path}", board.base_url.trim_end_matches('/'));
    let mut request = reqwest::Client::new().request(method, url).basic_auth("", Some(token));
    if !body.is_null() {
        let kind = if body.is_array() { "application/json-patch+json" } else { "application/json" };
        request = request.header("content-type", kind).body(body.to_string());
    }
    let answer = request.send().await.unwrap();
    let (status, text) = (answer.status(), answer.text().await.unwrap());
    assert!(status.is_success(), "{path}: {status} {text}");
    serde_json::from_str(&text).unwrap_or_default()
}

async fn item(board: &emulator::Running, id: i64) -> Value {
    let path = format!("_apis/wit/workitems/{id}?$expand=all&api-version=7.1");
    ada(board, Method::GET, &path, Value::Null).await
}

async fn moves(board: &emulator::Running, id: i64, state: &str) {
    let patch = json!([{ "op": "replace", "path": "/fields/System.State", "value": state }]);
    ben(board, Method::PATCH, &format!("_apis/wit/workitems/{id}?api-version=7.1"), patch).await;
}

/// The tickets, once so many of them are in step with the board.
async fn tickets(session: &Session<'_>, count: usize) -> Vec<Ticket> {
    let in_step = |page: &Page<Ticket>| {
        page.items.iter().filter(|ticket| ticket.work_item.is_some()).count() == count
            && page.items.iter().all(|ticket| ticket.health != TicketHealth::Pending)
    };
    let mut page: Page<Ticket> = until(session, "/api/v1/tickets?limit=100", in_step).await;
    page.items.sort_by(|one, two| one.title.cmp(&two.title));
    page.items
}

/// A report of a scan that begins now: what was claimed before it, it refutes or proves.
fn scan(run: &str, rules: &[&str]) -> String {
    let now = chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
    report(run, 1, rules).replace("2026-01-01T01:00:00Z", &now)
}

#[expect(clippy::unwrap_used, reason = "test support")]
fn number(ticket: &Ticket) -> i64 {
    ticket.work_item.as_ref().unwrap().id.0
}

async fn becomes(session: &Session<'_>, title: &str, status: Status) -> FindingSummary {
    let of =
        |page: &Page<FindingSummary>| page.items.iter().find(|found| found.title.contains(title)).cloned();
    let there = |page: &Page<FindingSummary>| of(page).is_some_and(|found| found.status == status);
    let page = until(session, "/api/v1/findings?limit=100", there).await;
    of(&page).expect("it was there a moment ago")
}

/// Lockstep has put the card there, and the board says so.
async fn stands_in(session: &Session<'_>, board: &emulator::Running, ticket: &Ticket, state: &str) {
    let is_there = |ticket: &Ticket| ticket.work_item.as_ref().is_some_and(|item| item.state == state);
    let ticket: Ticket = until(session, &format!("/api/v1/tickets/{}", ticket.id), is_there).await;
    assert_eq!(item(board, number(&ticket)).await["fields"]["System.State"], state);
}

#[test]
fn sign_in_map_link_assets_to_boards_paste_a_webhook() {
    on_every_database(|server| async move {
        let board = board_of_people().await;
        // So seldom that what arrives came by a hook.
        let server = server
            .restarted(|settings| {
                beside(&board)(settings);
                settings.pace.poll_interval = Some(chrono::Duration::hours(1));
            })
            .await;
        let session = server.session().await;

        // 1, 2, 4: sign in with a Microsoft account, then choose the organization.
        let begun: SignInBegun = ok(&session, Method::POST, BEGIN, new_connection(&board, None)).await;
        let brought = browse(&begun.authorize_url, ADA).await;
        let progress: SignInProgress = ok(&session, Method::POST, FINISH, brought).await;
        assert_eq!(progress.organizations[0].name, "contoso");
        let chosen = json!({ "state": progress.state, "organization": "contoso" });
        let path = "/api/v1/connections/sign-in/organization";
        let connection: Connection = ok(&session, Method::POST, path, chosen).await;
        let at = format!("/api/v1/connections/{}", connection.id);

        // 3: the severity map of the connection is where its destinations begin.
        let map = json!({ "severity_map": { "critical": { "priority": 2, "severity": "1 - Critical" } } });
        let _: Connection = ok(&session, Method::PATCH, &at, map).await;

        // 5, 6: a custom destination for one asset and the default one, with a status map by columns.
        let statuses = json!({
            "identified": { "column": "New" }, "in_progress": { "column": "Active" },
            "awaiting_validation": { "column": "Resolved" }, "fixed": { "column": "Closed" },
            "risk_accepted": { "column": "Closed" }
        });
        let custom = json!({
            "connection_id": connection.id, "project": "Webshop", "team": "Payments", "lane": "Expedite",
            "work_item_type": "Bug", "binding": { "kind": "asset", "asset": "shop" }, "status_map": statuses
        });
        let fits: DestinationCheck =
            ok(&session, Method::POST, "/api/v1/destinations/check", custom.clone()).await;
        assert!(fits.problems.is_empty(), "{:?}", fits.problems);
        let custom: Destination = ok(&session, Method::POST, "/api/v1/destinations", custom).await;
        let default = json!({
            "connection_id": connection.id, "project": "Webshop", "team": "Storefront",
            "work_item_type": "Bug", "binding": { "kind": "default" }
        });
        let _: Destination = ok(&session, Method::POST, "/api/v1/destinations", default).await;
        let wrong = json!({
            "connection_id": connection.id, "project": "Webshop", "team": "Storefront",
            "work_item_type": "Bug", "binding": { "kind": "asset", "asset": "other" },
            "status_map": { "in_progress": { "state": "Active" } }
        });
        let refused = session.call(Method::POST, "/api/v1/destinations").json(&wrong).send().await.unwrap();
        let refused = problem(refused).await;
        assert!(
            refused.fields.iter().any(|field| field.pointer.contains("identified")),
            "Identified is required: {refused:?}"
        );
        // What makes tickets is never hidden: a visible rule.
        let rule =
            json!({ "name": "Everything Identified", "criteria": { "severity": { "at_least": "info" } } });
        let _: api::Rule = ok(&session, Method::POST, "/api/v1/rules", rule).await;

        // 7: the list can be searched and paged.
        let found: Page<Destination> =
            ok(&session, Method::GET, "/api/v1/destinations?q=shop", Value::Null).await;
        assert!(found.items.iter().any(|destination| destination.id == custom.id));
        let page: Page<Destination> =
            ok(&session, Method::GET, "/api/v1/destinations?limit=1", Value::Null).await;
        assert!(page.items.len() == 1 && page.next_cursor.is_some());

        // 8: the webhook, pasted by hand.
        let connection: Connection = ok(&session, Method::GET, &at, Value::Null).await;
        let projects = ada(&board, Method::GET, "_apis/projects/Webshop?api-version=7.1", Value::Null).await;
        let subscription = json!({
            "publisherId": "tfs", "eventType": "workitem.updated", "resourceVersion": "1.0",
            "consumerId": "webHooks", "consumerActionId": "httpRequest",
            "publisherInputs": { "projectId": projects["id"], "changedFields": "System.State" },
            "consumerInputs": { "url": connection.hook_url }
        });
        let path = "_apis/hooks/subscriptions?api-version=7.1";
        let by_hand = ada(&board, Method::POST, path, subscription).await;

        // 9: check connection.
        let check: ConnectionCheck = ok(&session, Method::POST, &format!("{at}/check"), Value::Null).await;
        assert!(check.ok, "{check:?}");

        // From then on: what becomes Identified gets a work item in the mapped place, linked both ways.
        import(&session, "asset=shop", scan("one", &["sql", "xss"])).await;
        import(&session, "asset=office", scan("office", &["csrf"])).await;
        let all = tickets(&session, 3).await;
        let of_shop: Vec<&Ticket> = all.iter().filter(|ticket| ticket.destination.id == custom.id).collect();
        assert_eq!((of_shop.len(), all.len()), (2, 3), "custom wins, the default takes the rest");
        // By title, and the more severe comes first there.
        let (sql, xss) = (number(of_shop[0]), number(of_shop[1]));
        let shown = item(&board, sql).await;
        assert_eq!(shown["fields"]["System.AreaPath"], "Webshop\\Payments");
        assert_eq!(shown["fields"]["Microsoft.VSTS.Common.Priority"], 2, "as the severity map says");
        let link = shown["relations"][0]["url"].as_str().unwrap().to_owned();
        assert!(link.contains(&of_shop[0].id.to_string()), "{link}");
        let finding = becomes(&session, "sql", Status::Identified).await;
        assert!(finding.ticket.unwrap().url.is_some());

        // A card that is moved on the board changes the finding, by the hook that was pasted.
        moves(&board, xss, "Active").await;
        let found = becomes(&session, "xss", Status::InProgress).await;
        let shown: Finding =
            ok(&session, Method::GET, &format!("/api/v1/findings/{}", found.id), Value::Null).await;
        assert_eq!(shown.summary.ticket.unwrap().state.as_deref(), Some("Active"));

        // And automatically: subscribe for me, in place of the one by hand.
        let path = format!("_apis/hooks/subscriptions/{}?api-version=7.1", by_hand["id"].as_str().unwrap());
        ada(&board, Method::DELETE, &path, Value::Null).await;
        let subscribed: Connection = ok(&session, Method::POST, &format!("{at}/hooks"), Value::Null).await;
        assert_eq!(subscribed.hooks, api::HookState::Subscribed);
        moves(&board, xss, "Closed").await;
        becomes(&session, "xss", Status::AwaitingValidation).await;

        // Closing a card proves nothing: a scan that still sees it brings back the same work item, one that does not
        // proves the fix and closes the other.
        import(&session, "asset=shop", scan("two", &["xss"])).await;
        becomes(&session, "xss", Status::Identified).await;
        becomes(&session, "sql", Status::Fixed).await;
        stands_in(&session, &board, of_shop[1], "New").await;
        stands_in(&session, &board, of_shop[0], "Closed").await;
        import(&session, "asset=shop", scan("three", &["sql", "xss"])).await;
        becomes(&session, "sql", Status::Identified).await;
        stands_in(&session, &board, of_shop[0], "New").await;
        assert_eq!(tickets(&session, 3).await.len(), 3, "no second work item");

        // A decision here moves the card to its mapped stage.
        let decided = json!({ "status": "risk_accepted", "reason": "The WAF stops it." });
        let path = format!("/api/v1/findings/{}/status", found.id);
        let _: Finding = ok(&session, Method::POST, &path, decided).await;
        stands_in(&session, &board, of_shop[1], "Closed").await;

        let log: Page<TicketLogEntry> =
            ok(&session, Method::GET, &format!("/api/v1/tickets/{}/log", of_shop[1].id), Value::Null).await;
        assert!(log.items.len() > 4, "every step is in the log: {log:?}");
        board.stop().await.unwrap();
    });
}

#[test]
fn app_registration_verify_rule_tickets_bulk_close() {
    on_every_database(|server| async move {
        let board = board_of_people().await;
        let server = server.restarted(beside(&board)).await;
        let session = server.session().await;

        // 1, 2: tenant, client id and secret; a failure says where it points.
        let with = |organization: &str, secret: &str| {
            json!({
                "instance_url": board.base_url, "organization": organization,
                "sign_in": { "method": "client_secret", "tenant": TENANT, "client_id": CLIENT, "client_secret": secret }
            })
        };
        let verify = "/api/v1/connections/verify";
        let wrong: ConnectionCheck = ok(&session, Method::POST, verify, with("contoso", "wrong")).await;
        let why = wrong.steps.iter().find_map(|step| step.next_step.clone()).unwrap();
        assert!(!wrong.ok && why.contains("secret"), "{wrong:?}");
        let wrong: ConnectionCheck =
            ok(&session, Method::POST, verify, with("Contozo", "demo-client-secret")).await;
        assert!(!wrong.ok && wrong.steps.iter().any(|step| step.next_step.is_some()), "{wrong:?}");
        let right = with("contoso", "demo-client-secret");
        let checked: ConnectionCheck = ok(&session, Method::POST, verify, right.clone()).await;
        assert!(checked.ok, "{checked:?}");
        let connection: Connection = ok(&session, Method::POST, "/api/v1/connections", right).await;
        assert_eq!(connection.name, "Azure", "the name was left blank");
        let destination = json!({
            "connection_id": connection.id, "project": "Webshop", "team": "Payments",
            "work_item_type": "Bug", "binding": { "kind": "default" }
        });
        let destination: Destination = ok(&session, Method::POST, "/api/v1/destinations", destination).await;

        // 4, 7: a rule with the state in which its work items begin, and auto-close.
        let rule = |initial: &str| {
            json!({
                "name": "Everything", "criteria": { "severity": { "at_least": "info" } }, "initial_state": initial,
                "auto_close": { "enabled": true, "state": "Resolved", "not_for_temporary": true }
            })
        };
        let states: InitialStates = ok(
            &session,
            Method::GET,
            &format!("/api/v1/destinations/{}/initial-states", destination.id),
            Value::Null,
        )
        .await;
        let names: Vec<&str> = states.states.iter().map(|state| state.state.as_str()).collect();
        assert_eq!(names, ["New", "Active"]);
        let refused = session.call(Method::POST, "/api/v1/rules").json(&rule("Closed")).send().await.unwrap();
        let refused = problem(refused).await;
        assert!(refused.fields.iter().any(|field| field.pointer.contains("initial_state")), "{refused:?}");
        let refused =
            session.call(Method::POST, "/api/v1/rules").json(&rule("Nowhere")).send().await.unwrap();
        assert_eq!(problem(refused).await.status, 422);
        let mut settings = rule("New");
        settings["auto_close"]["state"] = "Closed".into();
        let saved: api::Rule = ok(&session, Method::POST, "/api/v1/rules", settings).await;

        // 3: scans come in by upload, and by schedule from Defender for Cloud, under ingest rules.
        board.with_state(|state| {
            let rows = vec![of_machine(1), of_machine(2)];
            state.set_graph(GraphChange { tenant: None, rows, readers: None }).unwrap();
        });
        let source = json!({
            "name": "cloud", "enabled": true,
            "fetch": { "tenant": TENANT, "client_id": CLIENT, "client_secret": "demo-client-secret",
                "subscriptions": [SUBSCRIPTION], "every_minutes": 60, "endpoint": board.base_url },
            "rules": [
                { "name": "machines", "asset": { "pattern": "/virtualmachines/([^/]+)$", "name": "machine $1" } },
            ],
        });
        let _: Source = send(&session, Method::POST, "/api/v1/sources", source, StatusCode::CREATED).await;
        import(&session, "asset=shop", scan("one", &["csrf", "sql", "xss"])).await;
        let all = tickets(&session, 5).await;
        let of = |rule: &str| all.iter().find(|ticket| ticket.title.contains(rule)).unwrap();
        let (_, _) = (of("CVE-2026-00001"), of("CVE-2026-00002"));

        // 6: tickets and comments go both ways.
        let (csrf, sql, xss) = (of("csrf"), of("sql"), of("xss"));
        let said = json!({ "text": "Please look at the query builder." });
        let path = format!("/api/v1/tickets/{}/comments", sql.id);
        let _: Vec<Comment> = send(&session, Method::POST, &path, said, StatusCode::CREATED).await;
        let answer = json!({ "text": "I am on it." });
        let comments =
            format!("Webshop/_apis/wit/workItems/{}/comments?api-version=7.1-preview.4", number(sql));
        ben(&board, Method::POST, &comments, answer).await;
        let both = |all: &Vec<Comment>| {
            all.iter().any(|said| said.text.contains("I am on it."))
                && all.iter().any(|said| said.text.contains("query builder") && said.on_board)
        };
        let _: Vec<Comment> = until(&session, &path, both).await;
        let there = ada(&board, Method::GET, &comments, Value::Null).await.to_string();
        assert!(there.contains("Please look at the query builder."), "{there}");
        moves(&board, number(sql), "Active").await;
        becomes(&session, "sql", Status::InProgress).await;

        // A changed map says what it does to these before it is saved.
        let changed = json!({
            "connection_id": connection.id, "project": "Webshop", "team": "Payments", "work_item_type": "Bug",
            "binding": { "kind": "default" }, "severity_map": { "medium": { "priority": 1 } }
        });
        let path = |id: &str| format!("/api/v1/destinations/{id}/plan");
        let effect: api::Plan =
            ok(&session, Method::POST, &path(&destination.id.to_string()), changed.clone()).await;
        let of_priority = |row: &api::TicketPlan| {
            row.fields.iter().any(|field| field.field == "Priority" && field.to == "1")
        };
        assert!(effect.update == 2 && effect.tickets.iter().all(of_priority), "{effect:?}");
        let nowhere = "00000000-0000-7000-8000-000000000000";
        let refused = session.call(Method::POST, &path(nowhere)).json(&changed).send().await.unwrap();
        assert_eq!(refused.status(), StatusCode::NOT_FOUND);

        // 7: a status for a time keeps the ticket open; what a scan proves closes it with the chosen state.
        let finding = becomes(&session, "xss", Status::Identified).await;
        let for_a_time = json!({ "status": "risk_accepted", "reason": "until the release", "until": "2030-01-01T00:00:00Z" });
        let path = format!("/api/v1/findings/{}/status", finding.id);
        let _: Finding = ok(&session, Method::POST, &path, for_a_time).await;
        import(&session, "asset=shop", scan("two", &["csrf", "xss"])).await;
        becomes(&session, "sql", Status::Fixed).await;
        stands_in(&session, &board, sql, "Closed").await;
        assert_eq!(item(&board, number(xss)).await["fields"]["System.State"], "New", "it is for a time only");

        // 5: a ticket by hand, with a state of the legal ones.
        let _: Value = ok(&session, Method::PUT, &format!("/api/v1/rules/{}", saved.id), {
            let mut off = rule("New");
            off["auto_close"]["state"] = "Closed".into();
            off["enabled"] = false.into();
            off
        })
        .await;
        import(&session, "asset=shop", scan("three", &["csrf", "new", "xss"])).await;
        let new = becomes(&session, "new", Status::Identified).await;
        let illegal = json!({ "findings": [new.id], "state": "Closed" });
        let refused = session.call(Method::POST, "/api/v1/tickets").json(&illegal).send().await.unwrap();
        assert!(problem(refused).await.next_step.contains("New, Active"));
        let legal = json!({ "findings": [new.id], "state": "Active" });
        let by_hand: Ticket = ok(&session, Method::POST, "/api/v1/tickets", legal).await;
        let path = format!("/api/v1/tickets/{}", by_hand.id);
        let by_hand: Ticket = until(&session, &path, |ticket: &Ticket| {
            ticket.work_item.as_ref().is_some_and(|item| item.state == "Active")
        })
        .await;

        // 8: many are closed with one state.
        let chosen = json!({ "tickets": [csrf.id, by_hand.id] });
        let offered: ClosingStates =
            ok(&session, Method::POST, "/api/v1/tickets/closing-states", chosen.clone()).await;
        assert_eq!(offered.groups.len(), 1, "one project and type: one choice");
        assert!(offered.shared.contains(&"Closed".to_owned()), "{:?}", offered.shared);
        let close = json!({ "choices": [{ "tickets": chosen["tickets"], "state": "Closed" }] });
        let closed: HandledTickets = ok(&session, Method::POST, "/api/v1/tickets/close", close).await;
        assert!(closed.tickets.iter().all(|ticket| ticket.refused.is_none()), "{closed:?}");
        for ticket in [csrf, &by_hand] {
            stands_in(&session, &board, ticket, "Closed").await;
        }
        becomes(&session, "csrf", Status::AwaitingValidation).await;
        board.stop().await.unwrap();
    });
}
