//! Stories of alarms that leave the house: by a signed webhook and by mail, only to addresses that were allowed, again
//! after a failure, and never without an end.

use std::sync::{Arc, Mutex};

use azure::{AddressPolicy, HttpTransport};
use chrono::Duration;
use engine::{Actor, Engine, ImportRequest, NewAlarmTarget, Settings, World};
use secrecy::SecretString;
use serde_json::Value;
use store::alarms::{Kind, Way};
use store::args;
use store::secrets::Keys;
use testkit::{HandClock, Report, SeededChance, TestDatabase, weakness};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use url::Url;
use uuid::Uuid;

fn ada() -> Actor {
    Actor { name: "Ada".into() }
}

/// What arrived: lines of the head, and the body.
type Received = Arc<Mutex<Vec<(Vec<String>, String)>>>;

/// A web server that keeps what it gets, and answers with these statuses in turn, then with 200.
async fn web_server(statuses: &'static [u16]) -> (Url, Received) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/in", listener.local_addr().unwrap()).parse().unwrap();
    let received = Received::default();
    let kept = received.clone();
    tokio::spawn(async move {
        let mut statuses = statuses.iter();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let mut stream = BufReader::new(stream);
            let mut head = Vec::new();
            loop {
                let mut line = String::new();
                stream.read_line(&mut line).await.unwrap();
                if line.trim().is_empty() {
                    break;
                }
                head.push(line.trim().to_ascii_lowercase());
            }
            let length = head.iter().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
            let mut body = vec![0; length.parse().unwrap()];
            stream.read_exact(&mut body).await.unwrap();
            kept.lock().unwrap().push((head, String::from_utf8(body).unwrap()));
            let status = statuses.next().copied().unwrap_or(200);
            let answer = format!("HTTP/1.1 {status} x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (url, received)
}

/// A mail server that keeps what it gets.
async fn mail_server() -> (u16, Received) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let received = Received::default();
    let kept = received.clone();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let mut stream = BufReader::new(stream);
            stream.write_all(b"220 mail.example\r\n").await.unwrap();
            let (mut envelope, mut text) = (Vec::new(), String::new());
            loop {
                let mut line = String::new();
                if stream.read_line(&mut line).await.unwrap() == 0 {
                    break;
                }
                let command = line.trim().to_owned();
                let answer = match command.to_ascii_uppercase().split([' ', ':']).next().unwrap_or_default() {
                    "EHLO" | "HELO" => "250 mail.example\r\n",
                    "DATA" => {
                        stream.write_all(b"354 go on\r\n").await.unwrap();
                        loop {
                            let mut line = String::new();
                            stream.read_line(&mut line).await.unwrap();
                            if line == ".\r\n" {
                                break;
                            }
                            text.push_str(&line);
                        }
                        kept.lock().unwrap().push((std::mem::take(&mut envelope), std::mem::take(&mut text)));
                        "250 taken\r\n"
                    }
                    "QUIT" => {
                        stream.write_all(b"221 bye\r\n").await.unwrap();
                        break;
                    }
                    _ => {
                        envelope.push(command);
                        "250 ok\r\n"
                    }
                };
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        }
    });
    (port, received)
}

struct House {
    engine: Engine,
    clock: Arc<HandClock>,
    folder: tempfile::TempDir,
    _database: TestDatabase,
}

/// An engine that may send alarms to these addresses.
async fn house(allowed: &[Url]) -> House {
    let clock = Arc::new(HandClock::default());
    let database = TestDatabase::sqlite().await;
    let folder = tempfile::tempdir().unwrap();
    let policy = allowed.iter().fold(AddressPolicy::default(), |policy, url| policy.allowing(url));
    let transport = HttpTransport::new(policy, clock.clone()).unwrap();
    let settings = Settings {
        alarm_addresses: allowed.to_vec(),
        ..Settings::new(folder.path().to_owned(), "https://lockstep.example/".parse().unwrap())
    };
    let world = World::new(clock.clone(), Arc::new(SeededChance::new(7)));
    let keys = Keys::new([7; 32]);
    let engine =
        Engine::assemble(settings, database.db.clone(), keys, world, Arc::new(transport), Uuid::from_u128(1));
    House { engine, clock, folder, _database: database }
}

