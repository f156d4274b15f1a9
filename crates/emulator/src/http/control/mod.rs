//! The control API and the pages under `/_emulator` (README.md describes them for their users).

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{OriginalUri, Path, Query, State as Extract},
    http::{HeaderMap, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response as HttpResponse},
    routing::{any, get, post},
};
use chrono::{TimeDelta, Utc};
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

mod access;

use super::{Shared, prepare, sent};
use crate::{
    faults::Fault,
    seed::Seed,
    state::{HookKnobs, Request, State},
};

/// Only own scripts and styles, nothing from elsewhere, no framing.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(super) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/", get(|| async { page(include_str!("../../page/index.html")) }))
        .route("/favicon.ico", get(|| async { StatusCode::NO_CONTENT }))
        .route(
            "/_emulator/board/{org}/{project}/{team}",
            get(|| async { page(include_str!("../../page/board.html")) }),
        )
        .route("/_emulator/assets/{name}", get(asset))
        .route("/_emulator/directory", get(directory))
        .route("/_emulator/changes", get(changes))
        .route("/_emulator/log", get(log))
        .route("/_emulator/counters", get(counters))
        .route("/_emulator/faults", get(list_faults).post(install_fault).delete(clear_faults))
        .route("/_emulator/hooks/{org}", post(set_hooks))
        .merge(access::routes())
        .route("/_emulator/time", get(time).post(advance))
        .route("/_emulator/reset", post(reset))
        .route("/_emulator/act/{identity}/{*target}", any(act))
        .fallback(|| async {
            (StatusCode::NOT_FOUND, Json(json!({"message": "There is no such page or control."})))
        })
        .with_state(shared)
}

/// The control API acts without sign-in: only for this machine, and not for a page of another origin that a
/// browser on this machine has open.
pub(super) fn is_allowed<B>(request: &hyper::Request<B>, peer: SocketAddr) -> bool {
    let header = |name| request.headers().get(name).and_then(|v| v.to_str().ok());
    let Some(host) = header(header::HOST) else { return false };
    let name =
        host.rsplit_once(':').map_or(host, |(name, port)| if port.ends_with(']') { host } else { name });
    let local = name == "localhost"
        || name.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    let same_origin = header(header::ORIGIN).is_none_or(|origin| origin == format!("http://{host}"));
    peer.ip().to_canonical().is_loopback() && local && same_origin
}

pub(super) fn refused() -> HttpResponse {
    let message =
        "The control API and the pages answer only to this machine, under the name localhost or its address.";
    (StatusCode::FORBIDDEN, Json(json!({"message": message}))).into_response()
}

pub(super) fn broken() -> HttpResponse {
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}

fn page(text: &'static str) -> HttpResponse {
    file("text/html; charset=utf-8", text)
}

fn file(content_type: &'static str, text: &'static str) -> HttpResponse {
    let headers = [
        (header::CONTENT_TYPE, content_type),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, text).into_response()
}

