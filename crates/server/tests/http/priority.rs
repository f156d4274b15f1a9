//! Exploit data and the SLA matrix, over HTTP: who may, what is refused, and how findings follow.

use crate::support::{Session, on_every_database, problem};
use crate::work::{self, ask, until};
use api::{ExploitData, ExploitDataLoad, FindingSummary, Page, Role, Sla, SlaCounts};
use model::SlaState;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

async fn get<T: serde::de::DeserializeOwned>(session: &Session<'_>, path: &str) -> T {
    ask(session, Method::GET, path, StatusCode::OK).await
}

/// Takes in findings of these CVEs, each with a severity, and waits until the rules have looked at them.
async fn import(session: &Session<'_>, findings: &[(&str, &str)]) {
    let findings: Vec<Value> = findings
        .iter()
        .map(|(cve, severity)| json!({"id": cve, "title": cve, "severity": severity, "path": "a.lock"}))
        .collect();
    let report = json!({"lockstep": 1, "scanner": {"name": "test"}, "findings": findings}).to_string();
    work::import(session, "asset=shop", report).await;
    until(session, "/api/v1/findings", |page: &Page<FindingSummary>| {
        page.items.iter().all(|finding| finding.priority.risk > 0)
    })
    .await;
}

/// Waits until the list that this filter asks for holds these alone.
async fn until_listed(session: &Session<'_>, filter: &str, expected: &[&str]) {
    until(session, &format!("/api/v1/findings?{filter}"), |page: &Page<FindingSummary>| {
        page.items.iter().map(|finding| finding.title.as_str()).eq(expected.iter().copied())
    })
    .await;
}

async fn list(session: &Session<'_>, filter: &str) -> Vec<FindingSummary> {
    get::<Page<FindingSummary>>(session, &format!("/api/v1/findings?{filter}")).await.items
}

async fn titles(session: &Session<'_>, filter: &str) -> Vec<String> {
    list(session, filter).await.into_iter().map(|finding| finding.title).collect()
}

const SCORES: &str = "#model_version:v1,score_date:2026-03-02T00:00:00+0000\ncve,epss,percentile\n\
                      CVE-2026-0001,0.9,0.99\nCVE-2026-0002,0.01,0.5\n";

#[test]
fn exploit_data_is_loaded_by_security_managers_and_findings_can_be_asked_for_by_it() {
    on_every_database(|server| async move {
        let session = server.session().await;
        import(
            &session,
            &[("CVE-2026-0001", "high"), ("CVE-2026-0002", "critical"), ("CVE-2026-0003", "high")],
        )
        .await;

        let analyst = server.token(Role::Analyst).await;
        let path = "/api/v1/exploit-data?filename=scores.csv";
        let refused =
            server.call(Method::POST, path).bearer_auth(&analyst).body(SCORES).send().await.unwrap();
        assert_eq!(refused.status(), StatusCode::FORBIDDEN);
        let load = |body: String| session.call(Method::POST, path).body(body).send();
        let loaded: ExploitDataLoad = load(SCORES.into()).await.unwrap().json().await.unwrap();
        assert_eq!((loaded.records, loaded.unchanged), (2, false));
        let older = problem(load(SCORES.replace("-02T", "-01T")).await.unwrap()).await;
        assert_eq!((older.status, older.code.as_str()), (409, "exploit_data_older"));
        let broken = problem(load("cve,epss,percentile\nx,1,1\n".into()).await.unwrap()).await;
        assert!(broken.detail.starts_with("scores.csv: line 2"), "{}", broken.detail);
        let states: Vec<ExploitData> = get(&session, "/api/v1/exploit-data").await;
        let known = states.iter().find_map(|state| state.loaded.clone()).unwrap();
        assert_eq!(
            (known.records, known.origin.as_str(), known.loaded_by.as_str()),
            (2, "scores.csv", "admin")
        );

        until_listed(&session, "min_epss=0.5", &["CVE-2026-0001"]).await;
        let by_risk = titles(&session, "order=risk").await;
        assert_eq!(
            by_risk[0], "CVE-2026-0001",
            "high and likely comes before critical and unlikely: {by_risk:?}"
        );
        assert_eq!(titles(&session, "").await[0], "CVE-2026-0002");
        assert_eq!(titles(&session, "known_exploited=true").await.len(), 0);
        assert_eq!(titles(&session, "known_exploited=false").await.len(), 3);
        for wrong in ["min_epss=2", "min_risk=101", "sla=late", "order=size"] {
            let answer =
                session.call(Method::GET, &format!("/api/v1/findings?{wrong}")).send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{wrong}");
        }
    });
}

