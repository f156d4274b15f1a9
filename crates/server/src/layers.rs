//! What every request passes: an id and a span for the log, a time limit, and the headers that keep browsers careful.

use std::time::Duration;

use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{self, HeaderName};
use http::{HeaderValue, Method, StatusCode};
use tokio::time::Instant;
use tracing::Instrument as _;
use uuid::Uuid;

use crate::problem::Failure;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Gives a request its id, its span in the log, and its time limit.
///
/// The span names the route, never the address as it was sent: paths and queries may hold secrets.
pub(crate) async fn trace(request: Request, next: Next) -> Response {
    let id = Uuid::now_v7();
    let route = request.extensions().get::<MatchedPath>().map_or("-", MatchedPath::as_str).to_owned();
    let method = request.method().clone();
    let span = tracing::info_span!("request", %id, %method, %route, caller = tracing::field::Empty);
    let limit = time_limit(&method, &route);
    async move {
        let began = Instant::now();
        let mut response = match tokio::time::timeout(limit, next.run(request)).await {
            Ok(response) => response,
            Err(_) => Failure::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "timeout",
                "It took too long",
                &format!("The request was not done after {} seconds and was given up.", limit.as_secs()),
                "Try again; if it stays, look at the server's log.",
            )
            .into_response(),
        };
        let status = response.status().as_u16();
        let milliseconds = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        if response.status().is_server_error() {
            tracing::warn!(status, milliseconds, "answered");
        } else {
            tracing::debug!(status, milliseconds, "answered");
        }
        if let Ok(value) = HeaderValue::from_str(&id.to_string()) {
            response.headers_mut().insert(REQUEST_ID, value);
        }
        response
    }
    .instrument(span)
    .await
}

/// How long a route may take until its answer begins.
fn time_limit(method: &Method, route: &str) -> Duration {
    Duration::from_secs(match route {
        "/api/v1/imports" | "/api/v1/imports/plan" => 30 * 60,
        // These talk to the board, which may be slow or ask us to wait.
        "/api/v1/plan"
        | "/api/v1/rules/plan"
        | "/api/v1/rules/check"
        | "/api/v1/rules/counts"
        | "/api/v1/destinations/check"
        | "/api/v1/destinations/{id}/plan" => 5 * 60,
        route if route.starts_with("/api/v1/connections") || route.starts_with("/api/v1/destinations") => {
            2 * 60
        }
        _ if *method == Method::GET => 30,
        _ => 60,
    })
}

/// Headers that every answer carries.
pub(crate) async fn careful_headers(request: Request, next: Next) -> Response {
    let is_api = request.uri().path().starts_with("/api/");
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; \
             base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
        ),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if is_api && !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}