async fn asset(Path(name): Path<String>) -> HttpResponse {
    match name.as_str() {
        "emulator.css" => file("text/css; charset=utf-8", include_str!("../../page/emulator.css")),
        "index.js" => file("text/javascript; charset=utf-8", include_str!("../../page/index.js")),
        "board.js" => file("text/javascript; charset=utf-8", include_str!("../../page/board.js")),
        "card.js" => file("text/javascript; charset=utf-8", include_str!("../../page/card.js")),
        "api.js" => file("text/javascript; charset=utf-8", include_str!("../../page/api.js")),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn directory(Extract(shared): Extract<Arc<Shared>>) -> impl IntoResponse {
    Json(json!({"baseUrl": shared.base_url, "organizations": shared.state().directory()}))
}

async fn changes(Extract(shared): Extract<Arc<Shared>>) -> impl IntoResponse {
    Json(json!({"changes": shared.state().changes()}))
}

#[derive(Deserialize)]
struct Since {
    #[serde(default)]
    since: u64,
}

async fn log(Extract(shared): Extract<Arc<Shared>>, Query(query): Query<Since>) -> impl IntoResponse {
    Json(json!({"entries": shared.state().log(query.since)}))
}

async fn counters(Extract(shared): Extract<Arc<Shared>>) -> impl IntoResponse {
    Json(shared.state().counters())
}

async fn list_faults(Extract(shared): Extract<Arc<Shared>>) -> impl IntoResponse {
    Json(json!({"faults": shared.faults().list()}))
}

fn bad_request(message: impl std::fmt::Display) -> HttpResponse {
    (StatusCode::BAD_REQUEST, Json(json!({"message": message.to_string()}))).into_response()
}

fn no_organization(name: &str) -> HttpResponse {
    (StatusCode::NOT_FOUND, Json(json!({"message": format!("There is no organization {name}.")})))
        .into_response()
}

async fn install_fault(Extract(shared): Extract<Arc<Shared>>, body: Bytes) -> HttpResponse {
    let fault: Fault = match serde_json::from_slice(&body) {
        Ok(fault) => fault,
        Err(error) => return bad_request(error),
    };
    match shared.faults().install(fault) {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => bad_request(error),
    }
}

async fn clear_faults(Extract(shared): Extract<Arc<Shared>>) -> StatusCode {
    shared.faults().clear();
    StatusCode::NO_CONTENT
}

async fn set_hooks(
    Extract(shared): Extract<Arc<Shared>>,
    Path(org): Path<String>,
    body: Bytes,
) -> HttpResponse {
    let knobs: HookKnobs = match serde_json::from_slice(&body) {
        Ok(knobs) => knobs,
        Err(error) => return bad_request(error),
    };
    if shared.state().set_hook_knobs(&org, knobs) {
        StatusCode::NO_CONTENT.into_response()
    } else {
        no_organization(&org)
    }
}

async fn time(Extract(shared): Extract<Arc<Shared>>) -> impl IntoResponse {
    Json(json!({"now": shared.state().time(Utc::now())}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Advance {
    advance_seconds: i64,
}

async fn advance(Extract(shared): Extract<Arc<Shared>>, body: Bytes) -> HttpResponse {
    let sent: Advance = match serde_json::from_slice(&body) {
        Ok(sent) => sent,
        Err(error) => return bad_request(error),
    };
    // A hundred years are enough for everybody and keep the arithmetic safe.
    const MOST: i64 = 100 * 365 * 24 * 3600;
    if sent.advance_seconds.abs() > MOST {
        return bad_request(format!("advanceSeconds must be between -{MOST} and {MOST}."));
    }
    shared.state().advance(TimeDelta::seconds(sent.advance_seconds));
    shared.wake();
    Json(json!({"now": shared.state().time(Utc::now())})).into_response()
}

/// Back to the seed; a body is a new seed.
async fn reset(Extract(shared): Extract<Arc<Shared>>, body: Bytes) -> HttpResponse {
    let mut seed = shared.seed.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if !body.is_empty() {
        *seed = match serde_json::from_slice::<Seed>(&body) {
            Ok(seed) => seed,
            Err(error) => return bad_request(error),
        };
    }
    let mut fresh = State::new(&seed, Utc::now());
    prepare(&mut fresh, &shared.base_url, shared.allow_local_hooks);
    *shared.state() = fresh;
    shared.faults().clear();
    shared.wake();
    StatusCode::NO_CONTENT.into_response()
}

/// Any API request as one of the organization's identities, by all its rules.
async fn act(
    Extract(shared): Extract<Arc<Shared>>,
    Path((identity, _)): Path<(Uuid, String)>,
    OriginalUri(uri): OriginalUri,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
) -> HttpResponse {
    let target = acted_path(&uri);
    let known = shared.state().directory().iter().any(|org| org.people.iter().any(|p| p.id == identity));
    let Some(path) = target.filter(|_| known) else {
        return (StatusCode::NOT_FOUND, Json(json!({"message": "There is no such person."}))).into_response();
    };
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let request = Request {
        method: method.as_str().to_owned(),
        path,
        query: uri.query().unwrap_or_default().to_owned(),
        headers: vec![("Content-Type".into(), content_type.to_owned())],
        body: body.to_vec(),
    };
    let response = shared.state().handle_as(Utc::now(), identity, request);
    shared.wake();
    sent(response).map(Body::new)
}

/// The path behind `/_emulator/act/{identity}`, still encoded.
fn acted_path(uri: &Uri) -> Option<String> {
    let rest = uri.path().strip_prefix("/_emulator/act/")?;
    rest.split_once('/').map(|(_, path)| format!("/{path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(host: &str, origin: Option<&str>) -> hyper::Request<()> {
        let mut builder = hyper::Request::builder().uri("/_emulator/reset").header("host", host);
        if let Some(origin) = origin {
            builder = builder.header("origin", origin);
        }
        builder.body(()).unwrap()
    }

    #[test]
    fn the_control_api_answers_this_machine_only() {
        let here: SocketAddr = "127.0.0.1:5000".parse().unwrap();
        let elsewhere: SocketAddr = "192.0.2.1:5000".parse().unwrap();
        assert!(is_allowed(&request("localhost:8080", None), here));
        assert!(is_allowed(&request("[::1]:8080", Some("http://[::1]:8080")), here));
        assert!(!is_allowed(&request("localhost:8080", None), elsewhere));
    }

    #[test]
    fn pages_of_other_origins_and_rebound_names_are_refused() {
        let here: SocketAddr = "127.0.0.1:5000".parse().unwrap();
        assert!(!is_allowed(&request("localhost:8080", Some("http://evil.example")), here));
        assert!(!is_allowed(&request("evil.example:8080", None), here));
    }

    #[test]
    fn acting_keeps_the_encoding_of_the_path() {
        let uri: Uri = "/_emulator/act/5f0c/contoso/_apis/wit/workitems/$User%20Story?x=1".parse().unwrap();
        assert_eq!(acted_path(&uri).as_deref(), Some("/contoso/_apis/wit/workitems/$User%20Story"));
    }
}