impl House {
    /// A scan that sees nothing of what thirty findings were before: it is quarantined.
    async fn a_scan_collapses(&self) {
        let found: Vec<Value> = (0..30).map(|n| weakness(&format!("w{n}"), &format!("{n}.js"), 1)).collect();
        for findings in [found.as_slice(), &[]] {
            self.clock.advance(Duration::minutes(1));
            let path = self.folder.path().join(format!("upload-{}", Uuid::new_v4()));
            std::fs::write(&path, Report::of(azure::Clock::now(&*self.clock), findings).bytes()).unwrap();
            let request = ImportRequest { asset: "shop".into(), ..ImportRequest::default() };
            self.engine.submit_import(request, path, &ada()).await.unwrap();
            while self.engine.run_next_job().await.unwrap() {}
        }
        self.engine.survey_alarms().await.unwrap();
    }

    async fn states(&self) -> Vec<String> {
        let mut tx = self.engine.db().read().await.unwrap();
        let rows = tx.all("SELECT state FROM alarm_delivery ORDER BY id", args![]).await.unwrap();
        rows.iter().map(|row| row.text("state").unwrap()).collect()
    }
}

fn webhook(url: &Url, secret: Option<&str>) -> NewAlarmTarget {
    let secret = secret.map(SecretString::from);
    NewAlarmTarget { name: "chat".into(), way: Way::Webhook { url: url.to_string() }, secret }
}

#[tokio::test]
async fn an_alarm_arrives_once_at_a_webhook_signed_and_again_when_it_is_over() {
    let (url, received) = web_server(&[]).await;
    let house = house(std::slice::from_ref(&url)).await;
    let (_, shown) = house.engine.create_alarm_target(webhook(&url, Some("key")), &ada()).await.unwrap();
    assert_eq!(shown, None, "a key that was given is not shown");
    house.a_scan_collapses().await;
    assert_eq!(house.engine.deliver_alarms().await.unwrap(), 1);
    house.engine.survey_alarms().await.unwrap();
    assert_eq!(house.engine.deliver_alarms().await.unwrap(), 0, "said once");
    let (head, body) = received.lock().unwrap()[0].clone();
    let message: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        (message["event"].as_str(), message["kind"].as_str()),
        (Some("raised"), Some("scan_quarantined"))
    );
    assert!(message["link"].as_str().unwrap().starts_with("https://lockstep.example/scans/"), "{message}");
    assert!(!message["what"].as_str().unwrap().contains('\n'), "{message}");
    let header = |name: &str| {
        head.iter().find_map(|line| line.strip_prefix(&format!("{name}: "))).unwrap_or_default().to_owned()
    };
    let signed = format!("{}.{body}", header("x-lockstep-timestamp"));
    assert_eq!(header("x-lockstep-signature"), format!("v1={}", by_hand("key", &signed)));

    let mut tx = house.engine.db().read().await.unwrap();
    let scan = tx.first("SELECT id FROM scan WHERE state = 'quarantined'", args![]).await.unwrap().unwrap();
    drop(tx);
    house.engine.confirm_scan(scan.id("id").unwrap(), &ada()).await.unwrap();
    house.engine.survey_alarms().await.unwrap();
    assert_eq!(house.engine.deliver_alarms().await.unwrap(), 1);
    let (_, body) = received.lock().unwrap()[1].clone();
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap()["event"], "cleared");
    let mut tx = house.engine.db().read().await.unwrap();
    assert!(store::alarms::open(&mut tx, Kind::ScanQuarantined).await.unwrap().is_empty());
}

/// HMAC-SHA256 as RFC 2104 writes it down.
fn by_hand(key: &str, text: &str) -> String {
    use sha2::{Digest, Sha256};
    let mut block = [0_u8; 64];
    block[..key.len()].copy_from_slice(key.as_bytes());
    let pad = |byte: u8| block.iter().map(|b| b ^ byte).collect::<Vec<u8>>();
    let inner = Sha256::digest([pad(0x36), text.as_bytes().to_vec()].concat());
    hex::encode(Sha256::digest([pad(0x5c), inner.to_vec()].concat()))
}

