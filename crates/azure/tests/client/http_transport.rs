//! The HTTP transport against bare sockets: what is certain, what is not, and where it refuses to go.

use std::net::SocketAddr;
use std::sync::Arc;

use azure::{
    AddressPolicy, Client, ClientConfig, Credential, Error, HttpTransport, Request, Response, SystemClock,
    Transport, TransportError,
};
use bytes::Bytes;
use chrono::{Duration, Utc};
use http::{HeaderMap, Method};
use model::WorkItemId;
use model::board::Change;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

use crate::support::bug_shape;

/// Serves one connection: reads a request up to its last byte, then does what the test wants with the socket.
async fn serve_once<F>(answer: impl FnOnce(TcpStream) -> F + Send + 'static) -> Url
where
    F: Future<Output = ()> + Send,
{
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut seen = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            let text = String::from_utf8_lossy(&seen).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = head
                    .lines()
                    .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok())
                    .unwrap_or(0);
                if body.len() >= length {
                    break;
                }
            }
            match socket.read(&mut buffer).await.unwrap() {
                0 => return,
                count => seen.extend_from_slice(&buffer[..count]),
            }
        }
        answer(socket).await;
    });
    url
}

async fn say(mut socket: TcpStream, words: &[u8]) {
    socket.write_all(words).await.unwrap();
    socket.flush().await.unwrap();
}

fn transport(allowed: &Url) -> HttpTransport {
    HttpTransport::new(AddressPolicy::public_only().allowing(allowed), Arc::new(SystemClock)).unwrap()
}

fn get(url: &Url) -> Request {
    Request {
        method: Method::GET,
        url: url.clone(),
        headers: HeaderMap::new(),
        body: Bytes::new(),
        deadline: Utc::now() + Duration::seconds(10),
    }
}

async fn send(url: &Url) -> Result<Response, TransportError> {
    transport(url).send(get(url)).await
}

fn is_not_sent(result: &Result<Response, TransportError>) -> bool {
    matches!(result, Err(TransportError::NotSent(_)))
}

fn is_no_answer(result: &Result<Response, TransportError>) -> bool {
    matches!(result, Err(TransportError::NoAnswer(_)))
}

/// An address at which nobody listens (any more).
async fn deaf() -> Url {
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap()
}

#[tokio::test]
async fn where_nobody_listens_nothing_was_sent() {
    let result = send(&deaf().await).await;
    assert!(is_not_sent(&result), "{result:?}");
}

#[tokio::test]
async fn a_name_without_an_address_means_nothing_was_sent() {
    let result = send(&"http://no-such-host.invalid/".parse().unwrap()).await;
    assert!(is_not_sent(&result), "{result:?}");
}

#[tokio::test]
async fn internal_addresses_are_refused_as_literals_and_as_names() {
    let elsewhere: Url = "https://dev.azure.com".parse().unwrap();
    for address in ["https://127.0.0.1:1/", "https://[::1]:1/", "https://localhost:1/", "http://127.0.0.1:1/"]
    {
        let result = transport(&elsewhere).send(get(&address.parse().unwrap())).await;
        let Err(TransportError::NotSent(reason)) = &result else { panic!("{address}: {result:?}") };
        assert!(reason.contains("administrator allowed"), "{address}: {reason}");
    }
}

#[tokio::test]
async fn a_request_after_its_deadline_is_not_sent() {
    let url = serve_once(|_| async { panic!("nothing may arrive") }).await;
    let late = Request { deadline: Utc::now() - Duration::seconds(1), ..get(&url) };
    assert!(is_not_sent(&transport(&url).send(late).await));
}

#[tokio::test]
async fn a_connection_that_is_cut_after_the_request_leaves_it_open_whether_it_arrived() {
    let url = serve_once(|socket| async move { drop(socket) }).await;
    let result = send(&url).await;
    assert!(is_no_answer(&result), "{result:?}");
}

#[tokio::test]
async fn half_an_answer_is_no_answer() {
    let url =
        serve_once(|socket| say(socket, b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"id\":")).await;
    let result = send(&url).await;
    assert!(is_no_answer(&result), "{result:?}");
}

#[tokio::test]
async fn silence_until_the_deadline_is_no_answer() {
    let url = serve_once(|socket| async move {
        std::future::pending::<()>().await;
        drop(socket);
    })
    .await;
    let soon = Request { deadline: Utc::now() + Duration::milliseconds(300), ..get(&url) };
    let result = transport(&url).send(soon).await;
    assert!(is_no_answer(&result), "{result:?}");
}

#[tokio::test]
async fn an_answer_without_end_is_not_swallowed() {
    let url = serve_once(|mut socket| async move {
        let _ = socket.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n").await;
        let block = vec![b' '; 1 << 20];
        while socket.write_all(&block).await.is_ok() {}
    })
    .await;
    let result = send(&url).await;
    assert!(is_no_answer(&result), "{result:?}");
}

#[tokio::test]
async fn a_redirect_is_handed_back_and_not_followed() {
    let url = serve_once(|socket| {
        say(socket, b"HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\n\r\n")
    })
    .await;
    assert_eq!(send(&url).await.unwrap().status, 302);
}

#[tokio::test]
async fn a_compressed_answer_is_unpacked() {
    let packed: &[u8] = &[
        31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 171, 86, 42, 75, 204, 41, 77, 85, 178, 138, 142, 173, 5, 0, 66, 234,
        64, 68, 12, 0, 0, 0,
    ];
    let head =
        format!("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n", packed.len());
    let words = [head.as_bytes(), packed].concat();
    let url = serve_once(|socket| async move { say(socket, &words).await }).await;
    assert_eq!(send(&url).await.unwrap().body, "{\"value\":[]}");
}

#[tokio::test]
async fn a_write_whose_connection_is_cut_has_an_unknown_outcome() {
    let url = serve_once(|socket| async move { drop(socket) }).await;
    let config = ClientConfig {
        instance: url.clone(),
        ..ClientConfig::hosted("contoso", Credential::PersonalAccessToken("t".into()))
    };
    let client = Client::new(config, Arc::new(transport(&url)), Arc::new(SystemClock));
    let change = Change { title: Some("x".into()), ..Change::default() };
    let deadline = Utc::now() + Duration::seconds(10);
    let error = client.update(WorkItemId(1), 1, &bug_shape(), &change, deadline).await.unwrap_err();
    assert!(matches!(error, Error::UnknownOutcome { .. }), "{error:?}");
}

#[tokio::test]
async fn through_a_proxy_the_service_is_reached_and_internal_addresses_are_not() {
    let proxy = serve_once(|socket| say(socket, b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi")).await;
    let service: Url = "http://azure-devops.corp.example.com/".parse().unwrap();
    let policy = AddressPolicy::public_only().allowing(&service);
    let transport = HttpTransport::through_proxy(policy, &proxy, Arc::new(SystemClock)).unwrap();
    assert!(is_not_sent(&transport.send(get(&proxy)).await), "the proxy is a way, not a destination");
    assert_eq!(transport.send(get(&service)).await.unwrap().body, "hi");
}