#[test]
fn pages_by_risk_hold_every_finding_once_and_a_cursor_of_another_order_is_refused() {
    on_every_database(|server| async move {
        let session = server.session().await;
        let named: Vec<String> = (0..9).map(|n| format!("CVE-2026-{:04}", 1000 + n)).collect();
        let severities = ["high", "low", "critical"];
        let findings: Vec<(&str, &str)> =
            named.iter().enumerate().map(|(n, cve)| (cve.as_str(), severities[n % 3])).collect();
        import(&session, &findings).await;
        let whole = titles(&session, "order=risk").await;
        for filter in ["order=risk", "order=risk&status=open&severity=critical,high,low"] {
            let (mut all, mut cursor) = (Vec::new(), String::new());
            loop {
                let path = format!("/api/v1/findings?limit=2&{filter}&cursor={cursor}");
                let page: Page<FindingSummary> = get(&session, &path).await;
                all.extend(page.items.into_iter().map(|finding| finding.title));
                let Some(next) = page.next_cursor else { break };
                cursor = next;
            }
            assert_eq!(all.len(), 9, "{filter}");
            if !whole.is_empty() {
                assert_eq!(all, whole);
            }
            let other = format!("/api/v1/findings?limit=2&cursor={cursor}");
            let answer = session.call(Method::GET, &other).send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
        }
    });
}

#[test]
fn the_matrix_is_previewed_saved_and_refused_cell_by_cell() {
    on_every_database(|server| async move {
        let session = server.session().await;
        import(&session, &[("CVE-2026-0001", "high"), ("CVE-2026-0002", "critical")]).await;
        let sla: Sla = get(&session, "/api/v1/sla").await;
        assert_eq!((sla.version, sla.counts.on_track), (0, 2));
        assert!(
            list(&session, "").await.iter().all(|finding| finding.priority.sla == Some(SlaState::OnTrack))
        );

        let put = |body: Value| session.call(Method::PUT, "/api/v1/sla").json(&body).send();
        let wrong = problem(put(json!({"days": {"high": {"low": 0}}})).await.unwrap()).await;
        assert_eq!((wrong.status, wrong.code.as_str()), (422, "sla_invalid"));
        assert!(wrong.fields.iter().any(|field| field.pointer == "/days/high/low"), "{wrong:?}");
        let unknown = put(json!({"days": {"awful": {"low": 1}}})).await.unwrap();
        assert_eq!(problem(unknown).await.status, 400);

        let only_critical = json!({"days": {"critical": {"unknown": 1}}});
        let preview =
            session.call(Method::POST, "/api/v1/sla/preview").json(&only_critical).send().await.unwrap();
        let counts: SlaCounts = preview.json().await.unwrap();
        assert_eq!((counts.on_track + counts.approaching, counts.not_covered), (1, 1));
        assert_eq!(get::<Sla>(&session, "/api/v1/sla").await.version, 0, "nothing was changed");
        let reader = server.token(Role::Reader).await;
        let asked = server.call(Method::PUT, "/api/v1/sla").bearer_auth(&reader).json(&only_critical);
        assert_eq!(asked.send().await.unwrap().status(), StatusCode::FORBIDDEN);

        let saved: Sla = put(only_critical).await.unwrap().json().await.unwrap();
        assert_eq!(saved.version, 1);
        until_listed(&session, "sla=not_covered", &["CVE-2026-0001"]).await;
        assert_eq!(titles(&session, "sla=on_track,approaching,breached").await, ["CVE-2026-0002"]);
    });
}

/// Answers every request with this, after what `Location` is given leads elsewhere.
async fn answering(answer: &'static str) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port of loopback");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut asked = [0; 4096];
            let read = stream.read(&mut asked).await.unwrap_or(0);
            let is_current = String::from_utf8_lossy(&asked[..read]).starts_with("GET /current");
            let head = if is_current {
                "HTTP/1.1 302 Found\r\nLocation: /of-today\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                    .to_owned()
            } else {
                format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{answer}",
                    answer.len()
                )
            };
            let _ = stream.write_all(head.as_bytes()).await;
        }
    });
    address
}

#[test]
fn the_server_fetches_from_the_addresses_that_its_operator_named_and_says_what_went_wrong() {
    on_every_database(|server| async move {
        let (scores, html) = (answering(SCORES).await, answering("<html>Sign in</html>").await);
        let server = server
            .restarted(|settings| {
                settings.epss_url = Some(format!("http://{scores}/current").parse().unwrap());
                settings.kev_url = Some(format!("http://{html}/kev.json").parse().unwrap());
            })
            .await;
        let session = server.session().await;
        let states = until(&session, "/api/v1/exploit-data", |states: &Vec<ExploitData>| {
            states.iter().any(|state| state.loaded.is_some())
                && states.iter().any(|state| state.problem.is_some())
        })
        .await;
        let loaded = states[0].loaded.as_ref().unwrap();
        assert_eq!((loaded.records, loaded.loaded_by.as_str()), (2, "the daily download"));
        assert!(states[1].problem.as_ref().unwrap().contains("neither a file of EPSS scores"));
        until(&session, "/api/v1/alarms", |alarms: &Page<api::Alarm>| {
            alarms.items.iter().any(|alarm| alarm.what.starts_with("KEV could not be fetched"))
        })
        .await;
    });
}