#[tokio::test]
async fn a_webhook_that_fails_is_tried_again_later_and_given_up_at_last() {
    let (url, received) = web_server(&[503; 40]).await;
    let house = house(std::slice::from_ref(&url)).await;
    house.engine.create_alarm_target(webhook(&url, None), &ada()).await.unwrap();
    house.a_scan_collapses().await;
    for _ in 0..5 {
        house.engine.deliver_alarms().await.unwrap();
    }
    assert_eq!(received.lock().unwrap().len(), 1, "not at once");
    house.clock.advance(Duration::seconds(13));
    house.engine.deliver_alarms().await.unwrap();
    assert_eq!(received.lock().unwrap().len(), 2);
    for _ in 0..30 {
        house.clock.advance(Duration::hours(3));
        house.engine.deliver_alarms().await.unwrap();
    }
    let states = house.states().await;
    assert_eq!((received.lock().unwrap().len(), states), (12, vec!["given_up".to_owned()]));
    let mut tx = house.engine.db().read().await.unwrap();
    let targets = store::alarms::targets(&mut tx).await.unwrap();
    assert_eq!(targets[0].problem.as_deref(), Some("it answered 503"));
    let raw = String::from_utf8_lossy(&targets[0].secret).into_owned();
    assert!(!raw.contains("key"), "the secret is sealed");
}

#[tokio::test]
async fn alarms_are_sent_nowhere_that_the_operator_did_not_allow() {
    let (url, received) = web_server(&[]).await;
    let allowed: Url = "https://chat.example".parse().unwrap();
    let house = house(&[allowed]).await;
    let refused = house.engine.create_alarm_target(webhook(&url, None), &ada()).await.unwrap_err();
    assert!(refused.next_step.contains("--allow-alarm-address"), "{}", refused.next_step);
    for address in [
        "https://chat.example:8443/in",
        "http://chat.example/in",
        "https://chat.example.evil/in",
        "file:///x",
    ] {
        let way = Way::Webhook { url: address.into() };
        let new = NewAlarmTarget { name: "x".into(), way, secret: None };
        assert!(house.engine.create_alarm_target(new, &ada()).await.is_err(), "{address}");
    }
    assert!(
        house
            .engine
            .create_alarm_target(webhook(&"https://chat.example/in".parse().unwrap(), None), &ada())
            .await
            .is_ok()
    );
    assert!(received.lock().unwrap().is_empty());
}

#[tokio::test]
async fn an_alarm_and_a_test_arrive_by_mail() {
    let (port, received) = mail_server().await;
    let house = house(&[format!("smtp://127.0.0.1:{port}").parse().unwrap()]).await;
    let way = Way::Mail {
        host: "127.0.0.1".into(),
        port,
        implicit_tls: false,
        user: String::new(),
        from: "lockstep@example.com".into(),
        to: vec!["security@example.com".into(), "ops@example.com".into()],
    };
    let new = NewAlarmTarget { name: "mail".into(), way, secret: None };
    let (id, _) = house.engine.create_alarm_target(new, &ada()).await.unwrap();
    house.engine.test_alarm_target(id).await.unwrap();
    house.a_scan_collapses().await;
    assert_eq!(house.engine.deliver_alarms().await.unwrap(), 1, "{:?}", house.states().await);
    let mails = received.lock().unwrap().clone();
    assert_eq!(mails.len(), 2);
    assert!(mails[0].1.contains("Subject: [Lockstep] Test"), "{}", mails[0].1);
    let (envelope, text) = &mails[1];
    assert_eq!(envelope.iter().filter(|line| line.starts_with("RCPT")).count(), 2, "{envelope:?}");
    assert!(text.contains("Subject: [Lockstep] Scan quarantined"), "{text}");
    assert!(text.contains("https://lockstep.example/scans/"), "{text}");
    assert!(!text.lines().any(|line| line.starts_with("Bcc:")), "{text}");
}
