//! Exports: what leaves as a file, for whom, how much of it at a time, and what is written down about it.

use std::time::Duration;

use crate::support::{Server, Session, on_every_database, problem};
use api::Role;
use chrono::Utc;
use model::{AssetId, FindingId, Status};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use store::args;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use uuid::Uuid;

const FORMATS: [(&str, &str, &str); 5] = [
    ("csv", "text/csv; charset=utf-8; header=present", ".csv"),
    ("json", "application/json", ".json"),
    ("sarif", "application/sarif+json", ".sarif"),
    ("openvex", "application/json", ".openvex.json"),
    ("cyclonedx", "application/vnd.cyclonedx+json; version=1.6", ".cdx.json"),
];

/// Findings of one asset as a test needs them.
struct Seeds<'a> {
    title: &'a str,
    status: Status,
    description: String,
    count: usize,
}

impl Default for Seeds<'_> {
    fn default() -> Self {
        Self { title: "Weakness", status: Status::Identified, description: String::new(), count: 1 }
    }
}

#[expect(clippy::unwrap_used, reason = "test support")]
async fn seed(server: &Server, asset: AssetId, seeds: Seeds<'_>) -> Vec<FindingId> {
    let detail = json!({
        "kind": "component", "severity": "high", "title": seeds.title,
        "vulnerability": {"id": "CVE-2026-1234", "description": seeds.description},
        "component": {"name": "lodash", "version": "4.17.20", "purl": "pkg:npm/lodash@4.17.20"},
    });
    let mut tx = server.db.begin().await.unwrap();
    tx.execute(
        "INSERT INTO asset (id, name, name_folded, tags, tracked_branches, created_at) VALUES ($1, $2, $3, '[]', $4, $5)
         ON CONFLICT DO NOTHING",
        args![asset, asset.to_string(), asset.to_string(), r#"["main"]"#, Utc::now()],
    )
    .await
    .unwrap();
    let mut ids = Vec::new();
    for number in 0..seeds.count {
        let id = FindingId(Uuid::now_v7());
        tx.execute(
            "INSERT INTO finding (id, asset_id, fingerprint, place_key, kind, severity, title, vulnerability_id, place, \
             scanner, status, triage, first_seen_at, last_seen_at, open_since, detail, search, undecided) \
             VALUES ($1, $2, $3, 'p', 'component', $4, $5, 'CVE-2026-1234', 'lodash 4.17.20', 'Test', $6, $7, 1, 2, 1, $8, \
             $9, $10)",
            args![
                id,
                asset,
                format!("1:{id}"),
                i64::try_from(number % 5).unwrap(),
                seeds.title,
                seeds.status.as_str(),
                r#"{"decision":"confirmed","reason":"Because."}"#,
                detail.to_string(),
                seeds.title.to_lowercase(),
                false
            ],
        )
        .await
        .unwrap();
        ids.push(id);
    }
    tx.commit().await.unwrap();
    ids
}

fn asset() -> AssetId {
    AssetId(Uuid::now_v7())
}

#[expect(clippy::unwrap_used, reason = "test support")]
async fn export(session: &Session<'_>, query: &str) -> Response {
    session.call(Method::GET, &format!("/api/v1/findings/export?{query}")).send().await.unwrap()
}

#[expect(clippy::unwrap_used, reason = "test support")]
async fn whole(session: &Session<'_>, query: &str) -> String {
    let answer = export(session, query).await;
    assert_eq!(answer.status(), StatusCode::OK, "{query}");
    answer.text().await.unwrap()
}

#[expect(clippy::unwrap_used, reason = "test support")]
async fn json(session: &Session<'_>, query: &str) -> Value {
    serde_json::from_str(&whole(session, query).await).unwrap()
}

/// What the audit log says of exports, oldest first: who, and what.
#[expect(clippy::unwrap_used, reason = "test support")]
async fn audit(server: &Server) -> Vec<(String, String)> {
    let mut tx = server.db.read().await.unwrap();
    let rows = tx
        .all("SELECT cause_label, what FROM audit WHERE subject = 'export' ORDER BY id", vec![])
        .await
        .unwrap();
    rows.iter().map(|row| (row.text("cause_label").unwrap(), row.text("what").unwrap())).collect()
}

/// Waits until the audit log holds that many entries of exports.
#[expect(clippy::unwrap_used, reason = "test support")]
async fn audit_of(server: &Server, entries: usize) -> Vec<(String, String)> {
    tokio::time::timeout(Duration::from_secs(30), async {
        loop {
            let said = audit(server).await;
            if said.len() >= entries {
                return said;
            }
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap()
}

/// Begins an export and takes only its first bytes. What the operating system takes meanwhile is kept small.
#[expect(clippy::unwrap_used, reason = "test support")]
async fn one_who_reads_no_further(server: &Server, session: &Session<'_>) -> TcpStream {
    let url = &server.running.url;
    let address = url.socket_addrs(|| None).unwrap()[0];
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(16 * 1024).unwrap();
    let mut stream = socket.connect(address).await.unwrap();
    let request = format!(
        "GET /api/v1/findings/export?format=json HTTP/1.1\r\nHost: {address}\r\nCookie: {}\r\n\r\n",
        session.cookie
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut start = [0; 15];
    stream.read_exact(&mut start).await.unwrap();
    assert_eq!(&start, b"HTTP/1.1 200 OK");
    stream
}

#[test]
fn every_format_is_a_file_to_save_for_whoever_may_read() {
    on_every_database(|server| async move {
        seed(&server, asset(), Seeds::default()).await;
        let reader = server.token(Role::Reader).await;
        for (format, media_type, ending) in FORMATS {
            let path = format!("/api/v1/findings/export?format={format}");
            let answer = server.call(Method::GET, &path).bearer_auth(&reader).send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::OK);
            assert_eq!(answer.headers()["content-type"], media_type);
            let disposition = answer.headers()["content-disposition"].to_str().unwrap();
            assert!(disposition.starts_with("attachment; filename=\"lockstep-findings-"), "{disposition}");
            assert!(disposition.ends_with(&format!("{ending}\"")), "{disposition}");
            assert_eq!(answer.headers()["cache-control"], "no-store");
            assert!(answer.text().await.unwrap().contains("CVE-2026-1234"));

            let refused = server.call(Method::GET, &path).send().await.unwrap();
            assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
        }
        let session = server.session().await;
        for query in ["", "format=pdf", "format=csv&status=gone", "format=csv&asset=x"] {
            let refused = export(&session, query).await;
            assert_eq!(refused.status(), StatusCode::BAD_REQUEST, "{query}");
            problem(refused).await;
        }
    });
}

#[test]
fn an_export_holds_what_the_list_shows_in_its_order_however_many_they_are() {
    on_every_database(|server| async move {
        let (shop, web) = (asset(), asset());
        seed(&server, shop, Seeds { count: 430, ..Seeds::default() }).await;
        seed(&server, web, Seeds { count: 30, status: Status::Fixed, title: "Leak", ..Seeds::default() })
            .await;
        let session = server.session().await;
        for (filter, count) in [
            (String::new(), 460),
            ("&status=open".into(), 430),
            ("&severity=critical,info".into(), 184),
            (format!("&asset={shop}"), 430),
            ("&q=LEAK&status=fixed,created".into(), 30),
            ("&q=nothing".into(), 0),
        ] {
            let exported = json(&session, &format!("format=json{filter}")).await;
            let exported: Vec<&Value> = exported.as_array().unwrap().iter().map(|one| &one["id"]).collect();
            assert_eq!(exported.len(), count, "{filter}");
            let mut listed: Vec<Value> = Vec::new();
            let mut cursor = String::new();
            loop {
                let path = format!("/api/v1/findings?limit=200{filter}&cursor={cursor}");
                let page: Value =
                    session.call(Method::GET, &path).send().await.unwrap().json().await.unwrap();
                listed.extend(page["items"].as_array().unwrap().iter().map(|one| one["id"].clone()));
                match page["next_cursor"].as_str() {
                    Some(next) => cursor = next.to_owned(),
                    None => break,
                }
            }
            assert_eq!(exported, listed.iter().collect::<Vec<_>>(), "{filter}");
            let csv = whole(&session, &format!("format=csv{filter}")).await;
            assert_eq!(csv.lines().count(), count + 1, "{filter}");
        }
        let first = json(&session, "format=json").await[0].clone();
        let path = format!("/api/v1/findings/{}", first["id"].as_str().unwrap());
        let shown: Value = session.call(Method::GET, &path).send().await.unwrap().json().await.unwrap();
        assert_eq!(first, shown, "a finding is said as the API says it");
    });
}

#[test]
fn sarif_holds_open_findings_and_vex_what_was_decided_whatever_else_is_asked_for() {
    on_every_database(|server| async move {
        let shop = asset();
        for status in Status::ALL {
            seed(&server, shop, Seeds { status, ..Seeds::default() }).await;
        }
        let session = server.session().await;
        let log = json(&session, "format=sarif").await;
        let run = &log["runs"][0];
        assert_eq!(run["results"].as_array().unwrap().len(), 5);
        assert_eq!(
            run["tool"]["driver"]["rules"].as_array().unwrap().len(),
            1,
            "what was laid aside is there"
        );
        let log = json(&session, "format=sarif&status=fixed,created").await;
        assert_eq!(log["runs"][0]["results"].as_array().unwrap().len(), 1);
        let log = json(&session, "format=sarif&status=fixed").await;
        assert_eq!(log["runs"][0]["results"], json!([]));

        let document = json(&session, "format=openvex").await;
        let said: Vec<&str> = document["statements"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["status"].as_str().unwrap())
            .collect();
        let mut expected = vec!["not_affected", "fixed", "under_investigation"];
        expected.extend(["affected"; 5]);
        assert_eq!(said, expected, "the more cautious come last");
        let bom = json(&session, "format=cyclonedx&status=false_positive").await;
        assert_eq!(bom["vulnerabilities"].as_array().unwrap().len(), 1);
        assert_eq!(bom["vulnerabilities"][0]["analysis"]["detail"], "Because.");
        assert_eq!(bom["components"][0]["purl"], "pkg:npm/lodash@4.17.20");
    });
}

#[test]
fn hostile_text_stays_text_in_every_format() {
    on_every_database(|server| async move {
        let title = "=cmd|'/c calc'!A1 <img src=x onerror=alert(1)>,\"\u{1b}[31m\r\n+1; [x](javascript:1)";
        seed(&server, asset(), Seeds { title, description: title.to_owned(), ..Seeds::default() }).await;
        let session = server.session().await;
        for (format, ..) in FORMATS {
            let text = whole(&session, &format!("format={format}")).await;
            assert!(!text.contains('\u{1b}'), "{format}");
            if format == "csv" {
                assert!(
                    text.contains(",\"'=cmd|'/c calc'!A1 <img src=x onerror=alert(1)>,\"\"[31m\n+1;"),
                    "{text}"
                );
            } else {
                let value: Value = serde_json::from_str(&text).unwrap();
                // What the API says is said as it is; JSON has its own way to write control characters.
                assert!(format == "json" || !value.to_string().contains("\\u001b"), "{format}");
            }
        }
    });
}

#[test]
fn every_export_is_written_down_once_with_who_what_and_how_many() {
    on_every_database(|server| async move {
        let shop = asset();
        seed(&server, shop, Seeds { count: 3, ..Seeds::default() }).await;
        let session = server.session().await;
        whole(&session, "format=csv").await;
        whole(&session, &format!("format=openvex&asset={shop}&severity=info&q=weak%0Aness")).await;
        let said = audit(&server).await;
        assert_eq!(
            said,
            [
                ("admin".to_owned(), "exported 3 findings as csv".to_owned()),
                (
                    "admin".to_owned(),
                    format!("exported 0 findings as openvex (severity info; asset {shop}; text weakness)")
                ),
            ]
        );
    });
}

#[test]
fn what_breaks_on_the_way_cuts_the_file_off_and_is_written_down() {
    on_every_database(|server| async move {
        let ids = seed(&server, asset(), Seeds { count: 500, ..Seeds::default() }).await;
        // The list ends with the oldest of those that are informational.
        server.sql("UPDATE finding SET detail = 'broken' WHERE id = $1", args![ids[0]]).await;
        let session = server.session().await;
        let answer = export(&session, "format=csv").await;
        assert_eq!(answer.status(), StatusCode::OK, "it had begun");
        assert!(answer.text().await.is_err(), "nobody takes it for the whole");
        let said = audit_of(&server, 1).await;
        assert_eq!(said[0].1, "began to export findings as csv; something broke after 400");
    });
}

#[test]
fn callers_who_leave_end_their_exports_and_more_than_four_at_a_time_are_refused() {
    on_every_database(|server| async move {
        let description = "x".repeat(20_000);
        seed(&server, asset(), Seeds { count: 1_000, description, ..Seeds::default() }).await;
        let session = server.session().await;
        let mut open = Vec::new();
        for _ in 0..4 {
            open.push(one_who_reads_no_further(&server, &session).await);
        }
        let refused = export(&session, "format=json").await;
        assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(refused.headers()["retry-after"], "10");
        assert_eq!(problem(refused).await.code, "too_many_exports");

        drop(open);
        for (_, what) in audit_of(&server, 4).await {
            assert!(what.contains("the caller left after"), "{what}");
        }
        let free = async {
            loop {
                let answer = export(&session, "format=json").await;
                if answer.status() == StatusCode::OK {
                    return answer.json::<Value>().await.unwrap();
                }
            }
        };
        let exported = tokio::time::timeout(Duration::from_secs(30), free).await.unwrap();
        assert_eq!(exported.as_array().unwrap().len(), 1_000);
    });
}
