//! The pages: built files of `web/` inside the binary, or a word on how to build them.
//!
//! Rust work needs no Node: where `web/dist` is missing at build time, one small page names the command.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, Method, StatusCode, Uri, header};
use rust_embed::Embed;

use crate::problem::Failure;

#[derive(Embed)]
#[folder = "../../web/dist"]
#[allow_missing = true]
struct Built;

const NOT_BUILT: &str = "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Lockstep</title></head>\
    <body><main><h1>Lockstep is running</h1><p>The pages are not part of this build. \
    Build them with <code>cargo xtask ui</code> and build the binary again.</p>\
    <p>The API works: see <a href=\"/api/v1/openapi.json\">its description</a>.</p></main></body></html>";

/// Answers everything that is no route: a built file, the page itself for addresses inside the UI, or 404.
pub(crate) async fn pages(method: Method, uri: Uri) -> Response {
    let path = uri.path().trim_start_matches('/');
    if path.starts_with("api/") || path.starts_with("hooks/") {
        return Failure::not_found("route").into_response();
    }
    if !matches!(method, Method::GET | Method::HEAD) {
        return method_not_allowed().await.into_response();
    }
    if let Some(file) = file(path).filter(|_| !path.is_empty()) {
        return file;
    }
    // Pages below /assets/ are named by ids; files have an ending.
    if path.starts_with("assets/") && path.contains('.') {
        return Failure::not_found("file").into_response();
    }
    file("index.html").unwrap_or_else(|| html(NOT_BUILT))
}

fn file(path: &str) -> Option<Response> {
    let file = Built::get(path)?;
    // File names below assets/ carry a hash of their content.
    let cache = if path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(content_type(path))),
        (header::CACHE_CONTROL, HeaderValue::from_static(cache)),
    ];
    Some((headers, file.data.into_owned()).into_response())
}

fn html(page: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    (headers, page).into_response()
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "json" | "map" | "webmanifest" => "application/json",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// The route exists, but not with this method.
pub(crate) async fn method_not_allowed() -> Failure {
    Failure::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        "Method not allowed",
        "This address does not take this method.",
        "See `GET /api/v1/openapi.json` for the methods of each address.",
    )
}
